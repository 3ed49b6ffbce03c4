"""Images as files: what other libraries write is read right, and what is written is read right by them."""

import itertools
import os
import pickle
import struct
import tracemalloc
import warnings
import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from image_files import COLORS, KINDS, NAMES, PLANE, STACK, UNKNOWN, VOLUME, Kind, ome
from napari_mathimg.io import Image, open_image, write_image
from napari_mathimg.io.problems import ImageFileError
from napari_mathimg.io.tiff.bands import halved
from napari_mathimg.io.tiff.pixels import TiffPixels

RECORD = [{"operation": "gaussian", "version": 1, "given": {"sigma": (1.5, 2.0)}, "by_item": [{"index": (0,)}]}]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_other_libraries_write_is_read_right(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / kind.name
    kind.write(path)
    image = open_image(path)
    assert image.axes == tuple(kind.axes)
    assert image.shape == kind.pixels.shape
    assert image.dtype.newbyteorder("=") == kind.pixels.dtype
    np.testing.assert_array_equal(np.asarray(image.array), kind.pixels)
    sizes = dict(zip(image.axes, zip(image.scale, image.units, strict=True), strict=True))
    for axis in kind.axes:
        size, unit = kind.sizes.get(axis, UNKNOWN)
        assert sizes[axis] == (pytest.approx(size, rel=1e-6), unit)
        if unit is None and axis in "xyz":
            assert image.notes
    assert image.channel_axis == kind.channel_axis
    assert image.channel_names == kind.channel_names
    assert path in image.files


@pytest.mark.parametrize("name", ["big-endian.ome.tif", "pyramid.ome.tif", "planar.tif", "bits.tif", "big.ome.tif"])
def test_any_part_is_read_alone(tmp_path: Path, name: str) -> None:
    kind = next(kind for kind in KINDS if kind.name == name)
    kind.write(tmp_path / name)
    array, pixels = open_image(tmp_path / name).array, kind.pixels
    assert isinstance(array, TiffPixels)
    assert all(0 < c <= n for c, n in zip(array.chunks, array.shape, strict=True))
    random = np.random.default_rng(3)
    for _ in range(40):
        key: list[Any] = []
        for n in array.shape:
            a, b = sorted(random.integers(-n, n + 1, 2).tolist())
            step = int(random.choice([1, 1, 2, -1, -3]))
            key.append(slice(a, b, step) if random.random() < 0.7 else a % n)
        np.testing.assert_array_equal(array[tuple(key)], pixels[tuple(key)])
    np.testing.assert_array_equal(array[..., 5], pixels[..., 5])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(array))[-1], pixels[-1])
    for wrong in (len(pixels), (0,) * 9, [0, 1]):
        with pytest.raises(IndexError):
            array[wrong]


def test_only_the_tiles_that_a_part_needs_are_read(tmp_path: Path) -> None:
    path = tmp_path / "tiles.ome.tif"
    ome(VOLUME, "ZYX", {}, tile=(16, 16), compression="zlib")(path)
    array = open_image(path).array
    with tifffile.TiffFile(path) as file:
        offset, count = (getattr(file.pages[0], f"data{what}")[5] for what in ("offsets", "bytecounts"))
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * count)
    np.testing.assert_array_equal(array[0, :16], VOLUME[0, :16])
    with pytest.raises(ImageFileError, match=r"tiles.ome.tif: must be a TIFF file whose pixels can be read"):
        array[0, 16:32]


def test_levels_have_their_own_pixel_size_and_place(tmp_path: Path) -> None:
    next(kind for kind in KINDS if kind.name == "pyramid.ome.tif").write(tmp_path / "p.ome.tif")
    finest, coarse = open_image(tmp_path / "p.ome.tif"), open_image(tmp_path / "p.ome.tif", level=2)
    assert [level.shape for level in finest.levels] == [(4, 37, 53), (4, 19, 27), (4, 10, 14)]
    np.testing.assert_array_equal(coarse.array[:], VOLUME[:, ::4, ::4])
    assert coarse.scale == pytest.approx((0.3, 0.11 * 37 / 10, 100 * 53 / 14))
    ends = [(image.translate[1] - image.scale[1] / 2, image.shape[1] * image.scale[1]) for image in (finest, coarse)]
    assert ends[0] == pytest.approx(ends[1])  # both cover the same of the world
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(coarse.array))[1], VOLUME[1, ::4, ::4])
    with pytest.raises(ValueError, match="level=3: must be a whole number from 0 to 2"):
        open_image(tmp_path / "p.ome.tif", level=3)


