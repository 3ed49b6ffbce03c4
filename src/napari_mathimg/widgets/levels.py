"""The levels of a multiscale layer: which one is processed, where it lies, and those that a result is given."""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from napari.layers import Labels, Layer
from napari.utils.transforms import Affine
from numpy.typing import NDArray

from ..contract.operation import POINTWISE, ValueRange
from ..contract.progress import Progress
from ..contract.reach import Box
from ..engine.threads import cores, spread
from ..engine.tiles import tiles
from ..engine.values import back, working
from .layers import Snapshot, full_resolution, position_in, shape_of, snapshot, spacing_of
from .units import in_units_of, unit_factor

Array = NDArray[Any]
SMALLEST = 64  # pixels along the longest side that gets smaller, below which there is no further level


@dataclass(frozen=True)
class Pyramid:
    """How a result's levels are made: which axes (from the last) get smaller, down to which length; by mean or not."""

    axes: tuple[int, ...]
    smallest: int
    mean: bool


def array_of(layer: Layer, level: int = 0) -> Any:
    """Return the array of a level of a layer; of the coarsest where there are fewer since the level was chosen."""
    return layer.data[min(level, len(layer.data) - 1)] if layer.multiscale else full_resolution(layer)


def shape_at(layer: Layer, level: int = 0) -> tuple[int, ...]:
    """Shape of a level, without channels."""
    return tuple(int(n) for n in array_of(layer, level).shape)[: layer.ndim]


def level_like(layer: Layer, shape: Sequence[int]) -> int | None:
    """Return the finest level of a layer that has a shape, on the last axes that both have; None where none has."""
    last = tuple(shape)[-layer.ndim :]
    levels = range(len(layer.data) if layer.multiscale else 1)
    return next((level for level in levels if shape_at(layer, level)[-len(last) :] == last), None)


def factors(layer: Layer, level: int) -> Array:
    """Return how many pixels of the full resolution a pixel of a level measures along each axis."""
    return np.divide(shape_of(layer), shape_at(layer, level))


def spacing_at(layer: Layer, ndim: int, level: int) -> tuple[tuple[float, ...], str]:
    """Size of a level's pixel along each of the last axes in one unit, and the unit's name."""
    spacing, unit = spacing_of(layer, ndim)
    return tuple(s * float(f) for s, f in zip(spacing, factors(layer, level)[-ndim:], strict=True)), unit


def spacing_like(layer: Layer, other: Layer, ndim: int, level: int) -> tuple[float, ...]:
    """Size of a level's pixel along each of the last axes, in the unit of another layer.

    Raises
    ------
    ValueError
        If it has no size in such a unit.
    """
    spacing, unit = spacing_at(layer, ndim, level)
    own, wanted = layer.units[-1], other.units[-1]
    if not unit or own.dimensionality != wanted.dimensionality:
        raise ValueError(f"lengths in {wanted:~P}: a layer whose pixels have a size in it, not {layer.name!r}")
    return tuple(s * unit_factor(own, wanted) for s in spacing)


def position_at(dims: Any, layer: Layer, level: int) -> tuple[int, ...]:
    """Index of the pixel of a level at the place the viewer shows, kept inside."""
    whole = (np.array(position_in(layer, in_units_of(dims, layer, dims.point))) + 0.5) / factors(layer, level)
    return tuple(min(int(p), n - 1) for p, n in zip(whole, shape_at(layer, level), strict=True))


def into_full(layer: Layer, level: int) -> Affine:
    """Return the transform from index in a level to index in the full resolution: both fill the same frame."""
    f = factors(layer, level)
    return Affine(scale=f, translate=(f - 1) / 2, ndim=layer.ndim)


def span_at(layer: Layer, level: int, axis: int, first: int, end: int) -> tuple[int, int]:
    """Return the pixels of a level that hold those of the full resolution from one to another."""
    factor = float(factors(layer, level)[axis])
    return math.floor(first / factor), math.ceil(end / factor)


def snapshot_at(layer: Layer, level: int) -> Snapshot:
    """Copy what a result needs to know of a level."""
    whole = snapshot(layer)
    if level == 0:
        return whole
    placed = whole.data_to_world.compose(into_full(layer, level))
    return replace(whole, array=array_of(layer, level), data_to_world=placed, level=level)


