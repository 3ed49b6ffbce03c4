"""What plans have counted is remembered, and is never used for other pixels, options or parameters."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module

import dask.array as da
import numpy as np
import pytest
import zarr

from cases import BY_NAME, CASES, colored, plane
from napari_mathimg import Options, apply
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine import Facts, LazyArray, TileCache, prepare, region, run
from napari_mathimg.engine.value_range import key_of_ends, remember_ends
from nightly import nightly
from planning import cut_into, gray, label, random_boxes, same

RECALL = import_module("napari_mathimg.engine.facts.recall")
each_case = pytest.mark.parametrize("case", CASES, ids=label)
COUNTING = [c for c in CASES if c.declared.statistics or c.declared.noise_names(c.declared.validate(c.needed))]


class Counted:
    """A lazy array that counts the pixels that are read of it."""

    def __init__(self, array):
        self.array, self.shape, self.dtype, self.pixels = array, array.shape, array.dtype, 0

    def __getitem__(self, key):
        block = self.array[key]
        self.pixels += block.size
        return block


class CountedInMemory(np.ndarray):
    """An array in memory that counts the pixels that are read of all such arrays."""

    pixels = 0

    def __getitem__(self, key):
        block = np.asarray(self)[key]
        CountedInMemory.pixels += block.size
        return block


def prepared(case, array, parameters=None, facts=None, items=None, trust="revision", images=None, **options):
    axis = options.get("channel_axis", -1 if case.color else None)
    given = Options(**{"channel_axis": axis, **options})
    further = case.further(given.source(array).item, axis) if images is None else images
    chosen = case.parameters if parameters is None else parameters
    return run_to_end(prepare(case.declared, array, further, given, chosen, 2, facts=facts, items=items, trust=trust))


def image_for(case, dtype="u2", shape=(61, 47)):
    image = np.maximum(gray(dtype, shape), np.array(1 if case.light else 0, dtype))
    return colored(image) if case.color else image


def attempt(case, image, parameters, facts, images, options):
    """Return a plan, or why it is refused."""
    try:
        return prepared(case, image, parameters, facts, images=images, **options), None
    except ValueError as error:
        return None, str(error)


def regions_of(plan, index=()):
    boxes = [tuple((0, n) for n in plan.item), *random_boxes(plan.item, 1)]
    return [region(plan, index, box) for box in boxes]


def alike(a, b):
    return all(same(x, y) for x, y in zip(a, b, strict=True))


def sets_of(case):
    """The parameters of a case, each with one of them changed to another value that the case or its default has."""
    given = [case.parameters, *case.variants, case.needed]
    changed = [{**case.parameters, n: v} for other in given for n, v in other.items() if case.parameters.get(n) != v]
    return [*given, *changed, case.parameters]


@pytest.mark.parametrize(
    ("case", "dtype"),
    [(c, "f4") if c in COUNTING else (c, "u2") for c in CASES] + nightly(*((c, "u2") for c in COUNTING)),
    ids=label,
)
def test_a_plan_with_known_facts_gives_the_bits_of_one_without(case, dtype):
    image, facts = image_for(case, dtype, (37, 29)), Facts()
    further = case.further((37, 29), -1 if case.color else None)
    for parameters in sets_of(case):
        for options in ({}, {"value_range": (1000, 40000)}, {"value_range": ("percentiles", 1, 95)}):
            cold, refused = attempt(case, image, parameters, None, further, options)
            warm, reason = attempt(case, image, parameters, facts, further, options)
            assert reason == refused
            if cold is None:
                continue
            assert alike(regions_of(warm), regions_of(cold)), (parameters, options)
            assert warm.saturated == cold.saturated


@each_case
def test_nothing_is_read_again_for_the_same_parameters(case):
    image, facts = Counted(image_for(case)), Facts()
    further = case.further((61, 47), -1 if case.color else None)
    prepared(case, image, facts=facts, images=further)
    image.pixels = 0
    prepared(case, image, facts=facts, images=further)
    assert image.pixels == 0


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("adjust_gamma", {"gamma": 0.5}, {"gamma": 2.0}),
        ("denoise_wavelet", {"mode": "soft"}, {"mode": "hard"}),
        ("denoise_wavelet", {"sigma": 0.1}, {"sigma": 0.2}),
        ("wiener_filter", {"size": 3}, {"size": 5}),
        ("denoise_nl_means", {"h": 0.1}, {"h": 0.2}),
        ("denoise_tv_chambolle", {"num_iter": 5}, {"num_iter": 7}),
    ],
)
def test_nothing_is_read_again_for_what_is_not_counted(name, before, after):
    image, facts = Counted(image_for(BY_NAME[name])), Facts()
    prepared(BY_NAME[name], image, before, facts)
    image.pixels = 0
    prepared(BY_NAME[name], image, after, facts)
    assert image.pixels == 0


@pytest.mark.parametrize("seed", [0, *nightly(1)])
@pytest.mark.parametrize("kernel_size", [64, 150])
def test_another_clip_limit_reads_few_boxes_and_finds_the_extremes(kernel_size, seed):
    """The result spans the value range, as that of scikit-image does; no lazy array is read twice for it."""
    array = np.rint(plane((900, 1000), seed) * 10000).astype(np.uint16)
    case, limits = BY_NAME["equalize_adapthist"], (0.01, 0.02, 0.05, 0.0, 0.3)
    for image, most in ((Counted(array), 1), (array.view(CountedInMemory), 1 / 3)):
        facts = Facts()
        prepared(case, image, {"clip_limit": limits[0], "kernel_size": kernel_size}, facts, dtype="float32")
        read = 0
        for limit in limits[1:]:
            image.pixels = CountedInMemory.pixels = 0
            plan = prepared(case, image, {"clip_limit": limit, "kernel_size": kernel_size}, facts, dtype="float32")
            read += image.pixels + CountedInMemory.pixels
            value_range, out = plan.value_ranges[()], region(plan, (), ((0, 900), (0, 1000)))
            np.testing.assert_allclose([out.min(), out.max()], [value_range.low, value_range.high])
        assert 0 < read <= array.size * len(limits[1:]) * most


@pytest.mark.parametrize("case", COUNTING, ids=label)
def test_touched_pixels_are_counted_again(case):
    """Also through a view, which shares its pixels with the whole."""
    image, facts = image_for(case), Facts()
    further = case.further((61, 47), -1 if case.color else None)
    prepared(case, image, facts=facts, images=further)
    image[5:40, 3:30] = image[5:40, 3:30] // 3 + 1
    facts.touch(image[::2])
    cold, warm = (prepared(case, image, facts=known, images=further) for known in (None, facts))
    assert alike(regions_of(warm), regions_of(cold))


def test_a_count_of_pixels_that_are_touched_meanwhile_is_not_kept():
    facts, image = Facts(), image_for(BY_NAME["equalize_hist"], shape=(600, 700))
    steps = prepare(BY_NAME["equalize_hist"].declared, image, threads=2, facts=facts)
    next(steps)
    facts.touch(image)
    run_to_end(steps)
    assert facts.nbytes == 0


STACK = {"statistics": "item"}


@pytest.mark.parametrize("case", [c for c in CASES if 2 in c.ndims], ids=label)
@pytest.mark.parametrize("options", [{}, STACK], ids=["layer", "item"])
def test_items_that_are_prepared_alone_have_the_bits_of_all(case, options):
    image = image_for(case, "u2", (5, 37, 29))
    image[3] = image[3] // 2 + 1
    further = case.further((37, 29), -1 if case.color else None)
    whole = prepared(case, image, images=further, **options)
    facts = Facts()
    for items in ([(3,)], [(0,), (3,)], [(4,)]):
        plan = prepared(case, image, facts=facts, items=items, images=further, **options)
        for index in items:
            assert alike(regions_of(plan, index), regions_of(whole, index))
        with pytest.raises(ValueError, match=r"index=\(1,\): must be among the items"):
            region(plan, (1,), tuple((0, n) for n in plan.item))
        with pytest.raises(ValueError, match=r"items=.*must be None for a run"):
            run_to_end(run(plan))


def test_one_item_of_a_stack_is_read_alone():
    image = Counted(image_for(BY_NAME["equalize_adapthist"], "u2", (6, 64, 70)))
    plan = prepared(BY_NAME["equalize_adapthist"], image, facts=Facts(), items=[(2,)], value_range="dtype")
    assert [index for index, _ in plan.measured] == [(2,)]
    assert image.pixels <= 3 * 64 * 70


def test_values_for_each_index_are_prepared_for_some_items():
    image = image_for(BY_NAME["equalize_adapthist"], "u2", (4, 64, 70))
    parameters = {"clip_limit": {"per": 0, "values": [0.01, 0.1, 0.01, 0.3]}}
    whole = prepared(BY_NAME["equalize_adapthist"], image, parameters)
    for items in ([(2,)], [(1,), (3,)]):
        plan = prepared(BY_NAME["equalize_adapthist"], image, parameters, Facts(), items)
        assert all(alike(regions_of(plan, index), regions_of(whole, index)) for index in items)


@pytest.mark.parametrize("items", [[], [(5,)], [()], [(-1,)]])
def test_items_outside_of_the_stack_are_refused(items):
    with pytest.raises(ValueError, match=r"items=.*: must be indices of items in a stack of shape"):
        prepared(BY_NAME["adjust_gamma"], image_for(BY_NAME["adjust_gamma"], "u2", (5, 8, 9)), items=items)


def test_ends_of_one_array_are_told_apart_by_the_axis_of_its_channels():
    image = gray("u1", (4, 64, 4))
    image[3], image[..., 3] = 201, 250  # opacity along the one axis or the other
    image[:3, :, :3] //= 2
    facts, case = Facts(), BY_NAME["adjust_gamma"]
    for axis in (0, -1, 2, -3):
        known, fresh = (prepared(case, image, facts=f, channel_axis=axis, ndim=2) for f in (facts, None))
        assert known.value_ranges == fresh.value_ranges
    turned = image.transpose(2, 1, 0)
    for axes in ([0, 1], [1, 0], None):
        known, fresh = (prepared(case, turned, facts=f, channel_axis=-1, axes=axes) for f in (facts, None))
        assert known.value_ranges == fresh.value_ranges


def test_ends_that_others_have_found_are_kept_for_the_pixels_that_they_read():
    for channels in (0, 3, 4):
        shape = (40, 30, channels) if channels else (40, 30)
        image, facts, case = gray("u2", shape) // 2, Facts(), BY_NAME["adjust_gamma"]
        options = {"channel_axis": -1} if channels else {}
        key = key_of_ends(facts, image, bool(channels))
        image[0, 0] = 60000
        facts.touch(image)
        remember_ends(facts, key, image.dtype, (1, 2))
        assert prepared(case, image, facts=facts, **options).value_ranges[()].high == 60000
        key = key_of_ends(facts, image, bool(channels))
        remember_ends(facts, key, image.dtype, (1, 2))
        assert prepared(case, image, facts=facts, **options).value_ranges[()].high == 60000, "counted before"
        facts.touch(image)
        remember_ends(facts, key_of_ends(facts, image, bool(channels)), image.dtype, (1, 2))
        assert prepared(case, image, facts=facts, **options).value_ranges[()].high == 2, "found, and not counted"


def test_views_of_one_array_are_told_apart():
    image, facts, case = image_for(BY_NAME["equalize_hist"]), Facts(), BY_NAME["equalize_hist"]
    for view in (image, image[::-1], image.T, image[:30], image.view("i2"), image[None][0]):
        assert alike(regions_of(prepared(case, view, facts=facts)), regions_of(prepared(case, view)))


# Memory


def test_all_that_is_kept_stays_within_its_bound_and_ends_with_the_arrays():
    facts, case = Facts(2**20), BY_NAME["equalize_hist"]
    arrays = [plane((61, 47), seed) for seed in range(60)]
    for array in arrays:
        prepared(case, array, facts=facts)
        assert 0 < facts.nbytes <= 2**20
    del arrays, array
    gc.collect()
    assert facts.nbytes == 0


def test_what_is_forgotten_takes_no_memory():
    facts, case, arrays = Facts(), BY_NAME["equalize_adapthist"], [plane((61, 47), seed) for seed in range(2)]
    for array in arrays:
        prepared(case, array, facts=facts)
    both = facts.nbytes
    facts.forget(arrays[0][:5])
    assert 0 < facts.nbytes < both
    facts.clear()
    assert facts.nbytes == 0


def test_a_new_array_in_the_place_of_a_dead_one_is_another_one():
    facts, case = Facts(), BY_NAME["adjust_gamma"]
    for seed in range(200):
        array = np.full((3, 4), seed, np.uint16)
        array[0, 0] += 7
        assert prepared(case, array, facts=facts).value_ranges[()].high == seed + 7
        del array


def test_chunks_stay_read_from_plan_to_plan_until_they_are_touched():
    reads = []

    def block(block_info=None):
        reads.append(block_info)
        return np.full((1, 40, 50), len(reads), "u2")

    stack = da.map_blocks(block, chunks=((1,) * 6, (40,), (50,)), dtype="u2", meta=np.empty((0, 0, 0), "u2"))
    facts, case = Facts(), BY_NAME["adjust_gamma"]
    for gamma in (0.5, 2.0):
        region(prepared(case, stack, {"gamma": gamma}, facts), (2,), ((0, 40), (0, 50)))
        assert len(reads) == 6
    assert facts.nbytes >= 6 * 40 * 50 * 2
    facts.touch(stack)
    prepared(case, stack, facts=facts)
    assert len(reads) == 12


def test_a_run_reads_chunks_that_were_edited_without_a_word():
    stored = zarr.array(np.random.default_rng(0).integers(0, 4000, (4, 40, 50), dtype=np.uint16), chunks=(1, 40, 50))
    facts, case = Facts(), BY_NAME["adjust_gamma"]
    region(prepared(case, stored, facts=facts), (1,), ((0, 40), (0, 50)))
    stored[1] = stored[1] // 3
    plan = prepared(case, stored, facts=facts, trust="digest")
    expected = region(prepared(case, stored[...]), (1,), ((0, 40), (0, 50)))
    np.testing.assert_array_equal(region(plan, (1,), ((0, 40), (0, 50))), expected)


def test_chunks_are_within_the_bound_too():
    stack = da.from_array(np.arange(20 * 64 * 64, dtype="u2").reshape(20, 64, 64), chunks=(1, -1, -1))
    facts = Facts(2**16)
    plan = prepared(BY_NAME["adjust_gamma"], stack, facts=facts)
    for index in range(20):
        region(plan, (index,), ((0, 64), (0, 64)))
        assert facts.nbytes <= 2**16


# Several threads


def test_what_one_thread_counts_another_one_waits_for():
    case, array = BY_NAME["equalize_adapthist"], image_for(BY_NAME["equalize_adapthist"], "u2", (300, 400))
    gate, alone = threading.Event(), Counted(array)

    class Slow(Counted):
        def __getitem__(self, key):
            assert gate.wait(60)
            return super().__getitem__(key)

    prepared(case, alone)
    image, facts = Slow(array), Facts()
    with ThreadPoolExecutor(4) as pool:
        plans = [pool.submit(prepared, case, image, {"clip_limit": c}, facts) for c in (0.05,) * 4]
        gate.set()
        expected = regions_of(prepared(case, array, {"clip_limit": 0.05}))
        assert all(alike(regions_of(plan.result()), expected) for plan in plans)
    assert image.pixels < 2 * alone.pixels + 4 * 3 * array.size  # the regions read it, too


def test_what_one_thread_counts_of_a_lazy_image_another_one_waits_for_too():
    gate, array = threading.Event(), gray("u2", (300, 400))

    class Slow(Counted):
        def __getitem__(self, key):
            assert gate.wait(60)
            return super().__getitem__(key)

    def lazily(image):
        plan = prepared(BY_NAME["invert"], image, value_range=(0, 65535))
        return LazyArray(plan, TileCache(0))

    case, alone, image, facts = BY_NAME["equalize_hist"], Counted(array), Slow(array), Facts()
    prepared(case, lazily(alone))
    inverted = lazily(image)
    with ThreadPoolExecutor(4) as pool:
        plans = [pool.submit(prepared, case, inverted, facts=facts, trust="digest") for _ in range(4)]
        gate.wait(0.2)
        gate.set()
        expected = prepared(case, lazily(array))
        assert all(plan.result(60).value_ranges == expected.value_ranges for plan in plans)
    assert image.pixels < 2 * alone.pixels


@pytest.mark.parametrize("name", ["equalize_adapthist", "denoise_wavelet", "match_histograms"])
def test_a_count_that_is_canceled_harms_no_other(name, monkeypatch):
    """Neither one that waits for it in the same thread, which would wait for ever, nor one in another thread."""
    monkeypatch.setattr(RECALL, "PATIENCE", 0.2)
    cut_into(monkeypatch, 64**2, 32)
    case, image, facts = BY_NAME[name], image_for(BY_NAME[name], "f4", (200, 300)), Facts()
    further = case.further((200, 300))
    stopped = prepare(case.declared, image, further, Options(), case.parameters, 2, facts=facts)
    next(stopped)
    plan = prepared(case, image, facts=facts, images=further)
    stopped.close()
    expected = regions_of(prepared(case, image, images=further))
    assert alike(regions_of(plan), expected)

    with ThreadPoolExecutor(8) as pool:
        for number in range(4):
            facts.touch(image)
            steps = [
                prepare(case.declared, image, further, Options(), case.parameters, 2, facts=facts) for _ in range(3)
            ]
            waiting = [pool.submit(run_to_end, one) for one in steps[1:]]
            for _ in range(number + 1):
                next(steps[0], None)
            steps[0].close()
            assert all(alike(regions_of(plan.result(60)), expected) for plan in waiting)


# Digests


@pytest.mark.parametrize("case", COUNTING, ids=label)
@pytest.mark.parametrize("dtype", ["u2", "f4"])
def test_a_run_never_uses_what_was_counted_of_other_pixels(case, dtype):
    """Although nothing tells that one pixel was changed."""
    image, facts = image_for(case, dtype), Facts()
    further = case.further((61, 47), -1 if case.color else None)
    for number in range(3):
        image[10 + number, 10] = image.max()
        expected = run_to_end(run(prepared(case, image, images=further)))
        plan = prepared(case, image, facts=facts, trust="digest", images=further)
        assert same(run_to_end(run(plan)), expected)
        image[10 + number, 20:25] = image.min()
        expected = run_to_end(run(prepared(case, image, images=further)))
        for _ in range(2):
            plan = prepared(case, image, facts=facts, trust="digest", images=further)
            assert same(run_to_end(run(plan)), expected)


def test_a_run_uses_what_a_preview_has_counted_of_the_same_pixels(monkeypatch):
    monkeypatch.setattr(RECALL, "seconds_to_digest", lambda array: 0.0)
    case, image, facts = BY_NAME["equalize_hist"], plane((700, 800)), Facts()
    prepared(case, image, facts=facts)
    statistics = import_module("napari_mathimg.engine.statistics")
    counts = []
    real = statistics.run_pass
    monkeypatch.setattr(statistics, "run_pass", lambda *args, **named: counts.append(1) or real(*args, **named))
    expected = apply(image, "equalize_hist")
    usual = len(counts)
    counts.clear()
    assert same(run_to_end(run(prepared(case, image, facts=facts, trust="digest"))), expected)
    assert usual > 0
    assert counts == []
    image[3, 3] = image[4, 4]
    facts_used = prepared(case, image, facts=facts, trust="digest")
    assert len(counts) == usual
    assert same(run_to_end(run(facts_used)), apply(image, "equalize_hist"))


@pytest.mark.parametrize("dtype", ["u1", "?", "f4", ">u2"])
@pytest.mark.parametrize("turned", [False, True])
def test_a_digest_tells_any_change_of_a_pixel(dtype, turned):
    digest = import_module("napari_mathimg.engine.facts.digest").digest
    whole = gray(dtype, (3, 91, 117))
    image = whole[::2, 3:, ::3].transpose(2, 0, 1) if turned else whole
    first = run_to_end(digest(image, 2))
    assert run_to_end(digest(image.copy(order="K"), 1)) == first
    rng = np.random.default_rng(0)
    for _ in range(40):
        place = tuple(rng.integers(0, n) for n in image.shape)
        before = image[place]
        image[place] = not before if dtype == "?" else before + 1
        assert run_to_end(digest(image, 2)) != first
        image[place] = before
    assert run_to_end(digest(image, 2)) == first


def test_facts_of_a_reference_and_of_aligned_images_end_with_their_pixels():
    facts = Facts()
    image, reference = plane((61, 47)), plane((40, 50), 3)
    case = BY_NAME["match_histograms"]
    prepared(case, image, facts=facts, images=(reference,))
    reference *= 0.5
    facts.touch(reference)
    cold, warm = (prepared(case, image, facts=known, images=(reference,)) for known in (None, facts))
    assert alike(regions_of(warm), regions_of(cold))
    flat = 1 + plane((61, 47), 5)
    case = replace(BY_NAME["flat_field"], parameters={})
    bright = image + 1
    prepared(case, bright, facts=facts, images=(flat,))
    flat[:30] *= 2
    facts.touch(flat)
    cold, warm = (prepared(case, bright, facts=known, images=(flat,)) for known in (None, facts))
    assert alike(regions_of(warm), regions_of(cold))
