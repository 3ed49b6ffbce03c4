"""Writing to arrays in chunks: each chunk, or each shard where there are shards, has one writer at a time."""

import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...contract.reach import Box, size, within
from .grid import Chunk, chunks_in, grid_of, written_grid_of
from .kept import LARGE, kept
from .pages import empty_pages
from .reader import as_numpy

Array = NDArray[Any]
OPEN = 2**26  # bytes of cells that are filled in part
FEW = 2  # such cells are kept whatever their size


class _Cell:
    """A cell that is filled box by box."""

    def __init__(self, box: Box, dtype: Any, missing: int) -> None:
        self.box, self.missing = box, missing
        self.filled: list[Box] = []
        self.pixels = empty_pages(size(box), np.dtype(dtype))


class ChunkWriter:
    """An array that several threads write box by box.

    What they write of an array in chunks is collected until a cell is full, which is then written in one piece. A cell
    consists of whole chunks, or of whole shards. If cells that are filled in part become too many, the one that was
    filled longest ago is written as it is, and completed later. An array without chunks, which may be stored in some
    all the same, is written by one thread at a time, unless it lies in memory.

    Parameters
    ----------
    array
        Array of NumPy, Zarr or another library, in which boxes can be set.
    lengths
        Lengths along the axes up to which small chunks are united to cells, of up to 16 MiB.
    """

    def __init__(self, array: Any, lengths: Sequence[int]) -> None:
        self._in_memory = isinstance(array, np.ndarray)
        grid = None if self._in_memory else written_grid_of(array)
        self.array = array
        self.grid = None if grid is None else grid.merged(LARGE // np.dtype(array.dtype).itemsize, lengths)
        self._chunks = None if self._in_memory else grid_of(array)
        self._without_check = _without_check(array)
        self._open: OrderedDict[Chunk, _Cell] = OrderedDict()
        self._begun: dict[Chunk, int] = {}  # number of pixels that have yet to come, of cells that were written early
        self._writing: set[Chunk] = set()
        self._changed = threading.Condition()

    def write(self, box: Box, block: Array) -> None:
        """Write a box, which no other box that is written overlaps."""
        if self.grid is None:
            self._write_at_once(box, block)
            return
        for chunk in chunks_in(self.grid.covering(box)):
            cell_box = self.grid.box(chunk)
            part = tuple((max(a, c), min(b, d)) for (a, b), (c, d) in zip(box, cell_box, strict=True))
            pixels = block[within(part, box)]
            if part == cell_box:
                with kept.alone_if_large(pixels.nbytes):
                    self._store(part, pixels)
                continue
            for due, cell in self._fill(chunk, cell_box, part, pixels):
                self._complete(due, cell)

    def _write_at_once(self, box: Box, block: Array) -> None:
        if self._in_memory:
            self.array[_slices(box)] = block
            return
        with self._changed:
            self.array[_slices(box)] = block

    def _fill(self, chunk: Chunk, cell_box: Box, part: Box, pixels: Array) -> list[tuple[Chunk, _Cell]]:
        """Fill a part of a cell; return cells that are due: this one if it is full, others if there are too many."""
        with self._changed:
            while chunk in self._writing:
                self._changed.wait()
            cell = self._open.get(chunk)
            if cell is None:
                missing = self._begun.pop(chunk, math.prod(size(cell_box)))
                cell = self._open[chunk] = _Cell(cell_box, pixels.dtype, missing)
            cell.pixels[within(part, cell_box)] = pixels
            cell.filled.append(part)
            cell.missing -= pixels.size
            self._open.move_to_end(chunk)
            due = [chunk] if cell.missing == 0 else []
            held = sum(c.pixels.nbytes for c in self._open.values())
            for oldest in list(self._open):
                if held <= OPEN or len(self._open) - len(due) <= FEW:
                    break
                held -= self._open[oldest].pixels.nbytes
                due.append(oldest)
            self._writing.update(due)
            return [(number, self._open.pop(number)) for number in due]

    def _complete(self, chunk: Chunk, cell: _Cell) -> None:
        """Write a cell in one piece, with what the array holds where it is not filled."""
        try:
            with kept.alone_if_large(cell.pixels.nbytes):
                if sum(math.prod(size(box)) for box in cell.filled) < cell.pixels.size:
                    whole = as_numpy(self.array, _slices(cell.box)).astype(cell.pixels.dtype)
                    for box in cell.filled:
                        whole[within(box, cell.box)] = cell.pixels[within(box, cell.box)]
                    cell.pixels = whole
                self._store(cell.box, cell.pixels)
        finally:
            with self._changed:
                if cell.missing:
                    self._begun[chunk] = cell.missing
                self._writing.discard(chunk)
                self._changed.notify_all()

    def _store(self, box: Box, pixels: Array) -> None:
        """Set a box of whole chunks, without the search for empty chunks by Zarr where none is empty.

        Zarr leaves out chunks that hold nothing but the fill value. Its search takes up to 2.5 times the memory of a
        chunk.
        """
        array = self._without_check if self._has_no_empty_chunk(box, pixels) else self.array
        array[_slices(box)] = pixels

    def _has_no_empty_chunk(self, box: Box, pixels: Array) -> bool:
        if self._chunks is None or self._without_check is self.array or pixels.dtype != self.array.dtype:
            return False
        fill = self.array.fill_value
        chunk_boxes = map(self._chunks.box, chunks_in(self._chunks.covering(box)))
        return all(any(_differs(plane, fill) for plane in pixels[within(part, box)]) for part in chunk_boxes)


def _without_check(array: Any) -> Any:
    """Return a Zarr array that is written without a search for empty chunks; any other array unchanged."""
    with_config = getattr(array, "with_config", None)  # since Zarr 3.1
    return array if with_config is None else with_config({"write_empty_chunks": True})


def _differs(plane: Array, fill: Any) -> bool:
    """Whether a pixel differs from the fill value, to which not-a-number may be equal."""
    is_nan = bool(fill != fill)
    return bool((plane == plane if is_nan else plane != fill).any())


def _slices(box: Box) -> tuple[slice, ...]:
    return tuple(slice(a, b) for a, b in box)
