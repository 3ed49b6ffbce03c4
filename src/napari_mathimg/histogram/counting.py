"""Fine histograms of regions: a partial one from a sample first, then the exact one, counted in threads."""

import math
import threading
import time
from collections.abc import Generator
from typing import Any, NamedTuple

import numpy as np

from ..contract.progress import Progress, run_to_end
from ..contract.reach import Box
from ..engine.chunks import read_tasks
from ..engine.threads import cores
from ..kernels import fine_bins
from ..kernels.counting import count_levels
from .bin_edges import Array, Counts, robust_margin
from .fine_bins import FineBins, Moments, floor_to
from .fine_histogram import FINEST, FineHistogram
from .region import Region

PHASE = "Histogram"
COLORS = ("Red", "Green", "Blue", "Luminance")
WEIGHTS = np.array([0.2125, 0.7154, 0.0721])  # luminance of linear Rec. 709 primaries, as in `to_gray`
SMALL = 2**19  # pixels in memory that are counted as fast as a sample is taken
COARSE = 2**24  # pixels of a coarse level that are counted as a sample
INTERVAL = 0.3  # seconds between two partial results


class Answer(NamedTuple):
    """Progress of a tally and the partial result so far, or None."""

    progress: Progress
    tally: FineHistogram | None


def tally(region: Region, *, threads: int | None = None) -> FineHistogram:
    """Count the pixels of a region in fine bins, in one pass.

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
    return run_to_end(_only_progress(tally_steps(region, threads=threads)))


def _only_progress(steps: Generator[Answer, None, FineHistogram]) -> Generator[Progress, None, FineHistogram]:
    """Yield the progress of a tally without its partial results."""
    while True:
        try:
            yield next(steps).progress
        except StopIteration as done:
            result: FineHistogram = done.value
            return result


def tally_steps(
    region: Region, coarse: Region | None = None, threads: int | None = None
) -> Generator[Answer, None, FineHistogram]:
    """Run `tally` as a generator that yields partial results and returns its value; closing it cancels.

    Partial results come from evenly spaced pixels of an array in memory, within 50 ms; from `coarse`, the same region
    of a coarser level; or else from the blocks of a lazy array that have been read. Each block is read once.
    """
    sample = _tally_sample(region, coarse)
    if sample is not None:
        yield Answer(Progress(PHASE, 0, 1), sample)
    counter = _Counter(region)
    last_time = -math.inf
    tasks = list(enumerate(region.blocks()))
    steps = read_tasks(
        PHASE, tasks, lambda task: region.reads(task[1]), lambda task: counter.add(*task), threads or cores()
    )
    try:
        for progress in steps:
            is_due = time.monotonic() - last_time > INTERVAL
            partial = None
            if sample is None and not region.in_memory and 0 < progress.done < progress.total and is_due:
                partial, last_time = counter.tally(exact=False), time.monotonic()
            yield Answer(progress, partial)
    finally:
        steps.close()
    return counter.tally(exact=True)


def _tally_sample(region: Region, coarse: Region | None) -> FineHistogram | None:
    """Count a sample of the pixels; None if no sample is at hand, or all pixels can be counted as fast."""
    if coarse is None and (not region.in_memory or region.pixels <= SMALL):
        return None
    sampled = coarse if coarse is not None else region
    counter = _Counter(sampled)
    if coarse is None or (coarse.in_memory and coarse.pixels > COARSE):
        counter.count(0, sampled.read(sampled.span, sampled.strides()))
    else:
        for number, box in enumerate(coarse.blocks()):
            counter.add(number, box)
            if counter.pixels >= COARSE:
                break
    return counter.tally(exact=False, wanted=region.pixels)


class _Counter:
    """Counts of the blocks of a region, in a store for each thread that adds blocks."""

    def __init__(self, region: Region) -> None:
        self.region = region
        dtype: np.dtype[Any] = np.dtype(region.array.dtype).newbyteorder("=")
        self.dtype = dtype
        self.channels = COLORS if region.colors else ("",)
        self.pixels = 0
        self._has_levels = dtype.kind in "biu" and dtype.itemsize <= 2
        self._stores: dict[int, tuple[threading.Lock, list[Any]]] = {}
        self._moments: dict[int, list[Moments]] = {}
        self._guard = threading.Lock()

    def add(self, number: int, box: Box) -> None:
        """Read and count a block."""
        self.count(number, self.region.read(box))

    def count(self, number: int, block: Array) -> None:
        """Count the pixels of a block, given its number in the region."""
        thread = threading.get_ident()
        with self._guard:
            lock, store = self._stores.setdefault(thread, (threading.Lock(), self._new_store()))
        with lock:
            if self._has_levels:
                self._count_levels(block, store[0])
            else:
                self._moments[number] = self._count_in_fine_bins(block, store)
            with self._guard:
                self.pixels += len(block)

    def _new_store(self) -> list[Any]:
        """Return a table of levels, shape (channels, levels), in a list; or fine bins for each channel."""
        if self._has_levels:
            return [np.zeros((len(self.channels), 256**self.dtype.itemsize), np.int64)]
        wide = self.dtype if self.dtype.itemsize > 2 else np.dtype(np.float32)
        return [FineBins(wide) for _ in self.channels]

    def _count_levels(self, block: Array, table: Counts) -> None:
        if not self.region.colors:
            count_levels(block.view(f"u{self.dtype.itemsize}"), table[0])
        elif self.dtype.kind == "i":
            for counts, flat in zip(table, self._channels_of(block), strict=True):
                count_levels(flat.view(f"u{self.dtype.itemsize}"), counts)
        else:
            fine_bins.count_colors(block.view(f"u{self.dtype.itemsize}"), table, WEIGHTS)

    def _channels_of(self, block: Array) -> list[Array]:
        """Return the flat channels of a block, the luminance last."""
        if not self.region.colors:
            return [block]
        luminance = WEIGHTS[0] * block[:, 0] + WEIGHTS[1] * block[:, 1] + WEIGHTS[2] * block[:, 2]
        luminance = np.floor(luminance + 0.5) if self.dtype.kind != "f" else luminance
        return [*(np.ascontiguousarray(block[:, k]) for k in range(3)), luminance.astype(self.dtype)]

    def _count_in_fine_bins(self, block: Array, store: list[FineBins]) -> list[Moments]:
        channels = zip(store, self._channels_of(block), strict=True)
        return [bins.add(flat.astype(bins.dtype, copy=False)) for bins, flat in channels]

    def tally(self, *, exact: bool, wanted: int | None = None) -> FineHistogram:
        """Return the counts of all blocks that were added until now."""
        with self._guard:
            locked_stores = list(self._stores.values())
        for lock, _ in locked_stores:
            lock.acquire()
        try:
            stores = [store for _, store in locked_stores]
            merged = self._merge_levels(stores) if self._has_levels else self._merge_fine_bins(stores)
        finally:
            for lock, _ in locked_stores:
                lock.release()
        starts, table, exponent, nonfinite, ends, mean, variance = merged
        total = int(table[0].sum() + nonfinite[0])
        return FineHistogram(
            self.channels, self.dtype, starts, table, exponent, nonfinite, ends, mean, variance,
            total if exact else wanted or self.region.pixels, exact,
        )  # fmt: skip

    def _merge_levels(self, stores: list[Any]) -> tuple[Any, ...]:
        """Return the fields of a `FineHistogram` from `starts` to `variance`, from tables of levels."""
        table = sum((store[0] for store in stores), np.zeros((len(self.channels), 256**self.dtype.itemsize), np.int64))
        occupied = np.flatnonzero(table.any(axis=0))
        levels = occupied.astype(f"u{self.dtype.itemsize}").view(self.dtype).astype(np.int64)
        order = np.argsort(levels)
        levels, table = levels[order], table[:, occupied[order]]
        n = table.sum(axis=1)
        ends, mean, variance = np.full((len(n), 2), np.nan), np.full(len(n), np.nan), np.full(len(n), np.nan)
        for c in np.flatnonzero(n):
            in_channel = levels[table[c] > 0]
            ends[c] = in_channel[0], in_channel[-1]
            mean[c] = int((table[c] * levels).sum()) / int(n[c])
            variance[c] = (table[c] * (levels - mean[c]) ** 2).sum() / n[c]
        return levels, table, 0, np.zeros(len(n), np.int64), ends, mean, variance

    def _merge_fine_bins(self, stores: list[Any]) -> tuple[Any, ...]:
        """Return the fields of a `FineHistogram` from `starts` to `variance`, from fine bins."""
        channels = range(len(self.channels))
        levels = [[store[c].levels() for store in stores] for c in channels]
        exponent = max((part[2] for parts in levels for part in parts), default=-16)
        nonfinite = np.array([sum(store[c].nonfinite for store in stores) for c in channels], np.int64)
        starts, table = _merged([[part[:2] for part in parts] for parts in levels], exponent)
        coarser = exponent + _excess_of_bins(starts, table, exponent)
        if coarser > exponent:
            starts, table = _merged([[(starts, counts)] for counts in table], coarser)
        numbers = sorted(self._moments)
        pooled = [_pool_moments([self._moments[k][c] for k in numbers]) for c in channels]
        ends, mean, variance = (np.array([p[k] for p in pooled]) for k in range(3))
        return starts, table, coarser, nonfinite, ends, mean, variance


def _merged(levels: list[list[tuple[Array, Counts]]], exponent: int) -> tuple[Array, Counts]:
    """Sum the fine bins of the parts of each channel, in bins of width 2^exponent with common rising starts."""
    parts = [
        (floor_to(starts, exponent), counts, c) for c, of_channel in enumerate(levels) for starts, counts in of_channel
    ]
    if not parts:
        return np.empty(0), np.zeros((len(levels), 0), np.int64)
    starts, bins = np.unique(np.concatenate([starts for starts, _, _ in parts]), return_inverse=True)
    table = np.zeros((len(levels), starts.size), np.int64)
    done = 0
    for part, counts, c in parts:
        np.add.at(table[c], bins[done : done + part.size], counts)
        done += part.size
    return starts, table


def _excess_of_bins(starts: Array, table: Counts, exponent: int) -> int:
    """Return by how many powers of two the bins can widen so that FINEST of them still cover the robust range."""
    cumulative = np.cumsum(table.sum(axis=0))
    if not cumulative.size:
        return 0
    n = int(cumulative[-1])
    margin = robust_margin(n)
    low, high = (starts[k].item() for k in np.searchsorted(cumulative, [margin, n - 1 - margin], side="right"))
    if isinstance(low, int):
        levels: int = (high - low) >> exponent
        return max(levels.bit_length() - FINEST.bit_length() + 1, 0)
    bin_exponent: int = math.frexp(high / 2 - low / 2)[1] + 2 - FINEST.bit_length()
    return max(bin_exponent - exponent, 0) if low < high else 0


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
