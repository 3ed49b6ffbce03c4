"""The field of a form for a parameter's type."""

from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin

from magicgui.backends._qtpy.widgets import FloatSpinBox as _FloatSpinBoxBackend
from magicgui.backends._qtpy.widgets import QBaseRangedWidget
from magicgui.widgets import CheckBox, ComboBox, Container, LiteralEvalLineEdit
from magicgui.widgets.bases import RangedWidget
from qtpy.QtCore import QLocale, QSize, Qt
from qtpy.QtWidgets import QAbstractSpinBox, QComboBox, QDoubleSpinBox

from ..ops._types import Choices, Label, Number, PerAxis, note, options, parts
from .rows import PerAxisRow, Row
from .search import LETTERS, SearchBox

DIGITS = 12
TYPED = "typed"


class _TrimmedSpinBox(QDoubleSpinBox):
    """A number box that shows no trailing zeros and may be narrow."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.setLocale(QLocale.c())
        self.setDecimals(DIGITS)

    def textFromValue(self, value: float) -> str:
        """Return the shortest decimal text."""
        return f"{value:.{DIGITS}f}".rstrip("0").rstrip(".") if value else "0"

    def sizeHint(self) -> QSize:
        """Return a size that does not depend on the bounds."""
        return QSize(54, super().sizeHint().height())

    minimumSizeHint = sizeHint


class _NumberBackend(_FloatSpinBoxBackend):
    def __init__(self, **kwargs: Any) -> None:
        QBaseRangedWidget.__init__(self, _TrimmedSpinBox, **kwargs)


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
    """A tick for a word such as "auto", and the field that counts when it is not ticked.

    While it is ticked, the field shows what the word means.
    """

    def __init__(self, inner: Any, value: Any, word: str = "auto", **kwargs: Any) -> None:
        self._word = word
        tip = "Choose from the image" if word == "auto" else kwargs.get("tooltip", "")
        self._tick = CheckBox(text=word, value=True, tooltip=tip)
        self._inner = inner
        super().__init__(widgets=[self._tick, inner], layout="vertical", labels=False, **kwargs)
        self.margins = (0, 0, 0, 0)
        self._tick.changed.connect(self._show)
        self.value = value
        self._show()

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
        """The signal that the tick was set or taken away."""
        return self._tick.changed

    @property
    def numbers(self) -> Any:
        """The inner field's value: what counts, or what the word means now."""
        return self._inner.value

    def wait(self) -> None:
        """Show that it is being found what the word stands for, where no number is shown yet."""
        self._inner.native.setSpecialValueText("…")
        self._inner.visible = True

    def suggest(self, value: Any) -> None:
        """Show what "auto" stands for now; nothing where that is None or no number the field can hold."""
        if not self._tick.value:
            return
        if isinstance(self._inner, NumberBox):
            self._inner.native.setSpecialValueText("")
        try:
            self._inner.value = value
        except (TypeError, ValueError):
            self._inner.visible = False
        else:
            self._inner.visible = True


def limit(field: Any, low: float, high: float) -> None:
    """Set the bounds of a field for a number; what is typed in it is moved within them."""
    box = field._inner if isinstance(field, Automatic) else field
    if (box.min, box.max) != (low, high):
        box.native.setRange(low, high)


class Choice(Container):
    """A box of words and "typed", and the field that counts where that is chosen."""

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
        """Return the points as tuples; a text that is not finished as it is."""
        try:
            value = super().get_value()
        except (SyntaxError, ValueError):
            return str(self.native.text())
        return tuple(tuple(p) for p in value) if isinstance(value, list | tuple) else value


def label(name: str, hint: Any) -> str:
    """Return what a form calls a parameter, with its unit."""
    text = (note(hint, Label) or Label()).text or name.replace("_", " ")
    axes = note(hint, PerAxis)
    unit = "" if axes and axes.length else unit_of(hint)  # such a field has a box for the unit
    return text[0].upper() + text[1:] + (f" ({unit})" if unit and len(unit) <= 3 else "")


def unit_of(hint: Any) -> str:
    """Return the unit of a parameter, or of its parts; "" where it has none."""
    number = note(hint, Number)
    if number:
        return str(number.unit)
    inner = [a for o in options(hint) for a in (get_args(o) if get_origin(o) is tuple else (o,)) if a is not hint]
    return next((u for a in inner if a is not Ellipsis and (u := unit_of(a))), "")


def unit_note(hint: Any) -> str:
    """Return a unit too long for a label, as a sentence."""
    unit = unit_of(hint)
    return f"In units {unit}." if len(unit) > 3 else ""


