"""What ImageJ writes into TIFF files: the pixel size in its unit, the step of z, the interval of frames, and labels."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..image import Image
from ..notes import RECORD
from ..told import Told
from ..units import factor, find_unit, says_pixels
from .tags import resolution, resolution_unit

PREFIX = f"{RECORD} = "  # before our note, which is a line of the text Info


def read_imagej(metadata: Mapping[str, Any], tags: Any, axes: tuple[str, ...], shape: tuple[int, ...]) -> Told:
    """Return what the metadata of ImageJ tell of an image."""
    told = Told()
    unit = str(metadata.get("unit") or resolution_unit(tags))
    if says_pixels(unit):
        told.notes.append("ImageJ's unit is the pixel.")
    else:
        for axis, own in (("x", "xunit"), ("y", "yunit")):
            if (per_unit := resolution(tags, axis)) is not None:
                told.add(axis, 1 / per_unit, str(metadata.get(own) or unit))
        if "z" in axes and "spacing" in metadata:
            told.add("z", metadata["spacing"], str(metadata.get("zunit") or unit))
    if "t" in axes:
        _add_interval(told, metadata)
    told.channel_names = _channel_names(metadata.get("Labels"), axes, shape)
    told.channel_colors, told.limits = _colors(metadata.get("LUTs")), _limits(metadata)
    lines = str(metadata.get("Info", "")).splitlines()
    told.note = next((line.removeprefix(PREFIX) for line in lines if line.startswith(PREFIX)), "")
    return told


def _add_interval(told: Told, metadata: Mapping[str, Any]) -> None:
    """Add the step along t: the interval of frames, or else the inverse of the frames per second."""
    if "finterval" in metadata:
        unit = str(metadata.get("tunit", "s"))
        told.add("t", metadata["finterval"], unit, "time")
    elif isinstance(rate := metadata.get("fps"), int | float) and rate > 0:
        told.add("t", 1 / rate, "s", "time")


def _channel_names(labels: Any, axes: tuple[str, ...], shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return the names of channels, if the labels of planes are the same along all other axes."""
    planes = {axis: n for axis, n in zip(axes, shape, strict=True) if axis in "tzc"}
    count = 1
    for n in planes.values():
        count *= n
    if "c" not in planes or not isinstance(labels, list | tuple) or len(labels) != count:
        return ()
    texts = [label.decode("utf-8", "replace") if isinstance(label, bytes) else str(label) for label in labels]
    after = 1
    for axis in list(planes)[list(planes).index("c") + 1 :]:
        after *= planes[axis]
    names = tuple(texts[k * after] for k in range(planes["c"]))
    same = all(text == names[k // after % planes["c"]] for k, text in enumerate(texts))
    return names if same and all(names) and len({*names}) == len(names) else ()


def _colors(tables: Any) -> tuple[str, ...]:
    """Return the color of each table of 256 colors, which is its last one."""
    known = [tables] if isinstance(tables, np.ndarray) else [*(tables or ())]  # tifffile gives a single one alone
    if not all(table.shape == (3, 256) and table.dtype == np.uint8 for table in known):
        return ()
    return tuple(bytes(table[:, -1]).hex().upper() for table in known)


def color_table(color: str) -> NDArray[np.uint8]:
    """Return a table of 256 colors from black to a color of six hexadecimal digits, as ImageJ holds it."""
    ramp = np.outer(np.frombuffer(bytes.fromhex(color), np.uint8), np.arange(256)) / 255
    return np.rint(ramp).astype(np.uint8)


def _limits(metadata: Mapping[str, Any]) -> tuple[tuple[float, float], ...]:
    """Return the lowest and highest value that is shown of each channel."""
    ends = metadata.get("Ranges") or [metadata.get("min"), metadata.get("max")]
    if not isinstance(ends, list | tuple) or not all(isinstance(end, int | float) for end in ends):
        return ()
    return tuple((float(a), float(b)) for a, b in zip(ends[::2], ends[1::2], strict=False))


def shown_as(image: Image) -> dict[str, Any]:
    """Return how channels are shown, as tifffile writes it into the metadata of ImageJ."""
    out: dict[str, Any] = {}
    if len(image.limits) > 1:
        out["Ranges"] = tuple(end for ends in image.limits for end in ends)
    elif image.limits:
        out |= dict(zip(("min", "max"), image.limits[0], strict=True))
    if image.channel_colors:
        out["LUTs"] = [color_table(color) for color in image.channel_colors]
    return out


def unit_of_imagej(units: Mapping[str, str | None]) -> tuple[str, str]:
    """Return the unit in which all lengths of an image are written for ImageJ, as it spells it, and its symbol."""
    symbol = units.get("x") or units.get("y") or units.get("z")
    if symbol is None:
        return "pixel", ""
    found = find_unit(symbol)
    assert found is not None
    symbol = found.symbol if found.symbol.isascii() and found.symbol != "d" else "µm"
    return symbol.replace("µ", "u"), symbol


def in_unit(size: float, unit: str | None, symbol: str) -> float | None:
    """Return a pixel size in a unit; without units, that number; None where one of the two units is unknown."""
    if unit is None or not symbol:
        return None if symbol or unit else size
    found = factor(unit, symbol)
    return None if found is None else size * found
