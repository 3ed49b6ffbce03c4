"""Docks in a real window, clicked and typed into."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from histogram_checks import Gated
from mouse_and_keys import close_by_mouse
from napari.layers import Image
from napari.utils._proxies import PublicOnlyProxy
from qtpy.QtCore import QPoint, Qt, QTimer

import napari_mathimg as mathimg
from napari_mathimg.contract.quantities import count
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.place.open_dock import open_dock
from napari_mathimg.widgets.tasks import background_task
from nightly import nightly

Opener = Callable[[str], FamilyDock]
Press = Callable[[FamilyDock], None]
PATIENCE = 60  # seconds that a thread may take to end on a busy machine


def test_a_click_adds_one_placed_named_documented_layer(viewer: Any, dock: Opener, press: Press, stack: Any) -> None:
    source = viewer.add_image(stack, name="cells", scale=(2, 0.5, 0.5), units=("um",) * 3, contrast_limits=(200, 3000))
    widget = dock("geometry")
    widget.operation = "rotate"
    widget.form["angle"].value = 30
    press(widget)
    assert [layer.name for layer in viewer.layers] == ["cells", "cells – Rotate"]
    result = viewer.layers[-1]
    np.testing.assert_array_equal(result.data, mathimg.apply(stack, "rotate", angle=30.0))
    assert tuple(result.scale) == (2, 0.5, 0.5)
    assert result.units == source.units
    assert tuple(result.contrast_limits) == (200, 3000)
    assert result.metadata["napari_mathimg"][0]["parameters"]["angle"] == 30
    assert not source.visible
    assert "5 x 40 x 50" in widget.message.text().replace("\u00a0", " ")


def test_results_get_unique_names(viewer: Any, dock: Opener, press: Press, stack: Any) -> None:
    source = viewer.add_image(stack, name="cells")
    widget = dock("intensity")
    for _ in range(2):
        viewer.layers.selection.active = source
        press(widget)
    assert len({layer.name for layer in viewer.layers}) == 3


def test_the_picker_follows_the_active_layer_and_survives_renaming(viewer: Any, dock: Opener, stack: Any) -> None:
    first, second = viewer.add_image(stack, name="first"), viewer.add_image(stack[0], name="second")
    widget = dock("denoise")
    assert widget.picker.layer is second
    viewer.layers.selection.active = first
    assert widget.picker.layer is first
    first.name = "renamed"
    assert widget.picker.currentText() == "renamed"
    assert widget.picker.layer is first
    viewer.layers.remove(first)
    assert widget.picker.layer is second
    viewer.layers.clear()
    assert widget.picker.layer is None
    assert not widget.run_button.isEnabled()
    assert "Open or select" in widget.requirement.label.text()
    points = viewer.add_points(np.zeros((1, 2)))
    assert widget.picker.layer is None
    viewer.add_image(stack)
    assert widget.run_button.isEnabled()
    viewer.layers.selection.active = points
    assert widget.picker.layer is not None


def test_typed_values_are_still_there_after_looking_at_another_operation(
    viewer: Any, dock: Opener, qtbot: Any, stack: Any
) -> None:
    viewer.add_image(stack)
    widget = dock("intensity")
    widget.operation = "adjust_gamma"
    box = widget.form["gamma"].native
    box.selectAll()
    qtbot.keyClicks(box, "2.25")
    widget.operation = "adjust_log"
    widget.operation = "adjust_gamma"
    assert widget.form.parameters["gamma"] == 2.25
    qtbot.mouseClick(widget.forms.reset_button, Qt.MouseButton.LeftButton)
    assert widget.form.parameters["gamma"] == 1.0


def test_only_options_with_an_effect_are_shown(viewer: Any, dock: Opener, stack: Any) -> None:
    widget = dock("geometry")
    plane = viewer.add_image(stack[0])
    shown = widget.options._shown
    assert not any(shown[name] for name in ("process", "scope", "range", "statistics"))
    viewer.layers.remove(plane)
    viewer.add_image(stack)
    widget.operation = "rescale"
    assert widget.options._shown["process"]
    assert widget.options._shown["scope"]
    widget.operation = "crop"
    assert list(widget.form.parameters["start"]) == list("auto")
    assert not widget.options._shown["process"]
    intensity = dock("intensity")
    intensity.operation = "adjust_gamma"
    assert intensity.options._shown["range"]
    assert intensity.options._shown["statistics"]
    assert not intensity.options._shown["custom"]
    intensity.options.choose(intensity.options.value_range, "custom")
    assert intensity.options._shown["custom"]
    assert not intensity.options._shown["statistics"]
    viewer.layers.clear()
    viewer.add_image(np.zeros((9, 9, 3), np.uint8), rgb=True)
    assert intensity.options._shown["dtype"]
    assert intensity.options.value_range.findData("limits") == -1


def test_the_value_range_of_clip_counts_while_a_level_is_chosen_from_it(
    viewer: Any, dock: Opener, qtbot: Any, stack: Any
) -> None:
    viewer.add_image(stack)
    widget = dock("intensity")
    widget.operation = "clip"
    assert widget.options._shown["range"]
    assert widget.form["low"]._inner.value == stack.min()
    for name in ("low", "high"):
        tick = widget.form[name]._tick.native
        qtbot.mouseClick(tick, Qt.MouseButton.LeftButton, pos=QPoint(8, tick.height() // 2))
    assert widget.form.parameters == {"low": stack.min(), "high": stack.max(), "outside": "saturate"}
    assert not widget.options._shown["range"]


def test_a_pointwise_operation_offers_planes_after_one_on_volumes(viewer: Any, dock: Opener, stack: Any) -> None:
    viewer.add_image(stack)
    widget = dock("intensity")
    widget.operation = "equalize_adapthist"
    widget.options.choose(widget.options.process, "volumes")
    widget.operation = "adjust_gamma"
    assert not widget.options._shown["process"]
    assert widget.options.scope.itemText(1) == "This plane"


def test_gray_of_a_gray_layer_cannot_be_asked_for(viewer: Any, dock: Opener, stack: Any) -> None:
    viewer.add_image(stack)
    widget = dock("intensity")
    widget.operation = "to_gray"
    assert not widget.run_button.isEnabled()
    assert "RGB" in widget.requirement.label.text()
    viewer.add_image(np.zeros((9, 9, 3), np.uint8), rgb=True)
    assert widget.run_button.isEnabled()


def test_the_output_type_names_the_layer_s_own(viewer: Any, dock: Opener, stack: Any) -> None:
    viewer.add_image(stack)
    widget = dock("denoise")
    assert [widget.options.dtype.itemText(k) for k in (0, 1)] == ["Auto (uint16)", "Same (uint16)"]
    viewer.add_image(stack.astype(np.uint8))
    assert [widget.options.dtype.itemText(k) for k in (0, 1)] == ["Auto (uint8)", "Same (uint8)"]
    widget = dock("deconvolve")
    assert [widget.options.dtype.itemText(k) for k in (0, 1)] == ["Auto (float32)", "Same (uint8)"]


def test_scope_and_value_range_reach_the_run(viewer: Any, dock: Opener, press: Press, stack: Any) -> None:
    layer = viewer.add_image(stack, scale=(3, 1, 1), contrast_limits=(500, 2500))
    viewer.dims.set_point(0, 6)
    widget = dock("intensity")
    widget.operation = "adjust_gamma"
    widget.form["gamma"].value = 2
    widget.options.choose(widget.options.scope, "item")
    widget.options.choose(widget.options.value_range, "limits")
    press(widget)
    result = viewer.layers[-1]
    options = mathimg.Options(value_range=(500, 2500), scope={0: (2, 3)})
    np.testing.assert_array_equal(result.data, mathimg.apply(stack, "adjust_gamma", options=options, gamma=2.0))
    np.testing.assert_allclose(result.data_to_world((0, 0, 0)), layer.data_to_world((2, 0, 0)))
    outside = int(((stack[2] < 500) | (stack[2] > 2500)).sum())
    assert result.metadata["napari_mathimg"][0]["saturated"] == outside
    assert f"{count(outside)} values" in widget.message.text()


def test_a_source_is_seen_again_when_the_last_result_in_its_place_is_deleted(
    viewer: Any, dock: Opener, press: Press, stack: Any
) -> None:
    source = viewer.add_image(stack, name="cells")
    widget = dock("intensity")
    results = []
    for operation in ("invert", "adjust_gamma"):
        widget.picker.layer, widget.operation = source, operation
        press(widget)
        results.append(viewer.layers[-1])
    assert not source.visible
    viewer.layers.remove(results[1])
    assert not source.visible
    viewer.layers.remove(results[0])
    assert source.visible
    widget.picker.layer = source
    press(widget)
    viewer.layers[-1].visible = False  # somebody looks at neither
    viewer.layers.remove(viewer.layers[-1])
    assert not source.visible


def test_this_plane_is_the_shown_one_whatever_unit_the_viewer_counts_in(
    viewer: Any, dock: Opener, press: Press, stack: Any
) -> None:
    layer = viewer.add_image(stack, scale=(2, 0.5, 0.5), units="um")
    viewer.add_image(stack, scale=(2000, 500, 500), units="nm")
    viewer.dims.set_current_step(0, 2)
    widget = dock("intensity")
    widget.picker.layer, widget.operation = layer, "invert"
    widget.options.choose(widget.options.scope, "item")
    press(widget)
    result = viewer.layers[-1]
    options = mathimg.Options(scope={0: (2, 3)})
    np.testing.assert_array_equal(result.data, mathimg.apply(stack, "invert", options=options))
    np.testing.assert_allclose(result.data_to_world((0, 0, 0)), layer.data_to_world((2, 0, 0)))


def test_replace_updates_only_the_layer_this_dock_made(viewer: Any, dock: Opener, press: Press, stack: Any) -> None:
    source = viewer.add_image(stack, name="cells")
    widget = dock("geometry")
    widget.options.replace.setChecked(True)
    widget.operation = "rotate"
    for angle in (10.0, 20.0):
        widget.form["angle"].value = angle
        press(widget)
        assert widget.picker.layer is source
    assert len(viewer.layers) == 2
    result = viewer.layers[-1]
    for active in (source, result):  # a click on the source and one on the result: the dock stays with the source
        viewer.layers.selection.active = active
        assert widget.picker.layer is source
    press(widget)
    assert len(viewer.layers) == 2
    np.testing.assert_array_equal(result.data, mathimg.apply(stack, "rotate", angle=20.0))
    assert result.metadata["napari_mathimg"][0]["parameters"]["angle"] == 20.0
    np.testing.assert_array_equal(source.data, stack)
    viewer.layers.remove(result)
    press(widget)
    assert len(viewer.layers) == 2


@pytest.mark.parametrize("wrapped", [False, True], ids=["viewer", "napari's proxy"])
def test_a_run_on_the_active_result_replaces_it(viewer: Any, press: Press, stack: Any, wrapped: bool) -> None:
    """Of a proxy of napari's, through which the menu opens docks, no layer is the same object twice."""
    source = viewer.add_image(stack)
    widget = open_dock(PublicOnlyProxy(viewer) if wrapped else viewer, "geometry")
    widget.operation = "rotate"
    widget.form["angle"].value = 90
    press(widget)
    first = viewer.layers[-1]
    assert widget.picker.layer is first
    widget.options.replace.setChecked(True)
    expected = mathimg.apply(stack, "rotate", angle=90.0)
    for _ in range(2):
        press(widget)
        assert [*viewer.layers] == [source, first]
        expected = mathimg.apply(expected, "rotate", angle=90.0)
        np.testing.assert_array_equal(first.data, expected)
    assert [step["operation"] for step in first.metadata["napari_mathimg"]] == ["rotate"] * 3
    viewer.layers.remove(first)
    assert source.visible


