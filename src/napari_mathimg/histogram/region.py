"""Which pixels of an array are counted: a box, its blocks, and a mask."""

import itertools
import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..contract.reach import POINTWISE, Box, size
from ..engine.tiles import tiles
from ..kernels import fine_bins

Array = NDArray[Any]
Bools = NDArray[np.bool_]
Steps = tuple[int, ...]

PIXELS = 2**20  # of a block: reading and starting it costs little beside counting it
LARGEST = 2**26  # pixels of the largest chunk read at once
SAMPLE = 2**17  # pixels of a strided first look


class Mask(Protocol):
    """Which pixels of an image's boxes take part."""

    def inside(self, box: Box, steps: Steps) -> Bools:
        """Return, for every `steps`-th pixel of a box on each axis, whether it takes part."""


@dataclass(frozen=True)
class Polygons:
    """The pixels whose centers lie in polygons drawn on two axes, wherever they are on the others.

    Parameters
    ----------
    corners
        For each polygon its corners as (row, column) in pixels, shape (corners, 2): pixel (0, 0) has its center there.
    axes
        The two axes of the image that rows and columns run along.
    """

    corners: tuple[Array, ...]
    axes: tuple[int, int]

    def inside(self, box: Box, steps: Steps) -> Bools:
        """Return the pixels inside at least one polygon; crossing outlines count by the even-odd rule."""
        at = [np.arange(*box[axis], steps[axis], dtype=np.float64) for axis in self.axes]
        found = np.zeros((at[0].size, at[1].size), np.bool_)
        for polygon in self.corners:
            one = np.zeros_like(found)
            rows, columns = (np.ascontiguousarray(polygon[:, k], np.float64) for k in (0, 1))
            fine_bins.fill_polygon(rows, columns, *at, one)
            found |= one
        turned = found if self.axes[0] < self.axes[1] else found.T
        shape = [len(range(*span, step)) for span, step in zip(box, steps, strict=True)]
        expanded = turned.reshape([n if k in self.axes else 1 for k, n in enumerate(shape)])
        return np.broadcast_to(expanded, shape)


@dataclass(frozen=True)
class Sampled:
    """The pixels that fall, by their coordinates, on those of another array which hold a given value.

    Parameters
    ----------
    array
        Labels: any array with `shape` and basic indexing.
    value
        The label; None for every label but 0.
    matrix
        Shape (axes of the labels, axes of the image + 1): label coordinates from image coordinates and 1.
    """

    array: Any
    value: int | None
    matrix: Array

    def inside(self, box: Box, steps: Steps) -> Bools:
        """Return the pixels whose nearest label is the wanted one; those beyond the labels do not take part."""
        at = [np.arange(*span, step, dtype=np.float64) for span, step in zip(box, steps, strict=True)]
        shape = tuple(a.size for a in at)
        found = np.ones(shape, np.bool_)
        index = []
        for row, n in zip(self.matrix, self.array.shape, strict=True):
            coordinate = np.full((1,) * len(shape), row[-1])
            for axis, factor in enumerate(row[:-1]):
                if factor:
                    along = [1] * len(shape)
                    along[axis] = shape[axis]
                    coordinate = coordinate + factor * at[axis].reshape(along)
            near = np.floor(coordinate + 0.5)
            found &= (near >= 0) & (near < n)
            index.append(np.clip(near, 0, n - 1).astype(np.intp))
        spans = [(int(i.min()), int(i.max()) + 1) for i in index]
        labels = np.asarray(self.array[tuple(slice(*span) for span in spans)])
        at_pixels = labels[tuple(i - a for i, (a, _) in zip(index, spans, strict=True))]
        found &= (at_pixels != 0) if self.value is None else (at_pixels == self.value)
        return found


