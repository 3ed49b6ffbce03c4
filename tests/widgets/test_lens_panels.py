"""Calibration by a target and estimated flats in the Lens dock."""

from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from mouse_and_keys import LEFT, close_by_mouse
from qtpy.QtTest import QTest

from napari_mathimg import Options, apply
from napari_mathimg.engine import estimate_flat
from napari_mathimg.widgets.lens.calibration_panel import CalibrationPanel
from napari_mathimg.widgets.lens.flat_panel import FlatPanel
from nightly import nightly
from targets import Scene

SCENE = Scene((240, 320), "poly5", {"k1": -0.08, "k2": 0.01}, (116.0, 168.0))


@pytest.fixture(scope="module")
def target() -> Any:
    return SCENE.picture(noise=3.0)


@pytest.fixture
def lens(viewer: Any, dock: Any, qtbot: Any) -> Any:
    widget = dock("lens")
    qtbot.waitUntil(widget.isVisible)
    return widget


def calibrate(widget: Any, qtbot: Any) -> None:
    box = widget.panel(CalibrationPanel).box
    qtbot.waitUntil(lambda: box.run.isVisible() and box.run.isEnabled())
    with qtbot.waitSignal(box.task.finished):
        QTest.mouseClick(box.run, LEFT)


def test_a_target_fills_in_the_form_and_straightens_itself(
    viewer: Any, lens: Any, press: Any, qtbot: Any, target: Any
) -> None:
    layer = viewer.add_image(target, name="board")
    lens.operation = "correct_distortion"
    lens.form["model"].value = "poly5"
    box = lens.panel(CalibrationPanel).box
    box.spacing.value = 0.5
    assert not box.set_size.isEnabled()
    calibrate(lens, qtbot)
    typed = lens.form.parameters
    assert typed["k1"] == pytest.approx(-0.08, abs=2e-3)
    assert typed["k2"] == pytest.approx(0.01, abs=1e-3)
    np.testing.assert_allclose(typed["center"], SCENE.center, atol=1)
    assert typed["radius"] == 119.5
    points = viewer.layers["board points"]
    assert len(points.data) == len(box.calibration.target.points) > 80
    assert "straight to 0.0" in box.sentence.text()
    assert viewer.layers.selection.active is layer
    qtbot.waitUntil(box.set_size.isEnabled)
    QTest.mouseClick(box.set_size, LEFT)
    for own in (layer, points):
        np.testing.assert_allclose(own.scale, 0.5 / 24, rtol=3e-3)
        assert str(own.units[-1]) == "millimeter"
    press(lens)
    result = viewer.layers["board – Correct distortion"]
    np.testing.assert_array_equal(result.data, apply(target, "correct_distortion", **lens.form.parameters))
    before = result.scale.copy()
    QTest.mouseClick(box.set_size, LEFT)
    assert "made by a change of domain" in box.sentence.text()
    np.testing.assert_array_equal(result.scale, before)


def test_a_second_calibration_takes_the_place_of_the_first(viewer: Any, lens: Any, qtbot: Any, target: Any) -> None:
    viewer.add_image(np.stack([target * 0, target]), name="stack")
    viewer.dims.set_point(0, 1)
    lens.operation = "correct_distortion"
    box = lens.panel(CalibrationPanel).box
    box.finds_center.setChecked(False)
    for model in ("poly5", "ptlens"):
        lens.form["model"].value = model
        calibrate(lens, qtbot)
        assert lens.form.parameters["center"] == (119.5, 159.5)
    assert [layer.name for layer in viewer.layers] == ["stack", "stack points"]


def test_a_calibration_is_not_typed_where_it_does_not_belong(viewer: Any, lens: Any, qtbot: Any, target: Any) -> None:
    """Vignetting has coefficients of the same names: another operation may be chosen before the end."""
    viewer.add_image(target, name="board")
    lens.operation = "correct_vignetting"
    others = lens.form.parameters
    lens.operation = "correct_distortion"
    box = lens.panel(CalibrationPanel).box
    qtbot.waitUntil(lambda: box.run.isVisible() and box.run.isEnabled())
    with qtbot.waitSignal(box.task.finished):
        QTest.mouseClick(box.run, LEFT)
        lens.operation = "correct_vignetting"
    process_events()
    lens.operation = "correct_vignetting"
    assert lens.form.parameters == others


