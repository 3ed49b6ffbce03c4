"""Where files of OME-Zarr are read from: a folder, whose links must not leave it, or an http(s) or s3 address."""

import os
import re
import stat
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ..problems import ImageFileError
from .extras import extra

ADDRESS = re.compile(r"(https?|s3)://[^/:][^:]*(:\d+)?(/.*)?")
SEGMENT = re.compile(r"[^/\\:\x00-\x1f]{1,255}")
LONGEST_KEY = 1024
Stamp = tuple[int, ...] | None  # changes when a file does; None where this is not known
SUFFIX = ".zarr"
FILES = ("zarr.json", ".zgroup", ".zattrs", ".zarray")


def is_store(path: Path) -> bool:
    """Return whether a folder is one of Zarr, or lies in one that is named so."""
    return path.suffix.lower() == SUFFIX or any((path / name).is_file() for name in FILES)


def is_address(path: str | Path) -> bool:
    """Return whether a path is an address elsewhere."""
    return isinstance(path, str) and "://" in path and not path.lower().startswith("file:")


class Request(NamedTuple):
    """Which bytes of a file are read: from its start if `start` is None; at most `size` of them."""

    key: str
    start: int | None
    size: int


class Store(Protocol):
    """Files by key, which are names joined by "/". Pickled, it is its address."""

    def name(self, key: str) -> str:
        """Return the path or address of a file, for messages."""

    def stat(self, key: str) -> tuple[int, Stamp] | None:
        """Return the size in bytes of a file and what changes with it; None if there is no such file."""

    def read(self, requests: Sequence[Request]) -> list[bytes | None]:
        """Return the bytes of each request; None for a file that there is not."""

    def parts(self) -> list[str]:
        """Return the names of the files and folders at its top, sorted; an empty list where this is not known."""


def checked_key(path: Any, where: str) -> str:
    """Return a path that metadata give, without a slash at its end.

    Raises
    ------
    ImageFileError
        If it is no path below the place that names it.
    """
    segments = path.rstrip("/").split("/") if isinstance(path, str) and len(path) <= LONGEST_KEY else [""]
    if not all(SEGMENT.fullmatch(part) and part.strip(". ") for part in segments):
        raise ImageFileError(f"{where}: must name paths below itself, not {str(path)[:80]!r}")
    return "/".join(segments)


def joined(*keys: str) -> str:
    """Return keys as one."""
    return "/".join(filter(None, keys))


class Folder:
    """A folder on this machine.

    Parameters
    ----------
    root
        Path of the folder, out of which no link may lead.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def __reduce__(self) -> Any:
        return Folder, (self.root,)

    @cached_property
    def _real_root(self) -> str:
        return os.path.join(os.path.realpath(self.root), "")

    def name(self, key: str) -> str:
        """Return the path of a file."""
        return str(self.root / key)

    def _find(self, key: str) -> tuple[str, os.stat_result] | None:
        path = os.path.realpath(self.root / key)
        if not (path + os.sep).startswith(self._real_root):
            raise ImageFileError(f"{self.name(key)}: must be no link that leaves {self.root}")
        try:
            found = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISDIR(found.st_mode):
            return None
        if not stat.S_ISREG(found.st_mode):
            raise ImageFileError(f"{self.name(key)}: must be a file")
        return path, found

    def stat(self, key: str) -> tuple[int, Stamp] | None:
        """Return the size of a file, and its number and time."""
        found = self._find(key)
        return None if found is None else (found[1].st_size, (found[1].st_ino, found[1].st_mtime_ns, found[1].st_size))

    def read(self, requests: Sequence[Request]) -> list[bytes | None]:
        """Return bytes of files."""
        return [self._read(request) for request in requests]

    def _read(self, request: Request) -> bytes | None:
        found = self._find(request.key)
        if found is None:
            return None
        try:
            with open(found[0], "rb") as file:
                file.seek(request.start or 0)
                return file.read(request.size)
        except FileNotFoundError:
            return None

    def parts(self) -> list[str]:
        """Return the names of files and folders."""
        return sorted(os.listdir(self.root)) if self.root.is_dir() else []


class Address:
    """A folder behind an address, only read.

    Parameters
    ----------
    url
        Address: http, https or s3.

    Raises
    ------
    ImageFileError
        For another kind of address, or if what reads it is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        if not ADDRESS.fullmatch(self.url) or "::" in url:
            raise ImageFileError(f"{url}: must be a path, or an address that begins with http://, https:// or s3://")
        _ = self._files

    def __reduce__(self) -> Any:
        return Address, (self.url,)

    @cached_property
    def _files(self) -> Any:
        """The file system of the address; that of s3 without a login if there are no credentials."""
        fsspec = extra("fsspec", "remote", self.url)
        scheme = self.url.partition(":")[0]
        extra({"s3": "s3fs"}.get(scheme, "aiohttp"), "remote", self.url)
        options = {}
        if scheme == "s3":
            session = extra("botocore.session", "remote", self.url).Session()
            options = {"anon": session.get_credentials() is None}
        return fsspec.filesystem(scheme, skip_instance_cache=True, **options)

    def name(self, key: str) -> str:
        """Return the address of a file."""
        return joined(self.url, key)

    def stat(self, key: str) -> tuple[int, Stamp] | None:
        """Return the size of a file."""
        try:
            size = self._files.info(self.name(key)).get("size")
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._failed(key, error) from error
        if size is None:
            raise ImageFileError(f"{self.name(key)}: must come from a server that tells the sizes of files")
        return int(size), None

    def read(self, requests: Sequence[Request]) -> list[bytes | None]:
        """Return bytes of files, several at a time."""
        names = [self.name(request.key) for request in requests]
        starts = [request.start or 0 for request in requests]
        ends = [(request.start or 0) + request.size for request in requests]
        found = self._files.cat_ranges(names, starts, ends, on_error="return")
        return [self._checked(*pair) for pair in zip(requests, found, strict=True)]

    def _checked(self, request: Request, found: Any) -> bytes | None:
        """Return what a server sent; of a whole file, from one that knows no parts of files, the part."""
        if isinstance(found, FileNotFoundError):
            return None
        if isinstance(found, BaseException):
            raise self._failed(request.key, found) from found
        start = request.start or 0
        return bytes(found if len(found) <= request.size else found[start : start + request.size])

    def _failed(self, key: str, error: BaseException) -> ImageFileError:
        why = " ".join(str(error).split())[:200]
        return ImageFileError(f"{self.name(key)}: must be a file that can be read ({type(error).__name__}: {why})")

    def parts(self) -> list[str]:
        """Return nothing: servers of http do not list their files."""
        return []
