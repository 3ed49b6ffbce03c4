"""Tally a region: a first look, then every pixel once, in threads, with progress."""

import math
import threading
import time
from collections.abc import Generator
from typing import Any, NamedTuple

import numpy as np

from ..contract.progress import Progress, run_to_end
from ..contract.reach import Box
from ..engine.threads import cores, run_tasks
from ..kernels import fine_bins
from ..kernels.counting import count_levels
from .bin_edges import Array, Counts
from .fine_bins import FineBins, Moments, floor_to
from .fine_histogram import FINEST, ONE_IN, FineHistogram
from .region import Region

PHASE = "Histogram"
COLORS = ("Red", "Green", "Blue", "Luminance")
WEIGHTS = np.array([0.2125, 0.7154, 0.0721])  # of linear Rec. 709 primaries, as in `to_gray`
SMALL = 2**19  # pixels in memory that are counted as quickly as a first look is taken
COARSE = 2**24  # pixels of the largest coarse level that is counted whole as a first look
SHOW = 0.3  # seconds from one partial tally to the next


class Answer(NamedTuple):
    """How far a tally has come, and what is known by then; None until something is."""

    progress: Progress
    tally: FineHistogram | None


def tally(region: Region, *, threads: int | None = None) -> FineHistogram:
    """Count a region's pixels finely, in one pass.

    Parameters
    ----------
    region
        Which pixels of an array. The array is not changed.
    threads
        Number of threads; all cores by default. The result does not depend on it.

    Returns
    -------
    Tally
        Exact counts of red, green, blue and luminance Y = 0.2125 R + 0.7154 G + 0.0721 B (of integers rounded to the
        nearest level) where the region has colors, else of one channel.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg.histogram import Region, tally
    >>> found = tally(Region(np.array([[1, 1, 2], [3, 4, 255]], np.uint8)))
    >>> found.histogram(4, (1, 4)).counts, found.quantile(0.5), found.between(2, 4)
    (array([[2, 1, 1, 1]]), 2.5, 3)
    """
    return run_to_end(_only_progress(tally_steps(region, threads=threads)))


def _only_progress(steps: Generator[Answer, None, FineHistogram]) -> Generator[Progress, None, FineHistogram]:
    while True:
        try:
            yield next(steps).progress
        except StopIteration as done:
            found: FineHistogram = done.value
            return found


def tally_steps(
    region: Region, coarse: Region | None = None, threads: int | None = None
) -> Generator[Answer, None, FineHistogram]:
    """Return what `tally` does, as the value of a generator that yields answers; closing it cancels.

    The first answers are partial. In memory they come from pixels that lie evenly apart, within 50 ms; of lazy arrays
    from `coarse`, the same region of a coarser level, or else from the blocks read so far. Each block is read once.
    """
    first = _first_look(region, coarse)
    if first is not None:
        yield Answer(Progress(PHASE, 0, 1), first)
    counted = _Counted(region)
    blocks, last = region.blocks(), -math.inf
    passes = run_tasks(PHASE, list(enumerate(blocks)), lambda task: counted.add(*task), threads or cores())
    try:
        for progress in passes:
            now, partial = time.monotonic(), None
            if first is None and not region.in_memory and 0 < progress.done < progress.total and now - last > SHOW:
                partial, last = counted.tally(exact=False), time.monotonic()
            yield Answer(progress, partial)
    finally:
        passes.close()
    return counted.tally(exact=True)


def _first_look(region: Region, coarse: Region | None) -> FineHistogram | None:
    """Tally a part of the pixels; None where none can be had soon, or all as soon."""
    if coarse is None and (not region.in_memory or region.pixels <= SMALL):
        return None
    part = coarse if coarse is not None else region
    counted = _Counted(part)
    if coarse is None or (coarse.in_memory and coarse.pixels > COARSE):
        counted.count(0, part.read(part.span, part.strides()))
    else:
        for k, box in enumerate(coarse.blocks()):
            counted.add(k, box)
            if counted.pixels >= COARSE:
                break
    return counted.tally(exact=False, wanted=region.pixels)


