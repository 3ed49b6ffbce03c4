"""Deconvolution: the PSF made fit, the blur and its transpose, the three methods, and what a run of them promises."""

import tracemalloc

import numpy as np
import pytest
from scipy import ndimage as ndi
from skimage import restoration
from skimage.metrics import peak_signal_noise_ratio

import direct
from cases import plane
from napari_mathimg import Options, apply
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.contract.reach import Whole
from napari_mathimg.engine import report, run
from napari_mathimg.engine.region import compute_block
from napari_mathimg.methods import fourier
from napari_mathimg.methods.fourier import TransferFunctions
from napari_mathimg.methods.point_spread.preparation import prepare_psf, rms_radius
from napari_mathimg.methods.richardson_lucy import blur
from napari_mathimg.ops.deconvolve import richardson_lucy, unsupervised_wiener, wiener
from napari_mathimg.samples import synthetic_stack, synthetic_truth
from nightly import nightly
from planning import cut_into, looks_of, ours, plan_of, result_of, same, stops_soon

MODES = {"reflect": "reflect", "zero": "constant", "periodic": "wrap"}
METHODS = ("wiener", "unsupervised_wiener", "richardson_lucy")
each_boundary = pytest.mark.parametrize("boundary", MODES)
each_method = pytest.mark.parametrize("method", METHODS)


def lopsided(*shape):
    kernel = np.random.default_rng(4).random(shape) ** 3
    return kernel / kernel.sum()


def bell(*sigmas, truncate=4.0):
    rows = [np.arange(-int(truncate * s + 0.5), int(truncate * s + 0.5) + 1) for s in sigmas]
    kernel = np.exp(-sum((g / s) ** 2 for g, s in zip(np.meshgrid(*rows, indexing="ij"), sigmas, strict=True)) / 2)
    return kernel / kernel.sum()


def centroid(image):
    return [float((np.indices(image.shape)[a] * image).sum() / image.sum()) for a in range(image.ndim)]


# The PSF


