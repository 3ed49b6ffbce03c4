"""The histogram dock in a real window: what it shows is what NumPy counts, after every change."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from histogram_checks import KINDS, RNG, Gated, Settle, Watched, check, pixels_of
from mouse_and_keys import callbacks
from napari.layers import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from napari_mathimg.widgets.histogram import layer_counts
from napari_mathimg.widgets.histogram.dock import HistogramDock
from napari_mathimg.widgets.histogram.layer_counts import Follower
from napari_mathimg.widgets.place.open_dock import open_dock
from napari_mathimg.widgets.qt.layout import dock_of
from nightly import nightly

OTHERS = ("u1", "hot f4", "constant", "bool", "4-D", "f2")


@pytest.mark.parametrize("kind", ["u2", "NaN f8", "RGB", "dask", "multiscale", *nightly(*OTHERS)])
def test_it_shows_what_numpy_counts(viewer: Any, histogram: HistogramDock, settle: Settle, kind: str) -> None:
    array, arguments = KINDS[kind]()
    layer = viewer.add_image(array, **arguments)
    settle(histogram)
    for bins in (256, 1, 37, 65536):
        histogram.bins.setValue(bins)
        check(histogram, pixels_of(layer, viewer), rgb=kind == "RGB")
    if layer.ndim > 2:
        histogram.where.setCurrentIndex(1)
        settle(histogram)
        check(histogram, pixels_of(layer, viewer, "plane"))
        for step in (1, 0):
            viewer.dims.set_current_step(0, step)
            settle(histogram)
            check(histogram, pixels_of(layer, viewer, "plane"))
        viewer.dims.order = (*viewer.dims.order[1:], viewer.dims.order[0])
        settle(histogram)
        check(histogram, pixels_of(layer, viewer, "plane"))


def test_it_tells_in_a_sentence_what_has_no_histogram(viewer: Any, histogram: HistogramDock, settle: Settle) -> None:
    def sentence() -> str:
        settle(histogram)
        assert (histogram.found is None) == bool(histogram.shown_sentence)
        assert not histogram.shown_sentence or not histogram.plot._drawn
        return histogram.shown_sentence

    assert sentence() == "Open an image to see its histogram."
    first = viewer.add_image(np.eye(9), name="first")
    assert sentence() == ""
    viewer.add_labels(np.ones((9, 9), int), name="cells")
    assert sentence() == "'cells' is a Labels layer: select an image to see its histogram."
    viewer.add_points(np.zeros((1, 2)), name="dots")
    assert sentence() == "'dots' is a Points layer: select an image to see its histogram."
    viewer.layers.selection = set(viewer.layers)
    assert sentence() == "3 layers are selected: select one to see its histogram."
    viewer.layers.selection.clear()
    assert sentence() == "No layer is selected: select an image to see its histogram."
    viewer.layers.selection.active = first
    assert sentence() == ""
    viewer.layers.remove(first)
    assert sentence() != ""


def test_every_change_of_the_pixels_is_shown_once(viewer: Any, histogram: HistogramDock, settle: Settle) -> None:
    layer = viewer.add_image(RNG.random((3, 40, 40)).astype("f4"))
    settle(histogram)
    changes: list[Callable[[], Any]] = [
        lambda: setattr(layer, "data", RNG.random((3, 40, 40)) * 9),
        lambda: (layer.data.__setitem__((0, 3), 77), layer.refresh()),
        lambda: setattr(layer, "data", np.arange(3 * 400).reshape(3, 20, 20)),
    ]
    for change in changes:
        before = histogram.redraws
        change()
        settle(histogram)
        check(histogram, layer.data)
        assert histogram.redraws == before + 1
    before = histogram.redraws
    viewer.dims.set_current_step(0, 2)
    layer.gamma, layer.colormap, layer.contrast_limits = 0.5, "viridis", (3, 90)
    settle(histogram)
    assert histogram.redraws == before  # the whole layer's counts stay what they are
    assert histogram.plot._limits == (3, 90, 0.5)


def test_an_invisible_layer_is_counted_at_the_sliders(viewer: Any, histogram: HistogramDock, settle: Settle) -> None:
    layer = viewer.add_image(np.arange(5 * 16).reshape(5, 4, 4))
    histogram.where.setCurrentIndex(1)
    settle(histogram)
    layer.visible = False
    viewer.dims.set_current_step(0, 3)
    settle(histogram)
    check(histogram, layer.data[3])
    layer.data[3] = 5
    layer.visible = True
    settle(histogram)
    check(histogram, layer.data[3])


def test_every_plane_at_which_a_slider_rests_is_shown_once_and_the_last_one_until_then(
    viewer: Any, histogram: HistogramDock, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layer_counts, "PATIENCE", 60_000)  # milliseconds: the old curve goes when the new one is late
    layer = viewer.add_image(np.random.default_rng(0).integers(0, 4000, (20, 128, 128), dtype=np.uint16))
    histogram.where.setCurrentIndex(1)
    settle(histogram)
    for step in (*range(20), 3, 17, 0):
        before, is_new = histogram.redraws, viewer.dims.current_step[0] != step
        viewer.dims.set_current_step(0, step)
        assert histogram.found is not None
        settle(histogram)
        check(histogram, layer.data[step])
        assert histogram.redraws == before + is_new


def test_of_the_planes_that_a_slider_passes_while_one_is_read_the_last_is_counted(
    viewer: Any, histogram: HistogramDock, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However fast the slider and however slow the disk."""
    monkeypatch.setattr(layer_counts, "PATIENCE", 60_000)
    array = np.random.default_rng(0).integers(0, 4000, (60, 32, 32), dtype=np.uint16)
    stack = Gated(array)
    stack.gate.set()
    viewer.add_layer(Image(stack, contrast_limits=(0, 4000)))
    histogram.where.setCurrentIndex(1)
    viewer.dims.set_current_step(0, 0)
    settle(histogram)
    stack.gate.clear()
    before, stack.read[:] = histogram.redraws, 0
    for step in range(1, 60):
        viewer.dims.set_current_step(0, step)
        process_events()
        assert histogram.redraws == before  # what is shown is what was
        assert histogram.found is not None
    sliced = stack.read.copy()  # by napari
    stack.gate.set()
    settle(histogram)
    check(histogram, array[59])
    counted = [plane for plane in range(60) if (stack.read[plane] > sliced[plane]).any()]
    assert counted[-1] == 59
    assert len(counted) <= layer_counts.RUNS + 1
    assert histogram.redraws == before + 1


