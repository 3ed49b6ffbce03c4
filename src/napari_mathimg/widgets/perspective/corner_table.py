"""A table of the corners' coordinates."""

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtGui import QCursor, QKeySequence
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QToolTip,
    QWidget,
)

from ...contract.quantities import figures, number_that_fits
from ..qt.number_boxes import number_in

PIXELS = "In pixels of the image, or of its chosen level, counted from the center of the first pixel"
OFF = "Residual of the fitted map at the corner, in the same pixels"
ROWS = 4  # rows that are visible without scrolling
PLACE, TARGET = (0, 1), (2, 3)  # columns
INSIDE = 5  # pixels between the text of a cell and its edge


class CornerTable(QTableWidget):
    """Shows corners by row and column, with their targets and residuals if there are more than four."""

    moved = Signal(int, int, float)  # a coordinate was typed; emits corner, axis, and the value or NaN
    aimed = Signal(int, int, float)  # a coordinate of a target was typed; emits the same

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 5, parent)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(20)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        for corner in self.findChildren(QAbstractButton):  # where the headers meet
            corner.setAccessibleName("All corners")
        self.setAccessibleName("Corners")
        self.setToolTip("Coordinates of the corners; type a number to move a corner")
        self.itemChanged.connect(self._typed)
        self.show_corners((), (), (), (), "px")

    def resizeEvent(self, event: Any) -> None:
        """Adapt the height to the rows."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: Any) -> None:
        """Adapt the rows to another font."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()

    def _fit(self) -> None:
        letters = self.fontMetrics()
        self.verticalHeader().setDefaultSectionSize(letters.height() + 8)
        self.verticalHeader().setMinimumWidth(letters.averageCharWidth() * 4)
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
        """Show labeled corners, with targets and errors if there are any."""
        self.blockSignals(True)
        self.setRowCount(len(corners))
        self.setVerticalHeaderLabels(list(labels))
        self.setHorizontalHeaderLabels(["y", "x", "to y", "to x", "off"])
        target_tip = f"Position of the corner in the rectangle, in {unit}"
        for column, tip in enumerate((PIXELS, PIXELS, target_tip, target_tip, OFF)):
            self.horizontalHeaderItem(column).setToolTip(tip)
        for column in (*TARGET, 4):
            self.setColumnHidden(column, not targets)
        for row, corner in enumerate(corners):
            for column, value in zip(PLACE, corner, strict=True):
                self._write(row, column, value, 2)
            for column, value in zip(TARGET, targets[row] if targets else (), strict=False):
                self._write(row, column, value, None)
            if errors:
                self._write(row, 4, errors[row], 2)
        self.blockSignals(False)
        self._fit()

    def label(self, row: int) -> str:
        """Return the label of a corner."""
        return str(self.verticalHeaderItem(row).text())

    def _write(self, row: int, column: int, value: float, decimals: int | None) -> None:
        item = self.item(row, column)
        if item is None:
            item = _Number()
            item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            if column == 4:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
            self.setItem(row, column, item)
        item.decimals = decimals
        text = figures(value)
        if item.whole_text != text:
            item.setText(text)

    def keyPressEvent(self, event: Any) -> None:
        """Copy all digits of the current number."""
        if event.matches(QKeySequence.StandardKey.Copy) and self.currentItem() is not None:
            QApplication.clipboard().setText(self.currentItem().whole_text)
            event.accept()
        else:
            super().keyPressEvent(event)

    def _typed(self, item: "_Number") -> None:
        try:
            number = number_in(item.whole_text)
        except ValueError as error:
            QToolTip.showText(QCursor.pos(), f"{error}.", self)
            number = float("nan")  # the dock then restores the previous number
        signal, first = (self.aimed, TARGET[0]) if item.column() in TARGET else (self.moved, PLACE[0])
        signal.emit(item.row(), item.column() - first, number)


class _Number(QTableWidgetItem):
    """A number: it is edited, copied and told in a tooltip with all digits, and shown with those that fit."""

    decimals: int | None = None  # that are shown if they fit; None for those that matter

    @property
    def whole_text(self) -> str:
        """The number with all its digits, or the text that the user has typed."""
        return str(super().data(Qt.ItemDataRole.EditRole) or "")

    def data(self, role: int) -> Any:
        """Return the number for a role, with all digits unless it is shown."""
        if role == Qt.ItemDataRole.ToolTipRole:
            return self.whole_text
        return self._shown() if role == Qt.ItemDataRole.DisplayRole else super().data(role)

    def _shown(self) -> str:
        try:
            value = number_in(self.whole_text)
        except ValueError:
            return self.whole_text
        fixed = [] if self.decimals is None else [f"{value:.{n}f}" for n in range(self.decimals, 0, -1)]
        return next(filter(self._has_room, fixed), "") or number_that_fits(value, self._has_room)

    def _has_room(self, text: str) -> bool:
        table = self.tableWidget()
        if table is None or not table.isVisible():
            return True
        return bool(table.fontMetrics().horizontalAdvance(text) + 2 * INSIDE <= table.columnWidth(self.column()))
