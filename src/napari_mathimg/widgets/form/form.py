"""A form generated from an operation's signature."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from docstring_parser import DocstringStyle, parse
from magicgui.widgets import Container, PushButton

from ...contract.operation import ValueRange
from ...contract.quantities import in_prose
from ...contract.signature import NOISE, Signature, arguments, call
from ...contract.types import Auto, FromShape, Picked, Suggestion, When, annotation_of
from ..qt.wrapping_rows import WrapRows
from ..tasks.latest_values import LatestValues
from .fields import Automatic
from .length_fields import LengthBox, PerAxisRow
from .parameter_field import field, unit_note, unit_of

PICKS = {  # ways to choose a position in the image: a button's text and tooltip
    "point": ("Pick in image", "Click the point in the image; its cross can then be dragged. Press Escape to stop"),
    "rectangle": (
        "From rectangle",
        "Take the box around the selected shapes, or draw a rectangle. Press Escape to stop",
    ),
    "view": ("From view", "Take the part of the image that is visible on screen"),
}
OFFERED = {"point": ("point",), "start": (), "stop": ("rectangle", "view")}  # buttons after each kind of position


def summary(operation: Signature) -> str:
    """Return the first line of an operation's docstring."""
    text = parse(operation.function.__doc__ or "", DocstringStyle.NUMPYDOC).short_description or ""
    return in_prose(text.replace("``", ""))


