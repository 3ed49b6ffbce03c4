"""A recipe as a command line."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ...contract.types import parts
from ...engine import Options
from ..images import file_stem
from ..lengths import is_length
from ..plain import all_texts, as_lists
from ..step import Step


def command_line(
    steps: Sequence[Step], names: Sequence[str], recipe: str, source: str, target: str, inputs: Mapping[str, str]
) -> str:
    """Return the command; arguments as in `Recipe.command`. `names` are those of the inputs of the recipe."""
    single = _single(steps)
    source, target, recipe = _path(source), _path(target), _path(recipe)
    if single is not None:
        words = ["mathimg", "apply", single.operation, source, "-o", target]
        for name, value in single.parameters.items():
            words += ["--set", f"{name}={_typed(value)}"]
    else:
        words = ["mathimg", "run", recipe, source, "-o", target]
        words += [f"--input={_named(name)}={inputs.get(name, _file_of(name))}" for name in names]
    return " ".join(shlex.quote(_safe(word)) for word in words)


def _path(path: str) -> str:
    """Return the path of a file, which is no option even if it begins like one."""
    return f"./{path}" if path.startswith("-") else path


def _named(name: str) -> str:
    """Refuse a name that no command line can give to an image.

    Raises
    ------
    ValueError
        For a name with the sign between it and the file.
    """
    if "=" in name:
        raise ValueError(f"input={name!r}: must have a name without '=' on a command line")
    return name


def _file_of(name: str) -> str:
    """Return the file of an input of which only the name is known: that itself, if it is one of an image."""
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_. -]*\.(tiff?|npy|png|jpe?g)", name):
        return name
    return f"{file_stem(name)}.npy"


def _single(steps: Sequence[Step]) -> Step | None:
    """Return the only step, if all of it can be typed without a recipe."""
    if len(steps) != 1 or steps[0].options != Options() or steps[0].images:
        return None
    step = steps[0]
    is_plain = step == Step(step.operation, step.version, step.parameters)
    complete = set(step.declared.from_layer) <= set(step.parameters)  # the command would take them from the file
    simple = all(not isinstance(value, Mapping) or is_length(value) for value in step.parameters.values())
    typable = all(_is_typable(step, name, value) for name, value in step.parameters.items())
    return step if is_plain and complete and simple and typable else None


def _is_typable(step: Step, name: str, value: Any) -> bool:
    """Return whether the command line reads the same value again."""
    texts = [text for text in all_texts(value) if text not in ("um", "value", "unit")]
    if parts(step.declared.parameters[name].hint)[0] is str:
        return isinstance(value, str) and value == value.strip()
    return (
        is_length(value) or not texts or (isinstance(value, str) and re.fullmatch(r"[A-Za-z][\w-]*", value) is not None)
    )


def _typed(value: Any) -> str:
    if is_length(value):
        each = value["value"] if isinstance(value["value"], tuple) else (value["value"],)
        return f"{','.join(repr(v) for v in each)}{value['unit']}"
    return value if isinstance(value, str) else json.dumps(as_lists(value))


def _safe(word: str) -> str:
    """Refuse what no command line can hold.

    Raises
    ------
    ValueError
        For a character that ends a word for the system.
    """
    if "\0" in word:
        raise ValueError(f"{word!r}: must not hold the character of number 0 on a command line")
    return word
