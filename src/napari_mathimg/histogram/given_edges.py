"""Exact histograms of images of any size, counted box by box in threads."""

import itertools
import math
import random
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal, TypeVar

import numpy as np

from ..contract.progress import Progress, run_to_end
from ..contract.reach import POINTWISE, Box, size
from ..engine.source import Source
from ..engine.threads import cores, run_tasks
from ..engine.tiles import tiles
from ..kernels import counting
from .bin_edges import Array, Counts, Edges, distinct_edges, levels_in_slots, slots_between
from .tails import Tails

__all__ = ["Histogram", "histogram", "histogram_steps"]

Range = Literal["robust", "data", "dtype"] | tuple[float, float]
Ends = tuple[Any, Any]
Own = TypeVar("Own")

ONE_IN = 10_000  # pixels, one is dropped at either end of the robust range
PIXELS = 2**20  # of a box: reading and starting it costs little beside counting it
CHUNK = 2**24  # pixels of the largest chunk read at once
TABLE = 2**22  # entries of the largest table of gray levels


@dataclass(frozen=True, eq=False)
class Histogram:
    """How many pixels lie in each bin, and how many in none.

    A bin holds the pixels from its lower edge up to, but without, its upper edge; the last one holds its upper
    edge too. ``counts.sum() + underflow + overflow + nonfinite`` is the number of pixels, of each channel where
    channels were counted.

    Parameters
    ----------
    counts
        Pixels in each bin: shape (bins,), or (channels, bins).
    edges
        Ends of the bins in the image's values, rising: shape (bins + 1,), the same for all channels.
    underflow, overflow
        Finite pixels below the first and above the last edge: an int, or shape (channels,).
    nonfinite
        Pixels that are NaN or infinite: an int, or shape (channels,).
    """

    counts: Counts
    edges: Edges
    underflow: int | Counts
    overflow: int | Counts
    nonfinite: int | Counts

    @property
    def centers(self) -> Edges:
        """Middles of the bins, shape (bins,)."""
        return self.edges[:-1] / 2 + self.edges[1:] / 2


def histogram(image: Any, *, bins: int = 256, range: Range = "robust", channel_axis: int | None = None) -> Histogram:
    """Count exactly how often values occur in an image.

    Every pixel is counted, box by box in threads, in images larger than memory too. The image is not changed.

    Parameters
    ----------
    image
        Array (NumPy, Dask, Zarr) of booleans, integers or floating-point numbers on any number of axes.
    bins
        Number of bins, at least 1. For booleans and integers it is the highest number: every bin holds equally many
        gray levels, its edges half-way between two (the last bin may reach past the range), so that no bin stands
        out only because it holds one level more. Edges beyond 2^51 are rounded to whole numbers.
    range
        The values to bin; those outside are `underflow` and `overflow`.

        - ``"robust"``: of the n finite pixels in order, without the max(1, n // 10000) lowest and as many
          highest (none where n < 3). One more hot or dead pixel, whatever its value, moves either end by
          one place in this order at most.
        - ``"data"``: from the lowest to the highest finite pixel.
        - ``"dtype"``: 0 to the highest value of integers, 0 to 1 of booleans and floating point.
        - ``(low, high)``: two finite numbers, low at most high. Of integers, the levels between them.

        Where no pixel is finite, 0 to 1. A floating-point range of one value is widened by 0.5 to either side, one
        too narrow for distinct edges by what they need.
    channel_axis
        Axis whose entries are counted each on its own, between the same edges; None to count all together.

    Returns
    -------
    Histogram
        Counts, edges, and the pixels in no bin.

    Raises
    ------
    ValueError
        If `bins` is no whole number of at least 1, `range` none of the above or without a gray level, `channel_axis`
        no axis of the image; if the image has no pixels, or other than real numbers of at most 64 bits.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg.histogram import histogram
    >>> image = np.array([[1, 1, 2], [3, 4, 255]], np.uint8)
    >>> found = histogram(image, bins=4, range=(1, 4))
    >>> found.counts, found.edges, found.overflow
    (array([2, 1, 1, 1]), array([0.5, 1.5, 2.5, 3.5, 4.5]), 1)
    """
    return run_to_end(histogram_steps(image, bins=bins, range=range, channel_axis=channel_axis))


