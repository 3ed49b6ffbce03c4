"""The end of a run: its folder becomes the result by one rename, or by two where there is an older one."""

import os
import shutil
from pathlib import Path

from ...io.problems import ImageFileError


def _old(output: Path) -> Path:
    return output.with_name(f".{output.name}.replaced")


def publish(folder: Path, output: Path, overwrite: bool) -> None:
    """Rename a folder to the output; one that is there stays until then."""
    old = _old(output)
    if os.path.lexists(output):
        if not overwrite:
            raise ImageFileError(f"{output}: must not exist, or be overwritten on purpose (overwrite, --overwrite)")
        os.replace(output, old)
    os.replace(folder, output)
    _remove(old)


def repair(output: Path) -> None:
    """Put an output back that was replaced by a run that ended between its two renames."""
    old = _old(output)
    if not os.path.lexists(old):
        return
    if os.path.lexists(output):
        _remove(old)
    else:
        os.replace(old, output)


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
