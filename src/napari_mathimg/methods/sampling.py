"""Read a block of a result through the map of a change of domain."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from ..contract.edges import MODES
from ..contract.operation import BlockInfo, ValueRange
from ..contract.reach import Gather, size
from ..contract.types import Array
from ..kernels import sampling
from .gaussian import smooth
from .maps import Separable

BAND = 2**13  # points whose coordinates are in memory at a time


def warped(image: Array, /, *, info: BlockInfo, values: ValueRange) -> Array:
    """Return what a warp makes of a block: its light is changed where the map says so, then it is sampled."""
    gather = info.reach
    assert isinstance(gather, Gather)
    if gather.correction is not None:
        image = gather.correction.change(image, info.read, values.low, values.width)
    return sample(image, info=info)


def sample(image: Array, /, *, info: BlockInfo) -> Array:
    """Sample a block, channels last where there are any, for the box `info.core` of the result."""
    gather = info.reach
    assert isinstance(gather, Gather)
    ndim = len(info.shape)
    if any(gather.smooth):
        image = smooth(image, gather.smooth, gather.mode, gather.cval)
    if gather.colors and image.ndim > ndim:
        others = image.shape[-1] - len(gather.colors)
        own = zip((*gather.colors, *(gather.source,) * others), np.split(image, image.shape[-1], -1), strict=True)
        return np.concatenate([_scattered(part, replace(gather, source=each), info) for each, part in own], axis=-1)
    if isinstance(gather.source, Separable):
        return _separable(image, gather, gather.source, info)
    return _scattered(image[..., None], gather, info)[..., 0] if image.ndim == ndim else _scattered(image, gather, info)


def _scattered(image: Array, gather: Gather, info: BlockInfo) -> Array:
    """Band by band: coordinates of a whole tile would cost more in fresh memory than in arithmetic."""
    (top, _), (left, _), ((start, stop), columns) = *info.read, info.core
    image = np.ascontiguousarray(image)
    out = np.empty((*size(info.core), image.shape[2]), image.dtype)
    kernel = {0: sampling.nearest, 1: sampling.linear, 3: sampling.cubic}[gather.order]
    mode, fill = MODES[gather.mode], _fill(gather.cval, image.dtype)
    source, target = image, out
    if gather.order == 0:  # copied bit by bit, whatever the bits mean
        bits = np.dtype(f"u{image.dtype.itemsize}")
        source, target, fill = image.view(bits), out.view(bits), fill.view(bits)
    rows = max(1, BAND // (columns[1] - columns[0]))
    for first in range(start, stop, rows):
        band = (first, min(first + rows, stop))
        yy, xx = gather.source.coordinates((band, columns))
        part = target[band[0] - start : band[1] - start]
        kernel(source, top, left, *info.shape, yy, xx, mode, fill, part)
    return out


def _separable(image: Array, gather: Gather, source: Separable, info: BlockInfo) -> Array:
    """Axis by axis, the one that shrinks most first."""
    fill = _fill(gather.cval, image.dtype)
    axes = sorted(range(len(info.shape)), key=lambda axis: -source.scale[axis])
    for axis in axes:
        (start, stop), (first, _), n = info.core[axis], info.read[axis], info.shape[axis]
        index, weight, outside = sampling.axis_taps(
            start, stop, source.scale[axis], source.offset[axis], n, gather.order, MODES[gather.mode]
        )
        image = (
            _take(image, axis, index[:, 0] - first, outside > 0, fill)
            if gather.order == 0
            else _mix(image, axis, first, index, weight, outside, fill)
        )
    return image


def _take(image: Array, axis: int, index: Array, outside: Array, fill: Any) -> Array:
    out = np.take(image, np.maximum(index, 0), axis)
    if outside.any():
        np.moveaxis(out, axis, 0)[outside] = fill
    return out


def _mix(image: Array, axis: int, first: int, index: Array, weight: Array, outside: Array, fill: Any) -> Array:
    shape, image = image.shape, np.ascontiguousarray(image)
    out = np.empty((*shape[:axis], len(index), *shape[axis + 1 :]), image.dtype)
    before, after = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    if axis == image.ndim - 1:
        sampling.resample_rows(image.reshape(before, -1), first, index, weight, outside, fill, out.reshape(before, -1))
    else:
        sampling.resample_axis(
            image.reshape(before, -1, after),
            first,
            index,
            weight,
            outside,
            fill,
            out.reshape(before, -1, after),
        )
    return out


def _fill(cval: float, dtype: np.dtype[Any]) -> Any:
    """The fill value as a dtype holds it."""
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        cval = min(max(round(cval), int(info.min)), int(info.max))
    with np.errstate(over="ignore"):
        return dtype.type(cval)
