"""An image between two steps of a recipe, and the one that a step makes of it."""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..contract.progress import Progress
from ..contract.quantities import sizes
from ..engine import Plan
from ..engine.memory import memory_at_hand
from ..engine.pyramid import Pyramid, build_pyramid, level_factors, pyramid_like
from ..engine.run import WAY_OUT, gib
from ..engine.source import names_in
from .adapted import Cut, Divided, Expanded, Merged, Turned
from .axes import lengths, turning
from .lengths import Spacing
from .placement import axis_names as usual_names
from .plain import refusal
from .step import Step


@dataclass(frozen=True)
class Image:
    """An image between two steps: its array, and what is known of its axes.

    Attributes
    ----------
    array
        The array; of a multiscale image, the finest level.
    axis_names
        Names of its axes, with or without that of colors; () without names.
    channel_names
        Names of the channels, in the order of the axis of channels; () without names.
    spacing
        Size of a pixel in µm along the last axes without that of colors; None where it is not known.
    labels
        Whether the values are labels.
    levels
        The levels of a multiscale image, finest first; () for another one.
    pyramid
        How the levels of a multiscale image are made where they are not given; None if there are none.
    colors
        Axis of colors that the step before has left; None if there is none, or it is not known.
    """

    array: Any
    axis_names: tuple[str, ...] = ()
    channel_names: tuple[str, ...] = ()
    spacing: Spacing = ()
    labels: bool = False
    levels: tuple[Any, ...] = ()
    pyramid: Pyramid | None = None
    colors: int | None = None

    @classmethod
    def of(
        cls, array: Any, spacing: Any, axis_names: tuple[str, ...], channel_names: tuple[str, ...], labels: bool,
        usual: tuple[str, ...],
    ) -> "Image":  # fmt: skip
        """Return an array, or the list of the levels of a multiscale image, as an image.

        The names `usual` are used if none are given and the array has none and as many axes, perhaps one of colors
        besides.
        """
        levels = tuple(array) if isinstance(array, list | tuple) and array and hasattr(array[0], "shape") else ()
        finest = levels[0] if levels else array if hasattr(array, "shape") else np.asarray(array)
        if not axis_names and not names_in(finest) and len(finest.shape) - len(usual) in (0, 1):
            axis_names = usual
        return cls(finest, axis_names, channel_names, checked_spacing(spacing, len(finest.shape)), labels, levels)

    def at_level(self, level: int, channel_axis: int | None, threads: int | None) -> Generator[Progress, None, Any]:
        """Return the array of a level of an image with an axis of colors, or None.

        Raises
        ------
        ValueError
            If there is no such level.
        """
        if level == 0:
            return self.array
        levels: Sequence[Any] = self.levels
        if not levels and self.pyramid is not None:
            levels = yield from _levels_of(np.asarray(self.array), channel_axis, self.pyramid, threads)
        if level >= len(levels):
            have = f"{len(levels)} levels" if levels else "no levels"
            raise ValueError(f"level={level}: must be a level of the image, which has {have}")
        return levels[level]

    def spacing_at(self, array: Any, channel_axis: int | None) -> Spacing:
        """Return the size of a pixel of the array of a level along each axis but that of colors."""
        shape = lengths(array, channel_axis)
        known = (None,) * (len(shape) - len(self.spacing)) + self.spacing[max(len(self.spacing) - len(shape), 0) :]
        factors = level_factors(lengths(self.array, channel_axis), shape)
        return tuple(s if s is None else s * float(f) for s, f in zip(known, factors, strict=True))

    def pyramid_with(self, channel_axis: int | None) -> Pyramid | None:
        """Return how the levels of a result are made, so that they are like those of this image."""
        if self.levels:
            return pyramid_like([lengths(each, channel_axis) for each in self.levels], mean=not self.labels)
        if self.pyramid is None:
            return None
        shapes, pyramid = [lengths(self.array, channel_axis)], self.pyramid
        while max(shapes[-1][axis] for axis in pyramid.axes) > pyramid.smallest:
            halved = {axis % len(shapes[0]) for axis in pyramid.axes}
            shapes.append(tuple(-(-n // 2) if k in halved else n for k, n in enumerate(shapes[-1])))
        return pyramid_like(shapes, mean=not self.labels)

    def order_for(self, step: Step) -> tuple[int, ...]:
        """Return the axes of the array in the order in which a step expects them."""
        return turning(step, self.axis_names or names_in(self.array), len(self.array.shape), self.colors)

    def turned(self, step: Step) -> "Image":
        """Return the image with its axes in the order in which a step expects them."""
        order = self.order_for(step)
        if order == tuple(sorted(order)):
            return self
        channel = step.options.channel_axis
        colors = None if self.colors is None and channel is None else order[channel or 0]
        colors = self.colors if self.colors is not None else colors
        places = [axis for axis in order if axis != colors]
        numbers = [sorted(places).index(axis) for axis in places]
        n = len(numbers)
        known = (None,) * (n - len(self.spacing)) + self.spacing[max(len(self.spacing) - n, 0) :]
        pyramid = self.pyramid
        if pyramid is not None:
            axes = tuple(sorted(numbers.index(axis % n) - n for axis in pyramid.axes))
            pyramid = replace(pyramid, axes=axes)
        return replace(
            self, array=_arranged(self.array, order), axis_names=step.axis_names,
            spacing=tuple(known[k] for k in numbers), levels=tuple(_arranged(each, order) for each in self.levels),
            pyramid=pyramid, colors=None if colors is None else order.index(colors),
        )  # fmt: skip


def _arranged(array: Any, order: tuple[int, ...]) -> Any:
    return array.transpose(order) if isinstance(array, np.ndarray) else Turned(array, order)


def _levels_of(
    array: Any, channel_axis: int | None, pyramid: Pyramid, threads: int | None
) -> Generator[Progress, None, list[Any]]:
    """Return the levels of an array, whose axis of colors may be any one."""
    if channel_axis is None:
        return (yield from build_pyramid(array, array.ndim, pyramid, threads))
    levels = yield from build_pyramid(np.moveaxis(array, channel_axis, -1), array.ndim - 1, pyramid, threads)
    return [np.moveaxis(each, -1, channel_axis) for each in levels]


def check_room(image: Any, plan: Plan) -> None:
    """Refuse a step on a part of an image if the whole, in the type of the part, does not fit into the memory at hand.

    Raises
    ------
    ValueError
        If it does not.
    """
    needed, free = (math.prod(image.shape) + math.prod(plan.shape)) * plan.dtype.itemsize, memory_at_hand()
    if needed > free:
        raise ValueError(
            f"where: the image of {sizes(image.shape)} pixels ({plan.dtype}) and the part that changes need"
            f" {gib(needed)}, but {gib(free)} of memory are free; {WAY_OUT}"
        )


def part_of(plan: Plan, array: Any) -> tuple[tuple[int, int], ...]:
    """Return (start, stop) along each axis of an image of the part that a plan computes."""
    spans = [(0, int(n)) for n in array.shape]
    for axis, span in zip(plan.source.given_places, plan.source.scope or (), strict=False):
        spans[axis] = span
    return tuple(spans)


def result_of(step: Step, place: str, image: Image, plan: Plan, pixels: Any) -> Image:
    """Return the result of a step on an image, from the pixels that its plan computes, in memory or lazy."""
    lazy = not isinstance(pixels, np.ndarray)
    if step.where:
        pixels = _put_back(image.array, pixels, plan, lazy)
    if step.divisor != 1:
        if pixels.dtype.kind != "f":
            raise refusal(
                f"{place}.divisor", step.divisor, f"left out, because the result is of the type {pixels.dtype}"
            )
        with np.errstate(over="ignore"):
            divisor = pixels.dtype.type(step.divisor)
        if not 0 < divisor < np.inf:
            raise refusal(f"{place}.divisor", step.divisor, f"a number that {pixels.dtype} can hold")
        pixels = Divided(pixels, step.divisor) if lazy else pixels / divisor
    names, spacing = _names_after(image, plan), _spacing_after(image, plan)
    ndim = len(pixels.shape) - (plan.channel_axis is not None)
    pyramid = image.pyramid
    if pyramid is not None:
        axes = tuple(axis for axis in pyramid.axes if -axis <= ndim)
        pyramid = replace(pyramid, axes=axes) if axes else None
    colors = plan.channel_axis
    if (dropped := plan.dropped) is not None:
        axis = sorted(plan.source.given_places).index(dropped)
        if step.keep_axis:
            pixels = Expanded(pixels, axis) if lazy else np.expand_dims(pixels, axis)
            colors = None if colors is None else colors + (axis <= colors)
        else:
            names, spacing = _without(names, axis), _without(spacing, axis)
    return Image(
        pixels, names, _channels_after(image, plan, bool(step.where)), spacing, image.labels, (), pyramid, colors
    )


def _put_back(image: Any, pixels: Any, plan: Plan, lazy: bool) -> Any:
    """Return an image with the pixels of a part in their place."""
    spans = part_of(plan, image)
    if not lazy:
        out = np.array(image, pixels.dtype)
        out[tuple(slice(*span) for span in spans)] = pixels
        return out
    where = [k for k, (span, n) in enumerate(zip(spans, image.shape, strict=True)) if span != (0, int(n))]
    return _merged(image, pixels, [(axis, spans[axis][0]) for axis in where])


def _merged(image: Any, pixels: Any, where: list[tuple[int, int]]) -> Any:
    """Return a lazy image with a part at one index of each of some axes."""
    if not where:
        return pixels
    (axis, index), *rest = where
    if rest:
        key = [slice(None)] * len(image.shape)
        key[axis] = slice(index, index + 1)
        pixels = _merged(Cut(image, axis, index), pixels, rest)
    return Merged(image, pixels, axis, index)


def _names_after(image: Image, plan: Plan) -> tuple[str, ...]:
    """Return the names of the axes of a result without colors, the axis that is dropped still among them."""
    names = plan.source.names
    if plan.frames is None:
        return names
    count = len(plan.source.given_places)
    return (plan.frames.name, *usual_names(names or tuple(map(str, range(-count, 0)))))


def _spacing_after(image: Image, plan: Plan) -> Spacing:
    """Return the pixel sizes of a result, from the matrix that maps its indices to those of the image."""
    before = np.array([np.nan if s is None else s for s in image.spacing])
    linear = plan.placement[:-1, :-1]
    after: list[float | None] = []
    for column in linear.T:
        used = column != 0
        size = float(np.sqrt(((before * column)[used] ** 2).sum()))
        after.append(size if np.isfinite(size) else None)
    return tuple(after) if plan.frames is None else (None, *after)


def _channels_after(image: Image, plan: Plan, whole: bool) -> tuple[str, ...]:
    place, scope = plan.source.channel_place, plan.source.scope
    if whole or place is None or scope is None:
        return image.channel_names
    return image.channel_names[slice(*scope[place])]


def _without(values: tuple[Any, ...], axis: int) -> tuple[Any, ...]:
    return values[:axis] + values[axis + 1 :]


def checked_spacing(spacing: Any, ndim: int) -> Spacing:
    """Return pixel sizes in µm, of which there are at most `ndim`; one for all stands for the last two axes.

    Raises
    ------
    ValueError
        If they are none.
    """
    if spacing is None:
        return ()
    try:
        each = tuple(spacing) if isinstance(spacing, Sequence | np.ndarray) else (spacing,) * min(ndim, 2)
        sizes = tuple(None if s is None else float(s) for s in each)
    except (TypeError, ValueError):
        sizes = (-1.0,)
    if len(sizes) > ndim or any(s is not None and not 0 < s < np.inf for s in sizes):
        raise refusal("spacing", spacing, f"at most {ndim} sizes of a pixel in µm greater than 0, or None for each")
    return sizes
