"""Random numbers computed from a key and a counter, so that a pixel gets the same number in any box of an image.

G. Steele, D. Lea and C. Flood, "Fast splittable pseudorandom number generators", OOPSLA (2014): the mixer of
SplitMix64. G. E. P. Box and M. E. Muller, "A note on the generation of random normal deviates" (1958). W. Hoermann,
"The transformed rejection method for generating Poisson random variables", Insurance: Mathematics and Economics 12
(1993): PTRS.
"""

import math

import numpy as np

from ._jit import inline, kernel

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
M1 = np.uint64(0xBF58476D1CE4E5B9)
M2 = np.uint64(0x94D049BB133111EB)
RUN = 256  # pairs computed at a time


@inline
def mix(z):  # type: ignore[no-untyped-def]
    """Return 64 scrambled bits."""
    z = (z ^ (z >> np.uint64(30))) * M1
    z = (z ^ (z >> np.uint64(27))) * M2
    return z ^ (z >> np.uint64(31))


@inline
def key(seed, stream):  # type: ignore[no-untyped-def]
    """Return the key of one of the streams of a seed."""
    return mix(mix(np.uint64(seed) + GOLDEN) + np.uint64(stream) * GOLDEN)


@inline
def log2(x):  # type: ignore[no-untyped-def]
    """Return the base-2 logarithm of a positive float32 to 1e-7: its exponent plus a series for its mantissa m.

    The series is one in (m - 1) / (m + 1).
    """
    bits = np.float32(x).view(np.int32)
    exponent = (bits - np.int32(0x3F3504F3)) >> np.int32(23)
    m = np.int32(bits - (exponent << np.int32(23))).view(np.float32)
    r = (m - np.float32(1)) / (m + np.float32(1))
    q = r * r
    series = np.float32(0.41219858) + q * np.float32(0.3206)
    series = np.float32(0.9617967) + q * (np.float32(0.57707802) + q * series)
    return np.float32(exponent) + r * (np.float32(2.8853901) + q * series)


@inline
def turn(u):  # type: ignore[no-untyped-def]
    """Return cosine and sine of ``2 pi u`` for a float32 in [0, 1) to 2e-6, by Taylor series about the half turn."""
    t = u - np.float32(0.5)
    q = t * t
    c = np.float32(60.2446414) + q * (np.float32(-26.4262568) + q * np.float32(7.9035364))
    c = np.float32(-19.7392088) + q * (np.float32(64.939394) + q * (np.float32(-85.4568172) + q * c))
    s = np.float32(42.0586939) + q * (np.float32(-15.0946426) + q * np.float32(3.8199526))
    s = np.float32(-41.3417023) + q * (np.float32(81.6052493) + q * (np.float32(-76.7058598) + q * s))
    return -(np.float32(1) + q * c), -t * (np.float32(6.2831853) + q * s)


@inline
def normal_pairs(first, n, k, cosines, sines):  # type: ignore[no-untyped-def]
    """Fill two rows with the independent standard normal numbers of pairs `first` to ``first + n - 1``."""
    for i in range(n):
        bits = mix((first + np.uint64(i)) * GOLDEN ^ k)
        u = (np.float32(np.int32(bits >> np.uint64(33))) + np.float32(0.5)) * np.float32(2.0**-31)
        v = np.float32(np.int32(bits & np.uint64(0xFFFFFF))) * np.float32(2.0**-24)
        radius = np.sqrt(np.float32(-1.3862944) * log2(u))  # -2 ln(u)
        radius = radius if u < np.float32(1) else np.float32(0)
        c, s = turn(v)
        cosines[i], sines[i] = radius * c, radius * s


