"""The plane of the last two axes of a layer's level: its transform to the world, and the plane that is shown."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from napari.layers import Layer
from napari.utils.transforms import Affine
from numpy.typing import NDArray

from ...contract.signature import Signature
from ...methods.quadrilateral import Frame
from ...recipe.names import cut_middle
from .item_axes import named, plane_axes
from .levels import array_of, into_full, position_at
from .transforms import displayed_pixel, layer_arguments_of, placement_of
from .units import unit_factor

Matrix = NDArray[Any]
Points = tuple[tuple[float, float], ...]


def plane_to_world(layer: Layer, level: int = 0, axes: Sequence[int] = (-2, -1)) -> Matrix:
    """Return the matrix from (row, column, 1) of a level to the same two world axes, both in the unit of the second.

    Raises
    ------
    ValueError
        If the layer is rotated or sheared so that its planes are not parallel to those of the world.
    """
    whole = np.eye(layer.ndim + 1)
    placement = placement_of(layer)
    for matrix in (into_full(layer, level).affine_matrix, placement.matrix, placement.affine):
        whole = matrix @ whole
    plane = [axis % layer.ndim for axis in axes]
    lead = [axis for axis in range(layer.ndim) if axis not in plane]
    mixed = max(np.abs(whole[np.ix_(*pair)]).max(initial=0) for pair in ((lead, plane), (plane, lead)))
    if mixed > 1e-9 * np.abs(whole[np.ix_(plane, plane)]).max():
        raise ValueError(f"{cut_middle(layer.name)!r}: its planes must be parallel to the screen; this layer is tilted")
    matrix = whole[np.ix_([*plane, -1], [*plane, -1])]
    matrix[0] *= unit_factor(*(layer.units[axis] for axis in plane))
    return matrix


def check_last(layer: Layer) -> None:
    """Raise ValueError unless the planes of a layer, which are processed, have its last two axes."""
    plane = plane_axes(layer)
    if plane != (layer.ndim - 2, layer.ndim - 1):
        raise ValueError(
            f"{cut_middle(layer.name)!r}: the axes of its planes, {named(layer, plane)}, must be its last ones here;"
            " transpose its data first"
        )


def into_units_of(layer: Layer, other: Layer) -> Matrix:
    """Return the matrix from another layer's world, as in `plane_to_world`, to that of a layer: the ratio of units."""
    factor = unit_factor(other.units[-1], layer.units[-1])
    return np.diag([factor, factor, 1.0])


def spatial_state_like(layer: Layer, axes: int | Sequence[int] = 2, moved: Affine | None = None) -> dict[str, Any]:
    """Return the spatial state of a new layer whose coordinates are pixels of a layer along some or its last axes.

    If `moved` is given, it is a transform with as many axes that maps the new layer's coordinates to those pixels.
    """
    placement = placement_of(layer).on(range(layer.ndim - axes, layer.ndim) if isinstance(axes, int) else axes)
    return layer_arguments_of(placement if moved is None else placement.moved(moved.affine_matrix))


def frame(layer: Layer, level: int = 0, axes: Sequence[int] = (-2, -1)) -> Frame:
    """Return the world vectors, as (down, right), of one step down the rows and one along the columns of a level."""
    (dd, dr), (rd, rr) = plane_to_world(layer, level, axes)[:2, :2].T.tolist()
    return (dd, dr), (rd, rr)


def displayed_frame(layer: Layer, level: int = 0, axes: Sequence[int] = (-2, -1)) -> Frame:
    """Return the frame of a level in units of the side of a square pixel of the same area; of a tilted one, pixels."""
    try:
        steps = np.array(frame(layer, level, axes))
    except ValueError:
        return (1.0, 0.0), (0.0, 1.0)
    steps /= np.sqrt(abs(np.linalg.det(steps)))
    rows, columns = ((float(f"{a:.12g}"), float(f"{b:.12g}")) for a, b in steps + 0.0)
    return rows, columns


