"""OME-Zarr that is written: read back by us and by zarr, valid, with exact coarse levels, and whole or not at all."""

import contextlib
import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_mathimg import apply, lazy
from napari_mathimg.cli import main
from napari_mathimg.io import Image, folders, open_image, write_image
from napari_mathimg.io.problems import ImageFileError
from napari_mathimg.io.reading import at_level
from napari_mathimg.io.sources import files_read_by
from napari_mathimg.io.writing import write_steps
from napari_mathimg.io.zarr.layout import Layout, layout_of
from napari_mathimg.io.zarr.writing import create_levels, describe, level_arrays, write_shard
from zarr_files import RNG, STACK, VOLUME, simple, zarr

yaozarrs = pytest.importorskip("yaozarrs")
RECORD = [{"operation": "gaussian", "version": 1, "given": {"sigma": (1.5, 2.0)}, "by_item": [{"index": (0,)}]}]
FINE = {"shards": (4, 32, 64), "chunks": (2, 16, 16)}
MICRON = ("µm",) * 3


def read_by_zarr(path: Path) -> list[Any]:
    group = zarr.open_group(str(path), mode="r")
    return [group[name][...] for name in sorted(group.array_keys())]


def written(path: Path, image: Image, **options: Any) -> Layout:
    """Write the shards of an image one by one, in an order of chance, and some of them twice."""
    layout = layout_of(image, **options)
    levels = create_levels(path, layout)
    boxes = layout.shard_boxes()
    order = np.random.default_rng(0).permutation([*range(len(boxes)), 0, len(boxes) - 1])
    for box in (boxes[k] for k in order):
        part = np.asarray(image.array)[tuple(slice(*span) for span in layout.image_box(box))]
        write_shard(levels, layout, box, layout.stored(part))
    describe(path, layout, image)
    return layout


def means(pixels: Any, step: int, axes: tuple[int, ...]) -> Any:
    """Return the means of the finite pixels of blocks, by sums over each of them in the widest type."""
    shape = [-(-n // step) if k in axes else n for k, n in enumerate(pixels.shape)]
    out = np.empty(shape, np.float64)
    for place in np.ndindex(*shape):
        key = tuple(slice(p * step, p * step + step) if k in axes else p for k, p in enumerate(place))
        block = pixels[key].astype(np.longdouble)
        block = block[np.isfinite(block)]
        out[place] = block.sum() / block.size if block.size else np.nan
    return (np.rint(out) if pixels.dtype.kind in "biu" else out).astype(pixels.dtype)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("codec", ["zstd", "lz4", "none"])
def test_shards_written_alone_in_any_order_make_the_whole_image(tmp_path: Path, codec: Any, version: Any) -> None:
    image = Image(VOLUME, ("z", "y", "x"), (0.25, 0.2, 0.2), MICRON, translate=(1.0, -2.0, 0.1), name="n")
    layout = written(tmp_path / "a.zarr", image, levels=3, codec=codec, version=version, **FINE)
    found = read_by_zarr(tmp_path / "a.zarr")
    np.testing.assert_array_equal(found[0], VOLUME)
    for level in (1, 2):
        assert found[level].shape == layout.level_shapes[level] == tuple(math.ceil(n / 2**level) for n in VOLUME.shape)
        np.testing.assert_array_equal(found[level], means(VOLUME, 2**level, (0, 1, 2)))
    for ours, theirs in zip(open_image(tmp_path / "a.zarr").levels, found, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not [*(tmp_path / "a.zarr").rglob("*.partial")]
    yaozarrs.validate_zarr_store(str(tmp_path / "a.zarr"))


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint8", "int16", "uint32", "int64", "float16", "float32", "float64"]
)
def test_coarse_levels_are_exact_means_rounded_half_to_even(tmp_path: Path, dtype: str) -> None:
    kind = np.dtype(dtype).kind
    low, high = (-120, 120) if kind in "if" else (0, 2 if kind == "b" else 250)
    pixels = RNG.integers(low, high, (67, 51)).astype(dtype)
    units = ("nm", "nm")
    written(tmp_path / "a.zarr", Image(pixels, ("y", "x"), (1.0, 1.0), units), levels=4, shards=(32, 16), chunks=(8, 8))
    for level, found in enumerate(read_by_zarr(tmp_path / "a.zarr")):
        assert found.dtype == pixels.dtype
        np.testing.assert_array_equal(found, means(pixels, 2**level, (0, 1)))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "uint16", "float32"])
