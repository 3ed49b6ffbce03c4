"""The last request wins: work in the background for what was asked for last."""

from collections.abc import Callable, Generator
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from ...contract.progress import Progress
from .background_task import EXPECTED, BackgroundTask, Steps, words

PAUSE = 200  # ms in which the window draws: drawing and work both need the interpreter


class LatestTask(QObject):
    """Runs the steps that were asked for last.

    A request replaces the one before it, whose run is told to stop and whose reports and answer are dropped. Exactly
    one of `returned` and `failed` is emitted for each request that was neither replaced nor canceled.

    Parameters
    ----------
    parent
        The owner.
    delay
        Milliseconds without another request, and with the window drawn, before a run begins.
    runs
        How many runs may be under way at once: one that is told to stop may need long for it, as a slow read does,
        and holds up the next one only where there are no more.
    expected
        The errors that `failed` tells. For any other, `failed` is emitted with an empty text, and the error surfaces.
    urgent
        Which reports are passed on however soon they follow another.
    """

    progressed = Signal(object)
    returned = Signal(object)
    failed = Signal(str)  # what the error tells the user
    closed = Signal()  # after `close`, as soon as no run is under way

    def __init__(
        self,
        parent: QObject | None,
        *,
        delay: int = 0,
        runs: int = 1,
        expected: tuple[type[Exception], ...] = EXPECTED,
        urgent: Callable[[Any], bool] = lambda report: False,
    ) -> None:
        super().__init__(parent)
        self._delay, self._expected, self._is_closed = delay, expected, False
        self._steps: Steps | None = None  # what waits for its turn
        self._current: BackgroundTask | None = None  # whose answer counts
        self._tasks = [BackgroundTask(self, urgent) for _ in range(runs)]
        for task in self._tasks:
            task.progressed.connect(self.progressed)
            task.returned.connect(self.returned)
            task.failed.connect(self._fail)
            task.finished.connect(self._continue)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._wait)

    @property
    def is_running(self) -> bool:
        """Whether an answer is still to come."""
        return self._steps is not None or (self._current is not None and self._current.is_running)

    def ask(self, steps: Steps) -> None:
        """Run these steps, and nothing that was asked for before; nothing at all once it is closed."""
        self.cancel()
        if self._is_closed:
            return
        self._steps = steps
        if self._delay:
            self._rest.start(0)
        else:
            self._continue()

    def cancel(self) -> None:
        """Drop the request at hand; nobody hears of it again."""
        self._steps = None
        self._rest.stop()
        if self._current is not None:
            self._current.cancel()
            self._current = None

    def close(self) -> None:
        """Drop the request at hand, and take no further one."""
        self.cancel()
        self._is_closed = True
        self._continue()

    def _wait(self) -> None:
        """Begin the delay when the window hears of events again, and the run after it."""
        if self._rest.interval():
            self._continue()
        else:
            self._rest.start(self._delay)

    def _continue(self) -> None:
        """Begin what waits for its turn, once the delay is over and a run is free."""
        free = [task for task in self._tasks if not task.is_running]
        if self._steps is not None and free and not self._rest.isActive():
            self._current, steps, self._steps = free[0], self._steps, None
            self._current.start(steps)
        elif self._is_closed and len(free) == len(self._tasks):
            self.closed.emit()

    def _fail(self, error: Exception) -> None:
        if isinstance(error, self._expected):
            self.failed.emit(words(error))
            return
        self.failed.emit("")
        raise error


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
