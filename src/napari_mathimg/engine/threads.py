"""Tasks in threads, of which a bounded number is submitted ahead, with progress and cancellation."""

import itertools
import os
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from threading import Event, Lock
from typing import Any, TypeVar

from ..contract.progress import Progress, context

Task = TypeVar("Task")
TICK = 0.04  # seconds; longest time between two reports of progress


class Canceled(Exception):
    """Raised in tasks of a run that was canceled."""


def cores() -> int:
    """Return the default number of threads: the number of cores."""
    return os.cpu_count() or 1


class _TaskContext:
    """The run context of one task, which has `idle` helper threads for its pieces."""

    def __init__(self, canceled: Event, helpers: ThreadPoolExecutor | None, idle: int) -> None:
        self._canceled = canceled
        self._helpers = helpers
        self._idle = idle
        self.done = 0.0

    def stop_if_canceled(self) -> None:
        if self._canceled.is_set():
            raise Canceled

    def set_progress(self, done: float) -> None:
        self.done = done

    def spread_pieces(self, work: Callable[[Any], Any], pieces: Iterable[Any]) -> None:
        remaining, lock, end = iter(pieces), Lock(), object()

        def work_on_remaining() -> None:
            while True:
                self.stop_if_canceled()
                with lock:
                    piece = next(remaining, end)
                if piece is end:
                    return
                work(piece)

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
    phase: str, tasks: Sequence[Task], work: Callable[[Task], Any], threads: int
) -> Generator[Progress, None, None]:
    """Run `work` on every task in threads, and yield progress at least 20 times a second.

    If there are fewer tasks than threads, the idle threads work on pieces of tasks (see `parallel_for`). Closing the
    generator cancels: tasks that have not begun never run, and running ones stop at their next `checkpoint`.

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
    """
    canceled = Event()
    remaining = iter(tasks)
    done, reported, running = 0, 0.0, set[_TaskContext]()
    idle = threads // max(len(tasks), 1) - 1
    helpers = ThreadPoolExecutor(idle * len(tasks), thread_name_prefix="mathimg-piece") if idle > 0 else None
    pool = ThreadPoolExecutor(threads, thread_name_prefix="mathimg")

    def run_task(task: Task) -> None:
        task_context = _TaskContext(canceled, helpers, idle)
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
        waiting: set[Future[None]] = {pool.submit(run_task, task) for task in itertools.islice(remaining, 2 * threads)}
        while waiting:
            ready, waiting = wait(waiting, timeout=TICK, return_when=FIRST_COMPLETED)
            for future in ready:
                future.result()
            done += len(ready)
            waiting |= {pool.submit(run_task, task) for task in itertools.islice(remaining, len(ready))}
            yield report()
    finally:
        canceled.set()
        pool.shutdown(cancel_futures=True)
        if helpers is not None:
            helpers.shutdown(cancel_futures=True)
