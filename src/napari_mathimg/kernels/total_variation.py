"""Inner loops of total variation denoising: Chambolle's projection and the split Bregman method.

Images are (channels, slabs, rows, columns). The slabs of a volume are its planes; those of a plane are its rows, one
row each, so that loops along columns stay long and the middle axis drops out. Rows are padded to a multiple of `PAD`
columns, so that no loop has a remainder. Results have one more column, which repeats the image's last column, number
`end - 1`, so that the gradient vanishes there. The last axis of the field `r` begins with a column of zeros.
"""

import numpy as np

from ._jit import inline, kernel

PAD = 64
REACH = 32  # pixels in a row beyond which a neighbor's contribution is negligible
ONE = np.uintp(1)
TWO = np.uintp(2)


@kernel
def divergence(image, p, q, r, s, end, out):  # type: ignore[no-untyped-def]
    """Write slab `s` of the result, the image plus the divergence of the dual field (p, q, r), to `out`."""
    channels, _, rows, columns = image.shape
    s = np.uintp(s)
    for c in range(np.uintp(channels)):
        for y in range(np.uintp(rows)):
            if s > 0:
                for x in range(np.uintp(columns)):
                    out[c, y, x] = image[c, s, y, x] - p[c, s, y, x] + p[c, s - ONE, y, x]
            else:
                for x in range(np.uintp(columns)):
                    out[c, y, x] = image[c, s, y, x] - p[c, s, y, x]
            if y > 0:
                for x in range(np.uintp(columns)):
                    out[c, y, x] += q[c, s, y - ONE, x] - q[c, s, y, x]
            elif rows > 1:
                for x in range(np.uintp(columns)):
                    out[c, y, x] -= q[c, s, y, x]
            for x in range(np.uintp(columns)):
                out[c, y, x] += r[c, s, y, x] - r[c, s, y, x + ONE]
            out[c, y, np.uintp(end)] = out[c, y, np.uintp(end - 1)]


@inline
def shrinkage(here, under, y, beneath, ratio, factor):  # type: ignore[no-untyped-def]
    """Fill `factor` with ``1 / (1 + ratio * |gradient|)`` along a row; all channels share one gradient length."""
    one = factor.dtype.type(1)
    columns = np.uintp(factor.size)
    for c in range(np.uintp(here.shape[0])):
        for x in range(columns):
            h = here[c, y, x]
            a, b, d = under[c, y, x] - h, here[c, beneath, x] - h, here[c, y, x + ONE] - h
            square = a * a + b * b + d * d
            factor[x] = square if c == 0 else factor[x] + square
    for x in range(columns):
        factor[x] = one / (one + ratio * np.sqrt(factor[x]))


@kernel
def chambolle_slab(image, p, q, r, s, end, tau, ratio, here, below, factor):  # type: ignore[no-untyped-def]
    """Update the dual field on slab `s`, whose result is `here`; write the result of the next slab to `below`."""
    channels, slabs, rows, columns = image.shape
    columns, s = np.uintp(columns), np.uintp(s)
    inside = s + 1 < slabs
    if inside:
        divergence(image, p, q, r, s + 1, end, below)
    under = below if inside else here
    for y in range(np.uintp(rows)):
        beneath = y + ONE if y + 1 < rows else y
        shrinkage(here, under, y, beneath, ratio, factor)
        for c in range(np.uintp(channels)):
            if inside:
                for x in range(columns):
                    p[c, s, y, x] = (p[c, s, y, x] - tau * (below[c, y, x] - here[c, y, x])) * factor[x]
            if beneath > y:
                for x in range(columns):
                    q[c, s, y, x] = (q[c, s, y, x] - tau * (here[c, beneath, x] - here[c, y, x])) * factor[x]
            for x in range(columns):
                gradient = here[c, y, x + ONE] - here[c, y, x]
                r[c, s, y, x + ONE] = (r[c, s, y, x + ONE] - tau * gradient) * factor[x]


@kernel
def chambolle(image, p, q, r, end, tau, ratio, results, factor, stop):  # type: ignore[no-untyped-def]
    """Update the dual field in place: ``p = (p - tau * g) / (1 + ratio * |g|)``, g being the gradient of the result.

    The number of steps is the length of `results` (steps, 2, channels, rows, columns). Each step follows one slab
    behind the one before, so that a slab is fetched from memory once for all of them. Returns early if `stop` is set.
    """
    slabs, steps = image.shape[1], results.shape[0]
    for front in range(slabs + steps - 1):
        if stop[0] != 0:
            return
        for step in range(steps):
            s = front - step
            if s == 0:
                divergence(image, p, q, r, 0, end, results[step, 0])
            if 0 <= s < slabs:
                chambolle_slab(
                    image, p, q, r, s, end, tau, ratio, results[step, s % 2], results[step, (s + 1) % 2], factor
                )


@kernel
def add_squares(here, there, x, b, squares, anew):  # type: ignore[no-untyped-def]
    """Add the squares of ``there - here + b`` to a row, from column `x` of `there` on, or with `anew` overwrite it."""
    x = np.uintp(x)
    if anew:
        for k in range(np.uintp(squares.size)):
            t = there[k + x] - here[k + ONE] + b[k]
            squares[k] = t * t
    else:
        for k in range(np.uintp(squares.size)):
            t = there[k + x] - here[k + ONE] + b[k]
            squares[k] += t * t


