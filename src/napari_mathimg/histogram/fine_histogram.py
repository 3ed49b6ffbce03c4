"""Fine histograms, which give bins, quantiles and shares without reading the image again."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from ..contract.requirements import check_whole_number
from .bin_edges import Array, Counts, Edges, places_of_ends
from .given_edges import Histogram

Span = Literal["robust", "data"] | tuple[float, float]

FINEST = 2**16  # bins of a span in which no cell is wide
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
    median, median_width
        The 0.5 quantile, and the width of the range in which it lies, as in `FineHistogram.quantile`.
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
    median_width: float
    entropy: float
    saturated: float | None


@dataclass(frozen=True, eq=False)
class FineHistogram:
    """Counts of gray levels, or of other values in cells.

    A cell contains the values from its start to the start plus its width, without the latter, or one value only. For
    types of at most 16 bits, every cell is one value. Others are fitted to the image: about 1/2^15 of the robust range
    wide, or narrower where many pixels lie, down to single values; where a sample of the image showed no pixel, 1/2048
    of the value within 8 octaves of the sample, and 1/128 (float32) or 1/16 beyond. They do not depend on the number of
    threads.

    Parameters
    ----------
    channels
        Names of the channels: ("",) for one, or "Red", "Green", "Blue", "Luminance".
    dtype
        Type of the pixels.
    starts
        Rising starts of the occupied cells, shape (n,): the lowest number of the type in each. Integers beyond 2^53
        count as the nearest float64.
    widths
        Width of each of these cells, a power of two; 0 for a single value. Shape (n,).
    table
        Number of pixels in each cell, shape (channels, n).
    nonfinite
        Number of pixels that are NaN or infinite, shape (channels,).
    ends
        Lowest and highest finite value of each channel, shape (channels, 2); NaN if there is none.
    mean, variance
        Mean and variance of the finite pixels of each channel, shape (channels,).
    at_top
        Number of pixels with the highest value of their integer type, shape (channels,).
    wanted
        Number of pixels of the region, in one channel.
    exact
        Whether all of these pixels were counted.
    """

    channels: tuple[str, ...]
    dtype: np.dtype[Any]
    starts: Array
    widths: Array
    table: Counts
    nonfinite: Counts
    ends: Array
    mean: Array
    variance: Array
    at_top: Counts
    wanted: int
    exact: bool

    @property
    def integral(self) -> bool:
        """Whether the values are whole numbers."""
        return self.dtype.kind in "biu"

    @property
    def has_levels(self) -> bool:
        """Whether every cell is one gray level."""
        return self.integral and not self.widths.any()

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays, and of those that are made of them where they are first needed, and then kept."""
        others = self.starts, self.widths, self.nonfinite, self.ends, self.mean, self.variance, self.at_top
        return sum(array.nbytes for array in others) + self.nonfinite.nbytes + 2 * self.table.nbytes

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
        """Number of pixels up to the end of each cell, shape (channels, n)."""
        cumulative: Counts = np.cumsum(self.table, axis=1)
        return cumulative

    def histogram(self, bins: int = 256, span: Span = "robust") -> Histogram:
        """Combine the cells into bins.

        Parameters
        ----------
        bins
            Largest number of bins. Every bin has the same width, a multiple of that of the widest cell in the span, so
            that none stands out only because it is wider.
        span
            "robust": the range of the n finite pixels of all channels without the max(1, n // 10000) lowest and as
            many highest. "data": the range of all of them. Or two finite numbers (low, high). The ends are moved to
            edges of cells.

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
        low, high = self._ends_of_span(span)
        exponent = self._least_exponent(low, high)
        while True:
            places = self._places(low, high, int(bins), exponent)
            starts, edges = self._starts_and_edges(places, exponent)
            first, last = (int(np.searchsorted(self.starts, edges[end], "right")) for end in (0, -1))
            if first and self.starts[first - 1] + self.widths[first - 1] > starts[0]:
                first -= 1
            widest = float(self.widths[first:last].max(initial=0.0))
            if exponent >= 1023 or math.ldexp(1.0, exponent) >= widest:
                break
            exponent = math.ceil(math.log2(widest))
        slots = np.searchsorted(starts, self.starts, side="right")
        slotted = np.zeros((len(self.table), starts.size + 1), np.int64)
        for counts, of_bin in zip(slotted, self.table, strict=True):
            np.add.at(counts, slots, of_bin)
        return Histogram(slotted[:, 1:-1].copy(), edges, slotted[:, 0], slotted[:, -1], self.nonfinite)

    def _ends_of_span(self, span: Any) -> tuple[float, float]:
        """Return the ends of a span; the high one is in the last bin."""
        if isinstance(span, str) and span in ("robust", "data"):
            if not self.starts.size:
                return (0.0, 0.0) if self.integral else (0.0, math.nextafter(1.0, 0.0))
            first, last = places_of_ends(self.table.sum(axis=0), span == "robust")
            return float(self.starts[first]), self._last_of(last)
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
            return math.ceil(low), max(math.ceil(low), math.floor(high))
        return low, max(low, math.nextafter(high, -math.inf))

    def _last_of(self, cell: int) -> float:
        """Return the highest number in a cell, or the float64 before its end."""
        start, width = float(self.starts[cell]), float(self.widths[cell])
        if not width:
            return start
        return start + width - 1 if self.integral else math.nextafter(start + width, -math.inf)

    def _least_exponent(self, low: float, high: float) -> int:
        """Return the binary logarithm of a step that is fine enough for a span, and that float64 distinguishes."""
        if self.integral:
            return 0
        distinguishable = math.frexp(max(abs(low), abs(high)))[1] - EXACT
        if low == high:
            return max(distinguishable, 1 - FINEST.bit_length())
        return max(math.frexp(high / 2 - low / 2)[1] + 1 - FINEST.bit_length(), distinguishable, -1000)

    def _places(self, low: float, high: float, bins: int, exponent: int) -> list[int]:
        """Return the edges of bins of a span, as multiples of 2^exponent."""
        first, last = place_of(low, exponent), place_of(high, exponent)
        fine = last - first + 1
        if not self.integral and fine == 1:
            fine = min(FINEST, max(math.ceil(math.ldexp(1.0, -exponent)), 1)) if exponent <= 0 else 1
            first -= fine // 2
        step = self._distinguishable_step(first, first + fine)
        first = first // step * step
        width = -(-fine // (bins * step)) * step
        return [first + k * width for k in range(-(-fine // width) + 1)]

    def _distinguishable_step(self, first: int, last: int) -> int:
        """Return the smallest distance, in steps, of two edges that float64 distinguishes."""
        top = max(abs(first), abs(last), 1).bit_length()
        return int(2 ** max(0, top - EXACT + self.integral))

    def _starts_and_edges(self, places: list[int], exponent: int) -> tuple[Array, Edges]:
        """Return the starts of the bins and of the values above them, and the edges of a `Histogram`.

        For integers, the edges lie halfway between levels. For other values, the last edge is the number just below
        the end of the last bin, because a `Histogram` counts its last edge in its last bin.
        """
        if self.integral:
            starts = np.array([float(place << exponent) for place in places])
            return starts, starts - 0.5
        edges = np.unique([_ldexp(place, exponent) for place in places])
        starts = edges.copy()
        if edges[-1] == np.finfo(np.float64).max:
            starts[-1] = np.inf
        else:
            edges[-1] = np.nextafter(edges[-1], -np.inf)
        return starts, edges

    def quantile(self, q: float, channel: int = 0) -> float:
        """Return a quantile of the finite pixels of a channel, for `q` from 0 to 1; NaN if there is no pixel.

        It is that of `numpy.quantile` (method "linear") where cells are single values, and at most `quantile_width`
        away from it elsewhere, because pixels are assumed to lie evenly within a cell.
        """
        return self._quantile(q, channel)[0]

    def quantile_width(self, q: float, channel: int = 0) -> float:
        """Return how far a quantile may be from that of `numpy.quantile`: the width of its cell, 0 if it is exact."""
        return self._quantile(q, channel)[1]

    def _quantile(self, q: float, channel: int) -> tuple[float, float]:
        """Return a quantile and the width of the cells from which it is known; NaN if there is no pixel."""
        n = int(self.finite[channel])
        if not n:
            return math.nan, math.nan
        position = q * (n - 1)
        cells = np.searchsorted(self._cumulative[channel], [math.floor(position), math.ceil(position)], side="right")
        below, above = (
            self._value_of_rank(int(k), rank, channel)
            for k, rank in zip(cells, (math.floor(position), math.ceil(position)), strict=True)
        )
        return below + (above - below) * (position - math.floor(position)), float(self.widths[cells].max())

    def _value_of_rank(self, cell: int, rank: int, channel: int) -> float:
        """Return the value of a pixel, given its rank from 0 among the sorted pixels of a channel, and its cell."""
        start, width = float(self.starts[cell]), float(self.widths[cell])
        if not width:
            return start
        rank_in_cell = rank - (int(self._cumulative[channel][cell - 1]) if cell else 0)
        value = start + width * ((rank_in_cell + 0.5) / float(self.table[channel, cell]))
        low, high = self.ends[channel]
        return float(min(max(value, low), high))

    def share_up_to(self, value: float, channel: int = 0) -> float:
        """Return the share of the finite pixels of a channel at or below a value, from 0 to 1; NaN if there is none."""
        n = int(self.finite[channel])
        if not n:
            return math.nan
        k = int(np.searchsorted(self.starts, value, side="right"))
        below = float(self._cumulative[channel, k - 1]) if k else 0.0
        if k and self.widths[k - 1]:
            above_value = max(0.0, 1 - (value - float(self.starts[k - 1])) / float(self.widths[k - 1]))
            below -= int(self.table[channel, k - 1]) * above_value
        return below / n

    def cumulative(self, channel: int = 0, points: int = 1024) -> tuple[Array, Array]:
        """Return rising values, about `points` of them, and the shares of the finite pixels of a channel up to each."""
        n = int(self.finite[channel])
        if not n:
            return np.empty(0), np.empty(0)
        cells = np.flatnonzero(self.table[channel])
        cells = cells[np.unique(np.linspace(0, cells.size - 1, min(points, cells.size)).astype(int))]
        values = self.starts[cells] + self.widths[cells]
        return np.append(self.starts[cells[0]], values), np.append(0.0, self._cumulative[channel, cells] / n)

    def snapped(self, low: float, high: float) -> tuple[float, float]:
        """Move two values to the nearest ones for which `between` is exact: gray levels, or edges of cells."""
        low, high = min(low, high), max(low, high)
        if self.integral:
            low, high = float(math.ceil(low - 0.5)), float(math.floor(high + 0.5)) + 1
        low, high = self._nearest_edge(low), self._nearest_edge(high)
        if high <= low:
            k = int(np.searchsorted(self.starts, low, side="left"))
            in_cell = k < self.starts.size and self.starts[k] == low and self.widths[k] > 0
            high = low + (float(self.widths[k]) if in_cell else 1.0 if self.integral else math.ulp(low))
        return low, high - 1 if self.integral else high

    def _nearest_edge(self, value: float) -> float:
        """Return the nearest end of the cell in which a value lies; the value itself where no pixel is."""
        k = int(np.searchsorted(self.starts, value, side="right")) - 1
        if k < 0 or value >= self.starts[k] + self.widths[k]:
            return value
        start, stop = float(self.starts[k]), float(self.starts[k] + self.widths[k])
        return start if value - start <= stop - value else stop

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
            return Statistics(0, *(math.nan,) * 7, None)
        counts = self.table[channel] if self.has_levels else self.histogram(256).counts[channel]
        p = counts[counts > 0] / counts.sum()
        median, median_width = self._quantile(0.5, channel)
        return Statistics(
            pixels=n,
            low=low,
            high=high,
            mean=float(self.mean[channel]),
            standard_deviation=math.sqrt(max(float(self.variance[channel]), 0.0)),
            median=median,
            median_width=median_width,
            entropy=float(-(p * np.log2(p)).sum()) + 0.0,
            saturated=int(self.at_top[channel]) / n if self.dtype.kind in "iu" else None,
        )


def place_of(value: float, exponent: int) -> int:
    """Return k of the highest multiple k 2^exponent that is at most a number."""
    numerator, denominator = value.as_integer_ratio()
    return (numerator << max(-exponent, 0)) // (denominator << max(exponent, 0))


def _ldexp(place: int, exponent: int) -> float:
    """Return ``place * 2**exponent``, or the largest finite number if it overflows."""
    try:
        return math.ldexp(float(place), exponent)
    except OverflowError:
        return math.copysign(math.nextafter(math.inf, 0), place)
