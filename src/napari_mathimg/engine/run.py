"""A run: all regions of a result, computed in threads."""

from collections.abc import Generator
from typing import Any

import numpy as np

from ..contract.progress import Progress
from ..contract.reach import Box
from .plan import Plan
from .region import compute_block
from .source import Index
from .threads import cores, run_tasks
from .tiles import tiles


def run(plan: Plan, out: Any = None, threads: int | None = None) -> Generator[Progress, None, Any]:
    """Compute the whole result in a generator that yields progress and returns the result; closing it cancels.

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
    result = plan.receiver(array)
    tasks = [(index, box) for index in plan.source.indices for box in tiles(plan.grid, plan.at(index).reach)]

    def work(task: tuple[Index, Box]) -> None:
        index, box = task
        block = compute_block(plan, index, box)
        if plan.frames is None:
            result.write(index, box, block)
            return
        for number, frame in enumerate(block):
            result.write((number, *index), box, frame)

    yield from run_tasks(plan.operation.title, tasks, work, threads or cores())
    return array