def test_what_is_no_target_is_told(viewer: Any, lens: Any, qtbot: Any) -> None:
    layer = viewer.add_image(np.random.default_rng(0).random((100, 120)))
    lens.operation = "correct_distortion"
    typed = lens.form.parameters
    calibrate(lens, qtbot)
    assert "no grid of at least 3 x 3 corners" in lens.panel(CalibrationPanel).box.sentence.text()
    assert lens.form.parameters == typed
    assert list(viewer.layers) == [layer]
    viewer.layers.clear()
    assert not lens.panel(CalibrationPanel).box.run.isEnabled()


def test_a_calibration_can_be_canceled_and_the_dock_closed(viewer: Any, lens: Any, qtbot: Any, target: Any) -> None:
    viewer.add_image(target)
    lens.operation = "correct_distortion"
    box = lens.panel(CalibrationPanel).box
    with qtbot.waitSignal(box.task.finished):
        QTest.mouseClick(box.run, LEFT)
        assert box.run.text() == "Cancel"
        QTest.mouseClick(box.run, LEFT)
    assert box.sentence.text() == "Canceled."
    assert box.run.text() == "Calibrate"
    before = len(viewer.layers.events.inserted.callbacks)
    close_by_mouse(lens, qtbot)
    assert len(viewer.layers.events.inserted.callbacks) < before


def test_an_estimated_flat_becomes_a_layer_and_the_flat(viewer: Any, lens: Any, press: Any, qtbot: Any) -> None:
    rng = np.random.default_rng(1)
    light = 1 + 0.6 * np.linspace(-1, 1, 90)
    stack = (rng.uniform(200, 240, (6, 80, 90)) * light).astype(np.uint16)
    source = viewer.add_image(stack, name="cells", scale=(3, 2, 2), translate=(0, 5, 7))
    viewer.add_image(np.full((80, 90), 10, np.uint16), name="cap")
    viewer.layers.selection.active = source
    lens.operation = "flat_field"
    lens.form["degree"].value = 2
    lens.further_images.pickers["dark"].choose("cap")
    qtbot.waitUntil(lens.panel(FlatPanel).box.button.isVisible)
    with qtbot.waitSignal(lens.panel(FlatPanel).box.task.finished):
        QTest.mouseClick(lens.panel(FlatPanel).box.button, LEFT)
    flat = viewer.layers["cells flat"]
    dark = viewer.layers["cap"].data
    np.testing.assert_array_equal(flat.data, estimate_flat(stack, dark=dark, degree=2))
    np.testing.assert_allclose(flat.translate, (5, 7))
    assert lens.further_images.pickers["flat"].layer is flat
    assert not flat.visible
    lens.further_images.pickers["flat"].layer = None
    press(lens)
    result = viewer.layers["cells – Flat field"]
    options = Options(value_range="dtype")
    np.testing.assert_array_equal(result.data, apply(stack, "flat_field", None, dark, degree=2, options=options))
    step = result.metadata["napari_mathimg"][-1]
    assert step["images"][0] is None
    assert step["images"][1]["name"] == "cap"
    low, high = step["report"]["gain"]
    assert low < 0.8 < 1.7 < high
    assert "from a flat estimated from 6 planes." in lens.message.text()
    lens.further_images.pickers["flat"].layer = flat
    lens.further_images.pickers["dark"].layer = None
    viewer.layers.selection.active = result
    lens.load_settings()
    assert lens.further_images.pickers["flat"].layer is None
    assert lens.further_images.pickers["dark"].layer is viewer.layers["cap"]


def test_an_estimated_flat_may_come_when_something_else_is_chosen(viewer: Any, lens: Any, qtbot: Any) -> None:
    stack = np.random.default_rng(2).integers(50, 90, (12, 40, 48), dtype=np.uint16)
    viewer.add_image(stack, name="cells", contrast_limits=(0, 100))
    lens.operation = "flat_field"
    qtbot.waitUntil(lens.panel(FlatPanel).box.button.isVisible)
    with qtbot.waitSignal(lens.panel(FlatPanel).box.made):
        QTest.mouseClick(lens.panel(FlatPanel).box.button, LEFT)
        lens.operation = "correct_distortion"
    assert viewer.layers["cells flat"].data.shape == (40, 48)


