"""The preparation of a run: check all arguments, resolve them to numbers, and measure statistics."""

import itertools
import math
import sys
from collections.abc import Callable, Generator, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from ..contract.operation import Operation
from ..contract.per_index import PerIndex, per_index
from ..contract.progress import Progress
from ..contract.reach import Neighborhood
from ..contract.signature import NOISE, arguments, call
from .facts import Facts, Recall, Trust
from .plan import Options, Plan, Variants, resolve_reach, transformed_range
from .region import tabulate
from .run import blocks_at_once
from .source import Index, Source, arranged, axis_in
from .statistics import measure_noise, measure_references, measure_statistics
from .threads import cores
from .value_range import find_color_ranges, find_value_ranges, joined_range
from .values import working_type


def prepare(
    op: Operation, image: Any, images: Sequence[Any] = (), options: Options | None = None,
    parameters: Mapping[str, Any] | None = None, threads: int | None = None,
    memory: int | Literal["free"] | None = None, axis_names: tuple[str, ...] = (), facts: Facts | None = None,
    items: Sequence[Index] | None = None, trust: Trust = "revision", count_saturated: bool = True,
    recall: Recall | None = None,
) -> Generator[Progress, None, Plan]:  # fmt: skip
    """Prepare the plan of an operation on an image, in a generator that yields progress and returns the plan.

    Parameters
    ----------
    op
        Operation, from `operations()`.
    image
        Array (NumPy, Dask, Zarr), whose axes of an item are the last `options.ndim` or those in `options.axes`, with
        channels at `options.channel_axis`. It is not changed.
    images
        Further images, in the order that the operation declares.
    options
        How the operation is applied; `Options()` by default.
    parameters
        Parameters of the operation by name; the others have their defaults.
    threads
        Number of threads; by default the number of cores.
    memory
        Largest size in bytes of a result that will be computed in memory as a whole, or "free" for the memory at hand,
        which is never exceeded: checked here, before anything is measured. None, the default, leaves this to `run`:
        regions and results that are written to a file are not limited.
    axis_names
        Names of the axes of the image, with or without channels, which options and parameters may then use; () for
        those that the array itself has.
    facts
        Store of what was counted before, which is not counted again, and receives what is counted now; None for none.
    items
        Indices, on the stack axes of the result, of the items that are to be computed: what depends on the item is
        counted for these alone, and only their regions can be computed. None for all items.
    trust
        What tells that pixels are those that a fact was counted of: "revision", that the array was not touched since,
        which is enough for a preview; or "digest", that a digest of its pixels agrees, too, as a result needs that is
        kept. Nothing is digested where counting again costs less.
    count_saturated
        Whether all pixels may be read only to count those that will be clipped to a value range that is given. If not,
        `saturated` of the plan is None where that would be needed, and `run` counts them.
    recall
        What opens arrays and looks facts up, instead of one of `facts` and `trust`.

    Returns
    -------
    Plan
        Everything that `region` and `run` need.

    Raises
    ------
    ValueError
        ``name=value: must be ...`` for whatever cannot be done, before pixels of the result are computed.
    """
    threads, options, given = threads or cores(), options or Options(), op.validate(parameters or {})
    recall = recall or Recall(facts, trust, threads)
    each: dict[str, PerIndex] = {}
    names = [*given, *(name for name, _ in op.images[1:])]
    for name, value in zip(names, [*given.values(), *images], strict=False):
        if (found := per_index(name, value)) is not None:
            each[name] = found
    chosen = None if items is None else tuple(items)
    if not each:
        plan = yield from _prepare_one(
            op, image, images, options, given, threads, memory, axis_names, recall, chosen, count_saturated
        )
    else:
        plan = yield from _prepare_each(
            op, image, images, options, given, threads, memory, axis_names, each, recall, chosen, count_saturated
        )
    yield from recall.sign()
    return plan


