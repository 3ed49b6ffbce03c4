"""Forms say what signatures say."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_mathimg import operations
from napari_mathimg.contract.operation import Operation, ValueRange
from napari_mathimg.contract.types import Number, annotation_of
from napari_mathimg.methods.wavelets import wavelet_names
from napari_mathimg.widgets.form.form import Form, summary
from napari_mathimg.widgets.form.parameter_field import label

NOISE = {"noise_level": 0.0625, "noise_levels": (0.0625,)}
KNOWN = {"values": ValueRange(0.0, 200.0, True), "dtype": np.dtype(np.uint8), "channels": 0, **NOISE}
LENS = {"camera": "Olympus E-620", "lens": "Olympus Zuiko Digital ED 14-42mm f/3.5-5.6"}
NEEDED = {"correct_lens": {**LENS, "focal_length": 14.0, "aperture": 3.5}}  # what has no default that would do
AXES = {2: ("y", "x"), 3: ("z", "y", "x"), 5: ("t", "c", "z", "y", "x")}
CASES = [
    pytest.param(op, ndim, id=f"{op.id}-{ndim}", marks=pytest.mark.nightly if ndim == 3 else ())
    for op in operations().values()
    for ndim in (2, 3, 5)
    if op.works_on(ndim)
]


@pytest.mark.parametrize(("op", "ndim"), CASES)
def test_a_fresh_form_is_the_signature_s_defaults(qtbot, op: Operation, ndim: int) -> None:
    form = Form(op, AXES[ndim])
    shape = (40, 30, 20, 50, 60)[:ndim]
    needed = NEEDED.get(op.id, {})
    assert op.resolve({**form.parameters, **needed}, shape, KNOWN) == op.resolve(needed, shape, KNOWN)
    assert list(form.parameters) == list(op.parameters)


@pytest.mark.parametrize(("op", "ndim"), CASES)
def test_a_form_shows_what_is_loaded_and_reset_undoes_it(qtbot, op: Operation, ndim: int) -> None:
    form, shape = Form(op, AXES[ndim]), (40, 30, 20, 50, 60)[:ndim]
    resolved = op.resolve(NEEDED.get(op.id, {}), shape, KNOWN)
    form.load(resolved)
    assert op.resolve(form.parameters, shape, KNOWN) == resolved
    form.reset()
    assert op.validate(form.parameters) == op.validate(Form(op, AXES[ndim]).parameters)


@pytest.mark.parametrize("op", operations().values(), ids=operations())
def test_every_field_has_a_tooltip_and_the_operation_a_summary(qtbot, op: Operation) -> None:
    form = Form(op, AXES[2])
    assert summary(op)
    for name in op.parameters:
        assert len(form[name].tooltip) > 10, name


def test_small_numbers_survive_typing(qtbot) -> None:
    form = Form(operations()["homography"], AXES[2])
    matrix = ((0.4249064543318, -1.498263179403, 413.4971393543), (0.0, 1.0, 0.0), (-5.459491213731e-4, 1e-12, 1.0))
    form.load({"matrix": matrix})
    np.testing.assert_allclose(form.parameters["matrix"], matrix, rtol=0, atol=5e-13)


def test_numbers_are_typed_by_keys_and_bounds_hold(qtbot) -> None:
    form = Form(operations()["adjust_gamma"], AXES[2])
    box = form["gamma"].native
    form.native.show()
    box.selectAll()
    qtbot.keyClicks(box, "2.55")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert form.parameters["gamma"] == 2.55
    assert box.text() == "2.55"
    number = annotation_of(operations()["adjust_gamma"].parameters["gamma"].hint, Number)
    assert (box.minimum(), box.maximum(), box.singleStep()) == (number.ge, number.le, number.step)


def test_one_value_for_all_axes_follows_while_ticked(qtbot) -> None:
    form = Form(operations()["gaussian"], AXES[3])
    row = form["sigma"]
    row._row._fields[0].value = 2.5
    assert form.parameters["sigma"] == (2.5, 2.5, 2.5)
    row._equal.value = False
    row._row._fields[0].value = 0.5
    assert form.parameters["sigma"] == (0.5, 2.5, 2.5)


def test_lengths_are_typed_in_world_units_and_resolve_to_pixels(qtbot) -> None:
    form = Form(operations()["gaussian"], AXES[3])
    form.show_image((5, 40, 50), (0.5, 0.16, 0.16), "µm", None, np.dtype(np.uint16))
    row = form["sigma"]
    row._unit.value = "µm"
    np.testing.assert_allclose(form.parameters["sigma"], (1, 1, 1))
    assert row._row.value == (0.5, 0.16, 0.16)
    assert not row._equal.value
    row._equal.value = True
    np.testing.assert_allclose(form.parameters["sigma"], (1, 3.125, 3.125))
    assert row._pixels.value == "= 1, 3.125, 3.125\u00a0px"
    row._unit.value = "px"
    np.testing.assert_allclose(row._row.value, (1, 3.125, 3.125))
    form.show_image((5, 40, 50), (1.0, 1.0, 1.0), "", None, np.dtype(np.uint16))
    np.testing.assert_allclose(form.parameters["sigma"], (1, 3.125, 3.125))
    assert tuple(row._unit.choices) == ("px",)


def test_a_length_typed_in_the_world_stays_what_it_is_there(qtbot) -> None:
    form = Form(operations()["gaussian"], AXES[3])

    def show(spacing: tuple, unit: str) -> None:
        form.show_image((5, 40, 50), spacing, unit, None, np.dtype(np.uint16))

    show((2000.0, 325.0, 325.0), "nm")
    row = form["sigma"]
    row.value = (6.0, 6.0, 6.0)
    row._unit.value = "nm"
    assert row._row.value == (12000.0, 1950.0, 1950.0)
    np.testing.assert_allclose(form.parameters["sigma"], (6, 6, 6))
    show((1000.0, 325.0, 325.0), "nm")
    assert row._row.value == (12000.0, 1950.0, 1950.0)
    np.testing.assert_allclose(form.parameters["sigma"], (12, 6, 6))
    show((1.0, 0.3, 0.3), "µm")
    np.testing.assert_allclose(form.parameters["sigma"], (12, 6, 6))
    assert row._unit.value == "px"


def in_micrometres(id: str, spacing: tuple) -> Form:
    form = Form(operations()[id], AXES[len(spacing)])
    form.show_image((5, 40, 50)[-len(spacing) :], spacing, "µm", None, np.dtype(np.uint16))
    return form


def test_bounds_of_lengths_are_those_of_pixels_in_any_unit(qtbot) -> None:
    row = in_micrometres("median", (0.5, 0.16, 0.16))["size"]
    row._unit.value = "µm"
    assert row.value == (3, 3, 3)
    assert row._row.value == (1.5, 0.48, 0.48)
    row._equal.value = True
    assert row._row.value == (1.5, 1.5, 1.5)
    assert row._pixels.value == "= 3, 9, 9\u00a0px"
    row._row._fields[2].value = 0.2
    assert row._row.value == (0.2, 0.2, 0.2)
    assert row._pixels.value == "= 1, 1, 1\u00a0px"  # no window is smaller
    row._unit.value = "px"
    assert {(f.min, f.max) for f in row._row._fields} == {(1, 1023)}


@pytest.mark.parametrize(
    ("id", "name", "typed", "pixels"),
    [
        ("blur_box", "size", 1.0, (2, 6, 6)),
        ("wiener_filter", "size", 1.0, (3, 7, 7)),
        ("denoise_nl_means", "patch_size", 0.5, (1, 3, 3)),
        ("denoise_nl_means", "patch_distance", 1.2, (2, 8, 8)),
    ],
)
def test_whole_numbers_of_pixels_are_those_nearest_to_a_length(qtbot, id: str, name: str, typed: float, pixels) -> None:
    form = in_micrometres(id, (0.5, 0.16, 0.16))
    row = form[name]
    before = row.value
    row._unit.value = "µm"
    assert row.value == before
    row._equal.value = True
    row._row._fields[0].native.setValue(typed)
    assert form.parameters[name] == pixels
    assert all(isinstance(n, int) for n in form.parameters[name])
    assert row._pixels.value == "= {}, {}, {}\u00a0px".format(*pixels)
    assert row._row._fields[1].native.value() == typed
    row._unit.value = "px"
    assert row._row.value == pixels
    row._row._fields[1].native.setValue(5.6)
    assert row._row.value[1] == 6


@pytest.mark.parametrize(("id", "name"), [("swirl", "radius"), ("blur_motion", "length")])
def test_a_length_in_a_plane_is_typed_in_the_world_where_pixels_are_square(qtbot, id: str, name: str) -> None:
    form = in_micrometres(id, (0.25, 0.25))
    box = form[name]
    box._unit.value = "µm"
    box._row._fields[0].value = 8.0
    assert form.parameters[name] == 32.0
    assert box._pixels.value == "= 32\u00a0px"
    assert form.parameters_on((0.5, 0.5))[name] == 16.0
    with pytest.raises(ValueError, match=f"{name} in µm: pixels must be square"):
        form.parameters_on((0.5, 0.25))
    form.show_image((40, 50), (0.5, 0.25), "µm", None, np.dtype(np.uint16))
    assert form.parameters[name] == 32.0
    assert not box._unit.enabled


def test_equal_stays_unticked_until_somebody_ticks_it(qtbot) -> None:
    form = Form(operations()["gaussian"], AXES[2])
    row = form["sigma"]
    row._equal.value = False
    form.show_image((40, 50), (1.0, 1.0), "", None, np.dtype(np.uint16))
    row._row._fields[0].value = 5.0
    assert form.parameters["sigma"] == (5.0, 1.0)


def test_auto_shows_what_it_means(qtbot) -> None:
    form = Form(operations()["rotate"], AXES[2])
    form.show_image((101, 51), (1.0, 1.0), "", None, np.dtype(np.uint8))
    assert form.parameters["center"] == "auto"
    assert form["center"]._inner.value == (50.0, 25.0)
    assert not form["center"]._inner.enabled


def test_isotropic_makes_pixels_as_small_as_the_smallest(qtbot) -> None:
    form = Form(operations()["rescale"], AXES[3])
    form.native.show()
    form.show_image((5, 40, 50), (0.5, 0.16, 0.16), "µm", None, np.dtype(np.uint16))
    qtbot.mouseClick(form["suggest_scale"].native, Qt.MouseButton.LeftButton)
    np.testing.assert_allclose(form.parameters["scale"], (3.125, 1, 1))
    form.show_image((5, 40, 50), (1.0, 1.0, 1.0), "", None, np.dtype(np.uint16))
    assert not form["suggest_scale"].native.isVisible()


def test_a_field_without_effect_is_disabled(qtbot) -> None:
    form = Form(operations()["rescale"], AXES[2])
    assert not form["cval"].enabled
    form["mode"].value = "constant"
    assert form["cval"].enabled
    form["order"].value = 0
    assert not form["anti_aliasing"].enabled


def test_long_choices_are_searched_by_typing(qtbot) -> None:
    form = Form(operations()["denoise_wavelet"], AXES[2])
    form.native.show()
    box = form["wavelet"].native
    line = box.lineEdit()
    assert form.parameters["wavelet"] == "sym4"

    def type_in(text: str) -> None:
        line.selectAll()
        qtbot.keyClicks(line, text)

    type_in("2.8")
    completions = box.completer().completionModel()
    assert [completions.index(i, 0).data() for i in range(completions.rowCount())] == ["bior2.8", "rbio2.8"]
    type_in("BIOR2.8")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert form.parameters["wavelet"] == line.text() == "bior2.8"
    type_in("no such wavelet")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert form.parameters["wavelet"] == line.text() == "bior2.8"
    assert box.count() == len(wavelet_names())
    form.reset()
    assert form.parameters["wavelet"] == line.text() == "sym4"


def test_labels_are_the_words_of_a_parameter(qtbot) -> None:
    parameters = operations()["rotate"].parameters
    assert label("angle", parameters["angle"].hint) == "Angle"
    assert label("center", parameters["center"].hint) == "Center"
    assert label("order", parameters["order"].hint) == "Interpolation"
