"""The saved operation, options and form values of a family's dock."""

from collections.abc import Mapping
from typing import Any

from napari.layers import Labels, Layer
from qtpy.QtWidgets import QWidget

from ...contract.operation import Operation
from ..form.form import Form
from ..form.restored_form import restore_form
from ..layers.item_axes import kind_of
from ..settings.preferences import default_options, remembers
from ..settings.saved_docks import DockState
from .operation_panel import OperationPanel
from .options_panel import OptionsBox

PRESET = {"value_range": "data", "dtype": "auto"}  # defaults of the Preferences page


def restore(options: OptionsBox, saved: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Restore saved options, and the ranges saved in the state of the dock, as far as they still exist."""
    for name, box in options.boxes.items():
        if isinstance(saved.get(name), str):
            options.want(box, saved[name])
    for name, tick in options.ticks.items():
        if isinstance(saved.get(name), bool):
            tick.setChecked(saved[name])
    if isinstance(saved.get("square"), int):
        options.square.setValue(saved["square"])
    for name, row in options.range_rows.items():
        try:
            low, high = (float(v) for v in state.get(name) or ())
        except (TypeError, ValueError):
            continue
        row.typed = low, high


def load_options(options: OptionsBox, layer: Layer, step: Mapping[str, Any]) -> None:
    """Choose the recorded options of a step that it used, as far as they are offered for a layer.

    Raises
    ------
    ValueError
        If the layer has no such planes or volumes.
    """
    recorded = step["options"]
    options.choose(options.level, str(step.get("level", 0)))
    for name, unused in (("statistics", "layer"), ("dtype", "same")):
        if options.is_shown(name) or recorded[name] != unused:
            options.choose(options.boxes[name], recorded[name])
    if options.is_shown("process"):
        options.choose(options.process, kind_of(layer, recorded, step.get("axis_names", ())))
    texts = [options.scope.itemText(k).lower() for k in range(options.scope.count())]
    options.scope.setCurrentIndex(texts.index(step["scope"]) if step["scope"] in texts else 0)
    how = recorded["value_range"]
    if "value_range" not in step or isinstance(layer, Labels):
        return
    if not isinstance(how, str):
        *_, low, high = how
        row, how = (options.percentiles, "percentiles") if len(how) == 3 else (options.custom, "custom")
        row.typed = low, high
    options.choose(options.value_range, how)


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
        restore(options, chosen, self._restored)
        self._operations.changed.connect(self.touch)
        for box in options.boxes.values():
            box.currentIndexChanged.connect(self.touch)
        for tick in options.ticks.values():
            tick.toggled.connect(self.touch)
        for row in options.range_rows.values():
            row.changed.connect(self.touch)
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
        return state | {name: list(row.typed) for name, row in options.range_rows.items() if row.typed}

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
