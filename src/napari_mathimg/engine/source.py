"""Sources: arrays read as items, with stack axes, item axes and channels."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.reach import Box
from .chunks import as_numpy

Index = tuple[int, ...]
Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Source:
    """An array (NumPy, Dask, Zarr) that is read item by item and box by box, channels last.

    Parameters
    ----------
    array
        Array with `shape`, `dtype` and the basic indexing of NumPy.
    ndim
        Number of axes of an item: the last axes besides the channel axis.
    channel_axis
        Axis of 3 (RGB) or 4 (RGBA) channels, or None.
    scope
        (start, stop) on each stack axis: the items that are read; None for all.

    Raises
    ------
    ValueError
        ``name=value: must be ...`` if the array cannot be read as described.
    """

    array: Any
    ndim: int
    channel_axis: int | None = None
    scope: Ranges | None = None

    def __post_init__(self) -> None:
        self._check_array()
        self._check_channels()
        if not 1 <= self.ndim <= len(self.places):
            raise ValueError(
                f"ndim={self.ndim}: must be from 1 to {len(self.places)} for an image of shape {self.array.shape}"
            )
        if self.scope is not None:
            full = self.full_leading
            inside = len(self.scope) == len(full) and all(
                0 <= a < b <= n for (a, b), n in zip(self.scope, full, strict=True)
            )
            if not inside:
                raise ValueError(f"scope={self.scope}: must be (start, stop) within each of the stack axes {full}")

    def _check_array(self) -> None:
        shape, dtype = tuple(self.array.shape), np.dtype(self.array.dtype)
        if dtype.kind not in "biuf":
            raise ValueError(f"image: must hold real numbers, not {dtype}")
        if dtype.itemsize > 8:
            raise ValueError(f"image: must hold numbers of at most 64 bits, not {dtype}")
        if 0 in shape or not shape:
            raise ValueError(f"image: must have at least one pixel on each axis, not shape {shape}")

    def _check_channels(self) -> None:
        axis, ndim = self.channel_axis, len(self.array.shape)
        if axis is None:
            return
        if not -ndim <= axis < ndim:
            raise ValueError(f"channel_axis={axis}: must be an axis of an image of shape {tuple(self.array.shape)}")
        if self.channels not in (3, 4):
            raise ValueError(
                f"channel_axis={axis}: must have 3 (RGB) or 4 (RGBA) channels, not {self.channels}; "
                "keep other channels as a stack axis"
            )

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels in native byte order."""
        native: np.dtype[Any] = np.dtype(self.array.dtype).newbyteorder("=")
        return native

    @property
    def axis(self) -> int | None:
        """The channel axis, counted from the first axis; None without channels."""
        return None if self.channel_axis is None else self.channel_axis % len(self.array.shape)

    @property
    def channels(self) -> int:
        """Number of channels; 0 without a channel axis."""
        return 0 if self.axis is None else int(self.array.shape[self.axis])

    @property
    def colors(self) -> int:
        """Number of channels without opacity."""
        return min(self.channels, 3)

    @property
    def places(self) -> tuple[int, ...]:
        """Shape of the array without channels."""
        return tuple(int(n) for i, n in enumerate(self.array.shape) if i != self.axis)

    @property
    def full_leading(self) -> tuple[int, ...]:
        """Shape of the whole stack."""
        return self.places[: len(self.places) - self.ndim]

    @property
    def leading(self) -> tuple[int, ...]:
        """Shape of the stack within the scope."""
        return self.full_leading if self.scope is None else tuple(b - a for a, b in self.scope)

    @property
    def item(self) -> tuple[int, ...]:
        """Shape of an item without channels."""
        return self.places[len(self.places) - self.ndim :]

    @property
    def indices(self) -> list[Index]:
        """Indices of the items within the scope, from 0."""
        return list(np.ndindex(self.leading))

    def index_in_stack(self, index: Index) -> Index:
        """Return the index of an item in the whole stack."""
        return index if self.scope is None else tuple(a + i for (a, _), i in zip(self.scope, index, strict=True))

    def position(self, index: Index, channel: int) -> int:
        """Return the number of pixels of the whole array before an item and channel; it does not depend on `ndim`."""
        number = 0
        for i, n in zip(self.index_in_stack(index), self.full_leading, strict=True):
            number = number * n + i
        return channel * math.prod(self.places) + number * math.prod(self.item)

    def read(self, index: Index, box: Box) -> NDArray[Any]:
        """Read a box of an item in native byte order."""
        block = as_numpy(self.array, self._key(self.index_in_stack(index), box))
        expected = len(box) + (self.axis is not None)
        if block.ndim != expected:
            raise ValueError(
                f"image: must follow the basic indexing of NumPy, which {type(self.array).__name__} does not"
            )
        block = block.astype(block.dtype.newbyteorder("="), copy=False)
        return block if self.axis is None else np.moveaxis(block, self._axis_in_block(len(index)), -1)

    def box_in_array(self, index: Index, box: Box) -> Box:
        """Return the box of the array, with all channels, that a box of an item is."""
        inside = [*((i, i + 1) for i in self.index_in_stack(index)), *box]
        if self.axis is not None:
            inside.insert(self.axis, (0, self.channels))
        return tuple(inside)

    def _key(self, index: Index, box: Box) -> tuple[Any, ...]:
        """Return the index that selects a box of an item from the array, with all channels."""
        key: list[Any] = [*index, *(slice(a, b) for a, b in box)]
        if self.axis is not None:
            key.insert(self.axis, slice(None))
        return tuple(key)

    def _axis_in_block(self, leading: int) -> int:
        assert self.axis is not None
        return self.axis - min(leading, self.axis)
