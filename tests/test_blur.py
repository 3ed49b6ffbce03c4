"""Blur against scipy.ndimage: every edge mode, odd and even kernels, every way; points, steps, and what is refused."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from cases import PATH, ROUNDING, plane
from napari_mathimg import Options, apply, operations
from napari_mathimg.engine import region
from napari_mathimg.methods import blur_kernels as footprints
from napari_mathimg.methods.convolution import MAX_TAPS, stencil
from napari_mathimg.methods.convolution import ROUNDING as PRODUCT
from nightly import nightly
from planning import looks_of, plan_of, random_boxes, result_of, same, stops_soon

EDGES = ("constant", "nearest", "reflect", "mirror", "grid-wrap")
each_edge = pytest.mark.parametrize("mode", EDGES)
PLAIN = {2: Options(), 3: Options(ndim=3)}


def kernels(ndim):
    """One of each kind: small, even, sparse, product, larger than the image, dense and large, on one side."""
    rng = np.random.default_rng(ndim)
    sparse = np.zeros((21, 2, 30)[-ndim:])
    sparse.flat[rng.choice(sparse.size, 5)] = (1, -2, 3, 0.5, 7)
    lopsided = np.zeros((9, 8, 7)[-ndim:])
    lopsided[(-1,) * ndim], lopsided[(-2,) * ndim] = 2, 1
    return {
        "one pixel": np.full((1,) * ndim, 3.0),
        "small": rng.random((3, 3, 5)[-ndim:]) - 0.4,
        "even": rng.random((4, 2, 6)[-ndim:]),
        "sparse": sparse,
        "product": footprints.gaussian((0.5, 4.0, 1.0)[-ndim:]),
        "larger": rng.random((3, 50, 41)[-ndim:]),
        "dense": rng.random((5, 17, 16)[-ndim:]) - 0.3,
        "lopsided": lopsided,
    }


IMAGES = {2: plane((37, 29)), 3: plane((7, 31, 18))}
KERNELS = [(ndim, name) for ndim in (2, 3) for name in kernels(ndim)]
each_kernel = pytest.mark.parametrize(("ndim", "name"), KERNELS)


@each_edge
@each_kernel
def test_convolution_is_scipy_s(ndim, name, mode):
    image, kernel = IMAGES[ndim], kernels(ndim)[name]
    usual = "wrap" if mode == "grid-wrap" else mode
    expected = ndi.convolve(image, kernel, mode=usual, cval=0.7)
    size = np.abs(kernel).sum()
    for dtype, tolerance in ((np.float64, ROUNDING), (np.float32, 1e-6)):
        result = apply(image.astype(dtype), "convolve", kernel, mode=mode, cval=0.7, options=PLAIN[ndim])
        np.testing.assert_allclose(result / size, expected / size, rtol=0, atol=tolerance)


@each_kernel
def test_a_point_becomes_the_kernel_with_pixel_n_2_on_it(ndim, name):
    kernel = kernels(ndim)[name]
    place = tuple(n + 2 for n in kernel.shape)
    image = np.zeros([2 * p + 1 for p in place])
    image[place] = 1
    around = tuple(slice(p - n // 2, p - n // 2 + n) for p, n in zip(place, kernel.shape, strict=True))
    expected = np.zeros(image.shape)
    expected[around] = kernel
    result = apply(image, "convolve", kernel, options=PLAIN[ndim])
    np.testing.assert_allclose(result, expected, rtol=0, atol=ROUNDING * np.abs(kernel).sum())


@pytest.mark.parametrize("size", [(3, 4), (6, 5)])
@pytest.mark.parametrize("after", [1, 2, 5])
def test_zeros_that_move_the_middle_are_scipy_s_origin(size, after):
    kernel = np.random.default_rng(0).random(size)
    padded = np.pad(kernel, [(0, after)] * 2)
    wide = np.pad(kernel, 20)  # scipy takes origins within the kernel only
    shift = [m // 2 - n // 2 for m, n in zip(padded.shape, size, strict=True)]
    expected = ndi.convolve(IMAGES[2], wide, mode="nearest", origin=shift)
    np.testing.assert_allclose(apply(IMAGES[2], "convolve", padded), expected, rtol=0, atol=1e-11)


def test_the_three_ways_agree(monkeypatch):
    image, kernel = IMAGES[2], np.outer(np.hanning(17), np.hanning(14)[::-1] + 0.1)
    by_axis = apply(image, "convolve", kernel)
    monkeypatch.setattr("napari_mathimg.methods.convolution.ROUNDING", dict.fromkeys(PRODUCT, -1.0))
    by_transform = apply(image, "convolve", kernel)
    monkeypatch.setattr("napari_mathimg.methods.convolution.MAX_TAPS", kernel.size)
    by_pixel = apply(image, "convolve", kernel)
    for other in (by_transform, by_pixel):
        assert not np.array_equal(other, by_axis)
        np.testing.assert_allclose(other, by_axis, rtol=0, atol=ROUNDING * kernel.sum())


def test_products_are_found_in_single_precision_where_that_is_enough():
    kernel = footprints.gaussian((6.0, 6.0)).astype(np.float32)
    own = stencil(kernel)
    assert own.separate(PRODUCT[4]) is not None
    assert own.separate(PRODUCT[8]) is None
    assert stencil(footprints.gaussian((6.0, 6.0))).separate(PRODUCT[8]) is not None
    assert stencil(footprints.disk((6.0, 6.0))).separate(PRODUCT[4]) is None


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32])
def test_derivatives_of_integers_keep_their_signs(dtype):
    image, kernel = (
        np.random.default_rng(0).integers(0, 100, (40, 50)).astype(dtype),
        np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
    )
    result = apply(image, "convolve", kernel)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, ndi.convolve(image.astype(float), kernel, mode="nearest"))
    assert (
        apply(image, "convolve", abs(kernel)).dtype
        == apply(image, "convolve", kernel, options=Options(dtype="same")).dtype
        == dtype
    )
    stack = np.stack([image, image])
    kernels = {"per": 0, "values": [kernel, abs(kernel)]}
    with pytest.raises(ValueError, match="kernel: must give results of one shape, place, type and kind"):
        apply(stack, "convolve", kernels)


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [
        (np.uint16, (40, 22)), (np.float32, (33, 33)), (np.float64, (40, 22)),
        *nightly((np.uint16, (33, 33)), (np.float32, (40, 22)), (np.float64, (33, 33))),
    ],
)  # fmt: skip
def test_tiles_of_transforms_agree_with_the_whole(dtype, shape):
    kernel = np.random.default_rng(1).random(shape)
    kernel /= kernel.sum()
    assert kernel.size > MAX_TAPS
    image = plane((700, 530), seed=3)
    image = np.rint(image * 60000).astype(dtype) if dtype == np.uint16 else image.astype(dtype)
    result = apply(image, "convolve", kernel, options=Options(dtype="float32" if dtype == np.uint16 else "same"))
    expected = ndi.convolve(image.astype(float), kernel, mode="nearest")
    tolerance = {np.uint16: 60000 * 1e-6, np.float32: 1e-6, np.float64: ROUNDING}[dtype]
    np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("comb", [False, True])
def test_regions_equal_the_run(comb):
    kernel = np.random.default_rng(1).random((33, 33))
    if comb:  # a product with fewer taps than its sides are long
        kernel = np.zeros((1, 1201))
        kernel[0, ::4] = 1
    plan = plan_of(operations()["convolve"], plane((700, 530)).astype(np.float32), kernel)
    result = result_of(plan)
    for box in random_boxes(plan.item, 4):
        assert same(region(plan, (), box), result[tuple(slice(*b) for b in box)])


def test_kernels_of_one_shape_are_not_mistaken_for_each_other():
    rng, image = np.random.default_rng(2), IMAGES[2]
    for _ in range(6):
        kernel = rng.random((20, 20))
        np.testing.assert_allclose(
            apply(image, "convolve", kernel), ndi.convolve(image, kernel, mode="nearest"), rtol=0, atol=1e-9
        )


# Boxes


@each_edge
@pytest.mark.parametrize("size", [(1, 1, 1), (3, 1, 2), (2, 10, 7), (5, 16, 64), (9, 33, 100)])
@pytest.mark.parametrize("ndim", [2, 3])
def test_boxes_are_scipy_s_uniform_filter(ndim, size, mode):
    image, size = IMAGES[ndim], size[-ndim:]
    usual = "wrap" if mode == "grid-wrap" else mode
    origin = [-(n % 2 == 0) for n in size]  # as a convolution: an even box reaches farther to the end
    expected = ndi.uniform_filter(image, size, mode=usual, cval=0.7, origin=origin)
    result = apply(image, "blur_box", size=size, mode=mode, cval=0.7, options=PLAIN[ndim])
    np.testing.assert_allclose(result, expected, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("size", [(2, 2), (10, 10), (7, 31)])
def test_box_blur_is_the_convolution_with_the_box(size):
    expected = apply(IMAGES[2], "convolve", footprints.box(size))
    np.testing.assert_allclose(apply(IMAGES[2], "blur_box", size=size), expected, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("dtype", ["?", "u1", "u2", "i2", "u4", "i4", "i8"])
@pytest.mark.parametrize("size", [2, 10, 21])
def test_means_of_integers_are_exact_before_rounding(dtype, size):
    info = np.iinfo(dtype if dtype != "?" else "u1")
    high = min(info.max, 2**40) if dtype != "?" else 1
    image = np.random.default_rng(4).integers(max(info.min, -(2**40)), high, (50, 41), endpoint=True)
    sums = np.lib.stride_tricks.sliding_window_view(image, (size, size)).sum((2, 3))
    inner = tuple(slice(size - 1 - size // 2, size - 1 - size // 2 + n) for n in sums.shape)
    result = apply(image.astype(dtype), "blur_box", size=size)[inner]
    double, pixels = 2 * sums, 2 * size * size  # rounded by whole numbers, halves to the even one
    low = double // pixels
    rest = double - low * pixels
    rounded = low + ((rest > size * size) | ((rest == size * size) & (low % 2 == 1)))
    np.testing.assert_array_equal(result, rounded.astype(dtype))


@pytest.mark.parametrize("ndim", [2, 3])
def test_what_was_large_leaves_nothing_behind(ndim):
    image = np.full((40,) * ndim, 0.25)
    image[:3] = 1e30
    image[..., :3] = -1e30
    result = apply(image, "blur_box", size=5, options=PLAIN[ndim])
    np.testing.assert_array_equal(result[(slice(6, None),) * ndim], 0.25)


# Defocus and motion


@pytest.mark.parametrize("radius", [0.8, 3.0, 11.5])
def test_a_point_out_of_focus_is_a_disk(radius):
    image = np.zeros((61, 61))
    image[30, 30] = 1
    result = apply(image, "blur_defocus", radius=radius)
    y, x = np.indices(image.shape) - 30
    distance = np.hypot(y, x)
    np.testing.assert_allclose(result[distance < radius - 0.75], 1 / (np.pi * radius**2), rtol=1e-9)
    np.testing.assert_allclose(result[distance > radius + 0.75], 0, atol=1e-15)
    assert result.sum() == pytest.approx(1)


def test_defocus_has_a_radius_for_each_axis():
    image = np.zeros((21, 21, 21))
    image[10, 10, 10] = 1
    result = apply(image, "blur_defocus", radius=(0, 4, 2), options=PLAIN[3])
    expected = np.zeros(image.shape)
    expected[10, 6:15, 8:13] = footprints.disk((4.0, 2.0))
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-15)


def test_motion_goes_counter_clockwise_from_the_columns():
    image = np.zeros((31, 31))
    image[15, 15] = 1
    result = apply(image, "blur_motion", length=12, angle=30)
    rows, columns = np.nonzero(result)
    assert columns.max() == 15 + 5
    assert rows[columns == columns.max()].min() == 15 - 3  # up on the right
    assert rows[columns == columns.min()].max() == 15 + 3
    np.testing.assert_allclose(apply(image, "blur_motion", length=12, angle=210), result, atol=1e-15)


@pytest.mark.parametrize("angle", [0.0, 90.0, 37.0])
def test_motion_up_to_a_pixel_blurs_nothing(angle):
    for length in (0.0, 1.0):
        np.testing.assert_array_equal(apply(IMAGES[2], "blur_motion", length=length, angle=angle), IMAGES[2])


def test_a_polygon_away_from_the_middle_moves_the_image():
    image = np.zeros((40, 40))
    image[20, 20] = 1
    result = apply(image, "blur_motion", polygon=((2, 3), (2, 5), (4, 5), (4, 3)), polygon_size=(9, 12))
    expected = np.zeros(image.shape)
    expected[20 + 2 - 4 : 20 + 5 - 4, 20 + 3 - 6 : 20 + 6 - 6] = 1 / 9
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-15)


BLURS = (
    ("blur_box", {"size": 10}), ("blur_defocus", {"radius": 4.2}), ("blur_defocus", {"radius": 12.0}),
    ("blur_motion", {"length": 9.5, "angle": 20.0}), ("blur_motion", {"polygon": PATH}), ("gaussian", {"sigma": 2.0}),
)  # fmt: skip


@pytest.mark.parametrize(("name", "parameters"), BLURS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_constant_and_black_images_stay_so(name, parameters, dtype):
    for value in (0, 37):
        image = np.full((50, 45), value, dtype)
        np.testing.assert_allclose(apply(image, name, **parameters), image, rtol=3e-7 if dtype == np.float32 else 1e-14)


@pytest.mark.parametrize(("name", "parameters"), BLURS)
def test_periodic_blurs_keep_the_mean(name, parameters):
    assert apply(IMAGES[2], name, mode="grid-wrap", **parameters).mean() == pytest.approx(IMAGES[2].mean(), rel=1e-13)


# What is refused, and stopping on the way


@pytest.mark.parametrize(("kernel", "message"), [
    (np.zeros((3, 3)), r"kernel: must contain a number other than 0"),
    (np.array([[1, np.nan]]), r"kernel: must hold finite numbers only"),
    (np.ones((3, 3, 3)), r"kernel: must have 2 axes, not the shape \(3, 3, 3\)"),
    (np.ones((2000, 1500)), r"kernel=2000x1500: must give a kernel of at most 2.097.152.pixels, not 3.000.000"),
    (np.ones((2, 2), complex), r"kernel: must hold real numbers, at least one, not complex128"),
    (np.ones((0, 2)), r"kernel: must hold real numbers, at least one"),
])  # fmt: skip
def test_kernels_that_cannot_serve_are_refused(kernel, message):
    with pytest.raises(ValueError, match=message):
        apply(IMAGES[2], "convolve", kernel)


def test_integer_kernels_are_not_truncated():
    image = np.array([[10, 20, 30, 40]], np.uint8)
    result = apply(image, "convolve", np.array([[1, 2, 1]], np.uint8), options=Options(dtype="float32"))
    np.testing.assert_array_equal(result, [[50, 80, 120, 150]])
    half = apply(image, "convolve", np.array([[0.5]]))
    np.testing.assert_array_equal(half, [[5, 10, 15, 20]])


@pytest.mark.parametrize(("name", "parameters"), [
    ("blur_box", {"size": 50}), ("blur_defocus", {"radius": 40.0}), ("blur_defocus", {"radius": 7.0}),
    ("gaussian", {"sigma": 60.0}),
])  # fmt: skip
def test_one_large_block_can_be_stopped_on_the_way_the_more_often_the_larger(name, parameters):
    counts = []
    for rows in (700, 1400):
        image = np.ones((rows, 700), np.float32)
        plan = plan_of(operations()[name], image, parameters={**parameters, "mode": "grid-wrap"})
        assert stops_soon(plan, image.size)
        counts.append(looks_of(plan).count)
    assert counts[0] >= 3
    assert counts[1] >= 1.7 * counts[0]


def test_a_volume_in_one_block_equals_its_planes():
    volume = plane((5, 60, 50))
    parameters = {"radius": (0.0, 3.0, 3.0)}
    whole = result_of(plan_of(operations()["blur_defocus"], volume, parameters=parameters, ndim=3))
    planes = [apply(one, "blur_defocus", radius=3.0) for one in volume]
    np.testing.assert_allclose(whole, planes, rtol=0, atol=ROUNDING)
