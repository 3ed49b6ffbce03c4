"""Files that appear whole: written beside, then renamed; and sources that no output may touch."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .places import check_places
from .problems import ImageFileError
from .remains import place_beside


@contextmanager
def published(path: Path, overwrite: bool) -> Iterator[Path]:
    """Give a path beside a file, and rename what is written there to it when all is well; otherwise remove it.

    Raises
    ------
    ImageFileError
        If the file exists and must not be overwritten, or its folder does not exist.
    """
    refuse_existing(path, overwrite)
    with place_beside(path) as beside:
        try:
            beside.open("xb").close()
            yield beside
            with beside.open("rb+") as file:
                os.fsync(file.fileno())
            refuse_existing(path, overwrite)
            beside.replace(path)
        except BaseException:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            raise


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Refuse a file that cannot be written: it exists already, is a folder, or would lie in a folder that is none."""
    if path.is_dir() or not path.parent.is_dir():
        where = "no folder" if path.is_dir() else f"in a folder that exists, which {path.parent} does not"
        raise ImageFileError(f"{path}: must be {where}")
    if not overwrite and os.path.lexists(path):
        raise ImageFileError(f"{path}: must not exist, or be overwritten on purpose (overwrite, --overwrite)")


def refuse_sources(path: Path, sources: Iterable[Path]) -> None:
    """Refuse an output that is one of the inputs, lies inside one, or is a folder around one."""
    check_places(sources, [path])
