"""Writing TIFF files, part by part: OME-TIFF in tiles, with levels, and ImageJ's hyperstacks."""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..image import Image
from ..notes import NAMESPACE, note_of
from ..problems import ImageFileError
from ..units import find_unit
from .bands import CoarseLevels, bands_of, tiles_of
from .imagej import PREFIX, in_unit, unit_of_imagej

OME_TYPES = ("uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64")
IMAGEJ_TYPES = ("uint8", "uint16", "float32")
IMAGEJ_ORDER = ("t", "z", "c", "y", "x")
TILE = 512  # pixels
SIXTEEN = 16  # of which TIFF's tiles are multiples
CLASSIC = 2**32 - 2**25  # bytes of pixels that a classic TIFF file may hold
Array = NDArray[Any]


def write_ome(beside: Path, path: Path, image: Image, levels: int, compression: str) -> None:
    """Write an OME-TIFF file in tiles; one row of tiles is read at a time.

    Parameters
    ----------
    beside, path
        Where it is written, and the file that it will be.
    image, levels, compression
        As in `write_image`.
    """
    import tifffile

    axes, order = _stored_order(path, image, "tczyx")
    dtype = _type(path, image, OME_TYPES)
    if levels < 1:
        raise ImageFileError(f"{path}: must have at least one level, not levels={levels}")
    color = image.channel_axis is not None
    shape = tuple(image.shape[k] for k in order)
    lead, plane = shape[: len(shape) - 2 - color], shape[len(shape) - 2 - color :]
    sides = [plane[:2]]
    while len(sides) < levels and max(sides[-1]) > 1:
        sides.append((math.ceil(sides[-1][0] / 2), math.ceil(sides[-1][1] / 2)))
    letters = "".join([*axes[:-1], "s"] if color else axes).upper()
    options: dict[str, Any] = {"photometric": "rgb" if color else "minisblack", "dtype": dtype}
    if compression != "none":
        options |= {"compression": "zlib", "predictor": dtype.kind in "iu", "compressionargs": {"level": 6}}
    if color:
        options |= {"planarconfig": "contig", "extrasamples": ["unassalpha"] * (plane[2] == 4)}
    with ExitStack() as stack:
        folder = Path()
        if len(sides) > 1:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent)))
        stores = [
            np.memmap(folder / str(k), dtype, "w+", shape=(math.prod(lead), *side, *plane[2:]))
            for k, side in enumerate(sides[1:])
        ]
        bytes_of_pixels = dtype.itemsize * math.prod(shape) + sum(store.nbytes for store in stores)
        writer = stack.enter_context(tifffile.TiffWriter(beside, bigtiff=bytes_of_pixels > CLASSIC, ome=True))
        writer.write(
            _finest(image, order, len(lead), CoarseLevels(stores)), shape=shape, tile=_tile(sides[0]),
            subifds=len(stores), metadata={"axes": letters, **_ome_metadata(image, axes)}, **options,
        )  # fmt: skip
        while stores:
            _write_coarse(writer, stores.pop(0), lead, options)


def _write_coarse(writer: Any, store: Array, lead: tuple[int, ...], options: dict[str, Any]) -> None:
    """Write a coarse level, which is then forgotten, so that its file can be removed on every system."""
    tile = _tile(store.shape[1:3])
    bands = (plane[first : first + tile[0]] for plane in store for first in range(0, plane.shape[0], tile[0]))
    tiles = (part for band in bands for part in tiles_of(band, tile))
    writer.write(tiles, shape=(*lead, *store.shape[1:]), tile=tile, subfiletype=1, metadata=None, **options)


def _finest(image: Image, order: list[int], lead: int, coarse: CoarseLevels) -> Iterator[Array]:
    """Yield the tiles of an image, and compute its coarse levels."""
    tile = _tile([image.shape[axis] for axis in order[lead:]])
    for band in bands_of(image.array, order, lead, tile[0]):
        coarse.fill(band)
        yield from tiles_of(band.pixels, tile)