@pytest.mark.parametrize("shape", [(16, 32, 64), (64, 32, 48), (33, 31, 50)])
def test_coarse_levels_of_volumes_are_exact_at_the_ends_of_types(
    tmp_path: Path, dtype: str, shape: tuple[int, ...]
) -> None:
    ends = {"bool": (0, 1), "float32": (-(2**15), 2**15)}.get(dtype) or (np.iinfo(dtype).min, np.iinfo(dtype).max)
    pixels = RNG.integers(ends[0], ends[1] + 1, shape).astype(dtype)
    pixels[:16, :16, :16], pixels[:16, 16:, 16:32] = ends
    if dtype == "float32":
        pixels[3, 17, 35] = np.inf
    image = Image(pixels, ("z", "y", "x"), (1.0, 1.0, 1.0), MICRON)
    written(tmp_path / "a.zarr", image, levels=5, shards=(16, 16, 32), chunks=(4, 8, 8))
    for level, found in enumerate(read_by_zarr(tmp_path / "a.zarr")[1:], 1):
        np.testing.assert_array_equal(found, means(pixels, 2**level, (0, 1, 2)))


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_an_image_may_have_one_level(tmp_path: Path, dtype: str) -> None:
    pixels = RNG.integers(0, 1000, (3, 40, 50)).astype(dtype)
    written(tmp_path / "a.zarr", Image(pixels, ("t", "y", "x")), levels=1, shards=(1, 16, 16), chunks=(1, 8, 8))
    (found,) = read_by_zarr(tmp_path / "a.zarr")
    np.testing.assert_array_equal(found, pixels)


def test_holes_are_left_out_of_means(tmp_path: Path) -> None:
    pixels = RNG.random((3, 40, 50)).astype(np.float32)
    pixels[RNG.random(pixels.shape) < 0.4] = np.nan
    pixels[0, 8:17, 8:17] = np.nan
    written(tmp_path / "a.zarr", Image(pixels, ("t", "y", "x")), levels=3, shards=(1, 16, 16), chunks=(1, 8, 8))
    found = read_by_zarr(tmp_path / "a.zarr")
    np.testing.assert_array_equal(found[0], pixels)
    assert np.isnan(found[2][0, 2:4, 2:4]).all()
    for level in (1, 2):
        expected = means(pixels, 2**level, (1, 2))
        np.testing.assert_array_equal(np.isnan(found[level]), np.isnan(expected))
        np.testing.assert_allclose(found[level], expected, rtol=2e-7)  # one rounding to float32


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_labels_stay_labels_and_lie_over_their_image(tmp_path: Path, version: Any) -> None:
    labels = np.zeros((1, 131, 163), np.int32)
    labels[:, 40:72, 80:128] = 70001
    image = Image(labels, ("t", "y", "x"), (1.0, 0.5, 0.5), (None, "µm", "µm"))
    written(tmp_path / "a.zarr", image, levels=5, shards=(1, 64, 64), chunks=(1, 16, 16), labels=True, version=version)
    found = open_image(tmp_path / "a.zarr")
    assert "The pixels are labels." in found.notes
    yaozarrs.validate_zarr_store(str(tmp_path / "a.zarr"))
    for level in range(5):
        one = at_level(found, level)
        pixels = np.asarray(one.array)
        assert {*np.unique(pixels)} <= {0, 70001}
        inside = np.argwhere(pixels > 0)
        ends = [(inside.min(0)[k] - 0.5, inside.max(0)[k] + 0.5) for k in (1, 2)]
        edges = [tuple(e * one.scale[k] + one.translate[k] for e in ends[k - 1]) for k in (1, 2)]
        expected = [((a - 0.5) * 0.5, (b - 0.5) * 0.5) for a, b in ((40, 72), (80, 128))]
        assert np.abs(np.subtract(edges, expected)).max() <= 0.5 * 2**level * 0.5  # half a pixel of the level


