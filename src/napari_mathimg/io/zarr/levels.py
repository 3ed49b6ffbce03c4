"""The coarse levels of a part of an image, from its own pixels alone."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...contract.operation import ValueRange
from ...contract.progress import checkpoint
from ...contract.reach import Box
from ...engine.values import from_working
from ...kernels.means import block_sums, halve_finite, halve_integers
from .layout import Layout

Array = NDArray[Any]
SLAB = 2**19  # pixels that are averaged at a time


def parts_of_levels(layout: Layout, box: Box, pixels: Array) -> Iterator[Array]:
    """Yield the part of each level that a box of whole shards covers, the finest first.

    A pixel of a coarse level is the exact mean of the finite pixels of the finest one that it covers (in integers,
    rounded to the nearest, ties to even numbers), and NaN if there is none. For labels, it is the one in its middle.

    Parameters
    ----------
    layout
        How the image is stored.
    box
        The box, in pixels of the finest level.
    pixels
        Its pixels, with axes as they are stored.
    """
    yield pixels
    if layout.levels == 1:
        return
    if layout.labels:
        for level in range(1, layout.levels):
            yield pixels[np.ix_(*(_middles(layout, level, axis, *span) for axis, span in enumerate(box)))]
        return
    shapes = [tuple(b - a for a, b in layout.box_at(level, box)) for level in range(layout.levels)]
    parts = [np.empty(shape, layout.dtype) for shape in shapes[1:]]
    _fill_with_means(_volumes(pixels), [_volumes(part) for part in parts], [k - pixels.ndim for k in layout.halved])
    yield from parts


def _middles(layout: Layout, level: int, axis: int, first: int, stop: int) -> NDArray[np.intp]:
    """Return where, in a span of the finest level, the middles of the pixels of a coarse one are."""
    if axis not in layout.halved:
        return np.arange(stop - first)
    step = 2**level
    places: NDArray[np.intp] = np.minimum(np.arange(first, stop, step) + step // 2, layout.shape[axis] - 1) - first
    return places


def _fill_with_means(pixels: Array, parts: list[Array], halved: list[int]) -> None:
    """Fill the coarse levels of volumes with means, some planes at a time, which stay in the caches of the processor.

    Parameters
    ----------
    pixels
        Volumes of the finest level, (n, planes, rows, columns).
    parts
        Those of each coarse level.
    halved
        Axes that levels halve, counted from the last one.
    """
    block = tuple(2 if axis in halved else 1 for axis in (-3, -2, -1))
    least = block[0] ** len(parts)
    planes = -(-max(SLAB // (pixels.shape[-2] * pixels.shape[-1]), 1) // least) * least
    for volume, first in itertools.product(range(len(pixels)), range(0, pixels.shape[1], planes)):
        checkpoint()
        slab = _plain(pixels[volume, first : first + planes])
        levels = []
        for level, part in enumerate(parts, 1):
            start = first // block[0] ** level
            levels.append(part[volume, start : start + -(-len(slab) // block[0] ** level)])
        if not _halve(slab, levels, block):
            _fill_with_sums(slab, levels, block)


def _halve(slab: Array, levels: list[Array], block: tuple[int, ...]) -> bool:
    """Fill the coarse levels of a slab fast, and return whether that gave what `_fill_with_sums` gives.

    It does for integers of at most 16 bits and finite numbers of 32 bits, where no block is cut off.
    """
    integers = slab.dtype.kind in "iu" and slab.dtype.itemsize <= 2
    is_whole = all(n % b ** len(levels) == 0 for n, b in zip(slab.shape, block, strict=True))
    bits = block.count(2) * len(levels)
    if not is_whole or block[2] != 2 or bits > 32 or not (integers or slab.dtype == levels[0].dtype == np.float32):
        return False
    wide = np.dtype(np.float64 if not integers else np.int32 if bits <= 14 else np.int64)
    kernel, values = halve_integers if integers else halve_finite, slab
    for level, part in enumerate(levels, 1):
        sums = np.empty(part.shape, wide)
        out = part.view(np.uint8) if part.dtype == bool else part
        if kernel(values, block[0], block[1], level * block.count(2), sums, out) is False:
            return False
        values = sums
    return True


def _fill_with_sums(slab: Array, levels: list[Array], block: tuple[int, ...]) -> None:
    """Fill the coarse levels of a slab from sums of the finite pixels and their numbers."""
    sums, counts = slab, None
    for part in levels:
        sums, counts = _block_sums(sums, counts, block)
        with np.errstate(invalid="ignore"):
            means = sums / counts
        part[...] = from_working(means, "float", ValueRange(0, 1), part.dtype)


def _block_sums(values: Array, counts: Array | None, block: tuple[int, ...]) -> tuple[Array, Array]:
    """Return sums of blocks of a volume, and how many pixels of the finest level they are of."""
    shape = tuple(-(-n // b) for n, b in zip(values.shape, block, strict=True))
    sums, numbers = np.empty(shape), np.empty(shape)
    block_sums(values, *block, sums, numbers)
    if counts is not None:
        block_sums(counts, *block, numbers, np.empty(shape))
    return sums, numbers


def _volumes(array: Array) -> Array:
    """Return an array as volumes, (n, planes, rows, columns)."""
    return array.reshape(-1, *((1, *array.shape)[-3:]))


def _plain(array: Array) -> Array:
    """Return an array as kernels read it."""
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    return np.ascontiguousarray(array.view(np.uint8) if array.dtype == bool else array)
