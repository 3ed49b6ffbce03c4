"""Lazy results of docks: what the layer shows, Compute, edits of what they read, and what napari reads of them."""

from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from mouse_and_keys import LEFT, choose

from napari_mathimg import apply
from napari_mathimg.widgets.lazy.pixels import pixels_of

SHAPE = (1100, 1300)


def picture(shape: Any = SHAPE, seed: int = 0) -> Any:
    """Hills with noise, of several tiles."""
    rng = np.random.default_rng(seed)
    rows, columns = np.ogrid[tuple(slice(n) for n in shape[-2:])]
    hills = 1000 * (np.sin(rows / 90) + np.cos(columns / 70) + 2)
    return (hills + rng.normal(0, 60, shape)).clip(0).astype(np.uint16)


@pytest.fixture
def lazily(viewer: Any, dock: Any, press: Any) -> Any:
    """Run an operation of a family with the result lazy."""

    def run(family: str, operation: str, **values: Any) -> Any:
        widget = dock(family)
        widget.operation = operation
        for name, value in values.items():
            widget.form.fields[name].set(value)
        process_events()
        choose(widget.options.result, "lazy")
        press(widget)
        process_events()
        return widget

    return run


def test_try(viewer: Any, lazily: Any, qtbot: Any) -> None:
    image = picture()
    viewer.add_image(image, name="hills", contrast_limits=(0, 4000))
    widget = lazily("denoise", "gaussian")
    print(widget.message.text())
    layer = viewer.layers[-1]
    assert pixels_of(layer)
    print(layer.data, layer.metadata)
    np.testing.assert_array_equal(np.asarray(layer.data), apply(image, "gaussian"))
    assert widget.lazy.widget.isVisible()
    with qtbot.waitSignal(widget.bar.other.finished):
        qtbot.mouseClick(widget.lazy.compute, LEFT)
    print(widget.message.text())
    print(layer.data, layer.metadata)
    assert not widget.lazy.widget.isVisible()
