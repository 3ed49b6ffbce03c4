"""The History dock: every button by real events, and what it makes of a chain."""

import threading
from typing import Any

import numpy as np
import pytest
from busy_docks import opened, settled
from event_loop import process_events
from history_checks import CHAIN, equal, fresh, made, recorded
from mouse_and_keys import callbacks, close_by_mouse
from napari.utils import progress
from qtpy.QtCore import QPoint, QRect, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractSpinBox, QApplication, QFileDialog, QStyle, QStyleOptionViewItem

from napari_mathimg.contract.progress import Progress
from napari_mathimg.recipe.recipe import Recipe
from napari_mathimg.widgets.history.apply_recipe import apply_file, apply_recipe
from napari_mathimg.widgets.qt.layout import dock_of
from napari_mathimg.widgets.settings.session_log import log_of

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def cells(viewer: Any, stack: Any) -> Any:
    return viewer.add_image(stack, name="cells", scale=(2, 0.5, 0.5), units="um")


def press(button: Any, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: button.isVisible() and button.isEnabled())
    QTest.mouseClick(button, LEFT)


def choose(dock: Any, number: int, qtbot: Any) -> None:
    """Click a step, -1 for the source."""
    place = dock.steps.visualItemRect(dock.steps.item(number + 1)).center()
    QTest.mouseClick(dock.steps.viewport(), LEFT, pos=place)
    settled(dock, qtbot)


def ran(dock: Any, qtbot: Any) -> None:
    with qtbot.waitSignal(dock.task.finished):
        press(dock.run_button, qtbot)
    settled(dock, qtbot)


def test_it_lists_the_steps_of_the_active_layer(viewer: Any, qtbot: Any, cells: Any) -> None:
    last = made(viewer, cells)
    dock = opened(viewer, qtbot, "History")
    assert dock.layer is last
    texts = [dock.steps.item(k).text() for k in range(dock.steps.count())]
    assert texts[0] == "Source: cells"
    assert [text.split("  ")[0].split("\n")[0] for text in texts[1:]] == [
        "1. Gaussian filter", "2. Rescale intensity", "3. Median filter",
    ]  # fmt: skip
    assert "sigma 1.5" in texts[1]
    seconds = [step["seconds"] for step in last.metadata["napari_mathimg"]]
    assert all(s > 0 for s in seconds)
    assert all("s" in text.split("\n")[0].split("  ")[-1] for text in texts[1:])


def test_choosing_a_step_shows_its_result(viewer: Any, qtbot: Any, cells: Any) -> None:
    last = made(viewer, cells)
    dock = opened(viewer, qtbot, "History")
    layers = [*viewer.layers]
    choose(dock, 0, qtbot)
    shown = dock.live.shown.layer
    assert shown.name == "1. Gaussian filter"
    assert viewer.layers.selection.active is last
    assert dock.state.whole() == "exact"
    choose(dock, 1, qtbot)
    assert dock.live.shown.layer.name == "2. Rescale intensity"
    assert [layer for layer in viewer.layers if layer is not dock.live.shown.layer] == layers


def edit(dock: Any, name: str, value: float, qtbot: Any) -> None:
    """Type a number into a field of the form."""
    box = dock.form.form[name]
    field = next(f for f in box.native.findChildren(QAbstractSpinBox) or [box.native] if f.isEnabled())
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, str(value))
    QTest.keyClick(field, Qt.Key.Key_Return)
    settled(dock, qtbot)


