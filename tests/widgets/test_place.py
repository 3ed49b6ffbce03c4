"""All docks are in one place, with a choice among them, and stay where somebody moves them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from event_loop import process_events
from mouse_and_keys import close_by_mouse
from napari.settings import get_settings
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDockWidget, QLabel, QTabBar, QWidget
from sessions import new_session

from napari_mathimg.widgets.place.entries import TITLES
from napari_mathimg.widgets.place.open_dock import open_dock
from napari_mathimg.widgets.place.places import Place
from napari_mathimg.widgets.qt.layout import dock_of
from nightly import nightly

Opener = Callable[[str], Any]
LEFT = Qt.MouseButton.LeftButton
RIGHT_AREA, LEFT_AREA = Qt.DockWidgetArea.RightDockWidgetArea, Qt.DockWidgetArea.LeftDockWidgetArea


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the docks keep what they hold."""
    return tmp_path / "napari-mathimg-docks.yaml"


def in_front(viewer: Any) -> list[str]:
    """Titles of the docks whose choice is seen."""
    docks = [d for d in viewer.window._qt_window.findChildren(QDockWidget) if d.windowTitle() in TITLES]
    return sorted(d.windowTitle() for d in docks if not d.widget().visibleRegion().isEmpty())


def click(dock: Opener, shown: str, wanted: str) -> Any:
    """Click the name of a dock in the choice of the one that is shown, and return its widget."""
    QTest.mouseClick(dock(shown).chooser.buttons[wanted], LEFT)
    process_events()
    return dock(wanted)


def tab_bars(viewer: Any) -> list[QTabBar]:
    direct = Qt.FindChildOption.FindDirectChildrenOnly
    bars = viewer.window._qt_window.findChildren(QTabBar, options=direct)
    return [bar for bar in bars if bar.isVisible() and bar.count() and bar.height() and bar.y() >= 0]


def test_one_click_leads_from_any_dock_to_any_other(viewer: Any, dock: Opener) -> None:
    window = viewer.window._qt_window
    window.resize(1280, 640)
    dock("Geometry")
    process_events()
    places = set()
    for shown, wanted in zip(TITLES, (*TITLES[1:], TITLES[0]), strict=True):
        widget = click(dock, shown, wanted)
        corners = [b.mapTo(window, QPoint()) for b in widget.chooser.buttons.values()]
        places.add(str([(corner.x(), corner.y()) for corner in corners]))
        assert in_front(viewer) == [wanted]
        assert [name for name, b in widget.chooser.buttons.items() if b.isChecked()] == [wanted]
        assert QApplication.focusWidget() in (None, widget.chooser.buttons[wanted])
        assert dock_of(widget).titleBarWidget().findChild(QLabel).text() == wanted
    assert len(places) == 1  # the buttons stay where they are
    assert window.height() == 640  # nine docks, and the window has not grown
    assert {window.dockWidgetArea(dock_of(dock(title))) for title in TITLES} == {RIGHT_AREA}
    assert len(window.tabifiedDockWidgets(dock_of(dock("Noise")))) == len(TITLES) - 1
    click(dock, "Noise", "Noise")
    assert in_front(viewer) == ["Noise"]
    assert dock("Noise").chooser.buttons["Noise"].isChecked()
    assert tab_bars(viewer) == []  # which would truncate the names


def test_the_keyboard_reaches_every_dock(viewer: Any, dock: Opener, qtbot: Any) -> None:
    window = viewer.window._qt_window
    widget = dock("Blur")
    process_events()  # it is in its place then
    window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window)
    widget.chooser.take_focus()
    stops = [b for b in widget.chooser.findChildren(QWidget) if b.focusPolicy() & Qt.FocusPolicy.TabFocus]
    assert stops == [widget.chooser.buttons["Blur"], widget.chooser.find]  # not nine more steps to the form
    for _ in range(2):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Left)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    process_events()
    assert in_front(viewer) == ["Noise"]
    assert QApplication.focusWidget() is dock("Noise").chooser.buttons["Noise"]
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Right)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Space)
    process_events()
    assert in_front(viewer) == ["Denoise"]


@pytest.mark.styled
@pytest.mark.parametrize("size", [8, 14])
def test_whole_names_take_little_room(viewer: Any, dock: Opener, size: int) -> None:
    """At 300 pixels, the least share of the height that is left is 80 percent."""
    window = viewer.window._qt_window
    window.resize(1280, 800)
    get_settings().appearance.font_size = size
    for title in ("Deconvolve", "Histogram"):
        widget = dock(title)
        process_events()
        window.resizeDocks([dock_of(widget)], [300], Qt.Orientation.Horizontal)
        process_events()
        assert widget.width() == 300
        chooser = widget.chooser
        for name, button in chooser.buttons.items():
            assert button.text() == name
            assert button.fontMetrics().horizontalAdvance(name) + 4 <= button.width()
            assert chooser.rect().contains(button.geometry())
        assert chooser.height() < 0.2 * dock_of(widget).height()
        label = dock_of(widget).titleBarWidget().findChild(QLabel)
        assert label.fontMetrics().horizontalAdvance(label.text()) <= label.width()
    viewer.theme = "light"
    process_events()
    assert all(b.sizeHint().width() <= b.width() for b in dock("Histogram").chooser.buttons.values())


