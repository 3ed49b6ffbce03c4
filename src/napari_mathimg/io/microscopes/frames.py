"""Pixels of microscopes' files, which another library reads frame by frame."""

import itertools
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...contract.reach import Box
from ..boxes import ReadBoxes
from ..image import Image
from ..problems import ImageFileError, naming
from ..told import Told

Read = Callable[[Any, int, tuple[int, ...], Box], NDArray[Any]]
SIZED = {"x": "length", "y": "length", "z": "length", "t": "time"}


class FramePixels(ReadBoxes):
    """A lazy array over the frames of an image; one thread at a time reads the file, which stays open.

    Parameters
    ----------
    path, number
        File, and number of the image in it.
    opened_by
        A function that opens the image again, of a path and a number.
    open_file
        A function that opens the file, of a path.
    read_frame
        A function that reads a box of a frame, of the open file, the number of the image, the index of the frame and
        the box.
    shape, lead, dtype
        Shape of the array, number of axes before those of a frame, and type of the pixels.
    """

    def __init__(
        self, path: Path, number: int, opened_by: Callable[[Path, int], Image], open_file: Callable[[Path], Any],
        read_frame: Read, shape: Sequence[int], lead: int, dtype: Any,
    ) -> None:  # fmt: skip
        super().__init__(tuple(shape), dtype)
        self.chunks = (1,) * lead + self.shape[lead:]
        self._path, self._number, self._opened_by = path, number, opened_by
        self._open_file, self._read_frame, self._lead = open_file, read_frame, lead
        self._file: Any = None
        self._lock = Lock()

    def __reduce__(self) -> Any:
        """Pickle as the way to open it again."""
        return _pixels_of, (self._opened_by, self._path, self._number)

    def read(self, box: Box) -> NDArray[Any]:
        """Read a box."""
        out = np.empty([b - a for a, b in box], self.dtype.newbyteorder("="))
        inner = box[self._lead :]
        frames = out.reshape(-1, *(b - a for a, b in inner))
        indices = itertools.product(*(range(a, b) for a, b in box[: self._lead]))
        with self._lock, naming(self._path, "a file whose pixels can be read"):
            if self._file is None:
                self._file = self._open_file(self._path)
                weakref.finalize(self, self._file.close)
            for frame, index in zip(frames, indices, strict=True):
                frame[...] = self._read_frame(self._file, self._number, index, inner).reshape(frame.shape)
        return out


def _pixels_of(opened_by: Callable[[Path, int], Image], path: Path, number: int) -> Any:
    return opened_by(path, number).array


def chosen(path: Path, images: Sequence[Any], number: int) -> Any:
    """Return an image of a file by its number.

    Raises
    ------
    ImageFileError
        If there is no such image.
    """
    if not images:
        raise ImageFileError(f"{path}: must hold an image")
    if not 0 <= number < len(images):
        count = f"{len(images)} images" if len(images) > 1 else f"one image, so that series must be 0, not {number}"
        raise ImageFileError(f"{path}: must be a file of {count}")
    return images[number]


def in_micrometers(size: float, unit: str | None) -> tuple[float, str | None]:
    """Return a length in meters as one in micrometers, without the error of the product; others as they are.

    Examples
    --------
    >>> in_micrometers(1e-07, "meter"), in_micrometers(2.0, "s")
    ((0.1, 'µm'), (2.0, 's'))
    """
    return (float(f"{size * 1e6:.12g}"), "µm") if unit in ("m", "meter") else (size, unit)


def image_from(
    path: Path, array: FramePixels, letters: Sequence[str], told: Told, colors: Sequence[str | None], number: int,
    count: int,
) -> Image:  # fmt: skip
    """Return an image of a microscope's file.

    Parameters
    ----------
    path, array
        The file and its pixels.
    letters
        Letter of each axis, as the libraries name it: S is that of red, green and blue.
    told
        What the file says.
    colors
        Color of each channel as six hexadecimal digits; None for an unknown one.
    number, count
        Number of the image, and how many there are.
    """
    sampled = "S" in letters and "C" not in letters
    axes = tuple("c" if letter == "S" and sampled else letter.lower() for letter in letters)
    place = letters.index("S") if "S" in letters else None
    color_axis = place if place is not None and array.shape[place] in (3, 4) else None
    channels = 1 if "C" not in letters else array.shape[letters.index("C")]
    notes = list(told.notes)
    if unknown := [axis for axis in axes if axis in ("x", "y", "z") and axis not in told.sizes]:
        notes.append(f"The pixel size along {', '.join(unknown)} is not known.")
    if count > 1:
        notes.append(f"The file holds {count} images: this is number {number}.")
    sizes = [told.sizes.get(axis, (1.0, None)) for axis in axes]
    names = told.channel_names
    distinct = "C" in letters and len(names) == channels == len({*names}) and all(names)
    known = tuple(color for color in colors if color)
    return Image(
        array, axes, tuple(s for s, _ in sizes), tuple(u for _, u in sizes), color_axis,
        tuple(names) if distinct else (), name=told.name or path.name.partition(".")[0], notes=tuple(notes),
        files=(path,), channel_colors=known if len(known) == channels and color_axis is None else (),
    )  # fmt: skip
