"""An outline drawn in a Shapes layer, as corners in pixels of a level of an image."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Layer, Shapes

from ..form.form import Form
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
    """Let the buttons of a form that ask for an outline take it from a Shapes layer.

    Parameters
    ----------
    form, viewer
        The form, and where the Shapes layer is.
    image, level, tell
        Asked for the image whose pixels count and for its level, and told why there is no outline.
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
    """Return the corners of a drawn outline, moved to the middle of a plane just large enough, and its shape.

    It is the shape that is selected in the active Shapes layer or, where that is another layer, in the topmost one;
    where none is selected, the one drawn last. Lengths are in pixels of the level.

    Raises
    ------
    ValueError
        If there is none.
    """
    layers = [layer for layer in reversed(viewer.layers) if isinstance(layer, Shapes) and layer.nshapes]
    active = viewer.layers.selection.active
    shapes = active if active in layers else layers[0] if layers else None
    if shapes is None:
        raise ValueError("polygon: draw one in a Shapes layer first")
    chosen = max(shapes.selected_data, default=shapes.nshapes - 1)
    if shapes.shape_type[chosen] not in CLOSED or len(shapes.data[chosen]) < 3:
        raise ValueError(f"polygon: of at least three corners; the shape in {shapes.name!r} is none")
    whole = pixels_of(image, shapes, shapes.data[chosen], viewer.dims)
    corners = into_full(image, level).inverse(whole)[:, -2:].round(DECIMALS)
    low, high = corners.min(0), corners.max(0)
    size = tuple(2 * math.ceil(round(extent, DECIMALS) / 2) + 1 for extent in high - low)
    moved = np.round(corners - (low + high) / 2 + np.array(size) // 2, DECIMALS)
    return tuple((float(r), float(c)) for r, c in moved), (size[0], size[1])
