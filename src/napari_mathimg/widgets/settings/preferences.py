"""The plugin's settings on napari's Preferences page, as the docks use them."""

from collections.abc import Callable
from typing import Any

from napari.settings import get_plugin_settings

PLUGIN = "napari-mathimg"

GIB = 2**30
OUTPUT_TYPES = {"automatic": "auto", "same as the source": "same", "float32": "float32"}
VALUE_RANGES = {
    "data range": "data", "data type range": "dtype", "contrast limits": "limits", "percentiles": "percentiles",
}  # fmt: skip
COLORS = {"amber": "#ffc400", "cyan": "#00e5ff", "green": "#39e639", "magenta": "#ff5cff", "white": "#ffffff"}


def settings() -> Any:
    """Return napari's settings of the plugin, as the manifest declares them under ``configurations``."""
    return get_plugin_settings(PLUGIN)


def default_options() -> dict[str, str]:
    """Return the defaults that the user chose for options, by name."""
    results = settings().results
    return {"value_range": VALUE_RANGES[results.value_range], "dtype": OUTPUT_TYPES[results.output_type]}


def threads() -> int | None:
    """Return the number of threads of a run; None for one per core."""
    return settings().computing.threads or None


def memory() -> int | None:
    """Return the number of bytes that a result may take; None for the free memory."""
    return int(settings().computing.memory * GIB) or None


def bytes_of_levels() -> int:
    """Return how many bytes of coarse levels of images are kept on disk."""
    return int(settings().computing.levels * GIB)


def remembers() -> bool:
    """Return whether docks restore their state from the last session."""
    return bool(settings().docks.remember)


def color_of_marks() -> str:
    """Return the color of the marks that docks draw over an image."""
    return COLORS[settings().docks.marks]


def on_change(section: str, react: Callable[[], None]) -> Callable[[], None]:
    """Call a function after each change in a section of the page; return a function that stops this."""
    events = getattr(settings(), section).events

    def on_event(event: Any) -> None:
        react()

    events.connect(on_event)
    return lambda: events.disconnect(on_event)
