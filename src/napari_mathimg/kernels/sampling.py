"""Interpolation at scattered points and along axes: nearest neighbor, linear, and Keys' cubic with a = -0.5.

R. Keys, "Cubic convolution interpolation for digital image processing", IEEE Trans. ASSP 29 (1981).
"""

import math

import numpy as np
from numpy.typing import NDArray

from ._jit import inline, kernel

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

SNAP = 1e-9  # coordinates this close to a pixel are taken for it: rounding must not spread a neighbor's NaN
FAR = 2.0**40
RUN = 256  # points whose indices and weights are computed together
PIECE = 32  # points of the parts of a run that is not entirely inside


@inline
def fold(i: int, n: int, mode: int) -> int:
    """Return the index from 0 to n - 1 that replaces `i` under an edge mode; -1 for the fill value."""
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


@inline
def near(i: int, n: int) -> int:
    """Return an index clipped to 0 to n - 1: a rounded coordinate must not lead outside of the block's memory."""
    return min(max(i, 0), n - 1)


@inline
def split(c: float) -> tuple[int, float]:
    """Return the pixel at or before a coordinate, and the fraction of the way to the next one."""
    c = min(max(c, -FAR), FAR)
    i = math.floor(c)
    t = c - i
    if t > 1 - SNAP:
        return int(i) + 1, 0.0
    return int(i), 0.0 if t < SNAP else t


@inline
def keys(t):  # type: ignore[no-untyped-def]
    """Return Keys' weights of the four pixels around a point, from the fraction of the way between the inner two."""
    number = type(t)
    half, one, two = number(0.5), number(1), number(2)
    return (
        ((one - half * t) * t - half) * t,
        ((one + half) * t - two - half) * t * t + one,
        ((two - (one + half) * t) * t + half) * t,
        (half * t - half) * t * t,
    )


@kernel
def nearest(image, top, left, rows, columns, yy, xx, mode, fill, out):  # type: ignore[no-untyped-def]
    """Copy the nearest pixel of each point; `image` (r, c, channels) lies at (top, left) of a rows x columns plane."""
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
                outside = i < 0 or j < 0
                p, q = near(i - top, image.shape[0]), near(j - left, image.shape[1])
                out[y, x, c] = fill if outside else image[p, q, c]


@inline
def interior(yy, xx, before, after, top, bottom, left, right):  # type: ignore[no-untyped-def]
    """Return whether all points of a run keep `before` and `after` pixels from the edges of the block."""
    inside = True
    for k in range(yy.size):
        a, b = yy[k], xx[k]
        inside &= (a >= top + before) & (a < bottom - after) & (b >= left + before) & (b < right - after)
    return inside


@inline
def split_run(yy, xx, top, left, width, first, s, t):  # type: ignore[no-untyped-def]
    """Fill `first` with the flat index of the pixel before each interior point, `s` and `t` with the fractions."""
    for k in range(yy.size):
        i, j = math.floor(yy[k]), math.floor(xx[k])
        u, v = yy[k] - i, xx[k] - j
        up, right = u > 1 - SNAP, v > 1 - SNAP
        i, j = i + (1.0 if up else 0.0), j + (1.0 if right else 0.0)
        s[k] = 0.0 if up or u < SNAP else u
        t[k] = 0.0 if right or v < SNAP else v
        first[k] = np.uintp(np.int64(i - top) * width + np.int64(j - left))


@inline
def all_finite(values):  # type: ignore[no-untyped-def]
    """Return whether no number of a run is NaN or infinite."""
    finite = True
    for k in range(values.size):
        finite &= abs(values[k]) < np.inf
    return finite


@inline
def blend(a, b, c, d, s, t, one):  # type: ignore[no-untyped-def]
    """Return the bilinear interpolation between four pixels."""
    return (a * (one - t) + b * t) * (one - s) + (c * (one - t) + d * t) * s


@inline
def pixel(image, i, j, c, top, left, rows, columns, mode, fill):  # type: ignore[no-untyped-def]
    """Return the value of a pixel that may lie outside of the image."""
    i, j = fold(i, rows, mode), fold(j, columns, mode)
    return fill if i < 0 or j < 0 else image[near(i - top, image.shape[0]), near(j - left, image.shape[1]), c]


