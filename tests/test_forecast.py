"""What a run will take, told before it, against what runs have taken."""

import gc
import tracemalloc

import numpy as np
import pytest

from cases import CASES, colored
from napari_mathimg import Options, operations
from napari_mathimg.engine.forecast import Forecast, Guess, Needs, Speeds, forecast, needs, needs_of
from napari_mathimg.engine.run import largest_block
from nightly import nightly
from planning import Watched, gray, label, plan_of, result_of

MIB, GIB = 2**20, 2**30


@pytest.mark.parametrize("case", CASES, ids=label)
def test_what_a_plan_of_measured_values_needs_is_counted_without_reading_the_image(case):
    ndim = case.ndims[0]
    shape = (150, 160) if ndim == 2 else (18, 40, 50)
    axis = -1 if case.color else None
    image = colored(gray("u2", shape)) if case.color else gray("u2", shape)
    further = case.further(shape, axis)
    watched = Watched(image)
    needed = needs(case.declared, watched, further, Options(ndim=ndim, channel_axis=axis), case.parameters, threads=1)
    assert not watched.reads
    plan = plan_of(case.declared, image, *further, parameters=case.parameters, ndim=ndim, channel_axis=axis)
    assert needed.result == np.prod(plan.shape) * plan.dtype.itemsize
    assert needed.beside == largest_block(plan)
    after = needs_of(plan, threads=1)
    assert (after.parameters, after.work, after.memory) == (needed.parameters, needed.work, needed.memory)


