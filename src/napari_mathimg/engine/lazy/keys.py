"""Keys of NumPy's indexing, as the positions along each axis that they need and the key that arranges these."""

import operator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Positions = range | NDArray[np.intp]


class Selection(NamedTuple):
    """The positions that a key needs along each axis, ascending, and the key into an array of only these."""

    positions: tuple[Positions, ...]
    key: tuple[Any, ...]

    @property
    def lengths(self) -> tuple[int, ...]:
        """Number of positions along each axis."""
        return tuple(len(p) for p in self.positions)


def selection(key: Any, shape: tuple[int, ...]) -> Selection:
    """Return what a key of NumPy's indexing (integers, slices, Ellipsis, None, lists, masks) selects from a shape.

    Raises
    ------
    IndexError
        If the key does not fit the shape.
    """
    parts = _expanded(key if isinstance(key, tuple) else (key,), shape)
    positions: list[Positions] = []
    final: list[Any] = []
    for part in parts:
        if part is None:
            final.append(None)
            continue
        axis = len(positions)
        of_axis, place = _along(part, axis, shape[axis])
        positions.append(of_axis)
        final.append(place)
    return Selection(tuple(positions), tuple(final))


def _expanded(key: tuple[Any, ...], shape: tuple[int, ...]) -> list[Any]:
    """Return a part for each axis, and None for each new one: without Ellipsis, masks as lists of indices."""
    parts: list[Any] = []
    for part in key:
        if part is None or part is Ellipsis or isinstance(part, slice):
            parts.append(part)
        elif isinstance(part, list | tuple | np.ndarray) or hasattr(part, "__array__"):
            parts += _lists(np.asarray(part), sum(p is not None and p is not Ellipsis for p in parts), key, shape)
        elif isinstance(part, bool):
            raise IndexError(f"key={part}: must be an integer, slice, list of integers, mask, None or Ellipsis")
        else:
            parts.append(part)
    if sum(part is Ellipsis for part in parts) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    used = sum(part is not None and part is not Ellipsis for part in parts)
    if used > len(shape):
        raise IndexError(f"too many indices for array: array is {len(shape)}-dimensional, but {used} were indexed")
    rest = [slice(None)] * (len(shape) - used)
    at = next((k for k, part in enumerate(parts) if part is Ellipsis), len(parts))
    return [*parts[:at], *rest, *parts[at + 1 :]]


def _lists(part: NDArray[Any], before: int, key: tuple[Any, ...], shape: tuple[int, ...]) -> list[Any]:
    """Return an array of integers, or those of the places where a mask is true."""
    if part.dtype.kind in "iu" or part.size == 0:
        return [part.astype(np.intp) if part.ndim else int(part)]
    if part.dtype.kind != "b" or not part.ndim:
        raise IndexError("arrays used as indices must be of integer (or boolean) type")
    if Ellipsis in [p for p in key if p is None or p is Ellipsis] or shape[before : before + part.ndim] != part.shape:
        raise IndexError(f"mask of shape {part.shape}: must have the shape of the axes {shape} that it stands for")
    return list(part.nonzero())


def _along(part: Any, axis: int, length: int) -> tuple[Positions, Any]:
    """Return the positions that a part of a key needs along an axis, ascending, and the part for these alone."""
    if isinstance(part, slice):
        chosen = range(*part.indices(length))
        backwards = chosen.step < 0
        return (chosen[::-1], slice(None, None, -1)) if backwards else (chosen, slice(None))
    if isinstance(part, np.ndarray):
        outside = part[(part < -length) | (part >= length)]
        if outside.size:
            raise IndexError(f"index {outside.flat[0]} is out of bounds for axis {axis} with size {length}")
        wanted, places = np.unique(part % length if part.size else part, return_inverse=True)
        return wanted, places.reshape(part.shape)
    try:
        index = operator.index(part)
    except TypeError:
        raise IndexError(f"key={part!r}: must be an integer, slice, list of integers, mask, None or Ellipsis") from None
    if not -length <= index < length:
        raise IndexError(f"index {index} is out of bounds for axis {axis} with size {length}")
    return range(index % length, index % length + 1), 0
