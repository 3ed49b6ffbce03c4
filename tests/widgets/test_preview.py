"""The live preview in a window: it follows everything, keeps out of the way, and leaves nothing behind."""

import gc
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from napari.layers import Image, Labels
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_mathimg import Options, apply
from napari_mathimg.recipe.record import is_preview
from napari_mathimg.widgets.canvas.split_line import SplitLine
from napari_mathimg.widgets.dock import run_panel
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.place.open_dock import open_dock
from napari_mathimg.widgets.preview.computed import Update

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(autouse=True)
def _no_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load no kernels for the first run of each operation that is shown."""
    monkeypatch.setattr(run_panel, "load_kernels", lambda *args: None)


class Watched:
    """A dock whose preview is watched."""

    def __init__(self, widget: FamilyDock, qtbot: Any) -> None:
        self.widget, self.qtbot, self.panel, self.live = widget, qtbot, widget.preview, widget.preview.live
        self.states: list[tuple[str, str]] = []
        self.updates: list[Update | None] = []
        self.live.said.connect(lambda *said: self.states.append(said))
        self.live.worker.told.connect(lambda serial, update, what: self.updates.append(update))

    @property
    def layer(self) -> Any:
        return self.live.shown.layer

    def tick(self, is_on: bool = True) -> None:
        if self.panel.tick.isChecked() is not is_on:
            self.qtbot.mouseClick(self.panel.tick, LEFT)
        self.settle()

    def settle(self) -> None:
        """Wait until what was asked for last is shown."""
        process_events()
        self.qtbot.waitUntil(lambda: not self.live.is_busy)
        process_events()

    def pixels(self) -> Any:
        """The part of the result that is shown, with what is left of it in the view."""
        return np.squeeze(np.asarray(self.layer.data))


@pytest.fixture
def watched(viewer: Any, dock: Callable[[str], FamilyDock], qtbot: Any) -> Callable[..., Watched]:
    def opened(family: str, operation: str, **parameters: Any) -> Watched:
        widget = dock(family)
        widget.fold.is_open = False
        widget.operation = operation
        process_events()
        for name, value in parameters.items():
            widget.form[name].value = value
        process_events()
        viewer.reset_view()
        return Watched(widget, qtbot)

    return opened


@pytest.fixture
def spots(viewer: Any) -> Any:
    return viewer.add_image(np.random.default_rng(0).integers(0, 4000, (60, 80), dtype=np.uint16), name="spots")


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


def test_edits_in_place_are_seen(viewer: Any, spots: Any, watched: Any) -> None:
    """What fires an event is seen at once; what fires none when something else changes, and a run never errs."""
    seen = watched("intensity", "rescale_intensity")
    seen.tick()
    spots.data[10, 10] = 65535
    spots.refresh()
    seen.settle()
    np.testing.assert_array_equal(seen.pixels(), apply(spots.data, "rescale_intensity"))


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


@pytest.mark.drawn
def test_the_split_line_is_dragged(viewer: Any, spots: Any, watched: Any, hand: Any, qtbot: Any) -> None:
    seen = watched("intensity", "invert")
    seen.tick()
    qtbot.mouseClick(seen.panel.split, LEFT)
    process_events()
    line: SplitLine = seen.panel.line
    begin = line.position
    hand.drag(spots, (30, begin), (30, begin + 20))
    assert line.position == pytest.approx(begin + 20, abs=1.0)
    assert viewer.scene.camera.center[-1] == pytest.approx(39.5, abs=1)  # the image has not moved
    picture = viewer.screenshot(canvas_only=True, flash=False)[..., 0].astype(int)
    qtbot.mouseClick(seen.panel.split, LEFT)
    process_events()
    result = viewer.screenshot(canvas_only=True, flash=False)[..., 0].astype(int)
    qtbot.mousePress(seen.panel.source, LEFT)
    process_events()
    source = viewer.screenshot(canvas_only=True, flash=False)[..., 0].astype(int)
    qtbot.mouseRelease(seen.panel.source, LEFT)
    process_events()
    at = hand.at(spots, (30, begin + 20)).x() * picture.shape[1] // hand.canvas.width()
    np.testing.assert_array_equal(picture[:, : at - 6], source[:, : at - 6])
    np.testing.assert_array_equal(picture[:, at + 7 :], result[:, at + 7 :])
    assert (source != result).mean() > 0.1


@pytest.mark.drawn
def test_a_key_shows_the_source_while_it_is_held(viewer: Any, spots: Any, watched: Any, hand: Any) -> None:
    seen = watched("intensity", "invert")
    seen.tick()

    def shot() -> Any:
        process_events()
        return viewer.screenshot(canvas_only=True, flash=False)[..., 0]

    result = shot()
    hand.canvas.setFocus()
    QTest.keyPress(hand.canvas, Qt.Key.Key_U)
    held = shot()
    QTest.keyRelease(hand.canvas, Qt.Key.Key_U)
    after = shot()
    seen.tick(False)
    source = shot()
    np.testing.assert_array_equal(held, source)
    np.testing.assert_array_equal(after, result)
    assert (held != result).any()


@pytest.mark.drawn
def test_an_additive_channel_is_replaced_not_added_to(viewer: Any, watched: Any, hand: Any) -> None:
    """The picture with the preview is that with the result in place of the source, beside another channel."""
    first = np.zeros((60, 80), np.uint8)
    first[:30] = 200
    second = np.zeros((60, 80), np.uint8)
    second[:, 40:] = 120
    viewer.add_image(second, colormap="magenta", blending="additive", contrast_limits=(0, 255))
    source = viewer.add_image(first, colormap="green", blending="additive", contrast_limits=(0, 255))
    seen = watched("blur", "gaussian", sigma=5.0)
    seen.tick()
    shown = viewer.screenshot(canvas_only=True, flash=False)
    assert source.visible
    seen.tick(False)
    source.data = apply(first, "gaussian", sigma=5.0)
    process_events()
    np.testing.assert_array_equal(shown, viewer.screenshot(canvas_only=True, flash=False))


@pytest.mark.drawn
def test_a_result_elsewhere_hides_its_source(viewer: Any, spots: Any, watched: Any, hand: Any) -> None:
    seen = watched("geometry", "rescale", scale=0.4)
    seen.tick()
    np.testing.assert_array_equal(seen.pixels(), apply(spots.data, "rescale", scale=0.4))
    edges = seen.layer.extent.world + np.array([[-0.5], [0.5]]) / 0.4
    np.testing.assert_allclose(edges, spots.extent.world + np.array([[-0.5], [0.5]]))
    shown = viewer.screenshot(canvas_only=True, flash=False)
    spots.visible = False
    process_events()
    assert not seen.layer.visible
    spots.visible = True
    seen.settle()
    np.testing.assert_array_equal(shown, viewer.screenshot(canvas_only=True, flash=False))


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


def test_a_slow_source_never_blocks_the_window(viewer: Any, watched: Any, qtbot: Any) -> None:
    slow = Slow(np.random.default_rng(0).integers(0, 4000, (4, 60, 80), dtype=np.uint16))
    viewer.add_image(slow, contrast_limits=(0, 4000))
    seen = watched("blur", "gaussian", sigma=2.0)
    qtbot.mouseClick(seen.panel.tick, LEFT)
    qtbot.waitUntil(lambda: bool(slow.readers))
    for plane in (1, 2, 3):  # the window goes on while the source is read
        viewer.dims.set_point(0, plane)
        process_events()
        seen.widget.form["sigma"].value = 1.0 + plane
    qtbot.waitUntil(lambda: seen.panel.state.text() == "computing…")
    slow.gate.set()
    seen.settle()
    np.testing.assert_array_equal(seen.pixels(), apply(slow.data[3], "gaussian", sigma=4.0))


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


def test_volumes_are_previewed_reduced(viewer: Any, watched: Any) -> None:
    data = np.random.default_rng(0).integers(0, 4000, (70, 150, 140), dtype=np.uint16)
    viewer.add_image(data, contrast_limits=(0, 4000))
    seen = watched("blur", "gaussian", sigma=1.0)
    seen.widget.options.choose(seen.widget.options.process, "volumes")
    viewer.dims.ndisplay = 3
    seen.tick()
    view = seen.updates[-1].view  # type: ignore[union-attr]
    assert view.step == (2, 2, 2)
    ndim = 3 if "olumes" in seen.widget.options.process.currentText() else 2
    expected = apply(data, "gaussian", options=Options(ndim=ndim), sigma=1.0)
    np.testing.assert_array_equal(seen.pixels(), expected[::2, ::2, ::2])
    viewer.dims.ndisplay = 2
    seen.settle()
    assert seen.pixels().ndim == 2


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


def test_labels_and_levels_are_previewed(viewer: Any, watched: Any) -> None:
    labels = viewer.add_labels(np.kron(np.arange(12).reshape(3, 4), np.ones((20, 20), int)))
    seen = watched("geometry", "rotate", angle=30.0)
    seen.tick()
    assert isinstance(seen.layer, Labels)
    expected = apply(np.asarray(labels.data), "rotate", angle=30.0, order=0)
    np.testing.assert_array_equal(seen.pixels(), expected)
    viewer.layers.clear()
    image = np.random.default_rng(0).integers(0, 4000, (128, 160), dtype=np.uint16)
    viewer.add_image([image, image[::2, ::2]], multiscale=True, contrast_limits=(0, 4000))
    seen.widget.options.choose(seen.widget.options.level, "1")
    seen.widget.operation = "swirl"
    seen.settle()
    assert isinstance(seen.layer, Image)
    expected = apply(image[::2, ::2], "swirl", **seen.widget.form.parameters)
    view = seen.updates[-1].view  # type: ignore[union-attr]
    np.testing.assert_array_equal(
        seen.pixels(), expected[tuple(slice(a, b, s) for (a, b), s in zip(view.box, view.step, strict=True))]
    )


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


def test_narrow_contrast_limits_stay(viewer: Any, watched: Any, press: Any) -> None:
    """The limits of the preview are those that a run gives its result."""
    data = np.random.default_rng(0).integers(0, 4000, (60, 80), dtype=np.uint16)
    viewer.add_image(data, contrast_limits=(100, 300))
    seen = watched("blur", "gaussian", sigma=1.0)
    seen.tick()
    limits = tuple(seen.layer.contrast_limits)
    press(seen.widget)
    assert limits == tuple(seen.widget.result.contrast_limits) == (100, 300)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_limits_of_colors_are_those_of_a_run(viewer: Any, watched: Any, press: Any, dtype: Any) -> None:
    colors = np.random.default_rng(0).integers(20, 200, (60, 80, 3)).astype(dtype)
    viewer.add_image(colors / dtype(255) if dtype is np.float32 else colors, rgb=True)
    seen = watched("intensity", "adjust_gamma", gamma=0.8)
    seen.tick()
    limits = tuple(seen.layer.contrast_limits)
    press(seen.widget)
    assert limits == pytest.approx(tuple(seen.widget.result.contrast_limits), rel=1e-6)


def test_differences_of_colors_are_shares_of_the_range(viewer: Any, watched: Any, qtbot: Any) -> None:
    colors = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    viewer.add_image(colors, rgb=True)
    seen = watched("blur", "gaussian", sigma=1.0)
    seen.tick()
    qtbot.mouseClick(seen.panel.difference, LEFT)
    seen.settle()
    change = np.abs(apply(colors, "gaussian", options=Options(channel_axis=-1), sigma=1.0).astype(float) - colors)
    np.testing.assert_allclose(seen.pixels()[..., :3], change / 255, atol=1e-6)


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


def test_it_stays_above_its_source_and_follows_its_units(viewer: Any, spots: Any, watched: Any) -> None:
    other = viewer.add_image(np.zeros((60, 80), np.uint8), name="other")
    seen = watched("blur", "gaussian")
    seen.widget.picker.layer = spots
    seen.tick()
    viewer.layers.move(viewer.layers.index(spots), len(viewer.layers))
    process_events()
    assert list(viewer.layers) == [other, spots, seen.layer]
    viewer.layers.remove(other)
    spots.units = ("um", "um")
    seen.settle()
    assert seen.layer.units == spots.units


def test_the_key_of_somebody_else_comes_back(viewer: Any, spots: Any, watched: Any) -> None:
    def mine(viewer: Any) -> None:
        return

    viewer.bind_key("U", mine)
    seen = watched("blur", "gaussian")
    seen.tick()
    seen.tick(False)
    assert viewer.bind_key("U", None) is mine


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


@pytest.mark.drawn
def test_a_lowest_layer_is_blended_as_its_result_is(viewer: Any, watched: Any, hand: Any) -> None:
    data = np.full((60, 80), 90, np.uint8)
    source = viewer.add_image(data, blending="minimum", contrast_limits=(0, 255))
    seen = watched("blur", "gaussian", sigma=2.0)
    seen.tick()
    shown = viewer.screenshot(canvas_only=True, flash=False)
    seen.tick(False)
    source.data = apply(data, "gaussian", sigma=2.0)
    process_events()
    np.testing.assert_array_equal(shown, viewer.screenshot(canvas_only=True, flash=False))


@pytest.mark.drawn
def test_it_covers_the_last_result_where_the_source_is_hidden(viewer: Any, watched: Any, hand: Any, press: Any) -> None:
    """As somebody tunes who lets results replace each other and hide their source."""
    data = np.random.default_rng(0).integers(0, 255, (60, 80), dtype=np.uint8)
    source = viewer.add_image(data, contrast_limits=(0, 255))
    seen = watched("blur", "gaussian", sigma=1.0)
    seen.widget.options.replace.setChecked(True)
    seen.widget.options.hide_source.setChecked(True)
    press(seen.widget)
    assert not source.visible
    assert seen.widget.picker.layer is source
    seen.tick()
    seen.widget.form["sigma"].value = 4.0
    seen.settle()
    shown = viewer.screenshot(canvas_only=True, flash=False)
    press(seen.widget)
    seen.settle()
    assert seen.layer is None
    np.testing.assert_array_equal(shown, viewer.screenshot(canvas_only=True, flash=False))
