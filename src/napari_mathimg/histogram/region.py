"""Regions: the pixels of an array that are counted, given by a box and a mask, and the blocks to read."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..contract.reach import Box, size
from ..engine.chunks import as_numpy, boxes_along_chunks, with_cached_chunks
from ..kernels import counting

Array = NDArray[Any]
Bools = NDArray[np.bool_]
Steps = tuple[int, ...]

PIXELS = 2**20  # in a block; enough that counting outweighs the cost of reading and starting it
SAMPLE = 2**17  # pixels of a strided sample


class Mask(Protocol):
    """A mask of the pixels that are counted."""

    def inside(self, box: Box, steps: Steps) -> Bools:
        """Return the mask of every `steps`-th pixel of a box along each axis."""


@dataclass(frozen=True)
class Polygons:
    """The mask of pixels whose centers lie in polygons on two axes, at any position on the other axes.

    Parameters
    ----------
    corners
        Corners of each polygon as (row, column) in pixels, shape (corners, 2); pixel (0, 0) has its center at (0, 0).
    axes
        Axes of the image that the rows and the columns count along.
    """

    corners: tuple[Array, ...]
    axes: tuple[int, int]

    def inside(self, box: Box, steps: Steps) -> Bools:
        """Return the pixels inside at least one polygon; crossing outlines count by the even-odd rule."""
        centers = [np.arange(*box[axis], steps[axis], dtype=np.float64) for axis in self.axes]
        mask = np.zeros((centers[0].size, centers[1].size), np.bool_)
        for polygon in self.corners:
            inside_polygon = np.zeros_like(mask)
            rows, columns = (np.ascontiguousarray(polygon[:, k], np.float64) for k in (0, 1))
            counting.fill_polygon(rows, columns, *centers, inside_polygon)
            mask |= inside_polygon
        in_axis_order = mask if self.axes[0] < self.axes[1] else mask.T
        shape = [len(range(*span, step)) for span, step in zip(box, steps, strict=True)]
        expanded = in_axis_order.reshape([n if k in self.axes else 1 for k, n in enumerate(shape)])
        return np.broadcast_to(expanded, shape)


@dataclass(frozen=True)
class Sampled:
    """The mask of pixels that lie, by their coordinates, on given labels of another array.

    Parameters
    ----------
    array
        Labels: an array with `shape` and the basic indexing of NumPy.
    value
        Label to count; None for all labels except 0.
    matrix
        Matrix from (image coordinates, 1) to label coordinates, shape (axes of the labels, axes of the image + 1).
    """

    array: Any
    value: int | None
    matrix: Array

    def inside(self, box: Box, steps: Steps) -> Bools:
        """Return the mask of pixels whose nearest label is counted; pixels beyond the labels are not."""
        centers = [np.arange(*span, step, dtype=np.float64) for span, step in zip(box, steps, strict=True)]
        shape = tuple(c.size for c in centers)
        mask = np.ones(shape, np.bool_)
        index = []
        for row, n in zip(self.matrix, self.array.shape, strict=True):
            coordinate = np.full((1,) * len(shape), row[-1])
            for axis, factor in enumerate(row[:-1]):
                if factor:
                    along_axis = [1] * len(shape)
                    along_axis[axis] = shape[axis]
                    coordinate = coordinate + factor * centers[axis].reshape(along_axis)
            nearest = np.floor(coordinate + 0.5)
            mask &= (nearest >= 0) & (nearest < n)
            index.append(np.clip(nearest, 0, n - 1).astype(np.intp))
        spans = [(int(i.min()), int(i.max()) + 1) for i in index]
        labels = as_numpy(self.array, tuple(slice(*span) for span in spans))
        label = labels[tuple(i - a for i, (a, _) in zip(index, spans, strict=True))]
        mask &= (label != 0) if self.value is None else (label == self.value)
        return mask


@dataclass(frozen=True)
class Region:
    """The pixels of an array that are counted.

    Parameters
    ----------
    array
        Array (NumPy, Dask, Zarr) of real numbers of at most 64 bits.
    box
        (start, stop) on each axis, without the axis of colors; None for the whole array.
    colors
        Whether the last axis holds red, green, blue and, optionally, opacity, which is not counted.
    mask
        Mask of the pixels of the box that are counted; None for all.

    Raises
    ------
    ValueError
        If the array has other values or no pixels, the box does not lie in it, or there are not 3 or 4 channels.
    """

    array: Any
    box: Box | None = None
    colors: bool = False
    mask: Mask | None = None

    def __post_init__(self) -> None:
        dtype = np.dtype(self.array.dtype)
        shape = tuple(int(n) for n in self.array.shape)
        if dtype.kind not in "biuf" or dtype.itemsize > 8:
            raise ValueError(f"image: must hold real numbers of at most 64 bits, not {dtype}")
        if self.colors and (not shape or shape[-1] not in (3, 4)):
            raise ValueError(f"colors=True: must have a last axis of 3 (RGB) or 4 (RGBA) channels, not shape {shape}")
        places = shape[:-1] if self.colors else shape
        if 0 in places or not places:
            raise ValueError(f"image: must have at least one pixel on each axis, not shape {shape}")
        box = tuple((0, n) for n in places) if self.box is None else self.box
        if len(box) != len(places) or not all(0 <= a < b <= n for (a, b), n in zip(box, places, strict=True)):
            raise ValueError(f"box={self.box}: must be (start, stop) within each of the axes {places}")
        object.__setattr__(self, "box", box)

    @property
    def span(self) -> Box:
        """(start, stop) on each axis."""
        assert self.box is not None
        return self.box

    @property
    def pixels(self) -> int:
        """Number of pixels of the box."""
        return math.prod(size(self.span))

    @property
    def is_whole(self) -> bool:
        """Whether the box is the whole array."""
        return all(span == (0, n) for span, n in zip(self.span, self.array.shape, strict=False))

    @property
    def in_memory(self) -> bool:
        """Whether the array is in memory, so that a sample of it can be taken without reading all."""
        return isinstance(self.array, np.ndarray)

    def blocks(self) -> list[Box]:
        """Return boxes that cover the region once, along its chunks."""
        if not self.colors:
            return boxes_along_chunks(self.array, self.span, PIXELS)
        with_colors = boxes_along_chunks(self.array, (*self.span, (0, self.array.shape[-1])), PIXELS)
        return list(dict.fromkeys(box[:-1] for box in with_colors))

    @cached_property
    def reader(self) -> Any:
        """The array, whose chunks are read once a pass."""
        return with_cached_chunks(self.array)

    def reads(self, box: Box) -> list[tuple[Any, Box]]:
        """Return the array and the box that are read to count a box."""
        return [(self.reader, (*box, (0, self.array.shape[-1])) if self.colors else box)]

    def strides(self, pixels: int = SAMPLE) -> Steps:
        """Return steps along the axes that select about `pixels` evenly spread pixels of the box."""
        lengths = size(self.span)
        steps = [1] * len(lengths)
        for k in sorted(range(len(lengths)), key=lambda k: lengths[k]):
            rest = math.prod(-(-n // s) for n, s in zip(lengths, steps, strict=True))
            axes = len(lengths) - sorted(range(len(lengths)), key=lambda k: lengths[k]).index(k)
            steps[k] = min(lengths[k], max(1, math.ceil((rest / pixels) ** (1 / axes))))
        return tuple(steps)

    def read(self, box: Box, steps: Steps | None = None) -> Array:
        """Read the counted pixels of a box, or of every `steps`-th pixel of it along each axis.

        Returns
        -------
        ndarray
            Pixels in any order, shape (pixels,), or (pixels, channels) if the region has colors.
        """
        steps = steps or (1,) * len(box)
        key = [slice(a, b, s) for (a, b), s in zip(box, steps, strict=True)]
        key += [slice(0, self.array.shape[-1])] * self.colors
        block = as_numpy(self.reader if max(steps) == 1 else self.array, tuple(key))
        block = block.astype(block.dtype.newbyteorder("="), copy=False)
        if self.mask is not None:
            block = block[self.mask.inside(box, steps)]
        return block.reshape(-1, block.shape[-1]) if self.colors else np.ravel(block, order="K")
