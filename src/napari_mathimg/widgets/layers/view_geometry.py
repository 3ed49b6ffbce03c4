"""Conversion between a layer's pixels and the viewer's world, and the pixels that are on screen or inside shapes."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from napari.layers import Layer, Shapes
from numpy.typing import ArrayLike, NDArray

from ...recipe.names import cut_middle
from ...recipe.placement import axis_names
from .levels import shape_of
from .units import in_units_of, units_of

Array = NDArray[Any]
Box = tuple[tuple[int, int], ...]

ELLIPSE = 128  # vertices of the polygon that approximates an ellipse
ROUNDING = 1e-6  # tolerance of coordinates at an edge, in pixels


def displayed_axes(dims: Any, layer: Layer) -> list[int]:
    """Return the axes of a layer that the viewer displays, in the order of display."""
    before = dims.ndim - layer.ndim
    return [axis - before for axis in dims.displayed if axis >= before]


def check_view(dims: Any, layer: Layer, purpose: str, axes: Sequence[int] = (-2, -1)) -> None:
    """Raise ValueError unless the viewer shows planes of two axes of a layer; `purpose` completes the message."""
    plane = [axis % layer.ndim for axis in axes]
    if dims.ndisplay != 2 or sorted(displayed_axes(dims, layer)) != sorted(plane):
        rows, columns = (axis_names(layer.axis_labels)[axis] for axis in plane)
        raise ValueError(
            f"Show the axes {rows} and {columns} of {cut_middle(layer.name)!r} in two dimensions {purpose}"
        )


def world_to_pixel(dims: Any, layer: Layer, world: ArrayLike) -> Array:
    """Convert a point of the viewer's world, given on all its axes, to pixel coordinates of a layer."""
    return np.asarray(layer.world_to_data(in_units_of(dims, layer, world)), float)


def pixel_to_world(dims: Any, layer: Layer, pixel: ArrayLike) -> Array:
    """Convert pixel coordinates to the viewer's world; on axes that the layer lacks, take the sliders' position."""
    world = np.asarray(dims.point, float).copy()
    world[dims.ndim - layer.ndim :] = np.asarray(layer.data_to_world(pixel), float) / units_of(dims, layer)
    return world


def box_on_screen(viewer: Any, layer: Layer) -> Box:
    """Return the range of pixels of a layer that is at least partly on screen, as (first, after the last) by axis.

    On axes that are not displayed, the range is the whole axis.

    Raises
    ------
    ValueError
        If the viewer shows three dimensions, or no part of the layer is on screen.
    """
    dims, camera = viewer.dims, viewer.scene.camera
    if dims.ndisplay != 2:
        raise ValueError("Show the image in 2D: in 3D, the part on screen is not a box")
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
            raise ValueError(f"Nothing of {cut_middle(layer.name)!r} is on screen")
    return tuple(box)


def box_around(dims: Any, layer: Layer, shapes: Shapes) -> dict[int, tuple[int, int]]:
    """Return the range of pixels whose centers lie in the bounding box of shapes, as (first, after the last) by axis.

    The selected shapes count, or all if none is selected. Axes along which the shapes have no extent are left out:
    a rectangle in one plane does not restrict the other axes.

    Raises
    ------
    ValueError
        If there is no shape, or the box lies outside the layer.
    """
    chosen = sorted(shapes.selected_data) or range(len(shapes.data))
    corners = [
        world_to_pixel(dims, layer, pixel_to_world(dims, shapes, c)) for k in chosen for c in outline_of(shapes, k)
    ]
    if not corners:
        raise ValueError(f"{cut_middle(shapes.name)!r} has no shapes")
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    box = {}
    for axis, count in enumerate(shape_of(layer)):
        if high[axis] - low[axis] < ROUNDING:
            continue
        first, last = int(np.ceil(low[axis] - ROUNDING)), int(np.floor(high[axis] + ROUNDING))
        if first > last:  # the box lies within one pixel and misses its center
            first = last = round(float(low[axis] + high[axis]) / 2)
        box[axis] = max(first, 0), min(last + 1, count)
        if box[axis][0] >= box[axis][1]:
            raise ValueError(
                f"The box around the shapes of {cut_middle(shapes.name)!r} lies outside {cut_middle(layer.name)!r}"
            )
    return box


def turn_of(dims: Any, layer: Layer, shapes: Shapes) -> float:
    """Return the angle, in degrees, by which a rectangle is upright once the layer is rotated; 0 if it is, or is none.

    The chosen shape counts, if it is one alone. Angles are counter-clockwise as displayed.
    """
    chosen = sorted(shapes.selected_data) or list(range(len(shapes.data)))
    if len(chosen) != 1 or shapes.shape_type[chosen[0]] != "rectangle":
        return 0.0
    world = np.array([pixel_to_world(dims, shapes, corner) for corner in shapes.data[chosen[0]][:3]])
    pixels = np.array([world_to_pixel(dims, layer, place) for place in world])
    edges = np.diff(pixels, axis=0)
    if all(np.sum(np.abs(edge) > ROUNDING * max(1.0, np.abs(edge).max())) <= 1 for edge in edges):
        return 0.0
    # Of the layer's columns and of the rectangle's first edge, as displayed: x to the right, y downwards.
    across = np.zeros((2, layer.ndim))
    across[1, max(displayed_axes(dims, layer), default=-1)] = 1
    across_world = np.diff([pixel_to_world(dims, layer, end) for end in across], axis=0)[0]
    angles = [
        np.arctan2(-v[dims.displayed[-2]], v[dims.displayed[-1]]) for v in (across_world, np.diff(world, axis=0)[0])
    ]
    turn = np.rad2deg(angles[0] - angles[1])
    return float((turn + 45) % 90 - 45)


def outline_of(shapes: Shapes, index: int) -> Iterable[Array]:
    """Return the vertices of a shape in the coordinates of its layer; for an ellipse, points on it."""
    vertices = np.asarray(shapes.data[index], float)
    if shapes.shape_type[index] != "ellipse":
        return vertices
    angles = np.linspace(0, 2 * np.pi, ELLIPSE, endpoint=False)[:, None]
    center = vertices[:4].mean(axis=0)
    points: Array = (
        center + np.cos(angles) * (vertices[1] - vertices[0]) / 2 + np.sin(angles) * (vertices[3] - vertices[0]) / 2
    )
    return points
