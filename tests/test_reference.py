"""Results against other libraries, closed forms, identities and statistics."""

import numpy as np
import pytest
from scipy import ndimage as ndi
from scipy import stats
from skimage import color, data, exposure

from cases import BY_NAME, CASES, ROUNDING, plane
from napari_mathimg import Options, apply
from planning import gray_levels

DTYPE = Options(value_range="dtype")
# What scikit-image's warps and numpy.pad call scipy.ndimage's edge modes.
EDGES = {"constant": "constant", "nearest": "edge", "reflect": "symmetric", "mirror": "reflect", "grid-wrap": "wrap"}
ANY_DTYPE = ("?", "u1", "u2", "i2", "i4", "u4", "i8", "f2", "f4", "f8", ">u2", ">f4")
each_edge = pytest.mark.parametrize("mode", EDGES)
each_dtype = pytest.mark.parametrize("dtype", ANY_DTYPE)


# Each operation


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.operation)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_operation_gives_its_reference(case, dtype):
    image = case.prepared(plane()).astype(dtype)
    further, options = case.further(image.shape, case.options().channel_axis), case.options()
    result = apply(image, case.operation, *further, options=options, **case.parameters)
    expected = case.reference(image.astype(float))
    single = 4e-6 if dtype == "f4" else 0.0  # float32 holds 24 bits; sums and powers lose a few more
    if case.operation == "clip":
        single = 0.0
    np.testing.assert_allclose(result, expected, rtol=0, atol=case.tolerance + single)


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("name", ["adjust_gamma", "adjust_log", "adjust_sigmoid", "gaussian", "homography", "to_gray"])
def test_integers_are_the_reference_rounded(name, dtype):
    case, top = BY_NAME[name], np.iinfo(dtype).max
    image = case.prepared(np.rint(plane() * top).astype(dtype))
    result = apply(image, name, options=case.options(), **case.parameters)
    expected = case.reference(image / top) * top
    assert np.abs(result - expected).max() <= 0.5 + 4e-6 * top


# Intensities


@pytest.mark.parametrize(
    "image", [data.moon(), data.camera(), data.moon().astype(np.uint16) * 100], ids=["moon", "camera", "u16"]
)
def test_equalization_of_integers_equals_scikit_image(image):
    expected = exposure.equalize_hist(image)
    top = image.max() - float(image.min())
    result = apply(image, "equalize_hist", options=Options(dtype="float32"))
    np.testing.assert_allclose((result - image.min()) / top, expected, rtol=0, atol=1e-6)


def scales(dtype):
    """Two photographs in a dtype, spread over many of its values."""
    factor = {"u1": 1, "i2": 100, "u2": 250, "i4": 10, "f4": 1 / 255, "f8": 1e-3}[dtype]
    return [(image * factor).astype(dtype) for image in (data.moon(), data.camera()[:300])]


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f4", "f8"])
def test_matched_histograms_of_few_levels_equal_scikit_image(dtype):
    image, reference = scales(dtype)
    expected = exposure.match_histograms(image, reference)
    result = apply(image, "match_histograms", reference, options=Options(dtype="float32"))
    np.testing.assert_allclose(result, expected, rtol=0, atol=2e-7 * np.ptp(reference))
    whole = apply(image, "match_histograms", reference)
    if whole.dtype.kind in "iu":
        assert np.abs(whole - expected).max() <= 0.5 + 1e-9
    elif dtype == "f8":
        np.testing.assert_allclose(whole, expected, rtol=0, atol=1e-12 * np.ptp(reference))


@pytest.mark.parametrize("axis", [-1, 0])
def test_matched_colors_equal_scikit_image_channel_by_channel(axis):
    image, reference = (np.moveaxis(x, -1, axis) for x in (data.chelsea(), data.coffee()))
    pairs = zip(np.moveaxis(image, axis, 0), np.moveaxis(reference, axis, 0), strict=True)
    expected = np.stack([exposure.match_histograms(*pair) for pair in pairs], axis)
    result = apply(image, "match_histograms", reference, options=Options(channel_axis=axis))
    assert np.abs(result - expected).max() <= 0.5 + 1e-9


