"""The Perspective dock beside layers that come, go, change, and measure in other units."""

from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from mouse_and_keys import QUAD, choose, stacked, type_into
from qtpy.QtCore import Qt

from napari_mathimg.widgets.perspective.corners_panel import CornersPanel
from napari_mathimg.widgets.perspective.preview_panel import PreviewPanel
from napari_mathimg.widgets.perspective.rectangle_panel import RectanglePanel
from napari_mathimg.widgets.qt.layout import dock_of


def test_large_pixels_in_small_units(viewer: Any, opened: Any, hand: Any, image: Any) -> None:
    layer = viewer.add_image(image, scale=(5e6, 5e6), units=("nm", "nm"), name="map")
    opened.panel(CornersPanel).markers.place(QUAD, layer)
    hand.settle(opened)
    assert opened.panel(CornersPanel).fault_text.text() == ""


def test_labels_beside_an_image_are_not_mixed(
    viewer: Any, opened: Any, hand: Any, layer: Any, image: Any, press: Any
) -> None:
    viewer.add_labels(image.astype(int) * 1000, name="names")
    viewer.layers.selection.active = layer
    hand.pick(opened, layer)
    viewer.layers.selection = {layer, viewer.layers["names"]}
    hand.qtbot.waitUntil(opened.options.all_selected.isVisible)
    opened.options.all_selected.setChecked(True)
    press(opened)
    assert set(np.unique(viewer.layers["names – Rectify"].data)) <= {0, *np.unique(image.astype(int) * 1000)}


def test_points_of_three_axes_can_be_chosen(viewer: Any, opened: Any, hand: Any, image: Any) -> None:
    layer = viewer.add_image(stacked(image), name="sign")
    own = viewer.add_points([(z, *p) for z, p in enumerate(QUAD)], name="mine")
    opened.picker.layer = layer
    opened.panel(CornersPanel).corners.layer = own
    hand.qtbot.waitUntil(opened.run_button.isEnabled)
    viewer.dims.set_current_step(0, 1)


def test_layers_of_other_units(viewer: Any, opened: Any, hand: Any, image: Any, press: Any) -> None:
    layer = viewer.add_image(image, name="um", units=("um", "um"))
    other = viewer.add_image(image, name="nm", units=("nm", "nm"), scale=(1000, 1000))
    viewer.layers.selection.active = layer
    opened.panel(CornersPanel).markers.place(QUAD, layer)
    hand.settle(opened)
    np.testing.assert_allclose(opened.runs.parameters_for(other)["corners"], QUAD, atol=1e-4)


def test_axes_of_different_units(viewer: Any, opened: Any, hand: Any, image: Any, press: Any) -> None:
    """Pixels of 0.5 um x 500 nm are square."""
    layer = viewer.add_image(image, name="mix", units=("um", "nm"), scale=(0.5, 500))
    opened.panel(CornersPanel).markers.place(((9.5, 9.5), (9.5, 69.5), (49.5, 69.5), (49.5, 9.5)), layer)
    choose(opened.panel(RectanglePanel).box.mode, "typed")
    opened.panel(RectanglePanel).box.unit.setCurrentText("µm")
    opened.panel(RectanglePanel).box.width_box.value, opened.panel(RectanglePanel).box.height_box.value = 30, 20
    hand.settle(opened)
    press(opened)
    assert viewer.layers["mix – Rectify"].data.shape == (40, 60)


def test_units_of_time(viewer: Any, opened: Any, hand: Any, image: Any) -> None:
    layer = viewer.add_image(image, name="kymograph", units=("s", "s"))
    opened.panel(CornersPanel).markers.place(QUAD, layer)
    choose(opened.panel(RectanglePanel).box.mode, "typed")
    opened.panel(RectanglePanel).box.unit.setCurrentText("mm")
    hand.settle(opened)
    process_events()
    assert "Size in mm: must be in a unit like the image's, s" in opened.panel(CornersPanel).fault_text.text()


def test_typed_targets_go_with_their_points(viewer: Any, opened: Any, hand: Any, layer: Any, qtbot: Any) -> None:
    hand.pick(opened, layer)
    opened.panel(CornersPanel).add()
    hand.click(layer, (45.0, 60.0))
    hand.settle(opened)
    type_into(opened.panel(CornersPanel).table, 4, 2, "5")
    hand.settle(opened)
    viewer.layers.remove("sign corners")
    hand.settle(opened)
    hand.pick(opened, layer)
    opened.panel(CornersPanel).add()
    hand.click(layer, (45.0, 60.0))
    hand.settle(opened)
    assert [opened.panel(CornersPanel).table.item(k, 4).text() for k in range(5)] == ["0.00"] * 5


