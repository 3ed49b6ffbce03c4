"""Which array pixels belong to, however it is wrapped, turned or cut."""

from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy as np

from ..chunks import CachedChunks, is_computed
from ..source import Transposed


class Token(NamedTuple):
    """The pixels that an array has had since it was met or touched last.

    Parameters
    ----------
    serial
        Number of this state of the array that owns the pixels; none is used twice.
    layout
        Which of its pixels are seen, and how.
    """

    serial: int
    layout: Hashable


def innermost(array: Any) -> Any:
    """Return an array without what the engine has put around it."""
    while isinstance(array, CachedChunks | Transposed):
        array = array.array
    return array


def is_lasting(array: Any) -> bool:
    """Return whether the pixels of an array are those of a plan, which stay the same."""
    return is_computed(innermost(array))


def owner_of(array: Any) -> Any:
    """Return the array that owns the pixels of an array: of a view, the one that was viewed."""
    owner = innermost(array)
    while isinstance(owner, np.ndarray) and isinstance(owner.base, np.ndarray):
        owner = owner.base
    return owner


def layout_of(array: Any) -> Hashable:
    """Return which pixels of its owner an array sees, and how."""
    array = innermost(array)
    if not isinstance(array, np.ndarray):
        return tuple(array.shape), str(array.dtype)
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str
