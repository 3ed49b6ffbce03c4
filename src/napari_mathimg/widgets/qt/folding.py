"""Widgets side by side that stand below each other where there is no room."""

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QBoxLayout, QWidget

LEAST = 54  # width of a field that can be narrow, in pixels


class Folding(QObject):
    """Lays the widgets of a row side by side where each has the width it needs, and below each other elsewhere.

    Parameters
    ----------
    row
        Widget with a horizontal box layout.
    """

    def __init__(self, row: QWidget) -> None:
        super().__init__(row)
        self._row = row
        row.setMinimumWidth(LEAST)
        row.installEventFilter(self)

    def eventFilter(self, row: QObject, event: QEvent) -> bool:
        """Fold or unfold the row when its width, its font or its widgets change."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest, QEvent.Type.Show):
            self._fold()
        return False

    def _fold(self) -> None:
        row, layout = self._row, self._row.layout()
        inside = [w for w in row.children() if isinstance(w, QWidget) and not w.isHidden() and layout.indexOf(w) >= 0]
        needed = sum(w.sizeHint().width() for w in inside) + layout.spacing() * max(len(inside) - 1, 0)
        kinds = QBoxLayout.Direction
        kind = kinds.LeftToRight if needed <= row.width() else kinds.TopToBottom
        if layout.direction() != kind:
            layout.setDirection(kind)
            row.updateGeometry()
