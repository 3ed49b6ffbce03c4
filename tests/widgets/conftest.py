"""Fixtures for tests in a real window, with docks that are operated by real mouse and key events."""

import gc
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType, SimpleNamespace
from typing import Any

import napari._qt.layer_controls.qt_layer_controls_container
import napari._vispy.canvas
import napari.settings
import numpy as np
import pyqtgraph
import pytest
import vispy.gloo.glir
from event_loop import process_events
from histogram_checks import Settle
from mouse_and_keys import Hand, close_by_mouse
from napari._qt.qt_viewer import QtViewer
from napari._qt.widgets.qt_viewer_buttons import QtViewerPushButton
from napari._vispy.layers import image as layer_image
from napari.settings import NapariSettings, _clear_plugin_settings_cache
from napari.utils.events import EmitterGroup, EventedModel, EventEmitter
from npe2 import PluginManifest
from preview_window import spots, watched
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QWidget
from sessions import new_session
from shared_window import SharedWindow

from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.histogram.dock import HistogramDock
from napari_mathimg.widgets.lazy import kept_levels
from napari_mathimg.widgets.place.open_dock import open_dock

PATIENCE = 60_000  # timeout in milliseconds, generous for busy machines; passing tests do not wait that long
DRAWN = 8  # tests that draw in a window before it is replaced
ENDED = itertools.count(1)  # counts finished tests
PREVIEWS = (spots, watched)  # fixtures


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "own_window: a window is opened for this test, and closed after it")
    config.addinivalue_line("markers", "drawn: what is in the canvas is drawn")
    config.addinivalue_line("markers", "styled: the window has napari's style sheet: its fonts, colors and sizes")


class NoControls(QWidget):
    """Stands for napari's controls of a layer, which take longer to make than what most tests do."""

    _controls = ()

    def __init__(self, *layers: Any) -> None:
        super().__init__()
        self.ndisplay = 2
        self.setMinimumWidth(310)  # about that of the controls of an image


class MadeLater:
    """An attribute that is set to what makes a value: it is made at the first use."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __set__(self, owner: Any, make: Callable[[], Any]) -> None:
        vars(owner)[self._name] = make

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        if isinstance(value := vars(owner)[self._name], partial):
            vars(owner)[self._name] = value = value()
        return value


def makes_nodes_later(make: Callable[..., None]) -> Callable[..., None]:
    """Return what makes a layer's node for each kind of image, but those for tiles and volumes when there are some."""
    kinds = {name: getattr(layer_image, name) for name in ("TiledImageNode", "VolumeNode")}

    def made(node: Any, *args: Any, **kwargs: Any) -> None:
        vars(layer_image).update({name: partial(partial, kind) for name, kind in kinds.items()})
        try:
            make(node, *args, **kwargs)
        finally:
            vars(layer_image).update(kinds)

    return made


def events_of(model: EventedModel) -> EmitterGroup:
    """Return napari's `EventedModel.events`, which are asked for millions of times, past pydantic's search for them."""
    if not (private := model.__pydantic_private__):
        raise AttributeError("events")
    events: EmitterGroup = private["_events"]
    return events


def remembered(takes_event: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Return napari's check of the signature of whatever is connected to an event, done once for each function."""
    found: dict[tuple[CodeType, bool], bool] = {}

    def checked(callback: Any) -> bool:
        function = getattr(callback, "__func__", callback)
        if not isinstance(function, FunctionType) or vars(function):  # what is wrapped has attributes
            return takes_event(callback)
        key = function.__code__, function is callback
        if key not in found:
            found[key] = takes_event(callback)
        return found[key]

    return checked


@pytest.fixture(scope="session", autouse=True)
def _quick_housekeeping() -> Iterator[None]:
    """Discover plugins only once, load slow modules, and keep napari's settings off the disk."""
    found = list(PluginManifest.discover())
    for name in ("napari._qt.qt_main_window", "napari._vispy.canvas", "napari_mathimg.widgets.lens.dock"):
        import_module(name)
    gc.freeze()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PluginManifest, "discover", classmethod(lambda cls, *args, **kwargs: iter(found)))
        patch.setattr(NapariSettings, "_maybe_save", lambda self: None)
        # napari collects garbage after each removed layer; here, this is done once after each test.
        patch.setattr(napari._vispy.canvas, "gc", SimpleNamespace(collect=lambda: 0))
        # Deleting a program at the next draw can crash Mesa's software renderer.
        patch.setattr(vispy.gloo.glir.GlirProgram, "delete", lambda self: None)
        container = napari._qt.layer_controls.qt_layer_controls_container
        patch.setattr(container, "create_qt_layer_controls", NoControls)
        patch.setattr(container, "QtDynamicLayerControls", NoControls)
        patch.setattr(QtViewerPushButton, "_refresh_qss", lambda self: None)
        nodes = layer_image.ImageLayerNode
        patch.setattr(nodes, "__init__", makes_nodes_later(nodes.__init__))
        for name in ("_tiledimage_node", "_volume_node"):
            patch.setattr(nodes, name, MadeLater(name), raising=False)
        patch.setattr(EventedModel, "events", property(events_of))
        patch.setattr(EventEmitter, "_check_signature", staticmethod(remembered(EventEmitter._check_signature)))
        patch.setitem(pyqtgraph.CONFIG_OPTIONS, "mouseRateLimit", -1)  # do not drop mouse moves in quick succession
        yield


