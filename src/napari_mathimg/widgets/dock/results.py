"""Adding results to the viewer, and the messages about them."""

import math
import time
from collections.abc import Sequence
from typing import Any

from napari.layers import Image, Labels, Layer
from qtpy.QtCore import QObject

from ...contract.quantities import count, number, percent, quantity, sizes
from ...engine import Losses, Plan
from ...recipe.names import cut_middle
from ...recipe.record import RECORD
from ..canvas.domain_overlay import DomainOverlays
from ..form.sentences import in_form_words
from ..layers.made_layers import HiddenSources, MadeLayers, note_source, tell_chain
from ..lazy.pixels import LazyPixels
from ..lazy_layers.computing import Computed
from ..lazy_layers.job_origin import JobOrigin, arguments_of
from ..lazy_layers.layers import LazyLayers
from ..settings.session_log import note_run
from ..tasks.operation_job import Done, Job
from .options_panel import OptionsBox
from .panel import Panel

MUCH_ROUNDED = 0.1  # rounding errors, as a share of the standard deviation of the values, that are told
PLACE = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
KEPT = (
    "rgb",
    "colormap",
    "blending",
    "opacity",
    "gamma",
)  # properties that an updated layer keeps: they are the user's choices of display


class Results:
    """The results in the viewer, the overlays of their domains, and the hidden source layers.

    Parameters
    ----------
    viewer
        The viewer.
    options
        Options that say whether a result replaces the previous one, whether its source is hidden, and where domains
        are shown.
    parent
        The dock.
    """

    def __init__(self, viewer: Any, options: OptionsBox, parent: QObject) -> None:
        self._viewer, self._options = viewer, options
        self.made = MadeLayers(viewer)
        self.overlays = DomainOverlays(viewer, self.made, options.domain, options.domain_place, parent)
        self._hidden_sources = HiddenSources(viewer)
        self.is_adding = False

    @property
    def last(self) -> Layer | None:
        """The layer added last, while it is in the viewer."""
        return self.made.last

    def may_follow(self, layer: Layer) -> bool:
        """Return whether to choose a layer when it becomes active: not a result that is about to be replaced."""
        return not (self._options.replace.isChecked() and (self.is_adding or layer is self.last))

    def add(self, job: Job, done: Done, alone: bool, panels: Sequence[Panel]) -> str:
        """Add the result of a job, notify the panels, and return a message; `alone` if the run has no other job."""
        source = job.layer()
        previous = self.made.previous(source, alone) if self._options.replace.isChecked() else (None, None)
        self.is_adding = True
        try:
            layer, overlay = show_result(self._viewer, job, done, *previous)
            self.made.keep(source, layer, overlay)
            for panel in panels:
                panel.added(layer, job, done)
        finally:
            self.is_adding = False
        if self._options.hide_source.isChecked() and source is not None and source is not layer:
            self._hidden_sources.hide(source, layer)
        return result_sentence(job, done, job.operation.title if alone else cut_middle(job.source.name))

    def close(self) -> None:
        """Disconnect all signals and leave all layers as they are, because the dock is closed."""
        self.overlays.close()
        self._hidden_sources.close()


def show_result(
    viewer: Any, job: Job, done: Done, previous: Layer | None, previous_overlay: Layer | None
) -> tuple[Layer, Layer | None]:
    """Add a result and its domain overlay to a viewer; each replaces the previous one, if any."""
    arguments = arguments_of(job, done)
    kind = Image if job.source.kind == "image" else Labels
    data = done.lazy.data if done.lazy else done.levels or done.data
    layer = add_or_update(viewer, kind, data, arguments, previous)
    if done.lazy is not None:
        LazyLayers.of(viewer).keep(layer, JobOrigin(job, done.digests))
    note_source(layer, job.layer())
    note_run(viewer, layer.name, job.source.name, arguments["metadata"][RECORD][-1:])
    if done.overlay is None:
        if previous_overlay is not None:
            viewer.layers.remove(previous_overlay)
        return layer, None
    place = {name: arguments[name] for name in PLACE}
    name = f"{arguments['name']} (domain)"
    look = {"name": name, "opacity": 0.4, "blending": "translucent", "contrast_limits": (0, 255), "rgb": False}
    overlay = add_or_update(viewer, Image, done.overlay, {**place, **look}, previous_overlay)
    viewer.layers.selection.active = layer
    return layer, overlay


