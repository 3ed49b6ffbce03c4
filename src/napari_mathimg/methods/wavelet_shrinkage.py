"""Thresholds for wavelet coefficients, and the statistics of an image that they are computed from."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..contract.operation import BlockInfo, Statistic
from ..contract.reach import Neighborhood
from ..contract.types import Array
from ..kernels import counting
from .exact_sums import exact_sum
from .holes import Mask
from .wavelets import (
    check_levels,
    decompose,
    diagonal_detail,
    filters,
    long_axes,
    shrinkage_reach,
    split_channels,
    support_means,
)  # fmt: skip

NORMAL_MEDIAN = 0.6744897501960817  # median magnitude of standard normal numbers
LEAST = np.float32(2.0**-36)  # lower coefficients of equal pixels up to 1 are rounding errors
LEAST_VALID = 0.5  # share of the pixels that a coefficient sees, or it is left out
LARGEST = float(np.finfo(np.float32).max)


class MedianSlots(NamedTuple):
    """Where the two middle magnitudes are: their slots in the coarse count, and their ranks within these."""

    slots: tuple[int, int]
    ranks: tuple[int, int]


def _core_coefficients(info: BlockInfo, level: int, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Return the slices of the coefficients of a level that belong to the wanted box of a block.

    Each coefficient of the image belongs to exactly one box.
    """
    slices = []
    for (a, b), (r, _), n, m in zip(info.core, info.read, info.shape, shape, strict=True):
        last = m if b == n else (b - r) >> level
        slices.append(slice((a - r) >> level if n > 1 else 0, last))
    return tuple(slices)


def _finest_details(
    image: Array, info: BlockInfo, wavelet_name: str, valid: Mask | None
) -> Iterator[NDArray[np.float32]]:
    """Yield the finest diagonal coefficients of each channel, computed in float64 so that flat regions give zeros.

    Coefficients that depend on the mirror image beyond an edge are left out, because the noise in them is weaker; axes
    too short for others are not transformed. Those that see more of holes than of `valid` pixels are left out, too.
    """
    f = filters(wavelet_name, np.dtype(np.float64))
    axes = tuple(axis for axis, n in enumerate(info.shape) if n >= f.high.size)
    for channel in split_channels(image, info):
        detail = diagonal_detail(channel.astype(np.float64), axes, f) if axes else np.empty((0,) * channel.ndim)
        inner = list(_core_coefficients(info, 1, detail.shape)) if axes else []
        for axis in axes:
            inner[axis] = _within_image(inner[axis], info.read[axis], info.shape[axis], f.high.size)
        core = tuple(inner)
        clipped = np.clip(detail[core], -LARGEST, LARGEST).astype(np.float32)
        if valid is None or not axes:
            yield clipped.reshape(-1)
        else:
            yield clipped[support_means(valid.astype(np.float64), axes, f)[core] > LEAST_VALID]


def _within_image(wanted: slice, read: tuple[int, int], n: int, taps: int) -> slice:
    """Return those of the wanted coefficients of an axis that depend on pixels of the image alone.

    Coefficient k depends on the pixels from 2 k + 2 - taps to 2 k + 1.
    """
    begin = (taps - 1) // 2 if read[0] == 0 else 0
    end = (n - read[0]) // 2 if read[1] == n else wanted.stop
    return slice(max(wanted.start, begin), min(wanted.stop, end))


def count_magnitudes(image: Array, info: BlockInfo, wavelet: str, valid: Mask | None = None) -> tuple[Array, ...]:
    """Count the finest diagonal coefficients of each channel in coarse slots."""
    channels = [*_finest_details(image, info, wavelet, valid)]
    counts = np.zeros((len(channels), 2**16), np.int64)
    for values, row in zip(channels, counts, strict=True):
        counting.count_magnitudes(values, LEAST, row)
    return (counts,)


def find_median_slots(counted: tuple[Array, ...]) -> tuple[MedianSlots | None, ...]:
    """Return the coarse slots that contain the median of each channel; None for a channel without coefficients."""
    return tuple(_median_slots(np.cumsum(counts)) for counts in counted[0])


