"""The levels of a lazy result: made in the background, before the layer is added."""

import math
from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import uuid4

import numpy as np
from napari.layers import Layer

from ...contract.progress import Progress
from ...engine import LazyArray, data_range
from ...engine.facts import Facts
from ...engine.lazy.halved import halved_levels
from ...engine.lazy.levels import Level, Mark, Sampled, levels
from ...engine.pyramid import Pyramid
from ...recipe.images import digest
from .kept_levels import level_store
from .shown import Shown

SINGLE = 2**20  # pixels of a plane up to which a layer has one level, because napari reads whole planes of it
SMALLEST = 256  # pixels along the longer side of the last level, which napari reads whole
KEPT = 2**26  # pixels of an image up to which its levels are computed beforehand, which takes no second
AVERAGED = 2**24  # pixels of a plane up to which levels of larger stacks are computed where they are read
LOOKED_AT = 2**24  # values of the last level at most of which contrast limits are found
SESSION = uuid4().hex


def same(array: Any) -> Any:
    """Return an array as it is."""
    return array


@dataclass(frozen=True)
class LazyStep:
    """A lazy result, and what becomes of it, and in the same way of its levels, before the next step or the layer."""

    array: LazyArray
    adapt: Callable[[Any], Any] = same


@dataclass(frozen=True)
class LazyPixels:
    """The data of a lazy layer.

    Parameters
    ----------
    levels
        What the layer shows, finest first; one level for a layer that is not multiscale.
    step
        The step whose result it is.
    """

    levels: tuple[Shown, ...]
    step: LazyStep

    def __post_init__(self) -> None:
        self.levels[0].owner = self

    @property
    def finest(self) -> Any:
        """The array that computes the pixels of the result."""
        return self.levels[0].array

    @property
    def data(self) -> Any:
        """What the constructor of a layer gets."""
        return list(self.levels) if len(self.levels) > 1 else self.levels[0]

    @property
    def marks(self) -> tuple[Mark, ...]:
        """What the pixels of each level are worth."""
        return tuple(level.mark for level in self.levels)


def pixels_of(layer: Layer | None) -> LazyPixels | None:
    """Return the data of a layer if it is lazy."""
    if layer is None or not hasattr(layer, "multiscale"):
        return None
    finest = layer.data[0] if layer.multiscale else layer.data
    return finest.owner if isinstance(finest, Shown) else None


@dataclass(frozen=True)
class Levels:
    """The levels of an image as far as it has them.

    Parameters
    ----------
    arrays
        Finest first: arrays, or levels of a lazy image.
    ndim
        Number of axes without channels.
    mean
        Whether a pixel of a level is the mean of those that it covers; if not, as of labels, the one in the middle.
    """

    arrays: tuple[Any, ...]
    ndim: int
    mean: bool = True


def lazy_pixels(
    steps: Sequence[LazyStep], image: Levels, facts: Facts | None = None, threads: int | None = None
) -> Generator[Progress, None, LazyPixels]:
    """Find the levels of a chain of lazy results, in a generator that yields progress and returns them.

    Parameters
    ----------
    steps
        Each on the result of the one before, the first one on the image.
    image
        The image. If it has one level and the result needs more, its levels are computed once and kept on disk; those
        of a large stack of planes that are not large are computed where they are read.
    facts
        Knows whether pixels that are not in memory are those that levels were computed of.
    threads
        Number of threads; by default the number of cores.
    """
    finest = steps[-1].adapt(steps[-1].array)
    channels = int(steps[-1].array.plan.channel_axis is not None)
    ndim = finest.ndim - channels
    plane = math.prod(finest.shape[max(ndim - 2, 0) : ndim])
    if plane <= SINGLE:
        return LazyPixels((Shown(finest),), steps[-1])
    found: list[Any] = list(image.arrays)
    if _side(found[-1], image.ndim) > 2 * SMALLEST:
        found[-1:] = yield from _levels_of(found[-1], image, facts, threads)
    for step in steps:
        made = yield from levels(step.array, found, threads=threads)
        found = [Level(step.adapt(level.array), level.mark) for level in made]
    last = made[-1]
    if isinstance(last.array, LazyArray):
        found += [Level(steps[-1].adapt(each), last.mark) for each in _further(last.array, last.array.ndim - channels)]
    smaller = [Shown(level.array, level.mark) for level in found[1:]]
    return LazyPixels(tuple(_shrinking([Shown(finest), *smaller])), steps[-1])


