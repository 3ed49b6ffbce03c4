"""Smoothing and noise removal."""

from typing import Any, Literal

from ..contract import types as t
from ..contract.operation import BlockInfo, operation
from ..methods import wavelet_shrinkage, wavelets
from ..methods.bilateral import bilateral_mean, bilateral_reach, check_window
from ..methods.gaussian import is_wide, smooth_block, smoothing_reach
from ..methods.holes import Mask
from ..methods.local_wiener import check_odd, filter_locally, window_reach
from ..methods.median import check_window_size, median_filter, median_reach
from ..methods.nl_means import check_patch, non_local_mean, patch_reach
from ..methods.padding import embedded
from ..methods.total_variation import bregman, bregman_reach, chambolle, chambolle_reach, check_bregman, check_chambolle

__all__ = [
    "denoise_bilateral", "denoise_nl_means", "denoise_tv_bregman", "denoise_tv_chambolle", "denoise_wavelet",
    "gaussian", "median", "wiener_filter",
]  # fmt: skip


@operation(
    "Bilateral filter", values="normalized", reach=bilateral_reach, channels="joint", check=check_window,
    keywords="smooth, edge preserving",
)  # fmt: skip
def denoise_bilateral(
    image: t.Image, /, *, sigma_color: t.AutoColorSigma = "auto", sigma_spatial: t.SpatialSigmas = 1.5, info: BlockInfo
) -> t.Image:
    """Smooth the image but keep its edges, by averaging pixels that are near and of similar value.

    A pixel at the distance d whose value differs by v has the weight
    ``exp(-d² / (2 sigma_spatial²) - v² / (2 sigma_color²))``, up to a distance of three times `sigma_spatial` along
    each axis. The difference of two colors is their Euclidean distance. Beyond its edges the image is mirrored.
    Results for integers are rounded to the nearest integer. Missing pixels (NaN or infinite) stay missing; their
    neighbors see the mean of those around them in their place.

    Parameters
    ----------
    sigma_color
        Standard deviation of the weight of value differences, as a fraction of the value range. By default three times
        the standard deviation of the noise, which is estimated from the image.
    sigma_spatial
        Standard deviation of the weight of distances, in pixels: one value for all axes, or one for each.

    Raises
    ------
    ValueError
        If the window has more than 1,048,576 pixels.

    References
    ----------
    .. [1] C. Tomasi and R. Manduchi, "Bilateral filtering for gray and color images", ICCV (1998).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> step = np.array([[10, 14, 12, 92, 88, 90]], np.uint8)
    >>> apply(step, "denoise_bilateral", sigma_color=0.1, sigma_spatial=(0, 2))
    array([[12, 12, 12, 90, 90, 90]], dtype=uint8)
    """
    return bilateral_mean(image, info, t.gone(sigma_color), t.gone(sigma_spatial))


@operation(
    "Non-local means", values="normalized", reach=patch_reach, channels="joint", check=check_patch,
    keywords="nlm, smooth, patches, texture",
)  # fmt: skip
def denoise_nl_means(
    image: t.Image, /, *, patch_size: t.PatchSizes = 5, patch_distance: t.Distances = 6, h: t.AutoFiltering = "auto",
    sigma: t.AutoPatchNoise = "auto", info: BlockInfo,
) -> t.Image:  # fmt: skip
    """Remove noise but keep texture, by averaging pixels whose surroundings look alike (non-local means).

    A pixel whose patch differs by d², the mean squared difference over patch and channels, has the weight
    ``exp(-max(d² - 2 sigma², 0) / h²)``. Beyond its edges the image is mirrored. Results for integers are rounded to
    the nearest integer. Missing pixels (NaN or infinite) stay missing; others see the mean of their neighbors there.

    Parameters
    ----------
    patch_size
        Side of the patches that are compared, in pixels: one odd number for all axes, or one for each.
    patch_distance
        Largest distance of the patches that are compared, in pixels: one value for all axes, or one for each.
    h
        Difference that patches may have, as a fraction of the value range: higher values smooth more. By default 1.15
        times `sigma`.
    sigma
        Standard deviation of the noise, as a fraction of the value range; by default it is estimated from the image.
        The difference that noise alone causes between patches is subtracted.

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
    >>> apply(stripes, "denoise_nl_means", patch_size=3, patch_distance=2, h=0.1, sigma=0)[2]
    array([11, 89, 11, 90, 11, 89], dtype=uint8)
    """
    return non_local_mean(image, info, t.gone(patch_size), t.gone(patch_distance), t.gone(h), t.gone(sigma))


