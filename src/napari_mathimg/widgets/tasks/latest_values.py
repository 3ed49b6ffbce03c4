"""Values by name, found in the background and remembered."""

from collections.abc import Callable, Generator
from typing import Any

from qtpy.QtCore import QObject, Signal

from ...contract.progress import Progress
from .latest_task import PAUSE, LatestTask


class LatestValues(QObject):
    """Finds values in the background; of each name the last one that was asked for counts, and is remembered.

    Parameters
    ----------
    parent
        The owner.
    """

    found = Signal(str, object)  # under which name, and the value

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._tasks: dict[str, LatestTask] = {}
        self._asked: dict[str, Any] = {}  # the key of each name's last request
        self._known: dict[str, tuple[Any, Any]] = {}

    def ask(self, name: str, key: Any, find: Callable[[], Any]) -> None:
        """Tell what a function returns, soon; at once where it was told for an equal key before."""
        if name in self._known and self._known[name][0] == key:
            self.drop(name)
            self.found.emit(name, self._known[name][1])
            return
        if name not in self._tasks:
            self._tasks[name] = LatestTask(self, delay=PAUSE)
            self._tasks[name].returned.connect(self._take)
        if not self._tasks[name].is_running or self._asked[name] != key:
            self._asked[name] = key
            self._tasks[name].ask(_steps(name, key, find))

    def drop(self, name: str) -> None:
        """Tell nothing that was asked for under a name: it no longer counts."""
        if name in self._tasks:
            self._tasks[name].cancel()

    def _take(self, done: tuple[str, Any, Any]) -> None:
        name, key, value = done
        self._known[name] = key, value
        self.found.emit(name, value)


def _steps(name: str, key: Any, find: Callable[[], Any]) -> Generator[Progress, None, tuple[str, Any, Any]]:
    yield Progress(name, 0, 1)
    return name, key, find()
