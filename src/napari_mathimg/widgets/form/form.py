"""A form generated from an operation's signature."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from docstring_parser import DocstringStyle, parse
from magicgui.widgets import Container, PushButton

from ...contract.operation import ValueRange
from ...contract.signature import Signature, arguments, call
from ...contract.types import Auto, FromNoise, FromShape, Picked, Suggestion, When, annotation_of
from ..tasks.latest_values import LatestValues
from .fields import Automatic
from .length_fields import PerAxisRow
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
    return text.replace("``", "")


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
        self.noise_buttons: dict[str, PushButton] = {}
        self.picked: dict[str, str] = {}  # parameter of each kind of position: "point", "start" or "stop"
        self.pick_buttons: dict[str, PushButton] = {}
        self._known: dict[str, Any] = {}
        self.shape_buttons: dict[str, PushButton] = {}
        text = parse(operation.function.__doc__ or "", DocstringStyle.NUMPYDOC)
        tips = {p.arg_name: " ".join((p.description or "").replace("``", "").split()) for p in text.params}
        shown: list[Any] = []
        for name, p in operation.parameters.items():
            if name in self._hidden:
                continue
            tip = " ".join(filter(None, (tips.get(name, ""), unit_note(p.hint))))
            shown.append(field(name, p.hint, p.default, axes, tip))
            if offer := annotation_of(p.hint, Suggestion):
                shown.append(self._button(name, offer))
            if annotation_of(p.hint, FromNoise):
                noise_button = PushButton(
                    text="Estimate noise", tooltip="Estimate the noise of the image and fill in the value"
                )
                self.noise_buttons[name] = noise_button
                shown.append(noise_button)
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

    def align(self) -> None:
        """Give all labels the width that the widest one has in the window's style."""
        rows = [row for widget in self if (row := widget._labeled_widget()) is not None]
        for row in rows:
            row.native.ensurePolished()
        widths = [row._label_widget.native.sizeHint().width() for row in rows if row._label_widget.value]
        for row in rows:
            row.label_width = max(widths, default=0)

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
        return any({"values", *names} & set(arguments(rule)) for rule in rules)

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

    def load_noise(self, name: str, sigma: float) -> str:
        """Fill in a parameter from the noise's standard deviation, a fraction of the value range; return a message."""
        value = annotation_of(self._operation.parameters[name].hint, FromNoise).rule(sigma)
        self.load({name: float(f"{value:.4g}")})
        return f"Estimated noise: its standard deviation is {sigma:.4g} of the value range."

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

    def _suggest(self) -> None:
        """Show the meaning of "auto" in the fields in which it is checked."""
        if not self._known:
            return
        known = {**self._known, **self._operation.validate({}), **self._typed_numbers()}
        for name, p in self._operation.parameters.items():
            auto = annotation_of(p.hint, Auto)
            if auto and name not in self._hidden and self.parameters[name] == "auto":
                inputs = _inputs(auto, known)
                if auto.slow and inputs is not None:
                    self[name].wait()
                    self._latest.ask(name, inputs, partial(_meaning, auto, inputs))
                    continue
                self._latest.drop(name)
                known[name] = _meaning(auto, inputs)
                self._show_auto(name, known[name])

    def _show_auto(self, name: str, meaning: Any) -> None:
        self[name].suggest(meaning)

    def shown(self, name: str) -> Any:
        """Return the numbers in a field, whether typed or derived by "auto"."""
        field = self[name]
        return field.numbers if isinstance(field, Automatic) else field.value

    def _typed_numbers(self) -> dict[str, Any]:
        return {n: v for n, v in self.parameters.items() if v != "auto"}


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
