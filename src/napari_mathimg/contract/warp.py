"""The declaration of a change of domain: a map, through which the engine samples the image."""

from collections.abc import Callable
from typing import Any, Literal

from .operation import Operation, Values, operation
from .reach import Gather


def warp(
    title: str,
    *,
    dimensions: tuple[int, ...] | Literal["all"] = (2,),
    check: Callable[..., None] | None = None,
    rigid: bool = False,
    values: Values | Callable[..., Values] | None = None,
    needs_range: Callable[..., bool] | None = None,
    proportional: bool | Callable[..., bool] = True,
    keywords: str = "",
) -> Callable[[Callable[..., Any]], Operation]:
    """Declare a change of domain, whose function returns a `Gather` from a shape and parameters.

    Parameters
    ----------
    title, dimensions, check, rigid, keywords
        As in `operation`.
    values
        As in `operation`; by default "exact" for nearest-neighbor interpolation and "float" otherwise.
    needs_range
        Rule that returns whether the `correction` of the `Gather` uses the value range.
    proportional
        As in `operation`; maps of coordinates leave brightness proportional to light.
    """

    def declare(mapping: Callable[..., Gather]) -> Operation:
        return operation(
            title,
            values=values or _default_values(mapping),
            reach=mapping,
            channels="joint",
            dimensions=dimensions,
            check=check,
            rigid=rigid,
            needs_range=needs_range,
            proportional=proportional,
            keywords=keywords,
            is_warp=True,
        )(mapping)

    return declare


def _default_values(mapping: Callable[..., Gather]) -> Values | Callable[..., Values]:
    """Return "exact" for maps that do not interpolate, or a rule by the order of the interpolation."""
    if "order" not in mapping.__annotations__:
        return "exact"
    return lambda order: "float" if order else "exact"
