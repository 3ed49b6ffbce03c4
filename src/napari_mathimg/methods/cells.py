"""Cells: a partition of the numbers of a type that is refined where pixels lie, for counts, ranks and percentiles.

Numbers are counted in the order of the bit patterns of floating point, so that no range need be known and no pixel,
however far away, makes cells coarse. Types of at most 16 bits and float32 are counted as float32, others as float64,
which holds integers up to 2^53; integers beyond are counted as the nearest float64.
"""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernels import cells as kernels

Array = NDArray[Any]
Counts = NDArray[np.int64]

PREFIX = 16  # bits of a key that tell the first cells apart: sign, exponent and 7 (float64: 4) bits of the mantissa
ONE_IN = 20_000  # of the pixels, a cell with two values or more may hold one
PARTS = 2**15  # cells that all pixels together are counted in, if they lie evenly in each cell that is split
FEW = 2**9  # cells with several values that are all split if one is
MOST_PARTS = 2**17  # that a cell is split into where the value of one pixel is wanted
LEAST_PARTS = 2**8  # that a cell is split into, so that float32 needs no more than two splits
PIECE = 2**16  # numbers that are converted at a time
SAMPLE = 2**18  # pixels, of which the finest cells hold one in 40,000 at most
MOST_CELLS = 2**20  # that are split further where a sample lies


