"""What a run in shards will read, write and take, told before it: from shapes, and from a small part of the image."""

import math
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...contract.progress import run_to_end
from ...contract.reach import size
from ...engine.boxes import BoxArray, BoxRecall
from ...engine.chunks import as_numpy
from ...engine.forecast import duration, passes_of, size_in_words
from ...engine.run import largest_block
from ...engine.threads import cores
from ...io.image import Image
from ...io.zarr.encoding import encoded_shard
from ...io.zarr.layout import Layout, layout_of
from ...recipe.recipe import Recipe
from .choices import ShardChoices, Source
from .opened import Opening
from .passes import Probe
from .run import bound_of
from .stage import Stage

BASE = 2**28  # bytes of the interpreter, the libraries and compiled kernels
MOST_TASKS = 2048  # whose chunks are looked at
SAMPLE = 2**21  # pixels of the part that is computed to see how long it takes


@dataclass(frozen=True)
class ShardForecast:
    """What a run will take.

    Attributes
    ----------
    tasks
        Shards that it writes, those of intermediates too.
    passes
        How often all pixels of a step's image are read before the step can begin, about.
    read, written
        Bytes of pixels that are read, chunks that are decoded twice counted twice, and that are written, before they
        are compressed.
    overlap
        How often a chunk is decoded while the result is written.
    memory
        Bytes that the process takes, about.
    cuts
        Steps before which an intermediate may be written.
    seconds
        How long it takes, about, judged by a small part of the image; None if that cannot be computed alone.
    shards, chunks, levels
        How the result is stored.
    """

    tasks: int
    passes: int
    read: int
    written: int
    overlap: float
    memory: int
    cuts: tuple[int, ...]
    seconds: float | None
    shards: tuple[int, ...]
    chunks: tuple[int, ...]
    levels: int

    @property
    def text(self) -> str:
        """What it takes, in words."""
        parts = [
            f"{self.tasks} shards of {' x '.join(map(str, self.shards))} pixels",
            f"{size_in_words(self.read)} read (chunks decoded {self.overlap:.2g} times)",
            f"{size_in_words(self.written)} written before compression", f"{size_in_words(self.memory)} of memory",
        ]  # fmt: skip
        if self.passes:
            parts.append(f"{self.passes} passes over the image first")
        if self.cuts:
            parts.append(f"intermediates before steps {', '.join(map(str, self.cuts))}")
        if self.seconds is not None:
            parts.append(f"about {duration(self.seconds)}")
        return "; ".join(parts)


def forecast_shards(
    recipe: Recipe, source: Source, output: Path, *, inputs: Mapping[str, Source] | None = None,
    choices: ShardChoices | None = None, threads: int | None = None, memory: int | None = None,
    scheduler: str | None = None, restart: bool = False, overwrite: bool = False,
) -> ShardForecast:  # fmt: skip
    """Return what `run_in_shards` will read, write and take with the same arguments; nothing is written.

    Raises
    ------
    ValueError
        If a step cannot be applied.
    """
    choices, threads = choices or ShardChoices(), threads or cores()
    bound = bound_of(memory)
    image, further = source.open(), {name: of.open() for name, of in (inputs or {}).items()}
    opening = Opening(recipe, image, further, choices, Probe(), threads)
    passes, cuts, read, written, tasks, working = 0, list[int](), 0, 0, 0, 0
    for number, step in [*opening.chain.steps()]:
        link = run_to_end(opening.chain.prepare(number, step, threads, None, BoxRecall(), sketched=True))
        count = passes_of(link.plan)
        if _is_cut(opening, number, count, choices):
            stage = opening.stage(Path(os.devnull), f"step {number}", levels=1, codec="none")
            cuts.append(number)
            read += _reading(stage, bound)[0]
            written, tasks = written + stage.nbytes, tasks + len(stage.boxes)
            opening.chain.state = replace(opening.chain.state, array=_Unwritten(stage.layout, image), levels=())
            opening.members = []
            link = run_to_end(opening.chain.prepare(number, step, threads, None, BoxRecall(), sketched=True))
        before = link.before.array
        read += count * math.prod(before.shape) * np.dtype(before.dtype).itemsize
        passes += count
        working = max(working, largest_block(link.plan))
        array = BoxArray(link.plan)
        opening.members.append((link, array))
        opening.chain.add(link, array)
    last = opening.stage(
        Path(os.devnull), "result", levels=choices.levels, shards=choices.shards, chunks=choices.chunks,
        version=choices.version, codec=choices.codec,
    )  # fmt: skip
    of_result, overlap, held, largest = _reading(last, bound)
    shard = math.prod(map(min, last.layout.shards, last.layout.shape)) * last.layout.dtype.itemsize
    levels = sum(math.prod(shape) for shape in last.layout.level_shapes) * last.layout.dtype.itemsize
    return ShardForecast(
        tasks + len(last.boxes), passes, read + of_result, written + levels, overlap,
        BASE + held + threads * (2 * largest + 2 * shard + working), tuple(cuts),
        _seconds(recipe, image, further, choices, threads, overlap), last.layout.shards, last.layout.chunks,
        last.layout.levels,
    )  # fmt: skip


