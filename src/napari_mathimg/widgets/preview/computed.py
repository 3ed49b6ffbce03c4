"""The computation of a preview: a plan, then the pixels on screen, piece by piece."""

import math
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...contract.progress import Progress, run_to_end
from ...contract.reach import Whole
from ...engine import Plan, prepare
from ...engine.facts import Facts
from ...engine.prepare import check
from ...engine.regions import coarse, is_close_at, is_exact_at, regions
from ...engine.value_range import VALUE_RANGE
from ...methods.point_spread.kinds import PointSpread
from ..tasks.background_task import EXPECTED
from ..tasks.operation_job import Job
from .picture import EXACT, NEAR, Picture, joined
from .shown import Limits, Shown, difference_of, shares_grid, shown_of
from .view import Box, Seen, Unseen, View, box_in_item, items_seen, positions_in, view_of

Array = NDArray[Any]

WHOLE_PIXELS = 2**22  # largest item of which an operation that needs all of it is shown
VOLUME_VOXELS = 2**23  # largest volume all of which is computed for a reduced one


@dataclass(frozen=True)
class Request:
    """What is to be shown: the input of a run, what is on screen, and whether the source is subtracted."""

    job: Job
    seen: Seen
    is_difference: bool = False


class Update(NamedTuple):
    """What is known of what is to be shown.

    Attributes
    ----------
    request
        What was asked for.
    plan, view
        The plan and what is on screen of its result.
    state
        "exact" if all pixels are what a run gives, "near" if some are only about that, else "partial".
    share
        The part of the pixels that is exact.
    seconds, seconds_left
        Seconds since there is a plan, and until all is exact, if the rest takes as long as what is.
    show
        Returns what is shown of the pixels that are known when it is called.
    """

    request: Request
    plan: Plan
    view: View
    state: str
    share: float
    seconds: float
    seconds_left: float
    show: Callable[[], Shown]


Preparation = Generator[Progress, None, Plan]


@dataclass
class Memory:
    """What stays from one request to the next: facts, the last plan, and its last picture."""

    facts: Facts
    key: Any = None
    plan: Plan | None = None
    picture: Picture | None = None
    limits: Limits | None = None
    is_unwanted: bool = False  # whether nobody waits for what is being counted
    left: Preparation | None = None  # what counts the value range for nobody at present

    def leave(self, steps: Preparation) -> None:
        """Let a preparation go on in a thread of its own until the value range is known, unless one does already."""
        if self.left is None:
            self.left, self.is_unwanted = steps, False
            threading.Thread(target=self._count, name="mathimg value range", daemon=True).start()
        else:
            steps.close()

    def _count(self) -> None:
        steps = self.left
        assert steps is not None
        try:
            while next(steps).phase == VALUE_RANGE and not self.is_unwanted:
                pass
        except (StopIteration, *EXPECTED):  # those who need the range will meet the same error
            pass
        finally:
            steps.close()
            self.left = None

    def forget(self) -> None:
        """Forget the plan and its picture, because pixels may have changed."""
        self.key = self.plan = self.picture = self.limits = None


