"""Flat-field correction, with gains from a flat image or from what the planes of a stack have in common."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...contract import types as t
from ...contract.operation import BlockInfo, Report, Statistic
from ...contract.quantities import count, number
from ...contract.reach import Neighborhood, Spacing
from ...kernels import counting
from ..exact_sums import exact_sum
from .faulty_pixels import WINDOW, filled, is_faulty_or_hot, without_faults
from .shading import Shading, cells_reach, estimate, sample

MAX_PLANES = 500  # from which a flat is estimated: more take time and change little
CHAIN = 4 * (WINDOW // 2)  # pixels that decide what replaces one: of it, around it, and whether these are faulty


@dataclass(frozen=True, eq=False)
class LightSums:
    """The brightness of a flat above the dark image: exact sums and extremes that can be added over blocks.

    `faults` is the number of pixels where the flat is not brighter than the dark, or more than twice as bright as
    around; `first` is the first of them, and `repairs` are what replaces them.
    """

    sums: NDArray[np.int64]
    pixels: int
    low: float
    high: float
    faults: int = 0
    first: tuple[int, ...] | None = None
    repairs: "tuple[Repairs, ...]" = ()

    def __add__(self, other: "LightSums") -> "LightSums":
        """Return the sums over both."""
        firsts = [f for f in (self.first, other.first) if f is not None]
        return LightSums(
            self.sums + other.sums, self.pixels + other.pixels, min(self.low, other.low),
            max(self.high, other.high), self.faults + other.faults, min(firsts, default=None),
            self.repairs + other.repairs,
        )  # fmt: skip


class Repairs(NamedTuple):
    """Faulty pixels of a plane: rows, columns, and the light of the flat and the dark to use there instead."""

    rows: NDArray[Any]
    columns: NDArray[Any]
    light: NDArray[Any]
    dark: NDArray[Any]

    def put(self, block: t.Array, values: NDArray[Any], info: BlockInfo, spacing: Spacing) -> None:
        """Put values for these pixels into a block."""
        (top, bottom), (left, right) = info.read[-2:]
        here = (self.rows >= top) & (self.rows < bottom) & (self.columns >= left) & (self.columns < right)
        (rows, y), (columns, x) = (np.divmod(p[here], n) for p, n in self._from_corner(top, left, spacing))
        there = (y == 0) & (x == 0)
        block[rows[there], columns[there]] = values[here][there]

    def _from_corner(self, top: int, left: int, spacing: Spacing) -> Iterator[tuple[NDArray[Any], int]]:
        return zip((self.rows - top, self.columns - left), spacing[-2:], strict=True)


@dataclass(frozen=True)
class Gains:
    """The mean brightness of a flat, the lowest and the highest gain that it gives, and its faulty pixels."""

    mean: float
    low: float
    high: float
    faults: int = 0
    repairs: tuple[Repairs, ...] = field(default=(), repr=False, compare=False)

    def subtract(self, image: t.Array, dark: t.Array | None, info: BlockInfo, spacing: Spacing) -> t.Array:
        """Return a block of the image without the dark."""
        if dark is None:
            return image
        dark = dark.copy()
        for repair in self.repairs:
            repair.put(dark, repair.dark, info, spacing)
        return np.asarray(image - dark)

    def gain(
        self, flat: t.Array | None, dark: t.Array | None, info: BlockInfo, spacing: Spacing, dtype: Any
    ) -> t.Array:
        """Return the gain at every pixel of a block.

        At faulty pixels it is that of the neighbors, or 1 if they have none either.
        """
        assert flat is not None
        with np.errstate(divide="ignore", invalid="ignore"):
            gain = np.asarray(self.mean / (flat if dark is None else flat - dark), dtype)
        for repair in self.repairs:
            repair.put(gain, np.nan_to_num(self.mean / repair.light, nan=1.0).astype(dtype), info, spacing)
        return gain


def measure_light(flat: t.Array, dark: t.Array | None, info: BlockInfo) -> tuple[LightSums]:
    """Return the brightness of a block of the flat above the dark image, and what replaces its faulty pixels."""
    wide = flat.astype(float)
    given = None if dark is None else dark.astype(float)
    light = wide if given is None else wide - given
    dead, light, repairs = is_faulty_or_hot(light)[info.inner], light[info.inner], None
    first = None
    if dead.any():
        rows, columns = np.nonzero(dead)
        top, left = (low for low, _ in info.core)
        first = (*info.index, int(rows[0]) + top, int(columns[0]) + left)
        better = np.zeros_like(wide) if given is None else without_faults(given, wide)
        found = filled(wide - better, is_faulty_or_hot(wide - better))[info.inner][dead]
        repairs = Repairs(rows + top, columns + left, found, better[info.inner][dead])
        light = light[~dead]
    ends = (float(light.min()), float(light.max())) if light.size else (np.inf, -np.inf)
    sums = np.zeros((2, 2048), np.int64)
    counting.add_exactly(light.reshape(-1), sums)
    return (LightSums(sums, light.size, *ends, int(dead.sum()), first, () if repairs is None else (repairs,)),)


def gains(counted: tuple[LightSums], dark: Any) -> Gains:
    """Return the gains of a flat; raise ValueError if it is not brighter than the dark image at most pixels."""
    (light,) = counted
    if light.faults > light.pixels:
        assert light.first is not None
        *plane, row, column = light.first
        where = f"row {row}, column {column}" + (f" of plane {', '.join(map(str, plane))}" if plane else "")
        wanted = "greater than 0" if dark is None else "brighter than the dark image"
        many = f"{count(light.faults)} pixels are" if light.faults > 1 else "1 pixel is"
        raise ValueError(f"flat: must be {wanted} at most pixels; {many} not, the first at {where}")
    mean = exact_sum(light.sums) / light.pixels
    return Gains(mean, mean / light.high, mean / light.low, light.faults, light.repairs)


def gain_report(measured: tuple[Gains | Shading, ...]) -> Report:
    """Report the lowest and the highest gain, the number of planes of an estimated flat, and that of faulty pixels."""
    values: dict[str, Any] = {"gain": (min(flat.low for flat in measured), max(flat.high for flat in measured))}
    text = "Gain {} to {}".format(*map(number, values["gain"]))
    estimated = [flat for flat in measured if isinstance(flat, Shading)]
    faults = sum({id(flat): flat.faults for flat in measured if isinstance(flat, Gains)}.values())
    if estimated:
        faults += np.unique(np.concatenate([flat.faulty for flat in estimated])).size
        planes = max(flat.planes for flat in estimated)
        if planes:
            values["planes"] = planes
            text += f", from a flat estimated from {planes} plane" + "s" * (planes > 1)
    if faults:
        values["faults"] = faults
        many = f"{count(faults)} pixels of flat or dark are" if faults > 1 else "1 pixel of flat or dark is"
        text += f"; {many} faulty: taken from the neighbors, or no gain"
    return Report(values, f"{text}.")


STATISTICS = (
    Statistic(sample, estimate, cells_reach, needed=lambda flat: flat is None, most=MAX_PLANES, by_channel=True),
    Statistic(measure_light, gains, Neighborhood(CHAIN), needed=lambda flat: flat is not None, of=("flat", "dark")),
)
