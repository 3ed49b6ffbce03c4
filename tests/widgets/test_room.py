"""The room inside a dock: the form gets it, Run and its message stand still, and options fold into a line."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from histogram_checks import Gated, Watched
from napari.settings import get_settings
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QComboBox, QLineEdit, QScrollArea, QStyle, QStyleOptionComboBox, QWidget

from napari_mathimg import operations
from napari_mathimg.catalog import FAMILIES
from napari_mathimg.engine.forecast import needs
from napari_mathimg.engine.threads import cores
from napari_mathimg.widgets.dock import run_panel
from napari_mathimg.widgets.histogram.fields import InsideBox
from napari_mathimg.widgets.layers.layer_picker import LayerPicker
from napari_mathimg.widgets.lens.lens_box import LensBox
from napari_mathimg.widgets.perspective.preview_panel import PreviewPanel
from napari_mathimg.widgets.place.entries import TITLES
from napari_mathimg.widgets.place.open_dock import open_dock
from napari_mathimg.widgets.qt.layout import dock_of
from napari_mathimg.widgets.settings.saved_speeds import note_speeds, speeds
from napari_mathimg.widgets.tasks import forecaster
from nightly import nightly, some

pytestmark = pytest.mark.styled
LEFT = Qt.MouseButton.LeftButton
INSIDE = 5  # pixels between a text and the edge of its line
LONG = "CellDivision_T=10: 12,345 values were outside the value range and were clipped to it. " * 8


@pytest.fixture(autouse=True)
def _no_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load no kernels for the first run of each operation that is shown."""
    monkeypatch.setattr(run_panel, "load_kernels", lambda *args: None)


def place(widget: Any, dock: Any) -> tuple[QPoint, Any]:
    return widget.mapTo(dock, QPoint()), widget.size()


@pytest.mark.parametrize(("points", "width"), [(14, 300), *nightly((8, 300), (9, 420))])
def test_run_and_its_message_stand_still_and_the_form_has_most_of_the_dock(
    viewer: Any, dock: Any, qtbot: Any, points: int, width: int
) -> None:
    get_settings().appearance.font_size = points
    slow = Gated(np.random.default_rng(0).integers(0, 4000, (3, 64, 64), dtype=np.uint16))
    viewer.add_image(slow, name="slow", contrast_limits=(0, 4000))
    widget = dock("deconvolve")
    window = viewer.window._qt_window
    window.resize(1280, 800)
    process_events()
    window.resizeDocks([dock_of(widget)], [width], Qt.Orientation.Horizontal)
    qtbot.waitUntil(lambda: abs(widget.width() - width) <= 2)
    area = widget.findChild(QScrollArea)
    assert area.height() >= 0.55 * dock_of(widget).height()
    widget.operation = "wiener"
    widget.further_images.panels["psf"].kind = "gaussian"
    process_events()
    still = [place(w, widget) for w in (widget.run_button, widget.message, area)]
    with qtbot.waitSignal(widget.task.progressed):
        qtbot.mouseClick(widget.run_button, LEFT)
    process_events()
    assert widget.cancel_button.isVisible()
    assert widget.message.shown.endswith(" %")
    assert [place(w, widget) for w in (widget.run_button, widget.message, area)] == still
    qtbot.mouseClick(widget.cancel_button, LEFT)
    slow.gate.set()
    qtbot.waitUntil(lambda: not widget.task.is_running)
    for text in (LONG, "Short.", ""):
        widget.message.setText(text)
        process_events()
        assert [place(w, widget) for w in (widget.run_button, widget.message, area)] == still
        assert widget.message.is_cut == (text == LONG)
    assert widget.message.height() < 3 * widget.bar.needs.fontMetrics().lineSpacing()


