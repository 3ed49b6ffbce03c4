"""A combo box of the layers that a dock can use, which follows the active layer."""

from collections.abc import Callable
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from ...recipe.names import SEAMS
from ...recipe.record import is_preview
from ..qt.combo_box import ElidedComboBox
from .layer_observer import is_quiet

Connection = tuple[Any, Callable[..., None]]


class LayerPicker(ElidedComboBox):
    """Lists the layers of a viewer by name, the topmost first.

    Parameters
    ----------
    viewer
        The viewer.
    usable
        Tells whether a layer is listed.
    follows
        Tells whether a layer is chosen when it becomes active.
    none
        The first entry, which stands for no layer and is chosen by default; "" if a layer is required.
    refused
        Returns why a layer that is not listed does not fit: it is named with this reason. "" for one that is not named.
    """

    picked = Signal()
    selected = Signal()  # the selection in the viewer has changed

    def __init__(
        self,
        viewer: Any,
        usable: Callable[[Layer], bool],
        follows: Callable[[Layer], bool],
        parent: QWidget | None = None,
        none: str = "",
        refused: Callable[[Layer], str] = lambda layer: "",
    ) -> None:
        super().__init__(parent, SEAMS)
        self._viewer, self._usable, self._follows, self._none = viewer, usable, follows, none
        self._refused = refused
        self._listed: list[Layer | None] = []
        self._named: dict[int, Connection] = {}
        self.setToolTip("Layer that the operation is applied to; follows the active layer")
        layers = viewer.layers
        self._connections: list[Connection] = [
            (layers.events.inserted, self._list),
            (layers.events.removed, self._list),
            (layers.events.reordered, self._list),
            (layers.selection.events.active, self._follow),
            (layers.selection.events.changed, self._emit_selected),
        ]
        for emitter, callback in self._connections:
            emitter.connect(callback)
        self.currentIndexChanged.connect(self._picked)
        self._list()
        self._follow()

    @property
    def layer(self) -> Layer | None:
        """The chosen layer."""
        index = self.currentIndex()
        return self._listed[index] if 0 <= index < len(self._listed) else None

    @layer.setter
    def layer(self, layer: Layer | None) -> None:
        if layer in self._listed:
            self.setCurrentIndex(self._listed.index(layer))

    def words(self) -> list[str]:
        """Return the texts that there must be room for: that of no layer."""
        return [self._none]

    def choose(self, name: str) -> None:
        """Choose the topmost layer with a name; keep the choice if listed is none."""
        self.layer = next((layer for layer in self._listed if layer is not None and layer.name == name), self.layer)

    def list_layers(self) -> None:
        """Update the list, for example because other layers have become usable."""
        self._list()

    def disconnect_from_viewer(self) -> None:
        """Disconnect from the viewer before the widget is deleted."""
        for emitter, callback in [*self._connections, *self._named.values()]:
            emitter.disconnect(callback)
        self._connections, self._named, self._listed = [], {}, []

    def _list(self, event: Any = None) -> None:
        """Update the list; keep the chosen layer, or choose the active one if it is no longer listed."""
        chosen = self.layer
        layers = [layer for layer in reversed(self._viewer.layers) if not is_preview(layer.metadata)]
        usable = [layer for layer in layers if self._usable(layer)]
        self._listed = [None, *usable] if self._none else [*usable]
        self._watch_names()
        self.blockSignals(True)
        self.clear()
        self.addItems([layer.name if layer is not None else self._none for layer in self._listed])
        for layer in layers:
            if layer not in usable and (why := self._refused(layer)):
                self.addItem(f"{layer.name} ({why})")
                self.model().item(self.count() - 1).setEnabled(False)
        self.setCurrentIndex(self._listed.index(chosen) if chosen in self._listed else 0 if self._listed else -1)
        self.blockSignals(False)
        if self.layer is not chosen:
            self._follow()
            self.picked.emit()

    def _watch_names(self) -> None:
        listed = {id(layer): layer for layer in self._listed if layer is not None}
        for key in [k for k in self._named if k not in listed]:
            emitter, callback = self._named.pop(key)
            emitter.disconnect(callback)
        for key, layer in listed.items():
            if key not in self._named:
                layer.events.name.connect(self._rename)
                self._named[key] = (layer.events.name, self._rename)

    def _rename(self, event: Any = None) -> None:
        for index, layer in enumerate(self._listed):
            self.setItemText(index, layer.name if layer is not None else self._none)

    def _follow(self, event: Any = None) -> None:
        active = self._viewer.layers.selection.active
        if is_quiet(self._viewer.layers):
            return
        if active is not None and active is not self.layer and self._follows(active):
            self.layer = active

    def _emit_selected(self, event: Any = None) -> None:
        if not is_quiet(self._viewer.layers):
            self.selected.emit()

    def _picked(self, index: int) -> None:
        self.picked.emit()
