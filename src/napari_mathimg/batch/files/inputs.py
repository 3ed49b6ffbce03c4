"""The images of a job: files, folders that hold some, and patterns that the shell did not expand."""

import glob
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from ...io.problems import ImageFileError
from ...io.reading import MICROSCOPES, PICTURES, READABLE, TIFF, local_path
from ...io.zarr.stores import is_address, is_store

READ = (*TIFF, *PICTURES, *MICROSCOPES, ".npy", ".zarr")
STORE = ".zarr"
ENDING = re.compile(r"(\.ome)?\.[A-Za-z][A-Za-z0-9]*$", re.IGNORECASE)


@dataclass(frozen=True)
class Found:
    """An image of a job.

    Attributes
    ----------
    source
        Its path or address.
    within
        The folder that was given, in which it was found; None for one that was given itself.
    """

    source: str
    within: Path | None = None

    @property
    def name(self) -> str:
        """Name of the file; of an image inside a store, that of the store and its place in it."""
        parts = _parts(self.source)
        store = next((k for k, part in enumerate(parts[:-1]) if part.lower().endswith(STORE)), None)
        if store is None:
            return parts[-1]
        outer = parts[store]
        inner = "_".join(parts[store + 1 :])
        return f"{outer[: len(outer) - len(ending_of(outer))]}_{inner}{ending_of(outer)}"

    @property
    def ending(self) -> str:
        """Ending of the name, such as ``.ome.tif``."""
        return ending_of(self.name)

    @property
    def stem(self) -> str:
        """Name without its ending."""
        return self.name[: len(self.name) - len(self.ending)] or self.name

    @property
    def folder(self) -> Path:
        """Folder of the file as it was given; that of the store for an image inside of one."""
        if is_remote(self.source):
            return Path()
        path = local_path(self.source)
        outer = next((parent for parent in reversed(path.parents) if parent.suffix.lower() == STORE), path)
        return outer.parent

    @property
    def below(self) -> Path:
        """Folder of the file below the given folder."""
        return Path() if self.within is None else self.folder.relative_to(self.within)


def find_inputs(given: Iterable[str | Path], recursive: bool) -> list[Found]:
    """Return the images that files, folders and patterns stand for, each once, in the order in which they were given.

    Those of a folder are sorted by their path; hidden files and folders are left out.

    Raises
    ------
    ImageFileError
        ``PATH: must ...`` for what does not exist, is of another kind, or holds no image.
    """
    out: dict[str, Found] = {}
    for each in given:
        for found in _found(each, recursive):
            key = found.source if is_remote(found.source) else os.path.abspath(local_path(found.source))
            out.setdefault(key, found)
    if not out:
        raise ImageFileError("inputs: must be at least one file")
    return list(out.values())


def is_remote(address: str) -> bool:
    """Return whether an address is none of a file on this machine."""
    return is_address(address)


def ending_of(name: str) -> str:
    """Return the ending of the name of a file.

    Examples
    --------
    >>> [ending_of(name) for name in ("a.b.ome.tif", "0.5um.TIFF", "x.ome.zarr", "none")]
    ['.ome.tif', '.TIFF', '.ome.zarr', '']
    """
    found = ENDING.search(name)
    return found[0] if found else ""


def _found(given: str | Path, recursive: bool) -> Iterator[Found]:
    text = str(given)
    if is_remote(text):
        yield Found(text)
        return
    path = local_path(given)
    if not os.path.lexists(path) and glob.has_magic(text):
        matches = sorted(glob.glob(text, recursive=True))
        if not matches:
            raise ImageFileError(f"{text}: must be the pattern of at least one file")
        for match in matches:
            yield from _found(Path(match), recursive)
    elif path.is_dir() and not _is_store(path):
        images = [Found(str(each), path) for each in sorted(_images_in(path, recursive))]
        if not images:
            deeper = "" if recursive else ", or be searched with the folders in it (recursive, --recursive)"
            raise ImageFileError(f"{path}: must hold a file that ends in {READABLE}{deeper}")
        yield from images
    elif not path.exists():
        raise ImageFileError(f"{path}: must be a file; there is none")
    elif path.suffix.lower() not in READ and not _is_store(path):
        raise ImageFileError(f"{path}: must end in {READABLE}")
    else:
        yield Found(text)


def _is_store(path: Path) -> bool:
    """Return whether a folder is an image, or lies inside of one."""
    if is_store(path):
        return True
    return any(part.lower().endswith(STORE) for part in path.parts)


def _images_in(folder: Path, recursive: bool) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        if (entry.is_dir() and _is_store(entry)) or (entry.is_file() and entry.suffix.lower() in READ):
            yield entry
        elif recursive and entry.is_dir() and not entry.is_symlink():
            yield from _images_in(entry, recursive)


def _parts(address: str) -> tuple[str, ...]:
    if is_remote(address):
        return PurePosixPath(unquote(urlsplit(address).path)).parts or (address,)
    return local_path(address).parts
