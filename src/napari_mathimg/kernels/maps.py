"""Coordinates a warp reads at, for a box of its result."""

import math

import numpy as np
from numpy.typing import NDArray

from ._jit import kernel

Floats = NDArray[np.float64]


@kernel
def projective(matrix: Floats, top: int, left: int, yy: Floats, xx: Floats) -> None:
    """Fill `yy`, `xx` with the source of each pixel under a 3 x 3 matrix on (row, column, 1)."""
    a, b, d = matrix[0, 1], matrix[1, 1], matrix[2, 1]
    affine = matrix[2, 0] == 0 and d == 0
    for i in range(yy.shape[0]):
        r = float(top + i)
        y = matrix[0, 0] * r + matrix[0, 2]
        x = matrix[1, 0] * r + matrix[1, 2]
        w = matrix[2, 0] * r + matrix[2, 2]
        if affine:
            for j in range(yy.shape[1]):
                c = np.float64(np.int32(j)) + left
                yy[i, j] = (y + a * c) / w
                xx[i, j] = (x + b * c) / w
        else:
            for j in range(yy.shape[1]):
                c = np.float64(np.int32(j)) + left
                v = w + d * c
                yy[i, j] = (y + a * c) / v
                xx[i, j] = (x + b * c) / v


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
