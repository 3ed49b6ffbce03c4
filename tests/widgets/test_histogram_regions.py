"""Parts of a layer whose histogram is shown, in a real window: shapes, and what is on screen."""

import threading
from typing import Any

import numpy as np
import pytest
from histogram_checks import Gated, Settle, Watched, check, pixels_of
from napari.layers import Labels, Shapes
from skimage import draw

from napari_mathimg import operations
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine import prepare
from napari_mathimg.widgets.histogram.dock import HistogramDock
from napari_mathimg.widgets.preview.shared_facts import facts_of


def test_regions(viewer: Any, histogram: HistogramDock, settle: Settle) -> None:
    rng = np.random.default_rng(5)
    layer = viewer.add_image(rng.integers(0, 1000, (3, 60, 80)), name="stack", scale=(2, 0.5, 0.5), translate=(0, 3, 4))
    labels = np.zeros((3, 60, 80), int)
    labels[:, 10:20, 30:50] = 4
    cells = Labels(labels, scale=(2, 0.5, 0.5), translate=(0, 3, 4), name="cells")
    polygon = np.array([[5.2, 7.1], [50.3, 20.4], [30.1, 70.2]])
    shapes = Shapes([polygon], shape_type="polygon", scale=(0.5, 0.5), translate=(3, 4), name="marks")
    for other in (cells, shapes):
        viewer.add_layer(other)
    viewer.layers.selection.active = layer
    settle(histogram)
    names = [histogram.inside.itemText(k) for k in range(histogram.inside.count())]
    assert names == ["Everywhere", "Inside marks", "Inside cells"]
    mask = draw.polygon2mask((60, 80), polygon)
    histogram.inside.setCurrentIndex(1)
    settle(histogram)
    check(histogram, layer.data[:, mask])
    histogram.where.setCurrentIndex(1)
    settle(histogram)
    check(histogram, pixels_of(layer, viewer, "plane", mask))
    shapes.add([[40, 60], [40, 75], [55, 75], [55, 60]], shape_type="rectangle")
    shapes.selected_data = {1}
    settle(histogram)
    box = np.zeros((60, 80), bool)
    box[41:56, 61:76] = True  # centers on the first edges lie outside or inside, by convention
    assert abs(histogram.found.counts.sum() - box.sum()) <= 32  # type: ignore[union-attr]
    shapes.selected_data = {0}
    settle(histogram)
    check(histogram, pixels_of(layer, viewer, "plane", mask))
    histogram.inside.setCurrentIndex(2)
    settle(histogram)
    assert histogram.shown_sentence == "The selection holds no pixel of this layer."
    cells.selected_label = 4
    settle(histogram)
    check(histogram, pixels_of(layer, viewer, "plane", labels[0] == 4))
    histogram.where.setCurrentIndex(0)
    settle(histogram)
    check(histogram, layer.data[labels == 4])
    cells.data[1, 0, 0] = 4
    cells.refresh()
    settle(histogram)
    check(histogram, layer.data[cells.data == 4])
    viewer.layers.remove(cells)
    settle(histogram)
    assert histogram.inside.layer is None
    check(histogram, layer.data)


def test_regions_of_layers_that_measure_in_different_units(
    viewer: Any, histogram: HistogramDock, settle: Settle
) -> None:
    stack = np.random.default_rng(6).integers(0, 1000, (4, 60, 80))
    layer = viewer.add_image(stack, scale=(2, 0.5, 0.5), units="um")
    labels = np.zeros((4, 60, 80), int)
    labels[2, 10:20, 30:50] = 1
    cells = Labels(labels, scale=(2000, 500, 500), units="nm")
    box = [[1, 29.5, 39.5], [1, 29.5, 59.5], [1, 44.5, 59.5], [1, 44.5, 39.5]]
    marks = Shapes([box], scale=(2e-3, 5e-4, 5e-4), units="mm")
    for other in (cells, marks):
        viewer.add_layer(other)
    viewer.layers.selection.active = layer
    for plane in (1, 2):
        viewer.dims.set_current_step(0, plane)
        histogram.inside.setCurrentIndex(0)
        histogram.where.setCurrentIndex(1)
        settle(histogram)
        check(histogram, stack[plane])
    histogram.inside.setCurrentIndex(histogram.inside.findText(f"Inside {cells.name}"))
    settle(histogram)
    check(histogram, stack[labels == 1])
    histogram.inside.setCurrentIndex(histogram.inside.findText(f"Inside {marks.name}"))
    settle(histogram)
    assert histogram.shown_sentence == f"'{marks.name}' has no shape with an area in the plane that is shown."
    viewer.dims.set_current_step(0, 1)
    settle(histogram)
    check(histogram, stack[1, 30:45, 40:60])


def test_what_is_on_screen(viewer: Any, histogram: HistogramDock, settle: Settle) -> None:
    layer = viewer.add_image(np.arange(400 * 300).reshape(400, 300))
    settle(histogram)
    histogram.where.setCurrentIndex(2)
    viewer.scene.camera.zoom, viewer.scene.camera.center = 12, (100, 120)
    viewer.window._qt_viewer.canvas.on_draw()  # which tells layers what is on screen
    settle(histogram)
    (top, left), (bottom, right) = layer.corner_pixels
    part = layer.data[top : bottom + 1, left : right + 1]
    assert 0 < part.size < layer.data.size / 4
    check(histogram, part)


