"""Take a picture of every dock in both themes for the documentation: docs/images/docks/TITLE-THEME.png.

Needs a display::

    xvfb-run -a -s "-screen 0 1600x1200x24" python scripts/docks.py
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import napari
from napari.settings import get_settings
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_mathimg.widgets.place.entries import TITLES
from napari_mathimg.widgets.place.open_dock import open_dock
from napari_mathimg.widgets.qt.layout import dock_of

FOLDER = Path(__file__).parents[1] / "docs" / "images" / "docks"
WIDTH, HEIGHT = 360, 1000
SAMPLES = {"Perspective": "text", "Lens": "camera"}  # the others show the calibrated stack
OPERATIONS = {"Geometry": "rotate", "Intensity": "equalize_adapthist", "Denoise": "denoise_wavelet"}
PATIENCE = 600  # milliseconds until a dock has settled


def picture(viewer: Any, title: str, theme: str, folder: Path) -> Path:
    """Take a picture of a dock that is open."""
    widget = open_dock(viewer, title)
    viewer.theme = theme
    if title in OPERATIONS:
        widget.operation = OPERATIONS[title]
    holder = dock_of(widget)
    viewer.window._qt_window.resizeDocks([holder], [WIDTH], Qt.Orientation.Horizontal)
    QTest.qWait(PATIENCE)
    path = folder / f"{title.lower()}-{theme}.png"
    if not widget.grab().save(str(path)):
        raise OSError(f"{path}: no picture could be written")
    return path


def main() -> None:
    """Open every dock in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    get_settings(Path(tempfile.mkdtemp()) / "settings.yaml")  # the user's own stay as they are
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1400, HEIGHT)
    for title in TITLES:
        viewer.layers.clear()
        viewer.open_sample("napari-mathimg", SAMPLES.get(title, "synthetic_stack"))
        for theme in ("dark", "light"):
            print(picture(viewer, title, theme, folder).name, flush=True)
        viewer.window.remove_dock_widget(dock_of(open_dock(viewer, title)))
    viewer.close()


if __name__ == "__main__":
    main()
