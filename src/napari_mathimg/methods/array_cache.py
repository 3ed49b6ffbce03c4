"""Arrays that are computed once for each key and kept, bounded in bytes."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def digest(array: NDArray[Any]) -> tuple[bytes, tuple[int, ...], str]:
    """Return a key of an array by its content: a hash of the pixels, the shape and the type."""
    pixels = np.ascontiguousarray(array)
    return hashlib.blake2b(pixels.data, digest_size=16).digest(), array.shape, array.dtype.str


class ArrayCache:
    """A cache of arrays, of which those that were used longest ago are dropped; threads wait for an array being made.

    Parameters
    ----------
    capacity
        Bytes of all arrays; a larger array is not kept.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._cache: OrderedDict[Hashable, NDArray[Any]] = OrderedDict()
        self._locks: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of all kept arrays."""
        with self._lock:
            return sum(array.nbytes for array in self._cache.values())

    def get(self, key: Hashable, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Return the array of a key, made if it is not kept; callers only read it."""
        with self._lock:
            key_lock = self._locks.setdefault(key, threading.Lock())
        try:
            with key_lock:  # threads that need the same one wait for it
                with self._lock:
                    if key in self._cache:
                        self._cache.move_to_end(key)
                        return self._cache[key]
                array = make()
                with self._lock:
                    if array.nbytes <= self._capacity:
                        self._cache[key] = array
                    while sum(kept.nbytes for kept in self._cache.values()) > self._capacity:
                        self._cache.popitem(last=False)
                return array
        finally:
            with self._lock:
                self._locks.pop(key, None)
