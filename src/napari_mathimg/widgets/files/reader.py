"""napari's reader of image files: pixels with sizes, units, names, colors, levels and the record of steps."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_info

from ...io import open_image
from ...io.image import Image
from ...io.reading import MICROSCOPES, TIFF
from .layer_data import LayerData, layers_of

ENDINGS = (".zarr", *(f".ome{suffix}" for suffix in (*TIFF, ".tiff")), *MICROSCOPES)


def get_reader(path: str | Sequence[str]) -> Callable[[Any], list[LayerData]] | None:
    """Return what reads a file, or a folder in OME-Zarr; None for another one, and for several that become one stack.

    Parameters
    ----------
    path
        Path or address, or a list of them.
    """
    if not isinstance(path, str):
        return get_reader(path[0]) if len(path) == 1 else None
    name = path.rstrip("/\\").lower()
    inside = f".zarr{'/'}" in name.replace("\\", "/")
    return read if name.endswith(ENDINGS) or inside else None


def read(path: str | Sequence[str]) -> list[LayerData]:
    """Read a file as layers; what the file does not say is told in a notification.

    Raises
    ------
    ValueError
        ``PATH: must be ...`` for what cannot be read.
    """
    if not isinstance(path, str):
        return [layer for each in path for layer in read(each)]
    image = open_image(path if "://" in path else Path(path))
    tell(image)
    return layers_of(image)


def tell(image: Image) -> None:
    """Show what the file does not say."""
    if image.notes:
        show_info(f"{image.name}: {' '.join(image.notes)}")
