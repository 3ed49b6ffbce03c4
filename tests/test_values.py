"""Values that follow from the image, and values that a result cannot hold: what is chosen, counted and recorded."""

from types import SimpleNamespace

import numpy as np
import pytest
import pywt
from scipy import ndimage as ndi
from scipy import stats
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

from cases import colored
from napari_mathimg import Options, apply, operations
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine import report, run
from napari_mathimg.recipe.record import RECORD, record
from planning import cut_into, gray, plan_of, result_of

UNIT = {"value_range": (0.0, 1.0)}


def sigma_of(plane):
    """Estimate the noise of a plane by PyWavelets [Donoho and Johnstone], away from the edges."""
    detail = pywt.dwt2(plane, "db2")[1][2][1 : plane.shape[0] // 2, 1 : plane.shape[1] // 2]
    return np.median(np.abs(detail)) / stats.norm.ppf(0.75)


def noisy(shape=(150, 250), sigma=0.05, seed=0):
    rng = np.random.default_rng(seed)
    return ndi.gaussian_filter(rng.random(shape), 3) + sigma * rng.standard_normal(shape)


def recorded(plan, lost=None):
    source = SimpleNamespace(name="cells", metadata={RECORD: []}, level=0)
    return record(source, plan, "everything", lost=lost)[RECORD][-1]


def result_and_losses(plan):
    lost = []
    return run_to_end(run(plan, threads=2, lost=lost)), *lost


AUTO = {
    "denoise_bilateral": {"sigma_color": 3.0}, "denoise_nl_means": {"sigma": 1.0, "h": 1.15},
    "denoise_tv_bregman": {"weight": 2.0}, "denoise_tv_chambolle": {"weight": 1.0}, "denoise_wavelet": {"sigma": 1.0},
}  # fmt: skip


@pytest.mark.parametrize("name", [*AUTO, "wiener_filter"])
def test_auto_is_the_noise_of_the_image_and_both_are_recorded(name):
    image = noisy()
    factors = AUTO.get(name, {"noise": sigma_of(image)})
    plan = plan_of(operations()[name], image, **UNIT)
    step = recorded(plan)
    for parameter, factor in factors.items():
        assert step["given"][parameter] == "auto"
        np.testing.assert_allclose(step["parameters"][parameter], factor * sigma_of(image), rtol=1e-6)
    replayed = apply(image, name, options=Options(**UNIT), **step["parameters"])
    np.testing.assert_array_equal(replayed, result_of(plan))
    np.testing.assert_array_equal(apply(image, name, options=Options(**UNIT), **step["given"]), replayed)


def test_nothing_is_measured_where_noise_has_no_effect():
    plan = plan_of(operations()["denoise_wavelet"], noisy(), parameters={"method": "fixed"}, **UNIT)
    assert plan.parameters["sigma"] == "auto"


def test_each_item_or_channel_has_noise_of_its_own_where_statistics_say_so():
    stack = np.stack([noisy(sigma=s, seed=k) for k, s in enumerate((0.02, 0.08, 0.04))])
    chambolle = operations()["denoise_tv_chambolle"]
    for how, names in (("item", ()), ("channel", ("c", "y", "x"))):
        plan = plan_of(chambolle, stack, statistics=how, axis_names=names, **UNIT)
        for one, expected in zip(stack, result_of(plan), strict=True):
            np.testing.assert_array_equal(apply(one, "denoise_tv_chambolle", options=Options(**UNIT)), expected)
        weights = [dict(entry["parameters"])["weight"] for entry in recorded(plan)["by_item"]]
        np.testing.assert_allclose(weights, [sigma_of(one) for one in stack], rtol=1e-6)


def test_a_small_image_is_denoised_by_wavelets_as_well_as_measured():
    """On 150 x 250 pixels scikit-image's number of levels gives 23.9 dB, four give 28.4, and shifts 29.0."""
    truth = data.camera()[:150, :250] / 255
    image = truth + 0.06 * np.random.default_rng(0).standard_normal(truth.shape)
    options = Options(**UNIT)
    found = [
        peak_signal_noise_ratio(truth, apply(image, "denoise_wavelet", options=options, **more), data_range=1)
        for more in ({"levels": 1, "max_shifts": 0}, {"max_shifts": 0}, {})
    ]
    assert found[1] > found[0] + 2
    assert found[2] > found[1] + 0.3


CUT = {
    "adjust_gamma": {"gain": 1.7}, "add_gaussian_noise": {"var": 0.1}, "add_speckle_noise": {"var": 0.3},
    "denoise_wavelet": {"wavelet": "haar", "mode": "hard", "sigma": 0.2}, "rescale": {"scale": 1.7, "order": 3},
}  # fmt: skip


@pytest.mark.parametrize("name", CUT)
@pytest.mark.parametrize("dtype", ["u1", "i1", "?"])
def test_values_that_leave_the_type_are_counted_whatever_the_tiles(name, dtype, monkeypatch):
    rng, kind = np.random.default_rng(3), np.dtype(dtype)
    low, high = (0, 1) if dtype == "?" else (np.iinfo(kind).min, np.iinfo(kind).max)
    image = rng.integers(low, high + 1, (130, 140)).astype(kind)
    options = {"value_range": (float(low), float(high)), "dtype": "same"}
    free = apply(image, name, options=Options(**options | {"dtype": "float32"}), **CUT[name])
    cut_into(monkeypatch, 32**2, 16)
    plan = plan_of(operations()[name], image, parameters=CUT[name], **options)
    result, lost = result_and_losses(plan)
    np.testing.assert_array_equal(result, np.clip(np.rint(free), low, high).astype(kind))
    step, counts = recorded(plan, lost), {"below": np.sum(np.rint(free) < low), "above": np.sum(np.rint(free) > high)}
    assert step.get("clipped", {"below": 0, "above": 0}) == counts
    assert step["saturated"] == plan.saturated + counts["below"] + counts["above"]


def test_what_float16_cannot_hold_is_counted():
    image = np.linspace(0, 60_000, 5000).reshape(50, 100).astype("f2")
    plan = plan_of(operations()["add_speckle_noise"], image, parameters={"var": 0.3})
    first: list = []
    steps = run(plan, threads=1, lost=first)
    next(steps)
    result, lost = result_and_losses(plan)
    run_to_end(steps)
    assert first == [lost], "runs of one plan at the same time count each for itself"
    assert lost.above == np.count_nonzero(np.isinf(result)) > 0


def test_rounding_away_of_few_gray_levels_is_measured():
    counts = np.random.default_rng(0).poisson(2, (300, 200)).astype("u2")
    plan = plan_of(operations()["gaussian"], counts, parameters={"sigma": 1.0})
    _, lost = result_and_losses(plan)
    exact = ndi.gaussian_filter(counts.astype(float), 1, mode="nearest")
    expected = np.sqrt(np.mean((exact - np.rint(exact)) ** 2)) / exact.std()
    assert abs(lost.rounding / expected - 1) < 0.05  # a sixteenth of the values is looked at
    bright = plan_of(operations()["gaussian"], counts * 100, parameters={"sigma": 1.0})
    assert result_and_losses(bright)[1].rounding < 0.02


def test_salt_and_pepper_replace_all_colors_of_a_pixel():
    rng = np.random.default_rng(0)
    image = rng.integers(1, 255, (300, 400, 3)).astype("u1")
    options = Options(channel_axis=-1, value_range="dtype")
    result = apply(image, "add_salt_and_pepper_noise", options=options, amount=0.1)
    changed = (result != image).any(-1)
    assert abs(changed.mean() - 0.1) < 0.004  # four standard deviations
    assert set(map(tuple, result[changed].tolist())) == {(0, 0, 0), (255, 255, 255)}
    gray = apply(image[..., 0], "add_salt_and_pepper_noise", options=Options(value_range="dtype"), amount=0.1)
    np.testing.assert_array_equal(gray, result[..., 0])


@pytest.mark.parametrize("name", ["rescale_intensity", "adjust_sigmoid", "equalize_hist"])
def test_statistics_of_each_channel(name):
    rng = np.random.default_rng(0)
    stack = (rng.integers(0, 50, (2, 3, 60, 70)) * np.array([1, 2, 5])[:, None, None]).astype("u2")
    plan = plan_of(operations()[name], stack, statistics="channel", axis_names=("t", "c", "y", "x"))
    expected = np.stack([apply(np.ascontiguousarray(stack[:, c]), name) for c in range(3)], axis=1)
    np.testing.assert_array_equal(result_of(plan), expected)
    colors, options = np.moveaxis(stack, 1, -1), Options(channel_axis=-1, statistics="channel")
    if operations()[name].channels == "separate":
        np.testing.assert_array_equal(apply(colors, name, options=options), np.moveaxis(expected, 1, -1))
    else:
        with pytest.raises(ValueError, match="sees all colors together"):
            apply(colors, name, options=options)
    with pytest.raises(ValueError, match="must be used with channel_axis, or on an image with a stack axis named 'c'"):
        apply(stack, name, options=Options(statistics="channel"))


def bell(sigma, n=21):
    psf = np.zeros((n, n))
    psf[n // 2, n // 2] = 1000
    return ndi.gaussian_filter(psf, sigma)


@pytest.mark.parametrize("name", ["richardson_lucy", "wiener", "unsupervised_wiener"])
def test_a_psf_with_an_offset_is_told_and_can_be_mended(name):
    rng, point = np.random.default_rng(0), np.zeros((64, 64))
    point[32, 32] = 1e5
    image = ndi.gaussian_filter(point, 2.0) + rng.normal(0, 0.1, point.shape).clip(0)
    clean, psf = bell(2.0), bell(2.0) + 100 + rng.normal(0, 1, (21, 21))
    results, texts = {}, {}
    for key, kernel, border in (("clean", clean, "keep"), ("keep", psf, "keep"), ("subtract", psf, "subtract")):
        plan = plan_of(operations()[name], image, kernel, parameters={"psf_border": border})
        result = result_of(plan)
        results[key], texts[key] = result, run_to_end(report(plan, result)).text
    kept, mended = (np.abs(results[key] - results["clean"]).max() for key in ("keep", "subtract"))
    assert mended < 0.5 * kept
    assert "border" not in texts["clean"]
    assert "border of the PSF is far from zero" in texts["keep"]
    assert "psf_border='subtract' subtracts it" in texts["keep"]
    assert "subtracted" in texts["subtract"]
    rest = (psf - np.median(np.concatenate([psf[[0, -1]].ravel(), psf[1:-1, [0, -1]].ravel()]))).clip(0)
    assert f"divided by its sum, {rest.sum():.4g}" in texts["subtract"]


def test_statistics_of_channels_are_refused_only_where_colors_are_seen_together_and_measured():
    image, options = colored(gray("u2")), {"channel_axis": -1}
    for name in ("crop", "rotate", "to_gray"):
        given = apply(image, name, options=Options(**options, value_range=(0, 500)))
        alike = apply(image, name, options=Options(**options, statistics="channel", value_range=(0, 500)))
        np.testing.assert_array_equal(alike, given)
    with pytest.raises(ValueError, match="'layer' or 'item' for denoise_bilateral, which sees all colors"):
        apply(image, "denoise_bilateral", options=Options(**options, statistics="channel"))


def test_statistics_of_channels_need_an_axis_of_channels_even_where_the_range_is_given():
    options = Options(statistics="channel", value_range=(0, 1))
    with pytest.raises(ValueError, match="stack axis named 'c'"):
        apply(np.ones((3, 20, 20)), "equalize_hist", options=options)


@pytest.mark.parametrize("name", ["denoise_tv_chambolle", "adjust_gamma", "denoise_wavelet", "equalize_adapthist"])
@pytest.mark.parametrize("value_range", [("percentiles", 5, 95), (0.4, 0.6)], ids=["percentiles", "given"])
def test_what_is_not_clipped_is_not_counted_as_saturated(name, value_range):
    image, operation = noisy(), operations()[name]
    plan = plan_of(operation, image, value_range=value_range)
    low, high = plan.value_ranges[()].low, plan.value_ranges[()].high
    outside = np.count_nonzero((image < low) | (image > high))
    assert outside > 0
    assert plan.saturated == (outside if operation.saturates else 0)
