"""Names in a list that wrap where they are wider than their column."""

from typing import Any

from qtpy.QtCore import QRect, QSize, Qt
from qtpy.QtWidgets import QStyledItemDelegate, QTreeWidget

BESIDE = 8  # pixels of a cell beside its text
TALLEST = 10_000


class WrappedNames(QStyledItemDelegate):
    """Gives the rows of a list the height of their names in the first column, which changes with its width."""

    def __init__(self, tree: QTreeWidget) -> None:
        super().__init__(tree)
        self._tree = tree
        tree.setWordWrap(True)
        tree.setUniformRowHeights(False)
        tree.setItemDelegateForColumn(0, self)
        tree.header().sectionResized.connect(tree.scheduleDelayedItemsLayout)

    def sizeHint(self, option: Any, index: Any) -> QSize:
        """Return a size with room for all lines of a name."""
        size = super().sizeHint(option, index)
        room = QRect(0, 0, self._tree.columnWidth(0) - BESIDE, TALLEST)
        text = self._tree.fontMetrics().boundingRect(room, Qt.TextFlag.TextWordWrap, str(index.data()))
        return QSize(size.width(), max(text.height(), self._tree.fontMetrics().lineSpacing()) + 2)
