"""Docks that work in the background: opened, and awaited."""

from typing import Any

from event_loop import process_events

from napari_mathimg.widgets.place.open_dock import open_dock


def opened(viewer: Any, qtbot: Any, title: str) -> Any:
    """Open a dock, and wait until it shows all there is to show."""
    dock = open_dock(viewer, title)
    qtbot.waitUntil(dock.isVisible)
    settled(dock, qtbot)
    return dock


def settled(dock: Any, qtbot: Any) -> None:
    """Wait until a dock reads, plans and runs nothing."""
    process_events()
    qtbot.waitUntil(lambda: not dock.is_busy)
    process_events()
    qtbot.waitUntil(lambda: not dock.is_busy)
