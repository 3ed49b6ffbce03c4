"""Random numbers that are a function of a key and a counter, so that any box of an image gets the same ones.

G. Steele, D. Lea and C. Flood, "Fast splittable pseudorandom number generators", OOPSLA (2014): the mixer of
SplitMix64. G. E. P. Box and M. E. Muller, "A note on the generation of random normal deviates" (1958).
"""

import math

import numpy as np

from ._jit import inline, kernel

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
M1 = np.uint64(0xBF58476D1CE4E5B9)
M2 = np.uint64(0x94D049BB133111EB)


@inline
def mix(z):  # type: ignore[no-untyped-def]
    """Scramble 64 bits."""
    z = (z ^ (z >> np.uint64(30))) * M1
    z = (z ^ (z >> np.uint64(27))) * M2
    return z ^ (z >> np.uint64(31))


@inline
def key(seed, stream):  # type: ignore[no-untyped-def]
    """Key of one of the streams of a seed."""
    return mix(mix(np.uint64(seed) + GOLDEN) + np.uint64(stream) * GOLDEN)


@kernel
def add_normal(image, seed, first, row_step, slice_step, mean, sigma, out):  # type: ignore[no-untyped-def]
    """Add ``mean + sigma * N(0, 1)`` to a block (slices, rows, columns).

    The pixel (z, y, x) of the block is number ``first + z * slice_step + y * row_step + x`` of the layer.
    """
    k = key(seed, 0)
    for z in range(image.shape[0]):
        for y in range(image.shape[1]):
            start = np.uint64(first) + np.uint64(z) * np.uint64(slice_step) + np.uint64(y) * np.uint64(row_step)
            for x in range(image.shape[2]):
                bits = mix((start + np.uint64(x)) * GOLDEN ^ k)
                u = (np.float64(bits >> np.uint64(32)) + 0.5) * 2.0**-32
                v = np.float64(bits & np.uint64(0xFFFFFFFF)) * 2.0**-32
                out[z, y, x] = image[z, y, x] + (mean + sigma * math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * v))
