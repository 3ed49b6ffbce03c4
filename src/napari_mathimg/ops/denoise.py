"""Smoothing and noise removal."""

from . import _types as t
from ._median import check_window, median_of_windows, median_reach
from ._operation import At, operation
from ._reach import Neighborhood, Reach, Whole, margin
from ._smoothing import smooth
from ._total_variation import chambolle, chambolle_reach

__all__ = ["denoise_tv_chambolle", "gaussian", "median"]


def _gaussian_reach(sigma: tuple[float, ...], truncate: float, mode: str) -> Reach:
    if mode == "grid-wrap":
        return Whole("a periodic boundary joins opposite edges")
    return Neighborhood(tuple(margin(s, truncate) for s in sigma))


@operation("TV denoising (Chambolle)", values="normalized", reach=chambolle_reach, channels="joint")
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


@operation("Median filter", values="exact", reach=median_reach, check=check_window)
def median(
    image: t.Image, /, *, size: t.WindowSizes = 3.0, mode: t.Edge = "nearest", cval: t.Fill = 0.0, at: At
) -> t.Image:
    """Replace every pixel by the median of its neighbourhood.

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
    return median_of_windows(image, at, t.resolved(size), mode, cval)
