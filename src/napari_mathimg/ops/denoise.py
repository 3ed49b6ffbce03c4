"""Smoothing and noise removal."""

from typing import Annotated, Any, Literal

import numpy as np

from ..contract import types as t
from ..contract.operation import BlockInfo, Statistic, operation
from ..methods import wavelets
from ..methods.gaussian import smoothed, smoothing_reach
from ..methods.local_statistics import add_variances, check_odd, local_moments, mean_variance, statistics_reach
from ..methods.median import check_window_size, median_of_windows, median_reach
from ..methods.nl_means import bilateral_mean, bilateral_reach, check_patch, check_window, non_local_mean, patch_reach
from ..methods.padding import embedded
from ..methods.total_variation import bregman, bregman_reach, chambolle, chambolle_reach, check_bregman, check_chambolle

__all__ = [
    "denoise_bilateral",
    "denoise_nl_means",
    "denoise_tv_bregman",
    "denoise_tv_chambolle",
    "denoise_wavelet",
    "gaussian",
    "median",
    "wiener_filter",
]


@operation("Bilateral filter", values="normalized", reach=bilateral_reach, channels="joint", check=check_window)
def denoise_bilateral(
    image: t.Image, /, *, sigma_color: t.ColorSigma = 0.1, sigma_spatial: t.SpatialSigmas = 1.5, info: BlockInfo
) -> t.Image:
    """Replace every pixel by the mean of pixels that are near and of like value, so that edges are kept.

    A pixel at the distance d whose value differs by v has the weight
    ``exp(-d² / (2 sigma_spatial²) - v² / (2 sigma_color²))``, up to three `sigma_spatial` away along each axis; the
    difference of colors is their Euclidean distance. Beyond the edges the image is mirrored.

    Parameters
    ----------
    sigma_color
        Standard deviation of the weight of values; two to three times that of the noise removes it.
    sigma_spatial
        Standard deviation of the weight of distances, in pixels, one for all axes or one for each.

    Raises
    ------
    ValueError
        If the window holds more than 1,048,576 pixels.

    References
    ----------
    .. [1] C. Tomasi and R. Manduchi, "Bilateral filtering for gray and color images", ICCV (1998).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[10, 14, 12, 92, 88, 90]], np.uint8), "denoise_bilateral", sigma_spatial=(0, 2))
    array([[12, 12, 12, 90, 90, 90]], dtype=uint8)
    """
    return bilateral_mean(image, info, sigma_color, t.gone(sigma_spatial))


@operation("Non-local means", values="normalized", reach=patch_reach, channels="joint", check=check_patch)
def denoise_nl_means(
    image: t.Image, /, *, patch_size: t.PatchSizes = 5, patch_distance: t.Distances = 6, h: t.AutoFiltering = "auto",
    sigma: t.PatchNoise = 0.0, info: BlockInfo,
) -> t.Image:  # fmt: skip
    """Replace every pixel by the mean of pixels whose surroundings are alike, so that texture is kept.

    A pixel at which the patch differs by d² (mean of squared differences over patch and channels) has the weight
    ``exp(-max(d² - 2 sigma², 0) / h²)``. Beyond the edges the image is mirrored.

    Parameters
    ----------
    patch_size
        Side of the square patches that are compared, in pixels, one for all axes or one for each; odd.
    patch_distance
        How far away patches are looked for, in pixels, one for all axes or one for each.
    h
        How much patches may differ; by default 0.8 times `sigma`, or 0.1 where that is 0. Higher is smoother.
    sigma
        Standard deviation of the noise, which patches differ by even where they are alike; 0 if not known.

    Raises
    ------
    ValueError
        If a patch has an even side.

    References
    ----------
    .. [1] A. Buades, B. Coll and J.-M. Morel, "A non-local algorithm for image denoising", CVPR (2005).
    .. [2] A. Buades, B. Coll and J.-M. Morel, "Non-local means denoising", Image Processing On Line 1 (2011).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> stripes = np.tile([[10, 90, 12, 88, 11, 91]], (6, 1)).astype(np.uint8)
    >>> apply(stripes, "denoise_nl_means", patch_size=3, patch_distance=2)[2]
    array([11, 89, 11, 90, 11, 89], dtype=uint8)
    """
    return non_local_mean(image, info, t.gone(patch_size), t.gone(patch_distance), t.gone(h), sigma)


