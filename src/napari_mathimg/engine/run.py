"""A run: all regions of a result, computed in threads."""

import itertools
import math
from collections.abc import Callable, Generator
from functools import reduce
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ..contract.progress import Progress
from ..contract.quantities import quantity, sizes
from ..contract.reach import Box, Gather, Neighborhood, size
from ..contract.signature import call
from .chunks import ChunkWriter, Grid, read_tasks
from .facts.identity import innermost
from .memory import memory_at_hand
from .plan import Plan
from .region import SLAB, arrays_read, compute_block
from .source import Index
from .threads import cores
from .tiles import is_fixed, tiles
from .values import Losses, working_type

Task = tuple[Index, Box]


class NotEnoughMemory(ValueError):
    """A result, or its computation, is larger than the memory that it may take."""


SAMPLED = 32  # tiles whose size is looked at
WAY_OUT = "choose a smaller scope or region, or give `run` an array in a file as `out`"
CONVERSION = 2  # numbers of the working type for each value while it is rounded to the type of the result


def run(
    plan: Plan, out: Any = None, threads: int | None = None, lost: list[Losses] | None = None
) -> Generator[Progress, None, Any]:
    """Compute the whole result in a generator that yields progress and returns the result; closing it cancels.

    Each chunk of the source is read once. Each chunk of `out`, or each shard where it has shards, is written by one
    thread in one piece; only if parts of too many of them wait for others, some are written twice.

    Parameters
    ----------
    plan
        From `prepare`.
    out
        Array that receives the result, of the shape of the plan; by default a new NumPy array.
    threads
        Number of threads; by default the number of cores. The result does not depend on it.
    lost
        List that receives what the values lost when they were brought into the type of the result, and how many were
        clipped to the value range if the plan does not tell it.

    Returns
    -------
    array
        `out`, or the new array.

    Raises
    ------
    ValueError
        If the plan was prepared for some items only, `out` has another shape than the plan, or, without it, the memory
        at hand does not hold a new array and what is needed to compute a block of it; nothing is written then.
    """
    threads = threads or cores()
    if plan.items is not None:
        raise ValueError(f"items={plan.items}: must be None for a run, which computes all items")
    if out is not None and tuple(out.shape) != plan.shape:
        raise ValueError(f"out: must have shape {plan.shape}, not {tuple(out.shape)}; nothing was written")
    at_once = blocks_at_once(plan, threads, in_memory=out is None)
    array = np.empty(plan.shape, plan.dtype) if out is None else out
    losses: dict[Task, Losses] = {}
    indices, tiles_of = plan.source.indices, _tiles_of(plan)
    in_tiles = [(index, box) for index in indices for box in tiles_of(index)]
    writer = ChunkWriter(array, _cell_lengths(plan, size(in_tiles[0][1])))
    tasks, groups = in_tiles, None
    if writer.grid is not None and any(is_fixed(plan.at(index).reach) for index in indices):
        centers = [[(a + b) // 2 for a, b in _box_in_result(plan, *task)] for task in tasks]
        groups = [writer.grid.number_at(center) for center in centers]
    elif writer.grid is not None:
        tasks, groups = _tasks_of_cells(plan, writer.grid)

    def reads(task: Task) -> list[tuple[Any, Box]]:
        index, core = task
        of_item = plan.at(index)
        return arrays_read(of_item, index, (*dropped_span(plan), *of_item.reach.reads(core, plan.grid)), of_item.reach)

    def work(task: Task) -> None:
        of_task: list[Losses] = []
        block = compute_block(plan, *task, of_task)
        if plan.saturated is None:
            of_task.append(Losses(outside=count_outside(plan, *task)))
        if of_task != [Losses()]:
            losses[task] = reduce(Losses.joined, of_task)
        writer.write(_box_in_result(plan, *task), _in_axes_of_result(plan, block))

    yield from read_tasks(plan.operation.title, tasks, reads, work, threads, groups=groups, at_once=at_once)
    if lost is not None:
        lost.append(reduce(Losses.joined, (losses[task] for task in sorted(losses)), Losses()))
    return array


def count_outside(plan: Plan, index: Index, core: Box) -> int:
    """Count the values of a block outside the value range, to which an operation that keeps the domain clips them."""
    values, ends = plan.source.without_opacity(plan.source.read(index, core)), plan.at(index).value_ranges
    found = ends[index] if index in ends else ends[()]
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    return int(np.count_nonzero((values < found.low) | (values > found.high)))


def _tiles_of(plan: Plan, inside: Box | None = None) -> Callable[[Index], list[Box]]:
    """Return a function that returns the tiles of an item, or those inside a box."""
    if plan.variants is not None:
        return lambda index: tiles(plan.grid, plan.at(index).reach, inside=inside)
    same = tiles(plan.grid, plan.reach, inside=inside)
    return lambda index: same


def blocks_at_once(plan: Plan, threads: int, in_memory: bool, allowed: int | None = None) -> int:
    """Return how many blocks can be computed at a time in the memory at hand, at most one for each thread.

    Parameters
    ----------
    plan, threads
        As in `run`.
    in_memory
        Whether the result is to be allocated; what is written to an array at hand is not refused.
    allowed
        Largest size of this result in bytes; by default the memory at hand.

    Raises
    ------
    NotEnoughMemory
        If there is not enough memory for the result and one block, or the result is larger than is allowed.
    """
    at_hand = memory_at_hand()
    result = math.prod(plan.shape) * plan.dtype.itemsize if in_memory else 0
    limit = at_hand if allowed is None else min(allowed, at_hand)
    if result > limit:  # before its tiles are counted: there may be too many
        why = f"{gib(limit)} are allowed" if limit < at_hand else f"{gib(at_hand)} of memory are free"
        raise NotEnoughMemory(f"{plan.operation.id}: {_result(plan)} needs {gib(result)}, but {why}; {WAY_OUT}")
    block = max(map(largest_block, _variants(plan)))
    chunk = getattr(plan.source.array, "largest_chunk", 0)
    if in_memory and result + chunk + block > at_hand:
        raise NotEnoughMemory(
            f"{plan.operation.id}: {_result(plan)} needs {gib(result)}, and its computation {gib(chunk + block)},"
            f" but {gib(at_hand)} of memory are free; {WAY_OUT}"
        )
    return max(min(threads, (at_hand - result - chunk) // block), 1)


def largest_block(plan: Plan) -> int:
    """Return how many bytes the computation of a block needs at most, judged by some of them."""
    boxes = tiles(plan.grid, plan.reach)
    some = boxes[:: max(len(boxes) // SAMPLED, 1)]
    return max(block_bytes(plan, core) for core in (*some, boxes[len(boxes) // 2])) + bytes_of_source(plan)


def bytes_of_source(plan: Plan) -> int:
    """Return how many bytes the computation of a block of the image needs, where it is itself computed; else 0."""
    inner: Plan | None = getattr(innermost(plan.source.array), "plan", None)
    return 0 if inner is None else max(map(largest_block, _variants(inner)))


def _variants(plan: Plan) -> list[Plan]:
    return list({id(one): one for one in plan.variants.plans.values()}.values()) if plan.variants else [plan]


def refuse_block(plan: Plan, box: Box, needed: int, at_hand: int) -> NoReturn:
    """Raise NotEnoughMemory for a block that the memory at hand does not hold."""
    raise NotEnoughMemory(
        f"{plan.operation.id}: a block of {sizes(size(box))} pixels needs {gib(needed)}, but {gib(at_hand)} of memory"
        " are free; choose a smaller image"
    )


def _result(plan: Plan) -> str:
    return f"a result of {sizes(plan.shape)} pixels ({plan.dtype})"


def gib(count: int) -> str:
    """Write a number of bytes in GiB."""
    amount = count / 2**30
    return quantity(round(amount, 1) if amount >= 1 else amount, "GiB", 3 if amount >= 1 else 2)


def dropped_span(plan: Plan) -> Box:
    """Return (0, length) of the axis that the operation drops, of which each block reads all; () if it drops none."""
    return () if plan.dropped is None else ((0, plan.source.item[0]),)


def block_bytes(plan: Plan, core: Box) -> int:
    """Return how many bytes the computation of a block needs, from reading it to its result."""
    op, source = plan.operation, plan.source
    slab = [n if op.drops and op.drops.merge is None else min(n, SLAB) for _, n in dropped_span(plan)]
    read = (*((0, n) for n in slab), *plan.reach.reads(core, plan.grid))
    padded = size(read)
    if isinstance(plan.reach, Neighborhood):
        halos = (min(h, n) for h, n in zip(plan.reach.halo(len(core)), plan.grid, strict=True))
        padded = (*slab, *(n + 2 * h for n, h in zip(size(core), halos, strict=True)))
    if not isinstance(plan.reach, Gather) and plan.reach.beyond:
        padded = (*slab, *(n + 2 * h for n, h in zip(size(core), plan.reach.beyond, strict=True)))
    pixels, colors = max(math.prod(padded), math.prod(size(core))), source.colors or 1
    number = working_type(source.dtype).itemsize
    together = colors if op.channels in ("joint", "reduce") or op.is_warp else 1
    if callable(op.working):
        kind = {"working_type": working_type(source.dtype), "may_have_holes": source.dtype.kind == "f"}
        numbers = call(op.working, {**plan.parameters, **plan.images, **kind, "shape": size(read)})
    else:
        numbers = op.working * pixels
    frames = plan.frames.count if plan.frames else 1
    of_all_colors = pixels * (source.channels or 1) * (source.dtype.itemsize + 2 * number * (source.channels > 0))
    of_result = frames * math.prod(size(core)) * colors * (number * CONVERSION + plan.dtype.itemsize)
    return int(numbers * together * number + of_all_colors + of_result)


def _cell_lengths(plan: Plan, tile: tuple[int, ...]) -> list[int]:
    """Return how far small chunks of the result are written together: all frames and channels, and about a tile."""
    lengths = [plan.frames.count] if plan.frames else []
    lengths += [*(1 for _ in plan.source.leading), *tile, plan.source.channels]
    return [lengths[k] for k in plan.order]


def _tasks_of_cells(plan: Plan, grid: Grid) -> tuple[list[Task], list[tuple[int, ...]]]:
    """Return tiles that do not cross the cells in which the result is written, and the number of the cell of each."""
    edges = {k: e.tolist() for k, e in zip(plan.order, grid.edges, strict=True)}
    lead, first = len(plan.source.leading), int(plan.frames is not None)
    spans = [list(itertools.pairwise(edges[k])) for k in range(first, first + lead + len(plan.item))]
    tasks: list[Task] = []
    groups: list[tuple[int, ...]] = []
    for number, cell in enumerate(itertools.product(*spans)):
        tiles_of = _tiles_of(plan, inside=cell[lead:])
        in_cell = itertools.product(*(range(a, b) for a, b in cell[:lead]))
        of_cell = [(index, box) for index in in_cell for box in tiles_of(index)]
        tasks += of_cell
        groups += [(number,)] * len(of_cell)
    return tasks, groups


def _box_in_result(plan: Plan, index: Index, box: Box) -> Box:
    """Return the box of the result, with all frames and channels, that a box of an item is."""
    frames = [(0, plan.frames.count)] if plan.frames else []
    inside = [*frames, *((i, i + 1) for i in index), *box, (0, plan.source.channels)]
    return tuple(inside[k] for k in plan.order)


def _in_axes_of_result(plan: Plan, block: NDArray[Any]) -> NDArray[Any]:
    """Return a computed block with the axes of the result, in their order."""
    frames = (slice(None),) if plan.frames else ()
    return block[(*frames, *(None for _ in plan.source.leading))].transpose(plan.order)
