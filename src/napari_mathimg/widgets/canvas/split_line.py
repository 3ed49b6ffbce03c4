"""An upright line over the canvas that is dragged with the mouse; it is an overlay, not a layer."""

from collections.abc import Iterator
from typing import Any

from napari._vispy.utils.visual import overlay_to_visual
from qtpy.QtCore import QObject, Signal

from ..settings.preferences import color_of_marks
from .marks import MarkOverlay, VispyMark, outlined, upright

KEY = "mathimg_split"
EDGES = 0.02  # share of the width of the canvas that the line keeps from its edges
HALF = 1e5  # half of the line's length, in pixels of the screen
GRIP = 14.0  # half of the length of the thick part by which it is grabbed, in pixels of the screen
REACH = 8.0  # distance within which a press grabs the line, in pixels of the screen


class SplitOverlay(MarkOverlay):
    """An upright line of constant width, with a thick part by which it is grabbed."""


class VispySplit(VispyMark):
    """Draws the line."""

    def lines(self, color: str) -> list[Any]:
        """Return the line and its thick part."""
        return [*outlined(upright(HALF), None, color, (3, 1)), *outlined(upright(GRIP), None, color, (9, 6))]


overlay_to_visual[SplitOverlay] = VispySplit


class SplitLine(QObject):
    """A line at a share of the width of the canvas, where it stays when the image is panned.

    Parameters
    ----------
    viewer
        The viewer.
    parent
        The owner.
    """

    moved = Signal(float)  # emits the line's position on the displayed axis of columns, in world units

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._overlay: SplitOverlay | None = None
        self._share = 0.5

    @property
    def position(self) -> float:
        """Its position on the displayed axis of columns, in world units."""
        camera = self._viewer.scene.camera
        return float(camera.center[-1]) + (self._share - 0.5) * self._width() / float(camera.zoom)

    def _width(self) -> float:
        return float(self._viewer.canvas.viewbox_size(self._viewer.layers)[1])

    def put(self, share: float) -> None:
        """Put the line at a share of the width of the canvas."""
        self._share = min(max(share, EDGES), 1 - EDGES)
        self._follow()

    def show(self) -> None:
        """Show the line."""
        if self._overlay is None:
            self._overlay = SplitOverlay(visible=True, color=color_of_marks())
            self._viewer.scene.overlays[f"{KEY}_{id(self)}"] = self._overlay
            self._viewer.mouse_drag_callbacks.append(self._drag)
            self._viewer.mouse_move_callbacks.append(self._hover)
            for emitter in (self._viewer.scene.camera.events, self._viewer.canvas.events.size):
                emitter.connect(self._follow)
        self._follow()

    def hide(self) -> None:
        """Remove the line and its mouse callbacks."""
        if self._overlay is None:
            return
        self._overlay = None
        del self._viewer.scene.overlays[f"{KEY}_{id(self)}"]
        self._viewer.mouse_drag_callbacks.remove(self._drag)
        self._viewer.mouse_move_callbacks.remove(self._hover)
        for emitter in (self._viewer.scene.camera.events, self._viewer.canvas.events.size):
            emitter.disconnect(self._follow)
        if self._viewer.cursor.style == "pointing":
            self._viewer.cursor.style = "standard"

    def _follow(self, event: Any = None) -> None:
        if self._overlay is not None:
            at = self.position
            self._overlay.place = float(self._viewer.scene.camera.center[-2]), at
            self.moved.emit(at)

    def _is_near(self, event: Any) -> bool:
        if self._overlay is None or len(event.dims_displayed) != 2:
            return False
        across = float(event.position[event.dims_displayed[-1]]) - self.position
        return abs(across) * float(self._viewer.scene.camera.zoom) <= REACH

    def _hover(self, viewer: Any, event: Any) -> None:
        near, style = self._is_near(event), str(viewer.cursor.style)
        if near and style == "standard":
            viewer.cursor.style = "pointing"
        elif not near and style == "pointing":
            viewer.cursor.style = "standard"

    def _drag(self, viewer: Any, event: Any) -> Iterator[None]:
        if event.button != 1 or event.modifiers or not self._is_near(event):
            return
        event.handled = True
        yield
        while event.type == "mouse_move":
            event.handled = True
            self._move_to(float(event.position[event.dims_displayed[-1]]))
            yield
        event.handled = True
        self._move_to(float(event.position[event.dims_displayed[-1]]))  # napari may have dropped the last move

    def _move_to(self, at: float) -> None:
        camera = self._viewer.scene.camera
        self.put(0.5 + (at - float(camera.center[-1])) * float(camera.zoom) / self._width())
