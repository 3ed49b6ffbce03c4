"""A line and a label that show a number in short and keep all its digits."""

from typing import Any

from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QApplication, QLabel, QLineEdit, QMenu, QSizePolicy, QToolTip

from ...contract.quantities import figures, number_that_fits
from .number_boxes import number_in

FRAME = 8  # pixels of a line edit around its text, at each side


class NumberLine(QLineEdit):
    """A line for a number, or for none, which shows the digits that fit, and all while it has the focus."""

    def __init__(self) -> None:
        super().__init__()
        self._number: float | None = None
        self._shown = ""
        self._shows_all = False
        self.setMinimumWidth(44)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def show_number(self, number: float | None) -> None:
        """Show a number; None clears the line."""
        self._number = number
        self._shown = self._text_of(number)
        if self.text() != self._shown:
            self.setText(self._shown)
            self.setCursorPosition(0)

    def _text_of(self, number: float | None) -> str:
        if number is None:
            return ""
        return figures(number) if self._shows_all else number_that_fits(number, self._has_room)

    def _has_room(self, text: str) -> bool:
        return not self.isVisible() or self.fontMetrics().horizontalAdvance(text) + 2 * FRAME <= self.width()

    @property
    def is_typed(self) -> bool:
        """Whether the text is another than the one that was shown."""
        return bool(self.text() != self._shown)

    @property
    def number(self) -> float:
        """The number that is typed, or the one that is shown.

        Raises
        ------
        ValueError
            If the text is no number.
        """
        return number_in(self.text()) if self.is_typed or self._number is None else self._number

    def toolTip(self) -> str:
        """Return the tooltip, with all digits of the number if not all are shown."""
        whole = "" if self._number is None or self.is_typed else figures(self._number)
        return "\n".join(filter(None, ["" if whole == self._shown else whole, str(super().toolTip())]))

    def event(self, event: QEvent) -> bool:
        """Show the tooltip with all digits, and show the digits that fit another width or font."""
        if event.type() == QEvent.Type.ToolTip and (tip := self.toolTip()):
            QToolTip.showText(event.globalPos(), tip, self)
            return True
        done = bool(super().event(event))
        refits = (QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.FontChange, QEvent.Type.StyleChange)
        if event.type() in refits and not self.is_typed:
            self.show_number(self._number)
        return done

    def focusInEvent(self, event: Any) -> None:
        """Show all digits, so that what is typed is the number."""
        self._show_all(True)
        super().focusInEvent(event)

    def focusOutEvent(self, event: Any) -> None:
        """Show the digits that fit, unless a menu is opened."""
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self._show_all(False)

    def _show_all(self, on: bool) -> None:
        is_typed, self._shows_all = self.is_typed, on
        if not is_typed:
            self.show_number(self._number)


class NumberLabel(QLabel):
    """A number that is shown in short, and copied with all its digits."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._whole = ""
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def show_number(self, text: str, whole: str, tip: str = "") -> None:
        """Show a number in short; its tooltip has all its digits, and what else there is to say."""
        self._whole = whole
        self.setText(text)
        self.setToolTip("\n".join(filter(None, ["" if whole == text else whole, tip])))

    def copy(self) -> None:
        """Copy what is selected: all digits of the number if that is the number, or if nothing is selected."""
        selected = self.selectedText()
        QApplication.clipboard().setText(selected if selected not in ("", self.text()) else self._whole)

    def keyPressEvent(self, event: Any) -> None:
        """Copy all digits."""
        if event.matches(QKeySequence.StandardKey.Copy) and self.hasSelectedText():
            self.copy()
            event.accept()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: Any) -> None:
        """Offer to copy all digits."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Copy").triggered.connect(self.copy)
        menu.popup(event.globalPos())
