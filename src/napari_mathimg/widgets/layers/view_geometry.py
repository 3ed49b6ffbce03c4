"""A layer in what the viewer shows: where its pixels lie in the world of the viewer, and which are on screen."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from napari.layers import Layer, Shapes
from numpy.typing import ArrayLike, NDArray

from ...recipe.placement import axis_names
from .levels import shape_of
from .units import in_units_of, units_of

Array = NDArray[Any]
Box = tuple[tuple[int, int], ...]

ELLIPSE = 128  # corners of the polygon that stands for an ellipse
ROUNDING = 1e-6  # of a pixel, by which rounded coordinates may miss an edge


def displayed_axes(dims: Any, layer: Layer) -> list[int]:
    """Return the layer's axes that the viewer shows, in the order it shows them."""
    before = dims.ndim - layer.ndim
    return [axis - before for axis in dims.displayed if axis >= before]


def check_view(dims: Any, layer: Layer, purpose: str) -> None:
    """Refuse to point at pixels of a layer, to some purpose, where the viewer does not show its planes."""
    if dims.ndisplay != 2 or {*dims.displayed} != {dims.ndim - 2, dims.ndim - 1}:
        rows, columns = axis_names(layer.axis_labels)[-2:]
        raise ValueError(f"Show the axes {rows} and {columns} of {layer.name!r} in two dimensions {purpose}")


def world_to_pixel(dims: Any, layer: Layer, world: ArrayLike) -> Array:
    """Return where a point of the viewer's world, given on all its axes, lies in a layer's pixels."""
    return np.asarray(layer.world_to_data(in_units_of(dims, layer, world)), float)


def pixel_to_world(dims: Any, layer: Layer, pixel: ArrayLike) -> Array:
    """Return where a pixel of a layer lies in the viewer's world; on axes the layer lacks, where the viewer is."""
    world = np.asarray(dims.point, float).copy()
    world[dims.ndim - layer.ndim :] = np.asarray(layer.data_to_world(pixel), float) / units_of(dims, layer)
    return world


def box_on_screen(viewer: Any, layer: Layer) -> Box:
    """Return the first pixel of a layer on each axis of which some is on screen, and the one after the last.

    On axes that are not displayed these are all.

    Raises
    ------
    ValueError
        If the viewer shows three dimensions, or nothing of the layer.
    """
    dims, camera = viewer.dims, viewer.scene.camera
    if dims.ndisplay != 2:
        raise ValueError("Show the image in 2D: in 3D no box is what is on screen")
    half = np.array(viewer.canvas.viewbox_size(viewer.layers)) / camera.zoom / 2
    middle, ends = np.array(camera.center)[-2:], []
    for down, right in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        world = np.asarray(dims.point, float).copy()
        world[list(dims.displayed)] = middle + half * (down, right)
        ends.append(world_to_pixel(dims, layer, world))
    low, high = np.min(ends, axis=0), np.max(ends, axis=0)
    box = [(0, n) for n in shape_of(layer)]
    for axis in displayed_axes(dims, layer):
        first, last = np.floor(low[axis] + 0.5 + ROUNDING), np.ceil(high[axis] + 0.5 - ROUNDING)
        box[axis] = max(int(first), 0), min(int(last), box[axis][1])
        if box[axis][0] >= box[axis][1]:
            raise ValueError(f"Nothing of {layer.name!r} is on screen")
    return tuple(box)


def box_around(dims: Any, layer: Layer, shapes: Shapes) -> dict[int, tuple[int, int]]:
    """Return which pixels of a layer have their centers inside a box around shapes: (first, after the last) by axis.

    The shapes are those that are selected, or all where none is. Axes along which they have no extent are left out:
    a rectangle in one plane says nothing about the others.

    Raises
    ------
    ValueError
        If there is no shape, or it lies outside the layer.
    """
    chosen = sorted(shapes.selected_data) or range(len(shapes.data))
    corners = [
        world_to_pixel(dims, layer, pixel_to_world(dims, shapes, c)) for k in chosen for c in outline_of(shapes, k)
    ]
    if not corners:
        raise ValueError(f"{shapes.name!r} has no shapes")
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    box = {}
    for axis, count in enumerate(shape_of(layer)):
        if high[axis] - low[axis] < ROUNDING:
            continue
        first, last = int(np.ceil(low[axis] - ROUNDING)), int(np.floor(high[axis] + ROUNDING))
        if first > last:  # inside of one pixel, beside its center
            first = last = round(float(low[axis] + high[axis]) / 2)
        box[axis] = max(first, 0), min(last + 1, count)
        if box[axis][0] >= box[axis][1]:
            raise ValueError(f"The box around the shapes of {shapes.name!r} lies outside of {layer.name!r}")
    return box


def outline_of(shapes: Shapes, index: int) -> Iterable[Array]:
    """Return the corners of a shape, in the coordinates of its layer; of an ellipse, points on it."""
    vertices = np.asarray(shapes.data[index], float)
    if shapes.shape_type[index] != "ellipse":
        return vertices
    angles = np.linspace(0, 2 * np.pi, ELLIPSE, endpoint=False)[:, None]
    center = vertices[:4].mean(axis=0)
    points: Array = (
        center + np.cos(angles) * (vertices[1] - vertices[0]) / 2 + np.sin(angles) * (vertices[3] - vertices[0]) / 2
    )
    return points
