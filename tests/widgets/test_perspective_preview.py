"""The small picture of what the Perspective dock makes of a level."""

from typing import Any

import numpy as np
import pytest
from mouse_and_keys import Hand, choose_level
from qtpy.QtGui import QColor

from napari_mathimg.widgets.perspective import preview
from napari_mathimg.widgets.perspective.corners_panel import CornersPanel
from napari_mathimg.widgets.perspective.preview_panel import PreviewPanel


def test_the_preview_is_of_the_level(viewer: Any, opened: Any, hand: Hand, qtbot: Any) -> None:
    """The levels are told apart: each half of the coarse one is as bright as the other half of the fine one."""
    fine = np.zeros((180, 240), np.uint8)
    fine[:, 120:] = 200
    coarse = np.zeros((60, 120), np.uint8)  # a third of the rows, half of the columns
    coarse[:, :60] = 200
    layer = viewer.add_image([fine, coarse], multiscale=True, name="sign", contrast_limits=(0, 255))
    hand.pick(opened, layer, ((29.5, 59.5), (29.5, 179.5), (149.5, 179.5), (149.5, 59.5)))
    for level, sides in ((0, (0, 200)), (1, (200, 0))):
        choose_level(opened, level)
        shows = opened.panel(PreviewPanel).picture
        qtbot.waitUntil(lambda level=level, of=shows: of._key is not None and of._key.level == level)
        hand.settle(opened)
        picture = opened.panel(PreviewPanel).picture.pixmap().toImage()
        seen = [QColor(picture.pixel(int(picture.width() * x), picture.height() // 2)).red() for x in (0.25, 0.75)]
        assert seen == pytest.approx(sides, abs=2)
        middle = [QColor(picture.pixel(x, picture.height() // 2)).red() for x in range(picture.width())]
        assert np.argmax(np.abs(np.diff(middle))) == pytest.approx(picture.width() / 2, abs=2)
        assert picture.width() == pytest.approx(picture.height(), abs=2)  # in the world: 120 x 120 pixels


def test_the_preview_is_of_the_level_s_plane_and_of_a_coarser_one_where_there_is_too_much(
    viewer: Any, opened: Any, hand: Hand, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planes of 30 times their number, the coarse ones for two each; the right half of all is black."""
    fine = np.arange(8, dtype=np.uint8)[:, None, None] * np.full((180, 240), 30, np.uint8)
    fine[:, :, 120:] = 0
    coarse = fine[::2, ::3, ::2] + np.uint8(5)
    layer = viewer.add_image([fine, coarse], multiscale=True, name="sign", contrast_limits=(0, 255))
    viewer.dims.set_point(0, 3)
    hand.pick(opened, layer, ((29.5, 59.5), (29.5, 179.5), (149.5, 179.5), (149.5, 59.5)))
    for level, most, gray in ((0, 2**25, 90), (1, 2**25, 65), (0, 10_000, 65)):
        monkeypatch.setattr(preview, "PIXELS", most)
        opened.panel(PreviewPanel).picture.watch(None, ())  # to read anew
        choose_level(opened, level)
        opened.panel(CornersPanel).refresh.soon()
        qtbot.waitUntil(lambda: bool(opened.panel(PreviewPanel).picture._levels))
        hand.settle(opened)
        picture = opened.panel(PreviewPanel).picture.pixmap().toImage()
        seen = [QColor(picture.pixel(x, picture.height() // 2)).red() for x in range(picture.width())]
        assert seen[len(seen) // 4] == pytest.approx(gray, abs=1)
        assert np.argmax(np.abs(np.diff(seen))) == pytest.approx(len(seen) / 2, abs=2)
