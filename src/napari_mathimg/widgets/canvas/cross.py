"""A draggable cross on the canvas that marks a point; it is an overlay, not a layer, so that it is never saved."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from napari._vispy.utils.visual import overlay_to_visual
from qtpy.QtCore import QObject, Signal

from ..settings.preferences import color_of_marks
from .marks import MarkOverlay, VispyMark, outlined

Place = tuple[float, float]

KEY = "mathimg_cross"  # prefix of the overlay's key in the scene's overlays
ARM, GAP = 14.0, 3.0  # distances of an arm's outer and inner end from the middle, in screen pixels
REACH = 12.0  # distance within which a press grabs the cross, in screen pixels
CLICK = 4.0  # distance that the mouse may move during a click, in screen pixels
ARMS = np.array([(x, y) for a in (GAP, ARM) for x, y in ((a, 0), (-a, 0), (0, a), (0, -a))])
ENDS = np.array([(k, k + 4) for k in range(4)], np.uint32)


class CrossOverlay(MarkOverlay):
    """A cross of constant size on the screen."""


class VispyCross(VispyMark):
    """Draws the cross."""

    def lines(self, color: str) -> list[Any]:
        """Return its arms."""
        return outlined(ARMS, ENDS, color, (5, 2))


overlay_to_visual[CrossOverlay] = VispyCross


class Cross(QObject):
    """A cross in a viewer that is dragged with the mouse, or placed by a click after `wait`.

    It does not interfere with drawing in a layer: a press grabs the cross only while the active layer is in pan/zoom
    mode. The points that it emits have all axes of the viewer's world.
    """

    moved = Signal(object)  # the cross was dragged or placed by a click; emits the world point
    clicked = Signal()  # the click requested by `wait` was made

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._overlay: CrossOverlay | None = None
        self._waits = False

    @property
    def place(self) -> Place | None:
        """Its position on the displayed axes; None while it is hidden."""
        return None if self._overlay is None else self._overlay.place

    @property
    def waits(self) -> bool:
        """Whether the next click in the image places the cross."""
        return self._waits

    def show(self, place: Place) -> None:
        """Show the cross at a position on the displayed axes."""
        if self._overlay is not None:
            self._overlay.place = place
            return
        overlays = self._viewer.scene.overlays
        self._overlay = CrossOverlay(visible=True, place=place, color=color_of_marks())
        overlays[f"{KEY}_{id(self)}"] = self._overlay
        self._viewer.mouse_drag_callbacks.append(self._drag)
        self._viewer.mouse_move_callbacks.append(self._hover)

    def hide(self) -> None:
        """Remove the cross and its mouse callbacks."""
        self.leave()
        if self._overlay is None:
            return
        self._overlay = None
        del self._viewer.scene.overlays[f"{KEY}_{id(self)}"]
        self._viewer.mouse_drag_callbacks.remove(self._drag)
        self._viewer.mouse_move_callbacks.remove(self._hover)

    def recolor(self) -> None:
        """Apply the color chosen on the Preferences page."""
        if self._overlay is not None and self._overlay.color != color_of_marks():
            place, waits = self._overlay.place, self._waits
            self.hide()
            self.show(place)
            self._waits = waits

    def wait(self) -> None:
        """Let the next click place the cross; dragging still pans the image."""
        self._waits = True
        active = self._viewer.layers.selection.active
        if active is not None:
            active.mode = "pan_zoom"
        self._viewer.cursor.style = "cross"

    def leave(self) -> None:
        """Stop waiting for a click."""
        if self._waits:
            self._waits = False
            self._set_cursor("standard")

    def _set_cursor(self, style: str) -> None:
        """Set the cursor over the image, unless the mode of the active layer sets one."""
        if self._in_pan_zoom():
            self._viewer.cursor.style = style

    def _in_pan_zoom(self) -> bool:
        active = self._viewer.layers.selection.active
        return active is None or str(active.mode) == "pan_zoom"

    def _is_near(self, event: Any) -> bool:
        if self._overlay is None or not self._in_pan_zoom() or len(event.dims_displayed) != 2:
            return False
        point = np.array(event.position)[list(event.dims_displayed)]
        return bool(np.hypot(*(point - self._overlay.place)) * self._viewer.scene.camera.zoom <= REACH)

    def _hover(self, viewer: Any, event: Any) -> None:
        if not self._waits:
            near, style = self._is_near(event), str(viewer.cursor.style)
            if near and style == "standard":
                viewer.cursor.style = "pointing"
            elif not near and style == "pointing":
                self._set_cursor("standard")

    def _drag(self, viewer: Any, event: Any) -> Iterator[None]:
        if event.button != 1 or event.modifiers or not self._in_pan_zoom():
            return
        begin = np.array(event.pos, float)
        holds = not self._waits and self._is_near(event)
        if holds:  # keep the offset between the mouse and the cross during the drag
            offset = np.zeros(len(event.position))
            offset[list(event.dims_displayed)] = self.place - np.array(event.position)[list(event.dims_displayed)]
        elif not self._waits:
            return
        event.handled = holds
        yield
        moves = False
        while event.type == "mouse_move":
            moves = True
            if holds:
                event.handled = True
                self.moved.emit(np.array(event.position) + offset)
            yield
        if holds:
            event.handled = True
            if moves:  # napari may have dropped the last move
                self.moved.emit(np.array(event.position) + offset)
        elif self._waits and np.abs(np.array(event.pos) - begin).max() <= CLICK:
            self.moved.emit(np.array(event.position))
            self.clicked.emit()
