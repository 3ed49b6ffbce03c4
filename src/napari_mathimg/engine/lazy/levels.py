"""Levels of a lazy result: the finest exact, the others from coarse levels of the image, with lengths to match."""

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...contract.progress import Progress
from ...contract.reach import POINTWISE, Gather
from ...contract.signature import arguments
from ..chunks import with_cached_chunks
from ..plan import Plan, Variants, resolve_reach
from ..pyramid import level_factors
from ..regions import is_close_at
from ..regions.coarse import BlockMeans, scaled
from ..source import Index, Source, arranged
from ..statistics import measure_statistics
from ..threads import cores
from .array import LazyArray
from .cache import TileCache
from .keys import selection
from .level_maps import gather_at, kernel_at
from .shaped import Shaped

Array = NDArray[Any]
Mark = Literal["exact", "close", "approximate"]
ROUNDING = 1e-9  # pixels; less of a block than this is none
EVEN = 0.125  # of a block that all blocks together may be off by, so that single pixels are computed alone
WORST: tuple[Mark, ...] = ("exact", "close", "approximate")


class Unscalable(Exception):
    """A plan that has no counterpart on larger pixels."""


@dataclass(frozen=True)
class Level:
    """A level of a result, and what its pixels are worth.

    Parameters
    ----------
    array
        Lazy array.
    mark
        "exact": pixels of the result itself. "close": what the operation, which is the same at any scale, makes of the
        means of pixels. "approximate": what it makes of them with its lengths divided by the size of a pixel.
    """

    array: Any
    mark: Mark


