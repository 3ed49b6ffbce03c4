"""Facts about a finished result, from the report rule of its operation."""

import itertools
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np

from ..contract.operation import Report
from ..contract.progress import Progress
from ..contract.reach import POINTWISE, Box
from ..contract.signature import arguments, call
from .chunks import read_tasks
from .plan import Plan
from .source import Source
from .threads import cores
from .tiles import tiles


def report(plan: Plan, result: Any, threads: int | None = None) -> Generator[Progress, None, Report | None]:
    """Compute the report of a result in a generator that yields progress and returns the report, or None.

    Parameters
    ----------
    plan, result
        Plan from `prepare`, and result of `run`.
    threads
        Number of threads; by default the number of cores.
    """
    rule = plan.operation.report
    if rule is None:
        return None
    first, plans = plan.at(plan.source.indices[0]), plan.variants.plans.values() if plan.variants else [plan]
    measured = tuple(value for variant in plans for value in variant.measured.values())
    known = {**first.parameters, **first.images, "shape": plan.source.item, "measured": measured}
    after = plan.receiver(result)
    if plan.frames:
        after = replace(
            after, scope=((plan.frames.count - 1, plan.frames.count), *((0, n) for n in plan.source.leading))
        )
    for name, source in (("before", plan.source), ("after", after)):
        if name in arguments(rule):
            known[name], known["pixels"] = yield from _total(source, threads or cores())
    finished: Report = call(rule, known)
    return finished


def _total(source: Source, threads: int) -> Generator[Progress, None, tuple[float, int]]:
    """Return the sum, in the order of the tiles, and the number of all finite values except opacity."""
    tasks = list(enumerate(itertools.product(source.indices, tiles(source.item, POINTWISE))))
    sums, counts = np.zeros(len(tasks)), np.zeros(len(tasks), np.int64)

    def work(task: Any) -> None:
        number, (index, box) = task
        values = source.without_opacity(source.read(index, box))
        if values.dtype.kind == "f":
            values = values[np.isfinite(values)]
        sums[number], counts[number] = values.sum(dtype=np.float64), values.size

    def reads(task: Any) -> list[tuple[Any, Box]]:
        return [(source.array, source.box_in_array(*task[1]))]

    yield from read_tasks("Sums", tasks, reads, work, threads)
    return float(sums.sum()), int(counts.sum())
