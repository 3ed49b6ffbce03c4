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
    given = [_as_part(part) for part in key]
    at = [k for k, part in enumerate(given) if part is Ellipsis]
    if len(at) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    used = sum(_axes_of(part) for part in given)
    if used > len(shape):
        raise IndexError(f"too many indices for array: array is {len(shape)}-dimensional, but {used} were indexed")
    place = at[0] if at else len(given)
    parts: list[Any] = []
    axis = 0
    for part in (*given[:place], *[slice(None)] * (len(shape) - used), *given[place + len(at) :]):
        if isinstance(part, np.ndarray) and part.dtype == bool:
            axes = shape[axis : axis + part.ndim]
            if axes != part.shape:
                raise IndexError(f"mask of shape {part.shape}: must have the shape of the axes {axes} it stands for")
            parts += part.nonzero()
        else:
            parts.append(part)
        axis += _axes_of(part)
    return parts


def _as_part(part: Any) -> Any:
    """Return a part of a key: lists and what is like an array as an array of integers, or of bool if it is a mask."""
    if part is None or part is Ellipsis or isinstance(part, slice):
        return part
    if isinstance(part, bool | np.bool_):
        raise IndexError(f"key={part}: must be an integer, slice, list of integers, mask, None or Ellipsis")
    if not (isinstance(part, list | tuple | range | np.ndarray) or hasattr(part, "__array__")):
        return part
    array = np.asarray(part)
    if array.dtype.kind in "iu" or (array.size == 0 and not hasattr(part, "dtype")):  # [] is no list of floats
        return array.astype(np.intp) if array.ndim else int(array)
    if array.dtype != bool or not array.ndim:
        raise IndexError("arrays used as indices must be of integer (or boolean) type")
    return array


def _axes_of(part: Any) -> int:
    """Return how many axes a part of a key stands for."""
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if isinstance(part, np.ndarray) and part.dtype == bool else 1


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
