"""Counting in a grid of fine bins, together with the values beside the grid and the moments, in one pass."""

import numpy as np

from ._jit import inline, kernel

CHUNK = 2048  # pixels processed together, so that the compiler can vectorize
LANES = 64  # parallel sums, for the same reason


@inline
def _add_moments(part, shift, lowest, highest, sums, squares, low, high):  # type: ignore[no-untyped-def]
    """Add values to parallel sums and extrema: a single running sum would not vectorize."""
    for start in range(0, part.size, LANES):
        row = part[start : start + LANES]
        for lane in range(row.size):
            x = row[lane]
            there = (lowest <= x) & (x <= highest)
            value = np.float64(x)
            away = value - shift if there else 0.0
            least = value if there else np.inf
            most = value if there else -np.inf
            sums[lane] += away
            squares[lane] += away * away
            low[lane] = least if least < low[lane] else low[lane]
            high[lane] = most if most > high[lane] else high[lane]


@kernel
def count_floats(image, factor, origin, most, shift, lowest, highest, counts, outside, moments):  # type: ignore[no-untyped-def]
    """Count the values of a flat array in the bins floor(x * factor) - origin.

    `factor` is a power of two, so that the product is exact. `factor`, `origin` and `most`, the number of bins, have
    the image's type, which must represent whole numbers around `origin` exactly. `counts` has two more entries than
    bins: for values beside the grid, and for values not from `lowest` to `highest`. Values beside the grid are copied
    to `outside`. `moments`, of shape (4, LANES), receives the sums of x - shift and of its squares, and the lowest and
    highest value. Returns the number of copied values.
    """
    bins = counts.size - 2
    zero, one = most - most, factor / factor
    sums, squares, low, high = moments[0], moments[1], moments[2], moments[3]
    slots = np.empty(CHUNK, np.uint32)
    copied = 0
    for start in range(0, image.size, CHUNK):
        part = image[start : start + CHUNK]
        before = counts[bins]
        for k in range(part.size):
            x = part[k]
            place = np.floor(x * factor)
            place = place if (x >= zero) | (place < zero) else -one  # a tiny negative product may underflow to 0
            slot = place - origin
            slot = slot if (slot >= zero) & (slot < most) else most
            slot = slot if (lowest <= x) & (x <= highest) else most + one
            slots[k] = np.uint32(np.int32(slot))
        _add_moments(part, shift, lowest, highest, sums, squares, low, high)
        for k in range(part.size):
            counts[np.uintp(slots[k])] += 1
        if counts[bins] != before:
            for k in range(part.size):
                if slots[k] == bins:
                    outside[copied] = part[k]
                    copied += 1
    return copied


@kernel
def count_integers(image, exponent, origin, shift, lowest, highest, counts, outside, moments):  # type: ignore[no-untyped-def]
    """Count integers as `count_floats` counts floats, in the bins (x >> exponent) - origin, modulo 2^64."""
    bins = counts.size - 2
    sums, squares, low, high = moments[0], moments[1], moments[2], moments[3]
    slots = np.empty(CHUNK, np.uint32)
    copied = 0
    for start in range(0, image.size, CHUNK):
        part = image[start : start + CHUNK]
        before = counts[bins]
        for k in range(part.size):
            slot = np.uint64(part[k] >> exponent) - origin
            slots[k] = np.uint32(slot) if slot < np.uint64(bins) else np.uint32(bins)
        _add_moments(part, shift, lowest, highest, sums, squares, low, high)
        for k in range(part.size):
            counts[np.uintp(slots[k])] += 1
        if counts[bins] != before:
            for k in range(part.size):
                if slots[k] == bins:
                    outside[copied] = part[k]
                    copied += 1
    return copied


@kernel
def count_colors(pixels, counts, weights):  # type: ignore[no-untyped-def]
    """Count red, green, blue and luminance of unsigned (pixels, channels) in `counts`, of shape (4, levels).

    Luminance is the weighted sum of the three, rounded to the nearest level.
    """
    for k in range(pixels.shape[0]):
        red, green, blue = pixels[k, 0], pixels[k, 1], pixels[k, 2]
        light = weights[0] * red + weights[1] * green + weights[2] * blue
        counts[0, red] += 1
        counts[1, green] += 1
        counts[2, blue] += 1
        counts[3, np.uintp(light + 0.5)] += 1


@kernel
def fill_polygon(rows, columns, row_at, column_at, out):  # type: ignore[no-untyped-def]
    """Flip the points of a grid in `out` that lie inside a closed polygon (even-odd rule).

    `row_at` and `column_at` are the ascending coordinates of the grid's points, `rows` and `columns` those of the
    polygon's corners.
    """
    corners = rows.size
    crossings = np.empty(corners, np.float64)
    for i in range(row_at.size):
        y = row_at[i]
        found = 0
        for k in range(corners):
            a, b = rows[k], rows[(k + 1) % corners]
            if (a <= y) != (b <= y):
                c, d = columns[k], columns[(k + 1) % corners]
                crossings[found] = c + (y - a) / (b - a) * (d - c)
                found += 1
        ends = np.sort(crossings[:found])
        for pair in range(0, found - 1, 2):
            first = np.searchsorted(column_at, ends[pair])
            last = np.searchsorted(column_at, ends[pair + 1])
            for j in range(first, last):
                out[i, j] = not out[i, j]
