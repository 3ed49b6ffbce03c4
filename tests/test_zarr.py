"""OME-Zarr that others write is read right: pixels, axes, pixel sizes, units, positions, channels, plates."""

import pickle
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from numcodecs import BZ2, LZ4, LZMA, Blosc, Delta, GZip, Shuffle, Zlib, Zstd

from napari_mathimg import apply
from napari_mathimg.io import open_image
from napari_mathimg.io.problems import ImageFileError
from napari_mathimg.io.reading import at_level
from napari_mathimg.io.units import find_unit
from napari_mathimg.io.zarr.pixels import ZarrPixels
from zarr_files import PLANE, STACK, VOLUME, axes_of, multiscale, simple, transforms, write_group, write_ome, zarr

TYPES = (
    "bool",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "float16",
    "float32",
    "float64",
)
SHARDS = {"shards": (4, 48, 64), "chunks": (2, 16, 32)}
V3: dict[str, dict[str, Any]] = {
    "raw": {"compressors": None},
    "zstd": {"compressors": zarr.codecs.ZstdCodec(level=3, checksum=True)},
    "gzip": {"compressors": zarr.codecs.GzipCodec()},
    "blosc": {"compressors": zarr.codecs.BloscCodec(cname="zlib", shuffle="bitshuffle")},
    "checked": {"compressors": [zarr.codecs.ZstdCodec(), zarr.codecs.Crc32cCodec()]},
    "big-endian": {"serializer": zarr.codecs.BytesCodec(endian="big")},
    "transposed": {"filters": zarr.codecs.TransposeCodec(order=(2, 0, 1))},
    "shards": SHARDS,
    "shards-first": {**SHARDS, "shards": {"shape": SHARDS["shards"], "index_location": "start"}},
    "shards-transposed": {**SHARDS, "filters": zarr.codecs.TransposeCodec(order=(1, 2, 0))},
    "dots": {"chunk_key_encoding": {"name": "default", "separator": "."}},
    "v2-keys": {"chunk_key_encoding": {"name": "v2", "separator": "."}},
}
V2: dict[str, dict[str, Any]] = {
    "raw": {"compressors": None},
    "zstd": {"compressors": Zstd()},
    "blosc": {"compressors": Blosc(cname="lz4", shuffle=Blosc.BITSHUFFLE)},
    "lz4": {"compressors": LZ4()},
    "zlib": {"compressors": Zlib()},
    "gzip": {"compressors": GZip()},
    "bz2": {"compressors": BZ2()},
    "lzma": {"compressors": LZMA()},
    "shuffle": {"compressors": Zlib(), "filters": [Shuffle(2)]},
    "delta": {"compressors": Zlib(), "filters": [Delta("<u2")]},
    "fortran": {"order": "F"},
    "dots": {"chunk_key_encoding": {"name": "v2", "separator": "."}},
}


@pytest.mark.parametrize(
    ("version", "options"),
    [pytest.param(v, o, id=f"{v}-{n}") for v, all_of in (("0.5", V3), ("0.4", V2)) for n, o in all_of.items()],
)
def test_pixels_stored_in_every_way_are_read_box_by_box(tmp_path: Path, version: str, options: Any) -> None:
    image = open_image(simple(tmp_path / "a.zarr", VOLUME, version, **options))
    array = image.array
    assert isinstance(array, ZarrPixels)
    np.testing.assert_array_equal(np.asarray(array), VOLUME)
    random = np.random.default_rng(2)
    for _ in range(20):
        key = tuple(slice(*sorted(random.integers(0, n + 1, 2).tolist())) for n in array.shape)
        np.testing.assert_array_equal(array[key], VOLUME[key])
    np.testing.assert_array_equal(array[-1, ::-3, [5, 5, 80]], VOLUME[-1, ::-3, [5, 5, 80]])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(array))[2, 3:60], VOLUME[2, 3:60])


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("dtype", TYPES)
def test_numbers_of_every_type_are_read(tmp_path: Path, dtype: str, version: str) -> None:
    bits = np.random.default_rng(5).integers(0, 256, (33, 40 * np.dtype(dtype).itemsize)).astype(np.uint8)
    pixels = bits > 127 if dtype == "bool" else bits.view(dtype)
    array = open_image(simple(tmp_path / "a.zarr", pixels, version)).array
    assert array.dtype == pixels.dtype
    np.testing.assert_array_equal(array, pixels)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize(
    ("dtype", "fill"),
    [("float32", np.nan), ("float64", -np.inf), ("float64", 0.1), ("int16", -7), ("uint64", 2**64 - 1), ("bool", True)],
)
def test_chunks_that_are_missing_are_the_fill_value(tmp_path: Path, dtype: str, fill: Any, version: str) -> None:
    path = simple(tmp_path / "a.zarr", np.zeros((70, 70), dtype), version, fill_value=fill)
    (path / "0" / ("c/1/2" if version == "0.5" else "1/2")).unlink(missing_ok=True)
    expected = zarr.open_array(str(path / "0"), mode="r")[...]
    assert expected[40, 69] == fill or np.isnan(fill)
    np.testing.assert_array_equal(open_image(path).array, expected)