def names(layer: Layer) -> dict[str, str]:
    """Return what the levels of a layer are called, by their numbers."""
    if not layer.multiscale:
        return {}
    shapes = [" x ".join(map(str, shape_at(layer, level))) for level in range(len(layer.data))]
    return {str(level): f"{level}: {shape}" for level, shape in enumerate(shapes)}


def pyramid_of(layer: Layer) -> Pyramid | None:
    """Return how the levels of a result are made so that they are like its source's; None where it has none."""
    if not layer.multiscale or len(layer.data) < 2:
        return None
    last = factors(layer, len(layer.data) - 1)
    axes = tuple(int(axis) - layer.ndim for axis in np.flatnonzero(last > 1))
    if not axes:
        return None
    coarsest = shape_at(layer, len(layer.data) - 1)
    return Pyramid(axes, max(SMALLEST, *(coarsest[axis] for axis in axes)), not isinstance(layer, Labels))


def build(
    data: Array, ndim: int, pyramid: Pyramid, threads: int | None = None
) -> Generator[Progress, None, list[Array]]:
    """Return an array and its smaller levels, each half of the one before, as the value of a generator of progress.

    A pixel is the mean of those that it covers, in parts where their number is odd; of labels, the one in its middle.
    Little more memory is taken than that of the levels.

    Parameters
    ----------
    data
        Pixels; channels last where there are more axes than `ndim`.
    ndim
        Number of axes besides channels.
    pyramid
        How levels are made.
    threads
        Number of threads; all cores by default.
    """
    levels = [data]
    while max(levels[-1].shape[:ndim][axis] for axis in pyramid.axes) > pyramid.smallest:
        levels.append((yield from _halved(levels[-1], ndim, pyramid, threads or cores())))
    return levels


def _halved(data: Array, ndim: int, pyramid: Pyramid, threads: int) -> Generator[Progress, None, Array]:
    """Return the next level."""
    axes = [axis % ndim for axis in pyramid.axes]
    shape = tuple(-(-n // 2) if k in axes else n for k, n in enumerate(data.shape[:ndim]))
    out = np.empty((*shape, *data.shape[ndim:]), data.dtype)

    def work(box: Box) -> None:
        out[tuple(slice(a, b) for a, b in box)] = _block(data, shape, axes, box, pyramid.mean)

    yield from spread("Levels", tiles(shape, POINTWISE), work, threads)
    return out


def _block(data: Array, shape: Sequence[int], axes: Sequence[int], box: Box, mean: bool) -> Array:
    """Return a box of the next level."""
    if not mean:
        where = [
            np.arange(a, b) if k not in axes else ((2 * np.arange(a, b) + 1) * data.shape[k]) // (2 * shape[k])
            for k, (a, b) in enumerate(box)
        ]
        chosen: Array = data[np.ix_(*where)]
        return chosen
    read = [
        (a * data.shape[k] // shape[k], -(-b * data.shape[k] // shape[k])) if k in axes else (a, b)
        for k, (a, b) in enumerate(box)
    ]
    block: Array = data[tuple(slice(a, b) for a, b in read)].astype(working(data.dtype))
    for axis in axes:
        block = _averaged(block, axis, box[axis], read[axis][0], data.shape[axis], shape[axis])
    return back(block, "float", ValueRange(0, 1), data.dtype)


def _averaged(block: Array, axis: int, span: tuple[int, int], first: int, n: int, m: int) -> Array:
    """Return means along an axis: pixel k of m covers the n from ``k * n / m`` to ``(k + 1) * n / m``."""
    begin = np.arange(*span) * n / m
    end = begin + n / m
    total: Array = np.zeros((), block.dtype)
    for tap in range(math.ceil(n / m) + 1):
        at = np.floor(begin) + tap
        share = np.clip(np.minimum(end, at + 1) - np.maximum(begin, at), 0, None) * m / n
        pixel = np.minimum(at.astype(np.intp) - first, block.shape[axis] - 1)
        along = [1] * block.ndim
        along[axis] = -1
        total = total + block.take(pixel, axis) * share.astype(block.dtype).reshape(along)
    return total
