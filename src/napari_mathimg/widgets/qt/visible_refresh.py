"""Refreshes of a widget that wait until it is visible."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QWidget


class VisibleRefresh(QObject):
    """Refreshes a widget while it is visible; a refresh requested while it is hidden happens when it is shown.

    Parameters
    ----------
    widget
        The widget.
    refresh
        Function that refreshes it.
    """

    def __init__(self, widget: QWidget, refresh: Callable[[], Any]) -> None:
        super().__init__(widget)
        self._widget, self._refresh = widget, refresh
        self.is_pending = False  # whether a requested refresh has not happened yet
        widget.installEventFilter(self)

    def at_once(self, *change: Any) -> None:
        """Refresh now, even if the widget is hidden."""
        self.is_pending = False
        self._refresh()

    def when_visible(self, *change: Any) -> None:
        """Refresh now, or as soon as the widget is shown."""
        self.is_pending = True
        self._resume()

    def soon(self, *change: Any) -> None:
        """Refresh once when the event loop is idle, even after many changes."""
        if not self.is_pending:
            self.is_pending = True
            QTimer.singleShot(0, self._resume)

    def _resume(self) -> None:
        if self.is_pending and self._widget.isVisible():
            self.at_once()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Do a pending refresh when the widget is shown."""
        if event.type() == QEvent.Type.Show:
            self._resume()
        return False
