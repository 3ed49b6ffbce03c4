"""Inner loops of convolution: separable weights, single taps, and box sums.

Every kernel reads an array that is padded by the size of the window, and so needs no edge handling. Terms are added in
the same order at every pixel, so that results do not depend on where a box begins. Weights are in the order of the
pixels that they multiply: a convolution passes its kernel flipped.
"""

import numpy as np

from ._jit import inline, kernel

CHUNK = 2048  # numbers that stay in the first-level cache while weighted lines are added to them
STRIP = 256  # columns whose sums over several lines are computed together
ONE, TWO, THREE = np.uintp(1), np.uintp(2), np.uintp(3)


@inline
def weigh_lines(image, y, weights, start, total):  # type: ignore[no-untyped-def]
    """Write the weighted sum of consecutive lines, beginning at line `y` and column `start`, to `total`."""
    n, width = np.uintp(weights.size), np.uintp(total.size)
    y, start = np.uintp(y), np.uintp(start)
    rest = n & THREE
    if rest == 0:
        for x in range(width):
            total[x] = 0
    else:
        w = weights[0]
        for x in range(width):
            total[x] = w * image[y, start + x]
        for j in range(ONE, rest):
            w = weights[j]
            for x in range(width):
                total[x] += w * image[y + j, start + x]
    for group in range((n - rest) >> TWO):
        k = rest + (group << TWO)
        a, b, c, d = weights[k], weights[k + ONE], weights[k + TWO], weights[k + THREE]
        i = y + k
        for x in range(width):
            total[x] += (a * image[i, start + x] + b * image[i + ONE, start + x]) + (
                c * image[i + TWO, start + x] + d * image[i + THREE, start + x]
            )


@inline
def weigh_row(line, weights, total):  # type: ignore[no-untyped-def]
    """Write the weighted sum of shifted copies of a line to `total`."""
    n, width = np.uintp(weights.size), np.uintp(total.size)
    rest = n & THREE
    if rest == 0:
        for x in range(width):
            total[x] = 0
    else:
        w = weights[0]
        for x in range(width):
            total[x] = w * line[x]
        for j in range(ONE, rest):
            w = weights[j]
            for x in range(width):
                total[x] += w * line[x + j]
    for group in range((n - rest) >> TWO):
        k = rest + (group << TWO)
        a, b, c, d = weights[k], weights[k + ONE], weights[k + TWO], weights[k + THREE]
        for x in range(width):
            total[x] += (a * line[x + k] + b * line[x + k + ONE]) + (c * line[x + k + TWO] + d * line[x + k + THREE])


@kernel
def weigh_planes(image, weights, first, last, out):  # type: ignore[no-untyped-def]
    """Correlate (n, pixels) with weights along the first axis, for pixels `first` to `last`."""
    for y in range(out.shape[0]):
        for start in range(first, last, CHUNK):
            weigh_lines(image, y, weights, start, out[y, start : min(start + CHUNK, last)])


@kernel
def weigh_separably(image, down, across, first, last, line, out):  # type: ignore[no-untyped-def]
    """Correlate (planes, rows, columns) with `down` along rows and `across` along columns, for rows `first` to `last`.

    `line` is scratch space for one row of `image`.
    """
    for p in range(out.shape[0]):
        for y in range(first, last):
            weigh_lines(image[p], y, down, 0, line)
            weigh_row(line, across, out[p, y])


@inline
def _tap(image, p, y, step, width):  # type: ignore[no-untyped-def]
    """Return the part of a line that one weight multiplies."""
    return image[p + step[0], y + step[1], step[2] : step[2] + width]


@kernel
def add_taps(image, steps, weights, first, last, out):  # type: ignore[no-untyped-def]
    """Correlate (planes, rows, columns) with scattered weights, for rows `first` to `last` of all planes.

    `steps` holds the offset (planes, rows, columns) of each weight from the first pixel of its window.
    """
    n, width = np.uintp(weights.size), np.uintp(out.shape[2])
    for p in range(np.uintp(out.shape[0])):
        for y in range(np.uintp(first), np.uintp(last)):
            total = out[p, y]
            for x in range(width):
                total[x] = 0
            for t in range(n & THREE):
                w, a = weights[t], _tap(image, p, y, steps[t], width)
                for x in range(width):
                    total[x] += w * a[x]
            for group in range(n >> TWO):
                g = (n & THREE) + (group << TWO)
                wa, wb, wc, wd = weights[g], weights[g + ONE], weights[g + TWO], weights[g + THREE]
                a, b = _tap(image, p, y, steps[g], width), _tap(image, p, y, steps[g + ONE], width)
                c, d = _tap(image, p, y, steps[g + TWO], width), _tap(image, p, y, steps[g + THREE], width)
                for x in range(width):
                    total[x] += (wa * a[x] + wb * b[x]) + (wc * c[x] + wd * d[x])


