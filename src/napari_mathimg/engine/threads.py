"""Tasks in threads, a bounded number ahead, with progress and cancel."""

import itertools
import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event
from typing import Any, NamedTuple, TypeVar

from ..ops._operation import _tick

Task = TypeVar("Task")
TICK = 0.04  # seconds between two reports at the most


class Cancelled(Exception):
    """The run was stopped before its end."""


class Progress(NamedTuple):
    """How far a pass has come."""

    phase: str
    done: int
    total: int


def cores() -> int:
    """Number of threads used where none is given."""
    return os.cpu_count() or 1


def spread(
    phase: str, tasks: Sequence[Task], work: Callable[[Task], Any], threads: int
) -> Generator[Progress, None, None]:
    """Run `work` on every task; yield how many are done, at least 20 times a second.

    Closing the generator cancels: tasks not begun never run, running ones stop at their next `checkpoint`.
    """
    cancelled = Event()

    def stop_if_cancelled() -> None:
        if cancelled.is_set():
            raise Cancelled

    def one(task: Task) -> None:
        stop_if_cancelled()
        _tick.set(stop_if_cancelled)
        work(task)

    left = iter(tasks)
    done = 0
    pool = ThreadPoolExecutor(threads, thread_name_prefix="mathimg")
    try:
        yield Progress(phase, 0, len(tasks))
        waiting: set[Future[None]] = {pool.submit(one, task) for task in itertools.islice(left, 2 * threads)}
        while waiting:
            ready, waiting = wait(waiting, timeout=TICK, return_when=FIRST_COMPLETED)
            for future in ready:
                future.result()
            done += len(ready)
            waiting |= {pool.submit(one, task) for task in itertools.islice(left, len(ready))}
            yield Progress(phase, done, len(tasks))
    finally:
        cancelled.set()
        pool.shutdown(cancel_futures=True)
