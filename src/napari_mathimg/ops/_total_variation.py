"""Total variation denoising of a block: how the image is laid out, how far it sees, and its iterations."""

import math

import numpy as np

from ..kernels import total_variation as kernels
from . import _types as t
from ._operation import checkpoint
from ._reach import Neighborhood

TOGETHER = 2**21  # bytes of the slabs that iterations which follow each other work on
MOST_TOGETHER = 16
FADES = 3.6  # standard deviations


def chambolle_reach(num_iter: int, shape: tuple[int, ...]) -> Neighborhood:
    """Return how far some iterations see.

    Each but the first reaches one pixel farther, but what lies far away fades: the dual field is smoothed by
    ``tau = 1 / (2 ndim)`` at a time at most, so that after n iterations an influence has spread like a Gaussian of
    standard deviation ``sqrt(2 tau n)``.
    """
    fades = math.ceil(FADES * math.sqrt(2 * num_iter / len(shape)))
    return Neighborhood(max(min(num_iter - 1, fades), 1), exact=num_iter - 1 <= fades)


def in_slabs(image: t.Array, ndim: int) -> t.Array:
    """Return a plane or a volume, channels last or none, as (channels, slabs, rows, columns), its rows filled up."""
    planar = np.moveaxis(image.reshape(*image.shape[:ndim], -1), -1, 0)
    planar = planar[:, :, None] if ndim == 2 else planar
    out = np.zeros((*planar.shape[:-1], -(-planar.shape[-1] // kernels.PAD) * kernels.PAD), image.dtype)
    out[..., : planar.shape[-1]] = planar
    return out


def from_slabs(slabs: t.Array, image: t.Array, ndim: int) -> t.Array:
    """Return what `in_slabs` made in the image's shape."""
    return np.moveaxis(slabs[..., : image.shape[ndim - 1]], 0, -1).reshape(image.shape)


def chambolle(image: t.Array, weight: float, num_iter: int, ndim: int) -> t.Array:
    """Return a block after some iterations of Chambolle's projection, the first of which changes nothing."""
    block, end = in_slabs(image, ndim), image.shape[ndim - 1]
    number, (channels, slabs, rows, columns) = block.dtype.type, block.shape
    p = np.zeros_like(block)
    q = np.zeros_like(block) if rows > 1 else np.zeros((1,) * 4, block.dtype)
    r = np.zeros((channels, slabs, rows, columns + 1), block.dtype)
    factor = np.empty(columns, block.dtype)
    tau = 1 / (2 * ndim)
    most = min(max(1, TOGETHER // block[:, 0].nbytes), MOST_TOGETHER)
    for first in range(1, num_iter, most):
        checkpoint()
        results = np.empty((min(most, num_iter - first), 2, channels, rows, columns + 1), block.dtype)
        kernels.chambolle(block, p, q, r, end, number(tau), number(tau / weight), results, factor)
    out = np.empty((channels, slabs, rows, columns + 1), block.dtype)
    for s in range(slabs):
        kernels.divergence(block, p, q, r, s, end, out[:, s])
    return from_slabs(out, image, ndim)
