"""Counts so fine that they can be binned, cut and ranked again without reading the image."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from .bin_edges import Array, Counts, Edges
from .fine_bins import place_of
from .given_edges import Histogram

Span = Literal["robust", "data"] | tuple[float, float]

ONE_IN = 10_000  # pixels, one is dropped at either end of the robust range
FINEST = 2**16  # bins over the robust range of numbers that have no gray levels
EXACT = 52  # bits of an integer that float64 tells from its neighbors by a half


@dataclass(frozen=True)
class Statistics:
    """What is known of the finite pixels of one channel.

    Parameters
    ----------
    pixels
        How many there are.
    low, high
        Lowest and highest value; NaN where there is no pixel, as the following.
    mean, standard_deviation
        Of all finite pixels (population: divided by their number).
    median
        As `Tally.quantile` finds it.
    entropy
        In bits: -sum(p log2 p) over the shares p of the gray levels; of numbers that have none, of 256 bins over
        the robust range.
    saturated
        Share of pixels at the highest value of an integer type, from 0 to 1; None for other types.
    """

    pixels: int
    low: float
    high: float
    mean: float
    standard_deviation: float
    median: float
    entropy: float
    saturated: float | None


@dataclass(frozen=True, eq=False)
class FineHistogram:
    """How often values occur: gray levels one by one, other numbers in fine bins.

    A fine bin holds the values from its start up to, but without, the next multiple of 2^exponent. For integers of at
    most 16 bits it is one level. Other bins are about 1/2^16 to 1/2^15 of the robust range wide, wider only where the
    image did not show its range early; their positions do not depend on the number of threads.

    Parameters
    ----------
    channels
        Names: ("",) where there is one, or "Red", "Green", "Blue", "Luminance".
    dtype
        Type of the pixels.
    starts
        Where the fine bins that hold anything begin, rising: shape (n,), float64 or 64-bit integers.
    table
        Pixels in them: shape (channels, n).
    exponent
        Fine bins are 2^exponent wide.
    nonfinite
        Pixels that are NaN or infinite: shape (channels,).
    ends
        Lowest and highest finite value of each channel: shape (channels, 2); NaN where there is none.
    mean, variance
        Of each channel's finite pixels: shape (channels,).
    wanted
        How many pixels the region has, of one channel.
    exact
        Whether all of them were counted.
    """

    channels: tuple[str, ...]
    dtype: np.dtype[Any]
    starts: Array
    table: Counts
    exponent: int
    nonfinite: Counts
    ends: Array
    mean: Array
    variance: Array
    wanted: int
    exact: bool

    @property
    def integral(self) -> bool:
        """Whether the values are whole numbers."""
        return self.dtype.kind in "biu"

    @property
    def width(self) -> float:
        """Width of a fine bin in the image's values; 1 for gray levels."""
        return math.ldexp(1.0, self.exponent)

    @cached_property
    def finite(self) -> Counts:
        """Finite pixels of each channel, shape (channels,)."""
        found: Counts = self.table.sum(axis=1)
        return found

    @property
    def pixels(self) -> int:
        """Pixels counted, of one channel."""
        return int(self.finite[0] + self.nonfinite[0]) if len(self.channels) else 0

    @cached_property
    def _upto(self) -> Counts:
        found: Counts = np.cumsum(self.table, axis=1)
        return found

    def histogram(self, bins: int = 256, span: Span = "robust") -> Histogram:
        """Bin the counts.

        Parameters
        ----------
        bins
            Number of bins at most; every bin holds equally many fine ones, so that none stands out only because it
            is wider.
        span
            "robust": of the n finite pixels of all channels in order, without the max(1, n // 10000) lowest and as
            many highest. "data": all of them. Or two values, low and high. Ends lie on the edges of fine bins.

        Returns
        -------
        Histogram
            With counts of shape (channels, bins). Exact for its edges: the counts are those of `numpy.histogram`.

        Raises
        ------
        ValueError
            If `bins` is no whole number of at least 1, or `span` none of the above.
        """
        if isinstance(bins, bool) or not isinstance(bins, int | np.integer) or bins < 1:
            raise ValueError(f"bins={bins!r}: a whole number, at least 1")
        first, last = self._span(span)
        fine = last - first + 1
        if not self.integral and fine == 1:
            fine = min(FINEST, max(math.ceil(1 / self.width), 1))
            first -= fine // 2
        grain = self._grain(first, first + fine)
        first = first // grain * grain
        wide = -(-fine // (int(bins) * grain)) * grain
        begins, edges = self._cuts([first + k * wide for k in range(-(-fine // wide) + 1)])
        slots = np.searchsorted(begins, self.starts, side="right")
        slotted = np.zeros((len(self.table), begins.size + 1), np.int64)
        for counts, of_bin in zip(slotted, self.table, strict=True):
            np.add.at(counts, slots, of_bin)
        return Histogram(slotted[:, 1:-1].copy(), edges, slotted[:, 0], slotted[:, -1], self.nonfinite)

    def _span(self, span: Any) -> tuple[int, int]:
        """Return the first and the last fine bin of a span, as multiples of their width."""
        if isinstance(span, str) and span in ("robust", "data"):
            upto = np.cumsum(self.table.sum(axis=0))
            if not upto.size:
                return (0, 0) if self.integral else (0, max(math.ceil(1 / self.width), 1) - 1)
            n = int(upto[-1])
            dropped = min(max(1, n // ONE_IN), (n - 1) // 2) if span == "robust" else 0
            low, high = np.searchsorted(upto, [dropped, n - 1 - dropped], side="right")
            return place_of(self.starts[low].item(), self.exponent), place_of(self.starts[high].item(), self.exponent)
        try:
            low, high = (float(v) for v in span)
            good = math.isfinite(low) and math.isfinite(high) and low <= high
        except (TypeError, ValueError):
            good = False
        if not good:
            raise ValueError(f"span={span!r}: 'robust', 'data', or two finite numbers, low and high")
        if self.integral:
            low, high = math.ceil(low), math.floor(high)
            return place_of(low, self.exponent), place_of(max(low, high), self.exponent)
        first = place_of(low, self.exponent)
        return first, max(-place_of(-high, self.exponent) - 1, first)

    def _grain(self, first: int, last: int) -> int:
        """Return the number of fine bins that float64 tells from the next ones."""
        top = max(abs(first), abs(last), 1).bit_length()
        return int(2 ** max(0, top - EXACT + self.integral))

    def _cuts(self, places: list[int]) -> tuple[Array, Edges]:
        """Return the first value of each bin and of what follows, and the edges as `Histogram` has them.

        Of integers, edges are half-way between levels. Of other numbers, the last edge is the number right below, as
        it belongs to no bin here but would to the last one there.
        """
        if self.integral:
            info = np.iinfo(self.starts.dtype)
            levels = [place << self.exponent for place in places]
            begins = np.array([min(max(level, info.min), info.max) for level in levels], self.starts.dtype)
            return begins, np.array([float(level) - 0.5 for level in levels])
        edges = np.unique([_ldexp(place, self.exponent) for place in places])
        begins = edges.copy()
        if edges[-1] == np.finfo(np.float64).max:
            begins[-1] = np.inf
        else:
            edges[-1] = np.nextafter(edges[-1], -np.inf)
        return begins, edges

    def quantile(self, q: float, channel: int = 0) -> float:
        """Return the value that a share `q` of a channel's finite pixels does not exceed; NaN where there is none.

        Gray levels are interpolated as by `numpy.quantile`. Other numbers are known to `width`: within a fine bin
        they are taken to lie evenly.
        """
        upto = self._upto[channel]
        n = int(self.finite[channel])
        if not n:
            return math.nan
        position = q * (n - 1)
        below, above = (self._ranked(upto, rank, channel) for rank in (math.floor(position), math.ceil(position)))
        return below + (above - below) * (position - math.floor(position))

    def _ranked(self, upto: Counts, rank: int, channel: int) -> float:
        k = int(np.searchsorted(upto, rank, side="right"))
        start = float(self.starts[k])
        if self.integral and not self.exponent:
            return start
        inside = rank - (int(upto[k - 1]) if k else 0)
        value = start + self.width * (inside + 0.5) / float(self.table[channel, k])
        low, high = self.ends[channel]
        return float(min(max(value, low), high))

    def share_up_to(self, value: float, channel: int = 0) -> float:
        """Return the share of a channel's finite pixels at or below a value, from 0 to 1; NaN where there is none."""
        n = int(self.finite[channel])
        if not n:
            return math.nan
        k = int(np.searchsorted(self.starts, value, side="right"))
        below = int(self._upto[channel, k - 1]) if k else 0
        if k and (not self.integral or self.exponent):
            left = max(0.0, 1 - (value - float(self.starts[k - 1])) / self.width)
            below -= int(self.table[channel, k - 1]) * left  # type: ignore[assignment]
        return below / n

    def cumulative(self, channel: int = 0, points: int = 1024) -> tuple[Array, Array]:
        """Return values in rising order, about `points` at most, and the shares of finite pixels up to them."""
        n = int(self.finite[channel])
        if not n:
            return np.empty(0), np.empty(0)
        there = np.flatnonzero(self.table[channel])
        there = there[np.unique(np.linspace(0, there.size - 1, min(points, there.size)).astype(int))]
        beyond = 0.0 if self.integral and not self.exponent else self.width
        values = self.starts[there].astype(np.float64)
        return np.append(values[0], values + beyond), np.append(0.0, self._upto[channel, there] / n)

    def snapped(self, low: float, high: float) -> tuple[float, float]:
        """Return the range nearest to two values of which `between` is exact: whole levels, or edges of fine bins."""
        low, high = min(low, high), max(low, high)
        if self.integral:
            first = math.ceil(low - 0.5)
            return float(first), float(max(first, math.floor(high + 0.5)))
        first, last = (place_of(v + self.width / 2, self.exponent) for v in (low, high))
        return _ldexp(first, self.exponent), _ldexp(max(first + 1, last), self.exponent)

    def between(self, low: float, high: float, channel: int = 0) -> int:
        """Return how many pixels lie from `low` to `high`: of integers both included, of others `high` not."""
        side: Literal["left", "right"] = "right" if self.integral else "left"
        first, last = int(np.searchsorted(self.starts, low, "left")), int(np.searchsorted(self.starts, high, side))
        return int(self.table[channel, first:last].sum())

    def statistics(self, channel: int = 0) -> Statistics:
        """Return what is known of a channel."""
        n = int(self.finite[channel])
        low, high = (float(v) for v in self.ends[channel])
        if not n:
            return Statistics(0, *(math.nan,) * 6, None)
        has_levels = self.integral and not self.exponent
        counts = self.table[channel] if has_levels else self.histogram(256).counts[channel]
        p = counts[counts > 0] / counts.sum()
        top = int(np.iinfo(self.dtype).max) if self.dtype.kind in "iu" else None
        return Statistics(
            pixels=n,
            low=low,
            high=high,
            mean=float(self.mean[channel]),
            standard_deviation=math.sqrt(max(float(self.variance[channel]), 0.0)),
            median=self.quantile(0.5, channel),
            entropy=float(-(p * np.log2(p)).sum()) + 0.0,
            saturated=None if top is None else (self._at(top, channel) / n if high >= float(top) else 0.0),
        )

    def _at(self, level: int, channel: int) -> int:
        """How many pixels have the highest level of a type, where levels are told apart; else those in its bin."""
        k = int(np.searchsorted(self.starts, np.array(level, self.starts.dtype), side="right")) - 1
        return int(self.table[channel, k]) if k >= 0 else 0


def _ldexp(place: int, exponent: int) -> float:
    try:
        return math.ldexp(float(place), exponent)
    except OverflowError:
        return math.copysign(math.nextafter(math.inf, 0), place)
