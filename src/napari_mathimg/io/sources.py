"""The files that an array reads when it is indexed, so that none of them is written meanwhile."""

import os
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from .zarr.stores import is_store

MOST = 100_000  # objects that are looked at
FOLLOWED = (
    "array", "_array", "base", "plan", "source", "images", "value", "args", "kwargs", "keywords", "func", "__self__",
    "store", "parent", "_data", "filehandle", "_filecache", "files",
)  # fmt: skip
NAMES = ("filename", "root", "path", "_path")  # of attributes that hold a path
LONGEST = 4096  # characters of a path


def files_read_by(array: Any) -> list[Path]:
    """Return the files and folders that an array of NumPy, Dask, Zarr, or a lazy one of ours is read from.

    Of Dask, they are those whose paths its tasks are given, or those of the arrays and objects that they use.
    """
    found: dict[Path, None] = {}
    seen, waiting = set[int](), [array]
    while waiting and len(seen) < MOST:
        one = waiting.pop()
        if one is None or isinstance(one, bytes | int | float | slice | type) or id(one) in seen:
            continue
        seen.add(id(one))
        found.update(dict.fromkeys(_own_files(one)))
        waiting += islice(_further(one), MOST)
    return [*found]


def _own_files(one: Any) -> Iterator[Path]:
    """Yield the files of our own arrays, of memory maps, of stores of Zarr, of readers, and those that a text names."""
    if isinstance(one, str | Path):
        yield from _existing(one)
        return
    of_ours = getattr(one, "files", None)
    if isinstance(of_ours, tuple):
        yield from (path for path in of_ours if isinstance(path, Path))
    for name in NAMES:
        path = getattr(one, name, None)
        if isinstance(path, str | Path):
            yield from _existing(path)


def _existing(path: str | Path) -> Iterator[Path]:
    """Yield a path with folders, or with an ending, if there is a file or a folder of Zarr."""
    text = os.fspath(path)
    if len(text) <= LONGEST and ("." in text or os.sep in text) and "\0" not in text:
        place = Path(text)
        if os.path.isfile(place) or (os.path.isdir(place) and is_store(place)):
            yield place


def _further(one: Any) -> Iterator[Any]:
    """Yield what an object reads from."""
    if isinstance(one, str | Path):
        return
    if isinstance(one, Mapping):
        yield from one.values()
        yield from (key for key in one if not isinstance(key, str | tuple))
    elif isinstance(one, tuple | list):
        yield from one
    elif hasattr(one, "__dask_graph__"):
        layers = getattr(one.__dask_graph__(), "layers", {})
        for layer in layers.values():
            yield getattr(layer, "io_deps", None)
            yield getattr(layer, "mapping", None)
            yield getattr(layer, "indices", None)
    else:
        yield from (getattr(one, name, None) for name in FOLLOWED)
