"""What a box of the result reads: its neighborhood, the image of a map, or everything."""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .edges import folded

Box = tuple[tuple[int, int], ...]
Floats = NDArray[np.float64]


def size(box: Box) -> tuple[int, ...]:
    """Return the shape of a box."""
    return tuple(b - a for a, b in box)


def within(inner: Box, outer: Box) -> tuple[slice, ...]:
    """Return the slices that cut one box out of an array that covers another."""
    return tuple(slice(a - c, b - c) for (a, b), (c, _) in zip(inner, outer, strict=True))


@dataclass(frozen=True)
class Neighborhood:
    """A pixel of the result depends on the input at most `radius` away, on a grid of `align` pixels.

    `exact=False` says that boxes agree with the whole to a tolerance only: the engine then always computes on
    its fixed tiles, as it does for `align > 1`. The sides of tiles are at least `halos` times the radius: fewer bound
    the memory of operations that hold much for each pixel, more spare them work done twice.
    """

    radius: int | tuple[int, ...]
    align: int = 1
    exact: bool = True
    halos: int = 8

    def halo(self, ndim: int) -> tuple[int, ...]:
        """Return the radius along each axis."""
        return self.radius if isinstance(self.radius, tuple) else (self.radius,) * ndim

    def reads(self, core: Box, shape: tuple[int, ...]) -> Box:
        """Return the box of the input that a box of the result depends on, cut at the true edges."""
        return tuple(
            (max(a - h, 0) // self.align * self.align, min(b + h, n))
            for (a, b), h, n in zip(core, self.halo(len(shape)), shape, strict=True)
        )


@dataclass(frozen=True)
class Whole:
    """Every pixel of the result depends on all of the item."""

    reason: str

    def reads(self, core: Box, shape: tuple[int, ...]) -> Box:
        """Return the box of the whole item."""
        return tuple((0, n) for n in shape)


class Map(Protocol):
    """Where each pixel of the result is read: result index -> input index."""

    def coordinates(self, core: Box) -> tuple[Floats, ...]:
        """Return, for each axis, the input coordinates of every pixel of a box."""

    def bounds(self, core: Box) -> tuple[tuple[float, float], ...]:
        """Return, for each axis, an interval that holds all of them; infinite where there is none."""


class PixelCorrection(Protocol):
    """What becomes of the light of the input's pixels before they are sampled."""

    def change(self, block: NDArray[Any], read: Box, low: float, width: float) -> NDArray[Any]:
        """Return the changed block of a box; `low` is black and ``low + width`` white where that counts."""


@dataclass(frozen=True)
class Gather:
    """A change of domain: where each pixel of the result is read, and where the result lies over the source.

    Parameters
    ----------
    shape
        Shape of the result.
    source
        Map from result index to input index.
    placement
        (n + 1, n + 1) affine matrix, result index -> input index, that places the result's layer.
    order, mode, cval
        Interpolation order (0, 1 or 3), edge mode and fill value.
    smooth
        Standard deviations of the Gaussian applied to the input before sampling, one per axis, or empty.
    colors
        Maps of the first channels of images that have some, where they differ from `source`, or empty.
    correction
        What is done to the input's pixels first, or None.
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
        """Return the box of the input that a box of the result samples, smoothing included."""
        margins = [margin(s) for s in self.smooth] or [0] * len(shape)
        bounds = self.source.bounds(core)
        if self.mode == "constant" and not np.isfinite(bounds).all():
            bounds = self._seen(core, shape)
        every = zip(bounds, *(source.bounds(core) for source in self.colors), strict=True)
        bounds = tuple((min(low for low, _ in axis), max(high for _, high in axis)) for axis in every)
        return tuple(self._span(low, high, n, m) for (low, high), n, m in zip(bounds, shape, margins, strict=True))

    def _seen(self, core: Box, shape: tuple[int, ...]) -> tuple[tuple[float, float], ...]:
        """Bounds of those coordinates that lie on the image: beyond it, nothing is read."""
        coordinates = np.stack(self.source.coordinates(core))
        last = np.array(shape).reshape(-1, *(1,) * len(core)) + 1
        on_image = np.all((coordinates >= -2) & (coordinates <= last), axis=0)
        if not on_image.any():
            return ((0.0, 0.0),) * len(shape)
        return tuple((float(c[on_image].min()), float(c[on_image].max())) for c in coordinates)

    def _span(self, low: float, high: float, n: int, margin: int) -> tuple[int, int]:
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
    """Return the half-size of a Gaussian kernel cut at `truncate` standard deviations, as scipy.ndimage cuts it."""
    return int(truncate * sigma + 0.5)


POINTWISE = Neighborhood(0)
FAR = 1e7  # beyond, near a horizon, rounding moves a coordinate by pixels
Reach = Neighborhood | Gather | Whole
