"""Chunked arrays, read chunk by chunk, so that chunks that several boxes share are computed or decompressed once."""

import itertools
import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
ChunkIndex = tuple[int, ...]
CAPACITY = 2**28  # bytes of all chunks in a cache; a chunk above a quarter of it is not cached


def with_cached_chunks(array: Any) -> Any:
    """Return a chunked array with a cache of its chunks, and any other array unchanged."""
    chunks = getattr(array, "chunks", None)
    return CachedChunks(array) if chunks and not isinstance(array, CachedChunks) else array


class CachedChunks:
    """A Dask or Zarr array with a cache of the chunks that were read last; safe to read in several threads.

    Parameters
    ----------
    array
        Array whose `chunks` are the lengths of all chunks along each axis (Dask), or one length for each axis (Zarr).
    """

    def __init__(self, array: Any) -> None:
        self.array = array
        self.shape, self.dtype = tuple(int(n) for n in array.shape), np.dtype(array.dtype)
        self.edges = [_edges(n, c) for n, c in zip(self.shape, array.chunks, strict=True)]
        largest = np.prod([np.diff(e).max(initial=1) for e in self.edges], dtype=float) * self.dtype.itemsize
        self._caches = largest <= CAPACITY / 4
        self._lock = threading.Lock()
        self._cache: OrderedDict[ChunkIndex, Future[Array]] = OrderedDict()
        self._bytes = 0

    def __reduce__(self) -> Any:
        """Pickle without the cached chunks."""
        return CachedChunks, (self.array,)

    def __getitem__(self, key: tuple[Any, ...]) -> Array:
        """Read a box given by integers and slices of step 1."""
        if not self._caches:
            return np.asarray(self.array[key])
        spans = [
            (k, k + 1) if not isinstance(k, slice) else k.indices(n)[:2] for k, n in zip(key, self.shape, strict=True)
        ]
        out = np.empty([b - a for a, b in spans], self.dtype)
        ranges = [range(_chunk_of(e, a), _chunk_of(e, b - 1) + 1) for e, (a, b) in zip(self.edges, spans, strict=True)]
        for chunk, future in self._futures(list(itertools.product(*ranges))).items():
            ends = self._ends(chunk)
            overlap = [(max(a, c), min(b, d)) for (a, b), (c, d) in zip(spans, ends, strict=True)]
            in_chunk = tuple(slice(a - c, b - c) for (a, b), (c, _) in zip(overlap, ends, strict=True))
            in_out = tuple(slice(a - c, b - c) for (a, b), (c, _) in zip(overlap, spans, strict=True))
            out[in_out] = future.result()[in_chunk]
        return out[tuple(slice(None) if isinstance(k, slice) else 0 for k in key)]

    def _ends(self, chunk: ChunkIndex) -> list[tuple[int, int]]:
        return [(int(e[i]), int(e[i + 1])) for e, i in zip(self.edges, chunk, strict=True)]

    def _futures(self, wanted: list[ChunkIndex]) -> dict[ChunkIndex, Future[Array]]:
        """Return the futures of some chunks, and read those that no other thread has begun to read.

        A thread reads its own chunks before it waits for those of others, so that threads cannot block each other.
        """
        futures, unread = {}, []
        with self._lock:
            for chunk in wanted:
                if chunk not in self._cache:
                    self._cache[chunk] = Future()
                    unread.append(chunk)
                self._cache.move_to_end(chunk)
                futures[chunk] = self._cache[chunk]
        if unread:
            self._read(unread, futures)
        return futures

    def _read(self, unread: list[ChunkIndex], futures: dict[ChunkIndex, Future[Array]]) -> None:
        """Read chunks by their bounding box in one call, because a call may cost as much as many chunks."""
        ends = [self._ends(chunk) for chunk in unread]
        box = [(min(e[k][0] for e in ends), max(e[k][1] for e in ends)) for k in range(len(self.shape))]
        try:
            block = np.asarray(self.array[tuple(slice(*b) for b in box)])
        except BaseException as error:
            with self._lock:
                for chunk in unread:
                    del self._cache[chunk]
            for chunk in unread:
                futures[chunk].set_exception(error)
            raise
        for chunk, chunk_ends in zip(unread, ends, strict=True):
            part = block[tuple(slice(a - c, b - c) for (a, b), (c, _) in zip(chunk_ends, box, strict=True))]
            futures[chunk].set_result(part if len(unread) == 1 else part.copy())
        self._forget_oldest(sum(futures[chunk].result().nbytes for chunk in unread))

    def _forget_oldest(self, added: int) -> None:
        """Add to the size of the cache, and drop the chunks that were used longest ago until it is within bounds."""
        with self._lock:
            self._bytes += added
            for chunk in list(self._cache):
                if self._bytes <= CAPACITY:
                    return
                if self._cache[chunk].done():
                    self._bytes -= self._cache.pop(chunk).result().nbytes


def _edges(length: int, chunks: Any) -> NDArray[np.int64]:
    """Return the positions where the chunks of an axis begin, and the end of the axis."""
    if isinstance(chunks, tuple):
        return np.concatenate([[0], np.cumsum(chunks)]).astype(np.int64)
    return np.append(np.arange(0, length, chunks), length).astype(np.int64)


def _chunk_of(edges: NDArray[np.int64], position: int) -> int:
    return int(np.searchsorted(edges, position, "right")) - 1
