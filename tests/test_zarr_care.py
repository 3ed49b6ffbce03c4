"""OME-Zarr from others is read with care: what would run code, take much memory or leave the folder is refused."""

import copy
import json
import os
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google_crc32c import value as crc32c
from numcodecs import LZ4, Blosc, Zstd

from napari_mathimg.io import Image, open_image, write_image
from napari_mathimg.io.problems import ImageFileError
from napari_mathimg.io.zarr.codecs import Codecs
from napari_mathimg.io.zarr.pixels import ZarrPixels
from napari_mathimg.io.zarr.stores import Folder
from zarr_files import PLANE, VOLUME, multiscale, simple, write_json, write_ome, zarr

SHARDED = {"shards": (48, 64), "chunks": (16, 32)}
BYTES, ZSTD = {"name": "bytes", "configuration": {"endian": "little"}}, {"name": "zstd", "configuration": {}}


def changed(path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """Change a file of JSON in place."""
    content = json.loads(path.read_text())
    change(content)
    write_json(path, content)
    return path


def sharding(**more: Any) -> dict[str, Any]:
    index = [BYTES, {"name": "crc32c"}]
    given = {"chunk_shape": [16, 16], "codecs": [BYTES], "index_codecs": index} | more
    return {"name": "sharding_indexed", "configuration": given}


def grid(chunk: list[Any]) -> dict[str, Any]:
    return {"name": "regular", "configuration": {"chunk_shape": chunk}}


@pytest.mark.parametrize(
    ("changes", "must"),
    [
        ({"data_type": "string"}, "hold real numbers"),
        ({"data_type": "complex64"}, "hold real numbers"),
        ({"data_type": {"name": "struct", "configuration": {}}}, "hold real numbers"),
        ({"data_type": "r24"}, "hold real numbers"),
        ({"codecs": [{"name": "vlen-bytes"}]}, "have codecs of bytes"),
        ({"codecs": [{"name": "numcodecs.pickle", "configuration": {}}]}, "have codecs of bytes"),
        ({"codecs": [BYTES, {"name": "numcodecs.json2"}]}, "have codecs of bytes"),
        ({"codecs": [BYTES, ZSTD, ZSTD]}, "one compression"),
        ({"codecs": [ZSTD]}, "each at its place"),
        ({"codecs": []}, "have a list of codecs"),
        ({"codecs": "bytes"}, "have a list of codecs"),
        ({"codecs": [{"nome": "bytes"}]}, "codecs with names"),
        ({"codecs": [sharding(), ZSTD]}, "no codec beside sharding_indexed"),
        ({"codecs": [sharding(codecs=[sharding()])]}, "have codecs of bytes"),
        ({"codecs": [sharding(index_codecs=[BYTES, ZSTD])]}, "have an index of shards"),
        ({"codecs": [sharding(chunk_shape=[5, 16])]}, "consist of whole chunks"),
        ({"codecs": [sharding(chunk_shape=[0, 16])]}, "chunk_shape"),
        ({"storage_transformers": [{"name": "x"}]}, "have no storage transformers"),
        ({"chunk_grid": {"name": "rectangular", "configuration": {}}}, "regular grid"),
        ({"chunk_grid": grid([2**20, 2**20])}, "have chunks of at most"),
        ({"chunk_grid": grid([32, 1.5])}, "chunk_shape"),
        ({"chunk_grid": grid([32, 32, 32])}, "of 2 numbers"),
        ({"shape": [2**30, 2**30]}, "have at most"),
        ({"shape": [-1, 70]}, "shape"),
        ({"shape": [True, 70]}, "shape"),
        ({"shape": [1] * 9}, "shape"),
        ({"fill_value": "0x00"}, "fill_value"),
        ({"fill_value": 1e400}, "fill_value"),
        ({"fill_value": 70000}, "fill_value"),
        ({"fill_value": {"a": 1}}, "fill_value"),
        ({"chunk_key_encoding": {"name": "default", "configuration": {"separator": "/../"}}}, "between the numbers"),
    ],
)  # fmt: skip
def test_arrays_that_are_stored_in_other_ways_are_refused(tmp_path: Path, changes: dict[str, Any], must: str) -> None:
    path = simple(tmp_path / "a.zarr")
    changed(path / "0/zarr.json", lambda content: content.update(copy.deepcopy(changes)))
    with pytest.raises(ImageFileError, match=rf"a\.zarr/0: must .*{must}"):
        open_image(path)


@pytest.mark.parametrize(
    ("changes", "must"),
    [
        ({"dtype": "|O"}, "hold real numbers"),
        ({"dtype": "<c8"}, "hold real numbers"),
        ({"dtype": "<M8[ns]"}, "hold real numbers"),
        ({"dtype": [["a", "<u2"]]}, "hold real numbers"),
        ({"filters": [{"id": "pickle", "protocol": 5}]}, "be compressed by"),
        ({"filters": [{"id": "json2"}]}, "be compressed by"),
        ({"filters": [{"id": "vlen-utf8"}]}, "be compressed by"),
        ({"filters": [{"id": "quantize", "digits": 2, "dtype": "<f4"}]}, "be compressed by"),
        ({"filters": [{"id": "delta", "dtype": "<f4"}]}, "hold differences of integers"),
        ({"filters": [{"id": "shuffle", "elementsize": 0}]}, "be shuffled by"),
        ({"compressor": {"id": "zfpy"}}, "be compressed by"),
        ({"compressor": {"id": "lzma", "format": 3, "filters": []}}, "be compressed by"),
        ({"compressor": ["blosc"]}, "be compressed by"),
        ({"order": "A"}, "order C or F"),
        ({"chunks": [2**25, 2**25]}, "have chunks of at most"),
        ({"dimension_separator": ".."}, "between the numbers"),
        ({"fill_value": "AAAA"}, "fill_value"),
    ],
)
def test_arrays_of_version_2_that_are_stored_in_other_ways_are_refused(
    tmp_path: Path, changes: dict[str, Any], must: str
) -> None:
    path = simple(tmp_path / "a.zarr", version="0.4")
    changed(path / "0/.zarray", lambda content: content.update(changes))
    with pytest.raises(ImageFileError, match=rf"a\.zarr/0: must .*{must}"):
        open_image(path)


@pytest.mark.parametrize(
    "path",
    ["..", "../b.zarr/0", "/etc", "0/../../b.zarr/0", "C:\\x", "C:0", "a\\..\\b", "", ".", "0//1", "a\0", None, 7],
)
def test_paths_in_metadata_stay_below_their_place(tmp_path: Path, path: Any) -> None:
    simple(tmp_path / "b.zarr")
    image = simple(tmp_path / "a.zarr")
    datasets = [{"path": path, "coordinateTransformations": []}]
    changed(
        image / "zarr.json", lambda content: content["attributes"]["ome"]["multiscales"][0].update(datasets=datasets)
    )
    with pytest.raises(ImageFileError, match=r"a\.zarr: must name paths below itself"):
        open_image(image)
    plate = tmp_path / "p.zarr"
    plate.mkdir()
    content = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": {"plate": {"wells": [{"path": path}]}}}}
    write_json(plate / "zarr.json", content)
    with pytest.raises(ImageFileError, match=r"p\.zarr: must name paths below itself"):
        open_image(plate)


@pytest.mark.parametrize("what", ["zarr.json", "0", "0/zarr.json", "0/c/1", "0/c/1/1"])
def test_links_that_leave_the_folder_are_refused(tmp_path: Path, what: str) -> None:
    image = simple(tmp_path / "a.zarr")
    moved = (image / what).rename(tmp_path / "elsewhere")
    (image / what).symlink_to(moved)
    with pytest.raises(ImageFileError, match=r"must be no link that leaves .*a\.zarr"):
        np.asarray(open_image(image).array)
    (image / what).unlink()
    moved.rename(image / "kept")
    (image / what).symlink_to(image / "kept")  # a link that stays inside
    np.testing.assert_array_equal(open_image(image).array, PLANE)
    (tmp_path / "link.zarr").symlink_to(image)  # and one to the whole image
    np.testing.assert_array_equal(open_image(tmp_path / "link.zarr").array, PLANE)


def test_a_pipe_is_no_chunk(tmp_path: Path) -> None:
    image = simple(tmp_path / "a.zarr")
    (image / "0/c/0/0").unlink()
    os.mkfifo(image / "0/c/0/0")
    with pytest.raises(ImageFileError, match="c/0/0: must be a file"):
        np.asarray(open_image(image).array)


@pytest.mark.parametrize(
    ("text", "must"),
    [
        ("[" * 100_000, "nested at most"),
        ("{" + '"a":{' * 200 + "}" * 201, "nested at most"),
        ("[]", "be an object of JSON"),
        ("{", "be JSON"),
        ("\xff{}", "be JSON"),
        ('{"a": ' + "9" * 10_000 + "}", "be JSON"),
        (" " * (2**25 + 1), "have at most 33554432 bytes"),
    ],
)
def test_metadata_are_bounded(tmp_path: Path, text: str, must: str) -> None:
    for name in ("zarr.json", "0/zarr.json"):
        image = simple(tmp_path / name[0] / "a.zarr")
        (image / name).write_text(text, encoding="latin-1")
        with pytest.raises(ImageFileError, match=rf"{name}: must .*{must}"):
            open_image(image)


def test_metadata_that_make_no_image_are_refused(tmp_path: Path) -> None:
    for number, parts in enumerate(
        (
            {"multiscales": []},
            {"multiscales": 3},
            {"multiscales": [{"axes": [{"name": "y"}, {"name": "x"}], "datasets": []}]},
            {"multiscales": [{"axes": [{"name": "y"}, {"name": "y"}], "datasets": [{"path": "0"}]}]},
            {"multiscales": [{"axes": [{"name": "x"}], "datasets": [{"path": "0"}]}]},
            {"multiscales": [{"axes": [{"name": "y"}, {"name": "x"}], "datasets": [{"path": "1"}]}]},
            {"labels": []},
            {"plate": {"wells": {}}},
            {},
        )
    ):
        image = simple(tmp_path / f"{number}.zarr")
        changed(image / "zarr.json", lambda content, parts=parts: content["attributes"].update(ome=parts))
        with pytest.raises(ImageFileError, match=rf"{number}\.zarr(/1)?: must "):
            open_image(image)


def damaged(data: bytes, how: str) -> bytes:
    middle = len(data) // 2
    return {
        "cut": data[:middle],
        "empty": b"",
        "longer": data + b"x" * 2**20,
        "noise": data[:8] + bytes(255 - byte for byte in data[8:]),
        "header": b"\xff" * 24 + data[24:],
    }[how]


@pytest.mark.parametrize("how", ["cut", "empty", "longer", "noise", "header"])
@pytest.mark.parametrize(
    ("version", "options"),
    [
        ("0.5", {}),
        ("0.5", SHARDED),
        ("0.5", {"compressors": zarr.codecs.GzipCodec()}),
        ("0.5", {"compressors": zarr.codecs.BloscCodec()}),
        ("0.4", {"compressors": LZ4()}),
        ("0.4", {"compressors": Blosc()}),
        ("0.4", {"compressors": Zstd()}),
    ],
)  # fmt: skip
def test_a_damaged_chunk_is_one_error_that_names_the_file(
    tmp_path: Path, version: str, options: dict[str, Any], how: str
) -> None:
    image = simple(tmp_path / "a.zarr", version=version, **options)
    chunk = image / "0" / ("c/1/1" if version == "0.5" else "1/1")
    chunk.write_bytes(damaged(chunk.read_bytes(), how))
    array = open_image(image).array
    with pytest.raises(ImageFileError, match=rf"{chunk}: must be"):
        np.asarray(array)
    corner = tuple(slice(0, n) for n in (16, 32))
    np.testing.assert_array_equal(array[corner], PLANE[corner])


@pytest.mark.parametrize("place", ["offset", "length", "checksum"])
def test_an_index_of_a_shard_that_lies_is_refused(tmp_path: Path, place: str) -> None:
    image = simple(tmp_path / "a.zarr", **SHARDED)
    shard = image / "0/c/0/0"
    data = bytearray(shard.read_bytes())
    index = np.frombuffer(data[-100:-4], "<u8").reshape(6, 2).copy()
    if place == "checksum":
        index[:2] = index[1::-1]  # two chunks that are whole, each in the place of the other
    else:
        index[2] = {"offset": (2**62, 10), "length": (0, 2**62)}[place]
    data[-100:-4] = index.tobytes()
    if place != "checksum":
        data[-4:] = int(crc32c(index.tobytes())).to_bytes(4, "little")
    shard.write_bytes(data)
    with pytest.raises(ImageFileError, match=rf"{shard}: must be"):
        np.asarray(open_image(image).array)


def test_a_shard_that_is_gone_when_it_is_read_is_no_fill_value(tmp_path: Path) -> None:
    class Vanishing(Folder):
        def read(self, requests: Any) -> Any:
            found = super().read(requests)
            Path(self.name("0/c/0/0")).unlink(missing_ok=True)
            return found

    image = simple(tmp_path / "a.zarr", **SHARDED)
    array = ZarrPixels(Folder(image), "0")
    array._store = Vanishing(image)
    with pytest.raises(ImageFileError, match="c/0/0: must be whole"):
        np.asarray(array)


def bomb(name: str, size: int) -> bytes:
    zeros = np.zeros(size, np.uint8)
    if name in ("gzip", "zlib"):
        packer = zlib.compressobj(9, wbits=31 if name == "gzip" else 15)
        return packer.compress(zeros) + packer.flush()
    if name == "zstd-unknown":  # a frame without its size, of blocks that repeat one byte 2**17 times
        blocks = [
            ((2**17 << 3) | 2 | (k == size // 2**17 - 1)).to_bytes(3, "little") + b"\0" for k in range(size // 2**17)
        ]
        return b"\x28\xb5\x2f\xfd\x00\x58" + b"".join(blocks)
    packed: bytes = {"zstd": Zstd(), "blosc": Blosc(), "lz4": LZ4()}[name].encode(zeros)
    return packed


@pytest.mark.parametrize("name", ["gzip", "zlib", "zstd", "zstd-unknown", "blosc", "lz4"])
def test_a_chunk_never_takes_more_memory_than_its_pixels(name: str) -> None:
    data = bomb(name, 2**26)
    codecs = Codecs((64, 64), np.dtype("u1"), compression=name.partition("-")[0])
    tracemalloc.start()
    try:
        with pytest.raises((ValueError, RuntimeError)):
            codecs.decoded(data)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_pixels_are_read_only_where_they_are_indexed(tmp_path: Path) -> None:
    described = multiscale("zyx", [([1.0] * 3,)])
    image = write_ome(tmp_path / "a.zarr", [VOLUME], described, chunks=(1, 70, 83))
    for k in range(9):
        if k != 4:
            (image / f"0/c/{k}/0/0").write_bytes(b"damaged")
    np.testing.assert_array_equal(open_image(image).array[4], VOLUME[4])


@pytest.mark.parametrize("missing", ["google_crc32c", "numcodecs"])
@pytest.mark.parametrize("does", ["read", "write"])
def test_a_missing_library_is_named_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str, does: str
) -> None:
    image = Image(np.zeros((3, 4), np.uint8), ("y", "x"))
    write_image(tmp_path / "x.ome.zarr", image)
    for name in [name for name in sys.modules if name.partition(".")[0] == missing]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImageFileError, match=rf"must have {missing}.*: pip install 'napari-mathimg\[files\]'"):
        _ = open_image(tmp_path / "x.ome.zarr").array[:] if does == "read" else write_image(tmp_path / "y.zarr", image)
