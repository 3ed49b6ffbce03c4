"""Coarse pictures of a result: the operation on an image of larger pixels, with all lengths divided by their size."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from ...contract.reach import Box, Spacing, size
from ...contract.signature import call
from ...contract.types import Number, PerAxis, annotation_of
from ...kernels.means import block_means
from ...methods.padding import nearest_odd, volume
from ..chunks import as_numpy
from ..plan import Plan, resolve_reach
from ..source import Index, Source
from ..values import working_type
from .exact import Found, regions, spacing_of

Array = NDArray[Any]


def coarse(
    plan: Plan, index: Index, box: Box, step: int | tuple[int, ...], threads: int | None = None,
    middle: Sequence[float] | None = None,
) -> Generator[Found | None, None, None]:  # fmt: skip
    """Compute an approximate picture of a box of one item, as `regions` does: one pixel for each block of pixels.

    A block has `step` pixels along each axis, and begins at a multiple of it. The image is replaced by the means of its
    blocks, and lengths in pixels by those in blocks; the value range, statistics and strengths stay as they are.

    Parameters
    ----------
    plan, index, box, step, threads, middle
        As in `regions`.

    Yields
    ------
    tuple of Box and ndarray, or None
        The box that some blocks cover inside of the box, in pixels of the result, and one pixel for each block. None
        is yielded at least every 10 ms while nothing is ready.

    Raises
    ------
    ValueError
        As in `regions`, and if the operation does not promise that this is close (see `is_close_at`).
    """
    if not is_close_at(plan, step):
        raise ValueError(f"{plan.operation.id}: has no coarse picture with step={step} that is close to its result")
    spacing = spacing_of(step, len(box))
    small = coarse_plan(plan, index, spacing)
    blocks = tuple((a // n, -(-b // n)) for (a, b), n in zip(box, spacing, strict=True))
    point = None if middle is None else [p / n for p, n in zip(middle, spacing, strict=True)]
    for found in regions(small, index, blocks, threads=threads, middle=point):
        yield None if found is None else (_in_pixels(found[0], spacing, box), found[1])


def is_close_at(plan: Plan, step: int | tuple[int, ...]) -> bool:
    """Return whether coarse pictures with a step are close to a result, as its operation declares."""
    spacing, scales = spacing_of(step, len(plan.item)), plan.operation.scales
    plans = plan.variants.plans.values() if plan.variants else [plan]
    return bool(scales) and all(not callable(scales) or call(scales, _in_blocks(p, spacing)) for p in plans)


def coarse_plan(plan: Plan, index: Index, spacing: Spacing) -> Plan:
    """Return the plan of an item on the means of blocks, with the parameters in units of these blocks."""
    plan = plan.at(index)
    source = replace(plan.source, array=BlockMeans(plan.source, spacing))
    parameters = _in_blocks(plan, spacing, index)
    reach = resolve_reach(plan.operation.reach, {**parameters, **plan.images, "shape": source.item})
    return replace(plan, source=source, parameters=parameters, by_item={}, reach=reach)


def _in_blocks(plan: Plan, spacing: Spacing, index: Index | None = None) -> dict[str, Any]:
    """Return the parameters of a plan, or those of an item, with lengths in blocks."""
    given = plan.parameters if index is None else plan.parameters_of(index)
    hints = {name: p.hint for name, p in plan.operation.parameters.items()}
    return {name: scaled(value, hints[name], spacing) for name, value in given.items()}


def scaled(value: Any, hint: Any, spacing: Sequence[float]) -> Any:
    """Return the value of a parameter in units of blocks if its type says that it is in pixels; others as they are.

    Whole numbers are rounded, odd sizes to an odd number, and kept within their bounds.
    """
    numbers = [number for number in _numbers(hint) if number.unit == "px"]
    if not numbers:
        return value
    axes = annotation_of(hint, PerAxis)
    if isinstance(value, tuple) and axes and len(value) == len(spacing):
        return tuple(_divided(v, n, numbers[0], axes.odd) for v, n in zip(value, spacing, strict=True))
    if isinstance(value, tuple):
        return tuple(scaled(each, hint, spacing) for each in value)
    mean = float(np.sqrt(spacing[-1] * spacing[-2])) if len(spacing) > 1 else spacing[0]
    return _divided(value, mean, numbers[0], odd=False)


def _numbers(hint: Any) -> Iterator[Number]:
    """Yield the notes on numbers that an annotated type has, also inside of unions and tuples."""
    for part in get_args(hint):
        if isinstance(part, Number):
            yield part
        else:
            yield from _numbers(part)


def _divided(value: Any, size_of_block: float, number: Number, odd: bool) -> Any:
    if not isinstance(value, int | float):
        return value
    length = value / size_of_block
    if odd:
        length = nearest_odd((max(length, 1.0),))[0]
    length = max(length, number.ge if number.ge is not None else length)
    return max(round(length), 1) if isinstance(value, int) and value > 0 else type(value)(length)


def _in_pixels(blocks: Box, spacing: Spacing, box: Box) -> Box:
    """Return the box of pixels that a box of blocks covers inside of a box."""
    spans = zip(blocks, spacing, box, strict=True)
    return tuple((max(a * n, first), min(b * n, last)) for (a, b), n, (first, last) in spans)


class BlockMeans:
    """A lazy array of the means of the blocks of a source's items; holes have no weight.

    Parameters
    ----------
    source
        The source, whose stack and channels stay as they are.
    spacing
        Pixels of a block along each axis of an item.
    """

    def __init__(self, source: Source, spacing: Spacing) -> None:
        self._array, self._channels, every = source.array, source.axis, list((1,) * len(source.full_leading) + spacing)
        if source.axis is not None:
            every.insert(source.axis, 1)
        self._spacing = tuple(every)
        self.shape = size(tuple((0, int(n)) for n in source.array.shape), self._spacing)
        self.dtype = working_type(source.dtype)

    def __getitem__(self, key: tuple[Any, ...]) -> Array:
        """Read a box given by integers and slices of step 1."""
        kept = [axis for axis, k in enumerate(key) if isinstance(k, slice)]
        spans = [k.indices(n) if isinstance(k, slice) else (k, k + 1) for k, n in zip(key, self.shape, strict=True)]
        wanted = zip(spans, self._spacing, self._array.shape, strict=True)
        read = [slice(a * n, min(b * n, length)) for (a, b, *_), n, length in wanted]
        pixels = as_numpy(self._array, tuple(r if k in kept else spans[k][0] for k, r in enumerate(read)))
        lengths = [spans[k][1] - spans[k][0] for k in kept]
        means = np.empty(lengths, self.dtype)
        channels = kept.index(self._channels) if self._channels in kept else None
        item = [self._spacing[k] for k in kept if k != self._channels]
        pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
        for c in range(1 if channels is None else lengths[channels]):
            of: tuple[Any, ...] = () if channels is None else (*(slice(None),) * channels, c)
            block, out = (volume(x[of], len(item)) for x in (pixels, means))
            block_means(block, *(1,) * (3 - len(item)), *item, out)
        return means
