"""A run that was asked for, and the layer it ends in."""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from weakref import ref

import numpy as np
from napari.layers import Image, Labels, Layer

from ..engine import Options, Plan, Progress, extent, prepare, run
from ..ops._operation import Operation
from .layers import Snapshot, keeps_limits, result_arguments
from .seconds import Second

NO_BREAK = "\u00a0"  # no line ends here
SQUARES = 8  # of the domain's checkerboard, along its shorter side, unless their size is chosen
PLACE = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
KEPT = ("rgb", "colormap", "blending", "opacity", "gamma")  # of a layer that is updated: how its user looks at it


@dataclass(frozen=True)
class Job:
    """All that a run needs, so that its layer may change or go meanwhile."""

    operation: Operation
    source: Snapshot
    layer: "ref[Layer]"
    options: Options
    parameters: dict[str, Any]
    scope: str
    domain: bool
    seconds: tuple[Second, ...] = ()
    square: int = 0  # side of the domain's squares in pixels; 0 chooses one
    begun: float = field(default_factory=time.perf_counter)


class Done(NamedTuple):
    """What a run found: the plan, the result, contrast limits where the layer needs some, and the domain's twin."""

    plan: Plan
    data: Any
    limits: tuple[float, float] | None
    twin: Any
    seconds: list[dict[str, Any]]


class Outcome(NamedTuple):
    """What became of one of several jobs: a result, or the error that kept it from one."""

    job: Job
    done: Done | None
    error: Exception | None


EXPECTED = (ValueError, MemoryError, OSError)  # errors that tell the user something; others are ours


def reason(error: Exception) -> str:
    """Return what an expected error tells the user.

    Raises
    ------
    Exception
        The error itself where it is not an expected one.
    """
    if not isinstance(error, EXPECTED):
        raise error
    return str(error) or type(error).__name__


def all_steps(jobs: Sequence[Job]) -> Generator[Progress, None, list[Outcome]]:
    """Run jobs one after the other; where there are several, one that fails does not stop the others."""
    outcomes: list[Outcome] = []
    for number, job in enumerate(jobs, 1):
        try:
            done = yield from steps(job) if len(jobs) == 1 else _numbered(number, len(jobs), steps(job))
        except EXPECTED as error:
            if len(jobs) == 1:
                raise
            outcomes.append(Outcome(job, None, error))
        else:
            outcomes.append(Outcome(job, done, None))
    return outcomes


def _numbered(number: int, count: int, own: Generator[Progress, None, Done]) -> Generator[Progress, None, Done]:
    """Say in every report which of several jobs it is about."""
    while True:
        try:
            progress = next(own)
        except StopIteration as stop:
            done: Done = stop.value
            return done
        yield progress._replace(phase=f"{number} of {count}: {progress.phase}")


def steps(job: Job) -> Generator[Progress, None, Done]:
    """Run a job; everything that takes time, so that the window only has to add layers."""
    images = [second.array for second in job.seconds]
    plan = yield from prepare(job.operation, job.source.array, images, job.options, job.parameters)
    data = yield from run(plan)
    twin = (yield from _twin(plan, job.square)) if job.domain else None
    seconds = [second.record() for second in job.seconds]
    limits = None
    if keeps_limits(job.source, plan):
        limits = job.source.contrast_limits
    elif job.source.kind == "image" and plan.channel_axis is None:
        low, high = yield from extent(data, "Contrast limits")
        limits = (low, high) if low < high else (low, low + 1)
    return Done(plan, data, limits, twin, seconds)


def _twin(plan: Plan, square: int) -> Generator[Progress, None, Any]:
    """Put a checkerboard as large as an item through the same mapping; every item shares it."""
    item = plan.source.item
    square = square or max(min(item[-2:]) // SQUARES, 1)
    rows, columns = np.ogrid[tuple(slice(n) for n in item[-2:])]
    board = np.where((rows // square + columns // square) % 2, np.uint8(255), np.uint8(0))
    options = Options(ndim=plan.source.ndim)
    mapped = yield from prepare(plan.operation, np.broadcast_to(board, item), (), options, plan.parameters)
    data = yield from run(mapped)
    return np.broadcast_to(data, (*plan.source.leading, *data.shape))


def show_result(
    viewer: Any, job: Job, done: Done, previous: Layer | None, previous_twin: Layer | None
) -> tuple[Layer, Layer | None]:
    """Add a result to a viewer, and the domain's twin over it; each in the place of a previous one if there is one."""
    arguments = result_arguments(job.source, done.plan, done.limits, job.scope, done.seconds)
    layer = _put(viewer, Image if job.source.kind == "image" else Labels, done.data, arguments, previous)
    if done.twin is None:
        if previous_twin is not None:
            viewer.layers.remove(previous_twin)
        return layer, None
    place = {name: arguments[name] for name in PLACE}
    name = f"{arguments['name']} (domain)"
    look = {"name": name, "opacity": 0.4, "blending": "translucent", "contrast_limits": (0, 255), "rgb": False}
    twin = _put(viewer, Image, done.twin, {**place, **look}, previous_twin)
    viewer.layers.selection.active = layer
    return layer, twin


def _put(viewer: Any, kind: type[Layer], data: Any, arguments: dict[str, Any], previous: Layer | None) -> Layer:
    """Update a previous layer where the data fit it; else add one and remove the previous one."""
    if previous is not None and _fits(previous, data, arguments):
        previous.data = data
        for name, value in arguments.items():
            if name not in KEPT:
                setattr(previous, name, value)
        previous.visible = True
        return previous
    layer = kind(data, **arguments)
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


def sentence(layer: Layer, job: Job, done: Done) -> str:
    """Say what was added."""
    size = f"{NO_BREAK}x{NO_BREAK}".join(map(str, done.data.shape))
    text = f"{layer.name}: {size} in {since(job)}."
    if done.plan.saturated:
        text += f" {done.plan.saturated:,} values lay outside of the value range and are at its ends."
    return text


def since(job: Job) -> str:
    """Return the time since a run began."""
    return f"{time.perf_counter() - job.begun:.1f}{NO_BREAK}s"
