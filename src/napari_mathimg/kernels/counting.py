"""Exact counting of gray levels, colors and bins between given edges, exact sums, and polygons."""

import numpy as np

from ._jit import kernel

CHUNK = 512  # pixels processed together, so that the compiler can vectorize


@kernel
def round_into(values, low, high, out):  # type: ignore[no-untyped-def]
    """Round flat numbers to the nearest integers from `low` to `high`; not-a-number becomes 0.

    Returns how many are below and how many are above.
    """
    below, above, lowest, highest = 0, 0, out.dtype.type(low), out.dtype.type(high)
    for start in range(0, values.size, CHUNK):
        part, rounded = values[start : start + CHUNK], out[start : start + CHUNK]
        outside = 0
        for k in range(part.size):
            nearest = np.rint(part[k])
            inside = (nearest >= low) & (nearest <= high)
            outside += not inside
            rounded[k] = nearest if inside else 0
        if outside:
            for k in range(part.size):
                nearest = np.rint(part[k])
                if nearest < low:
                    rounded[k] = lowest
                    below += 1
                elif nearest > high:
                    rounded[k] = highest
                    above += 1
    return below, above


@kernel
def rounding_errors(values, low, high, step):  # type: ignore[no-untyped-def]
    """Look at every `step`-th of some flat numbers, as far as they round to integers from `low` to `high`.

    Returns their number, the first, and the sums of the differences to it, of their squares, and of squared rounding
    errors.
    """
    count, first, total, squares, errors = 0, 0.0, 0.0, 0.0, 0.0
    for k in range(0, values.size, step):
        x = np.float64(values[k])
        nearest = np.rint(x)
        if low <= nearest <= high:
            if count == 0:
                first = x
            count += 1
            total += x - first
            squares += (x - first) * (x - first)
            errors += (x - nearest) * (x - nearest)
    return count, first, total, squares, errors


@kernel
def count_levels(levels, counts):  # type: ignore[no-untyped-def]
    """Add to `counts` how often each unsigned number occurs in a flat array."""
    for k in range(levels.size):
        counts[levels[k]] += 1


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
def count_slots(image, lower, upper, bottom, top, factor, origin, scale, lowest, highest, counts):  # type: ignore[no-untyped-def]
    """Add to `counts` how many values of a flat array lie in each of the slots that `slots_between` describes.

    Rounding may make a computed slot wrong by one; a comparison with the slot's lowest and highest number corrects it.
    """
    not_finite = np.float64(lower.size - 1)
    slots = np.empty(CHUNK, np.uint32)
    for start in range(0, image.size, CHUNK):
        part = image[start : start + CHUNK]
        for k in range(part.size):
            x = part[k]
            slot = (np.float64(x) * factor - origin) * scale + 1.0
            slot = slot if slot > bottom else bottom
            slot = slot if slot < top else top
            slot = slot if (lowest <= x) & (x <= highest) else not_finite
            slots[k] = np.uint32(np.int32(slot))
        for k in range(part.size):
            x = part[k]
            i = np.uintp(slots[k])  # Numba would test a signed index for wraparound
            counts[np.uintp(i + np.uintp(x > upper[i]) - np.uintp(x < lower[i]))] += 1


@kernel
def count_magnitudes(values, least, counts):  # type: ignore[no-untyped-def]
    """Count flat float32 numbers by the upper 16 of the 31 bits of their magnitude; skip magnitudes below `least`."""
    for k in range(values.size):
        x = abs(values[k])
        if x >= least:
            counts[np.uintp(np.float32(x).view(np.int32) >> np.int32(15))] += 1


@kernel
def count_within(values, least, slot, counts):  # type: ignore[no-untyped-def]
    """Count the numbers in one slot of `count_magnitudes` by the lower 15 bits of their magnitude."""
    for k in range(values.size):
        x = abs(values[k])
        bits = np.float32(x).view(np.int32)
        if x >= least and bits >> np.int32(15) == slot:
            counts[np.uintp(bits & np.int32(0x7FFF))] += 1


@kernel
def add_exactly(values, sums):  # type: ignore[no-untyped-def]
    """Add flat float64 numbers of at least 0 to `sums`, integers of shape (2, 2048) that hold the sum without rounding.

    Column e sums the mantissas of the numbers with exponent e, their upper and lower 26 bits separately. Unlike a
    floating-point sum, the result does not depend on the order of the numbers.
    """
    for k in range(values.size):
        bits = np.float64(values[k]).view(np.int64)
        exponent = bits >> 52
        mantissa = bits & ((1 << 52) - 1) | (1 << 52)
        if exponent > 0:
            sums[0, exponent] += mantissa >> 26
            sums[1, exponent] += mantissa & ((1 << 26) - 1)


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
