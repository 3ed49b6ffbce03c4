"""The choice among all docks, at the top of each of them."""

from typing import Any

from qtpy.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QPainter, QPalette, QPen
from qtpy.QtWidgets import QPushButton, QWidget

from ..qt.flow_layout import FlowLayout
from .entries import TITLES
from .places import KEY, Place

SPACING = 2
TEXT = "Find"
GLASS = 0.55  # size of the magnifying glass as a fraction of the height of its button
STYLE = "QPushButton { padding: 1px 2px; min-height: 0; }"  # names take no more room than they need
STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}


class DockChooser(QWidget):
    """Buttons with the names of all docks, the one around them marked, and a button that finds operations.

    Tab reaches the button of this dock, arrow keys the others, and Return or Space opens their docks.

    Parameters
    ----------
    title
        Title of the dock that the buttons are in.
    """

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self.setStyleSheet(STYLE)
        flow = FlowLayout(self, SPACING)
        self.buttons = {name: _button(name, f"Open the {name} dock") for name in TITLES}
        for button in self.buttons.values():
            button.setCheckable(True)
            button.clicked.connect(self._choose)
        self.buttons[title].setToolTip(f"This is the {title} dock")
        self.find = FindButton()
        self.find.clicked.connect(self._find)
        for button in (*self.buttons.values(), self.find):
            button.installEventFilter(self)
            flow.addWidget(button)
        self.buttons[title].setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.find.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._mark()

    def take_focus(self) -> None:
        """Give the focus to the button of this dock."""
        self.buttons[self._title].setFocus(Qt.FocusReason.TabFocusReason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Move among the buttons with the arrow keys, and press one with Return."""
        if event.type() != QEvent.Type.KeyPress:
            return False
        buttons = [*self.buttons.values(), self.find]
        if (step := STEPS.get(event.key())) is not None:
            buttons[(buttons.index(watched) + step) % len(buttons)].setFocus(Qt.FocusReason.TabFocusReason)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            watched.click()
        else:
            return False
        return True

    def _mark(self) -> None:
        for name, button in self.buttons.items():
            button.setChecked(name == self._title)

    def _choose(self) -> None:
        """Open the dock whose name was clicked."""
        name = next(name for name, button in self.buttons.items() if button is self.sender())
        self._mark()
        if name != self._title and (place := Place.around(self)):
            place.open_dock(name).chooser.take_focus()

    def _find(self) -> None:
        if place := Place.around(self):
            place.find(self)


class FindButton(QPushButton):
    """A button with a magnifying glass, and with a text where it is wide enough."""

    def __init__(self) -> None:
        super().__init__()
        self.setToolTip(f"Find an operation of any family ({KEY})")
        self.setAccessibleName("Find an operation")

    def sizeHint(self) -> QSize:
        """Return the height of a button with text, and as much for the width."""
        height = self.fontMetrics().height() + 4
        return QSize(height, height)

    def resizeEvent(self, event: Any) -> None:
        """Show a text where there is room for it."""
        super().resizeEvent(event)
        fits = self.width() >= self.fontMetrics().horizontalAdvance(TEXT) + 2 * self.height()
        self.setText(TEXT if fits else "")

    def paintEvent(self, event: Any) -> None:
        """Draw the button, and the glass in the color of its text."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = self.height() * GLASS
        text = self.fontMetrics().horizontalAdvance(self.text())
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.ButtonText), max(side / 7, 1.5)))
        left = (self.width() - text) / 2 - 1.5 * side if text else (self.width() - side) / 2
        painter.translate(left, (self.height() - side) / 2)
        lens, handle = 0.68 * side, 0.58 * side
        painter.drawEllipse(QRectF(0, 0, lens, lens))
        painter.drawLine(QPointF(handle, handle), QPointF(side, side))


def _button(text: str, tip: str) -> QPushButton:
    """Return a button that only the mouse, and a key in its neighbors, gives the focus."""
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
    return button
