"""The median filter: scipy.ndimage to the bit, whatever way it takes."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from cases import plane
from napari_mathimg import Options, apply, operations
from napari_mathimg.methods import median
from nightly import nightly
from planning import gray, plan_of, same, stops_soon

DTYPES = ("?", "u1", "u2", "f4", *nightly("i1", "i2", "u4", "i4", "u8", "i8", "f2", "f8"))
# What numpy.pad calls the edge modes.
MODES = {"constant": "constant", "nearest": "edge", "reflect": "symmetric", "mirror": "reflect", "grid-wrap": "wrap"}
SIZES = ((1, 1), (3, 3), (5, 5), (1, 3), (7, 1), (3, 9), (7, 7), (11, 11), (13, 11), (1, 201))


def by_scipy(image, size, **mode):
    """What scipy gives, which does not know float16."""
    plain = image.astype("f4") if image.dtype == "f2" else image
    return ndi.median_filter(plain, size, **{"mode": "nearest", **mode}).astype(image.dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_planes_equal_scipy(dtype, size):
    image = gray(dtype)
    assert same(apply(image, "median", size=size), by_scipy(image, size))


@pytest.mark.parametrize("dtype", ["?", "u1", "u2", "f4", *nightly("i2", "i4")])
@pytest.mark.parametrize("size", [(3, 3, 3), (5, 3, 1), (1, 5, 5), (5, 5, 5), (7, 5, 5), (1, 3, 3)], ids=str)
def test_volumes_equal_scipy(dtype, size):
    image = gray(dtype, (9, 17, 13))
    result = apply(image, "median", size=size, options=Options(ndim=3))
    assert same(result, by_scipy(image, size))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [3, (5, 9), 15])
@pytest.mark.parametrize("dtype", ["u2", "f8"])
def test_every_edge_mode_equals_scipy(mode, size, dtype):
    image = gray(dtype)
    result = apply(image, "median", size=size, mode=mode, cval=0.3)
    assert same(result, by_scipy(image, size, mode=mode, cval=0.3))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 3)], ids=str)
@pytest.mark.parametrize("size", [3, 5, 7, 41])
def test_windows_larger_than_the_image_are_filled_as_numpy_pads(mode, shape, size):
    """With even axes, scipy takes wrong pixels for windows far larger than the image."""
    image, r = gray("u1", shape), size // 2
    padded = np.pad(image, r, MODES[mode], **({"constant_values": 9} if mode == "constant" else {}))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size))
    assert same(apply(image, "median", size=size, mode=mode, cval=9.0), np.median(windows, axis=(2, 3)).astype("u1"))


@pytest.mark.parametrize(("size", "taken"), [(1.0, 1), (1.9, 1), (2.0, 3), (3.4, 3), (4.0, 5), (5.99, 5)])
def test_the_window_is_the_nearest_odd_number_of_pixels(size, taken):
    image = plane()
    assert same(apply(image, "median", size=size), by_scipy(image, taken))


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f4"])
@pytest.mark.parametrize("size", [(1, 7, 7), (3, 3, 3), (1, 3, 5)], ids=str)
def test_networks_and_counting_agree_on_noise(dtype, size, monkeypatch):
    rng = np.random.default_rng(1)
    image = (rng.random((4, 40, 60)) * 250).astype(dtype)
    by_network = median.medians(image, size)
    monkeypatch.setattr(median, "MAX_WIRES", 0)
    assert same(median.medians(image, size), by_network)


@pytest.mark.parametrize("size", [3, 5, 7, 15])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_jumps_between_the_ends_of_a_type_are_followed(size, dtype):
    top = 1 if dtype == "f4" else np.iinfo(dtype).max
    image = np.kron(np.indices((5, 7)).sum(0) % 2, np.ones((9, 8))) * top
    image = image.astype(dtype)
    assert same(apply(image, "median", size=size), by_scipy(image, size))


def test_colors_are_filtered_one_by_one():
    image = np.stack([gray("u1"), gray("u1")[::-1], gray("u1")[:, ::-1]], -1)
    result = apply(image, "median", size=5, options=Options(channel_axis=-1))
    for c in range(3):
        assert same(result[..., c].copy(), by_scipy(image[..., c], 5))


@pytest.mark.parametrize("size", [3, 7, 15])
def test_a_constant_image_and_missing_numbers_stay(size):
    image = np.full((20, 20), 0.3, np.float32)
    assert same(apply(image, "median", size=size), image)
    image[3, 4], image[10, 10:13] = np.nan, np.inf
    assert same(apply(image, "median", size=size), image)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (0, r"size=0: must be a finite number from 1 to 1023\spx"),
        (1025, r"size=1025: must be a finite number from 1 to 1023\spx"),
        (
            (1023, 1023, 3),
            r"size=\(1023.0, 1023.0, 3.0\): must give a window of at most 1\s048\s576 pixels, not 3\s139\s587",
        ),
        ((3, 3), r"size=\(3.0, 3.0\): must be one value, or 3 values for 3 axes"),
    ],
)
def test_windows_that_cannot_be_are_refused(size, message):
    with pytest.raises(ValueError, match=message):
        apply(np.zeros((4, 5, 6)), "median", size=size, options=Options(ndim=3))


@pytest.mark.parametrize("n", [2, 3, 5, 9])
@pytest.mark.parametrize("sections", [1, 3, 5])
def test_networks_sort_and_select_all_of_zeros_and_ones(n, sections):
    """A network that is right for zeros and ones is right for all (Knuth, The Art of Computer Programming 3, 5.3.4)."""
    sort, select, middle = median.networks(n, sections)
    columns = (np.arange(2**n) >> np.arange(n)[:, None]) & 1
    assert (np.diff(run_network(columns.copy(), sort), axis=0) >= 0).all()
    ones = np.indices((n + 1,) * sections).reshape(sections, -1)
    wires = (np.arange(n)[None, :, None] >= n - ones[:, None]).astype(int).reshape(n * sections, -1)
    expected = np.sort(wires, axis=0)[n * sections // 2]
    np.testing.assert_array_equal(run_network(wires, select)[middle], expected)


def run_network(wires, program):
    for a, b, kept in program:
        low, high = np.minimum(wires[a], wires[b]), np.maximum(wires[a], wires[b])
        if kept != 2:
            wires[a] = low
        if kept != 1:
            wires[b] = high
    return wires


@pytest.mark.parametrize(("dtype", "size"), [("u2", 201), ("f4", 101), ("f4", 11)])
def test_a_run_can_be_stopped_on_the_way(dtype, size):
    image = (np.random.default_rng(0).random((600, 600)) * 60000).astype(dtype)
    plan = plan_of(operations()["median"], image, parameters={"size": size})
    visits = size if size > 11 else size**2  # what enters the window's counts, or passes its network, for each pixel
    assert stops_soon(plan, 8 * visits * 2**18)
