"""A small picture of the whole of a rectified plane."""

from contextlib import suppress
from typing import Any
from weakref import ref

import numpy as np
from napari.layers import Labels, Layer
from numpy.typing import NDArray
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QLabel, QSizePolicy

from ...engine import Options
from ...ops.perspective import rectify
from ..layers.levels import shape_at
from ..layers.plane import plane_to_world, shown_index
from ..layers.snapshot import snapshot_at
from ..lazy.shown import unwrapped_data
from ..preview.computed import Request, Update, key_of
from ..preview.edits import Edits
from ..preview.shared_facts import facts_of
from ..preview.shown import Shown
from ..preview.view import Seen
from ..preview.worker import PreviewWorker
from ..qt.pictures.scaled import scaled
from ..settings.preferences import threads
from ..tasks.background_task import message_of
from ..tasks.operation_job import Job
from .corner_geometry import Known, carried, lengths_of

Array = NDArray[Any]

HEIGHT = 170
PIXELS = 2**25  # pixels of a plane above which a coarser level is shown, if there is one
FINER = 2  # pixels that are computed for one of the picture, along each axis, so that it is smooth
COLORS = 2**10  # of a colormap that are told apart
LOOK = ("contrast_limits", "gamma", "colormap")


class Preview(QLabel):
    """Shows the whole of a rectified plane, reduced, in a label of constant height.

    Every n-th pixel of the result is computed, as a run does, and shown in the colors of the layer.

    Parameters
    ----------
    viewer
        The viewer.
    """

    edited = Signal()  # pixels were edited in place, so that another picture is to be shown

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setWordWrap(True)
        self.setToolTip("Reduced preview of the result")
        self._dims, self._facts = viewer.dims, facts_of(viewer)
        self._worker = PreviewWorker(self, self._facts)
        self._worker.told.connect(self._take)
        self._edits = Edits(viewer, self)
        self._edits.edited.connect(self._note_edit)
        self._layer: Layer | None = None
        self._watched: list[Any] = []  # events of the layer that change its look
        self._plane: Any = None  # what identifies the plane that is shown
        self._asked: Any = None  # what identifies the picture that was asked for last
        self._first = self._latest = 0  # numbers of the first request for the plane, and of the last one
        self.is_busy = False  # whether the picture that was asked for is not complete yet
        self.shown: tuple[Update, Shown] | None = None

    def show_map(self, layer: Layer, level: int, known: Known) -> None:
        """Show what a run with resolved parameters gives of the plane of a level that the viewer displays."""
        request = self._request(layer, level, known)
        plane = id(layer.data), level, shown_index(self._dims, layer, level)
        asked = key_of(request.job), request.seen
        is_new = layer is not self._layer or plane != self._plane
        if asked == self._asked and not is_new:
            return
        if is_new:
            self.forget()
            self._follow(layer)
        self._asked, self._plane, self.is_busy = asked, plane, True
        self._latest = self._worker.ask(request)
        self._first = self._latest if is_new else self._first

    def forget(self) -> None:
        """Show nothing, and stop what is being computed."""
        self._worker.cancel()
        self._follow(None)
        self._asked = self._plane = self.shown = None
        self.is_busy = False
        self.clear()

    def stop(self) -> None:
        """Stop for good."""
        self.forget()
        self._worker.close()

    def _request(self, layer: Layer, level: int, known: Known) -> Request:
        """Return the request for a picture, of a coarser level where there is too much."""
        place = self.parentWidget() or self  # it is as wide, also before it is shown for the first time
        room = HEIGHT, place.width()
        if (coarse := _readable(layer, level)) != level:
            with suppress(ValueError):  # corners may be too close together there
                return request_for(layer, coarse, carried(known, (layer, level), (layer, coarse)), self._dims, room)
        return request_for(layer, level, known, self._dims, room)

    def _follow(self, layer: Layer | None) -> None:
        """Follow the look and the pixels of a layer."""
        while self._watched:
            self._watched.pop().disconnect(self._draw)
        self._layer = layer
        self._edits.follow(layer)
        if layer is not None:
            self._watched = [getattr(layer.events, name) for name in LOOK if hasattr(layer.events, name)]
            for emitter in self._watched:
                emitter.connect(self._draw)

    def _note_edit(self) -> None:
        """Compute anew, because pixels were edited in place."""
        if self._layer is not None:
            for array in self._layer.data if self._layer.multiscale else [self._layer.data]:
                self._facts.touch(unwrapped_data(array))
        self._worker.touch()
        self._asked = None
        self.edited.emit()

    def _take(self, serial: int, update: Update | None, what: Any) -> None:
        """Show a picture, or say what failed."""
        if self._layer is None or serial < self._first:
            return
        if update is not None:
            self.shown = update, what
            self.is_busy = self.is_busy and (serial, update.state) != (self._latest, "exact")
            self._draw()
        elif serial == self._latest:
            self.shown, self.is_busy = None, False
            self.setText(f"The plane could not be read: {what if isinstance(what, str) else message_of(what)}")
            self.show()

    def _draw(self, event: Any = None) -> None:
        """Draw the picture in the colors of the layer."""
        if self.shown is not None and self._layer is not None:
            update, shown = self.shown
            seen = update.request.seen
            size = [max(round(side * seen.zoom / FINER), 1) for side in seen.half]
            colors = colors_of(shown.data, self._layer)
            self.setPixmap(QPixmap.fromImage(scaled(colors, size, blends=shown.kind != "labels")))


