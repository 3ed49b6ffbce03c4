"""Wavelet denoising, the local Wiener filter and the noise estimate, against PyWavelets, scikit-image and scipy."""

import math
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import pywt
from scipy import signal, stats
from skimage import color, data, restoration, transform
from skimage.metrics import peak_signal_noise_ratio

from cases import plane
from napari_mathimg import Options, apply, operations
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine import estimate_sigma, tiles
from napari_mathimg.engine.estimates import estimate_sigma_steps
from napari_mathimg.engine.region import compute_block
from napari_mathimg.kernels import counting
from napari_mathimg.methods import wavelet_shrinkage, wavelets
from napari_mathimg.methods.exact_sums import exact_sum
from nightly import nightly
from planning import Watched, cut_into, gray, plan_of, random_boxes, result_of, same

DTYPE = Options(value_range="dtype")
VOLUMES = Options(value_range="dtype", ndim=3)
RGB = Options(value_range="dtype", channel_axis=-1)
WAVELETS = pywt.wavelist(kind="discrete")
SIGMA = 0.1
# The median is found among float32 numbers: so far thresholds may be from those of float64.
MEDIAN = 1e-6


@pytest.fixture(scope="module")
def noisy():
    """`camera`, a part of odd size, with noise."""
    image = data.camera()[100:311, 150:347] / 255
    return image + SIGMA * np.random.default_rng(0).standard_normal(image.shape)


LONGEST = ("coif17", "db38", "dmey", "sym20")  # of each family that has long ones: all levels of volumes, too


def by_pywavelets(image, wavelet, levels, threshold, mode="soft", approximation=False):
    """Shrink by PyWavelets' own functions."""
    parts = [image]
    for _ in range(levels):
        parts[0:1] = [(bands := pywt.dwtn(parts[0], wavelet)).pop("a" * image.ndim), bands]
    for bands in parts[1:]:
        bands.update({k: pywt.threshold(v, threshold, mode) for k, v in bands.items()})
    made = pywt.threshold(parts[0], threshold, mode) if approximation else parts[0]
    for bands in parts[1:]:
        made = made[tuple(slice(n) for n in next(iter(bands.values())).shape)]
        made = pywt.idwtn({"a" * image.ndim: made, **bands}, wavelet)
    return made[tuple(slice(n) for n in image.shape)]


def sigma_by_pywavelets(image):
    """Estimate the noise of a plane as Donoho and Johnstone do, without the coefficients that need a mirror image."""
    for axis, n in enumerate(image.shape):
        if n >= 4:
            image = pywt.dwt(image, "db2", axis=axis)[1].take(range(1, n // 2), axis)
    magnitudes = np.abs(image)
    return np.median(magnitudes[magnitudes > 2.0**-36]) / stats.norm.ppf(0.75)


# The transform


@pytest.mark.parametrize("shape", [(61, 47), (2, 31), *nightly(((5, 9, 7),))])
def test_every_discrete_wavelet_shrinks_as_by_pywavelets(shape):
    image, options = plane(shape), VOLUMES if len(shape) == 3 else DTYPE
    given = {"method": "fixed", "threshold": 0.02, "approximation": True}
    for wavelet in WAVELETS:
        is_long = pywt.Wavelet(wavelet).dec_len > 20  # each level makes a small volume much larger
        levels = 1 if is_long and len(shape) == 3 and wavelet not in LONGEST else 3
        result = apply(image, "denoise_wavelet", wavelet=wavelet, levels=levels, max_shifts=0, options=options, **given)
        expected = by_pywavelets(image, wavelet, levels, 0.02, approximation=True)
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-11, err_msg=wavelet)


@pytest.mark.parametrize("levels", range(1, 10))
@pytest.mark.parametrize("wavelet", ["haar", "bior2.8", "db38"])
def test_all_levels_are_computed_past_what_is_advised(wavelet, levels):
    image = plane((300, 211))
    given = {"wavelet": wavelet, "method": "fixed", "threshold": 0.1, "levels": levels, "approximation": True}
    given["max_shifts"] = 0
    result = apply(image, "denoise_wavelet", mode="hard", options=DTYPE, **given)
    np.testing.assert_allclose(result, by_pywavelets(image, wavelet, levels, 0.1, "hard", True), rtol=0, atol=1e-10)
    with pytest.raises(ValueError, match=r"levels=10: must be at most 9 for an image of shape \(300, 211\)"):
        apply(image, "denoise_wavelet", levels=10)


def test_without_threshold_nothing_changes():
    image, given = plane((64, 61)).astype(np.float32), {"method": "fixed", "threshold": 0.0, "levels": 2}
    for wavelet in set(WAVELETS) - {"dmey"}:  # whose filters are no exact inverse of each other
        result = apply(image, "denoise_wavelet", wavelet=wavelet, max_shifts=1, **given)
        np.testing.assert_allclose(result, image, rtol=0, atol=1e-5, err_msg=wavelet)


def test_the_default_denoises_a_small_image_as_well_as_four_levels_do():
    """Of 150 x 250 pixels scikit-image's default of levels, three less than PyWavelets advises, decomposes one."""
    image = transform.resize(data.camera() / 255, (150, 250), anti_aliasing=True)
    noisy = image + SIGMA * np.random.default_rng(0).standard_normal(image.shape)
    given = {"wavelet": "sym4", "mode": "soft", "method": "BayesShrink", "rescale_sigma": False}

    def quality(denoised):
        return peak_signal_noise_ratio(image, denoised, data_range=1)

    usual, four = (quality(restoration.denoise_wavelet(noisy, wavelet_levels=n, **given)) for n in (None, 4))
    assert four > usual + 1.5
    default = quality(apply(noisy, "denoise_wavelet"))
    assert default > four
    assert default == pytest.approx(quality(apply(noisy, "denoise_wavelet", levels=4)), abs=1e-9)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (2, 300), (18, 17), (512, 512), (1000, 999), (33, 40, 60)])
