"""napari's theme colors, for widgets that Qt style sheets do not affect."""

from typing import NamedTuple

from napari.utils.theme import get_theme
from qtpy.QtGui import QColor


class Colors(NamedTuple):
    """Colors of a theme."""

    background: QColor
    text: QColor
    accent: QColor


def theme_colors(name: str) -> Colors:
    """Return the colors of the theme with this name."""
    theme = get_theme(name)
    return Colors(*(QColor(str(getattr(theme, part).as_hex())) for part in ("background", "text", "current")))
