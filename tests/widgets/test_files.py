"""Layers saved and opened again in a window: pixels, sizes, units, levels, names, colors, and the record of steps."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import napari
import numpy as np
import pytest
import tifffile
from napari.layers import Image, Labels, Layer
from napari.utils.notifications import notification_manager

from napari_mathimg import apply
from napari_mathimg.io import Image as FileImage
from napari_mathimg.io import open_image, write_image
from napari_mathimg.recipe.record import PREVIEW
from napari_mathimg.widgets.files.progress import SavingError
from napari_mathimg.widgets.layers.levels import full_resolution, shape_of

OURS = "napari-mathimg"
VOLUME = np.random.default_rng(3).integers(0, 60_000, (5, 90, 120)).astype(np.uint16)
RECORD = [{"operation": "gaussian", "version": 1, "given": {"sigma": 2.0}, "parameters": {"sigma": (2.0, 2.0)}}]
KINDS = ["x.ome.zarr", "x.ome.tif"]


def volume(**changes: Any) -> Image:
    given = {
        "name": "cells", "scale": (0.5, 0.2, 0.1), "translate": (3.0, -2.0, 1.5), "units": ("µm",) * 3,
        "axis_labels": ("z", "y", "x"), "colormap": "magenta", "contrast_limits": (10, 9000),
        "metadata": {"napari_mathimg": RECORD},
    }  # fmt: skip
    return Image(VOLUME, **(given | changes))


def notes() -> str:
    return "\n".join(str(record.message) for record in notification_manager.records)


@pytest.fixture(autouse=True)
def _no_notes() -> Iterator[None]:
    notification_manager.records.clear()
    yield
    notification_manager.records.clear()


def saved_and_opened(viewer: Any, layer: Layer, path: Path) -> Layer:
    viewer.add_layer(layer)
    viewer.layers.selection = {layer}
    assert viewer.layers.save(str(path), selected=True) == [str(path)]
    (opened,) = viewer.open(str(path), plugin=OURS)
    return opened


def check_state(opened: Layer, layer: Layer) -> None:
    for name in ("scale", "translate"):
        np.testing.assert_allclose(getattr(opened, name), getattr(layer, name), rtol=1e-12)
    assert opened.units == layer.units
    assert opened.axis_labels == layer.axis_labels
    assert opened.metadata.get("napari_mathimg") == layer.metadata.get("napari_mathimg")
    assert opened.name == f"{layer.name} [1]"


@pytest.mark.parametrize("name", KINDS)
def test_a_layer_that_is_saved_and_opened_again_is_the_same(viewer: Any, tmp_path: Path, name: str) -> None:
    layer = volume()
    opened = saved_and_opened(viewer, layer, tmp_path / name)
    check_state(opened, layer)
    np.testing.assert_array_equal(opened.data, VOLUME)
    assert opened.data.dtype == VOLUME.dtype
    assert opened.colormap.name == "magenta"
    assert tuple(opened.contrast_limits) == (10, 9000)
    assert isinstance(opened.data, np.ndarray)
    assert not notes()


def test_the_tiff_files_of_imagej_keep_pixel_sizes_too(viewer: Any, tmp_path: Path) -> None:
    layer = volume()
    viewer.add_layer(layer)
    viewer.layers.selection = {layer}
    assert viewer.layers.save(str(tmp_path / "x.tif"), selected=True, plugin=OURS) == [str(tmp_path / "x.tif")]
    image = open_image(tmp_path / "x.tif")
    assert image.scale == pytest.approx((0.5, 0.2, 0.1), rel=1e-9)
    assert (image.units, image.limits, image.translate) == (("µm",) * 3, ((10.0, 9000.0),), (3.0, -2.0, 1.5))
    assert image.metadata["napari_mathimg"] == RECORD


def test_what_imagej_does_not_hold_is_told(viewer: Any, tmp_path: Path) -> None:
    layer = viewer.add_image(VOLUME, name="cells", scale=(3, 0.2, 0.1), units=("pixel", "µm", "µm"))
    viewer.layers.save(str(tmp_path / "x.tif"), selected=True, plugin=OURS)
    assert open_image(tmp_path / "x.tif").scale == pytest.approx((1, 0.2, 0.1))
    assert "ImageJ's files hold no pixel size without a unit: that along z is left out." in notes()
    notification_manager.records.clear()
    layer.units = ("µm",) * 3
    viewer.layers.save(str(tmp_path / "x.tif"), selected=True, plugin=OURS)
    assert "ImageJ's files" not in notes()


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint32, np.int64])
def test_labels_are_saved_for_imagej_where_their_values_stay_the_same(viewer: Any, tmp_path: Path, dtype: type) -> None:
    layer = viewer.add_labels((VOLUME[0] // 2).astype(dtype), name="cells")
    viewer.layers.save(str(tmp_path / "x.tif"), selected=True, plugin=OURS)
    image = open_image(tmp_path / "x.tif")
    assert (image.dtype, image.is_labels) == (np.uint16, True)
    np.testing.assert_array_equal(image.array, layer.data)
    layer.data = layer.data - 1 - layer.data.max()
    with pytest.raises(SavingError, match="must hold values from 0 to 65535; save as OME-"):
        viewer.layers.save(str(tmp_path / "x.tif"), selected=True, plugin=OURS)


def test_plain_tiff_files_and_pictures_stay_those_of_napari(viewer: Any, tmp_path: Path) -> None:
    for name in ("x.tif", "x.png"):
        data = VOLUME if name == "x.tif" else VOLUME[0].astype(np.uint8)
        viewer.add_image(data)
        viewer.layers.save(str(tmp_path / name), selected=True)
        (opened,) = viewer.open(str(tmp_path / name))  # would be ambiguous if we read them, too
        np.testing.assert_array_equal(opened.data, data)
        with pytest.raises(ValueError, match="not a compatible reader"):
            viewer.open(str(tmp_path / name), plugin=OURS)
    with tifffile.TiffFile(tmp_path / "x.tif") as file:
        assert not file.is_imagej


@pytest.mark.parametrize("name", KINDS)
def test_levels_of_a_multiscale_layer_are_kept(viewer: Any, tmp_path: Path, name: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 2**16, (2, 512, 640)).astype(np.uint16)
    levels = [pixels, pixels[:, ::2, ::2], pixels[:, ::4, ::4]]
    layer = Image(levels, multiscale=True, name="slide", scale=(1, 0.3, 0.3), units=("µm",) * 3,
                  axis_labels=("z", "y", "x"), contrast_limits=(0, 65535))  # fmt: skip
    opened = saved_and_opened(viewer, layer, tmp_path / name)
    check_state(opened, layer)
    assert opened.multiscale
    assert [level.shape for level in opened.data] == [level.shape for level in levels]
    np.testing.assert_array_equal(opened.data[0], pixels)
    means = pixels.reshape(2, 128, 4, 160, 4).mean((2, 4))
    np.testing.assert_array_equal(opened.data[2], np.rint(means))


@pytest.mark.parametrize("name", KINDS)
def test_labels_are_labels_with_levels_of_labels(viewer: Any, tmp_path: Path, name: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 5, (64, 96)) * 100
    layer = Labels([pixels, pixels[::2, ::2]], multiscale=True, name="cells", scale=(2, 3), units=("nm", "nm"),
                   axis_labels=("y", "x"))  # fmt: skip
    opened = saved_and_opened(viewer, layer, tmp_path / name)
    check_state(opened, layer)
    assert isinstance(opened, Labels)
    np.testing.assert_array_equal(opened.data[0], pixels)
    assert set(np.unique(opened.data[1])) <= {0, 100, 200, 300, 400}


@pytest.mark.parametrize("name", KINDS)
def test_color_images_stay_so(viewer: Any, tmp_path: Path, name: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    layer = Image(pixels, rgb=True, name="stained", scale=(2, 3), units=("µm",) * 2, axis_labels=("y", "x"))
    opened = saved_and_opened(viewer, layer, tmp_path / name)
    check_state(opened, layer)
    assert opened.rgb
    np.testing.assert_array_equal(opened.data, pixels)


def test_channels_of_others_are_layers_of_their_own(viewer: Any, tmp_path: Path) -> None:
    image = FileImage(
        np.stack([VOLUME, VOLUME + 1]), ("c", "z", "y", "x"), (1, 0.5, 0.2, 0.1), (None, "µm", "µm", "µm"),
        channel_names=("DAPI", "GFP"), channel_colors=("0000FF", "12FF34"), limits=((1, 2), (3, 4)),
    )  # fmt: skip
    write_image(tmp_path / "x.ome.zarr", image)
    dapi, gfp = viewer.open(str(tmp_path / "x.ome.zarr"), plugin=OURS)
    assert (dapi.name, gfp.name) == ("DAPI", "GFP")
    np.testing.assert_array_equal(gfp.data, VOLUME + 1)
    assert tuple(gfp.contrast_limits) == (3, 4)
    assert dapi.colormap.name == "blue"
    np.testing.assert_allclose(gfp.colormap.colors[-1, :3] * 255, (0x12, 0xFF, 0x34), atol=0.01)
    assert tuple(gfp.scale) == (0.5, 0.2, 0.1)
    again = saved_and_opened(viewer, Image(**layer_arguments(gfp)), tmp_path / "gfp.ome.tif")
    np.testing.assert_allclose(again.colormap.colors, gfp.colormap.colors)


@pytest.mark.parametrize("name", KINDS)
def test_channels_of_large_files_are_images_of_their_own(
    viewer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The arrays that docks read have the axes of their layers; they are saved, and know their file."""
    monkeypatch.setattr("napari_mathimg.widgets.files.layer_data.LOADED", 3 * VOLUME.nbytes)
    stack = np.stack([VOLUME, VOLUME + 1, VOLUME + 2, VOLUME + 3], 1)
    image = FileImage(stack, ("z", "c", "y", "x"), channel_names=tuple("ABCD"))
    write_image(tmp_path / name, image, levels=2)
    layers = viewer.open(str(tmp_path / name), plugin=OURS)
    array = full_resolution(layers[2])
    assert not isinstance(array, np.ndarray)
    assert array.shape == shape_of(layers[2]) == VOLUME.shape
    np.testing.assert_array_equal(np.asarray(array[1:4, 7:80:3, -2]), (VOLUME + 2)[1:4, 7:80:3, -2])
    np.testing.assert_array_equal(apply(array, "gaussian", sigma=1.0), apply(VOLUME + 2, "gaussian", sigma=1.0))
    viewer.layers.selection = {layers[2]}
    viewer.layers.save(str(tmp_path / f"alone.{name}"), selected=True)
    saved = open_image(tmp_path / f"alone.{name}")
    assert (saved.axes, saved.name) == (("z", "y", "x"), "C")
    np.testing.assert_array_equal(np.asarray(saved.array), VOLUME + 2)
    with pytest.raises(SavingError, match=r"must not be .* input"):
        viewer.layers.save(str(tmp_path / name), selected=True)


