"""What a dock was left with, kept for the next session beside napari's own settings."""

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

PAUSE = 600  # milliseconds without a change, after which it is written

log = logging.getLogger(__name__)


class SavedDocks(PluginSettings):
    """Values of docks and forms: napari's settings of a plugin hold no such tables, so they have a file of their own.

    `docks` holds what a dock was left with, by its name; `forms` what differs from the defaults in an operation's form,
    by its id and the number of axes of an item.
    """

    docks: dict[str, Any] = Field(default_factory=dict)
    forms: dict[str, Any] = Field(default_factory=dict)


def saved_docks() -> SavedDocks | None:
    """Return what is kept beside napari's settings; None where napari keeps none."""
    beside = settings().config_path
    return _read(Path(beside).with_name("napari-mathimg-docks.yaml")) if beside else None


@cache
def _read(path: Path) -> SavedDocks:
    try:
        return SavedDocks(config_path=path)
    except AssertionError:  # napari's: the file holds no table
        log.warning("%s holds no settings; it is begun anew", path)
        path.unlink()
        return SavedDocks(config_path=path)


class SavedPart(Protocol):
    """A piece of a dock that says what it holds, and begins with as much of what it held as still fits."""

    changed: Any  # a signal

    def save_state(self) -> dict[str, Any]:
        """Return what is chosen and typed, as a file can keep it."""

    def restore_state(self, saved: Mapping[str, Any]) -> None:
        """Choose and type what was held, as far as it fits."""


class DockState(QObject):
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
        self._saved = saved_docks()
        own = self._saved.docks.get(name) if self._saved is not None and remembers() else None
        self._own: Mapping[str, Any] = own if isinstance(own, dict) else {}
        held = self._own.get("parts")
        self._held: Mapping[str, Any] = held if isinstance(held, dict) else {}
        self._parts: dict[str, SavedPart] = {}
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

    def keep(self, name: str, part: SavedPart) -> None:
        """Give a part of the dock what it held, and keep what it holds from now on."""
        held = self._held.get(name)
        if isinstance(held, dict):
            part.restore_state(held)
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
        if self._saved is None or not remembers():
            return
        before = (dict(self._saved.docks), dict(self._saved.forms))
        self._saved.docks = before[0] | {self._name: self._dock_state()}
        self._saved.forms = before[1] | self._form_states()
        if before == (self._saved.docks, self._saved.forms):
            return
        try:
            self._saved.save()
        except OSError as error:
            log.warning("what the docks hold cannot be kept: %s", error)

    def _dock_state(self) -> dict[str, Any]:
        state: dict[str, Any] = {}
        states = {name: part.save_state() for name, part in self._parts.items()}
        if parts := {**self._held, **{name: own for name, own in states.items() if own}}:
            state["parts"] = parts
        if size := size_in_window(self._dock) or self.size:
            state["size"] = list(size)
        return state

    def _form_states(self) -> dict[str, Any]:
        """What was typed into forms."""
        return {}
