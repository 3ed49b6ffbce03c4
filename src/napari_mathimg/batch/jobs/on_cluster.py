"""The items of a job as tasks of dask.distributed: addresses travel, not pixels."""

import math
import os
import secrets
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from ...contract.progress import Progress
from ...engine import Canceled
from ...engine.memory import memory_at_hand
from ..control import JobControl
from ..files.inputs import is_remote
from ..item import ItemEvent, Outcome
from ..shards.clients import started_client, threads_of
from ..shards.cluster import ASK
from ..shards.worker import keep_memory
from .crew import PATIENCE, TICK, failure
from .one_item import ItemTask, compute_item
from .sharing import SHARE

DASHBOARD = "Dashboard: "  # before the address of the page that shows what workers do
AHEAD = 2  # items for each thread of a worker that are with it at a time
LOOK = 0.1  # seconds after which a worker looks whether it must stop


def on_cluster(
    tasks: Sequence[tuple[int, ItemTask]], finished: Callable[[int, Outcome], None], scheduler: str, threads: int,
    place: Path, control: JobControl, keep_going: bool,
) -> Generator[ItemEvent | Progress | None, None, None]:  # fmt: skip
    """Run items on the workers of a scheduler, and yield what becomes of them; None where there is nothing new.

    The first is a report with the address of the page that shows what the workers do.

    Parameters
    ----------
    tasks, finished, control, keep_going
        As in `in_threads`.
    scheduler
        Address of the scheduler, or "local" for workers on this machine.
    threads
        Number of workers on this machine.
    place
        Folder that all workers reach by the same path; a file in it is there as long as the job goes on.
    """
    place.mkdir(exist_ok=True)
    alive = place.absolute() / f"alive-{secrets.token_hex(4)}"
    done: SimpleQueue[Any] = SimpleQueue()
    remaining, running, halted = iter(tasks), dict[Any, int](), False
    for left in place.glob("alive-*"):
        left.unlink()
    try:
        started = yield from started_client(scheduler, threads, lambda: control.is_canceled)
    except Canceled:
        return
    with started:
        client, link = started.given
        alive.touch()
        slots, asked = 0, -math.inf
        try:
            yield Progress(f"{DASHBOARD}{link}", 0, 1)
            while True:
                if time.monotonic() - asked > ASK:
                    slots, asked = sum(threads_of(client).values()), time.monotonic()
                while len(running) < AHEAD * max(slots, 1) and not (halted or control.is_paused or control.is_canceled):
                    number, task = next(remaining, (-1, None))
                    if task is None:
                        break
                    future = client.submit(
                        compute_there, from_anywhere(task), str(alive), key=f"mathimg-{alive.name}-{number}", pure=False
                    )
                    running[future] = number
                    future.add_done_callback(done.put)
                    yield ItemEvent(number, "running")
                if control.is_canceled or (not running and not control.is_paused):
                    break
                try:
                    future = done.get(timeout=TICK)
                except Empty:
                    yield None
                    continue
                number = running.pop(future)
                outcome = _outcome(future)
                halted = halted or (outcome.state == "failed" and not keep_going)
                finished(number, outcome)
                yield ItemEvent(number, outcome.state, outcome=outcome)
        finally:
            alive.unlink(missing_ok=True)
            for future in _ended(running, done):
                number, outcome = running.pop(future), _outcome(future)
                if outcome.state == "done":
                    finished(number, outcome)
            for future in running:
                future.cancel()


def _ended(running: Mapping[Any, int], done: "SimpleQueue[Any]") -> Iterator[Any]:
    """Yield the tasks that end soon after they were told to stop, so that the next run seldom meets them."""
    until = time.monotonic() + PATIENCE
    while running and (left := until - time.monotonic()) > 0:
        try:
            future = done.get(timeout=left)
        except Empty:
            return
        if future in running:
            yield future


def from_anywhere(task: ItemTask) -> ItemTask:
    """Return a task whose paths do not depend on the present folder, and that may be done twice.

    A worker may be lost when it has just published a result: the next one replaces that.
    """
    recipe, folder = task.recipe, task.recipe.folder
    if folder is not None:
        recipe = replace(recipe, folder=Path(os.path.abspath(folder)))
    images = {name: _absolute(path) for name, path in task.images.items()}
    output = Path(os.path.abspath(task.output))
    return replace(
        task, source=_absolute(task.source), output=output, recipe=recipe, images=images, overwrite=True, threads=1
    )


def compute_there(task: ItemTask, alive: str) -> Outcome:
    """Compute an item in a worker, as long as the file `alive` is there."""
    from distributed import get_worker

    slots = max(int(get_worker().state.nthreads), 1)
    last = 0.0
    keep_memory()

    def tell(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= LOOK:
            last = time.monotonic()
            if not os.path.exists(alive):
                raise Canceled

    began, memory = time.perf_counter(), task.memory or int(SHARE * memory_at_hand() / slots)
    try:
        return compute_item(replace(task, memory=memory), tell)
    except Canceled:
        return Outcome("waiting", "stopped")
    except Exception as error:
        return failure(error, time.perf_counter() - began)


def _absolute(address: str) -> str:
    return address if is_remote(address) else os.path.abspath(address)


def _outcome(future: Any) -> Outcome:
    """Return the outcome of a task, which may have lost its workers."""
    try:
        outcome: Outcome = future.result()
        return outcome
    except Exception as error:
        return failure(error, 0.0)