class _Counted:
    """Counts of a region's blocks, added by several threads, each to its own."""

    def __init__(self, region: Region) -> None:
        self.region = region
        dtype: np.dtype[Any] = np.dtype(region.array.dtype).newbyteorder("=")
        self.dtype = dtype
        self.channels = COLORS if region.colors else ("",)
        self.pixels = 0
        self._has_levels = dtype.kind in "biu" and dtype.itemsize <= 2
        self._own: dict[int, tuple[threading.Lock, list[Any]]] = {}
        self._moments: dict[int, list[Moments]] = {}
        self._guard = threading.Lock()

    def add(self, number: int, box: Box) -> None:
        """Read and count a block."""
        self.count(number, self.region.read(box))

    def count(self, number: int, block: Array) -> None:
        """Count a block that was read."""
        me = threading.get_ident()
        with self._guard:
            lock, own = self._own.setdefault(me, (threading.Lock(), self._new()))
        with lock:
            if self._has_levels:
                self._count_levels(block, own[0])
            else:
                self._moments[number] = self._count_grids(block, own)
            with self._guard:
                self.pixels += len(block)

    def _new(self) -> list[Any]:
        if self._has_levels:
            return [np.zeros((len(self.channels), 256**self.dtype.itemsize), np.int64)]
        wide = self.dtype if self.dtype.itemsize > 2 else np.dtype(np.float32)
        return [FineBins(wide) for _ in self.channels]

    def _count_levels(self, block: Array, table: Counts) -> None:
        if not self.region.colors:
            count_levels(block.view(f"u{self.dtype.itemsize}"), table[0])
        elif self.dtype.kind == "i":
            for counts, flat in zip(table, self._planes(block), strict=True):
                count_levels(flat.view(f"u{self.dtype.itemsize}"), counts)
        else:
            fine_bins.count_colors(block.view(f"u{self.dtype.itemsize}"), table, WEIGHTS)

    def _planes(self, block: Array) -> list[Array]:
        if not self.region.colors:
            return [block]
        light = WEIGHTS[0] * block[:, 0] + WEIGHTS[1] * block[:, 1] + WEIGHTS[2] * block[:, 2]
        light = np.floor(light + 0.5) if self.dtype.kind != "f" else light
        return [*(np.ascontiguousarray(block[:, k]) for k in range(3)), light.astype(self.dtype)]

    def _count_grids(self, block: Array, own: list[FineBins]) -> list[Moments]:
        planes = zip(own, self._planes(block), strict=True)
        return [grid.add(plane.astype(grid.dtype, copy=False)) for grid, plane in planes]

    def tally(self, *, exact: bool, wanted: int | None = None) -> FineHistogram:
        """Return all that was counted until now."""
        with self._guard:
            parts = list(self._own.values())
        for lock, _ in parts:
            lock.acquire()
        try:
            owned = [own for _, own in parts]
            found = self._from_levels(owned) if self._has_levels else self._from_grids(owned)
        finally:
            for lock, _ in parts:
                lock.release()
        starts, table, exponent, nonfinite, ends, mean, variance = found
        total = int(table[0].sum() + nonfinite[0])
        return FineHistogram(
            self.channels, self.dtype, starts, table, exponent, nonfinite, ends, mean, variance,
            total if exact else wanted or self.region.pixels, exact,
        )  # fmt: skip

    def _from_levels(self, owned: list[Any]) -> tuple[Any, ...]:
        table = sum((own[0] for own in owned), np.zeros((len(self.channels), 256**self.dtype.itemsize), np.int64))
        there = np.flatnonzero(table.any(axis=0))
        levels = there.astype(f"u{self.dtype.itemsize}").view(self.dtype).astype(np.int64)
        order = np.argsort(levels)
        levels, table = levels[order], table[:, there[order]]
        n = table.sum(axis=1)
        ends, mean, variance = np.full((len(n), 2), np.nan), np.full(len(n), np.nan), np.full(len(n), np.nan)
        for c in np.flatnonzero(n):
            held = levels[table[c] > 0]
            ends[c] = held[0], held[-1]
            mean[c] = int((table[c] * levels).sum()) / int(n[c])
            variance[c] = (table[c] * (levels - mean[c]) ** 2).sum() / n[c]
        return levels, table, 0, np.zeros(len(n), np.int64), ends, mean, variance

    def _from_grids(self, owned: list[Any]) -> tuple[Any, ...]:
        channels = range(len(self.channels))
        levels = [[own[c].levels() for own in owned] for c in channels]
        exponent = max((part[2] for parts in levels for part in parts), default=-16)
        nonfinite = np.array([sum(own[c].nonfinite for own in owned) for c in channels], np.int64)
        starts, table = _merged([[part[:2] for part in parts] for parts in levels], exponent)
        coarser = exponent + _too_fine(starts, table, exponent)
        if coarser > exponent:
            starts, table = _merged([[(starts, counts)] for counts in table], coarser)
        numbers = sorted(self._moments)
        pooled = [_pooled([self._moments[k][c] for k in numbers]) for c in channels]
        ends, mean, variance = (np.array([p[k] for p in pooled]) for k in range(3))
        return starts, table, coarser, nonfinite, ends, mean, variance


