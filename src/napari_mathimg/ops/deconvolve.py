"""Deconvolution: removal of a blur whose point-spread function is known."""

import math
from typing import Any, Literal

import numpy as np

from ..contract import types as t
from ..contract.operation import Frames, Statistic, operation
from ..contract.reach import Reach, Whole
from ..methods.deconvolution_report import report_flux, report_flux_without_background
from ..methods.fourier import spectrum_numbers
from ..methods.holes import Mask, stretch_over_holes
from ..methods.point_spread.preparation import Border, Center, check_extent, prepare_psf
from ..methods.richardson_lucy import Model, Stop, iterate, iterated_type, iteration_reach, refuse_negative
from ..methods.wiener import BLEND_HALF_SIZES, Sampling, sample_mean, wiener_hunt

__all__ = ["richardson_lucy", "unsupervised_wiener", "wiener"]


def _whole(psf: t.Array, center: Center, psf_border: Border, shape: tuple[int, ...]) -> Reach:
    check_extent(prepare_psf(psf, center, psf_border)[0], shape)
    return Whole("every frequency depends on all pixels")


def _check_clip(clip: Literal["none"] | tuple[float, float]) -> None:
    if clip != "none" and not clip[0] < clip[1]:
        raise ValueError(f"clip={clip}: must be two numbers, the first below the second")


def _check_sampling(
    burnin: int, min_num_iter: int, max_num_iter: int, clip: Literal["none"] | tuple[float, float]
) -> None:
    _check_clip(clip)
    if max_num_iter < burnin + 2:
        raise ValueError(f"max_num_iter={max_num_iter}: must be at least burnin + 2 = {burnin + 2}")
    if min_num_iter > max_num_iter:
        raise ValueError(f"min_num_iter={min_num_iter}: must be at most max_num_iter={max_num_iter}")


def _check_iteration(
    num_iter: int, keep_every: int, saturation: Literal["none"] | float, clip: Literal["none"] | tuple[float, float]
) -> None:
    _check_clip(clip)
    if saturation == 0:
        raise ValueError(f"saturation={saturation}: must be 'none' or greater than 0")
    if keep_every and num_iter % keep_every:
        raise ValueError(f"keep_every={keep_every}: must be 0 or divide num_iter={num_iter}")