def histogram_steps(
    image: Any, *, bins: int = 256, range: Range = "robust", channel_axis: int | None = None,
    threads: int | None = None,
) -> Generator[Progress, None, Histogram]:  # fmt: skip
    """Return what `histogram` does, as the value of a generator that yields progress; closing it cancels.

    The result does not depend on the number of `threads`; all cores by default.
    """
    if isinstance(bins, bool) or not isinstance(bins, int | np.integer) or bins < 1:
        raise ValueError(f"bins={bins!r}: a whole number, at least 1")
    pixels, threads = _Pixels(Source(image, max(len(image.shape), 1)), channel_axis), threads or cores()
    dtype = pixels.source.dtype
    ends, integral = _given(range, dtype), dtype.kind in "biu"
    if pixels.channels << 8 * dtype.itemsize <= TABLE:
        levels, table = yield from _count_levels(pixels, threads)
        edges = distinct_edges(*(ends or _ends_of_levels(levels, table.sum(axis=0), range)), int(bins), integral)
        slotted = levels_in_slots(levels, table, edges)
    else:
        edges = distinct_edges(*(ends or (yield from _ends_of_pixels(pixels, range, threads))), int(bins), integral)
        slotted = yield from _count_slots(pixels, edges, threads)
    counts, (under, over, nonfinite) = slotted[:, 1:-2].copy(), slotted[:, [0, -2, -1]].T
    if channel_axis is None:
        return Histogram(counts[0], edges, int(under[0]), int(over[0]), int(nonfinite[0]))
    return Histogram(counts, edges, under, over, nonfinite)


def _given(limits: Any, dtype: np.dtype[Any]) -> Ends | None:
    """Return the ends of a range that does not depend on the pixels, or None."""
    if isinstance(limits, str) and limits in ("robust", "data", "dtype"):
        return None if limits != "dtype" else (0, int(np.iinfo(dtype).max) if dtype.kind in "iu" else 1)
    try:
        low, high = (v.item() if isinstance(v, np.generic) else v for v in limits)
        good = math.isfinite(low) and math.isfinite(high) and low <= high
    except (TypeError, ValueError, OverflowError):
        good = False
    if not good:
        raise ValueError(f"range={limits!r}: 'robust', 'data', 'dtype', or two finite numbers, low and high")
    if dtype.kind == "f":
        return float(low), float(high)
    if math.ceil(low) > math.floor(high):
        raise ValueError(f"range={limits!r}: at least one whole number, for an image of {dtype}")
    return math.ceil(low), math.floor(high)


@dataclass(frozen=True)
class _Pixels:
    """An image as flat arrays, box by box and channel by channel."""

    source: Source
    channel_axis: int | None

    def __post_init__(self) -> None:
        axis, ndim = self.channel_axis, len(self.source.item)
        if axis is not None and not -ndim <= axis < ndim:
            raise ValueError(f"channel_axis={axis}: an axis of an image of shape {self.source.item}")

    @property
    def dtype(self) -> np.dtype[Any]:
        """The image's type, in which values are compared; at least 32 bits."""
        dtype = self.source.dtype
        return dtype if dtype.itemsize > 2 else np.dtype(np.float32 if dtype.kind == "f" else np.int32)

    @property
    def channels(self) -> int:
        return 1 if self.channel_axis is None else self.source.item[self.channel_axis]

    @property
    def boxes(self) -> list[Box]:
        """Boxes that cover the image once; of an image in chunks, whole chunks, so that none is read twice."""
        shape, chunks = self.source.item, getattr(self.source.array, "chunks", None)
        if not chunks:
            return tiles(shape, POINTWISE, PIXELS, side=1)
        cuts = [
            np.unique(np.cumsum([0, *sides]) if isinstance(sides, tuple) else [*np.arange(0, n, sides), n])
            for n, sides in zip(shape, chunks, strict=True)
        ]
        room = PIXELS // math.prod(int(np.diff(c).max()) for c in cuts)
        spans: list[list[tuple[int, int]]] = []
        for c in reversed(cuts):
            some = min(max(room, 1), c.size - 1)
            room //= some
            spans.insert(0, list(itertools.pairwise([*c[:-1:some].tolist(), int(c[-1])])))
        return [
            tuple((a + c, a + d) for (a, _), (c, d) in zip(box, part, strict=True))
            for box in itertools.product(*spans)
            for part in tiles(size(box), POINTWISE, CHUNK, side=1)
        ]

    def flat(self, box: Box) -> Iterator[tuple[int, Array]]:
        """Read a box; yield the numbers of its channels and their pixels, in any order."""
        block = self.source.read((), box)
        if self.channel_axis is None:
            yield 0, np.ravel(block, order="K")
        else:
            first, _ = box[self.channel_axis]
            for channel, plane in enumerate(np.moveaxis(block, self.channel_axis, 0), first):
                yield channel, np.ravel(plane, order="K")


