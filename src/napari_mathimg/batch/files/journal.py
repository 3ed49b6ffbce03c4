"""The journal of a job: what is done, line by line in a file beside the results, which one run at a time may write."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from ...io.problems import ImageFileError
from ..item import Outcome
from ..shards.files.lock import Lock as FileLock

FOLDER = ".mathimg"
JOURNAL, LOCK = "journal.jsonl", "lock"
PARTS = ("source", "there", "result", "outcome", "versions")  # of an entry, which are mappings or nothing
Entry = dict[str, Any]


def key_of(output: Path, folder: Path) -> str:
    """Return the name of a result in the journal of a folder."""
    return Path(os.path.relpath(os.path.abspath(output), os.path.abspath(folder))).as_posix()


def read_journal(folder: Path) -> dict[str, Entry]:
    """Return the last entry of each result by its name; lines that are torn are left out."""
    out: dict[str, Entry] = {}
    try:
        text = (folder / FOLDER / JOURNAL).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return out
    for line in text.split("\n"):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if (
            isinstance(entry, dict)
            and isinstance(entry.get("output"), str)
            and all(_is_mapping(entry, n) for n in PARTS)
        ):
            out[entry["output"]] = entry
    return out


def _is_mapping(entry: Entry, name: str) -> bool:
    return entry.get(name) is None or isinstance(entry[name], dict)


class Journal:
    """The journal of a folder, open for one run.

    Parameters
    ----------
    folder
        Folder of the results; it is made.
    expected
        The entries that the run was planned with.

    Raises
    ------
    ImageFileError
        If another run has the journal open, or has written to it since the run was planned.
    """

    def __init__(self, folder: Path, expected: Mapping[str, Entry]) -> None:
        self._place = folder / FOLDER
        for place in (self._place, self._place / LOCK):
            if place.is_symlink():
                raise ImageFileError(f"{place}: must be no link")
        self._place.mkdir(parents=True, exist_ok=True)
        self._folder, self._writing = folder, Lock()
        self._lock = FileLock(self._place / LOCK, folder)
        self.note, self._file = self._lock.note, -1
        try:
            entries = read_journal(folder)
            if entries != dict(expected):
                raise ImageFileError(f"{folder}: must not have been written to by another run meanwhile; try again")
            self._rewrite(entries.values())
            self._file = os.open(self._place / JOURNAL, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
        except BaseException:
            self.close()
            raise

    def begin(self, entries: Iterable[Entry]) -> None:
        """Write down which results the run is about to make, before it makes any."""
        self._append(entries)

    def finish(self, entry: Entry, outcome: Outcome, state: Mapping[str, Any] | None) -> None:
        """Write down what became of a result, and what its file is then."""
        self._append([{**entry, "state": outcome.state, "result": state, "outcome": outcome.plain()}])

    def close(self) -> None:
        """Let other runs write; what comes later is not written."""
        with self._writing:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1
            self._lock.release()

    def _append(self, entries: Iterable[Entry]) -> None:
        data = "".join(f"{json.dumps(entry)}\n" for entry in entries).encode()
        with self._writing:
            if self._file < 0:
                return
            while data:
                data = data[os.write(self._file, data) :]
            os.fsync(self._file)

    def _rewrite(self, entries: Iterable[Entry]) -> None:
        """Replace the file by one with the last entries alone."""
        beside = self._place / f"{JOURNAL}.partial"  # of which a kill may have left one
        try:
            with beside.open("wb") as file:
                file.write("".join(f"{json.dumps(entry)}\n" for entry in entries).encode())
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._place / JOURNAL)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
