"""Coefficients of a distortion from one picture of a target, typed into the form; points and pixel size besides."""

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
from napari.layers import Image, Layer, Points
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QGroupBox, QVBoxLayout, QWidget

from ...calibration import Calibration, calibrate_steps
from ...catalog import find
from ...engine import Progress
from ..fields import NumberBox, make_narrow
from ..layers import RECORD, shape_of
from ..parts import button, labelled, side_by_side, wrapped
from ..picker import ElidedComboBox, LayerPicker
from ..plane import placed, plane_of
from ..preferences import colour_of_marks
from ..runner import Runner, reason

KINDS = {"chessboard": "Chessboard", "dots": "Grid of dots"}
LENGTHS = ("nm", "µm", "mm", "cm", "m")
LINES = 6  # kept free for the report, so that nothing moves
BEGIN = "Choose a layer with a chessboard or a square grid of dots that fills the picture."
BUSY = "Looking for the target…  {} %"
MAPPED = "{} was made by a change of domain; choose its source above, whose results keep to its pixel size."
TILTED = " The target was tilted: pixel sizes differ by {:.0%} over it."


class CalibrationBox(QGroupBox):
    """A target's layer, its kind and spacing, and what was found from it.

    Parameters
    ----------
    viewer
        The viewer.
    model
        Tells which model to look for.
    """

    found = Signal(dict)  # parameters of correct_distortion

    def __init__(self, viewer: Any, model: Callable[[], Any], parent: QWidget | None = None) -> None:
        super().__init__("Calibrate by a target", parent)
        self._viewer = viewer
        self._model = model
        self._target: Layer | None = None  # whose picture is looked at
        self._points: Any = None
        self.calibration: Calibration | None = None
        self.runner = Runner(self)
        self.picker = LayerPicker(viewer, _serves, lambda layer: False, self)
        self.picker.setToolTip("Layer that shows the target; the plane on the screen is taken")
        self.kind = ElidedComboBox()
        for data, text in KINDS.items():
            self.kind.addItem(text, data)
        self.kind.setToolTip("What the target shows")
        self.spacing = NumberBox(value=1.0, min=1e-9, max=1e9, step=1)
        make_narrow(self.spacing.native)
        self.spacing.native.setToolTip("Side of a square, or distance of neighbouring dots")
        self.unit = ElidedComboBox()
        self.unit.setMinimumContentsLength(3)
        self.unit.addItems(LENGTHS)
        self.unit.setCurrentText("mm")
        self.unit.setToolTip("Unit of the spacing and of the pixel size")
        self.finds_center = QCheckBox("Find the center")
        self.finds_center.setChecked(True)
        self.finds_center.setToolTip("Else the middle of the picture is taken: better where the lens bends little")
        self.run = button("Calibrate", "Find the coefficients of the model that is chosen below, and type them there")
        self.set_size = button("Set pixel size", "Give the chosen layer above the pixel size found")
        self.sentence = wrapped()
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.sentence.setMinimumHeight(LINES * self.sentence.fontMetrics().lineSpacing())
        self._build()
        self.run.clicked.connect(self.start_or_stop)
        self.set_size.clicked.connect(self._tell_size)
        self.picker.picked.connect(self._follow)
        self.runner.progressed.connect(self._show_progress)
        self.runner.returned.connect(self._take)
        self.runner.failed.connect(self._fail)
        self.runner.cancelled.connect(lambda: self.sentence.setText("Cancelled."))
        self.runner.finished.connect(self._follow)
        self.sentence.setText(BEGIN)
        self._sized: Layer | None = None
        self._follow()

    def _build(self) -> None:
        line = QWidget()
        row = side_by_side(self.spacing.native, self.unit)
        row.setContentsMargins(0, 0, 0, 0)
        row.setStretch(0, 1)
        line.setLayout(row)
        column = QVBoxLayout(self)
        column.addLayout(labelled({"Target": self.picker, "Kind": self.kind, "Spacing": line}))
        column.addWidget(self.finds_center)
        column.addLayout(side_by_side(self.run, self.set_size))
        column.addWidget(self.sentence)

    def show_for(self, layer: Layer | None) -> None:
        """Take note of the layer whose pixel size may be set."""
        self._sized = layer
        self._follow()

    def let_go(self) -> None:
        """End what runs and undo the connections: the dock goes."""
        self.runner.cancel()
        self.picker.disconnect_from_viewer()

    def _follow(self) -> None:
        running = self.runner.is_running
        self.run.setText("Cancel" if running else "Calibrate")
        self.run.setEnabled(running or self.picker.layer is not None)
        self.set_size.setEnabled(self.calibration is not None and self._sized is not None and not running)

    def start_or_stop(self) -> None:
        """Look for the target; end that where it is under way."""
        layer = self.picker.layer
        if self.runner.is_running:
            self.runner.cancel()
            return
        if layer is None:
            return
        self._target, self.calibration = layer, None
        rows, columns = shape_of(layer)[-2:]
        center = None if self.finds_center.isChecked() else ((rows - 1) / 2, (columns - 1) / 2)
        plane = plane_of(layer, self._viewer.dims.point)
        asked = {"spacing": float(self.spacing.value), "center": center}
        self.sentence.setText(BUSY.format(0))
        self.runner.start(_steps(plane, self.kind.currentData(), self._model(), asked))
        self._follow()

    def _show_progress(self, progress: Progress) -> None:
        self.sentence.setText(BUSY.format(round(100 * progress.done / max(progress.total, 1))))

    def _fail(self, error: Exception) -> None:
        text = reason(error)
        self.sentence.setText(f"{text[0].upper()}{text[1:]}.")

    def _take(self, calibration: Calibration) -> None:
        self.calibration = calibration
        self._mark(calibration)
        self.sentence.setText(report(calibration, self.unit.currentText()))
        self.found.emit(typed(calibration))

    def _mark(self, calibration: Calibration) -> None:
        """Show the points over the target, in the place of earlier ones."""
        target, earlier = self._target, self._points
        self._points = None
        if earlier is not None and earlier in self._viewer.layers:
            self._viewer.layers.remove(earlier)
        if target is None or target not in self._viewer.layers:
            return
        active = self._viewer.layers.selection.active
        size = max(float(np.median(np.ptp(calibration.target.points, axis=0))) / 80, 2.0)
        self._points = Points(
            calibration.target.points, name=f"{target.name} points", size=size, face_color="transparent",
            border_color=colour_of_marks(), border_width=0.15, ndim=2, **placed(target),
        )  # fmt: skip
        self._viewer.add_layer(self._points)
        self._viewer.layers.selection.active = active

    def _tell_size(self) -> None:
        """Give the chosen layer the pixel size found."""
        layer, known, points = self._sized, self.calibration, self._points
        if layer is None or known is None:
            return
        if any(find(step["operation"]).is_warp for step in layer.metadata.get(RECORD, ())):
            self.sentence.setText(MAPPED.format(layer.name))
            return
        unit = self.unit.currentText()
        layer.scale = (*layer.scale[:-2], known.pixel_size, known.pixel_size)
        layer.units = (*layer.units[:-2], unit, unit)
        is_own = self._target is layer
        if is_own and points is not None and points in self._viewer.layers:
            points.scale, points.units = layer.scale[-2:], layer.units[-2:]
        self.sentence.setText(f"{layer.name}: pixels of {known.pixel_size:.4g} {unit}.")


