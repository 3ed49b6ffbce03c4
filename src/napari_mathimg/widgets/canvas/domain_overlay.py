"""The domain's overlays in the viewer: blended over their results, or beside them by napari's grid."""

from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np
from napari.layers import Layer
from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtWidgets import QCheckBox, QComboBox

from ..layers.made_layers import MadeLayers

BLENDED, ALONE = 0.4, 1.0  # opacity of a overlay over its result, and in a view of its own


class GridView(QObject):
    """napari's grid with two views: some layers to the right, all others to the left, at the same place and zoom.

    There is one for a viewer, whoever asks for it; the grid is given back as it was when nobody does any longer.
    """

    left = Signal()  # somebody turned the grid off

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = ref(viewer)
        self._asked: dict[int, list[Layer]] = {}
        self._found: dict[str, Any] = {}  # the grid's state before
        self._made: dict[str, Any] = {}  # its state made here
        self._shrunk = 1.0  # by what factor the zoom was changed for it
        viewer.canvas.grid.events.enabled.connect(self._see)

    def put_beside(self, owner: object, layers: Iterable[Layer]) -> None:
        """Put layers to the right, and those that the owner put there before to the left."""
        viewer = self._viewer()
        self._asked[id(owner)] = [*layers]
        if viewer is None:
            return
        right = [layer for layer in viewer.layers if any(layer in asked for asked in self._asked.values())]
        left = len(viewer.layers) - len(right)
        if right and left:
            self._divide(viewer, right, left)
        else:
            self._give_back(viewer)

    def _divide(self, viewer: Any, right: list[Layer], left: int) -> None:
        grid, layers = viewer.canvas.grid, viewer.layers
        for layer in right:  # the grid counts layers from the bottom
            layers.move(layers.index(layer), len(layers))
        if not self._made:
            self._found = {name: getattr(grid, name) for name in ("stride", "shape", "enabled")}
        self._made = {"stride": left, "shape": (-1, -1), "enabled": True}
        before = np.array(viewer.canvas.viewbox_size(viewer.layers))
        _change(grid, self._made)
        fits = float(np.min(viewer.canvas.viewbox_size(viewer.layers) / before))
        self._zoom(viewer, fits)  # as much of the image is seen as before

    def _give_back(self, viewer: Any) -> None:
        """Restore what is as it was made here; what somebody changed meanwhile is theirs."""
        made, self._made = self._made, {}
        grid = viewer.canvas.grid
        _change(grid, {name: self._found[name] for name, value in made.items() if getattr(grid, name) == value})
        self._zoom(viewer, 1 / self._shrunk)

    def _zoom(self, viewer: Any, factor: float) -> None:
        self._shrunk *= factor
        if factor != 1:
            viewer.scene.camera.zoom *= factor

    def _see(self, event: Any) -> None:
        if self._made and not event.value:
            self._asked = {}
            self.left.emit()


def _change(grid: Any, state: Mapping[str, Any]) -> None:
    for name, value in state.items():
        setattr(grid, name, value)


_grids: "WeakKeyDictionary[Any, GridView]" = WeakKeyDictionary()


def grid_of(viewer: Any) -> GridView:
    """Return the grid of a viewer."""
    if viewer not in _grids:
        _grids[viewer] = GridView(viewer)
    return _grids[viewer]


class DomainOverlays(QObject):
    """Shows the overlays of a dock's results as its options say.

    An overlay belongs to its result: it is updated with it and goes with it. Of several results of one source, the
    overlay of the last one is shown.

    Parameters
    ----------
    viewer
        The viewer.
    results
        The layers that the dock made.
    shown
        The tick that says whether overlays are shown.
    place
        The choice where they are: "over" their results, or "beside" them.
    """

    def __init__(self, viewer: Any, results: MadeLayers, shown: QCheckBox, place: QComboBox, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer, self._results, self._place = viewer, results, place
        self._grid = grid_of(viewer)
        self._grid.left.connect(self._leave)
        self._hidden: list[ref[Layer]] = []
        self._waits = False
        events = viewer.layers.events
        self._emitters = [events.inserted, events.removed]
        for emitter in self._emitters:
            emitter.connect(self._soon)
        shown.toggled.connect(self._toggle)
        place.currentIndexChanged.connect(self.arrange)

    def _soon(self, event: Any = None) -> None:
        """Arrange once the list of layers is done with what it does."""
        if not self._waits:
            self._waits = True
            QTimer.singleShot(0, self._tidy)

    def _tidy(self) -> None:
        self._waits = False
        if not self._emitters:
            return
        for overlay in self._results.orphans():
            self._viewer.layers.remove(overlay)
        self.arrange()

    def _leave(self) -> None:
        self._place.setCurrentIndex(self._place.findData("over"))

    def _toggle(self, on: bool) -> None:
        """Hide the overlays, or show those again that were hidden."""
        overlays = self._results.overlays()
        if not on:
            self._hidden = [ref(overlay) for overlay in overlays if overlay.visible]
        for overlay in overlays:
            if overlay in [kept() for kept in self._hidden]:
                overlay.visible = on
        self.arrange()

    def arrange(self, event: Any = None) -> None:
        """Put the overlays where the options say."""
        self._arrange(self._place.currentData() == "beside")

    def _arrange(self, beside: bool) -> None:
        overlays = self._results.overlays()
        self._grid.put_beside(self, overlays if beside and any(overlay.visible for overlay in overlays) else [])
        for overlay in overlays:
            overlay.events.visible.connect(self._soon)
            if overlay.opacity == (BLENDED if beside else ALONE):  # nobody chose another one
                overlay.opacity = ALONE if beside else BLENDED

    def close(self) -> None:
        """Leave the overlays over their results and the grid as it was; the dock is going."""
        for emitter in self._emitters:
            emitter.disconnect(self._soon)
        self._emitters = []
        self._arrange(beside=False)
        for overlay in self._results.overlays():
            overlay.events.visible.disconnect(self._soon)
