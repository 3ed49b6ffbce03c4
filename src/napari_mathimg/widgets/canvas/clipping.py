"""Showing only a part of a layer on the canvas, without a change of the layer itself."""

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Layer
from vispy.visuals.filters.clipping_planes import PlanesClipper

LEFT, RIGHT = -1.0, 1.0


class Clipping:
    """Shows layers on one side of an upright line only, or not at all; napari's model of the layers stays.

    Parameters
    ----------
    viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._clipped: WeakKeyDictionary[Layer, list[tuple[Any, PlanesClipper]]] = WeakKeyDictionary()

    def show_side(self, layer: Layer, side: float, at: float) -> None:
        """Show what lies to the `LEFT` or `RIGHT` of a position on the displayed axis of columns, in world units."""
        planes = np.array([[[at, 0.0, 0.0], [side, 0.0, 0.0]]])
        nodes = self._nodes(layer)
        if [node for node, _ in self._clipped.get(layer, [])] != nodes:
            self.show_all(layer)
            self._clipped[layer] = [(node, PlanesClipper(coord_system="scene")) for node in nodes]
            for node, clipper in self._clipped[layer]:
                node.attach(clipper)
        for node, clipper in self._clipped[layer]:
            clipper.clipping_planes = planes
            node.update()

    def hide(self, layer: Layer, instead: Layer | None = None) -> None:
        """Show nothing of a layer, which stays visible in the list of layers; another may be shown instead.

        napari blends the lowest visible layer with the canvas in a way of its own, and so the other one then.
        """
        for node in self._nodes(layer):
            node.visible = False
        hidden, shown = self._visual(layer), self._visual(instead)
        if hidden is not None and shown is not None and hidden.first_visible and not shown.first_visible:
            shown.first_visible = True
            shown._on_blending_change()

    def show_all(self, layer: Layer) -> None:
        """Show all of a layer again, if it is visible in the list of layers."""
        for node, clipper in self._clipped.pop(layer, []):
            node.detach(clipper)
            node.update()
        for node in self._nodes(layer):
            node.visible = bool(layer.visible) and not layer._slice.empty

    def _nodes(self, layer: Layer) -> list[Any]:
        """Return what draws a layer: several nodes where its picture is drawn in tiles; none if it is gone."""
        visual = self._visual(layer)
        if visual is None:
            return []
        node = visual.node
        return [node] if hasattr(node, "attach") else [child for child in node.children if hasattr(child, "attach")]

    def _visual(self, layer: Layer | None) -> Any:
        return self._viewer.window._qt_viewer.layer_to_visual.get(layer)
