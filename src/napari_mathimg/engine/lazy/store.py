"""Coarse levels of images that have none, in a folder on disk within a bound."""

import errno
import io
import math
import os
import re
import shutil
import time
from collections.abc import Generator, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.lib.format import header_data_from_array_1_0, write_array_header_1_0
from numpy.typing import NDArray

from ...contract.progress import Progress
from ...contract.quantities import quantity
from ...contract.reach import POINTWISE, Box
from ..chunks import as_numpy, read_tasks, with_cached_chunks
from ..memory import memory_at_hand
from ..pyramid import Pyramid, block_of_level, middles_of_level, shapes_of_levels
from ..threads import cores
from ..tiles import tiles

Array = NDArray[Any]
LIMIT = 2**33  # bytes of levels on disk
FORMAT = 3  # of the folder of an image; part of its key
DAY = 24 * 60 * 60  # seconds
ZEROS = bytes(2**20)
ENTRY = re.compile(r"[0-9a-f]{32}")  # a folder of levels
PARTIAL = re.compile(r"[0-9a-f]{32}-[0-9a-f]{32}\.partial")  # one that is being written or deleted
TRIES = 3  # times that levels are computed which other processes delete at once


class LevelStore:
    """Coarse levels of images in a folder, of which those that were used longest ago go first.

    Several processes may use a folder at once. A folder in it holds the levels of one image as .npy files. Other
    folders and files in it are left alone.

    Parameters
    ----------
    folder
        The folder; it is made where it is first needed.
    limit
        Largest number of bytes of all levels, those that are being written included.
    """

    def __init__(self, folder: Path | str, limit: int = LIMIT) -> None:
        self.folder, self.limit = Path(folder), int(limit)

    @property
    def nbytes(self) -> int:
        """Bytes of all levels, those that are being written included."""
        return sum(_nbytes(entry) for entry in (*self._named(ENTRY), *self._named(PARTIAL)))

    def clear(self) -> None:
        """Delete all levels, also those that a process which has ended left unfinished a day ago or earlier."""
        for entry in self._named(ENTRY):
            self._delete(entry)
        self._delete_unfinished()

    def find(self, image: Any, name: str, ndim: int, pyramid: Pyramid) -> list[Any] | None:
        """Return the levels of an image, the finest first, if all of them are there and whole; None otherwise.

        Parameters
        ----------
        image, name, ndim, pyramid
            As in `levels`.
        """
        entry, found = self.folder / _key(image, name, ndim, pyramid), [image]
        dtype = _type_of(image)
        try:
            os.utime(entry)
            for number, shape in enumerate(_shapes(image, ndim, pyramid), 1):
                level = np.load(entry / f"{number}.npy", mmap_mode="r")
                if (level.shape, level.dtype) != (shape, dtype):
                    return None
                found.append(level)
        except (OSError, ValueError, EOFError):  # not there, damaged, or deleted by another process meanwhile
            return None
        return found

    def levels(
        self, image: Any, name: str, ndim: int, pyramid: Pyramid, threads: int | None = None
    ) -> Generator[Progress, None, list[Any]]:
        """Find the levels of an image, or compute and keep them, in a generator that yields progress and returns them.

        Levels that do not fit the limit or the disk are computed in memory, and not kept. Closing the generator leaves
        nothing behind.

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
            The image, and its levels: arrays that cannot be written, on disk or in memory.

        Raises
        ------
        OSError
            If neither the disk nor the memory at hand holds the levels.
        """
        shapes = _shapes(image, ndim, pyramid)
        if not shapes:
            return [image]
        threads = threads or cores()
        for _ in range(TRIES):
            found = self.find(image, name, ndim, pyramid)
            if found is not None:
                return found
            entry = self.folder / _key(image, name, ndim, pyramid)
            beside = self._beside(entry)
            try:
                if not self._allocated(beside, shapes, _type_of(image)):
                    break
                files = [beside / f"{number}.npy" for number in range(1, len(shapes) + 1)]
                yield from _computed(image, (np.load(file, mmap_mode="r+") for file in files), ndim, pyramid, threads)
                if self.find(image, name, ndim, pyramid) is None:  # no other process was faster
                    self._delete(entry)
                    self._publish(beside, entry)
            finally:
                shutil.rmtree(beside, ignore_errors=True)
            found = self.find(image, name, ndim, pyramid)
            if found is not None:
                return found
        needed, at_hand = _bytes_in_memory(shapes, _type_of(image)), memory_at_hand()
        if needed > at_hand:
            raise OSError(
                f"{self.folder}: must have room for the levels of the image, {_mib(needed)}, within its limit of"
                f" {_mib(self.limit)}, or so much memory must be free, not {_mib(at_hand)}"
            )
        in_memory = [np.empty(shape, _type_of(image)) for shape in shapes]
        yield from _computed(image, iter(in_memory), ndim, pyramid, threads)
        for level in in_memory:
            level.flags.writeable = False
        return [image, *in_memory]

    def _named(self, pattern: re.Pattern[str]) -> list[Path]:
        """Return the folders of this store whose names match a pattern."""
        try:
            return [e for e in self.folder.iterdir() if pattern.fullmatch(e.name) and e.is_dir() and not e.is_symlink()]
        except OSError:
            return []

    def _beside(self, entry: Path) -> Path:
        """Return a new place for what becomes a folder, or was one."""
        return self.folder / f"{entry.name}-{uuid4().hex}.partial"

    def _publish(self, beside: Path, entry: Path) -> None:
        try:
            beside.rename(entry)
        except OSError:  # another process was faster
            if not entry.is_dir():
                raise

    def _delete(self, entry: Path) -> None:
        """Delete a folder at once for those who look for it, so that nobody finds half of it."""
        beside = self._beside(entry)
        try:
            entry.rename(beside)
        except OSError:  # not there, or open in a process of Windows
            return
        shutil.rmtree(beside, ignore_errors=True)

    def _delete_unfinished(self) -> None:
        """Delete what processes that have ended have left, a day after its last change."""
        for entry in self._named(PARTIAL):
            if _time_of_use(entry) < time.time() - DAY:
                shutil.rmtree(entry, ignore_errors=True)

    def _allocated(self, beside: Path, shapes: Sequence[tuple[int, ...]], dtype: np.dtype[Any]) -> bool:
        """Make the files of levels, with room on the disk for all of their pixels; return whether there is room."""
        headers = [_header(shape, dtype) for shape in shapes]
        sizes = [len(header) + math.prod(shape) * dtype.itemsize for header, shape in zip(headers, shapes, strict=True)]
        if not self._has_room(sum(sizes)):
            return False
        beside.mkdir(parents=True)
        try:
            if shutil.disk_usage(beside).free < sum(sizes):
                return False
            for number, (header, size) in enumerate(zip(headers, sizes, strict=True), 1):
                _allocate(beside / f"{number}.npy", header, size)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                return False
            raise
        return True

    def _has_room(self, nbytes: int) -> bool:
        """Delete what was used longest ago until so many bytes fit; return whether they do."""
        self._delete_unfinished()
        sizes = {entry: _nbytes(entry) for entry in self._named(ENTRY)}
        room = self.limit - nbytes - sum(map(_nbytes, self._named(PARTIAL)))
        if room < 0:
            return False
        total = sum(sizes.values())
        for entry in sorted(sizes, key=_time_of_use):
            if total <= room:
                break
            self._delete(entry)
            total -= sizes[entry]
        return True


