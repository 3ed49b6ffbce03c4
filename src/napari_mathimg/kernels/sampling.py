"""Interpolation at scattered points and along axes: nearest, linear, and cubic after Keys (a = -0.5).

R. Keys, "Cubic convolution interpolation for digital image processing", IEEE Trans. ASSP 29 (1981).
"""

import math

import numpy as np
from numpy.typing import NDArray

from ._jit import inline, kernel

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

MODES = {"constant": 0, "nearest": 1, "reflect": 2, "mirror": 3, "grid-wrap": 4}
TAPS = {0: 1, 1: 2, 3: 4}
SNAP = 1e-9  # a coordinate this near to a pixel is the pixel: rounding must not spread its neighbour's NaN
FAR = 2.0**40


@inline
def fold(i: int, n: int, mode: int) -> int:
    """Index inside 0..n-1 that stands for `i` under an edge mode; -1 where the fill value stands."""
    if 0 <= i < n:
        return i
    if mode == 0:
        return -1
    if mode == 1:
        return 0 if i < 0 else n - 1
    if mode == 4:
        return i % n
    if mode == 2:
        i = i % (2 * n)
        return i if i < n else 2 * n - 1 - i
    if n == 1:
        return 0
    i = i % (2 * n - 2)
    return i if i < n else 2 * n - 2 - i


@kernel
def fold_all(first: int, last: int, n: int, mode: int) -> Indices:
    """`fold` of every index from `first` to `last`, both included."""
    out = np.empty(last - first + 1, np.intp)
    for k in range(out.size):
        out[k] = fold(first + k, n, mode)
    return out


@inline
def split(c: float) -> tuple[int, float]:
    """Pixel at or before a coordinate, and the way to the next one."""
    c = min(max(c, -FAR), FAR)
    i = math.floor(c)
    t = c - i
    if t > 1 - SNAP:
        return int(i) + 1, 0.0
    return int(i), 0.0 if t < SNAP else t


