"""Open every dock once on PySide6: each option chosen, a run, a cancel, a close during a run.

scripts/pyside6 makes the environment and runs this on a virtual screen. Any warning of ours, any exception in a slot
and any error that Qt reports fails it.
"""

import os
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

os.environ["QT_API"] = "pyside6"
warnings.filterwarnings("error", module="napari_mathimg")

import napari._vispy.canvas  # noqa: E402  # after the choice of Qt
import napari.layers.shapes.shapes  # noqa: E402
import numpy as np  # noqa: E402
import qtpy  # noqa: E402
from qtpy.compat import isalive  # noqa: E402
from qtpy.QtCore import Qt  # noqa: E402
from qtpy.QtTest import QTest  # noqa: E402
from qtpy.QtWidgets import QAbstractSpinBox, QApplication, QCheckBox, QComboBox, QWidget  # noqa: E402

from napari_mathimg.catalog import FAMILIES  # noqa: E402
from napari_mathimg.widgets.dock import run_panel  # noqa: E402
from napari_mathimg.widgets.lens import lens_panel  # noqa: E402
from napari_mathimg.widgets.perspective.corners_panel import CornersPanel  # noqa: E402
from napari_mathimg.widgets.place.entries import OTHERS  # noqa: E402
from napari_mathimg.widgets.place.open_dock import open_dock  # noqa: E402

PATIENCE = 120  # seconds that a step may take on a busy machine
MOST = 12  # choices of a box that are made
LEFT = Qt.MouseButton.LeftButton
FAILURES: list[str] = []