@inline
def beyond(a, b, rows, columns, margin):  # type: ignore[no-untyped-def]
    """Return whether a point lies so far outside that no pixel contributes."""
    return a <= -margin or b <= -margin or a >= rows - 1 + margin or b >= columns - 1 + margin


@inline
def linear_run(flat, first, step, line, s, t, one, out):  # type: ignore[no-untyped-def]
    """Interpolate between the four pixels around each point of a run of interior points."""
    for k in range(out.size):
        p = first[k] * step
        q = p + line
        out[k] = blend(flat[p], flat[p + step], flat[q], flat[q + step], s[k], t[k], one)


@kernel
def linear(image, top, left, rows, columns, yy, xx, mode, fill, out):  # type: ignore[no-untyped-def]
    """Interpolate between the four pixels around each point; arguments as in `nearest`.

    Runs of points whose pixels all lie inside are processed by loops that vectorize. The arithmetic of a point is the
    same either way, so that the result does not depend on how an image is divided into runs.
    """
    width, channels, one = image.shape[1], image.shape[2], image.dtype.type(1)
    bottom, right = top + image.shape[0], left + width
    flat = image.reshape(-1)
    first = np.empty(RUN, np.uintp)
    s, t = np.empty(RUN, image.dtype), np.empty(RUN, image.dtype)
    step, line = np.uintp(channels), np.uintp(width * channels)
    for y in range(out.shape[0]):
        x = 0
        while x < out.shape[1]:
            a, b = yy[y, x : x + RUN], xx[y, x : x + RUN]
            inside = interior(a, b, 0.0, 1.001, top, bottom, left, right)
            if not inside and a.size > PIECE:
                a, b = a[:PIECE], b[:PIECE]
                inside = interior(a, b, 0.0, 1.001, top, bottom, left, right)
            if inside:
                split_run(a, b, top, left, width, first, s, t)
            for c in range(channels):
                part = out[y, x : x + a.size, c]
                if inside:
                    linear_run(flat[c:], first, step, line, s, t, one, part)
                if not inside or not all_finite(part):
                    for k in range(a.size):
                        if not inside or not math.isfinite(part[k]):
                            part[k] = linear_point(image, c, top, left, rows, columns, a[k], b[k], mode, fill)
            x += a.size


@kernel
def linear_point(image, c, top, left, rows, columns, a, b, mode, fill):  # type: ignore[no-untyped-def]
    """Interpolate between the four pixels around any point; a NaN with a weight of 0 has no effect."""
    if not (math.isfinite(a) and math.isfinite(b)) or (mode == 0 and beyond(a, b, rows, columns, 1.0)):
        return fill
    i, u = split(a)
    j, v = split(b)
    s, t, one = image.dtype.type(u), image.dtype.type(v), image.dtype.type(1)
    p00 = pixel(image, i, j, c, top, left, rows, columns, mode, fill)
    p01 = pixel(image, i, j + 1, c, top, left, rows, columns, mode, fill)
    p10 = pixel(image, i + 1, j, c, top, left, rows, columns, mode, fill)
    p11 = pixel(image, i + 1, j + 1, c, top, left, rows, columns, mode, fill)
    if t == 0:
        p01, p11 = p00, p10
    if s == 0:
        p10, p11 = p00, p01
    return blend(p00, p01, p10, p11, s, t, one)


@inline
def keys_run(t, weights):  # type: ignore[no-untyped-def]
    """Fill `weights` with Keys' weights of a run of points."""
    for k in range(t.size):
        weights[0, k], weights[1, k], weights[2, k], weights[3, k] = keys(t[k])


@inline
def cubic_run(flat, first, step, line, h, w, out):  # type: ignore[no-untyped-def]
    """Interpolate between the sixteen pixels around each point of a run of interior points."""
    for k in range(out.size):
        p = first[k] * step - line - step
        w0, w1, w2, w3 = w[0, k], w[1, k], w[2, k], w[3, k]
        r0 = four(flat, p, step, w0, w1, w2, w3)
        r1 = four(flat, p + line, step, w0, w1, w2, w3)
        r2 = four(flat, p + line + line, step, w0, w1, w2, w3)
        r3 = four(flat, p + line + line + line, step, w0, w1, w2, w3)
        out[k] = r0 * h[0, k] + r1 * h[1, k] + r2 * h[2, k] + r3 * h[3, k]


