"""The lens that explains how a target is seen, by least squares."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from ..distortion import COEFFICIENTS, distorted, half_shorter_side, undistorted
from .line_straightness import straightness
from .target import Target

Floats = NDArray[np.float64]
Model = Literal["poly3", "poly5", "ptlens", "brown"]
Pair = tuple[float, float]

OUTLIER = 5.0  # robust standard deviations from which a point is left out
SPARE = 1.5  # coordinates for each number that is sought, at least
UNSURE = 0.005  # of half the diagonal: standard error of the correction from which it is not determined
FAR = 1e3  # pixels by which a point misses where the model shows nothing


@dataclass(frozen=True, eq=False)
class Calibration:
    """What a picture of a target says about the lens.

    Parameters
    ----------
    model, coefficients, center, radius
        What `correct_distortion` takes: the center as (row, column) in pixels, and the pixels at which r is 1.
    errors
        Standard errors of the coefficients, and of "row" and "column" of the center where it was sought.
    target
        The points, less those left out.
    left_out
        Number of points that do not fit.
    before, after
        How far the points lie from straight lines, before and after the correction: root mean square, in pixels.
    misfit
        Root mean square distance between points and model, in pixels.
    unsure
        Standard error of the correction where in the picture it is largest: of the way by which points go wrong, in
        pixels.
    pixel_size
        Size of a pixel of the corrected picture in the middle of the target, in the unit of its spacing.
    uneven
        By how much pixel sizes differ over the target, because it was tilted: largest over smallest, less 1.
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
        """Return where points of the picture lie when it is straightened, at a scale of 1."""
        return undistorted(points, self.model, tuple(self.coefficients.values()), self.center, self.radius)


@dataclass(frozen=True, eq=False)
class _Question:
    """Which numbers are sought, and how points depend on them.

    The first eight are the homography from the grid to the straight picture, both in units about 1; then follow the
    coefficients, and the center's way from the middle of the picture in units of `radius`, where it is sought.
    """

    target: Target
    model: Model
    middle: Pair
    radius: float
    finds_center: bool

    @cached_property
    def grid(self) -> Floats:
        """The points' places, in units about 1."""
        return self.scaled(self.target.places)

    def scaled(self, places: NDArray[Any]) -> Floats:
        """Places of the grid in the units of the homography."""
        own = self.target.places
        return np.asarray(2.0 * (places - own.min(axis=0)) / np.ptp(own, axis=0).max() - 1)

    @property
    def names(self) -> tuple[str, ...]:
        """Coefficients."""
        return COEFFICIENTS[self.model]

    @property
    def size(self) -> int:
        """How many numbers are sought."""
        return 8 + len(self.names) + 2 * self.finds_center

    def lens(self, numbers: Floats) -> tuple[tuple[float, ...], Pair]:
        """Coefficients and center."""
        count = len(self.names)
        shift = numbers[8 + count :] if self.finds_center else (0.0, 0.0)
        row, column = (float(m + self.radius * s) for m, s in zip(self.middle, shift, strict=True))
        return tuple(float(v) for v in numbers[8 : 8 + count]), (row, column)

    def straight(self, numbers: Floats, grid: Floats) -> Floats:
        """Places of the grid in the straight picture, in pixels."""
        matrix = np.append(numbers[:8], 1.0).reshape(3, 3)
        down, right, depth = matrix @ np.column_stack([grid, np.ones(len(grid))]).T
        return np.asarray(np.stack([down, right], axis=1) / depth[:, None] * self.radius + self.middle)

    def seen(self, numbers: Floats, grid: Floats) -> Floats:
        """Where places of the grid are seen, in pixels; NaN where they are not."""
        coefficients, center = self.lens(numbers)
        try:
            return distorted(self.straight(numbers, grid), self.model, coefficients, center, self.radius)
        except ValueError:  # no lens has such coefficients
            return np.full_like(grid, np.nan)

    def misses(self, numbers: Floats) -> Floats:
        """How far the model misses the points, in pixels; flat."""
        return np.nan_to_num(self.seen(numbers, self.grid) - self.target.points, nan=FAR).ravel()

    def begin(self) -> Floats:
        """Return the homography of the points as they are, and no distortion."""
        seen = (self.target.points - self.middle) / self.radius
        (y, x), (down, right) = self.grid.T, seen.T
        one, none = np.ones_like(x), np.zeros_like(x)
        rows = np.stack([y, x, one, none, none, none, -y * down, -x * down, -down], axis=1)
        columns = np.stack([none, none, none, y, x, one, -y * right, -x * right, -right], axis=1)
        matrix = np.linalg.svd(np.concatenate([rows, columns]), full_matrices=False)[2][-1]
        out = np.zeros(self.size)
        out[:8] = (matrix / matrix[8])[:8]
        return out