@inline
def keys(t: float) -> tuple[float, float, float, float]:
    """Weights of the four pixels around a point."""
    return (
        ((-0.5 * t + 1) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1,
        ((-1.5 * t + 2) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    )


@kernel
def nearest(image, top, left, rows, columns, yy, xx, mode, fill, out):  # type: ignore[no-untyped-def]
    """Copy the nearest pixel; `image` (r, c, channels) is the box at (top, left) of a rows x columns plane."""
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            a, b = yy[y, x], xx[y, x]
            i, j = -1, -1
            if math.isfinite(a) and math.isfinite(b):
                i, s = split(a)
                j, t = split(b)
                i = fold(i + (1 if s >= 0.5 else 0), rows, mode)
                j = fold(j + (1 if t >= 0.5 else 0), columns, mode)
            for c in range(out.shape[2]):
                out[y, x, c] = fill if i < 0 or j < 0 else image[i - top, j - left, c]


@kernel
def linear(image, top, left, rows, columns, yy, xx, mode, fill, out):  # type: ignore[no-untyped-def]
    """Mix the four pixels around each point; arguments as in `nearest`."""
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            a, b = yy[y, x], xx[y, x]
            if not (math.isfinite(a) and math.isfinite(b)):
                out[y, x, :] = fill
                continue
            i, s = split(a)
            j, t = split(b)
            if i >= 0 and j >= 0 and i + 1 < rows and j + 1 < columns and s > 0 and t > 0:
                p, q = i - top, j - left
                for c in range(out.shape[2]):
                    u = image[p, q, c] * (1 - t) + image[p, q + 1, c] * t
                    v = image[p + 1, q, c] * (1 - t) + image[p + 1, q + 1, c] * t
                    out[y, x, c] = u * (1 - s) + v * s
                continue
            for c in range(out.shape[2]):
                total = 0.0
                for k in range(2):
                    wy = s if k else 1 - s
                    if wy == 0:
                        continue
                    p = fold(i + k, rows, mode)
                    row = 0.0
                    for m in range(2):
                        wx = t if m else 1 - t
                        if wx == 0:
                            continue
                        q = fold(j + m, columns, mode)
                        row += wx * (fill if p < 0 or q < 0 else image[p - top, q - left, c])
                    total += wy * row
                out[y, x, c] = total


@kernel
def cubic(image, top, left, rows, columns, yy, xx, mode, fill, out):  # type: ignore[no-untyped-def]
    """Mix the sixteen pixels around each point with Keys' weights; arguments as in `nearest`."""
    wy = np.empty(4)
    wx = np.empty(4)
    ip = np.empty(4, np.intp)
    iq = np.empty(4, np.intp)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            a, b = yy[y, x], xx[y, x]
            if not (math.isfinite(a) and math.isfinite(b)):
                out[y, x, :] = fill
                continue
            i, s = split(a)
            j, t = split(b)
            wy[0], wy[1], wy[2], wy[3] = keys(s)
            wx[0], wx[1], wx[2], wx[3] = keys(t)
            if i >= 1 and j >= 1 and i + 2 < rows and j + 2 < columns and s > 0 and t > 0:
                p, q = i - 1 - top, j - 1 - left
                for c in range(out.shape[2]):
                    total = 0.0
                    for k in range(4):
                        total += wy[k] * (
                            image[p + k, q, c] * wx[0]
                            + image[p + k, q + 1, c] * wx[1]
                            + image[p + k, q + 2, c] * wx[2]
                            + image[p + k, q + 3, c] * wx[3]
                        )
                    out[y, x, c] = total
                continue
            for k in range(4):
                ip[k] = fold(i - 1 + k, rows, mode)
                iq[k] = fold(j - 1 + k, columns, mode)
            for c in range(out.shape[2]):
                total = 0.0
                for k in range(4):
                    if wy[k] == 0:
                        continue
                    row = 0.0
                    for m in range(4):
                        if wx[m] != 0:
                            outside = ip[k] < 0 or iq[m] < 0
                            row += wx[m] * (fill if outside else image[ip[k] - top, iq[m] - left, c])
                    total += wy[k] * row
                out[y, x, c] = total


@kernel
def axis_taps(
    start: int, stop: int, scale: float, offset: float, n: int, order: int, mode: int
) -> tuple[Indices, Floats, Floats]:
    """Indices and weights that make result pixels start..stop-1 of an axis of length n, and the fill's share.

    The coordinate of result pixel r is ``scale * r + offset``. Taps of weight zero get index -1.
    """
    taps = 1 if order == 0 else order + 1
    index = np.full((stop - start, taps), -1, np.intp)
    weight = np.zeros((stop - start, taps))
    outside = np.zeros(stop - start)
    for r in range(stop - start):
        i, t = split(scale * (start + r) + offset)
        if order == 0:
            i += 1 if t >= 0.5 else 0
            weight[r, 0] = 1.0
        elif order == 1:
            weight[r, 0], weight[r, 1] = 1 - t, t
        else:
            i -= 1
            weight[r, 0], weight[r, 1], weight[r, 2], weight[r, 3] = keys(t)
        for k in range(taps):
            if weight[r, k] != 0:
                index[r, k] = fold(i + k, n, mode)
                if index[r, k] < 0:
                    outside[r] += weight[r, k]
    return index, weight, outside


@kernel
def resample_axis(image, first, index, weight, outside, fill, out):  # type: ignore[no-untyped-def]
    """Mix lines along the middle axis: (before, n, after) -> (before, m, after); the box read starts at `first`."""
    for o in range(out.shape[0]):
        for r in range(out.shape[1]):
            start = outside[r] * fill
            for k in range(out.shape[2]):
                out[o, r, k] = start
            for tap in range(index.shape[1]):
                i = index[r, tap]
                if i < 0:
                    continue
                w = out.dtype.type(weight[r, tap])
                for k in range(out.shape[2]):
                    out[o, r, k] += w * image[o, i - first, k]


@kernel
def resample_rows(image, first, index, weight, outside, fill, out):  # type: ignore[no-untyped-def]
    """`resample_axis` for a last axis: (before, n) -> (before, m)."""
    for o in range(out.shape[0]):
        for r in range(out.shape[1]):
            total = outside[r] * fill
            for tap in range(index.shape[1]):
                i = index[r, tap]
                if i >= 0:
                    total += weight[r, tap] * image[o, i - first]
            out[o, r] = total
