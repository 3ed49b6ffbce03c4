"""Planes and volumes never lie across channels; a form names the axes of a volume, which can be chosen."""

from typing import Any

import numpy as np
import pytest
from napari.layers import Image
from scipy import ndimage as ndi

from napari_mathimg.widgets.dock.form_panel import FormPanel
from napari_mathimg.widgets.layers.item_axes import axes_option, item_axes, plane_axes, volumes_of


@pytest.mark.parametrize(
    ("labels", "plane", "volumes"),
    [
        ("zcyx", (2, 3), [(0, 2, 3)]),
        ("tczyx", (3, 4), [(2, 3, 4), (0, 3, 4)]),
        ("czyx", (2, 3), [(1, 2, 3)]),
        ("cyx", (1, 2), []),
        ("zyxc", (1, 2), [(0, 1, 2)]),
        (("Z", "Channel", "Y", "X"), (2, 3), [(0, 2, 3)]),
        (("time", "ch", "Y", "X"), (2, 3), [(0, 2, 3)]),
        (("-4", "-3", "-2", "-1"), (2, 3), [(1, 2, 3), (0, 2, 3)]),
    ],
)
def test_channels_are_stack_axes(labels: Any, plane: Any, volumes: Any) -> None:
    layer = Image(np.zeros((2, 2, 2, 2, 2)[: len(labels)]), axis_labels=tuple(labels))
    assert plane_axes(layer) == plane
    assert volumes_of(layer) == volumes
    assert item_axes(layer, 2) == plane
    if labels == "zcyx":
        assert axes_option(layer, (0, 2, 3)) == ("z", "y", "x")


def test_a_volume_is_blurred_within_each_channel(viewer: Any, dock: Any, press: Any) -> None:
    """Z, C, Y, X, as readers of CZI files make it, against SciPy channel by channel."""
    data = np.random.default_rng(0).random((6, 3, 40, 50)).astype(np.float32)
    labels = ("z", "c", "y", "x")
    layer = viewer.add_image(data, axis_labels=labels, scale=(2, 1, 0.5, 0.5), units=("um", "pixel", "um", "um"))
    widget = dock("denoise")
    widget.operation = "gaussian"
    box = widget.options.process
    assert [box.itemText(k) for k in range(box.count())] == ["Planes (yx)", "Volumes (zyx)"]
    widget.options.choose(box, "volumes")
    row = widget.form["sigma"]._row
    assert [f.native.prefix().strip() for f in row._fields] == ["z", "y", "x"]
    widget.form["sigma"].value = (0.5, 1.0, 2.0)
    press(widget)
    result = viewer.layers[-1]
    expected = np.stack(
        [ndi.gaussian_filter(data[:, k], (0.5, 1, 2), mode="mirror", truncate=4.0) for k in range(3)], 1
    )
    inner = (slice(2, -2), slice(None), slice(8, -8), slice(8, -8))
    np.testing.assert_allclose(result.data[inner], expected[inner], atol=2e-5)
    assert result.axis_labels == labels
    assert result.units == layer.units
    np.testing.assert_array_equal(result.scale, layer.scale)
    step = result.metadata["napari_mathimg"][-1]
    assert tuple(step["options"]["axes"]) == ("z", "y", "x")
    widget.options.choose(box, "planes")
    viewer.layers.selection.active = result
    widget.load_settings()
    assert box.currentData() == "volumes"


def test_a_filter_runs_along_time(viewer: Any, dock: Any, press: Any) -> None:
    """The median of 3 x 1 x 1 frames of t, y, x in t, z, y, x, plane by plane."""
    data = np.random.default_rng(1).integers(0, 4000, (7, 4, 30, 20), dtype=np.uint16)
    viewer.add_image(data, axis_labels=("t", "z", "y", "x"))
    widget = dock("denoise")
    widget.operation = "median"
    texts = {box.itemData(k): box.itemText(k) for box in [widget.options.process] for k in range(box.count())}
    assert texts["volumes"] == "Volumes (zyx)"
    assert texts["volumes t"] == "Volumes (tyx)"
    widget.options.choose(widget.options.process, "volumes t")
    widget.form["size"].value = (3, 1, 1)
    press(widget)
    result = viewer.layers[-1]
    np.testing.assert_array_equal(result.data[1:-1], ndi.median_filter(data, (3, 1, 1, 1))[1:-1])
    widget.options.choose(widget.options.process, "planes")
    viewer.layers.selection.active = result
    widget.load_settings()
    assert widget.options.process.currentData() == "volumes t"
    assert isinstance(widget.panel(FormPanel), FormPanel)


def test_this_volume_is_that_of_the_shown_channel(viewer: Any, dock: Any, press: Any) -> None:
    data = np.random.default_rng(2).integers(0, 4000, (5, 3, 30, 20), dtype=np.uint16)
    layer = viewer.add_image(data, axis_labels=("z", "c", "y", "x"), scale=(3, 1, 1, 1))
    viewer.dims.set_point(1, 2)
    widget = dock("denoise")
    widget.operation = "median"
    widget.options.choose(widget.options.process, "volumes")
    widget.options.choose(widget.options.scope, "item")
    widget.form["size"].value = (3, 3, 3)
    press(widget)
    result = viewer.layers[-1]
    assert result.data.shape == (5, 1, 30, 20)
    expected = ndi.median_filter(data[:, 2], 3)
    np.testing.assert_array_equal(result.data[1:-1, 0, 1:-1, 1:-1], expected[1:-1, 1:-1, 1:-1])
    np.testing.assert_allclose(result.data_to_world((0, 0, 0, 0)), layer.data_to_world((0, 2, 0, 0)))


@pytest.mark.parametrize("labels", [("z", "y", "x"), ("t", "y", "x")])
def test_kept_iterations_keep_names_and_units(viewer: Any, dock: Any, press: Any, labels: Any) -> None:
    data = np.random.default_rng(3).random((4, 24, 20)).astype(np.float32)
    layer = viewer.add_image(data, axis_labels=labels, units=("um", "um", "um"), scale=(-2, 0.5, 0.5))
    widget = dock("deconvolve")
    widget.operation = "richardson_lucy"
    widget.form["num_iter"].value = 4
    widget.form["keep_every"].value = 2
    panel = widget.further_images.panels["psf"]
    panel.kind = "gaussian"
    is_volume = labels[0] == "z"  # light is blurred along z, too, so that volumes are suggested
    assert widget.options.process.currentData() == ("volumes" if is_volume else "planes")
    panel.form["sigma"].value = (0.5, 1, 1) if is_volume else (1, 1)  # a PSF no longer than the four planes allow
    press(widget)
    result = viewer.layers[-1]
    assert result.data.shape == (2, 4, 24, 20)
    assert result.axis_labels[1:] == labels
    assert result.axis_labels[0] not in labels
    assert result.units[1:] == layer.units
    np.testing.assert_array_equal(result.scale[1:], layer.scale)
    np.testing.assert_allclose(result.data_to_world((0, 1, 2, 3))[1:], layer.data_to_world((1, 2, 3)))
