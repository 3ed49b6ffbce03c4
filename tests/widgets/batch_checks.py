"""Folders of images for the Batch dock, and runs whose files go on one by one."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from qtpy.QtCore import QEvent, QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication

from napari_mathimg.batch.item import Outcome
from napari_mathimg.batch.jobs.one_item import compute_item
from napari_mathimg.contract.progress import Progress

RECIPE = """
format = "mathimg-recipe"
format_version = 1
[[steps]]
operation = "gaussian"
parameters = {sigma = 1.5}
[[steps]]
operation = "rescale_intensity"
"""
PIXEL = 0.16  # µm


def pixels(number: int) -> Any:
    return np.random.default_rng(number).integers(100, 4000, (24, 32), dtype=np.uint16)


def make_folder(folder: Path, count: int, broken: Sequence[int] = ()) -> Path:
    """Make a folder of small ImageJ TIFFs, some of which are no TIFFs in truth."""
    folder.mkdir(parents=True)
    for k in range(count):
        path = folder / f"cells_{k:02}.tif"
        if k in broken:
            path.write_bytes(b"II*\0broken")
        else:
            how = {"resolution": (1 / PIXEL, 1 / PIXEL), "metadata": {"unit": "um"}, "imagej": True}
            tifffile.imwrite(path, pixels(k), **how)
    return folder


def make_recipe(path: Path, text: str = RECIPE) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def drop(dock: Any, *paths: Path | str) -> bool:
    """Drag files to the list and let them go; return whether they were taken."""
    data, viewport = QMimeData(), dock.list.viewport()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    place, copy = viewport.rect().center(), Qt.DropAction.CopyAction
    button, key = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entering = QDragEnterEvent(place, copy, data, button, key)
    QApplication.sendEvent(viewport, entering)
    if not entering.isAccepted():
        return False
    dropping = QDropEvent(QPointF(place), copy, data, button, key, QEvent.Type.Drop)
    QApplication.sendEvent(viewport, dropping)
    return bool(dropping.isAccepted())


class Gate:
    """Computes items of a job, each as soon as one more is let through."""

    def __init__(self) -> None:
        self._free = threading.Semaphore(0)
        self.threads: set[str] = set()

    def let(self, count: int) -> None:
        """Let so many files through."""
        self._free.release(count)

    def __call__(self, task: Any, tell: Callable[[Progress], None]) -> Outcome:
        self.threads.add(threading.current_thread().name)
        while not self._free.acquire(timeout=0.005):
            tell(Progress("Waiting", 1, 4))
        return compute_item(task, tell)
