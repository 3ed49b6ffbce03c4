"""The saved state of docks, in a file beside napari's own settings."""

import logging
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from napari.settings import PluginSettings
from pydantic import Field
from qtpy.QtCore import QEvent, QObject, QTimer

from ..qt.dock_area import size_in_window
from .preferences import remembers, settings

PAUSE = 600  # milliseconds without a change before the state is written

log = logging.getLogger(__name__)
_noted: dict[str, Any] = {}  # fields as this session has read or written them


class SavedDocks(PluginSettings):
    """The state of docks and forms, in a file of its own because napari's plugin settings cannot hold such tables.

    `docks` holds the state of each dock by its name. `forms` holds the form values that differ from the defaults, by
    the id of the operation and the number of axes of an item. `speeds` holds the times of the last runs as JSON.
    `places` says where docks are that somebody has moved, by their titles; `last` is the title of the dock that was in
    front last. `used` holds ids of operations, the last used one first, and `order` how lists of operations are sorted.
    """

    docks: dict[str, Any] = Field(default_factory=dict)
    forms: dict[str, Any] = Field(default_factory=dict)
    speeds: str = ""
    places: dict[str, Any] = Field(default_factory=dict)
    last: str = ""
    used: list[Any] = Field(default_factory=list)
    order: str = "used"


def saved_docks() -> SavedDocks | None:
    """Return the saved docks; None if napari saves no settings."""
    napari_path = settings().config_path
    return _read(Path(napari_path).with_name("napari-mathimg-docks.yaml")) if napari_path else None


def remembered(name: str) -> Any:
    """Return a field of the saved docks: as of this session, or of an earlier one if docks remember anything."""
    if name in _noted:
        return _noted[name]
    saved = saved_docks() if remembers() else None
    if saved is None:
        return SavedDocks.model_fields[name].get_default(call_default_factory=True)
    return _noted.setdefault(name, getattr(saved, name))


def remember(**fields: Any) -> None:
    """Keep fields of the saved docks for this session; write them if they have changed and docks remember anything."""
    _noted.update(fields)
    saved = saved_docks() if remembers() else None
    if saved is None or all(getattr(saved, name) == value for name, value in fields.items()):
        return
    for name, value in fields.items():
        setattr(saved, name, value)
    try:
        saved.save()
    except OSError as error:
        log.warning("the state of the docks cannot be saved: %s", error)


@cache
def _read(path: Path) -> SavedDocks:
    try:
        return SavedDocks(config_path=path)
    except AssertionError:  # raised by napari: the file holds no table
        log.warning("%s holds no settings; it is replaced", path)
        path.unlink()
        return SavedDocks(config_path=path)


class SavedPart(Protocol):
    """A part of a dock whose state can be saved, and restored as far as it still fits."""

    changed: Any  # a signal

    def save_state(self) -> dict[str, Any]:
        """Return the state, as values that a file can hold."""

    def restore_state(self, saved: Mapping[str, Any]) -> None:
        """Restore a saved state as far as it fits."""


class DockState(QObject):
    """Restores the saved state of a dock, and writes it after changes.

    Parameters
    ----------
    dock
        The dock.
    name
        Key under which the state is saved.
    """

    def __init__(self, dock: Any, name: str) -> None:
        super().__init__(dock)
        self._dock, self._name = dock, name
        self._saved = saved_docks()
        state = self._saved.docks.get(name) if self._saved is not None and remembers() else None
        self._restored: Mapping[str, Any] = state if isinstance(state, dict) else {}
        part_states = self._restored.get("parts")
        self._part_states: Mapping[str, Any] = part_states if isinstance(part_states, dict) else {}
        self._parts: dict[str, SavedPart] = {}
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE)
        self._pause.timeout.connect(self._write)
        dock.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Save a new size of the dock; write the state at once when it is hidden, because it may be closing."""
        if event.type() == QEvent.Type.Hide:
            self.flush()
        elif event.type() == QEvent.Type.Resize and self._dock.isVisible():
            self.touch()
        return False

    @property
    def size(self) -> tuple[int, int] | None:
        """The saved width and height of the dock; None if there are none."""
        size = self._restored.get("size")
        fits = isinstance(size, list | tuple) and len(size) == 2 and all(isinstance(n, int) for n in size)
        return tuple(size) if size and fits else None

    def keep(self, name: str, part: SavedPart) -> None:
        """Restore a part of the dock, and save its changes from now on."""
        state = self._part_states.get(name)
        if isinstance(state, dict):
            part.restore_state(state)
        self._parts[name] = part
        part.changed.connect(self.touch)

    def touch(self, *change: Any) -> None:
        """Schedule writing after a change, once there are no further changes."""
        self._pause.start()

    def flush(self) -> None:
        """Write scheduled changes now."""
        if self._pause.isActive():
            self._pause.stop()
            self._write()

    def _write(self) -> None:
        if self._saved is None or not remembers():
            return
        docks = self._saved.docks | {self._name: self._dock_state()}
        remember(docks=docks, forms=self._saved.forms | self._form_states())

    def _dock_state(self) -> dict[str, Any]:
        state: dict[str, Any] = {}
        states = {name: part.save_state() for name, part in self._parts.items()}
        if parts := {**self._part_states, **{name: s for name, s in states.items() if s}}:
            state["parts"] = parts
        if size := size_in_window(self._dock) or self.size:
            state["size"] = list(size)
        return state

    def _form_states(self) -> dict[str, Any]:
        """Return the values of edited forms."""
        return {}
