"""Point-spread functions: their widths by theory, as arrays and as declarations, on other pixels, and from beads."""

import itertools
import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage as ndi
from scipy.interpolate import CubicSpline
from scipy.signal import fftconvolve
from scipy.special import erf, j1

from napari_mathimg import apply, psf
from napari_mathimg.methods.blur_kernels import disk
from napari_mathimg.methods.point_spread.kinds import KINDS, PointSpread, Resampled, from_beads, fwhm, resample
from napari_mathimg.methods.point_spread.optics import focus, through_pinhole

LENSES = ((0.3, 1.0), (0.8, 1.0), (1.2, 1.333), (1.4, 1.515))
each_lens = pytest.mark.parametrize(("aperture", "index"), LENSES)


def fine(aperture, index, *, wavelength=0.52, count=61, **more):
    """A point-spread function on pixels so small that they do not matter, and their size."""
    pixel = (wavelength * index / aperture**2 / 20, wavelength / aperture / 30, wavelength / aperture / 30)
    declared = psf(
        "optical", numerical_aperture=aperture, refractive_index=index, emission=wavelength * 1000, pixel_size=pixel,
        size=count, **more,
    )  # fmt: skip
    return declared, np.array(pixel)


# Optics


@each_lens
def test_focus_is_the_sum_of_the_plane_waves_that_make_it(aperture, index):
    """Fields of the waves through an aplanatic lens, each turned with its ray, for light polarized along x and y."""
    places = np.array([(0, 0, 0), (0.1, 0.05, 0), (0.2, 0, 0.3), (0.31, -0.2, -0.7), (0.02, 0.4, 1.1)])
    nodes, weights = np.polynomial.legendre.leggauss(60)
    widest = math.asin(aperture / index)
    theta, phi = np.meshgrid((nodes + 1) * widest / 2, np.arange(90) * 2 * np.pi / 90, indexing="ij")
    ray = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)])
    radial = np.stack([np.cos(theta) * np.cos(phi), np.cos(theta) * np.sin(phi), -np.sin(theta)])
    around = np.stack([-np.sin(phi), np.cos(phi), 0 * phi])
    weight = weights[:, None] * np.sin(theta) * np.sqrt(np.cos(theta))
    intensity = []
    for place in places:
        wave = weight * np.exp(2j * np.pi * index / 0.52 * np.einsum("kab,k->ab", ray, place))
        fields = [
            (wave * (np.cos(phi) * radial - np.sin(phi) * around)),
            (wave * (np.sin(phi) * radial + np.cos(phi) * around)),
        ]
        intensity.append(sum(np.abs(f.sum((1, 2))) ** 2 @ np.ones(3) for f in fields))
    radii, depths = np.hypot(places[:, 0], places[:, 1]), np.abs(places[:, 2])
    found = [focus(radii[k : k + 1], depths[k : k + 1], 0.52, aperture, index)[0, 0] for k in range(len(places))]
    np.testing.assert_allclose(found, np.array(intensity) / intensity[0], rtol=0, atol=1e-12)


def test_a_narrow_cone_makes_the_airy_disk_and_its_depth():
    aperture, wavelength = 0.05, 0.5
    v = np.linspace(0.1, 15, 40)
    across = focus(v * wavelength / (2 * np.pi * aperture), np.zeros(1), wavelength, aperture, 1.0)[:, 0]
    np.testing.assert_allclose(across, (2 * j1(v) / v) ** 2, rtol=0, atol=1e-3)
    u = np.linspace(0.1, 30, 40)
    along = focus(np.zeros(1), u * wavelength / (2 * np.pi * aperture**2), wavelength, aperture, 1.0)[0]
    np.testing.assert_allclose(along, (np.sin(u / 4) / (u / 4)) ** 2, rtol=0, atol=2e-3)


