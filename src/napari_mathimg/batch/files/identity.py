"""What tells that a source, a result or a plan is the same as in an earlier run."""

import json
import os
import platform
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ... import __version__
from ...io.reading import local_path
from ...recipe.recipe import Recipe
from ..choices import JobChoices
from .inputs import is_remote

METADATA = ("zarr.json", ".zattrs", ".zgroup", ".zarray")
DIGEST = 16  # bytes
PACKAGES = ("numpy", "numba", "scipy")  # whose versions may change the last bits of a result


def identity(address: str | Path) -> dict[str, Any] | None:
    """Return path, size and time of the last change of a file or a store; None if there is none.

    Of a store, the metadata of its arrays and the folders that hold their chunks are looked at, not each chunk.
    """
    if is_remote(str(address)):
        return {"path": str(address)}
    path = local_path(address)
    try:
        if not path.is_dir():
            found = path.stat()
            return {"path": str(path.resolve()), "size": found.st_size, "mtime_ns": found.st_mtime_ns}
        parts = sorted(_parts_of(path))
    except OSError:
        return None
    return {"path": str(path.resolve()), "parts": len(parts), "digest": _digest(parts)}


def state_of(path: Path) -> dict[str, Any] | None:
    """Return what tells a result from another file in its place; None if there is nothing."""
    found = identity(path)
    return None if found is None else {name: value for name, value in found.items() if name != "path"}


def plan_digest(recipe: Recipe, choices: JobChoices, images: Mapping[str, str], applied: bool) -> str:
    """Return the digest of all that decides about the results of a job, besides their sources."""
    plain = {name: value for name, value in recipe.plain().items() if name != "made_with"}
    files = {name: identity(path) for name, path in images.items()}
    how = [choices.series, choices.axis_names, choices.imagej, choices.levels, applied]
    return _digest([plain, files, how])


@cache
def versions() -> dict[str, str]:
    """Return the versions and the processor that the last bits of a result may depend on."""
    out = {"napari-mathimg": __version__, "machine": platform.machine(), "processor": _processor()}
    for name in PACKAGES:
        try:
            out[name] = version(name)
        except PackageNotFoundError:
            out[name] = ""
    return out


def _processor() -> str:
    from numba.core.registry import cpu_target

    triple, name, features = cpu_target.target_context.codegen().magic_tuple()  # by which Numba keeps what it compiled
    return f"{name}, {_digest([triple, features])}"


def _digest(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, default=str)
    return blake2b(text.encode(), digest_size=DIGEST).hexdigest()


def _parts_of(store: Path) -> Iterator[tuple[str, int, int]]:
    """Yield name, size and time of the metadata in a store, and of the folders beside them."""
    for folder, folders, files in os.walk(store):
        here = [name for name in files if name in METADATA]
        for name in (*here, *(folders if here else ())):
            found = os.stat(os.path.join(folder, name))
            yield os.path.relpath(os.path.join(folder, name), store), found.st_size, found.st_mtime_ns
        if not here and folder != str(store):
            folders.clear()
