"""A viewer whose axes are in another order: rows from left to right, or other planes, in a real window."""

from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from histogram_checks import Settle, check
from mouse_and_keys import LEFT, QUAD, Hand, choose_level
from skimage.draw import polygon2mask

from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.dock.form_panel import FormPanel
from napari_mathimg.widgets.histogram.dock import HistogramDock
from napari_mathimg.widgets.layers.view_geometry import turn_of
from napari_mathimg.widgets.lens.calibration_panel import CalibrationPanel
from napari_mathimg.widgets.perspective.corners_panel import CornersPanel
from napari_mathimg.widgets.psf.drawn_outline import drawn_outline
from nightly import nightly, some

SCALE = (2.0, 0.5, 0.25)
ORDERS = {"transposed": (0, 2, 1), "rows and planes": (2, 1, 0), "usual": (0, 1, 2)}


@pytest.fixture
def cells(viewer: Any) -> Any:
    data = np.random.default_rng(0).integers(0, 4000, (7, 90, 120), dtype=np.uint16)
    return viewer.add_image(data, name="cells", scale=SCALE)


CHANNELS_LAST: dict[str, Any] = {"axis_labels": ("y", "x", "c"), "scale": (2, 0.5, 7), "translate": (3, -4, 1)}


@pytest.fixture
def last(viewer: Any) -> Any:
    """Channels on the last axis: planes have the first two; half of the rows and a third of the columns in level 1."""
    data = np.random.default_rng(0).integers(0, 4000, (90, 120, 7), dtype=np.uint16)
    layer = viewer.add_image([data, data[::2, ::3]], multiscale=True, name="cells", **CHANNELS_LAST)
    turn_view(viewer, (2, 0, 1))
    return layer


def turn_view(viewer: Any, order: tuple[int, ...]) -> None:
    viewer.dims.order = order
    viewer.fit_to_view()
    process_events()


def seen_angle(viewer: Any, layer: Any, weights: Any) -> float:
    """The direction of the long axis of a streak in a plane, counter-clockwise on the screen, in degrees."""
    places = np.argwhere(weights > 0)
    world = np.array([layer.data_to_world((0, *place)) for place in places])[:, list(viewer.dims.displayed)]
    away = world - np.average(world, axis=0, weights=weights[tuple(places.T)])
    down, right = np.linalg.eigh((away * weights[tuple(places.T)][:, None]).T @ away)[1][:, 1]
    return float(np.rad2deg(np.arctan2(-down, right)) % 180)


@pytest.mark.parametrize("order", ["transposed", *nightly("usual")])
def test_content_turns_and_blurs_as_it_is_seen(viewer: Any, dock: Any, press: Any, order: str) -> None:
    bar = np.zeros((1, 81, 161), np.float32)
    bar[0, 40, 60:101] = 1000
    layer = viewer.add_image(bar, name="bar", scale=SCALE)
    turn_view(viewer, ORDERS[order])
    before = seen_angle(viewer, layer, bar[0])
    assert before == pytest.approx({"transposed": 90, "usual": 0}[order])
    geometry: FamilyDock = dock("geometry")
    geometry.operation = "rotate"
    geometry.form.load({"angle": 25.0})
    press(geometry)
    result = viewer.layers[-1]
    assert seen_angle(viewer, result, result.data[0]) == pytest.approx((before + 25) % 180, abs=1)
    result.visible = False
    viewer.layers.selection.active = layer
    layer.data = bar * 0
    layer.data[0, 40, 80] = 1000
    blur = dock("blur")
    blur.operation = "blur_motion"
    blur.form.load({"angle": 65.0, "length": 41.0})
    press(blur)
    result = viewer.layers[-1]
    assert seen_angle(viewer, result, result.data[0]) == pytest.approx(65, abs=1)


