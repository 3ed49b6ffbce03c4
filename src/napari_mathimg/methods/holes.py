"""Holes: pixels that hold no finite number. They are filled from their neighbors, or left out of weighted means."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.progress import checkpoint
from ..contract.types import Array
from ..kernels import holes as kernels
from .padding import volume

TRACE = 2.0**-30  # weight of a hole's fill: it counts only where a window holds nothing else
ROUNDS, SWEEPS = 10, 20  # of successive overrelaxation, with a checkpoint between rounds
Mask = NDArray[np.bool_]


def fill_holes(image: Array, hole: Mask, margins: tuple[int, ...]) -> Array:
    """Return a copy of a block in which holes have values of their neighbors.

    From the edge of a hole inward, ring by ring, each pixel gets the mean of its neighbors that have a value. A value
    depends on no pixel farther away than the nearest pixel outside of the hole.

    Parameters
    ----------
    image
        Block, channels last if any.
    hole
        Mask of the holes, of the shape of `image`.
    margins
        Distance along each axis up to which pixels affect the result of an operation. Neighbors lie along the axes
        where it is not 0; pixels farther inside a hole than the largest one get the value 0.
    """
    wide = image.astype(np.float32 if image.dtype.itemsize < 4 else image.dtype)
    ndim = len(margins)
    for channel in np.ndindex(image.shape[ndim:]):
        part = (..., *channel)
        pixels, mask = np.ascontiguousarray(wide[part]), np.ascontiguousarray(hole[part])
        _fill(volume(pixels, ndim), volume(mask, ndim), (0,) * (3 - ndim) + margins)
        wide[part] = pixels
    return wide.astype(image.dtype, copy=False)


def _fill(image: Array, hole: Mask, margins: tuple[int, ...]) -> None:
    """Fill the holes of (planes, rows, columns) in place."""
    holes = np.flatnonzero(hole)
    state, steps = hole.astype(np.uint8), np.minimum(margins, 1)
    image[hole] = 0
    ring = kernels.edge_of_holes(state, steps, holes)
    values, after = np.empty(holes.size, image.dtype), np.empty_like(holes)
    for _ in range(max(margins)):
        count = kernels.fill_ring(image, state, steps, ring, values, after)
        if not count:
            break
        ring = after[:count].copy()


def stretch_over_holes(image: Array, valid: Mask | None) -> Array:
    """Return an image whose filled holes are relaxed to a membrane: each pixel is the mean of its nearest neighbors."""
    if valid is None:
        return image
    relaxed = image.astype(np.float64)
    block, holes = volume(relaxed, image.ndim), np.flatnonzero(~valid)
    steps = np.minimum(np.array(block.shape) - 1, 1)
    for _ in range(ROUNDS):
        checkpoint()
        kernels.relax(block, holes, steps, SWEEPS, 1.8)
    return relaxed.astype(image.dtype)


def average_valid(average: Callable[[Array], Any], padded: Array, valid: Mask | None, window: tuple[int, ...]) -> Any:
    """Return weighted sums over windows in which holes have no weight, and the other pixels share theirs.

    This is normalized convolution [1]_. Windows without holes give the same bits as without `valid`; those of nothing
    but holes give the sums of their fills.

    Parameters
    ----------
    average
        Function that returns the sums over all windows inside of an array, with weights of at least 0.
    padded
        Pixels of all windows, holes filled.
    valid
        Mask of the pixels that are no holes; None if all are.
    window
        Shape of a window.

    References
    ----------
    .. [1] H. Knutsson and C.-F. Westin, "Normalized and differential convolution", CVPR (1993).
    """
    if valid is None:
        return average(padded)
    weight = np.where(valid, 1, TRACE).astype(padded.dtype)
    sums, weights = average(padded * weight), average(weight)
    sums *= average(np.ones(window, padded.dtype)) / weights
    return sums
