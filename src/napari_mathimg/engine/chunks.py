"""Chunked arrays read chunk by chunk: what several boxes share is computed or decompressed once."""

import itertools
import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Place = tuple[int, ...]
CAPACITY = 2**28  # bytes of chunks kept; larger chunks are not kept at all


def with_cached_chunks(array: Any) -> Any:
    """Return an array whose chunks are kept while others need them; arrays without chunks as they are."""
    chunks = getattr(array, "chunks", None)
    return CachedChunks(array) if chunks and not isinstance(array, CachedChunks) else array


class CachedChunks:
    """A Dask or Zarr array that remembers the chunks read last.

    Parameters
    ----------
    array
        Array with `chunks`: their lengths along each axis (Dask), or one length for each axis (Zarr).
    """

    def __init__(self, array: Any) -> None:
        self.array = array
        self.shape, self.dtype = tuple(int(n) for n in array.shape), np.dtype(array.dtype)
        self.edges = [_edges(n, c) for n, c in zip(self.shape, array.chunks, strict=True)]
        largest = np.prod([np.diff(e).max(initial=1) for e in self.edges], dtype=float) * self.dtype.itemsize
        self._keeps = largest <= CAPACITY / 4
        self._lock = threading.Lock()
        self._cache: OrderedDict[Place, Future[Array]] = OrderedDict()
        self._bytes = 0

    def __reduce__(self) -> Any:
        """Pickle without the chunks."""
        return CachedChunks, (self.array,)

    def __getitem__(self, key: tuple[Any, ...]) -> Array:
        """Read a box given by integers and slices of step 1."""
        if not self._keeps:
            return np.asarray(self.array[key])
        spans = [
            (k, k + 1) if not isinstance(k, slice) else k.indices(n)[:2] for k, n in zip(key, self.shape, strict=True)
        ]
        out = np.empty([b - a for a, b in spans], self.dtype)
        touched = [range(_chunk_of(e, a), _chunk_of(e, b - 1) + 1) for e, (a, b) in zip(self.edges, spans, strict=True)]
        for chunk, future in self._futures(list(itertools.product(*touched))).items():
            ends = self._ends(chunk)
            both = [(max(a, c), min(b, d)) for (a, b), (c, d) in zip(spans, ends, strict=True)]
            there = tuple(slice(a - c, b - c) for (a, b), (c, _) in zip(both, ends, strict=True))
            here = tuple(slice(a - c, b - c) for (a, b), (c, _) in zip(both, spans, strict=True))
            out[here] = future.result()[there]
        return out[tuple(slice(None) if isinstance(k, slice) else 0 for k in key)]

    def _ends(self, chunk: Place) -> list[tuple[int, int]]:
        return [(int(e[i]), int(e[i + 1])) for e, i in zip(self.edges, chunk, strict=True)]

    def _futures(self, wanted: list[Place]) -> dict[Place, Future[Array]]:
        """Claim the chunks that nobody has read or reads, read them at once, and wait for no one before."""
        futures, mine = {}, []
        with self._lock:
            for chunk in wanted:
                if chunk not in self._cache:
                    self._cache[chunk] = Future()
                    mine.append(chunk)
                self._cache.move_to_end(chunk)
                futures[chunk] = self._cache[chunk]
        if mine:
            self._read(mine, futures)
        return futures

    def _read(self, mine: list[Place], futures: dict[Place, Future[Array]]) -> None:
        """Read some chunks by their bounding box in one call: a call may cost as much as many chunks."""
        ends = [self._ends(chunk) for chunk in mine]
        box = [(min(e[k][0] for e in ends), max(e[k][1] for e in ends)) for k in range(len(self.shape))]
        try:
            found = np.asarray(self.array[tuple(slice(*b) for b in box)])
        except BaseException as error:
            with self._lock:
                for chunk in mine:
                    del self._cache[chunk]
            for chunk in mine:
                futures[chunk].set_exception(error)
            raise
        for chunk, chunk_ends in zip(mine, ends, strict=True):
            part = found[tuple(slice(a - c, b - c) for (a, b), (c, _) in zip(chunk_ends, box, strict=True))]
            futures[chunk].set_result(part if len(mine) == 1 else part.copy())
        self._forget_oldest(sum(futures[chunk].result().nbytes for chunk in mine))

    def _forget_oldest(self, more: int) -> None:
        with self._lock:
            self._bytes += more
            for chunk in list(self._cache):
                if self._bytes <= CAPACITY:
                    return
                if self._cache[chunk].done():
                    self._bytes -= self._cache.pop(chunk).result().nbytes


def _edges(length: int, chunks: Any) -> NDArray[np.int64]:
    """Where chunks begin along an axis, and its end."""
    if isinstance(chunks, tuple):
        return np.concatenate([[0], np.cumsum(chunks)]).astype(np.int64)
    return np.append(np.arange(0, length, chunks), length).astype(np.int64)


def _chunk_of(edges: NDArray[np.int64], position: int) -> int:
    return int(np.searchsorted(edges, position, "right")) - 1
