"""Background work for the latest request only."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from .background_task import EXPECTED, BackgroundTask, Steps, message_of

PAUSE = 200  # ms for the window to draw first: drawing and work both need the interpreter


class LatestTask(QObject):
    """Runs the steps that were requested last.

    A request replaces the previous one, whose run is canceled and whose reports and result are dropped. Exactly one of
    `returned` and `failed` is emitted for each request that is neither replaced nor canceled.

    Parameters
    ----------
    parent
        The owner.
    delay
        Milliseconds without another request, counted from when the window is idle, before a run starts.
    runs
        Maximum number of simultaneous runs. A canceled run may take long to stop, for example in a slow read; the next
        one waits for it only if no other run is free.
    expected
        Errors whose messages `failed` emits. For any other error, `failed` is emitted with an empty text and the error
        is raised.
    urgent
        Function that returns whether a report is emitted however soon it follows another.
    name
        What the threads are called, after "mathimg".
    """

    progressed = Signal(object)
    returned = Signal(object)
    failed = Signal(str)  # the error's message
    closed = Signal()  # after `close`, as soon as no run is in progress

    def __init__(
        self,
        parent: QObject | None,
        *,
        delay: int = 0,
        runs: int = 1,
        expected: tuple[type[Exception], ...] = EXPECTED,
        urgent: Callable[[Any], bool] = lambda report: False,
        name: str = "run",
    ) -> None:
        super().__init__(parent)
        self._delay, self._expected, self._is_closed = delay, expected, False
        self._steps: Steps | None = None  # requested but not yet started
        self._current: BackgroundTask | None = None  # the run of the latest request
        self._tasks = [BackgroundTask(self, urgent, name) for _ in range(runs)]
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
        """Whether the latest request is waiting or running."""
        return self._steps is not None or (self._current is not None and self._current.is_running)

    def ask(self, steps: Steps) -> None:
        """Run these steps instead of any earlier request; do nothing after `close`."""
        self.cancel()
        if self._is_closed:
            return
        self._steps = steps
        if self._delay:
            self._rest.start(0)
        else:
            self._continue()

    def cancel(self) -> None:
        """Cancel the current request; it emits nothing more."""
        self._steps = None
        self._rest.stop()
        if self._current is not None:
            self._current.cancel()
            self._current = None

    def close(self) -> None:
        """Cancel the current request and accept no further ones."""
        self.cancel()
        self._is_closed = True
        self._continue()

    def _wait(self) -> None:
        """Start the delay when the event loop is idle again, and the run when the delay is over."""
        if self._rest.interval():
            self._continue()
        else:
            self._rest.start(self._delay)

    def _continue(self) -> None:
        """Start the waiting steps if the delay is over and a run is free."""
        free = [task for task in self._tasks if not task.is_running]
        if self._steps is not None and free and not self._rest.isActive():
            self._current, steps, self._steps = free[0], self._steps, None
            self._current.start(steps)
        elif self._is_closed and len(free) == len(self._tasks):
            self.closed.emit()

    def _fail(self, error: Exception) -> None:
        if isinstance(error, self._expected):
            self.failed.emit(message_of(error))
            return
        self.failed.emit("")
        raise error
