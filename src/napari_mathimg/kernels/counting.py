"""Exact counting of gray levels, of the outermost values and of bins between given edges, and exact sums."""

import numpy as np

from ._jit import kernel

CHUNK = 512  # pixels processed together, so that the compiler can vectorize
RUN = 64  # the same where a single hit makes the loop process all of them again


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
def outer_values(image, below, above, lowest, highest, out):  # type: ignore[no-untyped-def]
    """Copy the finite values less than `below` or greater than `above` from a flat array to the beginning of `out`.

    Values from `lowest` to `highest` are finite. Returns the number of finite values and the number of copied ones.
    """
    finite = 0
    copied = 0
    for start in range(0, image.size, RUN):
        part = image[start : start + RUN]
        outside = 0
        for k in range(part.size):
            x = part[k]
            finite += (lowest <= x) & (x <= highest)
            outside += (x < below) | (x > above)
        if outside:
            for k in range(part.size):
                x = part[k]
                if lowest <= x <= highest and (x < below or x > above):
                    out[copied] = x
                    copied += 1
    return finite, copied


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
