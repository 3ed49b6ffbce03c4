"""Metadata of groups and arrays, read with care: bounded in size and depth, and only what is known how to read."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...engine.memory import memory_at_hand
from ..problems import ImageFileError
from .codecs import Codecs
from .stores import Request, Store, joined

LONGEST, DEEPEST = 2**25, 64  # bytes and nesting of JSON
MOST_AXES, MOST_PIXELS, MOST_CODECS = 8, 2**53, 16
LARGEST_CHUNK = 2**30  # bytes
MOST_CHUNKS = 2**20  # in a shard
TYPES = ("bool", *(f"{kind}int{bits}" for kind in ("", "u") for bits in (8, 16, 32, 64)))
FLOATS = ("float16", "float32", "float64")
INDEX_CODECS: list[tuple[str, dict[str, Any]]] = [("bytes", {"endian": "little"}), ("crc32c", {})]
SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
KNOWN_V3 = "bytes, transpose, sharding_indexed, blosc, gzip, zstd or crc32c"
KNOWN_V2 = "blosc, zstd, lz4, zlib, gzip, bz2 or lzma, and filters shuffle and delta"


@dataclass(frozen=True)
class Stored:
    """How an array is stored.

    Parameters
    ----------
    shape
        Shape of the array.
    dtype
        Type of its pixels, in native byte order.
    files
        Lengths of the box in one file: a shard, or a chunk.
    codecs
        How a chunk is stored.
    is_sharded
        Whether a file is a shard of chunks.
    is_index_first
        Whether the index of a shard is at its start, not at its end.
    prefix, separator
        How the numbers of a file become its key.
    fill
        Value of pixels whose chunk there is not.
    names
        Names of the axes; () if there are none.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    files: tuple[int, ...]
    codecs: Codecs
    is_sharded: bool
    is_index_first: bool
    prefix: str
    separator: str
    fill: Any
    names: tuple[str, ...]

    def key(self, place: Sequence[int]) -> str:
        """Return the key of a file by its number along each axis."""
        return self.separator.join([*([self.prefix] if self.prefix else []), *map(str, place)]) or "0"

    @property
    def grid(self) -> tuple[int, ...]:
        """Number of chunks in a file along each axis."""
        return tuple(f // c for f, c in zip(self.files, self.codecs.shape, strict=True))


def read_json(store: Store, key: str) -> dict[str, Any] | None:
    """Return an object of JSON; None if there is no such file.

    Raises
    ------
    ImageFileError
        If it is none, or is too long or too deep.
    """
    name = store.name(key)
    found = store.stat(key)
    if found is None:
        return None
    if found[0] > LONGEST:
        raise ImageFileError(f"{name}: must have at most {LONGEST} bytes, not {found[0]}")
    (data,) = store.read([Request(key, None, LONGEST)])
    if data is None:
        return None
    try:
        content = json.loads(data)
        if _depth(content) > DEEPEST:
            raise RecursionError
    except RecursionError:
        raise ImageFileError(f"{name}: must be nested at most {DEEPEST} times") from None
    except ValueError as error:
        raise ImageFileError(f"{name}: must be JSON that can be read ({' '.join(str(error).split())[:200]})") from None
    if not isinstance(content, dict):
        raise ImageFileError(f"{name}: must be an object of JSON")
    return content


def _depth(content: Any) -> int:
    """Return how deep lists and mappings are nested, level by level."""
    depth, level = 0, [content]
    while level and depth <= DEEPEST:
        depth += 1
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
    return depth


class Node:
    """A group or an array: its attributes, and for an array how it is stored.

    Parameters
    ----------
    store
        Where it is.
    key
        Its key; "" for the top.
    """

    def __init__(self, store: Store, key: str) -> None:
        self.store, self.key, self.name = store, key, store.name(key)
        self.content, self.version = read_json(store, joined(key, "zarr.json")), 3
        if self.content is None:
            self.version = 2
            self.content = read_json(store, joined(key, ".zarray"))
            self.is_array = self.content is not None
            attributes = read_json(store, joined(key, ".zattrs"))
            self.exists = self.is_array or attributes is not None or store.stat(joined(key, ".zgroup")) is not None
        else:
            self.is_array, self.exists = self.content.get("node_type") == "array", True
            attributes = self.content.get("attributes")
        self.attributes: dict[str, Any] = attributes if isinstance(attributes, dict) else {}

    @property
    def ome(self) -> dict[str, Any]:
        """What OME-Zarr says here: under "ome" in version 0.5, and at the top before it."""
        own = self.attributes.get("ome")
        return own if isinstance(own, dict) else self.attributes if self.version == 2 else {}

    def stored(self) -> Stored:
        """Return how the array is stored.

        Raises
        ------
        ImageFileError
            If there is none, or in a way that is not read.
        """
        if not self.is_array or self.content is None:
            raise ImageFileError(f"{self.name}: must be an array of Zarr; there is none")
        try:
            return _stored_v3(self.content) if self.version == 3 else _stored_v2(self.content)
        except ImageFileError:
            raise
        except ValueError as error:
            raise ImageFileError(f"{self.name}: must {error}") from None
        except (ArithmeticError, LookupError, TypeError) as error:
            raise ImageFileError(f"{self.name}: must be metadata of an array that can be read ({error})") from None


def _need(is_so: Any, what: str) -> None:
    if not is_so:
        raise ValueError(what)


def _configured(codec: Any) -> tuple[str, dict[str, Any]]:
    """Return name and configuration of a codec or of another extension of version 3."""
    if isinstance(codec, str):
        return codec, {}
    _need(isinstance(codec, dict) and isinstance(codec.get("name"), str), "hold codecs with names")
    configuration = codec.get("configuration", {})
    _need(isinstance(configuration, dict), "hold codecs whose configurations are objects")
    return codec["name"], configuration


def _lengths(values: Any, what: str, ndim: int | None = None, least: int = 1) -> tuple[int, ...]:
    good = isinstance(values, list) and all(type(n) is int and least <= n <= MOST_PIXELS for n in values)
    _need(good and len(values) <= MOST_AXES, f"have a {what} of at most {MOST_AXES} whole numbers from {least}")
    _need(ndim is None or len(values) == ndim, f"have a {what} of {ndim} numbers")
    return tuple(values)


def _shape(values: Any) -> tuple[int, ...]:
    shape = _lengths(values, "shape")
    _need(math.prod(shape) <= MOST_PIXELS, f"have at most {MOST_PIXELS} pixels, not {math.prod(shape)}")
    return shape


def _check_size(codecs: Codecs, files: tuple[int, ...]) -> None:
    """Refuse chunks that would take too much memory, and shards of too many."""
    room = min(LARGEST_CHUNK, memory_at_hand() // 2)
    _need(codecs.nbytes <= room, f"have chunks of at most {room} bytes, not {codecs.nbytes}")
    multiples = all(f % c == 0 for f, c in zip(files, codecs.shape, strict=True))
    _need(multiples, f"have shards that consist of whole chunks, not {files} of {codecs.shape}")
    count = math.prod(f // c for f, c in zip(files, codecs.shape, strict=True))
    _need(count <= MOST_CHUNKS, f"have shards of at most {MOST_CHUNKS} chunks, not {count}")


def _stored_v3(content: dict[str, Any]) -> Stored:
    shape, kind = _shape(content.get("shape")), content.get("data_type")
    _need(kind in (*TYPES, *FLOATS), f"hold real numbers of at most 64 bits, not {str(kind)[:80]}")
    _need(not content.get("storage_transformers"), "have no storage transformers")
    dtype = np.dtype(str(kind))
    name, grid = _configured(content.get("chunk_grid"))
    _need(name == "regular", "have a regular grid of chunks")
    files = _lengths(grid.get("chunk_shape"), "chunk_shape", len(shape))
    coding, keys = _configured(content.get("chunk_key_encoding"))
    _need(coding in ("default", "v2"), "have a chunk_key_encoding of 'default' or 'v2'")
    separator = keys.get("separator", "/" if coding == "default" else ".")
    _need(separator in ("/", "."), "have '/' or '.' between the numbers of chunks")
    chain = _chain(content.get("codecs"))
    is_sharded, at_start = False, False
    first, sharding = _configured(chain[0])
    if first == "sharding_indexed":
        _need(len(chain) == 1, "have no codec beside sharding_indexed")
        is_sharded, where = True, sharding.get("index_location", "end")
        _need(where in ("start", "end"), "have the index of shards at their start or end")
        at_start = where == "start"
        index = [_configured(codec) for codec in _chain(sharding.get("index_codecs"))]
        _need(index == INDEX_CODECS, "have an index of shards that is stored as little-endian bytes with crc32c")
        chain = _chain(sharding.get("codecs"))
    chunk = _lengths(sharding.get("chunk_shape"), "chunk_shape", len(shape)) if is_sharded else files
    codecs = _codecs_v3(chain, chunk, dtype)
    _check_size(codecs, files)
    names = content.get("dimension_names")
    named = isinstance(names, list) and len(names) == len(shape) and all(isinstance(n, str) and n for n in names)
    return Stored(
        shape, dtype, files, codecs, is_sharded, at_start, "c" if coding == "default" else "", separator,
        _fill(content.get("fill_value"), dtype), tuple(names) if named and names else (),
    )  # fmt: skip


def _chain(codecs: Any) -> list[Any]:
    """Return a list of codecs that is one."""
    _need(isinstance(codecs, list) and 0 < len(codecs) <= MOST_CODECS, "have a list of codecs")
    return list(codecs)


def _codecs_v3(chain: Sequence[Any], chunk: tuple[int, ...], dtype: np.dtype[Any]) -> Codecs:
    """Return how a chunk is stored, from the list of its codecs."""
    order, stored, compression, checksums = tuple(range(len(chunk))), None, "", [0, 0]
    for codec in chain:
        name, setting = _configured(codec)
        if name == "transpose" and stored is None:
            axes = setting.get("order")
            good = isinstance(axes, list) and all(type(k) is int for k in axes) and sorted(axes) == [*range(len(chunk))]
            _need(good, "transpose the axes in an order of all of them")
            order = tuple(order[k] for k in axes or ())
        elif name == "bytes" and stored is None:
            endian = setting.get("endian") or "little"
            _need(endian in ("little", "big"), "hold bytes in little or big order")
            stored = dtype.newbyteorder("<" if endian == "little" else ">")
        elif name in ("blosc", "gzip", "zstd") and stored is not None and not compression:
            compression = name
        elif name == "crc32c" and stored is not None:
            checksums[1 if compression else 0] += 1
        else:
            raise ValueError(f"have codecs of {KNOWN_V3}, each at its place and one compression, not {name[:40]!r}")
    _need(stored is not None, "have the codec bytes")
    is_moved = order != tuple(range(len(order)))
    return Codecs(chunk, stored or dtype, order if is_moved else (), compression, (checksums[0], checksums[1]))


def _stored_v2(content: dict[str, Any]) -> Stored:
    _need(content.get("zarr_format") == 2, "have zarr_format 2 or 3")
    shape, text = _shape(content.get("shape")), content.get("dtype")
    known = isinstance(text, str) and re.fullmatch(r"\|b1|[|<>][iu]1|[<>][iu][248]|[<>]f[248]", text)
    _need(known, f"hold real numbers of at most 64 bits, not {str(text)[:80]}")
    dtype = np.dtype(str(text))
    chunk = _lengths(content.get("chunks"), "chunks", len(shape))
    order, separator = content.get("order", "C"), content.get("dimension_separator", ".")
    _need(order in ("C", "F"), "have its pixels in the order C or F")
    _need(separator in ("/", "."), "have '/' or '.' between the numbers of chunks")
    given = content.get("compressor")
    compressor = {"id": ""} if given is None else given if isinstance(given, dict) else {}
    name = compressor.get("id")
    good = name in ("", "blosc", "zstd", "lz4", "zlib", "gzip", "bz2", "lzma")
    raw_lzma = name == "lzma" and (compressor.get("format", 1) not in (0, 1, 2) or compressor.get("filters"))
    _need(good and not raw_lzma, f"be compressed by {KNOWN_V2}, not {str(name)[:40]!r}")
    filters = content.get("filters") or []
    _need(isinstance(filters, list) and len(filters) <= 8, "have a list of filters")
    parsed = tuple(_filter_v2(one, dtype) for one in filters)
    moved = tuple(reversed(range(len(shape)))) if order == "F" and len(shape) > 1 else ()
    codecs = Codecs(chunk, dtype, moved, str(name), (0, 0), parsed)
    _check_size(codecs, chunk)
    native = dtype.newbyteorder("=")
    fill = _fill(content.get("fill_value"), native)
    return Stored(shape, native, chunk, codecs, False, False, "", separator, fill, ())


def _filter_v2(given: Any, dtype: np.dtype[Any]) -> tuple[str, Any]:
    """Return name and setting of a filter."""
    name = given.get("id") if isinstance(given, dict) else None
    if name == "shuffle":
        size = given.get("elementsize", 4)
        _need(type(size) is int and 1 <= size <= 64, "be shuffled by elements of 1 to 64 bytes")
        return name, size
    if name == "delta":
        same = [np.dtype(given[k]) for k in ("dtype", "astype") if isinstance(given.get(k), str) and len(given[k]) < 5]
        _need(dtype.kind in "iu" and all(one == dtype for one in same), "hold differences of integers of its own type")
        return name, dtype
    raise ValueError(f"be compressed by {KNOWN_V2}, not {str(name)[:40]!r}")


def _fill(value: Any, dtype: np.dtype[Any]) -> Any:
    """Return the value of pixels whose chunk there is not."""
    if value is None:
        value = 0
    if dtype.kind == "f" and isinstance(value, str):
        if value in SPECIAL:
            return dtype.type(SPECIAL[value])
        _need(re.fullmatch(rf"0x[0-9a-fA-F]{{{2 * dtype.itemsize}}}", value), "have a number as its fill_value")
        return np.array(int(value, 16), f"u{dtype.itemsize}").view(dtype)[()]
    is_whole = isinstance(value, int | float) and (dtype.kind == "f" or float(value).is_integer())
    _need(is_whole, "have a number of its type as its fill_value")
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return dtype.type(value)
    low, high = (0, 1) if dtype.kind == "b" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    _need(low <= int(value) <= high, "have a number of its type as its fill_value")
    return dtype.type(int(value))
