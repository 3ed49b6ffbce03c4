"""Least-squares fit of a homography to pairs of points."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = Sequence[tuple[float, float]]
Matrix = NDArray[Any]

DEGENERATE = 1e-7  # relative singular value below which points do not determine the homography


def fit_homography(targets: Points, corners: Points) -> Matrix:
    """Return the homography, on (row, column, 1), from targets to corners with the least sum of squared distances.

    Distances are measured in the image, where the corners were marked and may be wrong; the targets are exact.

    Raises
    ------
    ValueError
        If the points do not determine the homography: there are fewer than four, or all but one lie on a line.

    References
    ----------
    .. [1] R. Hartley and A. Zisserman, "Multiple View Geometry in Computer Vision", 2nd ed. (2004), algorithm 4.2
       (the initial solution) and section 4.2.2 (the transfer error).
    """
    from scipy.optimize import least_squares

    to_targets, to_corners = _normalization(targets), _normalization(corners)
    start, end = mapped(to_targets, targets), mapped(to_corners, corners)
    linear = _solve_linear(start, end)
    depth = np.column_stack([start, np.ones(len(start))]) @ linear[2]
    if depth.min() * depth.max() <= DEGENERATE * np.abs(depth).max() ** 2:
        raise ValueError("must be positions that a camera in front of the plane can see at the corners")
    found = least_squares(
        lambda m: (mapped(np.append(m, 1.0).reshape(3, 3), start) - end).ravel(),
        (linear / linear[2, 2]).ravel()[:8],
        method="lm",
        xtol=1e-14,
        ftol=1e-14,
        gtol=1e-14,
    )
    matrix: Matrix = np.linalg.inv(to_corners) @ np.append(found.x, 1.0).reshape(3, 3) @ to_targets
    matrix /= matrix[2, 2]
    return matrix


def mapped(matrix: Matrix, points: Points | Matrix) -> Matrix:
    """Return points transformed by a homography, of shape (n, 2)."""
    p = np.asarray(points, float)
    out = np.column_stack([p, np.ones(len(p))]) @ np.asarray(matrix).T
    result: Matrix = out[:, :2] / out[:, 2:]
    return result


def residuals(matrix: Matrix, targets: Points, corners: Points) -> Matrix:
    """Return the distance of each transformed target from its corner, in pixels of the image."""
    distance: Matrix = np.linalg.norm(mapped(matrix, targets) - np.asarray(corners, float), axis=1)
    return distance


def _normalization(points: Points) -> Matrix:
    """Return the similarity that centers points on the origin, at a mean distance of sqrt(2) from it."""
    p = np.asarray(points, float)
    middle = p.mean(axis=0)
    scale = np.sqrt(2) / (np.linalg.norm(p - middle, axis=1).mean() or 1.0)
    return np.array([[scale, 0, -scale * middle[0]], [0, scale, -scale * middle[1]], [0, 0, 1]])


def _solve_linear(start: Matrix, end: Matrix) -> Matrix:
    """Return the homography with the least algebraic error (direct linear transformation)."""
    points, zero = np.column_stack([start, np.ones(len(start))]), np.zeros((len(start), 3))
    rows = np.hstack([points, zero, -end[:, :1] * points])
    columns = np.hstack([zero, points, -end[:, 1:] * points])
    _, singular_values, directions = np.linalg.svd(np.concatenate([rows, columns]), full_matrices=True)
    if len(singular_values) < 8 or singular_values[7] < DEGENERATE * singular_values[0]:
        raise ValueError("must include four points of which no three lie on a line")
    matrix: Matrix = directions[8].reshape(3, 3)
    if abs(matrix[2, 2]) < DEGENERATE:
        raise ValueError("must not have their middle on the horizon of the view")
    return matrix
