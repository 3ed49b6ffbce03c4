"""The steps of a recipe on an image of a file: its result with axes, pixel sizes, units, names and record."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..contract.operation import Report
from ..contract.progress import Progress
from ..engine import Losses, Plan, report, run
from ..engine.pyramid import level_factors, level_matrix
from ..engine.run import WAY_OUT
from ..io.image import Image
from ..io.reading import unnamed_axes
from ..recipe.image_state import Image as State
from ..recipe.image_state import result_of
from ..recipe.lengths import is_length
from ..recipe.names import result_name
from ..recipe.placement import PIXEL, Placement, place_result
from ..recipe.recipe import Recipe
from ..recipe.record import RECORD, record
from ..recipe.replay import prepare_step
from ..recipe.step import Step
from .further_images import images_of

MICROMETER = "µm"


@dataclass(frozen=True)
class _Source:
    """An image as a record describes it."""

    name: str
    metadata: Mapping[str, Any]
    level: int = 0


def computed(
    recipe: Recipe, image: Image, inputs: Mapping[str, Image], threads: int | None = None,
    check: Callable[[Image], None] | None = None,
) -> Generator[Progress, None, Image]:  # fmt: skip
    """Run a recipe on an image in a generator that yields progress, and return the result, in memory.

    Parameters
    ----------
    recipe
        The recipe.
    image
        The image.
    inputs
        Further images by the names that the recipe gives them.
    threads
        Number of threads; by default the number of cores.
    check
        Function that refuses a result by its shape, type and axes, before it is computed.

    Raises
    ------
    ValueError
        If a step cannot be applied, or its result does not fit into the memory at hand.
    """
    image = as_known(recipe, image)
    places = image.places
    spacing = image.spacing(MICROMETER)
    names = tuple(image.axes[axis] for axis in places)
    state = recipe.image(
        list(image.levels) or image.array, tuple(spacing[axis] for axis in places), names, image.channel_names
    )
    placed, metadata, color = placement_of(image), {RECORD: [], **image.metadata}, image.channel_axis
    name, notes = image.name, list[str]()
    arrays = {key: np.asarray(further.array) for key, further in inputs.items()}
    steps = [(number, step) for number, step in enumerate(recipe.steps) if not step.off]
    for number, step in steps:
        place = f"steps[{number}]"
        try:
            placed, color, state = turned(step, placed, color, state)
            _check_colors(place, step, color, state.array)
            at_level, plan, _ = yield from prepare_step(step, place, state, arrays, recipe.folder, threads, "free")
        except ValueError as error:
            text = str(error).replace(WAY_OUT, "choose a smaller scope or region")
            raise ValueError(text if text.startswith(place) else f"{place} ({step.operation}): {text}") from error
        if step.level:
            factors = level_factors(*(_lengths(array, color) for array in (state.array, at_level.array)))
            placed = placed.moved(level_matrix(factors))
        placed, color = _placed_after(placed, plan, step), _color_after(color, plan, step)
        if check is not None and number == steps[-1][0]:
            stub = np.broadcast_to(np.zeros((), plan.dtype), at_level.array.shape if step.where else plan.shape)
            stub = np.expand_dims(stub, _dropped(plan)) if plan.dropped is not None and step.keep_axis else stub
            check(image_of(stub, placed, color, (), name, {}, ()))
        lost: list[Losses] = []
        pixels = yield from run(plan, threads=threads, lost=lost)
        told = yield from report(plan, pixels, threads)
        state = result_of(step, place, at_level, plan, pixels)
        source = _Source(name, metadata, step.level)
        further = images_of(place, step, plan, inputs, arrays, recipe.folder, metadata[RECORD])
        metadata = _recorded(source, plan, step, further, told, lost[0])
        name = result_name(name, source.metadata, plan.operation.title)
        if (clipped := metadata[RECORD][-1]["saturated"]) > 0:
            notes.append(f"{plan.operation.title}: {clipped} values could not be held, and were clipped.")
        if told is not None:
            notes.append(f"{plan.operation.title}: {told.text}")
    return image_of(state.array, placed, color, state.channel_names, name, metadata, tuple(notes))


def placement_of(image: Image) -> Placement:
    """Return the placement of an image, on its axes without colors."""
    places, n = list(image.places), len(image.places)
    return Placement(
        np.array(image.scale)[places], np.array(image.translate)[places], np.eye(n), np.eye(n), np.eye(n + 1),
        tuple(image.units[axis] or PIXEL for axis in places), tuple(image.axes[axis] for axis in places),
    )  # fmt: skip


def image_of(
    array: Any, placed: Placement, color: int | None, channel_names: tuple[str, ...], name: str,
    metadata: Mapping[str, Any], notes: tuple[str, ...],
) -> Image:  # fmt: skip
    """Return an array as an image with a placement, of which files hold sizes and positions."""
    axes, scale = list(placed.axis_labels), [float(abs(s)) for s in placed.scale]
    units: list[str | None] = [None if unit == PIXEL else unit for unit in placed.units]
    translate = [float(t) for t in placed.translate]
    if color is not None:
        axes.insert(color, "s" if "c" in axes else "c")
        scale.insert(color, 1.0)
        units.insert(color, None)
        translate.insert(color, 0.0)
    is_named = color is None and "c" in axes and array.shape[axes.index("c")] == len(channel_names)
    return Image(
        array, tuple(axes), tuple(scale), tuple(units), color, channel_names if is_named else (), tuple(translate),
        name=name, metadata=metadata, notes=notes,
    )  # fmt: skip


def as_known(recipe: Recipe, image: Image) -> Image:
    """Return an image with what a recipe knows of it and its file does not: the axis of colors, and names of axes."""
    n, names = len(image.axes), recipe.axis_names
    color = next((step.options.channel_axis for step in recipe.steps if not step.off), None)
    if image.channel_axis is None and color is not None and -n <= color < n and image.shape[color] in (3, 4):
        image = replace(image, channel_axis=color % n, channel_names=())
    if image.is_named:
        return image
    names = names if len(names) in (n, len(image.places)) else unnamed_axes(len(image.places))
    if len(names) < n:
        names = (*names[: image.channel_axis], "s" if "c" in names else "c", *names[image.channel_axis :])
    return replace(image, axes=names)


def turned(step: Step, placed: Placement, color: int | None, state: State) -> tuple[Placement, int | None, State]:
    """Return placement, axis of colors, and pixels of an image, with its axes in the order that a step expects."""
    order = state.order_for(step)
    if order == tuple(sorted(order)):
        return placed, color, state
    places = [axis for axis in order if axis != color]
    numbers = [sorted(places).index(axis) for axis in places]
    return placed.on(numbers), None if color is None else order.index(color), state.turned(step)


def _check_colors(place: str, step: Step, color: int | None, array: Any) -> None:
    """Refuse a step that would take the channels of a color image for an axis of space, or the reverse."""
    given, n = step.options.channel_axis, len(array.shape)
    if color is not None and (given is None or given % n != color):
        raise ValueError(f"{place}.options.channel_axis: must be {color}, because the image has colors on this axis")
    if color is None and given is not None and -n <= given < n and array.shape[given] in (3, 4):
        raise ValueError(
            f"{place}.options.channel_axis={given}: must be left out, because the image has no colors here"
        )


def _lengths(array: Any, color: int | None) -> list[int]:
    return [int(n) for axis, n in enumerate(array.shape) if axis != color]


def scope_in_words(plan: Plan) -> str:
    """Return which items a step was applied to."""
    scope = plan.options.scope
    if scope is None:
        return "everything"
    parts = {axis: str(part) if isinstance(part, int) else f"{part[0]}:{part[1]}" for axis, part in scope.items()}
    return ", ".join(f"{axis}={part}" for axis, part in parts.items())


def _recorded(
    source: _Source, plan: Plan, step: Step, further: list[Any], told: Report | None, lost: Losses
) -> dict[str, Any]:
    """Return the metadata of a result: lengths in the unit in which they were given, and where the step acts."""
    lengths = {name: dict(value) for name, value in step.parameters.items() if _has_length(value)}
    metadata = record(
        source, plan, scope_in_words(plan), further, told, lost, lengths=lengths, keeps_axis=step.keep_axis
    )
    *before, last = metadata[RECORD]
    if step.where:
        last |= {"where": dict(step.where), "options": {**last["options"], "scope": None}}
    if step.divisor != 1:
        last |= {"divisor": step.divisor}
    return {**metadata, RECORD: [*before, last]}


def _has_length(value: Any) -> bool:
    """Return whether a parameter was given as a length in a unit, or as one for each index along an axis."""
    return is_length(value) or (isinstance(value, Mapping) and any(map(is_length, value.get("values", ()))))


def _placed_after(placed: Placement, plan: Plan, step: Step) -> Placement:
    """Return the placement of a result; of one that acts on a part, that of the image."""
    if step.where:
        return placed
    if plan.dropped is None:
        return place_result(placed, plan)
    axis, moved = _dropped(plan), placed.moved(plan.placement)
    return moved if step.keep_axis else moved.on([k for k in range(len(moved.scale)) if k != axis])


def _color_after(color: int | None, plan: Plan, step: Step) -> int | None:
    """Return the axis of colors of a result."""
    if step.where:
        return color
    after = plan.channel_axis
    if after is None or plan.dropped is None or not step.keep_axis:
        return after
    return after + (_dropped(plan) <= after)


def _dropped(plan: Plan) -> int:
    """Return the axis that an operation drops, among those without colors."""
    assert plan.dropped is not None
    return sorted(plan.source.given_places).index(plan.dropped)
