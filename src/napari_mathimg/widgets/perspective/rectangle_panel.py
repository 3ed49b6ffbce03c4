"""The panel for the size of the rectangle and the extent of the result around it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QWidget

from ...recipe.record import last_step
from ..dock.dock_context import DockContext
from ..dock.panel import Panel
from ..form.fields import NumberBox, make_narrow
from ..form.level_scaling import LevelScaling
from ..layers.spacing import spacing_of
from ..qt.combo_box import ElidedComboBox
from ..qt.layout import wrap_rows
from ..qt.wrapping_rows import wrapping_row
from ..tasks.operation_job import Job
from .corner_geometry import resized

SIZES = {"edges": "Mean edge lengths", "perspective": "From perspective", "typed": "Typed"}
CANVASES = {"rectangle": "The rectangle", "whole": "The whole image", "canvas": "In a canvas"}
LENGTHS = ("nm", "µm", "mm", "cm", "m")
LARGEST = 1e6


class RectangleBox(QWidget):
    """Fields for the size of the rectangle, in pixels or physical units, and the canvas around it."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        wrap_rows(form)
        self.mode = self._choice(SIZES, "How the rectangle's width and height are determined")
        self.width_box, self.height_box = self._number(256), self._number(256)
        self.unit = ElidedComboBox()
        self.unit.addItems(["px", *LENGTHS])
        self.unit.setToolTip("Unit of width and height; a physical unit also sets the scale and units of the result")
        self.canvas = self._choice(CANVASES, "The part of the image that the result shows")
        self.rows, self.columns = self._number(512), self._number(512)
        form.addRow("Size", self.mode)
        form.addRow("W x H", wrapping_row(self.width_box.native, self.height_box.native, self.unit))
        form.addRow("Result", self.canvas)
        form.addRow("Canvas", wrapping_row(self.rows.native, self.columns.native))
        self._canvas_row = form.rowCount() - 1
        self.width_box.native.setToolTip("Width of the rectangle")
        self.height_box.native.setToolTip("Height of the rectangle")
        self.rows.native.setToolTip("Height of the result, in pixels")
        self.columns.native.setToolTip("Width of the result, in pixels")
        for box in (self.mode, self.canvas, self.unit):
            box.currentIndexChanged.connect(self._follow)
        for number in (self.width_box, self.height_box, self.rows, self.columns):
            number.changed.connect(self.changed.emit)
        self._follow()

    def _choice(self, choices: dict[str, str], tip: str) -> QComboBox:
        box = ElidedComboBox()
        for data, text in choices.items():
            box.addItem(text, data)
        box.setToolTip(tip)
        return box

    def _number(self, value: float) -> NumberBox:
        box = NumberBox(value=value, min=1e-9, max=LARGEST, step=1)
        make_narrow(box.native)
        return box

    def _follow(self) -> None:
        form = self.layout()
        assert isinstance(form, QFormLayout)
        typed = self.mode.currentData() == "typed"
        for widget in (self.width_box.native, self.height_box.native, self.unit):
            widget.setEnabled(typed)
        if not typed:
            self.unit.blockSignals(True)
            self.unit.setCurrentIndex(0)
            self.unit.blockSignals(False)
        form.setRowVisible(self._canvas_row, self.canvas.currentData() == "canvas")
        self.changed.emit()

    def reset(self) -> None:
        """Restore the defaults."""
        self.mode.setCurrentIndex(0)
        self.canvas.setCurrentIndex(0)
        self._follow()

    def save_state(self) -> dict[str, Any]:
        """Return the choices and the typed numbers."""
        saved = {"size": self.mode.currentData(), "canvas": self.canvas.currentData()}
        numbers = {"rows": self.rows, "columns": self.columns}
        if self.mode.currentData() == "typed":
            saved["unit"] = self.unit.currentText()
            numbers |= {"width": self.width_box, "height": self.height_box}
        return saved | {name: box.value for name, box in numbers.items()}

    def restore_state(self, saved: Mapping[str, Any]) -> None:
        """Restore saved choices and numbers that are still valid."""
        self.blockSignals(True)
        for name, box in (("size", self.mode), ("canvas", self.canvas)):
            if (index := box.findData(saved.get(name))) >= 0:
                box.setCurrentIndex(index)
        if self.mode.currentData() == "typed":
            self.unit.setCurrentIndex(max(self.unit.findText(str(saved.get("unit"))), 0))
        numbers = {"rows": self.rows, "columns": self.columns, "width": self.width_box, "height": self.height_box}
        for name, number in numbers.items():
            value = saved.get(name)
            if isinstance(value, int | float) and number.min <= value <= number.max:
                number.value = value
        self.blockSignals(False)
        self._follow()

    @property
    def in_pixels(self) -> dict[str, float]:
        """The numbers in pixels: those of the canvas, and width and height if they are typed in pixels."""
        numbers = {"rows": self.rows.value, "columns": self.columns.value}
        if self.mode.currentData() == "typed" and not self.is_physical:
            numbers |= {"width": self.width_box.value, "height": self.height_box.value}
        return numbers

    def type_pixels(self, numbers: Mapping[str, float]) -> None:
        """Enter numbers in pixels without emitting signals."""
        boxes = {"rows": self.rows, "columns": self.columns, "width": self.width_box, "height": self.height_box}
        for name, value in numbers.items():
            with boxes[name].changed.blocked():
                boxes[name].value = value

    @property
    def is_physical(self) -> bool:
        """Whether a physical size is typed."""
        return bool(self.mode.currentData() == "typed" and self.unit.currentText() != "px")

    def parameters(self, layer: Layer) -> dict[str, Any]:
        """Return the parameters of `rectify` for a layer."""
        parameters: dict[str, Any] = {"canvas": self.canvas.currentData()}
        if parameters["canvas"] == "canvas":
            parameters["canvas"] = (round(self.rows.value), round(self.columns.value))
        wide, high = self.width_box.value, self.height_box.value
        if self.is_physical:
            factor = self._in_world(layer)
            parameters["size"] = (high * factor, wide * factor)
        elif self.mode.currentData() == "typed":
            parameters |= {"width": max(round(wide), 1), "height": max(round(high), 1)}
        else:
            parameters["aspect"] = self.mode.currentData()
        return parameters

    def _in_world(self, layer: Layer) -> float:
        """Return the factor from the typed unit to the world's unit; 1 if the world has no unit."""
        unit = layer.units[-1]
        if not spacing_of(layer, 2)[1]:
            return 1.0
        typed = unit._REGISTRY.Unit(self.unit.currentText())
        try:
            return float((1 * typed).to(unit).magnitude)
        except TypeError:  # pint's DimensionalityError
            raise ValueError(f"size in {typed:~P}: must be in a unit like the image's, {unit:~P}") from None

    def new_units(self, layer: Layer) -> str:
        """Return the new unit of the result's plane, or "" if the result keeps the layer's unit."""
        return self.unit.currentText() if self.is_physical and not spacing_of(layer, 2)[1] else ""

    def show_size(self, rows: int, columns: int) -> None:
        """Show the computed size, unless a size is typed."""
        if self.mode.currentData() != "typed":
            with self.width_box.changed.blocked(), self.height_box.changed.blocked():
                self.width_box.value, self.height_box.value = columns, rows

    def load(self, parameters: Mapping[str, Any], unit: str) -> None:
        """Show the size of a record; `unit` is the unit of the layer that it created, or ""."""
        self.blockSignals(True)
        canvas = parameters["canvas"]
        if not isinstance(canvas, str):
            self.rows.value, self.columns.value = canvas
        self.canvas.setCurrentIndex(self.canvas.findData(canvas if isinstance(canvas, str) else "canvas"))
        is_computed = not parameters["match_longer"] and parameters["size"] == "source"
        self.mode.setCurrentIndex(self.mode.findData(parameters["aspect"] if is_computed else "typed"))
        if parameters["size"] != "source" and unit in LENGTHS:
            self.unit.setCurrentText(unit)
            self.height_box.value, self.width_box.value = parameters["size"]
        else:
            self.unit.setCurrentIndex(0)
            self.height_box.value, self.width_box.value = parameters["height"], parameters["width"]
        self.blockSignals(False)
        self._follow()