@pytest.mark.parametrize("name", KINDS)
def test_planes_of_colors_of_large_files_are_read_where_they_are_shown(
    viewer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (3, 600, 700)).astype(np.uint8)
    image = FileImage(pixels, ("c", "y", "x"), (1, 2, 3), (None, "µm", "µm"), 0, name="stained")
    write_image(tmp_path / name, image, levels=2)
    monkeypatch.setattr("napari_mathimg.widgets.files.layer_data.LOADED", 1000)
    (layer,) = viewer.open(str(tmp_path / name), plugin=OURS)
    assert layer.rgb
    assert [level.shape for level in layer.data] == [(600, 700, 3), (300, 350, 3)]
    assert not any(isinstance(level, np.ndarray) for level in layer.data)
    np.testing.assert_array_equal(np.asarray(layer.data[0][30:50, 5]), np.moveaxis(pixels, 0, -1)[30:50, 5])
    viewer.layers.save(str(tmp_path / f"again.{name}"), selected=True)
    again = open_image(tmp_path / f"again.{name}")
    color = np.asarray(again.array)
    np.testing.assert_array_equal(np.moveaxis(color, again.channel_axis, 0), pixels)


def layer_arguments(layer: Layer) -> dict[str, Any]:
    data, arguments, _ = layer.as_layer_data_tuple()
    return {"data": data, **arguments, "name": "GFP alone"}


