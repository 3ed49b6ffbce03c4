"""How many previews a second the Perspective dock shows while a corner is dragged over a large image.

xvfb-run -a -s "-screen 0 1280x800x24" python benchmarks/perspective.py

A frame is a mouse move after which the outline has moved, the preview shows the rectangle anew, and the canvas with
the image was drawn.
"""

import argparse
import os
import statistics
import tempfile
import time

os.environ.setdefault("NAPARI_CONFIG", os.path.join(tempfile.mkdtemp(), "napari.yaml"))

import napari
import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from vispy.gloo import glir

from napari_mathimg.widgets.perspective.corners_panel import CornersPanel
from napari_mathimg.widgets.perspective.preview_panel import PreviewPanel
from napari_mathimg.widgets.place.open_dock import open_dock

CORNERS = ((0.1, 0.15), (0.15, 0.9), (0.85, 0.8), (0.8, 0.1))  # shares of the image
PATIENCE = 20.0  # seconds


def image(side: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    squares = np.kron(rng.integers(0, 60000, (64, 64), dtype=np.uint16), np.ones((side // 64, side // 64), np.uint16))
    return squares + rng.integers(0, 2000, squares.shape, dtype=np.uint16)


def wait(enough) -> None:
    end = time.perf_counter() + PATIENCE
    while not enough():
        if time.perf_counter() > end:
            raise SystemExit("nothing happened in time")
        QApplication.processEvents()


def drag(viewer, dock, seconds: float) -> list[float]:
    """Drag a corner to and fro; return the seconds of each frame."""
    canvas = viewer.window._qt_viewer.canvas
    native, layer = canvas.native, dock.picker.layer
    drawn = [0]
    canvas._scene_canvas.events.draw.connect(lambda event: drawn.__setitem__(0, drawn[0] + 1))

    def at(corner) -> QPoint:
        world = np.array(layer.data_to_world(corner))[-2:]
        camera = viewer.scene.camera
        down, right = (world - np.array(camera.center)[-2:]) * camera.zoom
        return QPoint(round(native.width() / 2 + right), round(native.height() / 2 + down))

    picture = dock.panel(PreviewPanel).picture
    start = at(dock.panel(CornersPanel).markers.corners_in(layer)[0])
    QTest.mousePress(native, Qt.MouseButton.LeftButton, pos=start)
    frames, begun, step = [], time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        step += 1
        turn = step % 40
        shift = turn if turn < 20 else 40 - turn
        before, count = picture.pixmap().cacheKey(), drawn[0]
        frame = time.perf_counter()
        QTest.mouseMove(native, start + QPoint(3 * shift + 1, 2 * shift + 1))
        wait(lambda before=before, count=count: picture.pixmap().cacheKey() != before and drawn[0] > count)
        frames.append(time.perf_counter() - frame)
    QTest.mouseRelease(native, Qt.MouseButton.LeftButton, pos=start)
    return frames


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=4096, help="rows and columns of the image")
    parser.add_argument("--seconds", type=float, default=5.0, help="of dragging, each round")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    glir.GlirProgram.delete = lambda self: None  # Mesa can crash where a removed layer is still being drawn
    viewer = napari.Viewer()
    viewer.window.set_geometry(0, 0, 1280, 800)
    layer = viewer.add_image(image(arguments.side))
    dock = open_dock(viewer, "perspective")
    QTest.qWait(1000)
    dock.panel(CornersPanel).markers.place([(r * arguments.side, c * arguments.side) for r, c in CORNERS], layer)
    dock.panel(CornersPanel).pick()
    wait(lambda: dock.run_button.isEnabled() and not dock.panel(PreviewPanel).picture.pixmap().isNull())
    for number in range(1, arguments.rounds + 1):
        frames = drag(viewer, dock, arguments.seconds)
        slow = sorted(frames)[int(0.95 * len(frames))]
        middle, longest = statistics.median(frames), max(frames)
        print(
            f"round {number}: {len(frames) / sum(frames):5.1f} frames/s; a frame takes {1e3 * middle:.0f} ms (median),"
            f" {1e3 * slow:.0f} ms (95th percentile), {1e3 * longest:.0f} ms (longest)"
        )
    viewer.close()


if __name__ == "__main__":
    main()
