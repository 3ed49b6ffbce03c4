"""Every dock at every size: no text cut off, nothing that jumps, and work without a mouse."""

import itertools
from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from napari.settings import get_settings
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QScrollArea,
    QStyle,
    QStyleOptionComboBox,
    QWidget,
)

from napari_mathimg.widgets.dock import run_panel
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.layers.layer_picker import LayerPicker
from napari_mathimg.widgets.lens import lens_panel
from napari_mathimg.widgets.place.entries import TITLES
from napari_mathimg.widgets.place.open_dock import open_dock
from napari_mathimg.widgets.qt.combo_box import TEXT_MARGIN
from napari_mathimg.widgets.qt.layout import dock_of, scroll_area
from nightly import nightly, some

pytestmark = pytest.mark.styled
WIDTHS, HEIGHTS = (280, 360, 600), (800, 1400)

each_dock = pytest.mark.parametrize("title", some(TITLES, "Perspective", "Deconvolve", "Histogram", "Batch"))


@pytest.fixture
def shown(viewer: Any) -> Any:
    """A calibrated time series, for every dock has most to show for it."""
    data = np.random.default_rng(0).integers(0, 4000, (2, 3, 64, 64), dtype=np.uint16)
    place = {"scale": (1, 0.5, 0.16, 0.16), "units": ("second", "um", "um", "um")}
    return viewer.add_image(data, name="Cells in a dish", contrast_limits=(0, 4000), **place)


@pytest.fixture(autouse=True)
def _no_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load no kernels for the first run of each operation that is shown."""
    monkeypatch.setattr(run_panel, "load_kernels", lambda *args: None)
    monkeypatch.setattr(lens_panel, "load_kernels", lambda *args: None)


def resized(viewer: Any, widget: QWidget, width: int, height: int) -> None:
    window = viewer.window._qt_window
    window.resize(1300, height)
    process_events()
    window.resizeDocks([dock_of(widget)], [width], Qt.Orientation.Horizontal)
    process_events()  # layouts follow turn by turn


def operations(widget: Any) -> Any:
    """Choose one operation after the other, where a dock has some."""
    if not isinstance(widget, FamilyDock):
        yield ""
        return
    for index in range(widget.operations.choice.count()):
        widget.operations.choice.setCurrentIndex(index)
        process_events()
        yield widget.operation.id


def needed(widget: Any) -> tuple[int, int] | None:
    """Width that a widget's text takes, and the width it has; None where it shows none that must be whole."""
    if isinstance(widget, QLabel) and widget.text() and not widget.wordWrap():
        return widget.sizeHint().width(), widget.width()
    if isinstance(widget, QLabel) and widget.text():
        return widget.heightForWidth(widget.width()), widget.height()
    if isinstance(widget, QAbstractButton) and widget.text():
        return widget.sizeHint().width(), widget.width()
    if isinstance(widget, QAbstractSpinBox):
        return widget.fontMetrics().horizontalAdvance(widget.text()) + 2, widget.lineEdit().width()
    if isinstance(widget, QComboBox) and not isinstance(widget, LayerPicker):  # a layer may have any name
        option = QStyleOptionComboBox()
        widget.initStyleOption(option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        room = widget.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, widget)
        return widget.fontMetrics().horizontalAdvance(widget.currentText()), room.width() - TEXT_MARGIN
    if isinstance(widget, QScrollArea):
        return widget.horizontalScrollBar().maximum(), 0
    return None


def cut_off(dock: QWidget) -> list[tuple[str, str, int, int]]:
    """Widgets whose text has less room than it takes."""
    found = [(w, n) for w in dock.findChildren(QWidget) if w.isVisible() and (n := needed(w))]
    texts = [(w.currentText() if isinstance(w, QComboBox) else getattr(w, "text", str)(), w, n) for w, n in found]
    return [(type(w).__name__, text, *n) for text, w, n in texts if n[0] > n[1] + 1]


@each_dock
@pytest.mark.parametrize(
    "sizes",
    [
        [("dark", WIDTHS[0], HEIGHTS[0]), ("light", WIDTHS[1], HEIGHTS[1])],
        *nightly([("dark", *size) for size in itertools.product(WIDTHS, HEIGHTS)] + [("light", WIDTHS[0], HEIGHTS[0])]),
    ],
    ids=["few", "all"],
)
def test_no_text_is_cut_off_at_any_size(viewer: Any, shown: Any, title: str, sizes: Any) -> None:
    widget = open_dock(viewer, title)
    process_events()
    for theme, width, height in sizes:
        viewer.theme = theme
        resized(viewer, widget, width, height)
        for operation in operations(widget):
            assert abs(widget.width() - width) <= 2, operation
            assert not cut_off(widget), (theme, width, height, operation)


