"""Sampling of a block through the map of a geometric transformation."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from ..contract.edges import MODES
from ..contract.operation import BlockInfo, ValueRange
from ..contract.progress import checkpoint
from ..contract.reach import Gather, Spacing, size
from ..contract.types import Array
from ..kernels import sampling
from .gaussian import smooth
from .maps import Separable

BAND = 2**13  # points whose coordinates are in memory at the same time


def warped(image: Array, /, *, info: BlockInfo, values: ValueRange, spacing: Spacing) -> Array:
    """Return a block warped by its map, after the correction of its light, if the map has one."""
    gather = info.reach
    assert isinstance(gather, Gather)
    if gather.correction is not None:
        image = gather.correction.change(image, info.read, values.low, values.width)
    return sample(image, info=info, spacing=spacing)


def sample(image: Array, /, *, info: BlockInfo, spacing: Spacing | None = None) -> Array:
    """Return the box `info.core` of the result, sampled from a block, channels last if there are any.

    With a spacing, every n-th pixel of the box.
    """
    gather = info.reach
    assert isinstance(gather, Gather)
    ndim = len(info.shape)
    every = spacing or (1,) * ndim
    if any(gather.smooth):
        image = smooth(image, gather.smooth, gather.mode, gather.cval)
    if gather.colors and image.ndim > ndim:
        others = image.shape[-1] - len(gather.colors)
        channels = zip((*gather.colors, *(gather.source,) * others), np.split(image, image.shape[-1], -1), strict=True)
        sampled = [
            _sample_scattered(channel, replace(gather, source=source), info, every) for source, channel in channels
        ]
        return np.concatenate(sampled, axis=-1)
    if isinstance(gather.source, Separable):
        return _sample_separable(image, gather, gather.source, info, every)
    if image.ndim == ndim:
        return _sample_scattered(image[..., None], gather, info, every)[..., 0]
    return _sample_scattered(image, gather, info, every)


def _sample_scattered(image: Array, gather: Gather, info: BlockInfo, every: Spacing) -> Array:
    """Sample in bands of rows, because allocating the coordinates of a whole tile takes longer than computing them."""
    (top, _), (left, _), ((start, stop), columns) = *info.read, info.core
    image = np.ascontiguousarray(image)
    out = np.empty((*size(info.core, every), image.shape[2]), image.dtype)
    kernel = {0: sampling.nearest, 1: sampling.linear, 3: sampling.cubic}[gather.order]
    mode, fill = MODES[gather.mode], _fill(gather.cval, image.dtype)
    source, target = image, out
    if gather.order == 0:  # one kernel per item size copies the bits of every type
        bits = np.dtype(f"u{image.dtype.itemsize}")
        source, target, fill = image.view(bits), out.view(bits), fill.view(bits)
    rows = max(1, BAND // out.shape[1])
    for first in range(0, len(out), rows):
        checkpoint()
        part = target[first : first + rows]
        band = (start + first * every[0], min(start + (first + len(part)) * every[0], stop))
        yy, xx = gather.source.coordinates((band, columns), every)
        kernel(source, top, left, *info.shape, yy, xx, mode, fill, part)
    return out


def _sample_separable(image: Array, gather: Gather, source: Separable, info: BlockInfo, every: Spacing) -> Array:
    """Sample axis by axis, beginning with the one that shrinks most."""
    fill = _fill(gather.cval, image.dtype)
    axes = sorted(range(len(info.shape)), key=lambda axis: -source.scale[axis])
    for axis in axes:
        (start, stop), (first, _), n = info.core[axis], info.read[axis], info.shape[axis]
        index, weight, outside = sampling.axis_taps(
            start, stop, every[axis], source.scale[axis], source.offset[axis], n, gather.order, MODES[gather.mode]
        )
        image = (
            _take_pixels(image, axis, index[:, 0] - first, outside > 0, fill)
            if gather.order == 0
            else _interpolate(image, axis, first, index, weight, outside, fill)
        )
    return image


def _take_pixels(image: Array, axis: int, index: Array, outside: Array, fill: Any) -> Array:
    """Return the pixels at some indices of an axis, and the fill value where `outside` is set."""
    out = np.take(image, np.maximum(index, 0), axis)
    if outside.any():
        np.moveaxis(out, axis, 0)[outside] = fill
    return out


def _interpolate(image: Array, axis: int, first: int, index: Array, weight: Array, outside: Array, fill: Any) -> Array:
    """Return an axis resampled with the taps of the kernel `axis_taps`; the block begins at index `first`."""
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
    """Return the fill value in a type, rounded and clipped for integers."""
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        cval = min(max(round(cval), int(info.min)), int(info.max))
    with np.errstate(over="ignore"):
        return dtype.type(cval)
