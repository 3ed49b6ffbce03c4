"""The discrete wavelet transform of a block, what is counted in it, and how its coefficients shrink.

An item's transform is computed block by block: the blocks begin at multiples of 2^levels and reach so far beyond what
is wanted that its coefficients, and the pixels made from them, are those of the whole item. Axes of one pixel are left
out.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..contract.operation import BlockInfo, Statistic
from ..contract.progress import checkpoint
from ..contract.reach import Neighborhood
from ..contract.types import Array
from ..kernels import counting, wavelets
from .exact_sums import exact_sum

NORMAL_MEDIAN = 0.6744897501960817  # of the magnitude of a standard normal number
LEAST = np.float32(2.0**-36)  # magnitude of a coefficient below which rounding has made it, of equal pixels up to 1
LARGEST = float(np.finfo(np.float32).max)
PRODUCTS = 2**24  # multiplications between two checkpoints
Bands = list[Array]


class Filters(NamedTuple):
    """A wavelet's filters: low and high pass of the analysis, low and high pass of the synthesis."""

    low: Array
    high: Array
    low_back: Array
    high_back: Array


class Middle(NamedTuple):
    """Where the two middle ones of some magnitudes lie: slots of the coarse count, and ranks within them."""

    slots: tuple[int, int]
    ranks: tuple[int, int]


@cache
def filters(name: str, dtype: np.dtype[Any]) -> Filters:
    """Return the filters of one of PyWavelets' discrete wavelets."""
    import pywt

    return Filters(*(np.array(f, dtype) for f in pywt.Wavelet(name).filter_bank))


@cache
def wavelet_names() -> tuple[str, ...]:
    """Return the names of PyWavelets' discrete wavelets."""
    import pywt

    return tuple(pywt.wavelist(kind="discrete"))


@cache
def filter_length(name: str) -> int:
    """Return the number of taps of a wavelet's filters."""
    return int(filters(name, np.dtype(float)).low.size)


