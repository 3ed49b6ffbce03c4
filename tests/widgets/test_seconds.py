"""Further images of an operation, and what is found in the image itself."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hand import close_by_mouse
from qtpy.QtCore import Qt
from skimage import exposure

import napari_mathimg as mathimg
from napari_mathimg.engine import estimate_sigma
from napari_mathimg.widgets.dock import FamilyDock

Opener = Callable[[str], FamilyDock]
Press = Callable[[FamilyDock], None]


def listed(widget: FamilyDock, name: str) -> list[str]:
    picker = widget.seconds.pickers[name]
    return [picker.itemText(k) for k in range(picker.count())]


def test_only_layers_that_can_serve_are_listed(viewer: Any, dock: Opener, stack: Any) -> None:
    viewer.add_image(stack, name="stack")
    viewer.add_image(np.ones(stack.shape), name="volume")
    viewer.add_image(np.ones(stack.shape[1:]), name="plane")
    viewer.add_image(np.ones((7, 9)), name="small")
    viewer.add_image(np.ones((*stack.shape[1:], 3), np.uint8), name="colours", rgb=True)
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
    assert not widget.seconds.pickers
    assert not widget.seconds.isVisible()


def test_a_variance_image_is_used_recorded_and_chosen_again(
    viewer: Any, dock: Opener, press: Press, stack: Any
) -> None:
    source = viewer.add_image(stack, name="stack")
    variance = np.linspace(0, 0.1, stack[0].size).reshape(stack.shape[1:])
    viewer.add_image(variance, name="ramp")
    viewer.layers.selection.active = source
    widget = dock("noise")
    widget.operation = "add_localvar_noise"
    widget.seconds.pickers["variance"].choose("ramp")
    press(widget)
    result = viewer.layers["stack – Noise of local variance"]
    np.testing.assert_array_equal(result.data, mathimg.apply(stack, "add_localvar_noise", variance))
    (used,) = result.metadata["napari_mathimg"][-1]["images"]
    assert (used["name"], used["shape"]) == ("ramp", variance.shape)
    viewer.layers.selection.active = source
    widget.seconds.pickers["variance"].layer = None
    press(widget)
    ramp = viewer.layers["stack – Noise of local variance [1]"]
    np.testing.assert_array_equal(ramp.data, mathimg.apply(stack, "add_localvar_noise"))
    widget.picker.layer = result
    widget.load_settings()
    assert widget.seconds.pickers["variance"].layer is viewer.layers["ramp"]


def test_a_reference_of_any_shape_gives_its_distribution(
    viewer: Any, dock: Opener, press: Press, stack: Any, qtbot: Any, notifications: list[Any]
) -> None:
    source = viewer.add_image(stack, name="stack")
    viewer.add_image(np.zeros((4, 4, 3), np.uint8), name="colours", rgb=True)
    other = viewer.add_image(np.random.default_rng(8).poisson(50, (90, 30)).astype(np.uint16), name="other")
    viewer.layers.selection.active = source
    widget = dock("intensity")
    widget.operation = "match_histograms"
    assert listed(widget, "reference") == ["Choose a layer", "other"]
    qtbot.waitUntil(widget.run_button.isVisible)
    qtbot.mouseClick(widget.run_button, Qt.MouseButton.LeftButton)
    assert notifications[0].message == "reference: choose a layer"
    qtbot.keyClick(widget.seconds.pickers["reference"], Qt.Key.Key_Down)
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
    qtbot.wait(50)
    close_by_mouse(widget, qtbot)
    assert (len(viewer.layers.events.inserted.callbacks), len(layer.events.name.callbacks)) == before


def test_estimated_noise_is_filled_in(viewer: Any, dock: Opener, qtbot: Any) -> None:
    rng = np.random.default_rng(4)
    image = np.linspace(0, 10_000, 256) + 500 * rng.standard_normal((200, 256))
    viewer.add_image(image)
    widget = dock("denoise")
    for operation, name in (("denoise_wavelet", "sigma"), ("wiener_filter", "noise")):
        widget.operation = operation
        assert widget.form.parameters[name] == "auto"
        ask = widget.form.noise_buttons[name].native
        qtbot.waitUntil(ask.isVisible)
        with qtbot.waitSignal(widget.estimator.finished, timeout=20_000):
            qtbot.mouseClick(ask, Qt.MouseButton.LeftButton)
        sigma = estimate_sigma(image)
        assert sigma == np.clip(sigma, 0.95 * 500 / np.ptp(image), 1.05 * 500 / np.ptp(image))
        expected = sigma if name == "sigma" else sigma**2
        assert widget.form.parameters[name] == float(f"{expected:.4g}")
    assert "standard deviation" in widget.message.text()


def test_what_auto_means_follows_the_parameters_it_depends_on(viewer: Any, dock: Opener, qtbot: Any) -> None:
    viewer.add_image(np.eye(64))
    widget = dock("denoise")
    widget.operation = "denoise_nl_means"
    assert widget.form["h"]._inner.value == 0.1
    box = widget.form["sigma"].native
    box.selectAll()
    qtbot.keyClicks(box, "0.05")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert widget.form.parameters["h"] == "auto"
    assert abs(widget.form["h"]._inner.value - 0.04) < 1e-12
