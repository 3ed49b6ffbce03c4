"""Places beside a path where it is written: locked meanwhile, and removed later if a kill has left something there."""

import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PARTIAL, LOCK = ".partial", ".lock"
BYTE = 2**30  # the byte of a file that is locked, beyond its content


@contextmanager
def place_beside(path: Path) -> Iterator[Path]:
    """Give a place beside a path that nobody else uses, and remove what killed processes have left at such places.

    Whoever writes there makes it, and renames or removes it.
    """
    remove_remains(path)
    beside, file = _locked_place(path)
    try:
        yield beside
    finally:
        _unlock(beside, file)


def _locked_place(path: Path) -> tuple[Path, int]:
    """Return a place beside a path, and the open file that locks it."""
    while True:
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PARTIAL}")
        file = os.open(_lock_of(beside), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        with suppress(OSError):  # of file systems without locks, on which nothing is taken for left
            lock_file(file)
        if _lock_of(beside).exists():  # nobody has taken it for left before it was locked
            return beside, file
        os.close(file)


def _unlock(beside: Path, file: int) -> None:
    """Remove the file of a lock while it is locked, or, where open files cannot be removed, then."""
    with suppress(OSError):
        _lock_of(beside).unlink()
    os.close(file)
    with suppress(OSError):
        _lock_of(beside).unlink(missing_ok=True)


def remove_remains(path: Path) -> None:
    """Remove what processes that were killed have left beside a path, and nothing that is being written."""
    pattern = re.compile(rf"(\.{re.escape(path.name)}\.[0-9a-f]{{8}}{re.escape(PARTIAL)})(\..*)?")
    try:
        found = [match for entry in os.scandir(path.parent) if (match := pattern.fullmatch(entry.name))]
    except OSError:
        return
    for name in {match[1] for match in found}:
        beside, left = path.with_name(name), [path.with_name(match[0]) for match in found if match[1] == name]
        try:
            file = _taken(beside)
        except OSError:
            continue
        for place in left:
            if place != _lock_of(beside):
                _remove(place)
        if file is not None:
            _unlock(beside, file)


def is_being_written(beside: Path) -> bool:
    """Return whether a process is writing at a place beside a path."""
    try:
        file = _taken(beside)
    except OSError:
        return True
    if file is not None:
        os.close(file)
    return False


def _taken(beside: Path) -> int | None:
    """Lock a place that a process has left, and return the open file; None if it was never locked.

    Raises
    ------
    OSError
        If it is being written.
    """
    try:
        file = os.open(_lock_of(beside), os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        lock_file(file)
    except OSError:
        os.close(file)
        raise
    return file


def lock_file(file: int) -> None:
    """Lock an open file until it is closed, or its process ends, however it ends.

    Raises
    ------
    OSError
        If it is locked already, or its file system knows no locks.
    """
    if sys.platform == "win32":
        import msvcrt

        os.lseek(file, BYTE, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        os.lseek(file, 0, os.SEEK_SET)
    else:
        import fcntl

        locks: Any = fcntl
        locks.flock(file, locks.LOCK_EX | locks.LOCK_NB)


def _lock_of(beside: Path) -> Path:
    return beside.with_name(beside.name + LOCK)


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, ignore_errors=True)
    else:
        with suppress(OSError):
            place.unlink()