def long_axes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes of more than one pixel."""
    return tuple(axis for axis, n in enumerate(shape) if n > 1)


def advised_levels(wavelet: str, shape: tuple[int, ...]) -> int:
    """Return the number of levels beyond which PyWavelets finds every coefficient touched by the edges."""
    least = min((n for n in shape if n > 1), default=1)
    return max(int(math.log2(least / (filter_length(wavelet) - 1))), 0) if least >= filter_length(wavelet) - 1 else 0


def usual_levels(wavelet: str, shape: tuple[int, ...]) -> int:
    """Return a number of levels that leaves coarse structures alone: three fewer than advised, as in scikit-image."""
    return max(advised_levels(wavelet, shape) - 3, 1)


def most_levels(shape: tuple[int, ...]) -> int:
    """Return the number of levels of which the coarsest wavelet is as wide as the image."""
    return max(math.ceil(math.log2(max(shape))), 1)


def reach_of(wavelet: str, levels: int, max_shifts: int = 0) -> Neighborhood:
    """Return what a pixel of the denoised image depends on."""
    shifted = 2**levels if max_shifts else 0
    return Neighborhood((filter_length(wavelet) - 1) * (2**levels - 1) + shifted, align=2**levels)


# The transform


def _parts(lines: int, cost: int) -> Iterator[tuple[int, int]]:
    """Split lines of some cost each into parts, with a checkpoint before each."""
    step = max(1, PRODUCTS // max(cost, 1))
    for first in range(0, lines, step):
        checkpoint()
        yield first, min(first + step, lines)


def _split(image: Array, axis: int, f: Filters) -> tuple[Array, Array]:
    """Return the low and the high coefficients along an axis."""
    n, taps = image.shape[axis], f.low.size
    shape = (*image.shape[:axis], (n + taps - 1) // 2, *image.shape[axis + 1 :])
    low, high = np.empty(shape, image.dtype), np.empty(shape, image.dtype)
    before, after, m = math.prod(shape[:axis]), math.prod(shape[axis + 1 :]), shape[axis]
    if axis == image.ndim - 1:
        even, odd = np.empty((2, m + taps // 2), image.dtype)
        for part in _parts(before, 2 * m * taps):
            flat = (image.reshape(before, n), f.low, f.high, *part, even, odd)
            wavelets.split_rows(*flat, low.reshape(before, m), high.reshape(before, m))
    else:
        for part in _parts(before * m, 2 * after * taps):
            into = (a.reshape(before, m, after) for a in (low, high))
            wavelets.split_lines(image.reshape(before, n, after), f.low, f.high, *part, *into)
    return low, high


def _join(low: Array, high: Array, axis: int, n: int, f: Filters) -> Array:
    """Undo `_split` of an axis of n pixels."""
    shape = (*low.shape[:axis], n, *low.shape[axis + 1 :])
    out = np.empty(shape, low.dtype)
    before, after, m, taps = math.prod(shape[:axis]), math.prod(shape[axis + 1 :]), low.shape[axis], f.low.size
    if axis == low.ndim - 1:
        even, odd = np.empty((2, (n + 1) // 2), low.dtype)
        for part in _parts(before, n * taps):
            flat = (low.reshape(before, m), high.reshape(before, m), f.low_back, f.high_back, *part, even, odd)
            wavelets.join_rows(*flat, out.reshape(before, n))
    else:
        for part in _parts(before * n, after * taps):
            lines = (low.reshape(before, m, after), high.reshape(before, m, after), f.low_back, f.high_back, *part)
            wavelets.join_lines(*lines, out.reshape(before, n, after))
    return out


def _analyze(image: Array, axes: tuple[int, ...], f: Filters) -> Bands:
    """Return the bands of one level: the approximation first, last what is high along every axis."""
    bands = [image]
    for axis in axes:
        bands = [half for band in bands for half in _split(band, axis, f)]
    return bands


def _synthesize(bands: Bands, axes: tuple[int, ...], shape: tuple[int, ...], f: Filters) -> Array:
    for axis in reversed(axes):
        pairs = zip(bands[::2], bands[1::2], strict=True)
        bands = [_join(low, high, axis, shape[axis], f) for low, high in pairs]
    return bands[0]


def _diagonal(image: Array, axes: tuple[int, ...], f: Filters) -> Array:
    """Return what is high along every axis, of the finest level."""
    for axis in axes:
        _, image = _split(image, axis, f)
    return image


def denoise(
    image: Array, thresholds: NDArray[np.float64], wavelet_name: str, axes: tuple[int, ...], is_soft: bool
) -> Array:
    """Shrink a block's coefficients.

    `thresholds` has a row for each level, the finest first, and a column for each band, the approximation first; only
    the coarsest approximation's counts.
    """
    f = filters(wavelet_name, image.dtype)
    details: list[tuple[Bands, tuple[int, ...]]] = []
    for row in thresholds:
        approximation, *bands = _analyze(image, axes, f)
        for band, threshold in zip(bands, row[1:], strict=True):
            wavelets.shrink(band.reshape(-1), image.dtype.type(threshold), is_soft)
        details.append((bands, image.shape))
        image = approximation
    if thresholds[-1, 0] > 0:
        image = image.copy() if not axes else image
        wavelets.shrink(image.reshape(-1), image.dtype.type(thresholds[-1, 0]), is_soft)
    for bands, shape in reversed(details):
        image = _synthesize([image, *bands], axes, shape, f)
    return image


def denoise_over_shifts(
    image: Array, info: BlockInfo, thresholds: NDArray[np.float64], wavelet_name: str, is_soft: bool, max_shifts: int
) -> Array:
    """Shrink a block's coefficients, on the average over grids shifted by 0 to `max_shifts` pixels along every axis."""
    if not max_shifts:
        return denoise(image, thresholds, wavelet_name, long_axes(info.shape), is_soft)
    shifts = list(np.ndindex(*(max_shifts + 1 if n > 1 else 1 for n in info.shape)))
    out = np.zeros_like(image)
    for shift in shifts:
        out[info.inner] += _denoise_shifted(image, info, thresholds, wavelet_name, is_soft, shift)
    out /= image.dtype.type(len(shifts))
    return out


