"""How lenses bend the picture: the usual models, both ways, and the map of a correction.

All models work on ``(x, y)``, x to the right and y down, measured from the center in units of `radius` pixels; a
point of the straight picture at a distance r is seen at

========  ==================================================================================
poly3     ``(x, y) (1 - k1 + k1 r^2)``
poly5     ``(x, y) (1 + k1 r^2 + k2 r^4)``
ptlens    ``(x, y) (a r^3 + b r^2 + c r + 1 - a - b - c)``
brown     ``(x, y) (1 + k1 r^2 + k2 r^4 + k3 r^6)``, and tangentially
          ``+ (2 p1 x y + p2 (r^2 + 2 x^2), p1 (r^2 + 2 y^2) + 2 p2 x y)``
========  ==================================================================================

lensfun and Hugin take half the shorter side for `radius`, measured between the outer pixels' centers; OpenCV takes the
focal length in pixels.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...contract.reach import Box, Floats, size
from ...kernels import maps

Shape = tuple[int, ...]
Pair = tuple[float, float]

COEFFICIENTS = {
    "poly3": ("k1",),
    "poly5": ("k1", "k2"),
    "ptlens": ("a", "b", "c"),
    "brown": ("k1", "k2", "k3", "p1", "p2"),
}


def half_shorter_side(shape: Shape) -> float:
    """Return the distance between the center and the middle of a longer side, from pixel center to pixel center."""
    return max(min(shape) - 1, 1) / 2


@dataclass(frozen=True)
class Bending:
    """Where a lens shows points: ``(x, y) (powers[0] + powers[1] r + ... + powers[6] r^6)``, and tangentially.

    Parameters
    ----------
    powers
        Coefficients of the factor on a distance, from degree 0 to 6.
    tangential
        p1 and p2 of the Brown-Conrady model.
    """

    powers: maps.Powers = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    tangential: Pair = (0.0, 0.0)

    @property
    def keeps(self) -> bool:
        """Whether every point stays where it is."""
        return self == Bending()

    @cached_property
    def limit(self) -> float:
        """Distance at which points farther out begin to be shown farther in: no lens does so, only its polynomial."""
        slope = np.trim_zeros(np.array([(k + 1) * p for k, p in enumerate(self.powers)]), "b")
        roots: list[complex] = np.polynomial.Polynomial(slope).roots().tolist()
        turning = [z.real for z in roots if abs(z.imag) <= 1e-9 * abs(z) and z.real > 0]
        return min(turning, default=math.inf)

    def strengthened(self, strength: float) -> "Bending":
        """Return the same lens with all displacements multiplied."""
        p, (p1, p2) = self.powers, self.tangential
        first = 1.0 + strength * (p[0] - 1.0)
        others = (strength * p[1], strength * p[2], strength * p[3], strength * p[4], strength * p[5], strength * p[6])
        return Bending((first, *others), (strength * p1, strength * p2))

    def move(self, center: Pair, unit: float, yy: Floats, xx: Floats, inverse: bool = False) -> None:
        """Move points of the straight picture (in place) to where the lens shows them, or back with `inverse`.

        Points beyond the limit become NaN.
        """
        kernel = maps.undistort if inverse else maps.distort
        kernel(center, unit, self.powers, self.tangential, self.limit, yy, xx)


def bending(model: str, coefficients: Sequence[float]) -> Bending:
    """Return the lens of a model with these coefficients, in the order of `COEFFICIENTS`.

    Raises
    ------
    ValueError
        If their number is wrong, or the center itself would be turned inside out.
    """
    if len(coefficients) != len(COEFFICIENTS[model]):
        raise ValueError(f"coefficients={coefficients}: {', '.join(COEFFICIENTS[model])} of the model {model!r}")
    numbers = [float(value) for value in coefficients]
    if model == "ptlens":
        a, b, c = numbers
        found = Bending((1 - a - b - c, c, b, a, 0.0, 0.0, 0.0))
    elif model == "poly3":
        found = Bending((1 - numbers[0], 0.0, numbers[0], 0.0, 0.0, 0.0, 0.0))
    else:
        k1, k2, k3, p1, p2 = [*numbers, *(0.0,) * (5 - len(numbers))]
        found = Bending((1.0, 0.0, k1, 0.0, k2, 0.0, k3), (p1, p2))
    if found.powers[0] <= 0:
        names = COEFFICIENTS[model]
        raise ValueError(f"{names[0]}={coefficients[0]}: {' + '.join(names)} below 1, so that the center stays upright")
    return found


def distorted(
    points: NDArray[np.float64], model: str, coefficients: Sequence[float], center: Pair, radius: float
) -> NDArray[np.float64]:
    """Return where a lens shows points of the straight picture; NaN beyond where the model folds the plane.

    Parameters
    ----------
    points
        (n, 2) rows and columns in pixels.
    model, coefficients
        A key of `COEFFICIENTS`, and the numbers it names.
    center
        (row, column) in pixels.
    radius
        Distance in pixels at which r = 1.
    """
    return _moved(points, model, coefficients, center, radius, inverse=False)


def undistorted(
    points: NDArray[np.float64], model: str, coefficients: Sequence[float], center: Pair, radius: float
) -> NDArray[np.float64]:
    """Return where points seen through a lens lie in the straight picture; NaN where it shows nothing.

    Parameters as those of `distorted`.
    """
    return _moved(points, model, coefficients, center, radius, inverse=True)


def _moved(
    points: NDArray[np.float64], model: str, coefficients: Sequence[float], center: Pair, radius: float, inverse: bool
) -> NDArray[np.float64]:
    yy, xx = (np.array(points[:, k], float)[None] for k in (0, 1))
    bending(model, coefficients).move((float(center[0]), float(center[1])), float(radius), yy, xx, inverse)
    return np.stack([yy[0], xx[0]], axis=1)


@dataclass(frozen=True)
class LensMap:
    """Where each pixel of a picture seen through another lens, or none, is read.

    Result -> (shrunk by `scale` about the center) -> through each lens in turn; with `inverse` all the way back.

    Parameters
    ----------
    center
        (row, column) in pixels.
    unit
        Pixels in which the lenses measure distances.
    lenses
        What points go through.
    scale
        Factor by which the content grows.
    inverse
        Whether the map is the inverse one.
    """

    center: Pair
    unit: float
    lenses: tuple[Bending, ...]
    scale: float = 1.0
    inverse: bool = False

    def move(self, yy: Floats, xx: Floats) -> None:
        """Move points of the result (in place) to where they are read."""
        (cy, cx), scale = self.center, self.scale
        if not self.inverse and scale != 1.0:
            yy[...], xx[...] = cy + (yy - cy) / scale, cx + (xx - cx) / scale
        for lens in reversed(self.lenses) if self.inverse else self.lenses:
            lens.move(self.center, self.unit, yy, xx, self.inverse)
        if self.inverse and scale != 1.0:
            yy[...], xx[...] = cy + (yy - cy) * scale, cx + (xx - cx) * scale

    def coordinates(self, core: Box) -> tuple[Floats, ...]:
        """Return the rows and columns of every pixel of a box; NaN where the lens shows nothing."""
        yy, xx = np.indices(size(core), np.float64)
        yy += core[0][0]
        xx += core[1][0]
        self.move(yy, xx)
        return yy, xx

    def bounds(self, core: Box) -> tuple[tuple[float, float], ...]:
        """Return the intervals of rows and columns of those that the lens shows."""
        (top, bottom), (left, right) = core
        if any(lens.tangential != (0.0, 0.0) for lens in self.lenses):
            return _intervals([self.coordinates(core)])
        # Nothing folds within the limit, so that what is read of a box has its extremes on its edge; unless the limit
        # runs through the box.
        edges = [((top, top + 1), (left, right)), ((bottom - 1, bottom), (left, right))]
        edges += [((top, bottom), (left, left + 1)), ((top, bottom), (right - 1, right))]
        found = [self.coordinates(edge) for edge in edges]
        if all(np.isfinite(yy).all() for yy, _ in found):
            return _intervals(found)
        return _intervals([self.coordinates(core)])


def _intervals(found: Sequence[tuple[Floats, ...]]) -> tuple[tuple[float, float], ...]:
    """Lowest and highest finite coordinate along each axis; 0 where there is none."""
    every = [np.concatenate([c[axis].ravel() for c in found]) for axis in (0, 1)]
    seen = [c[np.isfinite(c)] for c in every]
    return tuple((float(c.min()), float(c.max())) if c.size else (0.0, 0.0) for c in seen)


def filling_scale(shape: Shape, maps_: Sequence[LensMap], margin: float = 0.0) -> float:
    """Return the scale at which the picture just fills the result: nothing beyond its edges is read; to 6 decimals.

    Parameters
    ----------
    shape
        Rows and columns.
    maps_
        Where the channels are read; their own scales do not count.
    margin
        Pixels that interpolation needs beyond a point.

    Raises
    ------
    ValueError
        If there is none.
    """
    if max(shape) == 1 or all(lens.keeps for each in maps_ for lens in each.lenses):
        return 1.0
    rows, columns = shape
    edge = np.array(
        [(r, c) for r in (0, rows - 1) for c in range(columns)]
        + [(r, c) for c in (0, columns - 1) for r in range(rows)]
    )
    least = [max(n - 1 - margin, 0) for n in shape]

    def fills(scale: float) -> bool:
        for each in maps_:
            yy, xx = (edge[None, :, k].astype(float) for k in (0, 1))
            replace(each, scale=scale).move(yy, xx)
            inside = (yy >= margin) & (yy <= least[0]) & (xx >= margin) & (xx <= least[1])
            if not inside.all():
                return False
        return True

    inverse = any(each.inverse for each in maps_)
    good = _first(fills, 1.0, 1 / 1.25 if inverse else 1.25)
    bad = _first(lambda scale: not fills(scale), good, 1.25 if inverse else 1 / 1.25)
    for _ in range(40):
        middle = (good + bad) / 2
        good, bad = (middle, bad) if fills(middle) else (good, middle)
    return math.floor(good * 1e6) / 1e6 if inverse else math.ceil(good * 1e6) / 1e6


def _first(holds: Callable[[float], bool], value: float, factor: float) -> float:
    """Return the first of ``value, value * factor, value * factor**2, ...`` for which something holds."""
    for _ in range(40):
        if holds(value):
            return value
        value *= factor
    raise ValueError("scale='auto': there is none at which the picture fills the result; give a number")
