"""The discrete wavelet transform of a block, and its inverse after its coefficients are shrunk.

The transform of an image is computed block by block. Blocks begin at multiples of 2^levels and extend so far beyond the
wanted box that its coefficients, and the pixels reconstructed from them, equal those of the whole image. Axes of one
pixel are not transformed.
"""

import math
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..contract.operation import BlockInfo
from ..contract.progress import checkpoint
from ..contract.reach import Neighborhood
from ..contract.types import Array, Auto, Choices, Levels
from ..kernels import wavelets

USUAL_LEVELS = 4
PRODUCTS = 2**24  # multiplications between two checkpoints
Bands = list[Array]


class Filters(NamedTuple):
    """The filters of a wavelet: low-pass and high-pass filters of the decomposition and of the reconstruction."""

    low: Array
    high: Array
    low_inverse: Array
    high_inverse: Array


@cache
def filters(name: str, dtype: np.dtype[Any]) -> Filters:
    """Return the filters of a discrete wavelet of PyWavelets in a floating-point type."""
    import pywt

    return Filters(*(np.array(f, dtype) for f in pywt.Wavelet(name).filter_bank))


@cache
def wavelet_names() -> tuple[str, ...]:
    """Return the names of the discrete wavelets of PyWavelets."""
    import pywt

    return tuple(pywt.wavelist(kind="discrete"))


@cache
def filter_length(name: str) -> int:
    """Return the number of coefficients of a wavelet's filters."""
    return int(filters(name, np.dtype(float)).low.size)


