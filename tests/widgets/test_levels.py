"""Multiscale layers: the level that is processed, where its result lies, and the levels of results."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from mouse_and_keys import Hand, choose_level
from napari.layers import Image
from qtpy.QtCore import QPoint, Qt

import napari_mathimg as mathimg
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine.pyramid import Pyramid, build_pyramid
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.qt.layout import dock_of
from nightly import nightly

Opener = Callable[[str], FamilyDock]
Press = Callable[[FamilyDock], None]
LEFT = Qt.MouseButton.LeftButton


def smooth(shape: tuple[int, ...]) -> Any:
    rows, columns = np.mgrid[: shape[-2], : shape[-1]]
    plane = np.hypot(rows - shape[-2] / 3, columns - shape[-1] / 2) * 20
    return np.broadcast_to(plane.astype(np.uint16), shape).copy()


def levels_of(image: Any, count: int = 3) -> list[Any]:
    """Means of 2 x 2 pixels, again and again."""
    out = [image]
    for _ in range(count - 1):
        fine = out[-1]
        out.append((fine.reshape(*fine.shape[:-2], fine.shape[-2] // 2, 2, -1, 2).mean((-3, -1))).astype(fine.dtype))
    return out


def corners(layer: Any) -> Any:
    """Outer corners of the last two axes in the world, by napari's own transforms of the full resolution."""
    shape = np.array(layer.data[0].shape if layer.multiscale else layer.data.shape)[-2:]
    lead = (0,) * (layer.ndim - 2)
    ends = [(r * shape[0] - 0.5, c * shape[1] - 0.5) for r in (0, 1) for c in (0, 1)]
    return np.array([np.array(layer.data_to_world((*lead, *end)))[-2:] for end in ends])


PLACED = {"scale": (2, 0.5, 0.4), "translate": (3, -7, 5), "rotate": [[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]]}


@pytest.mark.parametrize("level", [0, 2, *nightly(1)])
def test_a_result_lies_over_its_source_whatever_the_level(
    viewer: Any, dock: Opener, press: Press, qtbot: Any, level: int
) -> None:
    source = viewer.add_image(levels_of(smooth((2, 160, 128))), multiscale=True, units=("um",) * 3, **PLACED)
    widget = dock("intensity")
    widget.operation = "invert"
    qtbot.waitUntil(widget.options.level.isVisible)
    choose_level(widget, level)
    press(widget)
    result = viewer.layers[-1]
    data = result.data[0] if result.multiscale else result.data
    np.testing.assert_array_equal(data, mathimg.apply(source.data[level], "invert"))
    np.testing.assert_allclose(corners(result), corners(source), atol=1e-9)
    assert result.multiscale == (level == 0)
    assert result.metadata["napari_mathimg"][-1].get("level", 0) == level
    if level:
        widget.options.choose(widget.options.level, "0")
        widget.picker.layer = result
        widget.load_settings()


def test_levels_of_any_lengths_are_placed_by_the_frame_they_fill(
    viewer: Any, dock: Opener, press: Press, qtbot: Any
) -> None:
    source = viewer.add_image([np.ones((101, 77)), np.ones((34, 26))], multiscale=True, contrast_limits=(0, 2))
    widget = dock("geometry")
    widget.operation = "crop"
    qtbot.waitUntil(widget.options.level.isVisible)
    choose_level(widget, 1)
    assert widget.form["stop"]._inner.value == (34, 26)
    widget.form["start"].value, widget.form["stop"].value = (17, 13), (34, 26)
    press(widget)
    lower_right = corners(viewer.layers[-1])
    np.testing.assert_allclose(lower_right[3], corners(source)[3])
    np.testing.assert_allclose(lower_right[0], (101 / 2 - 0.5, 77 / 2 - 0.5))


def test_the_level_s_plane_is_the_one_on_screen(viewer: Any, dock: Opener, press: Press, qtbot: Any) -> None:
    full = np.arange(8)[:, None, None] * np.ones((8, 40, 40))
    viewer.add_image([full, full[::2, ::2, ::2]], multiscale=True, contrast_limits=(0, 8))
    viewer.dims.set_point(0, 5)
    widget = dock("denoise")
    widget.operation = "gaussian"
    qtbot.waitUntil(widget.options.level.isVisible)
    choose_level(widget, 1)
    widget.options.choose(widget.options.scope, "item")
    press(widget)
    result = viewer.layers[-1]
    np.testing.assert_allclose(result.data, np.full((1, 20, 20), 4))  # planes 4 and 5 are plane 2 of the level
    np.testing.assert_allclose(result.data_to_world((0, 0, 0)), (4.5, 0.5, 0.5))


