"""The point-spread function of an operation: its kinds, its picture, layers, beads and outlines, in a real window."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from mouse_and_keys import close_by_mouse
from qtpy.QtCore import QPoint, Qt
from scipy import ndimage as ndi

from napari_mathimg import apply, psf
from napari_mathimg.catalog import family, operations
from napari_mathimg.contract import types as t
from napari_mathimg.contract.operation import operation
from napari_mathimg.contract.reach import Neighborhood
from napari_mathimg.methods.point_spread.kinds import KINDS, Kernel, fwhm
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.psf.panel import PsfPanel
from napari_mathimg.widgets.psf.preview import PsfPreview
from napari_mathimg.widgets.tasks.background_task import BackgroundTask

Opener = Callable[[str], FamilyDock]
Press = Callable[[FamilyDock], None]
ROOM = 300 - 38  # a narrow dock without its margins and a scroll bar
LEFT = Qt.MouseButton.LeftButton
SCALE = (0.2, 0.065, 0.065)
MICROMETRES = ("um", "um", "um")


@operation("Spread", values="float", reach=lambda psf: Neighborhood(tuple(n // 2 for n in psf.shape)))
def spread(image: t.Image, psf: t.WholeImage, /) -> t.Image:
    """Blur by a point-spread function."""
    return ndi.convolve(image, psf, mode="constant")


@operation("Spread again", values="float", reach=lambda psf: Neighborhood(tuple(n // 2 for n in psf.shape)))
def spread_again(image: t.Image, psf: t.WholeImage, /) -> t.Image:
    """Blur by a point-spread function."""
    return ndi.convolve(image, psf, mode="constant")


@pytest.fixture(autouse=True)
def _toys(monkeypatch: pytest.MonkeyPatch) -> None:
    for toy in (spread, spread_again):
        op = replace(toy, module="napari_mathimg.ops.denoise")  # whose dock shows them
        for table in (family("denoise"), operations()):
            monkeypatch.setitem(table._operations, op.id, op)


@pytest.fixture
def cells(viewer: Any) -> Any:
    data = np.random.default_rng(1).integers(0, 1000, (9, 80, 90), dtype=np.uint16)
    return viewer.add_image(data, name="cells", scale=SCALE, units=MICROMETRES)


@pytest.fixture
def widget(cells: Any, dock: Opener, qtbot: Any) -> FamilyDock:
    widget = dock("denoise")
    widget.operation = "spread"
    qtbot.waitUntil(widget.further_images.panels["psf"].isVisible)
    return widget


@pytest.fixture
def panel(widget: FamilyDock) -> PsfPanel:
    return widget.further_images.panels["psf"]


@pytest.fixture
def shown(qtbot: Any, panel: PsfPanel) -> Callable[[], Any]:
    """Wait for the picture of what is chosen, and return it."""

    def wait() -> Any:
        qtbot.waitUntil(lambda: not panel.preview.is_pending)
        return panel.preview.shown

    return wait


def choose_kind(panel: PsfPanel, kind: str, qtbot: Any) -> None:
    """Choose by the keyboard, as somebody who tabs through the dock does."""
    panel.kinds.setFocus()
    qtbot.keyClick(panel.kinds, Qt.Key.Key_Home)
    for _ in range(panel.kinds.findData(kind)):
        qtbot.keyClick(panel.kinds, Qt.Key.Key_Down)
    assert panel.kind == kind


def type_number(box: Any, text: str, qtbot: Any) -> None:
    box.selectAll()
    qtbot.keyClicks(box, text)
    qtbot.keyClick(box, Qt.Key.Key_Return)


def test_a_kind_is_typed_pictured_run_recorded_and_loaded_again(
    viewer: Any, widget: FamilyDock, panel: PsfPanel, shown: Any, press: Press, cells: Any, qtbot: Any
) -> None:
    choose_kind(panel, "gaussian", qtbot)
    type_number(panel.form["sigma"]._row._fields[0].native, "1.5", qtbot)
    found = shown()
    expected = psf("gaussian", sigma=(1.5, 1.5))
    np.testing.assert_array_equal(found.array, expected)
    np.testing.assert_allclose(found.widths, fwhm(expected))
    text = panel.preview.text.text()
    assert f"y {fwhm(expected)[0]:.3g}, x {fwhm(expected)[1]:.3g}\u00a0px" in text
    assert f"x {fwhm(expected)[1] * 0.065:.3g}\u00a0µm" in text
    press(widget)
    result = viewer.layers["cells – Spread"]
    np.testing.assert_array_equal(result.data, apply(cells.data, "spread", expected))
    (used,) = result.metadata["napari_mathimg"][-1]["images"]
    assert used["kind"] == "gaussian"
    assert used["parameters"]["sigma"] == (1.5, 1.5)
    choose_kind(panel, "box", qtbot)
    widget.picker.layer = result
    qtbot.mouseClick(widget.forms.load_button, LEFT)
    assert panel.kind == "gaussian"
    assert panel.form.parameters["sigma"] == (1.5, 1.5)


def test_values_survive_other_kinds_other_operations_and_volumes(
    widget: FamilyDock, panel: PsfPanel, shown: Any, qtbot: Any
) -> None:
    choose_kind(panel, "disk", qtbot)
    type_number(panel.form["radius"]._row._fields[0].native, "6", qtbot)
    choose_kind(panel, "optical", qtbot)
    choose_kind(panel, "disk", qtbot)
    assert panel.form.parameters["radius"] == (6, 6)
    widget.operation = "gaussian"
    assert not panel.isVisible()
    widget.operation = "spread_again"
    assert widget.further_images.panels["psf"] is panel
    assert panel.isVisible()
    assert (panel.kind, panel.form.parameters["radius"]) == ("disk", (6, 6))
    widget.options.choose(widget.options.process, "volumes")
    assert panel.kinds.findData("motion") < 0
    assert shown().array.ndim == 3
    widget.options.choose(widget.options.process, "planes")
    assert panel.form.parameters["radius"] == (6, 6)


def test_optics_take_the_pixel_size_of_the_layer(
    viewer: Any, widget: FamilyDock, panel: PsfPanel, shown: Any, cells: Any, qtbot: Any
) -> None:
    widget.options.choose(widget.options.process, "volumes")
    choose_kind(panel, "optical", qtbot)
    array = shown().array
    np.testing.assert_allclose(array, psf("optical", spacing=SCALE, shape=cells.data.shape), rtol=1e-9)
    assert array.shape[0] == 9
    np.testing.assert_allclose(panel.form["pixel_size"]._inner.value, SCALE)
    assert panel.form["size"]._inner.value == array.shape
    cells.units = ("nm", "nm", "nm")
    cells.scale = (400, 130, 130)
    qtbot.waitUntil(lambda: panel.form["pixel_size"]._inner.value[0] == pytest.approx(0.4))
    assert shown().array.shape != array.shape
    cells.units = ("pixel",) * 3
    qtbot.waitUntil(lambda: "Pixel size: untick auto and type it in µm" in panel.preview.text.text())
    assert not panel.add_button.isEnabled()
    qtbot.mouseClick(widget.run_button, LEFT)
    assert "Pixel size: untick auto and type it in µm" in widget.message.text()
    assert len(viewer.layers) == 1


def test_parameters_that_do_not_go_together_are_told_in_the_panel_and_by_run(
    viewer: Any, widget: FamilyDock, panel: PsfPanel, qtbot: Any
) -> None:
    choose_kind(panel, "optical", qtbot)
    type_number(panel.form["refractive_index"].native, "1.2", qtbot)
    qtbot.waitUntil(lambda: "NA: must be below" in panel.preview.text.text())
    qtbot.mouseClick(widget.run_button, LEFT)
    assert "NA: must be below" in widget.message.text()
    assert len(viewer.layers) == 1
    type_number(panel.form["refractive_index"].native, "1.5", qtbot)
    qtbot.waitUntil(lambda: not panel.preview.is_pending)


@pytest.mark.styled
def test_every_picture_takes_the_same_place_and_a_sentence_less(
    widget: FamilyDock, panel: PsfPanel, shown: Any, qtbot: Any
) -> None:
    heights = set()
    for kind in KINDS:
        choose_kind(panel, kind, qtbot)
        shown()
        assert panel.preview.text.text().startswith("Width at half maximum")
        process_events()
        heights.add(panel.preview.height())
    assert len(heights) == 1
    choose_kind(panel, "layer", qtbot)
    process_events()
    assert panel.preview.height() < heights.pop() / 2


def test_a_long_computation_leaves_the_window_free_and_the_last_wish_counts(
    widget: FamilyDock, panel: PsfPanel, shown: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Computing waits until the window has answered: were it in the window's thread, it would wait for ever."""
    answered, begun = threading.Event(), threading.Event()
    computed = []
    plain = Kernel.array.func  # type: ignore[attr-defined]

    def slow(self: Any) -> Any:
        begun.set()
        assert answered.wait(20)
        computed.append(self.parameters)
        return plain(self)

    monkeypatch.setattr(Kernel, "array", property(slow))
    choose_kind(panel, "disk", qtbot)
    qtbot.waitUntil(begun.is_set)
    for text in ("4", "5", "7"):
        type_number(panel.form["radius"]._row._fields[0].native, text, qtbot)
    answered.set()
    found = shown()
    assert found.array.shape == (15, 15)
    assert not any(parameters["radius"] in ((4, 4), (5, 5)) for parameters in computed)


