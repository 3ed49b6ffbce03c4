"""Widgets side by side that stand below each other where there is no room."""

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QAbstractSpinBox, QBoxLayout, QComboBox, QWidget

LEAST = 46  # width of a field that can be narrow, in pixels
ARROW = 47  # width of what a combo box shows beside its text, margins included


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
        if row.layout().count() > 1:  # a single widget is as wide as it must be
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
        for box in inside:
            if isinstance(box, QComboBox):
                box.setMinimumWidth(needed_width(box))
        needed = sum(map(needed_width, inside)) + layout.spacing() * max(len(inside) - 1, 0)
        kinds = QBoxLayout.Direction
        kind = kinds.LeftToRight if needed <= row.width() else kinds.TopToBottom
        if layout.direction() != kind:
            layout.setDirection(kind)
            row.updateGeometry()


def needed_width(widget: QWidget) -> int:
    """Return the width that a widget needs; of one whose parts may lie below each other, that of the widest part."""
    if isinstance(widget, QAbstractSpinBox):
        return int(widget.sizeHint().width())
    if isinstance(widget, QComboBox):
        texts = [widget.itemText(k) for k in range(widget.count())]
        return max((int(widget.fontMetrics().horizontalAdvance(text)) for text in texts), default=0) + ARROW
    parts = [w for w in widget.children() if isinstance(w, QWidget) and not w.isHidden()]
    if isinstance(widget.layout(), QBoxLayout) and parts:
        return max(map(needed_width, parts))
    return int(max(widget.minimumSizeHint().width(), widget.minimumWidth() if not parts else 0))
