"""Open a dock in a viewer, or bring it to the front."""

from typing import Any

from npe2 import PluginManager

from ...catalog import FAMILIES
from ..layers.napari_proxies import unwrapped
from ..qt.layout import dock_of
from ..settings.preferences import PLUGIN


def open_dock(viewer: Any, family: str) -> Any:
    """Show the dock of a family, or the dock with this title, and return its widget; open it if it is closed."""
    window, title = unwrapped(viewer).window, FAMILIES.get(family, family)
    manifest = PluginManager.instance().get_manifest(PLUGIN)
    name = f"{title} ({manifest.display_name})"  # as napari's Plugins menu names it
    open_docks = window.dock_widgets
    widget = open_docks.get(name) or open_docks.get(f"{title} ({PLUGIN})")
    if widget is None:
        (contribution,) = (w for w in manifest.contributions.widgets or () if w.display_name == title)
        widget = contribution.get_callable()(unwrapped(viewer))
        window.add_dock_widget(widget, name=name)
    dock = dock_of(widget)
    assert dock is not None
    dock.show()
    dock.raise_()
    return widget


def open_operation(viewer: Any, family: str, id: str) -> Any:
    """Show the dock of a family with one of its operations chosen, and return its widget."""
    widget = open_dock(viewer, family)
    widget.operation = id
    return widget
