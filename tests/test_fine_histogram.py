"""The fine counts behind the histogram dock, against NumPy, SciPy and scikit-image."""

import math

import dask.array as da
import numpy as np
import pytest
import scipy.stats
import zarr
from skimage import data, draw
from skimage.measure import shannon_entropy

from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine.facts.sizes import nbytes_of
from napari_mathimg.histogram import (
    Polygons,
    Region,
    Sampled,
    counting,
    histogram,
    region,
    tally,
    tally_steps,
)
from planning import ours
from test_histogram import EXTREME, TYPES, Spy, noise


def finite(image):
    x = np.asarray(image).ravel()
    return x[np.isfinite(x)] if x.dtype.kind == "f" else x


def luminance(image):
    return 0.2125 * image[..., 0] + 0.7154 * image[..., 1] + 0.0721 * image[..., 2]


def agrees(found, image, bins=256, span="robust", channel=0):
    """Check counts, ends and pixels in no bin against numpy.histogram on the same edges."""
    x, h = finite(image).astype(np.float64), found.histogram(bins, span)
    assert (np.diff(h.edges) > 0).all()
    assert h.counts.shape[1] <= bins
    np.testing.assert_array_equal(h.counts[channel], np.histogram(x, h.edges)[0])
    assert h.underflow[channel] == np.count_nonzero(x < h.edges[0])
    assert h.overflow[channel] == np.count_nonzero(x > h.edges[-1])
    assert h.nonfinite[channel] == np.asarray(image).size - x.size
    return h


@pytest.mark.parametrize("span", ["robust", "data", (-20.5, 77.3), (3000, 9000)])
@pytest.mark.parametrize("bins", [1, 100, 256, 2**16])
@pytest.mark.parametrize("dtype", TYPES)
def test_counts_are_those_of_numpy_on_the_same_edges(dtype, bins, span):
    image = noise((61, 167), dtype)
    agrees(tally(Region(image)), image, bins, span)


@pytest.mark.parametrize("shape", [(501,), (1,), (30, 40), (5, 30, 40), (2, 3, 20, 21)])
@pytest.mark.parametrize("dtype", TYPES)
def test_statistics_are_those_of_numpy(dtype, shape):
    image = noise(shape, dtype)
    found = tally(Region(image))
    x, s = finite(image).astype(np.float64), found.statistics()
    assert (s.pixels, s.low, s.high) == (x.size, x.min(), x.max())
    np.testing.assert_allclose([s.mean, s.standard_deviation], [x.mean(), x.std()], rtol=1e-12, atol=1e-12)
    exact = found.has_levels
    for q in (0, 0.0035, 0.25, 0.5, 0.99, 1):
        assert found.quantile(q) == pytest.approx(np.quantile(x, q), abs=1e-9 + found.quantile_width(q))
    assert image.dtype.itemsize > 2 or not found.widths.any()
    if not exact:
        inside = np.histogram(x, found.histogram(256).edges)[0]
        assert s.entropy == pytest.approx(scipy.stats.entropy(inside, base=2), abs=1e-12)
    if exact:
        assert s.median == np.median(x)
        assert s.entropy == pytest.approx(shannon_entropy(image))


def test_numbers_without_levels_are_told_apart_to_a_part_of_their_robust_range():
    image = noise((300, 300), "f4")
    image[5, 5] = 1e30
    found = tally(Region(image))
    x = np.sort(image.ravel())
    inside = (found.starts >= x[9]) & (found.starts <= x[-10])
    assert found.widths[inside].max() <= (x[-10] - x[9]) / 2**15
    h = found.histogram(256)
    assert 250 <= h.counts.shape[1] <= 256
    assert h.edges[0] <= x[9] <= x[-10] <= h.edges[-1]
    assert h.edges[-1] - h.edges[0] < 1.01 * (x[-10] - x[9])


@pytest.mark.parametrize("dtype", ["u1", "u2", "f2", "f4", "f8", "i4", "i8", "u8"])
def test_one_hot_pixel_does_not_collapse_the_bins(dtype):
    image = noise((100, 100), dtype)
    before = tally(Region(image)).histogram(64)
    top = np.finfo(dtype).max if image.dtype.kind == "f" else np.iinfo(dtype).max
    image[7, 7] = top
    found = tally(Region(image))
    after = agrees(found, image, 64)
    wide = np.diff(before.edges).mean()
    assert after.edges[-2] - after.edges[0] < before.edges[-1] - before.edges[0] + 2 * wide
    assert after.overflow[0] >= 1
    assert found.statistics().high == float(top)


