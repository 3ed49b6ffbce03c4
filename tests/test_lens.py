"""Lens correction against lensfun itself, published figures, closed forms and identities."""

import sys

import lensfunpy
import numpy as np
import pytest
from scipy import ndimage as ndi
from skimage import data, transform

from cases import TAKEN, plane
from napari_mathimg import Options, apply
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.contract.reach import Gather
from napari_mathimg.engine import prepare
from napari_mathimg.methods.lens import lensfun_database
from napari_mathimg.methods.lens.distortion import COEFFICIENTS, Bending, LensMap, bending, distorted, undistorted
from napari_mathimg.methods.lens.vignetting import Falloff, half_diagonal
from napari_mathimg.ops.lens import correct_distortion, correct_lens, correct_vignetting
from nightly import first_daily
from photographed import LENSES, SHAPE, crookedness, database, lines, peaks, places

DTYPE = Options(value_range="dtype")
FLAGS = lensfunpy.ModifyFlags
MODELS = {
    "poly3": (-0.1,), "poly5": (0.1, -0.02), "ptlens": (0.02, -0.05, 0.01), "brown": (-0.2, 0.05, 0.01, 0.003, -0.002),
}  # fmt: skip


def gather(op, shape, **parameters):
    return run_to_end(prepare(op, np.zeros(shape), parameters=parameters)).reach


# What lensfun says


@pytest.mark.parametrize(("x", "y", "gain"), [(0, 0, 1.4004), (751, 497, 1.0), (810, 937, 1.0781), (1270, 100, 1.1924)])
def test_gains_are_those_that_lensfun_publishes(x, y, gain):
    """Its own test of vignetting: this lens, crop factor 2, 17.89 mm, f/5, 1000 m, 1500 x 1000 pixels."""
    light = np.ones((1000, 1500), np.float32)
    result = apply(light, "correct_lens", distortion=False, encoding="linear", **TAKEN)
    assert abs(result[y, x] / gain - 1) < 0.002


def test_every_lens_moves_points_as_lensfun_does():
    """All entries, at a focal length of each, on their own sensor and on a smaller one, in red, green and blue."""
    rows, columns = 1000, 1500
    points = ((0, 0), (1270, 100), (810, 937))
    center, half = ((rows - 1) / 2, (columns - 1) / 2), half_diagonal((rows, columns))
    camera = next(n for n in lensfun_database.camera_names() if lensfun_database.crop_factor(n) == 1)
    tried = 0
    for k, lens in enumerate(lensfun_database.database().lenses):
        ratio, focal_length = (1.0, 1.3)[k % 2], (0.7 * lens.min_focal + 0.3 * lens.max_focal)
        modifier = lensfunpy.Modifier(lens, lens.crop_factor * ratio, columns, rows)
        modifier.initialize(focal_length, 8.0, 1000.0, 1.0, flags=FLAGS.DISTORTION | FLAGS.TCA)
        known = lensfun_database.profile(lens, focal_length, 8.0, 1000.0)
        unit = lensfun_database.unit(lens, camera, half) * lens.crop_factor * ratio
        distortion = known.distortion or Bending()
        for x, y in points:
            expected = modifier.apply_subpixel_geometry_distortion(x, y, 1, 1)
            if expected is None:
                assert distortion.is_identity
                assert known.red is None
                continue
            for own, place in zip((known.red, None, known.blue), expected[0, 0], strict=True):
                yy, xx = np.array([[float(y)]]), np.array([[float(x)]])
                LensMap(center, unit, (distortion, own or Bending())).move(yy, xx)
                if np.isfinite(yy[0, 0]):  # beyond, the polynomial folds the picture
                    assert max(abs(xx[0, 0] - place[0]), abs(yy[0, 0] - place[1])) < 5e-4, lens
                    tried += 1
    assert tried > 10_000