def write_imagej(beside: Path, path: Path, image: Image) -> None:
    """Write a TIFF file as ImageJ does, plane by plane, without compression; arguments as in `write_ome`."""
    import tifffile

    color = image.channel_axis is not None
    types = ("uint8",) if color else IMAGEJ_TYPES
    axes, order = _stored_order(path, image, "tzyx" if color else "tzcyx", sort=True)
    dtype = _type(path, image, types)
    if color and image.shape[order[-1]] != 3:
        raise ImageFileError(f"{path}: must have no opacity, which ImageJ's files cannot hold")
    shape = tuple(image.shape[k] for k in order)
    if math.prod(shape) * dtype.itemsize > CLASSIC:
        raise ImageFileError(f"{path}: must be smaller than 4 GiB for ImageJ; write an OME-TIFF file")
    by_axis = dict(zip(image.axes, zip(image.scale, image.units, strict=True), strict=True))
    spelled, symbol = unit_of_imagej({axis: unit for axis, (_, unit) in by_axis.items()})
    sizes = {a: in_unit(*by_axis[a], symbol) for a in "xyz" if a in by_axis}
    metadata: dict[str, Any] = {"axes": "".join([*axes[:-1], "s"] if color else axes).upper(), "unit": spelled}
    if "z" in sizes:
        metadata["spacing"] = sizes["z"]
    if "t" in by_axis and by_axis["t"][1] is not None:
        metadata["finterval"] = in_unit(*by_axis["t"], "s")
    if image.channel_names:
        others = [n for a, n in zip(axes, shape, strict=True) if a in "tz"]
        metadata |= {"mode": "composite", "Labels": list(image.channel_names) * math.prod(others)}
    if note := note_of(image):
        metadata["Info"] = PREFIX + note
    lead = len(shape) - 2 - color
    planes = (band.pixels for band in bands_of(image.array, order, lead, shape[lead]))
    resolution = tuple(1 / sizes.get(axis, 1.0) for axis in "xy")
    with tifffile.TiffWriter(beside, imagej=True) as writer:
        writer.write(
            planes, shape=shape, dtype=dtype, photometric="rgb" if color else "minisblack", metadata=metadata,
            resolution=resolution,
        )  # fmt: skip


def _stored_order(path: Path, image: Image, allowed: str, sort: bool = False) -> tuple[list[str], list[int]]:
    """Return names and numbers of the axes as they are stored: rows, columns and colors last, the others as they are.

    With `sort`, the others are in the order of `allowed`.
    """
    names = [image.axes[k] for k in image.places]
    if not {"y", "x"} <= {*names} or not {*names} <= {*allowed}:
        raise ImageFileError(
            f"{path}: must have the axes y and x, and may have {', '.join(a for a in allowed if a not in 'yx')} before"
            f" them; not {', '.join(names)}: name them, or write a .npy file"
        )
    leading = [name for name in names if name not in "yx"]
    axes = [*(sorted(leading, key=allowed.index) if sort else leading), "y", "x"]
    order = [image.axes.index(name) for name in axes]
    if image.channel_axis is not None:
        if "c" in axes:
            raise ImageFileError(f"{path}: must have either colors or an axis c")
        return [*axes, "c"], [*order, image.channel_axis]
    return axes, order


def _type(path: Path, image: Image, types: Sequence[str]) -> np.dtype[Any]:
    dtype: np.dtype[Any] = np.dtype(image.dtype).newbyteorder("=")
    if dtype.name not in types:
        raise ImageFileError(f"{path}: must hold {', '.join(types)}, not {dtype.name}; write a .npy file")
    return dtype


def _tile(sides: Sequence[int]) -> tuple[int, int]:
    """Return the shape of tiles for a plane: multiples of 16."""
    rows, columns = (min(TILE, math.ceil(n / SIXTEEN) * SIXTEEN) for n in sides[:2])
    return rows, columns


def _ome_metadata(image: Image, axes: list[str]) -> dict[str, Any]:
    """Return pixel sizes, units, names and our note as tifffile writes them into OME's XML."""
    out: dict[str, Any] = {"Name": image.name} if image.name else {}
    for axis in (a for a in axes if a in "xyzt"):
        k = image.axes.index(axis)
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
    if image.channel_names and image.channel_axis is None:
        out["Channel"] = {"Name": list(image.channel_names)}
    if note := note_of(image):
        out["CommentAnnotation"] = [{"Namespace": NAMESPACE, "Value": note}]
    return out
