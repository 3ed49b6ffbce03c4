"""What tells that a source, a recipe, and the place where they meet are the same as before."""

import functools
import hashlib
import importlib
import importlib.metadata
import json
import platform
from typing import Any

from ... import __version__
from ...io.image import Image
from ...recipe.recipe import Recipe
from ..contents import contents
from .choices import ShardChoices, Source

LIBRARIES = ("numpy", "numba", "llvmlite", "scipy", "PyWavelets", "zarr", "tifffile")


def digest(value: Any) -> str:
    """Return the digest of plain values."""
    text = json.dumps(value, sort_keys=True, allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def identity(source: Source, image: Image) -> dict[str, Any]:
    """Return what a source is: its address, shape, type, and sizes and times of its files."""
    files = [{"name": path.name, **contents(path)} for path in image.files]
    return {
        **source.plain, "shape": list(image.shape), "dtype": str(image.dtype), "axes": list(image.axes), "files": files,
    }  # fmt: skip


def digest_of_plan(recipe: Recipe, identities: dict[str, Any], choices: ShardChoices, output: str) -> str:
    """Return the digest of all that the pixels of a result follow from, and of how they are stored."""
    versions = {step.operation: step.declared.version for step in recipe.steps}
    return digest([text_of(recipe), versions, identities, choices.plain, output])


@functools.cache
def surroundings() -> dict[str, Any]:
    """Return what pixels may depend on besides: versions of libraries, and the features of the processor."""
    versions = {"napari-mathimg": __version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = ""
    return {"versions": versions, "machine": platform.machine(), "processor": _processor()}


def _processor() -> list[str]:
    """Return the name of the processor for which kernels are compiled, and its features."""
    found: Any = importlib.import_module("llvmlite.binding")
    features = found.get_host_cpu_features()
    return [str(found.get_host_cpu_name()), *sorted(name for name, has in features.items() if has)]


def changes(before: Any, now: dict[str, Any]) -> list[str]:
    """Return sentences on what is not as it was when a run began."""
    if not isinstance(before, dict):
        return ["It is not known where the run began."]
    found = []
    old, new = before.get("versions"), now["versions"]
    if isinstance(old, dict):
        found = [f"{name} {old.get(name)} is now {v}" for name, v in new.items() if old.get(name) != v]
    if [before.get("machine"), before.get("processor")] != [now["machine"], now["processor"]]:
        found.append("the processor is another one")
    if not found:
        return []
    listed = "; ".join(found)
    return [f"The run began elsewhere, and its shards may differ in their last bits: {listed}."]


def text_of(recipe: Recipe) -> str:
    """Return a recipe as text, without the version of the package that wrote it."""
    lines = recipe.dumps().splitlines()
    return "\n".join(line for line in lines if not line.startswith("made_with"))