def _is_cut(opening: Opening, number: int, passes: int, choices: ShardChoices) -> bool:
    if not opening.members or choices.cuts == "none":
        return False
    if choices.cuts == "auto":
        return bool(passes) and not opening.is_pointwise
    return number in choices.cuts


class _Unwritten:
    """An intermediate that is not there, of which only the shape matters."""

    def __init__(self, layout: Layout, image: Image) -> None:
        self.shape = tuple(
            layout.shape[layout.order.index(k)] if layout.order else n for k, n in enumerate(layout.shape)
        )
        self.dtype = layout.dtype
        order = layout.order or tuple(range(len(self.shape)))
        self.chunks = tuple(layout.chunks[order.index(k)] for k in range(len(self.shape)))

    def __getitem__(self, key: Any) -> Any:
        raise AssertionError("an intermediate that is only forecast holds no pixels")


def _reading(stage: Stage, bound: int) -> tuple[int, float, int, int]:
    """Return the bytes that a stage reads, how often it decodes a chunk, and the bytes kept, and for a task."""
    order = stage.order()
    some = order[:MOST_TASKS]
    reads = [stage.reads(number) for number in some]
    if not any(reads):
        return stage.nbytes, 1.0, 0, stage.nbytes // max(len(order), 1)
    chunks = [_chunks(boxes) for boxes in reads]
    decoded, held = decoding(chunks, bound)
    once = sum({chunk: nbytes for of_task in chunks for chunk, nbytes in of_task.items()}.values())
    largest = max(sum(math.prod(size(box)) * array.dtype.itemsize for array, box in boxes) for boxes in reads)
    share = len(order) / len(some)
    return int(decoded * share), decoded / max(once, 1), held, largest


def _chunks(boxes: Iterable[tuple[Any, Any]]) -> dict[Any, int]:
    """Return the bytes of the chunks that boxes of arrays overlap, by what stands for them."""
    found = {}
    for array, box in boxes:
        ranges = array.grid.covering(box)
        for number in np.ndindex(*(j - i for i, j in ranges)):
            chunk = tuple(i + k for (i, _), k in zip(ranges, number, strict=True))
            found[id(array), chunk] = math.prod(size(array.grid.box(chunk))) * array.dtype.itemsize
    return found


def decoding(chunks: Sequence[Mapping[Any, int]], bound: int) -> tuple[int, int]:
    """Return how many bytes are decoded by tasks one after the other, and how many are kept at most.

    Chunks are kept for later tasks, up to a number of bytes; beyond it, those go that are needed last.
    """
    uses: dict[Any, list[int]] = {}
    for task in range(len(chunks) - 1, -1, -1):
        for chunk in chunks[task]:
            uses.setdefault(chunk, []).append(task)
    kept: dict[Any, int] = {}
    decoded = most = 0
    for task, needed in enumerate(chunks):
        for chunk, nbytes in needed.items():
            uses[chunk].pop()
            if chunk not in kept:
                decoded += nbytes
                kept[chunk] = nbytes
            if not uses[chunk]:
                del kept[chunk]
        held = sum(kept.values())
        if held > bound:
            for chunk in sorted(kept, key=lambda c: uses[c][-1], reverse=True):
                if held <= bound:
                    break
                held -= kept.pop(chunk)
        most = max(most, held)
        assert task >= 0
    return decoded, most


def bare(image: Image, part: Any) -> Image:
    """Return a part of an image as an image of its own, with axes and pixel sizes alone."""
    return Image(part, image.axes, image.scale, image.units, image.channel_axis)


def _seconds(
    recipe: Recipe, image: Image, further: Mapping[str, Image], choices: ShardChoices, threads: int, overlap: float
) -> float | None:
    """Judge how long a run takes by a part of the image: reading, computing and compressing it."""
    if any(step.where or step.images for step in recipe.steps):
        return None
    axes = [k for k, name in enumerate(image.axes) if name in ("z", "y", "x") or k == image.channel_axis]
    lengths = [n if k == image.channel_axis else 1 for k, n in enumerate(image.shape)]
    while 2 * math.prod(lengths) <= SAMPLE:
        left = [k for k in axes if lengths[k] < image.shape[k]]
        if not left:
            break
        axis = min(left, key=lambda k: lengths[k] * (4 if image.axes[k] == "z" else 1))
        lengths[axis] = min(2 * lengths[axis], image.shape[axis])
    key = tuple(slice((n - m) // 2, (n - m) // 2 + m) for n, m in zip(image.shape, lengths, strict=True))
    try:
        began = time.perf_counter()
        part = np.ascontiguousarray(as_numpy(image.array, key))
        reading = time.perf_counter() - began
        computing, result = math.inf, part
        for _ in range(2):
            began = time.perf_counter()
            result = recipe.apply(part, axis_names=image.axes if image.channel_axis is None else (), threads=1)
            computing = min(computing, time.perf_counter() - began)
        layout = layout_of(bare(image, part), levels=1, codec=choices.codec)
        layout = replace(layout, dtype=result.dtype)
        began = time.perf_counter()
        if result.shape == part.shape and layout.shards == layout.shape:
            encoded_shard(replace(layout, version="0.5"), 0, layout.stored(result))
        writing = time.perf_counter() - began
    except ValueError:
        return None
    share = math.prod(image.shape) / part.size
    return float(share * (reading * overlap + computing + writing) / threads)
