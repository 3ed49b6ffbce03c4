"""What tells that a source, a result or a plan is the same as in an earlier run."""

import json
import os
import platform
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ... import __version__
from ...io.image import Image
from ...io.reading import local_path
from ...recipe.recipe import Recipe
from ..choices import JobChoices
from ..contents import DIGEST, contents
from .inputs import is_remote

PACKAGES = ("numpy", "numba", "scipy")  # whose versions may change the last bits of a result


def identity(address: str | Path) -> dict[str, Any] | None:
    """Return path, size and time of the last change of a file or a store; None if there is none.

    Of a store, names, sizes and times of all its files count (`contents`).
    """
    if is_remote(str(address)):
        return {"path": str(address)}
    path = local_path(address)
    found = _found(path)
    return None if found is None else {"path": str(path.resolve()), **found}


def parts_of(source: str | Path, files: Iterable[Path]) -> dict[str, Any]:
    """Return what the files of an image are besides its source, by their paths, as those of a dataset of OME-TIFF."""
    own = None if is_remote(str(source)) else os.path.abspath(local_path(source))
    others = {os.path.abspath(path): path for path in files}
    return {name: _found(path) for name, path in others.items() if name != own}


def _found(path: Path) -> dict[str, Any] | None:
    try:
        return contents(path)
    except OSError:
        return None


def are_same(parts: Any) -> bool:
    """Return whether all files are what `parts_of` has told of them."""
    return isinstance(parts, dict) and all(_found(Path(name)) == known for name, known in parts.items())


def source_digest(source: str | Path, image: Image) -> str:
    """Return a digest of all that tells that a source is the same."""
    return _digest([identity(source), parts_of(source, image.files)])


def state_of(path: Path) -> dict[str, Any] | None:
    """Return what tells a result from another file in its place; None if there is nothing."""
    found = identity(path)
    return None if found is None else {name: value for name, value in found.items() if name != "path"}


def plan_digest(recipe: Recipe, choices: JobChoices, images: Mapping[str, str], applied: bool) -> str:
    """Return the digest of all that decides about the results of a job, besides their sources."""
    plain = {name: value for name, value in recipe.plain().items() if name != "made_with"}
    files = {name: identity(path) for name, path in images.items()}
    stored = [choices.imagej, choices.levels, choices.zarr_version, choices.shard_shape]
    how = [choices.series, choices.axis_names, *stored, applied]
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
