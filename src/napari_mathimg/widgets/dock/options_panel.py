"""The options of a run: planes or volumes, scope, value range, statistics, output type, and the layers it adds."""

import math
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np
from napari.layers import Labels, Layer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLabel, QWidget

from ...contract.operation import Operation, ValueRange
from ...contract.progress import run_to_end
from ...contract.quantities import number
from ...contract.reach import POINTWISE
from ...engine import Options
from ...engine.source import is_channels
from ...engine.value_range import data_range
from ...engine.values import dtype_range
from ..form.items_choice import ITEMS, ItemsChoice
from ..form.range_row import RangeRow
from ..layers import item_axes, levels
from ..layers.item_axes import Axes, plane_axes, volumes_of
from ..layers.levels import full_resolution
from ..qt.combo_box import ElidedComboBox
from ..qt.layout import wrap_rows
from ..qt.number_boxes import WholeSpinBox

RANGES = {
    "data": "Data range", "percentiles": "Percentiles", "dtype": "Data type range", "limits": "Contrast limits",
    "custom": "Custom range",
}  # fmt: skip
PERCENTILES = (0.1, 99.9)
RESULTS = {"memory": "In memory", "lazy": "Lazy"}
BOXES = ("process", "scope", "value_range", "statistics", "dtype", "result", "domain_place")
TICKS = ("all_selected", "one_range", "multiscale", "domain", "replace", "hide_source")
LARGE = 2**20  # values of a layer from which its result may be lazy
EXACT_SIZE = 2**22  # values; the range of a larger array is not computed for display


