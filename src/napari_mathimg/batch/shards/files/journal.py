"""The journal of a run: a line for each finished task; a line that was torn by the end of a process does not count."""

import json
import os
import threading
from pathlib import Path
from typing import Any, NamedTuple

LONGEST = 2**20  # characters of a line


class Entry(NamedTuple):
    """A finished task.

    Parameters
    ----------
    task
        Its number.
    lost
        For each step that was counted, by its number: values below and above the type of the result, and outside the
        value range.
    seconds
        How long it took.
    """

    task: int
    lost: dict[int, tuple[int, int, int]]
    seconds: float


class Journal:
    """A journal in a file.

    Parameters
    ----------
    path
        The file, which may exist already.
    tasks
        Number of tasks.
    """

    def __init__(self, path: Path, tasks: int) -> None:
        self.path = path
        self.entries: dict[int, Entry] = {}
        self._lock = threading.Lock()
        data = path.read_bytes() if path.exists() else b""
        for line in data.split(b"\n")[:-1]:
            entry = _entry_of(line, tasks)
            if entry is not None:
                self.entries[entry.task] = entry
        self._is_torn = bool(data) and not data.endswith(b"\n")

    def add(self, *entries: Entry) -> None:
        """Note finished tasks, and wait until the disk has them."""
        lines = [{"task": e.task, "lost": e.lost, "seconds": round(e.seconds, 4)} for e in entries]
        with self._lock, open(self.path, "ab") as file:
            start = b"\n" if self._is_torn else b""
            file.write(start + b"".join(json.dumps(line).encode() + b"\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
            self._is_torn = False
            self.entries |= {entry.task: entry for entry in entries}


def _entry_of(line: bytes, tasks: int) -> Entry | None:
    """Return the entry of a line; None if it is none."""
    if not line or len(line) > LONGEST:
        return None
    try:
        found: Any = json.loads(line)
        lost = {int(step): (int(a), int(b), int(c)) for step, (a, b, c) in found["lost"].items()}
        entry = Entry(int(found["task"]), lost, float(found["seconds"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return entry if 0 <= entry.task < tasks and all(min(of) >= 0 for of in lost.values()) else None
