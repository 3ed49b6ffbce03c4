"""Least-squares fit of a lens model to the points of a target."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from ....contract.quantities import quantity
from ..distortion import COEFFICIENTS, distorted, half_shorter_side, undistorted
from .line_straightness import straightness
from .target import Target

Floats = NDArray[np.float64]
Model = Literal["poly3", "poly5", "ptlens", "brown"]
Pair = tuple[float, float]

OUTLIER = 5.0  # robust standard deviations beyond which a point is excluded
MIN_RATIO = 1.5  # of coordinates to fitted numbers
MAX_ERROR = 0.005  # standard error of a correction that counts as determined, relative to half the diagonal
FAR = 1e3  # residual, in pixels, of a point that the model does not show


@dataclass(frozen=True, eq=False)
class Calibration:
    """A lens calibrated from a picture of a target.

    Parameters
    ----------
    model, coefficients, center, radius
        Parameters of `correct_distortion`: the center as (row, column) in pixels, the radius in pixels.
    errors
        Standard errors of the coefficients, and of "row" and "column" of the center if it was estimated.
    target
        Points of the target without outliers.
    left_out
        Number of outliers.
    before, after
        Root mean square distance of the points from straight lines, before and after the correction, in pixels.
    misfit
        Root mean square distance between points and model, in pixels.
    unsure
        Largest standard error of the corrected positions anywhere in the picture, in pixels.
    pixel_size
        Median size of a pixel of the corrected picture over the target, in the unit of the spacing.
    uneven
        Ratio of the largest to the smallest pixel size over the target, minus 1; it is caused by tilt.
    """

    model: Model
    coefficients: Mapping[str, float]
    center: Pair
    radius: float
    errors: Mapping[str, float]
    target: Target
    left_out: int
    before: float
    after: float
    misfit: float
    unsure: float
    pixel_size: float
    uneven: float

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of `correct_distortion`."""
        return {"model": self.model, **self.coefficients, "center": self.center, "radius": self.radius}

    def corrected(self, points: Floats) -> Floats:
        """Return the corrected positions of points of the picture, at a scale of 1."""
        return undistorted(points, self.model, tuple(self.coefficients.values()), self.center, self.radius)


