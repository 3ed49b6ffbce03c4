"""The grid of an array's chunks: where they begin along each axis."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...contract.reach import POINTWISE, Box, size
from ..tiles import tiles

Chunk = tuple[int, ...]  # number of a chunk along each axis
Ranges = tuple[tuple[int, int], ...]  # (first, stop) of chunk numbers along each axis


@dataclass(frozen=True, eq=False)
class Grid:
    """Chunks that cover an array: `edges` holds, for each axis, where chunks begin and where the last one ends."""

    edges: tuple[NDArray[np.int64], ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of chunks along each axis."""
        return tuple(e.size - 1 for e in self.edges)

    def box(self, chunk: Chunk) -> Box:
        """Return the box of a chunk."""
        return tuple((int(e[i]), int(e[i + 1])) for e, i in zip(self.edges, chunk, strict=True))

    def number_at(self, place: Sequence[int]) -> Chunk:
        """Return the chunk that contains a pixel."""
        return tuple(int(np.searchsorted(e, p, "right")) - 1 for e, p in zip(self.edges, place, strict=True))

    def covering(self, box: Box) -> Ranges:
        """Return the chunks that a box overlaps."""
        first = self.number_at([a for a, _ in box])
        last = self.number_at([b - 1 for _, b in box])
        return tuple((i, j + 1) for i, j in zip(first, last, strict=True))

    def bounds(self, ranges: Ranges) -> Box:
        """Return the box of some adjacent chunks."""
        return tuple((int(e[i]), int(e[j])) for e, (i, j) in zip(self.edges, ranges, strict=True))

    def merged(self, pixels: int, lengths: Sequence[float]) -> "Grid":
        """Return a grid of cells of whole adjacent chunks: of up to so many pixels, and up to a length on each axis.

        Cells grow along the last axes first. A single chunk may be larger.
        """
        longest = [int(np.diff(e).max()) for e in self.edges]
        room, edges = pixels // math.prod(longest), list[NDArray[np.int64]]()
        for e, n, length in reversed(list(zip(self.edges, longest, lengths, strict=True))):
            chunks = int(max(min(room, length // n, e.size - 1), 1))
            room //= chunks
            edges.insert(0, _merged(e, chunks * n))
        return Grid(tuple(edges))


def _merged(edges: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    cells, before = [int(edges[0])], int(edges[0])
    for edge in edges[1:].tolist():
        if edge - cells[-1] > length and before > cells[-1]:
            cells.append(before)
        before = edge
    return np.array([*cells, before], np.int64)


def grid_of(array: Any) -> Grid | None:
    """Return the grid of the chunks in which an array is read; None for an array without chunks."""
    return _grid(array, getattr(array, "chunks", None))


def written_grid_of(array: Any) -> Grid | None:
    """Return the grid of the parts in which an array is written: shards where there are any, otherwise chunks."""
    return _grid(array, getattr(array, "shards", None) or getattr(array, "chunks", None))


def _grid(array: Any, chunks: Any) -> Grid | None:
    if not isinstance(chunks, tuple | list) or len(chunks) != len(array.shape):
        return None
    return Grid(tuple(_edges(int(n), c) for n, c in zip(array.shape, chunks, strict=True)))


def _edges(length: int, chunks: Any) -> NDArray[np.int64]:
    """Return the edges along an axis, from the lengths of all chunks (Dask) or from one length (Zarr)."""
    if isinstance(chunks, tuple | list):
        return np.unique(np.cumsum([0, *chunks])).astype(np.int64)
    return np.append(np.arange(0, length, int(chunks)), length).astype(np.int64)


def boxes_along_chunks(array: Any, span: Box, pixels: int) -> list[Box]:
    """Return boxes of up to `pixels` that cover a span once; each consists of whole chunks or is a part of one."""
    grid = grid_of(array)
    if grid is None:
        cells = [span]
    else:
        inside = Grid(tuple(_clipped(e, *ends) for e, ends in zip(grid.edges, span, strict=True)))
        merged = inside.merged(pixels, [math.inf] * len(span))
        cells = [merged.box(cell) for cell in np.ndindex(merged.shape)]
    return [
        tuple((a + c, a + d) for (a, _), (c, d) in zip(cell, part, strict=True))
        for cell in cells
        for part in tiles(size(cell), POINTWISE, pixels, side=1)
    ]


def _clipped(edges: NDArray[np.int64], first: int, stop: int) -> NDArray[np.int64]:
    within = edges[(edges > first) & (edges < stop)]
    return np.array([first, *within, stop], np.int64)


def chunks_in(ranges: Ranges) -> Iterator[Chunk]:
    """Yield the chunks of some ranges, the last axis first."""
    return itertools.product(*(range(i, j) for i, j in ranges))
