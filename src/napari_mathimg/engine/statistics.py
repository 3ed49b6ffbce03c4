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
from .facts import Keep, Recall, key_of_counts, key_of_finished
from .passes import run_pass
from .passes.sums import SumTally
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


def measure_statistics(plan: Plan, threads: int, recall: Recall | None = None) -> Steps:
    """Measure the statistics of an operation and store them in its plan, for the layer or for each of its items."""
    statistics, recall = _needed_statistics(plan), recall or Recall()
    if not statistics:
        return
    if statistics[0].of:
        yield from _measure_aligned(plan, statistics[0].of, threads, recall)
        return
    indices, wanted = plan.source.indices, plan.source.indices if plan.items is None else list(plan.items)
    how, pooled = plan.options.statistics, all(s.pooled for s in statistics)
    has_place, always = plan.source.channel_place is not None, any(s.by_channel for s in statistics)
    by_channel = (how == "channel" and not plan.source.channels) or (always and how != "item" and has_place)
    groups: dict[Index, list[Index]] = {index: [index] for index in wanted}
    members = {index: [index] for index in wanted}
    if pooled and by_channel:
        members = _groups_with(plan.source, wanted)
        groups = members
    elif pooled and how != "item":
        groups, members = {(): indices}, {(): [()]}
    keys = itertools.product(groups, _separate_channels(plan))
    found = yield from _measure(plan, {(index, c): groups[index] for index, c in keys}, threads, recall)
    plan.measured.update({(member, c): value for (index, c), value in found.items() for member in members[index]})


def measure_noise(
    source: Source,
    value_ranges: dict[Index, ValueRange],
    color_ranges: tuple[ValueRange, ...],
    options: Options,
    names: set[str],
    threads: int,
    recall: Recall | None = None,
    items: Sequence[Index] | None = None,
) -> Generator[Progress, None, dict[Index, dict[str, Any]]]:
    """Measure the noise of an image in its planes, because volumes may have too few.

    Parameters
    ----------
    names
        "noise_level", the root mean square of all channels; "noise_levels", those of luma and two chromas.
    recall
        Where what is known is looked up.
    items
        Items that are measured, where each has its own noise; None for all.

    Returns
    -------
    dict
        The noise by name, as fractions of the value range: under the key () that of the image, measured on at most
        `MOST_PLANES` planes spread over it; under its index that of each item that has a value range of its own.
    """
    volume, wanted = source.item[:-2], source.indices if items is None else list(items)
    scope = None if source.scope is None else (*source.scope, *((0, n) for n in volume))
    planes = replace(source, ndim=min(source.ndim, 2), scope=scope)
    groups = {index: [(*index, *inside) for inside in np.ndindex(volume)] for index in wanted}
    if options.statistics == "layer" or (options.statistics == "channel" and source.channels):
        groups = {(): planes.indices}
    members: dict[Index, list[Index]] = {index: [index] for index in groups}
    if options.statistics == "channel" and not source.channels:
        members = _groups_with(source, wanted)
        groups = {first: [(*i, *p) for i in group for p in np.ndindex(volume)] for first, group in members.items()}
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
        of_groups = {(index, channel): chosen for index, chosen in some.items() for channel in channels}
        measured = yield from _measure(plan, of_groups, threads, recall or Recall())
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


def measure_references(plan: Plan, threads: int, recall: Recall | None = None) -> Steps:
    """Replace each reference image of a plan by its statistic."""
    recall = recall or Recall()
    for name, role in plan.operation.images[1:]:
        source = plan.images[name]
        if role != "reference" or source is None:
            continue
        options = Options(ndim=source.ndim, channel_axis=source.channel_axis)
        value_ranges, _ = yield from find_value_ranges(
            plan.operation, plan.parameters, source, options, plan.values, threads, recall
        )
        reference_plan = replace(plan, source=source, value_ranges=value_ranges, color_ranges=())
        channels = _separate_channels(reference_plan)
        measured = yield from _measure(reference_plan, {((), c): source.indices for c in channels}, threads, recall)
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
    in_memory = isinstance(plan.source.array, np.ndarray)
    known = {**plan.parameters, **plan.images, "measured": measured, "in_memory": in_memory}
    return statistic.needed is None or bool(call(statistic.needed, known))


def _groups_with(source: Source, wanted: list[Index]) -> dict[Index, list[Index]]:
    """Return the items of each channel of a stack that holds one of those wanted, under the first of them."""
    groups, some = groups_of_channels(source).values(), {*wanted}
    return {group[0]: group for group in groups if not some.isdisjoint(group)}


