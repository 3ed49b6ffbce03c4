"""What a worker of a cluster does: it opens a run by its folder, once, and does tasks by their numbers."""

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ...contract.progress import Progress, context, run_to_end
from ...engine import Canceled
from ...engine.chunks import kept
from ...engine.passes import Arrays, Tally
from .files.facts import FactsFiles
from .folder import RunPlace, Spec
from .opened import Opening, open_chain
from .passes import Block, Reads, SavedPasses, blocks_of, measured
from .stage import Stage

POLL = 0.2  # seconds after which a worker sees that its run was stopped
TRIM, MAP = -1, -3  # parameters of mallopt of the C library
KEEP = 2**30  # bytes that it keeps, so that freed blocks are not mapped anew
MOST_OPEN = 4  # chains that a worker keeps open

_lock = threading.Lock()
_stages: dict[tuple[str, str, str], Stage] = {}  # by path, name and run
_passes: dict[tuple[str, str, str], "Reached"] = {}
_stops: dict[str, np.ndarray[Any, np.dtype[np.uint8]]] = {}  # by the file that is there as long as a run goes on


class Reached(Exception):
    """Raised where a pass would begin, with its blocks and its tally."""

    def __init__(self, blocks: list[Block], tally: Tally) -> None:
        super().__init__()
        self.blocks, self.tally = blocks, tally


class _UpTo(SavedPasses):
    """A runner of passes that ends where one pass would begin, and knows those before."""

    saves = False

    def __init__(self, facts: FactsFiles, wanted: str) -> None:
        super().__init__(facts, kept.bound)
        self._wanted = wanted

    def run(
        self, phase: str, tasks: Sequence[Any], reads: Reads, tally: Tally, threads: int
    ) -> Generator[Progress, None, None]:
        """Look a pass up, or raise `Reached`."""
        if f"{self._step}-{self._number}" == self._wanted:
            raise Reached(blocks_of(tasks, reads), tally)
        yield from super().run(phase, tasks, reads, tally, threads)


class _Work:
    """The run context of a task in a worker, whose pieces run in its own thread."""

    def __init__(self, alive: str) -> None:
        self._alive, self.stop_word = alive, _stops.setdefault(alive, np.zeros(1, np.uint8))

    def stop_if_canceled(self) -> None:
        """Raise `Canceled` if the run was stopped."""
        if self.stop_word[0]:
            raise Canceled

    def is_stopped_now(self) -> None:
        """Do so, after a look at the disk."""
        if not os.path.exists(self._alive):
            raise Canceled

    def set_progress(self, done: float) -> None:
        """Do nothing."""

    def spread_pieces(self, work: Callable[[Any], Any], pieces: Any) -> None:
        """Work on all pieces, one after the other."""
        for piece in pieces:
            self.stop_if_canceled()
            work(piece)


def in_turn(
    function: Callable[..., Any], path: str, name: str, numbers: list[int], alive: str, bound: int
) -> tuple[list[Any], float]:  # fmt: skip
    """Do some tasks, and return what each has given, and the seconds that all took."""
    began = time.perf_counter()
    found = [function(path, name, number, alive, bound) for number in numbers]
    return found, time.perf_counter() - began


def write_one(path: str, stage: str, number: int, alive: str, bound: int) -> tuple[int, dict[int, Any], float]:
    """Write a shard, and return its entry of the journal."""
    with _working(path, alive, bound) as work:
        opened = _stage(path, stage, alive)
        task, lost, seconds = opened.do(number, work.is_stopped_now)
        return task, lost, seconds


def count_one(path: str, key: str, number: int, alive: str, bound: int) -> Arrays | None:
    """Count a block of a pass, and return what was found as arrays; None for what arrays do not hold."""
    with _working(path, alive, bound):
        reached = _pass(path, key, alive)
        return measured(reached.blocks[number], reached.tally).arrays()


@contextmanager
def _working(path: str, alive: str, bound: int) -> Iterator[_Work]:
    keep_memory()
    kept.capacity = kept.bound = bound
    alive = os.path.join(path, ".mathimg", alive)
    work = _Work(alive)
    _watch()
    token = context.set(work)
    try:
        work.is_stopped_now()
        yield work
    finally:
        context.reset(token)


def _watch() -> None:
    """See to it that kernels stop soon after a run was stopped."""
    if any(thread.name == "mathimg-stop" for thread in threading.enumerate()):
        return

    def look() -> None:
        while True:
            time.sleep(POLL)
            for alive, word in list(_stops.items()):
                if not os.path.exists(alive):
                    word[0] = 1
                    _stops.pop(alive, None)

    threading.Thread(target=look, name="mathimg-stop", daemon=True).start()


def _stage(path: str, name: str, alive: str) -> Stage:
    with _lock:
        if (path, name, alive) not in _stages:
            while len(_stages) >= MOST_OPEN:
                del _stages[next(iter(_stages))]
            stages = _open(path, "", name)
            _stages[path, name, alive] = next(stage for stage in stages if stage.name == name)
        return _stages[path, name, alive]


def _pass(path: str, key: str, alive: str) -> Reached:
    with _lock:
        if (path, key, alive) not in _passes:
            _passes.clear()
            try:
                _open(path, key, "")
            except Reached as reached:
                _passes[path, key, alive] = reached
            else:
                raise ValueError(f"key={key!r}: must be a pass of the run in {path}")
        return _passes[path, key, alive]


def _open(path: str, key: str, stage: str) -> list[Stage]:
    place = RunPlace(Path(path))
    spec = Spec.read(place.home)
    further = {name: of.open() for name, of in spec.inputs.items()}
    passes = _UpTo(FactsFiles(place.home / "facts"), key)
    opening = Opening(spec.recipe, spec.source.open(), further, spec.choices, passes, 1)
    return run_to_end(open_chain(opening, place, _is_written, stage or None)).stages


def _is_written(stage: Stage) -> Generator[Progress, None, None]:
    """Take a stage for written, as those before that of a task are."""
    yield Progress(stage.phase, 1, 1)


@cache
def keep_memory() -> None:
    """Have the C library keep what is freed: the nanny of dask lets it give back all, which makes tasks slower."""
    if sys.platform != "linux":
        return
    try:
        library = ctypes.CDLL(None)
        library.mallopt(MAP, KEEP)
        library.mallopt(TRIM, KEEP)
    except (OSError, AttributeError):
        return