def test_statistics_of_each_channel_match_each_color_as_if_it_were_alone():
    image, reference = (x.astype(np.uint16) * 200 for x in (data.chelsea(), data.coffee()[:300]))
    image[..., 1] //= 3
    reference[..., 2] //= 2
    options = Options(channel_axis=-1, statistics="channel")
    result = apply(image, "match_histograms", reference, options=options)
    for c in range(3):
        alone = apply(image[..., c], "match_histograms", reference[..., c])
        np.testing.assert_array_equal(result[..., c], alone)


def test_matched_real_numbers_have_the_ranks_that_they_had():
    rng = np.random.default_rng(2)
    image, reference = rng.gamma(2, 100, (700, 600)), rng.normal(50, 3, (5, 300, 200))
    result = apply(image, "match_histograms", reference)
    own = np.searchsorted(np.sort(image, None), image, "right") / image.size
    there = np.searchsorted(np.sort(reference, None), result, "right") / reference.size
    assert np.abs(own - there).max() <= 1e-4


def test_an_image_matched_to_itself_stays_and_a_constant_one_too():
    image = plane()
    np.testing.assert_allclose(apply(image, "match_histograms", image), image, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(apply(np.full((3, 4), 7), "match_histograms", image), 7)


@pytest.mark.parametrize("dtype", ["u2", "f4"])
@pytest.mark.parametrize("name", ["equalize_hist", "equalize_adapthist", "match_histograms"])
def test_constants_are_clipped_to_the_value_range_as_other_values_are(name, dtype):
    """Of a constant inside the range nothing changes; several values beyond it are one, too."""
    further = [plane()] if name == "match_histograms" else []
    for image, expected in ((50, 50), (300, 100), (5, 10), ([[300, 400]] * 9, 100)):
        image = np.broadcast_to(np.array(image, dtype), (9, 2))
        result = apply(image, name, *further, options=Options(value_range=(10, 100)))
        np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_a_reference_the_result_cannot_hold_is_refused():
    image, bright = np.arange(6, dtype=np.uint8).reshape(2, 3), np.array([[0.0, 4000.0]])
    with pytest.raises(ValueError, match="reference: must fit into uint8, but its values range from 0 to 4000; set"):
        apply(image, "match_histograms", bright)
    assert apply(image, "match_histograms", bright, options=Options(dtype="float32")).max() == 4000
    with pytest.raises(ValueError, match="reference: must contain a finite number"):
        apply(image, "match_histograms", np.full((2, 2), np.nan))


@pytest.mark.parametrize("ends", [(0, 100.5), (-0.3, 100.2), (0.25, 150)])
def test_equalization_counts_levels_whatever_the_ends_of_the_range(ends):
    image = np.array([[1, 50, 51, 100]], np.uint8)
    result = apply(image, "equalize_hist", options=Options(value_range=ends, dtype="float32"))
    expected = ends[0] + (ends[1] - ends[0]) * np.array([[0.25, 0.5, 0.75, 1]])
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def ends_of(image):
    """The range that scikit-image counts in: it gives no pixel less weight than another."""
    return float(image.min()), float(image.max())


@pytest.mark.parametrize("shape", [(64, 64), (61, 47), (33, 90)])
@pytest.mark.parametrize("kernel_size", [8, 13, (20, 11), 200])
@pytest.mark.parametrize("clip_limit", [0, 0.01, 1])
@pytest.mark.parametrize("nbins", [64, 256])
def test_local_equalization_equals_scikit_image(shape, kernel_size, clip_limit, nbins):
    image = plane(shape)
    expected = exposure.equalize_adapthist(image, kernel_size, clip_limit, nbins)
    chosen = {"kernel_size": kernel_size, "clip_limit": clip_limit, "nbins": nbins}
    result = apply(image, "equalize_adapthist", options=Options(value_range=ends_of(image)), **chosen)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kernel_size", ["auto", 5, (3, 8, 9)])
@pytest.mark.parametrize("shape", [(9, 24, 31), (16, 16, 16)])
def test_local_equalization_of_volumes_equals_scikit_image(shape, kernel_size):
    image = plane(shape)
    given = None if kernel_size == "auto" else kernel_size
    options = Options(ndim=3, value_range=ends_of(image))
    result = apply(image, "equalize_adapthist", kernel_size=kernel_size, options=options)
    np.testing.assert_allclose(result, exposure.equalize_adapthist(image, given), rtol=0, atol=1e-12)


@pytest.mark.parametrize("gain", [0, 10, 200, 1000])
@pytest.mark.parametrize("dtype", ["f4", "f8", "u1", "u2"])
def test_sigmoid_of_any_steepness_equals_scipy(gain, dtype):
    from scipy.special import expit

    top = 1 if dtype[0] == "f" else np.iinfo(dtype).max
    image = (plane() * top).astype(dtype)
    result = apply(image, "adjust_sigmoid", gain=gain, options=Options(value_range="dtype", dtype="float32"))
    np.testing.assert_allclose(result / top, expit(gain * (image / float(top) - 0.5)), rtol=0, atol=1e-6 + 6e-8 * gain)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "f4", "f8", "i4"])
