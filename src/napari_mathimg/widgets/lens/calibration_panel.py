"""The panel for calibrating the distortion and the pixel size from one image of a target."""

import math
import re
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Layer, Points
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QGroupBox, QVBoxLayout, QWidget

from ...catalog import find
from ...contract.operation import Operation
from ...contract.progress import Progress
from ...contract.quantities import number, percent, quantity, sizes
from ...recipe.names import named_after
from ...recipe.record import RECORD
from ..dock.dock_context import DockContext
from ..dock.form_panel import FormPanel
from ..dock.panel import Panel
from ..form.fields import NumberBox, make_narrow
from ..layers.layer_picker import LayerPicker
from ..layers.levels import factors, into_full, level_like, shape_at
from ..layers.plane import check_last, plane_of, spatial_state_like
from ..layers.view_geometry import check_view
from ..qt.combo_box import ElidedComboBox
from ..qt.layout import button, form_layout, hbox, wrapping_label
from ..qt.wrapping_rows import wrapping_row
from ..settings.preferences import color_of_marks
from ..settings.saved_fields import SavedFields
from ..tasks.background_task import BackgroundTask, reason

if TYPE_CHECKING:
    from ...methods.lens.calibration import Calibration

KINDS = {"chessboard": "Chessboard", "dots": "Grid of dots"}
LENGTHS = ("nm", "µm", "mm", "cm", "m")
Pair = tuple[float, float]
LINES = 6  # lines of a report, reserved from the first calibration on, so that the layout does not shift
BEGIN = "Choose a layer that shows a chessboard or a square grid of dots filling the image."
BUSY = {"Target": "Looking for the target…  {} %", "Points": "Refining its points…  {} %"}
FOUND = re.compile(r"^points=(\d+): must")
MAPPED = "{} was made by a change of domain. Choose its source above; results of the source inherit its pixel size."
TILTED = " The target was tilted: the pixel size varies by {} across it."


