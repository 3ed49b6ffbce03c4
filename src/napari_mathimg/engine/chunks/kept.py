"""The chunks that are kept in memory, of all arrays together, bounded in bytes.

Chunks that running passes still need are kept until their last task is done. They may fill `Kept.bound` bytes; beyond
it, those go that are needed last. Other chunks, such as those of a preview, or of a pass before over at most `CAPACITY`
bytes, may fill `Kept.capacity` bytes, `CAPACITY` by default; of them, those go that were used longest ago. What running
tasks need is kept whatever its size.
"""

import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol
from weakref import WeakSet, finalize

import numpy as np
from numpy.typing import NDArray

from ...contract.progress import checkpoint
from ...contract.reach import Box
from ..threads import TICK
from .grid import Chunk

CAPACITY = 2**26  # bytes of kept chunks that no task waits for
LARGE = CAPACITY // 4  # bytes of a chunk that is worth waiting for room
SHARE = 8  # kept chunks may fill this part of the memory at hand


class Uses(Protocol):
    """What the tasks of a running pass need of one array."""

    remaining: NDArray[np.int32]  # for each chunk, the number of tasks to come or running that read it
    is_large: bool  # whether the chunks of the pass are too many to be kept for another pass

    def next_use(self, chunk: Chunk) -> int | None:
        """Return the number of the next task that reads a chunk and has not begun."""

    def is_free_soon(self, chunk: Chunk) -> bool:
        """Whether tasks that have begun, and do not wait for anything, are the only ones that still need a chunk."""


class Task:
    """A running task: all that it reads, what it has read last of each array, and whether it waits for another task."""

    def __init__(self, number: int, boxes: Sequence[tuple[Any, Box]] = ()) -> None:
        self.number, self.boxes, self.waits = number, boxes, False
        self.awaited: Future[NDArray[Any]] | None = None
        self.read: dict[Any, tuple[Box, NDArray[Any]]] = {}

    @property
    def is_held_up(self) -> bool:
        """Whether the task waits for what is not there; of a chunk that is there, its thread may be told late."""
        return self.waits and (self.awaited is None or not self.awaited.done())


class Entry:
    """A chunk that is kept or being read; `used` is the time of its last use, as a running number."""

    def __init__(self, nbytes: int) -> None:
        self.nbytes, self.used = nbytes, 0
        self.future: Future[NDArray[Any]] = Future()


class Owner:
    """The kept chunks of one array, and the uses of the passes over it; whether they are kept from pass to pass."""

    def __init__(self) -> None:
        self.idle: OrderedDict[Chunk, Entry] = OrderedDict()
        self.needed: dict[Chunk, Entry] = {}
        self.uses: list[Uses] = []
        self.account = [0]  # bytes of all entries
        self.stays = False
        kept.add(self)

    def remaining(self, chunk: Chunk) -> int:
        """Return how many tasks to come or running read a chunk."""
        return sum(int(uses.remaining[chunk]) for uses in self.uses)

    def next_use(self, chunk: Chunk) -> int | None:
        """Return the number of the next task that reads a chunk; None if it has begun."""
        following = [uses.next_use(chunk) for uses in self.uses if uses.remaining[chunk]]
        return None if None in following else min(number for number in following if number is not None)

    def sort(self, chunk: Chunk) -> None:
        """Put a chunk among those that are needed or those that are not."""
        entry = self.needed.pop(chunk, None) or self.idle.pop(chunk, None)
        if entry is not None:
            kept.clock += 1
            entry.used = kept.clock
            (self.needed if self.remaining(chunk) else self.idle)[chunk] = entry


