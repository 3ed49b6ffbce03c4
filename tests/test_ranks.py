"""Equalization, matching and percentiles of values in any range, against ranks that NumPy finds by sorting."""

import tracemalloc

import dask.array as da
import numpy as np
import pytest

from napari_mathimg import Options, apply
from napari_mathimg.catalog import find
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine.source import Source
from napari_mathimg.engine.value_range import find_ranked, percentile_ranks
from nightly import nightly, some
from planning import plan_of

SHAPE = (640, 700)  # several tiles
TOLERANCE = 1e-4  # of the pixels
FAR = {"u4": 2**32 - 1, "i4": -(2**31), "i8": 2**52, "f4": 3e38, "f8": -1e300}


def fractions(image):
    """Return the fraction of pixels at or below each value."""
    order = np.argsort(image, None, kind="stable")
    rising = image.ravel()[order]
    up_to = np.searchsorted(rising, rising, "right") / image.size
    found = np.empty(image.size)
    found[order] = up_to
    return found.reshape(image.shape)


def skewed(dtype, share=0.0):
    """Lognormal values, some of them far away."""
    rng = np.random.default_rng(5)
    image = rng.lognormal(6, 1.5, SHAPE).astype(dtype)
    image[rng.random(SHAPE) < share] = FAR.get(dtype, 0)
    image[3, 4] = FAR.get(dtype, image[3, 4])
    return image


def equalized(image):
    """Return the fraction of the value range that each pixel becomes."""
    low, high = float(image.min()), float(image.max())
    middle = apply(image.astype(np.float64), "equalize_hist", options=Options(value_range=(low, high)))
    return middle / (high - low) - low / (high - low)


@pytest.mark.parametrize("share", [0.0, 0.5, *nightly(0.02)])
@pytest.mark.parametrize("dtype", FAR)
def test_equalization_follows_ranks_whatever_far_values_there_are(dtype, share):
    image = skewed(dtype, share)
    assert np.abs(equalized(image) - fractions(image)).max() <= TOLERANCE
    if image.dtype.kind == "f":  # in its own type too
        plan = plan_of(find("equalize_hist"), image)
        assert np.abs(plan.measured[(), 0].fractions(image) - fractions(image)).max() <= TOLERANCE


def test_equalization_of_few_pixels_takes_little_memory():
    """No two values are the same, so that cells are split as often as they ever are."""
    image = np.random.default_rng(0).random((150, 170))
    plan_of(find("equalize_hist"), image)  # loads and compiles
    tracemalloc.start()
    plan = plan_of(find("equalize_hist"), image)
    held, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    cells = plan.measured[(), 0].counted.cells.starts.nbytes
    assert (
        held < 6 * cells
    )  # for each: start, size, count, first and last key; and the cells that these were split from
    assert most < 6 * cells
    assert np.abs(plan.measured[(), 0].fractions(image) - fractions(image)).max() <= 1 / image.size


@pytest.mark.parametrize("dense", [[1.0], [1.0, 1.0 + 3e-9, 200.0]])
def test_values_within_values_within_values_keep_their_ranks(dense):
    """Most pixels within 1e-13 of a few numbers, some 10^6 times as far from these, others 10^6 times as far again."""
    rng = np.random.default_rng(7)
    image = rng.choice(dense, SHAPE) * (1 + 1e-13 * rng.random(SHAPE))
    for far in (1 + 1e-7, 1 + 3e-2, 1e10, -1e200):
        image[rng.random(SHAPE) < 1e-4] *= far
    plan = plan_of(find("equalize_hist"), image)
    assert np.abs(plan.measured[(), 0].fractions(image) - fractions(image)).max() <= TOLERANCE
    assert plan.measured[(), 0].counted.cells.starts.size < 2**18


