"""The position and size of a dock in napari's window."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from .layout import dock_of

SIDES = (Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea)
LARGEST = 0.6  # largest fraction of the window that a dock takes when it is opened


def restore_size(dock: QDockWidget, size: tuple[int, int] | None) -> None:
    """Give a dock its size, unless other docks are at its side of the window."""
    window = dock.parent()
    if size is None or dock.isFloating() or not isinstance(window, QMainWindow) or _shares_side(window, dock):
        return
    at_side = _is_at_side(window, dock)
    length, most = (size[0], window.width()) if at_side else (size[1], window.height())
    along = Qt.Orientation.Horizontal if at_side else Qt.Orientation.Vertical
    window.resizeDocks([dock], [min(length, round(LARGEST * most))], along)


def size_in_window(widget: QWidget) -> tuple[int, int] | None:
    """Return the width and height of the dock that holds a widget; None if it floats or is hidden."""
    dock, window = dock_of(widget), widget.window()
    if dock is None or dock.isFloating() or not isinstance(window, QMainWindow) or not dock.isVisible():
        return None
    return dock.width(), dock.height()


def _shares_side(window: QMainWindow, dock: QDockWidget) -> bool:
    """Return whether other docks are visible at the same side of the window, so that they share its size."""
    others = [other for other in window.findChildren(QDockWidget) if other is not dock and other.isVisible()]
    return any(window.dockWidgetArea(o) == window.dockWidgetArea(dock) and not o.isFloating() for o in others)


def _is_at_side(window: QMainWindow, dock: QDockWidget) -> bool:
    """Return whether a dock is at the left or right side, where its width can vary, not its height."""
    return window.dockWidgetArea(dock) in SIDES