def test_a_coarse_label_is_the_one_in_the_middle_of_its_pixel(tmp_path: Path) -> None:
    labels = RNG.integers(0, 2**31, (75, 83)).astype(np.uint32)
    written(
        tmp_path / "a.zarr", Image(labels, ("y", "x")), levels=4, shards=(32, 16), chunks=(8, 8), labels=True
    )  # fmt: skip
    found = read_by_zarr(tmp_path / "a.zarr")
    for level in (1, 2, 3):
        step = 2**level
        for place in np.ndindex(*found[level].shape):
            middle = [p * step + (step - 1) / 2 for p in place]
            nearest = [{math.floor(m), math.ceil(m)} for m in middle]
            candidates = {labels[min(y, 74), min(x, 82)] for y in nearest[0] for x in nearest[1]}
            assert found[level][place] in candidates


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("names", ["yx", "yxc", "xyz", "czyx", "tczyx", "xyzct"])
def test_all_that_is_known_of_an_image_comes_back(tmp_path: Path, names: str, version: Any) -> None:
    lengths = dict(zip("tczyx", STACK.shape, strict=True))
    shape = [lengths[a] for a in names]
    pixels = STACK.reshape(-1)[: math.prod(shape)].reshape(shape)
    size = {"t": (2.5, "min"), "c": (1.0, None), "z": (0.3, "µm"), "y": (110.0, "nm"), "x": (1 / 3, "inch")}
    channels: dict[str, Any] = {}
    if "c" in names:
        channels = {"channel_names": ("DAPI", "β-actin", "3"), "channel_colors": ("0000FF", "00FF00", "FFFFFF")}
        channels |= {"limits": ((0.0, 10.0), (0.5, 60000.0), (1.0, 2.0))}
    image = Image(
        pixels, tuple(names), tuple(size[a][0] for a in names), tuple(size[a][1] for a in names),
        translate=tuple({"c": 0.0}.get(a, 0.1 * k - 3) for k, a in enumerate(names)), name="Ä b",
        metadata={"napari_mathimg": RECORD}, **channels,
    )  # fmt: skip
    write_image(tmp_path / "a.ome.zarr", image, version=version, levels=2)
    found = open_image(tmp_path / "a.ome.zarr")
    order = [names.index(a) for a in "tczyx" if a in names]
    assert found.axes == tuple(names[k] for k in order)
    np.testing.assert_array_equal(found.array, pixels.transpose(order))
    for name in ("scale", "units", "translate"):
        assert getattr(found, name) == tuple(getattr(image, name)[k] for k in order), name
    for name in ("name", "channel_names", "metadata"):
        assert getattr(found, name) == getattr(image, name), name
    if channels:
        assert (found.channel_colors, found.limits) == (channels["channel_colors"], channels["limits"])
    assert found.notes == ()
    yaozarrs.validate_zarr_store(str(tmp_path / "a.ome.zarr"))


def test_colors_come_back_as_colors(tmp_path: Path) -> None:
    colors = RNG.integers(0, 256, (37, 53, 3)).astype(np.uint8)
    write_image(tmp_path / "a.zarr", Image(colors, ("y", "x", "c"), channel_axis=2))
    found = open_image(tmp_path / "a.zarr")
    assert (found.axes, found.channel_axis) == (("c", "y", "x"), 0)
    assert found.channel_colors == ("FF0000", "00FF00", "0000FF")
    assert found.limits == ((0.0, 255.0),) * 3
    np.testing.assert_array_equal(found.array, colors.transpose(2, 0, 1))


