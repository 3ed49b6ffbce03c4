"""Chunks from bytes: a short list of codecs that lose nothing and give at most as many bytes as a chunk has.

Those of version 3 of Zarr: bytes, transpose, blosc, gzip, zstd and crc32c; of version 2: blosc, zstd, lz4, zlib, gzip,
bz2, lzma, and the filters shuffle and delta of integers. Objects and texts are not among them.
"""

import bz2
import lzma
import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .extras import crc32c, numcodecs

Array = NDArray[Any]
BLOSC_HEADER = 16  # bytes
LZMA_MEMORY = 2**28  # bytes that its dictionary may take


@dataclass(frozen=True)
class Codecs:
    """How a chunk is stored.

    Parameters
    ----------
    shape
        Shape of a chunk.
    dtype
        Type of the pixels as they are stored.
    order
        Axes of the chunk in the order in which they are stored.
    compression
        Name of what compresses the bytes; "" for none.
    checksums
        How many checksums (crc32c) come after the bytes before they are compressed, and after that.
    filters
        Names of filters and their settings, in the order in which they were applied.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    order: tuple[int, ...] = ()
    compression: str = ""
    checksums: tuple[int, int] = (0, 0)
    filters: tuple[tuple[str, Any], ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes of a chunk that is not compressed."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def longest(self) -> int:
        """Bytes that a stored chunk has at most: compression may add a few."""
        return self.nbytes + self.nbytes // 8 + 2**16

    def decoded(self, data: bytes) -> Array:
        """Return a chunk, in native byte order.

        Raises
        ------
        ValueError
            If the bytes are damaged, or are more or fewer than those of a chunk.
        """
        size = self.nbytes
        for _ in range(self.checksums[1]):
            data = _without_checksum(data)
        inner = size + 4 * self.checksums[0]
        raw: Any = UNPACKERS[self.compression](data, inner)
        for _ in range(self.checksums[0]):
            raw = _without_checksum(bytes(raw))
        if len(raw) != size:
            raise ValueError(f"it holds {len(raw)} bytes instead of {size}")
        for name, setting in reversed(self.filters):
            raw = _FILTERS[name](raw, setting)
        flat: Array = np.frombuffer(raw, np.uint8)
        if self.dtype.kind == "b":
            flat = flat != 0
        pixels = flat.view(self.dtype).reshape([self.shape[k] for k in self.order] if self.order else self.shape)
        if self.order:
            pixels = pixels.transpose(np.argsort(self.order))
        return pixels.astype(self.dtype.newbyteorder("="), copy=False)


def _without_checksum(data: bytes) -> bytes:
    if len(data) < 4 or crc32c(data[:-4]) != int.from_bytes(data[-4:], "little"):
        raise ValueError("its checksum is not that of its bytes")
    return data[:-4]


def checked(data: bytes) -> bytes:
    """Return the bytes before a checksum (crc32c), which must be theirs."""
    return _without_checksum(data)


def _into(size: int) -> Array:
    return np.empty(size, np.uint8)


def _unpacked_zstd(data: bytes, size: int) -> Any:
    return numcodecs("zstd").decompress(data, _into(size))


def _unpacked_blosc(data: bytes, size: int) -> Any:
    told, packed = (int.from_bytes(data[k : k + 4], "little") for k in (4, 12))
    if len(data) < BLOSC_HEADER or told != size or packed > len(data):
        raise ValueError(f"it holds {told} bytes instead of {size}, or is cut off")
    return numcodecs("blosc").decompress(data, _into(size))


def _unpacked_lz4(data: bytes, size: int) -> Any:
    if (told := int.from_bytes(data[:4], "little")) != size:
        raise ValueError(f"it holds {told} bytes instead of {size}")
    return numcodecs("lz4").decompress(data, _into(size))


def _inflated(data: bytes, size: int, bits: int) -> bytes:
    """Return the bytes of one stream after the other, one more than there may be at most."""
    parts, room = [], size + 1
    while data and room > 0:
        stream = zlib.decompressobj(bits)
        parts.append(stream.decompress(data, room))
        room -= len(parts[-1])
        if not stream.eof:
            break
        data = stream.unused_data
    return b"".join(parts)


def _unpacked_bz2(data: bytes, size: int) -> bytes:
    return bz2.BZ2Decompressor().decompress(data, size + 1)


def _unpacked_lzma(data: bytes, size: int) -> bytes:
    return lzma.LZMADecompressor(memlimit=LZMA_MEMORY).decompress(data, size + 1)


UNPACKERS: Mapping[str, Callable[[bytes, int], Any]] = {
    "": lambda data, size: data,
    "zstd": _unpacked_zstd,
    "blosc": _unpacked_blosc,
    "lz4": _unpacked_lz4,
    "gzip": lambda data, size: _inflated(data, size, 16 + zlib.MAX_WBITS),
    "zlib": lambda data, size: _inflated(data, size, zlib.MAX_WBITS),
    "bz2": _unpacked_bz2,
    "lzma": _unpacked_lzma,
}


def _unshuffled(raw: Any, itemsize: int) -> Array:
    """Undo the order of bytes by their place in numbers; bytes of no whole number stay at the end."""
    flat = np.frombuffer(raw, np.uint8)
    whole = len(flat) // itemsize * itemsize
    numbers = flat[:whole].reshape(itemsize, -1).T.reshape(-1)
    return np.concatenate([numbers, flat[whole:]])


def _summed(raw: Any, dtype: np.dtype[Any]) -> Array:
    """Undo the differences of neighboring integers."""
    return np.cumsum(np.frombuffer(raw, np.uint8).view(dtype), dtype=dtype.newbyteorder("=")).astype(dtype)


_FILTERS: Mapping[str, Callable[[Any, Any], Any]] = {"shuffle": _unshuffled, "delta": _summed}
