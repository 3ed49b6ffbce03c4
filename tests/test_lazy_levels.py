"""Levels of lazy arrays: the finest exact, the others from coarse levels of the image, and levels kept on disk."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from importlib import import_module

import numpy as np
import pytest
from scipy import ndimage as ndi

from cases import CASES, colored
from napari_mathimg import Options, apply, lazy
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine.lazy import LazyArray, LevelStore, levels
from napari_mathimg.engine.lazy.halved import halved_levels
from napari_mathimg.engine.pyramid import Pyramid, build_pyramid, level_factors, level_matrix
from nightly import nightly
from planning import gray, label, same

level_maps, levels_module = (import_module(f"napari_mathimg.engine.lazy.{name}") for name in ("level_maps", "levels"))
HALVED = Pyramid((-2, -1), 20, True)


def smooth(shape=(163, 122), dtype="f4"):
    """Wide hills, of which a coarse level shows all, from exactly 0 to exactly 1 or the highest value of the type."""
    image = ndi.gaussian_filter(np.random.default_rng(3).random(shape), (0,) * (len(shape) - 2) + (9, 9))
    image = (image - image.min()) / np.ptp(image)
    return image.astype(dtype) if dtype[0] == "f" else np.rint(image * np.iinfo(dtype).max).astype(dtype)


def pyramid_of(image, ndim=2, axes=(-2, -1)):
    return run_to_end(build_pyramid(image, ndim, Pyramid(axes, 20, True)))


def levels_of(array, images):
    return run_to_end(levels(array, images))


def of_case(case, image, images):
    """Return the levels of the result of a case on the levels of an image."""
    images = [colored(x) for x in images] if case.color else images
    finest = lazy(images[0], case.operation, *case.further(image.shape), options=case.options(), **case.parameters)
    return levels_of(finest, images)


@pytest.mark.parametrize("case", [case for case in CASES if 2 in case.ndims], ids=label)
@pytest.mark.parametrize("shape", [(163, 122), *nightly([64, 200], [37, 29])], ids=str)
def test_each_operation_has_a_level_for_each_of_its_image(case, shape):
    image = np.maximum(smooth(shape), 0.01)
    images = pyramid_of(image)
    found = of_case(case, image, images)
    assert len(found) == len(images) >= 2
    assert found[0].mark == "exact"
    before = found[0].array.shape
    for level, of_image in zip(found[1:], images[1:], strict=True):
        factors = np.rint(np.divide(image.shape, of_image.shape)).astype(int)
        expected = [-(-n // f) for n, f in zip(before, factors, strict=False)]
        assert np.abs(np.subtract(level.array.shape[:2], expected)).max() <= 1
        pixels = np.asarray(level.array)
        assert (pixels.shape, pixels.dtype) == (level.array.shape, found[0].array.dtype)
        assert same(np.asarray(level.array[1:, ::-2]), pixels[1:, ::-2])


@pytest.mark.parametrize("name", ["invert", "rescale_intensity", "to_gray"])
def test_what_is_linear_at_each_pixel_is_the_mean_of_the_result(name):
    case = next(case for case in CASES if case.operation == name)
    image = smooth(dtype="f8")
    found = of_case(case, image, pyramid_of(image))
    whole = pyramid_of(np.asarray(found[0].array))
    for level, expected in zip(found[1:], whole[1:], strict=True):
        assert level.mark == "close"
        np.testing.assert_allclose(level.array[...], expected, rtol=0, atol=1e-12)


SCALED = {
    "gaussian": ({"sigma": 12.0}, 0.01, "close"), "adjust_gamma": ({"gamma": 0.7}, 0.01, "close"),
    "median": ({"size": 15}, 0.02, "approximate"), "equalize_hist": ({}, 0.02, "close"),
    "equalize_adapthist": ({"kernel_size": 40}, 0.05, "approximate"), "rotate": ({"angle": 30.0}, 0.01, "close"),
    "swirl": ({"radius": 60.0, "mode": "nearest"}, 0.01, "close"), "rescale": ({"scale": 1.7}, 0.01, "close"),
    "correct_distortion": ({"k1": 0.2, "mode": "nearest"}, 0.01, "close"), "crop": ({"start": 20}, 0.01, "close"),
    "homography": ({"matrix": ((1.1, 0.1, -3.0), (-0.2, 0.9, 4.0), (-0.001, 0.002, 1.0))}, 0.01, "close"),
    "affine": ({"scale": (1.3, 0.8), "rotation": 20.0, "mode": "nearest"}, 0.01, "close"),
    "blur_motion": ({"polygon": ((0.0, 0.0), (0.0, 30.0), (25.0, 12.0))}, 0.02, "approximate"),
    "convolve": ({}, 0.02, "approximate"),
}  # fmt: skip


@pytest.mark.parametrize("name", SCALED)
def test_levels_show_what_the_result_shows_in_the_same_place(name):
    """Beside the means of the result itself; what wide hills become changes little from pixel to pixel."""
    parameters, tolerance, mark = SCALED[name]
    image = smooth()
    further = (ndi.gaussian_filter(np.eye(41)[20] * np.eye(41)[20][:, None], 6.0),) if name == "convolve" else ()
    options = Options(value_range="dtype")
    images = pyramid_of(image)
    found = levels_of(lazy(image, name, *further, options=options, **parameters), images)
    whole = np.asarray(found[0].array).astype(float)
    for level, of_image in zip(found[1:3], images[1:3], strict=True):
        pixels = np.asarray(level.array)
        means = pyramid_of(whole)
        expected = next((x for x in means if x.shape == pixels.shape), None)
        assert expected is not None, (pixels.shape, of_image.shape)
        inner = (slice(3, -3),) * 2
        error = np.abs(pixels - expected)[inner].mean() / np.ptp(whole)
        assert error < tolerance, (pixels.shape, error)
        moved = np.abs(pixels[:, 2:] - expected[:, :-2])[inner].mean() / np.ptp(whole)
        assert error < moved, "nearer than a picture two pixels beside it"
    assert found[1].mark == mark


def test_a_map_between_levels_is_that_of_the_finest_between_their_places():
    """For affine maps, whose value between whole pixels is known, at sizes that are no multiples of the factor."""
    matrix = ((1.1, 0.1, -3.0), (-0.2, 0.9, 4.0), (0.0, 0.0, 1.0))
    plan = lazy(smooth((163, 121)), "homography", matrix=matrix, options=Options(value_range="dtype")).plan
    factors = (163 / 41, 121 / 31)
    composed = level_maps.gather_at(plan.reach, factors)
    sizes = tuple(n / m for n, m in zip(plan.reach.shape, composed.shape, strict=True))
    stepped = level_maps.Stepped(plan.reach.source, (4, 4), sizes, factors)
    for core, spacing in ((((3, 20), (5, 31)), ()), (((0, 41), (0, 31)), (3, 2)), (((40, 41), (30, 31)), ())):
        for a, b in zip(stepped.coordinates(core, spacing), composed.source.coordinates(core, spacing), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-9)
        for x, (low, high) in zip(stepped.coordinates(core), stepped.bounds(core), strict=True):
            assert low - 1e-9 <= x.min()
            assert x.max() <= high + 1e-9
    corner = level_maps.level_matrix(np.array(sizes)) @ [40, 30, 1]
    source = np.array(plan.reach.source.matrix) @ corner
    expected = np.linalg.inv(level_maps.level_matrix(np.array(factors))) @ source
    found = [float(x[0, 0]) for x in composed.source.coordinates(((40, 41), (30, 31)))]
    np.testing.assert_allclose(found, expected[:2], atol=1e-9)


@pytest.mark.parametrize("shape", [(5, 5), (4, 7), (1, 1), (9, 2, 6)])
def test_kernels_on_larger_pixels_keep_their_sum_and_their_middle(shape):
    kernel = np.random.default_rng(0).random(shape)
    kernel = kernel + kernel[(slice(None, None, -1),) * len(shape)]
    for g in (1.7, 2.0, 3.9):
        found = level_maps.kernel_at(kernel, (g,) * len(shape))
        assert all(n % 2 for n in found.shape)
        np.testing.assert_allclose(found.sum(), kernel.sum())
        if all(n % 2 for n in shape):
            np.testing.assert_allclose(found, found[(slice(None, None, -1),) * len(shape)])


def test_every_plane_keeps_its_own_statistics_also_where_levels_have_fewer_planes():
    stack = np.stack([smooth(dtype="u1") // 4 + 40 * k for k in range(5)])
    per = {"sigma": {"per": 0, "values": [1.0, 12.0, 1.0, 1.0, 1.0]}}
    options = Options(statistics="item")
    of_planes, of_volumes = (pyramid_of(stack, 3, axes) for axes in ((-2, -1), (-3, -2, -1)))
    for images, middles in ((of_planes, range(5)), (of_volumes, (0, 2, 4))):
        level = levels_of(lazy(stack, "invert", options=options), images)[1].array
        assert level.shape == images[1].shape
        for k, m in enumerate(middles):
            ends = Options(value_range=(stack[m].min(), stack[m].max()))
            assert same(level[k], apply(images[1][k], "invert", options=ends))
    finest = lazy(stack, "equalize_hist", options=options)
    for plane, whole in zip(levels_of(finest, of_planes)[1].array, finest, strict=True):
        assert np.abs(plane - pyramid_of(whole)[1].astype(float)).mean() < 3
    assert levels_of(finest, of_volumes)[1].array.shape == of_volumes[1].shape
    varied = lazy(stack, "gaussian", **per)
    level = levels_of(varied, of_planes)[1].array
    assert isinstance(level, LazyArray)
    assert np.abs(level[1] - pyramid_of(varied[1])[1].astype(float)).mean() < 3
    assert levels_of(varied, of_volumes)[1].mark == "exact", "every n-th pixel of the finest"


def test_scope_channels_and_frames_have_levels():
    stack = np.stack([smooth(dtype="u1")] * 4)
    level = levels_of(lazy(stack, "median", options=Options(scope={0: (1, 3)})), pyramid_of(stack, 3))[1].array
    assert level.shape[0] == 2
    rgb = colored(smooth(dtype="u1"))
    found = levels_of(lazy(rgb, "gaussian", options=Options(channel_axis=-1)), pyramid_of(rgb, 2))
    assert found[1].array.shape == (82, 61, 3)
    psf = np.ones((5, 5))
    frames = lazy(smooth() + 1, "richardson_lucy", psf, num_iter=4, keep_every=2)
    found = levels_of(frames, pyramid_of(smooth() + 1))
    assert [level.array.shape for level in found[:2]] == [frames.shape, (len(frames), 82, 61)]


def test_levels_of_chains_are_worth_what_their_worst_step_is():
    image = smooth()
    given = Options(value_range="dtype")
    first = levels_of(lazy(image, "median", options=given), pyramid_of(image))
    second = levels_of(lazy(first[0].array, "invert", options=given), first)
    assert [level.mark for level in second[:2]] == ["exact", "approximate"]
    assert same(second[1].array[...], apply(np.asarray(first[1].array), "invert", options=given))


def test_what_has_no_counterpart_is_single_pixels_of_the_finest():
    image = smooth(dtype="u1")
    array = lazy(image, "correct_vignetting", k1=-0.5)
    coarse = pyramid_of(image)[2]
    level = levels_of(array, pyramid_of(image))[2]
    assert level.mark == "exact"
    assert level.array.shape == coarse.shape
    middles = [
        np.floor((np.arange(m) + 0.5) * n / m).astype(int) for n, m in zip(image.shape, coarse.shape, strict=True)
    ]
    expected = np.asarray(array)[np.ix_(*middles)]
    for key in (np.s_[...], np.s_[3, ::-2], np.s_[[5, 2], 4:9], np.s_[[[1], [2]], [3, 4]], np.s_[2:2]):
        assert same(np.asarray(level.array[key]), np.asarray(expected[key]))
    onward = lazy(level.array, "median")
    assert same(onward[...], apply(expected, "median"))


@pytest.mark.parametrize(
    ("shape", "coarse"), [((1025, 30), (257, 8)), ((300, 30), (200, 20)), ((250, 30), (100, 12)), ((64, 60), (16, 15))]
)
def test_single_pixels_lie_in_the_place_and_on_the_grid_of_their_level(shape, coarse):
    image = np.add.outer(np.arange(shape[0]), np.arange(shape[1]) / 64).astype(np.float32)
    array = lazy(image, "invert", options=Options(value_range=(0, 2048)))
    module = import_module("napari_mathimg.engine.lazy.levels")
    found = module.Sampled(array, np.divide(shape, coarse))
    pixels = 2048 - np.asarray(found)
    assert (found.shape, found.ndim, found.size, len(found)) == (coarse, 2, np.prod(coarse), coarse[0])
    assert found.nbytes == pixels.nbytes
    assert same(np.stack(list(found)), np.asarray(found))
    rows = np.floor(pixels[:, 0])
    factor = shape[0] / coarse[0]
    ideal = (np.arange(coarse[0]) + 0.5) * factor - 0.5
    assert np.abs(rows - ideal).max() <= 0.5


def test_napari_takes_single_pixels_for_a_level():
    data = import_module("napari.layers._multiscale_data")
    array = lazy(smooth((64, 60)), "invert")
    module = import_module("napari_mathimg.engine.lazy.levels")
    found = data.MultiScaleData([array, module.Sampled(array, (2, 2))])
    assert (list(found.shapes), found.size) == ([(64, 60), (32, 30)], array.size)


# On disk


class Read:
    """An array that counts how often each pixel is read."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.chunks, self.reads, self.lock = (40,) * array.ndim, np.zeros(array.shape, int), threading.Lock()

    def __getitem__(self, key):
        with self.lock:
            self.reads[key] += 1
        return self.array[key]


