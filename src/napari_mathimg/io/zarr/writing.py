"""Writing OME-Zarr: arrays first, then their shards by whom and in whatever order, the description last."""

import json
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...contract.reach import Box
from ..image import Image
from ..problems import naming
from .describing import attributes_of, shown_limits
from .encoding import array_metadata, encoded_chunks, encoded_shard
from .extras import extra
from .layout import Layout
from .levels import parts_of_levels
from .pixels import ZarrPixels
from .stores import Folder

Array = NDArray[Any]


def create_levels(folder: Path, layout: Layout) -> list[ZarrPixels]:
    """Make the folders of all levels, which hold no shards yet, and return their arrays.

    Nothing changes where they are there already. The metadata of the group is not written, so that no other program
    takes the folder for an image.
    """
    name = ".zarray" if layout.version == "0.4" else "zarr.json"
    for level in range(layout.levels):
        place = folder / str(level)
        place.mkdir(parents=True, exist_ok=True)
        write_file(place / name, json.dumps(array_metadata(layout, level), indent=2).encode())
    return level_arrays(folder)


def level_arrays(folder: Path) -> list[ZarrPixels]:
    """Return the arrays of all levels in a folder, the finest first."""
    names = sorted(int(place.name) for place in folder.iterdir() if place.name.isdigit())
    return [ZarrPixels(Folder(folder), str(name)) for name in names]


def write_shard(arrays: Sequence[ZarrPixels], layout: Layout, box: Box, pixels: Array) -> None:
    """Write the part of every level that a box covers.

    Each file appears whole, and replaces one that is there; so the call may be repeated, and those for other boxes may
    run elsewhere.

    Parameters
    ----------
    arrays
        The arrays that `create_levels` returns.
    layout
        How the image is stored.
    box
        One of the boxes of the layout.
    pixels
        Pixels of the box in the finest level, with axes as they are stored.
    """
    given = np.asarray(pixels)
    if given.shape != tuple(b - a for a, b in box):
        raise ValueError(f"pixels: must have the shape of the box {box}, not {given.shape}")
    for level, part in enumerate(parts_of_levels(layout, box, given)):
        (folder,) = arrays[level].files
        first = [a for a, _ in layout.box_at(level, box)]
        if layout.version == "0.5":
            place = [a // s for a, s in zip(first, layout.shard_of(level), strict=True)]
            _write_part(folder / "c", place, encoded_shard(layout, level, part))
            continue
        lengths = layout.chunk_of(level)
        for inside, data in encoded_chunks(layout, level, part):
            _write_part(folder, [a // c + k for a, c, k in zip(first, lengths, inside, strict=True)], [data])


def _write_part(folder: Path, place: Sequence[int], data: Sequence[bytes]) -> None:
    path = folder.joinpath(*map(str, place))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, *data)


def write_file(path: Path, *data: bytes) -> None:
    """Write bytes to a file beside its place and rename it, so that it is never seen in part."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with open(beside, "wb") as file:
            file.writelines(data)
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def describe(
    folder: Path, layout: Layout, image: Image, limits: Sequence[tuple[float, float]] | None = None
) -> None:  # fmt: skip
    """Write what makes of arrays an image: axes, pixel sizes, positions, channels, and the record of steps.

    Parameters
    ----------
    folder
        Folder that `create_levels` has filled, with all its shards.
    layout
        How the image is stored.
    image
        Image that says what is written; its pixels are not read.
    limits
        Lowest and highest value of each channel that is shown; None for those of the image, or else of the pixels of
        the coarsest level.

    Raises
    ------
    ImageFileError
        If yaozarrs refuses what would be written, because it is no valid OME-Zarr.
    """
    if limits is None:
        limits = image.limits or shown_limits(level_arrays(folder)[-1], layout)
    attributes = attributes_of(layout, image, limits)
    _validate(folder, attributes, layout)
    if layout.version == "0.5":
        content = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
        write_file(folder / "zarr.json", json.dumps(content, indent=2, allow_nan=False).encode())
    else:
        write_file(folder / ".zattrs", json.dumps(attributes, indent=2, allow_nan=False).encode())
        write_file(folder / ".zgroup", json.dumps({"zarr_format": 2}).encode())


def _validate(folder: Path, attributes: dict[str, Any], layout: Layout) -> None:
    """Refuse metadata that the models of OME-Zarr refuse."""
    yaozarrs = extra("yaozarrs", "files", "OME-Zarr")
    model = {"0.4": yaozarrs.v04, "0.5": yaozarrs.v05}[layout.version]
    content = attributes if layout.version == "0.4" else attributes["ome"]
    kind = model.LabelImage if layout.labels else model.Image
    with naming(folder, f"valid OME-Zarr {layout.version}"):
        kind.model_validate(content)
