"""Opening an image: by the kind of its file."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from .folders import repair
from .image import Image, unnamed_axes
from .problems import ImageFileError, naming

TIFF = (".tif", ".tiff", ".btf")
PICTURES = (".png", ".jpg", ".jpeg")
MICROSCOPES = (".czi", ".lif", ".nd2")
READABLE = ".ome.zarr, .npy, .tif, .tiff, .ome.tif, .btf, .png, .jpg, .jpeg, .czi, .lif or .nd2"


def open_image(
    path: str | Path, level: int = 0, series: int = 0, axes: Sequence[str] | None = None
) -> Image:  # fmt: skip
    """Open an image; pixels of all files but pictures are read where they are asked for.

    Parameters
    ----------
    path
        Path or ``file:`` address of a folder of OME-Zarr (also of one inside it: an image of a plate, labels), or its
        http, https or s3 address; of a NumPy file, a TIFF file (OME, ImageJ or plain; classic or BigTIFF, of either
        byte order), a PNG or a JPEG file, or a CZI, LIF or ND2 file of a microscope (the extra ``microscopes``).
    level
        Level of a pyramid; 0 is the finest.
    series
        Number of the image in a file of several ones.
    axes
        Names of the axes, instead of those in the file; None for those.

    Returns
    -------
    Image
        Pixels, axes, pixel sizes, units, names and the record of steps. What the file does not say is None or 1, and
        told in its notes.

    Raises
    ------
    ValueError
        ``PATH: must be ...`` for a file that is missing, damaged, or of another kind, or whose pixels are no numbers.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/plane.npy", np.zeros((3, 4), np.uint8))
    ...     image = open_image(f"{folder}/plane.npy")
    ...     image.axes, image.shape, image.units
    (('y', 'x'), (3, 4), (None, None))
    """
    from .zarr.stores import is_address, is_store

    if is_address(path) and Path(str(path)).suffix.lower() not in (*TIFF, *PICTURES, ".npy"):
        return _finished(path, _open_zarr(path, series), level, axes)
    place = local_path(path)
    suffix = place.suffix.lower()
    if suffix == ".zarr" and not place.exists():
        repair(place)
    if place.is_dir():
        if not is_store(place):
            raise ImageFileError(f"{place}: must be a file, or a folder of OME-Zarr")
        return _finished(place, _open_zarr(place, series), level, axes)
    if not place.is_file():
        raise ImageFileError(f"{place}: must be a file; there is none")
    if suffix == ".npy":
        image = _open_numpy(place)
    elif suffix in TIFF:
        from .tiff.reading import open_tiff

        image = open_tiff(place, series)
    elif suffix in PICTURES:
        from .pictures import read_picture

        image = read_picture(place)
    elif suffix in MICROSCOPES:
        image = _open_microscope(place, suffix, series)
    else:
        raise ImageFileError(f"{place}: must end in {READABLE}")
    if suffix not in (*TIFF, *MICROSCOPES) and series:
        raise ImageFileError(f"{place}: must have several images for series={series}")
    return _finished(place, image, level, axes)


def _open_zarr(path: str | Path, series: int) -> Image:
    """Open an image of OME-Zarr."""
    from .zarr.reading import open_zarr

    return open_zarr(path, series)


def _finished(place: str | Path, image: Image, level: int, axes: Sequence[str] | None) -> Image:
    """Return an image with names of axes, at a level, if its pixels are numbers."""
    if image.dtype.kind not in "biuf" or image.dtype.itemsize > 8:
        raise ImageFileError(f"{place}: must hold real numbers of at most 64 bits, not {image.dtype}")
    if 0 in image.shape or not image.shape:
        raise ImageFileError(f"{place}: must have at least one pixel on each axis, not shape {image.shape}")
    if axes is not None:
        image = _renamed(image, tuple(axes))
    return at_level(image, level)


def local_path(path: str | Path) -> Path:
    """Return the path of a file on this machine, from a path or a ``file:`` address."""
    if isinstance(path, Path):
        return path
    parts = urlsplit(path)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        from urllib.request import url2pathname

        return Path(url2pathname(parts.path) if "%" in parts.path else unquote(url2pathname(parts.path)))
    if "://" in path:
        raise ImageFileError(f"{path}: must be a file on this machine")
    return Path(path)


def at_level(image: Image, level: int) -> Image:
    """Return an image at a level of its pyramid, with the pixel size and the position of that level."""
    count = max(len(image.levels), 1)
    if isinstance(level, bool) or not isinstance(level, int) or not 0 <= level < count:
        raise ValueError(f"level={level!r}: must be a whole number from 0 to {count - 1}, the levels of the image")
    if level == image.level:
        return image
    array = image.levels[level]
    if image.level_grids and (grid := image.level_grids[level]) is not None:
        return replace(image, array=array, level=level, scale=grid[0], translate=grid[1])
    factors = [n / m for n, m in zip(image.levels[0].shape, array.shape, strict=True)]
    scale = tuple(s * f for s, f in zip(image.scale, factors, strict=True))
    moved = ((f - 1) / 2 * s for f, s in zip(factors, image.scale, strict=True))
    translate = tuple(t + m for t, m in zip(image.translate, moved, strict=True))
    return replace(image, array=array, level=level, scale=scale, translate=translate)


def _renamed(image: Image, axes: tuple[str, ...]) -> Image:
    """Return an image with other names of its axes, and without names of channels where c is another axis now."""
    if len(axes) != len(image.axes):
        raise ValueError(f"axes={axes!r}: must be {len(image.axes)} names for an image of shape {image.shape}")
    keeps = image.axes.index("c") == axes.index("c") if "c" in image.axes and "c" in axes else False
    if not keeps:
        image = replace(image, channel_names=(), channel_colors=(), limits=())
    return replace(image, axes=axes, is_named=True)


def _open_numpy(path: Path) -> Image:
    """Open a NumPy file, mapped into memory."""
    with naming(path, "a NumPy file of numbers"):
        try:
            array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
        except ValueError as error:
            if "object" in str(error).lower() or "pickle" in str(error).lower():
                raise ImageFileError(f"{path}: must hold numbers, not Python objects") from None
            raise
        if not isinstance(array, np.ndarray):
            raise ImageFileError(f"{path}: must hold one array")
    notes = ("A NumPy file says neither names of axes nor pixel sizes.",)
    return Image(array, unnamed_axes(array.ndim), name=path.stem, notes=notes, files=(path,), is_named=False)


def _open_microscope(path: Path, suffix: str, series: int) -> Image:
    """Open a file of a microscope."""
    if suffix == ".czi":
        from .microscopes.czi import open_czi as open_file
    elif suffix == ".lif":
        from .microscopes.lif import open_lif as open_file
    else:
        from .microscopes.nd2 import open_nd2 as open_file
    return open_file(path, series)
