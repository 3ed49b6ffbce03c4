"""Medians of windows, by sorting networks that process many pixels at once or by histograms that follow the window.

K. E. Batcher, "Sorting networks and their applications", AFIPS (1968). T. S. Huang, G. J. Yang and G. Y. Tang,
"A fast two-dimensional median filtering algorithm", IEEE Trans. ASSP 27 (1979).
"""

import numpy as np

from ._jit import inline, kernel

ONE = np.uintp(1)
TWO = np.uintp(2)
SMALL, LARGE = 5, 10  # base-2 logarithms of the numbers of levels counted together, which the search can skip


@inline
def lower(a, b):  # type: ignore[no-untyped-def]
    """Return the lower of two values."""
    return b if b < a else a


@inline
def higher(a, b):  # type: ignore[no-untyped-def]
    """Return the higher of two values."""
    return a if b < a else b


@inline
def middle3(a, b, c):  # type: ignore[no-untyped-def]
    """Return the median of three values."""
    return higher(lower(a, b), lower(higher(a, b), c))


@inline
def sort3(a, b, c):  # type: ignore[no-untyped-def]
    """Return three values in ascending order."""
    a1, b1 = lower(a, b), higher(a, b)
    b2, c2 = lower(b1, c), higher(b1, c)
    return lower(a1, b2), higher(a1, b2), c2


@inline
def sort5(a, b, c, d, e):  # type: ignore[no-untyped-def]
    """Return five values in ascending order."""
    a, b = lower(a, b), higher(a, b)
    d, e = lower(d, e), higher(d, e)
    c, e = lower(c, e), higher(c, e)
    c, d = lower(c, d), higher(c, d)
    b, e = lower(b, e), higher(b, e)
    a, d = lower(a, d), higher(a, d)
    a, c = lower(a, c), higher(a, c)
    b, d = lower(b, d), higher(b, d)
    b, c = lower(b, c), higher(b, c)
    return a, b, c, d, e


@kernel
def median_3x3(image, out):  # type: ignore[no-untyped-def]
    """Fill `out` with the medians of 3 x 3 windows; `image` has one more pixel on every side.

    Once the columns are sorted, the median is the median of the highest minimum, the median of the medians, and the
    lowest maximum.
    """
    for y in range(np.uintp(out.shape[0])):
        for x in range(np.uintp(out.shape[1])):
            a0, a1, a2 = sort3(image[y, x], image[y + ONE, x], image[y + TWO, x])
            b0, b1, b2 = sort3(image[y, x + ONE], image[y + ONE, x + ONE], image[y + TWO, x + ONE])
            c0, c1, c2 = sort3(image[y, x + TWO], image[y + ONE, x + TWO], image[y + TWO, x + TWO])
            low = higher(a0, higher(b0, c0))
            high = lower(a2, lower(b2, c2))
            out[y, x] = middle3(low, middle3(a1, b1, c1), high)


@kernel
def median_5x5(image, out):  # type: ignore[no-untyped-def]
    """Fill `out` with the medians of 5 x 5 windows; `image` has two more pixels on every side.

    Each row is sorted once over five columns; each row of the result combines the five sorted rows around it.
    """
    rows, columns = out.shape
    ranks = np.empty((5, 5, columns), image.dtype)
    for y in range(rows + 4):
        order_row5(image, np.uintp(y), ranks, np.uintp(y % 5))
        if y >= 4:
            combine_rows5(ranks, out, np.uintp(y - 4))


@kernel
def order_row5(image, y, ranks, slot):  # type: ignore[no-untyped-def]
    """Sort five neighbors in a row, at every pixel."""
    zero, three, four = np.uintp(0), np.uintp(3), np.uintp(4)
    for x in range(np.uintp(ranks.shape[2])):
        a, b, c, d, e = sort5(
            image[y, x], image[y, x + ONE], image[y, x + TWO], image[y, x + three], image[y, x + four]
        )
        ranks[slot, zero, x] = a
        ranks[slot, ONE, x] = b
        ranks[slot, TWO, x] = c
        ranks[slot, three, x] = d
        ranks[slot, four, x] = e


@kernel
def combine_rows5(r, out, y):  # type: ignore[no-untyped-def]
    """Fill a row of `out` with the medians of five sorted rows, which may be in any order.

    Once each rank is sorted over the rows, the median lies on the antidiagonal or is the highest of the values certain
    to be below it or the lowest of those certain to be above.
    """
    for x in range(np.uintp(out.shape[1])):
        _, _, _, p3, p4 = sort5(r[0, 0, x], r[1, 0, x], r[2, 0, x], r[3, 0, x], r[4, 0, x])
        _, _, q2, q3, q4 = sort5(r[0, 1, x], r[1, 1, x], r[2, 1, x], r[3, 1, x], r[4, 1, x])
        _, r1, r2, r3, _ = sort5(r[0, 2, x], r[1, 2, x], r[2, 2, x], r[3, 2, x], r[4, 2, x])
        s0, s1, s2, _, _ = sort5(r[0, 3, x], r[1, 3, x], r[2, 3, x], r[3, 3, x], r[4, 3, x])
        t0, t1, _, _, _ = sort5(r[0, 4, x], r[1, 4, x], r[2, 4, x], r[3, 4, x], r[4, 4, x])
        low = higher(higher(p3, q2), higher(r1, s0))
        high = lower(lower(q4, r3), lower(s2, t1))
        _, _, middle, _, _ = sort5(p4, q3, r2, s1, t0)
        out[y, x] = middle3(low, middle, high)


