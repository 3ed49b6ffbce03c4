"""A dock whose preview is watched, for tests in a window."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from qtpy.QtCore import Qt

from napari_mathimg.widgets.dock import run_panel
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.preview.computed import Update

LEFT = Qt.MouseButton.LeftButton


class Watched:
    """A dock whose preview is watched."""

    def __init__(self, widget: FamilyDock, qtbot: Any) -> None:
        self.widget, self.qtbot, self.panel, self.live = widget, qtbot, widget.preview, widget.preview.live
        self.states: list[tuple[str, str]] = []
        self.updates: list[Update | None] = []
        self.live.said.connect(lambda *said: self.states.append(said))
        self.live.worker.told.connect(lambda serial, update, what: self.updates.append(update))

    @property
    def layer(self) -> Any:
        return self.live.shown.layer

    def tick(self, is_on: bool = True) -> None:
        if self.panel.tick.isChecked() is not is_on:
            self.qtbot.mouseClick(self.panel.tick, LEFT)
        self.settle()

    def settle(self) -> None:
        """Wait until what was asked for last is shown."""
        process_events()
        self.qtbot.waitUntil(lambda: not self.live.is_busy)
        process_events()

    def pixels(self) -> Any:
        """The part of the result that is shown, with what is left of it in the view."""
        return np.squeeze(np.asarray(self.layer.data))


@pytest.fixture
def watched(
    viewer: Any, dock: Callable[[str], FamilyDock], qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Watched]:
    """Open a dock whose preview is watched; no kernels are loaded for the first run of what it shows."""
    monkeypatch.setattr(run_panel, "load_kernels", lambda *args: None)

    def opened(family: str, operation: str, **parameters: Any) -> Watched:
        widget = dock(family)
        widget.fold.is_open = False
        widget.operation = operation
        process_events()
        for name, value in parameters.items():
            widget.form[name].value = value
        process_events()
        viewer.reset_view()
        return Watched(widget, qtbot)

    return opened


@pytest.fixture
def spots(viewer: Any) -> Any:
    return viewer.add_image(np.random.default_rng(0).integers(0, 4000, (60, 80), dtype=np.uint16), name="spots")
