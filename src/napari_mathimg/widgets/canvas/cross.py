"""A cross over the canvas that marks a point and can be dragged; no layer, so that nothing of it is saved."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from napari._vispy.overlays.base import ViewerOverlayMixin, VispySceneOverlay
from napari._vispy.utils.visual import overlay_to_visual
from napari.components.overlays import SceneOverlay
from qtpy.QtCore import QObject, Signal
from vispy.color import Color
from vispy.scene.visuals import Compound, Line

from ..settings.preferences import color_of_marks

Place = tuple[float, float]

KEY = "mathimg_cross"  # of the overlay among the viewer's
EDGE = "black"
ARM, GAP = 14.0, 3.0  # from the middle to the end and to the beginning of an arm, in pixels of the screen
REACH = 12.0  # from the cross within which a press takes hold of it, in pixels of the screen
CLICK = 4.0  # pixels of the screen that the hand may move in a click
ARMS = np.array([(x, y) for a in (GAP, ARM) for x, y in ((a, 0), (-a, 0), (0, a), (0, -a))])
ENDS = np.array([(k, k + 4) for k in range(4)], np.uint32)


class CrossOverlay(SceneOverlay):
    """A cross of constant size on the screen.

    Attributes
    ----------
    place
        The point it marks, on the two displayed axes of the world.
    color
        What it is drawn in.
    """

    blending: str = "translucent_no_depth"
    place: Place = (0.0, 0.0)
    color: str = "white"


class VispyCross(ViewerOverlayMixin, VispySceneOverlay):
    """Draws a cross: bright on a dark edge, so that it is seen on any image."""

    def __init__(self, *, overlay: CrossOverlay, **kwargs: Any) -> None:
        looks = ((EDGE, 5), (overlay.color, 2))
        lines = [  # a color's name is looked for among matplotlib's colormaps, which takes long to load
            Line(ARMS, connect=ENDS, color=Color(name).rgba, width=width, antialias=True) for name, width in looks
        ]
        super().__init__(node=Compound(lines), overlay=overlay, **kwargs)
        self.overlay.events.place.connect(self._move)
        self.viewer.scene.camera.events.zoom.connect(self._move)
        self.reset()

    def _move(self, event: Any = None) -> None:
        pixel = 1 / self.viewer.scene.camera.zoom
        self.node.transform.reset()
        self.node.transform.scale((pixel, pixel, 1))
        self.node.transform.translate((self.overlay.place[1], self.overlay.place[0], 0))

    def reset(self) -> None:
        """Draw it as the overlay is."""
        super().reset()
        self._move()

    def close(self) -> None:
        """Undo the connections."""
        self.overlay.events.place.disconnect(self._move)
        self.viewer.scene.camera.events.zoom.disconnect(self._move)
        super().close()


overlay_to_visual[CrossOverlay] = VispyCross


class Cross(QObject):
    """A cross in a viewer: dragged with the mouse, or set by a click while it waits for one.

    It leaves the mouse to layers that are drawn on: only where the active layer is in pan/zoom mode does a press on
    the cross take hold of it. Places are points of the viewer's world, on all its axes.
    """

    moved = Signal(object)  # it was dragged or clicked to a place
    clicked = Signal()  # the click that it waited for was made

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._overlay: CrossOverlay | None = None
        self._waits = False

    @property
    def place(self) -> Place | None:
        """Where it is on the displayed axes; None while it is not shown."""
        return None if self._overlay is None else self._overlay.place

    @property
    def waits(self) -> bool:
        """Whether the next click in the image sets it."""
        return self._waits

    def show(self, place: Place) -> None:
        """Show it at a place of the displayed axes."""
        if self._overlay is not None:
            self._overlay.place = place
            return
        overlays = self._viewer.scene.overlays
        self._overlay = CrossOverlay(visible=True, place=place, color=color_of_marks())
        overlays[f"{KEY}_{id(self)}"] = self._overlay
        self._viewer.mouse_drag_callbacks.append(self._drag)
        self._viewer.mouse_move_callbacks.append(self._hover)

    def hide(self) -> None:
        """Take it away, and leave the mouse alone."""
        self.leave()
        if self._overlay is None:
            return
        self._overlay = None
        del self._viewer.scene.overlays[f"{KEY}_{id(self)}"]
        self._viewer.mouse_drag_callbacks.remove(self._drag)
        self._viewer.mouse_move_callbacks.remove(self._hover)

    def recolor(self) -> None:
        """Draw it in the color that the Preferences page now says."""
        if self._overlay is not None and self._overlay.color != color_of_marks():
            place, waits = self._overlay.place, self._waits
            self.hide()
            self.show(place)
            self._waits = waits

    def wait(self) -> None:
        """Let the next click set it; the image can still be moved by dragging."""
        self._waits = True
        active = self._viewer.layers.selection.active
        if active is not None:
            active.mode = "pan_zoom"
        self._viewer.cursor.style = "cross"

    def leave(self) -> None:
        """Wait for a click no longer."""
        if self._waits:
            self._waits = False
            self._point("standard")

    def _point(self, style: str) -> None:
        """Show a style of the cursor over the image, unless a layer has its own."""
        if self._takes_mouse():
            self._viewer.cursor.style = style

    def _takes_mouse(self) -> bool:
        active = self._viewer.layers.selection.active
        return active is None or str(active.mode) == "pan_zoom"

    def _is_near(self, event: Any) -> bool:
        if self._overlay is None or not self._takes_mouse() or len(event.dims_displayed) != 2:
            return False
        there = np.array(event.position)[list(event.dims_displayed)]
        return bool(np.hypot(*(there - self._overlay.place)) * self._viewer.scene.camera.zoom <= REACH)

    def _hover(self, viewer: Any, event: Any) -> None:
        if not self._waits:
            near, style = self._is_near(event), str(viewer.cursor.style)
            if near and style == "standard":
                viewer.cursor.style = "pointing"
            elif not near and style == "pointing":
                self._point("standard")

    def _drag(self, viewer: Any, event: Any) -> Iterator[None]:
        if event.button != 1 or event.modifiers or not self._takes_mouse():
            return
        begin = np.array(event.pos, float)
        holds = not self._waits and self._is_near(event)
        if holds:  # the point under the hand stays where it was taken
            off = np.zeros(len(event.position))
            off[list(event.dims_displayed)] = self.place - np.array(event.position)[list(event.dims_displayed)]
        elif not self._waits:
            return
        event.handled = holds
        yield
        moves = False
        while event.type == "mouse_move":
            moves = True
            if holds:
                event.handled = True
                self.moved.emit(np.array(event.position) + off)
            yield
        if holds:
            event.handled = True
            if moves:  # the last move may not have been told
                self.moved.emit(np.array(event.position) + off)
        elif self._waits and np.abs(np.array(event.pos) - begin).max() <= CLICK:
            self.moved.emit(np.array(event.position))
            self.clicked.emit()
