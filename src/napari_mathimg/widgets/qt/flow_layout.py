"""A layout that puts widgets side by side, in as many rows as its width takes."""

from collections.abc import Iterator

from qtpy.QtCore import QPoint, QRect, QSize, Qt
from qtpy.QtWidgets import QLayout, QLayoutItem, QWidget

SPACING = 3  # pixels between the widgets of a row


class FlowLayout(QLayout):
    """Puts widgets side by side in rows that fill the width; each widget is at least as wide as its size hint."""

    def __init__(self, parent: QWidget, spacing: int) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self.setSpacing(spacing)
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, item: QLayoutItem) -> None:
        """Add an item at the end."""
        self._items.append(item)

    def count(self) -> int:
        """Return the number of items."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        """Return an item; None beyond the last one."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        """Remove an item, and return it."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        """Return no direction: the rows take what they need."""
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        """Return that the height depends on the width."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of all rows."""
        return self._place(QRect(0, 0, width, 0), False)

    def sizeHint(self) -> QSize:
        """Return the smallest size."""
        return self.minimumSize()

    def minimumSize(self) -> QSize:
        """Return the size of the largest item."""
        size = QSize()
        for item in self._items:
            size = size.expandedTo(item.minimumSize())
        return size

    def setGeometry(self, rect: QRect) -> None:
        """Place the items in a rectangle."""
        super().setGeometry(rect)
        self._place(rect, True)

    def _place(self, rect: QRect, moves: bool) -> int:
        """Return the height that the items need in a rectangle, and place them if asked to."""
        y = rect.y()
        for row in self._rows(rect.width()):
            height = max(item.sizeHint().height() for item in row)
            if moves:
                self._place_row(row, QRect(rect.x(), y, rect.width(), height))
            y += height + self.spacing()
        return int(max(y - self.spacing() - rect.y(), 0))

    def _rows(self, width: int) -> Iterator[list[QLayoutItem]]:
        row: list[QLayoutItem] = []
        taken = 0
        for item in self._items:
            if item.widget() is not None and item.widget().isHidden():
                continue
            needed = item.sizeHint().width()
            if row and taken + needed > width:
                yield row
                row, taken = [], 0
            row.append(item)
            taken += needed + self.spacing()
        if row:
            yield row

    def _place_row(self, row: list[QLayoutItem], rect: QRect) -> None:
        """Place items side by side, each as much wider than its size hint as the others."""
        hints = [item.sizeHint().width() for item in row]
        free = max(rect.width() - sum(hints) - self.spacing() * (len(row) - 1), 0)
        x = rect.x()
        for k, (item, hint) in enumerate(zip(row, hints, strict=True)):
            width = hint + free * (k + 1) // len(row) - free * k // len(row)
            item.setGeometry(QRect(QPoint(x, rect.y()), QSize(width, rect.height())))
            x += width + self.spacing()


def flow_row(*widgets: QWidget) -> QWidget:
    """Return a widget with widgets side by side, in as many rows as its width takes."""
    row = QWidget()
    layout = FlowLayout(row, SPACING)
    for widget in widgets:
        layout.addWidget(widget)
    return row
