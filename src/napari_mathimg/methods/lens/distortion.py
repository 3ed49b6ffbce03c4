"""Models of lens distortion, in both directions, and the map of its correction.

All models act on ``(x, y)``, x to the right and y down, measured from the center in units of `radius` pixels. A point
of the undistorted image at the distance r from the center is shown by the lens at

========  ==================================================================================
poly3     ``(x, y) (1 - k1 + k1 r^2)``
poly5     ``(x, y) (1 + k1 r^2 + k2 r^4)``
ptlens    ``(x, y) (a r^3 + b r^2 + c r + 1 - a - b - c)``
brown     ``(x, y) (1 + k1 r^2 + k2 r^4 + k3 r^6)``, and tangentially
          ``+ (2 p1 x y + p2 (r^2 + 2 x^2), p1 (r^2 + 2 y^2) + 2 p2 x y)``
========  ==================================================================================

In lensfun and Hugin, `radius` is half the shorter side, measured between the centers of the outer pixels; in OpenCV, it
is the focal length in pixels.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...contract.reach import Box, Floats, Gather, Spacing, size
from ...kernels import maps
from ..maps import Separable
from ..plane_matrices import about

Shape = tuple[int, ...]
Pair = tuple[float, float]

COEFFICIENTS = {
    "poly3": ("k1",),
    "poly5": ("k1", "k2"),
    "ptlens": ("a", "b", "c"),
    "brown": ("k1", "k2", "k3", "p1", "p2"),
}


def half_shorter_side(shape: Shape) -> float:
    """Return half the length of the shorter side, measured between the centers of the outer pixels."""
    return max(min(shape) - 1, 1) / 2


@dataclass(frozen=True)
class Bending:
    """The distortion of a lens: ``(x, y) (powers[0] + powers[1] r + ... + powers[6] r^6)`` plus a tangential part.

    Parameters
    ----------
    powers
        Coefficients of the factor that multiplies a distance, from degree 0 to 6.
    tangential
        p1 and p2 of the Brown-Conrady model.
    """

    powers: maps.Powers = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    tangential: Pair = (0.0, 0.0)

    @property
    def is_identity(self) -> bool:
        """Whether every point stays in place."""
        return self == Bending()

    @cached_property
    def limit(self) -> float:
        """Distance at which the polynomial begins to fold the plane, beyond which it describes no lens."""
        slope = np.trim_zeros(np.array([(k + 1) * p for k, p in enumerate(self.powers)]), "b")
        roots: list[complex] = np.polynomial.Polynomial(slope).roots().tolist()
        turning = [z.real for z in roots if abs(z.imag) <= 1e-9 * abs(z) and z.real > 0]
        return min(turning, default=math.inf)

    def strengthened(self, strength: float) -> "Bending":
        """Return the distortion with all displacements multiplied by a factor."""
        p, (p1, p2) = self.powers, self.tangential
        first = 1.0 + strength * (p[0] - 1.0)
        others = (strength * p[1], strength * p[2], strength * p[3], strength * p[4], strength * p[5], strength * p[6])
        return Bending((first, *others), (strength * p1, strength * p2))

    def move(self, center: Pair, unit: float, yy: Floats, xx: Floats, inverse: bool = False) -> None:
        """Move points of the undistorted image in place to where the lens shows them, or back with `inverse`.

        `unit` is the number of pixels at which r is 1. Points beyond the limit become NaN.
        """
        kernel = maps.undistort if inverse else maps.distort
        kernel(center, unit, self.powers, self.tangential, self.limit, yy, xx)


def bending(model: str, coefficients: Sequence[float]) -> Bending:
    """Return the distortion of a model with given coefficients, in the order of `COEFFICIENTS`.

    Raises
    ------
    ValueError
        If the number of coefficients is wrong, or they turn the center inside out.
    """
    if len(coefficients) != len(COEFFICIENTS[model]):
        raise ValueError(
            f"coefficients={coefficients}: must be {', '.join(COEFFICIENTS[model])} for the model {model!r}"
        )
    numbers = [float(value) for value in coefficients]
    if model == "ptlens":
        a, b, c = numbers
        lens = Bending((1 - a - b - c, c, b, a, 0.0, 0.0, 0.0))
    elif model == "poly3":
        lens = Bending((1 - numbers[0], 0.0, numbers[0], 0.0, 0.0, 0.0, 0.0))
    else:
        k1, k2, k3, p1, p2 = [*numbers, *(0.0,) * (5 - len(numbers))]
        lens = Bending((1.0, 0.0, k1, 0.0, k2, 0.0, k3), (p1, p2))
    if lens.powers[0] <= 0:
        first, *others = COEFFICIENTS[model]
        rest = f" together with {' and '.join(others)}" if others else ""
        raise ValueError(f"{first}={coefficients[0]}: must be below 1{rest}, or the center is turned inside out")
    return lens


def distorted(
    points: NDArray[np.float64], model: str, coefficients: Sequence[float], center: Pair, radius: float
) -> NDArray[np.float64]:
    """Return where a lens shows points of the undistorted image; NaN where the model folds the plane.

    Parameters
    ----------
    points
        (n, 2) rows and columns in pixels.
    model, coefficients
        Key of `COEFFICIENTS`, and the coefficients that it names.
    center
        (row, column) in pixels.
    radius
        Distance in pixels at which r is 1.
    """
    return _move(points, model, coefficients, center, radius, inverse=False)


def undistorted(
    points: NDArray[np.float64], model: str, coefficients: Sequence[float], center: Pair, radius: float
) -> NDArray[np.float64]:
    """Return where points seen through a lens lie in the undistorted image; NaN where the lens shows none.

    The parameters are those of `distorted`.
    """
    return _move(points, model, coefficients, center, radius, inverse=True)


def _move(
    points: NDArray[np.float64], model: str, coefficients: Sequence[float], center: Pair, radius: float, inverse: bool
) -> NDArray[np.float64]:
    yy, xx = (np.array(points[:, k], float)[None] for k in (0, 1))
    bending(model, coefficients).move((float(center[0]), float(center[1])), float(radius), yy, xx, inverse)
    return np.stack([yy[0], xx[0]], axis=1)


@dataclass(frozen=True)
class LensMap:
    """The map from the pixels of a corrected image to the image as seen through lenses.

    A point is first moved toward the center by `scale`, then through each lens in turn; the inverse map does the
    opposite in the reverse order.

    Parameters
    ----------
    center
        (row, column) in pixels.
    unit
        Number of pixels in the lenses' unit of distance.
    lenses
        Distortions in the order in which they are applied.
    scale
        Factor by which the content grows.
    inverse
        Whether this is the inverse map.
    """

    center: Pair
    unit: float
    lenses: tuple[Bending, ...]
    scale: float = 1.0
    inverse: bool = False

    def move(self, yy: Floats, xx: Floats) -> None:
        """Move points of the result in place to where they are read."""
        (cy, cx), scale = self.center, self.scale
        if not self.inverse and scale != 1.0:
            yy[...], xx[...] = cy + (yy - cy) / scale, cx + (xx - cx) / scale
        for lens in reversed(self.lenses) if self.inverse else self.lenses:
            lens.move(self.center, self.unit, yy, xx, self.inverse)
        if self.inverse and scale != 1.0:
            yy[...], xx[...] = cy + (yy - cy) * scale, cx + (xx - cx) * scale

    def coordinates(self, core: Box, spacing: Spacing = ()) -> tuple[Floats, ...]:
        """Return the source rows and columns of every pixel of a box, or every n-th.

        They are NaN where the lens shows nothing.
        """
        yy, xx = np.indices(size(core, spacing), np.float64)
        down, right = spacing or (1, 1)
        yy *= down
        xx *= right
        yy += core[0][0]
        xx += core[1][0]
        self.move(yy, xx)
        return yy, xx

    def bounds(self, core: Box) -> tuple[tuple[float, float], ...]:
        """Return the intervals of the source rows and columns that the lens shows."""
        (top, bottom), (left, right) = core
        if any(lens.tangential != (0.0, 0.0) for lens in self.lenses):
            return _intervals([self.coordinates(core)])
        # Within the limit nothing folds, so that the extremes lie on the edges of the box, unless the limit crosses it.
        edges = [((top, top + 1), (left, right)), ((bottom - 1, bottom), (left, right))]
        edges += [((top, bottom), (left, left + 1)), ((top, bottom), (right - 1, right))]
        coordinates = [self.coordinates(edge) for edge in edges]
        if all(np.isfinite(yy).all() for yy, _ in coordinates):
            return _intervals(coordinates)
        return _intervals([self.coordinates(core)])


def _intervals(coordinates: Sequence[tuple[Floats, ...]]) -> tuple[tuple[float, float], ...]:
    """Return the lowest and the highest finite coordinate along each axis; 0 if there is none."""
    every = [np.concatenate([c[axis].ravel() for c in coordinates]) for axis in (0, 1)]
    finite = [c[np.isfinite(c)] for c in every]
    return tuple((float(c.min()), float(c.max())) if c.size else (0.0, 0.0) for c in finite)


def unmoved(shape: Shape) -> Separable:
    """Return the map that leaves all pixels in place."""
    return Separable((1.0,) * len(shape), (0.0,) * len(shape))


def lens_gather(shape: Shape, source: LensMap, order: int, mode: str, cval: float, **more: Any) -> Gather:
    """Return the sampling of an image through a lens map; the result is placed over its source.

    The larger the content of the result, the smaller are its pixels in the world. `more` holds fields of `Gather`.
    """
    pixel = source.scale if source.inverse else 1 / source.scale
    placement = about(np.diag([pixel, pixel, 1.0]), source.center)
    moves = source.scale != 1.0 or any(not lens.is_identity for lens in source.lenses)
    return Gather(shape, source if moves else unmoved(shape), placement, order, mode, cval, **more)


def filling_scale(shape: Shape, maps_: Sequence[LensMap], margin: float = 0.0) -> float:
    """Return the scale, to 6 decimals, at which the image just fills the result, without an empty border.

    Parameters
    ----------
    shape
        Rows and columns.
    maps_
        Maps of the channels; their own scales are ignored.
    margin
        Pixels that interpolation needs beyond a point.

    Raises
    ------
    ValueError
        If there is no such scale.
    """
    if max(shape) == 1 or all(lens.is_identity for each in maps_ for lens in each.lenses):
        return 1.0
    rows, columns = shape
    edge = np.array(
        [(r, c) for r in (0, rows - 1) for c in range(columns)]
        + [(r, c) for c in (0, columns - 1) for r in range(rows)]
    )
    last = [max(n - 1 - margin, 0) for n in shape]

    def fills(scale: float) -> bool:
        for each in maps_:
            yy, xx = (edge[None, :, k].astype(float) for k in (0, 1))
            replace(each, scale=scale).move(yy, xx)
            inside = (yy >= margin) & (yy <= last[0]) & (xx >= margin) & (xx <= last[1])
            if not inside.all():
                return False
        return True

    inverse = any(each.inverse for each in maps_)
    good = _first_power(fills, 1.0, 1 / 1.25 if inverse else 1.25)
    bad = _first_power(lambda scale: not fills(scale), good, 1.25 if inverse else 1 / 1.25)
    for _ in range(40):
        middle = (good + bad) / 2
        good, bad = (middle, bad) if fills(middle) else (good, middle)
    return math.floor(good * 1e6) / 1e6 if inverse else math.ceil(good * 1e6) / 1e6


def _first_power(holds: Callable[[float], bool], value: float, factor: float) -> float:
    """Return the first of ``value, value * factor, value * factor**2, ...`` for which a condition holds."""
    for _ in range(40):
        if holds(value):
            return value
        value *= factor
    raise ValueError("scale='auto': must be a number here, as no scale fills the result")
