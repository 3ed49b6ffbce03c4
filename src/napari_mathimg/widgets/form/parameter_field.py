"""Form fields for the types of parameters."""

from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin

from magicgui.widgets import CheckBox, ComboBox
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox

from ...contract.quantities import quantity
from ...contract.types import Choices, Label, Number, PerAxis, PlaneLength, annotation_of, options, parts
from ..qt.number_boxes import DIGITS
from ..qt.search_box import LETTERS, SearchBox
from .field_row import Row
from .fields import Automatic, ChoiceBox, IntegerBox, NumberBox, Points, make_narrow
from .length_fields import LengthBox, PerAxisRow, Rounding, odd, whole

SHORT = 3  # letters of a unit that stands beside the number


def label(name: str, hint: Any) -> str:
    """Return the label of a parameter; its unit stands beside its number."""
    text = (annotation_of(hint, Label) or Label()).text or name.replace("_", " ")
    return text[0].upper() + text[1:]


def unit_of(hint: Any) -> str:
    """Return the unit of a parameter or of its elements; "" if it has none."""
    number = annotation_of(hint, Number)
    if number:
        return str(number.unit)
    inner = [a for o in options(hint) for a in (get_args(o) if get_origin(o) is tuple else (o,)) if a is not hint]
    return next((u for a in inner if a is not Ellipsis and (u := unit_of(a))), "")


def unit_note(hint: Any) -> str:
    """Return a sentence about a unit that is too long to stand beside the number."""
    unit = unit_of(hint)
    return f"In units {unit}." if len(unit) > SHORT else ""


def _short_unit(hint: Any) -> str:
    """Return the unit of a parameter if it is short enough to stand beside the number."""
    unit = unit_of(hint)
    return unit if len(unit) <= SHORT else ""


def field(name: str, hint: Any, value: Any, axes: Sequence[str], tooltip: str = "") -> Any:
    """Return the field of a parameter.

    Parameters
    ----------
    name, hint, value
        The parameter's name, annotated type and default.
    axes
        Names of the item's axes.
    tooltip
        The parameter's description in the docstring.
    """
    members = options(hint)
    shown: dict[str, Any] = {"name": name, "label": label(name, hint), "tooltip": tooltip}
    words = [get_args(m)[0] for m in members if get_origin(m) is Literal and len(get_args(m)) == 1]
    if words and len(members) > 1:
        rest = [m for m in members if get_origin(parts(m)[0]) is not Literal]
        names = (annotation_of(hint, Label) or Label()).choices or axes
        inner = _value_field(name, rest, None, names, annotation_of(hint, PerAxis), {"name": name, "tooltip": tooltip})
        return (
            Automatic(inner, value, words[0], **shown) if len(words) == 1 else ChoiceBox(words, inner, value, **shown)
        )
    return _value_field(name, list(members), value, axes, annotation_of(hint, PerAxis), shown, hint)


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
        element = next(m for m in members if get_origin(m) is not tuple)
        each = value if isinstance(value, tuple) else (value,) * len(axes)
        unit = "" if per_axis.length and value is not None else _short_unit(element)
        row = Row([_narrow_number(name, element, v, axis) for v, axis in zip(each, axes, strict=True)], unit, name=name)
        if value is None:
            row.tooltip = shown["tooltip"]
            return row
        return PerAxisRow(row, each, _rounding(per_axis, element), **shown)
    member = members[0]
    if hint is not None and annotation_of(hint, PlaneLength):
        return LengthBox(_narrow_number(name, hint, value, ""), value, **shown)
    if get_origin(member) is tuple:
        return _tuple_field(name, member, value, axes, shown)
    kind = member if hint is None or len(members) > 1 else hint
    box = _scalar(kind, value, shown)
    if unit := _short_unit(kind):
        box.native.setSuffix(quantity("", unit))
    return box


def _rounding(per_axis: PerAxis, element: Any) -> Rounding | None:
    """Return the function that rounds a length in pixels to a valid value; None if it is not a length."""
    if not per_axis.length:
        return None
    return odd if per_axis.odd else whole if parts(element)[0] is int else float


def _tuple_field(name: str, member: Any, value: Any, axes: Sequence[str], shown: dict[str, Any]) -> Row:
    elements = get_args(member)
    if elements[-1] is Ellipsis:
        unit = _short_unit(member)
        if unit and "label" in shown:
            shown = shown | {"label": f"{shown['label']} ({unit})"}
        return Points(value=value if value is not None else (), **shown)
    values = value if value is not None else (None,) * len(elements)
    if get_origin(elements[0]) is tuple:
        lines = [
            _tuple_field(f"{name}_{k}", e, v, axes, {}) for k, (e, v) in enumerate(zip(elements, values, strict=True))
        ]
        return Row(lines, **shown)
    prefixes = axes if len(elements) == len(axes) else ("",) * len(elements)
    fields = [_narrow_number(name, e, v, p) for e, v, p in zip(elements, values, prefixes, strict=True)]
    return Row(fields, _short_unit(member), **shown)


def _narrow_number(name: str, hint: Any, value: Any, prefix: str) -> Any:
    """Return a number field without step buttons, for a row."""
    box = _scalar(hint, value, {"name": f"{name}_{prefix}"})
    make_narrow(box.native)
    if prefix:
        box.native.setPrefix(f"{prefix} ")
    return box


def _scalar(hint: Any, value: Any, shown: dict[str, Any]) -> Any:
    plain = parts(hint)[0]
    if get_origin(plain) is Literal:
        choices = get_args(plain)
        names = (annotation_of(hint, Label) or Label()).choices or tuple(map(str, choices))
        box = ComboBox(choices=list(zip(names, choices, strict=True)), value=value, **shown)
        box.native.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.native.setMinimumContentsLength(LETTERS)
        return box
    if choices := annotation_of(hint, Choices):
        return SearchBox(choices=choices.rule(), value=value, **shown)
    if plain is bool:
        others = {k: v for k, v in shown.items() if k != "label"}
        return CheckBox(value=bool(value), text=shown.get("label", ""), **others)
    number = annotation_of(hint, Number) or Number(step=1)
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
