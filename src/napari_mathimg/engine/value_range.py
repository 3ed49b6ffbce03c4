"""Value ranges, the two values that an operation sees as 0 and 1, found in one pass over the image if necessary."""

import itertools
import math
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..contract.operation import Operation, ValueRange
from ..contract.progress import Progress
from ..contract.reach import POINTWISE, Box
from ..methods.cells import CellCounts, Cells, cells_between, cells_of_levels, counted_as
from .chunks import with_cached_chunks
from .facts import Facts, Key, Recall, what_of_ends
from .passes import run_pass
from .passes.ranges import CellTally, DataRange, RangeTally, merged_range
from .plan import Options
from .source import Index, Source
from .threads import cores
from .tiles import tiles
from .values import EXACT_IN_FLOAT64, dtype_range, type_ends

Ends = tuple[float, float]
ValueRanges = dict[Index, ValueRange]
Groups = dict[Index, list[Index]]
Part = tuple[Sequence[Index], int | None]  # items, and one of their colors or None for all together
VALUE_RANGE = "Value range"  # the phase in which all pixels of an image are read for it
MOST_COUNTS = 64  # parts that are counted in one pass times threads, each in about 2 MiB


class Ranked(NamedTuple):
    """Values of two ranks among the finite pixels, the number of pixels outside of these, and the data range."""

    values: Ends
    outside: int
    data: Ends


def find_value_ranges(
    op: Operation, parameters: Mapping[str, Any], source: Source, options: Options, values: str, threads: int,
    recall: Recall | None = None, items: Sequence[Index] | None = None, count_saturated: bool = True,
) -> Generator[Progress, None, tuple[ValueRanges, int | None]]:  # fmt: skip
    """Return the value ranges of an image, and the number of values that will be clipped to them.

    Where each item has its own range, those of `items` are found, or of all; what is known is looked up in `recall`.
    No pass is made for the number alone unless it is to be counted.

    Returns
    -------
    value_ranges : dict
        Value range of the whole layer under the key (), or of each item under its index.
    saturated : int or None
        Number of values outside the value range that `op` clips to it; None if that was not counted.

    Raises
    ------
    ValueError
        If the image holds integers that floating point does not represent, and the operation computes with them.
    """
    kind = source.dtype.kind
    choice: Any = options.value_range
    if choice == "data" and op.data_range is not None:
        choice = ("percentiles", *op.data_range)
    uses_range = op.uses_range(parameters)
    asks_level = kind == "f" and op.uses_level
    is_ranked = choice[0] == "percentiles" and uses_range
    given: Ends | None = None
    if choice != "data" and choice[0] != "percentiles":
        low, high = dtype_range(source.dtype) if choice == "dtype" else choice
        given = low, high
    is_wide = values != "exact" and kind in "iu" and source.dtype.itemsize == 8
    may_saturate = op.saturates and given is not None and not _contains_type(given, source.dtype)
    fixed: ValueRanges = {(): ValueRange(*(given or (0.0, 1.0)), kind in "biu")}
    if not (is_ranked or (given is None and uses_range) or asks_level or is_wide or (may_saturate and count_saturated)):
        return fixed, None if may_saturate else 0
    groups, recall = _groups_of_one_range(source, options, items), recall or Recall()
    if is_ranked:
        of_groups = yield from _percentile_ranges(op, options, source, groups, threads, recall)
    else:
        of_groups = yield from _data_ranges(source, groups, given if may_saturate else None, threads, recall)
    if is_wide:
        check_exact(DataRange(*found.data, 0) for found in of_groups.values())
    outside = sum(found.outside for found in of_groups.values()) if op.saturates else 0
    if given is not None and not asks_level:
        return fixed, outside
    value_ranges: ValueRanges = {}
    for key, found in of_groups.items():
        level = DataRange(*found.data, 0).level() if asks_level else 0.0
        value_range = ValueRange(*(given or found.values), kind in "biu", level)
        value_ranges |= dict.fromkeys(groups[key] if key else [()], value_range)
    return value_ranges, outside


