"""The window's event loop, turned by hand: until there is nothing left to process, or until something holds."""

from qtpy.QtCore import QCoreApplication, QEvent, QEventLoop

TURNS = 10_000  # at most: more than any window here takes


def process_events() -> None:
    """Process events, expired timers and deferred deletions, those too that they bring about, until none are left."""
    loop = QEventLoop()
    for _ in range(TURNS):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        if not loop.processEvents():
            return
    raise AssertionError("there is no end of events")
