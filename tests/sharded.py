"""Helpers for tests of runs in shards: small images with many chunks, shards and levels, run, stopped and read."""

from pathlib import Path

import numpy as np

from napari_mathimg import Recipe
from napari_mathimg.batch.shards.choices import ShardChoices, Source
from napari_mathimg.batch.shards.run import run_in_shards
from napari_mathimg.contract.progress import run_to_end

SMALL = ShardChoices(shards=(8, 32, 64), chunks=(4, 16, 32), levels=2)


def recipe_of(*steps, **more):
    return Recipe.from_plain({"format": "mathimg-recipe", "format_version": 1, "steps": steps, **more})


def step(operation, ndim=3, where=None, images=None, options=None, **parameters):
    out = {"operation": operation, "parameters": parameters, "options": {"ndim": ndim, **(options or {})}}
    return out | ({"where": where} if where else {}) | ({"images": images} if images else {})


def volume(dtype="u2", shape=(20, 75, 130), seed=0):
    """Noise, brighter towards the end of each axis, over most of the range of 12 bits."""
    rng = np.random.default_rng(seed)
    ramps = sum(
        np.linspace(0, 1, n).reshape([-1 if k == a else 1 for k in range(len(shape))]) for a, n in enumerate(shape)
    )
    return (rng.random(shape) * 1500 + 800 * ramps).astype(dtype)


def stored(folder: Path, pixels, chunks=(5, 20, 50), name="source.zarr"):
    """Write pixels as an array of Zarr in chunks, and return its path."""
    import zarr

    zarr.create_array(str(folder / name), data=pixels, chunks=chunks[-pixels.ndim :])
    return folder / name


def saved(folder: Path, pixels, axes="zyx"):
    """Write pixels as a NumPy file, and return it as a source."""
    path = folder / "source.npy"
    np.save(path, pixels)
    return Source(str(path), axis_names=tuple(axes))


def run_all(recipe, source, output, choices=SMALL, threads=2, **more):
    return run_to_end(run_in_shards(recipe, source, output, choices=choices, threads=threads, **more))


def pixels_of(output, level=0):
    import zarr

    return zarr.open_array(str(output / str(level)), mode="r")[...]


def files_in(folder: Path):
    """Return the bytes of all files below a folder by their names."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
