"""Rectification of a quadrilateral: the size of its rectangle, the map to it, the canvas and the placement."""

from typing import Any

import numpy as np

from ..contract.types import outer_corners
from .homography_fit import fit_homography, mapped
from .plane_matrices import Matrix
from .quadrilateral import (
    Corners,
    Frame,
    check_corners,
    fault,
    full_resolution,
    order_corners,
    pixel_size,
    rectangle_to,
)

Shape = tuple[int, ...]


def auto_rows(shape: Shape, corners: Any, targets: Any, size: Any, aspect: str, frame: Frame, turn: int) -> int:
    """Return the height of the rectangle if neither its height nor its width is given."""
    return _auto_size(shape, corners, targets, size, aspect, frame, turn)[0]


def auto_columns(shape: Shape, corners: Any, targets: Any, size: Any, aspect: str, frame: Frame, turn: int) -> int:
    """Return the width of the rectangle if neither its height nor its width is given."""
    return _auto_size(shape, corners, targets, size, aspect, frame, turn)[1]


def has_size(width: Any, height: Any, size: Any) -> bool:
    """Return whether both sides of the rectangle are given; called before automatic sides are computed."""
    return size != "source" or "auto" not in (width, height)


def _auto_size(
    shape: Shape, corners: Any, targets: Any, size: Any, aspect: str, frame: Frame, turn: int
) -> tuple[int, int]:
    if targets != "rectangle":
        rows, columns = (max(round(max(p[k] for p in targets)), 1) for k in (0, 1))
        return rows, columns
    _check_four(shape, corners)
    return full_resolution(corners, turn, frame, None if size == "source" else size, aspect, shape)


def check_rectification(
    shape: Shape, corners: Corners, targets: Any, match_longer: bool, width: int, height: int, size: Any, frame: Frame,
    turn: int, canvas: Any,
) -> None:  # fmt: skip
    """Raise ValueError for parameters of `rectify` that do not go together."""
    if targets == "rectangle":
        _check_four(shape, corners)
    else:
        if len(targets) != len(corners):
            raise ValueError(f"targets={targets}: must be as many as the corners, {len(corners)}")
        if turn:
            raise ValueError(f"turn={turn}: must be 0 with targets")
    if abs(np.linalg.det(frame)) < 1e-9 * max(max(map(abs, step)) for step in frame) ** 2:
        raise ValueError(f"frame={frame}: must be two directions that are not parallel")
    if targets != "rectangle":
        to_image = rectangle_map(corners, targets, match_longer, width, height, size, frame, turn)
        ends = ((0.0, 0.0), (0.0, width), (height, width), (height, 0.0))
        depth = np.column_stack([ends, np.ones(4)]) @ to_image[2]
        seen = tuple((float(r), float(c)) for r, c in mapped(to_image, ends)) if depth.all() else ()
        if depth.min() * depth.max() <= 0 or fault(seen):
            raise ValueError(
                f"targets={targets}: must be positions that a camera in front of the plane can see at the corners"
            )
    if isinstance(canvas, tuple) and (canvas[0] < height or canvas[1] < width):
        raise ValueError(f"canvas={canvas}: must be at least the rectangle's {height} rows and {width} columns")


def _check_four(shape: Shape, corners: Corners) -> None:
    if len(corners) != 4:
        raise ValueError(f"corners={corners}: must be four points, unless each has a target")
    if corners != outer_corners(shape):
        check_corners(corners)


def rectangle_map(
    corners: Corners, targets: Any, match_longer: bool, width: int, height: int, size: Any, frame: Frame, turn: int
) -> Matrix:
    """Return the homography, on (row, column, 1), from the rectangle to the image.

    Coordinates of the rectangle are pixels of the result, measured from its upper left corner.
    """
    if targets != "rectangle":
        try:
            return fit_homography(targets, corners)
        except ValueError as error:
            raise ValueError(f"targets={targets}: {error}") from None
    high, wide = lengths(width, height, size, frame) if match_longer else (1.0, 1.0)
    return rectangle_to(order_corners(corners, wide, high, turn, frame), (0.0, 0.0, float(height), float(width)))


def lengths(width: int, height: int, size: Any, frame: Frame) -> tuple[float, float]:
    """Return the height and the width of the rectangle in the world."""
    step = pixel_size(frame)
    high, wide = (height * step[0], width * step[1]) if size == "source" else size
    return float(high), float(wide)


def canvas_of(
    canvas: Any, to_image: Matrix, rows: int, columns: int, shape: Shape
) -> tuple[tuple[int, int], tuple[float, float]]:
    """Return the shape of the result, and the position of the rectangle's upper left corner in it."""
    if canvas == "rectangle":
        return (rows, columns), (-0.5, -0.5)
    if canvas != "whole":
        return canvas, ((canvas[0] - rows) / 2, (canvas[1] - columns) / 2)
    to_rectangle = np.linalg.inv(to_image)
    depth = to_rectangle[2] @ (*mapped(to_image, ((rows / 2, columns / 2),))[0], 1.0)
    ends = np.array([(*corner, 1.0) for corner in outer_corners(shape)]) @ to_rectangle.T * np.sign(depth)
    if ends[:, 2].min() <= 1e-9 * np.abs(ends[:, 2]).max():
        raise ValueError("canvas='whole': must not be used when the horizon of the plane lies in the image")
    reached = np.concatenate([ends[:, :2] / ends[:, 2:], ((0, 0), (rows, columns))])
    low = np.floor(reached.min(axis=0) + 1e-9)
    high = np.ceil(reached.max(axis=0) - 1e-9)
    return (int(high[0] - low[0]), int(high[1] - low[1])), (-low[0] - 0.5, -low[1] - 0.5)


def world_placement(
    to_image: Matrix, rows: int, columns: int, size: Any, frame: Frame, origin: tuple[float, float]
) -> Matrix:
    """Return the matrix that places the result upright in the world, centered on the quadrilateral."""
    ends = mapped(to_image, ((0.0, 0.0), (0.0, columns), (rows, columns), (rows, 0.0)))
    step = pixel_size(frame) if size == "source" else (size[0] / rows, size[1] / columns)
    placement = np.eye(3)
    placement[:2, :2] = np.linalg.inv(np.array(frame).T) @ np.diag(step)
    placement[:2, 2] = ends.mean(axis=0) - placement[:2, :2] @ np.add(origin, (rows / 2, columns / 2))
    return placement
