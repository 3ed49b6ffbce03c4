"""Background runs, one at a time, with progress and cancellation."""

import atexit
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

from qtpy.QtCore import QObject, Signal

from ...engine import Canceled

Steps = Generator[Any, None, Any]  # yields reports, usually `Progress`
REPORT = 0.03  # minimum seconds between progress signals: the window need not show every tile


EXPECTED = (ValueError, MemoryError, OSError)  # errors with a message for the user; others are defects of the program


class Outlet:
    """Lets threads emit signals until the program ends; after that, Qt deletes the receivers in no fixed order."""

    def __init__(self) -> None:
        self._lock, self._open = threading.RLock(), True
        atexit.register(self.close)

    def watch(self, owner: QObject) -> threading.Event:
        """Return what is set when Qt deletes the owner of signals, which waits for a thread that is emitting one."""
        gone = threading.Event()

        def leave() -> None:
            with self._lock:
                gone.set()

        owner.destroyed.connect(leave)
        return gone

    def emit(self, signal: Callable[[], Any], *values: Any, gone: threading.Event | None = None) -> bool:
        """Emit a signal; return False if the program ends, or if the owner of the signal was deleted."""
        with self._lock:
            try:
                if gone is not None and gone.is_set():
                    return False
                if self._open:
                    signal().emit(*values)
                return self._open
            except RuntimeError:  # the owner was deleted with its window
                return False

    def close(self) -> None:
        """Emit no further signals."""
        with self._lock:
            self._open = False


OUTLET = Outlet()


def reason(error: Exception) -> str:
    """Return the message of an expected error.

    Raises
    ------
    Exception
        The error itself if it is not an expected one.
    """
    if not isinstance(error, EXPECTED):
        raise error
    return message_of(error)


def message_of(error: Exception) -> str:
    """Return an error's message, or the name of its type if it has none."""
    return str(error) or type(error).__name__


class BackgroundTask(QObject):
    """Runs a generator of reports in a thread and emits its progress and outcome.

    For each run, exactly one of `returned`, `failed` and `canceled` is emitted, and then `finished`, all in the
    window's thread. A canceled run reports no further progress.

    Parameters
    ----------
    parent
        The owner.
    urgent
        Function that returns whether a report is emitted however soon it follows another; other reports are dropped if
        they follow too soon.
    name
        What the thread is called, after "mathimg".
    """

    progressed = Signal(object)
    returned = Signal(object)
    failed = Signal(object)
    canceled = Signal()
    finished = Signal()
    _reported = Signal(object, object)
    _ended = Signal(object, str, object)

    def __init__(
        self, parent: QObject | None = None, urgent: Callable[[Any], bool] = lambda report: False, name: str = "run"
    ) -> None:
        super().__init__(parent)
        self._urgent, self._name = urgent, f"mathimg {name}"
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._gone = OUTLET.watch(self)
        self._reported.connect(self._report)
        self._ended.connect(self._end)

    @property
    def is_running(self) -> bool:
        """Whether a run is in progress."""
        return self._thread is not None

    def start(self, steps: Steps) -> bool:
        """Start a run and return True; return False if another is in progress."""
        if self.is_running:
            return False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(steps, self._stop), name=self._name, daemon=True)
        self._thread.start()
        return True

    def cancel(self) -> None:
        """Request the run to stop, which it does after the current tile."""
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
        """Emit a signal; return False if the window was closed meanwhile and this object was deleted with it."""
        return OUTLET.emit(lambda: getattr(self, signal), *values, gone=self._gone)

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
