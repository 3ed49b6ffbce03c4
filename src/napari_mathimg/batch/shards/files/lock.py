"""The lock of a run's folder: one run at a time, and none of a process that has ended."""

import errno
import json
import os
import socket
from pathlib import Path

from ....io.problems import ImageFileError
from ....io.remains import lock_file

CANNOT = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL)  # of systems without locks


class Lock:
    """A file that this process has locked; the system unlocks it when the process ends, however it ends.

    Parameters
    ----------
    path
        The file, which says who holds the lock.
    output
        What errors name.

    Attributes
    ----------
    note
        A sentence, if the file system knows no locks, as some of clusters do not; then two runs are not told apart.
    """

    def __init__(self, path: Path, output: Path) -> None:
        self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        self.note = ""
        try:
            lock_file(self._file)
        except OSError as error:
            if error.errno in CANNOT:
                self.note = f"The disk of {output} cannot lock files: see to it that no other run works there."
            else:
                holder = _holder(self._file)
                os.close(self._file)
                raise ImageFileError(f"{output}: must not be made by another run at the same time: {holder}") from None
        who = json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode()
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, who, 0) if hasattr(os, "pwrite") else os.write(self._file, who)

    def release(self) -> None:
        """Unlock the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _holder(file: int) -> str:
    """Say who holds the lock of a file."""
    try:
        os.lseek(file, 0, os.SEEK_SET)
        who = json.loads(os.read(file, 2**12))
        return f"process {int(who['pid'])} on {str(who['host'])[:64]!r} holds its lock"
    except (OSError, ValueError, KeyError, TypeError):
        return "its lock is held"
