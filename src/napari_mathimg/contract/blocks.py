"""What an operation is told about a block of pixels: its place, and the values that count as 0 and 1."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .reach import Box, Reach, within
from .types import Array


@dataclass(frozen=True)
class BlockInfo:
    """The place of a block in its image.

    Parameters
    ----------
    index
        Index of the item in the stack.
    shape
        Shape of the whole item.
    read
        Box of the item that was read: the block.
    core
        Box of the item that is to be computed, inside `read`.
    reach
        Reach of the operation, computed from its parameters.
    position
        Number of pixels of the layer before this item and channel.
    """

    index: tuple[int, ...]
    shape: tuple[int, ...]
    read: Box
    core: Box
    reach: Reach
    position: int = 0

    @property
    def inner(self) -> tuple[slice, ...]:
        """Slices that cut the box `core` out of the block."""
        return within(self.core, self.read)


@dataclass(frozen=True)
class ValueRange:
    """The two values that an operation sees as 0 and 1, and whether the image holds integers.

    `level` is a value near all values of an image that are far from 0, otherwise 0: sums of differences from it are
    more accurate.
    """

    low: float
    high: float
    integral: bool = False
    level: float = 0.0

    @property
    def width(self) -> float:
        """Difference of the two values; 1 for a constant image."""
        return self.high - self.low or 1.0

    def normalize(self, block: Array) -> Array:
        """Return floating-point numbers scaled so that the two values become 0 and 1."""
        number = block.dtype.type
        if self._is_wide(block.dtype):
            block = block * number(0.5) - number(0.5 * self.low)
            block /= number(0.5 * self.high - 0.5 * self.low)
            return block
        block = block - number(self.low)
        block /= number(self.width)
        return block

    def restore(self, block: Array) -> Array:
        """Undo `normalize`."""
        number = block.dtype.type
        if self._is_wide(block.dtype):
            with np.errstate(over="ignore"):  # a result may exceed its type
                block = block * number(0.5 * self.high - 0.5 * self.low) + number(0.5 * self.low)
                block *= number(2)
            return block
        block = block * number(self.width)
        block += number(self.low)
        return block

    def _is_wide(self, dtype: np.dtype[Any]) -> bool:
        """Return whether differences of values may exceed a floating-point type."""
        return max(abs(self.low), abs(self.high)) > float(np.finfo(dtype).max) / 4

    def seen_level(self, values: str) -> float:
        """Return the level as an operation sees it, from how it sees pixel values."""
        return (self.level - self.low) / self.width if self.level and values == "normalized" else self.level