def test_a_dock_that_was_moved_keeps_its_place(viewer: Any, dock: Opener, qtbot: Any, file: Path) -> None:
    """A double click on the title makes a dock float; the left side stands for a drag, which Qt does natively."""
    window = viewer.window._qt_window
    for title in ("Geometry", "Noise", "Blur"):
        dock(title)
        process_events()
    QTest.mouseClick(dock_of(dock("Noise")).titleBarWidget().float_button, LEFT)
    process_events()
    floating = dock_of(dock("Noise"))
    assert floating.isFloating()
    assert floating.titleBarWidget().findChild(QLabel).text() == "Noise"  # which napari has made anew
    floating.setGeometry(200, 150, 333, 444)
    window.addDockWidget(LEFT_AREA, dock_of(dock("Blur")))
    process_events()
    for title in ("Noise", "Blur", "Geometry"):
        close_by_mouse(dock(title), qtbot)
        process_events()
    saved = yaml.safe_load(file.read_text())["places"]
    assert saved == {"Noise": {"floating": [200, 150, 333, 444]}, "Blur": {"area": "left"}}
    new_session()
    dock("Geometry")
    process_events()
    noise, blur = (dock_of(click(dock, "Geometry", title)) for title in ("Noise", "Blur"))
    assert noise.isFloating()
    assert (noise.x(), noise.y(), noise.width(), noise.height()) == (200, 150, 333, 444)
    assert window.dockWidgetArea(blur) == LEFT_AREA
    assert window.tabifiedDockWidgets(dock_of(dock("Geometry"))) == []
    window.addDockWidget(RIGHT_AREA, blur)
    window.tabifyDockWidget(dock_of(dock("Geometry")), blur)  # back to the others
    process_events()
    close_by_mouse(dock("Blur"), qtbot)
    process_events()
    assert yaml.safe_load(file.read_text())["places"].keys() == {"Noise"}


def test_what_no_longer_fits_of_places_is_left_out(viewer: Any, dock: Opener, file: Path) -> None:
    said = {"Noise": {"floating": ["a", 1, 2, 3]}, "Blur": {"area": "inside"}, "Lens": 3,
            "Denoise": {"floating": [-9000, 90000, 300, 400]}}  # fmt: skip
    file.write_text(yaml.safe_dump({"places": said, "last": 7, "used": [1, "median"], "order": None}))
    dock("Geometry")
    for title in ("Noise", "Blur", "Lens"):
        process_events()
        click(dock, "Geometry", title)
        assert in_front(viewer) == [title]
    floating = dock_of(click(dock, "Lens", "Denoise"))
    assert floating.isFloating()
    assert floating.screen().geometry().intersects(floating.frameGeometry())


def test_docks_of_others_stay_reachable(viewer: Any, dock: Opener) -> None:
    """Where other docks are among the tabs, the tabs are shown, with whole names."""
    other = viewer.window.add_dock_widget(QWidget(), name="A plugin with a long name", area="right")
    process_events()
    dock("Geometry")
    process_events()
    click(dock, "Geometry", "Denoise")
    (bar,) = tab_bars(viewer)
    assert sorted(bar.tabText(k) for k in range(bar.count())) == ["A plugin with a long name", "Denoise", "Geometry"]
    assert bar.elideMode() == Qt.TextElideMode.ElideNone
    assert bar.usesScrollButtons()
    viewer.window._qt_window.addDockWidget(LEFT_AREA, other)
    process_events()
    assert tab_bars(viewer) == []
    viewer.window._qt_window.tabifyDockWidget(dock_of(dock("Geometry")), other)
    process_events()
    assert len(tab_bars(viewer)) == 1


def test_a_menu_and_a_command_open_the_same_dock(viewer: Any, dock: Opener) -> None:
    from napari._app_model import get_app_model

    commands = get_app_model().commands
    commands.execute_command("napari-mathimg.denoise_dock").result()
    process_events()
    opened = viewer.window.dock_widgets["Denoise (Mathematical Imaging)"]
    commands.execute_command("napari-mathimg.denoise.median").result()
    process_events()
    assert dock("denoise") is opened
    assert opened.operation.id == "median"
    viewer.window.add_plugin_dock_widget("napari-mathimg", "Denoise")  # as `napari --with` does
    process_events()
    assert [*viewer.window.dock_widgets] == ["Denoise (Mathematical Imaging)"]
    commands.execute_command("napari-mathimg.denoise_dock").result()  # hides it, as it is shown
    process_events()
    assert in_front(viewer) == []


