"""Pyramids: the levels of a multiscale image, each half as large as the one before, and their placement."""

import math
from collections.abc import Callable, Generator, Sequence
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
SMALLEST = 64  # pixels; no further level is made below this length of the longest halved axis


@dataclass(frozen=True)
class Pyramid:
    """The way in which the levels of a result are made.

    Parameters
    ----------
    axes
        Axes that are halved, as negative numbers counted from the last axis.
    smallest
        Length in pixels of the longest of these axes at which the last level is reached.
    mean
        Whether a pixel is the mean of the pixels that it covers, or, for labels, the one in its middle.
    """

    axes: tuple[int, ...]
    smallest: int
    mean: bool


def level_factors(finest: Shape, level: Shape) -> Array:
    """Return the size of a pixel of a level along each axis, in pixels of the finest level, from the two shapes."""
    return np.divide(finest, level)


def level_matrix(factors: Array) -> Array:
    """Return the matrix from an index in a level to the index in the finest level, shape (n + 1, n + 1)."""
    matrix = np.diag([*factors, 1.0])
    matrix[:-1, -1] = (factors - 1) / 2
    return matrix


def level_span(factor: float, first: int, end: int) -> tuple[int, int]:
    """Return (start, stop) of the pixels of a level that cover the pixels [first, end) of the finest level."""
    return math.floor(first / factor), math.ceil(end / factor)


def pyramid_like(shapes: Sequence[Shape], mean: bool) -> Pyramid | None:
    """Return a pyramid like one of the given shapes; None if there is one level, or no axis gets smaller."""
    if len(shapes) < 2:
        return None
    last = level_factors(shapes[0], shapes[-1])
    axes = tuple(int(axis) - len(shapes[0]) for axis in np.flatnonzero(last > 1))
    return Pyramid(axes, max(SMALLEST, *(shapes[-1][axis] for axis in axes)), mean) if axes else None


def shapes_of_levels(shape: Shape, pyramid: Pyramid) -> list[tuple[int, ...]]:
    """Return the shapes of the levels after an array of a shape without channels."""
    axes, shapes = {axis % len(shape) for axis in pyramid.axes}, [tuple(shape)]
    while max(shapes[-1][axis] for axis in axes) > pyramid.smallest:
        shapes.append(tuple(-(-n // 2) if k in axes else n for k, n in enumerate(shapes[-1])))
    return shapes[1:]


def build_pyramid(
    data: Array, ndim: int, pyramid: Pyramid, threads: int | None = None
) -> Generator[Progress, None, list[Array]]:
    """Compute the levels of an array in a generator that yields progress and returns the levels, finest first.

    A pixel of a level is the mean of the finite pixels that it covers, in part if their number is odd, and NaN if there
    is none; for labels, it is the pixel in its middle. Beyond the levels themselves, the computation takes little
    memory.

    Parameters
    ----------
    data
        Finest level; channels last if there are more axes than `ndim`.
    ndim
        Number of axes without channels.
    pyramid
        Way in which the levels are made.
    threads
        Number of threads; by default the number of cores.
    """
    levels = [data]
    for shape in shapes_of_levels(data.shape[:ndim], pyramid):
        finer = levels[-1] if pyramid.mean else data
        levels.append((yield from _level(finer, shape, ndim, pyramid, threads or cores())))
    return levels


def _level(
    data: Array, shape: tuple[int, ...], ndim: int, pyramid: Pyramid, threads: int
) -> Generator[Progress, None, Array]:
    """Compute a level of a shape without channels from a finer one."""
    axes = [axis % ndim for axis in pyramid.axes]
    out = np.empty((*shape, *data.shape[ndim:]), data.dtype)

    def work(box: Box) -> None:
        out[tuple(slice(a, b) for a, b in box)] = block_of_level(data, shape, axes, box, pyramid.mean)

    yield from run_tasks("Levels", tiles(shape, POINTWISE), work, threads)
    return out


def middles_of_level(n: int, m: int, first: int = 0, stop: int | None = None) -> NDArray[np.intp]:
    """Return which of n pixels are in the middle of the pixels [first, stop) of a level of m pixels.

    Examples
    --------
    >>> middles_of_level(24, 3).tolist(), middles_of_level(5, 2).tolist()
    ([4, 12, 20], [1, 3])
    """
    return ((2 * np.arange(first, m if stop is None else stop) + 1) * n) // (2 * m)


def block_of_level(data: Any, shape: Sequence[int], axes: Sequence[int], box: Box, mean: bool) -> Array:
    """Compute a box of a level of a given shape: means of the level before it, or single pixels of the finest one."""
    if not mean:
        middles = [
            middles_of_level(data.shape[k], shape[k], a, b) if k in axes else np.arange(a, b)
            for k, (a, b) in enumerate(box)
        ]
        chosen: Array = data[np.ix_(*middles)]
        return chosen
    read = [
        (a * data.shape[k] // shape[k], -(-b * data.shape[k] // shape[k])) if k in axes else (a, b)
        for k, (a, b) in enumerate(box)
    ]
    block: Array = data[tuple(slice(a, b) for a, b in read)].astype(working_type(data.dtype))

    def means(of: Array) -> Array:
        for axis in axes:
            of = _averaged(of, axis, box[axis], read[axis][0], data.shape[axis], shape[axis])
        return of

    finite = np.isfinite(block)
    block = means(block) if finite.all() else _finite_means(block, finite, means)
    return from_working(block, "float", ValueRange(0, 1), data.dtype)


def _finite_means(block: Array, finite: Array, means: Callable[[Array], Array]) -> Array:
    """Average the finite pixels; what covers none is NaN, and what covers no other pixels has the bits of `means`."""
    total = means(np.where(finite, block, block.dtype.type(0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        of_finite = total / means(finite.astype(block.dtype))
    return np.where(means((~finite).astype(block.dtype)) > 0, of_finite, total)


def _averaged(block: Array, axis: int, span: tuple[int, int], first: int, n: int, m: int) -> Array:
    """Average along an axis from n to m pixels, where pixel k covers the interval [k n / m, (k + 1) n / m)."""
    begin = np.arange(*span) * n / m
    end = begin + n / m
    total: Array = np.zeros((), block.dtype)
    for tap in range(math.ceil(n / m) + 1):
        start = np.floor(begin) + tap
        weight = np.clip(np.minimum(end, start + 1) - np.maximum(begin, start), 0, None) * m / n
        pixel = np.minimum(start.astype(np.intp) - first, block.shape[axis] - 1)
        along_axis = [1] * block.ndim
        along_axis[axis] = -1
        total = total + block.take(pixel, axis) * weight.astype(block.dtype).reshape(along_axis)
    return total
