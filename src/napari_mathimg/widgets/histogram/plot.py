"""The histogram plot: curves, handles for the contrast limits, and a marked range."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QSize, Qt, Signal
from qtpy.QtGui import QBrush, QColor, QLinearGradient, QPen

from ...contract.quantities import figures, number, percent

Array = NDArray[Any]
Color = tuple[int, int, int]

USUAL = 300, 280  # preferred size of the plot, in pixels
COLUMNS = 2048  # maximum number of steps that are drawn: a screen shows no more
EMPTY = -0.35  # height of an empty bin on the logarithmic axis, about half a pixel
HEADROOM = 1.06  # top of the axis, relative to the highest bin
NEAR = 0.5  # distance, relative to the curves' width, up to which contrast limits are kept in view
STOPS = 64  # color stops of a gradient


@dataclass(frozen=True, eq=False)
class HistogramCurve:
    """A histogram with its style.

    Parameters
    ----------
    name
        The name of its layer, and of its channel.
    edges, counts
        Edges and heights of the bins.
    color
        Color of its outline.
    filled
        Whether its area is filled with the layer's colormap, or with its color.
    cumulative
        Values and the fractions of pixels up to them, or None.
    dashed
        Whether it belongs to a layer that is compared with the active one.
    """

    name: str
    edges: Array
    counts: Array
    color: Color
    filled: bool = True
    cumulative: tuple[Array, Array] | None = None
    dashed: bool = False


class CountAxis(pg.AxisItem):
    """Formats counts in few characters, so that the plot keeps its width."""

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Format tick values with suffixes: 1500 as 1.5k."""
        return ["" if self.logMode and v < 0 else short(10**v if self.logMode else v) for v in values]

    def logTickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Format ticks of the logarithmic axis like others."""
        return self.tickStrings(values, scale, spacing)


def short(value: float) -> str:
    """Format a count in at most six characters."""
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= factor:
            return f"{figures(value / factor, 3)}{letter}"
    return figures(value, 3)


class ValueAxis(pg.AxisItem):
    """Writes values as everything else does."""

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Format tick values, with as many decimals as tell neighbors apart."""
        decimals = max(0, math.ceil(-math.log10(spacing * scale))) if spacing * scale > 0 else 0
        return [number(round(v * scale, decimals), 12) for v in values]


class HistogramView(pg.ViewBox):
    """Marks a range on left drag, pans on middle or Shift drag, and shows everything on a double click."""

    marking = Signal(float, float)
    home = Signal()

    def mouseDragEvent(self, ev: Any, axis: Any = None) -> None:
        """Mark a range, or pan."""
        if ev.button() == Qt.MouseButton.LeftButton and not ev.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            ev.accept()
            ends = [self.mapToView(p).x() for p in (ev.buttonDownPos(), ev.pos())]
            self.marking.emit(min(ends), max(ends))
            return
        ev.accept()
        moved = self.mapToView(ev.lastPos()).x() - self.mapToView(ev.pos()).x()
        self.translateBy(x=moved, y=0)

    def mouseDoubleClickEvent(self, event: Any) -> None:
        """Show everything."""
        event.accept()
        self.home.emit()


class Backdrop(pg.ViewBox):
    """Holds curves from 0 to 1 over the same values, and passes mouse events on to the histogram view."""

    def mouseDragEvent(self, ev: Any, axis: Any = None) -> None:
        """Pass the event on to the histogram view."""
        ev.ignore()

    def mouseClickEvent(self, ev: Any) -> None:
        """Pass the event on to the histogram view."""
        ev.ignore()

    def wheelEvent(self, ev: Any, axis: Any = None) -> None:
        """Pass the event on to the histogram view."""
        ev.ignore()


