"""The chunks that are kept in memory, of all arrays together, bounded in bytes.

Chunks that running passes still need are kept until their last task is done. They may fill `Kept.bound` bytes; beyond
it, those go that are needed last. Other chunks, such as those of a preview or of a pass before, may fill `CAPACITY`
bytes; of them, those go that were used longest ago. What running tasks need is kept whatever its size.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any, Protocol
from weakref import WeakSet, finalize

import numpy as np
from numpy.typing import NDArray

from .grid import Chunk

CAPACITY = 2**27  # bytes of kept chunks that no task waits for
LARGE = CAPACITY // 4  # bytes of a chunk that is worth waiting for room
SHARE = 8  # kept chunks may fill this part of the memory at hand


class Uses(Protocol):
    """What the tasks of a running pass need of one array."""

    remaining: NDArray[np.int32]  # for each chunk, the number of tasks to come or running that read it

    def next_use(self, chunk: Chunk) -> int | None:
        """Return the number of the next unfinished task that reads a chunk."""

    def is_needed_only_now(self, chunk: Chunk) -> bool:
        """Whether running tasks of other threads are the only ones that still need a chunk."""

    def is_running(self, task: int) -> bool:
        """Whether a task has begun."""


class Entry:
    """A chunk that is kept or being read; `used` is the time of its last use, as a running number."""

    def __init__(self, nbytes: int) -> None:
        self.nbytes, self.used = nbytes, 0
        self.future: Future[NDArray[Any]] = Future()


class Owner:
    """The kept chunks of one array, and the uses of the passes over it."""

    def __init__(self) -> None:
        self.idle: OrderedDict[Chunk, Entry] = OrderedDict()
        self.needed: dict[Chunk, Entry] = {}
        self.uses: list[Uses] = []
        self.account = [0]  # bytes of all entries
        kept.add(self)

    def remaining(self, chunk: Chunk) -> int:
        """Return how many tasks to come or running read a chunk."""
        return sum(int(uses.remaining[chunk]) for uses in self.uses)

    def next_use(self, chunk: Chunk) -> tuple[int, bool]:
        """Return the number of the next task that reads a chunk, and whether it has begun."""
        following = [(task, uses) for uses in self.uses if (task := uses.next_use(chunk)) is not None]
        task, uses = min(following, key=lambda pair: pair[0])
        return task, uses.is_running(task)

    def sort(self, chunk: Chunk) -> None:
        """Put a chunk among those that are needed or those that are not."""
        entry = self.needed.pop(chunk, None) or self.idle.pop(chunk, None)
        if entry is not None:
            kept.clock += 1
            entry.used = kept.clock
            (self.needed if self.remaining(chunk) else self.idle)[chunk] = entry


class Kept:
    """The account of all kept chunks; `changed` guards it and all owners."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.bound = CAPACITY
        self.bytes = self.clock = self.running = self.waiting = 0
        self._owners: WeakSet[Owner] = WeakSet()
        self._gone: deque[list[int]] = deque()
        self._local = threading.local()

    def add(self, owner: Owner) -> None:
        """Count the chunks of an owner until it is collected."""
        with self.changed:
            self._owners.add(owner)
        finalize(owner, self._gone.append, owner.account).atexit = False

    @property
    def task(self) -> dict[Any, Any] | None:
        """What the task in this thread has read last of each array; None outside of tasks."""
        task: dict[Any, Any] | None = getattr(self._local, "task", None)
        return task

    def begin_task(self) -> None:
        """Count a task of a pass as running in this thread."""
        with self.changed:
            self.running += 1
        self._local.task = {}

    def end_task(self) -> None:
        """Count the task in this thread as done, and drop what is kept beyond the capacity."""
        self._local.task = None
        with self.changed:
            self.running -= 1
            self.trim()
            self.changed.notify_all()

    def trim(self) -> None:
        """Drop chunks that no task needs while there are too many."""
        self._settle()
        while self.bytes > CAPACITY and self._drop_idle():
            pass

    def make_room(self, owner: Owner, nbytes: int) -> None:
        """Drop chunks until there is room for so many bytes of an owner, and take them."""
        with self.changed:
            self._settle()
            while self.bytes + nbytes > CAPACITY:
                if self._drop_idle():
                    continue
                if nbytes >= LARGE and self.task is not None and self._is_room_to_come():
                    self.wait()
                    continue
                if self.bytes + nbytes <= self.bound or not self._drop_needed(nbytes):
                    break
            self.bytes += nbytes
            owner.account[0] += nbytes

    def wait(self) -> None:
        """Wait until a task ends or begins to wait; the lock is held."""
        self.waiting += 1
        self.changed.notify_all()
        self.changed.wait()
        self.waiting -= 1

    def await_chunk(self, future: Future[NDArray[Any]]) -> NDArray[Any]:
        """Return a chunk that another thread is reading."""
        with self.changed:
            self.waiting += self.task is not None
            self.changed.notify_all()
        try:
            return future.result()
        finally:
            with self.changed:
                self.waiting -= self.task is not None

    def forget(self, owner: Owner, chunk: Chunk) -> Entry:
        """Drop a chunk of an owner and give back its bytes; the lock is held."""
        entry = owner.idle.pop(chunk, None) or owner.needed.pop(chunk)
        owner.account[0] -= entry.nbytes
        self.bytes -= entry.nbytes
        return entry

    def _settle(self) -> None:
        """Give back what arrays that were collected have held."""
        while self._gone:
            self.bytes -= self._gone.popleft()[0]

    def _is_room_to_come(self) -> bool:
        """Whether other running tasks, of which one does not wait itself, are the last that need a chunk."""
        others = self.running - self.waiting - 1
        return others > 0 and any(
            entry.future.done() and all(uses.is_needed_only_now(chunk) for uses in owner.uses)
            for owner, chunk, entry in self._needed()
        )

    def _needed(self) -> Iterator[tuple[Owner, Chunk, Entry]]:
        for owner in list(self._owners):
            for chunk, entry in owner.needed.items():
                yield owner, chunk, entry

    def _drop_idle(self) -> bool:
        """Drop the chunk that was used longest ago of those that no task needs."""
        oldest: tuple[int, Owner, Chunk] | None = None
        for owner in list(self._owners):
            chunk = next((c for c, entry in owner.idle.items() if entry.future.done()), None)
            if chunk is not None and (oldest is None or owner.idle[chunk].used < oldest[0]):
                oldest = owner.idle[chunk].used, owner, chunk
        if oldest is None:
            return False
        self.forget(oldest[1], oldest[2])
        return True

    def _drop_needed(self, nbytes: int) -> bool:
        """Drop the chunks that are needed last, except by running tasks."""
        last: list[tuple[int, Owner, Chunk]] = []
        for owner, chunk, entry in self._needed():
            task, is_running = owner.next_use(chunk)
            if entry.future.done() and not is_running:
                last.append((task, owner, chunk))
        last.sort(key=lambda found: found[0])
        dropped = False
        while last and self.bytes + nbytes > self.bound - self.bound // 8 * dropped:
            _, owner, chunk = last.pop()
            self.forget(owner, chunk)
            dropped = True
        return dropped


kept = Kept()
