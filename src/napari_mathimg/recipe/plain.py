"""Strict reading of plain values (tables, lists, numbers, text): bounds, and errors that name the place in the file."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from reprlib import Repr
from typing import Any, TypeVar

import numpy as np

from ..contract.requirements import nearest_names, one_of

Value = TypeVar("Value")

MOST_BYTES = 2**20  # of a file
DEEPEST = 12  # tables and lists inside each other
MOST_VALUES = 100_000  # in a file
LONGEST_TEXT = 1000  # characters
LARGEST_WHOLE = 2**63 - 1
LARGEST = 1e300
REQUIRED: Any = object()

_short = Repr()
_short.maxstring = _short.maxother = 60


def shown(value: Any) -> str:
    """Return a value as an error quotes it: in one line, the middle of a long one left out."""
    return _short.repr(value)


def inside(place: str, key: str | int) -> str:
    """Return the place of an entry of a table or of a list.

    Examples
    --------
    >>> inside(inside("steps", 2), "parameters"), inside("steps[2]", "two words")
    ('steps[2].parameters', "steps[2].'two words'")
    """
    if isinstance(key, int):
        return f"{place}[{key}]"
    name = key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else shown(key)
    return f"{place}.{name}" if place else name


def refusal(place: str, value: Any, requirement: str) -> ValueError:
    """Return the error that a value at a place is not what it must be."""
    return ValueError(f"{place}={shown(value)}: must be {requirement}")


def in_bounds(value: Any, place: str = "", kept: tuple[type, ...] = ()) -> Any:
    """Return a value with tuples for lists and Python numbers for those of NumPy.

    Parameters
    ----------
    value
        Value, such as tomllib and json return.
    place
        Place in the file, for errors.
    kept
        Types of objects that are left as they are; none in a file.

    Raises
    ------
    ValueError
        ``place=value: must be ...`` for other types, numbers that are not finite or too large, text that is too long,
        and too many or too deeply nested values.
    """
    return _Bounds(kept).checked(value, place, 0)


class _Bounds:
    """A check of values, which counts them."""

    def __init__(self, kept: tuple[type, ...]) -> None:
        self._kept, self._left = kept, MOST_VALUES

    def checked(self, value: Any, place: str, depth: int) -> Any:
        self._left -= 1
        if self._left < 0:
            raise ValueError(f"{place}: must be among the first {MOST_VALUES} values of a recipe, which has more")
        if isinstance(value, self._kept):
            return value
        if isinstance(value, np.ndarray | np.generic):
            value = value.tolist()
        if isinstance(value, Mapping | list | tuple):
            if depth >= DEEPEST:
                raise ValueError(f"{place}: must be nested at most {DEEPEST} deep")
            return self._entries(value, place, depth + 1)
        return _checked_single(value, place)

    def _entries(self, value: Any, place: str, depth: int) -> Any:
        if not isinstance(value, Mapping):
            return tuple(self.checked(v, inside(place, k), depth) for k, v in enumerate(value))
        out: dict[Any, Any] = {}
        for key, entry in value.items():
            if isinstance(key, bool) or not isinstance(key, str | int):
                raise ValueError(f"{place}: must have text as keys, not {shown(key)}")
            _checked_single(key, f"{place}: key")
            out[key] = self.checked(entry, inside(place, str(key)), depth)
        return out


def _checked_single(value: Any, place: str) -> Any:
    """Check a text, number or truth value."""
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise refusal(place, value, f"a text of at most {LONGEST_TEXT} characters, not {len(value)}")
    elif isinstance(value, int):
        if abs(value) > LARGEST_WHOLE:
            raise ValueError(f"{place}: must be a whole number of at most 2^63 - 1 in size")
    elif isinstance(value, float):
        if not math.isfinite(value) or abs(value) > LARGEST:
            raise refusal(place, value, f"a finite number of at most {LARGEST:g} in size")
    else:
        raise refusal(place, value, "a number, a text, true, false, a list or a table")
    return value


class Table:
    """A table of a file whose entries are taken one by one, so that those that nobody asks for are refused.

    Parameters
    ----------
    value
        The table.
    place
        Its place in the file.

    Raises
    ------
    ValueError
        If the value is no table.
    """

    def __init__(self, value: Any, place: str) -> None:
        if not isinstance(value, Mapping):
            raise refusal(place, value, "a table")
        self._left, self.place = dict(value), place
        self._known: list[str] = []

    def take(self, name: str, read: Callable[[Any, str], Value], default: Any = REQUIRED) -> Value:
        """Return an entry, read by a function of its value and its place; the default if there is none.

        Raises
        ------
        ValueError
            If the entry cannot be read, or if there is none and no default.
        """
        self._known.append(name)
        if name in self._left:
            return read(self._left.pop(name), inside(self.place, name))
        if default is REQUIRED:
            raise ValueError(f"{inside(self.place, name)}: must be given")
        found: Value = default
        return found

    def has(self, name: str) -> bool:
        """Return whether there is an entry that was not taken yet."""
        return name in self._left

    def end(self) -> None:
        """Refuse entries that were not taken.

        Raises
        ------
        ValueError
            For the first of them.
        """
        for name, value in self._left.items():
            near = nearest_names(name, self._known)
            raise ValueError(
                f"{inside(self.place, str(name))}={shown(value)}: is unknown here, where the keys are "
                f"{', '.join(self._known)}{near}"
            )


def text(value: Any, place: str) -> str:
    """Read a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise refusal(place, value, "a text that is not empty")
    return value


def truth(value: Any, place: str) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise refusal(place, value, "true or false")
    return value


def whole(least: int, most: int) -> Callable[[Any, str], int]:
    """Return the function that reads a whole number within bounds."""

    def read(value: Any, place: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise refusal(place, value, f"a whole number from {least} to {most}")
        return value

    return read


def number(value: Any, place: str) -> float:
    """Read a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refusal(place, value, "a number")
    return float(value)


def choice(names: Iterable[str]) -> Callable[[Any, str], str]:
    """Return the function that reads one of some texts."""
    allowed = tuple(names)

    def read(value: Any, place: str) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise refusal(place, value, one_of(allowed) + nearest_names(value, allowed))
        return value

    return read


def sequence(value: Any, place: str) -> tuple[Any, ...]:
    """Read a list."""
    if not isinstance(value, tuple):
        raise refusal(place, value, "a list")
    return value


def mapping(value: Any, place: str) -> dict[str, Any]:
    """Read a table whose keys are free."""
    if not isinstance(value, Mapping):
        raise refusal(place, value, "a table")
    return dict(value)


def placed(error: Exception, place: str) -> ValueError:
    """Return an error about an entry as one that says in which table the entry is."""
    return ValueError(f"{place}.{error}")


def as_lists(value: Any) -> Any:
    """Return a plain value with lists for tuples, as files hold them."""
    if isinstance(value, Mapping):
        return {str(key): as_lists(entry) for key, entry in value.items()}
    return [as_lists(entry) for entry in value] if isinstance(value, tuple | list) else value


def all_texts(value: Any) -> Iterator[str]:
    """Yield all texts in a plain value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from all_texts(key)
            yield from all_texts(entry)
    elif isinstance(value, tuple | list):
        for entry in value:
            yield from all_texts(entry)
