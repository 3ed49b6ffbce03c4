"""Planes and volumes never lie across channels; a form names the axes of a volume, which can be chosen."""

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from napari.layers import Image
from scipy import ndimage as ndi

from napari_mathimg import Options, apply
from napari_mathimg.widgets.dock.further_images import aligned_level
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
    assert texts["volumes -4"] == "Volumes (tyx)"
    widget.options.choose(widget.options.process, "volumes -4")
    widget.form["size"].value = (3, 1, 1)
    press(widget)
    result = viewer.layers[-1]
    np.testing.assert_array_equal(result.data[1:-1], ndi.median_filter(data, (3, 1, 1, 1))[1:-1])
    widget.options.choose(widget.options.process, "planes")
    viewer.layers.selection.active = result
    widget.load_settings()
    assert widget.options.process.currentText() == "Volumes (tyx)"


def test_the_kind_of_items_outlives_names(viewer: Any, dock: Any, press: Any) -> None:
    """The kind chosen, and the one of a step, is that of the same axes under other names; no choice is blank."""
    layer = viewer.add_image(np.zeros((5, 4, 12, 10), np.uint8), axis_labels=("t", "z", "y", "x"))
    widget = dock("denoise")
    widget.operation = "median"
    box = widget.options.process
    box.setCurrentText("Volumes (tyx)")
    press(widget)
    result = viewer.layers[-1]
    result.axis_labels = ("Time", "Z", "Y", "X")
    viewer.layers.selection.active = result
    box.setCurrentIndex(0)
    widget.load_settings()
    assert box.currentText() == "Volumes (Time, Y, X)"
    viewer.layers.selection.active = layer
    assert box.currentText() == "Volumes (tyx)"
    layer.axis_labels = ("time", "z", "y", "x")
    viewer.layers.selection.active = result
    viewer.layers.selection.active = layer
    assert box.currentText() == "Volumes (time, y, x)"
    layer.axis_labels = ("c", "z", "y", "x")
    viewer.layers.selection.active = result
    viewer.layers.selection.active = layer
    assert box.currentText() in ("Planes (yx)", "Volumes (zyx)")


def test_a_layer_without_the_chosen_volume_is_refused(viewer: Any, dock: Any, press: Any) -> None:
    layer = viewer.add_image(np.zeros((5, 4, 12, 10), np.uint8), axis_labels=("t", "z", "y", "x"), name="movie")
    other = viewer.add_image(np.zeros((4, 12, 10), np.uint8), axis_labels=("z", "y", "x"), name="stack")
    viewer.layers.selection.active = layer
    widget = dock("denoise")
    widget.operation = "median"
    widget.options.process.setCurrentText("Volumes (tyx)")
    viewer.layers.selection.add(other)
    widget.options.all_selected.setChecked(True)
    press(widget)
    assert "stack: has no Volumes (tyx)" in widget.message.text()
    assert len(viewer.layers) == 3


def test_loading_settings_leaves_what_the_step_did_not_use(viewer: Any, dock: Any, press: Any) -> None:
    """A median of floats uses neither a value range, nor an output type; one of planes alone no choice of items."""
    viewer.add_image(np.zeros((12, 10), np.float32))
    widget = dock("denoise")
    widget.operation = "median"
    options = widget.options
    press(widget)
    viewer.add_image(np.zeros((4, 12, 10), np.uint8))
    kept = {"process": "volumes", "value_range": "dtype", "dtype": "float32"}
    for name, choice in kept.items():
        options.want(options.boxes[name], choice)
    widget.operation = "gaussian"
    for name, choice in kept.items():
        options.choose(options.boxes[name], choice)
    viewer.layers.selection.active = viewer.layers[1]
    widget.load_settings()
    assert widget.operation.id == "median"
    assert {name: options.wanted(options.boxes[name]) for name in kept} == kept


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