def test_a_motion_psf_has_its_angle_as_it_is_seen(viewer: Any, cells: Any, dock: Any, press: Any, qtbot: Any) -> None:
    widget: FamilyDock = dock("deconvolve")
    widget.operation = "richardson_lucy"
    panel = widget.further_images.panels["psf"]
    qtbot.waitUntil(panel.isVisible)
    panel.kind = "motion"
    panel.form.load({"length": 31.0, "angle": 35.0})
    widget.form.load({"num_iter": 1})
    for order in ("usual", "transposed"):
        turn_view(viewer, ORDERS[order])
        qtbot.waitUntil(lambda: not panel.preview.is_pending)
        kernel = np.asarray(panel.kernel(cells))
        np.testing.assert_array_equal(panel.preview.shown.array, kernel)
        assert seen_angle(viewer, cells, kernel) == pytest.approx(35, abs=1)
    press(widget)
    (used,) = viewer.layers[-1].metadata["napari_mathimg"][-1]["images"]
    assert used["parameters"]["frame"] == panel.kernel(cells).parameters["frame"] != ((1.0, 0.0), (0.0, 1.0))


@pytest.mark.parametrize("order", ["transposed", *nightly("usual")])
def test_a_click_and_a_rectangle_are_where_they_are_in_the_image(
    viewer: Any, hand: Hand, qtbot: Any, dock: Any, cells: Any, order: str
) -> None:
    widget: FamilyDock = dock("geometry")
    qtbot.waitUntil(widget.isVisible)
    turn_view(viewer, ORDERS[order])
    widget.operation = "swirl"
    process_events()
    qtbot.mouseClick(widget.form.pick_buttons["point"].native, LEFT)
    process_events()
    hand.click(cells, (30, 80))
    np.testing.assert_allclose(widget.form.parameters["center"], (30, 80), atol=1)
    widget.operation = "crop"
    process_events()
    qtbot.mouseClick(widget.form.pick_buttons["rectangle"].native, LEFT)
    process_events()
    hand.drag(cells, (12.2, 30.1), (59.7, 89.8))
    qtbot.waitUntil(lambda: widget.form.parameters["start"] != "auto")
    np.testing.assert_allclose(widget.form.parameters["start"][-2:], (13, 31), atol=2)
    np.testing.assert_allclose(widget.form.parameters["stop"][-2:], (60, 90), atol=2)


@pytest.mark.drawn
@pytest.mark.parametrize("order", some(ORDERS, "transposed", "rows and planes"))
def test_the_histogram_is_that_of_what_is_seen(
    viewer: Any, cells: Any, histogram: HistogramDock, settle: Settle, order: str
) -> None:
    turn_view(viewer, ORDERS[order])
    here = [round(p) for p in cells.world_to_data(viewer.dims.point)]
    first, *shown = ORDERS[order]
    plane: list[Any] = [slice(None)] * 3
    plane[first] = here[first]
    histogram.where.setCurrentIndex(1)
    settle(histogram)
    check(histogram, cells.data[tuple(plane)])
    viewer.scene.camera.zoom *= 3
    process_events()
    histogram.where.setCurrentIndex(2)
    settle(histogram)
    low, high = cells.corner_pixels
    for axis in shown:
        plane[axis] = slice(int(low[axis]), int(high[axis]) + 1)
    part = cells.data[tuple(plane)]
    assert 0 < part.size < cells.data[0].size
    check(histogram, part)


@pytest.mark.parametrize("order", ["transposed", *nightly("usual")])
def test_an_outline_holds_the_pixels_that_are_seen_in_it(
    viewer: Any, cells: Any, histogram: HistogramDock, settle: Settle, order: str
) -> None:
    outline = np.array([[5.2, 7.1], [50.3, 20.4], [30.1, 70.2]])
    viewer.add_shapes([outline], shape_type="polygon", scale=SCALE[1:], name="marks")
    viewer.layers.selection.active = cells
    turn_view(viewer, ORDERS[order])
    histogram.inside.setCurrentIndex(1)
    settle(histogram)
    check(histogram, cells.data[:, polygon2mask((90, 120), outline)])


