"""Exact counting: grey levels one by one, the outermost values, and bins between given edges."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._jit import kernel

Array = NDArray[Any]
Counts = NDArray[np.int64]
Edges = NDArray[np.float64]

CHUNK = 512  # pixels looked at together, so that compilers vectorize what they can
RUN = 64  # the same where one pixel that counts makes all of them be looked at again
PIECE = 2**16  # pixels after which the outermost values are sorted out


@kernel
def count_levels(levels, counts):  # type: ignore[no-untyped-def]
    """Add to `counts` how often each unsigned number occurs in a flat array."""
    for k in range(levels.size):
        counts[levels[k]] += 1


@kernel
def outer_values(image, below, above, lowest, highest, out):  # type: ignore[no-untyped-def]
    """Copy the finite values under `below` or over `above` from a flat array to the beginning of `out`.

    Finite are those from `lowest` to `highest`. Returns how many are finite and how many were copied.
    """
    finite = 0
    copied = 0
    for start in range(0, image.size, RUN):
        part = image[start : start + RUN]
        outside = 0
        for k in range(part.size):
            x = part[k]
            finite += (lowest <= x) & (x <= highest)
            outside += (x < below) | (x > above)
        if outside:
            for k in range(part.size):
                x = part[k]
                if lowest <= x <= highest and (x < below or x > above):
                    out[copied] = x
                    copied += 1
    return finite, copied


@kernel
def count_slots(image, lower, upper, bottom, top, factor, origin, scale, lowest, highest, counts):  # type: ignore[no-untyped-def]
    """Add to `counts` how many values of a flat array lie in each of the slots that `slots_between` describes.

    Rounding may put a computed slot one off; the lowest and the highest number of the slot then decide.
    """
    not_finite = np.float64(lower.size - 1)
    slots = np.empty(CHUNK, np.uint32)
    for start in range(0, image.size, CHUNK):
        part = image[start : start + CHUNK]
        for k in range(part.size):
            x = part[k]
            slot = (np.float64(x) * factor - origin) * scale + 1.0
            slot = slot if slot > bottom else bottom
            slot = slot if slot < top else top
            slot = slot if (lowest <= x) & (x <= highest) else not_finite
            slots[k] = np.uint32(np.int32(slot))
        for k in range(part.size):
            x = part[k]
            i = np.uintp(slots[k])  # signed indices would be tested for wrapping around
            counts[np.uintp(i + np.uintp(x > upper[i]) - np.uintp(x < lower[i]))] += 1


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


class Tails:
    """The `keep` lowest and the `keep` highest finite values of all arrays added."""

    def __init__(self, keep: int, dtype: np.dtype[Any]) -> None:
        self.finite = 0
        self.low = self.high = np.empty(0, dtype)
        self._keep, self._found, self._new = keep, np.empty(keep + PIECE, dtype), 0
        self._ends = self._above, self._below = finite_ends(dtype)

    def add(self, flat: Array) -> None:
        """Look at a flat array; values between the kept ones change nothing."""
        for start in range(0, flat.size, PIECE):
            piece, free = flat[start : start + PIECE], self._found[self._new :]
            finite, copied = outer_values(piece, self._below, self._above, *self._ends, free)
            self.finite += finite
            self._new += copied
            if self._new >= self._keep:
                self.merge([])

    def merge(self, others: list["Tails"]) -> None:
        """Sort in what was found, and all that others found."""
        for other in others:
            other.merge([])
            self.finite += other.finite
        found, k, self._new = self._found[: self._new], self._keep, 0
        low = np.concatenate([self.low, found, *(other.low for other in others)])
        high = np.concatenate([self.high, found, *(other.high for other in others)])
        self.low = np.partition(low, k - 1)[:k].copy() if low.size > k else low
        self.high = np.partition(high, -k)[-k:].copy() if high.size > k else high
        if self.low.size == k:
            self._below, self._above = self.low.max(), self.high.min()


@kernel
def count_magnitudes(values, least, counts):  # type: ignore[no-untyped-def]
    """Count flat float32 numbers by the upper 16 of the 31 bits of their magnitudes, none under `least`."""
    for k in range(values.size):
        x = abs(values[k])
        if x >= least:
            counts[np.uintp(np.float32(x).view(np.int32) >> np.int32(15))] += 1


@kernel
def count_within(values, least, slot, counts):  # type: ignore[no-untyped-def]
    """Count those of one of the slots of `count_magnitudes` by the lower 15 bits."""
    for k in range(values.size):
        x = abs(values[k])
        bits = np.float32(x).view(np.int32)
        if x >= least and bits >> np.int32(15) == slot:
            counts[np.uintp(bits & np.int32(0x7FFF))] += 1


@kernel
def add_exactly(values, sums):  # type: ignore[no-untyped-def]
    """Add flat float64 numbers of at least 0 to whole numbers, shape (2, 2048), that hold their sum without rounding.

    Column e adds up the mantissas of the numbers with exponent e: their upper and lower 26 bits apart. What is added
    does not depend on the order, as a sum of floating-point numbers would.
    """
    for k in range(values.size):
        bits = np.float64(values[k]).view(np.int64)
        exponent = bits >> 52
        mantissa = bits & ((1 << 52) - 1) | (1 << 52)
        if exponent > 0:
            sums[0, exponent] += mantissa >> 26
            sums[1, exponent] += mantissa & ((1 << 26) - 1)


def exact_sum(sums: Counts) -> float:
    """Return what `add_exactly` added, rounded once; infinite where that is no finite number."""
    total = 0
    for exponent in np.flatnonzero(sums.any(axis=0)).tolist():
        total += ((int(sums[0, exponent]) << 26) + int(sums[1, exponent])) << exponent
    spare = max(total.bit_length() - 128, 0)
    try:
        return math.ldexp(total >> spare, spare - 1075)
    except OverflowError:
        return math.inf
