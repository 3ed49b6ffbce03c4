"""The axes of a layer that planes and volumes have: never those of channels, which are stack axes."""

from collections.abc import Mapping, Sequence
from typing import Any

from napari.layers import Layer

from ...engine.source import is_channels
from ...recipe.placement import axis_names

Axes = tuple[int, ...]


def free_axes(layer: Layer) -> Axes:
    """Return the axes that are not named as channels; all, if fewer than two remain."""
    free = tuple(k for k, name in enumerate(layer.axis_labels) if not is_channels(name))
    return free if len(free) > 1 else tuple(range(layer.ndim))


def plane_axes(layer: Layer) -> Axes:
    """Return the axes of a plane: the last two free ones."""
    return free_axes(layer)[-2:]


def volumes_of(layer: Layer) -> list[Axes]:
    """Return the axes of each kind of volume: a plane's, and one more free axis before them, the nearest first."""
    return [(axis, *plane_axes(layer)) for axis in reversed(free_axes(layer)[:-2])]


def kinds_of_items(layer: Layer) -> dict[str, Axes]:
    """Return the axes of planes and of each kind of volume by keys; but the nearest, they say the axis from the end."""
    volumes = volumes_of(layer)
    keys = ["volumes", *(f"volumes {axes[0] - layer.ndim}" for axes in volumes[1:])]
    return {"planes": plane_axes(layer), **dict(zip(keys, volumes, strict=False))}


def kind_of(layer: Layer, options: Mapping[str, Any], names: Sequence[str] = ()) -> str:
    """Return the kind of items that the recorded options of a run say; the names are those of the axes it was run on.

    Raises
    ------
    ValueError
        If the layer has no such items.
    """
    axes = options.get("axes") or range(-options["ndim"], 0)
    numbers = [names.index(axis) - len(names) if isinstance(axis, str) else axis for axis in axes]
    places = tuple(axis if axis >= 0 else layer.ndim + axis for axis in numbers)
    for kind, theirs in kinds_of_items(layer).items():
        if theirs == places:
            return kind
    raise ValueError(f"axes={tuple(axes)}: must be those of planes or volumes of {layer.name!r}")


def kinds_in_words(layer: Layer) -> dict[str, str]:
    """Return the kinds of items by their keys, as a user reads them; axes of one letter without a gap, as in "zyx"."""
    names, kinds = axis_names(layer.axis_labels), kinds_of_items(layer)
    gap = "" if all(len(name) == 1 for name in names) else ", "
    return {
        key: f"{key.partition(' ')[0].title()} ({gap.join(names[axis] for axis in axes)})"
        for key, axes in kinds.items()
    }


def parts_in_words(layer: Layer, axes: Axes) -> dict[str, str]:
    """Return the parts of a layer whose items have some axes, by keys, as a user reads them."""
    planes, stack = len(axes) == 2, layer.ndim - len(axes)
    parts = {"all": "Everything"} | ({"item": "This plane" if planes else "This volume"} if stack else {})
    return parts | ({"volume": "This volume"} if planes and stack > 1 and volumes_of(layer) else {})


def item_axes(layer: Layer, ndim: int) -> Axes:
    """Return the axes of planes or of the first kind of volume, or else the last axes."""
    if ndim == 2:
        return plane_axes(layer)
    volumes = volumes_of(layer) if ndim == 3 else []
    return volumes[0] if volumes else tuple(range(layer.ndim - ndim, layer.ndim))


def named(layer: Layer, axes: Axes) -> str:
    """Return the names of axes in words."""
    names = axis_names(layer.axis_labels)
    return ", ".join(names[axis] for axis in axes)


def axes_option(layer: Layer, axes: Axes) -> tuple[int | str, ...] | None:
    """Return axes as the option of a run: None for the last ones, names where each axis has its own, or numbers."""
    if axes == tuple(range(layer.ndim - len(axes), layer.ndim)):
        return None
    labels = layer.axis_labels
    has_names = len({*labels}) == layer.ndim and not any(label.lstrip("-").isdigit() for label in labels)
    return tuple(labels[axis] for axis in axes) if has_names else axes