def test_chunks_missing_in_a_shard_are_the_fill_value(tmp_path: Path) -> None:
    pixels = np.full(VOLUME.shape, 9, np.uint16)
    pixels[0, 0, 0] = 1
    array = open_image(simple(tmp_path / "a.zarr", pixels, fill_value=9, **SHARDS)).array
    np.testing.assert_array_equal(array, pixels)


@pytest.mark.parametrize("names", ["yx", "zyx", "cyx", "tyx", "tzyx", "czyx", "tczyx"])
def test_axes_in_every_order_have_their_sizes_units_and_positions(tmp_path: Path, names: str) -> None:
    lengths, n = dict(zip("tczyx", STACK.shape, strict=True)), len(names)
    pixels = STACK.reshape(-1)[: np.prod([lengths[a] for a in names])].reshape([lengths[a] for a in names])
    size = {"t": 5.0, "c": 1.0, "z": 0.3, "y": 110.0, "x": 0.11}
    unit = {"t": "minute", "z": "micrometer", "y": "nanometer", "x": "micrometre"}
    grid = [size[a] for a in names], [2.0] * n
    image = open_image(write_ome(tmp_path / "a.zarr", [pixels], multiscale(names, [grid], unit)))
    assert image.axes == tuple(names)
    symbols = {"t": "min", "z": "µm", "y": "nm", "x": "µm"}
    assert image.units == tuple(symbols.get(a) for a in names)
    assert image.scale == tuple(size[a] for a in names)
    assert image.translate == tuple(0.0 if a == "c" else 2.0 for a in names)
    assert not image.notes


def test_transformations_of_the_multiscale_come_after_those_of_a_level(tmp_path: Path) -> None:
    described = multiscale(
        "yx", [([2.0, 3.0], [10.0, 20.0])], {"y": "um", "x": "um"},
        coordinateTransformations=transforms([0.5, 2.0], [1.0, -1.0]),
    )  # fmt: skip
    image = open_image(write_ome(tmp_path / "a.zarr", [PLANE], described))
    assert image.scale == (1.0, 6.0)  # 2 * 0.5, 3 * 2
    assert image.translate == (6.0, 39.0)  # 10 * 0.5 + 1, 20 * 2 - 1


LENGTHS = (
    "angstrom attometer centimeter decimeter exameter femtometer foot gigameter hectometer inch kilometer megameter "
    "meter micrometer mile millimeter nanometer parsec petameter picometer terameter yard yoctometer yottameter "
    "zeptometer zettameter"
)
TIMES = (
    "attosecond centisecond day decisecond exasecond femtosecond gigasecond hectosecond hour kilosecond megasecond "
    "microsecond millisecond minute nanosecond petasecond picosecond second terasecond yoctosecond yottasecond "
    "zeptosecond zettasecond"
)


def test_every_unit_that_the_specification_lists_has_its_size() -> None:
    powers = {
        "yocto": -24, "zepto": -21, "atto": -18, "femto": -15, "pico": -12, "nano": -9, "micro": -6, "milli": -3,
        "centi": -2, "deci": -1, "hecto": 2, "kilo": 3, "mega": 6, "giga": 9, "tera": 12, "peta": 15, "exa": 18,
        "zetta": 21, "yotta": 24,
    }  # fmt: skip
    others = {
        "meter": 1, "angstrom": 1e-10, "foot": 0.3048, "inch": 0.0254, "yard": 0.9144, "mile": 1609.344,
        "parsec": 3.0857e16, "second": 1, "minute": 60, "hour": 3600, "day": 86400,
    }  # fmt: skip
    for kind, words in (("length", LENGTHS), ("time", TIMES)):
        for word in words.split():
            prefix = word.removesuffix("meter").removesuffix("second")
            expected = others[word] if word in others else 10.0 ** powers[prefix]
            found = find_unit(word)
            assert found is not None, word
            assert (found.kind, found.size) == (kind, pytest.approx(expected, rel=1e-4)), word