@pytest.fixture(autouse=True)
def _quick_collections(request: pytest.FixtureRequest) -> Iterator[None]:
    """Exclude existing objects from garbage collection, except now and then."""
    yield
    is_checked = "viewer" in request.fixturenames and request.node.get_closest_marker("own_window") is None
    if is_due := next(ENDED) % 300 == 0:
        gc.unfreeze()
    if is_due or not is_checked:  # the check of the shared window has just collected
        gc.collect()  # or what a test leaves behind would stay, and be held against a later one
    gc.freeze()


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Keep the plugin's files in a folder of the test, so that the user's are neither read nor written."""
    monkeypatch.setattr(kept_levels, "folder", lambda: tmp_path / "levels")
    monkeypatch.setattr(napari.settings, "_CFG_PATH", str(tmp_path / "settings.yaml"))
    napari.settings._clear_plugin_settings_cache()
    yield
    napari.settings._clear_plugin_settings_cache()
    new_session()


@pytest.fixture
def qtbot(qtbot: Any) -> Any:
    """pytest-qt's fixture with a longer timeout."""
    for name in ("waitUntil", "waitSignal", "waitSignals"):
        setattr(qtbot, name, partial(getattr(qtbot, name), timeout=PATIENCE))
    return qtbot


class Keeper:
    """Keeps the window that tests share, and opens a new one after a test that could not be cleaned up.

    OpenGL programs are made when they draw and deleted with their window only, so it is replaced after `DRAWN` tests.
    """

    def __init__(self) -> None:
        self.shown: SharedWindow | None = None
        self._drawn = 0

    def window(self, draws: bool) -> SharedWindow:
        """Return the window for a test that draws in it or does not."""
        if self._drawn >= DRAWN:
            self.close()
            self._drawn = 0
        self._drawn += draws
        if self.shown is None:
            gc.freeze()  # all that there is has just been looked through
            self.shown = SharedWindow()
            gc.collect()
            gc.freeze()
        self.shown.reset_settings()  # a test with a window of its own may have changed them
        return self.shown

    def close(self) -> None:
        window, self.shown = self.shown, None
        gc.unfreeze()
        if window is not None:
            window.close()


@pytest.fixture(scope="session")
def keeper(qapp: Any) -> Iterator[Keeper]:
    keeper = Keeper()
    yield keeper
    keeper.close()


@pytest.fixture
def _apart() -> Iterator[None]:
    """Hide the shared window from napari's check for windows that were not closed."""
    others = list(QtViewer._instances)
    QtViewer._instances.clear()
    yield
    QtViewer._instances.update(others)


@pytest.fixture
def fresh_viewer(_apart: None, make_napari_viewer: Callable[..., Any]) -> Any:
    """A viewer in a window of its own."""
    viewer = make_napari_viewer(show=True)
    process_events()
    return viewer


@pytest.fixture
def viewer(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A viewer without layers and docks, in the shared window unless the test is marked `own_window`."""
    if request.node.get_closest_marker("own_window"):
        yield request.getfixturevalue("fresh_viewer")
        return
    keeper: Keeper = request.getfixturevalue("keeper")
    draws = request.node.get_closest_marker("drawn") is not None
    window = keeper.window(draws)
    window.show_style(draws or request.node.get_closest_marker("styled") is not None)
    if draws or "hand" in request.fixturenames:
        window.draw_image(scene=draws)
    yield window.viewer
    try:
        window.reset()
        window.check()
    except BaseException:
        with suppress(AssertionError):  # what failed may hold on to it
            keeper.close()
        raise


@pytest.fixture
def dock(viewer: Any) -> Callable[[str], FamilyDock]:
    def opened(family: str) -> FamilyDock:
        """Open a dock with its options unfolded."""
        widget: FamilyDock = open_dock(viewer, family)
        if isinstance(widget, FamilyDock):
            widget.fold.is_open = True
        return widget

    return opened


@pytest.fixture
def press(qtbot: Any) -> Callable[[FamilyDock], None]:
    """Click Run with the mouse and wait until the run has ended."""

    def click(widget: FamilyDock) -> None:
        qtbot.waitUntil(widget.run_button.isVisible)
        with qtbot.waitSignal(widget.task.finished):
            qtbot.mouseClick(widget.run_button, Qt.MouseButton.LeftButton)

    return click


@pytest.fixture
def notifications() -> Iterator[list[Any]]:
    """All notifications that napari dispatches."""
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
    process_events()  # the window lays itself out
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
        """Process events until all counting and runs have finished."""
        process_events()
        end = time.monotonic() + 20
        while dock.is_counting or dock.task.is_running:
            assert time.monotonic() < end, "no end of counting"
            QTest.qWait(2)
        process_events()

    return wait


@pytest.fixture
def again(viewer: Any, qtbot: Any) -> Callable[[FamilyDock], FamilyDock]:
    """Close a dock with the mouse, and open it in what stands for the next session: all is read from files anew."""

    def close_and_open(widget: FamilyDock) -> FamilyDock:
        family = getattr(widget, "family", "Histogram")
        process_events()
        close_by_mouse(widget, qtbot)
        new_session()
        _clear_plugin_settings_cache()
        anew: FamilyDock = open_dock(viewer, family)
        qtbot.waitUntil(anew.isVisible)
        return anew

    return close_and_open
