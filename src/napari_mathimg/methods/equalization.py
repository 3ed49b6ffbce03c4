"""Histogram equalization of the whole image and region by region (CLAHE), and histogram matching."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..contract import types as t
from ..contract.edges import folded
from ..contract.operation import BlockInfo, Statistic, ValueRange
from ..contract.quantities import count, number
from ..contract.reach import Box, Spacing
from ..kernels import equalization
from .cells import CellCounts, Cells, Distribution, cells_between, cells_of_levels

MAX_COUNTS = 2**24  # bins of all regions of an image
GRAY_LEVELS = 2**14  # of CLAHE, as in scikit-image
SIDE = 64  # pixels, of the boxes in which its extreme levels are looked for
FEW = 8  # boxes that are looked through for each of them before all others


def count_first(image: t.Array, valid: t.Array | None, values: ValueRange) -> tuple[CellCounts]:
    """Return the counts of a block's valid values in the first cells; of at most 65536 gray levels, in one for each."""
    has_levels = values.integral and values.width < 65536
    cells = (cells_of_levels if has_levels else cells_between)(image.dtype, values.low, values.high)
    return _counted(image, valid, cells)


def count_finer(image: t.Array, valid: t.Array | None, measured: Distribution) -> tuple[CellCounts]:
    """Return the counts of a block's valid values in the finer cells that a distribution asks for."""
    assert measured.finer is not None
    return _counted(image, valid, measured.finer, measured.counted.pixels)


def _counted(image: t.Array, valid: t.Array | None, cells: Cells, pixels: int | None = None) -> tuple[CellCounts]:
    """Return the counts of a block's valid values, with a sample of them if the number of all pixels is known."""
    counts, flat = CellCounts.empty(cells), image.reshape(-1) if valid is None else image[valid]
    counts.add(flat)
    if pixels is not None:
        counts.take_sample(flat, pixels)
    return (counts,)


def distribution(counted: tuple[CellCounts]) -> Distribution:
    """Return the distribution of all values, and the cells in which they are to be counted again, if any."""
    return Distribution(counted[0], counted[0].finer())


def last_distribution(counted: tuple[CellCounts]) -> Distribution:
    """Return the distribution of all values, which are not counted again."""
    return Distribution(counted[0], None)


def needs_finer(measured: Distribution) -> bool:
    """Return whether values are to be counted in finer cells."""
    return measured.finer is not None


DISTRIBUTION = (
    Statistic(count_first, distribution),
    Statistic(count_finer, distribution, needed=needs_finer),
    Statistic(count_finer, last_distribution, needed=needs_finer),
)


def equalize(image: t.Array, measured: Distribution, values: ValueRange) -> t.Array:
    """Return a block of which each value became the fraction of pixels at or below it, over the value range."""
    return values.restore(measured.fractions(image)).astype(image.dtype, copy=False)


def check_reference(reference: Distribution, dtype: np.dtype[Any]) -> None:
    """Raise ValueError for a reference without values, or with values that a result's type cannot represent."""
    _, reached = reference.points
    if not reached.size:
        raise ValueError("reference: must contain a finite number")
    if dtype.kind in "biu":
        low, high = float(reached[0]), float(reached[-1])
        least, most = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        if round(low) < least or round(high) > most:
            raise ValueError(
                f"reference: must fit into {dtype}, but its values range from {number(low)} to {number(high)};"
                " set the output type to float32"
            )


def match(image: t.Array, distribution: Distribution, reference: Distribution) -> t.Array:
    """Return a block in which each value was replaced by the value of the same rank in the reference."""
    return np.interp(distribution.fractions(image), *reference.points)


class TileMaps(NamedTuple):
    """Gray-level mappings (tiles + 2 along each axis, bins), and the levels found to become 0 and 1.

    `boxes` are those in which lower or higher levels may lie, between `bounds`, shape (boxes, 2).
    """

    maps: NDArray[np.uint16]
    low: int
    high: int
    boxes: tuple[Box, ...]
    bounds: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BinEnds:
    """The lowest and the highest bin in each part of the image; low above high where no pixel is."""

    low: NDArray[np.int16]
    high: NDArray[np.int16]
    adds_exactly = True

    def __add__(self, other: "BinEnds") -> "BinEnds":
        """Return those of two sets of pixels together."""
        return BinEnds(np.minimum(self.low, other.low), np.maximum(self.high, other.high))


def _quantize(image: t.Array) -> NDArray[np.uint16]:
    """Return the gray levels of a block as a volume."""
    levels = np.empty((*_lead(image.shape), *image.shape), np.uint16)
    equalization.quantize(image.reshape(-1), GRAY_LEVELS - 1, levels.reshape(-1))
    return levels


def _bin_size(nbins: int) -> int:
    """Return the number of gray levels in a bin, as in scikit-image."""
    return 1 + GRAY_LEVELS // nbins


