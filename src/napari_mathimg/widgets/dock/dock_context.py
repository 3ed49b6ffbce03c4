"""The objects that the panels of a dock share."""

from dataclasses import dataclass
from typing import Any

from napari.layers import Layer
from qtpy.QtWidgets import QWidget

from ..tasks.run_bar import RunBar
from .layer_panel import LayerPanel
from .operation_panel import OperationPanel
from .options_panel import OptionsBox
from .results import Results


@dataclass(frozen=True)
class DockContext:
    """The viewer and the parts of a dock that every panel may use."""

    dock: QWidget  # the parent of objects that are deleted with the dock
    viewer: Any
    bar: RunBar
    options: OptionsBox
    results: Results
    layers: LayerPanel
    operations: OperationPanel

    @property
    def layer(self) -> Layer | None:
        """The chosen layer."""
        return self.layers.layer

    @property
    def level(self) -> int:
        """The multiscale level of the chosen layer that is processed."""
        layer = self.layer
        return 0 if layer is None else self.options.level_of(layer)

    def tell(self, text: str) -> None:
        """Show a message below the Run button."""
        self.bar.message.setText(text)
