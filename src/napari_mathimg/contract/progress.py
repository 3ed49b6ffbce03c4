"""Progress, cancellation and parallel pieces: what a long computation and the engine exchange."""

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Piece = TypeVar("Piece")
Report = TypeVar("Report")
Result = TypeVar("Result")
Told = TypeVar("Told")


class Progress(NamedTuple):
    """Progress of a pass: the number of tasks done, with the finished fractions of running ones, and of all tasks."""

    phase: str
    done: float
    total: int


class RunContext(Protocol):
    """The part of the engine that a running block can reach."""

    stop_word: NDArray[np.uint8]  # a single number, which is not 0 as soon as the run is canceled

    def stop_if_canceled(self) -> None:
        """Raise an exception if the run was canceled."""

    def set_progress(self, done: float) -> None:
        """Store the fraction of the block's work that is done."""

    def spread_pieces(self, work: Callable[[Any], Any], pieces: Iterable[Any]) -> None:
        """Run `work` on every piece, in this thread and in idle ones."""


context: ContextVar[RunContext | None] = ContextVar("run_context", default=None)
NEVER = np.zeros(1, np.uint8)


def checkpoint(done: float | None = None) -> None:
    """Stop the computation here if its run was canceled; long loops call this, and outside a run it does nothing.

    Parameters
    ----------
    done
        Fraction of the block's work that is done, from 0 to 1; None if it is not known.
    """
    run = context.get()
    if run is not None:
        run.stop_if_canceled()
        if done is not None:
            run.set_progress(done)


def stop_word() -> NDArray[np.uint8]:
    """Return an array of one number that a long kernel reads now and then, to return early as soon as it is not 0.

    What the kernel then leaves is unfinished: call `checkpoint` after it.
    """
    run = context.get()
    return NEVER if run is None else run.stop_word


def parallel_for(work: Callable[[Piece], Any], pieces: Iterable[Piece]) -> None:
    """Run `work` on independent pieces of a block, with a checkpoint before each.

    The engine lends the threads that have no block of their own, so that a single large block uses all cores.

    Parameters
    ----------
    work
        Function of one piece.
    pieces
        Pieces of the block. They, and so the result, must not depend on the number of threads.
    """
    run = context.get()
    if run is not None:
        run.spread_pieces(work, pieces)
        return
    for piece in pieces:
        work(piece)


def run_to_end(steps: Generator[Report, None, Result], tell: Callable[[Report], Any] | None = None) -> Result:
    """Run a generator to its end and return its value; `tell` is called with each report.

    However it ends, the generator is closed, which stops its threads.
    """
    with closing(steps):
        while True:
            try:
                report = next(steps)
            except StopIteration as stop:
                result: Result = stop.value
                return result
            if tell is not None:
                tell(report)


def mapped(
    steps: Generator[Report, None, Result], function: Callable[[Report], Told | None]
) -> Generator[Told, None, Result]:
    """Run steps and return their value; yield what a function makes of each report, unless that is None."""
    with closing(steps):
        while True:
            try:
                report = next(steps)
            except StopIteration as stop:
                result: Result = stop.value
                return result
            if (told := function(report)) is not None:
                yield told


def with_prefix(prefix: str, steps: Generator[Progress, None, Result]) -> Generator[Progress, None, Result]:
    """Run steps and return their value; the phase of every report begins with a prefix."""
    return mapped(steps, lambda progress: progress._replace(phase=f"{prefix}{progress.phase}"))
