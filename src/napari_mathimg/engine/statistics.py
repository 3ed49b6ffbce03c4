"""Statistics of an image and of further images, measured tile by tile before a run."""

import itertools
import math
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np

from ..contract.operation import Statistic
from ..contract.progress import Progress
from ..contract.reach import Box
from ..contract.signature import call
from .chunks import read_tasks
from .plan import Measured, Options, Plan, resolve_reach
from .region import aligned_images, arrays_read, block_info, known_names, read_block
from .source import Index
from .tiles import tiles
from .value_range import find_value_ranges
from .values import brightness

Steps = Generator[Progress, None, Any]
GOLDEN = (math.sqrt(5) - 1) / 2


def measure_statistics(plan: Plan, threads: int) -> Steps:
    """Measure the statistics of an operation and store them in its plan, for the layer or for each item."""
    statistics = _needed_statistics(plan)
    if not statistics:
        return
    if statistics[0].of:
        yield from _measure_aligned(plan, statistics[0].of, threads)
        return
    indices = plan.source.indices
    is_pooled = plan.options.statistics == "layer" and all(s.pooled for s in statistics)
    groups: dict[Index, list[Index]] = {(): indices} if is_pooled else {index: [index] for index in indices}
    total = len(groups) * len(_separate_channels(plan))
    for done, (index, channel) in enumerate(itertools.product(groups, _separate_channels(plan))):
        steps = _measure(plan, groups[index], channel, threads)
        plan.measured[index, channel] = yield from steps if total == 1 else _one_of_many(steps, done, total)


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
        reference_plan = replace(plan, source=source, value_ranges=value_ranges)
        measured = []
        for channel in _separate_channels(reference_plan):
            measured.append((yield from _measure(reference_plan, source.indices, channel, threads)))
        assert isinstance(plan.images, dict)
        plan.images[name] = Measured(measured)


def _separate_channels(plan: Plan) -> range:
    """Return the numbers of the channels that are measured separately."""
    return range(plan.source.colors if plan.source.channels and plan.operation.channels == "separate" else 1)


def _needed_statistics(plan: Plan) -> list[Statistic]:
    """Return the statistics that the parameters and further images require."""
    known = {**plan.parameters, **plan.images}
    return [s for s in plan.operation.statistics if s.needed is None or call(s.needed, known)]


def _measure_aligned(plan: Plan, names: tuple[str, ...], threads: int) -> Steps:
    """Measure aligned images: each item of the largest of their stacks, and each channel that they have."""
    stack = _largest_stack(plan, names)
    front = (0,) * (len(plan.source.leading) - len(stack))
    have_channels = any(image.channels for name in names if (image := plan.images[name]) is not None)
    for index in np.ndindex(stack):
        for channel in _separate_channels(plan):
            if channel and not have_channels:
                plan.measured[index, channel] = plan.measured[index, 0]
            else:
                plan.measured[index, channel] = yield from _measure(plan, [(*front, *index)], channel, threads)


def _largest_stack(plan: Plan, names: tuple[str, ...]) -> tuple[int, ...]:
    """Return the shape of the stack of that further image which has most stack axes."""
    return max((image.leading for name in names if (image := plan.images[name]) is not None), key=len)


def _one_of_many(steps: Steps, number: int, total: int) -> Steps:
    """Report the progress of one of several equal passes as a part of the progress of all."""
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            return stop.value
        yield Progress(step.phase, number * step.total + step.done, total * step.total)


def _measure(plan: Plan, indices: list[Index], channel: int, threads: int) -> Steps:
    """Measure the statistics of an operation over some items, one statistic after the other."""
    measured: Any = None
    for statistic in _needed_statistics(plan):
        measured = yield from _measure_one(plan, statistic, indices, channel, measured, threads)
    return measured


def _measure_one(
    plan: Plan, statistic: Statistic, indices: list[Index], channel: int, measured: Any, threads: int
) -> Steps:
    """Measure one statistic; sum tiles in an order that does not depend on chunks, so that its bits do not either."""
    source, indices = plan.source, _spread_items(indices, statistic.most)
    reach = resolve_reach(statistic.reach, {**plan.parameters, **plan.images, "shape": source.item})
    tasks = list(enumerate(itertools.product(indices, tiles(source.item, reach))))
    sums: list[Any] = []
    waiting: dict[int, tuple[Any, ...]] = {}

    def work(task: Any) -> None:
        number, (index, core) = task
        read = reach.reads(core, source.item)
        info = block_info(source, index, channel, read, core, reach)
        if statistic.of:
            info = replace(info, index=info.index[len(index) - len(_largest_stack(plan, statistic.of)) :])
        known = {
            **known_names(plan, source, index, channel, plan.value_range_of(index)),
            **aligned_images(plan, index, channel, read),
            "measured": measured,
            "info": info,
            **({} if statistic.of else _block_to_measure(plan, index, channel, read)),
        }
        waiting[number] = call(statistic.measure, known)

    def reads(task: Any) -> list[tuple[Any, Box]]:
        _, (index, core) = task
        read = arrays_read(plan, index, reach.reads(core, source.item))
        return read[1:] if statistic.of else read

    following = 0
    for progress in read_tasks("Statistics", tasks, reads, work, threads):
        for number in sorted(list(waiting)):  # noqa: C414 - threads add to it meanwhile
            if number != following and not _adds_exactly(waiting[number]):
                break
            arrays = waiting.pop(number)
            sums = [a + b for a, b in zip(sums, arrays, strict=True)] if sums else list(arrays)
            following = number + 1
        yield progress
    known = {**known_names(plan, source, indices[0], channel, plan.value_range_of(indices[0])), "measured": measured}
    return call(statistic.finish, {**known, "counted": tuple(sums)})


def _adds_exactly(arrays: tuple[Any, ...]) -> bool:
    """Whether sums of such arrays are the same in any order."""
    return all(isinstance(array, np.ndarray) and array.dtype.kind in "iu" for array in arrays)


def _spread_items(indices: list[Index], most: int | None) -> list[Index]:
    """Choose at most `most` items, one from each of as many equal runs, at places that repeat with no axis."""
    count = len(indices)
    if most is None or count <= most:
        return indices
    return [indices[int((k + k * GOLDEN % 1) * count / most)] for k in range(most)]


def _block_to_measure(plan: Plan, index: Index, channel: int, read: Box) -> dict[str, Any]:
    """Return a block of the image as statistics see it, and the mask of the pixels that hold a finite number."""
    op, source = plan.operation, plan.source
    x, hole = read_block(plan, source, index, read, plan.value_range_of(index))
    if source.channels:
        x = brightness(x) if op.channels == "brightness" else x[..., channel] if op.channels == "separate" else x
        if hole is not None:
            hole = hole[..., channel] if op.channels == "separate" else np.asarray(hole.any(-1))
    return {"image": np.ascontiguousarray(x), "valid": None if hole is None else ~hole}