def _merged(levels: list[list[tuple[Array, Counts]]], exponent: int) -> tuple[Array, Counts]:
    """Add up the fine bins of each channel's parts, made 2^exponent wide, on one rising sequence of starts."""
    parts = [(floor_to(starts, exponent), counts, c) for c, some in enumerate(levels) for starts, counts in some]
    if not parts:
        return np.empty(0), np.zeros((len(levels), 0), np.int64)
    starts, places = np.unique(np.concatenate([starts for starts, _, _ in parts]), return_inverse=True)
    table = np.zeros((len(levels), starts.size), np.int64)
    done = 0
    for part, counts, c in parts:
        np.add.at(table[c], places[done : done + part.size], counts)
        done += part.size
    return starts, table


def _too_fine(starts: Array, table: Counts, exponent: int) -> int:
    """By how many powers of two bins may be wider and still tell apart what the robust range holds."""
    upto = np.cumsum(table.sum(axis=0))
    if not upto.size:
        return 0
    n = int(upto[-1])
    dropped = min(max(1, n // ONE_IN), (n - 1) // 2)
    low, high = (starts[k].item() for k in np.searchsorted(upto, [dropped, n - 1 - dropped], side="right"))
    if isinstance(low, int):
        levels: int = (high - low) >> exponent
        return max(levels.bit_length() - FINEST.bit_length() + 1, 0)
    wide: int = math.frexp(high / 2 - low / 2)[1] + 2 - FINEST.bit_length()
    return max(wide - exponent, 0) if low < high else 0


def _pooled(blocks: list[Moments]) -> tuple[tuple[float, float], float, float]:
    """Return ends, mean and variance of some blocks together."""
    blocks = [b for b in blocks if b.pixels]
    n = sum(b.pixels for b in blocks)
    if not n:
        return (math.nan, math.nan), math.nan, math.nan
    low, high = min(b.low for b in blocks), max(b.high for b in blocks)
    pixels, mean, squares = (np.array([b[k] for b in blocks], np.float64) for k in range(3))
    with np.errstate(over="ignore", invalid="ignore"):
        middle = mean[0] + float(((mean - mean[0]) * (pixels / n)).sum())
        variance = float((squares + pixels * (mean - middle) ** 2).sum()) / n
    return (low, high), middle, math.inf if math.isnan(variance) else variance  # squares that float64 cannot hold