def test_axes_get_other_names(tmp_path: Path) -> None:
    np.save(tmp_path / "stack.npy", VOLUME)
    assert open_image(tmp_path / "stack.npy").axes == ("axis 0", "y", "x")
    assert open_image(tmp_path / "stack.npy", axes=("t", "y", "x")).axes == ("t", "y", "x")
    assert open_image((tmp_path / "stack.npy").as_uri()).shape == VOLUME.shape
    with pytest.raises(ValueError, match="must be 3 names"):
        open_image(tmp_path / "stack.npy", axes=("y", "x"))


def test_a_file_of_several_images(tmp_path: Path) -> None:
    path = tmp_path / "two.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(PLANE, metadata={"axes": "YX", "PhysicalSizeX": 2.0}, photometric="minisblack")
        writer.write(VOLUME, metadata={"axes": "ZYX", "PhysicalSizeX": 3.0}, photometric="minisblack")
    first, second = open_image(path), open_image(path, series=1)
    assert (first.scale[-1], second.scale[-1]) == (2.0, 3.0)
    np.testing.assert_array_equal(np.asarray(second.array), VOLUME)
    assert any("holds 2 images" in note for note in first.notes)
    with pytest.raises(ImageFileError, match="must be a file of 2 images"):
        open_image(path, series=2)


def written(image: Image, path: Path, **options: Any) -> Image:
    write_image(path, image, **options)
    read = open_image(path)
    np.testing.assert_array_equal(np.asarray(read.array), np.asarray(image.array))
    assert read.dtype == image.dtype.newbyteorder("=")
    return read


def stack(axes: str = "tczyx", **changes: Any) -> Image:
    sizes = {"t": (5.0, "min"), "c": UNKNOWN, "z": (300.0, "nm"), "y": (0.11, "µm"), "x": (0.1, "µm")}
    given = {
        "scale": tuple(sizes[a][0] for a in axes), "units": tuple(sizes[a][1] for a in axes), "channel_names": NAMES,
        "translate": tuple(float(k) for k in range(5)), "metadata": {"napari_mathimg": RECORD}, "name": "cells",
    }  # fmt: skip
    return Image(STACK.transpose(["tczyx".index(a) for a in axes]), tuple(axes), **(given | changes))


@pytest.mark.parametrize("axes", ["tczyx", "ztcyx", "czt" + "yx"])
def test_ome_tiff_keeps_everything(tmp_path: Path, axes: str) -> None:
    image = stack(axes)
    read = written(image, tmp_path / "out.ome.tif")
    for name in ("axes", "units", "channel_names", "translate", "name"):
        assert getattr(read, name) == getattr(image, name)
    assert read.scale == pytest.approx(image.scale, rel=1e-12)
    assert read.metadata["napari_mathimg"] == RECORD
    assert not read.notes
    with tifffile.TiffFile(tmp_path / "out.ome.tif") as file:
        assert file.is_ome
        assert file.series[0].axes == axes.upper()
        np.testing.assert_array_equal(file.asarray(), image.array)
        (pixels,) = [tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]]
    told = {f"PhysicalSize{a}{what}": pixels[f"PhysicalSize{a}{what}"] for a in "XYZ" for what in ("", "Unit")}
    assert told == {
        "PhysicalSizeX": 0.1, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.11, "PhysicalSizeYUnit": "µm",
        "PhysicalSizeZ": 300, "PhysicalSizeZUnit": "nm",
    }  # fmt: skip
    assert (pixels["TimeIncrement"], pixels["TimeIncrementUnit"]) == (5, "min")
    assert [channel["Name"] for channel in pixels["Channel"]] == list(NAMES)


