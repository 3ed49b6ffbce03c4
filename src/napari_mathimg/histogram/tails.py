"""The lowest and the highest values of an image, collected piece by piece."""

from typing import Any

import numpy as np

from ..kernels.counting import outer_values
from .bin_edges import Array, finite_ends

PIECE = 2**16  # pixels after which the outermost values are sorted out


class Tails:
    """The `keep` lowest and the `keep` highest finite values of all arrays added."""

    def __init__(self, keep: int, dtype: np.dtype[Any]) -> None:
        self.finite = 0
        self.low = self.high = np.empty(0, dtype)
        self._keep, self._found, self._new = keep, np.empty(keep + PIECE, dtype), 0
        self._ends = self._above, self._below = finite_ends(dtype)

    def add(self, flat: Array) -> None:
        """Look at a flat array; values between the kept ones change nothing."""
        for start in range(0, flat.size, PIECE):
            piece, free = flat[start : start + PIECE], self._found[self._new :]
            finite, copied = outer_values(piece, self._below, self._above, *self._ends, free)
            self.finite += finite
            self._new += copied
            if self._new >= self._keep:
                self.merge([])

    def merge(self, others: list["Tails"]) -> None:
        """Sort in what was found, and all that others found."""
        for other in others:
            other.merge([])
            self.finite += other.finite
        found, k, self._new = self._found[: self._new], self._keep, 0
        low = np.concatenate([self.low, found, *(other.low for other in others)])
        high = np.concatenate([self.high, found, *(other.high for other in others)])
        self.low = np.partition(low, k - 1)[:k].copy() if low.size > k else low
        self.high = np.partition(high, -k)[-k:].copy() if high.size > k else high
        if self.low.size == k:
            self._below, self._above = self.low.max(), self.high.min()
