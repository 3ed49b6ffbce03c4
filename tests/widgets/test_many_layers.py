"""Several layers at once: the channels of one image."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from scipy import ndimage as ndi

import napari_mathimg as mathimg
from napari_mathimg import Options
from napari_mathimg.recipe.names import result_name
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.perspective.corners_panel import CornersPanel
from nightly import nightly

Opener = Callable[[str], FamilyDock]
Press = Callable[[FamilyDock], None]


@pytest.fixture
def channels(viewer: Any) -> list[Any]:
    """Three channels of one image, each with a range of its own."""
    rng = np.random.default_rng(5)
    arrays = [
        rng.integers(low, high, (4, 60, 50), dtype=np.uint16) for low, high in ((100, 900), (50, 300), (400, 4000))
    ]
    place = {"scale": (1, 0.4, 0.4), "units": ("um",) * 3}
    return [viewer.add_image(a, name=f"channel {k}", **place) for k, a in enumerate(arrays)]


def select(viewer: Any, layers: list[Any]) -> None:
    viewer.layers.selection.active = layers[0]
    viewer.layers.selection.update(layers)


def tick(qtbot: Any, box: Any) -> None:
    qtbot.waitUntil(box.isVisible)
    qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))
    assert box.isChecked()


def test_one_value_range_holds_for_all_selected_layers(
    viewer: Any, dock: Opener, press: Press, qtbot: Any, channels: list[Any]
) -> None:
    widget = dock("intensity")
    widget.operation = "adjust_gamma"
    widget.form["gamma"].value = 2
    one = widget.options.one_range
    assert not one.isVisible()
    select(viewer, channels)
    qtbot.waitUntil(one.isVisible)
    assert not one.isEnabled()
    tick(qtbot, widget.options.all_selected)
    tick(qtbot, one)
    widget.options.choose(widget.options.value_range, "dtype")
    assert not one.isVisible()
    widget.options.choose(widget.options.value_range, "data")
    press(widget)
    ends = float(min(c.data.min() for c in channels)), float(max(c.data.max() for c in channels))
    for channel in channels:
        result = viewer.layers[result_name(channel.name, {}, "Gamma correction")]
        expected = mathimg.apply(channel.data, "adjust_gamma", gamma=2.0, options=Options(value_range=ends))
        np.testing.assert_array_equal(result.data, expected)
        assert tuple(result.metadata["napari_mathimg"][-1]["value_range"]) == ends


def test_without_the_tick_each_layer_has_its_own_range(
    viewer: Any, dock: Opener, press: Press, qtbot: Any, channels: list[Any]
) -> None:
    widget = dock("intensity")
    widget.operation = "adjust_gamma"
    widget.form["gamma"].value = 2
    select(viewer, channels)
    tick(qtbot, widget.options.all_selected)
    press(widget)
    for channel in channels:
        expected = mathimg.apply(channel.data, "adjust_gamma", gamma=2.0)
        np.testing.assert_array_equal(viewer.layers[result_name(channel.name, {}, "Gamma correction")].data, expected)


def test_the_shared_range_is_that_of_what_takes_part(
    viewer: Any, dock: Opener, press: Press, qtbot: Any, channels: list[Any]
) -> None:
    channels[0].data[0] = 60_000
    viewer.dims.set_point(0, 2)
    widget = dock("intensity")
    widget.operation = "rescale_intensity"
    select(viewer, channels)
    widget.options.choose(widget.options.scope, "item")
    tick(qtbot, widget.options.all_selected)
    tick(qtbot, widget.options.one_range)
    press(widget)
    ends = min(c.data[2].min() for c in channels), max(c.data[2].max() for c in channels)
    for channel in channels:
        result = viewer.layers[result_name(channel.name, {}, "Rescale intensity")]
        assert tuple(result.metadata["napari_mathimg"][-1]["value_range"]) == ends


class Unreadable:
    """An array whose file is gone."""

    shape, dtype, ndim = (4, 60, 50), np.dtype(np.uint16), 3

    def __init__(self) -> None:
        self.is_there = True

    def __getitem__(self, key: Any) -> Any:
        if not self.is_there:
            raise OSError("the file is gone")
        return np.ones(self.shape, self.dtype)[key]


def test_a_layer_that_cannot_be_read_is_named_and_leaves_the_others_their_range(
    viewer: Any, dock: Opener, press: Press, qtbot: Any, channels: list[Any], notifications: list[Any]
) -> None:
    lost = Unreadable()
    layer = viewer.add_image(lost, name="lost", contrast_limits=(0, 1))
    widget = dock("intensity")
    widget.operation = "adjust_gamma"
    select(viewer, [*channels[:2], layer])
    tick(qtbot, widget.options.all_selected)
    tick(qtbot, widget.options.one_range)
    lost.is_there = False
    layer.visible = False
    press(widget)
    assert "lost: the file is gone" in widget.message.text()
    ends = float(min(c.data.min() for c in channels[:2])), float(max(c.data.max() for c in channels[:2]))
    for channel in channels[:2]:
        step = viewer.layers[result_name(channel.name, {}, "Gamma correction")].metadata["napari_mathimg"][-1]
        assert tuple(step["value_range"]) == ends


def test_a_layer_that_is_refused_leaves_the_others_their_range(
    viewer: Any, dock: Opener, press: Press, qtbot: Any, channels: list[Any]
) -> None:
    wide = viewer.add_image(np.full((4, 60, 50), 2**60), name="wide", contrast_limits=(0, 1))
    flat = viewer.add_image(np.full((9, 9), 65_000, np.uint16), name="flat", contrast_limits=(0, 1))
    variance = viewer.add_image(np.full((60, 50), 0.01, np.float32), name="variance")
    widget = dock("noise")
    widget.operation = "add_localvar_noise"
    select(viewer, [*channels[:2], wide, flat])
    widget.picker.layer = channels[0]
    widget.further_images.pickers["variance"].layer = variance
    tick(qtbot, widget.options.all_selected)
    tick(qtbot, widget.options.one_range)
    press(widget)
    assert "wide: Image: must hold integers of at most 2^53" in widget.message.text()
    assert "flat: Variance: must have shape (9, 9)" in widget.message.text()
    ends = float(min(c.data.min() for c in channels[:2])), float(max(c.data.max() for c in channels[:2]))
    for channel in channels[:2]:
        step = viewer.layers[result_name(channel.name, {}, "Noise of local variance")].metadata["napari_mathimg"][-1]
        assert tuple(step["value_range"]) == ends


def test_a_length_of_the_world_is_the_same_there_on_layers_with_other_pixels(
    viewer: Any, dock: Opener, press: Press, qtbot: Any, channels: list[Any]
) -> None:
    fine = viewer.add_image(channels[0].data, name="fine", scale=(1000, 100, 100), units=("nm",) * 3)
    bare = viewer.add_image(channels[0].data, name="bare")
    widget = dock("denoise")
    widget.operation = "gaussian"
    select(viewer, [channels[0], fine, bare])
    widget.picker.layer = channels[0]
    row = widget.form["sigma"]
    row._unit.value = "µm"
    row.value = (2.0, 2.0)  # pixels of 0.4 µm
    tick(qtbot, widget.options.all_selected)
    press(widget)
    for layer, sigma in ((channels[0], 2.0), (fine, 8.0)):
        result = viewer.layers[result_name(layer.name, {}, "Gaussian filter")]
        assert result.metadata["napari_mathimg"][-1]["parameters"]["sigma"] == pytest.approx((sigma, sigma))
        np.testing.assert_array_equal(result.data, mathimg.apply(layer.data, "gaussian", sigma=sigma))
    assert "bare: lengths in µm: the pixel size of 'bare' must have such a unit" in widget.message.text()


@pytest.mark.parametrize(
    ("operation", "typed"),
    [
        ("rotate", {"angle": 33, "resize": True}),
        ("crop", {"start": "auto", "stop": (3, 40, 30)}),
        ("rectify", {}),
        *nightly(("swirl", {"center": "auto"}), ("resize", {"output_shape": (30, 20)})),
        *nightly(("affine", {"rotation": 20, "center": "auto"})),
    ],
)
def test_channels_of_one_image_get_the_same_mapping(
    viewer: Any, dock: Opener, press: Press, qtbot: Any, channels: list[Any], operation: str, typed: dict[str, Any]
) -> None:
    """A mark at one place in every channel is at one place in every result, in pixels and in the world."""
    for brightness, channel in zip((4_000, 11_000, 60_000), channels, strict=True):
        channel.data[:] = 0
        channel.data[:, 22:25, 18:21] = brightness
    widget: Any = dock("perspective" if operation == "rectify" else "geometry")
    widget.operation = operation
    select(viewer, channels)
    if operation == "rectify":
        qtbot.waitUntil(widget.isVisible)
        widget.panel(CornersPanel).markers.place_own([(5.0, 6.0), (8.0, 44.0), (50.0, 40.0), (55.0, 9.0)], channels[0])
        widget.panel(CornersPanel).refresh.at_once()
        select(viewer, channels)
    for name, value in typed.items():
        widget.form[name].value = value
    tick(qtbot, widget.options.all_selected)
    press(widget)
    title = widget.operation.title
    results = [viewer.layers[result_name(channel.name, {}, title)] for channel in channels]
    marks = [ndi.center_of_mass(result.data[0].astype(float)) for result in results]
    for result, mark in zip(results, marks, strict=True):
        assert result.data.shape == results[0].data.shape
        np.testing.assert_allclose(mark, marks[0], atol=0.01)
        np.testing.assert_allclose(result.data_to_world((0, *mark)), results[0].data_to_world((0, *mark)), rtol=1e-12)
        steps = [r.metadata["napari_mathimg"][-1] for r in (result, results[0])]
        if "matrix" in steps[0]:
            np.testing.assert_allclose(steps[0]["matrix"], steps[1]["matrix"], rtol=1e-9, atol=1e-12)
        if operation != "rectify":  # whose corners go through the world
            assert steps[0]["parameters"] == steps[1]["parameters"]
