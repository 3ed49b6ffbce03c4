"""Geometric transformations; each returns the map through which the engine samples the image."""

import numpy as np

from ..contract import types as t
from ..contract.reach import Gather
from ..contract.warp import warp
from ..methods.maps import Separable, Swirl, resize_map
from ..methods.plane_matrices import (
    about,
    affine_matrix,
    displayed,
    projective,
    rotated_canvas,
    rotation_matrix,
    shift,
)

__all__ = ["affine", "crop", "homography", "rescale", "resize", "rotate", "swirl"]

Shape = tuple[int, ...]


def _check_crop(shape: Shape, start: tuple[int, ...], stop: tuple[int, ...]) -> None:
    for axis, (a, b, n) in enumerate(zip(start, stop, shape, strict=True)):
        if b > n:
            raise ValueError(f"stop={stop}: must be at most {n} on axis {axis} of an image of shape {shape}")
        if a >= b:
            raise ValueError(f"start={start}: must be below stop={stop} on axis {axis}")


@warp("Crop", dimensions="all", check=_check_crop, keywords="cut, trim, roi, region, subset")
def crop(shape: Shape, /, *, start: t.Starts = "auto", stop: t.Stops = "auto") -> Gather:
    """Crop the image to a box.

    The pixels of the box keep their values, their type and their position in world coordinates.

    Parameters
    ----------
    start
        Index of the first pixel of the box along each axis; 0 by default.
    stop
        Index after the last pixel of the box along each axis; the number of pixels by default.

    Raises
    ------
    ValueError
        If `stop` lies outside of the image or `start` is not below `stop`.

    References
    ----------
    .. [1] W. Burger and M. J. Burge, "Principles of Digital Image Processing: Fundamental Techniques" (2009).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.arange(16).reshape(4, 4), "crop", start=(1, 2), stop=(3, 4))
    array([[ 6,  7],
           [10, 11]])
    """
    first = t.gone(start)
    size = tuple(b - a for a, b in zip(first, t.gone(stop), strict=True))
    return Gather(size, Separable((1.0,) * len(size), tuple(map(float, first))), shift(first), order=0, mode="nearest")


@warp(
    "Rescale", dimensions=(2, 3),
    keywords="zoom, scale, enlarge, shrink, isotropic, cubes, cubic, voxel size, downsample, upsample, bin",
)  # fmt: skip
def rescale(
    shape: Shape, /, *, scale: t.Factors = 1.0, order: t.Order = 1, mode: t.Edge = "mirror", cval: t.Fill = 0.0,
    anti_aliasing: t.Smoothing = True,
) -> Gather:  # fmt: skip
    """Rescale the image: multiply its number of pixels by a factor along each axis.

    The result covers exactly the same area as the image, so that its pixels are smaller by the factor. Values keep
    their meaning; interpolated integers are rounded to the nearest integer. A missing pixel (NaN) makes all pixels
    missing that are interpolated from it.

    Parameters
    ----------
    scale
        Factor for the number of pixels, which is then rounded: one value for all axes, or one for each.
    order
        Interpolation: 0 nearest neighbor, 1 linear, 3 cubic (Keys, a = -0.5).
    mode
        How the image continues beyond its edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".
    anti_aliasing
        Smooth axes that shrink with a Gaussian of standard deviation (1 / scale - 1) / 2 pixels before sampling, so
        that fine patterns do not turn into coarse ones (moiré). Not used with order 0.

    References
    ----------
    .. [1] R. Keys, "Cubic convolution interpolation for digital image processing", IEEE Trans. ASSP 29 (1981).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[0.0, 3.0]]), "rescale", scale=(1, 3), mode="nearest")
    array([[0., 0., 1., 2., 3., 3.]])
    """
    size = tuple(max(int(np.round(n * s)), 1) for n, s in zip(shape, t.gone(scale), strict=True))
    return resize_map(shape, size, order, mode, cval, anti_aliasing)


@warp("Resize", dimensions=(2, 3), keywords="size, enlarge, shrink, pixels, downsample, upsample, resample")
def resize(
    shape: Shape, /, *, output_shape: t.Shape = "auto", order: t.Order = 1, mode: t.Edge = "mirror",
    cval: t.Fill = 0.0, anti_aliasing: t.Smoothing = True,
) -> Gather:  # fmt: skip
    """Resize the image to a given number of pixels.

    The result covers exactly the same area as the image. Values keep their meaning; interpolated integers are rounded
    to the nearest integer. A missing pixel (NaN) makes all pixels missing that are interpolated from it.

    Parameters
    ----------
    output_shape
        Number of pixels: one value for all axes, or one for each; that of the image by default.
    order
        Interpolation: 0 nearest neighbor, 1 linear, 3 cubic (Keys, a = -0.5).
    mode
        How the image continues beyond its edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".
    anti_aliasing
        Smooth axes that shrink by a factor f with a Gaussian of standard deviation (f - 1) / 2 pixels before sampling.
        Not used with order 0.

    References
    ----------
    .. [1] R. Keys, "Cubic convolution interpolation for digital image processing", IEEE Trans. ASSP 29 (1981).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.eye(2, dtype=np.uint8), "resize", output_shape=4, order=0)
    array([[1, 1, 0, 0],
           [1, 1, 0, 0],
           [0, 0, 1, 1],
           [0, 0, 1, 1]], dtype=uint8)
    """
    return resize_map(shape, t.gone(output_shape), order, mode, cval, anti_aliasing)