def test_the_domain_is_a_checkerboard_put_through_the_same_mapping(
    viewer: Any, dock: Opener, press: Press, stack: Any
) -> None:
    source = viewer.add_image(stack, name="cells", scale=(2, 0.5, 0.5), translate=(1, 2, 3))
    widget = dock("geometry")
    widget.operation = "rotate"
    widget.form["angle"].value = 30
    widget.form["resize"].value = True
    widget.options.domain.setChecked(True)
    widget.options.replace.setChecked(True)
    for _ in range(2):
        press(widget)
        assert [layer.name for layer in viewer.layers] == ["cells", "cells – Rotate", "cells – Rotate (domain)"]
        assert widget.picker.layer is source
    result, overlay = viewer.layers[1:]
    rows, columns = np.indices(stack.shape[1:]) // 5
    board = (255 * ((rows + columns) % 2)).astype(np.uint8)
    expected = mathimg.apply(board, "rotate", angle=30.0, resize=True)
    np.testing.assert_array_equal(overlay.data, np.broadcast_to(expected, result.data.shape))
    for corner in ((0, 0, 0), (4, 30, 20)):
        np.testing.assert_allclose(overlay.data_to_world(corner), result.data_to_world(corner))
    assert viewer.layers.selection.active is result
    labels = viewer.add_labels(stack.astype(int))
    assert widget.picker.layer is labels
    assert not widget.options.domain.isVisible()


