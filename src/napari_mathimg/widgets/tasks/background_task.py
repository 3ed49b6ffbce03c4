"""One run at a time in a thread of its own: progress, cancel, one end."""

import threading
import time
from collections.abc import Callable, Generator
from typing import Any

from qtpy.QtCore import QObject, Signal

from ...engine import Canceled

Steps = Generator[Any, None, Any]  # yields reports: `Progress`, or what a caller makes of it
REPORT = 0.03  # seconds between two signals at the least: the window need not hear of every tile


EXPECTED = (ValueError, MemoryError, OSError)  # errors that tell the user something; others are ours


def reason(error: Exception) -> str:
    """Return what an expected error tells the user.

    Raises
    ------
    Exception
        The error itself where it is not an expected one.
    """
    if not isinstance(error, EXPECTED):
        raise error
    return words(error)


def words(error: Exception) -> str:
    """Return an error's message; its type's name where it has none."""
    return str(error) or type(error).__name__


class BackgroundTask(QObject):
    """Runs a generator of reports outside the window's thread and tells what became of it.

    Exactly one of `returned`, `failed` and `canceled` is emitted for each run, then `finished`; all in the
    window's thread. A run that is canceled reports no more progress.

    Parameters
    ----------
    parent
        The owner.
    urgent
        Which reports are told however soon they follow another; of the others, those that come too soon are not.
    """

    progressed = Signal(object)
    returned = Signal(object)
    failed = Signal(object)
    canceled = Signal()
    finished = Signal()
    _reported = Signal(object, object)
    _ended = Signal(object, str, object)

    def __init__(self, parent: QObject | None = None, urgent: Callable[[Any], bool] = lambda report: False) -> None:
        super().__init__(parent)
        self._urgent = urgent
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._reported.connect(self._report)
        self._ended.connect(self._end)

    @property
    def is_running(self) -> bool:
        """Whether a run has begun and not yet ended."""
        return self._thread is not None

    def start(self, steps: Steps) -> bool:
        """Begin a run; refused, with False, while another is under way."""
        if self.is_running:
            return False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(steps, self._stop), name="mathimg run", daemon=True)
        self._thread.start()
        return True

    def cancel(self) -> None:
        """Ask the run to stop; it does within a tile's time."""
        self._stop.set()

    def _work(self, steps: Steps, stop: threading.Event) -> None:
        try:
            end = "returned", self._drain(steps, stop)
        except Canceled:
            end = "canceled", None
        except Exception as error:
            end = "failed", error
        if not self._emit("_ended", stop, *end):
            stop.set()

    def _drain(self, steps: Steps, stop: threading.Event) -> Any:
        last = 0.0
        try:
            while True:
                if stop.is_set():
                    raise Canceled
                progress = next(steps)
                now = time.monotonic()
                if now - last >= REPORT or self._urgent(progress):
                    last = now
                    if not self._emit("_reported", stop, progress):
                        raise Canceled
        except StopIteration as done:
            return done.value
        finally:
            steps.close()

    def _emit(self, signal: str, *values: Any) -> bool:
        """Emit a signal; False when the window was closed meanwhile, and this object with it."""
        try:
            getattr(self, signal).emit(*values)
        except RuntimeError:
            return False
        return True

    def _report(self, stop: threading.Event, progress: Any) -> None:
        if stop is self._stop and not stop.is_set():
            self.progressed.emit(progress)

    def _end(self, stop: threading.Event, kind: str, value: Any) -> None:
        if stop is not self._stop or self._thread is None:
            return
        self._thread.join()
        self._thread = None
        try:
            if stop.is_set():
                self.canceled.emit()
            else:
                getattr(self, kind).emit(value)
        finally:
            self.finished.emit()
