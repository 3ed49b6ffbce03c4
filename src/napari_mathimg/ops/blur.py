"""Blur: boxes, defocus, motion, and any kernel."""

from functools import lru_cache

from ..contract import types as t
from ..contract.operation import BlockInfo, operation
from ..contract.reach import Reach
from ..methods import blur_kernels
from ..methods.convolution import averaged, check_kernel_size, convolved, kernel_reach
from ..methods.padding import window_reach
from .denoise import gaussian

__all__ = ["blur_box", "blur_defocus", "blur_motion", "convolve", "gaussian"]

Outline = tuple[tuple[float, float], ...]

disk = lru_cache(maxsize=4)(blur_kernels.disk)


def _box_reach(size: tuple[int, ...], mode: str) -> Reach:
    return window_reach(tuple(n // 2 for n in size), mode)


@operation("Box blur", values="float", reach=_box_reach)
def blur_box(
    image: t.Image, /, *, size: t.BoxSizes = 5, mode: t.Edge = "nearest", cval: t.Fill = 0.0, info: BlockInfo
) -> t.Image:
    """Replace every pixel by the mean of a box around it.

    This is the convolution with a box whose pixel ``size // 2`` is its middle: an even one reaches one pixel farther
    towards the end of the axis. Means of integers are exact before they are rounded.

    Parameters
    ----------
    size
        Side of the box in pixels, one for all axes or one for each.
    mode
        What lies beyond the edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".

    References
    ----------
    .. [1] R. C. Gonzalez and R. E. Woods, "Digital Image Processing", 4th ed. (2018), section 3.5.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[0, 0, 90, 0, 0, 0]], dtype=np.uint8), "blur_box", size=(1, 3))
    array([[ 0, 30, 30, 30,  0,  0]], dtype=uint8)
    """
    return averaged(image, info, t.gone(size), mode, cval)


def _disk_reach(radius: tuple[float, ...], mode: str) -> Reach:
    return kernel_reach(disk(radius), mode)


def _check_radius(radius: tuple[float, ...]) -> None:
    check_kernel_size("radius", radius, tuple(2 * blur_kernels.disk_margin(r) + 1 for r in radius))


@operation("Defocus", values="float", reach=_disk_reach, check=_check_radius)
def blur_defocus(
    image: t.Image, /, *, radius: t.Radii = 3.0, mode: t.Edge = "nearest", cval: t.Fill = 0.0, info: BlockInfo
) -> t.Image:
    """Blur as a lens out of focus does: every point becomes a disk.

    Each pixel of the kernel has the share of it that lies in the disk, in a volume in the ellipsoid, so that the blur
    grows smoothly with the radius. Up to half a pixel, nothing is blurred along an axis. The mean is kept. Beyond
    radii of about 9 pixels, boxes agree with the whole to 1e-6 of the values.

    Parameters
    ----------
    radius
        Radius of the disk in pixels, one for all axes or one for each.
    mode
        What lies beyond the edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".

    Raises
    ------
    ValueError
        If the disk's box holds more than 2,097,152 pixels.

    References
    ----------
    .. [1] M. Subbarao and G. Surya, "Depth from defocus: a spatial domain approach", International Journal of Computer
           Vision 13 (1994): a circle of confusion under geometric optics.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[0, 0, 100, 0, 0]], dtype=np.uint8), "blur_defocus", radius=(0, 1))
    array([[ 0, 25, 50, 25,  0]], dtype=uint8)
    """
    return convolved(image, info, disk(t.gone(radius)), mode, cval)


@lru_cache(maxsize=4)
def _path(length: float, angle: float, polygon: str | Outline, polygon_size: tuple[int, int]) -> t.Array:
    if isinstance(polygon, str):
        return blur_kernels.line(length, angle)
    return blur_kernels.polygon(polygon, polygon_size)


def _check_path(polygon: str | Outline, polygon_size: tuple[int, int]) -> None:
    _path(0.0, 0.0, polygon, polygon_size)


def _path_reach(length: float, angle: float, polygon: str | Outline, polygon_size: tuple[int, int], mode: str) -> Reach:
    return kernel_reach(_path(length, angle, polygon, polygon_size), mode)


@operation("Motion blur", values="float", reach=_path_reach, dimensions=(2,), check=_check_path)
def blur_motion(
    image: t.Image, /, *, length: t.PathLength = 15.0, angle: t.PathAngle = 0.0, polygon: t.Outline = "none",
    polygon_size: t.OutlineSize = (32, 32), mode: t.Edge = "nearest", cval: t.Fill = 0.0, info: BlockInfo,
) -> t.Image:  # fmt: skip
    """Blur as a camera or a specimen that moves does: every point becomes a path, or a polygon.

    A straight path has its middle at the point: at angle 0, length 5 is the mean of five pixels in a row. A polygon
    is filled in an array whose pixel n // 2 along each axis is the point; where it lies elsewhere, the image moves.
    The mean is kept. Where the kernel has more than 256 pixels, boxes agree with the whole to 1e-6 of the values.

    Parameters
    ----------
    length
        Length of the straight path in pixels; up to 1, nothing is blurred.
    angle
        Direction of the straight path, counter-clockwise as displayed.
    polygon
        Corners (row, column) of the outline of what a point becomes, in place of a straight path.
    polygon_size
        Rows and columns of the array that the polygon is filled in.
    mode
        What lies beyond the edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".

    Raises
    ------
    ValueError
        If the polygon has fewer than three corners, leaves its array or fills no pixel.

    References
    ----------
    .. [1] R. C. Gonzalez and R. E. Woods, "Digital Image Processing", 4th ed. (2018), section 5.6.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> point = np.zeros((3, 5), np.uint8)
    >>> point[1, 2] = 90
    >>> apply(point, "blur_motion", length=3)
    array([[ 0,  0,  0,  0,  0],
           [ 0, 30, 30, 30,  0],
           [ 0,  0,  0,  0,  0]], dtype=uint8)
    """
    return convolved(image, info, _path(length, angle, polygon, polygon_size), mode, cval)


def _own_reach(kernel: t.Array, shape: tuple[int, ...], mode: str) -> Reach:
    if kernel.ndim != len(shape):
        raise ValueError(f"kernel: an array of {len(shape)} axes, not of shape {kernel.shape}")
    if not kernel.any():
        raise ValueError("kernel: at least one number other than 0")
    check_kernel_size("kernel", "x".join(map(str, kernel.shape)), kernel.shape)
    return kernel_reach(kernel, mode)


@operation("Convolve", values="float", reach=_own_reach)
def convolve(
    image: t.Image, kernel: t.WholeImage, /, *, mode: t.Edge = "nearest", cval: t.Fill = 0.0, info: BlockInfo
) -> t.Image:
    """Convolve with another image as the kernel.

    The kernel is taken as it is, its sum too: every point becomes the kernel, times the point's value. Its pixel
    n // 2 along each axis comes to lie on the point, for odd and even n. Kernels that are products of one factor an
    axis are applied axis by axis, those of up to 256 pixels other than 0 pixel by pixel, all others through Fourier
    transforms; boxes then agree with the whole to 1e-6 of the values, times the sum of the kernel's absolute values.

    Parameters
    ----------
    mode
        What lies beyond the edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".

    Raises
    ------
    ValueError
        If the kernel has another number of axes than the image's items, holds only zeros or a number that is not
        finite, or has more than 2,097,152 pixels.

    References
    ----------
    .. [1] R. C. Gonzalez and R. E. Woods, "Digital Image Processing", 4th ed. (2018), section 3.4.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> kernel = np.array([[1, 2, 3]])
    >>> apply(np.array([[0, 0, 10, 0, 0]], dtype=np.uint8), "convolve", kernel)
    array([[ 0, 10, 20, 30,  0]], dtype=uint8)
    """
    return convolved(image, info, kernel, mode, cval)