class _Same:
    """An array in a key: equal to itself, and to a kernel of the same kind and parameters."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Same):
            return NotImplemented
        if isinstance(self.array, PointSpread) and isinstance(other.array, PointSpread):
            return self.array.record() == other.array.record()
        return self.array is other.array

    __hash__ = None  # type: ignore[assignment]


Steps = Generator[Update | Progress | None, None, None]


def updates(request: Request, memory: Memory) -> Steps:
    """Compute what a request asks for, in a generator that yields what is known, or None while there is no more.

    Before there is a plan, it yields the progress of its preparation.

    Raises
    ------
    Unseen
        If nothing of the result is on screen, or the preview cannot show it.
    ValueError
        If the operation cannot be applied.
    """
    plan = yield from _planned(request, memory)
    view = view_of(plan, request.job.source.placement, request.seen)
    _check_affordable(plan, view)
    channels = 0 if plan.channel_axis is None else plan.shape[plan.channel_axis]
    picture = Picture(view, plan.dtype, channels)
    if memory.picture is not None:
        picture.take_over(memory.picture)
    memory.picture = picture
    source: Picture | None = None
    if request.is_difference:
        if not shares_grid(plan):
            raise Unseen("There is no difference to show, because the result has other pixels than the source")
        source = yield from _source_picture(plan, view)

    def show() -> Shown:
        if source is not None:
            return difference_of(picture, source, plan)
        memory.limits = joined(memory.limits, picture.ends)
        return shown_of(picture, plan, request.job.source, memory.limits, lambda: _source_range(plan, view))

    def update() -> Update:
        share = picture.share
        state = "exact" if share == 1 else "near" if (picture.known == NEAR).any() else "partial"
        seconds = time.perf_counter() - begun
        return Update(request, plan, view, state, share, seconds, seconds * (1 - share) / max(share, 1e-9), show)

    begun = time.perf_counter()

    if picture.share == 1:
        yield update()
        return
    if view.is_reduced and not picture.known.any() and not _is_exact_reduced(plan, view):
        for has_more in _coarse_pieces(plan, view, picture, request.job.threads):
            yield update() if has_more else None
    for has_more in _pieces(plan, view, picture, request.job.threads):
        yield update() if has_more else None


def _planned(request: Request, memory: Memory) -> Generator[Progress, None, Plan]:
    """Return the plan of a request, the last one if it is the same."""
    job, items = request.job, _items(request)
    key = key_of(job), items
    if memory.plan is not None and key == memory.key:
        return memory.plan
    steps = prepare(
        job.operation, job.source.array, job.images, job.options, job.parameters, job.threads,
        axis_names=job.source.axis_names, facts=memory.facts, items=items,
    )  # fmt: skip
    plan = yield from _finished(steps, memory)
    if key != memory.key:
        memory.picture = memory.limits = None
    memory.key, memory.plan = key, plan
    return plan


def key_of(job: Job) -> Any:
    """Return what is equal for jobs whose results are, while no pixels are edited in place."""
    arrays = [_Same(array) for array in (job.source.array, *job.images)]
    source = repr(job.source.placement), job.source.axis_names
    return job.operation.id, repr(job.parameters), repr(job.options), arrays, source, job.threads


def _finished(steps: Preparation, memory: Memory) -> Generator[Progress, None, Plan]:
    """Yield the reports of a preparation, and return its plan.

    Where this is closed while the value range is counted, which may take a pass over a whole stack, counting goes on.
    """
    progress = None
    try:
        while True:
            progress = next(steps)
            yield progress
    except StopIteration as stop:
        plan: Plan = stop.value
        return plan
    except GeneratorExit:
        if progress is not None and progress.phase == VALUE_RANGE:
            memory.leave(steps)
        else:
            steps.close()
        raise


def _items(request: Request) -> tuple[tuple[int, ...], ...] | None:
    """Return the indices of the items that are on screen; None if they are more than the sliders tell."""
    job = request.job
    source, _ = check(job.operation, job.source.array, job.images, job.options, job.source.axis_names)
    at = positions_in(job.source.placement, request.seen)
    stack = source.given_places[: len(source.leading)]
    first = [a for a, _ in source.scope] if source.scope else [0] * len(stack)
    if not all(axis in at for axis in stack):
        return None
    index = tuple(at[axis] - a for axis, a in zip(stack, first, strict=True))
    return (index,) if all(0 <= i < n for i, n in zip(index, source.leading, strict=True)) else None


def _check_affordable(plan: Plan, view: View) -> None:
    """Raise `Unseen` for what takes too long to be seen while parameters change."""
    if isinstance(plan.reach, Whole) and math.prod(plan.item) > WHOLE_PIXELS:
        raise Unseen(f"{plan.operation.title} needs the whole image for each pixel, which takes too long here: run it")
    pixels = math.prod(b - a for a, b in view.box)
    if len(view.displayed) > 2 and pixels > VOLUME_VOXELS and not _is_exact_reduced(plan, view):
        raise Unseen("Preview of a volume this large takes too long: show planes, in 2D")


def _is_exact_reduced(plan: Plan, view: View) -> bool:
    """Whether the pixels that are taken can be computed without the others."""
    return is_exact_at(plan, max(view.step))


def _pieces(plan: Plan, view: View, picture: Picture, threads: int | None) -> Iterator[bool]:
    """Compute what a picture lacks, the nearest to the middle of the view first; yield whether there is more of it."""
    stack = len(plan.source.leading)
    middle = [(a + b) / 2 for a, b in box_in_item(view, stack, plan.item)[0]]
    indices = items_seen(view, stack)
    center = [(a + b) / 2 for a, b in (view.box[view.axes.numbers.index(j)] for j in range(stack))]
    indices.sort(key=lambda index: sum((i - c) ** 2 for i, c in zip(index, center, strict=True)))
    rest = picture.missing()
    for index in indices:
        for part in rest:
            inside = tuple(part[view.axes.numbers.index(stack + j)] for j in range(len(plan.item)))
            if not _holds(view, part, index):
                continue
            step = box_in_item(view, stack, plan.item)[1]
            with closing(regions(plan, index, inside, step, threads, middle)) as steps:
                for found in steps:
                    if found is None:
                        yield False
                        continue
                    box, block = found
                    block = block[-1] if plan.frames else block  # of several frames the last one
                    picture.write(_layer_box(view, stack, index, box), _in_order(view, block, index), EXACT)
                    yield True


def _holds(view: View, part: Box, index: tuple[int, ...]) -> bool:
    """Whether a box of the layer holds an item of the stack."""
    spans = [part[view.axes.numbers.index(j)] for j in range(len(index))]
    return all(a <= i < b for i, (a, b) in zip(index, spans, strict=True))


def _layer_box(view: View, stack: int, index: tuple[int, ...], box: Box) -> Box:
    """Return the box of the layer that a box of an item fills."""
    spans = [*((i, i + 1) for i in index), *box]
    return tuple(spans[number] if number >= 0 else (0, 1) for number in view.axes.numbers)


def _in_order(view: View, block: Array, index: tuple[int, ...]) -> Array:
    """Return a block of an item, with channels or without, with the axes of the layer."""
    block = block.reshape((1,) * len(index) + block.shape)
    order = [number for number in view.axes.numbers if number >= 0]
    block = block.transpose(*order, *range(len(order), block.ndim))
    kept = [axis for axis, number in enumerate(view.axes.numbers) if number < 0]
    return np.expand_dims(block, kept)


def _coarse_pieces(plan: Plan, view: View, picture: Picture, threads: int | None) -> Iterator[bool]:
    """Write about what a picture will be, where that is close; yield whether there is more of it."""
    stack = len(plan.source.leading)
    indices = items_seen(view, stack)
    box, step = box_in_item(view, stack, plan.item)
    if len(indices) != 1 or not is_close_at(plan, step):
        return
    with closing(coarse(plan, indices[0], box, step, threads)) as steps:
        for found in steps:
            if found is None:
                yield False
                continue
            place = _layer_box(view, stack, indices[0], found[0])
            block = found[1][-1] if plan.frames else found[1]
            picture.write(place, _in_order(view, block, indices[0]), NEAR)
            yield True


def _source_picture(plan: Plan, view: View) -> Generator[Any, None, Picture]:
    """Return the pixels of the source that lie where those of the result do."""
    stack = len(plan.source.leading)
    source = Picture(view, plan.source.dtype, plan.source.channels)
    box, step = box_in_item(view, stack, plan.item)
    for index in items_seen(view, stack):
        yield None
        block = plan.source.read(index, box)[tuple(slice(None, None, s) for s in step)]
        source.write(_layer_box(view, stack, index, box), _in_order(view, block, index), EXACT)
    return source


def _source_range(plan: Plan, view: View) -> Limits | None:
    """Return the lowest and the highest value of the source where the result is seen; None where it lies elsewhere."""
    if not shares_grid(plan):
        return None
    return run_to_end(_source_picture(plan, view)).ends