def test_intensities_are_stretched_as_scikit_image_does(dtype):
    image = gray_levels(dtype) + np.array(7, dtype)
    result = apply(image, "rescale_intensity")
    expected = exposure.rescale_intensity(image.astype(float), out_range=_limits(dtype))
    np.testing.assert_allclose(result, expected, rtol=1e-6, atol=0.5 if image.dtype.kind in "iu" else 0)


def _limits(dtype):
    return (0, 1) if np.dtype(dtype).kind == "f" else (0, np.iinfo(dtype).max)


@pytest.mark.parametrize("dtype", ["i8", "u8"])
def test_wide_integers_reach_the_limits_of_their_type(dtype):
    result = apply(np.array([[0, 2**53]], dtype), "rescale_intensity")
    np.testing.assert_array_equal(result, np.array([[0, np.iinfo(dtype).max]], dtype))


@each_dtype
def test_inverting_twice_changes_nothing(dtype):
    image = gray_levels(dtype)
    options = Options(value_range=(0, 1) if image.dtype.kind == "b" else (0, 200))
    if image.dtype.kind == "f":  # so that differences are exact
        image = np.rint(image * 20)
    np.testing.assert_array_equal(apply(apply(image, "invert", options=options), "invert", options=options), image)


def test_gray_stays_gray_as_luminance():
    gray = plane()
    result = apply(np.stack([gray] * 3, -1), "to_gray", options=Options(channel_axis=-1))
    np.testing.assert_allclose(result, gray, rtol=1e-15)


@pytest.mark.parametrize("name", ["equalize_hist", "equalize_adapthist"])
@pytest.mark.parametrize("dtype", ["u1", "f4"])
def test_equalization_of_colors_keeps_hue_and_changes_brightness(name, dtype):
    image = data.immunohistochemistry()[:150, :170]
    image = image if dtype == "u1" else (image / 255).astype(dtype)
    result = apply(image, name, options=Options(value_range="dtype", channel_axis=-1, dtype="float32"))
    before, after = color.rgb2hsv(image), color.rgb2hsv(result / (255 if dtype == "u1" else 1))
    clear = (before[..., 1] > 0.1) & (before[..., 2] > 0.05) & (after[..., 2] > 0.01)
    assert clear.sum() > 5000
    turn = np.abs(before[..., 0] - after[..., 0])[clear]
    assert np.minimum(turn, 1 - turn).max() < 1e-4
    np.testing.assert_allclose(after[..., 1][clear], before[..., 1][clear], atol=1e-4)
    brightness = image.max(-1)
    expected = apply(brightness, name, options=Options(value_range="dtype", dtype="float32"))
    np.testing.assert_allclose(result.max(-1), expected, rtol=1e-5, atol=1e-5)


# Filter and noise


@each_edge
@pytest.mark.parametrize("sigma", [0, 0.4, (1.0, 3.0)])
def test_gaussian_equals_scipy_in_every_edge_mode(mode, sigma):
    image = plane()
    expected = ndi.gaussian_filter(image, sigma, mode=mode, truncate=3.0, cval=0.3)
    result = apply(image, "gaussian", sigma=sigma, mode=mode, truncate=3.0, cval=0.3)
    np.testing.assert_allclose(result, expected, rtol=0, atol=ROUNDING)
    single = apply(image.astype(np.float32), "gaussian", sigma=sigma, mode=mode, truncate=3.0, cval=0.3)
    np.testing.assert_allclose(single, expected, rtol=0, atol=1e-6)


