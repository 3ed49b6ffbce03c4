"""Chunks and shards as bytes, and what the metadata of an array says of them, as OME-Zarr is written here."""

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...contract.progress import checkpoint
from .extras import crc32c, numcodecs
from .layout import Layout

Array = NDArray[Any]
NOWHERE = 2**64 - 1  # offset and length of a chunk that is not in its shard
ZSTD_LEVEL, LZ4_LEVEL, BLOSC_LEVEL = 1, 3, 5
LITTLE = {"name": "bytes", "configuration": {"endian": "little"}}


def array_metadata(layout: Layout, level: int) -> dict[str, Any]:
    """Return the metadata of the array of a level: content of zarr.json, or of .zarray in version 0.4."""
    shape, shard, chunk = layout.level_shapes[level], layout.shard_of(level), layout.chunk_of(level)
    fill: Any = {"b": False, "f": 0.0}.get(layout.dtype.kind, 0)
    if layout.version == "0.4":
        return {
            "zarr_format": 2, "shape": list(shape), "chunks": list(chunk), "dtype": layout.dtype.newbyteorder("<").str,
            "compressor": _blosc(layout), "fill_value": fill, "filters": None, "order": "C",
            "dimension_separator": "/",
        }  # fmt: skip
    inner: list[dict[str, Any]] = [LITTLE if layout.dtype.itemsize > 1 else {"name": "bytes"}]
    if layout.codec == "zstd":
        inner += [{"name": "zstd", "configuration": {"level": ZSTD_LEVEL, "checksum": False}}]
    elif layout.codec == "lz4":
        config = {"cname": "lz4", "clevel": LZ4_LEVEL, "shuffle": "shuffle", "blocksize": 0}
        inner += [{"name": "blosc", "configuration": config | {"typesize": layout.dtype.itemsize}}]
    sharding = {
        "chunk_shape": list(chunk), "codecs": inner, "index_codecs": [LITTLE, {"name": "crc32c"}],
        "index_location": "end",
    }  # fmt: skip
    return {
        "zarr_format": 3, "node_type": "array", "shape": list(shape), "data_type": layout.dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(shard)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}}, "fill_value": fill,
        "codecs": [{"name": "sharding_indexed", "configuration": sharding}], "attributes": {},
        "dimension_names": list(layout.axes), "storage_transformers": [],
    }  # fmt: skip


def _blosc(layout: Layout) -> dict[str, Any] | None:
    """Return the compressor of version 0.4: Blosc, which all its readers know."""
    if layout.codec == "none":
        return None
    level = LZ4_LEVEL if layout.codec == "lz4" else BLOSC_LEVEL
    return {"id": "blosc", "cname": layout.codec, "clevel": level, "shuffle": 1, "blocksize": 0}


def _compressed(layout: Layout, chunk: Array) -> bytes:
    """Return the bytes of a chunk."""
    if layout.codec == "none":
        return chunk.tobytes()
    if layout.version == "0.5" and layout.codec == "zstd":
        return bytes(numcodecs("zstd").compress(chunk.reshape(-1).view(np.uint8), ZSTD_LEVEL))
    level = LZ4_LEVEL if layout.codec == "lz4" else BLOSC_LEVEL
    codec = numcodecs("blosc").Blosc(cname=layout.codec, clevel=level, shuffle=1)
    return bytes(codec.encode(chunk))


def encoded_chunks(layout: Layout, level: int, pixels: Array) -> list[tuple[tuple[int, ...], bytes]]:
    """Return the place within its shard and the bytes of each chunk of the part of a level that a task writes."""
    lengths = layout.chunk_of(level)
    little = layout.dtype.newbyteorder("<")
    counts = [range(-(-n // c)) for n, c in zip(pixels.shape, lengths, strict=True)]
    encoded = []
    for place in itertools.product(*counts):
        checkpoint()
        part = pixels[tuple(slice(k * c, (k + 1) * c) for k, c in zip(place, lengths, strict=True))]
        if part.shape != lengths:
            chunk = np.zeros(lengths, little)
            chunk[tuple(slice(0, n) for n in part.shape)] = part
        else:
            chunk = np.ascontiguousarray(part, little)
        encoded.append((place, _compressed(layout, chunk)))
    return encoded


def encoded_shard(layout: Layout, level: int, pixels: Array) -> list[bytes]:
    """Return the bytes of a shard in parts: its chunks, then where they are, and the checksum of this.

    Chunks beyond the end of the array are not in it.
    """
    grid = tuple(s // c for s, c in zip(layout.shard_of(level), layout.chunk_of(level), strict=True))
    index = np.full((math.prod(grid), 2), NOWHERE, "<u8")
    chunks, offset = encoded_chunks(layout, level, pixels), 0
    for place, data in chunks:
        index[int(np.ravel_multi_index(place, grid))] = offset, len(data)
        offset += len(data)
    table = index.tobytes()
    return [*(data for _, data in chunks), table, crc32c(table).to_bytes(4, "little")]
