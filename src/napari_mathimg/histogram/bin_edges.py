"""Edges of bins over a range, and which numbers of a type lie between two of them."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Counts = NDArray[np.int64]
Edges = NDArray[np.float64]


def distinct_edges(low: Any, high: Any, bins: int, integral: bool) -> Edges:
    """Return rising edges of bins over a range; of integers, of as many levels each and half-way between two."""
    return _integer_edges(int(low), int(high), bins) if integral else _float_edges(float(low), float(high), bins)


def _integer_edges(low: int, high: int, bins: int) -> Edges:
    top = max(abs(low), abs(high))
    grain = max(1, int(4 * math.ulp(top)))  # float64 tells such levels apart
    low = low // grain * grain
    width = -(-(high - low + 1) // (bins * grain)) * grain
    count = -(-(high - low + 1) // width)
    return float(low) + float(width) * np.arange(count + 1, dtype=np.float64) - 0.5


def _float_edges(low: float, high: float, bins: int) -> Edges:
    most = math.nextafter(math.inf, 0)
    least = max(4 * bins * math.ulp(max(abs(low), abs(high))), 1.0 if low == high else 0.0)
    if high - low < least:
        middle = low / 2 + high / 2
        low, high = max(min(low, middle - least / 2), -most), min(max(high, middle + least / 2), most)
    factor = _factor(low, high)
    edges: Edges = np.linspace(low * factor, high * factor, bins + 1) / factor
    return edges


def _factor(low: float, high: float) -> float:
    """Return the power of two that makes a range about 1 wide, lest very wide or narrow ones overflow on the way."""
    _, exponent = math.frexp(high / 2 - low / 2)
    return math.ldexp(1.0, -min(max(exponent, -1000), 1000))


def finite_ends(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """Return the lowest and the highest finite number of a type."""
    info: Any = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    return dtype.type(info.min), dtype.type(info.max)


def slots_between(edges: Edges, dtype: np.dtype[Any]) -> tuple[Any, ...]:
    """Return what `count_slots` must know: below the edges, the bins, above the edges, not finite.

    `lower` and `upper` are the lowest and the highest number of the type in each slot, `bottom` and `top` the first
    and the last slot that holds any, and 1 + (value * `factor` - `origin`) * `scale` is the slot but for rounding.
    """
    lower, upper, bottom, top = (_float_slots if dtype.kind == "f" else _integer_slots)(edges, dtype)
    low, high = float(edges[0]), float(edges[-1])
    factor = _factor(low, high)
    origin = low * factor
    scale = (edges.size - 1) / (high * factor - origin)
    return (lower, upper, float(bottom), float(top), factor, origin, scale, *finite_ends(dtype))


def _float_slots(edges: Edges, dtype: np.dtype[Any]) -> tuple[Array, Array, int, int]:
    with np.errstate(over="ignore", under="ignore"):
        after = np.nextafter(-_not_under(-edges[-1:], dtype), dtype.type(np.inf))
        begin = np.concatenate([_not_under(edges[:-1], dtype), after])
        end = np.nextafter(begin, dtype.type(-np.inf))
    lower, upper = np.full(edges.size + 2, -np.inf, dtype), np.full(edges.size + 2, np.inf, dtype)
    lower[1:-1], upper[:-2] = begin, end
    return lower, upper, 0, edges.size


def _not_under(edges: Edges, dtype: np.dtype[Any]) -> Array:
    """Return the lowest numbers of a floating-point type that are not under the edges."""
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
    """Add counted levels, shape (channels, levels), up to the slots of `count_slots`, shape (channels, slots)."""
    slot = np.searchsorted(edges, levels, side="right")
    slot[levels == edges[-1]] = edges.size - 1
    slot[~np.isfinite(levels)] = edges.size + 1
    slotted = np.zeros((len(table), edges.size + 2), np.int64)
    for counts, of_level in zip(slotted, table, strict=True):
        np.add.at(counts, slot, of_level)
    return slotted