def typed(known: Calibration) -> dict[str, Any]:
    """Return parameters of `correct_distortion` with as many digits as mean something."""
    coefficients = {name: float(f"{value:.7g}") for name, value in known.coefficients.items()}
    row, column = known.center
    return {**known.parameters, **coefficients, "center": (round(row, 3), round(column, 3))}


def report(known: Calibration, unit: str) -> str:
    """Say how well a target determines the lens."""
    row, column = known.center
    numbers = ", ".join(f"{name} {value:.5g} ± {known.errors[name]:.1g}" for name, value in known.coefficients.items())
    left = f", {known.left_out} left out" if known.left_out else ""
    center = f"center ({row:.1f}, {column:.1f})"
    if "row" in known.errors:
        center += f" ± ({known.errors['row']:.1g}, {known.errors['column']:.1g}) px"
    return (
        f"{len(known.target.points)} points{left}: straight to {known.after:.2g} px (root mean square), before the"
        f" correction {known.before:.2g} px. {numbers}; {center}. Correction sure to {known.unsure:.1g} px."
        f" Pixel size {known.pixel_size:.4g} {unit}.{TILTED.format(known.uneven) if known.uneven > 0.02 else ''}"
    )


def _serves(layer: Layer) -> bool:
    return isinstance(layer, Image) and layer.ndim >= 2


def _steps(plane: Any, kind: Any, model: Any, asked: Any) -> Generator[Progress, None, Calibration]:
    """Read the plane, which may take time, and calibrate."""
    yield Progress("Target", 0, 1)
    return (yield from calibrate_steps(np.asarray(plane), kind, model, **asked))