def test_the_rectangle_of_four_corners_is_not_mirrored(
    viewer: Any, cells: Any, hand: Hand, dock: Any, press: Any, qtbot: Any
) -> None:
    widget: FamilyDock = dock("perspective")
    qtbot.waitUntil(widget.isVisible)
    turn_view(viewer, ORDERS["transposed"])
    hand.pick(widget, cells, QUAD)
    press(widget)
    (step,) = viewer.layers[-1].metadata["napari_mathimg"]
    matrix = np.array(step["matrix"])
    assert np.linalg.det(matrix) * matrix[2, 2] > 0


def test_a_calibration_asks_for_the_plane_that_it_uses(viewer: Any, cells: Any, dock: Any, qtbot: Any) -> None:
    widget: FamilyDock = dock("lens")
    qtbot.waitUntil(widget.isVisible)
    widget.operation = "correct_distortion"
    box = widget.panel(CalibrationPanel).box
    qtbot.waitUntil(lambda: box.run.isVisible() and box.run.isEnabled())
    turn_view(viewer, ORDERS["rows and planes"])
    qtbot.mouseClick(box.run, LEFT)
    assert not box.task.is_running
    assert "of 'cells' in two dimensions to calibrate on the plane" in box.sentence.text()


@pytest.mark.parametrize("order", [(2, 0, 1), *nightly(((2, 1, 0),))])
def test_places_lie_in_the_planes_that_are_processed(
    viewer: Any, hand: Hand, qtbot: Any, dock: Any, last: Any, order: tuple[int, ...]
) -> None:
    widget: FamilyDock = dock("geometry")
    qtbot.waitUntil(widget.isVisible)
    turn_view(viewer, order)
    viewer.dims.set_point(2, viewer.dims.range[2].start + 14)
    widget.operation = "swirl"
    process_events()
    cross = widget.panel(FormPanel).picking.cross

    def crossed() -> Any:
        process_events()
        world = np.array(viewer.dims.point)
        world[list(viewer.dims.displayed)] = cross.place
        return last.world_to_data(world)[:2]

    np.testing.assert_allclose(crossed(), (44.5, 59.5))
    qtbot.mouseClick(widget.form.pick_buttons["point"].native, LEFT)
    process_events()
    hand.click(last, (30, 80, 2))
    np.testing.assert_allclose(widget.form.parameters["center"], (30, 80), atol=1)
    np.testing.assert_allclose(crossed(), widget.form.parameters["center"], atol=1e-9)
    hand.drag(last, (*crossed(), 2), (50, 40, 2))
    np.testing.assert_allclose(widget.form.parameters["center"], (50, 40), atol=1)
    picked = np.array(widget.form.parameters["center"])
    choose_level(widget, 1)
    np.testing.assert_allclose(widget.form.parameters["center"], (picked + 0.5) / (2, 3) - 0.5, atol=1e-3)
    np.testing.assert_allclose(crossed(), picked, atol=0.01)
    turn_view(viewer, (0, 1, 2))
    assert cross.place is None
    qtbot.mouseClick(widget.form.pick_buttons["point"].native, LEFT)
    assert widget.message.text() == "Show the axes y and x of 'cells' in two dimensions to pick a point."


def test_boxes_lie_in_the_planes_that_are_processed(
    viewer: Any, hand: Hand, qtbot: Any, dock: Any, press: Any, last: Any
) -> None:
    widget: FamilyDock = dock("geometry")
    qtbot.waitUntil(widget.isVisible)
    turn_view(viewer, (2, 0, 1))
    widget.operation = "crop"
    process_events()
    qtbot.mouseClick(widget.form.pick_buttons["rectangle"].native, LEFT)
    process_events()
    hand.drag(last, (12.2, 30.1, 0), (59.7, 89.8, 0))
    qtbot.waitUntil(lambda: widget.form.parameters["start"] != "auto")
    np.testing.assert_allclose(widget.form.parameters["start"], (13, 31, 0), atol=2)
    np.testing.assert_allclose(widget.form.parameters["stop"], (60, 90, 7), atol=2)
    assert "turned" not in widget.message.text()
    start, stop = (widget.form.parameters[end] for end in ("start", "stop"))
    press(widget)
    result = viewer.layers[-1]
    np.testing.assert_array_equal(result.data, last.data[0][tuple(map(slice, start, stop))])
    np.testing.assert_allclose(result.data_to_world((0, 0, 0)), last.data_to_world(start))


