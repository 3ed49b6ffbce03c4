"""The Batch dock: a recipe on many files."""

import time
from collections import deque
from pathlib import Path
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import QTimer

from ...batch.job import Job, JobControl, JobReport
from ...engine.forecast import duration
from ...recipe.record import RECORD, is_preview
from ..history.exporting import ask_to_save, copy
from ..layers.napari_proxies import unwrapped
from ..place.content import Connection
from ..qt.keyboard import FocusRing, name_fields
from ..qt.layout import order_fields
from ..qt.number_boxes import first_refused
from ..settings.saved_docks import DockState
from ..tasks.latest_task import LatestTask
from .files import BatchFiles
from .layout import PAUSE, RESUME, RUN
from .running import News, Request, planning, running
from .target_box import ARROW
from .wording import counts_in_words, in_dock_words, left_in_words

QUIET = 300  # milliseconds without a change before a plan is made
LOOK = 100  # milliseconds between looks at what has become of files
NO_FILES = "Add the files that the recipe is to be applied to."
STAYS = "what is done stays"
TABLES = "Tables (*.csv);;JSON (*.json)"


class BatchDock(BatchFiles):
    """Applies a recipe to many files: planned before it runs, paused, canceled and resumed, with reasons of failures.

    Parameters
    ----------
    napari_viewer
        The viewer.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(unwrapped(napari_viewer))
        self.job: Job | None = None  # the plan of what is shown
        self._refusal = ""  # why there is none
        self._control = JobControl()
        self._news: News = deque()
        self._began = self._seconds = 0.0
        self._was_canceled = False
        self._planner = LatestTask(self, name="plan")
        self._planner.returned.connect(self._take_plan)
        self._planner.failed.connect(self._refuse)
        self._soon, self._look = QTimer(self), QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(QUIET)
        self._soon.timeout.connect(self._plan)
        self._look.setInterval(LOOK)
        self._look.timeout.connect(self._take_news)
        self._connect()
        self.saved_state = DockState(self, "batch")
        for name, part in (("files", self.saved_ticks), ("recipe", self.recipe), ("target", self.target.saved_fields)):
            self.saved_state.keep(name, part)
        self._enable()
        order_fields(self)
        name_fields(self)
        FocusRing(self)

    def _connect(self) -> None:
        self.files_changed.connect(self._change)
        self.recipe.changed.connect(self._change)
        self.recipe.changed.connect(self._name_fields)
        self.recipe.told.connect(self.tell)
        self.target.changed.connect(self._change)
        self.recipe.history_button.clicked.connect(self._take_history)
        self.run_button.clicked.connect(self.run)
        self.pause_button.clicked.connect(self.pause)
        self.cancel_button.clicked.connect(lambda: self._control.cancel())
        self.command_button.clicked.connect(self.copy_command)
        self.report_button.clicked.connect(lambda: ask_to_save(self, "Report", "report.csv", TABLES, self.save_report))
        self.bar.in_words = in_dock_words
        self.bar.take_keys(self)
        task = self.bar.other
        task.progressed.connect(self._show_progress)
        task.returned.connect(self._tell_end)
        task.failed.connect(self._note_refusal)
        task.canceled.connect(self._tell_canceled)
        task.finished.connect(self._end)

    def viewer_events(self) -> list[Connection]:
        """Return what is connected while the dock is shown."""
        return [(self._viewer.layers.selection.events.active, self._follow)]

    def catch_up(self) -> None:
        """Follow the active layer, and plan what was changed meanwhile."""
        self._follow()
        self._change()

    def rest(self) -> None:
        """Preview and plan nothing; a run goes on."""
        self._soon.stop()
        self._planner.cancel()
        self.preview.setChecked(False)

    def end(self) -> None:
        """Stop all that runs, for good; what is done stays."""
        self._control.cancel()
        self._look.stop()
        for task in (self.bar.task, self.bar.other):
            task.cancel()
        for part in (self._planner, self._looking, self._opening, self.file_preview):
            part.close()

    @property
    def is_busy(self) -> bool:
        """Whether something runs, is read or planned, or is about to be."""
        return self.is_running or self.is_reading or self._soon.isActive() or self._planner.is_running

    def _follow(self, event: Any = None) -> None:
        self.recipe.history_button.setEnabled(self._layer_with_steps() is not None and not self.is_running)

    def _layer_with_steps(self) -> Layer | None:
        layer = self._viewer.layers.selection.active
        return layer if layer is not None and layer.metadata.get(RECORD) and not is_preview(layer.metadata) else None

    def _take_history(self) -> None:
        if (layer := self._layer_with_steps()) is not None:
            self.recipe.take_layer(layer)

    def _name_fields(self) -> None:
        order_fields(self)
        name_fields(self)

    def _change(self) -> None:
        """Plan anew, as soon as there are no further changes."""
        if not self.is_running:
            self._planner.cancel()
            self._soon.start()

    @property
    def missing(self) -> str:
        """What is still to be chosen before a run, as a sentence; "" if nothing is."""
        return ("" if self.listed.files else NO_FILES) or self.recipe.missing or self.target.missing

    def _request(self) -> Request:
        recipe = self.recipe.file or self.recipe.recipe
        assert recipe is not None
        choices = self.target.choices(self.subfolders.isChecked())
        return Request(recipe, self.listed.inputs, self.target.output, dict(self.recipe.images), choices)

    def _plan(self) -> None:
        if self.missing:
            self.job = None
            self._take_back_refusal()
            self.target.example.setText("")
            self._enable()
        elif not self.is_running and self.is_following:
            self._planner.ask(planning(self._request()))

    def _take_back_refusal(self) -> None:
        if self._refusal and self.message.text() == self._refusal:
            self.message.clear()
        self._refusal = ""

    def _take_plan(self, job: Job) -> None:
        """Show what a run would do, and what speaks against it."""
        self._take_back_refusal()
        self._take_job(job, keeps_failures=self.job is not None and self.job.plan == job.plan)
        if job.warnings:
            self.tell(" ".join(job.warnings))
            self._note_refusal()

    def _take_job(self, job: Job, keeps_failures: bool) -> None:
        self.job = job
        self.rows.show_items(job.items, keeps_failures)
        self.target.example.setText(f"{ARROW} {job.items[0].output.name}")
        self._enable()

    def _refuse(self, text: str) -> None:
        self.job = None
        self.tell(text)
        self._note_refusal()
        self.target.example.setText("")
        self._enable()

    def _note_refusal(self) -> None:
        """Take the message that is shown back as soon as a plan is made that it is not about."""
        self._refusal = self.message.text()

    def _enable(self) -> None:
        """Enable what can be done, and say what has become of the files."""
        is_idle, counts = not self.is_running, self.rows.counts
        for widget in (self.add_files, self.add_folder, self.subfolders, self.recipe, self.target):
            widget.setEnabled(is_idle)
        begun = bool(counts["done"] + counts["kept"] and counts["waiting"])
        self.run_button.setText(RESUME if begun and is_idle else RUN)
        self.command_button.setEnabled(bool(self.rows.rows))
        self.report_button.setEnabled(self.job is not None and counts["waiting"] < len(self.rows.rows) and is_idle)
        self._show_states()
        self._choose()
        self._follow()

    def _show_states(self) -> None:
        counts = self.rows.counts
        self.states.setText(counts_in_words(counts) if self.job is not None else "")

    def run(self) -> None:
        """Run the recipe on all files that are not done."""
        if self.is_running:
            return
        if lacks := first_refused(self) or self.missing:
            self.tell(lacks)
            return
        self._soon.stop()
        self._planner.cancel()
        self._refusal, self._was_canceled = "", False
        self._control, self._news, self._began = JobControl(), deque(), time.monotonic()
        self.pause_button.setText(PAUSE)
        self.bar.start(running(self._request(), self._control, self._news), STAYS)
        self._look.start()
        self._enable()

    def pause(self) -> None:
        """Let the run rest, or go on."""
        if not self.is_running:
            return
        if self._control.is_paused:
            self._control.resume()
        else:
            self._control.pause()
        self.pause_button.setText(RESUME if self._control.is_paused else PAUSE)
        self.bar.message.pass_by("Paused" if self._control.is_paused else "")

    def _take_news(self) -> None:
        """Show what has become of files since the last look."""
        events = []
        while self._news:
            new = self._news.popleft()
            if isinstance(new, Job):
                self._take_job(new, keeps_failures=False)
            else:
                events.append(new)
        if events:
            self.rows.take(events)
            self._show_states()

    def _show_progress(self, progress: Any) -> None:
        if self._control.is_paused:
            self.bar.message.pass_by("Paused")
            return
        left = left_in_words(progress.done, progress.total, time.monotonic() - self._began)
        if left:
            self.bar.message.pass_by(f"{self.bar.message.shown}, {left}")

    def _end(self) -> None:
        self._look.stop()
        self._take_news()
        self.rows.stop()
        self._seconds = time.monotonic() - self._began
        self._enable()

    def _tell_end(self, report: JobReport) -> None:
        if report.is_canceled:
            self._tell_canceled()
            return
        self.tell(f"{counts_in_words(report.counts).capitalize()}, in {duration(report.seconds)}")

    def _tell_canceled(self) -> None:
        self._was_canceled = True
        self._take_news()
        self.rows.stop()
        self.tell(f"Canceled: {counts_in_words(self.rows.counts)}. Resume goes on with what is left.")

    def copy_command(self) -> None:
        """Put the command line that does the same on the clipboard."""
        if self.job is None:
            self.tell(self.missing or self._refusal or "The files are still being planned: try again.")
            return
        copy(self.job.command())
        text = "The command is on the clipboard."
        if not self.job.recipe_file:
            text += " It reads recipe.toml: save the steps under this name with the History dock."
        self.tell(text)

    def save_report(self, path: Path) -> None:
        """Write what became of each file to a table."""
        rows = self.rows.rows
        items = tuple(row.item for row in rows if row.item is not None)
        outcomes = tuple(row.outcome for row in rows if row.item is not None)
        try:
            JobReport(items, outcomes, self._was_canceled, self._seconds).save(path)
        except (ValueError, OSError) as error:
            self.tell(f"Not saved: {error}")
        else:
            self.tell(f"Saved {path.name}")
