"""A form made from an operation's signature."""

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

PICKS = {  # what a form offers for places in the image: a button's text and tooltip
    "point": ("Pick in image", "Click the point in the image; its cross can then be dragged. Escape leaves"),
    "rectangle": ("From rectangle", "Take the box around the selected shapes, or draw a rectangle. Escape leaves"),
    "view": ("From view", "Take the part of the image that is on screen"),
}
OFFERED = {"point": ("point",), "start": (), "stop": ("rectangle", "view")}  # after the field that is picked


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
        Parameters that are not shown, with the values they then have.
    """

    def __init__(self, operation: Signature, axes: Sequence[str], hidden: Mapping[str, Any] | None = None) -> None:
        self._operation = operation
        self._hidden = dict(hidden or {})
        self._spacing: tuple[float, ...] = (1.0,) * len(axes)
        self._suggestions: dict[str, PushButton] = {}
        self.noise_buttons: dict[str, PushButton] = {}
        self.picked: dict[str, str] = {}  # which parameter is a point, a start or a stop
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
                ask = PushButton(text="Estimate noise", tooltip="Find the noise of the image and fill it in")
                self.noise_buttons[name] = ask
                shown.append(ask)
            if pick := annotation_of(p.hint, Picked):
                self.picked[pick.what] = name
                shown += self._pick_row(OFFERED[pick.what])
            if annotation_of(p.hint, FromShape):
                take = PushButton(text="From shape", tooltip="Take the polygon that is selected in a Shapes layer")
                self.shape_buttons[name] = take
                shown.append(take)
        super().__init__(widgets=shown, labels=True)
        self.margins = (0, 0, 0, 0)
        self._latest = LatestValues(self.native)
        self._latest.found.connect(self._tell_auto)
        self._untouched = self.parameters
        for name, p in operation.parameters.items():
            if (when := annotation_of(p.hint, When)) and name not in self._hidden:
                self._enable_when(name, when)
        for f in self:
            if isinstance(f, Automatic):
                f.ticked.connect(self._suggest)

    def _pick_row(self, kinds: tuple[str, ...]) -> list[Any]:
        """Buttons side by side that ask for a place in the image."""
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
        """Give all labels the width of the widest, as the window's style draws it."""
        rows = [row for widget in self if (row := widget._labeled_widget()) is not None]
        for row in rows:
            row.native.ensurePolished()
        widths = [row._label_widget.native.sizeHint().width() for row in rows if row._label_widget.value]
        for row in rows:
            row.label_width = max(widths, default=0)

    def _enable_when(self, name: str, when: When) -> None:
        def show() -> None:
            counts = when.applies(self.parameters[when.other])
            self[name].enabled = counts
            if when.hides:
                self[name].visible = counts

        if when.other not in self._hidden:
            self[when.other].changed.connect(show)
        show()

    @property
    def steers_auto(self) -> bool:
        """Whether what "auto" means may change with what is typed."""
        names = self._operation.parameters
        rules = [a.rule for p in names.values() if (a := annotation_of(p.hint, Auto))]
        return any({"values", *names} & set(arguments(rule)) for rule in rules)

    @property
    def distances(self) -> tuple[str, ...]:
        """Parameters that are distances typed in pixels, beside a point that is picked."""
        others = {*self.picked.values()} | {length.name for length in self._lengths() if length.in_world}
        beside = {n: p.hint for n, p in self._operation.parameters.items() if n not in others}
        shown = {n: hint for n, hint in beside.items() if n not in self._hidden and unit_of(hint) == "px"}
        return tuple(shown) if "point" in self.picked else ()

    @property
    def parameters(self) -> dict[str, Any]:
        """What is typed."""
        names = self._operation.parameters
        return {n: self._hidden[n] if n in self._hidden else self[n].value for n in names}

    def _lengths(self) -> list[PerAxisRow]:
        return [f for f in self if isinstance(f, PerAxisRow) and f.is_length]

    @property
    def in_world(self) -> bool:
        """Whether a length is typed in a unit of the world."""
        return any(length.in_world for length in self._lengths())

    def parameters_on(self, spacing: Sequence[float]) -> dict[str, Any]:
        """Return what is typed for an image whose pixels measure so much of the unit that lengths are typed in."""
        return self.parameters | {f.name: f.value_on(spacing) for f in self._lengths()}

    @property
    def typed(self) -> dict[str, Any]:
        """What is typed besides the defaults; of lengths in a unit of the world, the unit and the lengths."""
        shown = {n: v for n, v in self.parameters.items() if n not in self._hidden}
        typed = {n: v for n, v in shown.items() if v != self._untouched[n]}
        rows = {f.name: f.said for f in self._lengths()}
        return typed | {n: {"unit": said[0], "lengths": said[1]} for n, said in rows.items() if said is not None}

    def want(self, name: str, said: Mapping[str, Any]) -> None:
        """Type lengths in a unit of the world as soon as it is offered.

        Raises
        ------
        TypeError, ValueError
            If it is no such parameter, or these are no lengths for it.
        """
        row = self[name]
        if not isinstance(row, PerAxisRow):
            raise TypeError(f"{name} is no length")
        row.want(str(said.get("unit")), [float(n) for n in said.get("lengths", ())])

    def load(self, parameters: Mapping[str, Any]) -> None:
        """Type values of parameters that are shown."""
        for name, value in parameters.items():
            if name in self._operation.parameters and name not in self._hidden:
                self[name].value = value

    def load_noise(self, name: str, sigma: float) -> str:
        """Type what a parameter is for a noise whose standard deviation is a share of the value range; say so."""
        value = annotation_of(self._operation.parameters[name].hint, FromNoise).rule(sigma)
        self.load({name: float(f"{value:.4g}")})
        return f"Estimated noise: standard deviation {sigma:.4g} of the value range."

    def load_outline(self, name: str, corners: Any, size: tuple[int, int]) -> None:
        """Type an outline, and the shape of the array that it is drawn in."""
        self.load({annotation_of(self._operation.parameters[name].hint, FromShape).size: size, name: corners})

    def reset(self) -> None:
        """Type the defaults."""
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
        """Show what "auto" means for an image of a shape, pixel size, unit ("" for none), value range and `more`."""
        self._spacing = spacing
        for length in self._lengths():
            length.offer_unit(unit, spacing)
        for button in self._suggestions.values():
            button.visible = max(spacing) > min(spacing) * (1 + 1e-6)
        self._known = {"shape": shape, "dtype": dtype} | ({"values": values} if values else {})
        self._known |= {name: value for name, value in (more or {}).items() if value is not None}
        self._suggest()

    def _suggest(self) -> None:
        """Show what "auto" means where it is ticked."""
        if not self._known:
            return
        known = {**self._known, **self._operation.validate({}), **self._typed_numbers()}
        for name, p in self._operation.parameters.items():
            auto = annotation_of(p.hint, Auto)
            if auto and name not in self._hidden and self.parameters[name] == "auto":
                given = _given(auto, known)
                if auto.slow and given is not None:
                    self[name].wait()
                    self._latest.ask(name, given, partial(_meaning, auto, given))
                    continue
                self._latest.drop(name)
                known[name] = _meaning(auto, given)
                self._tell_auto(name, known[name])

    def _tell_auto(self, name: str, meaning: Any) -> None:
        self[name].suggest(meaning)

    def shown(self, name: str) -> Any:
        """Return the numbers in a field, typed or what "auto" means."""
        field = self[name]
        return field.numbers if isinstance(field, Automatic) else field.value

    def _typed_numbers(self) -> dict[str, Any]:
        return {n: v for n, v in self.parameters.items() if v != "auto"}


def _given(auto: Auto, known: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what a rule asks for; None where some is not known yet, as the value range is before a run, or chosen."""
    given = {name: known.get(name) for name in arguments(auto.rule)}
    return None if any(value is None or value == "" for value in given.values()) else given


def _meaning(auto: Auto, given: Mapping[str, Any] | None) -> Any:
    """Return what "auto" means; None where that cannot be told, or parameters do not go together."""
    try:
        return None if given is None else call(auto.rule, given)
    except ValueError:
        return None
