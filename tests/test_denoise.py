"""Noise removal against direct implementations and scikit-image, at its limits, in tiles, and stopped on the way."""

import math

import numpy as np
import pytest
from scipy import ndimage as ndi
from skimage import data, restoration

import direct
from cases import colored, plane
from napari_mathimg import Options, apply, operations
from napari_mathimg.engine import region
from napari_mathimg.engine.region import compute_block
from nightly import nightly
from planning import plan_of, result_of, same, stops_soon

PLAIN = Options(value_range="dtype")
VOLUME = Options(value_range="dtype", ndim=3)
SHAPES = ((40, 70), (7, 33, 20), (1, 50), (50, 1), (1, 1), (2, 2), (1, 9, 8), (5, 1, 1))
SMOOTHERS = {
    "denoise_bilateral": ({"sigma_color": 0.15}, {"sigma_color": 0.15, "sigma_spatial": 3.0}),
    "denoise_nl_means": ({"sigma": 0.05}, {"patch_size": 7, "patch_distance": 11, "h": 0.06}),
    "denoise_tv_bregman": ({"weight": 0.2}, {"weight": 0.1, "isotropic": False}),
    "denoise_tv_chambolle": ({"weight": 0.1, "num_iter": 30},),
}  # fmt: skip
each_smoother = pytest.mark.parametrize(
    ("name", "parameters"), [(name, p) for name, each in SMOOTHERS.items() for p in each], ids=str
)


def noisy(shape, sigma=0.1, seed=3):
    """Flat regions and hills with normal noise."""
    rng = np.random.default_rng(seed)
    hills = ndi.gaussian_filter(rng.random(shape), 4.0)
    hills = (hills - hills.min()) / max(np.ptp(hills), 1e-9)
    return np.where(hills > 0.6, 0.9, hills) + sigma * rng.standard_normal(shape)


# Total variation


@pytest.mark.parametrize("num_iter", [1, 2, 7, 80])
@pytest.mark.parametrize("weight", [0.02, 0.3, 5.0])
@pytest.mark.parametrize(
    "shape", [(40, 70), (7, 33, 20), (1, 50), (50, 1), (1, 1), (2, 2), (1, 9, 8), (5, 1, 1)], ids=str
)
def test_chambolle_equals_scikit_image(shape, weight, num_iter):
    image = noisy(shape)
    result = apply(
        image, "denoise_tv_chambolle", weight=weight, num_iter=num_iter, options=PLAIN if image.ndim == 2 else VOLUME
    )
    expected = restoration.denoise_tv_chambolle(image, weight, eps=0, max_num_iter=num_iter)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(30, 41), (6, 17, 22)], ids=str)
def test_chambolle_takes_colors_together(shape):
    image = colored(noisy(shape))
    result = apply(
        image, "denoise_tv_chambolle", weight=0.2, num_iter=20,
        options=Options(value_range="dtype", channel_axis=-1, ndim=len(shape)),
    )  # fmt: skip
    np.testing.assert_allclose(result, direct.chambolle(image, 0.2, 20, len(shape)), rtol=0, atol=1e-12)
    assert not np.allclose(result[..., 0], direct.chambolle(image[..., :1], 0.2, 20, len(shape))[..., 0], atol=1e-3)


@pytest.mark.parametrize("isotropic", [True, False])
@pytest.mark.parametrize("weight", [0.02, 0.3, 5.0])
@pytest.mark.parametrize("num_iter", [1, 2, 25])
@pytest.mark.parametrize("shape", [(40, 70), (2, 9), (9, 2), (65, 64)], ids=str)
def test_bregman_equals_scikit_image(shape, num_iter, weight, isotropic):
    image = noisy(shape)
    result = apply(image, "denoise_tv_bregman", weight=weight, num_iter=num_iter, isotropic=isotropic, options=PLAIN)
    expected = restoration.denoise_tv_bregman(image, 1 / weight, num_iter, 0, isotropic)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("isotropic", [True, False])
@pytest.mark.parametrize("colors", [True, False])
@pytest.mark.parametrize("shape", [(5, 6, 7), (9, 8), (1, 7), (7, 1), (1, 1), (3, 1, 7), (1, 4, 5), (2, 3, 1)], ids=str)
def test_bregman_is_the_direct_method(shape, colors, isotropic):
    image = colored(noisy(shape)) if colors else noisy(shape)
    options = Options(value_range="dtype", ndim=len(shape), channel_axis=-1 if colors else None)
    result = apply(image, "denoise_tv_bregman", weight=0.3, num_iter=4, isotropic=isotropic, options=options)
    expected = direct.bregman(image, 0.3, 4, isotropic, len(shape)).reshape(image.shape)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)


