"""What napari hands to plugins: proxies of its viewer and layers."""

from typing import Any


def unwrapped(thing: Any) -> Any:
    """Return a viewer or layer itself, of which napari may hand out a proxy.

    Each look through a proxy makes another proxy, so that none is ever the layer that is kept, and a weak reference
    to one is dead at once. What an unwrapped viewer holds are the layers themselves.
    """
    return getattr(thing, "__wrapped__", thing)
