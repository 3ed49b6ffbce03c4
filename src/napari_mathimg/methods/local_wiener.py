"""The local Wiener filter, and the means and variances of windows that it uses."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.progress import checkpoint
from ..contract.reach import Neighborhood
from ..contract.types import Array
from ..kernels import window_sums
from .holes import Mask

SUMS = 2**24  # additions between two checkpoints


def filter_locally(image: Array, size: tuple[int, ...], noise: float, valid: Mask | None, level: float) -> Array:
    """Move each pixel toward the mean of its window, all the way where the window's variance is at most `noise`.

    Holes, which are not `valid`, are left out of means and variances, which are computed of differences from `level`.
    """
    mean, variance = local_moments(image, size, valid, level)
    gain = np.zeros_like(variance)
    np.divide(variance - noise, variance, out=gain, where=variance > noise)
    filtered: Array = (level + (mean + gain * (image.astype(np.float64) - level - mean))).astype(image.dtype)
    return filtered


def window_means(image: Array, size: tuple[int, ...]) -> Array:
    """Return the mean of the window of odd size around each pixel, with the image mirrored at its edges."""
    for axis, n in enumerate(size):
        if n > 1:
            image = _window_sums(image, axis, n)
    return image / math.prod(size)


def _window_sums(image: Array, axis: int, size: int) -> Array:
    """Return the sums of windows of odd size along an axis."""
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


def window_reach(size: tuple[int, ...]) -> Neighborhood:
    """Return the reach of windows of odd size."""
    return Neighborhood(tuple(n // 2 for n in size))


def check_odd(size: tuple[int, ...]) -> None:
    """Raise ValueError for windows of even size."""
    if any(n % 2 == 0 for n in size):
        raise ValueError(f"size={size}: must be odd")


def local_moments(
    image: Array, size: tuple[int, ...], valid: Mask | None, level: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean and the variance of the valid pixels around each pixel, less a level, in float64."""
    image = image.astype(np.float64) - level
    share: Any = 1.0
    if valid is not None:
        image *= valid
        share = window_means(valid.astype(np.float64), size)
        share[share == 0] = 1
    with np.errstate(over="ignore", invalid="ignore"):  # squares of values above 1e154 overflow
        mean, variance = window_means(image, size), window_means(image * image, size)
        mean /= share
        variance /= share
        variance -= mean * mean
    return mean, np.maximum(variance, 0, out=variance)