def test_lenses_brighten_as_lensfun_does():
    rows, columns = 41, 61
    for lens in database().lenses[::20]:
        if not lens.calib_vignetting:
            continue
        focal_length, aperture, ratio = lens.min_focal, lens.calib_vignetting[0].aperture, 1.2
        expected = np.ones((rows, columns, 3))
        modifier = lensfunpy.Modifier(lens, lens.crop_factor * ratio, columns, rows)
        modifier.initialize(focal_length, aperture, 3.0, 1.0, pixel_format=np.float64, flags=FLAGS.VIGNETTING)
        assert modifier.apply_color_modification(expected)
        falloff = lensfun_database.profile(lens, focal_length, aperture, 3.0).falloff
        ours = Falloff(falloff, (20.0, 30.0), half_diagonal((rows, columns)) * ratio)
        some = (expected[..., 0] > 0) & (expected[..., 0] < 5)  # where single precision still tells how much
        np.testing.assert_allclose(ours.gains(((0, rows), (0, columns)))[some], expected[some, 0], rtol=3e-5)


def test_the_sensor_of_an_entry_covers_that_of_the_camera():
    lens = "Canon EF 24-105mm f/4L IS USM"
    assert lensfun_database.entry(lens, "Canon EOS 550D").crop_factor == pytest.approx(1.611)
    assert lensfun_database.entry(lens, "Canon EOS 5D Mark III").crop_factor == 1
    assert lensfun_database.covers(lens, "Canon EOS 5D Mark III")
    assert not lensfun_database.covers("Canon EF-S 10-18mm f/4.5-5.6 IS STM", "Canon EOS 5D Mark III")


# Straight lines photographed by lensfun


@pytest.mark.parametrize(("model", "taken"), [p for m in LENSES for p in first_daily((m, x) for x in LENSES[m])])
def test_lines_photographed_by_lensfun_become_straight(model, taken):
    """Crooked by 0.8 to 20 pixels before; at most by 0.05 after, or by a hundredth of what they were."""
    camera, lens, focal_length = taken
    assert lensfun_database.entry(lens, camera).interpolate_distortion(focal_length).model.name.lower() == model
    picture = lines(places(*taken)[..., 0] - SHAPE[1] / 2)
    result = apply(
        picture, "correct_lens", camera=camera, lens=lens, focal_length=focal_length, vignetting=False, order=3
    )
    before, after = crookedness(picture), crookedness(result)
    assert before > 0.7
    assert after < max(0.05, before / 100)


def test_colors_photographed_by_lensfun_come_together():
    camera, lens, focal_length = "Canon PowerShot S120", "Canon PowerShot S120 & compatibles", 6.0
    picture = lines(places(camera, lens, focal_length, colors=True)[..., 0] - SHAPE[1] / 2)
    given = {"camera": camera, "lens": lens, "focal_length": focal_length, "vignetting": False, "order": 3}
    result = apply(picture, "correct_lens", distortion=False, options=Options(channel_axis=-1), **given)

    def apart(image):
        """Greatest distance of a line in red or blue from the nearest one in green."""
        found = []
        for row in image.astype(float):
            red, green, blue = (np.array(peaks(row[:, c])) for c in range(3))
            inner = green[(green > 10) & (green < SHAPE[1] - 10)]
            found += [np.abs(own[:, None] - inner).min(axis=0).max() for own in (red, blue)]
        return max(found)

    print(f"red, green and blue {apart(picture):.3f} px apart before, {apart(result):.3f} after")
    assert apart(picture) > 0.25
    assert apart(result) < 0.03


# The models


@pytest.mark.parametrize("model", MODELS)
def test_points_go_there_and_back(model):
    points = np.random.default_rng(0).uniform(0, 400, (500, 2))
    there = distorted(points, model, MODELS[model], (210.0, 190.0), 150.0)
    back = undistorted(there, model, MODELS[model], (210.0, 190.0), 150.0)
    np.testing.assert_allclose(back, points, rtol=0, atol=1e-9)
    assert np.abs(there - points).max() > 1


