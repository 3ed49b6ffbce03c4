"""Convolution by direct summation, in pieces that threads share and that can be canceled.

Arrays are padded by the size of the window; results are smaller by it. Weights are in the order of the pixels that
they multiply.
"""

import math
from collections.abc import Sequence

import numpy as np

from ..contract.progress import parallel_for
from ..contract.types import Array
from ..kernels import convolution as kernels
from .padding import volume

PRODUCTS = 2**24  # approximate number of multiplications in a piece
BAND = 2**16  # approximate number of float64 sums in a piece, which fit into the second-level cache


def correlate_separable(padded: Array, factors: Sequence[Array]) -> Array:
    """Return the correlation with the outer product of one factor per axis."""
    deep, down, across = [np.ones(1, padded.dtype)] * (3 - len(factors)) + list(factors)
    block = np.ascontiguousarray(volume(padded, len(factors)))
    planes, rows, columns = (n - len(w) + 1 for n, w in zip(block.shape, (deep, down, across), strict=True))
    if len(deep) > 1 or deep[0] != 1:
        block = _correlate_planes(block, deep)
    out = np.empty((planes, rows, columns), padded.dtype)
    step = max(1, PRODUCTS // (planes * columns * (len(down) + len(across))))

    def work(first: int) -> None:
        line = np.empty(block.shape[2], padded.dtype)
        kernels.weigh_separably(block, down, across, first, min(first + step, rows), line, out)

    parallel_for(work, range(0, rows, step))
    return out.reshape([n - len(w) + 1 for n, w in zip(padded.shape, factors, strict=True)])


def _correlate_planes(block: Array, weights: Array) -> Array:
    """Return the correlation of (planes, rows, columns) with weights along the first axis."""
    planes, pixels = len(block) - len(weights) + 1, math.prod(block.shape[1:])
    out = np.empty((planes, *block.shape[1:]), block.dtype)
    step = max(kernels.CHUNK, PRODUCTS // (planes * len(weights)) // kernels.CHUNK * kernels.CHUNK)
    lines, sums = block.reshape(len(block), pixels), out.reshape(planes, pixels)

    def work(first: int) -> None:
        kernels.weigh_planes(lines, weights, first, min(first + step, pixels), sums)

    parallel_for(work, range(0, pixels, step))
    return out


def correlate_scattered(padded: Array, weights: Array) -> Array:
    """Return the correlation with the nonzero weights, one by one."""
    block = np.ascontiguousarray(volume(padded, weights.ndim))
    window = volume(weights, weights.ndim)
    offsets = np.argwhere(window).astype(np.uintp)
    taps = window[tuple(offsets.T)]
    out = np.empty([n - k + 1 for n, k in zip(block.shape, window.shape, strict=True)], padded.dtype)
    step = max(1, PRODUCTS // (out.shape[0] * out.shape[2] * len(taps)))

    def work(first: int) -> None:
        kernels.add_taps(block, offsets, taps, first, min(first + step, out.shape[1]), out)

    parallel_for(work, range(0, out.shape[1], step))
    return out.reshape([n - k + 1 for n, k in zip(padded.shape, weights.shape, strict=True)])


def average_windows(padded: Array, size: tuple[int, ...]) -> Array:
    """Return the means of windows of a size in float64; sums of integers are exact up to 2^53."""
    deep, down, across = (1,) * (3 - len(size)) + size
    block = np.ascontiguousarray(volume(padded, len(size)))
    planes, rows, columns = (n - k + 1 for n, k in zip(block.shape, (deep, down, across), strict=True))
    if deep > 1:
        block = _sum_planes(block, deep)
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
    return out.reshape([n - k + 1 for n, k in zip(padded.shape, size, strict=True)])


def _sum_planes(block: Array, size: int) -> Array:
    """Return the sums of `size` consecutive planes in float64."""
    planes, pixels = len(block) - size + 1, math.prod(block.shape[1:])
    out = np.empty((planes, *block.shape[1:]))
    step = max(kernels.STRIP, PRODUCTS // (8 * planes) // kernels.STRIP * kernels.STRIP)
    lines, sums = block.reshape(len(block), pixels), out.reshape(planes, pixels)

    def work(first: int) -> None:
        scratch = np.empty((len(lines), kernels.STRIP))
        kernels.add_up_lines(lines, size, first, min(first + step, pixels), scratch, sums)

    parallel_for(work, range(0, pixels, step))
    return out