def _prepare_one(
    op: Operation, image: Any, images: Sequence[Any], options: Options, parameters: Mapping[str, Any], threads: int,
    memory: int | Literal["free"] | None, axis_names: tuple[str, ...], recall: Recall,
    items: tuple[Index, ...] | None, count_saturated: bool, shared: dict[Any, Any] | None = None,
    measured: Set[Index] | None = None,
) -> Generator[Progress, None, Plan]:  # fmt: skip
    """Prepare the plan of an operation whose parameters and further images have one value each.

    Of the items, only those that are `measured` have their statistics in the plan, if that is given.
    """
    plan = yield from resolve(
        op, image, images, options, parameters, threads, axis_names, shared, recall, items, count_saturated
    )
    if memory is not None:
        blocks_at_once(plan, threads, in_memory=True, allowed=sys.maxsize if memory == "free" else memory)
    if measured is not None and items is not None:
        plan = replace(plan, items=tuple(index for index in items if index in measured))
    if plan.items != ():
        yield from measure_references(plan, threads, recall)
        yield from measure_statistics(plan, threads, recall)
        yield from tabulate(plan)
    return plan


def _prepare_each(
    op: Operation, image: Any, images: Sequence[Any], options: Options, given: Mapping[str, Any], threads: int,
    memory: int | Literal["free"] | None, axis_names: tuple[str, ...], each: Mapping[str, PerIndex], recall: Recall,
    items: tuple[Index, ...] | None, count_saturated: bool,
) -> Generator[Progress, None, Plan]:  # fmt: skip
    """Prepare a plan for each index along the axes that parameters and further images name, and return all in one.

    Each is the plan of a run on the whole stack with the values of this index, so that it also shares the value range
    and the statistics of the layer.
    """
    source = options.source(image, axis_names, recall.with_chunks)
    axes = {name: _stack_axis(source, name, values) for name, values in each.items()}
    varied = tuple(sorted({*axes.values()}))
    inside = source.scope or tuple((0, n) for n in source.full_leading)
    further = dict(zip((name for name, _ in op.images[1:]), images, strict=False))
    if len(further) < len(images):
        check(op, image, images, options, axis_names)
    values_at: dict[Index, dict[str, Any]] = {}
    places_of: dict[tuple[Any, ...], list[Index]] = {}
    for place in itertools.product(*(range(*inside[axis]) for axis in varied)):
        here = {name: values.values[place[varied.index(axes[name])]] for name, values in each.items()}
        key = tuple(id(value) if name in further else repr(value) for name, value in here.items())
        values_at[place] = here
        places_of.setdefault(key, []).append(place)
    plans: dict[Index, Plan] = {}
    known: dict[tuple[Any, ...], Plan] = {}
    shared: dict[Any, Any] = {}
    for key, places in places_of.items():
        here = values_at[places[0]]
        parameters = {name: here.get(name, value) for name, value in given.items()}
        own_images = [here.get(name, image) for name, image in further.items()]
        stack = ((index, source.index_in_stack(index)) for index in items or ())
        of_places = {index for index, place in stack if tuple(place[axis] for axis in varied) in places}
        known[key] = yield from _prepare_one(
            op, image, own_images, options, parameters, threads, memory, axis_names, recall, items, count_saturated,
            shared, of_places,
        )  # fmt: skip
        plans |= dict.fromkeys(places, known[key])
    plans = {place: plans[place] for place in values_at}
    widest = max(known.values(), key=_extent)
    for plan in known.values():
        alike = plan.shape == widest.shape and np.array_equal(plan.placement, widest.placement)
        kinds = [(one.values, np.dtype(one.dtype), one.frames) for one in (plan, widest)]
        if not alike or kinds[0] != kinds[1]:
            names = ", ".join(each)
            raise ValueError(f"{names}: must give results of one shape, place, type and kind for every index")
    variants = Variants(varied, plans)
    whole = replace(widest, given=given, variants=variants, items=items)
    given_axes = {axes[name]: values.axis for name, values in each.items()}
    lengths = [(given_axes[axis], source.full_leading[axis]) for axis in varied]
    own = {name: varied.index(axis) for name, axis in axes.items()}
    lists = {n: _listed(variants, n, lengths, own.get(n), given[n]) for n in widest.parameters}
    parameters = {name: value for name, (value, _) in lists.items()}
    by_item: dict[Index, Mapping[str, Any]] = {}
    for index in source.indices:
        found, place = whole.at(index).parameters_of(index), whole.place_of(index)
        others = {name: value for name, value in found.items() if value != lists[name][1].get(place)}
        by_item |= {index: {**parameters, **others}} if others else {}
    return replace(whole, parameters=parameters, by_item=by_item)


