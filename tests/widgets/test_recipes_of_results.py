"""Recipes made of results of the docks repeat them on their source to the bit, without a viewer."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_mathimg import Recipe, psf
from napari_mathimg.recipe.record import RECORD
from napari_mathimg.widgets.dock.family_dock import FamilyDock


def smooth(shape: tuple[int, ...], dtype: str = "u2") -> Any:
    noise = ndi.gaussian_filter(np.random.default_rng(3).random(shape), 1.5)
    return ((noise - noise.min()) / np.ptp(noise) * 4000).astype(dtype)


def replayed(layer: Any, source: Any, folder: Path, **known: Any) -> Any:
    """The result of the recipe of a layer, saved, and loaded again."""
    recipe = Recipe.from_record(layer.metadata[RECORD])
    recipe.save(folder / "recipe.toml")
    loaded = Recipe.load(folder / "recipe.toml")
    assert not loaded.inputs
    return loaded.apply(source, **known)


def run(widget: FamilyDock, operation: str, press: Any, **parameters: Any) -> None:
    widget.operation = operation
    widget._refresh.at_once()
    widget.form.load(parameters)
    press(widget)


def test_lengths_typed_in_micrometers_stay_so_and_are_loaded_again(
    viewer: Any, dock: Any, press: Any, tmp_path: Path
) -> None:
    source = viewer.add_image(smooth((3, 60, 50)), scale=(1, 0.13, 0.13), units=("um",) * 3)
    widget = dock("denoise")
    widget.operation = "gaussian"
    row = widget.form["sigma"]
    row._unit.value = row._unit.choices[-1]
    row._row.value = (0.2, 0.3)
    row._equal.value = False
    row._row.value = (0.2, 0.3)
    press(widget)
    result = viewer.layers[-1]
    (step,) = result.metadata[RECORD]
    assert step["given"]["sigma"] == {"value": (0.2, 0.3), "unit": "um"}
    assert step["parameters"]["sigma"] == pytest.approx((0.2 / 0.13, 0.3 / 0.13))
    again = replayed(result, source.data, tmp_path, spacing=(1, 0.13, 0.13))
    np.testing.assert_array_equal(again, result.data)
    widget.reset()
    widget.picker.layer = result
    widget.load_settings()
    widget._refresh.at_once()
    assert row.in_unit is not None
    assert row.in_unit[1] == pytest.approx((0.2, 0.3))
    viewer.layers.selection.active = source
    press(widget)
    assert viewer.layers[-1].metadata[RECORD][-1]["given"]["sigma"] == step["given"]["sigma"]


def test_a_chain_with_a_part_contrast_limits_and_pixels_that_are_not_square(
    viewer: Any, dock: Any, press: Any, tmp_path: Path
) -> None:
    source = viewer.add_image(smooth((4, 60, 50)), scale=(1, 0.2, 0.1), units=("um",) * 3, contrast_limits=(300, 2500))
    viewer.dims.set_point(0, 2)
    widget = dock("intensity")
    widget.operation = "adjust_gamma"
    widget.options.choose(widget.options.scope, "item")
    widget.options.choose(widget.options.value_range, "limits")
    run(widget, "adjust_gamma", press, gamma=2.0)
    run(dock("geometry"), "rotate", press, angle=20.0)
    result = viewer.layers[-1]
    assert [step["operation"] for step in result.metadata[RECORD]] == ["adjust_gamma", "rotate"]
    np.testing.assert_array_equal(replayed(result, source.data, tmp_path), result.data)


def test_one_range_of_several_layers(viewer: Any, dock: Any, press: Any, tmp_path: Path) -> None:
    layers = [viewer.add_image(smooth((50, 60)) * k, name=f"channel {k}") for k in (1, 3)]
    widget = dock("intensity")
    widget.operation = "invert"
    viewer.layers.selection = set(layers)
    widget._refresh.at_once()
    widget.options.all_selected.setChecked(True)
    widget.options.one_range.setChecked(True)
    press(widget)
    results = [layer for layer in viewer.layers if layer.metadata.get(RECORD)]
    assert len(results) == 2
    for result in results:
        (source,) = [layer for layer in layers if layer.name == result.metadata[RECORD][0]["source"]]
        np.testing.assert_array_equal(replayed(result, source.data, tmp_path), result.data)
    assert results[0].metadata[RECORD][0]["value_range"] == results[1].metadata[RECORD][0]["value_range"]


@pytest.mark.parametrize("is_labels", [False, True])
def test_a_level_of_a_result_of_another_level(
    viewer: Any, dock: Any, press: Any, tmp_path: Path, is_labels: bool
) -> None:
    finest = smooth((300, 260)) // (500 if is_labels else 1)
    levels = [finest, finest[::2, ::2], finest[::4, ::4]]
    source = (viewer.add_labels if is_labels else viewer.add_image)(levels, multiscale=True)
    widget = dock("geometry")
    run(widget, "rotate", press, angle=10.0)
    result = viewer.layers[-1]
    assert result.multiscale
    viewer.layers.selection.active = result
    widget._refresh.at_once()
    widget.options.choose(widget.options.level, "1")
    run(widget, "swirl", press)
    second = viewer.layers[-1]
    assert second.metadata[RECORD][1]["level"] == 1
    again = replayed(second, [*source.data], tmp_path, labels=is_labels)
    np.testing.assert_array_equal(again, second.data)


def test_colors_of_floating_point_that_napari_shows_from_0_to_1(
    viewer: Any, dock: Any, press: Any, tmp_path: Path
) -> None:
    image = np.dstack([smooth((50, 60)) % 256] * 3).astype("u1")
    source = viewer.add_image(image, rgb=True)
    widget = dock("denoise")
    widget.operation = "gaussian"
    widget.options.choose(widget.options.dtype, "float32")
    press(widget)
    run(dock("intensity"), "invert", press)
    result = viewer.layers[-1]
    assert [step.get("divisor", 1) for step in result.metadata[RECORD]] == [255, 1]
    np.testing.assert_array_equal(replayed(result, source.data, tmp_path), result.data)


def test_a_resampled_psf_whose_layer_is_gone(viewer: Any, dock: Any, press: Any, tmp_path: Path) -> None:
    coarse = np.asarray(psf("gaussian", sigma=(1.0, 1.0)))
    source = viewer.add_image(smooth((60, 50), "f4"), scale=(65, 65), units=("nm",) * 2)
    measured = viewer.add_image(coarse, name="measured", scale=(130, 130), units=("nm",) * 2)
    viewer.layers.selection.active = source
    widget = dock("deconvolve")
    widget.operation = "richardson_lucy"
    widget._refresh.at_once()
    panel = widget.further_images.panels["psf"]
    panel.picker.choose("measured")
    panel.resample.setChecked(True)
    run(widget, "richardson_lucy", press, num_iter=3)
    result = viewer.layers[-1]
    viewer.layers.remove(measured)
    np.testing.assert_array_equal(replayed(result, source.data, tmp_path), result.data)


def test_declared_psfs_are_recorded_as_they_were_given(viewer: Any, dock: Any, press: Any, tmp_path: Path) -> None:
    source = viewer.add_image(smooth((60, 50), "f4"), scale=(0.065, 0.13), units=("um",) * 2)
    widget = dock("deconvolve")
    widget.operation = "richardson_lucy"
    widget._refresh.at_once()
    panel = widget.further_images.panels["psf"]
    panel.kind = "optical"
    run(widget, "richardson_lucy", press, num_iter=2)
    optical = viewer.layers[-1]
    (image,) = optical.metadata[RECORD][-1]["images"]
    assert (image["given"]["pixel_size"], image["given"]["size"]) == ("auto", "auto")
    assert image["parameters"]["pixel_size"] == (0.065, 0.13)
    viewer.layers.selection.active = source
    panel.kind = "gaussian"
    row = panel.form["sigma"]
    row._unit.value = row._unit.choices[-1]
    row._equal.value = False
    row._row.value = (0.13, 0.13)
    run(widget, "richardson_lucy", press, num_iter=2)
    gaussian = viewer.layers[-1]
    (image,) = gaussian.metadata[RECORD][-1]["images"]
    assert image["given"]["sigma"] == {"value": (0.13, 0.13), "unit": "um"}
    assert image["parameters"]["sigma"] == (2, 1)
    for result in (optical, gaussian):
        again = replayed(result, source.data, tmp_path, spacing=(0.065, 0.13))
        np.testing.assert_array_equal(again, result.data)
    widget.picker.layer = optical
    widget.load_settings()
    assert (panel.kind, panel.form.parameters["pixel_size"]) == ("optical", "auto")
