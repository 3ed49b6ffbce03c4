"""Pieces that docks are laid out from."""

from collections.abc import Iterator

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QDockWidget,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QMainWindow,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)


def order_tabs(dock: QWidget) -> None:
    """Let Tab go through a dock as its layouts place its widgets, whenever they were made."""
    before = dock
    for widget in _placed(dock):
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            QWidget.setTabOrder(before, widget)
            before = widget


def _placed(widget: QWidget) -> Iterator[QWidget]:
    inner = widget.widget() if isinstance(widget, QScrollArea) else None
    if inner is not None:
        yield from _placed(inner)
    elif widget.layout() is not None:
        yield from _in_layout(widget.layout())


def _in_layout(layout: QLayout) -> Iterator[QWidget]:
    for index in range(layout.count()):
        item = layout.itemAt(index)
        if item.widget() is not None:
            yield item.widget()
            yield from _placed(item.widget())
        elif item.layout() is not None:
            yield from _in_layout(item.layout())


def dock_of(widget: QWidget) -> QDockWidget | None:
    """The dock that holds a widget, or None."""
    parent = widget.parent()
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parent()
    return parent


def share_place(dock: QDockWidget, window: QMainWindow, kind: type[QWidget]) -> bool:
    """Lay a dock over the visible one in the window that holds a widget of a kind, as tabs, where there is one."""
    for other in window.findChildren(kind):
        neighbor = dock_of(other)
        if neighbor and neighbor is not dock and neighbor.isVisible() and not neighbor.isFloating():
            window.tabifyDockWidget(neighbor, dock)
            dock.raise_()
            return True
    return False


def wrapping_label() -> QLabel:
    """A label whose text wraps."""
    label = QLabel()
    label.setWordWrap(True)
    return label


def button(text: str, tip: str) -> QPushButton:
    """A button with a tooltip."""
    button = QPushButton(text)
    button.setToolTip(tip)
    return button


def hbox(*widgets: QWidget) -> QHBoxLayout:
    """Widgets in a row."""
    line = QHBoxLayout()
    for widget in widgets:
        line.addWidget(widget)
    return line


def form_layout(fields: dict[str, QWidget]) -> QFormLayout:
    """Fields below each other with their labels."""
    form = QFormLayout()
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    for text, field in fields.items():
        form.addRow(text, field)
    return form


def vbox_widget(*pieces: QWidget | QLayout) -> QWidget:
    """Pieces below each other."""
    inside = QWidget()
    column = QVBoxLayout(inside)
    column.setContentsMargins(0, 0, 0, 0)
    for piece in pieces:
        if isinstance(piece, QLayout):
            column.addLayout(piece)
        else:
            column.addWidget(piece)
    return inside


def scroll_area(*pieces: QWidget | QLayout) -> QScrollArea:
    """Pieces below each other that scroll up and down where there is too little height."""
    inside = vbox_widget(*pieces)
    column = inside.layout()
    assert isinstance(column, QVBoxLayout)
    column.addStretch(1)
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(inside)
    return area
