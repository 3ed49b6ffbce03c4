"""Fine bins that grow while an image is counted in one pass, whatever its values turn out to be."""

import math
from typing import Any, NamedTuple

import numpy as np

from ..kernels import fine_bins
from .bin_edges import Array, Counts, finite_ends

BINS = 2**17  # of a grid: they fit a core's cache, and tell more values apart than a screen shows
SPAN = BINS // 4  # bins over which the first values are laid, so that later ones have room at either side
PIECE = 2**16  # pixels after which values beside the grid are looked at
SAMPLE = 2**16  # of the first pixels, from which the grid is laid out
RARE = 20_000  # of so many pixels, one beside the grid is kept as it is before the grid grows


class Moments(NamedTuple):
    """Number, mean, summed squared distance from the mean, lowest and highest of some finite values."""

    pixels: int
    mean: float
    squares: float
    low: float
    high: float


class FineBins:
    """Counts of one channel on 2^17 bins of a power of two wide; the width grows when many values lie beside them.

    Parameters
    ----------
    dtype
        Type of the values, in native byte order: floating point of 32 or 64 bits, or integers.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype, self.integral = dtype, dtype.kind != "f"
        self._ends = finite_ends(dtype)
        self._counts: Counts = np.zeros(BINS + 2, np.int64)
        self._beside = np.empty(2 * PIECE, dtype)
        self._copied = self._seen = 0
        self._origin = self._exponent = 0

    def add(self, flat: Array) -> Moments:
        """Count a flat array; return what its finite values are on the whole."""
        sums = _no_sums()
        shift, missing = _typical(flat), self.nonfinite
        if flat.size and not self._seen:
            self._lay_out(flat[:: max(flat.size // SAMPLE, 1)])
        for start in range(0, flat.size, PIECE):
            piece = flat[start : start + PIECE]
            self._copied += self._count(piece, shift, self._beside[self._copied :], sums)
            self._seen += piece.size
            while self._copied > max(PIECE, self._seen // RARE):
                self._grow()
            if self._beside.size - self._copied < PIECE:
                self._beside = np.concatenate([self._beside, np.empty_like(self._beside)])
        pixels = flat.size - (self.nonfinite - missing)
        with np.errstate(over="ignore", invalid="ignore"):
            total, squares = sums[:2].sum(axis=1)
            return Moments(
                pixels,
                shift + total / pixels if pixels else 0.0,
                squares - total * total / pixels if pixels else 0.0,
                float(sums[2].min()),
                float(sums[3].max()),
            )

    def _count(self, piece: Array, shift: float, beside: Array, sums: Array) -> int:
        """Count a piece; return how many of its values lie beside the grid, copied to `beside`."""
        number = self.dtype.type
        if self.integral:
            count = fine_bins.count_integers
            place: tuple[Any, ...] = number(self._exponent), np.uint64(self._origin % 2**64)
        else:
            count = fine_bins.count_floats
            place = number(math.ldexp(1.0, -self._exponent)), number(self._origin), number(BINS)
        copied = count(piece, *place, shift, *self._ends, self._counts, beside, sums)
        self._counts[BINS] = 0
        return int(copied)

    def _lay_out(self, sample: Array) -> None:
        """Put the bins where the first values lie, hot and dead ones left aside."""
        finite = np.sort(sample[np.isfinite(sample)] if not self.integral else sample)
        if not finite.size:
            finite = np.zeros(1, self.dtype)
        aside = min(finite.size // 1000 + (finite.size > 2), (finite.size - 1) // 2)
        low, high = finite[aside].item(), finite[-1 - aside].item()
        self._place(low, high, 0 if self.integral else -1000)

    def _place(self, low: Any, high: Any, least: int) -> None:
        """Choose the narrowest bins, at least 2^`least` wide, of which SPAN hold a range, and center them on it."""
        self._exponent = max(least, _exponent(low, high, self.dtype))
        middle = (place_of(low, self._exponent) + place_of(high, self._exponent)) // 2
        self._origin = middle - BINS // 2

    def _grow(self) -> None:
        """Widen the bins until at least half of the values beside them lie in them."""
        counts, origin, exponent = self._counts, self._origin, self._exponent
        beside = np.sort(self._beside[: self._copied])
        occupied = np.flatnonzero(counts[:BINS])
        held = [_start(origin + int(k), exponent, self.integral) for k in occupied[[0, -1]]] if occupied.size else []
        nearest = _nearest_half(beside, held)
        low, high = (end([*held, end(nearest.tolist())]) for end in (min, max))
        self._place(low, high, exponent)
        self._counts = np.zeros(BINS + 2, np.int64)
        self._counts[-1] = counts[-1]
        wider = self._exponent - exponent
        moved = ((origin % 2**wider + occupied) >> wider) + ((origin >> wider) - self._origin)
        np.add.at(self._counts, moved, counts[occupied])
        self._copied = self._count(beside, 0.0, self._beside, _no_sums())

    def levels(self) -> tuple[Array, Counts, int]:
        """Return the starts of the bins that hold anything (float64 or 64-bit integers), their counts, the exponent.

        Each value beside the grid has an entry of its own; nothing is in order.
        """
        kind = "f8" if not self.integral else "u8" if self.dtype == "u8" else "i8"
        occupied = np.flatnonzero(self._counts[:BINS])
        if self.integral:
            origin = np.array(self._origin % 2**64, "u8").view(kind)
            starts = (occupied.astype(kind) + origin) << np.array(self._exponent, kind)
        else:
            starts = _scaled((occupied + self._origin).astype(np.float64), self._exponent)
        beside = self._beside[: self._copied].astype(kind)
        counts = np.concatenate([self._counts[occupied], np.ones(beside.size, np.int64)])
        return np.concatenate([starts, beside]), counts, self._exponent

    @property
    def nonfinite(self) -> int:
        """How many values are NaN or infinite."""
        return int(self._counts[-1])


def _no_sums() -> Array:
    sums = np.zeros((4, fine_bins.LANES))
    sums[2], sums[3] = np.inf, -np.inf
    return sums


def _typical(flat: Array) -> float:
    """Return a value in the middle of a few, from which distances are summed: sums of large numbers lose digits."""
    few = flat[:: max(flat.size // 9, 1)][:9].astype(np.float64)
    few = np.sort(few[np.isfinite(few)])
    return float(few[few.size // 2]) if few.size else 0.0


def floor_to(values: Array, exponent: int) -> Array:
    """Return where the bins that hold values begin, for bins of width 2^exponent with one beginning at 0."""
    if values.dtype.kind != "f":
        whole: Array = (values >> values.dtype.type(exponent)) << values.dtype.type(exponent)
        return whole
    coarse = np.abs(values) >= math.ldexp(1.0, min(exponent + 52, 1023))  # such numbers are multiples of the width
    places = np.floor(np.ldexp(np.where(coarse, 0.0, values), -exponent))
    places = np.where((values < 0) & (places == 0), -1.0, places)
    return np.where(coarse, values, _scaled(places, exponent))


def _scaled(places: Array, exponent: int) -> Array:
    """Return multiples of 2^exponent; below the lowest number of float64, that number."""
    most = np.finfo(np.float64).max
    with np.errstate(over="ignore"):
        scaled: Array = np.clip(np.ldexp(places, exponent), -most, most)
    return scaled


def _exponent(low: Any, high: Any, dtype: np.dtype[Any]) -> int:
    """Return the width of the narrowest bins that a type tells apart at these values, SPAN of which hold them."""
    if dtype.kind != "f":
        return int((int(high) - int(low)) // SPAN).bit_length()
    digits, least = (51, -1000) if dtype.itemsize == 8 else (22, -120)
    told_apart = math.frexp(max(abs(low), abs(high)))[1] - digits
    wanted = math.frexp(high / 2 - low / 2)[1] + 2 - SPAN.bit_length() if low < high else -16
    return max(wanted, told_apart, least)


def _nearest_half(beside: Array, held: list[Any]) -> Array:
    """Return those values that are nearest to what a grid holds, or to their median where it holds nothing."""
    x = beside.astype(np.float64)
    first, last = (float(held[0]), float(held[1])) if held else (float(np.median(x)),) * 2
    with np.errstate(over="ignore"):
        away = np.maximum(first - x, x - last)
    near: Array = beside[away <= np.sort(away)[away.size // 2]]
    return near


def place_of(value: Any, exponent: int) -> int:
    """Return which multiple of 2^exponent is the highest at or below a number."""
    numerator, denominator = value.as_integer_ratio()
    place: int = (numerator << max(-exponent, 0)) // (denominator << max(exponent, 0))
    return place


def _start(place: int, exponent: int, integral: bool) -> Any:
    return place << exponent if integral else math.ldexp(float(place), exponent)
