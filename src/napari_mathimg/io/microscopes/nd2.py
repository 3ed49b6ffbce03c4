"""ND2 files of Nikon, read by nd2."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...contract.reach import Box
from ..image import Image
from ..problems import naming
from ..told import Told
from ..zarr.extras import extra
from .frames import FramePixels, chosen, image_from

PURPOSE = "An ND2 file"
OF_FRAME = ("C", "Y", "X", "S")  # axes of what is read at a time
POSITION = "P"


def open_nd2(path: Path, number: int = 0) -> Image:
    """Open a position of an ND2 file; its pixels are read where they are asked for.

    Raises
    ------
    ImageFileError
        If the file is damaged, there is no such position, or nd2 is not installed.
    """
    with naming(path, "an ND2 file that can be read"), _open(path) as file:
        sizes = dict(file.sizes)
        positions = range(sizes.pop(POSITION, 1))
        chosen(path, positions, number)
        letters = tuple(sizes)
        lead = next(k for k, letter in enumerate(letters) if letter in OF_FRAME)
        array = FramePixels(path, number, open_nd2, _open, _read, tuple(sizes.values()), lead, file.dtype)
        told = _told(file)
        colors = [_color(channel.channel) for channel in file.metadata.channels or []]
        return image_from(path, array, letters, told, colors, number, len(positions))


def _open(path: Path) -> Any:
    return extra("nd2", "microscopes", PURPOSE).ND2File(path)


def _read(file: Any, number: int, index: tuple[int, ...], box: Box) -> NDArray[Any]:
    """Read a box of a frame, which is read whole."""
    sizes = dict(file.sizes)
    loops = [letter for letter in sizes if letter not in OF_FRAME]
    rest = iter(index)
    at = [number if letter == POSITION else next(rest) for letter in loops]
    sequence = int(np.ravel_multi_index(at, [sizes[letter] for letter in loops])) if loops else 0
    shape = [sizes[letter] for letter in sizes if letter in OF_FRAME]
    part: NDArray[Any] = np.asarray(file.read_frame(sequence)).reshape(shape)[tuple(slice(a, b) for a, b in box)]
    return part


def _told(file: Any) -> Told:
    """Return pixel sizes, which nd2 gives in micrometers, those of planes that say to be calibrated."""
    told = Told()
    channels = file.metadata.channels or []
    told.channel_names = tuple(channel.channel.name for channel in channels)
    calibrated = channels[0].volume.axesCalibrated if channels else (False,) * 3
    for axis, size, is_known in zip("xyz", file.voxel_size(), calibrated, strict=True):
        if is_known and axis.upper() in file.sizes:
            told.add(axis, size, "µm")
    for loop in file.experiment:
        if loop.type == "ZStackLoop" and "z" not in told.sizes:
            told.add("z", loop.parameters.stepUm, "µm")
        if loop.type == "TimeLoop":
            found = loop.parameters.periodDiff
            told.add("t", (found.avg if found else 0) or loop.parameters.periodMs, "ms", "time")
    return told


def _color(channel: Any) -> str | None:
    """Return the color of a channel as six hexadecimal digits."""
    color = getattr(channel, "color", None)
    return None if color is None else f"{color.r:02X}{color.g:02X}{color.b:02X}"
