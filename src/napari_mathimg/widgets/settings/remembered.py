"""What a dock was left with, kept for the next session beside napari's own settings."""

import logging
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from napari.settings import PluginSettings
from pydantic import Field
from qtpy.QtCore import QEvent, QObject, QTimer

from ...contract.operation import Operation
from ...contract.signature import Signature
from ..dock.options_panel import OptionsPanel
from ..form.form import Form
from ..qt.dock_area import size_in_window
from .preferences import default_options, remembers, settings

PRESET = {"value_range": "data", "dtype": "same"}  # of the Preferences page, as it comes
PAUSE = 600  # milliseconds without a change, after which it is written

log = logging.getLogger(__name__)


class Kept(PluginSettings):
    """Values of docks and forms: napari's settings of a plugin hold no such tables, so they have a file of their own.

    `docks` holds what a dock was left with, by its name; `forms` what differs from the defaults in an operation's form,
    by its id and the number of axes of an item.
    """

    docks: dict[str, Any] = Field(default_factory=dict)
    forms: dict[str, Any] = Field(default_factory=dict)


def kept() -> Kept | None:
    """Return what is kept beside napari's settings; None where napari keeps none."""
    beside = settings().config_path
    return _read(Path(beside).with_name("napari-mathimg-docks.yaml")) if beside else None


@cache
def _read(path: Path) -> Kept:
    try:
        return Kept(config_path=path)
    except AssertionError:  # napari's: the file holds no table
        log.warning("%s holds no settings; it is begun anew", path)
        path.unlink()
        return Kept(config_path=path)


def fill(form: Form, operation: Signature, typed: Mapping[str, Any]) -> None:
    """Type values into a form as far as they fit; others stay at their defaults."""
    for name, value in typed.items():
        try:
            if isinstance(value, Mapping):
                form.want(name, value)
            else:
                form.load({name: operation.validate({name: value})[name]})
        except (AttributeError, TypeError, ValueError) as error:
            log.info("%s: not restored: %s", operation.id, error)
            if name in operation.parameters:
                form.load({name: operation.parameters[name].default})


def restore(options: OptionsPanel, said: Mapping[str, Any], range_: Any) -> None:
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


class Part(Protocol):
    """A piece of a dock that says what it holds, and begins with as much of what it held as still fits."""

    changed: Any  # a signal

    def holds(self) -> dict[str, Any]:
        """Return what is chosen and typed, as a file can keep it."""

    def take(self, held: Mapping[str, Any]) -> None:
        """Choose and type what was held, as far as it fits."""


class Memory(QObject):
    """Keeps what a dock was left with: begins with it, and writes it once changes have come to rest.

    Parameters
    ----------
    dock
        The dock, whose parts say what they hold.
    name
        What it is kept by.
    """

    def __init__(self, dock: Any, name: str) -> None:
        super().__init__(dock)
        self._dock, self._name = dock, name
        self._kept = kept()
        own = self._kept.docks.get(name) if self._kept is not None and remembers() else None
        self._own: Mapping[str, Any] = own if isinstance(own, dict) else {}
        held = self._own.get("parts")
        self._held: Mapping[str, Any] = held if isinstance(held, dict) else {}
        self._parts: dict[str, Part] = {}
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE)
        self._pause.timeout.connect(self._write)
        dock.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the size of the dock; and what it holds when it is hidden, for it may be going."""
        if event.type() == QEvent.Type.Hide:
            self.flush()
        elif event.type() == QEvent.Type.Resize and self._dock.isVisible():
            self.touch()
        return False

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height that the dock had."""
        size = self._own.get("size")
        fits = isinstance(size, list | tuple) and len(size) == 2 and all(isinstance(n, int) for n in size)
        return tuple(size) if size and fits else None

    def keep(self, name: str, part: Part) -> None:
        """Give a part of the dock what it held, and keep what it holds from now on."""
        held = self._held.get(name)
        if isinstance(held, dict):
            part.take(held)
        self._parts[name] = part
        part.changed.connect(self.touch)

    def touch(self, *change: Any) -> None:
        """Something has changed: write it once nothing changes any more."""
        self._pause.start()

    def flush(self) -> None:
        """Write now what waits to be written."""
        if self._pause.isActive():
            self._pause.stop()
            self._write()

    def _write(self) -> None:
        if self._kept is None or not remembers():
            return
        before = (dict(self._kept.docks), dict(self._kept.forms))
        self._kept.docks = before[0] | {self._name: self._dock_state()}
        self._kept.forms = before[1] | self._form_states()
        if before == (self._kept.docks, self._kept.forms):
            return
        try:
            self._kept.save()
        except OSError as error:
            log.warning("what the docks hold cannot be kept: %s", error)

    def _dock_state(self) -> dict[str, Any]:
        state: dict[str, Any] = {}
        if parts := {**self._held, **{name: part.holds() for name, part in self._parts.items()}}:
            state["parts"] = parts
        if size := size_in_window(self._dock) or self.size:
            state["size"] = list(size)
        return state

    def _form_states(self) -> dict[str, Any]:
        """What was typed into forms."""
        return {}


