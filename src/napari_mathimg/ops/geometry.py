"""Changes of an image's domain: each is its map, read by one sampler."""

import numpy as np

from ..contract import types as t
from ..contract.reach import Gather
from ..contract.warp import warp
from ..methods.maps import Separable, Swirl
from ..methods.plane_matrices import about, affine_matrix, projective, shift, turning

__all__ = ["affine", "crop", "homography", "rescale", "resize", "rotate", "swirl"]

Shape = tuple[int, ...]


def _check_crop(shape: Shape, start: tuple[int, ...], stop: tuple[int, ...]) -> None:
    for axis, (a, b, n) in enumerate(zip(start, stop, shape, strict=True)):
        if b > n:
            raise ValueError(f"stop={stop}: at most {n} on axis {axis} of an image of shape {shape}")
        if a >= b:
            raise ValueError(f"start={start}: less than stop={stop} on axis {axis}")


@warp("Crop", dimensions="all", check=_check_crop)
def crop(shape: Shape, /, *, start: t.Starts = "auto", stop: t.Stops = "auto") -> Gather:
    """Cut a box out of an image.

    The pixels and their type are kept, and so is their place in the world.

    Parameters
    ----------
    start
        First index kept on each axis.
    stop
        Index after the last one kept on each axis.

    Raises
    ------
    ValueError
        If `stop` lies outside the image or `start` is not below `stop`.

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


@warp("Rescale", dimensions=(2, 3))
def rescale(
    shape: Shape, /, *, scale: t.Factors = 1.0, order: t.Order = 1, mode: t.Edge = "mirror", cval: t.Fill = 0.0,
    anti_aliasing: t.Smoothing = True,
) -> Gather:  # fmt: skip
    """Change the number of pixels by a factor.

    The result covers the source exactly, so that its pixels are `scale` times smaller. Values are kept.

    Parameters
    ----------
    scale
        Factor by which the number of pixels grows along each axis; the number is rounded.
    order
        Interpolation: 0 nearest pixel, 1 linear, 3 cubic (Keys, a = -0.5).
    mode
        What lies beyond the edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".
    anti_aliasing
        Smooth by a Gaussian of (1 / scale - 1) / 2 pixels along axes that shrink, so that fine patterns do not
        turn into coarse ones. Never with order 0.

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
    return _resized(shape, size, order, mode, cval, anti_aliasing)


@warp("Resize", dimensions=(2, 3))
def resize(
    shape: Shape, /, *, output_shape: t.Shape = "auto", order: t.Order = 1, mode: t.Edge = "mirror",
    cval: t.Fill = 0.0, anti_aliasing: t.Smoothing = True,
) -> Gather:  # fmt: skip
    """Change the number of pixels to a given one.

    The result covers the source exactly. Values are kept.

    Parameters
    ----------
    output_shape
        Number of pixels along each axis.
    order
        Interpolation: 0 nearest pixel, 1 linear, 3 cubic (Keys, a = -0.5).
    mode
        What lies beyond the edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".
    anti_aliasing
        Smooth by a Gaussian of (factor - 1) / 2 pixels along axes that shrink by a factor. Never with order 0.

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
    return _resized(shape, t.gone(output_shape), order, mode, cval, anti_aliasing)


@warp("Rotate", rigid=True)
def rotate(
    shape: Shape, /, *, angle: t.Degrees = 0.0, center: t.Center = "auto", resize: t.GrowCanvas = False,
    order: t.Order = 1, mode: t.Edge = "constant", cval: t.Fill = 0.0,
) -> Gather:  # fmt: skip
    """Turn the image counter-clockwise about a point that keeps its place.

    Parameters
    ----------
    angle
        Angle in degrees, counter-clockwise as displayed.
    center
        Fixed point (row, column) in pixels; the middle of the image by default.
    resize
        Grow the canvas so that the whole image stays visible.
    order
        Interpolation: 0 nearest pixel, 1 linear, 3 cubic (Keys, a = -0.5).
    mode
        What lies beyond the edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[1, 2], [3, 4]]), "rotate", angle=90.0)
    array([[2, 4],
           [1, 3]])
    """
    out, low = shape, np.zeros(2)
    turn = about(turning(angle), t.gone(center))
    if resize:
        ends = np.array([(r, c, 1.0) for r in (0, shape[0] - 1) for c in (0, shape[1] - 1)])
        moved = (ends @ np.linalg.inv(turn).T)[:, :2]
        low = moved.min(axis=0)
        out = tuple(int(n) for n in np.around(np.round(np.ptp(moved, axis=0), 9) + 1))
    return Gather(out, projective(turn @ shift(low)), shift(low), order, mode, cval)


@warp("Swirl")
def swirl(
    shape: Shape, /, *, center: t.Center = "auto", strength: t.Radians = 1.0, radius: t.Radius = 100.0,
    rotation: t.Degrees = 0.0, order: t.Order = 1, mode: t.Edge = "mirror", cval: t.Fill = 0.0,
) -> Gather:  # fmt: skip
    """Turn the image about a point, the less the farther away.

    A pixel at a distance d turns by ``rotation + strength * exp(-5 d / (radius * log(2)))``, as in scikit-image:
    less than a thousandth of `strength` is left at `radius`.

    Parameters
    ----------
    center
        Fixed point (row, column) in pixels; the middle of the image by default.
    strength
        Turn at the center in radians, counter-clockwise as displayed.
    radius
        Distance in pixels at which the turn has died out.
    rotation
        Turn of the whole image in degrees, counter-clockwise as displayed.
    order
        Interpolation: 0 nearest pixel, 1 linear, 3 cubic (Keys, a = -0.5).
    mode
        What lies beyond the edges, in scipy.ndimage's terms.
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
    return Gather(
        shape,
        Swirl(t.gone(center), strength, decay, float(np.deg2rad(rotation))),
        np.eye(3),
        order,
        mode,
        cval,
    )


