"""The record of steps in the metadata of a result: a recipe, with what each step was resolved to."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Protocol

import numpy as np

from .. import __version__
from ..contract.operation import Report
from ..contract.reach import Gather
from ..engine import Losses, Options, Plan
from ..methods.maps import Projective
from ..methods.point_spread.kinds import Kernel, PointSpread, Resampled
from .images import Pixels, digest

RECORD = "napari_mathimg"  # key of the list of steps in metadata
LAZY = "napari_mathimg_lazy"  # key in the metadata of lazy layers of what each level is worth
PREVIEW = "napari_mathimg_preview"  # key in the metadata of layers that only show what a run would give
LIGHT = {
    True: "Brightness stays as proportional to light as it was.",
    False: "Brightness is no longer proportional to light: measure intensities before this step.",
}


def is_preview(metadata: Mapping[str, Any]) -> bool:
    """Return whether a layer with these metadata is a preview, which is no image to process or to save."""
    return bool(metadata.get(PREVIEW))


class Source(Protocol):
    """The image that a step was applied to, as the record describes it."""

    @property
    def name(self) -> str:
        """Name of the image."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Metadata of the image, with the list of the steps that made it under `RECORD`."""

    @property
    def level(self) -> int:
        """Level of a multiscale image; 0 is the finest."""


def record(
    source: Source,
    plan: Plan,
    scope: str,
    images: Sequence[Mapping[str, Any] | None] = (),
    report: Report | None = None,
    lost: Losses | None = None,
    is_torn: bool = False,
    lengths: Mapping[str, Any] | None = None,
    keeps_axis: bool = False,
    is_lazy: bool = False,
) -> dict[str, Any]:
    """Return the metadata of a result: those of its source, with a further step in the record.

    Parameters
    ----------
    source
        Image that the step was applied to.
    plan
        Plan of the step.
    scope
        Description of the items that the step was applied to.
    images
        Description of each further image; None for those that were left out.
    report
        Report of the operation, or None.
    lost
        What the values lost when they were brought into the type of the result, as `run` tells it.
    is_torn
        Whether pixels of the source or of a further image changed during the run: the step, repeated, then gives
        another result.
    lengths
        The parameters that were given as lengths in a unit, as recipes hold them.
    keeps_axis
        Whether an axis that the operation drops remains, with a length of 1.
    is_lazy
        Whether the result was not computed yet: then nobody knows how many values are saturated.
    """
    lost = lost or Losses()
    value_ranges = list(plan.color_ranges or plan.value_ranges.values())
    step = {
        "operation": plan.operation.id,
        "version": plan.operation.version,
        "package": __version__,
        "source": source.name,
        "source_shape": _shape_as_given(plan),
        "given": {**plan.given, **(lengths or {})},
        "parameters": dict(plan.parameters),
        "options": options_record(plan.options),
        "dtype": plan.dtype.name,
        "scope": scope,
        "proportional": plan.proportional and is_proportional(source.metadata),
    }
    if not is_lazy:
        step["saturated"] = (lost.outside if plan.saturated is None else plan.saturated) + lost.below + lost.above
    if plan.source.names:
        step["axis_names"] = plan.source.names
    if lost.below or lost.above:
        step["clipped"] = {"below": lost.below, "above": lost.above}
    if is_torn:
        step["torn"] = True
    if keeps_axis:
        step["keep_axis"] = True
    if plan.by_item:
        step["by_item"] = [
            {"index": index, "parameters": {n: v for n, v in found.items() if v != plan.parameters[n]}}
            for index, found in plan.by_item.items()
        ]
    if source.level:
        step["level"] = source.level
    if images:
        step["images"] = list(images)
    if report is not None:
        step["report"] = dict(report.values)
    if isinstance(plan.reach, Gather) and isinstance(plan.reach.source, Projective):
        step["matrix"] = xy_matrix(plan.reach.source)
    if plan.operation.uses_range(plan.parameters):
        step["value_range"] = (min(v.low for v in value_ranges), max(v.high for v in value_ranges))
    return {**source.metadata, RECORD: [*source.metadata[RECORD], step]}


def _shape_as_given(plan: Plan) -> tuple[int, ...]:
    """Return the shape of the array of a plan, in the order of axes in which it was given."""
    lengths = tuple(int(n) for n in plan.source.array.shape)
    order = plan.source.order or range(len(lengths))
    return tuple(n for _, n in sorted(zip(order, lengths, strict=True)))


def computed_step(
    step: Mapping[str, Any], lost: Losses, saturated: int, report: Report | None = None
) -> dict[str, Any]:
    """Return the recorded step of a lazy result with what is known since its pixels were computed.

    Parameters
    ----------
    step
        The step.
    lost, report
        As of `record`.
    saturated
        Number of values that were clipped to the value range.
    """
    out = {**step, "saturated": saturated + lost.below + lost.above}
    if lost.below or lost.above:
        out["clipped"] = {"below": lost.below, "above": lost.above}
    if report is not None:
        out["report"] = dict(report.values)
    return out


def image_record(name: str, array: Any, level: int = 0) -> dict[str, Any]:
    """Return the description of a further image in the record of a step.

    It holds the kind and the parameters of a declared PSF, and the pixels of any other image; of one in memory, their
    digest, too.

    Parameters
    ----------
    name
        Name of its layer or kind.
    array
        The array, or a lazy equivalent.
    level
        Its level, if it is one of a multiscale image.
    """
    entry: dict[str, Any] = {"name": name, "shape": tuple(array.shape), "dtype": str(array.dtype)}
    if level:
        entry["level"] = level
    if isinstance(array, Kernel):
        entry |= array.record()
    if isinstance(array, np.ndarray | Resampled):
        entry["blake2b"] = digest(array)
    if not isinstance(array, PointSpread):
        entry["pixels"] = Pixels(array)
    return entry


def xy_matrix(source: Projective) -> tuple[tuple[float, ...], ...]:
    """Return the matrix of a map from result to input on (x, y, 1), the argument `matrix` of `homography`."""
    matrix = np.array(source.matrix)[[1, 0, 2]][:, [1, 0, 2]]
    return tuple(tuple(float(v) for v in row) for row in matrix / matrix[2, 2])


def options_record(options: Options) -> dict[str, Any]:
    """Return options as plain values; a wrapper by its id, version and parameters."""
    plain = {f.name: getattr(options, f.name) for f in fields(options)}
    if options.scope is not None:
        plain["scope"] = dict(options.scope)
    if (around := options.around) is not None:
        wrapper = {"wrapper": around.wrapper.id, "version": around.wrapper.version}
        plain["around"] = {**wrapper, "parameters": around.parameters}
    return plain


def is_proportional(metadata: Mapping[str, Any]) -> bool:
    """Return whether the brightness of an image is as proportional to light as that of the image it was made from."""
    return all(step.get("proportional", False) for step in metadata.get(RECORD, [])[-1:])


def light_sentence(metadata: Mapping[str, Any]) -> str:
    """Say whether the brightness of a result is still proportional to light; "" for an image without steps."""
    steps = metadata.get(RECORD, [])
    if not steps or is_proportional(metadata):
        return LIGHT[True] if steps else ""
    number, step = next((n, step) for n, step in enumerate(steps, 1) if not step.get("proportional", False))
    return (
        f"Brightness is no longer proportional to light since step {number}, {step['operation']}:"
        " measure intensities before it."
    )


def last_step(metadata: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the last step in the record of some metadata, or None."""
    steps = metadata.get(RECORD)
    return steps[-1] if steps else None
