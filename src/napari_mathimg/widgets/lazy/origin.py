"""How lazy arrays were made, so that they can be made anew when pixels that they read were edited."""

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary

from ...contract.progress import Progress
from .pixels import LazyPixels

Record = list[dict[str, Any]]


class Remade(NamedTuple):
    """A lazy result that was made anew, its record, and how it was made now."""

    pixels: LazyPixels
    record: Record
    origin: "Origin"


class Renewed(NamedTuple):
    """An array that a lazy result reads, as it is now, and its record if it was made anew too."""

    array: Any
    record: Record | None = None
    pixels: LazyPixels | None = None


Renew = Callable[[Any], Generator[Progress, None, Renewed]]


class Origin(Protocol):
    """What a lazy result was made of, and how."""

    @property
    def reads(self) -> Sequence[Any]:
        """The arrays that it reads."""

    def is_outdated(self) -> Generator[Progress, None, bool]:
        """Find whether pixels in memory that it reads were edited since, however that was told."""

    def remake(self, renew: Renew) -> Generator[Progress, None, Remade]:
        """Make it anew, from what `renew` returns for each array that it reads."""


ORIGINS: "WeakKeyDictionary[Any, Origin]" = WeakKeyDictionary()  # of the finest arrays of lazy layers


def leaves(array: Any) -> list[Any]:
    """Return the arrays at the beginning of all chains that a lazy array ends."""
    origin = ORIGINS.get(array) if _may_have_origin(array) else None
    return [array] if origin is None else [leaf for read in origin.reads for leaf in leaves(read)]


def is_outdated(array: Any) -> Generator[Progress, None, bool]:
    """Find whether pixels in memory were edited that a lazy array, or what it reads, was made of."""
    origin = ORIGINS.get(array) if _may_have_origin(array) else None
    if origin is None:
        return False
    if (yield from origin.is_outdated()):
        return True
    for read in origin.reads:
        if (yield from is_outdated(read)):
            return True
    return False


def renewal(edited: set[int]) -> Renew:
    """Return a function that makes lazy arrays anew that read arrays with these identities, each once."""
    known: dict[int, Renewed] = {}

    def renew(array: Any) -> Generator[Progress, None, Renewed]:
        if id(array) not in known:
            found = Renewed(array)
            origin = ORIGINS.get(array) if _may_have_origin(array) else None
            if origin is not None and not edited.isdisjoint(map(id, leaves(array))):
                remade = yield from origin.remake(renew)
                ORIGINS[remade.pixels.finest] = remade.origin
                found = Renewed(remade.pixels.finest, remade.record, remade.pixels)
            known[id(array)] = found
        return known[id(array)]

    return renew


def _may_have_origin(array: Any) -> bool:
    """Return whether an array can be a key; those of others may be neither hashable nor cheap to compare."""
    return type(array).__module__.startswith(__package__.split(".")[0])
