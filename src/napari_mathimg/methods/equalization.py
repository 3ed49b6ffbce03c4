"""What histogram equalization counts and looks up, over the whole image and region by region."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..contract import types as t
from ..contract.edges import folded
from ..contract.operation import BlockInfo, ValueRange
from ..kernels import equalization

MOST_ENTRIES = 2**24  # of the histograms of an item's regions
FINE_BINS = 2**16  # of numbers that are not few gray levels
GRAY_LEVELS = 2**14  # to which CLAHE quantizes, as scikit-image does


class CumulativeCurve(NamedTuple):
    """A tone curve given at equal distances."""

    first: float
    step: float
    table: NDArray[np.float64]


def count_values(image: t.Array, valid: t.Array | None, nbins: int, values: ValueRange) -> tuple[t.Array, ...]:
    """Count the values of a block."""
    bins = values.bins(nbins)
    counts = np.zeros(bins, np.int64)
    flat = image.reshape(-1) if valid is None else image[valid]
    if _one_per_level(values):
        equalization.count_levels(flat, values.width, values.low - math.floor(values.low), counts)
    else:
        equalization.count_bins(flat, bins, counts)
    return (counts,)


def _one_per_level(values: ValueRange) -> bool:
    return values.integral and values.width < 65536


def cumulative_curve(counted: tuple[t.Array, ...], nbins: int, values: ValueRange) -> CumulativeCurve:
    """Turn counts into the share of pixels at or below each value; the identity for a constant image."""
    counts = counted[0]
    bins = values.bins(nbins)
    if np.count_nonzero(counts) < 2:
        return CumulativeCurve(0.0, 1.0, np.array([0.0, 1.0]))
    table = np.cumsum(counts) / counts.sum()
    if _one_per_level(values):
        return CumulativeCurve((math.floor(values.low) - values.low) / values.width, 1 / values.width, table)
    return CumulativeCurve(0.5 / bins, 1 / bins, table)


class Distribution(NamedTuple):
    """Values, rising, and the share of pixels at or below each."""

    values: NDArray[np.float64]
    shares: NDArray[np.float64]


def count_and_sum(image: t.Array, valid: t.Array | None, values: ValueRange) -> tuple[t.Array, ...]:
    """Count the values of a block bin by bin, and add up how far they lie above the low end of theirs."""
    flat = image.reshape(-1) if valid is None else image[valid]
    counts = np.zeros(values.bins(FINE_BINS), np.int64)
    coarse, fine = np.zeros_like(counts), np.zeros_like(counts)
    first, width = _bins_of(values)
    equalization.count_and_sum(flat, values.low, values.high, first, width, counts, coarse, fine)
    return counts, coarse, fine


def _bins_of(values: ValueRange) -> tuple[float, float]:
    """Where the first bin begins, and how wide all are: a gray level is the middle of its own."""
    if _one_per_level(values):
        return math.floor(values.low) - 0.5, 1.0
    return values.low, values.width / FINE_BINS


def distribution(counted: tuple[t.Array, ...], values: ValueRange) -> Distribution:
    """Turn counts into the mean of the values of each bin that has some, and the share of pixels up to there."""
    counts, coarse, fine = counted
    first, width = _bins_of(values)
    there = np.flatnonzero(counts)
    shares = np.cumsum(counts)[there] / max(counts.sum(), 1)
    part = (coarse[there] / counts[there] + fine[there] / counts[there] / equalization.PARTS) / equalization.PARTS
    return Distribution(first + width * (there + part), shares)


def check_reference(reference: Distribution, dtype: np.dtype[Any]) -> None:
    """Refuse a reference without numbers, or with some that a result's type does not hold."""
    if not reference.values.size:
        raise ValueError("reference: at least one finite number")
    if dtype.kind in "biu":
        low, high = float(reference.values[0]), float(reference.values[-1])
        least, most = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        if round(low) < least or round(high) > most:
            raise ValueError(
                f"reference: values that {dtype} holds, not from {low:g} to {high:g}; choose float32 as output type"
            )


def match(image: t.Array, own: Distribution, reference: Distribution) -> t.Array:
    """Give every value the one that lies as high in the reference."""
    return np.interp(image, own.values, np.interp(own.shares, reference.shares, reference.values))


class TileMaps(NamedTuple):
    """Gray level mappings (tiles + 2 on every axis, bins), and the levels that become 0 and 1."""

    maps: NDArray[np.uint16]
    low: int
    high: int