def test_levels_follow_what_pywavelets_advises(shape):
    longer = tuple(n for n in shape if n > 1)
    for wavelet in WAVELETS:
        advised = pywt.dwtn_max_level(longer, wavelet) if longer else 0
        assert wavelets.advised_levels(wavelet, shape) == advised
        resolved = operations()["denoise_wavelet"].resolve({"wavelet": wavelet, "sigma": 0.1}, shape, {"channels": 0})
        assert resolved["levels"] == max(min(advised, 4), 1)


@pytest.mark.parametrize("wavelet", ["sym44", "morl", "", "Haar"])
def test_what_is_no_discrete_wavelet_is_refused(wavelet):
    with pytest.raises(ValueError, match=rf"wavelet='{wavelet}': must be one of {len(WAVELETS)} names, from 'bior1.1'"):
        apply(plane(), "denoise_wavelet", wavelet=wavelet)


# Thresholds


@pytest.mark.parametrize("wavelet", ["haar", "sym4", "bior2.8"])
@pytest.mark.parametrize("method", ["BayesShrink", "VisuShrink"])
@pytest.mark.parametrize("mode", ["soft", "hard"])
@pytest.mark.parametrize("sigma", ["auto", 0.07])
@pytest.mark.filterwarnings("ignore:Wavelet thresholding was designed for use with orthogonal wavelets")
def test_thresholds_are_those_of_scikit_image(noisy, wavelet, method, mode, sigma):
    given = {"wavelet": wavelet, "method": method, "mode": mode}
    result = apply(noisy, "denoise_wavelet", levels=3, sigma=sigma, max_shifts=0, options=DTYPE, **given)
    expected = restoration.denoise_wavelet(
        noisy, sigma_by_pywavelets(noisy) if sigma == "auto" else sigma, wavelet_levels=3, rescale_sigma=False, **given
    )
    np.testing.assert_allclose(result, expected, rtol=0, atol=MEDIAN if sigma == "auto" else 1e-12)


@pytest.mark.parametrize("method", ["BayesShrink", "VisuShrink"])
def test_volumes_are_denoised_in_three_dimensions_as_by_scikit_image(method):
    volume = plane((16, 40, 37)) + SIGMA * np.random.default_rng(1).standard_normal((16, 40, 37))
    given = {"wavelet": "db2", "levels": 2, "method": method, "sigma": SIGMA, "max_shifts": 0}
    result = apply(volume, "denoise_wavelet", options=VOLUMES, **given)
    expected = restoration.denoise_wavelet(volume, SIGMA, "db2", "soft", 2, method=method, rescale_sigma=False)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", ["BayesShrink", "VisuShrink"])
