"""The point-spread function for a level of a multiscale layer, whose pixels are larger than those of the layer."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_mathimg import apply, psf
from napari_mathimg.widgets.dock import FamilyDock
from napari_mathimg.widgets.psf.panel import PsfPanel

Opener = Callable[[str], FamilyDock]
Press = Callable[[FamilyDock], None]
LEFT = Qt.MouseButton.LeftButton
SPACING = (0.065, 0.08)
FINE = (80, 96)


@pytest.fixture
def cells(viewer: Any) -> Any:
    image = np.random.default_rng(1).uniform(10, 1000, FINE)
    means = image.reshape(40, 2, 48, 2).mean((1, 3))
    return viewer.add_image([image, means], name="cells", multiscale=True, scale=SPACING, units=("um", "um"))


@pytest.fixture
def widget(cells: Any, dock: Opener, qtbot: Any) -> FamilyDock:
    widget = dock("deconvolve")
    widget.operation = "richardson_lucy"
    qtbot.waitUntil(widget.options.level.isVisible)
    return widget


@pytest.fixture
def panel(widget: FamilyDock) -> PsfPanel:
    return widget.seconds.panels["psf"]


def choose(box: Any, data: str) -> None:
    """Choose by the keyboard."""
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Home)
    for _ in range(box.findData(data)):
        QTest.keyClick(box, Qt.Key.Key_Down)
    assert box.currentData() == data


def coarse(factor: float = 2) -> tuple[float, ...]:
    return tuple(factor * s for s in SPACING)


def test_optics_take_the_pixel_size_of_the_level(
    viewer: Any, widget: FamilyDock, panel: PsfPanel, cells: Any, press: Press, qtbot: Any
) -> None:
    choose(widget.options.level, "1")
    choose(panel.kinds, "optical")
    expected = np.asarray(psf("optical", spacing=coarse(), shape=(40, 48)))
    np.testing.assert_allclose(np.asarray(panel.kernel(cells)), expected, rtol=1e-9)
    np.testing.assert_allclose(panel.form["pixel_size"]._inner.value, coarse())
    qtbot.waitUntil(lambda: not panel.preview.is_pending, timeout=20_000)
    widths = panel.preview.shown.widths
    assert f"y {widths[0] * 0.13:.3g}, x {widths[1] * 0.16:.3g} µm" in panel.preview.text.text()
    press(widget)
    result = viewer.layers["cells – Richardson-Lucy"]
    np.testing.assert_allclose(result.data, apply(cells.data[1], "richardson_lucy", expected), rtol=1e-6)
    widget.picker.layer = cells
    choose(widget.options.level, "0")
    fine = np.asarray(psf("optical", spacing=SPACING, shape=FINE))
    np.testing.assert_allclose(np.asarray(panel.kernel(cells)), fine, rtol=1e-9)


def test_a_layer_without_levels_that_runs_along_keeps_its_own_pixels(
    viewer: Any, widget: FamilyDock, panel: PsfPanel, cells: Any
) -> None:
    plain = viewer.add_image(np.ones((64, 64)), name="plain", scale=SPACING, units=("um", "um"))
    viewer.layers.selection.active = cells
    choose(widget.options.level, "1")
    choose(panel.kinds, "optical")
    expected = psf("optical", spacing=SPACING, shape=(64, 64))
    np.testing.assert_allclose(np.asarray(panel.kernel(plain)), expected, rtol=1e-9)


def test_lengths_in_the_world_are_those_of_the_level(widget: FamilyDock, panel: PsfPanel) -> None:
    choose(panel.kinds, "gaussian")
    sigma = panel.form["sigma"]
    sigma._unit.value = "µm"
    sigma._row.value = (0.26, 0.32)
    np.testing.assert_allclose(panel.form.parameters["sigma"], (4, 4))
    choose(widget.options.level, "1")
    np.testing.assert_allclose(panel.form.parameters["sigma"], (2, 2))


def test_a_layer_is_compared_with_the_pixels_of_the_level_and_resampled_to_them(
    viewer: Any, widget: FamilyDock, panel: PsfPanel, cells: Any
) -> None:
    kernel = np.asarray(psf("gaussian", sigma=(2.0, 2.0)))
    layer = viewer.add_image(kernel, name="measured", scale=coarse(), units=("um", "um"))
    viewer.layers.selection.active = cells
    panel.picker.choose("measured")
    assert panel.resample.isVisible()
    choose(widget.options.level, "1")
    assert not panel.resample.isVisible()
    np.testing.assert_array_equal(panel.kernel(cells), kernel)
    layer.scale = SPACING
    with pytest.raises(ValueError, match=r"pixels of 0\.13 x 0\.16 µm, as the image has, not of 0\.065 x 0\.08 µm"):
        panel.kernel(cells)
    panel.resample.setChecked(True)
    np.testing.assert_allclose(panel.kernel(cells).target, coarse())
    cells.units = layer.units = ("pixel", "pixel")
    cells.scale = layer.scale = (1, 1)  # neither says how large its pixels are
    np.testing.assert_array_equal(panel.kernel(cells), kernel)


def test_it_is_added_with_the_pixels_of_the_level_in_the_middle_of_the_image(
    viewer: Any, widget: FamilyDock, panel: PsfPanel, cells: Any, qtbot: Any
) -> None:
    cells.rotate, cells.translate = 30, (3, -2)
    choose(widget.options.level, "1")
    choose(panel.kinds, "box")
    qtbot.mouseClick(panel.add_button, LEFT)
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=20_000)
    layer = viewer.layers["Box PSF"]
    steps = [np.subtract(layer.data_to_world(end), layer.data_to_world((0, 0))) for end in ((1, 0), (0, 1))]
    np.testing.assert_allclose(np.linalg.norm(steps, axis=1), coarse())
    middle = layer.data_to_world([n // 2 for n in layer.data.shape])
    np.testing.assert_allclose(middle, cells.data_to_world([(n - 1) / 2 for n in FINE]), atol=1e-9)


def test_an_outline_counts_in_pixels_of_the_level(
    viewer: Any, dock: Opener, widget: FamilyDock, panel: PsfPanel, cells: Any, qtbot: Any
) -> None:
    corners = np.array([(30.0, 40.0), (30.0, 64.0), (46.0, 52.0)])
    viewer.add_shapes([corners * SPACING], shape_type="polygon", units=("um", "um"))
    viewer.layers.selection.active = cells
    choose(widget.options.level, "1")
    choose(panel.kinds, "polygon")
    qtbot.mouseClick(panel.form.shape_buttons["vertices"].native, LEFT)
    halves = [(0, 0), (0, 12), (8, 6)]
    assert panel.form.parameters["size"] == (9, 13)
    np.testing.assert_allclose(panel.form.parameters["vertices"], halves)
    blur = dock("blur")
    blur.operation = "blur_motion"
    qtbot.waitUntil(blur.options.level.isVisible)
    choose(blur.options.level, "1")
    qtbot.mouseClick(blur.form.shape_buttons["polygon"].native, LEFT)
    np.testing.assert_allclose(blur.form.parameters["polygon"], halves)
