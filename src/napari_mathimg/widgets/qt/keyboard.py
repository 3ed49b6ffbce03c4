"""Work without a mouse: where the focus is, what fields are called, and keys of a whole dock."""

from collections.abc import Callable, Iterable
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeySequence, QPainter, QPen, QShortcut
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QBoxLayout,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLineEdit,
    QScrollArea,
    QWidget,
)

FIELDS = (QAbstractSpinBox, QComboBox, QLineEdit)  # what has no text of its own that says what it is for
RING = 2  # width of the line around what has the focus, in pixels


class FocusRing(QObject):
    """Draws a line, in the color of the text, around the widget of a dock that has the focus.

    napari's style sheet shows the focus of no field or button.
    """

    def __init__(self, dock: QWidget) -> None:
        super().__init__(dock)
        self._dock = dock
        self._ring: _Ring | None = None
        QApplication.instance().focusChanged.connect(self._follow)

    def _follow(self, before: QWidget | None, now: QWidget | None) -> None:
        if self._ring is not None:
            self._ring.leave()
            self._ring = None
        if now is None or now is self._dock or isinstance(now, QScrollArea):  # what holds all fields is none
            return
        if self._dock.isAncestorOf(now):
            self._ring = _Ring(now)


class _Ring(QWidget):
    """A line inside the edge of a widget, which lets the mouse through."""

    def __init__(self, around: QWidget) -> None:
        super().__init__(around)
        self.setObjectName("focus ring")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setStyleSheet("background: transparent;")
        self.setGeometry(around.rect())
        around.installEventFilter(self)
        self.show()
        self.raise_()

    def leave(self) -> None:
        """Go, unless the widget around which the line is was deleted and the line with it."""
        try:
            self.hide()
            self.deleteLater()
        except RuntimeError:
            return

    def eventFilter(self, around: QObject, event: QEvent) -> bool:
        """Keep to the edge of the widget."""
        if event.type() == QEvent.Type.Resize and isinstance(around, QWidget):
            self.setGeometry(around.rect())
        return False

    def paintEvent(self, event: Any) -> None:
        """Draw the line."""
        around = self.parentWidget()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(around.palette().color(around.foregroundRole()), RING))
        half = RING / 2
        painter.drawRoundedRect(self.rect().toRectF().adjusted(half, half, -half, -half), RING, RING)


def shortcut(dock: QWidget, keys: Iterable[str], react: Callable[[], Any]) -> list[QShortcut]:
    """Call a function when keys are pressed in a dock or any widget in it."""
    made = []
    for key in keys:
        made.append(QShortcut(QKeySequence(key), dock))
        made[-1].setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        made[-1].activated.connect(react)
    return made


def name_fields(dock: QWidget) -> None:
    """Name the fields of a dock for screen readers as their labels do, if they have no name yet."""
    for kind in FIELDS:
        for field in dock.findChildren(kind):
            if not field.accessibleName() and (label := _label_of(field, dock)):
                name_field(field, label)


def name_field(field: QWidget, label: str) -> None:
    """Name a field for screen readers by a label and, if there are several, by its own prefix."""
    prefix = field.prefix().strip() if hasattr(field, "prefix") else ""
    field.setAccessibleName(f"{label} {prefix}".strip())


def _label_of(field: QWidget, dock: QWidget) -> str:
    """Return the text beside a field, or beside the nearest widget around it that has some."""
    inner: QWidget = field
    while inner is not dock and (outer := inner.parentWidget()) is not None:
        place: QWidget | QLayout = inner
        while outer.layout() is not None and (layout := _layout_with(outer.layout(), place)) is not None:
            if text := _text_beside(layout, place):
                return text
            place = layout
        inner = outer
    return ""


def _layout_with(layout: QLayout, place: QWidget | QLayout) -> QLayout | None:
    """Return the layout, among a layout and those in it, that directly holds a widget or a layout."""
    if place is layout:
        return None
    if layout.indexOf(place) >= 0:
        return layout
    inner = (_layout_with(child, place) for child in layout.children() if isinstance(child, QLayout))
    return next((found for found in inner if found is not None), None)


def _text_beside(layout: QLayout, place: QWidget | QLayout) -> str:
    label: Any = None
    if isinstance(layout, QFormLayout):
        label = layout.labelForField(place)
    elif isinstance(layout, QBoxLayout) and (layout.count() == 2 or isinstance(layout, QHBoxLayout)):
        number = layout.indexOf(place) - 1
        own = Qt.FindChildOption.FindDirectChildrenOnly
        labels = layout.parentWidget().findChildren(QLabel, options=own) if number >= 0 else []
        label = next((other for other in labels if layout.indexOf(other) == number), None)
    return str(label.text()) if isinstance(label, QLabel) else ""
