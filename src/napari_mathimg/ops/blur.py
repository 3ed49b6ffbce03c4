"""Blur with a box, a disk, a path or any kernel."""

from typing import Literal

from ..contract import types as t
from ..contract.operation import BlockInfo, operation
from ..contract.reach import Reach
from ..methods.blur_kernels import Vertices, disk_margin, kept_disk, motion_kernel, path_in_pixels
from ..methods.convolution import average_boxes, check_kernel_size, checked_kernel_reach, convolve_block, kernel_reach
from ..methods.holes import Mask
from ..methods.padding import window_reach
from ..methods.quadrilateral import SQUARE, Frame
from .denoise import gaussian

__all__ = ["blur_box", "blur_defocus", "blur_motion", "convolve", "gaussian"]


def _box_reach(size: tuple[int, ...], mode: str) -> Reach:
    return window_reach(tuple(n // 2 for n in size), mode)


@operation(
    "Box blur", values="float", reach=_box_reach, proportional=True, keywords="mean filter, average, uniform, smooth"
)
def blur_box(
    image: t.Image, /, *, size: t.BoxSizes = 5, mode: t.Edge = "nearest", cval: t.Fill = 0.0, info: BlockInfo,
    valid: Mask | None,
) -> t.Image:  # fmt: skip
    """Blur with a box filter: replace each pixel by the mean of a box around it.

    This is the convolution with a box whose center is its pixel with index ``size // 2``: a box of even size reaches
    one pixel farther toward the end of the axis. The mean of the image is kept, except near its edges. Means of
    integers are exact before they are rounded to the nearest integer. Missing pixels (NaN or infinite) stay missing and
    are left out of the means of others.

    Parameters
    ----------
    size
        Side of the box in pixels: one value for all axes, or one for each.
    mode
        How the image continues beyond its edges, in scipy.ndimage's terms.
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
    return average_boxes(image, info, t.gone(size), mode, cval, valid)


def _disk_reach(radius: tuple[float, ...], mode: str) -> Reach:
    return kernel_reach(kept_disk(radius), mode)


def _check_disk(radius: tuple[float, ...]) -> None:
    check_kernel_size("radius", radius, tuple(2 * disk_margin(r) + 1 for r in radius))


@operation(
    "Defocus", values="float", reach=_disk_reach, check=_check_disk, proportional=True,
    keywords="out of focus, disk, bokeh, blur",
)  # fmt: skip
def blur_defocus(
    image: t.Image, /, *, radius: t.Radii = 3.0, mode: t.Edge = "nearest", cval: t.Fill = 0.0, info: BlockInfo,
    valid: Mask | None, level: float,
) -> t.Image:  # fmt: skip
    """Blur like a defocused lens, which spreads every point into a disk.

    The weight of a pixel is the fraction of it that lies inside the disk, or in a volume inside the ellipsoid, so that
    the blur grows smoothly with the radius. A radius of at most half a pixel does not blur along its axis. The mean of
    the image is kept, except near its edges. Results for integers are rounded to the nearest integer. Missing pixels
    (NaN or infinite) stay missing and have no weight in the means of others. For radii above about 9 pixels, parts of
    the image computed alone agree with the whole to 1e-6 of the values.

    Parameters
    ----------
    radius
        Radius of the disk in pixels: one value for all axes, or one for each.
    mode
        How the image continues beyond its edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".

    Raises
    ------
    ValueError
        If the kernel has more than 2,097,152 pixels.

    References
    ----------
    .. [1] M. Subbarao and G. Surya, "Depth from defocus: a spatial domain approach", International Journal of Computer
           Vision 13 (1994): the circle of confusion of geometric optics.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[0, 0, 100, 0, 0]], dtype=np.uint8), "blur_defocus", radius=(0, 1))
    array([[ 0, 25, 50, 25,  0]], dtype=uint8)
    """
    return convolve_block(image, info, kept_disk(t.gone(radius)), mode, cval, valid, level)


def _check_motion(polygon: str | Vertices, polygon_size: tuple[int, int], frame: Frame) -> None:
    path_in_pixels(0.0, 0.0, frame)
    motion_kernel(0.0, 0.0, polygon, polygon_size, frame)


def _motion_reach(
    length: float, angle: float, polygon: str | Vertices, polygon_size: tuple[int, int], frame: Frame,
    mode: str,
) -> Reach:  # fmt: skip
    return kernel_reach(motion_kernel(length, angle, polygon, polygon_size, frame), mode)


@operation(
    "Motion blur", values="float", reach=_motion_reach, dimensions=(2,), check=_check_motion, proportional=True,
    keywords="shake, camera shake, drift, smear",
)  # fmt: skip
def blur_motion(
    image: t.Image, /, *, length: t.PathLength = 15.0, angle: t.PathAngle = 0.0, polygon: t.Outline = "none",
    polygon_size: t.OutlineSize = (32, 32), frame: t.Directions = SQUARE, mode: t.Edge = "nearest",
    cval: t.Fill = 0.0, info: BlockInfo, valid: Mask | None, level: float,
) -> t.Image:  # fmt: skip
    """Blur like a moving camera or specimen, which spreads every point along a path.

    A straight path is centered on the point: with an angle of 0 and a length of 5, each pixel becomes the mean of five
    pixels in a row. Instead of a path, a point may become a filled polygon. It is drawn in an array whose pixel with
    index n // 2 along each axis is the point; a polygon that lies elsewhere in the array shifts the image. The mean of
    the image is kept, except near its edges. Results for integers are rounded to the nearest integer. Missing pixels
    (NaN or infinite) stay missing and have no weight in the means of others. For kernels of more than 256 pixels, parts
    of the image computed alone agree with the whole to 1e-6 of the values.

    Parameters
    ----------
    length
        Length of the straight path in pixels; up to 1, nothing is blurred. In sides of a square of the same area, if
        the pixels are not square.
    angle
        Direction of the straight path in degrees, counter-clockwise as displayed.
    polygon
        Vertices (row, column), in pixels, of the polygon that a point becomes instead of a straight path.
    polygon_size
        Rows and columns of the array in which the polygon is drawn.
    frame
        World directions (down, right) of one step along the rows and of one along the columns. Docks take them from
        the layer, so that the path has its angle as displayed.
    mode
        How the image continues beyond its edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".

    Raises
    ------
    ValueError
        If the polygon has fewer than three vertices, leaves its array or fills no pixel.

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
    kernel = motion_kernel(length, angle, polygon, polygon_size, frame)
    return convolve_block(image, info, kernel, mode, cval, valid, level)


