"""A layer as an image that a file can hold, and what of the layer it cannot hold."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...batch.computed import image_of
from ...io.image import Image
from ...io.units import find_unit
from ...recipe.placement import PIXEL, Placement
from ...recipe.record import RECORD
from ..layers.snapshot import given_names
from ..layers.transforms import placement_of
from ..layers.units import is_calibrated
from ..lazy.shown import unwrapped_data
from .colors import color_of

CHANNELS = "channel_names"  # key in the metadata of a layer
FILE_NAMES = {"time": "t", "channel": "c", "channels": "c", "ch": "c", "depth": "z"}
LEADING = ("z", "t", "c")  # names of axes that have none, the last one first
LONGEST = 100  # letters of the name of a layer in that of a file
EXACT = 1e-9  # relative; by which a matrix may differ from one that only stretches axes


@dataclass(frozen=True)
class Saved:
    """A layer as it is saved.

    Parameters
    ----------
    image
        The image at full resolution, with the levels of the layer.
    notes
        Sentences on what the file does not hold.
    """

    image: Image
    notes: tuple[str, ...]


def saved_layer(data: Any, arguments: Mapping[str, Any], kind: str) -> Saved:
    """Return a layer as an image.

    Parameters
    ----------
    data, arguments, kind
        What napari gives to writers: the data, the arguments of the constructor, and "image" or "labels".
    """
    levels = [unwrapped_data(level) for level in data] if arguments.get("multiscale") else [unwrapped_data(data)]
    is_color, notes = bool(arguments.get("rgb")), list[str]()
    array = levels[0]
    color = array.ndim - 1 if is_color else None
    placed = _placement(arguments, notes)
    placed = _with_names(placed, notes)
    metadata = arguments.get("metadata", {})
    record = metadata.get(RECORD)
    names = metadata.get(CHANNELS, ())
    image = image_of(
        array, placed, color, tuple(names) if isinstance(names, list | tuple) else (), str(arguments.get("name", "")),
        {RECORD: record} if record else {}, (),
    )  # fmt: skip
    shown = _shown(image, arguments, notes) if kind == "image" and not is_color else {}
    image = replace(image, levels=tuple(levels) if len(levels) > 1 else (), is_labels=kind == "labels", **shown)
    return Saved(image, tuple(dict.fromkeys(notes)))


def _placement(arguments: Mapping[str, Any], notes: list[str]) -> Placement:
    """Return where a layer lies, without what files cannot hold."""
    parts = {name: arguments[name] for name in ("scale", "translate", "rotate", "shear", "units", "axis_labels")}
    affine = SimpleNamespace(affine_matrix=np.asarray(arguments["affine"], float))
    placed = placement_of(SimpleNamespace(ndim=len(parts["scale"]), affine=affine, **parts))
    whole = placed.affine @ placed.matrix
    linear, size = whole[:-1, :-1], np.abs(np.diag(whole)[:-1])
    if np.abs(linear - np.diag(np.diag(linear))).max(initial=0) > EXACT * np.abs(linear).max(initial=0):
        notes.append("Rotation and shear of the layer are not held by the file.")
        scale, translate = np.abs(placed.scale), placed.translate
    else:
        if (np.diag(linear) < 0).any():
            notes.append("That the layer is mirrored is not held by the file.")
        scale, translate = size, whole[:-1, -1]
    units = tuple(_unit(unit, notes) for unit in placed.units)
    n = len(scale)
    return Placement(scale, translate, np.eye(n), np.eye(n), np.eye(n + 1), units, placed.axis_labels)


def _unit(unit: Any, notes: list[str]) -> str:
    """Return a unit of napari's as files spell it."""
    if not is_calibrated(unit):
        return PIXEL
    found = find_unit(f"{unit:~P}") or find_unit(str(unit))
    if found is None:
        notes.append(f"The unit {unit} is not held by the file.")
    return PIXEL if found is None else found.symbol


def _with_names(placed: Placement, notes: list[str]) -> Placement:
    """Return a placement whose axes have the names that files use."""
    labels = given_names(placed.axis_labels)
    names = [FILE_NAMES.get(name.lower(), name.lower()) for name in labels]
    if len({*names}) == len(names) == len(placed.scale):
        return _named(placed, names)
    leading = len(placed.scale) - 2
    taken: list[str] = ["y", "x"][-len(placed.scale) :]
    for axis in range(leading - 1, -1, -1):
        unit = find_unit(placed.units[axis])
        wanted = ("t", *LEADING) if unit is not None and unit.kind == "time" else LEADING
        taken.insert(0, next((name for name in wanted if name not in taken), f"axis {axis}"))
    if leading > 0:
        notes.append(f"The layer has no names of axes: they are called {', '.join(taken)}.")
    return _named(placed, taken)


def _named(placed: Placement, names: Sequence[str]) -> Placement:
    return Placement(
        placed.scale, placed.translate, placed.rotate, placed.shear, placed.affine, placed.units, tuple(names)
    )  # fmt: skip


def _shown(image: Image, arguments: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    """Return the color and the limits of each channel."""
    count = image.shape[image.axes.index("c")] if "c" in image.axes else 1
    out: dict[str, Any] = {}
    colormap = arguments.get("colormap", {})
    if (color := color_of(colormap)) is not None:
        out["channel_colors"] = (color,) * count
    else:
        notes.append(f"The colors {colormap.get('name', '')} are not held by the file, which knows single colors only.")
    low, high = map(float, arguments.get("contrast_limits") or (0, 0))
    if low < high and np.isfinite(high - low):
        out["limits"] = ((low, high),) * count
    return out


def file_name(name: str) -> str:
    """Return the name of a layer as a part of the name of a file.

    Examples
    --------
    >>> file_name("DAPI: a/b "), file_name("..."), len(file_name("a" * 999))
    ('DAPI_ a_b', 'layer', 100)
    """
    kept = "".join("_" if letter in '<>:"/\\|?*' or ord(letter) < 32 else letter for letter in name)
    return kept[:LONGEST].strip(" .") or "layer"


def _alike(place: Path) -> str:
    """Return what two names have in common that are one in some file systems."""
    return unicodedata.normalize("NFC", place.name.casefold())


def places_for(path: Path, ending: str, names: Sequence[str]) -> list[Path]:
    """Return where several layers go: beside each other, each with its name after that of the path.

    Parameters
    ----------
    path
        Path that was chosen, with its ending.
    ending
        The ending.
    names
        Names of the layers.
    """
    if len(names) == 1:
        return [path]
    stem = path.name[: -len(ending)]
    found: list[Path] = []
    for name in names:
        part, number = file_name(name), 1
        place = path.with_name(f"{stem}-{part}{ending}")
        while _alike(place) in map(_alike, found):
            number += 1
            place = path.with_name(f"{stem}-{part}-{number}{ending}")
        found.append(place)
    return found
