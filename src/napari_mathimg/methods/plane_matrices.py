"""Matrices of transformations of the plane, acting on (row, column, 1)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .maps import Projective

Matrix = NDArray[Any]


def shift(offset: tuple[float, ...] | Matrix) -> Matrix:
    """Return the translation by an offset."""
    m = np.eye(len(offset) + 1)
    m[:-1, -1] = offset
    return m


def about(matrix: Matrix, center: tuple[float, float]) -> Matrix:
    """Return a linear transformation applied about `center` instead of the origin."""
    to_origin = shift((-center[0], -center[1]))
    result: Matrix = shift(center) @ matrix @ to_origin
    return result


def displayed(matrix: Matrix, pixel_size: tuple[float, float]) -> Matrix:
    """Return what a linear transformation, given as displayed, does to pixels of a size (rows, columns).

    The sizes are negative along axes that are displayed mirrored.
    """
    high, wide = pixel_size
    out = matrix.copy()
    out[0, 1] *= wide / high
    out[1, 0] *= high / wide
    return out


def rotation_matrix(angle: float) -> Matrix:
    """Return the map from result to image that rotates content counter-clockwise by degrees; right angles are exact."""
    quarter = round(angle / 90) if angle % 90 == 0 else None
    if quarter is not None:
        c, s = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[quarter % 4]
    else:
        c, s = float(np.cos(np.deg2rad(angle))), float(np.sin(np.deg2rad(angle)))
    return np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])


def rotated_canvas(rotation: Matrix, shape: tuple[int, ...]) -> tuple[tuple[int, ...], Matrix]:
    """Return shape and origin of the smallest canvas that contains an image rotated by a map from result to image."""
    corners = np.array([(r, c, 1.0) for r in (0, shape[0] - 1) for c in (0, shape[1] - 1)])
    rotated = (corners @ np.linalg.inv(rotation).T)[:, :2]
    size = tuple(int(n) for n in np.around(np.round(np.ptp(rotated, axis=0), 9) + 1))
    return size, rotated.min(axis=0)


def affine_matrix(scale: tuple[float, float], rotation: float, shear: tuple[float, float]) -> Matrix:
    """Return the matrix of scikit-image's AffineTransform, acting on (row, column, 1); angles are in degrees."""
    (sy, sx), (ky, kx) = scale, np.tan(np.deg2rad(shear))
    c, s = np.cos(np.deg2rad(rotation)), np.sin(np.deg2rad(rotation))
    return np.array(
        [
            [-sy * (kx * s - c), sx * (s - ky * c), 0.0],
            [-sy * (kx * c + s), sx * (c + ky * s), 0.0],
            [0.0, 0.0, 1.0],
        ]
    )


def projective(matrix: Matrix) -> Projective:
    """Return the projective map with a 3 x 3 matrix."""
    return Projective(tuple(tuple(float(v) for v in row) for row in matrix))
