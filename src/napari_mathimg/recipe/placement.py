"""The rule that puts a result where its content lies in the world; matrices alone, so that any viewer can use it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engine import Plan

DEFAULT_AXES = ("t", "c", "z", "y", "x")
PIXEL = "pixel"


@dataclass(frozen=True)
class Placement:
    """Where the pixels of an array lie: ``affine @ matrix`` takes an index to the world.

    Parameters
    ----------
    matrix, affine
        (n + 1, n + 1) matrices; `matrix` holds the pixel size, `affine` what was done to the whole image since.
    units
        Units of the world, one for each axis.
    axis_labels
        Names of the axes.
    """

    matrix: NDArray[Any]
    affine: NDArray[Any]
    units: tuple[Any, ...]
    axis_labels: tuple[str, ...]


def place_result(source: Placement, plan: Plan) -> Placement:
    """Return where the result of a plan lies, its source lying where it does."""
    placed = replace(source, matrix=source.matrix @ plan.placement)
    if plan.frames is None:
        return placed
    matrix = _with_first_axis(placed.matrix)
    matrix[0, 0], matrix[0, -1] = plan.frames.step, plan.frames.first
    names = (plan.frames.name, *axis_names(source.axis_labels))
    return Placement(matrix, _with_first_axis(source.affine), (PIXEL, *source.units), names)


def axis_names(axis_labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of axes; those usual in microscopy where they have only numbers."""
    n = len(axis_labels)
    if all(axis_labels) and not any(label.lstrip("-").isdigit() for label in axis_labels):
        return axis_labels
    return DEFAULT_AXES[len(DEFAULT_AXES) - n :] if n <= len(DEFAULT_AXES) else tuple(map(str, range(n)))


def _with_first_axis(matrix: NDArray[Any]) -> NDArray[Any]:
    """Return the matrix for one more axis before all others, which stands alone."""
    out = np.eye(len(matrix) + 1)
    out[1:, 1:] = matrix
    return out