def _listed(
    variants: Variants, name: str, axes: Sequence[tuple[Any, int]], axis: int | None, given: Any
) -> tuple[Any, dict[Index, Any]]:
    """Return the resolved values of a parameter as one value or as a list along an axis, and what this says by place.

    A list is made along the number `axis` of `axes`, names and lengths, or else along the first one that tells the
    values.
    """
    found = {place: plan.parameters[name] for place, plan in variants.plans.items()}
    along = [{place[k]: value for place, value in reversed(found.items())} for k in range(len(axes))]
    said = [{place: values[place[k]] for place in found} for k, values in enumerate(along)]
    if axis is None and len({*map(repr, found.values())}) == 1:
        return next(iter(found.values())), found
    k = axis if axis is not None else next((k for k, one in enumerate(said) if one == found), 0)
    name_of_axis, length = axes[k]
    outside = given["values"] if axis is not None else [given] * length
    return {"per": name_of_axis, "values": tuple(along[k].get(n, v) for n, v in enumerate(outside))}, said[k]


def _stack_axis(source: Source, name: str, each: PerIndex) -> int:
    """Return the number of the stack axis along which a parameter or an image has one value for each index."""
    stack = source.given_places[: len(source.full_leading)]
    axis = axis_in(source, each.axis, f"{name}: per", each.axis)
    if axis not in stack:
        raise ValueError(f"{name}: per={each.axis!r}: must be a stack axis, not one of the planes or volumes")
    count = source.full_leading[stack.index(axis)]
    if len(each.values) != count:
        raise ValueError(
            f"{name}: must have {count} values, one for each index of axis {each.axis!r}, not {len(each.values)}"
        )
    return stack.index(axis)


def _extent(plan: Plan) -> float:
    """Return how far a plan reads beyond a box."""
    return sum(plan.reach.halo(len(plan.grid))) if isinstance(plan.reach, Neighborhood) else math.inf


def resolve(
    op: Operation, image: Any, images: Sequence[Any], options: Options | None, parameters: Mapping[str, Any] | None,
    threads: int, axis_names: tuple[str, ...] = (), shared: dict[Any, Any] | None = None,
    recall: Recall | None = None, items: tuple[Index, ...] | None = None, count_saturated: bool = True,
) -> Generator[Progress, None, Plan]:  # fmt: skip
    """Return a plan with value ranges but without statistics; arguments as in `prepare`.

    `shared` holds what was measured for other parameters, and receives what is measured; `recall` what other
    preparations have counted.
    """
    options, shared, recall = options or Options(), {} if shared is None else shared, recall or Recall()
    source, further = check(op, image, images, options, axis_names, recall)
    if items is not None and (not items or not {*items} <= {*source.indices}):
        raise ValueError(f"items={items}: must be indices of items in a stack of shape {source.leading}, at least one")
    given = op.validate(parameters or {})
    values = call(op.values, given) if callable(op.values) else op.values
    auto = op.result_type(source.dtype, {**given, **further})
    declared = {"auto": auto, "same": source.dtype, "float32": np.dtype(np.float32)}
    dtype = declared[options.dtype]
    if options.around is not None and values == "exact":
        values = "float"
    same_range = values, op.uses_range(given)
    asked = _asked_by_auto(op, given)
    own = None if "values" in asked else items
    steps: Generator[Progress, None, Any] = find_value_ranges(
        op, given, source, options, values, threads, recall, own, count_saturated
    )
    value_ranges, saturated = yield from _once(shared, ("values", *same_range), steps)
    seen = [transformed_range(found, options.around) for found in value_ranges.values()]
    known = {"dtype": dtype, "values": joined_range(seen), "channels": source.channels}
    steps = find_color_ranges(op, given, source, options, threads, recall)
    color_ranges = yield from _once(shared, ("colors", *same_range), steps)
    names = op.noise_names(given)
    noise: dict[Index, dict[str, Any]] = {(): {}}
    if names:
        own = None if "reach" in asked else own
        steps = measure_noise(source, value_ranges, color_ranges, options, names, threads, recall, own)
        noise = yield from _once(shared, ("noise", *same_range, *sorted(names)), steps)
    resolved = op.resolve(given, source.item, known | noise[()])
    by_item = {index: op.resolve(given, source.item, known | found) for index, found in noise.items() if index}
    reach = resolve_reach(op.reach, {**resolved, **further, "shape": source.item})
    return Plan(
        op, resolved, options, source, further, values, reach, dtype, value_ranges, saturated=saturated, given=given,
        by_item=by_item, color_ranges=color_ranges, items=items,
    )  # fmt: skip


