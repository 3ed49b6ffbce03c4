"""The lowest and the highest values of an image, collected in one pass."""

from typing import Any

import numpy as np

from ..kernels.counting import outer_values
from .bin_edges import Array, finite_ends

PIECE = 2**16  # pixels that are searched at a time


class Tails:
    """The lowest and the highest finite values of all arrays that are added.

    Parameters
    ----------
    keep
        Number of values that are kept at either end.
    dtype
        Type of the values.

    Attributes
    ----------
    low, high
        The lowest and the highest values, in any order.
    finite
        Number of finite values that were added.
    """

    def __init__(self, keep: int, dtype: np.dtype[Any]) -> None:
        self.finite = 0
        self.low = self.high = np.empty(0, dtype)
        self._keep, self._candidates, self._count = keep, np.empty(keep + PIECE, dtype), 0
        self._ends = self._above, self._below = finite_ends(dtype)

    def add(self, flat: Array) -> None:
        """Add a flat array."""
        for start in range(0, flat.size, PIECE):
            piece, free = flat[start : start + PIECE], self._candidates[self._count :]
            finite, copied = outer_values(piece, self._below, self._above, *self._ends, free)
            self.finite += finite
            self._count += copied
            if self._count >= self._keep:
                self.merge([])

    def merge(self, others: list["Tails"]) -> None:
        """Merge the candidates and the values of others into `low` and `high`."""
        for other in others:
            other.merge([])
            self.finite += other.finite
        candidates, k, self._count = self._candidates[: self._count], self._keep, 0
        low = np.concatenate([self.low, candidates, *(other.low for other in others)])
        high = np.concatenate([self.high, candidates, *(other.high for other in others)])
        self.low = np.partition(low, k - 1)[:k].copy() if low.size > k else low
        self.high = np.partition(high, -k)[-k:].copy() if high.size > k else high
        if self.low.size == k:
            self._below, self._above = self.low.max(), self.high.min()
