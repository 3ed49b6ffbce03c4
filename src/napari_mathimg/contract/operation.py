"""The declaration of an operation: a signature, a reach, and what it must know beforehand."""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, cast, get_type_hints

from .progress import checkpoint, parallel_for
from .reach import POINTWISE, Box, Gather, Neighborhood, Reach, Whole, within
from .signature import Parameter, Signature, arguments, call
from .types import Auto, Role, annotation_of

__all__ = [
    "POINTWISE",
    "BlockInfo",
    "Frames",
    "Gather",
    "Neighborhood",
    "Operation",
    "Parameter",
    "Report",
    "Statistic",
    "ValueRange",
    "Whole",
    "arguments",
    "call",
    "checkpoint",
    "operation",
    "parallel_for",
]

Values = Literal["exact", "float", "normalized"]
Channels = Literal["separate", "joint", "brightness", "reduce"]


@dataclass(frozen=True)
class BlockInfo:
    """Where a block lies.

    Parameters
    ----------
    index
        Index of the item in the stack.
    shape
        Full shape of the item.
    read, core
        The box read and the box wanted: equal to the block and to the result.
    reach
        What the operation declared, resolved.
    position
        Number of pixels of the layer that come before this item (and channel).
    """

    index: tuple[int, ...]
    shape: tuple[int, ...]
    read: Box
    core: Box
    reach: Reach
    position: int = 0

    @property
    def inner(self) -> tuple[slice, ...]:
        """Where the wanted box lies in the block."""
        return within(self.core, self.read)


@dataclass(frozen=True)
class ValueRange:
    """The two values an operation sees as 0 and 1, and the number of whole gray levels between them."""

    low: float
    high: float
    integral: bool = False

    @property
    def width(self) -> float:
        """Distance between the ends; 1 for a constant image."""
        return self.high - self.low or 1.0

    def bins(self, nbins: int) -> int:
        """Bins that count the range: one per gray level of integers with at most 65536 levels, else `nbins`."""
        return math.ceil(self.high) - math.floor(self.low) + 1 if self.integral and self.width < 65536 else nbins


@dataclass(frozen=True)
class Statistic:
    """Numbers counted tile by tile and added up in the order of the grid, then finished once.

    `measure` returns a tuple of arrays for one tile; `finish` gets their sums as `counted`. `valid` is the mask
    of pixels that hold a number, or None where all do. Where an operation has several statistics, each finds the
    result of the one before as `measured`. `pooled` says that they may be counted over a whole layer, `needed` for
    which parameters and further images one is counted at all; `measured` stays what it was where not. `of` names
    aligned images that are counted instead of the image, each of their planes or volumes once; `most` says how many
    items are counted at most, from all over. What `measure` returns may be anything that can be added.
    """

    measure: Callable[..., tuple[Any, ...]]
    finish: Callable[..., Any]
    reach: Reach | Callable[..., Reach] = POINTWISE
    pooled: bool = True
    needed: Callable[..., bool] | None = None
    of: tuple[str, ...] = ()
    most: int | None = None


@dataclass(frozen=True)
class Frames:
    """An axis before all others of the result: its length, its name, and where its first and each further frame lie."""

    count: int
    name: str
    first: float = 0.0
    step: float = 1.0


@dataclass(frozen=True)
class Report:
    """What is to be known of a result: values for its record, and a text to tell."""

    values: Mapping[str, Any]
    text: str


ENGINE = {"image", "info", "shape", "dtype", "values", "measured", "valid"}


@dataclass(frozen=True)
class Operation(Signature):
    """A declared operation; `is_warp` says that its function returns a map, through which the engine samples."""

    is_warp: bool
    reach: Reach | Callable[..., Reach]
    values: Values | Callable[..., Values]
    channels: Channels
    dimensions: tuple[int, ...] | Literal["all"]
    statistics: tuple[Statistic, ...]
    check: Callable[..., None] | None
    saturates: bool
    new_values: bool
    rigid: bool
    frames: Callable[..., Frames | None] | None
    needs_range: Callable[..., bool] | None
    report: Callable[..., Report] | None
    images: tuple[tuple[str, str], ...]
    optional: tuple[str, ...]
    version: int
    module: str

    def __reduce__(self) -> Any:
        """Pickle as a reference to the declaration."""
        return _find, (self.module, self.id)

    @property
    def family(self) -> str:
        """Name of the module that declares it."""
        return self.module.rpartition(".")[2]

    def uses_range(self, given: Mapping[str, Any]) -> bool:
        """Whether the value range changes the result for parameters of which some may be "auto"."""
        others = [h for s in self.statistics for h in (s.measure, s.finish)]
        called = others if self.is_warp else [self.function, *others]
        asked = self.values == "normalized" or any("values" in arguments(h) for h in called)
        if self.needs_range is not None:
            asked = call(self.needs_range, given)
        rules = {n: a.rule for n, p in self.parameters.items() if (a := annotation_of(p.hint, Auto))}
        return asked or any(given[n] == "auto" and "values" in arguments(rule) for n, rule in rules.items())

    def works_on(self, ndim: int) -> bool:
        """Whether items may have so many axes."""
        return self.dimensions == "all" or ndim in self.dimensions

    def resolve(self, given: Mapping[str, Any], shape: tuple[int, ...], known: Mapping[str, Any]) -> dict[str, Any]:
        """Return all parameters, checked on their own and together, as numbers."""
        out = super().resolve(given, shape, known)
        if self.check:
            call(self.check, {**known, "shape": shape, **out})
        return out