def test_several_layers_go_beside_each_other(viewer: Any, tmp_path: Path) -> None:
    long = "n" * 300
    for name in ("a/b", "A:B", "preview", "\u00e9", "e\u0301", long):
        viewer.add_image(VOLUME, name=name, metadata={PREVIEW: True} if name == "preview" else {})
    viewer.add_labels(VOLUME.astype(np.int32), name="cells")
    viewer.layers.select_all()
    written = viewer.layers.save(str(tmp_path / "x.ome.zarr"), selected=True)
    names = ["x-a_b.ome.zarr", "x-A_B-2.ome.zarr", "x-\u00e9.ome.zarr", "x-e\u0301-2.ome.zarr"]
    names += [f"x-{long[:100]}.ome.zarr", "x-cells.ome.zarr"]
    assert [Path(path).name for path in written] == names
    assert sorted(path.name for path in tmp_path.glob("*.ome.zarr")) == sorted(names)
    assert "6 layers were saved: x-a_b.ome.zarr" in notes()
    assert "The layer has no names of axes: they are called z, y, x." in notes()
    with pytest.raises(SavingError, match=r"x-a_b.ome.zarr: must not exist"):  # nobody was asked about these
        viewer.layers.save(str(tmp_path / "x.ome.zarr"), selected=True)