def test_ellipses_and_shapes_of_other_planes(viewer: Any, histogram: HistogramDock, settle: Settle) -> None:
    layer = viewer.add_image(np.random.default_rng(8).integers(0, 99, (3, 60, 80)))
    box = np.array([[1, 10, 20], [1, 10, 50], [1, 40, 50], [1, 40, 20]], float)
    viewer.add_layer(Shapes([box], shape_type="ellipse", name="round"))
    viewer.layers.selection.active = layer
    settle(histogram)
    histogram.where.setCurrentIndex(1)
    histogram.inside.setCurrentIndex(1)
    viewer.dims.set_current_step(0, 0)
    settle(histogram)
    assert histogram.shown_sentence == "'round' has no shape with an area in the plane that is shown."
    viewer.dims.set_current_step(0, 1)
    settle(histogram)
    rows, columns = np.mgrid[:60, :80]
    inside = ((rows - 25) / 15) ** 2 + ((columns - 35) / 15) ** 2 < 1
    assert histogram.found is not None
    assert histogram.found.counts.sum() == pytest.approx(inside.sum(), rel=0.02)
    viewer.dims.ndisplay = 3
    settle(histogram)
    assert histogram.shown_sentence == "The shapes of 'round' lie in a plane: show the image in 2D."


def test_what_of_a_pyramid_is_on_screen(viewer: Any, histogram: HistogramDock, settle: Settle) -> None:
    levels = [np.arange(2048 * 2048).reshape(2048, 2048)[::k, ::k] // 999 for k in (1, 2, 4)]
    layer = viewer.add_image(levels, multiscale=True, contrast_limits=(0, 4200))
    histogram.where.setCurrentIndex(2)
    viewer.scene.camera.zoom, viewer.scene.camera.center = 0.5, (700, 900)
    viewer.window._qt_viewer.canvas.on_draw()
    settle(histogram)
    factor = int(layer.downsample_factors[layer.data_level][0])
    (top, left), (bottom, right) = layer.corner_pixels
    check(histogram, levels[0][top * factor : (bottom + 1) * factor, left * factor : (right + 1) * factor])


def test_it_says_which_level_of_a_pyramid_was_counted_and_isolates_with_levels(
    viewer: Any, histogram: HistogramDock, settle: Settle, qtbot: Any
) -> None:
    fine = np.random.default_rng(8).integers(0, 200, (1024, 512), dtype=np.uint8)
    coarse = fine.reshape(512, 2, 256, 2).mean((1, 3)).astype(np.uint8)

    slow = Gated(fine)
    slow.chunks = (512, 512)
    viewer.add_image([slow, coarse], multiscale=True, name="tiles", contrast_limits=(0, 255))
    qtbot.waitUntil(lambda: histogram.state.whole().startswith("partial"))
    state = histogram.state.whole()
    assert state.startswith("partial: a coarser level, ")
    assert histogram.follower.tally.pixels == coarse.size  # type: ignore[union-attr]
    slow.gate.set()
    settle(histogram)
    assert histogram.state.whole() == "exact: 524\u202f288\u00a0px"
    assert histogram.state.toolTip() == "exact: 524\u202f288\u00a0px, in full resolution"
    histogram.mark_range(50, 99)
    histogram.isolate_button.click()
    settle(histogram)
    result = viewer.layers["tiles – Clip"]
    assert [level.shape for level in result.data] == [(1024, 512), (512, 256)]
    np.testing.assert_array_equal(result.data[0], np.where((fine >= 50) & (fine <= 99), fine, 0))


class Early(Gated):
    """A gated array whose reads have taken the pixels before they wait, those of `taken` all of them."""

    def __init__(self, array: Any) -> None:
        super().__init__(array)
        self.taken = np.zeros(array.shape, bool)

    def __getitem__(self, key: Any) -> Any:
        block = np.array(Watched.__getitem__(self, key))
        self.taken[key] |= threading.current_thread() is not threading.main_thread()
        super().__getitem__(key)
        return block


def test_a_range_of_pixels_that_are_edited_while_they_are_counted_is_not_kept(
    viewer: Any, histogram: HistogramDock, settle: Settle, qtbot: Any
) -> None:
    array = Early(np.random.default_rng(0).integers(0, 99, (3, 64, 64), np.uint16))
    layer = viewer.add_image(array, contrast_limits=(0, 99))
    qtbot.waitUntil(lambda: array.taken.all(), timeout=20_000)
    array.array[0, 0, 0] = 5000
    facts_of(viewer).touch(layer.data)  # as previews do
    array.gate.set()
    settle(histogram)
    plan = run_to_end(prepare(operations()["adjust_gamma"], layer.data, facts=facts_of(viewer)))
    assert plan.value_ranges[()].high == 5000
    assert histogram.follower is not None
    histogram.follower.count_again()
    settle(histogram)
    reads = array.read.sum()
    again = run_to_end(prepare(operations()["adjust_gamma"], layer.data, facts=facts_of(viewer)))
    assert (again.value_ranges[()].high, array.read.sum()) == (5000, reads)
