"""Weighted means of pixels with similar surroundings: non-local means and, with patches of one pixel, bilateral means.

Images are (channels, planes, rows, columns). Rows are padded to a multiple of `PAD` columns, so that no loop has a
remainder; results in the padding are not used. All sums at a pixel are taken in the same order wherever the pixel lies,
without running sums, so that boxes agree to the bit.
"""

import numpy as np
from numba import types
from numba.extending import overload

from ._jit import inline, kernel

PAD = 64
FARTHEST = np.float32(80)  # exponent beyond which a weight is negligible


def decay(x: float) -> float:
    """Return ``exp(-x)`` of a number of at least 0."""
    return float(np.exp(-x))


@overload(decay)
def _decay(x):  # type: ignore[no-untyped-def]
    if x is not types.float32:
        return lambda x: np.exp(-x)

    def single(x):  # type: ignore[no-untyped-def]
        """Return ``exp(-x)`` to 2e-7: a whole power of 2 times the Taylor series of ``2 ** f`` for ``|f| <= 1/2``."""
        z = min(x, FARTHEST) * np.float32(-1.44269504)
        n = np.int32(z - np.float32(0.5))
        f = z - np.float32(n)
        high = np.float32(0.0096181291) + f * (np.float32(0.0013333558) + f * np.float32(0.00015403530))
        low = np.float32(0.24022651) + f * (np.float32(0.055504109) + f * high)
        series = np.float32(1) + f * (np.float32(0.69314718) + f * low)
        return series * np.int32((n + np.int32(127)) << np.int32(23)).view(np.float32)

    return single


@inline
def filled(n):  # type: ignore[no-untyped-def]
    """Return the number of columns rounded up to a multiple of `PAD`."""
    return (n + PAD - 1) // PAD * PAD


@inline
def squared_differences(image, z, y, x, dz, dy, dx, n, out):  # type: ignore[no-untyped-def]
    """Fill `out` with the squared differences between a row and a shifted copy of it, summed over channels."""
    x, there, n = np.uintp(x), np.uintp(x + dx), np.uintp(n)
    for c in range(image.shape[0]):
        if c == 0:
            for k in range(n):
                d = image[c, z, y, x + k] - image[c, z + dz, y + dy, there + k]
                out[k] = d * d
        else:
            for k in range(n):
                d = image[c, z, y, x + k] - image[c, z + dz, y + dy, there + k]
                out[k] += d * d


@kernel
def sum_planes(squares, z, depth, n, out):  # type: ignore[no-untyped-def]
    """Fill `out` with the sum of the rows of `depth` planes."""
    n = np.uintp(n)
    for k in range(n):
        out[k] = squares[z, k]
    for j in range(1, depth):
        for k in range(n):
            out[k] += squares[z + j, k]


@kernel
def patch_weights(rings, first, z, size, n, scale, floor, column, out):  # type: ignore[no-untyped-def]
    """Fill `out` with the weights of a row of patches, from their squared differences, row by row from `first` on."""
    n, width = np.uintp(n), np.uintp(filled(n + size[2] - 1))
    zero = scale - scale
    slot = first % size[1]
    for k in range(width):
        column[k] = rings[slot, z, k]
    for j in range(1, size[1]):
        slot = (first + j) % size[1]
        for k in range(width):
            column[k] += rings[slot, z, k]
    if size[2] == 5:
        for k in range(n):
            s = column[k] + column[k + np.uintp(1)] + column[k + np.uintp(2)]
            out[k] = s + column[k + np.uintp(3)] + column[k + np.uintp(4)]
    elif size[2] == 7:
        for k in range(n):
            s = column[k] + column[k + np.uintp(1)] + column[k + np.uintp(2)] + column[k + np.uintp(3)]
            out[k] = s + column[k + np.uintp(4)] + column[k + np.uintp(5)] + column[k + np.uintp(6)]
    else:
        for k in range(n):
            out[k] = column[k]
        for j in range(1, size[2]):
            for k in range(n):
                out[k] += column[k + np.uintp(j)]
    for k in range(n):
        out[k] = decay(max(out[k] - floor, zero) * scale)