def test_imagej_files_keep_everything(tmp_path: Path) -> None:
    """The micro sign, which tifffile refuses in ImageJ's metadata, is written as ImageJ understands it, too."""
    image = stack("tzcyx")
    write_image(tmp_path / "out.tif", stack("ctzyx"), imagej=True)
    read = open_image(tmp_path / "out.tif")
    np.testing.assert_array_equal(np.asarray(read.array), image.array)
    assert (read.axes, read.channel_names) == (image.axes, NAMES)
    assert read.units == ("s", "µm", None, "µm", "µm")
    assert read.scale == pytest.approx((300, 0.3, 1, 0.11, 0.1), rel=1e-8)
    assert read.metadata["napari_mathimg"] == RECORD
    assert dict(zip(read.axes, read.translate, strict=True)) == {"c": 0, "t": 1, "z": 2, "y": 3, "x": 4}
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        found = file.imagej_metadata
        assert (file.series[0].axes, found["unit"], found["spacing"]) == ("TZCYX", "um", pytest.approx(0.3))
        assert (found["channels"], found["slices"], found["frames"], found["finterval"]) == (3, 4, 2, 300.0)
        assert file.pages[0].tags["XResolution"].value[0] / file.pages[0].tags["XResolution"].value[1] == 10


def test_levels_are_means_of_the_finer_one(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 2**16, (2, 600, 1100)).astype(np.uint16)
    read = written(Image(pixels, ("z", "y", "x")), tmp_path / "out.ome.tif", levels=3)
    assert [level.shape for level in read.levels] == [(2, 600, 1100), (2, 300, 550), (2, 150, 275)]
    for number, level in enumerate(read.levels):
        n = 2**number
        means = pixels.reshape(2, 600 // n, n, 1100 // n, n).mean((2, 4))
        np.testing.assert_array_equal(level[:], np.rint(means))
    assert [p.name for p in tmp_path.iterdir()] == ["out.ome.tif"]
    np.testing.assert_allclose(halved(np.array([[np.nan, 2.0], [4, 6], [np.inf, np.nan]])), [[4.0], [np.nan]])


def test_the_coarsest_levels_are_means_too(tmp_path: Path) -> None:
    pixels = np.random.default_rng(2).integers(0, 2**16, (2, 2603, 5)).astype(np.uint16)  # several bands of 512 rows
    read = written(Image(pixels, ("z", "y", "x")), tmp_path / "out.ome.tif", levels=13)
    assert [level.shape[1] for level in read.levels] == [-(-2603 // 2**n) for n in range(13)]
    means = pixels.astype(np.float64)
    for level in read.levels[1:]:
        means = np.stack([halved(plane) for plane in means])
        np.testing.assert_array_equal(level[:], np.rint(means))


def test_colors_are_written_as_colors(tmp_path: Path) -> None:
    opaque = np.dstack([COLORS, COLORS[..., :1]])
    for pixels in (COLORS, opaque):
        image = Image(np.stack([pixels] * 3, 1), ("y", "z", "x", "c"), channel_axis=3)
        write_image(tmp_path / f"{pixels.shape[2]}.ome.tif", image, levels=2)
        read = open_image(tmp_path / f"{pixels.shape[2]}.ome.tif")
        assert (read.axes, read.channel_axis) == (("z", "y", "x", "c"), 3)
        np.testing.assert_array_equal(read.array[1], pixels)
        flat = Image(pixels.transpose(2, 0, 1), ("c", "y", "x"), channel_axis=0)
        write_image(tmp_path / f"{pixels.shape[2]}.png", flat)
        np.testing.assert_array_equal(iio.imread(tmp_path / f"{pixels.shape[2]}.png"), pixels)
    write_image(tmp_path / "j.tif", Image(COLORS, ("y", "x", "c"), channel_axis=2), imagej=True)
    assert open_image(tmp_path / "j.tif").channel_axis == 2
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "j.tif"), COLORS)
    smooth = np.add.outer(np.arange(40), np.arange(0, 120, 2))[..., None] + np.array([0, 20, 50])
    write_image(tmp_path / "p.jpg", Image(smooth.astype(np.uint8), ("y", "x", "c"), channel_axis=2))
    np.testing.assert_allclose(iio.imread(tmp_path / "p.jpg"), smooth, atol=4)  # JPEG loses some


@pytest.mark.parametrize("axes", ["cyx", "tcyx", "ztcyx", "zyxc"])
@pytest.mark.parametrize("channels", [3, 4])
def test_ome_tiff_keeps_the_order_of_axes_of_colors(tmp_path: Path, axes: str, channels: int) -> None:
    shape = {"z": 2, "t": 3, "c": channels, "y": 530, "x": 40}
    pixels = np.random.default_rng(3).integers(0, 256, [shape[axis] for axis in axes]).astype(np.uint8)
    place = axes.index("c")
    read = written(Image(pixels, tuple(axes), channel_axis=place), tmp_path / "out.ome.tif", levels=2)
    assert (read.axes, read.channel_axis) == (tuple(axes), place)
    np.testing.assert_array_equal(read.array[:], pixels)
    with tifffile.TiffFile(tmp_path / "out.ome.tif") as file:
        np.testing.assert_array_equal(file.asarray(), pixels)
    rows = axes.index("y")
    halves = np.moveaxis(pixels, (rows, axes.index("x")), (-2, -1))
    means = halves.reshape(*halves.shape[:-2], 265, 2, 20, 2).mean((-3, -1))
    np.testing.assert_array_equal(np.moveaxis(read.levels[1][:], (rows, axes.index("x")), (-2, -1)), np.rint(means))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "uint32", "float32", "float64"])
