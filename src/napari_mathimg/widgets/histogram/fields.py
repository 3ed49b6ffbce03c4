"""The widgets of the histogram dock around its plot."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from napari.layers import Image, Labels, Layer, Shapes
from qtpy.QtCore import QSize, Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QMenu, QSizePolicy, QWidget

from ...recipe.names import SEAMS
from ...recipe.record import is_preview
from ..qt.combo_box import ElidedComboBox
from ..qt.elided import elided
from ..qt.layout import hbox
from ..qt.number_line import NumberLabel, NumberLine
from .plot import Color

NARROW = 150  # minimum width of the table in pixels
EVERYWHERE = "Everywhere"
WIDEST = "000 000 000"  # number that both of two columns have room for


class NumberTable(QWidget):
    """A table of named numbers, with two columns if there is room; its size does not depend on the numbers."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(6)
        self._grid.setVerticalSpacing(1)
        self._columns = 0
        self._pairs: list[tuple[QLabel, NumberLabel]] = []
        self.values: dict[str, NumberLabel] = {}
        for name in names:
            label, value = QLabel(name), NumberLabel("–")
            self._pairs.append((label, value))
            self.values[name] = value
        self._lay_out(1)

    def _lay_out(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns, rows = columns, -(-len(self._pairs) // columns)
        for k, (label, value) in enumerate(self._pairs):
            self._grid.addWidget(label, k % rows, 3 * (k // rows))
            self._grid.addWidget(value, k % rows, 3 * (k // rows) + 1)
        self._grid.setColumnMinimumWidth(2, 10 if columns == 2 else 0)
        self._grid.setColumnStretch(1, 1)
        self._grid.setColumnStretch(4, columns - 1)

    def resizeEvent(self, event: Any) -> None:
        """Choose the number of columns that fits."""
        super().resizeEvent(event)
        metrics, spacing = self.fontMetrics(), 4 * self._grid.horizontalSpacing()
        column = metrics.horizontalAdvance(WIDEST) + max(label.sizeHint().width() for label, _ in self._pairs)
        self._lay_out(2 if self.width() >= 2 * column + spacing else 1)

    def minimumSizeHint(self) -> QSize:
        """Return the size with one column."""
        return QSize(NARROW, super().minimumSizeHint().height())

    def show_numbers(self, numbers: Mapping[str, tuple[str, str]]) -> None:
        """Show numbers by name, in short and with all digits, and a dash for missing ones."""
        for name, label in self.values.items():
            label.show_number(*numbers.get(name, ("–", "–")))


class RangeFields(QWidget):
    """Two fields for the ends of a range; `typed` is emitted only when the user has entered a range."""

    typed = Signal(float, float)
    refused = Signal(str)

    def __init__(self, tip: str) -> None:
        super().__init__()
        self.low, self.high = NumberLine(), NumberLine()
        line = hbox(self.low, QLabel("–"), self.high)
        line.setContentsMargins(0, 0, 0, 0)
        line.setStretch(0, 1)
        line.setStretch(2, 1)
        self.setLayout(line)
        for field in (self.low, self.high):
            field.setToolTip(tip)
            field.editingFinished.connect(self._enter)
        self._ends: tuple[float, float] | None = None

    def show_range(self, ends: tuple[float, float] | None) -> None:
        """Show a range; None clears the fields."""
        self._ends = ends
        for field, value in zip((self.low, self.high), ends or (None, None), strict=True):
            field.show_number(value)

    def _enter(self) -> None:
        texts = self.low.text(), self.high.text()
        if not (self.low.is_typed or self.high.is_typed) or not all(texts):
            return
        try:
            low, high = self.low.number, self.high.number
            if not (math.isfinite(low) and math.isfinite(high) and low <= high):
                raise ValueError
        except ValueError:
            self.refused.emit(f"{texts[0]} – {texts[1]}: must be two numbers, the first at most the second.")
            self.show_range(self._ends)
            return
        self.show_range((low, high))
        self.typed.emit(low, high)


class Legend(QLabel):
    """Says which curve belongs to which layer; names are cut to its width."""

    def __init__(self) -> None:
        super().__init__()
        self._names: Sequence[tuple[Color, str, bool]] = ()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def show_names(self, names: Sequence[tuple[Color, str, bool]]) -> None:
        """Show the color of each name, and whether its curve is dashed."""
        self._names = names
        self.setToolTip("\n".join(name for _, name, _ in names))
        self._fit()
        self.setVisible(bool(names))

    def resizeEvent(self, event: Any) -> None:
        """Cut the names to the new width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        metrics = self.fontMetrics()
        room = self.width() - metrics.horizontalAdvance("mmm")
        lines = []
        for color, name, dashed in self._names:
            stroke = "- -" if dashed else "—"
            safe = escape(elided(name, metrics, room, SEAMS), quote=False)
            lines.append(f'<span style="color: rgb{color}"><b>{stroke}</b></span> {safe}')
        text = "<br>".join(lines)
        if text != self.text():
            self.setText(text)


class InsideBox(ElidedComboBox):
    """Chooses a Shapes or Labels layer whose selection limits which pixels are counted."""

    def __init__(self) -> None:
        super().__init__(seams=SEAMS)
        self.setToolTip("Count only inside the selected shapes (all if none is selected) or the selected label")
        self._listed: list[Layer | None] = [None]
        self.addItem(EVERYWHERE)

    def words(self) -> list[str]:
        """Return the texts that there must be room for: that of no restriction."""
        return [EVERYWHERE]

    @property
    def layer(self) -> Layer | None:
        """The chosen layer; None for no restriction."""
        return self._listed[max(self.currentIndex(), 0)]

    def list_layers(self, layers: Any) -> None:
        """List a viewer's layers, and keep the choice if its layer is still listed."""
        chosen = self.layer
        usable = [layer for layer in reversed(layers) if isinstance(layer, Shapes | Labels)]
        self._listed = [None, *(layer for layer in usable if not is_preview(layer.metadata))]
        self.blockSignals(True)
        self.clear()
        self.addItems([EVERYWHERE, *(f"Inside {layer.name}" for layer in self._listed[1:] if layer is not None)])
        self.setCurrentIndex(self._listed.index(chosen) if chosen in self._listed else 0)
        self.blockSignals(False)
        if self.layer is not chosen:
            self.currentIndexChanged.emit(self.currentIndex())


def fill_with_layers(menu: QMenu, layers: Any, chosen: list[Layer], active: Layer | None, toggle: Any) -> None:
    """Fill a menu with image layers; those being compared are checked."""
    menu.clear()
    for layer in reversed(layers):
        is_image = isinstance(layer, Image) and not is_preview(layer.metadata)
        if is_image and (layer is not active or layer in chosen):
            action = menu.addAction(layer.name)
            action.setCheckable(True)
            action.setChecked(layer in chosen)
            action.toggled.connect(lambda on, layer=layer: toggle(layer, on))
    if not menu.actions():
        menu.addAction("No other image").setEnabled(False)
