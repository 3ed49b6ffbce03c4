"""A small preview of the mapped plane, sampled directly from the image."""

from collections.abc import Callable, Generator
from typing import Any, NamedTuple
from weakref import ref

import numpy as np
from napari.layers import Labels, Layer
from numpy.typing import NDArray
from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QLabel, QSizePolicy, QWidget

from ...contract.operation import BlockInfo
from ...contract.progress import Progress
from ...contract.reach import Gather
from ...methods.maps import Projective
from ...methods.plane_matrices import projective, shift
from ...methods.sampling import sample
from ..layers.levels import full_resolution
from ..layers.plane import shown_index
from ..tasks.latest_task import LatestTask

Array = NDArray[Any]
Size = tuple[float, float]

HEIGHT = 170
LEAST = 64  # shorter side of the smallest level, in pixels
PIXELS = 2**25  # pixels of a plane that is kept in full; larger planes are subsampled
BAND = 2**22  # pixels that are read at a time


class Plane(NamedTuple):
    """Identifies a plane: the layer, its data, the level and the index of the plane."""

    layer: "ref[Layer]"
    data: int
    level: int
    place: tuple[int, ...]


class Preview(QLabel):
    """Shows a reduced, rectified plane in a label of constant height.

    The plane is read once, in the background, and kept at full and successively halved resolutions. Each picture is
    sampled from the resolution whose pixel count is closest to its own.
    """

    ready = Signal()  # a new plane has been read

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setWordWrap(True)
        self.setToolTip("Reduced preview of the result")
        self.task = LatestTask(self, expected=(Exception,))  # reading lazy data may raise any exception
        self.task.returned.connect(self._keep)
        self.task.failed.connect(self._tell_failure)
        self._levels: list[Array] = []
        self._key: Plane | None = None
        self._requested: Plane | None = None
        self._watched: list[Any] = []  # the events of the layer that tell of edits
        self._again: Callable[[], None] = lambda: None  # reads the same plane again
        self._soon = QTimer(self)  # napari tells of an edit before it has updated all
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._read_again)
        self._size = 1.0, 1.0  # pixel size of the finest kept resolution, in pixels of the image

    def watch(self, layer: Layer | None, dims: Any, level: int = 0) -> None:
        """Read the plane of a level that the viewer displays, unless it was the last one requested."""
        if layer is not (None if self._requested is None else self._requested.layer()):
            self._follow(layer)
        plane = None if layer is None else Plane(ref(layer), id(layer.data), level, shown_index(dims, layer, level))
        if plane is not None and plane == self._requested:
            return
        self._levels, self._key, self._requested = [], None, plane
        if layer is None or plane is None:
            self.task.cancel()
            self.clear()
            return
        levels = list(layer.data)[level:] if layer.multiscale else [layer.data]
        is_labels, ndim = isinstance(layer, Labels), int(layer.ndim)
        self._again = lambda: self.task.ask(_levels(plane, levels, ndim, is_labels))
        self._again()

    def _follow(self, layer: Layer | None) -> None:
        """Read again when the pixels of a layer are edited in place; lazy ones are not read without need."""
        while self._watched:
            self._watched.pop().disconnect(self._edited)
        self._soon.stop()
        if layer is not None and isinstance(full_resolution(layer), np.ndarray):
            names = [name for name in ("set_data", "paint") if hasattr(layer.events, name)]
            self._watched = [getattr(layer.events, name) for name in names]
            for emitter in self._watched:
                emitter.connect(self._edited)

    def _tell_failure(self, text: str) -> None:
        self.setText(f"The plane could not be read: {text}")
        self.show()

    def _edited(self, event: Any = None) -> None:
        self._soon.start(0)

    def _read_again(self) -> None:
        if self._requested is not None:
            self._again()

    def stop(self) -> None:
        """Stop reading."""
        self._follow(None)
        self.task.close()

    def _keep(self, answer: tuple["Plane", list[Array], Size]) -> None:
        self._key, self._levels, self._size = answer
        self.ready.emit()

    def show_map(self, layer: Layer, level: int, gather: Gather, across: float) -> bool:
        """Show the mapped plane; `across` is the ratio of width to height of a result pixel.

        Return whether there was a plane to show.
        """
        if not self._levels or self._key is None or (self._key.layer(), self._key.level) != (layer, level):
            return False
        rows, columns = gather.shape
        place = self.parentWidget() or self  # it is as wide, also before it is shown for the first time
        fit = min(place.width() / (columns * across), HEIGHT / rows)
        high, wide = max(round(rows * fit), 1), max(round(columns * across * fit), 1)
        zoom = np.diag([rows / high, columns / wide, 1.0])
        assert isinstance(gather.source, Projective)
        matrix = np.array(gather.source.matrix)
        matrix = matrix @ shift((-0.5, -0.5)) @ zoom @ shift((0.5, 0.5))
        plane, reduced = self._reduced(matrix, (high, wide))
        to_plane = np.diag([1 / reduced[0], 1 / reduced[1], 1.0])
        matrix = shift((-0.5, -0.5)) @ to_plane @ shift((0.5, 0.5)) @ matrix
        order = 0 if isinstance(layer, Labels) else 1
        small = Gather((high, wide), projective(matrix), np.eye(3), order, gather.mode, gather.cval)
        whole, box = tuple((0, n) for n in plane.shape[:2]), ((0, high), (0, wide))
        sampled = sample(plane, info=BlockInfo((), plane.shape[:2], whole, box, small))
        self.setPixmap(_picture(_colors(sampled, layer)))
        return True

    def _reduced(self, matrix: Array, size: tuple[int, int]) -> tuple[Array, Size]:
        """Return the resolution whose pixels match the picture's, and its pixel size in pixels of the image."""
        y, x = size[0] / 2, size[1] / 2
        points = np.array([(y, x, 1.0), (y + 1, x, 1.0), (y, x + 1, 1.0)]) @ matrix.T
        points = points[:, :2] / points[:, 2:]
        area = abs(np.linalg.det(points[1:] - points[0])) / np.prod(self._size)
        number = int(np.clip(np.floor(np.log2(max(area, 1.0)) / 2), 0, len(self._levels) - 1))
        return self._levels[number], (self._size[0] * 2**number, self._size[1] * 2**number)


