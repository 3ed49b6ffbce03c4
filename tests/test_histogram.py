import itertools
import math
import threading

import dask.array as da
import numpy as np
import pytest
import zarr

from napari_mathimg.contract.progress import Progress, run_to_end
from napari_mathimg.histogram import given_edges as module
from napari_mathimg.histogram import histogram, histogram_steps, region
from nightly import nightly

TYPES = ("bool", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8")
INTEGERS = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")
FLOATS = ("f2", "f4", "f8")


def noise(shape, dtype, seed=0):
    """Values that fill a good part of a type's range."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return rng.normal(100, 300, shape).astype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.3
    middle, sigma = (60, 25) if dtype.itemsize == 1 else (5000, 2000)
    return rng.normal(middle, sigma, shape).clip(0, 2 * middle).astype(dtype)


def numbers(image):
    """The finite pixels in order, as exact numbers."""
    flat = np.asarray(image).astype(np.asarray(image).dtype.newbyteorder("=")).ravel()
    return np.sort(flat[np.isfinite(flat)] if flat.dtype.kind == "f" else flat)


def agrees(found, image):
    """Check a histogram against numpy.histogram on the same edges."""
    x = numbers(image).astype(np.float64)
    edges = found.edges
    assert edges.dtype == np.float64
    assert (edges[1:] > edges[:-1]).all()
    assert found.counts.dtype == np.int64
    np.testing.assert_array_equal(found.counts, np.histogram(x, edges)[0])
    assert found.underflow == np.count_nonzero(x < edges[0])
    assert found.overflow == np.count_nonzero(x > edges[-1])
    assert found.nonfinite == np.asarray(image).size - x.size
    assert found.counts.sum() + found.underflow + found.overflow + found.nonfinite == np.asarray(image).size
    return True


def same(one, two):
    """Whether two histograms are equal in everything."""
    return all(
        np.array_equal(getattr(one, name), getattr(two, name))
        for name in ("counts", "edges", "underflow", "overflow", "nonfinite")
    )


class Spy:
    """An array of which only boxes can be had; it notes how many pixels each has, and how often each is read."""

    def __init__(self, array, chunks=None):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.read = np.zeros(array.shape, int)
        self.sizes = []
        self.lock = threading.Lock()
        if chunks:
            self.chunks = chunks

    def __getitem__(self, key):
        with self.lock:
            self.read[key] += 1
            self.sizes.append(self.array[key].size)
        return self.array[key]


@pytest.mark.parametrize("given", ["robust", "data", "dtype", (-20.5, 77.3), (3000, 9000)])
@pytest.mark.parametrize("bins", [1, 256])
@pytest.mark.parametrize("dtype", TYPES)
def test_counts_are_those_of_numpy_on_the_same_edges(dtype, bins, given):
    image = noise((61, 67), dtype)
    found = histogram(image, bins=bins, range=given)
    assert agrees(found, image)
    assert found.counts.size == bins if image.dtype.kind == "f" else 1 <= found.counts.size <= bins


@pytest.mark.parametrize("shape", [(501,), (1,), (30, 40), (5, 30, 40), (2, 3, 20, 21), (2, 1, 3, 10, 11)])
@pytest.mark.parametrize("dtype", ["u2", "f4"])
def test_images_have_any_number_of_axes(shape, dtype):
    image = noise(shape, dtype)
    found = histogram(image, range="data")
    assert agrees(found, image)
    assert found.counts.sum() == image.size


@pytest.mark.parametrize("dtype", ["u2", "i4", "i8", "f2", "f4", "f8"])
def test_byte_order_and_memory_layout_do_not_matter(dtype):
    image = noise((60, 50, 4), dtype)
    expected = histogram(image.copy())
    swapped = image.astype(image.dtype.newbyteorder(">"))
    holder = np.zeros((120, 50, 8), dtype)
    holder[::2, ::-1, ::2] = image
    read_only = image.copy()
    read_only.flags.writeable = False
    for other in (swapped, np.asfortranarray(image), holder[::2, ::-1, ::2], image.T, read_only):
        assert same(histogram(other), expected)


@pytest.mark.parametrize("dtype", ["u2", "f4"])
def test_the_image_is_not_changed(dtype):
    image = noise((50, 50), dtype)
    before = image.copy()
    histogram(image)
    np.testing.assert_array_equal(image, before)


def test_every_gray_level_has_its_bin():
    image = np.repeat(np.arange(2**16, dtype=np.uint16), 3).reshape(256, -1)
    found = histogram(image, bins=2**16, range="dtype")
    np.testing.assert_array_equal(found.counts, np.full(2**16, 3))
    np.testing.assert_array_equal(found.centers, np.arange(2**16))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_counts_are_those_of_unique_levels(dtype):
    image = noise((80, 80), dtype)
    found = histogram(image, bins=2**16, range="data")
    levels, counts = np.unique(image, return_counts=True)
    np.testing.assert_array_equal(found.centers[found.counts > 0], levels)
    np.testing.assert_array_equal(found.counts[found.counts > 0], counts)


@pytest.mark.parametrize("bins", [1, 3, 10, 255, 256, 257, 1000])
@pytest.mark.parametrize("given", ["data", (0, 999), (-3, 1000), (17, 17)])
@pytest.mark.parametrize("dtype", ["u2", "i4"])
def test_integer_bins_hold_equally_many_levels(dtype, given, bins):
    """An image with every level once has no combs: all bins but the last hold as many."""
    image = np.arange(1000, dtype=dtype)
    found = histogram(image, bins=bins, range=given)
    widths = np.diff(found.edges)
    low, high = (0, 999) if given == "data" else given
    assert agrees(found, image)
    assert (widths == widths[0]).all()
    assert widths[0] == math.ceil((high - low + 1) / bins)
    assert found.edges[0] == low - 0.5
    assert high + 0.5 <= found.edges[-1] < high + 0.5 + widths[0]
    if given == "data":
        assert set(found.counts[:-1]) <= {widths[0]}


def test_a_range_of_integers_holds_the_levels_between_its_ends():
    found = histogram(np.arange(10), range=(2.2, 5.9))
    np.testing.assert_array_equal(found.edges, [2.5, 3.5, 4.5, 5.5])
    assert (found.underflow, found.overflow) == (3, 4)


def test_dtype_ranges():
    for dtype, high in (("bool", 1), ("u1", 255), ("i1", 127), ("u2", 65535), ("i2", 32767), ("i4", 2**31 - 1)):
        edges = histogram(np.zeros(4, dtype), bins=2**8, range="dtype").edges
        assert edges[0] == -0.5
        assert edges[-1] >= high + 0.5
    for dtype in FLOATS:
        edges = histogram(np.zeros(4, dtype), range="dtype").edges
        assert (edges[0], edges[-1]) == (0, 1)


@pytest.mark.parametrize("dtype", TYPES)
def test_robust_span_is_given_by_order_statistics(dtype):
    """Of n pixels, n / 10000 but at least one are left out at either end."""
    for shape in ((3,), (50, 50), (300, 210)):
        image = noise(shape, dtype)
        x = numbers(image)
        dropped = max(1, x.size // 10_000)
        low, high = x[dropped], x[-1 - dropped]
        found = histogram(image, bins=100)
        expected = histogram(image, bins=100, range=(low, high))
        assert same(found, expected)
        assert found.underflow <= dropped
        if image.dtype.kind == "f" and low < high:
            assert (found.edges[0], found.edges[-1]) == (low, high)
            assert found.underflow == found.overflow == dropped


@pytest.mark.parametrize("dtype", FLOATS)
def test_robust_span_leaves_pixels_without_a_number_aside(dtype):
    image = noise((210, 100), dtype)
    image[:100] = np.nan
    image[100, :4] = np.inf, -np.inf, np.nan, np.inf
    found = histogram(image)
    assert found.nonfinite == 100 * 100 + 4
    assert same(histogram(image[np.isfinite(image)]), module.Histogram(**{**vars(found), "nonfinite": 0}))
    assert agrees(found, image)


@pytest.mark.parametrize(
    ("dtype", "hot"),
    [("u1", 255), ("u2", 65535), ("i2", -32768), ("i4", 2**31 - 1), ("i8", -(2**63)), ("u8", 2**64 - 1),
     ("f2", 65504), ("f4", 1e30), ("f4", -3e38), ("f8", 1.7e308), ("f8", -1e30)],
)  # fmt: skip
@pytest.mark.parametrize("pixels", [400, 20_000, 19_999])
def test_a_hot_pixel_moves_the_robust_span_by_one_place_at_most(dtype, hot, pixels):
    image = noise(pixels, dtype)
    x = np.unique(numbers(image))
    with_hot = np.append(image, np.array([hot], dtype))
    before, after = histogram(image, bins=2**16), histogram(with_hot, bins=2**16)
    ends = [np.searchsorted(x, [f.edges[0], f.edges[-1]]) for f in (before, after)]
    assert np.abs(ends[0] - ends[1]).max() <= 1
    assert agrees(after, with_hot)
    assert after.overflow + after.underflow >= 1


def test_one_hot_pixel_on_a_constant_image_is_counted_outside():
    for dtype, hot in (("u2", 65535), ("f4", 1e30), ("f8", -1e300)):
        image = np.full((20, 20), 7, dtype)
        image[3, 4] = hot
        found = histogram(image)
        assert found.counts.sum() == 399
        assert (found.edges[0], found.edges[-1]) == (6.5, 7.5)
        assert found.underflow + found.overflow == 1


@pytest.mark.parametrize("given", ["robust", "data"])
@pytest.mark.parametrize("value", [0, 1, 100])
@pytest.mark.parametrize("dtype", TYPES)
def test_constant_images_and_single_pixels(dtype, value, given):
    for shape in ((1,), (1, 1), (2, 1), (9, 9)):
        image = np.full(shape, value, dtype)
        found = histogram(image, range=given)
        assert agrees(found, image)
        assert found.counts.sum() == image.size
        level = float(image.flat[0])
        assert (found.edges[0], found.edges[-1]) == (level - 0.5, level + 0.5)
        assert found.counts.size == (256 if image.dtype.kind == "f" else 1)


@pytest.mark.parametrize("given", ["robust", "data"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_images_without_a_number(dtype, given):
    found = histogram(np.full((5, 6), np.nan, dtype), bins=10, range=given)
    np.testing.assert_array_equal(found.counts, np.zeros(10))
    np.testing.assert_array_equal(found.edges, np.linspace(0, 1, 11))
    assert (found.underflow, found.overflow, found.nonfinite) == (0, 0, 30)


@pytest.mark.parametrize("given", ["robust", "data", "dtype", (-50, 200)])
@pytest.mark.parametrize("dtype", FLOATS)
def test_missing_and_infinite_pixels_are_in_no_bin(dtype, given):
    image = noise((40, 40), dtype)
    image[0, :10], image[1, :7], image[2, :5] = np.nan, np.inf, -np.inf
    found = histogram(image, range=given)
    assert found.nonfinite == 22
    assert agrees(found, image)


EXTREME = {
    "offset and tiny spread": 1e6 + np.random.default_rng(1).random(3000) * 1e-6,
    "neighboring numbers": 1e6 + np.arange(5) * np.spacing(1e6),
    "subnormal": np.arange(3000) * 5e-324,
    "one subnormal": np.array([5e-324, 5e-324]),
    "small span by zero": np.linspace(-1e-310, 1e-310, 3000),
    "whole range": np.linspace(-1, 1, 3000) * np.finfo(float).max,
    "highest number": np.full(5, np.finfo(float).max),
    "many magnitudes": 10.0 ** np.linspace(-300, 300, 3000),
    "huge outliers": np.concatenate([np.random.default_rng(2).random(3000), [1e300, -1e300]]),
    "zeros of both signs": np.array([0.0, -0.0, 0.0, -0.0]),
}


@pytest.mark.parametrize("given", ["robust", "data"])
@pytest.mark.parametrize("bins", [1, 256, 1000])
@pytest.mark.parametrize("name", EXTREME)
def test_float64_extremes(name, bins, given):
    image = EXTREME[name]
    found = histogram(image, bins=bins, range=given)
    assert found.counts.size == bins
    assert agrees(found, image)
    assert ((found.edges[:-1] <= found.centers) & (found.centers <= found.edges[1:])).all()
    if given == "data":
        assert found.counts.sum() == image.size


@pytest.mark.parametrize("given", [(-1e300, 1e300), (1e300, 1.5e300), (-1.5e300, -1e300), (0, 1e-320), (3, 3)])
@pytest.mark.parametrize("dtype", FLOATS)
def test_ranges_that_a_type_cannot_hold(dtype, given):
    ends = [np.finfo(dtype).max, np.finfo(dtype).min, np.finfo(dtype).smallest_subnormal, 0, 3, np.inf]
    image = np.array(ends, dtype)
    assert agrees(histogram(image, range=given), image)


def test_edges_between_numbers_of_a_type():
    """float32 pixels right below, on and right above every float64 edge fall on the side where they lie."""
    edges = np.linspace(0.1, 0.7, 258)
    near = edges.astype(np.float32)
    image = np.concatenate([near, np.nextafter(near, np.float32(1)), np.nextafter(near, np.float32(0))])
    for bins in (3, 257, 1000):
        found = histogram(image, bins=bins, range=(0.1, 0.7))
        np.testing.assert_array_equal(found.edges, np.linspace(0.1, 0.7, bins + 1))
        assert agrees(found, image)


@pytest.mark.parametrize(
    ("dtype", "levels"),
    [
        ("i8", [-(2**63), -(2**63) + 1, -1, 0, 1, 2**63 - 2, 2**63 - 1]),
        ("i8", [2**62, 2**62 + 1, 2**62 + 5, 2**62 + 3000]),
        ("i8", [-(2**60) - 9, -(2**60), -(2**60) + 77]),
        ("i8", [2**52 - 1, 2**52, 2**52 + 1, 2**53 - 1, 2**53, 2**53 + 1]),
        ("u8", [0, 1, 2**63, 2**64 - 2, 2**64 - 1]),
        ("u8", [2**64 - 1] * 3),
        ("i4", [-(2**31), 0, 2**31 - 1]),
        ("u4", [0, 2**32 - 1]),
    ],
)
@pytest.mark.parametrize("bins", [1, 256])
@pytest.mark.parametrize("given", ["robust", "data", "dtype", (-(2**70), 2**70), (2**70, 2**71), (-(2**71), -(2**70))])
def test_integer_extremes(dtype, levels, bins, given):
    """Counted in exact whole numbers: level i lies in the bin where edge <= i < next edge."""
    found = histogram(np.array(levels, dtype), bins=bins, range=given)
    begin = [math.ceil(edge) for edge in found.edges]
    assert (np.diff(found.edges) > 0).all()
    assert len({b - a for a, b in itertools.pairwise(begin)}) == 1
    assert len(begin) - 1 <= bins
    expected = [sum(a <= level < b for level in levels) for a, b in itertools.pairwise(begin)]
    assert found.counts.tolist() == expected
    assert found.underflow == sum(level < begin[0] for level in levels)
    assert found.overflow == sum(level >= begin[-1] for level in levels)
    if given in ("data", "dtype") and min(levels) >= 0:
        assert sum(expected) == len(levels)


def test_a_bin_that_begins_with_the_lowest_level_of_a_type():
    """Where rounding would put that level one bin lower, no number of the type lies there."""
    low, high = -9223372057867190272, -9223372028522266625
    found = histogram(np.full(5, -(2**63)), bins=162, range=(low, high))
    assert found.counts.tolist() == [5 if a == -(2.0**63) else 0 for a in found.edges[:-1]]
    assert found.counts.sum() == 5


def test_ranges_may_be_numpy_numbers():
    image = np.arange(2**60, 2**60 + 4096)
    one, two = 2**60 + 1025, 2**60 + 3001
    assert same(histogram(image, range=(np.int64(one), np.int64(two))), histogram(image, range=(one, two)))
    found = histogram(np.linspace(0, 1, 99), range=np.array([0.25, 0.75], np.float32))
    assert (found.edges[0], found.edges[-1]) == (0.25, 0.75)


@pytest.mark.parametrize(("channels", "axis"), [(1, 0), (2, -1), (3, -1), (4, 1), (70, 0), (70, 2)])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f2", "f4", "i8"])
def test_channels_are_counted_each_on_its_own_between_shared_edges(dtype, axis, channels):
    image = noise((channels, 20, 30), dtype)
    if image.dtype.kind == "f":
        image[0, 0, :3] = np.nan, np.inf, -np.inf
    found = histogram(np.moveaxis(image, 0, axis), bins=50, channel_axis=axis)
    together = histogram(image, bins=50)
    np.testing.assert_array_equal(found.edges, together.edges)
    assert found.counts.shape == (channels, together.counts.size)
    for name in ("counts", "underflow", "overflow", "nonfinite"):
        assert len(getattr(found, name)) == channels
        np.testing.assert_array_equal(getattr(found, name).sum(axis=0), getattr(together, name))
    for c in range(channels):
        one = module.Histogram(found.counts[c], found.edges, found.underflow[c], found.overflow[c], found.nonfinite[c])
        assert agrees(one, image[c])


def test_colors_of_a_photograph():
    from skimage import data

    image = data.astronaut()
    found = histogram(image, range="dtype", channel_axis=-1)
    expected = [np.bincount(image[..., c].ravel(), minlength=256) for c in range(3)]
    np.testing.assert_array_equal(found.counts, expected)


@pytest.mark.parametrize("dtype", ["u2", "f4"])
@pytest.mark.parametrize("axis", [None, 0, 3])
def test_lazy_arrays_count_as_numpy_does(tmp_path, dtype, axis):
    image = noise((3, 40, 50, 4), dtype)
    expected = histogram(image, channel_axis=axis)
    stored = zarr.create_array(str(tmp_path / "image.zarr"), shape=image.shape, dtype=dtype, chunks=(1, 17, 50, 3))
    stored[:] = image
    for lazy in (da.from_array(image, chunks=((1, 2), (7, 13, 20), 11, (1, 3))), stored, da.from_zarr(stored)):
        assert same(histogram(lazy, channel_axis=axis), expected)


@pytest.mark.parametrize("dtype", ["u2", "f4"])
def test_images_without_chunks_are_read_box_by_box(dtype):
    image = np.broadcast_to(noise((1, 500, 700), dtype), (12, 500, 700))
    spy = Spy(image)
    assert same(histogram(spy), histogram(image))
    assert max(spy.sizes) <= 2**20 < image.size
    passes = 1 if dtype == "u2" else 3  # two for the range
    assert (spy.read == passes).all()


@pytest.mark.parametrize(
    "chunks",
    [
        (1, 1100, 1300),
        (3, 64, 1300),
        ((2, 1), (500, 600), (1000, 300)),
        ((3, 0), 1100, 1300),
        *nightly(((1, 2, 50),)),
    ],
)
def test_chunks_are_read_whole_and_once_a_pass(chunks):
    image = np.broadcast_to(noise((1100, 1300), "u2"), (3, 1100, 1300))
    spy = Spy(image, chunks)
    assert same(histogram(spy), histogram(image))
    assert (spy.read == 1).all()
    largest = math.prod(max(c) if isinstance(c, tuple) else c for c in chunks)
    assert max(spy.sizes) <= max(largest, 2**20)


@pytest.mark.parametrize(("limits", "passes"), [("robust", 3), ("data", 2), ((100, 3000), 1)])
def test_a_chunk_of_all_pixels_is_read_once_a_pass_and_counted_in_parts(limits, passes, monkeypatch):
    monkeypatch.setattr(module, "PIXELS", 2**14)
    image = noise((300, 400), "f4")
    spy = Spy(image, chunks=(300, 400))
    assert same(histogram(spy, range=limits), histogram(image, range=limits))
    assert 1 <= len(spy.sizes) <= passes
    assert set(spy.sizes) == {image.size}


@pytest.mark.parametrize("dtype", ["u1", "i4", "f2", "f4", "f8"])
def test_boxes_and_threads_do_not_matter(dtype, monkeypatch):
    image = noise((13, 50, 20), dtype) + np.arange(13).astype(dtype)[:, None, None]
    for axis in (None, 0, 2):
        expected = histogram(image, channel_axis=axis)
        with monkeypatch.context() as small:
            small.setattr(region, "PIXELS", 2**8)
            for threads in (1, 2, 7):
                assert same(run_to_end(histogram_steps(image, channel_axis=axis, threads=threads)), expected)


@pytest.mark.parametrize("rising", [True, False])
def test_ramps_and_large_shares_of_equal_pixels(rising):
    """Extremes that come late, or again and again, are found as well."""
    image = np.arange(500_000, dtype=np.float32)[:: 1 if rising else -1].copy()
    found = histogram(image)
    assert (found.edges[0], found.edges[-1]) == (50, 499_949)
    image[100_000:] = image.min()
    found = histogram(image)
    x = np.sort(image)
    assert (found.edges[0], found.edges[-1]) == (x[50], x[-51])


def test_progress_is_told_and_closing_stops():
    image = Spy(noise((64, 64, 2048), "f4"))
    steps = histogram_steps(image, threads=1)
    first = next(steps)
    assert isinstance(first, Progress)
    assert (first.phase, first.done, first.total) == ("Value range", 0, 32)
    steps.close()
    assert len(image.sizes) < 32
    assert {step.phase for step in histogram_steps(image)} == {"Value range", "Histogram"}


def test_a_histogram_cannot_be_changed():
    found = histogram(np.arange(9))
    with pytest.raises(AttributeError):
        found.counts = None


@pytest.mark.parametrize(
    ("image", "arguments", "message"),
    [
        (np.zeros(3), {"bins": 0}, "bins=0: must be a whole number of at least 1"),
        (np.zeros(3), {"bins": -4}, "bins=-4: "),
        (np.zeros(3), {"bins": 2.5}, "bins=2.5: "),
        (np.zeros(3), {"bins": True}, "bins=True: "),
        (np.zeros(3), {"range": "full"}, "range='full': must be 'robust', 'data', 'dtype', or two finite numbers"),
        (np.zeros(3), {"range": (2, 1)}, r"range=\(2, 1\): "),
        (np.zeros(3), {"range": (0, np.inf)}, r"range=\(0, inf\): "),
        (np.zeros(3), {"range": (np.nan, 1)}, r"range=\(nan, 1\): "),
        (np.zeros(3), {"range": (1, 2, 3)}, r"range=\(1, 2, 3\): "),
        (np.zeros(3), {"range": 5}, "range=5: "),
        (np.zeros(3), {"range": None}, "range=None: "),
        (np.zeros(3, int), {"range": (0.2, 0.8)}, r"range=\(0.2, 0.8\): must contain at least one whole number"),
        (np.zeros((3, 4)), {"channel_axis": 2}, r"channel_axis=2: must be an axis of an image of shape \(3, 4\)"),
        (np.zeros((3, 4)), {"channel_axis": -3}, "channel_axis=-3: "),
        (np.zeros(3, complex), {}, "image: must hold real numbers, not complex128"),
        (np.zeros((3, 0)), {}, "image: must have at least one pixel"),
        (np.zeros(()), {}, "image: must have at least one pixel"),
        (np.array(["a"]), {}, "image: must hold real numbers"),
    ],
)
def test_what_cannot_be_counted_is_refused(image, arguments, message):
    with pytest.raises(ValueError, match=message):
        histogram(image, **arguments)