SENTINELS = {
    "u4": (2**32 - 1, lambda rng, n: rng.poisson(200, n)),
    "i4": (-(2**31), lambda rng, n: rng.poisson(200, n)),
    "i8": (2**52, lambda rng, n: rng.poisson(200, n) + 10**9),
    "f4": (-9999, lambda rng, n: rng.normal(0, 1, n)),
    "f8": (1e300, lambda rng, n: 1e6 + rng.random(n)),
}


@pytest.mark.parametrize("share", [0.02, 0.5])
@pytest.mark.parametrize("dtype", SENTINELS)
def test_sentinels_move_no_percentile_and_no_share(dtype, share):
    """As many far values as one likes: the others are told apart as finely as without them."""
    sentinel, draw_values = SENTINELS[dtype]
    rng = np.random.default_rng(9)
    image = draw_values(rng, 300_000).astype(dtype)
    spread = float(image.std())
    image[rng.random(image.size) < share] = sentinel
    found, x = tally(Region(image.reshape(500, 600))), image.astype(np.float64)
    for q in (0.001, 0.01, 0.1, 0.25, 0.45, 0.55, 0.75, 0.9):
        expected, width = np.quantile(x, q), found.quantile_width(q)
        known = np.isin(expected, [sentinel]) or image.dtype.kind != "f"
        assert width <= (0 if known else spread / 100)
        assert found.quantile(q) == pytest.approx(expected, rel=0, abs=width * (1 + 1e-9))
    below = np.quantile(x[x != sentinel], 0.3)
    assert found.share_up_to(below) == pytest.approx(np.mean(x <= below), abs=2e-4)
    agrees(found, image)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_missing_and_infinite_pixels_are_counted_apart(dtype):
    image = noise((40, 40), dtype)
    image[0, :10], image[1, :7], image[2, :5] = np.nan, np.inf, -np.inf
    found = tally(Region(image))
    agrees(found, image)
    assert found.nonfinite[0] == 22
    assert found.statistics().pixels == 1600 - 22
    nothing = tally(Region(np.full((4, 4), np.nan, dtype)))
    h = nothing.histogram(10)
    assert h.counts.sum() == 0
    assert h.edges[[0, -1]] == pytest.approx([0, 1], abs=1e-3)
    assert math.isnan(nothing.statistics().mean)
    assert math.isnan(nothing.quantile(0.5))
    assert math.isnan(nothing.share_up_to(3))


@pytest.mark.parametrize("value", [0, 1, 100])
@pytest.mark.parametrize("dtype", TYPES)
def test_constant_images(dtype, value):
    image = np.full((9, 9), value, dtype)
    found = tally(Region(image))
    h, s = agrees(found, image), found.statistics()
    assert h.counts.sum() == 81
    assert (s.mean, s.standard_deviation, s.entropy, s.low) == (float(image[0, 0]), 0, 0, s.high)
    assert h.edges[0] < s.low < h.edges[-1]
    assert h.edges[-1] - h.edges[0] <= 1


@pytest.mark.parametrize("span", ["robust", "data"])
@pytest.mark.parametrize("name", EXTREME)
def test_float64_extremes(name, span):
    agrees(tally(Region(EXTREME[name])), EXTREME[name], 256, span)


@pytest.mark.parametrize("dtype", ["u4", "i4", "u8", "i8"])
def test_levels_at_the_ends_of_wide_integers(dtype):
    ends = np.iinfo(dtype)
    image = np.array([ends.min, ends.min, ends.min + 1, 0, 5, ends.max - 1, ends.max], dtype)
    found = tally(Region(image))
    for span in ("robust", "data"):
        h = found.histogram(256, span)
        assert h.counts.sum() + h.underflow[0] + h.overflow[0] == 7
    assert found.histogram(256, "data").counts.sum() == 7
    assert (found.ends[0] == [ends.min, float(ends.max)]).all()


def test_large_neighboring_integers_keep_their_levels():
    image = 2**62 + np.arange(4096) * 1024
    found = tally(Region(image))
    assert found.starts.size == 4096
    assert found.histogram(64, "data").counts.sum() == 4096


def test_sixteen_bits_of_levels():
    image = np.repeat(np.arange(2**16, dtype=np.uint16), 3).reshape(256, -1)
    found = tally(Region(image))
    h = found.histogram(2**16, "data")
    np.testing.assert_array_equal(h.counts[0], np.full(2**16, 3))
    np.testing.assert_array_equal(h.centers, np.arange(2**16))
    assert found.statistics().entropy == 16
    assert found.statistics().saturated == 2**-16