@each_lens
def test_widefield_is_as_wide_as_theory_says(aperture, index):
    """0.51 wavelength / NA is for waves that are not polarized: a steep cone's own are up to 11% wider."""
    declared, pixel = fine(aperture, index)
    depth, down, right = fwhm(declared) * pixel
    assert down == pytest.approx(right, rel=1e-9)
    assert 1 <= right / (0.51 * 0.52 / aperture) < {0.3: 1.02, 0.8: 1.08, 1.2: 1.11, 1.4: 1.12}[aperture]
    assert depth == pytest.approx(0.88 * 0.52 / (index - math.sqrt(index**2 - aperture**2)), rel=0.04)


@pytest.mark.parametrize(("aperture", "index"), LENSES[:1])
def test_confocal_is_narrower_by_theory(aperture, index):
    """A closed pinhole: 0.37 and 0.64 of the mean wavelength; an open one: what the excitation alone makes."""
    lateral, axial = 1 / aperture, 1 / (index - math.sqrt(index**2 - aperture**2))
    mean = math.sqrt(2) * 0.488 * 0.52 / math.hypot(0.488, 0.52)
    closed, pixel = fine(aperture, index, modality="confocal", pinhole=0.0)
    np.testing.assert_allclose(
        fwhm(closed) * pixel, mean * np.array([0.64 * axial, 0.37 * lateral, 0.37 * lateral]), rtol=0.03
    )
    opened, pixel = fine(aperture, index, modality="confocal", pinhole=20.0)
    np.testing.assert_allclose((fwhm(opened) * pixel)[1:], 0.51 * 0.488 * lateral, rtol=0.02)
    widths = [fwhm(fine(aperture, index, modality="confocal", pinhole=p)[0]) for p in (0.0, 0.5, 1.0, 2.0)]
    assert all(a[2] < b[2] and a[0] < b[0] for a, b in itertools.pairwise(widths))


def test_a_pinhole_is_the_mean_over_a_disk():
    """Against a convolution on a grid of 30 pixels per wavelength / NA by FFT, whose middles stand for 1e-3 at most."""
    found, pixel = fine(0.8, 1.0, modality="confocal", pinhole=1.0)
    squares, places = np.unique(((np.indices((141, 141)) - 70) ** 2).sum(0), return_inverse=True)
    away = np.sqrt(squares) * pixel[2]
    seen, exciting = (focus(away, np.zeros(1), w, 0.8, 1.0)[places.reshape(141, 141), 0] for w in (0.52, 0.488))
    radius = 1.22 * 0.52 / 0.8 / 2 / pixel[2]
    expected = (exciting * fftconvolve(seen, disk((radius, radius)), mode="same"))[40:101, 40:101]
    plane = np.asarray(found)[30]
    np.testing.assert_allclose(plane / plane.max(), expected / expected.max(), rtol=0, atol=1e-3)


@pytest.mark.parametrize("units", [0.1, 1.0, 5.0])
def test_light_through_a_pinhole_is_that_of_its_rings(units):
    """Against Gauss-Legendre rings of many directions, for disks on and beside the axis."""
    step, radius = 0.52 / 0.8 / 64, units * 1.22 * 0.52 / 0.8 / 2
    radii = step * np.arange(64 * 8)
    light = focus(radii, np.zeros(1), 0.52, 0.8, 1.0)
    found = through_pinhole(light, step, radius)[:, 0]
    between = CubicSpline(radii, light[:, 0])
    nodes, weights = np.polynomial.legendre.leggauss(120)
    ring, turn = (radius * (nodes + 1) / 2)[:, None], (np.arange(400) + 0.5) * math.pi / 400
    for place in (0, 5, 40, 90):
        away = np.hypot(radii[place] + ring * np.cos(turn), ring * np.sin(turn))
        expected = weights * ring[:, 0] @ between(away).mean(1) / (weights @ ring[:, 0])
        assert found[place] == pytest.approx(expected, abs=1e-3 * found[0])


