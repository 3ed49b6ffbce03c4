"""Lazy arrays: every pixel as a run computes it, whatever is read of it, in whatever order and by how many threads."""

import gc
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import numpy as np
import pytest

from cases import BY_NAME, CASES, colored
from napari_mathimg import Options, apply, lazy, operations
from napari_mathimg.contract import types as t
from napari_mathimg.contract.operation import POINTWISE, Drop, operation
from napari_mathimg.contract.progress import context, run_to_end
from napari_mathimg.engine import Canceled, Facts, LazyArray, TileCache, prepare, run
from napari_mathimg.engine.chunks import kept
from nightly import nightly
from planning import Looks, cut_into, gray, label, ours, plan_of, result_of, same

blocks = import_module("napari_mathimg.engine.lazy.blocks")
array_module = import_module("napari_mathimg.engine.lazy.array")
SIDE = 11


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    """Tiles so small that each of these images has several, fixed ones too."""
    cut_into(monkeypatch, SIDE**2, 8)
    monkeypatch.setattr(blocks, "PIXELS", {1: SIDE**2, 2: SIDE**2, 3: SIDE**2})
    monkeypatch.setattr(blocks, "HALOS", 2)
    monkeypatch.setattr(array_module, "SINGLE", 4 * SIDE**2)


def holed(dtype="f4", shape=(37, 29)):
    image = gray(dtype, shape)
    image[..., 3, 5], image[..., 20, :9], image[..., 30, 11] = np.nan, np.inf, -np.inf
    return image


INPUTS = {
    "u2": (gray("u2"), {}),
    "holes": (holed(), {}),
    "stack": (gray("u1", (3, 23, 19)), {"statistics": "item"}),
    "RGB": (colored(gray("u1")), {"channel_axis": -1}),
    "volume": (gray("f4", (13, 15, 14)), {"ndim": 3}),
    "f8": (gray("f8"), {"value_range": (0.1, 0.7)}),
    "channels first": (np.moveaxis(colored(gray("u2", (2, 23, 19))), -1, 0), {"channel_axis": 0}),
    "axes": (gray("u1", (23, 3, 19)), {"axes": (2, 0)}),
    "scope": (gray("f4", (4, 23, 19)), {"scope": {0: (1, 3)}}),
    "float32": (gray("u1"), {"dtype": "float32"}),
}
DAILY = ("u2", "holes", "stack")


def of(case, name):
    """Return an input as an operation takes it, with its further images and options."""
    image, options = INPUTS[name]
    if case.color and "channel_axis" not in options:
        image, options = colored(image), {**options, "channel_axis": -1}
    if image.dtype.kind in "if" and (case.photons or case.light):
        image = np.maximum(image, 1 if case.light else 0).astype(image.dtype)
    options = Options(**options)
    return image, case.further(options.source(image).item, options.channel_axis), options


def random_key(shape, rng):
    """Return a key of integers, slices with any step, lists and Ellipsis."""
    key = []
    for n in shape:
        kind = rng.integers(6)
        a, b = sorted(rng.integers(-n, n + 1, 2).tolist())
        if kind == 0:
            key.append(int(rng.integers(-n, n)))
        elif kind == 1:
            key.append(slice(None, None, int(rng.choice([-5, -1, 1, 2, 7]))))
        elif kind == 2 and not any(isinstance(k, list) for k in key):
            key.append(rng.integers(-n, n, 3).tolist())
        else:
            key.append(slice(a, b, int(rng.choice([1, 1, 3]))))
    if rng.integers(3) == 0:
        key = [*key[:-1], Ellipsis] if rng.integers(2) else [Ellipsis, *key[1:]]
    return tuple(key)


def agrees(array, whole, count=8, seed=0):
    """Whether some parts of a lazy array equal those of its result to the bit."""
    assert (array.shape, array.dtype) == (whole.shape, whole.dtype)
    rng = np.random.default_rng(seed)
    for _ in range(count):
        key = random_key(whole.shape, rng)
        assert same(np.asarray(array[key]), np.asarray(whole[key])), key
    return True


