"""Digests of the pixels of arrays in memory, which tell whether they changed during a run."""

import zlib
from collections.abc import Generator, Iterable
from typing import Any

import numpy as np

from ...contract.progress import Progress
from ...methods.point_spread.kinds import Resampled

PIECE = 2**22  # pixels between two reports


def digest(array: Any, phase: str) -> Generator[Progress, None, int | None]:
    """Compute a checksum of an array in a generator that yields progress; None for an array that is read on demand."""
    if not isinstance(array, np.ndarray) or isinstance(array, np.memmap):
        return None
    rows = array.reshape(1) if array.ndim == 0 else array
    step = max(PIECE * len(rows) // max(rows.size, 1), 1)
    sum_ = 0
    for first in range(0, len(rows), step):
        yield Progress(phase, first, len(rows))
        part = np.ascontiguousarray(rows[first : first + step])
        sum_ = zlib.crc32(part.reshape(-1).view(np.uint8).data, sum_) if part.size else sum_
    return sum_


def digests(arrays: Iterable[Any], phase: str) -> Generator[Progress, None, list[int | None]]:
    """Compute the digest of each array; that of a resampled one is that of its source, which it may be read from."""
    found = []
    for array in arrays:
        found.append((yield from digest(array.source if isinstance(array, Resampled) else array, phase)))
    return found
