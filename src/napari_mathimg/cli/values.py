"""What is typed on the command line, as values: numbers, words, lists, lengths in a unit, and options."""

import json
import math
import re
from collections.abc import Iterable
from typing import Any

from ..contract.operation import Operation
from ..contract.requirements import nearest_names
from ..contract.types import PerAxis, PlaneLength, annotation_of, parts
from ..io.units import find_unit, says_pixels

LENGTH = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\d\s,.+-][^\s,]*)?\s*")
MEMORY = re.compile(r"\s*(\d+\.?\d*)\s*(?:([kKMGT])(i?)B?)?\s*")
TYPED = {"µm": "um"}  # as recipes spell units


def pairs(given: Iterable[str], option: str) -> dict[str, str]:
    """Return NAME=VALUE as a mapping.

    Raises
    ------
    ValueError
        If one is none, or a name comes twice.
    """
    out: dict[str, str] = {}
    for text in given:
        name, mark, value = text.partition("=")
        if not mark or not name.strip() or not value.strip():
            raise ValueError(f"{option} {text}: must be NAME=VALUE")
        if name.strip() in out:
            raise ValueError(f"{option} {text}: must be given once for {name.strip()}")
        out[name.strip()] = value.strip()
    return out


def parameters_of(op: Operation, given: Iterable[str]) -> dict[str, Any]:
    """Return the parameters of an operation as they are typed; lengths with a unit as recipes hold them.

    Raises
    ------
    ValueError
        ``name=value: must be ...`` for one that cannot be.
    """
    out: dict[str, Any] = {}
    for name, text in pairs(given, "--set").items():
        if name not in op.parameters:
            its = f"its parameters are {', '.join(op.parameters)}" if op.parameters else "it has no parameters"
            raise ValueError(f"{name}={text}: {op.id} has no such parameter; {its}{nearest_names(name, op.parameters)}")
        hint = op.parameters[name].hint
        length = _length(name, text) if _is_length(hint) else None
        out[name] = length or (text if parts(hint)[0] is str else plain_value(text))
        if length is None:
            op.validate({name: out[name]})
    return out


def _is_length(hint: Any) -> bool:
    per_axis = annotation_of(hint, PerAxis)
    return annotation_of(hint, PlaneLength) is not None or (per_axis is not None and per_axis.length)


def _length(name: str, text: str) -> dict[str, Any] | None:
    """Return a length, or one for each axis, with a unit; None where there is no unit."""
    found = [LENGTH.fullmatch(piece) for piece in text.split(",")]
    units = {match[2] for match in found if match is not None and match[2]}
    if None in found or not units or all(map(says_pixels, units)):
        return None
    unit = find_unit(next(iter(units)))
    if len(units) > 1 or unit is None or unit.kind != "length" or (not found[-1][2] and len(found) > 1):  # type: ignore[index]
        raise ValueError(f"{name}={text}: must be in pixels, or in one unit of length such as nm, um or mm")
    values = [float(match[1]) for match in found if match is not None]
    return {"value": values[0] if len(values) == 1 else tuple(values), "unit": TYPED.get(unit.symbol, unit.symbol)}


def plain_value(text: str) -> Any:
    """Return a number, a truth value, a list or a word.

    Examples
    --------
    >>> plain_value("1.5"), plain_value("1,2"), plain_value("[[1, 2], [3, 4]]"), plain_value("auto"), plain_value("yes")
    (1.5, (1, 2), ((1, 2), (3, 4)), 'auto', 'yes')
    """
    words = {"true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return _tuples(json.loads(text, parse_constant=_no_number))
    except (ValueError, RecursionError):
        pass
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return number
    is_list = "," in text and text[0] not in "[{"
    return tuple(plain_value(piece.strip()) for piece in text.split(",")) if is_list else text


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(entry) for key, entry in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def axis_of(text: str) -> int | str:
    """Return an axis by its index, or by its name."""
    return int(text) if re.fullmatch(r"-?\d{1,3}", text.strip()) else text.strip()


def names_of(text: str | None) -> tuple[str, ...] | None:
    """Return names that are separated by commas, or letters: t,y,x or tyx."""
    if text is None:
        return None
    return tuple(name.strip() for name in text.split(",")) if "," in text else tuple(text.strip())


def whole_numbers(text: str, option: str) -> tuple[int, ...]:
    """Return whole numbers with commas between them.

    Raises
    ------
    ValueError
        If they are none, or one is 0.
    """
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdecimal() and int(word) > 0 for word in words):
        raise ValueError(f"{option} {text}: must be whole numbers greater than 0 with commas between them")
    return tuple(map(int, words))


def bytes_of(text: str) -> int:
    """Return an amount of memory in bytes: a number with or without kB, MB, GB, TB, KiB, MiB, GiB or TiB.

    Examples
    --------
    >>> bytes_of("1.5GB"), bytes_of("2 GiB"), bytes_of("4096")
    (1500000000, 2147483648, 4096)
    """
    found = MEMORY.fullmatch(text)
    amount = (
        int(float(found[1]) * (1024 if found[3] else 1000) ** ("KMGT".find((found[2] or " ").upper()) + 1))
        if found
        else 0
    )
    if amount < 1:
        raise ValueError(f"--memory {text}: must be an amount of bytes such as 8GB or 4GiB")
    return amount


def options_of(given: Any) -> dict[str, Any]:
    """Return the options of a run as recipes hold them; those that were not typed are left out.

    Parameters
    ----------
    given
        The arguments.

    Raises
    ------
    ValueError
        If one is not written as it must be.
    """
    out: dict[str, Any] = {}
    if given.axes is not None:
        out["axes"] = tuple(axis_of(name) for name in given.axes.split(","))
    for name in ("ndim", "dtype", "statistics"):
        if getattr(given, name) is not None:
            out[name] = getattr(given, name)
    if given.value_range is not None:
        pieces = [plain_value(piece.strip()) for piece in given.value_range.split(",")]
        out["value_range"] = pieces[0] if len(pieces) == 1 else tuple(pieces)
    if given.scope:
        out["scope"] = {axis: _part(axis, text) for axis, text in pairs(given.scope, "--scope").items()}
    chosen = None if given.channel_axis is None else axis_of(given.channel_axis)
    if isinstance(chosen, str):
        raise ValueError(f"--channel-axis {chosen}: must be the index of an axis")
    return out if chosen is None else out | {"channel_axis": chosen}


def _part(axis: str, text: str) -> int | tuple[int, int]:
    """Return an index, or (start, stop)."""
    ends = text.split(":")
    if len(ends) > 2 or not all(re.fullmatch(r"-?\d{1,9}", end.strip()) for end in ends):
        raise ValueError(f"--scope {axis}={text}: must be an index or START:STOP")
    return int(ends[0]) if len(ends) == 1 else (int(ends[0]), int(ends[1]))
