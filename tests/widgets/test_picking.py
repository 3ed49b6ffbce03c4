"""Places in the image, pointed at with the mouse, typed, and shown as a cross."""

import itertools
from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from mouse_and_keys import LEFT, Hand, close_by_mouse, stacked
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

import napari_mathimg as mathimg
from napari_mathimg.widgets.canvas.cross import CrossOverlay
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.qt.layout import dock_of
from napari_mathimg.widgets.settings.preferences import COLORS, settings
from nightly import each, nightly

TURN = np.array([[0.8, -0.6], [0.6, 0.8]])
PLACES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "scaled": {"scale": (0.5, 0.5), "translate": (7, -3), "units": ("um", "um")},
    "turned": {"rotate": TURN, "translate": (2, 3)},
    "sheared": {"shear": (0.3,), "scale": (2, 1)},
    "affine": {"affine": [[0, 1.5, 3], [-1.5, 0, 4], [0, 0, 1]]},
}
SPOT = (30, 80)
MIDDLE = (44.5, 59.5)  # of an image of 90 x 120 pixels


@pytest.fixture
def geometry(viewer: Any, dock: Any, qtbot: Any, hand: Hand) -> FamilyDock:
    widget: FamilyDock = dock("geometry")
    qtbot.waitUntil(widget.isVisible)
    process_events()  # the window lays itself out
    return widget


def show(
    viewer: Any, qtbot: Any, widget: FamilyDock, data: Any, operation: str, kind: str = "image", **place: Any
) -> Any:
    layer = getattr(viewer, f"add_{kind}")(data, name="cells", **place)
    widget.operation = operation
    viewer.reset_view()
    process_events()
    return layer


def ask(widget: FamilyDock, kind: str, qtbot: Any) -> None:
    button = widget.form.pick_buttons[kind].native
    qtbot.waitUntil(button.isVisible)
    qtbot.mouseClick(button, LEFT)
    process_events()


def crosses(viewer: Any) -> list[CrossOverlay]:
    return [o for o in viewer.scene.overlays.values() if isinstance(o, CrossOverlay)]


def spot_of(viewer: Any, layer: Any, qtbot: Any) -> Any:
    """Where the cross lies in the pixels of a layer, by napari's own transforms."""
    process_events()
    (cross,) = crosses(viewer)
    return np.array(layer.world_to_data((*(0,) * (layer.ndim - 2), *cross.place)))[-2:]


@pytest.mark.parametrize("place", each(PLACES, "scaled", "affine"))
@pytest.mark.parametrize("operation", ["swirl", *nightly("affine")])
def test_a_click_sets_the_center_where_it_is_in_the_image(
    viewer: Any, hand: Hand, qtbot: Any, geometry: FamilyDock, place: Any, operation: str
) -> None:
    layer = show(viewer, qtbot, geometry, np.zeros((90, 120), np.uint8), operation, **place)
    np.testing.assert_allclose(spot_of(viewer, layer, qtbot), MIDDLE)
    ask(geometry, "point", qtbot)
    assert "Escape" in geometry.message.text()
    hand.click(layer, SPOT)
    pixel = (
        1
        / viewer.scene.camera.zoom
        / np.linalg.norm(layer.data_to_world((0, 1)) - np.array(layer.data_to_world((0, 0))))
    )
    np.testing.assert_allclose(geometry.form.parameters["center"], SPOT, atol=1.1 * pixel)
    np.testing.assert_allclose(spot_of(viewer, layer, qtbot), geometry.form.parameters["center"], atol=1e-9)
    hand.click(layer, (50, 50))  # once is enough: the next click is the image's
    np.testing.assert_allclose(geometry.form.parameters["center"], SPOT, atol=1.1 * pixel)
    assert [layer.name for layer in viewer.layers] == ["cells"]


