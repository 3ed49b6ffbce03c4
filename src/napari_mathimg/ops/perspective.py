"""Correction of perspective."""

from typing import Annotated, Literal

from ..contract import types as t
from ..contract.reach import Gather
from ..contract.warp import warp
from ..methods.plane_matrices import projective, shift
from ..methods.quadrilateral import SQUARE
from ..methods.rectification import (
    auto_columns,
    auto_rows,
    canvas_of,
    check_rectification,
    has_size,
    rectangle_map,
    world_placement,
)

__all__ = ["rectify"]

Shape = tuple[int, ...]
Width = Annotated[Literal["auto"] | t.Size, t.Auto(auto_columns)]
MatchLonger = Annotated[Literal["auto"] | bool, t.Label("longer to longer"), t.Auto(has_size, sees_auto=True)]
Height = Annotated[Literal["auto"] | t.Size, t.Auto(auto_rows)]


@warp(
    "Rectify", check=check_rectification,
    keywords="straighten, perspective, deskew, keystone, document, corners, flatten",
)  # fmt: skip
def rectify(
    shape: Shape, /, *, corners: t.Corners = "auto", targets: t.Targets = "rectangle",
    match_longer: MatchLonger = "auto", width: Width = "auto", height: Height = "auto", aspect: t.Aspect = "edges",
    turn: Literal[0, 1, 2, 3] = 0, canvas: t.Canvas = "rectangle", size: t.PhysicalSize = "source",
    frame: t.Frame = SQUARE, order: t.Order = 1, mode: t.Edge = "constant", cval: t.Fill = 0.0,
) -> Gather:  # fmt: skip
    """Rectify a plane seen in perspective: map the quadrilateral of four corners to a rectangle.

    The corners may be given in any order. They are sorted clockwise. If two sides of different lengths are given, the
    longer pair of edges becomes the longer side. Of the remaining orders, the one whose top edge points most nearly to
    +x is chosen. The result is a new upright layer, centered on the quadrilateral. Interpolated integers are rounded to
    the nearest integer. A missing pixel (NaN) makes all pixels missing that are interpolated from it.

    Parameters
    ----------
    corners
        Four points (row, column) in pixels; by default the corners of the image. With `targets`, four or more.
    targets
        "rectangle" maps the corners to those of the rectangle. Otherwise the target of each corner: (row, column) in
        pixels of the result, from the rectangle's upper left corner. The map then has the least sum of squared
        distances.
    match_longer
        Map the longer pair of edges to the longer side; by default only if width and height, or a physical size, are
        given.
    width
        Width of the rectangle in pixels; by default the one that loses no resolution, see `aspect`.
    height
        Height of the rectangle in pixels; by default the one that loses no resolution, see `aspect`.
    aspect
        Proportions of the rectangle if neither width and height nor a physical size are given: "edges" uses the mean
        lengths of opposite edges; "perspective" uses the rectangle that a camera with square pixels sees at these
        corners, or the mean lengths if the corners do not determine it.
    turn
        Number of quarter turns by which the content is rotated counter-clockwise.
    canvas
        Size of the result: "rectangle" shows only the rectangle, whose corners are the outer corners of the result;
        "whole" adds as many pixels around it as show the whole image; (rows, columns) is a larger result with the
        rectangle in its center.
    size
        "source" gives the result the pixel size of the image. Otherwise the physical size (down, across) of the
        rectangle in world units, those of `frame`.
    frame
        Steps to the next row and to the next column in world coordinates, each as (down, right). Lengths and directions
        are measured in them; by default pixels are square.
    order
        Interpolation: 0 nearest neighbor, 1 linear, 3 cubic (Keys, a = -0.5).
    mode
        How the image continues beyond its edges, in scipy.ndimage's terms.
    cval
        Value beyond the edges in mode "constant".

    Raises
    ------
    ValueError
        If the corners do not span a convex quadrilateral or two of them are closer than two pixels (the error names the
        corner to move), if the targets do not determine the map, if the canvas is too small, or if no canvas can show
        the whole image because the horizon crosses it.

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
    to_image = rectangle_map(t.gone(corners), targets, t.gone(match_longer), columns, rows, size, frame, turn)
    shape_out, origin = canvas_of(t.gone(canvas), to_image, rows, columns, shape)
    placement = world_placement(to_image, rows, columns, size, frame, origin)
    return Gather(shape_out, projective(to_image @ shift((-origin[0], -origin[1]))), placement, order, mode, cval)
