"""What a layer gives to a run, and the layer its result becomes."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.utils.transforms import Affine

from .. import __version__
from ..engine import Options, Plan
from ..ops._operation import Operation

RECORD = "napari_mathimg"  # key of the chain of steps in a layer's metadata
DEFAULT_AXES = ("t", "c", "z", "y", "x")


@dataclass(frozen=True)
class Snapshot:
    """What a result takes over from its source, copied before the run: the layer may change or go meanwhile."""

    name: str
    kind: str
    array: Any
    rgb: bool
    data_to_world: Affine
    kept: Mapping[str, Any]
    contrast_limits: tuple[float, float] | None
    metadata: Mapping[str, Any]


def is_usable(layer: Layer, family: str) -> bool:
    """Whether a family's operations take a layer: images, and labels where only the domain changes."""
    return isinstance(layer, Image) or (isinstance(layer, Labels) and family == "geometry")


def full_resolution(layer: Layer) -> Any:
    """Return a layer's array; the finest level of a multiscale layer."""
    return layer.data[0] if layer.multiscale else layer.data


def snapshot(layer: Layer) -> Snapshot:
    """Copy what a result needs to know of its source."""
    kept = {"affine": layer.affine, "units": layer.units, "axis_labels": layer.axis_labels, "blending": layer.blending}
    kept["opacity"] = layer.opacity
    image = isinstance(layer, Image)
    if image and not layer.rgb:
        kept |= {"colormap": layer.colormap, "gamma": layer.gamma}
    return Snapshot(
        name=layer.name,
        kind="image" if image else "labels",
        array=full_resolution(layer),
        rgb=image and bool(layer.rgb),
        data_to_world=Affine(
            scale=layer.scale, translate=layer.translate, rotate=layer.rotate, shear=layer.shear, ndim=layer.ndim
        ),
        kept=kept,
        contrast_limits=tuple(layer.contrast_limits) if image and not layer.rgb else None,
        metadata={**layer.metadata, RECORD: deepcopy(layer.metadata.get(RECORD, []))},
    )


def axis_names(layer: Layer) -> tuple[str, ...]:
    """Names of a layer's axes: its own where it has them."""
    named = tuple(layer.axis_labels)
    own = not any(label.lstrip("-").isdigit() for label in named)
    few = layer.ndim <= len(DEFAULT_AXES)
    return (
        named if own else DEFAULT_AXES[len(DEFAULT_AXES) - layer.ndim :] if few else tuple(map(str, range(layer.ndim)))
    )


def shape_of(layer: Layer) -> tuple[int, ...]:
    """Shape of a layer at full resolution, without channels."""
    shape = tuple(int(n) for n in full_resolution(layer).shape)
    return shape[:-1] if isinstance(layer, Image) and layer.rgb else shape


def spacing_of(layer: Layer) -> tuple[float, ...]:
    """Size of a pixel along each axis."""
    return tuple(float(abs(s)) for s in layer.scale)


def position_in(layer: Layer, point: Sequence[float]) -> tuple[int, ...]:
    """Index of the pixel of a layer at a point of the viewer's dims, kept inside."""
    where = layer.world_to_data(np.asarray(point, float)[len(point) - layer.ndim :])
    return tuple(int(min(max(round(float(p)), 0), n - 1)) for p, n in zip(where, shape_of(layer), strict=True))


def check_square(operation: Operation, layer: Layer) -> None:
    """Refuse to turn content on pixels that are not square: it would be sheared in the world."""
    rows, columns = spacing_of(layer)[-2:]
    if operation.rigid and abs(rows - columns) > 1e-6 * max(rows, columns):
        unit = layer.units[-1]
        raise ValueError(
            f"{operation.title} needs square pixels: those of {layer.name!r} are {rows:g} x {columns:g} {unit:~P};"
            " rescale the layer first"
        )


def record(source: Snapshot, plan: Plan, scope: str) -> dict[str, Any]:
    """Return a result's metadata: every earlier step, then this one."""
    limits = list(plan.limits.values())
    step = {
        "operation": plan.operation.id,
        "version": plan.operation.version,
        "package": __version__,
        "source": source.name,
        "parameters": dict(plan.parameters),
        "options": options_record(plan.options),
        "scope": scope,
        "saturated": plan.saturated,
        "images": [],
    }
    if plan.operation.uses_range:
        step["value_range"] = (min(v.low for v in limits), max(v.high for v in limits))
    return {**source.metadata, RECORD: [*source.metadata[RECORD], step]}


def options_record(options: Options) -> dict[str, Any]:
    """Return options as plain values."""
    names = ("ndim", "value_range", "dtype", "channel_axis", "statistics", "scope")
    return {name: getattr(options, name) for name in names}


def last_step(layer: Layer) -> Mapping[str, Any] | None:
    """Return the step that made a layer, or None."""
    steps = layer.metadata.get(RECORD)
    return steps[-1] if steps else None


def placement(source: Snapshot, plan: Plan) -> dict[str, Any]:
    """Return the spatial state that puts a result where its content lies in the world."""
    ndim = source.data_to_world.ndim
    moved = source.data_to_world.compose(Affine(affine_matrix=plan.placement, ndim=ndim))
    # napari gives one zero per axis where there is no shear, but takes one per pair of axes
    shear = moved.shear if moved.shear.any() else np.zeros(ndim * (ndim - 1) // 2)
    return {"scale": moved.scale, "translate": moved.translate, "rotate": moved.rotate, "shear": shear}


def result_arguments(
    source: Snapshot, plan: Plan, data: Any, contrast_limits: tuple[float, float] | None, scope: str
) -> dict[str, Any]:
    """Return the arguments of the layer that shows a result."""
    arguments = {
        **source.kept,
        **placement(source, plan),
        "name": f"{source.name} – {plan.operation.title}",
        "metadata": record(source, plan, scope),
    }
    if source.kind == "image":
        arguments["rgb"] = source.rgb and plan.channel_axis is not None
        if not arguments["rgb"]:
            arguments["contrast_limits"] = contrast_limits or value_limits(data)
    return arguments


def keeps_limits(source: Snapshot, plan: Plan) -> bool:
    """Whether the source's contrast limits still fit."""
    return source.contrast_limits is not None and not plan.operation.new_values


def value_limits(data: Any) -> tuple[float, float]:
    """Return the lowest and highest finite value, apart from each other."""
    low, high = float(data.min()), float(data.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        finite = data[np.isfinite(data)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return (low, high) if low < high else (low, low + 1)
