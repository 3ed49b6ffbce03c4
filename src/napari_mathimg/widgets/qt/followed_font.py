"""Widgets whose font the style of napari's window leaves alone: they take that of a widget beside them."""

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QWidget

CHANGES = (QEvent.Type.FontChange, QEvent.Type.Polish, QEvent.Type.Show)


class FollowFont(QObject):
    """Gives widgets the font of a widget that napari's style sets, such as a button, and keeps it equal.

    Parameters
    ----------
    leader
        The widget whose font is taken.
    followers
        Lists, tables, and lines to type in.
    """

    def __init__(self, leader: QWidget, *followers: QWidget) -> None:
        super().__init__(leader)
        self._followers = followers
        leader.installEventFilter(self)

    def eventFilter(self, leader: QObject, event: QEvent) -> bool:
        """Take the font when it changes, and when the style has been set."""
        if event.type() in CHANGES and isinstance(leader, QWidget):
            for widget in self._followers:
                if widget.font() != leader.font():
                    widget.setFont(leader.font())
        return False
