"""Means of blocks of pixels, as coarse levels of an image."""

import numpy as np

from ._jit import inline, kernel


@inline
def _add_lines(image, z, deep, y, down, sums, counts):  # type: ignore[no-untyped-def]
    """Fill `sums` and `counts` with the sums and numbers of the finite pixels of each column of a block."""
    planes, rows, columns = image.shape
    for k in range(np.uintp(columns)):
        sums[k] = 0.0
        counts[k] = 0.0
    for p in range(z * deep, min(z * deep + deep, planes)):
        for q in range(y * down, min(y * down + down, rows)):
            line = image[p, q]
            for k in range(np.uintp(columns)):
                value = np.float64(line[k])
                there = abs(value) < np.inf
                sums[k] += value if there else 0.0
                counts[k] += 1.0 if there else 0.0


@kernel
def block_means(image, deep, down, right, out):  # type: ignore[no-untyped-def]
    """Fill `out` with the means of blocks of a volume (planes, rows, columns); blocks at its end may be smaller.

    A block is `deep` planes, `down` rows and `right` columns. Numbers that are not finite are left out; a block without
    any other becomes NaN.
    """
    columns = image.shape[2]
    sums, counts = np.empty(columns), np.empty(columns)
    for z in range(out.shape[0]):
        for y in range(out.shape[1]):
            _add_lines(image, z, deep, y, down, sums, counts)
            for x in range(out.shape[2]):
                total, count = 0.0, 0.0
                for k in range(x * right, min(x * right + right, columns)):
                    total += sums[k]
                    count += counts[k]
                out[z, y, x] = total / count if count > 0 else np.nan


@kernel
def block_sums(image, deep, down, right, total, number):  # type: ignore[no-untyped-def]
    """Fill `total` with the sums of the finite pixels of blocks and `number` with how many they are; see `block_means`.

    Sums of such sums are those of larger blocks.
    """
    columns = image.shape[2]
    sums, counts = np.empty(columns), np.empty(columns)
    for z in range(total.shape[0]):
        for y in range(total.shape[1]):
            _add_lines(image, z, deep, y, down, sums, counts)
            for x in range(total.shape[2]):
                first, stop = x * right, min(x * right + right, columns)
                total[z, y, x] = sums[first]
                number[z, y, x] = counts[first]
                for k in range(first + 1, stop):
                    total[z, y, x] += sums[k]
                    number[z, y, x] += counts[k]


@inline
def _add_halved_lines(image, z, deep, y, down, left, right):  # type: ignore[no-untyped-def]
    """Fill `left` and `right` with the sums of both columns of whole blocks that are two columns wide."""
    left[:] = 0
    right[:] = 0
    for p in range(z * deep, z * deep + deep):
        for q in range(y * down, y * down + down):
            line = image[p, q]
            for x in range(np.uintp(left.size)):
                left[x] += line[2 * x]
                right[x] += line[2 * x + 1]


@kernel
def halve_integers(image, deep, down, shift, total, out):  # type: ignore[no-untyped-def]
    """Fill `total` with sums of whole blocks, and `out` with them divided by 2 ** shift: nearest, ties to even.

    A block is `deep` planes, `down` rows and two columns of a volume. The type of `total` must hold the sums.
    """
    left, right = np.empty(total.shape[2], total.dtype), np.empty(total.shape[2], total.dtype)
    below = total.dtype.type((1 << shift) // 2 - 1)
    one = total.dtype.type(1)
    for z in range(total.shape[0]):
        for y in range(total.shape[1]):
            _add_halved_lines(image, z, deep, y, down, left, right)
            sums, means = total[z, y], out[z, y]
            for x in range(np.uintp(sums.size)):
                of_block = left[x] + right[x]
                sums[x] = of_block
                means[x] = (of_block + below + ((of_block >> shift) & one)) >> shift


@kernel
def halve_finite(image, deep, down, shift, total, out):  # type: ignore[no-untyped-def]
    """Do so for floating-point numbers, without rounding to integers, and return whether all sums are finite."""
    left, right = np.empty(total.shape[2]), np.empty(total.shape[2])
    scale, checked = 1.0 / (1 << shift), 0.0
    for z in range(total.shape[0]):
        for y in range(total.shape[1]):
            _add_halved_lines(image, z, deep, y, down, left, right)
            sums, means = total[z, y], out[z, y]
            for x in range(np.uintp(sums.size)):
                of_block = left[x] + right[x]
                sums[x] = of_block
                means[x] = of_block * scale
                checked += 0.0 * of_block
    return checked == 0.0
