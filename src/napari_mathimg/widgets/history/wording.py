"""Steps and runs in words: titles, parameters in one line, marks, and what was done in a window."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...catalog import find
from ...contract.per_index import PerIndex
from ...contract.quantities import number, quantity
from ...recipe.images import Further
from ...recipe.lengths import is_length
from ...recipe.plain import as_lists
from ...recipe.recipe import Recipe
from ...recipe.step import Step
from ..form.parameter_field import label
from ..settings.session_log import Run

UNITS = {"um": "µm"}
LONGEST = 60  # characters of a value


def title_of(step: Step) -> str:
    """Return the title of a step, and what is special about it."""
    marks = ["off"] if step.off else []
    marks += [f"level {step.level}"] if step.level else []
    marks += [f"{axis} = {index}" for axis, index in step.where.items()]
    marks += ["pixels changed during the run"] if step.torn else []
    return f"{step.declared.title} ({', '.join(marks)})" if marks else str(step.declared.title)


def parameters_of(step: Step) -> str:
    """Return what was given to a step, but for defaults, in one line."""
    declared = step.declared.parameters
    given = {name: value for name, value in step.parameters.items() if not _is_default(value, declared[name].default)}
    words = [f"{_called(name, declared[name].hint)} {_value(value)}" for name, value in given.items()]
    words += [f"{name} {_image(image)}" for name, image in step.images.items()]
    if step.options.scope is not None:
        words.append("a part")
    if step.options.ndim > 2 and step.declared.dimensions != "all":
        words.append("volumes")
    return ", ".join(words) or "defaults"


def seconds_in_words(seconds: float | None) -> str:
    """Return what a step took; "" if that is not known."""
    return "" if seconds is None else quantity(number(seconds, 2), "s")


def _called(name: str, hint: Any) -> str:
    """Return the label of a parameter in the middle of a line."""
    text = label(name, hint)
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _is_default(value: Any, default: Any) -> bool:
    return bool(as_lists(value) == as_lists(default))


def _value(value: Any) -> str:
    if is_length(value):
        return quantity(_value(value["value"]), UNITS.get(value["unit"], value["unit"]))
    if isinstance(value, Mapping):
        return f"for each {value.get('per', 'index')}"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int | float):
        return number(float(value), 4)
    if isinstance(value, tuple | list):
        if len(value) > 1 and all(isinstance(v, int | float) and v == value[0] for v in value):
            return _value(value[0])
        text = f"({', '.join(map(_value, value))})"
        return text if len(text) <= LONGEST else f"({len(value)} values)"
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _image(image: Further) -> str:
    if isinstance(image, PerIndex):
        return f"for each {image.axis}"
    plain = image.plain()
    return str(plain["psf"]["kind"]) if "psf" in plain else repr(next(iter(plain.values())))


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