def operation(
    title: str,
    *,
    values: Values | Callable[..., Values],
    reach: Reach | Callable[..., Reach],
    channels: Channels = "separate",
    dimensions: tuple[int, ...] | Literal["all"] = (2, 3),
    statistics: tuple[Statistic, ...] = (),
    check: Callable[..., None] | None = None,
    saturates: bool = False,
    new_values: bool = False,
    rigid: bool = False,
    frames: Callable[..., Frames | None] | None = None,
    needs_range: Callable[..., bool] | None = None,
    report: Callable[..., Report] | None = None,
    version: int = 1,
    is_warp: bool = False,
) -> Callable[[Callable[..., Any]], Operation]:
    """Declare an operation.

    Parameters
    ----------
    title
        What menus show.
    values
        How it sees numbers: "exact" (own dtype), "float" (as they are) or "normalized" (the value range is 0 to 1).
    reach
        What a box of the result depends on, or a function of parameters and images that says it.
    channels
        "separate" (one at a time), "joint" (channels last), "brightness" (V = max(R, G, B), colors scaled by
        V'/V) or "reduce" (channels last in, none out).
    dimensions
        Numbers of axes an item may have.
    statistics
        What must be counted before any region can be computed.
    check
        Raises ValueError for parameters that do not go together.
    saturates
        Whether values outside the value range end at its ends.
    new_values
        Whether the result's values mean something else, so that contrast limits are set anew.
    rigid
        Whether it turns content as a whole, so that pixels must be square.
    frames
        What first axis the result gets besides those of the image, for some parameters; it then comes first in the
        block that the function returns.
    needs_range
        For which parameters the value range counts, where the function asks for it but not always needs it.
    report
        What is to be known of a result, from parameters, images, all that was `measured`, the sums of the image's and
        the result's finite values, `before` and `after` (of frames the last), and their number, `pixels`.
    version
        Raised when the same parameters begin to give another result.
    is_warp
        Whether the function returns a `Gather`, through which the engine samples the image; see `warp`.
    """

    def declare(function: Callable[..., Any]) -> Operation:
        hints = get_type_hints(function, include_extras=True)
        images: list[tuple[str, str]] = []
        optional: list[str] = []
        parameters: dict[str, Parameter] = {}
        for name, p in inspect.signature(function).parameters.items():
            role = annotation_of(hints.get(name), Role)
            if role:
                if optional and not role.optional:
                    raise TypeError(f"{function.__name__}: image {name} comes after an optional one")
                images.append((name, role.name))
                optional += [name] * role.optional
            elif name not in ENGINE:
                if name not in hints or p.default is p.empty:
                    raise TypeError(f"{function.__name__}: parameter {name} needs an annotation and a default")
                parameters[name] = Parameter(name, hints[name], p.default)
        op = Operation(
            id=function.__name__, title=title, function=function, is_warp=is_warp, reach=reach,
            values=values, channels=channels, dimensions=dimensions, statistics=statistics, check=check,
            saturates=saturates, new_values=new_values, rigid=rigid, frames=frames, report=report,
            needs_range=needs_range, parameters=parameters, images=tuple(images) or (("image", "image"),),
            optional=tuple(optional), version=version, module=function.__module__,
        )  # fmt: skip
        _check_names(op)
        return op

    return declare


def _check_names(op: Operation) -> None:
    """Refuse a declaration whose rules name what the engine will not know."""
    own, second = {*op.parameters}, {name for name, _ in op.images[1:]}
    autos = [a.rule for p in op.parameters.values() if (a := annotation_of(p.hint, Auto))]
    supplied = {"shape", "dtype", "values"}
    for helpers, known in (
        ([op.values, op.frames, op.needs_range], own),
        ([s.needed for s in op.statistics], own | second),
        ([None if op.is_warp else op.function], own | second | ENGINE),
        ([op.reach, *(s.reach for s in op.statistics)], own | second | {"shape"}),
        ([op.report], own | second | {"shape", "measured", "before", "after", "pixels"}),
        ([op.check, *autos], own | supplied | {"channels"}),
        ([s.measure for s in op.statistics], own | second | ENGINE),
        ([s.finish for s in op.statistics], own | second | supplied | {"counted", "measured"}),
    ):
        for helper in helpers:
            if callable(helper) and (wrong := set(arguments(helper)) - known):
                raise TypeError(f"{op.id}: {helper.__name__} asks for {', '.join(sorted(wrong))}")
    aligned = {name for name, role in op.images[1:] if role == "aligned"}
    if wrong := {name for s in op.statistics for name in s.of} - aligned:
        raise TypeError(f"{op.id}: statistics of {', '.join(sorted(wrong))}, which are no aligned images")


def _find(module: str, name: str) -> Operation:
    return cast(Operation, getattr(import_module(module), name))
