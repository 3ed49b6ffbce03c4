"""The help page of an operation, as HTML for a QTextBrowser."""

import re
from collections.abc import Iterator
from copy import copy
from functools import cache
from html import escape
from inspect import cleandoc
from pathlib import Path
from typing import Any

from docstring_parser import Docstring, DocstringStyle, parse

from ...catalog import FAMILIES
from ...contract.operation import Operation
from ...contract.quantities import in_prose, number
from ...contract.reach import Whole
from ...contract.requirements import describe
from ...contract.signature import Parameter, arguments
from ...recipe.record import LIGHT
from ..form.parameter_field import label
from ..layers.snapshot import DOMAIN

PICTURES = Path(__file__).parent / "pictures"
PLAIN = {"raw_enabled": False, "file_insertion_enabled": False, "report_level": 5, "smart_quotes": False}

STYLE = """
h1 { font-size: large; margin-bottom: 0px; }
h2 { font-size: medium; margin-top: 12px; margin-bottom: 2px; }
p { margin-top: 4px; margin-bottom: 4px; }
p.facts { font-size: small; }
p.parameter { margin-top: 8px; margin-bottom: 0px; }
.inside { margin-left: 14px; margin-top: 0px; margin-bottom: 0px; }
.literal, pre, code { font-family: monospace; }
pre { white-space: pre-wrap; }
"""

ITEMS = {(2,): "planes", (3,): "volumes", (2, 3): "planes or volumes"}
COLORS = {
    "separate": "Color channels are processed one by one.",
    "joint": "Color channels are processed together.",
    "brightness": "The brightness of colors is processed; they keep their hue.",
    "reduce": "Takes a color image and returns a grayscale image.",
}
ROLES = {
    "aligned": "an image of the same shape, used pixel by pixel",
    "whole": "a small image, such as a kernel, all of which is used at every pixel",
    "reference": "an image of any shape, of which only the distribution of values is used",
}


def page(operation: Operation) -> str:
    """Return the help page of an operation."""
    text = cleandoc(operation.function.__doc__ or "")
    doc = parse(text, DocstringStyle.NUMPYDOC)
    return "".join(
        [
            f"<h1>{escape(operation.title)}</h1>",
            f'<p class="facts">{FAMILIES[operation.family]} &middot; <code>{operation.id}</code></p>',
            markup(doc.short_description or ""),
            _picture(operation),
            markup(doc.long_description or ""),
            *_parameters(operation, doc),
            *_images(operation),
            _works_on(operation),
            *_refusals(doc),
            *_references(doc),
            *_example(text),
        ]
    )


def markup(text: str) -> str:
    """Return reStructuredText as HTML."""
    from docutils.core import publish_parts  # slow to load, and not needed before the first page
    from docutils.writers.html5_polyglot import Writer

    return str(publish_parts(in_prose(text), writer=Writer(), settings=copy(_settings()))["fragment"])


@cache
def _settings() -> Any:
    """Return the default settings of docutils without the user's files, cached because finding them is slow."""
    from docutils.frontend import get_default_settings
    from docutils.parsers.rst import Parser
    from docutils.readers.standalone import Reader
    from docutils.writers.html5_polyglot import Writer

    settings = get_default_settings(Parser, Reader, Writer)
    for name, value in PLAIN.items():
        setattr(settings, name, value)
    return settings


def _line(text: str) -> str:
    """Return a paragraph of reStructuredText as HTML without its <p> tags; a leading "A." is not taken for a list."""
    paragraph = re.sub(r"^(?=\(?\w+[.)]\s)", r"\\", " ".join(text.split()))
    return re.sub(r"^<p>|</p>$", "", markup(paragraph).strip())


def _picture(operation: Operation) -> str:
    if not (PICTURES / f"{operation.id}.png").is_file():
        return ""
    return f'<p><img src="{operation.id}.png"></p><p class="facts">{{caption}}</p>'


def _parameters(operation: Operation, doc: Docstring) -> Iterator[str]:
    descriptions = {p.arg_name: p.description or "" for p in doc.params}
    if operation.parameters:
        yield "<h2>Parameters</h2>"
    for name, parameter in operation.parameters.items():
        yield (
            f'<p class="parameter"><b>{escape(label(name, parameter.hint))}</b> &nbsp;<code>{name}</code></p>'
            f'<p class="inside">{_line(descriptions.get(name, ""))}</p>'
            f'<p class="inside"><i>{escape(facts(parameter))}</i></p>'
        )


def facts(parameter: Parameter) -> str:
    """Return a sentence with the valid values of a parameter, their unit and its default."""
    values = describe(parameter.hint)
    default = parameter.default
    shown = ("yes" if default else "no") if isinstance(default, bool) else _number(default)
    values = "yes or no" if values == "True or False" else values
    return f"{values[0].upper()}{values[1:]}; {shown} by default."


def _number(value: Any) -> str:
    return number(value, 10) if isinstance(value, int | float) else repr(value)


def _images(operation: Operation) -> Iterator[str]:
    for name, role in operation.images[1:]:
        note = " It is optional." if name in operation.optional else ""
        yield f"<h2>{name[0].upper()}{name[1:].replace('_', ' ')}</h2><p>The dock asks for {ROLES[role]}.{note}</p>"


def _works_on(operation: Operation) -> str:
    items = ITEMS.get(operation.dimensions, "all axes") if operation.dimensions != "all" else "all axes at once"
    facts = [f"Works on {items}."]
    if operation.family in DOMAIN:
        facts.append("It also works on Labels layers, without interpolation.")
    if operation.values == "normalized":
        facts.append("The value range is treated as 0 to 1.")
    if operation.saturates:
        facts.append("Values outside the value range are clipped to it.")
    if not operation.is_warp:
        facts.append(COLORS[operation.channels])
    if operation.drops is not None:
        facts.append("The result lacks the first axis of the planes or volumes.")
    if operation.dtype == "float32":
        facts.append("Results for integers are float32, unless another output type is chosen.")
    facts.append(_light(operation))
    if isinstance(operation.reach, Whole):
        facts.append("Every pixel affects every other, so that a plane or volume is computed in one piece.")
    return f"<h2>Applied to</h2><p>{' '.join(facts)}</p>"


def _light(operation: Operation) -> str:
    """Say whether brightness stays proportional to light."""
    if not callable(operation.proportional):
        return LIGHT[operation.proportional]
    names = ", ".join(f"<code>{name}</code>" for name in arguments(operation.proportional))
    usually = operation.is_proportional({name: p.default for name, p in operation.parameters.items()})
    return f"{LIGHT[usually]} This depends on {names}."


def _refusals(doc: Docstring) -> Iterator[str]:
    for refusal in doc.raises:
        yield f"<h2>Errors</h2><p>{_line(refusal.description or '')}</p>"


def _references(doc: Docstring) -> Iterator[str]:
    for meta in doc.meta:
        if meta.args == ["references"]:
            entries = re.split(r"^\.\. \[\d+\]\s*", meta.description or "", flags=re.MULTILINE)
            cited = "".join(f"<li>{_line(entry)}</li>" for entry in entries if entry.strip())
            yield f"<h2>References</h2><ol>{cited}</ol>"


def _example(text: str) -> Iterator[str]:
    _, _, example = text.partition("\nExamples\n--------\n")
    if example:
        yield f"<h2>From Python</h2><pre>{escape(example.strip())}</pre>"
