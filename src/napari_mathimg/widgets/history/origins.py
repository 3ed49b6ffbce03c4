"""The layer that the first step of a chain was applied to."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from napari.layers import Layer

from ...recipe.record import RECORD, is_preview
from ..layers.levels import array_of
from ..layers.made_layers import source_of
from ..layers.snapshot import is_usable

FAMILY = "geometry"  # whose operations take labels, too


def takes(layer: Layer) -> bool:
    """Return whether steps can be applied to a layer at all."""
    return is_usable(layer, FAMILY)


def find_source(layer: Layer, layers: Iterable[Layer]) -> Layer | None:
    """Return the layer that the first recorded step of a result was applied to; None if it is not in the viewer.

    It is the one that the result was made from, whatever its name is now. Where that is not known, as for layers that
    were duplicated or opened from a file, it is the topmost one with the recorded name and shape.
    """
    there, found = [*layers], layer
    for _ in there:
        before = source_of(found)
        if before is None:
            break
        found = before
    if found is not layer and not found.metadata.get(RECORD):
        return found if found in there else None
    steps: Sequence[Mapping[str, Any]] = layer.metadata.get(RECORD, [])
    alike = (other for other in reversed(there) if other is not layer and _is_like(other, steps))
    return next(alike, None)


def _is_like(layer: Layer, steps: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a layer has the recorded name and shape of what the first step was applied to."""
    first = steps[0] if steps else {}
    if is_preview(layer.metadata) or not takes(layer) or layer.metadata.get(RECORD):
        return False
    shape, level = first.get("source_shape"), first.get("level", 0)
    is_same_shape = shape is None or tuple(map(int, array_of(layer, level).shape)) == tuple(shape)
    return layer.name == first.get("source") and is_same_shape
