"""Exact histograms with given bins and range, counted box by box in threads."""

import math
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

import numpy as np

from ..contract.progress import Progress, run_to_end
from ..contract.reach import Box
from ..contract.requirements import check_whole_number
from ..engine.chunks import boxes_along_chunks, read_tasks, with_cached_chunks
from ..engine.passes.ranges import merged_range
from ..engine.source import Source
from ..engine.threads import cores
from ..engine.value_range import find_data_ranges, find_ranked
from ..kernels import counting
from .bin_edges import (
    Array,
    Counts,
    Edges,
    distinct_edges,
    levels_in_slots,
    places_of_ends,
    robust_ranks,
    slots_between,
)

__all__ = ["Histogram", "histogram", "histogram_steps"]

Range = Literal["robust", "data", "dtype"] | tuple[float, float]
Ends = tuple[Any, Any]

PIXELS = 2**20  # in a box; enough that counting outweighs the cost of reading and starting it
TABLE = 2**22  # entries of the largest table of gray levels


@dataclass(frozen=True, eq=False)
class Histogram:
    """The number of pixels in each bin, and of those in no bin.

    A bin contains its lower edge but not its upper edge, except the last bin, which contains both.
    ``counts.sum() + underflow + overflow + nonfinite`` is the number of pixels, for each channel if channels were
    counted.

    Parameters
    ----------
    counts
        Number of pixels in each bin: shape (bins,), or (channels, bins).
    edges
        Rising edges of the bins in the values of the image: shape (bins + 1,), the same for all channels.
    underflow, overflow
        Number of finite pixels below the first and above the last edge: an int, or shape (channels,).
    nonfinite
        Number of pixels that are NaN or infinite: an int, or shape (channels,).
    """

    counts: Counts
    edges: Edges
    underflow: int | Counts
    overflow: int | Counts
    nonfinite: int | Counts

    @property
    def centers(self) -> Edges:
        """Centers of the bins, shape (bins,)."""
        return self.edges[:-1] / 2 + self.edges[1:] / 2


def histogram(image: Any, *, bins: int = 256, range: Range = "robust", channel_axis: int | None = None) -> Histogram:
    """Count the values of an image exactly.

    Every pixel is counted, box by box in threads, also in images larger than memory. The image is not changed.

    Parameters
    ----------
    image
        Array (NumPy, Dask, Zarr) of booleans, integers or floating-point numbers on any number of axes.
    bins
        Number of bins, at least 1. For booleans and integers it is the largest number of bins: every bin has the same
        number of gray levels, and its edges lie halfway between two levels (the last bin may reach past the range),
        so that no bin stands out only because it has one level more. Edges beyond 2^51 are rounded to whole numbers.
    range
        Range of the bins; values outside count as `underflow` and `overflow`.

        - ``"robust"``: the range of the n finite pixels without the max(1, n // 10000) lowest and as many highest
          (none if n < 3). One more hot or dead pixel of any value moves either end at most to the neighboring value
          in the sorted pixels.
        - ``"data"``: from the lowest to the highest finite pixel.
        - ``"dtype"``: from 0 to the highest value of an integer type; from 0 to 1 for booleans and floating point.
        - ``(low, high)``: two finite numbers, low at most high; for integers, the levels between them.

        Images of more than 16 bits a value are read once for the counts, and before that once for ``"data"``, and for
        ``"robust"`` twice (float32) or up to four times (others).

        If no pixel is finite, the range is 0 to 1. A floating-point range of one value is widened by 0.5 to either
        side, and one that is too narrow for distinct edges as far as necessary.
    channel_axis
        Axis of channels that are counted separately, with the same edges; None to count all pixels together.

    Returns
    -------
    Histogram
        Counts, edges, and the numbers of pixels in no bin.

    Raises
    ------
    ValueError
        If `bins` is not a whole number of at least 1, if `range` is none of the above or contains no gray level, if
        `channel_axis` is not an axis of the image, or if the image has no pixels or other values than real numbers of
        at most 64 bits.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg.histogram import histogram
    >>> image = np.array([[1, 1, 2], [3, 4, 255]], np.uint8)
    >>> counted = histogram(image, bins=4, range=(1, 4))
    >>> counted.counts, counted.edges, counted.overflow
    (array([2, 1, 1, 1]), array([0.5, 1.5, 2.5, 3.5, 4.5]), 1)
    """
    return run_to_end(histogram_steps(image, bins=bins, range=range, channel_axis=channel_axis))


def histogram_steps(
    image: Any, *, bins: int = 256, range: Range = "robust", channel_axis: int | None = None,
    threads: int | None = None,
) -> Generator[Progress, None, Histogram]:  # fmt: skip
    """Run `histogram` as a generator that yields progress and returns its value; closing it cancels.

    `threads` is by default the number of cores. The result does not depend on it.
    """
    check_whole_number("bins", bins, least=1)
    source = Source(with_cached_chunks(image), max(len(image.shape), 1))
    pixels, threads = _Pixels(source, channel_axis), threads or cores()
    dtype = pixels.source.dtype
    ends, integral = _fixed_ends(range, dtype), dtype.kind in "biu"
    if pixels.channels << 8 * dtype.itemsize <= TABLE:
        levels, table = yield from _count_levels(pixels, threads)
        edges = distinct_edges(*(ends or _ends_of_levels(levels, table.sum(axis=0), range)), int(bins), integral)
        slotted = levels_in_slots(levels, table, edges)
    else:
        ends = ends or (yield from _ends_of_pixels(with_cached_chunks(image), range, threads))
        edges = distinct_edges(*ends, int(bins), integral)
        slotted = yield from _count_slots(pixels, edges, threads)
    counts, (under, over, nonfinite) = slotted[:, 1:-2].copy(), slotted[:, [0, -2, -1]].T
    if channel_axis is None:
        return Histogram(counts[0], edges, int(under[0]), int(over[0]), int(nonfinite[0]))
    return Histogram(counts, edges, under, over, nonfinite)


