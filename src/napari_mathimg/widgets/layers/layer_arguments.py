"""Constructor arguments of the layer that shows a result."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...contract.operation import Report
from ...engine import Losses, Plan
from ...recipe.names import result_name
from ...recipe.placement import kept_axis, place_result
from ...recipe.record import LAZY, record
from .snapshot import Snapshot
from .transforms import layer_arguments_of


def spatial_state(source: Snapshot, plan: Plan) -> dict[str, Any]:
    """Return the layer arguments that place a result where its content lies in world coordinates."""
    return layer_arguments_of(place_result(source.placement, plan))


def result_arguments(
    source: Snapshot,
    plan: Plan,
    contrast_limits: tuple[float, float] | None,
    scope: str,
    further_images: Sequence[Mapping[str, Any] | None] = (),
    report: Report | None = None,
    lost: Losses | None = None,
    is_torn: bool = False,
    lengths: Mapping[str, Any] | None = None,
    marks: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the arguments of the layer that shows a result; `marks` are those of the levels of a lazy one."""
    keeps_axis = kept_axis(source.placement, plan) is not None
    metadata = record(
        source, plan, scope, further_images, report, lost, is_torn, lengths, keeps_axis, is_lazy=bool(marks)
    )
    if marks:
        metadata[LAZY] = {"levels": tuple(marks)}
    arguments = {
        **source.inherited,
        **spatial_state(source, plan),
        "name": result_name(source.name, source.metadata, plan.operation.title),
        "metadata": metadata,
    }
    if source.kind == "image":
        arguments["rgb"] = source.rgb and plan.channel_axis is not None
        if not arguments["rgb"]:
            arguments["contrast_limits"] = contrast_limits
    return arguments


def keeps_limits(source: Snapshot, plan: Plan) -> bool:
    """Whether the source's contrast limits also fit the result."""
    return source.contrast_limits is not None and not plan.operation.new_values
