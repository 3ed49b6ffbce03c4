"""What napari reads of lazy layers: in which thread, what is computed before it is asked for, and the way they end."""

import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from mouse_and_keys import LEFT, choose
from napari.layers import Image
from napari.settings import get_settings
from test_lazy_results import Slow, compute, lazily, picture, rest, whole

from napari_mathimg import Options, apply, lazy
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine.lazy.levels import Level
from napari_mathimg.recipe.record import RECORD
from napari_mathimg.widgets.dock.results import add_or_update
from napari_mathimg.widgets.lazy.pixels import LazyStep, Levels, lazy_pixels, limits_of, pixels_of
from napari_mathimg.widgets.lazy.shown import Shown
from napari_mathimg.widgets.lazy_layers.layers import LazyLayers
from napari_mathimg.widgets.place.open_dock import open_dock

FIXTURES = (compute, lazily, rest)


class Counted:
    """An array that notes which of its planes are computed, and in which threads."""

    is_computed = True

    def __init__(self, array: Any) -> None:
        self.array, self.shape, self.dtype, self.ndim = array, array.shape, array.dtype, array.ndim
        self.cache = array.cache
        self.planes: set[int] = set()
        self.threads: set[str] = set()

    def __getitem__(self, key: Any) -> Any:
        self.planes |= set(np.atleast_1d(np.arange(self.shape[0])[key[0]]).tolist())
        self.threads.add(threading.current_thread().name)
        return self.array[key]

    peek = __getitem__


@pytest.mark.parametrize("shape", [(7, 9), (3, 7, 9), (2, 3, 7, 9)], ids=str)
def test_a_part_of_what_napari_gets_is_lazy_and_right(shape: Any) -> None:
    """Chains of random integers and slices select what they select of an array in memory."""
    pixels = np.random.default_rng(1).random(shape)
    array = Counted(lazy(pixels, "adjust_gamma", gamma=1.0))
    rng = np.random.default_rng(2)
    for _ in range(60):
        found, expected = Shown(array), np.asarray(array.array)
        array.planes.clear()
        while expected.ndim and rng.random() < 0.7:
            key: list[Any] = []
            for n in expected.shape[: rng.integers(1, expected.ndim + 1)]:
                a, b = sorted(rng.integers(-n, n + 1, 2).tolist())
                part = slice(a, b, int(rng.choice([1, 2, -1]))) if rng.random() < 0.6 else int(rng.integers(-n, n))
                key.append(part if rng.random() < 0.8 else slice(None))
            if any(
                len(range(*k.indices(n))) == 0
                for k, n in zip(key, expected.shape, strict=False)
                if k.__class__ is slice
            ):
                break
            found, expected = found[tuple(key)], expected[tuple(key)]
            assert (found.shape, found.ndim, found.dtype) == (expected.shape, expected.ndim, expected.dtype)
        assert not array.planes
        np.testing.assert_array_equal(np.asarray(found), expected)
    assert Shown(array)[..., 1].shape == shape[:-1]
    for wrong in ([0, 1], np.ones(shape, bool), (0,) * 9, None):
        with pytest.raises(IndexError, match="key="):
            Shown(array)[wrong]


def added(viewer: Any, pixels: Any, arguments: dict[str, Any]) -> Any:
    """Add a lazy result as the docks do."""
    layer = add_or_update(viewer, Image, pixels.data, arguments, None)
    LazyLayers.of(viewer).keep(layer, None)
    return layer


def test_a_slider_computes_the_plane_it_stops_at_and_then_those_beside_it(viewer: Any, qtbot: Any) -> None:
    """Of 6 planes in the view, none that nobody looks at; the next step then computes nothing."""
    stack = picture((6, 300, 400))
    counted = Counted(lazy(stack, "gaussian", sigma=2.0))
    step = LazyStep(lazy(stack, "gaussian", sigma=2.0), lambda array: counted)
    pixels = run_to_end(lazy_pixels([step], Levels((stack,), 3)))
    layer = added(viewer, pixels, {"contrast_limits": (0, 4000), "rgb": False})
    process_events()
    viewer.dims.set_point(0, 0)
    process_events()
    counted.planes.clear()
    viewer.dims.set_current_step(0, 2)
    process_events()
    assert counted.planes == {2}
    qtbot.waitUntil(lambda: counted.planes == {1, 2, 3})
    qtbot.waitUntil(lambda: not LazyLayers.of(viewer)._prefetch.is_busy)
    assert "mathimg prefetch" in counted.threads
    counted.planes.clear()
    layer.visible = False
    viewer.dims.set_current_step(0, 4)
    qtbot.wait(200)
    assert not counted.planes