def test_a_preview_is_not_saved(viewer: Any, tmp_path: Path) -> None:
    viewer.add_image(VOLUME, metadata={PREVIEW: True})
    with pytest.raises(SavingError, match="must be given an image or labels; a preview is neither"):
        viewer.layers.save(str(tmp_path / "x.ome.tif"), selected=True)
    assert not [*tmp_path.glob("x*")]


def test_what_files_do_not_hold_is_told(viewer: Any, tmp_path: Path) -> None:
    layer = volume(rotate=(0, 0, 30), colormap="viridis", metadata={})
    opened = saved_and_opened(viewer, layer, tmp_path / "x.ome.tif")
    np.testing.assert_array_equal(opened.data, VOLUME)
    np.testing.assert_allclose(opened.scale, layer.scale)
    assert "Rotation and shear of the layer are not held by the file." in notes()
    assert "The colors viridis are not held by the file" in notes()
    notification_manager.records.clear()
    saved_and_opened(viewer, volume(scale=(0.5, -0.2, 0.1), name="mirrored"), tmp_path / "y.ome.tif")
    assert "That the layer is mirrored is not held by the file." in notes()


def test_a_store_that_a_layer_reads_is_not_overwritten(viewer: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("napari_mathimg.widgets.files.layer_data.LOADED", 1000)
    for name in KINDS:
        path = tmp_path / name
        write_image(path, FileImage(VOLUME, ("z", "y", "x")))
        (lazy,) = viewer.open(str(path), plugin=OURS)
        assert not isinstance(lazy.data, np.ndarray)
        np.testing.assert_array_equal(np.asarray(lazy.data[2, 3:5]), VOLUME[2, 3:5])
        viewer.add_image(np.zeros((4, 5)), name="other")  # in memory, but saving it would change the lazy layer
        with pytest.raises(SavingError, match=r"x.ome.\w+: must not be .* input"):
            viewer.layers.save(str(path), selected=True)
        viewer.layers.selection = {lazy}
        with pytest.raises(SavingError, match=r"x.ome.\w+: must not be .* input"):
            viewer.layers.save(str(path), selected=True)
        np.testing.assert_array_equal(np.asarray(open_image(path).array), VOLUME)


def test_a_file_that_is_in_memory_is_overwritten(viewer: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.ome.tif"
    write_image(path, FileImage(VOLUME, ("z", "y", "x")))
    (layer,) = viewer.open(str(path), plugin=OURS)
    layer.data[0] = 7
    viewer.layers.save(str(path), selected=True)
    np.testing.assert_array_equal(open_image(path).array[0], np.full((90, 120), 7))


def test_an_ending_is_added_to_a_name_without_one(viewer: Any, tmp_path: Path) -> None:
    layer = viewer.add_image(VOLUME[0], name="cells")
    writers = {w.display_name: w for w in napari.plugins._npe2.file_extensions_string_for_layers([layer])[1]}
    for kind, ending in (("OME-Zarr", ".ome.zarr"), ("OME-TIFF", ".ome.tif"), ("ImageJ TIFF", ".tif")):
        path = str(tmp_path / "v1.2 cells")
        assert viewer.layers.save(path, selected=True, _writer=writers[kind]) == [path + ending]
        with pytest.raises(SavingError, match="must not exist"):  # the dialog has asked about another name
            viewer.layers.save(path, selected=True, _writer=writers[kind])
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "v1.2 cells.tif"), VOLUME[0])


def test_types_that_tiff_files_do_not_know_are_saved_where_values_stay_the_same(viewer: Any, tmp_path: Path) -> None:
    small = viewer.add_labels(np.arange(12).reshape(3, 4), name="small")
    viewer.layers.save(str(tmp_path / "x.ome.tif"), selected=True)
    assert open_image(tmp_path / "x.ome.tif").dtype == np.int32
    small.data = small.data + 2**40
    with pytest.raises(SavingError, match="must hold values from -2147483648 to 2147483647; save as OME-Zarr"):
        viewer.layers.save(str(tmp_path / "x.ome.tif"), selected=True)
    viewer.layers.save(str(tmp_path / "x.ome.zarr"), selected=True)
    np.testing.assert_array_equal(open_image(tmp_path / "x.ome.zarr").array[:], small.data)


def test_what_a_file_does_not_say_is_told(viewer: Any, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.ome.tif", VOLUME, metadata={"axes": "ZYX", "PhysicalSizeX": 0.0})
    (layer,) = viewer.open(str(tmp_path / "x.ome.tif"), plugin=OURS)
    assert [str(unit) for unit in layer.units] == ["pixel"] * 3
    assert "Image0: The pixel size 0.0 along x means that it is not known." in notes()
