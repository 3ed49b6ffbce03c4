"""Jobs of a run: their input, their steps, and their results."""

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar
from weakref import ref

import numpy as np
from napari.layers import Layer

from ...contract.operation import Operation, Report
from ...contract.progress import Progress, with_prefix
from ...contract.quantities import quantity
from ...contract.reach import Gather
from ...engine import LazyArray, Losses, Options, Plan, prepare, report, run
from ...engine.facts import Facts
from ...engine.forecast import Needs, needs, needs_of
from ...engine.lazy.blocks import lengths_of_tiles
from ...engine.memory import memory_at_hand
from ...engine.passes.ranges import merged_range
from ...engine.prepare import check
from ...engine.pyramid import Pyramid, build_pyramid
from ...engine.run import NotEnoughMemory, block_bytes
from ...engine.threads import cores
from ...engine.value_range import data_range, find_data_ranges, find_meant_range
from ...engine.values import dtype_range
from ...recipe.adapted import Divided, Expanded
from ...recipe.placement import kept_axis
from ..layers.further_image import FurtherImage
from ..layers.layer_arguments import keeps_limits
from ..layers.pixel_digest import digests
from ..layers.snapshot import Snapshot
from ..lazy.pixels import LazyPixels, LazyStep, Levels, lazy_pixels, limits_of
from .background_task import EXPECTED

OUTGROWN = 0.5  # of the width of the contrast limits: how far values may lie outside before they get their own
SQUARES = 8  # along the shorter side of the domain's checkerboard, unless their size is chosen

Value = TypeVar("Value")


@dataclass(frozen=True)
class LazyOption:
    """That a result may be lazy.

    Parameters
    ----------
    image
        Levels of the image.
    is_chosen
        Whether it is to be; if not, it is where the memory does not hold it.
    """

    image: Levels
    is_chosen: bool


@dataclass(frozen=True)
class Job:
    """The input of a run, independent of later changes to its layer or its removal."""

    operation: Operation
    source: Snapshot
    layer: "ref[Layer]"
    options: Options
    parameters: dict[str, Any]
    scope: str
    lengths: Mapping[str, Any] = field(default_factory=dict)  # the parameters that were typed in a unit of the world
    domain: bool = False
    further_images: tuple[FurtherImage | None, ...] = ()
    square: int = 0  # side of the domain's squares in pixels; 0 chooses one
    threads: int | None = None
    memory: int | None = None
    pyramid: Pyramid | None = None
    lazy: LazyOption | None = None  # None if the result may not be lazy
    facts: Facts | None = None  # what is known of images, used where their pixels are the same
    begun: float = field(default_factory=time.perf_counter)

    @property
    def images(self) -> list[Any]:
        """The arrays of the further images; None for those that are left out."""
        return [second and second.array for second in self.further_images]


class Done(NamedTuple):
    """The output of a job: plan, result, contrast limits if the layer needs them, domain overlay and report."""

    plan: Plan
    data: Any
    limits: tuple[float, float] | None
    overlay: Any
    further_images: list[dict[str, Any] | None]
    levels: list[Any] | None = None
    report: Report | None = None
    divisor: float = 1.0  # of colors, because napari shows those of floating point from 0 to 1
    is_torn: bool = False  # whether pixels of the input changed during the run
    lost: Losses = Losses()  # when values were brought into the type of the result
    needed: Needs | None = None
    seconds: float = 0.0  # that the run took
    lazy: LazyPixels | None = None  # the levels of a result that is lazy
    reason: str = ""  # for which it is, if that was not chosen
    digests: Sequence[int | None] = ()  # of the pixels of the source and of the further images


class Outcome(NamedTuple):
    """The outcome of a job: its output or the error that prevented it."""

    job: Job
    done: Done | None
    error: Exception | None


