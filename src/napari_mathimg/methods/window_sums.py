"""Sums over windows, in pieces that can be canceled and shared among threads.

Arrays come with all that their windows cover; results are as much smaller as the windows are large.
"""

import math
from collections.abc import Sequence

import numpy as np

from ..contract.progress import parallel_for
from ..contract.types import Array
from ..kernels import convolution as kernels
from .padding import volume

PRODUCTS = 2**24  # multiplications of a piece, about
BAND = 2**16  # float64 numbers of a piece of a box's sums, about: they stay in a near cache


def weighted(wide: Array, weights: Sequence[Array]) -> Array:
    """Return the sums of windows, one factor of the weights along each axis."""
    down, across, deep = _three(weights, np.ones(1, wide.dtype))
    block = np.ascontiguousarray(volume(wide, len(weights)))
    planes, rows, columns = (n - len(w) + 1 for n, w in zip(block.shape, (deep, down, across), strict=True))
    if len(deep) > 1 or deep[0] != 1:
        block = _weighted_planes(block, deep)
    out = np.empty((planes, rows, columns), wide.dtype)
    step = max(1, PRODUCTS // (planes * columns * (len(down) + len(across))))

    def work(first: int) -> None:
        line = np.empty(block.shape[2], wide.dtype)
        kernels.weigh_separably(block, down, across, first, min(first + step, rows), line, out)

    parallel_for(work, range(0, rows, step))
    return out.reshape([n - len(w) + 1 for n, w in zip(wide.shape, weights, strict=True)])


def _three(each: Sequence[Array], one: Array) -> tuple[Array, Array, Array]:
    """Return what belongs to rows, columns and planes."""
    deep, down, across = [one] * (3 - len(each)) + list(each)
    return down, across, deep


def _weighted_planes(block: Array, weights: Array) -> Array:
    planes, pixels = len(block) - len(weights) + 1, math.prod(block.shape[1:])
    out = np.empty((planes, *block.shape[1:]), block.dtype)
    step = max(kernels.CHUNK, PRODUCTS // (planes * len(weights)) // kernels.CHUNK * kernels.CHUNK)
    lines, sums = block.reshape(len(block), pixels), out.reshape(planes, pixels)

    def work(first: int) -> None:
        kernels.weigh_planes(lines, weights, first, min(first + step, pixels), sums)

    parallel_for(work, range(0, pixels, step))
    return out


def tap_sums(wide: Array, weights: Array) -> Array:
    """Return the sums of windows, zero weights left out."""
    block = np.ascontiguousarray(volume(wide, weights.ndim))
    taps = volume(weights, weights.ndim)
    steps = np.argwhere(taps).astype(np.uintp)
    own = taps[tuple(steps.T)]
    out = np.empty([n - k + 1 for n, k in zip(block.shape, taps.shape, strict=True)], wide.dtype)
    step = max(1, PRODUCTS // (out.shape[0] * out.shape[2] * len(own)))

    def work(first: int) -> None:
        kernels.add_taps(block, steps, own, first, min(first + step, out.shape[1]), out)

    parallel_for(work, range(0, out.shape[1], step))
    return out.reshape([n - k + 1 for n, k in zip(wide.shape, weights.shape, strict=True)])


def box_means(wide: Array, size: tuple[int, ...]) -> Array:
    """Return the means of windows of a size, from sums in float64: of integers, they are exact up to 2^53."""
    deep, down, across = (1,) * (3 - len(size)) + size
    block = np.ascontiguousarray(volume(wide, len(size)))
    planes, rows, columns = (n - k + 1 for n, k in zip(block.shape, (deep, down, across), strict=True))
    if deep > 1:
        block = _summed_planes(block, deep)
    out = np.empty((planes, rows, columns))
    step = max(down, BAND // block.shape[2])

    def work(piece: tuple[int, int]) -> None:
        plane, first = piece
        last = min(first + step, rows)
        lines = block[plane, first : last + down - 1]
        sums = np.empty((last - first, block.shape[2]))
        kernels.add_up_lines(lines, down, 0, block.shape[2], np.empty((len(lines), kernels.STRIP)), sums)
        scratch = np.empty(block.shape[2]), np.empty(columns)
        kernels.average_rows(sums, across, 0, len(sums), math.prod(size), *scratch, out[plane, first:last])

    parallel_for(work, ((p, y) for p in range(planes) for y in range(0, rows, step)))
    return out.reshape([n - k + 1 for n, k in zip(wide.shape, size, strict=True)])


def _summed_planes(block: Array, size: int) -> Array:
    planes, pixels = len(block) - size + 1, math.prod(block.shape[1:])
    out = np.empty((planes, *block.shape[1:]))
    step = max(kernels.STRIP, PRODUCTS // (8 * planes) // kernels.STRIP * kernels.STRIP)
    lines, sums = block.reshape(len(block), pixels), out.reshape(planes, pixels)

    def work(first: int) -> None:
        scratch = np.empty((len(lines), kernels.STRIP))
        kernels.add_up_lines(lines, size, first, min(first + step, pixels), scratch, sums)

    parallel_for(work, range(0, pixels, step))
    return out
