"""The planes before and after the shown one, computed while nothing else happens."""

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from napari.layers import Layer
from qtpy.QtCore import QObject

from ...contract.progress import Progress
from ..layers.levels import position_at
from ..layers.view_geometry import displayed_axes
from ..lazy.pixels import LazyPixels
from ..tasks.latest_task import LatestTask

REST = 150  # milliseconds after the last move of a slider
PIECE = 2**18  # pixels that are read at a time, between which a move stops it
SHARE = 4  # of the tiles that are kept, one in so many may be of planes that nobody has asked for

Read = tuple[Any, tuple[slice | int, ...]]


class Prefetch(QObject):
    """Computes, after a move of a slider, the parts in view of the planes before and after the shown one.

    Parameters
    ----------
    viewer
        The viewer.
    layers
        Returns the lazy layers.
    parent
        The owner.
    """

    def __init__(self, viewer: Any, layers: Callable[[], Sequence[tuple[Layer, LazyPixels]]], parent: QObject) -> None:
        super().__init__(parent)
        self._viewer, self._layers = viewer, layers
        self._step = tuple(viewer.dims.current_step)
        self._task = LatestTask(self, delay=REST, expected=(Exception,), name="prefetch")
        viewer.dims.events.current_step.connect(self._ask)

    @property
    def is_busy(self) -> bool:
        """Whether planes are being computed, or will be soon."""
        return self._task.is_running

    def _ask(self, event: Any = None) -> None:
        before, self._step = self._step, tuple(self._viewer.dims.current_step)
        moved = [axis for axis, (a, b) in enumerate(zip(before, self._step, strict=False)) if a != b]
        if len(before) != len(self._step) or not moved or moved[0] in self._viewer.dims.displayed:
            return
        forward = self._step[moved[0]] > before[moved[0]]
        reads: list[Read] = []
        for layer, pixels in self._layers():
            if layer.visible:
                reads += self._reads(layer, pixels, moved[0], forward)
        if reads:
            self._task.ask(_read(reads))
        else:
            self._task.cancel()

    def _reads(self, layer: Layer, pixels: LazyPixels, axis: int, forward: bool) -> Iterator[Read]:
        """Yield what napari will read of the next planes, in the direction of the move first."""
        dims, off = self._viewer.dims, self._viewer.dims.ndim - layer.ndim
        if axis < off or dims.ndisplay != 2:
            return
        number = int(layer.data_level) if layer.multiscale else 0
        level, here = pixels.levels[min(number, len(pixels.levels) - 1)], position_at(dims, layer, number)
        key: list[slice | int] = list(here)
        size = level.dtype.itemsize
        for shown in displayed_axes(dims, layer):
            span = slice(0, level.shape[shown])
            if layer.multiscale:
                first, last = (int(corner) for corner in layer.corner_pixels[:, shown])
                span = slice(first, last + 1)
            key[shown] = span
            size *= span.stop - span.start
        if size > _limit(level.array) // SHARE:
            return
        for step in (1, -1) if forward else (-1, 1):
            place = here[axis - off] + step
            if 0 <= place < level.shape[axis - off]:
                yield level, (*key[: axis - off], place, *key[axis - off + 1 :])

    def close(self) -> None:
        """Stop for good."""
        with suppress(RuntimeError, ValueError):
            self._viewer.dims.events.current_step.disconnect(self._ask)
        self._task.close()


def _limit(array: Any) -> int:
    """Return the bytes of tiles that an array keeps; 0 for one that keeps none."""
    while not hasattr(array, "cache"):
        inner = getattr(array, "array", None)
        if inner is None:
            return 0
        array = inner
    return int(array.cache.limit)


def _read(reads: Sequence[Read]) -> Generator[Progress, None, None]:
    """Compute parts, piece by piece, so that they are kept."""
    for number, (level, key) in enumerate(reads):
        spans = [(axis, range(*k.indices(level.shape[axis]))) for axis, k in enumerate(key) if isinstance(k, slice)]
        axis, span = spans[0]
        other = math.prod(len(s) for _, s in spans[1:])
        rows = max(PIECE // max(other, 1), 1)
        chunks = level.chunks
        rows = max(rows // chunks[axis], 1) * chunks[axis] if chunks is not None else rows
        first = span.start // rows * rows
        for start in range(first, span.stop, rows):
            yield Progress("Prefetch", number, len(reads))
            part = slice(max(start, span.start), min(start + rows, span.stop))
            np.asarray(level[(*key[:axis], part, *key[axis + 1 :])])
