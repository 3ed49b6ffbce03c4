"""napari's theme, for widgets that its style sheet does not reach: its colors, and the size of its letters."""

from typing import NamedTuple

from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, QObject
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QWidget

CHANGES = (QEvent.Type.FontChange, QEvent.Type.Polish, QEvent.Type.Show)  # after which a font may be another


class Colors(NamedTuple):
    """Colors of a theme."""

    background: QColor
    text: QColor
    accent: QColor


def theme_colors(name: str) -> Colors:
    """Return the colors of the theme with this name."""
    theme = get_theme(name)
    return Colors(*(QColor(str(getattr(theme, part).as_hex())) for part in ("background", "text", "current")))


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
