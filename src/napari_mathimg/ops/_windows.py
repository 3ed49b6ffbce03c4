"""Means over windows, part by part, so that they can be cancelled."""

import math

import numpy as np

from ..kernels import windows
from ._operation import checkpoint
from ._types import Array

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
            windows.add_rows(image.reshape(before, n), *part, extended, out.reshape(before, n))
        else:
            windows.add_lines(image.reshape(before, n, after), *part, out.reshape(before, n, after))
    return out
