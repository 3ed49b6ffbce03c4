"""Images as files, without a viewer: pixels, axes, pixel sizes, units, names and the record of steps; EXIF data."""

from .image import Image
from .reading import open_image
from .writing import write_image

__all__ = ["Image", "open_image", "write_image"]
