"""A part of a form that folds into a line of text."""

from html import escape
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt, QTimer, Signal
from qtpy.QtWidgets import QHBoxLayout, QScrollArea, QToolButton, QVBoxLayout, QWidget

from .layout import wrapping_label


class Collapsible(QWidget):
    """A line that says what is in a widget, and the widget below it, which a click on the line shows and hides.

    Parameters
    ----------
    title
        What the widget holds.
    content
        The widget.
    """

    toggled = Signal()

    def __init__(self, title: str, content: QWidget) -> None:
        super().__init__()
        self._title, self._content = title, content
        self.arrow = QToolButton()
        self.arrow.setCheckable(True)
        self.arrow.setAutoRaise(True)
        self.arrow.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.line = wrapping_label()
        self.line.setTextFormat(Qt.TextFormat.RichText)
        self.line.setCursor(Qt.CursorShape.PointingHandCursor)
        self.line.installEventFilter(self)
        row = QHBoxLayout()
        row.setSpacing(2)
        row.addWidget(self.arrow, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.line, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(content)
        self.arrow.toggled.connect(self._show)
        self.arrow.clicked.connect(lambda: QTimer.singleShot(0, self._come_in_view))
        self._show(False)

    @property
    def is_open(self) -> bool:
        """Whether the widget is shown."""
        return bool(self.arrow.isChecked())

    @is_open.setter
    def is_open(self, on: bool) -> None:
        self.arrow.setChecked(on)

    def say(self, parts: list[tuple[str, bool]]) -> None:
        """Say what is in the widget: a few words on each choice, and whether they are marked."""
        words = [f"<b>{escape(text)}</b>" if marked else escape(text) for text, marked in parts]
        self.line.setText(f"{escape(self._title)}: {', '.join(words)}" if words else escape(self._title))
        self.arrow.setAccessibleName(f"{self._title}: {', '.join(text for text, _ in parts)}")

    def _show(self, on: bool) -> None:
        self.arrow.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow)
        self._content.setVisible(on)
        tip = f"{'Hide' if on else 'Show'} the {self._title.lower()}; those in bold are not the usual ones"
        for widget in (self.arrow, self.line):
            widget.setToolTip(tip)
        self.toggled.emit()

    def eventFilter(self, line: QObject, event: QEvent) -> bool:
        """Fold and unfold on a click on the line."""
        pressed: Any = event
        if event.type() == QEvent.Type.MouseButtonRelease and pressed.button() == Qt.MouseButton.LeftButton:
            self.arrow.click()
        return False

    def _come_in_view(self) -> None:
        """Scroll until the widget is in view, or its beginning if there is no room for all of it."""
        area: Any = self.parentWidget()
        while area is not None and not isinstance(area, QScrollArea):
            area = area.parentWidget()
        if area is not None and self.is_open:
            area.ensureWidgetVisible(self._content, 0, 0)
            area.ensureWidgetVisible(self.arrow, 0, 0)