def test_what_is_not_known_is_not_written(tmp_path: Path) -> None:
    write_image(tmp_path / "a.zarr", Image(VOLUME, ("z", "y", "x")))
    axes = json.loads((tmp_path / "a.zarr/zarr.json").read_text())["attributes"]["ome"]["multiscales"][0]["axes"]
    assert all("unit" not in axis for axis in axes)
    found = open_image(tmp_path / "a.zarr")
    assert (found.scale, found.units) == ((1.0,) * 3, (None,) * 3)
    assert found.notes == ("The pixel size along z, y, x is not known.",)
    assert found.limits == ((float(VOLUME.min()), float(VOLUME.max())),)


def test_limits_of_a_run_in_shards_are_those_of_the_coarsest_level(tmp_path: Path) -> None:
    pixels = np.stack([VOLUME // 7, VOLUME // 9]).astype(np.float32)
    pixels[0, 0, 0, 0] = np.nan
    written(tmp_path / "a.zarr", Image(pixels, ("c", "z", "y", "x")), levels=2)
    coarse = read_by_zarr(tmp_path / "a.zarr")[-1]
    assert open_image(tmp_path / "a.zarr").limits == tuple((c.min(), c.max()) for c in coarse.astype(float))


SHAPES = [
    ((256, 2048, 4096), "uint16", 0.3), ((256, 2048, 4096), "uint16", 5.0), ((100_003, 99_991), "uint8", 1.0),
    ((5, 3, 37, 53), "float32", 1.0), ((20_000, 3, 512, 512), "uint16", 1.0), ((10, 2, 64, 2048, 2048), "float64", 0.3),
    ((1, 1), "bool", 1.0),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "dtype", "depth"), SHAPES)
@pytest.mark.parametrize("tiles", [None, (362, 181), (1, 97), (10**6, 10**6)])
def test_layouts_fit_every_shape(shape: tuple[int, ...], dtype: str, depth: float, tiles: Any) -> None:
    class Pixels:
        pass

    pixels: Any = Pixels()
    pixels.shape, pixels.dtype = shape, np.dtype(dtype)
    names = ("t", "c", "z", "y", "x")[-len(shape) :]
    image = Image(pixels, names, tuple(depth if a == "z" else 0.3 for a in names), ("µm",) * len(shape))
    whole = None if tiles is None else (1,) * (len(shape) - 2) + tiles
    layout = layout_of(image, whole_tiles=whole)
    most = 2**20 if tiles is None else 2**22
    assert all(math.prod(layout.chunk_of(k)) * layout.dtype.itemsize <= most for k in range(layout.levels))
    if tiles is None:
        assert math.prod(layout.shards) * layout.dtype.itemsize <= 2**26
        longest = max(layout.level_shapes[-1][k] for k in layout.halved)
        assert longest <= 512 or min(layout.shard_of(layout.levels - 1)[k] for k in layout.halved) < 32
    assert ("z" in [names[k] for k in layout.halved]) == ("z" in names and depth <= 0.45)
    for level in range(layout.levels):
        assert all(s % c == 0 for s, c in zip(layout.shard_of(level), layout.chunk_of(level), strict=True))
    for axis, length in enumerate(whole or ()):
        assert layout.shards[axis] % length == 0 or layout.shards[axis] >= shape[axis]
    boxes = layout.shard_boxes()
    if len(boxes) < 2000:
        assert sum(math.prod(b - a for a, b in box) for box in boxes) == math.prod(shape)
        assert len({*boxes}) == len(boxes)
        for box, following in itertools.pairwise(boxes):
            assert sum(span != other for span, other in zip(box, following, strict=True)) == 1
    for level, shape_of_level in enumerate(layout.level_shapes):
        corner = layout.box_at(level, boxes[-1] if len(boxes) == 1 else max(boxes))
        assert tuple(b for _, b in corner) == shape_of_level


@pytest.mark.parametrize(
    ("options", "must"),
    [
        ({"chunks": (2, 16, 16), "shards": (4, 24, 64)}, r"shards=\(4, 24, 64\): must be multiples of the chunks"),
        ({"chunks": (2, 1, 1), "shards": (4, 33, 64), "levels": 2}, "must be multiples of 2 along y, x for 2 levels"),
        ({"levels": 0}, "levels=0: must be"),
        ({"chunks": (2, 16)}, r"chunks=\(2, 16\): must be one length for each"),
        ({"version": "0.3"}, "version='0.3': must be"),
        ({"codec": "jpeg"}, "codec='jpeg': must be"),
        ({"shards": (4, 32, 64), "whole_tiles": (1, 24, 64)}, "the tiles in which a step is computed"),
    ],
)
def test_layouts_that_do_not_fit_are_refused(options: dict[str, Any], must: str) -> None:
    with pytest.raises(ValueError, match=must):
        layout_of(Image(VOLUME, ("z", "y", "x")), **options)


@pytest.mark.parametrize(
    ("axes", "more", "must"),
    [
        (("z", "y", "a"), {}, "must be y and x"),
        (("a", "b", "y", "x"), {}, "must be y and x"),
        (("z", "y", "x"), {"levels": 99}, "levels=99"),
        (("z", "y", "x"), {"compression": "zlib"}, "zstd, lz4, none"),
    ],
)
def test_images_that_it_cannot_hold_are_refused(tmp_path: Path, axes: Any, more: dict[str, Any], must: str) -> None:
    pixels = np.zeros((3, 2, 4, 5)[-len(axes) :], np.uint8)
    with pytest.raises(ImageFileError, match=must):
        write_image(tmp_path / "a.zarr", Image(pixels, axes), **more)
    assert not [*tmp_path.iterdir()]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_old_result_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    write_image(path, Image(VOLUME, ("z", "y", "x")))
    with pytest.raises(ImageFileError, match="must not exist, or be overwritten"):
        write_image(path, Image(VOLUME + 1, ("z", "y", "x")))
    steps = write_steps(path, Image(VOLUME + 1, ("z", "y", "x")), overwrite=True)
    next(steps)
    np.testing.assert_array_equal(open_image(path).array, VOLUME)
    steps.close()
    assert names_in(tmp_path) == ["a.zarr"]
    np.testing.assert_array_equal(open_image(path).array, VOLUME)

    class Broken:
        shape, dtype, calls = VOLUME.shape, VOLUME.dtype, 0

        def __getitem__(self, key: Any) -> Any:
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        write_image(path, Image(Broken(), ("z", "y", "x")), overwrite=True)
    assert names_in(tmp_path) == ["a.zarr"]
    write_image(path, Image(VOLUME + 1, ("z", "y", "x")), overwrite=True)
    assert names_in(tmp_path) == ["a.zarr"]
    np.testing.assert_array_equal(open_image(path).array, VOLUME + 1)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("moment", ["between", "after"])
@pytest.mark.parametrize("next_start", ["open", "write", "publish"])
def test_a_kill_between_the_two_renames_is_repaired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, next_start: str
) -> None:
    path = tmp_path / "a.zarr"
    write_image(path, Image(VOLUME, ("z", "y", "x")))
    rename = Path.rename

    def killed(self: Path, target: Any) -> Any:
        if moment == "between" and self.name.endswith(folders.PARTIAL):
            raise Killed
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        patch.setattr(folders.shutil, "rmtree", lambda *args, **kwargs: None)  # nothing is removed after a kill
        with contextlib.suppress(Killed):
            write_image(path, Image(VOLUME + 1, ("z", "y", "x")), overwrite=True)
    assert path.exists() == (moment == "after")
    assert len(names_in(tmp_path)) == 2
    if next_start == "write":
        with pytest.raises(ImageFileError, match="must not exist, or be overwritten"):
            write_image(path, Image(VOLUME + 2, ("z", "y", "x")))
    if next_start == "publish":
        with pytest.raises(ImageFileError, match="must not exist"), folders.published_folder(path, False):
            pass
    np.testing.assert_array_equal(open_image(path).array, VOLUME + 1)
    assert names_in(tmp_path) == ["a.zarr"] or (moment, next_start) == ("after", "open")


