"""A smooth flat, estimated from what the planes of a stack have in common."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from ...contract import types as t
from ...contract.operation import BlockInfo
from ...contract.reach import POINTWISE, Neighborhood, Spacing
from .faulty_pixels import WINDOW, median_of_numbers, without_outliers

Floats = NDArray[np.float64]

MAX_CELLS = 64  # along each axis of the grid on which a flat is estimated
CELL = 8  # minimum pixels of a cell along each axis
ROUNDS = 6  # of alternating medians; the result changes by less than 0.1 % after four
DARK = "flat: must be given; it cannot be estimated, because most of the field is dark in most planes"
HUBER = 1.345  # standard deviations up to which a residual has full weight: 95 % efficiency for normal residuals


@dataclass(frozen=True)
class Samples:
    """Sums and numbers of the pixels in the cells of a block, linked to the samples of earlier blocks.

    `faulty` holds where the dark is faulty, as indices of the flattened plane.
    """

    index: tuple[int, ...]
    corner: tuple[int, int]
    sums: Floats
    counts: Floats
    faulty: NDArray[np.intp]
    before: "Samples | None" = None

    def __add__(self, other: "Samples") -> "Samples":
        """Return the samples with those of another block added."""
        return Samples(other.index, other.corner, other.sums, other.counts, other.faulty, self)

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
    faulty
        Where the dark is faulty, as rising indices of the flattened plane.
    """

    powers: Floats
    shape: tuple[int, ...]
    planes: int
    faulty: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))

    @property
    def faults(self) -> int:
        """Number of pixels at which the dark is faulty."""
        return self.faulty.size

    def gain(
        self, flat: t.Array | None, dark: t.Array | None, info: BlockInfo, spacing: Spacing, dtype: Any
    ) -> t.Array:
        """Return the gain at every pixel of a block."""
        rows, columns = info.read
        return np.asarray(1 / self.surface(rows, columns, dtype, spacing))

    def subtract(self, image: t.Array, dark: t.Array | None, info: BlockInfo, spacing: Spacing) -> t.Array:
        """Return a block of the image without the dark."""
        return image if dark is None else np.asarray(image - without_outliers(dark, image)[0])

    def surface(
        self, rows: tuple[int, int], columns: tuple[int, int], dtype: Any = np.float64, spacing: Spacing = (1, 1)
    ) -> t.Array:
        """Return the flat on a box of rows and columns, or on every n-th of them."""
        spans = zip((rows, columns), spacing, self.shape, strict=True)
        down, right = (_scaled(np.arange(*span, every), n) for span, every, n in spans)
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
        return replace(self, powers=powers)


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


def dark_reach(flat: t.Array | None, dark: t.Array | None) -> Neighborhood:
    """Return the reach of a correction: faulty pixels of a dark that no flat is given for need their neighbors."""
    return Neighborhood(WINDOW // 2) if flat is None and dark is not None else POINTWISE


def cells_reach(flat: t.Array | None, dark: t.Array | None, shape: tuple[int, ...]) -> Neighborhood:
    """Return that reach with tiles that divide no cell, so that the sums of cells do not depend on the tiles."""
    return replace(dark_reach(flat, dark), align=max(map(_cell_side, shape)))


def sample(image: t.Array, dark: t.Array | None, info: BlockInfo, valid: NDArray[np.bool_] | None) -> tuple[Samples]:
    """Return the sums and numbers of the valid pixels of a block over its cells."""
    faulty = np.empty(0, np.intp)
    (top, bottom), (left, right) = info.core
    if dark is not None:
        dark, where = without_outliers(dark, image)
        image = image - dark
        faulty = np.arange(math.prod(info.shape)).reshape(info.shape)[top:bottom, left:right][where[info.inner]]
    light, valid = image[info.inner], None if valid is None else valid[info.inner]
    if valid is not None:
        light = light * valid
    sides = [_cell_side(n) for n in info.shape]
    starts = [np.arange(0, n, side) for n, side in zip(light.shape, sides, strict=True)]

    def sum_cells(x: t.Array) -> Floats:
        rows: Floats = np.add.reduceat(x, starts[0], axis=0, dtype=np.float64)
        return np.asarray(np.add.reduceat(rows, starts[1], axis=1))

    counts = sum_cells(np.ones(light.shape) if valid is None else valid.astype(float))
    return (Samples(info.index, (top // sides[0], left // sides[1]), sum_cells(light), counts, faulty),)


def estimate(counted: tuple[Samples], shape: tuple[int, ...], degree: int) -> Shading:
    """Return the flat that planes with different content have in common.

    Each plane is modeled as the product of its brightness level, the flat and its content. The medians over planes and
    over cells are computed in turn; then a smooth surface is fitted.
    """
    means = _cell_means(counted[0], shape)
    faulty = np.unique(np.concatenate([block.faulty for block in counted[0]]))
    if not (means > 0).any():
        return Shading(np.zeros((1, 1)), shape, 0, faulty)
    flat = np.ones(means.shape[1:])
    for _ in range(ROUNDS):
        levels = median_of_numbers((means / flat).reshape(len(means), -1), axis=1)
        lit = levels > 0
        if not lit.any():
            raise ValueError(DARK)
        flat = median_of_numbers(means[lit] / levels[lit, None, None], axis=0)
        if np.count_nonzero(flat > 0) < np.count_nonzero(np.isfinite(flat)) / 2:
            raise ValueError(DARK)
        flat = np.where(flat > 0, flat, np.nan)
    return replace(_smooth(flat, shape, degree, int(lit.sum())), faulty=faulty).normalized()


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
