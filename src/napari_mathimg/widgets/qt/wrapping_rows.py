"""Widgets side by side that stand below each other where there is no room."""

from itertools import zip_longest

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QAbstractSpinBox, QBoxLayout, QComboBox, QHBoxLayout, QLabel, QWidget

from .combo_box import ARROW

LEAST = 46  # width of a field that can be narrow, in pixels
MARGIN = 8  # pixels beside the text of a label, whose indent is an "x"
LABELS = 150  # pixels; wider labels of several words, as there are with large fonts, wrap
BESIDE, BELOW = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom


class WrapRows(QObject):
    """Lays the widgets of rows side by side where all have the width they need, and below each other elsewhere.

    Rows of labels and fields get columns: their labels are equally wide.

    Parameters
    ----------
    rows
        Widgets with a horizontal box layout; several have the same parent, whose width they share.
    """

    def __init__(self, *rows: QWidget) -> None:
        around = rows[0] if len(rows) == 1 else rows[0].parentWidget()
        super().__init__(around)
        self._around, self._rows = around, rows
        for row in rows:
            if row.layout().count() > 1:  # a single widget is as wide as it must be
                row.setMinimumWidth(LEAST)
        around.installEventFilter(self)

    def eventFilter(self, around: QObject, event: QEvent) -> bool:
        """Wrap the rows or not when their width, their font or their widgets change."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest, QEvent.Type.Show):
            self._wrap()
        return False

    def _wrap(self) -> None:
        """Decide from what the widgets need, which does not depend on how they lie."""
        inside = [_widgets_in(row) for row in self._rows]
        room, gap = self._around.width(), self._rows[0].layout().spacing()
        columns = [max(map(needed_width, filter(None, column)), default=0) for column in zip_longest(*inside)]
        way = BESIDE if sum(columns) + gap * max(len(columns) - 1, 0) <= room else BELOW
        for row, widgets in zip(self._rows, inside, strict=True):
            for widget in widgets:
                if isinstance(widget, QComboBox):
                    widget.setMinimumWidth(min(needed_width(widget), room))
                elif isinstance(widget, QLabel) and len(self._rows) > 1:
                    _fit_label(widget, columns[0] if way == BESIDE else room)
            if row.layout().direction() != way:
                row.layout().setDirection(way)
                row.updateGeometry()


def wrapping_row(*widgets: QWidget) -> QWidget:
    """Return a widget with widgets side by side, or below each other where there is no room."""
    row = QWidget()
    line = QHBoxLayout(row)
    line.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        line.addWidget(widget)
    WrapRows(row)
    return row


def needed_width(widget: QWidget) -> int:
    """Return the width that a widget needs; of one whose parts may lie below each other, that of the widest part."""
    metrics, layout = widget.fontMetrics(), widget.layout()
    if isinstance(widget, QAbstractSpinBox):
        return int(widget.sizeHint().width())
    if isinstance(widget, QComboBox):
        texts = [widget.itemText(k) for k in range(widget.count())]
        return max((int(metrics.horizontalAdvance(text)) for text in texts), default=0) + ARROW
    if isinstance(widget, QLabel):
        words = [_text_width(widget, word) for word in str(widget.text()).split()]
        return min(_text_width(widget, widget.text()), max(LABELS, *words, 0))
    parts = _widgets_in(widget)
    if isinstance(layout, QBoxLayout) and parts:
        widths = list(map(needed_width, parts))
        wraps = widget.findChild(WrapRows, options=Qt.FindChildOption.FindDirectChildrenOnly) is not None
        if wraps or layout.direction() == BELOW:
            return max(widths)
        return sum(widths) + int(layout.spacing()) * (len(widths) - 1)
    return int(max(widget.minimumSizeHint().width(), 0 if layout is not None else widget.minimumWidth()))


def _widgets_in(row: QWidget) -> list[QWidget]:
    """Return the widgets that are shown in a row, in its order."""
    layout = row.layout()
    if layout is None:
        return []
    inside = [w for w in row.children() if isinstance(w, QWidget) and not w.isHidden() and layout.indexOf(w) >= 0]
    return sorted(inside, key=layout.indexOf)


def _text_width(label: QLabel, text: str) -> int:
    return int(label.fontMetrics().horizontalAdvance(f"{text}x")) + MARGIN


def _fit_label(label: QLabel, width: int) -> None:
    """Give a label its width, and wrap its text if it is wider."""
    wraps = _text_width(label, label.text()) > width
    if (label.minimumWidth(), label.wordWrap()) != (width, wraps):
        label.setMinimumWidth(width)
        label.setWordWrap(wraps)  # makes the label forget its size hint, which may be the last minimum width