def all_steps(jobs: Sequence[Job], one_range: bool = False) -> Generator[Progress, None, list[Outcome]]:
    """Run jobs one after the other; if there are several, one that fails does not stop the others.

    With `one_range`, the value range is the data range of all jobs together.
    """
    outcomes: list[Outcome] = []
    alone = len(jobs) == 1
    if one_range and not alone:
        jobs, outcomes = yield from share_range(jobs)
    for number, job in enumerate(jobs, 1):
        try:
            done = yield from steps(job) if alone else with_prefix(f"{number} of {len(jobs)}: ", steps(job))
        except EXPECTED as error:
            if alone:
                raise
            outcomes.append(Outcome(job, None, error))
        else:
            outcomes.append(Outcome(job, done, None))
    return outcomes


def share_range(jobs: Sequence[Job]) -> Generator[Progress, None, tuple[list[Job], list[Outcome]]]:
    """Return jobs with the data range of all of them as value range, and the outcomes of those that already fail."""
    readable, failed, ranges = [], [], []
    for number, job in enumerate(jobs, 1):
        try:
            source, _ = check(job.operation, job.source.array, job.images, job.options, job.source.axis_names)
            steps_of = find_meant_range(job.operation, source, job.threads or cores())
            found = yield from with_prefix(f"{number} of {len(jobs)}: ", steps_of)
        except EXPECTED as error:
            failed.append(Outcome(job, None, error))
        else:
            readable.append(job)
            ranges.append(found)
    low, high = merged_range(ranges).ends() if ranges else (0.0, 1.0)
    if low == high:
        return readable, failed
    return [replace(job, options=replace(job.options, value_range=(low, high))) for job in readable], failed


def needs_of_job(job: Job) -> Needs:
    """Return what a job needs; ValueError if it would be refused."""
    source = job.source
    return needs(
        job.operation, source.array, job.images, job.options, job.parameters, job.threads, axis_names=source.axis_names
    )


def steps(job: Job) -> Generator[Progress, None, Done]:
    """Run a job, including everything slow, so that the window only has to add layers."""
    if job.lazy is not None and job.lazy.is_chosen:
        return (yield from lazy_steps(job))
    begun = time.perf_counter()
    before = yield from digests((job.source.array, *job.images), "Pixels")
    try:
        plan = yield from prepare(
            job.operation, job.source.array, job.images, job.options, job.parameters, job.threads,
            job.memory or "free", axis_names=job.source.axis_names, facts=job.facts, trust="digest",
        )  # fmt: skip
    except NotEnoughMemory as error:
        if job.lazy is None:
            raise
        return (yield from lazy_steps(job, str(error)))
    lost: list[Losses] = []
    data = yield from run(plan, threads=job.threads, lost=lost)
    is_torn = (yield from digests((job.source.array, *job.images), "Pixels")) != before
    measured = yield from report(plan, data, job.threads)
    divisor = divisor_of(plan)
    if divisor != 1:
        data /= data.dtype.type(divisor)
    overlay = (yield from _overlay(plan, job)) if job.domain else None
    further_images = [second and second.record() for second in job.further_images]
    limits = None
    if keeps_limits(job.source, plan):
        limits = yield from _fitting_limits(plan, data, job)
    elif job.source.kind == "image" and plan.channel_axis is None:
        limits = apart(*(yield from data_range(data, "Contrast limits", job.threads)))
    levels = None
    ndim = data.ndim - (plan.channel_axis is not None)
    if job.pyramid is not None and (axes := tuple(axis for axis in job.pyramid.axes if -axis <= ndim)):
        levels = yield from build_pyramid(data, ndim, replace(job.pyramid, axes=axes), job.threads)
        levels = levels if len(levels) > 1 else None
    if (axis := kept_axis(job.source.placement, plan)) is not None:
        data = np.expand_dims(data, axis)
    took = needs_of(plan, job.threads), time.perf_counter() - begun
    return Done(plan, data, limits, overlay, further_images, levels, measured, divisor, is_torn, lost[0], *took)


def divisor_of(plan: Plan) -> float:
    """Return what colors are divided by, because napari shows those of floating point from 0 to 1."""
    is_divided = plan.channel_axis is not None and plan.dtype.kind == "f" and plan.source.dtype.kind in "iu"
    return dtype_range(plan.source.dtype)[1] if is_divided else 1.0


