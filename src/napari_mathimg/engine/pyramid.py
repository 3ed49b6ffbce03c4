"""Pyramids: levels of an image, each half as large as the one before, and where their pixels lie."""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.operation import ValueRange
from ..contract.progress import Progress
from ..contract.reach import POINTWISE, Box
from .threads import cores, run_tasks
from .tiles import tiles
from .values import from_working, working_type

Array = NDArray[Any]
Shape = Sequence[int]
SMALLEST = 64  # pixels along the longest side that gets smaller, below which there is no further level


@dataclass(frozen=True)
class Pyramid:
    """How a result's levels are made: which axes (from the last) get smaller, down to which length; by mean or not."""

    axes: tuple[int, ...]
    smallest: int
    mean: bool


def level_factors(finest: Shape, level: Shape) -> Array:
    """Return how many pixels of the finest level a pixel of a level measures along each axis."""
    return np.divide(finest, level)


def level_matrix(factors: Array) -> Array:
    """Return the matrix from index in a level to index in the finest one, (n + 1, n + 1): both fill the same frame."""
    matrix = np.diag([*factors, 1.0])
    matrix[:-1, -1] = (factors - 1) / 2
    return matrix


def level_span(factor: float, first: int, end: int) -> tuple[int, int]:
    """Return the pixels of a level that hold those of the finest one from `first` to before `end`."""
    return math.floor(first / factor), math.ceil(end / factor)


def pyramid_like(shapes: Sequence[Shape], mean: bool) -> Pyramid | None:
    """Return how to make levels like some, given their shapes; None where there is one level, or none gets smaller."""
    if len(shapes) < 2:
        return None
    last = level_factors(shapes[0], shapes[-1])
    axes = tuple(int(axis) - len(shapes[0]) for axis in np.flatnonzero(last > 1))
    return Pyramid(axes, max(SMALLEST, *(shapes[-1][axis] for axis in axes)), mean) if axes else None


def build_pyramid(
    data: Array, ndim: int, pyramid: Pyramid, threads: int | None = None
) -> Generator[Progress, None, list[Array]]:
    """Return an array and its smaller levels, each half of the one before, as the value of a generator of progress.

    A pixel is the mean of those that it covers, in parts where their number is odd; of labels, the one in its middle.
    Little more memory is taken than that of the levels.

    Parameters
    ----------
    data
        Pixels; channels last where there are more axes than `ndim`.
    ndim
        Number of axes besides channels.
    pyramid
        How levels are made.
    threads
        Number of threads; all cores by default.
    """
    levels = [data]
    while max(levels[-1].shape[:ndim][axis] for axis in pyramid.axes) > pyramid.smallest:
        levels.append((yield from _halved(levels[-1], ndim, pyramid, threads or cores())))
    return levels


def _halved(data: Array, ndim: int, pyramid: Pyramid, threads: int) -> Generator[Progress, None, Array]:
    """Return the next level."""
    axes = [axis % ndim for axis in pyramid.axes]
    shape = tuple(-(-n // 2) if k in axes else n for k, n in enumerate(data.shape[:ndim]))
    out = np.empty((*shape, *data.shape[ndim:]), data.dtype)

    def work(box: Box) -> None:
        out[tuple(slice(a, b) for a, b in box)] = _block(data, shape, axes, box, pyramid.mean)

    yield from run_tasks("Levels", tiles(shape, POINTWISE), work, threads)
    return out


def _block(data: Array, shape: Sequence[int], axes: Sequence[int], box: Box, mean: bool) -> Array:
    """Return a box of the next level."""
    if not mean:
        where = [
            np.arange(a, b) if k not in axes else ((2 * np.arange(a, b) + 1) * data.shape[k]) // (2 * shape[k])
            for k, (a, b) in enumerate(box)
        ]
        chosen: Array = data[np.ix_(*where)]
        return chosen
    read = [
        (a * data.shape[k] // shape[k], -(-b * data.shape[k] // shape[k])) if k in axes else (a, b)
        for k, (a, b) in enumerate(box)
    ]
    block: Array = data[tuple(slice(a, b) for a, b in read)].astype(working_type(data.dtype))
    for axis in axes:
        block = _averaged(block, axis, box[axis], read[axis][0], data.shape[axis], shape[axis])
    return from_working(block, "float", ValueRange(0, 1), data.dtype)


def _averaged(block: Array, axis: int, span: tuple[int, int], first: int, n: int, m: int) -> Array:
    """Return means along an axis: pixel k of m covers the n from ``k * n / m`` to ``(k + 1) * n / m``."""
    begin = np.arange(*span) * n / m
    end = begin + n / m
    total: Array = np.zeros((), block.dtype)
    for tap in range(math.ceil(n / m) + 1):
        at = np.floor(begin) + tap
        share = np.clip(np.minimum(end, at + 1) - np.maximum(begin, at), 0, None) * m / n
        pixel = np.minimum(at.astype(np.intp) - first, block.shape[axis] - 1)
        along = [1] * block.ndim
        along[axis] = -1
        total = total + block.take(pixel, axis) * share.astype(block.dtype).reshape(along)
    return total
