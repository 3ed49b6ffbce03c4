"""Conversion between the units of a layer and those of the viewer's world, which napari uses if layers differ."""

from typing import Any

import numpy as np
from napari.layers import Layer
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]

# Units that say no size. "px" is a length to pint, the 96th part of an inch; readers of image files mean pixels by it.
UNCALIBRATED = ("pixel", "css_pixel", "dimensionless")


def is_calibrated(unit: Any) -> bool:
    """Return whether a unit says how large something is."""
    return str(unit) not in UNCALIBRATED


def unit_factor(unit: Any, other: Any) -> float:
    """Return the factor from a unit to another; 1 for units of different dimensions, as napari treats them."""
    try:
        return float((1 * unit).to(other).magnitude)
    except TypeError:  # pint's DimensionalityError
        return 1.0


def units_of(dims: Any, layer: Layer) -> Array:
    """Return the factor from the viewer's unit to the layer's, on each axis of the layer."""
    if dims.units is None or len(dims.units) < layer.ndim:
        return np.ones(layer.ndim)
    world = dims.units[len(dims.units) - layer.ndim :]
    return np.array([unit_factor(unit, other) for unit, other in zip(world, layer.units, strict=True)])


def in_units_of(dims: Any, layer: Layer, world: ArrayLike) -> Array:
    """Convert a point of the viewer's world, given on all its axes, to the axes and units of a layer."""
    point: Array = np.asarray(world, float)[dims.ndim - layer.ndim :] * units_of(dims, layer)
    return point
