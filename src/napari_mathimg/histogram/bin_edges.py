"""Edges of bins over a range, and the numbers of a type that lie between two edges."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Counts = NDArray[np.int64]
Edges = NDArray[np.float64]

ONE_IN = 10_000  # of so many pixels, the robust range leaves out one at either end


def robust_ranks(pixels: int) -> tuple[int, int]:
    """Return the ranks, from 0, of the ends of the robust range of some finite pixels."""
    margin = min(max(1, pixels // ONE_IN), (pixels - 1) // 2)
    return margin, pixels - 1 - margin


def places_of_ends(counts: Counts, robust: bool) -> tuple[int, int]:
    """Return in which of some counts of finite pixels the ends of their robust range lie, or those of their range."""
    up_to = np.cumsum(counts)
    pixels = int(up_to[-1])
    low, high = np.searchsorted(up_to, robust_ranks(pixels) if robust else (0, pixels - 1), side="right")
    return int(low), int(high)


def distinct_edges(low: Any, high: Any, bins: int, integral: bool) -> Edges:
    """Return the rising edges of bins over a range.

    For integers, the edges lie halfway between two levels, and all bins have the same number of levels, so that there
    may be fewer bins than asked for.
    """
    return _integer_edges(int(low), int(high), bins) if integral else _float_edges(float(low), float(high), bins)


def _integer_edges(low: int, high: int, bins: int) -> Edges:
    top = max(abs(low), abs(high))
    step = max(1, int(4 * math.ulp(top)))  # float64 distinguishes levels this far apart
    low = low // step * step
    width = -(-(high - low + 1) // (bins * step)) * step
    count = -(-(high - low + 1) // width)
    return float(low) + float(width) * np.arange(count + 1, dtype=np.float64) - 0.5


def _float_edges(low: float, high: float, bins: int) -> Edges:
    largest = math.nextafter(math.inf, 0)
    smallest_width = max(4 * bins * math.ulp(max(abs(low), abs(high))), 1.0 if low == high else 0.0)
    if high - low < smallest_width:
        middle = low / 2 + high / 2
        low = max(min(low, middle - smallest_width / 2), -largest)
        high = min(max(high, middle + smallest_width / 2), largest)
    factor = _scale_to_one(low, high)
    edges: Edges = np.linspace(low * factor, high * factor, bins + 1) / factor
    return edges


def _scale_to_one(low: float, high: float) -> float:
    """Return the power of two that makes a range about 1 wide, so that products neither overflow nor underflow."""
    _, exponent = math.frexp(high / 2 - low / 2)
    return math.ldexp(1.0, -min(max(exponent, -1000), 1000))


def finite_ends(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """Return the lowest and the highest finite number of a type."""
    info: Any = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    return dtype.type(info.min), dtype.type(info.max)


def slots_between(edges: Edges, dtype: np.dtype[Any]) -> tuple[Any, ...]:
    """Return the arguments of `count_slots` for a type: slots below the edges, in each bin, above, and not finite.

    The first ones are the lowest and the highest number of the type in each slot, and the first and the last slot
    that holds any. Then 1 + (value * factor - origin) * scale is the slot of a value, except for rounding.
    """
    lower, upper, bottom, top = (_float_slots if dtype.kind == "f" else _integer_slots)(edges, dtype)
    low, high = float(edges[0]), float(edges[-1])
    factor = _scale_to_one(low, high)
    origin = low * factor
    scale = (edges.size - 1) / (high * factor - origin)
    return (lower, upper, float(bottom), float(top), factor, origin, scale, *finite_ends(dtype))


def _float_slots(edges: Edges, dtype: np.dtype[Any]) -> tuple[Array, Array, int, int]:
    with np.errstate(over="ignore", under="ignore"):
        after = np.nextafter(-_not_below(-edges[-1:], dtype), dtype.type(np.inf))
        begin = np.concatenate([_not_below(edges[:-1], dtype), after])
        end = np.nextafter(begin, dtype.type(-np.inf))
    lower, upper = np.full(edges.size + 2, -np.inf, dtype), np.full(edges.size + 2, np.inf, dtype)
    lower[1:-1], upper[:-2] = begin, end
    return lower, upper, 0, edges.size


def _not_below(edges: Edges, dtype: np.dtype[Any]) -> Array:
    """Return the lowest numbers of a floating-point type that are not below the edges."""
    near = edges.astype(dtype)
    return np.where(near < edges, np.nextafter(near, dtype.type(np.inf)), near)


def _integer_slots(edges: Edges, dtype: np.dtype[Any]) -> tuple[Array, Array, int, int]:
    least, most = (int(end) for end in finite_ends(dtype))
    begin = [math.ceil(edge) for edge in edges.tolist()]
    lower, upper = [least, *begin], [*(level - 1 for level in begin), most]
    bottom, top = sum(level < least for level in upper), edges.size - sum(level > most for level in lower)
    ends = (np.array([min(max(v, least), most) for v in side], dtype) for side in ([*lower, least], [*upper, most]))
    return next(ends), next(ends), bottom, top


def levels_in_slots(levels: Array, table: Counts, edges: Edges) -> Counts:
    """Sum the counts of levels, shape (channels, levels), in the slots of `count_slots`, shape (channels, slots)."""
    slot = np.searchsorted(edges, levels, side="right")
    slot[levels == edges[-1]] = edges.size - 1
    slot[~np.isfinite(levels)] = edges.size + 1
    slotted = np.zeros((len(table), edges.size + 2), np.int64)
    for counts, of_level in zip(slotted, table, strict=True):
        np.add.at(counts, slot, of_level)
    return slotted
