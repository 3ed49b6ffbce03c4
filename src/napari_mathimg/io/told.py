"""What a file tells of its pixels."""

import math
from dataclasses import dataclass, field
from typing import Any

from .units import find_unit, says_pixels

Size = tuple[float, str | None]
LEAST, MOST = 1e-20, 1e20  # pixel size in meters, seconds, or without a unit


@dataclass
class Told:
    """Pixel sizes with their units by axis, channels and how they are shown, our own note, and what was left out."""

    sizes: dict[str, Size] = field(default_factory=dict)
    channel_names: tuple[str, ...] = ()
    channel_colors: tuple[str, ...] = ()
    limits: tuple[tuple[float, float], ...] = ()
    name: str = ""
    note: str = ""
    notes: list[str] = field(default_factory=list)

    def channels(self, count: int) -> dict[str, Any]:
        """Return names, colors and limits that an image with so many channels has, where there are as many of them."""
        limits = self.limits if all(a < b and math.isfinite(b - a) for a, b in self.limits) else ()
        found = {"channel_names": self.channel_names, "channel_colors": self.channel_colors, "limits": limits}
        return {name: entries for name, entries in found.items() if len(entries) == count}

    def add(self, axis: str, value: Any, unit: str | None, kind: str = "length") -> None:
        """Add a pixel size, if it is one: 0, which stands for unknown, and what no image has are left out, and told."""
        try:
            size = float(value)
        except (TypeError, ValueError):
            size = math.nan
        found = find_unit(unit) if unit else None
        if not LEAST <= abs(size) * (found.size if found else 1) <= MOST:  # which NaN is not
            self.notes.append(f"The pixel size {value} along {axis} means that it is not known.")
            return
        if size < 0:
            self.notes.append(f"The pixel size {value} along {axis} is negative: taken without its sign.")
        if unit and found is None and not says_pixels(unit):
            self.notes.append(f"The unit {unit!r} along {axis} is not known.")
        if found is not None and found.kind != kind:
            self.notes.append(f"The unit {unit!r} along {axis} is none of {kind}: left out.")
            found = None
        self.sizes[axis] = abs(size), found.symbol if found else None