def _denoise_shifted(
    image: Array,
    info: BlockInfo,
    thresholds: NDArray[np.float64],
    wavelet_name: str,
    is_soft: bool,
    shift: tuple[int, ...],
) -> Array:
    """Shrink the coefficients of a transform whose grid begins `shift` pixels before the item; the inner box only."""
    period = 2 ** len(thresholds)
    begins = [0 if a == 0 else -s % period for (a, _), s in zip(info.read, shift, strict=True)]
    added = [s if a == 0 else 0 for (a, _), s in zip(info.read, shift, strict=True)]
    block = image[tuple(slice(b, None) for b in begins)]
    block = np.pad(block, [(a, 0) for a in added], mode="symmetric") if any(added) else np.ascontiguousarray(block)
    denoised = denoise(block, thresholds, wavelet_name, long_axes(info.shape), is_soft)
    moved = (slice(s.start - b + a, s.stop - b + a) for s, b, a in zip(info.inner, begins, added, strict=True))
    return denoised[tuple(moved)]


# What is counted


def channels_first(image: Array, info: BlockInfo) -> Array:
    """Return the channels of a block, or the block as its only one; of colors, luma and two chromas of unit gain."""
    if image.ndim == len(info.shape):
        return image[None]
    return mixed(np.ascontiguousarray(np.moveaxis(image, -1, 0)), TO_YCBCR)


def mixed(channels: Iterable[Array], matrix: NDArray[np.float64]) -> Array:
    """Return weighted sums of channels, pixel by pixel in the same order wherever the pixel lies."""
    r, g, b = channels
    return np.stack([r * r.dtype.type(x) + g * g.dtype.type(y) + b * b.dtype.type(z) for x, y, z in matrix])


_YCBCR = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]])
TO_YCBCR = _YCBCR / np.linalg.norm(_YCBCR, axis=1, keepdims=True)  # white noise of the colors keeps its strength
FROM_YCBCR = np.linalg.inv(TO_YCBCR)


