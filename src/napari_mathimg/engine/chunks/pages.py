"""Memory that goes back to the system as soon as it is free.

The allocator of the C library keeps freed memory for each thread: the more, the larger the blocks that it has seen
freed. Blocks that are taken from the system itself neither stay in it nor make it keep more.
"""

import math
import mmap
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST = 2**18  # bytes; what is smaller is left to the allocator


def empty_pages(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return a new array, of any values, in memory of its own."""
    pixels = math.prod(shape)
    nbytes = pixels * dtype.itemsize
    if nbytes < LEAST:
        return np.empty(shape, dtype)
    try:
        memory = _mapped(nbytes)
    except OSError:  # the system limits the number of such blocks
        return np.empty(shape, dtype)
    return np.frombuffer(memory, dtype, pixels).reshape(shape)


def _mapped(nbytes: int) -> mmap.mmap:
    if sys.platform == "win32":
        return mmap.mmap(-1, nbytes)
    return mmap.mmap(-1, nbytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
