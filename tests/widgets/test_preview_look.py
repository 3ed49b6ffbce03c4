"""What a live preview looks like: beside its source, in its colors, levels and limits, as its result will."""

from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from napari.layers import Image, Labels
from preview_window import LEFT
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_mathimg import Options, apply
from napari_mathimg.widgets.canvas.split_line import SplitLine


@pytest.mark.drawn
def test_the_split_line_is_dragged(viewer: Any, spots: Any, watched: Any, hand: Any, qtbot: Any) -> None:
    seen = watched("intensity", "invert")
    seen.tick()
    qtbot.mouseClick(seen.panel.split, LEFT)
    process_events()
    line: SplitLine = seen.panel.line
    begin = line.position
    hand.drag(spots, (30, begin), (30, begin + 20))
    assert line.position == pytest.approx(begin + 20, abs=1.0)
    assert viewer.scene.camera.center[-1] == pytest.approx(39.5, abs=1)  # the image has not moved
    picture = viewer.screenshot(canvas_only=True, flash=False)[..., 0].astype(int)
    qtbot.mouseClick(seen.panel.split, LEFT)
    process_events()
    result = viewer.screenshot(canvas_only=True, flash=False)[..., 0].astype(int)
    qtbot.mousePress(seen.panel.source, LEFT)
    process_events()
    source = viewer.screenshot(canvas_only=True, flash=False)[..., 0].astype(int)
    qtbot.mouseRelease(seen.panel.source, LEFT)
    process_events()
    at = hand.at(spots, (30, begin + 20)).x() * picture.shape[1] // hand.canvas.width()
    np.testing.assert_array_equal(picture[:, : at - 6], source[:, : at - 6])
    np.testing.assert_array_equal(picture[:, at + 7 :], result[:, at + 7 :])
    assert (source != result).mean() > 0.1


@pytest.mark.drawn
def test_a_key_shows_the_source_while_it_is_held(viewer: Any, spots: Any, watched: Any, hand: Any) -> None:
    seen = watched("intensity", "invert")
    seen.tick()

    def shot() -> Any:
        process_events()
        return viewer.screenshot(canvas_only=True, flash=False)[..., 0]

    result = shot()
    hand.canvas.setFocus()
    QTest.keyPress(hand.canvas, Qt.Key.Key_U)
    held = shot()
    QTest.keyRelease(hand.canvas, Qt.Key.Key_U)
    after = shot()
    seen.tick(False)
    source = shot()
    np.testing.assert_array_equal(held, source)
    np.testing.assert_array_equal(after, result)
    assert (held != result).any()


@pytest.mark.drawn
def test_an_additive_channel_is_replaced_not_added_to(viewer: Any, watched: Any, hand: Any) -> None:
    """The picture with the preview is that with the result in place of the source, beside another channel."""
    first = np.zeros((60, 80), np.uint8)
    first[:30] = 200
    second = np.zeros((60, 80), np.uint8)
    second[:, 40:] = 120
    viewer.add_image(second, colormap="magenta", blending="additive", contrast_limits=(0, 255))
    source = viewer.add_image(first, colormap="green", blending="additive", contrast_limits=(0, 255))
    seen = watched("blur", "gaussian", sigma=5.0)
    seen.tick()
    shown = viewer.screenshot(canvas_only=True, flash=False)
    assert source.visible
    seen.tick(False)
    source.data = apply(first, "gaussian", sigma=5.0)
    process_events()
    np.testing.assert_array_equal(shown, viewer.screenshot(canvas_only=True, flash=False))


@pytest.mark.drawn
def test_a_result_elsewhere_hides_its_source(viewer: Any, spots: Any, watched: Any, hand: Any) -> None:
    seen = watched("geometry", "rescale", scale=0.4)
    seen.tick()
    np.testing.assert_array_equal(seen.pixels(), apply(spots.data, "rescale", scale=0.4))
    edges = seen.layer.extent.world + np.array([[-0.5], [0.5]]) / 0.4
    np.testing.assert_allclose(edges, spots.extent.world + np.array([[-0.5], [0.5]]))
    shown = viewer.screenshot(canvas_only=True, flash=False)
    spots.visible = False
    process_events()
    assert not seen.layer.visible
    spots.visible = True
    seen.settle()
    np.testing.assert_array_equal(shown, viewer.screenshot(canvas_only=True, flash=False))


def test_volumes_are_previewed_reduced(viewer: Any, watched: Any) -> None:
    data = np.random.default_rng(0).integers(0, 4000, (70, 150, 140), dtype=np.uint16)
    viewer.add_image(data, contrast_limits=(0, 4000))
    seen = watched("blur", "gaussian", sigma=1.0)
    seen.widget.options.choose(seen.widget.options.process, "volumes")
    viewer.dims.ndisplay = 3
    seen.tick()
    view = seen.updates[-1].view  # type: ignore[union-attr]
    assert view.step == (2, 2, 2)
    ndim = 3 if "olumes" in seen.widget.options.process.currentText() else 2
    expected = apply(data, "gaussian", options=Options(ndim=ndim), sigma=1.0)
    np.testing.assert_array_equal(seen.pixels(), expected[::2, ::2, ::2])
    viewer.dims.ndisplay = 2
    seen.settle()
    assert seen.pixels().ndim == 2


