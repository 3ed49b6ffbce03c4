"""Boxes for numbers, which take the comma or the point as decimal mark in any locale, and show what fits in them."""

import re
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QLocale, QPoint, QSize, Qt
from qtpy.QtGui import QKeySequence, QValidator
from qtpy.QtWidgets import QApplication, QDoubleSpinBox, QLineEdit, QMenu, QSpinBox, QToolTip, QWidget

from ...contract.quantities import figures, number, number_that_fits, quantity

DIGITS = 12  # decimals
SMALLEST = 10.0**-DIGITS
READ = 10  # significant digits of bounds in a message
USUAL = "-0.00"  # which a narrow box has room for
BUTTONS = 52  # width of both buttons in napari's style, in pixels
NARROW = 46  # width in pixels
MARGIN = 4  # pixels that a line edit keeps free beside its text
MARKS = ",."
GROUPS = " '’_\u00a0\u2009\u202f"  # what separates thousands, besides the two marks
CHARACTERS = re.compile(rf"[-+\deE{MARKS}{GROUPS}]*")
TYPED = re.compile(r"[+-]?\d*[.,]?\d*([eE][+-]?\d*)?")
DIGITS_ONLY = re.compile(r"[+-]?\d*")


def refusal(text: str, is_whole: bool = False) -> str:
    """Return why a text cannot become a number, as a sentence without its end; "" if it can."""
    core = text.strip()
    marks = sum(core.count(mark) for mark in MARKS)
    if marks > 1 or any(mark in core for mark in GROUPS):
        return f"{core!r}: must have at most one decimal mark (comma or point), and no marks of thousands"
    if marks and is_whole:
        return f"{core!r}: must be a whole number, without a mark"
    return ""


def number_in(text: str) -> float:
    """Return the number that a text says.

    Raises
    ------
    ValueError
        If the text says no number, or has more than one mark.
    """
    if reason := refusal(text):
        raise ValueError(reason)
    return float(text.replace(",", "."))


def copying_menu(line: QLineEdit, copy: Callable[[], None]) -> QMenu:
    """Return the context menu of a line, in which the entry Copy calls a function."""
    menu = line.createStandardContextMenu()
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    for action in menu.actions():
        if action.objectName() == "edit-copy":
            action.triggered.disconnect()
            action.triggered.connect(copy)
    return menu


_Box: Any = object  # which of Qt's boxes it is comes with the class