def test_the_last_dock_comes_back(viewer: Any, dock: Opener, qtbot: Any, file: Path) -> None:
    from napari._app_model import get_app_model

    commands = get_app_model().commands
    commands.execute_command("napari-mathimg.last_dock").result()
    process_events()
    assert in_front(viewer) == ["Geometry"]  # there is none yet
    click(dock, "Geometry", "Intensity")
    click(dock, "Intensity", "Lens")
    viewer.window.remove_dock_widget("all")  # as the end of a session does
    process_events()
    new_session()
    commands.execute_command("napari-mathimg.last_dock").result()
    process_events()
    assert in_front(viewer) == ["Lens"]
    assert [*viewer.window.dock_widgets] == ["Lens (Mathematical Imaging)"]
    QTest.mouseClick(dock_of(dock("Lens")).titleBarWidget().hide_button, LEFT)
    viewer.window.add_plugin_dock_widget("napari-mathimg", "Last used")  # as `napari --with` does
    process_events()
    assert in_front(viewer) == ["Lens"]
    qtbot.waitUntil(lambda: yaml.safe_load(file.read_text())["last"] == "Lens")


def test_tabs_are_as_before_when_all_docks_are_closed(viewer: Any, dock: Opener, qtbot: Any) -> None:
    window = viewer.window._qt_window
    for title in ("Geometry", "Noise"):
        dock(title)
        process_events()
    for title in ("Geometry", "Noise"):
        close_by_mouse(dock(title), qtbot)
    process_events()
    first, second = (viewer.window.add_dock_widget(QWidget(), name=name, area="right") for name in "AB")
    window.tabifyDockWidget(first, second)
    process_events()
    (bar,) = tab_bars(viewer)
    assert (bar.styleSheet(), bar.elideMode()) == ("", Qt.TextElideMode.ElideRight)


def test_each_window_keeps_the_places_of_its_own_docks_only(
    viewer: Any, fresh_viewer: Any, dock: Opener, qtbot: Any, file: Path
) -> None:
    here, there = dock("Noise"), open_dock(fresh_viewer, "Blur")
    process_events()
    for widget in (here, there):
        dock_of(widget).parent().addDockWidget(LEFT_AREA, dock_of(widget))
        process_events()
    others = open_dock(fresh_viewer, "Lens")  # which is brought to the front only
    process_events()
    for widget in (here, there, others):
        close_by_mouse(widget, qtbot)
        process_events()
    assert yaml.safe_load(file.read_text())["places"] == {"Noise": {"area": "left"}, "Blur": {"area": "left"}}
    blur = dock("Blur")
    process_events()
    assert viewer.window._qt_window.dockWidgetArea(dock_of(blur)) == LEFT_AREA


@pytest.mark.parametrize(
    "record",
    [
        {"area": "inside"},
        {"area": {}},
        {"floating": [2**40, 0, 300, 300]},
        3,
        *nightly({"area": ["left"]}, {"floating": "here"}),
    ],
)
def test_a_dock_with_a_record_of_no_use_is_in_the_place_of_all(
    viewer: Any, dock: Opener, file: Path, record: Any
) -> None:
    file.write_text(yaml.safe_dump({"places": {"Noise": record}}))
    dock("Noise")
    process_events()
    blur = dock_of(click(dock, "Noise", "Blur"))
    assert in_front(viewer) == ["Blur"]
    assert viewer.window._qt_window.tabifiedDockWidgets(blur) == [dock_of(dock("Noise"))]


@pytest.mark.parametrize("plugin", [True, False])
def test_a_dock_that_replaces_a_removed_one_stays(viewer: Any, dock: Opener, plugin: bool) -> None:
    """Also before Qt has deleted the removed one, as in a script that only processes events."""
    removed = dock("Denoise")
    process_events()
    viewer.window.remove_dock_widget(dock_of(removed))
    if plugin:
        _, anew = viewer.window.add_plugin_dock_widget("napari-mathimg", "Denoise")
    else:
        anew = dock("Denoise")
    for _ in range(5):
        QApplication.processEvents()
    assert [*viewer.window.dock_widgets.values()] == [anew]
    process_events()
    assert in_front(viewer) == ["Denoise"]


def test_docks_are_together_again_whichever_was_moved_onto_the_other(
    viewer: Any, dock: Opener, qtbot: Any, file: Path
) -> None:
    window = viewer.window._qt_window
    geometry = dock("Geometry")
    process_events()
    noise = click(dock, "Geometry", "Noise")
    for area in (LEFT_AREA, RIGHT_AREA):  # back below the other
        window.addDockWidget(area, dock_of(geometry))
        process_events()
    assert in_front(viewer) == ["Geometry", "Noise"]
    Place.around(noise).flush()
    assert yaml.safe_load(file.read_text())["places"] == {"Geometry": {"area": "right"}}
    window.tabifyDockWidget(dock_of(geometry), dock_of(noise))
    process_events()
    assert len(in_front(viewer)) == 1
    Place.around(noise).flush()
    assert yaml.safe_load(file.read_text()).get("places", {}) == {}
    for widget in (geometry, noise):
        close_by_mouse(widget, qtbot)
        process_events()
    assert yaml.safe_load(file.read_text()).get("places", {}) == {}
