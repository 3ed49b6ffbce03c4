"""Points that mark corners in an image, set by clicks and moved by dragging, and the outline through them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from napari.layers import Layer, Points, Shapes
from qtpy.QtCore import QObject, QTimer, Signal

from ...methods.quadrilateral import pixel_size
from ...recipe.names import named_after
from ..layers.plane import data_of, frame, plane_to_world, points_in, spatial_state_like
from ..settings.preferences import color_of_marks, on_change
from .corner_geometry import CORNERS

Corner = tuple[float, float]

WRONG = "#ff2d20"
DIAMETER = 17  # diameter of a point, in screen pixels
WIDTH = 2  # width of the outline, in screen pixels
STRETCH = 1.3  # factor by which zooming may change these before they are updated


class Markers(QObject):
    """The corners marked in a viewer: a Points layer, created here or chosen by the user, and the outline.

    Parameters
    ----------
    viewer
        The viewer.
    """

    changed = Signal()  # corners were added, moved or removed
    removed = Signal(tuple)  # corners are being removed; emits their indices

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.points: Any = None
        self._outline: Layer | None = None
        self._image: Layer | None = None
        self._text: Any = None  # the original text of a layer that the user chose
        self._own: Any = None  # the last layer created here
        self._connections: list[tuple[Any, Callable[..., None]]] = []
        self._last: Any = None
        self._labels: list[str] = []
        self._look: tuple[str, float] | None = None  # color and width of the outline
        self._color = color_of_marks()
        self._end_following = on_change("docks", self._recolor)
        viewer.layers.events.removed.connect(self._forget)
        viewer.scene.camera.events.zoom.connect(self._zoom)

    @property
    def is_marking(self) -> bool:
        """Whether a click adds a corner."""
        return self._own is not None and self.points is self._own and str(self._own.mode) == "add"

    def begin(self, image: Layer) -> None:
        """Let clicks add corners to the current layer if it was created here, or else to a new one."""
        if self.points is None or self.points is not self._own:
            self.use(self._make(image), image)
        self.show("add")

    def show(self, mode: str) -> None:
        """Show the corners' layer, and make it the active layer in a mode."""
        if self.points is not None:
            self.points.visible = True
            self._viewer.layers.selection.active = self.points
            self.points.mode = mode

    def _make(self, image: Layer) -> Layer:
        layer = Points(
            np.empty((0, 2)),
            name=named_after(image.name, "corners"),
            size=self._on_screen(DIAMETER, image),
            face_color="transparent",
            border_color=self._color,
            border_width=0.05,
            ndim=2,
            **spatial_state_like(image),
        )
        layer.bind_key("Backspace", self._take_back, overwrite=True)
        layer.bind_key("Escape", self._leave, overwrite=True)
        self._own = layer
        self._viewer.add_layer(layer)
        return layer

    def use(self, points: Layer | None, image: Layer | None) -> None:
        """Use the points of a layer as corners; None for no layer."""
        if points is not self.points:
            self._release()
            self.points, self._last, self._labels = points, None, []
            if points is not None:
                self._text = None if points is self._own else points.text.model_copy(deep=True)
                for emitter, callback in (
                    (points.events.set_data, self._on_set_data),
                    (points.events.data, self._on_data),
                ):
                    emitter.connect(callback)
                    self._connections.append((emitter, callback))
        self.watch(image)
        self.changed.emit()

    def watch(self, image: Layer | None) -> None:
        """Show and hide corners and outline together with an image."""
        if image is self._image:
            return
        if self._image is not None:
            self._image.events.visible.disconnect(self._show_as_image)
        self._erase()  # the outline has the place of the previous image
        self._image = image
        if image is not None:
            image.events.visible.connect(self._show_as_image)
            if self.points is not None:
                self.points.visible = image.visible

    def corners_in(self, image: Layer, level: int = 0) -> tuple[Corner, ...]:
        """Return the corners as (row, column) of a level of an image."""
        return points_in(self.points, image, level) if self.points is not None else ()

    def place(self, corners: Sequence[Corner], image: Layer, level: int = 0) -> None:
        """Set all corners, given as (row, column) of a level; create a layer for them if there is none."""
        if self.points is None:
            self.use(self._make(image), image)
        stack = self.points.data[0][:-2] if len(self.points.data) else np.zeros(self.points.ndim - 2)
        self.points.data = data_of(self.points, corners, image, stack, level)

    def place_own(self, corners: Sequence[Corner], image: Layer, level: int = 0) -> None:
        """Set all corners in a layer created here, and leave a layer that the user chose unchanged."""
        if self.points is None or self.points is not self._own:
            self.use(self._make(image), image)
        self.place(corners, image, level)

    def label(self, labels: Sequence[str]) -> None:
        """Show a label beside each corner."""
        if self.points is not None and self._labels != list(labels):
            self._labels = list(labels)
            self.points.text = {
                "string": {"array": list(labels), "default": ""},
                "color": self._color, "size": 13, "anchor": "upper_left",
            }  # fmt: skip

    def draw(self, corners: Sequence[Corner], image: Layer, level: int = 0, good: bool = True) -> None:
        """Draw the outline through corners: open for two or three, closed for more; red unless `good`."""
        if len(corners) < 2 or not image.visible:
            if self._outline is not None:
                self._outline.visible = False
            return
        outline = self._outline_over(image)
        world = np.column_stack([corners, np.ones(len(corners))]) @ plane_to_world(image, level).T
        outline.data = [(world[:, :2], "polygon" if len(corners) >= CORNERS else "path")]
        look = (self._color if good else WRONG, self._on_screen(WIDTH))
        if look != self._look:
            outline.edge_color, outline.edge_width = self._look = look
        outline.visible = True

    def _recolor(self) -> None:
        """Apply the color chosen on the Preferences page."""
        if self._color == color_of_marks():
            return
        self._color = color_of_marks()
        if self._own is not None:
            self._own.border_color = self._own.current_border_color = self._color
        if self.points is not None:
            self.points.text.color = self._color
            self.points.refresh()
        self._look = None
        self.changed.emit()

    def _on_screen(self, pixels: float, image: Layer | None = None) -> float:
        """Convert a length from screen pixels to pixels of the image, or to world units without an image."""
        size = 1.0 if image is None else max(pixel_size(frame(image)))
        return float(pixels / (self._viewer.scene.camera.zoom * size))

    def _zoom(self, event: Any = None) -> None:
        """Keep the size of the corners and the width of the outline constant on the screen."""
        image = self._image
        if image is None or self._own is None or self.points is not self._own:
            return
        size = self._on_screen(DIAMETER, image)
        if not 1 / STRETCH < self._own.current_size / size < STRETCH:
            self._own.size = size
            with self._own.events.current_size.blocker():
                self._own.current_size = size
            if self._outline is not None:
                self._outline.edge_width = self._on_screen(WIDTH)

    def _outline_over(self, image: Layer) -> Layer:
        """Return the outline's layer, in world coordinates and below the points; create it if there is none."""
        if self._outline is None:
            place = {"ndim": 2, "units": (image.units[-1],) * 2, "axis_labels": image.axis_labels[-2:]}
            active = self._viewer.layers.selection.active
            self._outline = Shapes(
                name=named_after(image.name, "outline"), face_color="transparent", edge_color=self._color, **place
            )
            self._viewer.add_layer(self._outline)
            self._outline.editable = False
            self._look = None
            if self.points in self._viewer.layers:
                end = self._viewer.layers.index(self.points)
                self._viewer.layers.move(len(self._viewer.layers) - 1, end)
            self._viewer.layers.selection.active = active
        return self._outline

    def _on_data(self, event: Any) -> None:
        """Report removed corners, and switch from adding to dragging after the fourth corner."""
        if str(event.action).endswith("removing"):
            self.removed.emit(tuple(sorted(event.data_indices)))
        if str(event.action).endswith("added") and self.is_marking and len(event.source.data) == CORNERS:
            QTimer.singleShot(0, self._drag)

    def _drag(self) -> None:
        if self.points is not None:
            self.points.mode = "select"
            self.points.selected_data = set()

    def _on_set_data(self, event: Any = None) -> None:
        data = None if self.points is None else self.points.data
        if data is None or (self._last is not None and np.array_equal(data, self._last)):
            return
        self._last = data.copy()
        self.changed.emit()

    def _take_back(self, points: Any) -> None:
        """Remove the selected corners or else the last one; with fewer than four left, let clicks add corners again."""
        if str(points.mode) == "select" and points.selected_data:
            points.remove_selected()
        elif len(points.data):
            points.selected_data = {len(points.data) - 1}
            points.remove_selected()
        if len(points.data) < CORNERS:
            points.mode = "add"

    def _leave(self, points: Any) -> None:
        """Stop marking, and remove a layer without corners."""
        points.mode = "pan_zoom"
        if not len(points.data):
            self._viewer.layers.remove(points)
        if self._image is not None and self._image in self._viewer.layers:
            self._viewer.layers.selection.active = self._image

    def _show_as_image(self, event: Any = None) -> None:
        if self._image is None:
            return
        for layer in (self.points, self._outline):
            if layer is not None:
                layer.visible = self._image.visible
        if self._image.visible:
            self.changed.emit()

    def _forget(self, event: Any) -> None:
        """Drop references to a layer that was removed from the viewer."""
        if event.value is self._outline:
            self._outline = None
        if event.value is self.points:
            self.use(None, self._image)

    def _release(self) -> None:
        """Disconnect from the points, restore their text and remove the outline."""
        for emitter, callback in self._connections:
            emitter.disconnect(callback)
        self._connections = []
        if self.points is not None and self._text is not None:
            self.points.text = self._text
        self._text = None
        self._erase()

    def _erase(self) -> None:
        if self._outline is not None and self._outline in self._viewer.layers:
            self._viewer.layers.remove(self._outline)

    def close(self) -> None:
        """Disconnect from the viewer and remove the outline."""
        self._release()
        self._end_following()
        self.points = None
        self.watch(None)
        self._viewer.layers.events.removed.disconnect(self._forget)
        self._viewer.scene.camera.events.zoom.disconnect(self._zoom)
