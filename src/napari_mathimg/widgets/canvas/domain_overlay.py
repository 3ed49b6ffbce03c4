"""Overlays that show the domain of results: blended over the results, or beside them in napari's grid."""

from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np
from napari.layers import Layer
from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtWidgets import QCheckBox, QComboBox

from ..layers.made_layers import MadeLayers

BLENDED, ALONE = 0.4, 1.0  # opacity of an overlay over its result, and in a separate view


class GridView(QObject):
    """Shows some layers in a right view of napari's grid and all others in a left one, with linked cameras.

    All docks of a viewer share one instance. When no dock needs the grid any more, its former state is restored.
    """

    left = Signal()  # the user turned the grid off

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = ref(viewer)
        self._right: dict[int, list[Layer]] = {}  # layers of the right view, by the id of their owner
        self._before: dict[str, Any] = {}  # the state of the grid before it was changed here
        self._set: dict[str, Any] = {}  # the state that was set here
        self._zoomed = 1.0  # the total factor by which the zoom was changed here
        viewer.canvas.grid.events.enabled.connect(self._on_enabled)

    def put_beside(self, owner: object, layers: Iterable[Layer]) -> None:
        """Show layers of an owner in the right view, and its other layers in the left one."""
        viewer = self._viewer()
        self._right[id(owner)] = [*layers]
        if viewer is None:
            return
        right = [layer for layer in viewer.layers if any(layer in owned for owned in self._right.values())]
        left = len(viewer.layers) - len(right)
        if right and left:
            self._divide(viewer, right, left)
        else:
            self._restore(viewer)

    def _divide(self, viewer: Any, right: list[Layer], left: int) -> None:
        grid, layers = viewer.canvas.grid, viewer.layers
        for layer in right:  # the grid fills its views from the bottom layer upwards
            layers.move(layers.index(layer), len(layers))
        if not self._set:
            self._before = {name: getattr(grid, name) for name in ("stride", "shape", "enabled")}
        self._set = {"stride": left, "shape": (-1, -1), "enabled": True}
        before = np.array(viewer.canvas.viewbox_size(viewer.layers))
        _change(grid, self._set)
        factor = float(np.min(viewer.canvas.viewbox_size(viewer.layers) / before))
        self._zoom(viewer, factor)  # the same part of the image stays in view

    def _restore(self, viewer: Any) -> None:
        """Restore the attributes of the grid that the user has not changed meanwhile."""
        state, self._set = self._set, {}
        grid = viewer.canvas.grid
        _change(grid, {name: self._before[name] for name, value in state.items() if getattr(grid, name) == value})
        self._zoom(viewer, 1 / self._zoomed)

    def _zoom(self, viewer: Any, factor: float) -> None:
        self._zoomed *= factor
        if factor != 1:
            viewer.scene.camera.zoom *= factor

    def _on_enabled(self, event: Any) -> None:
        if self._set and not event.value:
            self._right = {}
            self.left.emit()


def _change(grid: Any, state: Mapping[str, Any]) -> None:
    for name, value in state.items():
        setattr(grid, name, value)


_grids: "WeakKeyDictionary[Any, GridView]" = WeakKeyDictionary()


def grid_of(viewer: Any) -> GridView:
    """Return the grid view that the docks of a viewer share."""
    if viewer not in _grids:
        _grids[viewer] = GridView(viewer)
    return _grids[viewer]


class DomainOverlays(QObject):
    """Shows the domain overlays of a dock's results according to its options.

    An overlay is updated and removed together with its result. If a source has several results, only the overlay of
    the last one is shown.

    Parameters
    ----------
    viewer
        The viewer.
    results
        The result layers of the dock.
    shown
        The check box for showing overlays.
    place
        The combo box for their place: "over" the results, or "beside" them.
    """

    def __init__(self, viewer: Any, results: MadeLayers, shown: QCheckBox, place: QComboBox, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer, self._results, self._place = viewer, results, place
        self._grid = grid_of(viewer)
        self._grid.left.connect(self._choose_over)
        self._hidden: list[ref[Layer]] = []  # overlays that the check box has hidden
        self._is_scheduled = False
        events = viewer.layers.events
        self._emitters = [events.inserted, events.removed]
        for emitter in self._emitters:
            emitter.connect(self._soon)
        shown.toggled.connect(self._toggle)
        place.currentIndexChanged.connect(self.arrange)

    def _soon(self, event: Any = None) -> None:
        """Arrange the overlays after the layer list has finished its current change."""
        if not self._is_scheduled:
            self._is_scheduled = True
            QTimer.singleShot(0, self._remove_orphans)

    def _remove_orphans(self) -> None:
        self._is_scheduled = False
        if not self._emitters:
            return
        for overlay in self._results.orphans():
            self._viewer.layers.remove(overlay)
        self.arrange()

    def _choose_over(self) -> None:
        self._place.setCurrentIndex(self._place.findData("over"))

    def _toggle(self, on: bool) -> None:
        """Hide the visible overlays, or show those again that this has hidden."""
        overlays = self._results.overlays()
        if not on:
            self._hidden = [ref(overlay) for overlay in overlays if overlay.visible]
        for overlay in overlays:
            if overlay in [hidden() for hidden in self._hidden]:
                overlay.visible = on
        self.arrange()

    def arrange(self, event: Any = None) -> None:
        """Put the overlays over their results or beside them, according to the options."""
        self._arrange(self._place.currentData() == "beside")

    def _arrange(self, beside: bool) -> None:
        overlays = self._results.overlays()
        self._grid.put_beside(self, overlays if beside and any(overlay.visible for overlay in overlays) else [])
        for overlay in overlays:
            overlay.events.visible.connect(self._soon)
            if overlay.opacity == (BLENDED if beside else ALONE):  # the user has not changed it
                overlay.opacity = ALONE if beside else BLENDED

    def close(self) -> None:
        """Put the overlays over their results, restore the grid and disconnect."""
        for emitter in self._emitters:
            emitter.disconnect(self._soon)
        self._emitters = []
        self._arrange(beside=False)
        for overlay in self._results.overlays():
            overlay.events.visible.disconnect(self._soon)
