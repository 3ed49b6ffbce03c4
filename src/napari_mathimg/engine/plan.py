"""Options and plans: how an operation is applied, and all that a region needs besides pixels."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from reprlib import repr as shortened
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..contract.operation import Frames, Operation, ValueRange
from ..contract.reach import Gather, Reach
from ..contract.requirements import check_whole_number, one_of
from ..contract.signature import call
from ..contract.wrapper import Around
from .chunks import with_cached_chunks
from .source import Axis, Index, Scope, Source, arranged, open_source

Entry = TypeVar("Entry")


@dataclass(frozen=True, repr=False)
class Options:
    """How an operation is applied to an array.

    Parameters
    ----------
    axes
        Axes of an item, such as a plane or a volume, in its order: names, where the image has names of axes, or
        indices, of which negative ones count from the last axis. All others are stack axes. None for the last `ndim`.
    ndim
        Number of axes of an item: 2 for planes, 3 for volumes. The axes before them are stack axes.
    scope
        The part of a stack that the operation is applied to: for stack axes, by name or index, an index or
        (start, stop), such as ``{"t": 3, "c": (0, 2)}``. The result keeps its place in the stack. None for all.
    value_range
        The two values that an operation sees as 0 and 1: "data" (lowest and highest finite value), "dtype" (0 and the
        highest value of integers, 0 and 1 for floating point), ("percentiles", low, high), or two finite numbers (low,
        high). Percentiles are values of pixels: those of `numpy.percentile` with the methods "higher" for the low and
        "lower" for the high one, so that one hot pixel never counts.
    dtype
        Type of the result: "same" (that of the image), "float32", or "auto": that of the image where values keep
        their meaning, and float32 where an operation leaves it, as deconvolution does, and the image holds integers.
    channel_axis
        Axis of 3 (RGB) or 4 (RGBA) channels, or None.
    statistics
        Whether value ranges, histograms and other statistics are those of the whole "layer", of each "item", or of each
        "channel": each index of `channel_axis`, or of the stack axis named c.
    around
        Wrapper with its parameters: pixel values are transformed before the operation and transformed back after it,
        without rounding between. None for no wrapper.

    Raises
    ------
    ValueError
        ``name=value: must be ...`` for a value that is not allowed.

    Examples
    --------
    >>> from napari_mathimg import Options
    >>> Options(ndim=3, value_range=(0, 4095))
    Options(ndim=3, value_range=(0.0, 4095.0))
    """

    axes: tuple[Axis, ...] | None = None
    ndim: int = 2
    scope: Scope | None = None
    value_range: Literal["data", "dtype"] | tuple[float, float] | tuple[Literal["percentiles"], float, float] = "data"
    dtype: Literal["auto", "same", "float32"] = "auto"
    channel_axis: int | None = None
    statistics: Literal["layer", "item", "channel"] = "layer"
    around: Around | None = None

    def __post_init__(self) -> None:
        check_whole_number("ndim", self.ndim, least=1)
        if self.axes is not None:
            object.__setattr__(self, "axes", self._item_axes())
            if self.ndim not in (2, len(self.axes)):
                raise ValueError(f"ndim={self.ndim}: must be the number of axes={self.axes!r}, or be left out")
            object.__setattr__(self, "ndim", len(self.axes))
        for name, allowed in (("dtype", ("auto", "same", "float32")), ("statistics", ("layer", "item", "channel"))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name}={getattr(self, name)!r}: must be {one_of(allowed)}")
        if not (isinstance(self.value_range, str) and self.value_range in ("data", "dtype")):
            object.__setattr__(self, "value_range", self._given_range())
        axis = self.channel_axis
        if axis is not None and (isinstance(axis, bool) or not isinstance(axis, int | np.integer)):
            raise ValueError(f"channel_axis={self.channel_axis!r}: must be a whole number or None")
        if not (self.around is None or isinstance(self.around, Around)):
            raise ValueError(f"around={self.around!r}: must be a wrapper called with its parameters, or None")
        if self.scope is not None:
            object.__setattr__(self, "scope", self._part())

    def __repr__(self) -> str:
        changed = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        if self.axes is not None:
            changed.pop("ndim", None)
        return f"Options({', '.join(f'{name}={value!r}' for name, value in changed.items())})"

    def _item_axes(self) -> tuple[Axis, ...]:
        """Return the axes of an item as Python strings and integers."""
        given: Any = self.axes
        try:
            axes = () if isinstance(given, str) else tuple(_as_axis(axis) for axis in given)
        except TypeError:
            axes = ()
        if not axes:
            raise ValueError(f"axes={given!r}: must be a sequence of names or indices of axes, at least one, or None")
        return axes

    def _part(self) -> Scope:
        """Return the scope with Python strings and integers."""
        given: Any = self.scope
        try:
            return {_as_axis(axis): _as_part(part) for axis, part in given.items()}
        except (AttributeError, TypeError, ValueError):
            raise ValueError(
                f"scope={given!r}: must be an index or (start, stop) for each of some axes by name or index, or None"
            ) from None

    def _given_range(self) -> Any:
        """Return two numbers or two percentiles, checked, as Python numbers."""
        try:
            given: Any = self.value_range
            *words, low, high = given
            low, high = float(low), float(high)
        except (TypeError, ValueError):
            words, low, high = [], np.nan, np.nan
        if words == ["percentiles"] and 0 <= low < high <= 100:
            return "percentiles", low, high
        if words or not (np.isfinite(low) and np.isfinite(high - low) and low < high):
            raise ValueError(
                f"value_range={self.value_range!r}: must be 'data', 'dtype', ('percentiles', low, high) with low below"
                " high from 0 to 100, or two finite numbers (low, high) with low below high"
            )
        return low, high

    def source(
        self, array: Any, axis_names: tuple[str, ...] = (), with_chunks: Callable[[Any], Any] = with_cached_chunks
    ) -> Source:
        """Return an array, and the names of its axes if it has some, as a source with the axes of these options.

        `with_chunks` makes a chunked array one whose chunks are kept.
        """
        array = array if hasattr(array, "shape") and hasattr(array, "dtype") else np.asarray(array)
        if any(n != n for n in array.shape):  # Dask writes NaN for an unknown length
            raise ValueError("image: must have a known shape; call compute_chunk_sizes() on the Dask array first")
        source = open_source(array, int(self.ndim), self.channel_axis, self.axes, self.scope, axis_names)
        return replace(source, array=with_chunks(source.array))


def _as_axis(axis: Any) -> Axis:
    """Return the name or the index of an axis as a plain value."""
    return str(axis) if isinstance(axis, str) else operator.index(axis)


def _as_part(part: Any) -> int | tuple[int, int]:
    """Return an index or (start, stop) as Python integers."""
    if isinstance(part, tuple | list):
        start, stop = map(operator.index, part)
        return start, stop
    return operator.index(part)


class Measured(tuple[Any, ...]):
    """Statistic of a reference image: one entry, or one entry for each channel."""

    def of(self, channel: int) -> Any:
        """Return the entry of a channel."""
        return self[channel] if len(self) > 1 else self[0]


@dataclass(frozen=True)
class Variants:
    """The plans of a stack whose parameters or further images depend on the index along some of its axes.

    Parameters
    ----------
    axes
        Numbers of these stack axes.
    plans
        Plan for each index along them, counted in the whole stack.
    """

    axes: tuple[int, ...]
    plans: "Mapping[Index, Plan]"


@dataclass(frozen=True, repr=False)
class Plan:
    """An operation on an image, with all that is needed to compute any region; picklable if the arrays are.

    Attributes
    ----------
    operation, parameters, options
        The operation, its parameters as numbers, and how it is applied.
    source, images
        The image, and the further images by name.
    values
        How the operation sees pixel values: "exact", "float" or "normalized".
    reach
        Region of the image that a box of the result depends on.
    dtype
        Type of the result.
    value_ranges
        Value range of the whole layer under the key (), or of each item under its index.
    color_ranges
        Value range of each color, if each has its own; else empty.
    measured, tables
        Statistics, and tables from gray level to result, under (key as above, channel).
    saturated
        Number of values that are clipped because they lie outside the value range; None if it was not counted.
    given
        The parameters as they were given, with the defaults of the others.
    cut_levels
        Masks of the gray levels whose entries in `tables` are cut at the lowest and at the highest value of the type.
    by_item
        Parameters of the items whose "auto" stands for other numbers than `parameters`, by index.
    variants
        Plans by index, if parameters or further images depend on it; `at` returns the one of an item.
    items
        The items that can be computed, if others were not measured; None for all. `saturated`, and `parameters` that
        stand for "auto", are of these alone.
    """

    operation: Operation
    parameters: Mapping[str, Any]
    options: Options
    source: Source
    images: Mapping[str, Any]
    values: str
    reach: Reach
    dtype: np.dtype[Any]
    value_ranges: dict[Index, ValueRange]
    measured: dict[tuple[Index, int], Any] = field(default_factory=dict)
    tables: dict[tuple[Index, int], NDArray[Any]] = field(default_factory=dict)
    saturated: int | None = 0
    color_ranges: tuple[ValueRange, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    by_item: Mapping[Index, Mapping[str, Any]] = field(default_factory=dict)
    cut_levels: dict[tuple[Index, int], tuple[NDArray[Any], NDArray[Any]]] = field(default_factory=dict)
    variants: Variants | None = None
    items: tuple[Index, ...] | None = None

    def __repr__(self) -> str:
        parameters = "".join(f", {name}={shortened(value)}" for name, value in self.parameters.items())
        return f"<Plan of {self.operation.id!r}: shape={self.shape}, dtype={self.dtype}{parameters}>"

    def at(self, index: Index) -> "Plan":
        """Return the plan of one item, whose parameters and further images have one value each."""
        return self.variants.plans[self.place_of(index)] if self.variants else self

    def place_of(self, index: Index) -> Index:
        """Return the index of an item along the axes of the variants, in the whole stack."""
        place = self.source.index_in_stack(index)
        return tuple(place[axis] for axis in self.variants.axes) if self.variants else ()

    @property
    def proportional(self) -> bool:
        """Whether brightness that was proportional to light still is."""
        plans = self.variants.plans.values() if self.variants else [self]
        return self.options.around is None and all(p.operation.is_proportional(p.parameters) for p in plans)

    @property
    def grid(self) -> tuple[int, ...]:
        """Shape that is cut into tiles: that of an item of the image, without an axis that the operation drops."""
        return self.source.item[self.operation.drops is not None :]

    @property
    def item(self) -> tuple[int, ...]:
        """Shape of an item of the result, without channels."""
        return self.reach.shape if isinstance(self.reach, Gather) else self.grid

    @property
    def frames(self) -> Frames | None:
        """The axis that the operation adds before all others, or None."""
        plan = next(iter(self.variants.plans.values())) if self.variants else self
        return call(plan.operation.frames, plan.parameters) if plan.operation.frames else None

    @property
    def leading(self) -> tuple[int, ...]:
        """Shape of the result before the axes of an item."""
        return (self.frames.count, *self.source.leading) if self.frames else self.source.leading

    @property
    def channel_axis(self) -> int | None:
        """Channel axis of the result, or None."""
        if self.operation.channels == "reduce" or self.source.axis is None:
            return None
        return self.order.index(len(self.order) - 1)

    @property
    def order(self) -> tuple[int, ...]:
        """For each axis of the result, its number among frames, stack axes, axes of an item and channels."""
        source, before = self.source, int(self.frames is not None)
        places = [axis for axis in source.given_places if axis != self.dropped]
        if source.axis is not None and self.operation.channels != "reduce":
            places.append(source.given[source.axis])
        return (*range(before), *(before + int(k) for k in np.argsort(places)))

    @property
    def dropped(self) -> int | None:
        """Axis of the image that the result lacks; None if it has all."""
        return self.source.given_places[-self.source.ndim] if self.operation.drops else None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result, whose axes have the order of those of the image."""
        lengths = (*self.leading, *self.item, self.source.channels)
        return tuple(lengths[k] for k in self.order)

    @property
    def placement(self) -> NDArray[np.float64]:
        """Affine matrix from result index to source index, without the axes of channels and frames.

        An axis that the operation drops counts as one pixel, which covers all of it.
        """
        lead = len(self.source.leading)
        n = lead + self.source.ndim
        matrix = np.eye(n + 1)
        if self.source.scope is not None:
            matrix[:lead, n] = [a for a, _ in self.source.scope]
        if isinstance(self.reach, Gather):
            inner = np.ix_([*range(lead, n), n], [*range(lead, n), n])
            matrix[inner] = self.reach.placement
        elif self.operation.drops:
            matrix[lead, lead], matrix[lead, n] = self.source.item[0], (self.source.item[0] - 1) / 2
        order = [*np.argsort(self.source.given_places), n]
        return matrix[np.ix_(order, order)]

    def receiver(self, array: Any) -> Source:
        """Return an array of the shape of the result as the items that `region` computes, to be read."""
        order = tuple(int(k) for k in np.argsort(self.order))
        channels = None if self.channel_axis is None else len(order) - 1
        return Source(with_cached_chunks(arranged(array, order)), len(self.item), channels, None, order)

    def value_range_of(self, index: Index, channel: int | None = None) -> ValueRange:
        """Return the value range of an item, or of a color of it, as the operation sees it; of opacity, the former."""
        if channel is not None and channel < len(self.color_ranges):
            return transformed_range(self.color_ranges[channel], self.options.around)
        found = self.value_ranges[index] if index in self.value_ranges else self.value_ranges[()]
        return transformed_range(found, self.options.around)

    def parameters_of(self, index: Index) -> Mapping[str, Any]:
        """Return the parameters of an item."""
        return self.by_item.get(index, self.parameters)

    def measured_of(self, index: Index, channel: int) -> Any:
        """Return the statistic of an item and a channel, or None."""
        return _find_entry(self.measured, index, channel)

    def cut_levels_of(self, index: Index) -> tuple[NDArray[Any], NDArray[Any]] | None:
        """Return the masks of the gray levels of an item whose entries in its table are cut, or None."""
        return _find_entry(self.cut_levels, index, 0)

    def table_of(self, index: Index) -> NDArray[Any] | None:
        """Return the table that replaces the operation on an item, or None."""
        return _find_entry(self.tables, index, 0)


def transformed_range(value_range: ValueRange, around: Around | None) -> ValueRange:
    """Return a value range in the values that an operation in a wrapper sees."""
    if around is None:
        return value_range
    low, high = around.forward(np.array([value_range.low, value_range.high], np.float64)).tolist()
    return ValueRange(low, high)


def resolve_reach(reach: Reach | Callable[..., Reach], known: Mapping[str, Any]) -> Reach:
    """Return a declared reach, or the one that a declared rule returns."""
    resolved: Reach = call(reach, known) if callable(reach) else reach
    return resolved


def _find_entry(table: Mapping[tuple[Index, int], Entry], index: Index, channel: int) -> Entry | None:
    """Return the entry of an item, of its index on the last stack axes, or of the layer, whichever is found first."""
    keys = ((index[first:], channel) for first in range(len(index) + 1))
    return next((table[key] for key in keys if key in table), None)
