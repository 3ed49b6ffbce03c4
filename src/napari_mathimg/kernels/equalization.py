"""Inner loops of contrast-limited adaptive histogram equalization."""

import numpy as np
from numpy.typing import NDArray

from ._jit import inline, kernel

Indices = NDArray[np.intp]
Counts = NDArray[np.int64]
Levels = NDArray[np.uint16]
Bins = NDArray[np.int16]

MISSING = np.uint16(65535)  # level of a pixel that holds no number
SLACK = 1 / 64  # levels; more than the rounding errors of eight products and their sum in float32


@kernel
def quantize(image, top, out):  # type: ignore[no-untyped-def]
    """Round a flat array in [0, 1] to the levels 0 to `top`."""
    for k in range(image.size):
        out[k] = np.uint16(np.rint(min(max(np.float64(image[k]), 0.0), 1.0) * top))


@kernel
def count_tiles(
    levels: Levels, zi: Indices, zt: Indices, zq: Indices, yi: Indices, yt: Indices, yq: Indices, xi: Indices,
    xt: Indices, xq: Indices, bin_size: int, counts: Counts, lowest: Bins, highest: Bins,
) -> None:  # fmt: skip
    """Count a block's levels in bins, tile by tile, and find the lowest and the highest bin of each part.

    For each axis, `_i` are pixels, `_t` the tiles they count in, and `_q` the parts that they lie in.
    """
    for a in range(zi.size):
        for b in range(yi.size):
            for c in range(xi.size):
                level = levels[zi[a], yi[b], xi[c]]
                if level != MISSING:
                    bin_ = level // bin_size
                    counts[zt[a], yt[b], xt[c], bin_] += 1
                    lowest[zq[a], yq[b], xq[c]] = min(lowest[zq[a], yq[b], xq[c]], bin_)
                    highest[zq[a], yq[b], xq[c]] = max(highest[zq[a], yq[b], xq[c]], bin_)


@kernel
def clip_histogram(h: Counts, limit: int) -> None:
    """Clip a histogram at `limit` and spread the excess over the bins below it, as scikit-image does."""
    n = h.size
    excess = 0
    for i in range(n):
        if h[i] > limit:
            excess += h[i] - limit
            h[i] = limit
    share = excess // n
    upper = limit - share
    for i in range(n):
        if h[i] < upper:
            excess -= share
            h[i] += share
        if upper <= h[i] < limit:
            excess += h[i] - limit
            h[i] = limit
    while excess > 0:
        before = excess
        for start in range(n):
            under = 0
            for i in range(n):
                under += 1 if h[i] < limit else 0
            step = max(1, under // excess)
            for i in range(start, n, step):
                if h[i] < limit:
                    h[i] += 1
                    excess -= 1
            if excess <= 0:
                break
        if before == excess:
            break


@kernel
def tile_maps(counts: Counts, limit: int, top: int, maps: Levels) -> None:
    """Turn histograms (tiles, bins) into gray-level mappings: cumulative sums of the clipped histograms."""
    for t in range(counts.shape[0]):
        h = counts[t].copy()
        scale = top / max(h.sum(), 1)
        clip_histogram(h, limit)
        total = 0
        for i in range(h.size):
            total += h[i]
            maps[t, i] = int(min(total * scale, float(top)))


@inline
def mix_line(levels, maps, wy, wz, x0, xf, bin_size, total):  # type: ignore[no-untyped-def]
    """Add to a row the weighted mappings (tiles, bins) of the tiles to the left and right of each pixel."""
    for c in range(levels.size):
        level = np.uintp(levels[c]) // bin_size
        total[c] += np.float32(maps[x0[c], level] * ((1 - xf[c]) * wy * wz))
        total[c] += np.float32(maps[x0[c] + np.uintp(1), level] * (xf[c] * wy * wz))


@kernel
def mix_maps(levels, z0, zf, y0, yf, x0, xf, bin_size, maps, out):  # type: ignore[no-untyped-def]
    """Interpolate between the mappings of the nearest tiles at every pixel of a block, and truncate the result.

    For each axis, `_0` is the padded tile before each pixel and `_f` the fraction of the way to the next one. Products
    are float64 and the sum is float32, in scikit-image's order, so that truncation gives the same level as there.
    """
    total = np.empty(levels.shape[2], np.float32)
    size = np.uintp(bin_size)
    for a in range(levels.shape[0]):
        for b in range(levels.shape[1]):
            total[:] = 0
            for i in range(2):
                wz = zf[a] if i else 1 - zf[a]
                if wz == 0:
                    continue
                for j in range(2):
                    wy = yf[b] if j else 1 - yf[b]
                    mix_line(levels[a, b], maps[z0[a] + i, y0[b] + j], wy, wz, x0, xf, size, total)
            for c in range(levels.shape[2]):
                out[a, b, c] = np.uint16(total[c])


@kernel
def bound_levels(lowest, highest, maps, z0, zf, y0, yf, x0, xf, low, high, sure):  # type: ignore[no-untyped-def]
    """Find levels between which `mix_maps` leaves each part, from its lowest and its highest bin.

    Mappings rise with the bin, and between tiles they are interpolated linearly along each axis, so that the corners of
    a part bound them. For each axis, `_0` is the padded tile before each part, and `_f` are the fractions of the way to
    the next one at the first and at the last pixel of the part. `sure` becomes two levels that some pixel does not lie
    above and that some pixel does not lie below.
    """
    for a in range(z0.size):
        for b in range(y0.size):
            for c in range(x0.size):
                first, last = lowest[a, b, c], highest[a, b, c]
                if first > last:
                    continue
                least, most, upper, lower = np.inf, -np.inf, -np.inf, np.inf
                for corner in range(8):
                    wz, wy, wx = zf[a, corner & 1], yf[b, corner >> 1 & 1], xf[c, corner >> 2]
                    under, over = 0.0, 0.0
                    for tile in range(8):
                        i, j, k = tile & 1, tile >> 1 & 1, tile >> 2
                        weight = (wz if i else 1 - wz) * (wy if j else 1 - wy) * (wx if k else 1 - wx)
                        if weight > 0:
                            under += weight * maps[z0[a] + i, y0[b] + j, x0[c] + k, first]
                            over += weight * maps[z0[a] + i, y0[b] + j, x0[c] + k, last]
                    least, upper = min(least, under), max(upper, under)
                    lower, most = min(lower, over), max(most, over)
                low[a, b, c] = max(np.floor(least - SLACK), 0.0)
                high[a, b, c] = np.floor(most + SLACK)
                sure[0] = min(sure[0], np.floor(upper + SLACK))
                sure[1] = max(sure[1], max(np.floor(lower - SLACK), 0.0))
