"""Which way a median is found: by a network for small windows, by counting for large ones."""

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import types as t
from ..contract.operation import BlockInfo
from ..contract.progress import checkpoint
from ..contract.reach import Reach
from ..contract.reach import size as size_of
from ..kernels import median as kernels
from .padding import embedded, odd, padded_block, volume, window_reach

Steps = list[tuple[int, int]]

WIRES = 125  # pixels of a window at most for which a network is faster than counting
MOST_PIXELS = 2**20  # of a window
WORK = 2**22  # windows times pixels between two checkpoints, about
CACHE = 2**15  # bytes of the pixels that go through a network together


def median_reach(size: tuple[float, ...], mode: str) -> Reach:
    """Return half the window."""
    return window_reach(_radius(size), mode)


def check_window_size(size: tuple[float, ...]) -> None:
    """Refuse windows of more pixels than can be counted in reasonable time."""
    if math.prod(odd(size)) > MOST_PIXELS:
        raise ValueError(f"size={size}: windows of at most {MOST_PIXELS:,} pixels, not {math.prod(odd(size)):,}")


def _radius(size: tuple[float, ...]) -> tuple[int, ...]:
    return tuple(n // 2 for n in odd(size))


def median_of_windows(image: t.Array, info: BlockInfo, size: tuple[float, ...], mode: str, cval: float) -> t.Array:
    """Return the medians of the windows around all pixels of a block."""
    block = padded_block(image, info, _radius(size), mode, _held(cval, image.dtype))
    window = (1,) * (3 - image.ndim) + odd(size)
    found = medians(volume(block, image.ndim), (window[0], window[1], window[2]))
    return embedded(image, info, found.reshape(size_of(info.core)))


def _held(value: float, dtype: np.dtype[Any]) -> float | int:
    """Return what a type holds of a number, as a conversion in C cuts it."""
    if dtype.kind in "iu":
        return min(max(int(value), np.iinfo(dtype).min), np.iinfo(dtype).max)
    return value


def medians(image: t.Array, size: tuple[int, int, int]) -> t.Array:
    """Return the medians of all windows that lie in a volume."""
    dtype = image.dtype
    flip = 1 << (8 * dtype.itemsize - 1) if dtype.kind == "i" else 0
    image = _sortable(image, flip)
    out = np.empty([n - s + 1 for n, s in zip(image.shape, size, strict=True)], image.dtype)
    if math.prod(size) == 1:
        out[...] = image
    elif size[0] == 1 and size[1:] in ((3, 3), (5, 5)):
        small = kernels.median_3x3 if size[1] == 3 else kernels.median_5x5
        for plane, medians_of_plane in zip(image, out, strict=True):
            checkpoint()
            small(plane, medians_of_plane)
    elif math.prod(size) <= WIRES:
        _by_network(image, size, out)
    else:
        _by_counting(image, size, out)
    if flip:
        out ^= out.dtype.type(flip)
    return out.view(dtype) if dtype.kind in "bi" else out.astype(dtype, copy=False)


def _sortable(image: t.Array, flip: int) -> t.Array:
    """Return values in the same order, of a type that has a kernel; -0, which sorts like 0, becomes 0."""
    if image.dtype.kind == "f":
        return image.astype(np.float32 if image.dtype.itemsize < 4 else image.dtype) + 0
    unsigned = np.dtype(f"u{image.dtype.itemsize}")
    return image.view(unsigned) ^ unsigned.type(flip) if flip else image.view(unsigned)


def _by_network(image: t.Array, size: tuple[int, int, int], out: t.Array) -> None:
    sort, select, middle = networks(size[0] * size[1], size[2])
    run = max(32, CACHE // (math.prod(size) * image.itemsize) // 32 * 32)
    for first, last in _bands(out, math.prod(size)):
        checkpoint()
        kernels.median_network(image, first, last, size, run, sort, select, middle, out)


def _bands(out: t.Array, pixels: int) -> list[tuple[int, int]]:
    """Ranges of rows that take about the same time."""
    step = max(1, WORK // (out.shape[0] * out.shape[2] * pixels))
    return [(a, min(a + step, out.shape[1])) for a in range(0, out.shape[1], step)]


def _by_counting(image: t.Array, size: tuple[int, int, int], out: t.Array) -> None:
    """Count gray levels; where a type has too many, number the values that occur."""
    if image.dtype.kind == "u" and image.dtype.itemsize <= 2:
        values, numbers, levels = None, image, 1 << (8 * image.dtype.itemsize)
    else:
        values, inverse = np.unique(image, return_inverse=True)
        numbers, levels = inverse.reshape(image.shape).astype(np.uint32), len(values)
    found = out if values is None else np.empty(out.shape, numbers.dtype)
    for first, last in _bands(out, size[0] * size[1]):
        checkpoint()
        kernels.median_histogram(numbers, first, last, size, levels, found)
    if values is not None:
        out[...] = values[found]


@cache
def networks(section: int, sections: int) -> tuple[NDArray[np.int32], NDArray[np.int32], int]:
    """Return a network that sorts `section` wires, one that selects from `sections` sorted ones, and its result's wire.

    Both are Batcher's odd-even merge sort; the second begins where blocks of `section` wires are in order, and is
    left without the steps that the median does not need.
    """
    sort, _ = _simulate(_batcher(_power(section), 1), list(range(section)))
    size = _power(section)
    places = [k * size + i for k in range(sections) for i in range(section)]
    steps, wires = _simulate(_batcher(size * _power(sections), size), places)
    middle = wires[section * sections // 2]
    return _program(_all(sort)), _program(_pruned(steps, middle)), middle


def _power(n: int) -> int:
    return 1 << (n - 1).bit_length()


def _batcher(n: int, sorted_blocks: int) -> Steps:
    """Odd-even merge sort of a power of two of places, from blocks that are in order."""
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


def _simulate(steps: Steps, places: list[int]) -> tuple[Steps, list[int]]:
    """Leave out places that hold no pixel, as if they held infinity; return the steps and the wires by final place."""
    wire = {place: k for k, place in enumerate(places)}
    kept = []
    for a, b in steps:
        if a in wire and b in wire:
            kept.append((wire[a], wire[b]))
        elif b in wire:
            wire[a] = wire.pop(b)
    return kept, [wire[place] for place in sorted(wire)]


def _all(steps: Steps) -> list[tuple[int, int, int]]:
    return [(a, b, 0) for a, b in steps]


def _pruned(steps: Steps, middle: int) -> list[tuple[int, int, int]]:
    """Keep what the middle needs: both results of a step (0), the lower (1) or the higher (2)."""
    needed, kept = {middle}, []
    for a, b in reversed(steps):
        if a in needed or b in needed:
            kept.append((a, b, 0 if a in needed and b in needed else 1 if a in needed else 2))
            needed |= {a, b}
    return kept[::-1]


def _program(steps: list[tuple[int, int, int]]) -> NDArray[np.int32]:
    return np.array(steps, np.int32).reshape(-1, 3)