def _fixed_ends(limits: Any, dtype: np.dtype[Any]) -> Ends | None:
    """Return the ends of a range that does not depend on the pixels; None for the other ranges."""
    if isinstance(limits, str) and limits in ("robust", "data", "dtype"):
        return None if limits != "dtype" else (0, int(np.iinfo(dtype).max) if dtype.kind in "iu" else 1)
    try:
        low, high = (v.item() if isinstance(v, np.generic) else v for v in limits)
        is_range = math.isfinite(low) and math.isfinite(high) and low <= high
    except (TypeError, ValueError, OverflowError):
        is_range = False
    if not is_range:
        raise ValueError(
            f"range={limits!r}: must be 'robust', 'data', 'dtype', or two finite numbers (low, high)"
            " with low at most high"
        )
    if dtype.kind == "f":
        return float(low), float(high)
    if math.ceil(low) > math.floor(high):
        raise ValueError(f"range={limits!r}: must contain at least one whole number, because the image holds {dtype}")
    return math.ceil(low), math.floor(high)


@dataclass(frozen=True)
class _Pixels:
    """An image that is read as flat arrays, block by block and channel by channel."""

    source: Source
    channel_axis: int | None

    def __post_init__(self) -> None:
        axis, ndim = self.channel_axis, len(self.source.item)
        if axis is not None and not -ndim <= axis < ndim:
            raise ValueError(f"channel_axis={axis}: must be an axis of an image of shape {self.source.item}")

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type in which values are compared: that of the image, but at least 32 bits wide."""
        dtype = self.source.dtype
        return dtype if dtype.itemsize > 2 else np.dtype(np.float32 if dtype.kind == "f" else np.int32)

    @property
    def channels(self) -> int:
        """Number of channels that are counted separately."""
        return 1 if self.channel_axis is None else self.source.item[self.channel_axis]

    @property
    def boxes(self) -> list[Box]:
        """Boxes that cover the image once, along its chunks."""
        return boxes_along_chunks(self.source.array, tuple((0, n) for n in self.source.item), PIXELS)

    def flat(self, box: Box) -> Iterator[tuple[int, Array]]:
        """Read a box; yield the number of each channel and its pixels in any order."""
        block = self.source.read((), box)
        if self.channel_axis is None:
            yield 0, np.ravel(block, order="K")
        else:
            first, _ = box[self.channel_axis]
            for channel, plane in enumerate(np.moveaxis(block, self.channel_axis, 0), first):
                yield channel, np.ravel(plane, order="K")


def _count(
    pixels: _Pixels, length: int, count: Callable[[Array, Counts], None], threads: int
) -> Generator[Progress, None, Counts]:
    """Count the pixels of every channel, in tables of each thread's own, of shape (channels, length)."""
    tables: dict[int, Counts] = {}

    def work(box: Box) -> None:
        thread = threading.get_ident()
        if thread not in tables:
            tables[thread] = np.zeros((pixels.channels, length), np.int64)
        for channel, flat in pixels.flat(box):
            count(flat, tables[thread][channel])

    yield from read_tasks("Histogram", pixels.boxes, lambda box: [(pixels.source.array, box)], work, threads)
    return reduce(np.add, tables.values())


def _count_levels(pixels: _Pixels, threads: int) -> Generator[Progress, None, tuple[Array, Counts]]:
    """Return the levels that occur, as float64 in rising order, and their counts, shape (channels, levels)."""
    dtype = pixels.source.dtype
    bits = np.dtype(f"u{dtype.itemsize}")
    table = yield from _count(pixels, 256**dtype.itemsize, lambda x, n: counting.count_levels(x.view(bits), n), threads)
    occupied = np.flatnonzero(table.any(axis=0))
    levels = occupied.astype(bits).view(dtype).astype(np.float64)
    order = np.argsort(levels)
    return levels[order], table[:, occupied[order]]


def _count_slots(pixels: _Pixels, edges: Edges, threads: int) -> Generator[Progress, None, Counts]:
    """Count the pixels below the edges, in each bin, above the edges, and not finite; shape (channels, slots)."""
    slots = slots_between(edges, pixels.dtype)

    def count(flat: Array, counts: Counts) -> None:
        counting.count_slots(flat.astype(pixels.dtype, copy=False), *slots, counts)

    return (yield from _count(pixels, edges.size + 2, count, threads))


def _ends_of_levels(levels: Array, counts: Counts, limits: Range) -> Ends:
    """Return the ends of a range, from the counts of the levels."""
    finite = np.isfinite(levels)
    levels = levels[finite]
    if not levels.size:
        return 0.0, 1.0
    low, high = places_of_ends(counts[finite], limits == "robust")
    return levels[low].item(), levels[high].item()


def _ends_of_pixels(image: Any, limits: Range, threads: int) -> Generator[Progress, None, Ends]:
    """Find the ends of a range that the pixels determine."""
    source = Source(image, len(image.shape))
    if limits == "robust":
        found = yield from find_ranked(source, source.indices, robust_ranks, threads)
        return found.values
    found_range = merged_range((yield from find_data_ranges(source, None, threads)).values())
    return (found_range.low, found_range.high) if found_range.low <= found_range.high else (0.0, 1.0)
