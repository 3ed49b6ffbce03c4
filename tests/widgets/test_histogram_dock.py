"""The histogram dock in a real window: what it shows is what NumPy counts, after every change."""

import csv
import gc
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import zarr
from hand import callbacks
from napari.layers import Image, Labels, Shapes
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from skimage import data, draw

from napari_mathimg.widgets.histogram.dock import HistogramDock
from napari_mathimg.widgets.histogram.follower import Follower
from napari_mathimg.widgets.open import open_dock
from napari_mathimg.widgets.parts import dock_of

SECONDS = float(os.environ.get("NAPARI_MATHIMG_RANDOM_SECONDS", "5"))
Settle = Callable[..., None]
RNG = np.random.default_rng(0)


@pytest.fixture
def widget(viewer: Any, settle: Settle) -> HistogramDock:
    dock: HistogramDock = open_dock(viewer, "Histogram")
    settle(dock)
    return dock


@pytest.fixture
def settle() -> Settle:
    def wait(dock: HistogramDock) -> None:
        """Let the window live until nothing is to come."""
        end = time.monotonic() + 20
        while True:
            QTest.qWait(2)
            if not dock.is_counting and not dock.runner.is_running:
                return
            assert time.monotonic() < end, "no end of counting"

    return wait


def pixels_of(layer: Any, viewer: Any, where: str = "layer", mask: Any = None) -> Any:
    """Return the pixels that are to be counted, taken from the layer by hand."""
    array = np.asarray(layer.data[0] if layer.multiscale else layer.data)
    if where != "layer":
        before = viewer.dims.ndim - layer.ndim
        shown = [axis - before for axis in viewer.dims.displayed]
        at = layer.world_to_data(np.asarray(viewer.dims.point)[before:])
        array = array[tuple(slice(None) if k in shown else int(np.round(at[k])) for k in range(layer.ndim))]
    if mask is not None:
        array = array[mask]
    return array


def check(dock: HistogramDock, pixels: Any, channel: int = 0, *, rgb: bool = False) -> None:
    """Compare what is drawn with numpy.histogram on the same edges, and the numbers with NumPy's."""
    follower, found = dock.follower, dock.found
    assert follower is not None
    assert found is not None, dock.shown_sentence
    assert dock.shown_sentence == ""
    assert follower.tally is not None
    assert follower.tally.exact
    plane = np.asarray(pixels)[..., channel] if rgb else np.asarray(pixels)
    x = plane.ravel()
    x = x[np.isfinite(x)] if x.dtype.kind == "f" else x
    x = x.astype(np.float64)
    np.testing.assert_array_equal(found.counts[channel], np.histogram(x, found.edges)[0])
    assert np.atleast_1d(found.underflow)[channel] == np.count_nonzero(x < found.edges[0])
    assert np.atleast_1d(found.overflow)[channel] == np.count_nonzero(x > found.edges[-1])
    assert np.atleast_1d(found.nonfinite)[channel] == plane.size - x.size
    drawn = next(c for c in dock.plot._curves if not c.dashed and (not rgb or c.name.endswith("Red")))
    np.testing.assert_array_equal(drawn.counts, found.counts[channel])
    if not rgb and x.size:
        s = follower.tally.statistics()
        np.testing.assert_allclose([s.mean, s.low, s.high], [x.mean(), x.min(), x.max()], rtol=1e-9, atol=1e-9)


def drag(
    plot: Any, start: float, stop: float, height: float = 0.5, modifiers: Any = Qt.KeyboardModifier.NoModifier
) -> None:
    """Drag with the left button from one value to another."""
    rect, view = plot.view.sceneBoundingRect(), plot.viewport()
    y = rect.top() + rect.height() * (1 - height)
    points = [plot.view.mapViewToScene(QPointF(x, 0)).x() for x in np.linspace(start, stop, 9)]

    def send(kind: QEvent.Type, x: float, button: Any, buttons: Any) -> None:
        at = QPointF(plot.mapFromScene(QPointF(x, y)))
        there = QPointF(view.mapToGlobal(at.toPoint()))
        event = QMouseEvent(kind, at, there, button, buttons, modifiers)
        QApplication.sendEvent(view, event)
        QTest.qWait(2)

    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    send(QEvent.Type.MouseMove, points[0], none, none)
    send(QEvent.Type.MouseButtonPress, points[0], left, left)
    for x in points[1:]:
        send(QEvent.Type.MouseMove, x, none, left)
    send(QEvent.Type.MouseButtonRelease, points[-1], left, none)


