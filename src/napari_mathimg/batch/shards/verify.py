"""Whether a result has the pixels that its record promises: random shards of it are computed again from the source."""

import math
import random
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...contract.progress import Progress
from ...contract.reach import Box
from ...engine.chunks import as_numpy
from ...engine.threads import cores
from ...io.image import Image
from ...io.problems import ImageFileError
from ...io.reading import open_image
from ...recipe.recipe import Recipe
from ...recipe.record import RECORD
from .choices import ShardChoices, Source
from .files.facts import FactsFiles
from .opened import Opening
from .passes import SavedPasses
from .run import CACHE

PIXELS = 2**22  # of a box, of results that are not stored in shards or chunks
NONE = Path("no-folder")


@dataclass(frozen=True)
class Verified:
    """What was computed again.

    Attributes
    ----------
    boxes
        The boxes of the result that were computed again, in its pixels.
    place
        First pixel that differs, along the axes of the result; None if all are the same.
    found, expected
        Its value in the result, and the one that was computed.
    """

    boxes: tuple[Box, ...]
    place: tuple[int, ...] | None = None
    found: float = 0.0
    expected: float = 0.0

    @property
    def is_same(self) -> bool:
        """Whether all pixels that were computed again have the same bits."""
        return self.place is None

    @property
    def text(self) -> str:
        """A sentence on what was found."""
        pixels = sum(math.prod(b - a for a, b in box) for box in self.boxes)
        if self.is_same:
            return f"{pixels} pixels in {len(self.boxes)} shards were computed again, and are the same."
        return f"Pixel {self.place} is {self.found}, but must be {self.expected}."


class _NoFacts(SavedPasses):
    """A runner of passes that knows nothing and saves nothing."""

    saves = False


def verify_result(
    path: str | Path, source: Source, inputs: Mapping[str, Source] | None = None, *, shards: int = 3, seed: int = 0,
    threads: int | None = None,
) -> Generator[Progress, None, Verified]:  # fmt: skip
    """Compute random shards of a result again, in a generator that yields progress, and compare their bits.

    Parameters
    ----------
    path
        The result, with the record of the steps that made it.
    source
        The image that it was made of.
    inputs
        The further images by the names that the record gives them.
    shards
        Number of shards.
    seed
        Seed of their choice.
    threads
        Number of threads that count what the steps must know of the image.

    Raises
    ------
    ImageFileError
        If the result holds no record of steps, or another shape or type than they give.
    """
    result, image = open_image(path), source.open()
    further = {name: of.open() for name, of in (inputs or {}).items()}
    before, record = image.metadata.get(RECORD, []), result.metadata.get(RECORD, [])
    steps = record[len(before) :]
    if not steps or [step["operation"] for step in record[: len(before)]] != [step["operation"] for step in before]:
        raise ImageFileError(f"{path}: must hold the record of the steps that made it of {source.address}")
    recipe = Recipe.from_record(steps, {name: np.asarray(of.array) for name, of in further.items()})
    threads = threads or cores()
    passes = _NoFacts(FactsFiles(NONE), CACHE)
    opening = Opening(recipe, image, further, ShardChoices(cuts="none"), passes, threads)
    for number, step in [*opening.chain.steps()]:
        opening.add((yield from opening.prepare(number, step)))
    made: Image = opening.chain.result(opening.chain.state.array, "", {}, ())
    if {*made.axes} != {*result.axes}:
        raise ImageFileError(f"{path}: must have the axes {', '.join(made.axes)}, not {', '.join(result.axes)}")
    order = [made.axes.index(name) for name in result.axes]
    shape = tuple(made.shape[k] for k in order)
    if (shape, made.dtype) != (result.shape, result.dtype):
        raise ImageFileError(f"{path}: must have shape {shape} and type {made.dtype}, as its record says")
    boxes = _some_boxes(result.array, shards, seed)
    for number, box in enumerate(boxes):
        yield Progress("Shards", number, len(boxes))
        inner = tuple(slice(*box[order.index(k)]) for k in range(len(order)))
        expected = as_numpy(made.array, inner).transpose(order)
        found = as_numpy(result.array, tuple(slice(*span) for span in box))
        place = first_difference(found, expected)
        if place is not None:
            values = found[place].item(), expected[place].item()
            return Verified(
                tuple(boxes[: number + 1]), tuple(a + k for (a, _), k in zip(box, place, strict=True)), *values
            )
    return Verified(tuple(boxes))


def first_difference(found: Any, expected: Any) -> tuple[int, ...] | None:
    """Return the place of the first pixel whose values differ, of which NaN is one; None if there is none."""
    differs = found != expected
    if found.dtype.kind == "f":
        differs &= ~(np.isnan(found) & np.isnan(expected))
    if not differs.any():
        return None
    return tuple(int(k) for k in np.unravel_index(int(np.argmax(differs)), differs.shape))


def _some_boxes(array: Any, count: int, seed: int) -> list[Box]:
    """Return some of the boxes in which an array is stored."""
    shape = tuple(int(n) for n in array.shape)
    lengths: Any = getattr(array, "shards", None) or getattr(array, "chunks", None)
    if lengths is None or isinstance(lengths[0], tuple):
        lengths = [1] * len(shape)
        for axis in reversed(range(len(shape))):
            lengths[axis] = max(min(PIXELS // math.prod(lengths), shape[axis]), 1)
    grid = [-(-n // s) for n, s in zip(shape, lengths, strict=True)]
    total = math.prod(grid)
    chosen = sorted(random.Random(seed).sample(range(total), min(count, total)))
    boxes = []
    for number in chosen:
        place = np.unravel_index(number, grid)
        spans = zip(place, lengths, shape, strict=True)
        boxes.append(tuple((int(k) * s, min((int(k) + 1) * s, n)) for k, s, n in spans))
    return boxes
