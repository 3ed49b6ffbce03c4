"""Drawing a rectangle in a new Shapes layer, or finding a Shapes layer that already has shapes."""

from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np
from napari.layers import Layer, Shapes
from qtpy.QtCore import QObject, QTimer, Signal

from ...recipe.names import named_after
from ..layers.plane import spatial_state_like
from ..settings.preferences import color_of_marks

WIDTH = 2  # width of the rectangle's edge, in screen pixels
SMALLEST = 8  # longer side of the smallest rectangle, in screen pixels; anything smaller was a click


class Drawing(QObject):
    """Lets the user draw one rectangle over an image."""

    drawn = Signal(object)  # a rectangle was drawn; emits its Shapes layer
    ended = Signal()  # drawing ended without a rectangle: the layer was removed or its mode was changed

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._shapes: Any = None
        self._image: Layer | None = None
        self._drawn_for: WeakKeyDictionary[Layer, ref[Layer]] = WeakKeyDictionary()  # the image of each layer

    @property
    def is_on(self) -> bool:
        """Whether a rectangle is awaited."""
        return self._shapes is not None

    def chosen(self, image: Layer) -> Shapes | None:
        """Return the active Shapes layer, or else the topmost visible one; None if none has shapes.

        A rectangle that was drawn here for another image, such as the one that this image was cut out of, counts only
        if it is active.
        """
        active = self._viewer.layers.selection.active
        others = (s for s in reversed(self._viewer.layers) if self._drawn_for.get(s, lambda: image)() is image)
        layers = [active, *others]
        return next((s for s in layers if isinstance(s, Shapes) and len(s.data) and s.visible and s.editable), None)

    def begin(self, image: Layer) -> None:
        """Add a Shapes layer aligned with the rows and columns of an image, and let the user draw in it."""
        dims = self._viewer.dims
        planes = {*dims.displayed} == {dims.ndim - 2, dims.ndim - 1}
        axes = 2 if planes else image.ndim
        place = spatial_state_like(image, axes)
        pixel = 1 / self._viewer.scene.camera.zoom / max(np.abs(place["scale"]))
        self._image = image
        self._shapes = Shapes(
            name=named_after(image.name, "crop"),
            edge_color=color_of_marks(),
            face_color="transparent",
            edge_width=float(WIDTH * pixel),
            ndim=axes,
            **place,
        )
        self._drawn_for[self._shapes] = ref(image)
        self._viewer.add_layer(self._shapes)
        self._viewer.layers.selection.active = self._shapes
        self._shapes.mode = "add_rectangle"
        self._shapes.events.data.connect(self._count)
        self._shapes.events.mode.connect(self._soon)
        self._viewer.layers.events.removed.connect(self._soon)

    def _count(self, event: Any) -> None:
        if str(event.action).endswith("added"):
            self._soon()

    def _soon(self, event: Any = None) -> None:
        """Check for a finished rectangle or a lost layer after napari has handled the event."""
        QTimer.singleShot(0, self._check)

    def _check(self) -> None:
        shapes = self._shapes
        if shapes is None:
            return
        if shapes not in self._viewer.layers or str(shapes.mode) != "add_rectangle":
            self._end()
            self.ended.emit()
        elif len(shapes.data):
            self._take(shapes)

    def _take(self, shapes: Shapes) -> None:
        size = np.ptp(shapes.data[-1], axis=0).max() * np.abs(shapes.scale).max() * self._viewer.scene.camera.zoom
        if size < SMALLEST:  # a click, not a drag
            shapes.data = []
            shapes.mode = "add_rectangle"
            return
        self._end()
        shapes.mode = "select"
        shapes.selected_data = {len(shapes.data) - 1}
        self.drawn.emit(shapes)

    def leave(self) -> None:
        """Stop drawing and remove the layer."""
        shapes, image = self._shapes, self._image
        if shapes is None:
            return
        self._end()
        if shapes in self._viewer.layers:
            self._viewer.layers.remove(shapes)
        if image is not None and image in self._viewer.layers:
            self._viewer.layers.selection.active = image

    def _end(self) -> None:
        self._shapes.events.data.disconnect(self._count)
        self._shapes.events.mode.disconnect(self._soon)
        self._viewer.layers.events.removed.disconnect(self._soon)
        self._shapes = self._image = None
