"""Arrays in chunks: each chunk is read once a pass and written once, in bounded memory, for the same result."""

import math
import threading
import time
import tracemalloc
from importlib import import_module

import numpy as np
import psutil
import pytest

from cases import BY_NAME, CASES, colored
from napari_mathimg import Options
from napari_mathimg.contract import types as t
from napari_mathimg.contract.operation import POINTWISE, Drop, operation
from napari_mathimg.engine import chunks, prepare, region, report, run
from napari_mathimg.histogram import Region, histogram, histogram_steps, tally
from nightly import each, nightly
from planning import cut_into, gray, label, ours, plan_of, result_of, run_to_end, same

da = pytest.importorskip("dask.array")
zarr = pytest.importorskip("zarr")
kept_module = import_module("napari_mathimg.engine.chunks.kept")
passes = import_module("napari_mathimg.engine.chunks.passes")
kept = kept_module.kept


class Chunked:
    """An array in chunks, and perhaps shards, that counts how often each chunk is read and notes what is kept then."""

    def __init__(self, array, chunks, shards=None):
        self.array, self.shape, self.dtype, self.chunks = array, array.shape, array.dtype, chunks
        self.shards, self.lock, self.kept = shards, threading.Lock(), []
        self.forget()

    def forget(self):
        self.reads = np.zeros([-(-n // c) for n, c in zip(self.shape, self.chunks, strict=True)], int)

    def __getitem__(self, key):
        spans = [range(*k.indices(n)) for k, n in zip(key, self.shape, strict=True)]
        for span, c, n in zip(spans, self.chunks, self.shape, strict=True):
            assert span.start % c == 0, "a part of a chunk is read"
            assert span.stop in (n, -(-span.stop // c) * c), "a part of a chunk is read"
        with self.lock:
            self.reads[
                tuple(slice(s.start // c, -(-s.stop // c)) for s, c in zip(spans, self.chunks, strict=True))
            ] += 1
            self.kept.append(kept.bytes)
        time.sleep(0)  # lets another thread ask for the chunk meanwhile
        return self.array[key]


def counts_of_passes(array, steps):
    """Run a generator; return how often each chunk was read in each of its passes, and the generator's value."""
    counts, before = [], None
    array.forget()
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            return [*counts, array.reads], stop.value
        if before is None or step.phase != before.phase or step.done < before.done:
            counts.append(array.reads)
            array.forget()
        before = step


def both(name, array, threads=2, parameters=None, **options):
    plan = yield from prepare(BY_NAME[name].declared, array, (), Options(**options), parameters, threads)
    return (yield from run(plan, threads=threads))


def bound(monkeypatch, capacity, at_hand=2**40):
    """Set the bytes that are kept of chunks, and the memory at hand, of which passes may fill an eighth."""
    for module in (kept_module, passes):
        monkeypatch.setattr(module, "CAPACITY", capacity)
    monkeypatch.setattr(kept_module, "LARGE", capacity // 4)
    monkeypatch.setattr(kept, "capacity", capacity)
    monkeypatch.setattr(passes, "memory_at_hand", lambda: at_hand)


@operation("Maximum", values="exact", reach=POINTWISE, drops=Drop(merge=np.maximum))
def project(image: t.Image, /) -> t.Image:
    """Return the largest value along an axis."""
    return image.max(0)


EXPECTED: dict = {}


def once(key, compute):
    """Return what is computed for a key the first time."""
    if key not in EXPECTED:
        EXPECTED[key] = compute()
    return EXPECTED[key]


STACK = (8, 110, 130)
LAYOUTS = {
    "planes": ((1, 110, 130), None),
    "volumes": ((5, 110, 130), None),
    "the whole": (STACK, None),
    "small": ((4, 16, 16), None),
    "small planes": ((1, 16, 32), None),
    "odd": ((5, 70, 70), None),
    "shards": ((2, 10, 20), (6, 50, 100)),
}
layouts = pytest.mark.parametrize(("shape", "shards"), LAYOUTS.values(), ids=LAYOUTS)


# Reading


@pytest.mark.parametrize("name", ["gaussian", "equalize_hist", *nightly("adjust_gamma")])
def test_large_planes_of_dask_are_computed_once_a_pass(name):
    """Two planes of 5800 x 5800 pixels, one chunk each: 64 MiB."""
    calls, passes_told = [], set()

    def plane(block_info=None):
        calls.append(block_info[None]["chunk-location"])
        return np.full((1, 5800, 5800), len(calls), np.uint16)

    array = da.map_blocks(plane, chunks=((1, 1), (5800,), (5800,)), dtype="u2")
    calls.clear()
    steps = both(name, array)
    for step in steps:
        passes_told.add(step.phase)
    assert 2 <= len(calls) <= 2 * (len(passes_told - {"Tables"}))


@layouts
@pytest.mark.parametrize(
    ("name", "ndim"),
    [
        ("gaussian", 2), ("equalize_adapthist", 3), *nightly(("gaussian", 3), ("equalize_adapthist", 2)),
        *nightly(*((name, ndim) for name in ("adjust_gamma", "equalize_hist") for ndim in (2, 3))),
    ],
)  # fmt: skip
def test_each_chunk_is_read_once_a_pass(name, ndim, shape, shards, monkeypatch):
    cut_into(monkeypatch, 40**2, 16, halos=1)
    bound(monkeypatch, 2**14)
    image = gray("u2", STACK)
    array = Chunked(image, shape, shards)
    counts, result = counts_of_passes(array, both(name, array, ndim=ndim))
    assert max(reads.max() for reads in counts) == 1
    assert same(result, once((name, ndim), lambda: run_to_end(both(name, image, ndim=ndim))))


@pytest.mark.parametrize(("shape", "shards"), [LAYOUTS[name] for name in ("small planes", "odd", "shards")])
def test_chunks_with_holes_are_read_once_a_pass(shape, shards, monkeypatch):
    cut_into(monkeypatch, 40**2, 16, halos=1)
    bound(monkeypatch, 2**14)
    image = gray("f4", STACK)
    image[np.random.default_rng(0).random(STACK) < 0.01] = np.nan
    array = Chunked(image, shape, shards)
    counts, result = counts_of_passes(array, both("gaussian", array, parameters={"sigma": 2.0}))
    assert max(reads.max() for reads in counts) == 1
    assert same(result, run_to_end(both("gaussian", image, parameters={"sigma": 2.0})))


@pytest.mark.parametrize("shape", [(20, 16, 100), (5, 16, 16)])
def test_chunks_longer_than_a_slab_of_a_dropped_axis_are_read_once(shape, monkeypatch):
    cut_into(monkeypatch, 40**2, 16)
    bound(monkeypatch, 2**12)
    image = gray("u2", (40, 110, 130))
    array = Chunked(image, shape)
    np.testing.assert_array_equal(result_of(plan_of(project, array, ndim=3)), image.max(0))
    assert array.reads.max() == 1


@pytest.mark.parametrize(
    ("name", "passes_made", "options"),
    [
        ("equalize_adapthist", 3, {"statistics": "item"}),
        ("equalize_adapthist", 3, {"statistics": "channel", "axes": (1, 2)}),
        ("adjust_gamma", 2, {"statistics": "channel", "channel_axis": 0, "value_range": ("percentiles", 1, 99)}),
        ("denoise_tv_chambolle", 2, {"statistics": "item", "value_range": "dtype"}),
    ],
)
def test_what_is_measured_of_each_item_or_color_takes_no_pass_for_each(name, passes_made, options, monkeypatch):
    """Percentiles take one pass, and one for the layer; counts and noise two. A chunk holds several items."""
    bound(monkeypatch, 2**10)
    array = Chunked(gray("u2", (3, 110, 130)), (3, 70, 70))
    run_to_end(prepare(BY_NAME[name].declared, array, (), Options(**options), threads=2, axis_names=("c", "y", "x")))
    assert array.reads.max() == passes_made


def test_a_result_in_chunks_is_read_once_for_its_report(monkeypatch):
    cut_into(monkeypatch, 40**2, 16)
    image, psf = np.maximum(gray("u2", (110, 8, 130)), 1), np.ones((3, 3))
    plan = plan_of(BY_NAME["richardson_lucy"].declared, image, psf, axes=(0, 2), parameters={"num_iter": 1})
    result = result_of(plan)
    array = Chunked(result, (70, 5, 70))
    bound(monkeypatch, 2**10)
    assert run_to_end(report(plan, array)) == run_to_end(report(plan, result))
    assert array.reads.max() == 1


@pytest.mark.parametrize(("shape", "shards"), each(LAYOUTS, "planes", "small", "shards"))
def test_windows_read_chunks_at_most_a_third_more_often_where_memory_is_short(shape, shards, monkeypatch):
    cut_into(monkeypatch, 40**2, 16, halos=1)
    bound(monkeypatch, 2**16, at_hand=0)
    array = Chunked(gray("u2", (24, 110, 130)), shape, shards)
    for threads in (1, 2):  # each of which may hold the chunks of a window, however late the other one is
        counts, _ = counts_of_passes(array, both("gaussian", array, threads, {"sigma": 1.0}))
        assert max(reads.mean() for reads in counts) <= 1.3
        window = math.prod(min(-(-n // c), -(-47 // c) + 1) for n, c in zip(STACK[1:], shape[1:], strict=True))
        at_once = window * math.prod(shape) * 2 * threads
        assert max(array.kept) <= max(2**16, at_once) < array.array.nbytes


@layouts
def test_histograms_read_each_chunk_once_a_pass(shape, shards, monkeypatch):
    """The robust range of float32 takes two passes, the range of the data one, and the counts one more."""
    bound(monkeypatch, 2**12)
    monkeypatch.setattr("napari_mathimg.histogram.region.PIXELS", 2**11)
    monkeypatch.setattr("napari_mathimg.histogram.given_edges.PIXELS", 2**11)
    image = gray("f4", STACK)
    array = Chunked(image, shape, shards)
    for limits, passes_made in (("robust", 3), ("data", 2), ((100.0, 3000.0), 1)):
        counts, found = counts_of_passes(array, histogram_steps(array, bins=50, range=limits, threads=2))
        assert len(counts) == passes_made + 1  # with nothing before the first
        assert max(reads.max() for reads in counts) == 1
        np.testing.assert_array_equal(found.counts, histogram(image, bins=50, range=limits).counts)
    array.forget()
    assert tally(Region(array)).between(-math.inf, math.inf) == image.size
    assert array.reads.max() == 1


@pytest.mark.parametrize("late", [0, 0.02])
def test_a_chunk_larger_than_the_bound_is_kept_alone_until_its_last_tile(late, monkeypatch):
    """Also where threads that wait for a chunk go on long after it was read."""
    told = kept_module.wait
    monkeypatch.setattr(kept_module, "wait", lambda *given: (told(*given), time.sleep(late))[0])
    cut_into(monkeypatch, 40**2, 16)
    bound(monkeypatch, 2**12)
    array = Chunked(gray("u2", (6, 150, 190)), (1, 150, 190))
    counts_of_passes(array, both("adjust_gamma", array, 3, value_range="dtype"))
    assert array.reads.max() == 1
    assert max(array.kept) == 150 * 190 * 2, "a chunk is read while another is kept"


def test_what_is_kept_between_passes_is_bounded_and_goes_with_its_array(monkeypatch):
    bound(monkeypatch, 40_000)
    image = gray("f4", (200, 300))
    before = kept.bytes
    array = chunks.with_cached_chunks(Chunked(image, (32, 50)))
    rng = np.random.default_rng(0)
    for _ in range(50):
        (a, b), (c, d) = (np.sort(rng.choice(n + 1, 2, replace=False)) for n in image.shape)
        np.testing.assert_array_equal(array[a:b, c:d], image[a:b, c:d])
        np.testing.assert_array_equal(array[int(a) % 200, c:d], image[int(a) % 200, c:d])
        entries = [*array.owner.idle.values(), *array.owner.needed.values()]
        assert sum(entry.future.result().nbytes for entry in entries) == array.owner.account[0] <= 40_000
    assert kept.bytes > 0
    del array, entries
    with kept.changed:
        kept.trim()
    assert kept.bytes <= before


def test_passes_end_with_nothing_needed_also_when_they_are_closed_or_fail(monkeypatch):
    cut_into(monkeypatch, 40**2, 16)
    array = chunks.with_cached_chunks(Chunked(gray("u2", STACK), (5, 70, 70)))
    plan = plan_of(BY_NAME["gaussian"].declared, array, value_range="dtype")
    steps = run(plan, threads=2)
    next(steps)
    next(steps)
    steps.close()
    assert not array.owner.needed
    assert not array.owner.uses
    assert not ours()
    monkeypatch.setattr(array.array, "array", None)
    with pytest.raises(TypeError):
        result_of(plan)
    assert not array.owner.uses


def test_a_run_that_waits_for_room_can_be_canceled(monkeypatch):
    cut_into(monkeypatch, 40**2, 16)
    bound(monkeypatch, 2**12)
    for _ in range(20):
        array = Chunked(gray("u2", (6, 150, 190)), (1, 150, 190))
        steps = run(plan_of(BY_NAME["invert"].declared, array, value_range="dtype"), threads=5)
        while len(array.kept) < 2:
            next(steps)
        steps.close()
        assert not ours()


def test_a_region_reads_as_before_and_equals_the_run(monkeypatch):
    image = gray("u2", STACK)
    array = Chunked(image, (5, 70, 70))
    plan = plan_of(BY_NAME["gaussian"].declared, array)
    whole = result_of(plan)
    assert same(region(plan, (7,), ((40, 90), (60, 100))), whole[7, 40:90, 60:100])


SEEN: set[str] = set()


def test_dask_arrays_are_computed_in_the_threads_of_the_engine():
    def block(block_info=None):
        SEEN.add(threading.current_thread().name)
        return np.ones((1, 64, 64), np.float32)

    array = da.map_blocks(block, chunks=((1,) * 6, (64,) * 3, (64,) * 3), dtype="f4")
    SEEN.clear()
    result_of(plan_of(BY_NAME["gaussian"].declared, array), threads=2)
    histogram(array)
    assert SEEN
    assert all(name.startswith("mathimg") for name in SEEN)


# Writing


class Stored:
    """An array that is stored in chunks as files are: setting a part of one reads and writes all of it."""

    def __init__(self, shape, dtype, chunks, known=True):
        self.array, self.shape, self.dtype, self.stored = np.zeros(shape, dtype), shape, np.dtype(dtype), chunks
        self.writes = np.zeros([-(-n // c) for n, c in zip(shape, chunks, strict=True)], int)
        self.lock = threading.Lock()
        if known:
            self.chunks = chunks

    def __getitem__(self, key):
        return self.array[key]

    def __setitem__(self, key, value):
        spans = [range(*k.indices(n)) for k, n in zip(key, self.shape, strict=True)]
        ends = [(s.start // c, -(-s.stop // c)) for s, c in zip(spans, self.stored, strict=True)]
        box = tuple(slice(a * c, b * c) for (a, b), c in zip(ends, self.stored, strict=True))
        block = self.array[box].copy()
        block[tuple(slice(s.start - b.start, s.stop - b.start) for s, b in zip(spans, box, strict=True))] = value
        time.sleep(0.0005)  # lets another thread write meanwhile
        self.array[box] = block
        with self.lock:
            self.writes[tuple(slice(a, b) for a, b in ends)] += 1


@pytest.mark.parametrize("stored", [(5, 16, 16), STACK, (4, 100, 33), *nightly(((1, 70, 70),), ((1, 110, 130),))])
@pytest.mark.parametrize("name", ["invert", "gaussian", "rotate", "denoise_tv_bregman", "denoise_wavelet"])
def test_each_chunk_of_a_result_is_written_once(name, stored, monkeypatch):
    cut_into(monkeypatch, 40**2, 16, halos=1)
    plan = plan_of(BY_NAME[name].declared, gray("u2", STACK))
    expected = once(name, lambda: result_of(plan))
    out = Stored(plan.shape, plan.dtype, stored)
    assert run_to_end(run(plan, out, threads=3)) is out
    assert same(out.array, expected)
    assert (out.writes == 1).all()


def test_arrays_that_hide_their_chunks_lose_nothing(monkeypatch):
    cut_into(monkeypatch, 40**2, 16)
    plan = plan_of(BY_NAME["invert"].declared, gray("u2", (150, 190)))
    out = Stored(plan.shape, plan.dtype, (70, 70), known=False)
    run_to_end(run(plan, out, threads=3))
    assert same(out.array, result_of(plan))


def test_cells_that_wait_for_others_are_bounded_and_lose_nothing(monkeypatch):
    writer = import_module("napari_mathimg.engine.chunks.writer")
    monkeypatch.setattr(writer, "OPEN", 2**12)
    monkeypatch.setattr(writer, "FEW", 1)
    cut_into(monkeypatch, 40**2, 16, halos=1)
    plan = plan_of(BY_NAME["denoise_tv_bregman"].declared, gray("u2", STACK))
    for stored in ((5, 33, 70), (12, 47, 47)):
        out = Stored(plan.shape, plan.dtype, stored)
        run_to_end(run(plan, out, threads=3))
        assert same(out.array, result_of(plan))
        assert out.writes.max() > 1


@pytest.mark.parametrize("case", CASES, ids=label)
def test_results_in_chunks_and_shards_equal_those_in_memory(case, monkeypatch):
    cut_into(monkeypatch, 11**2, 8)
    image = gray("u2", (3, 37, 29)) // 2
    options = case.options(dtype="float32")
    image = colored(image) if case.color else image
    further = case.further((37, 29), options.channel_axis)
    array = zarr.array(image, chunks=(2, 9, 14, 1)[: image.ndim])
    plan = run_to_end(prepare(case.declared, array, further, options, case.parameters))
    expected = result_of(plan)
    store = zarr.storage.MemoryStore()
    inner = (1, 7, 5, 1)[: len(plan.shape)]
    shards = (2, 14, 15, 3)[: len(plan.shape)]
    out = zarr.create_array(store=store, shape=plan.shape, chunks=inner, shards=shards, dtype=plan.dtype)
    assert same(run_to_end(run(plan, out, threads=3))[...], expected)


EMPTY = [("u2", 0, None), ("u2", 7, None), ("f4", 0.0, None), ("f4", math.nan, None), ("u2", 0, (16, 32))]


@pytest.mark.parametrize(("dtype", "fill", "shards"), EMPTY)
def test_a_result_is_stored_as_zarr_stores_it_with_chunks_of_the_fill_value_left_out(dtype, fill, shards):
    image = np.full((70, 90), fill, dtype)
    image[10:40, 20] = np.arange(30)
    image[60, 80] = image[0, 64] = 1
    stores = zarr.storage.MemoryStore(), zarr.storage.MemoryStore()
    arrays = [
        zarr.create_array(store=s, shape=image.shape, chunks=(8, 16), shards=shards, dtype=dtype, fill_value=fill)
        for s in stores
    ]
    arrays[0][...] = image
    writer = chunks.ChunkWriter(arrays[1], (16, 32))
    for cell in np.ndindex(writer.grid.shape):
        (a, b), (c, d) = writer.grid.box(cell)
        writer.write(((a, a + 1), (c, d)), image[a : a + 1, c:d])
        writer.write(((a + 1, b), (c, d)), image[a + 1 : b, c:d])
    alone, written = ({key: value.to_bytes() for key, value in s._store_dict.items()} for s in stores)
    assert written == alone
    assert len(alone) < 1 + arrays[0].nchunks


def test_writing_a_chunk_takes_no_multiple_of_its_memory(tmp_path):
    shape = (16, 512, 512)
    array = zarr.create_array(tmp_path, shape=shape, chunks=shape, dtype="u2", compressors=None)
    block = np.ones(shape, np.uint16)
    writer = chunks.ChunkWriter(array, shape)
    tracemalloc.start()
    try:
        writer.write(tuple((0, n) for n in shape), block)
        assert tracemalloc.get_traced_memory()[1] < block.nbytes / 4
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(array[...], block)


def test_memory_of_chunks_that_are_dropped_goes_back_to_the_system():
    """Also where the allocator has seen large blocks freed, after which it keeps smaller ones."""
    np.ones(2**24, np.uint8).sum()
    source = Chunked(np.ones((64, 2**19), np.uint8), (1, 2**19))
    array = chunks.with_cached_chunks(source)
    array[0:64, 0 : 2**19]
    process = psutil.Process()
    before = process.memory_info().rss
    with kept.changed:
        for chunk in list(array.owner.idle)[::2]:
            kept.drop_idle(array.owner, chunk)
    assert before - process.memory_info().rss > 0.9 * 2**24