def test_a_domain_goes_with_its_result_and_is_never_overwritten_as_a_source(
    viewer: Any, dock: Opener, press: Press, stack: Any
) -> None:
    viewer.add_image(stack[0], name="cells")
    widget = dock("geometry")
    widget.operation = "swirl"
    widget.options.domain.setChecked(True)
    widget.options.replace.setChecked(True)
    press(widget)
    widget.options.domain.setChecked(False)
    press(widget)
    assert [layer.name for layer in viewer.layers] == ["cells", "cells – Swirl"]
    widget.options.domain.setChecked(True)
    press(widget)
    overlay = viewer.layers[-1]
    before = np.array(overlay.data)
    viewer.layers.selection.active = overlay
    assert widget.picker.layer is overlay
    press(widget)
    np.testing.assert_array_equal(overlay.data, before)
    assert len(viewer.layers) == 5


def test_replace_by_another_kind_leaves_one_result(viewer: Any, dock: Opener, press: Press) -> None:
    viewer.add_image(np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8), rgb=True)
    widget = dock("intensity")
    widget.options.replace.setChecked(True)
    widget.operation = "invert"
    press(widget)
    widget.operation = "to_gray"
    press(widget)
    assert len(viewer.layers) == 2
    assert not viewer.layers[-1].rgb


