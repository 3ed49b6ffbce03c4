"""Options and plans: how an operation is applied, and all that a region needs besides pixels."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from reprlib import repr as shortened
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..contract.operation import Frames, Operation, ValueRange
from ..contract.reach import Box, Gather, Reach
from ..contract.requirements import check_whole_number, one_of
from ..contract.signature import call
from .chunks import with_cached_chunks
from .source import Index, Ranges, Source
from .values import Losses

Entry = TypeVar("Entry")


@dataclass(frozen=True, repr=False)
class Options:
    """How an operation is applied to an array.

    Parameters
    ----------
    ndim
        Number of axes of an item: 2 for planes, 3 for volumes. The axes before them are stack axes.
    value_range
        The two values that an operation sees as 0 and 1: "data" (lowest and highest finite value), "dtype" (0 and the
        highest value of integers, 0 and 1 for floating point), or two finite numbers (low, high).
    dtype
        Type of the result: "same" (that of the image) or "float32".
    channel_axis
        Axis of 3 (RGB) or 4 (RGBA) channels, or None.
    statistics
        Whether value ranges, histograms and other statistics are those of the whole "layer" or of each "item".
    scope
        "all", or (start, stop) on each stack axis, to apply the operation to these items only. The result keeps their
        place in the stack.

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

    ndim: int = 2
    value_range: Literal["data", "dtype"] | tuple[float, float] = "data"
    dtype: Literal["same", "float32"] = "same"
    channel_axis: int | None = None
    statistics: Literal["layer", "item"] = "layer"
    scope: Literal["all"] | Ranges = "all"

    def __post_init__(self) -> None:
        check_whole_number("ndim", self.ndim, least=1)
        for name, allowed in (("dtype", ("same", "float32")), ("statistics", ("layer", "item"))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name}={getattr(self, name)!r}: must be {one_of(allowed)}")
        if not (isinstance(self.value_range, str) and self.value_range in ("data", "dtype")):
            object.__setattr__(self, "value_range", self._low_and_high())
        axis = self.channel_axis
        if axis is not None and (isinstance(axis, bool) or not isinstance(axis, int | np.integer)):
            raise ValueError(f"channel_axis={self.channel_axis!r}: must be a whole number or None")
        if not (isinstance(self.scope, str) and self.scope == "all"):
            object.__setattr__(self, "scope", self._ranges())

    def __repr__(self) -> str:
        changed = [f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if getattr(self, f.name) != f.default]
        return f"Options({', '.join(changed)})"

    def _ranges(self) -> Ranges:
        """Return the scope as pairs of Python integers."""
        try:
            pairs: Any = self.scope
            return tuple((operator.index(a), operator.index(b)) for a, b in pairs)
        except (TypeError, ValueError):
            raise ValueError(f"scope={self.scope!r}: must be 'all', or (start, stop) for each stack axis") from None

    def _low_and_high(self) -> tuple[float, float]:
        """Return the value range as two Python numbers."""
        try:
            low, high = (float(v) for v in self.value_range)
        except (TypeError, ValueError):
            low = high = np.nan
        if not (np.isfinite(low) and np.isfinite(high - low) and low < high):
            raise ValueError(
                f"value_range={self.value_range!r}: must be 'data', 'dtype', or two finite numbers (low, high)"
                " with low below high"
            )
        return low, high

    def source(self, array: Any) -> Source:
        """Return an array as a source of items, with the axes and the scope of these options."""
        array = array if hasattr(array, "shape") and hasattr(array, "dtype") else np.asarray(array)
        if any(n != n for n in array.shape):  # Dask writes NaN for an unknown length
            raise ValueError("image: must have a known shape; call compute_chunk_sizes() on the Dask array first")
        array = with_cached_chunks(array)
        return Source(array, int(self.ndim), self.channel_axis, None if self.scope == "all" else self.scope)


class Measured(tuple[Any, ...]):
    """Statistic of a reference image: one entry, or one entry for each channel."""

    def of(self, channel: int) -> Any:
        """Return the entry of a channel."""
        return self[channel] if len(self) > 1 else self[0]


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
    measured, tables
        Statistics, and tables from gray level to result, under (key as above, channel).
    saturated
        Number of values that are clipped because they lie outside the value range.
    given
        The parameters as they were given, with the defaults of the others.
    losses
        What each box of the last run lost when its values were brought into the type of the result.
    cut_levels
        Masks of the gray levels whose entries in `tables` are cut at the lowest and at the highest value of the type.
    by_item
        Parameters of the items whose "auto" stands for other numbers than `parameters`, by index.
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
    saturated: int = 0
    given: Mapping[str, Any] = field(default_factory=dict)
    by_item: dict[Index, Mapping[str, Any]] = field(default_factory=dict)
    losses: dict[tuple[Index, Box], Losses] = field(default_factory=dict)
    cut_levels: dict[tuple[Index, int], tuple[NDArray[Any], NDArray[Any]]] = field(default_factory=dict)

    def __repr__(self) -> str:
        parameters = "".join(f", {name}={shortened(value)}" for name, value in self.parameters.items())
        return f"<Plan of {self.operation.id!r}: shape={self.shape}, dtype={self.dtype}{parameters}>"

    @property
    def item(self) -> tuple[int, ...]:
        """Shape of an item of the result, without channels."""
        return self.reach.shape if isinstance(self.reach, Gather) else self.source.item

    @property
    def frames(self) -> Frames | None:
        """The axis that the operation adds before all others, or None."""
        return call(self.operation.frames, self.parameters) if self.operation.frames else None

    @property
    def leading(self) -> tuple[int, ...]:
        """Shape of the result before the axes of an item."""
        return (self.frames.count, *self.source.leading) if self.frames else self.source.leading

    @property
    def channel_axis(self) -> int | None:
        """Channel axis of the result, or None."""
        if self.operation.channels == "reduce" or self.source.axis is None:
            return None
        return self.source.axis + (self.frames is not None)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        shape = [*self.leading, *self.item]
        if self.channel_axis is not None:
            shape.insert(self.channel_axis, self.source.channels)
        return tuple(shape)

    @property
    def placement(self) -> NDArray[np.float64]:
        """Affine matrix from result index to source index, without the axes of channels and frames."""
        lead = len(self.source.leading)
        n = lead + self.source.ndim
        matrix = np.eye(n + 1)
        if self.source.scope is not None:
            matrix[:lead, n] = [a for a, _ in self.source.scope]
        if isinstance(self.reach, Gather):
            inner = np.ix_([*range(lead, n), n], [*range(lead, n), n])
            matrix[inner] = self.reach.placement
        return matrix

    @property
    def lost(self) -> Losses:
        """What the result of the last run lost when its values were brought into its type."""
        total = Losses()
        for place in sorted(self.losses):
            total = total.joined(self.losses[place])
        return total

    def value_range_of(self, index: Index) -> ValueRange:
        """Return the value range of an item."""
        return self.value_ranges[index] if index in self.value_ranges else self.value_ranges[()]

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


def resolve_reach(reach: Reach | Callable[..., Reach], known: Mapping[str, Any]) -> Reach:
    """Return a declared reach, or the one that a declared rule returns."""
    resolved: Reach = call(reach, known) if callable(reach) else reach
    return resolved


def _find_entry(table: Mapping[tuple[Index, int], Entry], index: Index, channel: int) -> Entry | None:
    """Return the entry of an item, of its index on the last stack axes, or of the layer, whichever is found first."""
    keys = ((index[first:], channel) for first in range(len(index) + 1))
    return next((table[key] for key in keys if key in table), None)
