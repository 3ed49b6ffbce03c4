"""The result of a job as a layer of the viewer, and a sentence about it."""

import time
from typing import Any

from napari.layers import Image, Labels, Layer

from ..layers.layer_arguments import result_arguments
from ..tasks.operation_job import Done, Job

NO_BREAK = "\u00a0"  # no line ends here
PLACE = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
KEPT = ("rgb", "colormap", "blending", "opacity", "gamma")  # of a layer that is updated: how its user looks at it


def show_result(
    viewer: Any, job: Job, done: Done, previous: Layer | None, previous_overlay: Layer | None
) -> tuple[Layer, Layer | None]:
    """Add a result to a viewer, and the domain over it; each takes the place of a previous one if there is one."""
    arguments = result_arguments(job.source, done.plan, done.limits, job.scope, done.further_images, done.report)
    layer = _put(viewer, Image if job.source.kind == "image" else Labels, done.levels or done.data, arguments, previous)
    if done.overlay is None:
        if previous_overlay is not None:
            viewer.layers.remove(previous_overlay)
        return layer, None
    place = {name: arguments[name] for name in PLACE}
    name = f"{arguments['name']} (domain)"
    look = {"name": name, "opacity": 0.4, "blending": "translucent", "contrast_limits": (0, 255), "rgb": False}
    overlay = _put(viewer, Image, done.overlay, {**place, **look}, previous_overlay)
    viewer.layers.selection.active = layer
    return layer, overlay


def _put(viewer: Any, kind: type[Layer], data: Any, arguments: dict[str, Any], previous: Layer | None) -> Layer:
    """Update a previous layer where the data fit it; else add one and remove the previous one."""
    if previous is not None and _fits(previous, data, arguments):
        previous.data = data
        for name, value in arguments.items():
            if name not in KEPT:
                setattr(previous, name, value)
        previous.visible = True
        return previous
    layer = kind(data, **arguments, multiscale=isinstance(data, list))
    viewer.add_layer(layer)
    if previous is not None:
        viewer.layers.remove(previous)
    return layer


def _fits(layer: Layer, data: Any, arguments: dict[str, Any]) -> bool:
    """Whether a layer can show a result of this kind and number of axes."""
    if isinstance(data, list) or layer.multiscale:
        return False
    if isinstance(layer, Labels):
        return "rgb" not in arguments and layer.ndim == data.ndim
    rgb = bool(layer.rgb)
    return arguments.get("rgb") == rgb and layer.ndim == data.ndim - rgb


def result_sentence(layer: Layer, job: Job, done: Done) -> str:
    """Say what was added."""
    size = f"{NO_BREAK}x{NO_BREAK}".join(map(str, done.data.shape))
    text = f"{layer.name}: {size} in {elapsed(job)}."
    if done.plan.saturated:
        text += f" {done.plan.saturated:,} values lay outside of the value range and are at its ends."
    if done.report is not None and done.report.text:
        text += f" {done.report.text}"
    return text


def elapsed(job: Job) -> str:
    """Return the time since a run began."""
    return f"{time.perf_counter() - job.begun:.1f}{NO_BREAK}s"
