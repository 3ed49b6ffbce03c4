"""Units of layers and of the viewer's world, in which napari counts where layers differ."""

from typing import Any

import numpy as np
from napari.layers import Layer
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]


def unit_factor(unit: Any, other: Any) -> float:
    """Return how many of another unit a unit is; 1 where they do not measure the same, as napari takes them then."""
    try:
        return float((1 * unit).to(other).magnitude)
    except TypeError:  # pint's DimensionalityError
        return 1.0


def units_of(dims: Any, layer: Layer) -> Array:
    """Return how many of a layer's units one of the viewer's is, on each axis of the layer."""
    if dims.units is None or len(dims.units) < layer.ndim:
        return np.ones(layer.ndim)
    own = dims.units[len(dims.units) - layer.ndim :]
    return np.array([unit_factor(unit, other) for unit, other in zip(own, layer.units, strict=True)])


def in_units_of(dims: Any, layer: Layer, world: ArrayLike) -> Array:
    """Return a point of the viewer's world, given on all its axes, on those of a layer and in its units."""
    own: Array = np.asarray(world, float)[dims.ndim - layer.ndim :] * units_of(dims, layer)
    return own
