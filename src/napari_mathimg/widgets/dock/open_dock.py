"""Open a family's dock in a viewer, or bring it to the front."""

from typing import Any

from ...catalog import FAMILIES
from ..layers.napari_proxies import unwrapped
from ..settings.preferences import PLUGIN


def open_dock(viewer: Any, family: str) -> Any:
    """Show the dock of a family, or the dock with this title, and return its widget; open it if it is closed."""
    dock, widget = unwrapped(viewer).window.add_plugin_dock_widget(PLUGIN, FAMILIES.get(family, family))
    dock.show()
    dock.raise_()
    return widget
