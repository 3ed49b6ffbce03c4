"""The files that an array reads when it is indexed, so that none of them is written meanwhile."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

MOST = 100_000  # objects that are looked at
FOLLOWED = ("array", "_array", "base", "plan", "source", "images", "value", "args", "kwargs", "store", "parent")


def files_read_by(array: Any) -> list[Path]:
    """Return the files and folders that an array of NumPy, Dask, Zarr, or a lazy one of ours is read from."""
    found: dict[Path, None] = {}
    seen, waiting = set[int](), [array]
    while waiting and len(seen) < MOST:
        one = waiting.pop()
        if one is None or isinstance(one, str | bytes | int | float | type) or id(one) in seen:
            continue
        seen.add(id(one))
        found.update(dict.fromkeys(_own_files(one)))
        waiting += islice(_further(one), MOST)
    return [*found]


def _own_files(one: Any) -> Iterator[Path]:
    """Yield the files of our own arrays, of memory maps, and of stores of Zarr."""
    of_ours = getattr(one, "files", None)
    if isinstance(of_ours, tuple):
        yield from (path for path in of_ours if isinstance(path, Path))
    for name in ("filename", "root"):
        path = getattr(one, name, None)
        if isinstance(path, Path) or (isinstance(path, str) and type(one).__module__.startswith(("numpy", "zarr"))):
            yield Path(path)


def _further(one: Any) -> Iterator[Any]:
    """Yield what an object reads from."""
    if isinstance(one, Mapping):
        yield from one.values()
    elif isinstance(one, tuple | list):
        yield from one
    elif hasattr(one, "__dask_graph__"):
        layers = getattr(one.__dask_graph__(), "layers", {})
        for layer in layers.values():
            yield getattr(layer, "io_deps", None)
            yield getattr(layer, "mapping", None)
    else:
        yield from (getattr(one, name, None) for name in FOLLOWED)
