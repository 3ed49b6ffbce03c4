"""The Batch dock in narrow windows, by the keyboard, and with many files."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from batch_checks import Gate, drop, make_folder, make_recipe
from busy_docks import opened, settled
from event_loop import process_events
from napari.settings import get_settings
from qtpy.QtCore import QModelIndex, QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QScrollArea, QStyleOptionViewItem
from test_layout import cut_off

from napari_mathimg.batch.job import Item, ItemEvent, Outcome
from napari_mathimg.batch.jobs import running as job_running
from napari_mathimg.contract.progress import Progress
from napari_mathimg.widgets.batch.row_painting import RowDelegate
from napari_mathimg.widgets.qt.layout import dock_of
from nightly import nightly

NEEDY = """
format = "mathimg-recipe"
format_version = 1
[[steps]]
operation = "gaussian"
parameters = {sigma = 1.5}
[[steps]]
operation = "convolve"
images = {kernel = {input = "bead"}}
"""


@pytest.mark.styled
@pytest.mark.parametrize(
    ("points", "theme"), [(13, "dark"), (9, "light"), *nightly((9, "dark"), (13, "light"), (14, "dark"))]
)
def test_words_are_whole_at_320_pixels_before_and_during_a_run(
    viewer: Any, qtbot: Any, tmp_path: Path, points: int, theme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_settings().appearance.font_size = points
    viewer.theme = theme
    gate = Gate()
    monkeypatch.setattr(job_running, "compute_item", gate)
    viewer.window._qt_window.resize(1280, 800)
    dock = opened(viewer, qtbot, "Batch")
    viewer.window._qt_window.resizeDocks([dock_of(dock)], [320], Qt.Orientation.Horizontal)
    process_events()
    drop(dock, make_folder(tmp_path / "raw", 4))
    dock.recipe.load(make_recipe(tmp_path / "needy.toml", NEEDY))
    settled(dock, qtbot)
    assert dock.recipe.image_buttons["bead"].text() == "Choose…"
    areas = dock.findChildren(QScrollArea)

    def check() -> None:
        process_events()
        assert dock.width() <= 322
        assert not cut_off(dock)
        assert not any(area.horizontalScrollBar().maximum() for area in areas)

    check()
    dock.recipe.load(make_recipe(tmp_path / "denoise.toml"))
    settled(dock, qtbot)
    check()
    where = [(w.mapTo(dock, QPoint()), w.size()) for w in (dock.list, dock.bar, areas[0])]
    QTest.mouseClick(dock.run_button, Qt.MouseButton.LeftButton)
    gate.let(2)
    qtbot.waitUntil(lambda: dock.rows.counts["done"] == 2)
    check()
    assert [(w.mapTo(dock, QPoint()), w.size()) for w in (dock.list, dock.bar, areas[0])] == where  # nothing moves
    QTest.mouseClick(dock.pause_button, Qt.MouseButton.LeftButton)
    check()
    QTest.mouseClick(dock.cancel_button, Qt.MouseButton.LeftButton)
    settled(dock, qtbot)
    check()
    assert dock.run_button.text() == "Resume"


def test_the_keyboard_reaches_all_fields_from_top_to_bottom(viewer: Any, qtbot: Any, tmp_path: Path) -> None:
    dock = opened(viewer, qtbot, "Batch")
    drop(dock, make_folder(tmp_path / "raw", 3))
    dock.recipe.load(make_recipe(tmp_path / "needy.toml", NEEDY))
    settled(dock, qtbot)
    window = viewer.window._qt_window
    window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window)
    dock.add_files.setFocus()
    met = [dock.add_files]
    while dock.run_button not in met:
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        met.append(QApplication.focusWidget())
        assert len(met) < 40
    target = dock.target
    wanted = [
        dock.add_folder, dock.subfolders, dock.failures_only, dock.preview, dock.list, dock.recipe.open_button,
        dock.recipe.image_buttons["bead"], target.folder, target.browse, target.pattern, target.format,
        target.on_exists, target.workers, target.keep_going, dock.command_button, dock.run_button,
    ]  # fmt: skip
    places = [met.index(widget) for widget in wanted]
    assert all(a < b for a, b in pairwise(places))
    dock.list.setFocus()
    QTest.keyClick(dock.list, Qt.Key.Key_Down)
    QTest.keyClick(dock.list, Qt.Key.Key_Delete)
    assert len(dock.rows.rows) == 2


@pytest.mark.drawn
def test_of_many_files_only_those_in_sight_are_drawn_and_each_change_is_told_once(
    viewer: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a list of 1,000 files costs does not depend on how many there are."""
    count, drawn, told = 1000, list[int](), list[int]()
    paint = RowDelegate.paint

    def noted(delegate: Any, painter: Any, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        drawn.append(index.row())
        paint(delegate, painter, option, index)

    monkeypatch.setattr(RowDelegate, "paint", noted)
    dock = opened(viewer, qtbot, "Batch")
    dock.rows.show_items([Item(k, f"/data/{k:04}.tif", Path(f"/out/{k:04}.tif")) for k in range(count)], False)
    dock.list.grab()
    in_sight = len({*drawn})
    assert 3 < in_sight < 60
    dock.rows.dataChanged.connect(lambda first, last, roles: told.extend(range(first.row(), last.row() + 1)))
    drawn.clear()
    events = [ItemEvent(7, "running", Progress("Writing", k, 200)) for k in range(200)]
    dock.rows.take([*events, ItemEvent(900, "failed", outcome=Outcome("failed", "must be a TIFF file"))])
    assert told == [7, 900]
    dock.list.grab()
    assert len({*drawn}) == in_sight
    assert dock.rows.counts == {"waiting": 998, "running": 1, "failed": 1}
    dock.list.show_failures(True)
    assert dock.list.shown_files == ["/data/0900.tif"]
