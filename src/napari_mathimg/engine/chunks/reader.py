"""Chunked arrays, read chunk by chunk, so that chunks that several boxes share are computed or decompressed once."""

import math
from collections import deque
from concurrent.futures import Future
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...contract.progress import checkpoint
from ...contract.reach import Box, size, within
from .grid import Chunk, Ranges, chunks_in, grid_of
from .kept import Entry, Owner, kept
from .pages import empty_pages

Array = NDArray[Any]
GROUP = 2**22  # bytes of small chunks that are read in one call


def is_computed(array: Any) -> bool:
    """Return whether an array computes its pixels by a plan when they are read."""
    return getattr(array, "is_computed", False)


def with_cached_chunks(array: Any) -> Any:
    """Return a chunked array as one whose chunks are read once a pass, and any other array unchanged."""
    if isinstance(array, CachedChunks | np.ndarray) or grid_of(array) is None:
        return array
    return CachedChunks(array)


def as_numpy(array: Any, key: tuple[Any, ...]) -> Array:
    """Read a part of an array, which must not be changed; of Dask, in this thread, unless a cluster computes it."""
    part = array.peek(key) if is_computed(array) else array[key]
    if not hasattr(part, "__dask_graph__"):
        return np.asarray(part)
    from dask.base import get_scheduler

    scheduler: Any = get_scheduler  # untyped
    cluster = getattr(scheduler(), "__self__", None)  # its `get` is a method of the client
    if cluster is None:
        return np.asarray(part.compute(scheduler="synchronous"))
    with kept.waiting():
        return np.asarray(part.compute())