class _NumberBox(_Box):
    """What both boxes do.

    They show as many digits as fit, and keep all: in their value, their tooltip and what is copied from them. A text
    that they refuse stays, with the reason, and does not change their number.
    """

    refused = ""  # why the shown text is refused
    _text = ""

    _kept: tuple[str, Any] = "", 0  # text and number before the user began to type

    def _begin(self) -> None:
        self.setLocale(QLocale.c())
        self.lineEdit().textEdited.connect(self._forget)
        self.editingFinished.connect(self._end_typing)

    def _end_typing(self) -> None:
        if self._text:
            super().setValue(self._kept[1])  # and not what a part of the refused text says
        self.lineEdit().setModified(False)

    def _keep(self) -> None:
        """Remember which number the shown text stands for, unless the user is typing."""
        if not self.lineEdit().isModified():
            self._kept = self._core(self.text()), self.value()

    def _forget(self, text: str = "") -> None:
        self.refused = self._text = ""

    def _core(self, text: str) -> str:
        return str(text).removeprefix(self.prefix()).removesuffix(self.suffix()).strip()

    @property
    def whole_text(self) -> str:
        """The number with all its digits, as it can be typed."""
        return figures(self.value())

    def textFromValue(self, value: float) -> str:
        """Return the digits that matter and fit, or the text that is refused."""
        return self._text or number_that_fits(value, self._has_room)

    def _has_room(self, text: str) -> bool:
        taken = self.fontMetrics().horizontalAdvance(f"{self.prefix()}{text}{self.suffix()}")
        return not self.isVisible() or taken + MARGIN <= int(self.lineEdit().width())

    def _shown(self, core: str) -> Any:
        """Return the number that a text stands for if it is the one shown, or the one before the user typed."""
        if self.lineEdit().isModified() and core == self._kept[0]:
            return self._kept[1]
        return self.value() if not self._text and core == self.textFromValue(self.value()) else None

    def _refit(self) -> None:
        """Show the digits that fit now, unless the user is typing."""
        if not self.lineEdit().isModified():
            super().setValue(self.value())

    def _is_whole(self) -> bool:
        return not isinstance(self, QDoubleSpinBox) or not self.decimals()

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """Accept either mark, and an exponent; let the user go on typing what will be refused."""
        core, special = self._core(text), self.specialValueText()
        if self._shown(core) is not None or (special and text == special):
            return QValidator.State.Acceptable, text, position
        if not CHARACTERS.fullmatch(core):
            return QValidator.State.Invalid, text, position
        if not core or refusal(core, self._is_whole()):
            return QValidator.State.Intermediate, text, position
        if not (DIGITS_ONLY if self._is_whole() else TYPED).fullmatch(core):
            return QValidator.State.Invalid, text, position
        state = QValidator.State.Intermediate if self._reason(core) else QValidator.State.Acceptable
        return state, text, position

    def _reason(self, core: str) -> str:
        """Return why a text is not, or not yet, a number that the box can have; "" if it is."""
        if reason := refusal(core, self._is_whole()):
            return reason
        try:
            typed = number_in(core)
        except ValueError:
            return f"{core!r}: must be a number"
        low, high = self.minimum(), self.maximum()
        if low <= typed <= high and (not typed or abs(typed) >= SMALLEST):
            return ""
        above = "greater than 0 and at most" if low == SMALLEST else f"from {number(low, READ)} to"
        return f"{core}: must be {above} {quantity(high, self.suffix().strip(), READ)}"

    def valueFromText(self, text: str) -> Any:
        """Return the number that is typed with either mark, or all digits of the one that is shown."""
        core = self._core(text)
        if (shown := self._shown(core)) is not None:
            return shown
        kind = int if isinstance(self, QSpinBox) else float
        return kind(self.minimum() if text == self.specialValueText() else number_in(core))

    def fixup(self, text: str) -> str:
        """Note why the typed text is refused."""
        core = self._core(text)
        if core and (reason := self._reason(core)):
            self.refused, self._text = reason, core
            below = self.mapToGlobal(QPoint(0, self.height()))
            QToolTip.showText(below, f"{reason}.", self)
        return text

    def setValue(self, value: Any) -> None:
        """Set the number; a refused text goes."""
        self._forget()
        super().setValue(value)

    def stepBy(self, steps: int) -> None:
        """Step from the number; a refused text goes."""
        self._forget()
        super().stepBy(steps)

    def toolTip(self) -> str:
        """Return the tooltip, with all digits of the number if not all are shown."""
        tip = str(super().toolTip())
        if self._text or self._core(self.text()) in (self.whole_text, self.specialValueText()):
            return tip
        return "\n".join(filter(None, [f"{self.prefix()}{self.whole_text}{self.suffix()}", tip]))

    def event(self, event: QEvent) -> bool:
        """Show the tooltip with all digits."""
        if event.type() == QEvent.Type.ToolTip and (tip := self.toolTip()):
            QToolTip.showText(event.globalPos(), tip, self)
            return True
        return bool(super().event(event))

    def copy(self) -> None:
        """Copy what is selected: all digits of the number if that is the number."""
        selected = self.lineEdit().selectedText()
        is_number = self._core(selected) == self._core(self.text()) and not self.lineEdit().isModified()
        QApplication.clipboard().setText(self.whole_text if is_number and not self._text else selected)

    def focusInEvent(self, event: Any) -> None:
        """Remember which number the text stands for."""
        self._keep()
        super().focusInEvent(event)

    def keyPressEvent(self, event: Any) -> None:
        """Copy all digits."""
        self._keep()
        if event.matches(QKeySequence.StandardKey.Copy) and self.lineEdit().hasSelectedText():
            self.copy()
            event.accept()
            return
        super().keyPressEvent(event)
        line, end = self.lineEdit(), len(self.text()) - len(self.suffix())
        if event.key() == Qt.Key.Key_End and not line.hasSelectedText() and line.cursorPosition() > end:
            line.setCursorPosition(end)  # to go on typing before the unit

    def contextMenuEvent(self, event: Any) -> None:
        """Offer the usual menu, whose entry Copy copies all digits."""
        copying_menu(self.lineEdit(), self.copy).popup(event.globalPos())

    def showEvent(self, event: QEvent) -> None:
        """Show the digits that fit."""
        super().showEvent(event)
        self._refit()

    def resizeEvent(self, event: QEvent) -> None:
        """Show the digits that fit."""
        super().resizeEvent(event)
        self._refit()

    def changeEvent(self, event: QEvent) -> None:
        """Show the digits that fit after a change of font or style."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._refit()


class NumberSpinBox(_NumberBox, QDoubleSpinBox):
    """A box for a number, which can be narrow."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDecimals(DIGITS)
        self._begin()

    def sizeHint(self) -> QSize:
        """Return a size with room for some digits, which does not depend on the bounds."""
        text = self.fontMetrics().horizontalAdvance(f"{self.prefix()}{USUAL}{self.suffix()}")
        beside = 0 if self.buttonSymbols() == QDoubleSpinBox.ButtonSymbols.NoButtons else BUTTONS
        return QSize(max(NARROW, text + 2 * MARGIN + beside), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Return a size with room for some digits."""
        text = self.fontMetrics().horizontalAdvance(f"{self.prefix()}{USUAL}")
        return QSize(max(NARROW, text + 2 * MARGIN), super().sizeHint().height())


class WholeSpinBox(_NumberBox, QSpinBox):
    """A box for a whole number."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._begin()


def first_refused(parent: QWidget) -> str:
    """Return why the first box in a widget refuses what is typed in it; "" if none does."""
    boxes = [box for kind in (NumberSpinBox, WholeSpinBox) for box in parent.findChildren(kind) if box.isVisible()]
    for box in boxes:
        box.interpretText()  # what is typed counts, even while the box has the focus
    return next((box.refused for box in boxes if box.refused), "")