@kernel
def pixel_weights(squares, n, scale, nearness, out):  # type: ignore[no-untyped-def]
    """Fill `out` with the weights of a row of pixels, from their squared differences and their spatial weight."""
    for k in range(np.uintp(n)):
        out[k] = nearness * decay(squares[k] * scale)


@kernel
def add_weighted(image, radius, z, y, dz, dy, dx, weights, start, sums, totals):  # type: ignore[no-untyped-def]
    """Add to a row the weighted differences from the pixels at a shift, and the weights, which begin at `start`.

    Unlike sums of values, sums of differences do not accumulate rounding errors where the image is flat.
    """
    start, n = np.uintp(start), np.uintp(totals.shape[2])
    p, q, r, s = z + radius[0], y + radius[1], np.uintp(radius[2]), np.uintp(radius[2] + dx)
    for c in range(image.shape[0]):
        for k in range(n):
            sums[c, z, y, k] += weights[start + k] * (image[c, p + dz, q + dy, s + k] - image[c, p, q, r + k])
    for k in range(n):
        totals[z, y, k] += weights[start + k]


@kernel
def add_similar(image, radius, box, columns, shifts, nearness, size, scale, floor, sums, totals, stop):  # type: ignore[no-untyped-def]
    """Add to all pixels of a box their weighted differences from pixels at some shifts and at the opposite shifts.

    `image` has a margin of `radius` around the pixels that `box` ((first, last) plane and row), `columns`, `sums` and
    `totals` refer to, and at least 2 * `PAD` further columns. A shift and its opposite have the same weights, which are
    computed once: `shifts` holds the later one of each pair in array order, so that dz is not negative. `floor` is what
    noise adds to the squared differences of a patch; `scale` turns the rest into the exponent of the weight. Returns
    early if `stop` is set.
    """
    (z0, z1), (y0, y1) = box
    oz, oy, ox = size[0] // 2, size[1] // 2, size[2] // 2
    margin_z, margin_y, margin_x = radius
    pixelwise = size[0] * size[1] * size[2] == 1
    wide = image.shape[3]
    squares = np.zeros((z1 - z0 + margin_z + oz, wide), image.dtype)
    rings = np.zeros((size[1], z1 - z0 + margin_z - oz, wide), image.dtype)
    column, weights = np.zeros(wide, image.dtype), np.zeros(wide, image.dtype)
    for shift in range(len(shifts)):
        if stop[0] != 0:
            return
        dz, dy, dx = shifts[shift]
        left, length = max(dx, 0), columns + abs(dx)
        n, width = filled(length), filled(length + 2 * ox)
        top, bottom = min(y0, y0 - dy), max(y1, y1 - dy)
        for y in range(top - oy, bottom + oy):
            for z in range(z0 - dz - oz, z1 + oz):
                squared_differences(
                    image,
                    z + margin_z,
                    y + margin_y,
                    margin_x - left - ox,
                    dz,
                    dy,
                    dx,
                    width,
                    squares[z - z0 + dz + oz],
                )
            middle = y - oy
            for z in range(z0 - dz, z1):
                plane = z - z0 + dz
                if not pixelwise:
                    sum_planes(squares, plane, size[0], width, rings[y % size[1], plane])
                here = z >= z0 and y0 <= middle < y1
                there = z + dz < z1 and y0 <= middle + dy < y1
                if middle < top or not (here or there):
                    continue
                if pixelwise:
                    pixel_weights(squares[plane], n, scale, nearness[shift], weights)
                else:
                    patch_weights(rings, middle - oy, plane, size, n, scale, floor, column, weights)
                if here:
                    add_weighted(image, radius, z, middle, dz, dy, dx, weights, left, sums, totals)
                if there:
                    add_weighted(image, radius, z + dz, middle + dy, -dz, -dy, -dx, weights, left - dx, sums, totals)