class CalibrationBox(QGroupBox):
    """Fields for the layer, kind and spacing of a target, and the report of its calibration.

    Parameters
    ----------
    viewer
        The viewer.
    model
        Returns the distortion model to fit.
    """

    found = Signal()

    def __init__(self, viewer: Any, model: Callable[[], Any], parent: QWidget | None = None) -> None:
        super().__init__("Calibrate by a target", parent)
        self._viewer = viewer
        self._model = model
        self._target: Layer | None = None  # the layer that was calibrated last
        self._target_level = 0
        self._to_full: Any = None  # the transform from pixels of its level to those of the full resolution
        self._points: Any = None
        self.calibration: Calibration | None = None
        self.task = BackgroundTask(self)
        self.picker = LayerPicker(viewer, _serves, lambda layer: False, self)
        self.picker.setToolTip(
            "Layer that shows the target; its displayed plane is used, at the level that is processed"
        )
        self.kind = ElidedComboBox()
        for data, text in KINDS.items():
            self.kind.addItem(text, data)
        self.kind.setToolTip("Pattern of the target")
        self.spacing = NumberBox(value=1.0, min=1e-9, max=1e9, step=1)
        make_narrow(self.spacing.native)
        self.spacing.native.setToolTip("Side of a square, or distance between neighboring dots")
        self.unit = ElidedComboBox()
        self.unit.setMinimumContentsLength(3)
        self.unit.addItems(LENGTHS)
        self.unit.setCurrentText("mm")
        self.unit.setToolTip("Unit of the spacing and of the pixel size")
        self.finds_center = QCheckBox("Find the center")
        self.finds_center.setChecked(True)
        self.finds_center.setToolTip("Untick to use the middle of the image, which is better for weak distortion")
        self.kept = SavedFields(
            self, kind=self.kind, spacing=self.spacing.native, unit=self.unit, finds_center=self.finds_center
        )
        self.run = button("Calibrate", "Fit the coefficients of the model chosen below, and enter them there")
        self.set_size = button("Set pixel size", "Give the layer chosen above the measured pixel size")
        self.sentence = wrapping_label()
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._build()
        self.run.clicked.connect(self.start_or_stop)
        self.set_size.clicked.connect(self._set_pixel_size)
        self.picker.picked.connect(self._follow)
        self.task.progressed.connect(self._show_progress)
        self.task.returned.connect(self._take)
        self.task.failed.connect(self._fail)
        self.task.canceled.connect(lambda: self.sentence.setText("Canceled."))
        self.task.finished.connect(self._follow)
        self.sentence.setText(BEGIN)
        self._sized: Layer | None = None
        self._level = 0
        self._follow()

    def _build(self) -> None:
        line = QWidget()
        row = hbox(self.spacing.native, self.unit)
        row.setContentsMargins(0, 0, 0, 0)
        row.setStretch(0, 1)
        line.setLayout(row)
        column = QVBoxLayout(self)
        column.addLayout(form_layout({"Target": self.picker, "Kind": self.kind, "Spacing": line}))
        column.addWidget(self.finds_center)
        column.addWidget(wrapping_row(self.run, self.set_size))
        column.addWidget(self.sentence)

    def show_for(self, layer: Layer | None, level: int = 0) -> None:
        """Set the layer and level to be corrected, whose pixel size may be set."""
        self._sized, self._level = layer, level
        self._follow()

    def disconnect_from_viewer(self) -> None:
        """Cancel the calibration and disconnect from the viewer."""
        self.task.cancel()
        self.picker.disconnect_from_viewer()

    def _follow(self) -> None:
        running = self.task.is_running
        self.run.setText("Cancel" if running else "Calibrate")
        self.run.setEnabled(running or self.picker.layer is not None)
        self.set_size.setEnabled(self.calibration is not None and self._sized is not None and not running)

    def start_or_stop(self) -> None:
        """Start a calibration, or cancel the running one."""
        layer = self.picker.layer
        if self.task.is_running:
            self.task.cancel()
            return
        if layer is None:
            return
        if layer.ndim > 2:
            try:
                check_last(layer)
                check_view(self._viewer.dims, layer, "to calibrate on the plane that is shown")
            except ValueError as error:
                self._fail(error)
                return
        self._target, self._target_level, self.calibration = layer, self._level_in(layer), None
        self._to_full = into_full(layer, self._target_level).set_slice([layer.ndim - 2, layer.ndim - 1])
        rows, columns = shape_at(layer, self._target_level)[-2:]
        center = None if self.finds_center.isChecked() else ((rows - 1) / 2, (columns - 1) / 2)
        plane = plane_of(self._viewer.dims, layer, self._target_level)
        self.sentence.setMinimumHeight(LINES * self.sentence.fontMetrics().lineSpacing())
        asked = {"spacing": float(self.spacing.value), "center": center}
        self.sentence.setText(BUSY["Target"].format(0))
        self.task.start(_steps(plane, self.kind.currentData(), self._model(), asked))
        self._follow()

    def _level_in(self, target: Layer) -> int:
        """Return the level of a target with the shape of the level to be corrected; the finest if there is none."""
        if target is self._sized:
            return self._level
        return 0 if self._sized is None else level_like(target, shape_at(self._sized, self._level)[-2:]) or 0

    def _step(self, known: "Calibration") -> Pair:
        """Return the size (down, across) of a pixel of the target's image in full-resolution pixels to be corrected.

        Images of the same shape are assumed to have pixels of the same size; otherwise, both full resolutions are.
        """
        target, layer = self._target, self._sized
        if target is None or layer is None:
            return 1.0, 1.0
        like = None if target is layer else level_like(layer, known.target.shape)
        down, across = self._to_full.scale if like is None else factors(layer, like)[-2:]
        return float(down), float(across)

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of `correct_distortion` for the level to be corrected."""
        known, layer = self.calibration, self._sized
        assert known is not None
        level = (1.0, 1.0) if layer is None else factors(layer, self._level)[-2:]
        down, across = (step / float(f) for step, f in zip(self._step(known), level, strict=True))
        return typed(known, (down, across))

    def _show_progress(self, progress: Progress) -> None:
        self.sentence.setText(BUSY[progress.phase].format(round(100 * progress.done / max(progress.total, 1))))

    def _fail(self, error: Exception) -> None:
        text = FOUND.sub(r"\1 points of the target were found: they must", reason(error))
        self.sentence.setText(f"{text[0].upper()}{text[1:]}.")

    def _take(self, calibration: "Calibration") -> None:
        self.calibration = calibration
        self._mark(calibration)
        is_multiscale = self._target is not None and self._target.multiscale
        where = f"Level {self._target_level}: " if is_multiscale else ""
        self.sentence.setText(where + report(calibration, self.unit.currentText()))
        self.found.emit()

    def _mark(self, calibration: "Calibration") -> None:
        """Show the detected points over the target, in place of earlier ones."""
        target, earlier = self._target, self._points
        self._points = None
        if earlier is not None and earlier in self._viewer.layers:
            self._viewer.layers.remove(earlier)
        if target is None or target not in self._viewer.layers:
            return
        active = self._viewer.layers.selection.active
        size = max(float(np.median(np.ptp(calibration.target.points, axis=0))) / 80, 2.0)
        self._points = Points(
            calibration.target.points, name=named_after(target.name, "points"), size=size, face_color="transparent",
            border_color=color_of_marks(), border_width=0.15, ndim=2, **spatial_state_like(target, moved=self._to_full),
        )  # fmt: skip
        self._viewer.add_layer(self._points)
        self._viewer.layers.selection.active = active

    def _set_pixel_size(self) -> None:
        """Give the chosen layer the measured pixel size."""
        layer, known, points = self._sized, self.calibration, self._points
        if layer is None or known is None:
            return
        if any(find(step["operation"]).is_warp for step in layer.metadata.get(RECORD, ())):
            self.sentence.setText(MAPPED.format(layer.name))
            return
        unit = self.unit.currentText()
        size = tuple(known.pixel_size / step for step in self._step(known))
        layer.scale = (*layer.scale[:-2], *np.copysign(size, layer.scale[-2:]))
        layer.units = (*layer.units[:-2], unit, unit)
        is_target = self._target is layer
        if is_target and points is not None and points in self._viewer.layers:
            for name, value in spatial_state_like(layer, moved=self._to_full).items():
                setattr(points, name, value)
        text = sizes(size[:1] if size[0] == size[1] else size, unit)
        self.sentence.setText(f"Pixels of {text} were set.")


class CalibrationPanel(Panel):
    """Calibrates by a target and enters the coefficients for `correct_distortion`.

    Parameters
    ----------
    context
        The state that the panels of the dock share.
    forms
        The forms of the dock, where the model is chosen and the coefficients are entered.
    """

    name = "calibration"

    def __init__(self, context: DockContext, forms: FormPanel) -> None:
        self._context, self._forms = context, forms
        self.widget = self.box = CalibrationBox(context.viewer, lambda: forms.form["model"].value)
        self.box.kept.changed.connect(self.tell_changed)
        self.box.found.connect(self._take)

    def show_for(self, layer: Layer | None, operation: Operation, level: int) -> None:
        """Show the calibration for a level of a layer if the operation is `correct_distortion`."""
        is_used = operation.id == "correct_distortion"
        self.box.setVisible(is_used)
        if is_used:
            self.box.show_for(layer, level)

    def _take(self) -> None:
        """Choose `correct_distortion` and enter the coefficients."""
        self._context.operations.choose("correct_distortion")
        self._forms.form.load(self.box.parameters())

    def save_state(self) -> dict[str, Any]:
        """Return the contents of the fields."""
        return self.box.kept.save_state()

    def restore_state(self, saved: Mapping[str, Any]) -> None:
        """Restore saved contents that are still valid."""
        self.box.kept.restore_state(saved)

    def close(self) -> None:
        """Cancel the calibration and disconnect from the viewer."""
        self.box.disconnect_from_viewer()


def typed(known: "Calibration", pixel: Pair = (1.0, 1.0)) -> dict[str, Any]:
    """Return parameters of `correct_distortion`, rounded to significant digits.

    `pixel` is the size (down, across) of a pixel of the target's image, in pixels to be corrected.
    """
    coefficients = {name: float(f"{value:.7g}") for name, value in known.coefficients.items()}
    center = tuple(round((c + 0.5) * p - 0.5, 3) for c, p in zip(known.center, pixel, strict=True))
    radius = known.radius * math.sqrt(pixel[0] * pixel[1])
    return {**known.parameters, **coefficients, "center": center, "radius": round(radius, 6)}


def report(known: "Calibration", unit: str) -> str:
    """Summarize a calibration and its accuracy."""
    row, column = known.center
    numbers = ", ".join(
        f"{name} {number(value)} ± {number(known.errors[name], 1)}" for name, value in known.coefficients.items()
    )
    left = f", {known.left_out} left out" if known.left_out else ""
    center = f"center ({number(round(row, 1))}, {number(round(column, 1))})"
    if "row" in known.errors:
        errors = f"({number(known.errors['row'], 1)}, {number(known.errors['column'], 1)})"
        center += f" ± {quantity(errors, 'px')}"
    after, before, unsure = (quantity(v, "px", n) for v, n in ((known.after, 2), (known.before, 2), (known.unsure, 1)))
    tilted = TILTED.format(percent(round(known.uneven, 2))) if known.uneven > 0.02 else ""
    return (
        f"{len(known.target.points)} points{left}: straight to {after} (root mean square), before the correction"
        f" {before}. {numbers}; {center}. Correction accurate to {unsure}."
        f" Pixel size {quantity(known.pixel_size, unit, 4)}.{tilted}"
    )


def _serves(layer: Layer) -> bool:
    return isinstance(layer, Image) and layer.ndim >= 2


def _steps(plane: Any, kind: Any, model: Any, asked: Any) -> Generator[Progress, None, "Calibration"]:
    """Read the plane, which may be slow, and calibrate."""
    from ...methods.lens.calibration import calibrate_steps  # it imports scipy.optimize, which takes 0.3 s

    yield Progress("Target", 0, 1)
    return (yield from calibrate_steps(np.asarray(plane), kind, model, **asked))