def test_lengths_are_those_of_the_level_in_the_world(viewer: Any, dock: Opener, qtbot: Any) -> None:
    viewer.add_image(levels_of(smooth((160, 128))), multiscale=True, scale=(0.5, 0.5), units=("um", "um"))
    widget = dock("denoise")
    widget.operation = "gaussian"
    qtbot.waitUntil(widget.options.level.isVisible)
    unit = widget.form["sigma"]._unit
    unit.value = "µm"
    widget.form["sigma"]._row.value = (4, 4)
    assert widget.form.parameters["sigma"] == (8, 8)
    choose_level(widget, 2)
    assert widget.form.parameters["sigma"] == (2, 2)


@pytest.mark.parametrize("kind", ["u2", "rgb", "labels", *nightly("f4")])
def test_a_result_has_levels_like_its_source(viewer: Any, dock: Opener, press: Press, qtbot: Any, kind: str) -> None:
    image = smooth((512, 384))
    if kind == "labels":
        viewer.add_labels(levels_of(image.astype(int)), multiscale=True)
    elif kind == "rgb":
        whole = (np.stack([image] * 3, -1) % 251).astype(np.uint8)
        viewer.add_image([whole, whole[::2, ::2], whole[::4, ::4]], multiscale=True, rgb=True)
    else:
        viewer.add_image(levels_of(image.astype(kind)), multiscale=True)
    widget = dock("geometry")
    widget.operation = "swirl"
    press(widget)
    result = viewer.layers[-1]
    assert result.multiscale
    assert [level.shape[:2] for level in result.data] == [(512, 384), (256, 192), (128, 96)]
    top, below = (np.asarray(level) for level in result.data[:2])
    if kind == "labels":
        np.testing.assert_array_equal(below, top[1::2, 1::2])
        return
    means = top.astype(float).reshape(256, 2, 192, 2, *top.shape[2:]).mean((1, 3))
    assert np.abs(below - means).max() <= (1e-3 if kind == "f4" else 0.5)
    factor = result.downsample_factors[1]
    assert tuple(factor[:2]) == (2, 2)
    assert tuple(result.contrast_limits) == tuple(viewer.layers[0].contrast_limits) or kind == "rgb"