def _shapes(image: Any, ndim: int, pyramid: Pyramid) -> list[tuple[int, ...]]:
    """Return the shapes of the levels after an image."""
    shape = tuple(map(int, image.shape))
    return [(*of_level, *shape[ndim:]) for of_level in shapes_of_levels(shape[:ndim], pyramid)]


def _type_of(image: Any) -> np.dtype[Any]:
    native: np.dtype[Any] = np.dtype(image.dtype).newbyteorder("=")
    return native


def _key(image: Any, name: str, ndim: int, pyramid: Pyramid) -> str:
    """Return the name of the folder of an image."""
    way = ndim, sorted({axis % ndim for axis in pyramid.axes}), pyramid.smallest, pyramid.mean
    known = repr((FORMAT, name, tuple(map(int, image.shape)), np.dtype(image.dtype).str, way))
    return blake2b(known.encode(), digest_size=16).hexdigest()


def _bytes_in_memory(shapes: Sequence[tuple[int, ...]], dtype: np.dtype[Any]) -> int:
    return sum(map(math.prod, shapes)) * dtype.itemsize


def _mib(nbytes: int) -> str:
    return quantity(nbytes / 2**20, "MiB", 3)


def _header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """Return the first bytes of a .npy file."""
    out, of_type = io.BytesIO(), header_data_from_array_1_0(np.empty(0, dtype))
    write_array_header_1_0(out, {**of_type, "shape": shape})
    return out.getvalue()


