"""The window that tests share."""

from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from mouse_and_keys import QUAD, Hand
from qtpy.QtCore import Qt
from shared_window import differences, state


def test_it_is_as_one_that_was_just_opened(viewer: Any, fresh_viewer: Any) -> None:
    shared = state(viewer)
    assert differences(state(fresh_viewer), shared) == {}


@pytest.mark.drawn
def test_it_is_set_back_whatever_was_done_in_it(keeper: Any, qtbot: Any, dock: Any, viewer: Any) -> None:
    window, found = keeper.shown, state(viewer)
    viewer.window._qt_window.resize(1200, 900)
    layer = viewer.add_image(np.zeros((3, 4, 90, 120)), scale=(2, 1, 0.5, 0.5), units=("s", "um", "um", "um"))
    viewer.theme = "light"
    viewer.canvas.grid.enabled = True
    viewer.canvas.grid.shape, viewer.canvas.grid.stride = (2, 2), -1
    viewer.dims.order, viewer.dims.ndisplay = (1, 0, 3, 2), 3
    viewer.dims.set_current_step(0, 2)
    viewer.scene.camera.zoom, viewer.scene.camera.angles = 7, (10, 20, 30)
    viewer.dims.ndisplay = 2
    viewer.cursor.style = "cross"
    for family in ("perspective", "geometry", "Histogram"):
        dock(family)
    Hand(viewer, qtbot).press(layer, QUAD[0])
    viewer.window._qt_viewer.dockLayerList.hide()
    controls = viewer.window._qt_viewer.dockLayerControls
    viewer.window._qt_window.resizeDocks([controls], [500], Qt.Orientation.Horizontal)
    process_events()
    assert controls.width() == 500
    assert state(viewer) != found
    window.reset()
    window.check()
    assert differences(found, state(viewer)) == {}
    assert controls.width() < 400
