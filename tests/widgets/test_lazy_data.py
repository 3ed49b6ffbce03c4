"""Lazy data are never read in the window's thread; edits during runs and previews are noticed."""

import threading
import traceback
from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from mouse_and_keys import QUAD

from napari_mathimg.catalog import FAMILIES
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.recipe.record import RECORD
from napari_mathimg.widgets.histogram.counted_region import RegionChoice
from napari_mathimg.widgets.layers.pixel_digest import digest
from napari_mathimg.widgets.perspective.corners_panel import CornersPanel
from napari_mathimg.widgets.perspective.preview_panel import PreviewPanel
from napari_mathimg.widgets.settings.preferences import settings
from nightly import nightly, some


class Guarded:
    """A lazy array that notes the reads of ours in the window's thread; napari's own slicing may read there."""

    def __init__(self, array: Any) -> None:
        self.array, self.shape, self.dtype, self.ndim = array, array.shape, array.dtype, array.ndim
        self.reads: list[str] = []
        self.counted = 0

    def __getitem__(self, key: Any) -> Any:
        self.counted += 1
        if threading.current_thread() is threading.main_thread():
            frames = [f for f in traceback.extract_stack() if "/napari_mathimg/widgets/" in f.filename]
            by_napari = [f for f in traceback.extract_stack() if "set_view_slice" in f.name or "_slice" in f.name]
            if frames and not by_napari:
                self.reads.append(str(frames[-1]))
        return self.array[key]


def sign(shape: tuple[int, int] = (90, 120)) -> np.ndarray:
    """A bright quadrilateral whose corners can be found."""
    from skimage.draw import polygon

    out = np.zeros(shape, np.uint16)
    rows, columns = zip(*QUAD, strict=True)
    out[polygon(rows, columns)] = 3000
    return out


@pytest.mark.parametrize("family", some(FAMILIES, "perspective", "deconvolve"))
def test_docks_do_not_read_lazy_data(viewer: Any, dock: Any, qtbot: Any, family: str) -> None:
    data = Guarded(np.random.default_rng(0).integers(0, 4000, (3, 4, 40, 50), dtype=np.uint16))
    viewer.add_image(data, contrast_limits=(0, 4000))
    widget = dock(family)
    qtbot.waitUntil(widget.run_button.isVisible)
    for id in widget.operations.operations:
        widget.operation = id
        for box in widget.options.boxes.values():
            for k in range(box.count()):
                box.setCurrentIndex(k)
        process_events()
    viewer.dims.set_point(0, 1)
    process_events()
    assert data.reads == []


@pytest.mark.parametrize("where", ["layer", *nightly("plane", "screen")])
@pytest.mark.parametrize("inside", ["", "labels", "shapes"])
def test_counting_does_not_read_lazy_data(viewer: Any, histogram: Any, qtbot: Any, where: Any, inside: str) -> None:
    data = Guarded(np.random.default_rng(0).integers(0, 4000, (4, 40, 50), dtype=np.uint16))
    masked = Guarded(np.ones((4, 40, 50), np.uint8))
    region = None
    if inside == "labels":
        region = viewer.add_labels(masked)
    elif inside == "shapes":
        region = viewer.add_shapes([[(5, 5), (5, 30), (30, 30), (30, 5)]], shape_type="polygon")
    layer = viewer.add_image(data, contrast_limits=(0, 4000))
    viewer.layers.selection.active = layer
    process_events()
    follower = histogram._follower
    follower.choose(RegionChoice(where, region))
    qtbot.waitUntil(lambda: follower.tally is not None and not follower.is_counting)
    assert data.counted > 0
    assert data.reads == masked.reads == []


def test_snapping_does_not_read_lazy_data(viewer: Any, dock: Any, qtbot: Any) -> None:
    data = Guarded(np.stack([sign()] * 3))
    layer = viewer.add_image(data, contrast_limits=(0, 4000))
    widget = dock("perspective")
    panel = widget.panel(CornersPanel)
    moved = np.array(QUAD) + np.array((2, -2))
    viewer.add_points(moved, name="corners")
    panel.corners.choose("corners")
    viewer.layers.selection.active = layer
    panel.corners.choose("corners")
    process_events()
    panel.snap_button.click()
    qtbot.waitUntil(lambda: "corners moved" in widget.message.text())
    assert widget.message.text().startswith("4 of 4")
    np.testing.assert_allclose(viewer.layers["corners"].data, QUAD, atol=1.5)
    assert data.reads == []


