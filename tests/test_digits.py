"""Digits of floating-point images: bright images of little contrast, and values near the limits of their type."""

import numpy as np
import pytest
from scipy import ndimage as ndi
from scipy import signal
from skimage import restoration

import direct
from cases import CASES
from napari_mathimg import Options, apply
from nightly import nightly
from planning import label

lopsided = np.arange(1.0, 16).reshape(3, 5) % 7
dense = np.random.default_rng(3).random((19, 21))
sharpen = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0.0]])
bell = np.outer(*[np.exp(-(np.arange(-4, 5) ** 2) / 4.5)] * 2)


def convolved(kernel):
    return lambda x: ndi.convolve(x, kernel, mode="nearest")


LINEAR = {
    "gaussian 2": ("gaussian", {"sigma": 2.0}, (), lambda x: ndi.gaussian_filter(x, 2, mode="nearest")),
    "gaussian 10": ("gaussian", {"sigma": 10.0}, (), lambda x: ndi.gaussian_filter(x, 10, mode="nearest")),
    "box": ("blur_box", {"size": 7}, (), lambda x: ndi.uniform_filter(x, 7, mode="nearest")),
    "disk": ("blur_defocus", {"radius": 2.3}, (), convolved(direct.disk(2.3, 200_000))),
    "path": ("blur_motion", {"length": 15.0}, (), lambda x: ndi.uniform_filter1d(x, 15, 1, mode="nearest")),
    "taps": ("convolve", {}, (lopsided / lopsided.sum(),), convolved(lopsided / lopsided.sum())),
    "transforms": ("convolve", {}, (dense / dense.sum(),), convolved(dense / dense.sum())),
    "negative": ("convolve", {}, (sharpen / 9,), convolved(sharpen / 9)),
    "wiener": (
        "wiener", {"boundary": "periodic", "center": "array"}, (bell,),
        lambda x: restoration.wiener(x, bell / bell.sum(), 0.1, clip=False),
    ),
}  # fmt: skip


@pytest.mark.parametrize("level", [0.0, 30.0, 1e4, 1e6, -1e6])
@pytest.mark.parametrize("name", LINEAR)
def test_linear_filters_keep_the_digits_of_bright_images(name, level):
    operation, parameters, images, reference = LINEAR[name]
    noise = np.random.default_rng(0).random((300, 280))
    image = (level + 8 * noise).astype(np.float32)
    result = apply(image, operation, *images, **parameters)
    expected = reference(image.astype(np.float64))
    last_place = np.spacing(np.abs(np.float32(expected)).max())
    assert np.abs(result - expected).max() <= last_place + 3e-7 * np.ptp(image)


@pytest.mark.parametrize(("dtype", "level"), [("f4", 1e6), ("f8", 1e12)])
@pytest.mark.parametrize("value_range", ["data", "dtype"])
def test_local_variances_keep_the_digits_of_bright_images(dtype, level, value_range):
    noise = np.random.default_rng(1).random((80, 90))
    image = (level + np.rint(64 * noise) / 8).astype(dtype)
    width = np.ptp(image) if value_range == "data" else 1
    result = apply(image, "wiener_filter", size=5, noise=3 / width**2, options=Options(value_range=value_range))
    small = np.pad((image.astype(np.float64) - image.min()), 2, mode="symmetric")
    expected = signal.wiener(small, 5, 3.0)[2:-2, 2:-2] + float(image.min())
    assert np.abs(result - expected).max() <= np.spacing(image.max()) + 3e-7 * 8


NOT_SCALED = {"rescale_intensity"}  # the result has its own range
BRIGHTER = {"correct_lens", "correct_vignetting", "flat_field", "richardson_lucy"}  # gains exceed 1
SUMS = {"flat_field", "match_histograms"}  # statistics are float64 sums, which have no wider type


@pytest.mark.parametrize(
    ("case", "dtype"),
    [
        *((case, "f4") for case in CASES),
        *nightly(*((case, "f8") for case in CASES if case.operation not in SUMS)),
    ],
    ids=label,
)
def test_values_near_the_limits_of_a_type_scale(case, dtype):
    """Multiplied by a power of 2, an image gives the same result multiplied by it, though differences overflow."""
    hills = ndi.gaussian_filter(np.random.default_rng(2).random((40, 44)), 1.5)
    hills = case.prepared((hills - hills.min()) / np.ptp(hills))
    low = 0.1 if case.light or case.photons else -1.0
    image = ((0.9 if case.operation in BRIGHTER else 1.9) * (low + (1 - low) * hills)).astype(dtype)
    factor = np.dtype(dtype).type(2.0 ** (127 if dtype == "f4" else 1023))
    own = {"clip", "rescale_intensity", "richardson_lucy"}
    parameters = {} if case.operation in own else {k: v for k, v in case.parameters.items() if k != "cval"}
    options = Options(channel_axis=-1 if case.color else None)
    further = case.further((40, 44), options.channel_axis)
    roles = [role for _, role in case.declared.images[1:]]
    results = []
    for x, gain in ((image, 1), (image * factor, factor)):
        scaled = [i.astype(dtype) * gain if role == "reference" else i for i, role in zip(further, roles, strict=False)]
        results.append(apply(x, case.operation, *scaled, options=options, **parameters))
    small, large = results
    known = np.abs(small) < 1.99  # what is brighter exceeds the type
    assert np.isfinite(large[known]).all()
    scale = 1 if case.operation in NOT_SCALED else factor
    np.testing.assert_allclose((large / scale)[known], small[known], rtol=0, atol=1e-6 * np.ptp(small))