def _median_slots(cumulative: Array) -> MedianSlots | None:
    if not cumulative[-1]:
        return None
    ranks = [(int(cumulative[-1]) - 1) // 2, int(cumulative[-1]) // 2]
    slots = [int(np.searchsorted(cumulative, rank, side="right")) for rank in ranks]
    within = [rank - int(cumulative[slot - 1] if slot else 0) for rank, slot in zip(ranks, slots, strict=True)]
    return MedianSlots((slots[0], slots[1]), (within[0], within[1]))


def count_within_slots(
    image: Array, info: BlockInfo, wavelet: str, measured: tuple[MedianSlots | None, ...], valid: Mask | None = None
) -> tuple[Array, ...]:
    """Count the magnitudes within the slots that contain the median, one by one."""
    counts = np.zeros((len(measured), 2, 2**15), np.int64)
    for values, rows, middle in zip(_finest_details(image, info, wavelet, valid), counts, measured, strict=True):
        for row, slot in zip(rows, middle.slots if middle else (), strict=False):
            counting.count_within(values, LEAST, slot, row)
    return (counts,)


def sigma_of_median(counted: tuple[Array, ...], measured: tuple[MedianSlots | None, ...]) -> tuple[float, ...]:
    """Return the standard deviation of the noise of each channel, from the median magnitude [Donoho & Johnstone]."""
    medians = (_median(counts, middle) if middle else 0.0 for counts, middle in zip(counted[0], measured, strict=True))
    return tuple(median / NORMAL_MEDIAN for median in medians)


def _median(counts: Array, middle: MedianSlots) -> float:
    """Return the mean of the two middle magnitudes, assembled from their upper and lower bits."""
    bits = [
        (slot << 15) + int(np.searchsorted(np.cumsum(row), rank, side="right"))
        for row, slot, rank in zip(counts, *middle, strict=True)
    ]
    return float(np.array(bits, np.int32).view(np.float32).mean(dtype=np.float64))


def _one_level_reach(wavelet: str) -> Neighborhood:
    return shrinkage_reach(wavelet, 1)


NOISE = (  # of each channel; two passes give the exact median
    Statistic(count_magnitudes, find_median_slots, _one_level_reach),
    Statistic(count_within_slots, sigma_of_median, _one_level_reach),
)


def sum_squares(
    image: Array, info: BlockInfo, wavelet: str, levels: int, valid: Mask | None = None
) -> tuple[Array, ...]:
    """Return the exact sums of the squared coefficients of each channel, level and band, and their numbers.

    Coefficients that see more of holes than of `valid` pixels are left out.
    """
    axes, f = long_axes(info.shape), filters(wavelet, image.dtype)
    channels = split_channels(image, info)
    sums = np.zeros((len(channels), levels, 2 ** len(axes), 2, 2048), np.int64)
    sizes = np.zeros((levels, 2 ** len(axes)), np.int64)
    for channel, channel_sums in zip(channels, sums, strict=True):
        approximation = channel
        share = None if valid is None or not axes else valid.astype(image.dtype)
        for level in range(1, levels + 1):
            bands = decompose(approximation, axes, f)
            share = None if share is None else support_means(share, axes, f)
            for k, band in enumerate(bands):
                if k or level == levels:
                    core = _core_coefficients(info, level, band.shape)
                    coefficients = band[core] if share is None else band[core][share[core] > LEAST_VALID]
                    with np.errstate(over="ignore"):
                        squares = np.square(coefficients, dtype=np.float64)
                    counting.add_exactly(squares.reshape(-1), channel_sums[level - 1, k])
                    sizes[level - 1, k] = coefficients.size
            approximation = bands[0]
    return sums, sizes


def mean_squares(counted: tuple[Array, ...]) -> NDArray[np.float64]:
    """Return the mean squared coefficient of each band, of shape (channels, levels, bands)."""
    sums, sizes = counted
    totals = np.array([exact_sum(s) for s in sums.reshape(-1, 2, 2048)]).reshape(sums.shape[:3])
    means: NDArray[np.float64] = totals / np.maximum(sizes, 1)
    return means


def bayes_thresholds(energy: NDArray[np.float64], sigma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sigma^2 / sigma_signal for each band, infinite for bands of nothing but noise [Chang, Yu & Vetterli]."""
    noise = np.square(sigma)[:, None, None]
    signal = np.sqrt(np.maximum(energy - noise, 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(noise > 0, noise / signal, 0.0)


def finish_bayes(counted: tuple[Array, ...], sigma: Any) -> NDArray[np.float64]:
    """Return the BayesShrink thresholds of each channel, level and band."""
    energy = mean_squares(counted)
    return bayes_thresholds(energy, np.broadcast_to(sigma, len(energy)))


def thresholds(
    measured: Any, method: str, sigma: Any, threshold: float, levels: int, approximation: bool, info: BlockInfo,
    channels: int,
) -> NDArray[np.float64]:  # fmt: skip
    """Return the thresholds of each channel, level and band; 0 for an approximation that is not shrunk."""
    if method == "BayesShrink":
        table = np.array(measured)
    else:
        universal = np.sqrt(2 * np.log(np.prod(info.shape, dtype=float)))
        each = threshold if method == "fixed" else np.array(sigma) * universal
        table = np.empty((channels, levels, 2 ** len(long_axes(info.shape))))
        table[:] = np.broadcast_to(each, channels)[:, None, None]
    if not approximation:
        table[:, :, 0] = 0
    return table


def check_shrinkage(levels: int, shape: tuple[int, ...], sigma: Any, channels: int) -> None:
    """Raise ValueError for levels wider than the image, or for another number of noises than there are channels."""
    check_levels(levels, shape)
    if isinstance(sigma, tuple) and len(sigma) not in (1, min(channels, 3) or 1):
        raise ValueError(f"sigma={sigma}: must be one value, or one for each of the {min(channels, 3) or 1} channels")


STATISTICS = (
    Statistic(sum_squares, finish_bayes, shrinkage_reach, pooled=False, needed=lambda method: method == "BayesShrink"),
)
