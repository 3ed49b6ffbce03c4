"""A real window, and docks driven by real mouse and key events."""

import gc
import itertools
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import napari.settings
import numpy as np
import pytest
import vispy.gloo.glir
from counted import Settle
from hand import Hand
from napari.settings import NapariSettings
from npe2 import PluginManifest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.dock.open_dock import open_dock
from napari_mathimg.widgets.histogram.dock import HistogramDock

ENDED = itertools.count(1)  # tests


@pytest.fixture(scope="session", autouse=True)
def _quick_housekeeping() -> Iterator[None]:
    """Look once for what is installed, and keep napari's own settings off the disk."""
    found = list(PluginManifest.discover())
    for name in ("napari._qt.qt_main_window", "napari._vispy.canvas", "napari_mathimg.widgets.lens.dock"):
        import_module(name)
    gc.collect()
    gc.freeze()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PluginManifest, "discover", classmethod(lambda cls, *args, **kwargs: iter(found)))
        patch.setattr(NapariSettings, "_maybe_save", lambda self: None)
        yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _quick_collections() -> Iterator[None]:
    """Let collections, of which napari asks one for each layer, pass over what is there by now; but now and then."""
    yield
    if next(ENDED) % 40 == 0:
        gc.unfreeze()
        gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_crash_in_mesa(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleting a program at the next draw can crash Mesa's software renderer."""
    monkeypatch.setattr(vispy.gloo.glir.GlirProgram, "delete", lambda self: None)


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Settings of the plugin in a folder of the test's own: the user's are neither read nor written."""
    monkeypatch.setattr(napari.settings, "_CFG_PATH", str(tmp_path / "settings.yaml"))
    napari.settings._clear_plugin_settings_cache()
    yield
    napari.settings._clear_plugin_settings_cache()


@pytest.fixture
def viewer(make_napari_viewer: Callable[..., Any]) -> Any:
    return make_napari_viewer(show=True)


@pytest.fixture
def dock(viewer: Any) -> Callable[[str], FamilyDock]:
    return lambda family: open_dock(viewer, family)


@pytest.fixture
def press(qtbot: Any) -> Callable[[FamilyDock], None]:
    """Click Run with the mouse and wait until the run has ended."""

    def click(widget: FamilyDock) -> None:
        qtbot.waitUntil(widget.run_button.isVisible)
        with qtbot.waitSignal(widget.task.finished, timeout=20_000):
            qtbot.mouseClick(widget.run_button, Qt.MouseButton.LeftButton)

    return click


@pytest.fixture
def notifications() -> Iterator[list[Any]]:
    """Every notification napari dispatches."""
    from napari.utils.notifications import notification_manager

    seen: list[Any] = []
    notification_manager.notification_ready.connect(seen.append)
    yield seen
    notification_manager.notification_ready.disconnect(seen.append)


@pytest.fixture
def stack() -> Any:
    return np.random.default_rng(1).integers(100, 4000, (5, 40, 50), dtype=np.uint16)


@pytest.fixture
def hand(viewer: Any, qtbot: Any) -> Hand:
    viewer.window._qt_window.resize(900, 640)
    return Hand(viewer, qtbot)


@pytest.fixture
def opened(viewer: Any, dock: Any, qtbot: Any) -> Any:
    widget = dock("perspective")
    qtbot.waitUntil(widget.isVisible)
    qtbot.wait(30)  # the window lays itself out
    return widget


@pytest.fixture
def image() -> Any:
    rng = np.random.default_rng(3)
    return np.kron(rng.integers(0, 4000, (9, 12)), np.ones((10, 10), int)).astype(np.uint16)


@pytest.fixture
def layer(viewer: Any, image: Any, opened: Any, hand: Hand) -> Any:
    return viewer.add_image(image, name="sign")


@pytest.fixture
def histogram(viewer: Any, settle: Settle) -> HistogramDock:
    dock: HistogramDock = open_dock(viewer, "Histogram")
    settle(dock)
    return dock


@pytest.fixture
def settle() -> Settle:
    def wait(dock: HistogramDock) -> None:
        """Let the window live until nothing is to come."""
        end = time.monotonic() + 20
        while True:
            QTest.qWait(2)
            if not dock.is_counting and not dock.task.is_running:
                return
            assert time.monotonic() < end, "no end of counting"

    return wait
