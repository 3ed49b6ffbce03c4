"""Statistics of an image and of further images, measured tile by tile before a run."""

import itertools
import math
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..contract.operation import Statistic, ValueRange
from ..contract.progress import Progress
from ..contract.reach import POINTWISE, Box, Reach
from ..contract.signature import arguments, call
from ..methods.noise_level import noise_level
from .chunks import read_tasks
from .plan import Measured, Options, Plan, resolve_reach
from .region import aligned_images, arrays_read, block_info, known_names, read_block
from .source import Index, Source
from .tiles import tiles
from .value_range import find_value_ranges, groups_of_channels
from .values import brightness

Steps = Generator[Progress, None, Any]
Key = tuple[Index, int]  # of an item, or () for the layer, and a channel
GOLDEN = (math.sqrt(5) - 1) / 2
MOST_PLANES = 16  # on which noise is measured
NOISE_WAVELET = "db2"  # as in scikit-image


def measure_statistics(plan: Plan, threads: int) -> Steps:
    """Measure the statistics of an operation and store them in its plan, for the layer or for each item."""
    statistics = _needed_statistics(plan)
    if not statistics:
        return
    if statistics[0].of:
        yield from _measure_aligned(plan, statistics[0].of, threads)
        return
    indices = plan.source.indices
    how, pooled = plan.options.statistics, all(s.pooled for s in statistics)
    has_place, always = plan.source.channel_place is not None, any(s.by_channel for s in statistics)
    by_channel = (how == "channel" and not plan.source.channels) or (always and how != "item" and has_place)
    groups: dict[Index, list[Index]] = {index: [index] for index in indices}
    members = {index: [index] for index in indices}
    if pooled and by_channel:
        members = {group[0]: group for group in groups_of_channels(plan.source).values()}
        groups = members
    elif pooled and how != "item":
        groups, members = {(): indices}, {(): [()]}
    keys = itertools.product(groups, _separate_channels(plan))
    found = yield from _measure(plan, {(index, c): groups[index] for index, c in keys}, threads)
    plan.measured.update({(member, c): value for (index, c), value in found.items() for member in members[index]})


def measure_noise(
    source: Source,
    value_ranges: dict[Index, ValueRange],
    color_ranges: tuple[ValueRange, ...],
    options: Options,
    names: set[str],
    threads: int,
) -> Generator[Progress, None, dict[Index, dict[str, Any]]]:
    """Measure the noise of an image in its planes, because volumes may have too few.

    Parameters
    ----------
    names
        "noise_level", the root mean square of all channels; "noise_levels", those of luma and two chromas.

    Returns
    -------
    dict
        The noise by name, as fractions of the value range: under the key () that of the image, measured on at most
        `MOST_PLANES` planes spread over it; under its index that of each item that has a value range of its own.
    """
    volume = source.item[:-2]
    scope = None if source.scope is None else (*source.scope, *((0, n) for n in volume))
    planes = replace(source, ndim=min(source.ndim, 2), scope=scope)
    groups = {index: [(*index, *inside) for inside in np.ndindex(volume)] for index in source.indices}
    if options.statistics == "layer" or (options.statistics == "channel" and source.channels):
        groups = {(): planes.indices}
    members: dict[Index, list[Index]] = {index: [index] for index in groups}
    if options.statistics == "channel" and not source.channels:
        members = {group[0]: group for group in groups_of_channels(source).values()}
        groups = {first: [plane for index in group for plane in groups[index]] for first, group in members.items()}
    some = {index: _spread_items(chosen, MOST_PLANES) for index, chosen in groups.items()}
    ranges = {plane: value_ranges[i if i in value_ranges else ()] for i, chosen in some.items() for plane in chosen}
    found: dict[Index, dict[str, Any]] = {index: {} for index in groups}
    for name in sorted(names):
        op = noise_level if name == "noise_level" else replace(noise_level, channels="joint")
        plan = Plan(
            op, {"wavelet": NOISE_WAVELET}, options, planes, {},
            "normalized", POINTWISE, source.dtype, ranges, color_ranges=color_ranges,
        )  # fmt: skip
        channels = _separate_channels(plan)
        items = {(index, channel): chosen for index, chosen in some.items() for channel in channels}
        measured = yield from _measure(plan, items, threads)
        for index in groups:
            each = [level for channel in channels for level in measured[index, channel]]
            found[index][name] = root_mean_square(each) if name == "noise_level" else tuple(each)
    if () not in found:
        found = {index: found[first] for first, group in members.items() for index in group}
        found[()] = {name: _joined(name, [one[name] for one in found.values()]) for name in names}
    return found


