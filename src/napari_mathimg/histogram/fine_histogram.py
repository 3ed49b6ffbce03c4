"""Fine histograms, which give bins, quantiles and shares without reading the image again."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from ..contract.requirements import check_whole_number
from .bin_edges import Array, Counts, Edges, robust_margin
from .fine_bins import place_of
from .given_edges import Histogram

Span = Literal["robust", "data"] | tuple[float, float]

FINEST = 2**16  # bins over the robust range of values that are not gray levels
EXACT = 52  # bits of an integer that float64 distinguishes from its neighbor by a half


@dataclass(frozen=True)
class Statistics:
    """Statistics of the finite pixels of one channel.

    Parameters
    ----------
    pixels
        Number of finite pixels.
    low, high
        Lowest and highest value. These and the following are NaN if there is no pixel.
    mean, standard_deviation
        Of the population: the variance is divided by the number of pixels.
    median
        The 0.5 quantile, as in `FineHistogram.quantile`.
    entropy
        In bits: -sum(p log2 p) over the shares p of the gray levels, or of 256 bins over the robust range for values
        that are not gray levels.
    saturated
        Share of the pixels with the highest value of their integer type, from 0 to 1; None for other types.
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
    """Counts of gray levels, or of other values in fine bins.

    A fine bin contains the values from its start to the next multiple of 2^exponent, without the latter. For integers
    of at most 16 bits, it is one level. Other bins are about 1/2^16 to 1/2^15 of the robust range wide, and wider only
    if the first pixels of the image did not show its range. Their positions do not depend on the number of threads.

    Parameters
    ----------
    channels
        Names of the channels: ("",) for one, or "Red", "Green", "Blue", "Luminance".
    dtype
        Type of the pixels.
    starts
        Rising starts of the occupied fine bins, float64 or 64-bit integers, shape (n,).
    table
        Number of pixels in each of these bins, shape (channels, n).
    exponent
        Binary logarithm of the width of a fine bin.
    nonfinite
        Number of pixels that are NaN or infinite, shape (channels,).
    ends
        Lowest and highest finite value of each channel, shape (channels, 2); NaN if there is none.
    mean, variance
        Mean and variance of the finite pixels of each channel, shape (channels,).
    wanted
        Number of pixels of the region, in one channel.
    exact
        Whether all of these pixels were counted.
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
        """Width of a fine bin in the values of the image; 1 for gray levels."""
        return math.ldexp(1.0, self.exponent)

    @cached_property
    def finite(self) -> Counts:
        """Number of finite pixels of each channel, shape (channels,)."""
        finite: Counts = self.table.sum(axis=1)
        return finite

    @property
    def pixels(self) -> int:
        """Number of counted pixels, in one channel."""
        return int(self.finite[0] + self.nonfinite[0]) if len(self.channels) else 0

    @cached_property
    def _cumulative(self) -> Counts:
        """Number of pixels up to the end of each fine bin, shape (channels, n)."""
        cumulative: Counts = np.cumsum(self.table, axis=1)
        return cumulative

    def histogram(self, bins: int = 256, span: Span = "robust") -> Histogram:
        """Combine the fine bins into wider ones.

        Parameters
        ----------
        bins
            Largest number of bins. Every bin consists of the same number of fine bins, so that none stands out only
            because it is wider.
        span
            "robust": the range of the n finite pixels of all channels without the max(1, n // 10000) lowest and as
            many highest. "data": the range of all of them. Or two finite numbers (low, high). The ends are moved to
            edges of fine bins.

        Returns
        -------
        Histogram
            Histogram with counts of shape (channels, bins), which are those of `numpy.histogram` for its edges.

        Raises
        ------
        ValueError
            If `bins` is not a whole number of at least 1, or if `span` is none of the above.
        """
        check_whole_number("bins", bins, least=1)
        first, last = self._bins_of_span(span)
        fine = last - first + 1
        if not self.integral and fine == 1:
            fine = min(FINEST, max(math.ceil(1 / self.width), 1))
            first -= fine // 2
        step = self._distinguishable_step(first, first + fine)
        first = first // step * step
        width = -(-fine // (int(bins) * step)) * step
        starts, edges = self._starts_and_edges([first + k * width for k in range(-(-fine // width) + 1)])
        slots = np.searchsorted(starts, self.starts, side="right")
        slotted = np.zeros((len(self.table), starts.size + 1), np.int64)
        for counts, of_bin in zip(slotted, self.table, strict=True):
            np.add.at(counts, slots, of_bin)
        return Histogram(slotted[:, 1:-1].copy(), edges, slotted[:, 0], slotted[:, -1], self.nonfinite)

    def _bins_of_span(self, span: Any) -> tuple[int, int]:
        """Return the first and the last fine bin of a span, as multiples of their width."""
        if isinstance(span, str) and span in ("robust", "data"):
            cumulative = np.cumsum(self.table.sum(axis=0))
            if not cumulative.size:
                return (0, 0) if self.integral else (0, max(math.ceil(1 / self.width), 1) - 1)
            n = int(cumulative[-1])
            margin = robust_margin(n) if span == "robust" else 0
            low, high = np.searchsorted(cumulative, [margin, n - 1 - margin], side="right")
            return place_of(self.starts[low].item(), self.exponent), place_of(self.starts[high].item(), self.exponent)
        try:
            low, high = (float(v) for v in span)
            is_range = math.isfinite(low) and math.isfinite(high) and low <= high
        except (TypeError, ValueError):
            is_range = False
        if not is_range:
            raise ValueError(
                f"span={span!r}: must be 'robust', 'data', or two finite numbers (low, high) with low at most high"
            )
        if self.integral:
            low, high = math.ceil(low), math.floor(high)
            return place_of(low, self.exponent), place_of(max(low, high), self.exponent)
        first = place_of(low, self.exponent)
        return first, max(-place_of(-high, self.exponent) - 1, first)

    def _distinguishable_step(self, first: int, last: int) -> int:
        """Return the smallest distance, in fine bins, of two edges that float64 distinguishes."""
        top = max(abs(first), abs(last), 1).bit_length()
        return int(2 ** max(0, top - EXACT + self.integral))

    def _starts_and_edges(self, places: list[int]) -> tuple[Array, Edges]:
        """Return the starts of the bins and of the values above them, and the edges of a `Histogram`.

        For integers, the edges lie halfway between levels. For other values, the last edge is the number just below
        the end of the last bin, because a `Histogram` counts its last edge in its last bin.
        """
        if self.integral:
            info = np.iinfo(self.starts.dtype)
            levels = [place << self.exponent for place in places]
            starts = np.array([min(max(level, info.min), info.max) for level in levels], self.starts.dtype)
            return starts, np.array([float(level) - 0.5 for level in levels])
        edges = np.unique([_ldexp(place, self.exponent) for place in places])
        starts = edges.copy()
        if edges[-1] == np.finfo(np.float64).max:
            starts[-1] = np.inf
        else:
            edges[-1] = np.nextafter(edges[-1], -np.inf)
        return starts, edges

    def quantile(self, q: float, channel: int = 0) -> float:
        """Return a quantile of the finite pixels of a channel, for `q` from 0 to 1; NaN if there is no pixel.

        For gray levels, it is that of `numpy.quantile`. For other values, it is exact to `width`, because pixels are
        assumed to lie evenly within a fine bin.
        """
        cumulative = self._cumulative[channel]
        n = int(self.finite[channel])
        if not n:
            return math.nan
        position = q * (n - 1)
        below, above = (
            self._value_of_rank(cumulative, rank, channel) for rank in (math.floor(position), math.ceil(position))
        )
        return below + (above - below) * (position - math.floor(position))

    def _value_of_rank(self, cumulative: Counts, rank: int, channel: int) -> float:
        """Return the value of a pixel, given its rank from 0 among the sorted pixels of a channel."""
        k = int(np.searchsorted(cumulative, rank, side="right"))
        start = float(self.starts[k])
        if self.integral and not self.exponent:
            return start
        rank_in_bin = rank - (int(cumulative[k - 1]) if k else 0)
        value = start + self.width * (rank_in_bin + 0.5) / float(self.table[channel, k])
        low, high = self.ends[channel]
        return float(min(max(value, low), high))

    def share_up_to(self, value: float, channel: int = 0) -> float:
        """Return the share of the finite pixels of a channel at or below a value, from 0 to 1; NaN if there is none."""
        n = int(self.finite[channel])
        if not n:
            return math.nan
        k = int(np.searchsorted(self.starts, value, side="right"))
        below = int(self._cumulative[channel, k - 1]) if k else 0
        if k and (not self.integral or self.exponent):
            above_value = max(0.0, 1 - (value - float(self.starts[k - 1])) / self.width)
            below -= int(self.table[channel, k - 1]) * above_value  # type: ignore[assignment]
        return below / n

    def cumulative(self, channel: int = 0, points: int = 1024) -> tuple[Array, Array]:
        """Return rising values, about `points` of them, and the shares of the finite pixels of a channel up to each."""
        n = int(self.finite[channel])
        if not n:
            return np.empty(0), np.empty(0)
        bins = np.flatnonzero(self.table[channel])
        bins = bins[np.unique(np.linspace(0, bins.size - 1, min(points, bins.size)).astype(int))]
        width = 0.0 if self.integral and not self.exponent else self.width
        values = self.starts[bins].astype(np.float64)
        return np.append(values[0], values + width), np.append(0.0, self._cumulative[channel, bins] / n)

    def snapped(self, low: float, high: float) -> tuple[float, float]:
        """Move two values to the nearest ones for which `between` is exact: gray levels, or edges of fine bins."""
        low, high = min(low, high), max(low, high)
        if self.integral:
            first = math.ceil(low - 0.5)
            return float(first), float(max(first, math.floor(high + 0.5)))
        first, last = (place_of(v + self.width / 2, self.exponent) for v in (low, high))
        return _ldexp(first, self.exponent), _ldexp(max(first + 1, last), self.exponent)

    def between(self, low: float, high: float, channel: int = 0) -> int:
        """Return the number of pixels from `low` to `high`, including `high` for integers only."""
        side: Literal["left", "right"] = "right" if self.integral else "left"
        first, last = int(np.searchsorted(self.starts, low, "left")), int(np.searchsorted(self.starts, high, side))
        return int(self.table[channel, first:last].sum())

    def statistics(self, channel: int = 0) -> Statistics:
        """Return the statistics of a channel."""
        n = int(self.finite[channel])
        low, high = (float(v) for v in self.ends[channel])
        if not n:
            return Statistics(0, *(math.nan,) * 6, None)
        has_levels = self.integral and not self.exponent
        counts = self.table[channel] if has_levels else self.histogram(256).counts[channel]
        p = counts[counts > 0] / counts.sum()
        saturated = None
        if self.dtype.kind in "iu":
            highest = int(np.iinfo(self.dtype).max)
            saturated = self._count_at(highest, channel) / n if high >= float(highest) else 0.0
        return Statistics(
            pixels=n,
            low=low,
            high=high,
            mean=float(self.mean[channel]),
            standard_deviation=math.sqrt(max(float(self.variance[channel]), 0.0)),
            median=self.quantile(0.5, channel),
            entropy=float(-(p * np.log2(p)).sum()) + 0.0,
            saturated=saturated,
        )

    def _count_at(self, level: int, channel: int) -> int:
        """Return the number of pixels in the fine bin of the highest level of a type."""
        k = int(np.searchsorted(self.starts, np.array(level, self.starts.dtype), side="right")) - 1
        return int(self.table[channel, k]) if k >= 0 else 0


def _ldexp(place: int, exponent: int) -> float:
    """Return ``place * 2**exponent``, or the largest finite number if it overflows."""
    try:
        return math.ldexp(float(place), exponent)
    except OverflowError:
        return math.copysign(math.nextafter(math.inf, 0), place)
