"""The store of facts: what was counted of which pixels, bounded in bytes."""

import time
import weakref
from collections import OrderedDict, deque
from collections.abc import Hashable, Mapping
from threading import Event, Lock
from typing import Any

from ...contract.progress import Progress
from ..chunks import ChunkGroup, with_cached_chunks
from ..source import Transposed
from .identity import Token, innermost, layout_of, owner_of
from .sizes import ENTRY, nbytes_of

Key = tuple[tuple[Token, ...], Hashable]  # the pixels that a fact is of, and what else it depends on
Digests = dict[Token, bytes]


class Fact:
    """A value, how many seconds it took to count, and the digests of the pixels then, if they are known."""

    def __init__(self, value: Any, seconds: float) -> None:
        self.value, self.seconds = value, seconds
        self.nbytes = ENTRY + nbytes_of(value)
        self.digests: Digests = {}


class Count:
    """Facts that are being counted: how far that is, and when it last went on."""

    def __init__(self) -> None:
        self.progress, self.went_on, self.ended = Progress("Statistics", 0, 1), time.monotonic(), Event()

    def tell(self, progress: Progress) -> None:
        """Note how far the counting is."""
        self.progress, self.went_on = progress, time.monotonic()


class _Known:
    """An array that facts are of, its present state, and the chunks that were read of it by the order of its axes."""

    def __init__(self, ref: "weakref.ref[Any]", serial: int) -> None:
        self.ref, self.serial = ref, serial
        self.chunks: dict[Hashable, Any] = {}


