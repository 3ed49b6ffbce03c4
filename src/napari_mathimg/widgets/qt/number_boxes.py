"""Boxes for numbers, which take the comma or the point as decimal mark in any locale."""

import math
from typing import Any

from qtpy.QtCore import QEvent, QLocale, QPoint, QSize
from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QDoubleSpinBox, QSpinBox, QToolTip, QWidget

DIGITS = 12
READ = 6  # significant digits of a number that is shown, but cannot be typed
MARKS = ",."
GROUPS = " '’_\u00a0\u2009\u202f"  # what separates thousands, besides the two marks


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


class _Refusing(_Box):
    """What both boxes do with a text that they refuse: they keep showing it, say why, and keep their number."""

    refused = ""  # why the shown text is refused
    _text = ""

    def _begin(self) -> None:
        self.setLocale(QLocale.c())
        self.lineEdit().textEdited.connect(self._forget)

    def _forget(self, text: str = "") -> None:
        self.refused = self._text = ""

    def _core(self, text: str) -> str:
        return text.removeprefix(self.prefix()).removesuffix(self.suffix())

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """Accept either mark; let the user go on typing what will be refused."""
        core = self._core(text)
        if core.strip() and (core[-1] in GROUPS or refusal(core, self._is_whole())):
            return QValidator.State.Intermediate, text, position
        state, _, position = super().validate(text.replace(core, core.replace(",", ".")), position)
        return state, text, position

    def valueFromText(self, text: str) -> Any:
        """Return the number that is typed with either mark."""
        core = self._core(text)
        return super().valueFromText(text.replace(core, core.replace(",", ".")))

    def _is_whole(self) -> bool:
        return not isinstance(self, QDoubleSpinBox) or not self.decimals()

    def fixup(self, text: str) -> str:
        """Note why the typed text is refused."""
        core = self._core(text)
        if reason := refusal(core, self._is_whole()):
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


class NumberSpinBox(_Refusing, QDoubleSpinBox):
    """A box for a number, which shows no trailing zeros and can be narrow.

    While it is disabled, it shows only the first digits, and keeps all.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDecimals(DIGITS)
        self._begin()

    def textFromValue(self, value: float) -> str:
        """Return the shortest decimal representation, or the text that is refused."""
        decimals = self.decimals()
        if value and not self.isEnabled():
            decimals = min(max(READ - 1 - math.floor(math.log10(abs(value))), 0), decimals)
        return self._text or (f"{value:.{decimals}f}".rstrip("0").rstrip(".") if value and decimals else f"{value:.0f}")

    def valueFromText(self, text: str) -> float:
        """Return the number that is typed, or all digits of the one that is shown."""
        value: float = self.value()
        return value if self._core(text) == self.textFromValue(value) else float(super().valueFromText(text))

    def changeEvent(self, event: QEvent) -> None:
        """Show all digits when the box is enabled, and the first ones when it is disabled."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.EnabledChange and not self._text:
            super().setValue(self.value())

    def sizeHint(self) -> QSize:
        """Return a size that does not depend on the bounds."""
        return QSize(54, super().sizeHint().height())

    minimumSizeHint = sizeHint


class WholeSpinBox(_Refusing, QSpinBox):
    """A box for a whole number."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._begin()

    def textFromValue(self, value: int) -> str:
        """Return the digits, or the text that is refused."""
        return self._text or str(value)


def first_refused(parent: QWidget) -> str:
    """Return why the first box in a widget refuses what is typed in it; "" if none does."""
    boxes = [box for kind in (NumberSpinBox, WholeSpinBox) for box in parent.findChildren(kind) if box.isVisible()]
    for box in boxes:
        box.interpretText()  # what is typed counts, even while the box has the focus
    return next((box.refused for box in boxes if box.refused), "")
