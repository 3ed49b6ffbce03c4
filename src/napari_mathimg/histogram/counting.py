"""Fine histograms of regions: a partial one from a sample first, then the exact one, counted in threads."""

import math
import threading
import time
from collections.abc import Generator
from typing import Any, NamedTuple

import numpy as np

from ..contract.progress import Progress, run_to_end
from ..contract.reach import Box, size
from ..engine.chunks import read_tasks
from ..engine.threads import cores
from ..kernels import counting
from ..kernels.cells import LANES, add_moments
from ..methods.cells import Cells
from .bin_edges import Array, Counts, finite_ends
from .fine_histogram import FineHistogram
from .fitted_cells import ends_of, fitted_cells
from .region import SAMPLE, Region

PHASE = "Histogram"
COLORS = ("Red", "Green", "Blue", "Luminance")
WEIGHTS = np.array([0.2125, 0.7154, 0.0721])  # luminance of linear Rec. 709 primaries, as in `to_gray`
SMALL = 2**19  # pixels in memory that are counted as fast as a sample is taken
COARSE = 2**24  # pixels of a coarse level that are counted as a sample
FIRST = 2**22  # pixels of the largest block of a lazy array of which three are read to fit the cells
PIECE = 2**16  # pixels whose moments are taken at a time
INTERVAL = 0.3  # seconds between two partial results


class Answer(NamedTuple):
    """Progress of a tally and the partial result so far, or None."""

    progress: Progress
    tally: FineHistogram | None


def tally(region: Region, *, threads: int | None = None) -> FineHistogram:
    """Count the pixels of a region in gray levels or cells, in one pass.

    Parameters
    ----------
    region
        Pixels of an array, which is not changed.
    threads
        Number of threads; by default the number of cores. The result does not depend on it.

    Returns
    -------
    FineHistogram
        Exact counts of one channel, or, if the region has colors, of red, green, blue and the luminance
        Y = 0.2125 R + 0.7154 G + 0.0721 B, which is rounded to the nearest level of an integer type.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg.histogram import Region, tally
    >>> counts = tally(Region(np.array([[1, 1, 2], [3, 4, 255]], np.uint8)))
    >>> counts.histogram(4, (1, 4)).counts, counts.quantile(0.5), counts.between(2, 4)
    (array([[2, 1, 1, 1]]), 2.5, 3)
    """
    return run_to_end(tally_steps(region, threads=threads))


def tally_steps(
    region: Region, coarse: Region | None = None, threads: int | None = None
) -> Generator[Answer, None, FineHistogram]:
    """Run `tally` as a generator that yields partial results and returns its value; closing it cancels.

    Partial results come from evenly spaced pixels of an array in memory, within 50 ms; from `coarse`, the same region
    of a coarser level; or else from the blocks of a lazy array that have been read. Each block is read once.
    """
    sampler = _count_sample(region, coarse)
    if sampler is not None:
        yield Answer(Progress(PHASE, 0, 1), sampler.tally(exact=False, wanted=region.pixels))
    boxes = dict(enumerate(region.blocks()))
    counter, first = _Counter(region), list[int]()
    if sampler is not None and sampler.dtype == counter.dtype:
        counter.cells = sampler.cells
    else:
        first = _fit(counter, boxes)
    firsts = {number: boxes.pop(number) for number in first}
    if not boxes:
        _fit_to_blocks(counter, firsts)
        return counter.tally(exact=True)
    last_time = -math.inf
    steps = read_tasks(
        PHASE,
        list(boxes.items()),
        lambda task: region.reads(task[1]),
        lambda task: counter.add(*task),
        threads or cores(),
    )
    try:
        if firsts:
            yield Answer(next(steps), None)  # from here on, chunks of the first blocks are kept while others need them
            _fit_to_blocks(counter, firsts)
        for progress in steps:
            is_due = time.monotonic() - last_time > INTERVAL
            partial = None
            if sampler is None and not region.in_memory and 0 < progress.done < progress.total and is_due:
                partial, last_time = counter.tally(exact=False), time.monotonic()
            yield Answer(progress, partial)
    finally:
        steps.close()
    return counter.tally(exact=True)


