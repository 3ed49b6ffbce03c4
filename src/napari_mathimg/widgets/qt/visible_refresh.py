"""Work for a widget that waits until the widget is seen."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QWidget


class VisibleRefresh(QObject):
    """Refreshes a widget while it is visible; what was asked for while it was hidden is done when it is shown.

    Parameters
    ----------
    widget
        The widget.
    refresh
        Called to refresh it.
    """

    def __init__(self, widget: QWidget, refresh: Callable[[], Any]) -> None:
        super().__init__(widget)
        self._widget, self._refresh = widget, refresh
        self.is_pending = False  # whether a refresh was asked for that is still to come
        widget.installEventFilter(self)

    def at_once(self, *change: Any) -> None:
        """Refresh, visible or not."""
        self.is_pending = False
        self._refresh()

    def when_visible(self, *change: Any) -> None:
        """Refresh now, or as soon as the widget is shown."""
        self.is_pending = True
        self._resume()

    def soon(self, *change: Any) -> None:
        """Refresh once the window is free: once for many changes."""
        if not self.is_pending:
            self.is_pending = True
            QTimer.singleShot(0, self._resume)

    def _resume(self) -> None:
        if self.is_pending and self._widget.isVisible():
            self.at_once()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Do what has waited until the widget is shown."""
        if event.type() == QEvent.Type.Show:
            self._resume()
        return False
