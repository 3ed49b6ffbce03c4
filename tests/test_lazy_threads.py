"""Lazy arrays and threads: chunks that need other threads, memory for whole images, and processes that are forked."""

import gc
import subprocess
import sys
import threading
import time
import weakref
from importlib import import_module

import numpy as np
import pytest

from napari_mathimg import Options, apply, lazy
from napari_mathimg.engine import LazyArray, TileCache
from napari_mathimg.engine.run import largest_block
from planning import gray, same

GIVEN = Options(value_range=(0, 255))


@pytest.fixture
def large_chunks(monkeypatch):
    """Chunks of 256 KiB are large, and a reader outside of tasks gets more threads for more than one tile."""
    monkeypatch.setattr(import_module("napari_mathimg.engine.chunks.kept"), "LARGE", 2**18)
    monkeypatch.setattr(import_module("napari_mathimg.engine.lazy.array"), "cores", lambda: 4)


def ended(*readers):
    """Run functions, each in a thread, and return what they return; fail if they wait for each other."""
    found = {}
    threads = [
        threading.Thread(target=lambda k=k, read=read: found.__setitem__(k, read()), daemon=True)
        for k, read in enumerate(readers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == list(range(len(readers))), "some wait for each other"
    return [found[k] for k in range(len(readers))]


READS = {
    "one tile": lambda image: lazy(image, "invert", options=GIVEN)[100:140, 90:130],
    "tiles": lambda image: lazy(image, "invert", options=GIVEN)[:600][100:140, 90:130],
    "apply": lambda image: apply(image, "invert", options=GIVEN)[100:140, 90:130],
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("inside", ["tiles", "run", "whole"])
def test_large_chunks_that_compute_large_chunks_in_other_threads_are_read(read, inside, large_chunks):
    da = pytest.importorskip("dask.array")
    image = gray("u1", (1024, 512))
    base = da.from_array(image, chunks=(512, 512))
    expected = apply(image, "gaussian", sigma=1.0, options=GIVEN)
    if inside == "tiles":
        outer = da.from_array(lazy(base, "gaussian", sigma=1.0, options=GIVEN), chunks=(512, 512))
    elif inside == "run":
        outer = da.zeros((512, 512), "u1", chunks=(512, 512)).map_blocks(
            lambda _: apply(base, "gaussian", sigma=1.0, options=GIVEN)[:512], dtype="u1", meta=np.zeros((0, 0), "u1")
        )
    else:
        blurred = LazyArray(lazy(base, "gaussian", sigma=1.0, options=GIVEN).plan, TileCache(0))
        outer = da.from_delayed(import_module("dask").delayed(np.asarray)(blurred), (1024, 512), "u1")
    (found,) = ended(lambda: READS[read](outer))
    assert same(np.asarray(found), 255 - expected[100:140, 90:130])


def test_two_readers_of_each_other_s_large_chunks_go_on(large_chunks):
    da = pytest.importorskip("dask.array")
    image = gray("u1", (1024, 1024))
    outer = da.from_array(lazy(da.from_array(image, chunks=(512, 512)), "gaussian", sigma=2.0), chunks=(512, 512))
    array = lazy(outer, "median", options=GIVEN, size=3)
    expected = apply(apply(image, "gaussian", sigma=2.0), "median", options=GIVEN, size=3)
    for _ in range(3):
        array.cache.clear()
        keys = [np.s_[400:420, 400:420], np.s_[600:620, 500:520], np.s_[:, 510], np.s_[::-7]]
        for key, found in zip(keys, ended(*(lambda key=key: array[key] for key in keys)), strict=True):
            assert same(found, expected[key])


@pytest.fixture
def blocks(monkeypatch):
    """The blocks that are computed at a time, the most of them last; all are looked at."""
    blocks, room = (import_module(f"napari_mathimg.engine.lazy.{name}") for name in ("blocks", "room"))
    monkeypatch.setattr(room, "SMALL", 0)
    running, lock, real = [0, 0], threading.Lock(), blocks.compute_block

    def compute(plan, *args, **named):
        counts = plan.operation.id == "wiener"
        with lock:
            running[0] += counts
            running[1] = max(running)
        try:
            if counts:
                time.sleep(0.02)
            return real(plan, *args, **named)
        finally:
            with lock:
                running[0] -= counts

    monkeypatch.setattr(blocks, "compute_block", compute)
    return running


def wiener(image):
    return lazy(image, "wiener", np.ones((5, 5)) / 25, options=Options(value_range=(0, 1)))


@pytest.mark.parametrize("at_once", [1, 3])
def test_readers_compute_as_many_whole_images_at_a_time_as_memory_holds(at_once, blocks, monkeypatch):
    image = gray("f4", (8, 90, 80))
    array = wiener(image)
    room = import_module("napari_mathimg.engine.lazy.room")
    one = largest_block(array.plan)
    monkeypatch.setattr(room, "memory_at_hand", lambda: one * at_once)
    found = ended(*(lambda k=k: array[k] for k in range(8)))
    assert same(np.stack(found), apply(image, "wiener", np.ones((5, 5)) / 25, options=Options(value_range=(0, 1))))
    assert 1 <= blocks[1] <= at_once
    assert room.room._held == {}


def test_chains_of_whole_images_neither_stop_nor_wait_for_each_other(blocks, monkeypatch):
    image = gray("f4", (3, 90, 80))
    first = wiener(image)
    second = wiener(first)
    one = largest_block(second.plan)
    assert one > largest_block(first.plan) * 1.5, "it holds that of its image too"
    monkeypatch.setattr(import_module("napari_mathimg.engine.lazy.room"), "memory_at_hand", lambda: one)
    expected = wiener(wiener(image)[...])[...]
    for _ in range(3):
        first.cache.clear()
        readers = [*(lambda k=k: second[k] for k in range(3)), *(lambda k=k: first[k] for k in (2, 1, 0))]
        found = ended(*readers)
        assert same(np.stack(found[:3]), expected)


def test_a_whole_image_that_memory_does_not_hold_is_refused_in_words(blocks, monkeypatch):
    array = wiener(gray("f4", (2, 90, 80)))
    monkeypatch.setattr(import_module("napari_mathimg.engine.lazy.room"), "memory_at_hand", lambda: 10**5)
    for read in (lambda: array[0, 0, 0], lambda: lazy(array, "invert", options=GIVEN)[0, 0, 0]):
        with pytest.raises(ValueError, match=r"wiener: a block of 90 . 80 pixels needs .*GiB, but .* are free"):
            read()


def test_every_nth_pixel_of_a_curve_is_computed_in_all_threads(monkeypatch):
    blocks, array = (import_module(f"napari_mathimg.engine.lazy.{name}") for name in ("blocks", "array"))
    for module in (blocks, array):
        monkeypatch.setattr(module, "cores", lambda: 4)
    parts, real = [], blocks.compute_block
    monkeypatch.setattr(blocks, "compute_block", lambda *args, **named: parts.append(args[2]) or real(*args, **named))
    image = gray("u2", (1000, 900))
    found = lazy(image, "adjust_gamma", gamma=0.5)[1::3, ::2]
    assert same(found, apply(image, "adjust_gamma", gamma=0.5)[1::3, ::2])
    assert len(parts) >= 4


def test_tiles_end_with_their_array_at_once():
    cache = TileCache()
    array = LazyArray(lazy(gray("u1", (300, 300)), "gaussian", sigma=1.0).plan, cache)
    tiles = [weakref.ref(array.cache.get((array._number, part), lambda: np.zeros(10**5))) for part in range(3)]
    assert all(tile() is not None for tile in tiles)
    del array
    gc.collect()
    assert [tile() for tile in tiles] == [None] * 3


FORKED = """
import os, signal, sys, threading, warnings
import numpy as np
from napari_mathimg import lazy, Options
warnings.simplefilter("ignore")

class Base:
    shape, dtype, ndim, chunks = (300, 300), np.dtype(np.uint8), 2, (100, 100)
    begun, gate = threading.Event(), threading.Event()
    def __getitem__(self, key):
        self.begun.set()
        assert self.gate.wait(60)
        return np.zeros(self.shape, np.uint8)[key]

array = lazy(Base(), "gaussian", sigma=1.0, options=Options(value_range=(0, 255)))
thread = threading.Thread(target=lambda: array[0, 0])
thread.start()
assert Base.begun.wait(60)
child = os.fork()
Base.gate.set()
if child == 0:
    signal.alarm(30)
    os._exit(int(array[0, 0]) + 7)
thread.join()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="processes are not forked there")
def test_a_forked_process_does_not_wait_for_threads_that_it_does_not_have():
    assert subprocess.run([sys.executable, "-c", FORKED], timeout=100).returncode == 7