def test_a_flat_of_a_level_lies_over_it(viewer: Any, lens: Any, qtbot: Any) -> None:
    stack = np.random.default_rng(2).integers(50, 90, (12, 40, 48), dtype=np.uint16)
    place = {"scale": (1, 0.5, 0.25), "translate": (0, 3, 4), "contrast_limits": (0, 100)}
    viewer.add_image([stack, stack[:, ::2, ::2]], multiscale=True, name="cells", **place)
    lens.operation = "flat_field"
    lens.options.level.setCurrentIndex(1)
    qtbot.waitUntil(lens.panel(FlatPanel).box.button.isVisible)
    with qtbot.waitSignal(lens.panel(FlatPanel).box.made):
        QTest.mouseClick(lens.panel(FlatPanel).box.button, LEFT)
    flat = viewer.layers["cells flat"]
    assert flat.data.shape == (20, 24)
    np.testing.assert_allclose(flat.scale, (1, 0.5))
    np.testing.assert_allclose(flat.translate, (3 + 0.25, 4 + 0.125))
    assert lens.further_images.pickers["flat"].layer is flat


def test_color_images_may_have_flats_of_colors(viewer: Any, lens: Any, press: Any) -> None:
    rng = np.random.default_rng(2)
    image = rng.integers(50, 90, (40, 50, 3), dtype=np.uint8)
    light = rng.uniform(0.5, 1, (40, 50, 3)).astype(np.float32)
    source = viewer.add_image(image, name="photo", rgb=True)
    viewer.add_image(light, name="paper", rgb=True)
    viewer.layers.selection.active = source
    lens.operation = "flat_field"
    lens.further_images.pickers["flat"].choose("paper")
    press(lens)
    expected = apply(image, "flat_field", light, options=Options(channel_axis=-1))
    np.testing.assert_array_equal(viewer.layers["photo – Flat field"].data, expected)


def test_dead_pixels_of_a_flat_are_taken_from_their_neighbors(viewer: Any, lens: Any, press: Any) -> None:
    flat = np.linspace(1, 2, 50) * np.ones((40, 1))
    image = np.random.default_rng(4).random((40, 50))
    mended = flat.copy()
    flat[7, 9] = 0
    mended[7, 9] = np.median(np.delete(flat[5:10, 7:12], 12))
    source = viewer.add_image(image, name="image")
    viewer.add_image(flat, name="flat")
    viewer.layers.selection.active = source
    lens.operation = "flat_field"
    lens.further_images.pickers["flat"].choose("flat")
    press(lens)
    assert "1 pixel of flat or dark is faulty: taken from the neighbors" in lens.message.text()
    result = viewer.layers["image – Flat field"].data
    gain = result / image
    np.testing.assert_allclose(gain * mended, (gain * mended)[0, 0], rtol=1e-5)


def test_a_flat_that_is_mostly_dead_is_refused(viewer: Any, lens: Any, press: Any) -> None:
    flat = np.ones((40, 50))
    flat.ravel()[99:1100] = 0  # 1001 of 2000 pixels
    source = viewer.add_image(np.ones((40, 50)), name="image")
    viewer.add_image(flat, name="flat")
    viewer.layers.selection.active = source
    lens.operation = "flat_field"
    lens.further_images.pickers["flat"].choose("flat")
    press(lens)
    assert "1001 pixels are not, the first at row 1, column 49" in lens.message.text()
    assert len(viewer.layers) == 2


LARGE = Scene((480, 640), "poly5", {"k1": -0.08, "k2": 0.01}, (232.5, 336.5), step=48.0)  # the same lens, finer pixels


@pytest.fixture(scope="module")
def pyramid() -> Any:
    """A picture of twice the size, and its means of 2 x 2 pixels."""
    fine = LARGE.picture(noise=3.0).astype(np.float32)
    return [fine, fine.reshape(240, 2, 320, 2).mean((1, 3))]


