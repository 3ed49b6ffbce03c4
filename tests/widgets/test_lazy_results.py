"""Lazy results of docks: what their layers show, Compute, and what they become when what they read changes."""

import math
import threading
from collections.abc import Callable
from typing import Any

import napari.layers.utils.layer_utils
import numpy as np
import pytest
from event_loop import process_events
from mouse_and_keys import LEFT, choose

from napari_mathimg import Options, apply
from napari_mathimg.recipe.record import LAZY, RECORD
from napari_mathimg.widgets.lazy.pixels import pixels_of
from napari_mathimg.widgets.lazy_layers.layers import LazyLayers
from napari_mathimg.widgets.settings.preferences import settings

SHAPE = (1100, 1300)  # more than one level, and many tiles
PLACE = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
LOOK = ("name", "colormap", "blending", "opacity", "gamma", "rgb", "contrast_limits")


def picture(shape: Any = SHAPE, seed: int = 0) -> Any:
    """Hills with noise."""
    rows, columns = np.ogrid[tuple(slice(n) for n in shape[-2:])]
    hills = 1000 * (np.sin(rows / 90) + np.cos(columns / 70) + 2)
    return (hills + np.random.default_rng(seed).normal(0, 60, shape)).clip(0).astype(np.uint16)


class Slow:
    """An image that notes the threads that read it, and lets all but the window's wait for leave."""

    def __init__(self, array: Any) -> None:
        self.array, self.shape, self.dtype, self.ndim, self.size = (
            array, array.shape, array.dtype, array.ndim, array.size
        )  # fmt: skip
        self.threads: list[str] = []
        self.leave, self.waiting = threading.Event(), threading.Event()
        self.leave.set()

    def __getitem__(self, key: Any) -> Any:
        found = np.asarray(self.array[key])
        self.threads.append(threading.current_thread().name)
        self.waiting.set()
        assert threading.current_thread() is threading.main_thread() or self.leave.wait(60)
        return found


@pytest.fixture
def lazily(dock: Any, press: Any) -> Callable[..., Any]:
    """Run an operation of a family with the result lazy, or in memory."""

    def run(family: str, operation: str, result: str = "lazy", **values: Any) -> Any:
        widget = dock(family)
        widget.operation = operation
        process_events()
        for name, value in values.items():
            widget.form[name].value = value
        choose(widget.options.result, result)
        process_events()
        press(widget)
        process_events()
        return widget

    return run


@pytest.fixture
def compute(qtbot: Any) -> Callable[[Any], None]:
    """Click Compute, and wait until all is computed."""

    def click(widget: Any) -> None:
        qtbot.waitUntil(widget.lazy.compute.isVisible)
        with qtbot.waitSignal(widget.bar.other.finished):
            qtbot.mouseClick(widget.lazy.compute, LEFT)
        process_events()

    return click


@pytest.fixture
def rest(viewer: Any, qtbot: Any) -> Callable[[], None]:
    """Wait until lazy layers have been made anew."""

    def wait() -> None:
        process_events()
        qtbot.waitUntil(lambda: not LazyLayers.of(viewer).is_busy)
        process_events()

    return wait


def whole(layer: Any) -> Any:
    return np.asarray(layer.data[0] if layer.multiscale else layer.data)


