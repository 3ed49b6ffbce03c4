"""The declaration of an operation: its signature, its reach, and the statistics it needs before a run."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from textwrap import fill
from typing import Any, Literal, cast, get_type_hints

import numpy as np

from .blocks import BlockInfo, ValueRange
from .progress import checkpoint, parallel_for
from .reach import POINTWISE, Box, Gather, Neighborhood, Reach, Whole
from .results import Drop, Frames, Report
from .signature import Parameter, Signature, arguments, call
from .types import Auto, Role, annotation_of

__all__ = [
    "POINTWISE",
    "BlockInfo",
    "Drop",
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

WORKING = 8.0  # numbers for each pixel; no method that declares nothing else holds more, as a test measures
Values = Literal["exact", "float", "normalized"]
ResultType = Literal["same", "float32"]
Channels = Literal["separate", "joint", "brightness", "reduce"]


@dataclass(frozen=True)
class Statistic:
    """A statistic that is measured on each tile, summed in the order of the tiles, and finished once.

    An operation may have several statistics; each receives the result of the one before as `measured`.

    Parameters
    ----------
    measure
        Function that returns a tuple of arrays, or of other objects with an addition, for one tile. It may ask for
        `image`, and for `valid`: the mask of the pixels that hold a finite number, or None if all do.
    finish
        Function that returns the result from the sums, `counted`.
    reach
        Region that `measure` reads for a tile.
    pooled
        Whether the statistic may be pooled over a whole layer.
    needed
        Function of parameters, further images, `measured` and `in_memory` (whether the image is a NumPy array) that
        returns whether the statistic is measured; if not, `measured` keeps its value.
    of
        Names of aligned images that are measured instead of the image, each plane or volume once.
    most
        Largest number of items that are measured, spread over the stack; None for all.
    by_channel
        Whether a statistic that is pooled is measured for each channel of a stack axis named c, whatever the options.
    boxes
        Function of parameters, `shape` and `measured` that returns the boxes that are measured instead of the whole of
        each item; None for all of it. Only for statistics that are not pooled.
    """

    measure: Callable[..., tuple[Any, ...]]
    finish: Callable[..., Any]
    reach: Reach | Callable[..., Reach] = POINTWISE
    pooled: bool = True
    needed: Callable[..., bool] | None = None
    of: tuple[str, ...] = ()
    most: int | None = None
    by_channel: bool = False
    boxes: Callable[..., list[Box]] | None = None


ENGINE = {"image", "info", "spacing", "shape", "dtype", "values", "level", "measured", "valid"}


@dataclass(frozen=True, repr=False)
class Operation(Signature):
    """A declared operation, as the decorator `operation` makes it.

    `is_warp` tells that the function returns a `Gather`, through which the engine samples the image. The other
    fields are the arguments of `operation`; `images` holds the name and the role of each image in the signature, and
    `optional` the names of those that may be left out. ``help`` of an operation shows its call and its docstring.
    """

    is_warp: bool
    reach: Reach | Callable[..., Reach]
    values: Values | Callable[..., Values]
    channels: Channels
    dimensions: tuple[int, ...] | Literal["all"]
    statistics: tuple[Statistic, ...]
    check: Callable[..., None] | None
    saturates: bool
    new_values: bool
    dtype: ResultType | Callable[..., ResultType]
    rigid: bool
    frames: Callable[..., Frames | None] | None
    drops: Drop | None
    scales: bool | Callable[..., bool]
    proportional: bool | Callable[..., bool]
    needs_range: Callable[..., bool] | None
    data_range: tuple[float, float] | None
    report: Callable[..., Report] | None
    working: float | Callable[..., float]
    images: tuple[tuple[str, str], ...]
    optional: tuple[str, ...]
    version: int
    keywords: str
    module: str

    def __post_init__(self) -> None:
        """Document the instance, so that ``help`` of it shows the operation instead of this class."""
        object.__setattr__(self, "__doc__", f"{self._call_text()}\n\n{inspect.getdoc(self.function)}")

    def __repr__(self) -> str:
        return f"<Operation {self.id!r}: {self.title} ({self.family})>"

    def __reduce__(self) -> Any:
        """Pickle as a reference to the declaration."""
        return _find_operation, (self.module, self.id)

    @property
    def family(self) -> str:
        """Name of the module that declares the operation."""
        return self.module.rpartition(".")[2]

    def _call_text(self) -> str:
        """Return the call that applies the operation, with its further images and the defaults of its parameters."""
        further = [f"{name}=None" if name in self.optional else name for name, _ in self.images[1:]]
        keywords = [f"{p.name}={p.default!r}" for p in self.parameters.values()]
        return fill(
            f"apply({', '.join(['image', repr(self.id), *further, *keywords])})", 100, subsequent_indent=" " * 6
        )

    def uses_range(self, given: Mapping[str, Any]) -> bool:
        """Return whether the result depends on the value range, for parameters that may still be "auto"."""
        functions = [f for s in self.statistics for f in (s.measure, s.finish)]
        if not self.is_warp:
            functions.append(self.function)
        uses = self.values == "normalized" or any("values" in arguments(f) for f in functions)
        if self.needs_range is not None:
            uses = call(self.needs_range, given)
        rules = {n: a.rule for n, p in self.parameters.items() if (a := annotation_of(p.hint, Auto))}
        return uses or any(given[n] == "auto" and "values" in arguments(rule) for n, rule in rules.items())

    def is_proportional(self, given: Mapping[str, Any]) -> bool:
        """Return whether brightness stays proportional to light with some parameters."""
        return bool(call(self.proportional, given)) if callable(self.proportional) else self.proportional

    def result_type(self, dtype: np.dtype[Any], known: Mapping[str, Any]) -> np.dtype[Any]:
        """Return the type of the result for an image of a type, unless options name another.

        `known` holds parameters, which may still be "auto", and further images.
        """
        declared = call(self.dtype, known) if callable(self.dtype) else self.dtype
        return np.dtype(np.float32) if declared == "float32" and dtype.kind in "biu" else dtype

    @property
    def uses_level(self) -> bool:
        """Whether the operation asks for the level of the image."""
        functions = [f for s in self.statistics for f in (s.measure, s.finish)]
        return any("level" in arguments(f) for f in ([] if self.is_warp else [self.function]) + functions)

    def works_on(self, ndim: int) -> bool:
        """Return whether items may have this number of axes."""
        return self.dimensions == "all" or ndim in self.dimensions

    def resolve(self, given: Mapping[str, Any], shape: tuple[int, ...], known: Mapping[str, Any]) -> dict[str, Any]:
        """Check parameters one by one and together, and resolve them to numbers; arguments as in `Signature`."""
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
    dtype: ResultType | Callable[..., ResultType] = "same",
    rigid: bool = False,
    frames: Callable[..., Frames | None] | None = None,
    drops: Drop | None = None,
    scales: bool | Callable[..., bool] = False,
    proportional: bool | Callable[..., bool] = False,
    needs_range: Callable[..., bool] | None = None,
    data_range: tuple[float, float] | None = None,
    report: Callable[..., Report] | None = None,
    working: float | Callable[..., float] = WORKING,
    version: int = 1,
    keywords: str = "",
    is_warp: bool = False,
) -> Callable[[Callable[..., Any]], Operation]:
    """Declare an operation.

    Rules are functions that name what they need among their arguments: parameters, further images, or names that the
    engine supplies. A rule that asks for another name is refused at declaration.

    Pixels that hold no finite number are holes: they keep their values, and a function sees values of their neighbors
    in their place. A function that names `valid` gets the mask of all other pixels, or None where there are no holes,
    so that it can leave holes out. One that names `level` gets a value near all pixels of a bright image, otherwise 0:
    weighted sums of the differences from it keep digits that sums of the values lose.

    A preview of a pointwise operation computes every n-th pixel only, where the function does not ask for `info`, or
    also names `spacing`: the number of pixels from one pixel of its block to the next along each axis. The block then
    begins at the start of ``info.read``.

    Parameters
    ----------
    title
        Title in menus.
    values
        How the operation sees pixel values: "exact" (in the dtype of the image), "float" (as floating point) or
        "normalized" (the value range is 0 to 1).
    reach
        Region of the image that a box of the result depends on, or a rule that returns it.
    channels
        "separate" (each channel alone), "joint" (all, channels last), "brightness" (V = max(R, G, B), colors scaled by
        V'/V) or "reduce" (all, channels last, and none in the result).
    dimensions
        Numbers of axes that an item may have.
    statistics
        Statistics that must be measured before any region can be computed.
    check
        Rule that raises ValueError for parameters that contradict each other.
    saturates
        Whether values outside the value range are clipped to it.
    new_values
        Whether the values of the result have another meaning, so that contrast limits are set anew.
    dtype
        Type of the result for images of integers, unless options name one: "same" if values keep their meaning, or
        "float32" if they leave it, so that the type of the image would cut or round them; or a rule that returns it
        from parameters and further images.
    rigid
        Whether the operation turns the content as displayed, so that pixels must not be sheared in the world; it then
        has a parameter `pixel_size`.
    frames
        Rule that returns the first axis that the result has in addition to those of the image, or None. The axis is
        also the first one of the block that the function returns.
    drops
        That the result lacks the first axis of an item, and how its slabs are combined; None if it has all axes.
    scales
        Whether the operation on means of n x n pixels, with the lengths whose unit is pixels divided by n, comes within
        10 % of its effect of the means of its result, or a rule that returns it from parameters with divided lengths:
        previews then begin with such a picture. It does for wide smoothing. Only for operations without further images.
    proportional
        Whether brightness stays proportional to light, or a rule that returns it from parameters. It does if k times
        the image gives k times the result for every k > 0, with the same parameters and value range: for linear
        filters, medians, maps of coordinates and gains, but not for tone curves and not for denoisers that treat small
        and large differences of values in different ways. Noise counts by its mean; fill values beyond the edges, and
        an offset that is subtracted, do not count.
    needs_range
        Rule that returns whether the value range affects the result, for functions that do not always use it.
    data_range
        Percentiles of the image that the value range "data" means, for operations that one hot pixel would ruin; None
        for the lowest and the highest value.
    report
        Rule that returns facts about the result, from parameters, images, all that was `measured`, the sums of the
        finite values of the image and of the result, `before` and `after` (of the last frame), and the number of
        these values, `pixels`.
    working
        Numbers of the working type that the function holds at the same time for each pixel of a block, the block and
        the result among them; or a rule that returns their total, from parameters, further images, `shape` (that of
        the block), `working_type`, and `may_have_holes` (whether the image is of floating point). It is counted against
        the memory at hand before a run.
    version
        Version: 1 up to the first release that has the operation, and one more in each release in which valid input
        gives another result.
    keywords
        Words that people look for it by, besides those of its title, its id and its family, separated by commas.
    is_warp
        Whether the function returns a `Gather`, through which the engine samples the image; see `warp`.

    Raises
    ------
    TypeError
        If the decorated function or a rule does not follow the conventions above.
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
                    raise TypeError(f"{function.__name__}: image {name} must come before the optional images")
                images.append((name, role.name))
                optional += [name] * role.optional
            elif name not in ENGINE:
                if name not in hints or p.default is p.empty:
                    raise TypeError(f"{function.__name__}: parameter {name} must have an annotation and a default")
                parameters[name] = Parameter(name, hints[name], p.default)
        op = Operation(
            id=function.__name__, title=title, function=function, is_warp=is_warp, reach=reach,
            values=values, channels=channels, dimensions=dimensions, statistics=statistics, check=check,
            saturates=saturates, new_values=new_values, dtype=dtype, rigid=rigid, frames=frames, drops=drops,
            scales=scales, proportional=proportional, report=report, needs_range=needs_range, data_range=data_range,
            working=working, parameters=parameters, images=tuple(images) or (("image", "image"),),
            optional=tuple(optional), version=version, keywords=keywords, module=function.__module__,
        )  # fmt: skip
        _check_names(op)
        _check_drop(op)
        return op

    return declare


def _check_names(op: Operation) -> None:
    """Refuse a declaration whose rules ask for a name that they will not get."""
    parameters, further = {*op.parameters}, {name for name, _ in op.images[1:]}
    autos = [a.rule for p in op.parameters.values() if (a := annotation_of(p.hint, Auto))]
    supplied = {"shape", "dtype", "values"}
    for rules, known in (
        ([op.values, op.frames, op.needs_range, op.proportional, op.scales], parameters),
        ([op.drops.finish if op.drops else None], parameters | {"merged", "shape"}),
        ([op.dtype], parameters | further),
        ([s.needed for s in op.statistics], parameters | further | {"measured", "in_memory"}),
        ([s.boxes for s in op.statistics], parameters | {"shape", "measured"}),
        ([None if op.is_warp else op.function], parameters | further | ENGINE),
        ([op.reach, *(s.reach for s in op.statistics)], parameters | further | {"shape"}),
        ([op.working], parameters | further | {"shape", "working_type", "may_have_holes"}),
        ([op.report], parameters | further | {"shape", "measured", "before", "after", "pixels"}),
        ([op.check], parameters | supplied | {"channels"}),
        (autos, parameters | supplied | {"channels", "noise_level", "noise_levels"}),
        ([s.measure for s in op.statistics], parameters | further | ENGINE),
        ([s.finish for s in op.statistics], parameters | further | supplied | {"counted", "measured"}),
    ):
        for rule in rules:
            if callable(rule) and (unknown := set(arguments(rule)) - known):
                raise TypeError(
                    f"{op.id}: {rule.__name__} asks for {', '.join(sorted(unknown))}, which it cannot get; "
                    f"it may ask for {', '.join(sorted(known))}"
                )
    aligned = {name for name, role in op.images[1:] if role == "aligned"}
    if unaligned := {name for s in op.statistics for name in s.of} - aligned:
        raise TypeError(
            f"{op.id}: statistics are measured of {', '.join(sorted(unaligned))}, which must be aligned images"
        )


def _check_drop(op: Operation) -> None:
    """Refuse a declaration that drops an axis and could leave none, or does with blocks what it then cannot."""
    if op.scales and (op.is_warp or len(op.images) > 1):
        raise TypeError(
            f"{op.id}: scales with the size of pixels, so that it must be no warp and have no further image"
        )
    if op.drops is None:
        return
    if op.is_warp or op.frames is not None or op.channels not in ("separate", "joint"):
        raise TypeError(f"{op.id}: drops an axis, so that it must be no warp, add no frames and keep channels")
    if op.dimensions == "all" or min(op.dimensions) < 2:
        raise TypeError(f"{op.id}: drops an axis, so that its items must have at least 2, not {op.dimensions}")


def _find_operation(module: str, name: str) -> Operation:
    return cast(Operation, getattr(import_module(module), name))