@pytest.fixture
def _as_before() -> Iterator[None]:
    before = get_settings().experimental.async_
    yield
    get_settings().experimental.async_ = before


@pytest.mark.usefixtures("_as_before")
def test_one_click_lets_napari_slice_in_the_background(viewer: Any, lazily: Any, qtbot: Any) -> None:
    """Then, the window's thread reads nothing of the image while the slider moves."""
    get_settings().experimental.async_ = False
    source = Slow(picture((6, 500, 600)))
    viewer.add_image(source, contrast_limits=(0, 4000))
    widget = lazily("denoise", "gaussian")
    qtbot.waitUntil(widget.lazy.slicing.isVisible)
    qtbot.mouseClick(widget.lazy.slicing, LEFT)
    assert get_settings().experimental.async_
    assert not widget.lazy.slicing.isVisible()
    assert widget.lazy.compute.isVisible()
    layer = viewer.layers[-1]
    source.threads.clear()
    source.leave.clear()
    viewer.dims.set_current_step(0, 3)
    process_events()
    assert not layer.loaded
    source.leave.set()
    qtbot.waitUntil(lambda: layer.loaded)
    assert source.threads
    assert "MainThread" not in source.threads
    shown = layer._slice.image.raw
    np.testing.assert_array_equal(shown, apply(source.array[3], "gaussian"))


def test_the_histogram_counts_a_lazy_layer_in_the_background_and_can_be_canceled(
    viewer: Any, lazily: Any, settle: Any, qtbot: Any
) -> None:
    image = picture((4, 600, 700))
    source = Slow(image)
    viewer.add_image(source, contrast_limits=(0, 4000))
    widget = lazily("denoise", "gaussian", sigma=2.0)
    layer = viewer.layers[-1]
    source.leave.clear()
    source.threads.clear()
    viewer.layers.selection.active = layer
    histogram = open_dock(viewer, "Histogram")
    histogram.where.setCurrentIndex(histogram.where.findData("layer"))
    qtbot.waitUntil(lambda: histogram.is_counting and bool(source.threads))
    histogram._follower.cancel()
    source.leave.set()
    qtbot.waitUntil(lambda: not histogram.is_counting)
    histogram._follower.count_again()
    qtbot.waitUntil(lambda: histogram.is_counting)
    settle(histogram)
    tally = histogram._follower.tally
    smooth = apply(image, "gaussian", sigma=2.0)
    assert tally.exact
    assert tuple(tally.ends[0]) == (smooth.min(), smooth.max())
    assert "MainThread" not in source.threads
    assert widget.lazy is not None


@pytest.mark.own_window
def test_a_viewer_can_be_closed_while_pixels_are_computed(viewer: Any, lazily: Any, qtbot: Any) -> None:
    source = Slow(picture((4, 600, 700)))
    viewer.add_image(source, contrast_limits=(0, 4000))
    widget = lazily("denoise", "gaussian", sigma=2.0)
    source.leave.clear()
    source.waiting.clear()
    qtbot.mouseClick(widget.lazy.compute, LEFT)
    qtbot.waitUntil(source.waiting.is_set)
    viewer.close()
    source.leave.set()
    process_events()
    qtbot.waitUntil(lambda: not any(thread.name.startswith("mathimg") for thread in threading.enumerate()))


def test_contrast_limits_of_many_planes_come_from_some_of_them(viewer: Any) -> None:
    """Evenly spread, the first and the last among them; of few pixels from all."""
    stack = np.zeros((40, 1000, 1000), np.int8)
    stack += np.arange(40, dtype=np.int8)[:, None, None]
    stack[:, 0, 0] = -1
    finest = lazy(stack, "gaussian", sigma=0.5, options=Options(dtype="float32"))
    counted = Counted(finest)
    pixels = run_to_end(lazy_pixels([LazyStep(finest, lambda array: counted)], Levels((stack,), 3)))
    low, high = run_to_end(limits_of(pixels))
    assert len(counted.planes) <= 8
    assert high == 39
    assert -1 <= low < 0
    few = run_to_end(lazy_pixels([LazyStep(lazy(stack[:3], "gaussian"))], Levels((stack[:3],), 3)))
    assert run_to_end(limits_of(few))[1] == 2
    assert viewer.layers == []


