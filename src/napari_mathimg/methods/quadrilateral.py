"""Quadrilaterals: the order of their corners, their proportions, and the map from a rectangle onto them."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..contract.quantities import number

Point = tuple[float, float]
Corners = tuple[Point, ...]
Frame = tuple[Point, Point]
Matrix = NDArray[Any]

MIN_DISTANCE = 2.0  # pixels between two corners
SQUARE: Frame = ((1.0, 0.0), (0.0, 1.0))
MIN_CONVERGENCE = 0.01  # change of scale along an edge below which clicked corners give no vanishing point


class Fault(NamedTuple):
    """The corner to move if corners span no quadrilateral, and the one or two others that it is too close to."""

    corner: int
    others: tuple[int, ...]


def fault(corners: Corners) -> Fault | None:
    """Return the fault of four corners that do not span a convex quadrilateral; None if they do."""
    for a in range(4):
        for b in range(a):
            if math.dist(corners[a], corners[b]) < MIN_DISTANCE:
                return Fault(a, (b,))
    ring = _clockwise(corners)
    heights = [_height(*(corners[ring[(k + j) % 4]] for j in (-1, 0, 1))) for k in range(4)]
    worst = int(np.argmin(heights))
    if heights[worst] < MIN_DISTANCE / 2:
        return Fault(ring[worst], (ring[worst - 1], ring[(worst + 1) % 4]))
    return None


def check_corners(corners: Corners) -> None:
    """Raise ValueError for corners that do not span a convex quadrilateral, and name the one to move."""
    found = fault(corners)
    if found is None:
        return
    corner, *others = (_format(corners[k]) for k in (found.corner, *found.others))
    if len(others) == 1:
        raise ValueError(f"corners={corners}: must be at least {number(MIN_DISTANCE)} pixels apart; move {corner}")
    raise ValueError(
        f"corners={corners}: must span a convex quadrilateral; move {corner} away from the line between {others[0]} and"
        f" {others[1]}"
    )


def order(corners: Corners, width: float, height: float, turn: int, frame: Frame = SQUARE) -> tuple[int, ...]:
    """Return the indices of the corners that become the upper left, upper right, lower right and lower left corner.

    The order is clockwise in world coordinates. If width and height differ, the longer pair of opposite edges becomes
    the longer side. Of the remaining orders, the one whose top edge points most nearly to +x is chosen; then the
    corners advance by `turn` steps.
    """
    points = to_world(corners, frame)
    ring = _clockwise(points)
    orders = [ring[k:] + ring[:k] for k in range(4)]
    if width != height:
        edges = {o: edge_lengths(tuple(points[k] for k in o)) for o in orders}
        fitting = [o for o, (down, across) in edges.items() if down != across and (across > down) == (width > height)]
        orders = fitting or orders

    def rightward(o: tuple[int, ...]) -> float:
        start, end = points[o[0]], points[o[1]]
        return (end[1] - start[1]) / (math.dist(start, end) or 1.0)

    first = max(orders, key=rightward)
    return first[turn:] + first[:turn]


def order_corners(corners: Corners, width: float, height: float, turn: int, frame: Frame = SQUARE) -> Corners:
    """Return the corners clockwise from the one that becomes the upper left corner, in the order of `order`."""
    return tuple(corners[k] for k in order(corners, width, height, turn, frame))


def to_world(corners: Corners, frame: Frame) -> Corners:
    """Return the world coordinates (down, right) of points relative to the first pixel."""
    (rr, rc), (cr, cc) = frame
    return tuple((r * rr + c * cr, r * rc + c * cc) for r, c in corners)


def pixel_size(frame: Frame) -> Point:
    """Return the height and the width of a pixel in the world."""
    return math.hypot(*frame[0]), math.hypot(*frame[1])


def edge_lengths(ring: Corners) -> tuple[float, float]:
    """Return the mean length of the left and right edges, and of the top and bottom edges."""
    down = (math.dist(ring[1], ring[2]) + math.dist(ring[3], ring[0])) / 2
    across = (math.dist(ring[0], ring[1]) + math.dist(ring[2], ring[3])) / 2
    return down, across


def full_resolution(
    corners: Corners, turn: int, frame: Frame, physical: tuple[float, float] | None, aspect: str, shape: tuple[int, ...]
) -> tuple[int, int]:
    """Return the rows and columns of a rectangle that loses no resolution: no side is shorter than the mean edges.

    Its proportions are those of the physical size (down, right), if there is one; with the aspect "perspective" those
    of the rectangle that a camera sees; otherwise those of the mean edge lengths.
    """
    high, wide = physical or (1.0, 1.0)
    ring = order_corners(corners, wide, high, turn, frame)
    down, across = edge_lengths(to_world(ring, frame))
    ratio = physical[1] / physical[0] if physical else None
    if ratio is None and aspect == "perspective":
        ratio = proportions(ring, frame, shape)
    if ratio is not None:
        down, across = max(down, across / ratio), max(across, down * ratio)
    step = pixel_size(frame)
    return max(round(down / step[0]), 1), max(round(across / step[1]), 1)


def proportions(ring: Corners, frame: Frame, shape: tuple[int, ...]) -> float | None:
    """Return width / height of the rectangle that a camera sees at these corners; None if they do not determine it.

    The camera is assumed to have square pixels (in the world) and an optical axis through the middle of the image. The
    vanishing points of the edges then give the focal length, and thus the proportions. These are undetermined if a
    pair of edges is nearly parallel in the image, or if no such camera sees these corners.

    References
    ----------
    .. [1] Z. Zhang and L.-W. He, "Whiteboard scanning and image enhancement", Digital Signal Processing 17 (2007),
       section 4, equations 11 to 20.
    """
    middle = to_world((((shape[0] - 1) / 2, (shape[1] - 1) / 2),), frame)[0]
    points = [np.array((x - middle[1], y - middle[0], 1.0)) for y, x in to_world(ring, frame)]
    scale = float(max(np.abs(m[:2]).max() for m in points)) or 1.0
    m1, m2, m4, m3 = (m / (scale, scale, 1.0) for m in points)  # in the paper: (0, 0), (w, 0), (0, h), (w, h)
    k2 = np.dot(np.cross(m1, m4), m3) / np.dot(np.cross(m2, m4), m3)
    k3 = np.dot(np.cross(m1, m4), m2) / np.dot(np.cross(m3, m4), m2)
    n2, n3 = k2 * m2 - m1, k3 * m3 - m1
    if min(abs(n2[2]), abs(n3[2])) < MIN_CONVERGENCE:
        return None
    focal2 = -(n2[0] * n3[0] + n2[1] * n3[1]) / (n2[2] * n3[2])
    if not focal2 > 0:
        return None
    across, down = (n[0] ** 2 / focal2 + n[1] ** 2 / focal2 + n[2] ** 2 for n in (n2, n3))
    return math.sqrt(across / down)


def rectangle_to(corners: Corners, target: tuple[float, float, float, float]) -> Matrix:
    """Return the homography, on (row, column, 1), from a rectangle onto corners, clockwise from its upper left corner.

    `target` is the rectangle as (top, left, bottom, right).

    References
    ----------
    .. [1] P. S. Heckbert, "Fundamentals of texture mapping and image warping", UCB/CSD 89/516 (1989), section 2.2.3.
    """
    a, b, c, d = (np.array(p, float) for p in corners)  # (0, 0), (0, 1), (1, 1), (1, 0) of the unit square
    skew, right, down = a - b + c - d, b - c, d - c
    area = right[0] * down[1] - right[1] * down[0]
    g = (skew[0] * down[1] - skew[1] * down[0]) / area  # along columns
    h = (right[0] * skew[1] - right[1] * skew[0]) / area  # along rows
    square = np.array(
        [
            [d[0] - a[0] + h * d[0], b[0] - a[0] + g * b[0], a[0]],
            [d[1] - a[1] + h * d[1], b[1] - a[1] + g * b[1], a[1]],
            [h, g, 1.0],
        ]
    )
    top, left, bottom, right_edge = target
    rows, columns = bottom - top, right_edge - left
    matrix: Matrix = square @ np.array([[1 / rows, 0, -top / rows], [0, 1 / columns, -left / columns], [0, 0, 1]])
    return matrix


def _clockwise(corners: Corners) -> tuple[int, ...]:
    """Return the indices of the corners clockwise as displayed, by their angle about the centroid."""
    row, column = np.mean(corners, axis=0)
    return tuple(sorted(range(4), key=lambda k: math.atan2(corners[k][0] - row, corners[k][1] - column)))


def _height(before: Point, corner: Point, after: Point) -> float:
    """Return the distance of a corner from the line between its neighbors; negative on the inner side."""
    (r0, c0), (r1, c1), (r2, c2) = before, corner, after
    return ((c1 - c0) * (r2 - r0) - (r1 - r0) * (c2 - c0)) / (math.dist(before, after) or 1.0)


def _format(corner: Point) -> str:
    """Return the coordinates of a corner as text."""
    return "(" + ", ".join(number(v) for v in corner) + ")"