class Facts:
    """What plans have counted of arrays and read of their chunks; safe to use in several threads.

    A fact is found again for the same pixels, options and those parameters that its rules ask for. It does not keep
    arrays alive, and ends with them. Of arrays that Python cannot refer to weakly, nothing is kept.

    Parameters
    ----------
    limit
        Largest number of bytes of all that is kept; facts take at most half of it, chunks the rest. What was used
        longest ago goes first.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg.contract.progress import run_to_end
    >>> from napari_mathimg import operations
    >>> from napari_mathimg.engine import Facts, prepare
    >>> facts, image = Facts(), np.arange(12.0).reshape(3, 4)
    >>> plan = run_to_end(prepare(operations()["adjust_gamma"], image, facts=facts))
    >>> image[0, 0] = 100
    >>> facts.touch(image)
    >>> run_to_end(prepare(operations()["adjust_gamma"], image, facts=facts)).value_ranges[()].high
    100.0
    """

    def __init__(self, limit: int = 2**27) -> None:
        self._limit, self._lock = limit, Lock()
        self._arrays: dict[int, _Known] = {}  # by the id of the owner of the pixels, while it lives
        self._gone: deque[int] = deque()
        self._facts: OrderedDict[Key, Fact] = OrderedDict()
        self._keys: dict[int, set[Key]] = {}  # by the serial of each present state
        self._counts: dict[Key, Count] = {}
        self._bytes = self._serial = 0
        self._group = ChunkGroup(self._room_for_chunks)

    @property
    def nbytes(self) -> int:
        """Bytes of all that is kept, roughly."""
        with self._lock:
            self._settle()
            facts = self._bytes
        return facts + self._group.nbytes

    def touch(self, array: Any) -> None:
        """Forget what is known of an array, because its pixels may have changed; of a view, of all that it is of."""
        owner = owner_of(array)
        with self._lock:
            self._settle()
            if (known := self._find(owner)) is not None:
                self._drop_state(known)
                known.serial = self._next_serial()

    def forget(self, array: Any) -> None:
        """Drop all that is kept of an array."""
        owner = owner_of(array)
        with self._lock:
            self._settle()
            if (known := self._find(owner)) is not None:
                self._drop_state(known)
                del self._arrays[id(owner)]

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            for known in self._arrays.values():
                self._drop_state(known)
            self._arrays.clear()

    def serial(self, owner: Any) -> int | None:
        """Return what stands for the present state of an array that owns pixels; None if nothing can be kept of it."""
        with self._lock:
            known = self._meet(owner)
            return None if known is None else known.serial

    def with_chunks(self, array: Any) -> Any:
        """Return a chunked array as one whose chunks stay read from plan to plan, and any other array unchanged."""
        cached = with_cached_chunks(array)
        if cached is array:
            return array
        with self._lock:
            known = self._meet(innermost(array))
            if known is not None:
                order = array.order if isinstance(array, Transposed) else None
                cached.owner = known.chunks.setdefault((order, layout_of(array)), cached.owner)
                self._group.add(cached.owner)
        return cached

    def find(self, key: Key) -> Fact | None:
        """Return a fact, or None."""
        with self._lock:
            fact = self._facts.get(key)
            if fact is not None:
                self._facts.move_to_end(key)
            return fact

    def add(self, key: Key, value: Any, seconds: float) -> None:
        """Keep a fact, unless its pixels were touched since it was begun to be counted, or it is too large."""
        fact = Fact(value, seconds)
        with self._lock:
            self._settle()
            if fact.nbytes > self._limit // 2 or not all(token.serial in self._keys for token in key[0]):
                return
            self._drop(key)
            self._facts[key] = fact
            self._bytes += fact.nbytes
            for token in key[0]:
                self._keys[token.serial].add(key)
            while self._bytes > self._limit // 2:
                self._drop(next(iter(self._facts)))
        self._group.trim()

    def sign(self, key: Key, digests: Mapping[Token, bytes]) -> None:
        """Note the digests of the pixels that a fact was counted of."""
        with self._lock:
            if (fact := self._facts.get(key)) is not None:
                fact.digests = {token: digests[token] for token in key[0] if token in digests}

    def begin(self, key: Key, mine: Count) -> Count:
        """Return the count that another thread makes of a key; or note that this one does, and return it."""
        with self._lock:
            return self._counts.setdefault(key, mine)

    def end(self, mine: Count) -> None:
        """Note that a count has ended, whether all of it was counted or not."""
        with self._lock:
            for key in [key for key, count in self._counts.items() if count is mine]:
                del self._counts[key]
        mine.ended.set()

    def _room_for_chunks(self) -> int:
        return self._limit - self._bytes

    def _next_serial(self) -> int:
        self._serial += 1
        self._keys[self._serial] = set()
        return self._serial

    def _find(self, owner: Any) -> _Known | None:
        known = self._arrays.get(id(owner))
        return known if known is not None and known.ref() is owner else None

    def _meet(self, owner: Any) -> _Known | None:
        """Return what is known of an array, which may be new; the lock is held."""
        self._settle()
        known = self._find(owner)
        if known is None:
            try:
                ref = weakref.ref(owner, _Ending(self, id(owner)))
            except TypeError:
                return None
            known = self._arrays[id(owner)] = _Known(ref, self._next_serial())
        return known

    def note_end(self, number: int) -> None:
        """Note the end of an array; this may happen in any thread, at any place."""
        self._gone.append(number)
        if self._lock.acquire(blocking=False):
            try:
                self._settle()
            finally:
                self._lock.release()

    def _settle(self) -> None:
        """Drop what is kept of arrays that have ended; the lock is held."""
        while self._gone:
            known = self._arrays.get(number := self._gone.popleft())
            if known is not None and known.ref() is None:
                self._drop_state(known)
                del self._arrays[number]

    def _drop_state(self, known: _Known) -> None:
        """Drop all facts of the present state of an array, and its chunks; the lock is held."""
        for key in self._keys.pop(known.serial):
            self._drop(key)
        for owner in known.chunks.values():
            self._group.remove(owner)
        known.chunks.clear()

    def _drop(self, key: Key) -> None:
        fact = self._facts.pop(key, None)
        if fact is not None:
            self._bytes -= fact.nbytes
            for token in key[0]:
                self._keys.get(token.serial, set()).discard(key)


class _Ending:
    """What to do at the end of an array, without keeping the facts alive."""

    def __init__(self, facts: Facts, number: int) -> None:
        self._facts, self._number = weakref.ref(facts), number

    def __call__(self, _: object) -> None:
        facts = self._facts()
        if facts is not None:
            facts.note_end(self._number)
