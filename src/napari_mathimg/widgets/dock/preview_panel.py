"""The panel of the live preview: its tick beside Run, and how to look at it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import QEvent, QObject, QSize, QTimer, Signal
from qtpy.QtWidgets import QCheckBox, QLabel, QWidget

from ...contract.operation import Operation
from ..canvas.split_line import SplitLine
from ..preview.computed import key_of
from ..preview.live import LivePreview
from ..preview.preview_layer import DIFFERENCE, RESULT, SOURCE, SPLIT
from ..qt.flow_layout import FlowLayout
from ..qt.layout import button
from ..settings.saved_fields import SavedFields
from ..tasks.operation_job import Job, Outcome
from .dock_context import DockContext
from .form_panel import FormPanel
from .panel import Panel
from .run_panel import RunPanel

KEY = "U"  # held in the canvas, shows the source
STATES = {
    "exact": ("exact", "These pixels are what Run gives"),
    "near": ("approximate", "These pixels are about what Run gives; exact ones follow"),
    "partial": ("computing…", "Pixels that are not computed yet show the source"),
    "counting": ("counting…", "What the whole layer says, such as its value range, is counted once"),
    "paused": (
        "paused",
        "The result of the run is shown, or the preview of another dock: change something to see this one",
    ),
    "": ("", ""),
}
TIP = "Show what Run would give, for what is on screen, while you change parameters, pan and zoom"


class LivePreviewPanel(Panel):
    """A tick that shows what a run would give over the source, and buttons to compare both.

    Parameters
    ----------
    context
        The objects that the panels of the dock share.
    forms, runs
        The panels with the parameters, and with the jobs of runs.
    """

    name = "preview"

    def __init__(self, context: DockContext, forms: FormPanel, runs: RunPanel) -> None:
        self._context, self._forms, self._runs = context, forms, runs
        self.tick = QCheckBox("Preview")
        self.tick.setToolTip(TIP)
        self.source = button("Source", f"Show the source while this is pressed, or while {KEY} is held in the image")
        self.split = button("Split", "Show the source to the left of a line and the result to its right; drag the line")
        self.difference = button("Difference", "Show the result minus the source")
        for way in (self.split, self.difference):
            way.setCheckable(True)
        self.state = _State()
        self.widget = QWidget()
        row = FlowLayout(self.widget, 3)
        for each in (self.source, self.split, self.difference):
            row.addWidget(each)
        self.widget.hide()
        self.state.hide()
        self.live = LivePreview(context.viewer, context.dock, self._job, self._last_result)
        self.line = SplitLine(context.viewer, context.dock)
        self._is_paused = False  # after a run
        self._gave_way = False  # to the preview of another dock
        self._operation: Operation | None = None
        self._key_before: Any = None
        self._ran: tuple[Any, list[Any]] = None, []  # what was run last, and its sources
        self.visibility = Visibility(context.dock)
        self._kept = SavedFields(self.widget, on=self.tick, split=self.split, difference=self.difference)
        self._connect()

    def _connect(self) -> None:
        self.visibility.changed.connect(self._follow_sight)
        self.tick.toggled.connect(self._tick)
        self._kept.changed.connect(self.tell_changed)
        self.source.pressed.connect(lambda: self.live.shown.look_at(SOURCE))
        self.source.released.connect(self._look)
        self.split.toggled.connect(self._choose_split)
        self.difference.toggled.connect(self._choose_difference)
        self.line.moved.connect(lambda at: self.live.shown.look_at(SPLIT, at))
        self.live.said.connect(self._say)
        self._context.bar.task.returned.connect(self._pause)
        self._context.viewer.dims.events.ndisplay.connect(self._look)
        self.live.removed.connect(lambda: self.tick.setChecked(False))
        self.live.gave_way.connect(self._give_way)

    def follow_panels(self, panels: Any) -> None:
        """Follow the changes of all panels that a run depends on."""
        for panel in panels:
            panel.changed.connect(self._renew_at_once if panel is self._forms else self.renew)

    def renew(self, *change: Any) -> None:
        """Show what a run would give now; after a run, only once it would give something else."""
        if self._is_paused:
            ran, sources = self._ran
            layer, made = self._context.layer, self._context.results.made
            is_same = layer in made or any(source() is layer for source in sources)
            choices = self._choices()
            self._is_paused = is_same and choices in (None, ran)
        self._follow()
        self.live.renew()

    def _follow_sight(self) -> None:
        """Show the preview of a dock that comes into sight, whoever had one when it went."""
        if not self.visibility.is_seen:
            self._gave_way = False
        self._follow()

    def _give_way(self) -> None:
        """Rest while another dock shows its preview, until something changes here."""
        self._gave_way = True
        self._follow()

    def _renew_at_once(self, *change: Any) -> None:
        """Show what a run with another parameter would give."""
        self._gave_way = False
        if not self._is_paused:
            self.live.renew_at_once()
        self.renew()

    def show_for(self, layer: Layer | None, operation: Operation, level: int) -> None:
        """Preview an operation on the chosen layer; another one is something that changes here."""
        if operation is not self._operation:
            self._operation, self._gave_way = operation, False
        self.renew()

    def _choices(self) -> Any:
        """Return what a run depends on, except the layer; None if it would be refused."""
        try:
            chosen = self._job()
        except ValueError:
            return None
        if chosen is None:
            return None
        operation, parameters, options, arrays, *_ = key_of(chosen[0])
        return operation, parameters, options, arrays[1:]

    def _job(self) -> tuple[Job, Layer] | None:
        layer, options = self._context.layer, self._context.options
        if layer is None:
            return None
        if options.shares_range and len(self._context.layers.selection()) > 1:
            raise ValueError("Preview knows one layer: untick 'One value range for all' to see it")
        return self._runs.job(layer, with_record=False), layer

    def _last_result(self) -> Layer | None:
        """Return the result that was added last, if it can be seen."""
        last = self._context.results.last
        return last if last is not None and last.visible else None

    def _tick(self, is_on: bool) -> None:
        """Show the preview at once when it is ticked, although a run may just have ended."""
        self._is_paused = self._gave_way = False
        self._follow()

    def _follow(self, *change: Any) -> None:
        """Show the preview while it is ticked, the dock is seen, and no run has just ended."""
        rests = self._is_paused or self._gave_way
        is_wanted = self.tick.isChecked() and self.visibility.is_seen and not rests
        for each in (self.widget, self.state):
            each.setVisible(self.tick.isChecked())
        if is_wanted == self.live.is_on:
            return
        if is_wanted:
            self.live.start()  # another preview of this viewer ends, and leaves the key
            self._key_before = self._context.viewer.bind_key(KEY, self._hold, overwrite=True)
            self._look()
        else:
            self.live.stop()
            self.line.hide()
            self._context.viewer.bind_key(KEY, self._key_before, overwrite=True)
            self._say("paused" if rests else "", "")

    def _choose_split(self, is_on: bool) -> None:
        if is_on:
            self.difference.setChecked(False)
        self._look()

    def _choose_difference(self, is_on: bool) -> None:
        if is_on:
            self.split.setChecked(False)
        self.live.show_difference(is_on)
        self._look()

    def _look(self, event: Any = None) -> None:
        """Look at the preview in the chosen way."""
        splits = self.split.isChecked() and self.live.is_on and self._context.viewer.dims.ndisplay == 2
        (self.line.show if splits else self.line.hide)()
        way = SPLIT if splits else DIFFERENCE if self.difference.isChecked() else RESULT
        self.live.shown.look_at(way, self.line.position if splits else 0.0)

    def _hold(self, viewer: Any) -> Iterator[None]:
        """Show the source while the key is held."""
        self.live.shown.look_at(SOURCE)
        yield
        self._look()

    def _say(self, state: str, sentence: str) -> None:
        words, tip = STATES[state]
        self.state.setText(words)
        self.state.setToolTip(tip)
        bar = self._context.bar
        if not bar.is_running:  # whose progress is told there
            tells = state in ("", "counting") and bool(sentence)
            if tells:
                bar.message.clear()  # or what the last run told would hide it
            bar.message.pass_by(bar.in_words(sentence) if tells else "")

    def _pause(self, outcomes: Sequence[Outcome]) -> None:
        """Pause after a run, so that its result is seen, until something changes."""
        if any(outcome.done is not None for outcome in outcomes):
            self._ran = self._choices(), [outcome.job.layer for outcome in outcomes]
            self._is_paused = True
            self._follow()

    def save_state(self) -> dict[str, Any]:
        """Return whether the preview is ticked, and how it is looked at."""
        return self._kept.save_state()

    def restore_state(self, saved: Mapping[str, Any]) -> None:
        """Tick the preview if it was, and look at it as before."""
        self._kept.restore_state(saved)

    def close(self) -> None:
        """Remove the preview."""
        if self.live.is_on:
            self._context.viewer.bind_key(KEY, self._key_before, overwrite=True)
        self._context.viewer.dims.events.ndisplay.disconnect(self._look)
        self.visibility.changed.disconnect(self._follow_sight)
        self.line.hide()
        self.live.close()


class _State(QLabel):
    """A word on how exact the preview is, in a width that does not depend on the word."""

    def sizeHint(self) -> QSize:
        """Return a size with room for each word."""
        widths = (self.fontMetrics().horizontalAdvance(f"{words}x") for words, _ in STATES.values())
        return QSize(max(widths), super().sizeHint().height())

    minimumSizeHint = sizeHint


class Visibility(QObject):
    """Tells whether a dock can be seen: it is shown, and in front of the docks in the same place.

    Parameters
    ----------
    dock
        The content of the dock.
    """

    changed = Signal()

    def __init__(self, dock: QWidget) -> None:
        super().__init__(dock)
        self._dock, self._is_in_front = dock, True
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self.changed)
        dock.installEventFilter(self)

    @property
    def is_seen(self) -> bool:
        """Whether the dock can be seen."""
        return self._is_in_front and bool(self._dock.isVisible())

    def show_in_front(self, is_in_front: bool) -> None:
        """Note whether the dock is in front of others."""
        self._is_in_front = is_in_front
        self._soon.start(0)

    def eventFilter(self, dock: QObject, event: QEvent) -> bool:
        """Note that the dock is shown or hidden."""
        if event.type() in (QEvent.Type.Show, QEvent.Type.Hide):
            self._soon.start(0)
        return False
