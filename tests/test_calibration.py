"""Lenses found from pictures of targets that an independent renderer takes through a known lens."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.spatial import KDTree

from napari_mathimg import apply
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.methods.lens.calibration import Target, calibrate, calibrate_steps, find_target, fit, straightness
from nightly import nightly
from targets import Scene

SHAPE = (300, 400)
SCENES = {
    "poly3": Scene(SHAPE, "poly3", {"k1": -0.05}, (149.5, 199.5)),
    "poly5": Scene(SHAPE, "poly5", {"k1": -0.08, "k2": 0.01}, (143.0, 212.0), tilt=(0.05, -0.08)),
    "ptlens": Scene(SHAPE, "ptlens", {"a": 0.01, "b": -0.05, "c": 0.02}, (155.0, 190.0), turn=-20.0),
    "brown": Scene(
        SHAPE, "brown", {"k1": -0.09, "k2": 0.012, "k3": -0.0008, "p1": 0.003, "p2": -0.002}, (145.0, 205.0),
        tilt=(-0.06, 0.04),
    ),
}  # fmt: skip
NOISE = {"noise": 4.0, "blur": 0.8, "uneven": 0.4}  # gray levels of 170, pixels, share of the light


@cache
def picture(name, kind, **how):
    return SCENES[name].picture(kind, **(how or NOISE))


@cache
def found_in(name, kind):
    return calibrate(picture(name, kind), kind, name, spacing=0.01)


SEEN = {}


def seen(scene):
    key = repr(scene)
    if key not in SEEN:
        SEEN[key] = scene.seen()
    return SEEN[key]


def errors(points, scene):
    """How far points lie from the nearest true ones."""
    true, _ = seen(scene)
    return points - true[KDTree(true).query(points)[1]]


def inside(scene, margin):
    true, _ = seen(scene)
    return ((true > margin) & (true < np.array(scene.shape) - 1 - margin)).all(axis=1).sum()


each = pytest.mark.parametrize("kind", ["chessboard", "dots"])
each_model = pytest.mark.parametrize("name", SCENES)
each_scene = pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("brown", "chessboard"), ("poly3", "dots"), ("ptlens", "chessboard"),
        *nightly(("brown", "dots"), ("poly3", "chessboard"), ("ptlens", "dots"), ("poly5", "chessboard")),
        *nightly(("poly5", "dots")),
    ],
)  # fmt: skip


@each_scene
def test_coefficients_and_center_are_recovered(name, kind):
    """With noise of 2.4 % of the contrast, blur and light that falls by 40 %: as surely as is told, everywhere."""
    scene, found = SCENES[name], found_in(name, kind)
    rows, columns = (np.linspace(0, n - 1, 13) for n in SHAPE)
    places = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
    truth = replace_lens(found, scene)
    miss = found.corrected(places) - truth.corrected(places)
    plain = perspective_part(places, miss)
    furthest = np.hypot(*(miss - plain).T).max()
    assert furthest < 3 * found.unsure
    assert furthest < (0.5 if name == "brown" else 0.06)  # of the corners five coefficients are less sure
    for key, value in scene.k.items():
        assert abs(found.coefficients[key] - value) < 4 * found.errors[key]
    assert np.hypot(*np.subtract(found.center, scene.center)) < 0.2
    assert found.radius == scene.radius
    assert found.unsure < 0.4


def replace_lens(found, scene):
    return replace(found, coefficients=scene.k, center=scene.center)


def perspective_part(places, miss):
    """Of a displacement, that which a change of viewpoint makes."""
    y, x = ((places - places.mean(axis=0)) / 150).T
    one, none = np.ones_like(x), np.zeros_like(x)
    down = np.stack([y, x, one, none, none, none, y * y, y * x], axis=1)
    right = np.stack([none, none, none, y, x, one, x * y, x * x], axis=1)
    design = np.stack([down, right], axis=1).reshape(-1, 8)
    return (design @ np.linalg.lstsq(design, miss.ravel())[0]).reshape(-1, 2)


@each_scene
def test_points_are_found_to_a_fortieth_of_a_pixel(name, kind):
    scene = SCENES[name]
    target = found_in(name, kind).target
    assert len(target.points) > 0.9 * inside(scene, 12)
    miss = errors(target.points, scene)
    assert np.sqrt(np.mean(miss**2)) < 0.025
    assert np.abs(miss.mean(axis=0)).max() < 0.004


@pytest.mark.nightly
@each
def test_neither_lens_nor_tilt_nor_blur_nor_light_moves_points(kind):
    """A hundredth of a pixel where there is no noise, and no more outward than inward; seen as it is, 0.07 px."""
    scene = SCENES["brown"]
    found = calibrate(scene.picture(kind, fine=6, blur=1.3, uneven=0.4, bits=False), kind, "brown")
    miss = errors(found.target.points, scene)
    outward = found.target.points - scene.center
    assert np.sqrt(np.mean(miss**2)) < 0.01
    assert abs(np.mean((miss * outward).sum(axis=1) / np.hypot(*outward.T))) < 0.004


@each_scene
def test_lines_are_straight_to_the_noise_of_the_points(name, kind):
    """The correction leaves as much as finding the points does; before, lines are bent by pixels."""
    found = found_in(name, kind)
    scatter = np.sqrt(np.mean(errors(found.target.points, SCENES[name]) ** 2))
    assert found.before > 0.5
    assert found.after < 1.4 * scatter  # the correction stretches the corners by as much
    assert found.before > 15 * found.after


def test_the_spacing_sets_the_pixel_size():
    """A step of 24 pixels is 0.01 mm."""
    for kind in ("chessboard", "dots"):
        assert found_in("poly3", kind).pixel_size == pytest.approx(0.01 / 24, rel=1e-3)
    assert found_in("poly3", "chessboard").uneven < 0.005
    assert found_in("poly5", "chessboard").uneven > 0.2


def test_a_picture_corrected_by_what_was_found_is_straight():
    """The whole way: the operation straightens the picture, in which the target is found anew."""
    found = found_in("brown", "chessboard")
    straight = apply(picture("brown", "chessboard"), "correct_distortion", scale=1.0, order=3, **found.parameters)
    again = run_to_end(find_target(straight[20:-20, 20:-20], "chessboard"))
    assert straightness(again.points, again.places) < 0.06


@pytest.mark.parametrize("turn", [7.0, 90.0, *nightly(0.0, 33.0, 45.0, 170.0)])
def test_turned_boards_are_numbered_from_the_upper_left(turn):
    scene = replace(SCENES["poly3"], turn=turn)
    target = run_to_end(find_target(scene.picture(**NOISE)))
    true, places = seen(scene)
    own = places[KDTree(true).query(target.points)[1]]
    turned = np.linalg.lstsq(np.column_stack([own, np.ones(len(own))]), target.places.astype(float))[0]
    whole = np.rint(turned)
    np.testing.assert_allclose(turned, whole, atol=1e-9)
    np.testing.assert_array_equal(np.sort(np.abs(whole[:2])), [[0, 1], [0, 1]])  # no place skipped, no diagonal a line
    slopes = np.linalg.lstsq(target.places - target.places.mean(axis=0), target.points - target.points.mean(axis=0))[0]
    assert slopes[0, 0] > 0
    assert slopes[1, 1] > 0


@pytest.mark.parametrize("kind", ["chessboard", *nightly("dots")])
def test_a_board_with_an_end_and_dots_of_either_polarity_are_found(kind):
    scene = replace(SCENES["poly3"], size=(9, 11), turn=15.0)
    image = scene.picture(kind, **NOISE)
    for own in (image, 255 - image, 100 * image.astype("u2"), np.stack([image] * 3, axis=-1)):
        target = run_to_end(find_target(own, kind))
        assert np.sqrt(np.mean(errors(target.points, scene) ** 2)) < 0.08  # the end of the board is near some
        assert len(target.points) >= (60 if kind == "dots" else 70)


def test_missing_and_dirty_places_do_no_harm():
    image = picture("poly5", "chessboard").copy()
    rng = np.random.default_rng(5)
    for row, column in rng.integers(20, 280, (6, 2)):
        image[row : row + 30, column : column + 40] = rng.integers(0, 255)
    image = image.astype(float)
    image[100:140, 300:330] = np.nan
    found = calibrate(image, "chessboard", "poly5")
    for key, value in SCENES["poly5"].k.items():
        assert abs(found.coefficients[key] - value) < 6 * found.errors[key] + 3e-4
    assert len(found.target.points) > 0.6 * inside(SCENES["poly5"], 12)


def test_standard_errors_are_those_of_repeated_pictures():
    """Twenty sets of points with noise of 0.1 px: coefficients scatter by what one calibration says."""
    scene = SCENES["poly5"]
    true, places = seen(scene)
    there = ((true > 5) & (true < np.array(SHAPE) - 6)).all(axis=1)
    rng = np.random.default_rng(2)
    shifts = rng.normal(0, 0.1, (20, there.sum(), 2))
    runs = [fit(Target(true[there] + shift, places[there], SHAPE), "poly5") for shift in shifts]
    for key in ("k1", "k2"):
        values = [run.coefficients[key] for run in runs]
        assert np.std(values) == pytest.approx(runs[0].errors[key], rel=0.48)  # three standard deviations of 20 values
        assert np.mean(values) == pytest.approx(scene.k[key], abs=4 * runs[0].errors[key] / np.sqrt(20))


def exact(scene, keep):
    true, places = seen(scene)
    inside = ((true > 0) & (true < np.array(scene.shape) - 1)).all(axis=1)
    chosen = inside & keep(true - scene.center)
    return Target(true[chosen], places[chosen], scene.shape)


@each_model
def test_points_without_noise_give_the_lens_exactly(name):
    scene = SCENES[name]
    found = fit(exact(scene, lambda p: p[:, 0] == p[:, 0]), name)
    assert found.after < 1e-6
    for key, value in scene.k.items():
        assert found.coefficients[key] == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize(
    ("model", "keep", "words"),
    [
        ("brown", lambda p: np.hypot(*p.T) < 60, "or it folds the picture"),
        ("ptlens", lambda p: np.hypot(*p.T) < 75, "uncertain by"),
        ("poly3", lambda p: np.abs(p[:, 0]) < 14, "at least 3 rows and 3 columns"),
        ("brown", lambda p: np.hypot(*p.T) < 45, "points, in at least 3 rows"),
    ],
)
def test_what_is_not_determined_says_so(model, keep, words):
    target = exact(replace(SCENES["poly3"], turn=0.0), keep)
    noisy = Target(target.points + np.random.default_rng(0).normal(0, 0.05, target.points.shape), target.places, SHAPE)
    said = rf"points={len(target.points)}: must (?=.*the model '{model}').*{words}"
    with pytest.raises(ValueError, match=said):
        fit(noisy, model)


def test_a_lens_that_bends_nothing_has_no_center_but_a_correction():
    """Without distortion the center is anywhere; where that matters it is said, and a known one helps."""
    scene = replace(SCENES["poly3"], k={"k1": 0.0})
    target = exact(scene, lambda p: p[:, 0] == p[:, 0])
    noisy = Target(target.points + np.random.default_rng(0).normal(0, 0.03, target.points.shape), target.places, SHAPE)
    found = fit(noisy, "poly3", center=(149.5, 199.5))
    assert abs(found.coefficients["k1"]) < 5 * found.errors["k1"]
    assert set(found.errors) == {"k1"}
    assert found.center == (149.5, 199.5)


@pytest.mark.parametrize("kind", ["chessboard", "dots"])
def test_pictures_without_a_target_are_refused(kind):
    rng = np.random.default_rng(1)
    y, x = np.indices((120, 150))
    for image in (rng.normal(0, 1, (120, 150)), 1.0 * (x // 12 % 2), np.hypot(y, x)):
        with pytest.raises(ValueError, match="image: must show a target, but no grid of at least 3 x 3"):
            calibrate(image, kind)


@pytest.mark.parametrize(
    ("image", "given", "message"),
    [
        (np.zeros((50, 60)), {}, "image: must show a target, not the same value everywhere"),
        (np.zeros((5, 50, 60)), {}, "image: must have two axes of at least 16 px"),
        (np.zeros((50, 60), complex), {}, "image: must contain real numbers, not complex128"),
        (np.eye(50), {"kind": "circles"}, "kind='circles': must be one of 'chessboard', 'dots'"),
        (None, {"model": "fisheye"}, "model='fisheye': must be one of 'poly3'"),
        (None, {"spacing": 0.0}, "spacing=0.0: must be a finite number greater than 0"),
    ],
)
def test_bad_input_is_named(image, given, message):
    with pytest.raises(ValueError, match=message):
        calibrate(picture("poly3", "chessboard") if image is None else image, **given)


def test_progress_is_told_and_a_search_can_be_ended():
    steps = calibrate_steps(picture("poly3", "chessboard"))
    first = next(steps)
    assert (first.phase, first.done) == ("Target", 0)
    steps.close()
