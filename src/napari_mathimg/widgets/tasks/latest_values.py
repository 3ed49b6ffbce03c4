"""Named values, computed in the background and cached."""

from collections.abc import Callable, Generator
from typing import Any

from qtpy.QtCore import QObject, Signal

from ...contract.progress import Progress
from .latest_task import PAUSE, LatestTask


class LatestValues(QObject):
    """Computes values in the background; for each name, only the latest request counts, and its value is cached.

    Parameters
    ----------
    parent
        The owner.
    """

    found = Signal(str, object)  # the name and the value

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._tasks: dict[str, LatestTask] = {}
        self._asked: dict[str, Any] = {}  # key of the latest request, by name
        self._cached: dict[str, tuple[Any, Any]] = {}  # key and value of the latest result, by name

    def ask(self, name: str, key: Any, find: Callable[[], Any]) -> None:
        """Compute a value and emit `found`; emit it at once if the last value had an equal key."""
        if name in self._cached and self._cached[name][0] == key:
            self.drop(name)
            self.found.emit(name, self._cached[name][1])
            return
        if name not in self._tasks:
            self._tasks[name] = LatestTask(self, delay=PAUSE)
            self._tasks[name].returned.connect(self._take)
        if not self._tasks[name].is_running or self._asked[name] != key:
            self._asked[name] = key
            self._tasks[name].ask(_steps(name, key, find))

    def drop(self, name: str) -> None:
        """Cancel the request of a name, whose value is no longer needed."""
        if name in self._tasks:
            self._tasks[name].cancel()

    def _take(self, done: tuple[str, Any, Any]) -> None:
        name, key, value = done
        self._cached[name] = key, value
        self.found.emit(name, value)


def _steps(name: str, key: Any, find: Callable[[], Any]) -> Generator[Progress, None, tuple[str, Any, Any]]:
    yield Progress(name, 0, 1)
    return name, key, find()
