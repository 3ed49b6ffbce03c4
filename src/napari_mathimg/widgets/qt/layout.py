"""Layout helpers for docks."""

from collections.abc import Iterator
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QDockWidget,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

TURNS = 4  # times that a scroll bar comes and goes before it stays


class WheelGuard(QObject):
    """Leaves the wheel over a field that has no focus to the scroll area around it."""

    fields = (QAbstractSpinBox, QComboBox, QAbstractSlider)

    def eventFilter(self, field: QObject, event: QEvent) -> bool:
        """Keep wheel events from a field without focus."""
        if event.type() == QEvent.Type.Wheel and not field.hasFocus():
            event.ignore()
            return True
        return False


def order_fields(dock: QWidget) -> None:
    """Set the tab order of a dock's widgets to their order in its layouts, and keep the wheel from idle fields."""
    guard = dock.findChild(WheelGuard) or WheelGuard(dock)
    before = dock
    for widget in _widgets_of(dock):
        if isinstance(widget, WheelGuard.fields):
            widget.installEventFilter(guard)
            if widget.focusPolicy() == Qt.FocusPolicy.WheelFocus:
                widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            QWidget.setTabOrder(before, widget)
            before = widget


def _widgets_of(widget: QWidget) -> Iterator[QWidget]:
    inner = widget.widget() if isinstance(widget, QScrollArea) else None
    if inner is not None:
        yield from _widgets_of(inner)
    elif widget.layout() is not None:
        yield from _widgets_in_layout(widget.layout())


def _widgets_in_layout(layout: QLayout) -> Iterator[QWidget]:
    """Yield the widgets in a layout and inside of them, in its order.

    The layout is asked for places and not for its items: PySide6 remembers an item after Qt has deleted it, and would
    take another object at the same address for it.
    """
    directly = Qt.FindChildOption.FindDirectChildrenOnly
    inside: list[QObject] = [*layout.parentWidget().findChildren(QWidget, options=directly), *layout.children()]
    for child in sorted((child for child in inside if layout.indexOf(child) >= 0), key=layout.indexOf):
        if isinstance(child, QLayout):
            yield from _widgets_in_layout(child)
        else:
            yield child
            yield from _widgets_of(child)


def dock_of(widget: QWidget) -> QDockWidget | None:
    """Return the dock that holds a widget, or None."""
    parent = widget.parent()
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parent()
    return parent


def wrapping_label() -> QLabel:
    """Return a label whose text wraps."""
    label = QLabel()
    label.setWordWrap(True)
    return label


def button(text: str, tip: str) -> QPushButton:
    """Return a button with a tooltip."""
    button = QPushButton(text)
    button.setToolTip(tip)
    return button


def hbox(*widgets: QWidget) -> QHBoxLayout:
    """Return a layout with widgets side by side."""
    line = QHBoxLayout()
    for widget in widgets:
        line.addWidget(widget)
    return line


def form_layout(fields: dict[str, QWidget]) -> QFormLayout:
    """Return a layout of labeled fields below each other."""
    form = QFormLayout()
    wrap_rows(form)
    for text, field in fields.items():
        form.addRow(text, field)
    return form


def wrap_rows(form: QFormLayout) -> None:
    """Let fields take the room beside their labels, or that below where it is too narrow for them."""
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)


def vbox_widget(*pieces: QWidget | QLayout) -> QWidget:
    """Return a widget with widgets and layouts below each other."""
    inside = QWidget()
    column = QVBoxLayout(inside)
    column.setContentsMargins(0, 0, 0, 0)
    for piece in pieces:
        if isinstance(piece, QLayout):
            column.addLayout(piece)
        else:
            column.addWidget(piece)
    return inside


class SteadyScrollArea(QScrollArea):
    """A scroll area whose content may be higher without a scroll bar than beside one.

    Qt would show and hide the bar in turn, each within the other, until the stack is full; here, the bar stays.
    """

    def __init__(self) -> None:
        super().__init__()
        self._turns = 0  # changes of the content's size within each other
        self._size = self.size()

    def resizeEvent(self, event: Any) -> None:
        """Show a bar only where it is needed, in a new size."""
        if self._size != self.size():
            self._size = self.size()
            self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        super().resizeEvent(event)

    def eventFilter(self, content: QObject, event: QEvent) -> bool:
        """Let the bar stay where it comes and goes."""
        if event.type() != QEvent.Type.Resize or content is not self.widget():
            return bool(super().eventFilter(content, event))
        self._turns += 1
        if self._turns == TURNS:
            self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        taken = self._turns < 2 * TURNS and super().eventFilter(content, event)
        self._turns -= 1
        return bool(taken)


def scroll_area(*pieces: QWidget | QLayout) -> QScrollArea:
    """Return a scroll area with widgets and layouts below each other."""
    inside = vbox_widget(*pieces)
    column = inside.layout()
    assert isinstance(column, QVBoxLayout)
    column.addStretch(1)
    area = SteadyScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setWidget(inside)
    return area
