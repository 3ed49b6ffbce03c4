"""What docks are left with, the Preferences page, and what becomes of both in the next session."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from event_loop import process_events
from mouse_and_keys import Hand, choose_by_key, close_by_mouse, type_number
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QAbstractSpinBox, QScrollArea
from sessions import new_session

from napari_mathimg import operations
from napari_mathimg.engine.forecast import needs
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.lens.calibration_panel import CalibrationPanel
from napari_mathimg.widgets.lens.lens_panel import LensPanel
from napari_mathimg.widgets.perspective.corners_panel import CornersPanel
from napari_mathimg.widgets.perspective.rectangle_panel import RectanglePanel
from napari_mathimg.widgets.perspective.result_outline import OutlinePanel
from napari_mathimg.widgets.psf.panel import PsfPanel
from napari_mathimg.widgets.qt.layout import dock_of
from napari_mathimg.widgets.settings import saved_docks
from napari_mathimg.widgets.settings.preferences import settings
from napari_mathimg.widgets.settings.saved_speeds import note_speeds, speeds
from napari_mathimg.widgets.settings.used import is_by_use, list_by_use, note_use, used_ids
from nightly import nightly

Opener = Callable[[str], FamilyDock]
Press = Callable[[FamilyDock], None]
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the docks keep what they hold."""
    return tmp_path / "napari-mathimg-docks.yaml"


