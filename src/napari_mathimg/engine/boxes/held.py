"""Boxes of arrays that a thread holds while it computes what needs them, so that they are read once."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...contract.reach import Box, size, within
from ..chunks import CachedChunks, as_numpy, is_computed, with_cached_chunks
from ..facts import Recall

Array = NDArray[Any]


class _Local(threading.local):
    """What this thread holds: box and pixels by the number of the array."""

    def __init__(self) -> None:
        self.boxes: dict[int, tuple[Box, Array]] = {}


_local = _Local()


class Held:
    """An array of which a thread can hold a box; what is read inside of it is a view that must not be changed."""

    is_computed = True

    def __init__(self, array: Any) -> None:
        self.array = array
        self.shape, self.dtype = tuple(int(n) for n in array.shape), np.dtype(array.dtype)

    @property
    def plan(self) -> Any:
        """The plan that computes the array, or None."""
        return getattr(self.array, "plan", None)

    @property
    def largest_chunk(self) -> int:
        """Bytes of the largest chunk that is read at a time."""
        return int(getattr(self.array, "largest_chunk", 0))

    def __getitem__(self, key: tuple[Any, ...]) -> Array:
        """Read a box given by integers and slices."""
        return self.peek(key)

    def peek(self, key: tuple[Any, ...]) -> Array:
        """Do so."""
        box = tuple(
            (k, k + 1) if not isinstance(k, slice) else k.indices(n)[:2] for k, n in zip(key, self.shape, strict=True)
        )
        held = _local.boxes.get(id(self))
        if held is not None and all(c <= a and b <= d for (a, b), (c, d) in zip(box, held[0], strict=True)):
            block = held[1][within(box, held[0])]
        else:
            block = self._read(box)
        return block[tuple(slice(None) if isinstance(k, slice) else 0 for k in key)]

    def _read(self, box: Box) -> Array:
        if isinstance(self.array, CachedChunks):
            return self.array.read_box(box)
        return as_numpy(self.array, tuple(slice(*span) for span in box))

    @contextmanager
    def hold(self, box: Box) -> Iterator[None]:
        """Hold a box meanwhile, unless one that contains it is held."""
        before = _local.boxes.get(id(self))
        if before is not None and all(c <= a and b <= d for (a, b), (c, d) in zip(box, before[0], strict=True)):
            yield
            return
        block = self._read(box)
        _local.boxes[id(self)] = box, block
        try:
            yield
        finally:
            del _local.boxes[id(self)]
            if before is not None:
                _local.boxes[id(self)] = before


@contextmanager
def holding(boxes: Iterable[tuple[Any, Box]]) -> Iterator[None]:
    """Hold boxes of those arrays that can be held."""
    with ExitStack() as stack:
        for array, box in boxes:
            if isinstance(array, Held):
                stack.enter_context(array.hold(box))
        yield


def united(reads: Iterable[Iterable[tuple[Any, Box]]]) -> list[tuple[Any, Box]]:
    """Return, for each array, the smallest box that contains all that some tasks read of it."""
    found: dict[int, tuple[Any, Box]] = {}
    for boxes in reads:
        for array, box in boxes:
            known = found.get(id(array))
            found[id(array)] = array, box if known is None else _hull(known[1], box)
    return list(found.values())


def _hull(first: Box, second: Box) -> Box:
    return tuple((min(a, c), max(b, d)) for (a, b), (c, d) in zip(first, second, strict=True))


def bytes_of(boxes: Iterable[tuple[Any, Box]]) -> int:
    """Return how many bytes boxes of arrays have that can be held."""
    return sum(
        int(np.prod(size(box), dtype=np.int64)) * array.dtype.itemsize
        for array, box in boxes
        if isinstance(array, Held)
    )


class BoxRecall(Recall):
    """A recall that keeps nothing, and whose arrays can be held."""

    def with_chunks(self, array: Any) -> Any:
        """Return an array as one of which boxes can be held; one in memory unchanged."""
        if isinstance(array, Held) or (isinstance(array, np.ndarray) and not isinstance(array, np.memmap)):
            return array
        return Held(array if is_computed(array) else with_cached_chunks(array))