def on_grid(level: int) -> Any:
    """Center and radius of the lens in pixels of a level, each of which covers as many."""
    return (np.array(LARGE.center) + 0.5) / 2**level - 0.5, LARGE.radius / 2**level


@pytest.mark.parametrize("calibrated", [1, *nightly(0)])
def test_a_calibration_holds_at_every_level(
    viewer: Any, lens: Any, press: Any, qtbot: Any, pyramid: Any, calibrated: int
) -> None:
    layer = viewer.add_image(pyramid, multiscale=True, name="board", translate=(7, 9))
    lens.operation = "correct_distortion"
    lens.form["model"].value = "poly5"
    box = lens.panel(CalibrationPanel).box
    box.spacing.value = 0.5
    qtbot.waitUntil(lens.options.level.isVisible)
    lens.options.choose(lens.options.level, str(calibrated))
    calibrate(lens, qtbot)
    assert box.sentence.text().startswith(f"Level {calibrated}: ")
    points = viewer.layers["board points"]
    found = [layer.world_to_data(points.data_to_world(p)) for p in points.data]
    np.testing.assert_allclose(found, box.calibration.target.points * 2**calibrated + (0.5 if calibrated else 0))
    for level in (calibrated, 1 - calibrated, calibrated):
        lens.options.choose(lens.options.level, str(level))
        typed = lens.form.parameters
        center, radius = on_grid(level)
        np.testing.assert_allclose(typed["center"], center, atol=1.5 / 2**level)
        assert typed["radius"] == pytest.approx(radius, rel=5e-3)
        assert typed["k1"] == pytest.approx(-0.08, abs=2e-3)
    straight = {}
    for level in (0, 1):
        viewer.layers.selection.active = layer
        lens.options.choose(lens.options.level, str(level))
        press(lens)
        straight[level] = viewer.layers[-1]
    fine, coarse = straight[0], straight[1]
    top = np.asarray(fine.data[0] if fine.multiscale else fine.data)
    for row in range(20, 220, 25):
        for column in range(20, 300, 25):
            seen = np.asarray(fine.world_to_data(coarse.data_to_world((row, column))))
            first = np.floor(seen).astype(int)
            around = top[first[0] : first[0] + 2, first[1] : first[1] + 2]
            assert around.min() - 40 <= coarse.data[row, column] <= around.max() + 40
    qtbot.waitUntil(box.set_size.isEnabled)
    viewer.layers.selection.active = layer
    QTest.mouseClick(box.set_size, LEFT)
    np.testing.assert_allclose(layer.scale, 0.5 / 48, rtol=3e-3)
    found = [layer.world_to_data(points.data_to_world(p)) for p in points.data]
    np.testing.assert_allclose(found, box.calibration.target.points * 2**calibrated + (0.5 if calibrated else 0))


@pytest.mark.parametrize("size", ["coarse", *nightly("fine")])
def test_a_target_without_levels_serves_a_layer_that_has_some(
    viewer: Any, lens: Any, qtbot: Any, pyramid: Any, size: str
) -> None:
    """As large as the full resolution, or as the level: in pixels of the level it is the same lens."""
    viewer.add_image(pyramid[0] if size == "fine" else pyramid[1], name="board")
    layer = viewer.add_image([np.zeros((480, 640)), np.zeros((240, 320))], multiscale=True, name="cells")
    lens.operation = "correct_distortion"
    lens.form["model"].value = "poly5"
    qtbot.waitUntil(lens.options.level.isVisible)
    lens.options.choose(lens.options.level, "1")
    box = lens.panel(CalibrationPanel).box
    box.spacing.value = 0.5
    box.picker.choose("board")
    calibrate(lens, qtbot)
    center, radius = on_grid(1)
    np.testing.assert_allclose(lens.form.parameters["center"], center, atol=0.75)
    assert lens.form.parameters["radius"] == pytest.approx(radius, rel=5e-3)
    QTest.mouseClick(box.set_size, LEFT)
    np.testing.assert_allclose(layer.scale, 0.5 / 48, rtol=3e-3)
