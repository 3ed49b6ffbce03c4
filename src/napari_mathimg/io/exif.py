"""The camera, the lens and their settings, from the EXIF data of a photograph."""

import logging
import math
from pathlib import Path
from typing import Any, NamedTuple

from ..contract.quantities import number, quantity

FAR = 1000.0  # meters; the distance that lensfun uses for infinity


class ExifData(NamedTuple):
    """EXIF data of a photograph; "" or None for what is missing. Lengths: focal length in mm, distance in m."""

    maker: str = ""
    camera: str = ""
    lens: str = ""
    focal_length: float | None = None
    aperture: float | None = None
    distance: float | None = None
    crop_factor: float | None = None

    def __str__(self) -> str:
        """Write camera, lens, focal length and aperture, such as "E-620, 14-42mm Lens, 17.89 mm, f/5"."""
        words = [self.camera, self.lens]
        words += [quantity(self.focal_length, "mm")] if self.focal_length else []
        words += [f"f/{number(self.aperture)}"] if self.aperture else []
        return ", ".join(filter(None, words))


def read_exif(path: str) -> ExifData | None:
    """Read the EXIF data of a file.

    Parameters
    ----------
    path
        Path of the file.

    Returns
    -------
    ExifData or None
        The data, or None if the file names neither camera nor lens nor focal length, or cannot be read.
    """
    import exifread

    logging.getLogger("exifread").setLevel(logging.CRITICAL)  # the caller reports unreadable files
    try:
        with Path(path).open("rb") as file:
            tags: dict[str, Any] = exifread.process_file(file, extract_thumbnail=False, builtin_types=True)
    except Exception:  # exifread raises errors of many kinds for damaged files
        return None
    focal_length, full_frame = _number(tags, "EXIF FocalLength"), _number(tags, "EXIF FocalLengthIn35mmFilm")
    distance = _number(tags, "EXIF SubjectDistance")
    data = ExifData(
        _text(tags, "Image Make"),
        _text(tags, "Image Model"),
        _text(tags, "EXIF LensModel", "MakerNote LensModel", "MakerNote LensType"),
        focal_length,
        _number(tags, "EXIF FNumber"),
        min(distance, FAR) if distance else None,
        full_frame / focal_length if full_frame and focal_length else None,
    )
    return data if any((data.camera, data.lens, data.focal_length)) else None


def is_file(path: str) -> bool:
    """Return whether a path is that of a file, because the source of a layer may also be an address or a folder."""
    try:
        return Path(path).is_file()
    except OSError:
        return False


def _text(tags: dict[str, Any], *names: str) -> str:
    """Return the text of the first tag that has one, or ""."""
    values = (tags.get(name) for name in names)
    return next((v.strip(" \0") for v in values if isinstance(v, str) and v.strip(" \0")), "")


def _number(tags: dict[str, Any], name: str) -> float | None:
    """Return the number of a tag, or None if it is not a finite number above 0."""
    value = tags.get(name)
    if isinstance(value, list | tuple) and len(value) == 1:
        (value,) = value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and value > 0 else None
