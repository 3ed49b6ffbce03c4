"""What was run in a window, in words."""

from collections.abc import Iterable
from pathlib import Path

from ...catalog import find
from ...recipe.recipe import Recipe
from ..settings.session_log import Run
from .wording import parameters_of, seconds_in_words


def run_in_line(run: Run) -> str:
    """Return a run in one line: when it ended, the layer, what was done, and how long it took."""
    steps = []
    for entry in run.steps:
        try:
            title = find(str(entry.get("operation"))).title
        except ValueError:
            title = str(entry.get("operation"))
        given = _given(entry)
        steps.append(f"{title} ({given})" if given else str(title))
    seconds = [entry["seconds"] for entry in run.steps if isinstance(entry.get("seconds"), int | float)]
    took = f", {seconds_in_words(sum(seconds))}" if seconds else ""
    return f"{run.time:%H:%M}  {run.layer}: {', then '.join(steps)} on {run.source}{took}"


def _given(entry: object) -> str:
    try:
        return parameters_of(Recipe.from_record([entry]).steps[0])
    except ValueError:  # a further image is left out of the log
        return ""


def save_session(path: Path, runs: Iterable[Run]) -> None:
    """Write runs to a text file, one a line, each day with its date."""
    lines, day = [], ""
    for run in runs:
        if (today := f"{run.time:%Y-%m-%d}") != day:
            day = today
            lines.append(day)
        lines.append(run_in_line(run))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
