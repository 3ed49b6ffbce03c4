"""The live preview in a window: it follows everything, keeps out of the way, and leaves nothing behind."""

import gc
import threading
from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from histogram_checks import Settle
from preview_window import LEFT
from qtpy.QtCore import QCoreApplication, Qt
from qtpy.QtTest import QTest

from napari_mathimg import apply
from napari_mathimg.recipe.record import is_preview
from napari_mathimg.widgets.histogram.dock import HistogramDock
from napari_mathimg.widgets.place.open_dock import open_dock
from napari_mathimg.widgets.preview import live
from nightly import nightly

KINDS = [  # one operation of each reach, and some that count
    ("intensity", "equalize_hist"), ("intensity", "equalize_adapthist"), ("blur", "gaussian"),
    ("denoise", "denoise_wavelet"), ("geometry", "swirl"), ("intensity", "rescale_intensity"),
    ("denoise", "denoise_bilateral"), ("denoise", "denoise_tv_chambolle"), ("noise", "add_poisson_noise"),
]  # fmt: skip


def test_the_tick_shows_what_a_run_gives(viewer: Any, spots: Any, watched: Any, press: Any) -> None:
    seen = watched("blur", "gaussian", sigma=2.0)
    assert seen.layer is None
    seen.tick()
    np.testing.assert_array_equal(seen.pixels(), apply(spots.data, "gaussian", sigma=2.0))
    assert seen.panel.state.text() == "exact"
    np.testing.assert_allclose(seen.layer.extent.world, spots.extent.world)
    seen.tick(False)
    assert list(viewer.layers) == [spots]


def test_it_follows_parameters(viewer: Any, spots: Any, watched: Any) -> None:
    seen = watched("blur", "gaussian", sigma=2.0)
    seen.tick()
    layer = seen.layer
    for sigma in (1.0, 4.0, 0.7):
        seen.widget.form["sigma"].value = sigma
        seen.settle()
        assert seen.layer is layer  # the same layer, whose pixels are replaced
        np.testing.assert_array_equal(seen.pixels(), apply(spots.data, "gaussian", sigma=sigma))
    seen.widget.operation = "blur_box"
    seen.settle()
    np.testing.assert_array_equal(seen.pixels(), apply(spots.data, "blur_box"))


def test_it_follows_the_wheel_over_a_field(viewer: Any, spots: Any, watched: Any, qtbot: Any) -> None:
    seen = watched("intensity", "adjust_gamma", gamma=1.0)
    seen.tick()
    field = seen.widget.form["gamma"].native
    spin = field if hasattr(field, "stepBy") else field.findChild(type(field))
    spin.setFocus()
    QTest.keyClick(spin, Qt.Key.Key_Up)
    seen.settle()
    gamma = seen.widget.form["gamma"].value
    assert gamma > 1
    np.testing.assert_array_equal(seen.pixels(), apply(spots.data, "adjust_gamma", gamma=gamma))


def test_it_follows_planes_pan_and_zoom(viewer: Any, watched: Any) -> None:
    data = np.random.default_rng(0).integers(0, 4000, (5, 600, 700), dtype=np.uint16)
    viewer.add_image(data, name="stack")
    seen = watched("denoise", "median")
    seen.tick()
    whole = [apply(plane, "median") for plane in data]
    for plane, zoom, center in ((0, 0.5, (300, 350)), (3, 2.0, (100, 200)), (3, 4.0, (500, 600)), (1, 1.0, (300, 350))):
        viewer.dims.set_point(0, plane)
        viewer.scene.camera.zoom = zoom
        viewer.scene.camera.center = (0, *center)
        seen.settle()
        view = seen.updates[-1].view  # type: ignore[union-attr]
        assert view.box[0] == (plane, plane + 1)
        rows, columns = (slice(a, b, s) for (a, b), s in zip(view.box[1:], view.step[1:], strict=True))
        np.testing.assert_array_equal(seen.pixels(), whole[plane][rows, columns])
        assert seen.states[-1][0] == "exact"


