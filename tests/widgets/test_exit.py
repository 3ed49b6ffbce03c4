"""What a program loads that opens docks, and how it ends."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import gc, sys
import napari, numpy as np
from event_loop import process_events
from qtpy import sip
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QWidget
from napari_mathimg.widgets.place.entries import TITLES
from napari_mathimg.widgets.place.open_dock import open_dock
viewer = napari.Viewer()
viewer.add_image(np.zeros((3, 32, 32), np.uint16), contrast_limits=(0, 1))
docks, window = [], viewer.window._qt_window  # as a console keeps them, so that they outlive the viewer
for title in TITLES:
    docks.append(open_dock(viewer, title))
    process_events()
print(*sys.modules)
viewer.close()
for thing in gc.get_objects():  # what has no owner goes in any order: here, before the windows
    if isinstance(thing, QObject) and not isinstance(thing, QWidget) and not sip.isdeleted(thing):
        if type(thing).__module__.startswith("napari_mathimg.") and thing.parent() is None:
            sip.delete(thing)
"""

LOADING = """
import sys, threading
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from napari_mathimg import operations
from napari_mathimg.widgets.tasks.kernel_loading import load_kernels
app = QApplication([])
for op in operations().values():
    load_kernels(op, "uint16", 2, False)
while "mathimg kernels" not in [thread.name for thread in threading.enumerate()]:
    QTest.qWait(10)
while "numba" not in sys.modules:
    QTest.qWait(1)
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> "subprocess.CompletedProcess[str]":
    own = {**os.environ, "NAPARI_CONFIG": str(tmp_path_factory.mktemp("napari") / "settings.yaml")}
    own["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", PROGRAM], capture_output=True, text=True, env=own, timeout=600
    )


@pytest.mark.parametrize(
    "module", ["scipy.optimize", "napari_mathimg.methods.lens.calibration", "matplotlib", "exifread"]
)
def test_docks_open_without_what_only_work_in_them_needs(done: Any, module: str) -> None:
    """Each takes long to load."""
    loaded = done.stdout.split()
    assert "napari_mathimg.widgets.lens.dock" in loaded
    assert module not in loaded


def test_napari_closes_with_every_dock_open_and_says_nothing(done: Any) -> None:
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "deleted" not in done.stderr


def test_the_program_ends_in_silence_while_kernels_are_loaded() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", LOADING], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