class RectanglePanel(Panel):
    """Sets the size of the rectangle and of the result, for the processed level of the layer.

    Parameters
    ----------
    context
        The state that the panels of the dock share.
    """

    name = "rectangle"

    def __init__(self, context: DockContext) -> None:
        self._context = context
        self._sizes = LevelScaling(resized)
        self.widget = self.box = RectangleBox()
        self.box.changed.connect(self.tell_changed)

    def follow(self, layer: Layer, level: int) -> None:
        """Convert the sizes to pixels of a level of a layer."""
        self.box.type_pixels(self._sizes.follow(layer, level, self.box.in_pixels))

    def add_to_job(self, job: Job, layer: Layer) -> Job:
        """Give the result the unit of the typed size if the layer has none."""
        unit = self.box.new_units(layer)
        if not unit:
            return job
        placement = replace(job.source.placement, units=(*layer.units[:-2], unit, unit))
        return replace(job, source=replace(job.source, placement=placement))

    def reset(self) -> None:
        """Restore the defaults."""
        self.box.reset()

    def load_step(self, step: Mapping[str, Any]) -> None:
        """Show the size of a recorded step, in the unit of the layer that it created."""
        if self._context.layer is not None:
            made = [layer for layer in self._context.viewer.layers if last_step(layer.metadata) is step]
            self.box.load(step["parameters"], spacing_of(made[0], 2)[1] if made else "")

    def save_state(self) -> dict[str, Any]:
        """Return the choices and the typed numbers."""
        return self.box.save_state()

    def restore_state(self, saved: Mapping[str, Any]) -> None:
        """Restore saved choices and numbers that are still valid."""
        self.box.restore_state(saved)