def _type_of_convolved(kernel: t.Array) -> Literal["same", "float32"]:
    return "float32" if (kernel < 0).any() else "same"


@operation(
    "Convolve", values="float", reach=checked_kernel_reach, dtype=_type_of_convolved, proportional=True,
    keywords="kernel, filter, convolution, correlate, custom filter",
)  # fmt: skip
def convolve(
    image: t.Image, kernel: t.WholeImage, /, *, mode: t.Edge = "nearest", cval: t.Fill = 0.0, info: BlockInfo,
    valid: Mask | None, level: float,
) -> t.Image:  # fmt: skip
    """Convolve the image with another image as the kernel.

    Every point becomes the kernel, multiplied by the value of the point. The kernel is not normalized: its sum scales
    the mean of the image. The center of the kernel is its pixel with index n // 2 along each axis, for odd and even n.
    Results for integers are rounded to the nearest integer; for a kernel with negative weights, such as that of a
    derivative, they are float32. Missing pixels (NaN or infinite) stay missing; they have no weight, and the other
    pixels under the kernel share theirs. Under a kernel with negative weights they count as the mean of their
    neighbors.

    Separable kernels are applied axis by axis, kernels of at most 256 nonzero pixels pixel by pixel, and all others by
    Fourier transforms. Then parts of the image computed alone agree with the whole to 1e-6 of the values, times the
    sum of the absolute values of the kernel.

    Parameters
    ----------
    mode
        How the image continues beyond its edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".

    Raises
    ------
    ValueError
        If the kernel does not have as many axes as the planes or volumes of the image, contains only zeros or a number
        that is not finite, or has more than 2,097,152 pixels.

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
    return convolve_block(image, info, kernel, mode, cval, valid, level)