@pytest.mark.parametrize(
    ("family", "operation", "values", "place"),
    [
        ("denoise", "gaussian", {"sigma": 20.0}, {"scale": (0.5, 0.25), "shear": [0.1]}),
        ("geometry", "rescale", {"scale": (0.8, 1.25)}, {"scale": (-0.5, 0.25), "shear": [0.1]}),
        ("intensity", "equalize_hist", {}, {"rotate": 30.0}), ("geometry", "rotate", {"angle": 20.0}, {"rotate": 30.0}),
    ],
)  # fmt: skip
def test_a_lazy_result_is_that_of_a_run_in_place_look_and_record(
    viewer: Any, lazily: Any, monkeypatch: Any, family: str, operation: str, values: Any, place: Any
) -> None:
    """But for what is known only of pixels that were computed."""
    layer = viewer.add_image(
        picture(), name="hills", translate=(30, -4), units=("um", "um"), colormap="viridis", axis_labels=("y", "x"),
        gamma=0.8, blending="additive", **place,
    )  # fmt: skip
    widget = lazily(family, operation, "memory", **values)
    result = viewer.layers[-1]
    viewer.layers.selection.active = layer
    process_events()

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("napari computes pixels to find contrast limits")

    monkeypatch.setattr("napari.layers.image.image.calc_data_range", refuse, raising=False)
    monkeypatch.setattr(napari.layers.utils.layer_utils, "calc_data_range", refuse)
    lazily(family, operation, **values)
    monkeypatch.undo()
    found = viewer.layers[-1]
    assert pixels_of(found) is not None
    assert pixels_of(result) is None
    assert found.multiscale
    np.testing.assert_array_equal(whole(found), whole(result))
    for name in PLACE:
        np.testing.assert_array_equal(getattr(found, name), getattr(result, name))
    for name in LOOK[1:-1]:
        assert str(getattr(found, name)) == str(getattr(result, name))
    assert found.name.startswith(result.name)
    reached = np.ptp(found.contrast_limits) / np.ptp(result.contrast_limits)
    assert 0.8 < reached <= 1.001
    assert np.add(found.extent.world, 0).tolist() == result.extent.world.tolist()
    (step,), (expected,) = found.metadata[RECORD], result.metadata[RECORD]
    assert {**step, "saturated": expected["saturated"], "seconds": expected["seconds"]} == expected
    assert "saturated" not in step
    assert found.metadata[LAZY]["levels"] == ("exact", "close", "close", "close")
    assert LAZY not in result.metadata
    assert "lazy" in widget.message.text()
    assert "approximate" not in widget.message.text()


