"""A connection to the events of one layer at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from napari.layers import Layer

WATCHED = ("data", "scale", "translate", "rotate", "shear", "affine", "units", "axis_labels", "contrast_limits")
_QUIET: list[Any] = []  # the lists of layers that are being changed without a change that the user makes


@contextmanager
def quietly(layers: Any) -> Iterator[None]:
    """Let those who follow the selection of layers leave out what happens meanwhile; at the end, it is as before."""
    _QUIET.append(layers)
    selected, active = set(layers.selection), layers.selection.active
    try:
        yield
        layers.selection = {layer for layer in selected if layer in layers}
        layers.selection.active = active if active in layers else None
    finally:
        _QUIET.remove(layers)


def is_quiet(layers: Any) -> bool:
    """Whether a list of layers is being changed so that nobody is to follow."""
    return any(each is layers for each in _QUIET)


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
