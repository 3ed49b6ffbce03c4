"""Digests of the pixels of arrays in memory."""

from collections.abc import Generator, Iterator
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...contract.progress import Progress
from ...kernels.digest import mix_words
from ..threads import run_tasks
from .identity import innermost, owner_of

PIECE = 2**22  # bytes that are digested at a time
WORDS = 32  # bytes that the kernel mixes at a time
SPEED = 4e9  # bytes of pixels per second, on one core at least


def is_digestible(array: Any) -> bool:
    """Return whether the pixels of an array are in memory."""
    return isinstance(innermost(array), np.ndarray) and not isinstance(owner_of(array), np.memmap)


def seconds_to_digest(array: Any) -> float:
    """Return about how long a digest of an array takes."""
    return float(array.size * array.dtype.itemsize / SPEED) if is_digestible(array) else np.inf


def digest(array: NDArray[Any], threads: int) -> Generator[Progress, None, bytes]:
    """Digest the pixels of an array in memory; a change of any one pixel changes the digest."""
    pieces = list(_pieces(array))
    states = np.zeros((len(pieces), 4), np.uint64)

    def work(number: int) -> None:
        flat = np.ascontiguousarray(pieces[number]).reshape(-1).view(np.uint8)
        whole = flat.size // WORDS * WORDS
        rest = np.zeros(WORDS, np.uint8)
        rest[: flat.size - whole] = flat[whole:]
        words = flat[:whole]
        if words.ctypes.data % 8:
            words = words.copy()
        mix_words(_readable(words), states[number])
        mix_words(rest.view(np.uint64), states[number])

    yield from run_tasks("Pixels", range(len(pieces)), work, threads)
    return blake2b(states.tobytes(), digest_size=16).digest()


def _readable(words: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return bytes as words that the kernel, compiled for arrays that can be written, takes."""
    seen = words.view(np.uint64)
    return seen if seen.flags.writeable else seen.copy()


def _pieces(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Cut an array into views of about `PIECE` bytes, of lines that lie together in memory."""
    order = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
    turned = array.transpose(order)
    if turned.flags.c_contiguous:
        turned = turned.reshape(-1)
    yield from _cut(turned)


def _cut(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    lines = max(PIECE * len(array) // max(array.nbytes, 1), 1)
    for first in range(0, len(array), lines):
        part = array[first : first + lines]
        if part.nbytes > PIECE and len(part) == 1 and part.ndim > 1:
            yield from _cut(part[0])
        else:
            yield part
