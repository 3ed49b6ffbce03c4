"""Keys with several arrays of indices, which name points: these are read tile by tile, not all that they cross."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .keys import Selection, expanded

Array = NDArray[Any]
CROSSED = 4  # pixels that arrays of indices cross for each point, from which on points are read tile by tile


class Points:
    """The points that a key names by arrays of indices along two axes or more.

    Parameters
    ----------
    key, shape
        As of `selection`.
    """

    def __init__(self, key: Any, shape: Sequence[int]) -> None:
        self._parts = expanded(key if isinstance(key, tuple) else (key,), tuple(shape))
        self._at = [k for k, part in enumerate(self._parts) if isinstance(part, np.ndarray)]
        self._lengths = list(shape)

    def are_few_of(self, chosen: Selection) -> bool:
        """Return whether the arrays cross many more pixels than they name."""
        if len(self._at) < 2:
            return False
        axes = [self._axis(k) for k in self._at]
        try:
            points = math.prod(np.broadcast_shapes(*(self._parts[k].shape for k in self._at)))
        except ValueError:  # NumPy refuses the key
            return False
        return math.prod(len(chosen.positions[axis]) for axis in axes) > CROSSED * max(points, 1)

    def _axis(self, place: int) -> int:
        return sum(part is not None for part in self._parts[:place])

    def read(self, chunks: Sequence[int], read: Callable[[tuple[Any, ...]], Array]) -> Array:
        """Read the points, those of a tile together, by a function that reads what a key selects."""
        arrays = np.broadcast_arrays(*(self._parts[k] for k in self._at))
        flat = [array.reshape(-1) % self._lengths[self._axis(k)] for array, k in zip(arrays, self._at, strict=True)]
        cells = np.stack([f // chunks[self._axis(k)] for f, k in zip(flat, self._at, strict=True)])
        _, numbers = np.unique(cells, axis=1, return_inverse=True)
        order = np.argsort(numbers.reshape(-1), kind="stable")
        ends = np.flatnonzero(np.diff(numbers.reshape(-1)[order])) + 1
        place, out = self._place(), None
        for some in np.split(order, ends):
            parts = list(self._parts)
            for k, f in zip(self._at, flat, strict=True):
                parts[k] = f[some]
            found = np.moveaxis(read(tuple(parts)), place, 0)
            if out is None:
                out = np.empty((len(order), *found.shape[1:]), found.dtype)
            out[some] = found
        assert out is not None
        split = out.reshape((*arrays[0].shape, *out.shape[1:]))
        many = arrays[0].ndim
        return np.moveaxis(split, range(many), range(place, place + many))

    def _place(self) -> int:
        """Return the first axis of the points in what a key selects, by NumPy's rule."""
        is_index = [not (part is None or isinstance(part, slice)) for part in self._parts]
        first, last = is_index.index(True), len(is_index) - is_index[::-1].index(True)
        return first if all(is_index[first:last]) else 0