def test_colors_are_denoised_in_ycbcr_as_by_scikit_image(method):
    image = data.chelsea()[100:200, 50:150] / 255
    image = image + SIGMA * np.random.default_rng(2).standard_normal(image.shape)
    given = {"wavelet": "db1", "levels": 3, "method": method, "max_shifts": 0}
    result = apply(image, "denoise_wavelet", sigma=SIGMA, options=RGB, **given)
    expected = restoration.denoise_wavelet(
        image, [SIGMA] * 3, "db1", "soft", 3, convert2ycbcr=True, method=method,
        rescale_sigma=True, channel_axis=-1,
    )  # fmt: skip
    np.testing.assert_allclose(result, expected, rtol=0, atol=MEDIAN)
    np.testing.assert_allclose(
        color.rgb2ycbcr(result)[..., 1:].mean((0, 1)), color.rgb2ycbcr(image)[..., 1:].mean((0, 1)), rtol=0.02
    )
    norms = np.linalg.norm(color.rgb2ycbcr(np.eye(3)[None])[0] - color.rgb2ycbcr(np.zeros((1, 1, 3)))[0], axis=0)
    each = tuple(sigma_by_pywavelets(channel) for channel in np.moveaxis(color.rgb2ycbcr(image) / norms, -1, 0))
    expected = apply(image, "denoise_wavelet", sigma=each, options=RGB, **given)
    np.testing.assert_allclose(apply(image, "denoise_wavelet", options=RGB, **given), expected, rtol=0, atol=MEDIAN)
    with pytest.raises(ValueError, match="must be one value, or one for each of the 3 channels"):
        apply(image, "denoise_wavelet", sigma=each[:2], options=RGB)


def test_bayes_thresholds_are_noise_over_signal():
    energy, sigma = np.array([[[0.05, 0.01], [0.002, 0.0]]]), np.array([0.1])
    np.testing.assert_allclose(wavelet_shrinkage.bayes_thresholds(energy, sigma), [[[0.05, np.inf], [np.inf, np.inf]]])
    assert not wavelet_shrinkage.bayes_thresholds(energy, np.array([0.0])).any()


def test_the_approximation_shrinks_on_request_only():
    image = np.full((64, 64), 0.5)
    given = {"wavelet": "haar", "method": "fixed", "threshold": 1.0, "levels": 3, "max_shifts": 0}
    np.testing.assert_allclose(apply(image, "denoise_wavelet", options=DTYPE, **given), 0.5, atol=1e-14)
    # After 3 levels the approximation of 0.5 is 8 x 0.5 = 4; shrunk by 1, it stands for 3 / 8.
    shrunk = apply(image, "denoise_wavelet", approximation=True, options=DTYPE, **given)
    np.testing.assert_allclose(shrunk, 3 / 8, atol=1e-14)


@pytest.mark.parametrize("shifts", [1, 3])
def test_cycle_spinning_averages_transforms_whose_grid_is_shifted(noisy, shifts):
    given = {"wavelet": "db3", "method": "fixed", "threshold": 0.2, "levels": 2}
    result = apply(noisy, "denoise_wavelet", max_shifts=shifts, mode="hard", options=DTYPE, **given)
    expected = np.zeros_like(noisy)
    for i, j in product(range(shifts + 1), repeat=2):
        padded = np.pad(noisy, ((i, 0), (j, 0)), mode="symmetric")
        expected += by_pywavelets(padded, "db3", 2, 0.2, "hard")[i:, j:]
    np.testing.assert_allclose(result, expected / (shifts + 1) ** 2, rtol=0, atol=1e-12)


def test_cycle_spinning_brings_the_image_nearer():
    image = data.camera() / 255
    noisy = image + SIGMA * np.random.default_rng(3).standard_normal(image.shape)
    psnr = [
        peak_signal_noise_ratio(image, apply(noisy, "denoise_wavelet", max_shifts=k, options=DTYPE), data_range=1)
        for k in (0, 1, 3)
    ]
    assert psnr[0] + 0.3 < psnr[1] < psnr[2]


@pytest.mark.parametrize("name", ["denoise_wavelet", "wiener_filter"])
@pytest.mark.parametrize("value", [0.0, 0.3, 7.0])
def test_constant_images_come_back_unchanged(name, value):
    image = np.full((60, 50), value, np.float32)
    assert same(apply(image, name, **({"levels": 3, "max_shifts": 1} if name == "denoise_wavelet" else {})), image)
    image[:, 25:] += 1
    without_noise = {"sigma": 0.0} if name == "denoise_wavelet" else {"noise": 0.0}
    np.testing.assert_allclose(apply(image, name, **without_noise), image, rtol=0, atol=1e-6)


