"""Folders that appear whole: written beside, then renamed; the old one stays until the new one is whole."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .problems import ImageFileError
from .remains import PARTIAL, is_being_written, place_beside

OLD = ".old"
OVERWRITTEN = ("zarr.json", ".zgroup", ".zarray")  # one of which is in a folder that may be replaced


@contextmanager
def published_folder(path: Path, overwrite: bool) -> Iterator[Path]:
    """Give a new folder beside a path, and rename it to the path when all is well; otherwise remove it.

    A folder that is overwritten is first renamed, and removed when the new one is in its place. A kill between
    these two steps is repaired by `repair`, which is called before.

    Raises
    ------
    ImageFileError
        Where `refuse_folder` raises it.
    """
    repair(path)
    refuse_folder(path, overwrite)
    with place_beside(path) as beside:
        old = beside.with_name(beside.name.removesuffix(PARTIAL) + OLD)
        try:
            beside.mkdir()
            yield beside
            refuse_folder(path, overwrite)
            if os.path.lexists(path):
                path.rename(old)
            try:
                beside.rename(path)
            except OSError:
                if old.exists() and not os.path.lexists(path):
                    old.rename(path)
                raise
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        shutil.rmtree(old, ignore_errors=True)


def refuse_folder(path: Path, overwrite: bool) -> None:
    """Refuse a folder that cannot be written: it exists, or is none that was written here, or would lie in none."""
    if not path.parent.is_dir():
        raise ImageFileError(f"{path}: must be in a folder that exists, which {path.parent} does not")
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise ImageFileError(f"{path}: must not exist, or be overwritten on purpose (overwrite, --overwrite)")
    if path.is_symlink() or not any((path / name).is_file() for name in OVERWRITTEN):
        raise ImageFileError(f"{path}: must be a folder of Zarr to be overwritten, and no link")


def repair(path: Path) -> None:
    """Finish what a kill has interrupted between the two renames with which `published_folder` ends, or after them."""
    try:
        names = [entry.name for entry in os.scandir(path.parent) if entry.name.endswith(OLD)]
    except OSError:
        return
    for name in names:
        token = name.removeprefix(f".{path.name}.").removesuffix(OLD)
        if name != f".{path.name}.{token}{OLD}" or "." in token:
            continue
        old, beside = path.with_name(name), path.with_name(f".{path.name}.{token}{PARTIAL}")
        if is_being_written(beside):
            continue
        with suppress(OSError):
            if not os.path.lexists(path):
                (beside if beside.is_dir() else old).rename(path)
        if path.is_dir():
            shutil.rmtree(old, ignore_errors=True)
