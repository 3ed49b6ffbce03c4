"""CZI files of Zeiss, read by czifile, which gives colors red first and pixel sizes in meters."""

import math
import sys
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ...contract.reach import Box
from ..image import Image
from ..problems import ImageFileError, naming
from ..told import Told
from ..zarr.extras import extra
from .frames import SIZED, FramePixels, chosen, image_from, in_micrometers

PURPOSE = "A CZI file"
OLDEST = (3, 12)  # version of Python for which there is a czifile that keeps units and fills gaps of mosaics
GAPS = 0  # value of the pixels of a mosaic that no part of it covers


def open_czi(path: Path, number: int = 0) -> Image:
    """Open a scene of a CZI file; its pixels are read where they are asked for, mosaics as one plane.

    Raises
    ------
    ImageFileError
        If the file is damaged, there is no such scene, or czifile is not installed.
    """
    with naming(path, "a CZI file that can be read"), _open(path) as file:
        scenes = list(file.scenes.values())
        scene = chosen(path, scenes, number)
        letters, shape = tuple(scene.dims), tuple(map(int, scene.shape))
        lead = next(k for k, letter in enumerate(letters) if letter in "YXS")
        array = FramePixels(path, number, open_czi, _open, _read, shape, lead, scene.dtype)
        told = Told()
        units = scene.coord_units
        for letter, size in scene.coord_scales.items():
            if letter in letters and letter.lower() in SIZED:
                told.add(letter.lower(), *in_micrometers(size, units.get(letter)), SIZED[letter.lower()])
        first = scene.start[letters.index("C")] if "C" in letters else 0
        count = shape[letters.index("C")] if "C" in letters else 1
        channels = list(scene.channels.items())[first : first + count]
        told.channel_names = tuple(name for name, _ in channels)
        if sum(math.prod(entry.shape) for entry in scene.directory_entries) < math.prod(shape):
            told.notes.append(f"Pixels of the mosaic that are in none of its parts are read as {GAPS}.")
        colors = [_color(known.get("Color", "")) for _, known in channels]
        return image_from(path, array, letters, told, colors, number, len(scenes))


def _open(path: Path) -> Any:
    if sys.version_info < OLDEST:
        raise ImageFileError(f"{path}: must be opened on Python 3.12 or newer, which the library for CZI files needs")
    library = extra("czifile", "microscopes", PURPOSE)
    file = library.CziFile(path)
    if not hasattr(file, "scenes"):
        file.close()
        raise ImageFileError(f"{path}: must be read by czifile 2026.1 or newer: pip install -U czifile")
    return file


def _read(file: Any, number: int, index: tuple[int, ...], box: Box) -> NDArray[Any]:
    """Read a box of a plane; czifile counts planes and pixels from where the file begins to."""
    scene = list(file.scenes.values())[number]
    lead = len(index)
    at = {letter: first + k for letter, first, k in zip(scene.dims, scene.start, index, strict=False)}
    spans = dict(zip(scene.dims[lead:], box, strict=True))
    left, top, width, height = scene.bbox
    (rows, down), (columns, right) = spans.get("Y", (0, height)), spans.get("X", (0, width))
    pixels = scene(roi=(left + columns, top + rows, right - columns, down - rows), **at).asarray(fillvalue=GAPS)
    colors = spans.get("S")
    part: NDArray[Any] = pixels if colors is None else pixels[..., slice(*colors)]
    return part


def _color(text: str) -> str | None:
    """Return the color that a text such as "#FF00FF00" means, whose first two digits are opacity."""
    digits = text.removeprefix("#")[-6:]
    return digits.upper() if len(digits) == 6 and all(d in "0123456789abcdefABCDEF" for d in digits) else None
