"""Sums over windows of odd size along an axis, with the image mirrored at the outer edges of its pixels.

Every sum is added in the same order, so that unlike a running sum it does not depend on where a box begins.
"""

from ._jit import kernel
from .wavelets import mirrored


@kernel
def add_lines(image, size, first, last, out):  # type: ignore[no-untyped-def]
    """Sum windows along the middle axis of (before, n, after), for lines `first` to `last` of all."""
    n, width = image.shape[1], image.shape[2]
    for line in range(first, last):
        a, i = line // n, line % n
        total = out[a, i]
        for x in range(width):
            total[x] = 0
        for j in range(size):
            row = image[a, mirrored(i + j - size // 2, n)]
            for x in range(width):
                total[x] += row[x]


@kernel
def add_rows(image, size, first, last, extended, out):  # type: ignore[no-untyped-def]
    """Sum windows along the last axis of (lines, n); `extended` is scratch space for n + size - 1 numbers."""
    n = image.shape[1]
    for line in range(first, last):
        row, total = image[line], out[line]
        for k in range(n + size - 1):
            i = k - size // 2
            extended[k] = row[i] if 0 <= i < n else row[mirrored(i, n)]
        for x in range(n):
            total[x] = 0
        for j in range(size):
            part = extended[j : j + n]
            for x in range(n):
                total[x] += part[x]
