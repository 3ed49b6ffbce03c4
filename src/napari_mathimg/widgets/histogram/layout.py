"""The layout of the histogram dock."""

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QAction
from qtpy.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QMenu,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from ...recipe.names import SEAMS
from ..place.content import FollowingDock
from ..place.entries import HISTOGRAM
from ..qt.combo_box import ElidedComboBox
from ..qt.elided import ElidedLabel, WrappingLabel
from ..qt.layout import button, form_layout, hbox, scroll_area, wrapping_label
from ..qt.number_boxes import WholeSpinBox
from ..qt.wrapping_rows import WrapRows, wrapping_row
from ..settings.saved_fields import SavedFields
from .counts_axis import CountsAxis
from .curves import ALL, RGB
from .fields import InsideBox, Legend, NumberTable, RangeFields
from .plot import Color, HistogramPlot

WHERE = {"layer": "Whole layer", "plane": "This plane", "screen": "On screen"}
NUMBERS = (
    "Pixels", "Mean", "Std. dev.", "Median", "Entropy", "Saturated",
    "Minimum", "Maximum", "Below", "Above", "NaN, ∞", "Bins",
)  # fmt: skip
MOST_BINS = 2**16
LIMITS = {
    "Full range": "From the lowest to the highest value",
    "0.35–99.65 %": "From the lower to the upper of these percentiles",
    "1–99 %": "From the lower to the upper of these percentiles",
    "Type range": "The full range of the data type; 0 to 1 for floating point",
}


class HistogramLayout(FollowingDock):
    """Creates and arranges the widgets of the histogram dock."""

    outline: Color = (240, 241, 242)

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer, HISTOGRAM)
        self.title, self.read_out = ElidedLabel(SEAMS), ElidedLabel(SEAMS)
        self.state, self.outside = WrappingLabel(), WrappingLabel()
        self.plot = HistogramPlot()
        self.plot.setMinimumHeight(190)
        self.plot.setToolTip(
            "Drag to mark a range of values. Zoom with the wheel, pan with Shift or the middle button, and double-click"
            " to show all. The two lines are the contrast limits; the dotted curve maps values to brightness."
        )
        self.sentence = wrapping_label()
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._pages = QStackedWidget()
        for page in (self.plot, self.sentence):
            self._pages.addWidget(page)
        self.legend = Legend()
        self._make_controls()
        layout = QVBoxLayout(self)
        layout.setSpacing(4)
        layout.addWidget(self.chooser)
        layout.addLayout(self._line(self.title, self.cancel_button))
        chosen = QWidget()
        chosen.setLayout(hbox(self.where, self.inside))
        chosen.layout().setContentsMargins(0, 0, 0, 0)
        WrapRows(chosen)
        layout.addWidget(chosen)
        layout.addWidget(self._pages, 3)
        layout.addWidget(self.axis)
        layout.addWidget(self.read_out)
        layout.addWidget(self.state)
        layout.addWidget(self.outside)
        layout.addWidget(self._below(), 2)
        self.setMinimumWidth(270)

    def _make_controls(self) -> None:
        self.where, self.inside = ElidedComboBox(), InsideBox()
        for data, text in WHERE.items():
            self.where.addItem(text, data)
        self.where.setToolTip("Which pixels are counted")
        self.where.setAccessibleName("Pixels")
        self.inside.setAccessibleName("Inside")
        self.cancel_button = button("Stop", "Stop counting; the counts so far stay and are marked as partial")
        self.cancel_button.setEnabled(False)
        self.channel = ElidedComboBox()
        for name in (ALL, *RGB):
            self.channel.addItem(name, name)
        self.channel.setToolTip("Which channel is shown; for RGB, the numbers are those of luminance")
        self.channel.setAccessibleName("Channel")
        self.channel.hide()
        self.bins = WholeSpinBox()
        self.bins.setRange(1, MOST_BINS)
        self.bins.setValue(256)
        self.bins.setKeyboardTracking(False)
        self.bins.setToolTip("Maximum number of bins; all bins span the same number of gray levels")
        self.axis = CountsAxis()
        self.log = self.axis.log
        self.cumulative = _tick("Cumulative", "Also show the fraction of pixels up to each value")
        self.limits = RangeFields("Contrast limits of the layer")
        self.limit_buttons = {name: button(name, tip) for name, tip in LIMITS.items()}
        self.marked = RangeFields("Marked range of values; drag over the plot or type its ends")
        self.marked_share = ElidedLabel()
        self.isolate_button = button("Isolate", "Add a layer that keeps the marked values and is 0 elsewhere")
        self.unmark_button = button("Clear", "Clear the marked range")
        self.before_after = _tick("Before / after", "Compare with the layer that this one was computed from")
        self.pin_button = button("Pin", "Keep showing this layer's histogram when another layer is active")
        self.pin_button.setCheckable(True)
        self.others = _menu_button("Compare", "Overlay the histograms of other layers, scaled to as many pixels")
        self.more = _menu_button("Save", "Save the counts or the plot, or count again")
        menu = self.more.menu()
        self.save_csv, self.save_png, self.save_svg, self.again = (
            _action(menu, text) for text in ("Counts as CSV…", "Plot as PNG…", "Plot as SVG…", "Count again")
        )
        self.table = NumberTable(NUMBERS)
        self.saved_fields = SavedFields(
            self, where=self.where, bins=self.bins, channel=self.channel, log=self.axis.log,
            linear=self.axis.linear, auto=self.axis.auto,
            before_after=self.before_after, cumulative=self.cumulative,
        )  # fmt: skip

    def _below(self) -> QWidget:
        buttons = [*self.limit_buttons.values()]
        presets = [wrapping_row(*buttons[k : k + 2]) for k in range(0, len(buttons), 2)]
        isolate = wrapping_row(self.isolate_button, self.unmark_button)
        compare = wrapping_row(self.pin_button, self.others, self.more)
        form = form_layout({"Bins": self.bins, "Limits": self.limits, "Marked": self.marked})
        ticks = wrapping_row(self.cumulative, self.before_after)
        pieces = (self.legend, self.channel, ticks, compare, form, self.marked_share, isolate, *presets, self.table)
        return scroll_area(*pieces)

    def _line(self, text: QWidget, end: QWidget) -> QGridLayout:
        line = QGridLayout()
        line.addWidget(text, 0, 0)
        line.addWidget(end, 0, 1)
        line.setColumnStretch(0, 1)
        return line

    def show_plot(self) -> None:
        """Show the plot."""
        self._pages.setCurrentIndex(0)

    def show_sentence(self, text: str) -> None:
        """Show a sentence in place of the plot."""
        self.sentence.setText(text)
        self._pages.setCurrentIndex(1)

    @property
    def shown_sentence(self) -> str:
        """The sentence shown in place of the plot; empty if the plot is shown."""
        return str(self.sentence.text()) if self._pages.currentIndex() == 1 else ""

    def show_legend(self, names: Sequence[tuple[Color, str, bool]]) -> None:
        """Show which curve belongs to which layer."""
        self.legend.show_names(names)


def _tick(text: str, tip: str) -> QCheckBox:
    box = QCheckBox(text)
    box.setToolTip(tip)
    return box


def _menu_button(text: str, tip: str) -> QPushButton:
    menu_button: QPushButton = button(text, tip)
    menu_button.setMenu(QMenu(menu_button))
    return menu_button


def _action(menu: QMenu, text: str) -> QAction:
    action = QAction(text, menu)
    menu.addAction(action)
    return action