def test_brown_is_opencv_s_with_the_focal_length_for_a_unit():
    """x' and x'' of OpenCV's camera model, in the order of its coefficients (k1, k2, p1, p2, k3)."""
    k1, k2, p1, p2, k3 = -0.3, 0.1, 0.01, -0.02, 0.05
    focal_length, cy, cx = 300.0, 110.0, 150.0
    y, x = np.indices((200, 300), float)
    u, v = (x - cx) / focal_length, (y - cy) / focal_length
    r2 = u * u + v * v
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    u2 = u * radial + 2 * p1 * u * v + p2 * (r2 + 2 * u * u)
    v2 = v * radial + p1 * (r2 + 2 * v * v) + 2 * p2 * u * v
    given = {"k1": k1, "k2": k2, "k3": k3, "p1": p1, "p2": p2, "center": (cy, cx), "radius": focal_length}
    reach = gather(correct_distortion, (200, 300), model="brown", scale=1.0, **given)
    yy, xx = reach.source.coordinates(((0, 200), (0, 300)))
    np.testing.assert_allclose(yy, cy + focal_length * v2, rtol=0, atol=1e-10)
    np.testing.assert_allclose(xx, cx + focal_length * u2, rtol=0, atol=1e-10)


@pytest.mark.parametrize("model", MODELS)
def test_bending_undoes_straightening(model):
    image = ndi.gaussian_filter(plane((120, 160)), 4)
    given = {"model": model, **dict(zip(COEFFICIENTS[model], MODELS[model], strict=True)), "scale": 1.0, "order": 3}
    straight = apply(image, "correct_distortion", mode="mirror", **given)
    again = apply(straight, "correct_distortion", inverse=True, mode="mirror", **given)
    inner = np.s_[25:-25, 25:-25]
    assert np.abs(straight - image)[inner].max() > 5e-3
    assert np.abs(again - image)[inner].max() < 1e-3


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize("given", [{"k1": -0.04}, {"k1": 0.05}, {"model": "ptlens", "a": 0.1, "b": -0.25, "c": 0.15}])
def test_the_scale_fills_the_result_and_is_the_least_that_does(given, order, inverse):
    given = {**given, "order": order, "inverse": inverse, "cval": -1.0}
    plan = run_to_end(prepare(correct_distortion, np.ones((61, 90)), parameters=given))
    scale = plan.parameters["scale"]
    assert apply(np.ones((61, 90)), "correct_distortion", **given).min() == pytest.approx(1)
    wider = apply(np.ones((61, 90)), "correct_distortion", **given | {"scale": scale * (1.05 if inverse else 0.95)})
    assert wider.min() < 1


def test_content_keeps_its_place_and_size_in_the_world():
    """The middle of a result lies over that of its source, whatever the scale: the pixels become smaller."""
    reach = gather(correct_distortion, (61, 91), model="poly5", k1=-0.2, scale=2.0, center=(30.0, 45.0))
    yy, xx = reach.source.coordinates(((30, 32), (45, 47)))
    there = np.stack([yy, xx, np.ones_like(yy)], -1)
    here = np.stack([*np.indices((2, 2)) + np.array([30, 45])[:, None, None], np.ones((2, 2))], -1) @ reach.placement.T
    np.testing.assert_allclose(there, here, rtol=0, atol=1e-3)
    np.testing.assert_allclose(reach.placement, [[0.5, 0, 15], [0, 0.5, 22.5], [0, 0, 1]])


def test_what_no_lens_shows_is_filled():
    """Beyond its turning point, a polynomial would show the middle again, mirrored."""
    result = apply(np.ones((81, 81)), "correct_distortion", model="poly5", k1=-0.5, scale=1.0, cval=7.0, mode="mirror")
    y, x = np.indices((81, 81)) - 40
    beyond = np.hypot(x, y) / 40 > np.sqrt(1 / 1.5)  # d/dr (r - 0.5 r^3) = 0
    np.testing.assert_array_equal(result, np.where(beyond, 7.0, 1.0))
    assert bending("poly3", (0.5,)).limit == np.inf