def taken_from_layer(
    signature: Signature, layer: Layer, level: int, axes: Sequence[int], dims: Any
) -> dict[str, tuple[Any, Any]]:
    """Return the parameters of a signature that are the size or the frame of pixels, as the viewer displays planes.

    The planes have the last two of `axes`. Where the viewer displays their rows from left to right, the image is
    mirrored by that.
    """
    taken: dict[str, tuple[Any, Any]] = {}
    for name, what in signature.from_layer.items():
        if what == "size":
            high, wide = displayed_pixel(layer, level, axes[-2:])
            taken[name] = (-high if is_transposed(dims, layer, axes) else high), wide
        else:
            rows, columns = displayed_frame(layer, level, axes[-2:])
            taken[name] = (rows[::-1], columns[::-1]) if is_transposed(dims, layer, axes) else (rows, columns)
    return taken


def is_transposed(dims: Any, layer: Layer, axes: Sequence[int]) -> bool:
    """Whether the order of the viewer's axes puts the second to last of some axes of a layer after the last one."""
    rows, columns = (dims.order.index(dims.ndim - layer.ndim + axis) for axis in axes[-2:])
    return bool(rows > columns)


def points_in(points: Layer, layer: Layer, level: int = 0) -> Points:
    """Return the points of a Points layer as (row, column) of a level of another layer."""
    world = np.array([points.data_to_world(p)[-2:] for p in points.data], float).reshape(-1, 2)
    if not np.isfinite(world).all():
        raise ValueError(f"{cut_middle(points.name)!r}: its points must have finite coordinates")
    world = np.column_stack([world, np.ones(len(world))])
    world[:, 0] *= unit_factor(points.units[-2], points.units[-1])
    pixels = world @ (np.linalg.inv(plane_to_world(layer, level)) @ into_units_of(layer, points)).T
    return tuple((float(r), float(c)) for r, c, _ in pixels)


def data_of(
    points: Layer, places: Iterable[tuple[float, float]], layer: Layer, stack: Iterable[float], level: int = 0
) -> Matrix:
    """Convert (row, column) of a level to data of a Points layer; `stack` gives its coordinates on leading axes."""
    matrix = into_units_of(points, layer) @ plane_to_world(layer, level)
    matrix[0] /= unit_factor(points.units[-2], points.units[-1])
    data = []
    for row, column in places:
        world = np.zeros(points.ndim)
        world[-2:] = (matrix @ (row, column, 1.0))[:2]
        point = np.asarray(points.world_to_data(world), float)
        point[:-2] = list(stack)[: points.ndim - 2] if points.ndim > 2 else []
        data.append(point)
    return np.array(data).reshape(-1, points.ndim)


def shown_index(dims: Any, layer: Layer, level: int = 0) -> tuple[int, ...]:
    """Return the index, on the axes before the last two, of the plane of a level that the viewer displays."""
    return position_at(dims, layer, level)[:-2]


class PlaneOnDemand:
    """A plane of an array that is read only where it is indexed: Zarr arrays would read the whole plane."""

    def __init__(self, array: Any, index: tuple[int, ...]) -> None:
        self._array, self._index = array, index
        self.shape, self.dtype = tuple(array.shape[len(index) :]), array.dtype
        self.ndim = len(self.shape)

    def __getitem__(self, key: Any) -> Any:
        return self._array[(*self._index, *(key if isinstance(key, tuple) else (key,)))]

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        whole = np.asarray(self._array[self._index] if self._index else self._array[:])
        return whole if dtype is None else whole.astype(dtype)


def plane_of(dims: Any, layer: Layer, level: int = 0) -> Any:
    """Return the plane of a level that the viewer displays; a lazy array is not read yet."""
    array = array_of(layer, level)
    index = shown_index(dims, layer, level) if layer.ndim > 2 else ()
    return array[index] if isinstance(array, np.ndarray) else PlaneOnDemand(array, index)
