"""Regions for previews: any box, piece by piece, equals the run; what is left out is not computed; closing stops it."""

import math
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from skimage import data, transform

from cases import BY_NAME, CASES, colored, plane
from napari_mathimg import operations
from napari_mathimg.contract.progress import context
from napari_mathimg.contract.reach import Whole, size
from napari_mathimg.engine.region import compute_block
from napari_mathimg.engine.regions import coarse, is_close_at, is_exact_at, regions
from napari_mathimg.engine.source import Source
from nightly import nightly
from planning import Looks, Watched, cut_into, gray, label, looks_of, ours, plan_of, random_boxes, result_of, same
from test_contracts import Input, fits, fitted, missing, planned
from test_drop import focus, project_max

pieces = import_module("napari_mathimg.engine.regions.pieces")
WAIT = 30  # seconds for what takes milliseconds

INPUTS = (
    Input("u1", gray("u1", (83, 94))),
    Input("f4", gray("f4", (83, 94))),
    Input("missing", missing()),
    Input("RGBA", np.dstack([colored(gray("u2", (47, 61))), gray("u2", (47, 61))]), {"channel_axis": -1}),
    Input("stack", gray("f4", (3, 37, 41)), {"statistics": "item"}),
    Input("volume", gray("f4", (13, 31, 37)), {"ndim": 3}),
)
DAILY = [(c, i, c.parameters) for c in CASES for i in INPUTS if fits(c, i)]
VARIED = [(c, Input("f4", gray("f4")), v) for c in CASES for v in c.variants]
FURTHER = [(c, i, v) for c in CASES for v in c.variants for i in (INPUTS[0], *INPUTS[2:]) if fits(c, i)]
each = pytest.mark.parametrize(
    ("case", "image", "parameters"), [*DAILY, *VARIED[::3], *nightly(*VARIED[1::3], *VARIED[2::3], *FURTHER)], ids=label
)


def cut_small(monkeypatch):
    """Make pieces and tiles so small that a test has many of both."""
    monkeypatch.setattr(pieces, "NEAR", 15**2)
    monkeypatch.setattr(pieces, "FAR", 23**2)
    cut_into(monkeypatch, 30**2, 16)


def found_in(steps):
    return [found for found in steps if found is not None]


