"""Files of a run: written so that they are whole or not there, and read with care."""

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from ....io.problems import ImageFileError

MOST_BYTES = 2**24


def write_whole(path: Path, data: bytes) -> None:
    """Write a file beside its place, to the disk, and rename it."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with open(beside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write plain values as JSON."""
    write_whole(path, json.dumps(value, indent=1, allow_nan=False).encode())


def read_json(path: Path) -> Any:
    """Read plain values from JSON.

    Raises
    ------
    ImageFileError
        If the file does not hold any, or too many.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES} bytes")
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ImageFileError(f"{path}: must be JSON of a run ({error}); begin anew (restart, --restart)") from None