def test_it_is_never_active_offered_or_recorded(viewer: Any, spots: Any, watched: Any, press: Any) -> None:
    other = open_dock(viewer, "Deconvolve")
    histogram = open_dock(viewer, "Histogram")
    seen = watched("blur", "gaussian")
    actives: list[Any] = []
    seen.tick()
    viewer.layers.selection.events.active.connect(lambda event: actives.append(event.value))
    assert is_preview(seen.layer.metadata)
    assert viewer.layers.selection.active is spots
    seen.widget.form["sigma"].value = 3.0
    seen.settle()
    assert actives == []
    for picker in (seen.widget.picker, other.picker):
        assert "Preview" not in [picker.itemText(k) for k in range(picker.count())]
    viewer.layers.selection = {spots, seen.layer}
    assert seen.widget.layers.selection() == [spots]
    viewer.layers.selection = {spots}
    press(seen.widget)
    assert not any(is_preview(layer.metadata) for layer in [seen.widget.result])
    assert histogram is not None


def test_it_pauses_after_a_run_until_something_changes(viewer: Any, spots: Any, watched: Any, press: Any) -> None:
    seen = watched("blur", "gaussian", sigma=2.0)
    seen.tick()
    press(seen.widget)
    seen.settle()
    assert seen.layer is None
    assert not any(is_preview(layer.metadata) for layer in viewer.layers)
    seen.widget.form["sigma"].value = 3.0
    seen.settle()
    assert seen.layer is not None


def test_it_goes_with_the_dock_the_source_and_itself(viewer: Any, spots: Any, watched: Any, qtbot: Any) -> None:
    seen = watched("blur", "gaussian")
    seen.tick()
    viewer.layers.remove(seen.layer)
    process_events()
    assert not seen.panel.tick.isChecked()
    seen.tick()
    viewer.layers.remove(spots)
    seen.settle()
    assert len(viewer.layers) == 0
    spots = viewer.add_image(np.random.default_rng(0).random((40, 50)).astype(np.float32))
    seen.settle()
    assert seen.layer in viewer.layers
    open_dock(viewer, "Noise")
    seen.settle()
    assert list(viewer.layers) == [spots]  # another dock is in front
    open_dock(viewer, "Blur")
    seen.settle()
    assert seen.layer in viewer.layers


@pytest.mark.parametrize(("family", "operation"), [*KINDS[:5], *nightly(*KINDS[5:])])
def test_edits_in_place_are_seen(viewer: Any, spots: Any, watched: Any, family: str, operation: str) -> None:
    seen = watched(family, operation)
    seen.tick()
    before = seen.pixels().copy()
    spots.data[10, 10] = 65535
    spots.refresh()
    seen.settle()
    np.testing.assert_array_equal(seen.pixels(), apply(spots.data, operation, **seen.widget.form.parameters))
    assert (seen.pixels() != before).any()


def test_a_run_after_an_edit_without_an_event_is_right(viewer: Any, spots: Any, watched: Any, press: Any) -> None:
    seen = watched("intensity", "equalize_hist")
    seen.tick()
    spots.data[:30] //= 7
    press(seen.widget)
    np.testing.assert_array_equal(seen.widget.result.data, apply(spots.data, "equalize_hist"))


def test_errors_appear_in_the_dock(viewer: Any, spots: Any, watched: Any, notifications: Any) -> None:
    seen = watched("deconvolve", "richardson_lucy")
    seen.tick()
    assert seen.layer is None
    assert "choose a layer" in seen.widget.message.shown.lower()
    assert notifications == []


def test_it_is_remembered(viewer: Any, spots: Any, watched: Any, dock: Any) -> None:
    seen = watched("blur", "gaussian")
    seen.tick()
    saved = seen.panel.save_state()
    seen.tick(False)
    seen.panel.restore_state(saved)
    seen.settle()
    assert seen.layer is not None


def test_a_picture_that_is_soon_there_is_drawn_with_the_change(
    viewer: Any, spots: Any, watched: Any, monkeypatch: Any
) -> None:
    """The window waits for it, so that the field and the picture need one frame."""
    monkeypatch.setattr(live, "SAME_FRAME", 60.0)
    seen = watched("blur", "gaussian", sigma=2.0)
    seen.tick()
    for sigma in (1.0, 3.0):
        seen.widget.form["sigma"].value = sigma
        QCoreApplication.sendPostedEvents(seen.live, live.AT_ONCE)  # which come before the window draws
        np.testing.assert_array_equal(seen.pixels(), apply(spots.data, "gaussian", sigma=sigma))
    seen.settle()
    np.testing.assert_array_equal(seen.pixels(), apply(spots.data, "gaussian", sigma=3.0))


