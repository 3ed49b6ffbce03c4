"""Undoing a blur whose point-spread function is known."""

import math
from typing import Literal

import numpy as np

from ..contract import types as t
from ..contract.operation import Frames, Report, Statistic, operation
from ..contract.reach import Neighborhood, Reach, Whole
from ..methods.padded_axis import Boundary
from ..methods.point_spread.preparation import Center, check_extent, prepared, rms_radius
from ..methods.richardson_lucy import Model, Stop, estimates
from ..methods.wiener import Sampling, sampled, wiener_hunt

__all__ = ["richardson_lucy", "unsupervised_wiener", "wiener"]

FADES, FARTHEST = 6.0, 45.0  # standard deviations of the PSF, found by trial: see the tests
HALOS = 24  # threads share the work on a tile, so that few large ones spare work done twice


def _whole(psf: t.Array, center: Center, shape: tuple[int, ...]) -> Reach:
    check_extent(prepared(psf, center)[0], shape)
    return Whole("every frequency depends on all pixels")


def _iterated_reach(
    psf: t.Array, center: Center, boundary: Boundary, num_iter: int, tolerance: float, regularization: float,
    shape: tuple[int, ...],
) -> Reach:  # fmt: skip
    """Return how far some iterations see.

    Each sees two half-sizes of the PSF farther, but what lies far away fades. An error follows ``1 - |H|²`` from one
    iteration to the next: where H passes through 0 it spreads like a Gaussian that widens with the root of their
    number, until noise or darkness stops it.
    """
    kernel, _ = prepared(psf, center)
    check_extent(kernel, shape)
    if boundary == "periodic":
        return Whole("a periodic boundary joins opposite edges")
    if tolerance > 0:
        return Whole("the stopping rule looks at all pixels")
    grows = 0.5 if regularization else 0
    exact = [2 * num_iter * (k // 2 + grows) for k in kernel.shape]
    fades = [min(FADES * math.sqrt(num_iter), FARTHEST) * (d + grows) for d in rms_radius(kernel)]
    radius = tuple(math.ceil(min(both)) for both in zip(exact, fades, strict=True))
    short = [math.ceil(n / r) for n, r in zip(shape, radius, strict=True) if r and n < 2 * HALOS * r]
    return Neighborhood(radius, exact=False, halos=max(HALOS, *short, 0))  # of an axis, no sliver is left


def _check_clip(clip: Literal["none"] | tuple[float, float]) -> None:
    if clip != "none" and not clip[0] < clip[1]:
        raise ValueError(f"clip={clip}: the first less than the second")


def _check_sampling(
    burnin: int, min_num_iter: int, max_num_iter: int, clip: Literal["none"] | tuple[float, float]
) -> None:
    _check_clip(clip)
    if max_num_iter < burnin + 2:
        raise ValueError(f"max_num_iter={max_num_iter}: at least burnin + 2 = {burnin + 2}")
    if min_num_iter > max_num_iter:
        raise ValueError(f"min_num_iter={min_num_iter}: at most max_num_iter={max_num_iter}")


def _check_iteration(
    num_iter: int, keep_every: int, saturation: Literal["none"] | float, clip: Literal["none"] | tuple[float, float]
) -> None:
    _check_clip(clip)
    if saturation == 0:
        raise ValueError(f"saturation={saturation}: 'none' or a number greater than 0")
    if keep_every and num_iter % keep_every:
        raise ValueError(f"keep_every={keep_every}: 0, or a divisor of num_iter={num_iter}, so that the last is kept")


def _refuse_negative(image: t.Array) -> tuple[t.Array, ...]:
    low = image.min()
    if low < 0:
        raise ValueError(
            f"image: values of at least 0, as counts of light are, not {low:g}; clip them, or add {-low:g} to all and"
            " give that as background"
        )
    return ()


def _frames(num_iter: int, keep_every: int) -> Frames | None:
    return Frames(num_iter // keep_every, "iteration", keep_every, keep_every) if keep_every else None


def _report(psf: t.Array, center: Center, before: float, after: float) -> Report:
    """Tell how much light there is for what there was, and what was made of the point-spread function."""
    _, changes = prepared(psf, center)
    flux = after / before if before > 0 else None
    told = [f"Flux: {100 * flux:.2f} % of the source's."] if flux is not None else []
    return Report({"flux": flux, "psf": changes}, " ".join([*told, *changes]))


def _report_light(psf: t.Array, center: Center, background: float, before: float, after: float, pixels: int) -> Report:
    """Tell the same where a background is no part of the result."""
    return _report(psf, center, before - background * pixels, after)


def _clipped(image: t.Array, clip: Literal["none"] | tuple[float, float]) -> t.Array:
    return image if clip == "none" else np.clip(image, *clip, out=image)


@operation(
    "Richardson-Lucy", values="float", reach=_iterated_reach, check=_check_iteration, frames=_frames,
    statistics=(Statistic(_refuse_negative, lambda counted: None),), report=_report_light,
)  # fmt: skip
def richardson_lucy(
    image: t.Image, psf: t.WholeImage, /, *, num_iter: t.Iterations = 30, boundary: t.Boundary = "reflect",
    center: t.PsfCenter = "centroid", background: t.Background = 0.0, regularization: t.VariationWeight = 0.0,
    saturation: t.Saturation = "none", tolerance: t.RelativeChange = 0.0, keep_every: t.KeepEvery = 0,
    clip: t.ClipTo = "none",
) -> t.Image:  # fmt: skip
    """Find the light that most likely gave an image blurred by a point-spread function and counted as photons.

    The result is nowhere negative. Beyond "reflect" and "periodic" edges it is continued, and no light is lost: blurred
    again, the result has the sum of the image. At "zero" edges the iteration is that of scikit-image. The first
    estimate is that of the image less the background. Boxes agree with the whole to 1e-6 of the value range.

    Parameters
    ----------
    num_iter
        Number of iterations: more are sharper and noisier.
    boundary
        What lies beyond the edges: the image mirrored, nothing, or the opposite edge.
    center
        The PSF's center: "array" takes the pixel with index n // 2, "centroid" its center of mass.
    background
        Value where there is no light, such as a camera's offset; it is no part of the result.
    regularization
        Weight of the total variation, which keeps noise down; 0.002 is usual. A gradient of length g counts as
        g / (g² + (4 n w x)²)^½ for the weight w, n axes and the value x, so that no step overshoots.
    saturation
        Value from which pixels are saturated and tell nothing but what their neighbors do; "none" if there are none.
    tolerance
        Stop when the absolute changes of an iteration add up to less than this share of the sum; 0 never stops early.
    keep_every
        Keep every so many-th iteration, along a first axis to scrub through; 0 keeps the last alone. After an early
        stop the last one is repeated.
    clip
        Two values at which the result ends; "none" leaves it as it is.

    Raises
    ------
    ValueError
        If the image has negative values, or the PSF has none above 0, other axes than the items, or reaches beyond all
        of their pixels.

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
    >>> apply(blurred, "richardson_lucy", np.ones((1, 3)), num_iter=100)[1]
    array([ 0,  0,  0, 90,  0,  0,  0], dtype=uint8)
    """
    kernel, _ = prepared(psf, center)
    model = Model(kernel, boundary, background, math.inf if saturation == "none" else saturation)
    return _clipped(estimates(image, model, regularization, Stop(num_iter, tolerance, keep_every)), clip)


@operation("Unsupervised Wiener", values="float", reach=_whole, check=_check_sampling, report=_report)
def unsupervised_wiener(
    image: t.Image, psf: t.WholeImage, /, *, seed: t.Seed = 0, boundary: t.Boundary = "reflect",
    center: t.PsfCenter = "centroid", burnin: t.Burnin = 15, min_num_iter: t.Iterations = 30,
    max_num_iter: t.Iterations = 200, threshold: t.SampleChange = 1e-4, clip: t.ClipTo = "none",
) -> t.Image:  # fmt: skip
    """Undo a blur by the Wiener-Hunt filter, its balance between sharpness and noise found from the image.

    The result is the mean of images drawn by Gibbs sampling, noise and roughness being drawn in turn. Its values may be
    negative. Seed and image determine it.

    Parameters
    ----------
    seed
        Number of the series of random numbers.
    boundary
        What lies beyond the edges: the image mirrored, over four half-sizes of the PSF fading into its opposite edge;
        nothing; or the opposite edge, as in scikit-image.
    center
        The PSF's center: "array" takes the pixel with index n // 2, "centroid" its center of mass.
    burnin
        Number of the last sample that is left out of the mean.
    min_num_iter
        Number of samples before which it does not stop.
    max_num_iter
        Number of samples at which it stops.
    threshold
        Relative change of the mean below which it stops.
    clip
        Two values at which the result ends; "none" leaves it as it is.

    Raises
    ------
    ValueError
        If the PSF has no value above 0, other axes than the items, or reaches beyond all of their pixels, or too few
        samples are drawn.

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
    kernel, _ = prepared(psf, center)
    sampling = Sampling(seed, burnin, min_num_iter, max_num_iter, threshold)
    return _clipped(sampled(image, kernel, boundary, sampling), clip)


@operation("Wiener deconvolution", values="float", reach=_whole, check=_check_clip, report=_report)
def wiener(
    image: t.Image, psf: t.WholeImage, /, *, balance: t.Balance = 0.1, boundary: t.Boundary = "reflect",
    center: t.PsfCenter = "centroid", clip: t.ClipTo = "none",
) -> t.Image:  # fmt: skip
    """Undo a blur by the Wiener-Hunt filter.

    A frequency is multiplied by ``conj(H) / (|H|² + balance |L|²)``, H being the transfer function of the PSF and L
    that of the Laplacian. The mean is kept where the edges are "periodic". Values of the result may be negative.

    Parameters
    ----------
    balance
        How much smoothness counts for sharpness: more is smoother and less noisy.
    boundary
        What lies beyond the edges: the image mirrored, over four half-sizes of the PSF fading into its opposite edge;
        nothing; or the opposite edge, as in scikit-image.
    center
        The PSF's center: "array" takes the pixel with index n // 2, "centroid" its center of mass.
    clip
        Two values at which the result ends; "none" leaves it as it is.

    Raises
    ------
    ValueError
        If the PSF has no value above 0, other axes than the items, or reaches beyond all of their pixels.

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
    >>> apply(blurred, "wiener", np.array([[1, 6, 1]]), balance=1e-4)[1]
    array([ 0,  0,  0,  0, 80,  0,  0,  0,  0], dtype=uint8)
    """
    kernel, _ = prepared(psf, center)
    return _clipped(wiener_hunt(image, kernel, balance, boundary), clip)