@pytest.mark.drawn
@pytest.mark.parametrize("unit", ["nm", *nightly(None)])
@pytest.mark.parametrize("place", [PLACES["scaled"], {**PLACES["affine"], "units": ("um", "um")}])
def test_a_bright_pixel_is_hit_in_any_unit_of_the_viewer(
    viewer: Any, hand: Hand, qtbot: Any, geometry: FamilyDock, place: Any, unit: Any
) -> None:
    data = np.zeros((90, 120), np.uint8)
    data[SPOT] = 255
    if unit:
        viewer.add_image(
            np.zeros((4, 4), np.uint8), scale=(9000, 9000), units=(unit, unit), name="in nm", blending="additive"
        )
    show(viewer, qtbot, geometry, data, "swirl", contrast_limits=(0, 255), blending="additive", **place)
    process_events()
    shot = viewer.screenshot(canvas_only=True, flash=False)
    lit = np.argwhere((shot[..., :3] > 200).all(axis=2))
    row, column = lit.mean(axis=0) + 0.5
    ratio = shot.shape[1] / hand.canvas.width()
    ask(geometry, "point", qtbot)
    QTest.mouseClick(hand.canvas, LEFT, pos=QPoint(round(column / ratio), round(row / ratio)))
    process_events()
    np.testing.assert_allclose(geometry.form.parameters["center"], SPOT, atol=1)


@pytest.mark.drawn
def test_the_cross_and_the_numbers_follow_each_other(
    viewer: Any, hand: Hand, qtbot: Any, geometry: FamilyDock, image: Any
) -> None:
    layer = show(viewer, qtbot, geometry, image, "rotate")
    field = geometry.form["center"]
    assert geometry.form.parameters["center"] == "auto"
    zoom = viewer.scene.camera.zoom, viewer.scene.camera.center
    hand.drag(layer, (46, 61), SPOT)  # taken beside its middle: the offset stays
    assert (viewer.scene.camera.zoom, viewer.scene.camera.center) == zoom
    assert not field._tick.value
    np.testing.assert_allclose(geometry.form.parameters["center"], (28.5, 78.5), atol=0.4)
    box = field._inner._fields[1].native
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, "12.5")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    np.testing.assert_allclose(spot_of(viewer, layer, qtbot), geometry.form.parameters["center"], atol=1e-9)
    assert geometry.form.parameters["center"][1] == 12.5
    qtbot.mouseClick(field._tick.native, LEFT, pos=QPoint(8, 8))
    assert geometry.form.parameters["center"] == "auto"
    np.testing.assert_allclose(spot_of(viewer, layer, qtbot), MIDDLE)
    np.testing.assert_allclose(field.numbers, MIDDLE)


def test_the_cross_goes_with_dock_operation_layer_and_view_and_leaves_no_connection(
    viewer: Any, hand: Hand, qtbot: Any, geometry: FamilyDock, image: Any
) -> None:
    callbacks = viewer.mouse_drag_callbacks, viewer.mouse_move_callbacks
    before = [len(c) for c in callbacks]
    emitters = viewer.dims.events.ndisplay, viewer.dims.events.point, viewer.scene.camera.events.zoom
    layer = show(viewer, qtbot, geometry, image, "swirl")
    assert crosses(viewer)
    for leave, back in (
        (lambda: setattr(geometry, "operation", "rescale"), lambda: setattr(geometry, "operation", "swirl")),
        (lambda: setattr(layer, "visible", False), lambda: setattr(layer, "visible", True)),
        (lambda: setattr(viewer.dims, "ndisplay", 3), lambda: setattr(viewer.dims, "ndisplay", 2)),
        (lambda: dock_of(geometry).hide(), lambda: dock_of(geometry).show()),
        (viewer.layers.clear, lambda: viewer.add_image(image)),
    ):
        leave()
        qtbot.waitUntil(lambda: not crosses(viewer))
        assert [len(c) for c in callbacks] == before
        back()
        qtbot.waitUntil(lambda: len(crosses(viewer)) == 1)
    assert len(viewer.layers) == 1
    counts = [len(e.callbacks) for e in emitters]
    close_by_mouse(geometry, qtbot)
    assert not crosses(viewer)
    assert [len(c) for c in callbacks] == before
    assert all(len(e.callbacks) < n for e, n in zip(emitters, counts, strict=True))
    viewer.layers.clear()


