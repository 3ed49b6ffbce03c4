"""Decompression of LZW as TIFF files have it: codes of 9 to 12 bits, the highest bit first."""

import numpy as np

from ._jit import kernel

CLEAR, END, FIRST = 256, 257, 258  # codes: of a new table, of the end, and of the first entry
MOST = 4096  # entries of a table


@kernel
def lzw_decode(data, out):  # type: ignore[no-untyped-def]
    """Decode bytes until an array is full, and return how many there are in it; -1 for data that are no LZW.

    References
    ----------
    .. [1] Adobe, "TIFF Revision 6.0" (1992), section 13.
    """
    prefix, suffix = np.full(MOST, -1, np.int64), np.zeros(MOST, np.uint8)
    length = np.ones(MOST, np.int64)
    for k in range(256):
        suffix[k] = k
    width, bits, held, place, count, following, old = 9, 0, 0, 0, 0, FIRST, -1
    first = np.uint8(0)
    while count < out.size:
        while held < width:
            if place >= data.size:
                return count
            bits = (bits << 8) | int(data[place])
            held += 8
            place += 1
        code = (bits >> (held - width)) & ((1 << width) - 1)
        held -= width
        bits &= (1 << held) - 1
        if code == END:
            return count
        if code == CLEAR:
            width, following, old = 9, FIRST, -1
            continue
        if code > following or (old < 0 and code > 255) or (code == following and old < 0):
            return -1
        is_new = old >= 0 and code == following
        entry = old if is_new else code
        at = count + length[entry]
        end = at + 1 if is_new else at
        walk = entry
        while walk >= 0:
            at -= 1
            first = suffix[walk]
            if at < out.size:
                out[at] = first
            walk = prefix[walk]
        if is_new and end - 1 < out.size:
            out[end - 1] = first
        count = end
        if old >= 0 and following < MOST:
            prefix[following], suffix[following], length[following] = old, first, length[old] + 1
            following += 1
            if following + 1 >= (1 << width) and width < 12:
                width += 1
        old = code
    return out.size