# Tiles


NIGHTLY = pytest.mark.nightly
PARAMETERS = [
    {"wavelet": "haar", "levels": 3}, {"wavelet": "sym4", "levels": 2, "mode": "hard"},
    {"wavelet": "bior2.8", "levels": 2, "method": "VisuShrink"},
    {"wavelet": "db5", "levels": 1, "method": "fixed", "approximation": True},
    {"wavelet": "db2", "levels": 3, "max_shifts": 2}, {"wavelet": "haar", "levels": 2, "max_shifts": 3, "mode": "hard"},
    {"wavelet": "rbio3.3", "levels": 2, "approximation": True},
]  # fmt: skip


SHAPES = {
    "plane": ((181, 163), {}), "RGB": ((181, 163), {"channel_axis": -1}), "volume": ((14, 71, 60), {"ndim": 3}),
    "flat volume": ((1, 130, 181), {"ndim": 3}),
}  # fmt: skip
TILED = [
    pytest.param(*SHAPES[name], given, id=f"{name}-{given}", marks=() if name == "plane" or k in (0, 4) else NIGHTLY)
    for name in SHAPES
    for k, given in enumerate(PARAMETERS)
]


@pytest.mark.parametrize(("shape", "options", "given"), TILED)
@pytest.mark.parametrize("dtype", ["f4", *nightly("f8")])
def test_tiles_equal_the_whole_to_the_bit(given, shape, options, dtype, monkeypatch):
    image = gray(dtype, (*shape, 3) if "channel_axis" in options else shape)
    op = operations()["denoise_wavelet"]
    cut_into(monkeypatch, 2**40, 2**20)
    whole = result_of(plan_of(op, image, parameters=given, **options))
    cut_into(monkeypatch, 40**2, 16, halos=1)
    plan = plan_of(op, image, parameters=given, **options)
    assert len(tiles.tiles(plan.source.item, plan.reach, 40**2, 16, 1)) > 3
    assert same(result_of(plan), whole)


@pytest.mark.parametrize("given", PARAMETERS, ids=str)
def test_any_box_needs_no_more_than_its_reach(given):
    image = gray("f8", (301, 263))
    plan = plan_of(operations()["denoise_wavelet"], image, parameters=given)
    whole = result_of(plan)
    for core in random_boxes(image.shape, 20):
        read = plan.reach.reads(core, image.shape)
        cut, kept = (tuple(slice(a, b) for a, b in box) for box in (core, read))
        image_there = np.zeros_like(image)
        image_there[kept] = image[kept]
        assert same(compute_block(replace(plan, source=replace(plan.source, array=image_there)), (), core), whole[cut])


def test_thresholds_are_never_pooled_over_the_layer():
    stack = np.stack([gray("f4", (80, 70)), 0.1 * gray("f4", (80, 70))[::-1]])
    together = apply(stack, "denoise_wavelet", sigma=0.05, options=DTYPE)
    for one, expected in zip(stack, together, strict=True):
        assert same(apply(one, "denoise_wavelet", sigma=0.05, options=DTYPE), expected)


# The noise estimate


@pytest.mark.parametrize("sigma", [1e-4, 0.01, 0.1, 1.0])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_sigma_is_that_of_the_noise(sigma, dtype):
    noise = (0.5 + sigma * np.random.default_rng(0).standard_normal((512, 512))).astype(dtype)
    found = estimate_sigma(noise, options=DTYPE)
    # Standard error of a median magnitude of 2^16 normal numbers, relative: 1.17 / 256.
    assert abs(found / sigma - 1) < 4 * 1.17 / 256
    np.testing.assert_allclose(found, sigma_by_pywavelets(noise.astype(float)), rtol=MEDIAN)


@pytest.mark.parametrize("shape", [(61, 47), (62, 48), (5, 5), (2, 40), (211, 197)])
def test_sigma_is_the_exact_median(shape):
    image = plane(shape)
    np.testing.assert_allclose(estimate_sigma(image, options=DTYPE), sigma_by_pywavelets(image), rtol=1e-7)


