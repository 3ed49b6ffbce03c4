"""The content of a dock."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QSize, QTimer
from qtpy.QtWidgets import QWidget

from ..qt.layout import dock_of
from ..settings.saved_docks import DockState
from .chooser import DockChooser
from .places import Place

Connection = tuple[Any, Callable[..., Any]]  # an emitter, and what it calls


class DockContent(QWidget):
    """The content of a dock, with the choice among all docks, which belongs at its top.

    It asks for no height until the dock is in its place: napari puts new docks below each other first, and its window
    would grow to hold them.

    Parameters
    ----------
    viewer
        The viewer.
    title
        Title of the dock.
    """

    def __init__(self, viewer: Any, title: str) -> None:
        super().__init__()
        self._viewer, self._title = viewer, title
        self._is_in_place = False
        self.chooser = DockChooser(title)

    def minimumSizeHint(self) -> QSize:
        """Return the size that is needed at least; no height yet for a dock that is not in its place."""
        size = super().minimumSizeHint()
        return size if self._is_in_place else QSize(size.width(), 0)

    def put_in_place(self, size: tuple[int, int] | None) -> None:
        """Put the dock in its place, with its last size if it is alone there."""
        Place.add(self, self._viewer, self._title, size)
        self._is_in_place = True
        self.updateGeometry()


class FollowingDock(DockContent):
    """The content of a dock that follows the viewer while it is shown.

    A hidden dock is connected to nothing and uses no resources, but for a run in progress. The widget is deleted
    together with the dock that napari removes on closing.

    Parameters
    ----------
    viewer
        The viewer.
    title
        Title of the dock.
    """

    saved_state: DockState

    def __init__(self, viewer: Any, title: str) -> None:
        super().__init__(viewer, title)
        self._connections: list[Connection] = []
        self._is_settled = False

    @property
    def is_following(self) -> bool:
        """Whether the dock is connected to the viewer."""
        return bool(self._connections)

    def viewer_events(self) -> list[Connection]:
        """Return what is connected while the dock is shown."""
        raise NotImplementedError

    def catch_up(self) -> None:
        """Show what has changed while the dock was hidden."""
        raise NotImplementedError

    def rest(self) -> None:
        """Stop what only a dock that is shown does; it is still connected."""
        raise NotImplementedError

    def end(self) -> None:
        """Stop all that runs, for good."""
        raise NotImplementedError

    def showEvent(self, event: Any) -> None:
        """Connect to the viewer and catch up with changes."""
        super().showEvent(event)
        if not self._connections:
            self._connections = self.viewer_events()
            for emitter, callback in self._connections:
                emitter.connect(callback)
            self.catch_up()
        if not self._is_settled:
            self._is_settled = True
            QTimer.singleShot(0, self._settle)

    def hideEvent(self, event: Any) -> None:
        """Stop and disconnect."""
        super().hideEvent(event)
        self._disconnect()

    def _settle(self) -> None:
        if dock := dock_of(self):
            dock.destroyed.connect(self._close)
        self.put_in_place(self.saved_state.size)

    def _close(self) -> None:
        self._disconnect()
        self.end()
        self.deleteLater()

    def _disconnect(self) -> None:
        self.rest()
        while self._connections:
            emitter, callback = self._connections.pop()
            emitter.disconnect(callback)