def test_add_puts_the_psf_into_the_middle_of_the_image_with_its_pixels(
    viewer: Any, widget: FamilyDock, panel: PsfPanel, cells: Any, qtbot: Any
) -> None:
    cells.rotate = 30
    cells.translate = (1, 2, 3)
    widget.options.choose(widget.options.process, "volumes")
    choose_kind(panel, "optical", qtbot)
    assert panel.preview.is_pending
    qtbot.mouseClick(panel.add_button, LEFT)
    qtbot.waitUntil(lambda: len(viewer.layers) == 2)
    layer = viewer.layers["Optical PSF"]
    assert viewer.layers.selection.active is cells
    np.testing.assert_allclose(layer.scale, SCALE)
    assert layer.units == cells.units
    np.testing.assert_allclose(layer.rotate, cells.rotate)
    middle = layer.data_to_world([n // 2 for n in layer.data.shape])
    np.testing.assert_allclose(middle, cells.data_to_world([(n - 1) / 2 for n in cells.data.shape]), atol=1e-9)
    assert layer.contrast_limits[1] == pytest.approx(layer.data.max())
    layer.data[...] = 0  # the layer's own copy
    assert panel.preview.shown.array.max() > 0


def test_only_what_was_pictured_when_add_was_clicked_is_added(
    viewer: Any, widget: FamilyDock, panel: PsfPanel, shown: Any, cells: Any, qtbot: Any
) -> None:
    choose_kind(panel, "disk", qtbot)
    qtbot.mouseClick(panel.add_button, LEFT)
    choose_kind(panel, "box", qtbot)  # before the picture has come
    shown()
    assert len(viewer.layers) == 1
    choose_kind(panel, "gaussian", qtbot)
    assert panel.preview.is_pending
    qtbot.mouseClick(panel.add_button, LEFT)
    panel.refresh()  # the same wish again
    qtbot.waitUntil(lambda: len(viewer.layers) == 2)
    np.testing.assert_array_equal(viewer.layers["Gaussian PSF"].data, panel.preview.shown.array)
    other = viewer.add_image(cells.data + 1, name="other", scale=SCALE, units=MICROMETRES)
    viewer.layers.selection.active = cells
    choose_kind(panel, "disk", qtbot)
    qtbot.mouseClick(panel.add_button, LEFT)
    viewer.layers.selection.active = other
    shown()
    assert len(viewer.layers) == 3


def test_a_failure_of_what_is_no_longer_wanted_is_not_told(qtbot: Any) -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Failing:
        shape = (3, 3)

        def __array__(self, *args: Any, **kwargs: Any) -> Any:
            begun.set()
            go_on.wait(10)
            raise ValueError("too wide")

    preview = PsfPreview()
    qtbot.addWidget(preview)
    preview.show()
    asked = (("y", "x"), (1.0, 1.0), "")
    preview.ask("first", Failing(), *asked)
    qtbot.waitUntil(begun.is_set)
    preview.ask("second", np.eye(3), *asked)
    go_on.set()
    qtbot.waitUntil(lambda: preview.shown is not None)
    assert preview.shown.key == "second"
    preview.ask("first", Failing(), *asked)
    qtbot.waitUntil(lambda: preview.text.text() == "too wide")
    begun.clear()
    go_on.clear()
    preview.ask("first", Failing(), *asked)
    qtbot.waitUntil(begun.is_set)
    preview.say("Choose a layer")
    (run,) = preview.findChildren(BackgroundTask)
    go_on.set()
    qtbot.waitUntil(lambda: not run.is_running)
    assert preview.text.text() == "Choose a layer"


def test_nothing_is_added_once_the_picture_has_failed(
    viewer: Any, widget: FamilyDock, panel: PsfPanel, shown: Any, cells: Any, qtbot: Any
) -> None:
    layer = viewer.add_image(np.zeros((9, 9)), name="empty", scale=(0.13, 0.13), units=("um", "um"))
    viewer.layers.selection.active = cells
    panel.picker.choose("empty")
    panel.resample.setChecked(True)
    qtbot.mouseClick(panel.add_button, LEFT)
    qtbot.waitUntil(lambda: panel.preview.text.text().startswith("psf: "))
    assert not panel.add_button.isEnabled()
    layer.data[4, 4] = 1
    layer.data = layer.data
    shown()
    assert len(viewer.layers) == 2
    qtbot.mouseClick(panel.add_button, LEFT)
    assert len(viewer.layers) == 3


def test_a_layer_with_other_pixels_is_refused_or_resampled(
    viewer: Any, widget: FamilyDock, panel: PsfPanel, shown: Any, press: Press, cells: Any, qtbot: Any
) -> None:
    coarse = np.asarray(psf("gaussian", sigma=(2.0, 2.0)))
    viewer.add_image(coarse, name="measured", scale=(130, 130), units=("nm", "nm"))
    viewer.layers.selection.active = cells
    panel.picker.choose("measured")
    assert panel.resample.isVisible()
    qtbot.waitUntil(lambda: "0.065 x 0.065\u00a0µm" in panel.preview.text.text())
    assert "0.13 x 0.13\u00a0µm" in panel.preview.text.text()
    qtbot.mouseClick(widget.run_button, LEFT)
    assert "pixels of 0.065 x 0.065\u00a0µm, like the image, not of 0.13 x 0.13\u00a0µm" in widget.message.text()
    assert len(viewer.layers) == 2
    qtbot.mouseClick(panel.resample, LEFT, pos=QPoint(8, panel.resample.height() // 2))
    np.testing.assert_allclose(fwhm(shown().array), 2 * 2.3548 * 2, rtol=0.01)
    press(widget)
    (used,) = viewer.layers["cells – Spread"].metadata["napari_mathimg"][-1]["images"]
    assert used["name"] == "measured"
    np.testing.assert_allclose(used["resampled"]["pixel"], 0.13)
    np.testing.assert_allclose(used["resampled"]["target"], 0.065)
    viewer.layers["measured"].scale = (65, 65)
    assert not panel.resample.isVisible()
    np.testing.assert_array_equal(shown().array, coarse)


def test_pixels_count_as_equal_within_a_percent_and_where_a_layer_does_not_say(
    viewer: Any, widget: FamilyDock, panel: PsfPanel, shown: Any, cells: Any, qtbot: Any
) -> None:
    kernel = np.asarray(psf("box", size=3))
    layer = viewer.add_image(kernel, name="kernel", scale=(0.0655, 0.0655), units=("um", "um"))
    viewer.layers.selection.active = cells
    panel.picker.choose("kernel")
    assert shown().array.shape == (3, 3)
    layer.scale = (0.066, 0.065)
    assert panel.resample.isVisible()
    layer.units = ("pixel", "pixel")
    layer.scale = (1, 1)
    assert not panel.resample.isVisible()
    cells.units = ("pixel",) * 3
    assert shown().array.shape == (3, 3)
    layer.scale = (2, 2)
    qtbot.waitUntil(panel.resample.isVisible)


def test_beads_are_measured_added_and_chosen(
    viewer: Any, widget: FamilyDock, panel: PsfPanel, shown: Any, cells: Any, qtbot: Any
) -> None:
    rng = np.random.default_rng(3)
    places = np.array([(20, 20), (22, 60), (55, 24), (58, 66), (3, 40)]) + rng.uniform(-0.5, 0.5, (5, 2))
    y, x = np.indices((80, 90))
    spots = [np.exp(-((y - r) ** 2 / 2 / 1.5**2 + (x - c) ** 2 / 2 / 2.5**2)) for r, c in places]
    data = np.stack([np.zeros((80, 90)), 100 + 900 * sum(spots) + rng.standard_normal((80, 90))])
    beads = viewer.add_image(data, name="beads", scale=(1, 0.1, 0.1), units=MICROMETRES)
    where = np.column_stack([np.ones(5), np.rint(places)])
    viewer.add_points(np.vstack([where, [(0, 40, 40)]]) * (1000, 100, 100), name="marks", units=("nm",) * 3)
    viewer.layers.selection.active = cells
    viewer.dims.set_point(0, 1000.0)  # the viewer counts in nm now
    qtbot.mouseClick(panel.from_beads, LEFT)
    box = panel.beads
    qtbot.waitUntil(box.isVisible)
    assert box.image.layer is cells
    box.image.choose("beads")
    qtbot.mouseClick(box.measure, LEFT)
    assert "Choose an image of beads" in box.message.text()
    box.points.choose("marks")
    box.size = (15, 21)
    qtbot.mouseClick(box.measure, LEFT)
    qtbot.waitUntil(lambda: panel.picker.layer is not None)
    assert box.message.text() == "4 beads averaged. Left out: 1 too near the edge."
    layer = viewer.layers["PSF from beads"]
    assert panel.picker.layer is layer
    assert viewer.layers.selection.active is cells
    assert layer.data.shape == (15, 21)
    np.testing.assert_allclose(fwhm(layer.data), 2.3548 * np.array([1.5, 2.5]), rtol=0.02)
    np.testing.assert_allclose(layer.scale, (0.1, 0.1))
    np.testing.assert_allclose(layer.data_to_world((7, 10)), beads.data_to_world((0, 39.5, 44.5))[1:])
    assert panel.resample.isVisible()  # the beads have other pixels than the cells
    qtbot.mouseClick(box.measure, LEFT)
    qtbot.waitUntil(box.measure.isEnabled)
    box.size = (79, 89)
    qtbot.mouseClick(box.measure, LEFT)
    qtbot.waitUntil(lambda: "must mark a usable bead, but none of 5 is" in box.message.text())


def test_an_outline_is_taken_from_a_shapes_layer(
    viewer: Any, dock: Opener, widget: FamilyDock, panel: PsfPanel, shown: Any, cells: Any, qtbot: Any
) -> None:
    choose_kind(panel, "polygon", qtbot)
    take = panel.form.shape_buttons["vertices"].native
    qtbot.mouseClick(take, LEFT)
    assert "polygon: draw one in a Shapes layer" in panel.preview.text.text()
    corners = np.array([(30.0, 40.0), (30.0, 52.0), (37.0, 46.0)])
    shapes = viewer.add_shapes(scale=(0.5, 0.5), units=("um", "um"))
    shapes.add_polygons([corners[::-1] * 0.065 / 0.5, corners * 0.065 / 0.5])
    viewer.layers.selection.active = cells
    qtbot.mouseClick(take, LEFT)
    assert panel.form.parameters["size"] == (9, 13)
    np.testing.assert_allclose(panel.form.parameters["vertices"], [(0.5, 0), (0.5, 12), (7.5, 6)])
    array = shown().array
    assert array.shape == (9, 13)
    np.testing.assert_allclose(ndi.center_of_mass(array)[1], 6)
    shapes.add_ellipses(corners[:2])
    qtbot.mouseClick(take, LEFT)
    assert "unlike the shape in 'shapes'" in panel.preview.text.text().lower()
    blur = dock("blur")
    blur.operation = "blur_motion"
    take = blur.form.shape_buttons["polygon"].native
    qtbot.waitUntil(take.isVisible)
    process_events()  # the window lays itself out
    qtbot.mouseClick(take, LEFT)
    assert "unlike the shape in 'shapes'" in blur.message.text().lower()
    shapes.selected_data = {0}
    viewer.layers.selection.active = shapes
    assert blur.picker.layer is cells
    qtbot.mouseClick(take, LEFT)
    assert blur.form.parameters["polygon_size"] == (9, 13)
    np.testing.assert_allclose(blur.form.parameters["polygon"], [(7.5, 6), (0.5, 12), (0.5, 0)])


def test_a_closed_dock_leaves_no_connection(viewer: Any, dock: Opener, cells: Any, qtbot: Any) -> None:
    layer = viewer.add_image(np.asarray(psf("box", size=3)), name="kernel")
    viewer.layers.selection.active = cells
    process_events()
    emitters = [viewer.layers.events.inserted, layer.events.name, layer.events.data, layer.events.scale]
    before = [len(emitter.callbacks) for emitter in emitters]
    widget = dock("denoise")
    widget.operation = "spread"
    widget.further_images.panels["psf"].picker.choose("kernel")
    process_events()
    assert [len(emitter.callbacks) for emitter in emitters] != before
    widget.operation = "gaussian"
    close_by_mouse(widget, qtbot)
    assert [len(emitter.callbacks) for emitter in emitters] == before


@pytest.mark.styled
def test_everything_fits_a_narrow_dock(widget: FamilyDock, panel: PsfPanel, qtbot: Any) -> None:
    for how, ndim in (("planes", 2), ("volumes", 3)):
        widget.options.choose(widget.options.process, how)
        qtbot.mouseClick(panel.from_beads, LEFT)
        process_events()
        assert panel.minimumSizeHint().width() <= ROOM
        for kind in (k for k, v in KINDS.items() if ndim in v.dimensions):
            panel.kind = kind
            process_events()
            assert panel.minimumSizeHint().width() <= ROOM, (kind, how)
            for name in panel.form.shown_names:
                assert len(panel.form[name].tooltip) > 10
        panel.kind = "layer"
