"""Comparison of the pixel sizes of two layers, and the placement of a point-spread function in the world."""

import math
from typing import Any

import numpy as np
from napari.layers import Layer
from napari.utils.transforms import Affine

from ...contract.quantities import sizes
from ..layers.item_axes import Axes, item_axes
from ..layers.levels import factors, into_full, shape_at
from ..layers.plane import spatial_state_like
from ..layers.units import in_units_of, is_calibrated, unit_factor

DIFFERENT = 0.01  # relative difference up to which sizes count as the same


def axes_like(layer: Layer, source: Layer, axes: Axes) -> Axes:
    """Return the axes of a layer that stand for the axes of a source's items: the same ones, or those of its own."""
    n = len(axes)
    return axes if layer is source else tuple(range(n)) if layer.ndim == n else item_axes(layer, n)


def micrometers(layer: Layer, axes: Axes, level: int = 0) -> tuple[float, ...] | None:
    """Return the pixel size of a level along some axes in µm; None if it has no unit of length."""
    units = [layer.units[axis] for axis in axes]
    if not all(map(is_calibrated, units)):
        return None
    try:
        return tuple(
            s * float((1 * u).to("micrometer").magnitude)
            for s, u in zip(_scale(layer, axes, level), units, strict=True)
        )
    except TypeError:  # pint's DimensionalityError
        return None


def _scale(layer: Layer, axes: Axes, level: int) -> tuple[float, ...]:
    """Return the pixel size of a level along some axes, in the units of the layer."""
    scale = np.abs(layer.scale) * factors(layer, level)
    return tuple(float(scale[axis]) for axis in axes)


def pixel_sizes(layer: Layer, axes: Axes, level: int = 0) -> tuple[tuple[float, ...], str]:
    """Return the pixel size of a level and its unit: "µm", or "" if the scale has no unit of length."""
    physical = micrometers(layer, axes, level)
    return (physical, "µm") if physical is not None else (_scale(layer, axes, level), "")


def comparable(psf: Layer, source: Layer, axes: Axes) -> bool:
    """Whether the pixel sizes of both layers, along some axes of the source, are known and comparable."""
    both = [pixel_sizes(layer, axes_like(layer, source, axes)) for layer in (psf, source)]
    return both[0][1] == both[1][1] and all(unit or any(s != 1 for s in size) for size, unit in both)


def same_pixels(psf: Layer, source: Layer, axes: Axes, level: int = 0) -> bool:
    """Whether the pixel sizes of a layer and of a level of a source agree, as far as they are known."""
    ours, theirs = pixel_sizes(psf, axes_like(psf, source, axes))[0], pixel_sizes(source, axes, level)[0]
    return not comparable(psf, source, axes) or all(
        math.isclose(a, b, rel_tol=DIFFERENT) for a, b in zip(ours, theirs, strict=True)
    )


def same_level(layer: Layer, source: Layer, axes: Axes, level: int) -> int:
    """Return the level of a layer with the pixel size of a level of a source; the finest if there is none.

    If the pixel sizes are not comparable, those of the full resolutions are assumed to be the same.
    """
    if layer is source or not layer.multiscale:
        return level if layer is source else 0
    own, known = axes_like(layer, source, axes), comparable(layer, source, axes)
    target = pixel_sizes(source, axes, level)[0] if known else factors(source, level)[list(axes)]
    for number in range(len(layer.data)):
        size = pixel_sizes(layer, own, number)[0] if known else factors(layer, number)[list(own)]
        if np.allclose(size, target, rtol=DIFFERENT, atol=0):
            return number
    return 0


def in_words(layer: Layer, axes: Axes, level: int = 0) -> str:
    """Return the pixel size of a level as text."""
    size, unit = pixel_sizes(layer, axes, level)
    return sizes(size, unit)


def pixels_of(image: Layer, layer: Layer, places: Any, dims: Any) -> Any:
    """Convert points of a layer to pixel coordinates of an image, of shape (points, axes of the image).

    On axes that the layer lacks, the points take the position of the viewer's sliders.
    """
    shared = min(layer.ndim, image.ndim)
    units = zip(layer.units[-shared:], image.units[-shared:], strict=True)
    factors = [unit_factor(unit, image_unit) for unit, image_unit in units]
    out = np.empty((len(places), image.ndim))
    for row, place in zip(out, places, strict=True):
        world = in_units_of(dims, image, dims.point)
        world[-shared:] = np.array(layer.data_to_world(place))[-shared:] * factors
        row[:] = image.world_to_data(world)
    return out


def placed_in_middle(array: Any, source: Layer, axes: Axes, level: int = 0) -> dict[str, Any]:
    """Return the spatial state that centers an array along some axes of a layer, with the pixel size of a level."""
    shape = shape_at(source, level)
    middle = [(shape[axis] - 1) / 2 - m // 2 for axis, m in zip(axes, array.shape, strict=True)]
    moved = into_full(source, level).set_slice(list(axes)).compose(Affine(translate=np.array(middle), ndim=array.ndim))
    return spatial_state_like(source, axes, moved)
