"""The end of a run: its folder becomes the result by one rename, or by two where there is an older one."""

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from ....io.folders import OLD, refuse_folder


def publish(folder: Path, output: Path, overwrite: bool) -> None:
    """Rename a folder to the output; one that is there stays until then.

    A kill between two renames is repaired by `io.folders.repair`, which puts the older one back.
    """
    refuse_folder(output, overwrite)
    old = output.with_name(f".{output.name}.{secrets.token_hex(4)}{OLD}")
    if os.path.lexists(output):
        os.replace(output, old)
    try:
        os.replace(folder, output)
    except OSError:
        if old.exists():
            with suppress(OSError):
                os.replace(old, output)
        raise
    if old.exists():
        shutil.rmtree(old, ignore_errors=True)