def test_a_turned_rectangle_is_turned_back_by_the_angle_that_is_told(
    viewer: Any, hand: Hand, qtbot: Any, dock: Any, last: Any
) -> None:
    """Of an image that is itself turned in the plane of its first two axes."""
    angle = np.deg2rad(20)
    turn = np.eye(3)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    last.scale, last.rotate = (1, 1, 7), turn
    corners = np.array([(20, 30, 0), (20, 80, 0), (60, 80, 0), (60, 30, 0)])
    shapes = viewer.add_shapes([[last.data_to_world(c) for c in corners]], shape_type="rectangle", name="marks", ndim=3)
    assert turn_of(viewer.dims, last, shapes) == pytest.approx(0, abs=1e-6)
    wider = np.deg2rad(33)
    back = np.array([[np.cos(wider), -np.sin(wider)], [np.sin(wider), np.cos(wider)]])
    flat = corners[:, :2] @ back.T
    shapes.data = [np.column_stack([flat, np.zeros(4)])]
    assert abs(turn_of(viewer.dims, last, shapes)) == pytest.approx(13, abs=1e-6)


def test_what_needs_the_last_axes_for_its_planes_says_so(viewer: Any, dock: Any, last: Any, qtbot: Any) -> None:
    """The layers that corners and targets are marked in have two axes, which are the viewer's last ones."""
    expected = "the axes of its planes, y, x, must be its last ones here; transpose its data first"
    corners: FamilyDock = dock("perspective")
    qtbot.waitUntil(corners.isVisible)
    process_events()
    button = corners.panel(CornersPanel).pick_button
    qtbot.waitUntil(button.isEnabled)
    qtbot.mouseClick(button, LEFT)
    assert expected in corners.message.text()
    assert [*viewer.layers] == [last]
    lens: FamilyDock = dock("lens")
    qtbot.waitUntil(lens.isVisible)
    lens.operation = "correct_distortion"
    box = lens.panel(CalibrationPanel).box
    qtbot.waitUntil(lambda: box.run.isVisible() and box.run.isEnabled())
    qtbot.mouseClick(box.run, LEFT)
    assert not box.task.is_running
    assert expected in box.sentence.text()


def test_a_point_stays_with_images_of_the_size_of_its_plane(viewer: Any, dock: Any, last: Any) -> None:
    widget: FamilyDock = dock("geometry")
    widget.operation = "swirl"
    widget.form.load({"center": (80.0, 20.0)})
    viewer.add_image(np.zeros((60, 120, 7), np.uint16), axis_labels=("y", "x", "c"))
    assert widget.form.parameters["center"] == "auto"
    viewer.layers.selection.active = last
    assert widget.form.parameters["center"] == (80.0, 20.0)


def test_an_outline_of_a_psf_has_the_axes_of_the_planes(viewer: Any, last: Any) -> None:
    place = {name: getattr(last, name) for name in ("scale", "translate")}
    viewer.add_shapes([[(10, 20, 3), (10, 40, 3), (26, 40, 3)]], shape_type="polygon", **place)
    assert drawn_outline(viewer, last) == (((0, 0), (0, 20), (16, 20)), (17, 21))
    assert drawn_outline(viewer, last, 1)[1] == (9, 9)


def test_a_turn_is_found_where_the_view_shows_no_axis_of_the_image(viewer: Any) -> None:
    viewer.add_image(np.zeros((2, 3, 30, 40)))
    image = viewer.add_image(np.zeros((30, 40)))
    turned = viewer.add_shapes([[(5, 5), (5, 20), (15, 20), (15, 5)] @ np.array([(0.8, -0.6), (0.6, 0.8)])])
    viewer.dims.order = (2, 3, 0, 1)
    assert np.isfinite(turn_of(viewer.dims, image, turned))