def eager(image, name, images=(), options=None, parameters=None):
    return apply(image, name, *images, options=options, **(parameters or {}))


BOTH = [(c, name) for name in INPUTS for c in CASES if INPUTS[name][1].get("ndim", 2) in c.ndims]
EACH = [(c, name) for c, name in BOTH if name == "u2" or (name in DAILY and (CASES.index(c) + DAILY.index(name)) % 2)]
MORE = [both for both in BOTH if both not in EACH]


@pytest.mark.parametrize(("case", "name"), [*EACH, *nightly(*MORE)], ids=label)
def test_parts_of_every_operation_equal_those_of_the_run(case, name):
    image, further, options = of(case, name)
    whole = eager(image, case.operation, further, options, case.parameters)
    array = lazy(image, case.operation, *further, options=options, **case.parameters)
    assert agrees(array, whole)
    assert same(np.asarray(array), whole)


@pytest.mark.parametrize("case", CASES, ids=label)
@pytest.mark.parametrize("parameters", nightly(*range(3)))
def test_variants_of_every_operation_too(case, parameters):
    for name in ("u2", "holes"):
        if parameters < len(case.variants):
            image, further, options = of(case, name)
            given = case.variants[parameters]
            whole = eager(image, case.operation, further, options, given)
            assert agrees(lazy(image, case.operation, *further, options=options, **given), whole)


# Keys


def middle(dtype="f4", shape=(4, 37, 29), name="gaussian"):
    image = gray(dtype, shape)
    return lazy(image, name), apply(image, name)


def test_it_is_indexed_as_a_numpy_array_is():
    array, whole = middle()
    mask = np.arange(37) % 5 == 1
    keys = [
        0, -1, np.int64(2), (1, 2, 3), (..., 3), (None, 1), (1, None, ..., None), (slice(None, None, -2), 3),
        ([3, 0, 3], slice(2, 5), 7), (0, slice(None), [1, 2]), ([0, 1], [2, 3], [4, 5]), (2, mask), [], slice(3, 3),
        (np.array([[0, 1], [2, 3]]), 5), (slice(50, 90), 0), whole > whole.mean(),
        (np.array([True, False, True, True]), ...), (..., whole[0] > whole.mean()), (whole > whole.mean(), ...),
        (..., np.arange(29) % 7 == 3, None), (range(1, 3), ..., [4, 5]), (slice(None), whole[1] > 1, ...), [[]],
    ]  # fmt: skip
    for key in keys:
        found = array[key]
        assert type(found) is type(whole[key]), key
        assert same(np.asarray(found), np.asarray(whole[key])), key
    assert len(array) == 4
    assert same(np.stack(list(array)), whole)
    assert (array.ndim, array.size, array.nbytes) == (whole.ndim, whole.size, whole.nbytes)


def test_points_are_read_tile_by_tile(monkeypatch):
    array, whole = middle("u1", (3, 700, 650))
    module, tiles, rng = import_module("napari_mathimg.engine.lazy.array"), [], np.random.default_rng(0)
    real = module.compute_tile
    monkeypatch.setattr(module, "compute_tile", lambda plan, *at: tiles.append(at) or real(plan, *at))
    n = np.arange(0, 650, 3)
    assert same(array[1, n, n], whole[1, n, n])
    assert len(tiles) <= 60, "on the diagonal of 64 x 60 tiles"
    y, x = rng.integers(-700, 700, (5, 8)), rng.integers(-650, 650, (5, 8))
    t = rng.integers(0, 3, (5, 8))
    sparse = np.zeros((700, 650), bool)
    sparse[y, x] = True
    keys = [
        (0, y, x), (slice(None), y, x), (t, slice(3, 90, 4), x), (t, y, x), (..., y, x), (t[0], None, y[0], x),
        (t, y, slice(None, None, -9)), (None, 2, y, x, None), (y % 3, slice(5), x),
        (slice(None), sparse), (..., sparse),
    ]  # fmt: skip
    for key in keys:
        assert same(np.asarray(array[key]), np.asarray(whole[key]))
    huge = lazy(np.broadcast_to(np.uint8(3), (400_000, 400_000)), "gaussian", sigma=1.0)
    n = np.arange(0, 400_000, 100_000)
    assert np.all(huge[n, n] == 3)


