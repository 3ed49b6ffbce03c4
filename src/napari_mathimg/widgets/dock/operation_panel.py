"""Panels that choose an operation, summarize it, and show what it still needs."""

from typing import Any

from napari.layers import Layer
from qtpy.QtWidgets import QLabel, QWidget

from ...catalog import family as operations_of
from ...contract.operation import Operation
from ..form.form import summary
from ..help.window import HelpButton
from ..layers.snapshot import DOMAIN
from ..place.entries import family_entries
from ..place.places import KEY, Place
from ..qt.combo_box import ElidedComboBox
from ..qt.layout import hbox, wrapping_label
from .panel import Panel


class OperationBox(ElidedComboBox):
    """The choice of an operation of a family; its list finds operations of other families, too.

    Parameters
    ----------
    parent
        The parent.
    family
        Name of the family.
    """

    def __init__(self, parent: QWidget, family: str) -> None:
        super().__init__(parent)
        self._family = family

    def words(self) -> list[str]:
        """Return the texts that the dock must be wide enough for: none, as it has room for nearly all titles."""
        return []

    def showPopup(self) -> None:
        """Open the list of operations, with a search field."""
        if (place := Place.around(self)) is None:
            super().showPopup()
        else:
            place.find(self, family_entries(self._family), self.currentData())


class OperationPanel(Panel):
    """The choice of an operation of a family, with a help button.

    Parameters
    ----------
    family
        Name of the family.
    first
        Id of the operation that is chosen initially; "" for the first of the family.
    """

    def __init__(self, family: str, first: str = "") -> None:
        self.operations = operations_of(family)
        self.widget = QWidget()
        self.choice = OperationBox(self.widget, family)
        for op in self.operations.values():
            self.choice.addItem(op.title, op.id)
        self.choice.setToolTip(f"The operation to apply; {KEY} finds those of all families")
        self.choice.setAccessibleName("Operation")
        self.choice.setVisible(len(self.operations) > 1)
        self.choose(first)
        self.help = HelpButton(lambda: self.operation)
        row = hbox(QLabel(self.operation.title) if self.choice.isHidden() else self.choice, self.help)
        row.setSpacing(3)
        row.setContentsMargins(0, 0, 0, 0)
        self.widget.setLayout(row)
        self.choice.currentIndexChanged.connect(self._announce)

    @property
    def operation(self) -> Operation:
        """The chosen operation."""
        return self.operations[self.choice.currentData()]

    def choose(self, id: str) -> None:
        """Choose an operation of the family."""
        if (index := self.choice.findData(id)) >= 0:
            self.choice.setCurrentIndex(index)

    def _announce(self, index: int) -> None:
        self.help.follow()
        self.tell_changed()


class SummaryPanel(Panel):
    """A sentence that says what the chosen operation does."""

    def __init__(self) -> None:
        self.widget = self.label = wrapping_label()

    def show_for(self, layer: Layer | None, operation: Operation, level: int) -> None:
        """Show the summary of an operation."""
        self.label.setText(summary(operation))


class RequirementPanel(Panel):
    """A sentence that says what is missing for a run.

    Parameters
    ----------
    family
        Name of the family.
    """

    def __init__(self, family: str) -> None:
        self.widget = self.label = wrapping_label()
        self._no_layer = f"Open or select an {'image or labels' if family in DOMAIN else 'image'} layer to begin."

    @property
    def is_ready(self) -> bool:
        """Whether nothing is missing."""
        return not self.label.text()

    def show_for(self, layer: Layer | None, operation: Operation, level: int) -> None:
        """Show what is missing for an operation on a layer."""
        lacks_colors = operation.channels == "reduce" and not _is_rgb(layer)
        text = self._no_layer if layer is None else "This operation needs an RGB layer." if lacks_colors else ""
        self.label.setText(text)
        self.label.setVisible(bool(text))


def _is_rgb(layer: Any) -> bool:
    return bool(getattr(layer, "rgb", False))
