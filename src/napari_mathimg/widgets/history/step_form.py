"""The form of a step of a chain, filled with what was given to it."""

from collections.abc import Mapping, Sequence
from typing import Any

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from ...recipe.image_state import Image
from ...recipe.lengths import MICROMETERS, is_length, plain_unit
from ...recipe.placement import axis_names
from ...recipe.step import Step
from ..form.form import Form
from ..form.length_fields import LengthBox
from ..qt.keyboard import name_fields
from ..qt.layout import wrapping_label
from .chain_steps import Ready

UNIT = "µm"
SHOWN_UNITS = {"um": UNIT}


class StepForm(QWidget):
    """The fields of the parameters of a step; what a form cannot show stays as it was given."""

    edited = Signal(dict)  # all parameters as given, those that were edited with their new values

    def __init__(self) -> None:
        super().__init__()
        self.form: Form | None = None
        self._step: Step | None = None
        self._shown: dict[str, Any] = {}  # values of the fields as they were filled in
        self._is_filling = False
        self.note: QLabel = wrapping_label()
        self.note.hide()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(self.note)
        self._soon = QTimer(self)  # fields that depend on each other tell of one change several times
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._tell)

    @property
    def is_pending(self) -> bool:
        """Whether an edit is about to be told."""
        return bool(self._soon.isActive())

    def clear(self) -> None:
        """Show no step."""
        self._soon.stop()
        self._step, form = None, self.form
        self.form = None
        self.note.hide()
        if form is not None:
            form.native.hide()
            self._column.removeWidget(form.native)
            form.native.deleteLater()

    def show_step(self, step: Step, names: Sequence[str]) -> None:
        """Show a step; `names` are those of the axes of the image, () if it has none.

        A step that is shown already, with what was given to it, stays as it is.
        """
        if self._step == step and self.form is not None:
            return
        self.clear()
        op, kept = step.declared, {}
        for name, value in step.parameters.items():
            if isinstance(value, Mapping) and not is_length(value):
                kept[name] = op.parameters[name].default
        hidden = kept | {name: op.parameters[name].default for name in op.from_layer}
        form = Form(op, item_names(step, names), hidden)
        self.form, self._step = form, step
        self._column.addWidget(form.native)
        self.note.setText(
            f"{', '.join(kept)}: a value for each index, which stays as it is." if kept
            else "This operation has no parameters." if not len(form) else ""
        )  # fmt: skip
        self.note.setVisible(bool(self.note.text()))
        self._fill(form, step)
        form.changed.connect(self._note_edit)
        name_fields(self)

    def _fill(self, form: Form, step: Step) -> None:
        self._is_filling = True
        for name, value in step.parameters.items():
            if name not in form.shown_names:
                continue
            if is_length(value):
                each = value["value"] if isinstance(value["value"], tuple) else (value["value"],)
                count = 1 if isinstance(form[name], LengthBox) else step.options.ndim
                lengths = each if len(each) == count else each * count
                form.want(name, {"unit": SHOWN_UNITS.get(value["unit"], value["unit"]), "lengths": lengths})
            else:
                form.load({name: value})
        self._is_filling = False
        self._shown = self._values()

    def show_image(self, ready: Ready | None) -> None:
        """Show what "auto" means, and offer units of length, for the image that the step is applied to."""
        form, step = self.form, self._step
        if form is None or step is None or ready is None or ready.step != step:
            return
        source, image = ready.plan.source, ready.at_level
        sizes = _sizes(ready, image)
        lengths = [value for value in step.parameters.values() if is_length(value)]
        unit = lengths[0]["unit"] if lengths else "um"
        spacing = tuple(1.0 if s is None else s / MICROMETERS[unit] for s in sizes)
        shown_unit = "" if None in sizes else SHOWN_UNITS.get(unit, unit)
        self._is_filling = True
        form.show_image(
            source.item,
            spacing,
            shown_unit,
            None,
            source.dtype,
            {"channels": source.channels if source.axis is not None else 0},
        )
        for name, value in ready.plan.parameters.items():
            if name in form.shown_names and form.parameters[name] == "auto" and hasattr(form[name], "suggest"):
                form[name].suggest(value)
        self._is_filling = False
        if not self._soon.isActive():
            self._shown = self._values()

    def _values(self) -> dict[str, Any]:
        """Return what the fields hold: lengths in a unit as pairs with that unit."""
        assert self.form is not None
        return {n: v for n, v in self.form.parameters.items() if n in self.form.shown_names} | self.form.in_units

    def _note_edit(self, *change: Any) -> None:
        if not self._is_filling:
            self._soon.start(0)

    def _tell(self) -> None:
        """Tell what was edited, if the fields hold something else than what was filled in."""
        step = self._step
        if step is None or self.form is None:
            return
        now = self._values()
        edited = {name: value for name, value in now.items() if value != self._shown.get(name)}
        if not edited:
            return
        self._shown = now
        units = self.form.in_units
        given = {
            name: {"value": value[1], "unit": plain_unit(value[0])} if name in units else value
            for name, value in edited.items()
        }
        self.edited.emit({**step.parameters, **given})

    def take(self, step: Step) -> None:
        """Take over that the step is now another one, which has what the fields hold."""
        self._step = step


def item_names(step: Step, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the axes of an item of a step; those usual in microscopy if the image has none."""
    axes, count = step.options.axes, step.options.ndim
    usual = axis_names(tuple(names) if len(names) >= count else tuple(map(str, range(-count, 0))))
    if axes is None:
        return tuple(usual[-count:])
    return tuple(
        axis if isinstance(axis, str) else usual[axis] if -len(usual) <= axis < len(usual) else str(axis)
        for axis in axes
    )


def _sizes(ready: Ready, image: Image) -> tuple[float | None, ...]:
    """Return the pixel size along each axis of an item in µm; None where it is not known."""
    source = ready.plan.source
    order = sorted(source.given_places)
    places = [order.index(axis) for axis in source.given_places[-source.ndim :]]
    known = (None,) * (len(order) - len(image.spacing)) + tuple(image.spacing)
    return tuple(known[place] for place in places)