def _check_affine(scale: tuple[float, float], shear: tuple[float, float]) -> None:
    if scale[0] * scale[1] < 1e-12:
        raise ValueError(f"scale={scale}: factors whose product is at least 1e-12")
    if abs(np.linalg.det(affine_matrix((1.0, 1.0), 0.0, shear))) < 1e-12:
        raise ValueError(f"shear={shear}: two shears that do not fold the plane onto a line")


@warp("Affine", check=_check_affine)
def affine(
    shape: Shape, /, *, scale: t.PlaneScale = (1.0, 1.0), rotation: t.Degrees = 0.0, shear: t.PlaneShear = (0.0, 0.0),
    translation: t.Point = (0.0, 0.0), center: t.AffineCenter = "auto", inverse: bool = False, order: t.Order = 1,
    mode: t.Edge = "constant", cval: t.Fill = 0.0,
) -> Gather:  # fmt: skip
    """Scale, shear, turn and shift the image on its own grid.

    Parameters
    ----------
    scale
        Factors by which the content grows along rows and columns.
    rotation
        Angle in degrees by which the content turns, counter-clockwise as displayed.
    shear
        Angles in degrees by which the row and the column axis lean.
    translation
        Shift (rows, columns) in pixels, the last step.
    center
        Point (row, column) that scale, shear and rotation keep in place; the middle of the image by default,
        the first pixel with `inverse`.
    inverse
        Take the parameters as the map from the result to the input, scikit-image's AffineTransform given to
        its `warp`: the content then shrinks by `scale` and moves against `translation`.
    order
        Interpolation: 0 nearest pixel, 1 linear, 3 cubic (Keys, a = -0.5).
    mode
        What lies beyond the edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".

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
    turn = rotation if inverse else -rotation
    matrix = shift(translation) @ about(affine_matrix(scale, turn, shear), t.gone(center))
    return Gather(shape, projective(matrix if inverse else np.linalg.inv(matrix)), np.eye(3), order, mode, cval)


def _check_homography(matrix: tuple[tuple[float, ...], ...]) -> None:
    m = np.array(matrix)
    if abs(np.linalg.det(m / (np.abs(m).max() or 1.0))) < 1e-15:
        raise ValueError(f"matrix={matrix}: an invertible matrix")


@warp("Homography", check=_check_homography)
def homography(
    shape: Shape, /, *, matrix: t.Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), inverse: bool = False,
    order: t.Order = 1, mode: t.Edge = "constant", cval: t.Fill = 0.0,
) -> Gather:  # fmt: skip
    """Map the image by a projective transformation on its own grid.

    Parameters
    ----------
    matrix
        3 x 3 matrix on (x, y, 1), x the column and y the row, from the input to the result.
    inverse
        Take the matrix as the map from the result to the input, as scikit-image's `warp` does.
    order
        Interpolation: 0 nearest pixel, 1 linear, 3 cubic (Keys, a = -0.5).
    mode
        What lies beyond the edges, in scipy.ndimage's terms.
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


def _resized(shape: Shape, size: Shape, order: int, mode: str, cval: float, anti_aliasing: bool) -> Gather:
    """Edges on edges: result pixel r is read at ``factor * (r + 0.5) - 0.5``."""
    factor = tuple(n / m for n, m in zip(shape, size, strict=True))
    offset = tuple((f - 1) / 2 for f in factor)
    placement = np.diag([*factor, 1.0])
    placement[:-1, -1] = offset
    smooth = tuple(max(0.0, o) for o in offset) if anti_aliasing and order else ()
    return Gather(size, Separable(factor, offset), placement, order, mode, cval, smooth)
