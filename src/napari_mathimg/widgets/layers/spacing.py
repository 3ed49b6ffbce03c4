"""The pixel size of a layer, in world units."""

from napari.layers import Layer

from .item_axes import Axes, item_axes
from .levels import factors
from .units import is_calibrated, unit_factor


def spacing_of(layer: Layer, ndim: int | Axes) -> tuple[tuple[float, ...], str]:
    """Return the pixel size along each axis of an item in a common unit, and the unit's name ("" if there is none).

    The item is that of planes or volumes, or has the axes given.
    """
    axes = item_axes(layer, ndim) if isinstance(ndim, int) else ndim
    scale = [float(abs(layer.scale[axis])) for axis in axes]
    units = [layer.units[axis] for axis in axes]
    if not all(map(is_calibrated, units)):
        return tuple(scale), ""
    try:
        spacing = tuple(s * float((1 * u).to(units[-1]).magnitude) for s, u in zip(scale, units, strict=True))
    except TypeError:  # pint's DimensionalityError
        return tuple(scale), ""
    return spacing, f"{units[-1]:~P}"


def spacing_at(layer: Layer, ndim: int | Axes, level: int) -> tuple[tuple[float, ...], str]:
    """Return the pixel size of a level along each axis of an item in a common unit, and the unit's name."""
    axes = item_axes(layer, ndim) if isinstance(ndim, int) else ndim
    spacing, unit = spacing_of(layer, axes)
    return tuple(s * float(factors(layer, level)[axis]) for s, axis in zip(spacing, axes, strict=True)), unit


def spacing_like(layer: Layer, other: Layer, ndim: int | Axes, level: int) -> tuple[float, ...]:
    """Return the pixel size of a level along each axis of an item, in the unit of another layer.

    Raises
    ------
    ValueError
        If the pixel size has no unit, or one of another dimension.
    """
    spacing, unit = spacing_at(layer, ndim, level)
    layer_unit, other_unit = layer.units[-1], other.units[-1]
    if not unit or layer_unit.dimensionality != other_unit.dimensionality:
        raise ValueError(f"lengths in {other_unit:~P}: the pixel size of {layer.name!r} must have such a unit")
    return tuple(s * unit_factor(layer_unit, other_unit) for s in spacing)
