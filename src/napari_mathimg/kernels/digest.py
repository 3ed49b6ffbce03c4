"""The inner loop of a digest of pixels."""

from typing import Any

import numpy as np

from ._jit import kernel

FIRST, SECOND = np.uint64(0x9E3779B185EBCA87), np.uint64(0xC2B2AE3D27D4EB4F)  # primes of XXH64
LEFT, RIGHT = np.uint64(31), np.uint64(33)


@kernel
def mix_words(words: Any, state: Any) -> None:
    """Mix unsigned 64-bit words, as many as four times some number, into four of them.

    Each step is that of XXH64 (Y. Collet): one-to-one in the word and in the state, so that no change of one word is
    ever lost.
    """
    a, b, c, d = state[0], state[1], state[2], state[3]
    for k in range(0, words.size, 4):
        a = a + words[k] * SECOND
        b = b + words[k + 1] * SECOND
        c = c + words[k + 2] * SECOND
        d = d + words[k + 3] * SECOND
        a = ((a << LEFT) | (a >> RIGHT)) * FIRST
        b = ((b << LEFT) | (b >> RIGHT)) * FIRST
        c = ((c << LEFT) | (c >> RIGHT)) * FIRST
        d = ((d << LEFT) | (d >> RIGHT)) * FIRST
    state[0], state[1], state[2], state[3] = a, b, c, d
