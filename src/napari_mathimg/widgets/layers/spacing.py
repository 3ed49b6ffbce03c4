"""The pixel size of a layer, in world units."""

from napari.layers import Layer

from .levels import factors
from .units import unit_factor


def spacing_of(layer: Layer, ndim: int) -> tuple[tuple[float, ...], str]:
    """Return the pixel size along each of the last axes in a common unit, and the unit's name ("" if there is none)."""
    scale = [float(abs(s)) for s in layer.scale[-ndim:]]
    units = layer.units[-ndim:]
    try:
        spacing = tuple(s * float((1 * u).to(units[-1]).magnitude) for s, u in zip(scale, units, strict=True))
    except TypeError:  # pint's DimensionalityError
        return tuple(scale), ""
    return spacing, "" if str(units[-1]) == "pixel" else f"{units[-1]:~P}"


def spacing_at(layer: Layer, ndim: int, level: int) -> tuple[tuple[float, ...], str]:
    """Return the pixel size of a level along each of the last axes in a common unit, and the unit's name."""
    spacing, unit = spacing_of(layer, ndim)
    return tuple(s * float(f) for s, f in zip(spacing, factors(layer, level)[-ndim:], strict=True)), unit


def spacing_like(layer: Layer, other: Layer, ndim: int, level: int) -> tuple[float, ...]:
    """Return the pixel size of a level along each of the last axes, in the unit of another layer.

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
