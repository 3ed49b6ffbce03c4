"""Points of a target found anew once the lens is about known: each as it lies on the target, flat and square.

A lens and a tilt show one side of a dot or a crossing larger than the other, which moves what looks like its middle
[1]_; looked at on the target [2]_, all points are alike, and their middle is that of the symmetry they have in common.
The size of dots, the sharpness of the picture and light that changes slowly do not move it.

References
----------
.. [1] J. Mallon and P. F. Whelan, "Which pattern? Biasing aspects of planar calibration patterns and detection
   methods", Pattern Recognition Letters 28 (2007).
.. [2] A. Datta, J.-S. Kim and T. Kanade, "Accurate camera calibration using iterative refinement of control points",
   IEEE International Conference on Computer Vision Workshops (2009).
"""

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from ....contract.progress import Progress
from ..flat_field import robust_fit
from .lattice import ROOM
from .target import Sighting, Target

Floats = NDArray[np.float64]
Mapping = Callable[[Floats], Floats]

PASSES = 3
TOGETHER = 500  # points looked at at once
FARTHEST = 0.25  # of a step, by which a point may miss the place where the lens shows it
STRIDE = 0.1  # of a step, by which a point moves in one pass at most
WEAK = 0.1  # of the usual strength, below which a point is none
CLEAN = 4.0  # times the usual squared difference from the common look, up to which a point tells of blur


class _View:
    """The picture as it lies on the target: values around points, on a grid of (p, p) samples."""

    def __init__(self, sighting: Sighting, seen: Mapping) -> None:
        self._spline = ndi.spline_filter(sighting.plane, order=3)
        self._seen = seen
        reach = int(sighting.around)
        self.steps = np.arange(-reach, reach + 1) / sighting.step
        self.rows, self.columns = np.meshgrid(self.steps, self.steps, indexing="ij")

    def shown(self, points: Floats) -> Floats:
        """Return where the samples around points of the grid lie in the picture, as (n, p, p, 2)."""
        offsets = np.stack([self.rows, self.columns], axis=-1)
        places = (points[:, None, None] + offsets).reshape(-1, 2)
        return self._seen(places).reshape(len(points), *offsets.shape)

    def values(self, shown: Floats) -> Floats:
        """Return the values there, as (n, p, p)."""
        at = np.moveaxis(shown, -1, 0)
        return np.asarray(ndi.map_coordinates(self._spline, at, order=3, mode="mirror", prefilter=False))

    def slopes(self, values: Floats) -> tuple[Floats, Floats]:
        """Return the derivatives along rows and columns of the target, of (n, p, p) values or vectors."""
        down, right = np.gradient(values, self.steps, self.steps, axis=(1, 2))
        return np.asarray(down), np.asarray(right)

    def laplacian(self, look: Floats, shown: Floats) -> Floats:
        """Return that of what is on the target, as seen in the picture: what blur adds there.

        On the target it is Beltrami's, for the metric of the picture.
        """
        down, right = self.slopes(shown)
        (a, b, c) = ((u * v).sum(axis=-1) for u, v in ((down, down), (down, right), (right, right)))
        area = np.sqrt(a * c - b * b)
        along, across = (slope[0] for slope in self.slopes(look[None]))
        added, _ = self.slopes((c * along - b * across) / area)
        _, more = self.slopes((a * across - b * along) / area)
        return np.asarray((added + more) / area)


def refined(sighting: Sighting, seen: Mapping) -> Generator[Progress, None, Target]:
    """Return the points of a target found anew, as the value of a generator that yields progress.

    Parameters
    ----------
    sighting
        The picture, and what was found in it.
    seen
        Takes (n, 2) places of the grid to where the lens shows them, in pixels; NaN where it does not.
    """
    target, view = sighting.target, _View(sighting, seen)
    limits = np.array(target.shape) - 1
    whole = [((x >= 0) & (x <= limits)).all(axis=(1, 2, 3)) for x in map(view.shown, _parts(target.places))]
    places = target.places[np.concatenate(whole)]
    found, strengths = places.astype(float), np.ones(len(places))
    for done in range(PASSES):
        if not len(found):
            break
        signs, slopes = _signs(sighting, places), _slopes(strengths, places)
        look = _common_look(view, sighting, found, signs)
        told = []
        for count, (some, own, light) in enumerate(zip(*map(_parts, (found, signs, slopes)), strict=True)):
            yield Progress("Points", done + count * TOGETHER / len(found), PASSES)
            told.append(_looked_at(view, look, some, own, light))
        seen_as, lit, blurred = (np.concatenate([one[k] for one in told]) for k in range(3))
        product, square = np.sum([one[3] for one in told], axis=0)
        blur = max(float(product / square), 0.0) if square > 0 else 0.0
        known = lit + blur * blurred
        strengths = seen_as[:, 0] / np.maximum(1 + known[:, 0], 0.5)
        found = found + np.clip(known[:, 1:] - seen_as[:, 1:] / strengths[:, None], -STRIDE, STRIDE)
        good = np.hypot(*(found - places).T) < FARTHEST
        found, places, strengths = found[good], places[good], np.abs(strengths[good])
    return Target(seen(found), places, target.shape)


