"""No text is wider than its field: numbers, names and labels, at 300 pixels, in small and in large fonts."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from mouse_and_keys import LEFT
from napari.qt import get_stylesheet
from qtpy.QtCore import Qt
from qtpy.QtGui import QFontMetrics
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QBoxLayout,
    QComboBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QStyle,
    QStyleOptionComboBox,
    QVBoxLayout,
    QWidget,
)

from napari_mathimg import operations
from napari_mathimg.contract.quantities import figures
from napari_mathimg.engine.forecast import Forecast, Guess
from napari_mathimg.methods.point_spread.kinds import KINDS
from napari_mathimg.recipe.names import SEAMS, result_name
from napari_mathimg.widgets.form.form import Form
from napari_mathimg.widgets.form.range_row import RangeRow
from napari_mathimg.widgets.histogram.dock import HistogramDock
from napari_mathimg.widgets.histogram.fields import Legend, NumberTable, RangeFields
from napari_mathimg.widgets.histogram.layout import NUMBERS
from napari_mathimg.widgets.layers.layer_picker import LayerPicker
from napari_mathimg.widgets.perspective.corner_table import CornerTable
from napari_mathimg.widgets.qt.combo_box import TEXT_MARGIN
from napari_mathimg.widgets.qt.elided import ElidedLabel, elided
from napari_mathimg.widgets.qt.layout import scroll_area
from napari_mathimg.widgets.qt.number_boxes import NumberSpinBox, WholeSpinBox
from napari_mathimg.widgets.qt.number_line import NumberLine
from napari_mathimg.widgets.qt.wrapping_rows import needed_width, wrapping_row
from napari_mathimg.widgets.tasks.run_bar import RunBar
from nightly import nightly

pytestmark = pytest.mark.styled
WIDTH = 300
OFFSET = 5  # pixels between the text of a tick and its axis
ICONS = 78  # pixels of a row of the list of layers beside the name
fonts = pytest.mark.parametrize("font", [14, *nightly(8, 9, 13)], indirect=True)
FORMS = (  # which have every kind of field
    "affine", "homography", "crop", "gaussian", "median", "denoise_nl_means", "correct_lens", "correct_distortion",
    "denoise_wavelet", "blur_motion", "add_poisson_noise",
)  # fmt: skip
RNG = np.random.default_rng(200)
VALUES = [float(m * 10.0**e) for m, e in zip(RNG.uniform(-10, 10, 200), RNG.integers(-6, 10, 200), strict=True)]
LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyzABCWM0123456789_-. ="))
NAMES = ["".join(RNG.choice(LETTERS, n)).strip() or "x" for n in RNG.integers(1, 80, 200)]
TITLES = [operation.title for operation in operations().values()]
NAMES = [f"{name} – {TITLES[k % len(TITLES)]}" if k % 2 else name for k, name in enumerate(NAMES)]


@pytest.fixture
def font(request: pytest.FixtureRequest) -> int:
    return int(getattr(request, "param", 9))


def style(font: int) -> str:
    """The style of napari's window in a font."""
    return get_stylesheet("dark", extra_variables={"font_size": f"{font}pt"})


@pytest.fixture
def column(qtbot: Any, font: int) -> Iterator[Any]:
    """A window of 300 pixels, in the style of napari's."""
    holder = QWidget()
    QVBoxLayout(holder)
    holder.setStyleSheet(style(font))
    holder.setFixedWidth(WIDTH)
    holder.show()
    holder.activateWindow()
    yield holder
    holder.close()
    holder.deleteLater()
    process_events()


def fill(column: QWidget, *widgets: QWidget) -> None:
    for widget in widgets:
        column.layout().addWidget(widget)
    process_events()
    process_events()


def wait_until_active(column: QWidget, qtbot: Any) -> None:
    """Wait until the window is active, and take the focus from the field that has got it: it shows all digits."""
    qtbot.waitUntil(column.isActiveWindow)
    if field := column.focusWidget():
        field.clearFocus()


def lacks_room(widget: QWidget, text: str, room: float) -> bool:
    return widget.fontMetrics().horizontalAdvance(text) > room


