"""Inner loops of total variation denoising: Chambolle's projection and the split Bregman method.

Images are (channels, slabs, rows, columns). A volume's slabs are its planes; a plane has its rows as slabs of one row,
so that the loops along columns stay long and the middle axis drops out. Rows are filled up to a multiple of `PAD`
columns, so that no loop has a remainder; results have one column more, which repeats the image's last one (number
`end` - 1), so that the gradient there vanishes. The last axis of the field `r` starts with a column of zeros.
"""

import numpy as np

from ._jit import inline, kernel

PAD = 64
ONE = np.uintp(1)


@kernel
def divergence(image, p, q, r, s, end, out):  # type: ignore[no-untyped-def]
    """Write the result on slab `s`: the image plus the divergence of the dual field (p, q, r)."""
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
    """1 / (1 + ratio * length of the gradient) along a row; the length is that of all channels together."""
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
    """Step the dual field on slab `s`, where the result is `here`; write the result on the next slab to `below`."""
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
def chambolle(image, p, q, r, end, tau, ratio, results, factor):  # type: ignore[no-untyped-def]
    """Step the dual field in place: ``p = (p - tau * g) / (1 + ratio * |g|)``, g = the gradient of the result.

    As many steps are taken as `results` (steps, 2, channels, rows, columns) has room for, each a slab behind the
    one before, so that slabs are fetched from memory once for all.
    """
    slabs, steps = image.shape[1], results.shape[0]
    for front in range(slabs + steps - 1):
        for step in range(steps):
            s = front - step
            if s == 0:
                divergence(image, p, q, r, 0, end, results[step, 0])
            if 0 <= s < slabs:
                chambolle_slab(
                    image, p, q, r, s, end, tau, ratio, results[step, s % 2], results[step, (s + 1) % 2], factor
                )
