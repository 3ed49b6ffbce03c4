"""The panel that runs the chosen operation and adds its results."""

from collections.abc import Callable, Sequence
from typing import Any
from weakref import ref

from napari.layers import Layer

from ...contract.operation import Operation
from ...recipe.names import cut_middle
from ..form.sentences import in_form_words
from ..layers.levels import full_resolution
from ..layers.snapshot import snapshot_at
from ..layers.transforms import check_turnable
from ..preview.shared_facts import facts_of
from ..qt.number_boxes import first_refused
from ..settings.preferences import memory, threads
from ..settings.saved_speeds import note_speeds
from ..settings.used import note_use
from ..tasks.background_task import Steps
from ..tasks.forecaster import Forecaster
from ..tasks.kernel_loading import load_kernels
from ..tasks.operation_job import Job, Outcome, all_steps
from .dock_context import DockContext
from .panel import Panel, Parameters
from .results import elapsed, warnings


class RunPanel(Panel):
    """The Run bar: collects the input of a run from all panels, and notifies them of the layers that it adds.

    Parameters
    ----------
    context
        The objects that the panels of the dock share.
    panels
        The other panels.
    """

    def __init__(self, context: DockContext, panels: Sequence[Panel]) -> None:
        self._context, self._panels = context, panels
        self.widget = self.bar = context.bar
        self._refused: list[tuple[str, Exception]] = []
        self.bar.in_words = self._in_words
        self.bar.take_keys(context.dock)
        self.forecaster = Forecaster(context.dock, self._jobs_in_memory)
        self.forecaster.found.connect(self.bar.tell_needs)
        for panel in panels:
            panel.changed.connect(self._enable_run)
        self._take: Callable[[Any], None] = self.add_results
        self.bar.task.returned.connect(self.add_results)
        self.bar.other.returned.connect(lambda found: self._take(found))
        self.bar.other.finished.connect(self._enable_run)
        self.bar.task.finished.connect(self._enable_run)

    def show_for(self, layer: Layer | None, operation: Operation, level: int) -> None:
        """Load the kernels of the operation, and enable Run if all panels are ready."""
        if layer is not None:
            rgb = bool(getattr(layer, "rgb", False))
            load_kernels(
                operation, str(full_resolution(layer).dtype), self._context.options.ndim(layer, operation), rgb
            )
        self._enable_run()

    def _in_words(self, text: str) -> str:
        operation = self._context.operations.operation
        return in_form_words(text, operation.parameters, (name for name, _ in operation.images[1:]))

    def _enable_run(self) -> None:
        """Enable Run if all panels are ready and no run is in progress."""
        ready = all(panel.is_ready for panel in self._panels)
        self.bar.run.setEnabled(ready and not self.bar.is_running)
        if self.bar.is_running:
            self.forecaster.stop()  # which would take cores from the run
        else:
            self.forecaster.ask_soon()

    def start_other(self, steps: Steps, take: Callable[[Any], None]) -> None:
        """Start other steps than those of a run, unless something runs, and pass on what they return."""
        if not self.bar.is_running:
            self._take = take
            self.forecaster.stop()
            self.bar.start(steps, "nothing was changed")

    def parameters_for(self, layer: Layer) -> Parameters:
        """Return the operation's parameters for a layer, collected from all panels.

        Raises
        ------
        ValueError
            If a parameter is missing or invalid.
        """
        typed: Parameters = {}
        for panel in self._panels:
            typed = panel.parameters(layer, typed)
        return typed

    def job(self, layer: Layer, with_record: bool = True) -> Job:
        """Return the job of a run on a layer, with a copy of the layer's record unless it is not going to be run.

        Raises
        ------
        ValueError
            If the operation cannot be applied to the layer.
        """
        context, operation = self._context, self._context.operations.operation
        check_turnable(operation, layer, context.options.axes(layer, operation)[-2:])
        options, scope = context.options.options(layer, operation, context.viewer.dims)
        parameters = operation.validate(self.parameters_for(layer))
        source = snapshot_at(layer, context.options.level_of(layer), with_record)
        job = Job(
            operation, source, ref(layer), options, parameters, scope, threads=threads(), memory=memory(),
            facts=facts_of(context.viewer),
        )  # fmt: skip
        for panel in self._panels:
            job = panel.add_to_job(job, layer)
        return job

    def start(self) -> None:
        """Apply the operation to the chosen layer or to all selected layers; add the results when all are complete."""
        chosen, options = self._context.layer, self._context.options
        if chosen is None or self.bar.is_running:
            return
        if reason := first_refused(self._context.dock):
            self.bar.tell_failure(ValueError(reason))
            return
        jobs, self._refused = self._jobs()
        if not jobs:
            self.bar.tell_failure(self._refused[0][1])
            return
        note_use(jobs[0].operation.id)
        self.forecaster.stop()
        self.bar.start(all_steps(jobs, options.shares_range))

    def _jobs(self, with_record: bool = True) -> tuple[list[Job], list[tuple[str, Exception]]]:
        """Return the jobs on the chosen layer or on all selected layers, and why other layers are refused."""
        layer, jobs = self._context.layer, []
        refused: list[tuple[str, Exception]] = []
        selected = self._context.layers.selection()
        use_selected = len(selected) > 1 and self._context.options.all_selected.isChecked()
        for each in selected if use_selected else [] if layer is None else [layer]:
            try:
                jobs.append(self.job(each, with_record))
            except ValueError as error:
                refused.append((each.name, error))
        return jobs, refused

    def _jobs_in_memory(self) -> list[Job]:
        """Return the jobs of a run that takes time and memory now."""
        return [job for job in self._jobs(with_record=False)[0] if job.lazy is None or not job.lazy.is_chosen]

    def add_results(self, outcomes: Sequence[Outcome]) -> None:
        """Add the results of a run to the viewer, and show a message about each result and each error."""
        results = self._context.results
        failed = self._refused + [(o.job.source.name, o.error) for o in outcomes if o.error is not None]
        alone = len(outcomes) == 1
        added = [results.add(o.job, o.done, alone, self._panels) for o in outcomes if o.done is not None]
        results.overlays.arrange()
        finished = [o.done for o in outcomes if o.done is not None]
        note_speeds([(each.needed, each.seconds) for each in finished if each.needed is not None])
        if len(added) > 2:
            done = [(o.job, o.done) for o in outcomes if o.done is not None]
            lost = [f"{cut_middle(job.source.name)}:{text}" for job, each in done if (text := warnings(job, each))]
            added = [f"{len(added)} layers added in {elapsed(outcomes[0].job)}.", *lost]
        failures = [f"{cut_middle(name)}: {self.bar.in_words(str(error))}." for name, error in failed]
        (self.bar.tell_reason if failures else self._context.tell)(" ".join(added + failures))

    def close(self) -> None:
        """Cancel what is in progress."""
        self.forecaster.close()
        self.bar.task.cancel()
        self.bar.other.cancel()