def test_gaussians_of_volumes_have_a_sigma_for_each_axis():
    image, sigma = plane((19, 23, 30)), (0.7, 0.0, 5.0)
    expected = ndi.gaussian_filter(image, sigma, mode="mirror")
    result = apply(image, "gaussian", sigma=sigma, mode="mirror", options=Options(ndim=3))
    np.testing.assert_allclose(result, expected, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize(("mean", "var"), [(0.0, 0.01), (0.2, 0.04)])
def test_noise_is_normal_with_its_mean_and_variance(mean, var):
    gray = np.full((512, 512), 0.5, np.float32)
    noise = apply(gray, "add_gaussian_noise", mean=mean, var=var, seed=3, options=DTYPE) - gray
    n, sigma = noise.size, np.sqrt(var)
    assert abs(noise.mean(dtype=float) - mean) < 4 * sigma / np.sqrt(n)  # 4 standard errors: 6 in 100 000
    assert abs(noise.var(dtype=float) / var - 1) < 4 * np.sqrt(2 / n)
    assert stats.kstest((noise.ravel()[::4] - mean) / sigma, "norm").pvalue > 1e-3
    tails = [np.mean(np.abs(noise - mean) > k * sigma) for k in (3, 4)]
    np.testing.assert_allclose(tails, 2 * stats.norm.sf([3, 4]), rtol=0.5)


def test_noise_is_independent_of_neighbors_planes_channels_and_seeds():
    gray = np.full((2, 256, 256, 3), 0.5, np.float32)
    options = Options(value_range="dtype", channel_axis=-1)
    first, second = (apply(gray, "add_gaussian_noise", seed=s, options=options) - gray for s in (1, 2))
    a = first[0, ..., 0]
    others = [a[:, :-1], a[:-1], a[:-1, :-1], first[1, ..., 0], first[0, ..., 1], first[0, ..., 2], second[0, ..., 0]]
    own = [a[:, 1:], a[1:], a[1:, 1:], a, a, a, a]
    for x, y in zip(own, others, strict=True):
        assert abs(np.corrcoef(x.ravel(), y.ravel())[0, 1]) < 4 / np.sqrt(x.size)


# Missing numbers


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("case", [c for c in CASES if not c.declared.is_warp], ids=lambda case: case.operation)
def test_missing_numbers_stay_where_they_are(case, value):
    image = case.prepared(plane()).astype(np.float32)
    image[20, 30] = value
    further = case.further(image.shape, case.options().channel_axis)
    result = apply(image, case.operation, *further, options=case.options(), **case.parameters)
    expected = np.zeros(result.shape, bool)
    expected[20, 30] = True
    np.testing.assert_array_equal(~np.isfinite(result), expected)
    np.testing.assert_array_equal(result[20, 30], np.full_like(result[20, 30], value))


def test_mixed_infinities_have_no_luminance():
    image = np.full((3, 3, 3), 0.5)
    image[1, 1] = np.inf, -np.inf, 0.5
    result = apply(image, "to_gray", options=Options(channel_axis=-1))
    np.testing.assert_array_equal(np.isnan(result), np.arange(9).reshape(3, 3) == 4)


@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize("shift", [0, 0.5])
def test_warps_spread_missing_numbers_only_through_taps_that_count(order, shift):
    image = plane()
    image[20, 30] = np.nan
    result = apply(image, "affine", translation=(0, shift), order=order)
    taps = {0: 1, 1: 2, 3: 4}[order] if shift else 1
    rows, columns = np.nonzero(np.isnan(result))
    assert set(rows) == {20}
    assert len(columns) == taps


def test_missing_numbers_do_not_count_in_statistics():
    image = plane().astype(np.float32)
    holed = np.concatenate([image, np.full((5, 47), np.nan, np.float32)])
    for name in ("equalize_hist", "rescale_intensity", "adjust_gamma"):
        np.testing.assert_array_equal(apply(holed, name)[:61], apply(image, name))
