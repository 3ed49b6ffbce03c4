"""A plane seen at an angle, brought back to what it looks like from the front."""

from typing import Annotated, Any, Literal

import numpy as np

from ..contract import types as t
from ..contract.reach import Gather
from ..contract.warp import warp
from ..methods.homography_fit import fitted, mapped
from ..methods.plane_matrices import Matrix, projective, shift
from ..methods.quadrilateral import (
    SQUARE,
    Corners,
    Frame,
    check_corners,
    fault,
    ordered,
    pixel_size,
    rectangle_to,
    sides,
)

__all__ = ["rectify"]

Shape = tuple[int, ...]


def _rows(shape: Shape, corners: Any, targets: Any, size: Any, aspect: str, frame: Frame, turn: int) -> int:
    return _size(shape, corners, targets, size, aspect, frame, turn)[0]


def _columns(shape: Shape, corners: Any, targets: Any, size: Any, aspect: str, frame: Frame, turn: int) -> int:
    return _size(shape, corners, targets, size, aspect, frame, turn)[1]


def _has_size(width: Any, height: Any, size: Any) -> bool:
    """Whether the rectangle's sides are given; asked before those that are not are found."""
    return size != "source" or "auto" not in (width, height)


def _size(shape: Shape, corners: Any, targets: Any, size: Any, aspect: str, frame: Frame, turn: int) -> tuple[int, int]:
    """Rows and columns of a rectangle of which neither was given."""
    if targets != "rectangle":
        rows, columns = (max(round(max(p[k] for p in targets)), 1) for k in (0, 1))
        return rows, columns
    _check_four(shape, corners)
    return sides(corners, turn, frame, None if size == "source" else size, aspect, shape)


Width = Annotated[Literal["auto"] | t.Size, t.Auto(_columns)]
MatchLonger = Annotated[Literal["auto"] | bool, t.Label("longer to longer"), t.Auto(_has_size)]
Height = Annotated[Literal["auto"] | t.Size, t.Auto(_rows)]


def _check_rectify(
    shape: Shape, corners: Corners, targets: Any, match_longer: bool, width: int, height: int, size: Any, frame: Frame,
    turn: int, canvas: Any,
) -> None:  # fmt: skip
    if targets == "rectangle":
        _check_four(shape, corners)
    else:
        if len(targets) != len(corners):
            raise ValueError(f"targets={targets}: as many as corners ({len(corners)})")
        if turn:
            raise ValueError(f"turn={turn}: 0 where targets say where the corners go")
    if abs(np.linalg.det(frame)) < 1e-9 * max(max(map(abs, step)) for step in frame) ** 2:
        raise ValueError(f"frame={frame}: two directions that are not parallel")
    if targets != "rectangle":
        to_image = rectangle_map(corners, targets, match_longer, width, height, size, frame, turn)
        ends = ((0.0, 0.0), (0.0, width), (height, width), (height, 0.0))
        ahead = np.column_stack([ends, np.ones(4)]) @ to_image[2]
        seen = tuple((float(r), float(c)) for r, c in mapped(to_image, ends)) if ahead.all() else ()
        if ahead.min() * ahead.max() <= 0 or fault(seen):
            raise ValueError(f"targets={targets}: places that a view from the front can give these corners")
    if isinstance(canvas, tuple) and (canvas[0] < height or canvas[1] < width):
        raise ValueError(f"canvas={canvas}: at least the rectangle's {height} rows and {width} columns")


def _check_four(shape: Shape, corners: Corners) -> None:
    if len(corners) != 4:
        raise ValueError(f"corners={corners}: four, or with targets for each")
    if corners != t.outer_corners(shape):
        check_corners(corners)


def rectangle_map(
    corners: Corners, targets: Any, match_longer: bool, width: int, height: int, size: Any, frame: Frame, turn: int
) -> Matrix:
    """Return the homography, on (row, column, 1), to the image from the rectangle.

    Its coordinates are pixels of the result, measured from the rectangle's upper left corner.
    """
    if targets != "rectangle":
        try:
            return fitted(targets, corners)
        except ValueError as error:
            raise ValueError(f"targets={targets}: {error}") from None
    high, wide = lengths(width, height, size, frame) if match_longer else (1.0, 1.0)
    return rectangle_to(ordered(corners, wide, high, turn, frame), (0.0, 0.0, float(height), float(width)))


def lengths(width: int, height: int, size: Any, frame: Frame) -> tuple[float, float]:
    """Return the rectangle's height and width in the world."""
    step = pixel_size(frame)
    high, wide = (height * step[0], width * step[1]) if size == "source" else size
    return float(high), float(wide)