def fit(target: Target, model: Model = "poly3", *, spacing: float = 1.0, center: Pair | None = None) -> Calibration:
    """Return the lens under which a target's grid is seen as it is.

    Parameters
    ----------
    target
        From `find_target`.
    model
        A model of `correct_distortion`: "poly3", "poly5", "ptlens" or "brown".
    spacing
        Distance of neighboring points of the target, in any unit.
    center
        Where the lens's axis meets the picture, (row, column) in pixels, if that is known; else it is sought.

    Raises
    ------
    ValueError
        If the points do not determine the lens: too few, or too near to each other or to the middle.

    References
    ----------
    .. [1] Z. Zhang, "A flexible new technique for camera calibration", IEEE Trans. PAMI 22 (2000).
    .. [2] F. Devernay and O. Faugeras, "Straight lines have to be straight", Machine Vision and Applications 13 (2001).
    """
    return explained(target, model, spacing, center)[0]


def explained(
    target: Target, model: Model, spacing: float, center: Pair | None
) -> tuple[Calibration, Callable[[Floats], Floats]]:
    """Return what `fit` does, and what takes places of the grid to where the lens shows them."""
    if model not in COEFFICIENTS:
        raise ValueError(f"model={model!r}: one of {', '.join(map(repr, COEFFICIENTS))}")
    if not (np.isfinite(spacing) and spacing > 0):
        raise ValueError(f"spacing={spacing!r}: a finite number, greater than 0")
    middle = center or ((target.shape[0] - 1) / 2, (target.shape[1] - 1) / 2)
    radius = half_shorter_side(target.shape)
    question = _Question(target, model, middle, radius, center is None)
    _check(question)
    numbers = _solve(question)
    kept = _fitting(question.misses(numbers).reshape(-1, 2))
    left_out = int((~kept).sum())
    if left_out:
        target = Target(target.points[kept], target.places[kept], target.shape)
        question = _Question(target, model, middle, radius, center is None)
        _check(question)
        numbers = _solve(question)
    found = _described(question, numbers, left_out, spacing)
    return found, lambda places: question.seen(numbers, question.scaled(places))


def _check(question: _Question) -> None:
    """Refuse points that are too few for the numbers sought."""
    count, least = len(question.target.points), int(np.ceil(SPARE * question.size / 2))
    lines = [len(np.unique(question.target.places[:, axis])) for axis in (0, 1)]
    if count < least or min(lines) < 3:
        raise ValueError(
            f"points={count}: the model {question.model!r} is not determined; it wants {max(least, 9)} points or more,"
            " in at least 3 rows and 3 columns"
        )


def _solve(question: _Question) -> Floats:
    """Find the numbers: first with the center where it is assumed, then with all of them."""
    numbers = question.begin()
    stages = [8 + len(question.names), question.size] if question.finds_center else [question.size]
    for count in stages:
        rest = numbers[count:]
        found = least_squares(
            lambda some, rest=rest: question.misses(np.concatenate([some, rest])), numbers[:count], method="lm",
            x_scale="jac", xtol=1e-12, ftol=1e-12, gtol=1e-12, max_nfev=200 * count,
        )  # fmt: skip
        numbers = np.concatenate([found.x, rest])
    return numbers


def _fitting(misses: Floats) -> NDArray[np.bool_]:
    """Which points are no outliers."""
    distance = np.hypot(*misses.T)
    usual = float(np.median(distance)) / 1.1774  # the median of Rayleigh's distribution
    return np.asarray(distance <= max(OUTLIER * usual, 0.05))


def _derivative(function: Any, numbers: Floats) -> Floats:
    """Central differences of a function of all numbers."""
    steps = 1e-5 * np.maximum(np.abs(numbers), 1e-2)
    columns = []
    for k, step in enumerate(steps):
        ends = [function(numbers + sign * step * np.eye(len(numbers))[k]) for sign in (1, -1)]
        columns.append((ends[0] - ends[1]) / (2 * step))
    return np.stack(columns, axis=1)