def _joined(name: str, each: list[Any]) -> Any:
    """Return the noise of several items together."""
    return root_mean_square(each) if name == "noise_level" else tuple(map(root_mean_square, zip(*each, strict=True)))


def root_mean_square(each: Sequence[float]) -> float:
    """Return the root mean square of some numbers."""
    return math.sqrt(sum(sigma * sigma for sigma in each) / len(each))


def measure_references(plan: Plan, threads: int) -> Steps:
    """Replace each reference image of a plan by its statistic."""
    for name, role in plan.operation.images[1:]:
        source = plan.images[name]
        if role != "reference" or source is None:
            continue
        options = Options(ndim=source.ndim, channel_axis=source.channel_axis)
        value_ranges, _ = yield from find_value_ranges(
            plan.operation, plan.parameters, source, options, plan.values, threads
        )
        reference_plan = replace(plan, source=source, value_ranges=value_ranges, color_ranges=())
        channels = _separate_channels(reference_plan)
        measured = yield from _measure(reference_plan, {((), c): source.indices for c in channels}, threads)
        assert isinstance(plan.images, dict)
        plan.images[name] = Measured([measured[(), c] for c in channels])


def _separate_channels(plan: Plan) -> range:
    """Return the numbers of the channels that are measured separately."""
    return range(plan.source.colors if plan.source.channels and plan.operation.channels == "separate" else 1)


def _needed_statistics(plan: Plan) -> list[Statistic]:
    """Return the statistics that parameters and further images require, or that depend on what was measured."""
    statistics = plan.operation.statistics
    return [s for s in statistics if (s.needed and "measured" in arguments(s.needed)) or _is_needed(plan, s, None)]


def _is_needed(plan: Plan, statistic: Statistic, measured: Any) -> bool:
    """Return whether a statistic is measured, given the result of the one before."""
    known = {**plan.parameters, **plan.images, "measured": measured}
    return statistic.needed is None or bool(call(statistic.needed, known))


def _measure_aligned(plan: Plan, names: tuple[str, ...], threads: int) -> Steps:
    """Measure aligned images: each item of the largest of their stacks, and each channel that they have."""
    stack = _largest_stack(plan, names)
    front = (0,) * (len(plan.source.leading) - len(stack))
    have_channels = any(image.channels for name in names if (image := plan.images[name]) is not None)
    channels = _separate_channels(plan)
    measured_channels = channels if have_channels else channels[:1]
    keys = itertools.product(np.ndindex(stack), measured_channels)
    plan.measured.update((yield from _measure(plan, {(i, c): [(*front, *i)] for i, c in keys}, threads)))
    for index, channel in itertools.product(np.ndindex(stack), channels[len(measured_channels) :]):
        plan.measured[index, channel] = plan.measured[index, 0]


def _largest_stack(plan: Plan, names: tuple[str, ...]) -> tuple[int, ...]:
    """Return the shape of the stack of that further image which has most stack axes."""
    return max((image.leading for name in names if (image := plan.images[name]) is not None), key=len)


def _measure(plan: Plan, items: dict[Key, list[Index]], threads: int) -> Steps:
    """Measure the statistics of an operation, one after the other, of the items under each key."""
    measured: dict[Key, Any] = dict.fromkeys(items)
    for statistic in _needed_statistics(plan):
        wanted = {key: indices for key, indices in items.items() if _is_needed(plan, statistic, measured[key])}
        if wanted:
            measured |= yield from _measure_one(plan, statistic, wanted, measured, threads)
    return measured


