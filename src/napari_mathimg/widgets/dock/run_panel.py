"""Runs of the chosen operation: what they are given, and what becomes of their results."""

from collections.abc import Sequence
from weakref import ref

from napari.layers import Layer
from napari.utils.notifications import show_error

from ...contract.operation import Operation
from ..layers.levels import full_resolution
from ..layers.snapshot import snapshot_at
from ..layers.transforms import check_square
from ..settings.preferences import memory, threads
from ..tasks.kernel_loading import load_kernels
from ..tasks.operation_job import Job, Outcome, all_steps
from .dock_context import DockContext
from .panel import Panel, Parameters
from .results import elapsed


class RunPanel(Panel):
    """The Run bar: a run takes from all panels what they say, and tells them of the layers it adds.

    Parameters
    ----------
    context
        What the panels of the dock share.
    panels
        The other panels.
    """

    def __init__(self, context: DockContext, panels: Sequence[Panel]) -> None:
        self._context, self._panels = context, panels
        self.widget = self.bar = context.bar
        self._refused: list[tuple[str, Exception]] = []
        for panel in panels:
            panel.changed.connect(self._offer)
        self.bar.task.returned.connect(self.add_results)
        self.bar.task.finished.connect(self._offer)

    def show_for(self, layer: Layer | None, operation: Operation, level: int) -> None:
        """Make ready for a run."""
        if layer is not None:
            rgb = bool(getattr(layer, "rgb", False))
            load_kernels(
                operation, str(full_resolution(layer).dtype), self._context.options.ndim(layer, operation), rgb
            )
        self._offer()

    def _offer(self) -> None:
        """Let a run begin where all panels are ready."""
        ready = all(panel.is_ready for panel in self._panels)
        self.bar.run.setEnabled(ready and not self.bar.task.is_running)

    def parameters_for(self, layer: Layer) -> Parameters:
        """Return what all panels say of the operation's parameters, as it counts for a layer.

        Raises
        ------
        ValueError
            If something is missing or wrong.
        """
        typed: Parameters = {}
        for panel in self._panels:
            typed = panel.parameters(layer, typed)
        return typed

    def job(self, layer: Layer) -> Job:
        """Return all that a run on a layer needs.

        Raises
        ------
        ValueError
            If it cannot be done.
        """
        context, operation = self._context, self._context.operations.operation
        check_square(operation, layer)
        options, scope = context.options.options(layer, operation, context.viewer.dims)
        parameters = operation.validate(self.parameters_for(layer))
        source = snapshot_at(layer, context.options.level_of(layer))
        job = Job(operation, source, ref(layer), options, parameters, scope, threads=threads(), memory=memory())
        for panel in self._panels:
            job = panel.add_to_job(job, layer)
        return job

    def start(self) -> None:
        """Apply the operation to the chosen layer, or to all selected ones; results are added when all are done."""
        chosen, options = self._context.layer, self._context.options
        if chosen is None or self.bar.task.is_running:
            return
        selected = self._context.layers.selection()
        many = len(selected) > 1 and options.all_selected.isChecked()
        jobs, self._refused = [], []
        for layer in selected if many else [chosen]:
            try:
                jobs.append(self.job(layer))
            except ValueError as error:
                self._refused.append((layer.name, error))
        if not jobs:
            self.bar.tell_failure(self._refused[0][1])
            return
        self.bar.start(all_steps(jobs, options.shares_range))

    def add_results(self, outcomes: Sequence[Outcome]) -> None:
        """Add the layers of a run, and tell what became of each."""
        results = self._context.results
        failed = self._refused + [(o.job.source.name, o.error) for o in outcomes if o.error is not None]
        alone = len(outcomes) == 1
        told = [results.add(o.job, o.done, alone, self._panels) for o in outcomes if o.done is not None]
        results.overlays.arrange()
        if len(told) > 2:
            told = [f"{len(told)} layers in {elapsed(outcomes[0].job)}."]
        failures = [f"{name}: {error}." for name, error in failed]
        self._context.tell(" ".join(told + failures))
        for text in failures:
            show_error(text)

    def close(self) -> None:
        """End a run."""
        self.bar.task.cancel()
