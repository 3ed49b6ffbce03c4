"""Take the pictures of the live preview for the documentation: docs/images/preview.png and docs/images/preview.gif.

Needs a display, Pillow and scikit-image::

    xvfb-run -a -s "-screen 0 1280x800x24" python scripts/preview.py
    xvfb-run -a -s "-screen 0 1280x800x24" python scripts/preview.py --families  # one picture a family, way and theme
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari.settings import get_settings
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from vispy.gloo.glir import GlirProgram

from napari_mathimg.widgets.place.open_dock import open_dock
from napari_mathimg.widgets.qt.layout import dock_of

FOLDER = Path(__file__).parents[1] / "docs" / "images"
PATIENCE = 60.0  # seconds
WIDTH = 340  # of the dock, in pixels
FRAME, COLORS, PAUSE = 640, 96, 90  # width, colors and milliseconds of a frame of the animated picture
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "Geometry": ("rotate", {"angle": 20.0}),
    "Lens": ("correct_distortion", {"k1": -0.2}),
    "Intensity": ("adjust_gamma", {"gamma": 0.5}),
    "Noise": ("add_poisson_noise", {}),
    "Denoise": ("denoise_nl_means", {}),
    "Blur": ("gaussian", {"sigma": 2.0}),
    "Deconvolve": ("richardson_lucy", {}),
}


def until(done: Callable[[], bool]) -> None:
    """Wait until something is done."""
    end = time.monotonic() + PATIENCE
    while not done() and time.monotonic() < end:
        QTest.qWait(20)
    QTest.qWait(150)


def opened(viewer: Any, title: str, operation: str, parameters: dict[str, Any]) -> Any:
    """Open a dock with an operation and its preview."""
    widget = open_dock(viewer, title)
    widget.operation = operation
    viewer.window._qt_window.resizeDocks([dock_of(widget)], [WIDTH], Qt.Orientation.Horizontal)
    QTest.qWait(300)
    if title == "Deconvolve":
        kinds = widget.further_images.panels["psf"].kinds
        kinds.setCurrentIndex(kinds.findData("gaussian"))
    for name, value in parameters.items():
        widget.form[name].value = value
    widget.preview.tick.setChecked(True)
    until(lambda: widget.preview.state.text() == "exact")
    return widget


def grabbed(viewer: Any) -> Image.Image:
    """Return a picture of the window."""
    QTest.qWait(80)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "window.png"
        viewer.window._qt_window.grab().save(str(path))
        return Image.open(path).convert("RGB")


def documentation(viewer: Any, folder: Path) -> None:
    """Take the picture of the guide, and the animated one, in which the line is dragged."""
    widget = opened(viewer, "Intensity", "adjust_gamma", {"gamma": 0.5})
    widget.preview.split.setChecked(True)
    grabbed(viewer).save(folder / "preview.png", optimize=True)
    frames = []
    for share in (*np.linspace(0.5, 0.2, 7), *np.linspace(0.2, 0.8, 13), *np.linspace(0.8, 0.5, 7)):
        widget.preview.line.put(float(share))
        frames.append(grabbed(viewer))
    small = [f.resize((FRAME, f.height * FRAME // f.width), Image.Resampling.LANCZOS) for f in frames]
    palette = small[0].quantize(COLORS, dither=Image.Dither.NONE)
    drawn = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in small]
    drawn[0].save(folder / "preview.gif", save_all=True, append_images=drawn[1:], duration=PAUSE, loop=0, optimize=True)
    widget.preview.split.setChecked(False)
    widget.preview.tick.setChecked(False)


def families(viewer: Any, folder: Path) -> None:
    """Take a picture of each family, way to look and theme."""
    for theme in ("dark", "light"):
        viewer.theme = theme
        for title, (operation, parameters) in FAMILIES.items():
            widget = opened(viewer, title, operation, parameters)
            preview = widget.preview
            for name, way in (("result", None), ("split", preview.split), ("difference", preview.difference)):
                if way is not None:
                    way.setChecked(True)
                until(lambda widget=widget: not widget.preview.live.is_busy)
                grabbed(viewer).save(folder / f"preview-{title.lower()}-{name}-{theme}.png")
                if way is not None:
                    way.setChecked(False)
            preview.tick.setChecked(False)
            print(title, theme, flush=True)


def main() -> None:
    """Open a window, and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--families", action="store_true")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    get_settings(Path(tempfile.mkdtemp()) / "settings.yaml")  # the user's own stay as they are
    GlirProgram.delete = lambda self: None  # which can crash Mesa's software renderer after a layer was removed
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1280, 800)
    viewer.open_sample("napari-mathimg", "synthetic_stack")
    (families if chosen.families else documentation)(viewer, chosen.folder)
    viewer.close()


if __name__ == "__main__":
    main()
