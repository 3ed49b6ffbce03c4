"""Smoothing and noise removal."""

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..kernels import counting
from . import _types as t
from . import _wavelets
from ._operation import At, Statistic, operation
from ._reach import Neighborhood, Reach, Whole, margin
from ._smoothing import smooth
from ._windows import window_means

__all__ = ["denoise_wavelet", "gaussian", "wiener_filter"]


def _gaussian_reach(sigma: tuple[float, ...], truncate: float, mode: str) -> Reach:
    if mode == "grid-wrap":
        return Whole("a periodic boundary joins opposite edges")
    return Neighborhood(tuple(margin(s, truncate) for s in sigma))


@operation("Gaussian filter", values="float", reach=_gaussian_reach)
def gaussian(
    image: t.Image, /, *, sigma: t.Lengths = 1.0, mode: t.Edge = "nearest", cval: t.Fill = 0.0,
    truncate: t.Truncation = 4.0,
) -> t.Image:  # fmt: skip
    """Smooth by convolution with a Gaussian.

    The mean is kept; detail finer than `sigma` is lost.

    Parameters
    ----------
    sigma
        Standard deviation in pixels, one for all axes or one for each.
    mode
        What lies beyond the edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".
    truncate
        Number of standard deviations at which the kernel ends.

    References
    ----------
    .. [1] R. C. Gonzalez and R. E. Woods, "Digital Image Processing", 4th ed. (2018), section 3.5.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[0, 0, 100, 0, 0]], dtype=np.uint8), "gaussian", sigma=(0, 1))
    array([[ 5, 24, 40, 24,  5]], dtype=uint8)
    """
    return smooth(image, t.resolved(sigma), mode, cval, truncate)


WaveletName = Annotated[str, t.Choices(_wavelets.wavelet_names)]
WaveletLevels = Annotated[Literal["auto"] | t.Levels, t.Auto(_wavelets.usual_levels)]


def _check_levels(levels: int, shape: tuple[int, ...]) -> None:
    most = _wavelets.most_levels(shape)
    if levels > most:
        raise ValueError(f"levels={levels}: at most {most}, where the wavelet is as wide as an image of shape {shape}")


def _bayes(counted: tuple[t.Array, ...], measured: tuple[float, ...] | None, sigma: Any) -> NDArray[np.float64]:
    """Return the thresholds of each channel, level and band."""
    energy = _wavelets.mean_squares(counted)
    return _wavelets.bayes_thresholds(energy, np.broadcast_to(sigma if measured is None else measured, len(energy)))


def _thresholds(
    measured: Any, method: str, sigma: Any, threshold: float, levels: int, approximation: bool, at: At, channels: int
) -> NDArray[np.float64]:
    """Return the thresholds of each channel, level and band; 0 for an approximation that is left alone."""
    if method == "BayesShrink":
        table = np.array(measured)
    else:
        universal = np.sqrt(2 * np.log(np.prod(at.shape, dtype=float)))
        each = threshold if method == "fixed" else np.array(sigma if measured is None else measured) * universal
        table = np.empty((channels, levels, 2 ** len(_wavelets.long_axes(at.shape))))
        table[:] = np.broadcast_to(each, channels)[:, None, None]
    if not approximation:
        table[:, :, 0] = 0
    return table


