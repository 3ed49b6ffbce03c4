"""Messages in docks are in the words of their forms, and no two fields share a label."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from mouse_and_keys import LEFT
from qtpy.QtWidgets import QFormLayout, QLabel, QWidget

from napari_mathimg import operations
from napari_mathimg.catalog import FAMILIES
from napari_mathimg.methods.lens.calibration import Target, fit
from napari_mathimg.methods.point_spread.kinds import KINDS
from napari_mathimg.widgets.form.parameter_field import label
from napari_mathimg.widgets.form.sentences import in_form_words
from napari_mathimg.widgets.lens.calibration_panel import CalibrationPanel
from nightly import some


@pytest.mark.parametrize("signature", [*operations().values(), *KINDS.values()], ids=lambda s: s.id)
def test_no_two_parameters_share_a_label(signature: Any) -> None:
    labels = Counter(label(name, p.hint).lower() for name, p in signature.parameters.items())
    assert not [text for text, count in labels.items() if count > 1]


def labels_of(dock: QWidget) -> list[str]:
    """The labels of the visible rows of a dock."""
    texts = []
    for form in dock.findChildren(QFormLayout):
        for row in range(form.rowCount()):
            item = form.itemAt(row, QFormLayout.ItemRole.LabelRole)
            if item is not None and isinstance(text := item.widget(), QLabel) and text.isVisible():
                texts.append(text.text())
    return [text for text in texts if text]


@pytest.mark.parametrize("family", some(FAMILIES, "lens", "denoise", "deconvolve"))
def test_no_two_rows_of_a_dock_share_a_label(viewer: Any, dock: Any, qtbot: Any, family: str) -> None:
    viewer.add_image(np.random.default_rng(0).random((3, 4, 30, 40)), axis_labels=("t", "z", "y", "x"))
    widget = dock(family)
    qtbot.waitUntil(widget.run_button.isVisible)
    for id in widget.operations.operations:
        widget.operation = id
        rows = [row._label_widget for f in widget.form if (row := f._labeled_widget()) is not None]
        texts = labels_of(widget) + [row.value for row in rows if row.value and row.native.isVisible()]
        assert not [text for text, count in Counter(texts).items() if count > 1], id


def test_parameters_are_called_by_their_labels() -> None:
    parameters = operations()["richardson_lucy"].parameters
    said = in_form_words("keep_every=7: must be 0 or divide num_iter=30", parameters)
    assert said == "Keep every: must be 0 or divide Iterations 30"
    assert (
        in_form_words("psf: must have no negative values", parameters, ("psf",)) == "PSF: must have no negative values"
    )
    assert in_form_words("value_range=(1, 0): must be two", parameters) == "Value range: must be two"
    assert in_form_words("No such file: x=3", parameters) == "No such file: x=3"
    assert in_form_words("psf_border='subtract' subtracts it.", parameters) == "PSF border 'subtract' subtracts it."


def test_a_refused_run_is_told_once_in_the_words_of_the_form(
    viewer: Any, dock: Any, qtbot: Any, press: Any, notifications: list[Any]
) -> None:
    viewer.add_image(np.random.default_rng(0).random((30, 40)))
    widget = dock("deconvolve")
    widget.operation = "richardson_lucy"
    widget.further_images.panels["psf"].kind = "gaussian"
    widget.form["keep_every"].value = 7
    press(widget)
    assert widget.message.text() == "Keep every: must be 0 or divide Iterations 30. Nothing was added."
    assert not notifications


def test_a_failure_out_of_sight_is_a_notification(viewer: Any, dock: Any, qtbot: Any, notifications: list[Any]) -> None:
    viewer.add_image(np.random.default_rng(0).random((30, 40)))
    widget = dock("intensity")
    widget.options.choose(widget.options.value_range, "custom")
    widget.operation = "adjust_gamma"
    widget.options.low.value = 5000
    dock("geometry")  # a tab in front
    qtbot.waitUntil(lambda: widget.message.visibleRegion().isEmpty())
    widget.run()
    assert [n.message for n in notifications] == [widget.message.text()]


def test_an_unknown_pixel_size_is_asked_for(viewer: Any, dock: Any, qtbot: Any) -> None:
    viewer.add_image(np.random.default_rng(0).random((8, 30, 40)))
    widget = dock("deconvolve")
    widget.options.choose(widget.options.process, "volumes")
    panel = widget.further_images.panels["psf"]
    panel.kind = "optical"
    qtbot.waitUntil(widget.run_button.isVisible)
    qtbot.mouseClick(widget.run_button, LEFT)
    said = widget.message.text()
    assert said.startswith(f"{panel.form['pixel_size'].label.partition(' (')[0]}: ")
    assert said == "Pixel size: untick auto and type it in µm, as the image has no unit of length. Nothing was added."


def test_a_target_without_points_says_how_many_it_needs(viewer: Any, dock: Any, qtbot: Any) -> None:
    viewer.add_image(np.random.default_rng(0).random((60, 80)))
    widget = dock("lens")
    widget.operation = "correct_distortion"
    box = widget.panel(CalibrationPanel).box
    places = np.array([(0, 0), (0, 1), (1, 0), (1, 1)])
    with pytest.raises(ValueError, match="points=4") as failed:
        fit(Target(20.0 * places, places, (60, 80)))
    box._fail(failed.value)
    assert box.sentence.text().startswith("4 points of the target were found: they must be at least 9 points")