@fonts
def test_numbers_fit_their_fields(column: Any) -> None:
    """Every kind of field in forms, and each of the fields elsewhere, with 200 random numbers."""
    forms = [Form(signature, ("z", "y", "x")) for signature in (*map(operations().get, FORMS), KINDS["optical"])]
    percentiles = RangeRow((0, 100), (-1e12, 1e12), suffix=" %")
    fields, table, numbers = RangeFields("tip"), CornerTable(), NumberTable(NUMBERS)
    table.show_corners("1234", [(1, 1)] * 4, [(1, 1)] * 4, [1.0] * 4, "µm")
    fill(column, percentiles, fields, table, numbers)
    # one after the other, for a window has room for one form
    found, boxes = [], 0
    for form in forms:
        area = scroll_area(form.native)
        column.layout().addWidget(area)
        area.setFixedWidth(WIDTH - 40)  # beside a scroll bar and margins
        area.show()
        process_events()
        inside = [box for kind in (NumberSpinBox, WholeSpinBox) for box in form.native.findChildren(kind)]
        for k, box in enumerate(box for box in inside if box.isVisible()):
            boxes += 1
            box.blockSignals(True)
            whole = not isinstance(box, NumberSpinBox) or not box.decimals()
            bound = 10**5 if whole and box.prefix() else 10**9  # one of several is a position in pixels
            box.setRange(-bound, bound)
            for value in VALUES[k % 7 :: 7]:
                box.setValue(round(value) if whole else value)
                if whole:  # the layout gives the box the room that it needs
                    box.updateGeometry()
                    process_events()
                    process_events()
                if lacks_room(box, box.text(), box.lineEdit().width()):
                    found.append((box.text(), box.lineEdit().width()))
        column.layout().removeWidget(area)
        area.hide()
        area.deleteLater()
    assert boxes > 50
    for first, second, third in zip(VALUES, VALUES[1:], VALUES[2:], strict=False):
        percentiles.typed = first, second
        fields.show_range((first, second))
        table.show_corners("1234", [(first, second)] * 4, [(second, third)] * 4, [abs(third)] * 4, "µm")
        for box in (percentiles.low.native, percentiles.high.native):
            if lacks_room(box, box.text(), box.lineEdit().width()):
                found.append((box.text(), box.lineEdit().width()))
        found += [(f.text(), f.width()) for f in (fields.low, fields.high) if lacks_room(f, f.text(), f.width() - 8)]
        cells = [table.item(0, k) for k in range(5)]
        found += [(c.text(), 0) for c in cells if lacks_room(table, c.text(), table.columnWidth(c.column()) - 6)]
    assert not found


@fonts
def test_names_fit_their_pickers_and_labels(viewer: Any, column: Any) -> None:
    picker, label, legend = LayerPicker(viewer, lambda layer: True, lambda layer: True), ElidedLabel(SEAMS), Legend()
    layer = viewer.add_image(np.zeros((2, 2)))
    fill(column, picker, label, legend)
    option = QStyleOptionComboBox()
    for name in NAMES:
        layer.name = name
        picker.initStyleOption(option)
        label.setText(name)
        legend.show_names([((1, 2, 3), name, True)])
        field = QStyle.SubControl.SC_ComboBoxEditField
        room = picker.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, picker).width()
        shown = elided(picker.currentText(), picker.fontMetrics(), room - TEXT_MARGIN, SEAMS)
        assert not lacks_room(picker, shown, room)
        assert label.sizeHint().width() <= label.width()
        assert not lacks_room(label, label.text(), label.width())
        assert QLabel.sizeHint(legend).width() <= legend.width()
        assert name in (label.whole(), label.toolTip())
        *_, title = name.rpartition(" – ")
        if len(title) < len(name) and not lacks_room(label, f"m… – {title}", label.width() - 2):
            assert label.text().endswith(f" – {title}")
    LayerPicker.disconnect_from_viewer(picker)


@fonts
def test_labels_of_the_histogram_fit(viewer: Any, font: int, histogram: HistogramDock) -> None:
    histogram.setFixedWidth(WIDTH)
    histogram.setStyleSheet(style(font))
    process_events()
    table, axis = histogram.table, histogram.plot.getPlotItem().getAxis("left")
    metrics = QFontMetrics(axis.style["tickFont"] or QApplication.font())
    right = histogram.plot.getPlotItem().getAxis("right")
    assert metrics.horizontalAdvance("100\u00a0%") <= right.width() - OFFSET
    for value in VALUES:
        (tick,) = axis.tickStrings([max(abs(value), 1.0)], 1.0, 1.0)
        assert metrics.horizontalAdvance(tick) <= axis.width() - OFFSET, tick
        table.show_numbers({name: (figures(value, 5), figures(value)) for name in NUMBERS})
        process_events() if value == VALUES[0] else None
        for label, shown in table._pairs:
            assert shown.sizeHint().width() <= shown.width() + 1, (font, shown.text())
            assert label.sizeHint().width() <= label.width() + 1
    for button in histogram.axis.findChildren(QWidget):
        assert button.minimumSizeHint().width() <= button.width()


