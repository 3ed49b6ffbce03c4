"""Corners marked in a multiscale image: a result of every level lies where that of the full resolution lies."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mouse_and_keys import LEFT, QUAD, Hand, choose, choose_level, frame_of, marked, rectangle_of, type_into, upright
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

import napari_mathimg as mathimg
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.perspective.corners_panel import CornersPanel
from napari_mathimg.widgets.perspective.rectangle_panel import RectanglePanel
from napari_mathimg.widgets.perspective.result_outline import OutlinePanel
from nightly import each

Press = Callable[[FamilyDock], None]

TURNED = np.array([[0.8, -0.6], [0.6, 0.8]])
PLACES: dict[str, dict[str, Any]] = {
    "plain": {},
    "placed": {"scale": (0.5, 0.5), "translate": (7, -3), "units": ("um", "um"), "rotate": TURNED},
    "affine": {"affine": [[1.2, 0.3, 5], [-0.2, 0.9, 7], [0, 0, 1]], "scale": (2, 1)},
}
LARGE = tuple((4 * r, 4 * c) for r, c in QUAD)


def smooth(shape: tuple[int, int] = (360, 480)) -> Any:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return (1000 + 400 * np.sin(rows / 29) + 500 * np.cos(columns / 41 + rows / 90)).astype(np.float32)


def halved(image: Any, count: int = 3) -> list[Any]:
    """Means of 2 x 2 pixels, again and again."""
    levels = [image]
    for _ in range(count - 1):
        fine = levels[-1]
        levels.append(fine.reshape(*fine.shape[:-2], fine.shape[-2] // 2, 2, -1, 2).mean((-3, -1), dtype=fine.dtype))
    return levels


def at_level(layer: Any, points: Any, factor: Any) -> Any:
    """Corners in a level: by napari in the full resolution; the first pixel of the level covers the first `factor`."""
    return (marked(points, layer) + 0.5) / factor - 0.5


def result_of(viewer: Any, name: str = "sign – Rectify") -> Any:
    """The result and its array."""
    layer = viewer.layers[name]
    return layer, np.asarray(layer.data[0] if layer.multiscale else layer.data)


@pytest.fixture
def sign(viewer: Any, opened: Any, hand: Hand, request: Any) -> Any:
    place = getattr(request, "param", {})
    return viewer.add_image(halved(smooth()), multiscale=True, name="sign", contrast_limits=(0, 2000), **place)


@pytest.mark.parametrize("sign", each(PLACES, "placed"), indirect=True)
def test_results_of_all_levels_lie_over_each_other(
    viewer: Any, opened: Any, hand: Hand, press: Press, sign: Any
) -> None:
    hand.pick(opened, sign, LARGE)
    points = viewer.layers["sign corners"]
    before = points.data.copy()
    frame, found = np.array(frame_of(sign)), []
    for level in (0, 1, 2):
        sign.visible = True
        viewer.layers.selection.active = sign
        choose_level(opened, level)
        hand.settle(opened)
        corners = at_level(sign, points, 2**level)
        assert opened.panel(CornersPanel).table.item(2, 1).text() == f"{corners[2, 1]:.2f}"
        press(opened)
        layer, data = result_of(viewer)
        scaled = tuple(map(tuple, frame * 2**level))
        expected = mathimg.apply(sign.data[level], "rectify", corners=corners, frame=scaled)
        np.testing.assert_allclose(data, expected, atol=0.05)
        assert layer.multiscale is (level == 0)
        ends = rectangle_of(layer, data.shape)
        there = [np.array(points.data_to_world(p)) for p in points.data]
        size = np.array(data.shape) * np.linalg.norm(frame, axis=1) * 2**level
        np.testing.assert_allclose(ends, upright(np.mean(there, axis=0), size), atol=1e-6)
        found.append((ends, np.linalg.norm(frame, axis=1) * 2**level))
        viewer.layers.remove(layer)
        np.testing.assert_array_equal(points.data, before)
    for ends, pixel in found[1:]:
        assert (np.abs(ends - found[0][0]) <= pixel).all()
    assert [opened.options.level.itemText(k) for k in range(3)] == ["0: 360 x 480", "1: 180 x 240", "2: 90 x 120"]


@pytest.mark.own_window  # the canvas always has one size, and clicks hit the same places
def test_a_level_shows_the_same_as_the_full_resolution(
    viewer: Any, opened: Any, hand: Hand, press: Press, sign: Any
) -> None:
    """At the same places of the world, but for what is lost by means of 4 x 4 pixels of a smooth image."""
    hand.pick(opened, sign, LARGE)
    fine, data = {}, {}
    for level in (0, 2):
        sign.visible = True
        viewer.layers.selection.active = sign
        choose_level(opened, level)
        press(opened)
        fine[level], data[level] = result_of(viewer)
        fine[level].name = f"of level {level}"
    for row in range(5, data[2].shape[0] - 5, 7):
        for column in range(5, data[2].shape[1] - 5, 7):
            place = np.rint(fine[0].world_to_data(fine[2].data_to_world((row, column)))).astype(int)
            assert abs(float(data[0][tuple(place)]) - float(data[2][row, column])) < 25


def test_the_result_has_levels_unless_they_are_left_out(
    viewer: Any, opened: Any, hand: Hand, press: Press, sign: Any, qtbot: Any
) -> None:
    hand.pick(opened, sign, LARGE)
    tick = opened.options.multiscale
    qtbot.waitUntil(tick.isVisible)
    press(opened)
    result, data = result_of(viewer)
    assert result.multiscale
    assert result.data[1].shape == tuple(-(-n // 2) for n in data.shape)
    np.testing.assert_allclose(result.data[1].mean(), data.mean(), rtol=1e-4)
    sign.visible = True
    viewer.layers.selection.active = sign
    tick.setFocus()
    QTest.keyClick(tick, Qt.Key.Key_Space)
    press(opened)
    assert not viewer.layers[-1].multiscale
    choose_level(opened, 1)
    assert not tick.isVisible()


def test_levels_of_any_lengths_and_axes(viewer: Any, opened: Any, hand: Hand, press: Press, qtbot: Any) -> None:
    """101 rows in 34, 122 columns in all 122, 8 planes in 4: a pixel of the level is 2.97 pixels long and one wide."""
    full = np.random.default_rng(2).random((8, 101, 122)).astype(np.float32)
    coarse = full[::2, :101:3] + 10
    layer = viewer.add_image([full, coarse], multiscale=True, name="sign", contrast_limits=(0, 11), scale=(1, 0.5, 2))
    viewer.dims.set_point(0, 5)
    hand.pick(opened, layer)
    points = viewer.layers["sign corners"]
    choose_level(opened, 1)
    choose(opened.options.scope, "item")
    hand.settle(opened)
    corners = at_level(layer, points, (101 / 34, 1))
    frame = ((0.5 * 101 / 34, 0.0), (0.0, 2.0))
    press(opened)
    result, data = result_of(viewer)
    expected = mathimg.apply(coarse[2], "rectify", corners=corners, frame=frame)
    np.testing.assert_allclose(data[0], expected, rtol=1e-5)
    there = [np.array(points.data_to_world(p)) for p in points.data]
    size = np.array(expected.shape) * (frame[0][0], frame[1][1])
    np.testing.assert_allclose(rectangle_of(result, expected.shape), upright(np.mean(there, axis=0), size), atol=1e-6)
    np.testing.assert_allclose(result.data_to_world((0, 0, 0))[0], 4.5)  # the middle of planes 4 and 5


@pytest.mark.parametrize("level", [0, 1])
def test_snap_looks_in_the_level(viewer: Any, opened: Any, hand: Hand, qtbot: Any, level: int) -> None:
    image = np.zeros((180, 240), np.float32)
    image[40:140, 60:180] = 1
    layer = viewer.add_image(halved(image, 2), multiscale=True, name="sign", scale=(0.5, 0.7))
    hand.pick(opened, layer, ((44, 56), (36, 182), (136, 184), (144, 62)))
    choose_level(opened, level)
    hand.settle(opened)
    qtbot.mouseClick(opened.panel(CornersPanel).snap_button, LEFT)
    assert "4 of 4 corners moved" in opened.message.text()
    true = [(39.5, 59.5), (39.5, 179.5), (139.5, 179.5), (139.5, 59.5)]
    np.testing.assert_allclose(marked(viewer.layers["sign corners"], layer), true, atol=0.1 * 2**level)


def test_typed_numbers_are_pixels_of_the_level(viewer: Any, opened: Any, hand: Hand, sign: Any) -> None:
    hand.pick(opened, sign, LARGE)
    points = viewer.layers["sign corners"]
    before = marked(points, sign)
    choose_level(opened, 2)
    hand.settle(opened)
    type_into(opened.panel(CornersPanel).table, 1, 0, "30.25")
    hand.settle(opened)
    now = marked(points, sign)
    assert now[1, 0] == pytest.approx(4 * 30.25 + 1.5, abs=1e-4)
    np.testing.assert_allclose(np.delete(now.ravel(), 2), np.delete(before.ravel(), 2), atol=1e-4)
    drawn = np.array([viewer.layers["sign outline"].data_to_world(p) for p in viewer.layers["sign outline"].data[0]])
    np.testing.assert_allclose(drawn[:4], [points.data_to_world(p) for p in points.data], atol=1e-3)


def type_number(box: Any, text: str) -> None:
    box.native.setFocus()
    box.native.selectAll()
    QTest.keyClicks(box.native, text)
    QTest.keyClick(box.native, Qt.Key.Key_Return)


def test_typed_sizes_stay_what_they_are_in_the_world(
    viewer: Any, opened: Any, hand: Hand, press: Press, sign: Any
) -> None:
    hand.pick(opened, sign, LARGE)
    size = opened.panel(RectanglePanel).box
    choose(size.mode, "typed")
    choose(size.canvas, "canvas")
    for box, text in ((size.width_box, "201"), (size.height_box, "120"), (size.rows, "140"), (size.columns, "301")):
        type_number(box, text)
    for level, numbers in ((1, (100, 60, 70, 151)), (2, (50, 30, 35, 76)), (0, (201, 120, 140, 301))):
        choose_level(opened, level)
        hand.settle(opened)
        shown = (size.width_box, size.height_box, size.rows, size.columns)
        assert tuple(box.value for box in shown) == numbers
    ends = []
    for level in (0, 1):
        choose_level(opened, level)
        press(opened)
        layer, data = result_of(viewer)
        assert data.shape == ((140, 301) if level == 0 else (70, 151))
        ends.append(rectangle_of(layer, data.shape))
        viewer.layers.remove(layer)
        sign.visible = True
        viewer.layers.selection.active = sign
    assert np.abs(ends[1] - ends[0]).max() <= 2
    type_number(size.width_box, "80")  # at level 1
    choose_level(opened, 0)
    hand.settle(opened)
    assert size.width_box.value == 160
    choose(size.mode, "edges")
    choose_level(opened, 1)
    hand.settle(opened)
    choose_level(opened, 0)
    hand.settle(opened)
    assert (size.rows.value, size.columns.value) == (140, 301)  # as they were typed


def test_a_length_is_the_same_at_every_level(viewer: Any, opened: Any, hand: Hand, press: Press) -> None:
    layer = viewer.add_image(
        halved(smooth()), multiscale=True, name="sign", scale=(0.5, 0.25), units=("um", "um"), contrast_limits=(0, 2000)
    )
    hand.pick(opened, layer, LARGE)
    size = opened.panel(RectanglePanel).box
    choose(size.mode, "typed")
    size.unit.setCurrentText("mm")
    type_number(size.width_box, "0.12")
    type_number(size.height_box, "0.06")
    for level in (1, 2):
        choose_level(opened, level)
        hand.settle(opened)
        assert (size.width_box.value, size.height_box.value, size.unit.currentText()) == (0.12, 0.06, "mm")
        press(opened)
        result, data = result_of(viewer)
        ends = rectangle_of(result, data.shape)
        np.testing.assert_allclose(ends[2] - ends[0], (60, 120), rtol=1e-6)
        viewer.layers.remove(result)
        layer.visible = True
        viewer.layers.selection.active = layer


@pytest.mark.drawn
def test_targets_and_outline_mean_the_same_at_every_level(
    viewer: Any, opened: Any, hand: Hand, press: Press, sign: Any, qtbot: Any
) -> None:
    hand.pick(opened, sign, LARGE)
    choose(opened.panel(RectanglePanel).box.mode, "typed")
    type_number(opened.panel(RectanglePanel).box.width_box, "320")
    type_number(opened.panel(RectanglePanel).box.height_box, "160")
    qtbot.mouseClick(opened.panel(CornersPanel).add_button, LEFT)
    hand.click(sign, (180.0, 240.0))
    hand.settle(opened)
    type_into(opened.panel(CornersPanel).table, 4, 2, "80")
    hand.settle(opened)
    type_into(opened.panel(CornersPanel).table, 4, 3, "168")
    hand.settle(opened)
    opened.panel(OutlinePanel).tick.setChecked(True)
    outlines, missed = [], []
    for level in (0, 1):
        choose_level(opened, level)
        hand.settle(opened)
        typed = [float(opened.panel(CornersPanel).table.item(4, column).text()) for column in (2, 3)]
        assert typed == [80 / 2**level, 168 / 2**level]
        missed.append(max(float(opened.panel(CornersPanel).table.item(k, 4).text()) for k in range(5)) * 2**level)
        press(opened)
        box, (result, _) = viewer.layers["sign – Rectify outline"], result_of(viewer)
        outlines.append(np.array([box.data_to_world(p) for p in box.data[0]])[:4])
        viewer.layers.remove(result)
        viewer.layers.remove(box)
        sign.visible = True
        viewer.layers.selection.active = sign
    np.testing.assert_allclose(outlines[1], outlines[0], atol=1)
    np.testing.assert_allclose(outlines[0][2] - outlines[0][0], (160, 320), atol=1e-6)
    assert missed[1] == pytest.approx(missed[0], abs=0.03)


def test_proportions_are_the_camera_s_at_every_level(viewer: Any, opened: Any, hand: Hand, qtbot: Any) -> None:
    """A card of 3 x 5 before a camera of focal length 500 pixels, its axis through the middle of 360 x 480 pixels."""
    card = np.array([(-1.5, -2.5), (-1.5, 2.5), (1.5, 2.5), (1.5, -2.5)]) * 20
    tilt, swing = 0.5, -0.4
    about_x = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    about_y = np.array([[np.cos(swing), 0, np.sin(swing)], [0, 1, 0], [-np.sin(swing), 0, np.cos(swing)]])
    space = np.column_stack([card[:, 1], card[:, 0], np.zeros(4)]) @ (about_y @ about_x).T + (10, -5, 200)
    corners = np.column_stack([500 * space[:, 1] / space[:, 2] + 179.5, 500 * space[:, 0] / space[:, 2] + 239.5])
    layer = viewer.add_image(halved(smooth()), multiscale=True, name="sign")
    viewer.add_points(corners, name="card")
    viewer.layers.selection.active = layer
    opened.panel(CornersPanel).corners.choose("card")
    choose(opened.panel(RectanglePanel).box.mode, "perspective")
    qtbot.waitUntil(opened.run_button.isEnabled)
    for level in (0, 1, 2):
        choose_level(opened, level)
        hand.settle(opened)
        wide, high = opened.panel(RectanglePanel).box.width_box.value, opened.panel(RectanglePanel).box.height_box.value
        assert wide == pytest.approx(5 / 3 * high, abs=1.5)
        assert opened.panel(CornersPanel).fault_text.text() == ""


@pytest.mark.parametrize("sign", [PLACES["placed"]], indirect=True)
def test_settings_of_a_level_s_result_make_it_again(
    viewer: Any, opened: Any, hand: Hand, press: Press, sign: Any, qtbot: Any
) -> None:
    hand.pick(opened, sign, LARGE)
    choose_level(opened, 1)
    choose(opened.panel(RectanglePanel).box.mode, "typed")
    type_number(opened.panel(RectanglePanel).box.width_box, "75")
    type_number(opened.panel(RectanglePanel).box.height_box, "40")
    hand.settle(opened)
    corners = marked(viewer.layers["sign corners"], sign)
    press(opened)
    first, made = result_of(viewer)
    assert first.metadata["napari_mathimg"][-1]["level"] == 1
    viewer.layers.remove("sign corners")
    opened.picker.layer = sign
    choose_level(opened, 0)
    type_number(opened.panel(RectanglePanel).box.width_box, "11")
    viewer.layers.selection.active = first
    opened.picker.layer = first
    hand.settle(opened)
    qtbot.mouseClick(opened.forms.load_button, LEFT)
    qtbot.waitUntil(opened.run_button.isEnabled)
    assert opened.picker.layer is sign
    assert opened.options.level.currentData() == "1"
    rectangle = opened.panel(RectanglePanel).box
    assert (rectangle.width_box.value, rectangle.height_box.value) == (75, 40)
    np.testing.assert_allclose(marked(viewer.layers["sign corners"], sign), corners, atol=1e-4)
    press(opened)
    again = viewer.layers[-1]
    assert again is not first
    np.testing.assert_allclose(again.data, made, atol=0.05)
    np.testing.assert_allclose(rectangle_of(again, made.shape), rectangle_of(first, made.shape), atol=1e-4)


def test_layers_with_other_levels_or_none_run_along(
    viewer: Any, opened: Any, hand: Hand, press: Press, sign: Any
) -> None:
    plain = viewer.add_image(smooth()[1::3, 1::3], name="plain", scale=(3, 3), translate=(1, 1))
    other = [smooth()[::k, ::k] for k in (1, 3, 6)]
    other = viewer.add_image(other, multiscale=True, name="other", contrast_limits=(0, 2000))
    viewer.layers.selection.active = sign
    hand.pick(opened, sign, LARGE)
    choose_level(opened, 2)
    viewer.layers.selection = {sign, plain, other}
    tick = opened.options.all_selected
    hand.qtbot.waitUntil(tick.isVisible)
    hand.qtbot.mouseClick(tick, LEFT, pos=QPoint(8, tick.height() // 2))
    press(opened)
    first, data = result_of(viewer)
    wanted = rectangle_of(first, data.shape)
    for name, pixel in (("plain", 3), ("other", 6)):  # of the plain one, and of the level of the other
        layer, array = result_of(viewer, f"{name} – Rectify")
        assert array.shape == tuple(round(n * 4 / pixel) for n in data.shape)
        np.testing.assert_allclose(rectangle_of(layer, array.shape), wanted, atol=1e-6)
    seen = np.rint(layer.world_to_data(first.data_to_world((30, 40)))).astype(int)
    assert abs(float(array[tuple(seen)]) - float(data[30, 40])) < 60
    made = result_of(viewer, "plain – Rectify")[1]
    corners = marked(viewer.layers["sign corners"], plain)
    size = tuple(float(n) * 4 for n in data.shape)
    expected = mathimg.apply(
        plain.data, "rectify", corners=corners, frame=((3.0, 0.0), (0.0, 3.0)), size=size,
        height=made.shape[0], width=made.shape[1],
    )  # fmt: skip
    np.testing.assert_allclose(made, expected, atol=0.05)
