"""Writing TIFF files, part by part: OME-TIFF in tiles, with levels, and ImageJ's hyperstacks."""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..image import Image, named_by
from ..notes import NAMESPACE, note_of
from ..problems import ImageFileError
from ..units import find_unit
from .bands import CoarseLabels, CoarseLevels, bands_of, tiles_of
from .imagej import PREFIX, in_unit, shown_as, unit_of_imagej
from .ome import ome_color

OME_TYPES = ("uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64")
IMAGEJ_TYPES = ("uint8", "uint16", "float32")
OME_ORDER, IMAGEJ_ORDER = "tczyx", "tzcyx"
TILE = 512  # pixels
SIXTEEN = 16  # of which TIFF's tiles are multiples
STRIPED = 2**23  # pixels up to which a plane without levels is stored in strips
STRIP = 2**18  # bytes
CLASSIC = 2**32 - 2**25  # bytes of pixels that a classic TIFF file may hold
Array = NDArray[Any]


class Stored(NamedTuple):
    """How an image is stored: its axes in that order, by name and by number, and the type and shape of what is stored.

    The axes are those before a plane, then y and x; in a color image, that of the channels comes after them or, where
    it is just before them in the image and the file can keep it there, before them.
    """

    axes: list[str]
    order: list[int]
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    samples: int  # number of channels of a color image; 0 for another one
    is_planar: bool  # whether each channel is stored as a plane

    @classmethod
    def of(cls, path: Path, image: Image, imagej: bool) -> "Stored":
        """Return how an image is stored in a file of OME or of ImageJ.

        Raises
        ------
        ImageFileError
            If it has other axes than these may have, another type, or, for ImageJ, opacity or too many pixels.
        """
        color = image.channel_axis
        letters = IMAGEJ_ORDER if imagej else OME_ORDER
        allowed = letters.replace("c", "") if color is not None else letters
        names = [image.axes[k] for k in image.places]
        if not {"y", "x"} <= {*names} or not {*names} <= {*allowed}:
            raise ImageFileError(
                f"{path}: must have the axes y and x, and may have {', '.join(a for a in allowed if a not in 'yx')}"
                f" before them, not {', '.join(names)}: name them (axes, --axis-names), or write a .npy file"
            )
        leading = [name for name in names if name not in "yx"]
        axes = [*(sorted(leading, key=allowed.index) if imagej else leading), "y", "x"]
        order = [next(k for k in image.places if image.axes[k] == name) for name in axes]
        types = OME_TYPES if not imagej else IMAGEJ_TYPES if color is None else IMAGEJ_TYPES[:1]
        dtype: np.dtype[Any] = np.dtype(image.dtype).newbyteorder("=")
        if dtype.name not in types:
            raise ImageFileError(f"{path}: must hold {', '.join(types)}, not {dtype.name}; write a .npy file")
        is_planar = not imagej and color is not None and [*order[:-2], color] == list(range(len(order) - 1))
        if color is not None:
            place = len(axes) - 2 * is_planar
            axes, order = [*axes[:place], "s", *axes[place:]], [*order[:place], color, *order[place:]]
        shape = tuple(image.shape[k] for k in order)
        samples = 0 if color is None else image.shape[color]
        if imagej and samples == 4:
            raise ImageFileError(f"{path}: must have no opacity, which ImageJ's files cannot hold")
        if imagej and math.prod(shape) * dtype.itemsize > CLASSIC:
            raise ImageFileError(f"{path}: must be smaller than 4 GiB for ImageJ; write an OME-TIFF file")
        return cls(axes, order, dtype, shape, samples, is_planar)

    @property
    def lead(self) -> tuple[int, ...]:
        """Shape before that of a plane."""
        return self.shape[: len(self.shape) - self._of_plane]

    @property
    def plane(self) -> tuple[int, ...]:
        """Shape of a plane."""
        return self.shape[len(self.shape) - self._of_plane :]

    @property
    def _of_plane(self) -> int:
        return 3 if self.samples and not self.is_planar else 2

    @property
    def letters(self) -> str:
        """The axes as tifffile takes them."""
        return "".join(self.axes).upper()


