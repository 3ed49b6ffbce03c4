"""Images of files as the data of layers, as napari's readers return them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...io.boxes import Arranged
from ...io.image import Image
from ...recipe.record import RECORD
from ..lazy.shown import Shown
from .colors import colormap_of
from .layer_image import CHANNELS

LOADED = 2**27  # bytes up to which an image is read into memory, so that other plugins find a NumPy array
LOOKED_AT = 2**22  # pixels of a plane in which contrast limits are found
LayerData = tuple[Any, dict[str, Any], str]


def layers_of(image: Image) -> list[LayerData]:
    """Return the layers that show an image.

    It is one layer if it has a record of steps, because that is of the whole image, if it is a color image or labels,
    or if its channels have neither names nor colors; otherwise each channel is a layer of its own.
    """
    known = _in_memory(image)
    parts = _channels(known) if _is_split(known) else [known]
    return [_layer(part) for part in parts]


def _is_split(image: Image) -> bool:
    is_told = bool(image.channel_names or len({*image.channel_colors}) > 1)
    is_one = image.channel_axis is not None or image.is_labels or bool(image.metadata.get(RECORD))
    return is_told and "c" in image.axes and not is_one


def _channels(image: Image) -> list[Image]:
    """Return the channels of an image, each without the axis c."""
    axis = image.axes.index("c")
    levels = image.levels or (image.array,)
    rest = [k for k in range(len(image.axes)) if k != axis]

    def without(entries: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(entry for k, entry in enumerate(entries) if k != axis)

    channels = []
    for k in range(image.shape[axis]):
        arrays = tuple(_rearranged(level, rest, {axis: k}) for level in levels)
        name = image.channel_names[k] if image.channel_names else f"{image.name} {k}"
        channels.append(
            replace(
                image, array=arrays[0], levels=arrays if len(arrays) > 1 else (), axes=without(image.axes), name=name,
                scale=without(image.scale), units=without(image.units), translate=without(image.translate),
                channel_axis=None, channel_names=(), channel_colors=image.channel_colors[k : k + 1],
                limits=image.limits[k : k + 1], level_grids=(),
            )
        )  # fmt: skip
    return channels


def _layer(image: Image) -> LayerData:
    """Return an image as one layer; its axis of colors, if it has one, comes last."""
    color, places = image.channel_axis, image.places
    levels = [_shown(level, image) for level in image.levels or (image.array,)]
    arguments: dict[str, Any] = {
        "name": image.name,
        "metadata": {**image.metadata, **({CHANNELS: image.channel_names} if image.channel_names else {})},
        "scale": [image.scale[k] for k in places],
        "translate": [image.translate[k] for k in places],
        "units": [image.units[k] or "pixel" for k in places],
        "multiscale": len(levels) > 1,
    }
    if image.is_named:
        arguments["axis_labels"] = [image.axes[k] for k in places]
    data = levels if len(levels) > 1 else levels[0]
    if image.is_labels and image.dtype.kind in "iu":
        return data, arguments, "labels"
    arguments["rgb"] = color is not None
    if color is None:
        arguments["contrast_limits"] = _limits(image, levels[-1])
        if image.channel_colors:
            arguments["colormap"] = colormap_of(image.channel_colors[0].upper())
    return data, arguments, "image"


def _shown(level: Any, image: Image) -> Any:
    """Return the data of a level, with the axis of colors last."""
    color = image.channel_axis
    if color is not None and color != len(image.axes) - 1:
        level = _rearranged(level, [*image.places, color], {})
    return level if isinstance(level, np.ndarray) else Shown(level)


def _rearranged(array: Any, order: Sequence[int], at: Mapping[int, int]) -> Any:
    """Return an array at a place along some axes, with the others in a given order; one that is lazy stays so."""
    arranged = Arranged(array, order, at)
    return arranged[...] if isinstance(array, np.ndarray) else arranged


def _in_memory(image: Image) -> Image:
    """Return an image whose pixels are read into memory, if they are few; any other one unchanged."""
    levels = image.levels or (image.array,)
    if sum(math.prod(level.shape) for level in levels) * np.dtype(image.dtype).itemsize > LOADED:
        return image
    loaded = tuple(_copied(level) for level in levels)
    return replace(image, array=loaded[0], levels=loaded if image.levels else ())


def _copied(level: Any) -> Any:
    """Return pixels that do not change when their file is written anew."""
    pixels = np.asarray(level)
    return np.array(pixels, pixels.dtype.newbyteorder("="))


def _limits(image: Image, coarsest: Any) -> tuple[float, float]:
    """Return the limits that the file says for all channels, or those of the middle plane of the coarsest level."""
    if image.limits:
        return min(low for low, _ in image.limits), max(high for _, high in image.limits)
    key = [n // 2 if k < coarsest.ndim - 2 else slice(None) for k, n in enumerate(coarsest.shape)]
    plane = np.asarray(coarsest[tuple(key)])
    step = max(math.isqrt(plane.size // LOOKED_AT), 1)
    values = plane[(slice(None, None, step),) * plane.ndim]
    values = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    return (low, high) if low < high else (low, low + 1)