def test_only_folders_of_zarr_are_overwritten(tmp_path: Path) -> None:
    image = Image(VOLUME, ("z", "y", "x"))
    mine = tmp_path / "mine.zarr"
    mine.mkdir()
    (mine / "thesis.txt").write_text("all of it")
    write_image(tmp_path / "a.zarr", image)
    (tmp_path / "link.zarr").symlink_to(tmp_path / "a.zarr")
    for name in ("mine.zarr", "link.zarr"):
        with pytest.raises(ImageFileError, match="must be a folder of Zarr to be overwritten, and no link"):
            write_image(tmp_path / name, image, overwrite=True)
    assert (mine / "thesis.txt").read_text() == "all of it"
    with pytest.raises(ImageFileError, match="must be in a folder that exists"):
        write_image(tmp_path / "none/a.zarr", image)


def test_a_store_that_is_read_is_never_overwritten(tmp_path: Path) -> None:
    da = pytest.importorskip("dask.array")
    path = simple(tmp_path / "a.zarr", VOLUME)
    array = zarr.open_array(str(path / "0"), mode="r")
    opened = open_image(path)
    memory = np.lib.format.open_memmap(tmp_path / "a.npy", "w+", np.uint8, (4, 5))
    readers = [
        opened.array, array, da.from_zarr(array) + 1, da.from_array(opened.array, chunks=32)[2:].astype(np.float32),
        lazy(opened.array, "gaussian", sigma=1.0), lazy(lazy(array, "median", size=3), "gaussian", sigma=1.0),
        lazy(VOLUME, "flat_field", opened.array),
    ]  # fmt: skip
    for reader in readers:
        assert path / "0" in files_read_by(reader), reader
        for output in (path, path / "0", path / "0/b.zarr", tmp_path / "A.ZARR"):
            with pytest.raises(ImageFileError, match="must"):
                write_image(output, Image(reader, ("z", "y", "x")), overwrite=True)
    assert files_read_by(memory[1:, ::2].T) == [tmp_path / "a.npy"]
    np.testing.assert_array_equal(open_image(path).array, VOLUME)


