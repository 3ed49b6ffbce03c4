"""OME-Zarr that the library zarr and plain JSON make, for the tests of reading."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

zarr = pytest.importorskip("zarr")
pytest.importorskip("yaozarrs")

RNG = np.random.default_rng(11)
STACK = RNG.integers(0, 2**16, (2, 3, 9, 70, 83)).astype(np.uint16)  # t, c, z, y, x
VOLUME, PLANE = STACK[0, 0], STACK[0, 0, 0]
KINDS = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}


def axes_of(names: str, units: dict[str, str] | None = None) -> list[dict[str, str]]:
    units = units or {}
    return [{"name": a, "type": KINDS[a]} | ({"unit": units[a]} if a in units else {}) for a in names]


def transforms(scale: Sequence[float], translate: Sequence[float] = ()) -> list[dict[str, Any]]:
    moved = [{"type": "translation", "translation": [*translate]}] if translate else []
    return [{"type": "scale", "scale": [*scale]}, *moved]


def multiscale(names: str, grids: Sequence[Any], units: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """Return the metadata of an image from (scale, translate) of each level."""
    sets = [{"path": str(k), "coordinateTransformations": transforms(*grid)} for k, grid in enumerate(grids)]
    return {"axes": axes_of(names, units), "datasets": sets, **more}


def write_ome(
    path: Path, levels: Sequence[Any], described: dict[str, Any], version: str = "0.5", more: Any = None, **options: Any
) -> Path:
    """Write levels by zarr, and what describes them."""
    form = 3 if version == "0.5" else 2
    for k, level in enumerate(levels):
        separator = {"name": "v2" if form == 2 else "default", "separator": "/"}
        usual = {"chunks": tuple(min(n, 32) for n in level.shape), "chunk_key_encoding": separator}
        array = zarr.create_array(
            str(path / str(k)), shape=level.shape, dtype=level.dtype, zarr_format=form, **(usual | options)
        )
        array[...] = level
    parts = {"multiscales": [described | ({"version": version} if form == 2 else {})], **(more or {})}
    write_group(path, parts if form == 2 else {"ome": {"version": version, **parts}}, form)
    return path


def write_group(path: Path, attributes: dict[str, Any], form: int = 3) -> None:
    path.mkdir(parents=True, exist_ok=True)
    if form == 3:
        write_json(path / "zarr.json", {"zarr_format": 3, "node_type": "group", "attributes": attributes})
        return
    write_json(path / ".zgroup", {"zarr_format": 2})
    write_json(path / ".zattrs", attributes)


def write_json(path: Path, content: Any) -> None:
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def simple(path: Path, pixels: Any = PLANE, version: str = "0.5", **options: Any) -> Path:
    """Write an image of one level with pixels of 1 µm."""
    names = "tczyx"[-pixels.ndim :]
    described = multiscale(names, [([1.0] * pixels.ndim,)], dict.fromkeys(names.replace("c", ""), "micrometer"))
    return write_ome(path, [pixels], described, version, **options)