@pytest.mark.parametrize(
    ("size", "unit", "read", "told"),
    [
        (-0.5, "micrometer", (0.5, "µm"), "negative"),
        (0.0, "micrometer", (1.0, None), "not known"),
        (0.5, None, (0.5, None), "The pixel size along z is not known."),
        (0.5, "furlong", (0.5, None), "'furlong'"),
        (0.5, "second", (0.5, None), "none of length"),
    ],
)
def test_what_is_not_known_of_pixel_sizes_is_told(
    tmp_path: Path, size: float, unit: str | None, read: Any, told: str
) -> None:
    units = {"y": "um", "x": "um"} | ({"z": unit} if unit else {})
    described = multiscale("zyx", [([size, 0.1, 0.2],)], units)
    image = open_image(write_ome(tmp_path / "a.zarr", [VOLUME], described))
    assert (image.scale[0], image.units[0]) == read
    assert image.scale[1:] == (0.1, 0.2)
    assert any(told in note for note in image.notes)


def test_channels_have_their_names_colors_and_limits(tmp_path: Path) -> None:
    channels = [
        {"label": label, "color": color, "window": {"start": k, "end": k + 10, "min": 0, "max": 99}}
        for k, (label, color) in enumerate([("DAPI", "0000FF"), ("GFP", "00ff00"), ("Cy5", "FF0000")])
    ]
    described = multiscale("cyx", [([1.0] * 3,)])
    for version in ("0.4", "0.5"):
        path = tmp_path / f"{version}.zarr"
        image = open_image(write_ome(path, [STACK[0, :, 0]], described, version, {"omero": {"channels": channels}}))
        assert image.channel_names == ("DAPI", "GFP", "Cy5")
        assert image.channel_colors == ("0000FF", "00ff00", "FF0000")
        assert image.limits == ((0.0, 10.0), (1.0, 11.0), (2.0, 12.0))
    write_ome(path := tmp_path / "few.zarr", [STACK[0, :, 0]], described, more={"omero": {"channels": channels[:2]}})
    image = open_image(path)
    assert (image.channel_names, image.channel_colors, image.limits) == ((), (), ())
    assert any("2 channels" in note for note in image.notes)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_images_of_plates_wells_labels_and_series_have_paths(tmp_path: Path, version: str) -> None:
    plate, form = tmp_path / "plate.zarr", 3 if version == "0.5" else 2

    def group(path: Path, parts: dict[str, Any]) -> None:
        write_group(path, {"ome": {"version": version, **parts}} if form == 3 else parts, form)

    wells = [{"path": path, "rowIndex": 0, "columnIndex": 0} for path in ("A/1", "B/12")]
    group(plate, {"plate": {"wells": wells, "columns": [], "rows": []}})
    for k, well in enumerate(("A/1", "B/12")):
        group(plate / well, {"well": {"images": [{"path": "0"}, {"path": "1"}]}})
        for field in (0, 1):
            simple(plate / well / str(field), np.full((40, 50), 10 * k + field, np.uint8), version)
    group(plate / "B/12/1/labels", {"labels": ["cells"]})
    simple(plate / "B/12/1/labels/cells", np.full((40, 50), 99, np.uint32), version)
    for series, value in enumerate((0, 1, 10, 11)):
        assert np.asarray(open_image(plate, series=series).array).mean() == value
    for path, value in (("A/1/1", 1), ("B/12", 10), ("B/12/1", 11), ("B/12/1/labels", 99), ("B/12/1/labels/cells", 99)):
        assert np.asarray(open_image(plate / path).array).mean() == value
        assert np.asarray(open_image(str(plate / path) + "/").array).mean() == value
    with pytest.raises(ImageFileError, match=r"plate\.zarr: must have several images for series=4"):
        open_image(plate, series=4)
    converted = tmp_path / "converted.zarr"
    group(converted, {"bioformats2raw.layout": 3})
    for k in range(3):
        simple(converted / str(k), np.full((40, 50), k, np.uint8), version)
    assert [np.asarray(open_image(converted, series=k).array).mean() for k in range(3)] == [0, 1, 2]
    group(converted / "OME", {"series": ["2", "0"]})
    assert [np.asarray(open_image(converted, series=k).array).mean() for k in range(2)] == [2, 0]


def test_an_array_alone_has_no_pixel_size(tmp_path: Path) -> None:
    path = simple(tmp_path / "a.zarr", VOLUME, dimension_names=["p", "y", "x"])
    image = open_image(path / "0")
    assert (image.axes, image.units) == (("p", "y", "x"), (None, None, None))
    assert image.notes
    np.testing.assert_array_equal(image.array, VOLUME)


