"""napari's writers of layers: OME-Zarr, OME-TIFF and the TIFF files of ImageJ."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from napari import current_viewer
from napari.utils.notifications import show_info

from ...io.image import Image
from ...io.places import check_places
from ...io.problems import ImageFileError
from ...io.sources import files_read_by
from ...io.units import find_unit
from ...io.writing import check_image, check_output, write_steps
from ...recipe.record import is_preview
from ..lazy.shown import unwrapped_data
from .layer_image import Saved, places_for, saved_layer
from .progress import SavingError, run_with_dialog

FullLayerData = tuple[Any, dict[str, Any], str]
ZARR = (".ome.zarr", ".zarr")
OME = (".ome.tif", ".ome.tiff", ".ome.btf", ".tif", ".tiff", ".btf")
IMAGEJ = (".tif", ".tiff")
LARGE = 4096  # pixels along the longer side of planes from which on an OME-TIFF file gets levels
SMALLEST = 512  # pixels along the longer side of the last of them
STORED = {"bool": "uint8", "float16": "float32", "int64": "int32", "uint64": "uint32"}  # in TIFF files, where exact
STORED_IMAGEJ = STORED | dict.fromkeys(("int8", "int16", "int32", "uint32", "int64", "uint64"), "uint16")
HELD = {"x": "length", "y": "length", "z": "length", "t": "time"}  # by ImageJ, of pixel sizes


def write_ome_zarr(path: str, layers: Sequence[FullLayerData]) -> list[str]:
    """Write layers of images and labels as OME-Zarr, each as a folder of its own."""
    return _written(path, layers, ZARR)


def write_ome_tiff(path: str, layers: Sequence[FullLayerData]) -> list[str]:
    """Write layers of images and labels as OME-TIFF files."""
    return _written(path, layers, OME)


def write_imagej(path: str, layers: Sequence[FullLayerData]) -> list[str]:
    """Write layers of images and labels as TIFF files of ImageJ."""
    return _written(path, layers, IMAGEJ, imagej=True)


def _written(path: str, layers: Sequence[FullLayerData], endings: Sequence[str], imagej: bool = False) -> list[str]:
    """Write layers to files as `_write` does, with errors that napari shows.

    Raises
    ------
    SavingError
        ``PATH: must ...`` for what cannot be written.
    """
    try:
        return _write(path, layers, endings, imagej)
    except ValueError as error:
        raise SavingError(str(error)) from error


def _write(path: str, layers: Sequence[FullLayerData], endings: Sequence[str], imagej: bool) -> list[str]:
    """Write layers to files, each of which appears when it is whole, and return their paths.

    Several layers go beside each other, with their names after that of the path. Nothing is written if any of them
    cannot be, or if it would change a file that a layer of the viewer is read from.

    Raises
    ------
    ValueError
        ``PATH: must ...`` for what cannot be written.
    """
    saved = [saved_layer(*layer) for layer in layers if not is_preview(layer[1].get("metadata", {}))]
    saved = [replace(one, notes=(*one.notes, *_lost_in_imagej(one.image))) if imagej else one for one in saved]
    if not saved:
        raise ImageFileError(f"{path}: must be given an image or labels; a preview is neither")
    ending = next((ending for ending in endings if path.lower().endswith(ending)), "")
    chosen = Path(path if ending else path + endings[0])
    places = places_for(chosen, ending or endings[0], [one.image.name for one in saved])
    may_overwrite = bool(ending) and len(saved) == 1  # only then has the dialog asked
    check_places(_files_of_viewer(), places)
    jobs = []
    for place, one in zip(places, saved, strict=True):
        check_output(place, (), may_overwrite, imagej)
        image = one.image if place.suffix.lower() == ".zarr" else _as_stored(place, one.image, imagej)
        levels = _levels(place, image, imagej)
        check_image(place, image, imagej=imagej, levels=levels)
        jobs.append(write_steps(place, image, overwrite=may_overwrite, imagej=imagej, levels=levels))
    for place, job in zip(places, jobs, strict=True):
        run_with_dialog(f"Saving {place.name}", job)
    _tell(places, saved)
    return [os.fspath(place) for place in places]


def _files_of_viewer() -> list[Path]:
    """Return the files that layers of the viewer are read from whenever they are drawn."""
    viewer = current_viewer()
    found: dict[Path, None] = {}
    for layer in viewer.layers if viewer is not None else ():
        for level in layer.data if getattr(layer, "multiscale", False) else [getattr(layer, "data", None)]:
            found.update(dict.fromkeys(files_read_by(unwrapped_data(level))))
    return [*found]


def _lost_in_imagej(image: Image) -> list[str]:
    """Return a sentence on the pixel sizes that a file of ImageJ does not hold: those without a unit."""
    units = {axis: find_unit(unit or "") for axis, unit in zip(image.axes, image.units, strict=True)}
    lost = [
        axis
        for axis, size in zip(image.axes, image.scale, strict=True)
        if axis in HELD and size != 1 and getattr(units[axis], "kind", "") != HELD[axis]
    ]
    return (
        [f"ImageJ's files hold no pixel size without a unit: that along {', '.join(lost)} is left out."] if lost else []
    )


def _as_stored(path: Path, image: Image, imagej: bool) -> Image:
    """Return an image in a type that TIFF files hold, where its values are the same in it.

    Raises
    ------
    ImageFileError
        If there are values that are not.
    """
    dtype: np.dtype[Any] = np.dtype(image.dtype)
    stored = (STORED_IMAGEJ if imagej else STORED).get(dtype.name)
    if stored is None or not isinstance(image.array, np.ndarray):
        return image
    other = np.dtype(stored)
    if dtype.kind in "iu":
        ends, values = np.iinfo(other), image.array
        if values.size and not (ends.min <= values.min() and values.max() <= ends.max):
            kind = "OME-TIFF or OME-Zarr" if imagej and dtype.itemsize < 8 else "OME-Zarr"
            raise ImageFileError(f"{path}: must hold values from {ends.min} to {ends.max}; save as {kind}")
    return replace(image, array=image.array.astype(other))


def _levels(path: Path, image: Image, imagej: bool) -> int | None:
    """Return the number of levels that a file gets: as many as the layer has, more where these are large."""
    count = len(image.levels) or 1
    if path.suffix.lower() == ".zarr":
        from ...io.zarr.layout import layout_of

        return max(count, layout_of(image).levels)
    if imagej:
        return 1
    side = max(image.shape[k] for k in image.places[-2:])
    needed = 1
    while side >> (needed - 1) > SMALLEST:
        needed += 1
    return max(count, needed) if count > 1 or side > LARGE else 1


def _tell(places: Sequence[Path], saved: Sequence[Saved]) -> None:
    """Show where several layers went, and what the files do not hold of them."""
    lines = (
        [f"{len(places)} layers were saved: {', '.join(place.name for place in places)}."] if len(places) > 1 else []
    )
    lines += [f"{one.image.name}: {note}" for one in saved for note in one.notes]
    if lines:
        show_info("\n".join(lines))
