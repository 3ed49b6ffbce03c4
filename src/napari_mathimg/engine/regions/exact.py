"""Any box of a result as a run computes it, piece by piece, at every pixel or every n-th."""

from collections.abc import Generator, Sequence
from contextlib import closing
from queue import SimpleQueue
from typing import Any

from numpy.typing import NDArray

from ...contract.reach import POINTWISE, Box, Gather, Neighborhood, Spacing, Whole
from ...contract.signature import arguments
from ..chunks import read_tasks
from ..plan import Plan
from ..region import arrays_read, check_place, compute_block, every_frame, region
from ..run import dropped_span
from ..source import Index
from ..threads import cores
from ..tiles import tiles
from .pieces import FAR, distance, pieces

Array = NDArray[Any]
Found = tuple[Box, Array]
TICK = 0.008  # seconds; longest time without a word to the caller, who may cancel then
PATIENCE = 0.015  # seconds that canceling waits for pieces that are being computed


def regions(
    plan: Plan, index: Index, box: Box, step: int | tuple[int, ...] = 1, threads: int | None = None,
    middle: Sequence[float] | None = None,
) -> Generator[Found | None, None, None]:  # fmt: skip
    """Compute a box of one item of the result in pieces, in a generator; closing it cancels.

    With a step n, those pixels are computed whose index in the result is a multiple of n. The others are left out
    before they are computed where the operation can (see `is_exact_at`), and otherwise afterward.

    Parameters
    ----------
    plan
        From `prepare`.
    index
        Index of the item on the stack axes of the result.
    box
        (start, stop) on each axis of an item of the result, in pixels.
    step
        Every how many pixels one is wanted: one value for all axes of the item, or one for each.
    threads
        Number of threads; by default the number of cores. The pixels do not depend on it, except within the tolerance
        of operations whose reach is not exact.
    middle
        The place (in pixels, on each axis of the item) from which pieces are computed outwards; by default the middle
        of the box.

    Yields
    ------
    tuple of Box and ndarray, or None
        The box of a piece, in pixels of the result, and its pixels in the type of the result: frames, the axes of the
        box, channels. Pieces cover the box once and begin at multiples of the step, or where the box begins. A piece
        has ``ceil(stop / n) - ceil(start / n)`` pixels along an axis, none if no multiple of n lies in it. None is
        yielded at least every 10 ms while no piece is ready.

    Raises
    ------
    ValueError
        If the item or the box lies outside of the result, or a step is less than 1.

    Notes
    -----
    The pixels equal those of `region` and `run` to the bit. For operations whose reach is not exact they differ by no
    more than the operation's tolerance for tiles, because pieces are computed instead of the fixed tiles of a run.
    """
    check_place(plan, index, box)
    threads, spacing = threads or cores(), spacing_of(step, len(box))
    item = plan.at(index)
    skips = _skips(item) and max(spacing) > 1
    point = middle if middle is not None else [(a + b) / 2 for a, b in box]
    found: SimpleQueue[Found] = SimpleQueue()

    def reads(piece: Box) -> list[tuple[Any, Box]]:
        read = item.reach.reads(piece, item.grid)
        return arrays_read(item, index, (*dropped_span(item), *read), item.reach)

    def work(piece: Box) -> None:
        found.put((piece, _computed(item, index, piece, spacing, skips)))

    tasks = _pieces(item, box, spacing, point, threads, skips)
    with closing(read_tasks("Preview", tasks, reads, work, threads, tick=TICK, patience=PATIENCE)) as steps:
        for _ in steps:
            if found.empty():
                yield None
            while not found.empty():
                yield found.get()


def is_exact_at(plan: Plan, step: int | tuple[int, ...]) -> bool:
    """Return whether every n-th pixel of a result can be computed without the others, so that a step makes it cheap."""
    plans = plan.variants.plans.values() if plan.variants else [plan]
    return max(spacing_of(step, len(plan.item))) == 1 or all(map(_skips, plans))


def spacing_of(step: int | tuple[int, ...], ndim: int) -> Spacing:
    """Return a step along each axis; raise ValueError if one is less than 1, or if there are not as many as axes."""
    spacing = step if isinstance(step, tuple) else (step,) * ndim
    if len(spacing) != ndim or min(spacing) < 1:
        raise ValueError(f"step={step}: must be at least 1, one value or {ndim} values for {ndim} axes")
    return spacing


def _skips(plan: Plan) -> bool:
    """Return whether an operation can leave pixels out before it computes them."""
    if isinstance(plan.reach, Gather):
        return True
    if plan.reach != POINTWISE or plan.operation.drops is not None:
        return False
    asked = arguments(plan.operation.function)
    return "info" not in asked or "spacing" in asked


def _pieces(plan: Plan, box: Box, spacing: Spacing, point: Sequence[float], threads: int, skips: bool) -> list[Box]:
    """Return the pieces of a box, the one nearest to a point first."""
    reach = plan.reach
    if isinstance(reach, Whole):
        return [box]
    halo = reach.halo(len(box)) if isinstance(reach, Neighborhood) else (0,) * len(box)
    found = pieces(box, halo, spacing, point, threads, skips)
    if isinstance(reach, Gather):  # a small part of a map may read much
        parts = [
            part for piece in found for part in tiles(plan.source.item, reach, 4 * FAR if skips else FAR, inside=piece)
        ]
        found = sorted(parts, key=lambda part: distance(part, point)) if len(parts) > len(found) else found
    return found


def _computed(plan: Plan, index: Index, piece: Box, spacing: Spacing, skips: bool) -> Array:
    """Return those pixels of a piece whose index is a multiple of the spacing."""
    if skips:
        core = tuple((a + -a % n, b) for (a, b), n in zip(piece, spacing, strict=True))
        if all(a < b for a, b in core):
            return compute_block(plan, index, core, spacing=spacing)
    block = region(plan, index, piece) if isinstance(plan.reach, Whole) else compute_block(plan, index, piece)
    kept = tuple(slice(-a % n, None, n) for (a, _), n in zip(piece, spacing, strict=True))
    return block[every_frame(plan) + kept]