@fonts
def test_the_longest_forecast_fits_beside_run(column: Any) -> None:
    """What is not seen of it is in the tooltip, with the explanation."""
    bar = RunBar()
    fill(column, bar)
    told = Forecast(Guess(9.83 * 3600, False), 990 * 2**20, 980 * 2**20)
    assert told.text == "9 h 50 min (from other settings), 990 MiB of 980 MiB free"
    bar.tell_needs(told)
    process_events()
    assert bar.needs.isVisible()
    assert bar.needs.text().startswith("9 h")
    assert not lacks_room(bar.needs, bar.needs.text(), bar.needs.width())
    assert bar.needs.toolTip() == f"{told.text}\n{told.explanation}"
    assert bar.needs.sizeHint().height() <= bar.needs.height()
    bar.tell_needs(None)
    assert (bar.needs.text(), bar.needs.toolTip()) == ("", "")


def click(widget: QWidget) -> None:
    QTest.mouseClick(widget, LEFT, pos=widget.rect().center())


CTRL = Qt.KeyboardModifier.ControlModifier


def test_all_digits_are_told_shown_to_edit_and_kept(column: Any, qtbot: Any) -> None:
    """A field that shows few digits of a number has all: a click, a tab, a key taken back leave them what they are."""
    value = 0.020653581234
    box, line, other = NumberSpinBox(), NumberLine(), QLineEdit()
    box.setPrefix("x ")
    box.setSuffix("\u00a0px")
    box.setToolTip("Radius")
    box.setValue(value)
    line.show_number(value)
    fill(column, box, line, other)
    for field in (box, line):
        field.setFixedWidth(90)
    process_events()
    wait_until_active(column, qtbot)
    changes: list[float] = []
    box.valueChanged.connect(changes.append)
    shown = {field: field.text() for field in (box, line)}
    assert len(shown[box]) < len(f"x {value}\u00a0px")
    assert len(shown[line]) < len(str(value))
    assert box.toolTip() == f"x {value}\u00a0px\nRadius"
    assert line.toolTip() == str(value)
    for field in (box, line):
        click(field)
        assert str(value) in field.text()
        for key in (Qt.Key.Key_A, Qt.Key.Key_X, Qt.Key.Key_V):
            QTest.keyClick(field, key, CTRL)
        assert QApplication.clipboard().text() == str(value)
        assert str(value) in field.text()
        QTest.keyClick(field, Qt.Key.Key_End)
        QTest.keyClick(field, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
        QTest.keyClick(field, Qt.Key.Key_C, CTRL)
        assert QApplication.clipboard().text() == "4"  # what is selected, where that is a part
        QTest.keyClick(field, Qt.Key.Key_End)
        QTest.keyClick(field, Qt.Key.Key_7)
        QTest.keyClick(field, Qt.Key.Key_Backspace)
        QTest.keyClick(field, Qt.Key.Key_Return)
        assert str(value) in field.text()
        QTest.keyClick(field, Qt.Key.Key_Tab)
        assert field.text() == shown[field]
    assert (box.value(), line.number) == (value, value)
    assert changes[-1] == value
    box.setFocus(Qt.FocusReason.TabFocusReason)
    assert box.lineEdit().selectedText() == str(value)


def test_a_typed_number_is_the_number_even_if_it_reads_as_the_one_that_was_shown(column: Any, qtbot: Any) -> None:
    value = 0.162512345678
    box, fields = NumberSpinBox(), RangeFields("tip")
    box.setPrefix("x ")
    box.setValue(value)
    found: list[tuple[float, float]] = []
    fields.typed.connect(lambda *ends: found.append(ends))
    fields.show_range((value, 2.0))
    fill(column, box, fields)
    for field, width in ((box, 120), (fields.low, 70)):
        field.setFixedWidth(width)
    process_events()
    wait_until_active(column, qtbot)
    shown = {field: field.text().removeprefix("x ") for field in (box, fields.low)}
    for field, short in shown.items():
        assert 4 <= len(short) < 8
        click(field)
        QTest.keyClick(field, Qt.Key.Key_A, CTRL)
        QTest.keyClicks(field, short)
        QTest.keyClick(field, Qt.Key.Key_Tab)
        assert field.text().removeprefix("x ") == short
        assert (box.value() if field is box else found) == (float(short) if field is box else [(float(short), 2.0)])


def test_a_refused_number_leaves_the_one_before_it(column: Any, qtbot: Any) -> None:
    """That is what was typed, stepped to, or set last."""
    box = NumberSpinBox()
    box.setSuffix("\u00a0px")
    fill(column, box)
    qtbot.waitUntil(column.isActiveWindow)
    click(box)
    box.selectAll()
    QTest.keyClicks(box, "2.5e-7")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert (box.value(), box.text(), box.refused) == (2.5e-7, "2.5e-7\u00a0px", "")
    for text, why in (("200", "from 0 to 99.99\u00a0px"), ("-1", "from 0"), ("1e", "a number"), ("1e-15", "from 0")):
        box.selectAll()
        QTest.keyClicks(box, text)
        QTest.keyClick(box, Qt.Key.Key_Return)
        assert why in box.refused
        assert box.value() == 2.5e-7
    box.setValue(3.0)
    box.selectAll()
    QTest.keyClicks(box, "4")
    box.stepUp()  # as the wheel and the arrows do
    assert box.value() == 5
    QApplication.clipboard().setText("1,000.5")
    box.selectAll()
    box.lineEdit().paste()  # as the menu does
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert "at most one decimal mark" in box.refused
    assert box.value() == 5


def test_a_whole_number_is_never_rounded(column: Any, qtbot: Any) -> None:
    form = Form(operations()["add_gaussian_noise"], ("y", "x"))
    form["seed"].value = 123456789
    fill(column, scroll_area(form.native))
    process_events()
    box = form["seed"].native
    assert box.text() == "123456789"
    assert not lacks_room(box, box.text(), box.lineEdit().width())
    box.setValue(120000000)
    assert (box.text(), box.whole_text) == ("120000000", "120000000")


def test_the_corner_table_copies_and_edits_all_digits(column: Any) -> None:
    table, moved = CornerTable(), []
    table.moved.connect(lambda *found: moved.append(found))
    table.show_corners("1234", [(12.345678901, 7.0)] * 4, (), (), "px")
    fill(column, table)
    assert table.item(0, 0).text() in ("12.35", "12.3")
    table.setCurrentCell(0, 0)
    table.setFocus()
    QTest.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text() == "12.345678901"
    table.editItem(table.item(0, 0))
    editor = table.findChild(QLineEdit)
    assert editor.text() == "12.345678901"
    QTest.keyClick(editor, Qt.Key.Key_Return)
    assert not moved


def test_the_end_of_a_range_that_is_not_typed_keeps_its_digits(column: Any) -> None:
    fields, found = RangeFields("tip"), []
    fields.typed.connect(lambda *ends: found.append(ends))
    fill(column, fields)
    fields.show_range((0.123456789, 9.87654321987))
    assert fields.high.text() != "9.87654321987"
    click(fields.low)
    fields.low.selectAll()
    QTest.keyClicks(fields.low, "0,5")
    QTest.keyClick(fields.low, Qt.Key.Key_Return)
    assert found == [(0.5, 9.87654321987)]
    fields.high.setFocus()
    fields.low.setFocus()
    assert len(found) == 1


def test_what_lies_over_a_row_takes_no_room_in_it(column: Any) -> None:
    row, over = wrapping_row(*(QPushButton(text) for text in ("Here", "There"))), QLabel("focus ring " * 30)
    fill(column, row)
    before = needed_width(row)
    over.setParent(row)
    over.show()
    assert needed_width(row) == before < 100
    column.setFixedWidth(before + 30)  # both need more
    process_events()
    assert row.layout().direction() == QBoxLayout.Direction.TopToBottom


def test_every_number_field_is_one_of_ours(viewer: Any, dock: Any) -> None:
    viewer.add_image(np.zeros((3, 20, 20)))
    for family in ("geometry", "perspective", "lens", "deconvolve", "Histogram"):
        widget = dock(family)
        others = [b for b in widget.findChildren(QAbstractSpinBox) if not isinstance(b, NumberSpinBox | WholeSpinBox)]
        assert not others
        assert widget.findChildren(QComboBox)


def test_the_list_of_layers_shows_the_operation_of_a_result(viewer: Any) -> None:
    """At its usual width, beside thumbnail and icons, in its font, also for the second result of the same name."""
    viewer.add_image(np.zeros((2, 2)))
    view = viewer.window._qt_viewer.layers
    bold = view.font()
    bold.setBold(True)
    metrics, room = QFontMetrics(bold), view.viewport().width() - ICONS
    for title in (
        "Gaussian filter",
        "Median filter",
        "Richardson-Lucy",
        "Non-local means",
        "Gamma correction",
        "Rotate",
    ):
        name = result_name("CellDivision_T=10_Z=5_CH=2_DCV_ch00", {}, title)
        assert metrics.horizontalAdvance(f"{name} [1]") <= room, name