@inline
def _sum_lines(source, y, start, span, count, total):  # type: ignore[no-untyped-def]
    """Add `count` (1 to 3) lines at a distance of `span` lines to `total`."""
    y, start, span, width = np.uintp(y), np.uintp(start), np.uintp(span), np.uintp(total.size)
    if count == 1:
        for x in range(width):
            total[x] += source[y, start + x]
    elif count == 2:
        for x in range(width):
            total[x] += source[y, start + x] + source[y + span, start + x]
    else:
        for x in range(width):
            total[x] += source[y, start + x] + source[y + span, start + x] + source[y + TWO * span, start + x]


@inline
def _sum_four_lines(source, y, start, span, total):  # type: ignore[no-untyped-def]
    """Write the sum of four lines at a distance of `span` lines to `total`."""
    y, start, span, width = np.uintp(y), np.uintp(start), np.uintp(span), np.uintp(total.size)
    for x in range(width):
        total[x] = (source[y, start + x] + source[y + span, start + x]) + (
            source[y + TWO * span, start + x] + source[y + THREE * span, start + x]
        )


@kernel
def add_up_lines(image, size, first, last, sums, out):  # type: ignore[no-untyped-def]
    """Sum `size` consecutive lines of (n, pixels), for pixels `first` to `last`.

    Sums over 1, 4, 16, ... lines are computed in turn in `sums`, scratch space of n lines. The result adds as many of
    each as the base-4 digits of `size` say.
    """
    n, lines = image.shape[0], out.shape[0]
    for start in range(first, last, sums.shape[1]):
        stop = min(start + sums.shape[1], last)
        for y in range(lines):
            total = out[y, start:stop]
            for x in range(total.size):
                total[x] = 0
            if size % 4:
                _sum_lines(image, y, start, 1, size % 4, total)
        done, span = size % 4, 4
        while done < size:
            for y in range(n - span + 1):
                total = sums[y, : stop - start]
                if span == 4:
                    _sum_four_lines(image, y, start, 1, total)
                else:
                    _sum_four_lines(sums, y, 0, span // 4, total)
            digit = size // span % 4
            if digit:
                for y in range(lines):
                    _sum_lines(sums, y + done, 0, span, digit, out[y, start:stop])
            done += digit * span
            span *= 4


@inline
def _sum_shifts(line, start, span, count, total):  # type: ignore[no-untyped-def]
    """Add `count` (1 to 3) copies of a line, shifted by multiples of `span`, to `total`."""
    width = np.uintp(total.size)
    if count == 1:
        for x in range(width):
            total[x] += line[start + x]
    elif count == 2:
        for x in range(width):
            total[x] += line[start + x] + line[start + span + x]
    else:
        for x in range(width):
            total[x] += line[start + x] + line[start + span + x] + line[start + TWO * span + x]


@inline
def _sum_four_shifts(line, span, count, sums):  # type: ignore[no-untyped-def]
    """Write the sum of four copies of a line, shifted by multiples of `span`, to `sums`."""
    for x in range(count):
        sums[x] = (line[x] + line[x + span]) + (line[x + TWO * span] + line[x + THREE * span])


@kernel
def average_rows(image, size, first, last, divisor, sums, total, out):  # type: ignore[no-untyped-def]
    """Sum `size` consecutive numbers in lines `first` to `last` of (lines, n), and divide the sums by `divisor`.

    Sums are computed as in `add_up_lines`. `sums` is scratch space for n numbers, `total` for one line of the result.
    """
    n, size = np.uintp(image.shape[1]), np.uintp(size)
    for line in range(first, last):
        row, result = image[line], out[line]
        total[:] = 0
        done = size & THREE
        if done:
            _sum_shifts(row, np.uintp(0), ONE, done, total)
        span = np.uintp(4)
        while done < size:
            count = n - span + ONE
            if span == 4:
                _sum_four_shifts(row, ONE, count, sums)
            else:
                _sum_four_shifts(sums, span >> TWO, count, sums)
            digit = size // span & THREE
            if digit:
                _sum_shifts(sums, done, span, digit, total)
            done += digit * span
            span <<= TWO
        for x in range(np.uintp(result.size)):
            result[x] = total[x] / divisor
