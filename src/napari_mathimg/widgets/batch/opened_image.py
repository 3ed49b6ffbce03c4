"""Images of files as layers, with pixel size, units, names and the record of steps."""

import math
from collections.abc import Generator
from typing import Any, NamedTuple

import numpy as np
from napari.layers.utils.layer_utils import calc_data_range

from ...contract.progress import Progress
from ...io.image import Image
from ...io.reading import open_image
from ...recipe.placement import PIXEL

LOADED = 2**27  # bytes up to which an image is read into memory: its file may be written anew


class LayerData(NamedTuple):
    """The data of a layer, or those of its levels, and its arguments."""

    data: Any
    arguments: dict[str, Any]


def opening(path: str) -> Generator[Progress, None, LayerData]:
    """Open the image of a file as a layer, in a generator for a thread."""
    yield Progress("Open", 0, 1)
    return layer_of(open_image(path))


def layer_of(image: Image) -> LayerData:
    """Return an image as the data and the arguments of a layer; its contrast limits are looked for here."""
    levels = [_in_memory(level, image) for level in image.levels or (image.array,)]
    color = image.channel_axis
    if color is not None and color != len(image.axes) - 1:
        levels = [np.moveaxis(np.asarray(level), color, -1) for level in levels]
    places = list(image.places)
    metadata = dict(image.metadata)
    if image.channel_names:
        metadata["channel_names"] = image.channel_names
    arguments = {
        "name": image.name, "metadata": metadata, "rgb": color is not None, "multiscale": len(levels) > 1,
        "scale": [image.scale[k] for k in places], "translate": [image.translate[k] for k in places],
        "units": [image.units[k] or PIXEL for k in places], "axis_labels": [image.axes[k] for k in places],
    }  # fmt: skip
    if color is None:
        arguments["contrast_limits"] = calc_data_range(levels[-1])
    return LayerData(levels if len(levels) > 1 else levels[0], arguments)


def _in_memory(level: Any, image: Image) -> Any:
    """Return the pixels of a level, read into memory where the image is small."""
    if math.prod(image.shape) * np.dtype(image.dtype).itemsize > LOADED:
        return level
    return np.array(np.asarray(level))
