"""What passes for value ranges count: the lowest and highest values, and how many pixels lie in cells."""

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ...methods.cells import CellCounts, Cells
from ..source import Index, Source
from .tally import Arrays, Tally
from .values import as_arrays, from_arrays

FAR = 1 / 8  # of the width of a range: a distance from 0 at which sums begin to lose digits
Array = NDArray[Any]
Ends = tuple[float, float]


class DataRange(NamedTuple):
    """Lowest and highest finite value, low above high if there is none; and the number of values outside given ends."""

    low: Any
    high: Any
    outside: int

    def ends(self) -> Ends:
        """Return the lowest and the highest value; 0 and 1 if no value is finite."""
        return (float(self.low), float(self.high)) if self.low <= self.high else (0.0, 1.0)

    def level(self) -> float:
        """Return the end that is nearest to 0, if the values are far from 0 for the width of their range; else 0."""
        low, high = self.ends()
        nearest = low if low > 0 else high if high < 0 else 0.0
        return nearest if abs(nearest) > FAR * (high - low) else 0.0


def merged_range(ranges: Iterable[DataRange]) -> DataRange:
    """Return the data range of several parts together."""
    parts = list(ranges)
    return DataRange(min(p.low for p in parts), max(p.high for p in parts), sum(p.outside for p in parts))


def _data_range_of(x: Array, given: Ends | None) -> DataRange:
    low, high = x.min(), x.max()
    if x.dtype.kind == "f" and not (np.isfinite(low) and np.isfinite(high)):
        x = x[np.isfinite(x)]
        low, high = (x.min(), x.max()) if x.size else (np.float64(math.inf), np.float64(-math.inf))
    if given is None or given[0] <= low <= high <= given[1]:
        return DataRange(low.item(), high.item(), 0)
    return DataRange(low.item(), high.item(), int(np.count_nonzero((x < given[0]) | (x > given[1]))))


class RangeTally(Tally):
    """The data range of some items, of each of some colors or of all together where one is None."""

    def __init__(
        self, source: Source, colors: Sequence[int | None], indices: Sequence[Index], given: Ends | None
    ) -> None:
        self._source, self._colors, self._indices, self._given = source, colors, indices, given
        self._parts: dict[Index, list[list[DataRange]]] = {index: [] for index in indices}

    def fresh(self) -> Self:
        """Return the tally of no tasks of the same pass."""
        return type(self)(self._source, self._colors, self._indices, self._given)

    def measure(self, task: Any) -> None:
        """Find the data range of a box of an item."""
        x, source = self._source.read(*task), self._source
        ranges = [_data_range_of(source.without_opacity(x, color), self._given) for color in self._colors]
        self._parts[task[0]].append(ranges)

    def join(self, other: Self) -> None:
        """Add what another tally has found."""
        for index, ranges in other.ranges().items():
            self._add(index, ranges)

    def ranges(self) -> dict[Index, list[DataRange]]:
        """Return what was found, one for each color, of the items of which something was."""
        return {
            index: [merged_range(of_color) for of_color in zip(*each, strict=True)]
            for index, each in self._parts.items()
            if each
        }

    def arrays(self) -> Arrays:
        """Return what was found as arrays."""
        found = self.ranges()
        kind = self._source.dtype if self._source.dtype.kind in "biu" else np.dtype(np.float64)
        numbers = [k for k, index in enumerate(self._indices) if index in found]
        of = [found[self._indices[k]] for k in numbers]
        return {
            "number": np.array(numbers, np.int64),
            "low": np.array([[r.low for r in each] for each in of], kind),
            "high": np.array([[r.high for r in each] for each in of], kind),
            "outside": np.array([[r.outside for r in each] for each in of], np.int64),
        }

    def add_arrays(self, arrays: Mapping[str, Array]) -> None:
        """Add what a tally of other tasks has found."""
        rows = zip(*(arrays[name].tolist() for name in ("number", "low", "high", "outside")), strict=True)
        for number, *ends in rows:
            self._add(self._indices[number], [DataRange(*each) for each in zip(*ends, strict=True)])

    def _add(self, index: Index, ranges: list[DataRange]) -> None:
        known = [*self._parts[index], ranges]
        self._parts[index] = [[merged_range(of_color) for of_color in zip(*known, strict=True)]]


class CellTally(Tally):
    """How many pixels of numbered parts of an image, items of one color or of all, lie in the cells of each part."""

    def __init__(
        self, source: Source, colors: Mapping[int, int | None], counting: Mapping[Index, list[int]],
        cells: Mapping[int, Cells],
    ) -> None:  # fmt: skip
        self._source, self._colors, self._counting, self._cells = source, colors, counting, cells
        self._counts: dict[int, dict[int, CellCounts]] = {number: {} for number in cells}  # by thread

    def fresh(self) -> Self:
        """Return the tally of no tasks of the same pass."""
        return type(self)(self._source, self._colors, self._counting, self._cells)

    def measure(self, task: Any) -> None:
        """Count a box of an item, in counts of this thread."""
        x, thread = self._source.read(*task), threading.get_ident()
        for number in self._counting[task[0]]:
            if thread not in self._counts[number]:
                self._counts[number][thread] = CellCounts.empty(self._cells[number])
            values = self._source.without_opacity(x, self._colors[number])
            self._counts[number][thread].add(np.ravel(values, order="K"))

    def join(self, other: Self) -> None:
        """Add what another tally has counted."""
        for number in self._cells:
            self._counts[number] = {0: sum(other._counts[number].values(), self.total(number))}

    def total(self, number: int) -> CellCounts:
        """Return the counts of a part."""
        each = list(self._counts[number].values())
        return each[0] if len(each) == 1 else sum(each, CellCounts.empty(self._cells[number]))

    def arrays(self) -> Arrays:
        """Return the counts as arrays."""
        found = {n: as_arrays([self.total(n)]) or {} for n in self._cells if self._counts[n]}
        return {f"{n}/{name}": array for n, arrays in found.items() for name, array in arrays.items()}

    def add_arrays(self, arrays: Mapping[str, Array]) -> None:
        """Add what a tally of other tasks has counted."""
        for number, cells in self._cells.items():
            of = {name.removeprefix(f"{number}/"): a for name, a in arrays.items() if name.startswith(f"{number}/")}
            for counts in from_arrays(of):
                same = CellCounts(cells, counts.counts, counts.first, counts.last)
                self._counts[number] = {0: self.total(number) + same}
