"""What napari gets as the data of a lazy layer: an array whose parts are computed when they become NumPy arrays."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...engine.chunks import as_numpy
from ...engine.lazy.levels import Level, Mark

Part = int | range  # of an axis


class Shown:
    """A lazy array of which a part is lazy too, as one of Dask is.

    napari 0.9 takes a tile of all planes first, and then one plane of it.

    Parameters
    ----------
    array
        Array that computes what is read of it.
    mark
        What its pixels are worth, as of a `Level`.
    parts
        What is taken of each axis; by default all.
    """

    def __init__(self, array: Any, mark: Mark = "exact", parts: tuple[Part, ...] | None = None) -> None:
        self.array, self.mark = array, mark
        self.owner: Any = None  # the `LazyPixels` whose finest level this is
        self.dtype = np.dtype(array.dtype)
        self._parts = tuple(range(int(n)) for n in array.shape) if parts is None else parts
        self.shape = tuple(len(part) for part in self._parts if isinstance(part, range))
        self.ndim, self.size = len(self.shape), math.prod(self.shape)

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """Length of the tiles along each axis, to which napari rounds what it reads; None of a part."""
        chunks = getattr(self.array, "chunks", None)
        return chunks if len(self.shape) == len(self._parts) and self.shape == tuple(self.array.shape) else None

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> "Shown":
        """Take a part, given by integers, slices and an Ellipsis.

        Raises
        ------
        IndexError
            If the key does not fit the shape, or has something else; make this a NumPy array then.
        """
        given = list(key) if isinstance(key, tuple) else [key]
        if any(k is Ellipsis for k in given):
            at = next(n for n, k in enumerate(given) if k is Ellipsis)
            given[at : at + 1] = [slice(None)] * (self.ndim - len(given) + 1)
        if len(given) > self.ndim:
            raise IndexError(f"key={key}: must have at most {self.ndim} indices")
        if not all(isinstance(k, int | np.integer | slice) and not isinstance(k, bool) for k in given):
            raise IndexError(f"key={key}: must have integers and slices only; numpy.asarray computes the array")
        rest = iter([*given, *[slice(None)] * (self.ndim - len(given))])
        parts = tuple(part[next(rest)] if isinstance(part, range) else part for part in self._parts)
        return Shown(self.array, self.mark, parts)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Compute the pixels."""
        if copy is False:
            raise ValueError("copy=False: must be True or None, because the pixels of a lazy layer are computed")
        found = np.asarray(as_numpy(self.array, tuple(map(_as_key, self._parts))))
        return np.array(found, dtype) if copy or not found.flags.writeable else np.asarray(found, dtype)


def _as_key(part: Part) -> int | slice:
    """Return what is taken of an axis as a key of NumPy."""
    if isinstance(part, int):
        return part
    stop = None if part.stop < 0 else part.stop
    return slice(part.start, stop, part.step) if len(part) else slice(0, 0)


def unwrapped_data(data: Any) -> Any:
    """Return the array that computes the pixels of the data of a lazy layer, and any other data unchanged."""
    return data.array if isinstance(data, Shown) else data


def as_level(data: Any) -> Any:
    """Return a level of a lazy layer with what its pixels are worth, and any other data unchanged."""
    return Level(data.array, data.mark) if isinstance(data, Shown) else data
