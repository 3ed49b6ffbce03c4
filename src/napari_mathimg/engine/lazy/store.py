"""Coarse levels of images that have none, in a folder on disk within a bound."""

import math
import os
import shutil
import time
from collections.abc import Generator
from hashlib import blake2b
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from ...contract.progress import Progress
from ...contract.reach import POINTWISE, Box
from ..chunks import as_numpy, read_tasks, with_cached_chunks
from ..pyramid import Pyramid, block_of_level
from ..threads import cores
from ..tiles import tiles

Array = NDArray[Any]
LIMIT = 2**33  # bytes of levels on disk
FORMAT = 1  # of the folder of an image; part of its key
DAY = 24 * 60 * 60  # seconds
PARTIAL = ".partial"  # ends the names of folders that are being written


class LevelStore:
    """Coarse levels of images in a folder, of which those that were used longest ago go first.

    Several processes may use a folder at once. A folder in it holds the levels of one image as .npy files.

    Parameters
    ----------
    folder
        The folder; it is made where it is first needed.
    limit
        Largest number of bytes of all levels.
    """

    def __init__(self, folder: Path | str, limit: int = LIMIT) -> None:
        self.folder, self.limit = Path(folder), int(limit)

    @property
    def nbytes(self) -> int:
        """Bytes of all levels."""
        return sum(_nbytes(entry) for entry in self._entries())

    def clear(self) -> None:
        """Delete all levels, also those that a process which has ended left unfinished a day ago or earlier."""
        unfinished = [e for e in self.folder.glob(f"*{PARTIAL}") if _time_of_use(e) < time.time() - DAY]
        for entry in [*self._entries(), *unfinished]:
            shutil.rmtree(entry, ignore_errors=True)

    def find(self, image: Any, name: str, pyramid: Pyramid) -> list[Any] | None:
        """Return the levels of an image, the finest first, if they are there; None otherwise."""
        entry = self.folder / _key(image, name, pyramid)
        try:
            os.utime(entry)
            files = sorted(entry.glob("*.npy"), key=lambda file: int(file.stem))
            return [image, *(np.load(file, mmap_mode="r") for file in files)]
        except (OSError, ValueError):  # not there, or deleted by another process meanwhile
            return None

    def levels(
        self, image: Any, name: str, ndim: int, pyramid: Pyramid, threads: int | None = None
    ) -> Generator[Progress, None, list[Any]]:
        """Find the levels of an image, or compute and keep them, in a generator that yields progress and returns them.

        Closing the generator leaves nothing behind.

        Parameters
        ----------
        image
            Array (NumPy, Dask, Zarr, lazy); channels last if there are more axes than `ndim`. It is read once.
        name
            What tells its pixels from those of others of its shape and type: a digest of them, or the place of a file
            and the time of its last change.
        ndim
            Number of axes without channels.
        pyramid
            Way in which the levels are made.
        threads
            Number of threads; by default the number of cores.

        Returns
        -------
        list of array
            The image, and its levels: arrays on disk that cannot be written.
        """
        found = self.find(image, name, pyramid)
        if found is not None:
            return found
        entry = self.folder / _key(image, name, pyramid)
        beside = self.folder / f"{entry.name}-{uuid4().hex}{PARTIAL}"
        beside.mkdir(parents=True)
        try:
            level, number = with_cached_chunks(image), 1
            while max(level.shape[:ndim][axis] for axis in pyramid.axes) > pyramid.smallest:
                level = yield from _halved(level, beside / f"{number}.npy", ndim, pyramid, threads or cores())
                number += 1
            del level
            try:
                beside.rename(entry)
            except OSError:  # another process was faster
                if not entry.is_dir():
                    raise
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        self._trim(entry)
        found = self.find(image, name, pyramid)
        if found is None:
            raise OSError(f"{entry}: must stay until it is read; another process has deleted it")
        return found

    def _entries(self) -> list[Path]:
        try:
            return [entry for entry in self.folder.iterdir() if entry.is_dir() and entry.suffix != PARTIAL]
        except OSError:
            return []

    def _trim(self, newest: Path) -> None:
        """Delete what was used longest ago while there is too much, but for the newest."""
        sizes = {entry: _nbytes(entry) for entry in self._entries()}
        total = sum(sizes.values())
        for entry in sorted(sizes, key=_time_of_use):
            if total <= self.limit:
                break
            if entry != newest:
                shutil.rmtree(entry, ignore_errors=True)
                total -= sizes[entry]


def _key(image: Any, name: str, pyramid: Pyramid) -> str:
    """Return the name of the folder of an image."""
    known = repr((FORMAT, name, tuple(image.shape), np.dtype(image.dtype).str, pyramid))
    return blake2b(known.encode(), digest_size=16).hexdigest()


def _nbytes(entry: Path) -> int:
    try:
        return sum(file.stat().st_size for file in entry.glob("*.npy"))
    except OSError:
        return 0


def _time_of_use(entry: Path) -> float:
    try:
        return entry.stat().st_mtime
    except OSError:
        return -math.inf


class _Boxes:
    """An array of which boxes, or the pixels of a grid, are read into memory."""

    def __init__(self, array: Any) -> None:
        self.array, self.shape, self.dtype = array, array.shape, np.dtype(array.dtype).newbyteorder("=")

    def __getitem__(self, key: tuple[Any, ...]) -> Array:
        rest = (slice(None),) * (len(self.shape) - len(key))
        if all(isinstance(k, slice) for k in key):
            return as_numpy(self.array, (*key, *rest)).astype(self.dtype, copy=False)
        firsts = [int(k.min()) for k in key]
        box = tuple(slice(a, int(k.max()) + 1) for a, k in zip(firsts, key, strict=True))
        some: Array = self[box][tuple(k - a for a, k in zip(firsts, key, strict=True))]
        return some


def _halved(image: Any, file: Path, ndim: int, pyramid: Pyramid, threads: int) -> Generator[Progress, None, Array]:
    """Compute the level after an array into a file."""
    axes = [axis % ndim for axis in pyramid.axes]
    shape = tuple(-(-n // 2) if k in axes else n for k, n in enumerate(image.shape[:ndim]))
    boxes = _Boxes(image)
    out = open_memmap(file, "w+", boxes.dtype, (*shape, *image.shape[ndim:]))

    def reads(box: Box) -> list[tuple[Any, Box]]:
        spans = (
            (a * n // m, -(-b * n // m)) if k in axes else (a, b)
            for k, ((a, b), n, m) in enumerate(zip(box, image.shape, shape, strict=False))
        )
        return [(image, (*spans, *((0, n) for n in image.shape[ndim:])))]

    def work(box: Box) -> None:
        key = (*(slice(a, b) for a, b in box), *(slice(None) for _ in image.shape[ndim:]))
        out[key] = block_of_level(boxes, shape, axes, box, pyramid.mean)

    yield from read_tasks("Levels", tiles(shape, POINTWISE), reads, work, threads)
    out.flush()
    return out
