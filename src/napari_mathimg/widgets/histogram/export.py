"""Export of the counts as CSV and of the plot as an image."""

import csv
from pathlib import Path

import numpy as np
from qtpy.QtCore import QBuffer, QIODevice, QRect, QRectF, QSize
from qtpy.QtGui import QImage, QPaintDevice, QPainter
from qtpy.QtSvg import QSvgGenerator

from ...histogram import Histogram
from ...histogram.fine_histogram import FineHistogram
from .plot import HistogramPlot

SCALE = 2  # pixels of a saved image per screen pixel


def save_counts(path: Path, tally: FineHistogram, histogram: Histogram) -> None:
    """Write the edges and the counts of the bins, one column per channel, with rows for pixels outside of all bins.

    A bin includes `low` and excludes `high`. The edges between integer gray levels lie halfway.
    """
    names = ["count"] if len(tally.channels) == 1 else [name.lower() for name in tally.channels]
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["low", "high", *names])
        table.writerow(["-inf", repr(float(histogram.edges[0])), *np.atleast_1d(histogram.underflow).tolist()])
        for k, counts in enumerate(histogram.counts.T):
            table.writerow([repr(float(histogram.edges[k])), repr(float(histogram.edges[k + 1])), *counts.tolist()])
        table.writerow([repr(float(histogram.edges[-1])), "inf", *np.atleast_1d(histogram.overflow).tolist()])
        table.writerow(["nan", "nan", *np.atleast_1d(histogram.nonfinite).tolist()])


def save_plot(path: Path, plot: HistogramPlot) -> None:
    """Write the plot as shown on screen; the suffix of the path selects SVG or a raster image format.

    Raises
    ------
    OSError
        If the file could not be written.
    """
    size = plot.viewport().size()
    if path.suffix.lower() == ".svg":
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        drawing = QSvgGenerator()
        drawing.setOutputDevice(buffer)
        drawing.setSize(size)
        drawing.setViewBox(QRect(0, 0, size.width(), size.height()))
        _paint(plot, drawing, size)
        path.write_bytes(bytes(buffer.data()))
        return
    image = QImage(size * SCALE, QImage.Format.Format_RGB32)
    _paint(plot, image, size * SCALE)
    if not image.save(str(path)):
        raise OSError(f"{path}: could not be written; the name must end in .png or .svg")


def _paint(plot: HistogramPlot, device: QPaintDevice, size: QSize) -> None:
    painter = QPainter(device)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    whole = QRectF(0, 0, size.width(), size.height())
    painter.fillRect(whole, plot.backgroundBrush())
    plot.scene().render(painter, whole, plot.mapToScene(plot.viewport().rect()).boundingRect())
    painter.end()
