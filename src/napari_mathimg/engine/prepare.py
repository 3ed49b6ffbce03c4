"""Check everything, resolve it to numbers and count what must be known; then every region can be computed."""

import itertools
import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import psutil

from ..contract.operation import Operation, Statistic
from ..contract.progress import Progress
from ..contract.reach import POINTWISE, Box, Gather, Reach
from ..contract.signature import arguments, call
from .chunks import with_cached_chunks
from .plan import Measured, Options, Plan
from .region import aligned_images, block_info, known_names, read_block
from .source import Index, Source
from .threads import cores, run_tasks
from .tiles import tiles
from .value_range import find_value_ranges, joined_range
from .values import brightness, from_working, gray_levels, to_working, working_type

Steps = Generator[Progress, None, Any]
GOLDEN = (math.sqrt(5) - 1) / 2


def prepare(
    op: Operation, image: Any, images: Sequence[Any] = (), options: Options | None = None,
    parameters: Mapping[str, Any] | None = None, threads: int | None = None, memory: int | None = None,
) -> Generator[Progress, None, Plan]:  # fmt: skip
    """Return the plan of an operation on an image, as the value of a generator that yields progress.

    Parameters
    ----------
    op
        From `operations()`.
    image
        Array (NumPy, Dask, Zarr): stack axes, then `options.ndim` item axes, and channels where
        `options.channel_axis` says.
    images
        Further images, in the order the operation declares them.
    options, parameters
        How to apply it, and its own parameters.
    threads
        Number of threads; all cores by default.
    memory
        Number of bytes the result may take; what is free by default, and never more.

    Raises
    ------
    ValueError
        ``name=value: requirement`` for anything that cannot be done, before pixels are computed.
    """
    threads = threads or cores()
    plan = yield from resolve(op, image, images, options, parameters, threads)
    _check_memory(plan, memory)
    yield from _references(plan, threads)
    yield from count_statistics(plan, threads)
    yield from _tabulate(plan)
    return plan


def resolve(
    op: Operation, image: Any, images: Sequence[Any], options: Options | None, parameters: Mapping[str, Any] | None,
    threads: int,
) -> Generator[Progress, None, Plan]:  # fmt: skip
    """Return a plan of which nothing but the value range was counted; arguments as in `prepare`."""
    options = options or Options()
    source, second = check(op, image, images, options)
    given = op.validate(parameters or {})
    values = call(op.values, given) if callable(op.values) else op.values
    dtype = np.dtype(np.float32) if options.dtype == "float32" else source.dtype
    value_ranges, saturated = yield from find_value_ranges(op, given, source, options, values, threads)
    known = {"dtype": dtype, "values": joined_range(value_ranges.values()), "channels": source.channels}
    resolved = op.resolve(given, source.item, known)
    reach = _reach(op.reach, {**resolved, **second, "shape": source.item})
    return Plan(op, resolved, options, source, second, values, reach, dtype, value_ranges, saturated=saturated)


def check(op: Operation, image: Any, images: Sequence[Any], options: Options) -> tuple[Source, dict[str, Any]]:
    """Return an image and the further ones by name, as they are read.

    Raises
    ------
    ValueError
        If they do not fit the operation or each other.
    """
    source = options.source(image)
    if not op.works_on(source.ndim):
        allowed = " or ".join(map(str, op.dimensions))
        raise ValueError(f"ndim={source.ndim}: {op.id} works on items of {allowed} axes")
    if op.channels == "reduce" and not source.channels:
        raise ValueError(f"channel_axis=None: {op.id} needs an image with RGB or RGBA channels")
    most = len(op.images) - 1
    least = most - len(op.optional)
    if not least <= len(images) <= most:
        wanted = ", ".join(name for name, _ in op.images[1:]) or "none"
        count = f"{most}" if least == most else f"{least} to {most}"
        raise ValueError(f"images: {op.id} takes {count} further ({wanted}), not {len(images)}")
    return source, _second_images(op, source, images, options)


def _second_images(op: Operation, source: Source, images: Sequence[Any], options: Options) -> dict[str, Any]:
    second: dict[str, Any] = dict.fromkeys(op.optional)
    for (name, role), array in zip(op.images[1:], images, strict=False):
        if array is None and name in op.optional:
            continue
        if role == "whole":
            second[name] = _finite(name, np.asarray(array))
        elif role == "aligned":
            second[name] = _aligned(name, array, source)
        else:
            axes = len(array.shape) - (options.channel_axis is not None)
            second[name] = Source(array, min(options.ndim, axes), options.channel_axis)
    return second


