"""Histogram equalization of the whole image and region by region (CLAHE), and histogram matching."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..contract import types as t
from ..contract.edges import folded
from ..contract.operation import BlockInfo, Statistic, ValueRange
from ..contract.quantities import count, number
from ..contract.reach import Spacing
from ..kernels import equalization
from .cells import CellCounts, Cells, Distribution, cells_between, cells_of_levels

MAX_COUNTS = 2**24  # bins of all regions of an image
GRAY_LEVELS = 2**14  # of CLAHE, as in scikit-image


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


class TileMaps(NamedTuple):
    """Gray-level mappings (tiles + 2 along each axis, bins), and the levels that become 0 and 1."""

    maps: NDArray[np.uint16]
    low: int
    high: int


def _quantize(image: t.Array) -> NDArray[np.uint16]:
    """Return the gray levels of a block as a volume."""
    levels = np.empty((*(1,) * (3 - image.ndim), *image.shape), np.uint16)
    equalization.quantize(image.reshape(-1), GRAY_LEVELS - 1, levels.reshape(-1))
    return levels


def _bin_size(nbins: int) -> int:
    """Return the number of gray levels in a bin, as in scikit-image."""
    return 1 + GRAY_LEVELS // nbins


def count_tiles(
    image: t.Array, valid: t.Array | None, info: BlockInfo, kernel_size: tuple[int, ...], nbins: int
) -> tuple[t.Array, ...]:
    """Return the histograms of a block's valid pixels, tile by tile; the image is mirrored to fill the last tiles."""
    axes: list[NDArray[np.intp]] = []
    tiles = [-(-n // k) for n, k in zip(info.shape, kernel_size, strict=True)]
    for (a, b), n, k, m in zip(info.core, info.shape, kernel_size, tiles, strict=True):
        pixel = folded(np.arange(m * k), n, "mirror")
        inside = np.flatnonzero((pixel >= a) & (pixel < b))
        axes += [pixel[inside] - a, inside // k]
    leading = [np.zeros(1, np.intp)] * 2 * (3 - image.ndim)
    counts = np.zeros((*(1,) * (3 - image.ndim), *tiles, nbins), np.int64)
    levels = _quantize(image)
    if valid is not None:
        levels[~valid.reshape(levels.shape)] = equalization.MISSING
    equalization.count_tiles(levels, *leading, *axes, _bin_size(nbins), counts)
    return (counts,)


def tile_maps(counted: tuple[t.Array, ...], kernel_size: tuple[int, ...], clip_limit: float, nbins: int) -> TileMaps:
    """Return the gray-level mappings of all tiles, from their histograms."""
    counts = counted[0]
    pixels = math.prod(kernel_size)
    limit = max(int(clip_limit * pixels), 1) if clip_limit > 0 else pixels
    maps = np.empty(counts.shape, np.uint16)
    equalization.tile_maps(counts.reshape(-1, nbins), limit, GRAY_LEVELS - 1, maps.reshape(-1, nbins))
    return TileMaps(np.pad(maps, [(1, 1)] * 3 + [(0, 0)], mode="edge"), 0, GRAY_LEVELS - 1)


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
    if not used.size:
        return measured._replace(high=measured.low)
    return TileMaps(measured.maps, int(used[0]), int(used[-1]))


def check_tiles(kernel_size: tuple[int, ...], nbins: int, shape: tuple[int, ...]) -> None:
    """Raise ValueError for tiles whose histograms need too much memory."""
    counts = math.prod(-(-n // k) for n, k in zip(shape, kernel_size, strict=True)) * nbins
    if counts > MAX_COUNTS:
        raise ValueError(
            f"kernel_size={kernel_size}: must be larger, or nbins lower; {count(counts)} counts"
            f" exceed {count(MAX_COUNTS)}"
        )
