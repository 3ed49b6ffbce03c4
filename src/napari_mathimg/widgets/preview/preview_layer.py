"""The layer that shows a preview over its source, and that keeps out of the way."""

from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.utils import Colormap

from ...recipe.record import PREVIEW
from ..canvas.clipping import LEFT, RIGHT, Clipping
from ..layers.layer_observer import is_quiet, quietly
from .computed import Update
from .shown import Shown, changes_domain

NAME = "Preview"
LOOK = ("opacity", "blending", "gamma", "colormap", "rendering", "attenuation", "iso_threshold")  # of the source
OPAQUE = ("opaque", "translucent", "translucent_no_depth")
CHANGE = Colormap([[0.3, 0.7, 1, 1], [0, 0, 0, 1], [1, 0.6, 0.1, 1]], name="difference")  # black where there is none

RESULT, SOURCE, SPLIT, DIFFERENCE = "result", "source", "split", "difference"


class PreviewLayer:
    """Shows pixels of a result over its source, which is hidden where it would be seen through.

    Parameters
    ----------
    viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._clipping = Clipping(viewer)
        self._source: Layer | None = None
        self._base: Layer | None = None  # what is covered: the source, or an earlier result that stands for it
        self._kind = ""
        self._hides = False
        self._way, self._at = RESULT, 0.0
        self._name = NAME
        self.layer: Layer | None = None

    @property
    def is_changing(self) -> bool:
        """Whether the list of layers is being changed by this object."""
        return is_quiet(self._viewer.layers)

    def show(self, source: Layer, update: Update, shown: Shown, instead: Layer | None = None) -> None:
        """Show what is known of a result; in place of an earlier result if the source is hidden behind it."""
        base = instead if instead is not None else source
        if source is not self._source or base is not self._base:
            self.remove()
        self._base = base
        is_volume = len(update.view.displayed) > 2
        plan = update.plan
        has_opacity = plan.channel_axis is not None and plan.shape[plan.channel_axis] == 4
        self._source, self._hides = source, is_volume or has_opacity or changes_domain(plan)
        if self.layer is None or self.layer not in self._viewer.layers or self._kind != shown.kind:
            self._remove_layer()
            self._insert(update, shown)
        else:
            self._replace(update, shown)
        self.arrange()

    def call(self, name: str) -> None:
        """Give the layer another name than "Preview"."""
        self._name = name
        if self.layer is not None and self.layer in self._viewer.layers and self.layer.name != name:
            self.layer.name = name

    def _insert(self, update: Update, shown: Shown) -> None:
        kind = Labels if shown.kind == "labels" else Image
        arguments: dict[str, Any] = {
            "name": self._name, "metadata": {PREVIEW: True}, "affine": update.view.matrix,
            "units": update.view.axes.placement.units, "axis_labels": update.view.axes.placement.axis_labels,
        }  # fmt: skip
        if kind is Image:
            arguments |= {"rgb": shown.kind == "colors", "contrast_limits": shown.limits}
        layer = kind(shown.data, **arguments)
        layer.editable = False
        self.layer, self._kind = layer, shown.kind
        self.take_look()
        layers = self._viewer.layers
        with quietly(layers):  # a layer that is inserted becomes the active one
            layers.insert(layers.index(self._base) + 1, layer)

    def _replace(self, update: Update, shown: Shown) -> None:
        layer = self.layer
        assert layer is not None
        if tuple(layer.units) != tuple(update.view.axes.placement.units):
            layer.units = update.view.axes.placement.units
        same = layer.data.shape == shown.data.shape and layer.data.dtype == shown.data.dtype
        placed = np.array_equal(layer.affine.affine_matrix, update.view.matrix)
        if same:
            np.copyto(layer.data, shown.data)
        else:
            layer.data = shown.data
        if not placed:
            layer.affine = update.view.matrix
        elif same:
            layer.refresh(thumbnail=False, extent=False, highlight=False)
        if shown.limits is not None and tuple(layer.contrast_limits) != shown.limits:
            _set_limits(layer, shown.limits)

    def take_look(self, event: Any = None) -> None:
        """Take the look of the source: its colors, its opacity, and how it is blended and rendered."""
        source, layer = self._source, self.layer
        if source is None or layer is None:
            return
        for name in LOOK:
            if name == "colormap" and self._kind in ("colors", "difference"):
                continue
            if hasattr(source, name) and hasattr(layer, name) and getattr(layer, name) != getattr(source, name):
                setattr(layer, name, getattr(source, name))
        if self._kind == "difference":
            layer.colormap, layer.blending, layer.opacity, layer.gamma = CHANGE, "translucent_no_depth", 1.0, 1.0
        elif layer.blending == "opaque":
            layer.blending = "translucent_no_depth"  # or what is not known would be black
        self.arrange()

    def keep_above(self, event: Any = None) -> None:
        """Stay right above the source when layers are put in another order."""
        base, layer, layers = self._base, self.layer, self._viewer.layers
        if self.is_changing or base is None or layer is None or layer not in layers or base not in layers:
            return
        if layers.index(layer) != layers.index(base) + 1:
            with quietly(layers):
                layers.move(layers.index(layer), layers.index(base) + 1)

    def look_at(self, way: str, at: float = 0.0) -> None:
        """Show the result, the source, or the source to the left of a position and the result to its right."""
        self._way, self._at = way, at
        self.arrange()

    def arrange(self) -> None:
        """Show the parts of both layers that are to be seen."""
        base, layer = self._base, self.layer
        layers = self._viewer.layers
        if base is None or layer is None or layer not in layers or base not in layers:
            return
        clipping = self._clipping
        if bool(layer.visible) != bool(base.visible):
            layer.visible = base.visible
        if self._way == SPLIT and base.visible and self._viewer.dims.ndisplay == 2:
            clipping.show_all(base)
            clipping.show_side(base, LEFT, self._at)
            clipping.show_side(layer, RIGHT, self._at)
            return
        clipping.show_all(base)
        clipping.show_all(layer)
        if self._way == SOURCE:
            clipping.hide(layer)
        elif self._hides or self._kind == "difference" or base is not self._source or _is_seen_through(base):
            clipping.hide(base, layer)

    def remove(self) -> None:
        """Remove the layer, and show all of the source."""
        if self._base is not None:
            self._clipping.show_all(self._base)
        self._remove_layer()
        self._source = self._base = None

    def _remove_layer(self) -> None:
        layer, self.layer = self.layer, None
        if layer is not None and layer in self._viewer.layers:
            with quietly(self._viewer.layers):
                self._viewer.layers.remove(layer)


def _is_seen_through(layer: Layer) -> bool:
    """Whether what lies below a layer is seen, too, so that a preview would be added to it."""
    return str(layer.blending) not in OPAQUE or float(layer.opacity) < 1


def _set_limits(layer: Any, limits: tuple[float, float]) -> None:
    """Set contrast limits that may lie outside of the present range of their slider."""
    low, high = layer.contrast_limits_range
    layer.contrast_limits_range = min(low, limits[0]), max(high, limits[1])
    layer.contrast_limits = limits
