"""Applying the steps of a recipe one after the other: what each reads, and what the next one finds."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..contract.per_index import PerIndex, per_index
from ..contract.progress import Progress, run_to_end
from ..engine import LazyArray, Options, Plan, prepare, run
from ..engine.facts import Recall
from ..engine.forecast import sketch
from ..engine.source import Source, is_channels, names_in
from ..methods.point_spread.kinds import KINDS, psf
from .axes import lengths, without_colors
from .image_state import Image, check_room, part_of, result_of
from .images import DeclaredPsf, Further, HeldImage, ImageFile, Input, agreeing, load_image
from .lengths import Spacing, in_pixels, is_length
from .plain import refusal, shown
from .step import Step


@dataclass(frozen=True)
class Prepared:
    """A step that is ready to be computed.

    Attributes
    ----------
    number
        Number of the step in the recipe, from 0.
    step
        The step.
    plan
        Its plan. Where a step says where it acts, the plan is that of this part.
    image
        The result, whose array is lazy.
    """

    number: int
    step: Step
    plan: Plan
    image: Image


def apply_steps(
    steps: Sequence[Step], image: Image, inputs: Mapping[str, Any], folder: Path | None, threads: int | None
) -> Generator[Progress, None, Image]:
    """Apply steps one after the other in a generator that yields progress, and return the last result."""
    for number, step in enumerate(steps):
        if not step.off:
            with_levels, plan, _ = yield from _placed(number, step, image, inputs, folder, threads, "free")
            pixels = yield from run(plan, threads=threads)
            image = result_of(step, f"steps[{number}]", with_levels, plan, pixels)
    return image


def prepared_step(
    number: int, step: Step, image: Image, inputs: Mapping[str, Any], folder: Path | None, threads: int | None
) -> Generator[Progress, None, Prepared]:
    """Prepare a step in a generator that yields progress, and return it with its plan and its lazy result."""
    with_levels, plan, _ = yield from _placed(number, step, image, inputs, folder, threads, None)
    return Prepared(number, step, plan, result_of(step, f"steps[{number}]", with_levels, plan, LazyArray(plan)))


def lazy_steps(
    steps: Sequence[Step], image: Image, inputs: Mapping[str, Any], folder: Path | None, threads: int | None,
    first: int = 0,
) -> Iterator[Prepared]:  # fmt: skip
    """Yield steps from one on, each with its plan and its lazy result; the next is prepared when it is asked for."""
    for number in range(first, len(steps)):
        if not steps[number].off:
            prepared = run_to_end(prepared_step(number, steps[number], image, inputs, folder, threads))
            image = prepared.image
            yield prepared


def _placed(
    number: int, step: Step, image: Image, inputs: Mapping[str, Any], folder: Path | None, threads: int | None,
    memory: int | Literal["free"] | None,
) -> Generator[Progress, None, tuple[Image, Plan, list[Any]]]:  # fmt: skip
    """Prepare a step; errors say which one it is."""
    place = f"steps[{number}]"
    try:
        turned = image.turned(step)
        return (yield from prepare_step(step, place, turned, inputs, folder, threads, memory))
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith(place) else f"{place} ({step.operation}): {text}") from error


def prepare_step(
    step: Step, place: str, image: Image, inputs: Mapping[str, Any], folder: Path | None, threads: int | None,
    memory: int | Literal["free"] | None, recall: Recall | None = None, sketched: bool = False,
) -> Generator[Progress, None, tuple[Image, Plan, list[Any]]]:  # fmt: skip
    """Prepare a step in a generator that yields progress; return the image at its level, the plan, and the images.

    With a `recall`, which opens the arrays, no pixel is read only to count those that will be clipped. A plan that is
    only `sketched` has the shapes and types of a run, and no pixel is read for it.

    Raises
    ------
    ValueError
        If the step cannot be applied to the image, whose axes must have the order that it expects (`Image.turned`).
    """
    if (order := image.order_for(step)) != tuple(sorted(order)):
        raise ValueError(
            f"{place}.axis_names={step.axis_names!r}: must be those of the image in its order, but axis"
            f" {', '.join(map(str, order))} of the image would come in this order: transpose it before this step"
        )
    colors = step.options.channel_axis
    array = yield from image.at_level(step.level, colors, threads)
    spacing = image.spacing_at(array, colors)
    at_level = replace(image, array=array, spacing=spacing, pyramid=image.pyramid_with(colors), levels=())
    options = options_at(step, place, at_level)
    source = options.source(array, image.axis_names, lambda given: given)
    places = sorted(source.given_places)
    axes = [places.index(axis) for axis in source.given_places[-source.ndim :]]
    of_item = tuple(spacing[axis] for axis in axes)
    parameters = in_pixels(step.declared, _as_per_index(step.parameters), of_item, place)
    images = further_images(step, place, source, of_item, inputs, folder)
    if sketched:
        given = step.declared.validate({name: _first_of(name, value) for name, value in parameters.items()})
        alone = [_first_of("image", value) for value in images]
        threads = threads or 1
        plan = sketch(step.declared, array, alone, options, given, threads, image.axis_names, recall)
        return at_level, plan, images
    plan = yield from prepare(
        step.declared, array, images, options, parameters, threads, memory, axis_names=image.axis_names,
        recall=recall, count_saturated=recall is None,
    )  # fmt: skip
    if step.where:
        _check_part(step, place, plan, at_level)
        if memory is not None:
            check_room(array, plan)
    return at_level, plan, images


def _first_of(name: str, value: Any) -> Any:
    """Return a value, or the first of those that are given for each index along an axis."""
    found = per_index(name, value)
    return value if found is None else found.values[0]


def options_at(step: Step, place: str, image: Image) -> Options:
    """Return the options of a step, with where it acts as their scope.

    Raises
    ------
    ValueError
        If the image has no such axis or channel.
    """
    if not step.where:
        return step.options
    colors = step.options.channel_axis
    shape = lengths(image.array, colors)
    names = without_colors(image.axis_names or names_in(image.array), len(image.array.shape), colors)
    scope: dict[int | str, int | tuple[int, int]] = {}
    for axis, index in step.where.items():
        here = f"{place}.where.{axis}"
        if axis not in names:
            have = f"whose axes are {', '.join(names)}" if names else "whose axes have no names"
            raise ValueError(f"{here}={shown(index)}: must be on an axis of the image, {have}")
        if isinstance(index, str):
            channels = image.channel_names if is_channels(axis) else ()
            if channels.count(index) != 1:
                have = f"whose channels are {', '.join(channels)}" if channels else "whose channels have no names"
                raise refusal(here, index, f"a channel of the image, {have}")
            index = channels.index(index)
        scope[axis] = index, index + 1
        length = shape[names.index(axis)]
        if index >= length:
            raise refusal(here, index, f"an index from 0 to {length - 1}")
    return replace(step.options, scope=scope)


def _check_part(step: Step, place: str, plan: Plan, image: Image) -> None:
    """Refuse a step on a part of an image whose result does not fit in the place of the part."""
    part = tuple(stop - start for start, stop in part_of(plan, image.array))
    if plan.shape != part:
        raise ValueError(f"{place}.where: must be left out, because {step.operation} gives another shape")
    if not np.can_cast(np.dtype(image.array.dtype), plan.dtype, "safe"):
        raise ValueError(
            f"{place}.where: must be left out, or options.dtype be 'same': {plan.dtype}, the type of the result, cannot"
            f" hold all values of {np.dtype(image.array.dtype)}, the type of the rest"
        )


def further_images(
    step: Step, place: str, source: Source, spacing: Spacing, inputs: Mapping[str, Any], folder: Path | None
) -> list[Any]:
    """Return the further images of a step in the order that its operation declares."""

    def found(image: Further | None, here: str) -> Any:
        if image is None:
            return None
        if isinstance(image, PerIndex):
            return {
                "per": image.axis,
                "values": [found(each, f"{here}.values[{k}]") for k, each in enumerate(image.values)],
            }
        if isinstance(image, DeclaredPsf):
            return _declared(image, here, source, spacing)
        if isinstance(image, ImageFile):
            return load_image(image, folder, here)
        return _bound(image, inputs, here)

    names = [name for name, _ in step.declared.images[1:]]
    out = [found(step.images.get(name), f"{place}.images.{name}") for name in names]
    while out and out[-1] is None:
        out.pop()
    return out


def _declared(image: DeclaredPsf, place: str, source: Source, spacing: Spacing) -> Any:
    parameters = in_pixels(KINDS[image.kind], image.parameters, spacing, place, "psf.parameters")
    known = None if None in spacing else tuple(float(s) for s in spacing if s is not None)
    try:
        return psf(image.kind, shape=source.item, spacing=known, **parameters)
    except ValueError as error:
        raise ValueError(f"{place}.psf: {error}") from None


def _bound(image: Input | HeldImage, inputs: Mapping[str, Any], place: str) -> Any:
    pixels = image.pixels.array if isinstance(image, HeldImage) and image.pixels is not None else None
    if image.name in inputs:
        pixels = inputs[image.name]
    if pixels is None:
        given = f", besides {', '.join(map(repr, inputs))}" if inputs else ""
        raise ValueError(f"{place}={image.name!r}: must be given to the run by this name, in `inputs`{given}")
    return agreeing(pixels, image.blake2b, place, image.name)


def _as_per_index(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters with objects for values by index, so that lengths among them are found."""
    return {
        name: PerIndex(value["per"], tuple(value["values"]))
        if isinstance(value, Mapping) and not is_length(value)
        else value
        for name, value in parameters.items()
    }
