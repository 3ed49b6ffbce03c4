"""Plans, runs and tiles as the tests want them."""

import math
import threading
import time
from functools import partial
from importlib import import_module

import numpy as np

from cases import plane
from napari_mathimg import Options
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine import prepare, run
from napari_mathimg.engine.tiles import tiles

ENGINE = [import_module(f"napari_mathimg.engine.{name}") for name in ("value_range", "statistics", "region", "run")]


def plan_of(op, array, *images, parameters=None, threads=2, **options):
    return run_to_end(prepare(op, array, images, Options(**options), parameters, threads))


def result_of(plan, threads=2):
    return run_to_end(run(plan, threads=threads))


def seconds_to_cancel(steps, threads=2):
    """Close a run; the processor time each of its threads still took, which other programs do not lengthen."""
    start = time.process_time()
    steps.close()
    return (time.process_time() - start) / threads


def same(a, b):
    """Equal to the bit."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def cut_into(monkeypatch, pixels, side, halos=None):
    """Make the engine's tiles so small, or so large."""
    for module in ENGINE:
        monkeypatch.setattr(module, "tiles", partial(tiles, pixels=pixels, side=side, halos=halos))


def random_boxes(shape, count, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        ends = [np.sort(rng.choice(n + 1, 2, replace=False)).tolist() for n in shape]
        yield tuple((a, b) for a, b in ends)


def gray(dtype, shape=(37, 29)):
    """An image over all of a dtype's values, up to 50 bits; floating point leaves [0, 1]."""
    dtype = np.dtype(dtype)
    image = plane(shape, seed=len(shape)) if math.prod(shape) > 1 else np.full(shape, 0.3)
    if dtype.kind == "b":
        return image > 0.5
    if dtype.kind == "f":
        return (image * 3 - 1).astype(dtype)
    low, high = max(np.iinfo(dtype).min, -(2**50)), min(np.iinfo(dtype).max, 2**50)
    return np.rint(low + image * (high - low)).astype(dtype)


def label(value):
    for name in ("operation", "name", "id"):
        if hasattr(value, name):
            return getattr(value, name)
    return "-".join(value) or "defaults" if isinstance(value, dict) else None


class Watched:
    """An array that remembers how much is read at once, and waits at its gate."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.reads, self.gate = [], threading.Event()
        self.gate.set()

    def __getitem__(self, key):
        self.gate.wait(10)
        box = self.array[key]
        self.reads.append(box.size)
        return box


def gray_levels(dtype, shape=(31, 23)):
    """An image that uses much of a dtype."""
    image = plane(shape, seed=5)
    scale = {"b": 1, "u": 200, "i": 120, "f": 3}[np.dtype(dtype).kind]
    return (image * scale).round(3).astype(dtype)
