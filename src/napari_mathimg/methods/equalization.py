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
LOOKS = (1, 4, 16)  # boxes that are looked through for each of them, one time after the other; then all


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


def needs_finer(measured: Distribution) -> bool:
    """Return whether values are to be counted in finer cells."""
    return measured.finer is not None


DISTRIBUTION = (
    Statistic(count_first, distribution),
    Statistic(count_finer, distribution, needed=needs_finer),
    Statistic(count_finer, distribution, needed=needs_finer),
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


class Parts(NamedTuple):
    """Parts of an image, and two levels between which the pixels of each lie; low above high where none is.

    Parameters
    ----------
    low, high
        The levels, arrays with three axes of parts.
    edges
        Where parts begin along each axis, and where the last one ends.
    """

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    edges: tuple[tuple[int, ...], ...]


class TileMaps(NamedTuple):
    """Gray-level mappings, and the lowest and the highest level that they leave, which become 0 and 1.

    Parameters
    ----------
    maps
        Mappings of the tiles, shape (tiles + 2 along each axis, bins).
    parts
        Parts of the image that may hold a lower or a higher level.
    boxes
        Boxes that are looked through next.
    low, high
        Lowest and highest level that has been found; low above high if there is none.
    looks
        How often boxes have been chosen.
    """

    maps: NDArray[np.uint16]
    parts: Parts
    boxes: tuple[Box, ...] = ()
    low: int = GRAY_LEVELS
    high: int = -1
    looks: int = 0


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

    The image is mirrored to fill the last tiles. Halves of tiles, cut along each axis, lie between the same tiles.
    """
    axes: list[NDArray[np.intp]] = []
    tiles = [-(-n // k) for n, k in zip(info.shape, kernel_size, strict=True)]
    for (a, b), n, k, m in zip(info.core, info.shape, kernel_size, tiles, strict=True):
        pixel = folded(np.arange(m * k), n, "mirror")
        inside = np.flatnonzero((pixel >= a) & (pixel < b))
        axes += [pixel[inside] - a, inside // k, inside // k * 2 + (inside % k >= (k + 1) // 2)]
    leading = [np.zeros(1, np.intp)] * 3 * (3 - image.ndim)
    counts = np.zeros((*_lead(image.shape), *tiles, nbins), np.int64)
    halves = (*_lead(image.shape), *(2 * m for m in tiles))
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
    """Return the gray-level mappings of all tiles, from their histograms, and where the extreme levels may be."""
    counts, ends = counted
    pixels = math.prod(kernel_size)
    limit = max(int(clip_limit * pixels), 1) if clip_limit > 0 else pixels
    maps = np.empty(counts.shape, np.uint16)
    equalization.tile_maps(counts.reshape(-1, nbins), limit, GRAY_LEVELS - 1, maps.reshape(-1, nbins))
    padded = np.pad(maps, [(1, 1)] * 3 + [(0, 0)], mode="edge")
    return _to_look_through(TileMaps(padded, _parts(padded, ends, shape, kernel_size)))


def _parts(maps: NDArray[np.uint16], ends: BinEnds, shape: tuple[int, ...], kernel_size: tuple[int, ...]) -> Parts:
    """Return parts that cover the image, and bounds of the equalized levels in each."""
    axes: list[NDArray[Any]] = [np.zeros(1, np.intp), np.zeros((1, 2))] * (3 - len(shape))
    edges = [np.array([0, 1])] * (3 - len(shape))
    for n, k in zip(shape, kernel_size, strict=True):
        starts = np.arange(-(-n // k) * 2) // 2 * k + np.arange(-(-n // k) * 2) % 2 * ((k + 1) // 2)
        starts = starts[starts < n]
        stops = np.append(starts[1:], n)
        spread = np.stack([starts, np.maximum(stops - 1, starts)], axis=1) + k // 2
        axes += [(spread[:, 0] // k).astype(np.intp), spread % k / k]
        edges.append(np.append(starts, n))
    inside = tuple(slice(len(e) - 1) for e in edges)
    low, high = ends.low[inside], ends.high[inside]
    bounds = [np.full(low.shape, value, np.int64) for value in (GRAY_LEVELS, -1)]
    equalization.bound_levels(low, high, maps, *axes, *bounds)
    for axis, e in enumerate(edges):
        firsts = _far_apart(e.tolist())
        bounds = [ufunc.reduceat(b, firsts, axis) for ufunc, b in zip((np.minimum, np.maximum), bounds, strict=True)]
        edges[axis] = np.append(e[firsts], e[-1])
    return Parts(bounds[0], bounds[1], tuple(tuple(e.tolist()) for e in edges))


def _far_apart(edges: list[int]) -> list[int]:
    """Return the numbers of edges between which no part is short, without the last edge."""
    firsts = [0]
    for place, edge in enumerate(edges[:-1]):
        if edge - edges[firsts[-1]] >= SIDE:
            firsts.append(place)
    return firsts


def _to_look_through(found: TileMaps) -> TileMaps:
    """Choose boxes that may hold a lower or a higher level: at first those that promise most, at last all."""
    low, high, edges = found.parts
    chosen = (low <= high) & ((low < found.low) | (high > found.high))
    if found.looks < len(LOOKS) and np.count_nonzero(chosen) > LOOKS[found.looks]:
        most = LOOKS[found.looks]
        likely = np.zeros(chosen.size, np.bool_)
        for promise in (np.where(chosen, low, GRAY_LEVELS), np.where(chosen, -high, 1)):
            likely[np.argpartition(promise, most - 1, axis=None)[:most]] = True
        chosen &= likely.reshape(chosen.shape)
    places = np.argwhere(chosen).tolist()
    boxes = [tuple((e[k], e[k + 1]) for e, k in zip(edges, place, strict=True)) for place in places]
    parts = Parts(np.where(chosen, GRAY_LEVELS, low), np.where(chosen, -1, high), edges)
    return found._replace(parts=parts, boxes=tuple(boxes), looks=found.looks + 1)


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


def boxes_to_look_through(measured: TileMaps, shape: tuple[int, ...]) -> list[Box]:
    """Return the boxes that may hold the lowest or the highest equalized level."""
    return [box[3 - len(shape) :] for box in measured.boxes]


def has_boxes(measured: TileMaps) -> bool:
    """Return whether there are boxes to look through."""
    return bool(measured.boxes)


def count_equalized(
    image: t.Array, valid: t.Array | None, info: BlockInfo, spacing: Spacing, kernel_size: tuple[int, ...], nbins: int,
    measured: TileMaps,
) -> tuple[t.Array, ...]:  # fmt: skip
    """Return the histogram of the equalized levels of a block's valid pixels."""
    levels = apply_tile_maps(image, info, spacing, kernel_size, nbins, measured.maps)
    return (np.bincount(levels.reshape(-1) if valid is None else levels[valid], minlength=GRAY_LEVELS),)


def find_extremes(counted: tuple[t.Array, ...], measured: TileMaps) -> TileMaps:
    """Return the mappings with the lowest and the highest level that occurs, and what else may hold others."""
    used = np.flatnonzero(counted[0])
    if used.size:
        ends = min(measured.low, int(used[0])), max(measured.high, int(used[-1]))
        measured = measured._replace(low=ends[0], high=ends[1])
    return _to_look_through(measured)


LOOK = Statistic(count_equalized, find_extremes, pooled=False, needed=has_boxes, boxes=boxes_to_look_through)
TILES = (Statistic(count_tiles, tile_maps, pooled=False), *(LOOK,) * (len(LOOKS) + 1))


def check_tiles(kernel_size: tuple[int, ...], nbins: int, shape: tuple[int, ...]) -> None:
    """Raise ValueError for tiles whose histograms need too much memory."""
    counts = math.prod(-(-n // k) for n, k in zip(shape, kernel_size, strict=True)) * nbins
    if counts > MAX_COUNTS:
        raise ValueError(
            f"kernel_size={kernel_size}: must be larger, or nbins lower; {count(counts)} counts"
            f" exceed {count(MAX_COUNTS)}"
        )