@pytest.mark.parametrize("mean", [True, False], ids=["means", "labels"])
def test_levels_on_disk_are_those_of_memory_and_read_the_image_once(tmp_path, mean):
    image, pyramid = Read(gray("u2", (163, 122))), Pyramid((-2, -1), 20, mean)
    store = LevelStore(tmp_path / "levels")
    assert store.find(image, "a", 2, pyramid) is None
    found = run_to_end(store.levels(image, "a", 2, pyramid))
    expected = run_to_end(build_pyramid(image.array, 2, pyramid))
    assert found[0] is image
    assert all(same(np.asarray(a), b) for a, b in zip(found[1:], expected[1:], strict=True))
    assert image.reads.max() == 1
    assert store.nbytes >= sum(level.nbytes for level in expected[1:])
    again = list(store.levels(image, "a", 2, pyramid))
    assert again == [], "found without a pass"
    assert image.reads.max() == 1
    assert store.find(image, "b", 2, pyramid) is None
    assert store.find(image, "a", 2, Pyramid((-1,), 20, mean)) is None
    with pytest.raises(ValueError, match="read-only"):
        found[1][...] = 0


def test_levels_of_colors_stacks_and_lazy_images_on_disk(tmp_path):
    store = LevelStore(tmp_path)
    for image, ndim in ((colored(gray("u1", (90, 70))), 2), (gray("f4", (3, 90, 70)), 3)):
        found = run_to_end(store.levels(image, "x", ndim, HALVED))
        for a, b in zip(found[1:], pyramid_of(image, ndim)[1:], strict=True):
            assert same(np.asarray(a), b)
    array = lazy(gray("f4", (90, 70)), "median")
    found = run_to_end(store.levels(array, "y", 2, HALVED))
    assert same(np.asarray(found[1]), pyramid_of(np.asarray(array))[1])