def test_of_docks_in_one_place_the_one_in_front_has_its_cross(
    viewer: Any, dock: Any, hand: Hand, qtbot: Any, geometry: FamilyDock
) -> None:
    layer = show(viewer, qtbot, geometry, np.zeros((90, 120), np.uint8), "swirl")
    lens = dock("lens")
    lens.operation = "correct_vignetting"
    qtbot.waitUntil(lambda: not geometry.run_button.visibleRegion().boundingRect().isValid())
    np.testing.assert_allclose(spot_of(viewer, layer, qtbot), MIDDLE)
    hand.drag(layer, MIDDLE, SPOT)
    assert geometry.form.parameters["center"] == "auto"
    np.testing.assert_allclose(lens.form.parameters["center"], SPOT, atol=1)
    dock("intensity")
    qtbot.waitUntil(lambda: not crosses(viewer))
    dock("geometry")
    qtbot.waitUntil(lambda: len(crosses(viewer)) == 1)
    np.testing.assert_allclose(spot_of(viewer, layer, qtbot), MIDDLE)


@pytest.mark.drawn
def test_the_image_can_be_moved_while_a_click_is_waited_for_and_escape_leaves(
    viewer: Any, hand: Hand, qtbot: Any, geometry: FamilyDock, image: Any
) -> None:
    layer = show(viewer, qtbot, geometry, image, "rotate")
    for escape in (hand.key, lambda key: QTest.keyClick(geometry, key), None):
        ask(geometry, "point", qtbot)
        assert str(viewer.cursor.style) == "cross"
        assert geometry.form.pick_buttons["point"].native.isChecked()
        middle = np.array(viewer.scene.camera.center)
        hand.press(layer, (20, 20))
        places = itertools.cycle([hand.at(layer, place) for place in ((30, 25), (40, 30), (50, 35))])

        def is_moved(middle: Any = middle, places: Any = places) -> bool:
            """Move the pointer on; the camera follows as soon as the canvas is drawn."""
            QTest.mouseMove(hand.canvas, next(places))
            return bool(np.abs(viewer.scene.camera.center - middle).max() > 5)

        qtbot.waitUntil(is_moved)
        hand.release(layer, (40, 30))
        assert geometry.form.parameters["center"] == "auto"
        if escape is None:
            ask(geometry, "point", qtbot)  # a second press leaves too
        else:
            escape(Qt.Key.Key_Escape)
        assert not geometry.form.pick_buttons["point"].native.isChecked()
        assert geometry.message.text() == ""
        assert str(viewer.cursor.style) == "standard"
        hand.click(layer, SPOT)
        assert geometry.form.parameters["center"] == "auto"


def test_the_cross_leaves_the_mouse_to_a_layer_that_is_drawn_on(
    viewer: Any, hand: Hand, qtbot: Any, geometry: FamilyDock, image: Any
) -> None:
    layer = show(viewer, qtbot, geometry, image, "swirl")
    points = viewer.add_points(np.empty((0, 2)))
    points.mode = "add"
    hand.click(layer, MIDDLE)
    np.testing.assert_allclose(points.data, [MIDDLE], atol=0.5)
    assert geometry.form.parameters["center"] == "auto"
    ask(geometry, "point", qtbot)
    hand.click(layer, SPOT)
    assert len(points.data) == 1
    np.testing.assert_allclose(geometry.form.parameters["center"], SPOT, atol=0.5)