def _asked_by_auto(op: Operation, given: Mapping[str, Any]) -> set[str]:
    """Return what rules of "auto" ask for; with "reach", if that depends on what they return of noise."""
    rules = dict(op.rules_of_auto(given))
    asked = {name for rule in rules.values() for name in arguments(rule)}
    of_noise = {name for name, rule in rules.items() if not NOISE.isdisjoint(arguments(rule))}
    depends = callable(op.reach) and not of_noise.isdisjoint(arguments(op.reach))
    return asked | {"reach"} if depends else asked


def _once(shared: dict[Any, Any], key: Any, steps: Generator[Progress, None, Any]) -> Generator[Progress, None, Any]:
    """Return what steps return, or what those of an equal key have returned."""
    if key not in shared:
        shared[key] = yield from steps
    return shared[key]


def check(
    op: Operation, image: Any, images: Sequence[Any], options: Options, axis_names: tuple[str, ...] = (),
    recall: Recall | None = None,
) -> tuple[Source, dict[str, Any]]:  # fmt: skip
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
    with_chunks = (recall or Recall()).with_chunks
    source = options.source(image, axis_names, with_chunks)
    if not op.works_on(source.ndim):
        allowed = " or ".join(map(str, op.dimensions))
        if options.axes is not None:
            raise ValueError(f"axes={options.axes!r}: must be {allowed} axes for {op.id}")
        raise ValueError(f"ndim={source.ndim}: must be {allowed} for {op.id}")
    if options.around is not None and (reason := _why_not_wrapped(op, source)):
        raise ValueError(f"around={options.around!r}: must be None for {op.id}, which {reason}")
    if op.channels == "reduce" and not source.channels:
        raise ValueError(f"channel_axis=None: must be the axis of the RGB or RGBA channels, which {op.id} needs")
    most = len(op.images) - 1
    least = most - len(op.optional)
    if not least <= len(images) <= most:
        names = ", ".join(name for name, _ in op.images[1:])
        count = f"{most}" if least == most else f"{least} or {most}" if most - least == 1 else f"{least} to {most}"
        noun = "further image" if most == 1 else "further images"
        raise ValueError(f"images: {op.id} takes {count} {noun}{f' ({names})' if names else ''}, not {len(images)}")
    return source, _further_images(op, source, images, options, with_chunks)


def _why_not_wrapped(op: Operation, source: Source) -> str:
    """Return why nothing can be around an operation; "" if it can."""
    reasons = {
        "moves pixels": op.is_warp,
        "makes one value of colors": bool(source.channels) and op.channels in ("brightness", "reduce"),
        "drops an axis": op.drops is not None,
        "computes with a further image at each pixel": any(role == "aligned" for _, role in op.images),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _further_images(
    op: Operation, source: Source, images: Sequence[Any], options: Options, with_chunks: Callable[[Any], Any]
) -> dict[str, Any]:
    further: dict[str, Any] = dict.fromkeys(op.optional)
    for (name, role), array in zip(op.images[1:], images, strict=False):
        if array is None and name in op.optional:
            continue
        if role == "whole":
            further[name] = _finite_array(name, np.asarray(array))
        elif role == "aligned":
            further[name] = _aligned_source(name, with_chunks(_arranged_alike(array, source)), source)
        else:
            axes = len(array.shape) - (options.channel_axis is not None)
            further[name] = Source(with_chunks(array), min(options.ndim, axes), options.channel_axis)
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


def _arranged_alike(array: Any, source: Source) -> Any:
    """Return a further image with its axes moved as those of the image, if it has all of them, but perhaps channels."""
    if not source.order or not len(source.places) <= len(array.shape) <= len(source.order):
        return array
    order = source.order if len(array.shape) == len(source.order) else source.given_places
    return arranged(array, tuple(int(k) for k in np.argsort(np.argsort(order))))
