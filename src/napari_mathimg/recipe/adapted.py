"""Lazy arrays made of others: a part put back into its image, values divided, and a dropped axis kept."""

import math
from typing import Any

import numpy as np

from ..contract.reach import Box
from ..engine.chunks import as_numpy

Key = tuple[slice, ...]


class Adapted:
    """An array that is computed where it is read, from other arrays of which it has one as a whole."""

    def __init__(self, array: Any, shape: tuple[int, ...], dtype: Any) -> None:
        self._array, self.shape, self.dtype = array, tuple(int(n) for n in shape), np.dtype(dtype)
        self.ndim, self.size = len(self.shape), math.prod(self.shape)
        self.nbytes = self.size * self.dtype.itemsize

    def __getitem__(self, key: Any) -> Any:
        """Read a box, given by integers and slices."""
        box, points, steps = _box_of(key, self.shape)
        found = self._read(box)
        return found[tuple(steps)].reshape(
            [n for n, is_point in zip(_lengths(found[tuple(steps)]), points, strict=True) if not is_point]
        )

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        whole = self[()]
        return whole if dtype is None else whole.astype(dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def _read(self, box: Key) -> Any:
        """Read a box of contiguous slices."""
        raise NotImplementedError

    def boxes_of(self, box: Box) -> list[tuple[Any, Box]]:
        """Return the arrays that are read for a box, and the box of each."""
        return [(self._array, box)]


class Merged(Adapted):
    """An image in which a part, one index of an axis, has other pixels, in their type."""

    def __init__(self, image: Any, part: Any, axis: int, index: int) -> None:
        super().__init__(image, image.shape, part.dtype)
        self._part, self._axis, self._index = part, axis, index

    def _read(self, box: Key) -> Any:
        span = box[self._axis]
        inside = span.start <= self._index < span.stop
        if inside and span.stop - span.start == 1:
            return as_numpy(self._part, self._of_part(box))
        if not inside:
            return np.asarray(as_numpy(self._array, box), self.dtype)
        out = np.empty([k.stop - k.start for k in box], self.dtype)
        here = [slice(None)] * self.ndim
        for first, stop in ((span.start, self._index), (self._index, self._index + 1), (self._index + 1, span.stop)):
            if first < stop:
                here[self._axis] = slice(first - span.start, stop - span.start)
                part = (*box[: self._axis], slice(first, stop), *box[self._axis + 1 :])
                is_part = first == self._index
                out[tuple(here)] = as_numpy(self._part, self._of_part(box)) if is_part else as_numpy(self._array, part)
        return out

    def boxes_of(self, box: Box) -> list[tuple[Any, Box]]:
        """Return the arrays that are read for a box, and the box of each."""
        first, stop = box[self._axis]
        if not first <= self._index < stop:
            return [(self._array, box)]
        spans = [(a, b) for a, b in ((first, self._index), (self._index + 1, stop)) if a < b]
        others = [(self._array, (*box[: self._axis], span, *box[self._axis + 1 :])) for span in spans]
        return [*others, (self._part, (*box[: self._axis], (0, 1), *box[self._axis + 1 :]))]

    def _of_part(self, box: Key) -> Key:
        return (*box[: self._axis], slice(0, 1), *box[self._axis + 1 :])


class Divided(Adapted):
    """An array divided by a number."""

    def __init__(self, array: Any, divisor: float) -> None:
        super().__init__(array, array.shape, array.dtype)
        self._divisor = self.dtype.type(divisor)

    def _read(self, box: Key) -> Any:
        return as_numpy(self._array, box) / self._divisor


class Expanded(Adapted):
    """An array with one more axis, of length 1."""

    def __init__(self, array: Any, axis: int) -> None:
        super().__init__(array, (*array.shape[:axis], 1, *array.shape[axis:]), array.dtype)
        self._axis = axis

    def _read(self, box: Key) -> Any:
        found = as_numpy(self._array, (*box[: self._axis], *box[self._axis + 1 :]))
        return np.expand_dims(found, self._axis)[(slice(None),) * self._axis + (box[self._axis],)]

    def boxes_of(self, box: Box) -> list[tuple[Any, Box]]:
        """Return the arrays that are read for a box, and the box of each."""
        return [(self._array, (*box[: self._axis], *box[self._axis + 1 :]))]


class Turned(Adapted):
    """An array with its axes in another order."""

    def __init__(self, array: Any, order: tuple[int, ...]) -> None:
        super().__init__(array, tuple(array.shape[axis] for axis in order), array.dtype)
        self._order = order

    def _read(self, box: Key) -> Any:
        inner = tuple(box[self._order.index(axis)] for axis in range(self.ndim))
        return as_numpy(self._array, inner).transpose(self._order)

    def boxes_of(self, box: Box) -> list[tuple[Any, Box]]:
        """Return the arrays that are read for a box, and the box of each."""
        return [(self._array, tuple(box[self._order.index(axis)] for axis in range(self.ndim)))]


class Cut(Expanded):
    """One index of an axis of an array, which keeps the axis."""

    def __init__(self, array: Any, axis: int, index: int) -> None:
        super().__init__(array, axis)
        self.shape = tuple(1 if k == axis else int(n) for k, n in enumerate(array.shape))
        self.ndim, self._index = len(self.shape), index

    def _read(self, box: tuple[slice, ...]) -> Any:
        inner = slice(self._index + box[self._axis].start, self._index + box[self._axis].stop)
        return as_numpy(self._array, (*box[: self._axis], inner, *box[self._axis + 1 :]))

    def boxes_of(self, box: Box) -> list[tuple[Any, Box]]:
        """Return the arrays that are read for a box, and the box of each."""
        first, stop = box[self._axis]
        return [(self._array, (*box[: self._axis], (self._index + first, self._index + stop), *box[self._axis + 1 :]))]


def _box_of(key: Any, shape: tuple[int, ...]) -> tuple[Key, list[bool], list[slice]]:
    """Return the box that holds what a key selects, which axes are given by an integer, and the key within the box."""
    given = list(key) if isinstance(key, tuple) else [key]
    if Ellipsis in given:
        at = given.index(Ellipsis)
        given[at : at + 1] = [slice(None)] * (len(shape) - len(given) + 1)
    if len(given) > len(shape):
        raise IndexError(f"too many indices for an array of {len(shape)} axes")
    given += [slice(None)] * (len(shape) - len(given))
    box, points, steps = [], [], []
    for k, n in zip(given, shape, strict=True):
        if isinstance(k, slice):
            span = range(*k.indices(n))
            first, last = (min(span[0], span[-1]), max(span[0], span[-1]) + 1) if len(span) else (0, 0)
            box.append(slice(first, last))
            steps.append(slice(None, None, span.step) if len(span) else slice(0, 0))
        else:
            index = int(k)
            if not -n <= index < n:
                raise IndexError(f"index {index} is out of bounds for an axis of length {n}")
            box.append(slice(index % n, index % n + 1))
            steps.append(slice(None))
        points.append(not isinstance(k, slice))
    return tuple(box), points, steps


def _lengths(array: Any) -> tuple[int, ...]:
    return tuple(int(n) for n in array.shape)