def test_pinned_layers_stay_live(viewer: Any, histogram: HistogramDock, settle: Settle, qtbot: Any) -> None:
    first = viewer.add_image(np.arange(100).reshape(10, 10), name="first")
    settle(histogram)
    qtbot.mouseClick(histogram.pin_button, Qt.MouseButton.LeftButton)
    viewer.add_image(np.arange(400).reshape(20, 20), name="second")
    settle(histogram)
    assert [c.name for c in histogram.plot._curves] == ["second", "first"]
    ours, theirs = histogram.plot._curves
    width = ours.edges[1] - ours.edges[0]  # each of 100 values as often as in 400 pixels, in bins as wide as ours
    np.testing.assert_allclose(theirs.counts, 400 / 100 * width)
    first.name = "before"
    settle(histogram)
    assert "before" in histogram.legend.text()
    first.name = "first"
    viewer.layers.selection.active = first  # compared until then, and followed by its name from then on too
    settle(histogram)
    first.name = "after"
    settle(histogram)
    assert [c.name for c in histogram.plot._curves] == ["after"]
    assert histogram.title.text() == "after"
    first.name = "first"
    viewer.layers.selection.active = viewer.layers["second"]
    settle(histogram)
    first.data = np.zeros((10, 10), int)
    settle(histogram)
    assert histogram.plot._curves[1].counts.size == 1
    histogram.others.menu().aboutToShow.emit()
    assert [a.text() for a in histogram.others.menu().actions() if a.isChecked()] == ["first"]
    viewer.layers.remove(first)
    settle(histogram)
    assert [c.name for c in histogram.plot._curves] == ["second"]
    process_events()
    assert len(histogram.findChildren(Follower)) == 1