def test_each_channel_has_a_map_only_where_it_needs_one():
    shape = (40, 60)
    given = {"camera": TAKEN["camera"], "lens": TAKEN["lens"], "focal_length": 14.0, "vignetting": False}
    assert len(gather(correct_lens, shape, **given).colors) == 3
    assert gather(correct_lens, shape, **given, aberration=False).colors == ()
    gray = plane(shape)
    rgba = np.stack([gray] * 4, -1)
    result = apply(rgba, "correct_lens", options=Options(channel_axis=-1), scale=1.1, **given)
    plain = apply(gray, "correct_lens", scale=1.1, **given)
    np.testing.assert_array_equal(result[..., 1], plain)
    np.testing.assert_array_equal(result[..., 3], plain)  # opacity goes with green
    assert np.abs(result[..., 0] - plain).max() > 1e-4


def test_a_box_reads_what_each_color_needs():
    green, red = (LensMap((50.0, 50.0), 50.0, (Bending(),), scale) for scale in (1.0, 0.5))
    reach = Gather((101, 101), green, np.eye(3), colors=(red,))
    (top, bottom), (left, right) = reach.reads(((60, 71), (40, 61)), (101, 101))
    assert top <= 60
    assert bottom > 50 + 2 * 20
    assert left <= 50 - 2 * 10
    assert right > 50 + 2 * 10


# Light