def long_axes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes of more than one pixel."""
    return tuple(axis for axis, n in enumerate(shape) if n > 1)


def advised_levels(wavelet: str, shape: tuple[int, ...]) -> int:
    """Return the number of levels above which the edges affect every coefficient, as PyWavelets computes it."""
    shortest, taps = min((n for n in shape if n > 1), default=1), filter_length(wavelet)
    return max(int(math.log2(shortest / (taps - 1))), 0) if shortest >= taps - 1 else 0


def usual_levels(wavelet: str, shape: tuple[int, ...]) -> int:
    """Return the number of levels that leaves least of the noise: four, or as many as advised, as measured.

    scikit-image takes three fewer than advised, which removes little from images of few hundred pixels. The measure is
    in ``benchmarks/defaults.py``.
    """
    return max(min(USUAL_LEVELS, advised_levels(wavelet, shape)), 1)


WaveletName = Annotated[str, Choices(wavelet_names)]
WaveletLevels = Annotated[Literal["auto"] | Levels, Auto(usual_levels)]


def max_levels(shape: tuple[int, ...]) -> int:
    """Return the number of levels at which the coarsest wavelet is as wide as the image."""
    return max(math.ceil(math.log2(max(shape))), 1)


def check_levels(levels: int, shape: tuple[int, ...]) -> None:
    """Raise ValueError for levels whose wavelets are wider than the image."""
    most = max_levels(shape)
    if levels > most:
        raise ValueError(f"levels={levels}: must be at most {most} for an image of shape {shape}")


def shrinkage_reach(wavelet: str, levels: int, max_shifts: int = 0) -> Neighborhood:
    """Return the reach of a decomposition and reconstruction, averaged over shifts or not."""
    shifted = 2**levels if max_shifts else 0
    return Neighborhood((filter_length(wavelet) - 1) * (2**levels - 1) + shifted, align=2**levels)


def _parts(lines: int, cost: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges of parts of some lines, each of which costs `cost` products, with a checkpoint before each."""
    step = max(1, PRODUCTS // max(cost, 1))
    for first in range(0, lines, step):
        checkpoint()
        yield first, min(first + step, lines)


def _split(image: Array, axis: int, f: Filters) -> tuple[Array, Array]:
    """Return the low-pass and the high-pass coefficients along an axis."""
    n, taps = image.shape[axis], f.low.size
    shape = (*image.shape[:axis], (n + taps - 1) // 2, *image.shape[axis + 1 :])
    low, high = np.empty(shape, image.dtype), np.empty(shape, image.dtype)
    before, after, m = math.prod(shape[:axis]), math.prod(shape[axis + 1 :]), shape[axis]
    outputs: Iterator[Array]
    if axis == image.ndim - 1:
        even, odd = np.empty((2, m + taps // 2), image.dtype)
        for part in _parts(before, 2 * m * taps):
            outputs = (a.reshape(before, m) for a in (low, high))
            wavelets.split_rows(image.reshape(before, n), f.low, f.high, *part, even, odd, *outputs)
    else:
        for part in _parts(before * m, 2 * after * taps):
            outputs = (a.reshape(before, m, after) for a in (low, high))
            wavelets.split_lines(image.reshape(before, n, after), f.low, f.high, *part, *outputs)
    return low, high


def _join(low: Array, high: Array, axis: int, n: int, f: Filters) -> Array:
    """Return the n pixels along an axis whose coefficients `_split` returned."""
    shape = (*low.shape[:axis], n, *low.shape[axis + 1 :])
    out = np.empty(shape, low.dtype)
    before, after, m, taps = math.prod(shape[:axis]), math.prod(shape[axis + 1 :]), low.shape[axis], f.low.size
    inputs: Iterator[Array]
    if axis == low.ndim - 1:
        even, odd = np.empty((2, (n + 1) // 2), low.dtype)
        for part in _parts(before, n * taps):
            inputs = (a.reshape(before, m) for a in (low, high))
            wavelets.join_rows(*inputs, f.low_inverse, f.high_inverse, *part, even, odd, out.reshape(before, n))
    else:
        for part in _parts(before * n, after * taps):
            inputs = (a.reshape(before, m, after) for a in (low, high))
            wavelets.join_lines(*inputs, f.low_inverse, f.high_inverse, *part, out.reshape(before, n, after))
    return out


def decompose(image: Array, axes: tuple[int, ...], f: Filters) -> Bands:
    """Return the bands of one level, from the approximation to the diagonal detail."""
    bands = [image]
    for axis in axes:
        bands = [half for band in bands for half in _split(band, axis, f)]
    return bands


def _reconstruct(bands: Bands, axes: tuple[int, ...], shape: tuple[int, ...], f: Filters) -> Array:
    """Return the image of a shape whose bands `decompose` returned."""
    for axis in reversed(axes):
        pairs = zip(bands[::2], bands[1::2], strict=True)
        bands = [_join(low, high, axis, shape[axis], f) for low, high in pairs]
    return bands[0]


def diagonal_detail(image: Array, axes: tuple[int, ...], f: Filters) -> Array:
    """Return the diagonal detail of the finest level: the coefficients that are high-pass along every axis."""
    for axis in axes:
        _, image = _split(image, axis, f)
    return image


def support_means(image: Array, axes: tuple[int, ...], f: Filters) -> Array:
    """Return the means of the pixels that each coefficient of one level sees, by the size of low-pass weights."""
    sizes = np.abs(f.low) / np.abs(f.low).sum()
    for axis in axes:
        image, _ = _split(image, axis, f._replace(low=sizes, high=sizes))
    return image


def denoise(
    image: Array, thresholds: NDArray[np.float64], wavelet_name: str, axes: tuple[int, ...], is_soft: bool
) -> Array:
    """Return a block whose wavelet coefficients were shrunk.

    `thresholds` has one row per level, the finest first, and one column per band, the approximation first. Of the
    approximations, only the coarsest is shrunk.
    """
    f = filters(wavelet_name, image.dtype)
    details: list[tuple[Bands, tuple[int, ...]]] = []
    for row in thresholds:
        approximation, *bands = decompose(image, axes, f)
        for band, threshold in zip(bands, row[1:], strict=True):
            wavelets.shrink(band.reshape(-1), image.dtype.type(threshold), is_soft)
        details.append((bands, image.shape))
        image = approximation
    if thresholds[-1, 0] > 0:
        image = image.copy() if not axes else image
        wavelets.shrink(image.reshape(-1), image.dtype.type(thresholds[-1, 0]), is_soft)
    for bands, shape in reversed(details):
        image = _reconstruct([image, *bands], axes, shape, f)
    return image


def denoise_over_shifts(
    image: Array, info: BlockInfo, thresholds: NDArray[np.float64], wavelet_name: str, is_soft: bool, max_shifts: int
) -> Array:
    """Return the mean of `denoise` over grids shifted by 0 to `max_shifts` pixels along each axis."""
    if not max_shifts:
        return denoise(image, thresholds, wavelet_name, long_axes(info.shape), is_soft)
    shifts = list(np.ndindex(*(max_shifts + 1 if n > 1 else 1 for n in info.shape)))
    out = np.zeros_like(image)
    for shift in shifts:
        out[info.inner] += _denoise_shifted(image, info, thresholds, wavelet_name, is_soft, shift)
    out /= image.dtype.type(len(shifts))
    return out


def denoise_channels(
    channels: Array, info: BlockInfo, tables: Iterable[NDArray[np.float64]], wavelet: str, is_soft: bool, shifts: int
) -> list[Array]:
    """Return `denoise_over_shifts` of each channel, with thresholds of its own."""
    pairs = zip(channels, tables, strict=True)
    return [denoise_over_shifts(channel, info, table, wavelet, is_soft, shifts) for channel, table in pairs]


def _denoise_shifted(
    image: Array,
    info: BlockInfo,
    thresholds: NDArray[np.float64],
    wavelet_name: str,
    is_soft: bool,
    shift: tuple[int, ...],
) -> Array:
    """Return the wanted box of `denoise` with a transform whose grid begins `shift` pixels before the image."""
    period = 2 ** len(thresholds)
    begins = [0 if a == 0 else -s % period for (a, _), s in zip(info.read, shift, strict=True)]
    added = [s if a == 0 else 0 for (a, _), s in zip(info.read, shift, strict=True)]
    block = image[tuple(slice(b, None) for b in begins)]
    block = np.pad(block, [(a, 0) for a in added], mode="symmetric") if any(added) else np.ascontiguousarray(block)
    denoised = denoise(block, thresholds, wavelet_name, long_axes(info.shape), is_soft)
    wanted = (slice(s.start - b + a, s.stop - b + a) for s, b, a in zip(info.inner, begins, added, strict=True))
    return denoised[tuple(wanted)]


_YCBCR = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]])
TO_YCBCR = _YCBCR / np.linalg.norm(_YCBCR, axis=1, keepdims=True)  # rows of unit norm keep the strength of white noise
FROM_YCBCR = np.linalg.inv(TO_YCBCR)


def split_channels(image: Array, info: BlockInfo) -> Array:
    """Return a block with its channels first: a single one, or luma and two chromas of unit gain for colors."""
    if image.ndim == len(info.shape):
        return image[None]
    return _mix(np.ascontiguousarray(np.moveaxis(image, -1, 0)), TO_YCBCR)


def join_channels(channels: list[Array], image: Array, info: BlockInfo) -> Array:
    """Undo `split_channels`: return the single channel, or colors, channels last."""
    if image.ndim == len(info.shape):
        return channels[0]
    colors: Array = np.moveaxis(_mix(channels, FROM_YCBCR), 0, -1)
    return colors


def _mix(channels: Iterable[Array], matrix: NDArray[np.float64]) -> Array:
    """Return weighted sums of three channels, added in the same order at every pixel, unlike a matrix product."""
    r, g, b = channels
    return np.stack([r * r.dtype.type(x) + g * g.dtype.type(y) + b * b.dtype.type(z) for x, y, z in matrix])
