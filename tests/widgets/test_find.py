"""Operations are found by the words people use, from anywhere, and listed by use or by the alphabet."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from event_loop import process_events
from magicgui.widgets import Label
from napari._app_model import get_app_model
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QAction, QKeySequence
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_mathimg import operations
from napari_mathimg.catalog import FAMILIES
from napari_mathimg.widgets.place.entries import OTHERS, TITLES, all_entries, matching
from napari_mathimg.widgets.place.operation_list import OperationList
from napari_mathimg.widgets.place.places import KEY
from napari_mathimg.widgets.qt.layout import dock_of

Opener = Callable[[str], Any]
LEFT = Qt.MouseButton.LeftButton
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
WORDS = {
    "sharpen": {"richardson_lucy", "wiener", "unsupervised_wiener"},
    "blur": {"blur_box", "blur_defocus", "blur_motion", "gaussian"},
    "contrast": {"rescale_intensity", "equalize_hist", "equalize_adapthist", "adjust_gamma", ""},
    "straighten": {"rectify", "rotate"},
    "despeckle": {"median"},
    "deblur": {"richardson_lucy", "wiener"},
    "smooth": {"gaussian", "median", "denoise_bilateral", "blur_box"},
    "cubes": {"rescale"},
    "make the voxels cubic": {"rescale"},
    "sharpen this": {"richardson_lucy", "wiener"},
    "unblur": {"richardson_lucy", "wiener"},
    "why is it so dark": {"adjust_gamma", "rescale_intensity", ""},
    "isotropic": {"rescale"},
    "zoom": {"rescale"},
    "turn": {"rotate"},
    "grayscale": {"to_gray"},
    "brightness": {"adjust_gamma", "adjust_log", "rescale_intensity"},
    "brighten": {"adjust_gamma"},
    "shading": {"flat_field", "correct_vignetting"},
    "uneven light": {"flat_field"},
    "hot pixels": {"median"},
    "negative": {"invert"},
    "barrel": {"correct_distortion", "correct_lens"},
    "shear": {"affine"},
    "trim": {"crop"},
    "perspective": {"rectify", "homography"},
    "deskew": {"rectify"},
    "nonlocal": {"denoise_nl_means"},
    "total variation": {"denoise_tv_chambolle", "denoise_tv_bregman"},
    "clahe": {"equalize_adapthist"},
    "local contrast": {"equalize_adapthist"},
    "shot noise": {"add_poisson_noise"},
    "deconvolution": {"richardson_lucy", "wiener", "unsupervised_wiener"},
    "psf": {"richardson_lucy", "wiener"},
    "threshold": {"clip"},
    "distribution": {""},
}  # what each of these must find among the first, by id; the histogram has none


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the docks keep what they hold."""
    return tmp_path / "napari-mathimg-docks.yaml"


@pytest.mark.parametrize("word", WORDS)
def test_the_words_that_people_use_find_operations(word: str) -> None:
    found = [entry.id for entry in matching(word, all_entries())]
    assert WORDS[word] <= {*found[:9]}
    assert len(found) <= 12  # of 43


def test_every_operation_is_found_by_its_title_its_id_and_each_of_its_keywords() -> None:
    for op in operations().values():
        assert op.keywords, op.id
        for text in (op.title, op.id, op.title.upper(), *op.keywords.split(", ")):
            assert op.id in [entry.id for entry in matching(text, all_entries())], (op.id, text)


@pytest.mark.parametrize(
    ("text", "id"),
    [("gausian", "gaussian"), ("sharpening", "wiener"), ("equalise", "equalize_hist"), ("  ROTATE ", "rotate"),
     ("rich lucy", "richardson_lucy"), ("salt-and-pepper", "add_salt_and_pepper_noise"), ("vignette", "flat_field")],
)  # fmt: skip
def test_inflections_and_slips_are_understood(text: str, id: str) -> None:
    assert id in [entry.id for entry in matching(text, all_entries())]


def test_what_there_is_not_finds_nothing() -> None:
    assert matching("segmentation xyzzy", all_entries()) == []


def opened() -> OperationList:
    popup = QApplication.activePopupWidget()
    assert isinstance(popup, OperationList)
    return popup


def ids(popup: OperationList) -> list[str]:
    return [entry.id for entry in popup.listed]


def press(key: Any, modifiers: Any = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(QApplication.focusWidget(), key, modifiers)
    process_events()


def activate(viewer: Any, qtbot: Any) -> Any:
    window = viewer.window._qt_window
    window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window)
    return window