def test_the_folder_is_bounded_and_what_was_used_last_stays(tmp_path):
    image = gray("u2", (64, 64))
    one = run_to_end(LevelStore(tmp_path / "one").levels(image, "0", 2, HALVED))
    size = LevelStore(tmp_path / "one").nbytes
    assert len(one) == 3
    store = LevelStore(tmp_path / "some", 3 * size)
    import os

    for number in range(4):
        run_to_end(store.levels(image, str(number), 2, HALVED))
        for age, name in enumerate("1230"):
            if store.find(image, name, 2, HALVED):
                entry = store.folder / import_module("napari_mathimg.engine.lazy.store")._key(image, name, 2, HALVED)
                os.utime(entry, (10 + age, 10 + age))
    assert store.nbytes <= store.limit
    assert [store.find(image, name, 2, HALVED) is not None for name in "0123"] == [True, False, True, True]
    store.clear()
    assert (store.nbytes, store.find(image, "3", 2, HALVED)) == (0, None)
    assert list(tmp_path.glob("some/*")) == []


def test_canceling_leaves_nothing_behind_and_two_writers_agree(tmp_path):
    image, store = gray("u2", (200, 200)), LevelStore(tmp_path)
    with closing(store.levels(image, "a", 2, HALVED)) as steps:
        next(steps)
    assert list(tmp_path.iterdir()) == []
    barrier = threading.Barrier(3)

    def write(_):
        barrier.wait(60)
        return run_to_end(store.levels(image, "a", 2, HALVED, threads=1))

    with ThreadPoolExecutor(3) as pool:
        each = list(pool.map(write, range(3)))
    expected = pyramid_of(image)
    assert all(same(np.asarray(a), b) for found in each for a, b in zip(found[1:], expected[1:], strict=True))
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("mean", [True, False])
@pytest.mark.parametrize("shape", [(3, 330, 277), (2, 300, 201, 3)])
def test_levels_that_are_computed_where_they_are_read_are_those_of_memory(shape, mean):
    """Also of lazy chunks; of one plane, no other is read."""
    dask = pytest.importorskip("dask.array")
    image, pyramid, read = gray("u2", shape), Pyramid((-2, -1), 40, mean), []

    def load(block, block_info):
        read.append(block_info[0]["chunk-location"][0])
        return block

    expected = run_to_end(build_pyramid(image, 3, pyramid))
    chunked = dask.from_array(image, chunks=(1, 100, 100, 3)[: image.ndim]).map_blocks(load, dtype=image.dtype)
    for array in (image, chunked, lazy(image, "crop")):
        found = halved_levels(array, 3, pyramid)
        assert [level.shape for level in found] == [level.shape for level in expected]
        assert all(same(np.asarray(a), b) for a, b in zip(found, expected, strict=True))
        assert same(found[2][1, 5:40:3, -2], expected[2][1, 5:40:3, -2])
        assert found[-1][:, 2:2].shape == expected[-1][:, 2:2].shape
        read.clear()
        assert same(found[-1][1], expected[-1][1])
        assert {*read} <= {1}


@pytest.mark.parametrize("shape", [(2, 512, 384), (2, 333, 217)])
def test_coarse_labels_are_those_in_the_middle_of_their_pixels(tmp_path, shape):
    """Of labels that say where they are, wherever levels are computed; `level_matrix` says where the middle is."""
    places = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    pyramid = Pyramid((-2, -1), 40, False)
    levels = run_to_end(build_pyramid(places, 3, pyramid))
    stored = run_to_end(LevelStore(tmp_path).levels(places, "labels", 3, pyramid))
    for level, kept, lazily in zip(levels, stored, halved_levels(places, 3, pyramid), strict=True):
        factors = level_factors(shape, level.shape)
        found = np.array(np.unravel_index(level, shape)).reshape(3, -1)
        index = np.indices(level.shape).reshape(3, -1)
        middles = (level_matrix(factors) @ np.vstack([index, np.ones(index.shape[1])]))[:3]
        assert np.abs(found - middles).max() <= 0.5
        assert same(np.asarray(kept), level)
        assert same(np.asarray(lazily), level)
