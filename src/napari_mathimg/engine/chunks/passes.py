"""Passes over arrays: tasks in the order of the chunks that they read, so that each chunk is read once."""

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...contract.progress import Progress
from ...contract.reach import Box
from ..memory import memory_at_hand
from ..threads import TICK, run_tasks
from .grid import Chunk, written_grid_of
from .kept import CAPACITY, SHARE, Task, kept
from .reader import CachedChunks

Given = TypeVar("Given")
Reads = Iterable[tuple[Any, Box]]  # arrays and the boxes that a task reads of them
Numbers = NDArray[np.int64]
AHEAD = 4096  # tasks that are looked through at a time for the next one that needs a chunk


def read_tasks(
    phase: str, tasks: Sequence[Given], reads: Callable[[Given], Reads], work: Callable[[Given], Any], threads: int,
    *, groups: Sequence[tuple[int, ...]] | None = None, at_once: int | None = None, tick: float = TICK,
    patience: float | None = None, bound: int | None = None,
) -> Generator[Progress, None, None]:  # fmt: skip
    """Run tasks like `run_tasks`, in the order of the chunks that they read, each of which is read once.

    Parameters
    ----------
    phase, tasks, work, threads, at_once, tick, patience
        As in `run_tasks`.
    reads
        Function that returns all arrays that a task reads, that of the image first, and the box that it reads of each.
        Only those from `with_cached_chunks` count.
    groups
        For each task, the place of a group that is done together; by default, all tasks are one group.
    bound
        Bytes that chunks may fill which later tasks need; by default a part of the memory at hand.
    """
    boxes = [[(array, box) for array, box in reads(task) if isinstance(array, CachedChunks)] for task in tasks]
    if groups is None and not any(boxes):  # arrays in memory need no order
        with kept.waiting():
            yield from run_tasks(phase, tasks, work, threads, at_once, tick=tick, patience=patience)
        return
    order = _order(boxes, groups)
    with kept.changed:
        kept.bound = max(CAPACITY, memory_at_hand() // SHARE) if bound is None else bound
    uses = _uses([boxes[k] for k in order])

    def work_on(rank: int) -> None:
        kept.task = task = Task(rank, boxes[order[rank]])
        with kept.changed:
            for use in uses:
                use.begin(task)
        try:
            work(tasks[order[rank]])
        finally:
            kept.task = None
            with kept.changed:
                for use in uses:
                    use.end(rank)
                kept.trim()
                kept.changed.notify_all()

    try:
        with kept.waiting():
            yield from run_tasks(phase, range(len(tasks)), work_on, threads, at_once, tick=tick, patience=patience)
    finally:
        with kept.changed:
            for use in uses:
                use.close()
            kept.trim()
            kept.changed.notify_all()


def _order(boxes: list[list[tuple[CachedChunks, Box]]], groups: Sequence[tuple[int, ...]] | None) -> list[int]:
    """Return the numbers of the tasks by group, by shard, and by chunk, each in the order of its first task."""
    places: dict[Any, int] = {}
    keys = []
    for number, task_boxes in enumerate(boxes):
        place: tuple[Any, ...] = (groups[number],) if groups else ((),)
        key = [places.setdefault(place, number)]
        if task_boxes:
            array, box = task_boxes[0]
            center = [(a + b) // 2 for a, b in box]
            shards = written_grid_of(array)
            for grid in (shards or array.grid, array.grid):
                place = (*place, grid.number_at(center))
                key.append(places.setdefault(place, number))
        keys.append((*key, number))
    return sorted(range(len(boxes)), key=keys.__getitem__)


class _Uses:
    """What the tasks of a pass need of one array; see `kept.Uses`."""

    def __init__(self, array: CachedChunks, ranks: Numbers, first: Numbers, stop: Numbers) -> None:
        self.array, self._ranks, self._first, self._stop = array, ranks, first, stop
        self.remaining = _counts(array.grid.shape, first, stop)
        self.is_large = int(np.count_nonzero(self.remaining)) * array.largest_chunk > CAPACITY
        self._done = np.zeros(len(ranks), np.bool_)
        self._next: dict[Chunk, int] = {}  # the row of the next task that needs a chunk
        self._unfinished = 0  # no row before it is unfinished
        self._begun = 0  # rows of tasks that have begun, or wait only for their thread to begin them
        self._running: dict[int, Task] = {}  # by row
        with kept.changed:
            array.owner.uses.append(self)
            for chunk in list(array.owner.idle):
                array.owner.sort(chunk)

    def _row(self, rank: int) -> int | None:
        row = int(np.searchsorted(self._ranks, rank))
        return row if row < len(self._ranks) and self._ranks[row] == rank else None

    def begin(self, task: Task) -> None:
        """Note that a task begins in this thread, after those of all lower numbers; the lock is held."""
        self._begun = max(self._begun, int(np.searchsorted(self._ranks, task.number, "right")))
        if (row := self._row(task.number)) is not None:
            self._running[row] = task

    def end(self, rank: int) -> None:
        """Note that a task is done; the lock is held."""
        if (row := self._row(rank)) is None:
            return
        self._running.pop(row, None)
        self._done[row] = True
        while self._unfinished < len(self._done) and self._done[self._unfinished]:
            self._unfinished += 1
        part = self.remaining[tuple(slice(i, j) for i, j in zip(self._first[row], self._stop[row], strict=True))]
        part -= 1
        for place in np.argwhere(part == 0):
            chunk = tuple((place + self._first[row]).tolist())
            self._next.pop(chunk, None)
            self.array.owner.sort(chunk)
            if self.is_large:  # by the next pass, it would be dropped
                kept.drop_idle(self.array.owner, chunk)

    def close(self) -> None:
        """End the pass, also before all its tasks are done; the lock is held."""
        owner = self.array.owner
        owner.uses.remove(self)
        for chunk in list(owner.needed):
            owner.sort(chunk)

    def next_use(self, chunk: Chunk) -> int | None:
        """Return the number of the next task that reads a chunk; None if it has begun."""
        row = self._next.get(chunk)
        if row is None or self._done[row]:
            row = self._next[chunk] = self._find_row(chunk)
        return None if row < self._begun else int(self._ranks[row])

    def _find_row(self, chunk: Chunk) -> int:
        for begin in range(self._unfinished, len(self._done), AHEAD):
            needing = self._rows(chunk, begin, begin + AHEAD)
            if needing.size:
                return int(needing[0])
        raise AssertionError(f"no task reads {chunk}")

    def _rows(self, chunk: Chunk, begin: int, end: int) -> Numbers:
        """Return those of some rows whose tasks are not done and read a chunk."""
        rows = slice(begin, end)
        needs = ((self._first[rows] <= chunk) & (self._stop[rows] > chunk)).all(axis=1) & ~self._done[rows]
        return begin + np.flatnonzero(needs)

    def is_free_soon(self, chunk: Chunk) -> bool:
        """Whether tasks that have begun, and do not wait for anything, are the only ones that still need a chunk."""
        rows = self._rows(chunk, self._unfinished, self._begun).tolist()
        running = [self._running.get(row) for row in rows]
        return len(rows) == self.remaining[chunk] and not any(t is not None and self._waits(t) for t in running)

    def _waits(self, task: Task) -> bool:
        return task.is_held_up or task is kept.task


def _uses(boxes: list[list[tuple[CachedChunks, Box]]]) -> list[_Uses]:
    """Return what tasks in the order of their ranks need of each array."""
    rows: dict[CachedChunks, list[tuple[int, Any]]] = {}
    for rank, task_boxes in enumerate(boxes):
        for array, box in task_boxes:
            rows.setdefault(array, []).append((rank, array.grid.covering(box)))
    uses = []
    for array, ranges in rows.items():
        ends = np.array([r for _, r in ranges], np.int64)
        uses.append(_Uses(array, np.array([rank for rank, _ in ranges]), ends[..., 0], ends[..., 1]))
    return uses


def _counts(shape: tuple[int, ...], first: Numbers, stop: Numbers) -> NDArray[np.int32]:
    """Return for each chunk in how many of the given ranges it lies."""
    counts = np.zeros([n + 1 for n in shape], np.int32)
    for corner in np.ndindex((2,) * len(shape)):
        at = np.where(np.array(corner), stop, first)
        np.add.at(counts, tuple(at.T), (-1) ** sum(corner))
    for axis in range(len(shape)):
        np.cumsum(counts, axis=axis, out=counts)
    return counts[tuple(slice(n) for n in shape)].copy()
