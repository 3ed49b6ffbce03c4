"""The arrays of single-scale and multiscale layers: the shapes of the levels, and where their pixels lie."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.utils.transforms import Affine
from numpy.typing import ArrayLike, NDArray

from ...contract.quantities import sizes
from ...engine.pyramid import Pyramid, level_factors, level_matrix, level_span, pyramid_like
from ..lazy.shown import unwrapped_data
from .units import in_units_of

Array = NDArray[Any]


def full_resolution(layer: Layer) -> Any:
    """Return the array of a layer; for a multiscale layer, that of the finest level."""
    return unwrapped_data(layer.data[0] if layer.multiscale else layer.data)


def array_of(layer: Layer, level: int = 0) -> Any:
    """Return the array of a level of a layer, or of the coarsest level if the layer now has fewer."""
    if not layer.multiscale:
        return full_resolution(layer)
    return unwrapped_data(layer.data[min(level, len(layer.data) - 1)])


def shape_at(layer: Layer, level: int = 0) -> tuple[int, ...]:
    """Return the shape of a level, without channels."""
    return tuple(int(n) for n in array_of(layer, level).shape)[: layer.ndim]


def level_like(layer: Layer, shape: Sequence[int]) -> int | None:
    """Return the finest level of a layer whose last axes match those of a shape; None if there is none."""
    last = tuple(shape)[-layer.ndim :]
    levels = range(len(layer.data) if layer.multiscale else 1)
    return next((level for level in levels if shape_at(layer, level)[-len(last) :] == last), None)


def factors(layer: Layer, level: int) -> Array:
    """Return the downsampling factors of a level: the size of its pixels in pixels of the full resolution."""
    return level_factors(shape_of(layer), shape_at(layer, level))


def shape_of(layer: Layer) -> tuple[int, ...]:
    """Return the shape of a layer at full resolution, without channels."""
    shape = tuple(int(n) for n in full_resolution(layer).shape)
    return shape[:-1] if isinstance(layer, Image) and layer.rgb else shape


def position_in(layer: Layer, point: ArrayLike) -> tuple[int, ...]:
    """Return the index of a layer's pixel at a world point, clipped to the layer; the point may have leading axes."""
    where = layer.world_to_data(np.asarray(point, float)[-layer.ndim :])
    return tuple(int(min(max(round(float(p)), 0), n - 1)) for p, n in zip(where, shape_of(layer), strict=True))


def position_at(dims: Any, layer: Layer, level: int) -> tuple[int, ...]:
    """Return the index of a level's pixel at the position of the viewer's sliders, clipped to the level."""
    whole = (np.array(position_in(layer, in_units_of(dims, layer, dims.point))) + 0.5) / factors(layer, level)
    return tuple(min(int(p), n - 1) for p, n in zip(whole, shape_at(layer, level), strict=True))


def into_full(layer: Layer, level: int) -> Affine:
    """Return the transform from indices in a level to indices in the full resolution; both cover the same extent."""
    return Affine(affine_matrix=level_matrix(factors(layer, level)), ndim=layer.ndim)


def span_at(layer: Layer, level: int, axis: int, first: int, end: int) -> tuple[int, int]:
    """Return the range of pixels of a level that covers a range of pixels of the full resolution along an axis."""
    return level_span(float(factors(layer, level)[axis]), first, end)


def names(layer: Layer) -> dict[str, str]:
    """Return the displayed names of the levels of a multiscale layer, by level number."""
    if not layer.multiscale:
        return {}
    shapes = [sizes(shape_at(layer, level)) for level in range(len(layer.data))]
    return {str(level): f"{level}: {shape}" for level, shape in enumerate(shapes)}


def pyramid_of(layer: Layer) -> Pyramid | None:
    """Return how to build the levels of a result so that they match its source's; None for a single-scale layer."""
    if not layer.multiscale:
        return None
    shapes = [shape_at(layer, level) for level in range(len(layer.data))]
    return pyramid_like(shapes, mean=not isinstance(layer, Labels))
