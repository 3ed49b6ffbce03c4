"""The saved operation, options and form values of a family's dock."""

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

PRESET = {"value_range": "data", "dtype": "auto"}  # defaults of the Preferences page


def restore(options: OptionsBox, saved: Mapping[str, Any], range_: Any) -> None:
    """Restore saved options as far as they still exist."""
    for name, box in options.boxes.items():
        if isinstance(saved.get(name), str):
            options.want(box, saved[name])
    for name, tick in options.ticks.items():
        if isinstance(saved.get(name), bool):
            tick.setChecked(saved[name])
    if isinstance(saved.get("square"), int):
        options.square.setValue(saved["square"])
    try:
        low, high = (float(v) for v in range_ or ())
    except (TypeError, ValueError):
        return
    options.typed_range = low, high


class FamilyDockState(DockState):
    """Saves and restores the operation, options and form values of a family's dock, besides its panels and size.

    Parameters
    ----------
    dock
        The dock.
    family
        Key under which the state is saved.
    operations, options
        The dock's choices.
    first
        Options, by name, that are chosen unless others were saved.
    """

    def __init__(
        self, dock: QWidget, family: str, operations: OperationPanel, options: OptionsBox, first: Mapping[str, str]
    ) -> None:
        super().__init__(dock, family)
        self._operations, self._options, self._first = operations, options, first
        self._changed: dict[tuple[str, int], Form] = {}  # last edited form of each operation and number of axes
        self._defaults = default_options()

    def fill_choices(self) -> None:
        """Restore the saved operation and options, and save their changes from now on.

        A changed default on the Preferences page overrides the saved option.
        """
        self._operations.choose(str(self._restored.get("operation", "")))
        saved = self._restored.get("options")
        chosen = dict(saved) if isinstance(saved, dict) else {}
        before, self._defaults = self._restored.get("defaults"), default_options()
        for name, choice in self._defaults.items():
            if not isinstance(before, dict) or before.get(name) != choice:
                chosen[name] = choice
        for name, choice in self._first.items():
            if not (isinstance(saved, dict) and name in saved) and self._defaults.get(name) == PRESET.get(name):
                chosen[name] = choice
        options = self._options
        restore(options, chosen, self._restored.get("range"))
        self._operations.changed.connect(self.touch)
        for box in options.boxes.values():
            box.currentIndexChanged.connect(self.touch)
        for tick in options.ticks.values():
            tick.toggled.connect(self.touch)
        for end in (options.low, options.high):
            end.changed.connect(self.touch)
        options.square.valueChanged.connect(self.touch)

    def take_defaults(self) -> None:
        """Choose the options whose defaults were changed on the Preferences page."""
        defaults = default_options()
        for name, choice in defaults.items():
            if choice != self._defaults[name]:
                self._options.want(self._options.boxes[name], choice)
        self._defaults = defaults
        self.touch()

    def fill_form(self, form: Form, operation: Operation, ndim: int) -> None:
        """Restore the saved values of a new form, and save its changes from now on."""
        by_ndim = self._saved.forms.get(operation.id) if self._saved is not None and remembers() else None
        saved = by_ndim.get(str(ndim)) if isinstance(by_ndim, dict) else None
        if isinstance(saved, dict):
            restore_form(form, operation, saved)

        def mark_changed() -> None:
            self._changed[operation.id, ndim] = form
            self.touch()

        form.changed.connect(mark_changed)

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
        """Return the values of edited forms, with the saved ones of the same operations on other numbers of axes."""
        assert self._saved is not None
        forms: dict[str, Any] = {}
        for (id, ndim), form in self._changed.items():
            try:
                typed = form.typed
            except (SyntaxError, ValueError):  # an unfinished list of points
                continue
            by_ndim = forms.get(id) or self._saved.forms.get(id)
            forms[id] = {**(by_ndim if isinstance(by_ndim, dict) else {}), str(ndim): typed}
        return forms
