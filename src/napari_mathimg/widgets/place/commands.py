"""The commands of napari's palette and menus that open no particular dock."""

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QWidget

from ..layers.napari_proxies import unwrapped
from ..qt.layout import dock_of
from ..settings.saved_docks import remembered
from .entries import TITLES
from .open_dock import open_dock
from .places import Place

if TYPE_CHECKING:
    import napari


def open_last(viewer: Any) -> Any:
    """Show the dock that was in front last, in an earlier session if none is open, and return its widget."""
    place = Place.of(unwrapped(viewer))
    last = remembered("last") if place is None else place.last
    return open_dock(viewer, last if last in TITLES else TITLES[0])


def find_operation(viewer: "napari.Viewer") -> None:
    """Open the search over all operations, with the dock that was in front last if none is open."""
    if place := Place.of(unwrapped(viewer)):
        place.find()
        return
    dock = open_last(viewer)

    def find() -> None:
        if place := Place.around(dock):
            place.find()

    QTimer.singleShot(0, find)  # a new dock is in its place then


class LastDock(QWidget):
    """Gives way to the dock that was in front last: napari's Plugins menu can open widgets only.

    Parameters
    ----------
    napari_viewer
        The viewer.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = unwrapped(napari_viewer)

    def showEvent(self, event: Any) -> None:
        """Give way as soon as napari has added this widget."""
        super().showEvent(event)
        QTimer.singleShot(0, self._give_way)

    def _give_way(self) -> None:
        if (dock := dock_of(self)) is not None:
            self._viewer.window.remove_dock_widget(dock)
            open_last(self._viewer)
            self.deleteLater()
