"""How the window fares during a run: equalize_adapthist over 32 x 1024 x 1024 uint16, or what is asked for.

Prints the longest gap between two turns of the event loop from Run to the last region, the time from Cancel to the
end of the run, the peak of extra memory over the input's, and the stall of `add_image`, beside the gaps of napari
alone in the same window. Needs a display::

    xvfb-run -a -s "-screen 0 1280x800x24" python benchmarks/responsiveness.py
    ... python benchmarks/responsiveness.py --operation denoise_nl_means --volumes --shape 32 256 256
"""

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import napari
import numpy as np
import psutil
import vispy.gloo.glir
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

from measuring import Memory
from napari_mathimg.catalog import find
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.place.open_dock import open_dock

vispy.gloo.glir.GlirProgram.delete = lambda self: None  # Mesa's software renderer may crash in it


class Heart:
    """Beats in the event loop every 2 ms; its longest gap is how long the window stood still."""

    def __init__(self) -> None:
        self.longest, self.last = 0.0, time.perf_counter()
        self.timer = QTimer()
        self.timer.timeout.connect(self.beat)

    def beat(self) -> None:
        now = time.perf_counter()
        self.longest, self.last = max(self.longest, now - self.last), now

    def __enter__(self) -> "Heart":
        self.longest, self.last = 0.0, time.perf_counter()
        self.timer.start(2)
        return self

    def __exit__(self, *_: object) -> None:
        self.beat()
        self.timer.stop()


def turn_events(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        QApplication.processEvents()
        time.sleep(0.001)


def wait(dock: FamilyDock) -> None:
    while dock.task.is_running:
        QApplication.processEvents()
        time.sleep(0.0005)


def run_once(viewer: Any, dock: FamilyDock, source: Any) -> dict[str, float]:
    """One whole run: gaps until the last region, then the stall of the layer's appearance."""
    viewer.layers.selection.active = source
    source.visible = True
    turn_events(0.5)
    gaps: dict[str, float] = {}
    heart, show = Heart(), dock.runs.add_results

    def add(done: Any) -> None:
        heart.beat()
        gaps["gap"], heart.longest = heart.longest, 0.0
        start = time.perf_counter()
        show(done)
        QApplication.processEvents()
        gaps["add"] = time.perf_counter() - start

    dock.task.returned.disconnect()
    dock.task.returned.connect(add)
    with Memory() as memory, heart:
        start = time.perf_counter()
        dock.run_button.click()
        wait(dock)
        gaps["seconds"] = time.perf_counter() - start
        gaps["memory"] = (memory.peak - memory.base) / source.data.nbytes
    dock.task.returned.disconnect()
    dock.task.returned.connect(show)
    viewer.layers.remove(viewer.layers[-1])
    turn_events(0.3)
    return gaps


def cancel_once(viewer: Any, dock: FamilyDock, source: Any, after: float) -> float:
    viewer.layers.selection.active = source
    dock.run_button.click()
    turn_events(after)
    start = time.perf_counter()
    dock.cancel_button.click()
    wait(dock)
    return time.perf_counter() - start


def napari_alone(viewer: Any, source: Any, seconds: float) -> tuple[float, float]:
    """Longest gap of an idle window, and the stall of napari's own `add_image` of an array of this size."""
    with Heart() as heart:
        turn_events(seconds)
        idle = heart.longest
    start = time.perf_counter()
    layer = viewer.add_image(source.data + np.uint16(1), contrast_limits=(0, 65535))
    QApplication.processEvents()
    stall = time.perf_counter() - start
    viewer.layers.remove(layer)
    return idle, stall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--operation", default="equalize_adapthist", help="id of an operation; its defaults are used")
    parser.add_argument("--shape", type=int, nargs=3, default=(32, 1024, 1024), metavar="N")
    parser.add_argument("--volumes", action="store_true", help="process as volumes")
    parser.add_argument("--report", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    viewer = napari.Viewer()
    rng = np.random.default_rng(0)
    data = rng.integers(0, 65535, arguments.shape, dtype=np.uint16)
    source = viewer.add_image(data, name="source", contrast_limits=(0, 65535))
    dock = open_dock(viewer, find(arguments.operation).family)
    dock.operation = arguments.operation
    dock.options.choose(dock.options.process, "volumes" if arguments.volumes else "planes")
    turn_events(1)
    lines = [f"{dock.operation.title}, {data.shape} {data.dtype}, {psutil.cpu_count()} cores"]
    first = run_once(viewer, dock, source)
    lines.append(f"first run, kernels loaded: gap {first['gap'] * 1e3:.0f} ms, {first['seconds']:.2f} s")
    rounds, alone = [], []
    for _ in range(arguments.rounds):
        rounds.append(run_once(viewer, dock, source))
        alone.append(napari_alone(viewer, source, rounds[-1]["seconds"]))
    for name, unit, scale in (
        ("gap", "ms", 1e3),
        ("seconds", "s", 1.0),
        ("memory", "x input", 1.0),
        ("add", "ms", 1e3),
    ):
        values = [r[name] * scale for r in rounds]
        lines.append(f"{name}: median {statistics.median(values):.2f}, max {max(values):.2f} {unit}")
    for name, values in zip(("napari idle gap", "napari add_image"), zip(*alone, strict=True), strict=True):
        lines.append(f"{name}: median {statistics.median(values) * 1e3:.2f}, max {max(values) * 1e3:.2f} ms")
    stops = [cancel_once(viewer, dock, source, 0.1 + 0.15 * k) for k in range(arguments.rounds)]
    lines.append(f"cancel: median {statistics.median(stops) * 1e3:.0f}, max {max(stops) * 1e3:.0f} ms")
    print("\n".join(lines))
    if arguments.report:
        arguments.report.write_text("\n".join(lines) + "\n")
    viewer.close()


if __name__ == "__main__":
    main()
