"""With which camera and lens a picture was taken, as its file tells."""

import logging
import math
from pathlib import Path
from typing import Any, NamedTuple

FAR = 1000.0  # meters: what lensfun takes for infinity


class ExifData(NamedTuple):
    """What a file tells; "" and None where it does not."""

    maker: str = ""
    camera: str = ""
    lens: str = ""
    focal_length: float | None = None
    aperture: float | None = None
    distance: float | None = None
    crop_factor: float | None = None

    def __str__(self) -> str:
        """Say it in words."""
        words = [self.camera, self.lens]
        words += [f"{self.focal_length:g} mm"] if self.focal_length else []
        words += [f"f/{self.aperture:g}"] if self.aperture else []
        return ", ".join(filter(None, words))


def read_exif(path: str) -> ExifData | None:
    """Return what a file's EXIF data tell of the camera and the lens; None where they tell nothing."""
    import exifread

    logging.getLogger("exifread").setLevel(logging.CRITICAL)  # that a file is no picture is said in the dock
    try:
        with Path(path).open("rb") as file:
            tags: dict[str, Any] = exifread.process_file(file, extract_thumbnail=False, builtin_types=True)
    except Exception:  # it is given any bytes, and fails in many ways on damaged ones: they tell nothing then
        return None
    focal_length, full_frame = _number(tags, "EXIF FocalLength"), _number(tags, "EXIF FocalLengthIn35mmFilm")
    distance = _number(tags, "EXIF SubjectDistance")
    found = ExifData(
        _text(tags, "Image Make"),
        _text(tags, "Image Model"),
        _text(tags, "EXIF LensModel", "MakerNote LensModel", "MakerNote LensType"),
        focal_length,
        _number(tags, "EXIF FNumber"),
        min(distance, FAR) if distance else None,
        full_frame / focal_length if full_frame and focal_length else None,
    )
    return found if any((found.camera, found.lens, found.focal_length)) else None


def is_file(path: str) -> bool:
    """Whether there is such a file: layers may come from addresses and folders, too."""
    try:
        return Path(path).is_file()
    except OSError:
        return False


def _text(tags: dict[str, Any], *names: str) -> str:
    """The first of some tags that holds words."""
    values = (tags.get(name) for name in names)
    return next((v.strip(" \0") for v in values if isinstance(v, str) and v.strip(" \0")), "")


def _number(tags: dict[str, Any], name: str) -> float | None:
    """A tag that holds a number above 0."""
    value = tags.get(name)
    if isinstance(value, list | tuple) and len(value) == 1:
        (value,) = value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and value > 0 else None
