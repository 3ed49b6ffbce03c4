"""The region of a layer that is counted: the whole layer, the displayed plane or the part on screen, and a mask."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from napari.layers import Labels, Layer, Shapes
from numpy.typing import NDArray

from ...histogram import Mask, Polygons, Region, Sampled
from ...recipe.names import cut_middle
from ..layers.levels import full_resolution, shape_of
from ..layers.view_geometry import Box, displayed_axes, outline_of, pixel_to_world, world_to_pixel
from ..lazy.shown import unwrapped_data

Where = Literal["layer", "plane", "screen"]
Array = NDArray[Any]


@dataclass(frozen=True)
class RegionChoice:
    """The user's choice of a region, and of a Shapes or Labels layer whose selection masks it."""

    where: Where = "layer"
    inside: Layer | None = None


@dataclass(frozen=True)
class Place:
    """A layer's region, the same region of a coarser level if there is one, and a key that identifies it."""

    region: Region
    coarse: Region | None
    key: tuple[Any, ...]


def place_in(viewer: Any, layer: Layer, choice: RegionChoice) -> Place:
    """Return the region of an image layer to count, at the current position of the viewer.

    Raises
    ------
    ValueError
        If there is nothing to count; the message is a sentence.
    """
    array, colors = full_resolution(layer), bool(layer.rgb)
    box = _box(viewer.dims, layer, choice.where)
    mask, mask_key = (None, ()) if choice.inside is None else _mask(viewer.dims, layer, choice.inside)
    region = Region(array, box, colors, mask)
    key = (id(array), box, mask_key)
    if not layer.multiscale or mask is not None:
        return Place(region, None, key)
    levels = [unwrapped_data(level) for level in layer.data[1:] if level.ndim == array.ndim]
    return Place(region, Region(levels[-1], _scaled(box, array, levels[-1]), colors) if levels else None, key)


def _box(dims: Any, layer: Layer, where: Where) -> Box:
    shape = shape_of(layer)
    if where == "layer":
        return tuple((0, n) for n in shape)
    shown = displayed_axes(dims, layer)
    here = [int(p) for p in np.round(world_to_pixel(dims, layer, dims.point))]
    box = [(0, n) if k in shown else (here[k], here[k] + 1) for k, n in enumerate(shape)]
    if not all(0 <= a < b <= n for (a, b), n in zip(box, shape, strict=True)):
        raise ValueError(f"{cut_middle(layer.name)!r} has no plane at the current position of the sliders.")
    if where == "screen" and dims.ndisplay == 2:
        factors = layer.downsample_factors[layer.data_level] if layer.multiscale else np.ones(layer.ndim)
        for k in shown:
            low, high = (layer.corner_pixels[end][k] for end in (0, 1))
            first, last = int(low * factors[k]), int(-(-(high + 1) * factors[k] // 1))
            box[k] = max(first, 0), min(last, shape[k])
            if first >= min(last, shape[k]):
                raise ValueError(f"Nothing of {cut_middle(layer.name)!r} is on screen.")
    return tuple(box)


def _scaled(box: Box, fine: Any, coarse: Any) -> Box:
    """Return the box of a coarser level that covers a box of the finest one."""
    scaled = []
    for (a, b), n, m in zip(box, fine.shape, coarse.shape, strict=False):
        first = min(a * m // n, m - 1)
        scaled.append((first, max(-(-b * m // n), first + 1)))
    return tuple(scaled)


def _mask(dims: Any, layer: Layer, inside: Layer) -> tuple[Mask, tuple[Any, ...]]:
    """Return a selection as a mask, and a key that identifies it."""
    if isinstance(inside, Labels):
        labels, chosen, matrix = full_resolution(inside), int(inside.selected_label), _between(dims, layer, inside)
        return Sampled(labels, chosen, matrix), (id(labels), chosen, matrix.tobytes())
    if dims.ndisplay != 2:
        raise ValueError(f"The shapes of {cut_middle(inside.name)!r} lie in a plane: show the image in 2D.")
    corners = _outlines(dims, layer, inside)
    if not corners:
        raise ValueError(f"{cut_middle(inside.name)!r} has no shape with an area in the plane that is shown.")
    first, second = displayed_axes(dims, layer)
    return Polygons(tuple(corners), (first, second)), tuple(c.tobytes() for c in corners)


def _between(dims: Any, layer: Layer, labels: Labels) -> Array:
    """Return the affine matrix from a layer's pixel coordinates (with 1 appended) to those of a Labels layer."""

    def at(index: Array) -> Array:
        return world_to_pixel(dims, labels, pixel_to_world(dims, layer, index))

    origin = at(np.zeros(layer.ndim))
    columns = [at(unit) - origin for unit in np.eye(layer.ndim)]
    return np.round(np.column_stack([*columns, origin]), 9) + 0.0


def _outlines(dims: Any, layer: Layer, shapes: Shapes) -> list[Array]:
    """Return the outlines of the selected shapes (of all if none is selected), in displayed pixel coordinates."""
    chosen = sorted(shapes.selected_data) or range(len(shapes.data))
    before = dims.ndim - shapes.ndim
    shown = [axis - before for axis in dims.displayed]
    others = [k for k in range(shapes.ndim) if k not in shown]
    here = world_to_pixel(dims, shapes, dims.point)
    outlines = []
    for k in chosen:
        vertices, kind = np.asarray(shapes.data[k], float), shapes.shape_type[k]
        if kind in ("line", "path") or len(vertices) < 3:
            continue
        if any(np.round(vertices[0, axis]) != np.round(here[axis]) for axis in others):
            continue
        pixels = np.array([world_to_pixel(dims, layer, pixel_to_world(dims, shapes, c)) for c in outline_of(shapes, k)])
        outlines.append(pixels[:, displayed_axes(dims, layer)])
    return outlines
