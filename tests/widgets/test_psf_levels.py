"""The point-spread function for a level of a multiscale layer, whose pixels are larger than those of the layer."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_mathimg import apply, psf
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.psf.panel import PsfPanel
from napari_mathimg.widgets.psf.pixel_sizes import same_level

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
    return widget.further_images.panels["psf"]


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
    qtbot.waitUntil(lambda: not panel.preview.is_pending)
    widths = panel.preview.shown.widths
    assert f"y {widths[0] * 0.13:.3g}, x {widths[1] * 0.16:.3g}\u00a0µm" in panel.preview.text.text()
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
    with pytest.raises(ValueError, match=r"pixels of 0\.13 x 0\.16\sµm, like the image, not of 0\.065 x 0\.08\sµm"):
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
    qtbot.waitUntil(lambda: len(viewer.layers) == 2)
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
    process_events()  # the window lays itself out
    qtbot.mouseClick(blur.form.shape_buttons["polygon"].native, LEFT)
    np.testing.assert_allclose(blur.form.parameters["polygon"], halves)


def bead_levels(rng: Any, places: Any, sigma: float) -> list[Any]:
    """Gaussian beads of a width in pixels of the full resolution, and the means of 2 x 2 pixels."""
    y, x = np.indices((160, 192))
    spots = [np.exp(-((y - r) ** 2 + (x - c) ** 2) / 2 / sigma**2) for r, c in places]
    fine = 50 + 1000 * np.sum(spots, axis=0) + rng.standard_normal(y.shape)
    return [fine, fine.reshape(80, 2, 96, 2).mean((1, 3))]


def width(array: Any) -> float:
    """Standard deviation along rows, of what is in the middle."""
    along = np.asarray(array).sum(axis=1)
    at = np.arange(len(along)) - len(along) // 2
    return float(np.sqrt((along * at**2).sum() / along.sum()))


@pytest.mark.parametrize("own", [True, False], ids=["in the image", "in another"])
def test_beads_are_measured_in_pixels_of_the_level(viewer: Any, dock: Opener, qtbot: Any, own: bool) -> None:
    """A mean over two pixels of a Gaussian of width s has the variance (s^2 + 1 / 4) / 4 in pixels of its level."""
    rng = np.random.default_rng(4)
    places = np.array([(40, 40), (44, 120), (110, 48), (118, 140)]) + rng.uniform(-0.5, 0.5, (4, 2))
    beads = bead_levels(rng, places, 3.0)
    state = {"scale": (0.065, 0.065), "units": ("um", "um"), "multiscale": True}
    source = viewer.add_image(beads if own else [np.ones((80, 80)), np.ones((40, 40))], name="cells", **state)
    taken = source if own else viewer.add_image(beads, name="beads", **state)
    viewer.add_points(np.rint(places) * 65, name="marks", units=("nm", "nm"))
    viewer.layers.selection.active = source
    widget = dock("deconvolve")
    widget.operation = "richardson_lucy"
    qtbot.waitUntil(widget.options.level.isVisible)
    panel = widget.further_images.panels["psf"]
    qtbot.mouseClick(panel.from_beads, LEFT)
    panel.beads.points.choose("marks")
    panel.beads.image.layer = taken
    for level, size in ((1, 15), (0, 27)):
        choose(widget.options.level, str(level))
        panel.beads.size = (size, size)
        before = set(viewer.layers)
        with qtbot.waitSignal(panel.beads.measured):
            qtbot.mouseClick(panel.beads.measure, LEFT)
        (layer,) = set(viewer.layers) - before
        assert panel.beads.message.text().startswith(f"4 beads averaged in level {level}: ")
        np.testing.assert_allclose(layer.scale, 0.065 * 2**level)
        expected = np.sqrt((9 + 0.25) / 4) if level else 3.0
        assert width(layer.data) == pytest.approx(expected, rel=0.04)
        assert panel.picker.layer is layer
        np.testing.assert_array_equal(panel.kernel(source), layer.data)  # its pixels are those of the level
        assert not panel.resample.isVisible()


def test_beads_of_other_pixels_are_read_in_full_resolution(viewer: Any, widget: FamilyDock, cells: Any) -> None:
    box = widget.further_images.panels["psf"].beads
    places = np.array([(40, 40), (110, 48)])
    levels = bead_levels(np.random.default_rng(4), places, 3.0)
    state = {"units": ("um", "um"), "multiscale": True}
    same = viewer.add_image(levels, name="same", scale=coarse(0.5), **state)
    other = viewer.add_image(levels, name="other", scale=coarse(0.7), **state)
    unknown = viewer.add_image(levels, name="unknown", multiscale=True)
    choose(widget.options.level, "1")
    found = [same_level(layer, cells, (0, 1), 1) for layer in (cells, same, other, unknown)]
    assert found == [1, 0, 0, 1]  # pixels of 2 x 0.5, of 0.7 and 1.4, and of unknown size: twice that of the first
    assert same_level(same, cells, (0, 1), 0) == 1
    assert box._level == 1
