"""The format of recipe files: what is around the steps, its version, and how older files are read."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import tomli_w

from .. import __version__
from .plain import Table, inside, refusal, text, whole
from .step import Step, read_names, read_step

FORMAT = "mathimg-recipe"
FORMAT_VERSION = 1
MOST_STEPS = 200
LINE = 120  # characters
MOST_PARTS = 32  # of a key, separated by dots

SPECIAL = re.compile(r"""\"{3}|'{3}|["'.=,\[\]{}\n]|#[^\n]*""")
TEXTS = {  # what ends a text, by what begins it
    '"': re.compile(r'(?:\\.|[^"\\\n])*"'),
    "'": re.compile(r"[^'\n]*'"),
    '"' * 3: re.compile(r'(?:\\.|"(?!"")|[^"\\])*"{3,5}', re.DOTALL),
    "'" * 3: re.compile(r"(?:'(?!'')|[^'])*'{3,5}"),
}

# From the plain values of a file of a format version to those of the next version.
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


def header(names: tuple[str, ...]) -> dict[str, Any]:
    """Return what the file of a recipe begins with; `names` are those of the axes of the image."""
    head = {"format": FORMAT, "format_version": FORMAT_VERSION, "made_with": f"napari-mathimg {__version__}"}
    return head | ({"axis_names": names} if names else {})


def _older(plain: Any) -> range:
    """Return the format versions from which plain values must be migrated, one after the other."""
    version = plain.get("format_version") if isinstance(plain, Mapping) else None
    if isinstance(version, bool) or not isinstance(version, int) or version not in MIGRATIONS:
        return range(0)
    return range(version, FORMAT_VERSION)


def _read_format(value: Any, place: str) -> str:
    if value != FORMAT:
        raise refusal(place, value, f"{FORMAT!r}")
    return FORMAT


def _read_version(value: Any, place: str) -> int:
    version = whole(1, 10_000)(value, place)
    if version > FORMAT_VERSION:
        raise refusal(place, value, f"at most {FORMAT_VERSION}, the version that this program reads: use a newer one")
    if version < FORMAT_VERSION:
        raise refusal(place, value, f"{FORMAT_VERSION}; this program does not read older ones")
    return version


def _read_steps(value: Any, place: str) -> tuple[Step, ...]:
    if not isinstance(value, tuple) or not 0 < len(value) <= MOST_STEPS:
        raise refusal(place, value, f"a list of 1 to {MOST_STEPS} steps")
    return tuple(read_step(step, inside(place, n)) for n, step in enumerate(value))


def check_keys(text: str) -> None:
    """Refuse keys of many parts, which take tomllib a time that grows with the square of their number.

    Raises
    ------
    ValueError
        With the line of the first such key.
    """
    dots = place = 0
    has_end = True
    while found := SPECIAL.search(text, place):
        mark, place = found[0], found.end()
        if mark in TEXTS:
            end = TEXTS[mark].match(text, place) if has_end else None
            has_end = end is not None  # of one without an end, all that follows is searched
            place = end.end() if end is not None else place
        elif mark == ".":
            dots += 1
            if dots >= MOST_PARTS:
                line = text.count("\n", 0, place) + 1
                raise ValueError(f"recipe: must have keys of at most {MOST_PARTS} parts (at line {line})")
        else:
            dots = 0


def as_toml(plain: Mapping[str, Any]) -> str:
    """Return the plain values of a recipe as TOML, short tables in one line each."""
    lines = [f"{name} = {_inline(value)}" for name, value in plain.items() if name != "steps"]
    for step in plain["steps"]:
        lines += ["", "[[steps]]"]
        lines += [f"{name} = {_inline(value)}" for name, value in step.items() if name not in ("parameters", "images")]
        lines += _table("steps.parameters", "parameters", step.get("parameters", {}))
        for name, image in step.get("images", {}).items():
            lines += [f"[steps.images.{name}]", *(f"{_key(key)} = {_inline(value)}" for key, value in image.items())]
    return "\n".join([*lines, ""])


def _table(place: str, name: str, table: Mapping[str, Any]) -> list[str]:
    """Return the lines of a table: one, or, after all others of its step, one for each entry."""
    if not table:
        return []
    line = f"{name} = {_inline(table)}"
    if len(line) <= LINE:
        return [line]
    return [f"[{place}]", *(f"{_key(key)} = {_inline(value)}" for key, value in table.items())]


def _inline(value: Any) -> str:
    """Return a value in one line."""
    if isinstance(value, Mapping):
        entries = ", ".join(f"{_key(key)} = {_inline(entry)}" for key, entry in value.items())
        return f"{{{entries}}}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_inline, value))}]"
    return tomli_w.dumps({"x": value}).removeprefix("x = ").rstrip("\n")


def _key(name: str | int) -> str:
    text = str(name)
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else _inline(text)


def read_recipe(plain: Any) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Read the steps of a recipe, and the names of the axes of the image, from plain values within bounds.

    Raises
    ------
    ValueError
        ``place=value: must be ...`` for the first thing that cannot be.
    """
    for version in _older(plain):
        plain = MIGRATIONS[version](dict(plain))
    table = Table(plain, "")
    table.take("format", _read_format)
    table.take("format_version", _read_version)
    table.take("made_with", text, "")
    names = table.take("axis_names", read_names, ())
    steps = table.take("steps", _read_steps)
    table.end()
    return steps, names
