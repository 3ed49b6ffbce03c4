"""What a layer gives to a run, and the layer its result becomes."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.utils.transforms import Affine
from numpy.typing import ArrayLike

from .. import __version__
from ..contract.operation import Frames, Operation, Report
from ..contract.reach import Gather
from ..engine import Options, Plan
from ..methods.maps import Projective

RECORD = "napari_mathimg"  # key of the chain of steps in a layer's metadata
DEFAULT_AXES = ("t", "c", "z", "y", "x")
DOMAIN = ("geometry", "perspective")  # families that only move pixels


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
    level: int = 0


def is_usable(layer: Layer, family: str) -> bool:
    """Whether a family's operations take a layer: images, and labels where only the domain changes."""
    return isinstance(layer, Image) or (isinstance(layer, Labels) and family in DOMAIN)


def full_resolution(layer: Layer) -> Any:
    """Return a layer's array; the finest level of a multiscale layer."""
    return layer.data[0] if layer.multiscale else layer.data


def snapshot(layer: Layer) -> Snapshot:
    """Copy what a result needs to know of its source."""
    kept = {"affine": layer.affine, "units": layer.units, "axis_labels": layer.axis_labels, "blending": layer.blending}
    kept["opacity"] = layer.opacity
    image = isinstance(layer, Image)
    if not image or not layer.rgb:
        kept["colormap"] = layer.colormap
    if image:
        kept["gamma"] = layer.gamma
    return Snapshot(
        name=layer.name,
        kind="image" if image else "labels",
        array=full_resolution(layer),
        rgb=image and bool(layer.rgb),
        data_to_world=own_transform(layer),
        kept=kept,
        contrast_limits=tuple(layer.contrast_limits) if image and not layer.rgb else None,
        metadata={**layer.metadata, RECORD: deepcopy(layer.metadata.get(RECORD, []))},
    )


def own_transform(layer: Layer) -> Affine:
    """Return a layer's own transform, which comes before its affine."""
    return Affine(scale=layer.scale, translate=layer.translate, rotate=layer.rotate, shear=layer.shear, ndim=layer.ndim)


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


def spacing_of(layer: Layer, ndim: int) -> tuple[tuple[float, ...], str]:
    """Size of a pixel along each of the last axes in one unit, and the unit's name; "" where there is none."""
    scale = [float(abs(s)) for s in layer.scale[-ndim:]]
    units = layer.units[-ndim:]
    try:
        spacing = tuple(s * float((1 * u).to(units[-1]).magnitude) for s, u in zip(scale, units, strict=True))
    except TypeError:  # pint's DimensionalityError
        return tuple(scale), ""
    return spacing, "" if str(units[-1]) == "pixel" else f"{units[-1]:~P}"


def position_in(layer: Layer, point: ArrayLike) -> tuple[int, ...]:
    """Index of the pixel of a layer at a point of its world, which may have further axes before; kept inside."""
    where = layer.world_to_data(np.asarray(point, float)[-layer.ndim :])
    return tuple(int(min(max(round(float(p)), 0), n - 1)) for p, n in zip(where, shape_of(layer), strict=True))


def check_square(operation: Operation, layer: Layer) -> None:
    """Refuse to turn content where the world is not as wide as high for a pixel: it would be sheared there."""
    if not operation.rigid:
        return
    state = [Affine(scale=t.scale, rotate=t.rotate, shear=shear_of(t), ndim=layer.ndim) for t in (layer.affine, layer)]
    matrix = state[0].linear_matrix @ state[1].linear_matrix
    to_base = np.array([float((1 * unit).to_base_units().magnitude) for unit in layer.units])
    plane = (to_base[:, None] * matrix)[:, -2:]
    square = plane.T @ plane
    if not np.allclose(square, square[0, 0] * np.eye(2), rtol=0, atol=1e-6 * square.max()):
        rows, columns = (np.linalg.norm(matrix[:, k]) for k in (-2, -1))
        size = f"{rows:g} x {columns:g} {layer.units[-1]:~P}"
        sheared = abs(square[0, 1]) > 1e-6 * square.max()
        raise ValueError(
            f"{operation.title} needs square pixels: those of {layer.name!r} are {'sheared' if sheared else size};"
            f" {'undo the shear' if sheared else 'rescale the layer'} first"
        )


def shear_of(transform: Any) -> Any:
    """A transform's shear, one number per pair of axes: napari gives one zero per axis where there is none."""
    shear = np.asarray(transform.shear)
    return shear if shear.any() else np.zeros(len(transform.scale) * (len(transform.scale) - 1) // 2)


def record(
    source: Snapshot,
    plan: Plan,
    scope: str,
    seconds: Sequence[Mapping[str, Any] | None] = (),
    report: Report | None = None,
) -> dict[str, Any]:
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
    }
    if source.level:
        step["level"] = source.level
    if seconds:
        step["images"] = list(seconds)
    if report is not None:
        step["report"] = dict(report.values)
    if isinstance(plan.reach, Gather) and isinstance(plan.reach.source, Projective):
        step["matrix"] = xy_matrix(plan.reach.source)
    if plan.operation.uses_range(plan.parameters):
        step["value_range"] = (min(v.low for v in limits), max(v.high for v in limits))
    return {**source.metadata, RECORD: [*source.metadata[RECORD], step]}


def xy_matrix(source: Projective) -> tuple[tuple[float, ...], ...]:
    """Return a map's matrix from the result to the input on (x, y, 1), as `homography` takes it."""
    matrix = np.array(source.matrix)[[1, 0, 2]][:, [1, 0, 2]]
    return tuple(tuple(float(v) for v in row) for row in matrix / matrix[2, 2])


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
    state = {"scale": moved.scale, "translate": moved.translate, "rotate": moved.rotate, "shear": shear_of(moved)}
    return state if plan.frames is None else {**state, **_with_frames(source, moved, plan.frames)}


def _with_frames(source: Snapshot, moved: Affine, frames: Frames) -> dict[str, Any]:
    """Return the spatial state of a result that has an axis of frames before those of its source."""
    state = moved.expand_dims([0])
    named = [label if not label.lstrip("-").isdigit() else "" for label in source.kept["axis_labels"]]
    return {
        "scale": (frames.step, *moved.scale),
        "translate": (frames.first, *moved.translate),
        "rotate": state.rotate,
        "shear": shear_of(state),
        "affine": source.kept["affine"].expand_dims([0]),
        "units": ("pixel", *source.kept["units"]),
        "axis_labels": (frames.name, *named) if all(named) else (frames.name, *DEFAULT_AXES[-len(named) :]),
    }


def result_arguments(
    source: Snapshot,
    plan: Plan,
    contrast_limits: tuple[float, float] | None,
    scope: str,
    seconds: Sequence[Mapping[str, Any] | None] = (),
    report: Report | None = None,
) -> dict[str, Any]:
    """Return the arguments of the layer that shows a result."""
    arguments = {
        **source.kept,
        **placement(source, plan),
        "name": f"{source.name} – {plan.operation.title}",
        "metadata": record(source, plan, scope, seconds, report),
    }
    if source.kind == "image":
        arguments["rgb"] = source.rgb and plan.channel_axis is not None
        if not arguments["rgb"]:
            arguments["contrast_limits"] = contrast_limits
    return arguments


def keeps_limits(source: Snapshot, plan: Plan) -> bool:
    """Whether the source's contrast limits still fit."""
    return source.contrast_limits is not None and not plan.operation.new_values
