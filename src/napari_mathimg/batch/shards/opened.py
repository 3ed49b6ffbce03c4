"""A chain of steps as arrays that are computed box by box, cut where it is worth to write what lies before a step."""

import math
import time
from collections.abc import Callable, Generator, Mapping
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...contract.progress import Progress, run_to_end
from ...engine.boxes import BoxArray, BoxRecall
from ...engine.chunks import with_cached_chunks
from ...engine.lazy import TileCache
from ...engine.passes import PassRunner, pass_runner
from ...engine.run import largest_block
from ...engine.tiles import is_fixed
from ...io.image import Image
from ...io.writing import check_image
from ...io.zarr.layout import layout_of
from ...recipe.recipe import Recipe
from ..chain import Chain, Link
from .choices import ShardChoices
from .folder import RunPlace
from .owned import Member, owned, tiles_of
from .passes import PassWanted, Probe
from .stage import Stage

KEPT = 2**27  # bytes of tiles that must not be cut
LARGE = 2**24  # pixels of tiles of which shards are made at most
COST = 4e-9  # seconds to write a byte of an intermediate and to read it twice, with one thread
SAMPLE = 2**19  # pixels that are computed to see how long it takes
Steps = Generator[Progress, None, None]


@dataclass
class Opened:
    """A chain as an array, and its last stage.

    Attributes
    ----------
    chain
        The chain with all its steps.
    stages
        The intermediates, and the result as the last one.
    needed
        Bytes that the computation of the largest block takes.
    """

    chain: Chain
    stages: list[Stage]
    needed: int


class Opening:
    """The way of a chain from its image to its result.

    Parameters
    ----------
    recipe, image, inputs
        The recipe, the image and the further images.
    choices
        How the result is stored.
    passes
        Who runs passes.
    threads
        Number of threads.
    """

    def __init__(
        self, recipe: Recipe, image: Image, inputs: Mapping[str, Image], choices: ShardChoices,
        passes: PassRunner, threads: int,
    ) -> None:  # fmt: skip
        self.chain = Chain.begin(recipe, _with_chunks(image), inputs)
        self.choices, self.threads = choices, threads
        self.members: list[Member] = []
        self.stages: list[Stage] = []
        self.needed = 0
        self.kept = TileCache(KEPT)
        self._passes = passes
        self._context = copy_context()
        self._context.run(pass_runner.set, passes)

    def prepare(self, number: int, step: Any) -> Generator[Progress, None, Link]:
        """Prepare a step in a generator that yields progress; its passes are run by the runner."""
        begin = getattr(self._passes, "begin", None)
        if begin is not None:
            begin(number)
        steps = self.chain.prepare(number, step, self.threads, None, BoxRecall())
        link: Link = yield from in_context(self._context, steps)
        return link

    def add(self, link: Link) -> None:
        """Go on with the result of a step, computed box by box."""
        array = BoxArray(link.plan, self.kept)
        self.members.append((link, array))
        members = [*self.members]
        array.owners = partial(_owners, members)
        self.chain.add(link, array)
        self.needed = max(self.needed, largest_block(link.plan))
        if is_fixed(link.plan.reach):
            tile = math.prod(array.chunks_of_tiles) * array.dtype.itemsize
            self.kept.limit = max(self.kept.limit, (self.threads + 1) * tile)

    def stage(self, folder: Any, name: str, **stored: Any) -> Stage:
        """Return what is written of the chain so far."""
        stub = self.chain.result(_stub(self.chain.state.array), "", {}, ())
        tiles = tiles_of(self.members, stub.shape)
        if tiles is not None and stored.get("shards") is None and math.prod(tiles) <= LARGE:
            first = layout_of(stub, **stored)
            order = first.order or tuple(range(len(tiles)))
            stored["whole_tiles"] = tuple(tiles[k] for k in order)
        return Stage(name, folder, layout_of(stub, **stored), self.chain.state.array, tuple(self.members))

    def cut(self, stage: Stage) -> None:
        """Go on from a stage that is written."""
        self.stages.append(stage)
        self.chain.state = replace(self.chain.state, array=stage.written(), levels=())
        self.members = []

    @property
    def is_pointwise(self) -> bool:
        """Whether each step since the last cut computes a pixel from the same one alone."""
        return all(_is_pointwise(link) for link, _ in self.members)

    def is_worth_cutting(self, number: int, step: Any) -> bool:
        """Whether a step reads all pixels before it can begin, and to compute them again takes longer than a file."""
        if self.is_pointwise:
            return False
        context = copy_context()
        context.run(pass_runner.set, Probe())
        try:
            run_to_end(in_context(context, self.chain.prepare(number, step, 1, None, BoxRecall())))
        except PassWanted:
            array = self.chain.state.array
            return bool(seconds_per_pixel(array) > COST * np.dtype(array.dtype).itemsize)
        return False


