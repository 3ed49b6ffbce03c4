"""LIF files of Leica, read by liffile."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...contract.reach import Box
from ..image import Image
from ..problems import ImageFileError, naming
from ..told import Told
from ..zarr.extras import extra
from .frames import SIZED, FramePixels, chosen, image_from, in_micrometers

PURPOSE = "A LIF file"
AXES = {"1": "x", "2": "y", "3": "z", "4": "t"}  # by DimID
DIMENSIONS = "./Data/Image/ImageDescription/Dimensions/DimensionDescription"
CHANNELS = "./Data/Image/ImageDescription/Channels/ChannelDescription"
COLORS = {
    "red": "FF0000", "green": "00FF00", "blue": "0000FF", "cyan": "00FFFF", "magenta": "FF00FF", "yellow": "FFFF00",
    "gray": "FFFFFF", "grey": "FFFFFF",
}  # fmt: skip


def open_lif(path: Path, number: int = 0) -> Image:
    """Open an image of a LIF file; its pixels are read where they are asked for.

    Raises
    ------
    ImageFileError
        If the file is damaged, there is no such image, or liffile is not installed.
    """
    with naming(path, "a LIF file that can be read"), _open(path) as file:
        series = list(file.images)
        image = chosen(path, series, number)
        letters, shape = tuple(image.dims), tuple(map(int, image.shape))
        lead = len(letters) - len(_frame_dims(path, image))
        array = FramePixels(path, number, open_lif, _open, _read, shape, lead, image.dtype)
        told = _told(image)
        tables = [channel.attrib.get("LUTName", "") for channel in image.xml_element.findall(CHANNELS)]
        colors = [COLORS.get(name.lower()) for name in tables]
        return image_from(path, array, letters, told, colors, number, len(series))


def _open(path: Path) -> Any:
    return extra("liffile", "microscopes", PURPOSE).LifFile(path)


def _frame_dims(path: Path, image: Any) -> tuple[str, ...]:
    if not hasattr(image, "frames"):
        raise ImageFileError(f"{path}: must be read by liffile 2026.2.15 or newer: pip install -U liffile")
    dims: tuple[str, ...] = tuple(image.frames.frame_dims)
    if not dims or tuple(image.dims[-len(dims) :]) != dims:
        raise ImageFileError(f"{path}: must hold planes in one piece, not axes {', '.join(image.dims)}")
    return dims


def _read(file: Any, number: int, index: tuple[int, ...], box: Box) -> NDArray[Any]:
    """Read a box of a frame, which is read whole."""
    image = file.images[number]
    frame = np.asarray(image.frame(**dict(zip(image.dims, index, strict=False))))
    part: NDArray[Any] = frame[tuple(slice(a, b) for a, b in box)]
    return part


def _told(image: Any) -> Told:
    """Return what the XML says: the length from the first to the last pixel, which is negative where stacks go down."""
    told = Told(name=str(image.name))
    for element in image.xml_element.findall(DIMENSIONS):
        given = element.attrib
        axis, count = AXES.get(given.get("DimID", "")), int(given.get("NumberOfElements", 1))
        if axis is not None and count > 1:
            step = float(given.get("Length", 0)) / (count - 1)
            told.add(axis, *in_micrometers(step, given.get("Unit") or None), SIZED[axis])
    channels = image.xml_element.findall(CHANNELS)
    dyes = [_property(channel, "DyeName") for channel in channels]
    told.channel_names = tuple(dyes) if all(dyes) else tuple(c.attrib.get("LUTName", "") for c in channels)
    return told


def _property(channel: Any, key: str) -> str:
    """Return the value of a property of a channel, or ""."""
    for element in channel.findall("./ChannelProperty"):
        if element.findtext("Key") == key:
            return element.findtext("Value") or ""
    return ""