def test_levels_show_the_result_and_say_where_it_is_approximate(viewer: Any, lazily: Any) -> None:
    image = picture()
    viewer.add_image(image)
    widget = lazily("denoise", "median", size=9)
    layer = viewer.layers[-1]
    assert layer.metadata[LAZY]["levels"][1:] == ("approximate",) * 3
    assert "approximate where it is zoomed out" in widget.message.text()
    exact = apply(image, "median", size=9)
    for level in range(1, len(layer.data)):
        pixels, n = np.asarray(layer.data[level]).astype(float), 2**level
        means = exact[: n * (1100 // n), : n * (1300 // n)].reshape(1100 // n, n, 1300 // n, n).mean((1, 3))
        pixels = pixels[: means.shape[0], : means.shape[1]]
        assert np.abs(pixels - means).mean() < 0.02 * np.ptp(exact)


def test_planes_of_up_to_a_million_pixels_have_one_level(viewer: Any, lazily: Any) -> None:
    stack = picture((3, 600, 700))
    viewer.add_image(stack)
    lazily("denoise", "gaussian")
    layer = viewer.layers[-1]
    assert not layer.multiscale
    assert layer.metadata[LAZY]["levels"] == ("exact",)
    np.testing.assert_array_equal(whole(layer), apply(stack, "gaussian"))
    viewer.dims.set_point(0, 1)
    np.testing.assert_array_equal(np.asarray(layer.data[1]), apply(stack[1], "gaussian"))


def test_colors_are_shown_from_0_to_1(viewer: Any, lazily: Any, compute: Any) -> None:
    """As those of a run: napari shows colors of floating point so."""
    image = np.stack([picture()] * 3, axis=-1).astype(np.uint8)
    viewer.add_image(image, rgb=True)
    widget = lazily("denoise", "gaussian")
    choose(widget.options.dtype, "float32")
    for layer in [*viewer.layers[1:]]:
        viewer.layers.remove(layer)
    lazily("denoise", "gaussian")
    layer = viewer.layers[-1]
    expected = apply(image, "gaussian", options=Options(dtype="float32", channel_axis=2)) / np.float32(255)
    np.testing.assert_array_equal(whole(layer), expected)
    assert layer.rgb
    assert layer.metadata[RECORD][0]["divisor"] == 255
    compute(widget)
    np.testing.assert_array_equal(whole(layer), expected)


def test_compute_makes_pixels_in_the_same_layer_and_tells_what_values_lost(
    viewer: Any, lazily: Any, compute: Any
) -> None:
    image = picture()
    viewer.add_image(image, contrast_limits=(500, 3000))
    widget = lazily("intensity", "rescale_intensity", "memory")
    choose(widget.options.value_range, "limits")
    viewer.layers.selection.active = viewer.layers[0]
    widget = lazily("intensity", "rescale_intensity")
    layer = viewer.layers[-1]
    layer.colormap, layer.name, layer.contrast_limits = "magma", "mine", (10, 2000)
    before = {name: str(getattr(layer, name)) for name in (*PLACE, *LOOK)}
    expected = whole(layer)
    outside = np.count_nonzero((image < 500) | (image > 3000))
    assert "clipped" not in widget.message.text()
    compute(widget)
    assert viewer.layers[-1] is layer
    assert pixels_of(layer) is None
    assert all(isinstance(level, np.ndarray) for level in layer.data)
    np.testing.assert_array_equal(layer.data[0], expected)
    assert {name: str(getattr(layer, name)) for name in before} == before
    step = layer.metadata[RECORD][-1]
    assert step["saturated"] == outside > 1000
    assert f"{outside:,}".replace(",", "") in "".join(c for c in widget.message.text() if c.isdigit())
    assert "were clipped" in widget.message.text()
    assert LAZY not in layer.metadata
    assert not widget.lazy.widget.isVisible()


def test_compute_can_be_canceled_and_is_refused_where_it_does_not_fit(viewer: Any, lazily: Any, qtbot: Any) -> None:
    source = Slow(picture())
    viewer.add_image(source, contrast_limits=(0, 4000))
    widget = lazily("denoise", "gaussian")
    layer = viewer.layers[-1]
    pixels = pixels_of(layer)
    source.leave.clear()
    source.waiting.clear()
    qtbot.mouseClick(widget.lazy.compute, LEFT)
    qtbot.waitUntil(source.waiting.is_set)
    assert not widget.lazy.compute.isEnabled()
    assert not widget.run_button.isEnabled()
    with qtbot.waitSignal(widget.bar.other.finished):
        qtbot.mouseClick(widget.cancel_button, LEFT)
        source.leave.set()
    assert widget.message.text() == "Canceled; nothing was changed."
    assert pixels_of(layer) is pixels
    settings().computing.memory = 0.001
    with qtbot.waitSignal(widget.bar.other.finished):
        qtbot.mouseClick(widget.lazy.compute, LEFT)
    assert "GiB are allowed" in widget.message.text()
    assert widget.message.text().endswith("Nothing was changed.")
    assert pixels_of(layer) is pixels


def test_what_would_not_fit_is_lazy_and_says_so(viewer: Any, lazily: Any) -> None:
    image = picture()
    viewer.add_image(image)
    settings().computing.memory = 0.001
    widget = lazily("denoise", "gaussian", "memory")
    assert "lazy, because" in widget.message.text()
    assert "GiB are allowed" in widget.message.text()
    np.testing.assert_array_equal(whole(viewer.layers[-1]), apply(image, "gaussian"))


def test_the_choice_is_remembered_and_shown_for_large_layers_only(viewer: Any, lazily: Any, again: Any) -> None:
    layer = viewer.add_image(picture((50, 60)))
    widget = lazily("denoise", "gaussian")
    assert not widget.options.is_shown("result")
    assert pixels_of(viewer.layers[-1]) is None
    viewer.layers.remove(viewer.layers[-1])
    viewer.layers.remove(layer)
    viewer.add_image(picture())
    widget = again(widget)
    process_events()
    assert widget.options.is_shown("result")
    assert widget.options.is_lazy


def test_lazy_results_are_sources_of_further_ones(viewer: Any, lazily: Any, compute: Any) -> None:
    """A chain of three is that of three runs; each step is in the record."""
    image = picture()
    viewer.add_image(image)
    lazily("denoise", "gaussian", sigma=2.0)
    lazily("intensity", "equalize_hist")
    widget = lazily("denoise", "median", size=3)
    layer = viewer.layers[-1]
    expected = apply(apply(apply(image, "gaussian", sigma=2.0), "equalize_hist"), "median", size=3)
    np.testing.assert_array_equal(whole(layer), expected)
    assert [step["operation"] for step in layer.metadata[RECORD]] == ["gaussian", "equalize_hist", "median"]
    assert layer.metadata[LAZY]["levels"][1] == "approximate"
    compute(widget)
    np.testing.assert_array_equal(layer.data[0], expected)


def test_edits_of_what_lazy_layers_read_are_followed_through_chains(viewer: Any, lazily: Any, rest: Any) -> None:
    """Also what was counted: the value range grows, and the record tells it."""
    image = picture()
    source = viewer.add_image(image)
    lazily("denoise", "gaussian", sigma=2.0)
    lazily("intensity", "adjust_gamma", gamma=0.5)
    first, second = viewer.layers[-2:]
    np.testing.assert_array_equal(whole(second), apply(apply(image, "gaussian", sigma=2.0), "adjust_gamma", gamma=0.5))
    high = second.metadata[RECORD][-1]["value_range"][1]
    source.visible = True
    rest()
    source.data[200:600, 100:900] = 9000
    source.refresh()
    process_events()
    rest()
    smooth = apply(image, "gaussian", sigma=2.0)
    assert smooth.max() == 9000
    np.testing.assert_array_equal(whole(first), smooth)
    np.testing.assert_array_equal(whole(second), apply(smooth, "adjust_gamma", gamma=0.5))
    assert second.metadata[RECORD][-1]["value_range"][1] == 9000 > high
    assert not any("torn" in step for step in second.metadata[RECORD])
    coarse = np.asarray(second.data[-1]).astype(float)
    assert abs(coarse[60, 70] - whole(second)[480:488, 560:568].mean()) < 20


def test_edits_of_a_hidden_layer_are_followed_when_it_is_shown(viewer: Any, lazily: Any, rest: Any) -> None:
    """Docks hide the source, and napari tells nothing of hidden layers."""
    image = picture()
    source = viewer.add_image(image)
    lazily("denoise", "gaussian", sigma=2.0)
    layer = viewer.layers[-1]
    before = layer.data
    assert not source.visible
    source.visible = True
    rest()
    assert layer.data is before
    source.visible = False
    source.data[:500] = 77
    source.refresh()
    rest()
    source.visible = True
    rest()
    np.testing.assert_array_equal(whole(layer), apply(image, "gaussian", sigma=2.0))


def test_until_it_has_followed_an_edit_the_record_says_so(viewer: Any, lazily: Any, rest: Any) -> None:
    source = Slow(picture())
    layer = viewer.add_image(source, contrast_limits=(0, 4000))
    lazily("intensity", "adjust_gamma", gamma=0.5)
    found = viewer.layers[-1]
    layer.visible = True
    rest()
    source.array[100:300, 100:300] = 8000
    layer.refresh()
    source.leave.clear()
    process_events()
    assert found.metadata[RECORD][-1]["torn"]
    source.leave.set()
    rest()
    assert "torn" not in found.metadata[RECORD][-1]
    assert found.metadata[RECORD][-1]["value_range"][1] == 8000
    assert np.asarray(found.data[-1])[15:35, 15:35].min() == 8000, "the coarse levels of the image are new too"


def test_a_layer_whose_source_is_replaced_or_removed_goes_on(viewer: Any, lazily: Any, rest: Any) -> None:
    image = picture()
    source = viewer.add_image(image)
    lazily("denoise", "gaussian", sigma=2.0)
    layer = viewer.layers[-1]
    expected = apply(image, "gaussian", sigma=2.0)
    source.data = picture(seed=1)
    rest()
    source.data[:] = 0
    source.refresh()
    rest()
    np.testing.assert_array_equal(whole(layer), expected)
    viewer.layers.remove(source)
    process_events()
    np.testing.assert_array_equal(whole(layer), expected)
    assert "torn" not in layer.metadata[RECORD][-1]


def test_it_all_ends_with_the_last_lazy_layer(viewer: Any, lazily: Any) -> None:
    viewer.add_image(picture())
    lazily("denoise", "gaussian")
    kept = LazyLayers.of(viewer)
    viewer.layers.remove(viewer.layers[-1])
    process_events()
    assert kept.is_closed


def test_an_image_without_levels_gets_them_once(viewer: Any, lazily: Any, tmp_path: Any) -> None:
    image = picture()
    source = Slow(image)
    first = viewer.add_image(source, contrast_limits=(0, 4000))
    lazily("denoise", "gaussian")
    kept = {file: file.stat().st_mtime_ns for file in (tmp_path / "levels").rglob("*.npy")}
    assert len(kept) == 3
    viewer.layers.selection.active = first
    widget = lazily("denoise", "median")
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "levels").rglob("*.npy")} == kept
    settings().computing.levels = 0.0
    assert not list((tmp_path / "levels").rglob("*.npy"))
    assert widget.fold.isVisible()
    np.testing.assert_array_equal(whole(viewer.layers[-1]), apply(image, "median"))


def test_the_forecast_is_for_runs_in_memory_only(viewer: Any, lazily: Any, qtbot: Any) -> None:
    viewer.add_image(picture())
    widget = lazily("denoise", "gaussian")
    viewer.layers.selection.active = viewer.layers[0]
    qtbot.waitUntil(lambda: not widget.runs.forecaster.is_active)
    assert widget.bar.needs.text() == ""
    assert math.prod(SHAPE) > 2**20
