"""napari's colors for what Qt style sheets do not reach."""

from typing import NamedTuple

from napari.utils.theme import get_theme
from qtpy.QtGui import QColor


class Colors(NamedTuple):
    """Colors of a theme."""

    background: QColor
    text: QColor
    accent: QColor


def theme_colors(name: str) -> Colors:
    """Return the colors of a theme by its name."""
    theme = get_theme(name)
    return Colors(*(QColor(str(getattr(theme, part).as_hex())) for part in ("background", "text", "current")))
