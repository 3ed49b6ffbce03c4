"""Colors of channels in files, and colormaps of layers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from napari.utils import Colormap

NAMED = {
    "FFFFFF": "gray", "FF0000": "red", "00FF00": "green", "0000FF": "blue", "00FFFF": "cyan", "FF00FF": "magenta",
    "FFFF00": "yellow",
}  # fmt: skip
STEP = 0.5 / 255  # by which colors may differ that are one color in 8 bits


def color_of(colormap: Mapping[str, Any]) -> str | None:
    """Return the color, as six hexadecimal digits, that a colormap runs to from black; None if it is another one."""
    colors = np.asarray(colormap.get("colors"), float)
    is_ramp = colors.ndim == 2 and len(colors) > 1 and colormap.get("interpolation") == "linear"
    if not is_ramp:
        return None
    controls = np.asarray(colormap["controls"], float)
    if len(controls) != len(colors) or not np.allclose(colors[:, :3], controls[:, None] * colors[-1, :3], atol=STEP):
        return None
    return bytes(np.rint(np.clip(colors[-1, :3], 0, 1) * 255).astype(np.uint8)).hex().upper()


def colormap_of(color: str) -> Any:
    """Return the colormap from black to a color: napari's own where it has one."""
    if color in NAMED:
        return NAMED[color]
    return Colormap([[0, 0, 0], [channel / 255 for channel in bytes.fromhex(color)]], name=f"#{color.lower()}")