def test_lazy_layers_are_read_once_while_nothing_changes(viewer: Any, histogram: HistogramDock, settle: Settle) -> None:
    array = np.random.default_rng(6).integers(0, 99, (6, 30, 40))
    watched = Watched(array)
    layer = Image(watched, contrast_limits=(0, 99))
    viewer.add_layer(layer)
    other = viewer.add_image(array[0])
    viewer.layers.selection.active = layer
    watched.read[:] = 0
    histogram.count_again()
    settle(histogram)
    check(histogram, array)
    base = watched.read.copy()
    assert (base <= 2).all()
    for act in (
        lambda: histogram.bins.setValue(11),
        lambda: setattr(layer, "contrast_limits", (3, 40)),
        lambda: setattr(viewer.layers.selection, "active", other),
        lambda: setattr(viewer.layers.selection, "active", layer),
    ):
        act()
        settle(histogram)
    check(histogram, array)
    np.testing.assert_array_equal(watched.read, base)


class Broken(Watched):
    """An array whose file is gone."""

    is_gone = False

    def __getitem__(self, key: Any) -> Any:
        if self.is_gone:
            raise OSError("the disk is gone")
        return super().__getitem__(key)


def test_a_layer_that_cannot_be_read_says_so(viewer: Any, histogram: HistogramDock, settle: Settle) -> None:
    broken = Broken(np.zeros((2, 30, 40)))
    viewer.add_layer(Image(broken, name="lost", contrast_limits=(0, 1)))
    settle(histogram)
    broken.is_gone = True
    histogram.count_again()
    settle(histogram)
    assert histogram.shown_sentence == "'lost' could not be read: the disk is gone"
    broken.is_gone = False
    histogram.count_again()
    settle(histogram)
    check(histogram, np.zeros((2, 30, 40)))


def test_a_slow_layer_is_shown_partial_and_left_at_once(
    viewer: Any, histogram: HistogramDock, settle: Settle, qtbot: Any
) -> None:
    rng = np.random.default_rng(6)
    first = Gated(rng.integers(0, 99, (40, 300, 400), np.uint16), 24, 32)
    quick = viewer.add_image(np.eye(30))
    settle(histogram)
    slow = Image(first, contrast_limits=(0, 99))
    viewer.add_layer(slow)
    qtbot.waitUntil(lambda: histogram.found is not None and "partial" in histogram.state.whole())
    assert "% read" in histogram.state.whole()
    slow.data = second = Gated(rng.integers(0, 99, (3, 300, 400), np.uint16))
    qtbot.waitUntil(lambda: histogram.found is None)  # although nothing is known of the new data yet
    assert histogram.shown_sentence == "Counting…"
    viewer.layers.selection.active = quick
    settle(histogram)  # while the others are still being read
    check(histogram, quick.data)
    for array in (first, second):
        array.gate.set()


def test_a_hidden_dock_does_nothing(viewer: Any, histogram: HistogramDock, settle: Settle) -> None:
    layer = viewer.add_image(RNG.random((20, 20)))
    settle(histogram)
    counted = callbacks(viewer, layer)
    dock_of(histogram).hide()  # type: ignore[union-attr]
    process_events()
    assert callbacks(viewer, layer) < counted
    assert histogram.follower is None
    before = histogram.redraws
    layer.data = RNG.random((20, 20)) * 5
    viewer.add_image(np.zeros((4, 4)))
    viewer.layers.selection.active = layer
    settle(histogram)
    assert histogram.redraws == before
    dock_of(histogram).show()  # type: ignore[union-attr]
    settle(histogram)
    check(histogram, layer.data)


def test_a_closed_dock_leaves_nothing_behind(viewer: Any, settle: Settle) -> None:
    layer = viewer.add_image(RNG.random((20, 20)))
    before = callbacks(viewer, layer)
    for _ in range(3):
        dock = open_dock(viewer, "Histogram")
        settle(dock)
        assert callbacks(viewer, layer) > before
        viewer.window.remove_dock_widget(dock_of(dock))
        process_events()
        assert callbacks(viewer, layer) == before
    assert not viewer.window._qt_window.findChildren(HistogramDock)


def test_a_narrow_dock_says_what_lies_outside(viewer: Any, histogram: HistogramDock, settle: Settle) -> None:
    data = np.random.default_rng(0).normal(0.5, 0.1, (500, 500))
    data[0, :9], data[1, :9], data[2, :9] = -9999, 9999, np.nan
    histogram.setFixedWidth(280)
    viewer.add_image(data)
    settle(histogram)
    texts = [label.text() for label in histogram.findChildren(QLabel)]
    assert any("below" in text and "above" in text and "NaN or ∞" in text for text in texts), texts