def test_levels_that_lie_beside_their_metadata_are_placed_by_their_shapes(tmp_path: Path) -> None:
    """Some writers average pixels and leave the translation out: so the level would lie half a coarse pixel too low."""
    pixels = np.zeros((64, 96), np.float32)
    pixels[40:44, 24:32] = 1  # its middle is at (41.5, 27.5)
    means = pixels.reshape(16, 4, 24, 4).mean((1, 3))
    units = {"y": "um", "x": "um"}
    described = multiscale("yx", [([0.5, 0.5],), ([2.0, 2.0],)], units)
    image = open_image(write_ome(tmp_path / "a.zarr", [pixels, means], described))
    assert any("Levels lie where their shapes place them" in note and note.endswith(": 1.") for note in image.notes)
    level = at_level(image, 1)
    assert (level.scale, level.translate) == ((2.0, 2.0), (0.75, 0.75))
    for one in (image, level):
        where = np.argwhere(np.asarray(one.array) > 0).mean(0) * one.scale + one.translate
        np.testing.assert_allclose(where, (41.5 * 0.5, 27.5 * 0.5))
    assert image.array.shape == pixels.shape  # what is computed is computed on the finest level
    np.testing.assert_array_equal(apply(image.array, "median", size=3), apply(pixels, "median", size=3))


def test_levels_that_are_none_of_the_image_are_left_out(tmp_path: Path) -> None:
    described = multiscale("yx", [([1.0, 1.0],), ([2.0, 2.0], [0.5, 0.5]), ([4.0, 4.0], [1.5, 1.5])], {})
    levels = [PLANE, PLANE[:20, ::2], PLANE[:18, :21]]
    image = open_image(write_ome(tmp_path / "a.zarr", levels, described))
    assert [level.shape for level in image.levels] == [PLANE.shape, (18, 21)]
    assert any("level 1 is left out" in note for note in image.notes)


def test_the_finest_level_is_read_wherever_it_is_listed(tmp_path: Path) -> None:
    described = multiscale("yx", [([2.0, 2.0],), ([1.0, 1.0],)], {})
    image = open_image(write_ome(tmp_path / "a.zarr", [PLANE[::2, ::2], PLANE], described))
    np.testing.assert_array_equal(image.array, PLANE)
    assert image.scale == (1.0, 1.0)


def test_axes_of_older_versions_are_names_alone(tmp_path: Path) -> None:
    described = {"datasets": [{"path": "0"}], "axes": ["z", "y", "x"], "version": "0.3"}
    image = open_image(write_ome(tmp_path / "a.zarr", [VOLUME], described, "0.4"))
    assert (image.axes, image.scale) == (("z", "y", "x"), (1.0, 1.0, 1.0))
    assert axes_of("zyx")[0]["type"] == "space"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # connections that may wait; with fewer, some would be tried again a second later


def test_images_behind_an_address_are_read(tmp_path: Path) -> None:
    pytest.importorskip("aiohttp")
    pytest.importorskip("fsspec")
    units = {"z": "um", "y": "um", "x": "um"}
    described = multiscale("zyx", [([0.3, 0.1, 0.1],)], units)
    write_ome(tmp_path / "a.zarr/B/3/0", [VOLUME], described, **SHARDS)
    write_ome(tmp_path / "old.zarr", [VOLUME], described, "0.4")
    (tmp_path / "old.zarr/0/0/1/2").unlink()
    server = _Server(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path)))
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        home = f"http://127.0.0.1:{server.server_port}"
        image = open_image(f"{home}/a.zarr/B/3/0")
        assert (image.scale, image.units, image.name, image.files) == ((0.3, 0.1, 0.1), ("µm",) * 3, "0", ())
        np.testing.assert_array_equal(image.array[3:7, 20:61, 11:70], VOLUME[3:7, 20:61, 11:70])
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(image.array)), VOLUME)
        expected = VOLUME.copy()
        expected[:, 32:64, 64:] = 0
        np.testing.assert_array_equal(open_image(f"{home}/old.zarr/").array, expected)
        with pytest.raises(ImageFileError, match=r"none\.zarr: must be OME-Zarr"):
            open_image(f"{home}/none.zarr")
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    "address", ["ftp://x.org/a.zarr", "memory://a.zarr", "simplecache::http://x.org/a.zarr", "gs://b/a.zarr"]
)
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(ImageFileError, match="must be"):
        open_image(address)
