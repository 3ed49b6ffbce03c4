"""Processing of the window's pending events."""

from qtpy.QtCore import QCoreApplication, QEvent, QEventLoop

TURNS = 10_000  # more turns than any window here needs


def process_events() -> None:
    """Process events, expired timers and deferred deletions until none are left, including newly posted ones."""
    loop = QEventLoop()
    for _ in range(TURNS):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        if not loop.processEvents():
            return
    raise AssertionError("there is no end of events")
