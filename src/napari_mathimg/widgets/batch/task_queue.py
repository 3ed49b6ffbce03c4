"""Background work in the order in which it was asked for, none of which is dropped."""

from typing import Any

from qtpy.QtCore import QObject, Signal

from ..tasks.background_task import BackgroundTask, Steps, reason


class TaskQueue(QObject):
    """Runs generators one after the other in a thread.

    Parameters
    ----------
    parent
        The owner.
    name
        What the thread is called, after "mathimg".
    """

    returned = Signal(object)
    failed = Signal(str)  # the error's message

    def __init__(self, parent: QObject, name: str) -> None:
        super().__init__(parent)
        self._waiting: list[Steps] = []
        self._task = BackgroundTask(self, name=name)
        self._task.returned.connect(self.returned)
        self._task.failed.connect(self._fail)
        self._task.finished.connect(self._next)

    @property
    def is_busy(self) -> bool:
        """Whether something runs or waits."""
        return bool(self._waiting) or self._task.is_running

    def ask(self, steps: Steps) -> None:
        """Run this, too."""
        self._waiting.append(steps)
        self._next()

    def _next(self) -> None:
        if self._waiting and not self._task.is_running:
            self._task.start(self._waiting.pop(0))

    def _fail(self, error: Any) -> None:
        self.failed.emit(reason(error))

    def close(self) -> None:
        """Stop, and run nothing more."""
        self._waiting.clear()
        self._task.cancel()
