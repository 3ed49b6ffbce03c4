"""Noise models against their distributions.

Every test of a distribution has the significance level ALPHA and fixed seeds: it fails for one in a thousand correct
generators, and for these seeds it does not.
"""

import numpy as np
import pytest
from scipy import stats

from napari_mathimg import Options, apply
from planning import same

ALPHA = 1e-3
DTYPE = Options(value_range="dtype")
MODELS = {
    "add_gaussian_noise": {},
    "add_localvar_noise": {"var_near": 0.01, "var_far": 0.01},
    "add_poisson_noise": {"photons": 1e6},
    "add_speckle_noise": {},
    "add_speckle_noise-uniform": {"distribution": "uniform"},
}
each_model = pytest.mark.parametrize("model", MODELS)


def mid_gray(shape=(512, 512)):
    return np.full(shape, 0.5, np.float32)


def noise_of(model, image, options=DTYPE, **given):
    name, _, _ = model.partition("-")
    return apply(image, name, options=options, **{**MODELS[model], **given}) - image


def assert_counts_follow(counts, distribution):
    """Chi-square test of whole numbers against a discrete distribution, in bins that expect at least 20."""
    edges = np.unique(distribution.ppf(np.linspace(0, 1, 101)[1:-1]))
    probabilities = np.diff(np.concatenate([[0], distribution.cdf(edges), [1]]))
    found = np.bincount(np.searchsorted(edges, counts.ravel()), minlength=edges.size + 1)
    expected = probabilities * counts.size
    while expected[-1] < 20:
        expected, found = ([*x[:-2], x[-2] + x[-1]] for x in (expected, found))
    assert stats.chisquare(found, np.array(expected) * (counts.size / np.sum(expected))).pvalue > ALPHA


# Each model has its distribution


@pytest.mark.parametrize("mean", [0.002, 0.1, 1, 3.7, 9.999, 10, 10.001, 11, 14, 30, 128, 1000, 54321.5, 1e6, 2e8])
def test_poisson_counts_have_the_poisson_distribution(mean):
    image = np.full((1024, 1024), 0.5)
    counts = 2 * mean * apply(image, "add_poisson_noise", photons=2 * mean, options=DTYPE)
    np.testing.assert_allclose(counts, np.rint(counts), rtol=1e-14)
    assert_counts_follow(np.rint(counts), stats.poisson(mean))
    z = (counts.mean() - mean) / np.sqrt(mean / counts.size)
    assert 2 * stats.norm.sf(abs(z)) > ALPHA


@pytest.mark.parametrize("photons", [1, 8, 256, 4095])
def test_poisson_noise_on_mid_gray(photons):
    counts = np.rint(apply(mid_gray(), "add_poisson_noise", photons=photons, options=DTYPE) * np.float64(photons))
    assert_counts_follow(counts, stats.poisson(photons / 2))


def test_poisson_noise_is_white_however_its_mean_changes():
    means = np.geomspace(0.1, 1e4, 512)[:, None] * np.ones(512)
    counts = apply(means, "add_poisson_noise", photons=means.max())
    z = (counts - means) / np.sqrt(means)
    for own, other in ((z[:, 1:], z[:, :-1]), (z[1:], z[:-1])):
        assert abs(np.corrcoef(own.ravel(), other.ravel())[0, 1]) < stats.norm.isf(ALPHA / 2) / np.sqrt(own.size)
    assert stats.ttest_1samp(z.mean(axis=1)[200:], 0).pvalue > ALPHA
    assert abs(z[200:].var() - 1) < stats.norm.isf(ALPHA / 2) * np.sqrt(2 / z[200:].size)


@pytest.mark.parametrize("var", [0.001, 0.02, 0.3])
def test_speckle_is_proportional_to_the_value(var):
    image = np.linspace(0.25, 4, 512**2, dtype=np.float32).reshape(512, 512)
    normal = (apply(image, "add_speckle_noise", var=var) / image - 1).ravel()
    assert stats.kstest(normal[::2] / np.sqrt(var), "norm").pvalue > ALPHA
    half = np.sqrt(3 * var)
    uniform = (apply(image, "add_speckle_noise", var=var, distribution="uniform") / image - 1).ravel()
    assert stats.kstest(uniform[::2], stats.uniform(-half, 2 * half).cdf).pvalue > ALPHA
    assert np.abs(uniform).max() <= half * (1 + 1e-6)
    assert not apply(np.zeros_like(image), "add_speckle_noise").any()


@pytest.mark.parametrize(("amount", "salt"), [(0.05, 0.45), (0.5, 0.1), (0.001, 1.0), (1.0, 0.5), (0.0, 0.5)])
def test_salt_and_pepper_have_their_shares(amount, salt):
    noisy = apply(mid_gray(), "add_salt_and_pepper_noise", amount=amount, salt_vs_pepper=salt, seed=3, options=DTYPE)
    white, black, kept = (int(np.sum(noisy == v)) for v in (1, 0, 0.5))
    assert white + black + kept == noisy.size
    assert stats.binomtest(white + black, noisy.size, amount).pvalue > ALPHA
    if white + black:
        assert stats.binomtest(white, white + black, salt).pvalue > ALPHA


def test_salt_and_pepper_fall_independently_of_neighbors():
    noisy = apply(mid_gray(), "add_salt_and_pepper_noise", amount=0.3, options=DTYPE)
    for a, b in ((noisy[:, 1:], noisy[:, :-1]), (noisy[1:], noisy[:-1]), (noisy[1:, 1:], noisy[:-1, :-1])):
        table = np.histogram2d(a.ravel(), b.ravel(), bins=3)[0]
        assert stats.chi2_contingency(table).pvalue > ALPHA


