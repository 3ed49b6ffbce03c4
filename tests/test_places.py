"""Inputs and outputs: no output touches an input or another output, by whatever name."""

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_mathimg.io import Image, open_image, write_image
from napari_mathimg.io.places import check_places
from napari_mathimg.io.problems import ImageFileError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A file, a zarr store with labels, and links to both."""
    (tmp_path / "in.tif").write_bytes(b"pixels")
    for inner in ("x.zarr", "x.zarr/0", "x.zarr/labels", "x.zarr/labels/cells", "store", "store/labels"):
        (tmp_path / inner).mkdir()
        (tmp_path / inner / "zarr.json").write_text("{}")
    os.link(tmp_path / "in.tif", tmp_path / "hard.tif")
    (tmp_path / "soft.tif").symlink_to("in.tif")
    (tmp_path / "dangling.tif").symlink_to("in2.tif")
    (tmp_path / "there").symlink_to(".", target_is_directory=True)
    (tmp_path / "linked").symlink_to("x.zarr/labels", target_is_directory=True)
    (tmp_path / "plain").mkdir()
    return tmp_path


IS, INSIDE, AROUND = "must not be the input", "must lie outside of", "must not be a folder around the input"


@pytest.mark.parametrize(
    ("source", "output", "why"),
    [
        ("in.tif", "in.tif", IS),
        ("in.tif", "plain/../in.tif", IS),
        ("in.tif", "hard.tif", IS),
        ("in.tif", "soft.tif", IS),
        ("soft.tif", "hard.tif", IS),
        ("in.tif", "there/in.tif", IS),
        ("in.tif", "IN.TIF", IS),
        ("in2.tif", "dangling.tif", IS),
        ("Stra\u00dfe.tif", "STRASSE.tif", IS),
        (unicodedata.normalize("NFC", "Zähne.tif"), unicodedata.normalize("NFD", "Zähne.tif"), IS),
        ("x.zarr", "x.zarr/", IS),
        ("x.zarr", "X.zarr/0", INSIDE),
        ("x.zarr", "x.zarr/labels/nuclei/0", INSIDE),
        ("x.zarr", "there/x.zarr/new.tif", INSIDE),
        ("x.zarr", "linked/new", INSIDE),
        ("x.zarr/labels/cells", "linked/cells", IS),
        ("x.zarr/labels/cells", "x.zarr/labels/nuclei", INSIDE),
        ("x.zarr/labels/cells", "x.zarr", AROUND),
        ("linked/cells", "x.zarr/0", INSIDE),
        ("linked/cells", "linked", AROUND),
        ("store/labels", "store/other", INSIDE),
        ("x.zarr", ".", AROUND),
        ("plain/in.tif", "Plain", AROUND),
        ("plain", "plain/out.tif", INSIDE),
        ("s3://bucket/x.zarr/labels/cells", "s3://bucket/x.zarr/0", INSIDE),
        ("s3://bucket/in.zarr", "s3://bucket/a/../in.zarr/", IS),
        ("s3://bucket/a/in.zarr", "s3://bucket/a", AROUND),
    ],
)
def test_an_output_never_touches_an_input(folder: Path, source: str, output: str, why: str) -> None:
    places = [text if "://" in text else folder / text for text in (source, output)]
    with pytest.raises(ImageFileError, match=why) as refused:
        check_places([folder / "other.tif", places[0]], [folder / "fine.tif", places[1]])
    assert str(refused.value).startswith(f"{places[1]}: must")
    assert str(places[0]) in str(refused.value)


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("out.tif", "out.tif", "must be an output of its own"),
        ("out.tif", "plain/../OUT.tif", "must be an output of its own"),
        ("in2.tif", "dangling.tif", "must be an output of its own"),
        ("out.zarr", "there/out.zarr/0", "must lie outside of the output"),
        ("out.zarr/labels/cells", "out.zarr", "must not be a folder around the output"),
    ],
)
def test_outputs_are_distinct(folder: Path, one: str, other: str, why: str) -> None:
    with pytest.raises(ImageFileError, match=why) as refused:
        check_places([folder / "in.tif"], [folder / one, folder / "fine.tif", folder / other])
    assert str(refused.value).startswith(f"{folder / other}: must")
    assert str(folder / one) in str(refused.value)


def test_places_that_do_not_touch_pass(folder: Path) -> None:
    inputs = ["in.tif", "in.tif", "x.zarr/labels/cells", "store"]
    outputs = ["out.tif", "plain/in.tif", "x.zarr.tif", "y.zarr/labels/cells", "y.zarr/0", "in.tiff", "in.tif.zarr"]
    check_places([folder / name for name in inputs], [folder / name for name in outputs])
    check_places(["s3://bucket/x.zarr", (folder / "in.tif").as_uri()], ["s3://other/x.zarr", "s3://bucket/x.zarr2"])
    with pytest.raises(ImageFileError, match=IS):
        check_places([(folder / "in.tif").as_uri()], [folder / "in.tif"])


def test_a_file_that_an_image_was_opened_from_is_not_written(tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", np.zeros((3, 4)))
    os.link(tmp_path / "in.npy", tmp_path / "also.npy")
    before = (tmp_path / "in.npy").read_bytes()
    for name in ("in.npy", "also.npy", "IN.npy"):
        image = Image(open_image(tmp_path / "in.npy").array, ("y", "x"), files=(tmp_path / "in.npy",))
        with pytest.raises(ImageFileError, match=IS):
            write_image(tmp_path / name, image, overwrite=True)
    assert (tmp_path / "in.npy").read_bytes() == before


def test_files_that_tasks_of_dask_read_are_known(tmp_path: Path) -> None:
    """However other programs open them: from_zarr, TIFF files as stores of Zarr, readers that are given paths."""
    da, dask, zarr = (pytest.importorskip(name) for name in ("dask.array", "dask", "zarr"))
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4)
    image = Image(pixels, ("y", "x"))
    for name in ("a.ome.zarr", "a.ome.tif"):
        write_image(tmp_path / name, image)
    store, tiff = (str(tmp_path / name) for name in ("a.ome.zarr", "a.ome.tif"))
    series = tifffile.imread(tiff, aszarr=True)
    given = [
        (store, da.from_zarr(f"{store}/0")), (store, da.from_zarr(zarr.open(f"{store}/0", mode="r"))),
        (tiff, da.from_zarr(zarr.open(series, mode="r"))),
        (tiff, da.from_delayed(dask.delayed(tifffile.imread)(tiff), (3, 4), "u2")),
        (tiff, da.map_blocks(lambda block, path: block + tifffile.imread(path), da.zeros((3, 4), "u2"), tiff)),
    ]  # fmt: skip
    for path, array in given:
        for lazily in (array, (array + 1)[::-1].rechunk(2)):
            with pytest.raises(ImageFileError, match=r"must not be .* input"):
                write_image(path, Image(lazily, ("y", "x")), overwrite=True)
    series.close()
    np.testing.assert_array_equal(np.asarray(open_image(store).array), pixels)
    write_image(tmp_path / "b.ome.zarr", Image(given[0][1], ("y", "x")))
