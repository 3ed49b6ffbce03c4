"""Cells fitted to a sample of an image: narrow where its pixels lie, and no gap anywhere else."""

import math
from typing import Any

import numpy as np

from ..methods.cells import CellCounts, Cells, cells_between, counted_as, values_of
from .bin_edges import Array, places_of_ends

FINE = 2**15  # cells over the robust range of a sample, and cells of which each holds as many of its pixels
ELSEWHERE = 2.0**-11  # width of the cells elsewhere, as a fraction of the value
OCTAVES = 8  # up and down from the largest magnitude of the robust range that cells are so narrow in
HEAVY = 2**10  # of the pixels, a cell with several values may hold one before it is split once more
ALONE = 8  # bits of the largest cell that is split into single numbers where the sample shows one number
FEW = 4  # cells of any size that are split so, as for sentinels
SPLITS = 4  # at most
TYPICAL = 256.0  # magnitude that is expected of an image of which the sample is all 0


def fitted_cells(sample: Array, dtype: np.dtype[Any]) -> Cells:
    """Return cells for the values of a type, of which a flat sample is known.

    Whole numbers have cells of their own where these would be narrower than 1. What the sample does not show is counted
    too, in cells of at most 1/128 of the value (1/16 for types counted as float64), or 1/2048 within 8 octaves of the
    sample.
    """
    cells = cells_between(counted_as(dtype))
    for _ in range(SPLITS):
        counts = CellCounts.empty(cells)
        counts.add(sample)
        split = _split(counts.finite(), dtype.kind != "f")
        if split is None:
            break
        cells = split
    return cells


def _split(counts: CellCounts, integral: bool) -> Cells | None:
    """Return finer cells, at first everywhere and then where pixels are; None where all are fine enough."""
    cells, n, is_first = counts.cells, counts.pixels, counts.cells.depth == 1
    if not n:
        return None
    chosen = np.arange(cells.starts.size) if is_first else np.flatnonzero(counts.counts)
    number, bits = counts.counts[chosen], cells.bits[chosen]
    starts, stops = ends_of(cells, chosen)
    low, high = _robust_range(counts)
    margin, top = (high - low) / 4, max(abs(low), abs(high)) or TYPICAL
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        widths = stops - starts
        sizes = np.abs(starts), np.abs(stops)
        nearest, farthest = np.minimum(*sizes), np.maximum(*sizes)
        is_near = (farthest > np.ldexp(top, -OCTAVES)) & (nearest < np.ldexp(top, OCTAVES))
        wanted = np.where(is_near, ELSEWHERE * farthest, np.inf)
        in_range = (stops > low - margin) & (starts < high + margin)
        wanted[in_range] = np.minimum(wanted[in_range], max((high - low) / FINE, np.finfo(np.float64).tiny))
        heavy, one = number * HEAVY > n, counts.first[chosen] == counts.last[chosen]
        wanted = np.where(heavy & ~one, np.minimum(wanted, widths * n / (number * FINE)), wanted)
        wanted = np.maximum(wanted, 1.0) if integral else wanted
        alone = heavy & one & (widths > integral)
        alone &= (bits <= ALONE) | (np.count_nonzero(alone) <= FEW)
        wanted[alone] = float(integral)
        parts = np.ceil(np.log2(widths / wanted))
    parts = np.minimum(np.clip(np.nan_to_num(parts, nan=0.0), 0, 16).astype(bits.dtype), bits)
    parts[(parts <= (not is_first)) & ~alone] = 0  # a robust range that is known better need not halve all cells
    finer = cells.bits.copy()
    finer[chosen] -= parts
    return cells.split(finer) if parts.any() else None


def ends_of(cells: Cells, chosen: Array) -> tuple[Array, Array]:
    """Return the lowest number of some cells and the lowest one above each, or the largest float64."""
    first = cells.starts[chosen]
    after = first + (first.dtype.type(1) << cells.bits[chosen])
    starts, stops = values_of(first, cells.dtype), values_of(after, cells.dtype)
    above = math.ldexp(1.0, 128) if cells.dtype.itemsize == 4 else np.finfo(np.float64).max
    return np.where(starts == -np.inf, -above, starts), np.where(np.isfinite(stops), stops, above)


def _robust_range(counts: CellCounts) -> tuple[float, float]:
    """Return the range of the counted pixels without the outermost; 0 and 0 of no pixels."""
    if not counts.pixels:
        return 0.0, 0.0
    low, high = places_of_ends(counts.counts, robust=True)
    ends = np.array([counts.first[low], counts.last[high]])
    first, last = values_of(ends, counts.cells.dtype).tolist()
    return first, last
