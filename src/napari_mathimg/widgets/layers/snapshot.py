"""What a layer gives to a run, copied before it: the layer may change or go meanwhile."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from napari.layers import Image, Labels, Layer
from napari.utils.transforms import Affine

from ...recipe.record import RECORD
from .levels import array_of, full_resolution, into_full
from .transforms import own_transform

DOMAIN = ("geometry", "perspective")  # families that only move pixels


@dataclass(frozen=True)
class Snapshot:
    """What a result takes over from its source, copied before the run: the layer may change or go meanwhile."""

    name: str
    kind: str
    array: Any
    rgb: bool
    data_to_world: Affine
    inherited: Mapping[str, Any]
    contrast_limits: tuple[float, float] | None
    metadata: Mapping[str, Any]
    level: int = 0


def is_usable(layer: Layer, family: str) -> bool:
    """Whether a family's operations take a layer: images, and labels where only the domain changes."""
    return isinstance(layer, Image) or (isinstance(layer, Labels) and family in DOMAIN)


def snapshot(layer: Layer) -> Snapshot:
    """Copy what a result needs to know of its source."""
    inherited = {
        "affine": layer.affine,
        "units": layer.units,
        "axis_labels": layer.axis_labels,
        "blending": layer.blending,
    }
    inherited["opacity"] = layer.opacity
    image = isinstance(layer, Image)
    if not image or not layer.rgb:
        inherited["colormap"] = layer.colormap
    if image:
        inherited["gamma"] = layer.gamma
    return Snapshot(
        name=layer.name,
        kind="image" if image else "labels",
        array=full_resolution(layer),
        rgb=image and bool(layer.rgb),
        data_to_world=own_transform(layer),
        inherited=inherited,
        contrast_limits=tuple(layer.contrast_limits) if image and not layer.rgb else None,
        metadata={**layer.metadata, RECORD: deepcopy(layer.metadata.get(RECORD, []))},
    )


def snapshot_at(layer: Layer, level: int) -> Snapshot:
    """Copy what a result needs to know of a level."""
    whole = snapshot(layer)
    if level == 0:
        return whole
    placed = whole.data_to_world.compose(into_full(layer, level))
    return replace(whole, array=array_of(layer, level), data_to_world=placed, level=level)