def open_chain(
    opening: Opening, run: RunPlace, write: Callable[[Stage], Steps], until: str | None = None
) -> Generator[Progress, None, Opened]:
    """Prepare all steps in a generator that yields progress; intermediates are written by `write`.

    With `until`, the name of a stage, it ends there.
    """
    cuts, decided = opening.choices.cuts, run.decided()
    for number, step in [*opening.chain.steps()]:
        if opening.members:
            if cuts == "auto" and str(number) not in decided:
                run.decide(number, opening.is_worth_cutting(number, step))
                decided = run.decided()
            if decided[str(number)] if cuts == "auto" else cuts != "none" and number in cuts:
                stage = opening.stage(run.home / "stages" / str(number), f"step {number}", levels=1, codec="none")
                if until == stage.name:
                    return Opened(opening.chain, [*opening.stages, stage], opening.needed)
                yield from write(stage)
                opening.cut(stage)
        link = yield from opening.prepare(number, step)
        opening.add(link)
    choices = opening.choices
    last = opening.stage(
        run.path, "result", levels=choices.levels, shards=choices.shards, chunks=choices.chunks,
        version=choices.version, codec=choices.codec,
    )  # fmt: skip
    return Opened(opening.chain, [*opening.stages, last], opening.needed)


def check_chain(opening: Opening, output: Path) -> None:
    """Refuse a chain whose steps cannot be applied, or whose result cannot be stored, before any pixel is read."""
    for number, step in [*opening.chain.steps()]:
        link = run_to_end(opening.chain.prepare(number, step, 1, None, BoxRecall(), sketched=True))
        array = BoxArray(link.plan)
        opening.members.append((link, array))
        opening.chain.add(link, array)
    choices = opening.choices
    opening.stage(
        output, "result", levels=choices.levels, shards=choices.shards, chunks=choices.chunks,
        version=choices.version, codec=choices.codec,
    )  # fmt: skip
    if output.suffix.lower() != ".zarr":
        check_image(output, opening.chain.result(_stub(opening.chain.state.array), "", {}, ()))


def in_context(context: Any, steps: Generator[Progress, None, Any]) -> Generator[Progress, None, Any]:
    """Run a generator in a context of variables of its own, and return its value."""
    try:
        while True:
            try:
                progress = context.run(next, steps)
            except StopIteration as stop:
                return stop.value
            yield progress
    finally:
        context.run(steps.close)


def seconds_per_pixel(array: Any) -> float:
    """Return how long a pixel of an array takes that is computed, in one thread."""
    best = math.inf
    for k in (1, 2):
        box = _box_at(array.shape, k / 3)
        began = time.perf_counter()
        np.asarray(array[tuple(slice(*span) for span in box)])
        best = min(best, (time.perf_counter() - began) / math.prod(b - a for a, b in box))
    return best


def _box_at(shape: tuple[int, ...], place: float) -> list[tuple[int, int]]:
    """Return a box of about `SAMPLE` pixels at a share of the way through an array."""
    lengths = [1] * len(shape)
    while 2 * math.prod(lengths) <= SAMPLE:
        axes = [k for k, n in enumerate(shape) if lengths[k] < n]
        if not axes:
            break
        axis = max(axes, key=lambda k: (shape[k] / lengths[k], k))
        lengths[axis] = min(2 * lengths[axis], shape[axis])
    firsts = [int((n - length) * place) for n, length in zip(shape, lengths, strict=True)]
    return [(first, first + length) for first, length in zip(firsts, lengths, strict=True)]


def _owners(members: list[Member], own: Any) -> dict[BoxArray, Any]:
    """Return the boxes in which is counted what is computed for a box of the last of some steps."""
    link, array = members[-1]
    found = {array: own}
    if link.step.where or link.plan.dropped is not None or link.plan.frames is not None:
        return found
    return found | owned(members, own)


def _is_pointwise(link: Link) -> bool:
    reach = link.plan.reach
    halo = getattr(reach, "halo", None)
    return halo is not None and not is_fixed(reach) and not any(halo(len(link.plan.grid)))


def _with_chunks(image: Image) -> Image:
    """Return an image whose chunks are kept, at the level at which it was opened."""
    if image.level:
        return replace(image, array=with_cached_chunks(image.array), levels=(), level_grids=(), level=0)
    levels = tuple(with_cached_chunks(array) for array in image.levels)
    return replace(image, array=levels[0] if levels else with_cached_chunks(image.array), levels=levels)


def _stub(array: Any) -> Any:
    return np.broadcast_to(np.zeros((), array.dtype), array.shape)
