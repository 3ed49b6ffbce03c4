"""A thread that computes previews, one at a time, of which only the newest counts."""

import math
import threading
import time
from collections import deque
from contextlib import closing
from typing import Any

from qtpy.QtCore import QObject, Signal

from ...contract.progress import Progress
from ...engine import Canceled
from ...engine.facts import Facts
from ..tasks.background_task import EXPECTED, OUTLET, message_of
from .computed import Memory, Request, Update, updates

ENOUGH = 2**16  # pixels of a first picture, or a tenth of what is on screen
SOON = 0.008  # seconds of computing before which it is not known how long the rest takes
WORTH = 0.02  # seconds to the exact picture, from which on another one before it is worth its frame
LONG = 0.08  # seconds to the exact picture that are long, however little is known
TOGETHER = 0.02  # seconds from the first piece to the first picture, in which more may come
DRAWING = 0.05  # seconds that drawing a first picture has the cores for itself, at most
LEAST = 0.1  # seconds from one picture to the next, at least
SHARE = 4  # drawing may take this part of the time
GRACE = 0.25  # seconds that what has begun may take to show something, although something newer is asked for


class PreviewWorker(QObject):
    """Computes what was asked for last, and tells pictures of it at a pace that leaves the window its time.

    What was asked for before is dropped; but where it is about to show its first picture, it may show that, because
    otherwise nothing would be seen while a slider is dragged.

    Parameters
    ----------
    parent
        The owner.
    facts
        What is known of arrays.
    """

    told = Signal(int, object, object)  # number of a request; its `Update` and `Shown`; or None and a failure
    _arrived = Signal()
    progressed = Signal(int, object)  # number of a request, and the `Progress` of counting what it needs

    def __init__(self, parent: QObject | None, facts: Facts) -> None:
        super().__init__(parent)
        self._gone = OUTLET.watch(self)
        self.memory = Memory(facts)
        self._wake = threading.Condition()
        self._wanted: tuple[int, Request] | None = None
        self._arrivals: deque[tuple[int, Update | None, Any]] = deque()
        self._arrived.connect(self._hand_over)
        self._serial = self._touched = self._dropped = 0
        self._is_closed = self._is_drawn = self._is_busy = False
        self._pause = LEAST
        self.thread: threading.Thread | None = None

    def ask(self, request: Request) -> int:
        """Compute a request instead of any earlier one; return its number."""
        with self._wake:
            self._serial += 1
            self._wanted, self._is_drawn = (self._serial, request), True
            if self.thread is None and not self._is_closed:
                self.thread = threading.Thread(target=self._serve, name="mathimg preview", daemon=True)
                self.thread.start()
            self._wake.notify_all()
            return self._serial

    def wait(self, seconds: float) -> None:
        """Wait for the first picture of what was asked for last, but no longer than some time, and tell it."""
        with self._wake:
            self._wake.wait_for(lambda: any(serial == self._serial for serial, *_ in self._arrivals), seconds)
        self._hand_over()

    def cancel(self) -> int:
        """Drop what was asked for and what is known; return a number that is higher than all before."""
        with self._wake:
            self._serial += 1
            self._dropped, self._wanted = self._serial, None
            self.memory.is_unwanted = True
            if not self._is_busy:
                self.memory.forget()
            return self._serial

    def touch(self) -> None:
        """Compute the next request anew, because pixels may have changed."""
        with self._wake:
            self._touched += 1

    def note_drawn(self, seconds: float) -> None:
        """Note that the window has drawn the last picture, and how long it took: that sets the pace."""
        with self._wake:
            self._pause = max(LEAST, (SHARE - 1) * seconds)
            self._is_drawn = True
            self._wake.notify_all()

    def close(self) -> None:
        """Stop for good."""
        with self._wake:
            self._is_closed = self.memory.is_unwanted = True
            self._serial += 1
            self._wanted = None
            self._wake.notify_all()

    @property
    def is_busy(self) -> bool:
        """Whether something is being computed or waits for it."""
        return self._wanted is not None or self._is_busy

    def _serve(self) -> None:
        touched = 0
        while True:
            with self._wake:
                self._is_busy = False
                if self._dropped == self._serial:
                    self.memory.forget()
                self._wake.wait_for(lambda: self._wanted is not None or self._is_closed)
                if self._is_closed or self._wanted is None:
                    return
                (serial, request), self._wanted, self._is_busy = self._wanted, None, True
                if touched != self._touched:
                    touched = self._touched
                    self.memory.forget()
            try:
                self._compute(serial, request)
            except Canceled:
                continue
            except EXPECTED as error:
                self._tell(serial, None, message_of(error))
            except Exception as error:  # a defect, or of a lazy source: it must neither end the thread nor pass unseen
                self._tell(serial, None, error)
            finally:
                del request  # it holds on to its image

    def _compute(self, serial: int, request: Request) -> None:
        """Tell the first picture soon, and further ones when the window has drawn the last one."""
        begun = sent = time.perf_counter()
        is_first, waiting, came = True, None, 0.0
        with closing(updates(request, self.memory)) as steps:
            for update in steps:
                now = time.perf_counter()
                if isinstance(update, Progress):
                    if now - sent > LEAST:
                        OUTLET.emit(lambda: self.progressed, serial, update, gone=self._gone)
                        sent = now
                elif update is not None:
                    waiting, came = update, came or now
                if self._is_stale(serial, begun if is_first else None):
                    return
                if waiting is None or not self._is_time(waiting, is_first, now - (came if is_first else sent)):
                    continue
                self._tell(serial, waiting, waiting.show())
                if is_first and waiting.state != "exact":
                    self._let_draw()
                waiting, sent, is_first = None, now, False
        if waiting is not None and not self._is_stale(serial, begun if is_first else None):
            self._tell(serial, waiting, waiting.show())

    def _let_draw(self) -> None:
        """Begin no further pieces while the window draws the first picture, which needs the cores, too."""
        with self._wake:
            serial = self._serial
            self._wake.wait_for(lambda: self._is_drawn or self._serial != serial or self._is_closed, DRAWING)

    def _is_time(self, update: Update, is_first: bool, since: float) -> bool:
        """Whether a picture is shown now: the first one soon, others some time after the last one, once it is drawn.

        `since` are the seconds since the first piece of the first picture, or since the last picture.
        """
        if update.state == "exact":
            return True
        if not is_first:
            return self._is_drawn and since > self._pause
        pixels = math.prod(b - a for a, b in update.view.box)
        is_enough = update.share * pixels >= min(ENOUGH, pixels / 10)
        is_worth_it = update.seconds_left > (WORTH if update.seconds > SOON else LONG)
        return (is_enough and is_worth_it) or since > TOGETHER

    def _is_stale(self, serial: int, begun: float | None) -> bool:
        """Whether something newer is asked for, and what has begun has no grace left."""
        if serial == self._serial:
            return False
        return self._is_closed or serial <= self._dropped or begun is None or time.perf_counter() - begun > GRACE

    def _tell(self, serial: int, update: Update | None, what: Any) -> None:
        with self._wake:
            self._is_drawn = False
            self._arrivals.append((serial, update, what))
            self._wake.notify_all()
        OUTLET.emit(lambda: self._arrived, gone=self._gone)

    def _hand_over(self) -> None:
        """Tell what has arrived, in the thread of the window."""
        while self._arrivals:
            self.told.emit(*self._arrivals.popleft())
