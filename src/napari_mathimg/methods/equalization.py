"""Histogram equalization of the whole image and region by region (CLAHE), and histogram matching."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..contract import types as t
from ..contract.edges import folded
from ..contract.operation import BlockInfo, ValueRange
from ..kernels import equalization

MAX_COUNTS = 2**24  # bins of all regions of an image
FINE_BINS = 2**16  # for numbers that are not gray levels
GRAY_LEVELS = 2**14  # of CLAHE, as in scikit-image


class CumulativeCurve(NamedTuple):
    """A tone curve: its values at ``first + k * step``."""

    first: float
    step: float
    table: NDArray[np.float64]


def count_values(image: t.Array, valid: t.Array | None, nbins: int, values: ValueRange) -> tuple[t.Array, ...]:
    """Return the histogram of the valid values of a block."""
    bins = values.bins(nbins)
    counts = np.zeros(bins, np.int64)
    flat = image.reshape(-1) if valid is None else image[valid]
    if _one_per_level(values):
        equalization.count_levels(flat, values.width, values.low - math.floor(values.low), counts)
    else:
        equalization.count_bins(flat, bins, counts)
    return (counts,)


def _one_per_level(values: ValueRange) -> bool:
    """Return whether every gray level is counted on its own."""
    return values.integral and values.width < 65536


def cumulative_curve(counted: tuple[t.Array, ...], nbins: int, values: ValueRange) -> CumulativeCurve:
    """Return the fraction of pixels at or below each value; the identity for a constant image."""
    counts = counted[0]
    bins = values.bins(nbins)
    if np.count_nonzero(counts) < 2:
        return CumulativeCurve(0.0, 1.0, np.array([0.0, 1.0]))
    table = np.cumsum(counts) / counts.sum()
    if _one_per_level(values):
        return CumulativeCurve((math.floor(values.low) - values.low) / values.width, 1 / values.width, table)
    return CumulativeCurve(0.5 / bins, 1 / bins, table)


def apply_curve(image: t.Array, curve: CumulativeCurve) -> t.Array:
    """Return a block mapped by a tone curve, linearly interpolated and constant beyond its ends."""
    flat = image.reshape(-1)
    out = np.empty_like(flat)
    equalization.interpolate(flat, curve.first, curve.step, curve.table, out)
    return out.reshape(image.shape)


class Distribution(NamedTuple):
    """Values in ascending order, and the fraction of pixels at or below each."""

    values: NDArray[np.float64]
    shares: NDArray[np.float64]


def count_and_sum(image: t.Array, valid: t.Array | None, values: ValueRange) -> tuple[t.Array, ...]:
    """Return the histogram of the valid values of a block, and exact sums of their distances from their bins' ends."""
    flat = image.reshape(-1) if valid is None else image[valid]
    counts = np.zeros(values.bins(FINE_BINS), np.int64)
    coarse, fine = np.zeros_like(counts), np.zeros_like(counts)
    first, width = _bins_of(values)
    equalization.count_and_sum(flat, values.low, values.high, first, width, counts, coarse, fine)
    return counts, coarse, fine


def _bins_of(values: ValueRange) -> tuple[float, float]:
    """Return where the first bin begins and the width of all bins; a gray level is the middle of its bin."""
    if _one_per_level(values):
        return math.floor(values.low) - 0.5, 1.0
    return values.low, values.width / FINE_BINS


def distribution(counted: tuple[t.Array, ...], values: ValueRange) -> Distribution:
    """Return the mean value of each bin that is not empty, and the fraction of pixels up to and including it."""
    counts, coarse, fine = counted
    first, width = _bins_of(values)
    used = np.flatnonzero(counts)
    shares = np.cumsum(counts)[used] / max(counts.sum(), 1)
    part = (coarse[used] / counts[used] + fine[used] / counts[used] / equalization.PARTS) / equalization.PARTS
    return Distribution(first + width * (used + part), shares)


def check_reference(reference: Distribution, dtype: np.dtype[Any]) -> None:
    """Raise ValueError for a reference without values, or with values that a result's type cannot represent."""
    if not reference.values.size:
        raise ValueError("reference: must contain a finite number")
    if dtype.kind in "biu":
        low, high = float(reference.values[0]), float(reference.values[-1])
        least, most = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        if round(low) < least or round(high) > most:
            raise ValueError(
                f"reference: must fit into {dtype}, but its values range from {low:g} to {high:g}; set the output type"
                " to float32"
            )


def match(image: t.Array, distribution: Distribution, reference: Distribution) -> t.Array:
    """Return a block in which each value was replaced by the value of the same rank in the reference."""
    matched = np.interp(distribution.shares, reference.shares, reference.values)
    return np.interp(image, distribution.values, matched)


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
    image: t.Array, info: BlockInfo, kernel_size: tuple[int, ...], nbins: int, maps: NDArray[np.uint16]
) -> NDArray[np.uint16]:
    """Return the levels of a block, interpolated between the mappings of the nearest tiles."""
    axes: list[t.Array] = [np.zeros(1, np.uintp), np.zeros(1)] * (3 - image.ndim)
    for (a, b), k in zip(info.core, kernel_size, strict=True):
        p = np.arange(a, b) + k // 2
        axes += [(p // k).astype(np.uintp), p % k / k]
    levels = _quantize(image)
    out = np.empty(levels.shape, np.uint16)
    equalization.mix_maps(levels, *axes, _bin_size(nbins), maps, out)
    return out.reshape(image.shape)


def count_equalized(
    image: t.Array, valid: t.Array | None, info: BlockInfo, kernel_size: tuple[int, ...], nbins: int, measured: TileMaps
) -> tuple[t.Array, ...]:
    """Return the histogram of the equalized levels of a block's valid pixels."""
    levels = apply_tile_maps(image, info, kernel_size, nbins, measured.maps)
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
            f"kernel_size={kernel_size}: must be larger, or nbins lower; {counts:,} counts exceed {MAX_COUNTS:,}"
        )