def test_the_cross_takes_the_color_of_marks(viewer: Any, qtbot: Any, geometry: FamilyDock) -> None:
    show(viewer, qtbot, geometry, np.zeros((90, 120), np.uint8), "swirl")
    (before,) = crosses(viewer)
    settings().docks.marks = "cyan"
    (cross,) = crosses(viewer)
    assert (cross.color, cross.place) == (COLORS["cyan"], before.place)
    assert cross.color != before.color


@pytest.mark.parametrize("kind", ["stack", "multiscale", *nightly("rgb", "labels")])
def test_centers_of_other_layers(
    viewer: Any, hand: Hand, qtbot: Any, geometry: FamilyDock, image: Any, kind: str
) -> None:
    data: Any = image // 16
    options: dict[str, Any] = {}
    if kind == "stack":
        data, options = stacked(data), {"scale": (5, 1, 1)}
    elif kind == "rgb":
        data = np.stack([data.astype(np.uint8)] * 3, axis=-1)
    elif kind == "multiscale":
        data, options = [data, data[::2, ::2]], {"multiscale": True}
    layer = show(viewer, qtbot, geometry, data, "swirl", "labels" if kind == "labels" else "image", **options)
    np.testing.assert_allclose(spot_of(viewer, layer, qtbot), MIDDLE)
    if kind == "stack":
        viewer.dims.set_point(0, 10)
        process_events()
        np.testing.assert_allclose(spot_of(viewer, layer, qtbot), MIDDLE)
    ask(geometry, "point", qtbot)
    hand.click(layer, SPOT)
    np.testing.assert_allclose(geometry.form.parameters["center"], SPOT, atol=0.5)


@pytest.mark.drawn
@pytest.mark.parametrize("place", each(PLACES, "affine"))
def test_a_rectangle_drawn_in_the_image_becomes_the_box_of_a_crop(
    viewer: Any, hand: Hand, qtbot: Any, geometry: FamilyDock, image: Any, place: Any
) -> None:
    layer = show(viewer, qtbot, geometry, image, "crop", **place)
    ask(geometry, "rectangle", qtbot)
    assert "Draw a rectangle" in geometry.message.text()
    shapes = viewer.layers.selection.active
    hand.click(layer, (50, 50))  # no rectangle yet
    process_events()
    assert len(shapes.data) == 0
    hand.drag(layer, (12.2, 30.1), (59.7, 89.8))
    qtbot.waitUntil(lambda: geometry.form.parameters["start"] != "auto")
    start, stop = geometry.form.parameters["start"], geometry.form.parameters["stop"]
    drawn = np.array([layer.world_to_data(shapes.data_to_world(corner)) for corner in shapes.data[0]])
    np.testing.assert_allclose([drawn.min(axis=0), drawn.max(axis=0)], [(12.2, 30.1), (59.7, 89.8)], atol=1.2)
    np.testing.assert_array_equal(start, np.ceil(drawn.min(axis=0)))
    np.testing.assert_array_equal(stop, np.floor(drawn.max(axis=0)) + 1)
    assert geometry.picker.layer is layer
    assert not geometry.form.pick_buttons["rectangle"].native.isChecked()
    shapes.data = [np.array(shapes.data[0]) * 0 + [(-50, -50), (-50, 40), (9.6, 40), (9.6, -50)]]
    ask(geometry, "rectangle", qtbot)  # the same layer, read again
    assert geometry.form.parameters["start"] == (0, 0)
    np.testing.assert_array_equal(geometry.form.parameters["stop"], (10, 41))


def test_escape_leaves_the_drawing_and_takes_its_layer_away(
    viewer: Any, hand: Hand, qtbot: Any, geometry: FamilyDock, image: Any
) -> None:
    layer = show(viewer, qtbot, geometry, image, "crop")
    ask(geometry, "rectangle", qtbot)
    hand.key(Qt.Key.Key_Escape)
    assert [layer.name for layer in viewer.layers] == ["cells"]
    assert viewer.layers.selection.active is layer
    assert geometry.form.parameters["start"] == "auto"
    ask(geometry, "rectangle", qtbot)
    viewer.layers.remove(viewer.layers[-1])  # thrown away by hand
    qtbot.waitUntil(lambda: not geometry.form.pick_buttons["rectangle"].native.isChecked())


