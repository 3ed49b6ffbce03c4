"""The journal of a job: what is done, line by line in a file beside the results, which one run at a time may write."""

import json
import os
import secrets
import socket
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import psutil

from ...io.problems import ImageFileError
from ..item import Outcome

FOLDER = ".mathimg"
JOURNAL, LOCK = "journal.jsonl", "lock"
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
        except ValueError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("output"), str):
            out[entry["output"]] = entry
    return out


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
        self._place.mkdir(parents=True, exist_ok=True)
        self._folder, self._writing = folder, Lock()
        self._lock = _locked(self._place / LOCK, folder)
        self._file = -1
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
            _unlocked(self._lock)
            self._lock = None

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
        beside = self._place / f".{JOURNAL}.{secrets.token_hex(4)}.partial"
        try:
            with beside.open("xb") as file:
                file.write("".join(f"{json.dumps(entry)}\n" for entry in entries).encode())
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._place / JOURNAL)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise


def _locked(path: Path, folder: Path) -> Any:
    """Return an open file that this run alone has locked, which the system unlocks at its end, however it ends.

    On file systems without locks, the process that the file names counts as long as it lives.

    Raises
    ------
    ImageFileError
        If another run has locked it.
    """
    file = path.open("a+", encoding="utf-8")
    try:
        file.seek(0)
        who = " ".join(file.read(200).split())
        try:
            _lock(file)
            is_free = True
        except BlockingIOError:
            is_free = False
        except OSError:
            is_free = not _is_alive(who)
        if not is_free:
            raise ImageFileError(f"{folder}: must not be written to by two runs at a time; the other is {who or '?'}")
        _name_owner(file, f"process {os.getpid()} on {socket.gethostname()}\n")
    except BaseException:
        file.close()
        raise
    return file


def _unlocked(file: Any) -> None:
    if file is not None:
        _name_owner(file, "")
        file.close()  # which unlocks it


def _name_owner(file: Any, who: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(who)
    file.flush()


def _is_alive(who: str) -> bool:
    """Return whether the process of a lock may still run: on another machine, nobody knows."""
    words = who.split()
    if len(words) != 4 or not words[1].isdigit():
        return False
    return words[3] != socket.gethostname() or (int(words[1]) != os.getpid() and psutil.pid_exists(int(words[1])))


if sys.platform == "win32":
    import msvcrt

    FAR = 2**30  # where no text is, as Windows forbids others to read what is locked

    def _lock(file: Any) -> None:
        file.seek(FAR)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error

else:
    import fcntl

    def _lock(file: Any) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
