"""The plane of the last two axes of a layer, in one of its levels: where it lies in the world, which one is shown."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from napari.layers import Layer
from napari.utils.transforms import Affine
from numpy.typing import NDArray

from .levels import array_of, into_full, position_at
from .transforms import own_transform, shear_of
from .units import unit_factor

Matrix = NDArray[Any]
Points = tuple[tuple[float, float], ...]


def plane_to_world(layer: Layer, level: int = 0) -> Matrix:
    """Return the map of (row, column, 1) of a level to the last two axes of the world, both in the last one's unit.

    Raises
    ------
    ValueError
        If the planes of the layer are not parallel to those of the world: turned or sheared out of them.
    """
    whole = np.eye(layer.ndim + 1)
    for transform in (into_full(layer, level), own_transform(layer), layer.affine):
        whole = np.asarray(transform.affine_matrix) @ whole
    lead, plane = slice(0, layer.ndim - 2), slice(layer.ndim - 2, layer.ndim)
    mixed = max(np.abs(whole[lead, plane]).max(initial=0), np.abs(whole[plane, lead]).max(initial=0))
    if mixed > 1e-9 * np.abs(whole[plane, plane]).max():
        raise ValueError(f"{layer.name!r}: planes that lie in the plane of the screen; this layer is tilted out of it")
    matrix = whole[-3:, -3:].copy()
    matrix[0] *= unit_factor(layer.units[-2], layer.units[-1])
    return matrix


def into_units_of(layer: Layer, other: Layer) -> Matrix:
    """Return the matrix that takes another layer's world, as `to_world` has it, to that of a layer."""
    factor = unit_factor(other.units[-1], layer.units[-1])
    return np.diag([factor, factor, 1.0])


def spatial_state_like(layer: Layer, axes: int = 2, moved: Affine | None = None) -> dict[str, Any]:
    """Return the spatial state of a layer whose coordinates are pixels of this one along its last axes.

    With `moved` the coordinates are taken by it to those pixels first; it has as many axes.
    """
    last = list(range(layer.ndim - axes, layer.ndim))
    own = own_transform(layer).set_slice(last)
    own = own if moved is None else own.compose(moved)
    return {
        "scale": own.scale, "translate": own.translate, "rotate": own.rotate, "shear": shear_of(own),
        "affine": layer.affine.set_slice(last).affine_matrix, "units": layer.units[layer.ndim - axes :],
        "axis_labels": layer.axis_labels[layer.ndim - axes :],
    }  # fmt: skip


def frame(layer: Layer, level: int = 0) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return what a step to a level's next row and one to its next column are in the world, each as (down, right)."""
    (dd, dr), (rd, rr) = plane_to_world(layer, level)[:2, :2].T.tolist()
    return (dd, dr), (rd, rr)


def points_in(points: Layer, layer: Layer, level: int = 0) -> Points:
    """Return the points of a Points layer as (row, column) of a level of another layer."""
    world = np.array([points.data_to_world(p)[-2:] for p in points.data], float).reshape(-1, 2)
    if not np.isfinite(world).all():
        raise ValueError(f"{points.name!r}: points with finite coordinates")
    world = np.column_stack([world, np.ones(len(world))])
    world[:, 0] *= unit_factor(points.units[-2], points.units[-1])
    there = world @ (np.linalg.inv(plane_to_world(layer, level)) @ into_units_of(layer, points)).T
    return tuple((float(r), float(c)) for r, c, _ in there)


def data_of(
    points: Layer, places: Iterable[tuple[float, float]], layer: Layer, stack: Iterable[float], level: int = 0
) -> Matrix:
    """Return (row, column) of a level of a layer as data of a Points layer; `stack` is where they lie on its others."""
    matrix = into_units_of(points, layer) @ plane_to_world(layer, level)
    matrix[0] /= unit_factor(points.units[-2], points.units[-1])
    data = []
    for row, column in places:
        world = np.zeros(points.ndim)
        world[-2:] = (matrix @ (row, column, 1.0))[:2]
        own = np.asarray(points.world_to_data(world), float)
        own[:-2] = list(stack)[: points.ndim - 2] if points.ndim > 2 else []
        data.append(own)
    return np.array(data).reshape(-1, points.ndim)


def shown_index(dims: Any, layer: Layer, level: int = 0) -> tuple[int, ...]:
    """Return the index, on the axes before the last two, of the plane of a level that the viewer shows."""
    return position_at(dims, layer, level)[:-2]


def plane_of(dims: Any, layer: Layer, level: int = 0) -> Any:
    """Return the array of the plane of a level that the viewer shows, not yet read where it is lazy."""
    array = array_of(layer, level)
    return array[shown_index(dims, layer, level)] if layer.ndim > 2 else array
