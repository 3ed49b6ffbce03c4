"""Corners clicked and dragged with a real mouse in a real window."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from mouse_and_keys import (
    LEFT,
    QUAD,
    SHAPE,
    Hand,
    choose,
    frame_of,
    marked,
    names,
    rectangle_of,
    stacked,
    type_into,
    upright,
)
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QApplication

import napari_mathimg as mathimg
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.perspective.corners_panel import CornersPanel
from napari_mathimg.widgets.perspective.preview_panel import PreviewPanel
from napari_mathimg.widgets.perspective.rectangle_panel import RectanglePanel
from napari_mathimg.widgets.perspective.result_outline import OutlinePanel
from napari_mathimg.widgets.qt.layout import dock_of
from nightly import each

Press = Callable[[FamilyDock], None]

TURNED = np.array([[1, 0, 0], [0, np.cos(0.4), -np.sin(0.4)], [0, np.sin(0.4), np.cos(0.4)]])
LAYERS: dict[str, tuple[str, Any, dict[str, Any], str]] = {
    "plane": ("image", lambda i: i, {}, "0123"),
    "stack": (
        "image", stacked, {"scale": (5, 0.5, 0.8), "translate": (7, 8, 9), "rotate": TURNED, "units": ("um",) * 3},
        "2031",
    ),
    "RGB": ("image", lambda i: np.stack([i // 16, i // 20, i // 30], -1).astype(np.uint8), {"rgb": True}, "3120"),
    "labels": ("labels", lambda i: i.astype(int) * 1000, {"scale": (2, 3)}, "1302"),
    "multiscale": ("image", lambda i: [i, i[::2, ::2], i[::4, ::4]], {"multiscale": True, "scale": (1, -1)}, "0213"),
    "sheared": ("image", lambda i: i, {"shear": (0.3,), "rotate": 20, "scale": (1.5, 1)}, "3210"),
    "affine": ("image", lambda i: i, {"affine": [[1.2, 0.3, 5], [-0.2, 0.9, 7], [0, 0, 1]], "scale": (2, 1)}, "1230"),
}  # fmt: skip


@pytest.mark.drawn
@pytest.mark.parametrize(("kind", "made", "state", "clicks"), each(LAYERS, "stack", "multiscale"))
def test_four_clicks_and_run_rectify_what_was_clicked(
    viewer: Any, opened: Any, hand: Hand, press: Press, image: Any, kind: str, made: Any, state: Any, clicks: str
) -> None:
    data = made(image)
    layer = getattr(viewer, f"add_{kind}")(data, name="sign", **state)
    hand.pick(opened, layer, [QUAD[int(k)] for k in clicks])
    points = viewer.layers["sign corners"]
    if layer.ndim == 3:
        for z in (0, 3):
            viewer.dims.set_current_step(0, z)
            assert len(points._view_data) == 4
    corners = marked(points, layer)
    zoom = viewer.scene.camera.zoom
    there = [np.array(layer.data_to_world((*(0,) * (layer.ndim - 2), *p)))[-2:] for p in corners]
    meant = [np.array(layer.data_to_world((*(0,) * (layer.ndim - 2), *QUAD[int(k)])))[-2:] for k in clicks]
    np.testing.assert_allclose(there, meant, atol=1.5 / zoom)
    press(opened)
    result = viewer.layers["sign – Rectify"]
    assert type(result) is type(layer)
    array = data[0] if kind == "image" and layer.multiscale else data
    frame, order = frame_of(layer), 0 if kind == "labels" else 1
    options = mathimg.Options(channel_axis=-1 if state.get("rgb") else None)
    expected = mathimg.apply(array, "rectify", options=options, corners=corners, frame=frame, order=order)
    np.testing.assert_array_equal(result.data[0] if result.multiscale else result.data, expected)
    shape = expected.shape[-3:-1] if state.get("rgb") else expected.shape[-2:]
    size = np.array(shape) * np.linalg.norm(frame, axis=1)
    np.testing.assert_allclose(rectangle_of(result, shape), upright(np.mean(there, axis=0), size), atol=1e-6)
    assert result.units == layer.units
    assert not layer.visible
    assert not points.visible
    assert sorted(text[0] for text in map(str, points.text.values)) == list("1234")


def test_dragging_a_corner_shows_what_becomes_of_it_before_the_button_is_released(
    viewer: Any, opened: Any, hand: Hand, layer: Any
) -> None:
    hand.pick(opened, layer)
    hand.settle(opened)
    hand.qtbot.waitUntil(lambda: shown(opened.panel(PreviewPanel).picture))
    points, outline = viewer.layers["sign corners"], viewer.layers["sign outline"]
    picture, before = opened.panel(PreviewPanel).picture.pixmap().toImage(), marked(points, layer)
    hand.press(layer, before[1])
    hand.move(layer, before[1], (12.0, 110.0))
    hand.settle(opened)
    hand.qtbot.waitUntil(lambda: not opened.panel(PreviewPanel).picture.is_busy)
    now = marked(points, layer)
    assert np.abs(now[1] - (12.0, 110.0)).max() < 2.5 / viewer.scene.camera.zoom
    np.testing.assert_allclose(now[[0, 2, 3]], before[[0, 2, 3]], atol=1e-4)
    assert opened.panel(CornersPanel).table.item(1, 0).text() == f"{now[1, 0]:.2f}"
    assert opened.panel(CornersPanel).table.item(1, 1).text() == f"{now[1, 1]:.2f}"
    np.testing.assert_allclose(outline.data[0][:4], now, atol=1e-4)
    assert opened.panel(PreviewPanel).picture.pixmap().toImage() != picture
    hand.release(layer, (12.0, 110.0))


def shown(preview: Any) -> bool:
    return preview.pixmap() is not None and not preview.pixmap().isNull()


def test_the_preview_looks_like_the_result_also_of_data_that_came_later(
    viewer: Any, opened: Any, hand: Hand, layer: Any, press: Press, image: Any
) -> None:
    """In blocks that are one color each, at their middles."""
    hand.pick(opened, layer, ((9.5, 19.5), (9.5, 99.5), (69.5, 99.5), (69.5, 19.5)))
    corners = marked(viewer.layers["sign corners"], layer)
    for data in (image, np.tile(image[::-1], (2, 2))):
        layer.data = data
        layer.visible = True
        viewer.layers.selection.active = layer
        hand.settle(opened)
        preview = opened.panel(PreviewPanel).picture
        hand.qtbot.waitUntil(lambda of=preview: of.shown is not None and not of.is_busy)
        assert preview.shown[0].request.job.source.array is data
        picture = preview.pixmap().toImage()
        press(opened)
        found = viewer.layers[-1].data
        np.testing.assert_array_equal(found, mathimg.apply(data, "rectify", corners=corners))
        low, high = layer.contrast_limits
        for row in (np.arange(6) + 0.5) / 6:
            for column in (np.arange(8) + 0.5) / 8:
                at = int(row * picture.height()), int(column * picture.width())
                gray = QColor(picture.pixel(at[1], at[0])).red() / 255
                pixel = found[int(row * found.shape[0]), int(column * found.shape[1])]
                assert gray == pytest.approx(np.clip((pixel - low) / (high - low), 0, 1), abs=0.02)


def test_backspace_takes_corners_back_and_escape_leaves(viewer: Any, opened: Any, hand: Hand, layer: Any) -> None:
    hand.pick(opened, layer, QUAD[:2])
    hand.settle(opened)
    assert opened.panel(CornersPanel).fault_text.text().startswith("Click corner 3 of 4")
    hand.key(Qt.Key.Key_Backspace)
    hand.settle(opened)
    assert opened.panel(CornersPanel).fault_text.text().startswith("Click corner 2 of 4")
    assert opened.panel(CornersPanel).table.rowCount() == 1
    hand.click(layer, *QUAD[1:])
    hand.settle(opened)
    points = viewer.layers["sign corners"]
    assert str(points.mode) == "select"
    hand.key(Qt.Key.Key_Backspace)
    hand.settle(opened)
    assert len(points.data) == 3
    assert str(points.mode) == "add"
    assert not opened.run_button.isEnabled()
    for _ in range(5):
        hand.key(Qt.Key.Key_Backspace)  # the last two of nothing
    hand.settle(opened)
    assert len(points.data) == 0
    hand.key(Qt.Key.Key_Escape)
    assert viewer.layers.selection.active is layer
    assert points not in viewer.layers
    assert not any(other.visible for other in viewer.layers if other is not layer)
    hand.pick(opened, layer)
    hand.key(Qt.Key.Key_Escape)
    assert len(viewer.layers["sign corners"].data) == 4
    assert viewer.layers.selection.active is layer


def test_a_corner_dragged_inside_is_refused_at_once_by_its_label(
    viewer: Any, opened: Any, hand: Hand, layer: Any
) -> None:
    hand.pick(opened, layer)
    hand.settle(opened)
    points, outline = viewer.layers["sign corners"], viewer.layers["sign outline"]
    good = outline.edge_color[0]
    begin = marked(points, layer)[2]
    hand.press(layer, begin)
    hand.move(layer, begin, (38.0, 50.0))
    hand.settle(opened)
    label = opened.panel(CornersPanel).table.label(2)[0]
    assert f"The corners are not convex: move corner {label} away" in opened.panel(CornersPanel).fault_text.text()
    red = outline.edge_color[0]
    assert red[0] > 0.9
    assert red[1] < 0.4
    assert not opened.run_button.isEnabled()
    assert not opened.panel(CornersPanel).matrix_button.isEnabled()
    hand.move(layer, (38.0, 50.0), marked(points, layer)[1])  # onto its neighbor
    hand.settle(opened)
    assert "less than two pixels apart" in opened.panel(CornersPanel).fault_text.text()
    hand.move(layer, QUAD[1], begin)
    hand.release(layer, begin)
    hand.qtbot.waitUntil(opened.run_button.isEnabled)
    np.testing.assert_array_equal(outline.edge_color[0], good)


def test_an_existing_points_layer_lends_its_points_and_gets_its_text_back(
    viewer: Any, opened: Any, hand: Hand, layer: Any, press: Press
) -> None:
    own = viewer.add_points(
        np.array(QUAD)[::-1] / 2, scale=(2, 2), name="mine", features={"n": list("abcd")}, text={"string": "at {n}"}
    )
    viewer.layers.selection.active = layer
    opened.panel(CornersPanel).corners.layer = own
    hand.qtbot.waitUntil(opened.run_button.isEnabled)
    assert sorted(str(t)[0] for t in own.text.values) == list("1234")
    press(opened)
    expected = mathimg.apply(layer.data, "rectify", corners=QUAD)
    np.testing.assert_array_equal(viewer.layers["sign – Rectify"].data, expected)
    viewer.layers.selection.active = own
    layer.visible = True
    hand.drag(layer, QUAD[1], (15.0, 105.0))
    hand.settle(opened)
    opened.panel(CornersPanel).corners.layer = None
    hand.settle(opened)
    assert [str(t) for t in own.text.values] == [f"at {n}" for n in "abcd"]
    np.testing.assert_allclose(own.data[[0, 1, 3]], (np.array(QUAD)[::-1] / 2)[[0, 1, 3]])
    assert not opened.run_button.isEnabled()
    viewer.layers.remove(own)
    assert opened.panel(CornersPanel).corners.count() == 1


def test_a_typed_number_moves_its_corner_and_words_do_not(viewer: Any, opened: Any, hand: Hand, layer: Any) -> None:
    hand.pick(opened, layer)
    hand.settle(opened)
    points = viewer.layers["sign corners"]
    before = marked(points, layer)
    for text, value in (("30,5", 30.5), ("left", 30.5), ("nan", 30.5), ("inf", 30.5)):
        type_into(opened.panel(CornersPanel).table, 1, 0, text)
        hand.settle(opened)
        hand.qtbot.waitUntil(lambda value=value: opened.panel(CornersPanel).table.item(1, 0).text() == f"{value:.2f}")
        now = marked(points, layer)
        assert now[1, 0] == pytest.approx(value, abs=1e-5)
        np.testing.assert_allclose(np.delete(now.ravel(), 2), np.delete(before.ravel(), 2), atol=1e-5)


def test_snap_finds_the_corners_of_a_square_and_says_where_there_are_none(
    viewer: Any, opened: Any, hand: Hand, qtbot: Any
) -> None:
    image = np.zeros(SHAPE)
    image[20:70, 30:90] = 1
    layer = viewer.add_image(image, scale=(0.5, 0.7), name="square")
    hand.pick(opened, layer, ((22, 28), (18, 91), (67, 92), (72, 31)))
    hand.settle(opened)
    qtbot.mouseClick(opened.panel(CornersPanel).snap_button, LEFT)
    hand.settle(opened)
    points = viewer.layers["square corners"]
    true = [(19.5, 29.5), (19.5, 89.5), (69.5, 89.5), (69.5, 29.5)]
    np.testing.assert_allclose(marked(points, layer), true, atol=0.1)
    assert "4 of 4 corners moved" in opened.message.text()
    type_into(opened.panel(CornersPanel).table, 2, 0, "45")
    hand.settle(opened)
    qtbot.mouseClick(opened.panel(CornersPanel).snap_button, LEFT)
    hand.settle(opened)
    lost = opened.panel(CornersPanel).table.label(2)
    told = f"3 of 4 corners moved to a corner in the image. There is none within 12\u00a0px of {lost}."
    assert told in opened.message.text()
    np.testing.assert_allclose(marked(points, layer)[2], (45, 89.5), atol=0.1)


def test_turn_steps_the_labels_and_turns_the_result(
    viewer: Any, opened: Any, hand: Hand, layer: Any, press: Press, qtbot: Any
) -> None:
    hand.pick(opened, layer)
    choose(opened.panel(RectanglePanel).box.mode, "typed")
    opened.panel(RectanglePanel).box.width_box.value = opened.panel(RectanglePanel).box.height_box.value = 50
    hand.settle(opened)
    assert [opened.panel(CornersPanel).table.label(k)[0] for k in range(4)] == list("1234")
    corners = marked(viewer.layers["sign corners"], layer)
    straight = mathimg.apply(layer.data, "rectify", corners=corners, width=50, height=50).astype(int)
    for turn, labels in ((1, "4123"), (2, "3412")):
        qtbot.mouseClick(opened.panel(CornersPanel).turn_button, LEFT)
        hand.settle(opened)
        assert "".join(opened.panel(CornersPanel).table.label(k)[0] for k in range(4)) == labels
        press(opened)
        turned = viewer.layers[-1].data.astype(int)
        np.testing.assert_allclose(turned, np.rot90(straight, turn), atol=1)
        viewer.layers.selection.active = layer


def test_canvases_and_typed_sizes_in_pixels_and_in_units_are_the_result_s(
    viewer: Any, opened: Any, hand: Hand, layer: Any, press: Press, image: Any
) -> None:
    hand.pick(opened, layer)
    size, corners = opened.panel(RectanglePanel).box, marked(viewer.layers["sign corners"], layer)
    for canvas, said in (("whole", "whole"), ("canvas", (130, 170))):
        choose(size.canvas, canvas)
        size.rows.value, size.columns.value = 130, 170
        press(opened)
        expected = mathimg.apply(layer.data, "rectify", corners=corners, canvas=said)
        np.testing.assert_array_equal(viewer.layers[-1].data, expected)
        viewer.layers.remove(viewer.layers[-1])
        layer.visible = True
        viewer.layers.selection.active = layer
    choose(size.canvas, "rectangle")

    choose(size.mode, "typed")
    size.width_box.value, size.height_box.value = 64, 32
    press(opened)
    result = viewer.layers[-1]
    assert result.data.shape == (32, 64)
    assert tuple(result.scale) == (1, 1)
    assert [str(u) for u in result.units] == ["pixel"] * 2

    layer.visible, result.visible = True, False
    size.unit.setCurrentText("cm")
    size.width_box.value, size.height_box.value = 30, 10
    hand.settle(opened)
    assert "cm (the image has no units)" in opened.panel(PreviewPanel).size_text.text()
    middle = np.mean(
        [viewer.layers["sign corners"].data_to_world(p) for p in viewer.layers["sign corners"].data], axis=0
    )
    viewer.layers.selection.active = layer
    viewer.layers.remove(result)
    press(opened)
    result = viewer.layers["sign – Rectify"]
    np.testing.assert_allclose(rectangle_of(result, result.data.shape), upright(middle, np.array((10, 30))), atol=1e-6)
    assert [str(u) for u in result.units] == ["centimeter"] * 2


def test_a_typed_length_is_taken_in_the_layer_s_unit(
    viewer: Any, opened: Any, hand: Hand, image: Any, press: Press
) -> None:
    layer = viewer.add_image(stacked(image), name="sign", scale=(3, 0.5, 0.5), units=("um",) * 3)
    hand.pick(opened, layer)
    size = opened.panel(RectanglePanel).box
    choose(size.mode, "typed")
    size.unit.setCurrentText("mm")
    size.width_box.value, size.height_box.value = 0.06, 0.02
    press(opened)
    result = viewer.layers["sign – Rectify"]
    assert result.units == layer.units
    ends = rectangle_of(result, result.data.shape[1:])
    np.testing.assert_allclose(ends[2] - ends[0], (20, 60), rtol=1e-6)
    assert result.scale[0] == 3


def test_further_corners_with_typed_targets_are_fitted_and_their_residuals_shown(
    viewer: Any, opened: Any, hand: Hand, layer: Any, press: Press, qtbot: Any
) -> None:
    hand.pick(opened, layer)
    choose(opened.panel(RectanglePanel).box.mode, "typed")
    opened.panel(RectanglePanel).box.width_box.value, opened.panel(RectanglePanel).box.height_box.value = 80, 40
    qtbot.mouseClick(opened.panel(CornersPanel).add_button, LEFT)
    hand.click(layer, (45.0, 60.0), (40.0, 40.0))
    hand.settle(opened)
    assert opened.panel(CornersPanel).table.rowCount() == 6
    missed = [opened.panel(CornersPanel).table.item(k, 4).text() for k in range(6)]
    assert missed == ["0.00"] * 6  # each where it lies already
    aims = {4: (20.0, 42.0), 5: (19.0, 21.0), 0: (0.5, -0.5)}
    for row, aim in aims.items():
        for axis in (0, 1):
            type_into(opened.panel(CornersPanel).table, row, 2 + axis, str(aim[axis]))
            hand.settle(opened)
    press(opened)
    result = viewer.layers["sign – Rectify"]
    step = result.metadata["napari_mathimg"][-1]
    known = step["parameters"]
    for row, aim in aims.items():
        np.testing.assert_allclose(known["targets"][row], aim, atol=1e-6)
    corners = marked(viewer.layers["sign corners"], layer)
    np.testing.assert_allclose(known["corners"], corners, atol=1e-6)
    matrix = np.array(step["matrix"])  # on (x, y, 1), of pixel indices
    for row in range(6):
        y, x = np.array(known["targets"][row]) - 0.5
        u, v, w = matrix @ (x, y, 1)
        off = np.hypot(v / w - corners[row, 0], u / w - corners[row, 1])
        assert float(opened.panel(CornersPanel).table.item(row, 4).text()) == pytest.approx(off, abs=0.006)
    assert opened.panel(CornersPanel).fault_text.text().startswith("Least-squares fit: ")


@pytest.mark.drawn
def test_the_outline_lies_on_the_rectangle_of_the_result(
    viewer: Any, opened: Any, hand: Hand, image: Any, press: Press
) -> None:
    layer = viewer.add_image(
        stacked(image), name="sign", scale=(5, 0.5, 0.8), rotate=TURNED, translate=(1, 2, 3),
        affine=np.diag([1.0, 2.0, 1.5, 1.0]),
    )  # fmt: skip
    hand.pick(opened, layer)
    opened.panel(OutlinePanel).tick.setChecked(True)
    choose(opened.panel(RectanglePanel).box.canvas, "whole")
    press(opened)
    result, box = viewer.layers["sign – Rectify"], viewer.layers["sign – Rectify outline"]
    corners = viewer.layers["sign corners"]
    middle = np.mean([corners.data_to_world(p) for p in corners.data], axis=0)[-2:]
    known = result.metadata["napari_mathimg"][-1]["parameters"]
    size = np.array((known["height"], known["width"])) * np.linalg.norm(frame_of(layer), axis=1)
    drawn = np.array([box.data_to_world(p) for p in box.data[0]])[:4, -2:]
    np.testing.assert_allclose(drawn, upright(middle, size), atol=1e-6)


def test_all_selected_layers_get_the_same_map_and_one_that_cannot_is_named(
    viewer: Any, opened: Any, hand: Hand, layer: Any, image: Any, press: Press, notifications: Any
) -> None:
    fine = viewer.add_image(
        np.kron(image, np.ones((2, 2), int)), name="fine", scale=(0.5, 0.5), translate=(-0.25, -0.25)
    )
    tilt = np.array([[np.cos(0.4), 0, -np.sin(0.4)], [0, 1, 0], [np.sin(0.4), 0, np.cos(0.4)]])
    with pytest.warns(UserWarning, match="Non-orthogonal slicing"):
        viewer.add_image(np.zeros((3, 9, 9)), name="tilted", rotate=tilt)
    viewer.layers.selection.active = layer
    hand.pick(opened, layer)
    viewer.layers.selection = {layer, viewer.layers["fine"], viewer.layers["tilted"]}
    hand.qtbot.waitUntil(opened.options.all_selected.isVisible)
    opened.options.all_selected.setChecked(True)
    press(opened)
    first, second = viewer.layers["sign – Rectify"], viewer.layers["fine – Rectify"]
    assert "tilted – Rectify" not in names(viewer)
    assert "tilted: " in opened.message.text()
    assert not notifications
    assert second.data.shape == tuple(2 * n for n in first.data.shape)
    np.testing.assert_allclose(
        rectangle_of(first, first.data.shape), rectangle_of(second, second.data.shape), atol=1e-6
    )
    corners = marked(viewer.layers["sign corners"], fine)
    frame = ((0.5, 0.0), (0.0, 0.5))
    size = tuple(float(n) for n in first.data.shape)
    rows, columns = second.data.shape
    expected = mathimg.apply(fine.data, "rectify", corners=corners, frame=frame, size=size, height=rows, width=columns)
    assert np.abs(second.data - expected).max() <= 1e-6 * image.max()


def test_copied_matrix_and_settings_of_a_result_make_it_again(
    viewer: Any, opened: Any, hand: Hand, layer: Any, press: Press, qtbot: Any
) -> None:
    hand.pick(opened, layer)
    qtbot.mouseClick(opened.panel(CornersPanel).turn_button, LEFT)
    choose(opened.panel(RectanglePanel).box.mode, "typed")
    opened.panel(RectanglePanel).box.width_box.value, opened.panel(RectanglePanel).box.height_box.value = 70, 33
    choose(opened.panel(RectanglePanel).box.canvas, "canvas")
    opened.panel(RectanglePanel).box.rows.value, opened.panel(RectanglePanel).box.columns.value = SHAPE
    hand.settle(opened)
    qtbot.mouseClick(opened.panel(CornersPanel).matrix_button, LEFT)
    copied = json.loads(QApplication.clipboard().text())
    press(opened)
    first = viewer.layers["sign – Rectify"]
    np.testing.assert_array_equal(copied, first.metadata["napari_mathimg"][-1]["matrix"])
    same = mathimg.apply(layer.data, "homography", matrix=copied, inverse=True)
    np.testing.assert_allclose(same.astype(int), first.data.astype(int), atol=1)

    viewer.layers.remove("sign corners")
    choose(opened.panel(RectanglePanel).box.canvas, "rectangle")
    opened.panel(RectanglePanel).box.width_box.value = 11
    qtbot.mouseClick(opened.panel(CornersPanel).turn_button, LEFT)
    opened.picker.layer = first
    qtbot.mouseClick(opened.forms.load_button, LEFT)
    hand.qtbot.waitUntil(opened.run_button.isEnabled)
    assert opened.picker.layer is layer
    assert layer.visible
    known = first.metadata["napari_mathimg"][-1]["parameters"]
    np.testing.assert_allclose(marked(viewer.layers["sign corners"], layer), known["corners"], atol=1e-5)
    press(opened)
    again = viewer.layers[-1]
    assert again is not first
    np.testing.assert_allclose(again.data.astype(int), first.data.astype(int), atol=1)
    assert again.metadata["napari_mathimg"][-1]["parameters"]["turn"] == 1


@pytest.mark.drawn
@pytest.mark.own_window
def test_layers_may_go_at_any_time(viewer: Any, opened: Any, hand: Hand, layer: Any) -> None:
    hand.pick(opened, layer)
    hand.settle(opened)
    viewer.layers.remove("sign outline")
    hand.drag(layer, QUAD[1], (15.0, 105.0))
    hand.settle(opened)
    assert "sign outline" in names(viewer)
    viewer.layers.remove("sign corners")
    hand.settle(opened)
    assert "sign outline" not in names(viewer)
    assert not opened.run_button.isEnabled()
    assert opened.panel(CornersPanel).fault_text.text().startswith("Press Pick corners")
    hand.pick(opened, layer, QUAD[:2])
    viewer.layers.remove(layer)
    hand.settle(opened)
    assert names(viewer) == ["sign corners"]
    assert not opened.panel(CornersPanel).pick_button.isEnabled()
    hand.key(Qt.Key.Key_Backspace)
    viewer.layers.clear()
    hand.settle(opened)
    assert not opened.run_button.isEnabled()
    another = viewer.add_image(np.zeros(SHAPE), name="another")
    hand.pick(opened, another)
    hand.press(another, QUAD[0])  # and the window closes with the button down


def test_corners_are_picked_in_two_dimensions_along_the_last_two_axes(
    viewer: Any, opened: Any, hand: Hand, image: Any, qtbot: Any
) -> None:
    layer = viewer.add_image(stacked(image), name="sign")
    viewer.dims.ndisplay = 3
    qtbot.mouseClick(opened.panel(CornersPanel).pick_button, LEFT)
    said = "Show the axes y and x of 'sign' in two dimensions to pick corners"
    assert said in opened.message.text()
    viewer.dims.ndisplay = 2
    viewer.dims.order = (1, 0, 2)
    qtbot.mouseClick(opened.panel(CornersPanel).pick_button, LEFT)
    assert said in opened.message.text()
    assert names(viewer) == ["sign"]
    viewer.dims.order = (0, 1, 2)
    hand.pick(opened, layer)
    assert said not in opened.message.text()


def test_a_closed_dock_leaves_no_overlay_and_no_connection(
    viewer: Any, dock: Any, hand: Hand, image: Any, qtbot: Any
) -> None:
    layer = viewer.add_image(image, name="sign")
    own = viewer.add_points(np.array(QUAD), name="mine")
    viewer.layers.selection.active = layer
    emitters = [
        viewer.layers.events.inserted, viewer.layers.events.removed, viewer.layers.events.reordered,
        viewer.layers.selection.events.active, viewer.layers.selection.events.changed, viewer.dims.events.current_step,
        layer.events.name, layer.events.data, layer.events.scale, layer.events.visible, layer.events.contrast_limits,
        own.events.name, own.events.data, own.events.set_data, own.events.visible,
    ]  # fmt: skip
    before = [len(e.callbacks) for e in emitters]
    for chosen in (True, False):
        widget = dock("perspective")
        process_events()
        viewer.layers.selection.active = layer
        if chosen:
            widget.panel(CornersPanel).corners.layer = own
            qtbot.waitUntil(widget.run_button.isEnabled)
        else:
            hand.pick(widget, layer)
        hand.settle(widget)
        assert "sign outline" in names(viewer)
        title = dock_of(widget).titleBarWidget()
        with qtbot.waitSignal(widget.destroyed):
            qtbot.mouseClick(title.close_button, LEFT)
        assert "sign outline" not in names(viewer)
        if "sign corners" in names(viewer):
            viewer.layers.remove("sign corners")
        assert [len(e.callbacks) for e in emitters] == before
    layer.visible = False
    own.add((3, 3))
    viewer.dims.ndisplay = 3
