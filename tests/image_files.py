"""Image files that other libraries write, for the tests of reading: how each is made, and what must be read."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import imageio.v3 as iio
import numpy as np
import tifffile
from PIL import Image as Pillow

RNG = np.random.default_rng(7)
STACK = RNG.integers(0, 2**16, (2, 3, 4, 37, 53)).astype(np.uint16)  # t, c, z, y, x
VOLUME = STACK[0, 0]
PLANE = STACK[0, 0, 0]
COLORS = RNG.integers(0, 256, (37, 53, 3)).astype(np.uint8)
SIZES = {"PhysicalSizeX": 100.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.11, "PhysicalSizeYUnit": "µm"}
DEPTH = {"PhysicalSizeZ": 0.3, "PhysicalSizeZUnit": "µm"}
EVERY = {"t": (5.0, "min"), "c": (1.0, None), "z": (0.3, "µm"), "y": (0.11, "µm"), "x": (100.0, "nm")}
UNKNOWN = (1.0, None)


class Kind(NamedTuple):
    """A kind of file: its name, how it is written, the pixels, the axes, the pixel sizes, and the axis of colors."""

    name: str
    write: Callable[[Path], Any]
    pixels: np.ndarray
    axes: str
    sizes: Mapping[str, tuple[float, str | None]] = MappingProxyType({})
    channel_axis: int | None = None
    channel_names: tuple[str, ...] = ()


def ome(pixels: np.ndarray, axes: str, metadata: dict[str, Any], **options: Any) -> Callable[[Path], Any]:
    return lambda path: tifffile.imwrite(
        path, pixels, ome=True, metadata={"axes": axes, **metadata}, **({"photometric": "minisblack"} | options)
    )


def imagej(pixels: np.ndarray, axes: str, metadata: dict[str, Any], per_unit: float = 8.0) -> Callable[[Path], Any]:
    return lambda path: tifffile.imwrite(
        path, pixels, imagej=True, resolution=(per_unit, 4.0), metadata={"axes": axes, **metadata}
    )


def plain(pixels: np.ndarray, **options: Any) -> Callable[[Path], Any]:
    return lambda path: tifffile.imwrite(path, pixels, metadata=None, **({"photometric": "minisblack"} | options))


def pyramid(path: Path) -> None:
    tiles = {"tile": (16, 32), "photometric": "minisblack", "compression": "zlib", "predictor": True}
    with tifffile.TiffWriter(path, bigtiff=True, ome=True) as writer:
        writer.write(VOLUME, subifds=2, metadata={"axes": "ZYX", **SIZES, **DEPTH}, **tiles)
        for step in (2, 4):
            writer.write(VOLUME[:, ::step, ::step], subfiletype=1, **tiles)


def two_files(path: Path) -> None:
    """An OME-TIFF image whose second plane is in another file."""
    names = path.name, path.name.replace(".ome", "-2.ome")
    data = "".join(
        f'<TiffData FirstZ="{k}" FirstC="0" FirstT="0" IFD="0" PlaneCount="1">'
        f'<UUID FileName="{name}">urn:uuid:{k}</UUID></TiffData>'
        for k, name in enumerate(names)
    )
    for k, name in enumerate(names):
        xml = (
            '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="urn:uuid:{k}"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" '
            'SizeX="53" SizeY="37" SizeC="1" SizeZ="2" SizeT="1" PhysicalSizeZ="2.5">'
            f'<Channel ID="Channel:0:0" SamplesPerPixel="1"/>{data}</Pixels></Image></OME>'
        )
        tifffile.imwrite(path.parent / name, VOLUME[k], description=xml, metadata=None, photometric="minisblack")


def pillow(array: np.ndarray, **options: Any) -> Callable[[Path], Any]:
    return lambda path: Pillow.fromarray(array).save(path, **options)


def moved(axes: str) -> np.ndarray:
    return STACK.transpose(["tczyx".index(axis) for axis in axes.lower()])


TIME = {"TimeIncrement": 5, "TimeIncrementUnit": "min", "Channel": {"Name": ["DAPI", "GFP", "Cy5"]}}
NAMES = ("DAPI", "GFP", "Cy5")
SQUARE = {"x": (0.125, "µm"), "y": (0.25, "µm")}
KINDS = [
    *(
        Kind(f"order-{axes}.ome.tif", ome(moved(axes), axes, SIZES | DEPTH | TIME), moved(axes), axes.lower(), EVERY,
             channel_names=NAMES)
        for axes in ("TCZYX", "TZCYX", "CTZYX", "CZTYX", "ZTCYX", "ZCTYX")
    ),
    Kind("big-endian.ome.tif", ome(STACK, "TCZYX", SIZES | DEPTH | TIME, byteorder=">", compression="zlib",
                                   predictor=True, tile=(32, 16)), STACK, "tczyx", EVERY, channel_names=NAMES),
    Kind("pyramid.ome.tif", pyramid, VOLUME, "zyx", EVERY),
    Kind("big.ome.tif", ome(VOLUME, "ZYX", SIZES, bigtiff=True, rowsperstrip=5, compression="lzma"), VOLUME, "zyx",
         EVERY | {"z": UNKNOWN}),
    Kind("default-unit.ome.tif", ome(PLANE, "YX", {"PhysicalSizeX": 0.2, "PhysicalSizeY": 0.3}), PLANE, "yx",
         {"x": (0.2, "µm"), "y": (0.3, "µm")}),
    Kind("pixels.ome.tif", ome(PLANE, "YX", {"PhysicalSizeX": 2, "PhysicalSizeXUnit": "pixel"}), PLANE, "yx",
         {"x": (2.0, None)}),
    Kind("zero.ome.tif", ome(PLANE, "YX", {"PhysicalSizeX": 0.0, "PhysicalSizeY": 0.3}), PLANE, "yx",
         {"x": UNKNOWN, "y": (0.3, "µm")}),
    Kind("absurd.ome.tif", ome(PLANE, "YX", {"PhysicalSizeX": 1e-320, "PhysicalSizeY": 1e308,
                                             "PhysicalSizeYUnit": "km"}), PLANE, "yx"),
    Kind("greek.ome.tif", ome(PLANE, "YX", {"PhysicalSizeX": 2, "PhysicalSizeXUnit": "\u03bcm"}), PLANE, "yx",
         {"x": (2.0, "µm")}),
    Kind("colors.ome.tif", ome(COLORS, "YXS", SIZES, photometric="rgb"), COLORS, "yxc", EVERY | {"c": UNKNOWN}, 2),
    Kind("two-files.ome.tif", two_files, VOLUME[:2], "zyx", {"z": (2.5, "µm")}),
    Kind("hyperstack.tif", imagej(moved("tzcyx"), "TZCYX", {"unit": "um", "spacing": 0.5, "finterval": 2.5,
                                                            "Labels": [*NAMES] * 8}),
         moved("tzcyx"), "tzcyx", SQUARE | {"z": (0.5, "µm"), "t": (2.5, "s")}, channel_names=NAMES),
    Kind("escaped.tif", imagej(VOLUME, "ZYX", {"unit": "\\u00B5m", "spacing": -0.5}), VOLUME, "zyx",
         SQUARE | {"z": (0.5, "µm")}),
    Kind("micron.tif", imagej(VOLUME, "ZYX", {"unit": "micron"}), VOLUME, "zyx", SQUARE),
    Kind("nanometers.tif", imagej(PLANE, "YX", {"unit": "nm"}, 0.01), PLANE, "yx", {"x": (100.0, "nm"),
                                                                                  "y": (0.25, "nm")}),
    Kind("inches.tif", imagej(PLANE, "YX", {"unit": "inch"}), PLANE, "yx", {"x": (0.125, "inch"),
                                                                            "y": (0.25, "inch")}),
    Kind("no-unit.tif", imagej(VOLUME, "ZYX", {"unit": "pixel", "spacing": 3.0}), VOLUME, "zyx"),
    Kind("frames.tif", imagej(VOLUME, "TYX", {"fps": 4.0, "unit": "furlong"}), VOLUME, "tyx",
         {"t": (0.25, "s"), "x": (0.125, None), "y": (0.25, None)}),
    Kind("plain.tif", plain(PLANE.astype(">f4"), byteorder=">"), PLANE.astype(np.float32), "yx"),
    Kind("centimeters.tif", plain(PLANE, resolution=(1e5, 5e4), resolutionunit=3, rowsperstrip=8), PLANE, "yx",
         {"x": (1e-5, "cm"), "y": (2e-5, "cm")}),
    Kind("planar.tif", plain(COLORS.transpose(2, 0, 1), photometric="rgb", planarconfig="separate", tile=(16, 16),
                             compression="zlib"), COLORS.transpose(2, 0, 1), "cyx", {}, 0),
    Kind("packbits.tif", pillow(COLORS, compression="packbits"), COLORS, "yxc", {}, 2),
    Kind("lzw.tif", pillow(COLORS, compression="tiff_lzw"), COLORS, "yxc", {}, 2),
    Kind("bits.tif", pillow(COLORS[..., 0] > 99), COLORS[..., 0] > 99, "yx"),
    Kind("deflated.tif", pillow(COLORS, compression="tiff_adobe_deflate"), COLORS, "yxc", {}, 2),
    Kind("c-order.npy", lambda path: np.save(path, PLANE), PLANE, "yx"),
    Kind("turned.npy", lambda path: np.save(path, np.asfortranarray(PLANE.astype(">i8"))), PLANE.astype(int), "yx"),
    Kind("gray.png", lambda path: iio.imwrite(path, COLORS[..., 0]), COLORS[..., 0], "yx"),
    Kind("deep.png", lambda path: iio.imwrite(path, PLANE), PLANE, "yx"),
    Kind("colors.png", lambda path: iio.imwrite(path, COLORS), COLORS, "yxc", {}, 2),
    Kind("opacity.png", lambda path: iio.imwrite(path, np.dstack([COLORS, COLORS[..., :1]])),
         np.dstack([COLORS, COLORS[..., :1]]), "yxc", {}, 2),
    Kind("gray-opacity.png", pillow(COLORS[..., :2]), COLORS[..., :2], "yxc"),
    Kind("flat.jpg", lambda path: iio.imwrite(path, np.full((37, 53, 3), 200, np.uint8)),
         np.full((37, 53, 3), 200, np.uint8), "yxc", {}, 2),
]  # fmt: skip
