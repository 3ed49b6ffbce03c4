"""Where a dock comes to lie in napari's window, and how large."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from .layout import dock_of, share_place

SIDES = (Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea)
LARGEST = 0.6  # of the window, that a dock takes when it is opened


def place_dock(widget: QWidget, kind: type[QWidget], size: tuple[int, int] | None) -> None:
    """Lay a dock over others of its kind, as a tab; else give it the size it had, unless it shares a side."""
    dock, window = dock_of(widget), widget.window()
    if dock is None or not isinstance(window, QMainWindow):
        return
    if share_place(dock, window, kind) or _shares_side(window, dock):
        return
    if size is not None and not dock.isFloating():
        upright = _is_upright(window, dock)
        length, most = (size[0], window.width()) if upright else (size[1], window.height())
        along = Qt.Orientation.Horizontal if upright else Qt.Orientation.Vertical
        window.resizeDocks([dock], [min(length, round(LARGEST * most))], along)


def size_in_window(widget: QWidget) -> tuple[int, int] | None:
    """Return width and height of the dock that holds a widget, where it lies in a window."""
    dock, window = dock_of(widget), widget.window()
    if dock is None or dock.isFloating() or not isinstance(window, QMainWindow) or not dock.isVisible():
        return None
    return dock.width(), dock.height()


def _shares_side(window: QMainWindow, dock: QDockWidget) -> bool:
    """Whether other docks can be seen at the side of the window where a dock lies: their size is also its own."""
    others = [other for other in window.findChildren(QDockWidget) if other is not dock and other.isVisible()]
    return any(window.dockWidgetArea(o) == window.dockWidgetArea(dock) and not o.isFloating() for o in others)


def _is_upright(window: QMainWindow, dock: QDockWidget) -> bool:
    """Whether a dock lies at a side, where its width can be chosen, and not above or below."""
    return window.dockWidgetArea(dock) in SIDES