@pytest.mark.parametrize("modality", ["widefield", "confocal"])
def test_optical_arrays_are_symmetric_and_even_ones_have_their_middle_at_half_their_length(modality):
    given = {"modality": modality, "pixel_size": (0.2, 0.07, 0.07)}
    odd = np.asarray(psf("optical", size=(9, 31, 33), **given))
    assert odd.sum() == pytest.approx(1, abs=1e-12)
    assert odd.min() >= 0
    np.testing.assert_array_equal(odd, odd[::-1])
    np.testing.assert_array_equal(odd, odd[:, ::-1, ::-1])
    np.testing.assert_allclose(odd[:, :, 1:-1], odd[:, :, 1:-1].transpose(0, 2, 1), rtol=0, atol=1e-15)
    even = np.asarray(psf("optical", size=(8, 30, 32), **given))
    np.testing.assert_allclose(even / even.max(), odd[:-1, :-1, :-1] / odd.max(), rtol=1e-12)
    assert np.unravel_index(even.argmax(), even.shape) == (4, 15, 16)


def test_every_plane_of_a_widefield_stack_has_the_same_light():
    stack = np.asarray(
        psf("optical", numerical_aperture=0.5, refractive_index=1.0, pixel_size=(1.0, 0.5, 0.5), size=(9, 151, 151))
    )
    np.testing.assert_allclose(stack.sum((1, 2)), 1 / 9, rtol=0.01)


def test_a_camera_pixel_is_the_mean_over_its_area():
    given = {"numerical_aperture": 0.8, "refractive_index": 1.0}
    coarse = np.asarray(psf("optical", pixel_size=0.21, size=9, **given))
    small = np.asarray(psf("optical", pixel_size=0.01, size=189, **given))
    expected = small.reshape(9, 21, 9, 21).sum((1, 3))
    np.testing.assert_allclose(coarse, expected / expected.sum(), rtol=0, atol=1e-6 * coarse.max() * 30)


def test_sizes_hold_the_light_near_the_focus_and_fit_the_image():
    lens = psf("optical", spacing=(0.2, 0.065, 0.065))
    assert lens.parameters["pixel_size"] == (0.2, 0.065, 0.065)
    assert all(n % 2 for n in lens.shape)
    assert all(n > 2 * w for n, w in zip(lens.shape, fwhm(lens), strict=True))
    assert psf("optical", spacing=(0.2, 0.065, 0.065), shape=(6, 20, 500)).shape == (5, 19, lens.shape[2])


# Declarations


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("ndim", [2, 3])
def test_every_kind_is_normalized_recorded_and_pickled(name, ndim):
    if ndim not in KINDS[name].dimensions:
        with pytest.raises(ValueError, match=f"ndim={ndim}: must be .* for a PSF of kind '{name}'"):
            psf(name, shape=(50,) * ndim)
        return
    declared = psf(name, shape=(50,) * ndim, spacing=(0.1,) * ndim)
    array = np.asarray(declared)
    assert array.ndim == ndim
    assert array.dtype == np.float64
    assert array.sum() == pytest.approx(1, abs=1e-12)
    assert array.min() >= 0
    again = PointSpread(**declared.record())
    assert again == declared == pickle.loads(pickle.dumps(declared))
    np.testing.assert_array_equal(again, array)
    with pytest.raises(ValueError, match="read-only"):
        declared.array[...] = 0
    np.array(declared)[...] = 0


def test_gaussian_may_be_given_by_its_width():
    wide = psf("gaussian", given="fwhm", fwhm=(6.0, 11.0))
    np.testing.assert_allclose(fwhm(wide), (6, 11), rtol=0.01)
    np.testing.assert_allclose(wide, psf("gaussian", sigma=tuple(np.array([6, 11]) / 2.3548200450309493)), atol=1e-15)


def test_shapes_are_as_wide_as_they_say():
    assert fwhm(psf("box", size=(3, 4.2, 7))) == pytest.approx((3, 4, 7))
    assert fwhm(psf("disk", radius=5.0)) == pytest.approx((10, 10), abs=0.1)
    assert fwhm(psf("motion", length=9.0, angle=0.0)) == pytest.approx((1, 9))
    assert fwhm(psf("motion", length=9.0, angle=90.0)) == pytest.approx((9, 1))