def test_rectangles_in_several_slices_and_in_another_view_bound_z_too(
    viewer: Any, hand: Hand, qtbot: Any, geometry: FamilyDock, notifications: Any
) -> None:
    data = np.random.default_rng(0).integers(0, 255, (9, 40, 50), dtype=np.uint8)
    place = {"scale": (3, 0.5, 0.5), "translate": (-4, 1, 1)}
    layer = show(viewer, qtbot, geometry, data, "crop", **place)
    square = np.array([(0, 10, 20), (0, 10, 30), (0, 15, 30), (0, 15, 20)], float)
    shapes = viewer.add_shapes([np.add(square, (2, 0, 0)), np.add(square, (6, 3, 0))], **place)
    ask(geometry, "rectangle", qtbot)
    assert geometry.form.parameters == {"start": (2, 10, 20), "stop": (7, 19, 31)}
    shapes.selected_data = {1}
    ask(geometry, "rectangle", qtbot)  # one rectangle says nothing about z: its numbers stay
    assert geometry.form.parameters == {"start": (2, 13, 20), "stop": (7, 19, 31)}
    shapes.data = [np.array([(3, 7, 5), (3, 7, 9), (5, 7, 9), (5, 7, 5)], float)]
    viewer.dims.order = (1, 0, 2)
    ask(geometry, "rectangle", qtbot)
    assert geometry.form.parameters == {"start": (3, 13, 5), "stop": (6, 19, 10)}
    viewer.layers.remove(shapes)
    viewer.dims.set_point(1, layer.data_to_world((0, 20, 0))[1])
    viewer.fit_to_view()
    process_events()
    ask(geometry, "view", qtbot)
    assert geometry.form.parameters == {"start": (0, 13, 0), "stop": (9, 19, 50)}
    shapes = viewer.add_shapes([np.add(square, (0, 900, 0))], **place)
    ask(geometry, "rectangle", qtbot)
    assert not notifications
    assert "outside 'cells'" in geometry.message.text()
    assert geometry.form.parameters == {"start": (0, 13, 0), "stop": (9, 19, 50)}


@pytest.mark.parametrize("place", each({**PLACES, "multiscale": {"multiscale": True}}, "turned", "multiscale"))
def test_what_is_on_screen_becomes_the_box_of_a_crop(
    viewer: Any, hand: Hand, qtbot: Any, geometry: FamilyDock, image: Any, place: Any, notifications: Any
) -> None:
    data = [np.kron(image, np.ones((8, 8), image.dtype)), image] if place.get("multiscale") else image
    layer = show(viewer, qtbot, geometry, data, "crop", **place)
    ask(geometry, "view", qtbot)
    shape = np.array(data[0].shape if place.get("multiscale") else data.shape)
    assert geometry.form.parameters == {"start": (0, 0), "stop": tuple(shape)}
    viewer.scene.camera.center = layer.data_to_world((shape - 1) * (0.4, 0.6))
    viewer.scene.camera.zoom *= 5
    ask(geometry, "view", qtbot)
    half = np.array([hand.canvas.height(), hand.canvas.width()]) / viewer.scene.camera.zoom / 2
    signs = np.array([(-1, -1), (-1, 1), (1, 1), (1, -1)])
    ends = np.array([layer.world_to_data(np.array(viewer.scene.camera.center)[-2:] + s * half) for s in signs])
    seen = np.argwhere([[ends[:, 0].min() < r + 0.5 and r - 0.5 < ends[:, 0].max() for r in range(shape[0])]])
    assert geometry.form.parameters["start"][0] == seen[0][1]
    assert geometry.form.parameters["stop"][0] == seen[-1][1] + 1
    assert geometry.form.parameters["start"][1] == max(round(ends[:, 1].min()), 0)
    assert geometry.form.parameters["stop"][1] == min(round(ends[:, 1].max()) + 1, shape[1])
    viewer.scene.camera.center = (1e4, 1e4)
    before = geometry.form.parameters
    ask(geometry, "view", qtbot)
    assert "on screen" in geometry.message.text()
    assert geometry.form.parameters == before