def _finite(name: str, array: Any) -> Any:
    if array.dtype.kind not in "biuf" or not array.size:
        raise ValueError(f"{name}: real numbers, at least one, not {array.dtype} of shape {array.shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name}: finite numbers only")
    return array.astype(working_type(array.dtype))


def _aligned(name: str, array: Any, source: Source) -> Source:
    """A further image that lies on this one, with its channels or without; ValueError where it does not."""
    array = with_cached_chunks(array)
    plain = Source(array, source.ndim)
    found = [plain]
    if source.axis is not None:
        axis = source.axis - len(source.array.shape)
        if -axis <= len(array.shape) > source.ndim and array.shape[axis] in (source.colors, source.channels):
            found.append(Source(array, source.ndim, axis))
    for second in found:
        tail = source.full_leading[len(source.full_leading) - len(second.leading) :]
        if second.item == source.item and second.leading == tail:
            scope = source.scope and source.scope[len(source.scope) - len(second.leading) :]
            return replace(second, scope=scope or None)
    raise ValueError(
        f"{name}: shape {source.item}, or that of the image without channels {source.places}, not {plain.places}"
    )


def _reach(reach: Any, known: Mapping[str, Any]) -> Reach:
    resolved: Reach = call(reach, known) if callable(reach) else reach
    return resolved


def _check_memory(plan: Plan, memory: int | None) -> None:
    """Refuse a result that memory cannot hold, or that is larger than it may be, before any is taken."""
    needed = math.prod(plan.shape) * plan.dtype.itemsize
    free = psutil.virtual_memory().available
    if needed > min(free, memory or free):
        shape = " x ".join(map(str, plan.shape))
        limit = f"{_gib(memory)} are allowed" if memory and memory < free else f"{_gib(free)} of memory are free"
        raise ValueError(
            f"{plan.operation.id}: a result of {shape} pixels ({plan.dtype}) needs {_gib(needed)}; {limit}"
        )


def _gib(count: int) -> str:
    """Say a number of bytes."""
    amount = count / 2**30
    return f"{amount:,.1f} GiB" if amount >= 1 else f"{amount:.2g} GiB"


def _references(plan: Plan, threads: int) -> Steps:
    """Put the statistic of a reference image in its place."""
    for name, role in plan.operation.images[1:]:
        if role == "reference" and plan.images[name] is not None:
            source = plan.images[name]
            plain = Options(ndim=source.ndim, channel_axis=source.channel_axis)
            value_ranges, _ = yield from find_value_ranges(
                plan.operation, plan.parameters, source, plain, plan.values, threads
            )
            own = replace(plan, source=source, value_ranges=value_ranges)
            measured = []
            for channel in _channels(own):
                measured.append((yield from _measure(own, source.indices, channel, threads)))
            assert isinstance(plan.images, dict)
            plan.images[name] = Measured(measured)


def _channels(plan: Plan) -> range:
    """Channels that are counted on their own."""
    return range(plan.source.colors if plan.source.channels and plan.operation.channels == "separate" else 1)


def _needed(plan: Plan) -> list[Statistic]:
    """Statistics that the parameters ask for."""
    known = {**plan.parameters, **plan.images}
    return [s for s in plan.operation.statistics if s.needed is None or call(s.needed, known)]


def count_statistics(plan: Plan, threads: int) -> Steps:
    """Count an operation's statistics into its plan, over the layer or item by item."""
    statistics = _needed(plan)
    if not statistics:
        return
    if statistics[0].of:
        yield from _count_further(plan, statistics[0].of, threads)
        return
    joined_range = plan.options.statistics == "layer" and all(s.pooled for s in statistics)
    groups: dict[Index, list[Index]] = (
        {(): plan.source.indices} if joined_range else {index: [index] for index in plan.source.indices}
    )
    total = len(groups) * len(_channels(plan))
    for done, (index, channel) in enumerate(itertools.product(groups, _channels(plan))):
        steps = _measure(plan, groups[index], channel, threads)
        plan.measured[index, channel] = yield from steps if total == 1 else _counted("Statistics", done, total, steps)


def _count_further(plan: Plan, of: tuple[str, ...], threads: int) -> Steps:
    """Count the statistics of aligned images: plane by plane of the one that has most, each channel it has."""
    stack = _stack_of(plan, of)
    lead = (0,) * (len(plan.source.leading) - len(stack))
    colored = any(image.channels for name in of if (image := plan.images[name]) is not None)
    for index in np.ndindex(stack):
        for channel in _channels(plan):
            if channel and not colored:
                plan.measured[index, channel] = plan.measured[index, 0]
            else:
                plan.measured[index, channel] = yield from _measure(plan, [(*lead, *index)], channel, threads)