def test_a_click_on_a_long_message_shows_all_of_it(viewer: Any, dock: Any, qtbot: Any) -> None:
    viewer.add_image(np.zeros((20, 30)))
    widget = dock("intensity")
    message = widget.message
    message.setText("Short.")
    qtbot.mouseClick(message, LEFT)
    assert message.page is None
    assert message.focusPolicy() == Qt.FocusPolicy.NoFocus
    message.setText(LONG)
    process_events()
    qtbot.mouseClick(message, LEFT)
    page = message.page
    assert page.label.text() == LONG
    assert page.label.heightForWidth(page.label.width()) <= page.label.height()
    end = message.mapToGlobal(QPoint(0, message.height())).y()
    assert abs(page.mapToGlobal(QPoint(0, page.height())).y() - end) <= 1
    QTest.keyClick(page, Qt.Key.Key_Escape)
    assert message.page is None
    message.setFocus()
    QTest.keyClick(message, Qt.Key.Key_Space)
    assert message.page is not None
    message.page.hide()


def test_options_fold_into_a_line_that_says_them_and_marks_what_is_unusual(viewer: Any, qtbot: Any, again: Any) -> None:
    data = np.linspace(12, 4051, 5 * 40 * 50).reshape(5, 40, 50).astype(np.uint16)
    viewer.add_image(data, contrast_limits=(100, 900))
    widget = open_dock(viewer, "denoise")
    widget.operation = "denoise_bilateral"
    qtbot.waitUntil(widget.fold.isVisible)

    def said() -> str:
        return str(widget.fold.line.text()).replace("\u00a0", " ")

    assert said() == "Options: planes (yx), whole layer, data range 12–4051, uint16"
    assert not widget.options.isVisible()
    qtbot.mouseClick(widget.fold.line, LEFT)
    process_events()
    assert widget.options.value_range.isVisible()
    area = widget.findChild(QScrollArea)
    lowest = widget.options.hide_source
    assert area.viewport().rect().contains(lowest.mapTo(area.viewport(), lowest.rect().center()))
    widget.options.choose(widget.options.value_range, "limits")
    widget.options.choose(widget.options.dtype, "float32")
    qtbot.mouseClick(widget.options.replace, LEFT, pos=QPoint(10, widget.options.replace.height() // 2))
    assert said() == (
        "Options: planes (yx), whole layer, <b>contrast limits 100–900</b>, <b>float32</b>,"
        " <b>replaces the last result</b>"
    )
    assert widget.fold.arrow.accessibleName().endswith("float32, replaces the last result")
    widget = again(widget)
    assert widget.fold.is_open
    qtbot.mouseClick(widget.fold.arrow, LEFT)
    assert not widget.options.isVisible()
    assert "<b>contrast limits 100–900</b>" in said()
    assert not again(widget).fold.is_open


def test_all_selected_layers_are_one_click_away_with_options_folded(viewer: Any, dock: Any, press: Any) -> None:
    layers = [viewer.add_image(np.full((9, 9), k + 1), name=f"channel {k}") for k in range(3)]
    widget = dock("intensity")
    widget.operation = "invert"
    widget.fold.is_open = False
    process_events()
    assert not widget.options.all_selected.isVisible()
    viewer.layers.selection.update(layers)
    process_events()
    tick = widget.options.all_selected
    assert tick.text() == "All 3 selected layers"
    QTest.mouseClick(tick, LEFT, pos=QPoint(8, tick.height() // 2))
    press(widget)
    assert [layer.name for layer in viewer.layers[3:]] == [f"channel {k} – Invert" for k in range(3)]


def test_a_picture_takes_room_only_when_there_is_one(viewer: Any, dock: Any, qtbot: Any) -> None:
    viewer.add_image(np.random.default_rng(0).random((40, 50)))
    widget = dock("deconvolve")
    panel = widget.further_images.panels["psf"]
    qtbot.waitUntil(panel.isVisible)
    process_events()
    assert panel.preview.height() < 5 * panel.preview.fontMetrics().lineSpacing()
    panel.kind = "gaussian"
    qtbot.waitUntil(lambda: not panel.preview.is_pending)
    process_events()
    assert panel.preview.pictures[0].isVisible()
    assert panel.preview.height() >= panel.preview.pictures[0].height()
    panel.kind = "layer"
    process_events()
    assert panel.preview.height() < 5 * panel.preview.fontMetrics().lineSpacing()
    assert not dock("perspective").panel(PreviewPanel).picture.isVisible()


def test_time_and_memory_are_told_beside_run_without_reading_in_the_window(
    viewer: Any, dock: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lazy = Watched(np.random.default_rng(0).integers(0, 4000, (6, 300, 400), dtype=np.uint16))
    viewer.add_image(lazy, name="lazy", contrast_limits=(0, 4000))
    widget = dock("denoise")
    widget.operation = "gaussian"
    forecasts = widget.runs.forecaster
    with qtbot.waitSignal(forecasts.found):
        pass
    assert widget.bar.needs.whole() == ""
    before = lazy.read.copy()
    needed = needs(operations()["gaussian"], lazy, threads=cores())
    note_speeds([(needed, 40.0)])
    with qtbot.waitSignal(forecasts.found):
        widget.form["truncate"].value = 4.0
        widget.form["sigma"].value = 1.5
    assert widget.bar.needs.whole() == "40 s (from other settings)"
    monkeypatch.setattr(forecaster, "memory_at_hand", lambda: 5 * needed.memory)
    with qtbot.waitSignal(forecasts.found):
        widget.form["sigma"].value = 1.0
    assert widget.bar.needs.whole().startswith("about 40 s, ")
    np.testing.assert_array_equal(lazy.read, before)
    with qtbot.waitSignal(widget.task.finished):
        qtbot.mouseClick(widget.run_button, LEFT)
    assert len(speeds().table[needed.kind]) == 2
    qtbot.waitUntil(lambda: "s" not in widget.bar.needs.whole().split(",")[0])  # the run itself took a moment


def test_no_forecast_while_a_run_takes_the_cores(viewer: Any, dock: Any, qtbot: Any) -> None:
    slow = Gated(np.random.default_rng(0).integers(0, 4000, (3, 64, 64), dtype=np.uint16))
    viewer.add_image(slow, name="slow", contrast_limits=(0, 4000))
    widget = dock("denoise")
    widget.operation = "gaussian"
    assert widget.runs.forecaster.is_active
    qtbot.mouseClick(widget.run_button, LEFT)
    assert not widget.runs.forecaster.is_active
    widget.form["sigma"].value = 2.5
    process_events()
    assert widget.task.is_running
    assert not widget.runs.forecaster.is_active
    with qtbot.waitSignal(widget.task.finished):
        slow.gate.set()
    with qtbot.waitSignal(widget.runs.forecaster.found):
        assert widget.runs.forecaster.is_active


def test_no_forecast_where_a_run_would_be_refused(viewer: Any, dock: Any, qtbot: Any) -> None:
    viewer.add_image(np.random.default_rng(0).random((40, 50)))
    widget = dock("deconvolve")
    with qtbot.waitSignal(widget.runs.forecaster.found) as found:
        pass
    assert found.args == [None]
    assert QApplication.activePopupWidget() is None


@pytest.mark.parametrize("title", some(FAMILIES.values(), "Geometry", "Deconvolve"))
def test_all_of_a_form_is_seen_at_300_pixels_and_14_points(viewer: Any, title: str) -> None:
    get_settings().appearance.font_size = 14
    data = np.random.default_rng(0).integers(0, 4000, (2, 3, 64, 64), dtype=np.uint16)
    place = {"scale": (1, 0.5, 0.16, 0.16), "units": ("second", "um", "um", "um")}
    viewer.add_image(data, name="Cells in a dish", contrast_limits=(0, 4000), **place)
    widget = open_dock(viewer, title)
    window = viewer.window._qt_window
    window.resize(1280, 800)
    process_events()
    window.resizeDocks([dock_of(widget)], [300], Qt.Orientation.Horizontal)
    process_events()
    area = widget.findChild(QScrollArea)
    widget.fold.is_open = True
    for index in range(widget.operations.choice.count()):
        widget.operations.choice.setCurrentIndex(index)
        process_events()
        assert widget.width() <= 302
        assert area.horizontalScrollBar().maximum() == 0, widget.operation.id


def cut_words(widget: QWidget) -> Iterator[tuple[str, int, int]]:
    """Texts of choices and of empty lines that are wider than their fields; names of layers may have any length."""
    for box in widget.findChildren(QComboBox):
        option = QStyleOptionComboBox()
        box.initStyleOption(option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        room = box.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, box).width()
        shown = (
            [box.lineEdit().placeholderText()] if box.isEditable() else [box.itemText(k) for k in range(box.count())]
        )
        words = box.words() if isinstance(box, LayerPicker | InsideBox) else shown
        for word in words if box.isVisible() else ():
            yield word, box.fontMetrics().horizontalAdvance(word), room
    for line in widget.findChildren(QLineEdit):
        if line.isVisible() and (word := line.placeholderText()) and not isinstance(line.parent(), QComboBox):
            yield word, line.fontMetrics().horizontalAdvance(word), line.width() - INSIDE


@pytest.mark.parametrize("title", some(TITLES, "Perspective", "Deconvolve", "Histogram", "Batch"))
def test_words_of_choices_are_whole_at_320_pixels_and_13_points(viewer: Any, title: str) -> None:
    get_settings().appearance.font_size = 13
    data = np.random.default_rng(0).integers(0, 4000, (2, 3, 64, 64), dtype=np.uint16)
    place = {"scale": (1, 0.5, 0.16, 0.16), "units": ("second", "um", "um", "um")}
    viewer.add_image(data, name="Cells in a dish", contrast_limits=(0, 4000), **place)
    widget = open_dock(viewer, title)
    viewer.window._qt_window.resize(1280, 800)
    process_events()
    viewer.window._qt_window.resizeDocks([dock_of(widget)], [320], Qt.Orientation.Horizontal)
    if hasattr(widget, "fold"):
        widget.fold.is_open = True
    process_events()
    process_events()
    assert widget.width() <= 322
    found = list(cut_words(widget))
    assert found
    assert [(word, needed, room) for word, needed, room in found if needed > room] == []


def test_lists_and_tables_take_the_font_of_the_window(viewer: Any) -> None:
    get_settings().appearance.font_size = 13
    widget = open_dock(viewer, "Lens")
    process_events()
    box = widget.findChild(LensBox)
    assert {w.font().pointSizeF() for w in (box.others, box.search, box.lenses)} == {box.others.font().pointSizeF()}
    size = box.others.font().pointSizeF()
    get_settings().appearance.font_size = 9
    process_events()
    assert box.lenses.font().pointSizeF() == box.search.font().pointSizeF() < size


def test_names_of_lenses_wrap(viewer: Any) -> None:
    """All lines of a name have room in its row."""
    get_settings().appearance.font_size = 13
    widget = open_dock(viewer, "Lens")
    viewer.window._qt_window.resize(1280, 800)
    viewer.window._qt_window.resizeDocks([dock_of(widget)], [320], Qt.Orientation.Horizontal)
    process_events()
    process_events()
    lenses = widget.findChild(LensBox).lenses
    letters, wide = lenses.fontMetrics(), 0
    for k in range(min(lenses.topLevelItemCount(), 40)):
        item = lenses.topLevelItem(k)
        lines = letters.horizontalAdvance(item.text(0)) / lenses.columnWidth(0)
        wide += lines > 1
        assert lenses.visualItemRect(item).height() >= math.ceil(lines) * letters.height()
    assert wide > 5


def test_the_histogram_does_not_scroll_sideways_at_300_pixels_and_14_points(viewer: Any, qtbot: Any) -> None:
    get_settings().appearance.font_size = 14
    viewer.add_image(np.random.default_rng(0).integers(0, 4000, (40, 50), dtype=np.uint16))
    widget = open_dock(viewer, "Histogram")
    viewer.window._qt_window.resize(1280, 800)
    process_events()
    viewer.window._qt_window.resizeDocks([dock_of(widget)], [300], Qt.Orientation.Horizontal)
    process_events()
    assert widget.width() <= 302
    assert widget.findChild(QScrollArea).horizontalScrollBar().maximum() == 0
