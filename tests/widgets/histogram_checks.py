"""Comparison of a histogram dock with NumPy's counts, drags in its plot, and arrays that record their reads."""

import sys
import threading
from collections.abc import Callable
from typing import Any

import dask.array as da
import numpy as np
from event_loop import process_events
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication
from skimage import data

from napari_mathimg.widgets.histogram.dock import HistogramDock

Settle = Callable[..., None]
RNG = np.random.default_rng(0)
KINDS: dict[str, Callable[[], tuple[Any, dict[str, Any]]]] = {
    "u1": lambda: (data.camera()[::4, ::4], {}),
    "u2": lambda: (np.random.default_rng(1).integers(0, 2**16, (60, 70), dtype=np.uint16), {}),
    "hot f4": lambda: (np.where(np.eye(50), np.float32(1e30), RNG.random((50, 50)).astype("f4")), {}),
    "NaN f8": lambda: (np.where(np.eye(50), np.nan, RNG.random((50, 50))), {}),
    "constant": lambda: (np.full((20, 20), 7, np.int16), {}),
    "bool": lambda: (RNG.random((30, 30)) > 0.3, {}),
    "4-D": lambda: (np.random.default_rng(2).normal(9, 3, (2, 3, 40, 50)).astype("f4"), {}),
    "RGB": lambda: (data.astronaut()[::8, ::8], {"rgb": True}),
    "f2": lambda: (RNG.random((30, 40)).astype("f2"), {"contrast_limits": (0, 1)}),
    "dask": lambda: (da.from_array(np.random.default_rng(3).integers(0, 99, (6, 64, 64)), chunks=(1, 64, 32)), {}),
    "multiscale": lambda: (
        [np.random.default_rng(4).integers(0, 999, (128 // k, 128 // k), dtype=np.uint16) for k in (1, 2, 4)],
        {"multiscale": True, "contrast_limits": (0, 999)},
    ),
}


def pixels_of(layer: Any, viewer: Any, where: str = "layer", mask: Any = None) -> Any:
    """Return the pixels of a layer that the dock should count."""
    array = np.asarray(layer.data[0] if layer.multiscale else layer.data)
    if where != "layer":
        before = viewer.dims.ndim - layer.ndim
        shown = [axis - before for axis in viewer.dims.displayed]
        at = layer.world_to_data(np.asarray(viewer.dims.point)[before:])
        array = array[tuple(slice(None) if k in shown else int(np.round(at[k])) for k in range(layer.ndim))]
    if mask is not None:
        array = array[mask]
    return array


def check(dock: HistogramDock, pixels: Any, channel: int = 0, *, rgb: bool = False) -> None:
    """Compare the drawn counts with numpy.histogram on the same edges, and the statistics with NumPy's."""
    follower, found = dock.follower, dock.found
    assert follower is not None
    assert found is not None, dock.shown_sentence
    assert dock.shown_sentence == ""
    assert follower.tally is not None
    assert follower.tally.exact
    plane = np.asarray(pixels)[..., channel] if rgb else np.asarray(pixels)
    x = plane.ravel()
    x = x[np.isfinite(x)] if x.dtype.kind == "f" else x
    x = x.astype(np.float64)
    np.testing.assert_array_equal(found.counts[channel], np.histogram(x, found.edges)[0])
    assert np.atleast_1d(found.underflow)[channel] == np.count_nonzero(x < found.edges[0])
    assert np.atleast_1d(found.overflow)[channel] == np.count_nonzero(x > found.edges[-1])
    assert np.atleast_1d(found.nonfinite)[channel] == plane.size - x.size
    drawn = next(c for c in dock.plot._curves if not c.dashed and (not rgb or c.name.endswith("Red")))
    np.testing.assert_array_equal(drawn.counts, found.counts[channel])
    if not rgb and x.size:
        s = follower.tally.statistics()
        np.testing.assert_allclose([s.mean, s.low, s.high], [x.mean(), x.min(), x.max()], rtol=1e-9, atol=1e-9)


def drag(
    plot: Any, start: float, stop: float, height: float = 0.5, modifiers: Any = Qt.KeyboardModifier.NoModifier
) -> None:
    """Drag with the left button from one value to another."""
    rect, view = plot.view.sceneBoundingRect(), plot.viewport()
    y = rect.top() + rect.height() * (1 - height)
    points = [plot.view.mapViewToScene(QPointF(x, 0)).x() for x in np.linspace(start, stop, 9)]

    def send(kind: QEvent.Type, x: float, button: Any, buttons: Any) -> None:
        at = QPointF(plot.mapFromScene(QPointF(x, y)))
        there = QPointF(view.mapToGlobal(at.toPoint()))
        event = QMouseEvent(kind, at, there, button, buttons, modifiers)
        QApplication.sendEvent(view, event)
        process_events()

    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    send(QEvent.Type.MouseMove, points[0], none, none)
    send(QEvent.Type.MouseButtonPress, points[0], left, left)
    for x in points[1:]:
        send(QEvent.Type.MouseMove, x, none, left)
    send(QEvent.Type.MouseButtonRelease, points[-1], left, none)


class Watched:
    """A chunked array that counts how often each pixel is read."""

    def __init__(self, array: Any) -> None:
        self.array, self.shape, self.dtype, self.ndim = array, array.shape, array.dtype, array.ndim
        self.chunks, self.size = (1, *array.shape[1:]), array.size
        self.read = np.zeros(array.shape, int)

    def __getitem__(self, key: Any) -> Any:
        self.read[key] += 1
        return self.array[key]


class Gated(Watched):
    """A chunked array whose reads outside the main thread wait until its gate is opened.

    Only those wait that include an index from `first` to `last` - 1 of the first axis.
    """

    def __init__(self, array: Any, first: int = 0, last: int = sys.maxsize) -> None:
        super().__init__(array)
        self.gate, self._first, self._last = threading.Event(), first, last

    def __getitem__(self, key: Any) -> Any:
        start, stop, _ = (key if isinstance(key, tuple) else (key,))[0].indices(len(self.array))
        if threading.current_thread() is not threading.main_thread() and start < self._last and stop > self._first:
            assert self.gate.wait(60)
        return super().__getitem__(key)