def test_an_error_is_told_once_and_adds_nothing(
    viewer: Any, dock: Opener, press: Press, qtbot: Any, notifications: list[Any], stack: Any
) -> None:
    viewer.add_image(stack, name="cells")
    widget = dock("geometry")
    widget.operation = "homography"
    widget.form["matrix"].value = ((1, 2, 0), (2, 4, 0), (0, 0, 1))
    press(widget)
    assert [layer.name for layer in viewer.layers] == ["cells"]
    assert not notifications
    assert "invertible" in widget.message.text()
    assert "Nothing was added" in widget.message.text()
    assert widget.run_button.isEnabled()


def test_rotation_of_sheared_pixels_is_refused(
    viewer: Any, dock: Opener, qtbot: Any, notifications: list[Any], stack: Any
) -> None:
    viewer.add_image(stack, shear=(0, 0, 0.2), units=("um",) * 3)
    widget = dock("geometry")
    widget.operation = "rotate"
    qtbot.mouseClick(widget.run_button, Qt.MouseButton.LeftButton)
    assert not notifications
    assert "undo the shear first" in widget.message.text()
    assert len(viewer.layers) == 1


def test_a_result_too_large_for_memory_is_lazy_and_names_its_size(
    viewer: Any, dock: Opener, press: Press, notifications: list[Any]
) -> None:
    viewer.add_image(np.zeros((2000, 3000), np.uint16))
    widget = dock("geometry")
    widget.operation = "rescale"
    widget.form["scale"].value = 1000.0
    press(widget)
    assert not notifications
    assert (
        "lazy, because a result of 2\u202f000\u202f000 x 3\u202f000\u202f000 pixels (uint16) needs 11\u202f176\u00a0GiB"
        in widget.message.text()
    )
    coarsest = viewer.layers[-1].data[-1]
    assert max(coarsest.shape) <= 512
    np.testing.assert_array_equal(np.asarray(coarsest[3:9, 5]), 0)


