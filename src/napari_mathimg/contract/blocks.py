"""What an operation is told about a block of pixels: its place, and the values that count as 0 and 1."""

import math
from dataclasses import dataclass

from .reach import Box, Reach, within


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
    """The two values that an operation sees as 0 and 1, and whether the image holds integers."""

    low: float
    high: float
    integral: bool = False

    @property
    def width(self) -> float:
        """Difference of the two values; 1 for a constant image."""
        return self.high - self.low or 1.0

    def bins(self, nbins: int) -> int:
        """Return the number of histogram bins: one for each gray level of at most 65536, otherwise `nbins`."""
        return math.ceil(self.high) - math.floor(self.low) + 1 if self.integral and self.width < 65536 else nbins