@operation(
    "TV (split Bregman)", values="normalized", reach=bregman_reach, channels="joint", check=check_bregman,
    keywords="total variation, smooth, ROF",
)  # fmt: skip
def denoise_tv_bregman(
    image: t.Image, /, *, weight: t.AutoBregmanWeight = "auto", num_iter: t.Iterations = 20,
    isotropic: t.Isotropic = True, shape: tuple[int, ...],
) -> t.Image:  # fmt: skip
    """Remove noise by total variation minimization with the split Bregman method: regions flatten, edges stay sharp.

    The iteration lowers ``|u - f|² / 2 + weight * TV(u)`` for the image f and the result u. In a volume the gradient
    has three components; RGB channels share one gradient length. As in scikit-image, whose weight is ``1 / weight``,
    an isotropic gradient of length s is shortened by the factor ``s / (s + weight / 2)``, and a border of one pixel
    around the image keeps its values. Results for integers are rounded to the nearest integer. Missing pixels (NaN or
    infinite) stay missing; their neighbors see the mean of those around them in their place. Parts of the image
    computed alone agree with the whole to 1e-6 of the value range.

    Parameters
    ----------
    weight
        Strength of the smoothing, as a fraction of the value range. By default twice the standard deviation of the
        noise, which is estimated from the image.
    num_iter
        Number of sweeps over the image; there is no other stopping rule.
    isotropic
        Measure the length of gradients, whatever their direction; otherwise the components along each axis, which
        favors edges parallel to the axes.

    Raises
    ------
    ValueError
        If the sweeps of a volume would need too much memory.

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
    return bregman(image, t.gone(weight), num_iter, isotropic, len(shape))


@operation(
    "TV (Chambolle)", values="normalized", reach=chambolle_reach, channels="joint", check=check_chambolle,
    keywords="total variation, smooth, ROF",
)  # fmt: skip
def denoise_tv_chambolle(
    image: t.Image, /, *, weight: t.AutoTVWeight = "auto", num_iter: t.Iterations = 50, shape: tuple[int, ...]
) -> t.Image:
    """Remove noise by total variation minimization with Chambolle's algorithm: regions flatten, edges stay sharp.

    The result u minimizes ``|u - f|² / 2 + weight * TV(u)`` for the image f. The mean of the image is kept. In a volume
    the gradient has three components; RGB channels share one gradient length, so that edges stay in the same place in
    all channels. Results for integers are rounded to the nearest integer. Missing pixels (NaN or infinite) stay
    missing; their neighbors see the mean of those around them in their place.

    Parameters
    ----------
    weight
        Strength of the smoothing, as a fraction of the value range. By default the standard deviation of the noise,
        which is estimated from the image.
    num_iter
        Number of iterations; there is no other stopping rule, so that all parts of an image are treated alike.

    Raises
    ------
    ValueError
        If the iterations of a volume would need too much memory.

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
    return chambolle(image, t.gone(weight), num_iter, len(shape))


@operation(
    "Gaussian filter", values="float", reach=smoothing_reach, scales=is_wide, proportional=True,
    keywords="blur, low-pass",
)  # fmt: skip
def gaussian(
    image: t.Image, /, *, sigma: t.Lengths = 1.0, mode: t.Edge = "nearest", cval: t.Fill = 0.0,
    truncate: t.Truncation = 4.0, info: BlockInfo, valid: Mask | None, level: float,
) -> t.Image:  # fmt: skip
    """Smooth the image with a Gaussian filter.

    Detail finer than `sigma` is lost. The mean of the image is kept, except near its edges. Results for integers are
    rounded to the nearest integer. Missing pixels (NaN or infinite) stay missing and have no weight.

    Parameters
    ----------
    sigma
        Standard deviation in pixels: one value for all axes, or one for each.
    mode
        How the image continues beyond its edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".
    truncate
        Distance at which the kernel is truncated, in standard deviations.

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
    return embedded(image, info, smooth_block(image, info, t.gone(sigma), mode, cval, truncate, valid, level))


@operation(
    "Median filter", values="exact", reach=median_reach, check=check_window_size, proportional=True,
    keywords="despeckle, hot pixels, outliers, smooth, salt and pepper",
)  # fmt: skip
def median(
    image: t.Image, /, *, size: t.WindowSizes = 3.0, mode: t.Edge = "nearest", cval: t.Fill = 0.0, info: BlockInfo,
    valid: Mask | None,
) -> t.Image:  # fmt: skip
    """Replace each pixel by the median of the window around it.

    Specks smaller than half the window disappear, while edges stay in place. Every value of the result occurs in the
    image, so that integers stay exact. Missing pixels (NaN or infinite) stay missing and are left out of the medians of
    others; where these leave an even number of pixels in a window, the result is the mean of the middle two.

    Parameters
    ----------
    size
        Side of the window in pixels: one value for all axes, or one for each. The nearest odd number is used: 5 for 4.
    mode
        How the image continues beyond its edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".

    Raises
    ------
    ValueError
        If the window has more than 1,048,576 pixels.

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
    return median_filter(image, info, t.gone(size), mode, cval, valid)


