"""Opening OME-Zarr 0.4 and 0.5: an image, or one of a plate, of a well, of labels or of a converted file."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..image import Image, named_by, unnamed_axes
from ..notes import RECORD, read_note, read_origin
from ..problems import ImageFileError
from .metadata import Node
from .pixels import ZarrPixels
from .stores import SUFFIX, Address, Folder, Store, checked_key, joined
from .told import Grid, Shown, fits, read_axes, read_channels, read_grid, read_sizes

MOST_LEVELS, MOST_IMAGES = 32, 2**20


def store_of(path: str | Path) -> tuple[Store, str]:
    """Return where files are read from, and the key in it: the outermost folder that is named .zarr, or the path."""
    if not isinstance(path, Path):
        url = path.rstrip("/")
        head, dot, tail = url.partition(f"{SUFFIX}/")
        return (Address(head + SUFFIX), checked_key(tail, url)) if dot else (Address(url), "")
    whole = path.absolute()
    root = next((place for place in reversed((whole, *whole.parents)) if place.suffix.lower() == SUFFIX), whole)
    return Folder(root), "" if root == whole else whole.relative_to(root).as_posix()


def open_zarr(path: str | Path, series: int = 0) -> Image:
    """Open an image; pixels are read where they are asked for.

    Parameters
    ----------
    path
        Folder or address of an image, a plate, a well, labels, or an array; also of one inside another.
    series
        Number of the image where there are several ones.

    Raises
    ------
    ImageFileError
        ``PATH: must ...`` for what is missing, damaged, or stored in a way that is not read.
    """
    if isinstance(series, bool) or not isinstance(series, int) or series < 0:
        raise ValueError(f"series={series!r}: must be a whole number from 0")
    store, key = store_of(path)
    node = Node(store, key)
    if not node.exists:
        raise ImageFileError(f"{path}: must be OME-Zarr; it holds no metadata of Zarr")
    notes: list[str] = []
    if not node.is_array and "multiscales" not in node.ome:
        found = list(islice(_images(node), series, series + 1))
        if not found:
            what = f"have several images for series={series}" if series else "hold an image of OME-Zarr"
            raise ImageFileError(f"{path}: must {what}")
        node = Node(store, found[0])
        notes.append(f"This is the image {found[0]}, one of those in the file.")
    elif series:
        raise ImageFileError(f"{path}: must have several images for series={series}")
    return _array_alone(node, path) if node.is_array else _image(node, path, notes)


def _images(node: Node) -> Iterator[str]:
    """Yield the keys of the images in a group, in their order."""
    ome = node.ome
    if isinstance(ome.get("plate"), dict):
        for path in _paths(node, ome["plate"].get("wells")):
            well = Node(node.store, joined(node.key, path))
            if isinstance(well.ome.get("well"), dict):
                yield from _images(well)
    elif isinstance(ome.get("well"), dict):
        yield from (joined(node.key, path) for path in _paths(node, ome["well"].get("images")))
    elif isinstance(ome.get("labels"), list):
        yield from (joined(node.key, path) for path in _paths(node, ome["labels"]))
    elif ome.get("bioformats2raw.layout") == 3:
        told = Node(node.store, joined(node.key, "OME")).ome.get("series")
        paths = _paths(node, told) if isinstance(told, list) else map(str, range(MOST_IMAGES))
        for path in paths:
            image = Node(node.store, joined(node.key, path))
            if not image.exists:
                return
            yield image.key


def _paths(node: Node, entries: Any) -> Iterator[str]:
    """Yield the paths in a list of metadata."""
    for entry in entries[:MOST_IMAGES] if isinstance(entries, list) else ():
        yield checked_key(entry.get("path") if isinstance(entry, dict) else entry, node.name)


def _image(node: Node, path: str | Path, notes: list[str]) -> Image:
    """Return the image of a group."""
    several = node.ome.get("multiscales")
    multiscale = several[0] if isinstance(several, list) and several else None
    if not isinstance(multiscale, dict):
        raise ImageFileError(f"{path}: must have multiscales that are a list of objects")
    if len(several or ()) > 1:
        notes.append(f"Of {len(several or ())} multiscales in the file, this is the first.")
    levels = _levels(node, multiscale, notes)
    finest = levels[0].array
    axes = read_axes(node.name, multiscale, finest.ndim)
    scale, units, translate = read_sizes(axes, levels[0].grid, notes)
    names = tuple(axis.name for axis in axes)
    own = node.attributes.get(RECORD)
    own = own if isinstance(own, dict) else {}
    channels = names.index("c") if "c" in names else None
    shown = read_channels(node.ome.get("omero"), finest.shape[channels] if channels is not None else 1, notes)
    color = names.index(own["colors"]) if own.get("colors") in names else None
    color = color if color is not None and finest.shape[color] in (3, 4) else None
    if isinstance(node.ome.get("image-label"), dict):
        notes.append("The pixels are labels.")
    metadata: dict[str, Any] = {}
    if "note" in own:
        note = json.dumps(own["note"])
        record, _, why = read_note(note, names)
        metadata = {RECORD: record, **read_origin(note)} if record else {}
        notes += filter(None, [why])
    name = multiscale.get("name")
    return _checked_image(
        path, array=finest, axes=names, scale=tuple(scale), units=tuple(units), translate=tuple(translate),
        channel_axis=color, levels=tuple(level.array for level in levels) if len(levels) > 1 else (),
        grids=_grids(levels, scale, translate),
        name=name if isinstance(name, str) and name else _named(path), notes=tuple(notes), files=_files(node, path),
        metadata=metadata, shown=shown if channels is not None else shown._replace(names=()),
        is_labels=isinstance(node.ome.get("image-label"), dict),
    )  # fmt: skip


def _checked_image(path: str | Path, shown: Shown, grids: Any, **parts: Any) -> Image:
    """Return an image of parts, or an error that names the file if they do not fit together."""
    try:
        return Image(
            **parts, channel_names=shown.names, channel_colors=shown.colors, limits=shown.limits, level_grids=grids
        )
    except ValueError as error:
        raise ImageFileError(f"{path}: must hold an image that can be read ({error})") from None


def _files(node: Node, path: str | Path) -> tuple[Path, ...]:
    return (Path(node.name),) if isinstance(path, Path) else ()


def _named(path: str | Path) -> str:
    return named_by(Path(str(path).rstrip("/").rpartition("/")[2]))


class _Level(NamedTuple):
    """A level: its path, its pixels, its grid by the metadata, and whether it lies where its shape says."""

    key: str
    array: ZarrPixels
    grid: Grid
    fits: bool = True


def _levels(node: Node, multiscale: dict[str, Any], notes: list[str]) -> list[_Level]:
    """Return the levels of an image, the finest first, without those that are none of it."""
    entries = multiscale.get("datasets")
    if not isinstance(entries, list) or not 0 < len(entries) <= MOST_LEVELS:
        raise ImageFileError(f"{node.name}: must have from 1 to {MOST_LEVELS} datasets")
    found = []
    for entry in entries:
        key = checked_key(entry.get("path") if isinstance(entry, dict) else entry, node.name)
        array = ZarrPixels(node.store, joined(node.key, key))
        own = entry.get("coordinateTransformations") if isinstance(entry, dict) else None
        sets = [own, multiscale.get("coordinateTransformations")]
        found.append(_Level(key, array, read_grid(sets, array.ndim, notes)))
    finest, *others = sorted(found, key=lambda level: -level.array.size)
    levels, astray = [finest], []
    for level in others:
        array, before = level.array, levels[-1].array
        is_like = array.dtype == before.dtype and array.ndim == before.ndim and array.size < before.size
        covers, lies = fits(finest.array.shape, array.shape, finest.grid, level.grid) if is_like else (False, False)
        if not covers or any(m > n for m, n in zip(array.shape, before.shape, strict=True)):
            notes.append(f"The level {level.key} is left out: by its shape and pixel size it is none of this image.")
            continue
        astray += [] if lies else [level.key]
        levels.append(level._replace(fits=lies))
    if astray:
        notes.append(f"Levels lie where their shapes place them, not where their metadata do: {', '.join(astray)}.")
    return levels


def _grids(levels: list[_Level], scale: list[float], translate: list[float]) -> tuple[Any, ...]:
    """Return pixel size and position of each level; None for one that its metadata place elsewhere than its shape."""
    finest, placed = np.abs(levels[0].grid.scale), []
    for level in levels if len(levels) > 1 else ():
        factors = np.divide(np.abs(level.grid.scale), finest, out=np.ones(len(finest)), where=finest > 0)
        moved = (t + (f - 1) / 2 * s for t, f, s in zip(translate, factors, scale, strict=True))
        sizes = tuple(float(s * f) for s, f in zip(scale, factors, strict=True))
        placed.append((sizes, tuple(map(float, moved))) if level.fits else None)
    return tuple(placed)


def _array_alone(node: Node, path: str | Path) -> Image:
    """Return an array that no metadata of OME-Zarr describe."""
    array = ZarrPixels(node.store, node.key)
    names = array.names if len({*array.names}) == array.ndim else ()
    notes = ("An array of Zarr says no pixel sizes.",)
    return _checked_image(
        path, Shown(), (), array=array, axes=names or unnamed_axes(array.ndim), name=_named(path), notes=notes,
        files=_files(node, path), is_named=bool(names),
    )  # fmt: skip
