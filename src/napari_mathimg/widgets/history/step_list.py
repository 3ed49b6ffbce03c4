"""The list of the steps of a chain, the source at its top."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from qtpy.QtCore import QSignalBlocker, QSize, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem

SOURCE = -1  # number of the row of the source
ON, OFF = Qt.CheckState.Checked, Qt.CheckState.Unchecked


class Row(NamedTuple):
    """A step in the list: its text, whether it is on, and an explanation."""

    text: str
    is_on: bool
    tip: str


class StepList(QListWidget):
    """The steps, each with a box that switches it; the row of the source, above them, has none.

    Delete removes the chosen step.
    """

    chosen = Signal(int)  # number of the step, SOURCE for the source
    switched = Signal(int, bool)
    removed = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTextElideMode(Qt.TextElideMode.ElideNone)
        self.setAccessibleName("Steps")
        self.setToolTip("Choose a step to see its result; untick it to leave it out; Delete removes it")
        self.setMinimumHeight(84)
        self.currentRowChanged.connect(lambda row: self.chosen.emit(row - 1) if row >= 0 else None)
        self.itemChanged.connect(self._tell_switched)

    @property
    def number(self) -> int | None:
        """Number of the chosen step, SOURCE for the source; None if nothing is chosen."""
        row = self.currentRow()
        return row - 1 if row >= 0 else None

    def sizeHint(self) -> QSize:
        """Return a size for a few steps."""
        return QSize(0, 7 * self.fontMetrics().lineSpacing())

    def show_steps(self, source: str, rows: Sequence[Row], number: int | None) -> None:
        """Show a chain with one of its steps chosen; nobody is told of that."""
        with QSignalBlocker(self):
            while self.count() > len(rows) + 1:
                self.takeItem(self.count() - 1)
            while self.count() < len(rows) + 1:
                self.addItem(QListWidgetItem())
            self._fill(self.item(0), source, "The layer that the first step is applied to")
            for k, row in enumerate(rows, 1):
                self._fill(self.item(k), row.text, row.tip, row.is_on)
            self.setCurrentRow(-1 if number is None else min(number, len(rows) - 1) + 1)

    def _fill(self, item: QListWidgetItem, text: str, tip: str, is_on: bool | None = None) -> None:
        item.setText(text)
        item.setToolTip(tip)
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        item.setFlags(flags if is_on is None else flags | Qt.ItemFlag.ItemIsUserCheckable)
        if is_on is None:
            item.setData(Qt.ItemDataRole.CheckStateRole, None)
        else:
            item.setCheckState(ON if is_on else OFF)

    def _tell_switched(self, item: QListWidgetItem) -> None:
        if (row := self.row(item)) > 0:
            self.switched.emit(row - 1, item.checkState() == ON)

    def keyPressEvent(self, event: Any) -> None:
        """Remove the chosen step."""
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and (self.number or 0) >= 0 and self.count() > 1:
            if self.number is not None:
                self.removed.emit(self.number)
            event.accept()
            return
        super().keyPressEvent(event)
