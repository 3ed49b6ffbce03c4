"""Boxes for numbers, which take the comma or the point as decimal mark in any locale, and show what fits in them."""

import re
from typing import Any

from qtpy.QtCore import QEvent, QLocale, QPoint, QSize, Qt
from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QDoubleSpinBox, QSpinBox, QToolTip, QWidget

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


_Box: Any = object  # which of Qt's boxes it is comes with the class


class _NumberBox(_Box):
    """What both boxes do.

    They show as many digits as fit, and all of them while they have the focus: what is typed is then the number. They
    never round whole numbers. A text that they refuse stays, with the reason, and does not change their number.
    """

    refused = ""  # why the shown text is refused
    _text = ""  # that is refused
    _shows_all = False
    _before: Any = 0  # the number before the user began to type

    def _begin(self) -> None:
        self.setLocale(QLocale.c())
        self.lineEdit().textEdited.connect(self._forget)
        self.editingFinished.connect(self._end_typing)
        self.valueChanged.connect(self._take_room)

    def _take_room(self) -> None:
        if self._is_whole():
            self.updateGeometry()

    def _end_typing(self) -> None:
        if self._text:
            super().setValue(self._before)  # and not what a part of the refused text says
        self._before = self.value()

    def _forget(self, text: str = "") -> None:
        self.refused = self._text = ""

    def _core(self, text: str) -> str:
        return str(text).removeprefix(self.prefix()).removesuffix(self.suffix()).strip()

    @property
    def whole_text(self) -> str:
        """The number with all its digits, as it can be typed."""
        return self._all_digits(self.value())

    def _all_digits(self, value: float) -> str:
        return str(int(value)) if self._is_whole() else figures(value)

    def textFromValue(self, value: float) -> str:
        """Return all digits, or those that matter and fit while others may not be read; or the text that is refused."""
        if self._text:
            return self._text
        is_short = not (self._shows_all or self._is_whole())
        return number_that_fits(value, self._has_room) if is_short else self._all_digits(value)

    def _has_room(self, text: str) -> bool:
        if not self.isVisible():
            return True
        taken = self.fontMetrics().horizontalAdvance(f"{self.prefix()}{text}{self.suffix()}")
        return bool(taken + MARGIN <= self.lineEdit().width())

    def _show_all(self, on: bool) -> None:
        """Show all digits, or those that fit."""
        self._shows_all = on
        super().setValue(self.value())

    def _refit(self) -> None:
        """Show the digits that fit now, unless all are shown."""
        if not self._shows_all:
            self._show_all(False)

    def _is_whole(self) -> bool:
        return not isinstance(self, QDoubleSpinBox) or not self.decimals()

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """Accept either mark, and an exponent; let the user go on typing what will be refused."""
        core, special = self._core(text), self.specialValueText()
        if special and text == special:
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
        """Return the number that a text says with either mark."""
        kind = int if isinstance(self, QSpinBox) else float
        return kind(self.minimum() if text == self.specialValueText() else number_in(self._core(text)))

    def interpretText(self) -> None:
        """Read the text, unless the number may have more digits."""
        if self._shows_all:
            super().interpretText()

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
        self._before = self.value()

    def stepBy(self, steps: int) -> None:
        """Step from the number; a refused text goes."""
        self._forget()
        super().stepBy(steps)
        self._before = self.value()

    def toolTip(self) -> str:
        """Return the tooltip, with all digits of the number if not all are shown."""
        tip = str(super().toolTip())
        core = self._core(self.text())
        if self._text or core == self.specialValueText() or (core == self.whole_text and self._has_room(core)):
            return tip
        return "\n".join(filter(None, [f"{self.prefix()}{self.whole_text}{self.suffix()}", tip]))

    def event(self, event: QEvent) -> bool:
        """Show the tooltip with all digits."""
        if event.type() == QEvent.Type.ToolTip and (tip := self.toolTip()):
            QToolTip.showText(event.globalPos(), tip, self)
            return True
        return bool(super().event(event))

    def focusInEvent(self, event: Any) -> None:
        """Show all digits, so that what is typed is the number."""
        if not self._shows_all:
            self._before = self.value()
            self._show_all(True)
        super().focusInEvent(event)

    def focusOutEvent(self, event: Any) -> None:
        """Read what is typed, and show the digits that fit, unless a menu is opened."""
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self._show_all(False)

    def keyPressEvent(self, event: Any) -> None:
        """Go to the end of the number, to go on typing before the unit."""
        super().keyPressEvent(event)
        line, end = self.lineEdit(), len(self.text()) - len(self.suffix())
        if event.key() == Qt.Key.Key_End and not line.hasSelectedText() and line.cursorPosition() > end:
            line.setCursorPosition(end)

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
        """Return a size with room for some digits, or for a whole number, which does not depend on the bounds."""
        text = self._text_width(f"{self.prefix()}{USUAL}{self.suffix()}")
        beside = 0 if self.buttonSymbols() == QDoubleSpinBox.ButtonSymbols.NoButtons else BUTTONS
        return QSize(max(NARROW, text + 2 * MARGIN + beside), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Return a size with room for some digits, or for a whole number."""
        text = self._text_width(f"{self.prefix()}{USUAL}")
        return QSize(max(NARROW, text + 2 * MARGIN), super().sizeHint().height())

    def _text_width(self, usual: str) -> int:
        texts = [usual, f"{self.prefix()}{self.whole_text}{self.suffix()}"] if self._is_whole() else [usual]
        return max(int(self.fontMetrics().horizontalAdvance(text)) for text in texts)


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
