"""The Batch dock: every button by real events, with files of which some are broken."""

import csv
import json
import shlex
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batch_checks import PIXEL, Gate, drop, make_folder, make_recipe, pixels
from busy_docks import opened, settled
from event_loop import process_events
from history_checks import made
from mouse_and_keys import close_by_mouse
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QCheckBox, QFileDialog

from napari_mathimg import cli
from napari_mathimg.batch.jobs import running as job_running
from napari_mathimg.io.image import Image
from napari_mathimg.io.reading import open_image
from napari_mathimg.io.writing import write_image
from napari_mathimg.recipe.recipe import Recipe
from napari_mathimg.widgets.batch import dock as batch_dock
from napari_mathimg.widgets.batch import running

LEFT = Qt.MouseButton.LeftButton
BROKEN = (3, 11, 17)
COUNT = 20


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plan soon after each change."""
    monkeypatch.setattr(batch_dock, "QUIET", 10)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "raw", COUNT, BROKEN)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return make_recipe(tmp_path / "denoise.toml")


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate()
    monkeypatch.setattr(job_running, "compute_item", gate)
    return gate


@pytest.fixture
def dock(viewer: Any, qtbot: Any) -> Any:
    viewer.window._qt_window.resize(1280, 900)
    return opened(viewer, qtbot, "Batch")


@pytest.fixture
def ready(dock: Any, folder: Path, recipe: Path, qtbot: Any) -> Any:
    """A dock with a folder and a recipe."""
    drop(dock, folder)
    dock.recipe.load(recipe)
    settled(dock, qtbot)
    return dock


def press(button: Any) -> None:
    process_events()
    assert button.isVisible()
    assert button.isEnabled()
    place = QPoint(8, button.height() // 2) if isinstance(button, QCheckBox) else button.rect().center()
    QTest.mouseClick(button, LEFT, pos=place)


def ran(dock: Any, qtbot: Any) -> None:
    press(dock.run_button)
    settled(dock, qtbot)


def states(dock: Any) -> list[str]:
    return [row.state for row in dock.rows.rows]


def click(dock: Any, name: str, key: Any = Qt.KeyboardModifier.NoModifier) -> None:
    """Click the row of a file."""
    source = next(row.source for row in dock.rows.rows if Path(row.source).name == name)
    QTest.mouseClick(dock.list.viewport(), LEFT, key, dock.list.place_of(source).center())


def results(folder: Path) -> dict[str, int]:
    """The results of a folder of sources, and when each was written."""
    return {path.name: path.stat().st_mtime_ns for path in (folder.parent / "raw-results").glob("*.tif")}


def choose_files(monkeypatch: pytest.MonkeyPatch, *paths: Path) -> None:
    """Stand for dialogs of the system, in which these are chosen."""
    texts = [str(path) for path in paths]
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", staticmethod(lambda *args: (texts, "")))
    for name in ("getOpenFileName", "getSaveFileName"):
        monkeypatch.setattr(QFileDialog, name, staticmethod(lambda *args: (texts[0], "")))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", staticmethod(lambda *args: texts[0]))


def test_files_and_folders_are_dropped_and_counted(dock: Any, folder: Path, tmp_path: Path, qtbot: Any) -> None:
    assert "tif" in dock.count.text()
    assert drop(dock, folder)
    settled(dock, qtbot)
    assert [row.name for row in dock.rows.rows] == [f"cells_{k:02}.tif" for k in range(COUNT)]
    assert dock.count.text() == "20 files: TIFF"
    other = tmp_path / "other"
    other.mkdir()
    np.save(other / "cells_00.npy", pixels(0))
    np.save(other / "cells_01.tif.npy", pixels(1))
    (other / "notes.txt").write_text("none")
    drop(dock, other / "cells_00.npy", other / "notes.txt", folder / "cells_05.tif", folder)
    settled(dock, qtbot)
    assert len(dock.rows.rows) == 21
    assert dock.count.text() == "21 files: 20 TIFF, 1 NumPy"
    assert "notes.txt: must end in" in dock.message.text()
    assert not drop(dock)  # nothing that is a file
    assert dock.listed.inputs == [str(folder), str(other / "cells_00.npy"), str(folder / "cells_05.tif")]


def test_files_are_chosen_and_left_out(dock: Any, folder: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = make_folder(folder / "day 2", 2)
    choose_files(monkeypatch, folder)
    press(dock.add_folder)
    settled(dock, qtbot)
    assert len(dock.rows.rows) == COUNT
    press(dock.subfolders)
    settled(dock, qtbot)
    assert len(dock.rows.rows) == COUNT + 2
    assert {row.name for row in dock.rows.rows} >= {"day 2/cells_00.tif", "raw/cells_00.tif", "cells_02.tif"}
    press(dock.subfolders)
    settled(dock, qtbot)
    assert not dock.remove_button.isEnabled()
    click(dock, "cells_01.tif")
    click(dock, "cells_03.tif", Qt.KeyboardModifier.ShiftModifier)
    press(dock.remove_button)
    click(dock, "cells_05.tif")
    QTest.keyClick(dock.list, Qt.Key.Key_Delete)
    left = [k for k in range(COUNT) if k not in (1, 2, 3, 5)]
    assert [row.name for row in dock.rows.rows] == [f"cells_{k:02}.tif" for k in left]
    assert dock.listed.inputs == [str(folder / f"cells_{k:02}.tif") for k in left]
    choose_files(monkeypatch, inner / "cells_00.tif", inner / "cells_01.tif")
    press(dock.add_files)
    settled(dock, qtbot)
    assert len(dock.rows.rows) == len(left) + 2


def test_a_recipe_comes_from_a_file_or_from_the_history_of_a_layer(
    viewer: Any, dock: Any, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stack: Any
) -> None:
    assert not dock.recipe.history_button.isEnabled()
    choose_files(monkeypatch, recipe)
    press(dock.recipe.open_button)
    assert dock.recipe.steps.text() == "1. Gaussian filter: sigma 1.5\n2. Rescale intensity: defaults"
    choose_files(monkeypatch, make_recipe(tmp_path / "broken.toml", "format = 3"))
    press(dock.recipe.open_button)
    assert dock.message.text().startswith("broken.toml: ")
    assert dock.message.text().endswith("The recipe stays as it was.")
    assert dock.recipe.recipe == Recipe.load(recipe)
    last = made(viewer, viewer.add_image(stack, name="cells"))
    press(dock.recipe.history_button)
    assert dock.recipe.recipe == Recipe.from_record(last.metadata["napari_mathimg"])
    assert dock.recipe.title.whole() == f"History of {last.name}"
    viewer.layers.selection.active = viewer.layers[0]
    assert not dock.recipe.history_button.isEnabled()


def test_a_run_computes_all_files_and_tells_the_reasons_of_failures(ready: Any, folder: Path, qtbot: Any) -> None:
    dock = ready
    assert dock.target.folder.text() == str(folder.parent / "raw-results")
    assert dock.target.example.whole() == "→ cells_00_denoise.ome.tif"
    assert dock.states.whole() == "20 to do"
    assert not (folder.parent / "raw-results").exists()  # planned, and nothing written
    ran(dock, qtbot)
    assert [k for k, state in enumerate(states(dock)) if state == "failed"] == [*BROKEN]
    assert states(dock).count("done") == COUNT - len(BROKEN)
    assert dock.states.whole() == "17 done, 3 failed"
    assert dock.message.text().startswith("17 done, 3 failed, in ")
    applied = Recipe.load(folder.parent / "denoise.toml")
    for k in (0, 12, 19):
        image = open_image(folder.parent / "raw-results" / f"cells_{k:02}_denoise.ome.tif")
        np.testing.assert_array_equal(np.asarray(image.array), applied.apply(pixels(k)))
        assert image.spacing("µm") == pytest.approx((PIXEL, PIXEL))
    press(dock.failures_only)
    assert [Path(file).name for file in dock.list.shown_files] == [f"cells_{k:02}.tif" for k in BROKEN]
    index = dock.list.model().index(0, 0)
    reason = dock.rows.rows[BROKEN[0]].outcome.reason
    assert reason
    assert reason in index.data(Qt.ItemDataRole.ToolTipRole)
    assert reason in index.data(Qt.ItemDataRole.AccessibleTextRole)
    one, two = (dock.list.visualRect(dock.rows.index(k)) for k in (0, 3))
    press(dock.failures_only)
    process_events()
    one, two = (dock.list.place_of(dock.rows.rows[k].source).height() for k in (0, 3))
    assert two > 1.5 * one  # there is a line for the reason


def test_a_result_opens_with_a_click(viewer: Any, ready: Any, qtbot: Any) -> None:
    dock = ready
    ran(dock, qtbot)
    click(dock, "cells_03.tif")
    assert not dock.result_button.isEnabled()  # of a failure
    click(dock, "cells_02.tif")
    place = dock.list.place_of(dock.rows.rows[2].source).center()
    QTest.mouseDClick(dock.list.viewport(), LEFT, pos=place)
    settled(dock, qtbot)
    (layer,) = viewer.layers
    assert layer.name == open_image(dock.rows.rows[2].item.output).name
    np.testing.assert_allclose(layer.scale, (PIXEL, PIXEL))
    assert {str(unit) for unit in layer.units} == {"micrometer"}
    assert layer.axis_labels == ("y", "x")
    assert [step["operation"] for step in layer.metadata["napari_mathimg"]] == ["gaussian", "rescale_intensity"]
    np.testing.assert_array_equal(layer.data, Recipe.load(dock.recipe.file).apply(pixels(2)))
    click(dock, "cells_04.tif")
    QTest.keyClick(dock.list, Qt.Key.Key_Return)
    settled(dock, qtbot)
    click(dock, "cells_05.tif")
    click(dock, "cells_07.tif", Qt.KeyboardModifier.ControlModifier)
    press(dock.result_button)
    settled(dock, qtbot)
    shown = [layer.data for layer in viewer.layers]
    for k, data in zip((2, 4, 5, 7), shown, strict=True):
        np.testing.assert_array_equal(data, Recipe.load(dock.recipe.file).apply(pixels(k)))


def test_a_run_pauses_and_goes_on(ready: Any, gate: Gate, qtbot: Any) -> None:
    dock = ready
    press(dock.run_button)
    gate.let(4)
    qtbot.waitUntil(lambda: states(dock).count("done") + states(dock).count("failed") == 4)
    qtbot.waitUntil(lambda: "running" in states(dock))
    assert dock.rows.rows[states(dock).index("running")].share == pytest.approx(0.25)
    assert not dock.add_files.isEnabled()
    assert not dock.target.isEnabled()
    press(dock.pause_button)
    assert dock.pause_button.text() == "Resume"
    qtbot.waitUntil(lambda: dock.message.shown == "Paused")
    process_events()
    assert dock.is_running
    press(dock.pause_button)
    assert dock.pause_button.text() == "Pause"
    gate.let(COUNT)
    settled(dock, qtbot)
    assert states(dock).count("done") == COUNT - len(BROKEN)


def seen_later(dock: Any, qtbot: Any) -> list[str]:
    """The states that are seen after several looks at a run."""
    for _ in range(3):
        with qtbot.waitSignal(dock._look.timeout):
            pass
    return states(dock)


def test_nothing_begins_while_a_run_rests(ready: Any, gate: Gate, qtbot: Any) -> None:
    dock = ready
    press(dock.run_button)
    qtbot.waitUntil(lambda: "running" in states(dock))
    press(dock.pause_button)
    before = seen_later(dock, qtbot)
    gate.let(COUNT)  # those that run may end, no other begins
    assert seen_later(dock, qtbot).count("waiting") == before.count("waiting") > 0
    press(dock.cancel_button)
    settled(dock, qtbot)


def test_a_canceled_run_is_resumed_where_it_stopped(ready: Any, gate: Gate, folder: Path, qtbot: Any) -> None:
    dock = ready
    press(dock.run_button)
    gate.let(6)
    qtbot.waitUntil(lambda: states(dock).count("done") + states(dock).count("failed") == 6)
    qtbot.waitUntil(lambda: "running" in states(dock))
    press(dock.cancel_button)
    settled(dock, qtbot)
    done = states(dock).count("done")
    assert done == 5
    assert states(dock).count("waiting") == COUNT - 6
    assert dock.message.text().startswith("Canceled: 5 done, 1 failed, 14 to do.")
    assert dock.run_button.text() == "Resume"
    written = results(folder)
    assert len(written) == done
    assert not [*(folder.parent / "raw-results").glob(".*.partial")]
    gate.let(COUNT)
    press(dock.run_button)
    settled(dock, qtbot)
    assert states(dock).count("kept") == done
    assert states(dock).count("done") == COUNT - len(BROKEN) - done
    assert {name: time for name, time in results(folder).items() if name in written} == written
    assert len(results(folder)) == COUNT - len(BROKEN)
    assert dock.rows.rows[0].has_result
    assert dock.run_button.text() == "Run"


def test_the_window_s_thread_neither_plans_nor_runs(
    ready: Any, gate: Gate, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock, plan, planned = ready, running.plan_job, set()

    def noted(*args: Any, **kwargs: Any) -> Any:
        planned.add(threading.current_thread())
        return plan(*args, **kwargs)

    monkeypatch.setattr(running, "plan_job", noted)
    dock.target.pattern.setText("{number}_{stem}")
    settled(dock, qtbot)
    gate.let(COUNT)
    ran(dock, qtbot)
    assert planned
    assert threading.main_thread() not in planned
    assert threading.main_thread().name not in gate.threads


def test_what_lies_in_the_place_of_a_result_is_refused_left_out_or_overwritten(
    ready: Any, folder: Path, qtbot: Any
) -> None:
    dock = ready
    out = folder.parent / "raw-results"
    out.mkdir()
    other = out / "cells_02_denoise.ome.tif"
    write_image(other, Image(pixels(99), ("y", "x")))
    before = other.read_bytes()
    ran(dock, qtbot)
    assert "cells_02_denoise.ome.tif: must not exist" in dock.message.text()
    assert '"If it exists"' in dock.message.text()
    assert states(dock) == ["waiting"] * COUNT
    dock.target.on_exists.setFocus()
    QTest.keyClick(dock.target.on_exists, Qt.Key.Key_Down)
    settled(dock, qtbot)
    assert dock.message.text() == ""
    assert dock.states.whole() == "1 left out, 19 to do"
    ran(dock, qtbot)
    assert states(dock)[2] == "skipped"
    assert other.read_bytes() == before
    QTest.keyClick(dock.target.on_exists, Qt.Key.Key_Down)
    settled(dock, qtbot)
    assert states(dock)[2] == "waiting"
    assert dock.rows.rows[BROKEN[0]].state == "failed"  # its reason stays, as nothing has changed for it
    ran(dock, qtbot)
    assert states(dock)[2] == "done"
    assert other.read_bytes() != before


def test_the_report_and_the_command_line_say_the_same(
    ready: Any, folder: Path, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock = ready
    assert not dock.report_button.isEnabled()
    ran(dock, qtbot)
    for name in ("table.csv", "table.json"):
        choose_files(monkeypatch, tmp_path / name)
        press(dock.report_button)
        assert dock.message.text() == f"Saved {name}."
    with (tmp_path / "table.csv").open(newline="") as file:
        rows = [*csv.DictReader(file)]
    assert [row["state"] for row in rows] == states(dock)
    assert all(row["reason"] for row in rows if row["state"] == "failed")
    assert json.loads((tmp_path / "table.json").read_text())["counts"] == {"done": 17, "failed": 3}
    written = results(folder)
    press(dock.command_button)
    words = shlex.split(QApplication.clipboard().text())
    assert words[:4] == ["mathimg", "run", str(dock.recipe.file), str(folder)]
    assert cli.main([*words[1:], "--quiet"]) == 1  # the broken ones fail again
    assert results(folder) == written  # and the same run has nothing else to do


def test_images_that_the_recipe_needs_are_chosen_by_file(
    dock: Any, folder: Path, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = 'format = "mathimg-recipe"\nformat_version = 1\n[[steps]]\noperation = "convolve"\n'
    dock.recipe.load(make_recipe(tmp_path / "blur.toml", f'{text}images = {{kernel = {{input = "bead"}}}}\n'))
    drop(dock, folder / "cells_00.tif", folder / "cells_01.tif")
    settled(dock, qtbot)
    press(dock.run_button)
    assert not dock.is_running
    assert dock.message.text() == "Choose a file for the image 'bead' of the recipe."
    bead = np.zeros((3, 3), np.float32)
    bead[1, 1:] = 1, 3
    np.save(tmp_path / "bead.npy", bead)
    choose_files(monkeypatch, tmp_path / "bead.npy")
    press(dock.recipe.image_buttons["bead"])
    settled(dock, qtbot)
    ran(dock, qtbot)
    assert states(dock) == ["done", "done"]
    expected = dock.recipe.recipe.apply(pixels(1), {"bead": bead})
    np.testing.assert_array_equal(np.asarray(open_image(dock.rows.rows[1].item.output).array), expected)


def test_a_preview_shows_one_file_and_the_result_over_it(viewer: Any, ready: Any, qtbot: Any) -> None:
    dock = ready
    click(dock, "cells_04.tif")
    press(dock.preview)
    settled(dock, qtbot)
    source, shown = viewer.layers
    assert source.name == "cells_04"
    np.testing.assert_array_equal(source.data, pixels(4))
    np.testing.assert_allclose(source.scale, (PIXEL, PIXEL))
    assert shown is dock.file_preview.live.shown.layer
    assert shown.name == "Result of the recipe"
    expected = dock.recipe.recipe.apply(pixels(4))
    ready_chain = dock.file_preview._seen()
    np.testing.assert_array_equal(np.asarray(ready_chain[0].image.array), expected)
    click(dock, "cells_05.tif")
    settled(dock, qtbot)
    assert [layer.name for layer in viewer.layers] == ["cells_05", "Result of the recipe"]
    click(dock, "cells_03.tif")  # a broken one
    settled(dock, qtbot)
    assert not dock.preview.isChecked()
    assert "cells_03.tif" in dock.message.text()
    assert [layer.name for layer in viewer.layers] == ["cells_05"]
    click(dock, "cells_05.tif")
    press(dock.preview)
    settled(dock, qtbot)
    press(dock.preview)
    settled(dock, qtbot)
    assert [layer.name for layer in viewer.layers] == ["cells_05"]


def test_a_preview_without_a_recipe_says_what_it_needs(dock: Any, folder: Path, recipe: Path) -> None:
    press(dock.preview)
    assert not dock.preview.isChecked()
    assert "recipe" in dock.message.text()
    dock.recipe.load(recipe)
    press(dock.preview)
    assert dock.message.text() == "Add files to preview one of them."


def test_a_closed_dock_stops_its_run_and_keeps_what_is_done(
    viewer: Any, ready: Any, gate: Gate, folder: Path, qtbot: Any
) -> None:
    dock = ready
    press(dock.run_button)
    gate.let(3)
    qtbot.waitUntil(lambda: len(results(folder)) == 3)
    close_by_mouse(dock, qtbot)
    qtbot.waitUntil(lambda: not [t for t in threading.enumerate() if "mathimg" in t.name])
    assert len(results(folder)) == 3
    assert not [*(folder.parent / "raw-results").glob(".*.partial")]


def test_a_hidden_dock_goes_on_running(viewer: Any, ready: Any, gate: Gate, qtbot: Any) -> None:
    dock = ready
    press(dock.run_button)
    press(dock.chooser.buttons["Noise"])
    process_events()
    assert not dock.isVisible() or dock.visibleRegion().isEmpty()
    gate.let(COUNT)
    settled(dock, qtbot)
    assert states(dock).count("done") == COUNT - len(BROKEN)


def test_fields_are_found_as_they_were_left(viewer: Any, ready: Any, qtbot: Any) -> None:
    dock = ready
    dock.target.pattern.setFocus()
    dock.target.pattern.selectAll()
    QTest.keyClicks(dock.target.pattern, "{{number}_{{stem}")
    QTest.keyClick(dock.target.format, Qt.Key.Key_Down)
    QTest.keyClick(dock.target.on_exists, Qt.Key.Key_End)
    dock.target.workers.setFocus()
    QTest.keyClick(dock.target.workers, Qt.Key.Key_Up)
    QTest.keyClick(dock.target.keep_going, Qt.Key.Key_Space)
    press(dock.subfolders)
    settled(dock, qtbot)
    file, pattern = dock.recipe.file, dock.target.pattern.text()
    close_by_mouse(dock, qtbot)
    dock = anew(viewer, qtbot)
    assert dock.target.pattern.text() == pattern
    assert dock.target.format.currentData() == "ome.tif"
    assert dock.target.on_exists.currentData() == "overwrite"
    assert dock.target.workers.value() == 1
    assert not dock.target.keep_going.isChecked()
    assert dock.subfolders.isChecked()
    assert dock.recipe.file == file
    assert dock.rows.rows == []
    assert dock.target.folder.text() == ""  # results of other files belong elsewhere
    close_by_mouse(dock, qtbot)
    file.unlink()
    assert anew(viewer, qtbot).recipe.recipe is None


def anew(viewer: Any, qtbot: Any) -> Any:
    """Open the dock in what stands for the next session."""
    from napari.settings import _clear_plugin_settings_cache
    from sessions import new_session

    new_session()
    _clear_plugin_settings_cache()
    return opened(viewer, qtbot, "Batch")
