"""The histogram's plot in a real window: handles, ranges, the view, the cursor, what is saved."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from histogram_checks import RNG, Settle, drag
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication
from skimage import data

from napari_mathimg.contract.quantities import count, percent
from napari_mathimg.widgets.histogram.dock import HistogramDock


def test_handles_and_limits_are_tied_both_ways(
    viewer: Any, histogram: HistogramDock, settle: Settle, qtbot: Any
) -> None:
    layer = viewer.add_image(data.camera(), name="camera")
    settle(histogram)
    layer.contrast_limits = (50, 200)
    assert [handle.value() for handle in histogram.plot.handles] == [50, 200]
    process_events()
    drag(histogram.plot, 50, 90)
    assert layer.contrast_limits[0] == pytest.approx(90, abs=3)
    assert layer.contrast_limits[1] == 200
    drag(histogram.plot, 200, 30)
    assert layer.contrast_limits[0] < layer.contrast_limits[1]
    for name, (low, high) in {
        "Full range": (0, 255),
        "Type range": (0, 255),
        "1–99 %": tuple(np.quantile(data.camera(), [0.01, 0.99])),
        "0.35–99.65 %": tuple(np.quantile(data.camera(), [0.0035, 0.9965])),
    }.items():
        histogram.limit_buttons[name].click()
        assert tuple(layer.contrast_limits) == pytest.approx((low, high))
    field = histogram.limits.low
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, "33")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert layer.contrast_limits[0] == 33
    layer.gamma = 0.5
    values, shares = histogram.plot.transfer.getData()
    np.testing.assert_allclose(shares, ((values - 33) / (layer.contrast_limits[1] - 33)) ** 0.5, atol=1e-9)


def test_bad_input_gives_one_sentence(
    viewer: Any, histogram: HistogramDock, settle: Settle, qtbot: Any, notifications: list[Any]
) -> None:
    layer = viewer.add_image(data.camera(), name="camera")
    settle(histogram)
    for text in ("300", "many"):
        histogram.limits.low.selectAll()
        qtbot.keyClicks(histogram.limits.low, text)
        qtbot.keyClick(histogram.limits.low, Qt.Key.Key_Return)
    assert [n.message for n in notifications] == [
        "300 – 255: must be two numbers, the first at most the second.",
        "many – 255: must be two numbers, the first at most the second.",
    ]
    assert tuple(layer.contrast_limits) == (0, 255)
    assert histogram.limits.low.text() == "0"


def test_a_dragged_range_tells_its_share_and_is_isolated(viewer: Any, histogram: HistogramDock, settle: Settle) -> None:
    camera = data.camera()
    viewer.add_image(camera, name="camera")
    settle(histogram)
    process_events()
    drag(histogram.plot, 150.2, 159.8, 0.6)
    assert histogram._mark == (150, 160)
    inside = (camera >= 150) & (camera <= 160)
    share = percent(inside.mean())
    assert histogram.marked_share.whole().startswith(share)
    histogram.isolate_button.click()
    settle(histogram)
    assert [layer.name for layer in viewer.layers] == ["camera", "camera – Clip"]
    result = viewer.layers[-1]
    np.testing.assert_array_equal(result.data, np.where(inside, camera, 0))
    assert result.data.dtype == np.uint8
    step = result.metadata["napari_mathimg"][-1]
    assert (step["operation"], step["source"]) == ("clip", "camera")
    assert step["parameters"] == {"low": 150, "high": 160, "outside": "zero"}
    histogram.before_after.setChecked(True)
    settle(histogram)
    assert [c.name for c in histogram.plot._curves] == ["camera – Clip", "camera"]
    after, before = (c.cumulative for c in histogram.plot._curves)
    assert after is not None
    assert before is not None
    values, shares = before
    for value, share_up_to in zip(values[1:], shares[1:], strict=True):
        assert share_up_to == np.count_nonzero(camera <= value) / camera.size


def test_the_isolated_range_of_floating_point_is_the_share_that_was_told(
    viewer: Any, histogram: HistogramDock, settle: Settle
) -> None:
    image = (np.arange(40_000).reshape(200, 200) % 997 / 8).astype("f4")
    viewer.add_image(image, name="real")
    settle(histogram)
    histogram.mark_range(10, 20)
    assert histogram._mark == (10, 20)
    tally = histogram.follower.tally  # type: ignore[union-attr]
    assert tally is not None
    told = tally.between(*histogram._mark)  # type: ignore[misc]
    histogram.isolate_button.click()
    settle(histogram)
    assert np.count_nonzero(viewer.layers[-1].data) == told == np.count_nonzero((image >= 10) & (image < 20))


def test_the_view_zooms_moves_and_comes_home(viewer: Any, histogram: HistogramDock, settle: Settle, qtbot: Any) -> None:
    viewer.add_image(data.camera())
    settle(histogram)
    process_events()
    plot = histogram.plot
    home = plot.view.viewRange()[0]
    place = plot.mapFromScene(plot.view.mapViewToScene(QPointF(128, 0)))
    place.setY(100)
    turn = QWheelEvent(
        QPointF(place), QPointF(plot.viewport().mapToGlobal(place)), QPoint(), QPoint(0, 360),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(plot.viewport(), turn)
    low, high = plot.view.viewRange()[0]
    assert home[0] < low < 128 < high < home[1]
    drag(plot, 128, 140, modifiers=Qt.KeyboardModifier.ShiftModifier)
    moved = plot.view.viewRange()[0]
    assert moved[1] - moved[0] == pytest.approx(high - low)
    assert moved[0] < low
    assert histogram._mark is None
    viewer.layers[0].refresh()  # new counts leave the view as it is
    settle(histogram)
    assert plot.view.viewRange()[0] == pytest.approx(moved)
    qtbot.mouseDClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert plot.view.viewRange()[0] == pytest.approx(home)


def test_counts_and_plot_are_saved(
    viewer: Any, histogram: HistogramDock, settle: Settle, tmp_path: Path, notifications: list[Any]
) -> None:
    histogram.export_counts(tmp_path / "none.csv")
    histogram.export_plot(tmp_path / "none.png")
    assert [n.message for n in notifications] == [
        "There are no exact counts to save yet.",
        "There is no histogram to save.",
    ]
    image = data.astronaut()
    viewer.add_image(image, rgb=True)
    settle(histogram)
    histogram.bins.setValue(256)
    histogram.export_counts(tmp_path / "counts.csv")
    with (tmp_path / "counts.csv").open() as file:
        head, *rows = list(csv.reader(file))
    assert head == ["low", "high", "red", "green", "blue", "luminance"]
    for c in range(3):
        assert sum(int(row[2 + c]) for row in rows) == 512 * 512
        by_level = {float(row[0]): int(row[2 + c]) for row in rows[1:-2]}
        for level in (1, 77, 200):
            assert by_level[level - 0.5] == np.count_nonzero(image[..., c] == level)
    for name in ("plot.png", "plot.svg"):
        histogram.export_plot(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000
    assert "<svg" in (tmp_path / "plot.svg").read_text()
    histogram.export_plot(tmp_path / "nowhere" / "plot.svg")
    assert "nowhere" in notifications[-1].message


def test_the_cursor_reads_values_counts_and_percentiles(viewer: Any, histogram: HistogramDock, settle: Settle) -> None:
    camera = data.camera()
    viewer.add_image(camera)
    settle(histogram)
    histogram.plot.hovered.emit(150.3)
    n, upto = np.count_nonzero(camera == 150), 100 * np.count_nonzero(camera <= 150) / camera.size
    assert histogram.read_out.whole().replace("\u00a0", " ") == f"150:  {count(n)} px,  percentile {upto:.2f}"
    histogram.plot.hovered.emit(float("nan"))
    assert histogram.read_out.whole() == ""


def test_the_theme_is_followed(viewer: Any, histogram: HistogramDock, settle: Settle) -> None:
    viewer.add_image(RNG.random((20, 20)))
    settle(histogram)
    seen = {}
    for theme in ("light", "dark"):
        viewer.theme = theme
        process_events()
        seen[theme] = histogram.plot.backgroundBrush().color().lightness()
    assert seen["light"] > 180 > 80 > seen["dark"]


def spiked(tail: float) -> Any:
    """A background of few values, and a long tail that holds a share of the pixels, as in fluorescence."""
    rng = np.random.default_rng(3)
    background = rng.normal(100, 3, 60_000).clip(90, 110)
    light = rng.exponential(300, round(60_000 * tail)) + 100
    return np.append(background, light).astype(np.uint16).reshape(-1, 100)


def test_counts_are_logarithmic_where_a_spike_flattens_the_rest(
    viewer: Any, histogram: HistogramDock, settle: Settle, qtbot: Any, again: Any
) -> None:
    axis, left = histogram.axis, histogram.plot.getPlotItem().getAxis("left")
    viewer.add_image(spiked(0.2), name="fluorescence")
    settle(histogram)
    assert axis.auto.isChecked()
    assert left.logMode
    flat = np.mean((c := histogram.found.counts)[c > 0] < 0.02 * c.max())  # type: ignore[union-attr]
    assert axis.sentence.whole() == f"Logarithmic: {percent(round(flat, 2))} of the bins would look empty"
    camera = viewer.add_image(data.camera(), name="camera")
    settle(histogram)
    assert (left.logMode, axis.sentence.whole()) == (False, "Linear axis")
    qtbot.mouseClick(axis.log, Qt.MouseButton.LeftButton)
    assert left.logMode
    viewer.layers.selection.active = viewer.layers["fluorescence"]
    settle(histogram)
    qtbot.mouseClick(axis.linear, Qt.MouseButton.LeftButton)
    assert not left.logMode
    assert "look empty" in axis.sentence.whole()
    histogram = again(histogram)
    settle(histogram)
    assert histogram.axis.linear.isChecked()
    assert not histogram.plot.getPlotItem().getAxis("left").logMode
    qtbot.mouseClick(histogram.axis.auto, Qt.MouseButton.LeftButton)
    assert histogram.plot.getPlotItem().getAxis("left").logMode
    viewer.layers.selection.active = camera
    settle(histogram)
    assert not histogram.plot.getPlotItem().getAxis("left").logMode


def test_values_are_written_on_the_axis_as_elsewhere(histogram: HistogramDock) -> None:
    bottom = histogram.plot.getPlotItem().getAxis("bottom")
    assert bottom.tickStrings([0, 0.1, 0.30000000000000004], 1.0, 0.1) == ["0", "0.1", "0.3"]
    assert bottom.tickStrings([0, 2e9, 4e9], 1.0, 2e9) == ["0", "2e9", "4e9"]
    assert bottom.tickStrings([10_000, 1e-7], 1.0, 1e-7) == ["10\u202f000", "1e-7"]
