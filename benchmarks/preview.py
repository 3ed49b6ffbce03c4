"""The live preview in a real window: from a change of a parameter to the frame that shows it.

``python benchmarks/preview.py`` (on a screen, or under Xvfb) opens napari, previews operations on large images, changes
one parameter of each some times, and prints for each operation, zoomed to 1:1 and zoomed out to the whole image:

- `first`: milliseconds from the change to the frame with at least 256 x 256 pixels (or a tenth of the view) that were
  computed with it: median and 95th percentile;
- `exact`: the same to the frame all of whose pixels are what a run gives;
- `gap`: the longest times between two turns of the event loop: 95th percentile over turns, and the longest.

`drawing` is the time from a refresh of the same layer to its frame, which every figure contains.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import dask.array as da
import napari
import numpy as np
from napari.settings import get_settings
from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QApplication
from skimage import data
from vispy.gloo.glir import GlirProgram

from napari_mathimg.catalog import find
from napari_mathimg.widgets.place.entries import TITLES
from napari_mathimg.widgets.place.open_dock import open_dock

ENOUGH = 256**2
PATIENCE = 60.0
CHANGES: dict[str, tuple[str, list[Any], dict[str, Any]]] = {  # the parameter that changes, its values, and others
    "adjust_gamma": ("gamma", [0.8, 1.2, 0.9, 1.4, 0.7, 1.1, 1.3], {}),
    "rotate": ("angle", [10.0, 12.0, 14.0, 16.0, 18.0, 20.0, 22.0], {}),
    "gaussian": ("sigma", [2.0, 2.2, 1.8, 2.4, 2.1, 1.9, 2.3], {}),
    "median": ("size", [5, 3, 5, 3, 5, 3, 5], {}),
    "blur_box": ("size", [11, 9, 11, 9, 11, 9, 11], {}),
    "add_gaussian_noise": ("var", [0.01, 0.02, 0.03, 0.01, 0.02, 0.03, 0.01], {}),
    "equalize_hist": ("", [0] * 7, {}),  # it has no parameters: the same is computed anew
    "equalize_adapthist": ("clip_limit", [0.01, 0.02, 0.03, 0.012, 0.022, 0.032, 0.015], {}),
    "denoise_bilateral": ("sigma_spatial", [1.0, 1.2, 1.1, 1.3, 1.0, 1.2, 1.1], {}),
    "denoise_nl_means": ("h", [0.05, 0.06, 0.07, 0.08, 0.05, 0.06, 0.07], {}),
    "denoise_tv_chambolle": ("weight", [0.05, 0.06, 0.07, 0.08, 0.05, 0.06, 0.07], {}),
    "wiener_filter": ("size", [5, 7, 5, 7, 5, 7, 5], {}),
    "denoise_wavelet": ("mode", ["soft", "hard", "soft", "hard", "soft", "hard", "soft"], {}),
    "richardson_lucy": ("background", [0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 2.0], {"num_iter": 10}),
}


class Figures(NamedTuple):
    """Seconds of each change, and the gaps of the event loop meanwhile."""

    first: list[float]
    exact: list[float]
    gaps: list[float]


class Clock(QObject):
    """Notes when pictures are told, when frames are swapped, and how long the event loop stands still."""

    def __init__(self, viewer: Any, live: Any) -> None:
        super().__init__()
        self.live = live
        self.native = viewer.window._qt_viewer.canvas.native
        self.native.frameSwapped.connect(self._swapped)
        live.worker.told.connect(self._told)
        self.waiting: list[tuple[bool, bool]] = []
        self.first = self.exact = 0.0
        self.gaps: list[float] = []
        self._turn = time.perf_counter()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._note_turn)
        self._timer.start(1)

    def _note_turn(self) -> None:
        now = time.perf_counter()
        self.gaps.append(now - self._turn)
        self._turn = now

    def _told(self, serial: int, update: Any, what: Any) -> None:
        if update is not None and serial == self.live._latest:
            pixels = np.prod([b - a for a, b in update.view.box])
            enough = update.share * pixels >= min(ENOUGH, pixels / 10)
            self.waiting.append((enough or update.state == "near", update.state == "exact"))

    def _swapped(self) -> None:
        now = time.perf_counter()
        for is_first, is_exact in self.waiting:
            self.first = self.first or (now if is_first else 0.0)
            self.exact = self.exact or (now if is_exact else 0.0)
        self.waiting.clear()

    def close(self) -> None:
        """Note nothing more."""
        self._timer.stop()
        self.native.frameSwapped.disconnect(self._swapped)
        self.live.worker.told.disconnect(self._told)


def until(done: Callable[[], bool]) -> None:
    """Process events until something is done."""
    end = time.perf_counter() + PATIENCE
    while not done():
        QApplication.processEvents()
        time.sleep(0.0005)
        if time.perf_counter() > end:
            raise TimeoutError


def images(names: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield arguments of image layers by name."""
    rng = np.random.default_rng(0)
    camera = data.camera().astype(np.float32) * 16

    def plane(side: int, seed: int = 0) -> Any:
        large = np.kron(camera, np.ones((side // 512, side // 512), np.float32))
        return np.clip(large + rng.normal(0, 120, large.shape).astype(np.float32), 0, 65535).astype(np.uint16)

    for name in names:
        if name == "rgb":
            colors = np.stack([plane(4096) >> 4] * 3, axis=-1).astype(np.uint8)
            yield "4096² RGB uint8", {"data": colors, "rgb": True}
        elif name == "stack":
            stack = np.stack([plane(2048)] * 64)
            lazy = da.from_array(stack, chunks=(1, 2048, 2048))
            yield "64 x 2048² uint16, Dask", {"data": lazy, "contrast_limits": (0, 5000)}
        else:
            yield f"{name}² uint16", {"data": plane(int(name)), "contrast_limits": (0, 5000)}


def measure(viewer: Any, widget: Any, operation: str, is_whole: bool) -> Figures:
    """Change a parameter of an operation some times, and wait for the exact picture after each."""
    name, values, others = CHANGES[operation]
    live = widget.preview.live
    for other, value in others.items():
        widget.form[other].value = value

    def change(value: Any) -> None:
        if name:
            widget.form[name].value = value
        else:
            live.worker.touch()
            live._asked = None
            live.renew()

    change(values[1])
    if is_whole:
        viewer.reset_view()
    else:
        viewer.scene.camera.zoom = 1.0
    until(lambda: not live.is_busy and widget.preview.state.text() == "exact")
    until_idle(0.3)
    figures = Figures([], [], [])
    for value in values:
        clock = Clock(viewer, live)
        begin = time.perf_counter()
        change(value)
        until(lambda clock=clock: bool(clock.exact))
        figures.first.append(clock.first - begin)
        figures.exact.append(clock.exact - begin)
        figures.gaps.extend(clock.gaps)
        clock.close()
        until_idle(0.1)
    return figures


def until_idle(seconds: float) -> None:
    """Process events for some time."""
    end = time.perf_counter() + seconds
    until(lambda: time.perf_counter() > end)


def drawing(viewer: Any, widget: Any) -> float:
    """Return the median time from a refresh of the preview layer to its frame."""
    native, layer = viewer.window._qt_viewer.canvas.native, widget.preview.live.shown.layer
    swapped: list[float] = []
    native.frameSwapped.connect(lambda: swapped.append(time.perf_counter()))
    times = []
    for _ in range(9):
        swapped.clear()
        begin = time.perf_counter()
        layer.refresh(thumbnail=False, extent=False, highlight=False)
        until(lambda: bool(swapped))
        times.append(swapped[0] - begin)
    return float(np.median(times))


def ms(seconds: list[float], *percentiles: float) -> str:
    """Return percentiles in milliseconds."""
    return " ".join(f"{1000 * p:6.0f}" for p in np.percentile(seconds, percentiles))


def main() -> None:
    """Print a table for each image."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", nargs="*", default=["4096", "8192", "rgb", "stack"])
    parser.add_argument("--operations", nargs="*", default=list(CHANGES))
    chosen = parser.parse_args()
    get_settings(Path(tempfile.mkdtemp()) / "settings.yaml")
    GlirProgram.delete = lambda self: None  # which can crash Mesa's software renderer after a layer was removed
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1280, 800)
    docks = {title.lower(): title for title in TITLES}
    for label, arguments in images(chosen.images):
        viewer.layers.clear()
        layer = viewer.add_image(**arguments)
        print(f"\n{label}")
        print(f"{'':24}{'1:1 first':>15}{'exact':>15}{'gap':>14}   {'whole first':>15}{'exact':>15}{'gap':>14}")
        for operation in chosen.operations:
            family = find(operation).family
            widget = open_dock(viewer, docks.get(family, family.capitalize()))
            widget.operation = operation
            widget.picker.layer = layer
            until_idle(0.2)
            if operation == "richardson_lucy":
                panel = widget.further_images.panels["psf"]
                panel.kinds.setCurrentIndex(max(panel.kinds.findData("gaussian"), 1))
            widget.preview.tick.setChecked(True)
            cells = []
            for is_whole in (False, True):
                try:
                    found = measure(viewer, widget, operation, is_whole)
                    gaps = ms(found.gaps, 95, 100)
                    cells.append(f"{ms(found.first, 50, 95):>15}{ms(found.exact, 50, 95):>15}{gaps:>14}")
                except TimeoutError:
                    cells.append(f"{widget.message.shown or 'not exact within a minute':>44.44}")
            drawn = drawing(viewer, widget) if widget.preview.live.shown.layer is not None else np.nan
            print(f"{operation:24}{cells[0]}   {cells[1]}   drawing {1000 * drawn:.0f}", flush=True)
            widget.preview.tick.setChecked(False)
            until_idle(0.1)
    viewer.close()


if __name__ == "__main__":
    sys.exit(main())