def test_the_small_picture_does_not_read_lazy_data(viewer: Any, dock: Any, qtbot: Any) -> None:
    data = Guarded(np.stack([sign() // 2, sign()]))
    layer = viewer.add_image(data, contrast_limits=(0, 3000))
    viewer.dims.set_current_step(0, 1)
    widget = dock("perspective")
    viewer.layers.selection.active = layer
    widget.panel(CornersPanel).markers.place(QUAD, layer)
    picture = widget.panel(PreviewPanel).picture
    qtbot.waitUntil(lambda: picture.shown is not None and not picture.is_busy)
    assert np.median(picture.shown[1].data) == 3000
    assert data.reads == []


def test_the_preview_follows_edits_in_place(viewer: Any, dock: Any, qtbot: Any) -> None:
    image = sign()
    layer = viewer.add_image(image, contrast_limits=(0, 4000))
    viewer.add_points(np.array(QUAD), name="corners")
    widget = dock("perspective")
    viewer.layers.selection.active = layer
    widget.panel(CornersPanel).corners.choose("corners")
    picture = widget.panel(PreviewPanel).picture

    def brightness() -> float:
        shown = picture.pixmap().toImage()
        return 0 if shown.isNull() else shown.pixelColor(shown.width() // 2, shown.height() // 2).red()

    qtbot.waitUntil(lambda: brightness() > 100)
    image[:] = 0
    layer.refresh()
    qtbot.waitUntil(lambda: brightness() == 0)


@pytest.mark.parametrize("dtype", ["u1", "f4", "?"])
def test_a_digest_is_that_of_the_values(dtype: str) -> None:
    image = np.random.default_rng(0).integers(0, 2, (7, 300, 40)).astype(dtype)
    first = run_to_end(digest(image, ""))
    assert first == run_to_end(digest(image[:, ::-1][:, ::-1], ""))
    image[3, 200, 10] = 1 - image[3, 200, 10]
    assert first != run_to_end(digest(image, ""))
    assert run_to_end(digest(Guarded(image), "")) is None
    assert run_to_end(digest(np.zeros((0, 4)), "")) == 0


@pytest.mark.parametrize("painted", [False, True])
def test_an_edit_during_a_run_is_told(viewer: Any, dock: Any, press: Any, monkeypatch: Any, painted: bool) -> None:
    from napari_mathimg.widgets.tasks import operation_job

    image = np.random.default_rng(0).integers(0, 4000, (60, 50), dtype=np.uint16)
    layer = viewer.add_image(image, name="cells")
    run = operation_job.run

    edits = iter([painted])

    def painting(plan: Any, **more: Any) -> Any:
        yield from ()
        result = yield from run(plan, **more)
        if next(edits, False):
            layer.data[10:20] = 0
        return result

    monkeypatch.setattr(operation_job, "run", painting)
    widget = dock("denoise")
    widget.operation = "median"
    press(widget)
    assert ("changed during the run" in widget.message.text()) is painted
    assert len(viewer.layers) == 2
    result = viewer.layers[-1]
    assert result.metadata[RECORD][-1].get("torn", False) is painted
    assert ("changed during the run" in result.get_source_str()) is painted
    viewer.layers.selection.active = result
    press(widget)
    steps = viewer.layers[-1].metadata[RECORD]
    assert [step.get("torn", False) for step in steps] == [painted, False]


@pytest.mark.parametrize("image", ["reference", "flat", "psf", "resampled psf"])
def test_an_edit_of_a_further_image_is_told(viewer: Any, dock: Any, press: Any, monkeypatch: Any, image: str) -> None:
    from napari_mathimg.widgets.tasks import operation_job

    rng = np.random.default_rng(0)
    shape, scale = ((9, 9), (0.7, 0.7)) if "psf" in image else ((60, 50), (0.5, 0.5))
    scale = (0.5, 0.5) if image == "psf" else scale
    further = viewer.add_image(rng.random(shape).astype(np.float32) + 1, name="further", scale=scale)
    layer = viewer.add_image(rng.integers(100, 4000, (60, 50), dtype=np.uint16), name="cells", scale=(0.5, 0.5))
    run = operation_job.run
    edits = iter([True])

    def painting(plan: Any, **more: Any) -> Any:
        result = yield from run(plan, **more)
        if next(edits, False):
            further.data[2:5] = 3
        return result

    monkeypatch.setattr(operation_job, "run", painting)
    family, operation = {
        "reference": ("intensity", "match_histograms"), "flat": ("lens", "flat_field"),
    }.get(image, ("deconvolve", "richardson_lucy"))  # fmt: skip
    widget = dock(family)
    viewer.layers.selection.active = layer
    widget.operation = operation
    if "psf" in image:
        widget.form["num_iter"].value = 1
        panel = widget.further_images.panels["psf"]
        panel.kind = "layer"
        panel.resample.setChecked("resampled" in image)
    widget.further_images.pickers[image.split()[-1]].choose("further")
    for is_torn in (True, False):
        viewer.layers.selection.active = layer
        press(widget)
        assert ("changed during the run" in widget.message.text()) is is_torn
        (step,) = viewer.layers[-1].metadata[RECORD]
        assert step.get("torn", False) is is_torn
        assert ("resampled" in step["images"][-1]) is (image == "resampled psf")


def test_isolating_obeys_the_preferences(viewer: Any, histogram: Any, qtbot: Any, notifications: list[Any]) -> None:
    layer = viewer.add_image(np.random.default_rng(0).integers(0, 4000, (2000, 3000), dtype=np.uint16))
    qtbot.waitUntil(lambda: histogram._follower is not None and histogram._follower.tally is not None)
    settings().computing.memory = 0.001
    settings().computing.threads = 1
    histogram.mark_range(100, 200)
    histogram.isolate()
    qtbot.waitUntil(lambda: bool(notifications))
    assert "GiB are allowed" in notifications[0].message
    assert [*viewer.layers] == [layer]
