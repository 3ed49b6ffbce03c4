"""Levels on disk: other folders, damage, bounds and a full disk; and the means of images with holes."""

import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import numpy as np
import pytest

from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine.lazy import LevelStore
from napari_mathimg.engine.pyramid import Pyramid, build_pyramid
from planning import gray, same

HALVED = Pyramid((-2, -1), 16, True)
MODULE = import_module("napari_mathimg.engine.lazy.store")


def made(store, image, name="a", ndim=2):
    return run_to_end(store.levels(image, name, ndim, HALVED, threads=1))


def agree(found, image, ndim=2):
    expected = run_to_end(build_pyramid(image, ndim, HALVED))
    return len(found) == len(expected) and all(
        same(np.asarray(a), b) for a, b in zip(found[1:], expected[1:], strict=True)
    )


def entries(folder):
    return sorted(e for e in folder.iterdir() if len(e.name) == 32)


def test_folders_of_others_are_left_alone(tmp_path):
    others = ["Holiday pictures", "0" * 31, "x-1.partial", "0" * 32 + "-1.partial"]
    for name in others:
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "1.npy", np.zeros(10**5))
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / "target").mkdir()
    (tmp_path / ("f" * 32)).symlink_to(tmp_path / "target")
    image = gray("u2", (100, 90))
    store = LevelStore(tmp_path, limit=10**5)
    for name in "abcdefghij":
        made(store, image, name)
    assert store.nbytes <= store.limit
    store.clear()
    assert (store.nbytes, {e.name for e in tmp_path.iterdir()}) == (0, {*others, "target", "f" * 32})
    assert all((tmp_path / name / "1.npy").stat().st_size > 10**5 for name in others)