def _groups_of_one_range(source: Source, options: Options, items: Sequence[Index] | None) -> Groups:
    """Return the items that share a value range, under the first of them; () stands for all."""
    if options.statistics == "layer" or (options.statistics == "channel" and source.channels):
        return {(): source.indices}
    if options.statistics == "item":
        return {index: [index] for index in (source.indices if items is None else items)}
    groups = list(groups_of_channels(source).values())
    if len(groups) == 1:
        return {(): source.indices}
    return {group[0]: group for group in groups if items is None or not {*items}.isdisjoint(group)}


def _data_ranges(
    source: Source, groups: Groups, given: Ends | None, threads: int, recall: Recall
) -> Generator[Progress, None, dict[Index, Ranked]]:
    """Return the data range of each group, and the number of its values outside the range `given`."""
    found: dict[Index, Ranked] = {}

    def count(keys: list[Index], keep: Callable[[Index, Any], None]) -> Generator[Progress, None, None]:
        indices = [index for key in keys for index in groups[key]]
        ranges = yield from find_data_ranges(source, given, threads, indices=indices)
        for key in keys:
            merged = merged_range(ranges[index] for index in groups[key])
            keep(key, Ranked(merged.ends(), merged.outside, (merged.low, merged.high)))

    keys = {key: recall.key([source], "data range", given, key and repr(groups[key])) for key in groups}
    if given is None and len(groups.get((), ())) == math.prod(source.full_leading):
        keys[()] = recall.key_of_ends(source)
    yield from recall.remember(keys, count, found.__setitem__, share=0.0)  # a digest costs as much as a range
    return found


def key_of_ends(facts: Facts, array: Any, has_colors: bool) -> Key | None:
    """Return the key of the ends of the present pixels of an array, without opacity; colors are its last axis."""
    axis = len(array.shape) - 1 if has_colors else None
    return facts.key(array, *what_of_ends(axis, 0 if axis is None else int(array.shape[axis])))


def remember_ends(facts: Facts, key: Key, dtype: np.dtype[Any], ends: Ends) -> None:
    """Keep the lowest and highest finite value that others have found, under the key from before they read a pixel."""
    if (dtype.kind == "f" or dtype.itemsize < 8) and facts.find(key) is None:  # wide integers are checked
        low, high = float(ends[0]), float(ends[1])
        facts.add(key, Ranked((low, high), 0, (low, high)), 0.0)


def _percentile_ranges(
    op: Operation, options: Options, source: Source, groups: Groups, threads: int, recall: Recall
) -> Generator[Progress, None, dict[Index, Ranked]]:
    """Return the percentiles of each group, and the number of its values outside of them."""
    found: dict[Index, Ranked] = {}

    def count(keys: list[Index], keep: Callable[[Index, Any], None]) -> Generator[Progress, None, None]:
        ranked = yield from _find_percentiles(op, options, source, [(groups[key], None) for key in keys], threads)
        for key, of_group in zip(keys, ranked, strict=True):
            keep(key, of_group)

    chosen = options.value_range, op.data_range
    keys = {key: recall.key([source], "percentiles", chosen, key and repr(groups[key])) for key in groups}
    share = sum(map(len, groups.values())) / len(source.indices)
    yield from recall.remember(keys, count, found.__setitem__, share)
    return found


