"""A napari window that many tests share, and that is reset to its initial state after each."""

import gc
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from copy import deepcopy
from typing import Any
from unittest.mock import patch
from weakref import ReferenceType

import napari
import numpy as np
from event_loop import process_events
from napari._app_model._app import NapariApplication, _napari_names
from napari._qt._qapp_model.qactions import init_qactions
from napari._qt.dialogs.qt_notification import NapariQtNotification
from napari._qt.qt_viewer import QtViewer
from napari._qt.threads.status_checker import StatusChecker
from napari.plugins import _initialize_plugins
from napari.settings import get_settings
from napari.utils.events import EmitterGroup, EventedModel, EventEmitter
from napari.utils.notifications import notification_manager
from psygnal import SignalInstance
from qtpy.compat import isalive
from qtpy.QtCore import QCoreApplication, QEvent, QObject, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDockWidget, QWidget
from vispy.scene import SceneCanvas

OURS = "napari_mathimg"
NUMBERS = itertools.count(1)  # numbers the windows
PATIENCE = 30  # seconds to wait for a canceled run to end


class NoResize(QObject):
    """Hides from vispy that the canvas is resized, as by each dock: it would set the transforms of all visuals anew."""

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        return event is not None and event.type() == QEvent.Type.Resize


class SharedWindow:
    """A viewer in a window that is reset to its initial state after each test.

    Sharing it saves time, because opening and closing a window takes longer than most tests.
    """

    def __init__(self) -> None:
        self._patches, self.has_scene, self.has_style = ExitStack(), True, True
        self._app = NapariApplication(f"test window {next(NUMBERS)}")
        self._app.injection_store.namespace = _napari_names
        for owner, name, other in (
            (NapariApplication, "get_app_model", lambda *args: self._app),
            (StatusChecker, "start", lambda *args: None),  # do not start napari's status thread
            (QtViewer, "_get_console", lambda viewer: QWidget()),
            (SceneCanvas, "_draw_scene", self._draw_scene(SceneCanvas._draw_scene)),
        ):
            self._patches.enter_context(patch.object(owner, name, other))
        get_settings().reset()
        _initialize_plugins.cache_clear()
        init_qactions.cache_clear()
        self.viewer = napari.Viewer(show=True, show_welcome_screen=False)
        self.window = self.viewer.window._qt_window
        assert QTest.qWaitForWindowExposed(self.window)
        process_events()
        self._no_resize = NoResize(self.window)
        for widget in (self.window, self.viewer.window._qt_viewer):
            widget.setStyleSheet = self._set_style_sheet(widget.setStyleSheet)
        self.draw_image(False)
        self.show_style(False)
        self._layout, self._size = self.window.saveState(), self.window.size()
        self._models = {name: model.model_dump() for name, model in _models(self.viewer).items()}
        self._found = state(self.viewer)

    def _draw_scene(self, draw: Callable[..., None]) -> Callable[..., None]:
        """Return what draws the scene of any canvas, but leaves that of this window out where it need not be seen."""

        def drawn(canvas: Any, *args: Any, **kwargs: Any) -> None:
            if self.has_scene or canvas is not self.viewer.window._qt_viewer.canvas._scene_canvas:
                draw(canvas, *args, **kwargs)

        return drawn

    def _set_style_sheet(self, put: Callable[[str], None]) -> Callable[[str], None]:
        """Return what sets a style sheet where this window has one."""
        return lambda text: put(text if self.has_style else "")

    def show_style(self, on: bool) -> None:
        """Take napari's style sheet, or none: with it, opening a dock takes twice the time."""
        if on != self.has_style:
            self.has_style = on
            self.viewer.window._update_theme()
            process_events()

    def draw_image(self, on: bool = True, scene: bool = True) -> None:
        """Draw the window and its canvas from now on, with what is in it, or not: that takes longer than most tests.

        A canvas that is drawn without its scene does all else that napari does at a drawing.
        """
        canvas, self.has_scene = self.viewer.window._qt_viewer.canvas, scene
        self.window.setUpdatesEnabled(on)
        canvas.native.setUpdatesEnabled(on)
        if not on:
            process_events()  # from here on, the canvas has the size of the initial window
            canvas.native.installEventFilter(self._no_resize)
        else:
            canvas.native.removeEventFilter(self._no_resize)
            QCoreApplication.sendEvent(canvas.native, QResizeEvent(canvas.native.size(), canvas.native.size()))
            canvas._scene_canvas._update_pending = False  # vispy would wait for a drawing that Qt left out meanwhile
            canvas._scene_canvas.update()
            process_events()

    def reset(self) -> None:
        """Remove everything that a test has added to the window, and reset all other state."""
        viewer, canvas = self.viewer, self.viewer.window._qt_viewer.canvas
        if QApplication.mouseButtons() or canvas.native._vispy_mouse_data["press_event"] is not None:
            QTest.mouseRelease(canvas.native, Qt.MouseButton.LeftButton)
        process_events()
        self.window.setUpdatesEnabled(False)  # nothing is painted until all is as it was
        viewer.window.remove_dock_widget("all")
        process_events()
        viewer.layers.selection.clear()
        viewer.layers.clear()
        self._wait_for_runs()
        for notification in filter(isalive, list(NapariQtNotification._instances)):
            notification.close()
            notification.deleteLater()
        NapariQtNotification._instances.clear()  # the others were deleted with their windows
        notification_manager.records.clear()
        viewer.dims.ndisplay, viewer.dims.ndim = 2, 2
        viewer.dims.reset()
        for name, model in _models(viewer).items():
            _set_back(model, self._models[name])
        viewer.scene.camera._cached_2d_state = viewer.scene.camera._cached_3d_state = None
        if self.window.size() != self._size:
            self.window.resize(self._size)
            process_events()
        self.window.restoreState(self._layout)  # napari's layer controls keep the largest size they have had
        self.viewer.window._qt_viewer.setFocus()
        self.reset_settings()
        self.draw_image(False)
        process_events()

    def reset_settings(self) -> None:
        """Reset napari's settings, which all windows share."""
        for name, values in self._found["settings"].items():
            section = getattr(get_settings(), name)
            if isinstance(section, EventedModel) and section.model_dump() != values:
                section.update(deepcopy(values))

    def check(self) -> None:
        """Fail if a test has left something behind."""
        gc.collect()
        process_events()
        now = state(self.viewer)
        assert not (left := differences(self._found, now)), f"not as it was found: {left}"

    def close(self) -> None:
        """Close the window, and fail if part of it stays alive."""
        with patch.object(self.window, "_save_current_window_settings"):
            self.viewer.close()
        del self.viewer, self.window
        self._patches.close()
        NapariApplication.destroy(self._app.name)
        process_events()
        gc.collect()
        assert not list(QtViewer._instances)

    @staticmethod
    def _wait_for_runs() -> None:
        for thread in threading.enumerate():
            if thread.name == "mathimg run":
                thread.join(PATIENCE)
        process_events()


