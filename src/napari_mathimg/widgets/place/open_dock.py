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
    names, open_docks = names_of(title), window.dock_widgets
    widget = next((open_docks[name] for name in names if name in open_docks), None)
    if widget is None:
        contributions = PluginManager.instance().get_manifest(PLUGIN).contributions
        (contribution,) = (w for w in contributions.widgets or () if w.display_name == title)
        widget = contribution.get_callable()(unwrapped(viewer))
        window.add_dock_widget(widget, name=names[0])
    dock = dock_of(widget)
    assert dock is not None
    dock.show()
    dock.raise_()
    return widget


def names_of(title: str) -> tuple[str, str]:
    """Return the names that napari gives a dock: the one of its Plugins menu, and that of its Python interface."""
    return f"{title} ({PluginManager.instance().get_manifest(PLUGIN).display_name})", f"{title} ({PLUGIN})"


def open_operation(viewer: Any, family: str, id: str) -> Any:
    """Show the dock of a family with one of its operations chosen, and return its widget."""
    widget = open_dock(viewer, family)
    widget.operation = id
    return widget
