"""The Deconvolve dock: a PSF from a layer, the flux that is told and recorded, iterations to scrub through, cancel."""

from collections.abc import Callable
from typing import Any

import numpy as np
from qtpy.QtCore import Qt

import napari_mathimg as mathimg
from napari_mathimg.widgets.dock.family_dock import FamilyDock

Opener = Callable[[str], FamilyDock]
Press = Callable[[FamilyDock], None]
PSF = np.array([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]])


def prepared_dock(viewer: Any, dock: Opener, image: Any, psf: Any = PSF, **place: Any) -> FamilyDock:
    source = viewer.add_image(image, name="cells", **place)
    viewer.add_image(psf, name="measured")
    viewer.layers.selection.active = source
    widget = dock("deconvolve")
    widget.operation = "richardson_lucy"
    return widget


def test_the_flux_and_what_was_made_of_the_psf_are_told_and_recorded(
    viewer: Any, dock: Opener, press: Press, qtbot: Any, stack: Any
) -> None:
    widget = prepared_dock(viewer, dock, stack)
    qtbot.waitUntil(widget.run_button.isVisible)
    qtbot.mouseClick(widget.run_button, Qt.MouseButton.LeftButton)
    assert widget.message.text() == "PSF: choose a layer. Nothing was added."
    widget.further_images.pickers["psf"].choose("measured")
    press(widget)
    result = viewer.layers["cells – Richardson-Lucy"]
    np.testing.assert_array_equal(result.data, mathimg.apply(stack, "richardson_lucy", PSF))
    assert result.data.dtype == np.float32, "the values of integers leave their type"
    step = result.metadata["napari_mathimg"][-1]
    assert abs(step["report"]["flux"] - 1) < 1e-3
    assert step["report"]["psf"] == ("The PSF was divided by its sum, 16.",)
    assert step["images"][0]["name"] == "measured"
    assert "Flux: 100" in widget.message.text() or "Flux: 99.9" in widget.message.text()
    assert widget.message.text().endswith("The PSF was divided by its sum, 16.")


def test_the_offset_of_a_psf_is_told_in_the_words_of_the_form(
    viewer: Any, dock: Opener, press: Press, stack: Any
) -> None:
    psf = np.full((9, 9), 100.0)
    psf[4, 4] = 1000
    widget = prepared_dock(viewer, dock, stack, psf)
    widget.further_images.pickers["psf"].choose("measured")
    press(widget)
    assert "PSF border 'subtract' subtracts it." in widget.message.text()


def test_integers_stay_integers_where_that_is_chosen(viewer: Any, dock: Opener, press: Press, stack: Any) -> None:
    widget = prepared_dock(viewer, dock, stack)
    widget.further_images.pickers["psf"].choose("measured")
    widget.options.choose(widget.options.dtype, "same")
    press(widget)
    options = mathimg.Options(dtype="same")
    np.testing.assert_array_equal(
        viewer.layers["cells – Richardson-Lucy"].data, mathimg.apply(stack, "richardson_lucy", PSF, options=options)
    )
    assert viewer.layers["cells – Richardson-Lucy"].data.dtype == stack.dtype
    colors = viewer.add_image(np.full((20, 20, 3), 90, np.uint8), rgb=True, name="colors")
    widget.options.choose(widget.options.dtype, "auto")
    viewer.layers.selection.active = colors
    widget.further_images.pickers["psf"].choose("measured")
    press(widget)
    result = viewer.layers["colors – Richardson-Lucy"].data
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, 90 / 255, rtol=1e-5, err_msg="napari shows colors of floats from 0 to 1")


def test_kept_iterations_are_an_axis_to_scrub_through(viewer: Any, dock: Opener, press: Press, stack: Any) -> None:
    widget = prepared_dock(
        viewer, dock, stack, scale=(0.5, 0.2, 0.2), translate=(3, 4, 5), axis_labels=("z", "y", "x"), units=("um",) * 3
    )
    widget.options.choose(widget.options.process, "planes")
    widget.further_images.pickers["psf"].choose("measured")
    for name, text in (("num_iter", "12"), ("keep_every", "4")):
        box = widget.form[name].native
        box.setFocus()
        box.setValue(float(text))
    press(widget)
    result = viewer.layers["cells – Richardson-Lucy"]
    assert result.data.shape == (3, *stack.shape)
    assert result.axis_labels == ("iteration", "z", "y", "x")
    np.testing.assert_allclose(result.scale, (4, 0.5, 0.2, 0.2))
    np.testing.assert_allclose(result.translate, (4, 3, 4, 5))
    np.testing.assert_array_equal(result.data[-1], mathimg.apply(stack, "richardson_lucy", PSF, num_iter=12))


def test_a_long_run_moves_the_bar_and_is_canceled(viewer: Any, dock: Opener, qtbot: Any) -> None:
    image = np.random.default_rng(0).integers(0, 4000, (300, 300), dtype=np.uint16)
    widget = prepared_dock(viewer, dock, image)
    widget.further_images.pickers["psf"].choose("measured")
    widget.form["num_iter"].value = 1000
    qtbot.waitUntil(widget.run_button.isVisible)
    qtbot.mouseClick(widget.run_button, Qt.MouseButton.LeftButton)
    title = widget.operation.title
    qtbot.waitUntil(lambda: widget.progress.format().startswith(title) and widget.progress.value() > 5)
    with qtbot.waitSignal(widget.task.finished):
        qtbot.mouseClick(widget.cancel_button, Qt.MouseButton.LeftButton)
    assert widget.message.text() == "Canceled; nothing was added."
    assert [layer.name for layer in viewer.layers] == ["cells", "measured"]


def test_negative_values_are_refused_by_name(viewer: Any, dock: Opener, press: Press, notifications: Any) -> None:
    widget = prepared_dock(viewer, dock, np.linspace(-1, 5, 400).reshape(20, 20))
    widget.further_images.pickers["psf"].choose("measured")
    press(widget)
    assert "must have no negative values, but has -1" in widget.message.text()
    assert not notifications