@dataclass(frozen=True, eq=False)
class _Problem:
    """A fit: the vector of its numbers, and the positions of points as a function of it.

    The first eight numbers are the homography from the grid to the undistorted picture, both scaled to about 1. They
    are followed by the coefficients and, if the center is estimated, by its offset from the middle of the picture in
    units of `radius`.
    """

    target: Target
    model: Model
    middle: Pair
    radius: float
    finds_center: bool

    @cached_property
    def grid(self) -> Floats:
        """The places of the target's points, scaled to about 1."""
        return self.scale(self.target.places)

    def scale(self, places: NDArray[Any]) -> Floats:
        """Return places of the grid scaled to about 1."""
        all_places = self.target.places
        return np.asarray(2.0 * (places - all_places.min(axis=0)) / np.ptp(all_places, axis=0).max() - 1)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coefficients."""
        return COEFFICIENTS[self.model]

    @property
    def size(self) -> int:
        """Number of fitted numbers."""
        return 8 + len(self.names) + 2 * self.finds_center

    def lens(self, numbers: Floats) -> tuple[tuple[float, ...], Pair]:
        """Return the coefficients and the center."""
        count = len(self.names)
        shift = numbers[8 + count :] if self.finds_center else (0.0, 0.0)
        row, column = (float(m + self.radius * s) for m, s in zip(self.middle, shift, strict=True))
        return tuple(float(v) for v in numbers[8 : 8 + count]), (row, column)

    def undistorted_positions(self, numbers: Floats, grid: Floats) -> Floats:
        """Return the positions of scaled places in the undistorted picture, in pixels."""
        matrix = np.append(numbers[:8], 1.0).reshape(3, 3)
        down, right, depth = matrix @ np.column_stack([grid, np.ones(len(grid))]).T
        return np.asarray(np.stack([down, right], axis=1) / depth[:, None] * self.radius + self.middle)

    def positions(self, numbers: Floats, grid: Floats) -> Floats:
        """Return the positions of scaled places in the picture, in pixels; NaN where the lens shows none."""
        coefficients, center = self.lens(numbers)
        try:
            undistorted = self.undistorted_positions(numbers, grid)
            return distorted(undistorted, self.model, coefficients, center, self.radius)
        except ValueError:  # the coefficients turn the center inside out
            return np.full_like(grid, np.nan)

    def residuals(self, numbers: Floats) -> Floats:
        """Return the differences between model and points, in pixels, as a flat array."""
        return np.nan_to_num(self.positions(numbers, self.grid) - self.target.points, nan=FAR).ravel()

    def initial(self) -> Floats:
        """Return the numbers of the homography that fits the points without distortion."""
        points = (self.target.points - self.middle) / self.radius
        (y, x), (down, right) = self.grid.T, points.T
        one, zero = np.ones_like(x), np.zeros_like(x)
        rows = np.stack([y, x, one, zero, zero, zero, -y * down, -x * down, -down], axis=1)
        columns = np.stack([zero, zero, zero, y, x, one, -y * right, -x * right, -right], axis=1)
        matrix = np.linalg.svd(np.concatenate([rows, columns]), full_matrices=False)[2][-1]
        numbers = np.zeros(self.size)
        numbers[:8] = (matrix / matrix[8])[:8]
        return numbers


def fit(target: Target, model: Model = "poly3", *, spacing: float = 1.0, center: Pair | None = None) -> Calibration:
    """Return the calibration that fits the points of a target best.

    Parameters
    ----------
    target
        Target found by `find_target`.
    model
        Model of `correct_distortion`: "poly3", "poly5", "ptlens" or "brown".
    spacing
        Distance between neighboring points of the target, in any unit.
    center
        Position (row, column) of the optical axis in pixels, if it is known; otherwise it is estimated.

    Raises
    ------
    ValueError
        If the points do not determine the lens, because they are too few or too close to each other or to the middle.

    References
    ----------
    .. [1] Z. Zhang, "A flexible new technique for camera calibration", IEEE Trans. PAMI 22 (2000).
    .. [2] F. Devernay and O. Faugeras, "Straight lines have to be straight", Machine Vision and Applications 13 (2001).
    """
    return fit_with_projection(target, model, spacing, center)[0]


def fit_with_projection(
    target: Target, model: Model, spacing: float, center: Pair | None
) -> tuple[Calibration, Callable[[Floats], Floats]]:
    """Fit as `fit` does; also return the function that projects places of the grid to positions in the picture."""
    if model not in COEFFICIENTS:
        raise ValueError(f"model={model!r}: must be one of {', '.join(map(repr, COEFFICIENTS))}")
    if not (np.isfinite(spacing) and spacing > 0):
        raise ValueError(f"spacing={spacing!r}: must be a finite number greater than 0")
    middle = center or ((target.shape[0] - 1) / 2, (target.shape[1] - 1) / 2)
    radius = half_shorter_side(target.shape)
    problem = _Problem(target, model, middle, radius, center is None)
    _check(problem)
    numbers = _solve(problem)
    inliers = _find_inliers(problem.residuals(numbers).reshape(-1, 2))
    left_out = int((~inliers).sum())
    if left_out:
        target = Target(target.points[inliers], target.places[inliers], target.shape)
        problem = _Problem(target, model, middle, radius, center is None)
        _check(problem)
        numbers = _solve(problem)
    calibration = _describe(problem, numbers, left_out, spacing)
    return calibration, lambda places: problem.positions(numbers, problem.scale(places))


def _check(problem: _Problem) -> None:
    """Raise ValueError for too few points."""
    count, least = len(problem.target.points), int(np.ceil(MIN_RATIO * problem.size / 2))
    lines = [len(np.unique(problem.target.places[:, axis])) for axis in (0, 1)]
    if count < least or min(lines) < 3:
        raise ValueError(
            f"points={count}: must be at least {max(least, 9)} points, in at least 3 rows and 3 columns, to determine"
            f" the model {problem.model!r}"
        )


def _solve(problem: _Problem) -> Floats:
    """Return the fitted numbers; the center is fitted last, after all others."""
    numbers = problem.initial()
    stages = [8 + len(problem.names), problem.size] if problem.finds_center else [problem.size]
    for count in stages:
        rest = numbers[count:]
        found = least_squares(
            lambda some, rest=rest: problem.residuals(np.concatenate([some, rest])), numbers[:count], method="lm",
            x_scale="jac", xtol=1e-12, ftol=1e-12, gtol=1e-12, max_nfev=200 * count,
        )  # fmt: skip
        numbers = np.concatenate([found.x, rest])
    return numbers


def _find_inliers(residuals: Floats) -> NDArray[np.bool_]:
    """Return which points are not outliers."""
    distance = np.hypot(*residuals.T)
    sigma = float(np.median(distance)) / 1.1774  # the median of a Rayleigh distribution
    return np.asarray(distance <= max(OUTLIER * sigma, 0.05))


def _derivative(function: Any, numbers: Floats) -> Floats:
    """Return the derivatives of a function by all numbers, from central differences."""
    steps = 1e-5 * np.maximum(np.abs(numbers), 1e-2)
    columns = []
    for k, step in enumerate(steps):
        ends = [function(numbers + sign * step * np.eye(len(numbers))[k]) for sign in (1, -1)]
        columns.append((ends[0] - ends[1]) / (2 * step))
    return np.stack(columns, axis=1)


def _describe(problem: _Problem, numbers: Floats, left_out: int, spacing: float) -> Calibration:
    """Return the calibration with its errors; raise ValueError if the points do not determine the lens."""
    target, (coefficients, center) = problem.target, problem.lens(numbers)
    residuals = problem.residuals(numbers)
    covariance = _covariance(problem, numbers, residuals)
    error = _correction_error(problem, numbers, covariance)
    limit = MAX_ERROR * float(np.hypot(*target.shape)) / 2
    misfit = float(np.sqrt(2 * np.mean(residuals**2)))
    if not error <= limit:
        reason = (
            f"the correction would be uncertain by {quantity(error, 'px', 3)} somewhere in the picture, more than"
            f" {quantity(limit, 'px', 2)}"
            if np.isfinite(error)
            else "some of its numbers remain free, or it folds the picture where there are no points"
        )
        raise ValueError(
            f"points={len(target.points)}: must determine the model {problem.model!r}, which they miss by"
            f" {quantity(misfit, 'px', 2)}; {reason}. Let the target fill the picture, choose"
            " another model, or give the center"
        )
    deviation = np.sqrt(np.diag(covariance))[8:]
    names = [*problem.names, *(("row", "column") if problem.finds_center else ())]
    scales = [1.0] * len(problem.names) + [problem.radius] * 2
    errors = {name: float(s * d) for name, d, s in zip(names, deviation, scales, strict=False)}
    sizes = _pixel_sizes(problem, numbers, spacing)
    calibration = Calibration(
        problem.model, dict(zip(problem.names, coefficients, strict=True)), center, problem.radius, errors, target,
        left_out, straightness(target.points, target.places), 0.0, misfit, error,
        float(np.median(sizes)), float(sizes.max() / sizes.min() - 1),
    )  # fmt: skip
    return replace(calibration, after=straightness(calibration.corrected(target.points), target.places))


def _covariance(problem: _Problem, numbers: Floats, residuals: Floats) -> Floats:
    """Return the covariance of the numbers; infinite if the points do not determine some combination of them."""
    jacobian = _derivative(problem.residuals, numbers)
    scale = np.linalg.norm(jacobian, axis=0)
    if not (np.isfinite(jacobian).all() and scale.all()):
        return np.full((problem.size,) * 2, np.inf)
    _, singular_values, directions = np.linalg.svd(jacobian / scale, full_matrices=False)
    if singular_values[-1] < 1e-9 * singular_values[0]:
        return np.full((problem.size,) * 2, np.inf)
    root = (directions.T / singular_values) / scale[:, None]
    return np.asarray(root @ root.T * float(residuals @ residuals) / max(residuals.size - problem.size, 1))


def _correction_error(problem: _Problem, numbers: Floats, covariance: Floats) -> float:
    """Return the largest standard error of corrected positions over the picture, in pixels.

    Only errors that bend lines count: a homography of the whole undistorted picture is not an error.
    """
    if not np.isfinite(covariance).all():
        return float("inf")
    rows, columns = (np.linspace(0, n - 1, 9) for n in problem.target.shape)
    points = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)

    def correct(some: Floats) -> Floats:
        coefficients, center = problem.lens(np.concatenate([numbers[:8], some]))
        return undistorted(points, problem.model, coefficients, center, problem.radius).ravel()

    jacobian = _derivative(correct, numbers[8:])
    if not np.isfinite(jacobian).all():
        return float("inf")
    y, x = ((points - problem.middle) / problem.radius).T
    one, zero = np.ones_like(x), np.zeros_like(x)
    down = np.stack([y, x, one, zero, zero, zero, y * y, y * x], axis=1)
    right = np.stack([zero, zero, zero, y, x, one, x * y, x * x], axis=1)
    homography = np.stack([down, right], axis=1).reshape(-1, 8)
    jacobian = jacobian - homography @ np.linalg.lstsq(homography, jacobian, rcond=None)[0]
    variance = np.einsum("ij,jk,ik->i", jacobian, covariance[8:, 8:], jacobian).reshape(-1, 2).sum(axis=1)
    return float(np.sqrt(max(variance.max(initial=0.0), 0.0)))


def _pixel_sizes(problem: _Problem, numbers: Floats, spacing: float) -> Floats:
    """Return the size of a pixel of the undistorted picture at every point of the target."""
    step = 1e-4
    ends = [
        [problem.undistorted_positions(numbers, problem.grid + sign * step * np.eye(2)[axis]) for sign in (1, -1)]
        for axis in (0, 1)
    ]
    (dy, dx) = ((a - b) / (2 * step) for a, b in ends)
    area = np.abs(dy[:, 0] * dx[:, 1] - dy[:, 1] * dx[:, 0])  # square pixels per square unit of the scaled grid
    unit = np.ptp(problem.target.places.astype(float), axis=0).max() / 2 * spacing
    return np.asarray(unit / np.sqrt(area))
