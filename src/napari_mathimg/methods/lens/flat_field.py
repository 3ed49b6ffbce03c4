"""Flat-field correction, with gains from a flat image or from what the planes of a stack have in common."""

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from ...contract import types as t
from ...contract.operation import BlockInfo, Report, Statistic
from ...contract.quantities import count, number
from ...contract.reach import Neighborhood
from ...kernels import counting
from ..exact_sums import exact_sum

Floats = NDArray[np.float64]

MAX_CELLS = 64  # along each axis of the grid on which a flat is estimated
MAX_PLANES = 500  # from which a flat is estimated: more take time and change little
CELL = 8  # minimum pixels of a cell along each axis
ROUNDS = 6  # of alternating medians; the result changes by less than 0.1 % after four
WINDOW = 5  # pixels; side of the neighborhood from which a faulty pixel takes its flat
DARK = "flat: must be given; it cannot be estimated, because most of the field is dark in most planes"
HUBER = 1.345  # standard deviations up to which a residual has full weight: 95 % efficiency for normal residuals


@dataclass(frozen=True, eq=False)
class LightSums:
    """The brightness of a flat above the dark image: exact sums and extremes that can be added over blocks.

    `faults` is the number of pixels where the flat is not brighter than the dark; `first` is the first of them, and
    `repairs` are what replaces them.
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


def is_faulty(light: t.Array) -> NDArray[np.bool_]:
    """Return where the brightness of a flat above the dark is no finite number above 0."""
    with np.errstate(invalid="ignore"):
        return np.asarray(~((light > 0) & np.isfinite(light)))


def filled(values: t.Array, faulty: NDArray[np.bool_]) -> t.Array:
    """Return a plane whose faulty pixels have the median of the others around them; not-a-number if there are none."""
    if not faulty.any():
        return values
    around = np.pad(np.where(faulty, np.nan, values), WINDOW // 2, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(around, (WINDOW, WINDOW))[faulty]
    out = values.copy()
    out[faulty] = _median(windows.reshape(len(windows), -1), axis=1)
    return out


def without_faults(dark: t.Array, flat: t.Array) -> t.Array:
    """Return a dark whose hot and missing pixels have that of their neighbors, or 0 if there are none.

    A pixel is hot if it alone makes the flat no brighter than the dark.
    """
    faulty = ~np.isfinite(dark)
    suspect = is_faulty(flat - dark) & np.isfinite(flat)
    if suspect.any():
        faulty |= suspect & (flat > filled(dark, faulty | suspect))
    return np.asarray(np.nan_to_num(filled(dark, faulty), nan=0.0))


class Repairs(NamedTuple):
    """Faulty pixels of a plane: rows, columns, and the light of the flat and the dark to use there instead."""

    rows: NDArray[Any]
    columns: NDArray[Any]
    light: NDArray[Any]
    dark: NDArray[Any]

    def put(self, block: t.Array, values: NDArray[Any], info: BlockInfo) -> None:
        """Put values for these pixels into a block."""
        (top, bottom), (left, right) = info.read[-2:]
        here = (self.rows >= top) & (self.rows < bottom) & (self.columns >= left) & (self.columns < right)
        block[self.rows[here] - top, self.columns[here] - left] = values[here]


@dataclass(frozen=True)
class Gains:
    """The mean brightness of a flat, the lowest and the highest gain that it gives, and its faulty pixels."""

    mean: float
    low: float
    high: float
    faults: int = 0
    repairs: tuple[Repairs, ...] = field(default=(), repr=False, compare=False)

    def subtract(self, image: t.Array, dark: t.Array | None, info: BlockInfo) -> t.Array:
        """Return a block of the image without the dark."""
        if dark is None:
            return image
        dark = dark.copy()
        for repair in self.repairs:
            repair.put(dark, repair.dark, info)
        return np.asarray(image - dark)

    def gain(self, flat: t.Array | None, dark: t.Array | None, info: BlockInfo, dtype: Any) -> t.Array:
        """Return the gain at every pixel of a block.

        Where the flat is not brighter than the dark, it is that of the neighbors, or 1 if they have none either.
        """
        assert flat is not None
        with np.errstate(divide="ignore", invalid="ignore"):
            gain = np.asarray(self.mean / (flat if dark is None else flat - dark), dtype)
        for repair in self.repairs:
            repair.put(gain, np.nan_to_num(self.mean / repair.light, nan=1.0).astype(dtype), info)
        return gain


def measure_light(flat: t.Array, dark: t.Array | None, info: BlockInfo) -> tuple[LightSums]:
    """Return the brightness of a block of the flat above the dark image, and what replaces its faulty pixels."""
    wide = flat.astype(float)
    given = None if dark is None else dark.astype(float)
    light = (wide if given is None else wide - given)[info.inner]
    dead, repairs = is_faulty(light), None
    first = None
    if dead.any():
        rows, columns = np.nonzero(dead)
        top, left = (low for low, _ in info.core)
        first = (*info.index, int(rows[0]) + top, int(columns[0]) + left)
        better = np.zeros_like(wide) if given is None else without_faults(given, wide)
        found = filled(wide - better, is_faulty(wide - better))[info.inner][dead]
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


@dataclass(frozen=True)
class Samples:
    """Sums and numbers of the pixels in the cells of a block, linked to the samples of earlier blocks."""

    index: tuple[int, ...]
    corner: tuple[int, int]
    sums: Floats
    counts: Floats
    before: "Samples | None" = None

    def __add__(self, other: "Samples") -> "Samples":
        """Return the samples with those of another block added."""
        return Samples(other.index, other.corner, other.sums, other.counts, self)

    def __iter__(self) -> Iterator["Samples"]:
        """Yield the samples of all blocks, the last one first."""
        block: Samples | None = self
        while block is not None:
            yield block
            block = block.before


@dataclass(frozen=True, eq=False)
class Shading:
    """A smooth flat: the exponential of a polynomial of (row, column), both scaled from -1 to 1 over the plane.

    Parameters
    ----------
    powers
        (n, n) coefficients of the polynomial: powers of the row by powers of the column.
    shape
        Shape of the plane.
    planes
        Number of planes from which it was estimated.
    """

    powers: Floats
    shape: tuple[int, ...]
    planes: int

    def gain(self, flat: t.Array | None, dark: t.Array | None, info: BlockInfo, dtype: Any) -> t.Array:
        """Return the gain at every pixel of a block."""
        rows, columns = info.read
        return np.asarray(1 / self.surface(rows, columns, dtype))

    def subtract(self, image: t.Array, dark: t.Array | None, info: BlockInfo) -> t.Array:
        """Return a block of the image without the dark; where the dark is not finite, nothing is subtracted."""
        return image if dark is None else np.asarray(image - np.nan_to_num(dark, nan=0.0, posinf=0.0, neginf=0.0))

    def surface(self, rows: tuple[int, int], columns: tuple[int, int], dtype: Any = np.float64) -> t.Array:
        """Return the flat on a box of rows and columns."""
        down, right = (_scaled(np.arange(*span), n) for span, n in zip((rows, columns), self.shape, strict=True))
        return np.asarray(np.exp(self._polynomial(down[:, None].astype(dtype), right[None].astype(dtype))))

    def _polynomial(self, down: t.Array, right: t.Array) -> t.Array:
        """Return the polynomial by Horner's rule, with the same bits at a pixel whatever the box."""
        total = np.zeros(np.broadcast_shapes(down.shape, right.shape), down.dtype)
        for coefficients in self.powers[::-1]:
            line = np.zeros_like(right)
            for coefficient in coefficients[::-1]:
                line = line * right + right.dtype.type(coefficient)
            total *= down
            total += line
        return total

    @cached_property
    def _sampled(self) -> Floats:
        """The flat on at most 513 x 513 points."""
        down, right = (_scaled(np.linspace(0, n - 1, min(n, 513)), n) for n in self.shape)
        return np.asarray(np.exp(self._polynomial(down[:, None], right[None])))

    @property
    def low(self) -> float:
        """The lowest gain."""
        return float(1 / self._sampled.max())

    @property
    def high(self) -> float:
        """The highest gain."""
        return float(1 / self._sampled.min())

    def normalized(self) -> "Shading":
        """Return the flat divided by its mean."""
        powers = self.powers.copy()
        powers[0, 0] -= np.log(self._sampled.mean())
        return Shading(powers, self.shape, self.planes)


