"""The preparation of a run: check all arguments, resolve them to numbers, and measure statistics."""

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import psutil

from ..contract.operation import Operation
from ..contract.progress import Progress
from ..contract.reach import POINTWISE, Gather
from ..contract.signature import arguments, call
from .chunks import with_cached_chunks
from .plan import Options, Plan, resolve_reach
from .region import check_block_shape, known_names
from .source import Source
from .statistics import measure_noise, measure_references, measure_statistics
from .threads import cores
from .value_range import find_value_ranges, joined_range
from .values import Losses, from_working, gray_levels, to_working, type_ends, working_type


def prepare(
    op: Operation, image: Any, images: Sequence[Any] = (), options: Options | None = None,
    parameters: Mapping[str, Any] | None = None, threads: int | None = None, memory: int | None = None,
) -> Generator[Progress, None, Plan]:  # fmt: skip
    """Prepare the plan of an operation on an image, in a generator that yields progress and returns the plan.

    Parameters
    ----------
    op
        Operation, from `operations()`.
    image
        Array (NumPy, Dask, Zarr): stack axes, then the `options.ndim` axes of an item, and channels at
        `options.channel_axis`. It is not changed.
    images
        Further images, in the order that the operation declares.
    options
        How the operation is applied; `Options()` by default.
    parameters
        Parameters of the operation by name; the others have their defaults.
    threads
        Number of threads; by default the number of cores.
    memory
        Largest size of the result in bytes; by default the free memory, which is never exceeded.

    Returns
    -------
    Plan
        Everything that `region` and `run` need.

    Raises
    ------
    ValueError
        ``name=value: must be ...`` for whatever cannot be done, before pixels of the result are computed.
    """
    threads = threads or cores()
    plan = yield from resolve(op, image, images, options, parameters, threads)
    _check_memory(plan, memory)
    yield from measure_references(plan, threads)
    yield from measure_statistics(plan, threads)
    yield from _tabulate(plan)
    return plan


def resolve(
    op: Operation, image: Any, images: Sequence[Any], options: Options | None, parameters: Mapping[str, Any] | None,
    threads: int,
) -> Generator[Progress, None, Plan]:  # fmt: skip
    """Return a plan with value ranges but without statistics; arguments as in `prepare`."""
    options = options or Options()
    source, further = check(op, image, images, options)
    given = op.validate(parameters or {})
    values = call(op.values, given) if callable(op.values) else op.values
    dtype = np.dtype(np.float32) if options.dtype == "float32" else source.dtype
    value_ranges, saturated = yield from find_value_ranges(op, given, source, options, values, threads)
    known = {"dtype": dtype, "values": joined_range(value_ranges.values()), "channels": source.channels}
    names = op.noise_names(given)
    noise = (yield from measure_noise(source, value_ranges, options, names, threads)) if names else {(): {}}
    resolved = op.resolve(given, source.item, known | noise.pop(()))
    by_item = {index: op.resolve(given, source.item, known | of_item) for index, of_item in noise.items()}
    reach = resolve_reach(op.reach, {**resolved, **further, "shape": source.item})
    return Plan(
        op, resolved, options, source, further, values, reach, dtype, value_ranges, saturated=saturated, given=given,
        by_item=by_item,
    )  # fmt: skip


def check(op: Operation, image: Any, images: Sequence[Any], options: Options) -> tuple[Source, dict[str, Any]]:
    """Check an image and further images against an operation.

    Returns
    -------
    source : Source
        The image.
    further : dict
        The further images by name; None for those that are left out.

    Raises
    ------
    ValueError
        If an image does not fit the operation, the options or the other images.
    """
    source = options.source(image)
    if not op.works_on(source.ndim):
        allowed = " or ".join(map(str, op.dimensions))
        raise ValueError(f"ndim={source.ndim}: must be {allowed} for {op.id}")
    if op.channels == "reduce" and not source.channels:
        raise ValueError(f"channel_axis=None: must be the axis of the RGB or RGBA channels, which {op.id} needs")
    most = len(op.images) - 1
    least = most - len(op.optional)
    if not least <= len(images) <= most:
        names = ", ".join(name for name, _ in op.images[1:])
        count = f"{most}" if least == most else f"{least} or {most}" if most - least == 1 else f"{least} to {most}"
        noun = "further image" if most == 1 else "further images"
        raise ValueError(f"images: {op.id} takes {count} {noun}{f' ({names})' if names else ''}, not {len(images)}")
    return source, _further_images(op, source, images, options)


