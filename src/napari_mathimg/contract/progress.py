"""What a long computation and the engine that runs it tell each other: stop, how far, and side by side."""

from collections.abc import Callable, Generator, Iterable
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol, TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")


class Progress(NamedTuple):
    """How far a pass has come: tasks done, with the shares of those that run, out of all."""

    phase: str
    done: float
    total: int


class RunContext(Protocol):
    """The engine, as a block that is being computed sees it."""

    def stop_if_canceled(self) -> None:
        """Raise where the run was canceled."""

    def tell(self, done: float) -> None:
        """Take note of the share of the block's work that is done."""

    def spread_pieces(self, work: Callable[[Any], Any], pieces: Iterable[Any]) -> None:
        """Run `work` on every piece, on this thread and on those that have nothing to do."""


context: ContextVar[RunContext | None] = ContextVar("host", default=None)


def checkpoint(done: float | None = None) -> None:
    """Stop here when the run was canceled; called by long loops, without effect outside a run.

    Parameters
    ----------
    done
        Share of the block's work that is done, from 0 to 1, where it is known.
    """
    engine = context.get()
    if engine is not None:
        engine.stop_if_canceled()
        if done is not None:
            engine.tell(done)


def parallel_for(work: Callable[[Piece], Any], pieces: Iterable[Piece]) -> None:
    """Run `work` on pieces that do not depend on each other, a checkpoint before each.

    The engine gives them the threads that have no block of their own, so that a single large block keeps all cores
    busy. The pieces, and with them the result, must not depend on the number of threads.
    """
    engine = context.get()
    if engine is not None:
        engine.spread_pieces(work, pieces)
        return
    for piece in pieces:
        work(piece)


def run_to_end(steps: Generator[Any, None, Result]) -> Result:
    """Run a generator to its end and return its value."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: Result = stop.value
            return result