HARD = {
    "noise": noisy((400, 300), 0.3),
    "steps": np.kron(np.indices((8, 6)).sum(0) % 2, np.ones((50, 50))) + noisy((400, 300), 0.01),
    "volume": noisy((60, 130, 40), 0.1),
}
HARD = {kind: (image - image.min()) / np.ptp(image) for kind, image in HARD.items()}


def cut_off(op, image, whole, radius, axis, low, parameters, options):
    """Largest error behind a cut, where only so many pixels before it are known."""
    part = np.moveaxis(np.moveaxis(image, axis, 0)[low - radius :], 0, axis)
    alone = np.moveaxis(result_of(plan_of(op, part, parameters=parameters, **options)), axis, 0)[radius:]
    return np.abs(alone - np.moveaxis(whole, axis, 0)[low:]).max()


@pytest.mark.parametrize("weight", [0.1, *nightly(1.0, 30.0)])
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("denoise_tv_bregman", {"num_iter": 1}), ("denoise_tv_bregman", {"num_iter": 10}),
        ("denoise_tv_bregman", {"num_iter": 40}), ("denoise_tv_bregman", {"num_iter": 40, "isotropic": False}),
        *nightly(("denoise_tv_bregman", {"num_iter": 150, "isotropic": False})),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("kind", HARD)