def _check_pixel_size(pixel_size: tuple[float, float]) -> None:
    if 0 in pixel_size:
        raise ValueError(f"pixel_size={pixel_size}: must not be zero")


@warp("Rotate", check=_check_pixel_size, rigid=True, keywords="turn, angle, tilt, straighten")
def rotate(
    shape: Shape, /, *, angle: t.Degrees = 0.0, center: t.Center = "auto", resize: t.GrowCanvas = False,
    pixel_size: t.PixelSize = (1.0, 1.0), order: t.Order = 1, mode: t.Edge = "constant", cval: t.Fill = 0.0,
) -> Gather:  # fmt: skip
    """Rotate the image counter-clockwise about a fixed point.

    The fixed point keeps its position in world coordinates, and pixels keep their size. Multiples of 90 degrees are
    exact where the pixels of the result fall onto those of the image. Interpolated integers are rounded to the nearest
    integer. A missing pixel (NaN) makes all pixels missing that are interpolated from it.

    Parameters
    ----------
    angle
        Angle in degrees, counter-clockwise as displayed.
    center
        Fixed point (row, column) in pixels; the middle of the image by default.
    resize
        Enlarge the canvas so that it contains the whole rotated image.
    pixel_size
        Size of a pixel (rows, columns) in any unit; negative along an axis that is displayed mirrored. Docks take it
        from the layer, so that the content turns as displayed.
    order
        Interpolation: 0 nearest neighbor, 1 linear, 3 cubic (Keys, a = -0.5).
    mode
        How the image continues beyond its edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".

    References
    ----------
    .. [1] R. C. Gonzalez and R. E. Woods, "Digital Image Processing", 4th ed. (2018), section 2.6.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[1, 2], [3, 4]]), "rotate", angle=90.0)
    array([[2, 4],
           [1, 3]])
    """
    rotation = about(displayed(rotation_matrix(angle), pixel_size), t.gone(center))
    size, origin = rotated_canvas(rotation, shape) if resize else (shape, np.zeros(2))
    return Gather(size, projective(rotation @ shift(origin)), shift(origin), order, mode, cval)


@warp("Swirl", check=_check_pixel_size, rigid=True, keywords="twist, vortex, whirl")
def swirl(
    shape: Shape, /, *, center: t.Center = "auto", strength: t.Radians = 1.0, radius: t.Radius = 100.0,
    rotation: t.Degrees = 0.0, pixel_size: t.PixelSize = (1.0, 1.0), order: t.Order = 1, mode: t.Edge = "mirror",
    cval: t.Fill = 0.0,
) -> Gather:  # fmt: skip
    """Swirl the image: rotate it about a point by an angle that decreases with the distance.

    A pixel at the distance d is rotated by ``rotation + strength * exp(-5 d / (radius * log(2)))``, as in scikit-image:
    less than a thousandth of `strength` remains at `radius`. The shape and the pixel grid of the image are kept.
    Interpolated integers are rounded to the nearest integer. A missing pixel (NaN) makes all pixels missing that are
    interpolated from it.

    Parameters
    ----------
    center
        Fixed point (row, column) in pixels; the middle of the image by default.
    strength
        Angle at the center in radians, counter-clockwise as displayed.
    radius
        Distance in pixels beyond which the swirl is negligible; in sides of a square of the same area, if the pixels
        are not square.
    rotation
        Rotation of the whole image in degrees, counter-clockwise as displayed.
    pixel_size
        Size of a pixel (rows, columns) in any unit; negative along an axis that is displayed mirrored. Docks take it
        from the layer, so that the content turns as displayed.
    order
        Interpolation: 0 nearest neighbor, 1 linear, 3 cubic (Keys, a = -0.5).
    mode
        How the image continues beyond its edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".

    References
    ----------
    .. [1] S. van der Walt et al., "scikit-image: image processing in Python", PeerJ 2 (2014) e453.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[1, 2], [3, 4]]), "swirl", strength=0.0, rotation=90.0)
    array([[2, 4],
           [1, 3]])
    """
    decay = 5 / (radius * float(np.log(2)))
    side = abs(pixel_size[0] * pixel_size[1]) ** 0.5
    sides = pixel_size[0] / side, pixel_size[1] / side
    source = Swirl(t.gone(center), strength, decay, float(np.deg2rad(rotation)), sides)
    return Gather(shape, source, np.eye(3), order, mode, cval)


