"""How long the import of the package and the first opening of each dock take.

Each dock opens in a napari of its own that is up and idle, with an image in it, as after a start of the program: until
the dock is drawn. The kernel cache is as it is; an import is timed in an interpreter of its own. Needs a display::

    xvfb-run -a -s "-screen 0 1280x800x24" python benchmarks/opening.py
"""

import argparse
import statistics
import subprocess
import sys

IMPORT = "import time; begun = time.perf_counter(); import napari_mathimg; print(time.perf_counter() - begun)"
OPEN = """
import time
import napari, numpy as np
from qtpy.QtCore import QEvent, QObject
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

class Painted(QObject):
    seen = False
    def eventFilter(self, watched, event):
        self.seen |= event.type() == QEvent.Type.Paint
        return False

viewer = napari.Viewer()
viewer.add_image(np.random.default_rng(0).integers(0, 4000, (8, 256, 256), dtype=np.uint16), contrast_limits=(0, 4000))
QTest.qWait(1500)
begun = time.perf_counter()
_, dock = viewer.window.add_plugin_dock_widget("napari-mathimg", {title!r})
painted = Painted()
dock.installEventFilter(painted)
while not painted.seen:
    QApplication.processEvents()
print(time.perf_counter() - begun)
viewer.close()
"""


def seconds(code: str) -> float:
    """What a program prints last, run in an interpreter of its own."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def titles() -> list[str]:
    from npe2 import PluginManifest

    found = PluginManifest.from_distribution("napari-mathimg").contributions.widgets
    return [widget.display_name for widget in found or []]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    for name, code in [("import napari_mathimg", IMPORT), *((t, OPEN.format(title=t)) for t in titles())]:
        values = [seconds(code) * 1e3 for _ in range(rounds)]
        print(f"{name:<24} median {statistics.median(values):6.0f} ms, max {max(values):6.0f} ms", flush=True)


if __name__ == "__main__":
    main()
