"""Where images come from and go to: no output may touch an input or another output."""

import posixpath
import unicodedata
from collections.abc import Hashable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from .problems import ImageFileError
from .reading import local_path

STORE = ".zarr"
STORE_FILES = ("zarr.json", ".zgroup", ".zarray")  # one of which each folder of a zarr store holds
Place = Path | tuple[str, ...]  # on this machine, or the parts of an address
Found = TypeVar("Found")


class _Known(NamedTuple):
    """A file or folder as it was given, all that it may be known by, and the same of the folders around it."""

    given: str
    names: list[Hashable]
    around: list[Hashable]


def check_places(inputs: Iterable[str | Path], outputs: Iterable[str | Path]) -> None:
    """Refuse outputs that would touch an input or each other, whether or not they exist.

    Links of every kind are followed. Neither the case of letters nor the way in which Unicode composes them makes two
    places differ, because in some file systems they do not. An input in a zarr store stands for the whole store.

    Parameters
    ----------
    inputs, outputs
        Paths or addresses of files and folders.

    Raises
    ------
    ImageFileError
        ``OUTPUT: must ...`` if an output is an input, lies inside one, or is a folder around one; and if two outputs
        are one, or one is a folder around the other.
    """
    known: dict[Hashable, str] = {}
    stores: dict[Hashable, tuple[str, str]] = {}
    folders: dict[Hashable, str] = {}
    for given, place in [(str(given), _parsed(given)) for given in inputs]:
        source = _known(given, place)
        known |= dict.fromkeys(source.names, given)
        folders |= dict.fromkeys(source.around, given)
        for store in _stores(place):
            outer = _known(given, store)
            stores |= dict.fromkeys(outer.names, (given, _text(store)))
            folders |= dict.fromkeys(outer.around, given)
    own_names: dict[Hashable, str] = {}
    own_folders: dict[Hashable, str] = {}
    for output in (_known(str(given), _parsed(given)) for given in outputs):
        if source_name := _first(output.names, known):
            raise ImageFileError(f"{output.given}: must not be the input {source_name}")
        if source_name := _first(output.names, folders):
            raise ImageFileError(f"{output.given}: must not be a folder around the input {source_name}")
        if found := _first(output.around, stores):
            raise ImageFileError(f"{output.given}: must lie outside of {found[1]}, for the input {found[0]}")
        if other := _first(output.names, own_names):
            raise ImageFileError(f"{output.given}: must be an output of its own, not {other} too")
        if other := _first(output.around, own_names):
            raise ImageFileError(f"{output.given}: must lie outside of the output {other}")
        if other := _first(output.names, own_folders):
            raise ImageFileError(f"{output.given}: must not be a folder around the output {other}")
        own_names |= dict.fromkeys(output.names, output.given)
        own_folders |= dict.fromkeys(output.around, output.given)


def _first(names: Iterable[Hashable], table: dict[Hashable, Found]) -> Found | None:
    """Return what a table has under the first of some names that it has."""
    return next((table[name] for name in names if name in table), None)


def _parsed(given: str | Path) -> Place:
    """Return an absolute path, or the scheme, the host and the folders of an address."""
    if isinstance(given, str) and "://" in given and not given.lower().startswith("file:"):
        parts = urlsplit(given)
        folders = posixpath.normpath(f"/{unquote(parts.path)}").strip("/").split("/")
        return (parts.scheme, parts.netloc, *filter(None, folders))
    return local_path(given).absolute()


def _text(place: Place) -> str:
    return str(place) if isinstance(place, Path) else f"{place[0]}://{'/'.join(place[1:])}"


def _around(place: Place) -> list[Place]:
    """Return the folders around a place, the outermost first."""
    if isinstance(place, Path):
        return [*reversed(place.parents)]
    return [place[:n] for n in range(3, len(place))]


def _stores(place: Place) -> list[Place]:
    """Return the outermost zarr store that an input is in, by each of its paths; the input itself if it is in none."""
    paths = [place] if not isinstance(place, Path) else [place, place.resolve()]
    return [next(filter(_is_store, (*_around(path), path)), path) for path in paths]


def _is_store(place: Place) -> bool:
    if isinstance(place, Path):
        return place.suffix.lower() == STORE or any((place / name).is_file() for name in STORE_FILES)
    return place[-1].lower().endswith(STORE)


def _known(given: str, place: Place) -> _Known:
    whole = place.resolve() if isinstance(place, Path) else place
    return _Known(given, [*_names(whole)], [name for folder in _around(whole) for name in _names(folder)])


def _names(place: Place) -> Iterator[Hashable]:
    """Yield what a resolved place is known by: its path, and for a file that exists its number on its device."""
    parts = place.parts if isinstance(place, Path) else place
    yield tuple(unicodedata.normalize("NFC", unicodedata.normalize("NFC", part).casefold()) for part in parts)
    if isinstance(place, Path):
        with suppress(OSError):
            status = place.stat()
            if status.st_ino:  # which some file systems do not number
                yield status.st_dev, status.st_ino
