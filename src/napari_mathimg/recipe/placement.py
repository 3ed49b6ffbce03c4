"""The placement of a result in the world, by plain arrays, so that any viewer can use it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engine import Plan

DEFAULT_AXES = ("t", "c", "z", "y", "x")
PIXEL = "pixel"
ROUNDING = 1e-12  # relative; smaller entries of a matrix are not distinguished from zero
Matrix = NDArray[Any]


@dataclass(frozen=True)
class Placement:
    """The placement of an array of n axes: ``affine @ matrix`` maps an index to world coordinates.

    The linear part of `matrix` is ``rotate @ shear @ diag(scale)``. The parts are kept because they cannot be found
    again from their product: a mirrored axis may be in `scale` as well as in `rotate`.

    Parameters
    ----------
    scale
        Pixel size of each axis, of shape (n,); negative along a mirrored axis.
    translate
        Position of the first pixel, of shape (n,).
    rotate, shear
        Orthogonal matrix, and triangular matrix with ones on the diagonal, of shape (n, n).
    affine
        Matrix of shape (n + 1, n + 1) of a later transform of the whole image.
    units
        Unit of each world axis.
    axis_labels
        Name of each axis.
    """

    scale: Matrix
    translate: Matrix
    rotate: Matrix
    shear: Matrix
    affine: Matrix
    units: tuple[Any, ...]
    axis_labels: tuple[str, ...]

    @property
    def linear(self) -> Matrix:
        """The linear part of `matrix`."""
        product: Matrix = self.rotate @ self.shear @ np.diag(self.scale)
        return product

    @property
    def matrix(self) -> Matrix:
        """The matrix, of shape (n + 1, n + 1), that is applied before `affine`."""
        return _homogeneous(self.linear, self.translate)

    def moved(self, matrix: Matrix) -> "Placement":
        """Return the placement of an array whose indices a matrix maps to those of this one.

        Everything is kept that the matrix does not change: one that only shifts changes `translate`, one that
        stretches axes also `scale`. The product with any other one is decomposed; mirrored axes stay so.
        """
        linear = matrix[:-1, :-1]
        translate = self.linear @ matrix[:-1, -1] + self.translate
        factors = np.diag(linear)
        if factors.all() and _is_small(linear - np.diag(factors), linear):
            return replace(self, scale=self.scale * factors, translate=translate)
        rotate, shear, scale = decompose(self.linear @ linear, np.sign(self.scale))
        return replace(self, scale=scale, translate=translate, rotate=rotate, shear=shear)

    def on(self, axes: Sequence[int]) -> "Placement":
        """Return the placement on some axes alone."""
        some = list(axes)
        both, whole = np.ix_(some, some), [*some, len(self.scale)]
        kept = Placement(
            self.scale[some], self.translate[some], self.rotate[both], self.shear[both],
            self.affine[np.ix_(whole, whole)], tuple(self.units[k] for k in some),
            tuple(self.axis_labels[k] for k in some),
        )  # fmt: skip
        linear = self.linear[both]
        if _is_small(kept.linear - linear, linear):
            return kept
        rotate, shear, scale = decompose(linear, np.sign(kept.scale))
        return replace(kept, rotate=rotate, shear=shear, scale=scale)


def decompose(linear: Matrix, signs: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Return rotate, shear and scale, whose product is a linear matrix, with given signs of the scale."""
    rotate, upper = np.linalg.qr(linear * signs)
    positive = np.where(np.diag(upper) < 0, -1.0, 1.0)
    rotate, upper = rotate * positive, upper * positive[:, None]
    size = np.diag(upper)
    return rotate, np.triu(upper / size, 1) + np.eye(len(size)), size * signs


def place_result(source: Placement, plan: Plan) -> Placement:
    """Return the placement of the result of a plan, from the placement of its source.

    An axis that the operation drops remains, as one pixel that covers it, where `kept_axis` says so.
    """
    placed = source.moved(plan.placement)
    if plan.dropped is not None and kept_axis(source, plan) is None:
        return placed.on(range(1, len(placed.scale)))
    if plan.frames is None:
        return placed
    return Placement(
        scale=np.array([plan.frames.step, *placed.scale]),
        translate=np.array([plan.frames.first, *placed.translate]),
        rotate=_with_first_axis(placed.rotate),
        shear=_with_first_axis(placed.shear),
        affine=_with_first_axis(source.affine),
        units=(PIXEL, *source.units),
        axis_labels=(plan.frames.name, *axis_names(source.axis_labels)),
    )


def kept_axis(source: Placement, plan: Plan) -> int | None:
    """Return the axis that an operation drops but that a layer keeps, with a length of 1; None if there is none.

    Viewers align layers by their last axes, so that only the first axis may be missing; and only if it is mixed with no
    other, because the rest would lie elsewhere without it.
    """
    if plan.dropped is None:
        return None
    axis = sorted(plan.source.given_places).index(plan.dropped)
    for matrix in (source.matrix, source.affine):
        mixed = np.abs(np.concatenate([matrix[0, 1:-1], matrix[1:-1, 0]]))
        if axis or mixed.max(initial=0) > 1e-9 * np.abs(matrix[:-1, :-1]).max():
            return axis
    return None


def axis_names(axis_labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of axes, or those usual in microscopy if the axes are only numbered."""
    n = len(axis_labels)
    if all(axis_labels) and not any(label.lstrip("-").isdigit() for label in axis_labels):
        return axis_labels
    return DEFAULT_AXES[len(DEFAULT_AXES) - n :] if n <= len(DEFAULT_AXES) else tuple(map(str, range(n)))


def _homogeneous(linear: Matrix, translate: Matrix) -> Matrix:
    matrix = np.eye(len(linear) + 1)
    matrix[:-1, :-1], matrix[:-1, -1] = linear, translate
    return matrix


def _is_small(rest: Matrix, matrix: Matrix) -> bool:
    return bool(np.abs(rest).max() <= ROUNDING * np.abs(matrix).max())


def _with_first_axis(matrix: Matrix) -> Matrix:
    """Return the matrix with one more axis before all others, on which it acts as the identity."""
    out = np.eye(len(matrix) + 1)
    out[1:, 1:] = matrix
    return out
