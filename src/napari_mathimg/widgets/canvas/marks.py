"""Marks of constant size on the screen, drawn over the canvas; they are overlays, not layers, and so never saved."""

from typing import Any

import numpy as np
from napari._vispy.overlays.base import ViewerOverlayMixin, VispySceneOverlay
from napari.components.overlays import SceneOverlay
from numpy.typing import NDArray
from vispy.color import Color
from vispy.scene.visuals import Compound, Line

Array = NDArray[Any]
EDGE = "black"


class MarkOverlay(SceneOverlay):
    """A mark of constant size on the screen.

    Attributes
    ----------
    place
        The marked point, on the two displayed world axes.
    color
        The color of its lines.
    """

    blending: str = "translucent_no_depth"
    place: tuple[float, float] = (0.0, 0.0)
    color: str = "white"


def outlined(points: Array, ends: Array | None, color: str, widths: tuple[int, int]) -> list[Line]:
    """Return lines on a wider dark line, so that they are visible on any image.

    Given a color's name, vispy would look among matplotlib's colormaps, which are slow to load.
    """
    return [
        Line(points, connect="strip" if ends is None else ends, color=Color(name).rgba, width=width, antialias=True)
        for name, width in zip((EDGE, color), widths, strict=True)
    ]


class VispyMark(ViewerOverlayMixin, VispySceneOverlay):
    """Draws the lines of a mark at its place, in pixels of the screen."""

    def __init__(self, *, overlay: MarkOverlay, **kwargs: Any) -> None:
        super().__init__(node=Compound(self.lines(overlay.color)), overlay=overlay, **kwargs)
        self.overlay.events.place.connect(self._move)
        self.viewer.scene.camera.events.zoom.connect(self._move)
        self.reset()

    def lines(self, color: str) -> list[Line]:
        """Return the lines, around the marked point."""
        raise NotImplementedError

    def _move(self, event: Any = None) -> None:
        pixel = 1 / self.viewer.scene.camera.zoom
        self.node.transform.reset()
        self.node.transform.scale((pixel, pixel, 1))
        self.node.transform.translate((self.overlay.place[1], self.overlay.place[0], 0))

    def reset(self) -> None:
        """Redraw the mark from the state of the overlay."""
        super().reset()
        self._move()

    def close(self) -> None:
        """Disconnect from the overlay and the camera."""
        self.overlay.events.place.disconnect(self._move)
        self.viewer.scene.camera.events.zoom.disconnect(self._move)
        super().close()


def upright(half: float) -> Array:
    """Return the ends of an upright line through the marked point."""
    return np.array([(0.0, -half), (0.0, half)])
