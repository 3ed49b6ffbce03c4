"""Pixels of a TIFF file, read where they are asked for: only the tiles or strips that a box overlaps."""

import itertools
import lzma
import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...contract.reach import Box
from ..boxes import ReadBoxes
from ..problems import ImageFileError, naming

# By their numbers in TIFF; only these are read.
CODECS = {
    1: "none",
    2: "CCITT",
    3: "CCITT",
    4: "CCITT",
    5: "LZW",
    6: "JPEG",
    7: "JPEG",
    8: "DEFLATE",
    32946: "DEFLATE",
    50013: "DEFLATE",
    32773: "PackBits",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34712: "JPEG 2000",
    34887: "LERC",
    34925: "LZMA",
    34926: "Zstandard",
    50000: "Zstandard",
    34927: "WebP",
    50001: "WebP",
}
DEFLATE, LZMA, LZW = (8, 32946, 50013), (34925,), 5
SLACK = 4096  # bytes by which a compressed segment may be larger than its pixels, beside a 16th of them


class Segments(NamedTuple):
    """Where the tiles or strips of a plane lie: number of its file, offsets and lengths in bytes."""

    file: int
    offsets: NDArray[np.int64]
    counts: NDArray[np.int64]
    tables: bytes | None  # of JPEG


class TiffPixels(ReadBoxes):
    """A lazy array over the planes of a TIFF file; several threads may read it, and no file stays open.

    Parameters
    ----------
    files
        Paths of the files that hold the planes.
    opened_by
        A function and its arguments that open a pickled array again.
    pages
        Segments of each plane, in the order of the leading axes; None for planes that are missing, which are 0.
    keyframe
        A page of tifffile that all planes are like; its file may be closed.
    shape
        Shape of the array, whose last axes are those of a plane.
    byteorder
        ">" or "<".

    Raises
    ------
    ImageFileError
        If a segment lies outside its file, or is shorter than its pixels.
    """

    def __init__(
        self, files: Sequence[Path], opened_by: tuple[Callable[..., Any], tuple[Any, ...]],
        pages: Sequence[Segments | None], keyframe: Any, shape: tuple[int, ...], byteorder: str,
    ) -> None:  # fmt: skip
        self.files, self._opened_by = tuple(files), opened_by
        self._pages, self._page, self._byteorder = list(pages), keyframe, byteorder
        super().__init__(shape, keyframe.dtype)
        self._lead = self.ndim - len(keyframe.shape)
        self._whole = tuple(int(n) for n in keyframe.shaped)  # separate samples, depth, length, width, samples
        self._part = self._segment_shape()
        self._grid = tuple(math.ceil(n / m) for n, m in zip(self._whole, self._part, strict=True))
        of_plane = [self._part[k] for k in self._axes_of_plane()]
        self.chunks = (1,) * self._lead + tuple(min(c, n) for c, n in zip(of_plane, keyframe.shape, strict=True))
        self._check()

    def __reduce__(self) -> Any:
        """Pickle as the way to open it again."""
        return self._opened_by

    def _segment_shape(self) -> tuple[int, ...]:
        """Return the shape of a tile, or of a strip, among the five normalized axes of a plane."""
        page = self._page
        _, depth, length, width, samples = self._whole
        if page.is_tiled:
            return 1, max(int(page.tiledepth), 1), int(page.tilelength), int(page.tilewidth), samples
        rows = int(page.rowsperstrip) or length
        return 1, 1 if depth > 1 else depth, min(max(rows, 1), length), width, samples

    def _axes_of_plane(self) -> list[int]:
        """Return the number of each axis of a plane among the five normalized ones."""
        names = str(self._page.axes)
        last = {"Z": 1, "Y": 2, "X": 3}
        return [last.get(name, 0 if names.index(name) < names.index("Y") else 4) for name in names]

    def _check(self) -> None:
        """Refuse codecs that are not known, and segments that lie outside their file or hold too few bytes."""
        if int(self._page.compression) not in CODECS:
            known = ", ".join(dict.fromkeys(CODECS.values()))
            raise ImageFileError(f"{self.files[0]}: must be compressed by {known}, not {self._page.compression!s}")
        number, raw = math.prod(self._grid), math.prod(self._part) * self._page.bitspersample // 8
        sizes = [path.stat().st_size for path in self.files]
        for page in self._pages:
            if page is None:
                continue
            path = self.files[page.file]
            if len(page.offsets) < number or len(page.counts) < number:
                raise ImageFileError(f"{path}: must hold {number} tiles or strips a plane, not {len(page.offsets)}")
            if ((page.offsets < 0) | (page.counts < 0) | (page.offsets + page.counts > sizes[page.file])).any():
                raise ImageFileError(f"{path}: must be whole; some of its pixels lie beyond its end")
            is_deflated = self._page.compression in (1, *DEFLATE, *LZMA)
            if is_deflated and (page.counts > raw + raw // 16 + SLACK).any() and self._page.compression != 1:
                raise ImageFileError(f"{path}: must hold tiles or strips that are not larger than their pixels")

    def read(self, box: Box) -> NDArray[Any]:
        """Read a box."""
        out = np.zeros([b - a for a, b in box], self.dtype.newbyteorder("="))
        if not out.size:
            return out
        of_plane = [(0, 1)] * 5
        for axis, span in zip(self._axes_of_plane(), box[self._lead :], strict=True):
            of_plane[axis] = span
        planes = out.reshape(-1, *(b - a for a, b in of_plane))
        wanted = list(self._wanted(of_plane))
        handles: dict[int, Any] = {}
        try:
            for plane, index in zip(
                planes, itertools.product(*(range(a, b) for a, b in box[: self._lead])), strict=True
            ):
                number = int(np.ravel_multi_index(index, self.shape[: self._lead])) if index else 0
                page = self._pages[number]
                if page is not None:
                    if page.file not in handles:
                        handles[page.file] = self.files[page.file].open("rb")
                    self._read_plane(plane, page, handles[page.file], of_plane, wanted)
        finally:
            for handle in handles.values():
                handle.close()
        return out

    def _wanted(self, of_plane: list[tuple[int, int]]) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield number and first pixel of each segment that a box of a plane overlaps."""
        spans = [range(a // p, math.ceil(b / p)) for (a, b), p in zip(of_plane, self._part, strict=True)]
        for place in itertools.product(*spans):
            number = int(np.ravel_multi_index(place, self._grid))
            yield number, tuple(k * p for k, p in zip(place, self._part, strict=True))

    def _read_plane(
        self, out: NDArray[Any], page: Segments, file: Any, of_plane: list[tuple[int, int]],
        wanted: list[tuple[int, tuple[int, ...]]],
    ) -> None:  # fmt: skip
        """Copy the pixels of a box of a plane out of its segments."""
        path = self.files[page.file]
        for number, first in wanted:
            if not page.counts[number]:
                continue  # a segment without bytes is 0
            file.seek(int(page.offsets[number]))
            data = file.read(int(page.counts[number]))
            with naming(path, "a TIFF file whose pixels can be read"):
                part = self._decoded(data, number, first, page.tables)
            low = [max(a, f) for (a, _), f in zip(of_plane, first, strict=True)]
            high = [min(b, f + n) for (_, b), f, n in zip(of_plane, first, part.shape, strict=True)]
            there = tuple(slice(a - o, b - o) for a, b, (o, _) in zip(low, high, of_plane, strict=True))
            out[there] = part[tuple(slice(a - f, b - f) for a, b, f in zip(low, high, first, strict=True))]

    def _decoded(self, data: bytes, number: int, first: tuple[int, ...], tables: bytes | None) -> NDArray[Any]:
        """Return the pixels of a segment, on the five normalized axes."""
        page = self._page
        rows = self._part[2] if page.is_tiled else min(self._part[2], self._whole[2] - first[2])
        shape = (self._part[1], rows, *self._part[3:])
        unpackers = {**dict.fromkeys(DEFLATE, _inflated), **dict.fromkeys(LZMA, _without_lzma), LZW: _without_lzw}
        unpack = unpackers.get(int(page.compression))
        is_simple = page.bitspersample in (8, 16, 32, 64) and page.predictor in (1, 2) and page.fillorder == 1
        if is_simple and (unpack is not None or page.compression == 1):
            dtype = np.dtype(self.dtype).newbyteorder(self._byteorder)
            size = math.prod(shape) * dtype.itemsize
            data = data[:size] if unpack is None else unpack(data, size)
            if len(data) < size:
                raise ValueError(f"a tile or strip holds {len(data)} bytes instead of {size}")
            part = np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="))
            return (_summed(part) if page.predictor == 2 else part)[None]
        keywords = {} if tables is None else {"jpegtables": tables, "jpegheader": page.jpegheader}
        decoded, _, _ = page.decode(data, number, **keywords, _fullsize=bool(page.is_tiled))
        part = np.asarray(decoded)[None]
        if part.shape[1:] != shape or part.dtype.newbyteorder("=") != self.dtype.newbyteorder("="):
            raise ValueError(f"a tile or strip holds {part.dtype} of shape {part.shape[1:]} instead of {shape}")
        return part


def _summed(part: NDArray[Any]) -> NDArray[Any]:
    """Undo the horizontal differences of neighbors (predictor 2), which are those of the bits of the numbers."""
    bits = part.view(f"u{part.dtype.itemsize}")
    return np.cumsum(bits, axis=2, dtype=bits.dtype).view(part.dtype)


def _inflated(data: bytes, size: int) -> bytes:
    """Return at most so many bytes of data compressed by DEFLATE."""
    return zlib.decompressobj().decompress(data, size)


def _without_lzma(data: bytes, size: int) -> bytes:
    return lzma.LZMADecompressor().decompress(data, size)


def _without_lzw(data: bytes, size: int) -> bytes:
    """Return at most so many bytes of data compressed by LZW."""
    from ...kernels.lzw import lzw_decode

    out = np.zeros(size, np.uint8)
    count = int(lzw_decode(np.frombuffer(data, np.uint8), out))
    if count < 0:
        raise ValueError("a tile or strip is no data of LZW")
    return out[:count].tobytes()
