"""The placement of a layer in the world, part by part, and the shape of its pixels there."""

from typing import Any

import numpy as np
from napari.layers import Layer
from numpy.typing import NDArray

from ...contract.operation import Operation
from ...recipe.placement import Placement

Matrix = NDArray[Any]


def placement_of(layer: Layer) -> Placement:
    """Return the placement of a layer's array at full resolution."""
    shear = np.asarray(layer.shear, float)
    if shear.ndim == 1:  # one number per pair of axes
        upper = np.eye(layer.ndim)
        upper[np.triu_indices(layer.ndim, 1)] = shear
        shear = upper
    return Placement(
        np.array(layer.scale, float), np.array(layer.translate, float), np.array(layer.rotate, float), shear,
        np.array(layer.affine.affine_matrix), tuple(layer.units), tuple(layer.axis_labels),
    )  # fmt: skip


def layer_arguments_of(placement: Placement) -> dict[str, Any]:
    """Return the layer arguments for a placement, from which napari composes the same matrix."""
    names = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
    return {name: getattr(placement, name) for name in names}


def check_square(operation: Operation, layer: Layer) -> None:
    """Raise ValueError if an operation rotates and the pixels are not square in the world: it would shear."""
    if not operation.rigid:
        return
    matrix = placement_of(layer)
    linear = matrix.affine[:-1, :-1] @ matrix.linear
    to_base = np.array([float((1 * unit).to_base_units().magnitude) for unit in layer.units])
    plane = (to_base[:, None] * linear)[:, -2:]
    square = plane.T @ plane
    if not np.allclose(square, square[0, 0] * np.eye(2), rtol=0, atol=1e-6 * square.max()):
        rows, columns = (np.linalg.norm(linear[:, k]) for k in (-2, -1))
        size = f"{rows:g} x {columns:g} {layer.units[-1]:~P}"
        sheared = abs(square[0, 1]) > 1e-6 * square.max()
        raise ValueError(
            f"{operation.title} needs square pixels: those of {layer.name!r} are {'sheared' if sheared else size};"
            f" {'undo the shear' if sheared else 'rescale the layer'} first"
        )