@pytest.mark.parametrize(
    "key",
    [
        4,
        -5,
        (0, 37),
        (0, 0, 0, 0),
        (..., ...),
        ([9],),
        1.0,
        "a",
        True,
        ([0.5],),
        np.array([]),
        ([0, 1], range(9), range(7)),
        (..., [True, False]),
    ],
    ids=str,
)
def test_keys_that_do_not_fit_are_refused_as_by_numpy(key):
    array, whole = middle()
    with pytest.raises(IndexError):
        array[key]
    if key is not True:
        with pytest.raises(IndexError):
            whole[key]


def test_what_is_read_can_be_changed_without_a_change_of_the_array():
    array, whole = middle()
    for key in (0, slice(None), (0, slice(0, 8), slice(0, 8))):
        array[key][...] = -1
    assert same(array[...], whole)


def test_numpy_takes_it_for_an_array():
    array, whole = middle("u1")
    assert same(np.asarray(array, np.float64), whole.astype(float))
    assert same(np.add(array, 1), whole + 1)
    with pytest.raises(ValueError, match="copy=False"):
        np.asarray(array, copy=False)
    assert "gaussian" in repr(array)
    assert str(array.shape) in repr(array)


# What is computed


class Counted:
    """An array, in chunks or not, that counts how often each pixel is read."""

    def __init__(self, array, chunks=None):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.reads, self.lock = np.zeros(array.shape, int), threading.Lock()
        if chunks:
            self.chunks = chunks

    def __getitem__(self, key):
        with self.lock:
            self.reads[key] += 1
        return self.array[key]


def test_a_part_reads_no_more_than_its_tiles_need():
    source = Counted(gray("u2", (5, 64, 64)))
    array = lazy(source, "median", size=3)
    assert not source.reads.any()
    array[2, 12:16, 30:34]
    tile = array.chunks[1:]
    assert not source.reads[[0, 1, 3, 4]].any()
    rows, columns = (np.flatnonzero(source.reads[2].any(axis)) for axis in (1, 0))
    assert (np.ptp(rows), np.ptp(columns)) <= (2 * tile[0] + 1, 2 * tile[1] + 1)
    before = source.reads.sum()
    array[2, 12:16, 30:34]
    assert source.reads.sum() == before, "tiles are kept"


def test_every_nth_pixel_alone_is_computed_through_a_chain_of_curves(monkeypatch):
    source = Counted(gray("f4", (64, 64)))
    given = Options(value_range=(-1, 2))
    chain = lazy(lazy(source, "invert", options=given), "clip", options=given, low=0.2, high=0.9)
    assert not source.reads.any()
    whole = apply(apply(source.array, "invert", options=given), "clip", options=given, low=0.2, high=0.9)
    seen, compute = [], blocks.compute_block
    monkeypatch.setattr(blocks, "compute_block", lambda *a, **k: seen.append(k.get("spacing")) or compute(*a, **k))
    assert same(chain[3:60:8, ::-16], whole[3:60:8, ::-16])
    assert seen == [(8, 16)] * 2, "what lies between is not"


