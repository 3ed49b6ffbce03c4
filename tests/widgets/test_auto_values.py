"""Values that follow from the image, shown as soon as they are known; planes or volumes; what a result lost."""

import gc
from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtCore import QObject, Qt

import napari_mathimg as mathimg
from napari_mathimg.engine import Options, estimate_sigma
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.form.fields import Automatic
from napari_mathimg.widgets.tasks.noise_estimate import NoiseEstimator

Opener = Callable[[str], FamilyDock]
Press = Callable[[FamilyDock], None]


def ramp(sigma: float, seed: int = 0) -> Any:
    return np.linspace(0, 100, 128) + sigma * np.random.default_rng(seed).standard_normal((128, 128))


def wait_for(widget: FamilyDock, qtbot: Any, *names: str) -> None:
    fields: list[Any] = [widget.form[name] for name in names]
    qtbot.waitUntil(lambda: not any(f._is_waiting for f in fields) and all(f._meaning is not None for f in fields))


def test_an_array_is_not_kept_for_its_estimate(qtbot: Any) -> None:
    owner, layer, array = QObject(), Image(np.zeros((9, 9))), ramp(1.0)
    estimator, options = NoiseEstimator(owner), Options()
    with qtbot.waitSignal(estimator.found):
        assert estimator.ask(layer, array, options) == (False, None)
    assert estimator.ask(layer, array, options) == (True, pytest.approx(estimate_sigma(array)))
    gone = ref(array)
    del array
    gc.collect()
    assert gone() is None
    estimator.close()


def test_each_image_has_noise_of_its_own_and_the_run_takes_it(
    viewer: Any, dock: Opener, press: Press, qtbot: Any
) -> None:
    first = viewer.add_image(ramp(2.0), name="first")
    widget = dock("denoise")
    widget.operation = "denoise_nl_means"
    assert widget.form["sigma"]._is_waiting, "no number of another image is shown meanwhile"
    wait_for(widget, qtbot, "sigma", "h")
    np.testing.assert_allclose(widget.form.shown("sigma"), estimate_sigma(first.data), rtol=1e-9)
    np.testing.assert_allclose(widget.form.shown("h"), 1.15 * estimate_sigma(first.data), rtol=1e-9)
    second = viewer.add_image(ramp(8.0), name="second")
    assert widget.form.parameters["sigma"] == "auto"
    press(widget)  # while the noise of the second image is estimated for the form
    result = next(layer for layer in viewer.layers if layer.name.startswith("second –"))
    np.testing.assert_array_equal(result.data, mathimg.apply(second.data, "denoise_nl_means"))
    step = result.metadata["napari_mathimg"][-1]
    assert step["given"]["sigma"] == "auto"
    assert step["parameters"]["sigma"] == estimate_sigma(second.data)


def test_a_run_waits_for_a_number_that_is_no_longer_auto_but_not_known_yet(
    viewer: Any, dock: Opener, qtbot: Any
) -> None:
    viewer.add_image(ramp(2.0), name="first")
    widget = dock("denoise")
    widget.operation = "denoise_tv_chambolle"
    wait_for(widget, qtbot, "weight")
    second = viewer.add_image(ramp(8.0), name="second")
    field = widget.form["weight"]
    assert isinstance(field, Automatic)
    qtbot.mouseClick(field._tick.native, Qt.MouseButton.LeftButton, pos=field._tick.native.rect().center())
    field._tick.value = False
    assert not widget.run_button.isEnabled()
    qtbot.waitUntil(widget.run_button.isEnabled)
    np.testing.assert_allclose(widget.form.parameters["weight"], estimate_sigma(second.data), rtol=1e-9)
    viewer.layers.selection.active = viewer.layers["first"]
    assert widget.form.parameters["weight"] == "auto", "a number of the second image does not run on the first"
    viewer.layers.selection.active = second
    np.testing.assert_allclose(widget.form.parameters["weight"], estimate_sigma(second.data), rtol=1e-9)


def test_numbers_chosen_for_one_image_stay_with_it(viewer: Any, dock: Opener) -> None:
    first = viewer.add_image(np.eye(60), name="first")
    alike, other = viewer.add_image(np.ones((60, 60)), name="alike"), viewer.add_image(np.ones((40, 60)), name="other")
    viewer.layers.selection.active = first
    deconvolve, lens = dock("deconvolve"), dock("lens")
    deconvolve.operation, lens.operation = "richardson_lucy", "correct_distortion"
    deconvolve.form["keep_every"].value = 5
    lens.form.load({"k1": 0.1, "center": (20.0, 30.0)})
    viewer.layers.selection.active = alike
    assert deconvolve.form.parameters["keep_every"] == 0
    assert lens.form.parameters["k1"] == 0.1, "of the same camera"
    viewer.layers.selection.active = other
    assert (lens.form.parameters["k1"], lens.form.parameters["center"]) == (0.0, "auto")
    viewer.layers.selection.active = first
    assert deconvolve.form.parameters["keep_every"] == 5