@operation(
    "TV denoising (split Bregman)", values="normalized", reach=bregman_reach, channels="joint", check=check_bregman
)
def denoise_tv_bregman(
    image: t.Image, /, *, weight: t.TVWeight = 0.2, num_iter: t.Iterations = 20, isotropic: t.Isotropic = True,
    shape: tuple[int, ...],
) -> t.Image:  # fmt: skip
    """Remove noise by minimizing the total variation with the split Bregman method.

    The result u of an image f lowers ``|u - f|² / 2 + weight * TV(u)``. In a volume the gradient has three
    components; RGB channels share one gradient length. As in scikit-image, whose weight is ``1 / weight``, a gradient
    of length s is shortened by the factor ``s / (s + weight / 2)`` where isotropic, and the pixels around the image
    stay what they were. Boxes agree with the whole to 1e-6 of the value range.

    Parameters
    ----------
    weight
        How much smoothing.
    num_iter
        Number of sweeps over the image; there is no other stopping rule.
    isotropic
        Measure gradients by their length, in all directions alike; else along each axis, which favors edges that
        lie along the axes.

    Raises
    ------
    ValueError
        If so many sweeps see more of a volume than memory should hold.

    References
    ----------
    .. [1] T. Goldstein and S. Osher, "The split Bregman method for L1-regularized problems", SIAM Journal on Imaging
           Sciences 2 (2009).
    .. [2] P. Getreuer, "Rudin-Osher-Fatemi total variation denoising using split Bregman", Image Processing On Line 2
           (2012).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> noise = np.random.default_rng(0).normal(100, 10, (64, 64))
    >>> bool(apply(noise, "denoise_tv_bregman", weight=1.0).std() < noise.std() / 5)
    True
    """
    return bregman(image, weight, num_iter, isotropic, len(shape))


@operation(
    "TV denoising (Chambolle)", values="normalized", reach=chambolle_reach, channels="joint", check=check_chambolle
)
def denoise_tv_chambolle(
    image: t.Image, /, *, weight: t.TVWeight = 0.1, num_iter: t.Iterations = 50, shape: tuple[int, ...]
) -> t.Image:
    """Remove noise by minimizing the total variation, so that regions become flat and edges stay sharp.

    The result u of an image f minimizes ``|u - f|² / 2 + weight * TV(u)``; the mean is kept. In a volume the
    gradient has three components; RGB channels share one gradient length, so that edges stay where all of them have
    them. Boxes agree with the whole to 1e-6 of the value range.

    Parameters
    ----------
    weight
        How much smoothing: noise below about a third of it goes.
    num_iter
        Number of iterations; there is no other stopping rule, so that every part of an image gets the same.

    Raises
    ------
    ValueError
        If so many iterations see more of a volume than memory should hold.

    References
    ----------
    .. [1] A. Chambolle, "An algorithm for total variation minimization and applications", Journal of Mathematical
           Imaging and Vision 20 (2004).
    .. [2] X. Bresson and T. F. Chan, "Fast dual minimization of the vectorial total variation norm and applications
           to color image processing", Inverse Problems and Imaging 2 (2008).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> step = np.repeat([[10, 12, 11, 90, 91, 92]], 6, axis=0).astype(np.uint8)
    >>> apply(step, "denoise_tv_chambolle", weight=0.05)[0]
    array([12, 12, 12, 90, 90, 90], dtype=uint8)
    """
    return chambolle(image, weight, num_iter, len(shape))