DAMAGES = {
    "empty": lambda entry: (entry / "1.npy").write_bytes(b""),
    "cut": lambda entry: os.truncate(entry / "2.npy", 200),
    "random": lambda entry: (entry / "1.npy").write_bytes(bytes(range(256)) * 20),
    "missing": lambda entry: (entry / "1.npy").unlink(),
    "no files": lambda entry: [file.unlink() for file in entry.iterdir()],
    "other shape": lambda entry: np.save(entry / "1.npy", np.zeros((3, 3), np.uint16)),
    "other type": lambda entry: np.save(entry / "1.npy", np.zeros((80, 60), np.float32)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_levels_are_computed_anew_and_then_kept(tmp_path, damage):
    image, store = gray("u2", (160, 120)), LevelStore(tmp_path)
    made(store, image)
    DAMAGES[damage](*entries(tmp_path))
    assert store.find(image, "a", 2, HALVED) is None
    assert agree(made(store, image), image)
    assert list(store.levels(image, "a", 2, HALVED)) == [], "kept"
    assert len(list(tmp_path.iterdir())) == 1


def test_axes_that_are_halved_tell_levels_apart(tmp_path):
    image, store = gray("u1", (60, 50, 40)), LevelStore(tmp_path)
    assert [level.shape for level in made(store, image, ndim=2)[1:]] == [(30, 25, 40), (15, 13, 40)]
    assert [level.shape for level in made(store, image, ndim=3)[1:]] == [(60, 25, 20), (60, 13, 10)]
    found = store.find(image, "a", 3, Pyramid((1, 2), 16, True))
    assert found is not None
    assert found[1].shape == (60, 25, 20)


def test_what_does_not_fit_is_computed_in_memory_and_deletes_nothing(tmp_path):
    small, large = gray("u2", (64, 64)), gray("u2", (200, 200))
    store = LevelStore(tmp_path, limit=10**4)
    made(store, small)
    found = made(store, large, "b")
    assert agree(found, large)
    assert not found[1].flags.writeable
    assert store.find(small, "a", 2, HALVED) is not None
    assert store.nbytes <= store.limit
    assert agree(made(LevelStore(tmp_path / "none", limit=0), large), large)


def test_unfinished_levels_count_and_go_when_they_are_old(tmp_path):
    image, store = gray("u2", (64, 64)), LevelStore(tmp_path, limit=10**4)
    unfinished = tmp_path / f"{'a' * 32}-{'b' * 32}.partial"
    unfinished.mkdir()
    np.save(unfinished / "1.npy", np.zeros(10**4))
    made(store, image)
    assert store.find(image, "a", 2, HALVED) is None, "no room beside them"
    os.utime(unfinished, (0, 0))
    made(store, image)
    assert [e.name for e in tmp_path.iterdir()] == [e.name for e in entries(tmp_path)] != []


@pytest.mark.parametrize("has_fallocate", [True, False])
def test_room_on_the_disk_is_taken_before_a_pixel_is_computed(tmp_path, monkeypatch, has_fallocate):
    if not has_fallocate:
        monkeypatch.delattr(MODULE.os, "posix_fallocate", raising=False)
    image, seen = gray("u2", (500, 400)), []
    steps = LevelStore(tmp_path).levels(image, "a", 2, HALVED)
    monkeypatch.setattr(MODULE, "block_of_level", lambda *_: seen.append(files(tmp_path)) or 0)
    run_to_end(steps)
    sizes, shapes = seen[0], [(250, 200), (125, 100), (63, 50), (32, 25), (16, 13)]
    assert [size for size, _ in sizes] == [128 + 2 * a * b for a, b in shapes]
    assert all(on_disk >= size for size, on_disk in sizes)


def files(folder):
    found = sorted(folder.glob("*/*.npy"), key=lambda file: int(file.stem))
    return [(f.stat().st_size, getattr(f.stat(), "st_blocks", 2**40) * 512) for f in found]


def test_a_full_disk_is_told_or_memory_is_used(tmp_path, monkeypatch):
    image, store = gray("u2", (200, 200)), LevelStore(tmp_path)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(MODULE.shutil, "disk_usage", lambda _: usage._replace(free=100))
    assert agree(made(store, image), image)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()

    def full(*_):
        raise OSError(MODULE.errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(MODULE.os, "posix_fallocate", full, raising=False)
    assert agree(made(store, image), image)
    monkeypatch.setattr(MODULE, "memory_at_hand", lambda: 100)
    with pytest.raises(OSError, match=r"must have room for the levels of the image, .*MiB"):
        made(store, image)
    assert list(tmp_path.iterdir()) == []


def test_readers_beside_those_who_delete_get_all_levels(tmp_path):
    images = [gray("u2", (64 + 2 * k, 64)) for k in range(3)]
    store, end = LevelStore(tmp_path, limit=6000), time.monotonic() + 0.7
    failed = threading.Event()

    def read(number):
        rng = np.random.default_rng(number)
        while time.monotonic() < end and not failed.is_set():
            k = int(rng.integers(3))
            if rng.random() < 0.1:
                store.clear()
            elif not agree(made(store, images[k], str(k)), images[k]):
                failed.set()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(read, range(4)))
    assert not failed.is_set()


@pytest.mark.parametrize("on_disk", [True, False])
def test_holes_do_not_grow_from_level_to_level(tmp_path, on_disk):
    rng = np.random.default_rng(0)
    image = (rng.random((700, 701)) + 1).astype(np.float32)
    whole = run_to_end(build_pyramid(image, 2, HALVED))
    holed = image.copy()
    holed[rng.random(image.shape) < 0.01] = np.nan
    holed[:40, :40] = np.inf
    found = made(LevelStore(tmp_path), holed) if on_disk else run_to_end(build_pyramid(holed, 2, HALVED))
    assert np.isnan(found[1][:20, :19]).all(), "covers no finite pixel"
    outside = found[1][20:]
    assert np.isfinite(outside).mean() > 0.999
    rows = np.stack([holed[40:-1:2], holed[41::2]]).astype(float)  # of the even axis; along the other, 701 to 351
    assert outside.shape == (330, 351)
    taps = np.zeros((701, 351))
    fine = np.arange(702)
    for m in range(351):
        a, b = m * 701 / 351, (m + 1) * 701 / 351
        taps[:, m] = np.clip(np.minimum(b, fine[1:]) - np.maximum(a, fine[:-1]), 0, None)
    total = np.where(np.isfinite(rows), rows, 0).sum(0) @ taps
    weight = np.isfinite(rows).sum(0) @ taps
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(outside, np.where(weight > 1e-9, total / weight, np.nan), rtol=1e-5)
    untouched = np.isfinite(rows).all(0) @ (taps > 0) == (taps > 0).sum(0)
    assert same(outside[untouched], whole[1][20:][untouched])
    assert np.isfinite(found[-1]).mean() > 0.98