def _scaled(position: NDArray[Any], n: int) -> Floats:
    """Return positions along an axis of n pixels, from -1 at the first to 1 at the last; 0 on an axis of one pixel."""
    return 2 * position.astype(float) / (n - 1) - 1 if n > 1 else 0.0 * position


def _cell_side(n: int) -> int:
    """Return the side of a cell along an axis of n pixels: a power of 2, so that tiles consist of whole cells."""
    side = CELL
    while n > MAX_CELLS * side:
        side *= 2
    return side


def _cell_edges(n: int) -> NDArray[np.intp]:
    """Return where the cells along an axis of n pixels begin, and where the last one ends."""
    return np.append(np.arange(0, n, _cell_side(n)), n)


def cells_reach(shape: tuple[int, ...]) -> Neighborhood:
    """Return a reach whose tiles divide no cell, so that the sums of cells do not depend on the tiles."""
    return Neighborhood(0, align=max(map(_cell_side, shape)))


def sample(image: t.Array, dark: t.Array | None, info: BlockInfo, valid: NDArray[np.bool_] | None) -> tuple[Samples]:
    """Return the sums and numbers of the valid pixels of a block over its cells."""
    light = image if dark is None else image - np.nan_to_num(dark, nan=0.0, posinf=0.0, neginf=0.0)
    if valid is not None:
        light = light * valid
    sides = [_cell_side(n) for n in info.shape]
    starts = [np.arange(0, n, side) for n, side in zip(light.shape, sides, strict=True)]
    (top, _), (left, _) = info.read

    def sum_cells(x: t.Array) -> Floats:
        rows: Floats = np.add.reduceat(x, starts[0], axis=0, dtype=np.float64)
        return np.asarray(np.add.reduceat(rows, starts[1], axis=1))

    counts = sum_cells(np.ones(light.shape) if valid is None else valid.astype(float))
    return (Samples(info.index, (top // sides[0], left // sides[1]), sum_cells(light), counts),)


def estimate(counted: tuple[Samples], shape: tuple[int, ...], degree: int) -> Shading:
    """Return the flat that planes with different content have in common.

    Each plane is modeled as the product of its brightness level, the flat and its content. The medians over planes and
    over cells are computed in turn; then a smooth surface is fitted.
    """
    means = _cell_means(counted[0], shape)
    if not (means > 0).any():
        return Shading(np.zeros((1, 1)), shape, 0)
    flat = np.ones(means.shape[1:])
    for _ in range(ROUNDS):
        levels = _median((means / flat).reshape(len(means), -1), axis=1)
        lit = levels > 0
        if not lit.any():
            raise ValueError(DARK)
        flat = _median(means[lit] / levels[lit, None, None], axis=0)
        if np.count_nonzero(flat > 0) < np.count_nonzero(np.isfinite(flat)) / 2:
            raise ValueError(DARK)
        flat = np.where(flat > 0, flat, np.nan)
    return _smooth(flat, shape, degree, int(lit.sum())).normalized()


def _cell_means(samples: Samples, shape: tuple[int, ...]) -> Floats:
    """Return the means of the cells of each plane; NaN if fewer than half of the pixels of a cell are valid."""
    numbers = {index: number for number, index in enumerate(sorted({block.index for block in samples}))}
    grid = tuple(len(_cell_edges(n)) - 1 for n in shape)
    sums, counts = np.zeros((len(numbers), *grid)), np.zeros((len(numbers), *grid))
    for block in samples:
        (top, left), (rows, columns), number = block.corner, block.sums.shape, numbers[block.index]
        sums[number, top : top + rows, left : left + columns] += block.sums
        counts[number, top : top + rows, left : left + columns] += block.counts
    enough = counts >= math.prod(min(_cell_side(n), n) for n in shape) / 2
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=enough)


def _median(values: Floats, axis: int) -> Floats:
    """Return the median of the numbers along an axis; NaN if there are none."""
    if not np.isnan(values).any():
        return np.asarray(np.median(values, axis=axis))
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # about slices without numbers
        return np.asarray(np.nanmedian(values, axis=axis))


def _smooth(flat: Floats, shape: tuple[int, ...], degree: int, planes: int) -> Shading:
    """Return the polynomial fitted to the logarithm of cells, with low weights for outliers (Huber)."""
    middles = [_scaled((e[:-1] + e[1:] - 1) / 2, n) for e, n in ((_cell_edges(n), n) for n in shape)]
    degrees = [min(degree, (len(m) - 1) // 2) for m in middles]
    terms = [(i, j) for i in range(degrees[0] + 1) for j in range(degrees[1] + 1) if i + j <= degree]
    bases = [legendre.legvander(m, d) for m, d in zip(middles, degrees, strict=True)]
    known = np.isfinite(flat)
    columns = np.stack([np.multiply.outer(bases[0][:, i], bases[1][:, j])[known] for i, j in terms], axis=1)
    coefficients = robust_fit(columns, np.log(flat[known]))
    orthogonal = np.zeros((degrees[0] + 1, degrees[1] + 1))
    for (i, j), coefficient in zip(terms, coefficients, strict=True):
        orthogonal[i, j] = coefficient
    to_powers = [np.stack([np.pad(legendre.leg2poly(row), (0, d - k)) for k, row in enumerate(_unit_rows(d))])
                 for d in degrees]  # fmt: skip
    return Shading(to_powers[0].T @ orthogonal @ to_powers[1], shape, planes)


def _unit_rows(degree: int) -> list[Floats]:
    """Return the coefficients of each Legendre polynomial up to a degree in the Legendre basis."""
    return [np.eye(degree + 1)[k, : k + 1] for k in range(degree + 1)]


def robust_fit(columns: Floats, values: Floats) -> Floats:
    """Return the coefficients of Huber's regression, by iteratively reweighted least squares."""
    coefficients: Floats = np.asarray(np.linalg.lstsq(columns, values, rcond=None)[0], np.float64)
    residual = values - columns @ coefficients
    limit = HUBER * 1.4826 * float(np.median(np.abs(residual)))
    if limit <= 1e-12:
        return coefficients
    for _ in range(100):
        root = np.sqrt(np.minimum(1, limit / np.maximum(np.abs(residual), limit)))
        before = coefficients
        coefficients = np.asarray(np.linalg.lstsq(columns * root[:, None], values * root, rcond=None)[0], np.float64)
        residual = values - columns @ coefficients
        if np.abs(coefficients - before).max() < 1e-10:
            break
    return coefficients


def gain_report(measured: tuple[Gains | Shading, ...]) -> Report:
    """Report the lowest and the highest gain, and the number of planes of an estimated flat."""
    low, high = min(flat.low for flat in measured), max(flat.high for flat in measured)
    text = f"Gain {number(low)} to {number(high)}"
    faults = sum({id(flat): flat.faults for flat in measured if isinstance(flat, Gains)}.values())
    values: dict[str, Any] = {"gain": (low, high)} | ({"faults": faults} if faults else {})
    if faults:
        many = f"{count(faults)} pixels" if faults > 1 else "1 pixel"
        text += f"; at {many} the flat is not brighter than the dark: taken from the neighbors, or no gain"
    planes = max((flat.planes for flat in measured if isinstance(flat, Shading)), default=0)
    if not planes:
        return Report(values, f"{text}.")
    source = f"{planes} planes" if planes > 1 else "1 plane"
    return Report({"gain": (low, high), "planes": planes}, f"{text}, from a flat estimated from {source}.")


STATISTICS = (
    Statistic(sample, estimate, cells_reach, needed=lambda flat: flat is None, most=MAX_PLANES, by_channel=True),
    Statistic(
        measure_light, gains, Neighborhood(WINDOW // 2), needed=lambda flat: flat is not None, of=("flat", "dark")
    ),
)