def test_what_was_seen_is_what_is_cut_out(
    viewer: Any, dock: Any, press: Any, qtbot: Any, geometry: FamilyDock, image: Any
) -> None:
    show(viewer, qtbot, geometry, stacked(image), "crop")
    viewer.scene.camera.zoom *= 3
    ask(geometry, "view", qtbot)
    start, stop = geometry.form.parameters["start"], geometry.form.parameters["stop"]
    assert (start[0], stop[0]) == (0, 4)
    press(geometry)
    expected = mathimg.apply(stacked(image), "crop", options=mathimg.Options(ndim=3), start=start, stop=stop)
    np.testing.assert_array_equal(viewer.layers[-1].data, expected)
    assert expected.shape[1:] < (90, 120)


def test_a_cropped_result_gets_a_rectangle_of_its_own(
    viewer: Any, hand: Hand, qtbot: Any, geometry: FamilyDock, press: Any
) -> None:
    """Neither the rectangle nor the numbers of the first crop are taken for a crop of its result."""
    data = np.random.default_rng(0).integers(0, 255, (6, 90, 120), dtype=np.uint8)
    source = show(viewer, qtbot, geometry, data, "crop")
    geometry.form.load({"start": (2, 0, 0), "stop": (6, 90, 120)})
    ask(geometry, "rectangle", qtbot)
    hand.drag(source, (20, 30), (80, 100))
    qtbot.waitUntil(lambda: geometry.form.parameters["start"][1:] != (0, 0))
    press(geometry)
    result = geometry.result
    assert result is not None
    assert geometry.picker.layer is result
    assert geometry.form.parameters == {"start": "auto", "stop": "auto"}
    ask(geometry, "rectangle", qtbot)
    assert "Draw a rectangle" in geometry.message.text()
    hand.drag(result, (10, 10), (30, 50))
    qtbot.waitUntil(lambda: geometry.form.parameters["start"] != "auto")
    press(geometry)
    assert geometry.result is not result
    assert geometry.result.data.shape[0] == 4
    np.testing.assert_allclose(geometry.result.data.shape[1:], (20, 40), atol=3)
    viewer.layers.selection.active = source
    assert geometry.form.parameters["start"][0] == 2  # its own box is remembered


@pytest.mark.parametrize("mirrored", [True, *nightly(False)])
def test_a_turned_rectangle_says_how_to_crop_along_its_edges(
    viewer: Any, hand: Hand, qtbot: Any, geometry: FamilyDock, press: Any, mirrored: bool
) -> None:
    data = np.zeros((90, 120), np.uint8)
    layer = show(viewer, qtbot, geometry, data, "crop", scale=(-1, 1) if mirrored else (1, 1))
    turn = np.deg2rad(20)
    down, across = np.array([np.cos(turn), np.sin(turn)]) * 30, np.array([-np.sin(turn), np.cos(turn)]) * 50
    corner = np.array(layer.data_to_world((45, 40)))
    viewer.add_shapes([[corner, corner + across, corner + across + down, corner + down]], shape_type="rectangle")
    viewer.layers.selection.active = layer
    ask(geometry, "rectangle", qtbot)
    said = geometry.message.text()
    assert "upright box" in said
    assert "rotate the image by -20°" in said  # it climbs to the right by 20 degrees
    viewer.layers[-1].data = [corner + np.array([(0, 0), (0, 50), (30, 50), (30, 0)])]
    ask(geometry, "rectangle", qtbot)
    assert "upright box" not in geometry.message.text()
