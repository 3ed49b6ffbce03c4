"""The array of a layer, and the levels of a multiscale one: their shapes, and where their pixels lie."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.utils.transforms import Affine
from numpy.typing import ArrayLike, NDArray

from ...engine.pyramid import Pyramid, level_factors, level_matrix, level_span, pyramid_like
from .units import in_units_of

Array = NDArray[Any]


def full_resolution(layer: Layer) -> Any:
    """Return a layer's array; the finest level of a multiscale layer."""
    return layer.data[0] if layer.multiscale else layer.data


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
    return level_factors(shape_of(layer), shape_at(layer, level))


def shape_of(layer: Layer) -> tuple[int, ...]:
    """Shape of a layer at full resolution, without channels."""
    shape = tuple(int(n) for n in full_resolution(layer).shape)
    return shape[:-1] if isinstance(layer, Image) and layer.rgb else shape


def position_in(layer: Layer, point: ArrayLike) -> tuple[int, ...]:
    """Index of the pixel of a layer at a point of its world, which may have further axes before; kept inside."""
    where = layer.world_to_data(np.asarray(point, float)[-layer.ndim :])
    return tuple(int(min(max(round(float(p)), 0), n - 1)) for p, n in zip(where, shape_of(layer), strict=True))


def position_at(dims: Any, layer: Layer, level: int) -> tuple[int, ...]:
    """Index of the pixel of a level at the place the viewer shows, kept inside."""
    whole = (np.array(position_in(layer, in_units_of(dims, layer, dims.point))) + 0.5) / factors(layer, level)
    return tuple(min(int(p), n - 1) for p, n in zip(whole, shape_at(layer, level), strict=True))


def into_full(layer: Layer, level: int) -> Affine:
    """Return the transform from index in a level to index in the full resolution: both fill the same frame."""
    return Affine(affine_matrix=level_matrix(factors(layer, level)), ndim=layer.ndim)


def span_at(layer: Layer, level: int, axis: int, first: int, end: int) -> tuple[int, int]:
    """Return the pixels of a level that hold those of the full resolution from one to another."""
    return level_span(float(factors(layer, level)[axis]), first, end)


def names(layer: Layer) -> dict[str, str]:
    """Return what the levels of a layer are called, by their numbers."""
    if not layer.multiscale:
        return {}
    shapes = [" x ".join(map(str, shape_at(layer, level))) for level in range(len(layer.data))]
    return {str(level): f"{level}: {shape}" for level, shape in enumerate(shapes)}


def pyramid_of(layer: Layer) -> Pyramid | None:
    """Return how the levels of a result are made so that they are like its source's; None where it has none."""
    if not layer.multiscale:
        return None
    shapes = [shape_at(layer, level) for level in range(len(layer.data))]
    return pyramid_like(shapes, mean=not isinstance(layer, Labels))
