"""Levels of an image that are computed where they are read, plane by plane, and kept nowhere."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..chunks import as_numpy, with_cached_chunks
from ..pyramid import Pyramid, block_of_level, shapes_of_levels
from .keys import selection
from .shaped import Shaped

Array = NDArray[Any]
TILE = 512  # pixels along the sides of the tiles of a level


class _Boxes:
    """An array whose boxes are read as arrays of NumPy, of whatever kind it is."""

    def __init__(self, array: Any) -> None:
        self.array, self.shape, self.dtype = with_cached_chunks(array), tuple(map(int, array.shape)), array.dtype

    def __getitem__(self, key: tuple[Any, ...]) -> Array:
        """Read a box, given by slices, or positions in a box, given as by `numpy.ix_`."""
        if all(isinstance(k, slice) for k in key):
            return as_numpy(self.array, (*key, *(slice(0, n) for n in self.shape[len(key) :])))
        chosen = [np.ravel(k) for k in key]
        box = self[tuple(slice(int(k.min()), int(k.max()) + 1) for k in chosen)]
        return box[np.ix_(*(k - k.min() for k in chosen))]


class Halved(Shaped):
    """A level of an image, as `build_pyramid` computes it, of which each box is computed where it is read.

    Parameters
    ----------
    array
        Level before it, or, for labels, the finest one (NumPy, Dask, Zarr, or a lazy one); channels last if it has more
        axes than `ndim`.
    ndim
        Number of axes without channels.
    pyramid
        Way in which levels are made.
    shape
        Shape of the level, without channels.
    """

    is_computed = True

    def __init__(self, array: Any, ndim: int, pyramid: Pyramid, shape: tuple[int, ...]) -> None:
        self.array, self._axes, self._mean = _Boxes(array), [axis % ndim for axis in pyramid.axes], pyramid.mean
        self.shape = (*shape, *map(int, array.shape[ndim:]))
        self.dtype = np.dtype(array.dtype)
        self._places = ndim
        inside = {*range(max(ndim - 2, 0), ndim)}
        self.chunks = tuple(min(n, TILE) if k in inside else (n if k >= ndim else 1) for k, n in enumerate(self.shape))

    def __getitem__(self, key: Any) -> Any:
        """Compute what a key selects, in a new array."""
        chosen = selection(key, self.shape)
        spans = [(int(np.min(p)), int(np.max(p)) + 1) if len(p) else (0, 0) for p in chosen.positions]
        if any(a == b for a, b in spans):
            return np.empty(chosen.lengths, self.dtype)[chosen.key]
        n = self._places
        block = block_of_level(self.array, self.shape[:n], self._axes, tuple(spans[:n]), self._mean)
        parts = [np.asarray(p) - a for p, (a, _) in zip(chosen.positions, spans, strict=True)]
        for k in range(n, self.ndim):  # channels were read whole
            parts[k] = np.asarray(chosen.positions[k])
        return np.ascontiguousarray(block[np.ix_(*parts)])[chosen.key]

    def peek(self, key: Any) -> Array:
        """Compute what a key selects."""
        return np.asarray(self[key])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Compute all pixels."""
        if copy is False:
            raise ValueError("copy=False: must be True or None, because the pixels of a lazy array are computed")
        return np.asarray(self[...], dtype)


def halved_levels(array: Any, ndim: int, pyramid: Pyramid) -> list[Any]:
    """Return an array and its levels, each computed where it is read; parameters as of `Halved`."""
    found = [array]
    for shape in shapes_of_levels(array.shape[:ndim], pyramid):
        found.append(Halved(found[-1] if pyramid.mean else array, ndim, pyramid, shape))
    return found
