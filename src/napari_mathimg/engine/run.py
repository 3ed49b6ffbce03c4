"""All regions of a result, in threads."""

import itertools
from collections.abc import Generator
from typing import Any

import numpy as np

from ..contract.progress import Progress
from ..contract.reach import Box
from .plan import Plan
from .region import compute_block
from .source import Index, Source
from .threads import cores, run_tasks
from .tiles import tiles


def run(plan: Plan, out: Any = None, threads: int | None = None) -> Generator[Progress, None, Any]:
    """Return the whole result, as the value of a generator that yields progress; closing it cancels.

    Parameters
    ----------
    plan
        From `prepare`.
    out
        Array to write to, of the plan's shape; a new NumPy array by default.
    threads
        Number of threads; all cores by default. The result does not depend on it.
    """
    array = np.empty(plan.shape, plan.dtype) if out is None else out
    if tuple(array.shape) != plan.shape:
        raise ValueError(f"out: shape {plan.shape}, not {tuple(array.shape)}")
    result = Source(array, plan.source.ndim, plan.channel_axis)
    tasks = list(itertools.product(plan.source.indices, tiles(plan.source.item, plan.reach)))

    def work(task: tuple[Index, Box]) -> None:
        index, box = task
        made = compute_block(plan, index, box)
        if plan.frames is None:
            result.write(index, box, made)
            return
        for frame, own in enumerate(made):
            result.write((frame, *index), box, own)

    yield from run_tasks(plan.operation.title, tasks, work, threads or cores())
    return array
