"""The result of a plan as an array whose boxes are computed when they are read, each source box once."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...contract.progress import checkpoint
from ...contract.reach import Box, Gather, Whole, size, within
from ..chunks import Grid
from ..lazy import TileCache
from ..lazy.blocks import grid_of_tiles
from ..lazy.shaped import Shaped
from ..plan import Plan
from ..region import arrays_read, compute_block
from ..run import count_outside, dropped_span
from ..source import Index
from ..tiles import is_fixed, tiles
from ..values import Losses
from .held import bytes_of, holding, united
from .losses import Account, account, counted_in

Array = NDArray[Any]
PIECE = 2**19  # pixels that are computed at a time: few enough for caches, enough to outweigh their halos
HELD = 2**27  # bytes of boxes that are held at a time; or the share of what is computed
SHARE = 6
Job = tuple[Index, Box]


class Needed(NamedTuple):
    """The boxes to compute for a box, and what they read."""

    jobs: list[Job]
    reads: list[list[tuple[Any, Box]]]


class BoxArray(Shaped):
    """The result of a plan as an array: a box of it equals that of a run to the bit; nothing of it is kept.

    Only tiles are kept that must not be cut, because others would change the result.

    Parameters
    ----------
    plan
        From `prepare` with a `BoxRecall`, for all items.
    kept
        Where such tiles are kept; None for nowhere.

    Attributes
    ----------
    owners
        Function that returns, for a box of this array, the boxes of arrays in which what is computed for it alone is
        counted.
    """

    is_computed = True

    def __init__(self, plan: Plan, kept: TileCache | None = None) -> None:
        self.plan, self._kept = plan, kept
        self.shape, self.dtype = tuple(map(int, plan.shape)), np.dtype(plan.dtype)
        self.owners: Callable[[Box], dict[BoxArray, Box]] = lambda box: {self: box}
        self._number = kept.enter(self) if kept is not None else 0
        self._grids: dict[int, Grid] = {}
        self._accounts: dict[Job, Account] = {}

    @property
    def chunks_of_tiles(self) -> tuple[int, ...]:
        """Lengths of a tile that must not be cut along the axes frames, those of an item, and channels."""
        plan = self.plan
        frames = (plan.frames.count,) if plan.frames else ()
        return (*frames, *size(tiles(plan.grid, plan.reach)[0]), max(plan.source.channels, 1))

    def __getitem__(self, key: Any) -> Any:
        """Compute a box given by slices."""
        return self.peek(key)

    def peek(self, key: tuple[Any, ...]) -> Array:
        """Compute a box given by slices, as an array that must not be changed."""
        return self.compute(tuple(k.indices(n)[:2] for k, n in zip(key, self.shape, strict=True)))

    def compute(self, box: Box) -> Array:
        """Compute a box in this thread."""
        plan = self.plan
        frames, leading, inner, channels = self._split(box)
        jobs, reads = self._needed(leading, inner)
        out = np.empty(size((*frames, *leading, *inner, *channels)), self.dtype)

        def put(job: Job, block: Array, of: Box) -> None:
            index, _ = job
            both = _meet(of, inner)
            target: Any = (*(slice(None) for _ in frames), *(i - a for i, (a, _) in zip(index, leading, strict=True)))
            chosen = (*(slice(*f) for f in frames), *within(both, of), *(slice(*c) for c in channels))
            out[(*target, *within(both, inner), *(slice(None) for _ in channels))] = block[chosen]

        if is_fixed(plan.at(jobs[0][0]).reach):
            for number, job in enumerate(jobs):
                checkpoint(number / len(jobs))
                put(job, self._tile(job, reads[number], box), job[1])
        else:
            self._compute_pieces(jobs, reads, box, put)
        return out.transpose(plan.order)

    def _compute_pieces(self, jobs: list[Job], reads: list[list[tuple[Any, Box]]], box: Box, put: Any) -> None:
        """Compute pieces, and hold what all of them read, or parts of them if that is much."""
        of_plan = size(box)
        limit = max(HELD, SHARE * math.prod(of_plan) * self.dtype.itemsize)
        done = 0
        for first, stop in _groups(reads, 0, len(jobs), limit):
            boxes = united(reads[first:stop])
            with holding(boxes if bytes_of(boxes) <= limit or not self.plan.operation.drops else ()):
                for job in jobs[first:stop]:
                    checkpoint(done / len(jobs))
                    put(job, self._counted(job), job[1])
                    done += 1

    def _split(self, box: Box) -> tuple[Box, Box, Box, Box]:
        """Return the spans of frames, stack axes, axes of an item and channels of a box."""
        plan = self.plan
        spans = [box[plan.order.index(k)] for k in range(len(plan.order))]
        frames, lead, item = int(plan.frames is not None), len(plan.source.leading), len(plan.item)
        ends = list(itertools.accumulate([frames, lead, item]))
        return (
            tuple(spans[: ends[0]]), tuple(spans[ends[0] : ends[1]]), tuple(spans[ends[1] : ends[2]]),
            tuple(spans[ends[2] :]),
        )  # fmt: skip

    def _needed(self, leading: Box, inner: Box) -> Needed:
        """Return the boxes to compute for a box of some items, and what each reads."""
        jobs: list[Job] = []
        reads = []
        plan = self.plan
        for index in itertools.product(*(range(a, b) for a, b in leading)):
            own = plan.at(index)
            for piece in self._pieces(own, inner):
                jobs.append((index, piece))
                read = (*dropped_span(own), *own.reach.reads(piece, own.grid))
                reads.append(arrays_read(own, index, read, own.reach))
        return Needed(jobs, reads)

    def needed(self, box: Box) -> list[tuple[Any, Box]]:
        """Return, for each array that a box is computed from, the box that it reads."""
        _, leading, inner, _ = self._split(box)
        return united(self._needed(leading, inner).reads)

    def _pieces(self, own: Plan, inner: Box) -> Iterable[Box]:
        """Return the boxes to compute for a box: any where the reach is exact, else the fixed tiles that it meets."""
        reach = own.reach
        if isinstance(reach, Whole):
            return [tuple((0, n) for n in own.grid)]
        if is_fixed(reach):
            grid = self._grids.get(id(own)) or self._grids.setdefault(id(own), grid_of_tiles(own))
            return [grid.box(cell) for cell in itertools.product(*(range(i, j) for i, j in grid.covering(inner)))]
        if isinstance(reach, Gather):
            return tiles(own.source.item, reach, inside=inner)
        return _slabs(inner, reach.halo(len(inner)))

    def _tile(self, job: Job, reads: list[tuple[Any, Box]], box: Box) -> Array:
        """Return a tile that must not be cut; its losses count where the box holds its first pixel."""

        def compute() -> Array:
            self._accounts[job] = mine = Account(self.owners(self._box_of(job)))
            with counted_in(mine), holding(reads):
                return np.ascontiguousarray(self._counted(job))

        tile = compute() if self._kept is None else self._kept.get((self._number, job), compute)
        wanted = account()
        if wanted is not None and (owned := wanted.owned.get(self)) is not None:
            index, tile_box = job
            _, leading, inner, _ = self._split(owned)
            first = (*index, *(a for a, _ in tile_box))
            if all(a <= k < b for k, (a, b) in zip(first, (*leading, *inner), strict=True)):
                wanted.join(self._accounts[job])
        return tile

    def _box_of(self, job: Job) -> Box:
        """Return the box of the result, with all frames and channels, that a box of an item is."""
        plan = self.plan
        frames = [(0, plan.frames.count)] if plan.frames else []
        spans = [*frames, *((i, i + 1) for i in job[0]), *job[1], (0, plan.source.channels)]
        return tuple(spans[k] for k in plan.order)

    def _counted(self, job: Job) -> Array:
        """Compute a box, and count what its values lose where this thread counts."""
        plan, (index, core) = self.plan, job
        wanted = account()
        owned = None if wanted is None else wanted.owned.get(self)
        if wanted is None or owned is None:
            return compute_block(plan, index, core)
        _, leading, inner, _ = self._split(owned)
        part = _meet(core, inner)
        if not all(a <= i < b for i, (a, b) in zip(index, leading, strict=True)) or not all(a < b for a, b in part):
            return compute_block(plan, index, core)
        lost: list[Losses] = []
        block = compute_block(plan, index, core, lost)
        found = reduce(Losses.joined, lost, Losses())
        if part != core and (found.below or found.above):
            of_part: list[Losses] = []
            compute_block(plan, index, part, of_part)
            found = reduce(Losses.joined, of_part, Losses())
        outside = count_outside(plan, index, part) if plan.saturated is None else 0
        if found.below or found.above or outside:
            wanted.add(self, Losses(found.below, found.above, outside=outside))
        return block


def _meet(first: Box, second: Box) -> Box:
    return tuple((max(a, c), min(b, d)) for (a, b), (c, d) in zip(first, second, strict=True))


def _groups(reads: list[list[tuple[Any, Box]]], first: int, stop: int, limit: int) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of runs of pieces that together read at most so many bytes, or are single ones."""
    if stop - first == 1 or bytes_of(united(reads[first:stop])) <= limit:
        yield first, stop
        return
    middle = (first + stop) // 2
    yield from _groups(reads, first, middle, limit)
    yield from _groups(reads, middle, stop, limit)


def _slabs(box: Box, halo: tuple[int, ...]) -> list[Box]:
    """Cut a box into pieces that are long along the axes of long halos, and along the last one."""
    lengths = list(size(box))
    last = len(box) - 1
    while math.prod(lengths) > PIECE:
        axis = max(range(len(box)), key=lambda k: lengths[k] / max(8 * halo[k], 1) if k < last else 0)
        if lengths[axis] <= max(4 * halo[axis], 1):
            axis = max(range(len(box)), key=lambda k: lengths[k] / max(4 * halo[k], 1))
            if lengths[axis] <= max(4 * halo[axis], 1):
                break
        lengths[axis] = -(-lengths[axis] // 2)
    spans = ([(k, min(k + n, b)) for k in range(a, b, n)] for (a, b), n in zip(box, lengths, strict=True))
    return list(itertools.product(*spans))
