"""One step of the discrete wavelet transform along an axis, as PyWavelets does in mode "symmetric", and shrinkage.

S. Mallat, "A theory for multiresolution signal decomposition: the wavelet representation", IEEE Trans. PAMI 11 (1989).

Filters have an even length F. Coefficient i of a signal x is the sum of ``filter[j] * x[2 i + 1 - j]``, where x is
mirrored at the outer edges of its first and last pixel. Taps are added in the order of j for every coefficient.
"""

from ._jit import inline, kernel


@inline
def mirrored(i: int, n: int) -> int:
    """Return the index from 0 to n - 1 that replaces `i` in a mirrored signal."""
    if 0 <= i < n:
        return i
    i = i % (2 * n)
    return i if i < n else 2 * n - 1 - i


@kernel
def split_lines(image, low_filter, high_filter, first, last, low, high):  # type: ignore[no-untyped-def]
    """Filter along the middle axis, (before, n, after) to (before, m, after), for lines `first` to `last` of all."""
    n, m, width = image.shape[1], low.shape[1], image.shape[2]
    for line in range(first, last):
        a, i = line // m, line % m
        below, above = low[a, i], high[a, i]
        for x in range(width):
            below[x] = 0
            above[x] = 0
        for j in range(0, low_filter.size, 2):
            p, q = image[a, mirrored(2 * i + 1 - j, n)], image[a, mirrored(2 * i - j, n)]
            f, g, r, s = low_filter[j], low_filter[j + 1], high_filter[j], high_filter[j + 1]
            for x in range(width):
                below[x] = (below[x] + f * p[x]) + g * q[x]
                above[x] = (above[x] + r * p[x]) + s * q[x]


@kernel
def split_rows(image, low_filter, high_filter, first, last, even, odd, low, high):  # type: ignore[no-untyped-def]
    """Filter along the last axis, (lines, n) to (lines, m), for lines `first` to `last`.

    `even` and `odd` are scratch space for m + F / 2 numbers: with even and odd pixels separated, taps vectorize.
    """
    n, m, half = image.shape[1], low.shape[1], low_filter.size // 2
    for line in range(first, last):
        row, below, above = image[line], low[line], high[line]
        for k in range(m + half):
            inside = k >= half and 2 * (k - half) + 1 < n
            even[k] = row[2 * (k - half)] if inside else row[mirrored(2 * (k - half), n)]
            odd[k] = row[2 * (k - half) + 1] if inside else row[mirrored(2 * (k - half) + 1, n)]
        for x in range(m):
            below[x] = 0
            above[x] = 0
        for t in range(half):
            p, q = odd[half - t : half - t + m], even[half - t : half - t + m]
            f, g, r, s = low_filter[2 * t], low_filter[2 * t + 1], high_filter[2 * t], high_filter[2 * t + 1]
            for x in range(m):
                below[x] = (below[x] + f * p[x]) + g * q[x]
                above[x] = (above[x] + r * p[x]) + s * q[x]


@kernel
def join_lines(low, high, low_filter, high_filter, first, last, out):  # type: ignore[no-untyped-def]
    """Undo `split_lines`, (before, m, after) to (before, n, after), with n of at most 2 m - F + 2."""
    n, width, half = out.shape[1], out.shape[2], low_filter.size // 2
    for line in range(first, last):
        a, i = line // n, line % n
        made = out[a, i]
        for x in range(width):
            made[x] = 0
        for t in range(half):
            k = i // 2 + half - 1 - t
            p, q, f, g = low[a, k], high[a, k], low_filter[2 * t + i % 2], high_filter[2 * t + i % 2]
            for x in range(width):
                made[x] = (made[x] + f * p[x]) + g * q[x]


@kernel
def join_rows(low, high, low_filter, high_filter, first, last, even, odd, out):  # type: ignore[no-untyped-def]
    """Undo `split_rows`; `even` and `odd` are scratch space for (n + 1) / 2 numbers."""
    n, half = out.shape[1], low_filter.size // 2
    m = (n + 1) // 2
    for line in range(first, last):
        for x in range(m):
            even[x] = 0
            odd[x] = 0
        for t in range(half):
            k = half - 1 - t
            p, q = low[line, k : k + m], high[line, k : k + m]
            f, g, r, s = low_filter[2 * t], high_filter[2 * t], low_filter[2 * t + 1], high_filter[2 * t + 1]
            for x in range(m):
                even[x] = (even[x] + f * p[x]) + g * q[x]
                odd[x] = (odd[x] + r * p[x]) + s * q[x]
        row = out[line]
        for x in range(n // 2):
            row[2 * x] = even[x]
            row[2 * x + 1] = odd[x]
        if n % 2:
            row[n - 1] = even[m - 1]


@kernel
def shrink(coefficients, threshold, is_soft):  # type: ignore[no-untyped-def]
    """Set flat coefficients of at most the threshold to 0; with `is_soft`, move all others toward 0 by it."""
    zero = coefficients.dtype.type(0)
    if is_soft:
        for k in range(coefficients.size):
            c = coefficients[k]
            left = abs(c) - threshold
            left = left if left > zero else zero
            coefficients[k] = left if c > zero else -left
    else:
        for k in range(coefficients.size):
            c = coefficients[k]
            coefficients[k] = c if abs(c) > threshold else zero