@operation("Gaussian filter", values="float", reach=smoothing_reach)
def gaussian(
    image: t.Image, /, *, sigma: t.Lengths = 1.0, mode: t.Edge = "nearest", cval: t.Fill = 0.0,
    truncate: t.Truncation = 4.0, info: BlockInfo,
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
    return embedded(image, info, smoothed(image, info, t.gone(sigma), mode, cval, truncate))


@operation("Median filter", values="exact", reach=median_reach, check=check_window_size)
def median(
    image: t.Image, /, *, size: t.WindowSizes = 3.0, mode: t.Edge = "nearest", cval: t.Fill = 0.0, info: BlockInfo
) -> t.Image:
    """Replace every pixel by the median of its neighborhood.

    Specks smaller than half the window go, edges stay where they are. Every value of the result occurs in the
    image; integers stay exact.

    Parameters
    ----------
    size
        Side of the window in pixels, one for all axes or one for each; the odd number of pixels nearest to it is
        taken (4 is as 5).
    mode
        What lies beyond the edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".

    Raises
    ------
    ValueError
        If the window holds more than 1,048,576 pixels.

    References
    ----------
    .. [1] T. S. Huang, G. J. Yang and G. Y. Tang, "A fast two-dimensional median filtering algorithm", IEEE Trans.
           Acoustics, Speech, and Signal Processing 27 (1979).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[1, 2, 99, 4, 5]], np.uint8), "median", size=(1, 3))
    array([[1, 2, 4, 5, 5]], dtype=uint8)
    """
    return median_of_windows(image, info, t.gone(size), mode, cval)


WaveletName = Annotated[str, t.Choices(wavelets.wavelet_names)]
WaveletLevels = Annotated[Literal["auto"] | t.Levels, t.Auto(wavelets.usual_levels)]


@operation(
    "Wavelet denoising", values="normalized", reach=wavelets.reach_of, channels="joint", check=wavelets.check_levels,
    statistics=(
        *wavelets.noise_statistics(pooled=False, needed=lambda method, sigma: method != "fixed" and sigma == "auto"),
        Statistic(
            wavelets.measure_energies, wavelets.bayes, wavelets.reach_of, pooled=False,
            needed=lambda method: method == "BayesShrink",
        ),
    ),
)  # fmt: skip
def denoise_wavelet(
    image: t.Image, /, *, wavelet: WaveletName = "sym4",
    method: Literal["BayesShrink", "VisuShrink", "fixed"] = "BayesShrink", mode: Literal["soft", "hard"] = "soft",
    sigma: t.NoiseLevel = "auto", threshold: t.Threshold = 0.1, approximation: bool = False,
    levels: WaveletLevels = "auto", max_shifts: t.Shifts = 0, info: BlockInfo, measured: Any,
) -> t.Image:  # fmt: skip
    """Remove noise by shrinking wavelet coefficients.

    Edges are kept where their coefficients rise above the noise. Colors are denoised as luma and two chromas (YCbCr).
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
        Average over transforms shifted by 0 to so many pixels along every axis: fewer artifacts at edges, in 4 times
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
    channels = wavelets.channels_first(image, info)
    tables = wavelets.thresholds(measured, method, sigma, threshold, t.gone(levels), approximation, info, len(channels))
    made = [
        wavelets.denoise_over_shifts(channel, info, table, wavelet, mode == "soft", max_shifts)
        for channel, table in zip(channels, tables, strict=True)
    ]
    if image.ndim == len(info.shape):
        return made[0]
    colors: t.Array = np.moveaxis(wavelets.mixed(made, wavelets.FROM_YCBCR), 0, -1)
    return colors


@operation(
    "Wiener filter (local)", values="normalized", reach=statistics_reach, check=check_odd,
    statistics=(Statistic(add_variances, mean_variance, statistics_reach, True, lambda noise: noise == "auto"),),
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
    power = t.gone(noise if measured is None else measured)
    mean, variance = local_moments(image, t.gone(size))
    gain = np.zeros_like(variance)
    np.divide(variance - power, variance, out=gain, where=variance > power)
    filtered: t.Array = (mean + gain * (image - mean)).astype(image.dtype)
    return filtered