def test_boxes_of_sweeps_agree_with_the_whole(kind, name, more, weight):
    """A cut is where a box differs most from the whole: beyond it, edge rules act on the wrong pixels."""
    image, op, parameters = HARD[kind], operations()[name], {"weight": weight, **more}
    options = {"value_range": "dtype", "ndim": image.ndim}
    radius = plan_of(op, image, parameters=parameters, **options).reach.radius
    # Axes too short for a cut need no more pixels than enough to be there.
    image = image[tuple(slice(None if max(n // 2 + 7, n - 30) >= radius else 16) for n in image.shape)]
    plan = plan_of(op, image, parameters=parameters, **options)
    assert not plan.reach.exact
    assert plan.reach.radius == radius
    whole = result_of(plan)
    errors = {}
    for axis, n in enumerate(image.shape):
        for low in {n // 2, n // 2 + 7, n - 30}:
            if low >= radius:
                errors[axis, low] = cut_off(op, image, whole, radius, axis, low, parameters, options)
    assert errors
    assert max(errors.values()) <= 1e-6


@pytest.mark.parametrize("num_iter", [50, 150])
@pytest.mark.parametrize("dtype", ["f4", *nightly("f8")])
@pytest.mark.parametrize("picture", ["brick", "page"])
def test_boxes_of_chambolle_equal_the_whole_to_the_bit(picture, dtype, num_iter):
    """A photograph on which an error of 1e-14 grows to 1e-4: its flat parts have gradients of any direction."""
    image = getattr(data, picture)()[:190, :350].astype(dtype) / 255
    plan = plan_of(operations()["denoise_tv_chambolle"], image, parameters={"weight": 0.3, "num_iter": num_iter})
    whole = compute_block(plan, (), ((0, 190), (0, 350)))
    for box in ((30, 41), (170, 190)), ((0, 190), (175, 350)), ((95, 190), (0, 350)):
        assert same(region(plan, (), box), whole[tuple(slice(*b) for b in box)])


def test_iterations_of_volumes_take_smaller_tiles_before_they_are_refused():
    op = operations()["denoise_tv_chambolle"]
    for n, num_iter, halos in ((400, 100, 1), (400, 50, 3), (100, 100, 8)):
        volume = np.broadcast_to(np.float32(0), (n, n, n))
        reach = plan_of(op, volume, parameters={"num_iter": num_iter}, ndim=3, value_range="dtype").reach
        assert (reach.radius, reach.halos, reach.exact) == (num_iter - 1, halos, True)


@pytest.mark.parametrize("isotropic", [True, False])
def test_boxes_of_many_sweeps_agree_in_single_precision(isotropic):
    image = np.random.default_rng(0).random((460, 24), np.float32)
    parameters = {"weight": 100.0, "num_iter": 200, "isotropic": isotropic}
    plan = plan_of(operations()["denoise_tv_bregman"], image, parameters=parameters, value_range="dtype")
    whole = compute_block(plan, (), ((0, 460), (0, 24)))
    half = compute_block(plan, (), ((230, 460), (0, 24)))
    assert np.abs(half - whole[230:]).max() <= 1e-6


def test_the_reach_of_sweeps_is_no_larger_than_it_must_be():
    op, parameters = operations()["denoise_tv_bregman"], {"weight": 30.0, "num_iter": 20}
    options = {"value_range": "dtype"}
    plan = plan_of(op, HARD["noise"], parameters=parameters, **options)
    whole = result_of(plan)
    radius = plan.reach.radius * 2 // 3
    assert cut_off(op, HARD["noise"], whole, radius, 0, 200, parameters, options) > 1e-6


@pytest.mark.parametrize("name", ["denoise_tv_bregman", "denoise_tv_chambolle"])
def test_more_weight_is_smoother(name):
    image = noisy((50, 60))
    rough = [
        np.abs(np.diff(apply(image, name, weight=w, num_iter=100, options=PLAIN))).sum() for w in (0.01, 0.1, 0.5, 2.0)
    ]
    assert rough == sorted(rough, reverse=True)


def test_iterations_that_see_too_much_of_a_volume_are_refused():
    huge = np.broadcast_to(np.uint8(0), (300, 3000, 3000))
    for name in ("denoise_tv_bregman", "denoise_tv_chambolle"):
        with pytest.raises(ValueError, match=r"num_iter=1000: must be lower for images of shape \(300, 3000, 3000\)"):
            apply(huge, name, num_iter=1000, options=Options(ndim=3, value_range=(0, 1)))


# Non-local means


@pytest.mark.parametrize(
    ("shape", "size", "distance"),
    [
        ((30, 41), 5, 4), ((30, 41), 3, (2, 9)), ((33, 20), (7, 1), 3), ((9, 12, 14), 3, 2),
        ((5, 9, 70), (1, 3, 5), (2, 1, 3)),
        ((1, 30), 5, 4), ((30, 1), 5, 4), ((2, 3), 9, 7), ((1, 1), 3, 2), ((1, 9, 8), 3, 2), ((9, 1, 1), 5, 3),
    ],
)  # fmt: skip
@pytest.mark.parametrize("colors", [False, True])
@pytest.mark.parametrize(
    ("sigma", "dtype", "tolerance"),
    [(0.0, "f8", 1e-12), (0.1, "f8", 1e-12), (0.1, "f4", 4e-6), *nightly((0.0, "f4", 4e-6))],
)
def test_non_local_means_are_the_direct_sum(shape, size, distance, sigma, colors, dtype, tolerance):
    image = (colored(noisy(shape)) if colors else noisy(shape)).astype(dtype)
    options = Options(value_range="dtype", ndim=len(shape), channel_axis=-1 if colors else None)
    result = apply(
        image, "denoise_nl_means", patch_size=size, patch_distance=distance, h=0.15, sigma=sigma,
        options=options,
    )  # fmt: skip
    expected = direct.nl_means(image, size, distance, 0.15, sigma, len(shape))
    np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance)


def test_h_follows_from_the_noise():
    image = noisy((30, 30))
    for sigma, h in ((0.1, 1.15 * 0.1), (0.0, 1e-6)):
        expected = apply(image, "denoise_nl_means", sigma=sigma, h=h, options=PLAIN)
        assert same(apply(image, "denoise_nl_means", sigma=sigma, options=PLAIN), expected)


# Bilateral filter


def test_windows_that_take_for_ever_are_refused():
    with pytest.raises(
        ValueError, match=r"sigma_spatial=\(30.0, 30.0, 30.0\): must give a window of at most 1\s048\s576 pixels"
    ):
        apply(np.zeros((3, 4, 5)), "denoise_bilateral", sigma_spatial=30, options=VOLUME)


@pytest.mark.parametrize(
    ("shape", "sigma_spatial"),
    [
        ((30, 41), 1.0), ((30, 41), (2.2, 0.0)), ((9, 12, 14), 0.8), ((5, 9, 70), (0.3, 1.0, 1.5)),
        ((1, 30), 2.0), ((30, 1), 2.0), ((2, 3), 4.0), ((1, 1), 1.0), ((1, 9, 8), 1.0), ((9, 1, 1), 1.0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("colors", [False, True])
@pytest.mark.parametrize(
    ("sigma_color", "dtype", "tolerance"),
    [
        (0.02, "f8", 1e-12), (0.2, "f8", 1e-12), (5.0, "f8", 1e-12), (0.2, "f4", 4e-6),
        *nightly((0.02, "f4", 4e-6), (5.0, "f4", 4e-6)),
    ],
)  # fmt: skip
def test_the_bilateral_filter_is_the_direct_sum(shape, sigma_spatial, sigma_color, colors, dtype, tolerance):
    image = (colored(noisy(shape)) if colors else noisy(shape)).astype(dtype)
    options = Options(value_range="dtype", ndim=len(shape), channel_axis=-1 if colors else None)
    result = apply(image, "denoise_bilateral", sigma_color=sigma_color, sigma_spatial=sigma_spatial, options=options)
    expected = direct.bilateral(image, sigma_color, sigma_spatial, len(shape))
    np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance)


def test_the_bilateral_filter_of_like_values_is_a_gaussian():
    image = noisy((40, 50))
    result = apply(image, "denoise_bilateral", sigma_color=10, sigma_spatial=2.0, options=PLAIN)
    expected = ndi.gaussian_filter(image, 2.0, mode="mirror", truncate=3.0)
    np.testing.assert_allclose(result, expected, rtol=0, atol=0.002)


# All of them


@each_smoother
def test_a_constant_image_stays(name, parameters):
    for image in (np.full((20, 30), 0.3, np.float32), np.full((20, 30), 77, np.uint8)):
        assert same(apply(image, name, **parameters), image)


@each_smoother
def test_noise_goes(name, parameters):
    clean = np.kron(np.array([[0.2, 0.8], [0.6, 0.3]]), np.ones((40, 40)))
    image = clean + 0.05 * np.random.default_rng(0).standard_normal(clean.shape)
    result = apply(image, name, options=PLAIN, **parameters)
    assert np.sqrt(np.mean((result - clean) ** 2)) < 0.6 * 0.05


@each_smoother
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_types_give_the_same_image(name, parameters, dtype):
    top = 1 if dtype == "f4" else np.iinfo(dtype).max
    image = (np.clip(noisy((50, 60)), 0, 1) * top).astype(dtype)
    expected = apply(image / top, name, options=PLAIN, **parameters) * top
    result = apply(image, name, options=PLAIN, **parameters)
    np.testing.assert_allclose(result, expected, rtol=0, atol=4e-6 * top + (0.5 if dtype != "f4" else 0))


@each_smoother
@pytest.mark.parametrize("shape", [(1, 1), (1, 20), (20, 1), (2, 3)], ids=str)
def test_tiny_images_have_a_finite_result(name, parameters, shape):
    image = plane(shape) if np.prod(shape) > 1 else np.array([[0.4]])
    result = apply(image, name, options=PLAIN, **parameters)
    assert np.isfinite(result).all()
    assert image.min() - 1e-9 <= result.min() <= result.max() <= image.max() + 1e-9


@each_smoother
def test_missing_numbers_stay_alone(name, parameters):
    image = noisy((40, 40)).astype(np.float32)
    image[10, 10], image[20, 5:9] = np.nan, np.inf
    result = apply(image, name, options=PLAIN, **parameters)
    np.testing.assert_array_equal(np.isfinite(result), np.isfinite(image))


@each_smoother
@pytest.mark.parametrize("shape", [(512, 512), (5, 48, 48)], ids=str)
def test_a_run_can_be_stopped_on_the_way(name, parameters, shape):
    image = noisy(shape).astype(np.float32)
    plan = plan_of(operations()[name], image, parameters=parameters, ndim=len(shape))
    assert stops_soon(plan, math.prod(shape) * visits(plan.parameters, len(shape)))


def visits(p, ndim):
    """How many pixels each pixel looks at: in all iterations, or in half its window."""
    if "num_iter" in p:
        return 2 * ndim * p["num_iter"]
    distance = p.get("patch_distance", 0) or np.ceil(3 * np.array(p["sigma_spatial"]))
    return np.prod(np.broadcast_to(2 * np.array(distance) + 1, ndim)) / 2


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("denoise_bilateral", {"sigma_color": 0}, r"sigma_color=0: .*greater than 0"),
        ("denoise_bilateral", {"sigma_spatial": -1}, r"sigma_spatial=-1: must be a finite number from 0"),
        ("denoise_nl_means", {"patch_size": 4}, r"patch_size=\(4, 4\): must be odd"),
        (
            "denoise_nl_means",
            {"patch_size": (3, 3, 3)},
            r"patch_size=\(3, 3, 3\): must be one value, or 2 values",
        ),
        ("denoise_nl_means", {"patch_distance": 0}, r"patch_distance=0: must be a whole number from 1"),
        ("denoise_nl_means", {"h": 0}, r"h=0: .*greater than 0"),
        ("denoise_nl_means", {"sigma": -0.1}, r"sigma=-0.1: must be 'auto' or a finite number from 0"),
        ("denoise_tv_chambolle", {"weight": -0.1}, r"weight=-0.1: must be 'auto' or a finite number greater than 0"),
        ("denoise_tv_chambolle", {"weight": 0}, r"weight=0: must be 'auto' or a finite number greater than 0"),
        ("denoise_tv_chambolle", {"num_iter": 0}, r"num_iter=0: must be a whole number from 1"),
    ],
)
def test_parameters_out_of_bounds_are_refused(name, parameters, message):
    with pytest.raises(ValueError, match=message):
        apply(noisy((9, 9)), name, **parameters)