def test_a_chain_of_plans_has_the_levels_of_all_its_steps(viewer: Any) -> None:
    """As other docks add them: the worst mark of a chain counts."""
    image = picture((1200, 1500))
    first = lazy(image, "median", size=5)
    second = lazy(first, "adjust_gamma", gamma=0.5)
    pixels = run_to_end(lazy_pixels([LazyStep(first), LazyStep(second)], Levels((image,), 2)))
    assert pixels.marks == ("exact", *("approximate",) * (len(pixels.levels) - 1))
    assert len(pixels.levels) == 4
    layer = added(viewer, pixels, {"contrast_limits": (0, 4000), "rgb": False, "name": "chain", "metadata": {}})
    np.testing.assert_array_equal(whole(layer), apply(apply(image, "median", size=5), "adjust_gamma", gamma=0.5))
    assert pixels_of(layer) is pixels
    assert [level.shape for level in layer.data] == [(1200, 1500), (600, 750), (300, 375), (150, 188)]
    given = Levels((Level(first, "exact"), Level(pixels.levels[1].array, "approximate")), 2)
    further = run_to_end(lazy_pixels([LazyStep(lazy(first, "invert"))], given))
    assert further.marks == ("exact", *("approximate",) * 3)


def test_a_result_that_is_much_larger_than_its_image_has_small_levels_too(viewer: Any) -> None:
    """Its last one is read whole by napari; pixels of it are those of the finest level."""
    image = picture((300, 400))
    finest = lazy(image, "rescale", scale=30.0, order=0)
    pixels = run_to_end(lazy_pixels([LazyStep(finest)], Levels((image,), 2)))
    assert [max(level.shape) for level in pixels.levels] == [12000, 6000, 3000, 1500, 750, 375, 200]
    for level in pixels.levels[1:]:
        lengths = zip(level.shape, finest.shape, strict=True)
        rows, columns = (np.floor((np.arange(m) + 0.5) * n / m).astype(int) for m, n in lengths)
        np.testing.assert_array_equal(np.asarray(level[:50, -40:]), finest[np.ix_(rows[:50], columns[-40:])])


def test_small_levels_of_a_huge_result_are_computed_pixel_by_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    """They lie within a sixteenth of their size beside the middle of what they stand for; no whole tile is computed."""

    def no_tile(*args: Any) -> Any:
        raise AssertionError

    image = np.add.outer(np.arange(911), np.arange(1201)).astype(np.float32)
    finest = lazy(image, "rescale", scale=999.7, mode="nearest", options=Options(dtype="float32"))
    pixels = run_to_end(lazy_pixels([LazyStep(finest)], Levels((image,), 2)))
    monkeypatch.setattr(import_module("napari_mathimg.engine.lazy.array"), "compute_tile", no_tile)
    coarsest = pixels.levels[-1]
    sizes = np.divide(finest.shape, coarsest.shape)
    rows, columns = ((np.arange(m) + 0.5) * n - 0.5 for m, n in zip(coarsest.shape, sizes, strict=True))
    places = np.add.outer(rows[2:9], columns[-9:-2])
    expected = (places + 1) / 999.7 - 1  # a ramp along both axes, whose pixels have their centers at whole numbers
    off = np.abs(np.asarray(coarsest[2:9, -9:-2]) - expected).max() * 999.7
    assert off <= (sizes / 16 + 1).sum()


def test_duplicates_stay_lazy_and_can_be_computed(viewer: Any, lazily: Any, compute: Callable[[Any], None]) -> None:
    image = picture()
    viewer.add_image(image)
    widget = lazily("denoise", "gaussian", sigma=2.0)
    first = viewer.layers[-1]
    data, arguments, _ = first.as_layer_data_tuple()
    again = viewer.add_image(data, **{**arguments, "metadata": {**arguments["metadata"]}})
    process_events()
    compute(widget)
    np.testing.assert_array_equal(again.data[0], apply(image, "gaussian", sigma=2.0))
    assert pixels_of(again) is None
    assert pixels_of(first) is not None
    assert again.metadata[RECORD][-1]["saturated"] == 0
    assert "saturated" not in first.metadata[RECORD][-1]


def test_labels_can_be_lazy_where_only_their_domain_changes(viewer: Any, lazily: Any, compute: Any) -> None:
    labels = (picture() // 500).astype(np.int32)
    viewer.add_labels(labels)
    widget = lazily("geometry", "rotate", angle=25.0)
    layer = viewer.layers[-1]
    expected = apply(labels, "rotate", angle=25.0, order=0)
    np.testing.assert_array_equal(whole(layer), expected)
    assert not layer.editable
    assert set(np.unique(np.asarray(layer.data[-1]))) <= set(np.unique(expected))
    compute(widget)
    np.testing.assert_array_equal(layer.data[0], expected)
    choose(widget.options.result, "memory")
