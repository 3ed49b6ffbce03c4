"""Refinement of a target's points after a first fit of the lens, in the plane of the target.

Distortion and tilt magnify one side of a dot or a corner more than the other, which biases its apparent center [1]_.
Projected back onto the target [2]_, all points look alike, and their centers are those of their common symmetry. These
depend neither on the size of dots and the sharpness of the picture nor on slow changes of the illumination.

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
from ..shading import robust_fit
from .lattice import DEGREES
from .target import Detection, Target

Floats = NDArray[np.float64]
Projection = Callable[[Floats], Floats]

PASSES = 3
CHUNK = 500  # points processed together
MAX_DEVIATION = 0.25  # of a point from its place in the grid, in steps
MAX_SHIFT = 0.1  # of a point in one pass, in steps
MIN_STRENGTH = 0.1  # of a point, relative to the median
MAX_SQUARES = 4.0  # of a point's residual, relative to the median, for the estimate of blur


class _TargetView:
    """The picture sampled in the plane of the target: patches of (p, p) samples around points."""

    def __init__(self, detection: Detection, project: Projection) -> None:
        self._spline = ndi.spline_filter(detection.plane, order=3)
        self._project = project
        extent = int(detection.extent)
        self.steps = np.arange(-extent, extent + 1) / detection.step
        self.rows, self.columns = np.meshgrid(self.steps, self.steps, indexing="ij")

    def project(self, points: Floats) -> Floats:
        """Return the positions in the picture of the samples around points of the grid, as (n, p, p, 2)."""
        offsets = np.stack([self.rows, self.columns], axis=-1)
        places = (points[:, None, None] + offsets).reshape(-1, 2)
        return self._project(places).reshape(len(points), *offsets.shape)

    def sample(self, positions: Floats) -> Floats:
        """Return the patches at some positions in the picture, as (n, p, p)."""
        coordinates = np.moveaxis(positions, -1, 0)
        return np.asarray(ndi.map_coordinates(self._spline, coordinates, order=3, mode="mirror", prefilter=False))

    def gradient(self, values: Floats) -> tuple[Floats, Floats]:
        """Return the derivatives of (n, p, p) values or vectors along the rows and columns of the target."""
        down, right = np.gradient(values, self.steps, self.steps, axis=(1, 2))
        return np.asarray(down), np.asarray(right)

    def laplacian(self, pattern: Floats, positions: Floats) -> Floats:
        """Return the Laplacian in the picture of a pattern on the target, which is the effect of a small blur.

        On the target, it is the Laplace-Beltrami operator for the metric of the picture.
        """
        down, right = self.gradient(positions)
        (a, b, c) = ((u * v).sum(axis=-1) for u, v in ((down, down), (down, right), (right, right)))
        area = np.sqrt(a * c - b * b)
        along, across = (derivative[0] for derivative in self.gradient(pattern[None]))
        row_part, _ = self.gradient((c * along - b * across) / area)
        _, column_part = self.gradient((a * across - b * along) / area)
        return np.asarray((row_part + column_part) / area)


def refine_target(detection: Detection, project: Projection) -> Generator[Progress, None, Target]:
    """Refine the points of a target, in a generator that yields progress and returns the new target.

    Parameters
    ----------
    detection
        Picture with the target detected in it.
    project
        Function from (n, 2) places of the grid to their positions in the picture, in pixels; NaN outside of the lens.
    """
    target, view = detection.target, _TargetView(detection, project)
    limits = np.array(target.shape) - 1
    inside = [((x >= 0) & (x <= limits)).all(axis=(1, 2, 3)) for x in map(view.project, _chunks(target.places))]
    places = target.places[np.concatenate(inside)]
    points, strengths = places.astype(float), np.ones(len(places))
    for done in range(PASSES):
        if not len(points):
            break
        signs, slopes = _signs(detection, places), _illumination_slopes(strengths, places)
        pattern = _common_pattern(view, detection, points, signs)
        fits = []
        for count, chunk in enumerate(zip(*map(_chunks, (points, signs, slopes)), strict=True)):
            yield Progress("Points", done + count * CHUNK / len(points), PASSES)
            fits.append(_fit_pattern(view, pattern, *chunk))
        measured, illuminated, blurred = (np.concatenate([fit[k] for fit in fits]) for k in range(3))
        product, square = np.sum([fit[3] for fit in fits], axis=0)
        blur = max(float(product / square), 0.0) if square > 0 else 0.0
        bias = illuminated + blur * blurred
        strengths = measured[:, 0] / np.maximum(1 + bias[:, 0], 0.5)
        points = points + np.clip(bias[:, 1:] - measured[:, 1:] / strengths[:, None], -MAX_SHIFT, MAX_SHIFT)
        good = np.hypot(*(points - places).T) < MAX_DEVIATION
        points, places, strengths = points[good], places[good], np.abs(strengths[good])
    return Target(project(points), places, target.shape)


def _chunks(points: NDArray[Any]) -> list[NDArray[Any]]:
    """Return parts of an array that are processed together."""
    return [points[k : k + CHUNK] for k in range(0, len(points), CHUNK)] or [points]


def _signs(detection: Detection, places: NDArray[np.intp]) -> Floats:
    """Return the signs of the patterns: those of neighboring corners alternate, those of dots are 1."""
    return 1.0 - 2.0 * (places.sum(axis=1) % 2) if detection.kind == "chessboard" else np.ones(len(places))


def _common_pattern(view: _TargetView, detection: Detection, points: Floats, signs: Floats) -> tuple[Floats, Floats]:
    """Return the median pattern around points, symmetrized and with a standard deviation of 1, and its mean Laplacian.

    At most `CHUNK` evenly distributed points are used.
    """
    every = -(-len(points) // CHUNK)
    positions = view.project(points[::every])
    values = view.sample(positions)
    values -= values.mean(axis=(1, 2), keepdims=True)
    values *= signs[::every, None, None] / (values.std(axis=(1, 2), keepdims=True) + 1e-30)
    mirror_sign = -1 if detection.kind == "chessboard" else 1
    pattern = np.median(values, axis=0)
    pattern = (pattern + pattern.T) / 2
    pattern = (pattern + mirror_sign * pattern[::-1]) / 2
    pattern = (pattern + mirror_sign * pattern[:, ::-1]) / 2
    return pattern, view.laplacian(pattern, positions).mean(axis=0)


def _fit_pattern(
    view: _TargetView, common: tuple[Floats, Floats], points: Floats, signs: Floats, slopes: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Fit the common pattern, its derivatives along rows and columns, and a linear background to patches.

    Returns
    -------
    measured
        (n, 3) coefficients of the pattern and its derivatives in the patch around each point; NaN if it is too weak.
    illuminated
        (n, 3) coefficients in the pattern under an illumination that changes by `slopes`.
    blurred
        (n, 3) coefficients in the effect of blur on the pattern, relative to the mean effect.
    products
        Two numbers whose quotient is the estimated blur.
    """
    positions, (pattern, mean_laplacian) = view.project(points), common
    down, right = (derivative[0] for derivative in view.gradient(pattern[None]))
    basis = np.stack([pattern, down, right, np.ones_like(pattern), view.rows, view.columns]).reshape(6, -1)
    norm = np.linalg.norm(basis, axis=1)
    inverse = np.linalg.pinv(basis.T / norm) / norm[:, None]
    illumination = slopes @ np.stack([pattern * view.rows, pattern * view.columns]).reshape(2, -1)
    values, blur = (
        x.reshape(len(points), -1)
        for x in (view.sample(positions), view.laplacian(pattern, positions) - mean_laplacian)
    )
    measured, illuminated, blurred = (x @ inverse.T for x in (values, illumination, blur))
    strength = measured[:, :1].copy()
    strength[~(signs * strength[:, 0] > MIN_STRENGTH * np.median(signs * strength[:, 0]))] = np.nan
    residual = values - measured @ basis - strength * (illumination - illuminated @ basis)
    blur = strength * (blur - blurred @ basis)
    squares = (residual**2).sum(axis=1)
    good = squares <= MAX_SQUARES * np.nanmedian(squares)
    products = np.array([(residual[good] * blur[good]).sum(), (blur[good] ** 2).sum()])
    return np.where(np.isfinite(strength), measured, np.nan)[:, :3], illuminated[:, :3], blurred[:, :3], products


def _illumination_slopes(strengths: Floats, places: NDArray[np.intp]) -> Floats:
    """Return the relative changes of the illumination per step along rows and columns, from the patterns' strengths."""
    degree = max((d for d, least in DEGREES if len(places) >= least), default=0)
    middle, half = places.mean(axis=0), max(np.ptp(places, axis=0).max() / 2, 1)
    y, x = ((places - middle) / half).T
    powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    coefficients = robust_fit(np.stack([y**i * x**j for i, j in powers], axis=1), np.log(strengths))
    down = sum(c * i * y ** max(i - 1, 0) * x**j for c, (i, j) in zip(coefficients, powers, strict=True))
    right = sum(c * j * y**i * x ** max(j - 1, 0) for c, (i, j) in zip(coefficients, powers, strict=True))
    return np.asarray(np.stack([down, right], axis=1) / half)
