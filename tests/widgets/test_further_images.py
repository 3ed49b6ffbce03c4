"""Further images of an operation, and what is found in the image itself."""

from collections.abc import Callable
from typing import Any

import numpy as np
from event_loop import process_events
from mouse_and_keys import close_by_mouse
from qtpy.QtCore import Qt
from skimage import exposure

import napari_mathimg as mathimg
from napari_mathimg.engine import estimate_flat
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.lens.flat_panel import FlatPanel

Opener = Callable[[str], FamilyDock]
Press = Callable[[FamilyDock], None]


def listed(widget: FamilyDock, name: str) -> list[str]:
    picker = widget.further_images.pickers[name]
    return [picker.itemText(k) for k in range(picker.count())]


def test_only_layers_that_can_serve_are_listed(viewer: Any, dock: Opener, stack: Any) -> None:
    viewer.add_image(stack, name="stack")
    viewer.add_image(np.ones(stack.shape), name="volume")
    viewer.add_image(np.ones(stack.shape[1:]), name="plane")
    viewer.add_image(np.ones((7, 9)), name="small")
    viewer.add_image(np.ones((*stack.shape[1:], 3), np.uint8), name="colors", rgb=True)
    viewer.add_labels(np.ones(stack.shape[1:], int), name="labels")
    viewer.layers.selection.active = viewer.layers["stack"]
    widget = dock("noise")
    widget.operation = "add_localvar_noise"
    assert listed(widget, "variance") == ["None", "plane", "volume"]
    viewer.layers.selection.active = viewer.layers["plane"]
    assert listed(widget, "variance") == ["None"]
    viewer.layers["small"].data = np.ones(stack.shape[1:])
    viewer.layers.selection.active = viewer.layers["stack"]
    assert listed(widget, "variance") == ["None", "small", "plane", "volume"]
    widget.operation = "add_gaussian_noise"
    assert not widget.further_images.pickers
    assert not widget.further_images.widget.isVisible()


def test_a_variance_image_is_used_recorded_and_chosen_again(
    viewer: Any, dock: Opener, press: Press, stack: Any
) -> None:
    source = viewer.add_image(stack, name="stack")
    variance = np.linspace(0, 0.1, stack[0].size).reshape(stack.shape[1:])
    viewer.add_image(variance, name="ramp")
    viewer.layers.selection.active = source
    widget = dock("noise")
    widget.operation = "add_localvar_noise"
    widget.further_images.pickers["variance"].choose("ramp")
    press(widget)
    result = viewer.layers["stack – Noise of local variance"]
    np.testing.assert_array_equal(result.data, mathimg.apply(stack, "add_localvar_noise", variance))
    (used,) = result.metadata["napari_mathimg"][-1]["images"]
    assert (used["name"], used["shape"]) == ("ramp", variance.shape)
    viewer.layers.selection.active = source
    widget.further_images.pickers["variance"].layer = None
    press(widget)
    ramp = viewer.layers["stack – Noise of local variance [1]"]
    np.testing.assert_array_equal(ramp.data, mathimg.apply(stack, "add_localvar_noise"))
    widget.picker.layer = result
    widget.load_settings()
    assert widget.further_images.pickers["variance"].layer is viewer.layers["ramp"]


def test_a_reference_of_any_shape_gives_its_distribution(
    viewer: Any, dock: Opener, press: Press, stack: Any, qtbot: Any, notifications: list[Any]
) -> None:
    source = viewer.add_image(stack, name="stack")
    viewer.add_image(np.zeros((4, 4, 3), np.uint8), name="colors", rgb=True)
    other = viewer.add_image(np.random.default_rng(8).poisson(50, (90, 30)).astype(np.uint16), name="other")
    viewer.layers.selection.active = source
    widget = dock("intensity")
    widget.operation = "match_histograms"
    assert listed(widget, "reference") == ["Choose a layer", "other"]
    qtbot.waitUntil(widget.run_button.isVisible)
    qtbot.mouseClick(widget.run_button, Qt.MouseButton.LeftButton)
    assert widget.message.text() == "Reference: choose a layer. Nothing was added."
    assert not notifications
    qtbot.keyClick(widget.further_images.pickers["reference"], Qt.Key.Key_Down)
    press(widget)
    result = viewer.layers["stack – Match histograms"]
    np.testing.assert_array_equal(result.data, mathimg.apply(stack, "match_histograms", other.data))
    assert np.abs(result.data - exposure.match_histograms(stack, other.data[None])).max() <= 0.5 + 1e-9
    (used,) = result.metadata["napari_mathimg"][-1]["images"]
    assert used["name"] == "other"


def test_a_closed_dock_leaves_no_connection_of_its_pickers(viewer: Any, dock: Opener, qtbot: Any, stack: Any) -> None:
    layer = viewer.add_image(stack)
    viewer.add_image(stack, name="other")
    before = len(viewer.layers.events.inserted.callbacks), len(layer.events.name.callbacks)
    widget = dock("noise")
    widget.operation = "add_localvar_noise"
    process_events()
    close_by_mouse(widget, qtbot)
    assert (len(viewer.layers.events.inserted.callbacks), len(layer.events.name.callbacks)) == before