def test_labels_and_levels_are_previewed(viewer: Any, watched: Any) -> None:
    labels = viewer.add_labels(np.kron(np.arange(12).reshape(3, 4), np.ones((20, 20), int)))
    seen = watched("geometry", "rotate", angle=30.0)
    seen.tick()
    assert isinstance(seen.layer, Labels)
    expected = apply(np.asarray(labels.data), "rotate", angle=30.0, order=0)
    np.testing.assert_array_equal(seen.pixels(), expected)
    viewer.layers.clear()
    image = np.random.default_rng(0).integers(0, 4000, (128, 160), dtype=np.uint16)
    viewer.add_image([image, image[::2, ::2]], multiscale=True, contrast_limits=(0, 4000))
    seen.widget.options.choose(seen.widget.options.level, "1")
    seen.widget.operation = "swirl"
    seen.settle()
    assert isinstance(seen.layer, Image)
    expected = apply(image[::2, ::2], "swirl", **seen.widget.form.parameters)
    view = seen.updates[-1].view  # type: ignore[union-attr]
    np.testing.assert_array_equal(
        seen.pixels(), expected[tuple(slice(a, b, s) for (a, b), s in zip(view.box, view.step, strict=True))]
    )


def test_narrow_contrast_limits_stay(viewer: Any, watched: Any, press: Any) -> None:
    """The limits of the preview are those that a run gives its result."""
    data = np.random.default_rng(0).integers(0, 4000, (60, 80), dtype=np.uint16)
    viewer.add_image(data, contrast_limits=(100, 300))
    seen = watched("blur", "gaussian", sigma=1.0)
    seen.tick()
    limits = tuple(seen.layer.contrast_limits)
    press(seen.widget)
    assert limits == tuple(seen.widget.result.contrast_limits) == (100, 300)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_limits_of_colors_are_those_of_a_run(viewer: Any, watched: Any, press: Any, dtype: Any) -> None:
    colors = np.random.default_rng(0).integers(20, 200, (60, 80, 3)).astype(dtype)
    viewer.add_image(colors / dtype(255) if dtype is np.float32 else colors, rgb=True)
    seen = watched("intensity", "adjust_gamma", gamma=0.8)
    seen.tick()
    limits = tuple(seen.layer.contrast_limits)
    press(seen.widget)
    assert limits == pytest.approx(tuple(seen.widget.result.contrast_limits), rel=1e-6)


def test_differences_of_colors_are_shares_of_the_range(viewer: Any, watched: Any, qtbot: Any) -> None:
    colors = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    viewer.add_image(colors, rgb=True)
    seen = watched("blur", "gaussian", sigma=1.0)
    seen.tick()
    qtbot.mouseClick(seen.panel.difference, LEFT)
    seen.settle()
    change = np.abs(apply(colors, "gaussian", options=Options(channel_axis=-1), sigma=1.0).astype(float) - colors)
    np.testing.assert_allclose(seen.pixels()[..., :3], change / 255, atol=1e-6)


def test_it_stays_above_its_source_and_follows_its_units(viewer: Any, spots: Any, watched: Any) -> None:
    other = viewer.add_image(np.zeros((60, 80), np.uint8), name="other")
    seen = watched("blur", "gaussian")
    seen.widget.picker.layer = spots
    seen.tick()
    viewer.layers.move(viewer.layers.index(spots), len(viewer.layers))
    process_events()
    assert list(viewer.layers) == [other, spots, seen.layer]
    viewer.layers.remove(other)
    spots.units = ("um", "um")
    seen.settle()
    assert seen.layer.units == spots.units


def test_the_key_of_somebody_else_comes_back(viewer: Any, spots: Any, watched: Any) -> None:
    def mine(viewer: Any) -> None:
        return

    viewer.bind_key("U", mine)
    seen = watched("blur", "gaussian")
    seen.tick()
    seen.tick(False)
    assert viewer.bind_key("U", None) is mine


@pytest.mark.drawn
def test_a_lowest_layer_is_blended_as_its_result_is(viewer: Any, watched: Any, hand: Any) -> None:
    data = np.full((60, 80), 90, np.uint8)
    source = viewer.add_image(data, blending="minimum", contrast_limits=(0, 255))
    seen = watched("blur", "gaussian", sigma=2.0)
    seen.tick()
    shown = viewer.screenshot(canvas_only=True, flash=False)
    seen.tick(False)
    source.data = apply(data, "gaussian", sigma=2.0)
    process_events()
    np.testing.assert_array_equal(shown, viewer.screenshot(canvas_only=True, flash=False))


@pytest.mark.drawn
def test_it_covers_the_last_result_where_the_source_is_hidden(viewer: Any, watched: Any, hand: Any, press: Any) -> None:
    """As somebody tunes who lets results replace each other and hide their source."""
    data = np.random.default_rng(0).integers(0, 255, (60, 80), dtype=np.uint8)
    source = viewer.add_image(data, contrast_limits=(0, 255))
    seen = watched("blur", "gaussian", sigma=1.0)
    seen.widget.options.replace.setChecked(True)
    seen.widget.options.hide_source.setChecked(True)
    press(seen.widget)
    assert not source.visible
    assert seen.widget.picker.layer is source
    seen.tick()
    seen.widget.form["sigma"].value = 4.0
    seen.settle()
    shown = viewer.screenshot(canvas_only=True, flash=False)
    press(seen.widget)
    seen.settle()
    assert seen.layer is None
    np.testing.assert_array_equal(shown, viewer.screenshot(canvas_only=True, flash=False))
