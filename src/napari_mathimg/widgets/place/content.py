"""The content of a dock."""

from typing import Any

from qtpy.QtCore import QSize
from qtpy.QtWidgets import QWidget

from .chooser import DockChooser
from .places import Place


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