def _levels(image: t.Array) -> NDArray[np.uint16]:
    levels = np.empty((*(1,) * (3 - image.ndim), *image.shape), np.uint16)
    equalization.quantize(image.reshape(-1), GRAY_LEVELS - 1, levels.reshape(-1))
    return levels


def _bin_size(nbins: int) -> int:
    return 1 + GRAY_LEVELS // nbins


def count_tiles(
    image: t.Array, valid: t.Array | None, info: BlockInfo, kernel_size: tuple[int, ...], nbins: int
) -> tuple[t.Array, ...]:
    """Histograms of a block, tile by tile; the last tiles are filled up by mirroring the image."""
    axes: list[NDArray[np.intp]] = []
    tiles = [-(-n // k) for n, k in zip(info.shape, kernel_size, strict=True)]
    for (a, b), n, k, m in zip(info.core, info.shape, kernel_size, tiles, strict=True):
        pixel = folded(np.arange(m * k), n, "mirror")
        here = np.flatnonzero((pixel >= a) & (pixel < b))
        axes += [pixel[here] - a, here // k]
    lead = [np.zeros(1, np.intp)] * 2 * (3 - image.ndim)
    counts = np.zeros((*(1,) * (3 - image.ndim), *tiles, nbins), np.int64)
    levels = _levels(image)
    if valid is not None:
        levels[~valid.reshape(levels.shape)] = equalization.MISSING
    equalization.count_tiles(levels, *lead, *axes, _bin_size(nbins), counts)
    return (counts,)


def tile_maps(counted: tuple[t.Array, ...], kernel_size: tuple[int, ...], clip_limit: float, nbins: int) -> TileMaps:
    """Turn the histograms of all regions into their mappings."""
    counts = counted[0]
    pixels = math.prod(kernel_size)
    limit = max(int(clip_limit * pixels), 1) if clip_limit > 0 else pixels
    maps = np.empty(counts.shape, np.uint16)
    equalization.tile_maps(counts.reshape(-1, nbins), limit, GRAY_LEVELS - 1, maps.reshape(-1, nbins))
    return TileMaps(np.pad(maps, [(1, 1)] * 3 + [(0, 0)], mode="edge"), 0, GRAY_LEVELS - 1)


def mix_maps(
    image: t.Array, info: BlockInfo, kernel_size: tuple[int, ...], nbins: int, maps: NDArray[np.uint16]
) -> NDArray[np.uint16]:
    """Mix the mappings of the nearest regions at every pixel of a block."""
    axes: list[t.Array] = [np.zeros(1, np.uintp), np.zeros(1)] * (3 - image.ndim)
    for (a, b), k in zip(info.core, kernel_size, strict=True):
        p = np.arange(a, b) + k // 2
        axes += [(p // k).astype(np.uintp), p % k / k]
    levels = _levels(image)
    out = np.empty(levels.shape, np.uint16)
    equalization.mix_maps(levels, *axes, _bin_size(nbins), maps, out)
    return out.reshape(image.shape)


def count_mixed(
    image: t.Array,
    valid: t.Array | None,
    info: BlockInfo,
    kernel_size: tuple[int, ...],
    nbins: int,
    measured: TileMaps,
) -> tuple[t.Array, ...]:
    """Count the mixed levels of a block."""
    mixed = mix_maps(image, info, kernel_size, nbins, measured.maps)
    return (np.bincount(mixed.reshape(-1) if valid is None else mixed[valid], minlength=GRAY_LEVELS),)


def stretch(counted: tuple[t.Array, ...], measured: TileMaps) -> TileMaps:
    """Let the lowest level that occurs become 0 and the highest 1."""
    there = np.flatnonzero(counted[0])
    if not there.size:
        return measured._replace(high=measured.low)
    return TileMaps(measured.maps, int(there[0]), int(there[-1]))


def check_tiles(kernel_size: tuple[int, ...], nbins: int, shape: tuple[int, ...]) -> None:
    """Refuse more histograms than memory should hold."""
    entries = math.prod(-(-n // k) for n, k in zip(shape, kernel_size, strict=True)) * nbins
    if entries > MOST_ENTRIES:
        raise ValueError(
            f"kernel_size={kernel_size}: larger regions, or fewer bins; {entries:,} counts exceed {MOST_ENTRIES:,}"
        )