@kernel
def shrink(squares, isotropic, level, factor):  # type: ignore[no-untyped-def]
    """Fill `factor` with the shrinkage factors of a row of squared gradient lengths."""
    one = level / level
    if isotropic:
        for k in range(np.uintp(squares.size)):
            length = np.sqrt(squares[k])
            factor[k] = length / (length + level)
    else:
        for k in range(np.uintp(squares.size)):
            length = max(np.sqrt(squares[k]), level)
            factor[k] = one - level / length


@kernel
def update(here, there, x, b, e, factor):  # type: ignore[no-untyped-def]
    """Update the splitting of a row: ``t = there - here + b``, ``d = factor * t``, ``b = t - d``, ``e = d - b``."""
    x = np.uintp(x)
    for k in range(np.uintp(factor.size)):
        t = there[k + x] - here[k + ONE] + b[k]
        d = t * factor[k]
        b[k] = t - d
        e[k] = d + d - t


@kernel
def add_both(before, after, x, y, e_before, e, row):  # type: ignore[no-untyped-def]
    """Add to a row its neighbors along an axis, from their columns `x` and `y` on, and ``e_before - e``."""
    x, y = np.uintp(x), np.uintp(y)
    for k in range(np.uintp(e.size)):
        row[k] += before[k + x] + after[k + y] + e_before[k] - e[k]


@kernel
def add_shares(row, share, other):  # type: ignore[no-untyped-def]
    """Compute ``row[k] += share * row[k - 1]`` from left to right, by doubling; both rows have `REACH` leading columns.

    `REACH` or more pixels away, a pixel contributes less than 1e-20 of its value. Returns the row with the result.
    """
    n = row.size
    step = 1
    while step < REACH:
        for k in range(np.uintp(step)):
            other[k] = row[k]
        for k in range(np.uintp(n - step)):
            other[k + np.uintp(step)] = row[k + np.uintp(step)] + share * row[k]
        share = share * share
        row, other = other, row
        step *= 2
    return row


@kernel
def bregman(image, u, b, e, end, volume, isotropic, own, share, level, squares, factor, row, other, stop):  # type: ignore[no-untyped-def]
    """Sweep once over the image in array order (Gauss-Seidel).

    `u` is the result with a constant border of one pixel. `b` and `e`, one array per axis, begin with zeros along
    their axis. A pixel becomes ``own * image + share * (neighbors + e before - e here)``. Returns early if `stop` is
    set.
    """
    channels, slabs, rows, _ = image.shape
    first = 1 if volume else 0
    (b0, b1, b2), (e0, e1, e2) = b, e
    for s in range(slabs):
        if stop[0] != 0:
            return
        for y in range(rows):
            p, q = s + 1, y + first
            for c in range(channels):
                here = u[c, p, q]
                add_squares(here, u[c, p + 1, q], 1, b0[c, s + 1, y], squares[0], c == 0)
                add_squares(here, here, 2, b2[c, s, y, 1:], squares[0 if isotropic else 2], c == 0 and not isotropic)
                if volume:
                    add_squares(
                        here, u[c, p, q + 1], 1, b1[c, s, y + 1], squares[0 if isotropic else 1],
                        c == 0 and not isotropic,
                    )  # fmt: skip
            for axis in range(1 if isotropic else 3):
                shrink(squares[axis], isotropic, level, factor[axis])
            for c in range(channels):
                here = u[c, p, q]
                inner = row[REACH:]
                row[:REACH] = 0
                inner[:] = 0
                add_both(u[c, p - 1, q], u[c, p + 1, q], 1, 1, e0[c, s, y], e0[c, s + 1, y], inner)
                update(here, u[c, p + 1, q], 1, b0[c, s + 1, y], e0[c, s + 1, y], factor[0])
                if volume:
                    middle = factor[0 if isotropic else 1]
                    add_both(u[c, p, q - 1], u[c, p, q + 1], 1, 1, e1[c, s, y], e1[c, s, y + 1], inner)
                    update(here, u[c, p, q + 1], 1, b1[c, s, y + 1], e1[c, s, y + 1], middle)
                along = factor[0 if isotropic else 2]
                finish_row(image[c, s, y], here, b2[c, s, y], e2[c, s, y], end, own, share, along, row, other)


@kernel
def finish_row(image, here, b, e, end, own, share, factor, row, other):  # type: ignore[no-untyped-def]
    """Update the split variables along a row, then its pixels from left to right, each from the new one before it."""
    n, reach = np.uintp(image.size), np.uintp(REACH)
    for k in range(n):
        row[k + reach] += here[k + TWO] - e[k + ONE]
    update(here, here, 2, b[1:], e[1:], factor)
    for k in range(n):
        row[k + reach] = own * image[k] + share * (row[k + reach] + e[k])
    row[REACH - 1] = here[0]  # the border pixel, which contributes to the first pixel of the row
    found = add_shares(row, share, other)
    ghost = here[end + 1]
    for k in range(n):
        here[k + ONE] = found[k + reach]
    here[end + 1] = ghost
