"""The axes of an image along a recipe: their names, that of colors, and the order in which a step expects them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..contract.signature import call
from ..engine import Options
from .lengths import is_length
from .placement import axis_names as usual_names
from .step import Step

COLORS = "rgb"  # name of the axis of colors, where the others have names

Names = tuple[str, ...]


def lengths(array: Any, channel_axis: int | None) -> tuple[int, ...]:
    """Return the shape of an array without the axis of colors."""
    colors = None if channel_axis is None else channel_axis % len(array.shape)
    return tuple(int(n) for axis, n in enumerate(array.shape) if axis != colors)


def without_colors(names: Names, ndim: int, channel_axis: int | None) -> Names:
    """Return the names of the axes of an array of `ndim` axes without that of colors, which may be among them."""
    if channel_axis is None or len(names) != ndim:
        return names
    colors = channel_axis % len(names)
    return names[:colors] + names[colors + 1 :]


def with_colors(names: Names, channel_axis: int | None) -> Names:
    """Return the names of all axes, with one for that of colors."""
    if channel_axis is None:
        return names
    place = channel_axis if channel_axis >= 0 else len(names) + 1 + channel_axis
    return (*names[:place], COLORS, *names[place:])


def item_axes(options: Options, names: Names) -> tuple[int, ...]:
    """Return the numbers of the axes of an item among those with names, which are all but that of colors.

    Raises
    ------
    ValueError
        If an axis is not among them.
    """
    count = len(names)
    if options.axes is None:
        return tuple(range(count - options.ndim, count))
    whole = with_colors(names, options.channel_axis)
    for axis in options.axes:
        if axis not in names if isinstance(axis, str) else not -len(whole) <= axis < len(whole):
            raise ValueError(f"axes={options.axes!r}: must be among {', '.join(map(repr, names))}, not {axis!r}")
    return tuple(names.index(axis if isinstance(axis, str) else whole[axis]) for axis in options.axes)


def after_step(step: Step, names: Names) -> tuple[Names, int | None]:
    """Return the names of the axes of the result of a step, and its axis of colors, from the names of its image."""
    op, channel = step.declared, step.options.channel_axis
    colors = None if channel is None or op.channels == "reduce" else channel % (len(names) + 1)
    if op.drops is not None and not step.keep_axis:
        dropped = item_axes(step.options, names)[0]
        names = names[:dropped] + names[dropped + 1 :]
        colors = None if colors is None else colors - (dropped < colors)
    if op.frames is not None:
        frames = call(op.frames, op.validate(without_lengths(step.parameters)))
        if frames is not None:
            names = (frames.name, *usual_names(names))
            colors = None if colors is None else colors + 1
    return names, colors


def without_lengths(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return those parameters that hold no length in a unit."""
    return {name: value for name, value in parameters.items() if not holds_length(value)}


def holds_length(value: Any) -> bool:
    """Return whether a value is a length in a unit, or one for each index."""
    if isinstance(value, Mapping) and "per" in value:
        return any(map(is_length, value["values"]))
    return is_length(value)


def in_order(steps: Sequence[Step], names: Names) -> tuple[Step, ...]:
    """Return recorded steps with the names of their axes only where the step before leaves them in another order.

    A file may order axes in its own way between two steps, such as ImageJ's, whose channels come after the planes.

    Parameters
    ----------
    steps
        The steps, each with the names that were recorded.
    names
        Names of the axes of the image of the first step.
    """
    out = []
    colors: int | None = None
    for number, step in enumerate(steps):
        known = step.axis_names or names
        moved = number > 0 and _are_moved(step, names, known, colors)
        out.append(step if moved else replace(step, axis_names=()))
        try:
            names, colors = after_step(step, known) if known and not step.off else (known, colors)
        except (ValueError, IndexError):  # axes that the step does not have: refused where it is applied
            names, colors = (), None
    return tuple(out)


def _are_moved(step: Step, before: Names, now: Names, colors: int | None) -> bool:
    if not before or len({*before}) != len(before) or sorted(before) != sorted(now):
        return False
    channel = step.options.channel_axis
    return before != now or (channel is not None and colors is not None and channel % (len(now) + 1) != colors)


def turning(step: Step, names: Names, ndim: int, colors: int | None) -> tuple[int, ...]:
    """Return the axes of an array in the order in which a step expects them.

    Parameters
    ----------
    step
        The step; if it names no axes, the order stays as it is.
    names
        Names of the axes, with or without that of colors.
    ndim
        Number of all axes.
    colors
        The axis of colors that the step before has left; None if it is not known.
    """
    channel = step.options.channel_axis
    wanted = colors if channel is None else channel % ndim
    colors = wanted if colors is None else colors
    names = without_colors(names, ndim, colors)
    if not step.axis_names or len({*names}) != len(names) or sorted(names) != sorted(step.axis_names):
        return tuple(range(ndim))
    places = [axis for axis in range(ndim) if axis != colors]
    order = [places[names.index(name)] for name in step.axis_names]
    if colors is not None and wanted is not None:
        order.insert(wanted, colors)
    return tuple(order)
