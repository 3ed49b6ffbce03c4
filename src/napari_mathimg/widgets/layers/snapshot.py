"""The input that a layer provides to a run, copied beforehand because the layer may change meanwhile."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from napari.layers import Image, Labels, Layer

from ...recipe.placement import Placement
from ...recipe.record import LAZY, RECORD, is_preview
from .levels import array_of, full_resolution, into_full
from .transforms import placement_of

DOMAIN = ("geometry", "perspective")  # families that change only where pixels lie, not their values


@dataclass(frozen=True)
class Snapshot:
    """The state of a source layer that its result inherits, copied before the run."""

    name: str
    kind: str
    array: Any
    rgb: bool
    placement: Placement
    inherited: Mapping[str, Any]
    contrast_limits: tuple[float, float] | None
    metadata: Mapping[str, Any]
    level: int = 0

    @property
    def axis_names(self) -> tuple[str, ...]:
        """Names of the axes; () if they are only numbered."""
        return given_names(self.placement.axis_labels)


def given_names(axis_labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the axes of a layer; () if they are only numbered."""
    return () if all(name.lstrip("-").isdigit() for name in axis_labels) else axis_labels


def is_usable(layer: Layer, family: str) -> bool:
    """Whether the operations of a family accept a layer: images always, labels if only the domain changes."""
    if is_preview(layer.metadata):
        return False
    return isinstance(layer, Image) or (isinstance(layer, Labels) and family in DOMAIN)


def snapshot(layer: Layer, with_record: bool = True) -> Snapshot:
    """Copy the state of a layer that its result inherits; its record, which may be long, only if it is needed."""
    inherited = {"blending": layer.blending, "opacity": layer.opacity}
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
        placement=placement_of(layer),
        inherited=inherited,
        contrast_limits=tuple(layer.contrast_limits) if image and not layer.rgb else None,
        metadata={
            **{name: value for name, value in layer.metadata.items() if name != LAZY},
            RECORD: deepcopy(layer.metadata.get(RECORD, [])) if with_record else [],
        },
    )


def snapshot_at(layer: Layer, level: int, with_record: bool = True) -> Snapshot:
    """Copy the state of a level of a layer that its result inherits."""
    whole = snapshot(layer, with_record)
    if level == 0:
        return whole
    placed = whole.placement.moved(into_full(layer, level).affine_matrix)
    return replace(whole, array=array_of(layer, level), placement=placed, level=level)