def _frames(num_iter: int, keep_every: int) -> Frames | None:
    return Frames(num_iter // keep_every, "iteration", keep_every, keep_every) if keep_every else None


def _is_not_clipped(clip: Literal["none"] | tuple[float, float]) -> bool:
    return clip == "none"


def _filter_working(
    psf: t.Array, center: Center, psf_border: Border, boundary: t.Boundary, shape: tuple[int, ...]
) -> float:
    """Count image and result, and the spectra of image and PSF."""
    kernel, _ = prepare_psf(psf, center, psf_border)
    return 3 * math.prod(shape) + 2 * spectrum_numbers(shape, kernel.shape, boundary, BLEND_HALF_SIZES)


def _sampling_working(
    psf: t.Array, center: Center, psf_border: Border, boundary: t.Boundary, shape: tuple[int, ...]
) -> float:
    """Count what the filter needs, and the spectrum of the mean."""
    kernel, _ = prepare_psf(psf, center, psf_border)
    return 3 * math.prod(shape) + 3 * spectrum_numbers(shape, kernel.shape, boundary, BLEND_HALF_SIZES)


def _iteration_working(
    psf: t.Array, center: Center, psf_border: Border, boundary: t.Boundary, num_iter: int, keep_every: int,
    saturation: Literal["none"] | float, shape: tuple[int, ...], working_type: np.dtype[Any], may_have_holes: bool,
) -> float:  # fmt: skip
    """Count image, estimate, weights, variation and kept estimates, and the spectra of estimate and PSF.

    Beside holes, there are also their fills, and the spectrum by which weights are computed.
    """
    kernel, _ = prepare_psf(psf, center, psf_border)
    kept = num_iter // keep_every if keep_every else 1
    pixels, spectrum = math.prod(shape), spectrum_numbers(shape, kernel.shape, boundary)
    numbers = (6 + kept) * pixels + 2 * spectrum + may_have_holes * (2 * pixels + spectrum)
    masked = may_have_holes or saturation != "none"
    return numbers * iterated_type(working_type, num_iter, masked).itemsize / working_type.itemsize


def _clipped(image: t.Array, clip: Literal["none"] | tuple[float, float]) -> t.Array:
    return image if clip == "none" else np.clip(image, *clip, out=image)


@operation(
    "Richardson-Lucy", values="float", dtype="float32", reach=iteration_reach, check=_check_iteration, frames=_frames,
    statistics=(Statistic(refuse_negative, lambda counted: None),), report=report_flux_without_background,
    proportional=_is_not_clipped, working=_iteration_working,
    keywords="sharpen, deblur, unblur, deconvolution, restore, rl, psf, maximum likelihood",
)  # fmt: skip
def richardson_lucy(
    image: t.Image, psf: t.WholeImage, /, *, num_iter: t.Iterations = 30, boundary: t.Boundary = "reflect",
    center: t.PsfCenter = "centroid", psf_border: t.PsfBorder = "keep",
    background: t.Background = 0.0, regularization: t.VariationWeight = 0.0,
    saturation: t.Saturation = "none", tolerance: t.RelativeChange = 0.0, keep_every: t.KeepEvery = 0,
    clip: t.ClipTo = "none", valid: Mask | None,
) -> t.Image:  # fmt: skip
    """Deconvolve with the Richardson-Lucy algorithm: find the most likely light behind a blurred photon image.

    The result is never negative. With "reflect" and "periodic" boundaries the image continues beyond its edges and no
    light is lost: blurred again, the result has the same sum as the image. With a "zero" boundary the iteration equals
    scikit-image's. The iteration starts from a constant. Results for integers are float32.
    Missing pixels (NaN or infinite) stay missing; like saturated pixels, they are ignored in favor of their neighbors.
    Parts of the image computed alone agree with the whole to 1e-6 of the value range times the square root of
    `num_iter`.

    Parameters
    ----------
    num_iter
        Number of iterations: more iterations give a sharper and noisier result.
    boundary
        Light beyond the edges: "reflect" mirrors the image, "zero" assumes none, "periodic" continues at the opposite
        edge.
    center
        Center of the PSF: "array" is its pixel with index n // 2, "centroid" its center of mass.
    psf_border
        What becomes of a PSF whose border is far from zero, as the offset of a camera leaves it: "subtract" subtracts
        the median of the border, "keep" keeps it and warns.
    background
        Value of pixels without light, such as the offset of a camera; it is subtracted from the result.
    regularization
        Weight of the total variation, which suppresses noise; 0.002 is usual. For the weight w, n axes and the value x,
        a gradient of length g contributes g / (g² + (4 n w x)²)^½, so that no step overshoots.
    saturation
        Value at and above which pixels are saturated and are ignored in favor of their neighbors; "none" if no pixel
        is saturated.
    tolerance
        Relative change at which the iteration stops: the sum of absolute changes divided by the sum of all values. 0
        never stops early.
    keep_every
        Interval of the iterations that are kept, along a new first axis; 0 keeps only the last. After an early stop the
        last one is repeated.
    clip
        Two values to which the result is clipped; "none" does not clip.

    Raises
    ------
    ValueError
        If the image has negative values, or if the PSF has no positive value, does not have as many axes as the planes
        or volumes of the image, or extends beyond all of their pixels.

    References
    ----------
    .. [1] W. H. Richardson, "Bayesian-based iterative method of image restoration", Journal of the Optical Society of
           America 62 (1972).
    .. [2] L. B. Lucy, "An iterative technique for the rectification of observed distributions", Astronomical Journal
           79 (1974).
    .. [3] N. Dey et al., "Richardson-Lucy algorithm with total variation regularization for 3D confocal microscope
           deconvolution", Microscopy Research and Technique 69 (2006).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> blurred = np.array([[0, 0, 30, 30, 30, 0, 0]] * 3, np.uint8)
    >>> apply(blurred, "richardson_lucy", np.ones((1, 3)), num_iter=100)[1].round() + 0.0
    array([ 0.,  0.,  0., 90.,  0.,  0.,  0.], dtype=float32)
    """
    kernel, _ = prepare_psf(psf, center, psf_border)
    masked = valid is not None or saturation != "none"
    image = image.astype(iterated_type(image.dtype, num_iter, masked), copy=False)
    model = Model(kernel, boundary, background, math.inf if saturation == "none" else saturation)
    return _clipped(iterate(image, model, regularization, Stop(num_iter, tolerance, keep_every), valid), clip)


@operation(
    "Unsupervised Wiener", values="float", dtype="float32", reach=_whole, check=_check_sampling, report=report_flux,
    proportional=_is_not_clipped, working=_sampling_working,
    keywords="sharpen, deblur, unblur, deconvolution, restore, psf, blind",
)  # fmt: skip
def unsupervised_wiener(
    image: t.Image, psf: t.WholeImage, /, *, seed: t.Seed = 0, boundary: t.Boundary = "reflect",
    center: t.PsfCenter = "centroid", psf_border: t.PsfBorder = "keep",
    burnin: t.Burnin = 15, min_num_iter: t.FewestIterations = 30,
    max_num_iter: t.MostIterations = 200, threshold: t.SampleChange = 1e-4, clip: t.ClipTo = "none", valid: Mask | None,
) -> t.Image:  # fmt: skip
    """Deconvolve with the Wiener-Hunt filter, its balance between sharpness and noise estimated from the image.

    The result is the mean of images drawn by Gibbs sampling, together with the precisions of the noise and of the
    image. It may have negative values. The image and the seed determine it. Except with a "zero" boundary, an offset of
    all values, such as that of a camera, is added to the result and changes nothing else. Results for integers are
    float32. Missing pixels (NaN or infinite) stay missing; all others see a smooth surface in their place, which
    continues their neighbors (a membrane), so that holes leave no ringing.

    Parameters
    ----------
    seed
        Seed of the random numbers.
    boundary
        Light beyond the edges: "reflect" mirrors the image and blends it into its opposite edge over four half-sizes of
        the PSF, "zero" assumes none, "periodic" continues at the opposite edge, as in scikit-image.
    center
        Center of the PSF: "array" is its pixel with index n // 2, "centroid" its center of mass.
    psf_border
        What becomes of a PSF whose border is far from zero, as the offset of a camera leaves it: "subtract" subtracts
        the median of the border, "keep" keeps it and warns.
    burnin
        Number of the last sample that is excluded from the mean.
    min_num_iter
        Number of samples that are drawn at least.
    max_num_iter
        Number of samples that are drawn at most.
    threshold
        Relative change of the mean below which sampling stops.
    clip
        Two values to which the result is clipped; "none" does not clip.

    Raises
    ------
    ValueError
        If the PSF has no positive value, does not have as many axes as the planes or volumes of the image, or extends
        beyond all of their pixels, or if too few samples are drawn.

    References
    ----------
    .. [1] F. Orieux, J.-F. Giovannelli and T. Rodet, "Bayesian estimation of regularization and point spread function
           parameters for Wiener-Hunt deconvolution", Journal of the Optical Society of America A 27 (2010).

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.ndimage import uniform_filter
    >>> from napari_mathimg import apply
    >>> board = np.kron(np.indices((8, 8)).sum(0) % 2, np.ones((16, 16))).astype(np.float32)
    >>> blurred = uniform_filter(board, 5) + 0.01 * np.random.default_rng(0).standard_normal(board.shape)
    >>> found = apply(blurred, "unsupervised_wiener", np.ones((5, 5)))
    >>> bool(np.std(found - board) < 0.5 * np.std(blurred - board))
    True
    """
    kernel, _ = prepare_psf(psf, center, psf_border)
    sampling = Sampling(seed, burnin, min_num_iter, max_num_iter, threshold)
    return _clipped(sample_mean(stretch_over_holes(image, valid), kernel, boundary, sampling), clip)


@operation(
    "Wiener deconvolution", values="float", dtype="float32", reach=_whole, check=_check_clip, report=report_flux,
    proportional=_is_not_clipped, working=_filter_working,
    keywords="sharpen, deblur, unblur, deconvolution, restore, inverse filter, psf",
)  # fmt: skip
def wiener(
    image: t.Image, psf: t.WholeImage, /, *, balance: t.Balance = 0.1, boundary: t.Boundary = "reflect",
    center: t.PsfCenter = "centroid", psf_border: t.PsfBorder = "keep", clip: t.ClipTo = "none",
    valid: Mask | None, level: float,
) -> t.Image:  # fmt: skip
    """Deconvolve with the Wiener-Hunt filter.

    The spectrum is multiplied by ``conj(H) / (|H|² + balance |L|²)``, where H is the transfer function of the PSF and L
    that of the Laplacian. The mean of the image is kept with "periodic" boundaries. The result may have negative
    values. Results for integers are float32. Missing pixels (NaN or infinite) stay missing; all others see a smooth
    surface in their place, which continues their neighbors (a membrane), so that holes leave no ringing.

    Parameters
    ----------
    balance
        Weight of smoothness against sharpness: higher values give a smoother and less noisy result.
    boundary
        Light beyond the edges: "reflect" mirrors the image and blends it into its opposite edge over four half-sizes of
        the PSF, "zero" assumes none, "periodic" continues at the opposite edge, as in scikit-image.
    center
        Center of the PSF: "array" is its pixel with index n // 2, "centroid" its center of mass.
    psf_border
        What becomes of a PSF whose border is far from zero, as the offset of a camera leaves it: "subtract" subtracts
        the median of the border, "keep" keeps it and warns.
    clip
        Two values to which the result is clipped; "none" does not clip.

    Raises
    ------
    ValueError
        If the PSF has no positive value, does not have as many axes as the planes or volumes of the image, or extends
        beyond all of their pixels.

    References
    ----------
    .. [1] B. R. Hunt, "A matrix theory proof of the discrete convolution theorem", IEEE Trans. Audio and
           Electroacoustics 19 (1971).
    .. [2] F. Orieux, J.-F. Giovannelli and T. Rodet, "Bayesian estimation of regularization and point spread function
           parameters for Wiener-Hunt deconvolution", Journal of the Optical Society of America A 27 (2010).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> blurred = np.array([[0, 0, 0, 10, 60, 10, 0, 0, 0]] * 3, np.uint8)
    >>> apply(blurred, "wiener", np.array([[1, 6, 1]]), balance=1e-4)[1].round() + 0.0
    array([ 0.,  0.,  0.,  0., 80.,  0.,  0.,  0.,  0.], dtype=float32)
    """
    kernel, _ = prepare_psf(psf, center, psf_border)
    return _clipped(wiener_hunt(stretch_over_holes(image, valid), kernel, balance, boundary, level), clip)
