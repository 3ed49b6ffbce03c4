"""What OME-Zarr says of an image besides its pixels: axes, pixel sizes, positions, channels, record of steps."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..image import Image
from ..notes import RECORD, note_of
from ..units import find_unit, udunits_name
from .layout import SPACE, Layout

LOOKED_AT = 2**24  # pixels of a channel from which limits of contrast are taken
COLORS = ("FF0000", "00FF00", "0000FF", "FFFFFF")  # of the channels of color images: the last is opacity
CYCLE = ("00FF00", "FF00FF", "00FFFF", "FFFF00", "FF0000", "0000FF")  # of channels without colors of their own


def attributes_of(layout: Layout, image: Image, limits: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Return the attributes of the group of an image, as JSON can hold them."""
    multiscale = {"name": image.name, "axes": _axes(layout, image), "datasets": _datasets(layout, image)}
    parts: dict[str, Any] = {"multiscales": [multiscale]}
    if layout.labels:
        parts |= {"image-label": {}}
    else:
        parts |= {"omero": {"channels": _channels(layout, image, limits)}}
    note = note_of(replace(image, translate=()))
    own = {"note": json.loads(note)} if note else {}
    own |= {"colors": image.axes[image.channel_axis]} if image.channel_axis is not None else {}
    if layout.version == "0.4":
        multiscale["version"] = "0.4"
        parts |= {"image-label": {"version": "0.4"}} if layout.labels else {}
        attributes = parts
    else:
        attributes = {"ome": {"version": "0.5", **parts}}
    return attributes | ({RECORD: own} if own else {})


def _axes(layout: Layout, image: Image) -> list[dict[str, Any]]:
    axes: list[dict[str, Any]] = []
    for k, name in zip(_order(layout), layout.axes, strict=True):
        kind = {"t": "time", "c": "channel", **dict.fromkeys(SPACE, "space")}.get(name)
        kind = "channel" if k == image.channel_axis else kind
        axis = {"name": name} | ({"type": kind} if kind else {})
        unit = find_unit(image.units[k] or "")
        if unit is not None and kind in (None, {"length": "space", "time": "time"}[unit.kind]):
            axis["unit"] = udunits_name(unit)
        axes.append(axis)
    return axes


def _datasets(layout: Layout, image: Image) -> list[dict[str, Any]]:
    """Return the levels: the pixel size of each, and where the middle of its first pixel is."""
    sets = []
    for level in range(layout.levels):
        factors = [2**level if k in layout.halved else 1 for k in range(len(layout.axes))]
        size = [float(image.scale[k]) for k in _order(layout)]
        first = [float(image.translate[k]) for k in _order(layout)]
        moved = [t + (f - 1) / 2 * s for t, f, s in zip(first, factors, size, strict=True)]
        transforms: list[dict[str, Any]] = [
            {"type": "scale", "scale": [s * f for s, f in zip(size, factors, strict=True)]},
            {"type": "translation", "translation": moved},
        ]
        sets.append({"path": str(level), "coordinateTransformations": transforms})
    return sets


def _order(layout: Layout) -> Sequence[int]:
    return layout.order or range(len(layout.axes))


def _channels(layout: Layout, image: Image, limits: Sequence[tuple[float, float]]) -> list[dict[str, Any]]:
    axis = layout.channel_axis
    count = 1 if axis is None else layout.shape[axis]
    colors = image.channel_colors or (COLORS if image.channel_axis is not None else CYCLE if count > 1 else COLORS[3:])
    channels = []
    for k in range(count):
        low, high = limits[k] if len(limits) == count else limits[0]
        ends = type_range(layout.dtype) or (low, high)
        shown = {"min": ends[0], "max": ends[1], "start": low, "end": high}
        channel: dict[str, Any] = {"color": colors[k % len(colors)].upper(), "active": True, "window": shown}
        label = image.channel_names[k] if image.channel_names else ""
        channels.append(channel | ({"label": label} if label else {}))
    return channels


def type_range(dtype: np.dtype[Any]) -> tuple[int, int] | None:
    """Return the lowest and highest value of a type of integers, or None."""
    if dtype.kind == "b":
        return 0, 1
    return (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)) if dtype.kind in "iu" else None


def shown_limits(array: Any, layout: Layout) -> list[tuple[float, float]]:
    """Return the lowest and highest finite value of each channel of a level; of a huge one, of its middle."""
    axis = layout.channel_axis
    spans = [(0, int(n)) for n in array.shape]
    size = math.prod(b - a for k, (a, b) in enumerate(spans) if k != axis)
    while size > LOOKED_AT:
        k = max((k for k in range(len(spans)) if k != axis), key=lambda k: spans[k][1] - spans[k][0])
        a, b = spans[k]
        spans[k] = a + (b - a) // 4, b - (b - a) // 4
        size = math.prod(b - a for k, (a, b) in enumerate(spans) if k != axis)
    found = []
    for channel in range(1 if axis is None else spans[axis][1]):
        key = [slice(*span) for span in spans]
        if axis is not None:
            key[axis] = slice(channel, channel + 1)
        found.append(limits_of(np.asarray(array[tuple(key)])))
    return found


def limits_of(pixels: Any) -> tuple[float, float]:
    """Return the lowest and highest finite value, as different numbers."""
    values = pixels if pixels.dtype.kind != "f" else pixels[np.isfinite(pixels)]
    if not values.size:
        return 0.0, 1.0
    low, high = values.min().item(), values.max().item()
    if not low < high:
        high = low + max(abs(low), 1)
    return (low, high) if math.isfinite(high - low) else (0.0, 1.0)
