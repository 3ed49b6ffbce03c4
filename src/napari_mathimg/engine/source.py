"""Sources: arrays read as items, with stack axes, item axes and channels."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.reach import Box, Spacing
from .chunks import as_numpy, is_computed

Index = tuple[int, ...]
Ranges = tuple[tuple[int, int], ...]
Axis = int | str
Scope = Mapping[Axis, int | tuple[int, int]]

CHANNELS = ("c", "ch", "channel", "channels")  # names of an axis of channels, in lower case


@dataclass(frozen=True)
class Source:
    """An array (NumPy, Dask, Zarr) that is read item by item and box by box, channels last.

    Parameters
    ----------
    array
        Array with `shape`, `dtype` and the basic indexing of NumPy.
    ndim
        Number of axes of an item: the last axes besides the channel axis.
    channel_axis
        Axis of 3 (RGB) or 4 (RGBA) channels, or None.
    scope
        (start, stop) on each stack axis: the items that are read; None for all.
    order
        Axes of the array as it was given, in the order of those of `array`; () if nothing was moved.
    names
        Names of the axes besides the channel axis, in the order in which the array was given; () without names.

    Raises
    ------
    ValueError
        ``name=value: must be ...`` if the array cannot be read as described.
    """

    array: Any
    ndim: int
    channel_axis: int | None = None
    scope: Ranges | None = None
    order: tuple[int, ...] = ()
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._check_array()
        self._check_channels()
        if not 1 <= self.ndim <= len(self.places):
            raise ValueError(
                f"ndim={self.ndim}: must be from 1 to {len(self.places)} for an image of shape {self.array.shape}"
            )
        if self.scope is not None:
            full = self.full_leading
            inside = len(self.scope) == len(full) and all(
                0 <= a < b <= n for (a, b), n in zip(self.scope, full, strict=True)
            )
            if not inside:
                raise ValueError(f"scope={self.scope}: must be (start, stop) within each of the stack axes {full}")
        if self.names and len(self.names) != len(self.places):
            raise ValueError(
                f"axis_names={self.names}: must be {len(self.places)} names for an image of shape {self.array.shape}"
            )

    def _check_array(self) -> None:
        shape, dtype = tuple(self.array.shape), np.dtype(self.array.dtype)
        if dtype.kind not in "biuf":
            raise ValueError(f"image: must hold real numbers, not {dtype}")
        if dtype.itemsize > 8:
            raise ValueError(f"image: must hold numbers of at most 64 bits, not {dtype}")
        if 0 in shape or not shape:
            raise ValueError(f"image: must have at least one pixel on each axis, not shape {shape}")

    def _check_channels(self) -> None:
        axis, ndim = self.channel_axis, len(self.array.shape)
        if axis is None:
            return
        if not -ndim <= axis < ndim:
            raise ValueError(f"channel_axis={axis}: must be an axis of an image of shape {tuple(self.array.shape)}")
        if self.channels not in (3, 4):
            raise ValueError(
                f"channel_axis={axis}: must have 3 (RGB) or 4 (RGBA) channels, not {self.channels}; "
                "keep other channels as a stack axis"
            )

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels in native byte order."""
        native: np.dtype[Any] = np.dtype(self.array.dtype).newbyteorder("=")
        return native

    @property
    def axis(self) -> int | None:
        """The channel axis, counted from the first axis; None without channels."""
        return None if self.channel_axis is None else self.channel_axis % len(self.array.shape)

    @property
    def channels(self) -> int:
        """Number of channels; 0 without a channel axis."""
        return 0 if self.axis is None else int(self.array.shape[self.axis])

    @property
    def colors(self) -> int:
        """Number of channels without opacity."""
        return min(self.channels, 3)

    @property
    def places(self) -> tuple[int, ...]:
        """Shape of the array without channels."""
        return tuple(int(n) for i, n in enumerate(self.array.shape) if i != self.axis)

    @property
    def given(self) -> tuple[int, ...]:
        """Axes of the array as it was given, in the order of those of `array`."""
        return self.order or tuple(range(len(self.array.shape)))

    @property
    def given_places(self) -> tuple[int, ...]:
        """Axes of the array as it was given: the stack axes, then those of an item; without channels."""
        return tuple(axis for k, axis in enumerate(self.given) if k != self.axis)

    @property
    def channel_place(self) -> int | None:
        """Number of the stack axis that holds channels, by its name; None if there is none."""
        stack = self.given_places[: len(self.full_leading)]
        named = [axis for axis, name in zip(sorted(self.given_places), self.names, strict=False) if is_channels(name)]
        return next((stack.index(axis) for axis in named if axis in stack), None)

    @property
    def full_leading(self) -> tuple[int, ...]:
        """Shape of the whole stack."""
        return self.places[: len(self.places) - self.ndim]

    @property
    def leading(self) -> tuple[int, ...]:
        """Shape of the stack within the scope."""
        return self.full_leading if self.scope is None else tuple(b - a for a, b in self.scope)

    @property
    def item(self) -> tuple[int, ...]:
        """Shape of an item without channels."""
        return self.places[len(self.places) - self.ndim :]

    @property
    def indices(self) -> list[Index]:
        """Indices of the items within the scope, from 0."""
        return list(np.ndindex(self.leading))

    def index_in_stack(self, index: Index) -> Index:
        """Return the index of an item in the whole stack."""
        return index if self.scope is None else tuple(a + i for (a, _), i in zip(self.scope, index, strict=True))

    def position(self, index: Index, channel: int) -> int:
        """Return the number of pixels of the whole array before an item and channel; it does not depend on `ndim`."""
        number = 0
        for i, n in zip(self.index_in_stack(index), self.full_leading, strict=True):
            number = number * n + i
        return channel * math.prod(self.places) + number * math.prod(self.item)

    def read(self, index: Index, box: Box, spacing: Spacing = ()) -> NDArray[Any]:
        """Read a box of an item, or every n-th pixel of it, in native byte order."""
        skipped = spacing if is_computed(self.array) else ()
        block = as_numpy(self.array, self._key(self.index_in_stack(index), box, skipped))
        expected = len(box) + (self.axis is not None)
        if block.ndim != expected:
            raise ValueError(
                f"image: must follow the basic indexing of NumPy, which {type(self.array).__name__} does not"
            )
        block = block if self.axis is None else np.moveaxis(block, self._axis_in_block(len(index)), -1)
        block = block if skipped else block[tuple(slice(None, None, s) for s in spacing)]
        return block.astype(block.dtype.newbyteorder("="), copy=False)

    def without_opacity(self, block: NDArray[Any], color: int | None = None) -> NDArray[Any]:
        """Return the values of all colors of a block that was read, or those of one."""
        if color is not None:
            return block[..., color]
        return block[..., : self.colors] if self.channels else block

    def box_in_array(self, index: Index, box: Box) -> Box:
        """Return the box of the array, with all channels, that a box of an item is."""
        inside = [*((i, i + 1) for i in self.index_in_stack(index)), *box]
        if self.axis is not None:
            inside.insert(self.axis, (0, self.channels))
        return tuple(inside)

    def _key(self, index: Index, box: Box, spacing: Spacing) -> tuple[Any, ...]:
        """Return the index that selects a box of an item, or every n-th pixel of it, with all channels."""
        key: list[Any] = [
            *index,
            *(slice(a, b, s) for (a, b), s in zip(box, spacing or (None,) * len(box), strict=True)),
        ]
        if self.axis is not None:
            key.insert(self.axis, slice(None))
        return tuple(key)

    def _axis_in_block(self, leading: int) -> int:
        assert self.axis is not None
        return self.axis - min(leading, self.axis)