@pytest.mark.parametrize("dtype", ["f4", "u2", "i2"])
def test_quartiles_of_skewed_images_lie_where_they_should(dtype):
    """In every type the same: the map was squeezed into the top for floating point."""
    image = skewed(dtype) if dtype != "i2" else (skewed("u2") // 2).astype("i2") - 20000
    result = apply(image, "equalize_hist", options=Options(dtype="float32"))
    share = (result - image.min()) / (float(image.max()) - float(image.min()))
    image = skewed("u2") if dtype == "u2" else image
    for q in (25, 50, 75):
        value = np.percentile(image, q, method="lower")
        assert share[image == value][0] == pytest.approx(fractions(image)[image == value][0], abs=2e-4)


@pytest.mark.parametrize("far", [2.0**32 - 1, -1e30, 3e38])
def test_a_hot_pixel_leaves_all_levels(far):
    """110 gray levels stay 110 where one pixel is far away, and each gets its exact share."""
    image = np.random.default_rng(0).integers(100, 210, SHAPE).astype(np.float32)
    image[7, 7] = far
    plan = plan_of(find("equalize_hist"), image)
    share = plan.measured[(), 0].fractions(image)
    assert np.unique(share).size == 111
    np.testing.assert_array_equal(share, fractions(image))


@pytest.mark.parametrize("dtype", some(FAR, "f4", "i8"))
def test_matched_images_have_the_ranks_of_the_reference(dtype):
    image, rng = skewed(dtype, 0.02).astype(np.float64), np.random.default_rng(6)
    reference = rng.gamma(2, 100, (500, 300))
    reference[0, :3] = 1e12, -1e12, 1e9
    result = apply(image, "match_histograms", reference)
    there = np.searchsorted(np.sort(reference, None), result, "right") / reference.size
    assert np.abs(there - fractions(image)).max() <= TOLERANCE


@pytest.mark.parametrize("spread", [1e-3, 1e-9])
def test_values_that_differ_in_their_last_digits_are_told_apart(spread):
    image = 1e6 + spread * np.random.default_rng(1).random(SHAPE)
    image[0, 0] = -1e300
    plan = plan_of(find("equalize_hist"), image)
    assert np.abs(plan.measured[(), 0].fractions(image) - fractions(image)).max() <= TOLERANCE


@pytest.mark.parametrize("dtype", ["f4", "u2"])
@pytest.mark.parametrize("hot", [65535, 1e6])
def test_clahe_keeps_its_levels_beside_a_hot_pixel(dtype, hot):
    """It counts from the 0.01th to the 99.99th percentile, and what lies beyond is saturated."""
    image = np.random.default_rng(2).integers(200, 534, (512, 512)).astype(dtype)
    expected = np.unique(apply(image, "equalize_adapthist")).size
    image[100, 100] = min(hot, 65535) if dtype == "u2" else hot
    result = apply(image, "equalize_adapthist")
    assert np.unique(result).size >= 0.99 * expected
    assert (result[100, 100], result.max()) == (533, 533)


@pytest.mark.parametrize("dtype", ["f4", "u2"])
def test_clahe_keeps_point_sources_that_percentiles_leave_out(dtype):
    """On 25 of 262,144 pixels; percentiles that the user chose stay as they are."""
    image = np.zeros((512, 512), dtype)
    image[::120, ::120] = 5000 + np.arange(25).reshape(5, 5)
    result = apply(image, "equalize_adapthist")
    np.testing.assert_array_equal(result, apply(image, "equalize_adapthist", options=Options(value_range=(0, 5024))))
    assert result.max() > 0.9 * image.max()
    chosen = plan_of(find("equalize_adapthist"), image, value_range=("percentiles", 1, 99))
    assert (chosen.value_ranges[()].low, chosen.value_ranges[()].high, chosen.saturated) == (0, 0, 25)
    kept = plan_of(find("equalize_adapthist"), np.stack([image, image * 0 + 7]), statistics="item")
    assert [(v.low, v.high) for v in kept.value_ranges.values()] == [(0, 5024), (7, 7)]
    assert kept.saturated == 0


TYPES = ("bool", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8")


@pytest.mark.parametrize("percentiles", [(0.1, 99.9), (0.01, 99.99), (0.0, 100.0), (25.0, 50.0)])
@pytest.mark.parametrize("dtype", TYPES)
def test_percentiles_are_those_of_numpy(dtype, percentiles):
    image = np.random.default_rng(3).lognormal(3, 0.4, SHAPE).clip(0, 120).astype(dtype)
    if dtype in FAR:
        image[np.random.default_rng(4).random(SHAPE) < 0.02] = FAR[dtype]
    if image.dtype.kind == "f":
        image[0, :9], image[1, :9], image[2, :9] = np.nan, np.inf, -np.inf
    x = image[np.isfinite(image)].astype(np.float64)
    low, high = (np.percentile(x, q, method=m) for q, m in zip(percentiles, ("higher", "lower"), strict=True))
    source = Source(da.from_array(image, chunks=(100, 300)), 2)
    found = run_to_end(find_ranked(source, [()], lambda n: percentile_ranks(n, percentiles), 2))
    assert found.values == (low, high)
    assert found.outside == np.count_nonzero((x < low) | (x > high))
    assert found.data == (x.min(), x.max())


@pytest.mark.parametrize("pixels", [1, 2, 3, 100])
def test_percentiles_of_few_pixels_never_cross(pixels):
    image = np.random.default_rng(pixels).random((1, pixels))
    low, high = run_to_end(find_ranked(Source(image, 2), [()], lambda n: percentile_ranks(n, (0.1, 99.9)), 1)).values
    assert image.min() <= low <= high <= image.max()


def test_percentiles_are_the_value_range_of_every_normalized_operation():
    """Of the layer or of each plane; resolved to numbers that give the same result to the bit."""
    stack = skewed("f4", 0.001)[None] / np.array([1, 3], np.float32)[:, None, None]
    chosen = ("percentiles", 0.5, 99.5)
    ends = [
        tuple(float(np.percentile(x, q, method=m)) for q, m in ((0.5, "higher"), (99.5, "lower")))
        for x in (stack, *stack)
    ]
    plan = plan_of(find("adjust_gamma"), stack, value_range=chosen)
    assert (plan.value_ranges[()].low, plan.value_ranges[()].high) == ends[0]
    assert plan.saturated == np.count_nonzero((stack < ends[0][0]) | (stack > ends[0][1]))
    for name in ("adjust_gamma", "equalize_hist", "denoise_tv_chambolle", "equalize_adapthist"):
        crop = stack[:, :90, :80]
        own = [float(np.percentile(crop, q, method=m)) for q, m in ((0.5, "higher"), (99.5, "lower"))]
        expected = apply(crop, name, options=Options(value_range=tuple(own)))
        np.testing.assert_array_equal(apply(crop, name, options=Options(value_range=chosen)), expected)
    plan = plan_of(find("adjust_gamma"), stack, value_range=chosen, statistics="item")
    assert [(plan.value_ranges[k,].low, plan.value_ranges[k,].high) for k in range(2)] == ends[1:]


@pytest.mark.parametrize(
    "value_range", [("percentiles", 5, 5), ("percentiles", -1, 50), ("percentiles", 1, 101), ("percentile", 1, 9), (1,)]
)
def test_value_ranges_that_cannot_be(value_range):
    with pytest.raises(ValueError, match=r"value_range=\(.*: must be 'data', 'dtype', \('percentiles', low, high\)"):
        Options(value_range=value_range)
