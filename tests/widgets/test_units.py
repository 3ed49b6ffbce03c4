"""Units of layers in the docks."""

from typing import Any

import numpy as np
import pytest

import napari_mathimg as mathimg
from napari_mathimg.widgets.layers.spacing import spacing_of
from napari_mathimg.widgets.perspective.rectangle_panel import RectangleBox
from napari_mathimg.widgets.psf.pixel_sizes import micrometers


def test_units_of_a_layer_are_followed(viewer: Any, dock: Any, stack: Any) -> None:
    layer = viewer.add_image(stack[0], units=("um", "um"))
    widget = dock("denoise")
    widget.operation = "gaussian"
    assert widget.form["sigma"]._unit.choices[-1] in ("µm", "μm")
    layer.units = ("nm", "nm")
    assert widget.form["sigma"]._unit.choices == ("px", "nm")


@pytest.mark.parametrize("unit", ["px", "pixel", "dimensionless"])
def test_units_of_pixels_say_no_size(viewer: Any, dock: Any, press: Any, stack: Any, unit: str) -> None:
    """To pint, "px" is the 96th part of an inch; files mean by it that nothing is calibrated."""
    calibrated = viewer.add_image(stack[0], units=("um", "um"), scale=(0.5, 0.5))
    layer = viewer.add_image(stack[0].astype(np.float32), units=(unit, unit))
    viewer.layers.selection.active = calibrated
    widget = dock("denoise")
    widget.operation = "gaussian"
    field = widget.form["sigma"]
    field._unit.value = field._unit.choices[-1]
    field._row.value = (1.0, 1.0)
    viewer.layers.selection.active = layer
    assert field._unit.choices == ("px",)
    assert not field._unit.enabled
    field._row.value = (1.0, 1.0)
    press(widget)
    np.testing.assert_array_equal(viewer.layers[-1].data, mathimg.apply(layer.data, "gaussian", sigma=1.0))
    assert micrometers(layer, (0, 1)) is None
    assert spacing_of(layer, 2) == ((1.0, 1.0), "")
    box = RectangleBox()
    box.mode.setCurrentIndex(box.mode.findData("typed"))
    box.unit.setCurrentText("mm")
    box.width_box.value, box.height_box.value = 30, 20
    assert box.parameters(layer)["size"] == (20, 30)
    assert box.new_units(layer) == "mm"
    box.deleteLater()
