"""Where the docks of a window are: tabs of one place on the right, unless somebody moved them elsewhere."""

from collections.abc import Sequence
from typing import Any
from weakref import ref

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QRect, Qt, QTimer
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QApplication, QDockWidget, QLabel, QMainWindow, QTabBar, QWidget

from ..qt.dock_area import restore_size
from ..qt.layout import dock_of
from ..settings import saved_docks
from ..settings.saved_docks import remembered
from .entries import Entry, all_entries
from .open_dock import names_of, open_dock, open_operation
from .operation_list import OperationList
from .records import AREAS, RIGHT, Record, keep_changes, records

KEY = "Ctrl+Shift+F"  # finds an operation
NO_TABS = "QTabBar::tab { width: 0; height: 0; min-height: 0; margin: 0; padding: 0; border: none; }"
LAYOUT_EVENTS = (QEvent.Type.ChildAdded, QEvent.Type.ChildRemoved, QEvent.Type.LayoutRequest)
VISIBLE = 60  # least pixels of a floating dock that are on a screen


class PlacedDock(QObject):
    """Tells the place when its dock is moved or seen.

    Parameters
    ----------
    place
        The place.
    dock
        The dock.
    title
        Title of the dock.
    record
        Where the dock is, if somebody has moved it; otherwise None.
    """

    def __init__(self, place: "Place", dock: QDockWidget, title: str, record: Record | None) -> None:
        super().__init__(dock)
        self._place, self.title, self.record = ref(place), title, record

    @property
    def dock(self) -> QDockWidget:
        """The dock."""
        return self.parent()

    @property
    def place(self) -> "Place | None":
        """The place, while it is there."""
        place = self._place()
        return place if place is not None and isalive(place) else None

    def watch(self) -> None:
        """Begin to tell."""
        self.dock.topLevelChanged.connect(self._tell_moved)
        self.dock.dockLocationChanged.connect(self._tell_moved)
        self.dock.visibilityChanged.connect(self._tell_seen)
        self.dock.installEventFilter(self)

    def _tell_moved(self, *where: Any) -> None:
        if place := self.place:
            place.note_moved(self.title)

    def _tell_seen(self, seen: bool) -> None:
        if place := self.place:
            place.note_seen(self.title, seen)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Tell that a floating dock was moved, and that a dock is hidden."""
        if event.type() in (QEvent.Type.Move, QEvent.Type.Resize) and self.dock.isFloating():
            self._tell_moved()
        elif event.type() == QEvent.Type.Hide and (place := self.place):
            place.flush()
        return False


class Place(QObject):
    """The place of all docks of a window.

    Docks are tabs on the right, and each has a choice among all of them at its top; Qt's own tabs, which truncate
    names, are shown only where docks of others are among them. A dock that somebody moved elsewhere is opened there the
    next time. It lives while there are docks.

    Parameters
    ----------
    window
        The window.
    viewer
        The viewer.
    """

    def __init__(self, window: QMainWindow, viewer: Any) -> None:
        super().__init__(window)
        self._viewer = viewer
        self._docks: dict[str, PlacedDock] = {}
        self._moved: set[str] = set()
        self._changes: dict[str, Record | None] = {}  # of records, to be written
        self._last = str(remembered("last"))
        self._soon, self._pause = QTimer(self), QTimer(self)
        for timer, interval, react in ((self._soon, 0, self._tidy), (self._pause, saved_docks.PAUSE, self._write)):
            timer.setSingleShot(True)
            timer.setInterval(interval)
            timer.timeout.connect(react)
        self._key = QShortcut(QKeySequence(KEY), window)
        self._key.activated.connect(self._find_from_key)
        window.installEventFilter(self)

    @property
    def _window(self) -> QMainWindow:
        return self.parent()

    @classmethod
    def around(cls, widget: QWidget) -> "Place | None":
        """Return the place of the window whose dock holds a widget; None if there is none."""
        dock = dock_of(widget)
        window = dock.parent() if dock is not None else None
        places = window.findChildren(cls) if isinstance(window, QMainWindow) else []
        return next((place for place in places if place._key is not None), None)

    @classmethod
    def of(cls, viewer: Any) -> "Place | None":
        """Return the place of the window of a viewer; None if no dock is open there."""
        widgets = [w for w in viewer.window.dock_widgets.values() if isinstance(w, QWidget)]
        return next((place for place in map(cls.around, widgets) if place is not None and place.shown), None)

    @classmethod
    def add(cls, widget: QWidget, viewer: Any, title: str, size: tuple[int, int] | None) -> None:
        """Put the dock that holds a widget into its place, with this title, and with its last size if it is alone."""
        dock = dock_of(widget)
        if dock is None or not isinstance(dock.parent(), QMainWindow):
            return
        place = cls.around(widget) or cls(dock.parent(), viewer)
        place._add(dock, title, size)

    def _add(self, dock: QDockWidget, title: str, size: tuple[int, int] | None) -> None:
        twin = self._docks.get(title)
        if twin is not None and twin.dock is not dock and self._is_open(twin.dock):
            if getattr(dock, "name", "") in names_of(title):  # napari has opened it once more, under its other name
                twin.dock.show()
                twin.dock.raise_()
                self._viewer.window.remove_dock_widget(dock)
            return
        self.flush()
        placed = self._docks[title] = PlacedDock(self, dock, title, records().get(title))
        dock.setWindowTitle(title)
        self._put(placed, size)
        placed.watch()
        self._last = title
        self._pause.start()
        self._tidy()

    def _is_open(self, dock: QDockWidget) -> bool:
        """Return whether a dock is in the window, and not removed and about to be deleted."""
        widget = self._viewer.window.dock_widgets.get(getattr(dock, "name", "")) if isalive(dock) else None
        return widget is not None and dock_of(widget) is dock

    def _put(self, placed: PlacedDock, size: tuple[int, int] | None) -> None:
        """Put a new dock where it was last; otherwise to the other docks on the right."""
        dock, record = placed.dock, placed.record
        if record is not None and "floating" in record:
            dock.setFloating(True)
            dock.setGeometry(_on_screen(QRect(*record["floating"]), dock))
        elif record is not None:
            area = AREAS[record["area"]]
            if self._window.dockWidgetArea(dock) != area:
                self._window.addDockWidget(area, dock)
            restore_size(dock, size)
        elif self._window.dockWidgetArea(dock) != RIGHT or dock.isFloating():
            restore_size(dock, size)  # napari knows that it was moved there
        elif neighbors := self._neighbors(dock):
            self._window.tabifyDockWidget(neighbors[0], dock)
            dock.show()
            dock.raise_()
        else:
            restore_size(dock, size)

    def _neighbors(self, dock: QDockWidget) -> list[QDockWidget]:
        """Return the docks on the right that a dock joins: those of this plugin first, then those of others."""
        found = [p.dock for p in self._docks.values() if p.dock is not dock and self._is_in_place(p)]
        elsewhere = [p.dock for p in self._docks.values()]
        others = [d for d in self._window.findChildren(QDockWidget) if d not in elsewhere and self._is_on_right(d)]
        return found + others

    def _is_on_right(self, dock: QDockWidget) -> bool:
        return dock.isVisible() and not dock.isFloating() and self._window.dockWidgetArea(dock) == RIGHT

    def _is_in_place(self, placed: PlacedDock) -> bool:
        return placed.record is None and self._is_on_right(placed.dock)

    def note_moved(self, title: str) -> None:
        """Keep in mind that a dock was moved."""
        self._moved.add(title)
        self._soon.start()

    def note_seen(self, title: str, seen: bool) -> None:
        """Keep in mind that a dock came to the front, or no longer is there."""
        if seen:
            self._last = title
            self._pause.start()
        self._soon.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow changes of the window's layout."""
        if event.type() in LAYOUT_EVENTS:
            self._soon.start()
        return False

    def _tidy(self) -> None:
        """Follow what has changed: titles, tabs, docks that were moved, closed docks."""
        self._soon.stop()
        self._docks = {title: p for title, p in self._docks.items() if isalive(p) and isalive(p.dock)}
        for placed in self._docks.values():
            _show_title(placed.dock, placed.title)
        for title in self._moved & self._docks.keys():
            self._note_place(self._docks[title])
        if self._moved:
            self._note_joined()
        self._moved.clear()
        for bar in self._window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            self._show_tabs(bar)
        if not self._docks:
            self._end()

    def _note_place(self, placed: PlacedDock) -> None:
        """Keep where a dock is that was moved, if it is not in its place."""
        dock = placed.dock
        if not dock.isVisible():
            return
        area = self._window.dockWidgetArea(dock)
        if dock.isFloating():
            geometry = dock.geometry()
            record: Record | None = {"floating": [geometry.x(), geometry.y(), geometry.width(), geometry.height()]}
        elif area != RIGHT or self._is_apart(placed):
            record = {"area": next(name for name, a in AREAS.items() if a == area)}
        else:
            record = None
        self._keep(placed, record)

    def _keep(self, placed: PlacedDock, record: Record | None) -> None:
        if placed.record != record:
            placed.record = self._changes[placed.title] = record
            self._pause.start()

    def _note_joined(self) -> None:
        """Forget that docks were apart on the right where one that is in place was moved onto them."""
        for placed in self._docks.values():
            if placed.record == {"area": "right"} and placed.dock.isVisible():
                beside = self._window.tabifiedDockWidgets(placed.dock)
                if any(p.dock in beside and self._is_in_place(p) for p in self._docks.values()):
                    self._keep(placed, None)

    def _is_apart(self, placed: PlacedDock) -> bool:
        """Return whether a dock on the right is not a tab of the others there."""
        others = [p.dock for p in self._docks.values() if p is not placed and self._is_in_place(p)]
        beside = self._window.tabifiedDockWidgets(placed.dock)
        return bool(others) and not any(dock in beside for dock in others)

    def _show_tabs(self, bar: QTabBar) -> None:
        """Hide the tabs of a place that holds only docks of this plugin; show whole names where there are others."""
        titles = sorted(bar.tabText(k) for k in range(bar.count()))
        mine = [placed.dock for placed in self._docks.values()]
        groups = ([d for d in (dock, *self._window.tabifiedDockWidgets(dock)) if d.isVisible()] for dock in mine)
        group = next((g for g in groups if sorted(d.windowTitle() for d in g) == titles), [])
        style = NO_TABS if group and all(dock in mine for dock in group) else ""
        if bar.styleSheet() != style:
            bar.setStyleSheet(style)
        elide = Qt.TextElideMode.ElideNone if group else Qt.TextElideMode.ElideRight
        if bar.elideMode() != elide:
            bar.setElideMode(elide)
            bar.setUsesScrollButtons(True)

    def flush(self) -> None:
        """Write what is to be kept, if something has changed."""
        if self._pause.isActive():
            self._pause.stop()
            self._write()

    def _write(self) -> None:
        keep_changes(self._changes, self._last)
        self._changes.clear()

    def _end(self) -> None:
        self.flush()
        self._window.removeEventFilter(self)
        if self._key is not None:
            self._key.deleteLater()
        self._key = None
        self.deleteLater()

    def find(self, below: QWidget | None = None, first: Sequence[Entry] = (), current: str = "") -> None:
        """Open the search over all operations.

        It opens below a widget, or at the top of the dock that is in front. It lists the entries that come first, or
        all, and marks the current one.
        """
        anchor = below or self._front()
        found = OperationList(anchor, first or all_entries(), current)
        found.chosen.connect(self.open)
        found.open_beside(anchor)

    @property
    def shown(self) -> dict[str, QDockWidget]:
        """The docks that are open and not hidden, by their titles; also those behind others."""
        return {t: p.dock for t, p in self._docks.items() if isalive(p.dock) and p.dock.isVisible()}

    @property
    def last(self) -> str:
        """Title of the dock of this window that was in front last."""
        return self._last

    def _find_from_key(self) -> None:
        self.find()

    def _front(self) -> QWidget:
        """Return the title bar of the dock that has the focus, or was seen last; the menu bar if none is seen."""
        seen = self.shown
        focus = QApplication.focusWidget()
        focused = dock_of(focus) if focus is not None else None
        dock = focused if focused in seen.values() else seen.get(self._last) or next(iter(seen.values()), None)
        bar = dock.titleBarWidget() if dock is not None else None
        return bar if bar is not None else self._window.menuBar()

    def open(self, entry: Entry) -> None:
        """Show the dock of an entry, with its operation chosen and ready for keys."""
        if entry.id:
            open_operation(self._viewer, entry.dock, entry.id).operations.choice.setFocus()
        else:
            self.open_dock(entry.dock)

    def open_dock(self, title: str) -> Any:
        """Show the dock with a title, and return its widget; open it if it is closed."""
        return open_dock(self._viewer, title)


def _show_title(dock: QDockWidget, title: str) -> None:
    """Show a short title in the title bar, which napari makes anew whenever a dock floats or is docked."""
    label = getattr(dock.titleBarWidget(), "title", None)
    if isinstance(label, QLabel) and label.text() != title:
        label.setText(title)


def _on_screen(geometry: QRect, dock: QDockWidget) -> QRect:
    """Return a rectangle no larger than the screen, moved so that part of its title can be reached there."""
    screen = dock.screen().virtualGeometry()
    geometry.setSize(geometry.size().boundedTo(screen.size()))
    geometry.moveLeft(min(max(geometry.left(), screen.left() + VISIBLE - geometry.width()), screen.right() - VISIBLE))
    geometry.moveTop(min(max(geometry.top(), screen.top()), screen.bottom() - VISIBLE))
    return geometry
