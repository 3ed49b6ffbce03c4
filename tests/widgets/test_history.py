"""The History dock: every button by real events, and what it makes of a chain."""

from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from history_checks import equal, fresh, made, opened, recorded, settled
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def cells(viewer: Any, stack: Any) -> Any:
    return viewer.add_image(stack, name="cells", scale=(2, 0.5, 0.5), units="um")


def press(button: Any, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: button.isVisible() and button.isEnabled())
    QTest.mouseClick(button, LEFT)


def choose(dock: Any, number: int, qtbot: Any) -> None:
    """Click a step, -1 for the source."""
    place = dock.steps.visualItemRect(dock.steps.item(number + 1)).center()
    QTest.mouseClick(dock.steps.viewport(), LEFT, pos=place)
    settled(dock, qtbot)


def ran(dock: Any, qtbot: Any) -> None:
    with qtbot.waitSignal(dock.task.finished):
        press(dock.run_button, qtbot)
    settled(dock, qtbot)


def test_it_lists_the_steps_of_the_active_layer(viewer: Any, qtbot: Any, cells: Any) -> None:
    last = made(viewer, cells)
    dock = opened(viewer, qtbot)
    assert dock.layer is last
    texts = [dock.steps.item(k).text() for k in range(dock.steps.count())]
    assert texts[0] == "Source: cells"
    assert [text.split("  ")[0].split("\n")[0] for text in texts[1:]] == [
        "1. Gaussian filter", "2. Rescale intensity", "3. Median filter",
    ]  # fmt: skip
    assert "sigma 1.5" in texts[1]
    seconds = [step["seconds"] for step in last.metadata["napari_mathimg"]]
    assert all(s > 0 for s in seconds)
    assert all("s" in text.split("\n")[0].split("  ")[-1] for text in texts[1:])


def test_choosing_a_step_shows_its_result(viewer: Any, qtbot: Any, cells: Any) -> None:
    last = made(viewer, cells)
    dock = opened(viewer, qtbot)
    layers = [*viewer.layers]
    choose(dock, 0, qtbot)
    shown = dock.live.shown.layer
    assert shown.name == "1. Gaussian filter"
    assert viewer.layers.selection.active is last
    assert dock.state.whole() == "exact"
    choose(dock, 1, qtbot)
    assert dock.live.shown.layer.name == "2. Rescale intensity"
    assert [layer for layer in viewer.layers if layer is not dock.live.shown.layer] == layers