def test_a_key_finds_an_operation_of_another_family(viewer: Any, dock: Opener, qtbot: Any) -> None:
    """From a field of a dock and from the canvas; Escape changes nothing, and napari leaves the key free."""
    viewer.add_image(np.zeros((20, 30)))
    widget = dock("Intensity")
    process_events()
    window = activate(viewer, qtbot)
    taken = [s for action in window.findChildren(QAction) for s in action.shortcuts()]
    assert QKeySequence(KEY) not in taken
    assert KEY in widget.chooser.find.toolTip()
    before = widget.operation.id
    widget.operations.choice.setFocus()
    press(Qt.Key.Key_F, CONTROL | SHIFT)
    QTest.keyClicks(opened().field, "sharp")
    QTest.keyClick(opened().field, Qt.Key.Key_Escape)
    process_events()
    assert QApplication.activePopupWidget() is None
    assert (widget.operation.id, widget.isVisible()) == (before, True)
    viewer.window._qt_viewer.canvas.native.setFocus()
    press(Qt.Key.Key_F, CONTROL | SHIFT)
    popup = opened()
    assert ids(popup) == [entry.id for entry in sorted(all_entries(), key=lambda entry: entry.title)]
    QTest.keyClicks(popup.field, "sharp")
    first, second = ids(popup)[:2]
    QTest.keyClick(popup.field, Qt.Key.Key_Down)
    QTest.keyClick(popup.field, Qt.Key.Key_Return)
    process_events()
    assert QApplication.activePopupWidget() is None
    assert dock("Deconvolve").operation.id == second != first
    assert not dock("Deconvolve").visibleRegion().isEmpty()
    assert QApplication.focusWidget() is dock("Deconvolve").operations.choice  # Tab goes on to the form


def test_the_button_and_the_box_open_the_same_list(viewer: Any, dock: Opener) -> None:
    viewer.add_image(np.zeros((20, 30)))
    widget = dock("Blur")
    process_events()
    QTest.mouseClick(widget.operations.choice, LEFT)
    popup = opened()
    assert ids(popup) == [op.id for op in widget.operations.operations.values()]
    assert {entry.dock for entry in popup.listed} == {"Blur"}  # the Gaussian filter, too, opens here
    assert popup.rows.currentItem().text(0) == widget.operation.title
    click_row(popup, "gaussian")
    assert widget.operation.id == "gaussian"
    QTest.mouseClick(widget.chooser.find, LEFT)
    popup = opened()
    assert len(popup.listed) == len(operations()) + len(OTHERS)
    assert popup.rows.currentItem().text(0) == popup.listed[0].title != "Histogram"
    QTest.keyClicks(popup.field, "despec")
    click_row(popup, "median")
    assert dock("Denoise").operation.id == "median"
    QTest.mouseClick(dock("Denoise").chooser.find, LEFT)
    QTest.keyClicks(opened().field, "distrib")
    QTest.keyClick(opened().field, Qt.Key.Key_Return)
    process_events()
    assert not dock("Histogram").visibleRegion().isEmpty()
    QTest.mouseClick(dock("Histogram").chooser.find, LEFT)
    QTest.keyClicks(opened().field, "xyzzy")
    assert opened().rows.topLevelItem(0).text(0) == "No operation found"
    QTest.keyClick(opened().field, Qt.Key.Key_Return)
    assert isinstance(QApplication.activePopupWidget(), OperationList)  # there is nothing to take
    opened().close()


def click_row(popup: OperationList, id: str) -> None:
    item = popup.rows.topLevelItem(ids(popup).index(id))
    QTest.mouseClick(popup.rows.viewport(), LEFT, pos=popup.rows.visualItemRect(item).center())
    process_events()


def test_lists_begin_with_what_was_used_last(viewer: Any, dock: Opener, press: Any, file: Path, again: Any) -> None:
    viewer.add_image(np.zeros((20, 30), np.uint8))
    widget = dock("Intensity")
    for id in ("clip", "invert", "invert"):
        widget.operation = id
        press(widget)
    widget.operation = "adjust_gamma"  # which is chosen, not used: its run is refused
    widget.options.choose(widget.options.value_range, "custom")
    widget.options.low.value = 5000
    QTest.mouseClick(widget.run_button, LEFT)
    assert "must be below" in widget.message.text()
    assert yaml.safe_load(file.read_text())["used"] == ["invert", "clip"]
    titles = [op.id for op in widget.operations.operations.values()]
    widget = again(widget)
    process_events()
    QTest.mouseClick(widget.operations.choice, LEFT)
    popup = opened()
    assert ids(popup) == ["invert", "clip", *(id for id in titles if id not in ("invert", "clip"))]
    QTest.mouseClick(popup.order, LEFT)
    assert ids(popup) == titles
    popup.close()
    QTest.mouseClick(widget.chooser.find, LEFT)
    popup = opened()
    assert popup.order.isChecked()  # what was chosen stays
    assert ids(popup)[0] == "affine"
    QTest.keyClicks(popup.field, "contrast")
    alphabet = ids(popup)
    QTest.mouseClick(popup.order, LEFT)
    assert ids(popup) == alphabet  # none of them was used
    QTest.keyClick(popup.field, Qt.Key.Key_A, CONTROL)
    QTest.keyClicks(popup.field, "i")
    assert ids(popup)[0] == "invert"
    popup.close()


