"""Basic fields of a form."""

from collections.abc import Sequence
from typing import Any

from magicgui.backends._qtpy.widgets import FloatSpinBox as _FloatSpinBoxBackend
from magicgui.backends._qtpy.widgets import QBaseRangedWidget
from magicgui.widgets import CheckBox, ComboBox, Container, LiteralEvalLineEdit
from magicgui.widgets.bases import RangedWidget
from qtpy.QtWidgets import QAbstractSpinBox

from ..qt.number_boxes import NumberSpinBox

TYPED = "typed"


class _NumberBackend(_FloatSpinBoxBackend):
    def __init__(self, **kwargs: Any) -> None:
        QBaseRangedWidget.__init__(self, NumberSpinBox, **kwargs)


class NumberBox(RangedWidget):
    """A field for a floating-point number."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget_type=_NumberBackend, **kwargs)


class IntegerBox(NumberBox):
    """A field for a whole number."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.native.setDecimals(0)

    def get_value(self) -> int:
        """Return the number as an integer."""
        number: float = super().get_value()
        return round(number)


class Automatic(Container):
    """A check box for a word such as "auto", and a field that is used while it is not checked.

    While it is checked, the field shows the value that the word stands for.
    """

    def __init__(self, inner: Any, value: Any, word: str = "auto", **kwargs: Any) -> None:
        self._word = word
        self._is_waiting = False  # whether the value is being computed
        self._meaning: Any = None  # the value that was shown last for the word
        tip = "Derive the value from the image" if word == "auto" else kwargs.get("tooltip", "")
        self._tick = CheckBox(text=word, value=True, tooltip=tip)
        self._inner = inner
        inner.changed.connect(self._stop_waiting)  # before this container tells of the change
        super().__init__(widgets=[self._tick, inner], layout="vertical", labels=False, **kwargs)
        self.margins = (0, 0, 0, 0)
        self._tick.changed.connect(self._show)
        self.value = value
        self._show()

    def _stop_waiting(self, *change: Any) -> None:
        self._is_waiting = False

    def _show(self) -> None:
        self._inner.enabled = not self._tick.value
        if not self._tick.value:
            self._inner.visible = True

    @property
    def value(self) -> Any:
        """The word or the inner field's value."""
        return self._word if self._tick.value else self._inner.value

    @value.setter
    def value(self, value: Any) -> None:
        self._tick.value = isinstance(value, str) and value == self._word
        if not self._tick.value:
            self._inner.value = value

    @property
    def ticked(self) -> Any:
        """The signal that the box was checked or unchecked."""
        return self._tick.changed

    @property
    def numbers(self) -> Any:
        """The inner field's value: the one that is used, or the one that the word stands for."""
        return self._inner.value

    @property
    def is_waiting(self) -> bool:
        """Whether the field is used, but shows no value yet, because its first one is being computed."""
        return self._is_waiting and not self._tick.value

    @property
    def is_untouched(self) -> bool:
        """Whether the field is used, but still shows the value that the word stood for."""
        return not self._tick.value and self._meaning is not None and self._inner.value == self._meaning

    def wait(self, anew: bool = False) -> None:
        """Show that the value that the word stands for is being computed, if no number is shown yet or `anew`."""
        if anew and not self._is_waiting:
            self._is_waiting, self._meaning = True, None
            with self._inner.changed.blocked(), self.changed.blocked():
                self._inner.value = self._inner.min
        self._inner.native.setSpecialValueText("…")
        self._inner.visible = True

    def suggest(self, value: Any) -> None:
        """Show the value that the word stands for; hide the field if it is None or the field cannot hold it."""
        if not (self._tick.value or self._is_waiting):
            return
        self._is_waiting = False
        if isinstance(self._inner, NumberBox):
            self._inner.native.setSpecialValueText("")
        try:
            self._inner.value = value
        except (TypeError, ValueError):
            self._inner.visible = not self._tick.value
        else:
            self._inner.visible = True
            self._meaning = self._inner.value


def limit(field: Any, low: float, high: float) -> None:
    """Set the bounds of a number field; a value outside is clipped to them."""
    box = field._inner if isinstance(field, Automatic) else field
    if (box.min, box.max) != (low, high):
        box.native.setRange(low, high)


class ChoiceBox(Container):
    """A combo box of words and "typed", and a field that is used if "typed" is chosen."""

    def __init__(self, words: Sequence[str], inner: Any, value: Any, **kwargs: Any) -> None:
        self._box = ComboBox(choices=[*words, TYPED], value=words[0], tooltip=kwargs.get("tooltip", ""))
        self._inner = inner
        super().__init__(widgets=[self._box, inner], layout="vertical", labels=False, **kwargs)
        self.margins = (0, 0, 0, 0)
        self._box.changed.connect(self._show)
        self.value = value
        self._show()

    def _show(self) -> None:
        self._inner.visible = self._box.value == TYPED

    @property
    def value(self) -> Any:
        """The word or the inner field's value."""
        return self._inner.value if self._box.value == TYPED else self._box.value

    @value.setter
    def value(self, value: Any) -> None:
        if isinstance(value, str):
            self._box.value = value
        else:
            self._inner.value = value
            self._box.value = TYPED


class Points(LiteralEvalLineEdit):
    """A field for any number of points, typed as ((row, column), ...)."""

    def get_value(self) -> Any:
        """Return the points as tuples, or the text itself if it is unfinished."""
        try:
            value = super().get_value()
        except (SyntaxError, ValueError):
            return str(self.native.text())
        return tuple(tuple(p) for p in value) if isinstance(value, list | tuple) else value


def make_narrow(box: QAbstractSpinBox) -> None:
    """Remove the step buttons of a spin box, so that several fit in a row."""
    box.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
    box.setStyleSheet("QAbstractSpinBox { padding: 1px 2px; margin: 0px; min-width: 2.8em; }")