@pytest.mark.parametrize("shape", [(2, 300, 200), (3, 300, 200), (11, 150, 151), (3, 400), (400, 3), (5, 5, 2000)])
def test_few_or_odd_planes_rows_and_columns_do_not_lower_the_estimate(shape):
    noise = np.random.default_rng(5).normal(0, 5, shape)
    found = estimate_sigma(noise, options=Options(ndim=len(shape), value_range=(0, 1)))
    assert abs(found / 5 - 1) < 4 * 1.17 / math.sqrt(noise.size / 8)  # standard errors; half of the axes may be short


def test_noise_is_measured_on_at_most_16_planes_spread_over_the_layer():
    stack = np.ones((40, 3, 64, 64)) + np.random.default_rng(0).normal(0, 0.1, (40, 3, 64, 64))
    for ndim in (2, 3):
        watched = Watched(stack)
        assert estimate_sigma(watched, options=Options(ndim=ndim, value_range=(0, 1))) == pytest.approx(0.1, rel=0.05)
        assert sum(watched.reads) <= 2 * 16 * 64 * 64  # two passes give the exact median


def test_sigma_does_not_depend_on_tiles(monkeypatch):
    image = gray("f4", (300, 250))
    whole = estimate_sigma(image)
    cut_into(monkeypatch, 32**2, 16)
    assert estimate_sigma(image) == whole
    assert run_to_end(estimate_sigma_steps(image, threads=1)) == whole


def test_edges_and_masked_regions_hardly_count():
    image = np.where(np.indices((512, 512)).sum(0) % 128 < 64, 0.2, 0.8)
    noisy = image + 0.02 * np.random.default_rng(0).standard_normal(image.shape)
    noisy[:, :300] = 0
    assert abs(estimate_sigma(noisy, options=DTYPE) / 0.02 - 1) < 0.15
    for ones in (np.ones((99, 99), np.float32), np.zeros((99, 99)), np.full((1, 1), 3.0)):
        assert estimate_sigma(ones, options=DTYPE) == 0


def test_sigma_of_stacks_colors_and_ranges():
    rng = np.random.default_rng(0)
    stack = 100 + rng.normal(0, np.array([3.0, 4.0])[:, None, None], (2, 400, 400))
    by_item = estimate_sigma(stack, options=Options(value_range=(0, 200), statistics="item"))
    assert abs(by_item * 200 / math.sqrt(12.5) - 1) < 0.03
    colors = estimate_sigma(
        np.moveaxis(stack[[0, 1, 1]], 0, -1), options=Options(value_range=(0, 200), channel_axis=-1)
    )
    assert abs(colors * 200 / math.sqrt((9 + 16 + 16) / 3) - 1) < 0.03
    one = estimate_sigma(stack[:1], options=Options(value_range=(0, 1)))
    assert abs(one / 3 - 1) < 0.03
    volume = estimate_sigma(rng.normal(0, 0.1, (30, 100, 90)), options=VOLUMES)
    assert abs(volume / 0.1 - 1) < 0.05


def test_sums_are_exact():
    rng = np.random.default_rng(0)
    values = np.square(rng.standard_normal(10_000) * np.exp(rng.uniform(-80, 80, 10_000)))
    sums = np.zeros((2, 2048), np.int64)
    counting.add_exactly(values, sums)
    assert exact_sum(sums) == float(sum(map(Fraction, values.tolist())))
    counting.add_exactly(np.zeros(3), sums)
    assert exact_sum(sums) == math.fsum(values)


# The local Wiener filter