class HistogramPlot(pg.PlotWidget):
    """Plots histograms over the values of a layer.

    `limits_dragged`, `marked` and `hovered` report mouse actions in the layer's values; `hovered` emits NaN when the
    mouse leaves.
    """

    limits_dragged = Signal(float, float)
    marked = Signal(float, float)
    hovered = Signal(float)

    def __init__(self) -> None:
        self.view = HistogramView()
        super().__init__(viewBox=self.view, axisItems={"left": CountAxis("left"), "bottom": ValueAxis("bottom")})
        self._curves: list[HistogramCurve] = []
        self._drawn: list[Any] = []
        self._log = False
        self._limits: tuple[float, float, float] | None = None
        self._colors: Array | None = None
        self._span = self._home = (0.0, 1.0)
        self._quiet = False
        self._prepare()

    def sizeHint(self) -> QSize:
        """Return the preferred size."""
        return QSize(*USUAL)

    def _prepare(self) -> None:
        plot = self.getPlotItem()
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.getAxis("left").setWidth(44)
        plot.getAxis("bottom").enableAutoSIPrefix(False)
        plot.showAxis("right")
        plot.getAxis("right").setWidth(43)
        self.view.setMouseEnabled(x=True, y=False)
        self.view.disableAutoRange()
        self.shares = Backdrop(enableMenu=False)
        self.shares.setZValue(10)
        plot.scene().addItem(self.shares)
        plot.getAxis("right").linkToView(self.shares)
        plot.getAxis("right").setTicks([[(k / 4, percent(k / 4)) for k in range(5)]])
        self.shares.setXLink(self.view)
        self.shares.setYRange(0, HEADROOM, padding=0)
        self.shares.setMouseEnabled(x=False, y=False)
        self.transfer = pg.PlotCurveItem()
        self.shares.addItem(self.transfer)
        self.handles = [pg.InfiniteLine(angle=90, movable=True) for _ in range(2)]
        for handle in self.handles:
            handle.setZValue(30)
            handle.sigPositionChanged.connect(self._drag_limits)
            self.view.addItem(handle)
        self.mark = pg.LinearRegionItem(swapMode="sort")
        self.mark.setZValue(20)
        self.mark.hide()
        self.mark.sigRegionChanged.connect(self._mark_moved)
        self.view.addItem(self.mark)
        self.view.marking.connect(self.marked)
        self.view.home.connect(self.show_all)
        self.view.sigResized.connect(self._resize)
        self.view.sigXRangeChanged.connect(self._redraw)
        self.scene().sigMouseMoved.connect(self._hover)

    def leaveEvent(self, event: Any) -> None:
        """Report that the mouse has left the plot."""
        super().leaveEvent(event)
        self.hovered.emit(float("nan"))

    def set_theme(self, background: QColor, foreground: QColor, accent: QColor) -> None:
        """Apply the colors of the window's theme."""
        self.setBackground(background)
        faint = QColor(foreground)
        faint.setAlpha(110)
        for name in ("left", "bottom", "right"):
            axis = self.getPlotItem().getAxis(name)
            axis.setPen(pg.mkPen(faint))
            axis.setTextPen(pg.mkPen(foreground))
        for handle in self.handles:
            handle.setPen(pg.mkPen(foreground, width=2))
            handle.setHoverPen(pg.mkPen(accent, width=4))
        self.transfer.setPen(pg.mkPen(foreground, width=1.5, style=Qt.PenStyle.DotLine))
        fill = QColor(accent)
        fill.setAlpha(70)
        self.mark.setBrush(QBrush(fill))
        self.mark.setHoverBrush(QBrush(fill))
        for line in self.mark.lines:
            line.setPen(pg.mkPen(accent, width=2))
        self._redraw()

    def show_curves(self, curves: Sequence[HistogramCurve], *, anew: bool = False) -> None:
        """Draw histograms, the first one in front; `anew` also resets a zoomed view."""
        self._curves = list(curves)
        whole = self._home == tuple(self.view.viewRange()[0]) or anew
        if curves:
            ends = [(c.edges[0], c.edges[-1]) for c in curves]
            self._span = float(min(a for a, _ in ends)), float(max(b for _, b in ends))
        if whole:
            self.show_all()
        self._redraw()

    def show_all(self) -> None:
        """Show the whole range of the curves."""
        low, high = self._span
        near = NEAR * (high - low)
        for limit in self._limits[:2] if self._limits is not None else ():
            if self._span[0] - near <= limit <= self._span[1] + near:
                low, high = min(low, limit), max(high, limit)
        margin = 0.02 * (high - low)
        self.view.setXRange(low - margin, high + margin, padding=0)
        self._home = tuple(self.view.viewRange()[0])

    def set_log(self, on: bool) -> None:
        """Show counts on a logarithmic axis."""
        self._log = on
        self.getPlotItem().getAxis("left").setLogMode(x=False, y=on)
        self._redraw()

    def set_limits(self, limits: tuple[float, float] | None, gamma: float = 1.0, colors: Array | None = None) -> None:
        """Show contrast limits as handles, with the transfer curve and the colormap, of shape (n, 3) or (n, 4).

        Limits of None hide the handles.
        """
        self._limits = None if limits is None else (*limits, gamma)
        self._colors = colors
        self._quiet = True
        try:
            for handle, at in zip(self.handles, limits or (0, 0), strict=True):
                handle.setVisible(limits is not None)
                if handle.value() != at:
                    handle.setValue(at)
        finally:
            self._quiet = False
        self._redraw()

    def set_mark(self, ends: tuple[float, float] | None) -> None:
        """Show a marked range; None hides it."""
        self._quiet = True
        try:
            self.mark.setVisible(ends is not None)
            if ends is not None and self.mark.getRegion() != ends:
                self.mark.setRegion(ends)
        finally:
            self._quiet = False

    def _drag_limits(self, dragged: Any) -> None:
        if self._quiet or self._limits is None:
            return
        low, high = (handle.value() for handle in self.handles)
        if low >= high:
            least = (self._span[1] - self._span[0]) * 1e-3
            low, high = (high - least, high) if dragged is self.handles[0] else (low, low + least)
        self.limits_dragged.emit(low, high)

    def _mark_moved(self) -> None:
        if not self._quiet:
            self.marked.emit(*self.mark.getRegion())

    def _hover(self, position: QPointF) -> None:
        inside = self.view.sceneBoundingRect().contains(position)
        self.hovered.emit(self.view.mapSceneToView(position).x() if inside else float("nan"))

    def _resize(self, *_: Any) -> None:
        self.shares.setGeometry(self.view.sceneBoundingRect())
        self.shares.linkedViewChanged(self.view, self.shares.XAxis)

    def _redraw(self, *_: Any) -> None:
        """Draw the visible part of every curve, and fit the axis of counts to it."""
        for item, holder in self._drawn:
            holder.removeItem(item)
        self._drawn = []
        low, high = self.view.viewRange()[0]
        top = 1.0
        for curve in reversed(self._curves):
            edges, heights = _visible(curve.edges, self._heights(curve.counts), low, high)
            if heights.size:
                top = max(top, float(heights.max()) if not self._log else 10 ** float(heights.max()))
                self._add(self._steps(curve, edges, heights), self.view)
            if curve.cumulative is not None:
                self._add(_line(curve), self.shares)
        self.getPlotItem().getAxis("right").setStyle(showValues=any(c.cumulative for c in self._curves))
        floor = EMPTY if self._log else 0.0
        self.view.setYRange(floor, (np.log10(top) if self._log else top) * HEADROOM + 1e-9, padding=0)
        self._draw_transfer()

    def _add(self, item: Any, holder: Any) -> None:
        holder.addItem(item, ignoreBounds=True)
        self._drawn.append((item, holder))

    def _heights(self, counts: Array) -> Array:
        if not self._log:
            return counts
        heights: Array = np.log10(np.maximum(counts, 10**EMPTY))
        return heights

    def _steps(self, curve: HistogramCurve, edges: Array, heights: Array) -> Any:
        pen = pg.mkPen(curve.color, width=1.5 if curve.dashed else 1)
        if curve.dashed:
            pen.setStyle(Qt.PenStyle.DashLine)
        floor = EMPTY if self._log else 0.0
        brush = self._brush(curve) if curve.filled else None
        item = pg.PlotCurveItem(edges, heights, stepMode="center", fillLevel=floor if curve.filled else None, pen=pen)
        if brush is not None:
            item.setBrush(brush)
        item.setZValue(1 if curve.dashed else 2)
        return item

    def _brush(self, curve: HistogramCurve) -> QBrush:
        if self._colors is None or self._limits is None:
            return QBrush(QColor(*curve.color, 70))
        low, high, gamma = self._limits
        gradient = QLinearGradient(QPointF(low, 0), QPointF(high if high > low else low + 1e-9, 0))
        for share in np.linspace(0, 1, STOPS):
            red, green, blue = (255 * self._colors[round(share**gamma * (len(self._colors) - 1)), :3]).astype(int)
            gradient.setColorAt(float(share), QColor(int(red), int(green), int(blue), 200))
        return QBrush(gradient)

    def _draw_transfer(self) -> None:
        if self._limits is None:
            self.transfer.setData([], [])
            return
        low, high, gamma = self._limits
        share = np.linspace(0, 1, 65)
        self.transfer.setData(low + share * (high - low), share**gamma)


def _visible(edges: Array, heights: Array, low: float, high: float) -> tuple[Array, Array]:
    """Return the visible steps; if there are too many, merge neighbors to the highest of them."""
    first = max(int(np.searchsorted(edges, low, "right")) - 1, 0)
    last = min(int(np.searchsorted(edges, high, "left")), heights.size)
    if first >= last:
        return edges[:1], heights[:0]
    edges, heights = edges[first : last + 1], heights[first:last]
    if heights.size > COLUMNS:
        starts = np.linspace(0, heights.size, COLUMNS, endpoint=False).astype(int)
        edges, heights = np.append(edges[starts], edges[-1]), np.maximum.reduceat(heights, starts)
    return edges, heights


def _line(curve: HistogramCurve) -> Any:
    pen: QPen = pg.mkPen(curve.color, width=2)
    if curve.dashed:
        pen.setStyle(Qt.PenStyle.DashLine)
    assert curve.cumulative is not None
    values, shares = curve.cumulative
    return pg.PlotCurveItem(values, shares, pen=pen)