def _parts(points: NDArray[Any]) -> list[NDArray[Any]]:
    return [points[k : k + TOGETHER] for k in range(0, len(points), TOGETHER)] or [points]


def _signs(sighting: Sighting, places: NDArray[np.intp]) -> Floats:
    """Of crossings, 1 and -1 in turn: every other one is dark where its neighbors are light."""
    return 1.0 - 2.0 * (places.sum(axis=1) % 2) if sighting.kind == "chessboard" else np.ones(len(places))


def _common_look(view: _View, sighting: Sighting, points: Floats, signs: Floats) -> tuple[Floats, Floats]:
    """What most points look like, of deviation 1 and with all symmetries, and what blur adds to it on the average.

    From some points, evenly spread.
    """
    every = -(-len(points) // TOGETHER)
    shown = view.shown(points[::every])
    values = view.values(shown)
    values -= values.mean(axis=(1, 2), keepdims=True)
    values *= signs[::every, None, None] / (values.std(axis=(1, 2), keepdims=True) + 1e-30)
    mirrored = -1 if sighting.kind == "chessboard" else 1
    look = np.median(values, axis=0)
    look = (look + look.T) / 2
    look = (look + mirrored * look[::-1]) / 2
    look = (look + mirrored * look[:, ::-1]) / 2
    return look, view.laplacian(look, shown).mean(axis=0)


def _looked_at(
    view: _View, common: tuple[Floats, Floats], points: Floats, signs: Floats, slopes: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Least squares for the common look and its slopes along rows and columns, over a darkness that changes linearly.

    Returns three times (n, 3) coefficients: of what is around each point, NaN where the look is hardly to be seen; of
    the look under light that changes by `slopes`; and of what blur adds to it more than on the average. The quotient
    of the last two numbers is the blur that the points tell.
    """
    shown, (look, usual) = view.shown(points), common
    down, right = (slope[0] for slope in view.slopes(look[None]))
    shapes = np.stack([look, down, right, np.ones_like(look), view.rows, view.columns]).reshape(6, -1)
    size = np.linalg.norm(shapes, axis=1)
    inverse = np.linalg.pinv(shapes.T / size) / size[:, None]
    lit = slopes @ np.stack([look * view.rows, look * view.columns]).reshape(2, -1)
    values, blurred = (x.reshape(len(points), -1) for x in (view.values(shown), view.laplacian(look, shown) - usual))
    of_values, of_lit, of_blurred = (x @ inverse.T for x in (values, lit, blurred))
    strength = of_values[:, :1].copy()
    strength[~(signs * strength[:, 0] > WEAK * np.median(signs * strength[:, 0]))] = np.nan
    rest = values - of_values @ shapes - strength * (lit - of_lit @ shapes)
    blurred = strength * (blurred - of_blurred @ shapes)
    squares = (rest**2).sum(axis=1)
    clean = squares <= CLEAN * np.nanmedian(squares)
    products = np.array([(rest[clean] * blurred[clean]).sum(), (blurred[clean] ** 2).sum()])
    return np.where(np.isfinite(strength), of_values, np.nan)[:, :3], of_lit[:, :3], of_blurred[:, :3], products


def _slopes(strengths: Floats, places: NDArray[np.intp]) -> Floats:
    """How fast the light changes with the places, as shares of itself: from a smooth surface through strengths."""
    degree = max((d for d, least in ROOM if len(places) >= least), default=0)
    middle, half = places.mean(axis=0), max(np.ptp(places, axis=0).max() / 2, 1)
    y, x = ((places - middle) / half).T
    powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    found = robust_fit(np.stack([y**i * x**j for i, j in powers], axis=1), np.log(strengths))
    down = sum(c * i * y ** max(i - 1, 0) * x**j for c, (i, j) in zip(found, powers, strict=True))
    right = sum(c * j * y**i * x ** max(j - 1, 0) for c, (i, j) in zip(found, powers, strict=True))
    return np.asarray(np.stack([down, right], axis=1) / half)