@kernel
def add_normal(image, seed, stream, first, row_step, slice_step, mean, sigma, out):  # type: ignore[no-untyped-def]
    """Add ``mean + sigma * N(0, 1)`` to a block (slices, rows, columns).

    Pixel (z, y, x) of the block has the number ``first + z * slice_step + y * row_step + x`` in the layer. Pixels 2 p
    and 2 p + 1 get the two halves of pair p.
    """
    k = key(seed, stream)
    cosines, sines = np.empty(RUN, np.float32), np.empty(RUN, np.float32)
    for z in range(image.shape[0]):
        for y in range(image.shape[1]):
            start = np.uint64(first) + np.uint64(z) * np.uint64(slice_step) + np.uint64(y) * np.uint64(row_step)
            odd = int(start & np.uint64(1))
            for x0 in range(-odd, image.shape[2], 2 * RUN):
                n = min(RUN, (image.shape[2] - x0 + 1) // 2)
                normal_pairs((start + np.uint64(x0 + odd) - np.uint64(odd)) >> np.uint64(1), n, k, cosines, sines)
                for i in range(n):
                    x = x0 + 2 * i
                    if x >= 0:
                        out[z, y, x] = image[z, y, x] + (mean + sigma * cosines[i])
                    if x + 1 < image.shape[2]:
                        out[z, y, x + 1] = image[z, y, x + 1] + (mean + sigma * sines[i])


@inline
def pixel_bits(p, k):  # type: ignore[no-untyped-def]
    """Return the 64 random bits of the pixel with number `p`."""
    return mix(np.uint64(p) * GOLDEN ^ k)


@kernel
def uniform(seed, stream, first, row_step, slice_step, out):  # type: ignore[no-untyped-def]
    """Fill a block with independent uniform numbers between -1 and 1, exclusive; numbered as in `add_normal`."""
    k = key(seed, stream)
    for z in range(out.shape[0]):
        for y in range(out.shape[1]):
            start = np.uint64(first) + np.uint64(z) * np.uint64(slice_step) + np.uint64(y) * np.uint64(row_step)
            for x in range(out.shape[2]):
                bits = pixel_bits(start + np.uint64(x), k)
                share = (np.float32(np.int32(bits >> np.uint64(41))) + np.float32(0.5)) * np.float32(2.0**-22)
                out[z, y, x] = share - np.float32(1)


@kernel
def salt_and_pepper(image, seed, stream, first, row_step, slice_step, amount, salt, out):  # type: ignore[no-untyped-def]
    """Replace a share `amount` of a block's pixels by 1 (a share `salt` of these) or by 0.

    Pixels are numbered as in `add_normal`. The upper 32 random bits of a pixel decide whether it is replaced, the lower
    ones by what.
    """
    k = key(seed, stream)
    one, zero = image.dtype.type(1), image.dtype.type(0)
    below, white = np.uint64(np.rint(amount * 2.0**32)), np.uint64(np.rint(salt * 2.0**32))
    for z in range(out.shape[0]):
        for y in range(out.shape[1]):
            start = np.uint64(first) + np.uint64(z) * np.uint64(slice_step) + np.uint64(y) * np.uint64(row_step)
            for x in range(out.shape[2]):
                bits = pixel_bits(start + np.uint64(x), k)
                value = one if bits & np.uint64(0xFFFFFFFF) < white else zero
                out[z, y, x] = value if bits >> np.uint64(32) < below else image[z, y, x]


@inline
def share(bits):  # type: ignore[no-untyped-def]
    """Return a number between 0 and 1, exclusive, made of 52 random bits."""
    return (np.float64(np.int64(bits >> np.uint64(12))) + 0.5) * 2.0**-52


@inline
def poisson_by_inversion(bits, mean):  # type: ignore[no-untyped-def]
    """Return the count whose cumulative probability first reaches a uniform number; exact for small means."""
    u = share(bits)
    p = math.exp(-mean)
    count = 0
    while u > p and count < 200:  # for means below 10, higher counts have no probability in float64
        u -= p
        count += 1
        p *= mean / count
    return float(count)


@kernel
def poisson_by_rejection(bits, mean):  # type: ignore[no-untyped-def]
    """Return a count drawn by transformed rejection with squeeze (PTRS); exact for means of at least 10."""
    root, log_mean = math.sqrt(mean), math.log(mean)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    v_r = 0.9277 - 3.6224 / (b - 2)
    state = bits
    while True:
        state += GOLDEN
        u = share(mix(state)) - 0.5
        state += GOLDEN
        v = share(mix(state))
        us = 0.5 - abs(u)
        count = math.floor((2 * a / us + b) * u + mean + 0.43)
        if us >= 0.07 and v <= v_r:
            return float(count)
        if count < 0 or (us < 0.013 and v > us):
            continue
        hat = math.log(v * inverse_alpha / (a / (us * us) + b))
        if hat <= count * log_mean - mean - math.lgamma(count + 1):
            return float(count)


@kernel
def poisson(image, seed, stream, first, row_step, slice_step, photons, out):  # type: ignore[no-untyped-def]
    """Draw counts with the means ``image * photons`` and divide them by `photons`; numbered as in `add_normal`."""
    k = key(seed, stream)
    for z in range(out.shape[0]):
        for y in range(out.shape[1]):
            start = np.uint64(first) + np.uint64(z) * np.uint64(slice_step) + np.uint64(y) * np.uint64(row_step)
            for x in range(out.shape[2]):
                bits = pixel_bits(start + np.uint64(x), k)
                mean = np.float64(image[z, y, x]) * photons
                count = poisson_by_inversion(bits, mean) if mean < 10 else poisson_by_rejection(bits, mean)
                out[z, y, x] = count / photons
