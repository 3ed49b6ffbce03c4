"""The pages that explain operations, and the window that shows them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from event_loop import process_events
from mouse_and_keys import close_by_mouse
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QTextDocument

from napari_mathimg import operations
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.form.parameter_field import label
from napari_mathimg.widgets.help.page import PICTURES, _settings, page
from napari_mathimg.widgets.help.window import HelpWindow

Opener = Callable[[str], FamilyDock]
LEFT = Qt.MouseButton.LeftButton
OPERATIONS = list(operations().values())

each = pytest.mark.parametrize("op", OPERATIONS, ids=lambda op: op.id)


def test_every_operation_has_its_picture_and_no_other_is_there() -> None:
    pictures = {path.stem: path for path in PICTURES.glob("*.png")}
    assert set(pictures) == set(operations()), "run scripts/pictures.py"
    assert max(path.stat().st_size for path in pictures.values()) < 40_000


@each
def test_a_picture_shows_two_images_that_differ_and_says_how(op: Any) -> None:
    picture = QImage(str(PICTURES / f"{op.id}.png"))
    assert picture.text("Description").startswith("Before and after")
    side = picture.height()
    before, after = picture.copy(0, 0, side, side), picture.copy(picture.width() - side, 0, side, side)
    assert before != after
    grays = {after.pixel(x, y) for x in range(0, side, 3) for y in range(0, side, 3)}
    assert len(grays) > 4 or op.id == "clip"


@each
def test_a_page_says_all_that_the_docstring_does(op: Any, qapp: Any) -> None:
    html = page(op)
    assert "system-message" not in html
    assert "problematic" not in html
    document = QTextDocument()
    document.setHtml(html)
    text = " ".join(document.toPlainText().split())
    assert "``" not in text
    assert op.title in text
    for name, parameter in op.parameters.items():
        assert f"{label(name, parameter.hint)} {name}" in text.replace("\u00a0", " ").replace("  ", " ")
    wanted = {"Parameters": op.parameters, "References": "References\n" in op.function.__doc__, "From Python": True}
    for heading, there in wanted.items():
        assert (heading in text) == bool(there)
    for citation in op.function.__doc__.partition("References\n")[2].split(".. [")[1:]:
        assert citation.partition("] ")[2].split(",")[0] in text


def test_a_page_tells_units_bounds_and_defaults(qapp: Any) -> None:
    html = page(operations()["rotate"])
    assert "A finite number from -3600 to 3600°; 0 by default." in html
    assert "yes or no; no by default" in html.lower()


def test_no_file_of_docutils_changes_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """docutils reads settings from the folder that napari was started in."""
    plain = page(OPERATIONS[0])
    (tmp_path / "docutils.conf").write_text("[general]\nreport_level: none of this kind\n")
    monkeypatch.chdir(tmp_path)
    _settings.cache_clear()
    assert page(OPERATIONS[0]) == plain


@pytest.fixture
def explained(viewer: Any, dock: Opener, qtbot: Any) -> Any:
    """A dock whose question mark was clicked, and the window that came."""
    widget = dock("intensity")
    qtbot.waitUntil(widget.operations.help.isVisible)
    qtbot.mouseClick(widget.operations.help, LEFT)
    (window,) = viewer.window._qt_window.findChildren(HelpWindow)
    qtbot.waitUntil(window.isVisible)
    return widget, window


def test_the_question_mark_explains_the_operation_and_the_page_follows(
    viewer: Any, dock: Opener, qtbot: Any, explained: Any
) -> None:
    widget, window = explained
    assert not window.isModal()
    assert widget.operation.title in window.windowTitle()
    qtbot.keyClick(widget.operations.choice, Qt.Key.Key_Down)
    assert widget.operation.title in window.windowTitle()
    assert widget.operation.title in window.browser.toPlainText()
    picture = window.browser.loadResource(2, window.browser.document().baseUrl().resolved(_url(widget.operation.id)))
    assert picture is not None
    other = dock("denoise")
    qtbot.waitUntil(other.operations.help.isVisible)
    qtbot.mouseClick(other.operations.help, LEFT)
    assert other.operation.title in window.windowTitle()
    assert len(viewer.window._qt_window.findChildren(HelpWindow)) == 1
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not viewer.window._qt_window.findChildren(HelpWindow))
    qtbot.keyClick(other.operations.choice, Qt.Key.Key_Down)
    assert not viewer.window._qt_window.findChildren(HelpWindow)


def test_the_page_goes_with_the_dock_that_opened_it(viewer: Any, explained: Any, qtbot: Any) -> None:
    widget, _ = explained
    process_events()
    close_by_mouse(widget, qtbot)
    qtbot.waitUntil(lambda: not viewer.window._qt_window.findChildren(HelpWindow))


def _url(id: str) -> Any:
    from qtpy.QtCore import QUrl

    return QUrl(f"{id}.png")


@pytest.mark.styled
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_text_stands_out_in_both_themes(viewer: Any, explained: Any, qtbot: Any, theme: str) -> None:
    _, window = explained
    viewer.theme = theme
    process_events()
    image = window.browser.viewport().grab().toImage()
    lightness = sorted(
        image.pixelColor(x, y).lightness() for x in range(0, image.width() - 20, 2) for y in range(0, 60, 2)
    )
    background = lightness[len(lightness) // 2]
    farthest = max(abs(value - background) for value in (lightness[0], lightness[-1]))
    assert farthest > 120
    assert (background < 128) == (theme == "dark")


def test_a_dock_of_one_operation_names_and_explains_it(viewer: Any, opened: Any, qtbot: Any) -> None:
    qtbot.mouseClick(opened.operations.help, LEFT)
    (window,) = viewer.window._qt_window.findChildren(HelpWindow)
    assert "Rectify" in window.windowTitle()