@pytest.fixture
def slow(viewer: Any) -> Iterator[Gated]:
    """A stack whose runs wait for its pixels until its gate is opened."""
    array = Gated(np.random.default_rng(0).integers(0, 65535, (4, 64, 64), dtype=np.uint16))
    viewer.add_layer(Image(array, contrast_limits=(0, 65535), name="slow"))
    yield array
    array.gate.set()


def start(widget: FamilyDock, qtbot: Any, operation: str = "equalize_adapthist") -> None:
    widget.operation = operation
    with qtbot.waitSignal(widget.task.progressed):
        qtbot.mouseClick(widget.run_button, Qt.MouseButton.LeftButton)


def test_cancel_adds_nothing_and_a_second_run_is_refused_meanwhile(
    viewer: Any, dock: Opener, qtbot: Any, slow: Gated
) -> None:
    widget = dock("intensity")
    start(widget, qtbot)
    assert not widget.run_button.isEnabled()
    assert widget.progress.isVisible()
    widget.run()
    with qtbot.waitSignal(widget.task.canceled):
        qtbot.mouseClick(widget.cancel_button, Qt.MouseButton.LeftButton)
        slow.gate.set()
    qtbot.waitUntil(lambda: not widget.task.is_running)
    assert [layer.name for layer in viewer.layers] == ["slow"]
    assert "Canceled" in widget.message.text()
    assert widget.run_button.isEnabled()


def test_the_source_may_be_deleted_during_the_run(viewer: Any, dock: Opener, qtbot: Any, slow: Gated) -> None:
    widget = dock("intensity")
    start(widget, qtbot)
    with qtbot.waitSignal(widget.task.finished):
        viewer.layers.clear()
        slow.gate.set()
    expected = mathimg.apply(slow.array, "equalize_adapthist")
    np.testing.assert_array_equal(viewer.layers[-1].data, expected)
    assert viewer.layers[-1].name.startswith("slow")


