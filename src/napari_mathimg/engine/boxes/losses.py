"""What values lose while boxes are computed, each pixel counted once although halos are computed several times."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ...contract.reach import Box
from ..values import Losses


@dataclass
class Account:
    """The boxes of some arrays in which losses are counted, and what was counted in each array.

    `owned` are boxes on the axes of the arrays; of other arrays nothing is counted.
    """

    owned: dict[Any, Box]
    lost: dict[Any, Losses] = field(default_factory=dict)

    def add(self, array: Any, lost: Losses) -> None:
        """Add what was counted in an array."""
        self.lost[array] = self.lost.get(array, Losses()).joined(lost)

    def join(self, other: "Account") -> None:
        """Add what another account has counted."""
        for array, lost in other.lost.items():
            self.add(array, lost)


class _Local(threading.local):
    account: Account | None = None


_local = _Local()


def account() -> Account | None:
    """Return the account of this thread, or None."""
    return _local.account


@contextmanager
def counted_in(given: Account | None) -> Iterator[None]:
    """Count losses in an account meanwhile; nothing if it is None."""
    before, _local.account = _local.account, given
    try:
        yield
    finally:
        _local.account = before
