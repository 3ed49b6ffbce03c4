"""Results saved and opened again: their settings and steps, lazy ones by their pixels, and saving that is canceled."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from busy_docks import opened, settled
from event_loop import process_events
from history_checks import made
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QProgressDialog, QPushButton

from napari_mathimg import apply, lazy
from napari_mathimg.contract.reach import Box
from napari_mathimg.io import Image as FileImage
from napari_mathimg.io import open_image, write_image
from napari_mathimg.io.boxes import ReadBoxes
from napari_mathimg.widgets.files import progress
from napari_mathimg.widgets.files.progress import SavingError
from napari_mathimg.widgets.lazy.shown import Shown

OURS = "napari-mathimg"
PATIENCE = 60  # seconds


@pytest.mark.parametrize("name", ["x.ome.zarr", "x.ome.tif"])
def test_settings_and_steps_of_an_opened_result_are_there(
    viewer: Any, qtbot: Any, dock: Any, tmp_path: Path, name: str
) -> None:
    pixels = np.random.default_rng(9).integers(0, 900, (3, 64, 80)).astype(np.uint16)
    axes = {"axis_labels": ("z", "y", "x"), "units": ("µm",) * 3, "scale": (1, 0.5, 0.5)}
    source = viewer.add_image(pixels, name="cells", **axes)
    steps = (("gaussian", {"sigma": 1.5}, {}), ("median", {"size": 5}, {}))
    result = made(viewer, source, steps)
    viewer.layers.selection = {result}
    viewer.layers.save(str(tmp_path / name), selected=True)
    (read,) = viewer.open(str(tmp_path / name), plugin=OURS)
    assert read.metadata["napari_mathimg"] is not result.metadata["napari_mathimg"]
    denoise = dock("denoise")
    denoise.reset()
    denoise.picker.layer = read
    denoise.load_settings()
    assert denoise.operation.id == "median"
    assert denoise.form.parameters["size"] == (5, 5)
    viewer.layers.selection.active = read
    history = opened(viewer, qtbot, "History")
    assert [step.operation for step in history.chain.recipe.steps] == ["gaussian", "median"]
    assert history.chain.source is source
    with qtbot.waitSignal(history.task.finished):
        viewer.layers.selection = {read, source}
        settled(history, qtbot)
        QTest.mouseClick(history.replay_button, Qt.MouseButton.LeftButton)
    settled(history, qtbot)
    np.testing.assert_array_equal(viewer.layers[-1].data, result.data)


@pytest.mark.parametrize("name", ["x.ome.zarr", "x.ome.tif", "x.tif"])
def test_a_lazy_layer_is_saved_by_its_pixels(viewer: Any, tmp_path: Path, name: str) -> None:
    pixels = np.random.default_rng(9).integers(0, 900, (3, 300, 200)).astype(np.uint16)
    np.save(tmp_path / "source.npy", pixels)
    array = Shown(lazy(open_image(tmp_path / "source.npy").array, "gaussian", sigma=3.0))
    viewer.add_image(array, name="lazy", contrast_limits=(0, 900))
    viewer.layers.save(str(tmp_path / name), selected=True, plugin=OURS)
    np.testing.assert_array_equal(open_image(tmp_path / name).array[:], apply(pixels, "gaussian", sigma=3.0))


@pytest.mark.parametrize("name", ["x.ome.zarr", "x.ome.tif"])
def test_a_lazy_layer_is_not_saved_over_what_it_reads(viewer: Any, tmp_path: Path, name: str) -> None:
    pixels = np.random.default_rng(9).integers(0, 900, (300, 200)).astype(np.uint16)
    write_image(tmp_path / name, FileImage(pixels, ("y", "x")))
    array = Shown(lazy(open_image(tmp_path / name).array, "gaussian", sigma=3.0))
    viewer.add_image(array, name="lazy", contrast_limits=(0, 900))
    with pytest.raises(SavingError, match=r"x.ome.\w+: must not be .* input"):
        viewer.layers.save(str(tmp_path / name), selected=True)
    np.testing.assert_array_equal(open_image(tmp_path / name).array[:], pixels)


class Waiting(ReadBoxes):
    """Pixels that are read when the test has done something, or after a time that no test waits."""

    def __init__(self) -> None:
        super().__init__((64, 700, 600), np.uint16)
        self.go_on = threading.Event()
        self.go_on.set()

    def read(self, box: Box) -> np.ndarray:
        self.go_on.wait(PATIENCE)
        return np.ones([b - a for a, b in box], np.uint16)


def shown_dialog() -> QProgressDialog | None:
    found = (widget for widget in QApplication.topLevelWidgets() if isinstance(widget, QProgressDialog))
    return next((dialog for dialog in found if dialog.isVisible()), None)


@pytest.mark.parametrize("name", ["x.ome.zarr", "x.ome.tif", "x.tif"])
def test_saving_is_canceled_by_its_dialog(viewer: Any, tmp_path: Path, monkeypatch: Any, name: str) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0)
    pixels = Waiting()
    viewer.add_image(Shown(pixels), name="waiting", contrast_limits=(0, 1))
    pixels.go_on.clear()
    clicked = []

    def click() -> None:
        dialog = shown_dialog()
        if dialog is None:
            QTimer.singleShot(10, click)
            return
        (button,) = dialog.findChildren(QPushButton)
        assert dialog.isModal()
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        clicked.append(dialog.labelText())
        pixels.go_on.set()

    QTimer.singleShot(0, click)
    with pytest.raises(SavingError, match=rf"Saving {name} was canceled; it was not written."):
        viewer.layers.save(str(tmp_path / name), selected=True, plugin=OURS)
    process_events()
    assert clicked == [f"Saving {name}"]
    assert not [*tmp_path.glob("*x.*")]
    assert shown_dialog() is None
