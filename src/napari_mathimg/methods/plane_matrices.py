"""Matrices of plane transformations on (row, column, 1)."""

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
    """The same transformation with another fixed point."""
    back = shift((-center[0], -center[1]))
    result: Matrix = shift(center) @ matrix @ back
    return result


def turning(angle: float) -> Matrix:
    """Result -> input for content turning counter-clockwise, on (row, column, 1); right angles are exact."""
    quarter = round(angle / 90) if angle % 90 == 0 else None
    if quarter is not None:
        c, s = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[quarter % 4]
    else:
        c, s = float(np.cos(np.deg2rad(angle))), float(np.sin(np.deg2rad(angle)))
    return np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])


def affine_matrix(scale: tuple[float, float], rotation: float, shear: tuple[float, float]) -> Matrix:
    """scikit-image's AffineTransform, on (row, column, 1)."""
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
    """Return the map of a 3 x 3 matrix."""
    return Projective(tuple(tuple(float(v) for v in row) for row in matrix))
