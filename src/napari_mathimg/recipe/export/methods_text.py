"""A recipe as a paragraph for the methods section of a paper, with the references that its operations cite."""

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Any, get_args, get_origin

from ... import __version__
from ...contract.per_index import PerIndex
from ...contract.quantities import NO_BREAK
from ...contract.signature import Signature
from ...contract.types import FromLayer, Label, Number, When, annotation_of
from ...contract.types import options as members
from ...methods.point_spread.kinds import KINDS
from ..axes import without_lengths
from ..images import DeclaredPsf, Further, Input
from ..lengths import in_words, is_length
from ..step import Step

SOFTWARE = ("numpy", "numba", "scipy")
ITEMS = {1: "lines", 2: "planes", 3: "volumes"}
STATISTICS = {"layer": "of the whole image", "item": "of each of them", "channel": "of each channel"}


def methods_text(steps: Sequence[Step]) -> str:
    """Return the paragraph, and a list of references."""
    shown = [step for step in steps if not step.off]
    cited: list[str] = []
    sentences = [_sentence(number, len(shown), step, cited) for number, step in enumerate(shown)]
    libraries = ", ".join(f"{name} {version(name)}" for name in SOFTWARE)
    text = f"Images were processed with napari-mathimg {__version__} ({libraries}). {' '.join(sentences)}"
    if any(step.torn for step in shown):
        text += " Pixels of the input were changed during a recorded step, which may not be repeated exactly."
    if cited:
        text += "\n\n" + "\n".join(f"[{number}] {reference}" for number, reference in enumerate(cited, 1))
    return text.replace(NO_BREAK, " ") + "\n"


def _sentence(number: int, count: int, step: Step, cited: list[str]) -> str:
    op = step.declared
    first = "" if count == 1 else "First, " if number == 0 else "Finally, " if number == count - 1 else "Then, "
    name = f"“{op.title}” ({op.id}, version {step.version})"
    text = f"{first}{name} was applied to {_part(step)}"
    if given := _parameters(op, step.parameters):
        text += f" with {given}"
    if op.uses_range(op.validate(without_lengths(step.parameters))):
        text += f"; {_range(step)}"
    for name, image in step.images.items():
        text += f"; the {name} was {_image(image, cited)}"
    if step.options.around is not None:
        around = step.options.around
        text += f"; values were transformed by “{around.wrapper.title}” before it and back after it"
        if given := _parameters(around.wrapper, around.parameters):
            text += f" ({given})"
    if step.divisor != 1:
        text += f"; the result was divided by {step.divisor:g}"
    return f"{text}{_cite(references(op), cited)}."


def _part(step: Step) -> str:
    options = step.options
    items = ITEMS.get(options.ndim, f"items of {options.ndim} axes")
    if options.axes is not None:
        items += f" (axes {', '.join(printable(str(axis)) for axis in options.axes)})"
    parts = [f"{printable(str(axis))} = {printable(str(index))}" for axis, index in step.where.items()]
    for axis, part in (options.scope or {}).items():
        span = f"{part[0]} to {part[1] - 1}" if isinstance(part, tuple) else str(part)
        parts.append(f"{printable(str(axis))} = {span}")
    text = f"the {items}" + (f" at {', '.join(parts)}" if parts else "")
    return text + (f" of level {step.level}" if step.level else "")


def _range(step: Step) -> str:
    how, of = step.options.value_range, STATISTICS[step.options.statistics]
    if step.options.statistics == "layer" and (step.where or step.options.scope):
        of = "of this part"
    if isinstance(how, str):
        return "the value range was that of the data type" if how == "dtype" else f"the value range was that {of}"
    *words, low, high = how
    if words:
        return f"the value range was from the percentile {low:g} to {high:g} {of}"
    return f"the value range was from {low!r} to {high!r}"


def _parameters(signature: Signature, given: Mapping[str, Any]) -> str:
    """Return all parameters that have an effect, with their units; those that were not given have their default."""
    values = {n: given.get(n, p.default) for n, p in signature.parameters.items()}
    shown = []
    for name, value in values.items():
        hint = signature.parameters[name].hint
        when = annotation_of(hint, When)
        if (annotation_of(hint, FromLayer) and name not in given) or (
            when and not when.applies(values.get(when.other))
        ):
            continue
        label = annotation_of(hint, Label)
        title = name if label is None or label.text in ("", name) else f"{label.text} ({name})"
        shown.append(f"{title} = {_value(value, unit_of(hint))}")
    return ", ".join(shown)


def _value(value: Any, unit: str) -> str:
    if isinstance(value, Mapping) and "per" in value:
        each = ", ".join(_value(v, unit) for v in value["values"])
        return f"{each} for the indices of axis {printable(str(value['per']))}"
    if is_length(value):
        return in_words(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return "automatic" if value == "auto" else printable(value)
    text = _numbers(value)
    return f"{text}{'' if unit in ('', '°') else ' '}{unit}"


def _numbers(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_numbers, value))})"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def unit_of(hint: Any) -> str:
    """Return the unit of a parameter or of its elements; "" if it has none."""
    number = annotation_of(hint, Number)
    if number:
        return str(number.unit)
    inner = [a for o in members(hint) for a in (get_args(o) if get_origin(o) is tuple else (o,)) if a is not hint]
    return next((unit for a in inner if a is not Ellipsis and (unit := unit_of(a))), "")


def _image(image: Further, cited: list[str]) -> str:
    if isinstance(image, PerIndex):
        return f"one image for each index of axis {printable(str(image.axis))}"
    if isinstance(image, DeclaredPsf):
        kind = KINDS[image.kind]
        return f"the kind “{kind.title}” with {_parameters(kind, image.parameters)}{_cite(references(kind), cited)}"
    name = image.name if isinstance(image, Input) else image.plain().get("path", image.plain().get("input"))
    return f"the image “{printable(str(name))}”"


def printable(text: str) -> str:
    """Return a text in one line, with escapes for what cannot be printed."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def references(signature: Signature) -> list[str]:
    """Return the references in the docstring of an operation, each in one line."""
    text = inspect.getdoc(signature.function) or ""
    section = re.search(r"^References\n-+\n(.*?)(?=^\S[^\n]*\n-+\n|\Z)", text, re.DOTALL | re.MULTILINE)
    found = re.split(r"^\.\. \[\d+\] ", section[1], flags=re.MULTILINE)[1:] if section else []
    return [" ".join(reference.split()) for reference in found]


def _cite(found: Iterable[str], cited: list[str]) -> str:
    """Return the numbers of references, which join those that are cited already."""
    numbers = []
    for reference in found:
        if reference not in cited:
            cited.append(reference)
        numbers.append(cited.index(reference) + 1)
    return f" [{', '.join(map(str, numbers))}]" if numbers else ""
