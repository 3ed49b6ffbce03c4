"""Lengths in a unit of the world, resolved to pixels as the docks do."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..contract.per_index import PerIndex
from ..contract.requirements import describe
from ..contract.signature import Signature
from ..contract.types import Number, PerAxis, PlaneLength, annotation_of, options, parts
from .plain import Table, choice, number, placed, refusal

MICROMETERS = {"nm": 1e-3, "um": 1.0, "µm": 1.0, "μm": 1.0, "mm": 1e3, "cm": 1e4, "m": 1e6}
NOISE = 9  # decimals of a number of pixels; smaller differences come from the conversion of units

Spacing = tuple[float | None, ...]


def is_length(value: Any) -> bool:
    """Return whether a value is a length in a unit: ``{"value": 0.5, "unit": "um"}``."""
    return isinstance(value, Mapping) and ("unit" in value or "value" in value)


def read_value(signature: Signature, name: str, value: Any, place: str) -> Any:
    """Read the value of a parameter, which may be a length in a unit.

    Raises
    ------
    ValueError
        If the parameter cannot have it.
    """
    if is_length(value):
        return read_length(signature, name, value, place)
    if value == () and annotation_of(signature.parameters[name].hint, PerAxis):
        raise refusal(place, value, f"{describe(signature.parameters[name].hint)}, not an empty list")
    try:
        signature.validate({name: value})
    except ValueError as error:
        requirement = str(error).partition(": must be ")[2]
        if not requirement:
            raise placed(error, place.rpartition(".")[0]) from None
        raise refusal(place, value, requirement) from None
    return value


def read_length(signature: Signature, name: str, value: Any, place: str) -> dict[str, Any]:
    """Read a length in a unit, the value of a parameter that is a length.

    Raises
    ------
    ValueError
        If the parameter is no length, or the value is none.
    """
    hint = signature.parameters[name].hint
    per_axis = _lengths_of(hint)
    if per_axis is None and annotation_of(hint, PlaneLength) is None:
        raise refusal(place, value, "a value without a unit, because it is no length")
    table = Table(value, place)
    lengths = table.take("value", _lengths if per_axis else _length)
    unit = table.take("unit", choice(MICROMETERS))
    table.end()
    return {"value": lengths, "unit": plain_unit(unit)}


def plain_unit(unit: str) -> str:
    """Return a unit as recipes write it: "um" for either of the signs for micro."""
    return "um" if unit in ("µm", "μm") else unit


def agreeing_lengths(
    signature: Signature, typed: Mapping[str, tuple[str, Any]], spacing: Spacing, pixels: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return typed lengths as recipes hold them, but for those that a recipe resolves to other numbers of pixels.

    Parameters
    ----------
    signature
        The operation.
    typed
        Unit and lengths by the name of the parameter.
    spacing
        Size of a pixel along each axis of an item in µm.
    pixels
        The parameters in pixels, as a run has them.
    """
    out = {}
    for name, (unit, value) in typed.items():
        if unit in MICROMETERS:
            length = {"value": value, "unit": plain_unit(unit)}
            if in_pixels(signature, {name: length}, spacing, "")[name] == pixels[name]:
                out[name] = length
    return out


def _lengths(value: Any, place: str) -> float | tuple[float, ...]:
    if isinstance(value, tuple) and value:
        return tuple(_length(v, f"{place}[{k}]") for k, v in enumerate(value))
    return _length(value, place)


def _length(value: Any, place: str) -> float:
    length = number(value, place)
    if length < 0:
        raise refusal(place, value, "a length of at least 0")
    return length


def in_pixels(
    signature: Signature, given: Mapping[str, Any], spacing: Spacing, place: str, where: str = "parameters"
) -> dict[str, Any]:
    """Return parameters with numbers of pixels for lengths in a unit.

    Parameters
    ----------
    signature
        The operation or the kind of point-spread function.
    given
        Its parameters.
    spacing
        Size of a pixel along each axis of an item in µm; None where it is not known.
    place, where
        Place of the step in the file and of the parameters in the step, for errors.

    Raises
    ------
    ValueError
        If the pixel size that a length needs is not known.
    """

    def resolved(name: str, value: Any) -> Any:
        if isinstance(value, PerIndex):
            return PerIndex(value.axis, tuple(resolved(name, v) for v in value.values)).plain()
        if not is_length(value):
            return value
        return _pixels(signature.parameters[name].hint, value, spacing, f"{place}.{where}.{name}")

    return {name: resolved(name, value) for name, value in given.items()}


def _pixels(hint: Any, length: Mapping[str, Any], spacing: Spacing, place: str) -> Any:
    """Return a length in pixels."""
    per_axis = _lengths_of(hint)
    known = [s for s in (spacing if per_axis else spacing[-2:]) if s is not None]
    if len(known) < len(spacing if per_axis else spacing[-2:]):
        raise refusal(place, dict(length), "in pixels, because the image has no pixel size in a unit of length")
    factor, value = MICROMETERS[length["unit"]], length["value"]
    if per_axis is None:
        if not math.isclose(known[0], known[-1], rel_tol=1e-6):
            raise refusal(place, dict(length), "in pixels, because the pixels of the image are not square")
        if not math.isfinite(value * factor / known[-1]):
            raise refusal(place, dict(length), "a length of a finite number of pixels")
        return max(round(value * factor / known[-1], NOISE), _least(hint))
    values = value if isinstance(value, tuple) else (value,) * len(known)
    if not all(math.isfinite(v * factor / s) for v, s in zip(values, known * len(values), strict=False)):
        raise refusal(place, dict(length), "a length of a finite number of pixels")
    if len(values) != len(known):
        raise refusal(place, dict(length), f"one length, or {len(known)} for {len(known)} axes")
    return tuple(
        _rounded(max(round(v * factor / s, NOISE), _least(hint)), per_axis, hint)
        for v, s in zip(values, known, strict=True)
    )


def _rounded(pixels: float, per_axis: PerAxis, hint: Any) -> float:
    """Round a length to what a parameter can be: odd or whole numbers of pixels, or any number."""
    if per_axis.odd:
        return 2 * math.floor(pixels / 2) + 1
    return math.floor(pixels + 0.5) if parts(_element(hint))[0] is int else pixels


def _lengths_of(hint: Any) -> PerAxis | None:
    per_axis: PerAxis | None = annotation_of(hint, PerAxis)
    return per_axis if per_axis is not None and per_axis.length else None


def _element(hint: Any) -> Any:
    """Return the type of one length."""
    return next((member for member in options(hint) if annotation_of(member, Number)), hint)


def _least(hint: Any) -> float:
    note = annotation_of(_element(hint), Number)
    return 0.0 if note is None or note.ge is None else note.ge


def in_words(length: Mapping[str, Any]) -> str:
    """Return a length as text."""
    values: Sequence[float] = length["value"] if isinstance(length["value"], tuple) else (length["value"],)
    unit = "µm" if length["unit"] == "um" else length["unit"]
    return f"{' x '.join(f'{v:g}' for v in values)} {unit}"