def field(name: str, hint: Any, value: Any, axes: Sequence[str], tooltip: str = "") -> Any:
    """Return the field of a parameter.

    Parameters
    ----------
    name, hint, value
        The parameter's name, annotated type and default.
    axes
        Names of the item's axes.
    tooltip
        What the docstring says of it.
    """
    members = options(hint)
    shown: dict[str, Any] = {"name": name, "label": label(name, hint), "tooltip": tooltip}
    words = [get_args(m)[0] for m in members if get_origin(m) is Literal and len(get_args(m)) == 1]
    if words and len(members) > 1:
        rest = [m for m in members if get_origin(parts(m)[0]) is not Literal]
        names = (note(hint, Label) or Label()).choices or axes
        inner = _value_field(name, rest, None, names, note(hint, PerAxis), {"name": name, "tooltip": tooltip})
        return Automatic(inner, value, words[0], **shown) if len(words) == 1 else Choice(words, inner, value, **shown)
    return _value_field(name, list(members), value, axes, note(hint, PerAxis), shown, hint)


def _value_field(
    name: str,
    members: list[Any],
    value: Any,
    axes: Sequence[str],
    per_axis: PerAxis | None,
    shown: dict[str, Any],
    hint: Any = None,
) -> Any:
    if per_axis:
        is_length = per_axis.length
        element = next(m for m in members if get_origin(m) is not tuple)
        each = value if isinstance(value, tuple) else (value,) * len(axes)
        row = Row([_boxed(name, element, v, axis) for v, axis in zip(each, axes, strict=True)], name=name)
        if value is None:
            row.tooltip = shown["tooltip"]
            return row
        return PerAxisRow(row, each, is_length, **shown)
    member = members[0]
    if get_origin(member) is tuple:
        return _tuple_field(name, member, value, axes, shown)
    return _scalar(member if hint is None or len(members) > 1 else hint, value, shown)


def _tuple_field(name: str, member: Any, value: Any, axes: Sequence[str], shown: dict[str, Any]) -> Row:
    elements = get_args(member)
    if elements[-1] is Ellipsis:
        return Points(value=value if value is not None else (), **shown)
    values = value if value is not None else (None,) * len(elements)
    if get_origin(elements[0]) is tuple:
        lines = [
            _tuple_field(f"{name}_{k}", e, v, axes, {}) for k, (e, v) in enumerate(zip(elements, values, strict=True))
        ]
        return Row(lines, **shown)
    prefixes = axes if len(elements) == len(axes) else ("",) * len(elements)
    return Row([_boxed(name, e, v, p) for e, v, p in zip(elements, values, prefixes, strict=True)], **shown)


def _boxed(name: str, hint: Any, value: Any, prefix: str) -> Any:
    """A number without step buttons, for a row."""
    box = _scalar(hint, value, {"name": f"{name}_{prefix}"})
    make_narrow(box.native)
    if prefix:
        box.native.setPrefix(f"{prefix} ")
    return box


def make_narrow(box: QAbstractSpinBox) -> None:
    """Take the step buttons off a number box, so that several fit in a row."""
    box.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
    box.setStyleSheet("QAbstractSpinBox { padding: 1px 2px; margin: 0px; min-width: 38px; }")


def _scalar(hint: Any, value: Any, shown: dict[str, Any]) -> Any:
    plain = parts(hint)[0]
    if get_origin(plain) is Literal:
        choices = get_args(plain)
        names = (note(hint, Label) or Label()).choices or tuple(map(str, choices))
        box = ComboBox(choices=list(zip(names, choices, strict=True)), value=value, **shown)
        box.native.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.native.setMinimumContentsLength(LETTERS)
        return box
    if choices := note(hint, Choices):
        return SearchBox(choices=choices.rule(), value=value, **shown)
    if plain is bool:
        others = {k: v for k, v in shown.items() if k != "label"}
        return CheckBox(value=bool(value), text=shown.get("label", ""), **others)
    number = note(hint, Number) or Number(step=1)
    low, high = _bounds(number, plain)
    value = max(low, 0) if value is None else value
    kind = IntegerBox if plain is int else NumberBox
    box = kind(value=float(value), min=low, max=high, step=number.step, **shown)
    box.native.setMinimumWidth(54)
    box.native.setAlignment(Qt.AlignmentFlag.AlignLeft)
    return box


def _bounds(number: Number, plain: type) -> tuple[float, float]:
    smallest = 1 if plain is int else 10.0**-DIGITS
    low = number.ge if number.ge is not None else number.gt + smallest if number.gt is not None else -1e15
    return low, number.le if number.le is not None else 1e15