def test_the_outline_follows_the_layer(viewer: Any, opened: Any, hand: Any, layer: Any) -> None:
    hand.pick(opened, layer)
    hand.settle(opened)
    layer.translate = (30, 0)
    hand.settle(opened)
    process_events()
    outline, points = viewer.layers["sign outline"], viewer.layers["sign corners"]
    drawn = [outline.data_to_world(place) for place in outline.data[0]][:4]
    np.testing.assert_allclose(drawn, [points.data_to_world(place) for place in points.data], atol=1e-3)


def test_the_outline_is_thin_on_layers_with_an_affine(viewer: Any, opened: Any, hand: Any, image: Any) -> None:
    layer = viewer.add_image(image, name="sign", affine=np.diag([20.0, 20, 1]))
    viewer.reset_view()
    opened.panel(CornersPanel).markers.place(QUAD, layer)
    hand.settle(opened)
    assert viewer.layers["sign outline"].edge_width[0] * viewer.scene.camera.zoom < 4


def test_a_dock_behind_another_shows_what_is_now(viewer: Any, opened: Any, dock: Any, hand: Any, layer: Any) -> None:
    hand.pick(opened, layer)
    hand.settle(opened)
    dock_of(opened).hide()
    process_events()
    p = viewer.layers["sign corners"]
    p.data = p.data + 5
    process_events()
    dock_of(opened).show()
    process_events()
    hand.settle(opened)
    assert float(opened.panel(CornersPanel).table.item(0, 0).text()) == pytest.approx(p.data[0, 0], abs=0.01)


def test_settings_leave_points_of_others_alone(viewer: Any, opened: Any, hand: Any, layer: Any, press: Any) -> None:
    hand.pick(opened, layer)
    press(opened)
    own = viewer.add_points(np.array(QUAD) + 3, name="mine")
    before = own.data.copy()
    opened.panel(CornersPanel).corners.layer = own
    opened.picker.layer = viewer.layers["sign – Rectify"]
    process_events()
    opened.forms.load_button.click()
    hand.settle(opened)
    np.testing.assert_array_equal(own.data, before)


def test_a_plane_that_cannot_be_read_is_tried_once(viewer: Any, opened: Any, hand: Any) -> None:
    import dask.array as da

    bad, calls = [False], []

    def read(block_info=None):
        calls.append(1)
        if bad[0]:
            raise OSError("disk gone")
        return np.zeros((1, 50, 60))

    layer = viewer.add_image(
        da.map_blocks(read, chunks=((1, 1), (50,), (60,)), dtype=float, meta=np.zeros((0, 0, 0))),
        contrast_limits=(0, 1),
        cache=False,
    )
    picture = opened.panel(PreviewPanel).picture
    process_events()
    bad[0] = True
    calls.clear()
    opened.panel(CornersPanel).markers.place(((9.5, 9.5), (9.5, 49.5), (39.5, 49.5), (39.5, 9.5)), layer)
    hand.qtbot.waitUntil(lambda: picture.text().startswith("The plane could not be read: disk gone"))
    opened.panel(CornersPanel).refresh.soon()
    hand.settle(opened)
    assert not picture.is_busy
    n = len(calls)
    bad[0] = False
    assert n <= 2


def test_the_table_is_empty_without_an_image(viewer: Any, opened: Any, hand: Any, layer: Any) -> None:
    hand.pick(opened, layer)
    hand.settle(opened)
    viewer.layers.remove(layer)
    hand.settle(opened)
    process_events()
    assert opened.panel(CornersPanel).table.rowCount() == 0


def test_nothing_below_moves_when_corners_are_wrong(viewer: Any, opened: Any, hand: Any, layer: Any) -> None:
    viewer.window._qt_window.resizeDocks([dock_of(opened)], [300], Qt.Orientation.Horizontal)
    process_events()
    hand.pick(opened, layer)
    hand.settle(opened)
    process_events()
    before = opened.panel(PreviewPanel).picture.y()
    points = viewer.layers["sign corners"]
    data = points.data.copy()
    data[2] = (38, 50)
    points.data = data
    hand.settle(opened)
    process_events()
    assert opened.panel(PreviewPanel).picture.y() == before
