"""A layer's own transform as napari stores it, and the shape of its pixels in the world."""

from typing import Any

import numpy as np
from napari.layers import Layer
from napari.utils.transforms import Affine

from ...contract.operation import Operation


def own_transform(layer: Layer) -> Affine:
    """Return the transform of a layer's scale, translate, rotate and shear, which napari applies before `affine`."""
    return Affine(scale=layer.scale, translate=layer.translate, rotate=layer.rotate, shear=layer.shear, ndim=layer.ndim)


def shear_of(transform: Any) -> Any:
    """Return a transform's shear, one number per pair of axes; without shear, napari gives one zero per axis."""
    shear = np.asarray(transform.shear)
    return shear if shear.any() else np.zeros(len(transform.scale) * (len(transform.scale) - 1) // 2)


def check_square(operation: Operation, layer: Layer) -> None:
    """Raise ValueError if an operation rotates and the pixels are not square in the world: it would shear."""
    if not operation.rigid:
        return
    state = [Affine(scale=t.scale, rotate=t.rotate, shear=shear_of(t), ndim=layer.ndim) for t in (layer.affine, layer)]
    matrix = state[0].linear_matrix @ state[1].linear_matrix
    to_base = np.array([float((1 * unit).to_base_units().magnitude) for unit in layer.units])
    plane = (to_base[:, None] * matrix)[:, -2:]
    square = plane.T @ plane
    if not np.allclose(square, square[0, 0] * np.eye(2), rtol=0, atol=1e-6 * square.max()):
        rows, columns = (np.linalg.norm(matrix[:, k]) for k in (-2, -1))
        size = f"{rows:g} x {columns:g} {layer.units[-1]:~P}"
        sheared = abs(square[0, 1]) > 1e-6 * square.max()
        raise ValueError(
            f"{operation.title} needs square pixels: those of {layer.name!r} are {'sheared' if sheared else size};"
            f" {'undo the shear' if sheared else 'rescale the layer'} first"
        )
