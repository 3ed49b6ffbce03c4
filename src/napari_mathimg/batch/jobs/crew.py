"""Threads that run the items of a job, one each, and tell how far they are."""

import time
from collections.abc import Callable, Generator, Sequence
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import TypeVar

from ...contract.progress import Progress
from ...engine import Canceled
from ..control import JobControl
from ..item import ItemEvent, Outcome

Task = TypeVar("Task")
TICK = 0.05  # seconds between two looks at what the threads tell
OFTEN = 0.1  # seconds between two reports of an item
PATIENCE = 0.25  # seconds that running items have to stop, after which they end on their own


def failure(error: Exception, seconds: float) -> Outcome:
    """Return the outcome of an item that an error has ended."""
    kind = "" if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: "
    words = " ".join(f"{kind}{error}".split()) or type(error).__name__
    return Outcome("failed", words, seconds, is_refusal=isinstance(error, ValueError | FileNotFoundError))


def in_threads(
    tasks: Sequence[tuple[int, Task]], work: Callable[[Task, Callable[[Progress], None]], Outcome],
    finished: Callable[[int, Outcome], None], workers: int, control: JobControl, keep_going: bool,
) -> Generator[ItemEvent | None, None, None]:  # fmt: skip
    """Run items in threads, and yield what becomes of them; None where there is nothing new for a while.

    Parameters
    ----------
    tasks
        Number of each item, and what `work` needs of it.
    work
        Function of an item and of a function that gets its progress, which raises Canceled where the item must stop.
    finished
        Function that gets each outcome in the thread of the item, before it is yielded.
    workers
        Number of threads.
    control
        Switches of the job; closing the generator cancels it, too.
    keep_going
        Whether items still begin after one has failed.

    Raises
    ------
    Exception
        What `finished` raises.
    """
    events: SimpleQueue[ItemEvent | Exception | None] = SimpleQueue()
    remaining, lock, halted = iter(tasks), Lock(), False

    def next_task() -> tuple[int, Task] | None:
        with lock:
            return None if halted else next(remaining, None)

    def run(number: int, task: Task) -> bool:
        nonlocal halted
        last, began = 0.0, time.perf_counter()

        def tell(progress: Progress) -> None:
            nonlocal last
            control.wait()
            if time.monotonic() - last >= OFTEN:
                last = time.monotonic()
                events.put(ItemEvent(number, "running", progress))

        events.put(ItemEvent(number, "running"))
        try:
            outcome = work(task, tell)
        except Canceled:
            events.put(ItemEvent(number, "waiting", outcome=Outcome("waiting", "stopped")))
            return False
        except Exception as error:
            outcome = failure(error, time.perf_counter() - began)
            halted = halted or not keep_going
        finished(number, outcome)
        events.put(ItemEvent(number, outcome.state, outcome=outcome))
        return True

    def run_all() -> None:
        try:
            while True:
                control.wait()
                task = next_task()
                if task is None or not run(*task):
                    break
        except Canceled:
            pass
        except Exception as error:
            events.put(error)
        finally:
            events.put(None)

    threads = [Thread(target=run_all, name=f"mathimg-item-{k}", daemon=True) for k in range(workers)]
    working, deadline = len(threads), float("inf")
    try:
        for thread in threads:
            thread.start()
        while working and time.monotonic() < deadline:
            if control.is_canceled:
                deadline = min(deadline, time.monotonic() + PATIENCE)
            try:
                event = events.get(timeout=TICK)
            except Empty:
                yield None
                continue
            if event is None:
                working -= 1
            elif isinstance(event, Exception):
                raise event
            else:
                yield event
    finally:
        halted = True
        if working:
            control.cancel()
        until = time.monotonic() + PATIENCE
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(until - time.monotonic(), 0))
