"""Smoothing and noise removal."""

from . import _types as t
from ._operation import operation
from ._reach import Neighborhood, Reach, Whole, margin
from ._smoothing import smooth

__all__ = ["gaussian"]


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
