"""A pass: tasks that read pixels, and a tally of what they found."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Protocol, Self

from numpy.typing import NDArray

from ...contract.progress import Progress
from ..chunks import read_tasks
from ..chunks.passes import Reads

Arrays = dict[str, NDArray[Any]]


class Tally(ABC):
    """What a pass has counted so far; what is joined from parts has the same bits whatever the parts are."""

    @abstractmethod
    def fresh(self) -> Self:
        """Return the tally of no tasks of the same pass."""

    @abstractmethod
    def measure(self, task: Any) -> None:
        """Read the pixels of a task, and count them; several threads may do so at a time."""

    @abstractmethod
    def join(self, other: Self) -> None:
        """Add what another tally has counted of other tasks."""

    @abstractmethod
    def arrays(self) -> Arrays | None:
        """Return all that was counted as arrays; None for what arrays do not hold."""

    @abstractmethod
    def add_arrays(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Add what `arrays` of a tally of other tasks returned."""


class PassRunner(Protocol):
    """Who runs passes in place of the threads of this process, block by block, and may know what they find."""

    def run(
        self, phase: str, tasks: Sequence[Any], reads: Callable[[Any], Reads], tally: Tally, threads: int
    ) -> Generator[Progress, None, None]:
        """Count all tasks in a generator that yields progress."""


pass_runner: ContextVar[PassRunner | None] = ContextVar("pass_runner", default=None)


def run_pass(
    phase: str, tasks: Sequence[Any], reads: Callable[[Any], Reads], tally: Tally, threads: int,
    groups: Sequence[tuple[int, ...]] | None = None,
) -> Generator[Progress, None, None]:  # fmt: skip
    """Count tasks in a generator that yields progress; arguments as of `read_tasks`."""
    runner = pass_runner.get()
    if runner is None:
        yield from read_tasks(phase, tasks, reads, tally.measure, threads, groups=groups)
    else:
        yield from runner.run(phase, tasks, reads, tally, threads)
