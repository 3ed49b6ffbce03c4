"""How long the import of the package and the first opening of each dock take.

Each dock opens in a napari of its own that is up and idle, with an image in it, as after a start of the program: until
the dock is drawn. "Then" is the longest time in the two seconds after in which the window heard of nothing; where it
is long, Python collected garbage, of which a napari makes it look through much. The package is compiled to bytecode
before, as it is where it was installed; settings are those of a first start, except where a lens is remembered; the
kernel cache is as it is. An import is timed in an interpreter of its own. Needs a display::

    xvfb-run -a -s "-screen 0 1280x800x24" python benchmarks/opening.py
"""

import argparse
import compileall
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import napari_mathimg

IMPORT = "import time; begun = time.perf_counter(); import napari_mathimg; print(time.perf_counter() - begun)"
OPEN = """
import time
import napari, numpy as np
from qtpy.QtCore import QEvent, QObject, QTimer
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
beats = [time.perf_counter()]
pulse = QTimer()
pulse.timeout.connect(lambda: beats.append(time.perf_counter()))
pulse.start(5)
QTest.qWait(2000)
pulse.stop()
print(beats[0] - begun, np.diff(beats).max())
viewer.close()
"""
REMEMBERED = """
forms:
  correct_lens:
    '2': {camera: Olympus E-620, lens: Olympus Zuiko Digital ED 14-42mm f/3.5-5.6, focal_length: 18.0, aperture: 5.0}
"""


def seconds(code: str, remembered: str = "") -> list[float]:
    """The numbers that a program prints last, run in an interpreter of its own with settings of its own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "napari-mathimg-docks.yaml").write_text(remembered)
        own = {**os.environ, "NAPARI_CONFIG": str(Path(folder, "settings.yaml"))}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=own)
    return [float(word) for word in done.stdout.splitlines()[-1].split()]


def titles() -> list[str]:
    from napari_mathimg.widgets.place.entries import TITLES

    return list(TITLES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--docks", nargs="*", default=titles(), help="titles of the docks; all by default")
    asked = parser.parse_args()
    compileall.compile_dir(Path(napari_mathimg.__file__).parent, quiet=1)
    rows = [("import napari_mathimg", IMPORT, "")]
    for title in asked.docks:
        rows.append((title, OPEN.format(title=title), ""))
        if title == "Lens":
            rows.append(("Lens, one remembered", OPEN.format(title=title), REMEMBERED))
    for name, code, remembered in rows:
        values = [seconds(code, remembered) for _ in range(asked.rounds)]
        first, *then = ([v * 1e3 for v in column] for column in zip(*values, strict=True))
        text = f"{name:<24} median {statistics.median(first):6.0f} ms, max {max(first):6.0f} ms"
        print(text + "".join(f"; then {statistics.median(v):4.0f} ms, max {max(v):4.0f} ms" for v in then), flush=True)


if __name__ == "__main__":
    main()
