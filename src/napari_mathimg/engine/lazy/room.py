"""Memory for blocks of many pixels, such as whole images: each is refused in words, or waits for others to end."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, get_ident

from ...contract.progress import checkpoint
from ...contract.reach import Box
from ..chunks import kept
from ..memory import memory_at_hand
from ..plan import Plan
from ..run import block_bytes, bytes_of_source, refuse_block
from ..threads import TICK

SMALL = 2**26  # bytes; what is not more is computed without a look at the memory at hand


class Room:
    """The account of the blocks that are computed where they are read, in all threads together."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._held: dict[int, int] = {}  # bytes of the block of a thread, and of those that it is computed of

    @contextmanager
    def of_block(self, plan: Plan, box: Box) -> Iterator[None]:
        """Have memory for a block, which is computed meanwhile; what is read for it in this thread is part of it.

        Raises
        ------
        NotEnoughMemory
            If the memory at hand does not hold it.
        """
        thread, needed = get_ident(), block_bytes(plan, box) + bytes_of_source(plan)
        if needed <= SMALL or thread in self._held:
            yield
            return
        while not self._took(thread, needed, plan, box):
            checkpoint()
            with kept.waiting(), self._changed:
                self._changed.wait(TICK)
        try:
            yield
        finally:
            with self._changed:
                self._held.pop(thread, None)
                self._changed.notify_all()

    def _took(self, thread: int, needed: int, plan: Plan, box: Box) -> bool:
        """Take memory for a block, or return that it has to wait: for others that do not wait themselves."""
        at_hand = memory_at_hand()
        with self._changed:
            goes_on = any(other not in kept.waiters for other in self._held)
            if goes_on and needed + sum(self._held.values()) > at_hand:
                return False
            if needed > at_hand:
                refuse_block(plan, box, needed, at_hand)
            self._held[thread] = needed
            return True

    def after_fork(self) -> None:
        """Forget the blocks of threads that a new process does not have."""
        self._changed, self._held = Condition(), {}


room = Room()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=room.after_fork)