def _owned(info: BlockInfo, level: int, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Coefficients of a level that belong to a block's core: every one of the item's belongs to one."""
    pieces = []
    for (a, b), (r, _), n, m in zip(info.core, info.read, info.shape, shape, strict=True):
        last = m if b == n else (b - r) >> level
        pieces.append(slice((a - r) >> level if n > 1 else 0, last))
    return tuple(pieces)


def _magnitudes(image: Array, info: BlockInfo, wavelet_name: str) -> Iterator[NDArray[np.float32]]:
    """Yield each channel's finest diagonal coefficients; computed in float64, so that flat regions give none."""
    axes, f = long_axes(info.shape), filters(wavelet_name, np.dtype(np.float64))
    for channel in channels_first(image, info):
        finest = _diagonal(channel.astype(np.float64), axes, f) if axes else np.empty((0,) * channel.ndim)
        mine = np.clip(finest[_owned(info, 1, finest.shape)], -LARGEST, LARGEST)
        yield mine.astype(np.float32).reshape(-1)


def count_magnitudes(image: Array, info: BlockInfo, wavelet: str) -> tuple[Array, ...]:
    """Count the finest diagonal coefficients of each channel coarsely."""
    found = [*_magnitudes(image, info, wavelet)]
    counts = np.zeros((len(found), 2**16), np.int64)
    for values, row in zip(found, counts, strict=True):
        counting.count_magnitudes(values, LEAST, row)
    return (counts,)


def find_middle(counted: tuple[Array, ...]) -> tuple[Middle | None, ...]:
    """Find the coarse slots that hold the median; None where there is no coefficient."""
    return tuple(_middle(np.cumsum(counts)) for counts in counted[0])


def _middle(upto: Array) -> Middle | None:
    if not upto[-1]:
        return None
    ranks = [(int(upto[-1]) - 1) // 2, int(upto[-1]) // 2]
    slots = [int(np.searchsorted(upto, rank, side="right")) for rank in ranks]
    within = [rank - int(upto[slot - 1] if slot else 0) for rank, slot in zip(ranks, slots, strict=True)]
    return Middle((slots[0], slots[1]), (within[0], within[1]))


def count_middle(image: Array, info: BlockInfo, wavelet: str, measured: tuple[Middle | None, ...]) -> tuple[Array, ...]:
    """Count the magnitudes in the slots that hold the median finely."""
    counts = np.zeros((len(measured), 2, 2**15), np.int64)
    for values, rows, middle in zip(_magnitudes(image, info, wavelet), counts, measured, strict=True):
        for row, slot in zip(rows, middle.slots if middle else (), strict=False):
            counting.count_within(values, LEAST, slot, row)
    return (counts,)


def sigma_of_median(counted: tuple[Array, ...], measured: tuple[Middle | None, ...]) -> tuple[float, ...]:
    """Return the noise of each channel, from the median of the finest diagonal coefficients [Donoho & Johnstone]."""
    medians = (_median(counts, middle) if middle else 0.0 for counts, middle in zip(counted[0], measured, strict=True))
    return tuple(median / NORMAL_MEDIAN for median in medians)


def _median(counts: Array, middle: Middle) -> float:
    """Put the two middle numbers together from their upper and their lower bits."""
    bits = [
        (slot << 15) + int(np.searchsorted(np.cumsum(row), rank, side="right"))
        for row, slot, rank in zip(counts, *middle, strict=True)
    ]
    return float(np.array(bits, np.int32).view(np.float32).mean(dtype=np.float64))


def _finest_reach(wavelet: str) -> Neighborhood:
    return reach_of(wavelet, 1)


def noise_statistics(pooled: bool, needed: Callable[..., bool] | None = None) -> tuple[Statistic, Statistic]:
    """Return the statistics that find the noise of each channel, in two passes: the median is exact."""
    return (
        Statistic(count_magnitudes, find_middle, _finest_reach, pooled, needed),
        Statistic(count_middle, sigma_of_median, _finest_reach, pooled, needed),
    )


def measure_energies(image: Array, info: BlockInfo, wavelet: str, levels: int) -> tuple[Array, ...]:
    """Add up the squares of each band's coefficients without rounding, and their number."""
    axes, f = long_axes(info.shape), filters(wavelet, image.dtype)
    channels = channels_first(image, info)
    sums = np.zeros((len(channels), levels, 2 ** len(axes), 2, 2048), np.int64)
    sizes = np.zeros((levels, 2 ** len(axes)), np.int64)
    for channel, own in zip(channels, sums, strict=True):
        for level in range(1, levels + 1):
            bands = _analyze(channel, axes, f)
            for k, band in enumerate(bands):
                if k or level == levels:
                    mine = band[_owned(info, level, band.shape)]
                    with np.errstate(over="ignore"):
                        squares = np.square(mine, dtype=np.float64)
                    counting.add_exactly(squares.reshape(-1), own[level - 1, k])
                    sizes[level - 1, k] = mine.size
            channel = bands[0]
    return sums, sizes


def mean_squares(counted: tuple[Array, ...]) -> NDArray[np.float64]:
    """Return the mean square of each band's coefficients, shape (channels, levels, bands)."""
    sums, sizes = counted
    totals = np.array([exact_sum(s) for s in sums.reshape(-1, 2, 2048)]).reshape(sums.shape[:3])
    means: NDArray[np.float64] = totals / np.maximum(sizes, 1)
    return means


def bayes_thresholds(energy: NDArray[np.float64], sigma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sigma^2 / sigma_signal for each band, infinite where there is but noise [Chang, Yu & Vetterli]."""
    noise = np.square(sigma)[:, None, None]
    signal = np.sqrt(np.maximum(energy - noise, 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(noise > 0, noise / signal, 0.0)


def check_levels(levels: int, shape: tuple[int, ...]) -> None:
    """Refuse levels whose wavelets are wider than the image."""
    most = most_levels(shape)
    if levels > most:
        raise ValueError(f"levels={levels}: at most {most}, where the wavelet is as wide as an image of shape {shape}")


def bayes(counted: tuple[Array, ...], measured: tuple[float, ...] | None, sigma: Any) -> NDArray[np.float64]:
    """Return the thresholds of each channel, level and band."""
    energy = mean_squares(counted)
    return bayes_thresholds(energy, np.broadcast_to(sigma if measured is None else measured, len(energy)))


def thresholds(
    measured: Any,
    method: str,
    sigma: Any,
    threshold: float,
    levels: int,
    approximation: bool,
    info: BlockInfo,
    channels: int,
) -> NDArray[np.float64]:
    """Return the thresholds of each channel, level and band; 0 for an approximation that is left alone."""
    if method == "BayesShrink":
        table = np.array(measured)
    else:
        universal = np.sqrt(2 * np.log(np.prod(info.shape, dtype=float)))
        each = threshold if method == "fixed" else np.array(sigma if measured is None else measured) * universal
        table = np.empty((channels, levels, 2 ** len(long_axes(info.shape))))
        table[:] = np.broadcast_to(each, channels)[:, None, None]
    if not approximation:
        table[:, :, 0] = 0
    return table
