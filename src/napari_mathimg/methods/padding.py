"""Padding of blocks for windows: with neighbors inside of the image, and by an edge mode beyond it."""

import math
from typing import Any

import numpy as np

from ..contract import types as t
from ..contract.edges import folded
from ..contract.operation import BlockInfo
from ..contract.reach import Neighborhood, Reach, Whole


def nearest_odd(lengths: tuple[float, ...]) -> tuple[int, ...]:
    """Return the odd number of pixels nearest to each length; the higher one for an even length."""
    return tuple(2 * math.floor(length / 2) + 1 for length in lengths)


def window_reach(radius: tuple[int, ...], mode: str) -> Reach:
    """Return the reach of a window that extends `radius` pixels to each side, under an edge mode."""
    if mode == "grid-wrap":
        return Whole("a periodic boundary joins opposite edges", beyond=radius)
    return Neighborhood(radius, beyond=radius)


def padded_block(
    image: t.Array, info: BlockInfo, radius: tuple[int, ...], mode: str = "mirror", cval: float = 0.0,
    level: float = 0.0,
) -> t.Array:  # fmt: skip
    """Return the wanted box of a block less a level, padded by `radius` pixels on every side but not on further axes.

    Pixels beyond the image are filled by the edge mode, axis by axis.
    """
    sides = [b - a + 2 * r for (a, b), r in zip(info.core, radius, strict=True)]
    out = np.empty((*sides, *image.shape[len(radius) :]), image.dtype)
    origins = [a - r for (a, _), r in zip(info.core, radius, strict=True)]
    known = [(max(c, o), min(d, o + n)) for (c, d), o, n in zip(info.read, origins, sides, strict=True)]
    inside = [slice(a - o, b - o) for (a, b), o in zip(known, origins, strict=True)]
    pixels = image[tuple(slice(a - c, b - c) for (a, b), (c, _) in zip(known, info.read, strict=True))]
    if level:
        np.subtract(pixels, image.dtype.type(level), out=out[tuple(inside)])
    else:
        out[tuple(inside)] = pixels
    for axis, (part, origin, n) in enumerate(zip(inside, origins, info.shape, strict=True)):
        beyond = np.r_[0 : part.start, part.stop : sides[axis]]
        if not beyond.size:
            continue
        before, after = (slice(None),) * axis, inside[axis + 1 :]
        if mode == "constant":
            out[(*before, beyond, *after)] = cval - level
        else:
            source: Any = np.clip(folded(origin + beyond, n, mode) - origin, part.start, part.stop - 1)
            out[(*before, beyond, *after)] = out[(*before, source, *after)]
    return out


def embedded(image: t.Array, info: BlockInfo, core: t.Array) -> t.Array:
    """Return an array of the block's shape with a result in its wanted box; the engine ignores the rest."""
    if core.shape == image.shape:
        return core
    out = np.zeros(image.shape, core.dtype)
    out[info.inner] = core
    return out


def volume(image: t.Array, ndim: int) -> t.Array:
    """Return a view of a plane or a volume of `ndim` axes as (planes, rows, columns, ...)."""
    return image.reshape((1,) * (3 - ndim) + image.shape)