@warp("Rectify", check=_check_rectify)
def rectify(
    shape: Shape, /, *, corners: t.Corners = "auto", targets: t.Targets = "rectangle",
    match_longer: MatchLonger = "auto", width: Width = "auto", height: Height = "auto", aspect: t.Aspect = "edges",
    turn: Literal[0, 1, 2, 3] = 0, canvas: t.Canvas = "rectangle", size: t.PhysicalSize = "source",
    frame: t.Frame = SQUARE, order: t.Order = 1, mode: t.Edge = "constant", cval: t.Fill = 0.0,
) -> Gather:  # fmt: skip
    """Map the quadrilateral through four corners to a rectangle.

    The corners may come in any order. They are put in clockwise order; where sides of different lengths are given, the
    longer pair of edges becomes the longer side; of the starts left, the one whose top edge points nearest to +x
    becomes the upper left corner. The result is a new frame, upright and centered where the quadrilateral was.

    Parameters
    ----------
    corners
        Four points (row, column) in pixels; the image's own corners by default. More where `targets` are given.
    targets
        "rectangle": the corners of the rectangle. Or where each corner belongs: (row, column) in pixels of the
        result from the rectangle's upper left corner. The map then has the least sum of squared distances.
    match_longer
        Make the longer pair of edges the longer side; by default where width and height, or a size, are given.
    width
        Width of the rectangle in pixels. By default no resolution is lost; see `aspect`.
    height
        Height of the rectangle in pixels. By default no resolution is lost; see `aspect`.
    aspect
        Proportions where width and height are not given and no physical size is: "edges", those of the mean
        lengths of opposite edges; or "perspective", those of the rectangle that a camera with square pixels sees
        with these corners, the mean lengths where the corners do not tell.
    turn
        Quarter turns by which the rectangle's corners step on, counter-clockwise for the content.
    canvas
        "rectangle": the corners lie on the outer pixel edges of the result. "whole": the same pixels, and as many
        around them as hold the whole image. Or (rows, columns) of a larger result with the rectangle centered in it.
    size
        "source": the result has the source's pixel size. Or what the rectangle measures (down, across) in the
        world, in the unit of `frame`.
    frame
        What a step to the next row and one to the next column are in the world, each as (down, right). Lengths and
        directions are measured there; square pixels by default.
    order
        Interpolation: 0 nearest pixel, 1 linear, 3 cubic (Keys, a = -0.5).
    mode
        What lies beyond the edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".

    Raises
    ------
    ValueError
        If the corners are not those of a convex quadrilateral or nearer than two pixels (the corner to move is named);
        if targets leave the map open; if the canvas is too small, or the horizon keeps any from holding the image.

    References
    ----------
    .. [1] P. S. Heckbert, "Fundamentals of texture mapping and image warping", UCB/CSD 89/516 (1989).
    .. [2] Z. Zhang and L.-W. He, "Whiteboard scanning and image enhancement", Digital Signal Processing 17 (2007).
    .. [3] R. Hartley and A. Zisserman, "Multiple View Geometry in Computer Vision", 2nd ed. (2004), chapter 4.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> board = np.kron(np.eye(2, dtype=int), np.ones((2, 2), int))
    >>> apply(board, "rectify", corners=[(-0.5, -0.5), (3.5, 3.5), (3.5, -0.5), (-0.5, 3.5)], width=2, height=2)
    array([[1, 0],
           [0, 1]])
    """
    rows, columns = t.gone(height), t.gone(width)
    points = t.gone(corners)
    to_image = rectangle_map(points, targets, t.gone(match_longer), columns, rows, size, frame, turn)
    shape_out, origin = _canvas(t.gone(canvas), to_image, rows, columns, shape)
    ends = mapped(to_image, ((0.0, 0.0), (0.0, columns), (rows, columns), (rows, 0.0)))
    down, across = pixel_size(frame) if size == "source" else (size[0] / rows, size[1] / columns)
    placement = np.eye(3)
    placement[:2, :2] = np.linalg.inv(np.array(frame).T) @ np.diag((down, across))
    placement[:2, 2] = ends.mean(axis=0) - placement[:2, :2] @ np.add(origin, (rows / 2, columns / 2))
    return Gather(shape_out, projective(to_image @ shift((-origin[0], -origin[1]))), placement, order, mode, cval)


def _canvas(
    canvas: Any, to_image: Matrix, rows: int, columns: int, shape: Shape
) -> tuple[tuple[int, int], tuple[float, float]]:
    """Return the shape of the result and where the rectangle's upper left corner lies in it."""
    if canvas == "rectangle":
        return (rows, columns), (-0.5, -0.5)
    if canvas != "whole":
        return canvas, ((canvas[0] - rows) / 2, (canvas[1] - columns) / 2)
    to_rectangle = np.linalg.inv(to_image)
    ahead = to_rectangle @ (*mapped(to_image, ((rows / 2, columns / 2),))[0], 1.0)
    ends = np.array([(*corner, 1.0) for corner in t.outer_corners(shape)]) @ to_rectangle.T * np.sign(ahead[2])
    if ends[:, 2].min() <= 1e-9 * np.abs(ends[:, 2]).max():
        raise ValueError("canvas='whole': the horizon of this view lies in the image; nothing can hold all of it")
    reached = np.concatenate([ends[:, :2] / ends[:, 2:], ((0, 0), (rows, columns))])
    low = np.floor(reached.min(axis=0) + 1e-9)
    high = np.ceil(reached.max(axis=0) - 1e-9)
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    return size, (-low[0] - 0.5, -low[1] - 0.5)