def _in_threads(
    phase: str, boxes: list[Box], make: Callable[[], Own], add: Callable[[Own, Box], None], threads: int
) -> Generator[Progress, None, list[Own]]:
    """Let every thread add boxes to something of its own; return all of these."""
    made: dict[int, Own] = {}

    def work(box: Box) -> None:
        me = threading.get_ident()
        if me not in made:
            made[me] = make()
        add(made[me], box)

    yield from run_tasks(phase, boxes, work, threads)
    return list(made.values())


def _count(
    pixels: _Pixels, length: int, count: Callable[[Array, Counts], None], threads: int
) -> Generator[Progress, None, Counts]:
    """Count every channel's pixels into a table, shape (channels, length)."""
    shape = (pixels.channels, length)

    def add(table: Counts, box: Box) -> None:
        for channel, flat in pixels.flat(box):
            count(flat, table[channel])

    tables: list[Counts]
    tables = yield from _in_threads("Histogram", pixels.boxes, lambda: np.zeros(shape, np.int64), add, threads)
    return reduce(np.add, tables)


def _count_levels(pixels: _Pixels, threads: int) -> Generator[Progress, None, tuple[Array, Counts]]:
    """Return the levels that occur, as float64 in rising order, and their counts, shape (channels, levels)."""
    dtype = pixels.source.dtype
    bits = np.dtype(f"u{dtype.itemsize}")
    table = yield from _count(pixels, 256**dtype.itemsize, lambda x, n: counting.count_levels(x.view(bits), n), threads)
    there = np.flatnonzero(table.any(axis=0))
    levels = there.astype(bits).view(dtype).astype(np.float64)
    order = np.argsort(levels)
    return levels[order], table[:, there[order]]


def _count_slots(pixels: _Pixels, edges: Edges, threads: int) -> Generator[Progress, None, Counts]:
    """Count what lies below the edges, in the bins, above the edges, and is not finite: (channels, slots)."""
    slots = slots_between(edges, pixels.dtype)

    def count(flat: Array, counts: Counts) -> None:
        counting.count_slots(flat.astype(pixels.dtype, copy=False), *slots, counts)

    return (yield from _count(pixels, edges.size + 2, count, threads))


def _dropped(finite: int, limits: Range) -> int:
    """Return how many pixels a range leaves out at either end."""
    return min(max(1, finite // ONE_IN), (finite - 1) // 2) if limits == "robust" else 0


def _ends_of_levels(levels: Array, counts: Counts, limits: Range) -> Ends:
    """Find the lowest and the highest pixel that a range keeps."""
    finite = np.isfinite(levels)
    levels, upto = levels[finite], np.cumsum(counts[finite])
    if not levels.size:
        return 0.0, 1.0
    dropped = _dropped(int(upto[-1]), limits)
    low, high = np.searchsorted(upto, [dropped, upto[-1] - 1 - dropped], side="right")
    return levels[low].item(), levels[high].item()


def _ends_of_pixels(pixels: _Pixels, limits: Range, threads: int) -> Generator[Progress, None, Ends]:
    """Find the lowest and the highest pixel that a range keeps, in one pass."""
    keep = _dropped(math.prod(pixels.source.item), limits) + 1
    mixed = random.Random(0).sample(pixels.boxes, len(pixels.boxes))  # else a ramp brings new extremes in every box

    def add(tails: Tails, box: Box) -> None:
        for _, flat in pixels.flat(box):
            tails.add(flat.astype(pixels.dtype, copy=False))

    tails, *others = yield from _in_threads("Value range", mixed, lambda: Tails(keep, pixels.dtype), add, threads)
    tails.merge(others)
    if not tails.finite:
        return 0.0, 1.0
    dropped = _dropped(tails.finite, limits)
    return np.sort(tails.low)[dropped].item(), np.sort(tails.high)[-1 - dropped].item()