@kernel
def cubic(image, top, left, rows, columns, yy, xx, mode, fill, out):  # type: ignore[no-untyped-def]
    """Interpolate between the sixteen pixels around each point with Keys' weights; otherwise as `linear`."""
    width, channels = image.shape[1], image.shape[2]
    bottom, right = top + image.shape[0], left + width
    flat = image.reshape(-1)
    first = np.empty(RUN, np.uintp)
    s, t = np.empty(RUN, image.dtype), np.empty(RUN, image.dtype)
    h, w = np.empty((4, RUN), image.dtype), np.empty((4, RUN), image.dtype)
    step, line = np.uintp(channels), np.uintp(width * channels)
    for y in range(out.shape[0]):
        x = 0
        while x < out.shape[1]:
            a, b = yy[y, x : x + RUN], xx[y, x : x + RUN]
            inside = interior(a, b, 1.0, 2.001, top, bottom, left, right)
            if not inside and a.size > PIECE:
                a, b = a[:PIECE], b[:PIECE]
                inside = interior(a, b, 1.0, 2.001, top, bottom, left, right)
            if inside:
                split_run(a, b, top, left, width, first, s, t)
                keys_run(s[: a.size], h)
                keys_run(t[: a.size], w)
            for c in range(channels):
                part = out[y, x : x + a.size, c]
                if inside:
                    cubic_run(flat[c:], first, step, line, h, w, part)
                if not inside or not all_finite(part):
                    for k in range(a.size):
                        if not inside or not math.isfinite(part[k]):
                            part[k] = cubic_point(image, c, top, left, rows, columns, a[k], b[k], mode, fill)
            x += a.size


@inline
def four(flat, p, step, w0, w1, w2, w3):  # type: ignore[no-untyped-def]
    """Return the weighted sum of four neighbors in a row."""
    return flat[p] * w0 + flat[p + step] * w1 + flat[p + step + step] * w2 + flat[p + step + step + step] * w3


@kernel
def cubic_point(image, c, top, left, rows, columns, a, b, mode, fill):  # type: ignore[no-untyped-def]
    """Interpolate between the sixteen pixels around any point; a NaN with a weight of 0 has no effect."""
    if not (math.isfinite(a) and math.isfinite(b)) or (mode == 0 and beyond(a, b, rows, columns, 2.0)):
        return fill
    i, u = split(a)
    j, v = split(b)
    zero = image.dtype.type(0)
    h, w = keys(image.dtype.type(u)), keys(image.dtype.type(v))
    total = zero
    for r in range(4):
        row = zero
        for m in range(4):
            value = pixel(image, i - 1 + r, j - 1 + m, c, top, left, rows, columns, mode, fill)
            share = (zero if w[m] == 0 else value) * w[m]
            row = share if m == 0 else row + share
        share = (zero if h[r] == 0 else row) * h[r]
        total = share if r == 0 else total + share
    return total


@kernel
def axis_taps(
    start: int, stop: int, step: int, scale: float, offset: float, n: int, order: int, mode: int
) -> tuple[Indices, Floats, Floats]:
    """Return indices and weights of the taps of result pixels `start` to `stop - 1`, and the weight of the fill value.

    Of the result pixels, every `step`-th one counts.

    The axis has n pixels; result pixel r is read at ``scale * r + offset``. Taps with a weight of 0 get the index -1.
    """
    taps = 1 if order == 0 else order + 1
    count = (stop - start + step - 1) // step
    index = np.full((count, taps), -1, np.intp)
    weight = np.zeros((count, taps))
    outside = np.zeros(count)
    for r in range(count):
        i, t = split(scale * (start + r * step) + offset)
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
    """Resample (before, n, after) to (before, m, after) by weighted taps; the block begins at index `first`."""
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
    """Resample the last axis as `resample_axis` does: (before, n) to (before, m)."""
    for o in range(out.shape[0]):
        for r in range(out.shape[1]):
            total = outside[r] * fill
            for tap in range(index.shape[1]):
                i = index[r, tap]
                if i >= 0:
                    total += weight[r, tap] * image[o, i - first]
            out[o, r] = total
