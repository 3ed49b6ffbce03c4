"""Work without a mouse, and with a screen reader: keys of a dock, where the focus is, and what fields are called."""

from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from histogram_checks import Gated
from npe2 import PluginManifest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QColor
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QScrollArea,
    QWidget,
)

from napari_mathimg.widgets.dock import run_panel
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.lens import lens_panel
from napari_mathimg.widgets.place.open_dock import open_dock
from nightly import some

TITLES = [w.display_name for w in PluginManifest.from_distribution("napari-mathimg").contributions.widgets or ()]
CONTROL = Qt.KeyboardModifier.ControlModifier
LEAST_CONTRAST = 3.0  # of what shows the focus (WCAG 2.2, criterion 2.4.13)


@pytest.fixture(autouse=True)
def _no_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load no kernels for the first run of each operation that is shown."""
    monkeypatch.setattr(run_panel, "load_kernels", lambda *args: None)
    monkeypatch.setattr(lens_panel, "load_kernels", lambda *args: None)


@pytest.fixture
def _active(viewer: Any, qtbot: Any) -> None:
    """Let the window get the keys."""
    viewer.window._qt_window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is viewer.window._qt_window)


def press(key: Any, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(QApplication.focusWidget(), key, modifier)


@pytest.mark.usefixtures("_active")
def test_only_return_with_control_runs_and_what_is_being_typed_counts(viewer: Any, dock: Any, qtbot: Any) -> None:
    viewer.add_image(np.arange(900, dtype=np.uint16).reshape(30, 30))
    widget = dock("intensity")
    widget.operation = "adjust_gamma"
    box = widget.form["gamma"].native
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, "2.5")
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
        press(key)
        assert not widget.task.is_running
    widget.options.choose(widget.options.value_range, "custom")
    low = widget.options.low.native
    low.setFocus()
    low.selectAll()
    QTest.keyClicks(low, "-7")
    with qtbot.waitSignal(widget.task.finished):
        press(Qt.Key.Key_Return, CONTROL)
    step = viewer.layers[-1].metadata["napari_mathimg"][-1]
    assert step["parameters"]["gamma"] == 2.5
    assert step["options"]["value_range"][0] == -7
    assert QApplication.focusWidget() is low
    dock("noise").operation = "add_poisson_noise"
    dock("noise").form["photons"].native.setFocus()
    count = len(viewer.layers)
    with qtbot.waitSignal(dock("noise").task.finished):
        press(Qt.Key.Key_Return, CONTROL)
    assert len(viewer.layers) == count + 1
    assert viewer.layers[-1].metadata["napari_mathimg"][-1]["operation"] == "add_poisson_noise", "another dock ran"


@pytest.mark.usefixtures("_active")
def test_escape_cancels_a_run_and_the_focus_goes_to_cancel_and_back(viewer: Any, dock: Any, qtbot: Any) -> None:
    slow = Gated(np.random.default_rng(0).integers(0, 4000, (64, 64), dtype=np.uint16))
    viewer.add_image(slow, name="slow", contrast_limits=(0, 4000))
    widget = dock("intensity")
    widget.operation = "equalize_adapthist"
    widget.run_button.setFocus()
    with qtbot.waitSignal(widget.task.progressed):
        press(Qt.Key.Key_Space)
    assert QApplication.focusWidget() is widget.cancel_button
    with qtbot.waitSignal(widget.task.canceled):
        press(Qt.Key.Key_Escape)
        slow.gate.set()
    qtbot.waitUntil(lambda: not widget.task.is_running)
    assert [layer.name for layer in viewer.layers] == ["slow"]
    assert widget.message.text() == "Canceled; nothing was added."
    assert QApplication.focusWidget() is widget.run_button


def operations(widget: Any) -> Any:
    if not isinstance(widget, FamilyDock):
        yield ""
        return
    widget.fold.is_open = True
    for index in range(widget.operations.choice.count()):
        widget.operations.choice.setCurrentIndex(index)
        process_events()
        yield widget.operation.id


def nameless(dock: QWidget) -> list[tuple[str, str]]:
    """What a screen reader would have no words for."""
    with_buddy = {label.buddy() for label in dock.findChildren(QLabel) if label.text()}
    buttons = [b for b in dock.findChildren(QAbstractButton) if not (b.text() or b.accessibleName())]
    fields = [f for kind in (QAbstractSpinBox, QComboBox, QLineEdit) for f in dock.findChildren(kind)]
    own = [f for f in fields if f.focusProxy() is None and not f.objectName().startswith("qt_spinbox")]
    lost = [f for f in own if not f.accessibleName() and f not in with_buddy]
    return [(type(w).__name__, w.toolTip()) for w in (*buttons, *lost)]


@pytest.mark.parametrize("title", some(TITLES, "Geometry", "Perspective", "Lens", "Deconvolve", "Histogram", "Batch"))
def test_every_button_and_field_has_a_name(viewer: Any, title: str) -> None:
    data = np.random.default_rng(0).integers(0, 4000, (2, 3, 16, 16), dtype=np.uint16)
    viewer.add_image(data, scale=(1, 0.5, 0.16, 0.16), units=("second", "um", "um", "um"))
    widget = open_dock(viewer, title)
    for operation in operations(widget):
        assert not nameless(widget), operation
    if title == "Deconvolve":
        widget.operation = "richardson_lucy"
        assert widget.form["num_iter"].native.accessibleName() == "Iterations"
    if title == "Geometry":
        widget.operation = "rescale"
        assert widget.form["scale"]._row._fields[0].native.accessibleName() == "Scale y"


def luminance(color: QColor) -> float:
    """Relative luminance of a color in sRGB (WCAG 2.2)."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color.getRgbF()[:3]]
    return float(np.dot(parts, (0.2126, 0.7152, 0.0722)))


def contrast(one: QColor, other: QColor) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def edge(widget: QWidget) -> QColor:
    """The color at the middle of the left edge of a widget, as its dock draws it."""
    image = widget.grab().toImage()
    return image.pixelColor(QPoint(1, image.height() // 2))


@pytest.mark.drawn
@pytest.mark.usefixtures("_active")
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_focus_is_seen(viewer: Any, dock: Any, qtbot: Any, theme: str) -> None:
    viewer.add_image(np.zeros((20, 30)))
    viewer.theme = theme
    widget = dock("geometry")
    widget.operation = "rotate"
    widget.fold.is_open = True
    process_events()
    box, tick = widget.form["angle"].native, widget.options.hide_source
    for field in (widget.picker, widget.operations.help, box, tick, widget.fold.arrow, widget.run_button):
        widget.operations.choice.setFocus()
        process_events()
        before = edge(field)
        field.setFocus()
        process_events()
        after = edge(field)
        assert contrast(after, before) >= LEAST_CONTRAST, (type(field).__name__, before.name(), after.name())
        if isinstance(field, QCheckBox):
            assert field.isChecked()
    widget.findChild(QScrollArea).setFocus()
    process_events()
    assert widget.findChild(QWidget, "focus ring") is None  # around the whole form it would be no help
    box.setFocus()
    box.resize(box.width() - 9, box.height())
    process_events()
    assert box.findChild(QWidget, "focus ring").size() == box.size()
