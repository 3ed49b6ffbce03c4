"""A connection to the events of one layer at a time."""

from collections.abc import Callable
from typing import Any

from napari.layers import Layer

WATCHED = ("data", "scale", "translate", "rotate", "shear", "affine", "units", "axis_labels", "contrast_limits")


class LayerObserver:
    """Calls a function when the data, transform or contrast limits of the watched layer change."""

    def __init__(self, changed: Callable[..., Any]) -> None:
        self._changed = changed
        self._emitters: list[Any] = []

    def watch(self, layer: Layer | None) -> None:
        """Watch a layer instead of the previous one."""
        while self._emitters:
            self._emitters.pop().disconnect(self._changed)
        if layer is not None:
            self._emitters = [getattr(layer.events, name) for name in WATCHED if hasattr(layer.events, name)]
            for emitter in self._emitters:
                emitter.connect(self._changed)

    def close(self) -> None:
        """Stop watching."""
        self.watch(None)
