"""The reach of an operation: which box of the image it reads to compute a box of the result."""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .edges import folded

Box = tuple[tuple[int, int], ...]
Spacing = tuple[int, ...]  # pixels from one to the next along each axis; () where every pixel counts
Floats = NDArray[np.float64]


def size(box: Box, spacing: Spacing = ()) -> tuple[int, ...]:
    """Return the shape of a box, or of every n-th pixel of it, from its first pixel on."""
    return tuple(-((a - b) // s) for (a, b), s in zip(box, spacing or (1,) * len(box), strict=True))


def within(inner: Box, outer: Box) -> tuple[slice, ...]:
    """Return the slices that cut the box `inner` out of an array that covers the box `outer`."""
    return tuple(slice(a - c, b - c) for (a, b), (c, _) in zip(inner, outer, strict=True))


@dataclass(frozen=True)
class Neighborhood:
    """A reach in which a pixel of the result depends on input pixels at most `radius` away.

    Parameters
    ----------
    radius
        Radius in pixels, for all axes or for each.
    align
        Grid in pixels on which boxes that are read must begin.
    exact
        Whether boxes equal the whole result to the bit. If not, or if `align` is above 1, the engine always computes
        the same fixed tiles.
    halos
        Smallest side of a tile, as a multiple of the radius. Small values save the memory of operations that hold
        much for each pixel; large values save computing the margins of tiles twice.
    beyond
        Number of pixels along each axis by which the function pads blocks to each side, also beyond the edges of the
        image; empty if it does not. It is counted as memory.
    """

    radius: int | tuple[int, ...]
    align: int = 1
    exact: bool = True
    halos: int = 8
    beyond: tuple[int, ...] = ()

    def halo(self, ndim: int) -> tuple[int, ...]:
        """Return the radius along each axis."""
        return self.radius if isinstance(self.radius, tuple) else (self.radius,) * ndim

    def reads(self, core: Box, shape: tuple[int, ...]) -> Box:
        """Return the box of the input that a box of the result depends on, clipped to the image."""
        return tuple(
            (max(a - h, 0) // self.align * self.align, min(b + h, n))
            for (a, b), h, n in zip(core, self.halo(len(shape)), shape, strict=True)
        )


@dataclass(frozen=True)
class Whole:
    """A reach in which every pixel of the result depends on the whole item, for the given reason.

    `beyond` as in `Neighborhood`.
    """

    reason: str
    beyond: tuple[int, ...] = ()

    def reads(self, core: Box, shape: tuple[int, ...]) -> Box:
        """Return the box of the whole item."""
        return tuple((0, n) for n in shape)


class Map(Protocol):
    """A coordinate map from an index of the result to an index of the input."""

    def coordinates(self, core: Box, spacing: Spacing = ()) -> tuple[Floats, ...]:
        """Return the input coordinates of every pixel of a box, or every n-th: an array for each axis of the input."""

    def bounds(self, core: Box) -> tuple[tuple[float, float], ...]:
        """Return for each axis an interval that contains these coordinates; it may be infinite."""


class PixelCorrection(Protocol):
    """A correction of the input's pixel values before they are sampled."""

    def change(self, block: NDArray[Any], read: Box, low: float, width: float) -> NDArray[Any]:
        """Return the corrected block of the box `read`, where `low` is black and ``low + width`` is white."""


@dataclass(frozen=True)
class Gather:
    """A reach given by a coordinate map: the result is sampled from the input.

    Parameters
    ----------
    shape
        Shape of the result.
    source
        Map from result index to input index.
    placement
        Affine matrix from result index to input index, shape (n + 1, n + 1), that places the layer of the result.
    order, mode, cval
        Interpolation order (0, 1 or 3), edge mode, and fill value of mode "constant".
    smooth
        Standard deviations in pixels of the Gaussian that smooths the input before sampling, one for each axis, or
        empty.
    colors
        Maps of the first channels, if they differ from `source`, or empty.
    correction
        Correction of the input's pixel values before smoothing and sampling, or None.
    """

    shape: tuple[int, ...]
    source: Map
    placement: NDArray[Any]
    order: int = 1
    mode: str = "constant"
    cval: float = 0.0
    smooth: tuple[float, ...] = ()
    colors: tuple[Map, ...] = ()
    correction: PixelCorrection | None = None

    def reads(self, core: Box, shape: tuple[int, ...]) -> Box:
        """Return the box of the input that a box of the result depends on, with the margin of the smoothing."""
        margins = [margin(s) for s in self.smooth] or [0] * len(shape)
        bounds = self.source.bounds(core)
        if self.mode == "constant" and not np.isfinite(bounds).all():
            bounds = self._bounds_on_image(core, shape)
        all_maps = zip(bounds, *(source.bounds(core) for source in self.colors), strict=True)
        bounds = tuple((min(low for low, _ in axis), max(high for _, high in axis)) for axis in all_maps)
        return tuple(
            self._pixels_between(low, high, n, m) for (low, high), n, m in zip(bounds, shape, margins, strict=True)
        )

    def _bounds_on_image(self, core: Box, shape: tuple[int, ...]) -> tuple[tuple[float, float], ...]:
        """Return the bounds of the coordinates on the image, because nothing is read beyond it."""
        coordinates = np.stack(self.source.coordinates(core))
        last = np.array(shape).reshape(-1, *(1,) * len(core)) + 1
        on_image = np.all((coordinates >= -2) & (coordinates <= last), axis=0)
        if not on_image.any():
            return ((0.0, 0.0),) * len(shape)
        return tuple((float(c[on_image].min()), float(c[on_image].max())) for c in coordinates)

    def _pixels_between(self, low: float, high: float, n: int, margin: int) -> tuple[int, int]:
        """Return (start, stop) of the pixels that sampling between two coordinates of an axis reads."""
        taps = 2 if self.order == 3 else 1
        if not max(abs(low), abs(high)) < FAR or high - low > 2 * n:
            first, last = -2 * n, 2 * n
        else:
            first, last = math.floor(low) - taps, math.ceil(high) + taps
        wraps = self.mode == "grid-wrap" and (first - margin < 0 or last + margin >= n)
        if wraps or (first < -2 * n and last > 2 * n):
            return 0, n
        if self.mode == "constant" or (first >= 0 and last < n):
            first, last = min(max(first, 0), n - 1), min(max(last, 0), n - 1)
        else:
            read = folded(np.arange(first, last + 1), n, self.mode)
            first, last = int(read.min()), int(read.max())
        return max(first - margin, 0), min(last + 1 + margin, n)


def margin(sigma: float, truncate: float = 4.0) -> int:
    """Return the radius in pixels of a Gaussian kernel that ends at `truncate` standard deviations, as in SciPy."""
    return int(truncate * sigma + 0.5)


POINTWISE = Neighborhood(0)
FAR = 1e7  # pixels; larger coordinates, near a horizon, are rounded by whole pixels
Reach = Neighborhood | Gather | Whole
