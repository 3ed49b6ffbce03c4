"""Means and variances of windows, part by part, so that they can be canceled."""

import math

import numpy as np
from numpy.typing import NDArray

from ..contract.operation import BlockInfo
from ..contract.progress import checkpoint
from ..contract.reach import Neighborhood
from ..contract.types import Array
from ..kernels import counting, window_sums
from .exact_sums import exact_sum

SUMS = 2**24  # additions between two checkpoints


def window_means(image: Array, size: tuple[int, ...]) -> Array:
    """Return the mean of the window of odd size around each pixel, the image mirrored at its edges."""
    for axis, n in enumerate(size):
        if n > 1:
            image = _sums_along(image, axis, n)
    return image / math.prod(size)


def _sums_along(image: Array, axis: int, size: int) -> Array:
    out = np.empty_like(image)
    before, n, after = math.prod(image.shape[:axis]), image.shape[axis], math.prod(image.shape[axis + 1 :])
    is_last = axis == image.ndim - 1
    lines = before if is_last else before * n
    step = max(1, SUMS // (size * (n if is_last else after)))
    extended = np.empty(n + size - 1, image.dtype)
    for first in range(0, lines, step):
        checkpoint()
        part = (size, first, min(first + step, lines))
        if is_last:
            window_sums.add_rows(image.reshape(before, n), *part, extended, out.reshape(before, n))
        else:
            window_sums.add_lines(image.reshape(before, n, after), *part, out.reshape(before, n, after))
    return out


def statistics_reach(size: tuple[int, ...]) -> Neighborhood:
    """Return the reach of windows of odd size."""
    return Neighborhood(tuple(n // 2 for n in size))


def check_odd(size: tuple[int, ...]) -> None:
    """Refuse windows that have no middle."""
    if any(n % 2 == 0 for n in size):
        raise ValueError(f"size={size}: odd numbers, so that a window has a middle")


def local_moments(image: Array, size: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean and the variance of the window around each pixel, in float64 lest their difference vanish."""
    wide = image.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # beyond 1e154 the mean is all that is known
        mean, variance = window_means(wide, size), window_means(wide * wide, size)
        variance -= mean * mean
    return mean, np.maximum(variance, 0, out=variance)


def add_variances(image: Array, info: BlockInfo, valid: Array | None, size: tuple[int, ...]) -> tuple[Array, ...]:
    """Add up the variances of the windows around a tile's pixels, without rounding."""
    _, variance = local_moments(image, size)
    mine = variance[info.inner].reshape(-1) if valid is None else variance[info.inner][valid[info.inner]]
    sums = np.zeros((2, 2048), np.int64)
    counting.add_exactly(mine, sums)
    return sums, np.array(mine.size)


def mean_variance(counted: tuple[Array, ...]) -> float:
    """Return the mean of the windows' variances."""
    sums, size = counted
    return exact_sum(sums) / max(int(size), 1)