def add_or_update(
    viewer: Any, kind: type[Layer], data: Any, arguments: dict[str, Any], previous: Layer | None
) -> Layer:
    """Update the previous layer if the data fit it; otherwise add a layer and remove the previous one."""
    if previous is not None and _fits(previous, data, arguments):
        previous.data = data
        for name, value in arguments.items():
            if name not in KEPT:
                setattr(previous, name, value)
        previous.visible = True
        return previous
    layer = kind(data, **arguments, multiscale=isinstance(data, list))
    tell_chain(layer)
    viewer.add_layer(layer)
    if previous is not None:
        viewer.layers.remove(previous)
    return layer


def _fits(layer: Layer, data: Any, arguments: dict[str, Any]) -> bool:
    """Return whether a layer can show data of this kind and number of axes."""
    if isinstance(data, list) or layer.multiscale:
        return False
    if isinstance(layer, Labels):
        return "rgb" not in arguments and layer.ndim == data.ndim
    rgb = bool(layer.rgb)
    return arguments.get("rgb") == rgb and layer.ndim == data.ndim - rgb


def result_sentence(job: Job, done: Done, about: str) -> str:
    """Return the message about an added layer, whose name the list of layers shows; `about` begins it."""
    text = f"{about}: {sizes(done.data.shape)} in {elapsed(job)}.{warnings(job, done)}"
    if done.lazy is not None:
        text = f"{about}: {sizes(done.data.shape)}, {_lazy_words(done.lazy, done.reason)}.{warnings(job, done)}"
    if done.divisor != 1:
        text += f" Colors were divided by {number(done.divisor, 10)}: napari shows those of floating point from 0 to 1."
    if done.report is not None and done.report.text:
        text += f" {in_form_words(done.report.text, done.plan.operation.parameters)}"
    return text


def _lazy_words(pixels: LazyPixels, reason: str) -> str:
    """Return what a lazy result is, and the reason for which it is, if that was not chosen."""
    text = f"lazy, because {reason.split(': ', 1)[-1].split(';')[0]}" if reason else "lazy"
    return f"{text}; approximate where it is zoomed out" if "approximate" in pixels.marks else text


def warnings(job: Job, done: Done) -> str:
    """Return sentences about values that a result lost or that changed during the run; "" if there are none."""
    text = values_sentence(done.plan, done.plan.saturated or 0, done.lost, math.prod(done.data.shape))
    if done.is_torn:
        text += (
            " Pixels of the source or of a further image were changed during the run: parts of the result show them as"
            " they were before, others as they are. Run again."
        )
    return text


def values_sentence(plan: Plan, saturated: int, lost: Losses, size: int) -> str:
    """Return what values of a result lost, and what keeps them; "" if nothing was lost.

    Parameters
    ----------
    plan
        Plan of the result.
    saturated
        Number of values that were clipped to the value range.
    lost
        What its type could not hold.
    size
        Number of all values.
    """
    text = ""
    if saturated:
        ends = plan.operation.data_range if plan.options.value_range == "data" else None
        where = (
            "value range" if ends is None else f"percentiles {number(ends[0])} to {number(ends[1])}, its value range,"
        )
        text = f" {count(saturated)} values were outside the {where} and were clipped to it."
    return text + _losses_sentence(plan, lost, size)


def _losses_sentence(plan: Plan, lost: Losses, size: int) -> str:
    dtype, text = plan.dtype, ""
    if lost.below or lost.above:
        ends = " and ".join(f"{count(n)} {where}" for n, where in ((lost.below, "below"), (lost.above, "above")) if n)
        share = percent((lost.below + lost.above) / size)
        text = f" Values that do not fit in {dtype} were clipped: {ends} its range, {share} of all."
    if dtype.kind in "iu" and plan.values != "exact" and lost.rounding > MUCH_ROUNDED:
        change = percent(round(lost.rounding, 2))
        text += f" Rounding to whole numbers changed values by {change} of their standard deviation."
    return f"{text} Choose the output type float32 to keep them." if text else ""


def computed_sentence(layer: Layer, computed: Computed) -> str:
    """Return the message about a lazy layer that was computed."""
    plan, shape = computed.plan, computed.finest.shape
    took = quantity(round(computed.seconds, 1), "s")
    text = f"{cut_middle(layer.name)}: {sizes(shape)} computed in {took}."
    text += values_sentence(plan, computed.saturated, computed.losses, math.prod(shape))
    if computed.report is not None and computed.report.text:
        text += f" {in_form_words(computed.report.text, plan.operation.parameters)}"
    return text


def elapsed(job: Job) -> str:
    """Return the time since a job began, as text."""
    return quantity(round(time.perf_counter() - job.begun, 1), "s")
