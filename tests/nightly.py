"""Mark parameters of tests whose facts others show too, on further types, shapes and sizes.

They run with ``./scripts/test -m nightly``, and not otherwise.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest


def nightly(*values: Any) -> list[Any]:
    """Return parameters (tuples, where a test has several) that are tried in the nightly set only."""
    return [pytest.param(*(v if isinstance(v, tuple) else (v,)), marks=pytest.mark.nightly) for v in values]


def each(table: Mapping[str, Any], *daily: str) -> list[Any]:
    """Return the entries of a table as parameters with their names as ids; those that are not `daily` are nightly."""
    return [
        pytest.param(
            *(v if isinstance(v, tuple) else (v,)), id=name, marks=() if name in daily else pytest.mark.nightly
        )
        for name, v in table.items()
    ]


def first_daily(values: Iterable[Any]) -> list[Any]:
    """Return values as parameters; all but the first are nightly."""
    first, *others = values
    return [first, *nightly(*others)]


def some(values: Iterable[Any], *daily: Any) -> list[Any]:
    """Return values as parameters; those that are not `daily` are nightly."""
    return [value if value in daily else nightly(value)[0] for value in values]
