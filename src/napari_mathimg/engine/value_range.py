"""Value ranges, the two values that an operation sees as 0 and 1, found in one pass over the image if necessary."""

import itertools
import math
from collections.abc import Generator, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..contract.operation import Operation, ValueRange
from ..contract.progress import Progress
from ..contract.reach import POINTWISE, Box
from .chunks import read_tasks, with_cached_chunks
from .plan import Options
from .source import Index, Source
from .threads import cores
from .tiles import tiles
from .values import EXACT_IN_FLOAT64, dtype_range

Ends = tuple[float, float]
ValueRanges = dict[Index, ValueRange]


class DataRange(NamedTuple):
    """Lowest and highest finite value, low above high if there is none; and the number of values outside given ends."""

    low: Any
    high: Any
    outside: int

    def ends(self) -> Ends:
        """Return the lowest and the highest value; 0 and 1 if no value is finite."""
        return (float(self.low), float(self.high)) if self.low <= self.high else (0.0, 1.0)


def find_value_ranges(
    op: Operation, parameters: Mapping[str, Any], source: Source, options: Options, values: str, threads: int
) -> Generator[Progress, None, tuple[ValueRanges, int]]:
    """Return the value ranges of an image, and the number of values that will be clipped to them.

    Returns
    -------
    value_ranges : dict
        Value range of the whole layer under the key (), or of each item under its index.
    saturated : int
        Number of values outside the value range that `op` clips to it.

    Raises
    ------
    ValueError
        If the image holds integers that floating point does not represent, and the operation computes with them.
    """
    kind, choice = source.dtype.kind, options.value_range
    given = None if choice == "data" else dtype_range(source.dtype) if choice == "dtype" else choice
    uses_range = op.uses_range(parameters)
    fills_missing = kind == "f" and op.reach != POINTWISE and not op.is_warp
    is_wide = values != "exact" and kind in "iu" and source.dtype.itemsize == 8
    may_saturate = op.saturates and given is not None and not _contains_type(given, source.dtype)
    fixed: ValueRanges = {(): ValueRange(*(given or (0.0, 1.0)), kind in "biu")}
    if not ((given is None and uses_range) or fills_missing or is_wide or may_saturate):
        return fixed, 0
    ranges = yield from find_data_ranges(source, given if may_saturate else None, threads)
    if is_wide:
        check_exact(ranges.values())
    outside = sum(r.outside for r in ranges.values())
    if given is not None and (uses_range or not fills_missing):
        return fixed, outside
    if options.statistics == "layer":
        ranges = {(): merged_range(ranges.values())}
    return {index: ValueRange(*r.ends(), kind in "biu") for index, r in ranges.items()}, outside


def joined_range(value_ranges: Iterable[ValueRange]) -> ValueRange:
    """Return the smallest value range that contains all given ones."""
    all_ranges = list(value_ranges)
    return ValueRange(min(v.low for v in all_ranges), max(v.high for v in all_ranges), all_ranges[0].integral)


def data_range(array: Any, phase: str = "Value range", threads: int | None = None) -> Generator[Progress, None, Ends]:
    """Find the lowest and the highest finite value of an array, read box by box; 0 and 1 if no value is finite."""
    ranges = yield from find_data_ranges(
        Source(with_cached_chunks(array), len(array.shape)), None, threads or cores(), phase
    )
    return merged_range(ranges.values()).ends()


def find_data_ranges(
    source: Source, given: Ends | None, threads: int, phase: str = "Value range"
) -> Generator[Progress, None, dict[Index, DataRange]]:
    """Find the data range of every item in one pass, and count its values outside the range `given`."""
    parts: dict[Index, list[DataRange]] = {index: [] for index in source.indices}
    tasks = list(itertools.product(source.indices, tiles(source.item, POINTWISE)))

    def work(task: Any) -> None:
        index, box = task
        parts[index].append(_data_range_of_box(source, index, box, given))

    def reads(task: Any) -> list[tuple[Any, Box]]:
        return [(source.array, source.box_in_array(*task))]

    yield from read_tasks(phase, tasks, reads, work, threads)
    return {index: merged_range(ranges) for index, ranges in parts.items()}


def _data_range_of_box(source: Source, index: Index, box: Box, given: Ends | None) -> DataRange:
    x = source.read(index, box)
    x = x[..., : source.colors] if source.channels else x
    low, high = x.min(), x.max()
    if x.dtype.kind == "f" and not (np.isfinite(low) and np.isfinite(high)):
        x = x[np.isfinite(x)]
        low, high = (x.min(), x.max()) if x.size else (np.float64(math.inf), np.float64(-math.inf))
    if given is None or given[0] <= low <= high <= given[1]:
        return DataRange(low.item(), high.item(), 0)
    return DataRange(low.item(), high.item(), int(np.count_nonzero((x < given[0]) | (x > given[1]))))


def merged_range(ranges: Iterable[DataRange]) -> DataRange:
    """Return the data range of several parts together."""
    parts = list(ranges)
    return DataRange(min(p.low for p in parts), max(p.high for p in parts), sum(p.outside for p in parts))


def _contains_type(given: Ends, dtype: np.dtype[Any]) -> bool:
    """Return whether no value of an unsigned type lies outside a range."""
    return dtype.kind in "bu" and given[0] <= 0 and given[1] >= dtype_range(dtype)[1]


def check_exact(ranges: Iterable[DataRange]) -> None:
    """Raise ValueError for integers that floating point does not represent exactly."""
    for value in (v for r in ranges for v in (r.low, r.high)):
        if abs(value) > EXACT_IN_FLOAT64:
            raise ValueError(
                f"image: must hold integers of at most 2^53, which floating point represents exactly, not {value}"
            )
