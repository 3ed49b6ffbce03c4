"""Files of microscopes, by stand-ins for the libraries that read them: pixels, axes, units, and traps."""

import gc
import pickle
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

import microscope_fakes as fakes
from napari_mathimg.io import Image, open_image
from napari_mathimg.io.microscopes import czi
from napari_mathimg.io.problems import ImageFileError

STACK = np.random.default_rng(3).integers(0, 2**16, (2, 3, 4, 37, 53)).astype(np.uint16)
COLORS = np.random.default_rng(4).integers(0, 256, (37, 53, 3)).astype(np.uint8)


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Open a file of a name by a stand-in for a library."""
    monkeypatch.setattr(czi, "OLDEST", (3, 11))

    def open_by(name: str, library: Any, **options: Any) -> Image:
        monkeypatch.setitem(sys.modules, {"czi": "czifile", "lif": "liffile", "nd2": "nd2"}[name[-3:]], library)
        (tmp_path / name).write_bytes(b"")
        return open_image(tmp_path / name, **options)

    return open_by


def check_pixels(image: Image, pixels: np.ndarray) -> None:
    np.testing.assert_array_equal(np.asarray(image.array), pixels)
    np.testing.assert_array_equal(image.array[..., 5:9, -7:], pixels[..., 5:9, -7:])
    np.testing.assert_array_equal(image.array[-1], pixels[-1])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(image.array))[0], pixels[0])
    assert image.dtype == pixels.dtype


def test_czi_files_keep_pixel_sizes_in_units(given: Any) -> None:
    scene = fakes.CziScene(
        "TCZYX", STACK, {"C": 1, "Z": 7, "X": -100, "Y": 3000},
        coord_scales={"X": 1.1e-07, "Y": 1e-07, "Z": 3e-07, "T": 2.5, "C": 50.0},
        coord_units={"X": "meter", "Y": "meter", "Z": "meter", "T": "second", "C": "nanometer"},
        channels={name: {"Color": color} for name, color in (("a", ""), ("DAPI", "#FF0000FF"), ("GFP", "#FF00FF00"),
                                                             ("Cy5", "#FFFF0000"))},
    )  # fmt: skip
    image = given("cells.czi", fakes.czifile(fakes.CziScene("YX", COLORS[..., 0], {}), scene), series=1)
    check_pixels(image, STACK)
    assert image.axes == ("t", "c", "z", "y", "x")
    assert image.scale == (2.5, 1.0, 0.3, 0.1, 0.11)
    assert image.units == ("s", None, "µm", "µm", "µm")
    assert (image.channel_names, image.channel_colors) == (("DAPI", "GFP", "Cy5"), ("0000FF", "00FF00", "FF0000"))
    assert image.notes == ("The file holds 2 images: this is number 1.",)
    assert image.array.chunks == (1, 1, 1, 37, 53)


def test_colors_of_czi_files_are_red_first(given: Any) -> None:
    scene = fakes.CziScene("YXS", COLORS, {})
    image = given("stained.czi", fakes.czifile(scene))
    assert (image.axes, image.channel_axis) == (("y", "x", "c"), 2)
    np.testing.assert_array_equal(np.asarray(image.array), COLORS)
    np.testing.assert_array_equal(image.array[4:9, :, :1], COLORS[4:9, :, :1])
    assert "The pixel size along y, x is not known." in image.notes


def test_gaps_of_mosaics_are_zero_and_told(given: Any) -> None:
    scene = fakes.CziScene(
        "YX", COLORS[..., 0], {"X": -5, "Y": -9}, directory_entries=[SimpleNamespace(shape=(20, 53))]
    )
    scene.covered[20:] = False
    image = given("mosaic.czi", fakes.czifile(scene))
    np.testing.assert_array_equal(np.asarray(image.array), np.where(scene.covered, COLORS[..., 0], 0))
    assert "Pixels of the mosaic that are in none of its parts are read as 0." in image.notes


def test_stacks_of_lif_files_that_were_taken_downwards_have_a_positive_step(given: Any) -> None:
    sizes = [(1, 53, 52 * 1e-7, "m"), (2, 37, 36 * 2e-7, "m"), (3, 4, -3 * 5e-7, "m"), (4, 2, 10.0, "s")]
    xml = "".join(fakes.lif_dimension(*size) for size in sizes)
    channels = "".join(map(fakes.lif_channel, ("Green", "Red", "Gray"), ("EGFP", "mCherry", "DIC")))
    xml = f"<Dimensions>{xml}</Dimensions><Channels>{channels}</Channels>"
    pixels = STACK.transpose(0, 2, 1, 3, 4)
    image = given("down.lif", fakes.liffile(fakes.LifImage("Series001", "TZCYX", pixels, xml)))
    check_pixels(image, pixels)
    assert image.axes == ("t", "z", "c", "y", "x")
    assert image.scale == pytest.approx((10, 0.5, 1, 0.2, 0.1), rel=1e-12)
    assert image.units == ("s", "µm", None, "µm", "µm")
    assert image.channel_names == ("EGFP", "mCherry", "DIC")
    assert image.channel_colors == ("00FF00", "FF0000", "FFFFFF")
    assert image.name == "Series001"
    assert "The pixel size -0.5 along z is negative: taken without its sign." in image.notes


def test_a_pixel_size_of_zero_is_not_known(given: Any) -> None:
    xml = f"<Dimensions>{fakes.lif_dimension(1, 53, 0.0, 'm')}{fakes.lif_dimension(2, 37, 36e-7, 'm')}</Dimensions>"
    image = given("zero.lif", fakes.liffile(fakes.LifImage("a", "YX", COLORS[..., 0], xml)))
    assert (image.scale, image.units) == ((0.1, 1.0), ("µm", None))
    assert "The pixel size 0.0 along x means that it is not known." in image.notes
    loops = [SimpleNamespace(type="ZStackLoop", count=4, parameters=SimpleNamespace(stepUm=0.0))]
    channels = [fakes.nd2_channel("a", (255, 0, 0), (True, False, True))]
    image = given("zero.nd2", fakes.nd2({"Z": 4, "Y": 37, "X": 53}, STACK[0, 0], (0.0, 1.0, 0.0), loops, channels))
    assert (image.scale, image.units) == ((1.0,) * 3, (None,) * 3)
    assert "The pixel size along z, y, x is not known." in image.notes


def test_nd2_files_have_an_image_for_each_position(given: Any) -> None:
    pixels = np.stack([STACK, STACK[::-1]])  # position, t, c, z
    sizes = {"P": 2, "T": 2, "Z": 4, "C": 3, "Y": 37, "X": 53}
    stored = pixels.transpose(0, 1, 3, 2, 4, 5)
    time = SimpleNamespace(periodMs=0.0, periodDiff=SimpleNamespace(avg=1500.0))
    loops = [SimpleNamespace(type="XYPosLoop"), SimpleNamespace(type="TimeLoop", parameters=time)]
    channels = [fakes.nd2_channel(n, c) for n, c in (("DAPI", (0, 0, 255)), ("FITC", (0, 255, 0)), ("DIC", (9, 9, 9)))]
    library = fakes.nd2(sizes, stored, (0.11, 0.1, 0.3), loops, channels)
    image = given("cells.nd2", library, series=1)
    check_pixels(image, stored[1])
    assert image.axes == ("t", "z", "c", "y", "x")
    assert image.scale == (1500.0, 0.3, 1.0, 0.1, 0.11)
    assert image.units == ("ms", "µm", None, "µm", "µm")
    assert image.channel_colors == ("0000FF", "00FF00", "090909")
    with pytest.raises(ImageFileError, match=r"cells.nd2: must be a file of 2 images"):
        given("cells.nd2", library, series=2)


def test_files_are_closed_with_their_arrays(given: Any) -> None:
    fakes.Closable.opened.clear()
    image = given("cells.nd2", fakes.nd2({"Y": 37, "X": 53}, COLORS[..., 0], (1, 1, 1), [], []))
    np.asarray(image.array)
    assert [file.is_open for file in fakes.Closable.opened] == [False, True]
    del image
    gc.collect()
    assert not any(file.is_open for file in fakes.Closable.opened)


@pytest.mark.parametrize(("name", "package"), [("x.czi", "czifile"), ("x.lif", "liffile"), ("x.nd2", "nd2")])
def test_a_missing_library_is_named_with_the_line_that_installs_it(given: Any, name: str, package: str) -> None:
    with pytest.raises(ImageFileError, match=rf"{package}.*pip install 'napari-mathimg\[microscopes\]'"):
        given(name, None)


def test_czi_files_need_a_python_for_which_there_is_a_library(given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(czi, "OLDEST", (9, 0))
    with pytest.raises(ImageFileError, match=r"x.czi: must be opened on Python 3.12 or newer"):
        given("x.czi", None)
    monkeypatch.undo()


def test_older_libraries_are_refused(given: Any) -> None:
    class Old(fakes.Closable):
        images: ClassVar[list[Any]] = [SimpleNamespace(dims=("Y", "X"), shape=(3, 4))]

    with pytest.raises(ImageFileError, match=r"must be read by czifile 2026.1 or newer: pip install -U czifile"):
        given("x.czi", SimpleNamespace(CziFile=Old))
    with pytest.raises(ImageFileError, match=r"must be read by liffile 2026.2.15 or newer: pip install -U liffile"):
        given("x.lif", SimpleNamespace(LifFile=Old))
