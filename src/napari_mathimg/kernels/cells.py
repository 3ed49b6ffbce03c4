"""Cells of floating-point numbers: the cell of a number, counts, moments, and the fraction of pixels up to a number.

The key of a number is its bit pattern as a signed integer, mirrored for negative numbers, so that keys rise with the
numbers and both zeros have key 0. A cell is a run of 2^k keys. Its index is found level by level: index i of a level
leads to index ``(key >> shift[i]) + offset[i]`` of the next one, from index 0 at first.
"""

import numpy as np

from ._jit import inline, kernel

CHUNK = 1024  # pixels processed together, so that the compiler can vectorize
LANES = 64  # parallel sums, for the same reason


@inline
def _find_cells(bits, least, infinity, low, high, shift, offset, depth, keys, cells):  # type: ignore[no-untyped-def]
    """Store the keys of some numbers, limited to keys `low` to `high`, and the indices of their cells after all levels.

    The key of what is not finite is at least `infinity`. Of a number for which no cell was made, the index is anyone,
    even beyond all cells.
    """
    first_shift, first_offset = shift[0], offset[0]
    for k in range(bits.size):
        key = bits[k] if bits[k] >= 0 else least - bits[k]
        key = key if key > -infinity else infinity
        key = key if key > low else low
        key = key if key < high else high
        keys[k] = key
        cells[k] = (key >> first_shift) + first_offset
    for _ in range(depth - 1):
        for k in range(bits.size):
            i = min(np.uintp(cells[k]), np.uintp(shift.size - 1))
            cells[k] = (keys[k] >> shift[i]) + offset[i]


@kernel
def count_cells(bits, least, infinity, low, high, shift, offset, depth, counts):  # type: ignore[no-untyped-def]
    """Add to `counts` how many numbers of a flat array lie in each cell.

    `bits` holds the numbers as signed integers, `least` the lowest of these and `infinity` the key of infinity. Numbers
    with keys below `low` or above `high` count as the numbers with these keys.
    """
    keys, cells = np.empty(CHUNK, bits.dtype), np.empty(CHUNK, bits.dtype)
    for start in range(0, bits.size, CHUNK):
        part = bits[start : start + CHUNK]
        _find_cells(part, least, infinity, low, high, shift, offset, depth, keys, cells)
        for k in range(part.size):
            cell = np.uintp(cells[k]) - np.uintp(shift.size)
            if cell < np.uintp(counts.size):
                counts[cell] += 1


@kernel
def count_with_ends(bits, least, infinity, low, high, shift, offset, depth, counts, first, last):  # type: ignore[no-untyped-def]
    """Count as `count_cells` does, and lower `first` and raise `last` to the lowest and highest key in each cell."""
    keys, cells = np.empty(CHUNK, bits.dtype), np.empty(CHUNK, bits.dtype)
    for start in range(0, bits.size, CHUNK):
        part = bits[start : start + CHUNK]
        _find_cells(part, least, infinity, low, high, shift, offset, depth, keys, cells)
        for k in range(part.size):
            cell = np.uintp(cells[k]) - np.uintp(shift.size)
            if cell >= np.uintp(counts.size):
                continue
            counts[cell] += 1
            if keys[k] < first[cell]:
                first[cell] = keys[k]
            if keys[k] > last[cell]:
                last[cell] = keys[k]


@kernel
def fractions(bits, least, infinity, low, high, shift, offset, depth, starts, last, up_to, slope, out):  # type: ignore[no-untyped-def]
    """Store the fraction of pixels up to each number: `up_to` its cell, less `slope` for each key from it to `last`.

    The first arguments are those of `count_cells`; `starts` holds the first and `last` the highest key in each cell. A
    number that did not occur where cells were made takes the cell below it.
    """
    keys, cells, count = np.empty(CHUNK, bits.dtype), np.empty(CHUNK, bits.dtype), np.uintp(starts.size)
    for start in range(0, bits.size, CHUNK):
        part, result = bits[start : start + CHUNK], out[start : start + CHUNK]
        _find_cells(part, least, infinity, low, high, shift, offset, depth, keys, cells)
        for k in range(part.size):
            cell, key = np.uintp(cells[k]) - np.uintp(shift.size), keys[k]
            if cell >= count or key > last[cell] or key < starts[cell]:
                cell = np.uintp(max(np.searchsorted(starts, key, "right") - 1, 0))
            result[k] = max(up_to[cell] - slope[cell] * max(np.float64(last[cell]) - np.float64(key), 0.0), 0.0)


@kernel
def add_moments(image, center, lowest, highest, moments):  # type: ignore[no-untyped-def]
    """Add the values of a flat array from `lowest` to `highest` to parallel sums and extremes.

    `moments`, of shape (4, LANES), receives the sums of x - center and of its squares, and the lowest and highest
    value. A single running sum would not vectorize.
    """
    sums, squares, low, high = moments[0], moments[1], moments[2], moments[3]
    for start in range(0, image.size, LANES):
        row = image[start : start + LANES]
        for lane in range(row.size):
            x = row[lane]
            there = (lowest <= x) & (x <= highest)
            value = np.float64(x)
            away = value - center if there else 0.0
            least = value if there else np.inf
            most = value if there else -np.inf
            sums[lane] += away
            squares[lane] += away * away
            low[lane] = least if least < low[lane] else low[lane]
            high[lane] = most if most > high[lane] else high[lane]