@kernel
def exchange(wires, program, n):  # type: ignore[no-untyped-def]
    """Run a sorting network: each step sorts two wires (0), or keeps only the lower (1) or the higher (2) value."""
    n = np.uintp(n)
    for step in range(program.shape[0]):
        a, b, kept = np.uintp(program[step, 0]), np.uintp(program[step, 1]), program[step, 2]
        if kept == 0:
            for x in range(n):
                p, q = wires[a, x], wires[b, x]
                wires[a, x] = lower(p, q)
                wires[b, x] = higher(p, q)
        elif kept == 1:
            for x in range(n):
                wires[a, x] = lower(wires[a, x], wires[b, x])
        else:
            for x in range(n):
                wires[b, x] = higher(wires[a, x], wires[b, x])


@kernel
def median_network(image, first, last, size, run, sort, select, middle, out):  # type: ignore[no-untyped-def]
    """Fill rows `first` to `last` of all planes with the medians of windows of any size, by two sorting networks.

    `sort` sorts the pixels of a cross-section of the window, once for all windows that share it. `select` brings the
    median of the sorted cross-sections to wire `middle`. `run` pixels go through the networks together.
    """
    depth, height, width = size
    section = depth * height
    ordered = np.empty((section, run + width - 1), image.dtype)
    wires = np.empty((section * width, run), image.dtype)
    for z in range(out.shape[0]):
        for y in range(first, last):
            for x0 in range(0, out.shape[2], run):
                n = np.uintp(min(run, out.shape[2] - x0))
                for k in range(section):
                    p, q, r = np.uintp(z + k // height), np.uintp(y + k % height), np.uintp(k)
                    for x in range(n + np.uintp(width - 1)):
                        ordered[r, x] = image[p, q, np.uintp(x0) + x]
                exchange(ordered, sort, n + np.uintp(width - 1))
                for k in range(section * width):
                    r, c, w = np.uintp(k % section), np.uintp(k // section), np.uintp(k)
                    for x in range(n):
                        wires[w, x] = ordered[r, x + c]
                exchange(wires, select, n)
                p, q, w = np.uintp(z), np.uintp(y), np.uintp(middle)
                for x in range(n):
                    out[p, q, np.uintp(x0) + x] = wires[w, x]


@inline
def count(image, z, y, x, size, by, counts, small, large, level, below):  # type: ignore[no-untyped-def]
    """Add a cross-section to the counts (`by` = 1) or remove it (-1); return how many pixels lie below `level`."""
    for k in range(size[0]):
        for j in range(size[1]):
            v = np.uintp(image[z + np.uintp(k), y + np.uintp(j), x])
            counts[v] += by
            small[v >> SMALL] += by
            large[v >> LARGE] += by
            if v < level:
                below += by
    return below


@inline
def search(half, counts, small, large, level, below):  # type: ignore[no-untyped-def]
    """Return the level of the median, with at most `half` of the pixels below it, and the number of these."""
    unit, few, many = np.uintp(1), np.uintp(1 << SMALL), np.uintp(1 << LARGE)
    while below > half:
        if level & (many - unit) == 0 and below - large[(level >> LARGE) - unit] > half:
            level -= many
            below -= large[level >> LARGE]
        elif level & (few - unit) == 0 and below - small[(level >> SMALL) - unit] > half:
            level -= few
            below -= small[level >> SMALL]
        else:
            level -= unit
            below -= counts[level]
    while below + counts[level] <= half:
        if level & (many - unit) == 0 and below + large[level >> LARGE] <= half:
            below += large[level >> LARGE]
            level += many
        elif level & (few - unit) == 0 and below + small[level >> SMALL] <= half:
            below += small[level >> SMALL]
            level += few
        else:
            below += counts[level]
            level += unit
    return level, below


@kernel
def median_histogram(image, first, last, size, levels, out):  # type: ignore[no-untyped-def]
    """Fill rows `first` to `last` of all planes with the medians of windows of integers below `levels`.

    A histogram follows the window along each row; the search for a median begins at the one before.
    """
    half = size[0] * size[1] * size[2] // 2
    counts = np.zeros(levels, np.int32)
    small = np.zeros((levels >> SMALL) + 1, np.int32)
    large = np.zeros((levels >> LARGE) + 1, np.int32)
    level, below, reach = np.uintp(0), 0, np.uintp(size[2] - 1)
    for z in range(np.uintp(out.shape[0])):
        for y in range(np.uintp(first), np.uintp(last)):
            for x in range(reach):
                below = count(image, z, y, x, size, 1, counts, small, large, level, below)
            for x in range(np.uintp(out.shape[2])):
                below = count(image, z, y, x + reach, size, 1, counts, small, large, level, below)
                level, below = search(half, counts, small, large, level, below)
                out[z, y, x] = level
                below = count(image, z, y, x, size, -1, counts, small, large, level, below)
            for x in range(np.uintp(out.shape[2]), np.uintp(out.shape[2]) + reach):
                below = count(image, z, y, x, size, -1, counts, small, large, level, below)


@inline
def holes_in_row(valid, z, y, size, holes):  # type: ignore[no-untyped-def]
    """Fill `holes` with the number of holes in each cross-section of the windows of a row."""
    for x in range(holes.size):
        holes[x] = 0
    for k in range(size[0]):
        for j in range(size[1]):
            line = valid[z + k, y + j]
            for x in range(holes.size):
                holes[x] += not line[x]


@kernel
def sort_valid(image, valid, z, y, x, size, found):  # type: ignore[no-untyped-def]
    """Write the valid pixels of a window to `found` in ascending order (insertion sort), and return their number."""
    n = 0
    for k in range(size[0]):
        for j in range(size[1]):
            for i in range(size[2]):
                if valid[z + k, y + j, x + i]:
                    v, place = image[z + k, y + j, x + i], n
                    while place > 0 and found[place - 1] > v:
                        found[place] = found[place - 1]
                        place -= 1
                    found[place] = v
                    n += 1
    return n


@kernel
def median_of_valid(image, valid, first, last, size, out):  # type: ignore[no-untyped-def]
    """Replace the medians of windows with holes in rows `first` to `last` by those of their valid pixels, if any.

    The median of an even number of pixels is the mean of the middle two.
    """
    found = np.empty(size[0] * size[1] * size[2], image.dtype)
    holes = np.empty(image.shape[2], np.int32)
    half = image.dtype.type(0.5)
    for z in range(out.shape[0]):
        for y in range(first, last):
            holes_in_row(valid, z, y, size, holes)
            for x in range(out.shape[2]):
                missing = 0
                for i in range(size[2]):
                    missing += holes[x + i]
                if 0 < missing < found.size:
                    n = sort_valid(image, valid, z, y, x, size, found)
                    out[z, y, x] = found[(n - 1) // 2] * half + found[n // 2] * half


@inline
def count_valid(image, valid, z, y, x, size, by, counts, small, large, level, below, n):  # type: ignore[no-untyped-def]
    """Do as `count` for the valid pixels of a cross-section; `n` is the number of pixels that are counted."""
    for k in range(size[0]):
        for j in range(size[1]):
            if valid[z + np.uintp(k), y + np.uintp(j), x]:
                v = np.uintp(image[z + np.uintp(k), y + np.uintp(j), x])
                counts[v] += by
                small[v >> SMALL] += by
                large[v >> LARGE] += by
                n += by
                if v < level:
                    below += by
    return below, n


@kernel
def median_histogram_of_valid(image, valid, first, last, size, levels, lower, upper):  # type: ignore[no-untyped-def]
    """Do as `median_histogram` for the valid pixels of windows: fill in the middle two levels of each, if any."""
    counts = np.zeros(levels, np.int32)
    small = np.zeros((levels >> SMALL) + 1, np.int32)
    large = np.zeros((levels >> LARGE) + 1, np.int32)
    level, below, n, reach = np.uintp(0), 0, 0, np.uintp(size[2] - 1)
    for z in range(np.uintp(lower.shape[0])):
        for y in range(np.uintp(first), np.uintp(last)):
            for x in range(reach):
                below, n = count_valid(image, valid, z, y, x, size, 1, counts, small, large, level, below, n)
            for x in range(np.uintp(lower.shape[2])):
                below, n = count_valid(image, valid, z, y, x + reach, size, 1, counts, small, large, level, below, n)
                lower[z, y, x] = upper[z, y, x] = 0
                if n > 0:
                    level, below = search((n - 1) // 2, counts, small, large, level, below)
                    lower[z, y, x] = level
                    level, below = search(n // 2, counts, small, large, level, below)
                    upper[z, y, x] = level
                below, n = count_valid(image, valid, z, y, x, size, -1, counts, small, large, level, below, n)
            for x in range(np.uintp(lower.shape[2]), np.uintp(lower.shape[2]) + reach):
                below, n = count_valid(image, valid, z, y, x, size, -1, counts, small, large, level, below, n)
