"""Tasks in threads, of which a bounded number is submitted ahead, with progress and cancellation."""

import itertools
import math
import os
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..contract.progress import Progress, context
from .memory import cpu_quotas

Task = TypeVar("Task")
TICK = 0.04  # seconds; longest time between two reports of progress


class Canceled(Exception):
    """Raised in tasks of a run that was canceled."""


def cores() -> int:
    """Return the default number of threads: the number of cores that this process may use.

    Its affinity counts, the quotas of the control groups of containers and job schedulers, rounded up, and since
    Python 3.13 the variable PYTHON_CPU_COUNT.
    """
    process_cpu_count = getattr(os, "process_cpu_count", None)  # since Python 3.13
    if process_cpu_count is not None:
        usable = process_cpu_count() or 1
    else:
        usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(min([usable, *(math.ceil(quota) for quota in cpu_quotas())]), 1)


class _PieceContext:
    """The run context of a piece, whose own pieces run one after the other in its thread."""

    def __init__(self, task: "_TaskContext") -> None:
        self.stop_if_canceled, self.stop_word = task.stop_if_canceled, task.stop_word

    def set_progress(self, done: float) -> None:
        """Do nothing: a piece does not know how far its task is."""

    def spread_pieces(self, work: Callable[[Any], Any], pieces: Iterable[Any]) -> None:
        for piece in pieces:
            self.stop_if_canceled()
            work(piece)


class _TaskContext:
    """The run context of one task, which has `idle` helper threads for its pieces."""

    def __init__(self, stop_word: NDArray[np.uint8], helpers: ThreadPoolExecutor | None, idle: int) -> None:
        self.stop_word = stop_word
        self._helpers = helpers
        self._idle = idle
        self.done = 0.0

    def stop_if_canceled(self) -> None:
        if self.stop_word[0]:
            raise Canceled

    def set_progress(self, done: float) -> None:
        self.done = done

    def spread_pieces(self, work: Callable[[Any], Any], pieces: Iterable[Any]) -> None:
        remaining, lock, end = iter(pieces), Lock(), object()
        inner = _PieceContext(self)

        def work_on_remaining() -> None:
            token = context.set(inner)
            try:
                while True:
                    self.stop_if_canceled()
                    with lock:
                        piece = next(remaining, end)
                    if piece is end:
                        return
                    work(piece)
            finally:
                context.reset(token)

        futures: list[Future[None]] = []
        if self._helpers:
            futures = [self._helpers.submit(copy_context().run, work_on_remaining) for _ in range(self._idle)]
        try:
            work_on_remaining()
        finally:
            wait(futures)
        for future in futures:
            future.result()


def run_tasks(
    phase: str, tasks: Sequence[Task], work: Callable[[Task], Any], threads: int, at_once: int | None = None,
    *, tick: float = TICK, patience: float | None = None,
) -> Generator[Progress, None, None]:  # fmt: skip
    """Run `work` on every task in threads, and yield progress at least 20 times a second.

    If fewer tasks run at a time than there are threads, the idle threads work on pieces of tasks (see `parallel_for`).
    Inside another task, all run in one thread. Closing the generator cancels: tasks that have not begun never run, and
    running ones stop at their next `checkpoint`.

    Parameters
    ----------
    phase
        Name of the pass in the progress.
    tasks
        Arguments of `work`.
    work
        Function of one task.
    threads
        Number of threads.
    at_once
        Largest number of tasks that run at a time; by default `threads`.
    tick
        Longest time in seconds between two reports.
    patience
        Longest time in seconds that closing waits for running tasks, which then end on their own; None, the default,
        waits until all have ended.
    """
    threads = threads if context.get() is None else 1
    workers = min(threads, at_once or threads)
    stop_word = np.zeros(1, np.uint8)
    remaining = iter(tasks)
    done, reported, running = 0, 0.0, set[_TaskContext]()
    running_at_most = max(min(len(tasks), workers), 1)
    idle = threads // running_at_most - 1
    helpers = ThreadPoolExecutor(idle * running_at_most, thread_name_prefix="mathimg-piece") if idle > 0 else None
    pool = ThreadPoolExecutor(workers, thread_name_prefix="mathimg")
    waiting: set[Future[None]] = set()

    def run_task(task: Task) -> None:
        task_context = _TaskContext(stop_word, helpers, idle)
        task_context.stop_if_canceled()
        context.set(task_context)
        running.add(task_context)
        try:
            work(task)
        finally:
            running.discard(task_context)

    def report() -> Progress:
        nonlocal reported  # progress never goes back, although a task leaves `running` before it is counted as done
        reported = max(reported, min(done + sum(task.done for task in list(running)), len(tasks)))
        return Progress(phase, reported, len(tasks))

    try:
        yield report()
        waiting = {pool.submit(run_task, task) for task in itertools.islice(remaining, 2 * workers)}
        while waiting:
            ready, waiting = wait(waiting, timeout=tick, return_when=FIRST_COMPLETED)
            for future in ready:
                future.result()
            done += len(ready)
            waiting |= {pool.submit(run_task, task) for task in itertools.islice(remaining, len(ready))}
            yield report()
    finally:
        stop_word[0] = 1
        running_on = {future for future in waiting if not future.cancel() and not future.done()}
        leaves = patience is not None and bool(wait(running_on, timeout=patience).not_done)
        for executor in (pool, helpers):
            if executor is not None:
                executor.shutdown(wait=not leaves, cancel_futures=True)