class Slow:
    """A stack whose planes are read only when a gate is open; it knows which threads have read."""

    def __init__(self, data: Any) -> None:
        self.data, self.shape, self.dtype, self.ndim = data, data.shape, data.dtype, data.ndim
        self.gate = threading.Event()
        self.readers: set[str] = set()
        self.planes = 0  # read by threads

    def __getitem__(self, key: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            self.readers.add(threading.current_thread().name)
            self.gate.wait(60)
            self.planes += np.asarray(self.data[key]).size // self.data[0].size
        return self.data[key]

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.asarray(self[...], dtype)


@pytest.mark.parametrize(("family", "operation"), KINDS)
def test_a_slow_source_never_blocks_the_window(
    viewer: Any, watched: Any, qtbot: Any, family: str, operation: str
) -> None:
    slow = Slow(np.random.default_rng(0).integers(0, 4000, (4, 60, 80), dtype=np.uint16))
    viewer.add_image(slow, contrast_limits=(0, 4000))
    seen = watched(family, operation)
    qtbot.mouseClick(seen.panel.tick, LEFT)
    qtbot.waitUntil(lambda: bool(slow.readers))
    for plane in (1, 2, 3):  # the window goes on while the source is read
        viewer.dims.set_point(0, plane)
        process_events()
        seen.panel.renew()
    qtbot.waitUntil(lambda: seen.panel.state.text() in ("computing…", "counting…"))
    assert not slow.gate.is_set()
    slow.gate.set()
    seen.settle()
    wanted = apply(slow.data, operation, **seen.widget.form.parameters)[3]
    np.testing.assert_array_equal(seen.pixels(), wanted)


def test_the_range_of_a_stack_is_counted_once_though_much_is_asked_for(viewer: Any, watched: Any, qtbot: Any) -> None:
    """What is asked for meanwhile does not begin the pass over the stack again, and the dock says what is counted."""
    slow = Slow(np.random.default_rng(0).integers(0, 4000, (40, 60, 80), dtype=np.uint16))
    viewer.add_image(slow, contrast_limits=(0, 4000))
    seen = watched("intensity", "adjust_gamma", gamma=0.5)
    qtbot.mouseClick(seen.panel.tick, LEFT)
    qtbot.waitUntil(lambda: bool(slow.readers))
    qtbot.waitUntil(lambda: seen.panel.state.text() == "counting…")
    assert "alue range of the layer" in seen.widget.message.shown
    for gamma in (0.6, 0.7, 0.8):
        seen.widget.form["gamma"].value = gamma
        process_events()
    slow.gate.set()
    seen.settle()
    np.testing.assert_array_equal(seen.pixels(), apply(slow.data, "adjust_gamma", gamma=0.8)[int(viewer.dims.point[0])])
    assert slow.planes <= len(slow.data) + 8  # once, and what is shown


def test_it_says_why_there_is_none(viewer: Any, watched: Any) -> None:
    viewer.add_image(np.zeros((6, 30, 40), np.uint16))
    plane = viewer.add_image(np.random.default_rng(0).integers(0, 4000, (30, 40), dtype=np.uint16))
    seen = watched("blur", "gaussian")
    seen.widget.picker.layer = plane
    viewer.dims.ndisplay = 3
    seen.tick()
    assert "2D" in seen.widget.message.shown
    viewer.dims.ndisplay = 2
    seen.settle()
    assert seen.layer is not None
    viewer.canvas.grid.enabled = True
    seen.settle()
    assert "grid" in seen.widget.message.shown
    viewer.canvas.grid.enabled = False


def test_closing_frees_everything(viewer: Any, spots: Any, watched: Any) -> None:
    seen = watched("blur", "gaussian")
    seen.tick()
    worker = seen.live.worker
    thread = worker.thread
    assert thread is not None
    assert thread.is_alive()
    viewer.window.remove_dock_widget(seen.widget)
    process_events()
    thread.join(60)
    assert not thread.is_alive()
    assert list(viewer.layers) == [spots]
    gc.collect()


def test_what_failed_leaves_no_picture(viewer: Any, watched: Any, qtbot: Any) -> None:
    """A picture that was being computed when the preview failed is not shown."""
    slow = Slow(np.random.default_rng(0).integers(0, 4000, (4, 60, 80), dtype=np.uint16))
    layer = viewer.add_image(slow, contrast_limits=(0, 4000))
    seen = watched("blur", "gaussian", sigma=2.0)
    qtbot.mouseClick(seen.panel.tick, LEFT)
    qtbot.waitUntil(lambda: bool(slow.readers))
    viewer.canvas.grid.enabled = True
    process_events()
    slow.gate.set()
    seen.settle()
    assert list(viewer.layers) == [layer]
    viewer.canvas.grid.enabled = False


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_the_plane_is_the_one_that_is_displayed(viewer: Any, watched: Any, shift: float) -> None:
    """Between two planes, the same one is taken as napari takes."""
    stack = np.arange(8, dtype=np.uint16)[:, None, None] * np.ones((1, 30, 40), np.uint16)
    layer = viewer.add_image(stack, scale=(2, 1, 1), contrast_limits=(0, 8))
    viewer.add_image(np.zeros((16, 30, 40), np.uint8), scale=(1, 1, 1), visible=False)
    seen = watched("blur", "gaussian", sigma=1.0)
    seen.widget.picker.layer = layer
    viewer.dims.set_point(0, 4 + shift)
    seen.tick()
    assert seen.pixels().max() == layer.get_value(viewer.dims.point, world=True)


def test_of_two_docks_in_sight_one_shows_its_preview(viewer: Any, spots: Any, watched: Any) -> None:
    first = watched("blur", "gaussian")
    first.tick()
    second = watched("noise", "add_gaussian_noise")
    second.panel.visibility.show_in_front(True)
    second.tick()
    first.panel.visibility.show_in_front(True)
    process_events()
    first.widget.form["sigma"].value = 2.5
    first.settle()
    assert [layer for layer in viewer.layers if layer is not spots] == [first.layer]
    assert second.panel.state.text() == "paused"
    second.widget.form["seed"].value = 7
    second.settle()
    assert [layer for layer in viewer.layers if layer is not spots] == [second.layer]
    assert first.panel.state.text() == "paused"
    first.widget.operation = "blur_box"
    first.settle()
    assert [layer for layer in viewer.layers if layer is not spots] == [first.layer]
    for is_in_front in (False, True):  # a dock that went while it was paused, and comes back
        second.panel.visibility.show_in_front(is_in_front)
        process_events()
    second.settle()
    assert [layer for layer in viewer.layers if layer is not spots] == [second.layer]


def test_sentences_are_seen_after_a_run(viewer: Any, spots: Any, watched: Any, press: Any) -> None:
    seen = watched("blur", "gaussian")
    press(seen.widget)
    seen.tick()
    viewer.canvas.grid.enabled = True
    seen.settle()
    assert "grid" in seen.widget.message.shown
    viewer.canvas.grid.enabled = False


def test_showing_the_source_again_is_no_edit(viewer: Any, spots: Any, watched: Any, monkeypatch: Any) -> None:
    seen = watched("blur", "gaussian")
    seen.tick()
    touched: list[Any] = []
    monkeypatch.setattr(seen.live.facts, "touch", touched.append)
    for is_visible in (False, True):
        spots.visible = is_visible
        seen.settle()
    spots.scale = (2.0, 2.0)
    seen.settle()
    assert touched == []
    spots.refresh()
    seen.settle()
    assert touched != []


def test_pixels_are_let_go_with_the_tick(viewer: Any, watched: Any) -> None:
    data = np.random.default_rng(0).integers(0, 4000, (60, 80), dtype=np.uint16)
    viewer.add_image(data)
    seen = watched("blur", "gaussian")
    seen.tick()
    seen.tick(False)
    assert seen.live.worker.memory.plan is None
    assert seen.live.worker.memory.picture is None


def test_the_histogram_tells_the_value_range(
    viewer: Any, watched: Any, histogram: HistogramDock, settle: Settle
) -> None:
    """A stack whose histogram is known is not read again for its value range, and edits make both count anew."""
    slow = Slow(np.random.default_rng(0).integers(100, 4000, (40, 60, 80), dtype=np.uint16))
    slow.gate.set()
    layer = viewer.add_image(slow, contrast_limits=(0, 4000))
    settle(histogram)
    read = slow.planes
    assert read >= 40
    seen = watched("intensity", "adjust_gamma", gamma=0.5)
    seen.tick()
    plane = int(viewer.dims.point[0])
    np.testing.assert_array_equal(seen.pixels(), apply(slow.data, "adjust_gamma", gamma=0.5)[plane])
    assert slow.planes - read <= 4  # what is shown
    slow.data[3, 10, 10] = 60000
    layer.refresh()
    seen.settle()
    settle(histogram)
    np.testing.assert_array_equal(seen.pixels(), apply(slow.data, "adjust_gamma", gamma=0.5)[plane])
