"""A chain of four operations on a virtual stack of 40 GiB as a lazy layer: time to the window, panning, memory.

``python benchmarks/lazy_stack.py [--gib 40] [--asynchronous]`` (on a screen, or under Xvfb) adds the lazy result of
four operations, with given ranges and parameters, on a stack whose planes of 2048 x 2048 pixels are computed where they
are read, for two chains. It prints, with napari's version:

- `open`: seconds from the call of the first step to the frame that shows the result;
- `pan`: frames a second at one pixel of the image for one of the screen, moved by a quarter of its side 24 times;
- `planes`: planes a second, of 12 shown one after the other;
- `gap`: longest time in milliseconds between two turns of the event loop in pans and planes;
- `memory`: MiB of resident memory beyond that before the chain, at most; the bound is that of the tiles kept, 256 MiB,
  beside what is being computed.
"""

import argparse
import time
from typing import Any

import napari
import numpy as np
import psutil
import vispy.gloo.glir
from napari.layers import Image
from napari.settings import get_settings
from qtpy.QtTest import QTest

from lazy import CHAINS, GIVEN
from napari_mathimg import lazy
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.widgets.dock.results import add_or_update
from napari_mathimg.widgets.lazy import pixels as made
from napari_mathimg.widgets.lazy_layers.layers import LazyLayers
from responsiveness import Heart

vispy.gloo.glir.GlirProgram.delete = lambda self: None  # Mesa's software renderer may crash in it
SIDE = 2048
LINEAR = ("gaussian, gamma, box, sigmoid", "invert, gamma, logarithm, sigmoid")


class Virtual:
    """A stack of uint16, computed plane by plane from the place."""

    chunks = (1, 512, 512)
    dtype = np.dtype(np.uint16)
    ndim = 3

    def __init__(self, planes: int) -> None:
        self.shape = (planes, SIDE, SIDE)
        self.size = planes * SIDE**2

    def __getitem__(self, key: Any) -> np.ndarray:
        full = key if isinstance(key, tuple) else (key,)
        full = (*full, *(slice(None),) * (3 - len(full)))
        places = [
            np.arange(*k.indices(n), dtype=np.uint32) if isinstance(k, slice) else np.uint32(k)
            for k, n in zip(full, self.shape, strict=True)
        ]
        found = np.zeros((), np.uint32)
        for place, factor in zip(places, (69069, 2654435761, 40503), strict=True):
            found = (
                found[..., None] ^ (place * np.uint32(factor))
                if np.ndim(place)
                else found ^ (place * np.uint32(factor))
            )
        return (found >> np.uint32(16)).astype(np.uint16)


def settle(viewer: Any) -> None:
    """Wait until all layers have been sliced and drawn."""
    QTest.qWait(1)
    end = time.monotonic() + 60
    while not all(layer.loaded for layer in viewer.layers) and time.monotonic() < end:
        QTest.qWait(1)
    QTest.qWait(1)


def measure(viewer: Any, stack: Virtual, name: str) -> None:
    process = psutil.Process()
    before = most = process.memory_info().rss
    begun = time.perf_counter()
    steps, result = [], stack
    for operation, parameters in CHAINS[name]:
        result = lazy(result, operation, options=GIVEN, **parameters)
        steps.append(made.LazyStep(result))
    pixels = run_to_end(made.lazy_pixels(steps, made.Levels((stack,), 3)))
    arguments = {"contrast_limits": (0, 65535), "rgb": False, "name": name}
    LazyLayers.of(viewer).keep(add_or_update(viewer, Image, pixels.data, arguments, None), None)
    settle(viewer)
    opened = time.perf_counter() - begun
    viewer.scene.camera.zoom = 1.0
    settle(viewer)
    center = list(viewer.scene.camera.center)
    with Heart() as heart:
        begun = time.perf_counter()
        for n in range(24):
            center[-1 - n % 2] += 200 if n < 12 else -200
            viewer.scene.camera.center = tuple(center)
            settle(viewer)
            most = max(most, process.memory_info().rss)
        pans = 24 / (time.perf_counter() - begun)
        begun = time.perf_counter()
        for n in range(12):
            viewer.dims.set_current_step(0, 100 + 7 * n)
            settle(viewer)
            most = max(most, process.memory_info().rss)
        planes = 12 / (time.perf_counter() - begun)
    print(
        f"{name}: open {opened:.2f} s, pan {pans:.1f}/s, planes {planes:.1f}/s, gap {1e3 * heart.longest:.0f} ms,"
        f" memory +{(most - before) / 2**20:.0f} MiB",
        flush=True,
    )
    viewer.reset_view()
    viewer.layers.clear()
    viewer.dims.set_current_step(0, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gib", type=float, default=40)
    parser.add_argument("--asynchronous", action="store_true")
    asked = parser.parse_args()
    stack = Virtual(round(asked.gib * 2**30 / (2 * SIDE**2)))
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1280, 800)
    QTest.qWait(1000)
    before = get_settings().experimental.async_
    get_settings().experimental.async_ = asked.asynchronous
    try:
        for name in LINEAR:
            small: Any = np.zeros((2, 600, 600), np.uint16)
            for operation, parameters in CHAINS[name]:
                small = lazy(small, operation, options=GIVEN, **parameters)
            np.asarray(small)
        print(f"napari {napari.__version__}, {stack.shape}, {stack.size * 2 / 2**30:.1f} GiB", flush=True)
        for name in LINEAR:
            measure(viewer, stack, name)
    finally:
        get_settings().experimental.async_ = before
    viewer.close()


if __name__ == "__main__":
    main()
