"""Results that are computed where they are read: a plan as an array, and as the source of the next plan."""

import math
from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from threading import Lock
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from ...contract.progress import Progress, context, run_to_end
from ...contract.reach import Spacing, size
from ..chunks import Grid, kept
from ..memory import memory_at_hand
from ..plan import Plan
from ..regions import is_exact_at
from ..run import blocks_at_once, run
from ..source import Index
from ..threads import cores, run_tasks
from ..tiles import is_fixed
from ..values import Losses
from .blocks import compute_spaced, compute_tile, grid_of_tiles, lengths_of_tiles, one_by_one, spaced_parts
from .cache import TileCache, shared_cache
from .keys import Selection, selection
from .reading import Part, Request
from .shaped import Shaped

Array = NDArray[Any]
SMALL = 2**26  # bytes; what is not larger is read without a look at the memory at hand
SINGLE = 2**16  # pixels; what is not more is computed in the thread that reads it
COLORS = "rgb"  # name of the axis of colors, where the others have names
_helped = Lock()  # held by the one reader that has threads of its own


class Computed(NamedTuple):
    """A lazy array that was computed whole: its pixels, and what values lost, those clipped to a value range too."""

    array: Array
    losses: Losses
    saturated: int


class LazyArray(Shaped):
    """The result of a plan as an array whose pixels are computed where they are read, equal to the bit to a run.

    It is indexed as a NumPy array is, and can be the image of the next plan, an array of Dask, or what a Zarr array is
    set from. Computed tiles are kept in a cache. It is safe to use in several threads, and picklable if the arrays of
    its plan are. Their pixels must not be changed as long as it is used.

    Parameters
    ----------
    plan
        From `prepare`, for all items.
    cache
        Where computed tiles are kept; by default the cache that all lazy arrays share.

    Attributes
    ----------
    shape, dtype, ndim, size, nbytes
        As of a NumPy array.
    chunks
        Length of the tiles along each axis; the last one may be shorter.
    dims
        Names of the axes if those of the image have names; else ().

    Raises
    ------
    ValueError
        If the plan was prepared for some items only.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import lazy
    >>> blurred = lazy(np.eye(5), "gaussian", sigma=1.0)
    >>> blurred
    <LazyArray of 'gaussian': shape=(5, 5), dtype=float64, chunks=(5, 5)>
    >>> blurred[2, 1:4].round(3)
    array([0.224, 0.283, 0.224])
    """

    is_computed = True

    def __init__(self, plan: Plan, cache: TileCache | None = None) -> None:
        if plan.items is not None:
            raise ValueError(f"items={plan.items}: must be None for a lazy array, of which any item may be read")
        self.plan, self.cache = plan, shared_cache() if cache is None else cache
        self.shape, self.dtype = tuple(map(int, plan.shape)), np.dtype(plan.dtype)
        frames = (plan.frames.count,) if plan.frames else ()
        tile = (*frames, *(1 for _ in plan.source.leading), *lengths_of_tiles(plan), plan.source.channels)
        self.chunks = tuple(int(tile[k]) for k in plan.order)
        self._frames, self._number = len(frames), self.cache.enter(self)
        self._grids: dict[int, Grid] = {}  # of each variant of the plan, by its identity
        self._token = uuid4().hex

    def __reduce__(self) -> Any:
        """Pickle without tiles."""
        return LazyArray, (self.plan, self.cache)

    def __dask_tokenize__(self) -> Any:
        """Return what Dask names this array by, so that it does not read all of it."""
        return type(self).__name__, self._token

    def __repr__(self) -> str:
        return (
            f"<LazyArray of {self.plan.operation.id!r}: shape={self.shape}, dtype={self.dtype}, chunks={self.chunks}>"
        )

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the axes; () if those of the image have none."""
        plan, source = self.plan, self.plan.source
        if not source.names:
            return ()
        named = dict(zip(sorted(source.given_places), source.names, strict=True))
        frames = [plan.frames.name] if plan.frames else []
        item = source.given_places[-source.ndim :]
        leading = source.given_places[: -source.ndim]
        inner = [axis for axis in (*leading, *item) if axis != plan.dropped]
        names = [*frames, *(named[axis] for axis in inner), COLORS]
        return tuple(names[k] for k in plan.order)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Compute all pixels.

        Raises
        ------
        ValueError
            If the memory at hand does not hold them, or they were to be had without computing a new array.
        """
        if copy is False:
            raise ValueError("copy=False: must be True or None, because the pixels of a lazy array are computed")
        if self.nbytes > min(SMALL, self.cache.limit // 2):
            return np.asarray(run_to_end(run(self.plan)), dtype)
        return np.asarray(self[...], dtype)

    def __getitem__(self, key: Any) -> Any:
        """Compute what a key selects, and no more than the tiles that it needs; the array is new.

        Parameters
        ----------
        key
            As of a NumPy array: integers, slices with any step, Ellipsis, None, lists of integers and masks.

        Raises
        ------
        IndexError
            If the key does not fit the shape.
        ValueError
            If the memory at hand does not hold what it selects.
        """
        chosen = selection(key, self.shape)
        nbytes = math.prod(chosen.lengths) * self.dtype.itemsize
        if nbytes > SMALL and nbytes > memory_at_hand():
            if chosen.lengths == self.shape:
                blocks_at_once(self.plan, 1, in_memory=True)
            raise ValueError(f"key={key}: must select less than the memory at hand holds, not {chosen.lengths} pixels")
        return self._read(chosen)[chosen.key]

    def peek(self, key: Any) -> Array:
        """Compute what a key selects as an array that must not be changed, because it may be a tile that is kept."""
        chosen = selection(key, self.shape)
        return np.asarray(self._read(chosen, shared=True)[chosen.key])

    def compute(self, threads: int | None = None) -> Generator[Progress, None, Computed]:
        """Compute all pixels in a generator that yields progress; closing it cancels.

        Parameters
        ----------
        threads
            Number of threads; by default the number of cores.

        Returns
        -------
        Computed
            The array, what its values lost, and how many values were clipped to the value range.

        Raises
        ------
        ValueError
            If the memory at hand does not hold the array.
        """
        lost: list[Losses] = []
        array = yield from run(self.plan, threads=threads, lost=lost)
        saturated = self.plan.saturated
        return Computed(array, lost[0], lost[0].outside if saturated is None else saturated)

    def _read(self, chosen: Selection, shared: bool = False) -> Array:
        """Return the chosen positions, the axes in the order of this array; if `shared`, it may be a kept tile."""
        plan, lead = self.plan, len(self.plan.source.leading)
        positions = [chosen.positions[plan.order.index(k)] for k in range(len(plan.order))]
        request = Request.of(positions, self._frames, lead, len(plan.item))
        if 0 in request.lengths:
            return np.empty(chosen.lengths, self.dtype)
        block_of = self._tile
        if max(request.spacing, default=1) > 1 and is_exact_at(plan, request.spacing):
            parts = list(request.spaced(partial(spaced_parts, plan)))
            block_of = partial(self._spaced, request.spacing)
        else:
            parts = list(request.in_tiles(self._grid))
        if shared and len(parts) == 1 and parts[0].is_whole and self._has_all_others(request):
            return block_of(parts[0])[(slice(None),) * self._frames + (None,) * lead].transpose(plan.order)
        out = np.empty(request.lengths, self.dtype)

        def work(part: Part) -> None:
            out[part.target] = request.chosen_of(part, block_of(part))

        self._spread(work, parts)
        return out.transpose(plan.order)

    def _has_all_others(self, request: Request) -> bool:
        """Return whether a request is for all frames and channels."""
        frames, channels = self.plan.frames, self.plan.source.channels
        kept = [*((frames.count,) if frames else ()), *((channels,) if request.channels else ())]
        return [len(p) for p in (*request.frames, *request.channels)] == kept

    def _grid(self, index: Index) -> Grid:
        """Return the grid of the tiles of an item."""
        own = self.plan.at(index)
        found = self._grids.get(id(own))
        return self._grids.setdefault(id(own), grid_of_tiles(own)) if found is None else found  # one for all threads

    def _tile(self, part: Part) -> Array:
        """Return a tile, which must not be changed."""
        return self.cache.get((self._number, part[:2]), partial(compute_tile, self.plan, part.of, part.box))

    def _spaced(self, spacing: Spacing, part: Part) -> Array:
        """Return every n-th pixel of a box."""
        return compute_spaced(self.plan, part.of, part.box, spacing)

    def _spread(self, work: Callable[[Part], None], parts: list[Part]) -> None:
        """Compute parts in the thread of the task that reads them; outside of tasks, one reader gets more threads."""
        pixels = sum(math.prod(size(part.box)) for part in parts)
        if context.get() is not None or pixels <= SINGLE or not _helped.acquire(blocking=False):
            one_by_one(work, parts)
            return
        try:
            threads = cores()
            at_once = blocks_at_once(self.plan, threads, in_memory=False) if is_fixed(self.plan.reach) else threads
            with kept.waiting(), closing(run_tasks("Tiles", parts, work, threads, at_once)) as steps:
                run_to_end(steps)
        finally:
            _helped.release()
