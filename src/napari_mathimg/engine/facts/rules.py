"""What a statistic depends on, by the names that its rules ask for."""

from collections.abc import Callable, Sequence
from typing import Any

from ...contract.operation import Statistic
from ...contract.reach import Gather, Reach
from ...contract.signature import arguments
from ..plan import Measured, Plan
from ..source import Index
from .recall import Recall
from .store import Key

RANGE = {"values", "level"}


def key_of_counts(
    recall: Recall,
    plan: Plan,
    statistic: Statistic,
    reach: Reach,
    indices: Sequence[Index],
    channel: int,
    measured: Any,
) -> Key | None:
    """Return the key of the sums of a statistic over some items of an image; None if they cannot be kept."""
    rules = [rule for rule in (statistic.measure, statistic.reach, statistic.boxes) if callable(rule)]
    names = {name for rule in rules for name in arguments(rule)}
    source, options = plan.source, plan.options
    images = [] if statistic.of else [source]
    seen: list[Any] = [source.places, source.scope, statistic.of, statistic.most, repr(reach), *rules]
    if not statistic.of:
        seen += [plan.values, _as_one([options.around and (options.around.wrapper.module, repr(options.around))])]
        seen += [plan.operation.channels if source.channels else "", isinstance(plan.reach, Gather)]
        seen += [plan.operation.drops is not None]
        if plan.values == "normalized" or options.around is not None:
            names = names | RANGE
    where = "all" if len(indices) == len(source.indices) else repr(indices)
    return recall.key(images, "counts", seen, where, channel, *_values(plan, names, indices, channel, measured))


def key_of_finished(
    recall: Recall,
    plan: Plan,
    finish: Callable[..., Any],
    counts: Key | None,
    index: Index,
    channel: int,
    measured: Any,
) -> Key | None:
    """Return the key of what is made of sums under a key."""
    if counts is None:
        return None
    values = _values(plan, {*arguments(finish)}, [index], channel, measured)
    key = recall.key([], "finished", finish, plan.source.item, *values)
    return key and (tuple(dict.fromkeys(counts[0] + key[0])), (counts[1], key[1]))


def _values(plan: Plan, names: set[str], indices: Sequence[Index], channel: int, measured: Any) -> list[Any]:
    """Return the values of those names that some rules ask for."""
    found: list[Any] = []
    parameters = [plan.parameters_of(index) for index in indices] if plan.by_item else [plan.parameters]
    for name in sorted(names):
        if name in plan.parameters:
            found += [name, _as_one([each[name] for each in parameters])]
        elif name in plan.images:
            image = plan.images[name]
            found += [name, image.of(channel) if isinstance(image, Measured) else image]
    if "measured" in names:
        found.append(measured)
    if "dtype" in names:
        found.append(plan.dtype)
    if names & RANGE:
        own = channel if plan.color_ranges else None
        found += [plan.values, plan.color_ranges, _as_one([plan.value_range_of(index, own) for index in indices])]
    return found


def _as_one(values: list[Any]) -> list[Any]:
    """Return one of equal values, or all."""
    return values[:1] if all(value is values[0] or value == values[0] for value in values) else values
