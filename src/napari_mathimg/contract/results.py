"""How a result differs from its image: an axis that is added or dropped, and facts that are reported."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Frames:
    """An axis that a result has before all others: number of frames, name, position of the first frame, and step."""

    count: int
    name: str
    first: float = 0.0
    step: float = 1.0


@dataclass(frozen=True)
class Drop:
    """The first axis of an item that a result lacks, as a projection lacks the axis along which it is made.

    The function receives all of that axis, or, with `merge`, slabs of it one after the other, so that the axis may be
    longer than memory allows. Its block has the other axes of the item, then channels.

    Parameters
    ----------
    merge
        Function that combines what the function returns for two consecutive slabs; it may be a tuple of arrays. None if
        the function needs the whole axis at once, as a median does.
    finish
        Function that returns the block from what all slabs gave together, `merged`; it may also ask for parameters and
        `shape`. None if that is the block.
    """

    merge: Callable[[Any, Any], Any] | None = None
    finish: Callable[..., Any] | None = None


@dataclass(frozen=True)
class Report:
    """Facts about a result: values for its record, and a text for the user."""

    values: Mapping[str, Any]
    text: str