def test_saturated_pixels():
    image = np.array([0, 255, 255, 7], np.uint8)
    assert tally(Region(image)).statistics().saturated == 0.5
    assert tally(Region(image[3:])).statistics().saturated == 0
    assert tally(Region(image.astype(float))).statistics().saturated is None
    assert tally(Region(np.array([2**31 - 1, 0], np.int32))).statistics().saturated == 0.5


def test_colors_and_their_luminance():
    image = data.astronaut()
    found = tally(Region(image, colors=True))
    assert found.channels == ("Red", "Green", "Blue", "Luminance")
    h = found.histogram(256, (0, 255))
    for c in range(3):
        np.testing.assert_array_equal(h.counts[c], np.bincount(image[..., c].ravel(), minlength=256))
    gray = np.floor(luminance(image) + 0.5)
    np.testing.assert_array_equal(h.counts[3], np.bincount(gray.astype(int).ravel(), minlength=256))
    with_opacity = np.concatenate([image, np.full((512, 512, 1), 9, np.uint8)], axis=-1)
    np.testing.assert_array_equal(tally(Region(with_opacity, colors=True)).table, found.table)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "i4", "u2"])
def test_colors_of_other_types(dtype):
    image = (data.astronaut()[::4, ::4] * 0.7).astype(dtype)
    found = tally(Region(image, colors=True))
    for c in range(3):
        agrees(found, image[..., c], channel=c)
    light = luminance(image.astype(np.float64))
    light = np.floor(light + 0.5) if image.dtype.kind != "f" else light.astype(dtype)
    agrees(found, light.astype(dtype), channel=3)


def test_shares_and_ranges():
    camera = data.camera()
    found = tally(Region(camera))
    assert found.between(150, 160) == np.count_nonzero((camera >= 150) & (camera <= 160))
    assert found.snapped(159.7, 149.8) == (150, 160)
    for value in (0, 13, 150, 255):
        assert found.share_up_to(value) == np.count_nonzero(camera <= value) / camera.size
        assert found.share_up_to(value) == pytest.approx(
            scipy.stats.percentileofscore(camera.ravel(), value, "weak") / 100
        )
    real = noise((200, 200), "f4")
    found = tally(Region(real))
    low, high = found.snapped(0.3, 200.1)
    assert abs(low - 0.3) <= found.quantile_width(found.share_up_to(0.3))
    assert found.between(low, high) == np.count_nonzero((real >= low) & (real < high))


def test_the_robust_range_is_that_of_the_exact_histogram():
    image = noise((200, 300), "u2")
    one, other = tally(Region(image)).histogram(256), histogram(image, bins=256)
    np.testing.assert_array_equal(one.edges, other.edges)
    np.testing.assert_array_equal(one.counts[0], other.counts)


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4", "f8", "i4"])
def test_threads_and_blocks_do_not_matter(dtype, monkeypatch):
    image = noise((40, 50, 60), dtype)
    expected = tally(Region(image), threads=1)
    monkeypatch.setattr(region, "PIXELS", 2**10)
    for threads in (1, 3):
        found = tally(Region(image), threads=threads)
        np.testing.assert_array_equal(found.starts, expected.starts)
        np.testing.assert_array_equal(found.table, expected.table)
        assert found.mean[0] == pytest.approx(expected.mean[0], rel=1e-13)


LATE = {
    "steps": [np.zeros(5000), np.linspace(1, 2, 5000), np.linspace(1e3, 1e6, 50_000)],
    "a drift": [np.linspace(k, k + 1, 3000) ** 3 for k in range(20)],
    "far apart": [np.full(5000, 7.0), np.linspace(2e9, 2.1e9, 20_000), np.full(9000, 8.0)],
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "u8", "i8"])
@pytest.mark.parametrize("rising", [1, -1])
@pytest.mark.parametrize("name", LATE)
def test_values_that_come_late_are_counted_where_they_lie(name, rising, dtype, threads, monkeypatch):
    """Cells fitted to the first and last pixels and some between hold all others, to a part of their value."""
    monkeypatch.setattr(region, "PIXELS", 2**12)
    image = np.concatenate(LATE[name])[::rising].astype(dtype)
    found = tally(Region(Spy(image, (500,))), threads=threads)
    for span in ("robust", "data"):
        agrees(found, image, 256, span)
    beside_0 = found.starts != 0
    assert (found.widths <= np.abs(found.starts) / (128 if dtype == "f4" else 16))[beside_0].all()
    for q in (0.01, 0.3, 0.5, 0.9, 0.99):
        expected = np.quantile(image.astype(np.float64), q)
        assert found.quantile(q) == pytest.approx(expected, abs=1e-9 + found.quantile_width(q))
    x, s = image.astype(np.float64), found.statistics()
    np.testing.assert_allclose([s.mean, s.standard_deviation], [x.mean(), x.std()], rtol=1e-10)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_smallest_negative_number_is_below_zero(dtype):
    image = np.concatenate([np.linspace(0, 1e9, 1000), [-np.finfo(dtype).smallest_subnormal]]).astype(dtype)
    found = tally(Region(image))
    assert found.starts[0] < 0
    agrees(found, image, 256, "data")


