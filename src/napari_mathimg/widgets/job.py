"""A run that was asked for, and the layer it ends in."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, NamedTuple
from weakref import ref

from napari.layers import Image, Labels, Layer

from ..engine import Options, Plan, Progress, extent, prepare, run
from ..ops._operation import Operation
from .layers import Snapshot, keeps_limits, result_arguments


@dataclass(frozen=True)
class Job:
    """All that a run needs, so that its layer may change or go meanwhile."""

    operation: Operation
    source: Snapshot
    layer: "ref[Layer]"
    options: Options
    parameters: dict[str, Any]
    scope: str
    begun: float


class Done(NamedTuple):
    """What a run found: the plan, the result, and contrast limits where the layer needs some."""

    plan: Plan
    data: Any
    limits: tuple[float, float] | None


def steps(job: Job) -> Generator[Progress, None, Done]:
    """Run a job; everything that takes time, so that the window only has to add the layer."""
    plan = yield from prepare(job.operation, job.source.array, (), job.options, job.parameters)
    data = yield from run(plan)
    if job.source.kind == "labels" or plan.channel_axis is not None:
        return Done(plan, data, None)
    if keeps_limits(job.source, plan):
        return Done(plan, data, job.source.contrast_limits)
    low, high = yield from extent(data, "Contrast limits")
    return Done(plan, data, (low, high) if low < high else (low, low + 1))


def show_result(viewer: Any, job: Job, done: Done, previous: Layer | None) -> Layer:
    """Add a result to a viewer, in the place of a previous one if there is one.

    The previous layer is updated where the result fits it, else removed when the new one is there.
    """
    arguments = result_arguments(job.source, done.plan, done.limits, job.scope)
    if previous is not None and _fits(previous, done.data, arguments):
        previous.data = done.data
        for name, value in arguments.items():
            if name not in ("rgb", "colormap", "blending"):
                setattr(previous, name, value)
        return previous
    layer: Layer = (Image if job.source.kind == "image" else Labels)(done.data, **arguments)
    viewer.add_layer(layer)
    if previous is not None:
        viewer.layers.remove(previous)
    return layer


def _fits(layer: Layer, data: Any, arguments: dict[str, Any]) -> bool:
    """Whether a layer can show a result of this kind and number of axes."""
    if isinstance(layer, Labels):
        return "rgb" not in arguments and layer.ndim == data.ndim
    rgb = bool(layer.rgb)
    return arguments.get("rgb") == rgb and layer.ndim == data.ndim - rgb and not layer.multiscale
