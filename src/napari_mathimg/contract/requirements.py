"""The wording of requirements on parameters: what a type allows, and which names are near a misspelled one."""

from collections.abc import Collection
from difflib import get_close_matches
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np

from .quantities import count, number, quantity
from .types import Choices, Number, PerAxis, annotation_of, parts

__all__ = ["check_whole_number", "describe", "nearest_names", "one_of"]


def describe(hint: Any) -> str:
    r"""Describe the values that a type allows, with their unit.

    Parameters
    ----------
    hint
        Annotated type of a parameter.

    Returns
    -------
    str
        A phrase that completes "must be".

    Examples
    --------
    >>> from napari_mathimg.contract import types
    >>> describe(types.Lengths)
    'a finite number from 0 to 10\u202f000\xa0px, or one for each axis'
    """
    plain, _ = parts(hint)
    if choices := annotation_of(hint, Choices):
        if choices.kind:
            return str(choices.kind)
        names = choices.rule()
        return f"one of {len(names)} names, from {names[0]!r} to {names[-1]!r}"
    origin, members = get_origin(plain), get_args(plain)
    if origin in (Union, UnionType):
        return _alternatives(members, "axis" if annotation_of(hint, PerAxis) else "channel")
    if origin is Literal:
        return one_of(members)
    if origin is tuple:
        count = "" if members[-1] is Ellipsis else f"{len(members)} "
        return f"a sequence of {count}values, each {describe(members[0])}"
    if plain is bool:
        return "True or False"
    if plain in (int, float):
        return ("a whole number" if plain is int else "a finite number") + _bounds(annotation_of(hint, Number))
    return f"a {getattr(plain, '__name__', plain)}"


def _alternatives(members: tuple[Any, ...], place: str) -> str:
    """Describe the members of a union; a sequence of another member is "one for each axis", or another `place`."""
    phrases: list[str] = []
    for member in members:
        plain, _ = parts(member)
        if plain is bool:
            phrases += ["True", "False"]
        elif get_origin(plain) is tuple and get_args(plain)[-1] is Ellipsis and get_args(plain)[0] in members:
            phrases.append(f"one for each {place}")
        else:
            phrases.append(describe(member))
    separator = "," if len(phrases) > 2 or phrases[-1].startswith("one for each") else ""
    return f"{', '.join(phrases[:-1])}{separator} or {phrases[-1]}"


def _bounds(number: Number | None) -> str:
    if number is None:
        return ""
    low, high = number.ge if number.ge is not None else number.gt, number.le
    text = ""
    if number.ge is not None and high is not None:
        text = f" from {_in_full(number.ge)} to {_in_full(high)}"
    elif low is not None:
        text = f" of at least {_in_full(low)}" if number.ge is not None else f" greater than {_in_full(low)}"
        text += "" if high is None else f" and at most {_in_full(high)}"
    elif high is not None:
        text = f" of at most {_in_full(high)}"
    return text + _in_unit(number.unit)


def _in_full(bound: float) -> str:
    """Write a bound with all its digits, because "2.14748e+09" is another number than 2,147,483,647."""
    return count(bound) if float(bound).is_integer() and abs(bound) < 1e10 else number(bound, 6)


def _in_unit(unit: str) -> str:
    if unit.startswith("of "):
        return f", in units {unit}"
    return quantity("", unit)


def one_of(names: Collection[Any]) -> str:
    """List the allowed values: "'same' or 'float32'", or "one of 0, 1, 3" for more than two."""
    values = list(map(repr, names))
    return f"one of {', '.join(values)}" if len(values) > 2 else " or ".join(values)


def nearest_names(name: Any, names: Collection[str]) -> str:
    """Return a clause that lists the names most similar to a misspelled one; "" if no name is similar."""
    similar = get_close_matches(str(name), names, n=3, cutoff=0.5)
    if not similar:
        return ""
    return f"; the nearest {'is' if len(similar) == 1 else 'are'} {', '.join(map(repr, similar))}"


def check_whole_number(name: str, value: Any, least: int) -> None:
    """Check an argument that counts something.

    Raises
    ------
    ValueError
        If the value is not a whole number of at least `least`.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name}={value!r}: must be a whole number of at least {least}")