def test_an_edit_shows_the_end_result_and_changes_no_layer(viewer: Any, qtbot: Any, cells: Any) -> None:
    last = made(viewer, cells)
    dock = opened(viewer, qtbot, "History")
    before = [(layer, layer.data.copy(), layer.name) for layer in viewer.layers]
    choose(dock, 0, qtbot)
    edit(dock, "sigma", 3.0, qtbot)
    assert dock.chain.recipe.steps[0].parameters["sigma"] in (3.0, (3.0, 3.0))
    assert dock.see.currentData() == "end"
    assert dock.live.shown.layer.name == "End result"
    equal(end_of(dock), fresh(dock.chain.recipe, cells))
    for layer, data, name in before:
        equal(layer.data, data)
        assert layer.name == name
    ran(dock, qtbot)
    edited = viewer.layers.selection.active
    assert edited.name == f"{last.name} – edited"
    assert dock.message.text().startswith("Added in ")
    equal(edited.data, fresh(dock.chain.recipe, cells))
    assert recorded(edited) == recorded(last)
    np.testing.assert_array_equal(edited.scale, last.scale)
    assert edited.units == last.units

    count = len(viewer.layers)
    assert dock.live.shown.layer is None  # the result is seen
    choose(dock, 2, qtbot)
    assert dock.live.shown.layer.name == "3. Median filter"
    edit(dock, "size", 5, qtbot)
    assert dock.live.shown.layer.name == "End result"
    ran(dock, qtbot)
    layers = [layer for layer in viewer.layers if layer.metadata.get("napari_mathimg_preview") is None]
    assert len(layers) <= count
    assert viewer.layers.selection.active is edited
    equal(edited.data, fresh(dock.chain.recipe, cells))


def end_of(dock: Any) -> Any:
    """The end result that the dock has ready, whole."""
    return dock.updates.chain.after(len(dock.chain.recipe.steps)).image.array


def test_nothing_is_shown_where_that_is_chosen(viewer: Any, qtbot: Any, cells: Any) -> None:
    made(viewer, cells)
    dock = opened(viewer, qtbot, "History")
    choose(dock, 1, qtbot)
    QTest.keyClick(dock.see, Qt.Key.Key_End)
    settled(dock, qtbot)
    assert dock.live.shown.layer is None
    choose(dock, 0, qtbot)
    edit(dock, "sigma", 3.0, qtbot)
    assert dock.live.shown.layer is None
    equal(end_of(dock), fresh(dock.chain.recipe, cells))
    QTest.keyClick(dock.see, Qt.Key.Key_Home)
    settled(dock, qtbot)
    assert dock.live.shown.layer.name == "1. Gaussian filter"
    viewer.layers.remove(dock.live.shown.layer)  # as a user may
    settled(dock, qtbot)
    assert dock.see.currentData() == ""
    choose(dock, 1, qtbot)
    assert dock.live.shown.layer.name == "2. Rescale intensity"


def test_steps_are_switched_and_removed_and_come_back(viewer: Any, qtbot: Any, cells: Any) -> None:
    made(viewer, cells)
    dock = opened(viewer, qtbot, "History")
    choose(dock, 0, qtbot)
    assert not dock.reset_button.isEnabled()
    QTest.keyClick(dock.steps, Qt.Key.Key_Space)
    settled(dock, qtbot)
    assert [step.off for step in dock.chain.recipe.steps] == [True, False, False]
    equal(end_of(dock), fresh(dock.chain.recipe, cells))
    item = dock.steps.visualItemRect(dock.steps.item(2))
    QTest.mouseClick(dock.steps.viewport(), LEFT, pos=item.topLeft() + box_in(dock.steps, 2))
    settled(dock, qtbot)
    assert [step.off for step in dock.chain.recipe.steps] == [True, True, False]
    equal(end_of(dock), fresh(dock.chain.recipe, cells))
    ran(dock, qtbot)
    assert recorded(viewer.layers.selection.active) == ["median"]
    assert [step.off for step in dock.chain.recipe.steps] == [True, True, False]  # they can be switched on again
    choose(dock, 1, qtbot)
    QTest.keyClick(dock.steps, Qt.Key.Key_Delete)
    settled(dock, qtbot)
    assert [step.operation for step in dock.chain.recipe.steps] == ["gaussian", "median"]
    press(dock.remove_button, qtbot)
    settled(dock, qtbot)
    assert len(dock.chain.recipe.steps) == 1
    assert not dock.remove_button.isEnabled()
    press(dock.reset_button, qtbot)
    settled(dock, qtbot)
    assert [step.operation for step in dock.chain.recipe.steps] == [step[0] for step in CHAIN]
    assert not any(step.off for step in dock.chain.recipe.steps)
    equal(end_of(dock), fresh(dock.chain.recipe, cells))