class ChunkGroup:
    """Arrays of which those chunks that no task waits for are bounded together, besides those of all arrays.

    Parameters
    ----------
    bound
        Function that returns the largest number of their bytes.
    """

    def __init__(self, bound: Callable[[], int]) -> None:
        self._bound = bound
        self._owners: WeakSet[Owner] = WeakSet()
        kept.add_group(self)

    def add(self, owner: Owner) -> None:
        """Keep the chunks of an array from pass to pass, and bound them too."""
        with kept.changed:
            owner.stays = True
            self._owners.add(owner)

    def remove(self, owner: Owner) -> None:
        """Do so no longer."""
        with kept.changed:
            owner.stays = False
            self._owners.discard(owner)

    @property
    def nbytes(self) -> int:
        """Bytes of their chunks that no task waits for."""
        with kept.changed:
            return sum(entry.nbytes for owner in list(self._owners) for entry in owner.idle.values())

    def trim(self) -> None:
        """Drop chunks that no task needs while there are too many."""
        with kept.changed:
            while self.nbytes > self._bound() and kept.drop_oldest(list(self._owners)):
                pass


class Alone:
    """A lock that a thread takes, also several times over, and gives up while it waits for other threads."""

    def __init__(self) -> None:
        self._lock, self._local = threading.RLock(), threading.local()

    def __enter__(self) -> None:
        self._lock.acquire()
        self._local.depth = self._depth + 1

    def __exit__(self, *error: object) -> None:
        self._local.depth -= 1
        self._lock.release()

    @property
    def is_mine(self) -> bool:
        """Whether this thread has the lock."""
        return self._depth > 0

    @property
    def _depth(self) -> int:
        depth: int = getattr(self._local, "depth", 0)
        return depth

    @contextmanager
    def given_up(self) -> Iterator[None]:
        """Give the lock up for some time, if this thread has it."""
        depth = self._depth
        if not depth:
            yield
            return
        self._local.depth = 0
        for _ in range(depth):
            self._lock.release()
        try:
            yield
        finally:
            for _ in range(depth):
                self._lock.acquire()
            self._local.depth = depth


