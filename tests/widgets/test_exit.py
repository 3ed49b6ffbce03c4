"""The end of the program."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import napari, numpy as np
from npe2 import PluginManifest
from qtpy.QtTest import QTest
from napari_mathimg.widgets.open import open_dock
viewer = napari.Viewer()
viewer.add_image(np.zeros((3, 32, 32), np.uint16), contrast_limits=(0, 1))
docks = []  # as a console keeps them
for widget in PluginManifest.from_distribution("napari-mathimg").contributions.widgets:
    docks.append(open_dock(viewer, widget.display_name))
    QTest.qWait(50)
viewer.close()
"""

LOADING = """
import threading
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from napari_mathimg import operations
from napari_mathimg.widgets.warm import warm
app = QApplication([])
for id in operations():
    warm(id, "uint16", 2, False)
while "mathimg warm" not in [thread.name for thread in threading.enumerate()]:
    QTest.qWait(10)
QTest.qWait(100)
"""


def test_napari_closes_with_every_dock_open_and_says_nothing(tmp_path: Path) -> None:
    own = {**os.environ, "NAPARI_CONFIG": str(tmp_path / "settings.yaml")}
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=own, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "deleted" not in done.stderr


def test_the_program_ends_in_silence_while_kernels_are_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", LOADING], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert not done.stderr
