"""Whether a result is what its record says: computed again from the source, and compared bit by bit."""

import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..contract.progress import Progress
from ..engine.memory import memory_at_hand
from ..io.image import Image
from ..io.notes import RECORD
from ..io.problems import ImageFileError
from ..io.reading import open_image
from ..recipe.recipe import Recipe
from .computed import computed
from .files.journal import key_of, read_journal
from .forecast import forecast

LOSSY = (".jpg", ".jpeg")
SHARE = 0.8  # of the free memory
UPWARD = 4  # folders above a result in which its journal is looked for


@dataclass(frozen=True)
class Verified:
    """How a result compares with what its record and its source give.

    Attributes
    ----------
    compared, different
        Number of pixels that were compared, and of those that differ.
    first
        Index of the first that differs; () if none does.
    reason
        Why pixels cannot be compared, such as another shape; "" if they were.
    """

    compared: int
    different: int = 0
    first: tuple[int, ...] = ()
    reason: str = ""

    @property
    def is_same(self) -> bool:
        """Whether all bits are the same."""
        return not self.different and not self.reason

    @property
    def text(self) -> str:
        """A sentence on what was found."""
        if self.reason:
            return self.reason
        if not self.different:
            return f"all {self.compared} pixels have the bits that its record gives"
        return f"{self.different} of {self.compared} pixels differ, the first at {', '.join(map(str, self.first))}"


def verify_in_memory(
    result: str | Path, source: str | Path, images: Mapping[str, str | Path] | None = None, *, series: int = 0,
    axis_names: tuple[str, ...] = (), threads: int | None = None,
) -> Generator[Progress, None, Verified]:  # fmt: skip
    """Compute a result again in memory, in a generator that yields progress, and compare the bits.

    Parameters
    ----------
    result
        File of the result, which holds the record of its steps.
    source
        File of the image that it was made of.
    images
        Files of the further images of its steps by name.
    series, axis_names, threads
        As in a run.

    Raises
    ------
    ValueError
        If the result holds no record, was made of an image with another record, or cannot be computed.
    """
    found, image, recipe, further = _opened(result, source, images or {}, series, axis_names)
    again = yield from computed(recipe, image, further, threads)
    yield Progress("Comparing", 0, 1)
    return compare(found, again)


def fits_into_memory(
    result: str | Path, source: str | Path, images: Mapping[str, str | Path] | None = None, *, series: int = 0,
    axis_names: tuple[str, ...] = (),
) -> bool:  # fmt: skip
    """Return whether a result and what it is computed from fit into the memory at hand; arguments as before."""
    found, image, recipe, further = _opened(result, source, images or {}, series, axis_names)
    held = math.prod(found.shape) * found.dtype.itemsize
    return bool(held + forecast(recipe, image, further).memory <= SHARE * memory_at_hand())


def _opened(
    result: str | Path, source: str | Path, images: Mapping[str, str | Path], series: int, axis_names: tuple[str, ...]
) -> tuple[Image, Image, Recipe, dict[str, Image]]:
    """Return the result, the source, the recipe between them, and its further images."""
    found = open_image(result)
    image = open_image(source, series=series, axes=axis_names or None)
    recipe = recipe_between(result, found, source, image)
    further = {name: open_image(path) for name, path in images.items()}
    for name in recipe.inputs:
        if name not in further:
            raise ValueError(f"--input {name}=FILE: must be given, because the record names this image")
    return found, image, recipe, further


def recipe_between(result: str | Path, found: Image, source: str | Path, image: Image) -> Recipe:
    """Return the recipe of the steps that were applied to a source to make a result.

    Raises
    ------
    ValueError
        If the result cannot tell, or the source has other steps before.
    """
    if Path(result).suffix.lower() in LOSSY:
        raise ImageFileError(f"{result}: must be a file that keeps all bits, which JPEG does not")
    steps, before = found.metadata.get(RECORD, []), image.metadata.get(RECORD, [])
    names = [[step["operation"] for step in part] for part in (steps[: len(before)], before)]
    if len(steps) <= len(before) or names[0] != names[1]:
        raise ImageFileError(f"{result}: must hold the record of steps that begin with {source}")
    recipe = Recipe.from_record(steps[len(before) :])
    return Recipe.from_plain(recipe.plain())


def compare(found: Image, again: Image) -> Verified:
    """Compare the pixels of two images bit by bit, after bringing the axes into one order by their names."""
    array, other = np.asarray(found.array), np.asarray(again.array)
    if {*found.axes} == {*again.axes} and found.axes != again.axes:
        other = other.transpose([again.axes.index(axis) for axis in found.axes])
    if array.shape != other.shape or array.dtype != other.dtype:
        return Verified(0, reason=f"it has {_words(array)}, not {_words(other)}")
    differs = _bits(array) != _bits(other)
    places = np.argwhere(differs)
    first = tuple(int(k) for k in places[0]) if len(places) else ()
    return Verified(int(array.size), len(places), first)


def source_in_journal(result: str | Path) -> str | None:
    """Return the source of a result by the journal beside it, or in a folder around it; None if there is none."""
    path = Path(result).absolute()
    for folder in path.parents[:UPWARD]:
        entry = read_journal(folder).get(key_of(path, folder))
        if entry is not None:
            return str((entry.get("source") or {}).get("path") or "") or None
    return None


def _bits(array: Any) -> Any:
    """Return an array of integers with the bits of numbers, so that NaN equals itself and -0 not 0."""
    if array.dtype.kind != "f":
        return array
    return np.ascontiguousarray(array, array.dtype.newbyteorder("=")).view(f"u{array.dtype.itemsize}")


def _words(array: Any) -> str:
    return f"{' x '.join(map(str, array.shape))} pixels of {array.dtype}"
