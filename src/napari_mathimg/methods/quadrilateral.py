"""Four corners: their order, their shape, and the map from a rectangle onto them."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Corners = tuple[Point, ...]
Frame = tuple[Point, Point]
Matrix = NDArray[Any]

APART = 2.0  # pixels between two corners at the least
SQUARE: Frame = ((1.0, 0.0), (0.0, 1.0))
VANISHING = 0.01  # change of scale along an edge below which clicked corners do not tell a vanishing point


class Fault(NamedTuple):
    """Why corners span no quadrilateral: the one to move, and the other or the two others it is too near to."""

    corner: int
    others: tuple[int, ...]


def fault(corners: Corners) -> Fault | None:
    """Return what keeps four corners from spanning a convex quadrilateral, or None."""
    for a in range(4):
        for b in range(a):
            if math.dist(corners[a], corners[b]) < APART:
                return Fault(a, (b,))
    ring = _turns(corners)
    heights = [_height(*(corners[ring[(k + j) % 4]] for j in (-1, 0, 1))) for k in range(4)]
    worst = int(np.argmin(heights))
    if heights[worst] < APART / 2:
        return Fault(ring[worst], (ring[worst - 1], ring[(worst + 1) % 4]))
    return None


def check_corners(corners: Corners) -> None:
    """Refuse corners that do not span a convex quadrilateral, naming the one to move."""
    found = fault(corners)
    if found is None:
        return
    corner, *others = (_named(corners[k]) for k in (found.corner, *found.others))
    if len(others) == 1:
        raise ValueError(f"corners={corners}: at least {APART:g} pixels apart; move {corner}")
    raise ValueError(
        f"corners={corners}: a convex quadrilateral; move {corner} away from the line between {others[0]} and"
        f" {others[1]}"
    )


def order(corners: Corners, width: float, height: float, turn: int, frame: Frame = SQUARE) -> tuple[int, ...]:
    """Return which corner is the upper left, upper right, lower right and lower left one of the rectangle.

    Clockwise as seen in the world; where width and height differ, the longer pair of opposite edges becomes the
    longer side; of the starts left, the one whose top edge points nearest to +x; then `turn` steps on.
    """
    seen = in_world(corners, frame)
    ring = _turns(seen)
    starts = [ring[k:] + ring[:k] for k in range(4)]
    if width != height:
        edges = {s: edge_lengths(tuple(seen[k] for k in s)) for s in starts}
        wide = [s for s, (rows, columns) in edges.items() if rows != columns and (columns > rows) == (width > height)]
        starts = wide or starts
    first = max(starts, key=lambda s: (seen[s[1]][1] - seen[s[0]][1]) / (math.dist(seen[s[0]], seen[s[1]]) or 1.0))
    return first[turn:] + first[:turn]


def ordered(corners: Corners, width: float, height: float, turn: int, frame: Frame = SQUARE) -> Corners:
    """Return corners clockwise from the upper left one of the rectangle they become; see `order`."""
    return tuple(corners[k] for k in order(corners, width, height, turn, frame))


def in_world(corners: Corners, frame: Frame) -> Corners:
    """Return points (down, right) in the world, up to a shift: how far, seen from the first pixel."""
    (rr, rc), (cr, cc) = frame
    return tuple((r * rr + c * cr, r * rc + c * cc) for r, c in corners)


def pixel_size(frame: Frame) -> Point:
    """Return how long and how wide a pixel is in the world."""
    return math.hypot(*frame[0]), math.hypot(*frame[1])


def edge_lengths(ring: Corners) -> tuple[float, float]:
    """Return the mean length of the left and right, and of the top and bottom edges."""
    down = (math.dist(ring[1], ring[2]) + math.dist(ring[3], ring[0])) / 2
    across = (math.dist(ring[0], ring[1]) + math.dist(ring[2], ring[3])) / 2
    return down, across


def sides(
    corners: Corners, turn: int, frame: Frame, physical: tuple[float, float] | None, aspect: str, shape: tuple[int, ...]
) -> tuple[int, int]:
    """Return the rectangle's rows and columns that lose no resolution.

    Its proportions are those of the mean edge lengths, of the `physical` size (down, right) where there is one, or
    with aspect "perspective" those of the rectangle that is seen; neither side is shorter than the mean edge.
    """
    wide = physical or (1.0, 1.0)
    ring = ordered(corners, wide[1], wide[0], turn, frame)
    down, across = edge_lengths(in_world(ring, frame))
    ratio = physical[1] / physical[0] if physical else None
    if ratio is None and aspect == "perspective":
        ratio = proportions(ring, frame, shape)
    if ratio is not None:
        down, across = max(down, across / ratio), max(across, down * ratio)
    step = pixel_size(frame)
    return max(round(down / step[0]), 1), max(round(across / step[1]), 1)


def proportions(ring: Corners, frame: Frame, shape: tuple[int, ...]) -> float | None:
    """Return width / height of the rectangle that a camera sees with these corners, or None if they do not tell.

    Of a camera with square pixels (in the world) and its optical axis through the middle of the image, the
    vanishing points of the edges give the focal length, and that the proportions. None where a pair of edges is
    nearly parallel in the image, or no such camera sees the corners so.

    References
    ----------
    .. [1] Z. Zhang and L.-W. He, "Whiteboard scanning and image enhancement", Digital Signal Processing 17 (2007),
       section 4, equations 11 to 20.
    """
    middle = in_world((((shape[0] - 1) / 2, (shape[1] - 1) / 2),), frame)[0]
    seen = [np.array((x - middle[1], y - middle[0], 1.0)) for y, x in in_world(ring, frame)]
    scale = float(max(np.abs(m[:2]).max() for m in seen)) or 1.0
    m1, m2, m4, m3 = (m / (scale, scale, 1.0) for m in seen)  # (0, 0), (w, 0), (0, h), (w, h) as the paper numbers them
    k2 = np.dot(np.cross(m1, m4), m3) / np.dot(np.cross(m2, m4), m3)
    k3 = np.dot(np.cross(m1, m4), m2) / np.dot(np.cross(m3, m4), m2)
    n2, n3 = k2 * m2 - m1, k3 * m3 - m1
    if min(abs(n2[2]), abs(n3[2])) < VANISHING:
        return None
    focal2 = -(n2[0] * n3[0] + n2[1] * n3[1]) / (n2[2] * n3[2])
    if not focal2 > 0:
        return None
    across, down = (n[0] ** 2 / focal2 + n[1] ** 2 / focal2 + n[2] ** 2 for n in (n2, n3))
    return math.sqrt(across / down)


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


def _turns(corners: Corners) -> tuple[int, ...]:
    """Which corner follows which clockwise as displayed, by their angle about the centroid."""
    row, column = np.mean(corners, axis=0)
    return tuple(sorted(range(4), key=lambda k: math.atan2(corners[k][0] - row, corners[k][1] - column)))


def _height(before: Point, corner: Point, after: Point) -> float:
    """Distance of a corner from the line between its neighbors; negative on the inner side."""
    (r0, c0), (r1, c1), (r2, c2) = before, corner, after
    return ((c1 - c0) * (r2 - r0) - (r1 - r0) * (c2 - c0)) / (math.dist(before, after) or 1.0)


def _named(corner: Point) -> str:
    return "(" + ", ".join(f"{v:g}" for v in corner) + ")"