def box_in(steps: Any, row: int) -> QPoint:
    """Return where the check box of a row is, from its upper left corner."""
    option = QStyleOptionViewItem()
    steps.initViewItemOption(option) if hasattr(steps, "initViewItemOption") else None
    option.rect = QRect(QPoint(0, 0), steps.visualItemRect(steps.item(row)).size())
    option.features |= QStyleOptionViewItem.ViewItemFeature.HasCheckIndicator
    box = steps.style().subElementRect(QStyle.SubElement.SE_ItemViewItemCheckIndicator, option, steps)
    return box.center()


def test_replay_repeats_the_steps_on_each_selected_layer(viewer: Any, qtbot: Any, cells: Any) -> None:
    last = made(viewer, cells)
    rng = np.random.default_rng(9)
    other = viewer.add_image(rng.integers(0, 900, (30, 40), dtype="u2"), name="other", scale=(3, 3), units="um")
    large = viewer.add_image(np.full((30, 40), 2**60), name="large", contrast_limits=(0, 1))
    viewer.layers.selection.active = last
    dock = opened(viewer, qtbot, "History")
    viewer.layers.selection = {last, other, large}
    settled(dock, qtbot)
    assert dock.layer is last
    with qtbot.waitSignal(dock.task.finished):
        press(dock.replay_button, qtbot)
    settled(dock, qtbot)
    result = next(layer for layer in viewer.layers if layer.name.startswith("other") and layer is not other)
    equal(result.data, fresh(dock.chain.recipe, other))
    np.testing.assert_array_equal(result.scale, other.scale)
    assert recorded(result) == recorded(last)
    assert result.metadata["napari_mathimg"][0]["source"] == "other"
    assert dock.message.text().startswith("1 layer added. large: Step 1, Gaussian filter: ")
    assert not [layer for layer in viewer.layers if layer.name.startswith("large ")]


def test_replay_keeps_the_steps_while_another_layer_is_active(viewer: Any, qtbot: Any, cells: Any) -> None:
    last = made(viewer, cells)
    other = viewer.add_image(np.random.default_rng(9).random((3, 30, 40)).astype("f4"), name="other")
    viewer.layers.selection.active = last
    dock = opened(viewer, qtbot, "History")
    press(dock.replay_button, qtbot)
    assert "Select the layers" in dock.message.text()
    QTest.keyClick(dock.pin, Qt.Key.Key_Space)
    viewer.layers.selection.active = other
    settled(dock, qtbot)
    assert dock.layer is last
    with qtbot.waitSignal(dock.task.finished):
        press(dock.replay_button, qtbot)
    equal(viewer.layers[-1].data, fresh(dock.chain.recipe, other))
    QTest.keyClick(dock.pin, Qt.Key.Key_Space)
    settled(dock, qtbot)
    assert dock.layer is viewer.layers.selection.active


def test_a_recipe_is_saved_loaded_and_applied(viewer: Any, qtbot: Any, cells: Any, tmp_path: Any) -> None:
    last = made(viewer, cells)
    dock = opened(viewer, qtbot, "History")
    path = tmp_path / "steps.toml"
    with accepted(str(path)) as asked:
        press(dock.save_button, qtbot)
        qtbot.waitUntil(lambda: not dock.files.is_running)
    process_events()
    assert asked == ["getSaveFileName"]
    assert dock.message.text() == "Saved steps.toml."
    recipe = Recipe.load(path)
    equal(fresh(recipe, cells), last.data)

    other = viewer.add_image(np.random.default_rng(9).random((30, 40)).astype("f4"), name="other")
    settled(dock, qtbot)
    assert "has no steps" in dock.shown_sentence
    with accepted(str(path)):
        press(dock.load_button, qtbot)
    settled(dock, qtbot)
    assert dock.chain.recipe == recipe
    assert dock.chain.source is other
    ran(dock, qtbot)
    equal(viewer.layers.selection.active.data, fresh(recipe, other))
    assert viewer.layers.selection.active is not other

    path.write_text("format = 1")
    with accepted(str(path)):
        press(dock.load_button, qtbot)
    assert dock.message.text().startswith("Not loaded: format=1: must be")


