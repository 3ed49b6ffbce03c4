"""The menu commands: each opens the dock of an operation's family and chooses the operation."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...catalog import find, operations
from .open_dock import open_operation

if TYPE_CHECKING:
    import napari


def __getattr__(name: str) -> "Callable[[napari.Viewer], None]":
    """Return the menu command of the operation with this id."""
    if name not in operations():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def choose(viewer: "napari.Viewer") -> None:
        open_operation(viewer, find(name).family, name)

    choose.__name__ = name
    return choose
