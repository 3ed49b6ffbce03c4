"""Points and boxes of a form that are picked in the image; the canvas and the form stay synchronized."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Layer, Shapes
from qtpy.QtCore import QEvent, QObject, Qt, QTimer, Signal
from qtpy.QtWidgets import QApplication, QWidget

from ...contract.quantities import number, quantity
from ...recipe.names import cut_middle
from ...recipe.placement import axis_names
from ..form.form import Form
from ..layers.levels import into_full, span_at
from ..layers.made_layers import MadeLayers
from ..layers.view_geometry import (
    box_around,
    box_on_screen,
    check_view,
    displayed_axes,
    pixel_to_world,
    turn_of,
    world_to_pixel,
)
from ..settings.preferences import on_change
from .cross import Cross
from .rectangle_drawing import Drawing

PURPOSE = "to pick a point"
POINT = "Click the point in the image; press Escape to cancel."
TURNED = (
    " The rectangle is turned; this is the upright box around it. To crop along its edges, rotate the image by {}"
    " first, with the canvas grown."
)
DRAW = "Draw a rectangle in the image; press Escape to cancel."


class Picking(QObject):
    """Fills in a form from the image: a point from a click or a dragged cross, a box from a rectangle or the view.

    Parameters
    ----------
    viewer
        The viewer.
    dock
        The dock that contains the form; the cross is shown while the dock is visible.
    results
        The result layers of the dock; the cross of a hidden source is shown while the last result is visible.
    """

    told = Signal(str)  # an instruction, or a description of what was picked

    def __init__(self, viewer: Any, dock: QWidget, results: MadeLayers) -> None:
        super().__init__(dock)
        self._viewer, self._dock, self._results = viewer, dock, results
        self._form: Form | None = None
        self._layer: Layer | None = None
        self._level = 0  # the level in whose pixels the form's coordinates are
        self._plane = [0, 1]  # the axes of the layer's planes, which points have
        self._waits = False  # whether a click or a rectangle in the image is awaited
        self._in_front = True  # whether the dock is the current tab
        self._dragged = False  # while True, the numbers follow the cross and not the reverse
        self.cross = Cross(viewer, self)
        self.drawing = Drawing(viewer, self)
        self.cross.moved.connect(self._take_point)
        self.cross.clicked.connect(self._end)
        self._end_following = on_change("docks", self.cross.recolor)
        self.drawing.drawn.connect(self._take_drawn)
        self.drawing.ended.connect(self._show_mode)
        dims = viewer.dims.events
        self._emitters = [dims.ndisplay, dims.order, dims.point, dims.units, viewer.layers.events.removed]
        for emitter in self._emitters:
            emitter.connect(self._soon)
        dock.installEventFilter(self)

    def serve(self, form: Form) -> None:
        """Connect the pick buttons of a form."""
        actions = {"point": self.pick_point, "rectangle": self.take_rectangle, "view": self.take_view}
        for kind, button in form.pick_buttons.items():
            button.native.clicked.connect(actions[kind])
        if "point" in form.picked:
            form.changed.connect(self._follow)

    def use(self, form: Form | None, layer: Layer | None, level: int = 0, axes: Sequence[int] = (-2, -1)) -> None:
        """Pick for a form in a level of a layer whose items have some axes; stop picking if either is None."""
        if form is not self._form or layer is not self._layer:
            self.leave()
            if self._layer is not None:
                self._layer.events.visible.disconnect(self._soon)
            if layer is not None:
                layer.events.visible.connect(self._soon)
        self._form, self._layer, self._level = form, layer, level
        self._plane = [0, 1] if layer is None else [axis % layer.ndim for axis in axes[-2:]]
        self._follow()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Show or hide the cross with the dock, and let Escape end picking."""
        if watched is self._dock and event.type() in (QEvent.Type.Show, QEvent.Type.Hide):
            self._soon()
        if self._waits and event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Escape:
            free = QApplication.activePopupWidget() is None and QApplication.activeModalWidget() is None
            if free:
                self.leave()
            return free
        return False

    def show_in_front(self, in_front: bool) -> None:
        """Show the cross only while the dock is the current tab; Qt also reports docks behind others as visible."""
        self._in_front = in_front
        self._soon()

    def _soon(self, event: Any = None) -> None:
        """Update the cross after the viewer has been updated."""
        QTimer.singleShot(0, self._follow)

    def _follow(self, event: Any = None) -> None:
        """Show the cross at the form's point, or hide it if there is none."""
        if self._dragged:
            return
        place = self._place()
        if place is None:
            self.cross.hide()
            self._show_mode()
        else:
            self.cross.show(place)

    def _place(self) -> tuple[float, float] | None:
        """Return the form's point on the displayed axes; None if there is none to show."""
        form, layer, dims = self._form, self._layer, self._viewer.dims
        is_visible = self._in_front and self._dock.isVisible()
        if form is None or layer is None or "point" not in form.picked or not is_visible:
            return None
        visible = [shown for shown in (layer, self._results.last) if shown is not None and shown.visible]
        if layer not in self._viewer.layers or not visible:
            return None
        try:
            check_view(dims, layer, PURPOSE, self._plane)
        except ValueError:
            return None
        pixel = world_to_pixel(dims, layer, dims.point)
        in_level = np.zeros(layer.ndim)
        in_level[self._plane] = form.shown(form.picked["point"])
        pixel[self._plane] = into_full(layer, self._level)(in_level)[self._plane]
        row, column = pixel_to_world(dims, layer, pixel)[list(dims.displayed)]
        return float(row), float(column)

    def pick_point(self) -> None:
        """Let the next click set the point; cancel if a click is already awaited."""
        layer, form = self._layer, self._form
        if self.cross.waits or layer is None or form is None:
            self.leave()
            return
        try:
            check_view(self._viewer.dims, layer, PURPOSE, self._plane)
        except ValueError as error:
            self._refuse(error)
            return
        layer.visible = True
        self._follow()
        self.cross.wait()
        self.told.emit(POINT)
        self._show_mode()

    def _take_point(self, world: Any) -> None:
        """Enter the pixel at a world point, rounded to the precision of the screen."""
        form, layer = self._form, self._layer
        if form is None or layer is None:
            return
        to_level = into_full(layer, self._level).inverse
        pixel = to_level(world_to_pixel(self._viewer.dims, layer, world))[self._plane]
        neighbor = np.asarray(world, float).copy()
        neighbor[list(self._viewer.dims.displayed)] += 1 / self._viewer.scene.camera.zoom
        step = np.abs(to_level(world_to_pixel(self._viewer.dims, layer, neighbor))[self._plane] - pixel).max()
        decimals = max(int(np.ceil(-np.log10(step))), 0) if step > 0 else 0
        self._dragged = True
        try:
            form.load({form.picked["point"]: tuple(round(float(v), decimals) for v in pixel)})
        finally:
            self._dragged = False
        self._follow()

    def _end(self) -> None:
        """Finish picking after the click, and report the point."""
        self.leave()
        assert self._form is not None
        row, column = self._form.shown(self._form.picked["point"])
        self.told.emit(f"Picked row {number(row, 7)}, column {number(column, 7)}. Drag the cross to adjust it.")

    def take_rectangle(self) -> None:
        """Take the bounding box of the chosen shapes; if there are none, let the user draw a rectangle."""
        layer = self._layer
        if layer is None:
            return
        if self.drawing.is_on:
            self.leave()
            return
        shapes = self.drawing.chosen(layer)
        if shapes is not None:
            self._take_shapes(layer, shapes, f"From {cut_middle(shapes.name)!r}")
            return
        if self._viewer.dims.ndisplay != 2:
            self._refuse(ValueError("Show the image in 2D to draw a rectangle"))
            return
        layer.visible = True
        self.drawing.begin(layer)
        self.told.emit(DRAW)
        self._show_mode()

    def _take_drawn(self, shapes: Shapes) -> None:
        self._show_mode()
        layer = self._layer
        if layer is not None:
            self._take_shapes(layer, shapes, "From the rectangle")

    def _take_shapes(self, layer: Layer, shapes: Shapes, source: str) -> None:
        turn = turn_of(self._viewer.dims, layer, shapes)
        note = TURNED.format(quantity(turn, "°", 4)) if turn else ""
        self._take_box(lambda: box_around(self._viewer.dims, layer, shapes), source, note)

    def take_view(self) -> None:
        """Take the part of the image that is on screen."""
        layer = self._layer
        if layer is not None:
            shown = displayed_axes(self._viewer.dims, layer)
            box = partial(box_on_screen, self._viewer, layer)
            self._take_box(lambda: {k: ends for k, ends in enumerate(box()) if k in shown}, "From the view")

    def _take_box(self, find: Callable[[], dict[int, tuple[int, int]]], source: str, note: str = "") -> None:
        """Enter a box in the form; axes that it does not restrict keep their numbers."""
        form, layer = self._form, self._layer
        assert form is not None
        assert layer is not None
        try:
            box = find()
        except ValueError as error:
            self._refuse(error)
            return
        start, stop = (list(form.shown(form.picked[end])) for end in ("start", "stop"))
        for axis, (first, end) in box.items():
            start[axis], stop[axis] = span_at(layer, self._level, axis, first, end)
        form.load({form.picked["start"]: tuple(start), form.picked["stop"]: tuple(stop)})
        names = axis_names(layer.axis_labels)
        ranges = ", ".join(f"{names[axis]} {start[axis]} to {stop[axis]}" for axis in box)
        self.told.emit(f"{source}: {ranges}.{note}")

    def _refuse(self, error: Exception) -> None:
        self.told.emit(f"{error}.")

    def leave(self) -> None:
        """Cancel picking."""
        if self.cross.waits or self.drawing.is_on:
            self.cross.leave()
            self.drawing.leave()
            self.told.emit("")
        self._show_mode()

    def _show_mode(self) -> None:
        """Check the button whose pick is awaited, and listen for Escape meanwhile."""
        waits = {"point": self.cross.waits, "rectangle": self.drawing.is_on}
        if self._form is not None:
            for kind, on in waits.items():
                if kind in self._form.pick_buttons:
                    self._form.pick_buttons[kind].native.setChecked(on)
        if any(waits.values()) is not self._waits:  # only an application filter gets keys from any focused widget
            self._waits = not self._waits
            application = QApplication.instance()
            (application.installEventFilter if self._waits else application.removeEventFilter)(self)

    def close(self) -> None:
        """Remove the cross and the rectangle, and disconnect from the viewer."""
        for emitter in self._emitters:
            emitter.disconnect(self._soon)
        if self._layer is not None:
            self._layer.events.visible.disconnect(self._soon)
        self.leave()
        self._emitters, self._form, self._layer = [], None, None
        self._end_following()
        self.drawing.leave()
        self.cross.hide()
