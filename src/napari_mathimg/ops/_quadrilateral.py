"""Four corners: their order, their shape, and the map from a rectangle onto them."""

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Corners = tuple[Point, ...]
Matrix = NDArray[Any]

APART = 2.0  # pixels between two corners at the least


def check_corners(corners: Corners) -> None:
    """Refuse corners that do not span a convex quadrilateral, naming the one to move."""
    for a in range(4):
        for b in range(a):
            if math.dist(corners[a], corners[b]) < APART:
                raise ValueError(f"corners={corners}: at least {APART:g} pixels apart; move {_named(corners[a])}")
    ring = _clockwise(corners)
    height = [_height(ring[k - 1], ring[k], ring[(k + 1) % 4]) for k in range(4)]
    worst = int(np.argmin(height))
    if height[worst] < APART / 2:
        raise ValueError(
            f"corners={corners}: a convex quadrilateral; move {_named(ring[worst])} away from the line between"
            f" {_named(ring[worst - 1])} and {_named(ring[(worst + 1) % 4])}"
        )


def ordered(corners: Corners, width: float, height: float, turn: int) -> Corners:
    """Return corners clockwise from the upper left one of the rectangle they become.

    Where width and height differ, the longer pair of opposite edges becomes the longer side; of the starts left,
    the one whose top edge points nearest to +x; then `turn` steps on.
    """
    ring = _clockwise(corners)
    starts = [ring[k:] + ring[:k] for k in range(4)]
    if width != height:
        wide = [s for s in starts if _length(s) != _breadth(s) and (_length(s) > _breadth(s)) == (width > height)]
        starts = wide or starts
    first = max(starts, key=lambda s: (s[1][1] - s[0][1]) / (math.dist(s[0], s[1]) or 1.0))
    return first[turn:] + first[:turn]


def auto_side(corners: Corners, turn: int, side: Literal["width", "height"]) -> int:
    """Return the mean length of two opposite edges in whole pixels: the top and bottom ones, or the others."""
    ring = ordered(corners, 1, 1, turn)
    return max(round((_length if side == "width" else _breadth)(ring)), 1)


def rectangle_to(corners: Corners, target: tuple[float, float, float, float]) -> Matrix:
    """Return the homography, on (row, column, 1), from a rectangle onto corners clockwise from its upper left.

    `target` is the rectangle's (top, left, bottom, right).

    References
    ----------
    .. [1] P. S. Heckbert, "Fundamentals of texture mapping and image warping", UCB/CSD 89/516 (1989), section 2.2.3.
    """
    a, b, c, d = (np.array(p, float) for p in corners)  # at (0, 0), (0, 1), (1, 1), (1, 0) of the unit square
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


def _clockwise(corners: Corners) -> Corners:
    """Corners in clockwise order as displayed, by their angle about the centroid."""
    row, column = np.mean(corners, axis=0)
    return tuple(sorted(corners, key=lambda p: math.atan2(p[0] - row, p[1] - column)))


def _length(ring: Corners) -> float:
    return (math.dist(ring[0], ring[1]) + math.dist(ring[2], ring[3])) / 2


def _breadth(ring: Corners) -> float:
    return (math.dist(ring[1], ring[2]) + math.dist(ring[3], ring[0])) / 2


def _height(before: Point, corner: Point, after: Point) -> float:
    """Distance of a corner from the line between its neighbours; negative on the inner side."""
    (r0, c0), (r1, c1), (r2, c2) = before, corner, after
    return ((c1 - c0) * (r2 - r0) - (r1 - r0) * (c2 - c0)) / (math.dist(before, after) or 1.0)


def _named(corner: Point) -> str:
    return "(" + ", ".join(f"{v:g}" for v in corner) + ")"