def _measure_aligned(plan: Plan, names: tuple[str, ...], threads: int, recall: Recall) -> Steps:
    """Measure aligned images: each item of the largest of their stacks, and each channel that they have."""
    stack = _largest_stack(plan, names)
    front = (0,) * (len(plan.source.leading) - len(stack))
    have_channels = any(image.channels for name in names if (image := plan.images[name]) is not None)
    channels = _separate_channels(plan)
    measured_channels = channels if have_channels else channels[:1]
    indices = list(np.ndindex(stack))
    if plan.items is not None:
        indices = sorted({index[len(front) :] for index in plan.items})
    of_keys = {(i, c): [(*front, *i)] for i, c in itertools.product(indices, measured_channels)}
    plan.measured.update((yield from _measure(plan, of_keys, threads, recall)))
    for index, channel in itertools.product(indices, channels[len(measured_channels) :]):
        plan.measured[index, channel] = plan.measured[index, 0]


def _largest_stack(plan: Plan, names: tuple[str, ...]) -> tuple[int, ...]:
    """Return the shape of the stack of that further image which has most stack axes."""
    return max((image.leading for name in names if (image := plan.images[name]) is not None), key=len)


def _measure(plan: Plan, items: dict[Key, list[Index]], threads: int, recall: Recall) -> Steps:
    """Measure the statistics of an operation, one after the other, of the items under each key."""
    measured: dict[Key, Any] = dict.fromkeys(items)
    for statistic in _needed_statistics(plan):
        wanted = {key: indices for key, indices in items.items() if _is_needed(plan, statistic, measured[key])}
        if wanted:
            measured |= yield from _measure_one(plan, statistic, wanted, measured, threads, recall)
    return measured


def _measure_one(
    plan: Plan, statistic: Statistic, items: dict[Key, list[Index]], measured: dict[Key, Any], threads: int,
    recall: Recall,
) -> Steps:  # fmt: skip
    """Measure one statistic of the items under each key, and finish it, where that is not known."""
    source = plan.source
    reach = resolve_reach(statistic.reach, {**plan.parameters, **plan.images, "shape": source.item})
    some = {key: _spread_items(indices, statistic.most) for key, indices in items.items()}
    counts = {k: key_of_counts(recall, plan, statistic, reach, some[k], k[1], measured[k]) for k in items}
    first = {k: (indices[0], k[1], measured[k]) for k, indices in items.items()}
    results = {k: key_of_finished(recall, plan, statistic.finish, counts[k], *first[k]) for k in items}
    finished: dict[Key, Any] = yield from recall.find(results)

    def finish(key: Key, counted: Any) -> None:
        index, channel, before = first[key]
        known = known_names(plan, source, index, channel, plan.value_range_of(index))
        finished[key] = call(statistic.finish, known | {"measured": before, "counted": counted})
        recall.add(results[key], finished[key], recall.seconds(counts[key]))

    def count(keys: list[Key], keep: Keep) -> Steps:
        return _count(plan, statistic, reach, {key: some[key] for key in keys}, measured, threads, keep)

    missing = {key: counts[key] for key in items if key not in finished}
    read = {index for key in missing for index in some[key]}
    share = 1.0 if statistic.of else 0.0 if statistic.boxes else len(read) / len(source.indices)
    yield from recall.remember(missing, count, finish, share)
    return {key: finished[key] for key in items}


def _count(
    plan: Plan, statistic: Statistic, reach: Reach, items: dict[Key, list[Index]], measured: dict[Key, Any],
    threads: int, keep: Keep,
) -> Steps:  # fmt: skip
    """Count a statistic in one pass, and pass on the sums of each key as soon as all its tiles are counted."""
    source = plan.source
    tasks: list[tuple[Key, int, Index, Box]] = []
    counts: dict[Key, int] = {}
    for key, indices in items.items():
        of_key = list(itertools.product(indices, _boxes(plan, statistic, reach, measured[key])))
        tasks += [(key, number, index, core) for number, (index, core) in enumerate(of_key)]
        counts[key] = len(of_key)

    def measure(task: Any) -> tuple[Any, ...]:
        key, _, index, core = task
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
        found: tuple[Any, ...] = call(statistic.measure, known)
        return found

    def reads(task: Any) -> list[tuple[Any, Box]]:
        arrays = arrays_read(plan, task[2], reach.reads(task[3], source.item), reach)
        return arrays[1:] if statistic.of else arrays

    # By the order of the items, not of their chunks, few sums are unfinished at a time.
    tally = SumTally(counts, measure)
    for progress in run_pass("Statistics", tasks, reads, tally, threads, groups=[key[0] for key, *_ in tasks]):
        for key, total in tally.finished():
            keep(key, total)
        yield progress


def _boxes(plan: Plan, statistic: Statistic, reach: Reach, measured: Any) -> list[Box]:
    """Return the boxes of an item in which a statistic is measured."""
    shape = plan.source.item
    if statistic.boxes is None:
        return tiles(shape, reach)
    chosen = call(statistic.boxes, {**plan.parameters, "shape": shape, "measured": measured})
    return [tile for box in chosen for tile in tiles(shape, reach, inside=box)]


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
