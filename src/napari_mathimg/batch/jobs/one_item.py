"""One image from file to file: opened, computed, digested and published."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...contract.progress import Progress
from ...io.image import Image
from ...io.notes import RECORD
from ...io.problems import ImageFileError
from ...io.reading import open_image
from ...io.writing import check_image, check_output, write_image
from ...recipe.adapted import Adapted
from ...recipe.images import digest
from ...recipe.recipe import Recipe
from ..computed import computed
from ..files.identity import identity
from ..forecast import Forecast, forecast
from ..item import Outcome
from .applied import for_image, without_place

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
    series, axis_names, imagej, levels
        As in `JobChoices`.
    overwrite
        Whether what lies at `output` is replaced.
    threads, memory
        Number of threads, and bytes of memory that it may take; None for all.
    restart
        Whether what an earlier run has left of an image larger than memory is forgotten.
    """

    source: str
    output: Path
    recipe: Recipe
    images: Mapping[str, str]
    is_applied: bool = False
    series: int = 0
    axis_names: tuple[str, ...] = ()
    imagej: bool = False
    levels: int | None = None
    overwrite: bool = False
    threads: int | None = None
    memory: int | None = None
    restart: bool = False


class _Told(Adapted):
    """An array in memory that tells how far it was read, and lets whoever listens stop the reading."""

    def __init__(self, array: Any, tell: Tell) -> None:
        super().__init__(array, array.shape, array.dtype)
        self._tell, self._read_pixels = tell, 0

    def _read(self, box: tuple[slice, ...]) -> Any:
        self._tell(Progress("Writing", min(self._read_pixels / max(self.size, 1), 1.0), 1))
        part = self._array[box]
        self._read_pixels += part.size
        return part


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
    """Return whether an item is computed shard by shard: it does not fit into memory, and its result has shards."""
    return memory is not None and needed.memory > memory and output.suffix.lower() == ".zarr"


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
    check_output(task.output, [*image.files, *(f for each in further.values() for f in each.files)], True, task.imagej)
    try:
        result = _computed(task, ready, tell)
    except ValueError as error:
        if task.is_applied and not isinstance(error, ImageFileError):
            raise ValueError(without_place(str(error))) from error
        raise
    if identity(task.source) != before:
        raise ImageFileError(f"{task.source}: must not change while it is read")
    tell(Progress("Digesting", 0, 1))
    found = digest(result.array, lambda: tell(Progress("Digesting", 0, 1)))
    told = replace(result, array=_Told(result.array, tell), files=(*result.files, *image.files))
    write_image(task.output, told, overwrite=task.overwrite, imagej=task.imagej, levels=task.levels or 1)
    steps = result.metadata[RECORD][len(image.metadata.get(RECORD, ())) :]
    saturated = sum(int(step.get("saturated") or 0) for step in steps)
    return Outcome(
        "done", seconds=time.perf_counter() - began, bytes=bytes_on_disk(task.output), saturated=saturated,
        shape=result.shape, dtype=str(result.dtype), digest=found, notes=result.notes,
    )  # fmt: skip


def bytes_on_disk(path: Path) -> int:
    """Return how many bytes a file, or all files in a folder, have."""
    if not path.is_dir():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())


def remove_remains(output: Path) -> None:
    """Remove the unfinished files of a result, which a run that was killed has left beside it."""
    for each in output.parent.glob(f".{_escaped(output.name)}.*.partial"):
        with suppress(OSError):
            each.unlink()


def _escaped(name: str) -> str:
    from glob import escape

    return escape(name)


def _computed(task: ItemTask, ready: Opened, tell: Tell) -> Image:
    def check(stub: Image) -> None:
        check_image(task.output, stub, imagej=task.imagej, levels=task.levels or 1)

    steps = computed(ready.recipe, ready.image, ready.further, task.threads, check)
    try:
        while True:
            try:
                progress = next(steps)
            except StopIteration as stop:
                result: Image = stop.value
                return result
            tell(progress)
    finally:
        steps.close()
