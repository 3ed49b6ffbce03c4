"""A step in words: its title, its parameters in one line, and its marks."""

from collections.abc import Mapping
from typing import Any

from ...contract.per_index import PerIndex
from ...contract.quantities import number, quantity
from ...recipe.images import Further
from ...recipe.lengths import is_length
from ...recipe.plain import as_lists
from ...recipe.step import Step

UNITS = {"um": "µm"}
LONGEST = 60  # characters of a value


def title_of(step: Step) -> str:
    """Return the title of a step, and what is special about it."""
    marks = [f"level {step.level}"] if step.level else []
    marks += [f"{axis} = {index}" for axis, index in step.where.items()]
    marks += ["pixels changed during the run"] if step.torn else []
    return f"{step.declared.title} ({', '.join(marks)})" if marks else str(step.declared.title)


def parameters_of(step: Step) -> str:
    """Return what was given to a step, but for defaults, in one line."""
    declared = step.declared.parameters
    given = {name: value for name, value in step.parameters.items() if not _is_default(value, declared[name].default)}
    words = [f"{name} {_value(value)}" for name, value in given.items()]
    words += [f"{name} {_image(image)}" for name, image in step.images.items()]
    if step.options.scope is not None:
        words.append("a part")
    if step.options.ndim > 2 and step.declared.dimensions != "all":
        words.append("volumes")
    return ", ".join(words) or "defaults"


def seconds_in_words(seconds: float | None) -> str:
    """Return what a step took; "" if that is not known."""
    return "" if seconds is None else quantity(number(seconds, 2), "s")


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
        text = f"({', '.join(map(_value, value))})"
        return text if len(text) <= LONGEST else f"({len(value)} values)"
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _image(image: Further) -> str:
    if isinstance(image, PerIndex):
        return f"for each {image.axis}"
    plain = image.plain()
    return str(plain["psf"]["kind"]) if "psf" in plain else repr(next(iter(plain.values())))
