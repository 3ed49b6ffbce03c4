"""The worked examples of every family, by `apply`, with their published numbers."""

import itertools

import numpy as np
import pytest
from scipy import ndimage as ndi
from scipy import signal, stats
from skimage import color, data, draw, exposure, restoration, transform

import direct
from cases import PATH
from napari_mathimg import Options, apply
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine import estimate_sigma, prepare
from napari_mathimg.ops.geometry import affine

DTYPE = Options(value_range="dtype")
ROTATION = {"angle": 30.0, "resize": True}
AFFINE = {"scale": (3, 2), "rotation": 30, "translation": (-2048, 512), "inverse": True}
MATRIX = ((1, 0, 10), (0, 1, 20), (-0.0007, 0.0005, 1))


@pytest.fixture(scope="module")
def photograph():
    """`camera` resized to 1024²."""
    return apply(data.camera(), "resize", output_shape=1024, order=3)


@pytest.fixture(scope="module")
def board():
    """Its twin: the checkerboard of 200² rescaled to the same size."""
    return apply(data.checkerboard(), "rescale", scale=1024 / 200, order=0)


@pytest.fixture(params=["photograph", "board"])
def image(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def tissue():
    """The stained micrograph in gray."""
    gray = apply(data.immunohistochemistry(), "to_gray", options=Options(channel_axis=-1))
    expected = color.rgb2gray(data.immunohistochemistry()) * 255
    assert np.abs(gray - expected).max() <= 0.5001
    return gray


def assert_rounded(result, expected, top=255):
    """Gray levels are those of an exact result, rounded and saturated."""
    assert result.dtype == np.uint8
    assert np.abs(result - np.clip(expected * top, 0, top)).max() <= 0.5001


# Geometry, on the photograph and on its checkerboard twin


def test_photograph_and_twin_have_their_size(photograph, board):
    assert photograph.shape == board.shape == (1024, 1024)
    assert photograph.dtype == board.dtype == np.uint8
    half = transform.AffineTransform(
        scale=0.5, translation=(-0.25, -0.25)
    )  # its cubic `warp` is Keys', unlike its `resize`
    assert_rounded(photograph, transform.warp(data.camera(), half, None, (1024, 1024), 3, "reflect"))
    nearest = transform.resize(data.checkerboard(), (1024, 1024), order=0, anti_aliasing=False, preserve_range=True)
    np.testing.assert_array_equal(board, nearest)
    np.testing.assert_array_equal(apply(board, "resize", output_shape=200, order=0), data.checkerboard())


def test_swirl(image):
    result = apply(image, "swirl", strength=6, radius=512)
    expected = transform.swirl(image, center=(511.5, 511.5), strength=6, radius=512, mode="reflect")
    assert_rounded(result, expected)


def test_rotation_with_its_canvas_grown(image):
    result = apply(image, "rotate", **ROTATION)
    assert result.shape == (1398, 1398)
    expected = transform.rotate(image, 30, resize=True)
    # At the canvas's border scikit-image's coordinates are off by rounding, and a pixel may count as outside.
    assert_rounded(result[1:-1, 1:-1], expected[1:-1, 1:-1])


def test_affine_matrix_is_the_published_one():
    plan = run_to_end(prepare(affine, np.ones((1024, 1024)), parameters=AFFINE))
    on_rows_and_columns = np.array(plan.reach.source.matrix)
    matrix = on_rows_and_columns[[1, 0, 2]][:, [1, 0, 2]]
    published = [[1.7320508, -1.5, 512], [1, 2.5980762, -2048], [0, 0, 1]]
    np.testing.assert_allclose(matrix, published, rtol=0, atol=5e-8)
    book = transform.AffineTransform(scale=(2, 3), rotation=np.deg2rad(30), translation=(512, -2048))
    np.testing.assert_allclose(matrix, book.params, rtol=1e-14, atol=1e-13)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_affine_image_of_ones_lies_in_the_published_box(dtype):
    rows, columns = np.nonzero(apply(np.ones((1024, 1024), dtype), "affine", **AFFINE))
    assert (rows.min(), rows.max()) == (506, 972)
    assert (columns.min(), columns.max()) == (291, 989)


def test_affine(image):
    book = transform.AffineTransform(scale=(2, 3), rotation=np.deg2rad(30), translation=(512, -2048))
    assert_rounded(apply(image, "affine", **AFFINE), transform.warp(image, book))


def test_homography(image):
    assert_rounded(apply(image, "homography", matrix=MATRIX, inverse=True), transform.warp(image, np.array(MATRIX)))


def test_lens_correction_from_camera_and_lens_data(image):
    """The gains and places that lensfun itself gives, on every 50th row."""
    lensfunpy = pytest.importorskip("lensfunpy", reason="not built for every Python")
    import photographed

    lens, shot = "Olympus Zuiko Digital ED 14-42mm f/3.5-5.6", {"focal_length": 14.0, "aperture": 3.5}
    taken = {"camera": "Olympus E-620", "lens": lens, **shot}
    result = apply(image, "correct_lens", encoding="linear", scale=1.0, mode="mirror", **taken)
    modifier = lensfunpy.Modifier(photographed.entry(lens, 2.0), 2.0, 1024, 1024)
    modifier.initialize(14.0, 3.5, 1000.0, 1.0, pixel_format=np.float64)
    light = np.repeat(image[..., None].astype(float), 3, axis=2)
    assert modifier.apply_color_modification(light)
    rows = range(12, 1024, 50)
    at = np.array([[modifier.apply_geometry_distortion(x, y, 1, 1)[0, 0] for x in range(1024)] for y in rows], float)
    expected = ndi.map_coordinates(light[..., 0], [at[..., 1], at[..., 0]], order=1, mode="mirror")
    # lensfun's single precision is off by 1e-4 pixels, over edges of up to 255 gray levels, brightened up to 2 times.
    assert np.abs(result[rows] - np.clip(expected, 0, 255)).max() <= 0.56
    assert np.hypot(at[0, 0, 0], at[0, 0, 1] - 12) > 7


# Intensity


def test_equalization_of_the_moon():
    moon = data.moon()
    result = apply(moon, "equalize_hist", options=DTYPE)
    assert_rounded(result, exposure.equalize_hist(moon))
    # The cumulative histogram before bends far from the diagonal; after, it follows it as far as levels allow.
    levels = np.arange(256)
    before, after = (np.cumsum(np.bincount(x.ravel(), minlength=256)) / x.size for x in (moon, result))
    there = np.unique(result)
    assert np.abs(before - levels / 255).max() > 0.3
    assert np.abs(after[there] - there / 255).max() <= 0.5 / 255 + 1e-6
    assert abs(result.mean() / 255 - 0.5) < 0.05


def test_local_equalization_of_the_moon():
    moon = data.moon()
    low, high = float(moon.min()), float(moon.max())
    ours = Options(value_range=(low, high), dtype="float32")
    result = apply(moon, "equalize_adapthist", options=ours)
    expected = exposure.equalize_adapthist(moon)
    np.testing.assert_allclose((result - low) / (high - low), expected, rtol=0, atol=1e-6)

    def entropy(image):
        return stats.entropy(np.histogram(image, 64, (low, high))[0], base=2)

    assert (low, high) == (result.min(), result.max())
    assert entropy(result) > entropy(moon) + 0.5


def test_intensities_isolated_in_the_photograph():
    camera = data.camera()
    result = apply(camera, "clip", low=150, high=160, outside="zero")
    np.testing.assert_array_equal(result, np.where((camera >= 150) & (camera <= 160), camera, 0))
    histogram = np.bincount(camera.ravel(), minlength=256)
    np.testing.assert_array_equal(np.bincount(result.ravel(), minlength=161)[150:], histogram[150:161])
    assert set(np.unique(result)) == {0, *range(150, 161)}
    holes = apply(camera, "clip", low=150, high=160, outside="nan", options=Options(dtype="float32"))
    assert np.count_nonzero(np.isfinite(holes)) == histogram[150:161].sum()


def test_gamma_of_the_micrograph(tissue):
    result = apply(tissue, "adjust_gamma", gamma=2.5, options=DTYPE)
    assert_rounded(result, exposure.adjust_gamma(tissue / 255, 2.5))
    assert result.mean() < tissue.mean()


def test_sigmoid_of_the_micrograph(tissue):
    part = tissue[:256, :256]
    result = apply(part, "adjust_sigmoid", gain=10, cutoff=0.5, options=DTYPE)
    assert_rounded(result, exposure.adjust_sigmoid(part / 255, cutoff=0.5, gain=10))
    assert result.std() > part.std()


def test_logarithm_of_the_micrograph(tissue):
    result = apply(tissue, "adjust_log", options=DTYPE)
    assert_rounded(result, exposure.adjust_log(tissue / 255))
    assert result.mean() > tissue.mean()


# Noise


def test_gaussian_noise_on_the_photograph():
    camera = data.camera()
    noisy = apply(camera, "add_gaussian_noise", var=0.025, options=DTYPE)
    assert noisy.dtype == np.uint8
    sigma = 255 * np.sqrt(0.025)
    # Where three standard deviations fit between the ends of the type, saturation takes under 1 % of the variance.
    middle = (camera > 3 * sigma) & (camera < 255 - 3 * sigma)
    noise = noisy[middle].astype(float) - camera[middle]
    assert middle.sum() > 1000
    assert abs(noise.mean()) < 4 * sigma / np.sqrt(middle.sum())
    assert abs(noise.var() / sigma**2 - 1) < 0.01 + 4 * np.sqrt(2 / middle.sum())


def test_gaussian_noise_on_mid_gray():
    gray = np.full((512, 512), 0.5, np.float32)
    noise = apply(gray, "add_gaussian_noise", var=0.025, options=DTYPE) - gray
    assert noise.dtype == np.float32
    assert abs(noise.mean(dtype=float)) < 4 * np.sqrt(0.025 / noise.size)
    assert abs(noise.var(dtype=float) / 0.025 - 1) < 4 * np.sqrt(2 / noise.size)
    assert stats.kstest(noise.ravel()[::8] / np.sqrt(0.025), "norm").pvalue > 1e-3


def test_poisson_noise_on_the_photograph():
    camera = data.camera()
    noisy = apply(camera, "add_poisson_noise", photons=256, options=DTYPE)
    assert noisy.dtype == np.uint8
    mean = camera.astype(float)
    middle = (mean > 20) & (mean < 200)  # nothing saturates
    z = (noisy - mean)[middle] / np.sqrt(mean[middle] * 255 / 256)  # photons of 255 / 256 gray levels each
    assert abs(z.mean()) < 4 / np.sqrt(z.size)
    rounding = np.mean(1 / 12 / mean[middle])
    assert abs(z.var() - 1) < rounding + 4 * np.sqrt(2 / z.size)


def test_salt_and_pepper_on_the_photograph():
    camera = data.camera()
    noisy = apply(camera, "add_salt_and_pepper_noise", amount=0.05, salt_vs_pepper=0.45, options=DTYPE)
    inner = (camera > 0) & (camera < 255)
    changed = noisy[inner] != camera[inner]
    assert set(np.unique(noisy[inner][changed])) == {0, 255}
    assert stats.binomtest(int(changed.sum()), changed.size, 0.05).pvalue > 1e-3
    assert stats.binomtest(int((noisy[inner] == 255).sum()), int(changed.sum()), 0.45).pvalue > 1e-3


def test_speckle_on_the_photograph():
    camera = data.camera()
    noisy = apply(camera, "add_speckle_noise", var=0.02, options=Options(value_range="dtype", dtype="float32"))
    bright = camera > 0
    noise = noisy[bright] / camera[bright].astype(float) - 1
    assert abs(noise.mean()) < 4 * np.sqrt(0.02 / noise.size)
    assert abs(noise.var() / 0.02 - 1) < 4 * np.sqrt(2 / noise.size)
    assert not noisy[~bright].any()


def test_noise_whose_variance_rises_over_the_photograph():
    camera = data.camera().astype(np.float32) / 255
    noise = (apply(camera, "add_localvar_noise", options=DTYPE) - camera).astype(float)
    i, j = np.indices((512, 512))
    variance = 0.25 * (i + j) / 1022 + 0.001
    assert (variance[0, 0], variance[-1, -1]) == (0.001, 0.251)
    assert stats.kstest((noise / np.sqrt(variance)).ravel()[::8], "norm").pvalue > 1e-3
    for share in np.split(np.argsort(variance.ravel()), 8):  # from the least to the most
        ratio = (noise.ravel()[share] ** 2).mean() / variance.ravel()[share].mean()
        assert abs(ratio - 1) < 0.02 + 4 * np.sqrt(2 / share.size)


# Denoising

NOISES = {
    "add_gaussian_noise": {"var": 0.025},
    "add_poisson_noise": {"photons": 256},
    "add_salt_and_pepper_noise": {"amount": 0.05, "salt_vs_pepper": 0.45},
    "add_speckle_noise": {"var": 0.02},
    "add_localvar_noise": {},
}
WAVELETS = {"wavelet": "bior2.8", "levels": 9, "mode": "soft", "method": "fixed", "threshold": 0.12, "max_shifts": 0}


@pytest.mark.parametrize("noise", NOISES)
def test_each_noise_is_denoised_by_wavelets_as_by_pywavelets(noise):
    import pywt

    assert abs(WAVELETS["threshold"] - 0.02 * np.sqrt(2 * np.log2(512**2))) < 1e-12
    camera = data.camera()
    noisy = apply(camera, noise, options=DTYPE, **NOISES[noise])
    result = apply(noisy, "denoise_wavelet", approximation=True, options=DTYPE, **WAVELETS)
    with pytest.warns(UserWarning, match="Level value of 9 is too high"):
        coefficients = pywt.wavedec2(noisy / 255, "bior2.8", level=9)
    array, slices = pywt.coeffs_to_array(coefficients)
    kept = pywt.array_to_coeffs(pywt.threshold(array, 0.12, "soft"), slices, output_format="wavedec2")
    expected = np.clip(255 * pywt.waverec2(kept, "bior2.8"), 0, 255)
    assert np.abs(result - expected).max() <= 0.5 + 255e-6  # nine levels of float32 keep 1e-6 of the range
    errors = [np.sqrt(np.mean((x - camera.astype(float)) ** 2)) for x in (noisy, result)]
    assert errors[1] < errors[0]


@pytest.mark.parametrize("noise", NOISES)
def test_each_noise_is_denoised_by_non_local_means_as_by_the_direct_sum(noise):
    """Patches of 5, at most 7 away, the noise estimated; compared where the sum of a part knows all it needs."""
    camera = data.camera()
    noisy = apply(camera, noise, options=DTYPE, **NOISES[noise])
    sigma = estimate_sigma(noisy, options=DTYPE)
    result = apply(noisy, "denoise_nl_means", patch_size=5, patch_distance=7, sigma=sigma, options=DTYPE)
    h, margin, part = 1.15 * sigma, 5 // 2 + 7, np.s_[200:260, 230:290]
    expected = 255 * direct.nl_means(noisy[part] / 255, 5, 7, h, sigma, ndim=2)[margin:-margin, margin:-margin]
    assert np.abs(result[part][margin:-margin, margin:-margin] - expected).max() <= 0.5 + 255e-6
    errors = [np.sqrt(np.mean((x - camera.astype(float)) ** 2)) for x in (noisy, result)]
    assert errors[1] < errors[0]


# Blur


def test_page_is_blurred_by_a_box_as_by_scipy():
    page = data.page()
    box = np.full((10, 10), 0.01)
    expected = ndi.convolve(page.astype(float), box, mode="nearest")  # pixel 5 of 0 to 9 in the middle
    np.testing.assert_array_equal(apply(page, "blur_box", size=10), np.rint(expected.round(9)))
    convolved = apply(page, "convolve", box)
    assert np.abs(convolved - expected).max() <= 0.5 + 255e-6
    full = signal.convolve2d(page.astype(int), np.ones((10, 10), int))  # exact, from whole numbers
    inner = np.rint(full[14:-13, 14:-13] / 100)
    np.testing.assert_array_equal(apply(page, "blur_box", size=10)[9:-9, 9:-9], inner)


def test_page_is_blurred_by_motion_in_a_polygon_as_by_scikit_image_and_scipy():
    page = data.page()
    filled = draw.polygon2mask((32, 32), PATH)
    assert filled.sum() == 119
    expected = ndi.convolve(page.astype(float), filled / 119, mode="nearest")
    for result in (apply(page, "blur_motion", polygon=PATH), apply(page, "convolve", filled / 119)):
        assert result.dtype == np.uint8
        assert np.abs(result - expected).max() <= 0.5 + 255e-6
    point = np.zeros((64, 64), np.float32)
    point[32, 32] = 119
    rows, columns = np.nonzero(apply(point, "blur_motion", polygon=PATH) > 0.5)
    found = set(zip((rows - 16).tolist(), (columns - 16).tolist(), strict=True))
    assert found == set(zip(*(i.tolist() for i in np.nonzero(filled)), strict=True))


# Deconvolution


@pytest.fixture(scope="module")
def blurred_page():
    """`page` blurred by a box of 10 x 10 pixels around the one with index 5."""
    return apply(data.page() / 255, "blur_box", size=10, mode="reflect")


BOX = np.ones((10, 10))
UNDONE = {
    "wiener": {"balance": 0.025},
    "unsupervised_wiener": {},
    "richardson_lucy": {"num_iter": 200},
}


def sharpness(image):
    """Contrast between neighbors, where the page has its letters."""
    return np.abs(np.diff(image[60:180, 20:280], axis=1)).mean()


@pytest.mark.parametrize("method", UNDONE)
def test_the_page_becomes_readable(blurred_page, method):
    page = data.page() / 255
    result = apply(blurred_page, method, BOX, center="array", **UNDONE[method])
    inner = np.s_[12:-12, 12:-12]
    errors = [np.sqrt(np.mean((x - page)[inner] ** 2)) for x in (blurred_page, result)]
    assert errors[1] < 0.85 * errors[0]
    assert sharpness(result) > 1.5 * sharpness(blurred_page)
    shifts = list(itertools.product(range(-2, 3), repeat=2))  # of which none brings it nearer to the page
    assert min(shifts, key=lambda shift: np.std((np.roll(result, shift, (0, 1)) - page)[inner])) == (0, 0)


def test_the_page_is_undone_as_by_scikit_image(blurred_page):
    psf = np.pad(BOX / 100, (0, 1))  # odd, index 5 in its middle
    found = apply(blurred_page, "wiener", BOX, balance=0.025, boundary="periodic", center="array")
    expected = restoration.wiener(blurred_page, psf, 0.025, clip=False)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    found = apply(blurred_page, "richardson_lucy", BOX, num_iter=30, boundary="zero", center="array")
    expected = restoration.richardson_lucy(blurred_page, psf, 30, clip=False)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)
