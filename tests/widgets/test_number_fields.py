"""Numbers are typed with either decimal mark; the wheel scrolls forms and changes only the field that has the focus."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from mouse_and_keys import LEFT
from qtpy.QtCore import QLocale, QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractSpinBox, QApplication, QComboBox, QScrollArea, QToolTip, QWidget

from napari_mathimg import apply
from napari_mathimg.widgets.qt.number_boxes import NumberSpinBox, WholeSpinBox, number_in, refusal
from nightly import nightly


@pytest.fixture(params=["C", "de_DE", "en_US", "fr_FR", "de_CH"])
def locale(request: pytest.FixtureRequest) -> Iterator[str]:
    before = QLocale()
    QLocale.setDefault(QLocale(request.param))
    yield request.param
    QLocale.setDefault(before)


@pytest.mark.parametrize(("text", "number"), [("0,5", 0.5), ("0.5", 0.5), ("-1,25", -1.25), ("1,000", 1.0), ("7", 7.0)])
def test_either_mark_is_the_decimal_mark_in_any_locale(qtbot: Any, locale: str, text: str, number: float) -> None:
    box = NumberSpinBox()
    qtbot.addWidget(box)
    box.setRange(-1e6, 1e6)
    box.setPrefix("y ")
    box.show()
    box.selectAll()
    QTest.keyClicks(box, text)
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert box.value() == number == number_in(text)
    assert not box.refused
    assert "," not in box.text()


@pytest.mark.parametrize("text", ["1.000,5", "1,000.5", "1,000,000", "1.2.3", "1 000", "1'000"])
def test_two_marks_and_marks_of_thousands_are_refused_in_words(qtbot: Any, locale: str, text: str) -> None:
    box = NumberSpinBox()
    qtbot.addWidget(box)
    box.setRange(-1e6, 1e6)
    box.show()
    box.selectAll()
    QTest.keyClicks(box, text)
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert box.text() == text  # what was typed is there to be mended
    assert "at most one decimal mark" in box.refused
    assert QToolTip.text() == f"{box.refused}."
    with pytest.raises(ValueError, match="at most one decimal mark"):
        number_in(text)
    assert refusal("1\u202f000")
    box.selectAll()
    QTest.keyClicks(box, "4")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert (box.value(), box.refused) == (4, "")


def test_a_whole_number_has_no_mark(qtbot: Any, locale: str) -> None:
    box = WholeSpinBox()
    qtbot.addWidget(box)
    box.setRange(0, 10_000)
    box.show()
    for text in ("1,5", "1.500"):
        box.selectAll()
        QTest.keyClicks(box, text)
        QTest.keyClick(box, Qt.Key.Key_Return)
        assert box.text() == text
        assert box.refused == refusal(text, is_whole=True)
        assert "whole number" in box.refused
    box.setValue(7)
    assert (box.value(), box.text(), box.refused) == (7, "7", "")


def test_a_run_waits_for_a_number_that_was_refused(
    viewer: Any, dock: Any, qtbot: Any, press: Any, notifications: list[Any]
) -> None:
    image = np.random.default_rng(0).random((30, 40)).astype(np.float32)
    viewer.add_image(image)
    widget = dock("intensity")
    widget.operation = "adjust_gamma"
    box = widget.form["gamma"].native
    qtbot.waitUntil(box.isVisible)
    viewer.window._qt_window.activateWindow()
    box.setFocus()
    qtbot.waitUntil(box.hasFocus)
    box.selectAll()
    QTest.keyClicks(box, "1.000,5")
    qtbot.mouseClick(widget.run_button, LEFT)
    assert len(viewer.layers) == 1
    assert "at most one decimal mark" in widget.message.text()
    assert not notifications
    box.selectAll()
    QTest.keyClicks(box, "0,5")
    press(widget)
    np.testing.assert_array_equal(viewer.layers[-1].data, apply(image, "adjust_gamma", gamma=0.5))


def turn_wheel(widget: QWidget) -> None:
    """Turn the wheel down by one notch over the middle of a widget; as Qt does, ask its parents until one takes it."""
    middle = widget.mapToGlobal(widget.rect().center())
    under: Any = widget.childAt(widget.rect().center()) or widget
    while under is not None:
        event = QWheelEvent(
            QPointF(under.mapFromGlobal(middle)), QPointF(middle), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        event.ignore()
        QApplication.sendEvent(under, event)
        under = None if event.isAccepted() else under.parentWidget()
    process_events()


@pytest.mark.parametrize("family", ["geometry", "deconvolve", "perspective", *nightly("denoise", "lens", "noise")])
def test_the_wheel_scrolls_and_changes_only_the_field_with_the_focus(
    viewer: Any, dock: Any, qtbot: Any, family: str
) -> None:
    viewer.add_image(np.random.default_rng(0).random((4, 30, 40)))
    widget = dock(family)
    qtbot.waitUntil(widget.run_button.isVisible)
    widget.setFocus()
    area = widget.findChild(QScrollArea)
    fields = [f for kind in (QAbstractSpinBox, QComboBox) for f in area.widget().findChildren(kind) if f.isVisible()]
    assert fields
    if area.verticalScrollBar().maximum() == 0:  # all is in view
        area.setFixedHeight(60)
        process_events()

    def content(field: Any) -> Any:
        return field.text() if isinstance(field, QAbstractSpinBox) else field.currentIndex()

    for field in (f for f in fields if f.isEnabled()):
        widget.setFocus()
        area.verticalScrollBar().setValue(0)
        before = content(field)
        turn_wheel(field)
        assert content(field) == before
        assert not field.hasFocus()
        assert area.verticalScrollBar().value() > 0, field.objectName()
    box = next(f for f in fields if isinstance(f, QAbstractSpinBox) and f.isEnabled())
    viewer.window._qt_window.activateWindow()
    box.setFocus()
    box.stepUp()
    qtbot.waitUntil(box.hasFocus)
    before = content(box)
    turn_wheel(box)
    assert content(box) != before


def test_a_number_of_many_digits_is_short_and_keeps_them(qapp: Any) -> None:
    box = NumberSpinBox()
    box.setRange(0, 1e9)
    changes: list[float] = []
    box.valueChanged.connect(changes.append)
    for value, short in (
        (0.096871742489, "0.0968717"),
        (1234567.0, "1234567"),
        (2.5, "2.5"),
        (1e-12, "1e-12"),
    ):
        box.setValue(value)
        for enabled in (False, True):
            box.setEnabled(enabled)
            assert box.text() == short
            box.interpretText()
            assert (box.value(), changes[-1]) == (value, value)
            assert float(box.whole_text) == value
    assert len(changes) == 4


def test_a_number_out_of_bounds_is_refused_in_words(qtbot: Any, locale: str) -> None:
    box = NumberSpinBox()
    qtbot.addWidget(box)
    box.setRange(0, 1)
    box.show()
    for text, value, why in (
        ("2.5e-7", 2.5e-7, ""),
        ("-3", 2.5e-7, "-3: must be from 0 to 1"),
        ("7", 2.5e-7, "7: must be from 0 to 1"),
        ("0,75", 0.75, ""),
    ):
        box.selectAll()
        QTest.keyClicks(box, text)
        QTest.keyClick(box, Qt.Key.Key_Return)
        assert (box.value(), box.refused) == (value, why)
