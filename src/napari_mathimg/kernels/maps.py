"""Source coordinates of the pixels in a box of a warp's result."""

import math

import numpy as np
from numpy.typing import NDArray

from ._elementary import exp_of_negative, sin_cos
from ._jit import inline, kernel

Floats = NDArray[np.float64]
Powers = tuple[float, float, float, float, float, float, float]


@kernel
def projective(matrix: Floats, top: int, left: int, down: int, right: int, yy: Floats, xx: Floats) -> None:
    """Fill `yy` and `xx` with the source of each pixel under a 3 x 3 matrix on (row, column, 1).

    Rows are `down` pixels apart, columns `right` pixels.
    """
    across = np.int32(right)
    a, b, d = matrix[0, 1], matrix[1, 1], matrix[2, 1]
    affine = matrix[2, 0] == 0 and d == 0
    for i in range(yy.shape[0]):
        r = float(top + i * down)
        y = matrix[0, 0] * r + matrix[0, 2]
        x = matrix[1, 0] * r + matrix[1, 2]
        w = matrix[2, 0] * r + matrix[2, 2]
        if affine:
            for j in range(yy.shape[1]):
                c = np.float64(np.int32(j) * across) + left
                yy[i, j] = (y + a * c) / w
                xx[i, j] = (x + b * c) / w
        else:
            for j in range(yy.shape[1]):
                c = np.float64(np.int32(j) * across) + left
                v = w + d * c
                yy[i, j] = (y + a * c) / v
                xx[i, j] = (x + b * c) / v


@kernel
def swirl(
    center: tuple[float, float], strength: float, decay: float, rotation: float, sides: tuple[float, float],
    top: int, left: int, down: int, right: int, yy: Floats, xx: Floats,
) -> None:  # fmt: skip
    """Fill `yy` and `xx` with pixels rotated about `center` by ``rotation + strength * exp(-decay * distance)``.

    `sides` is the size of a pixel, in which distances are measured. Rows are `down` pixels apart, columns `right`.
    """
    high, wide = sides
    across = np.int32(right)
    for i in range(yy.shape[0]):
        dy = (top + i * down - center[0]) * high
        for j in range(yy.shape[1]):
            dx = (np.float64(np.int32(j) * across) + left - center[1]) * wide
            s, c = sin_cos(rotation + strength * exp_of_negative(-decay * math.sqrt(dy * dy + dx * dx)))
            yy[i, j] = center[0] + (dx * s + dy * c) / high
            xx[i, j] = center[1] + (dx * c - dy * s) / wide


@inline
def factor(r, powers):  # type: ignore[no-untyped-def]
    """Return the factor by which a distance r from the center grows: a polynomial of degree 6 in r."""
    p = powers
    return p[0] + r * (p[1] + r * (p[2] + r * (p[3] + r * (p[4] + r * (p[5] + r * p[6])))))


@inline
def slope(r, powers):  # type: ignore[no-untyped-def]
    """Return the derivative of ``r * factor(r)``."""
    p = powers
    return p[0] + r * (2 * p[1] + r * (3 * p[2] + r * (4 * p[3] + r * (5 * p[4] + r * (6 * p[5] + r * 7 * p[6])))))


@kernel
def distort(
    center: tuple[float, float], unit: float, powers: Powers, tangential: tuple[float, float], limit: float,
    yy: Floats, xx: Floats,
) -> None:  # fmt: skip
    """Move points in place to where a lens shows them; NaN beyond `limit`, where its polynomial folds the plane.

    Distances are measured in units of `unit` pixels. `tangential` holds Brown's p1 and p2, for x to the right and y
    down.
    """
    p1, p2 = tangential
    for i in range(yy.shape[0]):
        for j in range(yy.shape[1]):
            y, x = (yy[i, j] - center[0]) / unit, (xx[i, j] - center[1]) / unit
            square = x * x + y * y
            r = math.sqrt(square)
            f = factor(r, powers) if r <= limit else math.nan
            yy[i, j] = center[0] + unit * (y * f + p1 * (square + 2 * y * y) + 2 * p2 * x * y)
            xx[i, j] = center[1] + unit * (x * f + 2 * p1 * x * y + p2 * (square + 2 * x * x))


@kernel
def undistort(
    center: tuple[float, float], unit: float, powers: Powers, tangential: tuple[float, float], limit: float,
    yy: Floats, xx: Floats,
) -> None:  # fmt: skip
    """Undo `distort` in place; NaN where the lens shows no point within `limit`."""
    for i in range(yy.shape[0]):
        for j in range(yy.shape[1]):
            y, x = (yy[i, j] - center[0]) / unit, (xx[i, j] - center[1]) / unit
            r = math.sqrt(x * x + y * y)
            share = undistorted_radius(r, powers, limit) / r if r > 0 else 1.0
            u, v = y * share, x * share
            if tangential[0] != 0 or tangential[1] != 0:
                u, v = undistorted_point(y, x, u, v, powers, tangential, limit)
            yy[i, j] = center[0] + unit * u
            xx[i, j] = center[1] + unit * v


@kernel
def undistorted_radius(r: float, powers: Powers, limit: float) -> float:
    """Return the distance s of at most `limit` with ``s * factor(s) = r``; NaN if there is none.

    ``s * factor(s)`` grows up to `limit`. Newton's method finds the root; bisection replaces a step that leaves the
    interval known to contain it.
    """
    low, high = 0.0, limit
    if not math.isfinite(high):
        high = 1.0
        while high * factor(high, powers) < r:
            low, high = high, 2 * high
            if high > 1e12:
                return math.nan
    elif not high * factor(high, powers) >= r:
        return math.nan
    s = min(max(r / powers[0], low), high)
    for _ in range(200):
        miss = s * factor(s, powers) - r
        if miss > 0:
            high = s
        else:
            low = s
        rise = slope(s, powers)
        step = s - miss / rise if rise > 0 else math.nan
        if not low <= step <= high:
            step = (low + high) / 2
        if abs(step - s) <= 1e-15 * (1 + s):
            return step
        s = step
    return s


@kernel
def undistorted_point(
    y: float, x: float, u: float, v: float, powers: Powers, tangential: tuple[float, float], limit: float
) -> tuple[float, float]:
    """Return the point (u, v) that `distort` moves to (y, x), by Newton's method; NaN where it does not converge."""
    p1, p2 = tangential
    if not math.isfinite(u):
        u, v = y / powers[0], x / powers[0]
    for _ in range(50):
        square = u * u + v * v
        r = math.sqrt(square)
        f = factor(r, powers)
        # The derivative of `factor` divided by r, which both axes' derivatives contain.
        d = (slope(r, powers) - f) / square if square > 0 else 0.0
        miss_u = u * f + p1 * (square + 2 * u * u) + 2 * p2 * u * v - y
        miss_v = v * f + 2 * p1 * u * v + p2 * (square + 2 * v * v) - x
        uu = f + u * u * d + 6 * p1 * u + 2 * p2 * v
        uv = u * v * d + 2 * p1 * v + 2 * p2 * u
        vv = f + v * v * d + 2 * p1 * u + 6 * p2 * v
        area = uu * vv - uv * uv
        if not area > 0:
            return math.nan, math.nan
        du = (vv * miss_u - uv * miss_v) / area
        dv = (uu * miss_v - uv * miss_u) / area
        u, v = u - du, v - dv
        if abs(du) + abs(dv) <= 1e-14 * (1 + abs(u) + abs(v)):
            return (u, v) if u * u + v * v <= limit * limit else (math.nan, math.nan)
    return math.nan, math.nan
