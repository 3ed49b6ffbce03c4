"""Images of files as layers, opened outside of the window's thread."""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

from napari.layers import Layer

from ...contract.progress import Progress
from ...io.reading import open_image
from ..files.layer_data import LayerData, layers_of
from ..files.layer_image import CHANNELS


def opening(path: str) -> Generator[Progress, None, list[LayerData]]:
    """Open a file as layers, in a generator for a thread."""
    yield Progress("Open", 0, 1)
    return layers_of(open_image(path))


def opening_whole(path: str) -> Generator[Progress, None, list[LayerData]]:
    """Open a file as one layer with all of its channels, as recipes see it, in a generator for a thread."""
    yield Progress("Open", 0, 1)
    image = open_image(path)
    ((data, arguments, kind),) = layers_of(replace(image, channel_names=(), channel_colors=()))
    names = {CHANNELS: image.channel_names} if image.channel_names else {}
    return [(data, arguments | {"metadata": arguments["metadata"] | names}, kind)]


def add_layers(viewer: Any, layers: list[LayerData]) -> list[Layer]:
    """Add layers to a viewer, and return them."""
    return [viewer.add_layer(Layer.create(*each)) for each in layers]