@pytest.mark.parametrize("corner", ["upper left", "upper right", "lower right", "lower left"])
def test_local_variance_rises_from_its_corner(corner):
    noise = apply(mid_gray(), "add_localvar_noise", corner=corner, seed=2, options=DTYPE) - mid_gray()
    i, j = np.indices(noise.shape)
    flip = (slice(None, None, -1 if "lower" in corner else 1), slice(None, None, -1 if "right" in corner else 1))
    variance = (0.25 * (i + j) / 1022 + 0.001)[flip]
    assert stats.kstest((noise / np.sqrt(variance)).ravel()[::2], "norm").pvalue > ALPHA


def test_local_variance_is_that_of_the_second_image():
    variance = np.random.default_rng(0).gamma(2, 0.01, (512, 512))
    noise = apply(mid_gray(), "add_localvar_noise", variance, options=DTYPE) - mid_gray()
    assert stats.kstest((noise / np.sqrt(variance)).ravel()[::2], "norm").pvalue > ALPHA
    i, j = np.indices(variance.shape)
    ramp = 0.25 * (i + j) / 1022 + 0.001
    by_image = apply(mid_gray(), "add_localvar_noise", ramp, options=DTYPE)
    np.testing.assert_allclose(by_image, apply(mid_gray(), "add_localvar_noise", options=DTYPE), rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", [(512, 512), (4, 512, 512)])
def test_one_variance_image_serves_planes_stacks_and_colors(shape):
    variance = np.zeros(shape)
    variance[..., ::2] = 0.01
    image = mid_gray((4, 512, 512, 3))
    noisy = apply(image, "add_localvar_noise", variance, options=Options(value_range="dtype", channel_axis=-1))
    assert same(noisy[:, :, 1::2], image[:, :, 1::2])
    assert np.all(np.abs(noisy[:, :, ::2].std(axis=(1, 2)) - 0.1) < 2e-3)


# The field is a function of seed and position


@each_model
def test_no_two_planes_channels_or_seeds_share_noise(model):
    options = Options(value_range="dtype", channel_axis=-1)
    first, second = (noise_of(model, mid_gray((2, 256, 256, 3)), options, seed=s) for s in (1, 2))
    fields = [*np.moveaxis(first, -1, 1).reshape(6, -1), *np.moveaxis(second, -1, 1).reshape(6, -1)]
    correlations = np.corrcoef(fields)[np.triu_indices(12, 1)]
    assert np.abs(correlations).max() < stats.norm.isf(ALPHA / 2 / correlations.size) / 256


def test_no_two_models_share_noise():
    fields = [noise_of(model, mid_gray()).ravel() for model in MODELS]
    correlations = np.corrcoef(fields)[np.triu_indices(len(fields), 1)]
    alike = correlations[-1]  # the two kinds of speckle
    assert np.abs(correlations).max() < stats.norm.isf(ALPHA / 2 / correlations.size) / 512, alike


@each_model
def test_planes_have_the_noise_of_the_volume(model):
    image = mid_gray((3, 30, 41))
    planes, volume = (noise_of(model, image, Options(ndim=n, value_range="dtype")) for n in (2, 3))
    assert same(planes, volume)


# Values keep their meaning


def test_poisson_noise_counts_photons_from_zero_to_the_high_end():
    image = np.full((512, 512), 1000, np.uint16)
    image[0, 0] = 4000
    noisy = apply(image, "add_poisson_noise", photons=100)[1:].astype(float)
    assert abs(noisy.mean() - 1000) < 4 * np.sqrt(25 * 40**2 / noisy.size)
    assert abs(noisy.var() / (25 * 40**2) - 1) < 4 * np.sqrt(2 / noisy.size)
    assert set(np.unique(noisy)) <= set(range(0, 65536, 40))
    assert not apply(np.zeros((9, 9), np.float32), "add_poisson_noise").any()


@pytest.mark.parametrize("dtype", ["i2", "f4", "f8"])
@pytest.mark.parametrize("value_range", ["data", "dtype", (0, 5), (-9, 5)])
def test_negative_values_are_no_photons(dtype, value_range):
    image = np.full((40, 40), 3, dtype)
    image[20, 30] = -2
    with pytest.raises(
        ValueError, match=r"image: must have no negative values, as photon counts have none, but has -[29]"
    ):
        apply(image, "add_poisson_noise", options=Options(value_range=value_range))


@pytest.mark.parametrize("wrong", [-0.01, np.nan, np.inf])
def test_variances_that_are_none_are_refused(wrong):
    variance = np.full((9, 9), 0.01)
    variance[3, 4] = wrong
    with pytest.raises(ValueError, match=rf"variance: must have finite values of at least 0, but has {wrong:g}"):
        apply(mid_gray((9, 9)), "add_localvar_noise", variance)


def test_variance_images_must_fit():
    with pytest.raises(ValueError, match=r"variance: must have shape \(9, 9\), not \(9, 8\)"):
        apply(mid_gray((9, 9)), "add_localvar_noise", np.ones((9, 8)))
    with pytest.raises(ValueError, match=r"images: add_localvar_noise takes 0 or 1 further image \(variance\), not 2"):
        apply(mid_gray((9, 9)), "add_localvar_noise", np.ones((9, 9)), np.ones((9, 9)))