def _check_affine(scale: tuple[float, float], shear: tuple[float, float], pixel_size: tuple[float, float]) -> None:
    _check_pixel_size(pixel_size)
    if scale[0] * scale[1] < 1e-12:
        raise ValueError(f"scale={scale}: must have a product of at least 1e-12")
    if abs(np.linalg.det(affine_matrix((1.0, 1.0), 0.0, shear))) < 1e-12:
        raise ValueError(f"shear={shear}: must not collapse the plane onto a line")


@warp(
    "Affine", check=_check_affine, rigid=True,
    keywords="shear, skew, scale, translate, shift, rotate, transform, matrix",
)  # fmt: skip
def affine(
    shape: Shape, /, *, scale: t.PlaneScale = (1.0, 1.0), rotation: t.Degrees = 0.0, shear: t.PlaneShear = (0.0, 0.0),
    translation: t.Point = (0.0, 0.0), center: t.AffineCenter = "auto", inverse: bool = False,
    pixel_size: t.PixelSize = (1.0, 1.0), order: t.Order = 1, mode: t.Edge = "constant", cval: t.Fill = 0.0,
) -> Gather:  # fmt: skip
    """Scale, shear, rotate and translate the image (affine transformation).

    The shape and the pixel grid of the image are kept: content that moves beyond the edges is lost. Interpolated
    integers are rounded to the nearest integer. A missing pixel (NaN) makes all pixels missing that are interpolated
    from it.

    Parameters
    ----------
    scale
        Factors (rows, columns) by which the content grows.
    rotation
        Angle in degrees by which the content rotates, counter-clockwise as displayed.
    shear
        Angles in degrees by which the row axis and the column axis are inclined.
    translation
        Shift (rows, columns) in pixels, applied last.
    center
        Fixed point (row, column), in pixels, of scale, shear and rotation; the middle of the image by default, the
        first pixel with `inverse`.
    inverse
        Use the parameters as the map from the result to the image, like an AffineTransform passed to scikit-image's
        `warp`: the content shrinks by `scale` and moves against `translation`.
    pixel_size
        Size of a pixel (rows, columns) in any unit; negative along an axis that is displayed mirrored. Docks take it
        from the layer, so that the content turns as displayed.
    order
        Interpolation: 0 nearest neighbor, 1 linear, 3 cubic (Keys, a = -0.5).
    mode
        How the image continues beyond its edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".

    Raises
    ------
    ValueError
        If scale or shear collapses the plane onto a line or a point.

    References
    ----------
    .. [1] R. Hartley and A. Zisserman, "Multiple View Geometry in Computer Vision", 2nd ed. (2004), section 2.4.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[1, 2], [3, 4]]), "affine", translation=(0, 1))
    array([[0, 1],
           [0, 3]])
    """
    angle = rotation if inverse else -rotation
    linear = displayed(affine_matrix(scale, angle, shear), pixel_size)
    matrix = shift(translation) @ about(linear, t.gone(center))
    return Gather(shape, projective(matrix if inverse else np.linalg.inv(matrix)), np.eye(3), order, mode, cval)


def _check_homography(matrix: tuple[tuple[float, ...], ...]) -> None:
    m = np.array(matrix)
    if abs(np.linalg.det(m / (np.abs(m).max() or 1.0))) < 1e-15:
        raise ValueError(f"matrix={matrix}: must be invertible")


@warp("Homography", check=_check_homography, keywords="projective, perspective, warp, matrix, transform")
def homography(
    shape: Shape, /, *, matrix: t.Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), inverse: bool = False,
    order: t.Order = 1, mode: t.Edge = "constant", cval: t.Fill = 0.0,
) -> Gather:  # fmt: skip
    """Warp the image with a homography, a projective transformation given by a 3 x 3 matrix.

    The shape and the pixel grid of the image are kept: content that moves beyond the edges is lost. Interpolated
    integers are rounded to the nearest integer. A missing pixel (NaN) makes all pixels missing that are interpolated
    from it.

    Parameters
    ----------
    matrix
        3 x 3 matrix from the image to the result, acting on (x, y, 1) in pixels: x is the column, y the row.
    inverse
        Use the matrix as the map from the result to the image, as scikit-image's `warp` does.
    order
        Interpolation: 0 nearest neighbor, 1 linear, 3 cubic (Keys, a = -0.5).
    mode
        How the image continues beyond its edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".

    Raises
    ------
    ValueError
        If the matrix has no inverse.

    References
    ----------
    .. [1] R. Hartley and A. Zisserman, "Multiple View Geometry in Computer Vision", 2nd ed. (2004), section 2.3.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[1, 2], [3, 4]]), "homography", matrix=[[1, 0, 1], [0, 1, 0], [0, 0, 1]])
    array([[0, 1],
           [0, 3]])
    """
    m = np.array(matrix, float)[[1, 0, 2]][:, [1, 0, 2]]
    return Gather(shape, projective(m if inverse else np.linalg.inv(m)), np.eye(3), order, mode, cval)
