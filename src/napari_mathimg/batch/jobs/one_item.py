"""One image from file to file: opened, computed, digested and published."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...contract.progress import Progress, run_to_end
from ...engine.chunks import CAPACITY
from ...io.folders import repair
from ...io.image import Image
from ...io.notes import ORIGIN, RECORD
from ...io.problems import ImageFileError
from ...io.reading import PICTURES, open_image
from ...io.remains import remove_remains
from ...io.writing import check_image, check_output, write_steps
from ...recipe.images import digest
from ...recipe.recipe import Recipe
from ..computed import computed
from ..files.before import EARLIER
from ..files.identity import are_same, identity, parts_of, source_digest
from ..forecast import Forecast, forecast
from ..item import Outcome
from ..shards.choices import ShardChoices, Source
from .applied import for_image, without_place

CHUNKS, CHUNKS_SHARE = 3 * 2**27, 8  # bytes, and part of the memory, that chunks of an image larger than it may fill
Tell = Callable[[Progress], None]


@dataclass(frozen=True)
class ItemTask:
    """All that an item needs, on whatever machine.

    Attributes
    ----------
    source, output
        As in `Item`.
    recipe
        The recipe.
    images
        Files of its further images by name.
    is_applied
        Whether it is a single operation that takes from the image what it was not given.
    series, axis_names, imagej
        As in `JobChoices`.
    stored
        How the result is stored.
    overwrite
        Whether what lies at `output` is replaced.
    threads, memory
        Number of threads, and bytes of memory that it may take; None for all.
    restart
        Whether what an earlier run has left of an image larger than memory is forgotten.
    scheduler, insecure_scheduler
        As in `JobChoices`, for an image that is computed shard by shard.
    plan
        Digest that the result keeps, because no journal does; "" if one does.
    """

    source: str
    output: Path
    recipe: Recipe
    images: Mapping[str, str]
    is_applied: bool = False
    series: int = 0
    axis_names: tuple[str, ...] = ()
    imagej: bool = False
    stored: ShardChoices = field(default_factory=ShardChoices)
    overwrite: bool = False
    threads: int | None = None
    memory: int | None = None
    restart: bool = False
    scheduler: str | None = None
    insecure_scheduler: bool = False
    plan: str = ""


@dataclass(frozen=True)
class Opened:
    """The image of an item, its recipe, and further images by name."""

    image: Image
    recipe: Recipe
    further: Mapping[str, Image]
    threads: int | None

    def needed(self) -> Forecast:
        """Return what its computation needs."""
        return forecast(self.recipe, self.image, self.further, self.threads)


def opened(task: ItemTask, further: Mapping[str, Image]) -> Opened:
    """Open the image of an item.

    Raises
    ------
    ValueError
        If it cannot be read, or the step of an operation cannot be so.
    """
    image = open_image(task.source, series=task.series, axes=task.axis_names or None)
    return Opened(image, for_image(task.recipe, image) if task.is_applied else task.recipe, further, task.threads)


def further_images(files: Mapping[str, str]) -> dict[str, Image]:
    """Open further images by their names."""
    return {name: open_image(path) for name, path in files.items()}


def needs_shards(needed: Forecast, output: Path, memory: int | None) -> bool:
    """Return whether an item is computed shard by shard: it does not fit into memory, and is no picture."""
    return memory is not None and needed.memory > memory and output.suffix.lower() not in PICTURES


def compute_item(task: ItemTask, tell: Tell) -> Outcome:
    """Compute an item, publish its result, and return what became of it.

    Parameters
    ----------
    task
        The item.
    tell
        Function that gets the progress, and may raise an error to stop the item, which then leaves nothing.

    Raises
    ------
    ValueError, OSError
        If the image cannot be read, a step cannot be applied, or the result cannot be written.
    """
    began, before = time.perf_counter(), identity(task.source)
    tell(Progress("Opening", 0, 1))
    further = further_images(task.images)
    ready = opened(task, further)
    image = ready.image
    parts = parts_of(task.source, image.files)
    check_output(task.output, [*image.files, *(f for each in further.values() for f in each.files)], True, task.imagej)
    needed = None
    with suppress(ValueError):  # which the computation tells in its own words
        needed = ready.needed() if task.memory is not None else None
    try:
        if needed is not None and not task.imagej and needs_shards(needed, task.output, task.memory):
            return replace(_by_shards(task, ready, needed, tell), parts=parts)
        result = _computed(task, ready, tell)
    except ValueError as error:
        if task.is_applied and not isinstance(error, ImageFileError):
            raise ValueError(without_place(str(error))) from error
        raise
    if identity(task.source) != before or not are_same(parts):
        raise ImageFileError(f"{task.source}: must not change while it is read")
    tell(Progress("Digesting", 0, 1))
    found = digest(result.array, lambda: tell(Progress("Digesting", 0, 1)))
    if task.plan:
        origin = {"plan": task.plan, "source": source_digest(task.source, image), "pixels": found}
        result = replace(result, metadata={**result.metadata, ORIGIN: origin})
    _write(task, replace(result, files=(*result.files, *image.files)), tell)
    steps = result.metadata[RECORD][len(image.metadata.get(RECORD, ())) :]
    saturated = sum(int(step.get("saturated") or 0) for step in steps)
    return Outcome(
        "done", seconds=time.perf_counter() - began, bytes=bytes_on_disk(task.output), saturated=saturated,
        shape=result.shape, dtype=str(result.dtype), digest=found, notes=result.notes, parts=parts,
    )  # fmt: skip


def bytes_on_disk(path: Path) -> int:
    """Return how many bytes a file, or all files in a folder, have."""
    if not path.is_dir():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())


def clear_remains(output: Path) -> None:
    """Finish or remove what a run that was killed has left of a result beside it."""
    repair(output)
    remove_remains(output)


def _computed(task: ItemTask, ready: Opened, tell: Tell) -> Image:
    def check(stub: Image) -> None:
        check_image(task.output, stub, imagej=task.imagej, **_stored(task))

    return run_to_end(computed(ready.recipe, ready.image, ready.further, task.threads, check), tell)


def _by_shards(task: ItemTask, ready: Opened, needed: Forecast, tell: Tell) -> Outcome:
    """Compute an item shard by shard."""
    from ..shards.run import run_in_shards

    recipe, source, output, options = shards_of(task, ready.recipe)
    steps = run_in_shards(recipe, source, output, **options)
    found = run_to_end(steps, tell)
    return Outcome(
        "kept" if found.was_there else "done", EARLIER if found.was_there else "", found.seconds,
        bytes_on_disk(task.output), found.saturated, needed.shape, needed.dtype, notes=found.notes,
    )  # fmt: skip


def shards_of(task: ItemTask, recipe: Recipe) -> tuple[Recipe, Source, Path, dict[str, Any]]:
    """Return the arguments with which an item is computed shard by shard."""
    options: dict[str, Any] = {
        "inputs": {name: Source(path) for name, path in task.images.items()}, "overwrite": task.overwrite,
        "choices": task.stored, "threads": task.threads, "restart": task.restart,
        "memory": max(min(CHUNKS, (task.memory or CHUNKS) // CHUNKS_SHARE), CAPACITY), "scheduler": task.scheduler,
        "insecure_scheduler": task.insecure_scheduler,
    }  # fmt: skip
    return recipe, Source(task.source, task.series, 0, task.axis_names or None), task.output, options


def _write(task: ItemTask, image: Image, tell: Tell) -> None:
    """Write a result."""
    how: dict[str, Any] = {"overwrite": task.overwrite, "imagej": task.imagej, **_stored(task)}
    run_to_end(write_steps(task.output, image, threads=task.threads, **how), tell)


def _stored(task: ItemTask) -> dict[str, Any]:
    """Return how a result is stored, as arguments of what writes it."""
    return {"levels": task.stored.levels, "version": task.stored.version, "shards": task.stored.shards}
