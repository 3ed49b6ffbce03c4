"""Measurement of a point-spread function on beads that are marked by points."""

from collections.abc import Generator
from typing import Any

import numpy as np
from napari.layers import Image, Layer, Points
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ...contract.progress import Progress
from ...methods.point_spread.kinds import Beads, from_beads
from ...recipe.placement import axis_names
from ..form.fields import make_narrow
from ..layers.item_axes import Axes
from ..layers.layer_picker import LayerPicker
from ..layers.levels import array_of, into_full, names, position_at
from ..qt.layout import button, form_layout, hbox, vbox_widget, wrapping_label
from ..qt.number_boxes import WholeSpinBox
from ..tasks.background_task import BackgroundTask, reason
from .pixel_sizes import axes_like, pixels_of, placed_in_middle, same_level

SIZE = 15  # default size of the boxes, in pixels
MOST = 511


class BeadsBox(QWidget):
    """Averages boxes around marked beads in an image, and adds the mean as a layer."""

    measured = Signal(object)  # emits the layer

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._axes: Axes = (0, 1)  # those of the source's items
        self._source: Layer | None = None
        self._level = 0
        self.task = BackgroundTask(self)
        self.task.returned.connect(self._add)
        self.task.failed.connect(self._fail)
        self.task.finished.connect(self._end)
        self.image = LayerPicker(viewer, self._holds_beads, lambda layer: False, self, "Choose a layer")
        self.image.setToolTip(
            "Image of beads smaller than the resolution, recorded like the image to be processed. In a multiscale"
            " image, the level whose pixel size matches the processed one is used"
        )
        self.points = LayerPicker(viewer, lambda layer: isinstance(layer, Points), lambda layer: False, self, "None")
        self.points.setToolTip("Points layer with one point on each bead")
        self._sizes = [WholeSpinBox() for _ in range(3)]
        for box in self._sizes:
            box.setRange(3, MOST)
            box.setSingleStep(2)
            box.setValue(SIZE)
            make_narrow(box)
            box.setToolTip("Size of the box around each bead, in pixels; an even number is rounded up to an odd one")
        self.measure = button("Measure", "Average the beads, add the mean as a layer, and use it as the PSF")
        self.measure.clicked.connect(self._measure)
        self.message = wrapping_label()
        fields = form_layout(
            {"Beads in": self.image, "Points": self.points, "Box (px)": vbox_widget(hbox(*self._sizes))}
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(fields)
        column.addWidget(self.measure)
        column.addWidget(self.message)

    @property
    def sizes(self) -> dict[str, WholeSpinBox]:
        """The fields for the size of the boxes along each of three axes, by name."""
        return dict(zip(("deep", "high", "wide"), self._sizes, strict=True))

    @property
    def size(self) -> tuple[int, ...]:
        """The size of the boxes, odd along each axis."""
        return tuple(box.value() // 2 * 2 + 1 for box in self._sizes[-len(self._axes) :])

    @size.setter
    def size(self, size: tuple[int, ...]) -> None:
        for box, n in zip(self._sizes[-len(size) :], size, strict=True):
            box.setValue(n)

    def show_for(self, source: Layer, axes: Axes, level: int = 0) -> None:
        """Prepare to measure along some axes at the pixel size of a level; propose the source as image of beads."""
        self._axes, self._level = axes, level
        if source is not self._source:
            self._source = source
            self.image.list_layers()
            if self.image.layer is None:
                self.image.layer = source
        names = axis_names(source.axis_labels)
        for box, axis in zip(self._sizes[-len(axes) :], axes, strict=True):
            box.setPrefix(f"{names[axis]} ")
        self._sizes[0].setVisible(len(axes) == 3)

    def _holds_beads(self, layer: Layer) -> bool:
        return isinstance(layer, Image) and not layer.rgb and layer.ndim >= len(self._axes)

    def _measure(self) -> None:
        layer, points = self.image.layer, self.points.layer
        if layer is None or points is None:
            self.message.setText("Choose an image of beads, and a Points layer with one point on each.")
            return
        source = layer if self._source is None else self._source
        level, axes = same_level(layer, source, self._axes, self._level), axes_like(layer, source, self._axes)
        lead = [axis for axis in range(layer.ndim) if axis not in axes]
        here = np.array(position_at(self._viewer.dims, layer, level))[lead]
        places = pixels_of(layer, points, points.data, self._viewer.dims)
        places = into_full(layer, level).inverse(places) if len(places) else places
        shown = places[(np.abs(places[:, lead] - here) <= 0.5).all(axis=1)]
        self.message.setText("Averaging the beads…")
        self.measure.setEnabled(False)
        self._measured = layer, axes, level
        array, index = array_of(layer, level), [slice(None)] * layer.ndim
        for axis, k in zip(lead, here.tolist(), strict=True):
            index[axis] = k
        self.task.start(_steps(array[tuple(index)] if lead else array, shown[:, axes], self.size))

    def _add(self, beads: Beads) -> None:
        source, axes, level = self._measured
        used = f"{len(beads.middles)} beads" if len(beads.middles) > 1 else "1 bead"
        left = ", ".join(f"{count} {why}" for why, count in beads.skipped.items())
        where = f" in level {names(source)[str(level)]}" if source.multiscale else ""
        self.message.setText(f"{used} averaged{where}." + (f" Left out: {left}." if left else ""))
        look = {"colormap": source.colormap, "contrast_limits": (0, float(beads.psf.max()))}
        place = placed_in_middle(beads.psf, source, axes, level)
        layer = Image(beads.psf, name=f"PSF from {source.name}", **look, **place)
        chosen = self._viewer.layers.selection.active
        self._viewer.add_layer(layer)
        self._viewer.layers.selection.active = chosen
        self.measured.emit(layer)

    def _fail(self, error: Exception) -> None:
        self.message.setText("")
        self.message.setText(f"{reason(error)}.")

    def _end(self) -> None:
        self.measure.setEnabled(True)

    def disconnect_from_viewer(self) -> None:
        """Cancel the measurement and disconnect from the viewer."""
        self.task.cancel()
        for picker in (self.image, self.points):
            LayerPicker.disconnect_from_viewer(picker)


def _steps(image: Any, points: Any, size: tuple[int, ...]) -> Generator[Progress, None, Beads]:
    yield Progress("Beads", 0, 1)
    return from_beads(image, points, size)