def test_boxes_planes_and_masks():
    image = noise((4, 60, 70), "u2")
    labels = np.zeros((60, 70), np.int32)
    labels[10:30, 5:50], labels[40:50, 40:60] = 3, 7
    plane = ((2, 3), (0, 60), (0, 70))
    agrees(tally(Region(image, plane)), image[2])
    agrees(tally(Region(image, ((2, 3), (5, 40), (8, 9)))), image[2, 5:40, 8:9])
    flat = np.array([[0, 1, 0, 0], [0, 0, 1, 0]])
    agrees(tally(Region(image, plane, mask=Sampled(labels, 3, flat))), image[2][labels == 3])
    agrees(tally(Region(image, mask=Sampled(labels, None, flat))), image[:, labels > 0])
    halved = Sampled(labels, 3, np.array([[0, 0.5, 0, 0], [0, 0, 0.5, 0]]))
    rows, columns = (np.floor(np.arange(n) / 2 + 0.5).astype(int) for n in (60, 70))
    agrees(tally(Region(image, plane, mask=halved)), image[2][labels[np.ix_(rows, columns)] == 3])
    turned = Sampled(labels, 3, np.array([[0, 0, 1, 0], [0, 1, 0, 0]]))
    at = np.zeros((60, 70), bool)
    at[:60, :60] = (labels == 3).T[:60, :60]
    agrees(tally(Region(image, plane, mask=turned)), image[2][at])
    empty = tally(Region(image, plane, mask=Sampled(labels, 99, flat)))
    assert empty.pixels == empty.histogram().counts.sum() == 0
    assert tally(Region(image.astype("f4"), plane, mask=Sampled(labels, 99, flat))).pixels == 0


def test_polygons_hold_the_pixels_whose_centers_they_hold():
    rng = np.random.default_rng(3)
    image = noise((90, 80), "u2")
    for corners in (3, 4, 7, 40):
        polygon = rng.uniform(-10, 95, (corners, 2))
        expected = draw.polygon2mask(image.shape, polygon)
        found = Polygons((polygon,), (0, 1)).inside(((0, 90), (0, 80)), (1, 1))
        np.testing.assert_array_equal(found, expected)
        part = Polygons((polygon,), (0, 1)).inside(((10, 60), (20, 80)), (3, 7))
        np.testing.assert_array_equal(part, expected[10:60:3, 20:80:7])
        swapped = Polygons((polygon,), (1, 0)).inside(((0, 80), (0, 90)), (1, 1))
        np.testing.assert_array_equal(swapped, expected.T)
        agrees(tally(Region(image, mask=Polygons((polygon,), (0, 1)))), image[expected])


@pytest.mark.parametrize("dtype", ["u2", "f4"])
def test_the_first_look_is_strided_and_at_few_pixels(dtype):
    image = noise((2000, 2000), dtype)
    steps = tally_steps(Region(image))
    first = next(steps).tally
    assert not first.exact
    assert first.wanted == image.size
    assert 2**14 < first.pixels < 2**18
    steps.close()
    assert first.quantile(0.5) == pytest.approx(np.median(image), abs=0.05 * float(image.std()))
    assert all(answer.tally is None or not answer.tally.exact for answer in tally_steps(Region(image)))
    assert tally(Region(image)).exact


@pytest.mark.parametrize("chunks", [(1, 64, 128), (3, 300, 7), ((2, 1), (200, 100), (128, 128, 44))])
def test_lazy_chunks_are_read_once_and_shown_on_the_way(chunks, monkeypatch):
    monkeypatch.setattr(counting, "INTERVAL", 0)
    monkeypatch.setattr(region, "PIXELS", 2**12)
    image = noise((3, 300, 300), "f4")
    spy = Spy(image, chunks)
    answers = list(tally_steps(Region(spy), threads=2))
    assert (spy.read == 1).all()
    partial = [a.tally for a in answers if a.tally is not None]
    assert partial
    assert all(not t.exact and 0 < t.pixels <= t.wanted == image.size for t in partial)
    spy.read[:] = 0
    agrees(tally(Region(spy)), image)
    assert (spy.read == 1).all()


