"""The steps of a recipe on an image of a file, one after the other: its axes, places and names after each."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from ..contract.progress import Progress
from ..engine import Plan
from ..engine.facts import Recall
from ..engine.pyramid import level_factors, level_matrix
from ..engine.run import WAY_OUT
from ..io.image import Image, unnamed_axes
from ..recipe.image_state import Image as State
from ..recipe.image_state import result_of
from ..recipe.placement import PIXEL, Placement, place_result
from ..recipe.recipe import Recipe
from ..recipe.replay import prepare_step
from ..recipe.step import Step

MICROMETER = "µm"


@dataclass(frozen=True)
class Link:
    """A step that is prepared, and the image that it is applied to.

    Attributes
    ----------
    number, step
        Number of the step in the recipe, from 0, and the step.
    before
        The image, its axes in the order that the step expects, at the level that the step acts on.
    order
        Axes of the image before, in the order in which the step expects them.
    plan
        Plan of the step.
    placed, color
        Placement and axis of colors of the result.
    """

    number: int
    step: Step
    before: State
    order: tuple[int, ...]
    plan: Plan
    placed: Placement
    color: int | None

    @property
    def place(self) -> str:
        """What stands for the step in errors."""
        return f"steps[{self.number}]"


@dataclass
class Chain:
    """The image that the next step of a recipe is applied to, and the steps before it.

    Attributes
    ----------
    recipe, image
        The recipe, and the image of the file.
    arrays
        Pixels of the further images by name.
    state, placed, color
        The pixels with what the recipe knows of them, their placement, and their axis of colors.
    links
        The steps that are done.
    """

    recipe: Recipe
    image: Image
    arrays: Mapping[str, Any]
    state: State
    placed: Placement
    color: int | None
    links: list[Link] = field(default_factory=list)

    @classmethod
    def begin(cls, recipe: Recipe, image: Image, inputs: Mapping[str, Image]) -> "Chain":
        """Return the chain before the first step; of further images, the pixels are read."""
        image = _as_known(recipe, image)
        places, spacing = image.places, image.spacing(MICROMETER)
        names = tuple(image.axes[axis] for axis in places)
        state = recipe.image(
            list(image.levels) or image.array,
            tuple(spacing[axis] for axis in places),
            names,
            image.channel_names,
            image.is_labels,
        )
        arrays = {key: np.asarray(further.array) for key, further in inputs.items()}
        return cls(recipe, image, arrays, state, placement_of(image), image.channel_axis)

    def steps(self) -> Iterator[tuple[int, Step]]:
        """Yield the numbers of the steps that are not done and not off, and the steps."""
        first = self.links[-1].number + 1 if self.links else 0
        for number, step in enumerate(self.recipe.steps[first:], first):
            if not step.off:
                yield number, step

    def prepare(
        self, number: int, step: Step, threads: int | None, memory: Literal["free"] | None,
        recall: Recall | None = None, sketched: bool = False,
    ) -> Generator[Progress, None, Link]:  # fmt: skip
        """Prepare a step in a generator that yields progress, as `prepare_step` does; errors say which one it is."""
        place = f"steps[{number}]"
        try:
            order = self.state.order_for(step)
            placed, color, state = _turned(step, self.placed, self.color, self.state)
            _check_colors(place, step, color, state.array)
            at_level, plan, _ = yield from prepare_step(
                step, place, state, self.arrays, self.recipe.folder, threads, memory, recall, sketched
            )
        except ValueError as error:
            text = str(error).replace(WAY_OUT, "choose a smaller scope or region")
            raise ValueError(text if text.startswith(place) else f"{place} ({step.operation}): {text}") from error
        if step.level:
            factors = level_factors(*(_lengths(array, color) for array in (state.array, at_level.array)))
            placed = placed.moved(level_matrix(factors))
        return Link(
            number, step, at_level, order, plan, _placed_after(placed, plan, step), _color_after(color, plan, step)
        )

    def stub(self, link: Link, name: str = "") -> Image:
        """Return the result of a step as an image whose pixels are all 0, before it is computed."""
        plan, step = link.plan, link.step
        shape = link.before.array.shape if step.where else plan.shape
        stub = np.broadcast_to(np.zeros((), plan.dtype), shape)
        if plan.dropped is not None and step.keep_axis:
            stub = np.expand_dims(stub, _dropped(plan))
        return image_of(stub, link.placed, link.color, (), name, {}, ())

    def add(self, link: Link, pixels: Any) -> None:
        """Go on with the pixels of a step, which may be computed where they are read."""
        self.state = result_of(link.step, link.place, link.before, link.plan, pixels)
        self.placed, self.color = link.placed, link.color
        self.links.append(link)

    def result(self, array: Any, name: str, metadata: Mapping[str, Any], notes: tuple[str, ...]) -> Image:
        """Return an array as the image that is the result of all steps so far."""
        made = image_of(array, self.placed, self.color, self.state.channel_names, name, metadata, notes)
        return replace(made, **self._shown(made))

    def _shown(self, result: Image) -> dict[str, Any]:
        """Return what holds of a result as of the image: that it is labels, and colors and limits of its channels."""
        image, plans = self.image, [link.plan for link in self.links]
        is_one = image.is_labels and all(plan.values == "exact" or plan.operation.is_warp for plan in plans)
        out: dict[str, Any] = {"is_labels": is_one and result.dtype == image.dtype}
        if image.channel_axis is not None or result.channel_axis is not None:
            return out
        if ("c" in image.axes) != ("c" in result.axes):
            return out
        kept = range(image.shape[image.axes.index("c")] if "c" in image.axes else 1)
        for link in self.links:
            place, scope = link.plan.source.channel_place, link.plan.source.scope
            if not link.step.where and place is not None and scope is not None:
                kept = kept[slice(*scope[place])]
        if "c" in result.axes and result.shape[result.axes.index("c")] != len(kept):
            return out
        if image.channel_colors:
            out["channel_colors"] = tuple(image.channel_colors[k] for k in kept)
        if image.limits and result.dtype == image.dtype and not any(plan.operation.new_values for plan in plans):
            out["limits"] = tuple(image.limits[k] for k in kept)
        return out


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


def _as_known(recipe: Recipe, image: Image) -> Image:
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


def _turned(step: Step, placed: Placement, color: int | None, state: State) -> tuple[Placement, int | None, State]:
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