class FamilyMemory(Memory):
    """Keeps the operation, options and forms of a family's dock, too.

    Parameters
    ----------
    dock
        The dock, which says what it holds.
    """

    def __init__(self, dock: Any) -> None:
        super().__init__(dock, dock.family)
        self._changed: dict[tuple[str, int], Form] = {}  # the form of each kind that was typed into last
        self._defaults = default_options()

    @property
    def operation(self) -> str:
        """Id of the operation that was chosen; "" for none."""
        return str(self._own.get("operation", ""))

    def has_choice(self, option: str) -> bool:
        """Whether an option was chosen before, in the dock or on the Preferences page."""
        said = self._own.get("options")
        chosen = isinstance(said, dict) and option in said
        return chosen or default_options().get(option) != PRESET.get(option)

    def fill_options(self, options: OptionsPanel) -> None:
        """Choose the options that were chosen; those with a default of the user's own only while it is the same."""
        said = self._own.get("options")
        said = dict(said) if isinstance(said, dict) else {}
        before, self._defaults = self._own.get("defaults"), default_options()
        for name, choice in self._defaults.items():
            if not isinstance(before, dict) or before.get(name) != choice:
                said[name] = choice
        restore(options, said, self._own.get("range"))
        for box in options.boxes.values():
            box.currentIndexChanged.connect(self.touch)
        for tick in options.ticks.values():
            tick.toggled.connect(self.touch)
        for end in (options.low, options.high):
            end.changed.connect(self.touch)
        options.square.valueChanged.connect(self.touch)

    def take_defaults(self, options: OptionsPanel) -> None:
        """Choose what the Preferences page now says."""
        defaults = default_options()
        for name, choice in defaults.items():
            if choice != self._defaults[name]:
                options.want(options.boxes[name], choice)
        self._defaults = defaults
        self.touch()

    def fill_form(self, form: Form, operation: Operation, ndim: int) -> None:
        """Type what was typed into a form that is new."""
        own = self._kept.forms.get(operation.id) if self._kept is not None and remembers() else None
        typed = own.get(str(ndim)) if isinstance(own, dict) else None
        if isinstance(typed, dict):
            fill(form, operation, typed)

        def note() -> None:
            self._changed[operation.id, ndim] = form
            self.touch()

        form.changed.connect(note)

    def _dock_state(self) -> dict[str, Any]:
        dock, options = self._dock, self._dock.options
        state = super()._dock_state() | {"operation": dock.operation.id, "defaults": default_options()}
        chosen = {name: options.wanted(box) for name, box in options.boxes.items()}
        ticked = {name: tick.isChecked() for name, tick in options.ticks.items()}
        state["options"] = {name: choice for name, choice in chosen.items() if choice} | ticked
        state["options"]["square"] = options.square.value()
        if options.typed_range:
            state["range"] = list(options.typed_range)
        return state

    def _form_states(self) -> dict[str, Any]:
        """What was typed into forms, joined with what is kept of the same operations on other numbers of axes."""
        assert self._kept is not None
        forms: dict[str, Any] = {}
        for (id, ndim), form in self._changed.items():
            try:
                typed = form.typed
            except (SyntaxError, ValueError):  # half a line of code
                continue
            own = forms.get(id) or self._kept.forms.get(id)
            forms[id] = {**(own if isinstance(own, dict) else {}), str(ndim): typed}
        return forms