@pytest.mark.parametrize("frame", [((2.0, 0.0), (0.0, 0.5)), ((-1.0, 0.0), (0.0, 1.0)), ((0.6, 0.8), (-1.6, 1.2))])
def test_a_motion_has_its_direction_and_length_in_the_world(frame):
    """A path of length L has the variance L^2 / 12 along its direction, in sides of a square of a pixel's area."""
    kernel = np.asarray(psf("motion", length=61.0, angle=40.0, frame=frame))
    steps = np.array(frame).T / np.sqrt(abs(np.linalg.det(frame)))
    world = steps @ (np.indices(kernel.shape).reshape(2, -1) - np.array(kernel.shape)[:, None] // 2)
    variances, directions = np.linalg.eigh((world * kernel.ravel()) @ world.T)
    down, right = directions[:, 1]
    assert np.rad2deg(np.arctan2(-down, right)) % 180 == pytest.approx(40, abs=1)
    assert np.sqrt(12 * variances[1]) == pytest.approx(61, rel=0.02)
    with pytest.raises(ValueError, match=r"frame=.*: must be two directions that are not parallel"):
        np.asarray(psf("motion", frame=(frame[0], frame[0])))


def test_an_array_that_is_declared_goes_where_an_array_does():
    np.testing.assert_array_equal(np.asarray(psf("box", size=3), dtype=np.float32), np.full((3, 3), np.float32(1 / 9)))
    with pytest.raises(ValueError, match=r"images: gaussian takes 0"):
        apply(np.ones((9, 9)), "gaussian", psf("box", size=3))


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("lens", {}, r"kind='lens': must be one of gaussian, box, disk, motion, polygon, optical"),
        ("gaussian", {"sigma": -1.0}, r"sigma=-1.0: must be a finite number from 0"),
        ("gaussian", {"width": 2.0}, r"width=2.0: gaussian has no such parameter"),
        ("gaussian", {"sigma": (1.0, 2.0, 3.0, 4.0)}, r"ndim=4: must be 2 or 3 for a PSF of kind 'gaussian'"),
        ("disk", {"radius": (1.0, 2.0), "shape": (9, 9, 9)}, r"radius=\(1.0, 2.0\): must be one value, or 3 values"),
        ("optical", {}, r"pixel_size='auto': must be a size in µm"),
        ("optical", {"refractive_index": 1.33, "pixel_size": 0.1}, r"numerical_aperture=1.4: must be below"),
        ("optical", {"modality": "x"}, r"modality='x': must be 'widefield' or 'confocal'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_name(name, given, message):
    with pytest.raises(ValueError, match=message):
        psf(name, **given)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("gaussian", {"sigma": 9000.0}, r"sigma: must give a kernel of at most 33\s554\s432 pixels, not 72\s001 x"),
        ("box", {"size": (1000.0, 1000.0, 1000.0)}, r"size: must give a kernel of at most"),
        ("optical", {"pixel_size": 0.1, "size": (1001, 1001, 1001)}, r"size: must give a kernel of at most"),
        ("polygon", {"vertices": ((0.0, 0.0), (0.0, 20.0), (5.0, 5.0))}, r"polygon="),
        ("optical", {"pixel_size": 0.1, "size": 9, "refractive_index": 1.2}, r"numerical_aperture=1.4: must be below"),
    ],
)  # fmt: skip
def test_what_cannot_be_computed_is_refused_by_name(name, given, message):
    with pytest.raises(ValueError, match=message):
        np.asarray(psf(name, **given))


# Widths and pixels


def test_widths_are_read_between_pixels_and_end_with_the_array():
    assert fwhm([0, 1, 2, 1, 0]) == (2,)
    assert fwhm([0, 2, 4, 3, 0]) == (pytest.approx(2 + 1 / 3),)
    assert fwhm([1.0]) == (1,)
    assert fwhm(np.ones((3, 4))) == (3, 4)
    for bad in (np.zeros(3), -np.ones(3), []):
        with pytest.raises(ValueError, match="psf: must have a positive value"):
            fwhm(bad)