def _further_images(op: Operation, source: Source, images: Sequence[Any], options: Options) -> dict[str, Any]:
    further: dict[str, Any] = dict.fromkeys(op.optional)
    for (name, role), array in zip(op.images[1:], images, strict=False):
        if array is None and name in op.optional:
            continue
        if role == "whole":
            further[name] = _finite_array(name, np.asarray(array))
        elif role == "aligned":
            further[name] = _aligned_source(name, array, source)
        else:
            axes = len(array.shape) - (options.channel_axis is not None)
            further[name] = Source(array, min(options.ndim, axes), options.channel_axis)
    return further


def _finite_array(name: str, array: Any) -> Any:
    """Return an image that is used as a whole, in its working type; ValueError if it holds other than numbers."""
    if array.dtype.kind not in "biuf" or not array.size:
        raise ValueError(f"{name}: must hold real numbers, at least one, not {array.dtype} of shape {array.shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name}: must hold finite numbers only")
    return array.astype(working_type(array.dtype))


def _aligned_source(name: str, array: Any, source: Source) -> Source:
    """Return a further image as it lies on the image, with its channels or without; ValueError if it does not fit."""
    array = with_cached_chunks(array)
    without_channels = Source(array, source.ndim)
    candidates = [without_channels]
    if source.axis is not None:
        axis = source.axis - len(source.array.shape)
        if -axis <= len(array.shape) > source.ndim and array.shape[axis] in (source.colors, source.channels):
            candidates.append(Source(array, source.ndim, axis))
    for candidate in candidates:
        first_axis = len(source.full_leading) - len(candidate.leading)
        if candidate.item == source.item and candidate.leading == source.full_leading[first_axis:]:
            scope = source.scope and source.scope[first_axis:]
            return replace(candidate, scope=scope or None)
    or_stack = f", or that of the image without channels {source.places}" if source.full_leading else ""
    raise ValueError(f"{name}: must have shape {source.item}{or_stack}, not {without_channels.places}")


def _check_memory(plan: Plan, memory: int | None) -> None:
    """Refuse a result that exceeds the free memory or the limit, before it is allocated."""
    needed = math.prod(plan.shape) * plan.dtype.itemsize
    free = psutil.virtual_memory().available
    if needed > min(free, memory or free):
        shape = " x ".join(map(str, plan.shape))
        limit = f"{_gib(memory)} are allowed" if memory and memory < free else f"{_gib(free)} of memory are free"
        raise ValueError(
            f"{plan.operation.id}: a result of {shape} pixels ({plan.dtype}) needs {_gib(needed)}, but {limit}"
        )


def _gib(count: int) -> str:
    """Write a number of bytes in GiB."""
    amount = count / 2**30
    return f"{amount:,.1f} GiB" if amount >= 1 else f"{amount:.2g} GiB"


def _tabulate(plan: Plan) -> Generator[Progress, None, None]:
    """Replace a pointwise operation on few gray levels by a table, unless it depends on the position."""
    op, source = plan.operation, plan.source
    levels = gray_levels(source.dtype)
    depends_on_position = (
        plan.reach != POINTWISE
        or isinstance(plan.reach, Gather)
        or "info" in arguments(op.function)
        or any(role == "aligned" for _, role in op.images)
    )
    channels_share_table = not source.channels or (op.channels == "separate" and not op.statistics)
    if levels is None or depends_on_position or not channels_share_table:
        return
    keys = {*plan.value_ranges, *(index for index, _ in plan.measured)}
    keys = keys - {()} or keys
    for done, index in enumerate(sorted(keys)):
        yield Progress("Tables", done, len(keys))
        value_range = plan.value_range_of(index)
        known = {
            **known_names(plan, source, index, 0, value_range),
            "image": to_working(levels, plan.values, value_range),
        }
        out = np.asarray(call(op.function, known))
        check_block_shape(op, out, levels.shape)
        losses: list[Losses] = []
        plan.tables[index, 0] = from_working(out, plan.values, value_range, plan.dtype, losses)
        if losses[0].below or losses[0].above:
            exact = from_working(out, plan.values, value_range, np.dtype(np.float64))
            low, high = type_ends(plan.dtype)
            plan.cut_levels[index, 0] = np.rint(exact) < low, np.rint(exact) > high
