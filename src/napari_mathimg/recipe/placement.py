"""The placement of a result in the world, by matrices alone, so that any viewer can use it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engine import Plan

DEFAULT_AXES = ("t", "c", "z", "y", "x")
PIXEL = "pixel"


@dataclass(frozen=True)
class Placement:
    """The placement of an array: ``affine @ matrix`` maps an index to world coordinates.

    Parameters
    ----------
    matrix, affine
        Matrices of shape (n + 1, n + 1). `matrix` contains the pixel size, and `affine` a later transform of the whole
        image.
    units
        Unit of each world axis.
    axis_labels
        Name of each axis.
    """

    matrix: NDArray[Any]
    affine: NDArray[Any]
    units: tuple[Any, ...]
    axis_labels: tuple[str, ...]


def place_result(source: Placement, plan: Plan) -> Placement:
    """Return the placement of the result of a plan, from the placement of its source.

    An axis that the operation drops remains, as one pixel that covers it, where `kept_axis` says so.
    """
    placed = replace(source, matrix=source.matrix @ plan.placement)
    if plan.dropped is not None and kept_axis(source, plan) is None:
        return _without_first_axis(placed)
    if plan.frames is None:
        return placed
    matrix = _with_first_axis(placed.matrix)
    matrix[0, 0], matrix[0, -1] = plan.frames.step, plan.frames.first
    names = (plan.frames.name, *axis_names(source.axis_labels))
    return Placement(matrix, _with_first_axis(source.affine), (PIXEL, *source.units), names)


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


def _without_first_axis(placement: Placement) -> Placement:
    """Return a placement without the first axis."""
    units, names = placement.units[1:], placement.axis_labels[1:]
    return Placement(placement.matrix[1:, 1:], placement.affine[1:, 1:], units, names)


def _with_first_axis(matrix: NDArray[Any]) -> NDArray[Any]:
    """Return the matrix with one more axis before all others, on which it acts as the identity."""
    out = np.eye(len(matrix) + 1)
    out[1:, 1:] = matrix
    return out
