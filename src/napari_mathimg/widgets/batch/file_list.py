"""The list of the files of a batch: files and folders are dropped on it, and their progress is seen in it."""

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QItemSelectionModel, QMimeData, QModelIndex, QSize, QSortFilterProxyModel, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPen
from qtpy.QtWidgets import QAbstractItemView, QTreeView

from .file_model import ROW, STATE, FileModel, Row
from .row_painting import FADED, RowDelegate

EMPTY = "Drop images or folders of images here"
NO_FAILURES = "No file has failed."
LINES = 6  # that the list shows at least


class FileList(QTreeView):
    """Shows a model of files.

    Delete leaves the selected files out; a double click or Return opens the result of one.
    """

    dropped = Signal(list)  # paths
    removed = Signal()
    opened = Signal(str)  # the file whose result is to be opened
    selected = Signal()

    def __init__(self, model: FileModel) -> None:
        super().__init__()
        self.files = model
        self._shown = QSortFilterProxyModel(self)
        self._shown.setSourceModel(model)
        self._shown.setFilterRole(STATE)
        self.setModel(self._shown)
        self._kept: list[str] = []  # what was selected before the files are set anew
        model.modelAboutToBeReset.connect(self._note_chosen)
        model.modelReset.connect(lambda: self.choose(self._kept))
        self.setItemDelegate(RowDelegate(self))
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setIndentation(0)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAcceptDrops(True)
        self.setDropIndicatorShown(False)
        self.setTabKeyNavigation(False)
        self.setAccessibleName("Files")
        self.doubleClicked.connect(self._open)
        self.selectionModel().selectionChanged.connect(lambda: self.selected.emit())

    def sizeHint(self) -> QSize:
        """Return a size for a few files."""
        return QSize(0, self.minimumSizeHint().height() * 2)

    def minimumSizeHint(self) -> QSize:
        """Return a size for some lines."""
        return QSize(0, LINES * (self.fontMetrics().lineSpacing() + 4))

    def show_failures(self, only: bool) -> None:
        """Show failures only, or all files."""
        self._shown.setFilterFixedString("failed" if only else "")
        self.viewport().update()

    @property
    def chosen(self) -> list[Row]:
        """The selected rows, from top to bottom."""
        places = sorted(self.selectionModel().selectedRows(), key=QModelIndex.row)
        return [place.data(ROW) for place in places]

    @property
    def current(self) -> Row | None:
        """The row that keys and the last click are about, or the first one of all."""
        index = self.currentIndex()
        if not index.isValid():
            index = self._shown.index(0, 0)
        row: Row | None = index.data(ROW) if index.isValid() else None
        return row

    def _note_chosen(self) -> None:
        self._kept = [row.source for row in self.chosen]

    def choose(self, files: Sequence[str]) -> None:
        """Select files."""
        select = QItemSelectionModel.SelectionFlag.Select
        for file in files:
            number = self.files.number(file)
            place = QModelIndex() if number is None else self._shown.mapFromSource(self.files.index(number))
            if place.isValid():
                self.selectionModel().select(place, select)

    def place_of(self, source: str) -> Any:
        """Return where a file is seen, as a rectangle of the viewport."""
        number = self.files.number(source)
        assert number is not None
        return self.visualRect(self._shown.mapFromSource(self.files.index(number)))

    @property
    def shown_files(self) -> list[str]:
        """The files that are shown, from top to bottom."""
        return [self._shown.index(k, 0).data(ROW).source for k in range(self._shown.rowCount())]

    def _open(self, index: QModelIndex) -> None:
        row = index.data(ROW)
        if row is not None and row.has_result:
            self.opened.emit(row.source)

    def keyPressEvent(self, event: Any) -> None:
        """Leave files out on Delete, and open the result of one on Return."""
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removed.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self._open(self.currentIndex())
        else:
            super().keyPressEvent(event)
            return
        event.accept()

    def dragEnterEvent(self, event: Any) -> None:
        """Take files and folders."""
        if paths_in(event.mimeData()):
            event.acceptProposedAction()

    dragMoveEvent = dragEnterEvent

    def dropEvent(self, event: Any) -> None:
        """Add files and folders."""
        if paths := paths_in(event.mimeData()):
            event.acceptProposedAction()
            self.dropped.emit(paths)

    def paintEvent(self, event: Any) -> None:
        """Draw the rows; where there are none, say what belongs here."""
        super().paintEvent(event)
        if self._shown.rowCount():
            return
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = self.palette().color(self.foregroundRole())
        flags, around = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.viewport().rect()
        if not self.files.rows:
            faded = QColor(color)
            faded.setAlphaF(FADED)
            painter.setPen(QPen(faded, 1, Qt.PenStyle.DashLine))
            painter.drawRoundedRect(around.toRectF().adjusted(2, 2, -3, -3), 6, 6)
        painter.setPen(color)
        painter.drawText(around.adjusted(8, 4, -8, -4), flags, NO_FAILURES if self.files.rows else EMPTY)


def paths_in(data: QMimeData) -> list[str]:
    """Return the files and folders of what is dragged."""
    return [url.toLocalFile() for url in data.urls() if url.isLocalFile()] if data.hasUrls() else []