@pytest.mark.parametrize("size", [1, 3, 7, (5, 9), 61, 255])
@pytest.mark.parametrize("noise", ["auto", 0.0, 1e-3, 0.5])
def test_wiener_filter_equals_scipy_inside_and_on_a_mirrored_image(size, noise):
    image = plane()
    rows, columns = size if isinstance(size, tuple) else (size, size)
    margins = [(rows // 2, rows // 2), (columns // 2, columns // 2)]
    cut = (slice(rows // 2, rows // 2 + 61), slice(columns // 2, columns // 2 + 47))
    padded = np.pad(image, margins, mode="symmetric")
    power = sigma_by_pywavelets(image) ** 2 if noise == "auto" else noise
    result = apply(image, "wiener_filter", size=size, noise=noise, options=DTYPE)
    if size == 1 or noise == 0:
        np.testing.assert_allclose(result, image, rtol=0, atol=1e-12)
    else:
        expected = signal.wiener(padded, (rows, columns), power)[cut]
        np.testing.assert_allclose(result, expected, rtol=0, atol=MEDIAN if noise == "auto" else 1e-10)


def test_wiener_filter_of_volumes_equals_scipy_inside():
    volume = plane((20, 31, 33))
    result = apply(volume, "wiener_filter", size=(3, 5, 5), noise=0.002, options=VOLUMES)
    inner = (slice(1, -1), slice(2, -2), slice(2, -2))
    np.testing.assert_allclose(result[inner], signal.wiener(volume, (3, 5, 5), 0.002)[inner], rtol=0, atol=1e-12)


def test_wiener_noise_is_that_of_the_layer_whatever_the_tiles(monkeypatch):
    stack = gray("f8", (3, 90, 80))
    whole = apply(stack, "wiener_filter", size=5, options=DTYPE)
    cut_into(monkeypatch, 40**2, 16)
    assert same(apply(stack, "wiener_filter", size=5, options=DTYPE), whole)


def test_flat_regions_on_a_high_ground_keep_their_small_noise():
    image = 1e5 + np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
    result = apply(image, "wiener_filter", size=5, noise=0.0)
    np.testing.assert_allclose(result, image, rtol=1e-6)
    image[:, 32:] += 1e4
    flat = apply(image, "wiener_filter", size=5, noise=1.0 / np.ptp(image) ** 2)
    assert flat[5:-5, 5:27].std() < 0.45


@pytest.mark.parametrize("size", [2, (3, 4)])
def test_windows_have_a_middle(size):
    with pytest.raises(ValueError, match=r"size=\(\d, \d\): must be odd"):
        apply(plane(), "wiener_filter", size=size)


# Bad input


@pytest.mark.parametrize("name", ["denoise_wavelet", "wiener_filter"])
@pytest.mark.parametrize("scale", [1e300, 1e-300])
@pytest.mark.parametrize("value_range", ["data", (0, 1)])
def test_numbers_of_any_size_stay_finite(name, scale, value_range):
    assert np.isfinite(apply(plane() * scale, name, options=Options(value_range=value_range))).all()


@pytest.mark.parametrize(
    ("name", "given"), [("denoise_wavelet", {"levels": 2, "max_shifts": 1}), ("wiener_filter", {"size": 5})]
)
def test_missing_numbers_do_not_spread(name, given):
    image = plane()
    image[20:23, 30:40] = np.nan
    result = apply(image, name, **given)
    np.testing.assert_array_equal(np.isnan(result), np.isnan(image))


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("denoise_wavelet", {"levels": 0}, "levels=0: must be 'auto' or a whole number from 1"),
        (
            "denoise_wavelet",
            {"sigma": -1.0},
            r"sigma=-1.0: must be 'auto', a finite number from 0 .* or one for each channel",
        ),
        ("denoise_wavelet", {"threshold": -1.0}, r"threshold=-1.0: must be a finite number from 0"),
        ("denoise_wavelet", {"max_shifts": 99}, r"max_shifts=99: must be a whole number from 0 to 15.px"),
        ("wiener_filter", {"noise": -1.0}, r"noise=-1.0: must be 'auto' or a finite number from 0"),
        ("wiener_filter", {"size": 0}, r"size=0: must be a whole number from 1"),
    ],
)
def test_parameters_out_of_bounds_are_refused(name, given, message):
    with pytest.raises(ValueError, match=message):
        apply(plane(), name, **given)


# Published figures


def test_gallery_figures_are_reached():
    """PSNR as in scikit-image's gallery: chelsea, sigma 0.12, db1, soft, YCbCr."""
    original = data.chelsea()[100:250, 50:300] / 255
    rng = np.random.default_rng(0)
    noisy = np.clip(original + 0.12 * rng.standard_normal(original.shape), 0, 1)
    sigma = estimate_sigma(noisy, options=RGB)

    def psnr(**given):
        given |= {"wavelet": "db1", "levels": 4, "max_shifts": 0}  # as advised, less three
        result = apply(noisy, "denoise_wavelet", options=RGB, **given)
        return peak_signal_noise_ratio(original, np.clip(result, 0, 1), data_range=1)

    assert abs(psnr() - 27.3) <= 0.1
    for share, published in ((1, 24.07), (2, 25.72), (4, 25.14)):
        assert abs(psnr(method="VisuShrink", sigma=sigma / share) - published) <= 0.1
