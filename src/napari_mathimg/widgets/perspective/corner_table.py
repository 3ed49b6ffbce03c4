"""The corners as numbers."""

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

PIXELS = "In pixels of the image, or of its level that is chosen, counted from the middle of the first one"
OFF = "How far, in the same pixels, the map misses the corner"
ROWS = 4  # shown without scrolling
PLACE, TARGET = (0, 1), (2, 3)  # columns


class CornerTable(QTableWidget):
    """Corners by row and column, and for more than four where each belongs and how far it comes from there."""

    moved = Signal(int, int, float)  # a coordinate of a corner was typed: which corner, axis, value or NaN
    aimed = Signal(int, int, float)  # a coordinate of a target was typed

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 5, parent)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(20)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 8)
        self.verticalHeader().setMinimumWidth(self.fontMetrics().averageCharWidth() * 4)
        self.setToolTip("The corners; type to move one")
        self.itemChanged.connect(self._typed)
        self.show_corners((), (), (), (), "px")

    def resizeEvent(self, event: Any) -> None:
        """Keep the height that the rows need."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        height = self.horizontalHeader().sizeHint().height()
        self.setFixedHeight(height + ROWS * self.verticalHeader().defaultSectionSize() + 4)

    def show_corners(
        self,
        labels: Sequence[str],
        corners: Sequence[tuple[float, float]],
        targets: Sequence[tuple[float, float]],
        errors: Sequence[float],
        unit: str,
    ) -> None:
        """Show corners by label; targets and errors where there are more than four."""
        self.blockSignals(True)
        self.setRowCount(len(corners))
        self.setVerticalHeaderLabels(list(labels))
        self.setHorizontalHeaderLabels(["y", "x", "to y", "to x", "off"])
        for column, tip in enumerate((PIXELS, PIXELS, *(f"Where it belongs in the rectangle, in {unit}",) * 2, OFF)):
            self.horizontalHeaderItem(column).setToolTip(tip)
        for column in (*TARGET, 4):
            self.setColumnHidden(column, not targets)
        for row, corner in enumerate(corners):
            for column, value in zip(PLACE, corner, strict=True):
                self._write(row, column, f"{value:.1f}" if targets else f"{value:.2f}")
            for column, value in zip(TARGET, targets[row] if targets else (), strict=False):
                self._write(row, column, f"{round(value, 6) + 0.0:.6g}")
            if errors:
                self._write(row, 4, f"{errors[row]:.2f}")
        self.blockSignals(False)
        self._fit()

    def label(self, row: int) -> str:
        """Return the label of a corner."""
        return str(self.verticalHeaderItem(row).text())

    def _write(self, row: int, column: int, text: str) -> None:
        item = self.item(row, column)
        if item is None:
            item = QTableWidgetItem()
            item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            if column == 4:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
            self.setItem(row, column, item)
        if item.text() != text:
            item.setText(text)

    def _typed(self, item: QTableWidgetItem) -> None:
        try:
            number = float(item.text().replace(",", "."))
        except ValueError:
            number = float("nan")  # the dock shows the number again that it was
        signal, first = (self.aimed, TARGET[0]) if item.column() in TARGET else (self.moved, PLACE[0])
        signal.emit(item.row(), item.column() - first, number)