def test_arrays_that_are_read_as_they_are_indexed_are_written(tmp_path: Path) -> None:
    da = pytest.importorskip("dask.array")
    path = simple(tmp_path / "a.zarr", VOLUME)
    for number, array in enumerate((open_image(path).array, da.from_array(VOLUME, chunks=(4, 33, 40)))):
        write_image(tmp_path / f"{number}.zarr", Image(array, ("z", "y", "x")))
        np.testing.assert_array_equal(level_arrays(tmp_path / f"{number}.zarr")[0], VOLUME)
    result = lazy(VOLUME, "gaussian", sigma=2.0)
    write_image(tmp_path / "lazy.zarr", Image(result, ("z", "y", "x")))
    np.testing.assert_array_equal(open_image(tmp_path / "lazy.zarr").array, np.asarray(result))


def test_the_command_line_reads_and_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    image = Image(VOLUME, ("z", "y", "x"), (0.5, 0.2, 0.2), MICRON, translate=(1.0, 2.0, 3.0))
    write_image("a.ome.zarr", image, levels=2)
    typed = ["--set", "sigma=0.4um", "--ndim", "2", "--quiet"]
    assert main(["apply", "gaussian", "a.ome.zarr", "-o", "b.ome.zarr", *typed]) == 0
    found = open_image("b.ome.zarr")
    np.testing.assert_array_equal(found.array, apply(VOLUME, "gaussian", sigma=2.0))
    assert (found.scale, found.units, found.translate) == (image.scale, image.units, image.translate)
    assert main(["info", "b.ome.zarr", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["axes"], told["scale"], told["steps"]) == (["z", "y", "x"], [0.5, 0.2, 0.2], ["gaussian"])
    assert main(["run", "b.ome.zarr", "a.ome.zarr", "-o", "c.ome.zarr", "--levels", "3", "--quiet"]) == 0
    assert len(open_image("c.ome.zarr").levels) == 3
    np.testing.assert_array_equal(open_image("c.ome.zarr").array, found.array)
    assert main(["apply", "gaussian", "a.ome.zarr", "-o", "a.ome.zarr", "--overwrite", *typed]) == 2
    assert "must not be the input" in capsys.readouterr().err
    np.testing.assert_array_equal(open_image("a.ome.zarr").array, VOLUME)
