"""The resolution in the tags of a TIFF file."""

from typing import Any

from ..told import Told

RESOLUTION_UNITS = {2: "inch", 3: "cm"}


def resolution(tags: Any, axis: str) -> float | None:
    """Return pixels per unit along an axis by the tag XResolution or YResolution; None where there is none."""
    tag = tags.get(f"{axis.upper()}Resolution")
    try:
        above, below = tag.value
        return float(above) / float(below) if above and below else None
    except (AttributeError, TypeError, ValueError):
        return None


def resolution_unit(tags: Any) -> str:
    """Return the unit of the resolution: "inch", "cm", or "" for none."""
    tag = tags.get("ResolutionUnit")
    return RESOLUTION_UNITS.get(int(tag.value), "") if tag is not None else ""


def read_tags(tags: Any) -> Told:
    """Return the pixel size of a plain TIFF file, if its resolution has a unit."""
    told, unit = Told(), resolution_unit(tags)
    for axis in "xy" if unit else "":
        if (per_unit := resolution(tags, axis)) is not None:
            told.add(axis, 1 / per_unit, unit)
    if told.sizes:
        told.notes.append(f"The pixel size is from a resolution per {unit}, which may be one for printing.")
    return told
