"""The small picture of what the Perspective dock makes of a level."""

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from mouse_and_keys import QUAD, Hand, choose_level, frame_of, stacked
from napari.layers import Labels
from qtpy.QtGui import QColor

from napari_mathimg.widgets.perspective import preview
from napari_mathimg.widgets.perspective.corners_panel import CornersPanel
from napari_mathimg.widgets.perspective.preview import HEIGHT, Preview, colors_of
from napari_mathimg.widgets.perspective.preview_panel import PreviewPanel
from nightly import each

KINDS: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "plane": ("image", lambda i: i, {"gamma": 0.5, "colormap": "viridis", "contrast_limits": (200, 3000)}),
    "oblong pixels of a stack": ("image", stacked, {"scale": (5, 0.5, 0.8), "units": ("s", "um", "um"), "gamma": 2.0}),
    "mixed units": ("image", lambda i: i, {"scale": (0.5, 800), "units": ("um", "nm")}),
    "colors": ("image", lambda i: np.stack([i // 16, i // 20, i // 30], -1).astype(np.uint8), {"rgb": True}),
    "labels": ("labels", lambda i: i.astype(int) * 1000, {"scale": (2, 3)}),
    "turned": ("image", lambda i: i.astype(np.float32), {"rotate": 20, "shear": (0.3,), "scale": (1, -1.5)}),
}  # fmt: skip


def is_complete(picture: Preview) -> bool:
    return picture.shown is not None and not picture.is_busy


def level_of(picture: Preview) -> int:
    assert picture.shown is not None
    return picture.shown[0].request.job.source.level


def looks(layer: Any, values: Any) -> Any:
    """Colors of values in the look of a layer, by its own colormap."""
    if isinstance(layer, Labels):
        return 255 * np.asarray(layer.colormap.map(values))[..., :3]
    if layer.rgb:
        return values[..., :3].astype(float)
    low, high = layer.contrast_limits
    share = np.clip((values.astype(float) - low) / (high - low), 0, 1) ** layer.gamma
    return 255 * np.asarray(layer.colormap.map(share.ravel())).reshape(*values.shape, 4)[..., :3]


@pytest.mark.parametrize(("kind", "made", "state"), each(KINDS, "plane", "mixed units", "colors", "labels"))
def test_the_preview_has_pixels_of_the_run_in_the_colors_of_the_layer(
    viewer: Any, opened: Any, hand: Hand, press: Any, image: Any, qtbot: Any, kind: str, made: Any, state: Any
) -> None:
    """Every n-th pixel of the whole result, as the step says, in the shape that the result has in the world."""
    data = made(np.kron(image, np.ones((20, 20), image.dtype)))
    layer = getattr(viewer, f"add_{kind}")(data, name="sign", **state)
    if layer.ndim == 3:
        viewer.dims.set_current_step(0, 2)
    opened.panel(CornersPanel).markers.place(20 * np.array(QUAD) + 9.5, layer)
    picture = opened.panel(PreviewPanel).picture
    hand.settle(opened)
    qtbot.waitUntil(lambda: is_complete(picture))
    update, shown = picture.shown  # type: ignore[misc]
    drawn = picture.pixmap().toImage()
    press(opened)
    result = viewer.layers["sign – Rectify"]
    plane = result.data[2] if layer.ndim == 3 else result.data
    steps = update.view.step[-2:]
    every = plane[:: steps[0], :: steps[1]]
    assert min(steps) > 1
    assert update.view.shape[-2:] == every.shape[:2]
    np.testing.assert_allclose(colors_of(shown.data, layer)[..., :3], looks(layer, every), atol=1.01)
    side = [np.linalg.norm(v) for v in frame_of(result)]
    if len(set(layer.units[-2:])) > 1:
        side[0] *= 1000
    high, wide = plane.shape[0] * side[0], plane.shape[1] * side[1]
    assert (drawn.height() == HEIGHT) or (drawn.width() == picture.width())
    assert drawn.width() / drawn.height() == pytest.approx(wide / high, rel=0.02)
    assert min(every.shape[:2]) >= min(drawn.height(), drawn.width())  # fewer would be coarser than the screen


def test_the_preview_follows_look_plane_and_edits(viewer: Any, opened: Any, hand: Hand, qtbot: Any) -> None:
    """A stack of planes of one value each, in gray: a picture shows the value of its plane."""
    data = np.repeat(np.array([40, 80, 120], np.uint8), 90 * 120).reshape(3, 90, 120)
    layer = viewer.add_image(data, name="sign", contrast_limits=(0, 255))
    viewer.dims.set_current_step(0, 0)
    hand.pick(opened, layer)
    picture = opened.panel(PreviewPanel).picture

    def waits_for(red: int, green: int | None = None) -> None:
        def is_seen() -> bool:
            image = picture.pixmap().toImage()
            color = QColor(image.pixel(image.width() // 2, image.height() // 2)) if not image.isNull() else QColor()
            return abs(color.red() - red) <= 1 and (green is None or abs(color.green() - green) <= 1)

        qtbot.waitUntil(is_seen)

    waits_for(40)
    viewer.dims.set_current_step(0, 1)
    waits_for(80)
    layer.contrast_limits = (0, 160)
    waits_for(128)
    layer.colormap = "green"
    waits_for(0, 128)
    layer.gamma = 2.0
    waits_for(0, 64)
    data[1] = 160
    layer.refresh()
    waits_for(0, 255)
    layer.data = data // 2
    waits_for(0, 64)


def test_an_image_that_is_gone_is_not_kept(viewer: Any, opened: Any, hand: Hand, qtbot: Any) -> None:
    image = np.random.default_rng(0).integers(0, 4000, (90, 120), dtype=np.uint16)
    seen, layer = weakref.ref(image), viewer.add_image(image, name="sign")
    opened.panel(CornersPanel).markers.place(QUAD, layer)
    qtbot.waitUntil(lambda: is_complete(opened.panel(PreviewPanel).picture))
    opened.panel(CornersPanel).corners.layer = None
    hand.settle(opened)
    layer.data = np.zeros((3, 3), np.uint16)
    del image
    assert opened.panel(PreviewPanel).picture.pixmap().isNull()
    qtbot.waitUntil(lambda: gc.collect() >= 0 and seen() is None)


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
        qtbot.waitUntil(lambda level=level, of=shows: is_complete(of) and level_of(of) == level)
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
        opened.panel(PreviewPanel).picture.forget()  # to ask anew
        choose_level(opened, level)
        opened.panel(CornersPanel).refresh.soon()
        hand.settle(opened)
        qtbot.waitUntil(lambda: is_complete(opened.panel(PreviewPanel).picture))
        picture = opened.panel(PreviewPanel).picture.pixmap().toImage()
        seen = [QColor(picture.pixel(x, picture.height() // 2)).red() for x in range(picture.width())]
        assert seen[len(seen) // 4] == pytest.approx(gray, abs=1)
        assert np.argmax(np.abs(np.diff(seen))) == pytest.approx(len(seen) / 2, abs=2)
