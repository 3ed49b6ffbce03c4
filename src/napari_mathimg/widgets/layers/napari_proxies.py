"""The proxies of its viewer and layers that napari passes to plugins."""

from typing import Any


def unwrapped(thing: Any) -> Any:
    """Return the viewer or layer behind a proxy of napari's; return other objects unchanged.

    Every attribute access through a proxy creates a new proxy. A proxy is therefore never identical to a stored layer,
    and a weak reference to it dies at once. An unwrapped viewer yields the layers themselves.
    """
    return getattr(thing, "__wrapped__", thing)