def counted_as(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the floating-point type that the numbers of a type are counted as."""
    is_narrow = dtype.itemsize <= 2 or dtype == np.float32
    return np.dtype(np.float32 if is_narrow else np.float64)


def key_of(value: float, dtype: np.dtype[Any]) -> int:
    """Return the key of a number of a floating-point type, which is rounded to that type."""
    integer = np.dtype(f"i{dtype.itemsize}")
    with np.errstate(over="ignore"):
        bits = int(np.array(value).astype(dtype).view(integer))
    return bits if bits >= 0 else int(np.iinfo(integer).min) - bits


def values_of(keys: Array, dtype: np.dtype[Any]) -> NDArray[np.float64]:
    """Return the numbers that some keys stand for."""
    values: Array = np.where(keys >= 0, keys, np.iinfo(keys.dtype).min - keys).view(dtype)
    with np.errstate(invalid="ignore"):
        return values.astype(np.float64)


@dataclass(frozen=True, eq=False)
class Cells:
    """A partition of the numbers of a floating-point type into cells of 2^k neighboring numbers.

    Parameters
    ----------
    dtype
        Type of the numbers: float32 or float64.
    limits
        Lowest and highest key; what lies beyond counts as these.
    shift, offset, depth
        Levels by which the cell of a key is found; see `kernels.cells`.
    starts
        First key of each cell, rising, shape (cells,).
    bits
        Binary logarithm of the number of keys in each cell, shape (cells,).
    """

    dtype: np.dtype[Any]
    limits: tuple[int, int]
    shift: Array
    offset: Array
    depth: int
    starts: Array
    bits: Array

    def split(self, bits: Array, first: Array | None = None, last: Array | None = None) -> "Cells":
        """Return cells of 2^bits keys within these ones, from the first to the last key that may occur in each."""
        keys = self.starts.dtype
        bits = np.minimum(bits, self.bits).astype(keys)
        lowest = (self.starts if first is None else first) >> bits
        highest = (self.starts + ((keys.type(1) << self.bits) - 1) if last is None else last) >> bits
        number = highest - lowest + 1
        index = np.cumsum(number, dtype=keys) - number
        offset = index - lowest + (self.shift.size + bits.size)
        place = np.arange(int(number.sum()), dtype=keys) - np.repeat(index - lowest, number)
        repeated = np.repeat(bits, number)
        return Cells(
            self.dtype, self.limits, np.concatenate([self.shift, bits]), np.concatenate([self.offset, offset]),
            self.depth + 1, place << repeated, repeated,
        )  # fmt: skip

    @cached_property
    def position(self) -> tuple[Any, ...]:
        """Arguments of the kernels after the numbers."""
        number = self.starts.dtype.type
        least, infinity = np.iinfo(self.starts.dtype).min, key_of(math.inf, self.dtype)
        return (*map(number, (least, infinity, *self.limits)), self.shift, self.offset, self.depth)

    def pieces(self, flat: Array) -> Any:
        """Yield the bit patterns of a flat array, piece by piece."""
        for start in range(0, flat.size, PIECE):
            piece = np.ascontiguousarray(flat[start : start + PIECE], self.dtype)
            yield piece.view(self.starts.dtype)

    def count(self, flat: Array, counts: Counts) -> None:
        """Add to `counts` how many numbers of a flat array lie in each cell; the last cell holds what is not finite."""
        for bits in self.pieces(flat):
            kernels.count_cells(bits, *self.position, counts)


@lru_cache(maxsize=16)
def cells_between(dtype: np.dtype[Any], low: float = -math.inf, high: float = math.nan) -> Cells:
    """Return the first cells of the numbers between two; of all numbers, the last cell holds what is not finite."""
    keys = np.dtype(f"i{dtype.itemsize}")
    infinity = key_of(math.inf, dtype)
    limits = (max(key_of(low, dtype), -infinity), infinity if math.isnan(high) else key_of(high, dtype))
    bits = 8 * dtype.itemsize - PREFIX
    first, last = (limit >> bits for limit in limits)
    starts = np.arange(first, last + 1).astype(keys) << keys.type(bits)
    return Cells(
        dtype, limits, np.array([bits], keys), np.array([1 - first], keys), 1, starts, np.full(starts.size, bits, keys)
    )


@lru_cache(maxsize=16)
def cells_of_levels(dtype: np.dtype[Any], low: float, high: float) -> Cells:
    """Return cells of one whole number each, from one number to another that is at most 65536 higher."""
    cells = cells_between(dtype, math.floor(low), math.ceil(high))
    ends = values_of(cells.starts, dtype), values_of(cells.starts + (cells.starts.dtype.type(1) << cells.bits), dtype)
    return cells.split(cells.bits - np.log2(np.maximum(ends[1] - ends[0], 1.0)).astype(np.int64))


@dataclass(eq=False)
class CellCounts:
    """How many pixels lie in each cell, between which keys, and some of them; sums are those of two sets of pixels.

    Parameters
    ----------
    cells
        The cells.
    counts
        Number of pixels in each cell, shape (cells,).
    first, last
        Lowest and highest key that occurs in each cell, shape (cells,); `last` is below `first` in an empty cell.
    sample
        Values of pixels from all over, in flat arrays.
    """

    cells: Cells
    counts: Counts
    first: Array
    last: Array
    sample: tuple[Array, ...] = ()
    adds_exactly = True

    @classmethod
    def empty(cls, cells: Cells) -> "CellCounts":
        """Return the counts of no pixels."""
        n, keys = cells.starts.size, np.iinfo(cells.starts.dtype)
        return cls(cells, np.zeros(n, np.int64), np.full(n, keys.max, keys.dtype), np.full(n, keys.min, keys.dtype))

    def add(self, flat: Array) -> None:
        """Count a flat array too."""
        for bits in self.cells.pieces(flat):
            kernels.count_with_ends(bits, *self.cells.position, self.counts, self.first, self.last)

    def take_sample(self, flat: Array, pixels: int) -> None:
        """Add to the sample values of a flat array that is a part of some number of pixels."""
        number = math.ceil(flat.size * min(SAMPLE / max(pixels, 1), 1.0))
        places = (np.arange(number) + np.random.default_rng(0).random(number)) * (flat.size / max(number, 1))
        self.sample += (flat if number == flat.size else flat.take(places.astype(np.intp), mode="clip"),)

    def __add__(self, other: "CellCounts") -> "CellCounts":
        return CellCounts(
            self.cells, self.counts + other.counts,
            np.minimum(self.first, other.first), np.maximum(self.last, other.last), self.sample + other.sample,
        )  # fmt: skip

    @cached_property
    def pixels(self) -> int:
        """Number of pixels in all cells."""
        return int(self.counts.sum())

    @property
    def ends(self) -> tuple[float, float]:
        """Lowest and highest value of at least one pixel."""
        used = np.flatnonzero(self.counts)[[0, -1]]
        low, high = values_of(np.array([self.first[used[0]], self.last[used[1]]]), self.cells.dtype).tolist()
        return low, high

    def finite(self) -> "CellCounts":
        """Return the counts without those of what is not finite."""
        is_finite = self.cells.starts < key_of(math.inf, self.cells.dtype)
        return CellCounts(self.cells, np.where(is_finite, self.counts, 0), self.first, self.last)

    def finer(self) -> Cells | None:
        """Return cells of which none holds more than one in 20,000 pixels; None if it has one value wherever it does.

        A cell is split evenly, which need not part its values, and the parts again and again where a sample shows many
        pixels in one. If only a few cells have several values, they are all split, so that images of few levels are
        told apart exactly.
        """
        several = self.first < self.last
        chosen = several & (self.counts * ONE_IN > self.pixels)
        if chosen.any() and np.count_nonzero(several) <= FEW:
            chosen = several
        cells = self._split(chosen, np.maximum(self.counts * (PARTS / max(self.pixels, 1)), LEAST_PARTS))
        sample = np.concatenate(self.sample) if self.sample else np.empty(0)
        while cells is not None and sample.size and cells.starts.size < MOST_CELLS:
            shown = CellCounts.empty(cells)
            shown.add(sample)
            dense = (shown.first < shown.last) & (shown.counts * 2 * ONE_IN > sample.size)
            if not dense.any():
                break
            parts = np.log2(np.maximum(shown.counts * (PARTS / sample.size), 2**4))
            cells = cells.split(np.where(dense, np.maximum(cells.bits - parts.astype(np.int64), 0), cells.bits))
        return cells

    def at_ranks(self, ranks: list[int]) -> tuple[list[float], int, Cells | None]:
        """Find the values of pixels, given their rising ranks from 0.

        Returns
        -------
        values, outside
            The values, and the number of pixels below the first and above the last of them.
        finer
            Cells to count in again, as several values lie in a cell of these pixels; None if the results are exact.
        """
        up_to = np.cumsum(self.counts)
        index = np.searchsorted(up_to, ranks, side="right")
        unsure = np.zeros(self.counts.size, np.bool_)
        unsure[index] = self.first[index] < self.last[index]
        inside = int(up_to[index[-1]] - up_to[index[0]] + self.counts[index[0]])
        values = values_of(self.first[index], self.cells.dtype).tolist()
        return values, self.pixels - inside, self._split(unsure, MOST_PARTS)

    def _split(self, chosen: Array, parts: Any) -> Cells | None:
        """Return cells of which some are split into at least so many parts between their lowest and highest key."""
        if not chosen.any():
            return None
        first, last = (np.where(chosen, keys, self.cells.starts) for keys in (self.first, self.last))
        needed = np.floor(np.log2((last.astype(np.float64) - first + 1) / parts))
        return self.cells.split(np.where(chosen, np.maximum(needed, 0), self.cells.bits), first, last)


@dataclass(frozen=True, eq=False)
class Distribution:
    """The fraction of pixels up to any value, exact to one in 20,000 pixels.

    Parameters
    ----------
    counted
        Counts of the pixels.
    finer
        Cells that the pixels should be counted in instead; None if these are fine enough.
    """

    counted: CellCounts
    finer: Cells | None

    @property
    def nbytes(self) -> int:
        """Bytes of the counts and of the tables that are made of them."""
        counted, cells = self.counted, [self.counted.cells, *([] if self.finer is None else [self.finer])]
        own = [counted.first, counted.last, *counted.sample, *(a for c in cells for a in (c.starts, c.bits))]
        tables = 3 + 4  # the table; the points, at most two in each cell
        return counted.counts.nbytes * (1 + tables) + sum(array.nbytes for array in own)

    @cached_property
    def table(self) -> tuple[Array, Array, Array]:
        """Highest key in each cell, fraction of pixels up to it, and how much of it each key adds."""
        counted = self.counted
        total = max(counted.pixels, 1)
        used = counted.counts > 0
        last = np.where(used, counted.last, counted.cells.starts)
        keys = np.where(used, counted.last.astype(np.float64) - counted.first + 1, 1.0)
        return last, np.cumsum(counted.counts) / total, counted.counts / total / keys

    @cached_property
    def points(self) -> tuple[Array, Array]:
        """Rising fractions of pixels, and the values up to which they lie."""
        last, up_to, slope = self.table
        used = np.flatnonzero(self.counted.counts)
        first, last, up_to = self.counted.first[used], last[used], up_to[used]
        up_to_first = up_to - slope[used] * (last.astype(np.float64) - first)
        shares = np.column_stack([up_to_first, up_to])
        values = np.column_stack([values_of(keys, self.counted.cells.dtype) for keys in (first, last)])
        kept = np.column_stack([first < last, np.ones(used.size, np.bool_)])
        return shares[kept], values[kept]

    @property
    def is_constant(self) -> bool:
        """Whether at most one value occurs, as far as the cells tell."""
        return bool(np.count_nonzero(self.counted.counts) < 2)

    def fractions(self, image: Array) -> NDArray[np.float64]:
        """Return the fraction of pixels at or below each value of an array."""
        cells, flat = self.counted.cells, np.ascontiguousarray(image, self.counted.cells.dtype).reshape(-1)
        out = np.empty(flat.size, np.float64)
        kernels.fractions(flat.view(cells.starts.dtype), *cells.position, cells.starts, *self.table, out)
        return out.reshape(image.shape)