def test_a_z_stack_starts_as_what_suits_the_method_and_the_other_is_a_click_away(
    viewer: Any, dock: Opener, qtbot: Any
) -> None:
    far = viewer.add_image(np.ones((5, 30, 30)), name="far", scale=(5, 1, 1), axis_labels=("z", "y", "x"))
    viewer.add_image(np.ones((5, 5)), name="flat PSF")
    viewer.layers.selection.active = far
    denoise = dock("denoise")
    items = {}
    for name in ("median", "gaussian", "denoise_tv_chambolle", "denoise_nl_means"):
        denoise.operation = name
        items[name] = denoise.options.process.currentData()
    assert items == {"median": "planes", "gaussian": "planes", "denoise_tv_chambolle": "planes"} | {
        "denoise_nl_means": "volumes"
    }
    assert denoise.options.items.reason.text() == (
        "The step along z is 5 times the pixel, but this method compares patches: it errs less on volumes."
    )
    denoise.operation = "median"
    assert denoise.options.items.reason.text() == "The step along z is 5 times the pixel: too far for this method."
    qtbot.waitUntil(denoise.options.items.other.isVisible)
    qtbot.mouseClick(denoise.options.items.other, Qt.MouseButton.LeftButton)
    assert denoise.options.process.currentData() == "volumes"
    viewer.add_image(np.ones((5, 30, 30)), name="near", scale=(1.2, 1, 1), axis_labels=("z", "y", "x"))
    denoise.operation = "gaussian"
    assert denoise.options.process.currentData() == "volumes"
    viewer.add_image(np.ones((5, 30, 30)), name="series", scale=(5, 1, 1), axis_labels=("t", "y", "x"))
    deconvolve = dock("deconvolve")
    viewer.layers.selection.active = far
    assert deconvolve.options.process.currentData() == "volumes"
    picker = deconvolve.further_images.pickers["psf"]
    texts = [picker.itemText(k) for k in range(picker.count())]
    assert "flat PSF (2-D: for planes)" in texts
    picker.setCurrentIndex(texts.index("flat PSF (2-D: for planes)"))
    assert picker.layer is None


def test_what_a_result_cannot_hold_is_told_with_the_way_to_keep_it(viewer: Any, dock: Opener, press: Press) -> None:
    counts = np.random.default_rng(0).poisson(2, (64, 64)).astype(np.uint8)
    viewer.add_image(counts, name="counts")
    widget = dock("denoise")
    widget.operation = "gaussian"
    press(widget)
    assert "Rounding to whole numbers changed values by" in widget.message.text()
    assert widget.message.text().endswith("Choose the output type float32 to keep them.")
    colors = viewer.add_image(np.full((64, 64, 3), 200, np.uint8), rgb=True, name="colors")
    noise = dock("noise")
    noise.operation = "add_speckle_noise"
    press(noise)
    cut = mathimg.apply(colors.data, "add_speckle_noise", options=mathimg.Options(channel_axis=2, dtype="float32"))
    above = int((np.rint(cut) > 255).sum())
    text = f"were clipped: {above:,} above its range, {100 * above / cut.size:.2g}\N{NO-BREAK SPACE}% of all."
    assert f"Values that do not fit in uint8 {text}" in noise.message.text()
    assert noise.options._shown["dtype"]
    viewer.layers.selection.active = colors
    noise.options.choose(noise.options.dtype, "float32")
    press(noise)
    result = next(layer for layer in reversed(viewer.layers) if layer.data.dtype == np.float32)
    np.testing.assert_allclose(result.data, cut / 255, rtol=1e-6)
    assert result.metadata["napari_mathimg"][-1]["divisor"] == 255


def test_a_result_that_outgrows_the_contrast_limits_gets_its_own(viewer: Any, dock: Opener, press: Press) -> None:
    image = np.zeros((64, 64), np.float32)
    image[30:34, 30:34] = 10
    source = viewer.add_image(image, name="spot")
    viewer.add_image(np.ones((5, 5)), name="psf")
    viewer.layers.selection.active = source
    widget = dock("deconvolve")
    widget.operation = "richardson_lucy"
    widget.further_images.pickers["psf"].choose("psf")
    press(widget)
    result = viewer.layers[-1]
    assert result.data.max() > 20
    np.testing.assert_allclose(result.contrast_limits, (result.data.min(), result.data.max()), rtol=1e-6)


def test_losses_are_told_of_each_of_many_layers(viewer: Any, dock: Opener, press: Press) -> None:
    gray = (10, 200, 210)
    layers = [viewer.add_image(np.full((64, 64), v, np.uint8), name=f"at {v}") for v in gray]
    widget = dock("noise")
    widget.operation = "add_speckle_noise"
    viewer.layers.selection.update(layers)
    widget.options.all_selected.setChecked(True)
    widget.options.choose(widget.options.value_range, "dtype")
    press(widget)
    text = widget.message.text()
    assert text.startswith("3 layers added in ")
    assert ["" if f"at {v}: Values that do not fit" in text else "none" for v in gray] == ["none", "", ""]


def test_the_message_of_clahe_says_what_its_value_range_is(viewer: Any, dock: Opener, press: Press) -> None:
    data = np.random.default_rng(0).integers(100, 200, (100, 100)).astype(np.uint16)
    data[50, 50] = 65535
    viewer.add_image(data)
    widget = dock("intensity")
    widget.operation = "equalize_adapthist"
    press(widget)
    assert "outside the percentiles 0.01 to 99.99, its value range, and were clipped" in widget.message.text()


class Uncopied(dict):
    """A record that must not be copied while a form is shown."""

    def __deepcopy__(self, memo: Any) -> Any:
        raise AssertionError


def test_the_estimate_copies_no_record_and_none_is_awaited_that_never_comes(
    viewer: Any, dock: Opener, qtbot: Any
) -> None:
    viewer.add_image(np.stack([ramp(2.0)] * 3), metadata={"napari_mathimg": [Uncopied(proportional=True)]})
    widget = dock("denoise")
    widget.operation = "denoise_wavelet"
    wait_for(widget, qtbot, "sigma")
    widget.options.choose(widget.options.scope, "item")
    viewer.dims.order = (1, 0, 2)  # so that the scope is refused
    widget.operation = "denoise_tv_chambolle"
    assert widget.form.uses_noise
    assert not any(f._is_waiting for f in widget.form if isinstance(f, Automatic))