def write_ome(
    beside: Path, path: Path, image: Image, levels: int, compression: str, labels: bool = False
) -> None:  # fmt: skip
    """Write an OME-TIFF file in tiles, a row of them at a time; in strips, if it has neither levels nor large planes.

    Programs that are built on ITK, such as 3D Slicer and SimpleITK, read no tiles: they give colors of 8 bits instead.

    Parameters
    ----------
    beside, path
        Where it is written, and the file that it will be.
    image, levels, compression, labels
        As in `write_image`.
    """
    import tifffile

    stored = Stored.of(path, image, imagej=False)
    dtype, plane = stored.dtype, stored.plane
    sides: list[tuple[int, ...]] = [plane[:2]]
    while len(sides) < levels and max(sides[-1]) > 1:
        sides.append((math.ceil(sides[-1][0] / 2), math.ceil(sides[-1][1] / 2)))
    options: dict[str, Any] = {"photometric": "rgb" if stored.samples else "minisblack", "dtype": dtype}
    if compression != "none":
        options |= {"compression": "zlib", "predictor": dtype.kind in "iu", "compressionargs": {"level": 6}}
    if stored.samples:
        options |= {"planarconfig": "separate" if stored.is_planar else "contig"}
        options |= {"extrasamples": ["unassalpha"] * (stored.samples == 4)}
    with ExitStack() as stack:
        folder = Path()
        if len(sides) > 1:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix=f"{beside.name}.", dir=path.parent)))
        stores = [
            np.memmap(folder / str(k), dtype, "w+", shape=(math.prod(stored.lead), *side, *plane[2:]))
            for k, side in enumerate(sides[1:])
        ]
        coarse = CoarseLabels(stores, plane[:2]) if labels else CoarseLevels(stores)
        bytes_of_pixels = dtype.itemsize * math.prod(stored.shape) + sum(store.nbytes for store in stores)
        writer = stack.enter_context(tifffile.TiffWriter(beside, bigtiff=bytes_of_pixels > CLASSIC, ome=True))
        is_striped = not stores and not stored.is_planar and math.prod(plane[:2]) <= STRIPED
        row = math.prod(plane[1:]) * dtype.itemsize
        options |= {"rowsperstrip": max(STRIP // row, 1)} if is_striped else {"tile": _tile(plane)}
        writer.write(
            _planes(image, stored) if is_striped else _finest(image, stored, coarse), shape=stored.shape,
            subifds=len(stores), metadata={"axes": stored.letters, **_ome_metadata(path, image, stored)}, **options,
        )  # fmt: skip
        while stores:
            _write_coarse(writer, stores.pop(0), stored.lead, options)


def _write_coarse(writer: Any, store: Array, lead: tuple[int, ...], options: dict[str, Any]) -> None:
    """Write a coarse level, which is then forgotten, so that its file can be removed on every system."""
    tile = _tile(store.shape[1:3])
    bands = (plane[first : first + tile[0]] for plane in store for first in range(0, plane.shape[0], tile[0]))
    tiles = (part for band in bands for part in tiles_of(band, tile))
    options = {**options, "tile": tile}
    writer.write(tiles, shape=(*lead, *store.shape[1:]), subfiletype=1, metadata=None, **options)


def _planes(image: Image, stored: Stored) -> Iterator[Array]:
    """Yield the planes of an image."""
    return (band.pixels for band in bands_of(image.array, stored.order, len(stored.lead), stored.plane[0]))


def _finest(image: Image, stored: Stored, coarse: CoarseLevels | CoarseLabels) -> Iterator[Array]:
    """Yield the tiles of an image, and compute its coarse levels."""
    tile = _tile(stored.plane)
    for band in bands_of(image.array, stored.order, len(stored.lead), tile[0]):
        coarse.fill(band)
        yield from tiles_of(band.pixels, tile)


def write_imagej(beside: Path, path: Path, image: Image) -> None:
    """Write a TIFF file as ImageJ does, plane by plane, without compression; arguments as in `write_ome`."""
    import tifffile

    stored = Stored.of(path, image, imagej=True)
    by_axis = dict(zip(image.axes, zip(image.scale, image.units, strict=True), strict=True))
    spelled, symbol = unit_of_imagej({axis: unit for axis, (_, unit) in by_axis.items()})
    sizes = {a: size for a in "xyz" if a in by_axis and (size := in_unit(*by_axis[a], symbol)) is not None}
    if not {"x", "y"} <= {*sizes}:
        raise ImageFileError(f"{path}: must have pixel sizes along both x and y, or along none, for ImageJ")
    metadata: dict[str, Any] = {"axes": stored.letters, "unit": spelled}
    if "z" in sizes:
        metadata["spacing"] = sizes["z"]
    if "t" in by_axis and (interval := in_unit(*by_axis["t"], "s")) is not None:
        metadata["finterval"] = interval
    if image.channel_names:
        others = [n for a, n in zip(stored.axes, stored.shape, strict=True) if a in "tz"]
        metadata["Labels"] = list(image.channel_names) * math.prod(others)
    if not stored.samples:
        metadata |= shown_as(image) | ({"mode": "composite"} if "c" in stored.axes else {})
    if note := note_of(replace(image, limits=()), with_shown=True):
        metadata["Info"] = PREFIX + note
    resolution = 1 / sizes["x"], 1 / sizes["y"]
    with tifffile.TiffWriter(beside, imagej=True) as writer:
        writer.write(
            _planes(image, stored), shape=stored.shape, dtype=stored.dtype, resolution=resolution,
            photometric="rgb" if stored.samples else "minisblack", metadata=metadata,
        )  # fmt: skip


def _tile(sides: Sequence[int]) -> tuple[int, int]:
    """Return the shape of tiles for a plane: multiples of 16."""
    rows, columns = (min(TILE, math.ceil(n / SIXTEEN) * SIXTEEN) for n in sides[:2])
    return rows, columns


def _ome_metadata(path: Path, image: Image, stored: Stored) -> dict[str, Any]:
    """Return pixel sizes, units, names and our note as tifffile writes them into OME's XML."""
    out: dict[str, Any] = {"Name": image.name or named_by(path)}
    for axis, k in zip(stored.axes, stored.order, strict=True):
        if axis not in "xyzt":
            continue
        if (unit := image.units[k]) is None:
            if axis != "t" and image.scale[k] != 1:
                out |= {f"PhysicalSize{axis.upper()}": image.scale[k], f"PhysicalSize{axis.upper()}Unit": "pixel"}
            continue
        found = find_unit(unit)
        assert found is not None
        if axis != "t" and found.kind == "length":
            spelled = {"inch": "in"}.get(found.symbol, found.symbol)
            out |= {f"PhysicalSize{axis.upper()}": image.scale[k], f"PhysicalSize{axis.upper()}Unit": spelled}
        elif axis == "t" and found.kind == "time":
            out |= {"TimeIncrement": image.scale[k], "TimeIncrementUnit": found.symbol}
    channel = {"Name": list(image.channel_names), "Color": [ome_color(color) for color in image.channel_colors]}
    if image.channel_axis is None and any(channel.values()):
        out["Channel"] = {name: values for name, values in channel.items() if values}
    if note := note_of(image, with_shown=True):
        out["CommentAnnotation"] = [{"Namespace": NAMESPACE, "Value": note}]
    return out
