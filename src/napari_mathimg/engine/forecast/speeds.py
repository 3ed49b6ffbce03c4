"""The time of a run, judged by earlier ones."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .needs import Needs

KEPT = 8  # runs of each kind
KINDS = 100  # of which runs are kept
SHORT = 0.5  # seconds: a shorter run is mostly its beginning and end
GROWTH = 16.0  # factor of the work up to which a short run tells how long another will take


class Guess(NamedTuple):
    """How many seconds a run may take, and whether the runs that tell so had its parameters."""

    seconds: float
    is_alike: bool


class Speeds:
    """The last runs of each kind, and what they tell of the next.

    Parameters
    ----------
    table
        The runs as `table` returned them, from the oldest to the last; what does not fit is left out.
    """

    def __init__(self, table: Mapping[str, Any] | None = None) -> None:
        self._runs: dict[str, list[tuple[str, float, float]]] = {}
        for kind, runs in (table or {}).items():
            if isinstance(runs, Sequence) and (kept := [run for entry in runs if (run := _as_run(entry))]):
                self._runs[str(kind)] = kept[-KEPT:]

    @property
    def table(self) -> dict[str, list[list[Any]]]:
        """The runs by kind, each as a list of the digest of its parameters, its work, and its seconds."""
        return {kind: [list(run) for run in runs] for kind, runs in self._runs.items()}

    def add(self, needed: Needs, seconds: float) -> None:
        """Remember how long a run took; the oldest ones are forgotten."""
        runs = self._runs.pop(needed.kind, [])
        self._runs[needed.kind] = [*runs, (needed.parameters, needed.work, float(seconds))][-KEPT:]
        for kind in list(self._runs)[:-KINDS]:
            del self._runs[kind]

    def guess(self, needed: Needs) -> Guess | None:
        """Return how long a run may take: in proportion to its work; None if no earlier run tells it.

        Among runs with its parameters, the fastest counts: the others had kernels to compile, or other programs beside
        them. Without one, the last run counts.
        """
        runs = [
            (parameters, needed.work * seconds / work)
            for parameters, work, seconds in self._runs.get(needed.kind, ())
            if seconds >= SHORT or needed.work <= GROWTH * work
        ]
        alike = [seconds for parameters, seconds in runs if parameters == needed.parameters]
        if alike:
            return Guess(min(alike), True)
        return Guess(runs[-1][1], False) if runs else None


def _as_run(entry: Any) -> tuple[str, float, float] | None:
    """Return a run from a file; None if it is not one."""
    try:
        parameters, work, seconds = entry
        run = str(parameters), float(work), float(seconds)
    except (TypeError, ValueError):
        return None
    return run if 0 < run[1] < float("inf") and 0 <= run[2] < float("inf") else None