def _allocate(file: Path, header: bytes, size: int) -> None:
    """Make a .npy file whose pixels all have room on the disk: a mapped file without it ends the process."""
    with open(file, "xb", buffering=0) as out:
        out.write(header)
        allocate = getattr(os, "posix_fallocate", None)  # not on macOS and Windows
        if allocate is not None:
            try:
                allocate(out.fileno(), 0, size)
                return
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
                    raise
        out.seek(len(header))
        for first in range(len(header), size, len(ZEROS)):
            if out.write(ZEROS[: size - first]) < min(len(ZEROS), size - first):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))


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
    """An array of which boxes are read into memory."""

    def __init__(self, array: Any) -> None:
        self.array, self.shape, self.dtype = array, array.shape, np.dtype(array.dtype).newbyteorder("=")

    def __getitem__(self, key: tuple[slice, ...]) -> Array:
        rest = (slice(None),) * (len(self.shape) - len(key))
        return as_numpy(self.array, (*key, *rest)).astype(self.dtype, copy=False)


def _computed(
    image: Any, levels: Iterator[Array], ndim: int, pyramid: Pyramid, threads: int
) -> Generator[Progress, None, None]:
    """Compute the levels of an image into arrays: each from the one before, or, of labels, all in one pass."""
    level = with_cached_chunks(image)
    if not pyramid.mean:
        yield from _sampled(level, list(levels), ndim, pyramid, threads)
        return
    for out in levels:
        yield from _halved(level, out, ndim, pyramid, threads)
        level = out


def _sampled(
    image: Any, levels: list[Array], ndim: int, pyramid: Pyramid, threads: int
) -> Generator[Progress, None, None]:
    """Copy the pixels in the middle of those of each level, box by box of the image."""
    axes = {axis % ndim for axis in pyramid.axes}
    places = [
        [middles_of_level(n, m) if k in axes else np.arange(n) for k, (n, m) in enumerate(pairs)]
        for pairs in (zip(image.shape[:ndim], level.shape[:ndim], strict=True) for level in levels)
    ]
    rest = tuple((0, int(n)) for n in image.shape[ndim:])

    def work(box: Box) -> None:
        pixels = as_numpy(image, tuple(slice(a, b) for a, b in (*box, *rest)))
        for level, along in zip(levels, places, strict=True):
            inside = [np.flatnonzero((p >= a) & (p < b)) for p, (a, b) in zip(along, box, strict=True)]
            level[np.ix_(*inside)] = pixels[
                np.ix_(*(p[i] - a for p, i, (a, _) in zip(along, inside, box, strict=True)))
            ]

    boxes = tiles(tuple(map(int, image.shape[:ndim])), POINTWISE)
    yield from read_tasks("Levels", boxes, lambda box: [(image, (*box, *rest))], work, threads)
    for level in levels:
        if isinstance(level, np.memmap):
            level.flush()


def _halved(image: Any, out: Array, ndim: int, pyramid: Pyramid, threads: int) -> Generator[Progress, None, None]:
    """Compute the level after an array."""
    axes = [axis % ndim for axis in pyramid.axes]
    shape, boxes = out.shape[:ndim], _Boxes(image)

    def reads(box: Box) -> list[tuple[Any, Box]]:
        spans = (
            (a * n // m, -(-b * n // m)) if k in axes else (a, b)
            for k, ((a, b), n, m) in enumerate(zip(box, image.shape, shape, strict=False))
        )
        return [(image, (*spans, *((0, n) for n in image.shape[ndim:])))]

    def work(box: Box) -> None:
        key = (*(slice(a, b) for a, b in box), *(slice(None) for _ in image.shape[ndim:]))
        out[key] = block_of_level(boxes, shape, axes, box, True)

    yield from read_tasks("Levels", tiles(shape, POINTWISE), reads, work, threads)
    if isinstance(out, np.memmap):
        out.flush()
