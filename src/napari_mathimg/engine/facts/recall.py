"""What one preparation looks up among facts, and adds to them."""

import time
from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Literal, TypeVar

import numpy as np

from ...contract.operation import ValueRange
from ...contract.progress import Progress
from ..chunks import with_cached_chunks
from ..source import Source
from ..threads import TICK
from .digest import digest, is_digestible, seconds_to_digest
from .identity import Token, innermost, is_lasting, layout_of, owner_of
from .store import Count, Fact, Facts, Key

Name = TypeVar("Name", bound=Hashable)
Trust = Literal["revision", "digest"]
Steps = Generator[Progress, None, None]
Keep = Callable[[Any, Any], None]  # takes a name and its value
PATIENCE = 1.0  # seconds without progress, after which a thread no longer waits for what another one counts
WORTH = 4  # pixels that are digested for each one that is counted, at most


def what_of_ends(channel_axis: int | None, channels: int) -> tuple[Hashable, ...]:
    """Return what stands in keys for the lowest and the highest value of an image, besides its opacity.

    Parameters
    ----------
    channel_axis
        Axis of channels of the array as it was given, counted from the first; None without channels.
    channels
        Number of channels.
    """
    return "ends", channel_axis, channels


class Unknown(Exception):
    """A value that a key cannot hold."""


