"""The Blur dock: an operation of two families, a path or a polygon, and a layer as kernel."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt

import napari_mathimg as mathimg
from napari_mathimg.widgets.dock.family_dock import FamilyDock

Opener = Callable[[str], FamilyDock]
Press = Callable[[FamilyDock], None]
LEFT = Qt.MouseButton.LeftButton
TRIANGLE = ((2, 2), (2, 12), (9, 5))


@pytest.fixture
def blur(viewer: Any, dock: Opener, stack: Any, qtbot: Any) -> FamilyDock:
    viewer.add_image(stack, name="stack")
    widget = dock("blur")
    qtbot.waitUntil(widget.isVisible)
    return widget


def test_the_gaussian_is_listed_here_too_and_its_settings_stay(
    viewer: Any, blur: FamilyDock, dock: Opener, press: Press
) -> None:
    names = [blur.operations.choice.itemText(k) for k in range(blur.operations.choice.count())]
    assert names == ["Box blur", "Convolve", "Defocus", "Gaussian filter", "Motion blur"]
    blur.operation = "gaussian"
    blur.form["sigma"].value = 3.5
    press(blur)
    result = viewer.layers["stack – Gaussian filter"]
    np.testing.assert_array_equal(result.data, mathimg.apply(viewer.layers["stack"].data, "gaussian", sigma=3.5))
    denoise, intensity = dock("denoise"), dock("intensity")
    for widget in (blur, denoise):  # each has the operation, and keeps it
        widget.operation = "gaussian"
        widget.reset()
        widget.picker.layer = result
        widget.load_settings()
        assert widget.operation.id == "gaussian"
        assert widget.form.parameters["sigma"] == (3.5, 3.5)
    denoise.reset()
    intensity.picker.layer = result
    intensity.load_settings()
    assert denoise.form.parameters["sigma"] == (3.5, 3.5)


def test_a_typed_polygon_takes_the_place_of_the_path(
    viewer: Any, blur: FamilyDock, press: Press, qtbot: Any, stack: Any
) -> None:
    blur.operation = "blur_motion"
    form = blur.form
    assert [form[n].enabled for n in ("length", "angle", "polygon_size")] == [True, True, False]
    tick, line = form["polygon"]._tick.native, form["polygon"]._inner.native
    qtbot.waitUntil(tick.isVisible)
    qtbot.mouseClick(tick, LEFT, pos=QPoint(10, tick.height() // 2))  # on its box
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, str(TRIANGLE))
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert form.parameters["polygon"] == TRIANGLE
    assert [form[n].enabled for n in ("length", "angle", "polygon_size")] == [False, False, True]
    press(blur)
    expected = mathimg.apply(stack, "blur_motion", polygon=TRIANGLE)
    np.testing.assert_array_equal(viewer.layers["stack – Motion blur"].data, expected)


def test_a_polygon_that_leaves_its_array_is_refused_in_one_message(
    viewer: Any, blur: FamilyDock, notifications: list[Any], qtbot: Any
) -> None:
    blur.operation = "blur_motion"
    blur.form["polygon"].value = ((2, 2), (2, 40), (9, 5))
    qtbot.mouseClick(blur.run_button, LEFT)
    qtbot.waitUntil(lambda: bool(blur.message.text()) and not blur.task.is_running)
    assert blur.message.text().startswith("Polygon: ")
    assert "must lie within an array of 32 x 32 pixels" in blur.message.text()
    assert len(viewer.layers) == 1
    assert not notifications


def test_another_layer_is_the_kernel(
    viewer: Any, blur: FamilyDock, press: Press, stack: Any, notifications: list[Any], qtbot: Any
) -> None:
    source = viewer.layers["stack"]
    viewer.add_image(np.arange(12.0).reshape(4, 3), name="ramp")
    viewer.add_image(np.zeros((3, 3)), name="nothing")
    viewer.add_image(np.ones((3, 3, 3)), name="cube")
    viewer.layers.selection.active = source
    blur.operation = "convolve"
    picker = blur.further_images.pickers["kernel"]
    fits, refused = ["Choose a layer", "nothing", "ramp"], "cube (3-D: for volumes)"
    texts = [picker.itemText(k) for k in range(picker.count())]
    assert sorted(texts) == sorted([*fits, refused])
    picker.setCurrentIndex(texts.index(refused))
    assert picker.layer is None  # it is listed with the reason why it cannot be chosen
    picker.choose("ramp")
    press(blur)
    expected = mathimg.apply(stack, "convolve", np.arange(12.0).reshape(4, 3))
    np.testing.assert_array_equal(viewer.layers["stack – Convolve"].data, expected)
    before = len(viewer.layers)
    picker.choose("nothing")
    qtbot.mouseClick(blur.run_button, LEFT)
    qtbot.waitUntil(lambda: "must" in blur.message.text() and not blur.task.is_running)
    assert not notifications
    assert "Kernel: must contain a number other than 0" in blur.message.text()
    assert len(viewer.layers) == before