@pytest.mark.own_window
def test_the_window_may_be_closed_during_the_run(viewer: Any, dock: Opener, qtbot: Any, slow: Gated) -> None:
    widget = dock("intensity")
    start(widget, qtbot)
    thread = widget.task._thread
    viewer.close()
    process_events()
    slow.gate.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_the_window_stays_alive_during_a_run(
    viewer: Any, dock: Opener, qtbot: Any, slow: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run waits until the event loop has turned a hundred times: in the window's thread, it would wait for ever."""
    monkeypatch.setattr(background_task, "REPORT", 0)  # seconds: every report is told
    widget = dock("intensity")
    reports: list[Any] = []
    widget.task.progressed.connect(reports.append)
    start(widget, qtbot)
    timer, turns = QTimer(), []
    timer.timeout.connect(lambda: turns.append(True))
    timer.start(0)
    qtbot.waitUntil(lambda: len(turns) > 100)
    assert widget.task.is_running
    with qtbot.waitSignal(widget.task.finished):
        slow.gate.set()
    assert "Equalize (CLAHE)" in [report.phase for report in reports]
    assert len(viewer.layers) == 2


def test_settings_are_loaded_from_a_result(viewer: Any, dock: Opener, press: Press, qtbot: Any, stack: Any) -> None:
    viewer.add_image(stack)
    noise = dock("noise")
    noise.form["var"].value = 0.125
    noise.form["seed"].value = 11
    noise.options.choose(noise.options.value_range, "dtype")
    press(noise)
    qtbot.mouseClick(noise.forms.reset_button, Qt.MouseButton.LeftButton)
    noise.options.choose(noise.options.value_range, "data")
    qtbot.mouseClick(noise.forms.load_button, Qt.MouseButton.LeftButton)
    assert noise.form.parameters == {"mean": 0.0, "var": 0.125, "seed": 11}
    assert noise.options.value_range.currentData() == "dtype"


def test_settings_of_another_family_open_its_dock(
    viewer: Any, dock: Opener, press: Press, qtbot: Any, stack: Any
) -> None:
    viewer.add_image(stack)
    denoise, intensity = dock("denoise"), dock("intensity")
    denoise.operation = "gaussian"
    denoise.form["sigma"].value = 3.5
    denoise.options.choose(denoise.options.process, "volumes")
    process_events()
    dock("denoise")
    press(denoise)
    denoise.form.reset()
    intensity.load_settings()
    assert denoise.operation.id == "gaussian"
    assert set(denoise.form.parameters["sigma"]) <= {1.0, 3.5}


def test_multiscale_layers_run_on_full_resolution_at_first(viewer: Any, dock: Opener, press: Press) -> None:
    full = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    viewer.add_image([full, full[::2, ::2]], multiscale=True)
    widget = dock("denoise")
    widget.operation = "gaussian"
    assert widget.options.level.currentText() == "0: 64 x 64"
    press(widget)
    np.testing.assert_array_equal(viewer.layers[-1].data, mathimg.apply(full, "gaussian"))


def test_labels_layers_only_in_geometry_without_interpolation(viewer: Any, dock: Opener, press: Press) -> None:
    names = np.random.default_rng(0).integers(0, 9, (30, 40))
    labels = viewer.add_labels(names)
    widget = dock("geometry")
    widget.operation = "rotate"
    assert widget.picker.layer is labels
    assert "order" not in [field.name for field in widget.form]
    widget.form["angle"].value = 90
    widget.form["resize"].value = True
    press(widget)
    assert type(viewer.layers[-1]).__name__ == "Labels"
    np.testing.assert_array_equal(viewer.layers[-1].data, np.rot90(names))
    assert dock("intensity").picker.layer is None


def test_lazy_layers_give_results_in_memory(viewer: Any, dock: Opener, press: Press, stack: Any) -> None:
    import dask.array as da

    viewer.add_image(da.from_array(stack, chunks=(1, 16, 50)), contrast_limits=(0, 4000))
    widget = dock("denoise")
    widget.operation = "gaussian"
    press(widget)
    assert isinstance(viewer.layers[-1].data, np.ndarray)
    np.testing.assert_array_equal(viewer.layers[-1].data, mathimg.apply(stack, "gaussian"))


def test_contrast_limits_are_kept_or_set_from_the_result(viewer: Any, dock: Opener, press: Press) -> None:
    image = np.linspace(100, 200, 400, dtype=np.float32).reshape(20, 20)
    viewer.add_image(image, contrast_limits=(120, 130))
    widget = dock("intensity")
    widget.operation = "rescale_intensity"
    press(widget)
    assert tuple(viewer.layers[-1].contrast_limits) == (0, 1)


@pytest.mark.styled
def test_labels_of_a_form_line_up_in_the_window(viewer: Any, dock: Opener, qtbot: Any, stack: Any) -> None:
    viewer.add_image(stack)
    widget = dock("geometry")
    process_events()
    for operation in ("affine", "swirl", "homography"):
        widget.operation = operation
        rows = [row for field in widget.form if (row := field._labeled_widget()) is not None]
        widths = {row.label_width for row in rows}
        assert len(widths) == 1
        assert widths.pop() >= max(row._label_widget.native.sizeHint().width() for row in rows)


def test_a_menu_command_opens_the_dock_with_the_operation(viewer: Any, qtbot: Any, stack: Any) -> None:
    from napari._app_model import get_app_model

    viewer.add_image(stack)
    app = get_app_model()
    app.commands.execute_command("napari-mathimg.intensity.adjust_sigmoid").result()
    docks = [w for w in viewer.window._qt_window.findChildren(FamilyDock) if w.family == "intensity"]
    assert len(docks) == 1
    assert docks[0].operation.id == "adjust_sigmoid"
    app.commands.execute_command("napari-mathimg.intensity.clip").result()
    assert docks[0].operation.id == "clip"
    assert docks[0].isVisible()


def test_closed_docks_leave_no_connection(viewer: Any, dock: Opener, qtbot: Any, stack: Any) -> None:
    layer = viewer.add_image(stack)
    emitters = [
        viewer.layers.events.inserted, viewer.layers.events.removed, viewer.layers.events.reordered,
        viewer.layers.selection.events.active, layer.events.name, layer.events.data, layer.events.scale,
    ]  # fmt: skip
    before = [len(e.callbacks) for e in emitters]
    for _ in range(3):
        widget = dock("intensity")
        process_events()
        close_by_mouse(widget, qtbot)
        assert [len(e.callbacks) for e in emitters] == before
    layer.name = "another"
    viewer.layers.clear()


def test_closing_a_dock_ends_its_run(viewer: Any, dock: Opener, qtbot: Any, slow: Gated) -> None:
    widget = dock("intensity")
    start(widget, qtbot)
    thread = widget.task._thread
    close_by_mouse(widget, qtbot)
    slow.gate.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    process_events()
    assert [layer.name for layer in viewer.layers] == ["slow"]
    assert viewer.layers[0].visible
    assert dock("intensity").run_button.isEnabled()


@pytest.mark.parametrize("dtype", ["u8", "?", "f2", *nightly("i8", "i1", "f8")])
def test_forms_take_the_ranges_of_every_type(viewer: Any, dock: Opener, dtype: str) -> None:
    image = np.arange(64).reshape(8, 8).astype(dtype)
    if image.dtype.kind == "f":
        image[0, :3] = np.nan, np.inf, -np.inf
    viewer.add_image(image, contrast_limits=(0, 60) if dtype != "?" else (0, 1))
    widget = dock("intensity")
    for operation in ("rescale_intensity", "clip"):
        widget.operation = operation
        for how in ("data", "dtype", "limits", "custom"):
            widget.options.choose(widget.options.value_range, how)
    widget.options.choose(widget.options.value_range, "data")
    assert widget.form["high"]._inner.value == (1 if dtype == "?" else 63)


def test_this_plane_is_refused_where_the_viewer_does_not_show_it(
    viewer: Any, dock: Opener, qtbot: Any, notifications: list[Any], stack: Any
) -> None:
    viewer.add_image(stack)
    widget = dock("intensity")
    widget.options.choose(widget.options.scope, "item")
    viewer.dims.order = (1, 0, 2)
    qtbot.mouseClick(widget.run_button, Qt.MouseButton.LeftButton)
    assert not notifications
    assert widget.message.text().startswith("This plane lies in y, x: show these axes")
    assert len(viewer.layers) == 1


def test_settings_that_do_not_fit_change_nothing(
    viewer: Any, dock: Opener, press: Press, notifications: list[Any], stack: Any
) -> None:
    viewer.add_image(stack)
    widget = dock("geometry")
    widget.operation = "rescale"
    widget.options.choose(widget.options.process, "volumes")
    widget.form["scale"].value = (2.0, 1.0, 1.0)
    press(widget)
    record = viewer.layers[-1].metadata
    viewer.add_image(stack[0], metadata=record)
    widget.operation = "rotate"
    widget.load_settings()
    assert len(notifications) == 1
    assert "other axes" in notifications[0].message
    assert widget.options.process.currentData() == "volumes"
    assert widget.operation.id == "rotate"
    step = {**record["napari_mathimg"][-1], "operation": "gone"}
    viewer.add_image(stack[0], metadata={"napari_mathimg": [step]})
    widget.load_settings()
    assert "operation='gone'" in notifications[1].message
