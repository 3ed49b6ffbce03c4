"""What a preview must show, from runs on the whole layer."""

from typing import Any
from weakref import ref

import numpy as np
from napari.layers import Layer

from napari_mathimg import Options
from napari_mathimg.contract.operation import Operation
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine import Plan, prepare, run
from napari_mathimg.engine.facts import Facts
from napari_mathimg.widgets.layers.further_image import FurtherImage
from napari_mathimg.widgets.layers.snapshot import snapshot_at
from napari_mathimg.widgets.preview.computed import Memory, Request, Update, updates
from napari_mathimg.widgets.preview.picture import EXACT, Picture
from napari_mathimg.widgets.preview.view import Seen, View
from napari_mathimg.widgets.tasks.operation_job import Job


def job_on(
    layer: Layer, operation: Operation, options: Options, parameters: Any, images: Any = (), level: int = 0
) -> Job:
    further = tuple(FurtherImage("further", image) for image in images)
    source = snapshot_at(layer, level, with_record=False)
    job = Job(operation, source, ref(layer), options, operation.validate(parameters), "all", threads=2)
    return Job(**{**vars(job), "further_images": further})


def seen_of(layer: Layer, middle: Any, zoom: float = 1.0, size: Any = (90, 120), point: Any = ()) -> Seen:
    """What is seen of the last two axes of a layer around a pixel of them, on a canvas of a size."""
    n = layer.ndim
    pixel = [*point, *(0,) * (n - 2 - len(point)), *middle]
    world = np.asarray(layer.data_to_world(pixel), float)
    displayed = (n - 2, n - 1)
    place = tuple(0.0 if k in displayed else float(w) for k, w in enumerate(world))
    half = tuple(float(s) / zoom / 2 for s in size)
    return Seen(place, displayed, (), tuple(map(float, world[-2:])), half, zoom)


def last(job: Job, seen: Seen, memory: Memory | None = None, **how: Any) -> Update:
    """The last update of a request, when all is known."""
    found = [
        update for update in updates(Request(job, seen, **how), memory or Memory(Facts())) if isinstance(update, Update)
    ]
    assert found[-1].state == "exact"
    return found[-1]


def picture_of(memory: Memory) -> Picture:
    assert memory.picture is not None
    return memory.picture


def run_of(job: Job) -> tuple[Plan, Any]:
    """The plan and the result of a run."""
    images = [image and image.array for image in job.further_images]
    steps = prepare(
        job.operation, job.source.array, images, job.options, job.parameters, 2, axis_names=job.source.axis_names
    )
    plan = run_to_end(steps)
    return plan, run_to_end(run(plan, threads=2))


def taken(view: View, result: Any, plan: Plan) -> Any:
    """The pixels of a result that a view takes: of frames the last ones."""
    if plan.frames is not None:
        result = result[-1]
    if -1 in view.axes.numbers:
        result = np.expand_dims(result, view.axes.numbers.index(-1))
    place = tuple(slice(a, b, s) for (a, b), s in zip(view.box, view.step, strict=True))
    return result[place]


def all_exact(picture: Picture) -> bool:
    return bool((picture.known == EXACT).all())
