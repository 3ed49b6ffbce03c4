"""The panel that chooses the layer to process; it follows the viewer's active layer."""

from collections.abc import Sequence
from typing import Any

from napari.layers import Layer
from psygnal import Signal

from ...contract.operation import Operation
from ...recipe.names import chain
from ...recipe.record import light_sentence
from ..layers.layer_observer import LayerObserver
from ..layers.layer_picker import LayerPicker
from ..layers.snapshot import is_usable
from ..qt.layout import form_layout, vbox_widget
from .panel import Panel
from .results import Results


class LayerPanel(Panel):
    """The chosen layer, and the layers that are selected in the viewer.

    Parameters
    ----------
    viewer
        The viewer.
    family
        Name of the family of operations; only layers that it can process are listed.
    results
        The layers that the dock adds; a result that is about to be replaced is not followed.
    panels
        The panels that may refuse to follow a layer.
    """

    picked = Signal()  # another layer is chosen
    selected = Signal()  # other layers are selected in the viewer

    def __init__(self, viewer: Any, family: str, results: Results, panels: Sequence[Panel]) -> None:
        self._viewer, self._family, self._results, self._panels = viewer, family, results, panels
        self._observer = LayerObserver(self.tell_changed)
        self.picker = LayerPicker(viewer, self.takes, self.may_follow)
        self.widget = vbox_widget(form_layout({"Layer": self.picker}))
        self._tip = self.picker.toolTip()
        self._observer.watch(self.layer)
        self.picker.picked.connect(self._pick)
        self.picker.selected.connect(self.selected.emit)

    @property
    def layer(self) -> Layer | None:
        """The chosen layer."""
        return self.picker.layer

    def show_for(self, layer: Layer | None, operation: Operation, level: int) -> None:
        """Say in the tooltip what made a result, and whether its brightness is still proportional to light."""
        about = [layer.name, chain(layer.metadata), light_sentence(layer.metadata)] if layer is not None else []
        self.picker.setToolTip("\n".join(filter(None, [self._tip, *about])))

    def takes(self, layer: Layer) -> bool:
        """Return whether the operations can process a layer."""
        return is_usable(layer, self._family)

    def selection(self) -> list[Layer]:
        """Return the layers selected in the viewer that the operations can process."""
        return [layer for layer in self._viewer.layers if layer in self._viewer.layers.selection and self.takes(layer)]

    def may_follow(self, layer: Layer) -> bool:
        """Return whether to choose a layer when it becomes active."""
        return self._results.may_follow(layer) and all(panel.may_follow(layer) for panel in self._panels)

    def _pick(self) -> None:
        self._observer.watch(self.layer)
        self.picked.emit()
        self.tell_changed()

    def close(self) -> None:
        """Disconnect all signals."""
        self.picker.disconnect_from_viewer()
        self._observer.close()