@operation(
    "Wavelet denoising", values="normalized", reach=_wavelets.reach_of, channels="joint", check=_check_levels,
    statistics=(
        *_wavelets.noise_statistics(pooled=False, needed=lambda method, sigma: method != "fixed" and sigma == "auto"),
        Statistic(
            _wavelets.measure_energies, _bayes, _wavelets.reach_of, False, lambda method: method == "BayesShrink"
        ),
    ),
)  # fmt: skip
def denoise_wavelet(
    image: t.Image, /, *, wavelet: WaveletName = "sym4",
    method: Literal["BayesShrink", "VisuShrink", "fixed"] = "BayesShrink", mode: Literal["soft", "hard"] = "soft",
    sigma: t.NoiseLevel = "auto", threshold: t.Threshold = 0.1, approximation: bool = False,
    levels: WaveletLevels = "auto", max_shifts: t.Shifts = 0, at: At, measured: Any,
) -> t.Image:  # fmt: skip
    """Remove noise by shrinking wavelet coefficients.

    Edges are kept where their coefficients rise above the noise. Colours are denoised as luma and two chromas (YCbCr).
    The image is mirrored at its edges. Thresholds are those of each plane or volume on its own.

    Parameters
    ----------
    wavelet
        Name of a discrete wavelet of PyWavelets, such as "haar", "sym4" or "bior2.8".
    method
        "BayesShrink" finds a threshold for each band from its strength and the noise, "VisuShrink" takes ``sigma *
        sqrt(2 log n)`` of the n pixels for all, "fixed" takes `threshold`.
    mode
        What becomes of coefficients above the threshold: "soft" moves them towards 0 by it, "hard" keeps them.
    sigma
        Standard deviation of the noise as a share of the value range; by default found in the image, for each channel,
        from the median of the finest diagonal coefficients. Without effect in method "fixed".
    threshold
        Threshold of all bands in method "fixed", as a share of the value range.
    approximation
        Shrink what is left after the last level, too.
    levels
        Number of times the image is halved; three fewer than PyWavelets advises by default, at least 1. Beyond that
        advice every coefficient is touched by the edges.
    max_shifts
        Average over transforms shifted by 0 to so many pixels along every axis: fewer artefacts at edges, in 4 times
        (in volumes 8 times) as long for 1 as for 0.

    Raises
    ------
    ValueError
        If PyWavelets has no such discrete wavelet, or the wavelets of the last level would be wider than the image.

    References
    ----------
    .. [1] D. L. Donoho and I. M. Johnstone, "Ideal spatial adaptation by wavelet shrinkage", Biometrika 81 (1994):
           VisuShrink, and the noise from the median.
    .. [2] S. G. Chang, B. Yu and M. Vetterli, "Adaptive wavelet thresholding for image denoising and compression",
           IEEE Transactions on Image Processing 9 (2000): BayesShrink.
    .. [3] R. R. Coifman and D. L. Donoho, "Translation-invariant de-noising", Wavelets and Statistics (1995): cycle
           spinning.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> step = np.repeat([[0.0, 1.0]], 64, axis=1) * np.ones((128, 1))
    >>> noisy = step + 0.1 * np.random.default_rng(0).standard_normal(step.shape)
    >>> denoised = apply(noisy, "denoise_wavelet", wavelet="haar", levels=3)
    >>> bool(np.std(denoised - step) < 0.5 * np.std(noisy - step))
    True
    """
    channels = _wavelets.channels_first(image, at)
    tables = _thresholds(measured, method, sigma, threshold, t.resolved(levels), approximation, at, len(channels))
    made = [
        _wavelets.denoise_over_shifts(channel, at, table, wavelet, mode == "soft", max_shifts)
        for channel, table in zip(channels, tables, strict=True)
    ]
    if image.ndim == len(at.shape):
        return made[0]
    colours: t.Array = np.moveaxis(_wavelets.mixed(made, _wavelets.FROM_YCBCR), 0, -1)
    return colours


def _window_reach(size: tuple[int, ...]) -> Neighborhood:
    return Neighborhood(tuple(n // 2 for n in size))


def _check_window(size: tuple[int, ...]) -> None:
    if any(n % 2 == 0 for n in size):
        raise ValueError(f"size={size}: odd numbers, so that a window has a middle")


def _local_moments(image: t.Array, size: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean and the variance of the window around each pixel, in float64 lest their difference vanish."""
    wide = image.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # beyond 1e154 the mean is all that is known
        mean, variance = window_means(wide, size), window_means(wide * wide, size)
        variance -= mean * mean
    return mean, np.maximum(variance, 0, out=variance)


def _add_variances(image: t.Array, at: At, valid: t.Array | None, size: tuple[int, ...]) -> tuple[t.Array, ...]:
    _, variance = _local_moments(image, size)
    mine = variance[at.inner].reshape(-1) if valid is None else variance[at.inner][valid[at.inner]]
    sums = np.zeros((2, 2048), np.int64)
    counting.add_exactly(mine, sums)
    return sums, np.array(mine.size)


def _mean_variance(counted: tuple[t.Array, ...]) -> float:
    sums, size = counted
    return counting.exact_sum(sums) / max(int(size), 1)


@operation(
    "Wiener filter (local)", values="normalized", reach=_window_reach, check=_check_window,
    statistics=(Statistic(_add_variances, _mean_variance, _window_reach, True, lambda noise: noise == "auto"),),
)  # fmt: skip
def wiener_filter(
    image: t.Image, /, *, size: t.OddSizes = 3, noise: t.NoisePower = "auto", measured: float | None
) -> t.Image:
    """Remove noise where the image varies no more than the noise does.

    Each pixel moves towards the mean of the window around it, the farther the less the window's variance exceeds the
    noise's: flat regions are smoothed, edges and texture kept. The image is mirrored at its edges.

    Parameters
    ----------
    size
        Size of the window in pixels, odd, one for all axes or one for each.
    noise
        Variance of the noise, as a share of the squared value range; the mean of the windows' variances by default.

    Raises
    ------
    ValueError
        If a size is even.

    References
    ----------
    .. [1] J. S. Lim, "Two-dimensional signal and image processing" (1990), section 9.2.4.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> noisy = 0.1 * np.random.default_rng(0).standard_normal((64, 64))
    >>> filtered = apply(noisy, "wiener_filter", size=5)
    >>> bool(filtered.std() < 0.5 * noisy.std())
    True
    """
    power = t.resolved(noise if measured is None else measured)
    mean, variance = _local_moments(image, t.resolved(size))
    gain = np.zeros_like(variance)
    np.divide(variance - power, variance, out=gain, where=variance > power)
    filtered: t.Array = (mean + gain * (image - mean)).astype(image.dtype)
    return filtered