class Recall:
    """The facts that one preparation uses; without a store, all is counted and nothing kept.

    All keys are of the state that an array is in when the preparation first asks for it: what is counted of an array
    that is touched meanwhile is not kept.

    Parameters
    ----------
    facts
        Store, or None.
    trust
        When a fact counts: "revision" until the array is touched, "digest" only if a digest of the pixels agrees, too.
    threads
        Number of threads for digests.
    """

    def __init__(self, facts: Facts | None = None, trust: Trust = "revision", threads: int = 1) -> None:
        self._facts, self._trust, self._threads = facts, trust, threads
        self._serials: dict[int, tuple[Any, int | None]] = {}  # by the id of an array, which is held meanwhile
        self._arrays: dict[Token, Any] = {}
        self._digests: dict[Token, bytes] = {}
        self._named: dict[int, tuple[Any, Key]] = {}  # what was found, by its id
        self._counted: list[Key] = []
        self._seconds: dict[Key, float] = {}

    def with_chunks(self, array: Any) -> Any:
        """Return a chunked array as one whose chunks are kept, and any other array unchanged.

        What needs a digest reads them anew, because edits of chunks tell nobody.
        """
        if self._facts is None or self._trust == "digest":
            return with_cached_chunks(array)
        self._serial(array)  # before its chunks, which may be newer, but must not be older
        return self._facts.with_chunks(array)

    def _serial(self, array: Any) -> int | None:
        """Return the serial of the state of an array, always that of the first call."""
        owner = owner_of(array)
        if self._facts is not None and id(owner) not in self._serials:
            self._serials[id(owner)] = owner, self._facts.serial(owner)
        return self._serials[id(owner)][1]

    def token(self, array: Any) -> Token:
        """Return what stands for the pixels of an array; raise `Unknown` if nothing can be kept of it."""
        serial = self._serial(array)
        if serial is None:
            raise Unknown
        token = Token(serial, layout_of(array))
        self._arrays[token] = innermost(array)
        return token

    def key(self, images: Sequence[Source], *values: Any) -> Key | None:
        """Return the key of a fact that depends on the pixels of images and on values; None if it cannot be kept."""
        if self._facts is None:
            return None
        tokens: list[Token] = []
        try:
            known = tuple(self._frozen(value, tokens) for value in (*images, *values))
        except Unknown:
            return None
        return tuple(dict.fromkeys(tokens)), known

    def key_of_ends(self, image: Source) -> Key | None:
        """Return the key of the lowest and the highest value of all pixels of an image, however they are arranged."""
        if self._facts is None:
            return None
        axis = None if image.axis is None else image.given[image.axis]
        try:
            return (self.token(image.array),), what_of_ends(axis, image.channels)
        except Unknown:
            return None

    def _frozen(self, value: Any, tokens: list[Token]) -> Hashable:
        """Return what stands for a value in keys, and append the tokens of the images that it is of."""
        if value is None or isinstance(value, bool | int | float | str | ValueRange | np.dtype):
            return type(value).__name__, repr(value)
        if isinstance(value, Source):
            tokens.append(self.token(value.array))
            return tokens[-1], value.ndim, value.axis, value.scope, value.order
        if id(value) in self._named:
            key = self._named[id(value)][1]
            tokens += key[0]
            return key
        if isinstance(value, tuple | list):
            return tuple(self._frozen(each, tokens) for each in value)
        if isinstance(value, np.ndarray):
            return value.shape, value.dtype.str, blake2b(value.tobytes(), digest_size=16).digest()
        if callable(value) and isinstance(value, Hashable):
            return value
        raise Unknown

    def find(self, keys: Mapping[Name, Key | None]) -> Generator[Progress, None, dict[Name, Any]]:
        """Look facts up, and return those that count by their names."""
        if self._facts is None:
            return {}
        found = {name: (key, fact) for name, key in keys.items() if key and (fact := self._facts.find(key))}
        if self._trust == "digest":
            found = yield from self._confirmed(found)
        for key, fact in found.values():
            self._named[id(fact.value)], self._seconds[key] = (fact.value, key), fact.seconds
        return {name: fact.value for name, (_, fact) in found.items()}

    def remember(
        self, keys: Mapping[Name, Key | None], count: Callable[[list[Name], Keep], Steps], use: Keep,
        share: float = 1.0,
    ) -> Steps:  # fmt: skip
        """Use facts, counted now where they are not known; if another thread counts one, wait for it.

        Parameters
        ----------
        keys
            Keys by name; None for what cannot be kept.
        count
            Function that counts facts by their names, and passes each of them on as soon as it is known.
        use
            Function that is told the name and the value of each.
        share
            Share of the pixels of the image that is read to count them all.
        """
        missing = dict(keys)
        while missing:
            found = yield from self.find(missing)
            for name, value in found.items():
                del missing[name]
                use(name, value)
            mine, others = self._claimed(missing)
            if wanted := {name: key for name, key in missing.items() if name not in others}:
                yield from self._count(wanted, count, use, mine, share)
                missing = {name: missing[name] for name in others}
            elif others:
                yield from self._wait(next(iter(others.values())))

    def _claimed(self, missing: Mapping[Name, Key | None]) -> tuple[Count, dict[Name, Count]]:
        """Note that this thread counts facts, and return that count and the counts of others."""
        mine = Count()
        if self._facts is None:
            return mine, {}
        counts = {name: self._facts.begin(key, mine) for name, key in missing.items() if key}
        if self._trust == "digest":  # the pixels that others count may have been others
            return mine, {}
        others = {name: c for name, c in counts.items() if c is not mine}
        return mine, {name: c for name, c in others.items() if time.monotonic() - c.went_on < PATIENCE}

    def _count(
        self, keys: Mapping[Name, Key | None], count: Callable[[list[Name], Keep], Steps], use: Keep, mine: Count,
        share: float,
    ) -> Steps:  # fmt: skip
        """Count facts and keep each as soon as it is known."""
        facts, begun, known = self._facts, 0.0, 0

        def keep(name: Any, value: Any) -> None:
            nonlocal known
            known += 1
            if facts is not None and (key := keys[name]) is not None:
                self.add(key, value, (time.perf_counter() - begun) / known)
            use(name, value)

        try:
            if share * WORTH >= 1:
                yield from _told(self._digest({token for key in keys.values() if key for token in key[0]}), mine)
            begun = time.perf_counter()
            yield from _told(count(list(keys), keep), mine)
        finally:
            if facts is not None:
                facts.end(mine)

    def _wait(self, count: Count) -> Steps:
        """Wait until another thread has ended a count, or seems to have stopped."""
        while not count.ended.wait(TICK) and time.monotonic() - count.went_on < PATIENCE:
            yield count.progress

    def add(self, key: Key | None, value: Any, seconds: float) -> None:
        """Keep a fact that was counted or computed."""
        if self._facts is not None and key is not None:
            self._named[id(value)], self._seconds[key] = (value, key), seconds
            self._facts.add(key, value, seconds)
            self._counted.append(key)

    def seconds(self, key: Key | None) -> float:
        """Return how long it took to count a fact that this preparation uses."""
        return self._seconds.get(key, 0.0) if key is not None else 0.0

    def sign(self) -> Steps:
        """Note of all that was counted which pixels it was counted of, if they are still the same."""
        if self._facts is None:
            return
        before, self._digests = self._digests, {}
        signed = [key for key in self._counted if all(token in before for token in self._changeable(key))]
        yield from self._digest({token for key in signed for token in self._changeable(key)})
        same = {token for token, found in self._digests.items() if before[token] == found}
        for key in signed:
            if same.issuperset(self._changeable(key)):
                self._facts.sign(key, self._digests)

    def _changeable(self, key: Key) -> list[Token]:
        """Return the tokens of a key that a digest has to confirm: all but those of arrays whose pixels stay."""
        return [token for token in key[0] if not is_lasting(self._arrays[token])]

    def _digest(self, tokens: set[Token]) -> Steps:
        """Digest the pixels of arrays in memory that are not digested yet."""
        for token in sorted(tokens - {*self._digests}, key=lambda token: token.serial):
            if is_digestible(array := self._arrays[token]):
                self._digests[token] = yield from digest(array, self._threads)

    def _confirmed(
        self, found: Mapping[Name, tuple[Key, Fact]]
    ) -> Generator[Progress, None, dict[Name, tuple[Key, Fact]]]:
        """Return those facts that were counted of pixels like the present ones.

        Nothing is digested for what is counted again in less time. An array whose pixels have changed is touched.
        """
        assert self._facts is not None
        needed = {name: self._changeable(key) for name, (key, _) in found.items()}
        signed = {name: found[name] for name, tokens in needed.items() if {*tokens} <= {*found[name][1].digests}}
        tokens = {token for name in signed for token in needed[name]}
        digesting = sum(seconds_to_digest(self._arrays[token]) for token in tokens - {*self._digests})
        if digesting > sum(fact.seconds for _, fact in signed.values()):
            return {}
        yield from self._digest(tokens)
        present = self._digests
        for changed in {t for _, f in signed.values() for t in f.digests if present.get(t) != f.digests[t]}:
            self._facts.touch(self._arrays[changed])
        return {n: (k, f) for n, (k, f) in signed.items() if all(present.get(t) == f.digests[t] for t in needed[n])}


def _told(steps: Steps, count: Count) -> Steps:
    """Run steps, and note that a count goes on."""
    try:
        for progress in steps:
            count.tell(progress)
            yield progress
    finally:
        steps.close()
