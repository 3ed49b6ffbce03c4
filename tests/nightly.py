"""Mark parameters of tests whose facts others show too, on further types, shapes and sizes.

They run with ``./scripts/test -m nightly``, and not otherwise.
"""

from typing import Any

import pytest


def nightly(*values: Any) -> list[Any]:
    """Return parameters (tuples, where a test has several) that are tried in the nightly set only."""
    return [pytest.param(*(v if isinstance(v, tuple) else (v,)), marks=pytest.mark.nightly) for v in values]