def _readable(layer: Layer, level: int) -> int:
    """Return the first level, from one on, of which a plane is not too large."""
    levels = range(level, len(layer.data) if layer.multiscale else 1)
    small = (each for each in levels if np.prod(shape_at(layer, each)[-2:], dtype=float) <= PIXELS)
    return next(small, levels[-1])


def request_for(layer: Layer, level: int, known: Known, dims: Any, room: tuple[int, int]) -> Request:
    """Return the request for a picture of a rectified plane of a level.

    Parameters
    ----------
    layer, level
        The level of a layer, of which the viewer displays a plane.
    known
        Resolved parameters of `rectify` for that level.
    dims
        The viewer's dims.
    room
        Height and width of the place for the picture, in pixels of the screen.

    Raises
    ------
    ValueError
        If the parameters define no map.
    """
    source, n = snapshot_at(layer, level, with_record=False), layer.ndim
    options = Options(ndim=2, channel_axis=n if source.rgb else None)
    job = Job(rectify, source, ref(layer), options, dict(known), "everything", threads=threads())
    gather = rectify.function(shape_at(layer, level)[-2:], **known)
    sides = [side / known[name] for side, name in zip(lengths_of(known), ("height", "width"), strict=True)]
    extent = np.array(sides) * gather.shape  # of the result, in the unit of the last axis
    middle = np.array([(m - 1) / 2 for m in gather.shape] + [1])
    center = (plane_to_world(layer, level) @ gather.placement @ middle)[:2]
    place = source.placement.affine @ source.placement.matrix @ (*shown_index(dims, layer, level), 0, 0, 1)
    point = *map(float, place[: n - 2]), 0.0, 0.0
    units = *layer.units[:-2], layer.units[-1], layer.units[-1]
    half = float(extent[0]), float(extent[1])  # twice as much as is needed: rounding may not cut anything off
    zoom = FINER * float(min(room / extent))
    seen = Seen(point, (n - 2, n - 1), units, (float(center[0]), float(center[1])), half, zoom)
    return Request(job, seen)


def colors_of(data: Array, layer: Layer) -> Array:
    """Return pixels in the colors of a layer, uint8 of shape (rows, columns, 4); NaN has no opacity."""
    data = data.reshape(data.shape[layer.ndim - 2 :])
    if isinstance(layer, Labels):
        shares = np.asarray(layer.colormap.map(data))
        shares[..., 3] = 1
        return _bytes(shares)
    if layer.rgb:
        return _bytes(data / np.iinfo(data.dtype).max) if data.dtype.kind in "iu" else _bytes(data)
    low, high = layer.contrast_limits
    table = _bytes(np.asarray(layer.colormap.map(np.linspace(0, 1, COLORS))))
    share = np.clip((data - low) / ((high - low) or 1.0), 0, 1) ** layer.gamma
    colors: Array = table[np.rint((COLORS - 1) * np.nan_to_num(share)).astype(np.intp)]
    colors[np.isnan(data)] = 0
    return colors


def _bytes(share: Array) -> Array:
    """Convert numbers from 0 to 1 to uint8; NaN to 0."""
    whole: Array = np.rint(255 * np.clip(np.nan_to_num(share), 0, 1)).astype(np.uint8)
    return whole
