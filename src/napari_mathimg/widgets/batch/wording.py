"""What is done with files, in words: states, times, recipes."""

from collections.abc import Mapping
from pathlib import Path

from ...batch.job import Outcome
from ...contract.quantities import percent
from ...engine.forecast import duration
from ...recipe.recipe import Recipe
from ..history.wording import parameters_of, title_of

STATES = {"waiting": "", "kept": "done before", "skipped": "left out", "failed": "failed", "running": "running"}
COUNTED = {"done": "done", "kept": "done before", "skipped": "left out", "failed": "failed"}
OPTIONS = {"(--on-exists)": '("If it exists")', "(recursive, --recursive)": '("With subfolders")'}


def in_dock_words(text: str) -> str:
    """Return a refusal with the words of the dock in the place of options of the command line.

    Examples
    --------
    >>> in_dock_words("out.tif: must not exist, or be overwritten or skipped on purpose (--on-exists)")
    'out.tif: must not exist, or be overwritten or skipped on purpose ("If it exists")'
    """
    for option, words in OPTIONS.items():
        text = text.replace(option, words)
    return text


def state_in_words(state: str, outcome: Outcome, share: float) -> str:
    """Return the state of a file in a few words."""
    if state == "running":
        return percent(round(share, 2))
    if state == "done":
        return duration(outcome.seconds)
    return "done" if state == "kept" else STATES[state]


def explanation(source: str, state: str, outcome: Outcome, output: Path | None) -> str:
    """Return all that is known of a file, a line each."""
    lines = [source]
    if state == "done":
        lines.append(f"Done in {duration(outcome.seconds)}")
    elif STATES[state]:
        lines.append(STATES[state].capitalize())
    if outcome.reason:
        lines.append(outcome.reason)
    lines += outcome.notes
    if output is not None and state != "failed":
        lines.append(f"Result: {output}")
    if state in ("done", "kept"):
        lines.append("Double-click to open the result")
    return "\n".join(lines)


def steps_in_words(recipe: Recipe) -> str:
    """Return the steps of a recipe, a line each."""
    lines = (f"{n}. {title_of(step)}: {parameters_of(step)}" for n, step in enumerate(recipe.steps, 1))
    return "\n".join(lines)


def counts_in_words(counts: Mapping[str, int]) -> str:
    """Return what has become of files: how many are done, were done before, are left out, have failed, are to be done.

    Examples
    --------
    >>> counts_in_words({"done": 3, "failed": 1, "running": 2, "waiting": 5})
    '3 done, 1 failed, 7 to do'
    """
    known = {"to do": counts.get("running", 0) + counts.get("waiting", 0)}
    known = {words: counts.get(state, 0) for state, words in COUNTED.items()} | known
    return ", ".join(f"{number} {words}" for words, number in known.items() if number)


def left_in_words(done: float, total: int, seconds: float) -> str:
    """Return how long a run will still take, judged by what it has done; "" while that says nothing."""
    if done <= 0 or seconds < 1 or done >= total:
        return ""
    return f"about {duration(max(seconds / done * (total - done), 1))} left"
