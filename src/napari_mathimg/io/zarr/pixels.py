"""Pixels of an array of Zarr, read where they are asked for: only the chunks that a box overlaps."""

import itertools
import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...contract.progress import checkpoint
from ...contract.reach import Box, size
from ...engine.lazy.keys import selection
from ...engine.lazy.shaped import Shaped
from ..problems import ImageFileError, naming
from .codecs import checked
from .encoding import NOWHERE
from .metadata import Node, Stored
from .stores import Folder, Request, Stamp, Store, joined

Array = NDArray[Any]
INDEXES = 2**24  # bytes of indexes of shards that are kept
AT_ONCE = 2**25  # bytes that are read at once
PARTS = 64  # chunks that are read at once


class _Chunk(NamedTuple):
    """A chunk: its first pixel, the bytes that hold it, and whether there must be these bytes."""

    first: tuple[int, ...]
    request: Request
    is_indexed: bool


class ZarrPixels(Shaped):
    """A lazy array of Zarr; several threads may read it, and no file stays open.

    Parameters
    ----------
    store
        Where its files are.
    key
        Its key in the store.

    Raises
    ------
    ImageFileError
        If there is no array, or it is stored in a way that is not read: see `metadata`.
    """

    def __init__(self, store: Store, key: str) -> None:
        self._store, self._key = store, key
        self._stored: Stored = Node(store, key).stored()
        self.shape, self.dtype = self._stored.shape, self._stored.dtype
        self.chunks = self._stored.codecs.shape
        self.shards = self._stored.files if self._stored.is_sharded else None
        self._indexes: OrderedDict[str, tuple[Stamp, Array]] = OrderedDict()
        self._lock = Lock()

    def __reduce__(self) -> Any:
        """Pickle as the way to open it again."""
        return ZarrPixels, (self._store, self._key)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes that the array itself has; () if it has none."""
        return self._stored.names

    @property
    def address(self) -> str:
        """Path or address of the array."""
        return self._store.name(self._key)

    @property
    def files(self) -> tuple[Path, ...]:
        """The folder of the array; () for one behind an address."""
        return (Path(self.address),) if isinstance(self._store, Folder) else ()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Read all pixels."""
        if copy is False:
            raise ValueError("copy=False: must be True or None for pixels that are read from a file")
        everything: Array = self[(slice(None),) * self.ndim]
        return everything if dtype is None else everything.astype(dtype, copy=False)

    def __getitem__(self, key: Any) -> Any:
        """Read what integers, slices and lists of indices select."""
        chosen = selection(key, self.shape)
        spans = [(int(p[0]), int(p[-1]) + 1) if len(p) else (0, 0) for p in chosen.positions]
        block = self._read(tuple(spans))
        if any(len(p) != b - a for p, (a, b) in zip(chosen.positions, spans, strict=True)):
            block = block[np.ix_(*(np.asarray(p) - a for p, (a, _) in zip(chosen.positions, spans, strict=True)))]
        return block[chosen.key]

    def _read(self, box: Box) -> Array:
        """Read a box: what no chunk covers is the fill value."""
        out: Array = np.full(size(box), self._stored.fill, self.dtype)
        if not out.size:
            return out
        for group in self._groups(box):
            checkpoint()
            found = self._store.read([chunk.request for chunk in group])
            for chunk, data in zip(group, found, strict=True):
                if data is not None:
                    self._copy(chunk, data, out, box)
                elif chunk.is_indexed:
                    name = self._store.name(chunk.request.key)
                    raise ImageFileError(f"{name}: must be whole; some of its chunks lie beyond its end")
        return out

    def _groups(self, box: Box) -> Iterator[list[_Chunk]]:
        """Yield the chunks that a box overlaps, a number of bytes at a time."""
        most = max(min(PARTS, AT_ONCE // self._stored.codecs.nbytes), 1)
        chunks = self._overlapped(box)
        while group := list(itertools.islice(chunks, most)):
            yield group

    def _overlapped(self, box: Box) -> Iterator[_Chunk]:
        """Yield the chunks that a box overlaps and that there may be."""
        stored = self._stored
        longest = stored.codecs.longest
        for place in _places(box, stored.files):
            key = joined(self._key, stored.key(place))
            corner = [k * n for k, n in zip(place, stored.files, strict=True)]
            if not stored.is_sharded:
                yield _Chunk(tuple(corner), Request(key, None, longest + 1), False)
                continue
            index = self._index(key)
            if index is None:
                continue
            inside = tuple(
                (max(a - c, 0), min(b - c, n)) for (a, b), c, n in zip(box, corner, stored.files, strict=True)
            )
            for part in _places(inside, stored.codecs.shape):
                start, length = (int(n) for n in index[part])
                if start == length == NOWHERE:
                    continue
                first = tuple(c + k * n for c, k, n in zip(corner, part, stored.codecs.shape, strict=True))
                yield _Chunk(first, Request(key, start, length), True)

    def _index(self, key: str) -> Array | None:
        """Return where the chunks of a shard are, shape (*grid, 2); None if there is no such shard."""
        found = self._store.stat(key)
        if found is None:
            return None
        whole, stamp = found
        with self._lock:
            if key in self._indexes and self._indexes[key][0] == stamp:
                self._indexes.move_to_end(key)
                return self._indexes[key][1]
        index = self._read_index(key, whole)
        with self._lock:
            self._indexes[key] = stamp, index
            while len(self._indexes) * index.nbytes > INDEXES and len(self._indexes) > 1:
                self._indexes.popitem(last=False)
        return index

    def _read_index(self, key: str, whole: int) -> Array:
        name, grid = self._store.name(key), self._stored.grid
        length = 16 * math.prod(grid) + 4
        start = 0 if self._stored.is_index_first else whole - length
        data = self._store.read([Request(key, start, length)])[0] if whole >= length else None
        if data is None or len(data) != length:
            raise ImageFileError(f"{name}: must be a whole shard; it is shorter than its index")
        with naming(name, "a shard whose index can be read"):
            index = np.frombuffer(checked(data), "<u8").reshape(*grid, 2)
        there = index[(index != NOWHERE).any(axis=-1)]
        lengths = there[:, 1]
        if there.size and (lengths.max() > self._stored.codecs.longest or (there[:, 0] > whole - lengths).any()):
            raise ImageFileError(f"{name}: must be whole, with chunks that are not larger than their pixels")
        return index

    def _copy(self, chunk: _Chunk, data: bytes, out: Array, box: Box) -> None:
        """Decode a chunk, and copy what it has in common with a box."""
        codecs = self._stored.codecs
        name = self._store.name(chunk.request.key)
        with naming(name, "a file whose chunks can be read"):
            if len(data) > codecs.longest:
                raise ValueError(f"a chunk has more than {codecs.longest} bytes")
            part = codecs.decoded(data)
        ends = [min(f + n, s) for f, n, s in zip(chunk.first, codecs.shape, self.shape, strict=True)]
        both = [(max(a, f), min(b, e)) for (a, b), f, e in zip(box, chunk.first, ends, strict=True)]
        there = tuple(slice(a - o, b - o) for (a, b), (o, _) in zip(both, box, strict=True))
        out[there] = part[tuple(slice(a - f, b - f) for (a, b), f in zip(both, chunk.first, strict=True))]


def _places(box: Box, lengths: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield the numbers of the cells of a grid that a box overlaps."""
    return itertools.product(*(range(a // n, -(-b // n)) for (a, b), n in zip(box, lengths, strict=True)))
