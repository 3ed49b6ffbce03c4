"""How well the Histogram dock keeps up with a slider: redraws in a second while it moves through a stack.

A slider steps through 120 planes of 512 x 512 uint16, one in 20 ms, while the dock counts the plane that is shown.
Prints how often the dock was drawn anew and how long the window stood still at most. Needs a display::

    xvfb-run -a -s "-screen 0 1280x800x24" python benchmarks/slider.py
"""

import argparse
import time
from typing import Any

import napari
import numpy as np
import vispy.gloo.glir
from qtpy.QtTest import QTest

from napari_mathimg.widgets.place.open_dock import open_dock
from responsiveness import Heart

vispy.gloo.glir.GlirProgram.delete = lambda self: None  # Mesa's software renderer may crash in it


def rest(dock: Any) -> None:
    while dock.is_counting:
        QTest.qWait(5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--planes", type=int, default=120)
    parser.add_argument("--pause", type=int, default=20, help="milliseconds at each plane")
    asked = parser.parse_args()
    viewer = napari.Viewer()
    stack = np.random.default_rng(0).integers(0, 4000, (asked.planes, 512, 512), dtype=np.uint16)
    viewer.add_image(stack, contrast_limits=(0, 4000))
    dock = open_dock(viewer, "Histogram")
    dock.where.setCurrentIndex(dock.where.findData("plane"))
    QTest.qWait(1000)
    rest(dock)
    for _ in range(3):
        before, blank, begun = dock.redraws, 0, time.perf_counter()
        with Heart() as heart:
            for step in range(asked.planes):
                viewer.dims.set_current_step(0, step)
                QTest.qWait(asked.pause)
                blank += dock.found is None
        seconds = time.perf_counter() - begun
        redraws = dock.redraws - before
        print(
            f"{asked.planes} planes in {seconds:.1f} s: {redraws} redraws, {redraws / seconds:.0f} a second; "
            f"empty at {blank} planes; longest gap of the event loop {heart.longest * 1e3:.0f} ms",
            flush=True,
        )
        rest(dock)
    viewer.close()


if __name__ == "__main__":
    main()
