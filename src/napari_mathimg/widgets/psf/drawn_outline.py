"""Conversion of an outline drawn in a Shapes layer to corners in pixels of a level of an image."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Layer, Shapes

from ...recipe.names import cut_middle
from ..form.form import Form
from ..layers.item_axes import plane_axes
from ..layers.levels import into_full
from .pixel_sizes import pixels_of

CLOSED = ("polygon", "rectangle", "path")
DECIMALS = 2


def offer_outlines(
    form: Form,
    viewer: Any,
    image: Callable[[], Layer | None],
    level: Callable[[Layer], int],
    tell: Callable[[str], Any],
) -> None:
    """Connect the buttons of a form that take an outline from a Shapes layer.

    Parameters
    ----------
    form, viewer
        The form, and the viewer with the Shapes layer.
    image, level, tell
        Functions that return the image and its level, and that show why there is no outline.
    """

    def take(name: str) -> None:
        layer = image()
        if layer is not None:
            try:
                form.load_outline(name, *drawn_outline(viewer, layer, level(layer)))
            except ValueError as error:
                tell(str(error))

    for name, button in form.shape_buttons.items():
        button.changed.connect(partial(take, name))


def drawn_outline(viewer: Any, image: Layer, level: int = 0) -> tuple[tuple[tuple[float, float], ...], tuple[int, int]]:
    """Return the corners of a drawn outline, centered in the smallest plane that holds it, and the plane's shape.

    The outline is the selected shape of the active Shapes layer or else of the topmost one; if no shape is selected,
    it is the last one. Lengths are in pixels of the level.

    Raises
    ------
    ValueError
        If there is no closed shape.
    """
    layers = [layer for layer in reversed(viewer.layers) if isinstance(layer, Shapes) and layer.nshapes]
    active = viewer.layers.selection.active
    shapes = active if active in layers else layers[0] if layers else None
    if shapes is None:
        raise ValueError("polygon: draw one in a Shapes layer first")
    chosen = max(shapes.selected_data, default=shapes.nshapes - 1)
    if shapes.shape_type[chosen] not in CLOSED or len(shapes.data[chosen]) < 3:
        raise ValueError(f"polygon: must have at least three corners, unlike the shape in {cut_middle(shapes.name)!r}")
    whole = pixels_of(image, shapes, shapes.data[chosen], viewer.dims)
    corners = into_full(image, level).inverse(whole)[:, plane_axes(image)].round(DECIMALS)
    low, high = corners.min(0), corners.max(0)
    size = tuple(2 * math.ceil(round(extent, DECIMALS) / 2) + 1 for extent in high - low)
    moved = np.round(corners - (low + high) / 2 + np.array(size) // 2, DECIMALS)
    return tuple((float(r), float(c)) for r, c in moved), (size[0], size[1])
