"""The operation, options and forms that a family's dock was left with."""

from collections.abc import Mapping
from typing import Any

from qtpy.QtWidgets import QWidget

from ...contract.operation import Operation
from ..form.form import Form
from ..form.restored_form import restore_form
from ..settings.preferences import default_options, remembers
from ..settings.saved_docks import DockState
from .operation_panel import OperationPanel
from .options_panel import OptionsBox

PRESET = {"value_range": "data", "dtype": "same"}  # of the Preferences page, as it comes


def restore(options: OptionsBox, said: Mapping[str, Any], range_: Any) -> None:
    """Choose options as far as they are still there."""
    for name, box in options.boxes.items():
        if isinstance(said.get(name), str):
            options.want(box, said[name])
    for name, tick in options.ticks.items():
        if isinstance(said.get(name), bool):
            tick.setChecked(said[name])
    if isinstance(said.get("square"), int):
        options.square.setValue(said["square"])
    try:
        low, high = (float(v) for v in range_ or ())
    except (TypeError, ValueError):
        return
    options.typed_range = low, high


class FamilyDockState(DockState):
    """Keeps the operation, options and forms of a family's dock, too.

    Parameters
    ----------
    dock
        The dock.
    family
        What it is kept by.
    operations, options
        What is chosen in the dock.
    first
        Options that are chosen unless others were, by name.
    """

    def __init__(
        self, dock: QWidget, family: str, operations: OperationPanel, options: OptionsBox, first: Mapping[str, str]
    ) -> None:
        super().__init__(dock, family)
        self._operations, self._options, self._first = operations, options, first
        self._changed: dict[tuple[str, int], Form] = {}  # the form of each kind that was typed into last
        self._defaults = default_options()

    def fill_choices(self) -> None:
        """Choose the operation and options that were chosen, and keep those that will be.

        An option with a default of the user's own is chosen only while that is the same.
        """
        self._operations.choose(str(self._own.get("operation", "")))
        own = self._own.get("options")
        said = dict(own) if isinstance(own, dict) else {}
        before, self._defaults = self._own.get("defaults"), default_options()
        for name, choice in self._defaults.items():
            if not isinstance(before, dict) or before.get(name) != choice:
                said[name] = choice
        for name, choice in self._first.items():
            if not (isinstance(own, dict) and name in own) and self._defaults.get(name) == PRESET.get(name):
                said[name] = choice
        options = self._options
        restore(options, said, self._own.get("range"))
        self._operations.changed.connect(self.touch)
        for box in options.boxes.values():
            box.currentIndexChanged.connect(self.touch)
        for tick in options.ticks.values():
            tick.toggled.connect(self.touch)
        for end in (options.low, options.high):
            end.changed.connect(self.touch)
        options.square.valueChanged.connect(self.touch)

    def take_defaults(self) -> None:
        """Choose what the Preferences page now says."""
        defaults = default_options()
        for name, choice in defaults.items():
            if choice != self._defaults[name]:
                self._options.want(self._options.boxes[name], choice)
        self._defaults = defaults
        self.touch()

    def fill_form(self, form: Form, operation: Operation, ndim: int) -> None:
        """Type what was typed into a form that is new."""
        own = self._saved.forms.get(operation.id) if self._saved is not None and remembers() else None
        typed = own.get(str(ndim)) if isinstance(own, dict) else None
        if isinstance(typed, dict):
            restore_form(form, operation, typed)

        def note() -> None:
            self._changed[operation.id, ndim] = form
            self.touch()

        form.changed.connect(note)

    def _dock_state(self) -> dict[str, Any]:
        options, operation = self._options, self._operations.operation
        state = super()._dock_state() | {"operation": operation.id, "defaults": default_options()}
        chosen = {name: options.wanted(box) for name, box in options.boxes.items()}
        ticked = {name: tick.isChecked() for name, tick in options.ticks.items()}
        state["options"] = {name: choice for name, choice in chosen.items() if choice} | ticked
        state["options"]["square"] = options.square.value()
        if options.typed_range:
            state["range"] = list(options.typed_range)
        return state

    def _form_states(self) -> dict[str, Any]:
        """What was typed into forms, joined with what is kept of the same operations on other numbers of axes."""
        assert self._saved is not None
        forms: dict[str, Any] = {}
        for (id, ndim), form in self._changed.items():
            try:
                typed = form.typed
            except (SyntaxError, ValueError):  # half a line of code
                continue
            own = forms.get(id) or self._saved.forms.get(id)
            forms[id] = {**(own if isinstance(own, dict) else {}), str(ndim): typed}
        return forms
