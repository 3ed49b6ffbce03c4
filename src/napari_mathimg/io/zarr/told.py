"""What the metadata of a multiscale image tell: axes, pixel sizes with units, positions, and how channels are shown."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..image import COLOR
from ..problems import ImageFileError
from ..told import Told
from ..units import find_unit
from .layout import SPACE

Vector = NDArray[np.float64]
FARTHEST = 1e30  # position in any unit
NEAR = 0.02  # pixels of a level by which its position may differ from where its shape places it
OLDEST = "tczyx"  # axes of versions 0.1 and 0.2


class Axis(NamedTuple):
    """An axis: its name, its type ("space", "time", "channel", another one or ""), and its unit as it is written."""

    name: str
    kind: str
    unit: str


class Grid(NamedTuple):
    """Size of the pixels of a level, which may be 0 or less, and position of the first one, along each axis."""

    scale: Vector
    translate: Vector


def read_axes(where: str, multiscale: dict[str, Any], ndim: int) -> list[Axis]:
    """Return the axes of an image.

    Raises
    ------
    ImageFileError
        If they are no list of different names, one for each axis of the array.
    """
    given = multiscale.get("axes", list(OLDEST) if ndim == len(OLDEST) else None)
    if not isinstance(given, list) or len(given) != ndim:
        raise ImageFileError(f"{where}: must have a list of {ndim} axes")
    axes = []
    for one in given:
        entry = {"name": one} if isinstance(one, str) else one if isinstance(one, dict) else {}
        name, kind, unit = (entry.get(key) for key in ("name", "type", "unit"))
        if not isinstance(name, str) or not name or len(name) > 100:
            raise ImageFileError(f"{where}: must have axes with names")
        usual = {"t": "time", "c": "channel", **dict.fromkeys(SPACE, "space")}.get(name, "")
        axes.append(Axis(name, kind if isinstance(kind, str) else usual, unit if isinstance(unit, str) else ""))
    if len({axis.name for axis in axes}) < ndim:
        raise ImageFileError(f"{where}: must have axes with different names")
    return axes


def read_grid(sets: Sequence[Any], ndim: int, notes: list[str]) -> Grid:
    """Return what lists of transformations, applied one after the other, make of the numbers of pixels."""
    scale, translate = np.ones(ndim), np.zeros(ndim)
    for one in [one for given in sets if isinstance(given, list) for one in given[:16]]:
        kind = one.get("type") if isinstance(one, dict) else None
        if kind == "identity":
            continue
        vector = _vector(one.get(kind), ndim) if kind in ("scale", "translation") else None
        if vector is None:
            _add(notes, f"A transformation in the file is left out: {str(one)[:80]}.")
        elif kind == "scale":
            scale, translate = scale * vector, translate * vector
        else:
            translate = translate + vector
    return Grid(scale, translate)


def _add(notes: list[str], note: str) -> None:
    if note not in notes:
        notes.append(note)


def _vector(values: Any, ndim: int) -> Vector | None:
    good = isinstance(values, list) and len(values) == ndim and all(type(v) in (int, float) for v in values)
    if not good or not all(abs(v) <= FARTHEST or math.isnan(v) for v in values):
        return None
    return np.array(values, np.float64)


def read_sizes(axes: Sequence[Axis], grid: Grid, notes: list[str]) -> tuple[list[float], list[str | None], list[float]]:
    """Return pixel size, unit and position along each axis; what is not known is told.

    A size of 0 means that it is not known. A negative one is taken without its sign: stacks that were taken downwards.
    """
    told = Told()
    for axis, size in zip(axes, grid.scale, strict=True):
        if axis.kind in ("space", "time"):
            told.add(axis.name, float(size), axis.unit, "length" if axis.kind == "space" else "time")
        elif axis.kind != "channel" and (found := find_unit(axis.unit)) is not None:
            told.add(axis.name, float(size), axis.unit, found.kind)
    for note in told.notes:
        _add(notes, note)
    sizes = [told.sizes.get(axis.name, (1.0, None)) for axis in axes]
    if unknown := [a.name for a, (_, unit) in zip(axes, sizes, strict=True) if a.kind == "space" and unit is None]:
        notes.append(f"The pixel size along {', '.join(unknown)} is not known.")
    known = [a.name in told.sizes and math.isfinite(t) for a, t in zip(axes, grid.translate, strict=True)]
    positions = [float(t) if k else 0.0 for t, k in zip(grid.translate, known, strict=True)]
    return [size for size, _ in sizes], [unit for _, unit in sizes], positions


def fits(shape: Sequence[int], shape_of_level: Sequence[int], finest: Grid, level: Grid) -> tuple[bool, bool]:
    """Return whether a level covers what the finest one does, and lies where its shape and size place it.

    Parameters
    ----------
    shape, shape_of_level
        Shapes of the finest level and of this one.
    finest, level
        Their grids.
    """
    full, small = (np.array(lengths, float) for lengths in (shape, shape_of_level))
    size, coarse = np.abs(finest.scale), np.abs(level.scale)
    known = (size > 0) & (coarse > 0)
    if not np.isfinite([*size, *coarse]).all() or not known.all():
        return True, False
    covers = bool((np.abs(coarse * small - size * full) < coarse * (1 + NEAR)).all())
    middle = finest.translate + (coarse - size) / 2
    return covers, bool((np.abs(level.translate - middle) <= NEAR * coarse).all())


class Shown(NamedTuple):
    """Names, colors and limits of channels; () for what is not known."""

    names: tuple[str, ...] = ()
    colors: tuple[str, ...] = ()
    limits: tuple[tuple[float, float], ...] = ()


def read_channels(omero: Any, count: int, notes: list[str]) -> Shown:
    """Return how the channels of an image are shown."""
    channels = omero.get("channels") if isinstance(omero, dict) else None
    if not isinstance(channels, list) or not channels:
        return Shown()
    if len(channels) != count or not all(isinstance(one, dict) for one in channels):
        notes.append(f"Names and colors of {len(channels)} channels are left out: the image has {count}.")
        return Shown()
    labels = [one.get("label") for one in channels]
    colors = [str(one.get("color", "")).removeprefix("#") for one in channels]
    limits = [_limits(one.get("window")) for one in channels]
    return Shown(
        tuple(map(str, labels)) if all(isinstance(label, str) and label for label in labels) else (),
        tuple(colors) if all(map(COLOR.fullmatch, colors)) else (),
        tuple(pair for pair in limits if pair is not None) if None not in limits else (),
    )


def _limits(window: Any) -> tuple[float, float] | None:
    ends = [window.get(name) for name in ("start", "end")] if isinstance(window, dict) else []
    numbers = [float(end) for end in ends if isinstance(end, int | float) and abs(end) <= FARTHEST]
    if len(numbers) != 2:
        return None
    low, high = numbers
    return (low, high) if low < high else None