def test_every_type_comes_back(tmp_path: Path, dtype: str) -> None:
    pixels = (PLANE * np.float64(0.37) - 999).astype(dtype)
    for name, options in (("a.ome.tif", {}), ("b.ome.tif", {"compression": "none"}), ("c.npy", {})):
        written(Image(pixels, ("y", "x")), tmp_path / name, **options)
    written(Image(pixels.astype(pixels.dtype.newbyteorder(">")).copy(), ("y", "x")), tmp_path / "d.ome.tif")
    with pytest.raises(ImageFileError, match=r"write a \.npy file"):
        write_image(tmp_path / "e.ome.tif", Image(pixels.astype(np.int64), ("y", "x")))
    assert not (tmp_path / "e.ome.tif").exists()


class Counted:
    """An array that is read part by part, and remembers the largest part."""

    def __init__(self, array: Any) -> None:
        self.array, self.shape, self.dtype, self.largest = array, array.shape, array.dtype, 0

    def __getitem__(self, key: Any) -> Any:
        part = self.array[key]
        self.largest = max(self.largest, part.size)
        return part


def test_a_lazy_source_is_written_part_by_part(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 99, (3, 1200, 40)).astype(np.uint8)
    for name, most, options in (
        ("a.ome.tif", 1200 * 40, {}), ("levels.ome.tif", 512 * 40, {"levels": 2}), ("a.npy", pixels.size, {}),
        ("a.tif", 1200 * 40, {"imagej": True}),
    ):  # fmt: skip
        source = Counted(pixels)
        write_image(tmp_path / name, Image(source, ("z", "y", "x")), **options)
        np.testing.assert_array_equal(np.asarray(open_image(tmp_path / name).array), pixels)
        assert source.largest <= most


def test_large_files_are_bigtiff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_mathimg.io.tiff.writing.CLASSIC", PLANE.nbytes - 1)
    written(Image(PLANE, ("y", "x")), tmp_path / "a.ome.tif")
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        assert file.is_bigtiff
    with pytest.raises(ImageFileError, match="smaller than 4 GiB for ImageJ"):
        write_image(tmp_path / "a.tif", Image(PLANE, ("y", "x")), imagej=True)


class Failing(Counted):
    def __getitem__(self, key: Any) -> Any:
        raise OSError("the disk is gone")


@pytest.mark.parametrize("name", ["a.ome.tif", "a.npy", "a.png"])
def test_a_file_appears_when_it_is_whole(tmp_path: Path, name: str) -> None:
    gray = Image(COLORS[..., 0], ("y", "x"))
    write_image(tmp_path / name, gray)
    before = (tmp_path / name).read_bytes()
    with pytest.raises(ImageFileError, match="must not exist, or be overwritten on purpose"):
        write_image(tmp_path / name, gray)
    with pytest.raises((OSError, TypeError)):
        write_image(tmp_path / name, Image(Failing(gray.array), ("y", "x")), overwrite=True)
    assert (tmp_path / name).read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [name]
    write_image(tmp_path / name, Image(gray.array[:9], ("y", "x")), overwrite=True)
    assert open_image(tmp_path / name).shape == (9, 53)
    with pytest.raises(ImageFileError, match="in a folder that exists"):
        write_image(tmp_path / "none" / name, gray)


