"""Layout helpers for docks."""

from collections.abc import Callable, Iterator
from typing import Any

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QBoxLayout,
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


class WrappingRow(QWidget):
    """Widgets side by side, or below each other where the row is too narrow for them."""

    def __init__(self, *widgets: QWidget) -> None:
        super().__init__()
        self._widgets = widgets
        self._box = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._box.setContentsMargins(0, 0, 0, 0)
        for widget in widgets:
            self._box.addWidget(widget)

    def minimumSizeHint(self) -> QSize:
        """Return the size of the widest one, as it is needed below the others."""
        needed = [widget.minimumSizeHint() for widget in self._widgets if not widget.isHidden()]
        return QSize(max((size.width() for size in needed), default=0), super().minimumSizeHint().height())

    def resizeEvent(self, event: Any) -> None:
        """Put the widgets below each other if they do not fit."""
        super().resizeEvent(event)
        hints = [widget.minimumSizeHint().width() for widget in self._widgets if not widget.isHidden()]
        fits = sum(hints) + max(len(hints) - 1, 0) * self._box.spacing() <= self.width()
        ways = QBoxLayout.Direction
        if (way := ways.LeftToRight if fits else ways.TopToBottom) != self._box.direction():
            self._box.setDirection(way)


class RoomWatch(QObject):
    """Tells the width that a scroll area has for a widget in it, whenever that changes.

    Parameters
    ----------
    widget
        The widget.
    react
        Function that is called with the width in pixels.
    """

    def __init__(self, widget: QWidget, react: Callable[[int], object]) -> None:
        super().__init__(widget)
        self._widget, self._react = widget, react
        self._viewport: QWidget | None = None

    def begin(self) -> None:
        """Tell the width, and all later ones."""
        area = self._widget.parentWidget()
        while area is not None and not isinstance(area, QScrollArea):
            area = area.parentWidget()
        if area is not None and self._viewport is None:
            self._viewport = area.viewport()
            self._viewport.installEventFilter(self)
        if self._viewport is not None:
            self._react(self._viewport.width())

    def eventFilter(self, viewport: QObject, event: QEvent) -> bool:
        """Tell the new width."""
        if event.type() == QEvent.Type.Resize and isinstance(viewport, QWidget):
            self._react(viewport.width())
        return False


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


def scroll_area(*pieces: QWidget | QLayout) -> QScrollArea:
    """Return a scroll area with widgets and layouts below each other."""
    inside = vbox_widget(*pieces)
    column = inside.layout()
    assert isinstance(column, QVBoxLayout)
    column.addStretch(1)
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setWidget(inside)
    return area
