"""An image from a file or for one: pixels with axes, pixel sizes, units, names and metadata."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .units import factor, find_unit

COLOR = re.compile(r"[0-9A-Fa-f]{6}")


def named_by(path: Path) -> str:
    """Return the name of an image that has none besides that of its file."""
    return path.name.partition(".")[0]


def unnamed_axes(ndim: int) -> tuple[str, ...]:
    """Return names for axes that have none: rows and columns, and stack axes by number before them."""
    return (*(f"axis {k}" for k in range(ndim - 2)), *("y", "x")[max(2 - ndim, 0) :])


@dataclass(frozen=True, eq=False)
class Image:
    """An image: pixels, and what is known of them.

    Parameters
    ----------
    array
        Array, which may be read as it is indexed.
    axes
        Name of each axis: t, c, z, y, x, or any other.
    scale
        Pixel size along each axis, greater than 0; 1 where it is not known.
    units
        Unit of each pixel size, such as "µm" or "s"; None where it is not known.
    channel_axis
        Axis of the 3 or 4 channels of a color image, or None.
    channel_names
        Names along the axis c; () if there are none.
    translate
        Position of the first pixel along each axis, in its unit; () for 0.
    levels
        Arrays of all levels, the finest first; () if there is only one.
    level
        Number of the level that `array` is.
    name
        Name of the image.
    metadata
        Metadata as those of a layer: the record of steps is under "napari_mathimg".
    notes
        Sentences on what the file does not say, and how it was read.
    files
        The files that were opened.
    channel_colors
        Color of each channel as six hexadecimal digits, such as "00FF00" for green; () where they are not known. An
        image without an axis c has one channel.
    limits
        Lowest and highest value that is shown of each channel; () where they are not known.
    level_grids
        Pixel size and position of the first pixel of each level; None, and () for all, where they are those that follow
        from its shape.
    is_named
        Whether the names of the axes were given; False if they only stand for their places.
    is_labels
        Whether pixels are numbers of objects, as the file says.

    Raises
    ------
    ValueError
        ``name=value: must be ...`` if the parts do not fit together.
    """

    array: Any
    axes: tuple[str, ...]
    scale: tuple[float, ...] = ()
    units: tuple[str | None, ...] = ()
    channel_axis: int | None = None
    channel_names: tuple[str, ...] = ()
    translate: tuple[float, ...] = ()
    levels: tuple[Any, ...] = ()
    level: int = 0
    name: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    is_named: bool = True
    is_labels: bool = False
    channel_colors: tuple[str, ...] = ()
    limits: tuple[tuple[float, float], ...] = ()
    level_grids: tuple[tuple[tuple[float, ...], tuple[float, ...]] | None, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.array.shape)
        for name, default in (("scale", 1.0), ("units", None), ("translate", 0.0)):
            object.__setattr__(self, name, tuple(getattr(self, name)) or (default,) * n)
        for name in ("axes", "scale", "units", "translate"):
            if len(getattr(self, name)) != n:
                raise ValueError(f"{name}={getattr(self, name)!r}: must have one entry for each of the {n} axes")
        if len({*self.axes}) < n or not all(isinstance(axis, str) and axis for axis in self.axes):
            raise ValueError(f"axes={self.axes!r}: must be different names")
        if not all(math.isfinite(s) and s > 0 for s in self.scale):
            raise ValueError(f"scale={self.scale!r}: must be finite numbers greater than 0")
        if unknown := [unit for unit in self.units if unit is not None and find_unit(unit) is None]:
            raise ValueError(f"units={self.units!r}: must be units of length or time, or None; {unknown[0]!r} is none")
        channels, axis = len(self.channel_names), self.channel_axis
        if axis is not None and not (0 <= axis < n and self.shape[axis] in (3, 4)):
            raise ValueError(f"channel_axis={axis}: must be an axis of 3 or 4 channels of shape {self.shape}, or None")
        if channels and ("c" not in self.axes or self.shape[self.axes.index("c")] != channels):
            raise ValueError(f"channel_names={self.channel_names!r}: must be one for each index along the axis c")
        if len(self.level_grids) not in (0, len(self.levels)):
            raise ValueError(f"level_grids={self.level_grids!r}: must be one for each of {len(self.levels)} levels")
        self._check_shown()

    def _check_shown(self) -> None:
        count = self.shape[self.axes.index("c")] if "c" in self.axes else 1
        if len(self.channel_colors) not in (0, count) or not all(map(COLOR.fullmatch, self.channel_colors)):
            raise ValueError(
                f"channel_colors={self.channel_colors!r}: must be {count} colors of six hexadecimal digits"
            )
        if len(self.limits) not in (0, count) or not all(a < b and math.isfinite(b - a) for a, b in self.limits):
            raise ValueError(f"limits={self.limits!r}: must be {count} finite pairs, the lower value first")

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of pixels along each axis."""
        return tuple(int(n) for n in self.array.shape)

    @property
    def dtype(self) -> Any:
        """Type of the pixels."""
        return self.array.dtype

    @property
    def places(self) -> tuple[int, ...]:
        """The axes besides the channel axis."""
        return tuple(axis for axis in range(len(self.axes)) if axis != self.channel_axis)

    def spacing(self, unit: str) -> tuple[float | None, ...]:
        """Return the pixel size along each axis in a unit; None where it is not known, or not of this kind."""
        factors = [None if own is None else factor(own, unit) for own in self.units]
        return tuple(None if f is None else s * f for s, f in zip(self.scale, factors, strict=True))
