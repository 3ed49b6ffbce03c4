"""Weighted means of pixels with similar surroundings, which non-local means and the bilateral filter share."""

import math

import numpy as np
from numpy.typing import NDArray

from ..contract import types as t
from ..contract.operation import BlockInfo
from ..contract.progress import checkpoint, stop_word
from ..contract.reach import size as size_of
from ..kernels import nl_means as kernels
from .padding import embedded, padded_block

PIXELS = 2**17  # of a box whose sums fit into the cache
WORK = 2**22  # pixels times shifts between two checkpoints


def half_of_shifts(distance: tuple[int, ...]) -> NDArray[np.intp]:
    """Return the shifts (planes, rows, columns) up to a distance that follow (0, 0, 0) in array order.

    The opposite shifts, which precede it, have the same weights.
    """
    full = (0,) * (3 - len(distance)) + tuple(distance)
    steps = np.indices([2 * d + 1 for d in full]).reshape(3, -1).T - np.array(full)
    return np.ascontiguousarray(steps[len(steps) // 2 + 1 :])


def average_similar(
    image: t.Array, info: BlockInfo, size: tuple[int, ...], distance: tuple[int, ...], shifts: NDArray[np.intp],
    nearness: NDArray[np.float64], scale: float, floor: float,
) -> t.Array:  # fmt: skip
    """Return the weighted means of the pixels of a block and of those at some shifts and at the opposite shifts.

    Parameters
    ----------
    image, info
        Block, channels last if any, and where it lies.
    size, distance
        Sides of the patches that are compared, and largest shift along each axis, in pixels.
    shifts
        (n, 3) shifts as from `half_of_shifts`.
    nearness
        (n,) spatial weights of the shifts, used with patches of one pixel only.
    scale, floor
        A patch whose squared differences add up to s has the weight ``exp(-scale * max(s - floor, 0))``.
    """
    ndim, core = len(size), size_of(info.core)
    radius = tuple(s // 2 + d for s, d in zip(size, distance, strict=True))
    block = _to_planes(padded_block(image, info, radius), ndim)
    leading = (1,) * (3 - ndim)
    margins, patch = (0,) * (3 - ndim) + radius, leading + tuple(size)
    planes, rows, columns = leading + core
    padded_columns = -(-columns // kernels.PAD) * kernels.PAD
    number = block.dtype.type
    inside = tuple(slice(m, m + n) for m, n in zip(margins, (planes, rows, padded_columns), strict=True))
    pixels = block[(slice(None), *inside)]
    sums, totals = np.zeros(pixels.shape, block.dtype), np.ones(pixels.shape[1:], block.dtype)
    weights = nearness.astype(block.dtype)
    for box in _boxes(planes, rows, padded_columns):
        step = max(1, WORK // (math.prod(b - a for a, b in box) * padded_columns))
        for first in range(0, len(shifts), step):
            checkpoint()
            kernels.add_similar(
                block, margins, box, columns, shifts[first : first + step], weights[first : first + step], patch,
                number(scale), number(floor), sums, totals, stop_word(),
            )  # fmt: skip
    checkpoint()
    sums /= totals
    sums += pixels
    means = np.moveaxis(sums[..., :columns], 0, -1).reshape(*core, *image.shape[ndim:])
    return embedded(image, info, means)


def _to_planes(image: t.Array, ndim: int) -> t.Array:
    """Return a block, channels last if any, as (channels, planes, rows, columns) with padded rows."""
    planar = np.moveaxis(image.reshape(*(1,) * (3 - ndim), *image.shape[:ndim], -1), -1, 0)
    columns = planar.shape[-1]
    out = np.zeros((*planar.shape[:-1], columns + 3 * kernels.PAD), image.dtype)
    out[..., :columns] = planar
    return out


def _boxes(planes: int, rows: int, columns: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return boxes of whole rows, (first, last) plane and row, whose sums fit into the cache."""
    deep = min(planes, 16)
    high = max(1, min(rows, PIXELS // (deep * columns)))
    return [
        ((z, min(z + deep, planes)), (y, min(y + high, rows)))
        for z in range(0, planes, deep)
        for y in range(0, rows, high)
    ]
