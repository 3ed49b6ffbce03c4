"""Arrays whose boxes are read where they are asked for."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.reach import Box


class ReadBoxes:
    """A lazy array with the basic indexing of NumPy, over a function that reads boxes.

    Parameters
    ----------
    shape
        Shape of the array.
    dtype
        Type of its pixels.
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape, self.dtype = tuple(map(int, shape)), np.dtype(dtype)
        self.ndim = len(self.shape)

    def read(self, box: Box) -> NDArray[Any]:
        """Read a box."""
        raise NotImplementedError

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def size(self) -> int:
        """Number of pixels."""
        return math.prod(self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Read all pixels."""
        if copy is False:
            raise ValueError("copy=False: must be True or None for pixels that are read from a file")
        everything = self[(slice(None),) * self.ndim]
        return everything if dtype is None else everything.astype(dtype, copy=False)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Read what integers and slices select."""
        keys = self._normalized(key)
        box: list[tuple[int, int]] = []
        inside: list[Any] = []
        for k, n in zip(keys, self.shape, strict=True):
            if isinstance(k, slice):
                places = range(n)[k]
                low, high = (min(places[0], places[-1]), max(places[0], places[-1]) + 1) if places else (0, 0)
                box.append((low, high))
                inside.append(slice(None, None, places.step))
            else:
                box.append((k, k + 1))
                inside.append(0)
        part: NDArray[Any] = self.read(tuple(box))[tuple(inside)]
        return part

    def _normalized(self, key: Any) -> list[Any]:
        """Return one integer that is not negative, or one slice, for each axis."""
        keys = list(key) if isinstance(key, tuple) else [key]
        if Ellipsis in [k for k in keys if not isinstance(k, np.ndarray)]:
            at = keys.index(Ellipsis)
            keys[at : at + 1] = [slice(None)] * (self.ndim - len(keys) + 1)
        keys += [slice(None)] * (self.ndim - len(keys))
        if len(keys) != self.ndim or not all(isinstance(k, int | np.integer | slice) for k in keys):
            raise IndexError(f"an index must be at most {self.ndim} integers and slices, not {key!r}")
        for axis, (k, n) in enumerate(zip(keys, self.shape, strict=True)):
            if not isinstance(k, slice):
                if not -n <= k < n:
                    raise IndexError(f"index {k} is out of bounds for axis {axis} with size {n}")
                keys[axis] = int(k) % n
        return keys


class Arranged(ReadBoxes):
    """A lazy array with its axes in another order, or at single places along some of them.

    Parameters
    ----------
    array
        Array with the basic indexing of NumPy.
    order
        Axes of the array that remain, in their new order.
    at
        Place along each other axis.
    """

    def __init__(self, array: Any, order: Sequence[int], at: Mapping[int, int] | None = None) -> None:
        super().__init__(tuple(array.shape[axis] for axis in order), array.dtype)
        self.array, self._order, self._at = array, tuple(order), dict(at or {})
        chunks = getattr(array, "chunks", None)
        self.chunks: tuple[int, ...] | None = None if chunks is None else tuple(chunks[axis] for axis in order)

    def __reduce__(self) -> Any:
        """Pickle with the way to open the array again."""
        return Arranged, (self.array, self._order, self._at)

    def read(self, box: Box) -> NDArray[Any]:
        """Read a box."""
        key: dict[int, Any] = {axis: slice(*span) for axis, span in zip(self._order, box, strict=True)} | self._at
        part = np.asarray(self.array[tuple(key[axis] for axis in sorted(key))])
        remaining = sorted(self._order)
        return part.transpose([remaining.index(axis) for axis in self._order])
