"""What a box of a chain reads of the arrays that are not computed."""

from collections.abc import Iterator
from typing import Any

from ...contract.reach import Box
from ..chunks import CachedChunks
from ..source import Transposed
from .array import BoxArray
from .held import Held


def reads_of(array: Any, box: Box) -> Iterator[tuple[Any, Box]]:
    """Yield the arrays that are read for a box of an array, and the box of each; no pixel is read."""
    if isinstance(array, Held):
        yield from reads_of(array.array, box)
    elif isinstance(array, CachedChunks) and not isinstance(array.array, BoxArray):
        yield array, box
    elif isinstance(array, Transposed):
        yield from reads_of(array.array, tuple(box[array.order.index(axis)] for axis in range(len(box))))
    elif isinstance(array, BoxArray):
        for needed, of_needed in array.needed(box):
            yield from reads_of(needed, of_needed)
    elif (parts := getattr(array, "boxes_of", None)) is not None:
        for part, of_part in parts(box):
            yield from reads_of(part, of_part)
    else:
        yield array, box