def test_a_psf_lies_along_the_chosen_axes(viewer: Any, dock: Any, press: Any, qtbot: Any) -> None:
    """Over t, y, x: its names, sizes and units, its run against one volume at a time, and the layer of it."""
    data = np.random.default_rng(4).integers(200, 3000, (9, 5, 24, 20)).astype(np.uint16)
    layer = viewer.add_image(
        data, axis_labels=("t", "z", "y", "x"), scale=(10, 0.5, 0.1, 0.2), units=("s", "um", "um", "um")
    )
    widget = dock("deconvolve")
    widget.operation = "richardson_lucy"
    panel = widget.further_images.panels["psf"]
    for text in ("zyx", "tyx"):
        widget.options.process.setCurrentText(f"Volumes ({text})")
        panel.kind = "gaussian"
        names = [f.native.prefix().strip() for f in panel.form["sigma"]._row._fields]
        assert names == list(text)
        assert ("µm" in panel.form["sigma"]._unit.choices) == (text == "zyx")
    assert [box.prefix().strip() for box in panel.beads.sizes.values()] == names
    panel.form["sigma"].value = (0.5, 1.0, 1.5)
    widget.form["num_iter"].value = 2
    qtbot.waitUntil(lambda: panel.preview.shown is not None and not panel.preview.is_pending)
    panel.add_button.click()
    added = viewer.layers[-1]
    assert added.axis_labels == ("t", "y", "x")
    assert added.units == tuple(layer.units[k] for k in (0, 2, 3))
    np.testing.assert_allclose(added.scale, (10, 0.1, 0.2))
    middle = layer.data_to_world([(n - 1) / 2 for n in data.shape])
    np.testing.assert_allclose(added.data_to_world([n // 2 for n in added.data.shape]), np.delete(middle, 1))
    assert widget.further_images.pickers["psf"].findText(added.name) >= 0
    kernel = np.asarray(panel.kernel(layer))
    press(widget)
    in_3d = Options(ndim=3, dtype="float32")
    expected = apply(np.moveaxis(data, 1, 0), "richardson_lucy", kernel, num_iter=2, options=in_3d)
    np.testing.assert_allclose(viewer.layers[-1].data, np.moveaxis(expected, 0, 1), rtol=1e-5)


def test_beads_are_averaged_along_the_chosen_axes(viewer: Any, dock: Any, qtbot: Any) -> None:
    """Beads in z, c, y, x: the box lies in z, y, x of the channel shown."""
    data = np.zeros((15, 2, 40, 50), np.float32)
    bead = np.zeros((15, 40, 50), np.float32)
    bead[7, 20, 25] = 1
    data[:, 1] = ndi.gaussian_filter(bead, (1, 2, 3))
    image = viewer.add_image(data, axis_labels=("z", "c", "y", "x"), name="beads")
    points = viewer.add_points([(7, 1, 20, 25)], ndim=4)
    viewer.layers.selection.active = image
    viewer.dims.set_point(1, 1)
    widget = dock("deconvolve")
    widget.operation = "richardson_lucy"
    widget.options.choose(widget.options.process, "volumes")
    panel = widget.further_images.panels["psf"]
    panel.from_beads.click()
    box = panel.beads
    box.points.layer = points
    box.size = (7, 9, 11)
    with qtbot.waitSignal(box.task.finished):
        box.measure.click()
    measured = viewer.layers[-1]
    assert measured.data.shape == (7, 9, 11), box.message.text()
    assert measured.axis_labels == ("z", "y", "x")
    cut = data[4:11, 1, 16:25, 20:31].astype(float)
    border = np.ones_like(cut, bool)
    border[1:-1, 1:-1, 1:-1] = False
    expected = cut - np.median(cut[border])
    assert np.corrcoef(measured.data.ravel(), expected.ravel())[0, 1] > 0.999


def test_aligned_images_of_fewer_axes_lie_on_the_chosen_ones() -> None:
    """What a widget offers is what the engine accepts."""
    layer = Image(np.full((7, 4, 12, 10), 0.5, np.float32), axis_labels=("t", "z", "y", "x"))
    others = {shape: Image(np.ones(shape)) for shape in ((7, 12, 10), (4, 12, 10), (12, 10), (7, 4, 12, 10))}
    fits = {(0, 2, 3): ((7, 12, 10),), (1, 2, 3): ((4, 12, 10),), (2, 3): ((4, 12, 10), (12, 10))}
    for axes, fitting in fits.items():
        for shape, other in others.items():
            is_offered = aligned_level(other, layer, axes) is not None and other.ndim >= len(axes)
            assert is_offered == (shape in (*fitting, layer.data.shape)), (axes, shape)
            with nullcontext() if is_offered else pytest.raises(ValueError, match="must"):
                apply(layer.data, "add_localvar_noise", other.data, options=Options(axes=axes))
