"""The list that opens to choose an operation: a search field, and the operations that it finds."""

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ..qt.layout import hbox
from ..settings.used import is_by_use, list_by_use
from .entries import Entry, all_entries, in_order, matching

BESIDE = 40  # beside the texts of a row, in pixels
FEWEST = 8  # rows that there is room for at least
ROWS = 20  # most rows that are seen at once
MARGIN = 3  # above and below the text of a row, in pixels
STYLE = "OperationList { border: 1px solid gray; }"  # seen in both themes
MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)
ALPHABET = "A–Z"


class OperationList(QFrame):
    """Lists operations beside a widget, the last used first or by the alphabet.

    A text in the search field finds operations of all families. Return or a click chooses one, Escape closes the list.

    Parameters
    ----------
    parent
        The widget above or below which the list opens.
    first
        The entries that are listed until something is typed.
    current
        Id of the operation that is marked initially; "" for the first one.
    """

    chosen = Signal(object)  # an Entry

    def __init__(self, parent: QWidget, first: Sequence[Entry], current: str = "") -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setStyleSheet(STYLE)
        self._first, self._current = first, current
        self.field = QLineEdit()
        self.field.setPlaceholderText("Find an operation")
        self.field.setClearButtonEnabled(True)
        self.field.setAccessibleName("Find an operation of any family")
        self.order = QPushButton(ALPHABET)
        self.order.setCheckable(True)
        self.order.setChecked(not is_by_use())
        self.order.setToolTip("List by the alphabet; otherwise, the last used operations come first")
        self.order.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.rows = QTreeWidget()
        self.rows.setColumnCount(2)
        self.rows.setHeaderHidden(True)
        self.rows.setRootIsDecorated(False)
        self.rows.setUniformRowHeights(True)
        self.rows.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.rows.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.rows.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.rows.header().setStretchLastSection(False)
        for column, mode in enumerate((QHeaderView.ResizeMode.Stretch, QHeaderView.ResizeMode.ResizeToContents)):
            self.rows.header().setSectionResizeMode(column, mode)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.addLayout(hbox(self.field, self.order))
        column.addWidget(self.rows)
        self.field.installEventFilter(self)
        self.field.textChanged.connect(self._fill)
        self.field.returnPressed.connect(self._take)
        self.order.toggled.connect(self._sort)
        self.rows.itemClicked.connect(self._take)
        self.order.ensurePolished()
        for widget in (self.field, self.rows):
            widget.setFont(self.order.font())  # napari sets that of buttons only
        self._fill()

    def open_beside(self, widget: QWidget) -> None:
        """Open below a widget, or above it where there is more room, and within the screen.

        The list is as wide as the widget, or wider where titles are longer.
        """
        screen, around = widget.screen().availableGeometry(), QRect(widget.mapToGlobal(QPoint()), widget.size())
        scroll = self.rows.verticalScrollBar().sizeHint().width()
        letters = self.rows.fontMetrics()
        names = ([entry.title for entry in all_entries()], [entry.dock for entry in all_entries()])
        needed = sum(max(map(letters.horizontalAdvance, texts)) for texts in names) + scroll + BESIDE
        rows = min(self.rows.topLevelItemCount(), ROWS)
        height = self.field.sizeHint().height() + self.rows.sizeHintForRow(0) * max(rows, FEWEST) + 24
        above, below = around.top() - screen.top(), screen.bottom() - around.bottom()
        is_above = below < height and above > below
        place = QRect(0, 0, max(needed, widget.width()), min(height, above if is_above else below))
        place.setSize(place.size().boundedTo(screen.size()))
        place.moveRight(around.right())
        place.moveTop(around.top() - place.height() if is_above else around.bottom() + 1)
        place.moveLeft(min(max(place.left(), screen.left()), screen.right() + 1 - place.width()))
        place.moveTop(min(max(place.top(), screen.top()), screen.bottom() + 1 - place.height()))
        self.setGeometry(place)
        self.show()
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)

    @property
    def listed(self) -> list[Entry]:
        """The entries that are listed, from top to bottom."""
        items = (self.rows.topLevelItem(k) for k in range(self.rows.topLevelItemCount()))
        return [item.data(0, Qt.ItemDataRole.UserRole) for item in items]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Move the mark in the list with the arrow keys pressed in the field."""
        if event.type() == QEvent.Type.KeyPress and event.key() in MOVES:
            self.rows.keyPressEvent(event)
            return True
        return False

    def keyPressEvent(self, event: Any) -> None:
        """Close with Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)

    def _fill(self, text: str = "") -> None:
        """List what the typed text finds."""
        text = text.strip()
        known = {entry.id or entry.title: entry for entry in (*(all_entries() if text else ()), *self._first)}
        entries = matching(text, in_order(known.values(), not self.order.isChecked()))
        self.rows.clear()
        height = self.rows.fontMetrics().height() + 2 * MARGIN
        for entry in entries:
            item = QTreeWidgetItem([entry.title, entry.dock])
            item.setData(0, Qt.ItemDataRole.UserRole, entry)
            item.setSizeHint(0, QSize(0, height))
            for column in range(2):
                item.setToolTip(column, entry.about)
            self.rows.addTopLevelItem(item)
        if not entries:
            self.rows.addTopLevelItem(nothing := QTreeWidgetItem(["No operation found", ""]))
            nothing.setFlags(Qt.ItemFlag.NoItemFlags)
            return
        ids = [entry.id for entry in entries]
        marked = ids.index(self._current) if self._current in ids and self._current and not text else 0
        self.rows.setCurrentItem(self.rows.topLevelItem(marked))

    def _sort(self, by_alphabet: bool) -> None:
        list_by_use(not by_alphabet)
        self._fill(self.field.text())
        self.field.setFocus()

    def _take(self, *clicked: Any) -> None:
        """Choose the marked entry, and close."""
        item = self.rows.currentItem()
        entry = item.data(0, Qt.ItemDataRole.UserRole) if item is not None else None
        if entry is not None:
            self.close()
            self.chosen.emit(entry)