def test_levels_can_be_left_out(viewer: Any, dock: Opener, press: Press, qtbot: Any) -> None:
    viewer.add_image(levels_of(smooth((512, 384))), multiscale=True)
    widget = dock("denoise")
    widget.operation = "gaussian"
    tick = widget.options.multiscale
    qtbot.waitUntil(tick.isVisible)
    qtbot.mouseClick(tick, LEFT, pos=QPoint(8, tick.height() // 2))
    press(widget)
    assert not viewer.layers[-1].multiscale
    plain = viewer.add_image(smooth((64, 64)))
    assert widget.picker.layer is plain
    assert not tick.isVisible()
    assert not widget.options.level.isVisible()


def test_a_result_with_levels_is_replaced(viewer: Any, dock: Opener, press: Press) -> None:
    source = viewer.add_image(levels_of(smooth((512, 384))), multiscale=True)
    widget = dock("denoise")
    widget.operation = "gaussian"
    widget.options.replace.setChecked(True)
    press(widget)
    widget.form["sigma"].value = 4
    press(widget)
    assert len(viewer.layers) == 2
    result = next(layer for layer in viewer.layers if layer is not source)
    np.testing.assert_array_equal(result.data[0], mathimg.apply(source.data[0], "gaussian", sigma=4.0))


@pytest.mark.parametrize("shape", [(256, 256), (255, 131), (7, 129, 200), (3, 1, 300)])
@pytest.mark.parametrize("dtype", ["u1", "f8"])
def test_every_pixel_of_a_level_is_the_mean_of_its_share(shape: Any, dtype: str) -> None:
    image = (np.random.default_rng(1).random(shape) * 255).astype(dtype)
    levels = run_to_end(build_pyramid(image, len(shape), Pyramid((-2, -1), 60, True), 2))
    assert max(levels[-1].shape[-2:]) <= 60 < max(levels[-2].shape[-2:])
    for fine, coarse in pairwise(levels):
        expected = fine.astype(float)
        for axis in (-2, -1):
            expected = shared(expected, axis, coarse.shape[axis])
        assert np.abs(coarse - expected).max() <= (0.5 + 1e-3 if dtype == "u1" else 1e-11)
        assert abs(coarse.mean() - fine.mean()) < (0.2 if dtype == "u1" else 1e-10)


def shared(image: Any, axis: int, m: int) -> Any:
    """Means of n pixels over m equal parts: each repeated m times, then n by n averaged."""
    n = image.shape[axis]
    many = np.moveaxis(np.repeat(image, m, axis), axis, -1)
    return np.moveaxis(many.reshape(*many.shape[:-1], m, n).mean(-1), -1, axis)


@pytest.mark.styled
def test_napari_draws_levels_where_the_placement_says(viewer: Any) -> None:
    """Both levels of an image fill one frame on the screen: what `into_full` builds on."""
    image = np.zeros((64, 64), np.uint8)
    image[16:32, 16:32] = 255
    layer = Image([image, image[::2, ::2]], multiscale=True)
    viewer.add_layer(layer)
    shots = []
    for level in (0, 1):
        layer.locked_data_level = level
        layer.refresh()
        shots.append(viewer.screenshot(canvas_only=True, flash=False)[..., 0] > 128)
    assert shots[0].any()
    assert np.count_nonzero(shots[0] != shots[1]) <= 0.02 * np.count_nonzero(shots[0])


def test_a_point_is_picked_in_pixels_of_the_level(viewer: Any, dock: Opener, qtbot: Any, hand: Hand) -> None:
    source = viewer.add_image(levels_of(smooth((160, 128))), multiscale=True, scale=(0.5, 0.5))
    widget = dock("geometry")
    widget.operation = "rotate"
    qtbot.waitUntil(widget.options.level.isVisible)
    choose_level(widget, 1)
    viewer.reset_view()
    process_events()
    qtbot.mouseClick(widget.form.pick_buttons["point"].native, LEFT)
    hand.click(source, (40.5, 60.5))  # between four pixels: the middle of one of the level
    fine = 1.5 / viewer.scene.camera.zoom / 0.5 / 2
    np.testing.assert_allclose(widget.form.parameters["center"], (20, 30), atol=fine)


def test_a_box_from_the_screen_is_in_pixels_of_the_level(viewer: Any, dock: Opener, qtbot: Any) -> None:
    viewer.add_image(levels_of(smooth((160, 128))), multiscale=True)
    widget = dock("geometry")
    widget.operation = "crop"
    qtbot.waitUntil(widget.options.level.isVisible)
    choose_level(widget, 1)
    viewer.reset_view()
    process_events()
    qtbot.mouseClick(widget.form.pick_buttons["view"].native, LEFT)
    assert (widget.form.parameters["start"], widget.form.parameters["stop"]) == ((0, 0), (80, 64))


def test_a_place_stays_where_it_is_when_the_level_changes(viewer: Any, dock: Opener, qtbot: Any, hand: Hand) -> None:
    """A pixel of level 1 covers 2 x 2, and of level 2 covers 4 x 4; distances from the center go with it."""
    source = viewer.add_image(levels_of(smooth((160, 128))), multiscale=True, scale=(0.5, 0.5))
    widget = dock("geometry")
    widget.operation = "swirl"
    qtbot.waitUntil(widget.options.level.isVisible)
    widget.form["center"].value = (41.0, 60.0)
    widget.form["radius"].value = 30.0
    for level, center, radius in ((1, (20.25, 29.75), 15), (2, (9.875, 14.625), 7.5), (0, (41, 60), 30)):
        widget.options.choose(widget.options.level, str(level))
        np.testing.assert_allclose(widget.form.parameters["center"], center)
        assert widget.form.parameters["radius"] == radius
        np.testing.assert_allclose(widget.forms.picking.cross.place, source.data_to_world((41, 60)))
    choose_level(widget, 1)
    hand.drag(source, (41, 60), (80.5, 40.5))
    seen = np.array(widget.form.parameters["center"])
    np.testing.assert_allclose(seen, (40, 20), atol=2 / viewer.scene.camera.zoom)
    widget.options.choose(widget.options.level, "0")
    np.testing.assert_allclose(widget.form.parameters["center"], 2 * seen + 0.5, atol=2e-3)
    widget.form["center"].value = "auto"
    widget.options.choose(widget.options.level, "2")
    assert widget.form.parameters["center"] == "auto"


def test_a_box_holds_the_same_when_the_level_changes(viewer: Any, dock: Opener, qtbot: Any) -> None:
    viewer.add_image([np.ones((3, 101, 77)), np.ones((3, 34, 26))], multiscale=True, contrast_limits=(0, 2))
    widget = dock("geometry")
    widget.operation = "crop"
    qtbot.waitUntil(widget.options.level.isVisible)
    widget.form["start"].value, widget.form["stop"].value = (1, 17, 13), (3, 101, 60)
    choose_level(widget, 1)  # of 2.97 x 2.96 pixels each
    assert (widget.form.parameters["start"], widget.form.parameters["stop"]) == ((1, 5, 4), (3, 34, 21))
    widget.operation = "rotate"
    widget.options.choose(widget.options.level, "0")
    widget.operation = "crop"
    assert (widget.form.parameters["start"], widget.form.parameters["stop"]) == ((1, 17, 13), (3, 101, 60))
    widget.options.choose(widget.options.level, "1")
    widget.form["stop"].value = (3, 34, 19)
    widget.options.choose(widget.options.level, "0")
    assert (widget.form.parameters["start"], widget.form.parameters["stop"]) == ((1, 17, 13), (3, 101, 57))


def test_a_layer_keeps_its_level(viewer: Any, dock: Opener, press: Press, qtbot: Any) -> None:
    """However often others come in between: results, which have none, and layers with other levels."""
    source = viewer.add_image(levels_of(smooth((160, 128))), multiscale=True, name="source")
    other = viewer.add_image(levels_of(smooth((160, 128))), multiscale=True, name="other")
    viewer.layers.selection.active = source
    widget = dock("intensity")
    widget.operation = "invert"
    qtbot.waitUntil(widget.options.level.isVisible)
    choose_level(widget, 2)
    press(widget)
    assert widget.picker.layer is viewer.layers["source – Invert"]
    assert not widget.options.level.isVisible()
    viewer.layers.selection.active = other
    choose_level(widget, 1)
    for layer, level in ((source, "2"), (other, "1"), (source, "2")):
        viewer.layers.selection.active = layer
        qtbot.waitUntil(lambda layer=layer: widget.picker.layer is layer)
        assert widget.options.level.currentData() == level
    source.data = list(source.data)[:2]
    assert widget.options.level.currentData() == "0"
    assert widget.options.level_of(source) == 0


def test_a_radius_in_micrometres_is_the_same_at_every_level(viewer: Any, dock: Opener, qtbot: Any) -> None:
    pyramid = [np.zeros((64 // k, 80 // k), np.uint16) for k in (1, 2)]
    viewer.add_image(pyramid, scale=(0.25, 0.25), units=("um",) * 2, contrast_limits=(0, 9))
    widget = dock("geometry")
    widget.operation = "swirl"
    box = widget.form["radius"]
    qtbot.waitUntil(box._unit.native.isEnabled)
    box._unit.value = "µm"
    box._row._fields[0].value = 8.0
    assert widget.form.parameters["radius"] == 32
    widget.options.level.setCurrentIndex(1)
    assert box._row._fields[0].value == 8
    assert widget.form.parameters["radius"] == 16
    widget.options.level.setCurrentIndex(0)
    assert widget.form.parameters["radius"] == 32


@pytest.mark.parametrize(
    ("family", "operation", "is_shown"),
    [("geometry", "rotate", True), ("lens", "flat_field", False), ("deconvolve", "richardson_lucy", False)],
)
def test_a_level_may_go_while_it_is_chosen(
    viewer: Any, dock: Opener, press: Press, qtbot: Any, family: str, operation: str, is_shown: bool
) -> None:
    image = smooth((3, 160, 128))
    blot = viewer.add_image(np.ones((9, 9), "f4"), name="blot")
    source = viewer.add_image(levels_of(image), multiscale=True, name="levels", units=("um",) * 3)
    widget = dock(family)
    qtbot.waitUntil(widget.isVisible)
    widget.operation = operation
    choose_level(widget, 2)
    for panel in widget.further_images.panels.values():
        panel.picker.choose("blot")
    if not is_shown:
        dock_of(widget).hide()
    source.data = levels_of(image, 2)
    added = viewer.add_image(np.ones((3, 80, 64), "f4"), name="flat")
    blot.scale = (2, 2)
    widget.form.reset()
    process_events()
    if not is_shown:
        dock_of(widget).show()
    viewer.layers.selection.active = source
    qtbot.waitUntil(lambda: widget.options.level.count() == 2)
    choose_level(widget, 1)
    if operation == "flat_field":
        widget.further_images.pickers["flat"].choose("flat")
        viewer.layers.selection.active = source
    if operation != "richardson_lucy":  # whose blot has pixels of another size
        press(widget)
        result = viewer.layers[-1]
        assert result not in (added, source)
        assert (result.data[0] if result.multiscale else result.data).shape[0] == 3