class Held:
    """An array whose reads in other threads wait until it is let go."""

    def __init__(self, array: Any) -> None:
        self.array, self.shape, self.dtype, self.ndim = array, array.shape, array.dtype, array.ndim
        self.free = threading.Event()

    def __getitem__(self, key: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            self.free.wait(PATIENCE)
        return self.array[key]


def load_none(*args: Any) -> None:
    """Stand for the compilation of an operation's kernels as soon as it is chosen: only runs compile theirs."""


def failed(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """Note an exception that reached the event loop."""
    FAILURES.append("".join(traceback.format_exception(kind, error, trace)))


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Process events until a condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        QApplication.processEvents()
        time.sleep(0.005)


def settle() -> None:
    """Process the events at hand."""
    for _ in range(3):
        QApplication.processEvents()


def choose_everything(dock: QWidget) -> None:
    """Choose each entry of each visible combo box, tick each box both ways, and step each number."""
    for box in dock.findChildren(QComboBox):
        first = box.currentIndex() if is_at_hand(box) else -1
        for index in [*range(min(box.count(), MOST)), first] if first >= 0 else ():
            if is_at_hand(box):
                box.setCurrentIndex(index)
                settle()
    for tick in dock.findChildren(QCheckBox):
        for _ in range(2):
            if is_at_hand(tick):
                tick.click()
                settle()
    for number in dock.findChildren(QAbstractSpinBox):
        if is_at_hand(number):
            number.stepUp()
            number.stepDown()
            settle()


def is_at_hand(field: QWidget) -> bool:
    """Return whether a field can be used; a choice in another one may have removed it."""
    return isalive(field) and field.isVisible() and field.isEnabled()


def press(button: QWidget) -> None:
    """Click a button with the mouse."""
    QTest.mouseClick(button, LEFT)
    settle()


def take_planes(dock: Any) -> None:
    """Process planes: the volumes have too few of them for the point-spread function."""
    dock.options.choose(dock.options.process, "planes")
    settle()


def walk_family(viewer: Any, family: str, stack: Any) -> None:
    """Work a dock: every option, every operation's form, then a run, a cancel and a close during a run.

    The window is painted once for each operation, and after everything that is done from the run on.
    """
    dock, window = open_dock(viewer, family), viewer.window._qt_window
    wait_until(dock.run_button.isVisible, f"{family}: shown")
    run = RUNS[family]
    for number, id in enumerate([run, *(id for id in dock.operations.operations if id != run)]):
        dock.operation = id
        settle()
        window.setUpdatesEnabled(False)
        choose_everything(dock.form.native if number else dock)
        window.setUpdatesEnabled(True)
        settle()
    dock.operation = run
    viewer.layers.selection.active = stack
    dock.reset()
    settle()
    if family == "perspective":
        dock.panel(CornersPanel).corners.choose("corners")
    if family == "deconvolve":
        take_planes(dock)
        dock.further_images.panels["psf"].kind = "gaussian"
    settle()
    count = len(viewer.layers)
    wait_until(dock.run_button.isEnabled, f"{family}: ready")
    press(dock.run_button)
    wait_until(lambda: not dock.task.is_running, f"{family}: run")
    settle()
    if len(viewer.layers) != count + 1:
        raise AssertionError(f"{family}: no result: {dock.message.text()}")

    held = Held(stack.data)
    layer = viewer.add_image(held, contrast_limits=(0, 4000), name="held", scale=stack.scale, units=stack.units)
    for is_closed in (False, True):
        held.free.clear()
        dock.picker.layer = layer
        settle()
        if family == "deconvolve":
            take_planes(dock)
        press(dock.run_button)
        if not dock.task.is_running:
            raise AssertionError(f"{family}: not begun: {dock.message.text()}")
        if is_closed:
            viewer.window.remove_dock_widget(dock)
        else:
            press(dock.cancel_button)
        held.free.set()
        settle()
        if not is_closed:
            wait_until(lambda: not dock.task.is_running, f"{family}: canceled")
            if "Canceled" not in dock.message.text():
                raise AssertionError(f"{family}: not canceled: {dock.message.text()}")
    wait_until(lambda: not [t for t in threading.enumerate() if t.name == "mathimg run"], f"{family}: ended")
    settle()
    viewer.layers.remove(layer)
    for result in [*viewer.layers][count:]:
        viewer.layers.remove(result)


RUNS = {  # the operations that are run and previewed: those whose kernels take the least time to compile
    "geometry": "rotate", "perspective": "rectify", "lens": "correct_distortion", "intensity": "adjust_gamma",
    "noise": "add_salt_and_pepper_noise", "denoise": "median", "blur": "gaussian", "deconvolve": "richardson_lucy",
}  # fmt: skip


def main() -> int:
    """Walk through all docks; return the number of failures."""
    if qtpy.API_NAME != "PySide6":
        raise SystemExit(f"PySide6 is not what qtpy found, but {qtpy.API_NAME}")
    for module in (run_panel, lens_panel):
        setattr(module, "load_kernels", load_none)  # noqa: B010  # the name is imported there
    napari._vispy.canvas.gc = SimpleNamespace(collect=lambda: 0)  # napari collects garbage after each removed layer
    napari.layers.shapes.shapes.warmup_numba_cache = lambda: None  # bermuda needs none of it
    viewer = napari.Viewer(show_welcome_screen=False)
    sys.excepthook = failed
    rng = np.random.default_rng(0)
    viewer.add_image(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8), rgb=True, name="color")
    viewer.add_points([(5, 6), (4, 50), (40, 55), (42, 8)], name="corners", scale=(0.5, 0.5), units="um", visible=False)
    viewer.add_labels(rng.integers(0, 3, (2, 4, 48, 64)), name="labels", visible=False)
    stack = viewer.add_image(
        rng.integers(100, 4000, (2, 4, 48, 64), dtype=np.uint16), name="stack", scale=(1, 2, 0.5, 0.5), units="um"
    )
    for family in FAMILIES:
        begun = time.monotonic()
        try:
            walk_family(viewer, family, stack)
        except Exception:
            FAILURES.append(f"{family}:\n{traceback.format_exc()}")
        print(f"{FAMILIES[family]}: {time.monotonic() - begun:.1f} s", flush=True)
    for title in OTHERS:
        other = open_dock(viewer, title)
        wait_until(other.isVisible, f"{title}: shown")
        choose_everything(other)
        viewer.window.remove_dock_widget(other)
        settle()
    viewer.close()
    settle()
    print(*FAILURES, sep="\n")
    print(f"{len(FAMILIES) + len(OTHERS)} docks on {qtpy.API_NAME} {qtpy.QT_VERSION}: {len(FAILURES)} failures")
    return len(FAILURES)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