class OptionsBox(QWidget):
    """The options of a run; it shows only those that can change the result for the chosen layer."""

    changed = Signal()
    words_changed = Signal()  # one of those options that change no pixel

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        wrap_rows(form)
        self._rows: dict[str, tuple[QWidget, ...]] = {}
        self._shown: dict[str, bool] = {}
        self._selected = 0  # number of selected layers
        self._wanted: dict[QComboBox, str] = {}  # entries to choose as soon as they are offered
        self._layer: ref[Layer] | None = None  # whose options are shown
        self._levels: WeakKeyDictionary[Layer, str] = WeakKeyDictionary()  # level chosen for each layer
        self._types: dict[str, str] = {}  # pixel type of the result by the entry chosen for it
        self._found: dict[Any, ValueRange | None] = {}  # value ranges since the last update
        self.level = self._choice("level", "Level", "Level of the multiscale layer to process; 0 is the finest")
        self.process = self._choice("process", "Process as", "Process each plane separately (2D) or whole volumes (3D)")
        self._fill(self.process, ITEMS)
        self.items = ItemsChoice(self.process)
        self.items.row.setToolTip("Why planes or volumes are processed")
        form.addRow(self.items.row)
        self._rows["reason"] = (self.items.row,)
        self.scope = self._choice("scope", "Apply to", "Part of the layer to process")
        self.value_range = self._choice("range", "Value range", "Intensities that the operation treats as 0 and 1")
        self.custom = RangeRow((0.0, 1.0), (-1e20, 1e20))
        self.low, self.high = self.custom.low, self.custom.high
        self._add("custom", "", self.custom, "Lower and upper end of the value range")
        self.percentiles = RangeRow(PERCENTILES, (0.0, 100.0), 0.1, " %")
        tip = "Percentiles of the pixels at the lower and upper end of the value range, which hot pixels do not move"
        self._add("percentiles", "", self.percentiles, tip)
        self.statistics = self._choice("statistics", "Statistics", "Compute ranges over the layer, or for each part")
        self.dtype = self._choice(
            "dtype", "Output type", "Pixel type of the result; automatic is float32 where values leave the layer's type"
        )
        self.result = self._choice(
            "result",
            "Result",
            "In memory: all pixels are computed now, if the memory holds them. Lazy: each part is computed when it is"
            " looked at, and Compute makes pixels of it later",
        )
        self._fill(self.result, RESULTS)
        self.all_selected = self._tick("All selected layers", "Process every layer selected in the layer list", False)
        self.one_range = self._tick(
            "One value range for all",
            "Use the data range of all these layers together, so that results are comparable",
            False,
        )
        self.multiscale = self._tick(
            "As multiscale", "Make the result multiscale too, so that large images are drawn quickly", True
        )
        self.domain = self._tick("Show the domain", "Add a checkerboard that is transformed like the image", False)
        self.domain_place = self._choice("domain", "Domain", "Over the result, or beside all layers in napari's grid")
        self._fill(self.domain_place, {"over": "Blended over", "beside": "Beside (grid)"})
        self.square = WholeSpinBox()
        self.square.setRange(0, 100_000)
        self.square.setSuffix("\u00a0px")
        self.square.setSpecialValueText("auto")
        self._add(
            "square", "Squares", self.square, "Side of the squares in pixels; auto fits eight along the shorter side"
        )
        self.replace = self._tick("Replace the last result", "Update the layer that this dock added last", False)
        self.hide_source = self._tick(
            "Hide the source", "Hide the source layer after the run; it is shown again when its result is deleted", True
        )
        self.domain.toggled.connect(self.changed)
        for box in (self.level, *self.boxes.values()):
            box.currentIndexChanged.connect(lambda index, box=box: self._choose(box))
        self.all_selected.toggled.connect(self.one_range.setEnabled)
        for tick in self.ticks.values():
            tick.toggled.connect(self.words_changed)
        for row in self.range_rows.values():
            row.changed.connect(self.changed)

    @property
    def boxes(self) -> dict[str, QComboBox]:
        """The combo boxes by name."""
        return {name: getattr(self, name) for name in BOXES}

    @property
    def ticks(self) -> dict[str, QCheckBox]:
        """The check boxes by name."""
        return {name: getattr(self, name) for name in TICKS}

    @property
    def range_rows(self) -> dict[str, RangeRow]:
        """The rows of two numbers by the name under which they are saved."""
        return {"range": self.custom, "percentiles": self.percentiles}

    def _choose(self, box: QComboBox) -> None:
        self._wanted.pop(box, None)
        layer = None if self._layer is None else self._layer()
        if box is self.level and layer is not None:
            self._levels[layer] = box.currentData()
        if box is self.process:
            self.items.remember(layer)
        self.changed.emit()

    def _add(self, name: str, label: str, field: QWidget, tip: str) -> None:
        text = QLabel(label)
        for widget in (text, field):
            widget.setToolTip(tip)
        form = self.layout()
        assert isinstance(form, QFormLayout)
        form.addRow(text, field)
        self._rows[name] = (text, field)

    def _choice(self, name: str, label: str, tip: str) -> QComboBox:
        box = ElidedComboBox()
        self._add(name, label, box, tip)
        return box

    def _tick(self, text: str, tip: str, on: bool) -> QCheckBox:
        box = QCheckBox(text)
        box.setToolTip(tip)
        box.setChecked(on)
        form = self.layout()
        assert isinstance(form, QFormLayout)
        form.addRow(box)
        return box

    def _fill(self, box: QComboBox, choices: Mapping[str, str]) -> None:
        """Replace the entries of a combo box; keep the chosen one if it is still offered."""
        chosen = self._wanted.get(box, box.currentData())
        is_same = {box.itemData(k): box.itemText(k) for k in range(box.count())} == dict(choices)
        if is_same and (chosen == box.currentData() or chosen not in choices):
            return
        box.blockSignals(True)
        box.clear()
        for data, text in choices.items():
            box.addItem(text, data)
        box.setCurrentIndex(max(box.findData(chosen), 0))
        box.blockSignals(False)

    def choose(self, box: QComboBox, data: str) -> None:
        """Choose an entry if it is offered."""
        if (index := box.findData(data)) >= 0:
            self._wanted.pop(box, None)
            box.setCurrentIndex(index)

    def want(self, box: QComboBox, data: str) -> None:
        """Choose an entry now, or as soon as it is offered."""
        self._wanted[box] = data
        self.choose(box, data)

    def wanted(self, box: QComboBox) -> str | None:
        """Return the chosen entry, or the one to choose as soon as it is offered."""
        chosen: str | None = self._wanted.get(box, box.currentData())
        return chosen

    def level_of(self, layer: Layer) -> int:
        """Return the number of the level of a layer that is processed.

        Raises
        ------
        ValueError
            If the layer has no such level.
        """
        level = int(self.level.currentData() or 0) if layer.multiscale else 0
        if layer.multiscale and level >= len(layer.data):
            raise ValueError(f"level={level}: must be from 0 to {len(layer.data) - 1} for {layer.name!r}")
        return level

    def ndim(self, layer: Layer, operation: Operation) -> int:
        """Return the number of axes of an item: 2 for planes, 3 for volumes, or all axes."""
        return len(self.axes(layer, operation))

    def axes(self, layer: Layer, operation: Operation) -> Axes:
        """Return the axes of an item: those of planes, of the chosen kind of volume, or all."""
        if operation.dimensions == "all":
            return tuple(range(layer.ndim))
        if not operation.works_on(2):
            return item_axes.item_axes(layer, 3)
        kind = str(self.process.currentData()) if self._items_matter(operation) else ""
        return item_axes.kinds_of_items(layer).get(kind, plane_axes(layer))

    def _items_matter(self, operation: Operation) -> bool:
        """Return whether planes and volumes give different results; if not, planes offer the finer choice of scope."""
        by_item = any(not s.pooled for s in operation.statistics) or self.statistics.currentData() == "item"
        is_free = operation.dimensions != "all" and operation.works_on(2) and operation.works_on(3)
        return is_free and (operation.reach != POINTWISE or by_item)

    def follow(self, layer: Layer, operation: Operation) -> int:
        """Offer the choices that a layer and an operation allow; return the number of the level to process."""
        if (level := self._levels.get(layer)) and (self._layer is None or self._layer() is not layer):
            self._wanted[self.level] = level
        self._layer = ref(layer)
        self._found.clear()
        self._fill(self.level, levels.names(layer))
        self._wanted.pop(self.level, None)
        self._fill(self.value_range, {k: v for k, v in RANGES.items() if not (_is_rgb(layer) and k == "limits")})
        if hasattr(layer, "contrast_limits"):
            self.custom.suggest(layer.contrast_limits)
        kinds = item_axes.kinds_in_words(layer)
        if len(kinds) > 1:  # of a layer without volumes, the choice stays for the next one
            if (kind := self.process.currentData()) not in kinds:
                self._wanted.setdefault(self.process, kind)
            self._fill(self.process, kinds)
            self.items.suggest(layer, operation)
        return self.level_of(layer)

    def show_for(self, layer: Layer, operation: Operation, parameters: Mapping[str, Any]) -> None:
        """Show the options that can change the result of an operation on the layer passed to `follow` last."""
        labels, dtype = isinstance(layer, Labels), np.dtype(full_resolution(layer).dtype)
        auto = "" if callable(operation.dtype) else str(operation.result_type(dtype, parameters))
        self._types = {"auto": auto, "same": str(dtype), "float32": "float32"}
        types = {"auto": f"Auto ({auto})" if auto else "Auto", "same": f"Same ({dtype})", "float32": "float32"}
        self._fill(self.dtype, types)
        self._fill(self.scope, item_axes.parts_in_words(layer, self.axes(layer, operation)))
        several, ndim = len(item_axes.kinds_of_items(layer)) > 1, self.ndim(layer, operation)
        ranged = operation.uses_range(parameters) and not labels
        by_channel = operation.channels == "separate" if _is_rgb(layer) else _has_channels(layer, ndim)
        channel = {"channel": "Each channel"} if by_channel else {}
        each = "Each plane" if ndim == 2 else "Each volume"
        self._fill(self.statistics, {"layer": "Whole layer", "item": each, **channel})
        items = (layer.ndim > ndim or bool(channel)) and self.scope.currentData() == "all"
        pooled = any(s.pooled for s in operation.statistics) or (
            ranged and self.value_range.currentData() in ("data", "percentiles")
        )
        retyped = not labels and operation.values != "exact"
        mapped = operation.is_warp and not labels
        shown = {
            "level": bool(layer.multiscale),
            "process": several and self._items_matter(operation),
            "reason": several and self._items_matter(operation) and self.items.has_reason,
            "scope": self.scope.count() > 1,
            "range": ranged,
            "custom": ranged and self.value_range.currentData() == "custom",
            "percentiles": ranged and self.value_range.currentData() == "percentiles",
            "statistics": items and pooled,
            "domain": mapped and self.domain.isChecked(),
            "square": mapped and self.domain.isChecked(),
            "dtype": retyped and str(dtype) != "float32",
            "result": math.prod(full_resolution(layer).shape) >= LARGE,
        }
        self.domain.setVisible(mapped)
        for name, on in shown.items():
            for widget in self._rows[name]:
                widget.setVisible(on)
        self._shown = shown
        self.multiscale.setVisible(bool(layer.multiscale) and self.level_of(layer) == 0 and not self.is_lazy)
        self.show_selected(self._selected)

    @property
    def is_lazy(self) -> bool:
        """Whether the result is computed where it is looked at."""
        return self.is_shown("result") and bool(self.result.currentData() == "lazy")

    @property
    def result_type(self) -> str:
        """Pixel type of the result for the layer shown; "" if it depends on further images."""
        return self._types.get(self.dtype.currentData(), "")

    def is_shown(self, name: str) -> bool:
        """Return whether an option is shown, as it can change the result for the layer shown."""
        return self._shown.get(name, False)

    def show_selected(self, count: int) -> None:
        """Show the options for several layers if more than one is selected."""
        self._selected = count
        self.all_selected.setVisible(count > 1)
        self.all_selected.setText(f"All {count} selected layers")
        from_data = self._shown.get("range", False) and self.value_range.currentData() == "data"
        self.one_range.setVisible(count > 1 and from_data)
        self.one_range.setEnabled(self.all_selected.isChecked())
        self.words_changed.emit()

    @property
    def shares_range(self) -> bool:
        """Whether all selected layers share one value range."""
        return bool(self.one_range.isChecked() and not self.one_range.isHidden() and self.all_selected.isChecked())

    def limits(self, layer: Layer) -> ValueRange | None:
        """Return the value range; None if that would require reading a large array."""
        how, data = self._value_range(layer), levels.array_of(layer, self.level_of(layer))
        if how == "data" or how[0] == "percentiles":
            if (key := (id(data), how)) not in self._found:
                small = isinstance(data, np.ndarray) and data.size <= EXACT_SIZE
                ends = (0.0, 100.0) if how == "data" else how[1:]
                self._found[key] = ValueRange(*run_to_end(data_range(data, percentiles=ends))) if small else None
            return self._found[key]
        return ValueRange(*(dtype_range(np.dtype(data.dtype)) if how == "dtype" else how))

    def _value_range(self, layer: Layer) -> Any:
        how = self.value_range.currentData()
        if how == "limits":
            return tuple(float(v) for v in layer.contrast_limits)
        if how == "percentiles":
            return ("percentiles", *self.percentiles.ends)
        return self.custom.ends if how == "custom" else how

    def _ranges(self, layer: Layer, axes: Axes, dims: Any) -> dict[int | str, int | tuple[int, int]] | None:
        """Return the ranges along the stack axes that the scope selects at the viewer's position; None for all."""
        scope = self.scope.currentData() if self._shown["scope"] else "all"
        if scope == "all":
            return None
        level = self.level_of(layer)
        within = volumes_of(layer)[0] if scope == "volume" else axes
        fixed = [axis for axis in range(layer.ndim) if axis not in within]
        if {*fixed} & {axis - (dims.ndim - layer.ndim) for axis in dims.displayed}:
            raise ValueError(
                f"{self.scope.currentText()} lies in {item_axes.named(layer, within)}: show these axes in the viewer,"
                " so that its sliders select the position on the others, or apply to everything"
            )
        here = levels.position_at(dims, layer, level)
        return {axis: (here[axis], here[axis] + 1) for axis in fixed}

    def options(self, layer: Layer, operation: Operation, dims: Any) -> tuple[Options, str]:
        """Return the options of a run on a layer at the position of the viewer's dims, and the name of the scope."""
        axes = self.axes(layer, operation)
        is_other = self._layer is not None and layer is not self._layer() and self._items_matter(operation)
        if is_other and self.process.currentData() not in item_axes.kinds_of_items(layer):
            raise ValueError(f"has no {self.process.currentText()} like the layer shown: process it by itself")
        for name, row in (("custom", self.custom), ("percentiles", self.percentiles)):
            low, high = row.ends
            if self._shown[name] and not low < high:
                raise ValueError(f"{RANGES[name]}: low ({number(low)}) must be below high ({number(high)})")
        ranges = self._ranges(layer, axes, dims)
        return Options(
            axes=item_axes.axes_option(layer, axes),
            ndim=len(axes),
            value_range=self._value_range(layer) if self._shown["range"] else "data",
            dtype=self.dtype.currentData() if self._shown["dtype"] else "same",
            channel_axis=layer.ndim if _is_rgb(layer) else None,
            statistics=self.statistics.currentData() if self._shown["statistics"] else "layer",
            scope=ranges,
        ), "everything" if ranges is None else self.scope.currentText().lower()

    def choices(self) -> list[tuple[QComboBox, Any]]:
        """Return the chosen entry of each combo box."""
        return [(box, box.currentData()) for box in (self.level, *self.boxes.values())]

    def choose_all(self, choices: list[tuple[QComboBox, Any]]) -> None:
        """Choose the entries that `choices` returned."""
        for box, data in choices:
            self.choose(box, data)


def _has_channels(layer: Layer, ndim: int) -> bool:
    return any(is_channels(name) for name in layer.axis_labels[: layer.ndim - ndim])


def _is_rgb(layer: Layer) -> bool:
    return not isinstance(layer, Labels) and bool(layer.rgb)