def _find_percentiles(
    op: Operation, options: Options, source: Source, parts: Sequence[Part], threads: int
) -> Generator[Progress, None, list[Ranked]]:
    """Find the percentiles of each part that options choose, or those that "data" means for an operation.

    The latter give way to the data range where both are one value: they would leave nothing of a few points of light.
    """
    choice: Any = options.value_range
    is_chosen = choice[0] == "percentiles"
    percentiles: Any = choice[1:] if is_chosen else op.data_range
    ranks = partial(percentile_ranks, percentiles=percentiles)
    found: list[Ranked] = []
    at_once = max(MOST_COUNTS // threads, 1)
    for first in range(0, len(parts), at_once):
        found += yield from _find_all_ranked(source, parts[first : first + at_once], ranks, threads)
    if is_chosen:
        return found
    return [Ranked(one.data, 0, one.data) if one.values[0] == one.values[1] else one for one in found]


def find_meant_range(op: Operation, source: Source, threads: int) -> Generator[Progress, None, DataRange]:
    """Find the range of all values of an image that the value range "data" means for an operation."""
    if op.data_range is not None:
        (ranked,) = yield from _find_percentiles(op, Options(), source, [(source.indices, None)], threads)
        found, data = DataRange(*ranked.values, 0), DataRange(*ranked.data, 0)
    else:
        found = data = merged_range((yield from find_data_ranges(source, None, threads)).values())
    if source.dtype.kind in "iu":
        check_exact([data])
    return found


def percentile_ranks(pixels: int, percentiles: tuple[float, float]) -> tuple[int, int]:
    """Return the ranks, from 0, of two percentiles, rounded toward each other, of at least one pixel."""
    low, high = (p / 100 * (pixels - 1) for p in percentiles)
    ranks = math.ceil(low), math.floor(high)
    return min(ranks), max(ranks)


def find_ranked(
    source: Source, indices: Sequence[Index], ranks: Callable[[int], tuple[int, int]], threads: int
) -> Generator[Progress, None, Ranked]:
    """Find the values of the two ranks that `ranks` returns for a number of pixels, among the finite pixels of items.

    The values are exact; integers beyond 2^53 are those of the nearest float64. If no pixel is finite, they are 0 and
    1. The image is read once for types of at most 16 bits, and at most four times for others, in bounded memory.
    """
    (found,) = yield from _find_all_ranked(source, [(indices, None)], ranks, threads)
    return found


def _find_all_ranked(
    source: Source, parts: Sequence[Part], ranks: Callable[[int], tuple[int, int]], threads: int
) -> Generator[Progress, None, list[Ranked]]:
    """Do as `find_ranked` for each of several parts, all of them in the same passes."""
    dtype = counted_as(source.dtype)
    first = cells_between(dtype)
    if source.dtype.kind in "biu" and source.dtype.itemsize <= 2:
        first = cells_of_levels(dtype, *map(float, type_ends(source.dtype)))
    found = [Ranked((0.0, 1.0), 0, (0.0, 1.0))] * len(parts)
    cells: dict[int, Cells] = dict.fromkeys(range(len(parts)), first)
    while cells:
        counts = yield from _count_in_cells(source, parts, cells, threads)
        cells = {}
        for number, counted in counts.items():
            if not counted.pixels:
                continue
            (low, high), outside, finer = counted.at_ranks([*ranks(counted.pixels)])
            found[number] = Ranked((low, high), outside, counted.ends)
            if finer is not None:
                cells[number] = finer
    return found


def _count_in_cells(
    source: Source, parts: Sequence[Part], cells: Mapping[int, Cells], threads: int
) -> Generator[Progress, None, dict[int, CellCounts]]:
    """Count the finite pixels of numbered parts in their cells, in counts of each thread's own."""
    counting: dict[Index, list[int]] = {}
    for number in cells:
        for index in parts[number][0]:
            counting.setdefault(index, []).append(number)

    def reads(task: Any) -> list[tuple[Any, Box]]:
        return [(source.array, source.box_in_array(*task))]

    tasks = list(itertools.product(counting, tiles(source.item, POINTWISE)))
    tally = CellTally(source, {n: parts[n][1] for n in cells}, counting, cells)
    yield from run_pass(VALUE_RANGE, tasks, reads, tally, threads)
    return {n: tally.total(n).finite() for n in cells}


def find_color_ranges(
    op: Operation, parameters: Mapping[str, Any], source: Source, options: Options, threads: int,
    recall: Recall | None = None,
) -> Generator[Progress, None, tuple[ValueRange, ...]]:  # fmt: skip
    """Return the value range of each color if each has its own; else ()."""
    if options.statistics != "channel" or not source.channels:
        return ()
    choice: Any = options.value_range
    is_measured = (choice == "data" or choice[0] == "percentiles") and op.uses_range(parameters)
    if op.channels != "separate" and (is_measured or op.statistics or op.noise_names(parameters)):
        raise ValueError(f"statistics='channel': must be 'layer' or 'item' for {op.id}, which sees all colors together")
    if not is_measured:
        return ()
    colors, recall, found = range(source.colors), recall or Recall(), dict[str, list[Ends]]()

    def count(keys: list[str], keep: Callable[[str, Any], None]) -> Generator[Progress, None, None]:
        if choice != "data" or op.data_range is not None:
            ranked = yield from _find_percentiles(op, options, source, [(source.indices, c) for c in colors], threads)
            keep(keys[0], [one.values for one in ranked])
        else:
            ranges = yield from _find_data_ranges(source, None, threads, VALUE_RANGE, colors, source.indices)
            keep(keys[0], [merged_range(of_color).ends() for of_color in zip(*ranges.values(), strict=True)])

    key = recall.key([source], "colors", options.value_range, op.data_range)
    yield from recall.remember({"colors": key}, count, found.__setitem__)
    return tuple(ValueRange(*of_color, source.dtype.kind in "biu") for of_color in found["colors"])


def groups_of_channels(source: Source) -> dict[int, list[Index]]:
    """Return the items of each channel of a stack, by its index on the axis named c.

    Raises
    ------
    ValueError
        If there is no such axis.
    """
    place = source.channel_place
    if place is None:
        raise ValueError(
            "statistics='channel': must be used with channel_axis, or on an image with a stack axis named 'c'"
        )
    groups: dict[int, list[Index]] = {}
    for index in source.indices:
        groups.setdefault(index[place], []).append(index)
    return groups


def joined_range(value_ranges: Iterable[ValueRange]) -> ValueRange:
    """Return the smallest value range that contains all given ones."""
    all_ranges = list(value_ranges)
    return ValueRange(min(v.low for v in all_ranges), max(v.high for v in all_ranges), all_ranges[0].integral)


def data_range(
    array: Any, phase: str = VALUE_RANGE, threads: int | None = None, percentiles: Ends = (0.0, 100.0)
) -> Generator[Progress, None, Ends]:
    """Find the lowest and the highest finite value of an array, or percentiles; 0 and 1 if no value is finite."""
    source, threads = Source(with_cached_chunks(array), len(array.shape)), threads or cores()
    if percentiles != (0.0, 100.0):
        ranks = partial(percentile_ranks, percentiles=percentiles)
        return (yield from find_ranked(source, source.indices, ranks, threads)).values
    ranges = yield from find_data_ranges(source, None, threads, phase)
    return merged_range(ranges.values()).ends()


def find_data_ranges(
    source: Source, given: Ends | None, threads: int, phase: str = VALUE_RANGE, indices: list[Index] | None = None
) -> Generator[Progress, None, dict[Index, DataRange]]:
    """Find the data range of some items, or all, in one pass, and count their values outside the range `given`."""
    chosen = source.indices if indices is None else indices
    found = yield from _find_data_ranges(source, given, threads, phase, [None], chosen)
    return {index: of_item for index, (of_item,) in found.items()}


def _find_data_ranges(
    source: Source, given: Ends | None, threads: int, phase: str, colors: Sequence[int | None], indices: list[Index]
) -> Generator[Progress, None, dict[Index, list[DataRange]]]:
    """Do as `find_data_ranges` for each of some colors, or for all together where one is None."""
    tasks = list(itertools.product(indices, tiles(source.item, POINTWISE)))

    def reads(task: Any) -> list[tuple[Any, Box]]:
        return [(source.array, source.box_in_array(*task))]

    tally = RangeTally(source, colors, indices, given)
    yield from run_pass(phase, tasks, reads, tally, threads)
    return tally.ranges()


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
