"""Chunked arrays read chunk by chunk: what several boxes share is computed or decompressed once."""

import itertools
import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
CAPACITY = 2**28  # bytes of chunks kept; larger chunks are not kept at all


def kept_in_chunks(array: Any) -> Any:
    """Return an array whose chunks are kept while others need them; arrays without chunks as they are."""
    chunks = getattr(array, "chunks", None)
    return Chunked(array) if chunks and not isinstance(array, Chunked) else array


class Chunked:
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
        self._kept: OrderedDict[tuple[int, ...], Future[Array]] = OrderedDict()
        self._bytes = 0

    def __reduce__(self) -> Any:
        """Pickle without the chunks."""
        return Chunked, (self.array,)

    def __getitem__(self, key: tuple[Any, ...]) -> Array:
        """Read a box given by integers and slices of step 1."""
        if not self._keeps:
            return np.asarray(self.array[key])
        spans = [
            (k, k + 1) if not isinstance(k, slice) else k.indices(n)[:2] for k, n in zip(key, self.shape, strict=True)
        ]
        out = np.empty([b - a for a, b in spans], self.dtype)
        touched = [range(_chunk_of(e, a), _chunk_of(e, b - 1) + 1) for e, (a, b) in zip(self.edges, spans, strict=True)]
        for chunk in itertools.product(*touched):
            ends = [(int(e[i]), int(e[i + 1])) for e, i in zip(self.edges, chunk, strict=True)]
            both = [(max(a, c), min(b, d)) for (a, b), (c, d) in zip(spans, ends, strict=True)]
            there = tuple(slice(a - c, b - c) for (a, b), (c, _) in zip(both, ends, strict=True))
            here = tuple(slice(a - c, b - c) for (a, b), (c, _) in zip(both, spans, strict=True))
            out[here] = self._chunk(chunk, tuple(slice(*e) for e in ends))[there]
        return out[tuple(slice(None) if isinstance(k, slice) else 0 for k in key)]

    def _chunk(self, chunk: tuple[int, ...], box: tuple[slice, ...]) -> Array:
        """Return a chunk, waiting for the thread that already reads it."""
        with self._lock:
            future = self._kept.get(chunk)
            first = future is None
            if future is None:
                future = self._kept[chunk] = Future()
            self._kept.move_to_end(chunk)
        if first:
            try:
                found = np.asarray(self.array[box])
            except BaseException as error:
                with self._lock:
                    del self._kept[chunk]
                future.set_exception(error)
                raise
            future.set_result(found)
            self._forget_oldest(found.nbytes)
        return future.result()

    def _forget_oldest(self, more: int) -> None:
        with self._lock:
            self._bytes += more
            for chunk in list(self._kept):
                if self._bytes <= CAPACITY:
                    return
                if self._kept[chunk].done():
                    self._bytes -= self._kept.pop(chunk).result().nbytes


def _edges(length: int, chunks: Any) -> NDArray[np.int64]:
    """Where chunks begin along an axis, and its end."""
    if isinstance(chunks, tuple):
        return np.concatenate([[0], np.cumsum(chunks)]).astype(np.int64)
    return np.append(np.arange(0, length, chunks), length).astype(np.int64)


def _chunk_of(edges: NDArray[np.int64], position: int) -> int:
    return int(np.searchsorted(edges, position, "right")) - 1