def _models(viewer: Any) -> dict[str, Any]:
    scene, canvas = viewer.scene, viewer.canvas
    return {"camera": scene.camera, "grid": canvas.grid, "cursor": viewer.cursor, "dims": viewer.dims, "viewer": viewer}


def _set_back(model: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        field = type(model).model_fields[name]
        plain = not field.frozen and not isinstance(getattr(model, name), EmitterGroup)
        if plain and name != "mouse_over_canvas" and not np.array_equal(getattr(model, name), value):
            setattr(model, name, value)


def differences(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Return the entries that differ between two states, as (before, now)."""
    found: dict[str, Any] = {}
    for name in before.keys() | now.keys():
        a, b = before.get(name), now.get(name)
        if a != b:
            found[name] = differences(a, b) if isinstance(a, dict) and isinstance(b, dict) else (a, b)
    return found


def state(viewer: Any) -> dict[str, Any]:
    """Return everything that a test may change in a window."""
    window, canvas = viewer.window._qt_window, viewer.window._qt_viewer.canvas
    dims, camera, grid = viewer.dims, viewer.scene.camera, viewer.canvas.grid
    docks = {d.windowTitle(): (d.isVisible(), d.isFloating()) for d in window.findChildren(QDockWidget)}
    callbacks = ("mouse_move", "mouse_drag", "mouse_wheel", "mouse_double_click")
    return {
        "layers": [layer.name for layer in viewer.layers],
        "docks": docks,
        "size": window.size(),
        "theme": viewer.theme,
        "dims": (dims.ndim, dims.ndisplay, dims.order, dims.point, dims.range, dims.axis_labels, dims.units),
        "camera": (tuple(camera.center), camera.zoom, tuple(camera.angles), camera.mouse_pan, camera.mouse_zoom),
        "grid": (grid.enabled, grid.stride, grid.shape, grid.spacing),
        "cursor": (str(viewer.cursor.style), viewer.cursor.size),
        "mouse": canvas.native._vispy_mouse_data["press_event"],
        "callbacks": {name: len(getattr(viewer, f"{name}_callbacks")) for name in callbacks},
        "drags": (dict(viewer._mouse_drag_gen), dict(viewer._persisted_mouse_event)),
        "keys": len(viewer.keymap),
        "overlays": (sorted(viewer.scene.overlays), sorted(viewer.canvas.overlays)),
        "visuals": len(canvas.layer_to_visual),
        "notifications": (len(NapariQtNotification._instances), len(notification_manager.records)),
        "modal": (QApplication.activeModalWidget(), QApplication.activePopupWidget(), QApplication.overrideCursor()),
        "settings": get_settings().model_dump(),
        "our widgets": our_objects(),
        "our connections": our_connections(viewer),
        "our runs": [t.name for t in threading.enumerate() if t.name == "mathimg run"],
    }


def our_objects() -> list[str]:
    """Return the class names of the plugin's Qt objects that are still in a window."""
    everywhere = [w for top in QApplication.topLevelWidgets() for w in [top, *top.findChildren(QObject)]]
    return sorted(type(w).__name__ for w in everywhere if type(w).__module__.startswith(OURS))


def our_connections(viewer: Any) -> list[str]:
    """Return the plugin's connections to events of the viewer."""
    groups = [
        viewer.events, viewer.layers.events, viewer.layers.selection.events, viewer.dims.events,
        viewer.scene.camera.events, viewer.scene.overlays.events, viewer.canvas.grid.events,
        viewer.canvas.overlays.events, viewer.cursor.events,
    ]  # fmt: skip
    return sorted(f"{heard} {name}" for group in groups for name, e in _emitters(group) for heard in _heard_by(e))


def _emitters(group: Any) -> Iterator[tuple[str, Any]]:
    yield "any", group
    yield from (group.emitters if isinstance(group, EmitterGroup) else getattr(group, "signals", {})).items()


def _heard_by(emitter: Any) -> Iterator[str]:
    if isinstance(emitter, EventEmitter):
        for callback in emitter.callbacks:
            held = callback[0] if isinstance(callback, tuple) else callback
            owner = held() if isinstance(held, ReferenceType) else held
            module = type(owner).__module__ if isinstance(callback, tuple) else getattr(owner, "__module__", "")
            if (module or "").startswith(OURS) and type(owner).__name__ != "GridView":  # there is one for a viewer
                yield type(owner).__name__
    elif isinstance(emitter, SignalInstance):
        yield from (repr(slot) for slot in emitter._slots if OURS in repr(slot))
