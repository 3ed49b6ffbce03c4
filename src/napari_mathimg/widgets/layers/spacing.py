"""The size of a layer's pixels, in the units of its world."""

from napari.layers import Layer

from .levels import factors
from .units import unit_factor


def spacing_of(layer: Layer, ndim: int) -> tuple[tuple[float, ...], str]:
    """Size of a pixel along each of the last axes in one unit, and the unit's name; "" where there is none."""
    scale = [float(abs(s)) for s in layer.scale[-ndim:]]
    units = layer.units[-ndim:]
    try:
        spacing = tuple(s * float((1 * u).to(units[-1]).magnitude) for s, u in zip(scale, units, strict=True))
    except TypeError:  # pint's DimensionalityError
        return tuple(scale), ""
    return spacing, "" if str(units[-1]) == "pixel" else f"{units[-1]:~P}"


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