class Sampled(Shaped):
    """Single pixels of a lazy array, evenly spread: of each block of pixels, the one in the middle.

    Parameters
    ----------
    array
        The lazy array.
    steps
        Length of a block in pixels along each axis, of at least 1, which need not be whole; the last block may be
        shorter.

    Attributes
    ----------
    shape, dtype, ndim, size, nbytes
        As of a NumPy array: one pixel for each block.
    chunks
        Length of the tiles along each axis, roughly.
    dims
        Names of the axes; () without names.
    """

    is_computed = True

    def __init__(self, array: LazyArray, steps: Sequence[float]) -> None:
        self.array, self.dtype, self.dims = array, array.dtype, array.dims
        blocks = zip(array.shape, steps, strict=True)
        self.shape = tuple(max(math.ceil(n / s - ROUNDING), 1) for n, s in blocks)
        self._all = [_middles(n, m) for n, m in zip(array.shape, self.shape, strict=True)]
        self.chunks = tuple(math.ceil(c / s) for c, s in zip(array.chunks, steps, strict=True))

    def __getitem__(self, key: Any) -> Any:
        """Compute what a key selects, in a new array."""
        found = self.peek(key)
        return found if found.flags.writeable else found.copy()

    def peek(self, key: Any) -> Array:
        """Compute what a key selects, as an array that must not be changed."""
        chosen, parts = selection(key, self.shape), list[Any]()
        for positions, every in zip(chosen.positions, self._all, strict=True):
            if isinstance(positions, range) and isinstance(every, range):
                of_all = every[positions.start : positions.stop : positions.step]
                parts.append(slice(of_all.start, of_all.stop, of_all.step))
            else:
                parts.append(np.asarray(every)[np.asarray(positions, np.intp)])
        if sum(isinstance(p, np.ndarray) for p in parts) > 1:
            of_axes = zip(parts, self.array.shape, strict=True)
            crossed = np.ix_(*(p if isinstance(p, np.ndarray) else np.arange(n)[p] for p, n in of_axes))
            return np.asarray(self.array[crossed][chosen.key])
        return np.asarray(self.array[tuple(parts)][chosen.key])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Compute all pixels."""
        if copy is False:
            raise ValueError("copy=False: must be True or None, because the pixels of a lazy array are computed")
        return np.asarray(self[...], dtype)


def _middles(n: int, m: int) -> range | NDArray[np.intp]:
    """Return the pixels in the middle of m blocks of n pixels in a row, evenly spaced if that is nearly so."""
    step, rest = divmod(n, m)
    if rest <= EVEN * step:
        first = (rest + step) // 2
        return range(first, first + m * step, step)
    found: NDArray[np.intp] = (2 * np.arange(m) + 1) * n // (2 * m)
    return found


def levels(
    finest: LazyArray, images: Sequence[Any], cache: TileCache | None = None, threads: int | None = None
) -> Generator[Progress, None, list[Level]]:
    """Find the levels of a lazy result on those of its image, in a generator that yields progress and returns them.

    What was counted or resolved to numbers on the finest level - value ranges, histograms, "auto" - holds for all of
    them. Only statistics of parts of an image, whose size in pixels depends on the level, are counted on each.

    Parameters
    ----------
    finest
        The result on the finest level of the image.
    images
        Levels of the image, the finest first, the others means of its pixels: arrays of one order of axes, or the
        levels of a lazy image, as this returns them.
    cache
        Where tiles are kept; by default where the finest level keeps its own.
    threads
        Number of threads; by default the number of cores.

    Returns
    -------
    list of Level
        One for each level of the image: the finest as given; then those whose pixels are larger, on each axis of an
        item, by what the pixels of the image's level are. A result that has no counterpart on larger pixels (it
        corrects light by the place, or a further image does not fit) is every n-th pixel of the finest, which takes as
        long.
    """
    cache, found = cache or finest.cache, [Level(finest, "exact")]
    for image in images[1:]:
        array, before = (image.array, image.mark) if isinstance(image, Level) else (image, "exact")
        factors = level_factors(_shape_of(images[0]), array.shape)
        try:
            plan = yield from level_plan(finest.plan, array, threads or cores())
        except Unscalable:
            found.append(Level(Sampled(finest, _steps_in_result(finest.plan, factors)), "exact"))
            continue
        found.append(Level(LazyArray(plan, cache), max(before, _mark(finest.plan, plan), key=WORST.index)))
    return found


def _shape_of(image: Any) -> tuple[int, ...]:
    return tuple(image.array.shape if isinstance(image, Level) else image.shape)


def _steps_in_result(plan: Plan, factors: Array) -> list[float]:
    """Return how many pixels of a result, along each of its axes, one of a level has."""
    source = plan.source
    of_places = [max(float(factors[axis]), 1.0) for axis in source.given_places]
    kept = [n for axis, n in zip(source.given_places, of_places, strict=True) if axis != plan.dropped]
    steps = [*([1.0] if plan.frames else []), *kept, 1.0]
    return [steps[k] for k in plan.order]


def _mark(plan: Plan, coarse: Plan) -> Mark:
    """Return what the pixels of a level are worth."""
    op = plan.operation
    if isinstance(plan.reach, Gather):
        return "close"
    if plan.reach == POINTWISE and "info" not in arguments(op.function) and op.drops is None:
        return "close"
    steps = tuple(max(round(n / m), 1) for n, m in zip(plan.item, coarse.item, strict=True))
    return "close" if is_close_at(plan, steps) else "approximate"


def level_plan(plan: Plan, array: Any, threads: int) -> Generator[Progress, None, Plan]:
    """Make a plan for a level of its image.

    Raises
    ------
    Unscalable
        If there is none.
    """
    given = plan.source
    turned = arranged(array, given.order) if given.order else array
    source = replace(given, array=with_cached_chunks(turned), scope=None)
    lead = level_factors(given.full_leading, source.full_leading)
    if given.scope is not None:
        ends = [
            (int(a / f), max(int(np.ceil(b / f)), int(a / f) + 1)) for (a, b), f in zip(given.scope, lead, strict=True)
        ]
        source = replace(source, scope=tuple(ends))
    if plan.variants is None:
        return (yield from _one_at_level(plan, source, threads))
    if source.full_leading != given.full_leading:
        raise Unscalable
    known: dict[int, Plan] = {}
    for one in plan.variants.plans.values():
        if id(one) not in known:
            known[id(one)] = yield from _one_at_level(one, source, threads)
    plans = {place: known[id(one)] for place, one in plan.variants.plans.items()}
    shapes = {one.shape for one in plans.values()}
    if len(shapes) > 1:
        raise Unscalable
    first = next(iter(plans.values()))
    widest = replace(first, parameters=plan.parameters, by_item=plan.by_item, given=plan.given)
    return replace(widest, variants=Variants(plan.variants.axes, plans))


def _one_at_level(plan: Plan, source: Source, threads: int) -> Generator[Progress, None, Plan]:
    """Make a plan without variants for a level of its image."""
    op, factors = plan.operation, [float(f) for f in level_factors(plan.source.item, source.item)]
    hints = {name: parameter.hint for name, parameter in op.parameters.items()}

    def at_level(parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {name: scaled(value, hints[name], factors) for name, value in parameters.items()}

    images = {name: _image_at(plan, role, plan.images[name], source, factors) for name, role in op.images[1:]}
    parameters, reach = plan.parameters, plan.reach
    if isinstance(reach, Gather):
        if reach.correction is not None:
            raise Unscalable
        reach, by_item = gather_at(reach, factors), plan.by_item
    else:
        parameters, by_item = at_level(parameters), {k: at_level(one) for k, one in plan.by_item.items()}
        try:
            reach = resolve_reach(op.reach, {**parameters, **images, "shape": source.item})
        except ValueError:
            raise Unscalable from None
    coarse = replace(plan, source=source, parameters=parameters, by_item=by_item, images=images, reach=reach)
    coarse = coarse if source.leading == plan.source.leading else _of_other_items(plan, coarse)
    if _counts_parts(plan, coarse):
        coarse = replace(coarse, measured={})
        yield from measure_statistics(coarse, threads)
    return coarse


def _counts_parts(plan: Plan, coarse: Plan) -> bool:
    """Return whether a statistic depends on the size of the image in pixels, or on a length."""
    rules = [rule for s in plan.operation.statistics for rule in (s.measure, s.finish, s.reach, s.boxes)]
    asked = {name for rule in rules if callable(rule) for name in arguments(rule)}
    divided = {name for name, value in plan.parameters.items() if coarse.parameters[name] != value}
    return not asked.isdisjoint({"info", "shape", *divided})


def _image_at(plan: Plan, role: str, image: Any, source: Source, factors: Sequence[float]) -> Any:
    """Return a further image for a level: a kernel on larger pixels, or the means of pixels."""
    if image is None or role == "reference":
        return image
    if role == "whole":
        return kernel_at(image, factors) if isinstance(image, np.ndarray) and image.ndim == len(factors) else image
    steps = tuple(max(round(f), 1) for f in factors)
    coarse = replace(image, array=BlockMeans(image, steps))
    before = len(source.full_leading) - len(coarse.full_leading)
    if coarse.item != source.item or coarse.full_leading != source.full_leading[before:]:
        raise Unscalable
    return coarse


def _of_other_items(plan: Plan, coarse: Plan) -> Plan:
    """Return a plan for a level that has fewer items, each with what was found of the one in its middle."""
    counts = zip(coarse.source.leading, plan.source.leading, strict=True)
    middles = [[(2 * k + 1) * n // (2 * m) for k in range(m)] for m, n in counts]
    at = {i: tuple(m[k] for m, k in zip(middles, i, strict=True)) for i in coarse.source.indices}

    def found(
        entries: Mapping[tuple[Index, int], Any], of: Callable[[Index, int], Any]
    ) -> dict[tuple[Index, int], Any]:
        if all(index == () for index, _ in entries):
            return dict(entries)
        return {(i, c): of(j, c) for i, j in at.items() for c in {channel for _, channel in entries}}

    ranges = plan.value_ranges
    return replace(
        coarse,
        value_ranges=dict(ranges) if () in ranges else {i: ranges[j] for i, j in at.items()},
        measured=found(plan.measured, plan.measured_of),
        tables=found(plan.tables, lambda j, _: plan.table_of(j)),
        cut_levels=found(plan.cut_levels, lambda j, _: plan.cut_levels_of(j)),
        by_item={i: coarse.by_item[j] for i, j in at.items() if j in coarse.by_item},
    )
