"""What became of the files of a job, as a table in a CSV or JSON file."""

import csv
import io
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..io.problems import ImageFileError
from ..io.publish import published
from .item import Item, Outcome

COLUMNS = ("input", "output", "state", "reason", "seconds", "bytes", "saturated", "shape", "digest", "notes")
FORMAT = "mathimg-report"
ORDER = ("done", "kept", "skipped", "failed", "waiting")
ENDINGS = (".csv", ".json")
HEAD = 400  # characters


@dataclass(frozen=True)
class JobReport:
    """What became of the files of a job.

    Attributes
    ----------
    items, outcomes
        The files, and what became of each.
    is_canceled
        Whether the run was stopped before its end.
    seconds
        Time of the run.
    """

    items: tuple[Item, ...]
    outcomes: tuple[Outcome, ...]
    is_canceled: bool = False
    seconds: float = 0.0

    @property
    def counts(self) -> dict[str, int]:
        """Number of items in each state."""
        return dict(Counter(outcome.state for outcome in self.outcomes))

    @property
    def failures(self) -> tuple[tuple[Item, Outcome], ...]:
        """The items that failed, with the reasons."""
        return tuple((i, o) for i, o in zip(self.items, self.outcomes, strict=True) if o.state == "failed")

    @property
    def summary(self) -> str:
        """The number of items in each state, in words.

        Examples
        --------
        >>> JobReport((), (Outcome("done"), Outcome("failed"), Outcome("done"))).summary
        '2 done, 1 failed'
        """
        words = {"kept": "done before", "waiting": "not tried"}
        counts = self.counts
        return ", ".join(f"{counts[state]} {words.get(state, state)}" for state in ORDER if state in counts)

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each item, with `COLUMNS`."""
        return [
            {
                "input": item.source, "output": str(item.output), "state": found.state, "reason": found.reason,
                "seconds": round(found.seconds, 3), "bytes": found.bytes, "saturated": found.saturated,
                "shape": list(found.shape), "digest": found.digest, "notes": list(found.notes),
            }
            for item, found in zip(self.items, self.outcomes, strict=True)
        ]  # fmt: skip

    def save(self, path: str | Path) -> None:
        """Write the table to a CSV or JSON file, by its ending. An earlier report is replaced.

        Raises
        ------
        ValueError
            ``PATH: must ...`` for another ending, and for a file that is no report.
        """
        place = checked_report(path)
        if place.suffix.lower() == ".json":
            content = {
                "format": FORMAT,
                "canceled": self.is_canceled,
                "seconds": round(self.seconds, 3),
                "counts": self.counts,
            }
            text = json.dumps(content | {"files": self.rows()}, indent=2)
        else:
            out = io.StringIO()
            writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
            writer.writeheader()
            for row in self.rows():
                words = {"shape": " x ".join(map(str, row["shape"])), "notes": " ".join(row["notes"])}
                writer.writerow(row | words)
            text = out.getvalue()
        with published(place, overwrite=True) as beside:
            beside.write_text(text, encoding="utf-8")


def checked_report(path: str | Path) -> Path:
    """Return the path of a report that can be written: a new file, or an earlier report.

    Raises
    ------
    ImageFileError
        ``PATH: must ...``
    """
    place = Path(path)
    if place.suffix.lower() not in ENDINGS:
        raise ImageFileError(f"{place}: must end in {' or '.join(ENDINGS)}")
    if not place.parent.is_dir():
        raise ImageFileError(f"{place}: must be in a folder that exists, which {place.parent} does not")
    if place.exists() and not _is_report(place):
        raise ImageFileError(f"{place}: must be a new file or an earlier report")
    return place


def _is_report(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        head = file.read(HEAD)
    return not head or head.startswith(",".join(COLUMNS)) or f'"format": "{FORMAT}"' in head
