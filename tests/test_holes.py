"""Pixels that hold no finite number: they keep their values, and nothing around them changes because of them."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage as ndi

import direct
from cases import BY_NAME, CASES
from napari_mathimg import Options, apply
from napari_mathimg.contract.reach import POINTWISE, Gather
from napari_mathimg.engine import region
from napari_mathimg.methods.lens.shading import dark_reach
from planning import cut_into, label, plan_of, random_boxes, result_of, same

FIXED = Options(value_range=(0.0, 4000.0))
bell = np.outer(*[np.exp(-(np.arange(-4, 5) ** 2) / 4.5)] * 2)
lopsided = np.arange(1.0, 16).reshape(3, 5) % 7
sharpen = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0.0]])
dense = np.random.default_rng(3).random((19, 21))
SMOOTHERS = [
    ("gaussian", {"sigma": 3.0}), ("gaussian", {"sigma": (0.0, 2.0), "mode": "mirror"}),
    ("blur_box", {"size": 6}), ("blur_box", {"size": (1, 9)}), ("blur_defocus", {"radius": 4.3}),
    ("blur_defocus", {"radius": 14.0}), ("blur_motion", {"length": 15.0, "angle": 30.0}),
    ("blur_motion", {"polygon": ((0.0, 0.0), (3.0, 8.0), (9.0, 2.0))}),
    ("convolve", {}, lopsided / lopsided.sum()), ("convolve", {}, sharpen), ("convolve", {}, dense / dense.sum()),
    ("denoise_bilateral", {}), ("denoise_nl_means", {}), ("denoise_tv_bregman", {}), ("denoise_tv_chambolle", {}),
    ("denoise_wavelet", {}), ("wiener_filter", {"size": 5}), ("median", {"size": 5}), ("median", {"size": 13}),
    ("richardson_lucy", {"num_iter": 30}, bell), ("wiener", {}, bell),
    ("gaussian", {"sigma": 2.0, "mode": "grid-wrap"}),
]  # fmt: skip
WIDE = [("wiener", {}), ("gaussian", {"sigma": 2.0, "mode": "grid-wrap"})]  # of which every pixel depends on all
each_smoother = pytest.mark.parametrize(("name", "parameters", "images"), [(n, p, i) for n, p, *i in SMOOTHERS])


def riddled(image, share=0.01, seed=0):
    """An image with holes of every kind at random places, and the mask of the holes."""
    rng = np.random.default_rng(seed)
    hole = rng.random(image.shape) < share
    return np.where(hole, rng.choice([np.nan, np.inf, -np.inf], image.shape), image).astype(image.dtype), hole


def holed_plateau(dtype=np.float32):
    """A plateau of 2000 with a missing column, single missing pixels, and a hole larger than any window here."""
    image = np.full((90, 110), 2000, dtype)
    image[:, 40], image[5, 7], image[50:53, 60] = np.nan, np.inf, -np.inf
    image[40:88, 64:108] = np.nan
    return image


@each_smoother
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_plateau_stays_flat_beside_its_holes(name, parameters, images, dtype):
    image = holed_plateau(dtype)
    result, hole = apply(image, name, *images, options=FIXED, **parameters), ~np.isfinite(image)
    np.testing.assert_array_equal(result[hole], image[hole])
    np.testing.assert_allclose(result[~hole], 2000, rtol=1e-6)


def test_a_plateau_in_a_volume_stays_flat():
    image = np.full((20, 24, 28), 2000, np.float32)
    image[3, 5], image[10:16, 8:18, 8:20], image[18, 20, 20] = np.nan, np.nan, np.inf
    psf = bell[None, 2:7, 2:7] * np.array([1, 2, 1.0])[:, None, None]
    for name, parameters, *images in (
        ("gaussian", {"sigma": (1.0, 2.0, 2.0)}), ("blur_box", {"size": 4}), ("denoise_tv_chambolle", {"num_iter": 9}),
        ("denoise_tv_bregman", {"num_iter": 5}), ("median", {"size": 3}), ("median", {"size": 7}),
        ("denoise_wavelet", {}), ("richardson_lucy", {"num_iter": 10}, psf), ("denoise_nl_means", {}),
    ):  # fmt: skip
        result = apply(image, name, *images, options=replace(FIXED, ndim=3), **parameters)
        np.testing.assert_array_equal(np.isfinite(result), np.isfinite(image))
        np.testing.assert_allclose(result[np.isfinite(image)], 2000, rtol=1e-6, err_msg=name)


def test_a_hole_in_one_color_changes_no_color_beside_it():
    image = np.full((40, 44, 3), (500, 2000, 3500), np.float32)
    image[10:14, 20, 1], image[30, 8, 0] = np.nan, np.inf
    options = replace(FIXED, channel_axis=-1)
    for name, parameters, *images in SMOOTHERS:
        result = apply(image, name, *images, options=options, **parameters)
        np.testing.assert_array_equal(np.isfinite(result), np.isfinite(image))
        difference = np.where(np.isfinite(image), result - (500, 2000, 3500), 0)
        assert np.abs(difference).max() <= 4e-3, name  # 1e-6 of the range


GIVEN_NOISE = {  # instead of estimates, of which every pixel is a part
    "denoise_wavelet": {"sigma": 0.02, "method": "VisuShrink", "levels": 3}, "wiener_filter": {"noise": 1e-3},
    "denoise_bilateral": {"sigma_color": 0.0375}, "denoise_nl_means": {"h": 0.0144, "sigma": 0.0125},
    "denoise_tv_bregman": {"weight": 0.025}, "denoise_tv_chambolle": {"weight": 0.0125},
}  # fmt: skip


@pytest.mark.parametrize(("name", "parameters", "images"), [(n, p, i) for n, p, *i in SMOOTHERS if (n, p) not in WIDE])
def test_a_far_dark_pixel_does_not_matter(name, parameters, images):
    rng = np.random.default_rng(1)
    image = riddled((2000 + 50 * rng.standard_normal((600, 64))).astype(np.float32))[0]
    darker = image.copy()
    darker[598, 30] = 1
    given = GIVEN_NOISE.get(name, {})
    before, after = (apply(x, name, *images, options=FIXED, **parameters, **given) for x in (image, darker))
    tolerance = 5.5e-6 if name == "richardson_lucy" else 1e-6
    np.testing.assert_allclose(before[:200], after[:200], rtol=0, atol=2000 * tolerance)


@pytest.mark.parametrize("name", ["denoise_bilateral", "denoise_tv_chambolle"])
def test_a_far_dark_pixel_moves_an_estimate_of_noise_by_few_ranks(name):
    """The median of the details of a plane moves by as many ranks as there are details that see the pixel."""
    image = (2000 + 50 * np.random.default_rng(1).standard_normal((600, 64))).astype(np.float32)
    darker = image.copy()
    darker[598, 30] = 1
    before, after = (plan_of(BY_NAME[name].declared, x, value_range=(0.0, 4000.0)).parameters for x in (image, darker))
    size = np.abs(np.random.default_rng(0).standard_normal(10**6))
    share = 4 / (300 * 32)  # of a filter of 4 taps in steps of 2 along each axis
    most = np.quantile(size, 0.5 + 2 * share) / np.median(size) - 1
    for key in before.keys() & {"sigma_color", "weight"}:
        assert after[key] == pytest.approx(before[key], rel=most)
        assert before[key] == pytest.approx({"sigma_color": 0.0375, "weight": 0.0125}[key], rel=0.03)


def test_only_holes_may_be_without_any_pixel():
    image = np.full((12, 13), np.nan, np.float32)
    image[4] = np.inf
    for name, parameters, *images in SMOOTHERS:
        np.testing.assert_array_equal(apply(image, name, *images, **parameters), image)


# Independent references


def weighted(image, hole, average):
    """Normalized convolution (H. Knutsson and C.-F. Westin, 1993) of an image with 0 in its holes."""
    return average(np.where(hole, 0, image)) / average((~hole).astype(float))


@pytest.mark.parametrize("mode", ["nearest", "mirror", "constant", "grid-wrap"])
def test_blurs_are_normalized_convolutions(mode):
    rng = np.random.default_rng(2)
    image, hole = riddled(rng.normal(100, 30, (70, 80)), 0.1)
    blank = mode == "constant"  # beyond the edges the fill value is there: it counts as a pixel

    def normalized(average):
        values, weights = (average(np.pad(a, 30, constant_values=c) if blank else a)
                           for a, c in ((np.where(hole, 0, image), 7.0), (1.0 - hole, 1.0)))  # fmt: skip
        cut = slice(30, -30) if blank else slice(None)
        return (values / weights)[cut, cut]

    for name, parameters, images, average in (
        ("gaussian", {"sigma": 2.0}, (), lambda x: ndi.gaussian_filter(x, 2, mode=mode)),
        ("blur_box", {"size": 5}, (), lambda x: ndi.uniform_filter(x, 5, mode=mode)),
        ("blur_defocus", {"radius": 2.3}, (), lambda x: ndi.convolve(x, direct.disk(2.3), mode=mode)),
        ("blur_motion", {"length": 7.0}, (), lambda x: ndi.uniform_filter1d(x, 7, axis=1, mode=mode)),
        ("convolve", {}, (lopsided,), lambda x: ndi.convolve(x, lopsided / lopsided.sum(), mode=mode)),
        ("convolve", {}, (dense,), lambda x: ndi.convolve(x, dense / dense.sum(), mode=mode)),
    ):
        result = apply(image, name, *images, mode=mode, cval=7.0, **parameters)
        expected = normalized(average) * (images[0].sum() if images else 1)
        np.testing.assert_allclose(result[~hole], expected[~hole], rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("size", [3, 5, 13])
def test_medians_are_of_the_pixels_that_are_there(size, dtype):
    image, hole = riddled(np.random.default_rng(3).normal(0, 10, (40, 50)).astype(dtype), 0.3)
    result = apply(image, "median", size=size, mode="mirror")
    windows = np.where(hole, np.nan, image.astype(float))
    expected = ndi.generic_filter(windows, np.nanmedian, size, mode="mirror")
    np.testing.assert_array_equal(result[~hole], expected[~hole].astype(dtype))
    np.testing.assert_array_equal(result[hole], image[hole])


def test_the_local_wiener_filter_leaves_holes_out():
    image, hole = riddled(np.random.default_rng(4).random((40, 50)), 0.2)
    result = apply(image, "wiener_filter", size=5, noise=0.02, options=Options(value_range="dtype"))
    windows = np.pad(np.where(hole, np.nan, image), 2, mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(windows, (5, 5))
    mean, variance = np.nanmean(windows, (2, 3)), np.nanvar(windows, (2, 3))
    expected = mean + np.maximum(1 - 0.02 / variance, 0) * (image - mean)
    np.testing.assert_allclose(result[~hole], expected[~hole], rtol=1e-9)


def test_lucy_and_richardson_count_no_light_of_holes():
    rng = np.random.default_rng(5)
    image, hole = riddled(rng.random((14, 15)) + 0.1, 0.05)
    kernel = lopsided[:, :3] / lopsided[:, :3].sum()
    result = apply(image, "richardson_lucy", kernel, num_iter=6, boundary="reflect", center="array")
    expected = direct.richardson_lucy(np.where(hole, 0, image), kernel, "reflect", 6, counts=~hole)
    np.testing.assert_allclose(result[~hole], expected[~hole], rtol=1e-7)


def test_kernels_with_negative_weights_see_the_mean_of_the_neighbors():
    image = np.random.default_rng(6).random((30, 30))
    image[10, 12] = np.nan
    filled = image.copy()
    filled[10, 12] = np.nanmean(image[9:12, 11:14])
    result, expected = (apply(x, "convolve", sharpen) for x in (image, filled))
    here = np.isfinite(image)
    np.testing.assert_allclose(result[here], expected[here], rtol=1e-12)


@pytest.mark.parametrize("name", ["wiener", "unsupervised_wiener"])
def test_holes_leave_no_ringing(name):
    """A blurred cone and waves with a little noise: the filter finds them again from the membrane over its holes."""
    y, x = np.indices((96, 96))
    image = 100 + np.hypot(y - 30, x - 50) + np.sin(x / 9) + 0.1 * np.random.default_rng(9).standard_normal((96, 96))
    holed = riddled(image, 0.01)[0]
    holed[40:46, 20:25] = np.nan
    given = {"balance": 0.01} if name == "wiener" else {}
    expected, result = (apply(i, name, bell, **given) for i in (image, holed))
    here = np.isfinite(holed)
    np.testing.assert_allclose(result[here], expected[here], rtol=0, atol=1.5)  # of a range of 80
    assert np.sqrt(np.mean((result - expected)[here] ** 2)) < 0.15


@pytest.mark.parametrize("method", ["BayesShrink", "VisuShrink"])
def test_large_holes_hide_no_noise_from_the_wavelets(method):
    """The noise estimated from the half that is there removes as much of it as in the whole image."""
    noise = np.random.default_rng(10).standard_normal((256, 256))
    holed = noise.copy()
    holed[:, :160] = np.nan
    options = Options(value_range=(0.0, 1.0))
    whole, part = (apply(x, "denoise_wavelet", method=method, options=options)[:, 170:] for x in (noise, holed))
    assert part.std() < 1.2 * whole.std() < 0.4


# The noise beside holes, of every operation

WARPS = {c.operation for c in CASES if c.declared.is_warp}
POINTS = {c.operation for c in CASES if not c.declared.is_warp and c.declared.reach in (POINTWISE, dark_reach)}
POOLED = {"equalize_hist", "equalize_adapthist", "match_histograms"}  # their curves come from the pixels that are there


def hills(shape=(150, 170)):
    smooth = ndi.gaussian_filter(np.random.default_rng(7).random(shape), 5.0)
    return 0.15 + 0.7 * (smooth - smooth.min()) / np.ptp(smooth)


def errors(case, seed=0):
    """The noise left near holes and elsewhere: root mean squares, and the three results."""
    clean = case.prepared(hills())
    noisy = np.maximum(clean + 0.05 * np.random.default_rng(8).standard_normal(clean.shape), 0)
    holed, _ = riddled(noisy, 0.01, seed)
    options = case.options(statistics="layer")
    further = case.further(clean.shape[:2], options.channel_axis)
    truth, whole, found = (
        apply(x, case.operation, *further, options=options, **case.parameters) for x in (clean, noisy, holed)
    )
    return truth, whole, found, ~np.isfinite(holed)


@pytest.mark.parametrize("case", [c for c in CASES if c.operation not in WARPS | POINTS], ids=label)
def test_noise_beside_holes_is_at_most_twice_that_elsewhere(case):
    truth, _, found, hole = errors(case)
    near = ndi.binary_dilation(hole, np.ones((7, 7))) & ~hole
    error = np.where(hole, 0, found - truth)
    beside, elsewhere = (np.sqrt(np.mean(error[mask] ** 2)) for mask in (near, ~near & ~hole))
    assert np.isfinite(error).all()
    assert beside <= 2 * elsewhere


@pytest.mark.parametrize("name", sorted(POINTS))
def test_holes_change_no_other_point(name):
    _, whole, found, hole = errors(BY_NAME[name])
    if hole.shape != found.shape:
        hole = hole.any(-1)
    assert np.isfinite(found[~hole]).all()
    assert not np.isfinite(found[hole]).any()
    tolerance = 0.05 if name in POOLED else 0.01 if name == "flat_field" else 0
    np.testing.assert_allclose(found[~hole], whole[~hole], rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", sorted(WARPS))
def test_warps_spread_holes_only_where_they_interpolate_them(name):
    """A pixel of the result is missing where another number in place of the hole would change it, and only there."""
    case = BY_NAME[name]
    image = hills((61, 47))
    image[20, 20], image[31:34, 7], image[50, 40] = np.nan, np.nan, np.nan
    plan = plan_of(case.declared, image, parameters=case.parameters, value_range="dtype")
    assert isinstance(plan.reach, Gather)
    smooth = any(plan.reach.smooth)
    results = []
    for value in (0.0, 1.0):
        replaced = np.where(np.isfinite(image), image, value)
        results.append(result_of(plan_of(case.declared, replaced, parameters=case.parameters, value_range="dtype")))
    low, high = results
    found = result_of(plan)
    if not smooth:
        np.testing.assert_array_equal(np.isfinite(found), low == high)
        np.testing.assert_array_equal(found[low == high], low[low == high])
    else:  # the Gaussian leaves holes out, so that fewer pixels are missing
        assert np.isfinite(found)[low == high].all()
        assert np.count_nonzero(~np.isfinite(found)) < np.count_nonzero(low != high)


@pytest.mark.parametrize("case", [c for c in CASES if c.operation not in WARPS], ids=label)
def test_regions_with_holes_equal_the_run(case, monkeypatch):
    cut_into(monkeypatch, 20**2, 16)
    image = riddled(case.prepared(hills((64, 70))).astype(np.float32), 0.02)[0]
    image[22:31, 24:40] = np.nan
    options = {"value_range": "dtype", "channel_axis": -1 if case.color else None}
    further = case.further((64, 70), options["channel_axis"])
    plan = plan_of(case.declared, image, *further, parameters=case.parameters, **options)
    whole = result_of(plan)
    for box in (*random_boxes((64, 70), 4), ((20, 33), (39, 44))):
        assert same(region(plan, (), box), np.ascontiguousarray(whole[tuple(slice(*b) for b in box)]))