class accepted:
    """The dialogs for files, answered with a path."""

    def __init__(self, path: str) -> None:
        self.path, self.asked, self.patch = path, list[str](), pytest.MonkeyPatch()

    def __enter__(self) -> list[str]:
        for name in ("getSaveFileName", "getOpenFileName"):
            answer = lambda *args, name=name: (self.asked.append(name), (self.path, ""))[1]  # noqa: E731
            self.patch.setattr(QFileDialog, name, answer)
        return self.asked

    def __exit__(self, *error: Any) -> None:
        self.patch.undo()


def test_the_texts_are_copied(viewer: Any, qtbot: Any, cells: Any, tmp_path: Any, monkeypatch: Any) -> None:
    last = made(viewer, cells)
    dock = opened(viewer, qtbot, "History")
    clipboard = QApplication.clipboard()
    press(dock.python_button, qtbot)
    script = clipboard.text()
    monkeypatch.chdir(tmp_path)
    np.save("image.npy", cells.data)
    exec(compile(script, "script", "exec"), {"__name__": "__main__"})
    equal(np.load("result.npy"), last.data)
    press(dock.command_button, qtbot)
    assert clipboard.text() == dock.chain.recipe.command()
    press(dock.methods_button, qtbot)
    assert clipboard.text() == dock.chain.recipe.methods_text()
    assert "Gaussian filter" in clipboard.text()


def test_what_was_done_is_listed_and_saved(viewer: Any, qtbot: Any, cells: Any, tmp_path: Any) -> None:
    before = len(log_of(viewer).runs)
    made(viewer, cells)
    dock = opened(viewer, qtbot, "History")
    QTest.mouseClick(dock.session.arrow, LEFT)
    lines = [dock.done_today.item(k).text() for k in range(dock.done_today.count())][before:]
    assert ["Gaussian filter (sigma 1.5)" in lines[0], "Median filter" in lines[2]] == [True, True]
    assert "on cells" in lines[0]
    path = tmp_path / "today.txt"
    with accepted(str(path)):
        press(dock.save_text_button, qtbot)
    assert path.read_text(encoding="utf-8").splitlines()[1 + before :] == lines


def test_a_sentence_says_why_there_are_no_steps(viewer: Any, qtbot: Any) -> None:
    dock = opened(viewer, qtbot, "History")
    assert dock.shown_sentence == "Open an image to see its steps."
    viewer.add_points([(1, 2)], name="marks")
    settled(dock, qtbot)
    assert dock.shown_sentence == "'marks' has no steps: it is no result of Mathematical Imaging."
    viewer.add_image(np.zeros((5, 6)), name="odd", metadata={"napari_mathimg": [{"operation": "unheard"}]})
    settled(dock, qtbot)
    assert dock.shown_sentence.startswith("The steps of 'odd' cannot be read: steps[0].operation='unheard'")
    viewer.layers.selection = set(viewer.layers)
    viewer.layers.clear()
    settled(dock, qtbot)
    assert dock.shown_sentence == "Open an image to see its steps."


def test_the_source_is_found_whatever_its_name_or_chosen(viewer: Any, qtbot: Any, cells: Any) -> None:
    last = made(viewer, cells)
    cells.name = "renamed"
    viewer.add_image(np.zeros((4, 4)), name="cells")
    viewer.layers.selection.active = last
    dock = opened(viewer, qtbot, "History")
    assert dock.chain.source is cells
    copy = viewer.add_image(cells.data + 1, name="copy", scale=cells.scale, units=cells.units)
    viewer.layers.remove(cells)
    viewer.layers.selection.active = last
    settled(dock, qtbot)
    assert dock.chain.source is None
    assert "no longer in the viewer" in dock.message.text()
    assert not dock.run_button.isEnabled()
    choose_by_name(dock.source, "copy")
    settled(dock, qtbot)
    assert dock.chain.source is copy
    ran(dock, qtbot)
    equal(viewer.layers.selection.active.data, fresh(dock.chain.recipe, copy))


