"""The tasks of a run on the workers of dask.distributed: what travels is the folder of the run and a number."""

import math
import queue
import secrets
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from typing import Any

from ...contract.progress import Progress
from ...engine.passes import Tally
from ...io.problems import ImageFileError
from .clients import threads_of
from .files.facts import FactsFiles
from .files.journal import Entry, Journal
from .folder import RunFolder
from .passes import Block, SavedPasses, measured
from .stage import Stage
from .worker import count_one, in_turn, write_one

AHEAD = 2  # jobs for each thread of a worker that are with it at a time
JOB = 0.1  # seconds of the short tasks that go to a worker together
MOST = 32  # tasks of a job
RETRIES = 3  # times that a job which fails, or whose worker is lost, is tried again
TICK = 0.05  # seconds between two reports
ASK = 1.0  # seconds after which the scheduler is asked for its workers again


class Cluster:
    """The workers of a scheduler, and the run that they work for.

    Parameters
    ----------
    client
        Client of dask.distributed.
    run
        Folder of the run, which all workers can reach by the same path.
    bound
        Bytes that chunks may fill in each worker.
    """

    def __init__(self, client: Any, run: RunFolder, bound: int) -> None:
        self._client, self._run, self._bound = client, run, bound
        self._known: dict[str, int] = {}
        self._asked = -math.inf
        self._token = secrets.token_hex(4)
        self._alive = run.home / f"alive-{self._token}"
        for left in run.home.glob("alive-*"):
            left.unlink()
        self._alive.touch()

    def close(self) -> None:
        """Tell the workers to stop."""
        self._alive.unlink(missing_ok=True)

    def results(self, function: Any, name: str, numbers: Sequence[int]) -> Iterator[list[Any]]:
        """Yield what a function of (path, name, number, ...) has returned lately, for all numbers in any order.

        Runs of numbers that follow each other go to one worker, which keeps what they share. One that has none left
        takes from the end of the longest run. Short tasks go together, as a job costs some milliseconds.
        """
        done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        waiting: dict[str, deque[int]] = {}
        running: dict[Any, str] = {}
        left, seconds, together = len(numbers), 0.0, 1
        try:
            self._share(waiting, numbers)
            while left:
                for worker, count in self._free(running, waiting):
                    for _ in range(count):
                        job = _next_of(waiting, worker, together)
                        if not job:
                            break
                        future = self._client.submit(
                            in_turn, function, str(self._run.path), name, job, self._alive.name, self._bound,
                            key=f"mathimg-{self._token}-{name}-{job[0]}", pure=False, retries=RETRIES,
                            workers=[worker], allow_other_workers=True,
                        )  # fmt: skip
                        running[future] = worker
                        future.add_done_callback(done.put)
                ended = _lately(done)
                found: list[Any] = []
                for results, took in self._client.gather(ended) if ended else ():
                    found += results
                    seconds += took
                for future in ended:
                    running.pop(future)
                left -= len(found)
                if left < len(numbers):
                    mean = seconds / (len(numbers) - left)
                    share = left // (AHEAD * max(sum(self._known.values()), 1))
                    together = max(min(int(JOB / max(mean, 1e-9)), MOST, share), 1)
                yield found
        finally:
            for future in running:
                future.cancel()

    def _share(self, waiting: dict[str, deque[int]], numbers: Sequence[int]) -> None:
        workers = sorted(self._threads())
        if not workers:
            raise ImageFileError(f"{self._run.output}: must be made by at least one worker; the scheduler has none")
        for k, worker in enumerate(workers):
            first, stop = (len(numbers) * n // len(workers) for n in (k, k + 1))
            waiting[worker] = deque(numbers[first:stop])

    def _threads(self) -> dict[str, int]:
        """Return the threads of each worker, as they were a second ago at most."""
        if time.monotonic() - self._asked > ASK:
            self._known = threads_of(self._client)
            self._asked = time.monotonic()
        return self._known

    def _free(self, running: dict[Any, str], waiting: dict[str, deque[int]]) -> list[tuple[str, int]]:
        """Return how many more tasks each worker may have with it."""
        threads = self._threads()
        for lost in [worker for worker in waiting if worker not in threads]:
            orphans = waiting.pop(lost)
            for future in [future for future, worker in running.items() if worker == lost]:
                running[future] = ""
            if threads:
                waiting.setdefault(min(threads), deque()).extend(orphans)
            else:
                waiting[lost] = orphans
        busy = [*running.values()]
        return [(worker, max(AHEAD * count - busy.count(worker), 0)) for worker, count in threads.items()]

    def write(self, stage: Stage, journal: Journal, left: list[int]) -> Generator[Progress, None, None]:
        """Write shards in a generator that yields progress."""
        count = 0
        for found in self.results(write_one, stage.name, left):
            entries = [
                Entry(int(task), {int(step): tuple(of) for step, of in lost.items()}, float(seconds))
                for task, lost, seconds in found
            ]
            if entries:
                journal.add(*entries)
            count += len(entries)
            yield Progress(stage.phase if self._known else f"{stage.phase} (waiting for workers)", count, len(left))


class ClusterPasses(SavedPasses):
    """Passes of which the workers of a cluster count the blocks."""

    def __init__(self, facts: FactsFiles, bound: int, cluster: Cluster) -> None:
        super().__init__(facts, bound)
        self._cluster = cluster

    def parts(
        self, phase: str, key: str, blocks: list[Block], done: set[int], tally: Tally, threads: int
    ) -> Generator[tuple[Progress, list[tuple[int, Tally]]], None, None]:
        """Yield progress, and the tallies of the blocks that are newly counted, by their numbers."""
        left = [number for number in range(len(blocks)) if number not in done]
        if tally.fresh().arrays() is None or len(left) < 2:
            yield from super().parts(phase, key, blocks, done, tally, threads)
            return
        count, before = 0, len(done)
        for found in self._cluster.results(_numbered, key, left):
            finished = []
            for number, arrays in found:
                part = tally.fresh()
                if arrays is None:
                    part = measured(blocks[number], tally)
                else:
                    part.add_arrays(arrays)
                finished.append((number, part))
                count += 1
            yield Progress(phase, before + count, len(blocks)), finished


def _lately(done: "queue.SimpleQueue[Any]") -> list[Any]:
    """Return what has come into a queue, after a short time at most."""
    found = []
    try:
        found.append(done.get(timeout=TICK))
        while True:
            found.append(done.get_nowait())
    except queue.Empty:
        return found


def _numbered(path: str, key: str, number: int, alive: str, bound: int) -> tuple[int, Any]:
    """Count a block of a pass, and return its number too."""
    return number, count_one(path, key, number, alive, bound)


def _next_of(waiting: dict[str, deque[int]], worker: str, most: int) -> list[int]:
    """Return the next numbers of a worker, or the last ones of that which has most left; none if there are none."""
    if waiting.get(worker):
        own = waiting[worker]
        return [own.popleft() for _ in range(min(most, len(own)))]
    longest = max(waiting.values(), key=len, default=deque[int]())
    return [longest.pop() for _ in range(min(most, len(longest)))][::-1]
