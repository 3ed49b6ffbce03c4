"""The homography that takes points to more than four others as nearly as possible."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = Sequence[tuple[float, float]]
Matrix = NDArray[Any]

FLAT = 1e-7  # singular value, over the largest, below which points leave the homography open


def fitted(targets: Points, corners: Points) -> Matrix:
    """Return the homography, on (row, column, 1), from targets to corners with the least sum of squared distances.

    The distances are those in the image, where the corners were marked and erred; the targets are taken as exact.

    Raises
    ------
    ValueError
        If the points leave the map open: fewer than four, or all but one on a line.

    References
    ----------
    .. [1] R. Hartley and A. Zisserman, "Multiple View Geometry in Computer Vision", 2nd ed. (2004), algorithm 4.2
       (the start) and section 4.2.2 (the transfer error).
    """
    from scipy.optimize import least_squares

    to_targets, to_corners = _normalizing(targets), _normalizing(corners)
    start, end = mapped(to_targets, targets), mapped(to_corners, corners)
    first = _linear(start, end)
    ahead = np.column_stack([start, np.ones(len(start))]) @ first[2]
    if ahead.min() * ahead.max() <= FLAT * np.abs(ahead).max() ** 2:
        raise ValueError("places that a view from the front can give these corners")
    found = least_squares(
        lambda m: (mapped(np.append(m, 1.0).reshape(3, 3), start) - end).ravel(),
        (first / first[2, 2]).ravel()[:8],
        method="lm",
        xtol=1e-14,
        ftol=1e-14,
        gtol=1e-14,
    )
    matrix: Matrix = np.linalg.inv(to_corners) @ np.append(found.x, 1.0).reshape(3, 3) @ to_targets
    matrix /= matrix[2, 2]
    return matrix


def mapped(matrix: Matrix, points: Points | Matrix) -> Matrix:
    """Return points put through a homography, shape (n, 2)."""
    p = np.asarray(points, float)
    out = np.column_stack([p, np.ones(len(p))]) @ np.asarray(matrix).T
    result: Matrix = out[:, :2] / out[:, 2:]
    return result


def residuals(matrix: Matrix, targets: Points, corners: Points) -> Matrix:
    """Return how far, in pixels of the image, each target comes from its corner."""
    distance: Matrix = np.linalg.norm(mapped(matrix, targets) - np.asarray(corners, float), axis=1)
    return distance


def _normalizing(points: Points) -> Matrix:
    """The similarity that takes points about the origin, at a mean distance of sqrt(2)."""
    p = np.asarray(points, float)
    middle = p.mean(axis=0)
    scale = np.sqrt(2) / (np.linalg.norm(p - middle, axis=1).mean() or 1.0)
    return np.array([[scale, 0, -scale * middle[0]], [0, scale, -scale * middle[1]], [0, 0, 1]])


def _linear(start: Matrix, end: Matrix) -> Matrix:
    """The homography with the least algebraic error, through the singular vectors of its equations."""
    one, zero = np.column_stack([start, np.ones(len(start))]), np.zeros((len(start), 3))
    equations = np.concatenate([np.hstack([one, zero, -end[:, :1] * one]), np.hstack([zero, one, -end[:, 1:] * one])])
    _, size, directions = np.linalg.svd(equations, full_matrices=True)
    if len(size) < 8 or size[7] < FLAT * size[0]:
        raise ValueError("at least four points of which no three lie on a line")
    matrix: Matrix = directions[8].reshape(3, 3)
    if abs(matrix[2, 2]) < FLAT:
        raise ValueError("points whose middle is not on the horizon of the view")
    return matrix