def _lead(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes of length 1 that make a volume of a block."""
    return (1,) * (3 - len(shape))


def count_tiles(
    image: t.Array, valid: t.Array | None, info: BlockInfo, kernel_size: tuple[int, ...], nbins: int
) -> tuple[t.Array, BinEnds]:
    """Return the histograms of a block's valid pixels, tile by tile, and the lowest and highest bin of each quarter.

    The image is mirrored to fill the last tiles. Tiles are cut into halves along each axis, so that the pixels of a
    quarter lie between the same tiles; beyond the last ones is what is mirrored.
    """
    axes: list[NDArray[np.intp]] = []
    tiles = [-(-n // k) for n, k in zip(info.shape, kernel_size, strict=True)]
    for (a, b), n, k, m in zip(info.core, info.shape, kernel_size, tiles, strict=True):
        pixel = folded(np.arange(m * k), n, "mirror")
        inside = np.flatnonzero((pixel >= a) & (pixel < b))
        half = inside // k * 2 + (inside % k >= (k + 1) // 2)
        axes += [pixel[inside] - a, inside // k, np.where(inside < n, half, 2 * m)]
    leading = [np.zeros(1, np.intp)] * 3 * (3 - image.ndim)
    counts = np.zeros((*_lead(image.shape), *tiles, nbins), np.int64)
    halves = (*_lead(image.shape), *(2 * m + 1 for m in tiles))
    ends = BinEnds(np.full(halves, nbins, np.int16), np.full(halves, -1, np.int16))
    levels = _quantize(image)
    if valid is not None:
        levels[~valid.reshape(levels.shape)] = equalization.MISSING
    equalization.count_tiles(levels, *leading, *axes, _bin_size(nbins), counts, ends.low, ends.high)
    return counts, ends


def tile_maps(
    counted: tuple[t.Array, BinEnds], kernel_size: tuple[int, ...], clip_limit: float, nbins: int,
    shape: tuple[int, ...],
) -> TileMaps:  # fmt: skip
    """Return the gray-level mappings of all tiles, from their histograms, and where the extreme levels may lie."""
    counts, ends = counted
    pixels = math.prod(kernel_size)
    limit = max(int(clip_limit * pixels), 1) if clip_limit > 0 else pixels
    maps = np.empty(counts.shape, np.uint16)
    equalization.tile_maps(counts.reshape(-1, nbins), limit, GRAY_LEVELS - 1, maps.reshape(-1, nbins))
    padded = np.pad(maps, [(1, 1)] * 3 + [(0, 0)], mode="edge")
    return TileMaps(padded, GRAY_LEVELS, -1, *_boxes_of_extremes(padded, ends, shape, kernel_size))


def _boxes_of_extremes(
    maps: NDArray[np.uint16], ends: BinEnds, shape: tuple[int, ...], kernel_size: tuple[int, ...]
) -> tuple[tuple[Box, ...], NDArray[np.int64]]:
    """Return the boxes in which the lowest or the highest equalized level may lie, and bounds of those in each.

    The levels of each quarter are bounded by those of its corners in its lowest and in its highest bin. One whose
    bounds lie between two levels that others reach for certain holds neither the lowest nor the highest one.
    """
    axes: list[NDArray[Any]] = [np.zeros(1, np.intp), np.zeros((1, 2))] * (3 - len(shape))
    edges = [np.array([0, 1])] * (3 - len(shape))
    for n, k in zip(shape, kernel_size, strict=True):
        half = np.arange(-(-n // k) * 2)
        starts = half // 2 * k + half % 2 * ((k + 1) // 2)
        starts = starts[starts < n]
        stops = np.append(starts[1:], n)
        spread = np.stack([starts, np.maximum(stops - 1, starts)], axis=1) + k // 2
        axes += [(spread[:, 0] // k).astype(np.intp), spread % k / k]
        edges.append(np.append(starts, n))
    inside = tuple(slice(len(e) - 1) for e in edges)
    low, high = np.full([len(e) - 1 for e in edges], GRAY_LEVELS), np.full([len(e) - 1 for e in edges], -1)
    sure = np.array([GRAY_LEVELS, -1])
    equalization.bound_levels(ends.low[inside], ends.high[inside], maps, *axes, low, high, sure)
    for axis, e in enumerate(edges):
        firsts = _far_apart(e.tolist())
        low, high = np.minimum.reduceat(low, firsts, axis), np.maximum.reduceat(high, firsts, axis)
        edges[axis] = np.append(e[firsts], e[-1])
    chosen = (low <= high) & ((low <= sure[0]) | (high >= sure[1]))
    spans = [e.tolist() for e in edges[3 - len(shape) :]]
    places = np.argwhere(chosen)[:, 3 - len(shape) :].tolist()
    boxes = tuple(tuple((e[k], e[k + 1]) for e, k in zip(spans, place, strict=True)) for place in places)
    return boxes, np.stack([low[chosen], high[chosen]], axis=1)


def _far_apart(edges: list[int]) -> list[int]:
    """Return the numbers of edges between which no part is short, without the last edge."""
    firsts = [0]
    for place, edge in enumerate(edges[:-1]):
        if edge - edges[firsts[-1]] >= SIDE:
            firsts.append(place)
    return firsts


def apply_tile_maps(
    image: t.Array, info: BlockInfo, spacing: Spacing, kernel_size: tuple[int, ...], nbins: int,
    maps: NDArray[np.uint16],
) -> NDArray[np.uint16]:  # fmt: skip
    """Return the levels of a block, interpolated between the mappings of the nearest tiles."""
    axes: list[t.Array] = [np.zeros(1, np.uintp), np.zeros(1)] * (3 - image.ndim)
    for span, k, n in zip(info.core, kernel_size, spacing, strict=True):
        p = np.arange(*span, n) + k // 2
        axes += [(p // k).astype(np.uintp), p % k / k]
    levels = _quantize(image)
    out = np.empty(levels.shape, np.uint16)
    equalization.mix_maps(levels, *axes, _bin_size(nbins), maps, out)
    return out.reshape(image.shape)


def has_boxes(measured: TileMaps) -> bool:
    """Return whether lower or higher levels may lie anywhere."""
    return bool(measured.boxes)


def has_many_boxes(measured: TileMaps, in_memory: bool) -> bool:
    """Return whether it is worth to look through a few boxes first; chunks would be read once more for it."""
    return in_memory and len(measured.boxes) > 2 * FEW


def all_boxes(measured: TileMaps) -> list[Box]:
    """Return the boxes that may hold a lower or a higher level."""
    return [*measured.boxes]


def _most_likely(measured: TileMaps) -> NDArray[np.intp]:
    """Return the numbers of the boxes with the lowest and the highest bounds."""
    low, high = measured.bounds.T
    return np.union1d(np.argsort(low, kind="stable")[:FEW], np.argsort(-high, kind="stable")[:FEW])


def few_boxes(measured: TileMaps) -> list[Box]:
    """Return the boxes that promise the lowest and the highest levels."""
    return [measured.boxes[k] for k in _most_likely(measured)]


def count_equalized(
    image: t.Array, valid: t.Array | None, info: BlockInfo, spacing: Spacing, kernel_size: tuple[int, ...], nbins: int,
    measured: TileMaps,
) -> tuple[t.Array, ...]:  # fmt: skip
    """Return the histogram of the equalized levels of a block's valid pixels."""
    levels = apply_tile_maps(image, info, spacing, kernel_size, nbins, measured.maps)
    return (np.bincount(levels.reshape(-1) if valid is None else levels[valid], minlength=GRAY_LEVELS),)


def find_extremes(counted: tuple[t.Array, ...], measured: TileMaps) -> TileMaps:
    """Return the mappings with the lowest and the highest level that occurs, which become 0 and 1."""
    used = np.flatnonzero(counted[0])
    low, high = (int(used[0]), int(used[-1])) if used.size else (GRAY_LEVELS, -1)
    low, high = min(low, measured.low), max(high, measured.high)
    return TileMaps(measured.maps, low, high, (), np.empty((0, 2), np.int64))


def find_extremes_of_few(counted: tuple[t.Array, ...], measured: TileMaps) -> TileMaps:
    """Return the mappings with the lowest and the highest level so far, and the boxes that may hold others."""
    found = find_extremes(counted, measured)
    beyond = (measured.bounds[:, 0] < found.low) | (measured.bounds[:, 1] > found.high)
    beyond[_most_likely(measured)] = False
    boxes = tuple(measured.boxes[k] for k in np.flatnonzero(beyond))
    return found._replace(boxes=boxes, bounds=measured.bounds[beyond])


LOOK_AT_FEW = Statistic(count_equalized, find_extremes_of_few, pooled=False, needed=has_many_boxes, boxes=few_boxes)
TILES = (
    Statistic(count_tiles, tile_maps, pooled=False),
    LOOK_AT_FEW,
    LOOK_AT_FEW,
    Statistic(count_equalized, find_extremes, pooled=False, needed=has_boxes, boxes=all_boxes),
)


def check_tiles(kernel_size: tuple[int, ...], nbins: int, shape: tuple[int, ...]) -> None:
    """Raise ValueError for tiles whose histograms need too much memory."""
    counts = math.prod(-(-n // k) for n, k in zip(shape, kernel_size, strict=True)) * nbins
    if counts > MAX_COUNTS:
        raise ValueError(
            f"kernel_size={kernel_size}: must be larger, or nbins lower; {count(counts)} counts"
            f" exceed {count(MAX_COUNTS)}"
        )