def is_channels(name: str) -> bool:
    """Return whether an axis of this name holds channels."""
    return name.strip().lower() in CHANNELS


class Transposed:
    """A lazy array with its axes in another order: a box is read from it, and then turned.

    Parameters
    ----------
    array
        Array with the basic indexing of NumPy.
    order
        Axes of the array, in the order of those of this one.
    """

    def __init__(self, array: Any, order: tuple[int, ...]) -> None:
        self.array, self.order = array, order
        self.shape, self.dtype = tuple(int(array.shape[k]) for k in order), np.dtype(array.dtype)
        self.is_computed = is_computed(array)
        for name in ("chunks", "shards"):
            if (lengths := getattr(array, name, None)) is not None:
                setattr(self, name, tuple(lengths[k] for k in order))

    def __getitem__(self, key: tuple[Any, ...]) -> NDArray[Any]:
        """Read a box given by an integer or a slice for each axis."""
        return self.peek(key)

    def peek(self, key: tuple[Any, ...]) -> NDArray[Any]:
        """Do so; what is returned must not be changed."""
        return as_numpy(self.array, self._original(key)).transpose(self._turn(key))

    def _original(self, key: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return a key in the order of the original array."""
        return tuple(key[self.order.index(axis)] for axis in range(len(self.order)))

    def _turn(self, key: tuple[Any, ...]) -> list[int]:
        """Return, for each axis that a key leaves, its number among those in the order of the original array."""
        left = [axis for k, axis in zip(key, self.order, strict=True) if isinstance(k, slice)]
        return [sorted(left).index(axis) for axis in left]


def arranged(array: Any, order: tuple[int, ...]) -> Any:
    """Return an array with its axes in another order, without a copy and without reading it."""
    if order == tuple(range(len(order))):
        return array
    return array.transpose(order) if isinstance(array, np.ndarray) else Transposed(array, order)


def names_in(array: Any) -> tuple[str, ...]:
    """Return the axis names that an array itself has (xarray, Zarr 3); () if there are none."""
    names: Any = getattr(array, "dims", None) or getattr(getattr(array, "metadata", None), "dimension_names", None)
    is_named = isinstance(names, tuple | list) and len(names) == len(array.shape)
    return tuple(names) if is_named and all(isinstance(name, str) and name for name in names) else ()


def open_source(
    array: Any, ndim: int, channel_axis: int | None, axes: Sequence[Axis] | None, scope: Scope | None,
    names: tuple[str, ...] = (),
) -> Source:  # fmt: skip
    """Return an array as a source whose item axes and scope are given by names or indices.

    Parameters
    ----------
    array
        Array with `shape`, `dtype` and the basic indexing of NumPy.
    ndim
        Number of axes of an item: the last axes besides the channel axis, if `axes` is None.
    channel_axis
        Axis of 3 (RGB) or 4 (RGBA) channels, or None.
    axes
        Axes of an item in its order, or None.
    scope
        For stack axes, an index or (start, stop); None for all items.
    names
        Names of the axes, with or without the channel axis; those that the array itself has by default.

    Raises
    ------
    ValueError
        ``name=value: must be ...`` if the array cannot be read as described.
    """
    names = tuple(names) or names_in(array)
    source = Source(array, ndim if axes is None else 1, channel_axis)
    if source.axis is not None and len(names) == len(array.shape):
        names = names[: source.axis] + names[source.axis + 1 :]
    source = replace(source, names=names)
    if axes is not None:
        item = [axis_in(source, axis, "axes", axes) for axis in axes]
        if len({*item}) < len(item):
            raise ValueError(f"axes={axes!r}: must name each axis once")
        stack = [axis for axis in source.given_places if axis not in item]
        order = (*stack, *item)
        if order == source.given_places:
            source = replace(source, ndim=len(item))
        elif source.axis is None:
            source = Source(arranged(array, order), len(item), None, None, order, names)
        else:
            order = (*order, source.axis)
            source = Source(arranged(array, order), len(item), len(order) - 1, None, order, names)
    return source if scope is None else replace(source, scope=_stack_ranges(source, scope))


def axis_in(source: Source, axis: Axis, name: str, value: Any) -> int:
    """Return an axis of an array, counted from the first as it was given, from a name or an index.

    Raises
    ------
    ValueError
        If there is no such axis, or if it is the channel axis. The error says that ``name=value`` is wrong.
    """
    count = len(source.array.shape)
    if isinstance(axis, str):
        if not source.names:
            raise ValueError(f"{name}={value!r}: must be given by index, because the axes of this array have no names")
        if (found := source.names.count(axis)) > 1:
            raise ValueError(f"{name}={value!r}: must be given by index, because {found} axes have the name {axis!r}")
        if not found:
            raise ValueError(f"{name}={value!r}: must be among {', '.join(map(repr, source.names))}, not {axis!r}")
        return sorted(source.given_places)[source.names.index(axis)]
    if not -count <= axis < count:
        raise ValueError(f"{name}={value!r}: must be from {-count} to {count - 1} for {count} axes, not {axis}")
    if source.axis is not None and axis % count == source.given[source.axis]:
        raise ValueError(f"{name}={value!r}: must not be the channel axis, {source.given[source.axis]}")
    return int(axis % count)


def _stack_ranges(source: Source, scope: Scope) -> Ranges:
    """Return (start, stop) on each stack axis."""
    stack = source.given_places[: len(source.full_leading)]
    ranges, named = [(0, n) for n in source.full_leading], set[int]()
    for key, where in scope.items():
        axis = axis_in(source, key, "scope", scope)
        if axis not in stack:
            raise ValueError(
                f"scope={scope!r}: must be stack axes; {key!r} is an axis of the planes or volumes: crop it"
            )
        if axis in named:
            raise ValueError(f"scope={scope!r}: must name each axis once; {key!r} is named twice")
        named.add(axis)
        n = source.full_leading[stack.index(axis)]
        start, stop = (where % n if -n <= where < n else n, where % n + 1) if isinstance(where, int) else where
        if not 0 <= start < stop <= n:
            raise ValueError(f"scope={scope!r}: must be an index or (start, stop) within the {n} of axis {key!r}")
        ranges[stack.index(axis)] = start, stop
    return tuple(ranges)
