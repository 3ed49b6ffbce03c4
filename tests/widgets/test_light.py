"""Whether brightness is still proportional to light: in the record, the tooltip of the layer, and the help page."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_mathimg import operations
from napari_mathimg.recipe.record import RECORD, is_proportional, light_sentence
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.help.page import page

Opener = Callable[[str], FamilyDock]
Press = Callable[[FamilyDock], None]


def test_a_chain_of_results_says_since_which_step_it_is_not(
    viewer: Any, dock: Opener, press: Press, stack: Any
) -> None:
    source = viewer.add_image(stack, name="cells")
    told = []
    for family, operation in (("denoise", "gaussian"), ("intensity", "adjust_gamma"), ("denoise", "median")):
        widget = dock(family)
        widget.operation = operation
        press(widget)
        viewer.layers.selection.active = viewer.layers[-1]
        told.append(widget.picker.toolTip().split("\n")[-1:])
    result = viewer.layers[-1]
    assert [step["proportional"] for step in result.metadata[RECORD]] == [True, False, False]
    since = "Brightness is no longer proportional to light since step 2, adjust_gamma: measure intensities before it."
    assert told == [["Brightness stays as proportional to light as it was."], [since], [since]]
    widget.picker.layer = source
    assert widget.picker.toolTip() == "Layer that the operation is applied to; follows the active layer\ncells"
    assert not is_proportional(result.metadata)
    assert light_sentence(source.metadata) == ""


@pytest.mark.parametrize("op", operations().values(), ids=lambda op: op.id)
def test_a_page_says_it(op: Any) -> None:
    text = re.sub("<[^>]+>", "", page(op))
    usual = op.is_proportional({name: p.default for name, p in op.parameters.items()})
    assert ("stays as proportional to light" in text) == usual
    assert ("no longer proportional to light" in text) == (not usual)
    assert ("This depends on" in text) == callable(op.proportional)
    assert ("Results for integers are float32" in text) == (op.dtype == "float32")


def test_colors_keep_their_type_in_the_window_and_say_it(viewer: Any, dock: Opener, press: Press) -> None:
    viewer.add_image(np.full((20, 20, 3), 90, np.uint8), rgb=True)
    widget = dock("denoise")
    widget.operation = "gaussian"
    press(widget)
    assert viewer.layers[-1].metadata[RECORD][-1]["dtype"] == "uint8"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"parameters": {"sigma": {"per": "c", "values": [1.0, 2.0]}}}, "sigma has a value for each index of axis c"),
        ({"options": {"around": {"wrapper": "anscombe"}}}, "the operation ran within anscombe"),
    ],
)
def test_what_a_form_cannot_hold_is_not_loaded(
    viewer: Any, dock: Opener, stack: Any, notifications: Any, changed: Any, told: str
) -> None:
    step = {"operation": "gaussian", "parameters": {"sigma": 3.0}, "options": {}, "proportional": True}
    viewer.add_image(stack, metadata={RECORD: [step | changed]})
    widget = dock("denoise")
    widget.operation = "gaussian"
    widget.load_settings()
    assert told in str(notifications[-1])
    assert widget.form["sigma"].value == (1, 1)