def test_what_auto_means_follows_the_parameters_it_depends_on(viewer: Any, dock: Opener, qtbot: Any) -> None:
    viewer.add_image(np.eye(64))
    widget = dock("denoise")
    widget.operation = "denoise_nl_means"
    widget.form["sigma"].value = 0.1
    assert abs(widget.form["h"]._inner.value - 1.15 * 0.1) < 1e-12
    box = widget.form["sigma"]._inner.native
    box.selectAll()
    qtbot.keyClicks(box, "0.05")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert widget.form.parameters["h"] == "auto"
    assert abs(widget.form["h"]._inner.value - 1.15 * 0.05) < 1e-12


def halves(image: Any) -> list[Any]:
    """An image and its means of 2 x 2 and 4 x 4 pixels."""
    rows, columns = image.shape
    return [image.reshape(rows // n, n, columns // n, n).mean((1, 3)) for n in (1, 2, 4)]


def test_a_second_image_with_levels_serves_at_each(viewer: Any, dock: Opener, press: Press, qtbot: Any) -> None:
    rng = np.random.default_rng(5)
    fields = [rng.uniform(low, high, (80, 64)) for low, high in ((200, 900), (100, 190), (1, 20))]
    kinds = dict(zip(("cells", "light", "cap"), map(halves, fields), strict=True))
    layers = {name: viewer.add_image(levels, name=name, multiscale=True) for name, levels in kinds.items()}
    viewer.add_image(kinds["light"][1], name="binned")  # without levels, it fits one
    viewer.layers.selection.active = layers["cells"]
    widget = dock("lens")
    widget.operation = "flat_field"
    qtbot.waitUntil(widget.options.level.isVisible)
    for level in (0, 1, 2):
        widget.options.level.setFocus()
        qtbot.keyClick(widget.options.level, Qt.Key.Key_Home)
        for _ in range(level):
            qtbot.keyClick(widget.options.level, Qt.Key.Key_Down)
        assert listed(widget, "flat") == ["None", *(["binned"] if level == 1 else []), "cap", "light"]
        widget.further_images.pickers["flat"].choose("light")
        widget.further_images.pickers["dark"].choose("cap")
        press(widget)
        result = viewer.layers[-1]
        own = [kinds[name][level] for name in ("cells", "light", "cap")]
        expected = mathimg.apply(own[0], "flat_field", *own[1:], options=mathimg.Options(value_range="dtype"))
        np.testing.assert_array_equal(result.data[0] if result.multiscale else result.data, expected)
        used = result.metadata["napari_mathimg"][-1]["images"]
        assert [(u["name"], u["shape"], u.get("level", 0)) for u in used] == [
            (name, own[0].shape, level) for name in ("light", "cap")
        ]
        viewer.layers.remove(result)
        layers["cells"].visible = True
        viewer.layers.selection.active = layers["cells"]
    viewer.layers.selection.active = viewer.layers["binned"]  # has no levels; the others' level of its shape fits
    assert {*listed(widget, "flat")} == {"None", "cap", "cells", "light"}
    widget.further_images.pickers["flat"].choose("light")
    assert widget.runs.job(viewer.layers["binned"]).further_images[0].array is layers["light"].data[1]


def test_a_reference_counts_in_full_resolution(viewer: Any, dock: Opener, press: Press, qtbot: Any) -> None:
    rng = np.random.default_rng(6)
    source = viewer.add_image(halves(rng.normal(100, 10, (80, 64))), name="cells", multiscale=True)
    other = viewer.add_image(halves(rng.exponential(30, (80, 64))), name="other", multiscale=True)
    viewer.layers.selection.active = source
    widget = dock("intensity")
    widget.operation = "match_histograms"
    qtbot.waitUntil(widget.options.level.isVisible)
    qtbot.keyClick(widget.options.level, Qt.Key.Key_Down)
    widget.further_images.pickers["reference"].choose("other")
    assert "full resolution" in widget.further_images.pickers["reference"].toolTip()
    press(widget)
    expected = mathimg.apply(source.data[1], "match_histograms", other.data[0])
    np.testing.assert_array_equal(viewer.layers[-1].data, expected)


def test_the_dark_of_an_estimated_flat_is_that_of_the_level(viewer: Any, dock: Opener, qtbot: Any) -> None:
    stack = np.random.default_rng(7).uniform(200, 240, (6, 80, 64)).astype(np.float32)
    coarse = stack.reshape(6, 40, 2, 32, 2).mean((2, 4))
    dark = np.linspace(1, 100, 80)[:, None] * np.ones(64)
    source = viewer.add_image([stack, coarse], name="cells", multiscale=True)
    viewer.add_image(halves(dark), name="cap", multiscale=True)
    viewer.layers.selection.active = source
    widget = dock("lens")
    widget.operation = "flat_field"
    qtbot.waitUntil(widget.options.level.isVisible)
    qtbot.keyClick(widget.options.level, Qt.Key.Key_Down)
    widget.further_images.pickers["dark"].choose("cap")
    with qtbot.waitSignal(widget.panel(FlatPanel).box.made):
        qtbot.mouseClick(widget.panel(FlatPanel).box.button, Qt.MouseButton.LeftButton)
    found, degree = np.asarray(viewer.layers["cells flat"].data), widget.form.parameters["degree"]
    np.testing.assert_array_equal(found, estimate_flat(coarse, dark=halves(dark)[1], degree=degree))
