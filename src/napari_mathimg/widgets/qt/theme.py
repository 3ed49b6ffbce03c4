"""napari's colours for what Qt style sheets do not reach."""

from typing import NamedTuple

from napari.utils.theme import get_theme
from qtpy.QtGui import QColor


class Colours(NamedTuple):
    """Colours of a theme."""

    background: QColor
    text: QColor
    accent: QColor


def theme_colours(name: str) -> Colours:
    """Return the colours of a theme by its name."""
    theme = get_theme(name)
    return Colours(*(QColor(str(getattr(theme, part).as_hex())) for part in ("background", "text", "current")))