def _readable(place: tuple[int, ...], levels: list[Any], ndim: int) -> tuple[Any, Size]:
    """Return the plane from the first level that is not too large, and its pixel size in pixels of the first level."""
    axes = slice(ndim - 2, ndim)
    level = next((v for v in levels if np.prod(v.shape[axes], dtype=float) <= PIXELS), levels[-1])
    counts = list(zip(level.shape, levels[0].shape, strict=False))
    at = tuple(min(int((i + 0.5) * n / m), n - 1) for i, (n, m) in zip(place, counts, strict=False))
    rows, columns = (m / n for n, m in counts[axes])
    return level[at] if at else level, (rows, columns)


def _levels(
    key: Plane, levels: list[Any], ndim: int, labels: bool
) -> Generator[Progress, None, tuple[Plane, list[Array], Size]]:
    """Read a plane, from the first level that is not too large, and halve it as often as the preview may need."""
    yield Progress("Preview", 0, 1)
    plane, size = _readable(key.place, levels, ndim)
    rows, columns = plane.shape[:2]
    step = max(1, int(np.ceil(np.sqrt(rows * columns / PIXELS))))
    count = max(1, BAND // columns // step) * step
    bands = []
    for first in range(0, rows, count):
        yield Progress("Preview", first, rows)
        band = np.asarray(plane[first : first + count : step, ::step])
        bands.append(band if labels else band.astype(np.float32))
    halved = [np.ascontiguousarray(np.concatenate(bands))]
    while not labels and min(halved[-1].shape[:2]) >= 2 * LEAST:
        yield Progress("Preview", rows, rows)
        fine = halved[-1]
        fine = fine[: fine.shape[0] // 2 * 2, : fine.shape[1] // 2 * 2]
        halved.append((fine[::2, ::2] + fine[1::2, ::2] + fine[::2, 1::2] + fine[1::2, 1::2]) / 4)
    return key, halved, (size[0] * step, size[1] * step)


def _colors(plane: Array, layer: Layer) -> Array:
    """Return a plane in the colors of the layer, uint8 of shape (rows, columns, 3)."""
    if isinstance(layer, Labels):
        return _bytes(np.asarray(layer.colormap.map(plane))[..., :3])
    if layer.rgb:
        whole = np.dtype(layer.dtype).kind in "iu"
        full = np.iinfo(layer.dtype).max if whole else 1.0
        return _bytes(plane[..., :3] / full)
    low, high = layer.contrast_limits
    table = _bytes(np.asarray(layer.colormap.map(np.linspace(0, 1, 256)))[:, :3])
    share = np.nan_to_num((plane - low) / ((high - low) or 1.0))
    picture: Array = table[_bytes(np.clip(share, 0, 1) ** layer.gamma)]
    return picture


def _bytes(share: Array) -> Array:
    """Convert numbers from 0 to 1 to uint8."""
    whole: Array = np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)
    return whole


def _picture(rgb: Array) -> QPixmap:
    rgb = np.ascontiguousarray(rgb)
    high, wide = rgb.shape[:2]
    return QPixmap.fromImage(QImage(rgb.data, wide, high, 3 * wide, QImage.Format.Format_RGB888).copy())
