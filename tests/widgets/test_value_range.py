"""The value range of a run, chosen and typed in a dock."""

from collections.abc import Callable
from typing import Any

import numpy as np
from mouse_and_keys import choose_by_key, type_number
from qtpy.QtCore import Qt

import napari_mathimg as mathimg
from napari_mathimg.widgets.dock.family_dock import FamilyDock

Opener = Callable[[str], FamilyDock]
Press = Callable[[FamilyDock], None]


def test_a_custom_range_begins_with_the_contrast_limits(
    viewer: Any, dock: Opener, qtbot: Any, notifications: list[Any], stack: Any
) -> None:
    viewer.add_image(stack, contrast_limits=(300, 2000))
    widget = dock("intensity")
    widget.operation = "adjust_gamma"
    widget.options.choose(widget.options.value_range, "custom")
    assert (widget.options.low.value, widget.options.high.value) == (300, 2000)
    widget.options.low.value = 5000
    qtbot.mouseClick(widget.run_button, Qt.MouseButton.LeftButton)
    assert "Custom range: low (5000) must be below high (2000)" in widget.message.text()
    assert (len(viewer.layers), notifications) == (1, [])  # what is asked for is told in the dock alone


def test_percentiles_are_typed_and_recorded_as_numbers(
    viewer: Any, dock: Opener, press: Press, qtbot: Any, stack: Any, notifications: list[Any]
) -> None:
    """A hot and a dead pixel of each plane do not count, and the record holds the values that did."""
    hot = stack.astype(np.float32)
    hot[:, 3, 4], hot[:, 5, 6] = 1e30, -9999
    source = viewer.add_image(hot, contrast_limits=(0, 4000))
    widget = dock("intensity")
    widget.operation = "adjust_gamma"
    assert widget.options.percentiles.isHidden()
    choose_by_key(widget.options.value_range, "percentiles")
    qtbot.waitUntil(widget.options.percentiles.isVisible)
    assert widget.options.percentiles.ends == (0.1, 99.9)
    type_number(qtbot, widget.options.percentiles.low.native, "2.5")
    type_number(qtbot, widget.options.percentiles.high.native, "1")
    qtbot.mouseClick(widget.run_button, Qt.MouseButton.LeftButton)
    assert "Percentiles: low (2.5) must be below high (1)" in widget.message.text()
    assert (len(viewer.layers), notifications) == (1, [])
    type_number(qtbot, widget.options.percentiles.high.native, "97")
    press(widget)
    result, step = viewer.layers[-1], viewer.layers[-1].metadata["napari_mathimg"][0]
    low = float(np.percentile(hot, 2.5, method="higher"))
    high = float(np.percentile(hot, 97, method="lower"))
    assert tuple(step["options"]["value_range"]) == ("percentiles", 2.5, 97)
    assert tuple(step["value_range"]) == (low, high)
    assert step["saturated"] == np.count_nonzero((hot < low) | (hot > high))
    expected = mathimg.apply(hot, "adjust_gamma", options=mathimg.Options(value_range=(low, high)))
    np.testing.assert_array_equal(result.data, expected)
    choose_by_key(widget.options.value_range, "data")
    viewer.layers.selection.active = source
    type_number(qtbot, widget.options.percentiles.low.native, "7")
    viewer.layers.selection.active = result
    qtbot.mouseClick(widget.forms.load_button, Qt.MouseButton.LeftButton)
    assert widget.options.value_range.currentData() == "percentiles"
    assert widget.options.percentiles.ends == (2.5, 97)


def test_one_range_for_several_layers_leaves_their_hot_pixels_out(
    viewer: Any, dock: Opener, press: Press, stack: Any
) -> None:
    """As for a single layer, CLAHE counts from the 0.01th to the 99.99th percentile of each."""
    layers = [viewer.add_image(stack[k].copy(), name=f"{k}") for k in range(2)]
    for layer in layers:
        layer.data[3, 4] = 65535
    widget = dock("intensity")
    widget.operation = "equalize_adapthist"
    viewer.layers.selection.update(layers)
    widget.options.all_selected.setChecked(True)
    widget.options.one_range.setChecked(True)
    press(widget)
    ends = [np.percentile(x.data, q, method=m) for x in layers for q, m in ((0.01, "higher"), (99.99, "lower"))]
    for result in viewer.layers[-2:]:
        assert tuple(result.metadata["napari_mathimg"][0]["value_range"]) == (min(ends), max(ends))