@pytest.mark.parametrize("shape", [(5, 7), (4, 6), (3, 8), (1, 2), (4, 3, 6)])
def test_the_middle_of_an_array_is_its_pixel_n_over_2(shape):
    psf = lopsided(*shape)
    kernel, changes = prepare_psf(psf, "array")
    assert changes == ()
    assert all(n % 2 for n in kernel.shape)
    halves = [n // 2 for n in kernel.shape]
    for index in np.ndindex(shape):
        place = tuple(i - n // 2 + h for i, n, h in zip(index, shape, halves, strict=True))
        assert abs(kernel[place] - psf[index]) < 1e-15
    assert np.count_nonzero(kernel) == psf.size


@pytest.mark.parametrize("shape", [(5, 7), (4, 6), (9, 2), (4, 3, 6)])
def test_the_centroid_is_brought_to_the_middle_and_the_variance_grows_as_told(shape):
    psf = lopsided(*shape)
    kernel, changes = prepare_psf(7 * psf, "centroid")
    found, middle = centroid(psf), [n // 2 for n in kernel.shape]
    assert kernel.min() >= 0
    assert abs(kernel.sum() - 1) < 1e-12
    np.testing.assert_allclose(centroid(kernel), middle, atol=1e-12)
    for axis, c in enumerate(found):
        d = abs(c - round(c))
        before = ((np.indices(psf.shape)[axis] - c) ** 2 * psf).sum()
        assert abs(rms_radius(kernel)[axis] ** 2 - before - d * (1 - d)) < 1e-12
    assert [c.split()[2] for c in changes] == ["was", "centroid"] or "divided by its sum, 7" in changes[0]
    assert "linear interpolation" in changes[-1]


def test_a_fit_psf_is_left_as_it_is():
    kernel, changes = prepare_psf(bell(2.0, 1.0), "centroid")
    np.testing.assert_allclose(kernel, bell(2.0, 1.0), rtol=0, atol=1e-15)
    assert changes == ()


def test_zeros_around_a_psf_and_its_scale_do_not_count():
    psf = np.pad(1e300 * bell(1.0, 1.0), ((7, 0), (3, 20)))
    kernel, changes = prepare_psf(psf, "centroid")
    np.testing.assert_allclose(kernel, bell(1.0, 1.0), rtol=0, atol=1e-15)
    assert changes == ("The PSF was divided by its sum, 1e300.", "The PSF is centered on its centroid, (11.00, 7.00).")


def test_negative_values_become_zero_and_are_told():
    kernel, changes = prepare_psf(np.array([[-0.5, 1.0, -0.25]]), "array")
    assert kernel.tolist() == [[1.0]]
    assert changes == ("2 negative values of the PSF, down to -0.5, were set to 0.",)


@pytest.mark.parametrize(
    ("psf", "message"),
    [
        (np.zeros((3, 3)), r"psf: must have a positive value, but the highest is 0"),
        (np.full((3, 3), -2.0), r"psf: must have a positive value, but the highest is -2"),
        (np.array([[1, np.nan]]), r"psf: must hold finite numbers only"),
        (np.zeros((0, 3)), r"psf: must hold real numbers, at least one"),
        (np.ones((3, 3, 3)), r"psf: must have 2 axes, as the image does here, not 3"),
        (np.ones((3, 79)), r"psf: must have at most 59 px along axis 1, where the image has 30 px, not 79$"),
    ],
)
@each_method
def test_psfs_that_are_none_are_refused(method, psf, message):
    with pytest.raises(ValueError, match=message):
        apply(np.ones((20, 30)), method, psf)


@pytest.mark.parametrize(
    ("method", "parameters", "message"),
    [
        ("richardson_lucy", {"keep_every": 7}, r"keep_every=7: must be 0 or divide num_iter=30"),
        ("richardson_lucy", {"regularization": 0.2}, r"regularization=0.2: must be a finite number from 0 to 0.1"),
        ("richardson_lucy", {"saturation": 0}, r"saturation=0.0: must be 'none' or greater than 0"),
        ("wiener", {"clip": (1, 0)}, r"clip=\(1.0, 0.0\): must be two numbers, the first below the second"),
        ("wiener", {"boundary": "mirror"}, r"boundary='mirror': must be one of 'reflect', 'zero', 'periodic'"),
        ("unsupervised_wiener", {"max_num_iter": 16}, r"max_num_iter=16: must be at least burnin \+ 2 = 17"),
        ("unsupervised_wiener", {"min_num_iter": 300}, r"min_num_iter=300: must be at most max_num_iter=200"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(method, parameters, message):
    with pytest.raises(ValueError, match=message):
        apply(np.ones((20, 30)), method, np.ones((3, 3)), **parameters)


@pytest.mark.parametrize("dtype", ["i2", "f4"])
def test_negative_images_are_refused_before_pixels_are_computed(dtype):
    image = np.ones((3, 20, 30), dtype)
    image[2, 7, 9] = -3
    with pytest.raises(
        ValueError, match=r"image: must have no negative values, but has -3; clip it, or add 3 to image and background"
    ):
        plan_of(richardson_lucy, image, np.ones((3, 3)))
    plan_of(richardson_lucy, image, np.ones((3, 3)), scope={0: (0, 2)})


# The blur and its transpose


@each_boundary
@pytest.mark.parametrize(
    ("shape", "size"), [((23, 18), (7, 5)), ((23, 18), (9, 35)), ((7, 12, 9), (3, 5, 7)), ((5, 1), (9, 1))]
)
def test_the_blur_is_scipy_s_and_its_transpose_is_the_transpose(shape, size, boundary):
    rng, kernel = np.random.default_rng(0), lopsided(*size)
    x, y = rng.random(shape), rng.random(shape)
    hx = blur(x, kernel, boundary)
    np.testing.assert_allclose(hx, ndi.convolve(x, kernel, mode=MODES[boundary]), rtol=0, atol=1e-14)
    assert abs((hx * y).sum() - (x * blur(y, kernel, boundary, transposed=True)).sum()) < 1e-12 * x.size


@pytest.mark.parametrize("size", [(5, 7), (4, 6), (10, 3)])
def test_the_middle_of_an_array_is_where_convolve_has_it(size):
    image, psf = np.random.default_rng(0).random((23, 18)), lopsided(*size)
    kernel, _ = prepare_psf(psf, "array")
    np.testing.assert_allclose(
        apply(image, "convolve", psf, mode="reflect"), blur(image, kernel, "reflect"), rtol=0, atol=1e-12
    )


# Richardson-Lucy


@pytest.mark.parametrize(("shape", "size"), [((61, 47), (7, 5)), ((61, 47), (33, 33)), ((12, 21, 17), (3, 5, 7))])
def test_zero_edges_give_what_scikit_image_gives(shape, size):
    image, kernel = np.random.default_rng(0).random(shape) + 0.01, lopsided(*size)
    expected = restoration.richardson_lucy(image, kernel, 30, clip=False)
    options = Options(ndim=len(shape))
    found = apply(image, "richardson_lucy", kernel, boundary="zero", center="array", options=options)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9)


@each_boundary
@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize(
    "parameters", [{}, {"background": 0.3}, {"regularization": 0.02}, {"background": 0.1, "regularization": 0.004}]
)
def test_the_iteration_is_that_of_the_paper_by_matrices(boundary, ndim, parameters):
    shape, size = ((9, 8), (3, 5)) if ndim == 2 else ((4, 6, 5), (3, 3, 5))
    image, kernel = 0.2 + np.random.default_rng(0).random(shape), lopsided(*size)
    expected = direct.richardson_lucy(
        image, kernel, MODES[boundary], 12, parameters.get("background", 0), parameters.get("regularization", 0)
    )
    found = apply(
        image, "richardson_lucy", kernel, num_iter=12, boundary=boundary, center="array", options=Options(ndim=ndim),
        **parameters,
    )  # fmt: skip
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@each_boundary
def test_saturated_pixels_do_not_count(boundary):
    image, kernel = 0.2 + np.random.default_rng(0).random((9, 8)), lopsided(3, 5)
    expected = direct.richardson_lucy(image, kernel, MODES[boundary], 12, counts=image < 0.9)
    parameters = {"num_iter": 12, "boundary": boundary, "center": "array", "saturation": 0.9}
    found = apply(image, "richardson_lucy", kernel, **parameters)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    brighter = np.where(image >= 0.9, 7.5, image)
    assert np.abs(apply(brighter, "richardson_lucy", kernel, **parameters) - found).max() < 1e-12


def test_a_saturated_source_comes_back_brighter_and_nothing_is_known_within_a_wide_one():
    truth = np.full((64, 64), 10.0)
    truth[32, 32] = 20_000
    image = np.minimum(blur(truth, bell(2.0, 2.0), "reflect"), 400)
    taken, left = (apply(image, "richardson_lucy", bell(2.0, 2.0), num_iter=200, saturation=s) for s in ("none", 400.0))
    near = np.s_[28:37, 28:37]
    assert abs(left[near].sum() / truth[near].sum() - 1) < 0.05 < 0.1 < abs(taken[near].sum() / truth[near].sum() - 1)
    image[10:60, 10:60] = 400
    wide = apply(image, "richardson_lucy", bell(2.0, 2.0), saturation=400.0)
    assert np.isfinite(wide).all()
    np.testing.assert_array_equal(wide[30:40, 30:40], 400)


@pytest.mark.parametrize("boundary", ["reflect", "periodic"])
@pytest.mark.parametrize("ndim", [2, 3])
def test_no_light_is_lost_and_constant_images_stay(boundary, ndim):
    shape, kernel = ((40, 31), lopsided(7, 5)) if ndim == 2 else ((9, 14, 12), lopsided(3, 5, 7))
    options = Options(ndim=ndim)
    image = np.random.default_rng(0).random(shape) * (np.random.default_rng(1).random(shape) < 0.5)
    for regularization in (0.0, 0.01):
        flat = apply(
            np.full(shape, 7.0), "richardson_lucy", kernel, boundary=boundary, center="array", num_iter=200,
            regularization=regularization, options=options,
        )  # fmt: skip
        np.testing.assert_allclose(flat, 7, rtol=1e-10)
    found = apply(image, "richardson_lucy", kernel, boundary=boundary, center="array", options=options)
    assert abs(blur(found, kernel, boundary).sum() / image.sum() - 1) < 1e-12


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("scale", [1.0, 2.0**-100, 2.0**100])
def test_zeros_black_images_and_any_scale_are_fine(dtype, scale):
    image = np.zeros((60, 50), dtype)
    kernel = np.ones((9, 5))
    assert not apply(image, "richardson_lucy", kernel).any()
    image[30, 20:25], image[3, 40] = 1, 1e-6
    found = apply(image * np.dtype(dtype).type(scale), "richardson_lucy", kernel, num_iter=100)
    assert np.isfinite(found).all()
    assert found.min() >= 0
    expected = apply(image, "richardson_lucy", kernel, num_iter=100)
    found /= np.dtype(dtype).type(scale)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9)  # some lie below the smallest number


def test_total_variation_lowers_the_noise_of_flat_regions():
    rng = np.random.default_rng(0)
    truth = np.kron(np.array([[20.0, 100.0], [150.0, 60.0]]), np.ones((40, 40)))
    image = rng.poisson(blur(truth, bell(1.5, 1.5), "reflect")).astype(np.float32)
    errors = [
        np.abs(apply(image, "richardson_lucy", bell(1.5, 1.5), num_iter=100, regularization=w) - truth).mean()
        for w in (0.0, 0.01, 0.05)
    ]
    assert errors[0] > 1.3 * errors[1] > 1.3 * errors[2]


def test_float32_is_enough():
    image = (60_000 * plane((120, 100))).astype(np.uint16)
    for num_iter, tolerance in ((10, 2e-6), (200, 2e-5)):
        pair = [
            apply(x, "richardson_lucy", bell(2.0, 1.5), num_iter=num_iter, options=Options(dtype="float32"))
            for x in (image, image.astype(float))
        ]
        assert np.abs(pair[0] - pair[1]).max() <= tolerance * pair[1].max()


# Frames and stopping


def test_kept_iterations_are_those_of_shorter_runs():
    image = plane()
    kept = plan_of(richardson_lucy, image, bell(1.0, 1.0), parameters={"num_iter": 12, "keep_every": 4})
    assert (kept.frames.count, kept.frames.name, kept.frames.first, kept.frames.step) == (3, "iteration", 4, 4)
    for frame, num_iter in zip(result_of(kept), (4, 8, 12), strict=True):
        np.testing.assert_allclose(
            frame, apply(image, "richardson_lucy", bell(1.0, 1.0), num_iter=num_iter), rtol=0, atol=1e-12
        )


def test_it_stops_where_the_change_is_small():
    image = plane() + 0.1
    each = apply(image, "richardson_lucy", bell(1.0, 1.0), num_iter=60, keep_every=1, tolerance=1e-9)
    changes = np.abs(np.diff(each, axis=0)).sum((1, 2)) / each[1:].sum((1, 2))
    assert (np.diff(changes) < 0).all()
    tolerance = float(np.sqrt(changes[20] * changes[21]))
    stopped = apply(image, "richardson_lucy", bell(1.0, 1.0), num_iter=60, keep_every=1, tolerance=tolerance)
    np.testing.assert_allclose(stopped[:23], each[:23], rtol=0, atol=1e-12)
    assert all(same(frame, stopped[22]) for frame in stopped[22:])
    last = apply(image, "richardson_lucy", bell(1.0, 1.0), num_iter=60, tolerance=tolerance)
    assert same(last, stopped[22])


# Wiener


@pytest.mark.parametrize(("shape", "size"), [((40, 31), (7, 5)), ((12, 21, 18), (3, 5, 7))])
def test_periodic_wiener_is_scikit_image_s(shape, size):
    image, kernel = np.random.default_rng(0).random(shape), lopsided(*size)
    found = apply(
        image, "wiener", kernel, balance=0.05, boundary="periodic", center="array", options=Options(ndim=len(shape))
    )
    np.testing.assert_allclose(found, restoration.wiener(image, kernel, 0.05, clip=False), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("shape", "size"), [((40, 31), (7, 5)), ((40, 32), (7, 5)), ((12, 14, 18), (3, 5, 7))])
def test_sampling_is_that_of_the_paper_on_every_grid(shape, size):
    """Scikit-image counts the highest column of an even grid twice, and knows no volumes."""
    image, kernel = np.random.default_rng(0).random(shape), lopsided(*size)
    image -= image.mean()
    image /= np.abs(image).max()
    found = apply(
        image, "unsupervised_wiener", kernel, seed=5, boundary="periodic", center="array",
        options=Options(ndim=len(shape)),
    )  # fmt: skip
    expected = direct.unsupervised_wiener(image, kernel, 5, 15, 30, 200, 1e-4)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def test_the_sampled_filter_does_not_depend_on_scale_and_hardly_on_the_seed():
    truth = np.kron(np.random.default_rng(3).random((12, 12)), np.ones((8, 8)))
    image = blur(truth, bell(1.2, 1.2), "reflect") + 0.005 * np.random.default_rng(0).standard_normal(truth.shape)
    found = [apply(image, "unsupervised_wiener", bell(1.2, 1.2), seed=seed) for seed in (0, 0, 1)]
    assert same(found[0], found[1])
    assert 0 < np.abs(found[2] - found[0]).std() < 0.2 * (found[0] - truth).std()
    scaled = apply(1e6 * image, "unsupervised_wiener", bell(1.2, 1.2), seed=0)
    np.testing.assert_allclose(scaled / 1e6, found[0], rtol=0, atol=1e-9)
    assert (found[0] - truth).std() < 0.8 * (image - truth).std()


@pytest.mark.parametrize("boundary", ["reflect", "periodic"])
@pytest.mark.parametrize("offset", [100, 1000, 5000, -1000])
def test_the_sampled_filter_does_not_depend_on_the_offset_of_a_camera(offset, boundary):
    rng = np.random.default_rng(3)
    truth = np.kron(20 * rng.random((12, 12)), np.ones((8, 8)))
    image = blur(truth, bell(1.2, 1.2), boundary) + 0.1 * rng.standard_normal(truth.shape)
    expected, found = (
        apply(x, "unsupervised_wiener", bell(1.2, 1.2), boundary=boundary) for x in (image, image + offset)
    )
    assert (expected - truth).std() < 0.8 * (image - truth).std()
    np.testing.assert_allclose(found - offset, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", ["wiener", "unsupervised_wiener"])
@pytest.mark.parametrize("shape", [(40, 31), (8, 14, 12)])
def test_constant_images_stay_and_ramps_do_not_ring(method, shape):
    options = Options(ndim=len(shape))
    kernel = bell(*(1.0,) * len(shape))
    for boundary in ("reflect", "periodic"):
        flat = apply(np.full(shape, 3.0), method, kernel, boundary=boundary, options=options)
        assert np.abs(flat - 3).max() < 1e-12
    ramp = np.broadcast_to(np.linspace(0, 1, shape[-1]), shape).copy()
    errors = {
        b: np.abs(apply(ramp, "wiener", kernel, balance=0.01, boundary=b, options=options) - ramp).max()
        for b in ("reflect", "periodic")
    }
    assert errors["reflect"] < 0.25 * errors["periodic"]


def test_no_balance_undoes_what_is_not_lost_and_gives_zero_where_all_is():
    image = np.random.default_rng(0).random((24, 24))
    kernel = np.array([[1, 6, 1]]) / 8
    back = apply(blur(image, kernel, "periodic"), "wiener", kernel, balance=0.0, boundary="periodic")
    np.testing.assert_allclose(back, image, rtol=0, atol=1e-12)
    lost = apply(image, "wiener", np.ones((1, 3)), balance=0.0, boundary="periodic")
    assert np.isfinite(lost).all()


@each_method
def test_nothing_is_clipped_unless_asked(method):
    truth = np.zeros((50, 50))
    truth[20:30, 20:30] = 1
    image = blur(truth, bell(1.5, 1.5), "reflect").clip(0)
    found = apply(image, method, bell(1.5, 1.5))
    assert found.max() > image.max() + 0.01
    np.testing.assert_array_equal(apply(image, method, bell(1.5, 1.5), clip=(0.1, 0.7)), found.clip(0.1, 0.7))


# All three


@pytest.mark.parametrize("center", ["array", "centroid"])
@pytest.mark.parametrize("size", [(9, 9), (8, 10), (10, 9), (4, 4)])
@each_method
def test_a_point_comes_back_at_its_place(method, size, center):
    """To 0.05 pixel, whatever the shape of the PSF and wherever in its array it lies."""
    odd = [n + 1 - n % 2 for n in size]
    rows, columns = (np.arange(n) - (n - 1) / 2 for n in size)
    psf = np.exp(-((rows[:, None] - 0.4) ** 2 + (columns - 0.3) ** 2 + 0.5 * rows[:, None] * columns) / 3)
    psf = np.pad(psf, ((0, 3), (2, 0))) if center == "centroid" else psf
    expected, _ = prepare_psf(psf, center)
    assert center == "centroid" or expected.shape == tuple(odd)
    image = 1000 * np.pad(expected, [((61 - n) // 2,) * 2 for n in expected.shape]) + 1
    found = apply(image, method, psf, center=center) - 1
    near = found[20:41, 20:41].clip(0.02 * found.max()) - 0.02 * found.max()
    np.testing.assert_allclose(centroid(near), [10, 10], atol=0.05)
    assert np.unravel_index(found.argmax(), found.shape) == (30, 30)


def test_the_cells_come_nearer_to_the_truth():
    truth, stack = synthetic_truth(), synthetic_stack()[0][0]
    part = np.s_[4:28, 90:190, 0:100]
    light, psf, options = truth.photons[part], bell(*truth.psf_sigma), Options(ndim=3, dtype="float32")
    beads = np.zeros(stack.shape, bool)
    for bead in truth.beads:  # each has the light of a thousand voxels
        around = zip(bead, truth.psf_sigma, strict=True)
        beads[tuple(slice(max(c - round(5 * s), 0), c + round(5 * s) + 1) for c, s in around)] = True
    cells = ~beads[part]

    def quality(photons):
        return peak_signal_noise_ratio(light[cells], photons[cells], data_range=500)

    image = stack[part]
    before = quality((image - np.float32(truth.offset)) / truth.gain)
    lucy = apply(image, "richardson_lucy", psf, num_iter=50, background=truth.offset, options=options)
    filtered = apply(image, "wiener", psf, balance=0.002, options=options)
    assert quality(lucy / truth.gain) > before + 1
    assert quality((filtered - truth.offset) / truth.gain) > before + 0.3


# What a run promises


@pytest.mark.parametrize(
    ("name", "num_iter", "parameters"),
    [
        ("bell", 5, {}), ("pair", 30, {"boundary": "zero"}), ("box", 30, {"background": 0.05}),
        ("lopsided", 100, {"regularization": 0.05}), *nightly(("box", 300, {})),
        *nightly(("bell", 30, {}), ("bell", 300, {}), ("box", 5, {}), ("box", 30, {}), ("pair", 100, {})),
        *nightly(("box", 30, {"regularization": 0.01})),
    ],
)  # fmt: skip
def test_tiles_equal_the_whole(name, num_iter, parameters, monkeypatch):
    cut_into(monkeypatch, 1, 1, halos=4)
    kernels = {"bell": bell(1.5), "box": np.ones(7), "pair": np.array([1, 0, 0, 0, 1.0]), "lopsided": lopsided(7)}
    rng = np.random.default_rng(0)
    image = ndi.gaussian_filter1d(rng.random((1500, 5)) * (rng.random((1500, 5)) < 0.3), 1, axis=0)
    image[600:650] *= 0.01
    image /= image.max()
    every = {"num_iter": num_iter, "center": "array", **parameters}
    plan = plan_of(richardson_lucy, image, kernels[name][:, None], parameters=every)
    whole = compute_block(plan, (), ((0, 1500), (0, 5)))
    tiled = result_of(plan)
    assert not same(tiled, whole)
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-6 * np.ptp(whole))


@pytest.mark.parametrize("num_iter", [10, 30, 100, 300])
@pytest.mark.parametrize("kind", ["noise", *nightly("ramp", "points")])
@pytest.mark.parametrize("name", ["box", "pair", "lopsided"])
def test_boxes_of_single_precision_agree_with_the_whole(name, kind, num_iter):
    """Hard pictures: two points let some frequencies spread for ever, an uneven PSF adds up errors of its sums."""
    psf = {"box": np.ones((7, 7)), "pair": np.array([[1, 0, 0, 0, 1.0]]).T, "lopsided": 1 + np.arange(21.0) % 5}[name]
    psf = psf.reshape(7, 3) if name == "lopsided" else psf
    parameters = {"num_iter": num_iter, "center": "array"}
    rows = 2 * plan_of(richardson_lucy, np.ones((9999, 24), "f4"), psf, parameters=parameters).reach.radius[0] + 60
    rng = np.random.default_rng(0)
    shape = (rows, 24)
    pictures = {"ramp": np.indices(shape)[0] / rows, "noise": rng.random(shape), "points": rng.random(shape) < 0.002}
    image = (pictures[kind] + 0.01 * (kind == "points")).astype(np.float32)
    plan = plan_of(richardson_lucy, image, psf, parameters=parameters)
    whole = compute_block(plan, (), ((0, rows), (0, 24)))
    half = compute_block(plan, (), ((rows // 2 + 5, rows), (0, 24)))
    assert np.abs(half - whole[rows // 2 + 5 :]).max() <= 1e-6 * num_iter**0.5 * np.ptp(whole)


def test_what_needs_all_pixels_says_so():
    image, psf = np.ones((20, 20)), np.ones((3, 3))
    for op, parameters in (
        (wiener, {}), (unsupervised_wiener, {}), (richardson_lucy, {"boundary": "periodic"}),
        (richardson_lucy, {"tolerance": 0.01}),
    ):  # fmt: skip
        assert isinstance(plan_of(op, image, psf, parameters=parameters).reach, Whole)
    reach = plan_of(richardson_lucy, image, psf, parameters={"num_iter": 2}).reach
    assert reach.radius == (4, 4)


LONG = {
    "richardson_lucy": (richardson_lucy, {"num_iter": 10}),
    "unsupervised_wiener": (unsupervised_wiener, {"burnin": 2, "min_num_iter": 9, "max_num_iter": 10}),
}


@pytest.mark.parametrize("method", LONG)
@pytest.mark.parametrize("shape", [(600, 500), (16, 100, 100)], ids=str)
def test_a_long_run_can_be_stopped_on_the_way_and_tells_how_far_it_is(method, shape):
    image, (op, parameters) = np.random.default_rng(0).random(shape, np.float32), LONG[method]
    psf, parameters = np.ones((9,) * len(shape)), {**parameters, "boundary": "periodic"}
    plan = plan_of(op, image, psf, parameters=parameters, ndim=len(shape))
    looks = looks_of(plan)
    assert stops_soon(plan, 0)
    assert looks.count >= 10 * image.size / fourier.PIECE
    assert looks.told == sorted(looks.told)
    assert len(set(looks.told)) >= 10
    assert looks.told[-1] == 1


@pytest.mark.parametrize("method", LONG)
def test_closing_a_run_of_pieces_leaves_no_thread(method):
    op, _ = LONG[method]
    most = {"num_iter": 1000} if op is richardson_lucy else {"min_num_iter": 1000, "max_num_iter": 1000}
    plan = plan_of(op, np.random.default_rng(0).random((600, 500), np.float32), np.ones((9, 9)),
                   parameters={**most, "boundary": "periodic"})  # fmt: skip
    steps = run(plan, threads=2)
    while next(steps).done == 0:
        pass
    steps.close()
    assert not ours()


def test_memory_is_bounded():
    image = np.random.default_rng(0).integers(0, 4000, (24, 200, 200), dtype=np.uint16)
    for op, parameters in ((richardson_lucy, {"num_iter": 3}), (wiener, {}), (unsupervised_wiener, {})):
        for block in (image[:, :40, :40], image):  # the first one loads what is compiled
            plan = plan_of(op, block, np.ones((5, 9, 9)), parameters=parameters, ndim=3)
            tracemalloc.start()
            result_of(plan)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert peak < 8 * 4 * image.size


def test_a_transfer_function_is_made_once_for_all_items(monkeypatch):
    made = []
    usual = fourier._transfer_function
    monkeypatch.setattr(fourier, "_transfer_function", lambda *a: made.append(a[1]) or usual(*a))
    stack = np.random.default_rng(0).random((20, 40, 30))
    apply(stack, "richardson_lucy", lopsided(5, 3), num_iter=2)
    assert len(made) == 1
    apply(stack, "wiener", lopsided(5, 3))
    assert len(made) == 2


def test_kept_transfer_functions_are_few():
    functions = TransferFunctions(100_000)
    kernel = lopsided(3, 1, 3)
    first = functions.of(kernel, (64, 1, 64), np.float32)
    assert functions.of(kernel.copy(), (64, 1, 64), np.float32) is first
    assert functions.of(kernel, (64, 1, 64), np.float64) is not first
    for n in range(65, 90):
        functions.of(kernel, (n, 1, 64), np.float32)
    assert 0 < functions.nbytes <= 100_000
    np.testing.assert_allclose(functions.of(kernel, (64, 1, 64), np.float32), first)


# The report


def test_flux_and_changes_of_the_psf_are_reported():
    image = np.zeros((2, 40, 40), np.float32)
    image[:, 20, 20], image[0, 3, 3] = 500, np.nan
    for keep_every in (0, 5):
        plan = plan_of(richardson_lucy, image, -np.eye(5) + 2, parameters={"num_iter": 10, "keep_every": keep_every})
        found = run_to_end(report(plan, result_of(plan)))
        assert abs(found.values["flux"] - 1) < 1e-5
        assert found.values["psf"] == ("The PSF was divided by its sum, 45.",)
        assert found.text == "Flux: 100\N{NO-BREAK SPACE}% of the source's. The PSF was divided by its sum, 45."
    black = plan_of(wiener, np.zeros((20, 20)), bell(1.0, 1.0))
    found = run_to_end(report(black, result_of(black)))
    assert (found.values, found.text) == ({"flux": None, "psf": ()}, "")
    colors = plan_of(wiener, np.ones((20, 20, 4), np.uint8), bell(1.0, 1.0), channel_axis=-1)
    assert run_to_end(report(colors, result_of(colors))).values["flux"] == 1


def test_the_flux_is_that_of_the_light_above_the_background():
    light = np.zeros((60, 60))
    light[20:40, 25:35] = 300
    image = blur(light, bell(1.5, 1.5), "reflect") + 100
    plan = plan_of(richardson_lucy, image, bell(1.5, 1.5), parameters={"background": 100.0, "num_iter": 50})
    assert abs(run_to_end(report(plan, result_of(plan))).values["flux"] - 1) < 0.02  # 1 where it ends
    none = plan_of(richardson_lucy, image, bell(1.5, 1.5), parameters={"background": 1e4})
    assert run_to_end(report(none, result_of(none))).values["flux"] is None
