"""Actions of the histogram dock: setting contrast limits, marking and isolating values, and saving."""

from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
from napari.utils.notifications import show_error
from qtpy.QtWidgets import QFileDialog

from ...catalog import find
from ...contract.quantities import count, percent
from ...engine import Options
from ...histogram import Histogram
from ...histogram.fine_histogram import FineHistogram
from ..dock.results import show_result
from ..layers.levels import full_resolution, pyramid_of
from ..layers.snapshot import snapshot
from ..settings.preferences import memory, threads
from ..tasks.background_task import BackgroundTask, reason
from ..tasks.operation_job import Done, Job, steps
from .curves import channel_index
from .export import save_counts, save_plot
from .layer_counts import Follower
from .layout import HistogramLayout

PERCENTILES = {"0.35–99.65 %": (0.0035, 0.9965), "1–99 %": (0.01, 0.99)}


class HistogramActions(HistogramLayout):
    """Adds the actions on the layer whose histogram is shown.

    Parameters
    ----------
    viewer
        The viewer that results are added to.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self._follower: Follower | None = None
        self._found: Histogram | None = None
        self._mark: tuple[float, float] | None = None
        self._job: Job | None = None
        self.task = BackgroundTask(self)
        self._connect_actions()

    def _connect_actions(self) -> None:
        self.plot.limits_dragged.connect(self.set_limits)
        self.plot.marked.connect(self.mark_range)
        self.limits.typed.connect(self.set_limits)
        self.marked.typed.connect(self.mark_range)
        for fields in (self.limits, self.marked):
            fields.refused.connect(show_error)
        for name, button in self.limit_buttons.items():
            button.clicked.connect(lambda checked=False, name=name: self._press(name))
        self.isolate_button.clicked.connect(self.isolate)
        self.unmark_button.clicked.connect(self.unmark)
        self.save_csv.triggered.connect(lambda: self._ask("Counts", "csv", self.export_counts))
        self.save_png.triggered.connect(lambda: self._ask("Plot", "png", self.export_plot))
        self.save_svg.triggered.connect(lambda: self._ask("Plot", "svg", self.export_plot))
        self.task.returned.connect(self._add_result)
        self.task.failed.connect(self._tell_failure)
        self.task.finished.connect(self._end)

    @property
    def _tally(self) -> FineHistogram | None:
        """The current counts of the layer; None if there are none."""
        return self._follower.tally if self._follower is not None else None

    def set_limits(self, low: float, high: float) -> None:
        """Set the layer's contrast limits; an empty range is widened, because napari cannot show it."""
        if self._follower is not None:
            self._follower.layer.contrast_limits = (low, high if high > low else low + 1)

    def _press(self, name: str) -> None:
        tally = self._tally
        if tally is None or not tally.finite[0]:
            return
        if name in PERCENTILES:
            low, high = (tally.quantile(q) for q in PERCENTILES[name])
        elif name == "Type range":
            kind = tally.dtype.kind
            info = np.iinfo(tally.dtype) if kind in "iu" else None
            low, high = (0.0, 1.0) if info is None else (float(info.min), float(info.max))
        else:
            low, high = (float(v) for v in tally.ends[0])
        self.set_limits(low, high)

    def mark_range(self, low: float, high: float) -> None:
        """Mark a range, snapped to whole gray levels or to edges of cells, and show its share of the pixels."""
        tally = self._tally
        if tally is not None:
            self._mark = tally.snapped(low, high)
            self._show_mark()

    def unmark(self) -> None:
        """Clear the marked range."""
        self._mark = None
        self._show_mark()

    def _show_mark(self) -> None:
        tally = self._tally
        mark = self._mark if tally is not None else None
        self.marked.show_range(mark)
        self.isolate_button.setEnabled(mark is not None and not self.task.is_running)
        self.unmark_button.setEnabled(mark is not None)
        if mark is None or tally is None:
            self.plot.set_mark(None)
            self.marked_share.setText("Drag to mark values")
            return
        half = 0.5 if tally.integral else 0.0  # bins of whole gray levels extend by half a level
        self.plot.set_mark((mark[0] - half, mark[1] + half))
        index = channel_index(tally, self.channel.currentData())
        pixels = tally.between(*mark, index)
        prefix = "" if tally.exact else "about "
        part = percent(pixels / max(int(tally.finite[index]), 1))
        self.marked_share.setText(f"{prefix}{part} of the pixels ({count(pixels)})")

    def isolate(self) -> None:
        """Add a layer that keeps the marked values of the whole layer and is 0 elsewhere."""
        if self._follower is None or self._mark is None or self.task.is_running:
            return
        layer, op = self._follower.layer, find("clip")
        low, high = self._mark
        dtype = np.dtype(full_resolution(layer).dtype)
        if dtype.kind == "f":
            high = float(np.nextafter(dtype.type(high), dtype.type(-np.inf)))
        options = Options(ndim=2, channel_axis=layer.ndim if layer.rgb else None)
        try:
            parameters = op.validate({"low": low, "high": high, "outside": "zero"})
        except ValueError as error:
            self._tell_failure(error)
            return
        source, pyramid = snapshot(layer), pyramid_of(layer)
        self._job = Job(
            op,
            source,
            ref(layer),
            options,
            parameters,
            "everything",
            threads=threads(),
            memory=memory(),
            pyramid=pyramid,
        )
        self.isolate_button.setEnabled(False)
        self.task.start(steps(self._job))

    def _add_result(self, done: Done) -> None:
        job = self._job
        assert job is not None
        source = job.layer()
        show_result(self._viewer, job, done, None, None)
        if source is not None:
            source.visible = False

    def _tell_failure(self, error: Exception) -> None:
        show_error(reason(error))

    def _end(self) -> None:
        self._job = None
        self._show_mark()

    def export_counts(self, path: Path) -> None:
        """Write the counts of the active layer as CSV, or show an error while they are partial."""
        tally = self._tally
        if tally is None or self._found is None or not tally.exact:
            show_error("There are no exact counts to save yet.")
            return
        self._try(lambda: save_counts(path, tally, self._found))

    def export_plot(self, path: Path) -> None:
        """Write the plot as SVG or as an image."""
        if self._found is None:
            show_error("There is no histogram to save.")
            return
        self._try(lambda: save_plot(path, self.plot))

    def _try(self, write: Any) -> None:
        try:
            write()
        except OSError as error:
            show_error(str(error))

    def _ask(self, what: str, ending: str, write: Any) -> None:
        name = self._follower.layer.name if self._follower is not None else "histogram"
        chosen, _ = QFileDialog.getSaveFileName(self, f"{what} as {ending.upper()}", f"{name}.{ending}", f"*.{ending}")
        if chosen:
            path = Path(chosen)
            write(path if path.suffix else path.with_suffix(f".{ending}"))