def test_a_source_is_never_harmed(tmp_path: Path) -> None:
    path = tmp_path / "Source.ome.tif"
    ome(PLANE, "YX", {})(path)
    os.link(path, tmp_path / "hard.ome.tif")
    (tmp_path / "soft.ome.tif").symlink_to(path)
    (tmp_path / "folder").symlink_to(tmp_path)
    before = path.read_bytes()
    image = open_image(path)
    for name in ("Source.ome.tif", "hard.ome.tif", "soft.ome.tif", "folder/Source.ome.tif", "source.ome.tif"):
        with pytest.raises(ImageFileError, match="must not be the input"):
            write_image(tmp_path / name, image, overwrite=True)
    assert path.read_bytes() == before
    next(kind for kind in KINDS if kind.name == "two-files.ome.tif").write(tmp_path / "a.ome.tif")
    with pytest.raises(ImageFileError, match="must not be the input"):
        write_image(tmp_path / "a-2.ome.tif", open_image(tmp_path / "a.ome.tif"), overwrite=True)


def test_what_a_kind_of_file_cannot_hold_is_refused(tmp_path: Path) -> None:
    plane = Image(PLANE, ("y", "x"))
    unnamed = Image(VOLUME, ("axis 0", "y", "x"))
    colors = Image(COLORS, ("y", "x", "c"), channel_axis=2)
    deep = Image(COLORS.astype(np.uint16), ("y", "x", "c"), channel_axis=2)
    opaque = Image(np.dstack([COLORS, COLORS[..., :1]]), ("y", "x", "c"), channel_axis=2)
    for name, image, options, why in (
        ("a.bmp", plane, {}, "must end in"),
        ("a.ome.tif", unnamed, {}, "not axis 0, y, x: name them"),
        ("a.ome.tif", Image(PLANE > 9, ("y", "x")), {}, "not bool"),
        ("a.tif", Image(PLANE.astype(np.int16), ("y", "x")), {"imagej": True}, "not int16"),
        ("a.tif", opaque, {"imagej": True}, "no opacity"),
        ("a.png", Image(VOLUME, ("z", "y", "x")), {}, "must be a plane"),
        ("a.png", Image(PLANE.astype(np.float32), ("y", "x")), {}, "rescale the values"),
        ("a.png", deep, {}, "must be a plane of uint8"),
        ("a.jpg", plane, {}, "must be a plane of uint8"),
        ("a.jpg", opaque, {}, "no opacity"),
        ("a.png", colors, {"levels": 2}, "must be an OME-TIFF file of at least one level"),
        *(
            (f"a{end}", Image(PLANE[:0], ("y", "x")), {}, "at least one pixel on each axis, not shape")
            for end in (".npy", ".ome.tif", ".ome.zarr", ".png")
        ),
        ("http://x.org/a.tif", plane, {}, "must be a file on this machine"),
    ):
        path = name if "//" in name else tmp_path / name
        with pytest.raises(ImageFileError, match=why):
            write_image(path, image, **options)
    assert not list(tmp_path.iterdir())


def read(path: Path) -> Any:
    return np.asarray(open_image(path).array)


def refused(path: Path, why: str) -> None:
    with pytest.raises(ImageFileError, match=why) as error:
        read(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


class Loud:
    def __reduce__(self) -> Any:
        return (os.abort, ())


def test_hostile_numpy_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.array([Loud()], object), allow_pickle=True)
    refused(path, "must hold numbers, not Python objects")
    path.write_bytes(pickle.dumps(Loud()))
    refused(path, "must")
    for array in (np.zeros(3, "U5"), np.zeros(3, "M8[s]"), np.zeros(3, [("a", "f4")]), np.zeros((3, 3), complex)):
        np.save(path, array)
        refused(path, "must hold real numbers")
    np.save(path, PLANE)
    path.write_bytes(path.read_bytes()[:-1])
    refused(path, "must be a NumPy file")
    header = b"{'descr': '<u2', 'fortran_order': False, 'shape': (1000000, 1000000), }\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(99))
    refused(path, "must be a NumPy file")
    np.save(path, np.zeros((0, 4)))
    refused(path, "at least one pixel")
    refused(tmp_path / "none.npy", "there is none")
    refused(tmp_path, "or a folder of OME-Zarr")


