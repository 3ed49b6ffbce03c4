"""Opening a TIFF file: its axes, pixel sizes, units, names, levels and pixels."""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..image import Image, named_by
from ..notes import RECORD, read_note, read_origin, read_shown
from ..problems import ImageFileError, naming
from .imagej import read_imagej
from .ome import check_ome, read_ome
from .pixels import Segments, TiffPixels
from .tags import read_tags

RGB, YCBCR, PALETTE, WHITE_IS_ZERO = 2, 6, 3, 0


def open_tiff(path: Path, number: int = 0) -> Image:
    """Open an image of a TIFF file.

    Raises
    ------
    ImageFileError
        If the file is damaged, or there is no such image.
    """
    import tifffile

    with naming(path, "a TIFF file that can be read"), _without_log(), tifffile.TiffFile(path) as file:
        if not file.pages:
            raise ImageFileError(f"{path}: must hold an image")
        if file.is_ome:
            check_ome(path, file.ome_metadata)
        every = [series for series in file.series if math.prod(series.shape)]
        if not 0 <= number < len(every):
            count = f"one image, so that series must be 0, not {number}"
            raise ImageFileError(f"{path}: must be a file of {f'{len(every)} images' if len(every) > 1 else count}")
        image = _image_of(path, file, every[number], number)
        more = (f"The file holds {len(every)} images: this is number {number}.",) if len(every) > 1 else ()
        return replace(image, notes=(*image.notes, *more))


@contextmanager
def _without_log() -> Iterator[None]:
    """Silence tifffile's log, because what matters of it is told by errors and notes."""
    log = logging.getLogger("tifffile")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


def _image_of(path: Path, file: Any, series: Any, number: int) -> Image:
    """Return a series of tifffile as an image."""
    page = series.keyframe
    dtype = np.dtype(page.dtype or "O")
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise ImageFileError(f"{path}: must hold real numbers of at most 64 bits, not {dtype}")
    files: list[Path] = [path]
    levels = tuple(_pixels(files, file, level, number, k) for k, level in enumerate(series.levels))
    axes, channel_axis = _axes(series, page)
    if file.is_ome:
        told = read_ome(file.ome_metadata, number, len(file.series), series.name, axes)
    elif file.is_imagej:
        told = read_imagej(file.imagej_metadata or {}, page.tags, axes, series.shape)
    else:
        told = read_tags(page.tags)
    record, translate, why = read_note(told.note, axes) if told.note else ([], (), "")
    notes = [*told.notes, *filter(None, [why]), *_notes_on_pixels(series, page)]
    if unknown := [axis for axis in axes if axis in ("x", "y", "z") and axis not in told.sizes]:
        notes.append(f"The pixel size along {', '.join(unknown)} is not known.")
    sizes = [told.sizes.get(axis, (1.0, None)) if k != channel_axis else (1.0, None) for k, axis in enumerate(axes)]
    limits, is_labels = read_shown(told.note) if told.note else ((), False)
    told.limits = told.limits or limits
    count = series.shape[axes.index("c")] if "c" in axes else 1
    channels = told.channels(count) if channel_axis is None else {}
    if "c" not in axes:
        channels.pop("channel_names", None)
    return Image(
        levels[0], axes, tuple(s for s, _ in sizes), tuple(u for _, u in sizes), channel_axis, translate=translate,
        levels=levels if len(levels) > 1 else (), name=told.name or named_by(path),
        metadata={RECORD: record, **read_origin(told.note)} if record else {}, notes=tuple(notes), files=tuple(files),
        is_named=not any(axis.startswith("axis ") for axis in axes), is_labels=is_labels, **channels,
    )  # fmt: skip


def _axes(series: Any, page: Any) -> tuple[tuple[str, ...], int | None]:
    """Return the names of the axes, and the axis of the channels of a color image."""
    letters, shape = str(series.axes), series.shape
    samples = letters.find("S")
    is_color = int(page.photometric) in (RGB, YCBCR)
    axes = [letter.lower() for letter in letters]
    if samples >= 0:
        axes[samples] = "s" if "C" in letters else "c"
    named = [f"axis {k}" if letters[k] in "QI" or letters.count(letters[k]) > 1 else a for k, a in enumerate(axes)]
    return tuple(named), samples if samples >= 0 and is_color and shape[samples] in (3, 4) else None


def _notes_on_pixels(series: Any, page: Any) -> Iterator[str]:
    photometric = int(page.photometric)
    if photometric == PALETTE:
        yield "The pixels are numbers of colors in a palette, which is left out."
    if photometric == WHITE_IS_ZERO:
        yield "White is 0 in this file: its values are read as they are."
    missing = sum(1 for number in range(len(series)) if series[number] is None)
    if missing:
        yield f"{missing} of {len(series)} planes are missing, and read as 0."


def _pixels(files: list[Path], file: Any, series: Any, number: int, level: int) -> Any:
    """Return the pixels of a level: mapped into memory where they lie in one piece, otherwise segment by segment."""
    page = series.keyframe
    shape = tuple(int(n) for n in series.shape)
    dtype = np.dtype(page.dtype)
    offset = series.dataoffset
    if offset is not None and not series.is_multifile and page.bitspersample == 8 * dtype.itemsize:
        if offset + math.prod(shape) * dtype.itemsize > files[0].stat().st_size:
            raise ImageFileError(f"{files[0]}: must be whole; some of its pixels lie beyond its end")
        return np.memmap(files[0], dtype.newbyteorder(file.byteorder), "r", offset, shape)
    if tuple(page.shape) != shape[len(shape) - len(page.shape) :]:
        raise ImageFileError(f"{files[0]}: must hold planes of shape {shape[-len(page.shape) :]}, not {page.shape}")
    _ = page.decode, page.jpegheader  # which tifffile reads from the file, once
    pages = [_segments(files, series[k], page) for k in range(len(series))]
    if len(pages) != math.prod(shape[: len(shape) - len(page.shape)]):
        raise ImageFileError(f"{files[0]}: must hold one plane for each of shape {shape}, not {len(pages)}")
    return TiffPixels(files, (open_pixels, (files[0], number, level)), pages, page, shape, file.byteorder)


def _segments(files: list[Path], page: Any, keyframe: Any) -> Segments | None:
    """Return where the tiles or strips of a page lie, which is stored like another one."""
    if page is None:
        return None
    path = Path(page.parent.filehandle.path)
    if page.keyframe is not keyframe and page.keyframe.hash != keyframe.hash:
        raise ImageFileError(f"{path}: must hold planes that are stored as those of {files[0].name}")
    if not any(path.samefile(known) for known in files):
        files.append(path)
    own = next(k for k, known in enumerate(files) if path.samefile(known))
    is_jpeg = int(page.keyframe.compression) in (6, 7, 33007, 34892)
    offsets, counts = (np.array(values, np.int64) for values in (page.dataoffsets, page.databytecounts))
    return Segments(own, offsets, counts, page.jpegtables if is_jpeg else None)


def open_pixels(path: Path, number: int, level: int) -> Any:
    """Open the pixels of a level of an image in a TIFF file."""
    image = open_tiff(path, number)
    return image.levels[level] if image.levels else image.array
