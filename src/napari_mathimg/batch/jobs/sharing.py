"""How many items run at a time, and with how many threads each."""

from dataclasses import dataclass

from ...engine.memory import memory_at_hand
from ...engine.threads import cores
from ..choices import JobChoices

SHARE = 0.8  # of the free memory that a job takes


@dataclass(frozen=True)
class Sharing:
    """How many items run at a time, with how many threads and how much memory each, and why."""

    workers: int
    threads: int
    memory: int
    reason: str


def share(choices: JobChoices, count: int, needed: int | None) -> Sharing:
    """Return how the threads and the memory of a job are shared.

    Items run side by side where they fit into memory together, each in one thread if there are as many as threads:
    reading, decoding and writing then overlap, too. Otherwise they run one after the other, each in all threads.

    Parameters
    ----------
    choices
        How the job runs.
    count
        Number of items.
    needed
        Bytes of memory that an item needs; None if that is not known.
    """
    threads = choices.threads or cores()
    memory = choices.memory or int(SHARE * memory_at_hand())
    if choices.workers is not None:
        workers, reason = min(choices.workers, max(count, 1)), "as chosen"
    elif count < 2 or threads < 2:
        workers, reason = 1, "one file" if count < 2 else "one thread"
    elif needed is not None and needed * min(count, threads) > memory:
        workers, reason = max(min(memory // max(needed, 1), count, threads), 1), "as many as fit into memory"
    else:
        workers, reason = min(count, threads), "files that fit into memory run side by side"
    return Sharing(workers, max(threads // workers, 1), memory // workers, reason)