class CachedChunks:
    """A Dask, Zarr or lazy array whose chunks are read once a pass; safe to read in several threads.

    What is read must not be changed.

    Parameters
    ----------
    array
        Array whose `chunks` are the lengths of all chunks along each axis (Dask), or one length for each axis (Zarr).
    """

    def __init__(self, array: Any) -> None:
        grid = grid_of(array)
        assert grid is not None
        self.array, self.grid = array, grid
        self.shape, self.dtype = tuple(int(n) for n in array.shape), np.dtype(array.dtype)
        self.is_computed, self.owner = is_computed(array), Owner()

    def __reduce__(self) -> Any:
        """Pickle without the kept chunks."""
        return CachedChunks, (self.array,)

    @property
    def chunks(self) -> Any:
        """The chunks of the array."""
        return self.array.chunks

    @property
    def shards(self) -> Any:
        """The shards of the array, or None."""
        return getattr(self.array, "shards", None)

    @property
    def largest_chunk(self) -> int:
        """Bytes of the largest chunk."""
        return math.prod(int(np.diff(e).max()) for e in self.grid.edges) * int(self.dtype.itemsize)

    def __getitem__(self, key: tuple[Any, ...]) -> Array:
        """Read a box given by integers and slices, whose step is 1 unless the array is computed."""
        return self.peek(key)

    def peek(self, key: tuple[Any, ...]) -> Array:
        """Do so."""
        if any(isinstance(k, slice) and k.step not in (None, 1) for k in key):
            return as_numpy(self.array, key)
        box = tuple(
            (k, k + 1) if not isinstance(k, slice) else k.indices(n)[:2] for k, n in zip(key, self.shape, strict=True)
        )
        return self._read(box)[tuple(slice(None) if isinstance(k, slice) else 0 for k in key)]

    def read_box(self, box: Box) -> Array:
        """Read a box that the task in this thread need not keep."""
        return self._read_chunks(box)

    def _read(self, box: Box) -> Array:
        """Read a box, or cut it out of what the same task has read before."""
        task = kept.task
        if task is None:
            return self._read_chunks(box)
        before = task.read.get(self)
        if before is None or not all(c <= a and b <= d for (a, b), (c, d) in zip(box, before[0], strict=True)):
            before = task.read[self] = box, self._read_chunks(box)
        return before[1][within(box, before[0])]

    def _read_chunks(self, box: Box) -> Array:
        """Read a box: its kept chunks first, then those that nobody reads, then those that other threads read."""
        ranges = self.grid.covering(box)
        unread, later = deque(chunks_in(ranges)), deque[tuple[Chunk, Future[Array]]]()
        done = set[Chunk]()
        out: Array | None = None
        while unread or later:
            checkpoint()
            if unread:
                chunk = unread.popleft()
                if chunk in done:
                    continue
                with kept.changed:
                    entry = self._find(chunk)
                    group = _alone(chunk) if entry else self._claim(chunk, ranges)
                if entry is not None and not entry.future.done():
                    later.append((chunk, entry.future))
                    continue
                part = self._load(group, box) if entry is None else entry.future.result()
            else:
                chunk, future = later.popleft()
                group, awaited = _alone(chunk), kept.await_chunk(future)
                if awaited is None:
                    unread.append(chunk)
                    continue
                part = awaited
            part_box = self.grid.bounds(group)
            if part_box == box:
                return part
            done.update(chunks_in(group))
            out = np.empty(size(box), self.dtype) if out is None else out
            _copy(part, part_box, out, box)
        assert out is not None
        return out

    def _find(self, chunk: Chunk) -> Entry | None:
        """Return a chunk that is kept or being read; the lock is held."""
        owner = self.owner
        if chunk in owner.idle:
            owner.sort(chunk)
        return owner.needed.get(chunk) or owner.idle.get(chunk)

    def _claim(self, chunk: Chunk, ranges: Ranges) -> Ranges:
        """Announce that this thread reads a chunk and small ones beside it that are not read; the lock is held.

        They are read in one call, because a call may cost as much as many chunks; computed ones are read one by one.
        """
        group = [*_alone(chunk)]
        for axis in () if self.is_computed else reversed(range(len(group))):
            while group[axis][1] < ranges[axis][1]:
                first, stop = group[axis]
                more = tuple((stop, stop + 1) if k == axis else g for k, g in enumerate(group))
                longer = tuple((first, stop + 1) if k == axis else g for k, g in enumerate(group))
                if self._nbytes(longer) > GROUP or any(self._find(c) is not None for c in chunks_in(more)):
                    break
                group[axis] = first, stop + 1
        for claimed in chunks_in(tuple(group)):
            kept.take(self.owner, claimed, self._nbytes(_alone(claimed)))
        return tuple(group)

    def _nbytes(self, ranges: Any) -> int:
        return math.prod(size(self.grid.bounds(ranges))) * int(self.dtype.itemsize)

    def _is_last_read(self, chunk: Chunk, box: Box) -> bool:
        """Whether no task reads of a chunk more than a box that this one reads, and it is not kept for later."""
        if kept.task is None or self.owner.stays or self.owner.remaining(chunk) != 1:
            return False
        if not all(uses.is_large for uses in self.owner.uses):
            return False
        of_task = [needed for array, needed in kept.task.boxes if array is self]
        return bool(of_task) and all(
            c <= max(a, e) and min(b, f) <= d
            for needed in of_task
            for (a, b), (c, d), (e, f) in zip(needed, box, self.grid.box(chunk), strict=True)
        )

    def _load(self, group: Ranges, wanted: Box) -> Array:
        """Read claimed chunks for a box in one call, and keep those that are not for it alone."""
        box, owner = self.grid.bounds(group), self.owner
        try:
            kept.make_room(self._nbytes(group))
            with kept.alone_if_large(0 if self.is_computed else self._nbytes(group)):
                block = as_numpy(self.array, tuple(slice(*b) for b in box))
            if block.shape != size(box):
                name = type(self.array).__name__
                raise ValueError(f"image: must follow the basic indexing of NumPy, which {name} does not")
        except BaseException as error:
            self._abandon(group, error)
            raise
        single = all(j - i == 1 for i, j in group)
        parts = {}
        for chunk in chunks_in(group):
            part = block[within(self.grid.box(chunk), box)]
            parts[chunk] = part if single or self._is_last_read(chunk, wanted) else _copied(part)
        with kept.changed:
            for chunk, part in parts.items():
                if self._is_last_read(chunk, wanted):
                    kept.forget(owner, chunk).future.set_result(part)
                else:
                    (owner.needed.get(chunk) or owner.idle[chunk]).future.set_result(part)
            if kept.task is None:
                kept.trim()
            kept.changed.notify_all()
        return block

    def _abandon(self, group: Ranges, error: BaseException) -> None:
        """Forget claimed chunks that could not be read, so that they may be tried again."""
        with kept.changed:
            for chunk in chunks_in(group):
                kept.forget(self.owner, chunk).future.set_exception(error)
            kept.changed.notify_all()


def _alone(chunk: Chunk) -> Ranges:
    """Return a chunk as ranges of one chunk."""
    return tuple((n, n + 1) for n in chunk)


def _copied(part: Array) -> Array:
    copy = empty_pages(part.shape, part.dtype)
    copy[...] = part
    return copy


def _copy(part: Array, part_box: Box, out: Array, box: Box) -> None:
    """Copy what a part and a box have in common."""
    overlap = tuple((max(a, c), min(b, d)) for (a, b), (c, d) in zip(part_box, box, strict=True))
    out[within(overlap, box)] = part[within(overlap, part_box)]