def _fit_to_blocks(counter: "_Counter", boxes: dict[int, Box]) -> None:
    """Fit the cells to some blocks, if any, and count these."""
    if not boxes:
        return
    blocks = {number: counter.region.read(box) for number, box in boxes.items()}
    counter.fit(np.concatenate([block[:: max(len(block) // SAMPLE, 1)] for block in blocks.values()]))
    for number, block in blocks.items():
        counter.count(number, block)


def _first_blocks(boxes: dict[int, Box]) -> list[int]:
    """Return the numbers of blocks of a lazy array that are read to fit the cells: first, middle and last."""
    spread = sorted({0, len(boxes) // 2, len(boxes) - 1})
    return spread if all(math.prod(size(boxes[number])) <= FIRST for number in spread) else [0]


def _count_sample(region: Region, coarse: Region | None) -> "_Counter | None":
    """Count a sample of the pixels; None if no sample is at hand, or all pixels can be counted as fast."""
    if coarse is None and (not region.in_memory or region.pixels <= SMALL):
        return None
    sampled = coarse if coarse is not None else region
    counter = _Counter(sampled)
    if coarse is None or (coarse.in_memory and coarse.pixels > COARSE):
        sample = sampled.read(sampled.span, sampled.strides())
        counter.fit(sample)
        counter.count(0, sample)
        return counter
    boxes = dict(enumerate(coarse.blocks()))
    _fit_to_blocks(counter, {number: boxes.pop(number) for number in _fit(counter, boxes)})
    for number, box in boxes.items():
        if counter.pixels >= COARSE:
            break
        counter.add(number, box)
    return counter


def _fit(counter: "_Counter", boxes: dict[int, Box]) -> list[int]:
    """Fit the cells to pixels spread over an array in memory; of a lazy one, return the blocks to fit them to."""
    if counter.has_levels:
        return []
    if not counter.region.in_memory:
        return _first_blocks(boxes)
    counter.fit(counter.region.read(counter.region.span, counter.region.strides()))
    return []


class Moments(NamedTuple):
    """Moments of finite values: number, mean, sum of squared deviations from the mean, lowest and highest value."""

    pixels: int
    mean: float
    squares: float
    low: float
    high: float


class _Counter:
    """Counts of the blocks of a region, in a table for each thread that adds blocks.

    Types of more than 16 bits are counted in cells, which `fit` makes.
    """

    def __init__(self, region: Region) -> None:
        self.region = region
        dtype: np.dtype[Any] = np.dtype(region.array.dtype).newbyteorder("=")
        self.dtype = dtype
        self.channels = COLORS if region.colors else ("",)
        self.pixels = 0
        self.has_levels = dtype.itemsize <= 2
        self._bits = np.dtype(f"u{dtype.itemsize}")
        self.cells: Cells | None = None
        self._tables: dict[int, tuple[threading.Lock, Counts]] = {}
        self._moments: dict[int, list[Moments]] = {}
        self._at_top: dict[int, Counts] = {}
        self._guard = threading.Lock()

    def fit(self, sample: Array) -> None:
        """Fit the cells to a sample of the pixels, as `Region.read` returns them, where gray levels are no cells."""
        if self.has_levels:
            return
        self.cells = fitted_cells(np.concatenate(self._channels_of(sample)), self.dtype)

    def add(self, number: int, box: Box) -> None:
        """Read and count a block."""
        self.count(number, self.region.read(box))

    def count(self, number: int, block: Array) -> None:
        """Count the pixels of a block, given its number in the region."""
        thread = threading.get_ident()
        with self._guard:
            lock, table = self._tables.setdefault(thread, (threading.Lock(), self._empty_table()))
        with lock:
            if self.has_levels:
                self._count_levels(block, table)
            else:
                self._count_in_cells(number, block, table)
            with self._guard:
                self.pixels += len(block)

    def _empty_table(self) -> Counts:
        """Return a table of shape (channels, levels), or (channels, cells)."""
        entries = 256**self.dtype.itemsize if self.cells is None else self.cells.starts.size
        return np.zeros((len(self.channels), entries), np.int64)

    def _count_levels(self, block: Array, table: Counts) -> None:
        if self.region.colors and self.dtype.kind in "bu":
            counting.count_colors(block.view(self._bits), table, WEIGHTS)
            return
        for counts, flat in zip(table, self._channels_of(block), strict=True):
            counting.count_levels(flat.view(self._bits), counts)

    def _count_in_cells(self, number: int, block: Array, table: Counts) -> None:
        assert self.cells is not None
        channels, moments = self._channels_of(block), []
        for counts, flat in zip(table, channels, strict=True):
            nonfinite = counts[-1]
            sums, center = _no_moments(), _typical_value(flat)
            for start in range(0, flat.size, PIECE):
                piece = flat[start : start + PIECE]
                self.cells.count(piece, counts)
                add_moments(piece, center, *finite_ends(self.dtype), sums)
            moments.append(_moments_of_sums(flat.size - int(counts[-1] - nonfinite), center, sums))
        self._moments[number] = moments
        if self.dtype.kind in "iu":
            top = finite_ends(self.dtype)[1]
            self._at_top[number] = np.array([np.count_nonzero(flat == top) for flat in channels])

    def _channels_of(self, block: Array) -> list[Array]:
        """Return the flat channels of a block, the luminance last."""
        if not self.region.colors:
            return [block]
        luminance = WEIGHTS[0] * block[:, 0] + WEIGHTS[1] * block[:, 1] + WEIGHTS[2] * block[:, 2]
        luminance = np.floor(luminance + 0.5) if self.dtype.kind != "f" else luminance
        return [*(np.ascontiguousarray(block[:, k]) for k in range(3)), luminance.astype(self.dtype)]

    def tally(self, *, exact: bool, wanted: int | None = None) -> FineHistogram:
        """Return the counts of all blocks that were added until now."""
        with self._guard:
            tables = list(self._tables.values())
        for lock, _ in tables:
            lock.acquire()
        try:
            table = sum((counts for _, counts in tables), self._empty_table())
            numbers = sorted(self._moments)
            moments = [[self._moments[k][c] for k in numbers] for c in range(len(self.channels))]
            at_top = sum((self._at_top[k] for k in sorted(self._at_top)), np.zeros(len(self.channels), np.int64))
        finally:
            for lock, _ in tables:
                lock.release()
        used = np.flatnonzero(table.any(axis=0))
        values, widths = self._values_at(used)
        rising = np.argsort(values)
        rising = rising[np.isfinite(values[rising])]
        total, counted = table.sum(axis=1), table[:, used[rising]]
        starts, widths = values[rising], widths[rising]
        if self.has_levels:
            moments = [[_moments_of_levels(starts, counts)] for counts in counted]
            at_top = counted[:, starts == (np.iinfo(self.dtype).max if self.dtype.kind in "iu" else np.inf)].sum(axis=1)
        ends, mean, variance = (np.array(x) for x in zip(*map(_pool_moments, moments), strict=True))
        return FineHistogram(
            self.channels, self.dtype, starts, widths, counted, total - counted.sum(axis=1), ends, mean, variance,
            at_top, int(total[0]) if exact else wanted or self.region.pixels, exact,
        )  # fmt: skip

    def _values_at(self, used: Array) -> tuple[Array, Array]:
        """Return the lowest number of the type in some entries of a table, and the widths of these cells."""
        if self.has_levels or self.cells is None:
            values = used.astype(self._bits).view(self.dtype).astype(np.float64)
            return values, np.zeros(values.size)
        starts, stops = ends_of(self.cells, used)
        if self.dtype.kind == "f":
            return starts, np.where(self.cells.bits[used] == 0, 0.0, stops - starts)
        starts, stops = np.ceil(starts), np.ceil(stops)
        return starts, np.where(stops - starts <= 1, 0.0, stops - starts)


def _no_moments() -> Array:
    """Return sums, sums of squares, lowest and highest values before any value was counted."""
    sums = np.zeros((4, LANES))
    sums[2], sums[3] = np.inf, -np.inf
    return sums


def _moments_of_sums(pixels: int, center: float, sums: Array) -> Moments:
    """Return the moments of some pixels, from the sums that `add_moments` makes."""
    if not pixels:
        return Moments(0, 0.0, 0.0, math.inf, -math.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        total, squares = sums[:2].sum(axis=1)
        deviations = float(squares - total * total / pixels)
    return Moments(pixels, float(center + total / pixels), deviations, float(sums[2].min()), float(sums[3].max()))


def _moments_of_levels(levels: Array, counts: Counts) -> Moments:
    """Return the moments of pixels that have rising levels, from the number of pixels at each."""
    used, n = np.flatnonzero(counts), int(counts.sum())
    if not n:
        return Moments(0, 0.0, 0.0, math.inf, -math.inf)
    mean = float(counts @ levels) / n
    return Moments(n, mean, float(counts @ (levels - mean) ** 2), float(levels[used[0]]), float(levels[used[-1]]))


def _typical_value(flat: Array) -> float:
    """Return the median of a few values, which is subtracted from all before they are summed, to keep digits."""
    few = flat[:: max(flat.size // 9, 1)][:9].astype(np.float64)
    few = np.sort(few[np.isfinite(few)])
    return float(few[few.size // 2]) if few.size else 0.0


def _pool_moments(blocks: list[Moments]) -> tuple[tuple[float, float], float, float]:
    """Return (lowest, highest), mean and variance of several blocks together."""
    blocks = [b for b in blocks if b.pixels]
    n = sum(b.pixels for b in blocks)
    if not n:
        return (math.nan, math.nan), math.nan, math.nan
    low, high = min(b.low for b in blocks), max(b.high for b in blocks)
    pixels, mean, squares = (np.array([b[k] for b in blocks], np.float64) for k in range(3))
    with np.errstate(over="ignore", invalid="ignore"):
        pooled_mean = mean[0] + float(((mean - mean[0]) * (pixels / n)).sum())
        variance = float((squares + pixels * (mean - pooled_mean) ** 2).sum()) / n
    return (low, high), pooled_mean, math.inf if math.isnan(variance) else variance  # NaN comes from an overflow
