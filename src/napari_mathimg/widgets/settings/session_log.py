"""What was run in a window since it was opened, in order."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from psygnal import Signal


@dataclass(frozen=True)
class Run:
    """A run: when it ended, the names of the layer that it made and of its source, and the recorded steps."""

    layer: str
    source: str
    steps: tuple[Mapping[str, Any], ...]
    time: datetime = field(default_factory=datetime.now)


class SessionLog:
    """The runs in a window."""

    changed = Signal()

    def __init__(self) -> None:
        self.runs: list[Run] = []

    def note(self, run: Run) -> None:
        """Add a run."""
        self.runs.append(run)
        self.changed.emit()


_LOGS: "WeakKeyDictionary[Any, SessionLog]" = WeakKeyDictionary()


def log_of(viewer: Any) -> SessionLog:
    """Return the runs in the window of a viewer."""
    window = viewer.window  # a viewer cannot be a key, because it is compared by its contents
    if window not in _LOGS:
        _LOGS[window] = SessionLog()
    return _LOGS[window]


def note_run(viewer: Any, layer: str, source: str, steps: Sequence[Mapping[str, Any]]) -> None:
    """Keep in mind that steps made a layer; images among them are left out."""
    kept = [{name: value for name, value in step.items() if name != "images"} for step in steps]
    log_of(viewer).note(Run(layer, source, tuple(deepcopy(kept))))
