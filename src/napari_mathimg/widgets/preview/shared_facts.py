"""What previews and histograms of one viewer know of its images, in one store with one bound."""

from typing import Any
from weakref import WeakKeyDictionary

from ...engine.facts import Facts

LIMIT = 2**27  # bytes

_FACTS: "WeakKeyDictionary[Any, Facts]" = WeakKeyDictionary()


def facts_of(viewer: Any) -> Facts:
    """Return the facts of the images of a viewer."""
    window = viewer.window  # a viewer cannot be a key, because it is compared by its contents
    if window not in _FACTS:
        _FACTS[window] = Facts(LIMIT)
    return _FACTS[window]