def srgb(light):
    """IEC 61966-2-1."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)


def share(shape, k1, k2=0.0, k3=0.0):
    y, x = (i - (n - 1) / 2 for i, n in zip(np.indices(shape), shape, strict=True))
    r2 = (x * x + y * y) / ((shape[0] - 1) ** 2 + (shape[1] - 1) ** 2) * 4
    return 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3


@pytest.mark.parametrize(("encoding", "encode"), [("sRGB", srgb), ("gamma", lambda light: light ** (1 / 1.8))])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_encoded_pictures_become_even_in_light(encoding, encode, dtype):
    shape, full = (60, 80), 1 if dtype is np.float32 else np.iinfo(dtype).max
    scene = np.where(np.indices(shape).sum(0) // 10 % 2, 0.5, 0.05)
    picture = encode(scene * share(shape, -0.6, 0.2)) * full
    picture = picture.astype(dtype) if full == 1 else np.rint(picture).astype(dtype)
    result = apply(picture, "correct_vignetting", k1=-0.6, k2=0.2, encoding=encoding, gamma=1.8, options=DTYPE)
    # The rounding of the picture, brightened up to 1 / 0.6 times.
    assert np.abs(result - encode(scene) * full).max() < (1e-6 if full == 1 else 1.6)


def test_a_unit_reaches_from_the_middle_to_a_corner_unless_given():
    radius = run_to_end(prepare(correct_vignetting, np.ones((61, 47)))).parameters["radius"]
    assert radius == pytest.approx(np.hypot(30, 23), abs=1e-6)  # to what a form shows


def test_colors_get_the_gain_and_opacity_does_not():
    image = np.random.default_rng(0).integers(0, 100, (30, 40, 4)).astype(np.uint8)
    result = apply(image, "correct_vignetting", k1=-0.4, options=Options(channel_axis=-1))
    expected = image[..., :3] / share((30, 40), -0.4)[..., None]
    assert np.abs(result[..., :3] - expected).max() <= 0.5001
    np.testing.assert_array_equal(result[..., 3], image[..., 3])


def test_darkening_undoes_brightening():
    image = plane()
    bright = apply(image, "correct_vignetting", k1=-0.4, k3=0.1)
    np.testing.assert_allclose(apply(bright, "correct_vignetting", k1=-0.4, k3=0.1, inverse=True), image, atol=1e-14)


@pytest.mark.parametrize("strength", [0.0, 50.0, 200.0])
def test_strength_multiplies_displacements_and_is_the_exponent_of_gains(strength):
    light = np.ones((60, 90))
    given = {**TAKEN, "encoding": "linear"}
    own = {"distortion": False, "aberration": False}
    full, part = (apply(light, "correct_lens", strength=s, **given, **own) for s in (100.0, strength))
    np.testing.assert_allclose(part, full ** (strength / 100), rtol=1e-12)
    box, grid = ((0, 60), (0, 90)), np.stack(np.indices((60, 90), float))
    maps = [gather(correct_lens, (60, 90), strength=s, scale=1.0, **given) for s in (100.0, strength)]
    whole, some = (np.stack(m.source.coordinates(box)) - grid for m in maps)
    np.testing.assert_allclose(some, whole * strength / 100, rtol=0, atol=1e-10)
    red, less = (np.stack(m.colors[0].coordinates(box)) - grid for m in maps) if strength else (whole, whole)
    assert strength == 0 or np.abs(less - strength / 100 * red).max() < 1e-2  # through the bent picture


def test_light_changes_before_the_picture_is_bent():
    """A gain belongs to where the light fell: brightening first, then straightening, is both at once."""
    image = plane((60, 90))
    given = {
        "camera": TAKEN["camera"],
        "lens": TAKEN["lens"],
        "focal_length": 14.0,
        "aperture": 3.5,
        "encoding": "linear",
    }
    light = apply(image, "correct_lens", distortion=False, **given)
    both = apply(image, "correct_lens", scale=1.0, **given)
    np.testing.assert_allclose(both, apply(light, "correct_lens", vignetting=False, scale=1.0, **given), atol=1e-12)


def test_pictures_of_any_kind_are_corrected_plane_by_plane():
    photograph = data.astronaut()[::4, ::4]
    given = {**TAKEN, "order": 3}
    rgb = Options(value_range="dtype", channel_axis=-1)
    result = apply(photograph, "correct_lens", options=rgb, **given)
    assert (result.shape, result.dtype) == (photograph.shape, np.uint8)
    stack = np.stack([photograph, photograph[::-1]])
    both = apply(stack, "correct_lens", options=rgb, **given)
    np.testing.assert_array_equal(both[0], result)
    deep = apply(photograph.astype(np.uint16) * 257, "correct_lens", options=rgb, **given)
    assert np.abs(deep / 257 - result)[result < 255].max() <= 0.51


def test_distortion_equals_scikit_image_s_warp_by_the_same_polynomial():
    photograph = data.camera()

    def seen(xy):
        x = (xy - 255.5) / 255.5
        r = np.sqrt((x * x).sum(1, keepdims=True))
        return 255.5 + 255.5 * x * (0.03 * r**3 - 0.1 * r**2 + 0.04 * r + 1.03)

    result = apply(photograph, "correct_distortion", model="ptlens", a=0.03, b=-0.1, c=0.04, scale=1.0, mode="mirror")
    expected = transform.warp(photograph, seen, order=1, mode="reflect", preserve_range=True)
    assert np.abs(result - expected).max() <= 0.5001


# Errors

IMAGE = np.zeros((20, 30))
REFUSED = [
    ("correct_lens", {}, r"camera='': must be a camera of lensfun's database, such as '"),
    ("correct_lens", {"camera": "Nikon D90"}, r"lens='': must be a lens of lensfun's database, such as '"),
    ("correct_lens", {**TAKEN, "camera": "Nikon D9999"}, r"camera='Nikon D9999': must be a camera of lensfun"),
    ("correct_lens", {**TAKEN, "lens": "Jar"}, r"lens='Jar': must be a lens of lensfun's database"),
    ("correct_lens", {**TAKEN, "focal_length": 50.0}, r"focal_length=50.0: must be from 14 to 42\smm for Olympus"),
    (
        "correct_lens",
        {**TAKEN, "focal_length": "auto"},
        r"focal_length='auto': must be from 14 to 42\smm for Olympus Zuiko",
    ),
    ("correct_lens", {**TAKEN, "aperture": 1.4}, r"aperture=1.4: must be from f/3.5 to f/22 for Olympus Zuiko"),
    ("correct_lens", {**TAKEN, "aperture": 32.0}, r"aperture=32.0: must be from f/3.5 to f/22 for Olympus Zuiko"),
    ("correct_lens", {**TAKEN, "aperture": "auto"}, r"aperture='auto': must be from f/3.5 to f/22 for the vignetting"),
    ("correct_lens", {**TAKEN, "strength": 201.0}, r"strength=201.0: must be a finite number from 0 to 200\s%"),
    ("correct_lens", {**TAKEN, "distance": 0.0}, r"distance=0.0: must be a finite number from 0.01"),
    ("correct_distortion", {"k1": 1.0}, r"k1=1.0: must be below 1, or the center is turned inside out"),
    ("correct_distortion", {"model": "ptlens", "a": 0.5, "c": 0.6}, r"a=0.5: must be below 1 together with b and c"),
    (
        "correct_distortion",
        {"model": "fisheye"},
        r"model='fisheye': must be one of 'poly3', 'poly5', 'ptlens'",
    ),
    ("correct_distortion", {"k1": -0.1, "center": (-50.0, 9.0)}, r"scale='auto': must be a number here, as no scale"),
    ("correct_distortion", {"k1": -1.0, "inverse": True}, r"scale='auto': must be a number here, as no scale fills"),
    ("correct_vignetting", {"k1": -1.0}, r"k1=-1.0, k2=0.0, k3=0.0: must leave at least 5 % of the light"),
]


@pytest.mark.parametrize(("op", "parameters", "message"), REFUSED)
def test_what_cannot_be_done_is_refused_with_the_requirement(op, parameters, message):
    with pytest.raises(ValueError, match=message):
        apply(IMAGE, op, **parameters)


def test_what_does_not_count_need_not_be_given():
    prime = "Olympus M.Zuiko Digital 17mm f/2.8 Pancake"
    plan = run_to_end(prepare(correct_lens, IMAGE, parameters={**TAKEN, "lens": prime, "focal_length": "auto"}))
    assert plan.parameters["focal_length"] == 17
    apply(IMAGE, "correct_lens", **TAKEN | {"aperture": "auto", "vignetting": False})
    assert correct_lens.uses_range(correct_lens.validate(TAKEN))
    assert not correct_lens.uses_range(correct_lens.validate({**TAKEN, "vignetting": False}))
    assert not correct_lens.uses_range(correct_lens.validate({**TAKEN, "encoding": "linear"}))
    assert correct_vignetting.uses_range(correct_vignetting.validate({"encoding": "sRGB"}))


def test_a_gray_picture_of_straight_lines_is_not_resampled():
    """Its colors need no room, and light alone moves nothing."""
    image = plane((60, 90))
    plan = run_to_end(prepare(correct_lens, image, parameters={**TAKEN, "distortion": False, "encoding": "linear"}))
    assert plan.parameters["scale"] == 1
    rgb = np.stack([image] * 3, -1)
    given = {**TAKEN, "distortion": False}
    assert run_to_end(prepare(correct_lens, rgb, (), Options(channel_axis=-1), given)).parameters["scale"] > 1


def test_without_lensfunpy_all_the_rest_works(monkeypatch):
    caches = (lensfun_database.database, lensfun_database._cameras, lensfun_database._lenses)
    for cache in caches:
        cache.cache_clear()
    monkeypatch.setitem(sys.modules, "lensfunpy", None)
    with pytest.raises(
        ValueError, match=r"lensfunpy: must be installed; there may be no build of it for this computer"
    ):
        apply(IMAGE, "correct_lens")
    apply(IMAGE, "correct_distortion", k1=0.1)
    for cache in caches:
        cache.cache_clear()
