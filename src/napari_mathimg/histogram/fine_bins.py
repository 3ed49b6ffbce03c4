"""Fine bins that widen while an image of unknown range is counted in one pass."""

import math
from typing import Any, NamedTuple

import numpy as np

from ..kernels import fine_bins
from .bin_edges import Array, Counts, finite_ends

BINS = 2**17  # they fit in the cache of a core and distinguish more values than a screen shows
SPAN = BINS // 4  # bins that the first values occupy, which leaves room for later values on either side
PIECE = 2**16  # pixels after which the values outside the bins are examined
SAMPLE = 2**16  # pixels that determine the first position of the bins
RARE = 20_000  # one value outside the bins is tolerated in so many pixels before the bins widen


class Moments(NamedTuple):
    """Moments of finite values: number, mean, sum of squared deviations from the mean, lowest and highest value."""

    pixels: int
    mean: float
    squares: float
    low: float
    high: float


class FineBins:
    """Counts of one channel in 2^17 bins.

    The width of the bins is a power of two, which grows when many values lie outside of all bins. Until then, values
    outside are kept one by one.

    Parameters
    ----------
    dtype
        Type of the values, in native byte order: floating point of 32 or 64 bits, or integers.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype, self.integral = dtype, dtype.kind != "f"
        self._ends = finite_ends(dtype)
        self._counts: Counts = np.zeros(BINS + 2, np.int64)
        self._outside = np.empty(2 * PIECE, dtype)
        self._outside_count = self._seen = 0
        self._origin = self._exponent = 0

    def add(self, flat: Array) -> Moments:
        """Count a flat array and return the moments of its finite values."""
        sums = _empty_sums()
        shift, nonfinite_before = _typical_value(flat), self.nonfinite
        if flat.size and not self._seen:
            self._place_on_sample(flat[:: max(flat.size // SAMPLE, 1)])
        for start in range(0, flat.size, PIECE):
            piece = flat[start : start + PIECE]
            self._outside_count += self._count(piece, shift, self._outside[self._outside_count :], sums)
            self._seen += piece.size
            while self._outside_count > max(PIECE, self._seen // RARE):
                self._widen()
            if self._outside.size - self._outside_count < PIECE:
                self._outside = np.concatenate([self._outside, np.empty_like(self._outside)])
        pixels = flat.size - (self.nonfinite - nonfinite_before)
        with np.errstate(over="ignore", invalid="ignore"):
            total, squares = sums[:2].sum(axis=1)
            return Moments(
                pixels,
                shift + total / pixels if pixels else 0.0,
                squares - total * total / pixels if pixels else 0.0,
                float(sums[2].min()),
                float(sums[3].max()),
            )

    def _count(self, piece: Array, shift: float, outside: Array, sums: Array) -> int:
        """Count a piece, copy its values outside the bins to `outside`, and return their number."""
        as_number = self.dtype.type
        if self.integral:
            count = fine_bins.count_integers
            position: tuple[Any, ...] = as_number(self._exponent), np.uint64(self._origin % 2**64)
        else:
            count = fine_bins.count_floats
            position = as_number(math.ldexp(1.0, -self._exponent)), as_number(self._origin), as_number(BINS)
        copied = count(piece, *position, shift, *self._ends, self._counts, outside, sums)
        self._counts[BINS] = 0
        return int(copied)

    def _place_on_sample(self, sample: Array) -> None:
        """Place the bins on the values of a sample, except its outermost values, such as hot and dead pixels."""
        finite = np.sort(sample[np.isfinite(sample)] if not self.integral else sample)
        if not finite.size:
            finite = np.zeros(1, self.dtype)
        outermost = min(finite.size // 1000 + (finite.size > 2), (finite.size - 1) // 2)
        low, high = finite[outermost].item(), finite[-1 - outermost].item()
        self._place(low, high, 0 if self.integral else -1000)

    def _place(self, low: Any, high: Any, least: int) -> None:
        """Place the narrowest bins of which SPAN cover a range, at least 2^`least` wide, centered on the range."""
        self._exponent = max(least, _narrowest_exponent(low, high, self.dtype))
        middle = (place_of(low, self._exponent) + place_of(high, self._exponent)) // 2
        self._origin = middle - BINS // 2

    def _widen(self) -> None:
        """Widen the bins until they contain at least half of the values outside."""
        counts, origin, exponent = self._counts, self._origin, self._exponent
        outside = np.sort(self._outside[: self._outside_count])
        occupied = np.flatnonzero(counts[:BINS])
        ends = [_start(origin + int(k), exponent, self.integral) for k in occupied[[0, -1]]] if occupied.size else []
        nearest = _nearest_half(outside, ends)
        low, high = (extreme([*ends, extreme(nearest.tolist())]) for extreme in (min, max))
        self._place(low, high, exponent)
        self._counts = np.zeros(BINS + 2, np.int64)
        self._counts[-1] = counts[-1]
        shift = self._exponent - exponent
        new_bins = ((origin % 2**shift + occupied) >> shift) + ((origin >> shift) - self._origin)
        np.add.at(self._counts, new_bins, counts[occupied])
        self._outside_count = self._count(outside, 0.0, self._outside, _empty_sums())

    def levels(self) -> tuple[Array, Counts, int]:
        """Return the starts of the occupied bins (float64 or 64-bit integers), their counts, and the exponent.

        Each value outside the bins has an entry of its own. The entries are not sorted.
        """
        kind = "f8" if not self.integral else "u8" if self.dtype == "u8" else "i8"
        occupied = np.flatnonzero(self._counts[:BINS])
        if self.integral:
            origin = np.array(self._origin % 2**64, "u8").view(kind)
            starts = (occupied.astype(kind) + origin) << np.array(self._exponent, kind)
        else:
            starts = _scaled((occupied + self._origin).astype(np.float64), self._exponent)
        outside = self._outside[: self._outside_count].astype(kind)
        counts = np.concatenate([self._counts[occupied], np.ones(outside.size, np.int64)])
        return np.concatenate([starts, outside]), counts, self._exponent

    @property
    def nonfinite(self) -> int:
        """Number of values that are NaN or infinite."""
        return int(self._counts[-1])


def _empty_sums() -> Array:
    """Return sums, sums of squares, lowest and highest values before any value was counted."""
    sums = np.zeros((4, fine_bins.LANES))
    sums[2], sums[3] = np.inf, -np.inf
    return sums


def _typical_value(flat: Array) -> float:
    """Return the median of a few values, which is subtracted from all before they are summed, to keep digits."""
    few = flat[:: max(flat.size // 9, 1)][:9].astype(np.float64)
    few = np.sort(few[np.isfinite(few)])
    return float(few[few.size // 2]) if few.size else 0.0


def floor_to(values: Array, exponent: int) -> Array:
    """Round values down to multiples of 2^exponent."""
    if values.dtype.kind != "f":
        whole: Array = (values >> values.dtype.type(exponent)) << values.dtype.type(exponent)
        return whole
    # Values this large are multiples already.
    coarse = np.abs(values) >= math.ldexp(1.0, min(exponent + 52, 1023))
    places = np.floor(np.ldexp(np.where(coarse, 0.0, values), -exponent))
    places = np.where((values < 0) & (places == 0), -1.0, places)
    return np.where(coarse, values, _scaled(places, exponent))


def _scaled(places: Array, exponent: int) -> Array:
    """Return multiples of 2^exponent, clipped to the finite numbers of float64."""
    largest = np.finfo(np.float64).max
    with np.errstate(over="ignore"):
        scaled: Array = np.clip(np.ldexp(places, exponent), -largest, largest)
    return scaled


def _narrowest_exponent(low: Any, high: Any, dtype: np.dtype[Any]) -> int:
    """Return the exponent of the narrowest bins that a type can distinguish and of which SPAN cover a range."""
    if dtype.kind != "f":
        return int((int(high) - int(low)) // SPAN).bit_length()
    digits, least = (51, -1000) if dtype.itemsize == 8 else (22, -120)
    distinguishable = math.frexp(max(abs(low), abs(high)))[1] - digits
    covering = math.frexp(high / 2 - low / 2)[1] + 2 - SPAN.bit_length() if low < high else -16
    return max(covering, distinguishable, least)


def _nearest_half(outside: Array, ends: list[Any]) -> Array:
    """Return the half of the values that is nearest to the occupied bins, or to the median if no bin is occupied."""
    x = outside.astype(np.float64)
    first, last = (float(ends[0]), float(ends[1])) if ends else (float(np.median(x)),) * 2
    with np.errstate(over="ignore"):
        distance = np.maximum(first - x, x - last)
    nearest: Array = outside[distance <= np.sort(distance)[distance.size // 2]]
    return nearest


def place_of(value: Any, exponent: int) -> int:
    """Return k of the highest multiple k 2^exponent that is at most a number."""
    numerator, denominator = value.as_integer_ratio()
    place: int = (numerator << max(-exponent, 0)) // (denominator << max(exponent, 0))
    return place


def _start(place: int, exponent: int, integral: bool) -> Any:
    """Return the multiple ``place * 2**exponent`` as an integer or a floating-point number."""
    return place << exponent if integral else math.ldexp(float(place), exponent)
