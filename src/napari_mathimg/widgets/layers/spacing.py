"""The pixel size of a layer, in world units, and whether its planes are best processed as a volume."""

from napari.layers import Layer

from ...contract.operation import Operation
from ...contract.quantities import number
from ...recipe.names import cut_middle
from ...recipe.placement import axis_names
from .item_axes import Axes, item_axes, volumes_of
from .levels import factors
from .units import is_calibrated, unit_factor

FARTHEST = 1.5  # pixels between planes, up to which most denoisers err less on volumes than on planes
WEIGHS_AXES = ("denoise_nl_means",)  # compares patches, so that it errs less on volumes whatever the step


def says_z(layer: Layer) -> bool:
    """Return whether the axis along which planes lie in a volume is one of space, by its name or its unit."""
    volumes = volumes_of(layer)
    if not volumes:
        return False
    name, unit = layer.axis_labels[volumes[0][0]].lower(), layer.units[volumes[0][0]]
    is_length = is_calibrated(unit) and dict(unit.dimensionality) == {"[length]": 1}
    return name == "z" or (is_length and name not in ("t", "time", "c", "ch", "channel"))


def advised_items(layer: Layer, operation: Operation) -> tuple[str, str]:
    """Return "planes" or "volumes", whichever suits a stack and an operation, and the reason; "" if neither does."""
    if operation.family not in ("denoise", "deconvolve") or not says_z(layer):
        return "", ""
    z = axis_names(layer.axis_labels)[volumes_of(layer)[0][0]]
    if operation.family == "deconvolve":
        return "volumes", f"{z} is an axis of space, along which light is blurred, too."
    spacing, _ = spacing_of(layer, 3)
    step = spacing[0] / min(spacing[1:])
    why = f"The step along {z} is {number(step, 2)} times the pixel"
    if step <= FARTHEST:
        return "volumes", f"{why}: near enough for this method."
    if operation.id in WEIGHS_AXES:
        return "volumes", f"{why}, but this method compares patches: it errs less on volumes."
    return "planes", f"{why}: too far for this method."


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
        raise ValueError(
            f"lengths in {other_unit:~P}: the pixel size of {cut_middle(layer.name)!r} must have such a unit"
        )
    return tuple(s * unit_factor(layer_unit, other_unit) for s in spacing)