def _measure_one(
    plan: Plan, statistic: Statistic, items: dict[Key, list[Index]], measured: dict[Key, Any], threads: int
) -> Steps:
    """Measure one statistic in one pass, and finish that of each key as soon as all its tiles are measured."""
    source = plan.source
    reach = resolve_reach(statistic.reach, {**plan.parameters, **plan.images, "shape": source.item})
    boxes = tiles(source.item, reach)
    tasks: list[tuple[Key, int, Index, Box]] = []
    sums: dict[Key, _Sums] = {}
    for key, indices in items.items():
        of_key = list(itertools.product(_spread_items(indices, statistic.most), boxes))
        tasks += [(key, number, index, core) for number, (index, core) in enumerate(of_key)]
        sums[key] = _Sums(len(of_key))

    def work(task: Any) -> None:
        key, number, index, core = task
        channel, read = key[1], reach.reads(core, source.item)
        info = block_info(source, index, channel, read, core, reach)
        if statistic.of:
            info = replace(info, index=info.index[len(index) - len(_largest_stack(plan, statistic.of)) :])
        known = {
            **known_names(plan, source, index, channel, plan.value_range_of(index)),
            **aligned_images(plan, index, channel, read),
            "measured": measured[key],
            "info": info,
            **({} if statistic.of else _block_to_measure(plan, index, channel, read, reach)),
        }
        sums[key].measured[number] = call(statistic.measure, known)

    def reads(task: Any) -> list[tuple[Any, Box]]:
        arrays = arrays_read(plan, task[2], reach.reads(task[3], source.item), reach)
        return arrays[1:] if statistic.of else arrays

    finished: dict[Key, Any] = {}
    # By the order of the items, not of their chunks, few sums are unfinished at a time.
    steps = read_tasks("Statistics", tasks, reads, work, threads, groups=[key[0] for key, *_ in tasks])
    for progress in steps:
        for key in [key for key, s in sums.items() if s.add()]:
            index = items[key][0]
            known = known_names(plan, source, index, key[1], plan.value_range_of(index))
            known |= {"measured": measured[key], "counted": tuple(sums.pop(key).total)}
            finished[key] = call(statistic.finish, known)
        yield progress
    return {key: finished[key] for key in items}


class _Sums:
    """The sums of what is measured on tiles, in an order that does not depend on chunks, nor do their bits."""

    def __init__(self, count: int) -> None:
        self.measured: dict[int, tuple[Any, ...]] = {}  # by number of the tile, not summed yet
        self.total: list[Any] = []
        self._count, self._following = count, 0

    def add(self) -> bool:
        """Add what can be added; return whether all tiles are."""
        for number in sorted(list(self.measured)):  # noqa: C414 - threads add to it meanwhile
            if number != self._following and not _adds_exactly(self.measured[number]):
                break
            arrays = self.measured.pop(number)
            self.total = [a + b for a, b in zip(self.total, arrays, strict=True)] if self.total else list(arrays)
            self._following, self._count = number + 1, self._count - 1
        return not self._count


def _adds_exactly(arrays: tuple[Any, ...]) -> bool:
    """Whether sums of such arrays are the same in any order."""
    return all(isinstance(array, np.ndarray) and array.dtype.kind in "iu" for array in arrays)


def _spread_items(indices: list[Index], most: int | None) -> list[Index]:
    """Choose at most `most` items, one from each of as many equal runs, at places that repeat with no axis."""
    count = len(indices)
    if most is None or count <= most:
        return indices
    return [indices[int((k + k * GOLDEN % 1) * count / most)] for k in range(most)]


def _block_to_measure(plan: Plan, index: Index, channel: int, read: Box, reach: Reach) -> dict[str, Any]:
    """Return a block of the image as statistics see it, and the mask of the pixels that hold a finite number."""
    op, source = plan.operation, plan.source
    x, hole = read_block(plan, source, index, read, reach, plan.value_range_of(index))
    if source.channels:
        x = brightness(x) if op.channels == "brightness" else x[..., channel] if op.channels == "separate" else x
        if hole is not None:
            hole = hole[..., channel] if op.channels == "separate" else np.asarray(hole.any(-1))
    return {"image": np.ascontiguousarray(x), "valid": None if hole is None else ~hole}