def _stack_of(plan: Plan, of: tuple[str, ...]) -> tuple[int, ...]:
    """The stack axes of that further image which has most."""
    return max((image.leading for name in of if (image := plan.images[name]) is not None), key=len)


def _counted(phase: str, done: int, total: int, steps: Steps) -> Steps:
    """Report the progress of one of many equal passes as part of all of them."""
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            return stop.value
        yield Progress(phase, done * step.total + step.done, total * step.total)


def _measure(plan: Plan, indices: list[Index], channel: int, threads: int) -> Steps:
    """Count an operation's statistics over some items, one after the other."""
    measured: Any = None
    for statistic in _needed(plan):
        measured = yield from _count(plan, statistic, indices, channel, measured, threads)
    return measured


def _count(plan: Plan, statistic: Statistic, indices: list[Index], channel: int, measured: Any, threads: int) -> Steps:
    """Add one statistic up, always over the same tiles in the same order."""
    source, indices = plan.source, _some(indices, statistic.most)
    reach = _reach(statistic.reach, {**plan.parameters, **plan.images, "shape": source.item})
    tasks = list(enumerate(itertools.product(indices, tiles(source.item, reach))))
    total: list[Any] = []
    early: dict[int, tuple[Any, ...]] = {}

    def work(task: Any) -> None:
        number, (index, core) = task
        read = reach.reads(core, source.item)
        info = block_info(source, index, channel, read, core, reach)
        if statistic.of:
            info = replace(info, index=info.index[len(index) - len(_stack_of(plan, statistic.of)) :])
        known = {
            **known_names(plan, source, index, channel, plan.value_range_of(index)),
            **aligned_images(plan, index, channel, read),
            "measured": measured,
            "info": info,
            **({} if statistic.of else _counted_image(plan, source, index, channel, read)),
        }
        early[number] = call(statistic.measure, known)

    following = 0
    for progress in run_tasks("Statistics", tasks, work, threads):
        while following in early:
            arrays = early.pop(following)
            total = [a + b for a, b in zip(total, arrays, strict=True)] if total else list(arrays)
            following += 1
        yield progress
    known = {**known_names(plan, source, indices[0], channel, plan.value_range_of(indices[0])), "measured": measured}
    return call(statistic.finish, {**known, "counted": tuple(total)})


def _some(indices: list[Index], most: int | None) -> list[Index]:
    """At most so many items: one from each of as many equal runs, at places that keep step with no axis."""
    count = len(indices)
    if most is None or count <= most:
        return indices
    return [indices[int((k + k * GOLDEN % 1) * count / most)] for k in range(most)]


def _counted_image(plan: Plan, source: Source, index: Index, channel: int, read: Box) -> dict[str, Any]:
    """A region of the image as statistics see it, and the mask of the pixels that hold a number."""
    op = plan.operation
    x, bad = read_block(plan, source, index, read, plan.value_range_of(index))
    if source.channels:
        x = brightness(x) if op.channels == "brightness" else x[..., channel] if op.channels == "separate" else x
        if bad is not None:
            bad = bad[..., channel] if op.channels == "separate" else np.asarray(bad.any(-1))
    return {"image": np.ascontiguousarray(x), "valid": None if bad is None else ~bad}


def _tabulate(plan: Plan) -> Steps:
    """Turn a pointwise operation on few gray levels that asks for no position into a table."""
    op, source = plan.operation, plan.source
    levels = gray_levels(source.dtype)
    placeless = (
        plan.reach == POINTWISE
        and "info" not in arguments(op.function)
        and not any(role == "aligned" for _, role in op.images)
    )
    plain = not source.channels or (op.channels == "separate" and not op.statistics)
    if levels is None or not placeless or not plain or isinstance(plan.reach, Gather):
        return
    found = {*plan.value_ranges, *(index for index, _ in plan.measured)}
    found = found - {()} or found
    for done, index in enumerate(sorted(found)):
        yield Progress("Tables", done, len(found))
        value_range = plan.value_range_of(index)
        known = {
            **known_names(plan, source, index, 0, value_range),
            "image": to_working(levels, plan.values, value_range),
        }
        out = np.asarray(call(op.function, known))
        if out.shape != levels.shape:
            raise ValueError(f"{op.id}: returned a block of shape {out.shape}, not {levels.shape}")
        plan.tables[index, 0] = from_working(out, plan.values, value_range, plan.dtype)