@pytest.mark.styled
def test_a_list_fits_its_text_and_the_screen(viewer: Any, dock: Opener) -> None:
    from napari.settings import get_settings

    window = viewer.window._qt_window
    for size in (8, 14):
        get_settings().appearance.font_size = size
        widget = dock("Noise")
        process_events()
        window.resizeDocks([dock_of(widget)], [280], Qt.Orientation.Horizontal)
        process_events()
        QTest.mouseClick(widget.chooser.find, LEFT)
        process_events()
        popup = opened()
        assert popup.rows.fontMetrics().height() == widget.chooser.find.fontMetrics().height()
        for k in range(popup.rows.topLevelItemCount()):
            for column in range(2):
                text = popup.rows.topLevelItem(k).text(column)
                needed = popup.rows.fontMetrics().horizontalAdvance(text)
                assert needed + 4 <= popup.rows.columnWidth(column), (size, text)
        screen = popup.screen().geometry()
        assert screen.contains(popup.frameGeometry())
        assert popup.mapToGlobal(QPoint(popup.width(), 0)).x() <= screen.right() + 1
        popup.close()


def test_napari_s_palette_opens_the_form_of_an_operation(viewer: Any, dock: Opener, qtbot: Any) -> None:
    """It lists every operation below its family, every dock, and the search."""
    viewer.add_image(np.zeros((20, 30)))
    dock("Geometry")
    process_events()
    window = activate(viewer, qtbot)
    viewer.window._toggle_command_palette()
    palette = window._command_palette
    (commands,) = (child for child in palette.children() if hasattr(child, "all_commands"))
    names = {f"{' > '.join(c.id.split('.')[:-1])} > {c.title}" for c in commands.all_commands}
    plugin, shown = "napari-mathimg", "(Mathematical Imaging)"
    assert {f"{plugin} > {op.family} > {op.title} {shown}" for op in operations().values()} <= names
    assert {f"{plugin} > {name} {shown}" for name in (*TITLES, "Last used", "Find Operation...")} <= names
    QTest.keyClicks(QApplication.focusWidget(), "intensity gamma correction")
    press(Qt.Key.Key_Return)
    assert dock("Intensity").operation.id == "adjust_gamma"
    assert not dock("Intensity").visibleRegion().isEmpty()


def test_the_command_opens_the_search_where_no_dock_is_open(viewer: Any, dock: Opener) -> None:
    get_app_model().commands.execute_command("napari-mathimg.find_operation").result()
    process_events()
    popup = opened()
    QTest.keyClicks(popup.field, "straight")
    QTest.keyClick(popup.field, Qt.Key.Key_Return)
    process_events()
    assert dock("Perspective").operation.id == "rectify"
    assert FAMILIES["perspective"] == "Perspective"


def test_commands_stay_with_the_docks_that_are_open(viewer: Any, dock: Opener, file: Path) -> None:
    """Whatever an earlier session or another window had in front."""
    file.write_text(yaml.safe_dump({"last": "Lens"}))
    viewer.window.add_dock_widget(Label(value="no widget of Qt"), name="Another plugin")
    dock("Noise")
    process_events()
    blur = dock("Blur")
    process_events()
    commands = get_app_model().commands
    commands.execute_command("napari-mathimg.find_operation").result()
    process_events()
    assert dock_of(opened()) is dock_of(blur)
    opened().close()
    commands.execute_command("napari-mathimg.last_dock").result()
    process_events()
    assert not blur.visibleRegion().isEmpty()
    shown = {f"{title} (Mathematical Imaging)" for title in ("Noise", "Blur")}
    assert {*viewer.window.dock_widgets} == {"Another plugin", *shown}


@pytest.mark.styled
@pytest.mark.parametrize("offset", [0, 120])
def test_a_list_opens_where_there_is_room(viewer: Any, dock: Opener, offset: int) -> None:
    """Above a dock at the lower end of the screen, which may reach below it."""
    window = viewer.window._qt_window
    widget = dock("Noise")
    process_events()
    window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock_of(widget))
    screen = window.screen().availableGeometry()
    window.move(screen.left(), screen.bottom() + offset - window.height())
    process_events()
    button = widget.chooser.find
    QTest.mouseClick(button, LEFT)
    popup = opened()
    assert screen.contains(popup.frameGeometry())
    assert popup.rows.viewport().height() >= 8 * popup.rows.sizeHintForRow(0)
    assert popup.geometry().bottom() <= button.mapToGlobal(QPoint()).y()
    popup.close()
