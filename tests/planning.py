"""Helpers for plans, runs and tiles of the engine."""

import math
import threading
from functools import partial
from importlib import import_module

import numpy as np

from cases import plane
from napari_mathimg import Options
from napari_mathimg.contract.progress import context, run_to_end
from napari_mathimg.engine import Canceled, prepare, run
from napari_mathimg.engine.region import compute_block
from napari_mathimg.engine.tiles import tiles

CUT = ("value_range", "statistics", "region", "run", "lazy.blocks")
ENGINE = [import_module(f"napari_mathimg.engine.{name}") for name in CUT]


def plan_of(op, array, *images, parameters=None, threads=2, axis_names=(), **options):
    return run_to_end(prepare(op, array, images, Options(**options), parameters, threads, axis_names=axis_names))


def result_of(plan, threads=2):
    return run_to_end(run(plan, threads=threads))


class Looks:
    """A single-threaded engine that counts a block's checks for cancellation, and cancels it at a chosen one."""

    def __init__(self, last=None):
        self.count, self.last, self.told = 0, last, []
        self.stop_word = np.zeros(1, np.uint8)

    def stop_if_canceled(self):
        self.count += 1
        if self.count == self.last:
            raise Canceled

    def set_progress(self, done):
        self.told.append(done)

    def spread_pieces(self, work, pieces):
        for piece in pieces:
            self.stop_if_canceled()
            work(piece)


def looks_of(plan, last=None):
    """Compute the first tile of a plan, cancel it at check number `last` if given, and return the counting engine."""
    looks = Looks(last)
    token = context.set(looks)
    try:
        compute_block(plan, plan.source.indices[0], tiles(plan.item, plan.reach)[0])
    except Canceled:
        assert looks.count == last
    else:
        assert last is None
    finally:
        context.reset(token)
    return looks


def stops_soon(plan, visits):
    """Whether the first tile checks for cancellation at least every 2^25 visited values, and stops when canceled."""
    looks = looks_of(plan)
    for last in {1, min(3, looks.count)}:
        looks_of(plan, last)
    return looks.count >= max(1, visits / 2**25)


def ours():
    """Return the threads of the engine."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("mathimg")]


def same(a, b):
    """Whether two arrays are bitwise identical."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def cut_into(monkeypatch, pixels, side, halos=None):
    """Set the size of the engine's tiles."""
    for module in ENGINE:
        monkeypatch.setattr(module, "tiles", partial(tiles, pixels=pixels, side=side, halos=halos))


def random_boxes(shape, count, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        ends = [np.sort(rng.choice(n + 1, 2, replace=False)).tolist() for n in shape]
        yield tuple((a, b) for a, b in ends)


def gray(dtype, shape=(37, 29)):
    """Return an image over the full range of a dtype, up to 50 bits; floating-point values exceed [0, 1]."""
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
    """An array that records the size of each read, and blocks reads while its gate is closed."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.reads, self.gate = [], threading.Event()
        self.gate.set()

    def __getitem__(self, key):
        assert self.gate.wait(60)
        box = self.array[key]
        self.reads.append(box.size)
        return box


def gray_levels(dtype, shape=(31, 23)):
    """Return an image that covers much of the range of a dtype."""
    image = plane(shape, seed=5)
    scale = {"b": 1, "u": 200, "i": 120, "f": 3}[np.dtype(dtype).kind]
    return (image * scale).round(3).astype(dtype)