def test_hostile_tiff_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, PLANE, photometric="minisblack", metadata=None)
    whole = path.read_bytes()
    path.write_bytes(whole[:-50])
    refused(path, "must be")
    tifffile.imwrite(path, VOLUME, imagej=True)
    path.write_bytes(path.read_bytes()[:-50])
    refused(path, "must be")
    path.write_bytes(b"not a TIFF file at all")
    refused(path, "must be a TIFF file that can be read")
    path.write_bytes(whole[:4] + struct.pack("<I", 8) + whole[8:-4])
    refused(path, "must be")
    tifffile.imwrite(path, PLANE + 0j, photometric="minisblack")
    refused(path, "must hold real numbers")


@pytest.mark.parametrize("compression", ["jpeg"])
def test_codecs_that_are_not_there_are_named(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "x.tif"
    Pillow.fromarray(COLORS).save(path, compression=compression)
    if find_spec("imagecodecs"):
        np.testing.assert_allclose(read(path).astype(int), np.asarray(Pillow.open(path)), atol=2)
    else:
        refused(path, "pip install imagecodecs")


def test_planes_of_several_files_are_stored_alike(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    next(kind for kind in KINDS if kind.name == "two-files.ome.tif").write(path)
    with tifffile.TiffFile(tmp_path / "a-2.ome.tif") as file:
        text = file.ome_metadata
    for changes in ({"compression": "zlib"}, {"byteorder": ">"}):
        other = tmp_path / "a-2.ome.tif"
        tifffile.imwrite(other, VOLUME[1], description=text, metadata=None, photometric="minisblack", **changes)
        with pytest.raises(ImageFileError, match=r"a-2.ome.tif: must hold planes that are stored as those of a"):
            read(path)


def test_a_tile_that_unpacks_to_more_than_its_pixels_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tif"
    tifffile.imwrite(path, np.zeros((64, 64), np.uint8), tile=(64, 64), compression="zlib", photometric="minisblack")
    bomb = zlib.compress(bytes(2**28), 9)
    with tifffile.TiffFile(path, mode="r+b") as file:
        offsets, counts = (file.pages[0].tags[name] for name in ("TileOffsets", "TileByteCounts"))
        end = path.stat().st_size
        offsets.overwrite([end])
        counts.overwrite([len(bomb)])
    with path.open("ab") as file:
        file.seek(end)
        file.write(bomb)
    refused(path, "must hold tiles or strips that are not larger than their pixels")
    small = zlib.compress(bytes(2**22), 9)
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages[0].tags["TileByteCounts"].overwrite([len(small)])
    with path.open("r+b") as file:
        file.seek(end)
        file.write(small)
    tracemalloc.start()
    np.testing.assert_array_equal(open_image(path).array[:], np.zeros((64, 64), np.uint8))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**21


def test_hostile_ome_metadata_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.ome.tif"
    outside = tmp_path.parent / "outside.ome.tif"
    ome(PLANE, "YX", {})(outside)
    (tmp_path / "link.ome.tif").symlink_to(outside)
    pixels = (
        '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="53" SizeY="37" SizeC="1" SizeZ="{z}" '
        'SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>{data}</Pixels>'
    )
    start = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
    entity = '<!DOCTYPE OME [<!ENTITY a "aaaa">]>'

    def data(name: str) -> str:
        return f'<TiffData FirstZ="1" PlaneCount="1"><UUID FileName="{name}">urn:uuid:1</UUID></TiffData>'

    for text, why in (
        (start + pixels.format(z=10**9, data='<TiffData IFD="0"/>'), "at most 4194304 planes"),
        (start + pixels.format(z=2, data='<TiffData IFD="0" PlaneCount="9999999999"/>'), "at most 4194304 planes"),
        (
            f"{start}{pixels.format(z=3 * 10**6, data='')}</Image><Image>{pixels.format(z=3 * 10**6, data='')}",
            "at most 4194304 planes",
        ),
        (start + pixels.format(z="-3", data=""), "is a whole number"),
        (entity + start + pixels.format(z=1, data=""), "without entities"),
        (start + pixels.format(z=2, data=data("../outside.ome.tif")), "files in its own folder"),
        (start + pixels.format(z=2, data=data(str(outside))), "files in its own folder"),
        (start + pixels.format(z=2, data=data("link.ome.tif")), "files in its own folder"),
        (start + pixels.format(z=2, data=data("C:evil.tif")), "files in its own folder"),
        (start + pixels.format(z=2, data=data("missing.ome.tif")), "must have beside it"),
    ):
        xml = f'<?xml version="1.0"?>{text}</Image></OME>'
        tifffile.imwrite(path, PLANE, description=xml, metadata=None, photometric="minisblack")
        refused(path, why)
    xml = f'<?xml version="1.0"?>{start}{pixels.format(z=1, data="")}</Image><broken></OME>'
    tifffile.imwrite(path, PLANE, description=xml, metadata=None, photometric="minisblack")
    refused(path, "XML that can be read")


def test_hostile_pictures_are_refused(tmp_path: Path) -> None:
    png, jpg = tmp_path / "x.png", tmp_path / "x.jpg"
    iio.imwrite(png, PLANE)
    png.write_bytes(png.read_bytes()[:-999])
    refused(png, "must be a picture that can be read")
    iio.imwrite(jpg, COLORS)
    png.write_bytes(jpg.read_bytes())
    refused(png, "its first bytes are not of")
    Pillow.fromarray(np.dstack([COLORS, COLORS[..., :1]]), "CMYK" if False else None).convert("CMYK").save(jpg)
    refused(jpg, "must be gray or RGB, not CMYK")
    iio.imwrite(jpg, PLANE.astype(np.uint8))
    content = jpg.read_bytes()
    at = content.index(b"\xff\xc0") + 5  # height and width of the frame
    jpg.write_bytes(content[:at] + struct.pack(">HH", 60_000, 60_000) + content[at + 4 :])
    refused(jpg, "x.jpg: must have at most 178956970 pixels; a TIFF file may")

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    told, many = "8 bits a color", f"x.png: must have at most {2 * Pillow.MAX_IMAGE_PIXELS} pixels; a TIFF file may"
    for width, bits, color, why in ((4, 16, 2, told), (4, 16, 4, told), (2**26, 8, 0, many)):
        head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 4, bits, color, 0, 0, 0))
        body = chunk(b"IDAT", zlib.compress(bytes(4 * (1 + 4 * 8))))
        png.write_bytes(b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b""))
        refused(png, why)