@pytest.mark.parametrize(
    ("name", "parameters", "ndim"),
    [
        ("gaussian", {"sigma": 3.0}, 2), ("rotate", {"angle": 30.0}, 2), ("richardson_lucy", {"num_iter": 2}, 3),
        ("wiener", {}, 2),
        *nightly(("median", {"size": 5.0}, 2), ("adjust_gamma", {}, 2), ("denoise_tv_chambolle", {"num_iter": 3}, 3)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("threads", [2, *nightly(1)])
def test_a_run_takes_what_is_told_and_not_much_less(name, parameters, ndim, threads):
    op = operations()[name]
    image = np.abs(gray("f4", (3, 900, 800) if ndim == 2 else (40, 120, 120)))
    image[0, 0, 0] = np.nan  # what is told is for images that may have holes
    images = [np.ones((5,) * ndim, np.float32)] if len(op.images) > 1 else []
    options = {"ndim": ndim, "value_range": (0.0, 2.0)}
    needed = needs(op, image, images, Options(**options), parameters, threads)
    plan = plan_of(op, image, *images, parameters=parameters, **options)
    result_of(plan, threads)  # code is loaded
    gc.collect()
    tracemalloc.start()
    result_of(plan, threads)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= needed.memory + MIB // 4
    assert needed.memory <= 4 * peak


def test_work_counts_pixels_that_are_computed_and_iterations():
    gaussian, rescale, lucy = (operations()[name] for name in ("gaussian", "rescale", "richardson_lucy"))
    stack = np.broadcast_to(np.uint16(1), (7, 300, 200))
    assert needs(gaussian, stack).work == stack.size
    assert needs(gaussian, stack, options=Options(scope={0: 3})).work == 300 * 200
    assert needs(rescale, stack, parameters={"scale": 2.0}).work == 4 * stack.size
    assert needs(rescale, stack, parameters={"scale": 0.5}).work == stack.size
    psf = np.ones((3, 3))
    few, many = (needs(lucy, stack, (psf,), parameters={"num_iter": count}) for count in (10, 30))
    assert many.work == 3 * few.work == 30 * stack.size
    assert many.parameters == few.parameters
    assert needs(lucy, stack, (np.ones((5, 5)),)).parameters != few.parameters


def test_runs_of_another_kind_tell_nothing():
    op = operations()["gaussian"]
    image = np.zeros((20, 30), np.float32)
    usual = needs(op, image, threads=2)
    others = [
        needs(op, image.astype("u1"), threads=2),
        needs(op, Watched(image), threads=2),
        needs(op, image, threads=1),
    ]
    others += [needs(op, np.zeros((9, 9, 9), "f4"), options=Options(ndim=3), threads=2)]
    assert len({n.kind for n in (usual, *others)}) == 5
    speeds = Speeds()
    speeds.add(usual, 3.0)
    assert speeds.guess(usual).seconds == pytest.approx(3.0)
    assert all(speeds.guess(other) is None for other in others)


def needed(work, parameters="a", kind="k"):
    return Needs(kind, parameters, float(work), 0, 0)


def test_time_follows_the_pixels_and_the_fastest_of_runs_that_are_alike():
    speeds = Speeds()
    assert speeds.guess(needed(1)) is None
    speeds.add(needed(1000), 30.0)  # with kernels to compile
    speeds.add(needed(1000), 2.0)
    speeds.add(needed(2000), 5.0)
    start = 0.05
    assert speeds.guess(needed(10_000)) == (pytest.approx(start + 10 * (2.0 - start)), True)
    other = speeds.guess(needed(10_000, "b"))
    assert other == (pytest.approx(start + 5 * (5.0 - start)), False), "of other parameters, the last run counts"
    speeds.add(needed(1000, "b"), 9.0)
    assert speeds.guess(needed(10_000, "b")) == (pytest.approx(start + 10 * (9.0 - start)), True)
    assert speeds.guess(needed(10_000)).seconds < 20


def test_a_run_of_a_moment_tells_nothing_of_a_long_one():
    speeds = Speeds()
    speeds.add(needed(100), 0.09)
    assert speeds.guess(needed(1600)).seconds == pytest.approx(0.05 + 16 * 0.04)
    assert speeds.guess(needed(1601)) is None
    speeds.add(needed(100), 0.2)
    assert speeds.guess(needed(10_000)).seconds == pytest.approx(0.05 + 100 * 0.15)


def test_what_is_kept_is_bounded_and_read_again():
    speeds = Speeds()
    for kind in range(400):
        for run in range(10):
            speeds.add(needed(run + 1, kind=f"k{kind}"), 1.0)
    table = speeds.table
    assert len(table) == 100
    assert "k399" in table
    assert "k0" not in table
    assert [work for _, work, _ in table["k399"]] == list(range(3, 11))
    assert Speeds(table).table == table
    damaged = {"a": [["x", 0, 1], ["x", "y", 1], 3, ["x", 10.0, 2.0]], "b": 7, "c": []}
    assert Speeds(damaged).table == {"a": [["x", 10.0, 2.0]]}


def test_only_what_takes_more_than_a_moment_or_a_tenth_of_the_memory_is_said():
    assert Forecast(Guess(0.9, True), GIB, 11 * GIB).text == ""
    assert Forecast(Guess(41.7, True), GIB, 11 * GIB).text == "about 42 s"
    assert Forecast(None, 6 * GIB // 5, 11 * GIB).text == "1.2 GiB"
    assert Forecast(Guess(130.0, False), 3 * GIB, 11 * GIB).text == "2 min (from other settings), 3 GiB"
    assert Forecast(Guess(3.0, True), 3 * GIB, 2 * GIB).text == "about 3 s, 3 GiB of 2 GiB free"


def test_the_explanation_says_which_run_the_time_is_judged_by():
    alike, other = (Forecast(Guess(60.0, is_alike), GIB, 2 * GIB).explanation for is_alike in (True, False))
    assert "by the fastest earlier run on such an image with the same parameters, in proportion to pixels and" in alike
    assert "by the last run on such an image, which had other parameters, in proportion to pixels and iter" in other


def test_runs_one_after_the_other_keep_their_results():
    speeds = Speeds()
    speeds.add(needed(1000), 2.0)
    runs = [Needs("k", "a", 1000.0, 100, 30), Needs("k", "b", 2000.0, 200, 10)]
    told = forecast(runs, speeds, 1000)
    assert told == (Guess(pytest.approx(0.05 + 1.95 + 0.05 + 2 * 1.95), False), 330, 1000)
    assert forecast([*runs, needed(1, kind="unknown")], speeds, 1000).time is None
