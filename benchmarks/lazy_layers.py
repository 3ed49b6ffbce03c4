"""What a window waits for lazy layers: adding, zoom, pan, and a slider, with napari slicing in its thread or beside it.

Prints for each image and operation, in milliseconds: the longest gap of the event loop while the layer is added, while
the view is set to one pixel of the image for one of the screen, at each step of a pan by 200 pixels (median and
longest), and at each step of a slider, with and without a rest of 0.4 s for the planes beside it. Kernels are compiled
before. ``--single`` gives layers one level whatever their size. Needs a display::

    xvfb-run -a -s "-screen 0 1280x800x24" python benchmarks/lazy_layers.py
"""

import argparse
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import napari
import numpy as np
import vispy.gloo.glir
from napari.layers import Image
from napari.settings import get_settings
from qtpy.QtTest import QTest

from napari_mathimg import Options, lazy
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.widgets.dock.results import add_or_update
from napari_mathimg.widgets.lazy import kept_levels
from napari_mathimg.widgets.lazy import pixels as made
from napari_mathimg.widgets.lazy_layers.layers import LazyLayers
from responsiveness import Heart

vispy.gloo.glir.GlirProgram.delete = lambda self: None  # Mesa's software renderer may crash in it

OPERATIONS: dict[str, dict[str, Any]] = {
    "adjust_gamma": {"gamma": 0.7}, "gaussian": {"sigma": 2.0}, "denoise_nl_means": {"sigma": 0.02, "h": 0.02},
}  # fmt: skip
SHAPES = ((2048, 2048), (4096, 4096), (16, 2048, 2048))
GIVEN = Options(value_range=(0, 4095))


def settle(viewer: Any, milliseconds: int = 30) -> None:
    """Wait until all layers have been sliced and drawn."""
    QTest.qWait(milliseconds)
    end = time.monotonic() + 60
    while not all(layer.loaded for layer in viewer.layers) and time.monotonic() < end:
        QTest.qWait(5)


def gap(viewer: Any, act: Any) -> tuple[float, float]:
    """Return the longest gap of the event loop while something is done, and how long it is until it is on screen."""
    begun = time.perf_counter()
    with Heart() as heart:
        act()
        settle(viewer)
    return 1e3 * heart.longest, 1e3 * (time.perf_counter() - begun) - 30


def measure(viewer: Any, image: Any, operation: str) -> None:
    finest = lazy(image, operation, options=GIVEN, **OPERATIONS[operation])
    begun = time.perf_counter()
    pixels = run_to_end(made.lazy_pixels([made.LazyStep(finest)], made.Levels((image,), image.ndim)))
    prepared = time.perf_counter() - begun
    arguments = {"contrast_limits": (0, 4095), "rgb": False, "name": operation}

    def add() -> None:
        LazyLayers.of(viewer).keep(add_or_update(viewer, Image, pixels.data, arguments, None), None)

    added = gap(viewer, add)
    zoomed = gap(viewer, lambda: setattr(viewer.scene.camera, "zoom", 1.0))
    pans, center = [], list(viewer.scene.camera.center)
    for _ in range(5):
        center[-1] += 200
        pans.append(gap(viewer, lambda: setattr(viewer.scene.camera, "center", tuple(center))))
    words = [f"levels {len(pixels.levels)} in {1e3 * prepared:.0f}", f"add {added[0]:.0f} ({added[1]:.0f})"]
    words += [f"1:1 {zoomed[0]:.0f} ({zoomed[1]:.0f})"]
    words += [f"pan {statistics.median(p[0] for p in pans):.0f} to {max(p[0] for p in pans):.0f}"]
    for rest in (0, 400) if image.ndim > 2 else ():
        steps = []
        for plane in range(1 + 5 * (rest > 0), 6 + 5 * (rest > 0)):
            steps.append(gap(viewer, lambda plane=plane: viewer.dims.set_current_step(0, plane)))
            QTest.qWait(rest)
        gaps, shown = ([one[k] for one in steps] for k in (0, 1))
        words.append(
            f"slider{' rested' if rest else ''} {statistics.median(gaps):.0f} ({statistics.median(shown):.0f})"
        )
    print(f"{'x'.join(map(str, image.shape))} {operation}: {'; '.join(words)}", flush=True)
    viewer.reset_view()
    viewer.layers.clear()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--single", action="store_true")
    parser.add_argument("--asynchronous", action="store_true")
    asked = parser.parse_args()
    made.SINGLE = 2**40 if asked.single else made.SINGLE
    folder = TemporaryDirectory()
    kept_levels.folder = lambda: Path(folder.name)
    viewer = napari.Viewer()
    QTest.qWait(1000)
    before = get_settings().experimental.async_
    get_settings().experimental.async_ = asked.asynchronous
    try:
        for operation, parameters in OPERATIONS.items():
            np.asarray(lazy(np.zeros((300, 300), np.uint16), operation, options=GIVEN, **parameters))
        for shape in SHAPES:
            image = np.random.default_rng(0).integers(0, 4000, shape, dtype=np.uint16)
            for operation in OPERATIONS:
                measure(viewer, image, operation)
    finally:
        get_settings().experimental.async_ = before
    viewer.close()
    folder.cleanup()


if __name__ == "__main__":
    main()