@operation(
    "Wavelet denoising", values="normalized", reach=wavelets.shrinkage_reach, channels="joint",
    check=wavelet_shrinkage.check_shrinkage, statistics=wavelet_shrinkage.STATISTICS,
    keywords="wavelets, shrinkage, BayesShrink, VisuShrink",
)  # fmt: skip
def denoise_wavelet(
    image: t.Image, /, *, wavelet: wavelets.WaveletName = "sym4",
    method: Literal["BayesShrink", "VisuShrink", "fixed"] = "BayesShrink", mode: Literal["soft", "hard"] = "soft",
    sigma: t.NoiseLevel = "auto", threshold: t.Threshold = 0.1, approximation: bool = False,
    levels: wavelets.WaveletLevels = "auto", max_shifts: t.Shifts = 1, info: BlockInfo, measured: Any,
) -> t.Image:  # fmt: skip
    """Remove noise by thresholding wavelet coefficients.

    Edges are kept if their coefficients exceed the noise. Colors are converted to luma and two chromas (YCbCr) and
    back. BayesShrink finds the thresholds of each plane or volume alone. Beyond its edges the image is mirrored.
    Results for integers are rounded to the nearest integer. Missing pixels (NaN or infinite) stay missing; others see
    local means there.

    Parameters
    ----------
    wavelet
        Name of a discrete wavelet in PyWavelets, such as "haar", "sym4" or "bior2.8".
    method
        Rule for the thresholds: "BayesShrink" finds one for each band from its energy and the noise, "VisuShrink" uses
        ``sigma * sqrt(2 log n)`` for images of n pixels, and "fixed" uses `threshold`.
    mode
        Treatment of coefficients above the threshold: "soft" moves them toward 0 by the threshold, "hard" keeps them.
    sigma
        Standard deviation of the noise, as a fraction of the value range, or one for each channel of colors (luma and
        two chromas). By default it is estimated from the image. Not used by the method "fixed".
    threshold
        Threshold of all bands with the method "fixed", as a fraction of the value range.
    approximation
        Also threshold the approximation that remains after the last level.
    levels
        Number of decomposition levels, each of which halves the image; by default 4, or the number that PyWavelets
        recommends if it is lower, but at least 1. Above the recommended number, the edges affect every coefficient.
    max_shifts
        Average over transforms shifted by 0 to this many pixels along each axis (cycle spinning), which leaves fewer
        artifacts at edges. A value of 1 takes 4 times as long as 0, or 8 times for volumes.

    Raises
    ------
    ValueError
        If PyWavelets has no such discrete wavelet, or the wavelets of the last level would be wider than the image.

    References
    ----------
    .. [1] D. L. Donoho and I. M. Johnstone, "Ideal spatial adaptation by wavelet shrinkage", Biometrika 81 (1994):
           VisuShrink, and the noise estimated from the median.
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
    channels = wavelets.split_channels(image, info)
    tables = wavelet_shrinkage.thresholds(
        measured, method, t.gone(sigma), threshold, t.gone(levels), approximation, info, len(channels)
    )
    denoised = wavelets.denoise_channels(channels, info, tables, wavelet, mode == "soft", max_shifts)
    return wavelets.join_channels(denoised, image, info)


@operation("Wiener filter (local)", values="normalized", reach=window_reach, check=check_odd, keywords="smooth")
def wiener_filter(
    image: t.Image, /, *, size: t.OddSizes = 7, noise: t.NoisePower = "auto", valid: Mask | None, level: float,
) -> t.Image:  # fmt: skip
    """Remove noise from flat regions and keep edges and texture (local Wiener filter).

    Each pixel moves toward the mean of the window around it: all the way where the variance of the window does not
    exceed that of the noise, and less the more it does. Beyond its edges the image is mirrored. Results for integers
    are rounded to the nearest integer. Missing pixels (NaN or infinite) stay missing and are left out of windows.

    Parameters
    ----------
    size
        Side of the window in pixels: one odd number for all axes, or one for each.
    noise
        Variance of the noise, as a fraction of the squared value range; by default it is estimated from the image.

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
    return filter_locally(image, t.gone(size), t.gone(noise), valid, level)
