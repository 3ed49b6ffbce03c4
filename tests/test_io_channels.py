"""How channels are shown, in image files: their names, colors and limits; levels of labels; and codecs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from image_files import NAMES, PLANE, STACK, ome
from napari_mathimg.io import Image, open_image, write_image
from napari_mathimg.io.problems import ImageFileError
from napari_mathimg.io.tiff.bands import CoarseLabels, bands_of
from napari_mathimg.io.tiff.writing import write_ome

SHOWN = {"channel_colors": ("0000FF", "00FF80", "FF0000"), "limits": ((3.0, 4000.0), (0.0, 65535.0), (100.5, 101.0))}


def shown(image: Image) -> tuple[Any, ...]:
    return image.channel_names, image.channel_colors, image.limits


@pytest.mark.parametrize("name", ["out.ome.tif", "out.tif"])
def test_tiff_files_keep_how_channels_are_shown(tmp_path: Path, name: str) -> None:
    image = Image(STACK, ("t", "c", "z", "y", "x"), channel_names=NAMES, **SHOWN)
    write_image(tmp_path / name, image, imagej=not name.startswith("out.ome"))
    assert shown(open_image(tmp_path / name)) == (NAMES, *SHOWN.values())
    plane = Image(PLANE, ("y", "x"), channel_colors=("FF00FF",), limits=((7.0, 9.0),))
    write_image(tmp_path / f"plane-{name}", plane, imagej=not name.startswith("out.ome"))
    assert shown(open_image(tmp_path / f"plane-{name}")) == ((), ("FF00FF",), ((7.0, 9.0),))


def test_colors_and_limits_are_where_other_programs_look_for_them(tmp_path: Path) -> None:
    image = Image(STACK, ("t", "c", "z", "y", "x"), channel_names=NAMES, **SHOWN)
    write_image(tmp_path / "out.ome.tif", image)
    with tifffile.TiffFile(tmp_path / "out.ome.tif") as file:
        channels = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]["Channel"]
    assert [channel["Color"] % 2**32 for channel in channels] == [0x0000FFFF, 0x00FF80FF, 0xFF0000FF]
    assert all(-(2**31) <= channel["Color"] < 2**31 for channel in channels)
    write_image(tmp_path / "out.tif", image, imagej=True)
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        found = file.imagej_metadata
    assert found["Ranges"] == (3, 4000, 0, 65535, 100.5, 101)
    assert found["mode"] == "composite"
    assert [table[:, -1].tolist() for table in found["LUTs"]] == [[0, 0, 255], [0, 255, 128], [255, 0, 0]]
    assert all((np.diff(table[table[:, -1] == 255].astype(int)) == 1).all() for table in found["LUTs"])


def test_colors_and_limits_that_others_write_are_read(tmp_path: Path) -> None:
    tables = [np.zeros((3, 256), np.uint8) for _ in range(3)]
    tables[0][1] = tables[2][:] = np.arange(256)
    told = {"axes": "TZCYX", "LUTs": tables, "Ranges": (1.0, 2.0, 3.0, 4.0, 5.0, 5.0)}
    tifffile.imwrite(tmp_path / "x.tif", STACK.swapaxes(1, 2), imagej=True, metadata=told)
    assert shown(open_image(tmp_path / "x.tif")) == ((), ("00FF00", "000000", "FFFFFF"), ())  # 5 to 5 are no limits
    tifffile.imwrite(tmp_path / "y.tif", PLANE, imagej=True, metadata={"min": 10.0, "max": 20.0})
    assert shown(open_image(tmp_path / "y.tif")) == ((), (), ((10.0, 20.0),))
    ome(PLANE, "YX", {"Channel": {"Color": [-16776961]}})(tmp_path / "z.ome.tif")
    assert shown(open_image(tmp_path / "z.ome.tif")) == ((), ("FF0000",), ())
    ome(PLANE, "YX", {})(tmp_path / "none.ome.tif")
    assert shown(open_image(tmp_path / "none.ome.tif")) == ((), (), ())


def test_levels_of_labels_hold_labels(tmp_path: Path) -> None:
    labels = np.random.default_rng(2).integers(0, 9, (2, 1101, 700)).astype(np.uint16) * 1000
    write_ome(tmp_path / "x.ome.tif", tmp_path / "x.ome.tif", Image(labels, ("z", "y", "x")), 3, "zlib", labels=True)
    levels = open_image(tmp_path / "x.ome.tif").levels
    np.testing.assert_array_equal(levels[0][:], labels)
    for step, level in ((2, levels[1]), (4, levels[2])):
        rows, columns = (np.minimum(np.arange(0, n, step) + step // 2, n - 1) for n in labels.shape[1:])
        np.testing.assert_array_equal(level[:], labels[:, rows][:, :, columns])


def test_bands_of_labels_may_have_any_length() -> None:
    labels = np.arange(37 * 10).reshape(1, 37, 10)
    for rows in (1, 3, 7, 64):
        stores = [np.zeros((1, -(-37 // step), -(-10 // step)), int) for step in (2, 4, 8)]
        coarse = CoarseLabels(stores, (37, 10))
        for band in bands_of(labels, (0, 1, 2), 1, rows):
            coarse.fill(band)
        assert stores[1][0, :, 0].tolist() == [22, 62, 102, 142, 182, 222, 262, 302, 342, 362]


@pytest.mark.parametrize("kind", ["random", "smooth", "constant"])
def test_lzw_is_read_as_libtiff_writes_it(tmp_path: Path, kind: str) -> None:
    rows, columns = np.mgrid[:900, :1100]
    smooth = (rows * columns // 3000 + rows // 7).astype(np.uint16)
    pixels = {"random": np.random.default_rng(4).integers(0, 2**16, smooth.shape).astype(np.uint16), "smooth": smooth}
    array = pixels.get(kind, np.full(smooth.shape, 513, np.uint16))
    Pillow.fromarray(array).save(tmp_path / "x.tif", compression="tiff_lzw", tiffinfo={278: 900})  # one strip
    with tifffile.TiffFile(tmp_path / "x.tif") as file:
        assert (int(file.pages[0].compression), len(file.pages[0].dataoffsets)) == (5, 1)
    image = open_image(tmp_path / "x.tif")
    np.testing.assert_array_equal(image.array[:], array)
    data = bytearray((tmp_path / "x.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "x.tif") as file:
        offset, count = file.pages[0].dataoffsets[0], file.pages[0].databytecounts[0]
    data[offset + 20 : offset + count] = bytes(np.random.default_rng(1).integers(0, 256, count - 20, np.uint8))
    (tmp_path / "x.tif").write_bytes(data)
    with pytest.raises(ImageFileError, match=r"x.tif: must be a TIFF file whose pixels can be read"):
        open_image(tmp_path / "x.tif").array[:]


def test_codecs_that_are_not_in_the_list_are_refused(tmp_path: Path) -> None:
    ome(PLANE, "YX", {}, compression="zlib", tile=(16, 16))(tmp_path / "x.ome.tif")
    with tifffile.TiffFile(tmp_path / "x.ome.tif", mode="r+b") as file:
        file.pages[0].tags["Compression"].overwrite(34934)  # JPEG XR
    with pytest.raises(ImageFileError, match=r"x.ome.tif: must be compressed by none, CCITT, LZW, .*, not "):
        open_image(tmp_path / "x.ome.tif")
