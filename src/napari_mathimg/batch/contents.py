"""What tells that nothing in a file or a folder has changed, without reading it: names, sizes, and times."""

import os
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

MOST_FILES = 2**20  # of a folder that are looked at
DIGEST = 16  # bytes


def contents(path: Path) -> dict[str, Any]:
    """Return size and time of the last change of a file; number, bytes and a digest of all files in a folder.

    The digest is that of names, sizes and times. Links to folders are not followed.

    Raises
    ------
    OSError
        If there is none, or it cannot be looked at.
    """
    if not path.is_dir():
        found = path.stat()
        return {"size": found.st_size, "mtime_ns": found.st_mtime_ns}
    count, nbytes, digest = 0, 0, blake2b(digest_size=DIGEST)
    for entry in _files(path):
        found = entry.stat()
        digest.update(f"{os.path.relpath(entry.path, path)}\0{found.st_size}\0{found.st_mtime_ns}\0".encode())
        count, nbytes = count + 1, nbytes + found.st_size
        if count == MOST_FILES:
            break
    return {"files": count, "size": nbytes, "digest": digest.hexdigest()}


def _files(path: str | Path) -> Iterator["os.DirEntry[str]"]:
    """Yield the files in a folder and below, in an order that stays."""
    with os.scandir(path) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path)
        elif entry.is_file():
            yield entry
