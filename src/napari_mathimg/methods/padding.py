"""A block with all that its windows cover: neighbors from the block, and what an edge mode puts beyond the image."""

import math
from typing import Any

import numpy as np

from ..contract import types as t
from ..contract.edges import folded
from ..contract.operation import BlockInfo
from ..contract.reach import Neighborhood, Reach, Whole


def odd(lengths: tuple[float, ...]) -> tuple[int, ...]:
    """Return the odd numbers of pixels nearest to some lengths."""
    return tuple(2 * math.floor(length / 2) + 1 for length in lengths)


def window_reach(radius: tuple[int, ...], mode: str) -> Reach:
    """Return the reach of a window."""
    if mode == "grid-wrap":
        return Whole("a periodic boundary joins opposite edges")
    return Neighborhood(radius)


def padded_block(
    image: t.Array, info: BlockInfo, radius: tuple[int, ...], mode: str = "mirror", cval: float = 0.0
) -> t.Array:
    """Return the wanted box of a block with a margin of `radius` pixels on every side; further axes stay as they are.

    What lies beyond the image comes from the edge mode, axis by axis.
    """
    sides = [b - a + 2 * r for (a, b), r in zip(info.core, radius, strict=True)]
    out = np.empty((*sides, *image.shape[len(radius) :]), image.dtype)
    origins = [a - r for (a, _), r in zip(info.core, radius, strict=True)]
    known = [(max(c, o), min(d, o + n)) for (c, d), o, n in zip(info.read, origins, sides, strict=True)]
    here = [slice(a - o, b - o) for (a, b), o in zip(known, origins, strict=True)]
    out[tuple(here)] = image[tuple(slice(a - c, b - c) for (a, b), (c, _) in zip(known, info.read, strict=True))]
    for axis, (part, origin, n) in enumerate(zip(here, origins, info.shape, strict=True)):
        beyond = np.r_[0 : part.start, part.stop : sides[axis]]
        if not beyond.size:
            continue
        before, after = (slice(None),) * axis, here[axis + 1 :]
        if mode == "constant":
            out[(*before, beyond, *after)] = cval
        else:
            found = folded(origin + beyond, n, mode) - origin
            inside: Any = np.clip(found, part.start, part.stop - 1)
            out[(*before, beyond, *after)] = out[(*before, inside, *after)]
    return out


def embedded(image: t.Array, info: BlockInfo, core: t.Array) -> t.Array:
    """Return an array of the block's shape that holds a result in the wanted box; the rest is not asked for."""
    if core.shape == image.shape:
        return core
    out = np.zeros(image.shape, core.dtype)
    out[info.inner] = core
    return out


def volume(image: t.Array, ndim: int) -> t.Array:
    """Return a plane or a volume as (planes, rows, columns, ...)."""
    return image.reshape((1,) * (3 - ndim) + image.shape)
