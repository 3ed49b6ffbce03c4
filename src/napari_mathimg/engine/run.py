"""A run: all regions of a result, computed in threads."""

import itertools
from collections.abc import Callable, Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.progress import Progress
from ..contract.reach import Box, size
from .chunks import ChunkWriter, Grid, read_tasks
from .plan import Plan
from .region import arrays_read, compute_block
from .source import Index
from .threads import cores
from .tiles import is_fixed, tiles

Task = tuple[Index, Box]


def run(plan: Plan, out: Any = None, threads: int | None = None) -> Generator[Progress, None, Any]:
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

    Returns
    -------
    array
        `out`, or the new array.

    Raises
    ------
    ValueError
        If `out` has another shape than the plan; nothing is written then.
    """
    array = np.empty(plan.shape, plan.dtype) if out is None else out
    if tuple(array.shape) != plan.shape:
        raise ValueError(f"out: must have shape {plan.shape}, not {tuple(array.shape)}; nothing was written")
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
        dropped = () if plan.dropped is None else ((0, plan.source.item[0]),)
        return arrays_read(of_item, index, (*dropped, *of_item.reach.reads(core, plan.grid)))

    def work(task: Task) -> None:
        box = _box_in_result(plan, *task)
        writer.write(box, _in_axes_of_result(plan, compute_block(plan, *task)))

    yield from read_tasks(plan.operation.title, tasks, reads, work, threads or cores(), groups=groups)
    return array


def _tiles_of(plan: Plan, inside: Box | None = None) -> Callable[[Index], list[Box]]:
    """Return a function that returns the tiles of an item, or those inside a box."""
    if plan.variants is not None:
        return lambda index: tiles(plan.grid, plan.at(index).reach, inside=inside)
    same = tiles(plan.grid, plan.reach, inside=inside)
    return lambda index: same


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
