"""The domain's overlay: what it shows, where, and that the viewer is left as it was."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from mouse_and_keys import LEFT, choose, close_by_mouse, names
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

import napari_mathimg as mathimg
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from nightly import nightly

Press = Callable[[FamilyDock], None]


@pytest.fixture
def geometry(viewer: Any, dock: Any, qtbot: Any) -> FamilyDock:
    viewer.window._qt_window.resize(1100, 700)
    widget: FamilyDock = dock("geometry")
    qtbot.waitUntil(widget.isVisible)
    process_events()
    return widget


@pytest.fixture
def source(viewer: Any, geometry: FamilyDock) -> Any:
    image = np.random.default_rng(0).integers(0, 255, (60, 80), dtype=np.uint8)
    layer = viewer.add_image(image, name="cells", scale=(0.5, 0.5), translate=(3, 4))
    geometry.operation = "rotate"
    return layer


def tick(box: Any, qtbot: Any) -> None:
    qtbot.waitUntil(box.isVisible)
    qtbot.mouseClick(box, LEFT, pos=QPoint(8, box.height() // 2))


def begin(widget: FamilyDock, press: Press, qtbot: Any, place: str = "over", angle: float = 30.0) -> None:
    if not widget.options.domain.isChecked():
        tick(widget.options.domain, qtbot)
    choose(widget.options.domain_place, place)
    widget.form["angle"].value = angle
    press(widget)
    process_events()


def board(shape: tuple[int, int], square: int) -> Any:
    rows, columns = np.indices(shape) // square
    return (255 * ((rows + columns) % 2)).astype(np.uint8)


def grid(viewer: Any) -> tuple[Any, ...]:
    return viewer.canvas.grid.enabled, viewer.canvas.grid.stride, viewer.canvas.grid.shape


def views(viewer: Any) -> list[list[str]]:
    """Names of the visible layers in each view of the grid."""
    groups = dict(viewer.canvas.grid.iter_viewboxes(viewer.layers))
    return [[viewer.layers[k].name for k in inside if viewer.layers[k].visible] for inside in groups.values()]


def test_the_size_of_the_squares_is_chosen_in_pixels(
    viewer: Any, qtbot: Any, press: Press, geometry: FamilyDock, source: Any
) -> None:
    assert not geometry.options.square.isVisible()
    begin(geometry, press, qtbot)
    expected = mathimg.apply(board((60, 80), 60 // 8), "rotate", angle=30.0)
    np.testing.assert_array_equal(viewer.layers[-1].data, expected)
    box = geometry.options.square
    assert box.text() == "auto"
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, "13")
    QTest.keyClick(box, Qt.Key.Key_Return)
    viewer.layers.selection.active = source
    press(geometry)
    np.testing.assert_array_equal(viewer.layers[-1].data, mathimg.apply(board((60, 80), 13), "rotate", angle=30.0))
    np.testing.assert_allclose(viewer.layers[-1].data_to_world((7, 9)), viewer.layers[-2].data_to_world((7, 9)))


def test_beside_means_two_views_of_the_same_place_with_all_other_layers_together(
    viewer: Any, qtbot: Any, press: Press, geometry: FamilyDock, source: Any
) -> None:
    other = viewer.add_image(np.asarray(source.data)[::-1], name="other channel", blending="additive")
    viewer.layers.selection.active = source
    found = grid(viewer)
    viewer.scene.camera.zoom, viewer.scene.camera.center = 7.0, (20.0, 25.0)
    seen = np.array(viewer.canvas.viewbox_size(viewer.layers)) / 7
    begin(geometry, press, qtbot, "beside")
    assert views(viewer) == [["other channel", "cells – Rotate"], ["cells – Rotate (domain)"]]
    overlay = viewer.layers["cells – Rotate (domain)"]
    assert overlay.opacity == 1
    assert np.all(np.array(viewer.canvas.viewbox_size(viewer.layers)) / viewer.scene.camera.zoom >= seen - 1e-9)
    assert viewer.scene.camera.center[-2:] == (20.0, 25.0)
    viewer.add_points(np.zeros((1, 2)), name="added later")
    qtbot.waitUntil(lambda: views(viewer)[1:] == [["cells – Rotate (domain)"]])
    assert "added later" in views(viewer)[0]
    choose(geometry.options.domain_place, "over")
    assert grid(viewer) == found
    assert overlay.opacity == 0.4
    np.testing.assert_allclose(viewer.scene.camera.zoom, 7)
    assert other.visible


@pytest.mark.parametrize("way", ["untick", "close", "replace", *nightly("delete", "hide")])
def test_the_grid_is_given_back_as_it_was(
    viewer: Any, qtbot: Any, press: Press, geometry: FamilyDock, source: Any, way: str
) -> None:
    viewer.canvas.grid.stride, viewer.canvas.grid.shape = -1, (2, 2)
    found = grid(viewer)
    begin(geometry, press, qtbot, "beside")
    assert grid(viewer) != found
    result, overlay = viewer.layers[-2:]
    if way == "untick":
        tick(geometry.options.domain, qtbot)
        assert not overlay.visible
        assert grid(viewer) == found
        tick(geometry.options.domain, qtbot)
        assert overlay.visible
        assert grid(viewer) != found
        tick(geometry.options.domain, qtbot)
    elif way == "close":
        close_by_mouse(geometry, qtbot)
        assert overlay.opacity == 0.4
    elif way == "delete":
        viewer.layers.remove(result)  # its overlay goes with it
        qtbot.waitUntil(lambda: names(viewer) == ["cells"])
    elif way == "hide":
        overlay.visible = False
    else:
        tick(geometry.options.replace, qtbot)
        tick(geometry.options.domain, qtbot)
        press(geometry)
    qtbot.waitUntil(lambda: grid(viewer) == found)


def test_who_turns_the_grid_off_gets_the_twin_blended(
    viewer: Any, qtbot: Any, press: Press, geometry: FamilyDock, source: Any
) -> None:
    found = grid(viewer)
    begin(geometry, press, qtbot, "beside")
    qtbot.mouseClick(viewer.window._qt_viewer.viewerButtons.gridViewButton, LEFT)
    assert geometry.options.domain_place.currentData() == "over"
    assert grid(viewer) == found
    assert viewer.layers[-1].opacity == 0.4
    viewer.layers.selection.active = source
    press(geometry)
    assert grid(viewer) == found


def test_a_twin_is_updated_with_its_result_and_another_result_gets_its_own(
    viewer: Any, qtbot: Any, press: Press, geometry: FamilyDock, source: Any
) -> None:
    geometry.options.replace.setChecked(True)
    begin(geometry, press, qtbot, "beside", 10)
    overlay = viewer.layers[-1]
    begin(geometry, press, qtbot, "beside", 20)
    assert viewer.layers[-1] is overlay
    expected = {a: mathimg.apply(board((60, 80), 7), "rotate", angle=float(a)) for a in (20, 30)}
    np.testing.assert_array_equal(overlay.data, expected[20])
    geometry.options.replace.setChecked(False)
    viewer.layers.selection.active = source
    begin(geometry, press, qtbot, "beside", 30)
    np.testing.assert_array_equal(overlay.data, expected[20])
    assert not overlay.visible
    assert views(viewer)[1:] == [["cells – Rotate (domain) [1]"]]
    np.testing.assert_array_equal(viewer.layers["cells – Rotate (domain) [1]"].data, expected[30])


def test_twins_of_two_docks_share_one_view(
    viewer: Any, qtbot: Any, press: Press, geometry: FamilyDock, source: Any, dock: Any
) -> None:
    found = grid(viewer)
    begin(geometry, press, qtbot, "beside")
    second = type(geometry)(viewer)
    second.fold.is_open = True
    viewer.window.add_dock_widget(second, name="second")
    process_events()
    viewer.layers.selection.active = source
    second.operation = "rotate"
    begin(second, press, qtbot, "beside", 45)
    assert len(views(viewer)) == 2
    assert len(views(viewer)[1]) == 2
    choose(second.options.domain_place, "over")
    assert len(views(viewer)[1]) == 1
    choose(geometry.options.domain_place, "over")
    assert grid(viewer) == found
    close_by_mouse(second, qtbot)


def test_many_selected_layers_have_a_twin_each(
    viewer: Any, qtbot: Any, press: Press, geometry: FamilyDock, source: Any
) -> None:
    stack = np.random.default_rng(1).integers(0, 255, (3, 40, 50), dtype=np.uint8)
    second = viewer.add_image(stack, name="stack")
    viewer.layers.selection = {source, second}
    geometry.options.all_selected.setChecked(True)
    begin(geometry, press, qtbot, "beside")
    left, right = views(viewer)
    assert left == ["cells – Rotate", "stack – Rotate"]
    assert right == ["cells – Rotate (domain)", "stack – Rotate (domain)"]
    assert viewer.layers[-1].data.shape == (3, 40, 50)
