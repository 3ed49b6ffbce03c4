"""Tiles of lazy arrays, kept in memory within a bound, each computed once however many threads ask for it."""

import itertools
import os
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from threading import Event, Lock
from typing import Any

from numpy.typing import NDArray

from ...contract.progress import checkpoint
from ..chunks import kept
from ..threads import TICK

Array = NDArray[Any]
Key = tuple[int, Hashable]  # of an array, and of a tile of it
LIMIT = 2**28  # bytes of tiles that all lazy arrays keep together, if they are given no cache of their own


class _Making:
    """A tile that a thread computes; without one, it could not, or was canceled."""

    def __init__(self) -> None:
        self.ended = Event()
        self.tile: Array | None = None


class TileCache:
    """Tiles that lazy arrays have computed; safe to use in several threads.

    Tiles end with their array. Those that were used longest ago go first.

    Parameters
    ----------
    limit
        Largest number of bytes that are kept.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit, self._bytes, self._lock = int(limit), 0, Lock()
        self._tiles: OrderedDict[Key, Array] = OrderedDict()
        self._making: dict[Key, _Making] = {}
        self._of: dict[int, set[Key]] = {}
        self._numbers, self._gone = itertools.count(), deque[int]()
        _ALL.add(self)

    def __reduce__(self) -> Any:
        """Pickle without the tiles; the common cache stays the common one."""
        return (shared_cache, ()) if self is _SHARED else (TileCache, (self.limit,))

    @property
    def nbytes(self) -> int:
        """Bytes of the tiles that are kept."""
        with self._lock:
            self._settle()
            return self._bytes

    def enter(self, array: object) -> int:
        """Return a number for the tiles of an array, which end with it."""
        with self._lock:
            number = next(self._numbers)
        weakref.finalize(array, _note_end, weakref.ref(self), number).atexit = False
        return number

    def note_end(self, number: int) -> None:
        """Note the end of an array; this may happen in any thread, at any place."""
        self._gone.append(number)
        if self._lock.acquire(blocking=False):
            try:
                self._settle()
            finally:
                self._lock.release()

    def after_fork(self) -> None:
        """Forget what threads compute that a new process does not have, and their locks."""
        self._lock = Lock()
        with self._lock:
            self._making.clear()
            self._bytes = sum(tile.nbytes for tile in self._tiles.values())
            self._of.clear()
            for key in self._tiles:
                self._of.setdefault(key[0], set()).add(key)

    def clear(self) -> None:
        """Forget all tiles."""
        with self._lock:
            self._tiles.clear()
            self._of.clear()
            self._bytes = 0

    def get(self, key: Key, compute: Callable[[], Array]) -> Array:
        """Return a tile, which must not be changed: a kept one, what another thread computes, or a new one.

        If the other thread fails or is canceled, this one computes the tile itself.
        """
        while True:
            checkpoint()
            with self._lock:
                tile = self._tiles.get(key)
                if tile is not None:
                    self._tiles.move_to_end(key)
                    return tile
                making = self._making.get(key)
                if making is None:
                    making = self._making[key] = _Making()
                    break
            with kept.waiting():
                while not making.ended.wait(TICK):
                    checkpoint()
            if making.tile is not None:
                return making.tile
        try:
            tile = compute()
            tile.flags.writeable = False
            self._keep(key, tile)
            making.tile = tile
        finally:
            with self._lock:
                self._making.pop(key, None)
            making.ended.set()
        return tile

    def _keep(self, key: Key, tile: Array) -> None:
        with self._lock:
            self._settle()
            if tile.nbytes > self.limit:
                return
            self._tiles[key] = tile
            self._of.setdefault(key[0], set()).add(key)
            self._bytes += tile.nbytes
            while self._bytes > self.limit:
                self._drop(next(iter(self._tiles)))

    def _drop(self, key: Key) -> None:
        self._bytes -= self._tiles.pop(key).nbytes
        self._of[key[0]].discard(key)

    def _settle(self) -> None:
        """Forget the tiles of arrays that have ended; the lock is held."""
        while self._gone:
            number = self._gone.popleft()
            for key in list(self._of.get(number, ())):
                self._drop(key)
            self._of.pop(number, None)


def _note_end(cache: "weakref.ref[TileCache]", number: int) -> None:
    found = cache()
    if found is not None:
        found.note_end(number)


def _after_fork() -> None:
    for cache in list(_ALL):
        cache.after_fork()


_ALL: "weakref.WeakSet[TileCache]" = weakref.WeakSet()
_SHARED = TileCache()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def shared_cache() -> TileCache:
    """Return the cache of all lazy arrays that are given none of their own."""
    return _SHARED