def choose_by_name(box: Any, name: str) -> None:
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Home)
    for _ in range(box.count()):
        if box.currentText() == name:
            return
        QTest.keyClick(box, Qt.Key.Key_Down)
    raise AssertionError(name)


def test_layers_read_from_files_find_their_source_by_name_and_shape(viewer: Any, qtbot: Any, cells: Any) -> None:
    last = made(viewer, cells)
    read = viewer.add_image(last.data, name="read", metadata=dict(last.metadata))
    cells.name = "renamed"
    small = viewer.add_image(np.zeros((4, 4)), name="cells")
    viewer.layers.selection.active = read
    dock = opened(viewer, qtbot, "History")
    assert dock.chain.source is None
    viewer.layers.remove(small)
    cells.name = "cells"
    viewer.layers.selection.active = last
    settled(dock, qtbot)
    viewer.layers.selection.active = read
    settled(dock, qtbot)
    assert dock.chain.source is cells


def test_a_step_that_fails_says_so_and_nothing_is_added(viewer: Any, qtbot: Any, cells: Any) -> None:
    made(viewer, cells, (("crop", {"start": (0, 5, 5), "stop": (5, 35, 45)}, {"ndim": 3}), CHAIN[0]))
    small = viewer.add_image(np.zeros((2, 20, 20), "u2"), name="small")
    viewer.layers.selection.active = viewer.layers[-2]
    dock = opened(viewer, qtbot, "History")
    choose_by_name(dock.source, "small")
    choose(dock, 1, qtbot)
    assert dock.message.text().startswith("Step 1, Crop: ")
    assert dock.live.shown.layer is None
    count = len(viewer.layers)
    ran(dock, qtbot)
    assert dock.message.text().startswith("Step 1, Crop: ")
    assert len(viewer.layers) == count
    assert small in viewer.layers


def test_a_run_is_canceled(viewer: Any, qtbot: Any, cells: Any, monkeypatch: Any) -> None:
    made(viewer, cells)
    held = Held(cells.data)
    slow = viewer.add_image(held, name="slow", contrast_limits=(0, 4000))
    viewer.layers.selection.active = viewer.layers[-2]
    dock = opened(viewer, qtbot, "History")
    choose_by_name(dock.source, "slow")
    settled(dock, qtbot)
    held.free.clear()
    press(dock.run_button, qtbot)
    assert dock.task.is_running
    with qtbot.waitSignal(dock.task.finished):
        QTest.mouseClick(dock.cancel_button, LEFT)
        held.free.set()
    assert dock.message.text() == "Canceled; nothing was added."
    assert viewer.layers[-1] is slow


