"""Work that is done once the window has drawn what was asked of it: both need the interpreter."""

from collections.abc import Callable, Generator
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from ...contract.progress import Progress
from .background_task import BackgroundTask, reason

PAUSE = 200  # ms from when the window hears of events again


class LatestTask(QObject):
    """Finds values in the background; the last that was asked for under a name counts.

    Parameters
    ----------
    parent
        The owner.
    """

    found = Signal(str, object)  # under which name, and the value

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._asked: dict[str, tuple[Any, Callable[[], Any]]] = {}
        self._known: dict[str, tuple[Any, Any]] = {}
        self._task = BackgroundTask(self)
        self._task.returned.connect(self._take)
        self._task.failed.connect(reason)
        self._task.finished.connect(self._start)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._wait)

    def ask(self, name: str, key: Any, find: Callable[[], Any]) -> None:
        """Tell what a function returns, soon; at once where it was told for an equal key before."""
        known, value = self._known.get(name, (None, None))
        if known == key:
            self._asked.pop(name, None)
            self.found.emit(name, value)
            return
        self._asked[name] = key, find
        if not self._rest.isActive() and not self._task.is_running:
            self._rest.start(0)

    def drop(self, name: str) -> None:
        """Tell nothing that was asked for under a name: it no longer counts."""
        self._asked.pop(name, None)

    def _wait(self) -> None:
        if self._rest.interval():
            self._start()
        else:
            self._rest.start(PAUSE)

    def _start(self) -> None:
        for name, (key, find) in self._asked.items():
            self._task.start(_steps(name, key, find))
            return

    def _take(self, done: tuple[str, Any, Any]) -> None:
        name, key, value = done
        self._known[name] = key, value
        if name in self._asked and self._asked[name][0] == key:
            del self._asked[name]
            self.found.emit(name, value)


def _steps(name: str, key: Any, find: Callable[[], Any]) -> Generator[Progress, None, tuple[str, Any, Any]]:
    yield Progress(name, 0, 1)
    return name, key, find()