def test_a_dock_begins_as_it_was_left(
    viewer: Any, dock: Opener, qtbot: Any, again: Any, stack: Any, file: Path
) -> None:
    viewer.add_image(stack)
    widget = dock("intensity")
    choose_by_key(widget.operations.choice, "adjust_gamma")
    type_number(qtbot, widget.form["gamma"].native, "2.25")
    choose_by_key(widget.options.value_range, "custom")
    type_number(qtbot, widget.options.high.native, "3000")
    choose_by_key(widget.options.scope, "item")
    choose_by_key(widget.options.dtype, "float32")
    qtbot.waitUntil(widget.options.replace.isVisible)
    qtbot.mouseClick(widget.options.replace, LEFT, pos=QPoint(8, widget.options.replace.height() // 2))
    assert widget.options.replace.isChecked()
    typed, low = widget.form.parameters, widget.options.low.value
    widget = again(widget)
    assert widget.operation.id == "adjust_gamma"
    assert widget.form.parameters == typed
    assert typed["gamma"] == 2.25
    options = widget.options
    assert {name: box.currentData() for name, box in options.boxes.items()} == {
        "process": "planes", "scope": "item", "value_range": "custom", "statistics": "layer", "dtype": "float32",
        "domain_place": "over", "result": "memory",
    }  # fmt: skip
    assert (options.low.value, options.high.value) == (low, 3000)
    assert options.replace.isChecked()
    assert options.hide_source.isChecked()
    assert yaml.safe_load(file.read_text())["forms"] == {"adjust_gamma": {"2": {"gamma": 2.25}}}
    qtbot.mouseClick(widget.forms.reset_button, LEFT)
    assert again(widget).form.parameters["gamma"] == 1


def test_percentiles_are_as_they_were(viewer: Any, dock: Opener, qtbot: Any, again: Any, stack: Any) -> None:
    viewer.add_image(stack)
    widget = dock("intensity")
    choose_by_key(widget.operations.choice, "adjust_gamma")
    choose_by_key(widget.options.value_range, "percentiles")
    type_number(qtbot, widget.options.percentiles.high.native, "99.5")
    options = again(widget).options
    assert options.value_range.currentData() == "percentiles"
    assert options.percentiles.ends == (0.1, 99.5)
    assert options.percentiles.isVisible()


def test_the_domain_is_shown_as_it_was(viewer: Any, dock: Opener, qtbot: Any, again: Any) -> None:
    viewer.add_image(np.zeros((20, 30)))
    options = dock("geometry").options
    qtbot.waitUntil(options.domain.isVisible)
    qtbot.mouseClick(options.domain, LEFT, pos=QPoint(8, options.domain.height() // 2))
    choose_by_key(options.domain_place, "beside")
    type_number(qtbot, options.square, "16")
    options = again(dock("geometry")).options
    assert (options.domain.isChecked(), options.domain_place.currentData(), options.square.value()) == (
        True, "beside", 16,
    )  # fmt: skip


def test_planes_and_volumes_each_have_their_own_values(viewer: Any, dock: Opener, qtbot: Any, again: Any) -> None:
    viewer.add_image(np.zeros((6, 20, 30)))
    widget = dock("denoise")
    widget.operation = "gaussian"
    choose_by_key(widget.options.process, "volumes")
    widget.form["sigma"].value = (0.5, 2.0, 3.0)
    widget = again(widget)
    assert widget.form.parameters["sigma"] == (0.5, 2, 3)
    viewer.layers.clear()
    viewer.add_image(np.zeros((20, 30)))
    assert widget.form.parameters["sigma"] == (1, 1)


def tick(qtbot: Any, box: Any) -> None:
    qtbot.mouseClick(box, LEFT, pos=QPoint(8, box.height() // 2))


def begin(qtbot: Any, panel: PsfPanel, kind: str, **values: str) -> None:
    """Choose a kind of point-spread function by the keyboard, and type what the axis before the last has of each."""
    choose_by_key(panel.kinds, kind)
    for name, text in values.items():
        type_number(qtbot, panel.form[name]._row._fields[0].native, text)


def panel_of(qtbot: Any, widget: FamilyDock, operation: str, name: str) -> PsfPanel:
    widget.operation = operation
    qtbot.waitUntil(lambda: name in widget.further_images.panels and widget.further_images.panels[name].isVisible())
    return widget.further_images.panels[name]


def test_a_point_spread_function_is_declared_as_it_was(
    viewer: Any, dock: Opener, qtbot: Any, again: Any, file: Path
) -> None:
    viewer.add_image(np.zeros((6, 40, 50)))
    panel = panel_of(qtbot, dock("deconvolve"), "richardson_lucy", "psf")
    assert panel.kind == "layer"
    begin(qtbot, panel, "disk", radius="4.5")
    begin(qtbot, panel, "gaussian", sigma="1.25")
    widget = again(dock("deconvolve"))
    panel = panel_of(qtbot, widget, "richardson_lucy", "psf")
    assert (panel.kind, panel.form.parameters["sigma"]) == ("gaussian", (1.25, 1.25))
    choose_by_key(panel.kinds, "disk")
    assert panel.form.parameters["radius"] == (4.5, 4.5)
    choose_by_key(widget.options.process, "volumes")
    assert panel.form.parameters["radius"] == (3, 3, 3)
    begin(qtbot, panel, "disk", radius="2")
    again(widget)
    kept = yaml.safe_load(file.read_text())
    assert kept["docks"]["deconvolve"]["parts"]["further_images"]["psf"] == {
        "kind": "disk",
        "typed": {
            "disk": {"2": {"radius": [4.5, 4.5]}, "3": {"radius": [2, 2, 2]}},
            "gaussian": {"2": {"sigma": [1.25, 1.25]}},
        },
        "layer": {"resample": False, "from_beads": False, "deep": 15, "high": 15, "wide": 15},
    }
    assert panel_of(qtbot, dock("blur"), "convolve", "kernel").kind == "layer"  # each dock has its own
    assert "parts" not in kept["docks"].get("blur", {})


def test_a_kind_that_volumes_do_not_have_waits_for_planes(viewer: Any, dock: Opener, qtbot: Any, again: Any) -> None:
    viewer.add_image(np.zeros((6, 40, 50)))
    panel = panel_of(qtbot, dock("deconvolve"), "richardson_lucy", "psf")
    begin(qtbot, panel, "motion")
    type_number(qtbot, panel.form["length"].native.findChild(QAbstractSpinBox), "7")
    choose_by_key(dock("deconvolve").options.process, "volumes")
    assert panel.kind == "layer"
    widget = again(dock("deconvolve"))
    panel = panel_of(qtbot, widget, "richardson_lucy", "psf")
    assert panel.kind == "layer"
    choose_by_key(widget.options.process, "planes")
    assert (panel.kind, panel.form.parameters["length"]) == ("motion", 7)
    choose_by_key(widget.options.process, "volumes")
    panel.kinds.showPopup()
    qtbot.keyClick(
        panel.kinds.view(), Qt.Key.Key_Return
    )  # the layer that stands for it is chosen: no longer waited for
    choose_by_key(widget.options.process, "planes")
    assert panel.kind == "layer"


@pytest.mark.parametrize(
    ("held", "kind", "sigma"),
    [
        (
            {"kind": "unknown", "typed": {"unknown": {"2": {}}, "gaussian": {"2": {"sigma": [3.0, 3.0]}}}},
            "layer",
            (3, 3),
        ),
        ({"kind": ["gaussian"], "typed": [1]}, "layer", (2, 2)),
        ({"kind": "gaussian", "typed": {"gaussian": {"2": {"sigma": [1.0, 1.0, 1.0], "gone": 1}}}}, "gaussian", (2, 2)),
        ({"kind": "gaussian", "typed": {"gaussian": {"2": [1]}, "disk": 7}}, "gaussian", (2, 2)),
        ("none", "layer", (2, 2)),
    ],
)
def test_of_a_point_spread_function_what_no_longer_fits_is_left_out(
    viewer: Any, dock: Opener, qtbot: Any, file: Path, held: Any, kind: str, sigma: tuple[float, ...]
) -> None:
    file.write_text(yaml.safe_dump({"docks": {"deconvolve": {"parts": {"further_images": {"psf": held}}}}}))
    viewer.add_image(np.zeros((20, 30)))
    panel = panel_of(qtbot, dock("deconvolve"), "richardson_lucy", "psf")
    assert panel.kind == panel.save_state()["kind"] == kind
    choose_by_key(panel.kinds, "gaussian")
    assert panel.form.parameters["sigma"] == sigma


def test_a_rectangle_is_measured_as_it_was(viewer: Any, dock: Opener, qtbot: Any, again: Any, file: Path) -> None:
    viewer.add_image(np.zeros((20, 30)))
    widget = dock("perspective")
    box = widget.panel(RectanglePanel).box
    choose_by_key(box.mode, "typed")
    choose_by_key(box.canvas, "canvas")
    for _ in range(box.unit.findText("mm")):
        qtbot.keyClick(box.unit, Qt.Key.Key_Down)
    typed = {"width": "85.6", "height": "53.98", "rows": "700", "columns": "900"}
    for field, text in zip((box.width_box, box.height_box, box.rows, box.columns), typed.values(), strict=True):
        type_number(qtbot, field.native, text)
    widget = again(widget)
    box = widget.panel(RectanglePanel).box
    assert (box.mode.currentData(), box.unit.currentText(), box.canvas.currentData()) == ("typed", "mm", "canvas")
    assert [f.value for f in (box.width_box, box.height_box, box.rows, box.columns)] == [85.6, 53.98, 700, 900]
    assert box.rows.native.isVisible()
    choose_by_key(box.mode, "perspective")  # whose width and height are the image's
    widget = again(widget)
    kept = yaml.safe_load(file.read_text())["docks"]["perspective"]["parts"]["rectangle"]
    assert kept == {"size": "perspective", "canvas": "canvas", "rows": 700, "columns": 900}
    qtbot.mouseClick(widget.forms.reset_button, LEFT)
    assert again(widget).panel(RectanglePanel).box.mode.currentData() == "edges"


def test_of_a_rectangle_what_no_longer_fits_is_left_out(viewer: Any, dock: Opener, file: Path) -> None:
    held = {
        "size": "typed", "unit": "mile", "canvas": ["whole"],
        "width": 1e9, "height": 12, "rows": "many", "columns": float("nan"),
    }  # fmt: skip
    file.write_text(yaml.safe_dump({"docks": {"perspective": {"parts": {"rectangle": held}}}}))
    viewer.add_image(np.zeros((20, 30)))
    box = dock("perspective").panel(RectanglePanel).box
    assert (box.mode.currentData(), box.unit.currentText(), box.canvas.currentData()) == ("typed", "px", "rectangle")
    assert [f.value for f in (box.width_box, box.height_box, box.rows, box.columns)] == [256, 12, 512, 512]


def test_the_tools_of_perspective_are_set_as_they_were(
    viewer: Any, dock: Opener, qtbot: Any, again: Any, hand: Hand, layer: Any, opened: Any
) -> None:
    hand.pick(opened, layer)
    type_number(qtbot, opened.panel(CornersPanel).radius, "17")
    area = opened.findChild(QScrollArea)
    area.ensureWidgetVisible(opened.panel(OutlinePanel).tick)
    tick(qtbot, opened.panel(OutlinePanel).tick)
    assert opened.panel(OutlinePanel).tick.isChecked()
    widget: Any = again(opened)
    assert widget.panel(CornersPanel).radius.value() == 17
    assert widget.panel(OutlinePanel).tick.isChecked()


def test_a_lens_is_calibrated_as_it_was(viewer: Any, dock: Opener, qtbot: Any, again: Any, file: Path) -> None:
    viewer.add_image(np.zeros((20, 30)))
    widget: Any = dock("lens")
    widget.operation = "correct_distortion"
    box = widget.panel(CalibrationPanel).box
    choose_by_key(box.kind, "dots")
    type_number(qtbot, box.spacing.native, "2.5")
    for _ in range(box.unit.findText("cm") - box.unit.findText("mm")):
        qtbot.keyClick(box.unit, Qt.Key.Key_Down)
    box.finds_center.click()
    widget = again(widget)
    box = widget.panel(CalibrationPanel).box
    assert (box.kind.currentData(), box.spacing.value, box.unit.currentText()) == ("dots", 2.5, "cm")
    assert not box.finds_center.isChecked()
    kept = yaml.safe_load(file.read_text())["docks"]["lens"]["parts"]["calibration"]
    assert kept == {"kind": "dots", "spacing": 2.5, "unit": "cm", "finds_center": False}


def test_of_a_calibration_what_no_longer_fits_is_left_out(viewer: Any, dock: Opener, file: Path) -> None:
    held = {"kind": "circles", "spacing": -1, "unit": 3, "finds_center": "no", "gone": 1}
    file.write_text(yaml.safe_dump({"docks": {"lens": {"parts": {"calibration": held, "lenses": {"others": 1}}}}}))
    viewer.add_image(np.zeros((20, 30)))
    widget: Any = dock("lens")
    box = widget.panel(CalibrationPanel).box
    assert (box.kind.currentData(), box.spacing.value, box.unit.currentText()) == ("chessboard", 1, "mm")
    assert box.finds_center.isChecked()
    assert not widget.panel(LensPanel).box.others.isChecked()


def test_beads_are_measured_as_they_were(viewer: Any, dock: Opener, qtbot: Any, again: Any) -> None:
    viewer.add_image(np.zeros((6, 20, 30)))
    panel = panel_of(qtbot, dock("deconvolve"), "richardson_lucy", "psf")
    panel.from_beads.click()
    panel.beads.size = (9, 11)
    panel.resample.setChecked(True)
    panel = panel_of(qtbot, again(dock("deconvolve")), "richardson_lucy", "psf")
    assert panel.beads.isVisible()
    assert panel.beads.size == (9, 11)
    assert panel.resample.isChecked()


def place(pixel: tuple[float, float], unit: str = "um") -> dict[str, Any]:
    return {"scale": pixel, "units": (unit, unit)}


def test_a_length_typed_in_the_world_is_what_it_was_there(
    viewer: Any, dock: Opener, qtbot: Any, again: Any, file: Path
) -> None:
    viewer.add_image(np.zeros((20, 30)), **place((0.5, 0.25)))
    widget = dock("denoise")
    widget.operation = "gaussian"
    row = widget.form["sigma"]
    qtbot.keyClick(row._unit.native, Qt.Key.Key_Down)
    assert row._unit.value == "µm"
    for box, text in zip(row._row._fields, ("3", "2"), strict=True):
        type_number(qtbot, box.native, text)
    assert widget.form.parameters["sigma"] == (6, 8)
    widget = again(widget)
    assert widget.form["sigma"]._unit.value == "µm"
    assert widget.form.parameters["sigma"] == (6, 8)
    assert yaml.safe_load(file.read_text())["forms"]["gaussian"] == {"2": {"sigma": {"unit": "µm", "lengths": [3, 2]}}}
    viewer.layers.clear()
    viewer.add_image(np.zeros((20, 30)))
    assert widget.form.parameters["sigma"] == (6, 8)  # this layer knows no micrometers
    viewer.layers.clear()
    viewer.add_image(np.zeros((20, 30)), **place((1, 1)))
    widget.form["sigma"]._unit.value = "µm"
    widget.form["sigma"]._row.value = (3, 2)
    viewer.layers.clear()
    widget = again(widget)
    assert widget.form.parameters["sigma"] == (1, 1)  # until a layer comes
    viewer.add_image(np.zeros((20, 30)), **place((2, 0.5)))
    assert widget.form.parameters["sigma"] == (1.5, 4)
    assert widget.form["sigma"]._unit.value == "µm"


def test_a_length_typed_in_pixels_takes_the_place_of_one_that_waits_for_its_unit(
    viewer: Any, dock: Opener, qtbot: Any, again: Any, file: Path
) -> None:
    said = {"gaussian": {"2": {"sigma": {"unit": "µm", "lengths": [3.0, 2.0]}}}}
    file.write_text(yaml.safe_dump({"forms": said}))
    viewer.add_image(np.zeros((20, 30)))
    widget = dock("denoise")
    widget.operation = "gaussian"
    choose_by_key(widget.form["mode"].native, "mirror")
    widget = again(widget)
    kept = yaml.safe_load(file.read_text())["forms"]["gaussian"]["2"]
    assert kept == {"mode": "mirror", "sigma": {"unit": "µm", "lengths": [3, 2]}}  # it waits on
    type_number(qtbot, widget.form["sigma"]._row._fields[0].native, "5")
    viewer.add_image(np.zeros((20, 30)), **place((1, 1)))
    assert widget.form.parameters["sigma"] == (5, 5)
    assert widget.form["sigma"]._unit.value == "px"


@pytest.mark.parametrize(
    "said",
    [
        {"unit": "µm", "lengths": [3.0]}, {"unit": 1, "lengths": None}, {"unit": "µm", "lengths": ["a", "b"]},
        {"unit": "µm", "lengths": [float("nan"), 1.0]},
        *nightly({"unit": "µm"}, {"lengths": [3.0, 2.0]}, {"unit": "µm", "lengths": [-1.0, 1.0]}),
        *nightly({"unit": "µm", "lengths": [1e9, 1.0]}),
    ],
)  # fmt: skip
def test_of_lengths_what_no_longer_fits_is_left_out(viewer: Any, dock: Opener, file: Path, said: Any) -> None:
    file.write_text(yaml.safe_dump({"forms": {"gaussian": {"2": {"sigma": said, "mode": {"unit": "µm"}}}}}))
    viewer.add_image(np.zeros((20, 30)), **place((0.5, 0.5)))
    widget = dock("denoise")
    widget.operation = "gaussian"
    assert widget.form.parameters == {"sigma": (1, 1), "mode": "nearest", "cval": 0, "truncate": 4}
    assert widget.form["sigma"]._unit.value == "px"


def test_a_histogram_is_counted_and_shown_as_it_was(
    viewer: Any, dock: Opener, qtbot: Any, again: Any, stack: Any
) -> None:
    viewer.add_image(stack)
    widget: Any = dock("Histogram")
    qtbot.waitUntil(lambda: widget.found is not None)
    choose_by_key(widget.where, "plane")
    type_number(qtbot, widget.bins, "40")
    tick(qtbot, widget.log)
    tick(qtbot, widget.cumulative)
    widget = again(widget)
    assert (widget.where.currentData(), widget.bins.value()) == ("plane", 40)
    assert widget.log.isChecked()
    assert widget.cumulative.isChecked()
    qtbot.waitUntil(lambda: widget.found is not None and not widget.is_counting)
    assert widget.follower.tally.pixels == stack[0].size
    assert widget.found.counts.shape[-1] <= 40
    qtbot.mouseClick(widget.axis.auto, Qt.MouseButton.LeftButton)
    widget = again(widget)
    assert (widget.axis.auto.isChecked(), widget.cumulative.isChecked()) == (True, True)
    viewer.add_image(stack, metadata={"napari_mathimg": [{"source": "stack"}]})
    qtbot.waitUntil(widget.before_after.isEnabled)
    widget.before_after.click()
    widget.cumulative.click()  # which came up with it
    widget = again(widget)
    assert (widget.before_after.isChecked(), widget.cumulative.isChecked()) == (True, False)


def test_of_a_histogram_what_no_longer_fits_is_left_out(viewer: Any, dock: Opener, file: Path) -> None:
    held = {"where": "elsewhere", "bins": 2**20, "log": "yes", "cumulative": True}
    file.write_text(yaml.safe_dump({"docks": {"histogram": {"parts": {"view": held}, "size": 3}}}))
    widget: Any = dock("Histogram")
    assert (widget.where.currentData(), widget.bins.value()) == ("layer", 256)
    assert (widget.log.isChecked(), widget.cumulative.isChecked()) == (False, True)


@pytest.mark.styled
def test_a_histogram_is_as_wide_as_it_was_unless_it_shares_a_side(
    viewer: Any, dock: Opener, qtbot: Any, again: Any, file: Path
) -> None:
    viewer.window._qt_window.resize(1200, 900)
    file.write_text(yaml.safe_dump({"docks": {"histogram": {"size": [431, 500]}}}))
    widget = dock("Histogram")
    qtbot.waitUntil(lambda: dock_of(widget).width() == 431)
    viewer.window._qt_window.resizeDocks([dock_of(widget)], [377], Qt.Orientation.Horizontal)
    qtbot.waitUntil(lambda: dock_of(widget).width() == 377)
    widget = again(widget)
    qtbot.waitUntil(lambda: dock_of(widget).width() == 377)
    process_events()
    close_by_mouse(widget, qtbot)
    geometry = dock("geometry")
    qtbot.waitUntil(geometry.isVisible)
    viewer.window._qt_window.resizeDocks([dock_of(geometry)], [345], Qt.Orientation.Horizontal)
    qtbot.waitUntil(lambda: dock_of(geometry).width() == 345)
    widget = dock("Histogram")
    qtbot.waitUntil(widget.isVisible)
    process_events()
    assert dock_of(geometry).width() == dock_of(widget).width() == 345


def test_what_no_longer_fits_is_left_out(viewer: Any, dock: Opener, file: Path, caplog: Any) -> None:
    kept = {
        "forms": {
            "gaussian": {"2": {"sigma": [1.0, 2.0, 3.0], "mode": "sideways", "truncate": 3.0, "gone": 1}},
            "median": {"2": "none"},
            "rotate": 7,
        },
        "docks": {
            "denoise": {
                "operation": "gaussian",
                "options": {"process": "cubes", "replace": "yes", "statistics": "item", "gone": 1, "scope": 3},
                "range": ["low", "high"],
                "size": "large",
            },
            "geometry": {"operation": "unknown", "options": []},
            "noise": [1, 2],
        },
    }
    file.write_text(yaml.safe_dump(kept))
    viewer.add_image(np.zeros((20, 30)))
    caplog.set_level("INFO")
    widget = dock("denoise")
    assert widget.operation.id == "gaussian"
    assert widget.form.parameters == {"sigma": (1, 1), "mode": "nearest", "cval": 0, "truncate": 3}
    assert "gone" in caplog.text
    assert widget.options.statistics.currentData() == "item"
    assert widget.options.process.currentData() == "planes"
    assert not widget.options.replace.isChecked()
    for family in ("geometry", "noise"):
        dock(family)
    widget.operation = "median"


@pytest.mark.parametrize("text", ["{{{", "docks: 3\nforms: [1]\n", *nightly("- 1\n- 2\n", "")])
def test_a_broken_file_is_begun_anew(viewer: Any, dock: Opener, again: Any, file: Path, text: str) -> None:
    file.write_text(text)
    viewer.add_image(np.zeros((20, 30)))
    widget = dock("intensity")
    widget.operation = "adjust_log"
    assert again(widget).operation.id == "adjust_log"


def test_nothing_is_written_while_values_change(
    viewer: Any, dock: Opener, qtbot: Any, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_docks, "PAUSE", 600_000)  # milliseconds: longer than these keys take on any machine
    viewer.add_image(np.zeros((20, 30)))
    widget = dock("denoise")
    widget.operation = "gaussian"
    qtbot.waitUntil(widget.isVisible)
    pause = widget.saved_state._pause
    box = widget.form["sigma"]._row._fields[0].native
    for _ in range(40):
        pause.stop()
        qtbot.keyClick(box, Qt.Key.Key_Up)
        process_events()
        assert pause.isActive()  # each begins it anew
        assert not file.exists()
    pause.start(0)  # it is over
    qtbot.waitUntil(file.exists)
    (sigma,) = {*yaml.safe_load(file.read_text())["forms"]["gaussian"]["2"]["sigma"]}
    assert sigma == pytest.approx(5)


@pytest.mark.own_window
def test_the_window_takes_what_waits_to_be_written_along(viewer: Any, dock: Opener, file: Path, qtbot: Any) -> None:
    viewer.add_image(np.zeros((20, 30)))
    widget = dock("intensity")
    qtbot.waitUntil(widget.isVisible)
    type_number(qtbot, widget.options.high.native, "7")
    viewer.close()
    assert yaml.safe_load(file.read_text())["docks"]["intensity"]["range"][1] == 7


def test_a_dock_is_as_wide_as_it_was(viewer: Any, dock: Opener, qtbot: Any, file: Path) -> None:
    window = viewer.window._qt_window
    window.resize(1200, 700)
    file.write_text(yaml.safe_dump({"docks": {"geometry": {"size": [432, 500]}, "noise": {"size": [5000, 5000]}}}))
    widget = dock("geometry")
    qtbot.waitUntil(lambda: dock_of(widget).width() == 432)
    window.resizeDocks([dock_of(widget)], [377], Qt.Orientation.Horizontal)
    qtbot.waitUntil(lambda: dock_of(widget).width() == 377)
    process_events()
    close_by_mouse(widget, qtbot)
    assert yaml.safe_load(file.read_text())["docks"]["geometry"]["size"][0] == 377
    other = dock("noise")
    qtbot.waitUntil(lambda: dock_of(other).width() == 720)  # the most: 0.6 of the window


def test_a_user_who_wants_no_memory_has_none(viewer: Any, dock: Opener, again: Any, file: Path, qtbot: Any) -> None:
    settings().docks.remember = False
    viewer.add_image(np.zeros((20, 30)))
    widget = dock("intensity")
    widget.operation = "adjust_gamma"
    assert again(widget).operation.id != "adjust_gamma"
    assert not file.exists()


def test_what_was_noted_holds_for_the_session_and_is_written_only_with_memory(file: Path) -> None:
    note_use("median")
    list_by_use(False)
    written = file.read_text()
    settings().docks.remember = False
    assert (used_ids(), is_by_use()) == (["median"], False)
    note_use("clip")
    needed = needs(operations()["clip"], np.zeros((20, 30)), threads=1)
    note_speeds([(needed, 2.0)])
    assert used_ids() == ["clip", "median"]
    assert [*speeds().table] == [needed.kind]
    assert file.read_text() == written
    new_session()
    assert (used_ids(), is_by_use(), speeds().table) == ([], True, {})
    settings().docks.remember = True
    assert (used_ids(), is_by_use()) == (["median"], False)
