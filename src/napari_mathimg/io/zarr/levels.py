"""The coarse levels of a part of an image, from its own pixels alone."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...contract.operation import ValueRange
from ...contract.progress import checkpoint
from ...contract.reach import Box
from ...engine.values import from_working
from ...kernels.means import block_sums
from .layout import Layout

Array = NDArray[Any]


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
    if layout.labels:
        for level in range(1, layout.levels):
            yield pixels[np.ix_(*(_middles(layout, level, axis, *span) for axis, span in enumerate(box)))]
        return
    sums, counts = pixels, None
    for _ in range(1, layout.levels):
        checkpoint()
        sums, counts = _sums(layout, sums, counts)
        with np.errstate(invalid="ignore"):
            means = sums / counts
        yield from_working(means, "float", ValueRange(0, 1), layout.dtype)


def _middles(layout: Layout, level: int, axis: int, first: int, stop: int) -> NDArray[np.intp]:
    """Return where, in a span of the finest level, the middles of the pixels of a coarse one are."""
    if axis not in layout.halved:
        return np.arange(stop - first)
    step = 2**level
    places: NDArray[np.intp] = np.minimum(np.arange(first, stop, step) + step // 2, layout.shape[axis] - 1) - first
    return places


def _sums(layout: Layout, values: Array, counts: Array | None) -> tuple[Array, Array]:
    """Return sums of blocks of two pixels along each halved axis, and of how many pixels they are."""
    shape = tuple(-(-n // 2) if k in layout.halved else n for k, n in enumerate(values.shape))
    sums, numbers = np.empty(shape), np.empty(shape)
    of_planes, down, right = (2 if k in layout.halved else 1 for k in range(len(shape) - 3, len(shape)))
    whole = _volumes(values, of_planes > 1)
    parts = zip(whole, _volumes(sums, of_planes > 1), _volumes(numbers, of_planes > 1), strict=True)
    for image, total, number in parts:
        block_sums(image, of_planes, down, right, total, number)
    if counts is not None:
        sizes = np.empty(shape)
        parts = zip(*(_volumes(a, of_planes > 1) for a in (counts, numbers, sizes)), strict=True)
        for image, total, number in parts:
            block_sums(image, of_planes, down, right, total, number)
    return sums, numbers


def _volumes(array: Array, is_deep: bool) -> Array:
    """Return an array as volumes, (n, planes, rows, columns): all planes in one if blocks are not deep."""
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    if array.dtype == bool:
        array = array.view(np.uint8)
    planes = array.shape[-3] if is_deep else math.prod(array.shape[:-2])
    return np.ascontiguousarray(array).reshape(-1, planes, *array.shape[-2:])
