"""Value ranges: what an operation sees as 0 and 1, found in one pass over the image where that must be looked up."""

import itertools
import math
from collections.abc import Generator, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..contract.operation import Operation, ValueRange
from ..contract.progress import Progress
from ..contract.reach import POINTWISE
from .plan import Options
from .source import Index, Source
from .threads import cores, run_tasks
from .tiles import tiles
from .values import EXACT_IN_FLOAT64, dtype_range

Ends = tuple[float, float]
ValueRanges = dict[Index, ValueRange]


class DataRange(NamedTuple):
    """Lowest and highest finite value of an item (low above high where there is none), and how many lie outside."""

    low: Any
    high: Any
    outside: int

    def ends(self) -> Ends:
        """Lowest and highest value, 0 and 1 where there is none."""
        return (float(self.low), float(self.high)) if self.low <= self.high else (0.0, 1.0)


def find_value_ranges(
    op: Operation, parameters: Mapping[str, Any], source: Source, options: Options, values: str, threads: int
) -> Generator[Progress, None, tuple[ValueRanges, int]]:
    """Return the range of the layer, under (), or of each item, and how many values will end at its ends."""
    kind, how = source.dtype.kind, options.value_range
    given = None if how == "data" else dtype_range(source.dtype) if how == "dtype" else how
    ranged = op.uses_range(parameters)
    fills_missing = kind == "f" and op.reach != POINTWISE and not op.is_warp
    is_wide = values != "exact" and kind in "iu" and source.dtype.itemsize == 8
    counts = op.saturates and given is not None and not _holds(given, source.dtype)
    fixed: ValueRanges = {(): ValueRange(*(given or (0.0, 1.0)), kind in "biu")}
    if not ((given is None and ranged) or fills_missing or is_wide or counts):
        return fixed, 0
    found = yield from find_data_ranges(source, given if counts else None, threads)
    if is_wide:
        check_exact(found.values())
    outside = sum(s.outside for s in found.values())
    if given is not None and (ranged or not fills_missing):
        return fixed, outside
    if options.statistics == "layer":
        found = {(): merged_range(found.values())}
    return {index: ValueRange(*s.ends(), kind in "biu") for index, s in found.items()}, outside


def joined_range(value_ranges: Iterable[ValueRange]) -> ValueRange:
    """Return the range that holds all of some."""
    every = list(value_ranges)
    return ValueRange(min(v.low for v in every), max(v.high for v in every), every[0].integral)


def data_range(array: Any, phase: str = "Value range", threads: int | None = None) -> Generator[Progress, None, Ends]:
    """Return the lowest and the highest finite value of an array, read box by box; 0 and 1 where there is none."""
    found = yield from find_data_ranges(Source(array, len(array.shape)), None, threads or cores(), phase)
    return merged_range(found.values()).ends()


def find_data_ranges(
    source: Source, given: Ends | None, threads: int, phase: str = "Value range"
) -> Generator[Progress, None, dict[Index, DataRange]]:
    """Look at every item once; `given` are the ends outside of which values are counted."""
    found: dict[Index, list[DataRange]] = {index: [] for index in source.indices}
    tasks = list(itertools.product(source.indices, tiles(source.item, POINTWISE)))

    def work(task: Any) -> None:
        found[task[0]].append(_survey(source, task, given))

    yield from run_tasks(phase, tasks, work, threads)
    return {index: merged_range(parts) for index, parts in found.items()}


def _survey(source: Source, task: Any, given: Ends | None) -> DataRange:
    x = source.read(*task)
    x = x[..., : source.colors] if source.channels else x
    low, high = x.min(), x.max()
    if x.dtype.kind == "f" and not (np.isfinite(low) and np.isfinite(high)):
        x = x[np.isfinite(x)]
        low, high = (x.min(), x.max()) if x.size else (np.float64(math.inf), np.float64(-math.inf))
    if given is None or given[0] <= low <= high <= given[1]:
        return DataRange(low.item(), high.item(), 0)
    return DataRange(low.item(), high.item(), int(np.count_nonzero((x < given[0]) | (x > given[1]))))


def merged_range(parts: Iterable[DataRange]) -> DataRange:
    """Return what was found in all of some parts."""
    every = list(parts)
    return DataRange(min(s.low for s in every), max(s.high for s in every), sum(s.outside for s in every))


def _holds(given: Ends, dtype: np.dtype[Any]) -> bool:
    """Whether no value of a dtype lies outside a range."""
    return dtype.kind in "bu" and given[0] <= 0 and given[1] >= dtype_range(dtype)[1]


def check_exact(found: Iterable[DataRange]) -> None:
    """Refuse integers that floating point does not hold."""
    for value in (v for s in found for v in (s.low, s.high)):
        if abs(value) > EXACT_IN_FLOAT64:
            raise ValueError(f"image: integers of at most 2^53, not {value}, so that floating point holds them")
