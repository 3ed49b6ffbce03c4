"""A small preview of a point-spread function with its widths, computed in the background."""

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QPainter, QPixmap
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ...contract.progress import Progress
from ...contract.quantities import count, number, percent, quantity
from ...contract.quantities import sizes as by_axes
from ...methods.point_spread.kinds import fwhm
from ...methods.point_spread.preparation import border_offset
from ..qt.layout import wrapping_label
from ..qt.pictures.scaled import scaled
from ..tasks.latest_task import LatestTask

Array = NDArray[Any]

SIDE = 112  # side of a picture, in screen pixels
DELAY = 200  # milliseconds from the last change to the computation
LINES = 5  # lines of text below the pictures
FRAME = 8  # a plane is padded by 1/FRAME of its size on either side
LARGEST = 2**26  # values of the largest array that is computed for a preview
TIP = "Section of the PSF through its brightest pixel; brightness is the square root of the values, to show faint light"


class Pictured(NamedTuple):
    """A computed point-spread function: the key of the request, the array, its central planes and its widths."""

    key: Any
    array: Array
    planes: tuple[Array, ...]
    widths: tuple[float, ...]
    offset: float = 0.0  # that the border shows, as a share of the peak


def pictured(key: Any, kernel: Any) -> Generator[Progress, None, Pictured]:
    """Compute a point-spread function, its planes through the brightest pixel and its widths."""
    yield Progress("PSF", 0, 1)
    if np.prod(kernel.shape, dtype=float) > LARGEST:
        raise ValueError(f"psf: must have at most {count(LARGEST)} pixels, not {by_axes(kernel.shape)}")
    array = np.asarray(kernel)
    yield Progress("PSF", 1, 1)
    widths = fwhm(array)
    peak = np.unravel_index(int(array.argmax()), array.shape)
    planes = [array[peak[0]], array[:, peak[1]]] if array.ndim == 3 else [array]
    offset = border_offset(array) / float(array[peak])
    return Pictured(key, array, tuple(_gray(plane / array[peak]) for plane in planes), widths, offset)


def _gray(share: Array) -> Array:
    gray: Array = np.rint(255 * np.sqrt(np.clip(share, 0, 1))).astype(np.uint8)
    return np.pad(gray, [(max(n // FRAME, 1),) * 2 for n in gray.shape])


class PsfPreview(QWidget):
    """Shows the planes through the brightest pixel and the widths, in the same place for each PSF.

    While there is only a sentence to show, it takes no more place than that.
    """

    ready = Signal(object)  # emits a `Pictured`
    said = Signal()  # a sentence is shown instead of a preview

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wanted: tuple[Any, Any] | None = None
        self._spacing: tuple[float, ...] = ()
        self._unit = ""
        self._axes: tuple[str, ...] = ()
        self.shown: Pictured | None = None
        self.task = LatestTask(self, delay=DELAY)
        self.task.returned.connect(self._show)
        self.task.failed.connect(self.say)
        self.pictures = [QLabel(), QLabel()]
        self.text = wrapping_label()
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._place = QWidget()
        row = QHBoxLayout(self._place)
        row.setContentsMargins(0, 0, 0, 0)
        for picture in self.pictures:
            picture.setFixedSize(SIDE, SIDE)
            picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
            picture.setToolTip(TIP)
            row.addWidget(picture)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._place)
        column.addWidget(self.text)
        column.addStretch(1)
        self._place.hide()
        self.text.hide()

    def showEvent(self, event: Any) -> None:
        """Begin to compute what was requested while the widget was hidden."""
        super().showEvent(event)
        self._start()

    def _reserve(self, lines: int) -> None:
        """Take the place of pictures and of so many lines of text; of the text alone if there are none."""
        self._place.setVisible(lines > 0)
        self.text.setMinimumHeight(lines * self.text.fontMetrics().lineSpacing())
        self.text.show()

    def ask(self, key: Any, kernel: Any, axes: Sequence[str], spacing: tuple[float, ...], unit: str) -> None:
        """Request the preview of a point-spread function, unless the one with this key is already shown.

        Parameters
        ----------
        key
            Identifies the array.
        kernel
            Array, or a lazy equivalent.
        axes, spacing, unit
            Names of its axes, pixel size, and the unit of the pixel size ("" for none).
        """
        self._axes, self._spacing, self._unit = tuple(axes), spacing, unit
        if self._wanted is None or self._wanted[0] != key:
            self.task.cancel()
        self._wanted = key, kernel
        if self.shown is not None and self.shown.key == key:
            self._show_pictures(self.shown)
        else:
            self._start()

    def say(self, text: str) -> None:
        """Show a sentence instead of a preview."""
        self._wanted, self.shown = None, None
        self.task.cancel()
        self._reserve(0)
        self.text.setText(text)
        self.said.emit()

    @property
    def is_pending(self) -> bool:
        """Whether the requested point-spread function is not shown yet."""
        return self._wanted is None or self.shown is None or self.shown.key != self._wanted[0]

    def _start(self) -> None:
        """Compute the requested point-spread function if the widget is visible."""
        if self._wanted is not None and self.is_pending and self.isVisible() and not self.task.is_running:
            self.task.ask(pictured(*self._wanted))

    def _show(self, computed: Pictured) -> None:
        self.shown = computed
        self._show_pictures(computed)
        self.ready.emit(computed)

    def _show_pictures(self, computed: Pictured) -> None:
        """Show the pictures, with the aspect ratio of the world, and the widths."""
        spacing = self._spacing
        sizes = [(spacing[-2], spacing[-1]), (spacing[0], spacing[-1])][: len(computed.planes)]
        extents = [np.array(p.shape) * size for p, size in zip(computed.planes, sizes, strict=True)]
        zoom = SIDE / max(e.max() for e in extents)
        names = self._axes[-1] + self._axes[-2], self._axes[-1] + self._axes[0]
        self._reserve(LINES)
        self.pictures[1].setVisible(len(computed.planes) > 1)
        for picture, plane, extent, name in zip(self.pictures, computed.planes, extents, names, strict=False):
            picture.setPixmap(_picture(plane, np.maximum(np.rint(extent * zoom), 1).astype(int), name))
        lines = ["Width at half maximum", _sizes(self._axes, computed.widths, "px")]
        if self._unit:
            world = [w * s for w, s in zip(computed.widths, spacing, strict=True)]
            lines.append(_sizes(self._axes, world, self._unit))
        lines.append(f"Size {by_axes(computed.array.shape, 'px')}")
        if computed.offset:
            lines.append(f"Border at {percent(round(computed.offset, 2))} of the peak: see PSF border")
        self.text.setText("\n".join(lines))


def _sizes(axes: Sequence[str], sizes: Sequence[float], unit: str) -> str:
    return quantity(", ".join(f"{axis} {number(size, 3)}" for axis, size in zip(axes, sizes, strict=True)), unit)


def _picture(plane: Array, size: Array, name: str) -> QPixmap:
    """Return a plane scaled to a size (height, width), on black, with the names of its axes."""
    picture = scaled(plane, size)
    out = QPixmap(SIDE, SIDE)
    out.fill(Qt.GlobalColor.black)
    painter = QPainter(out)
    painter.drawImage((SIDE - picture.width()) // 2, (SIDE - picture.height()) // 2, picture)
    painter.setPen(Qt.GlobalColor.white)
    painter.drawText(4, SIDE - 5, name)
    painter.end()
    return out
