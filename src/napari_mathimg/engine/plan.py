"""What was asked, resolved to numbers: all that a region needs besides pixels."""

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..contract.operation import Frames, Operation, ValueRange
from ..contract.reach import Gather, Reach
from ..contract.signature import call
from .chunks import with_cached_chunks
from .source import Index, Ranges, Source

Entry = TypeVar("Entry")


@dataclass(frozen=True)
class Options:
    """How an operation is applied to an array.

    Parameters
    ----------
    ndim
        Number of axes an item has: 2 for planes, 3 for volumes. Axes before them are a stack.
    value_range
        The values an operation sees as 0 and 1: "data" (lowest and highest finite value), "dtype" (limits of an
        unsigned integer type, 0 to the highest of a signed one, 0 to 1 for floating point), or two numbers.
    dtype
        Type of the result: "same" or "float32".
    channel_axis
        Axis of RGB or RGBA channels, or None.
    statistics
        Whether histograms, ranges and the like are counted over the whole "layer" or for each "item".
    scope
        "all", or (start, stop) on each stack axis: only these items take part, at the place they have.

    Raises
    ------
    ValueError
        ``name=value: requirement`` for a value that is not allowed.
    """

    ndim: int = 2
    value_range: Literal["data", "dtype"] | tuple[float, float] = "data"
    dtype: Literal["same", "float32"] = "same"
    channel_axis: int | None = None
    statistics: Literal["layer", "item"] = "layer"
    scope: Literal["all"] | Ranges = "all"

    def __post_init__(self) -> None:
        if isinstance(self.ndim, bool) or not isinstance(self.ndim, int | np.integer) or self.ndim < 1:
            raise ValueError(f"ndim={self.ndim!r}: a whole number, at least 1")
        for name, allowed in (("dtype", ("same", "float32")), ("statistics", ("layer", "item"))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name}={getattr(self, name)!r}: one of {', '.join(map(repr, allowed))}")
        if not (isinstance(self.value_range, str) and self.value_range in ("data", "dtype")):
            object.__setattr__(self, "value_range", self._two_numbers())
        axis = self.channel_axis
        if axis is not None and (isinstance(axis, bool) or not isinstance(axis, int | np.integer)):
            raise ValueError(f"channel_axis={self.channel_axis!r}: a whole number or None")
        if not (isinstance(self.scope, str) and self.scope == "all"):
            object.__setattr__(self, "scope", self._ranges())

    def _ranges(self) -> Ranges:
        try:
            pairs: Any = self.scope
            return tuple((operator.index(a), operator.index(b)) for a, b in pairs)
        except (TypeError, ValueError):
            raise ValueError(f"scope={self.scope!r}: 'all', or (start, stop) for each stack axis") from None

    def _two_numbers(self) -> tuple[float, float]:
        try:
            low, high = (float(v) for v in self.value_range)
        except (TypeError, ValueError):
            low = high = np.nan
        if not (np.isfinite(low) and np.isfinite(high - low) and low < high):
            raise ValueError(f"value_range={self.value_range!r}: 'data', 'dtype', or two finite numbers, low and high")
        return low, high

    def source(self, array: Any) -> Source:
        """Return an array as these options read it."""
        array = array if hasattr(array, "shape") and hasattr(array, "dtype") else np.asarray(array)
        if any(n != n for n in array.shape):
            raise ValueError("image: a known shape; call compute_chunk_sizes() on the Dask array first")
        array = with_cached_chunks(array)
        return Source(array, int(self.ndim), self.channel_axis, None if self.scope == "all" else self.scope)


class Measured(tuple[Any, ...]):
    """What was counted in a reference image: one entry for all of it, or one for each channel."""

    def of(self, channel: int) -> Any:
        """Return the entry that holds for a channel."""
        return self[channel] if len(self) > 1 else self[0]


@dataclass(frozen=True)
class Plan:
    """An operation on an array, ready to compute any region; picklable where the arrays are.

    `value_ranges`, `measured` and `tables` hold one entry under () for the whole layer, or one for each item's index;
    `measured` and `tables` by channel too. `saturated` counts values that lie outside the value range and end
    at its ends.
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

    @property
    def item(self) -> tuple[int, ...]:
        """Shape of an item of the result, without channels."""
        return self.reach.shape if isinstance(self.reach, Gather) else self.source.item

    @property
    def frames(self) -> Frames | None:
        """The axis that the result has before all others, or None."""
        return call(self.operation.frames, self.parameters) if self.operation.frames else None

    @property
    def leading(self) -> tuple[int, ...]:
        """Shape of the result before the axes of an item."""
        return (self.frames.count, *self.source.leading) if self.frames else self.source.leading

    @property
    def channel_axis(self) -> int | None:
        """Channel axis of the result."""
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
        """Affine matrix from result index to source index over all axes but channels and that of frames."""
        lead = len(self.source.leading)
        n = lead + self.source.ndim
        matrix = np.eye(n + 1)
        if self.source.scope is not None:
            matrix[:lead, n] = [a for a, _ in self.source.scope]
        if isinstance(self.reach, Gather):
            inner = np.ix_([*range(lead, n), n], [*range(lead, n), n])
            matrix[inner] = self.reach.placement
        return matrix

    def value_range_of(self, index: Index) -> ValueRange:
        """Return the value range that holds for an item."""
        return self.value_ranges[index] if index in self.value_ranges else self.value_ranges[()]

    def measured_of(self, index: Index, channel: int) -> Any:
        """Return what was counted for an item and a channel."""
        return _entry(self.measured, index, channel)

    def table_of(self, index: Index) -> NDArray[Any] | None:
        """Return the table that stands for the operation on an item, if one does."""
        return _entry(self.tables, index, 0)


def _entry(table: Mapping[tuple[Index, int], Entry], index: Index, channel: int) -> Entry | None:
    """What a table holds for an item, else for the last of its stack axes alone, else for all."""
    keys = ((index[first:], channel) for first in range(len(index) + 1))
    return next((table[key] for key in keys if key in table), None)
