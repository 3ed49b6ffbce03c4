"""What ImageJ writes into TIFF files: the pixel size in its unit, the step of z, the interval of frames, and labels."""

from collections.abc import Mapping
from typing import Any

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