def test_tiles_are_kept_within_a_bound_of_all_arrays_together():
    image, cache = gray("f4", (64, 64)), TileCache(5000)
    plans = [plan_of(operations()["median"], image, parameters={"size": size}) for size in (3, 5)]
    first, second = (LazyArray(plan, cache) for plan in plans)
    wholes = [result_of(plan) for plan in plans]
    for key in (np.s_[:20, :20], np.s_[30:, 30:], np.s_[...]):
        for array, whole in zip((first, second), wholes, strict=True):
            assert same(array[key], whole[key])
            assert 0 < cache.nbytes <= 5000
    del first, second, array
    gc.collect()
    assert cache.nbytes == 0, "they end with their arrays"
    assert agrees(LazyArray(plans[0], TileCache(0)), wholes[0])


def test_it_is_refused_in_words_what_memory_does_not_hold():
    class Endless:
        shape, dtype = (2**20, 2**20), np.dtype("u2")

        def __getitem__(self, key):
            raise AssertionError("read")

    array = lazy(Endless(), "gaussian")
    for read in (np.asarray, lambda x: x[...], lambda x: x[:, ::2], lambda x: run_to_end(x.compute())):
        with pytest.raises(ValueError, match="memory"):
            read(array)
    with pytest.raises(ValueError, match="items"):
        LazyArray(run_to_end(prepare(operations()["invert"], gray("u1", (3, 9, 9)), items=[(1,)])))


# Chains


def steps_of(rng, length, ndim, colors):
    """Return random operations on the image alone, with the parameters of their cases."""
    names = [
        "rescale", "rotate", "swirl", "crop", "clip", "invert", "adjust_gamma", "adjust_sigmoid", "equalize_hist",
        "equalize_adapthist", "gaussian", "median", "denoise_bilateral", "denoise_tv_chambolle", "denoise_nl_means",
        "denoise_wavelet", "wiener_filter", "random_noise_gaussian", "blur_box", "blur_motion", "rescale_intensity",
    ]  # fmt: skip
    fitting = [n for n in names if n in BY_NAME and ndim in BY_NAME[n].ndims]
    return [BY_NAME[str(rng.choice(fitting))] for _ in range(length)]


def chained(image, steps, options):
    """Return the results of a chain of steps, lazy and eager."""
    array, whole = image, image
    for case in steps:
        parameters = {} if case.operation == "crop" else case.parameters
        array = lazy(array, case.operation, options=options, **parameters)
        whole = eager(whole, case.operation, (), options, parameters)
    return array, whole


CHAINED = {
    "u1": (gray("u1"), {}),
    "f4": (holed(), {}),
    "stack": (gray("u2", (2, 31, 27)), {"statistics": "item"}),
    "RGB": (colored(gray("u1")), {"channel_axis": -1}),
    "volume": (gray("f4", (13, 15, 14)), {"ndim": 3}),
    "f8": (gray("f8"), {}),
}


@pytest.mark.parametrize("name", CHAINED)
@pytest.mark.parametrize("seed", [0, *nightly(*range(1, 20))])
def test_random_chains_equal_the_steps_one_after_the_other(name, seed):
    image, options = CHAINED[name]
    rng = np.random.default_rng([seed, len(name)])
    steps = steps_of(rng, int(rng.integers(2, 7)), options.get("ndim", 2), "channel_axis" in options)
    array, whole = chained(image, steps, Options(**options))
    assert agrees(array, whole, seed=seed), [case.operation for case in steps]


def test_a_chain_reads_its_source_once_and_counts_each_statistic_once(monkeypatch):
    """Three steps that take the range of their image, of which one counts a histogram: one pass for each, no more."""
    source = Counted(gray("u2", (64, 64)), (16, 16))
    first = lazy(source, "gaussian", sigma=1.0)
    assert source.reads.max(initial=0) == 0
    second = lazy(first, "equalize_hist")
    assert source.reads.max() == source.reads.min() == 1, "the pass of the range reads it"
    third = lazy(second, "adjust_gamma", gamma=0.5)
    computed = []
    monkeypatch.setattr(blocks, "compute_block", lambda *a, **k: pytest.fail("computed twice"))
    for _ in range(2):
        computed.append(lazy(second, "adjust_gamma", gamma=0.8))
        computed.append(lazy(first, "equalize_hist"))
    monkeypatch.undo()
    assert source.reads.max() == 1
    given = Options(value_range=(0, 65535))
    lazy(lazy(third, "invert", options=given), "adjust_log", options=given)
    whole = apply(apply(source.array, "gaussian", sigma=1.0), "equalize_hist")
    assert same(third[...], apply(whole, "adjust_gamma", gamma=0.5))