def test_the_coarsest_level_is_shown_first():
    image = noise((300, 300), "u2")
    fine, coarse = Spy(image, (100, 100)), Spy(image[::4, ::4], (50, 50))
    steps = tally_steps(Region(fine), Region(coarse))
    first = next(steps).tally
    np.testing.assert_array_equal(first.starts, np.unique(image[::4, ::4]))
    assert not first.exact
    assert not fine.read.any()
    list(steps)
    assert (fine.read == 1).all()
    assert (coarse.read == 1).all()


@pytest.mark.parametrize("lazy", [False, True])
def test_cells_are_fitted_to_all_of_a_coarse_level(lazy, monkeypatch):
    """Its first planes are black; the median is known as exactly as without it."""
    monkeypatch.setattr(region, "PIXELS", 128 * 128)
    image = (1e6 + np.random.default_rng(0).uniform(0, 100, (12, 128, 128))).astype(np.float32)
    image[:4] = 0
    coarse = Spy(image[:, ::2, ::2], (1, 64, 64)) if lazy else image[:, ::2, ::2].copy()
    for counts in (
        next(tally_steps(Region(Spy(image, (1, 128, 128))), Region(coarse))).tally,
        run_to_end(tally_steps(Region(Spy(image, (1, 128, 128))), Region(coarse))),
    ):
        assert counts.quantile_width(0.5) <= 0.25
        shown = image if counts.exact else image[:, ::2, ::2]
        assert abs(counts.quantile(0.5) - np.quantile(shown, 0.5)) <= 0.25


def test_lazy_arrays_count_as_numpy_does(tmp_path):
    image = noise((3, 40, 50), "f4")
    stored = zarr.create_array(str(tmp_path / "image.zarr"), shape=image.shape, dtype="f4", chunks=(1, 17, 50))
    stored[:] = image
    for lazy in (stored, da.from_array(image, chunks=(2, 13, 11)), Spy(image)):
        found = tally(Region(lazy))
        agrees(found, image)
        box = ((1, 3), (3, 39), (0, 50))
        agrees(tally(Region(lazy, box)), image[1:3, 3:39])


def test_closing_stops_reading(monkeypatch):
    spy = Spy(noise((64, 64, 64), "f4"), (1, 64, 64))
    monkeypatch.setattr(region, "PIXELS", 64 * 64)
    steps = tally_steps(Region(spy), threads=1)
    next(steps)
    next(steps)
    steps.close()
    assert spy.read.sum() < spy.read.size
    assert not ours()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"array": np.zeros(3, complex)}, "image: must hold real numbers of at most 64 bits, not complex128"),
        ({"array": np.zeros((3, 0))}, "image: must have at least one pixel"),
        ({"array": np.zeros(())}, "image: must have at least one pixel"),
        ({"array": np.zeros((3, 5)), "colors": True}, "colors=True: must have a last axis of 3"),
        ({"array": np.zeros((3, 5)), "box": ((0, 3), (2, 6))}, r"box=.*: must be .* within each of the axes \(3, 5\)"),
        ({"array": np.zeros((3, 5)), "box": ((0, 3),)}, "box=.*within each"),
    ],
)
def test_regions_that_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        Region(**arguments)


@pytest.mark.parametrize("span", ["full", (2, 1), (0, np.inf), 5, None])
def test_spans_that_cannot_be(span):
    with pytest.raises(ValueError, match=r"span=.*: must be 'robust', 'data', or two finite numbers"):
        tally(Region(np.zeros(3))).histogram(10, span)


@pytest.mark.parametrize("bins", [0, -1, 2.5, True])
def test_numbers_of_bins_that_cannot_be(bins):
    with pytest.raises(ValueError, match=f"bins={bins}: must be a whole number of at least 1"):
        tally(Region(np.zeros(3))).histogram(bins)


def test_its_bytes_hold_for_all_that_it_keeps_once_it_is_used():
    found = tally(Region(np.random.default_rng(0).normal(size=(300, 300)).astype("f4")))
    before = nbytes_of(found)
    found.histogram(256)
    found.statistics()
    arrays = [value for value in vars(found).values() if isinstance(value, np.ndarray)]
    assert sum(array.nbytes for array in arrays) <= before == nbytes_of(found)