@dataclass(frozen=True)
class Region:
    """Pixels of an array.

    Parameters
    ----------
    array
        Anything with `shape`, `dtype` and basic indexing (NumPy, Dask, Zarr): real numbers of at most 64 bits.
    box
        (start, stop) on each axis besides the last one of colors; None for all.
    colors
        Whether the last axis has red, green, blue and perhaps opacity, which is not counted.
    mask
        Which pixels of the box take part; None for all.

    Raises
    ------
    ValueError
        If the array holds other numbers or none, the box does not lie in it, or colors are not 3 or 4.
    """

    array: Any
    box: Box | None = None
    colors: bool = False
    mask: Mask | None = None

    def __post_init__(self) -> None:
        dtype = np.dtype(self.array.dtype)
        shape = tuple(int(n) for n in self.array.shape)
        if dtype.kind not in "biuf" or dtype.itemsize > 8:
            raise ValueError(f"image: real numbers of at most 64 bits, not {dtype}")
        if self.colors and (not shape or shape[-1] not in (3, 4)):
            raise ValueError(f"colors: a last axis of 3 (RGB) or 4 (RGBA), not shape {shape}")
        places = shape[:-1] if self.colors else shape
        if 0 in places or not places:
            raise ValueError(f"image: at least one pixel on each axis, not shape {shape}")
        box = tuple((0, n) for n in places) if self.box is None else self.box
        if len(box) != len(places) or not all(0 <= a < b <= n for (a, b), n in zip(box, places, strict=True)):
            raise ValueError(f"box={self.box}: (start, stop) within each of the axes {places}")
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
    def in_memory(self) -> bool:
        """Whether the pixels lie in memory, so that some of them can be looked at without reading all."""
        return isinstance(self.array, np.ndarray)

    def blocks(self) -> list[Box]:
        """Return boxes that cover the region once; of an array in chunks whole ones, so that none is read twice."""
        chunks = getattr(self.array, "chunks", None)
        if not chunks:
            return [
                tuple((a + c, a + d) for (a, _), (c, d) in zip(self.span, tile, strict=True))
                for tile in tiles(size(self.span), POINTWISE, PIXELS, side=1)
            ]
        cuts = [_cuts(n, c, span) for n, c, span in zip(self.array.shape, chunks, self.span, strict=False)]
        room = PIXELS // max(math.prod(max(np.diff(c)) for c in cuts), 1)
        spans: list[list[tuple[int, int]]] = []
        for cut in reversed(cuts):
            some = min(max(room, 1), len(cut) - 1)
            room //= some
            spans.insert(0, list(itertools.pairwise([*cut[:-1:some], cut[-1]])))
        return [
            tuple((a + c, a + d) for (a, _), (c, d) in zip(block, part, strict=True))
            for block in itertools.product(*spans)
            for part in tiles(size(block), POINTWISE, LARGEST, side=1)
        ]

    def strides(self, pixels: int = SAMPLE) -> Steps:
        """Return steps on each axis that leave about so many pixels, evenly spread."""
        lengths = size(self.span)
        steps = [1] * len(lengths)
        for k in sorted(range(len(lengths)), key=lambda k: lengths[k]):
            rest = math.prod(-(-n // s) for n, s in zip(lengths, steps, strict=True))
            axes = len(lengths) - sorted(range(len(lengths)), key=lambda k: lengths[k]).index(k)
            steps[k] = min(lengths[k], max(1, math.ceil((rest / pixels) ** (1 / axes))))
        return tuple(steps)

    def read(self, box: Box, steps: Steps | None = None) -> Array:
        """Read a box, or pixels of it that lie `steps` apart, as a flat array; of colors as (pixels, channels)."""
        by = steps or (1,) * len(box)
        block = np.asarray(self.array[tuple(slice(a, b, s) for (a, b), s in zip(box, by, strict=True))])
        block = block.astype(block.dtype.newbyteorder("="), copy=False)
        if self.mask is not None:
            block = block[self.mask.inside(box, by)]
        return block.reshape(-1, block.shape[-1]) if self.colors else np.ravel(block, order="K")


def _cuts(length: int, chunks: Any, span: tuple[int, int]) -> list[int]:
    """Where chunks begin within a span, and its ends."""
    sides = np.cumsum([0, *chunks]) if isinstance(chunks, tuple) else np.arange(0, length, chunks)
    return [span[0], *(int(c) for c in np.unique(sides) if span[0] < c < span[1]), span[1]]