def test_where_ranges_are_given_a_chain_is_prepared_without_reading():
    source = Counted(gray("u2", (64, 64)))
    chain, expected, given = source, source.array, Options(value_range=(9000, 40000))
    for name in ("gaussian", "adjust_gamma", "median", "adjust_sigmoid"):
        before, expected = expected, apply(expected, name, options=given)
        chain = lazy(chain, name, options=given)
    assert not source.reads.any()
    assert chain.plan.saturated is None
    done = run_to_end(chain.compute())
    assert done.saturated == plan_of(operations()["adjust_sigmoid"], before, value_range=(9000, 40000)).saturated
    given = Options(value_range=(20000, 30000))
    done = run_to_end(lazy(source, "adjust_gamma", options=given).compute())
    assert done.saturated == np.count_nonzero((source.array < 20000) | (source.array > 30000)) > 0
    assert done.losses.below == done.losses.above == 0
    assert same(run_to_end(chain.compute(threads=1)).array, expected)


def test_facts_of_lazy_images_hold_where_others_are_digested():
    image, facts = gray("f4", (40, 40)), Facts()
    first = lazy(image, "median")
    for trust in ("digest", "digest"):
        steps = list(prepare(operations()["equalize_hist"], first, facts=facts, trust=trust))
    assert steps == [], "counted again"
    image[0] = 5
    phases = {p.phase for p in prepare(operations()["equalize_hist"], image, facts=facts, trust="digest")}
    assert phases


@pytest.mark.parametrize("name", ["equalize_hist", "match_histograms"])
def test_pixels_that_were_not_there_when_they_were_counted_take_the_rank_of_those_below(name):
    """Three clusters of values, counted in cells of their own; then the image is changed."""
    rng = np.random.default_rng(0)
    image = (rng.choice([1.0, 5.0, 1000.0], (60, 60)) + 1e-3 * rng.random((60, 60))).astype("f4")
    further = [rng.random((30, 30))] if name == "match_histograms" else []
    array = lazy(image, name, *further, options=Options(value_range=(0, 1001)))
    before = np.asarray(array).copy()
    middle = before[np.abs(image - 5) < 1].max()
    image[...] = rng.uniform(6, 999, image.shape)
    np.testing.assert_allclose(np.asarray(LazyArray(array.plan)), middle, rtol=1e-3)
    image[...] = np.sort(rng.uniform(-1e6, 1e6, image.size).astype("f4")).reshape(image.shape)
    found = np.asarray(LazyArray(array.plan)).ravel()
    assert np.all(np.diff(found) >= 0)
    assert before.min() * 0.99 - 1 <= found.min() <= found.max() <= before.max() + 1e-3


# Threads


@pytest.mark.parametrize("limit", [2**28, 3000])
def test_six_threads_at_once(limit):
    image = gray("f4", (3, 40, 40))
    plan = plan_of(operations()["gaussian"], image)
    first = LazyArray(plan, TileCache(limit))
    array = LazyArray(plan_of(operations()["denoise_tv_chambolle"], first, parameters={"num_iter": 5}), first.cache)
    whole = result_of(plan_of(operations()["denoise_tv_chambolle"], result_of(plan), parameters={"num_iter": 5}))
    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(lambda seed: agrees(array, whole, 12, seed), range(6)))