class Held:
    """An array whose reads in other threads wait until it is let go."""

    def __init__(self, array: Any) -> None:
        self.array, self.shape, self.dtype, self.ndim = array, array.shape, array.dtype, array.ndim
        self.free = threading.Event()
        self.free.set()

    def __getitem__(self, key: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            self.free.wait(60)
        return self.array[key]


def test_the_image_drawn_anew_is_computed_anew(viewer: Any, qtbot: Any, cells: Any) -> None:
    made(viewer, cells)
    dock = opened(viewer, qtbot, "History")
    choose(dock, 0, qtbot)
    cells.data = cells.data[:, ::-1].copy()
    settled(dock, qtbot)
    equal(end_of(dock), fresh(dock.chain.recipe, cells))
    cells.data[:, :9] = 7
    cells.refresh()
    settled(dock, qtbot)
    equal(end_of(dock), fresh(dock.chain.recipe, cells))


def test_a_recipe_is_applied_without_the_dock(viewer: Any, qtbot: Any, cells: Any, tmp_path: Any) -> None:
    last = made(viewer, cells)
    path = tmp_path / "steps.toml"
    Recipe.from_record(last.metadata["napari_mathimg"]).save(path)
    viewer.layers.selection.active = cells
    with accepted(str(path)):
        apply_recipe(viewer)
    qtbot.waitUntil(lambda: viewer.layers[-1] is not last)
    equal(viewer.layers[-1].data, last.data)
    assert viewer.layers[-1].name == last.name + " [1]"
    process_events()


def test_the_progress_of_a_recipe_is_told_in_parts_and_it_is_canceled(
    viewer: Any, qtbot: Any, cells: Any, tmp_path: Any
) -> None:
    path = tmp_path / "steps.toml"
    Recipe.from_record(made(viewer, cells).metadata["napari_mathimg"]).save(path)
    held = Held(cells.data)
    held.free.clear()
    viewer.layers.selection.active = slow = viewer.add_image(held, name="slow", contrast_limits=(0, 4000))
    run = apply_file(viewer, path)
    assert run is not None
    run.progressed.emit(Progress("Counting", 0.75, 2))  # half a tile
    (bar,) = progress._all_instances
    assert isinstance(bar.n, int)
    with qtbot.waitSignal(run.finished):
        bar.cancel()
        held.free.set()
    process_events()
    assert not progress._all_instances
    assert viewer.layers[-1] is slow


def test_a_hidden_dock_does_nothing_and_a_closed_one_leaves_nothing(viewer: Any, qtbot: Any, cells: Any) -> None:
    idle = callbacks(viewer, cells)
    made(viewer, cells)
    heard = callbacks(viewer, *viewer.layers)
    dock = opened(viewer, qtbot, "History")
    choose(dock, 0, qtbot)
    assert dock.live.shown.layer is not None
    dock_of(dock).hide()
    process_events()
    assert dock.live.shown.layer is None
    dock_of(dock).show()
    settled(dock, qtbot)
    assert dock.live.shown.layer is not None
    close_by_mouse(dock, qtbot)
    assert callbacks(viewer, *viewer.layers) == heard
    assert not [layer for layer in viewer.layers if layer.name.startswith("1.")]
    assert idle


KINDS: dict[str, tuple[Any, Any]] = {
    "colors": (
        lambda v, a: v.add_image(np.stack([a[0] // 16] * 3, -1).astype("u1"), rgb=True),
        (("gaussian", {"sigma": 2.0}, {}), ("to_gray", {}, {}), ("invert", {}, {})),
    ),
    "labels": (lambda v, a: v.add_labels(a[0] // 500), (("rotate", {"angle": 30.0, "order": 0}, {}),)),
    "levels": (
        lambda v, a: v.add_image([a[0], a[0, ::2, ::2]], multiscale=True, contrast_limits=(0, 4000)),
        (("gaussian", {"sigma": 2.0}, {}), ("rotate", {"angle": 30.0}, {})),
    ),
    "a value for each index": (
        lambda v, a: v.add_image(a[:2]),
        (("gaussian", {"sigma": {"per": 0, "values": [1.0, 3.0]}}, {}), ("median", {}, {})),
    ),
    "floating point": (
        lambda v, a: v.add_image(a[0].astype("f4")),
        (("gaussian", {"sigma": 1.0}, {}), ("add_gaussian_noise", {"var": 0.01, "seed": 1}, {"value_range": "dtype"})),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_layer_is_seen_and_run(viewer: Any, qtbot: Any, stack: Any, kind: str) -> None:
    make, chain = KINDS[kind]
    source = make(viewer, stack)
    last = made(viewer, source, chain)
    dock = opened(viewer, qtbot, "History")
    for number in range(-1, len(chain)):
        choose(dock, number, qtbot)
        assert dock.state.whole() == "exact", (number, dock.message.text())
        assert dock.live.shown.layer is not None
    ran(dock, qtbot)
    edited = viewer.layers.selection.active
    assert edited.name.endswith("edited")
    equal(edited.data[0] if edited.multiscale else edited.data, last.data[0] if last.multiscale else last.data)
    assert type(edited) is type(last)
    assert edited.multiscale == last.multiscale
    assert getattr(edited, "rgb", None) == getattr(last, "rgb", None)
    if kind == "a value for each index":
        choose(dock, 0, qtbot)
        assert "stays as it is" in dock.form.note.text()
