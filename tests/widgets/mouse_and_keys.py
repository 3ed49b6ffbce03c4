"""Mouse and keyboard input in the canvas and in widgets, and the expected coordinates of clicks."""

from typing import Any

import numpy as np
import psygnal
from event_loop import process_events
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QComboBox, QLineEdit
from superqt.utils._throttler import ThrottledCallable

from napari_mathimg.widgets.perspective.corners_panel import CornersPanel
from napari_mathimg.widgets.qt.layout import dock_of

LEFT = Qt.MouseButton.LeftButton
QUAD = ((20.0, 25.0), (28.0, 95.0), (75.0, 105.0), (66.0, 15.0))  # clockwise from the upper left
SHAPE = (90, 120)


class Hand:
    """Sends clicks, drags and keys to the canvas, at (row, column) of a layer, or at a place on all its axes."""

    def __init__(self, viewer: Any, qtbot: Any) -> None:
        self.viewer, self.qtbot = viewer, qtbot
        self.canvas = viewer.window._qt_viewer.canvas.native
        self.is_down = False
        heard_by = viewer.window._qt_viewer.canvas.events.mouse_move.callbacks
        owners = [held[0]() if isinstance(held, tuple) else held for held in heard_by]
        self._throttled = [owner for owner in owners if isinstance(owner, ThrottledCallable)]
        assert self._throttled  # napari throttles moves to one in 5 ms

    def at(self, layer: Any, place: Any) -> QPoint:
        whole = [*(0,) * (layer.ndim - len(place)), *place]
        camera, dims = self.viewer.scene.camera, self.viewer.dims
        world = np.array(layer.data_to_world(whole))[[axis - dims.ndim for axis in dims.displayed[-2:]]]
        down, right = (world - np.array(camera.center)[-2:]) * camera.zoom
        return QPoint(round(self.canvas.width() / 2 + right), round(self.canvas.height() / 2 + down))

    def click(self, layer: Any, *places: Any) -> None:
        for place in places:
            QTest.mouseClick(self.canvas, LEFT, pos=self.at(layer, place))
            process_events()

    def press(self, layer: Any, place: Any) -> None:
        QTest.mousePress(self.canvas, LEFT, pos=self.at(layer, place))
        self.is_down = True
        process_events()

    def move(self, layer: Any, begin: Any, end: Any, steps: int = 5) -> None:
        for share in np.linspace(0, 1, steps):
            self._move(self.at(layer, np.add(begin, share * np.subtract(end, begin))))

    def _move(self, place: QPoint) -> None:
        """Send a move to the canvas directly: `QTest.mouseMove` moves the cursor, and its event arrives only later."""
        none = Qt.MouseButton.NoButton
        at, there = QPointF(place), QPointF(self.canvas.mapToGlobal(place))
        held, modifiers = LEFT if self.is_down else none, Qt.KeyboardModifier.NoModifier
        QApplication.sendEvent(self.canvas, QMouseEvent(QEvent.Type.MouseMove, at, there, none, held, modifiers))
        for throttled in self._throttled:
            throttled.flush()
        process_events()

    def release(self, layer: Any, place: Any) -> None:
        QTest.mouseRelease(self.canvas, LEFT, pos=self.at(layer, place))
        self.is_down = False
        process_events()

    def drag(self, layer: Any, begin: Any, end: Any) -> None:
        self.press(layer, begin)
        self.move(layer, begin, end)
        self.release(layer, end)

    def key(self, key: Any) -> None:
        QTest.keyClick(self.canvas, key)
        process_events()

    def pick(self, widget: Any, layer: Any, places: Any = QUAD) -> None:
        """Press Pick corners, and click corners."""
        button = widget.panel(CornersPanel).pick_button
        self.qtbot.waitUntil(lambda: button.isVisible() and button.isEnabled())
        self.qtbot.mouseClick(button, LEFT)
        self.click(layer, *places)
        if len(places) >= 4:
            self.qtbot.waitUntil(widget.run_button.isEnabled)

    def settle(self, widget: Any) -> None:
        """Wait until the dock has been updated."""
        process_events()
        self.qtbot.waitUntil(lambda: not widget.panel(CornersPanel).refresh.is_pending)


