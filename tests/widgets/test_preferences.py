"""The Preferences page: its choices reach docks and runs at once."""

import re
import threading
from collections.abc import Callable
from typing import Any

import dask
import numpy as np
import pytest
from dask import array as da
from event_loop import process_events
from mouse_and_keys import Hand, choose_by_key, close_by_mouse, type_number
from napari._qt.dialogs.preferences_dialog import PreferencesDialog
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLineEdit

from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.dock.options_panel import RANGES
from napari_mathimg.widgets.perspective.corners_panel import CornersPanel
from napari_mathimg.widgets.settings import preferences
from napari_mathimg.widgets.settings.preferences import settings

Opener = Callable[[str], FamilyDock]
Press = Callable[[FamilyDock], None]
LEFT = Qt.MouseButton.LeftButton


def test_every_choice_of_the_preferences_page_means_something() -> None:
    for name in preferences.OUTPUT_TYPES:
        settings().results.output_type = name
        assert preferences.default_options()["dtype"] == preferences.OUTPUT_TYPES[name]
    assert {*preferences.VALUE_RANGES.values()} == {*RANGES} - {"custom"}
    schema = type(settings()).model_json_schema()["$defs"]
    offered = {name: p["enum"] for part in schema.values() for name, p in part["properties"].items() if "enum" in p}
    assert offered == {
        "output_type": list(preferences.OUTPUT_TYPES),
        "value_range": list(preferences.VALUE_RANGES),
        "marks": list(preferences.COLORS),
    }


def page_of(viewer: Any, qtbot: Any) -> PreferencesDialog:
    dialog = PreferencesDialog(parent=viewer.window._qt_window)
    qtbot.addWidget(dialog)
    dialog.show()
    (row,) = (k for k in range(dialog._list.count()) if dialog._list.item(k).text() == "Mathematical Imaging")
    dialog._list.setCurrentRow(row)
    return dialog


def field(dialog: PreferencesDialog, name: str) -> Any:
    (found,) = (w for w in dialog._stack.currentWidget().findChildren(object) if getattr(w, "_name", None) == name)
    return found


def test_defaults_of_the_preferences_page_reach_docks_open_and_new(
    viewer: Any, dock: Opener, qtbot: Any, again: Any, stack: Any
) -> None:
    viewer.add_image(stack)
    widget = dock("intensity")
    widget.operation = "adjust_gamma"
    dialog = page_of(viewer, qtbot)
    for _ in range(2):
        QTest.keyClick(field(dialog, "output_type"), Qt.Key.Key_Down)
    QTest.keyClick(field(dialog, "value_range"), Qt.Key.Key_Down)
    dialog.accept()
    assert (widget.options.dtype.currentData(), widget.options.value_range.currentData()) == ("float32", "dtype")
    assert dock("noise").options.dtype.currentData() == "float32"
    choose_by_key(widget.options.dtype, "same")
    widget = again(widget)
    chosen = widget.options.dtype.currentData(), widget.options.value_range.currentData()
    assert chosen == ("same", "dtype")
    process_events()
    close_by_mouse(widget, qtbot)
    settings().results.value_range = "contrast limits"
    assert dock("intensity").options.value_range.currentData() == "limits"


def test_a_preferences_dialog_that_is_canceled_changes_nothing(viewer: Any, dock: Opener, qtbot: Any) -> None:
    viewer.add_image(np.zeros((20, 30)))
    widget = dock("intensity")
    widget.operation = "adjust_gamma"
    dialog = page_of(viewer, qtbot)
    QTest.keyClick(field(dialog, "value_range"), Qt.Key.Key_Down)
    assert widget.options.value_range.currentData() == "dtype"
    dialog.reject()
    assert widget.options.value_range.currentData() == "data"


@pytest.mark.parametrize("dtype", ["u2", "f4"])  # which are read when they are run, and when they are looked through
def test_a_run_keeps_to_the_threads_and_the_memory_that_are_set(
    viewer: Any, dock: Opener, press: Press, qtbot: Any, notifications: list[Any], dtype: str
) -> None:
    seen: set[str] = set()
    several, wanted = threading.Event(), 1

    def watched(block: Any) -> Any:
        """Let the first thread wait for another where there may be one: on a busy machine it could do all alone."""
        name = threading.current_thread().name
        seen.update({name} if name.startswith("mathimg_") else ())
        if len(seen) >= wanted:
            several.set()
        assert not name.startswith("mathimg_") or several.wait(60)
        return block

    ones = da.ones((6000 // np.dtype(dtype).itemsize, 2000), chunks=200, dtype=dtype)
    viewer.add_image(ones.map_blocks(watched, dtype=dtype, meta=np.ones((1, 1), dtype)), contrast_limits=(0, 1))
    widget = dock("denoise")
    widget.operation = "gaussian"
    dialog = page_of(viewer, qtbot)
    threads = field(dialog, "threads").findChild(QLineEdit)
    for count in (1, 3):
        type_number(qtbot, threads, str(count))
        assert settings().computing.threads == count
        with dask.config.set(scheduler="synchronous"):
            seen.clear()
            several.clear()
            wanted = min(count, 2)
            press(widget)
            widget.picker.layer = viewer.layers[0]
        assert wanted <= len(seen) <= count
    field(dialog, "memory").setValue(0.01)
    before = len(viewer.layers)
    press(widget)
    assert re.search(r"lazy, because .* needs 0\.0\d+\sGiB, but 0\.01\sGiB are allowed", widget.message.text())
    assert not notifications
    assert len(viewer.layers) == before + 1


def test_marks_take_another_color_at_once(hand: Hand, layer: Any, opened: Any, viewer: Any, qtbot: Any) -> None:
    hand.pick(opened, layer)
    dialog = page_of(viewer, qtbot)
    QTest.keyClick(field(dialog, "marks"), Qt.Key.Key_Down)
    hand.settle(opened)
    outline = next(x for x in viewer.layers if x.name.endswith("outline"))
    cyan = np.array([0, 0xE5, 0xFF, 255]) / 255
    for colors in (opened.panel(CornersPanel).markers.points.border_color, outline.edge_color):
        np.testing.assert_allclose(colors, np.broadcast_to(cyan, colors.shape), atol=1e-6)
