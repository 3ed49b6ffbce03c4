"""Median filtering: by sorting networks for small windows, by histograms for large ones."""

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import types as t
from ..contract.operation import BlockInfo
from ..contract.progress import checkpoint
from ..contract.quantities import count
from ..contract.reach import Reach
from ..contract.reach import size as size_of
from ..kernels import median as kernels
from .holes import Mask
from .padding import embedded, nearest_odd, padded_block, volume, window_reach

Steps = list[tuple[int, int]]
Program = list[tuple[int, int, int]]

MAX_WIRES = 125  # pixels of a window up to which a sorting network is faster than a histogram
MAX_PIXELS = 2**20  # of a window
WORK = 2**22  # approximate number of windows times pixels between two checkpoints
CACHE = 2**15  # bytes of the pixels that go through a network together


def median_reach(size: tuple[float, ...], mode: str) -> Reach:
    """Return the reach of median windows under an edge mode."""
    return window_reach(_radius(size), mode)


def check_window_size(size: tuple[float, ...]) -> None:
    """Raise ValueError for windows that are too large."""
    pixels = math.prod(nearest_odd(size))
    if pixels > MAX_PIXELS:
        raise ValueError(f"size={size}: must give a window of at most {count(MAX_PIXELS)} pixels, not {count(pixels)}")


