"""The declaration of a change of domain: its map alone; the engine samples the image through it."""

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
) -> Callable[[Callable[..., Any]], Operation]:
    """Declare a change of domain: the decorated function turns a shape and parameters into a `Gather`.

    `values` says how numbers are seen where the interpolation's order alone does not, `needs_range` for which
    parameters the `light` of the `Gather` asks for black and white.
    """

    def declare(mapping: Callable[..., Gather]) -> Operation:
        return operation(
            title,
            values=values or _values(mapping),
            reach=mapping,
            channels="joint",
            dimensions=dimensions,
            check=check,
            rigid=rigid,
            needs_range=needs_range,
            is_warp=True,
        )(mapping)

    return declare


def _values(mapping: Callable[..., Gather]) -> Values | Callable[..., Values]:
    if "order" not in mapping.__annotations__:
        return "exact"
    return lambda order: "float" if order else "exact"