def test_damaged_files_give_pixels_or_plain_errors(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    chosen = [kind for kind in KINDS if kind.name in ("pyramid.ome.tif", "escaped.tif", "centimeters.tif", "deep.png")]
    for kind in chosen:
        path = tmp_path / kind.name
        kind.write(path)
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(40):
            damaged = whole.copy()
            places = random.integers(0, min(len(whole), 1500) if random.random() < 0.7 else len(whole), 6)
            damaged[places] = random.integers(0, 256, 6)
            path.write_bytes(damaged[: random.integers(1, len(whole)) if random.random() < 0.2 else None].tobytes())
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    image = open_image(path)
                    if np.prod(image.shape, dtype=object) < 2**22:
                        np.asarray(image.array)
                except ImageFileError as error:
                    assert str(error).startswith(str(path))  # noqa: PT017


def test_records_in_files_are_read_with_care(tmp_path: Path) -> None:
    for text, why in (
        ("{", "left out"),
        ('{"format_version": 2}', "format_version must be 1"),
        ('{"format_version": 1, "record": 3}', "list of steps"),
        ('{"format_version": 1, "record": [{"operation": 3}]}', "list of steps"),
        ('{"format_version": 1, "translate": {"y": NaN}}', "finite number"),
        ('{"format_version": 1, "translate": {"y": 1e300}}', "finite number"),
        (f'{{"format_version": 1, "translate": {{"y": {"9" * 400}}}}}', "finite number"),
        ('{"format_version": 1, "translate": {"y": true}}', "finite number"),
        ("[" * 100_000, "left out"),
        ('{"format_version": 1, "record": [{"operation": "a", "x": ' + "[" * 99 + "]" * 99 + "}]}", "nested"),
    ):
        path = tmp_path / "x.ome.tif"
        note = {"Namespace": "napari-mathimg.org/image", "Value": text}
        ome(PLANE, "YX", {"CommentAnnotation": [note]})(path)
        image = open_image(path)
        assert any(why in sentence for sentence in image.notes)
        assert "napari_mathimg" not in image.metadata


def test_a_record_that_is_too_long_leaves_out_what_its_steps_were_resolved_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_mathimg.io.notes.LONGEST", 1000)
    long = [{**RECORD[0], "by_item": [{"index": (k,)} for k in range(100)]}]
    read = written(Image(PLANE, ("y", "x"), metadata={"napari_mathimg": long}), tmp_path / "out.ome.tif")
    assert read.metadata["napari_mathimg"] == [{n: v for n, v in RECORD[0].items() if n != "by_item"}]
    longer = Image(PLANE, ("y", "x"), metadata={"napari_mathimg": RECORD * 20})
    with pytest.raises(ValueError, match="metadata: must have a record of at most 1000 characters"):
        write_image(tmp_path / "longer.ome.tif", longer)
    assert not (tmp_path / "longer.ome.tif").exists()


def test_the_position_of_the_stage_is_told(tmp_path: Path) -> None:
    planes = {"PositionX": [12.5, 13.5], "PositionXUnit": ["µm"] * 2, "PositionY": [-3.0, 0.0], "PositionZ": [0.0, 0.0]}
    ome(VOLUME[:2], "ZYX", {"Plane": planes})(tmp_path / "x.ome.tif")
    image = open_image(tmp_path / "x.ome.tif")
    assert "The position of the stage is left out: x = 12.5 µm, y = -3." in image.notes
    assert image.translate == (0, 0, 0)


def test_an_image_without_a_name_has_that_of_its_file(tmp_path: Path) -> None:
    for name in ("cells.a.ome.tif", "cells.tif"):
        assert written(Image(PLANE, ("y", "x")), tmp_path / name).name == "cells"
    assert written(Image(PLANE, ("y", "x"), name="DAPI"), tmp_path / "dapi.ome.tif").name == "DAPI"


def test_an_image_whose_parts_do_not_fit_is_refused() -> None:
    for changes in (
        {"axes": ("y",)}, {"axes": ("y", "y")}, {"scale": (1, 0)}, {"scale": (1, np.nan)}, {"units": ("µm", "furlong")},
        {"channel_axis": 1}, {"channel_names": ("a",)}, {"translate": (1,)},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"{next(iter(changes))}=.*must"):
            Image(PLANE, **({"axes": ("y", "x")} | changes))
    assert Image(PLANE, ("y", "x"), (2, 3), ("nm", "s")).spacing("µm") == (0.002, None)
    assert list(itertools.islice(Image(PLANE, ("y", "x")).places, 5)) == [0, 1]


@pytest.mark.parametrize("axes", ["yx", "czyx", "yxc"])
def test_programs_that_know_no_tiles_read_what_has_no_levels(tmp_path: Path, axes: str) -> None:
    """ITK reads tiles of 16 bits as colors of 8 bits: it checks for the tag TileWidth (322)."""
    pixels = {"yx": PLANE, "czyx": STACK[0], "yxc": COLORS}[axes]
    color = axes == "yxc"
    image = Image(pixels, tuple(axes), channel_axis=2 if color else None)
    for compression in ("zlib", "none"):
        write_image(tmp_path / "x.ome.tif", image, overwrite=True, compression=compression)
        with tifffile.TiffFile(tmp_path / "x.ome.tif") as file:
            assert not any(322 in page.tags for page in file.pages)
            np.testing.assert_array_equal(file.asarray(), pixels)
        with Pillow.open(tmp_path / "x.ome.tif") as first:
            np.testing.assert_array_equal(np.asarray(first), pixels[(0,) * (pixels.ndim - (3 if color else 2))])
        part = (..., slice(5, 9), slice(1, 3), *([slice(None)] * color))
        np.testing.assert_array_equal(open_image(tmp_path / "x.ome.tif").array[part], pixels[part])
    write_image(tmp_path / "levels.ome.tif", image, levels=2)
    with tifffile.TiffFile(tmp_path / "levels.ome.tif") as file:
        assert file.pages[0].is_tiled


def test_large_planes_are_tiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_mathimg.io.tiff.writing.STRIPED", PLANE.size - 1)
    write_image(tmp_path / "x.ome.tif", Image(PLANE, ("y", "x")))
    with tifffile.TiffFile(tmp_path / "x.ome.tif") as file:
        assert file.pages[0].is_tiled
