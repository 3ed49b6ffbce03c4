"""An image between two steps of a chain, with the state of the layer that would show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import ref

from napari.layers import Labels, Layer

from ...contract.operation import Report
from ...contract.per_index import PerIndex
from ...engine import Losses, Plan
from ...engine.pyramid import level_factors, level_matrix
from ...recipe.image_state import Image
from ...recipe.images import DeclaredPsf, Further, ImageFile
from ...recipe.lengths import is_length
from ...recipe.placement import Placement, kept_axis, place_result
from ...recipe.recipe import Recipe
from ...recipe.record import RECORD, image_record, options_record
from ...recipe.step import Step
from ..layers.layer_arguments import keeps_limits, result_arguments
from ..layers.snapshot import Snapshot, snapshot
from ..layers.transforms import layer_arguments_of
from ..psf.pixel_sizes import micrometers


@dataclass(frozen=True)
class ChainState:
    """An image between two steps, and the state of its layer.

    Attributes
    ----------
    image
        The image, as recipes have it: its array may be lazy.
    snapshot
        The state of the layer that would show it. Its array is that of the image.
    """

    image: Image
    snapshot: Snapshot

    @property
    def ndim(self) -> int:
        """Number of axes without that of colors."""
        return len(self.image.array.shape) - self.snapshot.rgb


@dataclass(frozen=True)
class Start:
    """The image that a chain begins with, and its layer."""

    state: ChainState
    layer: "ref[Layer]"


def start_of(layer: Layer, recipe: Recipe) -> Start:
    """Return a layer as the image that a recipe is applied to, with its own pixel size, axes and channels."""
    taken = snapshot(layer)
    array = [*layer.data] if layer.multiscale else layer.data
    sizes = [micrometers(layer, (axis,)) for axis in range(layer.ndim)]
    spacing = tuple(None if size is None else size[0] for size in sizes)
    image = recipe.image(array, spacing, taken.axis_names, channel_names(layer), isinstance(layer, Labels))
    return Start(ChainState(image, taken), ref(layer))


def channel_names(layer: Layer) -> tuple[str, ...]:
    """Return the names of the channels of a layer, if its metadata have them."""
    names = layer.metadata.get("channel_names", ())
    is_named = isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)
    return tuple(names) if is_named else ()


def fitted(step: Step, at_level: Image, state: ChainState, plan: Plan) -> Step:
    """Return a step that keeps the axis that its operation drops, where the layer could not lie in its place else."""
    is_kept = step.keep_axis or kept_axis(_placed(state, at_level, step.level), plan) is not None
    return replace(step, keep_axis=is_kept) if plan.dropped is not None and is_kept != step.keep_axis else step


def state_after(
    state: ChainState, step: Step, at_level: Image, plan: Plan, image: Image, images: Sequence[Any] = (),
    report: Report | None = None, lost: Losses | None = None, is_torn: bool = False, seconds: float | None = None,
) -> tuple[ChainState, dict[str, Any]]:  # fmt: skip
    """Return the state after a step, and the arguments of a layer that shows it.

    Parameters
    ----------
    state
        The state before the step.
    step, at_level, plan
        The step, the image at its level, and its plan.
    image
        The result.
    images
        The further images, in the order that the operation declares.
    report, lost, is_torn, seconds
        What there is to record of a run.
    """
    placement = _placed(state, at_level, step.level)
    source = replace(state.snapshot, array=at_level.array, placement=placement, level=step.level)
    limits = source.contrast_limits if keeps_limits(source, plan) else None
    lengths = {name: value for name, value in step.parameters.items() if is_length(value)}
    part = "everything" if step.options.scope is None and not step.where else "part"
    arguments = result_arguments(
        source, plan, limits, part, _image_records(step, images), report, lost, is_torn, lengths
    )
    after = placement if step.where else _placement_after(placement, step, plan)
    arguments |= layer_arguments_of(after)
    arguments["metadata"][RECORD][-1] |= _noted(step, seconds)
    if not step.keep_axis:
        arguments["metadata"][RECORD][-1].pop("keep_axis", None)
    snapshot = replace(
        source, name=arguments["name"], array=image.array, rgb=bool(arguments.get("rgb", False)), placement=after,
        contrast_limits=limits, metadata=arguments["metadata"], level=0,
    )  # fmt: skip
    return ChainState(image, snapshot), arguments


def _placed(state: ChainState, at_level: Image, level: int) -> Placement:
    """Return the placement of the level of an image."""
    if not level:
        return state.snapshot.placement
    shapes = [tuple(map(int, image.array.shape))[: state.ndim] for image in (state.image, at_level)]
    return state.snapshot.placement.moved(level_matrix(level_factors(*shapes)))


def _placement_after(placement: Placement, step: Step, plan: Plan) -> Placement:
    return placement.moved(plan.placement) if step.keep_axis else place_result(placement, plan)


def _noted(step: Step, seconds: float | None) -> dict[str, Any]:
    """Return what the record of a step says besides what its plan does."""
    out: dict[str, Any] = {"options": options_record(step.options)}
    if step.where:
        out["where"] = dict(step.where)
    if step.keep_axis:
        out["keep_axis"] = True
    if step.divisor != 1:
        out["divisor"] = step.divisor
    if seconds is not None:
        out["seconds"] = seconds
    return out


def _image_records(step: Step, images: Sequence[Any]) -> list[Mapping[str, Any] | None]:
    names = [name for name, _ in step.declared.images[1:]]
    return [_image_record(step.images.get(n), array) for n, array in zip(names, images, strict=False)]


def _image_record(image: Further | None, array: Any) -> dict[str, Any] | None:
    if image is None or array is None:
        return None
    if isinstance(image, PerIndex):
        values = zip(image.values, array["values"], strict=True)
        return {"per": image.axis, "values": tuple(_image_record(each, its) for each, its in values)}
    if isinstance(image, DeclaredPsf):
        shape = {"shape": tuple(array.shape), "dtype": str(array.dtype)}
        return {"name": image.kind, **shape, "kind": image.kind, "parameters": dict(image.parameters)}
    return image_record(image.path if isinstance(image, ImageFile) else image.name, array)