def joined(plan, found, box, step, like):
    """Put pieces together; each has the pixels at multiples of the step."""
    lead = int(plan.frames is not None)
    out = np.zeros_like(like)
    times = np.zeros(like.shape[lead : lead + len(box)], int)
    for piece, block in found:
        first = [-(-a // n) for (a, _), n in zip(box, step, strict=True)]
        place = tuple(slice(-(-a // n) - f, -(-b // n) - f) for (a, b), n, f in zip(piece, step, first, strict=True))
        out[(slice(None),) * lead + place] = block
        times[place] += 1
    assert (times == 1).all(), "pieces cover the box once"
    return out


def wanted_of(plan, whole, index, box, step):
    """Cut a box of an item out of the result of a run, at multiples of the step."""
    kept = tuple(slice(a + -a % n, b, n) for (a, b), n in zip(box, step, strict=True))
    if plan.frames:
        return whole[(slice(None), *index, *kept)]
    item = Source(whole, len(plan.item), plan.channel_axis).read(index, tuple((0, n) for n in plan.item))
    return item[kept]


def tolerance(plan, image, whole):
    """Return how far tiles may differ: 0 for exact reaches and wavelets, else what NUMERICS and docstrings state."""
    reach = plan.reach
    if isinstance(reach, Whole) or getattr(reach, "exact", True):
        return 0.0
    image, whole = (x[np.isfinite(x)].astype(float) for x in (image, whole))
    spread = max(np.ptp(x) for x in (image, whole))
    factor = math.sqrt(plan.parameters["num_iter"]) if plan.operation.id == "richardson_lucy" else 1
    return 1e-6 * factor * spread if plan.dtype.kind == "f" else 1.0


@each
def test_pieces_are_the_boxes_of_a_run(case, image, parameters, monkeypatch):
    """At every pixel and at every third: the bits of a run in tiles, or its tolerance where tiles are inexact."""
    image = fitted(case, image)
    before = image.array.copy()
    cut_small(monkeypatch)
    plan = planned(case, image, parameters)
    whole = result_of(plan)
    off = tolerance(plan, image.array, whole)
    index = plan.source.indices[-1]
    everything = tuple((0, n) for n in plan.item)
    coarser = (3,) * len(plan.item) if len(plan.item) < 3 else (1, 2, 3)
    for box, step in [(everything, 1), *((b, coarser) for b in random_boxes(plan.item, 2))]:
        every = (1,) * len(box) if step == 1 else step
        wanted = wanted_of(plan, whole, index, box, every)
        got = joined(plan, found_in(regions(plan, index, box, step, threads=2)), box, every, wanted)
        assert got.dtype == wanted.dtype
        if off:
            known = np.isfinite(wanted)
            assert same(got[~known], wanted[~known])
            assert np.abs(got[known].astype(float) - wanted[known]).max(initial=0) <= off, f"box {box}, step {step}"
        else:
            assert same(got, wanted), f"box {box}, step {step}"
    assert same(image.array, before), "the image was changed"


@pytest.mark.parametrize("name", ["gaussian", "denoise_nl_means", "denoise_tv_chambolle", "denoise_wavelet", "median"])
def test_a_plane_of_a_volume_is_computed_from_a_slab(name, monkeypatch):
    case = BY_NAME[name]
    volume = Watched(gray("u2", (70, 31, 37)))
    plan = planned(case, Input("", volume, {"ndim": 3, "value_range": "dtype"}), case.parameters)
    whole = result_of(plan)
    volume.reads.clear()
    cut_small(monkeypatch)
    box = ((33, 34), (0, 31), (3, 37))
    got = joined(plan, found_in(regions(plan, (), box)), box, (1, 1, 1), whole[33:34, :, 3:37])
    assert same(got, whole[33:34, :, 3:37])
    assert max(volume.reads) < volume.array.size / 2


@pytest.mark.parametrize("step", [2, 7])
@pytest.mark.parametrize("case", CASES, ids=label)
def test_what_can_be_left_out_is_not_computed(case, step):
    """Operations on single pixels and maps compute only the pixels that are wanted, and say so."""
    image = fitted(case, Input("", gray("f4", (90, 70)), {"value_range": "dtype"}))
    plan = planned(case, image, case.parameters)
    single = case.declared.is_warp or case.declared.family in ("intensity", "noise") or case.operation == "flat_field"
    assert is_exact_at(plan, step) == single
    assert is_exact_at(plan, 1)
    if single:
        core = tuple((0, n) for n in plan.item)
        block = compute_block(plan, (), core, spacing=(step,) * 2)
        assert same(block, np.ascontiguousarray(result_of(plan)[::step, ::step]))


def test_pieces_beside_saturated_pixels_agree_with_a_run(monkeypatch):
    """The light of a saturated pixel is known from its neighbors only, which amplifies the errors of rounding."""
    monkeypatch.setattr(pieces, "NEAR", 2**10)
    monkeypatch.setattr(pieces, "FAR", 2**12)
    image = np.maximum(gray("f4", (150, 131)), 0)
    case, parameters = BY_NAME["richardson_lucy"], {"num_iter": 12, "saturation": 0.8}
    plan = planned(case, Input("", image, {"value_range": "dtype"}), parameters)
    whole, box = result_of(plan), ((0, 150), (0, 131))
    got = joined(plan, found_in(regions(plan, (), box)), box, (1, 1), whole)
    assert np.abs(got - whole).max() <= tolerance(plan, image, whole)


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("boundary", ["periodic", "reflect"])
def test_frames_come_with_each_piece(boundary, step, monkeypatch):
    cut_small(monkeypatch)
    parameters = {"num_iter": 4, "keep_every": 2, "boundary": boundary}
    plan = plan_of(operations()["richardson_lucy"], plane((60, 50)), np.ones((3, 3)), parameters=parameters)
    box = ((5, 50), (0, 50))
    wanted = wanted_of(plan, result_of(plan), (), box, (step, step))
    got = joined(plan, found_in(regions(plan, (), box, step)), box, (step, step), wanted)
    assert wanted.shape[0] == 2
    np.testing.assert_allclose(got, wanted, rtol=0, atol=0 if boundary == "periodic" else 2e-6 * np.ptp(wanted))


@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("op", [project_max, focus], ids=label)
def test_projections_lack_an_axis_in_each_piece(op, step, monkeypatch):
    cut_small(monkeypatch)
    plan = plan_of(op, gray("f4", (9, 60, 50)), ndim=3)
    box = ((5, 50), (0, 50))
    wanted = wanted_of(plan, result_of(plan), (), box, (step, step))
    assert same(joined(plan, found_in(regions(plan, (), box, step)), box, (step, step), wanted), wanted)
    assert not is_exact_at(plan, 3)


@pytest.mark.parametrize("step", [1, 3])
def test_items_with_parameters_of_their_own(step):
    """The pieces of an item are computed with its parameters, whose reach may be another one."""
    parameters = {"sigma": {"per": 0, "values": [1.0, 0.0, 4.0]}}
    plan = plan_of(operations()["gaussian"], gray("f4", (3, 37, 41)), parameters=parameters, value_range="dtype")
    whole, box = result_of(plan), ((0, 37), (2, 40))
    for index in np.ndindex(3):
        wanted = wanted_of(plan, whole, index, box, (step, step))
        assert same(joined(plan, found_in(regions(plan, index, box, step)), box, (step, step), wanted), wanted)
    assert not is_exact_at(plan, 3)


@pytest.mark.parametrize("step", [2, 3, 5])
def test_gains_at_every_nth_pixel_are_those_of_all(step):
    """Also at the faulty pixels of a flat and of a dark image, which have gains of their own."""
    rng = np.random.default_rng(0)
    image, flat, dark = (rng.uniform(low, low + 1, (40, 50)).astype(np.float32) for low in (5, 3, 1))
    flat[rng.random(flat.shape) < 0.1], dark[rng.random(dark.shape) < 0.1] = 0, 9
    plan = plan_of(operations()["flat_field"], image, flat, dark)
    assert plan.measured_of((), 0).faults > 50
    assert is_exact_at(plan, step)
    box = ((3, 40), (0, 47))
    wanted = wanted_of(plan, result_of(plan), (), box, (step, step))
    assert same(joined(plan, found_in(regions(plan, (), box, step)), box, (step, step), wanted), wanted)


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("middle", [None, (3, 5), (900.5, 250.0), (2000, -40)])
@pytest.mark.parametrize("step", [1, 3, (5, 1)])
def test_pieces_cover_a_box_once_and_the_nearest_comes_first(middle, step, threads):
    box, every = ((0, 1000), (101, 1800)), step if isinstance(step, tuple) else (step, step)
    point = middle or (500, 950.5)
    found = pieces.pieces(box, (10, 10), every, point, threads, skips=False)
    times = np.zeros((1000, 1800), int)
    for piece in found:
        assert all(a < b for a, b in piece)
        assert all(a % n == 0 or a == first for (a, _), n, (first, _) in zip(piece, every, box, strict=True))
        times[tuple(slice(a, b) for a, b in piece)] += 1
    assert (times[:, 101:] == 1).all()
    assert not times[:, :101].any()
    inside = [min(max(p, a), b - 1) for p, (a, b) in zip(point, box, strict=True)]
    assert all(a - n <= p < b + n for p, (a, b), n in zip(inside, found[0], every, strict=True))
    away = [pieces.distance(piece, point) for piece in found]
    assert away[:threads] == sorted(away[:threads])
    assert away[threads:] == sorted(away[threads:])
    assert sum(math.prod(size(piece)) for piece in found[:threads]) <= 4 * pieces.NEAR
    assert len(found) > 4


def test_the_nearest_piece_is_yielded_first():
    plan = plan_of(operations()["adjust_gamma"], gray("f4", (900, 800)), parameters={"gamma": 2.0})
    found = found_in(regions(plan, (), ((0, 900), (0, 800)), threads=1, middle=(700, 100)))
    assert all(a <= p < b for p, (a, b) in zip((700, 100), found[0][0], strict=True))
    away = [pieces.distance(box, (700, 100)) for box, _ in found[1:]]
    assert away == sorted(away)


@pytest.mark.parametrize("halo", [0, 3, 60, 500])
def test_sides_are_at_least_some_halos(halo):
    """Most of what is computed for a piece is the piece, even if it is the first one."""
    found = pieces.pieces(((0, 4000), (0, 4000)), (halo, halo), (1, 1), (2000, 2000), 2, skips=False)
    assert all(side >= 2 * halo for piece in found for side in size(piece))
    assert all(math.prod(size(piece)) <= 2 * max(pieces.FAR, (8 * halo) ** 2) for piece in found)


@pytest.mark.parametrize("threads", [1, 2])
def test_chunks_are_read_once_and_those_of_the_middle_first(threads):
    """Two threads begin two pieces at a time, in any order."""
    dask = pytest.importorskip("dask.array")
    image, read = plane((600, 700)).astype(np.float32), []

    def load(block, block_info):
        place = block_info[0]["chunk-location"]
        read.append(place)
        return block

    chunked = dask.from_array(image, chunks=(100, 100)).map_blocks(load, dtype=image.dtype)
    plan = plan_of(operations()["median"], chunked, value_range="dtype")
    read.clear()
    box = ((0, 600), (0, 700))
    found = found_in(regions(plan, (), box, threads=threads, middle=(450, 250)))
    got = joined(plan, found, box, (1, 1), image)
    assert sorted(read) == [(i, j) for i in range(6) for j in range(7)]
    if threads == 1:
        (top, bottom), (left, right) = found[0][0]
        assert top <= 450 < bottom <= 600
        assert left <= 250 < right
        assert (4, 2) in read[: (2 + (bottom - top) // 100) * (2 + (right - left) // 100)]
    assert same(got, result_of(plan_of(operations()["median"], image, value_range="dtype")))


def test_a_part_of_a_large_array_stays_read_for_the_next_parameters():
    """Chunks on screen are needed again as soon as a parameter changes, however large the rest of the array is."""
    reads = []

    class Large:
        shape, dtype, chunks = (64, 2048, 2048), np.dtype("u2"), (1, 512, 512)

        def __getitem__(self, key):
            reads.append(key)
            return np.ones([len(range(*k.indices(n))) for k, n in zip(key, self.shape, strict=True)], self.dtype)

    plan = plan_of(operations()["gaussian"], Large(), parameters={"sigma": 1.0}, value_range="dtype")
    box = ((500, 900), (300, 900))
    found_in(regions(plan, (7,), box))
    assert reads
    reads.clear()
    found_in(regions(replace(plan, parameters={**plan.parameters, "sigma": (2.0, 2.0)}), (7,), box))
    assert not reads


# Cancel


def running(plan, **options):
    """Begin regions and return the generator as soon as threads compute."""
    steps = regions(plan, plan.source.indices[0], tuple((0, n) for n in plan.item), **options)
    assert next(steps) is None
    next(steps)
    return steps


def wait_for_threads():
    for thread in ours():
        thread.join(WAIT)
    assert not ours()


@pytest.mark.parametrize("name", ["denoise_nl_means", "richardson_lucy", "denoise_tv_chambolle", "adjust_gamma"])
def test_closing_begins_no_further_piece(name):
    case = BY_NAME[name]
    image = Watched(np.maximum(gray("f4", (1500, 1500)), 0))
    plan = planned(case, Input("", image, {"value_range": "dtype"}), case.parameters)
    image.reads.clear()
    steps = running(plan, threads=2)
    steps.close()
    begun = len(image.reads)
    wait_for_threads()
    assert len(image.reads) <= begun + 2
    assert len(image.reads) < len(found_in(regions(plan, (), tuple((0, n) for n in plan.item))))


def test_closing_does_not_wait_for_a_slow_source():
    image = Watched(gray("f4", (600, 600)))
    plan = planned(BY_NAME["gaussian"], Input("", image, {"value_range": "dtype"}), {"sigma": 1.0})
    image.reads.clear()
    image.gate.clear()
    try:
        steps = running(plan, threads=2)
        assert next(steps) is None
        steps.close()  # would never return
        assert ours()
    finally:
        image.gate.set()
    wait_for_threads()
    assert len(image.reads) <= 2


@pytest.mark.parametrize("name", ["denoise_nl_means", "denoise_bilateral"])
def test_pieces_can_be_canceled_every_few_million_visits(name):
    """2^22 weighted differences take a few milliseconds."""
    case = BY_NAME[name]
    parameters = {"patch_distance": 10} if name == "denoise_nl_means" else {"sigma_spatial": 5.0}
    plan = planned(case, Input("", gray("f4", (512, 512)), {"value_range": "dtype"}), parameters)
    shifts = (10 if name == "denoise_nl_means" else 15) * 2 + 1
    assert looks_of(plan).count >= 0.9 * 512 * 512 * shifts**2 / 2 / 2**22


LONG = ("denoise_tv_chambolle", "denoise_tv_bregman", "denoise_nl_means", "denoise_bilateral")


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("name", LONG)
def test_long_kernels_return_as_soon_as_a_run_is_canceled(name, ndim):
    """They have changed nothing then, without waiting for the next check between two calls of them."""
    image = gray("f4", (40, 50) if ndim == 2 else (5, 20, 30))
    plan = plan_of(operations()[name], image, ndim=ndim, value_range="dtype", parameters={})
    box, looks = tuple((0, n) for n in image.shape), Looks()
    looks.stop_word[0] = 1
    token = context.set(looks)
    try:
        left = compute_block(plan, (), box)
    finally:
        context.reset(token)
    np.testing.assert_allclose(left, image, rtol=1e-6)
    assert np.abs(compute_block(plan, (), box) - image).max() > 1e-3


def test_warps_can_be_canceled_between_bands():
    plan = planned(BY_NAME["swirl"], Input("", gray("f4", (512, 512)), {"value_range": "dtype"}), {})
    assert looks_of(plan).count >= 512 * 512 / 2**14


def test_errors_reach_the_caller():
    plan = plan_of(operations()["gaussian"], gray("f4"), value_range="dtype")
    with pytest.raises(ValueError, match="box="):
        next(regions(plan, (), ((0, 38), (0, 2))))
    with pytest.raises(ValueError, match="index="):
        next(regions(plan, (0,), ((0, 3), (0, 2))))
    for step in (0, (1, 2, 3), (1, -1)):
        with pytest.raises(ValueError, match="step="):
            next(regions(plan, (), ((0, 3), (0, 2)), step))
    with pytest.raises(ValueError, match="no coarse picture"):
        next(coarse(plan_of(operations()["median"], gray("f4"), value_range="dtype"), (), ((0, 3), (0, 2)), 2))


# Coarse pictures


def enlarged(side):
    image = transform.resize(data.camera() / 255, (side, side), order=3)
    return np.clip(image + 0.05 * np.random.default_rng(0).standard_normal(image.shape), 0, 1).astype(np.float32)


def means(image, step):
    """Return the means of the valid pixels of blocks."""
    rows, columns = (-(-n // step) for n in image.shape)
    padded = np.full((rows * step, columns * step), np.nan)
    padded[: image.shape[0], : image.shape[1]] = image
    return np.nanmean(padded.reshape(rows, step, columns, step), axis=(1, 3))


CLOSE = {"gaussian": [{"sigma": 0.8}, {"sigma": 2.0}, {"sigma": (3.0, 0.0)}]}  # in blocks; less is not offered


def test_operations_that_scale_are_tried():
    assert {op.id for op in operations().values() if op.scales} == CLOSE.keys()


@pytest.mark.parametrize("step", [4, 6])
@pytest.mark.parametrize(("name", "parameters"), [(n, p) for n in CLOSE for p in CLOSE[n]])
def test_coarse_pictures_are_close(name, parameters, step):
    """Within a tenth of what the operation changes; `benchmarks/coarse.py` tries further pictures."""
    image = enlarged(1024)
    parameters = {key: tuple(np.multiply((1, 1), step * np.array(value))) for key, value in parameters.items()}
    plan = plan_of(operations()[name], image, parameters=parameters, value_range="dtype")
    assert is_close_at(plan, step)
    assert not is_close_at(plan, 4 * step)
    whole = result_of(plan)
    box = ((0, 1024), (0, 1024))
    got = joined(plan, found_in(coarse(plan, (), box, step)), box, (step, step), means(whole, step).astype(np.float32))
    off = np.sqrt(np.mean((got - means(whole, step)) ** 2))
    assert off <= 0.1 * np.sqrt(np.mean((whole - image) ** 2))


def test_a_coarse_picture_of_an_operation_that_changes_nothing_is_the_means_of_the_image():
    image = gray("f4", (91, 83))
    image[3:9, 4:12], image[40, 50] = np.nan, np.inf
    plan = plan_of(operations()["gaussian"], image, parameters={"sigma": 0.0}, value_range="dtype")
    box = ((0, 91), (0, 83))
    with np.errstate(invalid="ignore"), pytest.warns(RuntimeWarning, match="empty slice"):
        wanted = means(np.where(np.isfinite(image), image, np.nan), 4)
    got = joined(plan, found_in(coarse(plan, (), box, 4)), box, (4, 4), wanted)
    np.testing.assert_allclose(got, wanted, rtol=2e-6, atol=1e-6)


def test_coarse_pieces_are_told_in_pixels_of_the_result():
    image = np.stack([colored(gray("u1", (70, 50)))] * 2)
    plan = plan_of(operations()["gaussian"], image, parameters={"sigma": 9}, value_range="dtype", channel_axis=-1)
    found = found_in(coarse(plan, (1,), ((8, 70), (3, 41)), (4, 3)))
    assert [box for box, _ in found] == [((8, 70), (3, 41))]
    assert found[0][1].shape == (16, 13, 3)
    assert found[0][1].dtype == np.uint8


def test_threads_end_with_the_last_piece():
    plan = plan_of(operations()["gaussian"], gray("f4"), value_range="dtype")
    found_in(regions(plan, (), ((0, 37), (0, 29))))
    assert not ours()


def test_pieces_of_a_span_shorter_than_the_grid_have_no_pixel():
    plan = plan_of(operations()["median"], gray("f4"), value_range="dtype")
    (found,) = found_in(regions(plan, (), ((1, 5), (8, 12)), 7))
    assert found[1].shape == (0, 0)
