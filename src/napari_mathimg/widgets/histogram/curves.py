"""Conversion of counts to the curves and formatted numbers that the dock shows."""

import math
from collections.abc import Iterator

import numpy as np

from ...contract.quantities import NO_BREAK, count, figures, number, percent, quantity
from ...histogram import Histogram, Statistics
from ...histogram.fine_histogram import FineHistogram
from .plot import Color, HistogramCurve

ALL = "RGB"  # all color channels together
RGB: dict[str, Color] = {"Red": (235, 80, 80), "Green": (80, 190, 80), "Blue": (90, 130, 255), "Luminance": (150,) * 3}
PALETTE: tuple[Color, ...] = ((255, 165, 60), (60, 190, 190), (220, 100, 220), (150, 190, 60), (240, 110, 110))


def channel_index(tally: FineHistogram, channel: str) -> int:
    """Return the index of the channel whose numbers are shown; for all channels together, that of luminance."""
    if len(tally.channels) == 1:
        return 0
    return tally.channels.index(channel if channel in tally.channels else "Luminance")


def main_curves(
    tally: FineHistogram, drawn: Histogram, name: str, channel: str, color: Color, cumulative: bool
) -> Iterator[HistogramCurve]:
    """Yield the curves of the active layer: one, or one for each color channel and for luminance."""
    chosen = channel_index(tally, channel)
    if len(tally.channels) == 1:
        share = tally.cumulative() if cumulative else None
        yield HistogramCurve(name, drawn.edges, drawn.counts[0], color, cumulative=share)
        return
    shown = tally.channels if channel == ALL else (tally.channels[chosen],)
    for c in shown[::-1]:
        index = tally.channels.index(c)
        share = tally.cumulative(index) if cumulative and index == chosen else None
        yield HistogramCurve(
            f"{name}: {c}", drawn.edges, drawn.counts[index], RGB[c], c != "Luminance" or channel != ALL, share
        )


def compared_curve(
    tally: FineHistogram,
    bins: int,
    main: Histogram,
    pixels: int,
    name: str,
    channel: str,
    color: Color,
    cumulative: bool,
) -> HistogramCurve:
    """Return the curve of another layer, scaled to the pixel count and the bin width of the active layer."""
    drawn, index = tally.histogram(bins), channel_index(tally, channel)
    widths = [float(h.edges[-1] - h.edges[0]) / (h.edges.size - 1) for h in (main, drawn)]
    factor = pixels / max(int(tally.finite[index]), 1) * widths[0] / widths[1]
    share = tally.cumulative(index) if cumulative else None
    return HistogramCurve(name, drawn.edges, drawn.counts[index] * factor, color, False, share, dashed=True)


def numbers(tally: FineHistogram, drawn: Histogram, channel: str) -> dict[str, tuple[str, str]]:
    """Return the statistics of a channel by name, each in short and with all its digits."""
    index = channel_index(tally, channel)
    s: Statistics = tally.statistics(index)
    shares = {"Saturated": s.saturated}
    counts = {
        "Pixels": s.pixels,
        "Below": drawn.underflow[index],  # type: ignore[index]
        "Above": drawn.overflow[index],  # type: ignore[index]
        "NaN, ∞": drawn.nonfinite[index],  # type: ignore[index]
        "Bins": drawn.counts.shape[1],
    }
    values = {
        "Mean": s.mean, "Std. dev.": s.standard_deviation, "Median": s.median, "Minimum": s.low, "Maximum": s.high,
    }  # fmt: skip
    about = f"≈{NO_BREAK}" if s.median_width else ""
    shown = {name: (count(n), str(int(n))) for name, n in counts.items()}
    shown |= {name: (f"{about if name == 'Median' else ''}{number(v)}", whole(v)) for name, v in values.items()}
    shown |= {name: (percent(v), whole(v)) for name, v in shares.items() if v is not None}
    return shown | {"Entropy": (quantity(s.entropy, "bit", 4), whole(s.entropy))}


def whole(value: float) -> str:
    """Write a number with all its digits."""
    return figures(value) if math.isfinite(value) else number(value)


def median_tip(tally: FineHistogram, channel: str) -> str:
    """Say how exact the median is, and with it the percentiles around it."""
    width = tally.quantile_width(0.5, channel_index(tally, channel))
    if math.isnan(width) or not tally.exact:
        return ""
    return f"Within {number(width, 2)} of the exact median" if width else "Exact"


def read_out(tally: FineHistogram, drawn: Histogram, channel: str, value: float) -> str:
    """Describe the bin under the cursor: its values, its number of pixels, and the percentile of the value."""
    if math.isnan(value):
        return ""
    index = channel_index(tally, channel)
    k = int(np.searchsorted(drawn.edges, value, side="right")) - 1
    percentile = f"percentile {100 * tally.share_up_to(value, index):.2f}"
    if not 0 <= k < drawn.counts.shape[1]:
        return f"{number(value)}:  {percentile}"
    low, high = float(drawn.edges[k]), float(drawn.edges[k + 1])
    if tally.integral:
        value = float(min(max(math.floor(value + 0.5), math.ceil(low)), math.floor(high)))
        percentile = f"percentile {100 * tally.share_up_to(value, index):.2f}"
        first, last = math.ceil(low), math.ceil(high) - 1
        values = number(first, 10) if first == last else f"{number(first, 10)} – {number(last, 10)}"
    else:
        values = f"{number(low)} – {number(high)}"
    return f"{values}:  {quantity(count(drawn.counts[index, k]), 'px')},  {percentile}"