def lazy_steps(job: Job, reason: str = "") -> Generator[Progress, None, Done]:
    """Prepare a job whose result is lazy, for a reason if that was not chosen: all but its pixels."""
    assert job.lazy is not None
    before = yield from digests((job.source.array, *job.images), "Pixels")
    plan = yield from prepare(
        job.operation, job.source.array, job.images, job.options, job.parameters, job.threads,
        axis_names=job.source.axis_names, facts=job.facts, trust="digest", count_saturated=False,
    )  # fmt: skip
    tile = tuple((0, n) for n in lengths_of_tiles(plan))
    if (block := block_bytes(plan, tile)) > (free := memory_at_hand()):
        why = f"a part of the result needs {quantity(block / 2**30, 'GiB', 3)}, but {quantity(free / 2**30, 'GiB', 3)}"
        raise NotEnoughMemory(reason or f"{plan.operation.id}: {why} of memory are free")
    divisor, axis = divisor_of(plan), kept_axis(job.source.placement, plan)

    def adapt(array: Any) -> Any:
        divided = array if divisor == 1 else Divided(array, divisor)
        return divided if axis is None else Expanded(divided, axis)

    pixels = yield from lazy_pixels([LazyStep(LazyArray(plan), adapt)], job.lazy.image, job.facts, job.threads)
    overlay = (yield from _overlay(plan, job)) if job.domain else None
    limits = None
    if keeps_limits(job.source, plan):
        limits = job.source.contrast_limits
    elif job.source.kind == "image" and plan.channel_axis is None:
        limits = yield from limits_of(pixels, job.threads)
    further_images = [second and second.record() for second in job.further_images]
    is_torn = (yield from digests((job.source.array, *job.images), "Pixels")) != before
    return Done(
        plan, pixels.finest, limits, overlay, further_images, divisor=divisor, is_torn=is_torn, lazy=pixels,
        reason=reason, digests=before,
    )  # fmt: skip


def _fitting_limits(plan: Plan, data: Any, job: Job) -> Generator[Progress, None, tuple[float, float] | None]:
    """Return the contrast limits of the source, or those of a result whose values outgrow both them and the source."""
    kept = job.source.contrast_limits
    if kept is None or plan.values == "exact" or plan.operation.is_warp:
        return kept
    found = yield from data_range(data, "Contrast limits", job.threads)
    if not outgrown(found, kept):
        return kept
    ranges = yield from find_data_ranges(plan.source, None, job.threads or cores())
    if not outgrown(found, merged_range(ranges.values()).ends(), kept):
        return kept
    return apart(*found)


def outgrown(
    found: tuple[float, float], before: tuple[float, float], limits: tuple[float, float] | None = None
) -> bool:
    """Whether values lie outside a range by more than a share of the width of contrast limits, or of the range."""
    low, high = before if limits is None else limits
    room = OUTGROWN * (high - low)
    return found[0] < before[0] - room or found[1] > before[1] + room


def apart(low: float, high: float) -> tuple[float, float]:
    """Return contrast limits for values from low to high, which may be the same."""
    return (low, high) if low < high else (low, low + 1)


def _overlay(plan: Plan, job: Job) -> Generator[Progress, None, Any]:
    """Transform a checkerboard of an item's shape like the image; all items share it."""
    item = plan.source.item
    square = job.square or max(min(item[-2:]) // SQUARES, 1)
    rows, columns = np.ogrid[tuple(slice(n) for n in item[-2:])]
    board = np.where((rows // square + columns // square) % 2, np.uint8(255), np.uint8(0))
    if isinstance(plan.reach, Gather) and plan.reach.correction is not None:
        board = 64 + board // 4  # gray squares, because a gain changes neither black nor saturated white
    options = Options(ndim=plan.source.ndim, value_range="dtype")
    squares = np.broadcast_to(board, item)
    parameters = plan.at(plan.source.indices[0]).parameters
    mapped = yield from prepare(plan.operation, squares, (), options, parameters, job.threads, job.memory or "free")
    data = yield from run(mapped, threads=job.threads)
    squares = np.broadcast_to(data, (*plan.source.leading, *data.shape))
    return np.transpose(squares, np.argsort(plan.source.given_places))