class Form(Container):
    """The parameters of one operation as fields, in the order of its signature.

    Parameters
    ----------
    operation
        The operation.
    axes
        Names of the axes of its items, such as ("z", "y", "x").
    hidden
        Parameters that are not shown, with their values.
    """

    def __init__(self, operation: Signature, axes: Sequence[str], hidden: Mapping[str, Any] | None = None) -> None:
        self._operation = operation
        self._hidden = dict(hidden or {})
        self._spacing: tuple[float, ...] = (1.0,) * len(axes)
        self._suggestions: dict[str, PushButton] = {}
        self.picked: dict[str, str] = {}  # parameter of each kind of position: "point", "start" or "stop"
        self.pick_buttons: dict[str, PushButton] = {}
        self._known: dict[str, Any] = {}
        self.shape_buttons: dict[str, PushButton] = {}
        text = parse(operation.function.__doc__ or "", DocstringStyle.NUMPYDOC)
        tips = {p.arg_name: in_prose(" ".join((p.description or "").replace("``", "").split())) for p in text.params}
        shown: list[Any] = []
        for name, p in operation.parameters.items():
            if name in self._hidden:
                continue
            tip = " ".join(filter(None, (tips.get(name, ""), unit_note(p.hint))))
            shown.append(field(name, p.hint, p.default, axes, tip))
            if offer := annotation_of(p.hint, Suggestion):
                shown.append(self._button(name, offer))
            if pick := annotation_of(p.hint, Picked):
                self.picked[pick.what] = name
                shown += self._pick_row(OFFERED[pick.what])
            if annotation_of(p.hint, FromShape):
                shape_button = PushButton(
                    text="From shape", tooltip="Take the polygon that is selected in a Shapes layer"
                )
                self.shape_buttons[name] = shape_button
                shown.append(shape_button)
        super().__init__(widgets=shown, labels=True)
        self.margins = (0, 0, 0, 0)
        if rows := [row.native for widget in self if (row := widget._labeled_widget()) is not None]:
            WrapRows(*rows)
        self._latest = LatestValues(self.native)
        self._latest.found.connect(self._show_auto)
        self._untouched = self.parameters
        for name, p in operation.parameters.items():
            if (when := annotation_of(p.hint, When)) and name not in self._hidden:
                self._enable_when(name, when)
        for f in self:
            if isinstance(f, Automatic):
                f.ticked.connect(self._suggest)

    def _pick_row(self, kinds: tuple[str, ...]) -> list[Any]:
        """Return the buttons that choose a position in the image, in the ways of `kinds`."""
        for kind in kinds:
            text, tip = PICKS[kind]
            self.pick_buttons[kind] = PushButton(text=text, tooltip=tip, name=f"pick_{kind}")
            self.pick_buttons[kind].native.setCheckable(kind != "view")
        return [self.pick_buttons[kind] for kind in kinds]

    def _button(self, name: str, offer: Suggestion) -> PushButton:
        button = PushButton(text=offer.label, tooltip=offer.help, name=f"suggest_{name}")
        button.changed.connect(lambda: setattr(self[name], "value", offer.rule(self._spacing)))
        self._suggestions[name] = button
        return button

    def _enable_when(self, name: str, when: When) -> None:
        def show() -> None:
            applies = when.applies(self.parameters[when.other])
            self[name].enabled = applies
            if when.hides:
                self[name].visible = applies

        if when.other not in self._hidden:
            self[when.other].changed.connect(show)
        show()

    @property
    def steers_auto(self) -> bool:
        """Whether the meaning of "auto" can depend on other parameters or on the value range."""
        names = self._operation.parameters
        rules = [a.rule for p in names.values() if (a := annotation_of(p.hint, Auto))]
        return any({"values", *NOISE, *names} & set(arguments(rule)) for rule in rules)

    @property
    def distances(self) -> tuple[str, ...]:
        """Parameters of a form with a picked point that are distances in pixels."""
        others = {*self.picked.values()} | {length.name for length in self._lengths() if length.in_world}
        beside = {n: p.hint for n, p in self._operation.parameters.items() if n not in others}
        shown = {n: hint for n, hint in beside.items() if n not in self._hidden and unit_of(hint) == "px"}
        return tuple(shown) if "point" in self.picked else ()

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters' values."""
        names = self._operation.parameters
        return {n: self._hidden[n] if n in self._hidden else self[n].value for n in names}

    @property
    def shown_names(self) -> list[str]:
        """The names of the shown parameters."""
        return [name for name in self._operation.parameters if name not in self._hidden]

    def _lengths(self) -> list[PerAxisRow]:
        return [f for f in self if isinstance(f, PerAxisRow) and f.is_length]

    @property
    def in_world(self) -> bool:
        """Whether a length is typed in a unit of the world."""
        return any(length.in_world for length in self._lengths())

    def parameters_on(self, spacing: Sequence[float]) -> dict[str, Any]:
        """Return the parameters for an image with this pixel size, in the unit in which lengths are typed."""
        return self.parameters | {f.name: f.value_on(spacing) for f in self._lengths()}

    @property
    def typed(self) -> dict[str, Any]:
        """The shown values that differ from the defaults; lengths in a unit of the world with that unit."""
        shown = {n: v for n, v in self.parameters.items() if n not in self._hidden}
        typed = {n: v for n, v in shown.items() if v != self._untouched[n]}
        in_units = {f.name: f.in_unit for f in self._lengths()}
        return typed | {n: {"unit": v[0], "lengths": v[1]} for n, v in in_units.items() if v is not None}

    @property
    def in_units(self) -> dict[str, tuple[str, Any]]:
        """Unit and lengths, one or one for each axis, of the lengths that are typed in a unit of the world."""
        found = {f: f.in_unit for f in self._lengths() if f.in_world}
        return {f.name: (v[0], v[1][0] if isinstance(f, LengthBox) else v[1]) for f, v in found.items() if v}

    def want(self, name: str, saved: Mapping[str, Any]) -> None:
        """Fill in lengths in a unit of the world as soon as the unit is offered.

        Raises
        ------
        TypeError, ValueError
            If the parameter is not a length, or the lengths are invalid.
        """
        row = self[name]
        if not isinstance(row, PerAxisRow):
            raise TypeError(f"{name}: must be a length")
        row.want(str(saved.get("unit")), [float(n) for n in saved.get("lengths", ())])

    def load(self, parameters: Mapping[str, Any]) -> None:
        """Fill in values of shown parameters."""
        for name, value in parameters.items():
            if name in self._operation.parameters and name not in self._hidden:
                self[name].value = value

    def load_outline(self, name: str, corners: Any, size: tuple[int, int]) -> None:
        """Fill in an outline, and the shape of the array in which it is drawn."""
        self.load({annotation_of(self._operation.parameters[name].hint, FromShape).size: size, name: corners})

    def reset(self) -> None:
        """Set all shown parameters to their defaults."""
        self.load({n: p.default for n, p in self._operation.parameters.items()})

    def show_image(
        self,
        shape: tuple[int, ...],
        spacing: tuple[float, ...],
        unit: str,
        values: ValueRange | None,
        dtype: Any,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """Show the meaning of "auto" for an image.

        Parameters
        ----------
        shape, spacing
            Shape and pixel size of its items.
        unit
            Unit of the pixel size; "" for none.
        values
            Its value range; None if not known.
        dtype
            Its type.
        more
            Further arguments of the rules of "auto", by name.
        """
        self._spacing = spacing
        for length in self._lengths():
            length.offer_unit(unit, spacing)
        for button in self._suggestions.values():
            button.visible = max(spacing) > min(spacing) * (1 + 1e-6)
        self._known = {"shape": shape, "dtype": dtype} | ({"values": values} if values else {})
        self._known |= {name: value for name, value in (more or {}).items() if value is not None}
        self._suggest()

    @property
    def uses_noise(self) -> bool:
        """Whether the meaning of "auto" follows from the noise of the image."""
        return bool(self._operation.noise_names(self.parameters)) or self.is_waiting

    @property
    def is_waiting(self) -> bool:
        """Whether a parameter that is no longer "auto" has no value yet, because its first one is being computed."""
        return any(f.is_waiting for f in self if isinstance(f, Automatic))

    def show_noise(self, sigma: float | None, is_coming: bool = False) -> None:
        """Show what "auto" means for noise of a standard deviation, a fraction of the value range.

        None stands for noise that cannot be estimated, or that is still to be estimated if `is_coming`.
        """
        self._known |= dict.fromkeys(NOISE, None if is_coming else "")
        self._known |= {} if sigma is None else {"noise_level": sigma, "noise_levels": (sigma,)}
        self._suggest(also=[f.name for f in self if isinstance(f, Automatic) and f.is_waiting])

    def _suggest(self, *change: Any, also: Collection[str] = ()) -> None:
        """Show the meaning of "auto" in the fields in which it is checked, and in some that wait for it."""
        if not self._known:
            return
        parameters = self.parameters | dict.fromkeys(also, "auto")
        known: dict[str, Any] = self._known | {n: v for n, v in parameters.items() if v != "auto"}
        awaited = {name for name in NOISE if self._known.get(name, "") is None}
        for name, rule in self._operation.rules_of_auto(parameters):
            if name in self._hidden:
                continue
            auto = annotation_of(self._operation.parameters[name].hint, Auto)
            inputs = _inputs(auto, known)
            if auto.slow and inputs is not None:
                self[name].wait()
                self._latest.ask(name, inputs, partial(_meaning, auto, inputs))
                continue
            self._latest.drop(name)
            if not awaited.isdisjoint(arguments(rule)):
                self[name].wait(anew=True)
                awaited.add(name)
                continue
            known[name] = _meaning(auto, inputs)
            self._show_auto(name, known[name])

    def _show_auto(self, name: str, meaning: Any) -> None:
        self[name].suggest(meaning)

    def shown(self, name: str) -> Any:
        """Return the numbers in a field, whether typed or derived by "auto"."""
        field = self[name]
        return field.numbers if isinstance(field, Automatic) else field.value


def _inputs(auto: Auto, known: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the arguments of a rule; None if one is not yet known or chosen, such as the value range before a run."""
    inputs = {name: known.get(name) for name in arguments(auto.rule)}
    return None if any(value is None or value == "" for value in inputs.values()) else inputs


def _meaning(auto: Auto, inputs: Mapping[str, Any] | None) -> Any:
    """Return the value of "auto"; None if its inputs are not known or do not fit together."""
    try:
        return None if inputs is None else call(auto.rule, inputs)
    except ValueError:
        return None
