"""The tiles in which the items of a lazy array are computed and kept, and their computation."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...contract.progress import RunContext, checkpoint, context
from ...contract.reach import Box, Gather, Neighborhood, Spacing, size, within
from ..chunks import CachedChunks, Grid, is_computed, kept
from ..chunks.grid import grid_of
from ..plan import Plan
from ..region import compute_block, every_frame
from ..regions.pieces import sides
from ..source import Index
from ..threads import cores
from ..tiles import is_fixed, tiles
from .room import room

Array = NDArray[Any]
PIXELS = {1: 2**16, 2: 2**16, 3: 2**18}  # of a tile, by the number of axes of an item: soon there, and worth a call
HALOS = 8  # smallest side of a tile as a multiple of the radius, so that little is computed twice
SPACED = 2**18  # pixels at most that are computed at a time of every n-th
SHARED = 2**14  # pixels of these that are worth another thread
READ = 2**22  # pixels at most between them, where those that are left out are read from chunks


class _Inside:
    """The run context of a tile that a task of a run needs, whose progress is not that of the task."""

    def __init__(self, run: RunContext) -> None:
        self.stop_word, self.stop_if_canceled, self.spread_pieces = (
            run.stop_word, run.stop_if_canceled, run.spread_pieces
        )  # fmt: skip

    def set_progress(self, done: float) -> None:
        """Do nothing."""


def lengths_of_tiles(plan: Plan) -> tuple[int, ...]:
    """Return the sides of the tiles of an item: those of a run, where other tiles would change the result."""
    reach, item = plan.reach, plan.item
    if is_fixed(reach):
        return size(tiles(plan.grid, reach)[0])
    least = [HALOS * h for h in reach.halo(len(item))] if isinstance(reach, Neighborhood) else [0] * len(item)
    return tuple(sides(item, PIXELS.get(len(item), PIXELS[3]), least))


def grid_of_tiles(plan: Plan) -> Grid:
    """Return the grid of the tiles of an item."""
    edges = [np.append(np.arange(0, n, s), n) for n, s in zip(plan.item, lengths_of_tiles(plan), strict=True)]
    return Grid(tuple(edges))


def compute_tile(plan: Plan, index: Index, box: Box) -> Array:
    """Compute a tile in this thread, with the axes frames, those of the box, channels; it belongs to the caller."""
    run = context.get()
    token = context.set(None if run is None else _Inside(run))
    try:
        with kept.apart():
            tile = _joined(plan, index, box)
    finally:
        context.reset(token)
    return tile if tile.base is None and tile.flags.c_contiguous else tile.copy()


def _joined(plan: Plan, index: Index, box: Box) -> Array:
    """Compute a box; of a map that reads much for it, part by part."""
    own = plan.at(index)
    parts = list(tiles(own.source.item, own.reach, inside=box)) if isinstance(own.reach, Gather) else [box]
    if is_fixed(own.reach):
        with room.of_block(own, box):
            return compute_block(own, index, box)
    if len(parts) == 1:
        return compute_block(own, index, box)
    out: Array | None = None
    frames = every_frame(own)
    for part in parts:
        checkpoint()
        block = compute_block(own, index, part)
        if out is None:
            out = np.empty((*block.shape[: len(frames)], *size(box), *block.shape[len(frames) + len(box) :]), own.dtype)
        out[frames + within(part, box)] = block
    assert out is not None
    return out


def spaced_parts(plan: Plan, index: Index, box: Box, spacing: Spacing) -> Iterator[Box]:
    """Cut a box, of which every n-th pixel is computed, into parts that begin at such pixels."""
    own = plan.at(index)
    array = own.source.array
    reads_all = isinstance(array, CachedChunks) and not is_computed(array)
    reads_all = reads_all or not (isinstance(array, np.ndarray) or grid_of(array) is not None)
    pixels = min(SPACED, max(math.prod(size(box, spacing)) // cores(), SHARED))
    yield from _halved(box, spacing, pixels, READ if reads_all or isinstance(own.reach, Gather) else math.inf)


def _halved(box: Box, spacing: Spacing, pixels: int, most: float) -> Iterator[Box]:
    counts = size(box, spacing)
    if math.prod(counts) <= pixels and (math.prod(size(box)) <= most or max(counts) == 1):
        yield box
        return
    axis = counts.index(max(counts))
    (a, b), n = box[axis], spacing[axis]
    middle = a + counts[axis] // 2 * n
    for part in ((a, middle), (middle, b)):
        yield from _halved((*box[:axis], part, *box[axis + 1 :]), spacing, pixels, most)


def compute_spaced(plan: Plan, index: Index, box: Box, spacing: Spacing) -> Array:
    """Compute every n-th pixel of a box in this thread, axes as in `compute_tile`."""
    run = context.get()
    token = context.set(None if run is None else _Inside(run))
    try:
        with kept.apart():
            return compute_block(plan, index, box, spacing=spacing)
    finally:
        context.reset(token)


def one_by_one(work: Callable[[Any], None], tasks: Iterable[Any]) -> None:
    """Run tasks in this thread."""
    for task in tasks:
        checkpoint()
        work(task)