def _radius(size: tuple[float, ...]) -> tuple[int, ...]:
    return tuple(n // 2 for n in nearest_odd(size))


def median_filter(
    image: t.Array, info: BlockInfo, size: tuple[float, ...], mode: str, cval: float, valid: Mask | None
) -> t.Array:
    """Return the medians of the valid pixels in the windows around the pixels of a block."""
    block = padded_block(image, info, _radius(size), mode, _truncated(cval, image.dtype))
    known = None if valid is None else volume(padded_block(valid, info, _radius(size), mode, True), image.ndim)
    window = (1,) * (3 - image.ndim) + nearest_odd(size)
    found = medians(volume(block, image.ndim), (window[0], window[1], window[2]), known)
    return embedded(image, info, found.reshape(size_of(info.core)))


def _truncated(value: float, dtype: np.dtype[Any]) -> float | int:
    """Return a number truncated and clipped to an integer type, as scipy.ndimage converts fill values."""
    if dtype.kind in "iu":
        return min(max(int(value), np.iinfo(dtype).min), np.iinfo(dtype).max)
    return value


def medians(image: t.Array, size: tuple[int, int, int], valid: Mask | None = None) -> t.Array:
    """Return the medians of all windows (planes, rows, columns) that lie inside of a volume.

    With `valid`, those of the valid pixels only; windows without any keep a value of `image`.
    """
    dtype = image.dtype
    flip = 1 << (8 * dtype.itemsize - 1) if dtype.kind == "i" else 0
    image = _sortable(image, flip)
    out = np.empty([n - s + 1 for n, s in zip(image.shape, size, strict=True)], image.dtype)
    if math.prod(size) > MAX_WIRES and valid is not None:
        _fill_by_histogram(image, size, out, valid)
        return out.astype(dtype, copy=False)
    if math.prod(size) == 1:
        out[...] = image
    elif size[0] == 1 and size[1:] in ((3, 3), (5, 5)):
        fill_medians = kernels.median_3x3 if size[1] == 3 else kernels.median_5x5
        for plane, medians_of_plane in zip(image, out, strict=True):
            checkpoint()
            fill_medians(plane, medians_of_plane)
    elif math.prod(size) <= MAX_WIRES:
        _fill_by_network(image, size, out)
    else:
        _fill_by_histogram(image, size, out)
    if valid is not None:
        for first, last in _bands(out, math.prod(size)):
            checkpoint()
            kernels.median_of_valid(image, valid, first, last, size, out)
    if flip:
        out ^= out.dtype.type(flip)
    return out.view(dtype) if dtype.kind in "bi" else out.astype(dtype, copy=False)


def _sortable(image: t.Array, flip: int) -> t.Array:
    """Return values of the same order in a type that kernels support; -0, which sorts like 0, becomes 0."""
    if image.dtype.kind == "f":
        return image.astype(np.float32 if image.dtype.itemsize < 4 else image.dtype) + 0
    unsigned = np.dtype(f"u{image.dtype.itemsize}")
    return image.view(unsigned) ^ unsigned.type(flip) if flip else image.view(unsigned)


def _fill_by_network(image: t.Array, size: tuple[int, int, int], out: t.Array) -> None:
    """Fill `out` with medians found by sorting networks."""
    sort, select, middle = networks(size[0] * size[1], size[2])
    run = max(32, CACHE // (math.prod(size) * image.itemsize) // 32 * 32)
    for first, last in _bands(out, math.prod(size)):
        checkpoint()
        kernels.median_network(image, first, last, size, run, sort, select, middle, out)


def _bands(out: t.Array, pixels: int) -> list[tuple[int, int]]:
    """Return ranges of rows that take about the same time."""
    step = max(1, WORK // (out.shape[0] * out.shape[2] * pixels))
    return [(a, min(a + step, out.shape[1])) for a in range(0, out.shape[1], step)]


def _fill_by_histogram(image: t.Array, size: tuple[int, int, int], out: t.Array, valid: Mask | None = None) -> None:
    """Fill `out` with medians found by counting gray levels, or the ranks of values in types of more than 16 bits.

    With `valid`, of floating-point numbers only.
    """
    if image.dtype.kind == "u" and image.dtype.itemsize <= 2:
        values, ranks, levels = None, image, 1 << (8 * image.dtype.itemsize)
    else:
        values, ranks = np.unique(image), np.empty(image.shape, np.uint32)
        levels = len(values)
        for row in np.ndindex(image.shape[:2]):  # one by one, to hold little at a time
            ranks[row] = np.searchsorted(values, image[row])
    found = out if values is None else np.empty(out.shape, ranks.dtype)
    upper = found if valid is None else np.empty_like(found)
    for first, last in _bands(out, size[0] * size[1]):
        checkpoint()
        if valid is None:
            kernels.median_histogram(ranks, first, last, size, levels, found)
        else:
            kernels.median_histogram_of_valid(ranks, valid, first, last, size, levels, found, upper)
    if values is not None:
        half = out.dtype.type(0.5)
        for row in np.ndindex(out.shape[:2]):
            lower = values[found[row]]
            out[row] = lower if valid is None else lower * half + values[upper[row]] * half


@cache
def networks(section: int, sections: int) -> tuple[NDArray[np.int32], NDArray[np.int32], int]:
    """Return two sorting networks as programs of (wire, wire, kept) steps, and the wire of the median.

    The first sorts a cross-section of `section` wires. The second finds the median of `sections` sorted cross-sections.
    Both are Batcher's odd-even merge sort; the second omits the steps that the median does not need.
    """
    sort, _ = _assign_wires(_merge_sort(_next_power(section), 1), list(range(section)))
    size = _next_power(section)
    places = [k * size + i for k in range(sections) for i in range(section)]
    steps, wires = _assign_wires(_merge_sort(size * _next_power(sections), size), places)
    middle = wires[section * sections // 2]
    return _as_array([(a, b, 0) for a, b in sort]), _as_array(_prune(steps, middle)), middle


def _next_power(n: int) -> int:
    """Return the lowest power of two that is at least n."""
    return 1 << (n - 1).bit_length()


def _merge_sort(n: int, sorted_blocks: int) -> Steps:
    """Return the steps of an odd-even merge sort of n places, a power of two, whose blocks are already sorted."""
    steps, p = [], sorted_blocks
    while p < n:
        k = p
        while k >= 1:
            for j in range(k % p, n - k, 2 * k):
                for i in range(min(k, n - j - k)):
                    if (i + j) // (2 * p) == (i + j + k) // (2 * p):
                        steps.append((i + j, i + j + k))
            k //= 2
        p *= 2
    return steps


def _assign_wires(steps: Steps, places: list[int]) -> tuple[Steps, list[int]]:
    """Return the steps between the wires at some places, and the wires in their final order.

    All other places are omitted, as if they held infinity.
    """
    wire = {place: k for k, place in enumerate(places)}
    kept = []
    for a, b in steps:
        if a in wire and b in wire:
            kept.append((wire[a], wire[b]))
        elif b in wire:
            wire[a] = wire.pop(b)
    return kept, [wire[place] for place in sorted(wire)]


def _prune(steps: Steps, middle: int) -> Program:
    """Return the steps that the middle wire needs, with the needed results: both (0), the lower (1), the higher (2)."""
    needed, kept = {middle}, []
    for a, b in reversed(steps):
        if a in needed or b in needed:
            kept.append((a, b, 0 if a in needed and b in needed else 1 if a in needed else 2))
            needed |= {a, b}
    return kept[::-1]


def _as_array(steps: Program) -> NDArray[np.int32]:
    return np.array(steps, np.int32).reshape(-1, 3)
