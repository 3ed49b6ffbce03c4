"""Tasks in threads, a bounded number ahead, with progress and cancel."""

import itertools
import os
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from threading import Event, Lock
from typing import Any, TypeVar

from ..contract.progress import Progress, context

Task = TypeVar("Task")
TICK = 0.04  # seconds between two reports at the most


class Canceled(Exception):
    """The run was stopped before its end."""


def cores() -> int:
    """Number of threads used where none is given."""
    return os.cpu_count() or 1


class _Host:
    """What a task sees of the engine; `idle` threads are left to its pieces."""

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
        left, lock, end = iter(pieces), Lock(), object()

        def drain() -> None:
            while True:
                self.stop_if_canceled()
                with lock:
                    piece = next(left, end)
                if piece is end:
                    return
                work(piece)

        helped = [self._helpers.submit(copy_context().run, drain) for _ in range(self._idle)] if self._helpers else []
        try:
            drain()
        finally:
            wait(helped)
        for future in helped:
            future.result()


def run_tasks(
    phase: str, tasks: Sequence[Task], work: Callable[[Task], Any], threads: int
) -> Generator[Progress, None, None]:
    """Run `work` on every task; yield how many are done, at least 20 times a second.

    Where there are fewer tasks than threads, the others serve the pieces that tasks are made of. Closing the generator
    cancels: tasks not begun never run, running ones stop at their next `checkpoint`.
    """
    canceled = Event()
    left = iter(tasks)
    done, reached, running = 0, 0.0, set[_Host]()
    idle = threads // max(len(tasks), 1) - 1
    helpers = ThreadPoolExecutor(idle * len(tasks), thread_name_prefix="mathimg-piece") if idle > 0 else None
    pool = ThreadPoolExecutor(threads, thread_name_prefix="mathimg")

    def one(task: Task) -> None:
        own = _Host(canceled, helpers, idle)
        own.stop_if_canceled()
        context.set(own)
        running.add(own)
        try:
            work(task)
        finally:
            running.discard(own)

    def report() -> Progress:
        nonlocal reached
        reached = max(reached, min(done + sum(own.done for own in list(running)), len(tasks)))
        return Progress(phase, reached, len(tasks))

    try:
        yield report()
        waiting: set[Future[None]] = {pool.submit(one, task) for task in itertools.islice(left, 2 * threads)}
        while waiting:
            ready, waiting = wait(waiting, timeout=TICK, return_when=FIRST_COMPLETED)
            for future in ready:
                future.result()
            done += len(ready)
            waiting |= {pool.submit(one, task) for task in itertools.islice(left, len(ready))}
            yield report()
    finally:
        canceled.set()
        pool.shutdown(cancel_futures=True)
        if helpers is not None:
            helpers.shutdown(cancel_futures=True)
