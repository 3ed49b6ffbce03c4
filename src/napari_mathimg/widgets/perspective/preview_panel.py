"""The panel that previews the result and shows its size."""

from napari.layers import Layer
from qtpy.QtCore import Qt

from ...contract.reach import Gather
from ..dock.dock_context import DockContext
from ..dock.panel import Panel
from ..layers.spacing import spacing_of
from ..qt.layout import vbox_widget, wrapping_label
from .corner_geometry import Known, size_words
from .preview import Preview


class PreviewPanel(Panel):
    """Shows a small picture of the result, and its size as text.

    Parameters
    ----------
    context
        The state that the panels of the dock share.
    """

    def __init__(self, context: DockContext) -> None:
        self._context = context
        self.picture = Preview(context.viewer)
        self.size_text = wrapping_label()
        self.size_text.setMinimumHeight(3 * self.size_text.fontMetrics().lineSpacing())
        self.size_text.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.widget = vbox_widget(self.picture, self.size_text)
        self.clear()
        self.picture.edited.connect(self.tell_changed)

    def show_map(self, layer: Layer, level: int, known: Known, gather: Gather, new_unit: str) -> None:
        """Show the plane mapped by resolved parameters; `new_unit` is a unit that the layer lacks, or ""."""
        self.picture.show()
        self.size_text.show()
        self.picture.show_map(layer, level, known)
        words = size_words(gather.shape, known, new_unit or spacing_of(layer, 2)[1])
        self.size_text.setText(words + (" (the image has no units)" if new_unit else ""))

    def clear(self, keep_place: bool = False) -> None:
        """Clear the picture and the text, and let them take no place unless it is to be kept."""
        self.picture.forget()
        self.size_text.setText("")
        if not keep_place:
            self.picture.hide()
            self.size_text.hide()

    def close(self) -> None:
        """Stop computing."""
        self.picture.stop()
