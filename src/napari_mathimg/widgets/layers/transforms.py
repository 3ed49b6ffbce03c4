"""The placement of a layer in the world, part by part, and the shape of its pixels there."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Layer
from numpy.typing import NDArray

from ...contract.operation import Operation
from ...recipe.names import cut_middle
from ...recipe.placement import Placement
from .levels import factors

Matrix = NDArray[Any]
SHEARED = 1e-6  # cosine of the angle between rows and columns from which on pixels count as sheared


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


def displayed_pixel(layer: Layer, level: int = 0, axes: Sequence[int] = (-2, -1)) -> tuple[float, float]:
    """Return the size of a pixel of a level along the rows and columns of planes with some axes, in a common unit.

    The first is negative if the layer is displayed mirrored: rows then go up where columns go to the right.

    Raises
    ------
    ValueError
        If pixels are sheared in the world, so that rotated content would be.
    """
    placement = placement_of(layer)
    linear = placement.affine[:-1, :-1] @ placement.linear
    sizes = [(1 * unit).to_base_units() for unit in layer.units]
    plane_axes = list(axes)
    same = sizes[plane_axes[0]].units == sizes[plane_axes[1]].units
    to_base = np.array([float(size.magnitude) if same else 1.0 for size in sizes])
    plane = (to_base[:, None] * linear)[:, plane_axes] * factors(layer, level)[plane_axes]
    high, wide = np.linalg.norm(plane, axis=0)
    if abs(plane[:, 0] @ plane[:, 1]) > SHEARED * high * wide:
        raise ValueError(f"the pixels of {cut_middle(layer.name)!r} are sheared; undo the shear first")
    turn = np.linalg.det(plane[plane_axes])
    mirrored = turn < -SHEARED * high * wide
    high, wide = float(f"{high / wide:.12g}"), 1.0
    return (-high if mirrored else high), wide


def check_turnable(operation: Operation, layer: Layer, axes: Sequence[int] = (-2, -1)) -> None:
    """Raise ValueError if an operation turns content as displayed and the pixels of a layer are sheared."""
    if operation.rigid:
        try:
            displayed_pixel(layer, axes=axes)
        except ValueError as error:
            raise ValueError(f"{operation.title} turns the image as displayed: {error}") from None