def bell(pixel, width, count):
    """The light of a Gaussian spot of some width on each pixel."""
    edges = (np.arange(count + 1) - count // 2 - 0.5) * pixel * math.sqrt(4 * math.log(2)) / width
    line = np.diff(erf(edges)) / 2
    return np.multiply.outer(line, line)


@pytest.mark.parametrize(("pixels", "tolerance"), [(2.0, 0.02), (3.0, 0.005), (5.0, 0.001)])
@pytest.mark.parametrize("factor", [0.4, 0.65, 1.3, 2.2])
def test_resampling_keeps_light_middle_and_width(pixels, tolerance, factor):
    spot = bell(1.0, pixels, 41)
    found = resample(spot, (1.0, 1.0), (factor, factor))
    assert found.sum() == pytest.approx(spot.sum(), abs=1e-12)
    expected = bell(factor, pixels, len(found))
    np.testing.assert_allclose(fwhm(found), fwhm(expected), rtol=tolerance)
    assert all(n % 2 for n in found.shape)
    np.testing.assert_allclose(ndi.center_of_mass(found), np.array(found.shape) // 2, atol=1e-9)


@pytest.mark.parametrize("count", [8, 9])
def test_resampling_keeps_the_middle_pixel_of_even_and_odd_arrays(count):
    spot = np.zeros((count, 7))
    spot[count // 2, 3] = 1
    found = resample(spot, (2.0, 1.0), (1.0, 1.0))
    assert found.shape == (19, 7)  # the outer pixels are half empty
    np.testing.assert_allclose(ndi.center_of_mass(found), np.array(found.shape) // 2, atol=1e-9)
    np.testing.assert_array_equal(resample(spot, (2.0, 1.0), (2.0, 1.0)), spot)


def test_resampling_optics_gives_optics_on_those_pixels():
    given = {"numerical_aperture": 0.8, "refractive_index": 1.0}
    small = psf("optical", pixel_size=0.07, size=61, **given)
    found = np.asarray(Resampled(small, (0.07, 0.07), (0.1, 0.1)))
    expected = np.asarray(psf("optical", pixel_size=0.1, size=len(found), **given))
    np.testing.assert_allclose(fwhm(found), fwhm(expected), rtol=0.01)
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.01 * expected.max())
    with pytest.raises(ValueError, match=r"target=\(0.1, 0\): must be 2 numbers greater than 0"):
        resample(small, (0.1, 0.1), (0.1, 0))


# Beads


def lopsided(shape):
    """Light of a bead: two Gaussians side by side, of known width, around any place."""

    def at(place):
        grid = np.indices(shape).reshape(len(shape), -1).T - place
        wide = np.exp(-((grid / 1.9) ** 2).sum(1) / 2)
        tail = np.exp(-(((grid - 1.5) / 1.6) ** 2).sum(1) / 2)
        return (wide + 0.5 * tail).reshape(shape)

    return at


def top(spot):
    """Centroid of what rises above a fifth of the height."""
    return np.array(ndi.center_of_mass(np.maximum(spot / spot.max() - 0.2, 0)))


@pytest.mark.parametrize(
    ("shape", "size", "count"), [((160, 170), (23, 23), 5), ((60, 90, 100), (19, 21, 23), 4)], ids=str
)
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_beads_give_back_what_spread_them(shape, size, count, noise):
    rng = np.random.default_rng(5)
    corners = np.stack(
        np.meshgrid(*[(np.arange(2 if n < 80 else count - 1) + 0.5) * 28 for n in shape], indexing="ij"), -1
    )
    places = corners.reshape(-1, len(shape)) + rng.uniform(-0.5, 0.5, (corners.size // len(shape), len(shape)))
    image = 100 + sum(1000 * lopsided(shape)(p) for p in places) + noise * 1000 * rng.standard_normal(shape)
    found = from_beads(image, places + rng.uniform(-2, 2, places.shape), size)
    assert len(found.middles) + sum(found.skipped.values()) == len(places)
    assert len(found.middles) >= 0.5 * len(places)
    middle = np.array(size) // 2
    np.testing.assert_allclose(top(found.psf), middle, atol=0.03)
    expected = lopsided(size)(2 * middle - top(lopsided(size)(middle)))
    expected /= expected.sum()
    tolerance = 0.01 if noise == 0 else 0.03
    np.testing.assert_allclose(found.psf, expected, rtol=0, atol=tolerance * expected.max())
    np.testing.assert_allclose(fwhm(found.psf), fwhm(expected), rtol=tolerance)
    assert found.psf.sum() == pytest.approx(1, abs=1e-12)


def test_beads_that_cannot_be_used_are_counted():
    shape = (100, 200)
    spot = lopsided(shape)
    rng = np.random.default_rng(1)
    image = 50 + rng.standard_normal(shape)
    for place in ((50, 40), (50, 100), (58, 112), (4, 150)):
        image += 500 * spot(place)
    points = [(50, 41), (49, 40), (50, 100), (58, 112), (5, 150), (50, 170)]
    found = from_beads(image, points, (19, 19))
    np.testing.assert_allclose(found.middles, [(50.5, 40.5)], atol=0.5)
    assert found.skipped == {"marked twice": 1, "too near to another": 2, "too near the edge": 1, "too faint": 1}
    with pytest.raises(
        ValueError, match=r"points: must mark a usable bead, but none of 2 is \(1 too near the edge, 1 too faint\)"
    ):
        from_beads(image, points[-2:], (19, 19))


@pytest.mark.parametrize(
    ("points", "size", "message"),
    [
        ([(5, 5)], (8, 9), r"size=\(8, 9\): must be 2 odd numbers"),
        ([(5, 5)], (9, 9, 9), r"size=\(9, 9, 9\): must be 2 odd numbers"),
        ([(5, 5)], (9, 31), r"size=\(9, 31\): must not exceed the shape of the image"),
        ([(5, 5, 5)], (9, 9), r"points: must be points of 2 finite"),
        (np.zeros((0, 2)), (9, 9), r"points: must be points"),
        ([(5, np.nan)], (9, 9), r"points: must be points of 2 finite"),
    ],
)  # fmt: skip
def test_beads_need_an_image_points_and_a_size_that_fit(points, size, message):
    with pytest.raises(ValueError, match=message):
        from_beads(np.ones((20, 30)), points, size)


def test_one_pixel_size_stands_for_all_axes():
    for shape in ((64, 60), (9, 64, 60)):
        one = psf("optical", shape=shape, pixel_size=0.1, numerical_aperture=0.8)
        each = psf("optical", shape=shape, pixel_size=(0.1,) * len(shape), numerical_aperture=0.8)
        assert one == each
        np.testing.assert_array_equal(one, each)


def test_an_optical_kernel_that_reaches_beyond_the_image_is_refused_before_it_is_computed(monkeypatch):
    monkeypatch.setitem(KINDS, "optical", replace(KINDS["optical"], function=lambda **_: pytest.fail("computed")))
    with pytest.raises(
        ValueError, match=r"size=\(63, 65\): must be at most 63 px along axis 1, where the image has 32"
    ):
        psf("optical", shape=(32, 32), pixel_size=0.1, size=(63, 65))
    psf("optical", shape=(32, 32), pixel_size=0.1, size=63)
    psf("optical", pixel_size=0.1, size=1023)


def test_a_record_holds_what_was_given_besides_the_numbers():
    lens = psf("optical", shape=(64, 60), spacing=(0.1, 0.1), numerical_aperture=0.8)
    for one in (lens, pickle.loads(pickle.dumps(lens))):
        found = one.record()
        assert found["given"] == {"numerical_aperture": 0.8}
        assert found["parameters"]["pixel_size"] == (0.1, 0.1)
    assert psf("optical", pixel_size=0.1) == psf("optical", pixel_size=(0.1, 0.1))