def marked(points: Any, layer: Any) -> Any:
    """Return the marked corners as (row, column) of a layer, by napari's transforms."""
    lead = (0,) * (layer.ndim - 2)
    inverse = [layer.world_to_data((*lead, *points.data_to_world(p)[-2:])) for p in points.data]
    return np.array(inverse)[:, -2:]


def frame_of(layer: Any) -> Any:
    ends = [np.array(layer.data_to_world((*(0,) * (layer.ndim - 2), *p)))[-2:] for p in ((0, 0), (1, 0), (0, 1))]
    return tuple(tuple(float(v) for v in e - ends[0]) for e in ends[1:])


def rectangle_of(layer: Any, shape: Any) -> Any:
    """Return the world coordinates of a plane's corners, clockwise from the upper left."""
    rows, columns = shape
    ends = [(-0.5, -0.5), (-0.5, columns - 0.5), (rows - 0.5, columns - 0.5), (rows - 0.5, -0.5)]
    return np.array([np.array(layer.data_to_world((*(0,) * (layer.ndim - 2), *e)))[-2:] for e in ends])


def upright(middle: Any, size: Any) -> Any:
    return np.asarray(middle) + np.array([(-1, -1), (-1, 1), (1, 1), (1, -1)]) * size / 2


def names(viewer: Any) -> list[str]:
    return [layer.name for layer in viewer.layers]


def stacked(image: Any) -> Any:
    return np.stack([image, image[::-1], image[:, ::-1], image // 2])


def type_into(table: Any, row: int, column: int, text: str) -> None:
    table.setCurrentCell(row, column)
    table.setFocus()
    table.editItem(table.item(row, column))
    editor = table.findChild(QLineEdit)
    editor.selectAll()
    QTest.keyClicks(editor, text)
    QTest.keyClick(editor, Qt.Key.Key_Return)


def choose(box: Any, data: str) -> None:
    box.setCurrentIndex(box.findData(data))


def choose_level(widget: Any, level: int) -> None:
    """Choose the level of a multiscale layer with the keyboard."""
    box = widget.options.level
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Home)
    for _ in range(level):
        QTest.keyClick(box, Qt.Key.Key_Down)
    assert box.currentData() == str(level)


def close_by_mouse(widget: Any, qtbot: Any) -> None:
    """Click the close button of the dock."""
    title = dock_of(widget).titleBarWidget()  # type: ignore[union-attr]
    with qtbot.waitSignal(widget.destroyed):
        qtbot.mouseClick(title.close_button, Qt.MouseButton.LeftButton)


def callbacks(viewer: Any, *layers: Any) -> int:
    """Count the connections to the emitters that docks connect to."""
    emitters = [viewer.layers.events, viewer.layers.selection.events.active, viewer.layers.selection.events.changed]
    emitters += [viewer.layers.events.inserted, viewer.layers.events.removed, viewer.layers.events.reordered]
    emitters += [viewer.events.theme, viewer.scene.camera.events, viewer.dims.events.current_step]
    emitters += [viewer.dims.events.ndisplay, viewer.dims.events.order]
    for layer in layers:
        names = ("data", "set_data", "visible", "name", "contrast_limits", "gamma", "colormap")
        emitters += [getattr(layer.events, name) for name in names if hasattr(layer.events, name)]
    return sum(len(e) if isinstance(e, psygnal.SignalInstance) else _count(e.callbacks) for e in emitters)


def _count(connected: Any) -> int:
    """Count callbacks except those of the grid's cameras, which napari recreates with every change and never frees."""
    return sum(not (isinstance(c, tuple) and c[1] == "_on_ndisplay_change") for c in connected)


def type_number(qtbot: Any, box: Any, text: str) -> None:
    box.selectAll()
    qtbot.keyClicks(box, text)
    qtbot.keyClick(box, Qt.Key.Key_Return)


def choose_by_key(box: QComboBox, data: Any) -> None:
    """Choose an entry of a combo box with the arrow keys."""
    steps = box.findData(data) - box.currentIndex()
    for _ in range(abs(steps)):
        QTest.keyClick(box, Qt.Key.Key_Down if steps > 0 else Qt.Key.Key_Up)