KINDS: dict[str, Callable[[], tuple[Any, dict[str, Any]]]] = {
    "u1": lambda: (data.camera()[::4, ::4], {}),
    "u2": lambda: (np.random.default_rng(1).integers(0, 2**16, (60, 70), dtype=np.uint16), {}),
    "hot f4": lambda: (np.where(np.eye(50), np.float32(1e30), RNG.random((50, 50)).astype("f4")), {}),
    "NaN f8": lambda: (np.where(np.eye(50), np.nan, RNG.random((50, 50))), {}),
    "constant": lambda: (np.full((20, 20), 7, np.int16), {}),
    "bool": lambda: (RNG.random((30, 30)) > 0.3, {}),
    "4-D": lambda: (np.random.default_rng(2).normal(9, 3, (2, 3, 40, 50)).astype("f4"), {}),
    "RGB": lambda: (data.astronaut()[::8, ::8], {"rgb": True}),
    "f2": lambda: (RNG.random((30, 40)).astype("f2"), {"contrast_limits": (0, 1)}),
    "dask": lambda: (da.from_array(np.random.default_rng(3).integers(0, 99, (6, 64, 64)), chunks=(1, 64, 32)), {}),
    "multiscale": lambda: (
        [np.random.default_rng(4).integers(0, 999, (128 // k, 128 // k), dtype=np.uint16) for k in (1, 2, 4)],
        {"multiscale": True, "contrast_limits": (0, 999)},
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_shows_what_numpy_counts(viewer: Any, widget: HistogramDock, settle: Settle, kind: str) -> None:
    array, arguments = KINDS[kind]()
    layer = viewer.add_image(array, **arguments)
    settle(widget)
    for bins in (256, 1, 37, 65536):
        widget.bins.setValue(bins)
        check(widget, pixels_of(layer, viewer), rgb=kind == "RGB")
    if layer.ndim > 2:
        widget.where.setCurrentIndex(1)
        settle(widget)
        check(widget, pixels_of(layer, viewer, "plane"))
        for step in (1, 0):
            viewer.dims.set_current_step(0, step)
            settle(widget)
            check(widget, pixels_of(layer, viewer, "plane"))
        viewer.dims.order = (*viewer.dims.order[1:], viewer.dims.order[0])
        settle(widget)
        check(widget, pixels_of(layer, viewer, "plane"))


def test_it_tells_in_a_sentence_what_has_no_histogram(viewer: Any, widget: HistogramDock, settle: Settle) -> None:
    def sentence() -> str:
        settle(widget)
        assert (widget.found is None) == bool(widget.shown_sentence)
        assert not widget.shown_sentence or not widget.plot._drawn
        return widget.shown_sentence

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


def test_every_change_of_the_pixels_is_shown_once(viewer: Any, widget: HistogramDock, settle: Settle) -> None:
    layer = viewer.add_image(RNG.random((3, 40, 40)).astype("f4"))
    settle(widget)
    changes: list[Callable[[], Any]] = [
        lambda: setattr(layer, "data", RNG.random((3, 40, 40)) * 9),
        lambda: (layer.data.__setitem__((0, 3), 77), layer.refresh()),
        lambda: setattr(layer, "data", np.arange(3 * 400).reshape(3, 20, 20)),
    ]
    for change in changes:
        before = widget.redraws
        change()
        settle(widget)
        check(widget, layer.data)
        assert widget.redraws == before + 1
    before = widget.redraws
    viewer.dims.set_current_step(0, 2)
    layer.gamma, layer.colormap, layer.contrast_limits = 0.5, "viridis", (3, 90)
    settle(widget)
    assert widget.redraws == before  # the whole layer's counts stay what they are
    assert widget.plot._limits == (3, 90, 0.5)


def test_an_invisible_layer_is_counted_at_the_sliders(viewer: Any, widget: HistogramDock, settle: Settle) -> None:
    layer = viewer.add_image(np.arange(5 * 16).reshape(5, 4, 4))
    widget.where.setCurrentIndex(1)
    settle(widget)
    layer.visible = False
    viewer.dims.set_current_step(0, 3)
    settle(widget)
    check(widget, layer.data[3])
    layer.data[3] = 5
    layer.visible = True
    settle(widget)
    check(widget, layer.data[3])


def test_it_keeps_up_with_a_slider(viewer: Any, widget: HistogramDock, settle: Settle) -> None:
    layer = viewer.add_image(np.random.default_rng(0).integers(0, 4000, (60, 512, 512), dtype=np.uint16))
    widget.where.setCurrentIndex(1)
    settle(widget)
    before, shown = widget.redraws, 0
    for step in range(60):
        viewer.dims.set_current_step(0, step)
        begun, worked = time.monotonic(), time.process_time()
        while time.process_time() - worked < 0.02 and time.monotonic() - begun < 0.2:  # whatever else runs here
            QTest.qWait(2)
        shown += widget.found is not None
    settle(widget)
    check(widget, layer.data[59])
    assert widget.redraws - before >= 30
    assert shown >= 50


def test_handles_and_limits_are_tied_both_ways(viewer: Any, widget: HistogramDock, settle: Settle, qtbot: Any) -> None:
    layer = viewer.add_image(data.camera(), name="camera")
    settle(widget)
    layer.contrast_limits = (50, 200)
    assert [handle.value() for handle in widget.plot.handles] == [50, 200]
    QTest.qWait(50)
    drag(widget.plot, 50, 90)
    assert layer.contrast_limits[0] == pytest.approx(90, abs=3)
    assert layer.contrast_limits[1] == 200
    drag(widget.plot, 200, 30)
    assert layer.contrast_limits[0] < layer.contrast_limits[1]
    for name, (low, high) in {
        "Full range": (0, 255),
        "Type range": (0, 255),
        "1–99 %": tuple(np.quantile(data.camera(), [0.01, 0.99])),
        "0.35–99.65 %": tuple(np.quantile(data.camera(), [0.0035, 0.9965])),
    }.items():
        widget.limit_buttons[name].click()
        assert tuple(layer.contrast_limits) == pytest.approx((low, high))
    field = widget.limits.low
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, "33")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert layer.contrast_limits[0] == 33
    layer.gamma = 0.5
    values, shares = widget.plot.transfer.getData()
    np.testing.assert_allclose(shares, ((values - 33) / (layer.contrast_limits[1] - 33)) ** 0.5, atol=1e-9)


def test_bad_input_gives_one_sentence(
    viewer: Any, widget: HistogramDock, settle: Settle, qtbot: Any, notifications: list[Any]
) -> None:
    layer = viewer.add_image(data.camera(), name="camera")
    settle(widget)
    for text in ("300", "many"):
        widget.limits.low.selectAll()
        qtbot.keyClicks(widget.limits.low, text)
        qtbot.keyClick(widget.limits.low, Qt.Key.Key_Return)
    assert [n.message for n in notifications] == [
        "300 – 255: two numbers, the first at most the second.",
        "many – 255: two numbers, the first at most the second.",
    ]
    assert tuple(layer.contrast_limits) == (0, 255)
    assert widget.limits.low.text() == "0"


def test_a_dragged_range_tells_its_share_and_is_isolated(viewer: Any, widget: HistogramDock, settle: Settle) -> None:
    camera = data.camera()
    viewer.add_image(camera, name="camera")
    settle(widget)
    QTest.qWait(50)
    drag(widget.plot, 150.2, 159.8, 0.6)
    assert widget._mark == (150, 160)
    inside = (camera >= 150) & (camera <= 160)
    share = f"{100 * inside.mean():.2f}%"
    assert widget.marked_share.whole().startswith(share)
    widget.isolate_button.click()
    settle(widget)
    assert [layer.name for layer in viewer.layers] == ["camera", "camera – Clip"]
    result = viewer.layers[-1]
    np.testing.assert_array_equal(result.data, np.where(inside, camera, 0))
    assert result.data.dtype == np.uint8
    step = result.metadata["napari_mathimg"][-1]
    assert (step["operation"], step["source"]) == ("clip", "camera")
    assert step["parameters"] == {"low": 150, "high": 160, "outside": "zero"}
    widget.before_after.setChecked(True)
    settle(widget)
    assert [c.name for c in widget.plot._curves] == ["camera – Clip", "camera"]
    after, before = (c.cumulative for c in widget.plot._curves)
    assert after is not None
    assert before is not None
    values, shares = before
    for value, share_up_to in zip(values[1:], shares[1:], strict=True):
        assert share_up_to == np.count_nonzero(camera <= value) / camera.size


def test_the_isolated_range_of_floating_point_is_the_share_that_was_told(
    viewer: Any, widget: HistogramDock, settle: Settle
) -> None:
    image = (np.arange(40_000).reshape(200, 200) % 997 / 8).astype("f4")
    viewer.add_image(image, name="real")
    settle(widget)
    widget.mark_range(10, 20)
    assert widget._mark == (10, 20)
    tally = widget.follower.tally  # type: ignore[union-attr]
    assert tally is not None
    told = tally.between(*widget._mark)  # type: ignore[misc]
    widget.isolate_button.click()
    settle(widget)
    assert np.count_nonzero(viewer.layers[-1].data) == told == np.count_nonzero((image >= 10) & (image < 20))


def test_pinned_layers_stay_live(viewer: Any, widget: HistogramDock, settle: Settle, qtbot: Any) -> None:
    first = viewer.add_image(np.arange(100).reshape(10, 10), name="first")
    settle(widget)
    qtbot.mouseClick(widget.pin_button, Qt.MouseButton.LeftButton)
    viewer.add_image(np.arange(400).reshape(20, 20), name="second")
    settle(widget)
    assert [c.name for c in widget.plot._curves] == ["second", "first"]
    assert widget.plot._curves[1].counts.sum() == pytest.approx(400 * widget.plot._curves[1].counts.size / 100, rel=1)
    first.name = "before"
    settle(widget)
    assert "before" in widget.legend.text()
    first.name = "first"
    first.data = np.zeros((10, 10), int)
    settle(widget)
    assert widget.plot._curves[1].counts.size == 1
    widget.others.menu().aboutToShow.emit()
    assert [a.text() for a in widget.others.menu().actions() if a.isChecked()] == ["first"]
    viewer.layers.remove(first)
    settle(widget)
    assert [c.name for c in widget.plot._curves] == ["second"]
    QTest.qWait(20)
    assert len(widget.findChildren(Follower)) == 1


def test_regions(viewer: Any, widget: HistogramDock, settle: Settle) -> None:
    rng = np.random.default_rng(5)
    layer = viewer.add_image(rng.integers(0, 1000, (3, 60, 80)), name="stack", scale=(2, 0.5, 0.5), translate=(0, 3, 4))
    labels = np.zeros((3, 60, 80), int)
    labels[:, 10:20, 30:50] = 4
    cells = Labels(labels, scale=(2, 0.5, 0.5), translate=(0, 3, 4), name="cells")
    polygon = np.array([[5.2, 7.1], [50.3, 20.4], [30.1, 70.2]])
    shapes = Shapes([polygon], shape_type="polygon", scale=(0.5, 0.5), translate=(3, 4), name="marks")
    for other in (cells, shapes):
        viewer.add_layer(other)
    viewer.layers.selection.active = layer
    settle(widget)
    names = [widget.inside.itemText(k) for k in range(widget.inside.count())]
    assert names == ["Everywhere", "Inside marks", "Inside cells"]
    mask = draw.polygon2mask((60, 80), polygon)
    widget.inside.setCurrentIndex(1)
    settle(widget)
    check(widget, layer.data[:, mask])
    widget.where.setCurrentIndex(1)
    settle(widget)
    check(widget, pixels_of(layer, viewer, "plane", mask))
    shapes.add([[40, 60], [40, 75], [55, 75], [55, 60]], shape_type="rectangle")
    shapes.selected_data = {1}
    settle(widget)
    box = np.zeros((60, 80), bool)
    box[41:56, 61:76] = True  # centres on the first edges lie outside or inside, by convention
    assert abs(widget.found.counts.sum() - box.sum()) <= 32  # type: ignore[union-attr]
    shapes.selected_data = {0}
    settle(widget)
    check(widget, pixels_of(layer, viewer, "plane", mask))
    widget.inside.setCurrentIndex(2)
    settle(widget)
    assert widget.shown_sentence == "The selection holds no pixel of this layer."
    cells.selected_label = 4
    settle(widget)
    check(widget, pixels_of(layer, viewer, "plane", labels[0] == 4))
    widget.where.setCurrentIndex(0)
    settle(widget)
    check(widget, layer.data[labels == 4])
    cells.data[1, 0, 0] = 4
    cells.refresh()
    settle(widget)
    check(widget, layer.data[cells.data == 4])
    viewer.layers.remove(cells)
    settle(widget)
    assert widget.inside.layer is None
    check(widget, layer.data)


def test_what_is_on_screen(viewer: Any, widget: HistogramDock, settle: Settle) -> None:
    layer = viewer.add_image(np.arange(400 * 300).reshape(400, 300))
    settle(widget)
    widget.where.setCurrentIndex(2)
    viewer.scene.camera.zoom, viewer.scene.camera.center = 12, (100, 120)
    QTest.qWait(300)
    settle(widget)
    (top, left), (bottom, right) = layer.corner_pixels
    part = layer.data[top : bottom + 1, left : right + 1]
    assert 0 < part.size < layer.data.size / 4
    check(widget, part)


class Watched:
    """A chunked array that notes how often each pixel is read, slowly if asked."""

    def __init__(self, array: Any, seconds: float = 0) -> None:
        self.array, self.shape, self.dtype, self.ndim = array, array.shape, array.dtype, array.ndim
        self.chunks = (1, *array.shape[1:])
        self.read = np.zeros(array.shape, int)
        self.seconds = seconds

    def __getitem__(self, key: Any) -> Any:
        self.read[key] += 1
        time.sleep(self.seconds)
        return self.array[key]


def test_lazy_layers_are_read_once_while_nothing_changes(viewer: Any, widget: HistogramDock, settle: Settle) -> None:
    array = np.random.default_rng(6).integers(0, 99, (6, 30, 40))
    watched = Watched(array)
    layer = Image(watched, contrast_limits=(0, 99))
    viewer.add_layer(layer)
    other = viewer.add_image(array[0])
    viewer.layers.selection.active = layer
    watched.read[:] = 0
    widget.count_again()
    settle(widget)
    check(widget, array)
    base = watched.read.copy()
    assert (base <= 2).all()
    for act in (
        lambda: widget.bins.setValue(11),
        lambda: setattr(layer, "contrast_limits", (3, 40)),
        lambda: setattr(viewer.layers.selection, "active", other),
        lambda: setattr(viewer.layers.selection, "active", layer),
    ):
        act()
        settle(widget)
    check(widget, array)
    np.testing.assert_array_equal(watched.read, base)


class Broken(Watched):
    """An array whose file is gone."""

    def __getitem__(self, key: Any) -> Any:
        if self.seconds:
            raise OSError("the disk is gone")
        return super().__getitem__(key)


def test_a_layer_that_cannot_be_read_says_so(viewer: Any, widget: HistogramDock, settle: Settle) -> None:
    broken = Broken(np.zeros((2, 30, 40)))
    viewer.add_layer(Image(broken, name="lost", contrast_limits=(0, 1)))
    settle(widget)
    broken.seconds = 1
    widget.count_again()
    settle(widget)
    assert widget.shown_sentence == "'lost' could not be read: the disk is gone"
    broken.seconds = 0
    widget.count_again()
    settle(widget)
    check(widget, np.zeros((2, 30, 40)))


def test_ellipses_and_shapes_of_other_planes(viewer: Any, widget: HistogramDock, settle: Settle) -> None:
    layer = viewer.add_image(np.random.default_rng(8).integers(0, 99, (3, 60, 80)))
    box = np.array([[1, 10, 20], [1, 10, 50], [1, 40, 50], [1, 40, 20]], float)
    viewer.add_layer(Shapes([box], shape_type="ellipse", name="round"))
    viewer.layers.selection.active = layer
    settle(widget)
    widget.where.setCurrentIndex(1)
    widget.inside.setCurrentIndex(1)
    viewer.dims.set_current_step(0, 0)
    settle(widget)
    assert widget.shown_sentence == "'round' has no shape with an area at this place."
    viewer.dims.set_current_step(0, 1)
    settle(widget)
    rows, columns = np.mgrid[:60, :80]
    inside = ((rows - 25) / 15) ** 2 + ((columns - 35) / 15) ** 2 < 1
    assert widget.found is not None
    assert widget.found.counts.sum() == pytest.approx(inside.sum(), rel=0.02)
    viewer.dims.ndisplay = 3
    settle(widget)
    assert widget.shown_sentence == "The shapes of 'round' mark a plane: show the image in 2D."


def test_what_of_a_pyramid_is_on_screen(viewer: Any, widget: HistogramDock, settle: Settle) -> None:
    levels = [np.arange(2048 * 2048).reshape(2048, 2048)[::k, ::k] // 999 for k in (1, 2, 4)]
    layer = viewer.add_image(levels, multiscale=True, contrast_limits=(0, 4200))
    widget.where.setCurrentIndex(2)
    viewer.scene.camera.zoom, viewer.scene.camera.center = 0.5, (700, 900)
    QTest.qWait(300)
    settle(widget)
    factor = int(layer.downsample_factors[layer.data_level][0])
    (top, left), (bottom, right) = layer.corner_pixels
    check(widget, levels[0][top * factor : (bottom + 1) * factor, left * factor : (right + 1) * factor])


def test_the_view_zooms_moves_and_comes_home(viewer: Any, widget: HistogramDock, settle: Settle, qtbot: Any) -> None:
    viewer.add_image(data.camera())
    settle(widget)
    QTest.qWait(50)
    plot = widget.plot
    home = plot.view.viewRange()[0]
    place = plot.mapFromScene(plot.view.mapViewToScene(QPointF(128, 0)))
    place.setY(100)
    turn = QWheelEvent(
        QPointF(place), QPointF(plot.viewport().mapToGlobal(place)), QPoint(), QPoint(0, 360),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(plot.viewport(), turn)
    low, high = plot.view.viewRange()[0]
    assert home[0] < low < 128 < high < home[1]
    drag(plot, 128, 140, modifiers=Qt.KeyboardModifier.ShiftModifier)
    moved = plot.view.viewRange()[0]
    assert moved[1] - moved[0] == pytest.approx(high - low)
    assert moved[0] < low
    assert widget._mark is None
    viewer.layers[0].refresh()  # new counts leave the view as it is
    settle(widget)
    assert plot.view.viewRange()[0] == pytest.approx(moved)
    qtbot.mouseDClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert plot.view.viewRange()[0] == pytest.approx(home)


def test_a_slow_layer_is_shown_partial_and_left_at_once(viewer: Any, widget: HistogramDock, settle: Settle) -> None:
    slow = Image(Watched(np.random.default_rng(6).integers(0, 99, (40, 300, 400)), 0.15), contrast_limits=(0, 99))
    quick = viewer.add_image(np.eye(30))
    settle(widget)
    viewer.add_layer(slow)
    end = time.monotonic() + 10
    while widget.found is None or "partial" not in widget.state.whole():
        QTest.qWait(5)
        assert time.monotonic() < end
    assert "% read" in widget.state.whole()
    slow.data = Watched(np.random.default_rng(7).integers(0, 99, (3, 300, 400)), 0.6)
    QTest.qWait(200)  # the old curve goes although nothing is known of the new data yet
    assert widget.found is None
    assert widget.shown_sentence == "Counting…"
    begun = time.monotonic()
    viewer.layers.selection.active = quick
    QTest.qWait(1)
    settle(widget)
    check(widget, quick.data)
    assert time.monotonic() - begun < 1


def test_a_hidden_dock_does_nothing(viewer: Any, widget: HistogramDock, settle: Settle) -> None:
    layer = viewer.add_image(RNG.random((20, 20)))
    settle(widget)
    counted = callbacks(viewer, layer)
    dock_of(widget).hide()  # type: ignore[union-attr]
    QTest.qWait(20)
    assert callbacks(viewer, layer) < counted
    assert widget.follower is None
    before = widget.redraws
    layer.data = RNG.random((20, 20)) * 5
    viewer.add_image(np.zeros((4, 4)))
    viewer.layers.selection.active = layer
    settle(widget)
    assert widget.redraws == before
    dock_of(widget).show()  # type: ignore[union-attr]
    settle(widget)
    check(widget, layer.data)


def test_a_closed_dock_leaves_nothing_behind(viewer: Any, settle: Settle) -> None:
    layer = viewer.add_image(RNG.random((20, 20)))
    before = callbacks(viewer, layer)
    for _ in range(3):
        dock = open_dock(viewer, "Histogram")
        settle(dock)
        assert callbacks(viewer, layer) > before
        viewer.window.remove_dock_widget(dock_of(dock))
        QTest.qWait(50)
        assert callbacks(viewer, layer) == before
    assert not viewer.window._qt_window.findChildren(HistogramDock)


def test_counts_and_plot_are_saved(
    viewer: Any, widget: HistogramDock, settle: Settle, tmp_path: Path, notifications: list[Any]
) -> None:
    widget.export_counts(tmp_path / "none.csv")
    widget.export_plot(tmp_path / "none.png")
    assert [n.message for n in notifications] == [
        "There are no exact counts to save yet.",
        "There is no histogram to save.",
    ]
    image = data.astronaut()
    viewer.add_image(image, rgb=True)
    settle(widget)
    widget.bins.setValue(256)
    widget.export_counts(tmp_path / "counts.csv")
    with (tmp_path / "counts.csv").open() as file:
        head, *rows = list(csv.reader(file))
    assert head == ["low", "high", "red", "green", "blue", "luminance"]
    for c in range(3):
        assert sum(int(row[2 + c]) for row in rows) == 512 * 512
        by_level = {float(row[0]): int(row[2 + c]) for row in rows[1:-2]}
        for level in (1, 77, 200):
            assert by_level[level - 0.5] == np.count_nonzero(image[..., c] == level)
    for name in ("plot.png", "plot.svg"):
        widget.export_plot(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000
    assert "<svg" in (tmp_path / "plot.svg").read_text()
    widget.export_plot(tmp_path / "nowhere" / "plot.svg")
    assert "nowhere" in notifications[-1].message


def test_the_cursor_reads_values_counts_and_percentiles(viewer: Any, widget: HistogramDock, settle: Settle) -> None:
    camera = data.camera()
    viewer.add_image(camera)
    settle(widget)
    widget.plot.hovered.emit(150.3)
    n, upto = np.count_nonzero(camera == 150), 100 * np.count_nonzero(camera <= 150) / camera.size
    assert widget.read_out.whole().replace("\u00a0", "") == f"150:  {n} px,  percentile {upto:.2f}"
    widget.plot.hovered.emit(float("nan"))
    assert widget.read_out.whole() == ""


def test_the_theme_is_followed(viewer: Any, widget: HistogramDock, settle: Settle) -> None:
    viewer.add_image(RNG.random((20, 20)))
    settle(widget)
    seen = {}
    for theme in ("light", "dark"):
        viewer.theme = theme
        QTest.qWait(20)
        seen[theme] = widget.plot.backgroundBrush().color().lightness()
    assert seen["light"] > 180 > 80 > seen["dark"]


@pytest.mark.parametrize("seed", [int(os.environ.get("NAPARI_MATHIMG_RANDOM_SEED", "0"))])
def test_random_work_never_shows_anything_stale(
    viewer: Any, widget: HistogramDock, settle: Settle, notifications: list[Any], seed: int, tmp_path: Path
) -> None:
    """Twenty layers of different kinds are made, switched, sliced, changed, renamed and removed at random."""
    rng = random.Random(seed)
    stored = zarr.create_array(str(tmp_path / "z.zarr"), shape=(4, 50, 60), dtype="f4", chunks=(1, 25, 60))
    stored[:] = np.random.default_rng(7).normal(0, 1, (4, 50, 60))
    kinds = {**KINDS, "zarr": lambda: (stored, {"contrast_limits": (-3, 3)})}
    where = "layer"
    idle = callbacks(viewer)

    def add() -> None:
        if len(viewer.layers) >= 20:
            remove()
        kind = rng.choice([*kinds, "labels", "points"])
        if kind == "labels":
            viewer.add_labels(np.random.default_rng(1).integers(0, 4, (30, 30)))
        elif kind == "points":
            viewer.add_points(RNG.random((5, 2)))
        else:
            array, arguments = kinds[kind]()
            viewer.add_image(array, **arguments)

    def remove() -> None:
        if len(viewer.layers):
            viewer.layers.pop(rng.randrange(len(viewer.layers)))

    def switch() -> None:
        if len(viewer.layers):
            viewer.layers.selection.active = rng.choice(list(viewer.layers))

    def slide() -> None:
        for axis in range(viewer.dims.ndim - 2):
            viewer.dims.set_current_step(axis, rng.randrange(4))

    def rename() -> None:
        if len(viewer.layers):
            rng.choice(list(viewer.layers)).name = f"layer {rng.random():.3f}"

    def change() -> None:
        layer = viewer.layers.selection.active
        if isinstance(layer, Image) and isinstance(layer.data, np.ndarray) and not layer.rgb:
            if rng.random() < 0.5:
                layer.data = (layer.data * 0.5).astype(layer.data.dtype)
            else:
                layer.visible = True  # napari tells nobody of a refresh of what it does not show
                layer.data[..., : rng.randrange(1, 9)] = layer.data.flat[0]
                layer.refresh()

    def look() -> None:
        layer = viewer.layers.selection.active
        if isinstance(layer, Image):
            layer.gamma, layer.visible = rng.choice([0.5, 1, 2]), rng.random() < 0.7

    def show_where() -> None:
        nonlocal where
        where = rng.choice(["layer", "plane"])
        widget.where.setCurrentIndex(["layer", "plane"].index(where))

    def pin() -> None:
        layer = viewer.layers.selection.active
        if isinstance(layer, Image):
            widget.pin(layer, rng.random() < 0.5)

    def hide() -> None:
        dock_of(widget).setVisible(False)  # type: ignore[union-attr]
        rng.choice([add, remove, switch, slide, change])()
        dock_of(widget).setVisible(True)  # type: ignore[union-attr]

    actions = [add, add, add, remove, switch, switch, switch, slide, slide, rename, change, look, show_where, pin, hide]
    end, steps = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        for _ in range(rng.choice([1, 1, 1, 3])):
            rng.choice(actions)()
        settle(widget)
        steps += 1
        layer = viewer.layers.selection.active
        if not isinstance(layer, Image):
            assert widget.found is None
            assert widget.shown_sentence
            continue
        try:
            pixels = pixels_of(layer, viewer, where)
        except IndexError:
            assert "no plane at this place" in widget.shown_sentence
            continue
        check(widget, pixels, rgb=bool(layer.rgb))
        assert widget.title.whole() == layer.name
    while len(viewer.layers):
        remove()
    settle(widget)
    QTest.qWait(100)
    gc.collect()
    assert not notifications
    assert callbacks(viewer) == idle
    assert not widget.findChildren(Follower)
    print(f"{steps} steps in {SECONDS:g} s")
    assert steps > 3 * SECONDS