class Kept:
    """The account of all kept chunks; `changed` guards it and all owners."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.bound = self.capacity = CAPACITY
        self.bytes = self.clock = 0
        self._owners: WeakSet[Owner] = WeakSet()
        self._groups: WeakSet[ChunkGroup] = WeakSet()
        self._large = Alone()
        self._gone: deque[list[int]] = deque()
        self._local = threading.local()
        self.waiters = set[int]()  # threads that wait for others

    def add(self, owner: Owner) -> None:
        """Count the chunks of an owner until it is collected."""
        with self.changed:
            self._owners.add(owner)
        finalize(owner, self._gone.append, owner.account).atexit = False

    def add_group(self, group: ChunkGroup) -> None:
        """Bound the chunks of a group until it is collected."""
        with self.changed:
            self._groups.add(group)

    @property
    def task(self) -> Task | None:
        """The task in this thread; None outside of tasks."""
        task: Task | None = getattr(self._local, "task", None)
        return task

    @task.setter
    def task(self, task: Task | None) -> None:
        self._local.task = task

    def drop_idle(self, owner: Owner, chunk: Chunk) -> None:
        """Drop a chunk of an owner unless it is needed or being read; the lock is held."""
        entry = owner.idle.get(chunk)
        if entry is not None and entry.future.done():
            self.forget(owner, chunk)

    def trim(self) -> None:
        """Drop chunks that no task needs while there are too many."""
        self._settle()
        while self.bytes > self.capacity and self.drop_oldest(list(self._owners)):
            pass
        for group in list(self._groups):
            group.trim()

    def make_room(self, nbytes: int) -> None:
        """Drop chunks until what is kept, and a chunk of so many bytes that is about to be read, are within bounds."""
        task = self.task
        with self.changed:
            self._settle()
            while self.bytes > self.capacity:
                if self.drop_oldest(list(self._owners)):
                    continue
                if nbytes >= LARGE and task is not None and self._is_room_to_come():
                    self._wait(task)
                    continue
                if self.bytes <= self.bound or not self._drop_needed():
                    break

    def _wait(self, task: Task) -> None:
        """Wait until another task ends or begins to wait, unless the pass is canceled; the lock is held."""
        task.waits = True
        self.changed.notify_all()
        self.changed.wait(TICK)
        task.waits = False
        checkpoint()

    def alone_if_large(self, nbytes: int) -> AbstractContextManager[Any]:
        """Return a lock under which large chunks are read and written, because that takes a multiple of their size.

        A thread that has it gives it up in `waiting`: a chunk that is computed may need other threads.
        """
        return self._large if nbytes >= LARGE else nullcontext()

    def take(self, owner: Owner, chunk: Chunk, nbytes: int) -> None:
        """Announce that this thread reads a chunk; the lock is held."""
        owner.idle[chunk] = Entry(nbytes)
        owner.account[0] += nbytes
        self.bytes += nbytes
        owner.sort(chunk)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Tell other threads that the task in this one waits for one of them."""
        task, thread = self.task or Task(-1), threading.get_ident()
        with self.changed:
            task.waits = True
            before = thread in self.waiters
            self.waiters.add(thread)
            self.changed.notify_all()
        try:
            with self._large.given_up():
                yield
        finally:
            task.waits = False
            if not before:
                self.waiters.discard(thread)

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Read as outside of tasks: what is read is none of what the task in this thread has announced."""
        task, self.task = self.task, None
        try:
            yield
        finally:
            self.task = task

    def await_chunk(self, future: Future[NDArray[Any]]) -> NDArray[Any] | None:
        """Return a chunk that another thread is reading; None if that one failed or was canceled."""
        task = self.task
        if task is not None and not self._large.is_mine:  # which it would have to get back
            task.awaited = future
        try:
            with self.waiting():
                while wait((future,), TICK).not_done:
                    checkpoint()
        finally:
            if task is not None:
                task.awaited = None
        return None if future.exception() else future.result()

    def forget(self, owner: Owner, chunk: Chunk) -> Entry:
        """Drop a chunk of an owner and give back its bytes; the lock is held."""
        entry = owner.idle.pop(chunk, None) or owner.needed.pop(chunk)
        owner.account[0] -= entry.nbytes
        self.bytes -= entry.nbytes
        return entry

    def after_fork(self) -> None:
        """Forget what threads read that a new process does not have, and their locks."""
        self.changed, self._large, self._local = threading.Condition(), Alone(), threading.local()
        self.waiters = set()
        for owner in list(self._owners):
            owner.uses.clear()
            for chunks in (owner.idle, owner.needed):
                for chunk in [c for c, entry in chunks.items() if not entry.future.done()]:
                    self.forget(owner, chunk)
            for chunk in list(owner.needed):
                owner.sort(chunk)

    def _settle(self) -> None:
        """Give back what arrays that were collected have held."""
        while self._gone:
            self.bytes -= self._gone.popleft()[0]

    def _is_room_to_come(self) -> bool:
        """Whether a chunk is kept only for other tasks that run and do not wait."""
        return any(
            entry.future.done() and all(uses.is_free_soon(chunk) for uses in owner.uses if uses.remaining[chunk])
            for owner, chunk, entry in self._needed()
        )

    def _needed(self) -> Iterator[tuple[Owner, Chunk, Entry]]:
        for owner in list(self._owners):
            for chunk, entry in owner.needed.items():
                yield owner, chunk, entry

    def drop_oldest(self, owners: Iterable[Owner]) -> bool:
        """Drop the chunk that was used longest ago of those of some arrays that no task needs; the lock is held."""
        oldest: tuple[int, Owner, Chunk] | None = None
        for owner in owners:
            chunk = next((c for c, entry in owner.idle.items() if entry.future.done()), None)
            if chunk is not None and (oldest is None or owner.idle[chunk].used < oldest[0]):
                oldest = owner.idle[chunk].used, owner, chunk
        if oldest is None:
            return False
        self.forget(oldest[1], oldest[2])
        return True

    def _drop_needed(self) -> bool:
        """Drop the chunks that are needed last, except what running tasks need."""
        last: list[tuple[int, Owner, Chunk]] = []
        for owner, chunk, entry in self._needed():
            if entry.future.done() and (number := owner.next_use(chunk)) is not None:
                last.append((number, owner, chunk))
        last.sort(key=lambda found: found[0])
        dropped = False
        while last and self.bytes > self.bound - self.bound // 32 * dropped:
            _, owner, chunk = last.pop()
            self.forget(owner, chunk)
            dropped = True
        return dropped


kept = Kept()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=kept.after_fork)