def _side(level: Any, ndim: int) -> int:
    """Return the length of the longer side of the planes of an array or a level."""
    shape = level.array.shape if isinstance(level, Level) else level.shape
    return int(max(shape[max(ndim - 2, 0) : ndim]))


def _further(last: LazyArray, ndim: int) -> list[Sampled]:
    """Return levels of a last level that is much larger than that of its image, as after enlarging: single pixels."""
    found: list[Sampled] = []
    step = 2
    while _side(last, ndim) > 2 * SMALLEST and _side(last, ndim) // step >= SMALLEST // 2:
        steps = [_even(n, step) if ndim - 2 <= axis < ndim else 1 for axis, n in enumerate(last.shape)]
        found.append(Sampled(last, steps))
        step *= 2
    return found


def _even(n: int, step: int) -> float:
    """Return a length of blocks, about that of a step, that divides n pixels best, so that all are about alike."""
    least = -(-n // step)
    blocks = min(range(least, least + max(least // 8, 1)), key=lambda m: (n % m) / (n // m))
    return n / blocks


def _shrinking(found: Sequence[Shown]) -> list[Shown]:
    """Return levels without those that are not smaller than the one before."""
    return [found[0], *(b for a, b in pairwise(found) if b.size < a.size)]


def _levels_of(
    image: Any, like: Levels, facts: Facts | None, threads: int | None
) -> Generator[Progress, None, list[Any]]:
    """Find the levels of an image that has one: kept on disk, or of many planes averaged where they are read."""
    array = image.array if isinstance(image, Level) else image
    pyramid = Pyramid((-2, -1), SMALLEST, like.mean)
    plane = math.prod(array.shape[max(like.ndim - 2, 0) : like.ndim])
    mark = image.mark if isinstance(image, Level) else "exact"
    if plane <= AVERAGED and math.prod(array.shape) > KEPT:
        return [Level(each, mark) for each in halved_levels(array, like.ndim, pyramid)]
    name = yield from _name(array, facts)
    found = yield from level_store().levels(array, name, like.ndim, pyramid, threads)
    return [Level(each, mark) for each in found]


def _name(array: Any, facts: Facts | None) -> Generator[Progress, None, str]:
    """Return what tells the pixels of an array from others: a digest, or its state in this session."""
    if isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
        yield Progress("Pixels", 0, 1)
        return digest(array)
    key: Hashable = None if facts is None else facts.key(array, "levels")
    return uuid4().hex if key is None else f"{SESSION} {key}"


def limits_of(pixels: LazyPixels, threads: int | None = None) -> Generator[Progress, None, tuple[float, float]]:
    """Find contrast limits in the coarsest level: of some planes, evenly spread, where it has many."""
    coarsest: Any = pixels.levels[-1].array
    ends = []
    for part in _some(coarsest.shape, LOOKED_AT):
        if math.prod(coarsest.shape) <= LOOKED_AT:
            found = yield from data_range(coarsest, "Contrast limits", threads)
        else:
            found = yield from data_range(np.asarray(Shown(coarsest)[part]), "Contrast limits", threads)
        ends.append(found)
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    return (low, high) if low < high else (low, low + 1)


def _some(shape: tuple[int, ...], most: int) -> list[tuple[Any, ...]]:
    """Return keys of planes, at most so many that they have `most` values, and at most 8 where there are more."""
    if math.prod(shape) <= most:
        return [()]
    plane = max(math.prod(shape[-2:]), 1)
    items = math.prod(shape[:-2])
    count = max(min(most // plane, items, 8), 1)
    chosen = np.unique(np.linspace(0, items - 1, count).round().astype(int))
    return [tuple(int(k) for k in np.unravel_index(n, shape[:-2])) for n in chosen]
