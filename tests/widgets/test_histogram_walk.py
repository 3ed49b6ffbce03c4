"""The histogram dock under random work."""

import gc
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from event_loop import process_events
from histogram_checks import KINDS, RNG, Settle, check, pixels_of
from mouse_and_keys import callbacks
from napari.layers import Image

from napari_mathimg.widgets.histogram.dock import HistogramDock
from napari_mathimg.widgets.histogram.layer_counts import Follower
from napari_mathimg.widgets.qt.layout import dock_of

STEPS = int(os.environ.get("NAPARI_MATHIMG_RANDOM_STEPS", "28"))


@pytest.mark.own_window
@pytest.mark.parametrize("seed", [int(os.environ.get("NAPARI_MATHIMG_RANDOM_SEED", "0"))])
def test_random_work_never_shows_anything_stale(
    viewer: Any, histogram: HistogramDock, settle: Settle, notifications: list[Any], seed: int, tmp_path: Path
) -> None:
    """Twenty layers of different kinds are made, switched, sliced, changed, renamed and removed at random."""
    rng = random.Random(seed)
    stored = zarr.create_array(str(tmp_path / "z.zarr"), shape=(4, 50, 60), dtype="f4", chunks=(1, 25, 60))
    stored[:] = np.random.default_rng(7).normal(0, 1, (4, 50, 60))
    kinds = {**KINDS, "zarr": lambda: (stored, {"contrast_limits": (-3, 3)})}
    where = "layer"
    idle = callbacks(viewer)

    def add() -> None:
        if len(viewer.layers) >= 20:
            remove()
        kind = rng.choice([*kinds, "labels", "points"])
        if kind == "labels":
            viewer.add_labels(np.random.default_rng(1).integers(0, 4, (30, 30)))
        elif kind == "points":
            viewer.add_points(RNG.random((5, 2)))
        else:
            array, arguments = kinds[kind]()
            viewer.add_image(array, **arguments)

    def remove() -> None:
        if len(viewer.layers):
            viewer.layers.pop(rng.randrange(len(viewer.layers)))

    def switch() -> None:
        if len(viewer.layers):
            viewer.layers.selection.active = rng.choice(list(viewer.layers))

    def slide() -> None:
        for axis in range(viewer.dims.ndim - 2):
            viewer.dims.set_current_step(axis, rng.randrange(4))

    def rename() -> None:
        if len(viewer.layers):
            rng.choice(list(viewer.layers)).name = f"layer {rng.random():.3f}"

    def change() -> None:
        layer = viewer.layers.selection.active
        if isinstance(layer, Image) and isinstance(layer.data, np.ndarray) and not layer.rgb:
            if rng.random() < 0.5:
                layer.data = (layer.data * 0.5).astype(layer.data.dtype)
            else:
                layer.visible = True  # napari tells nobody of a refresh of what it does not show
                layer.data[..., : rng.randrange(1, 9)] = layer.data.flat[0]
                layer.refresh()

    def look() -> None:
        layer = viewer.layers.selection.active
        if isinstance(layer, Image):
            layer.gamma, layer.visible = rng.choice([0.5, 1, 2]), rng.random() < 0.7

    def show_where() -> None:
        nonlocal where
        where = rng.choice(["layer", "plane"])
        histogram.where.setCurrentIndex(["layer", "plane"].index(where))

    def pin() -> None:
        layer = viewer.layers.selection.active
        if isinstance(layer, Image):
            histogram.pin(layer, rng.random() < 0.5)

    def hide() -> None:
        dock_of(histogram).setVisible(False)  # type: ignore[union-attr]
        rng.choice([add, remove, switch, slide, change])()
        dock_of(histogram).setVisible(True)  # type: ignore[union-attr]

    actions = [add, add, add, remove, switch, switch, switch, slide, slide, rename, change, look, show_where, pin, hide]
    for _ in range(STEPS):
        for _ in range(rng.choice([1, 1, 1, 3])):
            rng.choice(actions)()
        settle(histogram)
        layer = viewer.layers.selection.active
        if not isinstance(layer, Image):
            assert histogram.found is None
            assert histogram.shown_sentence
            continue
        try:
            pixels = pixels_of(layer, viewer, where)
        except IndexError:
            assert "no plane at the current position" in histogram.shown_sentence
            continue
        check(histogram, pixels, rgb=bool(layer.rgb))
        assert histogram.title.whole() == layer.name
    while len(viewer.layers):
        remove()
    settle(histogram)
    process_events()
    gc.collect()
    assert not notifications
    assert callbacks(viewer) == idle
    assert not histogram.findChildren(Follower)
