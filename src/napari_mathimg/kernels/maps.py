"""Coordinates a warp reads at, for a box of its result."""

import math

import numpy as np
from numpy.typing import NDArray

from ._jit import kernel

Floats = NDArray[np.float64]


@kernel
def projective(matrix: Floats, top: int, left: int, yy: Floats, xx: Floats) -> None:
    """Fill `yy`, `xx` with the source of each pixel under a 3 x 3 matrix on (row, column, 1)."""
    affine = matrix[2, 0] == 0 and matrix[2, 1] == 0
    for i in range(yy.shape[0]):
        r = float(top + i)
        for j in range(yy.shape[1]):
            c = float(left + j)
            y = matrix[0, 0] * r + matrix[0, 1] * c + matrix[0, 2]
            x = matrix[1, 0] * r + matrix[1, 1] * c + matrix[1, 2]
            w = matrix[2, 2] if affine else matrix[2, 0] * r + matrix[2, 1] * c + matrix[2, 2]
            yy[i, j] = y / w
            xx[i, j] = x / w


@kernel
def swirl(
    center: tuple[float, float], strength: float, decay: float, rotation: float,
    top: int, left: int, yy: Floats, xx: Floats,
) -> None:  # fmt: skip
    """Fill `yy`, `xx` with points turned about `center` by ``rotation + strength * exp(-decay * distance)``."""
    for i in range(yy.shape[0]):
        dy = top + i - center[0]
        for j in range(yy.shape[1]):
            dx = left + j - center[1]
            turn = rotation + strength * math.exp(-decay * math.sqrt(dy * dy + dx * dx))
            c, s = math.cos(turn), math.sin(turn)
            yy[i, j] = center[0] + dx * s + dy * c
            xx[i, j] = center[1] + dx * c - dy * s