def test_a_tile_is_computed_once_however_many_threads_ask(monkeypatch):
    array, whole = middle(shape=(40, 40))
    counts, barrier = [], threading.Barrier(6)
    compute = blocks.compute_block
    monkeypatch.setattr(blocks, "compute_block", lambda *a, **k: counts.append(a[1:]) or compute(*a, **k))

    def read(_):
        barrier.wait(60)
        return array[...]

    with ThreadPoolExecutor(6) as pool:
        assert all(same(found, whole) for found in pool.map(read, range(6)))
    assert len(counts) == len(set(counts))


class Gated:
    """An array whose reads wait, each telling that it has begun."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.begun, self.gate, self.failures = threading.Semaphore(0), threading.Event(), []

    def __getitem__(self, key):
        self.begun.release()
        assert self.gate.wait(60)
        if self.failures:
            raise self.failures.pop()
        return self.array[key]


@pytest.mark.parametrize("failure", [Canceled(), OSError("disk")], ids=["canceled", "failed"])
@pytest.mark.parametrize("waits_for", ["tile", "chunk"])
def test_what_ends_one_reader_never_reaches_another(failure, waits_for, monkeypatch):
    """Also where they share a chunk, but no tile: two lazy arrays of one plan."""
    source = Gated(gray("u2", (8, 8)))
    if waits_for == "chunk":
        source.chunks = (8, 8)
    plan = lazy(source, "median").plan
    arrays = [LazyArray(plan)] * 2 if waits_for == "tile" else [LazyArray(plan), LazyArray(plan)]
    waited, waiting = threading.Event(), type(kept).waiting
    monkeypatch.setattr(type(kept), "waiting", lambda own: waited.set() or waiting(own))
    with ThreadPoolExecutor(2) as pool:
        source.failures.append(failure)
        first = pool.submit(lambda: arrays[0][...])
        assert source.begun.acquire(timeout=60)
        second = pool.submit(lambda: arrays[1][...])
        assert waited.wait(60)
        source.gate.set()
        with pytest.raises(type(failure)):
            first.result(60)
        assert same(second.result(60), apply(source.array, "median"))


def test_a_run_over_a_chain_computes_in_its_own_threads(monkeypatch):
    monkeypatch.setattr(array_module, "SINGLE", 0)
    chain = lazy(lazy(gray("f4", (64, 64)), "gaussian"), "median")
    seen, compute = set(), blocks.compute_block

    def noted(*args, **kwargs):
        seen.add(threading.current_thread().name.rpartition("_")[0])
        assert len(ours()) <= 2
        return compute(*args, **kwargs)

    monkeypatch.setattr(blocks, "compute_block", noted)
    plan = plan_of(operations()["blur_box"], chain, parameters={"size": 3})
    run_to_end(run(plan, threads=2))
    assert seen == {"mathimg"}
    assert ours() == []


def test_canceling_reaches_through_a_chain():
    chain = lazy(lazy(gray("f4", (64, 64)), "gaussian"), "median")
    plan = plan_of(operations()["blur_box"], chain, parameters={"size": 3})
    looks = Looks(last=5)
    token = context.set(looks)
    try:
        with pytest.raises(Canceled):
            LazyArray(plan)[...]
    finally:
        context.reset(token)
    assert looks.told == [], "the progress of a tile is none of the task"
    steps = run(plan, threads=2)
    next(steps)
    steps.close()
    assert ours() == []
    assert same(LazyArray(plan)[...], result_of(plan))


# Other arrays


@operation("Maximum", values="exact", reach=POINTWISE, drops=Drop(merge=np.maximum))
def project(image: t.Image, /) -> t.Image:
    """Return the largest value along an axis."""
    return image.max(0)


def test_results_of_every_form_are_read_alike():
    """Values per index, an axis dropped, frames added, and further images that are lazy themselves."""
    stack = gray("u2", (3, 21, 27))
    per = {"sigma": {"per": 0, "values": [1.0, 2.0, 0.5]}}
    assert agrees(lazy(stack, "gaussian", **per), apply(stack, "gaussian", **per))
    plan = plan_of(project, gray("u1", (2, 9, 21, 20)), ndim=3)
    assert agrees(LazyArray(plan), result_of(plan))
    psf = np.array([[0, 1.0, 0], [1, 2, 1], [0, 1, 0]]) / 6
    given = {"num_iter": 4, "keep_every": 2}
    for dtype in ("f4", "u1"):
        image = gray(dtype, (2, 21, 27))
        image = np.abs(image).astype(dtype)
        assert agrees(lazy(image, "richardson_lucy", psf, **given), apply(image, "richardson_lucy", psf, **given))
    flat = lazy(np.abs(gray("f4")) + 1, "gaussian")
    image = gray("u2")
    assert agrees(lazy(image, "flat_field", flat), apply(image, "flat_field", flat[...]))


def test_names_of_axes_go_along():
    class Named:
        def __init__(self, array, dims):
            self.array, self.dims, self.shape, self.dtype = array, dims, array.shape, array.dtype

        def __getitem__(self, key):
            return self.array[key]

    image = gray("u1", (2, 4, 15, 14))
    array = lazy(Named(image, ("c", "z", "y", "x")), "median", options=Options(axes=("y", "x")))
    assert array.dims == ("c", "z", "y", "x")
    options = Options(axes=("z", "y", "x"), scope={"c": 1}, statistics="channel")
    onward = lazy(array, "gaussian", options=options)
    expected = apply(apply(image, "median"), "gaussian", options=Options(ndim=3, scope={0: 1}))
    assert agrees(onward, expected)
    assert lazy(image, "median").dims == ()
    colors = Named(colored(image[0]), ("t", "y", "x", "rgb"))
    assert lazy(colors, "median", options=Options(channel_axis=-1)).dims == ("t", "y", "x", "rgb")


def test_dask_and_zarr_take_it_as_it_is():
    da, zarr = pytest.importorskip("dask.array"), pytest.importorskip("zarr")
    array, whole = middle("u2", (3, 70, 50))
    of_dask = da.from_array(array)
    assert same(of_dask.compute(), whole)
    assert all(set(ours) <= {k * own for k in range(1, n + 1)} | {n} for ours, own, n in zip(
        (c[:1] for c in of_dask.chunks), array.chunks, array.shape, strict=True))  # fmt: skip
    assert da.from_array(array).name == of_dask.name, "named without reading it"
    assert same(da.from_array(array, chunks=array.chunks)[1, ::-3].sum(0).compute(), whole[1, ::-3].sum(0))
    stored = zarr.create_array({}, shape=array.shape, dtype=array.dtype, chunks=array.chunks)
    da.from_array(array, chunks=stored.chunks).store(stored, lock=False)
    assert same(stored[...], whole)
    stored[...] = 0
    run_to_end(run(array.plan, out=stored))
    assert same(stored[...], whole)
    for k in range(3):
        stored[k] = array[k]
    assert same(stored[...], whole)
    assert same(zarr.create_array({}, data=array, chunks=array.chunks)[...], whole)
    again = lazy(da.from_array(array, chunks=(1, 20, 20)), "median", size=3)
    assert agrees(again, apply(whole, "median", size=3))


def test_it_is_pickled_without_tiles():
    array, whole = middle(shape=(40, 40))
    chain = lazy(array, "adjust_gamma")
    expected = chain[...]
    assert len(pickle.dumps(chain)) < 4 * whole.nbytes
    copy = pickle.loads(pickle.dumps(chain))
    assert same(copy[...], expected)
    assert copy.cache is chain.cache, "the common cache"
    assert pickle.loads(pickle.dumps(LazyArray(array.plan, TileCache(77)))).cache.limit == 77