def _described(question: _Question, numbers: Floats, left_out: int, spacing: float) -> Calibration:
    """Say what was found, and how sure it is; refuse what is not determined."""
    target, (coefficients, center) = question.target, question.lens(numbers)
    misses = question.misses(numbers)
    covariance = _covariance(question, numbers, misses)
    unsure = _unsure(question, numbers, covariance)
    limit = UNSURE * float(np.hypot(*target.shape)) / 2
    misfit = float(np.sqrt(2 * np.mean(misses**2)))
    if not unsure <= limit:
        what = (
            f"its correction would be uncertain by {unsure:.3g} px somewhere in the picture, more than {limit:.2g} px"
            if np.isfinite(unsure)
            else "the points leave some of its numbers free, or it folds the picture where there are no points"
        )
        raise ValueError(
            f"points={len(target.points)}: the model {question.model!r} is not determined; they miss it by {misfit:.2g}"
            f" px, and {what}. Let the target fill the picture, choose another model, or give the center"
        )
    deviation = np.sqrt(np.diag(covariance))[8:]
    names = [*question.names, *(("row", "column") if question.finds_center else ())]
    scales = [1.0] * len(question.names) + [question.radius] * 2
    errors = {name: float(s * d) for name, d, s in zip(names, deviation, scales, strict=False)}
    sizes = _pixel_sizes(question, numbers, spacing)
    found = Calibration(
        question.model, dict(zip(question.names, coefficients, strict=True)), center, question.radius, errors, target,
        left_out, straightness(target.points, target.places), 0.0, misfit, unsure,
        float(np.median(sizes)), float(sizes.max() / sizes.min() - 1),
    )  # fmt: skip
    object.__setattr__(found, "after", straightness(found.corrected(target.points), target.places))
    return found


def _covariance(question: _Question, numbers: Floats, misses: Floats) -> Floats:
    """Covariance of the numbers from the misfit; infinite where the points leave some combination free."""
    jacobian = _derivative(question.misses, numbers)
    scale = np.linalg.norm(jacobian, axis=0)
    if not (np.isfinite(jacobian).all() and scale.all()):
        return np.full((question.size,) * 2, np.inf)
    _, strength, turn = np.linalg.svd(jacobian / scale, full_matrices=False)
    if strength[-1] < 1e-9 * strength[0]:
        return np.full((question.size,) * 2, np.inf)
    half = (turn.T / strength) / scale[:, None]
    return np.asarray(half @ half.T * float(misses @ misses) / max(misses.size - question.size, 1))


def _unsure(question: _Question, numbers: Floats, covariance: Floats) -> float:
    """Largest standard error of the correction over the edge and the inside of the picture, in pixels.

    Only what bends lines counts: a shift, turn or tilt of all of the straight picture is no error.
    """
    if not np.isfinite(covariance).all():
        return float("inf")
    rows, columns = (np.linspace(0, n - 1, 9) for n in question.target.shape)
    places = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)

    def moved(some: Floats) -> Floats:
        coefficients, center = question.lens(np.concatenate([numbers[:8], some]))
        return undistorted(places, question.model, coefficients, center, question.radius).ravel()

    jacobian = _derivative(moved, numbers[8:])
    if not np.isfinite(jacobian).all():
        return float("inf")
    y, x = ((places - question.middle) / question.radius).T
    one, none = np.ones_like(x), np.zeros_like(x)
    down = np.stack([y, x, one, none, none, none, y * y, y * x], axis=1)
    right = np.stack([none, none, none, y, x, one, x * y, x * x], axis=1)
    plain = np.stack([down, right], axis=1).reshape(-1, 8)
    jacobian = jacobian - plain @ np.linalg.lstsq(plain, jacobian, rcond=None)[0]
    variance = np.einsum("ij,jk,ik->i", jacobian, covariance[8:, 8:], jacobian).reshape(-1, 2).sum(axis=1)
    return float(np.sqrt(max(variance.max(initial=0.0), 0.0)))


def _pixel_sizes(question: _Question, numbers: Floats, spacing: float) -> Floats:
    """Size of a pixel of the straight picture at every point of the target."""
    step = 1e-4
    ends = [
        [question.straight(numbers, question.grid + sign * step * np.eye(2)[axis]) for sign in (1, -1)]
        for axis in (0, 1)
    ]
    (dy, dx) = ((a - b) / (2 * step) for a, b in ends)
    area = np.abs(dy[:, 0] * dx[:, 1] - dy[:, 1] * dx[:, 0])  # pixels for a unit of the grid, squared
    unit = np.ptp(question.target.places.astype(float), axis=0).max() / 2 * spacing
    return np.asarray(unit / np.sqrt(area))