@each_dock
def test_a_narrow_dock_has_room_for_all_that_can_be_asked_for(viewer: Any, shown: Any, title: str) -> None:
    """Volumes, lengths in micrometers, a range of one's own, several layers, and the domain."""
    widget = open_dock(viewer, title)
    if not isinstance(widget, FamilyDock):
        pytest.skip("has no options")
    other = viewer.add_image(shown.data // 2, name="Others", contrast_limits=(0, 4000), scale=shown.scale)
    resized(viewer, widget, WIDTHS[0], HEIGHTS[0])
    widget.picker.layer = shown
    viewer.layers.selection.update([shown, other])
    options, widget.fold.is_open = widget.options, True
    for _ in operations(widget):
        options.choose(options.process, "volumes")
        options.choose(options.value_range, "custom")
        options.choose(options.domain_place, "beside")
        options.domain.setChecked(True)
        for box in widget.form.native.findChildren(QComboBox):
            box.setCurrentIndex(max(box.findText("µm"), box.currentIndex()))
        process_events()
        assert not cut_off(widget), widget.operation.id


@pytest.mark.parametrize("title", ["Geometry", *nightly("Intensity")])
def test_a_dock_that_is_open_follows_the_font(viewer: Any, shown: Any, title: str) -> None:
    widget = open_dock(viewer, title)
    resized(viewer, widget, 300, 800)
    for operation in itertools.islice(operations(widget), 2):
        sizes: dict[int, Any] = {}
        for points in (9, 14, 8, 13, 9):
            get_settings().appearance.font_size = points
            process_events()
            process_events()
            assert widget.width() <= 302
            assert not cut_off(widget.form.native), (operation, points)
            labels = widget.form.native.findChildren(QLabel)
            now = [label.width() for label in labels if label.isVisible()]
            assert len(set(now)) <= 1, (operation, points, now)
            assert sizes.setdefault(points, now) == now, (operation, points)


def test_a_form_follows_its_texts(viewer: Any, shown: Any) -> None:
    """A longer unit takes more room in the form of a dock that is open, and a shorter one gives it back."""
    widget = open_dock(viewer, "Intensity")
    widget.operation = "adjust_gamma"
    resized(viewer, widget, 300, 800)
    row = widget.form["gamma"]._labeled_widget().native
    heights = [row.height()]
    for suffix in (" of the value range of the image", ""):
        widget.form["gamma"].native.setSuffix(suffix)
        process_events()
        assert not cut_off(widget)
        heights.append(row.height())
    assert heights[0] == heights[2] < heights[1]


@each_dock
def test_nothing_jumps_when_the_operation_changes(viewer: Any, shown: Any, title: str) -> None:
    widget = open_dock(viewer, title)
    if not isinstance(widget, FamilyDock):
        pytest.skip("has no operations")
    resized(viewer, widget, 320, 800)
    places = set()
    for _ in operations(widget):
        fixed = (widget.picker, widget.operations.choice, widget.run_button, widget.cancel_button)
        places.add(tuple((w.mapTo(widget, QPoint()), w.size()) for w in fixed).__repr__())
    assert len(places) == 1


def chain(dock: QWidget) -> list[QWidget]:
    """Widgets of a dock in the order in which Tab reaches them."""
    reached, widget = [], dock.nextInFocusChain()
    while widget is not dock:
        takes_tab = not isinstance(widget, QScrollArea) and bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
        if dock.isAncestorOf(widget) and widget.isVisible() and takes_tab and widget.focusProxy() is None:
            reached.append(widget)
        widget = widget.nextInFocusChain()
    return reached


@each_dock
def test_tab_goes_down_the_dock(viewer: Any, shown: Any, title: str) -> None:
    widget = open_dock(viewer, title)
    resized(viewer, widget, 360, 1400)
    if isinstance(widget, FamilyDock):
        widget.fold.is_open = True
    for operation in operations(widget):
        places = [(w.mapTo(widget, QPoint()), w) for w in chain(widget) if w.isEnabled()]
        rows = [(place.y() + w.height() / 2, place.x()) for place, w in places]
        for (y, x), (next_y, next_x) in itertools.pairwise(rows):
            goes_on = next_y > y + 8 or (next_y > y - 8 and next_x > x)
            assert goes_on, (operation, (y, x), (next_y, next_x), [(type(w).__name__, p.y(), p.x()) for p, w in places])


def test_a_run_without_a_mouse(viewer: Any, shown: Any, qtbot: Any) -> None:
    """Tab to the operation, choose another, tab to its first value, type, tab to Run, press it."""
    widget = open_dock(viewer, "Intensity")
    window = viewer.window._qt_window
    window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window)

    def tab_to(wanted: QWidget) -> None:
        for _ in range(40):
            QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
            focus = QApplication.focusWidget()
            if focus is wanted or wanted.isAncestorOf(focus):
                return
        raise AssertionError(f"{wanted} is not reached")

    widget.picker.setFocus()
    tab_to(widget.operations.choice)
    QTest.keyClicks(widget.operations.choice, "Gamma")
    assert widget.operation.id == "adjust_gamma"
    tab_to(widget.form["gamma"].native)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(QApplication.focusWidget(), "2.5")
    tab_to(widget.run_button)
    with qtbot.waitSignal(widget.task.finished):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Space)
    assert viewer.layers[-1].metadata["napari_mathimg"][-1]["parameters"]["gamma"] == 2.5


class Wrapping(QWidget):
    """Is higher while it is wide."""

    def resizeEvent(self, event: Any) -> None:
        self.setMinimumHeight(300 if self.width() >= 200 else 100)


def test_a_form_that_is_higher_without_a_scroll_bar_keeps_it(qapp: Any) -> None:
    """There is no steady state without a bar: 300 pixels are too high, and 100 beside the bar need none."""
    area = scroll_area(Wrapping())
    area.widget().layout().setContentsMargins(0, 0, 0, 0)
    area.resize(200, 200)
    area.show()
    process_events()
    assert area.verticalScrollBar().isVisible()
    assert area.widget().height() <= 200
    area.resize(260, 320)
    process_events()
    assert not area.verticalScrollBar().isVisible()
    area.close()
